"""
Stopping a case, and the two ways on: withdraw it, or let it go on.

Rule 1: anyone who may freeze does so at once, alone, without a reason being weighed.
Rule 2: every withdrawal passes through here, whatever its reason, leaves at the next full hour, and says nothing.
Rule 3: a frozen case goes on only if who froze it lets go, two persons resume it, and R-01 finds nothing.
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.case import Side
from gateway.core.machine import Event
from gateway.core.rules import Facts
from gateway.services import cases
from gateway.services.context import Context, Forbidden, acting
from gateway.services.ports import Tx


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
        attests it may. Raises ``Forbidden`` and, once the case is over, ``IllegalStep``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if protection is not None and protection.get("state") == "none" and role != "asylum_authority":
            raise Forbidden("only the asylum authority attests that there is no protection need", "freeze without it")

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            draft = None
            if protection is not None and held.case.draft is not None:
                draft = {**held.case.draft, "asylum": protection}
            data = {"reason": reason, "draft": draft, "undo": await cases.undo_of(tx, held.case)}
            await cases.move(context, tx, held, Event("freeze", person, role, data), now)

        await context.commit(unit)

    async def withdraw(self, ref: str, person: str, role: str) -> None:
        """
        Withdraw a frozen case. If nothing was ever posted, nothing is sent.

        Raises ``Forbidden``, and ``IllegalStep`` if the case is not frozen.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            posted = await cases.was_posted(tx, held.case)
            await cases.move(context, tx, held, Event("withdraw", person, role, {"posted": posted}), now)

        await context.commit(unit)

    async def release(self, ref: str, person: str, role: str) -> None:
        """Let go of a case this person froze in this role. Raises ``RuleRefused`` if somebody else froze it."""
        await self._step(ref, "release", person, role)

    async def resume(self, ref: str, person: str, role: str) -> None:
        """
        Propose to go on (first person), or go on (a second, other person, with all rules looked at again).

        Raises ``RuleRefused`` naming what still stands against it.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            first = held.case.resume_proposer in (None, person)
            facts = Facts(now, held.case.draft, no_contact=self._no_contact(held.case.side, held.case.partner))
            await cases.move(
                context, tx, held, Event("propose_resume" if first else "resume", person, role, {}, facts), now
            )

        await context.commit(unit)

    def _no_contact(self, side: Side, partner: str) -> str | None:
        return self._context.no_contact(partner) if side is Side.REQUESTING else None

    async def _step(self, ref: str, name: str, person: str, role: str) -> None:
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            await cases.move(context, tx, await cases.load(context, tx, ref), Event(name, person, role), now)

        await context.commit(unit)
