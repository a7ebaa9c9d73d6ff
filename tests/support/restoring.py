"""A backup of a gateway's data, and its database put back as the manual says, for tests of what a restore loses."""

import shutil
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path

from gateway import home
from gateway.services.rows import OutboundRow
from gateway.transport.card_directory import write_card
from keys.card import Card
from keys.custody import open_store
from keys.sign import SigningKey
from tests.support import homeward, story
from tests.support.network import Network, open_gateway, wrong_clock

LOST_NUMBER = "the other State holds our message number 1, which was lost before the restore"


def back_up(network: Network, country: str, to: Path) -> Path:
    """Copy a gateway's data as a backup taken between two transactions."""
    shutil.copytree(network.homes[country] / "data", to)
    return to


async def put_back(network: Network, country: str, backup: Path, minutes: int = 0) -> None:
    """Put the database of ``backup`` back, raise the epoch by a clock that far ahead, and publish the card of it."""
    await network.gateways[country].close()
    data = network.homes[country] / "data"
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    gateway = await open_gateway(network, country)
    # The backup may be older than the last restore; the card is not, so no epoch is used twice.
    gateway.context.epoch = max(gateway.context.epoch, card_of(network, country).epoch)
    epoch = await gateway.resync.begin_epoch(network.clock.now() + timedelta(minutes=minutes))
    next_card_of(network, country, epoch=epoch)


async def restore(network: Network, country: str, backup: Path) -> None:
    """Put the database of ``backup`` back, raise the epoch, publish the card that says so, and let everybody see it."""
    await put_back(network, country, backup)
    for each in network.gateways.values():
        await each.refresh_trust()


def next_card_of(network: Network, country: str, **changes: object) -> None:
    """Issue and publish the next card of ``country`` to everyone, as its operator would from the offline key."""
    path = network.homes[country]
    identity = open_store(f"file:{path / home.IDENTITY_FILE}", passphrase=lambda: "correct horse", environ={})
    held = card_of(network, country)
    issued = home.next_card(held, changes, SigningKey(identity.get(home.IDENTITY)), network.clock.now())
    for other in network.homes.values():
        write_card(other / "cards", issued)


def card_of(network: Network, country: str) -> Card:
    """Return the card of ``country`` that the others hold."""
    return next(network.gateways[c] for c in network.gateways if c != country).context.trust.card(country)


async def findings_of(network: Network, country: str, ref: str) -> list[str]:
    """Return the findings on a case of ``country``."""
    return list((await story.case(network, country, ref)).findings)


async def outbox(network: Network, country: str, ref: str) -> list[OutboundRow]:
    """Return what ``country`` has said, or waits to say, in its case ``ref``."""
    return list(await network.gateways[country].store.read(lambda tx: tx.outbound_of_case(ref)))


async def after_the_listing(network: Network) -> None:
    """Deliver, wait until no other part of a listing is under way, and deliver what follows from that."""
    await network.deliver()
    network.clock.pass_(minutes=22)
    for _ in range(2):
        await network.deliver()


async def settle(network: Network, hours: int = 3) -> None:
    """Let some hours pass after a restore, and everything come that still comes by itself."""
    for _ in range(hours):
        network.clock.pass_(hours=1)
        await after_the_listing(network)


async def put_back_later(network: Network, country: str, backup: Path, days: int = 31) -> None:
    """Put a State back to ``backup`` so many days later, and let everything come that comes by itself."""
    network.clock.pass_(days=days)
    await network.refresh()
    for gateway in network.gateways.values():
        await gateway.retention.run_once(network.clock.now())
    await restore(network, country, backup)
    await settle(network, 1)


async def raise_epochs(network: Network, country: str, times: int = 3) -> None:
    """Have a State raise its epoch once more, an hour after the other each time."""
    for _ in range(times):
        next_card_of(network, country, epoch=card_of(network, country).epoch + 1)
        await network.refresh()
        await settle(network, 1)


async def both_put_back(network: Network, folder: Path, by: str, before: Path) -> None:
    """Raise the epoch of ``by``, which loses nothing by it, and put the other State back to ``before``."""
    await restore(network, by, back_up(network, by, folder / "own"))
    await settle(network, 1)
    await restore(network, "XBB" if by == "XAA" else "XAA", before)
    await settle(network, 2)


async def refused_for_its_times(network: Network, act: Awaitable[object]) -> None:
    """Have XBB do ``act`` while its clock is ten minutes ahead, so that XAA refuses what it says; then it is right."""
    with wrong_clock(network, "XBB", 10):
        await act
        await network.deliver(refresh=False)
    network.clock.pass_(minutes=30)


async def refused_a_forgotten_stop(network: Network, folder: Path) -> tuple[str, str]:
    """Have XAA forget that XBB stopped a return, and refuse word of it by a clock that is late; return both cases."""
    ours, theirs = await homeward.accepted(network)
    network.clock.pass_(hours=1)
    backup = back_up(network, "XAA", folder / "backup")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver()
    network.clock.pass_(minutes=2)
    await restore(network, "XAA", backup)
    with wrong_clock(network, "XAA", -20):
        await network.deliver(refresh=False)
    await settle(network)
    return ours, theirs
