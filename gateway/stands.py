"""
How far the database of a home had come when a gateway last ran there: kept beside it, and not put back with it.

Rule 1: the word is of what was committed and could be read, so it lags and never leads: a database of the same epoch
that has not come as far was put back.
Rule 2: the word is read before the database is. Between two looks a database only goes on.
Rule 3: a word that cannot be read, is damaged or is another gateway's says nothing: none keeps a gateway from its own.
Rule 4: our newest card is a word too, of the epoch alone: the database was in it as the card was issued.
Rule 5: no word is left in, and none is of, a database that is kept under another key-encryption key: where a home names
that of another gateway by mistake, neither is put back.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gateway.services import person_stop
from gateway.services.context import Context
from gateway.services.ports import GONE_BACK, Tx, Unavailable
from gateway.storage.query import Query
from gateway.storage.tx import EPOCH, EXTENT
from keys import b64
from keys.card import Card
from keys.durable_file import write_durably

STANDS_FILE = "stands.txt"
"""One line in the home: epoch, how far the database had come in it, and a sum over both and whose it is."""

LOOK_S = 60.0
"""How often it is written down; a backup that is younger than this is not seen to be one."""


class Stand(NamedTuple):
    """How far a database had come: its epoch, and what only rises (``Tx.extent``)."""

    epoch: int
    extent: int


async def heed(context: Context, path: Path) -> None:
    """
    Leave word in the store if it has not come as far as ``path`` says, for whoever looks (``Context.look``).

    Where ``path``, or our card, tells of a later epoch only this process goes by that, and the store is told nothing:
    the home may be the one that is wrong, as after a restore was tried on this machine, and other nodes may run. Raises
    ``Unavailable``.
    """
    known = noted(path, [_whose(context)])
    context.past = max(known.epoch if known else 1, context.own.epoch if context.own else 1) - 1
    if known is None:
        return

    async def went_back(tx: Tx) -> bool:
        stand = await _stand(context, tx)
        return stand is not None and stand.epoch == known.epoch and stand.extent < known.extent

    async def unit(tx: Tx) -> None:
        if await went_back(tx):  # once more: what was read may have been a standby, which lags
            await tx.set_meta(GONE_BACK, str(max(known.epoch, int(await tx.find_meta(GONE_BACK) or 0))))

    if await context.store.read(went_back):
        await context.commit(unit)


async def is_as_known(context: Context, path: Path) -> bool:
    """
    Return whether the store has come as far as ``path`` says; where that says nothing, nobody knows.

    Nor where the store is in a later epoch: that begins as a database was put back. One that was seen to have gone back
    in its epoch may have come as far since: a start writes to it, and may be cut off.
    """
    known = noted(path, [_whose(context)])
    stand = await context.store.read(partial(_stand, context))
    gone_back = int(await context.store.read(lambda tx: tx.find_meta(GONE_BACK)) or 0)
    if known is None or stand is None or stand.epoch <= gone_back:
        return False
    return stand.epoch == known.epoch and stand >= known


async def keep(context: Context, path: Path, _: datetime) -> None:
    """
    Write down at ``path`` how far the store has come.

    Raises ``GoneBack`` if that is less than stands there, which is left as it is; ``Unavailable``.
    """
    known = noted(path, [_whose(context)])
    stand = await context.store.read(partial(_stand, context))
    if stand is None or stand == known:
        return
    if known is not None and stand < known:
        await heed(context, path)
        await context.look()
    else:
        line = f"{stand.epoch} {stand.extent} {_sum(stand, _whose(context))}\n"
        try:
            await asyncio.to_thread(write_durably, path, line.encode(), mode=0o600)
        except OSError as error:
            raise Unavailable(f"{path.name}: {error.strerror}", "free space; it goes on by itself") from error


def noted(path: Path, whose: Iterable[str]) -> Stand | None:
    """Return what stands at ``path`` if one of ``whose`` wrote it, as ``of_card`` names them; else ``None``."""
    try:
        epoch, extent, found = path.read_text(encoding="ascii").split()
        stand = Stand(int(epoch), int(extent))
    except (OSError, ValueError):
        return None
    return stand if found in {_sum(stand, one) for one in whose} else None


def is_behind(query: Query, known: Stand | None) -> bool:
    """Return whether the database that ``query`` reads has not come as far as was ``known`` before it was looked at."""
    ((epoch, extent),) = query(f"SELECT ({EPOCH}), ({EXTENT})")
    return known is not None and Stand(int(epoch or 1), int(extent)) < known


def of_card(card: Card) -> list[str]:
    """Return how the gateway of ``card`` is named in a word: by its log key, which outlives every other one."""
    return [f"{card.country} {key.kid}" for key in card.log]


def _whose(context: Context) -> str:
    return f"{context.country} {context.keyring.log.kid}"


def _sum(stand: Stand, whose: str) -> str:
    return b64.encode(hashlib.sha256(f"{whose} {stand.epoch} {stand.extent}".encode()).digest())


async def _stand(context: Context, tx: Tx) -> Stand | None:
    """Return how far the store has come; ``None`` if it is another gateway's."""
    is_ours = await person_stop.is_under_our_key(context, tx)
    return Stand(await tx.epoch(), await tx.extent()) if is_ours else None
