"""
What silence leads to: which step is owed, which rung is reached, who may trigger it, and what stops it. Nothing else.

Rule 1: a rung is derived from a clock and a calendar each time; it is never stored, and no case moves by it.
Rule 2: the law of a rung is data (the ladder): from when, by whom, how long it rests before it is triggered again.
Rule 3: nothing is pressed while a case is frozen or suspended, nor where somebody said that pressing may endanger.
Rule 4: anyone who answers for a person stops the pressing alone; two of them, and not one, let it go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from gateway.core.calendars import Calendar, end_of_day, local_date
from gateway.core.case import HELD, Case, Side, State
from gateway.core.clocks import Clock, notice_until
from gateway.core.deadlines import add_months
from gateway.core.facts import Finding
from gateway.core.ladder import Level, is_reached
from gateway.core.messages import DOCUMENT, DOCUMENT_REQUEST, HANDOVER, PROPOSAL, SCHEDULE, TAKE_BACK
from gateway.core.returns import ARRANGING, MONITORED_MONTHS
from gateway.core.wire import SKEW

MAY_STOP = frozenset({"case_officer", "liaison_officer", "child_welfare", "coordinator", "guardian"})
"""Who may say that pressing endangers somebody; each alone, at once."""

MAY_ALLOW = frozenset({"case_officer", "liaison_officer", "child_welfare", "coordinator"})
"""Who may say, two of them, that it no longer does."""

STOP, PROPOSE, ALLOW = "stop_pressing", "propose_pressing", "allow_pressing"
"""Events of a case that set the mark "do not press", propose to take it away, and take it away."""

DELAY_NOTICE_DUE = "delay_notice_due"
"""Event: the desk was told that a reply or a notice of delay is due."""

_FIRST = ("acknowledgement", "reply")
_ANSWER = ("reply", "interview_reply")
_OWED: Mapping[State, tuple[str, ...]] = {
    State.DELIVERED: _FIRST,
    State.RECEIVED: _FIRST,
    State.ACKNOWLEDGED: _ANSWER,
    State.EXTENDED: _ANSWER,
    State.NEEDS_TIER2: _ANSWER,
    State.NEEDS_INTERVIEW: _ANSWER,
    State.CONTESTED: _ANSWER,
    State.REDIRECTED: _FIRST,
}

_DOCUMENT, _ANOTHER = "travel_document", "travel_document_reissue"

_WITHOUT_DOCUMENT = ((Side.REQUESTING, State.DECIDED), (Side.REQUESTED, State.ACCEPTED))
"""Where a return waits for a travel document, or for another after the first."""


def owed_steps(case: Case) -> tuple[str, ...]:
    """Return the steps the requested State owes in this state of the case; none where it owes nothing."""
    if case.state in _OWED:
        return (*_OWED[case.state], *_interview(case))
    if (case.side, case.state) in _WITHOUT_DOCUMENT:
        return (_ANOTHER,) if DOCUMENT in case.said else (_DOCUMENT,)
    return ()


def _interview(case: Case) -> tuple[str, ...]:
    """Return the steps of an interview that was agreed on and has no result yet."""
    said = case.interview or {}
    agreed = (said.get("answer") or {}).get("decision") == "ACCEPTED"
    return ("interview", "interview_result") if agreed and not said.get("result") else ()


def owed(case: Case) -> Clock | None:
    """Return the clock whose due date the desks see: of those that run the one that is over first, or ``None``."""
    return min(running(case), key=lambda clock: clock.due_at, default=None)


def away_until(case: Case, zone: str, now: datetime) -> tuple[date, datetime] | None:
    """
    Return by which day in ``zone``, and which instant, something is to be heard of somebody who has left, or is to.

    She leaves within the days that were proposed, for on a later one nobody may; the day of her journey stays sealed
    until it is over, and is that day from then on. Where our own desk has still to ask for a travel document that is no
    day of ours: what is decided, foreign affairs sees as something that the other State owes. She is handed over at the
    arrival that was told, followed for six months from then on, and back by the day for which she was called back;
    where the other State does not know of that, nobody but we look for her from the arrival on. ``None`` where nobody
    is to travel, or none of it was told. Nobody is pressed by it: the desks of both sides see that nothing was heard.
    Also in a case that is stopped: a stop that crossed the departure holds nobody back.
    """
    at, planned = case.at, journey_until(case)
    unheard = at is State.DEPARTED or (at is State.RECALL and TAKE_BACK not in case.said)
    try:
        if unheard or (planned is not None and planned <= now):
            arrives_at = _arrives_at(case)
            return local_date(arrives_at, zone), arrives_at
        if at in (State.HANDED_OVER, State.MONITORING):
            handed_over = datetime.fromisoformat(case.said[HANDOVER]["protocol"]["at"]).date()
            day = add_months(handed_over, MONITORED_MONTHS)
        elif at is State.RECALL:
            day = date.fromisoformat(case.said[TAKE_BACK]["by"])
        elif at in ARRANGING and (case.state is not State.DECIDED or _owes_document(case)):
            day = date.fromisoformat(case.said[PROPOSAL]["window"]["until"])
        else:
            return None
        return day, end_of_day(day, zone)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None  # another State may name the last instant there is


def _arrives_at(case: Case) -> datetime:
    return datetime.fromisoformat(case.said[SCHEDULE]["arrives_at"]).astimezone(UTC)


def journey_until(case: Case) -> datetime | None:
    """Return when somebody is to arrive of whom nobody said yet that she left, nor that the journey is off."""
    try:
        return _arrives_at(case) if case.at is State.SCHEDULED else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _owes_document(case: Case) -> bool:
    """Return whether a first travel document was asked for and has not come, also where no agreement has a clock."""
    return DOCUMENT_REQUEST in case.said and DOCUMENT not in case.said


def running(case: Case) -> tuple[Clock, ...]:
    """Return the clocks of the steps owed in this state of the case, but for one that is answered."""
    steps = owed_steps(case)
    return tuple(
        clock for clock in case.clocks if clock.step in steps and not clock.floor and not is_answered(case, clock)
    )


def is_answered(case: Case, clock: Clock) -> bool:
    """Tell whether ``clock`` is of a reply that was given and then contested; a second look has a clock of its own."""
    return clock.step == "reply" and case.answered is not None and clock.evidence == case.answered


def answered_clock(case: Case) -> Clock | None:
    """Return the clock that the first reply had to meet, in its last version; that of a second look is another."""
    clock = case.clock("reply")
    if clock is None or case.answered is None:
        return clock
    return next((one for one in (clock, *reversed(clock.history)) if one.evidence == case.answered), clock)


def delay_notice_from(case: Case) -> date | None:
    """
    Return the day from which the requested desk owes an answer or a notice of delay (R-11), or ``None`` if never.

    It is the day that 80 % of the time is used. A notice counts for the time it names, within bounds: once
    its day has passed, the next one is due. One that was given of the reply says nothing of a travel document.
    """
    clock = owed(case)
    if case.side is not Side.REQUESTED or clock is None:
        return None
    if case.delay is None or clock.step in (_DOCUMENT, _ANOTHER):
        return clock.delay_on
    return max(clock.delay_on, notice_until(clock, date.fromisoformat(case.delay["eta"])) + timedelta(days=1))


def delay_notice_missing(case: Case, now: datetime) -> bool:
    """Tell whether the requested desk owes an answer or a notice of delay by now and gave neither (R-11)."""
    clock, since = owed(case), delay_notice_from(case)
    return clock is not None and since is not None and local_date(now, clock.zone) >= since


@dataclass(frozen=True, slots=True)
class Pressed:
    """One event of the past that matters to the ladder: its name, who brought it, and when."""

    event: str
    actor: str
    at: datetime


def took_place(at: datetime, now: datetime) -> bool:
    """Return whether ``at`` is past: what a clock did that was further ahead than partners bear has its time yet."""
    return at <= now + SKEW


def event_of(level: str) -> str:
    """Return the name of the event that a triggered ``level`` leaves in the history; L1 is the reminder itself."""
    return "remind" if level == "L1" else f"escalate_{level.lower()}"


def is_stopped(past: Iterable[Pressed]) -> bool:
    """Tell whether the mark "do not press" is set: it was, and two persons did not take it away since."""
    return next((one.event == STOP for one in _backwards(past) if one.event in (STOP, ALLOW)), False)


def proposer(past: Iterable[Pressed]) -> str | None:
    """Return who proposed to let the pressing go on since the mark was last set, or ``None``."""
    for one in _backwards(past):
        if one.event in (STOP, ALLOW):
            return None
        if one.event == PROPOSE:
            return one.actor
    return None


def _backwards(past: Iterable[Pressed]) -> list[Pressed]:
    return list(past)[::-1]


def press_findings(
    level: Level, case: Case, role: str, past: Sequence[Pressed], calendar: Calendar | None, now: datetime
) -> tuple[Finding, ...]:
    """
    Return what stands against triggering ``level`` now: all of it, so that whoever asks learns it at once.

    ``past`` is the history of the case, oldest first; ``calendar`` that of the requested State.
    """
    clock, found = owed(case), []
    if role not in level.who:
        found.append(Finding("D-04", f"{level.level} is triggered by: {', '.join(level.who)}"))
    if case.state in HELD:
        found.append(Finding("D-05", "nothing is pressed while the case is stopped"))
    if is_stopped(past):
        found.append(Finding("D-06", "pressing may endanger somebody, says who answers for the person"))
    if clock is None or calendar is None or case.side is not Side.REQUESTING:
        found.append(Finding("D-07", "the other State owes nothing that a day was reckoned for"))
    elif not is_reached(level, clock, local_date(now, clock.zone), calendar):
        found.append(Finding("D-07", f"{level.level} is not reached yet"))
    rested = rests_until(level, [one for one in past if took_place(one.at, now)])
    if rested is not None and now < rested:
        found.append(Finding("D-08", f"{level.level} was triggered; it rests until {rested.date()}"))
    return tuple(found)


def rests_until(level: Level, past: Iterable[Pressed]) -> datetime | None:
    """Return the instant until which ``level`` rests after it was last triggered, or ``None`` if it never was."""
    last = max((one.at for one in past if one.event == event_of(level.level)), default=None)
    return last and last + timedelta(days=level.cooldown_days)
