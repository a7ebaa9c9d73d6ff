"""
Two tables and the line between them: every order in which what both sides say of a return can cross.

``tests/test_explore.py`` tries all that can happen to one side. Here both sides act, each by the rows of its own table;
what they say waits in order, one message is on the way at a time, and its answer comes back later, when either side may
have gone on (``docs/protocol.md#5.2``). Where nothing is under way any more, both sides stand where they agree.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.core.case import HELD, Case, Side, State
from gateway.core.machine import DropUnsent, Effect, EndThread, Event, IllegalStep, RuleRefused, Send, step
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT_REQUEST,
    HANDOVER,
    PROPOSAL,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    event_name,
    refused_as,
    takes_place,
)
from gateway.core.return_guards import proposed
from gateway.core.returns import ARRANGING, PREPARING
from gateway.core.tables import table_for
from gateway.core.verification import GATEWAY, PARTNER, undo_state
from schemas import ijson
from tests.core import return_support as kit
from tests.core import support

S = State
ASKING, ASKED = Side.REQUESTING, Side.REQUESTED


@dataclass(frozen=True, slots=True)
class Message:
    """
    What was said and has no answer yet.

    ``knows`` are the days of the proposal that its sender had, where it answers one; ``taken`` says, once the other
    side has it, which answer is on its way back.
    """

    type: str
    body: str
    knows: str | None = None
    taken: bool | None = None


@dataclass(frozen=True, slots=True)
class Both:
    """
    Both cases, what each side said that has no answer, and how often each act was done.

    ``anew`` says that the asking side took its proposal back by a step of its own, and has made no other yet.
    """

    cases: Mapping[Side, Case]
    said: Mapping[Side, tuple[Message, ...]]
    done: tuple[str, ...] = ()
    anew: bool = False

    def key(self) -> tuple[Any, ...]:
        """Return what tells two situations apart."""
        return (*(key(self.cases[side]) for side in Side), *(self.said[side] for side in Side), self.done, self.anew)


def key(case: Case) -> tuple[Any, ...]:
    """Return what later steps of a case can depend on."""
    said = tuple(sorted((type, ijson.dumps(body)) for type, body in case.said.items()))
    signed = tuple((one.authority, one.kind, one.digest) for one in case.releases)
    held = (case.resume_to, case.holders, case.released, case.resume_proposer, case.freeze_reason is None)
    return (case.state, said, signed, held, case.accepted, case.pending, case.answers_as)


def at(case: Case) -> State:
    """Return where the case stands, or will once it goes on."""
    return case.resume_to if case.state in HELD and case.resume_to else case.state


# What the desks do.


def ready(both: Both, side: Side, name: str) -> Case:
    """Return the case as the desk has it in hand: with the body that is signed, where the step needs one."""
    case, times = both.cases[side], both.done.count(name)
    if name == "propose":
        value = {**kit.proposal(), "window": {"from": "2026-12-01", "until": f"2026-12-{30 + times}"}}
        released = kit.release("ours", "return.release", "coordinator", value)
        return replace(case, pending=kit.prepared(value, PROPOSAL), releases=(released,))
    if name == "accept":
        service = {"id": f"XBB-{20 + times}", "competence": "CARE"}
        return replace(case, pending=kit.prepared(kit.acceptance(proposal=proposed(case), service=service), ACCEPTANCE))
    if name == "request_document":
        return replace(case, pending=kit.prepared(kit.document_request(), DOCUMENT_REQUEST))
    return case


ROLES = {
    "freeze": ("carol", "guardian"),
    "suspend": ("carol", "guardian"),
    "release": ("carol", "guardian"),
    "recall": ("carol", "guardian"),
    "propose_resume": ("anna", ""),
}


def act(both: Both, side: Side, name: str) -> Both | None:
    """Return what a desk's act leads to, ``None`` where no row or guard lets it."""
    table, case = table_for(side), ready(both, side, name)
    row = table.index.get((case.state, name))
    if row is None:
        return None
    event = kit.good_event(row, case)
    actor, role = ROLES.get(name, (event.actor, event.role))
    waiting = [one for one in both.said[side] if one.taken is None]
    undo = undo_state(tuple(one.type for one in waiting if one.type != SCHEDULE or SCHEDULE in case.said))
    awaited = at(both.cases[ASKED]) is not S.REPLIED  # the store knows it by what was posted and answered
    data = {**event.data, "undo": undo, "proposed": awaited, "posted": True}
    facts = replace(event.facts, type=SUSPENSION) if name == "suspend" and event.facts else event.facts
    event = replace(event, actor=actor, role=role or event.role, data=data, facts=facts)
    moved = taken(both, side, case, event)
    back = name in ("reassess", "returned") or (undo == S.ASSESSED and name in ("freeze", "suspend"))
    anew = back or (both.anew and name != "propose")
    return moved and replace(moved, done=tuple(sorted((*both.done, name))), anew=anew)


def taken(both: Both, side: Side, case: Case, event: Event) -> Both | None:
    """Return what ``event`` leads to in ``case`` of ``side``, or ``None`` if it is refused."""
    try:
        moved, effects = step(table_for(side), case, event, support.NOW)
    except (IllegalStep, RuleRefused):
        return None
    moved = replace(moved, findings=(), withdraws_at=None, answers_as=None)
    line = line_after(both.said[side], effects, days(case) if side is ASKED else None)
    return replace(both, cases={**both.cases, side: moved}, said={**both.said, side: line})


def days(case: Case) -> str | None:
    """Return until when the return is to take place that was proposed last, as far as ``case`` knows."""
    last = case.said.get(PROPOSAL)
    return last and last["window"]["until"]


def line_after(line: tuple[Message, ...], effects: tuple[Effect, ...], knows: str | None) -> tuple[Message, ...]:
    """Return what waits after the effects of a step."""
    for effect in effects:
        match effect:
            case Send(type, body):
                line = (*line, Message(type, body, knows if type == ACCEPTANCE else None))
            case DropUnsent(keep):
                stops = [one for one in line if one.taken is None and one.type in (SUSPENSION, RESUMPTION)]
                line = tuple(one for one in line if stays(one, keep, stops[:-1]))
            case EndThread():
                line = ()
            case _:
                pass
    return line


def stays(one: Message, keep: frozenset[str], stops: list[Message]) -> bool:
    """Return whether a message outlasts that what was never posted is dropped."""
    calls_off = one.type == SCHEDULE and ijson.loads(one.body.encode())["status"] == "cancelled"
    return one.taken is not None or calls_off or (one.type in keep and one not in stops)


# What the line does.


def other(side: Side) -> Side:
    """Return the other side."""
    return ASKED if side is ASKING else ASKING


KINDS = {PROPOSAL: ("return.release", "coordinator"), ACCEPTANCE: ("return.acceptance", "desk_head")}


def delivered(both: Both, side: Side) -> Both:
    """Return what comes of it that the first message of ``side`` reaches the other one; its answer is on its way."""
    (first, *rest), there = both.said[side], other(side)
    value = ijson.loads(first.body.encode())
    kinds = [KINDS[first.type]] if first.type in KINDS else []
    if first.type == HANDOVER:
        kinds = [("handover.delivery", "escort") if side is ASKING else ("handover.receipt", "reception")]
    data = {
        "body": value,
        "value": value,
        "digest": kit.digest_of(value),
        "releases": tuple(kit.release("theirs", kind, role, value) for kind, role in kinds),
        "replied": kit.REPLY_DIGEST,
        "late": first.knows != days(both.cases[there]),
        "clocks": (),
    }
    case = both.cases[there]
    moved = taken(both, there, case, Event(event_name(first.type, value), case.partner, PARTNER, data))
    answered = replace(first, taken=moved is not None)
    now = moved or both
    return replace(now, said={**now.said, side: (answered, *rest)})


def answered(both: Both, side: Side) -> Both:
    """Return what comes of it that the answer to the first message of ``side`` is back."""
    first, *rest = both.said[side]
    both = replace(both, said={**both.said, side: tuple(rest)})
    if first.taken:
        return both
    name = refused_as(first.type, since=any(takes_place(one.type, first.type) for one in rest))
    case = both.cases[side]
    return taken(both, side, case, Event(name, case.partner, GATEWAY, {"code": "illegal-step"})) or both


def onward(both: Both, acts: Mapping[Side, Mapping[str, int]]) -> Iterator[tuple[str, Both]]:
    """Yield everything that can happen next, and what it is called."""
    for side in Side:
        if both.said[side]:
            if both.said[side][0].taken is None:
                yield f"{side.value}: {both.said[side][0].type} arrives", delivered(both, side)
            else:
                yield f"{side.value}: {both.said[side][0].type} is answered", answered(both, side)
        for name, most in acts[side].items():
            if both.done.count(name) < most:
                moved = act(both, side, name)
                if moved is not None:
                    yield f"{side.value}: {name}", moved


def quiet(both: Both) -> bool:
    """Return whether nothing is under way."""
    return not any(both.said.values())


def begun(asking: State, asked: State) -> Both:
    """Return both sides where a return stands so, agreed on as far as it is."""
    cases = {ASKING: kit.case_in(ASKING, asking), ASKED: kit.case_in(ASKED, asked)}
    if asking is S.ASSESSED:
        cases = {side: replace(case, said={}, releases=()) for side, case in cases.items()}
    if asking is S.DEPARTED:
        cases = {side: replace(case, said={**case.said, SCHEDULE: kit.LEFT}) for side, case in cases.items()}
    return Both(cases, {ASKING: (), ASKED: ()})


def explored(begin: Both, acts: Mapping[Side, Mapping[str, int]]) -> list[tuple[Both, str]]:
    """Return every situation in which nothing is under way, each with the shortest way there."""
    found = []
    ways: dict[Any, tuple[Any, str]] = {begin.key(): (None, "")}
    queue = deque([begin])
    while queue:
        both = queue.popleft()
        here = both.key()
        if quiet(both):
            found.append((both, way(ways, here)))
        for name, then in onward(both, acts):
            if then.key() not in ways:
                ways[then.key()] = (here, name)
                queue.append(then)
    return found


def way(ways: Mapping[Any, tuple[Any, str]], here: Any) -> str:
    """Return what led to ``here``."""
    steps: list[str] = []
    while here is not None:
        here, name = ways[here]
        steps.append(name)
    return "; ".join(steps[-2::-1])


# Where nothing is under way.

AWAITED = {S.PROPOSED, S.ACCEPTED, S.DOCUMENTED, S.SCHEDULED}
"""Where the asked side waits, until it hears more, for somebody whose return is considered anew."""
AGREE: Mapping[State, set[State]] = {
    S.CONSIDERED: {S.REPLIED, S.RECALL, *AWAITED},
    S.ASSESSED: {S.REPLIED, S.RECALL, *AWAITED},
    S.NOT_RETURNED: {S.REPLIED, S.WITHDRAWN},
    S.WITHDRAWN: {S.WITHDRAWN},
    S.PROPOSED: {S.PROPOSED},
    S.ACCEPTED: {S.ACCEPTED},
    S.DECIDED: {S.ACCEPTED},
    S.DOCUMENTED: {S.DOCUMENTED, S.ACCEPTED},  # where another document was asked for, and the first one crossed that
    S.SCHEDULED: {S.SCHEDULED},
    S.DEPARTED: {S.DEPARTED},
    S.HANDED_OVER: {S.HANDED_OVER},
    S.MONITORING: {S.MONITORING},
    S.RECALL: {S.RECALL},
}
"""Where the asked side may stand, by where the asking side does, once each has heard all that the other one said."""


def differs(both: Both) -> str | None:
    """Return in what both sides do not agree, or ``None``."""
    asking, asked = (both.cases[side] for side in Side)
    if at(asked) not in AGREE[at(asking)]:
        return f"{at(asking).value} and {at(asked).value}"
    if at(asking) in PREPARING and at(asked) in AWAITED and not both.anew:
        return f"{at(asking).value} and {at(asked).value}, although nobody considered it anew"
    for side in Side:
        case, there = both.cases[side], both.cases[other(side)]
        held = case.state in HELD and any(role == PARTNER for _, role in case.holders)
        if held and SUSPENSION not in there.said:
            return f"the {side.value} side is held by a stop that the other one does not know of"
        # Who only prepares a return goes no further than to propose it, which nobody accepts where it is stopped.
        goes_on = at(case) in ARRANGING and (side is ASKED or at(case) is not S.PROPOSED)
        if SUSPENSION in there.said and at(there) in ARRANGING and goes_on and not held:
            return f"the {side.value} side has not heard that the other one stopped"
    return None


STOPPING = {"suspend": 1, "release": 1, "resume": 1}
SCENARIOS: Mapping[str, tuple[State, State, Mapping[str, int], Mapping[str, int]]] = {
    "proposed twice": (
        S.ASSESSED,
        S.REPLIED,
        {"propose": 2, "reassess": 1, "assess": 1, "decline": 1},
        {"accept": 2, "refuse": 1},
    ),
    "proposed anew up to the document": (
        S.PROPOSED,
        S.PROPOSED,
        {"propose": 1, "reassess": 1, "assess": 1, "decide": 1, "request_document": 1},
        {"accept": 2, "refuse": 1, "issue": 2},
    ),
    "stopped and proposed anew before the document has left": (
        S.ACCEPTED,
        S.ACCEPTED,
        {"reassess": 1, "assess": 1, "propose": 1, "decline": 1},
        {**STOPPING, "issue": 1},
    ),
    "stopped by both while it is answered": (
        S.PROPOSED,
        S.PROPOSED,
        {**STOPPING, "decide": 1},
        {**STOPPING, "accept": 1, "refuse": 1},
    ),
    "stopped twice and proposed anew": (
        S.PROPOSED,
        S.PROPOSED,
        {"suspend": 2, "release": 2, "resume": 2, "reassess": 1, "assess": 1, "propose": 1},
        {"accept": 1},
    ),
    "withdrawn while it is answered": (
        S.PROPOSED,
        S.PROPOSED,
        {"freeze": 1, "withdraw": 1},
        {**STOPPING, "accept": 1, "refuse": 1},
    ),
    "planned and called off": (
        S.DOCUMENTED,
        S.DOCUMENTED,
        {**STOPPING, "schedule": 2, "cancel": 2},
        {"reissue_document": 1, "suspend": 1},
    ),
    "stopped as she leaves": (
        S.DOCUMENTED,
        S.DOCUMENTED,
        {**STOPPING, "schedule": 1, "cancel": 1, "depart": 1, "recall": 1},
        {**STOPPING, "recall": 1},
    ),
    "frozen as she leaves": (
        S.DOCUMENTED,
        S.DOCUMENTED,
        {"schedule": 1, "depart": 1, "freeze": 1, "withdraw": 1, "recall": 1},
        {"freeze": 1, "release": 1, "propose_resume": 1, "resume": 1, "recall": 1},
    ),
    "called back on the way": (
        S.DEPARTED,
        S.DEPARTED,
        {"hand_over": 2, "recall": 1, "release": 1, "returned": 1},
        {"confirm_handover": 1, "report": 1, "recall": 1},
    ),
}
"""Where both sides begin, and how often each does what."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_sides_agree_once_all_is_heard(name: str) -> None:
    """However their messages and the answers to them cross, both sides stand where they agree when none is left."""
    asking, asked, ours, theirs = SCENARIOS[name]
    found = explored(begun(asking, asked), {ASKING: ours, ASKED: theirs})
    wrong = {said: way for both, way in reversed(found) if (said := differs(both)) is not None}
    assert {} == wrong
    assert len(found) > 1
