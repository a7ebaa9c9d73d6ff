"""Logs, the checkpoints kept of them and what contradicted one, as rows."""

from collections.abc import Iterable, Sequence

from gateway.core.merkle import HASH_BYTES, Frontier
from gateway.services.ports import Conflict, Unavailable
from gateway.services.rows import ConflictRow, KeptRow, LogEntry, LogHead, WitnessedRow
from gateway.storage.errors import DAMAGED
from gateway.storage.sql import Row, Sql, instant, seconds

_ALL = 2**62
"""A limit that is none."""

_HEAD = "SELECT origin, size, hashes, checkpoint FROM log_head WHERE partner = ? AND current = 1"
_MOVE_HEAD = "UPDATE log_head SET size = ?, hashes = ?, checkpoint = ? WHERE origin = ? AND current = 1"
_PUT_DOWN = "UPDATE log_head SET current = 0 WHERE partner = ? AND current = 1 AND origin <> ?"
_SAVE_HEAD = """
INSERT INTO log_head (origin, partner, current, size, hashes, checkpoint) VALUES (?, ?, 1, ?, ?, ?)
ON CONFLICT (origin) DO UPDATE SET current = 1, size = excluded.size, hashes = excluded.hashes,
    checkpoint = excluded.checkpoint
"""
_ENTRY = "SELECT e.origin, e.idx, e.receipt, e.r, e.leaf, e.direction, e.digest, e.at FROM log_entry AS e "
_ENTRIES = _ENTRY + "WHERE e.origin = ? AND e.idx >= ? ORDER BY e.idx LIMIT ?"
_ENTRY_BY_DIGEST = (
    _ENTRY + "JOIN log_head AS h ON h.origin = e.origin "
    "WHERE h.partner = ? AND e.direction = ? AND e.digest = ? ORDER BY h.current DESC, e.n DESC LIMIT 1"
)
_INSERT_ENTRY = """
INSERT INTO log_entry (origin, idx, receipt, r, leaf, direction, digest, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

_LEAVES = "SELECT leaf FROM log_entry WHERE origin = ? AND idx >= ? ORDER BY idx LIMIT ?"
_NODES = "SELECT hash FROM log_node WHERE origin = ? AND level = ? AND idx >= ? ORDER BY idx LIMIT ?"
_SAVE_KEPT = """
INSERT INTO checkpoint_kept (origin, size, root, at, note, token) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (origin, size) DO UPDATE SET note = excluded.note, token = excluded.token
WHERE checkpoint_kept.root = excluded.root
"""
_KEPT = """
SELECT origin, size, root, at, note, token FROM checkpoint_kept WHERE origin = ? AND size >= ?
"""
_WITNESSED = "SELECT origin, size, at, note FROM checkpoint_witnessed "
_SAVE_WITNESSED = """
INSERT INTO checkpoint_witnessed (origin, size, at, note) VALUES (?, ?, ?, ?)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, at = excluded.at, note = excluded.note
"""
_CONFLICTS = "SELECT n, origin, kind, at, source, held, shown, told FROM log_conflict ORDER BY n"
# No index holds two notes: those of PostgreSQL take rows of 2,700 bytes, and one signature of ML-DSA-44 is longer.
_INSERT_CONFLICT = """
INSERT INTO log_conflict (origin, kind, at, source, held, shown, told) SELECT ?, ?, ?, ?, ?, ?, ?
WHERE NOT EXISTS (SELECT 1 FROM log_conflict WHERE origin = ? AND held = ? AND shown = ?)
"""


class LogRows(Sql):
    """Logs, the checkpoints kept of them and what contradicted one."""

    __slots__ = ()

    # Logs

    async def log_head(self, partner: str) -> LogHead | None:
        """Find the end of the log about a partner that is appended to."""
        return await self.head(partner)

    async def log_entries(self, origin: str, start: int = 0, limit: int | None = None) -> Sequence[LogEntry]:
        """Return entries of a log from position ``start``, at most ``limit``."""
        rows = await self._all(_ENTRIES, (origin, start, _ALL if limit is None else limit))
        return tuple(map(_entry, rows))

    async def log_origins(self) -> Sequence[str]:
        """Return the names of all logs, those of earlier epochs too."""
        return tuple(origin for (origin,) in await self._all("SELECT origin FROM log_head ORDER BY origin", ()))

    async def save_log_head(self, partner: str, head: LogHead) -> None:
        """Store the end of a log and append to that log from now on."""
        await self._write(_PUT_DOWN, (partner, head.origin))
        await self._write(_SAVE_HEAD, (head.origin, partner, *_end(head)))

    async def find_log_entry(self, partner: str, direction: str, digest: str) -> LogEntry | None:
        """Find the entry about a payload digest in any log about a partner, in the current one first."""
        row = await self._one(_ENTRY_BY_DIGEST, (partner, direction, digest))
        return None if row is None else _entry(row)

    async def log_leaves(self, origin: str, start: int, limit: int) -> Sequence[bytes]:
        """Return the leaf hashes of a log from position ``start``, at most ``limit``."""
        return tuple(leaf for (leaf,) in await self._all(_LEAVES, (origin, start, limit)))

    async def log_nodes(self, origin: str, level: int, start: int, limit: int) -> Sequence[bytes]:
        """Return stored hashes of complete subtrees of 256 ** ``level`` leaves, from the ``start``-th on."""
        return tuple(node for (node,) in await self._all(_NODES, (origin, level, start, limit)))

    async def add_log_nodes(self, origin: str, level: int, start: int, hashes: Sequence[bytes]) -> None:
        """Store hashes of complete subtrees of 256 ** ``level`` leaves, the ``start``-th and those after it."""
        statement = "INSERT INTO log_node (origin, level, idx, hash) VALUES (?, ?, ?, ?)"
        await self._many(statement, [(origin, level, start + offset, node) for offset, node in enumerate(hashes)])

    # Checkpoints that are kept, of our logs and of those we watch

    async def save_kept(self, row: KeptRow) -> None:
        """Keep a checkpoint, or store it anew; raises ``Conflict`` if another root is kept of its size."""
        self._alone()
        values = (row.origin, row.size, row.root, seconds(row.at), row.note, row.token)
        if await self._write(_SAVE_KEPT, values) != 1:
            raise Conflict("another root is kept of a log of this size")

    async def kept(
        self, origin: str, *, at_least: int = 0, limit: int | None = None, smallest: bool = False
    ) -> Sequence[KeptRow]:
        """Return kept checkpoints of ``at_least`` so many entries, the largest first, or the ``smallest``."""
        order = "ASC" if smallest else "DESC"
        rows = await self._all(
            f"{_KEPT} ORDER BY size {order} LIMIT ?", (origin, at_least, _ALL if limit is None else limit)
        )
        return tuple(map(_kept, rows))

    async def find_witnessed(self, origin: str) -> WitnessedRow | None:
        """Find the last checkpoint we cosigned of a log that another State keeps."""
        row = await self._one(_WITNESSED + "WHERE origin = ?", (origin,))
        return None if row is None else _witnessed(row)

    async def witnessed(self) -> Sequence[WitnessedRow]:
        """Return the last checkpoint we cosigned of each log that another State keeps."""
        return tuple(map(_witnessed, await self._all(_WITNESSED + "ORDER BY origin", ())))

    async def save_witnessed(self, row: WitnessedRow) -> None:
        """Store the last checkpoint we cosigned of a log in place of the one before."""
        self._alone()
        await self._write(_SAVE_WITNESSED, (row.origin, row.size, seconds(row.at), row.note))

    async def drop_witnessed(self, origin: str) -> None:
        """Forget what we cosigned of a log."""
        self._alone()
        await self._write("DELETE FROM checkpoint_witnessed WHERE origin = ?", (origin,))

    async def conflicts(self) -> Sequence[ConflictRow]:
        """Return what is kept as evidence against keepers of logs, in order."""
        return tuple(map(_conflict, await self._all(_CONFLICTS, ())))

    async def save_conflict(self, row: ConflictRow) -> bool:
        """Keep evidence (number 0) or store it anew; return False if the same two notes are kept already."""
        self._alone()
        told = " ".join(row.told)
        if row.number:
            return await self._write("UPDATE log_conflict SET told = ? WHERE n = ?", (told, row.number)) == 1
        values = (row.origin, row.kind, seconds(row.at), row.source, row.held, row.shown, told)
        return await self._write(_INSERT_CONFLICT, (*values, row.origin, row.held, row.shown)) == 1

    async def head(self, partner: str) -> LogHead | None:
        """Find the end of the log about a partner that is appended to. Raises ``Unavailable`` for one that is none."""
        row = await self._held(_HEAD, (partner,))
        if row is None:
            return None
        origin, size, hashes, checkpoint = row
        cut = range(0, len(hashes), HASH_BYTES)
        try:
            frontier = Frontier(size, tuple(hashes[at : at + HASH_BYTES] for at in cut))
        except ValueError as error:
            raise Unavailable(f"the end of our log about {partner} is damaged", DAMAGED[1]) from error
        return LogHead(origin, frontier, checkpoint)

    async def put_head(self, partner: str, head: LogHead) -> None:
        """Store the end of a log that goes on, and is held."""
        if await self._write(_MOVE_HEAD, (*_end(head), head.origin)) != 1:
            await self.save_log_head(partner, head)

    async def put_entries(self, entries: Iterable[LogEntry]) -> None:
        """Store log entries set-wise."""
        await self._many(_INSERT_ENTRY, entry_rows(entries))


def _end(head: LogHead) -> Row:
    return head.frontier.size, b"".join(head.frontier.hashes), head.checkpoint


def _entry(row: Row) -> LogEntry:
    values = list(row)
    values[7] = instant(row[7])
    return LogEntry(*values)


def entry_rows(entries: Iterable[LogEntry]) -> list[Row]:
    """Return the columns of each entry, in the order of the table."""
    return [(e.origin, e.index, e.receipt, e.r, e.leaf, e.direction, e.digest, seconds(e.at)) for e in entries]


def _kept(row: Row) -> KeptRow:
    return KeptRow(row[0], row[1], row[2], instant(row[3]), row[4], row[5])


def _conflict(row: Row) -> ConflictRow:
    return ConflictRow(row[0], row[1], row[2], instant(row[3]), row[4], row[5], row[6], tuple(row[7].split()))


def _witnessed(row: Row) -> WitnessedRow:
    return WitnessedRow(row[0], row[1], instant(row[2]), row[3])
