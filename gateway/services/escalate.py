"""
Pressing for what is owed, rung by rung, by the people whose rung it is.

Rule 1: silence brings nothing about but this; a rung is a line in the history of the case and moves it nowhere.
Rule 2: whatever forbids a reminder forbids every rung: an open protection question, a State not to be contacted.
Rule 3: whoever answers for the person says alone, at once, that pressing endangers; two persons let it go on.
Rule 4: what leaves the house on paper has references of its own, and neither ours nor the thread's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

import schemas
from gateway.core.calendars import local_date
from gateway.core.case import HELD, Case, Side, State
from gateway.core.clocks import Clock
from gateway.core.escalation import (
    ALLOW,
    MAY_ALLOW,
    MAY_STOP,
    PROPOSE,
    STOP,
    Pressed,
    event_of,
    is_stopped,
    owed,
    press_findings,
    proposer,
)
from gateway.core.facts import Finding, When, about
from gateway.core.instruments import UNVERIFIED
from gateway.core.ladder import Level
from gateway.core.machine import RuleRefused
from gateway.core.messages import CONTEST, DOCUMENT_REQUEST, INTERVIEW_ANSWER, REMINDER, REQUEST
from gateway.core.note_verbale import (
    Item,
    Note,
    note_from_dict,
    note_to_dict,
    quarterly_text,
    reference,
    serialize_text,
)
from gateway.core.rules import findings
from gateway.core.verification import AWAITED
from gateway.services import cases, threads
from gateway.services.around import look
from gateway.services.context import Context, Forbidden, NoPartner, NotFound, acting
from gateway.services.ports import Changed, Tx
from gateway.services.remind import Reminder
from gateway.services.rows import EventRow
from keys import b64
from schemas import ijson

BETWEEN_MINISTRIES = frozenset({"L4", "L5", "L6"})
"""Rungs on which paper passes between ministries, whose references show nobody that a case is invented."""

_NOT_READY = (Finding("D-07", "no case with this State has reached L4, or each rests or is held back"),)

SHOWN = 20
"""How many notes verbales a list shows."""

YEARS = 10
"""Years in which notes verbales are looked for."""

PRESSED = (*AWAITED, State.DECIDED)
"""States of the requesting side in which the other State owes something."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a case stands on the ladder: the rung silence has reached, or ``None``, and whether it is held back."""

    level: str | None
    stopped: bool
    reference: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Whether a case bears the mark "do not press", and who proposed to take it away; ``None`` if nobody did."""

    stopped: bool
    proposer: str | None


def mark(note: Note) -> str:
    """Return a mark of what ``note`` says beside its number, by which a note is issued as its draft was seen."""
    return b64.encode(sha256(serialize_text(replace(note, number="")).encode()).digest())


@dataclass(frozen=True, slots=True)
class Issued:
    """A note verbale that was numbered and recorded, and the State it is for."""

    partner: str
    note: Note


class Escalation:
    """The ladder, as people climb it."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    def who(self, level: str) -> tuple[str, ...]:
        """Return the roles that may trigger ``level``. Raises ``RuleRefused`` if the ladder has no such rung."""
        return self._rung(level).who

    async def standing(self, case: Case) -> Standing:
        """Return where ``case`` stands now."""
        past = await self._context.store.read(lambda tx: _past(tx, case.ref))
        return self.standing_by(case, past, self._context.clock.now())

    def standing_by(self, case: Case, past: Sequence[Pressed], now: datetime) -> Standing:
        """Return where ``case`` stands at ``now``, after it was pressed for as ``past`` says."""
        context, stopped = self._context, is_stopped(past)
        requested = case.partner if case.side == "requesting" else context.country
        held = stopped or case.state in HELD
        return Standing(context.reckoner.level(requested, owed(case), now, held), stopped, reference(case.thread))

    async def trigger(self, ref: str, level: str, person: str, role: str, language: str = "en") -> Note | None:
        """
        Trigger ``level`` of the ladder for one case, and return the note verbale if that is what the rung is.

        Raises ``Forbidden``, ``RuleRefused`` with everything that stands against it, ``NotFound``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        rung = self._rung(level)
        if level == "L1":
            await self._check(ref, rung, role, now)
            await Reminder(context).remind(ref, person, role)
            return None
        if level == "L4":
            return await self._note([ref], person, role, language, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            if found := await self._findings(tx, held.case, rung, role, now):
                raise RuleRefused(found)
            await self._record(tx, held, event_of(level), person, role, now)

        await context.commit(unit)
        return None

    async def note(
        self,
        partner: str,
        person: str,
        role: str,
        language: str = "en",
        *,
        draft: bool = False,
        seen: str | None = None,
    ) -> Note:
        """
        Return the note verbale about every case with ``partner`` for which the rung is reached and nothing forbids it.

        With ``draft`` nothing is recorded and the note has no number; ``seen`` is the ``mark`` of the draft that was
        looked at. Raises ``Forbidden``, ``RuleRefused`` if there is no such case, and ``Changed`` if the note would say
        something else than what was seen, or there is none any more.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        refs = await self._ready(partner, self._rung("L4"), role, now)
        return await self._note(refs, person, role, language, now, draft=draft, seen=seen)

    async def issued(self, number: str, person: str, role: str) -> Issued:
        """Return the note verbale with ``number`` (``3/2026``) as it was issued. Raises ``Forbidden``, ``NotFound``."""
        await self._may_issue(person, role)
        found = await self._context.store.read(lambda tx: _find_note(tx, number))
        if found is None:
            raise NotFound("no note verbale has that number")
        return found

    async def issued_until(
        self, year: int, person: str, role: str, *, before: int | None = None, most: int = SHOWN
    ) -> tuple[Issued, ...]:
        """
        Return the last ``most`` notes verbales of ``year`` and the years before it, the latest first.

        Of ``year`` those alone with a number under ``before``. Raises ``Forbidden``.
        """
        await self._may_issue(person, role)

        async def unit(tx: Tx) -> tuple[Issued, ...]:
            found = list[Issued]()
            for one in range(year, year - YEARS, -1):
                last = int(await tx.find_meta(f"notes:{one}") or 0)
                for number in range(last if one < year or before is None else min(last, before - 1), 0, -1):
                    if len(found) == most:
                        return tuple(found)
                    note = await _find_note(tx, f"{number}/{one}")
                    found += [note] if note is not None else []
            return tuple(found)

        return await self._context.store.read(unit)

    async def _may_issue(self, person: str, role: str) -> None:
        acting(self._context, person, role, self._context.clock.now())
        _may(role, frozenset(self._rung("L4").who))

    async def quarterly(self, partner: str, person: str, role: str, language: str = "en") -> str:
        """
        Return the quarterly list about ``partner`` for the joint committee, and record the rung for each case on it.

        Raises ``Forbidden``, ``NotFound`` for a State that is no partner.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        rung = self._rung("L5")
        refs = await self._ready(partner, rung, role, now)

        async def unit(tx: Tx) -> list[Item]:
            items = []
            for ref in refs:
                held = await cases.load(context, tx, ref)
                if await self._findings(tx, held.case, rung, role, now):
                    continue  # answered or stopped since it was looked for; it is on no list then
                items.append(await self._item(tx, held.case))
                await self._record(tx, held, event_of("L5"), person, role, now)
            return items

        items: list[Item] = (await context.commit(unit)).value
        names = schemas.codes("country")
        on = local_date(now, context.zone)
        return quarterly_text(names[context.country][language], names[partner][language], on, items, language)

    async def stop(self, ref: str, reason: str, person: str, role: str) -> None:
        """Mark the case "do not press": one person, at once. The reason stays sealed here. Raises ``Forbidden``."""
        await self._mark(ref, STOP, person, role, MAY_STOP, reason)

    async def mark_of(self, ref: str) -> Marked:
        """Return whether nobody may press in ``ref``; nothing of the case is opened for it."""
        past = await self._context.store.read(lambda tx: _past(tx, ref))
        stopped = is_stopped(past)
        return Marked(stopped, proposer(past) if stopped else None)

    async def allow(self, ref: str, person: str, role: str) -> bool:
        """
        Propose to take the mark away (first person), or take it away (a second, other one); tell whether it is gone.

        Raises ``Forbidden``, and ``RuleRefused`` where there is no mark.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        _may(role, MAY_ALLOW)

        async def unit(tx: Tx) -> bool:
            held = await cases.load(context, tx, ref)
            past = await _past(tx, ref)
            if not is_stopped(past):
                raise RuleRefused((Finding("D-06", "the case has no mark to take away"),))
            gone = proposer(past) not in (None, person)
            await self._record(tx, held, ALLOW if gone else PROPOSE, person, role, now)
            return gone

        return bool((await context.commit(unit)).value)

    async def find(self, partner: str, sought: str, person: str, role: str) -> str:
        """
        Return our reference of the case that ``partner`` named ``sought`` in a note. Raises ``NotFound``.

        The desk that is asked needs it; a ministry of foreign affairs does not, and does not get it.
        """
        context = self._context
        acting(context, person, role, context.clock.now())
        _may(role, FINDERS)
        wanted = sought.strip().upper()
        async for row in threads.each_with(context, partner):
            if row.ref is not None and reference(row.thread) == wanted:
                return row.ref
        raise NotFound("no case with this State has that reference")

    # What one rung needs.

    def _rung(self, level: str) -> Level:
        found = next((rung for rung in self._context.reckoner.ladder if rung.level == level), None)
        if found is None:
            known = ", ".join(rung.level for rung in self._context.reckoner.ladder)
            raise RuleRefused((Finding("D-04", f"the ladder has no rung of that name; it has: {known}"),))
        return found

    async def _findings(self, tx: Tx, case: Case, rung: Level, role: str, now: datetime) -> tuple[Finding, ...]:
        context = self._context
        facts = about(case, now, REMINDER, around=await look(context, tx, case, now))
        calendar = context.reckoner.calendars.get(case.partner)
        if case.exercise and rung.level in BETWEEN_MINISTRIES:
            return (Finding("D-09", "an exercise is in no note and on no list"),)
        found = press_findings(rung, case, role, await _past(tx, case.ref), calendar, now)
        return (*found, *findings(When.REMIND, facts))

    async def _check(self, ref: str, rung: Level, role: str, now: datetime) -> None:
        async def look(tx: Tx) -> tuple[Finding, ...]:
            held = await cases.load(self._context, tx, ref)
            return await self._findings(tx, held.case, rung, role, now)

        if found := await self._context.store.read(look):
            raise RuleRefused(found)

    async def _ready(self, partner: str, rung: Level, role: str, now: datetime) -> list[str]:
        """Return the cases with ``partner`` for which ``rung`` may be triggered now."""
        if role not in rung.who:
            raise Forbidden(f"the role '{role}' may not do this", f"may: {', '.join(rung.who)}")
        if partner not in self._context.partners:
            raise NoPartner(partner)

        refs = []
        async for row in cases.in_states(self._context, PRESSED):
            if row.due_at is None or row.due_at > now:
                break  # the soonest due come first
            if row.partner != partner or row.side != Side.REQUESTING:
                continue
            held = cases.readable(self._context, row)
            if held is None:
                continue  # one that cannot be read keeps no other off the paper

            async def look(tx: Tx, case: Case = held.case) -> tuple[Finding, ...]:
                return await self._findings(tx, case, rung, role, now)

            if not await self._context.store.read(look):
                refs.append(row.ref)
        return refs

    async def _note(
        self,
        refs: list[str],
        person: str,
        role: str,
        language: str,
        now: datetime,
        *,
        draft: bool = False,
        seen: str | None = None,
    ) -> Note:
        context, rung = self._context, self._rung("L4")
        names = schemas.codes("country")

        async def unit(tx: Tx) -> Note:
            held, against = list[cases.Held](), tuple[Finding, ...]()
            for one in [await cases.load(context, tx, ref) for ref in refs]:
                found = await self._findings(tx, one.case, rung, role, now)
                against += found
                held += [] if found else [one]  # answered or stopped since it was looked for; it is on no note then
            if not held:
                raise Changed("every case left the note") if seen is not None else RuleRefused(against or _NOT_READY)
            on = local_date(now, context.zone)
            made = Note(
                "" if draft else await _number(tx, on.year),
                on,
                names[context.country][language],
                names[held[0].case.partner][language],
                language,
                tuple([await self._item(tx, one.case) for one in held]),
            )
            if seen is not None and seen != mark(made):
                raise Changed("the note would not say what was seen of it any more")
            digest = b64.encode(sha256(serialize_text(made).encode()).digest())
            for one in () if draft else held:
                await self._record(tx, one, event_of("L4"), person, role, now, digest)
            if not draft:
                await _keep_note(tx, Issued(held[0].case.partner, made))
            return made

        if draft:
            return await context.store.read(unit)
        made: Note = (await context.commit(unit)).value
        return made

    async def _item(self, tx: Tx, case: Case) -> Item:
        clock = owed(case)
        if clock is None:
            raise NotFound("nothing is owed in this case any more")
        rule = self._context.reckoner.of(self._context.country, case.partner, clock)
        return Item(
            reference(case.thread),
            clock.step,
            await _asked_on(tx, case, clock),
            clock.due_on,
            clock.instrument,
            rule.article if rule else None,
            rule.confidence if rule else UNVERIFIED,
        )

    async def _mark(self, ref: str, event: str, person: str, role: str, who: frozenset[str], reason: str) -> None:
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        _may(role, who)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            await threads.leave_out(context, tx, held, REMINDER, now)
            await self._record(tx, held, event, person, role, now, reason=reason)

        await context.commit(unit)

    async def _record(
        self,
        tx: Tx,
        held: cases.Held,
        event: str,
        person: str,
        role: str,
        now: datetime,
        digest: str | None = None,
        reason: str | None = None,
    ) -> None:
        context, ref, state = self._context, held.case.ref, held.case.state.value
        sealed = None if reason is None else context.vault.seal(held.key, "event", ref, "sealed", reason.encode())
        await tx.add_event(EventRow(ref, now, event, person, role, state, state, digest, sealed))
        context.log("case.pressed", ref=ref, step=event, state=state)


FINDERS = frozenset({"case_officer", "liaison_officer", "registry_clerk", "desk_head"})
"""Who may learn which case of ours a reference in a note is."""


def _may(role: str, who: frozenset[str]) -> None:
    if role not in who:
        raise Forbidden(f"the role '{role}' may not do this", f"may: {', '.join(sorted(who))}")


_ASKED_BY: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("interview", "interview_result"), frozenset({REQUEST, INTERVIEW_ANSWER})),
    **dict.fromkeys(("travel_document", "travel_document_reissue"), frozenset({DOCUMENT_REQUEST})),
}
"""Step -> types of ours that ask for it; any other step is asked for by the request, or by the contest."""


async def _asked_on(tx: Tx, case: Case, clock: Clock) -> date:
    """Return the day, by the calendar of the other State, on which it received what asks for the step of ``clock``."""
    types = _ASKED_BY.get(clock.step, frozenset({REQUEST, CONTEST}))
    instants = [threads.counted_at(row) for row in await tx.outbound_of_case(case.ref) if row.type in types]
    days = [local_date(at, clock.zone) for at in instants if at is not None]
    return max((day for day in days if day <= clock.start_on), default=clock.start_on)


async def _past(tx: Tx, ref: str) -> tuple[Pressed, ...]:
    return tuple(Pressed(event.event, event.actor, event.at) for event in await tx.events(ref))


async def _number(tx: Tx, year: int) -> str:
    """Return the next number of a note in ``year``; each year begins with 1."""
    key = f"notes:{year}"
    number = int(await tx.find_meta(key) or 0) + 1
    await tx.set_meta(key, str(number))
    return f"{number}/{year}"


async def _keep_note(tx: Tx, issued: Issued) -> None:
    """Keep what a note says: opaque references, days and agreements, so that it is printed again as it was."""
    value = {"partner": issued.partner, "note": note_to_dict(issued.note)}
    await tx.set_meta(f"note:{issued.note.number}", ijson.dumps(value).decode())


async def _find_note(tx: Tx, number: str) -> Issued | None:
    """Find a note by its number; those issued before notes were kept are on paper alone."""
    text = await tx.find_meta(f"note:{number}")
    if text is None:
        return None
    value = ijson.loads(text.encode())
    return Issued(value["partner"], note_from_dict(value["note"]))
