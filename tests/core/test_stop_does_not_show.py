"""
A case that is stopped answers as where it was stopped (M-5.30), whoever stopped it and wherever that was.

Two cases stand side by side, one stopped and one not, and the other State says the same to both, twice in a row, each
thing that it may say anywhere and each with what may be wrong with it. No answer may differ, neither in its code nor in
the dates that a receipt carries. The protocol makes no exception, so there is no list of any here.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from gateway.core import codes, notices
from gateway.core.case import Case, Side, State, replace
from gateway.core.codes import Reason
from gateway.core.machine import KEEP, LEARN, Event, IllegalStep, Row, RuleRefused, Send, step
from gateway.core.messages import REPLY
from gateway.core.returns import PREPARING
from gateway.core.tables import REQUESTING, table_for
from gateway.core.verification import PARTNER, STOP
from tests.core import return_support as kit
from tests.core import support
from tests.core.notice_bodies import ASKED, HANDLING, value_of
from tests.core.variants import other_variants
from tests.support.rows import for_each

HELD = (State.FROZEN, State.SUSPENDED)
SIDES = pytest.mark.parametrize("side", list(Side))
DIGEST = "of the message"
"""Digest of what the other State says; a receipt carries the dates of the clock that this started."""
LOUD = ("suspension", "resumption", "withdrawal")
"""What moves a case that is stopped in another way than one that is not, to the same answers."""

WHO = {
    Side.REQUESTING: (
        ("protection", "asylum_authority"),
        ("welfare", "child_welfare"),
        ("anna", "case_officer"),
        ("gateway", STOP),
    ),
    Side.REQUESTED: (
        ("protection", "asylum_authority"),
        ("welfare", "child_welfare"),
        ("anna", "registry_clerk"),
        ("gateway", STOP),
    ),
}
"""Who stops: an authority for the person's protection, one for her welfare, the desk, the gateway itself."""

Answer = tuple[str, tuple[Any, ...]]
"""What the other State sees: accepted or the code of the refusal, and the dates of the receipt."""


def reached(side: Side) -> list[State]:
    """Return every state in which a case may be stopped, or to which what arrives while it is stopped may take it."""
    table = table_for(side)
    found = [row.source for row in table.rows if row.event in ("freeze", "suspend") and row.target in HELD]
    queue = [state for state in dict.fromkeys(found) if state not in HELD]
    found = list(queue)
    kept = {row.event for row in table.rows if row.source in HELD and row.target in (KEEP, LEARN)}
    while queue:
        state = queue.pop()
        for row in table.rows:
            if row.source is state and row.event in kept and row.target in set(State) - set(found):
                found.append(State(row.target))
                queue.append(State(row.target))
    return found


PLACES = [(side, state) for side in Side for state in reached(side)]


@cache
def said(side: Side) -> tuple[tuple[str, Event], ...]:
    """Return everything the other State may say to ``side`` at some place, with what is wrong with it."""
    # What both tables know is said as in a verification.
    found: dict[str, Row] = {row.event: row for row in reversed(table_for(side).rows) if PARTNER in row.who}
    made = []
    for name, row in found.items():
        kind = kit if kit.concerns(row) else support
        case = replace(kit.case_in(side, State.REPLIED), pending=support.prepared(support.reply()))
        event = kind.good_event(replace(row, who=frozenset({PARTNER})), case)
        value = value_of(side, name) if name in notices.APPLIES else {}
        clocks = (replace(support.clock(), evidence=DIGEST),)
        data = {**event.data, "digest": DIGEST, "clocks": clocks, "value": value}
        good = replace(event, data=data)
        made.append((name, good))
        made += [(name, replace(good, data={**data, **wrong})) for wrong in wrongs(name, value)]
        if name == "reply":
            body = support.reply(method_used=["SOCIAL_ENQUIRY"])
            made.append((name, replace(good, facts=support.received_facts(REPLY, body))))
    return tuple(made)


def wrongs(name: str, value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what may be wrong with what an event brings."""
    yield from (changed for minor in (True, False) for _, changed in other_variants(name, minor))
    if value:
        yield from ({"value": {**value, "number": number}} for number in (1, 2, 9))
    if name == "rectification":
        for element in ("sex", "last_residence"):
            parts = [element.upper()]
            yield {"value": {**value, "parts": parts, "handling": HANDLING, "elements": {element: 1}}}
    if name == "extension":
        yield {"clock": None, "clocks": ()}
    if name == "redirection":
        yield {"listed": False}
    if name == "reply":
        yield {"body": support.reply(method_used=["CONSULAR_INTERVIEW"])}
    if name == "interview_result":
        yield {"body": {**support.HELD_INTERVIEW, "on": "2026-12-24"}}


def cases_in(side: Side, state: State) -> Iterator[Case]:
    """Yield cases in ``state``: one with a return arranged, one with an interview, one with nothing but a request."""
    arranged = kit.case_in(side, state, notices=ASKED, clocks=(support.clock(),))
    yield arranged
    yield replace(support.interviewing(arranged), pending=None)
    made = support.asking if side is Side.REQUESTING else support.asked
    yield made(state, pending=None, contests=1)


def stopped(case: Case, state: State) -> Iterator[Case]:
    """Yield ``case`` as each who may stop it leaves it; where none may, as what arrived would have left it."""
    table = table_for(case.side)
    stops = [name for name in ("freeze", "suspend") if (state, name) in table.index]
    for actor, role in WHO[case.side]:
        for name in stops:
            if role in table.index[state, name].who:
                data = {"reason": "known now", "undo": None}
                yield step(table, case, Event(name, actor, role, data, support.asking_facts(case)), support.NOW)[0]
        if not stops:
            for held in HELD:
                yield replace(case, state=held, resume_to=state, holders=((actor, role),))


def answer(case: Case, event: Event, now: datetime = support.NOW) -> tuple[Answer, Case]:
    """Return what the other State sees of the answer, and the case then."""
    try:
        moved, _ = step(table_for(case.side), case, event, now)
    except IllegalStep:
        return (codes.outward(Reason.STEP_NONE).code, ()), case
    except RuleRefused as error:
        limit = error.findings[0].rule == "M-01"
        return (codes.outward(Reason.METHOD_LIMIT if limit else Reason.STEP_NONE).code, ()), case
    dates = tuple((clock.step, clock.start_on, clock.due_on) for clock in moved.clocks if clock.evidence == DIGEST)
    return ("accepted", dates), moved


_HEARD: defaultdict[tuple[Any, ...], list[tuple[Case, tuple[Answer, ...]]]] = defaultdict(list)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Keep what was answered no longer than a test: of all of them it would be hundreds of megabytes."""
    yield
    _HEARD.clear()


def answers(case: Case) -> tuple[Answer, ...]:
    """
    Return what the other State sees of the answer to each thing that it may say.

    Most of what it may say leaves one of a few cases behind, and equal cases answer alike: ``step`` sees nothing else.
    """
    alike = _HEARD[case.side, case.state, case.resume_to, case.holders]
    found = next((told for one, told in alike if one == case), None)
    if found is None:
        found = tuple(answer(case, event)[0] for _, event in said(case.side))
        alike.append((case, found))
    return found


def at(case: Case) -> State:
    """Return where the case stands, or will stand once it goes on."""
    return case.resume_to if case.state in HELD and case.resume_to else case.state


def test_there_is_more_than_the_states_that_can_be_stopped() -> None:
    """What arrives while a case is stopped takes it further: the person may leave, and be called back."""
    assert {State.DEPARTED, State.RECALL} <= set(reached(Side.REQUESTED))
    assert {State.UNDELIVERED, State.NOT_ACCEPTED, State.DRAFT} <= set(reached(Side.REQUESTING))


@pytest.mark.parametrize(("side", "state"), PLACES, ids=lambda item: str(item.value))
def test_no_answer_tells_of_a_stop(side: Side, state: State) -> None:
    """Whatever the other State says, it is answered as if nobody had stopped the case, and so is what it says next."""
    different = set()
    for case in cases_in(side, state):
        for held in stopped(case, state):
            for name, event in said(side):
                open_answer, moved = answer(case, event)
                held_answer, kept = answer(held, event)
                if open_answer != held_answer:
                    different.add((name, open_answer, held_answer))
                if "accepted" not in (open_answer[0], held_answer[0]):
                    continue
                for (then, _), one, other in zip(said(side), answers(moved), answers(kept), strict=True):
                    if one != other:
                        different.add((f"{name}, {then}", one, other))
    assert set() == different


@pytest.mark.parametrize(("side", "state"), PLACES, ids=lambda item: str(item.value))
def test_what_arrives_moves_a_stopped_case_alike(side: Side, state: State) -> None:
    """A case that is stopped will go on where it would stand if nobody had stopped it."""
    for case in cases_in(side, state):
        for held in stopped(case, state):
            for name, event in said(side):
                if name not in LOUD and answer(case, event)[0][0] == "accepted":
                    assert (name, at(answer(case, event)[1])) == (name, at(answer(held, event)[1]))


WITHDRAWABLE = [state for side, state in PLACES if side is Side.REQUESTING]
HOUR = support.NOW.replace(hour=10)
"""When a withdrawal that is decided at the instant of these tests leaves."""


def withdrawn(case: Case, state: State) -> Case:
    """Return ``case``, stopped in ``state`` and withdrawn."""
    held = replace(case, state=State.FROZEN, resume_to=state, holders=(("anna", "case_officer"),))
    return step(table_for(case.side), held, Event("withdraw", "anna", "case_officer", {"posted": True}), support.NOW)[0]


def telling(case: Case, over: Case) -> set[str]:
    """Return the messages whose answer, or the answer to what follows them, tells ``over`` from ``case``."""
    found = set()
    for name, event in said(Side.REQUESTING):
        open_answer, moved = answer(case, event)
        over_answer, kept = answer(over, event)
        found |= {name} if open_answer != over_answer else set()
        if "accepted" in (open_answer[0], over_answer[0]):
            following = zip(said(Side.REQUESTING), answers(moved), answers(kept), strict=True)
            found |= {f"{name}, {then}" for (then, _), one, other in following if one != other}
    return found


@pytest.mark.parametrize("state", WITHDRAWABLE)
def test_no_answer_tells_of_a_withdrawal_before_its_hour(state: State) -> None:
    """Until a withdrawal may leave the thread answers as where the case was stopped, twice in a row (M-5.26)."""
    different = set()
    for case in cases_in(Side.REQUESTING, state):
        for over in (one := withdrawn(case, state), step(REQUESTING, one, CLOSE, support.NOW)[0]):
            different |= telling(case, over)
    assert set() == different


def declined(case: Case) -> Case:
    """Return ``case`` as the authority in charge ends a return that the other State knows of."""
    return step(
        table_for(case.side), case, Event("decline", "welfare", "child_welfare", {"proposed": True}), support.NOW
    )[0]


@pytest.mark.parametrize("state", PREPARING)
@pytest.mark.parametrize("then", ["declined", "closed", "frozen", "frozen and withdrawn"])
def test_no_answer_tells_of_a_return_that_was_declined_before_its_hour(state: State, then: str) -> None:
    """Until word leaves that nobody comes the thread answers as where that was decided, whatever our side does then."""
    different = set()
    for case in cases_in(Side.REQUESTING, state):
        over = declined(case)
        if then == "closed":
            over = step(REQUESTING, over, CLOSE, support.NOW)[0]
        if then.startswith("frozen"):
            over = next(stopped(over, over.state))
        if then.endswith("withdrawn"):
            event = Event("withdraw", "anna", "case_officer", {"posted": True})
            over = step(REQUESTING, over, event, support.NOW)[0]
        different |= telling(case, over)
    assert set() == different


@pytest.mark.parametrize("state", PREPARING)
def test_declined_and_withdrawn_threads_answer_alike_from_their_hour(state: State) -> None:
    """From the hour on no answer tells a return that was declined from a case that was stopped and withdrawn."""
    for case in cases_in(Side.REQUESTING, state):
        one, other = declined(case), withdrawn(case, state)
        different = {
            name
            for name, event in said(Side.REQUESTING)
            if answer(one, event, HOUR)[0] != answer(other, event, HOUR)[0]
        }
        assert set() == different


def test_what_was_declined_is_withdrawn_once() -> None:
    """A return that was declined, stopped after it and withdrawn sends the other State one withdrawal, as any other."""
    held = next(stopped(declined(next(cases_in(Side.REQUESTING, State.ASSESSED))), State.NOT_RETURNED))
    withdraw = Event("withdraw", "anna", "case_officer", {"posted": True})
    _, effects = step(REQUESTING, held, withdraw, HOUR)
    assert [] == [effect for effect in effects if isinstance(effect, Send)]


CLOSE = Event("close", "anna", "case_officer")


@for_each("state", WITHDRAWABLE)
def test_withdrawn_case_keeps_no_more_before_its_hour(state: State) -> None:
    """What arrives between the decision and its hour leaves nothing behind that it would not leave after it."""
    for case in cases_in(Side.REQUESTING, state):
        over = withdrawn(case, state)
        for _, event in said(Side.REQUESTING):
            if answer(over, event)[0][0] != "accepted":
                continue
            kept, later = answer(over, event)[1], step(REQUESTING, over, event, HOUR)[0]
            assert later == replace(kept, answers_as=state, clocks=over.clocks, interview=over.interview)
            assert State.WITHDRAWN == kept.state


@for_each("state", WITHDRAWABLE)
def test_withdrawn_thread_answers_as_such_from_its_hour(state: State) -> None:
    """From the hour at which a withdrawal may leave the thread takes what one that is over takes."""
    over = withdrawn(next(cases_in(Side.REQUESTING, state)), state)
    event = next(event for name, event in said(Side.REQUESTING) if name == "suspension")
    assert State.WITHDRAWN == step(REQUESTING, over, event, HOUR)[0].state


@SIDES
def test_nothing_that_arrives_is_left_out(side: Side) -> None:
    """Each event that the other State brings in any row is tried, and taken somewhere."""
    names = {row.event for row in table_for(side).rows if PARTNER in row.who}
    taken = {
        name
        for state in reached(side)
        for case in cases_in(side, state)
        for name, event in said(side)
        if answer(case, event)[0][0] == "accepted"
    }
    assert names == taken
