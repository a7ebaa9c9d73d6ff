"""
The guards of state table R: each returns why it objects; a member it needs and does not find is an objection.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.core import edtf
from gateway.core.age import born_a_minor, treat_as_minor
from gateway.core.calendars import local_date
from gateway.core.case import Case, Release, Side, State
from gateway.core.deadlines import add_months
from gateway.core.facts import Finding, day_of, instant_of
from gateway.core.machine import Event, Guard
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    POSITIVE_OUTCOMES,
    PROPOSAL,
    REISSUE,
    SCHEDULE,
    event_name,
)
from gateway.core.returns import (
    AWAY,
    DOCUMENT_MARGIN,
    KEPT_OPEN,
    MONITORED_MONTHS,
    NEEDED,
    NEEDED_FOR_A_MINOR,
    OUTCOMES,
    REFLECTION_DAYS,
    SEALED_H,
    VALID_DAYS,
)
from gateway.core.reuse import conditions, received_under
from gateway.core.verification import PARTNER
from gateway.core.verification_guards import body_of, value_of
from gateway.core.wire import SKEW

Look = Callable[[Case, Event, datetime], str | None]


def _guard(rule: str, look: Look) -> Guard:
    def guard(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
        try:
            # A departure that a restore took is judged as of the instant at which the person left.
            because = look(case, event, event.data.get("left_at") or now)
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
            because = "something this step needs is not on record"
        return (Finding(rule, because),) if because else ()

    return guard


OVER_BY_THEN = "by the day of departure this is over: "
"""What stands before the reason why no journey is planned for a day on which nobody would leave."""


def _lasting(look: Look) -> Look:
    """Return ``look`` as it is taken where a journey is planned: once more, as of its departure."""

    def both(case: Case, event: Event, now: datetime) -> str | None:
        because = look(case, event, now)
        if because is not None or event.name != "schedule":
            return because
        because = look(case, event, departs_at(_record(case, event)).astimezone(UTC))
        return OVER_BY_THEN + because if because is not None else None

    return both


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


def _pending_body(case: Case) -> Mapping[str, Any]:
    return value_of(case.pending) if case.pending else {}


def _accepted_body(case: Case, event: Event) -> Mapping[str, Any]:
    """Return the acceptance the step is about: prepared, arriving, or the one that both sides have."""
    if event.name == "accept":
        return _pending_body(case)
    return body_of(event) if event.name == "acceptance" else case.said[ACCEPTANCE]


def _positive_reply(case: Case, event: Event, now: datetime) -> str | None:
    reply = case.reply
    if reply is None or reply["outcome"] not in POSITIVE_OUTCOMES:
        return "the other State has not confirmed; silence and a fiction of consent are no reply"
    if case.side is Side.REQUESTED:
        # The store knows which reply was really sent; a proposal that names another rests on none.
        return None if event.data["replied"] and event.data["replied"] == body_of(event)["reply"] else "not our reply"
    if not case.reply_digest:
        return "the signed reply is not on record"
    if reply["valid_until"] is not None and day_of(reply["valid_until"]) < now.date():
        return "the reply is no longer valid"
    if reply["outcome"] == "PR_AT_DATE":
        entered = edtf.parse((case.draft or {})["elements"]["entry_date"])
        if not entered.lower <= day_of(reply["as_of"]) <= entered.upper:
            return "the reply is not about the day of entry; contest it"
    return None


def open_for_return(case: Case, since: datetime, now: datetime, day: date) -> bool:
    """
    Return whether a return may still be proposed in ``case``, which stands as it is ``since`` then.

    Both sides find the same in what they sent and received: the reply is positive and counts on ``day``, and what the
    asking State sent may be kept on it. Whatever these dates say, it ends ``KEPT_OPEN`` after the last step.
    """
    reply = case.reply
    if reply is None or reply["outcome"] not in POSITIVE_OUTCOMES or now >= since + KEPT_OPEN:
        return False
    sent = (conditions(case.draft["handling"], case.purpose),) if case.draft is not None else received_under(case)
    kept = max((one.retain_until for one in sent), default=day)
    return day <= kept and (reply["valid_until"] is None or day <= day_of(reply["valid_until"]))


def _reply_spent(case: Case, event: Event, now: datetime) -> str | None:
    still = open_for_return(case, event.data["unmoved_since"], now, now.date())
    return "a return may still be proposed on the reply" if still else None


def _today(event: Event, now: datetime) -> date:
    """Return the date where the record is kept: what it dates begins and ends with a day there."""
    return local_date(now, event.data.get("zone", "UTC"))


def _identified(case: Case, event: Event, now: datetime) -> str | None:
    concluded = _record(case, event)["identification"]["concluded_on"]
    return None if day_of(concluded) <= _today(event, now) else "identification is not concluded"


def _reflection_over(case: Case, event: Event, now: datetime) -> str | None:
    reflection, today = _record(case, event)["reflection"], _today(event, now)
    waived = reflection["waived_in_writing_on"]
    if waived is not None and not represented(case) and day_of(waived) <= today:
        return None
    granted, ends = day_of(reflection["granted_on"]), day_of(reflection["ends_on"])
    if ends < granted + timedelta(days=REFLECTION_DAYS):
        return f"the time to reflect is shorter than {REFLECTION_DAYS} days"
    return None if today > ends else "the time to reflect is not over"


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


def _assessment(record: Mapping[str, Any], kind: str, today: date) -> tuple[str | None, bool]:
    """Return why the latest assessment of ``kind`` does not count (or ``None``), and whether it is positive."""
    of_kind = [one for one in record["assessments"] if one["kind"] == kind]
    latest = max((day_of(one["on"]) for one in of_kind), default=None)
    if latest is None:
        return f"no assessment of the kind '{kind}'", False
    # Two of one day count together: one that is negative decides.
    last = [one for one in of_kind if day_of(one["on"]) == latest]
    until = min(day_of(one["expires_on"]) for one in last)
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
        because, fine = _assessment(record, kind, _today(event, now))
        if because is None and positive and not fine:
            because = f"the assessment of the kind '{kind}' does not favour a return"
        if because is not None:
            return because
    return None


def _assessed(case: Case, event: Event, now: datetime) -> str | None:
    record = _record(case, event)
    if record["wish"] is None:
        return "what the person wishes is not written down"
    if represented(case) and not (record["views"]["by"] and day_of(record["views"]["heard_on"]) <= _today(event, now)):
        return "the person's own views have not been heard"
    return _assessments(case, event, now, positive=False)


def _assessed_positive(case: Case, event: Event, now: datetime) -> str | None:
    return _assessments(case, event, now, positive=True)


def _consented(case: Case, event: Event, now: datetime) -> str | None:
    record = _record(case, event)
    wish, today = record["wish"], _today(event, now)
    if wish["wish"] != "return" or wish["revoked_on"] is not None:
        return "the person does not wish to return"
    if wish["detained_now"] is not False:
        return "a wish that ends a detention is not free"
    if not (day_of(wish["options_explained_on"]) <= day_of(wish["written_on"]) <= today and wish["language"]):
        return "the wish is not informed and written"
    if wish["copy_given"] is not True:
        return "the person has no copy of what was written"
    if represented(case) and not (record["views"]["by"] and day_of(record["views"]["heard_on"]) <= today):
        return "the person's own views have not been heard"
    return None


def _assessments_kept(case: Case, event: Event, now: datetime) -> str | None:
    """Once the authority in charge has said that the assessments are complete, that authority alone changes them."""
    before = case.record["assessments"] if case.record else []
    return None if event.data["record"]["assessments"] == before else _in_charge(case, event, now)


def _revocation_kept(case: Case, event: Event, now: datetime) -> str | None:
    """What the person said against a return is not unsaid: what follows it she said later."""
    before, anew, today = case.record or {}, event.data["record"], _today(event, now)
    return _wish_unsaid(before.get("wish"), anew["wish"], today) or _refusal_unsaid(
        before.get("reconfirmation"), anew["reconfirmation"], today
    )


def _wants_return(wish: Mapping[str, Any]) -> bool:
    return bool(wish["wish"] == "return" and wish["revoked_on"] is None)


def _days(wish: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """Return the days on which a wish was written and revoked."""
    written_on, revoked_on = wish["written_on"], wish["revoked_on"]
    return written_on and day_of(written_on), revoked_on and day_of(revoked_on)


def _wish_unsaid(before: Mapping[str, Any] | None, wish: Mapping[str, Any] | None, today: date) -> str | None:
    """
    Return why ``wish`` does not take the place of one that is no wish to return, or was revoked, or ``None``.

    A yes is written on a later day than a no, and not before the day of a revocation; if the no has no day, today.
    Another no is not dated back, or it would make room for an older yes.
    """
    if not before or _wants_return(before) or wish == before:
        return None
    if not wish:
        return "the person does not wish to return, and nothing else was written since"
    (said_on, revoked_on), (written_on, again) = _days(before), _days(wish)
    last = max(filter(None, (said_on, revoked_on)), default=today)
    if last > today + timedelta(days=1):
        last = today  # a slip of the pen: it may be tomorrow already where it was said, and no later
    if not _wants_return(wish):
        back = (said_on or revoked_on) and max(filter(None, (written_on, again)), default=last) < last
        return "what the person said last is not dated back" if back else None
    if written_on is not None and written_on >= (last + timedelta(days=1) if said_on == last else last):
        return None
    return "the person does not wish to return, or no longer, and no other wish was written since"


def _refusal_unsaid(before: Mapping[str, Any] | None, again: Mapping[str, Any] | None, today: date) -> str | None:
    """Return why another word does not take the place of a no on the day of departure: that one holds for its day."""
    if not before or before["consent_stands"] is True:
        return None
    said_on = min(day_of(before["on"]), today + timedelta(days=1))
    counts_from = said_on + timedelta(days=1) if again and again["consent_stands"] is True else said_on
    return "asked on that day, the person said no" if not again or day_of(again["on"]) < counts_from else None


def _no_open_proceedings(case: Case, event: Event, now: datetime) -> str | None:
    proceedings = _record(case, event)["proceedings"]
    if proceedings["open"] is False or proceedings["presence_needed"] is False or proceedings["released_by"]:
        return None
    return "proceedings are open in which the person is needed"


def _standing(case: Case, event: Event, now: datetime, authority: str, kind: str, role: str) -> list[Release]:
    """Return the statements of ``authority`` that count now, those that come with the event among them."""
    found = (*case.releases, *event.data.get("releases", ()))
    named = [one for one in found if (one.authority, one.kind, one.role) == (authority, kind, role)]
    return [one for one in named if now < instant_of(one.valid_until)]


def _welfare_released(case: Case, event: Event, now: datetime) -> str | None:
    if case.side is Side.REQUESTED:
        role = "welfare" if body_of(event)["represented"] else "coordinator"
        theirs = [one for one in event.data["releases"] if (one.kind, one.role) == ("return.release", role)]
        return None if theirs else "the authority in charge of the other side has not released this return"
    role = "welfare" if represented(case) else "coordinator"
    ours = _standing(case, event, now, "ours", "return.release", role)
    if event.name == "propose":
        ours = [one for one in ours if case.pending is not None and one.digest == case.pending.digest]
    return None if ours else "the authority in charge has not released this return, or its release is over"


def _welfare_accepted(case: Case, event: Event, now: datetime) -> str | None:
    if event.name == "acceptance" and {one.digest for one in event.data.get("releases", ())} & {*case.accepted}:
        return "this acceptance was the answer to an earlier proposal"
    if event.name != "accept":
        role = "welfare" if represented(case) else "desk_head"
        authority = "theirs" if case.side is Side.REQUESTING else "ours"
        if not _standing(case, event, now, authority, "return.acceptance", role):
            return "the authority in charge of the other side has not accepted, or its acceptance is over"
    elif not (event.data["statement"] and now < instant_of(event.data["valid_until"])):
        return "an acceptance is signed"
    body = _accepted_body(case, event)
    if not day_of(body["signed_on"]) <= now.date() <= day_of(body["expires_on"]):
        return "the acceptance is not valid today"
    return None


def _accepted_once(case: Case, event: Event, now: datetime) -> str | None:
    if case.state is State.PROPOSED:  # what is held here of an acceptance is of one that was refused, or never left
        return None if event.data["lost"] else "we have not accepted this return, and no restore took anything of it"
    # What was said, not what is signed: a statement falls with its key, and the person has left all the same.
    said = case.said.get(ACCEPTANCE)
    return None if said and said["decision"] == "accepted" else "we have never accepted this return"


def _carer_agreed(case: Case, event: Event, now: datetime) -> str | None:
    body = _accepted_body(case, event)
    carer, service = body["carer"], body["service"]
    if not (carer["class"] and carer["ref"] and carer["agreed_in_writing_on"]):
        return "nobody named has agreed in writing to receive the person"
    if day_of(carer["agreed_in_writing_on"]) > now.date():
        # East of it the day may have begun: the other State would refuse what is said to it before its own has.
        return "whoever receives the person agreed on a day that has not begun in UTC yet; both States reckon by that"
    return None if service["id"] and service["competence"] else "no service with its competence is named"


def proposed(case: Case) -> str | None:
    """Return the digest of the proposal that stands between both sides: it is what was released."""
    authority = "ours" if case.side is Side.REQUESTING else "theirs"
    released = [one.digest for one in case.releases if (one.authority, one.kind) == (authority, "return.release")]
    return released[-1] if released else None


def _same_person(case: Case, event: Event, now: datetime) -> str | None:
    body = _accepted_body(case, event)
    if body["represented"] is not represented(case):
        return "the acceptance is not about the person who was proposed"
    stands = proposed(case)
    if stands is None or body.get("proposal") != stands:  # one that an earlier version prepared names none
        return "the acceptance is the answer to another proposal"
    if event.name == "acceptance" and event.data["late"]:  # two that say the same have one digest
        return "the acceptance was written before the proposal that stands was known"
    return None


def _proposal_known(case: Case, event: Event, now: datetime) -> str | None:
    """A refusal names no proposal; what its sender had taken last says whether it can be of the one that stands."""
    return "the refusal was written before the proposal that stands was known" if event.data["late"] else None


_TYPE_OF = {"propose": PROPOSAL, "request_document": DOCUMENT_REQUEST, "accept": ACCEPTANCE}


def _right_type(case: Case, event: Event, now: datetime) -> str | None:
    if case.pending is None or case.pending.type != _TYPE_OF[event.name]:
        return "what is prepared is another message"
    return None


def _true_to_record(case: Case, event: Event, now: datetime) -> str | None:
    """The proposal says what the record says: the reply, the consent, each conclusion with its day and expiry."""
    return _differs(case, _pending_body(case))


def _differs(case: Case, body: Mapping[str, Any]) -> str | None:
    """Return in what a proposal is not what the record says, or ``None``."""
    record = case.record or {}
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
    decision, today = _record(case, event)["decision"], _today(event, now)
    if not (decision["ref"] and decision["authority"] and day_of(decision["on"]) <= today):
        return "no decision is on record"
    if decision["remedies_explained"] is not True:
        return "the remedies were not explained"
    if decision["waived"] is True or day_of(decision["appeal_until"]) < today:
        return None
    return "the time to appeal is not over"


def document(case: Case) -> Mapping[str, Any] | None:
    """Return the travel document that counts: the last one issued, or issued again."""
    body = case.said.get(REISSUE) or case.said.get(DOCUMENT)
    found: Mapping[str, Any] | None = body["document"] if body else None
    return found


def _document_valid(case: Case, event: Event, now: datetime) -> str | None:
    found = body_of(event)["document"]
    # The other State may be a day ahead of us.
    if day_of(found["issued_on"]) > now.date() + timedelta(days=1) or day_of(found["valid_until"]) < now.date():
        return "the document is not valid today"
    return None


def _document_over(case: Case, event: Event, now: datetime) -> str | None:
    found = document(case)
    return None if found is not None and day_of(found["valid_until"]) < now.date() else "the document is still valid"


def _document_asked(case: Case, event: Event, now: datetime) -> str | None:
    return None if DOCUMENT_REQUEST in case.said else "no document was asked for"


CLOCK_LEAPT = "the clock went by more than a day at once less than a day ago, and the plan may be early by it"
"""Why the plan of a journey waits whose hour has come since (M-5.32)."""


def departs_at(record: Mapping[str, Any]) -> datetime:
    """Return the planned departure; its offset is that of the place of departure and gives the local day."""
    return instant_of(record["travel"]["departs_at"])


def _document_outlasts_travel(case: Case, event: Event, now: datetime) -> str | None:
    found, leaves = document(case), departs_at(_record(case, event))
    arrives = instant_of(body_of(event)["arrives_at"]).astimezone(UTC)
    if found is None or day_of(found["valid_until"]) < max((leaves + DOCUMENT_MARGIN).date(), arrives.date()):
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
    window = case.said[PROPOSAL]["window"]
    if not day_of(window["from"]) <= leaves.date() <= day_of(window["until"]):
        return "the departure is not within the days for which both authorities signed"
    body = body_of(event)
    said = instant_of(body["departs_at"])
    if event.name == "schedule":
        if instant_of(body["arrives_at"]) <= said:
            return "the arrival is not after the departure; mind the offset from UTC of each"
        return None if said == leaves else "the message names another departure than the record"
    # Who is awaited on another day, or elsewhere, is awaited by nobody: the plan is called off, and made anew.
    told = case.said[SCHEDULE]
    if instant_of(told["departs_at"]) != leaves or body["point"] != told["point"]:
        return "the other State was told of another journey; cancel it and plan anew"
    local = leaves.tzinfo
    if not leaves.date() == said.astimezone(local).date() == now.astimezone(local).date():
        return "a departure on another day than planned is planned anew"
    return None


def _reconfirmed_today(case: Case, event: Event, now: datetime) -> str | None:
    record = _record(case, event)
    again = record["reconfirmation"]
    if again["consent_stands"] is not True or not again["by"]:
        return "the person has not confirmed the wish"
    if day_of(again["on"]) != now.astimezone(departs_at(record).tzinfo).date():
        return "the wish is confirmed on the day of departure"
    return None


def _contacts_given(case: Case, event: Event, now: datetime) -> str | None:
    if day_of(_record(case, event)["contacts_given_on"]) <= _today(event, now):
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


def _handover_dated(case: Case, event: Event, now: datetime) -> str | None:
    """The six months begin with the handover, so it is not dated back before the departure, nor ahead."""
    at, left = instant_of(body_of(event)["protocol"]["at"]), instant_of(case.said[SCHEDULE]["departs_at"])
    latest = now if event.name == "hand_over" else now + SKEW
    return None if left <= at <= latest else "a handover is dated after the departure and not ahead of time"


def _seen(case: Case, event: Event, now: datetime) -> str | None:
    """The last report is bounded by ``_six_months``, and what another State dates is taken as it is."""
    return "a report is of a day that has come" if day_of(body_of(event)["on"]) > _today(event, now) else None


def _six_months(case: Case, event: Event, now: datetime) -> str | None:
    since = instant_of(case.said[HANDOVER]["protocol"]["at"]).date()
    seen = day_of(body_of(event)["on"])
    if not add_months(since, MONITORED_MONTHS) <= seen <= now.date() + timedelta(days=1):
        return f"a return is followed for {MONITORED_MONTHS} months"
    return None


OUTDATED = "a message that waits says something else than the record: "
"""What stands before the reason why what was never posted does not leave as it is."""

_AS_RECORDED: Mapping[str, tuple[Guard, ...]] = {
    PROPOSAL: (_guard("V-32", lambda case, event, now: _differs(case, event.data["body"])),),
    SCHEDULE: (_guard("V-39", _as_planned), _guard("V-38", _document_outlasts_travel)),
    ACCEPTANCE: (_guard("R-06", lambda case, event, now: _became_a_minor(case, event.data["body"], now)),),
}


def _became_a_minor(case: Case, body: Mapping[str, Any], now: datetime) -> str | None:
    """Return why a return is not accepted as that of an adult: the date of birth was set right since."""
    if body["decision"] != "accepted" or body["represented"]:
        return None
    sent = (case.received or {})["elements"]
    return "by the date of birth that was sent the person is a minor" if born_a_minor(sent, now.date()) else None


def outdated(case: Case, type: str, body: Mapping[str, Any], now: datetime) -> tuple[Finding, ...]:
    """
    Return why a proposal, an acceptance or the plan of a journey does not say what is known by now (V-32, R-06, V-39).

    Between the step that made it and its leaving days may lie, in which the record is written anew, or another travel
    document comes that does not last for the plan (V-38).
    """
    if type == SCHEDULE and body.get("status") != "planned":
        return ()
    event = Event("schedule", "gateway", "gateway", {"body": body})
    found = [one for guard in _AS_RECORDED.get(type, ()) for one in guard(case, event, now)]
    return tuple(Finding(one.rule, OUTDATED + one.because, one.where) for one in found)


UNTOLD = "the other State was not told that the person is called back; call back once more when it may know"
"""Finding on a case that was called back while nothing could be said; what stands against it is not in it."""


def _untold(case: Case, event: Event, now: datetime) -> str | None:
    return None if UNTOLD in case.findings else "nobody was called back of whom the other State does not know it"


_LEFT = (*AWAY, State.RECALL, *OUTCOMES)
"""States that follow a departure."""


def _has_left(case: Case, event: Event, now: datetime) -> str | None:
    """A case that is stopped knows where it will go on; word of a departure may have come into it since."""
    return None if case.resume_to in _LEFT else "nobody has left who could be called back"


def _nobody_left(case: Case, event: Event, now: datetime) -> str | None:
    return "the person has left and is awaited: call back, or let the case go on" if case.resume_to in AWAY else None


def may_come(case: Case) -> bool:
    """Return whether somebody may come where a message of the side that is asked was lost: it refused no proposal."""
    return PROPOSAL in case.said and case.said.get(ACCEPTANCE, {}).get("decision") != "refused"


def _nobody_awaited(case: Case, event: Event, now: datetime) -> str | None:
    """Whoever was asked to receive somebody is told that nobody comes, and a case that is closed tells nothing."""
    because = "the other State may await the person: freeze and withdraw the case, so that it learns that nobody comes"
    return because if event.data["awaited"] else None


def _let_go(case: Case, event: Event, now: datetime) -> str | None:
    by = ((event.actor, event.role), (case.partner, PARTNER))
    return "somebody who stopped the case has not let go" if [h for h in case.holders if h not in by] else None


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
    body = _accepted_body(case, event) if event.name == "accept" else body_of(event)
    return None if event_name(type, body) == name else "the message says something else than the step does"


GUARDS: Mapping[str, Guard] = {
    "positive_reply": _guard("R-04", _lasting(_positive_reply)),
    "reply_spent": _guard("R-25", _reply_spent),
    "represented": _guard("R-07", _represented),
    "identified": _guard("R-08", _identified),
    "reflection_over": _guard("R-08", _reflection_over),
    "assessed": _guard("R-09", _assessed),
    "assessed_positive": _guard("R-09", _assessed_positive),
    "carer_agreed": _guard("R-10", _carer_agreed),
    "welfare_released": _guard("R-10", _lasting(_welfare_released)),
    "welfare_accepted": _guard("R-10", _lasting(_welfare_accepted)),
    "accepted_once": _guard("R-10", _accepted_once),
    "assessments_kept": _guard("R-09", _assessments_kept),
    "revocation_kept": _guard("R-23", _revocation_kept),
    "contacts_given": _guard("R-12", _contacts_given),
    "consented": _guard("R-23", _consented),
    "in_charge": _guard("V-30", _in_charge),
    "same_person": _guard("V-31", _same_person),
    "proposal_known": _guard("V-31", _proposal_known),
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
    "untold": _guard("V-35", _untold),
    "has_left": _guard("V-35", _has_left),
    "nobody_left": _guard("V-35", _nobody_left),
    "nobody_awaited": _guard("V-45", _nobody_awaited),
    "both_hands": _guard("V-42", _both_hands),
    "handover_dated": _guard("V-44", _handover_dated),
    "six_months": _guard("V-43", _six_months),
    "seen": _guard("V-43", _seen),
}
