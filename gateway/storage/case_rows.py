"""Cases, their events and their threads, as rows. What was erased never comes back, whatever an older row says."""

import heapq
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter

from gateway.services.ports import Conflict
from gateway.services.rows import CaseRow, EventRow, OpeningRow, ThreadRow
from gateway.storage.errors import BrokenUnit
from gateway.storage.sql import LAST, Row, Sql, day_or_none, instant, instant_or_none, seconds, seconds_or_none

_CASE = """
SELECT c.ref, c.side, c.partner, c.thread, c.state, c.officer, c.step, c.instrument, c.calendar, c.due_on, c.due_at,
    c.reminders, c.extended, c.delay_notice, c.opened_at, c.changed_at, c.closed_at, c.words, c.version, c.wrapped,
    c.sealed
FROM case_file AS c
"""
_CASE_BY_REF = _CASE + "WHERE c.ref = ?"
_FOREVER = 253402300799

# A due date that no clock shows somebody wrote there: read as a nearer one, its case would come behind itself for ever.
_BY_STATE = f"""
FROM case_file AS c WHERE c.state = ? AND c.changed_at < ? AND (c.due, c.ref) > (?, ?)
    AND (c.due <= {LAST} OR c.due = {_FOREVER}) ORDER BY c.due, c.ref LIMIT ?
"""
_PLACE_BY_STATE = "SELECT c.due, c.ref " + _BY_STATE
_INSERT_CASE = """
INSERT INTO case_file (ref, step, instrument, calendar, due_on, reminders, extended, delay_notice, changed_at, version,
    wrapped, sealed, side, partner, thread, state, officer, due_at, opened_at, closed_at, words)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE_CASE = """
UPDATE case_file SET step = ?, instrument = ?, calendar = ?, due_on = ?, reminders = ?, extended = ?, delay_notice = ?,
    changed_at = ?, version = ?, wrapped = ?, sealed = ?"""
# Indexes stand over these. One is written anew for each column of it that a statement names, changed or not, so a save
# names those alone that changed.
_SORTED = ("side", "partner", "thread", "state", "officer", "due_at", "opened_at", "closed_at", "words")
_STORED_CASE = """
SELECT version, erased, wrapped, side, partner, thread, state, officer, due_at, opened_at, closed_at, words
FROM case_file WHERE ref = ?
"""
# The same of a row of ``_CASE`` whose case was not erased, from ``side`` on.
_SORTED_OF = itemgetter(1, 2, 3, 4, 5, 10, 14, 16, 17)
_INSERT_EVENT = """
INSERT INTO case_event (ref, at, event, actor, role, source, target, digest, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_EVENTS = """
SELECT ref, at, event, actor, role, source, target, digest, sealed FROM case_event WHERE ref = ? AND n > ? ORDER BY n
"""

_THREAD = """
SELECT partner, thread, ref, in_epoch, in_seq, in_digest, out_epoch, out_seq, seen, ended FROM thread WHERE partner = ?
"""
_THREAD_BY_KEY = _THREAD + "AND thread = ?"
_THREADS = _THREAD + "AND thread > ? ORDER BY thread LIMIT ?"
_SAVE_THREAD = """
INSERT INTO thread (partner, thread, ref, in_epoch, in_seq, in_digest, out_epoch, out_seq, seen, ended)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (partner, thread) DO UPDATE SET ref = excluded.ref, in_epoch = excluded.in_epoch, in_seq = excluded.in_seq,
    in_digest = excluded.in_digest, out_epoch = excluded.out_epoch, out_seq = excluded.out_seq, seen = excluded.seen,
    ended = excluded.ended
WHERE thread.ref IS NULL OR thread.ref IS excluded.ref
"""

_ERASE = (
    "UPDATE case_file SET wrapped = NULL, sealed = NULL, erased = 1, words = 0 WHERE ref = ?",
    # A body holds a name and a date of birth and nothing random: its digest could be found by trying.
    "UPDATE case_event SET sealed = NULL, digest = NULL WHERE ref = ?",
    # Free text, in which a name may stand; who looked, when and to whom it went stays.
    "UPDATE access SET justification = 'erased' WHERE ref = ?",
    "UPDATE inbound SET sealed = NULL WHERE ref = ?",
    "UPDATE outbound_body SET envelope = NULL, sealed = NULL WHERE n IN (SELECT n FROM outbound WHERE ref = ?)",
    # The values of the person go with the case, and what was decided of it.
    "DELETE FROM person_value WHERE ref = ?",
    "DELETE FROM person_apart WHERE ref = ?",
    "DELETE FROM person_apart WHERE other = ?",
    # That the case was opened stays for its time, so that the same request does not open it again.
    "UPDATE opening SET body = NULL WHERE ref = ?",
)


PART_BYTES = 8 << 20
"""Sealed bytes of cases that are read together: one with images has up to 4 MiB, and there may be any number."""


class CaseRows(Sql):
    """Cases, their events and their threads."""

    __slots__ = ()

    # Cases

    async def find_case(self, ref: str) -> CaseRow | None:
        """Find a case by our reference."""
        row = await self._held(_CASE_BY_REF, (ref,))
        if row is None:
            return None
        found = _case(row)
        if found.wrapped_key is not None:
            self._live[ref] = (found.version, 0, found.wrapped_key, *_SORTED_OF(row))
        return found

    async def save_case(self, row: CaseRow) -> None:
        """
        Store a new case (version 1) or the next version of a stored one.

        Raises ``Conflict`` if the version is not the next, if the reference is taken, or if the row carries a key or
        sealed bytes of a case that was erased meanwhile.
        """
        carries, sorted_by = _case_values(row)
        if row.version == 1:
            await self._write(_INSERT_CASE, (row.ref, *carries, *sorted_by))  # a reference that is taken is a conflict
            self._live[row.ref] = (1, 0, row.wrapped_key, *sorted_by)
            return
        stored = self._live.get(row.ref) or await self._held(_STORED_CASE, (row.ref,))
        if stored is None or row.version != stored[0] + 1:
            raise Conflict(f"case {row.ref} was changed meanwhile")
        _, erased, wrapped, *before = stored
        if erased and (row.wrapped_key is not None or row.sealed is not None):
            raise Conflict(f"case {row.ref} was erased meanwhile")
        if wrapped is not None and row.wrapped_key is None:
            raise BrokenUnit("only an erasure drops the key of a case")
        changed = {name: now for name, was, now in zip(_SORTED, before, sorted_by, strict=True) if now != was}
        sets = "".join(f", {name} = ?" for name in changed)
        await self._write(f"{_UPDATE_CASE}{sets} WHERE ref = ?", (*carries, *changed.values(), row.ref))
        if not erased:
            self._live[row.ref] = (row.version, 0, row.wrapped_key, *sorted_by)

    async def cases(
        self,
        states: Sequence[str],
        *,
        limit: int = 1000,
        unmoved_since: datetime | None = None,
        after: CaseRow | None = None,
    ) -> Sequence[CaseRow]:
        """
        Return cases in ``states``, soonest due first, those without a due date last; none only if there is none.

        At most ``limit``, and fewer once they have ``PART_BYTES``: whoever wants all asks until none comes. With
        ``unmoved_since`` those alone that last moved before it, and with ``after`` those behind the place of that row.
        """
        before = _FOREVER if unmoved_since is None else seconds(unmoved_since)
        place = (-1, "") if after is None else (_FOREVER if after.due_at is None else seconds(after.due_at), after.ref)
        values = [(state, before, *place, limit) for state in dict.fromkeys(states)]
        # The places first: whole rows of all states would be read to throw most of them away.
        places = [[tuple(row) for row in await self._all(_PLACE_BY_STATE, value)] for value in values]
        found, size = list[CaseRow](), 0
        for _, ref in islice(heapq.merge(*places), limit):
            row = await self._one(_CASE_BY_REF, (ref,))
            if row is not None:
                found.append(_case(row))
                size += len(found[-1].sealed or b"")
            if size >= PART_BYTES:
                break
        return tuple(found)

    async def find_asked(self, partner: str, thread: str, states: Sequence[str]) -> str | None:
        """Find the reference of the case of ``thread`` in which we ask ``partner``, if it is in one of ``states``."""
        statement = "SELECT ref, state FROM case_file WHERE thread = ? AND partner = ? AND side = 'requesting'"
        found = await self._all(statement, (thread, partner))
        return next((ref for ref, state in found if state in states), None)

    async def case_refs(self, after: str, limit: int) -> Sequence[str]:
        """Return references of cases that come behind ``after``, in their order, erased ones too."""
        rows = await self._all("SELECT ref FROM case_file WHERE ref > ? ORDER BY ref LIMIT ?", (after, limit))
        return tuple(ref for (ref,) in rows)

    async def erased_refs(self) -> Sequence[str]:
        """Return the references of all cases that were erased, in their order."""
        return tuple(ref for (ref,) in await self._all("SELECT ref FROM case_file WHERE erased = 1 ORDER BY ref", ()))

    async def not_erased(self, refs: Sequence[str]) -> Sequence[str]:
        """Return those of ``refs``, one at least, that are references of cases which are not erased, in no order."""
        marks = ", ".join("?" * len(refs))
        rows = await self._all(f"SELECT ref FROM case_file WHERE wrapped IS NOT NULL AND ref IN ({marks})", tuple(refs))  # noqa: S608  # marks alone
        return tuple(ref for (ref,) in rows)

    async def add_event(self, row: EventRow) -> None:
        """Add a step of a case; the case must be stored."""
        sealed, digest = (None, None) if await self._erased(row.ref) else (row.sealed, row.digest)
        at = seconds(row.at)
        values = (row.ref, at, row.event, row.actor, row.role, row.source, row.target, digest, sealed)
        await self._write(_INSERT_EVENT, values)

    async def events(self, ref: str, after: int = 0) -> Sequence[EventRow]:
        """Return the steps of a case in order, those alone with a number above ``after``."""
        return tuple(EventRow(row[0], instant(row[1]), *row[2:]) for row in await self._all(_EVENTS, (ref, after)))

    async def last_event(self) -> int:
        """Return the highest number of a step, 0 if there is none."""
        row = await self._one("SELECT max(n) FROM case_event", ())
        return int(row[0] or 0) if row else 0

    async def erase_case(self, ref: str) -> None:
        """Drop the case's wrapped key and every sealed column of it (case, events, inbound, outbound, envelopes)."""
        self._alone()
        self._live.pop(ref, None)
        self._messages.clear()
        for statement in _ERASE:
            await self._write(statement, (ref,))

    # What cases were opened for

    async def find_opening(self, key: bytes) -> OpeningRow | None:
        """Find what a case was opened for under a key."""
        row = await self._one("SELECT key, body, ref, at FROM opening WHERE key = ?", (key,))
        return None if row is None else OpeningRow(row[0], row[1], row[2], instant(row[3]))

    async def add_opening(self, row: OpeningRow) -> None:
        """Enter what a case was opened for; a key that is taken is a conflict."""
        statement = "INSERT INTO opening (key, body, ref, at) VALUES (?, ?, ?, ?)"
        await self._write(statement, (row.key, row.body, row.ref, seconds(row.at)))

    async def purge_openings(self, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` rows of what cases were opened for before an instant; return how many went."""
        statement = "DELETE FROM opening WHERE key IN (SELECT key FROM opening WHERE at < ? ORDER BY at LIMIT ?)"
        return await self._write(statement, (seconds(before), limit))

    # Threads

    async def find_thread(self, partner: str, thread: str) -> ThreadRow | None:
        """Find where a thread stands."""
        key = (partner, thread)
        if key not in self._threads:
            row = await self._held(_THREAD_BY_KEY, key)
            self._threads[key] = None if row is None else ThreadRow(*row)
        return self._threads[key]

    async def threads(self, partner: str, after: str = "", limit: int = 2**62) -> Sequence[ThreadRow]:
        """Return the threads with a partner, by name, at most ``limit`` of those behind ``after``."""
        return tuple(ThreadRow(*row) for row in await self._all(_THREADS, (partner, after, limit)))

    async def save_thread(self, row: ThreadRow) -> None:
        """Store where a thread stands; raises ``Conflict`` if it belongs to another case."""
        sent = (row.out_epoch, row.out_seq, row.seen, row.ended)
        values = (row.partner, row.thread, row.ref, row.in_epoch, row.in_seq, row.in_digest, *sent)
        if await self._write(_SAVE_THREAD, values) != 1:
            raise Conflict(f"thread {row.thread} of {row.partner} belongs to another case")
        self._threads[row.partner, row.thread] = row

    async def count_from(self, partner: str, epoch: int) -> None:
        """Let all that ``partner`` said in epochs below ``epoch`` count as said in that one."""
        self._alone()
        statement = "UPDATE thread SET in_epoch = ? WHERE partner = ? AND in_epoch BETWEEN 1 AND ?"
        await self._write(statement, (epoch, partner, epoch - 1))
        self._threads.clear()


def _case_values(row: CaseRow) -> tuple[Row, Row]:
    """Return what a case carries, and what cases are found and sorted by (``_SORTED``)."""
    carries = (
        row.step,
        row.instrument,
        row.calendar,
        None if row.due_on is None else row.due_on.isoformat(),
        row.reminders,
        int(row.extended),  # of the very type that SQLite stores, or the driver looks for an adapter each time
        int(row.delay_notice),
        seconds(row.changed_at),
        row.version,
        row.wrapped_key,
        row.sealed,
    )
    sorted_by = (
        row.side,
        row.partner,
        row.thread,
        row.state,
        row.officer,
        seconds_or_none(row.due_at),
        seconds(row.opened_at),
        seconds_or_none(row.closed_at),
        row.words,
    )
    return carries, sorted_by


def _case(row: Row) -> CaseRow:
    values = list(row)
    values[9] = day_or_none(row[9])
    values[12:14] = bool(row[12]), bool(row[13])
    values[14:16] = instant(row[14]), instant(row[15])
    values[10], values[16] = instant_or_none(row[10]), instant_or_none(row[16])
    return CaseRow(*values)
