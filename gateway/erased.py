"""
The list of erased cases, which lies outside what is backed up: a database that is put back brings none of them back.

Rule 1: a case stands in the list before anything of it is destroyed.
Rule 2: every start erases again what the list names.
Rule 3: where many machines share a database each has the whole list: the one that erased may be the one that is lost.
"""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from gateway.services.context import Context
from gateway.services.journal import fill_journal
from gateway.services.ports import Tx, Unavailable
from gateway.services.retain import erase_and_confirm
from keys.durable_file import confirm, write_durably

ERASED_FILE = "erased.txt"
"""References of erased cases, one a line, in the home."""

PART = 500
"""References looked for, and erased, at once."""

LOOK_S = 3600.0
"""How often a node looks what others have erased; what it finds concerns whoever puts back a backup, days later."""


def note(path: Path, ref: str) -> None:
    """
    Add ``ref`` to the list of erased cases, durably, before anything of it is destroyed.

    Raises ``Unavailable`` if that cannot be done, and then nothing may be destroyed.
    """
    _add(path, (ref,))


async def take_over(context: Context, path: Path) -> None:
    """Add to the list at ``path`` what was erased elsewhere. Raises ``Unavailable``."""
    found = await context.store.read(lambda tx: tx.erased_refs())
    if missing := set(found).difference(_listed(path)):
        _add(path, sorted(missing))


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="ascii", errors="replace").split() if path.exists() else []
    except OSError as error:
        raise Unavailable(f"the list of erased cases, {path}: {error.strerror}", "check its owner and mode") from error
    # What a disk made of a line, as a power cut makes zeros, is the reference of no case, and hides none of the others.
    return [line for line in lines if line.isascii() and line.isprintable()]


def _add(path: Path, refs: Collection[str]) -> None:
    # A line of its own, whatever part of one a full disk or a power cut has left before it.
    line = "".join(f"\n{ref}\n" for ref in refs).encode()
    try:
        if not path.exists():
            with suppress(FileExistsError):  # another process was quicker
                write_durably(path, b"", mode=0o600, new=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            written = os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        confirm(path)  # or a power cut might take the first lines with their file, whoever made that a moment ago
    except OSError as error:
        hint = "free space, or check its owner and mode; it goes on by itself"
        raise Unavailable(f"the list of erased cases, {path}: {error.strerror}", hint) from error
    if written != len(line):
        raise Unavailable(f"the list of erased cases, {path}: no space for a line", "free space; it goes on by itself")


async def apply(context: Context, path: Path, *, put_back: bool = True) -> None:
    """
    Erase again what the list at ``path`` names and a restored database brought back. Raises ``Unavailable``.

    One that was not ``put_back`` has such a case where the process that erased it ended before that was committed: it
    stands there as it stood then.

    Looked for apart from what is written: mostly nothing came back, and a transaction over a list of years would keep
    a stop over a person, which every node has to be out of the way for, waiting for as long. And many at once: every
    command looks, a stop among them.
    """
    refs = list(dict.fromkeys(_listed(path)))

    async def came_back(tx: Tx, part: Sequence[str]) -> Sequence[str]:
        return await tx.not_erased(part)

    async def unit(tx: Tx, part: Sequence[str]) -> bool:
        back = await came_back(tx, part)
        for ref in back:
            await erase_and_confirm(context, tx, ref, context.clock.now(), anew=put_back)
        if back:
            await fill_journal(tx)  # whatever keeps it from being cut below, the timers do it
        return bool(back)

    any_erased = False
    for first in range(0, len(refs), PART):
        found = await context.store.read(partial(came_back, part=refs[first : first + PART]))
        if found:
            any_erased = (await context.commit(partial(unit, part=found))).value or any_erased
    if any_erased:
        await context.store.truncate()
