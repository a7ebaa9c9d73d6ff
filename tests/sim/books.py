"""
What one State holds at the end of a run: its outbox, inbox, logs, cases and steps, as ``invariants`` compares them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gateway.app import Gateway
from gateway.core.case import Case
from gateway.core.messages import COLLECT
from gateway.services import cases
from gateway.services.ports import Tx
from gateway.services.rows import CaseRow
from tests.sim.faults import Faults
from tests.sim.world import Host, World


class Sent(NamedTuple):
    """A message in an outbox."""

    partner: str
    digest: str
    thread: str | None
    epoch: int
    seq: int | None
    type: str
    state: str
    ref: str | None
    status: str | None
    answer: bytes | None
    code: str | None
    expires_at: int
    posted_at: int | None
    answered_at: int | None
    envelope_id: bytes | None


class Got(NamedTuple):
    """A message in an inbox."""

    partner: str
    digest: str
    thread: str | None
    epoch: int
    seq: int | None
    type: str
    status: str
    ref: str | None
    answer: bytes | None
    expires_at: int


@dataclass
class Books:
    """Everything that one State holds at the end."""

    host: Host
    gateway: Gateway
    sent: dict[str, Sent]
    got: dict[str, Got]
    issued: Counter[str]
    received: Counter[str]
    cases: Mapping[str, tuple[CaseRow, Case | None]]
    events: Sequence[tuple[str, str, str, str | None]]
    at_once: Mapping[tuple[str, int], frozenset[str]]
    """What was done in a case in one second: reference and seconds since 1970."""

    restored: list[tuple[float, float]] = field(default_factory=list)
    robbed: bool = False
    put_back_at: datetime | None = None

    @property
    def renewed(self) -> bool:
        """
        Return whether this State began a new epoch: what waited may end unsent.

        After a theft nothing is forgotten, so what else a restore is forgiven a theft is not.
        """
        return self.robbed or bool(self.restored)

    @property
    def country(self) -> str:
        """Return whose books these are."""
        return self.host.country

    def keeps(self, began: float, ended: float) -> bool:
        """Return whether what was done between two instants is in the books still, whatever was put back."""
        return all(ended <= backup or began >= restore for backup, restore in self.restored)


async def read_books(world: World, host: Host, faults: Faults) -> Books | None:
    """Return what ``host`` holds, and what ``faults`` cost it; ``None``, noted as a failure, if it cannot be read."""

    async def unit(tx: Tx) -> list[CaseRow]:
        return [row for ref in await tx.case_refs("", 10_000) if (row := await tx.find_case(ref))]

    done, rows = await host.act("audit", lambda gateway: gateway.store.read(unit))
    gateway = host.gateway
    if done != "done" or gateway is None:
        world.fail("stays up", f"{host.country} cannot be read at the end: {done}")
        return None
    at_once: dict[tuple[str, int], set[str]] = defaultdict(set)
    for ref, at, event in host.look("SELECT ref, at, event FROM case_event"):
        at_once[ref, at].add(event)
    sent = host.look(f"SELECT {', '.join(Sent._fields)} FROM outbound ORDER BY n")  # noqa: S608  (names of fields)
    got = host.look(f"SELECT {', '.join(Got._fields)} FROM inbound ORDER BY n")  # noqa: S608  (names of fields)
    return Books(
        host,
        gateway,
        {row[1]: Sent(*row) for row in sent},
        {row[1]: Got(*row) for row in got if row[5] != COLLECT},
        Counter(digest for (digest,) in host.look("SELECT digest FROM log_entry WHERE direction = 'issued'")),
        Counter(digest for (digest,) in host.look("SELECT digest FROM log_entry WHERE direction = 'received'")),
        {row.ref: (row, cases.unseal(gateway.context, row).case if row.sealed is not None else None) for row in rows},
        [(ref, event, role, digest) for ref, event, role, digest in host.look(_EVENTS)],
        {place: frozenset(events) for place, events in at_once.items()},
        [(backup, restore) for country, backup, restore in faults.lost if country == host.country],
        host.country in faults.robbed,
        faults.put_back_at.get(host.country),
    )


_EVENTS = "SELECT ref, event, role, digest FROM case_event ORDER BY n"
