"""
What the operator's pages stand on: the health of the gateway, its queues, its partners and its logs.

Rule 1: nothing here has a reference of a case, an element or a reason in it; counts, keys, codes and instants only.
Rule 2: what takes long is looked at once and shown to whoever asks meanwhile, with the instant at which it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from gateway.services import audit as audits
from gateway.services.audit import Audited
from gateway.services.checkpoints import Checkpoints, Cosigning
from gateway.services.context import Context
from gateway.services.health import Health, Item
from gateway.services.ports import Tx
from gateway.services.rows import ConflictRow, TrustEvent
from gateway.services.trust import stage
from gateway.services.trust_acts import Compared, TrustActs
from keys.card import Card

LOOK_LASTS = timedelta(minutes=5)
"""How old a look at everything may be before the next page looks again."""

AUDIT_WAIT_S = 10.0
"""How long a page waits for an audit; a longer one goes on, and a later page shows it."""

INBOX_LAST = 1000
"""Messages received that the figures of the inbox are made of."""

TRUST_EVENTS = 50
"""Decisions about States that are shown."""


Checks = Callable[[datetime, bool], Awaitable[Sequence[Item]]]
"""Runs every check at an instant, and tries the partners if told to."""


# Queues.


@dataclass(frozen=True, slots=True)
class Outbox:
    """What waits to be taken by one partner: counts and instants of messages, nothing of them."""

    partner: str
    waiting: int
    attempts: int
    oldest_at: datetime
    next_try_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Inbox:
    """
    Of the last messages received, those of one partner with one verdict; ``code`` is that of a refusal.

    Of a ``collect`` that was taken and came again it is how that was refused.
    """

    partner: str
    status: str
    code: str | None
    count: int
    last_at: datetime


class Queues(Protocol):
    """Figures of what waits and what came."""

    async def outbox(self) -> Sequence[Outbox]:
        """Return what waits, by partner. Raises ``Unavailable``."""
        ...

    async def inbox(self, last: int) -> Sequence[Inbox]:
        """Return figures of the ``last`` messages received. Raises ``Unavailable``."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One partner's line of the queues: how it is reached, its circuit, and what waits (``None``: nothing)."""

    partner: str
    transmission: str
    failures: int
    open_until: datetime | None
    held: bool
    barred: bool
    outbox: Outbox | None


# Partners.


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How one State stands: the card held, when what it publishes was last read, its hold, and the no-contact list.

    ``barred`` says that it is not to be contacted, ``proposed`` that this, or its end, waits for a second person; why
    is for those who keep the list. ``compared`` is what a first officer compared, if a second one has not yet.
    """

    country: str
    card: Card | None
    age: timedelta
    stage: str
    going_on: bool
    hold: str | None
    barred: bool
    proposed: bool
    compared: Compared | None


# The whole.


@dataclass(slots=True)
class Operate:
    """
    What the pages of the operator use.

    ``checks`` looks at everything; ``queues`` reads figures; ``cards`` returns the cards published of a country, oldest
    first; ``reports`` is the folder of reports, which need not exist.
    """

    context: Context
    checks: Checks
    queues: Queues
    checkpoints: Checkpoints
    cards: Callable[[str], Awaitable[Sequence[bytes]]]
    reports: Path
    acts: TrustActs = field(init=False)
    _health: Health | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _audit: "asyncio.Task[Audited] | None" = None
    _began: datetime | None = None
    _audited: "tuple[datetime, Audited] | None" = None

    def __post_init__(self) -> None:
        """Take the acts about keys from the same gateway."""
        self.acts = TrustActs(self.context)

    async def health(self, now: datetime, *, again: bool = False, online: bool = False) -> Health:
        """Return how the gateway is, as it was looked at a moment ago, or ``again``."""
        async with self._looking:
            old = self._health
            if old is None or again or not now - LOOK_LASTS < old.at <= now:
                self._health = old = Health(now, online, tuple(await self.checks(now, online)))
            return old

    async def lines(self) -> tuple[Line, ...]:
        """Return the queue of each partner; one that is no partner any more, and has something waiting, too."""
        context = self.context
        waiting = {one.partner: one for one in await self.queues.outbox()}
        holds = context.trust.holds()
        names = sorted({*context.partners, *waiting})
        rows = await context.store.read(lambda tx: _partner_rows(tx, names))
        made = []
        for name, row in zip(names, rows, strict=True):
            partner = context.partners.get(name)
            made.append(
                Line(
                    name,
                    partner.transmission if partner is not None else "",
                    row.failures if row is not None else 0,
                    row.open_until if row is not None else None,
                    name in holds,
                    context.no_contact(name) is not None,
                    waiting.get(name),
                )
            )
        return tuple(made)

    # Partners.

    async def standings(self) -> tuple[Standing, ...]:
        """Return how each partner stands."""
        trust = self.context.trust
        listed = await self.context.store.read(lambda tx: tx.no_contacts())
        compared = await self.acts.comparisons()
        ages, holds, going_on = trust.ages(), trust.holds(), trust.going_on()
        proposed = {row.country for row in listed if row.confirmed_at is None or row.lift_at is not None}
        barred = {row.country for row in listed if row.holds}
        return tuple(
            Standing(
                country,
                trust.held(country),
                age,
                stage(age),
                country in going_on,
                holds.get(country),
                country in barred or self.context.partners[country].no_contact is not None,
                country in proposed,
                compared.get(country),
            )
            for country, age in sorted(ages.items())
            if country in self.context.partners
        )

    async def decided(self) -> Sequence[TrustEvent]:
        """Return the last decisions about States, the latest first."""
        events = await self.context.store.read(lambda tx: tx.trust_events())
        return tuple(reversed(events[-TRUST_EVENTS:]))

    # Logs.

    async def audit(self, now: datetime) -> bool:
        """Begin an audit of the logs, unless one is at work; return whether it was done within a few seconds."""
        if self._audit is None:
            self._began = now
            self._audit = asyncio.create_task(self._audit_all(now))
        done, _ = await asyncio.wait({self._audit}, timeout=AUDIT_WAIT_S)
        if not done:
            return False
        ended, self._audit, self._began = self._audit, None, None
        if ended is not None:
            ended.result()
        return True

    async def _audit_all(self, now: datetime) -> Audited:
        found = await audits.audit(self.context)
        self._audited = (now, found)
        return found

    @property
    def audit_began(self) -> datetime | None:
        """Return when the audit that is at work began; ``None`` if none is."""
        return self._began if self._audit is not None and not self._audit.done() else None

    @property
    def audited(self) -> tuple[datetime, Audited] | None:
        """Return when the last audit began and what it found; ``None`` if there was none since the start."""
        return self._audited

    async def cosigned(self) -> Sequence[tuple[str, Cosigning]]:
        """Return the newest kept checkpoint of the log about each partner, with who put their name to it."""
        return [
            (country, one)
            for country in sorted(self.context.partners)
            for one in await self.checkpoints.cosigned(country)
        ]

    async def conflicts(self) -> Sequence[ConflictRow]:
        """Return what is kept as evidence against keepers of logs."""
        return await self.context.store.read(lambda tx: tx.conflicts())


async def _partner_rows(tx: Tx, names: Sequence[str]) -> list[Any]:
    return [await tx.find_partner(name) for name in names]
