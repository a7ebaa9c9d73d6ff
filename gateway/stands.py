"""
How far the database of a home had come when a gateway last looked, which lies outside what is backed up.

Rule 1: the word lags behind what was committed and never leads: a database that has not come as far went back.
Rule 2: what went back is served by nobody until an epoch is begun, which is above every one that was written down.
"""

from datetime import datetime
from pathlib import Path

from gateway.services.context import Context
from gateway.services.ports import GONE_BACK, Tx, Unavailable
from gateway.storage.query import Query
from keys.durable_file import write_durably

STANDS_FILE = "stands.txt"
"""Epoch and number of the last step of a case, in the home."""

LOOK_S = 60.0
"""How often it is written down; what was restored from a backup that is younger than this is not seen to be one."""

_STANDS = "SELECT (SELECT value FROM meta WHERE name = 'epoch'), (SELECT max(n) FROM case_event)"


async def keep(context: Context, path: Path, _: datetime) -> None:
    """Write down at ``path`` how far the database has come. Raises ``Unavailable``."""
    stands = await context.store.read(_stands)
    if stands == _noted(path):
        return
    try:
        write_durably(path, "{} {}\n".format(*stands).encode(), mode=0o600)
    except OSError as error:
        raise Unavailable(f"{path.name}: {error.strerror}", "free space; it goes on by itself") from error


async def check(context: Context, path: Path) -> None:
    """Raise ``GoneBack`` if the database has not come as far as was written down at ``path``; ``Unavailable``."""
    noted = _noted(path)

    async def unit(tx: Tx) -> None:
        epoch, _ = stands = await _stands(tx)
        if noted is not None and stands < noted:
            await tx.set_meta(GONE_BACK, str(max(epoch, int(await tx.find_meta(GONE_BACK) or 0))))

    if noted is not None and await context.store.read(_stands) < noted:
        await context.commit(unit)
    await context.look()


def is_behind(query: Query, path: Path) -> bool:
    """Return whether the database that ``query`` reads has not come as far as was written down at ``path``."""
    ((epoch, last),) = query(_STANDS)
    noted = _noted(path)
    return noted is not None and (int(epoch or 1), int(last or 0)) < noted


async def _stands(tx: Tx) -> tuple[int, int]:
    return await tx.epoch(), await tx.last_event()


def _noted(path: Path) -> tuple[int, int] | None:
    """Return what was written down; ``None`` where nothing was, or a disk made something else of it."""
    try:
        epoch, last = path.read_text(encoding="ascii", errors="replace").split()
        return int(epoch), int(last)
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise Unavailable(f"{path.name}: {error.strerror}", "see that it can be read") from error
