"""
The nodes of one gateway: what each goes by, kept beside what the others go by in the database they share.

Rule 1: what is kept is a keyed value of each part (``Vault.index_value``): without the key-encryption key nobody can
try what a part says, and no part says anything secret.
Rule 2: nodes that differ are told of, and go on. While a change is brought to one after another they differ on purpose,
and the one that starts anew is the one that is right.
Rule 3: what belongs to another gateway (another State, log key or key-encryption key) does not start beside these, nor
does a command of it: what it stored, they could not open, and what it believes of partners is not so there.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from gateway.core import wire
from gateway.services.context import Context
from gateway.services.ports import Tx
from keys import b64

PREFIX = "node:"
"""How the names begin under which nodes are kept."""

BEAT_S = 20.0
GONE = timedelta(seconds=90)
"""How often a node says that it runs, and after how long without a word nobody counts it any more."""

FORGOTTEN = timedelta(days=1)
"""
How long what is kept of a node that ended is left there: the next one that runs takes it out. What was said as far
ahead, by a clock that is wrong there or here, it takes out once nothing new is said for as long as by one that is gone.
"""

CLOCK = "clock"
"""The part in which a node differs from one whose clock is ahead of its own by more than that of a partner may be."""

SAME = "gateway"
"""The part in which no two nodes of one gateway differ, at any time: State, log key and key-encryption key."""


class Node(NamedTuple):
    """One node that runs: its name, and the keyed value of each part of what it goes by."""

    name: str
    parts: Mapping[str, str]


class Difference(NamedTuple):
    """In which parts a node does not go by what another does, of which there are as many or more."""

    node: str
    other: str
    parts: tuple[str, ...]


def running(rows: Iterable[tuple[str, str]], now: datetime) -> list[Node]:
    """
    Return the nodes that run at ``now``, by name, of what is kept (names with ``PREFIX``, and values).

    One whose value cannot be read, as another version may write it, is left out: it must keep no other from running.
    """
    found = [(name.removeprefix(PREFIX), *_said(value, now)) for name, value in rows]
    return sorted(Node(name, parts) for name, at, parts in found if parts and -FORGOTTEN <= now - at <= GONE)


def differences(nodes: Sequence[Node]) -> list[Difference]:
    """Return which of ``nodes`` differ from what most of them go by."""
    if not nodes:
        return []
    counts = Counter(tuple(sorted(node.parts.items())) for node in nodes)
    other = max(nodes, key=lambda node: counts[tuple(sorted(node.parts.items()))])
    return [
        Difference(node.name, other.name, tuple(sorted(parts)))
        for node in nodes
        if (parts := {name for name, _ in node.parts.items() ^ other.parts.items()})
    ]


async def ahead(tx: Tx, now: datetime) -> Mapping[str, datetime]:
    """
    Return what nodes said last, by name, that go by a clock further ahead of ``now`` than that of a partner may be.

    One of two clocks is wrong then, and nobody here knows which. One that says nothing new runs no more.
    """
    return _ahead(await tx.metas(PREFIX), now)


def _ahead(rows: Iterable[tuple[str, str]], now: datetime) -> dict[str, datetime]:
    said = ((name.removeprefix(PREFIX), *_said(value, now)) for name, value in rows)
    return {name: at for name, at, parts in said if parts and at - now > wire.SKEW}


def of_another(context: Context, rows: Iterable[tuple[str, str]], now: datetime) -> str | None:
    """Return the name of a node of ``rows`` that runs at ``now`` and is another gateway's; ``None`` if none is."""
    ours = _keyed(context, SAME, _same(context))
    return next((node.name for node in running(rows, now) if node.parts.get(SAME) != ours), None)


def _same(context: Context) -> str:
    return f"{context.country} {context.keyring.log.kid}"


def _keyed(context: Context, part: str, text: str) -> str:
    return b64.encode(context.vault.index_value(f"node|{part}|{text}"))


@dataclass(slots=True)
class Nodes:
    """
    What one node says of itself, and sees of the others.

    ``name`` is that of this start, ``@``, and that of the machine and its door, for machines may be called alike;
    ``said`` are the parts of the configuration that all nodes share. ``begun`` tells whether it was said once.
    """

    context: Context
    name: str
    said: Mapping[str, str]
    _told: frozenset[Difference] = field(default=frozenset())
    _far: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """What nodes said far ahead of our clock, by name, and since when they say nothing else."""
    begun: bool = field(default=False)

    async def run_once(self, now: datetime) -> list[Difference]:
        """Say what we go by, and return who differs; each difference is logged once. Raises ``Unavailable``."""
        parts = self._parts(now)
        value = json.dumps({"at": int(now.timestamp()), "parts": parts})
        await self.context.commit(lambda tx: tx.set_meta(PREFIX + self.name, value))
        # Read apart from what is written: a unit would hold the others' rows, and they ours.
        rows = dict(await self.context.store.read(lambda tx: tx.metas(PREFIX)))
        for name in [name for name, kept in rows.items() if self._is_over(name, *_said(kept, now), now, parts)]:
            del rows[name]
            await self._drop(name)
        self.begun = True
        found = differences(running(rows.items(), now))
        found += [Difference(self.name, other, (CLOCK,)) for other in _ahead(rows.items(), now)]
        for one in sorted(frozenset(found) - self._told):
            self.context.log("nodes.differ", node=one.node, other=one.other, parts=list(one.parts))
        if self._told and not found:
            self.context.log("nodes.alike")
        self._told = frozenset(found)
        return found

    async def leave(self) -> None:
        """Say that this node runs no more. Raises ``Unavailable``."""
        await self._drop(PREFIX + self.name)

    def _is_over(self, name: str, at: datetime, said: Mapping[str, str], now: datetime, own: Mapping[str, str]) -> bool:
        """Return whether a node ended long ago, or ran here before this one; if that still runs, it says so again."""
        _, of_a_start, door = self.name.partition("@")
        here = of_a_start and name.endswith(f"@{door}") and name != PREFIX + self.name
        ended = now - at > FORGOTTEN or (at - now > FORGOTTEN and self._is_silent(name, at, now))
        return ended or bool(here and not self.begun and said.get(SAME) == own[SAME])

    def _is_silent(self, name: str, at: datetime, now: datetime) -> bool:
        """Return whether a node has said nothing but ``at`` for so long that nobody counts it any more."""
        said, since = self._far.get(name, (None, now))
        if said != at:
            self._far[name] = at, now
        return said == at and now - since > GONE

    async def _drop(self, name: str) -> None:
        await self.context.commit(lambda tx: tx.drop_meta(name))

    def _parts(self, now: datetime) -> dict[str, str]:
        """Return the keyed value of each part; cards and keys are those of this moment."""
        context = self.context
        own, keys = context.own, context.keyring
        missing = (kid for kid, window in context.windows.items() if now < window.valid_until)
        said = {
            **self.said,
            SAME: _same(context),
            "signing key": keys.signing.kid,
            # Not those that are here: each node destroys one at a moment of its own.
            "sealing keys": " ".join(sorted(b64.encode(kid) for kid in missing if kid not in keys.sealing)),
            "card": "" if own is None else b64.encode(own.raw),
        }
        return {part: _keyed(context, part, text) for part, text in said.items()}


def _said(value: str, now: datetime) -> tuple[datetime, Mapping[str, str]]:
    """Return when a node said ``value``, and its parts; ``now`` and none if it cannot be read."""
    try:
        said = json.loads(value)
        return datetime.fromtimestamp(said["at"], UTC), {str(name): str(part) for name, part in said["parts"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return now, {}
