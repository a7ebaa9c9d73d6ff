"""
What holds for every path through the state tables, found by trying every path.

The rows are those of a verification and of a return together. The search here runs the real ``step`` of a verification
from the first state of each side, with each event brought by each kind of role; ``tests/test_explore.py`` goes on from
a reply into the return. Roles that stand in exactly the same rows are one kind. At most one freezer holds a case at a
time, which keeps it small.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import pytest

from gateway.core.case import Case, Side, State, replace
from gateway.core.machine import (
    KEEP,
    LEARN,
    LET_GO,
    STAY,
    Effect,
    Event,
    IllegalStep,
    Row,
    RuleRefused,
    Send,
    Table,
    step,
)
from gateway.core.messages import (
    ELEMENTS,
    FINAL_EVENTS,
    INTERVIEW_ANSWER,
    NEGATIVE_OUTCOMES,
    REPLY,
    REQUEST,
    SCHEDULE_EVENTS,
    TYPES,
    WITHDRAWAL,
)
from gateway.core.returns import (
    ARRANGED,
    ARRANGING,
    AWAY,
    OUTCOMES,
    PREPARING,
    REQUESTED_RETURN,
    REQUESTING_RETURN,
    RETURN_STATES,
)
from gateway.core.tables import REQUESTED, REQUESTING, TERMINAL, table_for
from gateway.core.verification import (
    GATEWAY,
    MAY_FREEZE,
    OPEN_REQUESTED,
    OPEN_REQUESTING,
    PARTNER,
    REQUESTED_ROWS,
    REQUESTING_ROWS,
)
from schemas import ijson
from tests.core import return_support, support
from tests.core.guarded import SPOILT, with_data, with_facts
from tests.support.rows import each_holds

SIDES = pytest.mark.parametrize("side", list(Side))
OPEN: dict[Side, tuple[State, ...]] = {Side.REQUESTING: (*OPEN_REQUESTING, State.UNDELIVERED, State.SUSPENDED)}
OPEN[Side.REQUESTED] = (*OPEN_REQUESTED, State.UNDELIVERED, State.SUSPENDED)
UNTIL_DEPARTURE: dict[Side, tuple[State, ...]] = {
    Side.REQUESTING: (*PREPARING, State.NOT_RETURNED, *ARRANGING),
    Side.REQUESTED: ARRANGED,
}
ASKING_ROWS, ASKED_ROWS = (*REQUESTING_ROWS, *REQUESTING_RETURN), (*REQUESTED_ROWS, *REQUESTED_RETURN)
ROWS = [(Side.REQUESTING, row) for row in ASKING_ROWS] + [(Side.REQUESTED, row) for row in ASKED_ROWS]
"""The rows of a verification and of a return; ``tests/core/test_notices.py`` has those of what is said afterwards."""
MOVES = (STAY, KEEP, LEARN, LET_GO)
"""Targets that name no state."""


# By looking at the rows.


@SIDES
def test_every_state_has_an_exit(side: Side) -> None:
    """Every state but the last has a row that leads elsewhere."""
    table = table_for(side)
    states = {row.source for row in table.rows} | {State(row.target) for row in table.rows if row.target not in MOVES}
    leaving = {row.source for row in table.rows if row.target not in (STAY, KEEP, LEARN, row.source)}
    assert states - TERMINAL == leaving


@SIDES
def test_every_state_reaches_the_end(side: Side) -> None:
    """From every state a way leads to ERASED, without counting on a frozen case going on."""
    rows = [row for row in table_for(side).rows if row.target not in MOVES]
    done: set[State] = {State.ERASED}
    while more := {row.source for row in rows if State(row.target) in done} - done:
        done |= more
    assert set() == {row.source for row in rows} - done


@SIDES
def test_who_may_freeze_does(side: Side) -> None:
    """In every open state each who may freeze has a row to FROZEN that no guard stands before."""
    table = table_for(side)
    rows = [table.index[state, "freeze"] for state in OPEN[side]]
    assert all((State.FROZEN, MAY_FREEZE, ()) == (row.target, row.who, row.guards) for row in rows)


@SIDES
def test_who_may_freeze_stops_a_return(side: Side) -> None:
    """Until departure each who may freeze can freeze at once, and afterwards call back; no guard stands before."""
    table = table_for(side)
    before = [table.index[state, "freeze"] for state in UNTIL_DEPARTURE[side]]
    after = [table.index[state, "recall"] for state in (*AWAY, *OUTCOMES)]
    assert {(State.FROZEN, MAY_FREEZE, ())} == {(row.target, row.who, row.guards) for row in before}
    assert {(State.RECALL, ())} == {(row.target, row.guards) for row in after}
    assert all(row.who >= MAY_FREEZE for row in after)


@SIDES
def test_every_open_state_stops_in_one_step(side: Side) -> None:
    """Each state that is not over reaches FROZEN or SUSPENDED in one step, or RECALL from departure on."""
    over = {State.WITHDRAWN, State.CLOSED, State.BLOCKED, State.ERASED}
    states = {row.source for row in table_for(side).rows} - over - {State.FROZEN, State.RECALL}
    stops: dict[State, set[str]] = {state: set() for state in states}
    for row in table_for(side).rows:
        if row.source in states and not row.guards:
            stops[row.source].add(row.target)
    away = {*AWAY, *OUTCOMES}
    assert set() == {s for s in states - away if not stops[s] & {State.FROZEN, State.SUSPENDED}}
    assert set() == {s for s in states & away if State.RECALL not in stops[s]}


def test_no_return_is_forced() -> None:
    """No state, event or role is one of a forced return, whatever it might be called."""
    names = {state.value for state in State}
    names |= {text for table in (REQUESTING, REQUESTED) for row in table.rows for text in (row.event, *row.who)}
    words = ("force", "remov", "deport", "expel", "expuls", "compel", "coerc", "refoul", "enforce", "oblige")
    assert [] == [name for name in names if any(word in name.lower() for word in words)]


@SIDES
def test_transport_is_heard_in_every_state_of_a_return(side: Side) -> None:
    """A receipt, a refusal and the end of a message find a row wherever a return stands."""
    table = table_for(side)
    states = {row.source for row in table.rows} & set(RETURN_STATES)
    events = ("receipt", "not_accepted", "undelivered")
    assert [] == [(s, name) for s in states for name in events if (s, name) not in table.index]


@SIDES
def test_what_a_partner_says_is_kept_while_held(side: Side) -> None:
    """Whatever the other State may say in some state has a row where the case is stopped; where it was may refuse."""
    table = table_for(side)
    said = {row.event for row in table.rows if PARTNER in row.who}
    held = {State.FROZEN: table.index, State.SUSPENDED: table.index}
    assert [] == [(s, name) for s in held for name in said if (s, name) not in table.index]
    guards = {row.guards for state in held for name in said if (row := table.index[state, name]).target != KEEP}
    assert {("taken_there",)} == guards
    assert not [row for row in table.rows if row.source in held and row.target == KEEP and row.guards]


@SIDES
def test_what_moves_a_stopped_case_is_guarded_by_its_row_alone(side: Side) -> None:
    """Where the row a case was stopped in is only looked for, that row has no guard that might refuse."""
    table = table_for(side)
    looked_for = {row.event for row in table.rows if "taken_there" in row.guards}
    others = [row for row in table.rows if row.event in looked_for and "taken_there" not in row.guards]
    assert {()} == {row.guards for row in others}


@SIDES
def test_time_decides_nothing(side: Side) -> None:
    """What this gateway does of itself ends, reminds, or notes what the other one signed; it never answers."""
    targets: dict[str, set[str]] = {
        "receipt": {STAY, LEARN, State.DELIVERED},
        "not_accepted": {STAY, LEARN, State.NOT_ACCEPTED},
        "reply_not_accepted": {STAY, LEARN, State.ACKNOWLEDGED},
        "second_reply_not_accepted": {STAY, LEARN, State.CONTESTED},
        "extension_not_accepted": {STAY, LEARN, State.ACKNOWLEDGED},
        "proposal_not_accepted": {STAY, LEARN, State.ASSESSED},
        "acceptance_not_accepted": {STAY, LEARN, State.PROPOSED},
        "document_not_accepted": {STAY, LEARN, State.ACCEPTED},
        "schedule_not_accepted": {STAY, LEARN, State.DOCUMENTED},
        "undelivered": {STAY, LEARN, State.UNDELIVERED},
        "document_expired": {State.DECIDED},
        "remind": {STAY},
        "close": {State.CLOSED},
        "discard": {State.CLOSED},
        "block": {State.BLOCKED},
        "erase": {State.ERASED},
    }
    own = [row for row in table_for(side).rows if GATEWAY in row.who]
    assert [] == [row for row in own if row.target not in targets[row.event]]


@SIDES
def test_only_a_reply_leads_to_replied(side: Side) -> None:
    """No row leads to REPLIED but the one of a reply that came or went, and the one back from a proposal refused."""
    events = {row.event for row in table_for(side).rows if row.target == State.REPLIED}
    assert ({"reply"} if side is Side.REQUESTING else {"answer", "refuse"}) == events


@SIDES
def test_a_return_begins_with_a_positive_reply_alone(side: Side) -> None:
    """One row leads from a verification into a return, and the signed positive reply stands before it."""
    rows = [row for row in table_for(side).rows if row.target in RETURN_STATES and row.source not in RETURN_STATES]
    rows = [row for row in rows if "has_left" not in row.guards]  # from the stop of a return that went as far as that
    begins = {(row.source, row.event) for row in rows if row.source is not State.UNDELIVERED}
    assert {(State.REPLIED, "consider" if side is Side.REQUESTING else "proposal")} == begins
    assert all({"positive_reply", "accepted_once"} & set(row.guards) for row in rows)


def test_departure_has_one_door() -> None:
    """Only an escort brings a departure about, with both authorities' statements looked at on that day."""
    rows = [row for row in REQUESTING.rows if row.target == State.DEPARTED]
    assert [frozenset({"escort"})] == [row.who for row in rows]
    wanted = {"welfare_released", "welfare_accepted", "consented", "reconfirmed_today", "assessed_positive"}
    assert wanted <= set(rows[0].guards)


@SIDES
def test_silence_moves_no_return(side: Side) -> None:
    """Of what this gateway does by itself nothing leads further into a return: a document ends, a message fails."""
    order = [*PREPARING, *ARRANGING, *AWAY]
    own = [row for row in table_for(side).rows if GATEWAY in row.who and row.target in RETURN_STATES]
    assert all(order.index(State(row.target)) < order.index(row.source) for row in own)


def test_both_sides_name_messages_alike() -> None:
    """Each event of the other State is a message type of this version, or is marked as one of a later."""
    said = {row.event for _, row in ROWS if PARTNER in row.who}
    known = {row.event for row in TYPES.values()} | {"extension", "refusal"}
    assert said <= known | set(SCHEDULE_EVENTS.values()) | set(FINAL_EVENTS.values())


def test_row_can_be_taken() -> None:
    """With everything in order each row leads where it says."""

    def take(item: tuple[Side, Row]) -> None:
        side, row = item
        case, event = good(side, row)
        moved, _ = step(table_for(side), case, event, support.NOW)
        assert leads_to(row, case) == moved.state

    each_holds(take, ROWS, support.named)


def good(side: Side, row: Row) -> tuple[Case, Event]:
    """Return a case in the row's source state and its event, to which nothing objects."""
    kit = return_support if return_support.concerns(row) else support
    case = kit.good_case(side, row)
    return case, kit.good_event(row, case)


def leads_to(row: Row, case: Case) -> State:
    """Return the state the row leads to from ``case``, which nobody holds."""
    if row.target in (STAY, KEEP, LEARN):
        return row.source
    target = case.resume_to if row.target == LET_GO else row.target
    assert target is not None
    return State(target)


def test_what_a_row_says_is_named() -> None:
    """By the instant and the name of a step its message is found again, so each type lists every step that says it."""
    assert [] == support.not_named(ROWS, good)


def test_row_is_for_its_roles_alone() -> None:
    """A role that the row does not name cannot take it, though all else is in order, whatever it may do elsewhere."""
    roles = {role for _, row in ROWS for role in row.who} | {"operator", ""}
    taken = []
    for side, row in ROWS:
        case, event = good(side, row)
        for role in roles - row.who:
            with suppress(IllegalStep):
                step(table_for(side), case, replace(event, role=role), support.NOW)
                taken.append(support.named((side, row, role)))
    assert [] == taken


# Each guard of each row holds something that nothing else holds.


GUARDED = [
    (side, row, guard)
    for side, row in ROWS
    for guard in row.guards
    if guard in SPOILT and not return_support.concerns(row)
]
"""Each guard of each row of a verification; those of a return are taken out one by one in ``tests/test_explore.py``."""


def without(table: Table, row: Row, guard: str) -> Table:
    """Return the table with one guard of one row taken out."""
    loose = replace(row, guards=tuple(name for name in row.guards if name != guard))
    rows = tuple(loose if other is row else other for other in table.rows)
    return Table(rows, table.guards, table.applies, table.terminal)


def test_guard_refuses_alone() -> None:
    """Each guard refuses what it is there for; without it, exactly that would pass."""

    def take(item: tuple[Side, Row, str]) -> None:
        side, row, guard = item
        spoilt, event = SPOILT[guard](*good(side, row))
        with pytest.raises(RuleRefused):
            step(table_for(side), spoilt, event, support.NOW)
        moved, _ = step(without(table_for(side), row, guard), spoilt, event, support.NOW)
        assert leads_to(row, spoilt) == moved.state

    each_holds(take, GUARDED, support.named)


# By trying every path.

VERIFYING = {
    side: Table(
        tuple(
            row
            for row in (ASKING_ROWS if side is Side.REQUESTING else ASKED_ROWS)
            if not return_support.concerns(row) or (row.source, row.event) == (State.SUSPENDED, "resume")
        ),
        table_for(side).guards,
        table_for(side).applies,
        TERMINAL,
    )
    for side in Side
}
"""The part of each table that a verification is made of."""

PEOPLE = {
    "case_officer": ("anna", "boris"),
    "liaison_officer": ("anna", "boris"),
    "registry_clerk": ("anna", "boris"),
    "second_signer": ("anna", "boris"),
    GATEWAY: ("gateway",),
    PARTNER: ("the other State",),
}
"""Persons who act in each role; two where it matters that they differ. Everyone else is one person each."""

FREEZERS = frozenset({"case_officer", "registry_clerk", "child_welfare"})
"""Who freezes in the search; that everyone who may can is seen from the rows."""

Ghost = tuple[str | None, str | None, frozenset[tuple[str, str]], str | None]
"""What the search remembers of the events alone: author, second signer, freezers, who proposed to go on."""

Step = tuple[Case, Ghost, Event, Case, tuple[Effect, ...], bool]


def kinds(table: Table) -> list[str]:
    """Return one role for each kind of role, those with named people first."""
    roles = sorted({role for row in table.rows for role in row.who}, key=lambda role: (role not in PEOPLE, role))
    rows_of = {role: frozenset(index for index, row in enumerate(table.rows) if role in row.who) for role in roles}
    return [role for place, role in enumerate(roles) if rows_of[role] not in [rows_of[r] for r in roles[:place]]]


def bodies(name: str, role: str) -> list[Any]:
    """Return the bodies that an event may come with."""
    if name == "reply":
        return [support.reply(outcome) for outcome in ("NATIONAL", "NOT_FOUND", "NOT_NATIONAL")]
    body = support.BODIES.get(name, {})
    return [body if role == PARTNER else ijson.dumps(body).decode()]


Tried = tuple[Event, bool]


def events(table: Table, roles: Sequence[str], case: Case) -> Iterator[Tried]:
    """Yield every event that ``roles`` may try on the case, and whether the facts that come with it are in order."""
    for role in roles:
        for name in table.events(case.state, role):
            row = VERIFYING[case.side].index[case.state, name]  # the whole row, even where a guard is taken out
            for actor in PEOPLE.get(role, (role,)):
                yield from _known(row, case, role, actor)


_KNOWN: dict[tuple[Any, ...], tuple[Mapping[str, Any] | None, tuple[Tried, ...]]] = {}


@pytest.fixture(scope="module", autouse=True)
def forget() -> Iterator[None]:
    """Keep what is known of events no longer than these tests."""
    yield
    _KNOWN.clear()


def _known(row: Row, case: Case, role: str, actor: str) -> tuple[Tried, ...]:
    """Return the variants of an event; of cases that are alike in what these are made of they are made once."""
    name = (case.side, row.source, row.event, role, actor, case.pending, case.asked)
    draft, found = _KNOWN.get(name, (None, ()))
    if not found or draft != case.draft:
        found = tuple(_variants(row, case, role, actor))
        _KNOWN[name] = case.draft, found
    return found


def _variants(row: Row, case: Case, role: str, actor: str) -> Iterator[Tried]:
    for pending in _pendings(row, case, actor):
        looked = replace(case, pending=pending)
        good = replace(support.good_event(row, looked), role=role, actor=actor)
        for body in bodies(row.event, role):
            data = {**good.data, "body": body, "undo": None, "posted": True, "overdue": row.event == "remind"}
            data["consent"] = {"on": "2026-11-30", "revoked_on": None} if case.state is State.NEEDS_INTERVIEW else None
            event = replace(good, data=data)
            if row.event == "reply":
                event = replace(event, facts=support.received_facts(REPLY, body))
            yield event, True
            if any(guard.startswith("rules_") for guard in row.guards):
                yield with_facts(case, event)[1], False
            if "same_bytes" in row.guards:
                yield with_data(digest="other")(case, event)[1], True


def _pendings(row: Row, case: Case, actor: str) -> list[Any]:
    """Return the bodies that may be prepared by the event, or the one that is."""
    if row.event == "amend" or (row.event == "remark" and row.source is not State.NEEDS_TIER2):
        return [support.preview().pending(actor)]
    if row.event == "remark":
        return [None]
    if row.event != "prepare":
        return [case.pending]
    if case.state is State.NEEDS_INTERVIEW and case.side is Side.REQUESTING:
        return [support.prepared(support.BODIES["interview_answer"], actor, INTERVIEW_ANSWER)]
    if case.side is Side.REQUESTING:
        return [support.preview(asked=case.asked or ("SEX",)).pending(actor)]
    return [support.prepared(support.reply(outcome), actor) for outcome in ("NATIONAL", "NOT_FOUND")]


def _key(case: Case, ghost: Ghost) -> tuple[Any, ...]:
    words = tuple(one.by for one in case.disputed)
    pending = case.pending and (case.pending.digest, case.pending.author, case.pending.approver, words)
    outcome = case.reply and case.reply["outcome"]
    if case.state in (State.WITHDRAWN, State.CLOSED, State.BLOCKED, State.ERASED):
        return (case.state, outcome)  # what came before makes no difference any more
    held = (case.resume_to, case.holders, case.released, case.resume_proposer)
    interview = tuple(sorted(case.interview or ()))
    return (case.state, pending, outcome, case.asked, case.contests, held, interview, ghost)


def _remember(ghost: Ghost, event: Event, before: Case) -> Ghost:
    author, signer, freezers, proposer = ghost
    match event.name:
        case "amend" | "prepare" | "remark":
            author, signer = event.actor, None
        case "attach":
            author, signer = None, None
        case "approve" | "countersign" if before.pending and event.data["digest"] == before.pending.digest:
            signer = event.actor
        case "send_back" if before.pending and event.data["digest"] == before.pending.digest:
            signer = None
        case "send" | "answer":
            author, signer = None, None
        case "interview_answer" if before.side is Side.REQUESTING:
            author, signer = None, None
        case "freeze":
            author, signer, proposer = None, None, None
            freezers = freezers | {(event.actor, event.role)}
        case "release":
            freezers = freezers - {(event.actor, event.role)}
        case "propose_resume":
            proposer = event.actor
        case "resume":
            freezers, proposer = frozenset(), None
        case _:
            pass
    return author, signer, freezers, proposer


def walk(
    side: Side, table: Table | None = None, barred: frozenset[str] = frozenset(), *, interviews: bool = False
) -> Iterator[Step]:
    """
    Yield every step that can happen, breadth first, each once; ``barred`` events never happen.

    ``interviews`` says whether the request allows one.
    """
    table = table or VERIFYING[side]
    first = support.asking() if side is Side.REQUESTING else support.asked(clocks=(support.clock(),))
    if interviews:
        first = replace(support.interviewing(first), interview=None)
    start: tuple[Case, Ghost] = (first, ("anna", None, frozenset(), None))
    queue, seen, roles = deque([start]), {_key(*start)}, kinds(table)
    while queue:
        case, ghost = queue.popleft()
        for event, in_order in events(table, roles, case):
            if event.name in barred or (event.name == "freeze" and (case.holders or event.role not in FREEZERS)):
                continue
            try:
                moved, effects = step(table, case, event, support.NOW)
            except (IllegalStep, RuleRefused):
                continue
            yield case, ghost, event, moved, effects, in_order
            small = replace(
                moved, findings=(), freeze_reason=None, reminders=0, delays=0, delay=None, clocks=case.clocks
            )
            then = (small, _remember(ghost, event, case))
            if (key := _key(*then)) not in seen:
                seen.add(key)
                queue.append(then)


def sends(effects: tuple[Effect, ...]) -> list[Send]:
    """Return the messages among the effects."""
    return [effect for effect in effects if isinstance(effect, Send)]


def second_person(taken: Step) -> bool:
    """Nothing about a person leaves unless somebody else than its author approved exactly those bytes."""
    case, (author, signer, _, _), _, _, effects, _ = taken
    about = [send for send in sends(effects) if send.type in (REQUEST, ELEMENTS)]
    return all(signer not in (None, author) and case.pending and send.body == case.pending.body for send in about)


def countersigned(taken: Step) -> bool:
    """No answer that is not positive leaves unless a second signer, not its author, signed it."""
    _, (author, signer, _, _), _, _, effects, _ = taken
    replies = [send for send in sends(effects) if send.type == REPLY]
    negative = [send for send in replies if ijson.loads(send.body.encode())["outcome"] in NEGATIVE_OUTCOMES]
    return all(signer not in (None, author) and send.statements for send in negative)


def in_order(taken: Step) -> bool:
    """Nothing but a withdrawal leaves, and nobody approves or goes on, while the rules object."""
    *_, event, _, effects, fine = taken
    guarded = event.name in ("approve", "prepare", "resume", "remind", "reply")
    return fine or not (guarded or [send for send in sends(effects) if send.type != WITHDRAWAL])


def stopped(taken: Step) -> bool:
    """Out of FROZEN and WITHDRAWN nothing leaves but the one withdrawal."""
    case, _, _, _, effects, _ = taken
    return case.state not in (State.FROZEN, State.WITHDRAWN) or all(s.type == WITHDRAWAL for s in sends(effects))


def let_go(taken: Step) -> bool:
    """A frozen case goes on only after everyone who froze it let go, and by two persons."""
    case, (_, _, freezers, proposer), event, _, _, _ = taken
    return (case.state, event.name) != (State.FROZEN, "resume") or (
        not freezers and proposer not in (None, event.actor)
    )


def kept_word(taken: Step) -> bool:
    """What a reply said changes only by another reply: the bytes received, or the bytes sent."""
    case, _, event, moved, effects, _ = taken
    if moved.reply == case.reply:
        return True
    said = [event.data["body"]] if event.name == "reply" else [ijson.loads(s.body.encode()) for s in sends(effects)]
    return [moved.reply] == said


PROPERTIES = (second_person, countersigned, in_order, stopped, let_go, kept_word)


def breaks(taken: Step) -> str | None:
    """Return the first property that the step breaks, or ``None``."""
    return next((holds.__name__ for holds in PROPERTIES if not holds(taken)), None)


def broken(side: Side, table: Table) -> str | None:
    """Return the first property that some path breaks, or ``None``."""
    return next(filter(None, map(breaks, walk(side, table))), None)


@cache
def walked(side: Side) -> tuple[frozenset[str | None], frozenset[State]]:
    """Walk through the whole table; return what its steps break, ``None`` for nothing, and the states they meet."""
    found, met = set[str | None](), set[State]()
    for taken in walk(side):
        found.add(breaks(taken))
        met |= {taken[0].state, taken[3].state}
    return frozenset(found), frozenset(met)


@SIDES
def test_no_path_breaks_a_promise(side: Side) -> None:
    """All that can happen keeps every property above."""
    assert {None} == walked(side)[0]


@SIDES
def test_every_state_can_happen(side: Side) -> None:
    """The search meets every state of the table but those of a return, so a promise it keeps is kept there too."""
    met = set(walked(side)[1])
    for case, _, _, moved, _, _ in walk(side, barred=NOT_IN_AN_INTERVIEW, interviews=True):
        met |= {case.state, moved.state}
    assert {row.source for row in VERIFYING[side].rows} - {*RETURN_STATES} | TERMINAL == met


NOT_IN_AN_INTERVIEW = frozenset({"freeze", "suspend", "contest", "undelivered"})
"""What the search for interviews leaves out: the whole walk has it."""


def test_nothing_is_sent_without_approval() -> None:
    """If nobody approves, no path leads from DRAFT to SENT, and not one byte leaves."""
    taken = list(walk(Side.REQUESTING, barred=frozenset({"approve"})))
    assert State.SENT not in {moved.state for _, _, _, moved, _, _ in taken}
    assert [] == [send for *_, effects, _ in taken for send in sends(effects) if send.type != WITHDRAWAL]


@pytest.mark.parametrize(("side", "event"), [(Side.REQUESTING, "reply"), (Side.REQUESTED, "answer")])
def test_silence_is_no_answer(side: Side, event: str) -> None:
    """If nobody replies, nothing that happens makes a reply."""
    taken = list(walk(side, barred=frozenset({event})))
    assert State.REPLIED not in {moved.state for _, _, _, moved, _, _ in taken}
    assert all(moved.reply is None for _, _, _, moved, _, _ in taken)


NEEDED = [
    (Side.REQUESTING, REQUESTING.index[State.DRAFT, "approve"], "two_persons", "second_person"),
    (Side.REQUESTING, REQUESTING.index[State.DRAFT, "approve"], "same_bytes", "second_person"),
    (Side.REQUESTING, REQUESTING.index[State.DRAFT, "approve"], "rules_approve", "in_order"),
    (Side.REQUESTING, REQUESTING.index[State.CLEARED, "send"], "rules_send", "in_order"),
    (Side.REQUESTING, REQUESTING.index[State.NEEDS_TIER2, "approve"], "two_persons", "second_person"),
    (Side.REQUESTING, REQUESTING.index[State.NEEDS_TIER2, "send"], "approved", "second_person"),
    (Side.REQUESTING, REQUESTING.index[State.FROZEN, "resume"], "second_person", "let_go"),
    (Side.REQUESTING, REQUESTING.index[State.FROZEN, "resume"], "rules_resume", "in_order"),
    (Side.REQUESTED, REQUESTED.index[State.ACKNOWLEDGED, "countersign"], "two_persons", "countersigned"),
    (Side.REQUESTED, REQUESTED.index[State.ACKNOWLEDGED, "countersign"], "same_bytes", "countersigned"),
    (Side.REQUESTED, REQUESTED.index[State.ACKNOWLEDGED, "answer"], "countersigned", "countersigned"),
    (Side.REQUESTED, REQUESTED.index[State.ACKNOWLEDGED, "answer"], "rules_send", "in_order"),
    (Side.REQUESTED, REQUESTED.index[State.FROZEN, "resume"], "second_person", "let_go"),
]


def test_search_notices_that_nobody_let_go() -> None:
    """To propose and to agree both ask whether all let go; with both questions taken out, the search notices."""
    table = VERIFYING[Side.REQUESTING]
    for event in ("propose_resume", "resume"):
        table = without(table, table.index[State.FROZEN, event], "released")
    assert broken(Side.REQUESTING, table) == "let_go"


@pytest.mark.parametrize("item", NEEDED, ids=lambda item: support.named(item[:3]))
def test_search_notices_a_missing_guard(item: tuple[Side, Row, str, str]) -> None:
    """With one guard taken out, the search finds the promise that is then broken."""
    side, row, guard, promise = item
    assert promise == broken(side, without(VERIFYING[side], row, guard))
