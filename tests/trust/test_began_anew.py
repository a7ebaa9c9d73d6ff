"""A State that lost everything, its epoch with it: the logs that it begins under old names are no forks (M-8.5)."""

import shutil

import pytest

from gateway import home
from gateway.services import witness
from gateway.services.trust import OldLogs
from gateway.transport.card_directory import write_card
from keys import b64, card
from keys.sign import SigningKey
from tests.support import story
from tests.support.holds import lift
from tests.support.network import Network
from tests.support.restoring import card_of, next_card_of
from tests.support.trust_list import first_card
from tests.trust.witnesses import Liar, alarms, conflicts, hour


async def begun_anew(network: Network, epoch: int = 1) -> None:
    """Let XAA, whose epoch was a higher one, publish a first card under another identity; all confirm that one."""
    next_card_of(network, "XAA", epoch=epoch + 1)
    for country in ("XBB", "XCC"):
        await network.gateways[country].refresh_trust()
    held, other = card_of(network, "XAA"), SigningKey.generate()
    claims = card.claims_of(held) | {"serial": 1, "prev": None, "epoch": epoch, "identity": b64.encode(other.public)}
    made = card.sign_card(claims, other)
    for country in ("XBB", "XCC"):
        (network.homes[country] / "cards" / "XAA" / "9.jws").write_bytes(made)
        trust = network.gateways[country].context.trust
        await network.gateways[country].refresh_trust()
        await lift(trust, "XAA", other.public, network.clock.now())


@pytest.mark.parametrize("witness_of_it", ["XBB", "XCC"], ids=["the partner", "a third State"])
async def test_its_log_is_cosigned_from_its_first_entry_on(trio: Network, witness_of_it: str) -> None:
    """It was lost with what others cosigned of it, and shows another tree of a size that they know."""
    await story.replied(trio)
    await hour(trio)
    await begun_anew(trio)
    liar = await Liar.of(trio)
    assert 200 == (await liar.show(witness_of_it, 0, [bytes(32)] * len(liar.leaves))).status
    assert [] == await conflicts(trio, witness_of_it)


async def test_what_it_answered_before_is_compared_with_nothing(trio: Network) -> None:
    """No checkpoint of the log that it is in is ever kept again, and the one of that name proves nothing of it."""
    await story.replied(trio)
    await begun_anew(trio)
    await _shown_another(trio)
    assert ([], []) == (await conflicts(trio, "XBB"), alarms(trio))


async def test_what_it_answered_in_an_epoch_that_it_has_not_lost_is_compared(trio: Network) -> None:
    """It loses the logs of its later epochs: what it showed of an earlier one binds it as before."""
    await story.replied(trio)
    await begun_anew(trio, epoch=2)
    await _shown_another(trio)
    assert ["unproved"] == [row.kind for row in await conflicts(trio, "XBB")]


async def _shown_another(network: Network) -> None:
    """Show XBB another log XAA/XBB/1 than answers showed, a longer one, and let it look for hours."""
    liar, watching = await Liar.of(network), network.gateways["XBB"].witness
    assert 200 == (await liar.show("XBB", 0, [bytes(32)] * (len(liar.leaves) + 3))).status
    for _ in range(witness.LOOKS + 1):
        network.clock.pass_(hours=1)
        await watching.run_once(network.clock.now())


async def test_who_keeps_the_epoch_of_lost_logs_is_not_confirmed(trio: Network) -> None:
    """Each of its answers would look like a fork: it has to raise its epoch first, and is confirmed then."""
    await story.replied(trio)
    await hour(trio)
    other = SigningKey.generate()
    first = first_card("XAA", other, trio.clock.now())
    for country in ("XBB", "XCC"):
        folder, gateway = trio.homes[country] / "cards" / "XAA", trio.gateways[country]
        shutil.rmtree(folder)
        write_card(folder.parent, first)
        await gateway.refresh_trust()
        with pytest.raises(OldLogs, match="raises its epoch"):
            await lift(gateway.context.trust, "XAA", other.public, trio.clock.now())
        assert ["XAA"] == list(gateway.context.trust.holds())
        write_card(folder.parent, home.next_card(first, {"epoch": 2}, other, trio.clock.now()))
        await lift(gateway.context.trust, "XAA", other.public, trio.clock.now())
        assert {} == gateway.context.trust.holds()


async def test_who_changed_its_log_key_while_it_was_on_hold_has_lost_nothing(trio: Network) -> None:
    """A key of a log is changed from card to card: one of those under the new identity lists the one before."""
    await story.replied(trio)
    await hour(trio)
    held, other, log = card_of(trio, "XAA"), SigningKey.generate(), SigningKey.generate()
    claims = card.claims_of(held) | {"serial": held.serial + 1, "prev": held.digest}
    second = card.parse_card(card.sign_card(claims | {"identity": b64.encode(other.public)}, other))
    entry = {"kid": log.kid, "key": b64.encode(log.public)}
    for country in ("XBB", "XCC"):
        cards, gateway = trio.homes[country] / "cards", trio.gateways[country]
        write_card(cards, second)
        write_card(cards, home.next_card(second, {"log": [entry]}, other, trio.clock.now()))
        await gateway.refresh_trust()
        assert ["XAA"] == list(gateway.context.trust.holds())
        await lift(gateway.context.trust, "XAA", other.public, trio.clock.now())
        assert {} == gateway.context.trust.holds()


async def test_a_new_identity_alone_lays_no_history_aside(trio: Network) -> None:
    """Where the epoch is no lower, the log goes on, and two trees of one size convict."""
    await story.replied(trio)
    await hour(trio)
    held, other = card_of(trio, "XAA"), SigningKey.generate()
    claims = card.claims_of(held) | {"serial": 2, "prev": held.digest, "identity": b64.encode(other.public)}
    (trio.homes["XCC"] / "cards" / "XAA" / "2.jws").write_bytes(card.sign_card(claims, other))
    await trio.gateways["XCC"].refresh_trust()
    await lift(trio.gateways["XCC"].context.trust, "XAA", other.public, trio.clock.now())
    liar = await Liar.of(trio)
    assert 409 == (await liar.show("XCC", 3, [*liar.leaves[:-1], bytes(32)])).status
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XCC")]
