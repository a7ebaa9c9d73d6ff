"""
What others showed of their logs, by which a later word of theirs is judged: in answers, and to be cosigned.

Rule 1: what was shown binds whoever showed it, in whatever order it came (``docs/protocol.md`` 7.3).
Rule 2: a State that officers confirmed in a lower epoch has lost its logs of that epoch and of those above it. What it
keeps under their names now is another log, and no fork of what it showed before (M-8.5).
"""

from collections.abc import Callable

from gateway.core import checkpoint
from gateway.core.merkle import BadProof
from gateway.services.ports import Tx
from gateway.services.rows import WitnessedRow

Log = Callable[..., None]

_LARGEST = "answered:"
_LAST = "shown-of:"
_LOST = "lost:"
"""Name, before the origin of a log of ours, of what its partner lost: answers before which entry, since which epoch."""

ALL = 1 << 53
"""More entries than a log has."""

SHOWN_MAX = 64
"""Checkpoints in answers that are remembered of one log beside the largest, each until one in its place is shown."""


def largest_name(origin: str) -> str:
    """Return under which name the signed note of the largest checkpoint is stored that answers showed of a log."""
    return _LARGEST + origin


def last_name(origin: str, size: int) -> str:
    """Return under which name the note is stored that answers showed last of a log of ``size`` entries, or so many."""
    return f"{_LAST}{origin}:{size % SHOWN_MAX}"


def compared_name(origin: str) -> str:
    """Return under which name it is stored how far the answers in our log ``origin`` were compared."""
    return f"compared:{origin}"


def uncompared_name(origin: str) -> str:
    """Return under which name the answers in our log ``origin`` are stored that are compared later, by index."""
    return f"uncompared:{origin}"


async def find_note(log: Log, tx: Tx, name: str) -> str | None:
    """
    Return the signed checkpoint stored under a ``name`` of ``largest_name`` or ``last_name``.

    One that cannot be read any more is told, and is none: what its State answers is taken, and another takes its place.
    """
    note = await tx.find_meta(name)
    try:
        if note is not None:
            checkpoint.parse_checkpoint(checkpoint.parse_note(note).text)
    except BadProof as error:
        log("checkpoint.fault", partner=name.split(":")[1][:3], error=type(error).__name__)
        return None
    return note


async def in_answers(log: Log, tx: Tx, note: str) -> list[str]:
    """Return the notes that answers showed of the log in ``note`` and that may contradict it."""
    head = checkpoint.parse_checkpoint(checkpoint.parse_note(note).text)
    names = (largest_name(head.origin), last_name(head.origin, head.size))
    return [text for name in names if (text := await find_note(log, tx, name))]


async def is_known(tx: Tx, country: str, epoch: int) -> bool:
    """Return whether ``country`` showed anything of a log of ``epoch``."""
    names = [name for name, _ in await tx.metas(f"{_LARGEST}{country}/")]
    return epoch in map(_epoch, [*names, *(f":{row.origin}" for row in await tx.witnessed() if _is_of(row, country))])


async def forget(tx: Tx, country: str, epoch: int) -> None:
    """Forget what ``country`` showed of its logs of ``epoch`` and above: it has lost them (rule 2)."""
    for prefix in (f"{_LARGEST}{country}/", f"{_LAST}{country}/"):
        for name, _ in await tx.metas(prefix):
            if _epoch(name) >= epoch:
                await tx.drop_meta(name)
    for row in await tx.witnessed():
        if _is_of(row, country) and _epoch(f":{row.origin}") >= epoch:
            await tx.drop_witnessed(row.origin)
    # The answers that it gave stand in our logs, some of them of a log that no checkpoint is kept of any more.
    head = await tx.log_head(country)
    for origin in await tx.log_origins():
        if origin.split("/")[1] == country:
            size = head.frontier.size if head is not None and head.origin == origin else ALL
            name = _LOST + origin
            await tx.set_meta(name, f"{await tx.find_meta(name) or ''} {size}:{epoch}".strip())


async def lost(tx: Tx, origin: str) -> Callable[[int, str], bool]:
    """
    Return what tells whether an answer is of a log that its keeper has lost (rule 2).

    It takes the index of the answer's entry in our log ``origin``, and the signed note that the answer shows.
    """
    pairs = [tuple(map(int, pair.split(":"))) for pair in (await tx.find_meta(_LOST + origin) or "").split()]

    def is_lost(index: int, note: str) -> bool:
        theirs = int(note.partition("\n")[0].rpartition("/")[2])
        return any(index < size and theirs >= epoch for size, epoch in pairs)

    return is_lost


def _is_of(row: WitnessedRow, country: str) -> bool:
    return row.origin.startswith(f"{country}/")


def _epoch(name: str) -> int:
    """Return the epoch of the log that a stored ``name`` is about."""
    return int(name.split(":")[1].rpartition("/")[2])
