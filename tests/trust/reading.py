"""A reader of ours before and after an attack, and what it made of it."""

from pathlib import Path

from gateway.services.ports import Unavailable
from gateway.transport.trust_list import TrustList
from tests.support.trust_list import World, make_world
from tests.trust.attacks import Attack


async def attacked(folder: Path, attack: Attack) -> tuple[World, TrustList]:
    """Return a list under ``attack`` and a reader that read it before."""
    world = make_world(folder / "list", "XBB", "XAA")
    attack.before(world)
    reader = world.reader(folder / "reader")
    await reader.refresh()
    attack.after(world)
    return world, reader


async def verdict(reader: TrustList) -> str:
    """Let ``reader`` read again and return what it makes of the list: ``refused``, ``part`` (of XBB) or ``taken``."""
    try:
        await reader.refresh()
    except Unavailable:
        return "refused"
    await reader.cards("XAA")  # what is wrong with XBB keeps nobody from XAA
    try:
        await reader.cards("XBB")
    except Unavailable:
        return "part"
    return "taken"


async def held(reader: TrustList, country: str) -> tuple[bytes, ...]:
    """Return the cards of ``country`` that lie where the gateway reads them, whatever the reader said."""
    return tuple(await reader.kept(country))
