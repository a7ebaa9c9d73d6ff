"""Buckets, address groups and shares of memory, without a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.core.envelope import MAX_BYTES
from gateway.http.limits import (
    BODY_BYTES_PER_S,
    BUCKETS_MAX,
    BodyTooLarge,
    BodyTooSlow,
    Limits,
    Overloaded,
    Places,
    Room,
    Share,
    TokenBuckets,
    address_group,
    read_body,
)


def test_an_empty_bucket_tells_how_long_to_wait() -> None:
    """A bucket of one a second holds ten, and says when there is one again."""
    buckets = TokenBuckets(60)
    assert [0.0] * 10 == [buckets.take("a", 0.0) for _ in range(10)]
    assert 1.0 == pytest.approx(buckets.take("a", 0.0))
    assert 0.0 == buckets.take("a", 1.0)


@pytest.mark.parametrize(("per_minute", "room"), [(60, 10), (600, 20)])
def test_a_bucket_holds_two_seconds_worth_however_long_it_was_idle(per_minute: int, room: int) -> None:
    """At least ten; an hour without a request is no leave for an hour's worth at once."""
    buckets = TokenBuckets(per_minute)
    for now_s in (0.0, 3600.0):
        assert [0.0] * room == [buckets.take("a", now_s) for _ in range(room)]
        assert 0.0 < buckets.take("a", now_s)


def test_addresses_do_not_share_a_bucket() -> None:
    """One that sent too much holds up no other."""
    buckets = TokenBuckets(1)
    while not buckets.take("a", 0.0):
        pass
    assert 0.0 == buckets.take("b", 0.0)


def test_buckets_do_not_grow_without_bound() -> None:
    """The address idle longest is forgotten first."""
    buckets = TokenBuckets(60)
    for number in range(BUCKETS_MAX + 10):
        buckets.take(str(number), 0.0)
    assert BUCKETS_MAX == len(buckets._buckets)
    assert "0" not in buckets._buckets
    buckets.take("10", 0.0)  # idle longest until now
    buckets.take("another", 0.0)
    assert (True, False) == ("10" in buckets._buckets, "11" in buckets._buckets)


@pytest.mark.parametrize(
    ("remote", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002"),
        ("2001:db8:1:2::9", "20010db800010002"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80000000000000"),
        (None, ""),
        ("not:an:address", "not:an:address"),
    ],
)
def test_an_ipv6_host_is_its_network(remote: str | None, group: str) -> None:
    """One host has a whole network of 64 bits, so that is what is counted."""
    assert group == address_group(remote)


def test_a_share_gives_back_what_it_took() -> None:
    """After the block, also one left by an error, the room is as before."""
    room = Room(Limits(held_max_bytes=10))

    def overfill() -> None:
        with room.share() as share:
            share.add(8)
            share.add(3)

    with pytest.raises(Overloaded):
        overfill()
    assert (0, 0) == (room.bodies, room.held_bytes)


async def test_whoever_gives_way_holds_nothing_and_only_as_many_do_as_must() -> None:
    """Who holds as much as is asked for gives way; the other stays, though the room is full to the last byte then."""
    room = Room(Limits(held_max_bytes=10))
    bodies = [bytearray(6), bytearray(4)]
    with room.share() as large, room.share() as small, room.share() as asking:
        async with asyncio.timeout(60) as one, asyncio.timeout(60) as other:
            for share, body, deadline in ((large, bodies[0], one), (small, bodies[1], other)):
                share.arrives(body, deadline)
                share.add(len(body))
            asking.add(6)
            one.reschedule(None)  # the end of its wait, which nobody waits for here
        assert [(True, 0), (False, 4), (False, 6)] == [(who.gave_way, who.held) for who in (large, small, asking)]
        assert [0, 4] == list(map(len, bodies))
        with pytest.raises(Overloaded):
            large.add(1)
    assert (0, 0) == (room.bodies, room.held_bytes)


async def test_a_body_whose_time_is_over_gives_way_like_any_other() -> None:
    """Whoever asks for room in the very turn in which it ends has what it held, and no fault of ours."""
    room = Room(Limits(held_max_bytes=10))

    async def come(late: Share, asking: Share) -> None:
        async with asyncio.timeout(0) as deadline:
            late.arrives(bytearray(6), deadline)
            late.add(6)
            try:
                await asyncio.sleep(60)
            finally:
                assert deadline.expired()
                asking.add(6)

    with room.share() as late, room.share() as asking:
        with pytest.raises(TimeoutError):
            await come(late, asking)
        assert (True, 0, 6) == (late.gave_way, late.held, asking.held)


def arriving(chunks: Sequence[bytes], then: Callable[[], Any] = lambda: None) -> web.Request:
    """Return a request whose body comes in ``chunks``, with no length declared; ``then`` happens after the first."""

    async def come() -> AsyncIterator[bytes]:
        for number, chunk in enumerate(chunks):
            yield chunk
            if not number and (waiting := then()) is not None:
                await waiting

    content = SimpleNamespace(is_eof=lambda: False, iter_any=come)
    return cast(web.Request, SimpleNamespace(content_length=None, content=content))


@pytest.mark.parametrize("then", ["more comes", "it ends", "it is waited for"])
async def test_a_body_that_gave_way_is_never_taken_for_whole(then: str) -> None:
    """What it held is gone: neither the rest of it, nor its end, makes a message of what is left."""
    room = Room(Limits())

    def give_way() -> Any:
        share.give_way()
        return asyncio.sleep(60) if then == "it is waited for" else None

    with room.share() as share, pytest.raises(Overloaded):
        await read_body(arriving([b"begun"] if then == "it ends" else [b"begun", b"rest"], give_way), 99, 60, share)
    assert (0, set()) == (room.held_bytes, room.arriving)


@pytest.mark.parametrize("error", [ConnectionResetError(), web.RequestPayloadError(), TimeoutError()])
async def test_a_body_that_breaks_off_is_too_slow_and_no_fault_of_ours(error: Exception) -> None:
    """Whether its line ended, or what came of it is no HTTP: anybody can bring that about, so no alarm goes by it."""

    def broken() -> None:
        raise error

    room = Room(Limits())
    with room.share() as share, pytest.raises(BodyTooSlow):
        await read_body(arriving([b"begun", b"rest"], broken), 99, 60, share)
    assert (0, set()) == (room.held_bytes, room.arriving)


@pytest.mark.parametrize("chunks", [[bytes(11)], [bytes(9), bytes(2)]])
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_body_goes_past_its_bound_by_no_byte(chunks: list[bytes], at_once: bool) -> None:
    """Also one that is there whole with its head, and the last piece of one that came in several."""
    request = arriving(chunks)
    if at_once:
        content = SimpleNamespace(is_eof=lambda: True, read_nowait=lambda: b"".join(chunks))
        request = cast(web.Request, SimpleNamespace(content_length=None, content=content))
    with Room(Limits()).share() as share, pytest.raises(BodyTooLarge):
        await read_body(request, 10, 60, share)


@pytest.mark.parametrize("how", ["with its length", "at once", "piece by piece"])
async def test_a_body_of_the_largest_size_is_taken_and_held(how: str) -> None:
    """To its last byte, however it comes; what is there whole with its head takes room like any other."""
    raw, room = bytes(range(10)), Room(Limits())
    request = arriving([raw[:9], raw[9:]])
    if how == "with its length":
        request = cast(web.Request, SimpleNamespace(content_length=10, content=request.content))
    if how == "at once":
        content = SimpleNamespace(is_eof=lambda: True, read_nowait=lambda: raw)
        request = cast(web.Request, SimpleNamespace(content_length=None, content=content))
    with room.share() as share:
        assert (raw, 10) == (await read_body(request, 10, 60, share), room.held_bytes)


async def test_a_declared_length_past_the_bound_is_refused_before_a_byte_is_read() -> None:
    """There is nothing to wait for."""
    request = cast(web.Request, SimpleNamespace(content_length=11, content=None))
    with Room(Limits()).share() as share, pytest.raises(BodyTooLarge):
        await read_body(request, 10, 60, share)


async def test_a_body_earns_a_second_for_each_64_kib_it_has_brought() -> None:
    """From when it began, and not from when it last brought something: a line that is steady and slow is let finish."""
    ends = list[float | None]()

    class Watched(Share):
        def arrives(self, body: bytearray, deadline: asyncio.Timeout) -> None:
            self.deadline = deadline
            super().arrives(body, deadline)

        def add(self, count: int) -> None:
            super().add(count)
            ends.append(self.deadline.when())

    room = Room(Limits())
    piece = bytes(BODY_BYTES_PER_S)
    with Watched(room, Limits()) as share:
        whole = await read_body(arriving([piece, b"x", piece, b"x"]), MAX_BYTES, 7.0, share)
        assert (2 * BODY_BYTES_PER_S + 2, set()) == (len(whole), room.arriving)
        assert not share._body  # it is held by who has it now, and not twice
    begun = ends[0] or 0.0
    assert [0.0, 1.0, 1.0] == [pytest.approx((end or 0.0) - begun) for end in ends[:3]]
    assert pytest.approx((2 * BODY_BYTES_PER_S + 1) / BODY_BYTES_PER_S) == (ends[3] or 0.0) - begun


def test_limits_come_from_the_configuration_by_name() -> None:
    """What the section does not name keeps its default; names of other parts are passed over."""
    limits = Limits.of({"body_timeout_s": 3, "in_flight": 8})
    assert (3, MAX_BYTES) == (limits.body_timeout_s, limits.envelope_max_bytes)


def test_one_address_takes_its_share_of_places_and_no_more() -> None:
    """The next address still finds a place, and a place that was given back can be taken again."""
    places = Places(4, 2)
    assert [True, True, False] == [places.take("a") for _ in range(3)]
    assert places.take("b")
    places.give_back("a")
    assert [True, False] == [places.take("a") for _ in range(2)]


def test_places_of_all_addresses_together_are_bounded() -> None:
    """Many addresses with few connections each do not pass the bound of the door."""
    places = Places(2, 2)
    assert [True, True, False] == [places.take(address) for address in "abc"]


def test_an_address_without_a_place_is_forgotten() -> None:
    """What is counted of addresses does not grow with how many ever came."""
    places = Places(4, 2)
    for number in range(100):
        places.take(str(number))
        places.give_back(str(number))
    assert 0 == len(places._taken)


def test_the_addresses_of_one_ipv6_host_share_its_places() -> None:
    """Another address of the same network of 64 bits is the same host."""
    places = Places(4, 1)
    assert [True, False] == [places.take(address) for address in ("2001:db8::1", "2001:db8::2")]


def test_an_address_that_comes_too_often_waits_and_no_other() -> None:
    """Places that are given back at once are no way around the rate of one address."""
    places = Places(4, 2, TokenBuckets(60, 3))
    tried = []
    for _ in range(4):
        tried.append(places.take("a", 0.0))
        if tried[-1]:
            places.give_back("a")
    assert ([True, True, True, False], {}) == (tried, dict(places._taken))  # nor does a refusal count as a place
    assert places.take("b", 0.0)
    assert places.take("a", 1.0)
