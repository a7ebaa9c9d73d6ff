"""
What the pages of one case show, as frozen values: the head, the content, the timeline, the questions about data.

Rule 1: a head shows what a list shows, and to who may see the case whether the person is represented; nothing else.
Rule 2: content is made of a case that was looked at with a reason, and of nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.core import wire
from gateway.core.case import HELD, Case, Notice, Side, State
from gateway.core.escalation import owed, running
from gateway.core.messages import (
    CONFIRMATION,
    DELAY,
    ELEMENTS,
    INTERVIEW,
    INTERVIEW_ANSWER,
    INTERVIEW_RESULT,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    PROPOSAL,
    REPLY,
    REQUEST,
    USE_ANSWER,
    USE_REQUEST,
)
from gateway.core.referral import DUE, LIMITS
from gateway.core.return_checks import NO_ELSEWHERE
from gateway.core.return_guards import represented
from gateway.core.returns import IN_CHARGE
from gateway.core.reuse import FURTHER
from gateway.core.rule_checks import MINOR_ELSEWHERE
from gateway.core.tables import stop_event
from gateway.core.verification import MAY_TELL_APART
from gateway.services import person_stop
from gateway.services.acts import DESK, GONE
from gateway.services.hold import may_resume
from gateway.services.inquire import BoardRow
from gateway.services.reading import Passed, Step
from gateway.services.second import Word
from gateway.web import readable, rules, words
from gateway.web.interior.findings import said
from gateway.web.interior.step_texts import TEXTS
from gateway.web.language import N_, Tongue
from gateway.web.lateness import Lateness, lateness, stopped
from gateway.web.readable import Part
from gateway.web.reasons import Reason
from gateway.web.visit import Visit

FLAGGED = DESK | IN_CHARGE
"""Roles that read on every page of a case whether the person is represented: their acts depend on it."""

STOPS: Mapping[str, str] = {"freeze": "freeze", "recall": "recall"}
"""The step that stops a case at once, by the event that does."""


@dataclass(frozen=True, slots=True)
class Link:
    """A step that may be taken now: its verb, its text, and the page that takes it."""

    verb: str
    text: str
    path: str


@dataclass(frozen=True, slots=True)
class Officer:
    """Who is in charge: id, roles in words, who acts instead today if they are away; and whether they are in office."""

    id: str
    roles: str
    deputy: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class Head:
    """
    What stands on top of every page of a case. ``represented`` is ``None`` for who does not read that here.

    ``age_told`` is whether it is known by more than that nothing else is: a request says nothing of it.
    """

    ref: str
    partner: str
    side: str
    state: str
    state_code: str
    officer: Officer | None
    late: Lateness
    instrument: str
    verified: bool
    step: str
    represented: bool | None
    age_told: bool
    exercise: bool
    steps: tuple[Link, ...]
    data_steps: tuple[Link, ...]
    check: str
    stop: Link | None
    gone: bool
    reason: Reason | None


def head(
    visit: Visit,
    row: BoardRow,
    case: Case | None,
    links: Sequence[Link],
    reason: Reason | None,
    about_data: frozenset[str] = frozenset(),
) -> Head:
    """
    Return the head of the case of ``row``; ``case`` is given to who may read of the person's being represented.

    ``links`` are the steps that may be taken; those of ``about_data`` stand in a group of their own.
    """
    context, tongue = visit.site.desk.context, visit.tongue
    stops = stop_verb(Side(row.side), State(row.state))
    instrument = next((one for one in context.reckoner.instruments if one.id == row.instrument), None)
    return Head(
        ref=row.ref,
        partner=tongue.country(row.partner),
        side=words.side(tongue, row.side),
        state=words.state(tongue, row.state),
        state_code=row.state,
        officer=_officer(visit, row.officer),
        late=late(visit, row, case),
        instrument=row.instrument or "",
        verified=instrument is None or instrument.verified_by is not None,
        step=tongue.code("step", row.step) if row.step else words.until(tongue, row.state) if row.due_on else "",
        represented=None if case is None else represented(case),
        age_told=case is not None and (case.side is Side.REQUESTING or PROPOSAL in case.said),
        exercise=case is not None and case.exercise,
        steps=tuple(one for one in links if one.verb != stops and one.verb not in about_data),
        data_steps=tuple(one for one in links if one.verb in about_data),
        check=_check(visit, row, case),
        stop=next((one for one in links if one.verb == stops), None),
        gone=row.state in GONE,
        reason=reason,
    )


def late(visit: Visit, row: BoardRow, case: Case | None = None) -> Lateness:
    """Return how a case stands against its day; one that is stopped, against that of what was due before, if known."""
    if row.state in HELD and row.due_on is None:
        before = None if case is None or case.resume_to is None else replace(case, state=case.resume_to)
        return stopped(owed(before) if before else None, visit.tongue)
    return lateness(row, visit.now, visit.site.desk.context.reckoner.calendars, visit.tongue)


def stop_verb(side: Side, state: State) -> str | None:
    """Return the verb that stops a case in ``state`` at once, or ``None`` where nothing is left to stop."""
    event = stop_event(side, state)
    return STOPS[event] if event is not None else None


def _check(visit: Visit, row: BoardRow, case: Case | None) -> str:
    """Return where a desk checks what is prepared before it leaves; nowhere if nothing is."""
    prepared = case is not None and case.pending is not None and bool(visit.roles & DESK)
    return visit.path("check", ref=row.ref) if prepared else ""


def _officer(visit: Visit, id: str | None) -> Officer | None:
    if id is None:
        return None
    person = visit.site.desk.context.persons.get(id)
    if person is None:
        return Officer(id, "", None, False)
    today = visit.now.astimezone(visit.tongue.zone).date()
    roles = visit.tongue.roles(person.roles)
    return Officer(id, roles, person.deputy if person.is_away(today) else None, person.active(visit.now))


# What a desk sees without a reason.


@dataclass(frozen=True, slots=True)
class Running:
    """One clock: what is due, when, by which agreement and which list of holidays."""

    step: str
    late: Lateness
    instrument: str
    calendar: str
    version: str
    extended: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    What somebody prepared and another person signs: its type and who; nothing of its content.

    ``digest`` is empty where the content is not shown either: a body can be guessed by it.
    """

    type: str
    digest: str
    author: str
    approver: str | None


@dataclass(frozen=True, slots=True)
class Waits:
    """A step that a second person has to take, who took it first, and the roles (in words) whose word it needs."""

    step: str
    first: tuple[str, ...]
    roles: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a desk sees of a case without a reason (``desk`` of the local API): nothing of the person."""

    thread: str
    purpose: str
    clocks: tuple[Running, ...]
    findings: tuple[str, ...]
    prepared: Prepared | None
    contests: int
    waits: tuple[Waits, ...]


def known(visit: Visit, case: Case, *, shown: bool, due: Sequence[Word] = ()) -> Known:
    """
    Return what a desk sees of ``case`` without a reason, and whether its content is ``shown`` beside it.

    ``due`` are the words of second persons without which it does not go on.
    """
    tongue, pending = visit.tongue, case.pending
    calendars = visit.site.desk.context.reckoner.calendars
    clocks = tuple(
        Running(
            tongue.code("step", clock.step),
            lateness(clock, visit.now, calendars, tongue),
            clock.instrument,
            clock.calendar,
            clock.calendar_version,
            len(clock.extended),
        )
        for clock in running(case)  # of what was done the time no longer runs
    )
    prepared = pending and Prepared(
        tongue.code("message_type", pending.type), pending.digest if shown else "", pending.author, pending.approver
    )
    purpose = tongue.code("purpose", case.purpose)
    findings = (*sent_back(tongue, case), *(said(tongue, text) for text in person_stop.known(case)))
    waits = tuple(Waits(tongue._(TEXTS[one.verb].title), one.first, _seconds(tongue, case, one.verb)) for one in due)
    return Known(case.thread, purpose, clocks, findings, prepared or None, case.contests, waits)


def sent_back(tongue: Tongue, case: Case) -> tuple[str, ...]:
    """Return who sent back what is prepared, and why, as a code: their words are shown beside the text alone."""
    text = N_("What is prepared was sent back by %(who)s on %(at)s: %(reason)s. Look at it, and change it.")
    return tuple(
        tongue._(
            text,
            who=one.by,
            at=tongue.instant(datetime.fromisoformat(one.at)),
            reason=tongue.code("reason_sent_back", one.reason),
        )
        for one in case.disputed
    )


def _seconds(tongue: Tongue, case: Case, verb: str) -> str:
    """Return in which roles the second person may act, in words."""
    return tongue.roles(may_resume(case) if verb == "resume" else MAY_TELL_APART)


# What a desk sees for a reason.


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the content: its heading, and what is in it."""

    id: str
    title: str
    parts: tuple[Part, ...]


def content(
    tongue: Tongue, case: Case, counted: Sequence[str] | None = None, named: Sequence[str] = ()
) -> tuple[Section, ...]:
    """
    Return the personal content of ``case`` for a desk that gave a reason, which was recorded.

    ``counted`` are the other files by which the person is to be referred (R-26), ``None`` if that is not so; ``named``
    is what other cases say of the person, and which.
    """
    interview: Mapping[str, Any] = case.interview or {}
    found = (
        ("referral", tongue._(N_("The person is to be referred")), _referral(tongue, counted)),
        ("held", tongue._(_held(case)), _stopped(tongue, case, named)),
        ("reply", tongue._(N_("The reply")), _reply(tongue, case.reply)),
        ("draft", tongue._(N_("Our record")), _parts(tongue, "case-draft", case.draft)),
        ("received", tongue._(N_("What the other State sent")), _received(tongue, case.received)),
        ("asked", tongue._(N_("Further elements that were asked for")), _asked(tongue, case)),
        ("delay", tongue._(N_("The notice of delay")), _parts(tongue, DELAY, case.delay)),
        ("interview", tongue._(N_("The interview proposed")), _parts(tongue, INTERVIEW, interview.get("proposal"))),
        (
            "interview-answer",
            tongue._(N_("The answer to the proposal")),
            _parts(tongue, INTERVIEW_ANSWER, interview.get("answer")),
        ),
        (
            "interview-consent",
            tongue._(N_("The consent to the interview")),
            _parts(tongue, "interview-consent", interview.get("consent")),
        ),
        (
            "interview-result",
            tongue._(N_("The result of the interview")),
            _parts(tongue, INTERVIEW_RESULT, interview.get("result")),
        ),
    )
    return tuple(Section(*one) for one in found if one[2])


def _referral(tongue: Tongue, counted: Sequence[str] | None) -> tuple[Part, ...]:
    if counted is None:
        return ()
    files = _files(counted)
    label = N_("Cases counted; see first that they are about the same person")
    return (
        Part(tongue._(N_("What is to be done")), said(tongue, DUE)),
        Part(tongue._(N_("What that does not say")), said(tongue, LIMITS)),
        *((Part(tongue._(label), parts=files),) if files else ()),
    )


def _parts(tongue: Tongue, schema: str, value: Mapping[str, Any] | None) -> tuple[Part, ...]:
    return () if not value else readable.parts(tongue, schema, value)


def _reply(tongue: Tongue, value: Mapping[str, Any] | None) -> tuple[Part, ...]:
    """Return what was answered: it is what the case is opened for, and stands before the conditions that go with it."""
    answer = dict(value or {})
    conditions = {"handling": answer.pop("handling", None)}
    return (*_parts(tongue, REPLY, answer), *_parts(tongue, REPLY, conditions))


def _received(tongue: Tongue, value: Mapping[str, Any] | None) -> tuple[Part, ...]:
    """Return what the other State sent: its request, and the remark and conditions of further elements, if any."""
    request = {name: one for name, one in (value or {}).items() if name not in FURTHER}
    more = {FURTHER[name]: one for name, one in (value or {}).items() if name in FURTHER}
    # Who is looked up stands before the conditions under which that is done.
    person = {"elements": request.pop("elements", None)}
    return (
        *_parts(tongue, REQUEST, person),
        *_parts(tongue, REQUEST, request),
        *_parts(tongue, ELEMENTS, more),
    )


def _asked(tongue: Tongue, case: Case) -> tuple[Part, ...]:
    return tuple(Part("", tongue.code("question_element", one)) for one in case.asked)


def _stopped(tongue: Tongue, case: Case, named: Sequence[str]) -> tuple[Part, ...]:
    holders = tuple(Part("", words.by(tongue, role)) for _, role in case.holders)
    because = person_stop.reasons(case)
    own = [line for line in (case.freeze_reason or "").splitlines() if line not in because]
    known = [line for line in person_stop.told(case, named) if line not in because]
    return (
        *((Part(tongue._(N_("Stopped by")), parts=holders),) if holders else ()),
        *(Part(tongue._(N_("Reason")), line, typed=True) for line in own if line),
        *(part for line in because for part in (_by_us(tongue), *_named(tongue, line))),
        *(part for line in known for part in (_against(tongue, line), *_named(tongue, line))),
    )


def _by_us(tongue: Tongue) -> Part:
    """Return why the gateway itself holds the case, and how that ends."""
    text = N_(
        "Another case that shares a value with this person is stopped, so this gateway holds this one. If it is about "
        "somebody else, two persons say so here, each with a reason, and this case may go on; a number that both have "
        "is corrected first. If it may be the same person, nothing leaves from it."
    )
    return Part(tongue._(N_("Held by this gateway")), tongue._(text))


def _named(tongue: Tongue, line: str) -> tuple[Part, ...]:
    """Return the other cases that a line names behind its words, as links: each asks for a reason of its own."""
    files = _files(line.partition(": ")[2].split(", ")) if line.startswith(_NAMING) else ()
    return (Part(tongue._(N_("The other case")), parts=files),) if files else ()


_NAMING = (person_stop.BECAUSE, MINOR_ELSEWHERE, NO_ELSEWHERE)


def _files(refs: Sequence[str]) -> tuple[Part, ...]:
    return tuple(Part("", ref, path=f"/cases/{ref}") for ref in refs if ref)


def _held(case: Case) -> str:
    """Return what is called why something does not leave: of who is on the way the case itself is not stopped."""
    if case.state is State.RECALL:
        return N_("Why the person is called back")
    is_stopped = bool(case.holders or case.freeze_reason)
    return N_("Why the case is stopped") if is_stopped else N_("What is held back, and why")


def _against(tongue: Tongue, line: str) -> Part:
    """Return what is said against a message that waits: in the words of the page, where it has some for it."""
    said = rules.against(tongue, line)
    return Part(tongue._(N_("Told by this gateway")), said or line, typed=not said)


# Timeline and messages.


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline, as the macro of the pages takes it."""

    title: str
    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """One message in words: what it is, where it stands, and what proves that it was taken."""

    title: str
    ours: bool
    at: datetime
    state: str
    proof: str
    kind: str
    digest: str
    origin: str


def told(tongue: Tongue, one: Passed) -> Told:
    """Return a message in words."""
    type = tongue.code("message_type", one.type)
    title = tongue._(_passed_as(one), type=type)
    text, kind = _proof(tongue, one)
    at = one.at or one.queued_at
    return Told(title, one.ours, at, _verdict(tongue, one), text, kind, one.digest, one.proof.origin)


def _passed_as(one: Passed) -> str:
    """Return what became of a message, in which its type has its place: nothing is called sent that never left."""
    if not one.ours:
        return N_("Received: %(type)s")
    if one.at is not None:
        return N_("Sent: %(type)s")
    return N_("To be sent: %(type)s") if one.state == "queued" else N_("Not sent: %(type)s")


_OUTBOX: Mapping[str, str] = {
    "queued": N_("Waiting in the outbox"),
    "posted": N_("Posted, no receipt yet"),
    "receipted": N_("Accepted there"),
    "refused": N_("Not accepted there"),
    "dropped": N_("Given up here: it is not posted any more"),
    "undelivered": N_("Given up, because no receipt came in time"),
}


def _verdict(tongue: Tongue, one: Passed) -> str:
    if one.ours:
        return tongue._(_OUTBOX.get(one.state, one.state))
    return tongue._(N_("Accepted here")) if one.state == wire.ACCEPTED else tongue._(N_("Not accepted here"))


def _proof(tongue: Tongue, one: Passed) -> tuple[str, str]:
    proof = one.proof
    match proof.state:
        case "checked":
            text = N_("Receipt and log entry are genuine: entry %(index)s of %(size)s, checked just now")
            return tongue._(text, index=proof.index, size=proof.size), "good"
        case "entered":
            return tongue._(N_("Entered in our log as number %(index)s"), index=proof.index), "good"
        case "failed":
            return tongue._(N_("Receipt or log entry do not verify; tell the operator")), "late"
    return tongue._(N_("No receipt yet")), "still"


def moments(tongue: Tongue, steps: Iterable[Step], passed: Iterable[Passed]) -> tuple[Moment, ...]:
    """Return what happened and what passed as one timeline, the latest first."""
    lines = [_moment(tongue, one) for one in steps]
    lines += [_passed(tongue, one) for one in passed]
    return tuple(sorted(lines, key=lambda line: line.at, reverse=True))


def _moment(tongue: Tongue, one: Step) -> Moment:
    moved = one.source != one.target
    text = tongue._(N_("Now: %(state)s"), state=words.state(tongue, one.target)) if moved else ""
    if one.event in _SAID_LATER:
        later = tongue._(N_("This is when it was said; when the journey began stands in the return."))
        text = ". ".join(filter(None, (text, later)))
    return Moment(words.event(tongue, one.event), one.at, words.by(tongue, one.role) if one.role else "", text)


_SAID_LATER = frozenset({"depart", "departure"})
"""Events that may lie days before word of them: a departure that a restore took is said anew."""


def _passed(tongue: Tongue, one: Passed) -> Moment:
    made = told(tongue, one)
    text = tongue._(N_("%(state)s. %(proof)s."), state=made.state, proof=made.proof)
    return Moment(made.title, made.at, "", text)


# Questions about data that was sent.

_ANSWERS: Mapping[str, str] = {USE_REQUEST: USE_ANSWER, ONWARD_REQUEST: ONWARD_ANSWER}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question or demand about data, in words: whose, which, when, what it says, and the answer if there is one."""

    title: str
    who: str
    number: int
    on: str
    parts: tuple[Part, ...]
    answer: tuple[Part, ...] | None
    state: str
    kind: str


def asked(tongue: Tongue, notice: Notice) -> Asked:
    """Return a question or demand in words."""
    said = {name: value for name, value in notice.body.items() if name not in ("number", "handling", "elements")}
    answer = None
    if notice.answer is not None:
        schema = _ANSWERS.get(notice.kind, CONFIRMATION)
        answer = readable.parts(tongue, schema, {k: v for k, v in notice.answer.items() if k != "number"})
    who = tongue._(N_("From us")) if notice.ours else tongue._(N_("From the other State"))
    state, kind = (N_("Open"), "soon") if answer is None else (N_("Answered"), "good")
    return Asked(
        tongue.code("message_type", notice.kind),
        who,
        notice.number,
        notice.on,
        readable.parts(tongue, notice.kind, said),
        answer,
        tongue._(state),
        kind,
    )
