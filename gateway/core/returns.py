"""
State table R: how a return goes on in the case of a positive reply, on the side that proposes and on the other.

Rule 1: every transition is a row below; ``docs/decisions/0010-state-table-r.md`` says how the table was closed.
Rule 2: it begins in REPLIED, with a signed positive reply, and with nothing else. Silence is no reply.
Rule 3: no state, event or role forces a return. Until departure anyone who may freeze stops it at once, without a
guard; after that the same persons call the person back.
Rule 4: every guard reads the record and the statements anew, at the instant of the step. What is missing does not pass.
Rule 5: what a partner says that crossed a stop of ours is taken and kept; no refusal tells that there was one.
Rule 6: no timer moves a return, but for a travel document that is no longer valid; and one that was left while it was
prepared, and can rest on no reply any more, is closed.
"""

from collections.abc import Mapping
from datetime import timedelta

from gateway.core.case import HELD, State
from gateway.core.machine import KEEP, LEARN, LET_GO, STAY, Row, rows_of
from gateway.core.verification import (
    BOUNDS,
    CLERK,
    GATEWAY,
    LIAISON,
    MAY_FREEZE,
    MAY_TELL_APART,
    OFFICER,
    PARTNER,
    SAID,
    STOP,
    UNANSWERED_BY,
)
from gateway.core.verification import CALLED_OR_AWAY as CALLED_OR_AWAY
from gateway.core.verification import IN_CHARGE as IN_CHARGE

S = State

_GATEWAY = frozenset({GATEWAY})
_PARTNER = frozenset({PARTNER})
_CONSIDER = OFFICER | {"person", "guardian", "coordinator"}
_RECORD = OFFICER | IN_CHARGE | {"guardian"}
_ESCORT = frozenset({"escort"})
_RECEPTION = frozenset({"reception"})
_ACCEPT = frozenset({"child_welfare", "desk_head"})
_REPORT = frozenset({"child_welfare", "reception", "liaison_officer"})

PREPARING = (S.CONSIDERED, S.ASSESSED)
"""States of the proposing side of which the other one knows nothing."""
ARRANGING = (S.PROPOSED, S.ACCEPTED, S.DECIDED, S.DOCUMENTED, S.SCHEDULED)
"""States in which both sides arrange a return, up to departure; DECIDED is the proposing side's alone."""
ARRANGED = (S.PROPOSED, S.ACCEPTED, S.DOCUMENTED, S.SCHEDULED)
"""The same, of the accepting side."""
RECALLED_BEFORE = (*PREPARING, S.NOT_RETURNED, S.CLOSED)
"""
States of the proposing side in which nobody is called back any more, because the person is there or the case is closed;
of a recall before that the other one may not know yet.
"""
AWAY = (S.DEPARTED, S.HANDED_OVER, S.MONITORING)
"""States in which the person has left, and can be called back."""
_LOOKED_AFTER = (S.HANDED_OVER, S.MONITORING)
"""States in which the accepting side reports how the person is doing; the first report may be the last."""
OUTCOMES = (S.CLOSED_SAFE, S.CLOSED_CONCERN, S.LOST_CONTACT)
"""How the months after a return end."""
RETURN_STATES = (*PREPARING, S.NOT_RETURNED, *ARRANGING, *AWAY, S.RECALL, *OUTCOMES)
"""All states of this table that are not also of a verification."""

OVER = (S.WITHDRAWN, S.CLOSED)

REFLECTION_DAYS = 30
"""Shortest time to recover and reflect, from the day it was granted (CETS 197 Article 13(1))."""
VALID_DAYS: Mapping[str, int] = {"risk": 90, "best_interests": 90, "family": 180, "medical": 14}
"""How long an assessment counts at most, whatever expiry it names."""
NEEDED = ("risk",)
NEEDED_FOR_A_MINOR = ("risk", "best_interests", "family")
DOCUMENT_MARGIN = timedelta(days=2)
"""A travel document outlasts the planned departure by this much, so that a day's delay strands nobody."""
SEALED_H = 72
"""A travel plan leaves this many hours before departure and not earlier."""
MONITORED_MONTHS = 6
"""A return is not closed earlier than this after the handover."""
KEPT_OPEN = timedelta(days=365)
"""
How long after its last step a case is open for a return at most.

It bounds what the dates in it leave open: a reply may count without end, and a sender may allow any day of erasure.
"""

_FROM_ASKED = ("acceptance", "refusal", "document", "reissue", "handover", "take_back")
REPORTS = ("monitoring", "monitoring_safe", "monitoring_concern", "monitoring_lost")
_FROM_ASKING = (
    "proposal",
    "document_request",
    "schedule_notice",
    "cancellation",
    "departure",
    "handover",
    "take_back",
)
_STOPS = ("suspension", "resumption")
NOT_ACCEPTED = (
    "proposal_not_accepted",
    "schedule_not_accepted",
    "acceptance_not_accepted",
    "document_not_accepted",
)


def _cross(states: tuple[State, ...], events: tuple[str, ...], target: str = STAY) -> tuple[Row, ...]:
    """Rows for what arrives although the state has moved on: it is accepted within its bound, and moves nothing."""
    return tuple(
        row for event in events for row in rows_of(states, event, target, _PARTNER, BOUNDS.get(event, ()), "message")
    )


def _refused(event: str, source: State, target: State, others: tuple[State, ...]) -> tuple[Row, ...]:
    """Rows for a message of ours that the other gateway refused: in ``source`` the case goes back to ``target``."""
    return (
        Row(source, event, target, _GATEWAY, (), "signed refusal or listing"),
        *rows_of((*others, S.UNDELIVERED, *OVER), event, STAY, _GATEWAY, (), "signed refusal or listing"),
        *rows_of(HELD, event, LEARN, _GATEWAY, (), "signed refusal or listing"),
    )


_FORWARD = ("positive_reply", "represented", "identified", "reflection_over")
"""What every step of the proposing side needs, again each time: a reply can be taken back, a record be corrected."""
_KEPT = ("assessments_kept", "revocation_kept")
"""What nobody writes over by writing the record anew: what others said there."""
_SIGNED = ("consented", "welfare_released", "assessed_positive")
_SIGN = ("two_persons", "same_bytes")
_APPROVE = (*_SIGN, "not_sent_back")
_THERE = ("taken_there",)
"""What stands before a word of a stop where the case is stopped: a partner must not see from the answer that it is."""

REQUESTING_RETURN: tuple[Row, ...] = (
    # The national part: whether to propose a return at all.
    Row(S.REPLIED, "consider", S.CONSIDERED, _CONSIDER, _FORWARD, "reply digest"),
    # While it is only considered, the authority in charge has still to look at what the desk wrote.
    Row(S.CONSIDERED, "record", STAY, _RECORD, ("revocation_kept",), "new record"),
    *rows_of((S.ASSESSED, *ARRANGING, S.SUSPENDED), "record", STAY, _RECORD, _KEPT, "new record"),
    Row(
        S.CONSIDERED,
        "assess",
        S.ASSESSED,
        IN_CHARGE,
        ("in_charge", *_FORWARD, "assessed"),
        "assessments",
    ),
    *rows_of(PREPARING, "decline", S.NOT_RETURNED, IN_CHARGE | {"person", "guardian"}, (), "event"),
    # From PROPOSED too: where the release of the proposal fell, no answer to it leads anywhere.
    *rows_of(
        (S.ASSESSED, S.PROPOSED, S.ACCEPTED, S.DECIDED, S.DOCUMENTED),
        "reassess",
        S.CONSIDERED,
        _RECORD,
        (),
        "event",
    ),
    # Where the case is stopped it stays so, and goes on where a return begins (decision 0039): no stop is lifted by it.
    *rows_of(HELD, "reassess", KEEP, _RECORD, (), "event"),
    *rows_of(PREPARING, "close", S.CLOSED, _GATEWAY, ("reply_spent",), "retention timer"),
    # The proposal: two persons for the bytes, and the authority in charge for the return.
    Row(S.ASSESSED, "prepare", STAY, OFFICER, ("rules_compose",), "body digest"),
    Row(S.ASSESSED, "approve", STAY, LIAISON, (*_APPROVE, "rules_approve"), "approval statement"),
    *rows_of((S.ASSESSED, S.DECIDED), "send_back", STAY, LIAISON, _SIGN, "statement with a reason"),
    Row(S.ASSESSED, "endorse", STAY, IN_CHARGE, (*_SIGN, "in_charge"), "release statement"),
    Row(
        S.ASSESSED,
        "propose",
        S.PROPOSED,
        OFFICER,
        (
            "approved",
            "right_type",
            "true_to_record",
            *_FORWARD,
            *_SIGNED,
            "no_open_proceedings",
            "rules_send",
        ),
        "message",
    ),
    Row(S.PROPOSED, "acceptance", S.ACCEPTED, _PARTNER, ("same_person", "carer_agreed", "welfare_accepted"), "message"),
    Row(S.PROPOSED, "refusal", S.ASSESSED, _PARTNER, ("proposal_known",), "message"),
    # The decision and the document.
    Row(
        S.ACCEPTED,
        "decide",
        S.DECIDED,
        IN_CHARGE | {"court"},
        (*_FORWARD, "decided_finally"),
        "decision reference",
    ),
    Row(S.DECIDED, "prepare", STAY, OFFICER, ("rules_compose",), "body digest"),
    Row(S.DECIDED, "attach", STAY, OFFICER, evidence="digest of the image"),
    Row(S.DECIDED, "approve", STAY, LIAISON, (*_APPROVE, "minimised", "rules_approve"), "approval statement"),
    Row(
        S.DECIDED,
        "request_document",
        STAY,
        OFFICER,
        ("approved", "right_type", "minimised", "decided_finally", "rules_send"),
        "message",
    ),
    *rows_of((S.DECIDED,), "document", S.DOCUMENTED, _PARTNER, ("document_valid",), "message"),
    *rows_of((S.DECIDED,), "reissue", S.DOCUMENTED, _PARTNER, ("document_valid",), "message"),
    *rows_of((S.DOCUMENTED, S.SCHEDULED), "reissue", STAY, _PARTNER, ("document_valid",), "message"),
    *rows_of((S.DOCUMENTED, S.SCHEDULED), "document", STAY, _PARTNER, ("document_valid",), "message"),
    Row(S.DOCUMENTED, "document_expired", S.DECIDED, _GATEWAY, ("document_over",), "expiry of the document"),
    # The journey.
    Row(
        S.DOCUMENTED,
        "schedule",
        S.SCHEDULED,
        LIAISON,
        (
            "says",
            "as_planned",
            "document_outlasts_travel",
            "notice_kept",
            *_FORWARD,
            *_SIGNED,
            "welfare_accepted",
            "no_open_proceedings",
            "decided_finally",
            "rules_send",
        ),
        "message",
    ),
    Row(S.SCHEDULED, "cancel", S.DOCUMENTED, OFFICER | _ESCORT, ("says",), "message"),
    # Also where the other State knows of a stop: a plan that it was told is called off before all begins anew.
    Row(S.SUSPENDED, "cancel", KEEP, OFFICER | _ESCORT, (), "message"),
    Row(
        S.SCHEDULED,
        "depart",
        S.DEPARTED,
        _ESCORT,
        (
            "says",
            "as_planned",
            "reconfirmed_today",
            "contacts_given",
            "document_outlasts_travel",
            *_FORWARD,
            *_SIGNED,
            "welfare_accepted",
            "no_open_proceedings",
            "decided_finally",
            "rules_send",
        ),
        "departure record",
    ),
    Row(S.DEPARTED, "hand_over", STAY, _ESCORT, ("handover_dated", "rules_send"), "first signature"),
    Row(S.DEPARTED, "handover", S.HANDED_OVER, _PARTNER, ("both_hands",), "second signature"),
    # Afterwards.
    *rows_of(_LOOKED_AFTER, "monitoring", S.MONITORING, _PARTNER, (), "message"),
    *rows_of(_LOOKED_AFTER, "monitoring_safe", S.CLOSED_SAFE, _PARTNER, ("six_months",), "message"),
    *rows_of(_LOOKED_AFTER, "monitoring_concern", S.CLOSED_CONCERN, _PARTNER, ("six_months",), "message"),
    *rows_of(_LOOKED_AFTER, "monitoring_lost", S.LOST_CONTACT, _PARTNER, ("six_months",), "message"),
    *rows_of((*AWAY, *OUTCOMES), "recall", S.RECALL, MAY_FREEZE | _ESCORT, (), "sealed reason"),
    Row(S.RECALL, "recall", STAY, MAY_FREEZE | _ESCORT, (), "sealed reason"),
    # Who was called back and may not be told of then, is told of when nothing stands against it any more.
    *rows_of(RECALLED_BEFORE, "recall", STAY, MAY_FREEZE | _ESCORT, ("untold",), "message"),
    *rows_of((*AWAY, *OUTCOMES), "take_back", S.RECALL, _PARTNER, (), "message"),
    Row(S.RECALL, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who called back"),
    # Of who is away nothing was frozen, so nothing is resumed: what waited for another case's sake leaves.
    *rows_of(CALLED_OR_AWAY, "go_on", STAY, MAY_TELL_APART | {STOP}, (), "two reasons, in both cases"),
    Row(S.RECALL, "returned", S.CONSIDERED, OFFICER, ("let_go",), "event"),
    Row(S.RECALL, "close", S.CLOSED, OFFICER, ("let_go",), "event"),
    *rows_of((S.NOT_RETURNED, *OUTCOMES), "close", S.CLOSED, OFFICER | _GATEWAY, (), "event"),
    # Stop, at any time before departure.
    *rows_of((*PREPARING, S.NOT_RETURNED, *ARRANGING), "freeze", S.FROZEN, MAY_FREEZE, (), "sealed reason"),
    *rows_of((*PREPARING, *ARRANGING), "suspend", S.SUSPENDED, MAY_FREEZE, (), "sealed reason"),
    *rows_of(ARRANGING, "suspension", S.SUSPENDED, _PARTNER, (), "message"),
    *rows_of(ARRANGING, "resumption", STAY, _PARTNER, (), "message"),
    Row(S.SUSPENDED, "suspend", STAY, MAY_FREEZE, (), "sealed reason"),
    Row(S.SUSPENDED, "resume", LET_GO, OFFICER, ("let_go", "rules_resume"), "event"),
    Row(S.SUSPENDED, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who suspended"),
    *rows_of(HELD, "suspension", STAY, _PARTNER, _THERE, "message"),
    Row(S.SUSPENDED, "resumption", LET_GO, _PARTNER, _THERE, "message"),
    Row(S.FROZEN, "resumption", STAY, _PARTNER, _THERE, "message"),
    # What crossed: judged by the state the case goes on in, or kept where the case has moved on.
    *_cross(HELD, (*_FROM_ASKED, *REPORTS), KEEP),
    *_cross((S.UNDELIVERED, *OVER, S.NOT_RETURNED), (*_FROM_ASKED, *REPORTS, *_STOPS)),
    # A partner cannot tell from the answers whether a return was declined or the case was withdrawn or closed.
    *_cross((S.NOT_RETURNED,), SAID),
    # An answer may be to a proposal that was taken back; of who was called back in silence may still be reported.
    *_cross((*PREPARING, S.RECALL), (*_FROM_ASKED, *REPORTS, *_STOPS)),
    *_cross((*AWAY, *OUTCOMES), _STOPS),
    *_cross((S.DEPARTED,), ("reissue", "document")),
    # What the transport learns.
    *rows_of((*PREPARING, *ARRANGING), "undelivered", S.UNDELIVERED, _GATEWAY, (), "expiry without receipt"),
    *rows_of((S.NOT_RETURNED, *AWAY, S.RECALL, *OUTCOMES), "undelivered", STAY, _GATEWAY, (), "expiry without receipt"),
    *rows_of(RETURN_STATES, "receipt", STAY, _GATEWAY, (), "signed receipt"),
    *rows_of(RETURN_STATES, "not_accepted", STAY, _GATEWAY, (), "signed refusal or listing"),
    *_refused("proposal_not_accepted", S.PROPOSED, S.ASSESSED, tuple(s for s in RETURN_STATES if s is not S.PROPOSED)),
    *_refused(
        "schedule_not_accepted", S.SCHEDULED, S.DOCUMENTED, tuple(s for s in RETURN_STATES if s is not S.SCHEDULED)
    ),
)

REQUESTED_RETURN: tuple[Row, ...] = (
    # What the proposing State says. A new proposal replaces an earlier one, as long as nobody has left.
    *rows_of(
        (S.REPLIED, *ARRANGED, S.RECALL),
        "proposal",
        S.PROPOSED,
        _PARTNER,
        ("positive_reply", "welfare_released"),
        "message",
    ),
    Row(S.ACCEPTED, "document_request", STAY, _PARTNER, (), "message"),
    Row(S.DOCUMENTED, "document_request", S.ACCEPTED, _PARTNER, (), "message"),
    *rows_of((S.DOCUMENTED, S.SCHEDULED), "schedule_notice", S.SCHEDULED, _PARTNER, ("welfare_accepted",), "message"),
    Row(S.SCHEDULED, "cancellation", S.DOCUMENTED, _PARTNER, (), "message"),
    Row(S.DOCUMENTED, "cancellation", STAY, _PARTNER, (), "message"),
    # Also where a restore made us forget what we said of a proposal: it may be the acceptance by which she has left.
    Row(S.PROPOSED, "departure", S.DEPARTED, _PARTNER, ("accepted_once",), "message"),
    # Who is on the way must be awaited, whatever became of the plan.
    # In ACCEPTED too: a request for another document may have crossed the document, and word of the plan be late.
    *rows_of((S.ACCEPTED, S.DOCUMENTED, S.SCHEDULED), "departure", S.DEPARTED, _PARTNER, (), "message"),
    Row(S.UNDELIVERED, "departure", S.DEPARTED, _PARTNER, ("accepted_once",), "message"),
    Row(S.DEPARTED, "handover", STAY, _PARTNER, ("handover_dated",), "first signature"),
    # A correction by the escort that crossed the second signature.
    *_cross(_LOOKED_AFTER, ("handover",)),
    *rows_of((*AWAY, *OUTCOMES), "take_back", S.RECALL, _PARTNER, (), "message"),
    *rows_of((*ARRANGED, S.RECALL), "withdrawal", S.WITHDRAWN, _PARTNER, (), "message"),
    # What the accepting side does.
    *rows_of((S.PROPOSED,), "prepare", STAY, CLERK | {"liaison_officer"}, ("rules_compose",), "body digest"),
    Row(
        S.PROPOSED,
        "accept",
        S.ACCEPTED,
        _ACCEPT,
        (
            *_SIGN,
            "right_type",
            "says",
            "same_person",
            "in_charge",
            "carer_agreed",
            "welfare_accepted",
            "rules_send",
        ),
        "signed acceptance",
    ),
    Row(S.PROPOSED, "refuse", S.REPLIED, CLERK | {"liaison_officer", "child_welfare"}, ("says",), "message"),
    Row(
        S.ACCEPTED,
        "issue",
        S.DOCUMENTED,
        frozenset({"document_issuer"}),
        ("document_asked", "document_valid", "rules_send"),
        "message",
    ),
    *rows_of(
        (S.DOCUMENTED, S.SCHEDULED),
        "reissue_document",
        STAY,
        frozenset({"document_issuer"}),
        ("document_valid", "rules_send"),
        "message",
    ),
    Row(S.DEPARTED, "confirm_handover", S.HANDED_OVER, _RECEPTION, ("both_hands",), "second signature"),
    *rows_of(_LOOKED_AFTER, "report", S.MONITORING, _REPORT, ("says", "seen"), "message"),
    # Who is called back and not yet fetched can be in danger, and that must be said.
    Row(S.RECALL, "report", STAY, _REPORT, ("says", "seen"), "message"),
    *rows_of(_LOOKED_AFTER, "report_safe", S.CLOSED_SAFE, _REPORT, ("says", "six_months"), "message"),
    *rows_of(_LOOKED_AFTER, "report_concern", S.CLOSED_CONCERN, _REPORT, ("says", "six_months"), "message"),
    *rows_of(_LOOKED_AFTER, "report_lost", S.LOST_CONTACT, _REPORT, ("says", "six_months"), "message"),
    *rows_of((*AWAY, *OUTCOMES), "recall", S.RECALL, MAY_FREEZE | _RECEPTION, (), "sealed reason"),
    Row(S.RECALL, "recall", STAY, MAY_FREEZE | _RECEPTION, (), "sealed reason"),
    # A stop that crossed the departure holds nobody back any more: whoever may stop calls back, the holder or not.
    *rows_of(HELD, "recall", S.RECALL, MAY_FREEZE | _RECEPTION, ("has_left",), "sealed reason"),
    Row(S.RECALL, "close", S.CLOSED, CLERK, (), "event"),
    *rows_of(OUTCOMES, "close", S.CLOSED, CLERK | _GATEWAY, (), "event"),
    # Stop, at any time before departure; the other side is told that it is stopped, and nothing else.
    *rows_of(ARRANGED, "freeze", S.FROZEN, MAY_FREEZE, (), "sealed reason"),
    *rows_of(ARRANGED, "suspend", S.SUSPENDED, MAY_FREEZE, (), "sealed reason"),
    *rows_of(ARRANGED, "suspension", S.SUSPENDED, _PARTNER, (), "message"),
    *rows_of(ARRANGED, "resumption", STAY, _PARTNER, (), "message"),
    Row(S.SUSPENDED, "suspend", STAY, MAY_FREEZE, (), "sealed reason"),
    Row(S.SUSPENDED, "resume", LET_GO, CLERK, ("let_go",), "event"),
    Row(S.SUSPENDED, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who suspended"),
    *rows_of(HELD, "suspension", STAY, _PARTNER, _THERE, "message"),
    Row(S.SUSPENDED, "resumption", LET_GO, _PARTNER, _THERE, "message"),
    Row(S.FROZEN, "resumption", STAY, _PARTNER, _THERE, "message"),
    # What crossed.
    *_cross(HELD, _FROM_ASKING, KEEP),
    *_cross((S.UNDELIVERED,), (*(name for name in _FROM_ASKING if name != "departure"), *_STOPS)),
    *_cross((S.RECALL,), ("handover", "take_back", *_STOPS)),
    # Also where the reply is contested: a State that was put back to before it contests knows only of the return.
    *_cross((S.REPLIED, S.CONTESTED, *AWAY, *OUTCOMES, *OVER), _STOPS),
    *_cross(OVER, ("take_back",)),
    # What the transport learns.
    *rows_of(ARRANGED, "undelivered", S.UNDELIVERED, _GATEWAY, (), "expiry without receipt"),
    *rows_of((*AWAY, S.RECALL, *OUTCOMES), "undelivered", STAY, _GATEWAY, (), "expiry without receipt"),
    *rows_of((*ARRANGED, *AWAY, S.RECALL, *OUTCOMES), "receipt", STAY, _GATEWAY, (), "signed receipt"),
    *rows_of((*ARRANGED, *AWAY, S.RECALL, *OUTCOMES), "not_accepted", STAY, _GATEWAY, (), "signed refusal or listing"),
    *(
        row
        for name in UNANSWERED_BY
        for row in rows_of(
            (*ARRANGED, *AWAY, S.RECALL, *OUTCOMES), name, STAY, _GATEWAY, (), "signed refusal or listing"
        )
    ),
    *_refused(
        "acceptance_not_accepted",
        S.ACCEPTED,
        S.PROPOSED,
        (S.REPLIED, S.PROPOSED, S.DOCUMENTED, S.SCHEDULED, *AWAY, S.RECALL, *OUTCOMES),
    ),
    *_refused(
        "document_not_accepted",
        S.DOCUMENTED,
        S.ACCEPTED,
        (S.REPLIED, S.PROPOSED, S.ACCEPTED, S.SCHEDULED, *AWAY, S.RECALL, *OUTCOMES),
    ),
)
