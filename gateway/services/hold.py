"""
Stopping a case, and the two ways on: withdraw it, or let it go on.

Rule 1: anyone who may freeze does so at once, alone, without a reason being weighed.
Rule 2: every withdrawal passes through here, whatever its reason, leaves at the next full hour, and says nothing.
Rule 3: a frozen case goes on only if who froze it lets go, two persons resume it, and R-01 finds nothing. What a guest
stopped is let go by a person of this gateway in the same role, who had no part in inviting; what somebody stopped who
has left that office since, by another who holds it. For a guardian or lawyer it is who represents this person.
Rule 4: where the gateway itself holds a case because another of the same person is stopped, it lets go once two persons
said, each with a reason, that it is another person; a number that both cases carry is corrected, never argued away. So
it is with what is said of a person who is away, whose case is not held.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import schemas
from gateway.core import exercise
from gateway.core.case import Case, Side, State
from gateway.core.facts import Finding, about
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.tables import table_for
from gateway.core.verification import CLERK, MAY_TELL_APART, OFFICER
from gateway.core.verification_guards import let_go_by
from gateway.services import access, cases, heard, once_more, person_stop, standing, steps
from gateway.services.around import look
from gateway.services.context import Context, Forbidden, acting
from gateway.services.guests import is_guest
from gateway.services.passed_over import bring_back
from gateway.services.ports import Tx
from gateway.services.representing import represents
from gateway.services.rows import ApartRow, Shared

WAYS_ON = frozenset({"release", "resume", "apart"})
"""Steps by which a case that was stopped goes on: whether they are refused hangs on who stopped it, and who acts."""


class Hold:
    """Freeze, release, resume, withdraw."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    async def freeze(
        self, ref: str, reason: str, person: str, role: str, protection: Mapping[str, Any] | None = None
    ) -> None:
        """
        Stop the case at once and take what was never posted out of the outbox.

        ``reason`` stays sealed here. ``protection`` replaces the protection state of the draft (its ``asylum`` member),
        where that is what became known; a freeze tightens, so it never brings a ``none``, which only the authority that
        attests it may. What is known already is replaced by that authority alone, and never by an ``unknown``; from
        anybody else the case is stopped, and the state stays (R-01). Raises ``Forbidden`` and, once the case is over,
        ``IllegalStep``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)
        if protection is not None and protection.get("state") == "none" and not person_stop.attests(person, role):
            raise Forbidden("only the asylum authority attests that there is no protection need", "freeze without it")

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            draft = person_stop.tightened(held.case, protection, person, role)
            data = {"reason": reason, "draft": draft, "undo": await standing.undo_of(context, tx, held)}
            await steps.move(context, tx, held, Event("freeze", person, role, data), now)

        await context.commit(unit)

    async def withdraw(self, ref: str, person: str, role: str) -> None:
        """
        Withdraw a frozen case. If nothing was ever posted, nothing is sent.

        Raises ``Forbidden``, and ``IllegalStep`` if the case is not frozen.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            posted = await heard.was_posted(tx, held.case)
            moved = await steps.move(context, tx, held, Event("withdraw", person, role, {"posted": posted}), now)
            await bring_back(context, tx, held.row, moved.row, now)

        await context.commit(unit)

    async def release(self, ref: str, person: str, role: str) -> None:
        """
        Let go of a case this person froze in this role; or, if they hold it not, of what guests in it stopped, and
        those who have left that office.

        For a guest nobody lets go who invited anybody to the case, or has another role of the desk in charge: they may
        be who made the link. Raises ``RuleRefused`` (V-07) then, or if somebody else froze it, and ``Forbidden``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            left = self._left(held.case, now)
            gone = let_go_by(held.case, person, role, left)
            if gone and not await self._is_apart(tx, held, person, role, gone):
                because = "who invites to the case, or works at its desk in another role, does not let go for another"
                raise RuleRefused((Finding("V-07", because),))
            await steps.move(context, tx, held, Event("release", person, role, {"left": left}), now)

        await context.commit(unit)

    async def way_on(self, tx: Tx, held: cases.Held, verb: str, person: str, roles: Collection[str]) -> tuple[str, ...]:
        """Return in which of ``roles`` nothing of who stopped ``held`` stands against this step of ``WAYS_ON`` now."""
        case, now = held.case, self._context.clock.now()
        may = sorted(roles) if person in self._context.persons else []  # whom nobody knows any more takes no step
        match verb:
            case "release":
                ends = {role: let_go_by(case, person, role, self._left(case, now)) for role in may}
                may = [role for role in may if ends[role]]
                may = [role for role in may if await self._is_apart(tx, held, person, role, ends[role])]
            case "resume":
                # Whoever has proposed it waits for another: proposed twice it goes on no sooner.
                is_said = case.state is State.FROZEN and case.resume_proposer == person
                may = [role for role in may if not is_said and self._goes_on(case, person, role, now)]
            case "apart":
                open_ = await person_stop.is_in_question(tx, case) and not await _is_said(tx, case.ref, person)
                may = [role for role in may if role in MAY_TELL_APART and open_]
        return tuple(may)

    def _left(self, case: Case, now: datetime) -> tuple[tuple[str, str], ...]:
        """Return the holders of ``case`` who are persons of this gateway no more, or not in that office."""
        return tuple(holder for holder in case.holders if not self._is_in_office(*holder, now))

    def _is_in_office(self, person: str, role: str, now: datetime) -> bool:
        found = self._context.persons.get(person)
        return found is not None and found.active(now) and role in found.roles

    async def _is_apart(
        self, tx: Tx, held: cases.Held, person: str, role: str, gone: Collection[tuple[str, str]]
    ) -> bool:
        """
        Tell whether the stops that end are the person's own, or nobody of the desk lifts by them what another stopped.

        For a guest nobody does who may have made the link. To represent a person is no office that another goes on in:
        such a stop is let go by who represents her now.
        """
        if (person, role) in gone:
            return True
        desk = OFFICER if held.case.side is Side.REQUESTING else CLERK
        others = (self._context.persons[person].roles - {role}) & desk
        if any(is_guest(holder) for holder, _ in gone):
            invited = any(row.action == "invite" and row.person == person for row in await tx.accesses(held.case.ref))
            if invited or others:
                return False
        if not represents(self._context, held.case, person, role, self._context.clock.now()):
            return False
        return role in desk or not others

    async def resume(self, ref: str, person: str, role: str) -> None:
        """
        Propose to go on (first person), or go on (a second, other person, with all rules looked at again).

        Where the one whose role lets it go on has proposed it, another's proposal takes the place of theirs, so that
        they may be the second. Raises ``RuleRefused`` naming what still stands against it.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            facts = about(held.case, now, around=await look(context, tx, held.case, now))
            event = Event(self._resumes_by(held.case, person, role), person, role, {}, facts)
            moved = await steps.move(context, tx, held, event, now)
            await bring_back(context, tx, held.row, moved.row, now)
            # What stands was not said while the case was stopped, nor that our reply is none, which never left then.
            await once_more.say_again(context, tx, ref, now, goes_on=True)

        await context.commit(unit)

    def _resumes_by(self, case: Case, person: str, role: str) -> str:
        """Return the event by which ``person`` lets a case go on: the first proposes it, a second resumes."""
        if case.state is State.SUSPENDED:
            return "resume"  # that needs one person; all who stopped it have let go before
        if case.resume_proposer in (None, person):
            return "propose_resume"
        seconds = may_resume(case)
        first = self._context.persons.get(case.resume_proposer or "")
        takes_the_place = role not in seconds and first is not None and bool(first.roles & seconds)
        return "propose_resume" if takes_the_place else "resume"

    def _goes_on(self, case: Case, person: str, role: str, now: datetime) -> bool:
        """Tell whether ``person`` may let the case go on in ``role``, as far as it hangs on who stopped it."""
        table, event = table_for(case.side), Event(self._resumes_by(case, person, role), person, role)
        row = table.index.get((case.state, event.name))
        if row is None or role not in row.who:
            return False
        return not any(table.guards[name](case, event, now) for name in row.guards if name in _OF_THE_STOP)

    async def tell_apart(self, ref: str, why: str, person: str, role: str) -> bool:
        """
        Say that ``ref`` is about another person than the stopped cases it is held for, or that none is stopped now.

        The first person proposes it, a second, other person confirms it; then the gateway lets go, and the case may be
        resumed. Of who is away what waits leaves at the next attempt. Returns whether it did. Both reasons are
        recorded, in every case that was compared (R-13).

        Raises ``Forbidden``, ``IllegalStep`` if nothing is held for this, and ``RuleRefused`` with R-01 where a number
        is shared: the wrong entry is corrected then.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in MAY_TELL_APART:
            raise Forbidden(f"the role '{role}' does not decide this", f"may: {', '.join(sorted(MAY_TELL_APART))}")
        _reason(why)

        async def unit(tx: Tx) -> bool:
            held = await cases.load(context, tx, ref)
            if not await person_stop.is_in_question(tx, held.case):
                raise IllegalStep(held.case.state, "tell_apart", role)
            # One that was told apart before stays so as long as nothing else is shared.
            found = await person_stop.matches(tx, ref)
            if any(one.number for one in found):
                raise RuleRefused((Finding("R-01", person_stop.BY_A_NUMBER, "elements"),))
            await self._compared(tx, held, found, why, person, now)
            decided = [await _decide(tx, ref, other, shared, person, now) for other, shared in _pairs(ref, found)]
            if not all(decided):
                return False
            await tx.drop_apart(ref, ref)
            actor, holder = person_stop.HOLDER
            name = "release" if person_stop.HOLDER in held.case.holders else "go_on"
            await steps.move(context, tx, held, Event(name, actor, holder, {"over": person_stop.BECAUSE}), now)
            return True

        let_go: bool = (await context.commit(unit)).value
        return let_go

    async def is_second(self, ref: str, verb: str, person: str, role: str) -> bool:
        """
        Tell whether the word of ``person`` in ``role`` decides in ``ref``: another has taken the step ``verb`` before.
        """

        async def unit(tx: Tx) -> bool:
            if verb == "resume":
                case = (await cases.load(self._context, tx, ref)).case
                return case.state is State.FROZEN and self._resumes_by(case, person, role) == "resume"
            said = await _said_first(tx, ref)
            return None not in said and person not in said

        return await self._context.store.read(unit)

    async def stopped_by(self, refs: Sequence[str], person: str, roles: Collection[str]) -> frozenset[str]:
        """Return those of ``refs`` that ``person``, in one of ``roles``, has stopped and holds still."""

        async def unit(tx: Tx) -> frozenset[str]:
            found = [cases.readable(self._context, await tx.find_case(ref)) for ref in refs]
            mine = {(person, role) for role in roles}
            return frozenset(one.case.ref for one in found if one is not None and not mine.isdisjoint(one.case.holders))

        return await self._context.store.read(unit)

    async def first_words(self, tx: Tx, case: Case) -> tuple[str, ...]:
        """Return who has said that ``case`` is about another person than a stopped one, where a second has to."""
        if not await person_stop.is_in_question(tx, case):
            return ()
        return tuple(sorted(one for one in await _said_first(tx, case.ref) if one is not None))

    async def _compared(
        self, tx: Tx, held: cases.Held, found: tuple[Shared, ...], why: str, person: str, now: datetime
    ) -> None:
        """Record the look at the case and at each it was compared with, with the reason."""
        await access.record(self._context, tx, held, person, "tell-apart", why, now)
        for one in found:
            other = await cases.load(self._context, tx, one.ref)
            await access.record(self._context, tx, other, person, "tell-apart", why, now)

    async def correct(
        self, ref: str, elements: Mapping[str, Any], why: str, person: str, role: str, *, seen: str | None = None
    ) -> None:
        """
        Replace what the record of ``ref`` says of the person, in a case that stands still; nothing else of it changes.

        What was sent is not changed by it: that takes a message. Raises ``SchemaError``, ``Forbidden``,
        ``IllegalStep``, ``RuleRefused`` without a reason, ``Changed`` if the record is not the one that was ``seen``.
        """
        await self._record(ref, "correct", {"elements": elements}, why, person, role, seen)

    async def attest(self, ref: str, protection: Mapping[str, Any], why: str, person: str, role: str) -> None:
        """
        Replace the protection state of ``ref``, by the authority that attests it, in a case that stands still.

        A case that is closed may still stop the person's others; this is how it ends. Raises as ``correct``.
        """
        await self._record(ref, "attest", {"asylum": protection}, why, person, role)

    async def restate(
        self,
        ref: str,
        age: Mapping[str, Any],
        representative: Mapping[str, Any] | None,
        why: str,
        person: str,
        role: str,
        *,
        seen: str | None = None,
    ) -> None:
        """
        Replace what is recorded of age and guardian, as the authority in charge, in a case that stands still.

        What stood is kept. Nothing is let go by it, and nothing sent. Raises as ``correct``.
        """
        await self._record(ref, "restate", {"age": age, "representative": representative}, why, person, role, seen)

    async def _record(
        self,
        ref: str,
        name: str,
        anew: Mapping[str, Any],
        why: str,
        person: str,
        role: str,
        seen: str | None = None,
    ) -> None:
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        _reason(why)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref, seen)
            if held.case.draft is None:
                raise IllegalStep(held.case.state, name, role)  # of who is asked nothing is recorded
            schemas.validate("case-draft", {**held.case.draft, **anew})
            if held.case.exercise and (found := exercise.findings(anew.get("elements", {}))):
                raise RuleRefused(found)
            await access.record(context, tx, held, person, name, why, now)
            data = {**anew, "posted": await heard.was_posted(tx, held.case)}
            await steps.move(context, tx, held, Event(name, person, role, data), now)

        await context.commit(unit)


def _reason(why: str) -> None:
    if not why.strip():
        raise RuleRefused((Finding("R-13", "no justification is given"),))


def may_resume(case: Case) -> frozenset[str]:
    """Return the roles that let a stopped ``case`` go on where another person has proposed it."""
    row = table_for(case.side).index.get((case.state, "resume"))
    return frozenset() if row is None else frozenset(row.who)


_OF_THE_STOP = frozenset({"released", "second_person", "let_go"})
"""Guards of that event that look at who stopped the case and who lets it go on, and at nothing else."""


def _pairs(ref: str, found: Collection[Shared]) -> list[tuple[str, bytes]]:
    """Return what is told apart from ``ref``: each stopped case that was found, with what is shared; or none is."""
    return [(one.ref, person_stop.digest(one.values)) for one in found] or [(ref, b"")]


async def _said_first(tx: Tx, ref: str) -> set[str | None]:
    """Return who has said of each case that ``ref`` is held for that it is about another; ``None`` where nobody has."""
    pairs = _pairs(ref, await person_stop.matches(tx, ref))
    rows = [(await tx.find_apart(ref, other), shared) for other, shared in pairs]
    return {row.first if row is not None and row.shared == shared else None for row, shared in rows}


def _is_alone(row: ApartRow | None, shared: bytes, person: str) -> bool:
    """Tell whether ``person`` has told two cases apart that share this, and nobody else has."""
    return row is not None and row.shared == shared and row.second is None and row.first == person


async def _is_said(tx: Tx, ref: str, person: str) -> bool:
    """Tell whether ``person`` has said of a stopped case that ``ref`` is about another, so that a second one is due."""
    pairs = _pairs(ref, await person_stop.matches(tx, ref))
    return any([_is_alone(await tx.find_apart(ref, other), shared, person) for other, shared in pairs])


async def _decide(tx: Tx, ref: str, other: str, shared: bytes, person: str, now: datetime) -> bool:
    """Take what ``person`` says of two cases; return whether two persons have said it of what they share now."""
    row = await tx.find_apart(ref, other)
    if row is None or row.shared != shared:
        await tx.save_apart(ApartRow(ref, other, shared, person, now, None, None))
        return False
    if _is_alone(row, shared, person):
        raise RuleRefused((Finding("V-01", "two different persons say that it is another person"),))
    if row.second is None:
        await tx.save_apart(replace(row, second=person, second_at=now))
    return True
