"""
What every act of a desk is made of: whom it asks, what it notes of it, and what it may look up before.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from gateway.app import Gateway
from gateway.core.case import Case
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services import cases
from gateway.services.context import Forbidden, NotFound, NotListed
from gateway.services.ports import Conflict, Unavailable
from keys import statement
from tests.sim import homes
from tests.sim.world import Host, World


class Nothing(Exception):
    """A desk looked, and there is nothing to do."""


REFUSED = (IllegalStep, RuleRefused, Forbidden, NotListed, NotFound, Nothing)
"""What an act raises that was not done: the case moved on meanwhile, or a rule stands against it."""

EXPECTED = {error.__name__ for error in (*REFUSED, Unavailable, Conflict)}
"""What an act may raise: those, or the disk is full."""

OFFICER, LIAISON = ("first", "case_officer"), ("second", "liaison_officer")
CLERK, HEAD = ("first", "registry_clerk"), ("second", "desk_head")
"""Who works at the desk that asks and at the one that is asked: person and role."""


@dataclass
class Journal:
    """What the desks of one State know to have done: (seconds of the loop, reference, event)."""

    done: list[tuple[float, str, str]] = field(default_factory=list)
    stopped: dict[str, float] = field(default_factory=dict)
    """References of cases that stand still by a person's word, and since when."""

    held: dict[str, float] = field(default_factory=dict)
    """References of returns that the child-welfare authority stopped, and since when."""

    persons: dict[str, int] = field(default_factory=dict)
    """About whom each case is that was opened here: the number of an invented person."""

    through: set[str] = field(default_factory=set)
    """Those that stand still because another case of the person was stopped."""

    numbers: dict[str, str] = field(default_factory=dict)
    """The number of the passport in each of these cases, as long as nobody corrected it."""

    minors: dict[str, float] = field(default_factory=dict)
    """Cases whose file has the person as a minor, and since when."""

    apart: set[tuple[str, str]] = field(default_factory=set)
    """Cases that two persons told apart from others which stop them: the one that was held, and the other."""

    remarked: set[str] = field(default_factory=set)
    """Cases in which a remark told of a need for protection."""

    barred: dict[str, float] = field(default_factory=dict)
    """States that are not to be contacted, and since when."""

    unpressed: dict[str, float] = field(default_factory=dict)
    """Cases in which nobody presses, and since when."""

    withheld: dict[str, float] = field(default_factory=dict)
    """Cases of which the account is held back from whoever asks for it, and since when."""

    refusing: set[str] = field(default_factory=set)
    """Cases in which the last word on passing data on was no."""

    known: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    """Cases that stop the person's others, and the protection state that became known if that is why."""


class OpenCase(NamedTuple):
    """What a desk sees of a case before it acts; ``due_at`` in seconds since 1970."""

    ref: str
    side: str
    state: str
    thread: str | None
    partner: str
    due_at: float | None

    @property
    def asks(self) -> bool:
        """Return whether the case is one of ours about somebody, and not one that another State asks us about."""
        return self.side == "requesting"

    @property
    def desk(self) -> tuple[str, str]:
        """Return who works on it: person and role."""
        return OFFICER if self.asks else CLERK

    @property
    def head(self) -> tuple[str, str]:
        """Return the second person of that desk."""
        return LIAISON if self.asks else HEAD


class Work:
    """The desks of every State, and what they know to have done."""

    stops = 0.08
    """How often a desk that might stop a case does."""

    def __init__(self, world: World, counts: Counter[str]) -> None:
        """Work in ``world``, and count in ``counts`` what is done."""
        self.world = world
        self.counts = counts
        self.random = world.random
        self.journals = {country: Journal() for country in homes.COUNTRIES}

    async def _do(
        self, host: Host, ref: str, event: str, work: Callable[[Gateway], Awaitable[Any]], *, says: bool = False
    ) -> bool:
        """Have a step taken; note it if the gateway says it was. One that ``says`` something sends a message."""
        outcome, value = await host.act(event, work)
        if outcome == "done":
            self.journals[host.country].done.append((self.world.loop.time(), ref, event))
            self.counts["messages"] += says
            self.counts["acts"] += 1
            return True
        if outcome not in EXPECTED | {"down", "cut"}:
            self.world.fail("acts as documented", f"{event} in {host.country} raised {outcome}: {value}", value)
        return False

    async def case(self, gateway: Gateway, ref: str) -> Case:
        """Return what the desk sees of a case that it opens."""
        held: cases.Held = await gateway.store.read(lambda tx: cases.load(gateway.context, tx, ref))
        return held.case

    def _signed(self, host: Host, thread: str, kind: str, role: str, digest: str, person: str, days: int = 2) -> str:
        until = host.clock.now() + timedelta(days=days)
        return homes.sign(self.world.homes, person, statement.Statement(thread, kind, role, digest, until))
