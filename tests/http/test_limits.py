"""Buckets, address groups and shares of memory, without a socket."""

import pytest

from gateway.core.envelope import MAX_BYTES
from gateway.http.limits import BUCKETS_MAX, Limits, Overloaded, Places, Room, TokenBuckets, address_group


def test_an_empty_bucket_tells_how_long_to_wait() -> None:
    """A bucket of one a second holds ten, and says when there is one again."""
    buckets = TokenBuckets(60)
    assert [0.0] * 10 == [buckets.take("a", 0.0) for _ in range(10)]
    assert 1.0 == pytest.approx(buckets.take("a", 0.0))
    assert 0.0 == buckets.take("a", 1.0)


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
    assert [True, True, True, False] == tried
    assert places.take("b", 0.0)
    assert places.take("a", 1.0)
