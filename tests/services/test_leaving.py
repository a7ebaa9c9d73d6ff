"""Whether a message may leave, by where its case stands and what waits beside it: tables, over a store of one case."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.case import Case, Side, State
from gateway.core.escalation import ALLOW, STOP
from gateway.core.machine import PARTNER
from gateway.core.messages import (
    CONFIRMATION,
    ERASURE,
    HANDOVER,
    PROPOSAL,
    RECTIFICATION,
    REMINDER,
    REPLY,
    REQUEST,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    USE_ANSWER,
)
from gateway.services.leaving import (
    OF_A_RETURN,
    OF_AN_ANSWER,
    STOPPED,
    Leaving,
    _is_a_plan_that_waited,
    _is_stopped_anew,
    _passes,
    _staying,
    _stays,
)
from gateway.services.threads import STOPS
from tests.services.one_case import message, over
from tests.storage.support import NOW, case, outbound, thread

S, ASK, ASKED = State, Side.REQUESTING, Side.REQUESTED
EVERY = (REQUEST, REPLY, PROPOSAL, HANDOVER, USE_ANSWER, SUSPENSION, RESUMPTION, TAKE_BACK, RECTIFICATION, CONFIRMATION)
TAKES_BACK = {RECTIFICATION, CONFIRMATION}
LOCKED = TAKES_BACK | STOPS | {RESUMPTION}


@pytest.mark.parametrize(
    ("side", "state", "passes", "posted"),
    [
        (ASK, S.FROZEN, set(), set()),
        (ASKED, S.FROZEN, {SUSPENSION, RESUMPTION}, {SUSPENSION, RESUMPTION}),
        (ASK, S.SUSPENDED, {SUSPENSION, RESUMPTION}, {SUSPENSION, RESUMPTION}),
        (ASKED, S.SUSPENDED, {SUSPENSION, RESUMPTION}, {SUSPENSION, RESUMPTION}),
        (ASK, S.WITHDRAWN, TAKES_BACK, TAKES_BACK),
        (ASKED, S.WITHDRAWN, TAKES_BACK, set(EVERY)),
        (ASK, S.BLOCKED, LOCKED, LOCKED),
        (ASKED, S.BLOCKED, LOCKED, set(EVERY)),
        (ASK, S.ERASED, set(), set()),
        (ASKED, S.ERASED, set(), set()),
    ],
)
def test_what_leaves_a_case_that_stands_still(side: Side, state: State, passes: set[str], posted: set[str]) -> None:
    """Word of the stop, where the other State may know of it; after a withdrawal what takes data back; locked, both."""
    row = case(side=side.value, state=state.value)
    assert state in STOPPED, "else it is not looked at"
    assert passes == {one for one in EVERY if _passes(row, outbound(type=one))}
    # Where we are asked no withdrawal closes a number: what was posted before has to use its own (M-5.6).
    assert posted == {one for one in EVERY if _passes(row, outbound(type=one, posted_at=NOW))}


OURS, THEIRS = ("welfare", "child_welfare"), ("XBB", PARTNER)


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({"holders": (OURS,)}, OF_A_RETURN | OF_AN_ANSWER),
        ({"holders": (THEIRS, OURS)}, OF_A_RETURN | OF_AN_ANSWER),
        ({"holders": (THEIRS,)}, OF_A_RETURN),
        ({"resume_to": S.ACCEPTED}, OF_A_RETURN | OF_AN_ANSWER),
        ({}, frozenset()),
        ({"holders": (OURS,), "said": {TAKE_BACK: {}}}, frozenset()),
        ({"holders": (OURS,), "state": S.BLOCKED}, OF_A_RETURN | OF_AN_ANSWER),
        ({"holders": (OURS,), "state": S.ACCEPTED}, frozenset()),
        ({"holders": (THEIRS,), "state": S.WITHDRAWN, "side": ASKED}, OF_A_RETURN),
        ({"resume_to": S.ACCEPTED, "state": S.WITHDRAWN, "side": ASKED}, OF_A_RETURN | OF_AN_ANSWER),
        ({"state": S.WITHDRAWN, "side": ASKED}, frozenset()),
    ],
)
def test_what_leaves_no_more_where_a_case_was_over_while_it_was_stopped(
    changes: dict[str, Any], stays: frozenset[str]
) -> None:
    """Nothing of the return, also where all let go since; where the stop is ours no answer either (R-02)."""
    assert stays == _staying(Case(**{**_CLOSED, **changes}))


@pytest.mark.parametrize(
    ("holders", "ended", "type", "stays"),
    [
        ((OURS,), None, USE_ANSWER, False),
        ((OURS,), "undelivered", USE_ANSWER, False),
        ((OURS,), "withdrawn", USE_ANSWER, True),
        ((THEIRS,), "withdrawn", USE_ANSWER, False),
        ((), "withdrawn", USE_ANSWER, False),
        ((OURS,), None, REPLY, True),
        ((THEIRS,), None, REPLY, False),
    ],
)
async def test_what_was_done_with_data_is_owed_where_a_case_was_stopped_and_closed_so(
    holders: tuple[tuple[str, str], ...], ended: str | None, type: str, stays: bool
) -> None:
    """But not where the other State withdrew what we had stopped: it was said before our stop (M-5.23)."""
    store = await over(case(), thread=thread(ended=ended))
    closed = Case(**{**_CLOSED, "holders": holders})
    assert stays is await store.read(lambda tx: _stays(tx, closed, type))


@pytest.mark.parametrize(
    ("state", "holders", "anew"),
    [(S.SUSPENDED, (OURS,), True), (S.SUSPENDED, (THEIRS,), False), (S.SUSPENDED, (), False), (S.SENT, (OURS,), False)],
)
def test_word_that_a_case_goes_on_waits_for_whoever_of_ours_stopped_it_anew(
    state: State, holders: tuple[tuple[str, str], ...], anew: bool
) -> None:
    """Not for a stop of the other State, of which it knows."""
    assert anew is _is_stopped_anew(Case(**{**_CLOSED, "state": state, "holders": holders}))


@pytest.mark.parametrize(
    ("changes", "status", "held"),
    [
        ({}, "planned", True),
        ({"posted_at": NOW}, "planned", False),
        ({}, "cancelled", False),
        ({}, "departed", False),
        ({"type": PROPOSAL}, "planned", False),
    ],
)
def test_a_plan_that_was_never_posted_is_looked_at_as_if_it_were_made_now(
    changes: dict[str, Any], status: str, held: bool
) -> None:
    """Once it may be abroad what sets it right waits behind it (R-06)."""
    assert held is _is_a_plan_that_waited(outbound(**{"type": SCHEDULE, **changes}), {"status": status})


_CLOSED: dict[str, Any] = {
    "ref": "c1",
    "side": ASKED,
    "partner": "XBB",
    "thread": "thread-c1",
    "state": S.CLOSED,
    "officer": "first",
    "purpose": "verification",
}


def leaving() -> Leaving:
    """Return the rules of an attempt, where nothing of the gateway is looked at."""
    context: Any = SimpleNamespace()
    return Leaving(context)


@pytest.mark.parametrize(
    ("side", "said", "found"),
    [
        (ASK, ["1.1 return.proposal posted", "1.2 suspension queued"], "1.2"),
        (ASK, ["1.1 return.proposal posted", "1.2 use-report.request queued", "1.3 return.take-back posted"], "1.3"),
        (ASK, ["1.9 return.proposal posted", "2.1 suspension queued"], "2.1"),
        (ASK, ["1.1 return.proposal queued", "1.2 suspension queued"], None),
        (ASK, ["1.1 return.proposal posted", "1.2 suspension receipted"], None),
        (ASK, ["1.1 return.proposal posted", "1.2 suspension dropped"], None),
        (ASK, ["1.2 return.proposal posted", "1.1 suspension posted"], None),
        (ASK, ["2.1 return.proposal posted", "1.2 suspension posted"], None),
        (ASKED, ["1.1 verification.reply posted", "1.2 rectification queued"], "1.2"),
        (ASK, ["1.1 verification.elements posted", "1.2 rectification queued"], None),
        (ASKED, ["1.1 verification.reply posted", "1.2 rectification queued", "1.3 suspension queued"], "1.3"),
        (ASK, ["1.1 return.proposal posted", "1.2 return.proposal queued", "1.3 return.proposal queued"], "1.3"),
        (ASK, ["1.1 travel-document.request posted", "1.2 return.acceptance queued"], "1.2"),
        (ASK, ["1.1 use-report.request posted", "1.2 return.proposal queued"], None),
        (ASK, ["1.1 return.proposal posted", "1.2 travel-document.request queued"], None),
    ],
)
async def test_word_that_takes_what_stands_before_it_along(side: Side, said: list[str], found: str | None) -> None:
    """A stop behind what was posted; what takes back where we are asked; of a return the last proposal or answer."""
    rows = [message(text) for text in said]
    store = await over(case(side=side.value), rows)
    stop = await store.read(lambda tx: leaving()._stop_behind(tx, rows[0]))
    assert (found and f"id-{found}") == (stop and stop.id)


DAYS = timedelta(days=1)
PRESSED = outbound(type=REMINDER, state="posted", seq=2, queued_at=NOW, not_before=NOW, expires_at=NOW + 30 * DAYS)


@pytest.mark.parametrize(
    ("changes", "steps", "beside", "days", "waits"),
    [
        ({}, [STOP], [], 1, True),
        ({}, [STOP], [], 26.9, True),
        ({}, [STOP], [], 27, False),
        ({"not_before": NOW + 10 * DAYS}, [STOP], [], 27.9, True),
        ({"not_before": NOW + 10 * DAYS}, [STOP], [], 28, False),
        ({}, [], [], 1, False),
        ({}, [STOP, ALLOW], [], 1, False),
        ({"type": ERASURE}, [STOP], [], 1, False),
        ({"answer": b"of before the restore"}, [STOP], [], 1, False),
        ({}, [STOP], ["1.3 withdrawal queued"], 1, False),
        ({}, [STOP], ["2.1 verification.elements posted"], 1, False),
        ({}, [STOP], ["1.1 verification.elements posted"], 1, True),
        ({"epoch": 2}, [STOP], ["1.3 verification.elements posted"], 1, True),
        ({}, [STOP], ["1.3 verification.elements receipted"], 1, True),
    ],
)
async def test_reminder_waits_where_pressing_endangers(
    changes: dict[str, Any], steps: list[str], beside: list[str], days: float, waits: bool
) -> None:
    """Unless it was heard before, something waits behind it, or its time is nearly over: a tenth of it (D-06)."""
    pressed = PRESSED._replace(**changes)
    store = await over(case(side=ASK.value), [pressed, *(message(text) for text in beside)], steps)
    assert waits is await store.read(lambda tx: leaving()._presses(tx, pressed, NOW + days * DAYS))
