"""
State table V: how a verification moves, on the side that asks and on the side that is asked.

Rule 1: every transition is a row below; ``docs/decisions/0006-state-table-v.md`` says how the table was closed.
Rule 2: every open state has a row to FROZEN, brought by anyone who may freeze, without a guard.
Rule 3: no row is triggered by silence, and none leads from a verification to a return.
Rule 4: nothing turns NOT_FOUND into NOT_NATIONAL; a second look is a new reply, signed anew.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.core.attachments import drawn
from gateway.core.case import Case, Pending, Side, State, is_guest
from gateway.core.deadlines import shorten_clock
from gateway.core.elements import element_findings
from gateway.core.machine import (
    KEEP,
    LEARN,
    RESUME,
    STAY,
    Apply,
    DropUnsent,
    Effect,
    EndThread,
    Event,
    Guard,
    IllegalStep,
    Notify,
    Row,
    Send,
)
from gateway.core.machine import PARTNER as PARTNER
from gateway.core.machine import rows_of as _rows
from gateway.core.messages import (
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    CONTEST,
    DELAY,
    DOCUMENT_REQUEST,
    INTERVIEW,
    INTERVIEW_ANSWER,
    INTERVIEW_METHOD,
    INTERVIEW_RESULT,
    NEGATIVE_OUTCOMES,
    QUESTION,
    REDIRECT,
    REMINDER,
    REPLY,
    REQUEST,
    TYPES,
    WITHDRAWAL,
    may_interview,
)
from gateway.core.minimise import disclose
from gateway.core.remark import FURTHER_REMARK, is_confirmed, is_shortened
from gateway.core.rules import Finding, When, findings, is_decided, treat_as_minor
from schemas import ijson

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
DECLINES = OFFICER | {"person", "guardian", "lawyer", "child_welfare"}
"""Who may say no to an interview: everyone who speaks for the person."""
_GATEWAY = frozenset({GATEWAY})
_PARTNER = frozenset({PARTNER})
_ATTESTS = frozenset({"asylum_authority"})

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
"""States in which the requesting side waits for the other, and may remind."""
RECORDED = (S.FROZEN, S.WITHDRAWN, S.CLOSED, S.BLOCKED)
"""States in which the national record can be set right although the case itself stands still."""
HELD = (S.FROZEN, S.SUSPENDED)
"""States that stop our own acts. What arrives moves the state the case will resume in, so no partner can tell."""


_AFTERLIFE = (
    Row(S.CLOSED, "block", S.BLOCKED, _GATEWAY, ("retention_over",), "retention timer"),
    Row(S.BLOCKED, "erase", S.ERASED, _GATEWAY, ("retention_over",), "erased key id"),
)

_AMEND = ("never_posted_or_refused", "indication_stands", "age_stands")
_APPROVE = ("two_persons", "same_bytes", "minimised", "rules_approve")
_SEND = ("approved", "minimised", "rules_send")
_AGREE = ("two_persons", "same_bytes", "rules_approve")
_INTERVIEW = ("approved", "interview_consented", "rules_send")
_LIMIT = ("interview_allowed",)
_SAID = (
    *("acknowledgement", "redirection", "question", "interview", "interview_result"),
    *("delay", "extension", "reply"),
)
_LEFT_OVER = (S.REDIRECTED, S.REPLIED, S.WITHDRAWN, S.CLOSED, S.BLOCKED)
"""States in which a message of ours about data that was sent may still be under way."""

REQUESTING_ROWS: tuple[Row, ...] = (
    *_rows((S.DRAFT, S.CLEARED, S.NOT_ACCEPTED), "amend", S.DRAFT, OFFICER, _AMEND, "new draft"),
    Row(S.DRAFT, "approve", S.CLEARED, LIAISON, _APPROVE, "approval statement"),
    Row(S.CLEARED, "send", S.SENT, OFFICER, _SEND, "sealed envelope id"),
    # A remark is read by a machine and confirmed by a person before it is part of any body (docs/rules.md, REM-3).
    *_rows((S.DRAFT, S.CLEARED, S.NOT_ACCEPTED), "remark", S.DRAFT, OFFICER, ("indication_stands",), "digest"),
    Row(S.NEEDS_TIER2, "remark", STAY, OFFICER, ("indication_stands",), "digest"),
    *_rows((S.DRAFT, S.NEEDS_TIER2), "confirm_remark", STAY, OFFICER, ("remark_stands",), "digest of the remark"),
    *_rows((S.DRAFT, S.CLEARED, S.NOT_ACCEPTED), "discard", S.CLOSED, OFFICER, evidence="event"),
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
    *_rows((*WORKING, S.NEEDS_TIER2, S.NEEDS_INTERVIEW), "delay", STAY, _PARTNER, evidence="message"),
    *_rows((S.ACKNOWLEDGED, S.EXTENDED), "extension", S.EXTENDED, _PARTNER, ("within_cap",), "message"),
    *_rows(ANSWERING, "reply", S.REPLIED, _PARTNER, ("rules_receive", "attested"), "signed reply"),
    # A message of ours that was never receipted ends what we may say, not what we may hear: a reply is never lost.
    *_rows((S.UNDELIVERED,), "reply", S.REPLIED, _PARTNER, ("rules_receive", "attested"), "signed reply"),
    *(Row(S.UNDELIVERED, name, STAY, _PARTNER, (), "message") for name in _SAID if name != "reply"),
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
    *_rows(WAITING, "remind", STAY, OFFICER | {"foreign_affairs"} | _GATEWAY, ("overdue", "rules_remind"), "reminder"),
    *_rows((S.REPLIED, S.UNDELIVERED, S.REDIRECTED), "close", S.CLOSED, OFFICER | _GATEWAY, evidence="event"),
    # The other State may have closed before the second look was asked for; the first reply then stands.
    Row(S.CONTESTED, "close", S.CLOSED, OFFICER, evidence="event"),
    # Stop, at any time; and the two ways on.
    # UNDELIVERED too: the other State may hold what it never receipted, and then a withdrawal must be able to follow.
    *_rows((*OPEN_REQUESTING, S.SUSPENDED, S.UNDELIVERED), "freeze", S.FROZEN, MAY_FREEZE, evidence="sealed reason"),
    *_rows((*WAITING, S.REPLIED), "suspend", S.SUSPENDED, OFFICER, evidence="event"),
    Row(S.SUSPENDED, "close", S.CLOSED, OFFICER, evidence="event"),
    Row(S.FROZEN, "freeze", STAY, MAY_FREEZE, evidence="sealed reason"),
    Row(S.FROZEN, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who froze"),
    Row(S.FROZEN, "propose_resume", STAY, OFFICER, ("released",), "event"),
    Row(S.FROZEN, "resume", RESUME, LIAISON, ("released", "second_person", "rules_resume"), "event"),
    Row(S.FROZEN, "withdraw", S.WITHDRAWN, MAY_FREEZE, evidence="neutral withdrawal"),
    # No guard here: the row of the state to resume in decides, with its guards, so the partner sees no difference.
    *(row for name in _SAID for row in _rows(HELD, name, KEEP, _PARTNER, (), "message")),
    *(row for name in _SAID for row in _rows((S.WITHDRAWN, S.CLOSED), name, STAY, _PARTNER, (), "body not kept")),
    Row(S.WITHDRAWN, "freeze", STAY, MAY_FREEZE, evidence="sealed reason"),
    Row(S.WITHDRAWN, "close", S.CLOSED, OFFICER | _GATEWAY, evidence="event"),
    # A stop holds for the person in every case, so the record it rests on can be set right where nothing else moves.
    *_rows(RECORDED, "correct", STAY, OFFICER | _ATTESTS, ("indication_stands",), "new elements"),
    *_rows(RECORDED, "attest", STAY, _ATTESTS, evidence="new attestation"),
    *_AFTERLIFE,
)

_ANSWER = ("prepared", "countersigned", "attested", "rules_send")
_LEARNT = ("receipt", "not_accepted", "reply_not_accepted", "extension_not_accepted", "undelivered")
_HEARD = ("elements", "interview_answer", "contest", "reminder")

REQUESTED_ROWS: tuple[Row, ...] = (
    # What the requesting State says.
    *_rows((S.NEEDS_TIER2,), "elements", S.ACKNOWLEDGED, _PARTNER, ("rules_receive",), "message"),
    Row(S.NEEDS_INTERVIEW, "interview_answer", S.ACKNOWLEDGED, _PARTNER, evidence="message"),
    Row(S.REPLIED, "contest", S.CONTESTED, _PARTNER, ("contest_once",), "message"),
    *_rows((S.RECEIVED, *WORKING, S.NEEDS_TIER2, S.NEEDS_INTERVIEW, S.REPLIED), "reminder", STAY, _PARTNER),
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
    *_rows((*WORKING, S.NEEDS_TIER2, S.NEEDS_INTERVIEW), "notify_delay", STAY, CLERK, evidence="message"),
    *_rows((S.ACKNOWLEDGED, S.EXTENDED), "extend", S.EXTENDED, CLERK, ("before_due", "within_cap"), "message"),
    *_rows(ANSWERING, "prepare", STAY, CLERK, ("rules_compose", "attested"), "body digest"),
    *_rows(ANSWERING, "countersign", STAY, frozenset({"second_signer"}), ("two_persons", "same_bytes"), "statement"),
    *_rows(ANSWERING, "answer", S.REPLIED, CLERK, _ANSWER, "signed reply"),
    # What the transport learns.
    *_rows((*OPEN_REQUESTED, S.WITHDRAWN, S.CLOSED, S.BLOCKED), "receipt", STAY, _GATEWAY),
    *_rows((*OPEN_REQUESTED, S.WITHDRAWN, S.CLOSED, S.BLOCKED), "not_accepted", STAY, _GATEWAY),
    *(row for name in _LEARNT for row in _rows(HELD, name, LEARN, _GATEWAY)),
    # A reply that was refused is no reply: the desk answers again.
    Row(S.REPLIED, "reply_not_accepted", S.ACKNOWLEDGED, _GATEWAY, evidence="signed refusal or listing"),
    *_rows(
        (*ANSWERING, S.WITHDRAWN, S.CLOSED, S.BLOCKED),
        "reply_not_accepted",
        STAY,
        _GATEWAY,
        evidence="signed refusal or listing",
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
    *_rows((S.WITHDRAWN, S.CLOSED, S.BLOCKED), "undelivered", STAY, _GATEWAY),
    # Stop and go on.
    *_rows((*OPEN_REQUESTED, S.SUSPENDED), "freeze", S.FROZEN, MAY_FREEZE, evidence="sealed reason"),
    *_rows((S.ACKNOWLEDGED, S.EXTENDED, S.NEEDS_TIER2, S.CONTESTED), "suspend", S.SUSPENDED, CLERK),
    Row(S.SUSPENDED, "close", S.CLOSED, CLERK, ("answered",)),
    Row(S.FROZEN, "freeze", STAY, MAY_FREEZE, evidence="sealed reason"),
    Row(S.FROZEN, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who froze"),
    Row(S.FROZEN, "propose_resume", STAY, CLERK, ("released",)),
    Row(S.FROZEN, "resume", RESUME, CLERK, ("released", "second_person")),
    *_rows((S.REPLIED, S.REDIRECTED, S.WITHDRAWN, S.UNDELIVERED), "close", S.CLOSED, CLERK | _GATEWAY),
    *_AFTERLIFE,
)


# Guards. Each returns what it found; a row names the ones it needs.


def _found(rule: str, because: str) -> tuple[Finding, ...]:
    return (Finding(rule, because),)


def _rules(when: When) -> Guard:
    def guard(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
        if event.facts is None:
            return _found("R-00", "the facts the rules need were not given")
        return findings(when, event.facts)

    return guard


def _two_persons(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or event.actor == case.pending.author:
        return _found("V-01", "author and approver are different persons")
    remark = case.remark
    if remark is not None and event.actor in (remark.author, remark.by) and "remark" in _value(case.pending):
        return _found("V-01", "who wrote or confirmed the remark wrote a part of it, and does not approve it")
    return ()


def _same_bytes(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or event.data["digest"] != case.pending.digest:
        return _found("V-02", "the signature covers other bytes than the body that was prepared")
    return ()


def _minimised(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """The body holds what file and matrix give, no more and no less; what the preview found missing is missing here."""
    if case.pending is None or case.draft is None:
        return _found("MIN-5", "there is no body, or no file to compare it with")
    purpose = "TRAVEL_DOC" if case.pending.type == DOCUMENT_REQUEST else case.purpose
    asked = None if case.pending.type in (REQUEST, DOCUMENT_REQUEST) else case.asked
    disclosure = disclose(case.draft, purpose, asked, case.renditions)
    if ijson.loads(case.pending.body.encode()).get("elements") != disclosure.elements:
        return _found("MIN-1", "the body holds other elements than the file and the purpose give")
    return (*disclosure.findings, *element_findings(disclosure.elements))


def _approved(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or case.pending.approver is None:
        return _found("V-03", "a second person has not approved this body")
    return _found("V-03", "the approval is no longer valid") if _lapsed(case.pending, now) else ()


def _lapsed(pending: Pending, now: datetime) -> bool:
    """Return whether the signature over what is prepared has ended since; it has to count when the body leaves."""
    return pending.valid_until is not None and now > datetime.fromisoformat(pending.valid_until)


def _prepared(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.pending is None or case.pending.type != REPLY:
        return _found("V-04", "no answer is prepared")
    return ()


def _countersigned(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    # The exact bytes decide what is answered, not what the event says of them.
    pending = case.pending
    if pending is None or _value(pending)["outcome"] not in NEGATIVE_OUTCOMES:
        return ()
    if not pending.statement:
        return _found("V-05", "an answer that is not positive needs a second signer")
    return _found("V-05", "the second signature is no longer valid") if _lapsed(pending, now) else ()


def _within_cap(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if event.data["clock"] is None:
        return _found("D-01", "the rule of this clock allows no further extension")
    return ()


def _before_due(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    clock = case.clock("reply")
    if clock is None or event.data["overdue"]:
        return _found("D-02", "an extension is announced before the due date")
    return ()


def _overdue(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if event.data["overdue"] else _found("D-03", "nothing is overdue, so nothing is pressed")


def _contest_once(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return _found("V-06", "a reply is contested once") if case.contests else ()


def _in_directory(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if event.data["listed"] else _found("V-13", "the authority named is not in the directory of its State")


def _interview_allowed(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """Nobody is questioned beyond the limit the asking State set, and with MX nobody at all (M-3.16)."""
    asked = case.draft if case.side is Side.REQUESTING else case.received
    if asked is None or not may_interview(asked["method_limit"], asked["no_contact_methods"]):
        return _found("M-01", "the method limit of the request allows no interview")
    return ()


def _interview_consented(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """The person consented to this interview, and who stands up for the person is there (R-07, R-23, M-3.17)."""
    draft, consent = case.draft or {}, (case.interview or {}).get("consent")
    if consent is None or consent["on"] > now.date().isoformat() or consent["revoked_on"] is not None:
        return _found("R-23", "the person's consent to this interview is not on record")
    present = set(_value(_pending(case))["present"])
    needed = {"REPRESENTATIVE"} if treat_as_minor(draft) else {"REPRESENTATIVE", "LAWYER"}
    if not present & needed:
        return _found("R-07", "nobody who stands up for the person would be present")
    if "REPRESENTATIVE" in present and draft.get("representative") is None:
        return _found("R-07", "no appointed representative is on record")
    return ()


def _interview_agreed(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    said, body = case.interview or {}, event.data["body"]
    if said.get("answer") is None or said["answer"]["decision"] != "ACCEPTED":
        return _found("M-02", "no interview was agreed on in this case")
    # A result may start the clock of the reply anew: said twice, or of a day to come, it would put the reply off.
    if said.get("result") is not None:
        return _found("M-02", "what came of the interview was said already")
    result = ijson.loads(body.encode()) if isinstance(body, str) else body
    if result["result"] == "HELD" and result["on"] > (now.date() + timedelta(days=1)).isoformat():
        return _found("M-02", "an interview that was held was held on a day that has come")
    return ()


def _attested(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """A reply rests on an interview only if one was agreed on and held, and was said to be (M-3.18)."""
    if event.name == "reply":
        value = event.data["body"]
    else:
        value = _value(event.data["pending"] if event.name == "prepare" else _pending(case))
    result = (case.interview or {}).get("result")
    if INTERVIEW_METHOD in value["method_used"] and (result is None or result["result"] != "HELD"):
        return _found("M-02", "it names an interview, and none was agreed on and held")
    return ()


def let_go_by(case: Case, actor: str, role: str) -> tuple[tuple[str, str], ...]:
    """
    Return whose stops of ``case`` end when ``actor`` lets go in ``role``: their own; where they hold none, those of
    guests in the very same role. A guest lets go of nothing (V-07, ``docs/decisions/0021-who-lets-go-for-a-guest.md``).
    """
    if is_guest(actor):
        return ()
    own = (actor, role)
    if own in case.holders:
        return (own,)
    return tuple(holder for holder in case.holders if is_guest(holder[0]) and holder[1] == role)


def _same_freezer(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if not let_go_by(case, event.actor, event.role):
        return _found("V-07", "only who froze the case can let go")
    return ()


def _released(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if case.released and not case.holders else _found("V-08", "somebody who froze the case has not let go")


def _second_person(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    if case.resume_proposer is None or case.resume_proposer == event.actor:
        return _found("V-01", "two different persons resume a case")
    return ()


def _remark_stands(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """What is confirmed was made of the remark that stands in the record, was not held, and has not left yet."""
    remark = event.data["remark"]
    if case.remark is None or remark is None or case.remark.reasons or remark.reasons or case.remark.sent:
        return _found("REM-2", "there is no remark here that may be confirmed")
    if not is_confirmed(case.draft, remark):
        return _found("REM-3", "it is another remark than the one in the record, or the record has changed")
    if not is_shortened(remark.text, case.remark.text):
        return _found("REM-3", "words may be taken out of what was redacted, and none put in")
    return ()


def _never_posted_or_refused(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    # DRAFT, CLEARED and NOT_ACCEPTED are exactly the states in which no accepted request is with the other State.
    return () if event.data["draft"]["to"] == case.partner else _found("V-09", "a case never moves to another State")


def _indication_stands(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """
    What is known of a need for protection is not written over by the desk, nor of whom it is known (R-01).

    A frozen case is attested anew or corrected by the authority that attests: it decides on the stop in any case.
    """
    if event.role in _ATTESTS:
        return ()
    if case.draft is None or case.draft["asylum"]["state"] not in ("none", "unknown"):
        return _found("R-01", "protection was indicated; freeze the case, and the authority that attests it decides")
    return ()


def _age_stands(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """Whoever was treated as a minor is one until a decision on age is on record (R-06)."""
    age = event.data["draft"]["age"]
    if (case.draft is None or treat_as_minor(case.draft)) and not treat_as_minor(event.data["draft"]):
        return () if is_decided(age) else _found("R-06", "no age decision is on record, so the person stays a minor")
    return ()


def _answered(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if case.reply is not None else _found("R-11", "a question that is open is answered and not closed")


def _retention_over(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return () if event.data["until"] <= now else _found("R-25", "the retention period is not over")


GUARDS = {
    "two_persons": _two_persons,
    "same_bytes": _same_bytes,
    "minimised": _minimised,
    "approved": _approved,
    "prepared": _prepared,
    "countersigned": _countersigned,
    "within_cap": _within_cap,
    "before_due": _before_due,
    "overdue": _overdue,
    "contest_once": _contest_once,
    "in_directory": _in_directory,
    "interview_allowed": _interview_allowed,
    "interview_consented": _interview_consented,
    "interview_agreed": _interview_agreed,
    "attested": _attested,
    "same_freezer": _same_freezer,
    "released": _released,
    "second_person": _second_person,
    "remark_stands": _remark_stands,
    "never_posted_or_refused": _never_posted_or_refused,
    "indication_stands": _indication_stands,
    "age_stands": _age_stands,
    "answered": _answered,
    "retention_over": _retention_over,
    "rules_compose": _rules(When.COMPOSE),
    "rules_approve": _rules(When.APPROVE),
    "rules_send": _rules(When.SEND),
    "rules_resume": _rules(When.APPROVE),
    "rules_remind": _rules(When.REMIND),
    "rules_receive": _rules(When.RECEIVE),
}


# What each event changes besides the state.

Change = tuple[Case, tuple[Effect, ...]]


def _amend(case: Case, event: Event, now: datetime) -> Change:
    draft = event.data["draft"]
    # The purpose decides what a reply may say and what may leave, so it follows the draft.
    amended = replace(case, draft=draft, purpose=draft["purpose"], officer=draft["officer"])
    images = drawn(draft, event.data.get("renditions", case.renditions))
    amended = replace(amended, pending=event.data["pending"], renditions=images)
    return (_remarked(amended, event) if "remark" in event.data else amended), ()


def _remarked(case: Case, event: Event) -> Case:
    """Take in what became of the remark. That one told of a need for protection is not undone by another remark."""
    return replace(case, remark=event.data["remark"], remark_stop=event.data["remark_stop"] or case.remark_stop)


def _remark(case: Case, event: Event, now: datetime) -> Change:
    """Take in a remark in place of any other; what was prepared with that is void."""
    return _remarked(replace(case, draft=event.data["draft"], pending=event.data["pending"]), event), ()


def _confirm_remark(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, remark=event.data["remark"], pending=event.data["pending"]), ()


def _attach(case: Case, event: Event, now: datetime) -> Change:
    """Take in, or take out, an image drawn anew. What was prepared before is void: it may say something else now."""
    draft = event.data["draft"]
    images = drawn(draft, event.data["renditions"])
    return replace(case, draft=draft, renditions=images, pending=None), ()


def _prepare(case: Case, event: Event, now: datetime) -> Change:
    consent = event.data.get("consent")
    interview = {**(case.interview or {}), "consent": consent} if consent is not None else case.interview
    return replace(case, pending=event.data["pending"], interview=interview), ()


def _sign(case: Case, event: Event, now: datetime) -> Change:
    data = event.data
    signed = replace(_pending(case), approver=event.actor, statement=data["statement"], valid_until=data["valid_until"])
    return replace(case, pending=signed), ()


def _value(pending: Pending) -> dict[str, Any]:
    return ijson.loads(pending.body.encode())


def _pending(case: Case) -> Pending:
    if case.pending is None:
        raise IllegalStep(case.state, "send", "")
    return case.pending


def _send(case: Case, event: Event, now: datetime) -> Change:
    pending = _pending(case)
    left = case.remark is not None and "remark" in _value(pending)
    remark = replace(case.remark, sent=True) if case.remark is not None and left else case.remark
    return replace(case, pending=None, remark=remark), (Send(pending.type, pending.body),)


def _receipt(case: Case, event: Event, now: datetime) -> Change:
    case = case.with_clocks(*event.data["clocks"])
    found = event.data["findings"]
    return (replace(case, findings=(*case.findings, *found)) if found else case), ()


def _not_accepted(case: Case, event: Event, now: datetime) -> Change:
    found = event.data.get("found") or f"not accepted: {event.data['code']}"
    return replace(case, findings=(*case.findings, found)), (Notify("interior"),)


def _extension_not_accepted(case: Case, event: Event, now: datetime) -> Change:
    """Take back what the extension changed when it was handed in: the end of the time, and the day told for it."""
    clock = case.clock("reply")
    case = case if clock is None else case.with_clocks(shorten_clock(clock))
    told = case.delay is not None and bool(case.delay.get("extension"))
    return _not_accepted(replace(case, delay=None) if told else case, event, now)


def _undelivered(case: Case, event: Event, now: datetime) -> Change:
    if case.state is S.WITHDRAWN:
        return case, (Notify("interior"),)  # the withdrawal itself; the thread has ended already
    return case, (DropUnsent(), EndThread("undelivered"), Notify("interior"))


def _arrive(case: Case, event: Event, now: datetime) -> Change:
    """Take in a message of the other State."""
    if case.state in (S.WITHDRAWN, S.CLOSED):
        return case, ()
    body = event.data["body"]
    case = case.with_clocks(*event.data.get("clocks", ()))
    match event.name:
        case "question":
            case = replace(case, asked=tuple(body["elements"]), pending=None)
        case "interview":
            case = replace(case, interview={"proposal": body}, pending=None)
        case "interview_answer":
            case = replace(case, interview={**(case.interview or {}), "answer": body})
        case "interview_result":
            case = replace(case, interview={**(case.interview or {}), "result": body})
        case "delay" | "extension":
            case = replace(case, delay=body)
        case "reply":
            case = replace(case, reply=body, reply_digest=event.data.get("digest"))
        case "elements" if case.received is not None:
            merged = {**case.received["elements"], **body["elements"]}
            # The remark of the request stays what it is: one more comes beside it.
            more = {FURTHER_REMARK: body["remark"]} if "remark" in body else {}
            case = replace(case, received={**case.received, **more, "elements": merged})
        case "contest":
            case = replace(case, contests=case.contests + 1)
        case "reminder":
            case = replace(case, reminders=case.reminders + 1)
        case _:
            pass
    return case, (Notify("interior"),)


def _resume_to(case: Case) -> State:
    if case.resume_to is None:
        raise IllegalStep(case.state, "resume", "")
    return case.resume_to


def _withdrawn(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, pending=None), (DropUnsent(), EndThread("withdrawn"), Notify("interior"))


def _contest(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, contests=case.contests + 1), (Send(CONTEST, event.data["body"]),)


def _contested(case: Case, event: Event, now: datetime) -> Change:
    """The same event name on both sides: a body of our own leaves, a body of theirs arrives."""
    return _contest(case, event, now) if case.side is Side.REQUESTING else _arrive(case, event, now)


def _interviewed(case: Case, event: Event, now: datetime) -> Change:
    """As with a contest: on one side it leaves, on the other it arrives."""
    if case.side is Side.REQUESTED:
        return _arrive(case, event, now)
    answer = _value(_pending(case))
    return _send(replace(case, interview={**(case.interview or {}), "answer": answer}), event, now)


def _decline_interview(case: Case, event: Event, now: datetime) -> Change:
    answer = ijson.loads(event.data["body"].encode())
    declined = replace(case, interview={**(case.interview or {}), "answer": answer}, pending=None)
    return declined, (Send(INTERVIEW_ANSWER, event.data["body"]),)


def _ask_interview(case: Case, event: Event, now: datetime) -> Change:
    proposal = ijson.loads(event.data["body"].encode())
    return replace(case, interview={"proposal": proposal}), (Send(INTERVIEW, event.data["body"]),)


def _report_interview(case: Case, event: Event, now: datetime) -> Change:
    result = ijson.loads(event.data["body"].encode())
    return replace(case, interview={**(case.interview or {}), "result": result}), (
        Send(INTERVIEW_RESULT, event.data["body"]),
    )


def _remind(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, reminders=case.reminders + 1), (Send(REMINDER, event.data["body"]),)


def _freeze(case: Case, event: Event, now: datetime) -> Change:
    draft = event.data.get("draft")
    case = replace(case, draft=draft) if draft is not None else case
    reason = event.data["reason"]
    by = (event.actor, event.role)
    case = replace(case, holders=(*(holder for holder in case.holders if holder != by), by))
    if case.state in (S.FROZEN, S.WITHDRAWN):
        return replace(case, freeze_reason=f"{case.freeze_reason}\n{reason}", released=False, resume_proposer=None), ()
    at = _resume_to(case) if case.state is S.SUSPENDED else case.state
    resume_to = S(event.data["undo"]) if event.data.get("undo") else at
    if at is S.CONTESTED and resume_to is S.REPLIED:
        case = replace(case, contests=case.contests - 1)  # the objection never left, so it may still be made
    if resume_to is S.CLEARED:
        resume_to = S.DRAFT  # the approval did not know what stopped the case; it is given anew
    frozen = replace(
        case,
        resume_to=resume_to,
        frozen_by=by,
        freeze_reason=reason,
        released=False,
        resume_proposer=None,
        pending=None,
    )
    return frozen, (DropUnsent(), Notify("interior"))


def _correct(case: Case, event: Event, now: datetime) -> Change:
    """Replace what is known of the person, and nothing else of the record."""
    draft = {**(case.draft or {}), "elements": event.data["elements"]}
    return replace(case, draft=draft, renditions=drawn(draft, case.renditions)), ()


def _attest(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, draft={**(case.draft or {}), "asylum": event.data["asylum"]}), ()


def _release(case: Case, event: Event, now: datetime) -> Change:
    gone = let_go_by(case, event.actor, event.role)
    holders = tuple(holder for holder in case.holders if holder not in gone)
    return replace(case, holders=holders, released=not holders), (Notify("interior"),)


def _propose_resume(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, resume_proposer=event.actor), ()


def _resume(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, frozen_by=None, freeze_reason=None, released=False, resume_proposer=None, resume_to=None), ()


def next_full_hour(now: datetime) -> datetime:
    """Return the first full hour after ``now``: every withdrawal leaves then, so its time tells nothing."""
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _withdraw(case: Case, event: Event, now: datetime) -> Change:
    # What may follow a withdrawal takes data back, and is not dropped by it.
    effects: list[Effect] = [DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn")]
    if event.data["posted"]:
        effects.append(Send(WITHDRAWAL, WITHDRAWAL_BODY, next_full_hour(now)))
    return replace(case, pending=None, withdraws_at=next_full_hour(now).isoformat()), tuple(effects)


def _say(type: str) -> Apply:
    def apply(case: Case, event: Event, now: datetime) -> Change:
        return case.with_clocks(*event.data.get("clocks", ())), (Send(type, event.data["body"]),)

    return apply


def _delay(case: Case, event: Event, now: datetime) -> Change:
    """Say that it takes longer, and remember until when: the next notice is due after that day (R-11)."""
    said = replace(case, delay=ijson.loads(event.data["body"].encode()))
    return _say(DELAY)(said, event, now)


def _acknowledge(case: Case, event: Event, now: datetime) -> Change:
    """Whoever takes a request up is in charge of it from then on."""
    return _say(ACKNOWLEDGEMENT)(replace(case, officer=event.actor), event, now)


def _ask(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, asked=tuple(event.data["asked"])), (Send(QUESTION, event.data["body"]),)


def _answer(case: Case, event: Event, now: datetime) -> Change:
    pending = _pending(case)
    statements = (pending.statement,) if pending.statement and _value(pending)["outcome"] in NEGATIVE_OUTCOMES else ()
    return replace(case, pending=None, reply=_value(pending)), (Send(REPLY, pending.body, None, statements),)


APPLIES = {
    "amend": _amend,
    "remark": _remark,
    "confirm_remark": _confirm_remark,
    "attach": _attach,
    "prepare": _prepare,
    "approve": _sign,
    "countersign": _sign,
    "send": _send,
    "interview_answer": _interviewed,
    "decline_interview": _decline_interview,
    "redirection": _arrive,
    "interview": _arrive,
    "interview_result": _arrive,
    "redirect": _say(REDIRECT),
    "ask_interview": _ask_interview,
    "report_interview": _report_interview,
    "receipt": _receipt,
    "not_accepted": _not_accepted,
    "reply_not_accepted": _not_accepted,
    "extension_not_accepted": _extension_not_accepted,
    "undelivered": _undelivered,
    "acknowledgement": _arrive,
    "question": _arrive,
    "delay": _arrive,
    "extension": _arrive,
    "reply": _arrive,
    "elements": _arrive,
    "contest": _contested,
    "reminder": _arrive,
    "withdrawal": _withdrawn,
    "remind": _remind,
    "freeze": _freeze,
    "correct": _correct,
    "attest": _attest,
    "release": _release,
    "propose_resume": _propose_resume,
    "resume": _resume,
    "withdraw": _withdraw,
    "acknowledge": _acknowledge,
    "notify_delay": _delay,
    "extend": _delay,
    "ask": _ask,
    "answer": _answer,
}


def undo_state(dropped: tuple[str, ...]) -> str | None:
    """
    Return the state a case goes back to when the messages of types ``dropped`` never left, or ``None``.

    The earliest dropped message decides: what followed it followed from it.
    """
    return next((undo for type in dropped if (undo := TYPES[type].undo)), None)
