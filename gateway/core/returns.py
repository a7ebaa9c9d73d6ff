"""
State table R: how a return goes on in the case of a positive reply, on the side that proposes and on the other.

Rule 1: every transition is a row below; ``docs/decisions/0010-state-table-r.md`` says how the table was closed.
Rule 2: it begins in REPLIED, with a signed positive reply, and with nothing else. Silence is no reply.
Rule 3: no state, event or role forces a return. Until departure anyone who may freeze stops it at once, without a
guard; after that the same persons call the person back.
Rule 4: every guard reads the record and the statements anew, at the instant of the step. What is missing does not pass.
Rule 5: what a partner says that crossed a stop of ours is taken and kept; no refusal tells that there was one.
Rule 6: no timer moves a return, but for a travel document that is no longer valid.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from gateway.core import verification
from gateway.core.case import Case, Release, Side, State
from gateway.core.machine import (
    KEEP,
    LEARN,
    LET_GO,
    STAY,
    Apply,
    DropUnsent,
    Effect,
    Event,
    Guard,
    IllegalStep,
    Notify,
    Row,
    Send,
    rows_of,
)
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    POSITIVE_OUTCOMES,
    PROPOSAL,
    REISSUE,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    event_name,
)
from gateway.core.rules import Finding, When, findings, treat_as_minor
from gateway.core.verification import CLERK, GATEWAY, LIAISON, MAY_FREEZE, OFFICER, PARTNER, Change
from schemas import ijson

S = State

_GATEWAY = frozenset({GATEWAY})
_PARTNER = frozenset({PARTNER})
IN_CHARGE = frozenset({"child_welfare", "coordinator"})
"""Who assesses a return and releases it: child welfare for a minor, the referral mechanism for an adult."""
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
AWAY = (S.DEPARTED, S.HANDED_OVER, S.MONITORING)
"""States in which the person has left, and can be called back."""
OUTCOMES = (S.CLOSED_SAFE, S.CLOSED_CONCERN, S.LOST_CONTACT)
"""How the months after a return end."""
RETURN_STATES = (*PREPARING, S.NOT_RETURNED, *ARRANGING, *AWAY, S.RECALL, *OUTCOMES)
"""All states of this table that are not also of a verification."""

_HELD = (S.FROZEN, S.SUSPENDED)
_OVER = (S.WITHDRAWN, S.CLOSED)

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

_FROM_ASKED = ("acceptance", "refusal", "document", "reissue", "handover", "take_back")
_REPORTS = ("monitoring", "monitoring_safe", "monitoring_concern", "monitoring_lost")
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
_NOT_ACCEPTED = (
    "proposal_not_accepted",
    "schedule_not_accepted",
    "acceptance_not_accepted",
    "document_not_accepted",
)


def _cross(states: tuple[State, ...], events: tuple[str, ...], target: str = STAY) -> tuple[Row, ...]:
    """Rows for what arrives although the state has moved on: it is accepted, and moves nothing."""
    return tuple(row for event in events for row in rows_of(states, event, target, _PARTNER, (), "message"))


def _refused(event: str, source: State, target: State, others: tuple[State, ...]) -> tuple[Row, ...]:
    """Rows for a message of ours that the other gateway refused: in ``source`` the case goes back to ``target``."""
    return (
        Row(source, event, target, _GATEWAY, (), "signed refusal or listing"),
        *rows_of((*others, S.UNDELIVERED, *_OVER), event, STAY, _GATEWAY, (), "signed refusal or listing"),
        *rows_of(_HELD, event, LEARN, _GATEWAY, (), "signed refusal or listing"),
    )


_FORWARD = ("positive_reply", "represented", "identified", "reflection_over")
"""What every step of the proposing side needs, again each time: a reply can be taken back, a record be corrected."""
_KEPT = ("assessments_kept", "revocation_kept")
"""What nobody writes over by writing the record anew: what others said there."""
_SIGNED = ("consented", "welfare_released", "assessed_positive")
_APPROVE = ("two_persons", "same_bytes")
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
    *rows_of((S.ASSESSED, S.ACCEPTED, S.DECIDED, S.DOCUMENTED), "reassess", S.CONSIDERED, _RECORD, (), "event"),
    # The proposal: two persons for the bytes, and the authority in charge for the return.
    Row(S.ASSESSED, "prepare", STAY, OFFICER, ("rules_compose",), "body digest"),
    Row(S.ASSESSED, "approve", STAY, LIAISON, (*_APPROVE, "rules_approve"), "approval statement"),
    Row(S.ASSESSED, "endorse", STAY, IN_CHARGE, (*_APPROVE, "in_charge"), "release statement"),
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
    Row(S.PROPOSED, "refusal", S.ASSESSED, _PARTNER, (), "message"),
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
    Row(S.DECIDED, "request_document", STAY, OFFICER, ("approved", "right_type", "minimised", "rules_send"), "message"),
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
            "rules_send",
        ),
        "departure record",
    ),
    Row(S.DEPARTED, "hand_over", STAY, _ESCORT, ("rules_send",), "first signature"),
    Row(S.DEPARTED, "handover", S.HANDED_OVER, _PARTNER, ("both_hands",), "second signature"),
    # Afterwards.
    *rows_of((S.HANDED_OVER, S.MONITORING), "monitoring", S.MONITORING, _PARTNER, (), "message"),
    Row(S.MONITORING, "monitoring_safe", S.CLOSED_SAFE, _PARTNER, ("six_months",), "message"),
    Row(S.MONITORING, "monitoring_concern", S.CLOSED_CONCERN, _PARTNER, ("six_months",), "message"),
    Row(S.MONITORING, "monitoring_lost", S.LOST_CONTACT, _PARTNER, ("six_months",), "message"),
    *rows_of((*AWAY, *OUTCOMES), "recall", S.RECALL, MAY_FREEZE | _ESCORT, (), "sealed reason"),
    Row(S.RECALL, "recall", STAY, MAY_FREEZE | _ESCORT, (), "sealed reason"),
    *rows_of((*AWAY, *OUTCOMES), "take_back", S.RECALL, _PARTNER, (), "message"),
    Row(S.RECALL, "returned", S.CONSIDERED, OFFICER, (), "event"),
    Row(S.RECALL, "close", S.CLOSED, OFFICER, (), "event"),
    *rows_of((S.NOT_RETURNED, *OUTCOMES), "close", S.CLOSED, OFFICER | _GATEWAY, (), "event"),
    # Stop, at any time before departure.
    *rows_of((*PREPARING, S.NOT_RETURNED, *ARRANGING), "freeze", S.FROZEN, MAY_FREEZE, (), "sealed reason"),
    *rows_of((*PREPARING, *ARRANGING), "suspend", S.SUSPENDED, MAY_FREEZE, (), "sealed reason"),
    *rows_of(ARRANGING, "suspension", S.SUSPENDED, _PARTNER, (), "message"),
    *rows_of(ARRANGING, "resumption", STAY, _PARTNER, (), "message"),
    Row(S.SUSPENDED, "suspend", STAY, MAY_FREEZE, (), "sealed reason"),
    Row(S.SUSPENDED, "resume", LET_GO, OFFICER, ("let_go", "rules_resume"), "event"),
    Row(S.SUSPENDED, "release", STAY, MAY_FREEZE, ("same_freezer",), "release by who suspended"),
    *rows_of(_HELD, "suspension", STAY, _PARTNER, _THERE, "message"),
    Row(S.SUSPENDED, "resumption", LET_GO, _PARTNER, _THERE, "message"),
    Row(S.FROZEN, "resumption", STAY, _PARTNER, _THERE, "message"),
    # What crossed: judged by the state the case goes on in, or kept where the case has moved on.
    *_cross(_HELD, (*_FROM_ASKED, *_REPORTS), KEEP),
    *_cross((S.UNDELIVERED, *_OVER, S.NOT_RETURNED), (*_FROM_ASKED, *_REPORTS, *_STOPS)),
    *_cross((S.CONSIDERED, S.RECALL), (*_FROM_ASKED, *_REPORTS, *_STOPS)),
    *_cross((S.ASSESSED,), ("document", "reissue", *_STOPS)),
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
    # Who is on the way must be awaited, whatever became of the plan.
    *rows_of((S.DOCUMENTED, S.SCHEDULED), "departure", S.DEPARTED, _PARTNER, (), "message"),
    Row(S.UNDELIVERED, "departure", S.DEPARTED, _PARTNER, ("accepted_once",), "message"),
    Row(S.DEPARTED, "handover", STAY, _PARTNER, (), "first signature"),
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
            *_APPROVE,
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
    *rows_of((S.HANDED_OVER, S.MONITORING), "report", S.MONITORING, _REPORT, ("says",), "message"),
    Row(S.MONITORING, "report_safe", S.CLOSED_SAFE, _REPORT, ("says", "six_months"), "message"),
    Row(S.MONITORING, "report_concern", S.CLOSED_CONCERN, _REPORT, ("says", "six_months"), "message"),
    Row(S.MONITORING, "report_lost", S.LOST_CONTACT, _REPORT, ("says", "six_months"), "message"),
    *rows_of((*AWAY, *OUTCOMES), "recall", S.RECALL, MAY_FREEZE | _RECEPTION, (), "sealed reason"),
    Row(S.RECALL, "recall", STAY, MAY_FREEZE | _RECEPTION, (), "sealed reason"),
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
    *rows_of(_HELD, "suspension", STAY, _PARTNER, _THERE, "message"),
    Row(S.SUSPENDED, "resumption", LET_GO, _PARTNER, _THERE, "message"),
    Row(S.FROZEN, "resumption", STAY, _PARTNER, _THERE, "message"),
    # What crossed.
    *_cross(_HELD, _FROM_ASKING, KEEP),
    *_cross((S.UNDELIVERED,), (*(name for name in _FROM_ASKING if name != "departure"), *_STOPS)),
    *_cross((S.RECALL,), ("handover", "take_back", *_STOPS)),
    *_cross((S.REPLIED, *AWAY, *OUTCOMES, *_OVER), _STOPS),
    *_cross(_OVER, ("take_back",)),
    # What the transport learns.
    *rows_of(ARRANGED, "undelivered", S.UNDELIVERED, _GATEWAY, (), "expiry without receipt"),
    *rows_of((*AWAY, S.RECALL, *OUTCOMES), "undelivered", STAY, _GATEWAY, (), "expiry without receipt"),
    *rows_of((*ARRANGED, *AWAY, S.RECALL, *OUTCOMES), "receipt", STAY, _GATEWAY, (), "signed receipt"),
    *rows_of((*ARRANGED, *AWAY, S.RECALL, *OUTCOMES), "not_accepted", STAY, _GATEWAY, (), "signed refusal or listing"),
    *rows_of(
        (*ARRANGED, *AWAY, S.RECALL, *OUTCOMES), "reply_not_accepted", STAY, _GATEWAY, (), "signed refusal or listing"
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


# Guards. Each returns why it objects; a member it needs and does not find is an objection.

Look = Callable[[Case, Event, datetime], str | None]


def _guard(rule: str, look: Look) -> Guard:
    def guard(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
        try:
            because = look(case, event, now)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            because = "something this step needs is not on record"
        return (Finding(rule, because),) if because else ()

    return guard


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _instant(text: str) -> datetime:
    """Return an RFC 3339 instant; one without an offset has no meaning here and raises ``ValueError``."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant without an offset")
    return found


def _record(case: Case, event: Event) -> Mapping[str, Any]:
    """Return the record the step is judged by: the one it brings, where it is the first, or the one of the case."""
    record: Mapping[str, Any] = event.data["record"] if event.name == "consider" else case.record or {}
    return record


def represented(case: Case) -> bool:
    """Return whether the person is a minor, treated as one, or not known not to be one."""
    if case.side is Side.REQUESTING:
        return case.draft is None or treat_as_minor(case.draft)
    proposal = case.said.get(PROPOSAL)
    return proposal is None or bool(proposal["represented"])


def _body(event: Event) -> Mapping[str, Any]:
    """Return the body of the event: as it arrived, or parsed from the exact text that would leave."""
    body = event.data["body"]
    value: Mapping[str, Any] = ijson.loads(body.encode()) if isinstance(body, str) else body
    return value


def _accepted_body(case: Case, event: Event) -> Mapping[str, Any]:
    """Return the acceptance the step is about: prepared, arriving, or the one that both sides have."""
    if event.name == "accept":
        value: Mapping[str, Any] = ijson.loads(case.pending.body.encode()) if case.pending else {}
        return value
    return _body(event) if event.name == "acceptance" else case.said[ACCEPTANCE]


def _positive_reply(case: Case, event: Event, now: datetime) -> str | None:
    reply = case.reply
    if reply is None or reply["outcome"] not in POSITIVE_OUTCOMES:
        return "the other State has not confirmed; silence and a fiction of consent are no reply"
    if case.side is Side.REQUESTED:
        # The store knows which reply was really sent; a proposal that names another rests on none.
        return None if event.data["replied"] and event.data["replied"] == _body(event)["reply"] else "not our reply"
    if not case.reply_digest:
        return "the signed reply is not on record"
    if reply["valid_until"] is not None and _day(reply["valid_until"]) < now.date():
        return "the reply is no longer valid"
    return None


def _identified(case: Case, event: Event, now: datetime) -> str | None:
    concluded = _record(case, event)["identification"]["concluded_on"]
    return None if _day(concluded) <= now.date() else "identification is not concluded"


def _reflection_over(case: Case, event: Event, now: datetime) -> str | None:
    reflection = _record(case, event)["reflection"]
    waived = reflection["waived_in_writing_on"]
    if waived is not None and not represented(case) and _day(waived) <= now.date():
        return None
    granted, ends = _day(reflection["granted_on"]), _day(reflection["ends_on"])
    if ends < granted + timedelta(days=REFLECTION_DAYS):
        return f"the time to reflect is shorter than {REFLECTION_DAYS} days"
    return None if now.date() > ends else "the time to reflect is not over"


def _represented(case: Case, event: Event, now: datetime) -> str | None:
    if not represented(case):
        return None
    representative = case.draft["representative"] if case.draft else None
    if not representative or not representative["signed_by"]:
        return "no signed reference of an appointed guardian or representative"
    return None


def _in_charge(case: Case, event: Event, now: datetime) -> str | None:
    wanted = "child_welfare" if represented(case) else "coordinator" if case.side is Side.REQUESTING else "desk_head"
    return None if event.role == wanted else f"for this person it is the role '{wanted}' that decides"


def _assessment(record: Mapping[str, Any], kind: str, now: datetime) -> tuple[str | None, bool]:
    """Return why the latest assessment of ``kind`` does not count (or ``None``), and whether it is positive."""
    of_kind = [one for one in record["assessments"] if one["kind"] == kind]
    latest = max((_day(one["on"]) for one in of_kind), default=None)
    if latest is None:
        return f"no assessment of the kind '{kind}'", False
    # Two of one day count together: one that is negative decides.
    last = [one for one in of_kind if _day(one["on"]) == latest]
    today = now.date()
    until = min(_day(one["expires_on"]) for one in last)
    if latest > today or min(until, latest + timedelta(days=VALID_DAYS[kind])) < today:
        return f"the assessment of the kind '{kind}' does not count today", False
    if not all(one["signer"] for one in last):
        return f"the assessment of the kind '{kind}' is not signed", False
    return None, all(one["positive"] is True for one in last)


def _assessments(case: Case, event: Event, now: datetime, *, positive: bool) -> str | None:
    record = _record(case, event)
    kinds = NEEDED_FOR_A_MINOR if represented(case) else NEEDED
    if positive and any(one["kind"] == "medical" for one in record["assessments"]):
        kinds = (*kinds, "medical")
    for kind in kinds:
        because, fine = _assessment(record, kind, now)
        if because is None and positive and not fine:
            because = f"the assessment of the kind '{kind}' does not favour a return"
        if because is not None:
            return because
    return None


def _assessed(case: Case, event: Event, now: datetime) -> str | None:
    record = _record(case, event)
    if record["wish"] is None:
        return "what the person wishes is not written down"
    if represented(case) and not (record["views"]["by"] and _day(record["views"]["heard_on"]) <= now.date()):
        return "the person's own views have not been heard"
    return _assessments(case, event, now, positive=False)


def _assessed_positive(case: Case, event: Event, now: datetime) -> str | None:
    return _assessments(case, event, now, positive=True)


def _consented(case: Case, event: Event, now: datetime) -> str | None:
    record = _record(case, event)
    wish, today = record["wish"], now.date()
    if wish["wish"] != "return" or wish["revoked_on"] is not None:
        return "the person does not wish to return"
    if wish["detained_now"] is not False:
        return "a wish that ends a detention is not free"
    if not (_day(wish["options_explained_on"]) <= _day(wish["written_on"]) <= today and wish["language"]):
        return "the wish is not informed and written"
    if wish["copy_given"] is not True:
        return "the person has no copy of what was written"
    if represented(case) and not (record["views"]["by"] and _day(record["views"]["heard_on"]) <= today):
        return "the person's own views have not been heard"
    return None


def _assessments_kept(case: Case, event: Event, now: datetime) -> str | None:
    """Once the authority in charge has said that the assessments are complete, that authority alone changes them."""
    before = case.record["assessments"] if case.record else []
    return None if event.data["record"]["assessments"] == before else _in_charge(case, event, now)


def _revocation_kept(case: Case, event: Event, now: datetime) -> str | None:
    """A wish that was revoked is not unsaid: what follows it was written on that day or later."""
    before, wish = (case.record or {}).get("wish"), event.data["record"]["wish"]
    if not before or before["revoked_on"] is None:
        return None
    if wish and (wish["revoked_on"] == before["revoked_on"] or _day(wish["written_on"]) >= _day(before["revoked_on"])):
        return None
    return "the wish was revoked, and no other was written since"


def _no_open_proceedings(case: Case, event: Event, now: datetime) -> str | None:
    proceedings = _record(case, event)["proceedings"]
    if proceedings["open"] is False or proceedings["presence_needed"] is False or proceedings["released_by"]:
        return None
    return "proceedings are open in which the person is needed"


def _standing(case: Case, event: Event, now: datetime, authority: str, kind: str, role: str) -> list[Release]:
    """Return the statements of ``authority`` that count now, those that come with the event among them."""
    found = (*case.releases, *event.data.get("releases", ()))
    named = [one for one in found if (one.authority, one.kind, one.role) == (authority, kind, role)]
    return [one for one in named if now < _instant(one.valid_until)]


def _welfare_released(case: Case, event: Event, now: datetime) -> str | None:
    if case.side is Side.REQUESTED:
        role = "welfare" if _body(event)["represented"] else "coordinator"
        theirs = [one for one in event.data["releases"] if (one.kind, one.role) == ("return.release", role)]
        return None if theirs else "the authority in charge of the other side has not released this return"
    role = "welfare" if represented(case) else "coordinator"
    ours = _standing(case, event, now, "ours", "return.release", role)
    if event.name == "propose":
        ours = [one for one in ours if case.pending is not None and one.digest == case.pending.digest]
    return None if ours else "the authority in charge has not released this return, or its release is over"


def _welfare_accepted(case: Case, event: Event, now: datetime) -> str | None:
    if event.name != "accept":
        role = "welfare" if represented(case) else "desk_head"
        authority = "theirs" if case.side is Side.REQUESTING else "ours"
        if not _standing(case, event, now, authority, "return.acceptance", role):
            return "the authority in charge of the other side has not accepted, or its acceptance is over"
    elif not (event.data["statement"] and now < _instant(event.data["valid_until"])):
        return "an acceptance is signed"
    body = _accepted_body(case, event)
    if not _day(body["signed_on"]) <= now.date() <= _day(body["expires_on"]):
        return "the acceptance is not valid today"
    return None


def _accepted_once(case: Case, event: Event, now: datetime) -> str | None:
    kinds = {(one.authority, one.kind) for one in case.releases}
    return None if ("ours", "return.acceptance") in kinds else "we have never accepted this return"


def _carer_agreed(case: Case, event: Event, now: datetime) -> str | None:
    body = _accepted_body(case, event)
    carer, service = body["carer"], body["service"]
    if not (carer["class"] and carer["ref"] and _day(carer["agreed_in_writing_on"]) <= now.date()):
        return "nobody named has agreed in writing to receive the person"
    return None if service["id"] and service["competence"] else "no service with its competence is named"


def _same_person(case: Case, event: Event, now: datetime) -> str | None:
    if _accepted_body(case, event)["represented"] is not represented(case):
        return "the acceptance is not about the person who was proposed"
    return None


_TYPE_OF = {"propose": PROPOSAL, "request_document": DOCUMENT_REQUEST, "accept": ACCEPTANCE}


def _right_type(case: Case, event: Event, now: datetime) -> str | None:
    if case.pending is None or case.pending.type != _TYPE_OF[event.name]:
        return "what is prepared is another message"
    return None


def _true_to_record(case: Case, event: Event, now: datetime) -> str | None:
    """The proposal says what the record says: the reply, the consent, each conclusion with its day and expiry."""
    body = ijson.loads(case.pending.body.encode()) if case.pending else {}
    record = _record(case, event)
    if body["reply"] != case.reply_digest or body["represented"] is not represented(case):
        return "the proposal rests on another reply or another person"
    if body["consent"] != {"informed": True, "written": True, "on": record["wish"]["written_on"]}:
        return "the consent is not the one on record"
    known = {(one["kind"], one["on"], one["expires_on"]) for one in record["assessments"] if one["positive"] is True}
    said = [(one["kind"], one["on"], one["expires_on"]) for one in body["conclusions"]]
    needed = set(NEEDED_FOR_A_MINOR if represented(case) else NEEDED)
    if not (known >= set(said) and needed <= {kind for kind, _, _ in said}):
        return "the conclusions are not those on record"
    return None


def _decided_finally(case: Case, event: Event, now: datetime) -> str | None:
    decision, today = _record(case, event)["decision"], now.date()
    if not (decision["ref"] and decision["authority"] and _day(decision["on"]) <= today):
        return "no decision is on record"
    if decision["remedies_explained"] is not True:
        return "the remedies were not explained"
    if decision["waived"] is True or _day(decision["appeal_until"]) < today:
        return None
    return "the time to appeal is not over"


def document(case: Case) -> Mapping[str, Any] | None:
    """Return the travel document that counts: the last one issued, or issued again."""
    body = case.said.get(REISSUE) or case.said.get(DOCUMENT)
    found: Mapping[str, Any] | None = body["document"] if body else None
    return found


def _document_valid(case: Case, event: Event, now: datetime) -> str | None:
    found = _body(event)["document"]
    # The other State may be a day ahead of us.
    if _day(found["issued_on"]) > now.date() + timedelta(days=1) or _day(found["valid_until"]) < now.date():
        return "the document is not valid today"
    return None


def _document_over(case: Case, event: Event, now: datetime) -> str | None:
    found = document(case)
    return None if found is not None and _day(found["valid_until"]) < now.date() else "the document is still valid"


def _document_asked(case: Case, event: Event, now: datetime) -> str | None:
    return None if DOCUMENT_REQUEST in case.said else "no document was asked for"


def departs_at(record: Mapping[str, Any]) -> datetime:
    """Return the planned departure; its offset is that of the place of departure and gives the local day."""
    return _instant(record["travel"]["departs_at"])


def _document_outlasts_travel(case: Case, event: Event, now: datetime) -> str | None:
    found = document(case)
    leaves = departs_at(_record(case, event))
    if found is None or _day(found["valid_until"]) < (leaves + DOCUMENT_MARGIN).date():
        return "the travel document does not outlast the journey"
    return None


def notice_at(leaves: datetime, now: datetime) -> datetime:
    """Return when the plan of a journey may leave: at most ``SEALED_H`` hours before departure, and not before now."""
    return max(now, leaves - timedelta(hours=SEALED_H))


def _notice_kept(case: Case, event: Event, now: datetime) -> str | None:
    record = _record(case, event)
    leaves = departs_at(record)
    # An agreement that wants more notice than the plan may be known gets as much as there can be.
    wanted = timedelta(hours=min(record["travel"]["notice_h"], SEALED_H))
    return None if leaves - notice_at(leaves, now) >= wanted else "the notice to the other State is too short"


def _as_planned(case: Case, event: Event, now: datetime) -> str | None:
    leaves = departs_at(_record(case, event))
    said = _instant(_body(event)["departs_at"])
    if event.name == "schedule":
        return None if said == leaves else "the message names another departure than the record"
    local = leaves.tzinfo
    if not leaves.date() == said.astimezone(local).date() == now.astimezone(local).date():
        return "a departure on another day than planned is planned anew"
    return None


def _reconfirmed_today(case: Case, event: Event, now: datetime) -> str | None:
    record = _record(case, event)
    again = record["reconfirmation"]
    if again["consent_stands"] is not True or not again["by"]:
        return "the person has not confirmed the wish"
    if _day(again["on"]) != now.astimezone(departs_at(record).tzinfo).date():
        return "the wish is confirmed on the day of departure"
    return None


def _contacts_given(case: Case, event: Event, now: datetime) -> str | None:
    if _day(_record(case, event)["contacts_given_on"]) <= now.date():
        return None
    return "the person has not been given the addresses of those who can help"


_HANDS = {
    "handover": ("ours", "handover.delivery", "theirs", "handover.receipt"),
    "confirm_handover": ("theirs", "handover.delivery", "ours", "handover.receipt"),
}
"""By event: whose first signature must be on record, and whose second comes with the step."""


def _both_hands(case: Case, event: Event, now: datetime) -> str | None:
    first_side, first_kind, second_side, second_kind = _HANDS[event.name]
    first = {one.digest for one in case.releases if (one.authority, one.kind) == (first_side, first_kind)}
    if event.name == "confirm_handover":
        second = {event.data["digest"]} if event.data["statement"] else set()
    else:
        brought = event.data["releases"]
        second = {one.digest for one in brought if (one.authority, one.kind) == (second_side, second_kind)}
    return None if first & second else "both hands sign the same protocol"


def _months_after(day: date, months: int) -> date:
    """Return the same day of the month ``months`` later, or the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise ValueError("no such month")


def _six_months(case: Case, event: Event, now: datetime) -> str | None:
    since = _instant(case.said[HANDOVER]["protocol"]["at"]).date()
    seen = _day(_body(event)["on"])
    if not _months_after(since, MONITORED_MONTHS) <= seen <= now.date() + timedelta(days=1):
        return f"a return is followed for {MONITORED_MONTHS} months"
    return None


def _let_go(case: Case, event: Event, now: datetime) -> str | None:
    by = ((event.actor, event.role), (case.partner, PARTNER))
    return "somebody who suspended the case has not let go" if [h for h in case.holders if h not in by] else None


_SAYS = {
    "schedule": (SCHEDULE, "schedule_notice"),
    "cancel": (SCHEDULE, "cancellation"),
    "depart": (SCHEDULE, "departure"),
    "accept": (ACCEPTANCE, "acceptance"),
    "refuse": (ACCEPTANCE, "refusal"),
    "report": (MONITORING, "monitoring"),
    "report_safe": (MONITORING, "monitoring_safe"),
    "report_concern": (MONITORING, "monitoring_concern"),
    "report_lost": (MONITORING, "monitoring_lost"),
}
"""What the message of a step is to the side that gets it."""


def _says(case: Case, event: Event, now: datetime) -> str | None:
    type, name = _SAYS[event.name]
    body = _accepted_body(case, event) if event.name == "accept" else _body(event)
    return None if event_name(type, body) == name else "the message says something else than the step does"


GUARDS: Mapping[str, Guard] = {
    "positive_reply": _guard("R-04", _positive_reply),
    "represented": _guard("R-07", _represented),
    "identified": _guard("R-08", _identified),
    "reflection_over": _guard("R-08", _reflection_over),
    "assessed": _guard("R-09", _assessed),
    "assessed_positive": _guard("R-09", _assessed_positive),
    "carer_agreed": _guard("R-10", _carer_agreed),
    "welfare_released": _guard("R-10", _welfare_released),
    "welfare_accepted": _guard("R-10", _welfare_accepted),
    "accepted_once": _guard("R-10", _accepted_once),
    "assessments_kept": _guard("R-09", _assessments_kept),
    "revocation_kept": _guard("R-23", _revocation_kept),
    "contacts_given": _guard("R-12", _contacts_given),
    "consented": _guard("R-23", _consented),
    "in_charge": _guard("V-30", _in_charge),
    "same_person": _guard("V-31", _same_person),
    "true_to_record": _guard("V-32", _true_to_record),
    "right_type": _guard("V-33", _right_type),
    "says": _guard("V-34", _says),
    "no_open_proceedings": _guard("R-08", _no_open_proceedings),
    "decided_finally": _guard("V-36", _decided_finally),
    "document_asked": _guard("V-37", _document_asked),
    "document_valid": _guard("V-38", _document_valid),
    "document_over": _guard("V-38", _document_over),
    "document_outlasts_travel": _guard("V-38", _document_outlasts_travel),
    "as_planned": _guard("V-39", _as_planned),
    "notice_kept": _guard("V-40", _notice_kept),
    "reconfirmed_today": _guard("V-41", _reconfirmed_today),
    "let_go": _guard("V-08", _let_go),
    "both_hands": _guard("V-42", _both_hands),
    "six_months": _guard("V-43", _six_months),
}


# What each event changes.


def _value(text: str) -> Mapping[str, Any]:
    value: Mapping[str, Any] = ijson.loads(text.encode())
    return value


def _said(case: Case, type: str, body: Mapping[str, Any]) -> Case:
    return replace(case, said={**case.said, type: body})


def _clocked(case: Case, event: Event) -> Case:
    return case.with_clocks(*event.data.get("clocks", ()))


def _consider(case: Case, event: Event, now: datetime) -> Change:
    # What was prepared or asked in the verification has no use any more.
    return replace(case, record=event.data["record"], pending=None, releases=(), said={}), ()


def _recorded(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, record=event.data["record"]), ()


def _begin_again(case: Case, event: Event, now: datetime) -> Change:
    """Leave ASSESSED or a later state: what was prepared, signed and agreed does not hold for another proposal."""
    return replace(case, pending=None, releases=(), said={}), ()


def _refused_by_them(case: Case, event: Event, now: datetime) -> Change:
    if case.state in PASSED[case.side]:
        return case, (Notify("interior"),)
    return _clocked(replace(case, releases=(), said={ACCEPTANCE: _body(event)}), event), (Notify("interior"),)


def _endorse(case: Case, event: Event, now: datetime) -> Change:
    role = "welfare" if represented(case) else "coordinator"
    return _with_release(case, event, "ours", "return.release", role), ()


def _with_release(case: Case, event: Event, authority: str, kind: str, role: str) -> Case:
    made = Release(authority, kind, role, event.data["digest"], event.data["valid_until"], event.data["statement"])
    others = tuple(one for one in case.releases if (one.authority, one.kind) != (authority, kind))
    return replace(case, releases=(*others, made))


def _propose(case: Case, event: Event, now: datetime) -> Change:
    if case.pending is None:
        raise IllegalStep(case.state, event.name, event.role)
    body, digest = case.pending.body, case.pending.digest
    ours = tuple(one for one in case.releases if one.authority == "ours" and one.digest == digest)
    case = _clocked(replace(case, said={PROPOSAL: _value(body)}), event)
    sent = Send(PROPOSAL, body, None, tuple(one.statement for one in ours))
    return replace(case, pending=None, releases=ours), (sent,)


def _request_document(case: Case, event: Event, now: datetime) -> Change:
    if case.pending is None:
        raise IllegalStep(case.state, event.name, event.role)
    body = case.pending.body
    case = _clocked(_said(case, DOCUMENT_REQUEST, _value(body)), event)
    return replace(case, pending=None), (Send(DOCUMENT_REQUEST, body),)


def _accept(case: Case, event: Event, now: datetime) -> Change:
    if case.pending is None:
        raise IllegalStep(case.state, event.name, event.role)
    body = case.pending.body
    role = "welfare" if represented(case) else "desk_head"
    case = _with_release(case, event, "ours", "return.acceptance", role)
    case = replace(_said(case, ACCEPTANCE, _value(body)), pending=None)
    return _clocked(case, event), (Send(ACCEPTANCE, body, None, (event.data["statement"],)),)


def _refuse(case: Case, event: Event, now: datetime) -> Change:
    """Say no; what was prepared to say yes is void, and so is every earlier word of either side."""
    said = {type: body for type, body in case.said.items() if type in (PROPOSAL, SUSPENSION)}
    case = replace(case, pending=None, releases=(), said={**said, ACCEPTANCE: _body(event)})
    return _clocked(case, event), (Send(ACCEPTANCE, event.data["body"]),)


def _told(type: str) -> Apply:
    """Take in a message of the other State that moves the return, with the statements that came with it."""

    def apply(case: Case, event: Event, now: datetime) -> Change:
        if case.state in PASSED[case.side]:
            return case, (Notify("interior"),)
        case = _clocked(_said(case, type, _body(event)), event)
        # Said again, the later word counts.
        brought = event.data.get("releases", ())
        named = {(one.authority, one.kind) for one in brought}
        kept = tuple(one for one in case.releases if (one.authority, one.kind) not in named)
        return replace(case, releases=(*kept, *brought)), (Notify("interior"),)

    return apply


PASSED: Mapping[Side, frozenset[State]] = {
    Side.REQUESTING: frozenset({S.UNDELIVERED, *_OVER, S.NOT_RETURNED, S.CONSIDERED, S.ASSESSED, S.RECALL}),
    Side.REQUESTED: frozenset({S.UNDELIVERED, *_OVER}),
}
"""States the case moved on to when a message crossed: it was accepted, and its body is not taken over."""


def _proposed(case: Case, event: Event, now: datetime) -> Change:
    """Take in a proposal; whatever was agreed on an earlier one is void."""
    if case.state in PASSED[Side.REQUESTED]:
        return case, (Notify("interior"),)
    said = {type: body for type, body in case.said.items() if type == SUSPENSION}
    said[PROPOSAL] = _body(event)
    case = replace(case, said=said, releases=tuple(event.data.get("releases", ())), pending=None)
    return _clocked(case, event), (Notify("interior"),)


def _documented(case: Case, event: Event, now: datetime) -> Change:
    """Take in a document that was issued: it takes the place of any earlier one."""
    if case.state in PASSED[case.side]:
        return case, (Notify("interior"),)
    said = {type: body for type, body in case.said.items() if type != REISSUE}
    case = replace(case, said={**said, DOCUMENT: _body(event)}, pending=None)
    return _clocked(case, event), (Notify("interior"),)


def _saying(type: str) -> Apply:
    """Say what the event brings, and remember it."""

    def apply(case: Case, event: Event, now: datetime) -> Change:
        case = _clocked(_said(case, type, _body(event)), event)
        return case, (Send(type, event.data["body"]),)

    return apply


def _issue(case: Case, event: Event, now: datetime) -> Change:
    said = {type: body for type, body in case.said.items() if type != REISSUE}
    return _clocked(replace(case, said={**said, DOCUMENT: _body(event)}), event), (Send(DOCUMENT, event.data["body"]),)


def _schedule(case: Case, event: Event, now: datetime) -> Change:
    leaves = notice_at(departs_at(case.record or {}), now)
    return _said(case, SCHEDULE, _body(event)), (Send(SCHEDULE, event.data["body"], leaves),)


def _cancel(case: Case, event: Event, now: datetime) -> Change:
    """
    Take the plan back: out of the outbox if it never left, by a message if it did and anything may be said.

    Nothing but what the message says stands before this step: a journey can always be called off.
    """
    said = {type: body for type, body in case.said.items() if type != SCHEDULE}
    case = replace(case, said=said)
    if event.data.get("undo") == S.DOCUMENTED:
        return case, (DropUnsent(),)
    return case, (Send(SCHEDULE, event.data["body"], optional=True),) if _may_say(case, event) else ()


def _hand_over(case: Case, event: Event, now: datetime) -> Change:
    case = _with_release(case, event, "ours", "handover.delivery", "escort")
    case = _said(case, HANDOVER, _body(event))
    return case, (Send(HANDOVER, event.data["body"], None, (event.data["statement"],)),)


def _confirm_handover(case: Case, event: Event, now: datetime) -> Change:
    case = _with_release(case, event, "ours", "handover.receipt", "reception")
    case = _clocked(_said(case, HANDOVER, _body(event)), event)
    return case, (Send(HANDOVER, event.data["body"], None, (event.data["statement"],)),)


def _may_say(case: Case, event: Event) -> bool:
    """
    Return whether a message may leave at all; the accepting side holds nothing that could forbid it.

    That no key of the other State is held (N-02) forbids nothing: word of a step that takes back waits for one.
    """
    if case.side is Side.REQUESTED:
        return True
    return event.facts is not None and not [one for one in findings(When.SEND, event.facts) if one.rule != "N-02"]


def _recall(case: Case, event: Event, now: datetime) -> Change:
    """
    Call the person back, and tell the other State if it may know.

    Nothing stands before this step: a message that cannot leave is left out, and people go on by other means.
    """
    first = case.state is not S.RECALL
    draft = event.data.get("draft")
    reasons = [text for text in (case.freeze_reason, event.data["reason"]) if text]
    case = replace(case, draft=case.draft if draft is None else draft, freeze_reason="\n".join(reasons))
    body = event.data.get("body")
    effects: list[Effect] = [Notify("interior")]
    if first and body is not None and _may_say(case, event):
        effects.append(Send(TAKE_BACK, body, optional=True))
        case = _said(case, TAKE_BACK, _body(event))
    return replace(case, pending=None), tuple(effects)


def _returned(case: Case, event: Event, now: datetime) -> Change:
    """The person is back: everything is looked at anew, and nothing signed before counts."""
    return replace(case, record=None, said={}, releases=(), pending=None, freeze_reason=None), ()


_WORD_OF_STOP = frozenset({SUSPENSION})
"""What a second stop leaves in the outbox: the first may not have been told yet."""

SUSPENSION_BODY = '{"code":"SUSPENDED"}'
RESUMPTION_BODY = '{"code":"RESUMED"}'


def _suspended(case: Case) -> tuple[Case, Send]:
    """Return the case as one whose other side is told that it is stopped, and what tells it; no reason is given."""
    return _said(case, SUSPENSION, _value(SUSPENSION_BODY)), Send(SUSPENSION, SUSPENSION_BODY, optional=True)


def _suspend(case: Case, event: Event, now: datetime) -> Change:
    """
    Stop at once; the other State learns that it is stopped, if it knows of a return and may be told anything.

    A plan that waits in the outbox is dropped, or it would hold up the message that stops it.
    """
    by = (event.actor, event.role)
    holders = (*(holder for holder in case.holders if holder != by), by)
    at = case.resume_to if case.state is S.SUSPENDED else case.state
    undo = event.data.get("undo") if at in RETURN_STATES else None
    reasons = [text for text in (case.freeze_reason, event.data.get("reason")) if text]
    stopped = replace(
        case,
        holders=holders,
        released=False,
        resume_to=S(undo) if undo else at,
        freeze_reason="\n".join(reasons) or None,
    )
    if at not in RETURN_STATES:
        return stopped, ()
    stopped = replace(stopped, pending=None)
    told = at in ARRANGING and _may_say(case, event)
    if told and SUSPENSION not in case.said:
        stopped, sent = _suspended(stopped)
        return stopped, (DropUnsent(), Notify("interior"), sent)
    return stopped, (DropUnsent(_WORD_OF_STOP if told else frozenset()), Notify("interior"))


def _frozen(case: Case, event: Event, now: datetime) -> Change:
    """
    Freeze as in a verification. The accepting side tells the other that it is stopped: a veto must be heard.

    The proposing side tells nothing, because the reason may be one that nobody may guess. That an earlier stop is over
    it says once the case goes on.
    """
    at = case.resume_to if case.state in _HELD else case.state
    frozen, effects = verification.APPLIES["freeze"](case, event, now)
    if case.side is Side.REQUESTING:
        kept = DropUnsent(frozenset({RESUMPTION}))
        return frozen, tuple(kept if effect == DropUnsent() else effect for effect in effects)
    if at not in ARRANGED:
        return frozen, effects
    if SUSPENSION not in case.said:
        frozen, sent = _suspended(frozen)
        return frozen, (*effects, sent)
    return frozen, tuple(DropUnsent(_WORD_OF_STOP) if effect == DropUnsent() else effect for effect in effects)


def _resume(case: Case, event: Event, now: datetime) -> Change:
    """Let go of our side; the case goes on once the other State, too, holds it no more."""
    by = (event.actor, event.role)
    holders = tuple(holder for holder in case.holders if holder != by)
    told = SUSPENSION in case.said
    case = replace(case, said={type: body for type, body in case.said.items() if type != SUSPENSION})
    effects = (Send(RESUMPTION, RESUMPTION_BODY, optional=True),) if told else ()
    if holders:
        return replace(case, holders=holders, freeze_reason=None), effects
    resumed, more = verification.APPLIES["resume"](case, event, now)
    return replace(resumed, holders=()), (*more, *effects)


def _suspension(case: Case, event: Event, now: datetime) -> Change:
    """Take in that the other State stopped: it holds the case until it says otherwise."""
    if case.state not in (*ARRANGING, *_HELD):
        return case, (Notify("interior"),)
    by = (event.actor, PARTNER)
    resume_to = case.resume_to if case.state in _HELD else case.state
    holders = (*(holder for holder in case.holders if holder != by), by)
    return replace(case, holders=holders, released=False, resume_to=resume_to), (Notify("interior"),)


def _resumption(case: Case, event: Event, now: datetime) -> Change:
    if case.state not in _HELD:
        return case, (Notify("interior"),)
    holders = tuple(holder for holder in case.holders if holder[1] != PARTNER)
    # What our side stopped goes on by a step of our own desk alone, also where its holders have let go (V-08).
    if case.state is S.SUSPENDED and not holders and case.freeze_reason is None:
        case = replace(case, resume_to=None)
    return replace(case, holders=holders, released=not holders), (Notify("interior"),)


APPLIES: Mapping[str, Apply] = {
    "consider": _consider,
    "record": _recorded,
    "reassess": _begin_again,
    "decline": _begin_again,
    "endorse": _endorse,
    "propose": _propose,
    "acceptance": _told(ACCEPTANCE),
    "refusal": _refused_by_them,
    "request_document": _request_document,
    "document": _documented,
    "reissue": _told(REISSUE),
    "schedule": _schedule,
    "cancel": _cancel,
    "depart": _saying(SCHEDULE),
    "hand_over": _hand_over,
    "handover": _told(HANDOVER),
    "recall": _recall,
    "take_back": _told(TAKE_BACK),
    "returned": _returned,
    "suspend": _suspend,
    "freeze": _frozen,
    "resume": _resume,
    "suspension": _suspension,
    "resumption": _resumption,
    "proposal": _proposed,
    "document_request": _told(DOCUMENT_REQUEST),
    "schedule_notice": _told(SCHEDULE),
    "cancellation": _told(SCHEDULE),
    "departure": _told(SCHEDULE),
    "accept": _accept,
    "refuse": _refuse,
    "issue": _issue,
    "reissue_document": _saying(REISSUE),
    "confirm_handover": _confirm_handover,
    **dict.fromkeys(("report", "report_safe", "report_concern", "report_lost"), _saying(MONITORING)),
    **dict.fromkeys(_REPORTS, _told(MONITORING)),
    **dict.fromkeys(_NOT_ACCEPTED, verification.APPLIES["not_accepted"]),
}
