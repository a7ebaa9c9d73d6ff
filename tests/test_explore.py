"""
Everything that can happen to a return, tried: breadth first, over distinct states, to the fixed point.

A distinct state is a state of the table with what its steps can depend on: what is prepared, who stopped the case,
which statements are held, and what is wrong in the world. At most one thing is wrong at a time. That is enough, because
a step is taken only if every guard of its row is silent: whatever two wrong things together would let through, one of
them alone lets through as well.

What must never happen is written below from the rules (``docs/rules.md``, ``R-01`` and on), about the world as it is
and about what leaves, and looks at no guard. ``gateway.core.tables.MARKS`` names for each guard the promise that needs
it; the last test takes each guard out of its rows and shows that its promise is then broken.
"""

import gc
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from gateway.core import notices
from gateway.core.case import Case, Pending, Side, State, replace
from gateway.core.facts import Facts, Finding, about
from gateway.core.machine import Effect, Event, Guard, IllegalStep, Row, RuleRefused, Send, Table, step
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    PROPOSAL,
    REISSUE,
    REMINDER,
    REPLY,
    SCHEDULE,
    SUSPENSION,
    WITHDRAWAL,
)
from gateway.core.return_guards import UNTOLD
from gateway.core.returns import AWAY, OUTCOMES, PREPARING, REQUESTED_RETURN, REQUESTING_RETURN, RETURN_STATES
from gateway.core.tables import GUARDS, MARKS, table_for
from gateway.core.verification import GATEWAY, PARTNER, REQUESTED_ROWS, REQUESTING_ROWS
from schemas import ijson
from tests.core import return_support as kit
from tests.core import support
from tests.core.guarded import SPOILT
from tests.core.variants import Variant, bodies, other_variants, text

S = State
SIDES = pytest.mark.parametrize("side", list(Side))

# What can be wrong in the world. The name is what is wrong; the value is the record as it then stands.

RECORDS: Mapping[str, Mapping[str, Any]] = {
    "": kit.RECORD,
    "identification open": kit.record(identification={"concluded_on": None}),
    "reflection runs": kit.record(reflection={"ends_on": "2026-12-20"}),
    "reflection too short": kit.record(reflection={"granted_on": "2026-10-20", "ends_on": "2026-11-01"}),
    "risk not assessed": kit.record(assessments=[one for one in kit.RECORD["assessments"] if one["kind"] != "risk"]),
    "risk assessment expired": kit.record(assessments=kit.assessment("risk", on="2026-08-01")),
    "risk too high": kit.record(assessments=kit.assessment("risk", positive=False)),
    "not in her interest": kit.record(assessments=kit.assessment("best_interests", positive=False)),
    "wishes to stay": kit.record(wish={"wish": "stay"}),
    "consent revoked": kit.record(wish={"revoked_on": "2026-11-30"}),
    "detained": kit.record(wish={"detained_now": True}),
    "contacts not given": kit.record(contacts_given_on=None),
    "needed in proceedings": kit.record(proceedings={"released_by": None}),
    "appeal still open": kit.record(decision={"appeal_until": "2026-12-20"}),
    "not decided": kit.record(decision=None),
    "not confirmed today": kit.record(reconfirmation={"on": "2026-11-30"}),
    "travels another day": kit.record(travel={"departs_at": "2026-12-04T15:00:00+01:00"}),
    "notice too short": kit.record(travel={"notice_h": 24}),
}
WORLDLY = (
    "protection sought",
    "no guardian",
    "reply taken back",
    "reply lapsed",
    "release lapsed",
    "acceptance lapsed",
    "document lapsed",
)
"""What goes wrong without anybody writing it into the record of the return."""
OF_A_MINOR = {"not in her interest", "no guardian"}

PROTECTION = {**support.DRAFT["asylum"], "state": "indicated"}
PAST = "2026-11-30T00:00:00Z"


@dataclass(frozen=True, slots=True)
class World:
    """
    What is true, whatever the case says of it.

    ``wrong`` is the one thing that is wrong; ``reply`` what the other State signed; ``signed`` which acts were signed
    by whom they belong to; ``carer`` whether a named carer agreed in writing; ``bad`` what came wrong and was not seen
    to be; ``author`` and ``approver`` who prepared and who signed what is prepared, ``against`` who sent it back.
    """

    minor: bool
    wrong: str = ""
    reply: str | None = None
    signed: frozenset[str] = frozenset()
    carer: bool = False
    bad: frozenset[str] = frozenset()
    author: str | None = None
    approver: str | None = None
    against: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken: the world and the case before it, the event, and what came of it."""

    world: World
    case: Case
    event: Event
    moved: Case
    effects: tuple[Effect, ...]

    @property
    def sent(self) -> list[str]:
        """The types of the messages that leave."""
        return [effect.type for effect in self.effects if isinstance(effect, Send)]

    def enters(self, *states: State) -> bool:
        """Return whether the step leads into one of ``states``."""
        return at(self.moved) in states and at(self.case) is not at(self.moved)

    @property
    def of_us(self) -> bool:
        """Whether a person of this side took the step."""
        return self.event.role not in (GATEWAY, PARTNER)


# What must never happen. Each says of a step that was taken whether it breaks the promise.

GOING = (S.CONSIDERED, S.ASSESSED, S.PROPOSED, S.DECIDED, S.SCHEDULED, S.DEPARTED)
"""States that a step of the proposing side leads into on the way of a return."""


def forward(taken: Taken) -> bool:
    """Return whether the step takes a return further: a step of removal, in the words of the rules."""
    if not (taken.of_us and taken.case.side is Side.REQUESTING and taken.enters(*GOING)):
        return False
    backward = taken.event.name in ("reassess", "returned", "resume", "cancel")
    return not backward


def contact_despite_protection(taken: Taken) -> bool:
    """
    R-01: a message goes to the State although no attested 'none' says that no protection is sought from it.

    Nor does anybody clear one, or let a case that was stopped go on.
    """
    if taken.world.wrong != "protection sought" or taken.case.side is Side.REQUESTED:
        return False
    return any(type != WITHDRAWAL for type in taken.sent) or taken.event.name in ("approve", "resume")


def return_without_reply(taken: Taken) -> bool:
    """R-04: a return begins, or goes on, without a positive reply that the other State signed and that stands."""
    begins = at(taken.moved) in RETURN_STATES and at(taken.case) is S.REPLIED
    anew = taken.event.name == "proposal" and at(taken.moved) is S.PROPOSED
    gone = taken.world.wrong in ("reply taken back", "reply lapsed") or taken.event.data["variant"] == "other reply"
    return (begins or anew or forward(taken)) and (taken.world.reply != "positive" or gone)


def minor_alone(taken: Taken) -> bool:
    """R-07: a return of a minor begins, or is assessed, and nobody was appointed who signed for it."""
    return forward(taken) and taken.world.minor and taken.world.wrong == "no guardian"


def too_early(taken: Taken) -> bool:
    """
    R-08: a step of a return while identification is open or the time to reflect runs, or was none.

    Nor does a person leave, or a plan for it, while she is needed in proceedings that did not let her go.
    """
    if taken.world.wrong == "needed in proceedings" and taken.enters(S.PROPOSED, S.SCHEDULED, S.DEPARTED):
        return forward(taken)
    early = ("identification open", "reflection runs", "reflection too short")
    wrong = recorded(taken.event) if taken.event.name == "consider" else taken.world.wrong
    return forward(taken) and wrong in early


def against_interest(taken: Taken) -> bool:
    """
    R-09: a return is assessed on nothing, or goes on though the assessment is missing, old, or against it.

    Nor does anybody but the authority in charge write over an assessment that this authority called complete.
    """
    if taken.event.name == "record" and at(taken.case) is not S.CONSIDERED:
        mine = taken.event.role == ("child_welfare" if taken.world.minor else "coordinator")
        return not mine and written(taken.case, "assessments") != written(taken.moved, "assessments")
    missing = taken.world.wrong in ("risk not assessed", "risk assessment expired")
    against = taken.world.wrong in ("risk too high", "not in her interest")
    on = taken.enters(S.PROPOSED, S.SCHEDULED, S.DEPARTED)
    return forward(taken) and ((missing and (on or taken.enters(S.ASSESSED))) or (against and on))


def written(case: Case, member: str) -> Any:
    """Return a member of the record of the return, ``None`` before there is one."""
    return case.record and case.record[member]


def nobody_waits(taken: Taken) -> bool:
    """R-10: a return is agreed, or begun, without a carer's written word and both authorities' signatures."""
    world = taken.world
    if not (taken.of_us or taken.case.side is Side.REQUESTED or taken.enters(S.ACCEPTED)):
        return False
    then = after(taken.world, taken.case, taken.event, taken.moved)
    released = any(act.startswith("release") for act in then.signed)
    if taken.enters(S.PROPOSED) and taken.event.name in ("propose", "proposal"):
        return not released
    if taken.enters(S.ACCEPTED) and taken.event.name in ("acceptance", "accept"):
        return not ("acceptance" in then.signed and then.carer)
    if taken.enters(S.SCHEDULED, S.DEPARTED) and taken.event.name in ("schedule", "depart", "departure"):
        lapsed = world.wrong in ("release lapsed", "acceptance lapsed") and taken.case.side is Side.REQUESTING
        return lapsed or not (released and "acceptance" in world.signed and world.carer)
    if at(taken.moved) is S.SCHEDULED and taken.event.name == "schedule_notice":
        return world.wrong == "acceptance lapsed"
    return False


def without_contacts(taken: Taken) -> bool:
    """R-12: a person leaves without the addresses of those who can help."""
    return taken.event.name == "depart" and taken.world.wrong == "contacts not given"


def unwilling(taken: Taken) -> bool:
    """
    R-23: a return is proposed, planned or begun without a free and informed wish that stands.

    Nor is a wish that was revoked, or gave way to a no, there again because somebody wrote the record anew.
    """
    if taken.event.name == "record" and taken.case.record is not None:
        before, then = written(taken.case, "wish"), written(taken.moved, "wish")
        yes = then["wish"] == "return" and then["revoked_on"] is None
        if before["revoked_on"] is not None:
            return bool(yes and then["written_on"] < before["revoked_on"])
        return bool(yes and before["wish"] != "return" and then["written_on"] <= before["written_on"])
    wrong = taken.world.wrong in ("wishes to stay", "consent revoked", "detained")
    return wrong and forward(taken) and taken.enters(S.PROPOSED, S.SCHEDULED, S.DEPARTED)


def wrong_authority(taken: Taken) -> bool:
    """V-30: somebody else than the authority in charge of this person assesses, releases or accepts."""
    if taken.event.name not in ("assess", "endorse", "accept"):
        return False
    other = "coordinator" if taken.case.side is Side.REQUESTING else "desk_head"
    return taken.event.role != ("child_welfare" if taken.world.minor else other)


def bad_variant(*names: str) -> Callable[[Taken], bool]:
    """Return the promise that no step is taken with something in it that one of ``names`` says is wrong."""

    def broken(taken: Taken) -> bool:
        if taken.event.data["variant"] not in names or taken.event.name == "prepare":
            return False
        # That an acceptance is known again, so that it counts for nothing later, is no use of it.
        return replace(taken.moved, accepted=taken.case.accepted) != taken.case

    return broken


def undecided(taken: Taken) -> bool:
    """V-36: a return is decided, planned or begun, or a document asked for, without a final decision."""
    wrong = taken.world.wrong in ("appeal still open", "not decided")
    on = forward(taken) and taken.enters(S.DECIDED, S.SCHEDULED, S.DEPARTED)
    return wrong and (on or taken.event.name == "request_document")


def undocumented(taken: Taken) -> bool:
    """V-38: a journey is planned or begun on a document that does not last, a dead one is taken, a good one ended."""
    lasting = taken.world.wrong != "document lapsed" and "old document" not in taken.world.bad
    if taken.event.name == "document_expired":
        return lasting
    used = at(taken.case) in (S.DECIDED, S.DOCUMENTED, S.SCHEDULED, S.ACCEPTED)
    arrives = used and taken.event.data["variant"] == "old document"
    return arrives or (not lasting and taken.event.name in ("schedule", "depart"))


def unplanned(taken: Taken) -> bool:
    """V-39: what is announced, or done, is not the journey on record."""
    other_day = taken.world.wrong == "travels another day" and taken.event.name == "depart"
    return other_day or taken.event.data["variant"] == "other journey"


def unannounced(taken: Taken) -> bool:
    """V-40: a journey is planned with less notice than was agreed."""
    return taken.event.name == "schedule" and taken.world.wrong == "notice too short"


def unasked(taken: Taken) -> bool:
    """V-41: a person leaves without having said so again on that day."""
    return taken.event.name == "depart" and taken.world.wrong == "not confirmed today"


def one_person(taken: Taken) -> bool:
    """V-01: one person signs what the same person prepared, or approves and releases it, or lets a case go on alone."""
    name, actor, pending = taken.event.name, taken.event.actor, taken.case.pending
    signs = name in ("approve", "send_back", "endorse", "accept", "countersign")
    released = {one.by for one in taken.case.releases if pending and one.digest == pending.digest}
    both = (name == "endorse" and actor == taken.world.approver) or (name == "approve" and actor in released)
    return (signs and actor == taken.world.author) or both


def waved_through(taken: Taken) -> bool:
    """V-16: somebody approves the very bytes that another person sent back."""
    return taken.event.name == "approve" and bool(taken.world.against - {taken.event.actor})


def unapproved(taken: Taken) -> bool:
    """V-03: what was prepared about a person leaves and nobody approved it."""
    return taken.event.name in ("propose", "request_document") and taken.world.approver is None


def not_let_go(taken: Taken) -> bool:
    """V-08: a suspended case goes on, or a recall is over, although somebody who holds the case has not let go."""
    others = [holder for holder in taken.case.holders if holder != (taken.event.actor, taken.event.role)]
    ours = [holder for holder in others if holder[1] != PARTNER]
    over = ((S.SUSPENDED, "resume"), (S.RECALL, "returned"), (S.RECALL, "close"))
    return (taken.case.state, taken.event.name) in over and bool(ours)


def stop_shows(taken: Taken) -> bool:
    """V-15: the other State is heard in a case that is stopped where it is not heard in one that is not."""
    told = taken.event.role == PARTNER and taken.case.state in HELD
    return told and (at(taken.case), taken.event.name) not in table_for(taken.case.side).index


def ended_early(taken: Taken) -> bool:
    """
    V-43: a return ends on a last report of before the six months are over; that one came is a finding, no more.

    Or a report is given that is dated ahead of time.
    """
    variant = taken.event.data["variant"]
    ahead = variant == "dated ahead" and taken.event.name == "report" and taken.moved != taken.case
    return ahead or (variant == "too soon" and taken.enters(*OUTCOMES))


def misdated(taken: Taken) -> bool:
    """V-44: on the way a handover is signed, or taken, that is dated before the departure or ahead of time."""
    wrong = taken.event.data["variant"] in ("dated back", "dated ahead")
    return wrong and at(taken.case) is S.DEPARTED and taken.moved != taken.case


def left_alone(taken: Taken) -> bool:
    """V-35: somebody is called back who has not left, or a case is put away while its person is on the way."""
    if taken.event.name == "recall":
        return at(taken.case) not in (*AWAY, S.RECALL, *OUTCOMES) and UNTOLD not in taken.case.findings
    return taken.event.name == "close" and taken.of_us and at(taken.case) in AWAY


def closed_alive(taken: Taken) -> bool:
    """R-25: a timer closes a return that is prepared while the reply it would rest on counts."""
    spent = taken.world.wrong in ("reply lapsed", "reply taken back")
    return taken.event.name == "close" and taken.event.role == GATEWAY and at(taken.case) in PREPARING and not spent


def one_hand(taken: Taken) -> bool:
    """V-42: a person counts as handed over, and not both hands have signed."""
    second = taken.event.data["variant"] != "one hand"
    return taken.enters(S.HANDED_OVER) and not (second and "delivery" in taken.world.signed)


PROMISES: Mapping[str, Callable[[Taken], bool]] = {
    "R-01": contact_despite_protection,
    "R-04": return_without_reply,
    "R-07": minor_alone,
    "R-08": too_early,
    "R-09": against_interest,
    "R-10": nobody_waits,
    "MIN-1": bad_variant("other elements"),
    "R-12": without_contacts,
    "R-23": unwilling,
    "R-25": closed_alive,
    "V-01": one_person,
    "V-02": bad_variant("other bytes"),
    "V-03": unapproved,
    "V-07": lambda taken: taken.event.name == "release" and taken.event.actor != "carol",
    "V-08": not_let_go,
    "V-15": stop_shows,
    "V-16": waved_through,
    "V-30": wrong_authority,
    "V-31": bad_variant("other person", "other proposal"),
    "V-32": bad_variant("other conclusions"),
    "V-33": bad_variant("other message"),
    "V-34": bad_variant("says otherwise"),
    "V-35": left_alone,
    "V-36": undecided,
    "V-37": lambda taken: taken.event.name == "issue" and "asked" not in taken.world.signed,
    "V-38": undocumented,
    "V-39": unplanned,
    "V-40": unannounced,
    "V-41": unasked,
    "V-42": one_hand,
    "V-43": ended_early,
    "V-44": misdated,
}


# What can be tried. A case is stopped only while nothing, or nothing but protection, is wrong: what else goes wrong
# while it is stopped might as well go wrong right after. One person stops it at a time, and the other State besides.

PEOPLE = {"guardian": "carol", "child_welfare": "dora", "coordinator": "dora", "liaison_officer": "boris"}
DECIDING = {"child_welfare", "coordinator", "desk_head"}
"""Roles between which some step tells; of all others that a row names, one stands for the rest."""
SIGNING = {"approve", "send_back", "endorse", "accept", "countersign"}
HELD = (S.FROZEN, S.SUSPENDED)
OVER = (S.WITHDRAWN, S.CLOSED, S.BLOCKED, S.ERASED)


def at(case: Case) -> State:
    """Return where the case stands, or will stand once it goes on."""
    return case.resume_to if case.state in HELD and case.resume_to else case.state


TYPES = {"return": PROPOSAL, "document": DOCUMENT_REQUEST, "acceptance": ACCEPTANCE, "reply": REPLY}


@cache
def pendings(name: str, minor: bool) -> tuple[tuple[str, Pending], ...]:
    """Return what may be prepared for ``name``, and what is wrong with it."""
    made = []
    for wrong, body in bodies(name, minor).items():
        type = REMINDER if wrong == "other message" else TYPES[name]
        made.append((wrong, support.prepared(body, "anna", type)))
    return tuple(made)


def preparing(case: Case) -> str:
    """Return what is prepared in the state of ``case``."""
    if case.side is Side.REQUESTED:
        return "acceptance" if case.state is S.PROPOSED else "reply"
    return "document" if case.state is S.DECIDED else "return"


def wrong_with(case: Case, minor: bool) -> str:
    """Return what is wrong with what is prepared."""
    for name in TYPES:
        for wrong, pending in pendings(name, minor):
            if case.pending is not None and (pending.digest, pending.type) == (case.pending.digest, case.pending.type):
                return wrong
    return ""


def variants(row: Row, case: Case, world: World) -> Iterator[Variant]:
    """Yield what may be wrong with the event of ``row``, and what it then brings; nothing first."""
    minor, name = world.minor, row.event
    if name == "prepare" and row.source not in (S.NEEDS_TIER2, S.NEEDS_INTERVIEW):
        yield from ((wrong, {"pending": made}) for wrong, made in pendings(preparing(case), minor))
        return
    if name == "prepare" and case.side is Side.REQUESTED:
        yield from (("", {"pending": made}) for _, made in pendings("reply", minor))
        return
    if name in ("propose", "request_document", "accept"):
        yield wrong_with(case, minor), {}
    elif name in ("amend", "attach"):  # what is written anew says of the world what is so
        yield "", {"draft": case.draft, "renditions": {}}
    elif name == "reply":
        yield from (("", {"body": body, "digest": kit.REPLY_DIGEST}) for body in bodies("reply", minor).values())
    elif name in ("consider", "record"):
        known = {wrong: made for wrong, made in RECORDS.items() if minor or wrong not in OF_A_MINOR}
        if name == "record" and (world.wrong or case.state in HELD):
            known = {"": kit.RECORD}
        if world.wrong not in RECORDS:
            known = {"": kit.RECORD} if name == "consider" else {}
        yield from (("", {"record": made}) for made in known.values())
    else:
        yield "", {}
    if name in SIGNING:
        yield "other bytes", {"digest": "other"}
    if name == "hand_over" or (name == "handover" and case.side is Side.REQUESTED):
        for wrong, then in (("dated back", "2026-04-29T12:00:00Z"), ("dated ahead", "2026-12-02T12:00:00Z")):
            body = kit.handover(then)
            yield wrong, {"body": text(body) if name == "hand_over" else body}
    yield from other_variants(name, minor)


def actors(row: Row, case: Case, world: World) -> Iterator[tuple[str, str]]:
    """Yield who tries the row: actor and role, one for all who make no difference."""
    if row.event in ("freeze", "suspend", "recall", "release"):
        # Of a verification the desk alone makes a pause.
        yield ("carol", "guardian") if "guardian" in row.who else ("anna", min(row.who))
        if row.event == "release":
            yield "dora", "guardian"
        if case.side is Side.REQUESTING and (row.event == "recall" or row.source is S.RECALL):
            yield "carol", "asylum_authority"
        return
    told = sorted(row.who & DECIDING)
    if row.event == "record":
        told = ["case_officer", *told]
    elif row.event not in ("assess", "endorse", "accept"):
        told = [min(row.who - {"liaison_officer"} or row.who)]
    for role in told:
        actor = {GATEWAY: "gateway", PARTNER: case.partner}.get(role) or PEOPLE.get(role, "anna")
        actor = "erna" if row.event == "send_back" else actor  # a third person, whom the second may not pass over
        yield ("boris" if row.event in SIGNING and actor == "anna" else actor), role
        if row.event in SIGNING:
            yield "anna", role
        if row.event == "endorse":
            yield "boris", role


@cache
def base(row: Row, side: Side, minor: bool, prepared: Pending | None) -> Event:
    """Return the event of ``row`` with which nothing is wrong, without facts."""
    with_it = kit.case_in(side, row.source, minor, pending=prepared)
    if kit.concerns(row):
        event = kit.good_event(row, with_it, minor)
        event = replace(event, data={**event.data, "lost": False})  # no restore forgets anything here
    else:
        event = support.good_event(row, replace(with_it, record=None))
        event = replace(event, data={**event.data, "undo": None, "posted": True, "overdue": row.event == "remind"})
    return replace(event, facts=None)


def events(table: Table, case: Case, world: World) -> Iterator[Event]:
    """Yield every event that is tried on the case."""
    for row in by_source(case.side)[case.state]:
        if (case.state, row.event) not in table.index or (row.event == "freeze" and case.holders):
            continue
        if row.event in ("freeze", "suspend", "suspension") and world.wrong not in ("", "protection sought"):
            continue
        event = base(row, case.side, world.minor, case.pending)
        facts: Facts | None = None
        if row.event in SAYS or any(guard.startswith("rules_") for guard in row.guards):
            facts = facts_of(row, case, world, event)
        fine = not (world.wrong or world.bad or wrong_with(case, world.minor) not in FINE)
        if row.event == "send_back" and not fine:
            continue
        for wrong, data in variants(row, case, world):
            if wrong not in FINE and not fine and wrong != wrong_with(case, world.minor):
                continue
            for actor, role in actors(row, case, world):
                yield Event(row.event, actor, role, {**event.data, **data, "variant": wrong}, facts)


FINE = ("", "positive", "negative")
"""What says that nothing is wrong."""
SAYS = {"suspend", "recall", "cancel"}
"""Steps that look at the rules without a guard, to see whether anything may be said."""


@cache
def by_source(side: Side) -> Mapping[State, list[Row]]:
    """Return the rows of a verification and a return by the state they start from."""
    of = (*verification_rows(side), *(REQUESTED_RETURN if side is Side.REQUESTED else REQUESTING_RETURN))
    found: dict[State, list[Row]] = {state: [] for state in State}
    for row in of:
        found[row.source].append(row)
    return found


def verification_rows(side: Side) -> tuple[Row, ...]:
    """Return the rows of a verification; what belongs to it alone is tried in ``tests/test_tables.py``."""
    rows_of = REQUESTED_ROWS if side is Side.REQUESTED else REQUESTING_ROWS
    return tuple(
        row for row in rows_of if row.event not in ("correct", "attest", "restate", "remind", "reminder", "delay")
    )


def facts_of(row: Row, case: Case, world: World, event: Event) -> Facts:
    """Return what the rules look at; what is the same in the world is looked at once."""
    if row.event == "reply":
        return support.received_facts(REPLY, support.reply())
    if not kit.concerns(row) and case.side is Side.REQUESTED and case.pending is None:
        return support.asked_facts(case)
    type = case.pending.type if case.pending else kit.SENT_AS.get(row.event, "")
    body = case.pending.body if case.pending else event.data["body"]
    value = value_of(body) if isinstance(body, str) else body
    if row.event in ("contest", "resume", "suspend"):
        type, value = "", {}
    question = support.REQUEST_BODY if type == REPLY else None
    if row.event == "accept":  # the statement that comes with the step
        comes = kit.release("ours", "return.acceptance", "welfare" if world.minor else "desk_head", value)
        case = replace(case, releases=(*case.releases, comes))
    return about(case, support.NOW, type, value, around=support.AROUND, justification="return", question=question)


@cache
def value_of(body: str) -> Any:
    """Return the value of a body that is prepared; there are few, and nobody writes into one."""
    return ijson.loads(body.encode())


# The world goes on.


def after(world: World, case: Case, event: Event, moved: Case) -> World:
    """Return the world after a step that was taken."""
    wrong, signed, carer, bad = event.data["variant"], world.signed, world.carer, world.bad
    reply, author, approver, gone, against = world.reply, world.author, world.approver, world.wrong, world.against
    digest = case.pending.digest if case.pending else ""
    match event.name:
        case "reply" | "answer" if at(moved) is S.REPLIED:
            reply = "positive" if moved.reply and moved.reply["outcome"] == "NATIONAL" else "negative"
        case "prepare" | "amend":
            author, approver = event.actor, None
        case "attach":
            author, approver = None, None
        case "approve" | "countersign" if wrong != "other bytes":
            approver = event.actor
        case "send_back" if wrong != "other bytes":
            approver, against = None, against | {event.actor}
        case "endorse" if wrong != "other bytes" and not wrong_authority(Taken(world, case, event, moved, ())):
            signed = frozenset({f"release {digest}"})
        case "propose":
            signed, carer = signed & {f"release {digest}"}, False
        case "proposal" if at(moved) is S.PROPOSED:
            signed, carer = frozenset() if wrong in ("unsigned", "signed by another") else frozenset({"release"}), False
            bad = frozenset({"other reply"}) if wrong == "other reply" else frozenset()
        case "acceptance" | "accept" if at(moved) is S.ACCEPTED:
            unsigned = wrong in ("unsigned", "signed by another", "old acceptance", "other bytes")
            signed, carer = signed if unsigned else signed | {"acceptance"}, wrong != "no carer"
        case "document_request" | "request_document" if at(moved) in (S.ACCEPTED, S.DECIDED):
            signed = signed | {"asked"}
        case "document" | "reissue" | "issue" if at(moved) in (S.DOCUMENTED, S.SCHEDULED):
            bad = bad | {"old document"} if "document" in wrong else bad - {"old document"}
        case "hand_over" | "handover" if at(moved) in (S.DEPARTED, S.HANDED_OVER):
            signed = signed | {"delivery"}
        case "consider" | "record":
            gone = recorded(event) if gone in RECORDS else gone
        case "returned":
            gone = "" if gone in RECORDS else gone
        case _:
            pass
    if event.name in ("freeze", "suspend") and at(moved) in PREPARING:
        signed = frozenset()  # what was released before it was known what stops the case
    if event.name in ("consider", "reassess", "decline", "returned", "refusal") and moved.releases == ():
        signed, carer, bad = frozenset(), False, frozenset()
    if moved.pending is None:
        author = approver = None
    if moved.pending is None or moved.pending.digest != digest:
        against = frozenset()
    return settled(World(world.minor, gone, reply, signed, carer, bad, author, approver, against), moved)


def recorded(event: Event) -> str:
    """Return what is wrong with the record that the event brings."""
    return next(name for name, value in RECORDS.items() if value is event.data["record"])


def settled(world: World, case: Case) -> World:
    """Return the world without a wrong that a step put right."""
    lapsed = {(one.authority, one.kind) for one in case.releases if one.valid_until == PAST}
    document = case.said.get(REISSUE) or case.said.get(DOCUMENT)
    gone = {
        "release lapsed": "return.release" not in {kind for _, kind in lapsed},
        "acceptance lapsed": "return.acceptance" not in {kind for _, kind in lapsed},
        "document lapsed": document is None or document["document"]["valid_until"] != "2026-11-30",
        "reply lapsed": case.reply is None or case.reply["valid_until"] is None,
        "reply taken back": case.reply is not None,
    }
    return replace(world, wrong="") if gone.get(world.wrong) else world


def happens(world: World, case: Case) -> Iterator[tuple[World, Case]]:
    """Yield what may go wrong, or right again, in the world without a step of the case."""
    asking = case.side is Side.REQUESTING
    if asking and world.wrong == "protection sought":
        yield replace(world, wrong=""), replace(case, draft={**(case.draft or {}), "asylum": support.DRAFT["asylum"]})
    if world.wrong == "no guardian":
        yield replace(world, wrong=""), replace(case, draft=kit.MINOR)
    if world.wrong or world.bad or wrong_with(case, world.minor) not in FINE:
        return
    if asking:
        yield (
            replace(world, wrong="protection sought"),
            replace(case, draft={**(case.draft or {}), "asylum": PROTECTION}),
        )
    if case.state in HELD:
        return
    if asking and world.minor:
        yield replace(world, wrong="no guardian"), replace(case, draft={**(case.draft or {}), "representative": None})
    if case.reply is not None and world.reply == "positive" and case.state not in (*AWAY, *OUTCOMES):
        yield replace(world, wrong="reply taken back"), replace(case, reply=None, reply_digest=None)
        if asking:
            yield replace(world, wrong="reply lapsed"), replace(case, reply={**case.reply, "valid_until": "2026-11-30"})
    for wrong, kind in (("release lapsed", "return.release"), ("acceptance lapsed", "return.acceptance")):
        if any(one.kind == kind for one in case.releases) and case.state not in (*AWAY, *OUTCOMES):
            past = tuple(replace(one, valid_until=PAST) if one.kind == kind else one for one in case.releases)
            yield replace(world, wrong=wrong), replace(case, releases=past)
    if asking and case.state in (S.DOCUMENTED, S.SCHEDULED):
        said = {type: body for type, body in case.said.items() if type != REISSUE}
        said[DOCUMENT] = kit.issued("2026-11-30")
        yield replace(world, wrong="document lapsed"), replace(case, said=said)


# The search.


def without(table: Table, guard: str, only: Row | None = None) -> Table:
    """
    Return the table without ``guard``, wherever it stands, or in the row ``only``.

    The rules look at the same once more before anything leaves. To see the guard alone, what they would say under the
    same id is left out with it.
    """
    rows = tuple(
        replace(row, guards=tuple(name for name in row.guards if name != guard)) if only in (None, row) else row
        for row in table.rows
    )
    deaf = {name: silent(kept, MARKS[guard]) for name, kept in table.guards.items() if name.startswith("rules_")}
    guards = {**table.guards, **deaf} if not guard.startswith("rules_") else table.guards
    return Table(rows, guards, table.applies, table.terminal)


def silent(guard: Guard, id: str) -> Guard:
    """Return the guard without what it finds under ``id``."""

    def quiet(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
        return tuple(finding for finding in guard(case, event, now) if finding.rule != id)

    return quiet


def key(world: World, case: Case) -> tuple[Any, ...]:
    """Return what tells two states apart."""
    if case.state in OVER:
        return (case.state,)
    pending = case.pending and (case.pending.digest, case.pending.type, case.pending.approver)
    where = at(case)
    if where not in RETURN_STATES:
        # What is wrong with a record, and what was signed, begins anew with a return.
        wrong = world.wrong if world.wrong in WORLDLY[:4] else ""
        people = (world.author, world.approver, world.against)
        world = World(world.minor, wrong, world.reply, frozenset(), False, frozenset(), *people)
        return (case.state, held_by(case), pending, case.contests, world)
    if where in (S.NOT_RETURNED, S.RECALL, *AWAY[1:], *OUTCOMES):
        # Nothing that comes looks at more of the world than whether protection is sought.
        world = World(world.minor, "protection sought" if world.wrong == "protection sought" else "")
        return (case.state, held_by(case), where is S.RECALL and case.record is None, world)
    releases = tuple(
        sorted((one.authority, one.kind, one.role, one.valid_until == PAST, str(one.by)) for one in case.releases)
    )
    return (
        case.state,
        held_by(case),
        pending,
        releases,
        frozenset(case.said) & TELLING,
        case.contests,
        case.record is None,
        world,
    )


TELLING = {SUSPENSION, DOCUMENT_REQUEST}
"""What was said that a later step asks for; a document is in ``World.bad`` if it does not last."""


def number(world: World, case: Case) -> int:
    """Return the number that stands for ``key``: two states are the same where it is."""
    return numbers.setdefault(key(world, case), len(numbers))


numbers: dict[tuple[Any, ...], int] = {}


def held_by(case: Case) -> tuple[Any, ...]:
    """Return who stopped the case, and where it will go on."""
    return (
        (case.resume_to, case.holders, case.released, case.resume_proposer) if case.state in (*HELD, S.RECALL) else ()
    )


@dataclass(slots=True)
class Explored:
    """What a search found: distinct states, the steps between them, and the first promise broken."""

    states: dict[int, int] = field(default_factory=dict)
    steps: list[Counter[int]] = field(default_factory=list)
    depth: int = 0
    refused: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    met: set[State] = field(default_factory=set)

    @property
    def transitions(self) -> int:
        """How many distinct steps there are between distinct states."""
        return sum(len(found) for found in self.steps)

    def sequences(self) -> int:
        """How many sequences of events, up to the depth of the fixed point, the distinct states stand for."""
        ways, total = {0: 1}, 0
        for _ in range(self.depth):
            onward: Counter[int] = Counter()
            for state, count in ways.items():
                for target, times in self.steps[state].items():
                    onward[target] += count * times
            ways = onward
            total += sum(ways.values())
        return total


def first(side: Side, minor: bool) -> tuple[World, Case]:
    """Return how a case begins."""
    if side is Side.REQUESTED:
        return World(minor), support.asked(clocks=(support.clock(),))
    record = kit.MINOR if minor else support.DRAFT
    pending = replace(support.preview(record).pending("anna"))
    return World(minor, author="anna"), support.asking(draft=record, pending=pending)


@dataclass(frozen=True, slots=True)
class Tried:
    """
    An event that was tried: the step that was taken, and the world, the case and their number that it leads to.

    Of one that was refused there is no step, and ``rules`` are those of the findings; none if there was no such step.
    """

    event: Event
    taken: Taken | None = None
    rules: frozenset[str] = frozenset()
    onward: tuple[World, Case, int] | None = None


def attempt(table: Table, world: World, case: Case, event: Event) -> Tried:
    """Try an event, and return what comes of it."""
    try:
        moved, effects = step(table, case, event, support.NOW)
    except IllegalStep:
        return Tried(event)
    except RuleRefused as error:
        return Tried(event, rules=frozenset(finding.rule for finding in error.findings))
    then, found = after(world, case, event, moved), moved
    if moved.findings or moved.freeze_reason or moved.delay or moved.delays:
        found = replace(moved, findings=(), freeze_reason=None, delay=None, delays=0)
    if event.name in ("depart", "departure"):
        # Months go by, for the six that follow the handover; nothing else of a departure looks at its day.
        found = replace(found, said={**found.said, SCHEDULE: kit.LEFT})
    return Tried(event, Taken(world, case, event, moved, effects), onward=(then, found, number(then, found)))


Trial = Callable[[World, Case, int], Iterable[Tried]]
"""What is tried in a world and a case, which have a number, and what comes of each event."""


def trial(table: Table) -> Trial:
    """Return the trial of everything on ``table``."""
    return lambda world, case, _: (attempt(table, world, case, event) for event in events(table, case, world))


@cache
def remembered(side: Side) -> Callable[[World, Case, int, frozenset[str]], Iterator[Tried]]:
    """Return the trial of all but what is barred on the table as it is; an event is tried once in equal cases."""
    table = table_for(side)
    kept: defaultdict[int, list[tuple[World, Case, list[tuple[Event, list[Tried]]]]]] = defaultdict(list)

    def known(world: World, case: Case, name: int) -> list[tuple[Event, list[Tried]]]:
        for one, other, tries in kept[name]:
            if (one, other) == (world, case):
                return tries
        tries = [(event, []) for event in events(table, case, world)]
        kept[name].append((world, case, tries))
        return tries

    def tried(world: World, case: Case, name: int, barred: frozenset[str]) -> Iterator[Tried]:
        for event, found in known(world, case, name):
            if event.name not in barred:
                if not found:
                    found.append(attempt(table, world, case, event))
                yield found[0]

    return tried


def trial_without(side: Side, guard: str, only: Row | None, barred: frozenset[str]) -> Trial:
    """
    Return the trial on a table without ``guard``; see ``without``.

    A step that every guard let pass passes without one of them, and leads where it led; one that another rule refuses
    too is refused. Everything else is tried anew.
    """
    table, asked = without(table_for(side), guard, only), remembered(side)
    lost = None if guard.startswith("rules_") else MARKS[guard]

    def tried(world: World, case: Case, name: int) -> Iterator[Tried]:
        for one in asked(world, case, name, barred):
            stays = one.taken is not None or (lost is not None and not one.rules <= {lost})
            yield one if stays else attempt(table, world, case, one.event)

    return tried


@pytest.fixture(scope="module", autouse=True)
def forget() -> Iterator[None]:
    """Keep what is remembered no longer than these tests, and look for no garbage in it: all of it is needed."""
    gc.disable()
    yield
    remembered.cache_clear()
    numbers.clear()
    gc.enable()


def explore(start: tuple[World, Case], tried: Trial, only: str | None = None) -> Explored:
    """Try everything until nothing new is found; with ``only``, until that promise is broken."""
    found = Explored()
    begin = (*start, number(*start))
    found.states[begin[2]] = 0
    found.steps.append(Counter())
    queue = deque([(*begin, 0, 0)])
    promises = {only: PROMISES[only]} if only else PROMISES

    def reach(here: int, world: World, case: Case, name: int, depth: int) -> None:
        there = found.states.get(name)
        if there is None:
            there = found.states[name] = len(found.steps)
            found.steps.append(Counter())
            queue.append((world, case, name, there, depth))
            found.depth = max(found.depth, depth)
        found.steps[here][there] += 1

    while queue:
        world, case, name, here, depth = queue.popleft()
        found.met.add(case.state)
        for then, changed in happens(world, case) if case.state not in OVER else ():
            reach(here, then, changed, number(then, changed), depth + 1)
        for one in tried(world, case, name):
            if one.taken is None or one.onward is None:
                found.refused += 1
                continue
            for id, breaks in promises.items():
                if breaks(one.taken):
                    found.broken[id] += 1
                    if only:
                        return found
            reach(here, *one.onward, depth + 1)
    return found


SCENARIOS = [(side, minor) for side in Side for minor in (True, False)]


@cache
def explored(side: Side, minor: bool) -> Explored:
    """Return what a whole search finds."""
    return explore(first(side, minor), trial(table_for(side)))


@pytest.mark.parametrize(("side", "minor"), SCENARIOS, ids=lambda item: str(getattr(item, "value", item)))
def test_nothing_forbidden_happens(side: Side, minor: bool, record_property: Callable[[str, object], None]) -> None:
    """Whatever anybody tries, in whatever order, no promise is broken; the search ends because nothing new is left."""
    found = explored(side, minor)
    who = "represented" if minor else "adult"
    record_property(
        "figures",
        f"{side.value}, {who}: {len(found.states)} distinct states, {found.transitions} transitions, "
        f"{found.refused} attempts refused; they stand for {found.sequences():.3e} sequences of up to "
        f"{found.depth} events; forbidden: {sum(found.broken.values())}",
    )
    assert Counter() == found.broken


@SIDES
def test_every_state_is_met(side: Side) -> None:
    """The search meets every state of a return, so what it never saw happen does not happen there either."""
    states = {row.source for row in table_for(side).rows} - {S.NEEDS_INTERVIEW}
    assert set() == states - explored(side, True).met


@SIDES
def test_roles_that_a_row_does_not_name_cannot_take_it(side: Side) -> None:
    """Every role of both tables attempts every event in every state; only the roles of a row take its step."""
    table = table_for(side)
    roles = {role for both in Side for row in table_for(both).rows for role in row.who}
    names = {row.event for row in table.rows}
    for state in {row.source for row in table.rows}:
        case = kit.case_in(side, state)
        for name in names:
            row = table.index.get((state, name))
            for role in roles - (row.who if row else frozenset()):
                with pytest.raises(IllegalStep):
                    step(table, case, Event(name, "anna", role), support.NOW)


def test_every_guard_is_marked() -> None:
    """
    No guard stands in the tables without a promise that needs it, and each is taken out by some test.

    Here those of a return; in ``tests/test_tables.py`` those of a verification, each from each of its rows; and in
    ``tests/core/test_notices.py`` those of what is said of data that was sent.
    """
    assert set(GUARDS) == set(MARKS)
    assert set() == set(GUARDS) - set(RETURN_GUARDS) - set(SPOILT) - set(notices.GUARDS)
    rows = [row for side in Side for row in table_for(side).rows]
    assert set() == set(GUARDS) - {guard for row in rows for guard in row.guards}
    in_return = {guard for row in (*REQUESTING_RETURN, *REQUESTED_RETURN) for guard in row.guards}
    # What is composed, and how often a delay is told of, has no promise of a return.
    unpromised = {"rules_compose", "within_bound"}
    assert unpromised == in_return - set(RETURN_GUARDS)
    assert set() == {MARKS[name] for name in in_return - unpromised} - set(PROMISES)


RETURN_GUARDS = sorted(
    {guard for row in (*REQUESTING_RETURN, *REQUESTED_RETURN) for guard in row.guards if MARKS[guard] in PROMISES}
)


@cache
def asked_first(minor: bool) -> tuple[World, Case]:
    """Return the requested side's case where a return can begin: it has said yes."""
    return World(minor, reply="positive"), support.asked(S.REPLIED, reply=support.reply())


def said_yes(minor: bool) -> tuple[World, Case]:
    """Return the requesting side's case where a return can begin: the other State has said yes."""
    record = kit.MINOR if minor else support.DRAFT
    case = support.asking(S.REPLIED, draft=record, pending=None, reply=support.reply(), reply_digest=kit.REPLY_DIGEST)
    return World(minor, reply="positive"), case


STOPPING = frozenset({"freeze", "suspend", "suspension", "undelivered", "contest"})
STOPPED_BY = {
    "let_go": {"suspend"},
    "same_freezer": {"suspend"},
    "rules_resume": {"suspend"},
    "taken_there": {"freeze", "suspend", "suspension", "contest"},
    "has_left": {"freeze", "suspend"},
    "accepted_once": {"undelivered"},
}
"""What has to happen for a guard to matter; nothing else that stops a case is tried while looking for its promise."""


def broken_without(guard: str) -> bool:
    """Return whether the promise that ``guard`` is marked with breaks on some side once it is in no row."""
    return any(broken_on(side, guard) for side in Side)


def broken_on(side: Side, guard: str, only: Row | None = None) -> bool:
    """Return whether the promise of ``guard`` breaks on ``side`` once it is in no row, or not in the row ``only``."""
    tried = trial_without(side, guard, only, STOPPING - STOPPED_BY.get(guard, frozenset()))
    for minor in (True, False):
        start = said_yes(minor) if side is Side.REQUESTING else asked_first(minor)
        if explore(start, tried, only=MARKS[guard]).broken:
            return True
    return False


@pytest.mark.parametrize("guard", RETURN_GUARDS)
def test_search_notices_a_missing_guard(guard: str) -> None:
    """Without a guard, its promise breaks."""
    assert broken_without(guard)


MADE_UP_FOR = {
    (S.ASSESSED, "propose", "assessed_positive"): "true_to_record finds no conclusion in favour on record",
    (S.DECIDED, "approve", "minimised"): "request_document looks at the same bytes again",
    (S.DECIDED, "request_document", "minimised"): "approve has looked at the same bytes before",
    (S.DECIDED, "request_document", "right_type"): "minimised finds no elements in another message",
    (
        S.PROPOSED,
        "proposal",
        "welfare_released",
    ): "same_person finds no released proposal for an acceptance to name",
    (S.SUSPENDED, "record", "assessments_kept"): "not searched: only what is in order is stopped; tests/core",
    (S.SUSPENDED, "record", "revocation_kept"): "not searched: only what is in order is stopped; tests/core",
}
"""Guards of one row that nobody misses there alone, and why."""
LOADED = [
    (side, row, guard)
    for side, rows in ((Side.REQUESTING, REQUESTING_RETURN), (Side.REQUESTED, REQUESTED_RETURN))
    for row in rows
    for guard in row.guards
    if guard in RETURN_GUARDS and (side, guard) != (Side.REQUESTED, "rules_send")
]
"""Each guard of each row of a return; R-01, with which ``rules_send`` is marked, asks nothing of the other side."""


@pytest.mark.parametrize("item", LOADED, ids=lambda item: "-".join((item[0], item[1].source, item[1].event, item[2])))
def test_search_notices_a_guard_missing_from_one_row(item: tuple[Side, Row, str]) -> None:
    """A guard bears its load in each row: taken out of one alone, its promise breaks, but where another makes up."""
    side, row, guard = item
    made_up_for = (row.source, row.event, guard) in MADE_UP_FOR
    assert made_up_for is not broken_on(side, guard, row)
