"""
State table V: how a verification moves, on the side that asks and on the side that is asked.

Rule 1: every transition is a row below; ``docs/decisions/0006-state-table-v.md`` says how the table was closed.
Rule 2: every open state has a row to FROZEN, brought by anyone who may freeze, without a guard.
Rule 3: no row is triggered by silence, and none leads from a verification to a return.
Rule 4: nothing turns NOT_FOUND into NOT_NATIONAL; a second look is a new reply, signed anew.
"""

from gateway.core.case import HELD, Case, State
from gateway.core.machine import KEEP, LEARN, LET_GO, STAY, Row
from gateway.core.machine import PARTNER as PARTNER
from gateway.core.machine import rows_of as _rows
from gateway.core.messages import TYPES

S = State

GATEWAY = "gateway"
"""Role of this gateway acting on a clock, a receipt or a retention timer."""
STOP = "stop"
"""Role of this gateway holding a case because another of the same person is stopped; no person can have it."""

OFFICER = frozenset({"case_officer", "liaison_officer"})
LIAISON = frozenset({"liaison_officer"})
CLERK = frozenset({"registry_clerk", "desk_head"})
_PROTECTING = {"person", "guardian", "lawyer", "child_welfare", "asylum_authority", "court", "dpo", STOP}
MAY_FREEZE = OFFICER | _PROTECTING | CLERK
"""Everyone who may stop a case at once. Officers too: an ordinary withdrawal passes FROZEN like any other."""
MAY_TELL_APART = OFFICER | {"child_welfare", "asylum_authority"}
"""Roles that may say that two cases are about two persons; two different persons, never one."""
DECLINES = OFFICER | {"person", "guardian", "lawyer", "child_welfare"}
"""Who may say no to an interview: everyone who speaks for the person."""
_GATEWAY = frozenset({GATEWAY})
_PARTNER = frozenset({PARTNER})
ATTESTS = frozenset({"asylum_authority"})
IN_CHARGE = frozenset({"child_welfare", "coordinator"})
"""The authorities in charge of a person: child welfare for a minor, the referral mechanism for an adult."""

WITHDRAWAL_BODY = '{"code":"WITHDRAWN_NO_REASON"}'
"""The only withdrawal there is, byte for byte, whatever the reason."""

TERMINAL = frozenset({S.ERASED})

OPEN_REQUESTING = (
    S.DRAFT,
    S.CLEARED,
    S.SENT,
    S.NOT_ACCEPTED,
    S.DELIVERED,
    S.ACKNOWLEDGED,
    S.EXTENDED,
    S.NEEDS_TIER2,
    S.NEEDS_INTERVIEW,
    S.REDIRECTED,
    S.REPLIED,
    S.CONTESTED,
)
OPEN_REQUESTED = (
    S.RECEIVED,
    S.ACKNOWLEDGED,
    S.EXTENDED,
    S.NEEDS_TIER2,
    S.NEEDS_INTERVIEW,
    S.REDIRECTED,
    S.REPLIED,
    S.CONTESTED,
)
WORKING = (S.ACKNOWLEDGED, S.EXTENDED, S.CONTESTED)
"""States in which the requested side works on an answer."""
ANSWERING = (*WORKING, S.NEEDS_TIER2, S.NEEDS_INTERVIEW)
"""States in which the requested side may answer: one whose question stays unanswered still owes a reply."""
WAITING = (S.DELIVERED, S.ACKNOWLEDGED, S.EXTENDED, S.NEEDS_TIER2, S.NEEDS_INTERVIEW, S.CONTESTED)
"""States in which the requesting side waits for the other, which has taken the request in hand or is to."""
AWAITED = (*WAITING, S.REDIRECTED)
"""States in which the other State owes an answer, and may be reminded: it pointed to one of its own authorities."""
RECORDED = (S.FROZEN, S.WITHDRAWN, S.CLOSED, S.BLOCKED)
"""States in which the national record can be set right although the case itself stands still."""
CALLED_OR_AWAY = (S.DEPARTED, S.HANDED_OVER, S.MONITORING, S.RECALL)
"""
States of who has left, or was called back since: nothing of hers can be held but what is said of her, and of her record
nothing but the guardian is set right.
"""

_AFTERLIFE = (
    Row(S.CLOSED, "block", S.BLOCKED, _GATEWAY, ("retention_over",), "retention timer"),
    Row(S.BLOCKED, "erase", S.ERASED, _GATEWAY, ("retention_over",), "erased key id"),
)

_AMEND = ("never_posted_or_refused", "indication_stands", "age_stands")
_BACK = ("two_persons", "same_bytes")
_APPROVE = (*_BACK, "not_sent_back", "minimised", "rules_approve")
_SEND = ("approved", "minimised", "rules_send")
_AGREE = (*_BACK, "not_sent_back", "rules_approve")
_INTERVIEW = ("approved", "interview_consented", "rules_send")
_LIMIT = ("interview_allowed",)
_UNAWAITED = ("nobody_awaited",)
_PRESS = ("overdue", "rules_remind", "within_bound")
SAID = (
    *("acknowledgement", "redirection", "question", "interview", "interview_result"),
    *("delay", "extension", "reply"),
)
"""What the asked State says in a verification."""
BOUNDED = ("within_bound",)
BOUNDS = {"delay": BOUNDED, "extension": BOUNDED}
"""What of it is bounded wherever a thread takes it."""
_LEFT_OVER = (S.REDIRECTED, S.REPLIED, S.WITHDRAWN, S.CLOSED, S.BLOCKED)
"""States in which a message of ours about data that was sent may still be under way."""

REQUESTING_ROWS: tuple[Row, ...] = (
    *_rows((S.DRAFT, S.CLEARED, S.NOT_ACCEPTED), "amend", S.DRAFT, OFFICER, _AMEND, "new draft"),
    Row(S.DRAFT, "approve", S.CLEARED, LIAISON, _APPROVE, "approval statement"),
    # Who should approve it and finds it wrong says so; the drafter changes it where it lies.
    *_rows((S.DRAFT, S.NEEDS_TIER2, S.NEEDS_INTERVIEW), "send_back", STAY, LIAISON, _BACK, "statement with a reason"),
    Row(S.CLEARED, "send", S.SENT, OFFICER, _SEND, "sealed envelope id"),
    # A remark is read by a machine and confirmed by a person before it is part of any body (docs/rules.md, REM-3).
    *_rows((S.DRAFT, S.CLEARED, S.NOT_ACCEPTED), "remark", S.DRAFT, OFFICER, ("indication_stands",), "digest"),
    Row(S.NEEDS_TIER2, "remark", STAY, OFFICER, ("indication_stands",), "digest"),
    *_rows((S.DRAFT, S.NEEDS_TIER2), "confirm_remark", STAY, OFFICER, ("remark_stands",), "digest of the remark"),
    # Of what was never accepted here the other State may hold more than we do since a restore (V-45).
    *_rows((S.DRAFT, S.CLEARED, S.NOT_ACCEPTED), "discard", S.CLOSED, OFFICER | _GATEWAY, _UNAWAITED, "event"),
    # What the transport learns.
    Row(S.SENT, "receipt", S.DELIVERED, _GATEWAY, evidence="signed receipt"),
    Row(S.SENT, "not_accepted", S.NOT_ACCEPTED, _GATEWAY, evidence="signed refusal or final problem"),
    *_rows(
        (S.SENT, *WAITING, S.REDIRECTED, S.REPLIED),
        "undelivered",
        S.UNDELIVERED,
        _GATEWAY,
        evidence="expiry without receipt",
    ),
    *_rows((*WAITING, *_LEFT_OVER), "receipt", STAY, _GATEWAY, evidence="signed receipt"),
    *_rows((*WAITING, *_LEFT_OVER), "not_accepted", STAY, _GATEWAY, evidence="signed refusal or listing"),
    *_rows((S.WITHDRAWN, S.CLOSED, S.BLOCKED), "undelivered", STAY, _GATEWAY, evidence="expiry without receipt"),
    *_rows(HELD, "receipt", LEARN, _GATEWAY, evidence="signed receipt"),
    *_rows(HELD, "not_accepted", LEARN, _GATEWAY, evidence="signed refusal or listing"),
    *_rows(HELD, "undelivered", LEARN, _GATEWAY, evidence="expiry without receipt"),
    # What the requested State says.
    *_rows((S.SENT, S.DELIVERED, S.REDIRECTED), "acknowledgement", S.ACKNOWLEDGED, _PARTNER, evidence="message"),
    *_rows((S.SENT, S.DELIVERED), "redirection", S.REDIRECTED, _PARTNER, ("in_directory",), "message"),
    *_rows((S.ACKNOWLEDGED, S.EXTENDED, S.CONTESTED), "question", S.NEEDS_TIER2, _PARTNER, evidence="message"),
    *_rows((S.ACKNOWLEDGED, S.EXTENDED, S.CONTESTED), "interview", S.NEEDS_INTERVIEW, _PARTNER, _LIMIT, "message"),
    *_rows((*WORKING, S.NEEDS_TIER2), "interview_result", STAY, _PARTNER, ("interview_agreed",), "message"),
    *_rows((*WORKING, S.NEEDS_TIER2, S.NEEDS_INTERVIEW), "delay", STAY, _PARTNER, BOUNDED, "message"),
    *_rows((S.ACKNOWLEDGED, S.EXTENDED), "extension", S.EXTENDED, _PARTNER, ("within_cap", *BOUNDED), "message"),
    *_rows(ANSWERING, "reply", S.REPLIED, _PARTNER, ("rules_receive", "attested"), "signed reply"),
    # A message of ours that was never receipted ends what we may say, not what we may hear: a reply is never lost.
    *_rows((S.UNDELIVERED,), "reply", S.REPLIED, _PARTNER, ("rules_receive", "attested"), "signed reply"),
    *(Row(S.UNDELIVERED, name, STAY, _PARTNER, BOUNDS.get(name, ()), "message") for name in SAID if name != "reply"),
    # What the requesting desk does next.
    *_rows((S.NEEDS_TIER2, S.NEEDS_INTERVIEW), "prepare", STAY, OFFICER, ("rules_compose",), "body digest"),
    # An image is brought in when it is asked for, and need not lie here before.
    Row(S.NEEDS_TIER2, "attach", STAY, OFFICER, evidence="digest of the image"),
    Row(S.NEEDS_TIER2, "approve", STAY, LIAISON, _APPROVE, "approval statement"),
    Row(S.NEEDS_TIER2, "send", S.ACKNOWLEDGED, OFFICER, _SEND, "sealed envelope id"),
    # An interview needs the person's consent and a representative there; saying no to one needs nothing (4.5).
    Row(S.NEEDS_INTERVIEW, "approve", STAY, LIAISON, _AGREE, "approval statement"),
    Row(S.NEEDS_INTERVIEW, "interview_answer", S.ACKNOWLEDGED, OFFICER, _INTERVIEW, "sealed envelope id"),
    Row(S.NEEDS_INTERVIEW, "decline_interview", S.ACKNOWLEDGED, DECLINES, ("rules_send",), "message"),
    Row(S.REPLIED, "contest", S.CONTESTED, OFFICER | {"person", "guardian"}, ("contest_once", "rules_send"), "message"),
    *_rows(AWAITED, "remind", STAY, OFFICER | {"foreign_affairs"} | _GATEWAY, _PRESS, "reminder"),
    # Also where a reply is all that came: after a restore the other State may hold a proposal that we forgot (V-45).
    *_rows((S.REPLIED, S.UNDELIVERED, S.REDIRECTED), "close", S.CLOSED, OFFICER | _GATEWAY, _UNAWAITED, "event"),
    # The other State may have closed before the second look was asked for; the first reply then stands.
    Row(S.CONTESTED, "close", S.CLOSED, OFFICER, _UNAWAITED, "event"),
    # Stop, at any time; and the two ways on.
    # UNDELIVERED too: the other State may hold what it never receipted, and then a withdrawal must be able to follow.
    *_rows((*OPEN_REQUESTING, S.SUSPENDED, S.UNDELIVERED), "freeze", S.FROZEN, MAY_FREEZE, evidence="sealed reason"),
    *_rows((*WAITING, S.REPLIED), "suspend", S.SUSPENDED, OFFICER, evidence="event"),
    Row(S.SUSPENDED, "close", S.CLOSED, OFFICER, _UNAWAITED, "event"),
    Row(S.FROZEN, "freeze", STAY, MAY_FREEZE, evidence="sealed reason"),
    Row(S.FROZEN, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who froze"),
    Row(S.FROZEN, "propose_resume", STAY, OFFICER, ("released",), "event"),
    Row(S.FROZEN, "resume", LET_GO, LIAISON, ("released", "second_person", "rules_resume"), "event"),
    Row(S.FROZEN, "withdraw", S.WITHDRAWN, MAY_FREEZE, evidence="neutral withdrawal"),
    # No guard here: the row of the state to resume in decides, with its guards, so the partner sees no difference.
    *(row for name in SAID for row in _rows(HELD, name, KEEP, _PARTNER, (), "message")),
    # No guard here either: closed and withdrawn answer alike. What was closed and not withdrawn keeps its first reply.
    *(
        row
        for name in SAID
        for row in _rows((S.WITHDRAWN, S.CLOSED), name, STAY, _PARTNER, BOUNDS.get(name, ()), "body not kept")
    ),
    Row(S.WITHDRAWN, "freeze", STAY, MAY_FREEZE, evidence="sealed reason"),
    Row(S.WITHDRAWN, "close", S.CLOSED, OFFICER | _GATEWAY, evidence="event"),
    # A stop holds for the person in every case, so the record it rests on can be set right where nothing else moves.
    *_rows(RECORDED, "correct", STAY, OFFICER | ATTESTS, ("indication_stands",), "new elements"),
    *_rows(RECORDED, "attest", STAY, ATTESTS, evidence="new attestation"),
    *_rows(RECORDED, "restate", STAY, IN_CHARGE, ("restates",), "age and guardian as they stood"),
    # Nobody can stop the case of who has left; who must not read of her any more is taken off it all the same.
    *_rows(CALLED_OR_AWAY, "restate", STAY, IN_CHARGE, ("restates",), "guardian as it stood"),
    # Who withdraws or closes a case lifts no stop of it, and what that authority holds holds the person's others.
    *_rows((S.WITHDRAWN, S.CLOSED, S.BLOCKED), "release", STAY, ATTESTS, ("same_freezer",), "release by who froze"),
    *_AFTERLIFE,
)

UNANSWERED_BY = ("reply_not_accepted", "second_reply_not_accepted")
"""Events by which a reply of ours is none: the first one, and the one to a contest."""

_ANSWER = ("prepared", "countersigned", "attested", "rules_send")
_LEARNT = ("receipt", "not_accepted", *UNANSWERED_BY, "extension_not_accepted", "undelivered")
_HEARD = ("elements", "interview_answer", "contest", "reminder")

REQUESTED_ROWS: tuple[Row, ...] = (
    # What the requesting State says.
    *_rows((S.NEEDS_TIER2,), "elements", S.ACKNOWLEDGED, _PARTNER, ("rules_receive",), "message"),
    Row(S.NEEDS_INTERVIEW, "interview_answer", S.ACKNOWLEDGED, _PARTNER, evidence="message"),
    # An answer of ours that never left, or was refused, takes back no question that was heard before it.
    *_rows(WORKING, "elements", STAY, _PARTNER, ("asked_still", "rules_receive"), "message"),
    *_rows(WORKING, "interview_answer", STAY, _PARTNER, ("asked_still",), "message"),
    Row(S.REPLIED, "contest", S.CONTESTED, _PARTNER, ("contest_once",), "message"),
    *_rows(OPEN_REQUESTED, "reminder", STAY, _PARTNER, BOUNDED),
    *_rows((*OPEN_REQUESTED, S.UNDELIVERED), "withdrawal", S.WITHDRAWN, _PARTNER, (), "message"),
    # Who has left is not withdrawn (M-5.34), also where word of the departure came while the case was stopped.
    *_rows(HELD, "withdrawal", S.WITHDRAWN, _PARTNER, ("taken_there",), "message"),
    *_rows((S.CLOSED, S.BLOCKED, S.WITHDRAWN), "withdrawal", STAY, _PARTNER, (), "message"),
    # A message that crossed a freeze of ours is kept for when the case goes on; the state to resume in decides on it.
    *(row for name in _HEARD for row in _rows(HELD, name, KEEP, _PARTNER, (), "message")),
    # What the requested desk does.
    # The authority that was pointed to is one of the same State, and takes the request up where it lies.
    *_rows((S.RECEIVED, S.REDIRECTED), "acknowledge", S.ACKNOWLEDGED, CLERK, evidence="message"),
    Row(S.RECEIVED, "redirect", S.REDIRECTED, CLERK, evidence="message"),
    *_rows(WORKING, "ask", S.NEEDS_TIER2, CLERK, evidence="message"),
    *_rows(WORKING, "ask_interview", S.NEEDS_INTERVIEW, CLERK, _LIMIT, "message"),
    *_rows((*WORKING, S.NEEDS_TIER2), "report_interview", STAY, CLERK, ("interview_agreed",), "message"),
    *_rows((*WORKING, S.NEEDS_TIER2, S.NEEDS_INTERVIEW), "notify_delay", STAY, CLERK, BOUNDED, "message"),
    *_rows(
        (S.ACKNOWLEDGED, S.EXTENDED), "extend", S.EXTENDED, CLERK, ("before_due", "within_cap", *BOUNDED), "message"
    ),
    *_rows(ANSWERING, "prepare", STAY, CLERK, ("rules_compose", "attested"), "body digest"),
    *_rows(ANSWERING, "countersign", STAY, frozenset({"second_signer"}), ("two_persons", "same_bytes"), "statement"),
    *_rows(ANSWERING, "answer", S.REPLIED, CLERK, _ANSWER, "signed reply"),
    # What the transport learns.
    # What takes data back is said in a thread that had ended, too (M-5.10).
    *_rows((*OPEN_REQUESTED, S.UNDELIVERED, S.WITHDRAWN, S.CLOSED, S.BLOCKED), "receipt", STAY, _GATEWAY),
    *_rows((*OPEN_REQUESTED, S.UNDELIVERED, S.WITHDRAWN, S.CLOSED, S.BLOCKED), "not_accepted", STAY, _GATEWAY),
    *(row for name in _LEARNT for row in _rows(HELD, name, LEARN, _GATEWAY)),
    # A reply that was refused is no reply: the desk answers again, the first time or once it was contested.
    Row(S.REPLIED, "reply_not_accepted", S.ACKNOWLEDGED, _GATEWAY, evidence="signed refusal or listing"),
    Row(S.REPLIED, "second_reply_not_accepted", S.CONTESTED, _GATEWAY, evidence="signed refusal or listing"),
    *(
        row
        for name in UNANSWERED_BY
        for row in _rows(
            (*ANSWERING, S.WITHDRAWN, S.CLOSED, S.BLOCKED), name, STAY, _GATEWAY, evidence="signed refusal or listing"
        )
    ),
    # An extension that was refused is none: the time is over when it would have been.
    Row(S.EXTENDED, "extension_not_accepted", S.ACKNOWLEDGED, _GATEWAY, evidence="signed refusal or listing"),
    *_rows(
        (S.ACKNOWLEDGED, S.NEEDS_TIER2, S.NEEDS_INTERVIEW, S.REPLIED, S.WITHDRAWN, S.CLOSED, S.BLOCKED),
        "extension_not_accepted",
        STAY,
        _GATEWAY,
        evidence="signed refusal or listing",
    ),
    *_rows(OPEN_REQUESTED, "undelivered", S.UNDELIVERED, _GATEWAY, evidence="expiry without receipt"),
    *_rows((S.UNDELIVERED, S.WITHDRAWN, S.CLOSED, S.BLOCKED), "undelivered", STAY, _GATEWAY),
    # Stop and go on. Where a message of ours was lost too: somebody may be on the way by what was said before.
    *_rows((*OPEN_REQUESTED, S.SUSPENDED, S.UNDELIVERED), "freeze", S.FROZEN, MAY_FREEZE, evidence="sealed reason"),
    *_rows((S.ACKNOWLEDGED, S.EXTENDED, S.NEEDS_TIER2, S.CONTESTED), "suspend", S.SUSPENDED, CLERK),
    # Who has left meanwhile is awaited: a stop that crossed the departure is not put away with the case.
    Row(S.SUSPENDED, "close", S.CLOSED, CLERK, ("answered", "nobody_left")),
    Row(S.FROZEN, "freeze", STAY, MAY_FREEZE, evidence="sealed reason"),
    Row(S.FROZEN, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who froze"),
    Row(S.FROZEN, "propose_resume", STAY, CLERK, ("released",)),
    Row(S.FROZEN, "resume", LET_GO, CLERK, ("released", "second_person")),
    # What was pointed to another authority is not closed: it lies here until that one takes it up, or it is withdrawn.
    *_rows((S.REPLIED, S.WITHDRAWN, S.UNDELIVERED), "close", S.CLOSED, CLERK | _GATEWAY),
    *_AFTERLIFE,
)


def unanswered_by(case: Case) -> str:
    """Return the event by which the last reply of ``case`` is none, which goes back to where it was asked for."""
    return UNANSWERED_BY[case.contests > 0]


def undo_state(dropped: tuple[str, ...]) -> str | None:
    """
    Return the state a case goes back to when the messages of types ``dropped`` never left, or ``None``.

    The earliest dropped message decides: what followed it followed from it.
    """
    return next((undo for type in dropped if (undo := TYPES[type].undo)), None)
