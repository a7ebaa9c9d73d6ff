"""
What silence leads to: a reminder, a word to our own desk, and a higher level on the ladder. Nothing else, ever.

Reminders are numbered. One leaves by itself when a reply is overdue, if the policy says so; then not again before the
cool-down has passed, and after a restore not before somebody has had the case in hand. A frozen case, a State on the
no-contact list, an open protection question, the mark "do not press": nothing is pressed. Nor is it by itself while we
keep that State out, or could not be reached, or it could not, and for a day after: its answer may wait there for us.

Our own desk is told, once, that a reply or a notice of delay is due (R-11). No notice leaves by itself: its reason and
its date are for people to give. It is told, too, once somebody was to arrive of whom nobody said that she left (V-35).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from gateway.core.calendars import end_of_day, local_date
from gateway.core.case import ENDED, HELD, Side, State
from gateway.core.escalation import (
    DELAY_NOTICE_DUE,
    Pressed,
    away_until,
    delay_notice_from,
    delay_notice_missing,
    is_stopped,
    journey_until,
    owed,
    took_place,
)
from gateway.core.facts import Finding, about
from gateway.core.machine import Event, IllegalStep, Notify, RuleRefused
from gateway.core.messages import REMINDER
from gateway.core.preview import body_text
from gateway.core.retry import Circuit
from gateway.core.returns import ARRANGING, AWAY
from gateway.core.verification import ANSWERING, AWAITED, GATEWAY, PARTNER
from gateway.core.verification_guards import REMINDERS_MAX
from gateway.services import cases, missing_clocks, outage, steps
from gateway.services.around import look
from gateway.services.context import Context, acting
from gateway.services.listing import LAST_EVENT, RESTORED_AT
from gateway.services.ports import Tx, Unavailable
from gateway.services.reckon import overdue
from gateway.services.rows import CaseRow, EventRow

REMINDED = frozenset(
    {"acknowledgement", "reply", "interview", "interview_result", "travel_document", "travel_document_reissue"}
)
"""Steps that a reminder may name (schema ``reminder``); of any other it asks for the reply."""

OWING = (*ANSWERING, State.RECEIVED, State.REDIRECTED, State.ACCEPTED)
"""States of the requested side in which something is owed."""

TOO_RECENT = "D-08"
"""The rule that says of a reminder, as of a rung, that it rests."""


@dataclass(frozen=True, slots=True)
class Reminded:
    """
    One look at the deadlines: overdue replies and which were reminded of, and the own cases a desk was told of.
    """

    overdue: int
    refs: tuple[str, ...]
    told: tuple[str, ...] = ()


_AWAY_DATED = "away_dated"
"""Name of the word that the cases of those who are away have their day: of what kinds of them, as of this version."""

_DATED = "away, arranged, called back"

_MAY_BE_AWAY = (*ARRANGING, *AWAY, State.RECALL, *HELD)
"""States of somebody who has left or is to leave, and those of a stop that crossed one of them."""


class Reminder:
    """The deadline loop, and a person's own reminder."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context
        self._notices: dict[str, tuple[int, datetime | None]] = {}
        """Reference -> version of the case, and the instant from which that owes an answer or a notice of delay."""
        self._journeys: dict[str, tuple[int, datetime | None]] = {}
        """Reference -> version of the case, and the instant at which a journey of it is over by its plan."""

    async def run(self, every_s: float = 300.0) -> None:
        """Look at the deadlines every ``every_s`` seconds until cancelled; first reckon by the calendars of today."""
        reckoned = False

        async def look(now: datetime) -> None:
            nonlocal reckoned
            if not reckoned:
                await self.reckon_anew(now)
                await self.date_the_away(now)
                reckoned = True
            await self.run_once(self._context.clock.now())

        await self._context.every(every_s, look)

    async def run_once(self, now: datetime) -> Reminded:
        """Remind, where the policy allows, of each reply that is overdue, and tell our desk of each notice it owes."""
        context = self._context
        told = await self._tell_desk(now)
        await self._date_journeys(now)

        refs = []
        async for row in cases.in_states(context, AWAITED):
            if row.due_at is None or row.due_at > now:
                break  # the soonest due come first
            if row.side == Side.REQUESTING:
                refs.append(row.ref)
        if not context.policy.auto_reminder:
            return Reminded(len(refs), (), told)
        sent = [ref for ref in refs if await self._try(ref, now)]
        return Reminded(len(refs), tuple(sent), told)

    async def _tell_desk(self, now: datetime) -> tuple[str, ...]:
        """Tell our desk of each case in which an answer or a notice of delay is due; once for each period."""
        context = self._context

        async def due(tx: Tx, ref: str) -> cases.Held | None:
            held = await cases.load(context, tx, ref)
            since = delay_notice_from(held.case)
            if since is None or not delay_notice_missing(held.case, now):
                return None
            past = [one.at for one in await tx.events(ref) if one.event == DELAY_NOTICE_DUE and took_place(one.at, now)]
            return None if any(local_date(at, context.zone) >= since for at in past) else held

        async def unit(tx: Tx, ref: str) -> bool:
            held = await due(tx, ref)
            if held is None:
                return False
            state = held.case.state.value
            await tx.add_event(EventRow(ref, now, DELAY_NOTICE_DUE, "gateway", GATEWAY, state, state, None, None))
            context.notify(held.case, Notify("interior"))
            return True

        found, before, self._notices = [], self._notices, {}
        async for row in cases.in_states(context, OWING):
            if row.side != Side.REQUESTED or row.due_at is None:
                continue
            try:
                # From when is in the sealed clock; a case is opened for it once for each of its versions.
                known = before.get(row.ref)
                known = known if known and known[0] == row.version else (row.version, self._notice_at(row))
                self._notices[row.ref] = known
                if known[1] is None or now < known[1]:
                    continue
                # Few of those looked at are due: a commit for each would keep the messages waiting.
                if await context.store.read(partial(due, ref=row.ref)) is None:
                    continue
                if (await context.commit(partial(unit, ref=row.ref))).value:
                    found.append(row.ref)
            except Exception as error:
                # As with a reminder: one case that cannot be read hides no other.
                context.log("case.not_told", ref=row.ref, error=type(error).__name__)
        return tuple(found)

    def _notice_at(self, row: CaseRow) -> datetime | None:
        """Return the first instant of the day from which our desk owes an answer or a notice of delay in a case."""
        case = cases.unseal(self._context, row).case
        clock, since = owed(case), delay_notice_from(case)
        return None if clock is None or since is None else end_of_day(since - timedelta(days=1), clock.zone)

    async def reckon_anew(self, now: datetime) -> int:
        """
        Reckon every clock anew whose calendar changed, and return how many cases that concerned.

        A decree may name a holiday afterwards. The version reckoned before is kept beside the new one. A clock that no
        calendar knew the days for begins as soon as one does, from the evidence that is kept of it. Nothing is
        looked at while the calendars are those of the last time. Raises ``Unavailable``; then all are looked at again.
        """
        context = self._context
        known = ",".join(
            f"{country}:{one.id}:{one.version}" for country, one in sorted(context.reckoner.calendars.items())
        )
        if await context.store.read(lambda tx: tx.find_meta("calendars")) == known:
            return 0
        count = 0
        async for refs in cases.parts(context):
            for ref in refs:
                count += await self._anew(ref, now)
        await context.commit(lambda tx: tx.set_meta("calendars", known))
        return count

    async def _anew(self, ref: str, now: datetime) -> bool:
        context = self._context

        async def unit(tx: Tx) -> bool:
            row = await tx.find_case(ref)
            if row is None or row.sealed is None or State(row.state) in ENDED:
                return False
            held = cases.unseal(context, row)
            case = held.case
            anew = tuple(context.reckoner.recompute(*case.sides(context.country), clock) for clock in case.clocks)
            clocks = await missing_clocks.begin(context, tx, held._replace(case=replace(case, clocks=anew)))
            if clocks == case.clocks:
                return False
            await cases.note(context, tx, held, replace(case, clocks=clocks), "reckoned_anew", "gateway", now)
            return True

        try:
            return bool((await context.commit(unit)).value)
        except Unavailable:
            raise  # the case is as good as any: all of them are looked at again
        except Exception as error:
            context.log("case.not_reckoned", ref=ref, error=type(error).__name__)
            return False

    async def date_the_away(self, now: datetime) -> int:
        """
        Give each case of somebody who is away, or is to leave, the day of ``away_until``, and return how many had none.

        Earlier versions kept none, and who is not heard of takes no step by which a case would get it. Done once after
        an upgrade. Raises ``Unavailable``; then all are looked at again.
        """
        context = self._context
        if await context.store.read(lambda tx: tx.find_meta(_AWAY_DATED)) == _DATED:
            return 0
        count = 0
        async for row in cases.in_states(context, _MAY_BE_AWAY):
            if row.due_at is None:
                count += await self._date(row.ref, now)
        await context.commit(lambda tx: tx.set_meta(_AWAY_DATED, _DATED))
        return count

    async def _date(self, ref: str, now: datetime, *, journey: bool = False) -> bool:
        """Give a case the day of ``away_until``; with ``journey`` if one is over by its plan; then tell the desk."""
        context = self._context

        async def unit(tx: Tx) -> bool:
            held = cases.readable(context, await tx.find_case(ref))
            if held is None or away_until(held.case, context.zone, now) is None:
                return False
            if journey and not _is_past(journey_until(held.case), now):
                return False  # she left meanwhile, or the journey is off
            await cases.note(context, tx, held, held.case, "reckoned_anew", "gateway", now)
            if journey:
                context.notify(held.case, Notify("interior"))
            return True

        return bool((await context.commit(unit)).value)

    async def _date_journeys(self, now: datetime) -> None:
        """
        Give each journey that is over by its plan, and of which nobody said more, the day on which it was to end.

        Until then that day stands in no open column; from then on whoever awaits the person is not to wait for weeks.
        """
        context, before, self._journeys = self._context, self._journeys, {}
        async for row in cases.in_states(context, (State.SCHEDULED, *HELD)):
            if row.due_at is None:
                break  # those without a day come last, and most of what was ever stopped is among them
            known = before.get(row.ref)
            if known is None or known[0] != row.version:
                held = cases.readable(context, row)
                known = (row.version, None if held is None else journey_until(held.case))
            self._journeys[row.ref] = known
            try:
                # The days of the proposal may be over before that, as where she travels in the last night of them.
                if _is_past(known[1], now) and row.due_at != known[1]:
                    await self._date(row.ref, now, journey=True)
            except Exception as error:
                context.log("case.not_told", ref=row.ref, error=type(error).__name__)

    async def _try(self, ref: str, now: datetime) -> bool:
        """Remind of one case; a partner that cannot be sealed to, or a case that cannot be read, holds up no other."""
        context = self._context
        try:
            # Most that are overdue were reminded of: a commit for each would keep the messages waiting.
            if await context.store.read(partial(self._rests, ref=ref, now=now)):
                return False
            return await self._remind(ref, "gateway", GATEWAY, now, cool_down=True)
        except Exception as error:
            # The unit was rolled back, so nothing is half done; the deadlines of all other cases still count.
            context.log("case.not_reminded", ref=ref, error=type(error).__name__)
            return False

    async def _rests(self, tx: Tx, ref: str, now: datetime) -> bool:
        """Return whether nothing is pressed in the case by itself now."""
        row = await tx.find_case(ref)
        if row is not None and row.reminders >= REMINDERS_MAX:
            return True
        if any(await self._pressed(tx, ref, now)) or not await _seen_since_restore(tx, ref):
            return True
        return not self._context.believes(now) or await _is_apart(tx, ref, now)

    async def _pressed(self, tx: Tx, ref: str, now: datetime) -> tuple[bool, bool]:
        """Return whether the case bears the mark "do not press", and whether the last reminder is too recent."""
        past = [Pressed(event.event, event.actor, event.at) for event in await tx.events(ref)]
        last = [one.at for one in past if one.event == "remind" and took_place(one.at, now)]
        wait = timedelta(days=self._context.policy.reminder_cooldown_days)
        return is_stopped(past), bool(last) and now < max(last) + wait

    async def remind(self, ref: str, person: str, role: str, *, rested: bool = False) -> None:
        """
        Remind of an overdue reply by a person's hand.

        Raises ``RuleRefused`` if nothing is overdue; with ``rested`` also (D-08) if the last reminder is too recent, as
        for one of many, of which nobody looks at each.
        """
        now = self._context.clock.now()
        acting(self._context, person, role, now)
        await self._remind(ref, person, role, now, cool_down=False, rested=rested)

    async def _remind(
        self, ref: str, actor: str, role: str, now: datetime, *, cool_down: bool, rested: bool = False
    ) -> bool:
        context = self._context

        async def unit(tx: Tx) -> bool:
            held = await cases.load(context, tx, ref)
            case = held.case
            stopped, recent = await self._pressed(tx, ref, now)
            if cool_down and await self._rests(tx, ref, now):
                return False
            if rested and recent:
                raise RuleRefused((Finding(TOO_RECENT, "the last reminder is too recent"),))
            if stopped:
                raise RuleRefused((Finding("D-06", "pressing may endanger somebody, says who answers for the person"),))
            if case.reminders >= REMINDERS_MAX:  # no number can tell another one
                raise RuleRefused((Finding("D-10", "as many reminders as a thread takes were sent in it"),))
            clock = owed(case)
            step = clock.step if clock and clock.step in REMINDED else "reply"
            body = body_text(REMINDER, {"number": case.reminders + 1, "step": step})
            facts = about(case, now, REMINDER, around=await look(context, tx, case, now))
            data = {"body": body, "overdue": overdue(clock, now)}
            try:
                await steps.move(context, tx, held, Event("remind", actor, role, data, facts), now)
            except (IllegalStep, RuleRefused) as error:
                if cool_down:
                    context.log("case.not_reminded", ref=ref, error=type(error).__name__)
                    return False
                raise
            return True

        committed = await context.commit(unit)
        done: bool = committed.value
        return done


def _is_past(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


APART = timedelta(days=1)
"""
For how long nobody is reminded by itself once a State can be heard again: what was tried in vain waits for an hour at
most (M-5.11), and what was held back there may have to be looked at by people.
"""


async def _is_apart(tx: Tx, ref: str, now: datetime) -> bool:
    """Return whether the other State of a case is kept out or out of reach, or was until less than ``APART`` ago."""
    row = await tx.find_case(ref)
    partner = None if row is None else await tx.find_partner(row.partner, held=False)
    if row is None or partner is None:
        return False
    if partner.hold is not None or Circuit(partner.failures, partner.open_until).opened:
        return True
    let_in = [one.at for one in await tx.trust_events() if (one.country, one.act) == (row.partner, "confirm")]
    since = (*let_in, await outage.ended(tx, row.partner))
    return any(at is not None and at <= now < at + APART for at in since)


async def _seen_since_restore(tx: Tx, ref: str) -> bool:
    """
    Return whether a person took a step of the case since the last restore, if there ever was one.

    A restored database has forgotten later freezes. Until somebody who knows has had the case in hand, nothing about it
    leaves by itself. The number of a step says whether it came since: the clock may have been behind at the restore.
    """
    last, restored_at = await tx.find_meta(LAST_EVENT), await tx.find_meta(RESTORED_AT)
    if last is not None:
        since = await tx.events(ref, int(last))
    elif restored_at is not None:  # by a version that kept no number
        since = [event for event in await tx.events(ref) if event.at > datetime.fromisoformat(restored_at)]
    else:
        return True
    return any(event.role not in (GATEWAY, PARTNER) for event in since)
