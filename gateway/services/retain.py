"""
What is kept how long: stored answers, envelopes, cases. And erasure that leaves no key behind.

A closed case is hidden after one period and erased after another (R-25). Erasing destroys the case's key and every
sealed column, empties the journal, and adds the case to the list of erased ones that a restore applies first.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from gateway.core import wire
from gateway.core.attachments import has_images, without_images
from gateway.core.case import CONCLUDED, ENDED, HELD, Case, Side, State, serialize_case
from gateway.core.facts import Finding
from gateway.core.leap import LEAP, PATIENCE
from gateway.core.machine import Event, IllegalStep, RuleRefused, Send
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    CONFIRMATION,
    DOCUMENT_REQUEST,
    ELEMENTS,
    ERASURE,
    RECTIFICATION,
    REPLY,
    REQUEST,
    STILL_SAID,
    SUSPENSION,
    WITHDRAWAL,
)
from gateway.core.notices import unanswered
from gateway.core.return_guards import UNTOLD, may_come, open_for_return
from gateway.core.returns import PREPARING
from gateway.core.reuse import received_under
from gateway.core.verification import GATEWAY, OPEN_REQUESTED
from gateway.services import (
    access,
    cases,
    figures,
    heard,
    leaving,
    listing,
    opening,
    person_stop,
    standing,
    steps,
    threads,
)
from gateway.services.context import Context, Forbidden, NotFound, Policy, acting
from gateway.services.journal import fill_journal, full_journal, note_cut
from gateway.services.ports import Tx, Unavailable, Unit
from gateway.services.receive import ANSWER_GRACE_S
from gateway.services.rows import CaseRow, EventRow, OutboundRow, Shared
from keys.errors import BadRest
from schemas import ijson

_IMAGES = "images"
"""Key under which the day is kept on which images were last looked for."""

_ANSWERS = frozenset({"reply", "answer"})
_BRINGS_IMAGES = frozenset({REQUEST, ELEMENTS, DOCUMENT_REQUEST})
_NEEDS_IMAGES = frozenset({State.CONTESTED, State.DECIDED})
"""States in which an image may still be looked at to answer, or goes with the request for a travel document."""


def _needs_images(case: Case) -> bool:
    """Tell whether images are still worked with: on the other side, until the document that was asked for is issued."""
    asked = case.side is Side.REQUESTED and DOCUMENT_REQUEST in case.said
    return case.state in _NEEDS_IMAGES or (case.state is State.ACCEPTED and asked)


_KEPT = tuple(state for state in State if state is not State.ERASED)
_AFTER_SENDING = frozenset(_KEPT) - {State.DRAFT, State.CLEARED, State.SENT}

OVER = (
    *(State.REPLIED, State.WITHDRAWN, State.UNDELIVERED),
    *(State.NOT_RETURNED, State.CLOSED_SAFE, State.CLOSED_CONCERN, State.LOST_CONTACT),
)
"""
States from which the gateway itself closes a case that has been left alone.

None in which an answer is owed: one that was pointed to another authority waits for it as any other does.
"""

_OUTLIVED = (*OVER, State.REDIRECTED, State.CLOSED, State.BLOCKED)
"""States in which what was received goes on the day its sender set, whatever the other timers say."""


_HAS_TO_BE_HEARD = threads.STOPS | STILL_SAID | {WITHDRAWAL}
"""
Types for whose answer a timer waits where our own period is over: as long as a message may count, and no longer than
the longest period. For the day that the other State set nothing waits: what has to be heard outlives its case.
"""

_UNSENT = (State.DRAFT, State.CLEARED, State.NOT_ACCEPTED)

UNSENT_DAYS = 180
"""Days after its last step until a file that was never taken in abroad is discarded, as a desk discards it."""

UNANSWERED_DAYS = 180
"""
Days after the last day its sender set until what was received and never answered is erased.

From that last day on no answer can be given any more (R-05), so none is lost by it. They leave time to ask for another.
"""

UNANSWERED = (*OPEN_REQUESTED, State.PROPOSED)
"""States in which the side that was asked has not answered. Nobody comes by a proposal that it did not accept."""

_UNHEARD = (*UNANSWERED, State.UNDELIVERED)
"""Those, and where a message of it was lost: not stopped, that goes on the day its sender set, as what is over does."""


ORDERED, WITH = "dpo", frozenset({"liaison_officer", "desk_head"})
"""Who erases a case before its time because that was ordered: the data-protection officer, with one of the desk."""

PROTECTS = "it stops others of the person, or an open case has the same number: what is known here counts there"
"""Why a case is not erased before its time."""


PORTION = 100
"""Rows changed in one transaction, however many are due: what comes meanwhile waits for no more."""

PAUSE_S = 0.02
"""Seconds between two portions, in which the store is everybody else's."""


class Over(NamedTuple):
    """A case that was over when it was looked at, in that version of it; ``at_once`` if no word of it is waited for."""

    ref: str
    version: int
    at_once: bool


class ErasedEntry:
    """
    The entry of one case in the list of erased ones, made once however often its unit runs.

    It is on the disk before the transaction ends, so that no crash leaves an erased case that a restore would bring
    back; and made last in it, for what stands in the list is erased at the next start, whatever became of the unit.
    """

    def __init__(self, context: Context, ref: str) -> None:
        """List ``ref`` for ``context`` once it is noted."""
        self._context = context
        self._ref = ref
        self._noted = False

    def note(self) -> None:
        """Enter the case. Raises ``Unavailable`` if that cannot be done, and then nothing is erased."""
        if not self._noted:
            self._context.on_erased(self._ref)
            self._noted = True


class Retention:
    """The retention loop, and erasure on request."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    async def run(self, every_s: float = 3600.0) -> None:
        """Apply the timers every ``every_s`` seconds until cancelled."""
        await self._context.every(every_s, self.run_once)

    async def run_once(self, now: datetime) -> tuple[str, ...]:
        """
        Purge what has served, block and erase what is over; return the references erased.

        Not while the clock is not believed, nor for a day after a restore: none of it can be undone, and a case that is
        over as the backup has it may have gone on since, as the other States are about to tell.
        """
        context, policy = self._context, self._context.policy
        if not context.believes(now) or await self._was_restored(now):
            return ()

        envelopes, openings = now - timedelta(days=policy.envelope_days), now - opening.KEPT
        await self._purge(lambda tx: tx.purge_answers(now, ANSWER_GRACE_S, PORTION))
        await self._purge(lambda tx: tx.purge_envelopes(envelopes, PORTION))
        await self._purge(lambda tx: tx.purge_openings(openings, PORTION))
        await self.empty_journal()
        await self._look_into_each(now)
        await self._discard(now)
        await self._close(now)
        await self._block(now)
        erased = []
        for row in await self._over(now):
            if await self.erase(row.ref, now, partial(_stands, context, row)):
                erased.append(row.ref)
        if erased:
            await self.empty_journal()  # once: over PostgreSQL it goes through whole tables
        await self._forget_collects(now)
        return tuple(erased)

    async def _was_restored(self, now: datetime) -> bool:
        restored = await self._context.store.read(lambda tx: tx.find_meta(listing.RESTORED_AT))
        return restored is not None and abs(now - datetime.fromisoformat(restored)) < PATIENCE

    async def _forget_collects(self, now: datetime) -> None:
        """
        Delete each ``collect`` that can be used no more, for a State that fetches makes one every half minute (M-5.20).

        A day later than it might go: a clock that is ahead by less did not leap, and may be set right meanwhile.
        """
        before = now - timedelta(seconds=ANSWER_GRACE_S) - LEAP
        await self._purge(lambda tx: tx.purge_collects(before, PORTION))

    async def _purge(self, portion: Unit[int]) -> None:
        """Do ``portion`` until it finds less than a whole one: there may be a million after an outage or an upgrade."""
        while (await self._context.commit(portion)).value == PORTION:
            await self._context.clock.sleep(PAUSE_S)

    async def _close(self, now: datetime) -> None:
        """
        Close what has been over for a while without anybody closing it, so that retention begins to run.

        What the other State withdrew is closed at once: there is no ground left to work on it. A recall that it was not
        told of is left to people: it may wait for the person still (V-35).
        """
        quiet = now - timedelta(days=self._context.policy.closed_after_days)
        async for row in self._unmoved((*OVER, *PREPARING), quiet):
            held = cases.readable(self._context, row)
            if held is None or UNTOLD in held.case.findings or await self._goes_on(row, held.case, now, quiet):
                continue
            since = {"unmoved_since": row.changed_at, "awaited": False}
            await self._step(row, Event("close", "gateway", GATEWAY, since), now)
        async for row in self._unmoved((State.WITHDRAWN,), now):
            if row.side == Side.REQUESTED:
                await self._step(row, Event("close", "gateway", GATEWAY), now)

    async def _goes_on(self, row: CaseRow, case: Case, now: datetime, quiet: datetime) -> bool:
        """
        Tell whether a return may still be proposed here, or is over, or begins anew, while somebody awaits the person.

        A question whose only answer was taken back is unanswered, and goes on as one that never had any (R-25).
        Where it was asked, a proposal of the last day may be under way for as long as a case is left alone before it is
        closed. Whoever is awaited is left to people, also where a message was lost: they tell the other State that
        nobody comes, or find out from it whether somebody does.
        """
        if (case.state, case.reply) == (State.REPLIED, None):
            return True
        if case.state in (State.REPLIED, *PREPARING):
            day = now if case.side is Side.REQUESTING else quiet
            if open_for_return(case, row.changed_at, now, day.date()):
                return True
        if case.state not in (State.REPLIED, State.UNDELIVERED, *PREPARING):
            return False
        if case.side is Side.REQUESTED:
            if await self._context.store.read(partial(threads.waits, case=case, type=REPLY)):
                return True  # it is not answered before that leaves, or it ends as undelivered
            return case.state is State.UNDELIVERED and may_come(case)
        return await self._is_awaited(case)

    async def _is_awaited(self, case: Case) -> bool:
        return bool((await self._context.commit(lambda tx: heard.is_awaited(self._context, tx, case))).value)

    async def _discard(self, now: datetime) -> None:
        """
        Discard what was begun and never taken in abroad, once nobody has touched it for long.

        One that tells of a need for protection is left to people, and so is one that stops another case of the person:
        as long as it is open it stops them all, and no timer ends that. So is one of which a restore took messages.
        """
        async for row in self._unmoved(_UNSENT, now - timedelta(days=UNSENT_DAYS)):
            held = cases.readable(self._context, row)
            if held is None or person_stop.stops(replace(held.case, state=State.CLOSED)):
                continue
            shared = await self._context.store.read(partial(_shared, row.ref))
            if (shared and person_stop.stops(held.case)) or await self._is_awaited(held.case):
                continue
            await self._step(row, Event("discard", "gateway", GATEWAY, {"awaited": False}), now)

    async def _block(self, now: datetime) -> None:
        # Counted from the closing: a receipt or a notice that comes later is a step too, and keeps nothing longer.
        days = timedelta(days=self._context.policy.blocked_after_days)
        async for row in self._unmoved((State.CLOSED,), now):
            until = (row.closed_at or row.changed_at) + days
            if until <= now:
                await self._step(row, Event("block", "gateway", GATEWAY, {"until": until}), now)

    async def _over(self, now: datetime) -> list[Over]:
        """Return what is to be erased: over for long enough, or kept until the day its sender set (R-05)."""
        days = timedelta(days=self._context.policy.erased_after_days)
        patience = min(wire.MAX_VALIDITY, timedelta(days=Policy().erased_after_days) - days)
        over = list[Over]()
        async for row in self._unmoved(_OUTLIVED, now):
            # One that is not locked yet too: a period of erasure may be set that is shorter than the one of locking.
            until = (row.closed_at or row.changed_at) + days
            outlived = row.side == Side.REQUESTED and self._outlived(row, now)
            if outlived or (row.state in (State.CLOSED, State.BLOCKED) and until <= now):
                over.append(Over(row.ref, row.version, outlived or until + patience <= now))
        long_ago, found = now - timedelta(days=UNANSWERED_DAYS), {one.ref for one in over}
        async for row in self._unmoved((*UNANSWERED, *HELD), now):
            if row.side == Side.REQUESTED and row.ref not in found and self._outlived(row, long_ago, _UNHEARD):
                over.append(Over(row.ref, row.version, True))
        return over

    async def _look_into_each(self, now: datetime) -> None:
        """
        Erase the images of every case that was answered, withdrawn or closed long enough ago: ours, theirs, and the
        messages they came in. What a clock that was ahead entered counts from now on, or it would be kept for years:
        not before our own card, nor while the clock may be behind, or a case would be over too early, for good.

        Once a day, because every case has to be opened to see whether it has any. The signed copies of what we sent
        stay until the case is erased: from them the person is told what was sent (R-22).
        """
        context, today = self._context, now.date().isoformat()
        if await context.store.read(lambda tx: tx.find_meta(_IMAGES)) == today:
            return
        stripped, own = False, context.own
        is_right = context.settled(now) and own is not None and own.issued_at <= now
        async for row in self._unmoved(_KEPT):
            try:
                if is_right and _not_later(row, now) != row:
                    await context.commit(partial(_set_right, ref=row.ref, now=now))
                if row.state in _AFTER_SENDING and _has_images(cases.unseal(context, row).case):
                    stripped |= await self._strip(row.ref, now)
            except Unavailable:
                raise
            except Exception as error:
                context.log("case.unreadable", ref=row.ref, error=type(error).__name__)
        await context.commit(lambda tx: tx.set_meta(_IMAGES, today))
        if stripped:
            await self.empty_journal()  # once, as below

    async def _strip(self, ref: str, now: datetime) -> bool:
        """Erase the images of ``ref`` if it is time, and leave the journal to be cut; return whether it was."""
        context = self._context
        until = now - timedelta(days=context.policy.images_days)

        async def unit(tx: Tx) -> bool:
            held = await cases.load(context, tx, ref)
            case = held.case
            events = await tx.events(ref)
            moved = held.row.changed_at  # a step by a clock that was ahead was not taken after the last one
            answered = [min(event.at, moved) for event in events if event.event in _ANSWERS]
            ended = [
                min(event.at, moved) for event in events if event.target in CONCLUDED and event.source not in CONCLUDED
            ]
            served = min([times[-1] for times in (answered, ended) if times], default=now)
            if served > until or _needs_images(case):
                return False
            bare = replace(
                case,
                renditions={},
                received=without_images(case.received) if case.received is not None else None,
                said={type: without_images(body) for type, body in case.said.items()},
                pending=None if _pends_images(case) else case.pending,
            )
            sealed = context.vault.seal(held.key, "case", ref, "sealed", serialize_case(bare))
            # Not a step of the case: the periods that count from its last one go on.
            version = held.row.version + 1
            await tx.save_case(held.row._replace(sealed=sealed, words=cases.words(bare), version=version))
            state = case.state.value
            await tx.add_event(EventRow(ref, now, "strip", GATEWAY, GATEWAY, state, state, None, None))
            for row in await tx.inbound_of_case(ref, bare=True):
                if row.type in _BRINGS_IMAGES:
                    await tx.save_inbound(row)  # without its signed bytes
            await fill_journal(tx)
            return True

        stripped: bool = (await context.commit(unit)).value
        if stripped:
            context.log("case.images_erased", ref=ref)
        return stripped

    def _outlived(self, row: CaseRow, now: datetime, only: Collection[State] | None = None) -> bool:
        """
        Return whether the last ``retain_until`` that came with the other State's messages has passed.

        A later message of a thread sets the day anew for all of it: whoever sent both may let us keep both. With
        ``only``, a case counts that stands in one of these states or was stopped in one: a stop makes no difference.
        Whose return was accepted, though a message of it was lost, may come, and is left to people.
        """
        try:
            case = cases.unseal(self._context, row).case
            accepted = case.said.get(ACCEPTANCE, {}).get("decision") == "accepted"
            if (only is not None and case.at not in only) or (case.at is State.UNDELIVERED and accepted):
                return False
            received = received_under(case)
        except Exception as error:
            self._context.log("case.unreadable", ref=row.ref, error=type(error).__name__)
            return False
        return bool(received) and max(one.retain_until for one in received) < now.date()

    async def _unmoved(self, states: Sequence[State], since: datetime | None = None) -> AsyncIterator[CaseRow]:
        """Yield every case in ``states`` that last moved before ``since``, but for those erased on request."""
        async for row in cases.in_states(self._context, states, since):
            if row.wrapped_key is not None:
                yield row

    async def _step(self, row: CaseRow, event: Event, now: datetime) -> None:
        """Take a step of a case, unless somebody took one, or changed it, since ``row`` was read."""

        async def unit(tx: Tx) -> None:
            held = await cases.load(self._context, tx, row.ref)
            if held.row.version == row.version:
                await steps.move(self._context, tx, held, event, now)

        try:
            await self._context.commit(unit)
        except Unavailable:
            raise
        except Exception as error:
            # Erased meanwhile, or it cannot be read: the timers of all other cases still run.
            self._context.log("case.not_moved", ref=row.ref, step=event.name, error=type(error).__name__)

    async def erase_as_ordered(self, ref: str, person: str, second: str) -> None:
        """
        Erase the case ``ref``, which is closed or locked, before its time: a court or an authority ordered it.

        ``person`` carries it out in the role ``ORDERED``, ``second`` with them in one of ``WITH``; both are recorded.
        Raises ``Forbidden``, ``NotFound``, ``IllegalStep`` in a case that is not over, ``RuleRefused`` while it
        protects the person in another one (R-01), and ``Unavailable`` while a message of ours is on its way.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, ORDERED, now)
        _check_second(context, person, second, now)

        async def may(tx: Tx) -> bool:
            held = await cases.load(context, tx, ref)
            if held.case.state not in (State.CLOSED, State.BLOCKED):
                raise IllegalStep(held.case.state, "erase", ORDERED)
            if person_stop.stops(held.case) or await _is_open_elsewhere(tx, ref):
                raise RuleRefused((Finding("R-01", PROTECTS),))
            if any(row.waits for row in await tx.outbound_of_case(ref)):
                raise Unavailable("a message of this case is not answered yet", "erase it once nothing is on its way")
            for one in (person, second):
                await access.record(context, tx, held, one, "erase", "as ordered", now)
            return True

        await self.erase(ref, now, may)
        await self.empty_journal()

    async def erase(self, ref: str, now: datetime, may: Unit[bool]) -> bool:
        """
        Destroy the key and every sealed value of ``ref``, if it ``may`` be; return whether it was.

        Ids, digests and log entries stay, so evidence verifies. ``may`` is asked in the same transaction. The journal
        is left to be cut (``empty_journal``).
        """
        context, entry = self._context, ErasedEntry(self._context, ref)

        async def unit(tx: Tx) -> bool:
            if not await may(tx):
                return False
            await erase_and_confirm(context, tx, ref, now)
            await fill_journal(tx)
            entry.note()
            return True

        erased: bool = (await context.commit(unit)).value
        if erased:
            context.log("case.erased", ref=ref)
        return erased

    async def empty_journal(self) -> None:
        """
        Cut the journal to nothing if an erasure left copies in it.

        Where somebody reads an older state just now it is cut next time, and a line in the log says so: what was
        destroyed is destroyed, nobody is told otherwise, and the timers go on.
        """
        store = self._context.store
        try:
            noted = await store.read(full_journal)
            if noted is not None:
                await store.truncate()
                await store.commit(partial(note_cut, noted=noted))
        except Unavailable as error:
            self._context.unavailable(error)


async def _stands(context: Context, over: Over, tx: Tx) -> bool:
    """
    Tell whether a case stands as it did when it was over, and nothing is under way that the other State has to hear.

    By now it may go on, at another node or by a message that sets a later day. And erased it says nothing any more: the
    other State would go on with what was stopped here, or by what was taken back, and nobody would know. Nor is what
    is over by its row alone: somebody wrote that there, and no backup brings back what is erased.
    """
    row = await tx.find_case(over.ref)
    if row is not None and row.version != over.version:
        return False
    try:
        cases.unseal(context, row)
    except cases.Otherwise as error:
        context.log("case.unreadable", ref=over.ref, error=type(error).__name__)
        return False
    except (BadRest, NotFound):
        pass  # what nobody can read any more, or is gone, is over all the same
    return over.at_once or not any(
        one.waits and one.type in _HAS_TO_BE_HEARD for one in await tx.outbound_of_case(over.ref)
    )


def _check_second(context: Context, person: str, second: str, now: datetime) -> None:
    """Raise ``Forbidden`` unless ``second`` is another person in office who may have a case erased with ``person``."""
    found = context.persons.get(second)
    if second == person or found is None or not found.active(now) or not found.roles & WITH:
        who = f"another person, of {', '.join(sorted(WITH))}, erases it together with the data-protection officer"
        raise Forbidden(who, "name one who is in office")


async def _is_open_elsewhere(tx: Tx, ref: str) -> bool:
    """Tell whether another case has the same number and is open: a no, and that she is a minor, count there."""
    others = [await tx.find_case(other.ref) for other in await tx.shared(ref) if other.number]
    return any(row is not None and State(row.state) not in ENDED for row in others)


async def _set_right(tx: Tx, ref: str, now: datetime) -> None:
    """Have no instant of the case ``ref`` be after ``now``."""
    row = await tx.find_case(ref)
    if row is not None and row.wrapped_key is not None and _not_later(row, now) != row:
        await tx.save_case(_not_later(row, now)._replace(version=row.version + 1))


def _not_later(row: CaseRow, now: datetime) -> CaseRow:
    """Return the row of a case with no instant of it after ``now``."""
    closed = row.closed_at and min(row.closed_at, now)
    return row._replace(opened_at=min(row.opened_at, now), changed_at=min(row.changed_at, now), closed_at=closed)


def _has_images(case: Case) -> bool:
    return bool(case.renditions) or has_images(case.received) or any(map(has_images, case.said.values()))


def _pends_images(case: Case) -> bool:
    """Tell whether what is prepared in ``case`` holds an image."""
    return case.pending is not None and has_images(ijson.loads(case.pending.body.encode()))


async def _shared(ref: str, tx: Tx) -> Sequence[Shared]:
    return await tx.shared(ref)


async def erase_and_confirm(context: Context, tx: Tx, ref: str, now: datetime, *, anew: bool = False) -> None:
    """
    Erase ``ref`` inside a transaction, and say so wherever the other State demanded it and waits for word (R-16).

    What it asked to be set right or destroyed is gone, whoever was faster: its desk, or a timer here. A confirmation
    waits for a key of that State where none is held. Where we ask and a message was lost it keeps nothing: then the
    demand stays open there. Where we are asked, what protects the person, or takes data back, and was not heard yet is
    said behind the erasure (decision 0045). A case that is erased ``anew``, because a backup brought it back, says of
    the first nothing: it may have gone on since the backup.
    """
    held, sends = cases.readable(context, await tx.find_case(ref)), list[Send]()
    if held is not None:
        protects = [] if anew else await _protects(context, tx, held)
        sends = [*protects, *await _takes_back(context, tx, held), *_confirmations(held.case)]
    if held is None or not sends:
        await erase_in(context, tx, ref, now)
        return
    case = held.case
    unsent, thread = await threads.unsent_of(tx, case), await threads.thread_of(tx, case)
    if unsent and unsent[-1].seq == thread.out_seq:
        # What has not left never will: it must not hold up what is said now by a number that is missing then.
        await threads.take_out(context, tx, held, unsent, now)
    await erase_in(context, tx, ref, now)
    for send in sends:
        try:
            await threads.queue_of_nothing(
                context, tx, case.partner, case.thread, send, now, exercise=case.exercise, side=case.side
            )
        except IllegalStep as error:
            # What stands behind it may follow all the same: a thread that has ended is closed to some types alone.
            context.log("message.left_out", ref=ref, type=send.type, error=type(error).__name__)


_DEMANDS = {RECTIFICATION: "RECTIFICATION", ERASURE: "ERASURE"}


def _confirmations(case: Case) -> list[Send]:
    """Return what confirms each open demand of the other State, whose data is gone."""
    open = [one for one in unanswered(case) if one.kind in _DEMANDS]
    values = [{"number": one.number, "act": _DEMANDS[one.kind], "result": "DONE"} for one in open]
    return [Send(CONFIRMATION, ijson.dumps(value).decode(), optional=True) for value in values]


async def _takes_back(context: Context, tx: Tx, held: cases.Held) -> list[Send]:
    """
    Return what takes data back and has no answer yet in a case in which we are asked, once more; none of one stopped.

    It names nobody, so no day of keeping ends it: the other State would go on by a reply that was wrong. Where we ask
    only a withdrawal would have it heard, and that is waited for (``_stands``).
    """
    if held.case.side is Side.REQUESTING or held.case.state in HELD:
        return []
    rows = [row for row in await tx.outbound_of_case(held.case.ref) if row.waits and row.type in AFTER_WITHDRAWAL]
    return _again(context, held, rows)


async def _protects(context: Context, tx: Tx, held: cases.Held) -> list[Send]:
    """
    Return what protects the person and has no answer yet in a case in which we are asked, once more.

    That is word of a stop or a recall which nothing of ours has lifted since, that a stop is over which may be abroad,
    and of a danger which no later report says to be over. What a stop holds back is not said. Each is a code and no
    more, and the other State would let her leave, or stay, where it is not safe, or hold what nobody here lifts any
    more. Where we ask nobody leaves while that State holds, and a recall is waited for.
    """
    if held.case.side is Side.REQUESTING:
        return []
    rows = [row for row in await standing.reports_of_danger(context, tx, held) if row.waits]
    for type in threads.STOPS & set(held.case.said):
        rows += [row for row in await standing.said_by(tx, held.case.ref, type) if row.waits][:1]
    if SUSPENSION not in held.case.said:
        rows += await standing.word_of_going_on(tx, held.case.ref)
    return _again(context, held, [row for row in rows if not await leaving.stays(tx, held, row)])


def _again(context: Context, held: cases.Held, rows: Iterable[OutboundRow]) -> list[Send]:
    """Return what says ``rows`` once more, in their order, but for what cannot be read."""
    found = [threads.find_again(context, held, row) for row in sorted(rows, key=lambda row: row.place)]
    return [replace(send, optional=True) for send in found if send is not None]


async def erase_in(context: Context, tx: Tx, ref: str, now: datetime) -> None:
    """Erase ``ref`` inside a transaction: key and sealed values, what still waits to be sent, its place on boards."""
    await figures.keep(context, tx, ref, now)
    await tx.erase_case(ref)
    waiting = [row for row in await tx.outbound_of_case(ref) if row.waits]
    for row in waiting:
        await tx.save_outbound(row._replace(state="dropped", answered_at=now))
    if waiting:
        await threads.give_back(tx, context.epoch, waiting)
    row_of_case = await tx.find_case(ref)
    if row_of_case is None or row_of_case.state == State.ERASED:
        return
    await tx.save_case(
        row_of_case._replace(
            state=State.ERASED.value,
            step=None,
            due_on=None,
            due_at=None,
            changed_at=now,
            closed_at=row_of_case.closed_at or now,
            version=row_of_case.version + 1,
        )
    )
    await tx.add_event(EventRow(ref, now, "erase", GATEWAY, GATEWAY, row_of_case.state, State.ERASED.value, None, None))
