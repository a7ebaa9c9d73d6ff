"""Buckets, address groups and shares of memory, without a socket."""

import pytest

from gateway.core.envelope import MAX_BYTES
from gateway.http.limits import BUCKETS_MAX, Limits, Overloaded, Room, TokenBuckets, address_group


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
