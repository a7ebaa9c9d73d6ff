"""How far a store had come is known beside it, so that an older one is gone on with by nobody before a new epoch."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import stands
from gateway.app import Gateway
from gateway.services.ports import GONE_BACK, GoneBack, Unavailable
from keys.rest import Vault
from tests.support import story
from tests.support.network import Network, open_gateway
from tests.support.restoring import back_up, next_card_of


def mark(network: Network) -> Path:
    """Return where XAA's home says how far its store had come."""
    return network.homes["XAA"] / stands.STANDS_FILE


async def keep(network: Network) -> None:
    """Have XAA write down how far its store has come, as a gateway that serves does."""
    await stands.keep(network.gateways["XAA"].context, mark(network), network.clock.now())


async def anew(network: Network) -> Gateway:
    """Stop XAA and start it."""
    await network.gateways["XAA"].close()
    return await open_gateway(network, "XAA")


async def put_there(network: Network, backup: Path) -> Gateway:
    """Stop XAA, put a copy of its database in its place, do nothing else, and start it."""
    await network.gateways["XAA"].close()
    data = network.homes["XAA"] / "data"
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    return await open_gateway(network, "XAA")


async def word_of(gateway: Gateway) -> str | None:
    """Return what stands in the store for whatever is started next."""
    return await gateway.store.read(lambda tx: tx.find_meta(GONE_BACK))


async def test_a_store_that_is_put_back_is_gone_on_with_by_nobody(network: Network, tmp_path: Path) -> None:
    """Nor where the file is lost then. A new epoch ends it, and what stands beside the store is of that."""
    await story.sent(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await story.sent(network)
    await keep(network)
    before = mark(network).read_text()
    gateway = await put_there(network, backup)
    for _ in range(2):
        with pytest.raises(GoneBack, match="an older state"):
            await gateway.context.look()
        with pytest.raises(GoneBack):
            await keep(network)
    assert before == mark(network).read_text()
    mark(network).unlink()
    gateway = await put_there(network, back_up(network, "XAA", tmp_path / "again"))
    with pytest.raises(GoneBack):
        await gateway.context.look()
    await gateway.resync.begin_epoch(network.clock.now())
    await keep(network)
    assert mark(network).read_text().startswith("2 ")
    await (await anew(network)).context.look()


async def test_a_store_is_its_own_however_it_ended(network: Network, tmp_path: Path) -> None:
    """What has come as far as was written down, or further, is served: nothing was, or that was long ago."""
    for _ in range(2):
        await put_there(network, back_up(network, "XAA", tmp_path / str(_)))
        await network.gateways["XAA"].context.look()
        await story.sent(network)
        await keep(network)
        await story.sent(network)
        gateway = await put_there(network, back_up(network, "XAA", tmp_path / f"{_} again"))
        await gateway.context.look()
        assert await word_of(gateway) is None
        await gateway.resync.begin_epoch(network.clock.now())  # and so after an epoch that was begun since


async def test_a_store_that_is_put_back_under_a_process_is_known_by_the_next_look(network: Network) -> None:
    """Though it wrote nothing since: what it wrote down before is not written over."""
    await story.sent(network)
    await keep(network)
    gateway = network.gateways["XAA"]
    stand = mark(network).read_text()
    await gateway.store.commit(lambda tx: tx._write("DELETE FROM case_event", ()))  # type: ignore[attr-defined]
    with pytest.raises(GoneBack):
        await keep(network)
    assert (stand, "1") == (mark(network).read_text(), await word_of(gateway))


async def test_no_word_is_left_in_the_store_of_another_gateway(network: Network, tmp_path: Path) -> None:
    """One command at a home that names it by mistake, as one of a trial of that State, would stop all its nodes."""
    await story.sent(network)
    await keep(network)
    context = network.gateways["XAA"].context
    await context.commit(lambda tx: tx._write("DELETE FROM case_event", ()))  # type: ignore[attr-defined]
    trial = replace(context, vault=Vault(bytes(32)))
    await stands.heed(trial, mark(network))
    assert await word_of(network.gateways["XAA"]) is None
    await stands.keep(trial, tmp_path / "trial", network.clock.now())  # nor did its own come as far
    assert not (tmp_path / "trial").exists()
    await stands.heed(context, mark(network))
    assert "1" == await word_of(network.gateways["XAA"])


async def test_a_later_epoch_in_one_home_stops_no_other_node(network: Network) -> None:
    """A restore may have been tried there: it does not go on itself, and the store is told nothing."""
    gateway = network.gateways["XAA"]
    await gateway.resync.begin_epoch(network.clock.now())
    await keep(network)
    await gateway.store.commit(lambda tx: tx.drop_meta("epoch"))
    gateway = await anew(network)
    with pytest.raises(GoneBack):
        await gateway.context.look()
    assert await word_of(gateway) is None
    mark(network).unlink()
    await (await anew(network)).context.look()


async def test_a_card_of_a_later_epoch_is_gone_back_from_by_nobody(network: Network, tmp_path: Path) -> None:
    """On a new machine the file may be missing; the card tells of the epoch, and a stop is taken as ever."""
    ref = await story.sent(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].resync.begin_epoch(network.clock.now())
    next_card_of(network, "XAA", epoch=2)
    gateway = await put_there(network, backup)
    with pytest.raises(GoneBack):
        await gateway.context.look()
    await gateway.hold.freeze(ref, "danger", "first", "case_officer")
    assert await word_of(gateway) is None


async def test_what_cannot_be_believed_says_nothing(network: Network) -> None:
    """A word that was cut short or changed on the disk, or came with the home of another gateway, stops nobody."""
    await story.sent(network)
    await stands.keep(network.gateways["XBB"].context, mark(network), network.clock.now())
    theirs = mark(network).read_text()
    mark(network).unlink()
    await keep(network)
    epoch, extent, proof = mark(network).read_text().split()
    further = int(extent) + 1
    for text in (theirs, f"{epoch} {further} {proof}", f"{further} {further}", "", "\0" * 60, "é 1 1", f"{epoch} -1 x"):
        mark(network).write_text(text)
        await (await anew(network)).context.look()
        await keep(network)
        assert f"{epoch} {extent} {proof}\n" == mark(network).read_text()


async def test_a_word_that_cannot_be_written_stops_nothing(network: Network) -> None:
    """A full or read-only disk: it is said, as what else the gateway cannot write, and tried again."""
    mark(network).mkdir()
    with pytest.raises(Unavailable, match=f"^{stands.STANDS_FILE}: ") as raised:
        await keep(network)
    assert not isinstance(raised.value, GoneBack)
    await (await anew(network)).context.look()
