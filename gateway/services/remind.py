"""
What silence leads to: a reminder, and a higher level on the ladder. Nothing else, ever.

Reminders are numbered. One leaves by itself when a reply is overdue, if the policy says so; then not again before the
cool-down has passed. A frozen case, a State on the no-contact list, an open protection question: nothing is pressed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import schemas
from gateway.core.case import Side, State
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.messages import REMINDER
from gateway.core.rules import Facts
from gateway.core.verification import GATEWAY, WAITING
from gateway.services import cases
from gateway.services.context import Context, acting
from gateway.services.ports import Tx, Unavailable
from gateway.services.reckon import overdue
from schemas import ijson


@dataclass(frozen=True, slots=True)
class Reminded:
    """One look at the overdue cases: how many there were and which were reminded."""

    overdue: int
    refs: tuple[str, ...]


class Reminder:
    """The deadline loop, and a person's own reminder."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    async def run(self, every_s: float = 300.0) -> None:
        """Look at the deadlines every ``every_s`` seconds until cancelled."""
        while True:
            try:
                await self.run_once(self._context.clock.now())
            except Unavailable as error:
                self._context.log("store.unavailable", error=str(error), hint=error.hint)
            await self._context.clock.sleep(every_s)

    async def run_once(self, now: datetime) -> Reminded:
        """Remind, where the policy allows, of each reply that is overdue and was not reminded of lately."""
        context = self._context

        async def look(tx: Tx) -> list[str]:
            rows = await tx.cases(states=[state.value for state in WAITING])
            due = [row for row in rows if row.side == Side.REQUESTING and row.due_at is not None and row.due_at <= now]
            return [row.ref for row in due]

        refs = await context.store.read(look)
        if not context.policy.auto_reminder:
            return Reminded(len(refs), ())
        sent = [ref for ref in refs if await self._try(ref, now)]
        return Reminded(len(refs), tuple(sent))

    async def _try(self, ref: str, now: datetime) -> bool:
        """Remind of one case; a partner that cannot be sealed to, or a case that cannot be read, holds up no other."""
        try:
            return await self._remind(ref, "gateway", GATEWAY, now, cool_down=True)
        except Exception as error:
            # The unit was rolled back, so nothing is half done; the deadlines of all other cases still count.
            self._context.log("case.not_reminded", ref=ref, error=type(error).__name__)
            return False

    async def remind(self, ref: str, person: str, role: str) -> None:
        """Remind of an overdue reply by a person's hand. Raises ``RuleRefused`` if nothing is overdue."""
        now = self._context.clock.now()
        acting(self._context, person, role, now)
        await self._remind(ref, person, role, now, cool_down=False)

    async def _remind(self, ref: str, actor: str, role: str, now: datetime, *, cool_down: bool) -> bool:
        context = self._context

        async def unit(tx: Tx) -> bool:
            held = await cases.load(context, tx, ref)
            case = held.case
            last = [event.at for event in await tx.events(ref) if event.event == "remind"]
            wait = timedelta(days=context.policy.reminder_cooldown_days)
            if cool_down and last and now < max(last) + wait:
                return False
            step = "acknowledgement" if case.state is State.DELIVERED else "reply"
            clock = cases.current_clock(case)
            body = ijson.dumps({"number": case.reminders + 1, "step": step}).decode()
            schemas.validate(REMINDER, ijson.loads(body.encode()))
            reason = context.no_contact(case.partner)
            facts = Facts(now, case.draft, REMINDER, no_contact=reason)
            data = {"body": body, "overdue": overdue(clock, now)}
            try:
                await cases.move(context, tx, held, Event("remind", actor, role, data, facts), now)
            except (IllegalStep, RuleRefused) as error:
                if cool_down:
                    context.log("case.not_reminded", ref=ref, error=type(error).__name__)
                    return False
                raise
            return True

        committed = await context.commit(unit)
        done: bool = committed.value
        return done
