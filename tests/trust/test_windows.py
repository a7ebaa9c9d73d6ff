"""Sealing windows: a year of them in one ceremony, and each private half destroyed on time (M-8.4)."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from gateway import home, settings
from gateway.checks.keys import keys
from gateway.checks.look import Look
from gateway.services.rows import SealingEnd
from keys import b64, card
from keys.custody import open_store
from keys.errors import BadStore
from keys.folder_lock import alone_in
from keys.seal import SealingKey
from keys.sign import SigningKey
from tests.support import story
from tests.support.network import START, Network, open_gateway
from tests.support.restoring import next_card_of
from tests.support.sealing import ends, names

LATER = timedelta(hours=1)
"""How far a new home dates its first window back, for partners whose clock is behind."""


def lines(network: Network, event: str) -> list[dict[str, object]]:
    """Return what was logged as ``event``."""
    return [values for name, values in network.logs if name == event]


async def test_one_ceremony_lists_a_year_of_windows(network: Network) -> None:
    """Thirteen windows begin 30 days after one another, last 45 days, and leave no day of a year without a key."""
    sealing = network.gateways["XBB"].context.trust.card("XAA").sealing
    begins = [entry.valid_from for entry in sealing]
    assert [timedelta(days=30)] * 12 == [after - before for before, after in pairwise(begins)]
    assert {timedelta(days=45)} == {entry.valid_until - entry.valid_from for entry in sealing}
    assert all(any(entry.is_active(START + timedelta(days=day)) for entry in sealing) for day in range(366)), (
        "a day without a key"
    )


async def test_a_private_half_goes_when_its_window_ends_and_not_before(network: Network) -> None:
    """One second before its end the key is there; at its end it is gone from disk and memory, and both logs say so."""
    gateway, end = network.gateways["XBB"], START - LATER + timedelta(days=45)
    first = gateway.context.own.sealing[0]
    network.clock.instant = end - timedelta(seconds=1)
    assert () == await gateway.windows.run_once(network.clock.now())
    assert 13 == len(names(network, "XBB"))
    network.clock.instant = end
    assert (first.kid,) == await gateway.windows.run_once(network.clock.now())
    assert [f"seal.1.{number}" for number in range(10, 14)] + [f"seal.1.{number}" for number in range(2, 10)] == names(
        network, "XBB"
    )
    assert b64.decode(first.kid) not in gateway.context.keyring.sealing
    assert [SealingEnd(b64.decode(first.kid), end, end, "window")] == await ends(network, "XBB")
    assert [{"kid": first.kid, "reason": "window"}] == lines(network, "key.destroyed")
    assert () == await gateway.windows.run_once(network.clock.now())


async def test_a_gateway_does_not_stand_still_for_who_changes_its_key_store(network: Network) -> None:
    """However long another process has it, all else goes on; the key goes at the look after that."""
    gateway = network.gateways["XBB"]
    first = gateway.context.own.sealing[0]
    network.clock.instant = START + timedelta(days=45)
    with alone_in(network.homes["XBB"]):
        assert () == await gateway.windows.run_once(network.clock.now())
    assert [first.kid] == [line["kid"] for line in lines(network, "key.kept")]
    assert (first.kid,) == await gateway.windows.run_once(network.clock.now())
    assert "seal.1.1" not in names(network, "XBB")


async def test_what_was_sealed_to_an_ended_window_stays_closed(network: Network) -> None:
    """An envelope recorded in the first window opens with no key that the home holds after its end."""
    await story.received(network)
    recorded = [raw for country, path, raw in network.wires.posted if country == "XBB"]
    network.clock.instant = START + timedelta(days=45)
    await network.gateways["XBB"].windows.run_once(network.clock.now())
    store = open_store(f"file:{network.homes['XBB']}/{home.KEY_FILE}", passphrase=lambda: "correct horse", environ={})
    held = {key.kid for _, key in home.sealing_keys(store)}
    assert recorded
    assert not [raw for raw in recorded if raw[5:21] in held]


async def test_what_a_crash_left_unsaid_is_said_at_the_next_look(network: Network) -> None:
    """A key destroyed at the command line, or before a crash, is noted with the instant at which it was seen gone."""
    gateway = network.gateways["XBB"]
    first = gateway.context.own.sealing[0]
    store = open_store(f"file:{network.homes['XBB']}/{home.KEY_FILE}", passphrase=lambda: "correct horse", environ={})
    store.destroy("seal.1.1")
    network.clock.instant = START + timedelta(days=50)
    await gateway.close()
    gateway = await open_gateway(network, "XBB")
    assert (first.kid,) == await gateway.windows.run_once(network.clock.now())
    assert [START + timedelta(days=50)] == [row.destroyed_at for row in await ends(network, "XBB")]


async def test_a_key_that_no_card_lists_yet_is_left_alone(network: Network) -> None:
    """Keys are made before the card that lists them; a look in between destroys none."""
    gateway = network.gateways["XBB"]
    store = open_store(f"file:{network.homes['XBB']}/{home.KEY_FILE}", passphrase=lambda: "correct horse", environ={})
    store.put("seal.1.14", SealingKey.generate(1).seed)
    await gateway.close()
    gateway = await open_gateway(network, "XBB")
    network.clock.pass_(days=406)
    await gateway.windows.run_once(network.clock.now())
    assert ["seal.1.14"] == names(network, "XBB")


async def test_a_store_that_cannot_be_written_is_said_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only store keeps the key: it is said so, forgotten in memory, and never noted as gone."""
    gateway = network.gateways["XBB"]
    first = gateway.context.own.sealing[0]

    def refuse(kid: bytes) -> None:
        raise BadStore("a key store in the environment is read-only", "change it where the variable is set")

    monkeypatch.setattr(gateway.windows, "_destroy", refuse)
    network.clock.instant = START + timedelta(days=45)
    for _ in range(2):
        assert () == await gateway.windows.run_once(network.clock.now())
    assert [first.kid] == [line["kid"] for line in lines(network, "key.kept")]
    assert ([], False) == (await ends(network, "XBB"), b64.decode(first.kid) in gateway.context.keyring.sealing)


async def test_check_sees_a_window_that_ended_and_is_kept(network: Network) -> None:
    """``isthmus check`` names private halves that should be gone."""
    chosen = settings.load(network.homes["XBB"], {})
    look = Look(chosen, lambda: "correct horse", START + timedelta(days=46))
    found = [item.text for item in keys(look)]
    assert "1 sealing keys have ended and are still here" in found


async def test_the_loop_wakes_at_the_end_of_a_window(network: Network) -> None:
    """It sleeps to the next end of a window, an hour at most."""
    gateway, slept = network.gateways["XBB"], []

    class Enough(Exception):
        """Ends the loop."""

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise Enough
        network.clock.instant = gateway.context.own.sealing[0].valid_until - timedelta(minutes=5)

    network.clock.sleep = sleep  # type: ignore[method-assign]  # the loop itself is what is tried
    with pytest.raises(Enough):
        await gateway.windows.run()
    assert [3600.0, 300.0] == slept


# Somebody else's file among our own cards.


def _put(network: Network, raw: bytes) -> None:
    """Put ``raw`` into XAA's directory of cards as the newest one of XAA."""
    (network.homes["XAA"] / "cards" / "XAA" / "7.jws").write_bytes(raw)


def _strange(network: Network) -> bytes:
    """Return a card of XAA by nobody known, in which the sealing keys of XAA are revoked."""
    own, stranger, log = network.gateways["XAA"].context.own, SigningKey.generate(), SigningKey.generate()
    assert own is not None
    claims = card.claims_of(own) | {"serial": 7, "prev": own.digest, "identity": b64.encode(stranger.public)}
    claims["sealing"] = [one | {"revoked_at": one["from"]} for one in claims["sealing"]]
    claims["log"] = [{"kid": log.kid, "key": b64.encode(log.public)}]
    return card.sign_card(claims, stranger)


async def test_a_revoked_key_goes_though_the_clock_is_not_believed(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it was stolen is true whatever the day; a window ends by the day alone, and waits."""
    gateway, revoked = network.gateways["XAA"], _strange(network)

    async def ours() -> Sequence[bytes]:
        return [revoked]

    monkeypatch.setattr(gateway.windows, "_cards", ours)
    gateway.context.believes = lambda now: False
    assert 13 == len(await gateway.windows.run_once(network.clock.now()))
    assert ([], {"revoked"}) == (names(network, "XAA"), {row.reason for row in await ends(network, "XAA")})


async def test_what_is_no_card_leaves_our_own(network: Network) -> None:
    """A file that is no card ends no gateway, neither one that runs nor one that starts; the card held stays."""
    own = network.gateways["XAA"].context.own
    _put(network, b"<<<<<<< a merge that failed")
    await network.gateways["XAA"].refresh_trust()
    await network.gateways["XAA"].close()
    await open_gateway(network, "XAA")
    assert own == network.gateways["XAA"].context.own
    assert "card.not_ours" in [event for event, _ in network.logs]


async def test_older_cards_put_back_leave_our_own(network: Network) -> None:
    """Who puts a backup of the cards in the place of ours as we run takes from us no key that partners seal to."""
    gateway = network.gateways["XAA"]
    next_card_of(network, "XAA")
    await gateway.refresh_trust()
    own = gateway.context.own
    (network.homes["XAA"] / "cards" / "XAA" / "2.jws").unlink()
    await gateway.refresh_trust()
    assert own == gateway.context.own
    (line,) = lines(network, "card.not_ours")
    assert "older than the one in use" in str(line["hint"])


async def test_card_of_a_stranger_is_not_our_own(network: Network) -> None:
    """A card of ours by a stranger is taken neither while we run nor at a start, and no key is destroyed by it."""
    gateway = network.gateways["XAA"]
    own, held = gateway.context.own, set(gateway.context.keyring.sealing)
    _put(network, _strange(network))
    await gateway.refresh_trust()
    await gateway.windows.run_once(network.clock.now())
    assert (own, held) == (gateway.context.own, set(gateway.context.keyring.sealing))
    await gateway.close()
    again = await open_gateway(network, "XAA")
    assert own == again.context.own
