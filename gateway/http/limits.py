"""
What one stranger may cost us: how often, how large, how slow, how many at once.

Rule 1: a body is counted while it arrives, not when it is whole, so a hundred slow senders cost what they sent.
Rule 2: where there is no memory left for all, whoever holds most of it and is not whole yet gives way: a few who send
the largest body but for its end would keep everybody else out, as often as they like.
Rule 3: nothing here knows what a body is; each door says in its own words what a limit was for.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from gateway.core.envelope import MAX_BYTES

BODY_BYTES_PER_S = 64 << 10
"""A body may take one second more for each of these it has brought; a telephone line is faster."""

BUCKETS_MAX = 8192
"""Addresses remembered; of more, the one that was idle longest is forgotten, and begins with a full bucket."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The bounds of one door.

    ``body_timeout_s`` leaves room, with the time to close, for a slow sender to be gone within 20 s.
    ``requests_per_minute`` is per remote address; the default is above what two cores can accept, so that it stops a
    flood and no partner. ``bodies_max`` and ``held_max_bytes`` bound all bodies under way together: many slow senders
    fit, and memory stays far below 300 MB.
    """

    envelope_max_bytes: int = MAX_BYTES
    requests_per_minute: int = 240_000
    body_timeout_s: float = 15.0
    bodies_max: int = 4096
    held_max_bytes: int = 64 << 20

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the limits in the section ``limits`` of a configuration; what it does not name keeps its default."""
        names = ("envelope_max_bytes", "requests_per_minute", "body_timeout_s")
        return cls(**{name: values[name] for name in names if name in values})


class BodyTooLarge(Exception):
    """The body is, or says it is, larger than the ``most`` bytes that this door takes of it."""

    def __init__(self, most: int) -> None:
        super().__init__("a body is too large")
        self.most = most


class BodyTooSlow(Exception):
    """The body did not arrive in its time, or the connection broke before it was whole."""


class Overloaded(Exception):
    """All room for bodies is taken."""


class TokenBuckets:
    """One bucket for each remote address, refilled steadily."""

    def __init__(self, per_minute: int, room: int | None = None) -> None:
        """Allow ``per_minute`` to each address, and ``room`` at once: without it two seconds' worth, at least 10."""
        self._rate = per_minute / 60
        self._room = float(room or max(2 * self._rate, 10.0))
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now_s: float) -> float:
        """Take one at the monotonic instant ``now_s``; return 0, or the seconds until there is one to take."""
        left, since = self._buckets.pop(address, (self._room, now_s))
        left = min(self._room, left + (now_s - since) * self._rate)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._rate
        self._buckets[address] = (left - 1 if left >= 1 else left, now_s)
        if len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        return wait_s


def address_group(remote: str | None) -> str:
    """Return whom an address stands for: itself in IPv4, its network of 64 bits in IPv6, where one host has many."""
    if remote is None or ":" not in remote:
        return remote or ""
    try:
        address = ip_address(remote)
    except ValueError:
        return remote
    if not isinstance(address, IPv6Address):
        return remote
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else address.packed[:8].hex()


class Places:
    """The connections one door can have, and who has how many of them."""

    def __init__(self, most: int, per_address: int, rate: TokenBuckets | None = None) -> None:
        """Have ``most`` places, for one address (``address_group``) at most ``per_address``, and not more at a time."""
        self.most = most
        self._per_address = per_address
        self._rate = rate
        self._taken: Counter[str] = Counter()
        self._all = 0

    def take(self, address: str | None, now_s: float = 0.0) -> bool:
        """
        Take a place at a monotonic instant; ``False`` if none is left, or ``address`` has or had its share.

        ``None`` is whoever a proxy in front has not named yet: their place is one of all, and of no share.
        """
        if self._all >= self.most:
            return False
        if address is not None:
            group = address_group(address)
            if self._taken[group] >= self._per_address:
                return False
            if self._rate is not None and self._rate.take(group, now_s):
                return False
            self._taken[group] += 1
        self._all += 1
        return True

    def give_back(self, address: str | None) -> None:
        """Give back a place that was taken for ``address``."""
        self._all -= 1
        if address is None:
            return
        group = address_group(address)
        self._taken[group] -= 1
        if not self._taken[group]:
            del self._taken[group]


class Room:
    """The memory for all bodies under way at one door."""

    def __init__(self, limits: Limits) -> None:
        """Begin empty."""
        self.bodies = 0
        self.held_bytes = 0
        self.arriving: set[Share] = set()
        self._limits = limits

    def share(self) -> "Share":
        """Return room for one body; it is taken on entering and given back on leaving."""
        return Share(self, self._limits)

    def make_way(self, asking: "Share", count: int) -> bool:
        """Find ``count`` bytes more for ``asking``; ``False`` if whoever could give way holds less than it would."""
        while self.held_bytes + count > self._limits.held_max_bytes:
            others = (share for share in self.arriving if share is not asking)
            largest = max(others, key=lambda share: share.held, default=None)
            if largest is None or largest.held < asking.held + count:
                return False
            largest.give_way()
        return True


class Share:
    """What one request holds of a ``Room``: ``held`` bytes, which it may have to give back before its body is whole."""

    __slots__ = ("_body", "_deadline", "_limits", "_room", "gave_way", "held")

    def __init__(self, room: Room, limits: Limits) -> None:
        self._room = room
        self._limits = limits
        self._body = bytearray()
        self._deadline: asyncio.Timeout | None = None
        self.held = 0
        self.gave_way = False

    def __enter__(self) -> Self:
        """Take a place. Raises ``Overloaded``."""
        if self._room.bodies >= self._limits.bodies_max:
            raise Overloaded
        self._room.bodies += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back the place and every byte."""
        self._room.bodies -= 1
        self._room.held_bytes -= self.held

    def add(self, count: int) -> None:
        """Take room for ``count`` more bytes. Raises ``Overloaded``."""
        full = self._room.held_bytes + count > self._limits.held_max_bytes
        if self.gave_way or (full and not self._room.make_way(self, count)):
            raise Overloaded
        self._room.held_bytes += count
        self.held += count

    def arrives(self, body: bytearray, deadline: asyncio.Timeout) -> None:
        """Have ``body`` on its way, which ends at ``deadline``, or sooner if it has to give way."""
        self._body, self._deadline = body, deadline
        self._room.arriving.add(self)

    def has_arrived(self) -> None:
        """
        Have the body whole, or given up: it gives way to nobody.

        It is not held here for as long as the request is answered, beside what was made of it: that would be twice.
        """
        self._room.arriving.discard(self)
        self._body = bytearray()

    def give_way(self) -> None:
        """Give back every byte, and end the wait for more."""
        self.gave_way = True
        self._body.clear()  # here, and not once its request ends: what counts as given back is
        self.has_arrived()
        self._room.held_bytes -= self.held
        self.held = 0
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(0)


async def read_body(request: web.Request, most: int, timeout_s: float, share: Share) -> bytes:
    """
    Return the body of ``request``, at most ``most`` bytes, read in ``timeout_s`` and 1 s for each 64 KiB of it.

    Raises ``BodyTooLarge`` (at once, if its length is declared), ``BodyTooSlow``, ``Overloaded``.
    """
    if (request.content_length or 0) > most:
        raise BodyTooLarge(most)
    if request.content.is_eof():  # it came in one piece with its head: nothing to wait for, so nothing to time
        whole = request.content.read_nowait()
        if len(whole) > most:
            raise BodyTooLarge(most)
        share.add(len(whole))
        return whole
    body = bytearray()
    latest = asyncio.get_running_loop().time() + timeout_s
    earned = 0
    try:
        async with asyncio.timeout_at(latest) as deadline:
            share.arrives(body, deadline)
            async for chunk in request.content.iter_any():
                if len(body) + len(chunk) > most:
                    raise BodyTooLarge(most)
                share.add(len(chunk))
                body += chunk
                if len(body) - earned >= BODY_BYTES_PER_S:
                    # A whole second is earned at a time; moving a deadline for every chunk costs more than reading it.
                    earned = len(body)
                    deadline.reschedule(latest + earned / BODY_BYTES_PER_S)
    except (TimeoutError, ConnectionError, web.RequestPayloadError) as error:
        raise (Overloaded if share.gave_way else BodyTooSlow) from error
    finally:
        share.has_arrived()
    if share.gave_way:
        raise Overloaded
    return bytes(body)
