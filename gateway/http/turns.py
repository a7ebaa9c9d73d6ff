"""
Whose turn it is: a turn of the loop takes little of what strangers sent, and whoever is known goes on meanwhile.

A message passes a dozen turns from socket to answer. Each would last as long as everything that a flood has sent by
then, handshakes above all, if a turn took all of it.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from heapq import nsmallest
from itertools import count
from typing import Any

STRANGERS_IN_A_TURN = 8
"""
At each door: a few milliseconds of work. Those who had their turn longest ago come first, so that all of them have
theirs, and a crowd at one door keeps nobody waiting at another.
"""

_turns = count()
_strangers: dict[object, dict[int, int]] = {}
"""By door and descriptor the connections of this process on which nobody is known: when each last had its turn."""


def meet(descriptor: int, door: object) -> None:
    """Have a stranger on a connection that was accepted at ``door``."""
    _strangers.setdefault(door, {})[descriptor] = next(_turns)


def forget(descriptor: int) -> None:
    """Have no stranger there any more: the connection ends, or whoever it is of is known."""
    for door, met in tuple(_strangers.items()):
        if met.pop(descriptor, None) is not None and not met:
            del _strangers[door]


def know(transport: asyncio.BaseTransport | None) -> None:
    """Let a connection go before those of strangers: what was proved there cost us less than it costs to pretend."""
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        forget(raw.fileno())


class Turns(selectors.DefaultSelector):
    """Reports all that is ready, but few of the strangers at a door; the others are still ready the next time."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait up to ``timeout`` seconds."""
        ready = super().select(timeout)
        if len(ready) <= STRANGERS_IN_A_TURN:
            return ready
        here, later = {key.fd for key, _ in ready}, set[int]()
        for met in _strangers.values():
            waiting = here & met.keys()
            if len(waiting) > STRANGERS_IN_A_TURN:
                first = nsmallest(STRANGERS_IN_A_TURN, waiting, key=met.__getitem__)
                later |= waiting.difference(first)
                met.update((descriptor, next(_turns)) for descriptor in first)
        return [(key, events) for key, events in ready if key.fd not in later]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` as ``asyncio.run`` does, on a loop with ``Turns``."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Turns())) as runner:
        runner.run(main)
