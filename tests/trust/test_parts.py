"""Faults of one country's part, which concern nobody else (docs/protocol.md 8.4)."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.transport.card_directory import write_card
from gateway.transport.trust_list import _Reading
from keys import trust_list, trust_policy
from tests.support.full_disk import watched
from tests.support.network import Network
from tests.support.trust_list import World, make_world, now
from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, held, verdict


@pytest.mark.parametrize("name", ["another file than the one signed", "a part that has run out"])
async def test_a_faulty_part_is_not_believed(tmp_path: Path, name: str) -> None:
    """A file that is not the one signed, or a part past its end, is refused for that country alone (M-8.10)."""
    _, reader = await attacked(tmp_path, BY_NAME[name])
    assert "part" == await verdict(reader)


async def test_a_new_card_is_taken(tmp_path: Path) -> None:
    """What two of three keys sign is taken: the refusals have no other reason."""
    world, reader = await attacked(tmp_path, BY_NAME["a new card"])
    assert "taken" == await verdict(reader)
    assert 2 == len(await held(reader, "XBB"))
    assert world.states["XBB"].cards[1].raw == (await held(reader, "XBB"))[1]


async def test_cards_that_do_not_rise_are_not_taken(tmp_path: Path) -> None:
    """The last card of a list is in force: one that goes back would bring back what a later one revoked."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    reader = world.reader(tmp_path / "reader")
    world.issue("XBB")
    world.states["XBB"].cards.reverse()
    world.publish_cards("XBB")
    assert "part" == await verdict(reader)
    assert () == await held(reader, "XBB")


async def test_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However well it is signed."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    monkeypatch.setattr(trust_policy, "CARDS_MAX_BYTES", len(world.states["XBB"].document()))
    world.issue("XBB")
    assert "part" == await verdict(world.reader(tmp_path / "reader"))


async def test_own_cards_are_not_those_of_the_list(tmp_path: Path) -> None:
    """A State says itself what its card is: a list that is behind, or does not name it yet, takes none of them away."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    world.states["XBB"].next_card()
    cards = world.states["XBB"].cards
    for own in ("XBB", "XCC"):
        reader = world.reader(tmp_path / own, own=own)
        for card in cards:
            write_card(tmp_path / own / "cards", replace(card, country=own))
        await reader.refresh()
        assert [card.raw for card in cards] == [*await reader.cards(own)]


async def test_policy_that_the_trustees_took_back_holds_no_more(tmp_path: Path) -> None:
    """What a reader kept of it goes."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    reader = world.reader(tmp_path / "reader")
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[1]}')
    assert ("taken", True) == (await verdict(reader), reader.policy(trust_policy.SUITES) is not None)
    targets = world.repository.targets()
    assert targets is not None
    draft = trust_list.next_targets(targets.signed, now())
    draft.signed.targets.clear()
    world.repository.save_draft("targets", draft)
    world.sign("targets", world.three())
    world.publish()
    assert ("taken", None) == (await verdict(reader), reader.policy(trust_policy.SUITES))


async def test_policy_that_nobody_can_read_refuses_the_list(tmp_path: Path) -> None:
    """A gateway does not go on without what the trustees decided for all."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    reader = world.reader(tmp_path / "reader")
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[3]}')
    assert "refused" == await verdict(reader)
    assert reader.policy(trust_policy.SUITES) is None


@pytest.mark.parametrize(
    ("snapshot", "faults", "later_s", "holds"),
    [(b"one", {}, -1, True), (b"two", {}, -1, False), (b"one", {"XBB": "a fault"}, -1, False), (b"one", {}, 0, False)],
)
def test_list_is_read_again_unless_nothing_changed(
    snapshot: bytes, faults: dict[str, str], later_s: int, holds: bool
) -> None:
    """Another snapshot, a fault that may be mended by now, or a part that has run out since."""
    ends = now()
    reading = _Reading(b"one", frozenset({"XBB"}), faults, ends, (1, ends))
    assert holds == reading.holds(snapshot, ends + timedelta(seconds=later_s))


def _spoil(world: World) -> None:
    """XBB, with two of its own three keys, publishes a part with one more member: canonical JSON, and no I-JSON."""
    held = world.repository.part("XBB")
    assert held is not None
    document = world.states["XBB"].document()
    part = trust_list.new_country("XBB", document, now(), held.signed)
    part.signed.unrecognized_fields["x-note"] = 2**53
    world.repository.save_draft("XBB", part, {trust_policy.cards_path("XBB"): document})
    world.sign("XBB", world.states["XBB"].keys[:2])
    world.publish()


def _add_unsigned(world: World) -> None:
    """A thief of the online key alone puts a member beside ``signed`` into the part of XBB, whose signatures hold."""
    part = world.repository.part("XBB")
    assert part is not None
    name = f"{part.signed.version}.XBB.json"
    forged = (world.folder / "metadata" / name).read_bytes().rstrip()[:-1] + b', "x": 1.5}'
    world.forge(name, forged)
    world.forge_snapshot({"XBB": forged})


@pytest.mark.parametrize("fault", [_spoil, _add_unsigned])
async def test_members_that_tuf_does_not_know_are_passed_over(tmp_path: Path, fault: Callable[[World], None]) -> None:
    """A part with members that TUF keeps and does not know is read like any other, and keeps nobody from the rest."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    reader = world.reader(tmp_path / "reader")
    await reader.refresh()
    world.issue("XAA")
    fault(world)
    assert "taken" == await verdict(reader)
    assert 2 == len(await held(reader, "XAA"))


async def test_part_that_breaks_the_reader_concerns_its_state_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever reading the part of one State raises, the cards of the others are taken (M-8.10)."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    reader = world.reader(tmp_path / "reader")
    await reader.refresh()
    world.issue("XAA")
    world.issue("XBB")
    parse = trust_policy.parse_cards

    def broken(raw: bytes, country: str) -> Sequence[bytes]:
        if country == "XBB":
            raise ZeroDivisionError
        return parse(raw, country)

    monkeypatch.setattr(trust_policy, "parse_cards", broken)
    assert "part" == await verdict(reader)
    assert [2, 1] == [len(await held(reader, country)) for country in ("XAA", "XBB")]


@pytest.mark.parametrize("fault", [_spoil, _add_unsigned])
async def test_gateway_goes_on_whatever_a_part_holds(
    both: tuple[Network, World], fault: Callable[[World], None]
) -> None:
    """What one State signs, or who holds the online key, ends no gateway and keeps none from starting."""
    network, world = both
    world.issue("XBB", at=network.clock.now())
    fault(world)
    await network.gateways["XAA"].refresh_trust()
    card = network.gateways["XAA"].context.trust.held("XBB")
    assert card is not None
    assert 2 == card.serial


async def test_refresh_survives_what_it_does_not_know(
    both: tuple[Network, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that nobody thought of leaves the cards held, with a line in the log; a cancellation ends the refresh."""
    network, _ = both
    gateway = network.gateways["XAA"]

    async def raises(error: BaseException) -> None:
        raise error

    monkeypatch.setattr(gateway.cards, "refresh", lambda: raises(ZeroDivisionError()))
    await gateway.refresh_trust()
    assert ("trust.fault", {"error": "ZeroDivisionError"}) in network.logs
    monkeypatch.setattr(gateway.cards, "refresh", lambda: raises(asyncio.CancelledError()))
    with pytest.raises(asyncio.CancelledError):
        await gateway.refresh_trust()


async def test_what_was_read_is_on_the_disk_before_it_is_gone_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut would have an older list taken for the newest (M-8.13); the client of TUF leaves that to the disk."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    seen = list[str]()
    monkeypatch.setattr(os, "fsync", watched(seen))
    assert "taken" == await verdict(world.reader(tmp_path / "reader"))
    assert {"1.root.json", "root_history", "timestamp.json", "snapshot.json", "metadata"} <= set(seen)
