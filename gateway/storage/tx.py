"""
One unit's view of a store that speaks SQL: the statements that every dialect shares.

Rule 1: a dialect is four ways to run a statement (``SqlTx``, below); it says what it words otherwise, and nothing else.
Rule 2: an error that concerns the whole store (full, I/O, locked) is remembered in ``failure``: a unit that swallows it
cannot make the batch commit.
Rule 3: what was erased never comes back, whatever an older row in somebody's hands says.
Rule 4: a row that a unit decides by is read with ``_held``: until the batch ends nobody else changes it. What other
units read without holding it (who is stopped, who is not to be contacted, which log was witnessed) is written by a unit
that has the store to itself, ``_alone``. SQLite has one writer, so there both come by themselves.
"""

import heapq
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from gateway.core.merkle import HASH_BYTES, Frontier
from gateway.core.person_keys import PersonValue
from gateway.services.ports import (
    AccessRow,
    ApartRow,
    CaseRow,
    Conflict,
    ConflictRow,
    Draft,
    EventRow,
    InboundRow,
    KeptRow,
    LogEntry,
    LogHead,
    NoContactRow,
    OutboundRow,
    PartnerRow,
    ReleaseRow,
    SealingEnd,
    Shared,
    SignBatch,
    Signed,
    ThreadRow,
    Trace,
    TrustEvent,
    Unavailable,
    WitnessedRow,
)
from gateway.storage.errors import BrokenUnit

Row = tuple[Any, ...]

_CASE = """
SELECT c.ref, c.side, c.partner, c.thread, c.state, c.officer, c.step, c.instrument, c.calendar, c.due_on, c.due_at,
    c.reminders, c.extended, c.delay_notice, c.opened_at, c.changed_at, c.closed_at, c.version, c.wrapped, c.sealed
FROM case_file AS c
"""
_CASE_BY_REF = _CASE + "WHERE c.ref = ?"
_CASE_ALL = _CASE + "ORDER BY c.n LIMIT ?"
_FOREVER = 253402300799
_ALL = 2**62
"""A limit that is none."""

_BY_STATE = """
FROM case_file AS c WHERE c.state = ? AND c.changed_at < ? AND (c.due, c.ref) > (?, ?) ORDER BY c.due, c.ref LIMIT ?
"""
_CASE_BY_STATE = _CASE.replace("FROM case_file AS c", _BY_STATE)
_PLACE_BY_STATE = "SELECT c.due, c.ref " + _BY_STATE
_INSERT_CASE = """
INSERT INTO case_file (ref, step, instrument, calendar, due_on, reminders, extended, delay_notice, changed_at, version,
    wrapped, sealed, side, partner, thread, state, officer, due_at, opened_at, closed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE_CASE = """
UPDATE case_file SET step = ?, instrument = ?, calendar = ?, due_on = ?, reminders = ?, extended = ?, delay_notice = ?,
    changed_at = ?, version = ?, wrapped = ?, sealed = ?"""
# Indexes stand over these. One is written anew for each column of it that a statement names, changed or not, so a save
# names those alone that changed.
_SORTED = ("side", "partner", "thread", "state", "officer", "due_at", "opened_at", "closed_at")
_STORED_CASE = """
SELECT n, version, erased, wrapped, side, partner, thread, state, officer, due_at, opened_at, closed_at
FROM case_file WHERE ref = ?
"""
_INSERT_EVENT = """
INSERT INTO case_event (ref, at, event, actor, role, source, target, digest, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_EVENTS = "SELECT ref, at, event, actor, role, source, target, digest, sealed FROM case_event WHERE ref = ? ORDER BY n"

_THREAD = """
SELECT partner, thread, ref, in_epoch, in_seq, in_digest, out_epoch, out_seq, seen, ended FROM thread WHERE partner = ?
"""
_THREAD_BY_KEY = _THREAD + "AND thread = ?"
_THREADS = _THREAD + "ORDER BY thread"
_SAVE_THREAD = """
INSERT INTO thread (partner, thread, ref, in_epoch, in_seq, in_digest, out_epoch, out_seq, seen, ended)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (partner, thread) DO UPDATE SET ref = excluded.ref, in_epoch = excluded.in_epoch, in_seq = excluded.in_seq,
    in_digest = excluded.in_digest, out_epoch = excluded.out_epoch, out_seq = excluded.out_seq, seen = excluded.seen,
    ended = excluded.ended
WHERE thread.ref IS NULL OR thread.ref IS excluded.ref
"""

_INBOUND = """
SELECT partner, id, digest, envelope_id, thread, epoch, seq, type, status, code, received_at, expires_at, ref, answer,
    sealed, kid
FROM inbound
"""
_INBOUND_BY_DIGEST = _INBOUND + "WHERE partner = ? AND digest = ?"
_INBOUND_BY_ID = _INBOUND + "WHERE partner = ? AND id = ? ORDER BY n LIMIT 1"
_INBOUND_BY_ENVELOPE = _INBOUND + "WHERE envelope_id = ? ORDER BY n LIMIT 1"
_INBOUND_OF_CASE = _INBOUND + "WHERE ref = ? ORDER BY n"
_INSERT_INBOUND = """
INSERT INTO inbound (partner, id, digest, envelope_id, thread, epoch, seq, type, status, code, received_at, expires_at,
    ref, answer, sealed, kid)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE_INBOUND = """
UPDATE inbound SET partner = ?, id = ?, digest = ?, envelope_id = ?, thread = ?, epoch = ?, seq = ?, type = ?,
    status = ?, code = ?, received_at = ?, expires_at = ?, ref = ?, answer = ?, sealed = ?,
    kid = ?
WHERE partner = ? AND digest = ?
"""

_OUTBOUND = """
SELECT o.partner, o.id, o.digest, o.envelope_id, o.thread, o.epoch, o.seq, o.type, o.state, o.kid, b.envelope, b.sealed,
    o.ref, o.queued_at, o.not_before, o.next_try_at, o.attempts, o.posted_at, o.expires_at, o.answered_at, o.status,
    o.code, o.answer
FROM outbound AS o JOIN outbound_body AS b ON b.n = o.n
"""
_OUTBOUND_BY_N = _OUTBOUND + "WHERE o.n = ?"
_OUTBOUND_BY_ID = _OUTBOUND + "WHERE o.partner = ? AND o.id = ?"
_OUTBOUND_BY_DIGEST = _OUTBOUND + "WHERE o.partner = ? AND o.digest = ? ORDER BY o.n LIMIT 1"
_OUTBOUND_OF_CASE = _OUTBOUND + "WHERE o.ref = ? ORDER BY o.n"
_OUTBOUND_SINCE = _OUTBOUND + "WHERE o.partner = ? AND o.queued_at >= ? ORDER BY o.queued_at, o.n"
_OUTBOUND_WAITING = _OUTBOUND + "WHERE o.partner = ? AND o.state IN ('queued', 'posted') ORDER BY o.n"
_OUTBOUND_EXPIRED = (
    _OUTBOUND + "WHERE o.state IN ('queued', 'posted') AND o.expires_at < ? ORDER BY o.expires_at, o.n LIMIT ?"
)
_INSERT_OUTBOUND = """
INSERT INTO outbound (partner, id, digest, thread, epoch, seq, type, ref, queued_at, not_before, expires_at,
    envelope_id, state, kid, next_try_at, try_at, attempts, posted_at, answered_at, status, code, answer)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING n
"""
_INSERT_BODY = "INSERT INTO outbound_body (n, queued_at, envelope, sealed) VALUES (?, ?, ?, ?)"
_STORED_OUTBOUND = """
SELECT n, digest, thread, epoch, seq, type, ref, queued_at, not_before, expires_at FROM outbound
WHERE partner = ? AND id = ?
"""
# What a message says never changes, so no index over that is written anew.
_UPDATE_OUTBOUND = """
UPDATE outbound SET envelope_id = ?, state = ?, kid = ?, next_try_at = ?, try_at = ?, attempts = ?, posted_at = ?,
    answered_at = ?, status = ?, code = ?, answer = ?
WHERE n = ?
"""
# The bytes are large and seldom change: a row that would stay the same is not written.
_UPDATE_BODY = """
UPDATE outbound_body SET envelope = ?1, sealed = ?2 WHERE n = ?3 AND (envelope IS NOT ?1 OR sealed IS NOT ?2)
"""
# What may be posted now: no earlier number of its thread waits, of this epoch or one before. Word of a stop passes what
# was never posted in the epoch before, for that waits for a listing (``gateway.services.anew``).
_DUE = """
SELECT o.try_at, o.n FROM outbound AS o
WHERE o.partner = ? AND o.state IN ('queued', 'posted') AND o.try_at <= ? AND NOT EXISTS (
    SELECT 1 FROM outbound AS e
    WHERE e.partner = o.partner AND e.thread = o.thread AND (e.epoch, e.seq) < (o.epoch, o.seq)
        AND e.state IN ('queued', 'posted')
        AND NOT (e.state = 'queued' AND e.epoch < o.epoch AND o.type IN ('suspension', 'return.take-back')))
ORDER BY o.try_at, o.n LIMIT ?
"""
_COLLECTABLE = _DUE.replace("ORDER BY o.try_at, o.n", "ORDER BY o.n")
# The inner search is made once for each partner that something waits for, found by leaping along the index. Its ORDER
# BY keeps PostgreSQL from joining all that waits with all that waits, which it does for EXISTS.
_PARTNERS_DUE = """
WITH RECURSIVE waiting (partner) AS (
    SELECT min(partner) FROM outbound WHERE state IN ('queued', 'posted')
    UNION ALL
    SELECT (SELECT min(partner) FROM outbound WHERE state IN ('queued', 'posted') AND partner > waiting.partner)
    FROM waiting WHERE waiting.partner IS NOT NULL)
SELECT partner FROM waiting WHERE (
    SELECT 1 FROM outbound AS o
    WHERE o.partner = waiting.partner AND o.state IN ('queued', 'posted') AND o.try_at <= ? AND NOT EXISTS (
        SELECT 1 FROM outbound AS e
        WHERE e.partner = o.partner AND e.thread = o.thread AND (e.epoch, e.seq) < (o.epoch, o.seq)
            AND e.state IN ('queued', 'posted')
            AND NOT (e.state = 'queued' AND e.epoch < o.epoch AND o.type IN ('suspension', 'return.take-back')))
    ORDER BY o.try_at LIMIT 1) IS NOT NULL
"""

_HASTEN = """
UPDATE outbound SET next_try_at = ?, try_at = CASE WHEN not_before > ? THEN not_before ELSE ? END
WHERE state IN ('queued', 'posted') AND next_try_at > ?
"""
_HASTEN_POSTED = """
UPDATE outbound SET next_try_at = ?, try_at = ? WHERE partner = ? AND state = 'posted' AND next_try_at > ?
"""

_TRACES = {
    "inbound": """
SELECT n, partner, id, digest, type, received_at, ref, kid, sealed IS NOT NULL FROM inbound
WHERE n > ? ORDER BY n LIMIT ?
""",
    "outbound": """
SELECT o.n, o.partner, o.id, o.digest, o.type, o.queued_at, o.ref, NULL, b.sealed IS NOT NULL
FROM outbound AS o JOIN outbound_body AS b ON b.n = o.n
WHERE o.n > ? ORDER BY o.n LIMIT ?
""",
}
_SAVE_SEALING_END = """
INSERT INTO sealing_end (kid, until, destroyed_at, reason) VALUES (?, ?, ?, ?) ON CONFLICT (kid) DO NOTHING
"""

_SAVE_PARTNER = """
INSERT INTO partner (country, failures, open_until, hold, card, refreshed_at, epoch) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (country) DO UPDATE SET failures = excluded.failures, open_until = excluded.open_until,
    hold = excluded.hold, card = excluded.card, refreshed_at = excluded.refreshed_at, epoch = excluded.epoch
"""

_HEAD = "SELECT origin, size, hashes, checkpoint FROM log_head WHERE partner = ? AND current = 1"
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
_HAS_LOG = "SELECT 1 FROM log_head WHERE partner = ? AND current = 1"
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
_INSERT_CONFLICT = """
INSERT INTO log_conflict (origin, kind, at, source, held, shown, told) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (origin, held, shown) DO NOTHING
"""

# Either may be the one that looks: a case finds those that are found under what it seeks, and those that seek it.
SHARED = """
SELECT o.ref, o.value, o.number, o.stop FROM person_value AS s
JOIN person_value AS o ON o.value = s.value AND o.ref <> s.ref AND o.use & 1
WHERE s.ref = ? AND s.use & 2
ORDER BY o.ref, o.value
"""
SHARED_STOPPED = """
SELECT o.ref, o.value, o.number, o.stop FROM person_value AS s
JOIN person_value AS o INDEXED BY person_value_stopped
    ON o.value = s.value AND o.stop = 1 AND o.ref <> s.ref AND o.use & 1
WHERE s.ref = ? AND s.use & 2
ORDER BY o.ref, o.value
"""
_APART = "SELECT ref, other, shared, first, first_at, second, second_at FROM person_apart WHERE ref = ? AND other = ?"
_SAVE_APART = """
INSERT INTO person_apart (ref, other, shared, first, first_at, second, second_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (ref, other) DO UPDATE SET shared = excluded.shared, first = excluded.first, first_at = excluded.first_at,
    second = excluded.second, second_at = excluded.second_at
"""
_NO_CONTACTS = """
SELECT n, country, proposed_by, proposed_at, confirmed_by, confirmed_at, lift_by, lift_at, lifted_by, lifted_at, sealed
FROM no_contact WHERE lifted_at IS NULL ORDER BY country
"""
_INSERT_NO_CONTACT = """
INSERT INTO no_contact (country, proposed_by, proposed_at, confirmed_by, confirmed_at, lift_by, lift_at, lifted_by,
    lifted_at, sealed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE_NO_CONTACT = """
UPDATE no_contact SET country = ?, proposed_by = ?, proposed_at = ?, confirmed_by = ?, confirmed_at = ?, lift_by = ?,
    lift_at = ?, lifted_by = ?, lifted_at = ?, sealed = ?
WHERE n = ?
"""

_ADD_FIGURE = "INSERT INTO figure (n, course) VALUES (random() & 9223372036854775807, ?)"

_ERASE = (
    "UPDATE case_file SET wrapped = NULL, sealed = NULL, erased = 1 WHERE ref = ?",
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
)
# With it go the bytes of a message of no case, which are kept to seal it anew; those of a case go with the case.
_PURGE_ENVELOPES = """
UPDATE outbound_body SET envelope = NULL, sealed = CASE
    WHEN n IN (SELECT o.n FROM outbound AS o WHERE o.n = outbound_body.n AND o.ref IS NULL) THEN NULL ELSE sealed END
WHERE envelope IS NOT NULL AND queued_at < ?
    AND n IN (SELECT o.n FROM outbound AS o WHERE o.n = outbound_body.n AND o.state NOT IN ('queued', 'posted'))
"""


EPOCH = "SELECT value FROM meta WHERE name = 'epoch'"


class SqlTx(ABC):
    """
    A unit's view of the store: the ``Tx`` port, but for how a statement is run.

    ``drafts`` holds what the unit asked the batch to log, ``failure`` what went wrong with the store itself.
    """

    __slots__ = ("_added", "_live", "_writable", "drafts", "failure")

    def __init__(self, *, writable: bool) -> None:
        self._writable = writable
        self._added: set[tuple[str, str]] = set()
        self._live: set[str] = set()
        self.drafts: list[Draft] = []
        self.failure: Unavailable | None = None

    # What a dialect says: how a statement is run. Each raises ``Conflict`` for a key that is taken, ``BrokenUnit`` for
    # a row that breaks a rule of the store, and ``Unavailable`` for what concerns the whole store.

    @abstractmethod
    async def _one(self, statement: str, values: Row) -> Row | None:
        """Return the first row, or ``None``."""

    @abstractmethod
    async def _all(self, statement: str, values: Row) -> Sequence[Row]:
        """Return every row."""

    @abstractmethod
    async def _write(self, statement: str, values: Row) -> int:
        """Change rows and return how many."""

    @abstractmethod
    async def _many(self, statement: str, rows: Sequence[Row]) -> int:
        """Run a statement that changes rows for each of ``rows``; return how many were changed in all."""

    async def _held(self, statement: str, values: Row) -> Row | None:
        """Return the first row, which nobody else changes until the batch ends."""
        return await self._one(statement, values)

    async def _all_held(self, statement: str, values: Row) -> Sequence[Row]:
        """Return every row, none of which anybody else changes until the batch ends."""
        return await self._all(statement, values)

    async def _free(self, statement: str, values: Row) -> Sequence[Row]:
        """Return the rows that nobody else is about to change, and hold those."""
        return await self._all(statement, values)

    @abstractmethod
    def _alone(self) -> None:
        """Go on if no other batch is under way in the whole store; raise what makes the batch begin again so if not."""

    # Cases

    async def find_case(self, ref: str) -> CaseRow | None:
        """Find a case by our reference."""
        row = await self._held(_CASE_BY_REF, (ref,))
        if row is None:
            return None
        found = _case(row)
        if found.wrapped_key is not None:
            self._live.add(ref)
        return found

    async def save_case(self, row: CaseRow) -> None:
        """
        Store a new case (version 1) or the next version of a stored one.

        Raises ``Conflict`` if the version is not the next, if the reference is taken, or if the row carries a key or
        sealed bytes of a case that was erased meanwhile.
        """
        if row.version == 1:
            carries, sorted_by = _case_values(row)
            await self._write(_INSERT_CASE, (row.ref, *carries, *sorted_by))  # a reference that is taken is a conflict
            self._live.add(row.ref)
            return
        stored = await self._held(_STORED_CASE, (row.ref,))
        if stored is None or row.version != stored[1] + 1:
            raise Conflict(f"case {row.ref} was changed meanwhile")
        number, _, erased, wrapped, *before = stored
        if erased and (row.wrapped_key is not None or row.sealed is not None):
            raise Conflict(f"case {row.ref} was erased meanwhile")
        if wrapped is not None and row.wrapped_key is None:
            raise BrokenUnit("only an erasure drops the key of a case")
        carries, sorted_by = _case_values(row)
        changed = {name: now for name, was, now in zip(_SORTED, before, sorted_by, strict=True) if now != was}
        sets = "".join(f", {name} = ?" for name in changed)
        await self._write(f"{_UPDATE_CASE}{sets} WHERE n = ?", (*carries, *changed.values(), number))

    async def cases(
        self,
        *,
        states: Sequence[str] = (),
        limit: int = 1000,
        unmoved_since: datetime | None = None,
        after: CaseRow | None = None,
    ) -> Sequence[CaseRow]:
        """
        Return cases in ``states``, soonest due first, those without a due date last; of all states, oldest first.

        With ``unmoved_since`` those alone that last moved before it, and with ``after`` those behind the place of that
        row; both go with ``states``.
        """
        if not states:
            return tuple(map(_case, await self._all(_CASE_ALL, (limit,))))
        before = _FOREVER if unmoved_since is None else _seconds(unmoved_since)
        place = (-1, "") if after is None else (_FOREVER if after.due_at is None else _seconds(after.due_at), after.ref)
        values = [(state, before, *place, limit) for state in dict.fromkeys(states)]
        if len(values) == 1:
            return tuple(map(_case, await self._all(_CASE_BY_STATE, values[0])))
        # Of each state the places first: whole rows of all states would be read to throw most of them away.
        places = [[tuple(row) for row in await self._all(_PLACE_BY_STATE, value)] for value in values]
        chosen = [ref for _, ref in islice(heapq.merge(*places), limit)]
        rows = [await self._one(_CASE_BY_REF, (ref,)) for ref in chosen]
        return tuple(_case(row) for row in rows if row is not None)

    async def case_refs(self, after: str, limit: int) -> Sequence[str]:
        """Return references of cases that come behind ``after``, in their order, erased ones too."""
        rows = await self._all("SELECT ref FROM case_file WHERE ref > ? ORDER BY ref LIMIT ?", (after, limit))
        return tuple(ref for (ref,) in rows)

    async def add_event(self, row: EventRow) -> None:
        """Add a step of a case; the case must be stored."""
        sealed, digest = (None, None) if await self._erased(row.ref) else (row.sealed, row.digest)
        at = _seconds(row.at)
        values = (row.ref, at, row.event, row.actor, row.role, row.source, row.target, digest, sealed)
        await self._write(_INSERT_EVENT, values)

    async def events(self, ref: str) -> Sequence[EventRow]:
        """Return the steps of a case in order."""
        return tuple(EventRow(row[0], _instant(row[1]), *row[2:]) for row in await self._all(_EVENTS, (ref,)))

    async def erase_case(self, ref: str) -> None:
        """Drop the case's wrapped key and every sealed column of it (case, events, inbound, outbound, envelopes)."""
        self._alone()
        self._live.discard(ref)
        for statement in _ERASE:
            await self._write(statement, (ref,))

    # Threads

    async def find_thread(self, partner: str, thread: str) -> ThreadRow | None:
        """Find where a thread stands."""
        row = await self._held(_THREAD_BY_KEY, (partner, thread))
        return None if row is None else ThreadRow(*row)

    async def threads(self, partner: str) -> Sequence[ThreadRow]:
        """Return all threads with a partner."""
        return tuple(ThreadRow(*row) for row in await self._all(_THREADS, (partner,)))

    async def save_thread(self, row: ThreadRow) -> None:
        """Store where a thread stands; raises ``Conflict`` if it belongs to another case."""
        sent = (row.out_epoch, row.out_seq, row.seen, row.ended)
        values = (row.partner, row.thread, row.ref, row.in_epoch, row.in_seq, row.in_digest, *sent)
        if await self._write(_SAVE_THREAD, values) != 1:
            raise Conflict(f"thread {row.thread} of {row.partner} belongs to another case")

    # Messages received

    async def find_inbound(self, partner: str, digest: str) -> InboundRow | None:
        """Find a received message by its payload digest."""
        return await self._inbound(_INBOUND_BY_DIGEST, (partner, digest))

    async def find_inbound_by_id(self, partner: str, id: str) -> InboundRow | None:
        """Find a received message by the id its sender gave it."""
        return await self._inbound(_INBOUND_BY_ID, (partner, id))

    async def find_inbound_by_envelope(self, envelope_id: bytes) -> InboundRow | None:
        """Find a received message by its envelope id, 32 bytes."""
        return await self._inbound(_INBOUND_BY_ENVELOPE, (envelope_id,))

    async def inbound_of_case(self, ref: str) -> Sequence[InboundRow]:
        """Return the messages received in a case, in order of arrival."""
        return tuple(map(_inbound, await self._all(_INBOUND_OF_CASE, (ref,))))

    async def add_inbound(self, row: InboundRow) -> None:
        """Store a received message; raises ``Conflict`` if its (partner, digest) is stored."""
        await self._write(_INSERT_INBOUND, await self._inbound_values(row))
        self._added.add((row.partner, row.digest))

    async def save_inbound(self, row: InboundRow) -> None:
        """Store a received message anew; raises ``Conflict`` if it is not stored yet."""
        if await self._write(_UPDATE_INBOUND, (*await self._inbound_values(row), row.partner, row.digest)) != 1:
            raise Conflict(f"message {row.digest} of {row.partner} is not stored")

    async def save_sealing_end(self, row: SealingEnd) -> None:
        """Note that a private half is gone; what was noted first stays."""
        await self._write(_SAVE_SEALING_END, (row.kid, _seconds(row.until), _seconds(row.destroyed_at), row.reason))

    async def sealing_ends(self) -> Sequence[SealingEnd]:
        """Return every private half that is gone, in the order in which they went."""
        rows = await self._all(
            "SELECT kid, until, destroyed_at, reason FROM sealing_end ORDER BY destroyed_at, until", ()
        )
        return tuple(SealingEnd(row[0], _instant(row[1]), _instant(row[2]), row[3]) for row in rows)

    async def add_inbound_again(self, partner: str, digest: str, kid: bytes) -> None:
        """Note that a message received before came once more, sealed to another of our keys."""
        values = (partner, digest, kid)
        await self._write(
            "INSERT INTO inbound_again (partner, digest, kid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", values
        )

    async def inbound_again(self) -> Sequence[tuple[str, str, bytes]]:
        """Return partner, payload digest and key id of every message that came under a second key."""
        rows = await self._all("SELECT partner, digest, kid FROM inbound_again ORDER BY partner, digest, kid", ())
        return tuple((partner, digest, kid) for partner, digest, kid in rows)

    async def traces(self, direction: str, after: int, limit: int) -> Sequence[Trace]:
        """Return what passed ``inbound`` or ``outbound`` behind the number ``after``, in order."""
        return tuple(_trace(direction, row) for row in await self._all(_TRACES[direction], (after, limit)))

    async def purge_answers(self, now: datetime, grace_s: int) -> int:
        """Drop the answers of messages that expired more than ``grace_s`` seconds before ``now``; return how many."""
        statement = "UPDATE inbound SET answer = NULL WHERE answer IS NOT NULL AND expires_at < ?"
        return await self._write(statement, (now.timestamp() - grace_s,))

    # Messages to send

    async def find_outbound(self, partner: str, id: str) -> OutboundRow | None:
        """Find a message to send by its id."""
        row = await self._held(_OUTBOUND_BY_ID, (partner, id))
        return None if row is None else _outbound(row)

    async def find_outbound_by_digest(self, partner: str, digest: str) -> OutboundRow | None:
        """Find a message to send by its payload digest."""
        row = await self._held(_OUTBOUND_BY_DIGEST, (partner, digest))
        return None if row is None else _outbound(row)

    async def outbound_of_case(self, ref: str) -> Sequence[OutboundRow]:
        """Return the messages of a case, in order of queueing."""
        return tuple(map(_outbound, await self._all_held(_OUTBOUND_OF_CASE, (ref,))))

    async def outbound_since(self, partner: str, since: datetime) -> Sequence[OutboundRow]:
        """Return the messages to a partner queued at ``since`` or later, in order."""
        return tuple(map(_outbound, await self._all_held(_OUTBOUND_SINCE, (partner, _seconds(since)))))

    async def waiting_outbound(self, partner: str) -> Sequence[OutboundRow]:
        """Return what is queued or posted and has no answer, in the order of queueing, whenever it may leave."""
        return tuple(map(_outbound, await self._all_held(_OUTBOUND_WAITING, (partner,))))

    async def save_outbound(self, row: OutboundRow) -> None:
        """
        Store a message to send, new or anew. Of an erased case neither envelope nor sealed bytes are kept.

        Raises ``BrokenUnit`` if it says something else than the message stored under its id: digest, place in a
        thread, type, case, and the instants of queueing, of the earliest attempt and of the end stay as they are.
        """
        said, goes = _outbound_values(row)
        erased = row.ref is not None and await self._erased(row.ref)
        envelope, sealed = (None, None) if erased else (row.envelope, row.sealed)
        stored = await self._one(_STORED_OUTBOUND, (row.partner, row.id))
        if stored is None:
            number = await self._insert(_INSERT_OUTBOUND, (row.partner, row.id, *said, *goes))
            await self._write(_INSERT_BODY, (number, _seconds(row.queued_at), envelope, sealed))
            return
        number, *before = stored
        if said != tuple(before):
            raise BrokenUnit("a message that is stored says something else")
        await self._write(_UPDATE_OUTBOUND, (*goes, number))
        await self._write(_UPDATE_BODY, (envelope, sealed, number))

    async def partners_due(self, now: datetime) -> Sequence[str]:
        """Return the partners that a message may be posted to now."""
        return tuple(row[0] for row in await self._all(_PARTNERS_DUE, (now.timestamp(),)))

    async def due_outbound(self, now: datetime, limit: int, partner: str) -> Sequence[OutboundRow]:
        """Return messages to ``partner`` to post now, the longest due first; one of each thread (stop and wait)."""
        return await self._outbounds(await self._free(_DUE, (partner, now.timestamp(), limit)))

    async def collectable_outbound(self, now: datetime, limit: int, partner: str) -> Sequence[OutboundRow]:
        """Return messages that ``partner`` may fetch now, the first queued first; one of each thread."""
        return await self._outbounds(await self._free(_COLLECTABLE, (partner, now.timestamp(), limit)))

    async def expired_outbound(self, now: datetime, limit: int) -> Sequence[OutboundRow]:
        """Return messages still queued or posted whose ``expires_at`` is past, the oldest first."""
        return tuple(map(_outbound, await self._free(_OUTBOUND_EXPIRED, (now.timestamp(), limit))))

    async def hasten_outbound(self, now: datetime, latest: datetime) -> int:
        """Set the next attempt of what waits, and would be tried later than ``latest``, to ``now``; return how many."""
        return await self._write(_HASTEN, (now.timestamp(), now.timestamp(), now.timestamp(), latest.timestamp()))

    async def hasten_posted(self, partner: str, at: datetime, latest: datetime) -> int:
        """Set the next attempt of what was posted to ``partner`` and would be tried after ``latest`` to ``at``."""
        return await self._write(_HASTEN_POSTED, (at.timestamp(), at.timestamp(), partner, latest.timestamp()))

    async def purge_envelopes(self, before: datetime) -> int:
        """
        Drop the envelopes of messages done with and queued before an instant; return how many.

        Of those of no case the signed bytes too.
        """
        return await self._write(_PURGE_ENVELOPES, (_seconds(before),))

    # Partners and access

    async def find_partner(self, country: str) -> PartnerRow | None:
        """Find what is known of a partner."""
        statement = (
            "SELECT country, failures, open_until, hold, card, refreshed_at, epoch FROM partner WHERE country = ?"
        )
        row = await self._held(statement, (country,))
        if row is None:
            return None
        return PartnerRow(row[0], row[1], _instant_or_none(row[2]), row[3], row[4], _instant_or_none(row[5]), row[6])

    async def cards_held(self) -> Mapping[str, bytes]:
        """Return the card held of each partner, by country; of one that has none nothing."""
        return dict(await self._all("SELECT country, card FROM partner WHERE card IS NOT NULL", ()))

    async def save_partner(self, row: PartnerRow) -> None:
        """Store what is known of a partner."""
        open_until, refreshed_at = _seconds_or_none(row.open_until), _seconds_or_none(row.refreshed_at)
        values = (row.country, row.failures, open_until, row.hold, row.card, refreshed_at, row.epoch)
        await self._write(_SAVE_PARTNER, values)

    async def add_trust_event(self, row: TrustEvent) -> None:
        """Enter what was decided about a State."""
        self._alone()
        statement = "INSERT INTO trust_event (at, country, act, person, reason, fingerprint) VALUES (?, ?, ?, ?, ?, ?)"
        values = (_seconds(row.at), row.country, row.act, row.person, row.reason, row.fingerprint)
        await self._write(statement, values)

    async def trust_events(self, after: int = 0) -> Sequence[TrustEvent]:
        """Return what was decided about States with a number above ``after``, in order."""
        statement = "SELECT n, at, country, act, person, reason, fingerprint FROM trust_event WHERE n > ? ORDER BY n"
        return tuple(TrustEvent(row[0], _instant(row[1]), *row[2:]) for row in await self._all(statement, (after,)))

    async def add_access(self, row: AccessRow) -> None:
        """Enter a look at, or disclosure of, a case."""
        statement = "INSERT INTO access (ref, at, person, action, justification, recipient) VALUES (?, ?, ?, ?, ?, ?)"
        await self._write(
            statement, (row.ref, _seconds(row.at), row.person, row.action, row.justification, row.recipient)
        )

    async def accesses(self, ref: str) -> Sequence[AccessRow]:
        """Return every look at a case, in order."""
        statement = "SELECT ref, at, person, action, justification, recipient FROM access WHERE ref = ? ORDER BY n"
        return tuple(AccessRow(row[0], _instant(row[1]), *row[2:]) for row in await self._all(statement, (ref,)))

    # The person across cases, and the States not to be contacted

    async def save_person_values(self, ref: str, values: Sequence[PersonValue], stop: bool) -> None:
        """Store the keyed values of the person of a case in place of those it had; none of an erased case."""
        if stop:
            self._alone()
        await self._write("DELETE FROM person_value WHERE ref = ?", (ref,))
        if await self._erased(ref):
            return
        statement = "INSERT INTO person_value (ref, value, use, number, stop) VALUES (?, ?, ?, ?, ?)"
        await self._many(statement, [(ref, one.value, int(one.use), int(one.number), int(stop)) for one in values])

    async def shared(self, ref: str, *, stopped: bool = False) -> Sequence[Shared]:
        """Return the other cases that share a value with ``ref``, by reference; with ``stopped`` only those."""
        rows = await self._all(SHARED_STOPPED if stopped else SHARED, (ref,))
        grouped = groupby(rows, key=itemgetter(0, 3))
        return tuple(_shared(other, stop, list(found)) for (other, stop), found in grouped)

    async def find_apart(self, ref: str, other: str) -> ApartRow | None:
        """Find what people decided on a case and a stopped one."""
        row = await self._one(_APART, (ref, other))
        if row is None:
            return None
        return ApartRow(row[0], row[1], row[2], row[3], _instant(row[4]), row[5], _instant_or_none(row[6]))

    async def save_apart(self, row: ApartRow) -> None:
        """Store what people decided, in place of what they decided before."""
        self._alone()
        times = (_seconds(row.first_at), row.second, _seconds_or_none(row.second_at))
        await self._write(_SAVE_APART, (row.ref, row.other, row.shared, row.first, *times))

    async def drop_apart(self, ref: str, other: str) -> None:
        """Forget what people decided on a case and a stopped one."""
        self._alone()
        await self._write("DELETE FROM person_apart WHERE ref = ? AND other = ?", (ref, other))

    async def no_contacts(self) -> Sequence[NoContactRow]:
        """Return every entry of the list that is not lifted, proposals too, by country."""
        return tuple(map(_no_contact, await self._all(_NO_CONTACTS, ())))

    async def save_no_contact(self, row: NoContactRow) -> None:
        """Store a new entry (number 0) or a stored one anew. Raises ``Conflict`` if the State has another open one."""
        self._alone()
        begun = (row.country, row.proposed_by, _seconds(row.proposed_at))
        confirmed = (row.confirmed_by, _seconds_or_none(row.confirmed_at))
        ended = (row.lift_by, _seconds_or_none(row.lift_at), row.lifted_by, _seconds_or_none(row.lifted_at))
        values = (*begun, *confirmed, *ended, row.sealed)
        if row.number == 0:
            await self._write(_INSERT_NO_CONTACT, values)
        elif await self._write(_UPDATE_NO_CONTACT, (*values, row.number)) != 1:
            raise Conflict("the entry is not stored")

    # Figures

    async def add_figure(self, course: str) -> None:
        """
        Keep what the figures need of a case that is being erased.

        At a random place: the order of the erasures, which stands among the events, would lead from it to the case.
        """
        await self._write(_ADD_FIGURE, (course,))

    async def drop_figures(self) -> None:
        """Drop what the figures keep of erased cases: it is added anew, in another form."""
        self._alone()  # what was read before, to be added again, is all there is: another node may be at it too
        await self._write("DELETE FROM figure", ())

    async def kept_figures(self) -> Sequence[str]:
        """Return what the figures keep of erased cases."""
        return tuple(course for (course,) in await self._all("SELECT course FROM figure ORDER BY n", ()))

    async def add_release(self, row: ReleaseRow) -> int:
        """Add a table of figures that is shown, and return its number; raises ``Conflict`` if it was shown before."""
        self._alone()  # each is tested against all before it: two together may give away what neither does
        statement = (
            "INSERT INTO release (at, name, direction, period, first, second, content) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "RETURNING n"
        )
        return await self._insert(statement, (_seconds(row.at), *row[2:]))

    async def releases(self) -> Sequence[ReleaseRow]:
        """Return every table of figures that was shown, in order."""
        statement = "SELECT n, at, name, direction, period, first, second, content FROM release ORDER BY n"
        return tuple(ReleaseRow(row[0], _instant(row[1]), *row[2:]) for row in await self._all(statement, ()))

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
        await self.put_head(partner, head)

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
        values = (row.origin, row.size, row.root, _seconds(row.at), row.note, row.token)
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
        await self._write(_SAVE_WITNESSED, (row.origin, row.size, _seconds(row.at), row.note))

    async def conflicts(self) -> Sequence[ConflictRow]:
        """Return what is kept as evidence against keepers of logs, in order."""
        return tuple(map(_conflict, await self._all(_CONFLICTS, ())))

    async def save_conflict(self, row: ConflictRow) -> bool:
        """Keep evidence (number 0) or store it anew; return False if the same two notes are kept already."""
        self._alone()
        told = " ".join(row.told)
        if row.number:
            return await self._write("UPDATE log_conflict SET told = ? WHERE n = ?", (told, row.number)) == 1
        values = (row.origin, row.kind, _seconds(row.at), row.source, row.held, row.shown, told)
        return await self._write(_INSERT_CONFLICT, values) == 1

    # Named values

    async def get_meta(self, name: str) -> str | None:
        """Return a named value, or ``None``."""
        row = await self._held("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else str(row[0])

    async def epoch(self) -> int:
        """Return the epoch that is stored; nobody raises it before the batch has ended."""
        row = await self._one(EPOCH, ())
        return int(row[0]) if row else 1

    async def set_meta(self, name: str, value: str) -> None:
        """Store a named value."""
        if name == "epoch":
            self._alone()  # every batch goes by it, and none holds it
        statement = (
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        )
        await self._write(statement, (name, value))

    async def metas(self, prefix: str) -> Sequence[tuple[str, str]]:
        """Return the named values whose names begin with ``prefix`` (ASCII, not empty), with their names, by name."""
        # Names are compared byte by byte in either dialect: what begins so ends before the next prefix of this length.
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        statement = "SELECT name, value FROM meta WHERE name >= ? AND name < ? ORDER BY name"
        return tuple((str(name), str(value)) for name, value in await self._all_held(statement, (prefix, after)))

    async def drop_meta(self, name: str) -> None:
        """Forget a named value; one that is not there is forgotten already."""
        await self._write("DELETE FROM meta WHERE name = ?", (name,))

    # What the batch needs

    def draft(self, draft: Draft) -> None:
        """Ask the batch to log ``draft``; forgotten if the unit fails."""
        self._check_writable()
        if (draft.claims is None) == (draft.receipt is None):
            raise BrokenUnit("a draft holds either claims or a receipt")
        self.drafts.append(draft)

    async def check_drafts(self, drafted: set[tuple[str, str]], logged: set[str]) -> None:
        """
        Check, before the batch is signed, that each draft of this unit can be stored, and add them to ``drafted``.

        ``logged`` are the partners that a log is known to be about, from the units before.

        Raises ``Conflict`` if the digest is logged twice in one batch, ``BrokenUnit`` if the partner has no log or the
        message to answer is not stored. Done for each unit, so that a bad draft fails its unit and not the batch.
        """
        keys = [(draft.partner, draft.digest) for draft in self.drafts]
        for draft, key in zip(self.drafts, keys, strict=True):
            if draft.partner not in logged and await self._one(_HAS_LOG, (draft.partner,)) is None:
                raise BrokenUnit(f"no log about {draft.partner} was begun")
            if key in drafted or keys.count(key) > 1:
                raise Conflict(f"message {draft.digest} of {draft.partner} is logged in this batch")
            if draft.claims is None or key in self._added:
                continue
            if await self._one("SELECT 1 FROM inbound WHERE partner = ? AND digest = ?", key) is None:
                raise BrokenUnit("a receipt was drafted for a message that is not stored")
        drafted.update(keys)
        logged.update(partner for partner, _ in keys)  # now that nothing of this unit is rolled back any more

    async def log(self, sign_batch: SignBatch) -> Signed:
        """
        Have everything in ``drafts`` signed, and store entries, answers and the new end of each log.

        Raises ``Unavailable`` if it could not be signed.
        """
        # In order of names: two batches that log about the same partners never wait for one another.
        found = [(partner, await self.head(partner)) for partner in sorted({draft.partner for draft in self.drafts})]
        heads = {partner: head for partner, head in found if head is not None}
        try:
            signed = sign_batch(heads, self.drafts)
            if len(signed.answers) != len(self.drafts) or not set(heads) <= set(signed.heads):
                raise ValueError("the signer left something out")
            for partner, head in signed.heads.items():
                await self.put_head(partner, head)
            await self.put_entries(signed.entries)
            pairs = zip(signed.answers, self.drafts, strict=True)
            await self.put_answers([(answer, d.partner, d.digest) for answer, d in pairs if answer is not None])
        except Unavailable:
            raise
        except Exception as error:
            raise Unavailable("the log could not be signed", "check the keys of the gateway") from error
        return signed

    async def head(self, partner: str) -> LogHead | None:
        """Find the end of the log about a partner that is appended to."""
        row = await self._held(_HEAD, (partner,))
        if row is None:
            return None
        origin, size, hashes, checkpoint = row
        cut = range(0, len(hashes), HASH_BYTES)
        return LogHead(origin, Frontier(size, tuple(hashes[at : at + HASH_BYTES] for at in cut)), checkpoint)

    async def put_head(self, partner: str, head: LogHead) -> None:
        """Store the end of a log and append to that log from now on."""
        await self._write(
            "UPDATE log_head SET current = 0 WHERE partner = ? AND current = 1 AND origin <> ?", (partner, head.origin)
        )
        hashes = b"".join(head.frontier.hashes)
        await self._write(_SAVE_HEAD, (head.origin, partner, head.frontier.size, hashes, head.checkpoint))

    async def put_entries(self, entries: Iterable[LogEntry]) -> None:
        """Store log entries set-wise."""
        await self._many(_INSERT_ENTRY, entry_rows(entries))

    async def put_answers(self, answers: Sequence[tuple[bytes, str, str]]) -> None:
        """Store answers set-wise, each (answer, partner, digest), into their inbound rows."""
        if await self._many("UPDATE inbound SET answer = ? WHERE partner = ? AND digest = ?", answers) != len(answers):
            raise BrokenUnit("an answer was made for a message that is not stored")

    # Statements

    async def _inbound(self, statement: str, values: Row) -> InboundRow | None:
        row = await self._held(statement, values)
        return None if row is None else _inbound(row)

    async def _inbound_values(self, row: InboundRow) -> Row:
        erased = row.sealed is not None and row.ref is not None and await self._erased(row.ref)
        named = (row.partner, row.id, row.digest, row.envelope_id, row.thread, row.epoch, row.seq, row.type)
        times = (_seconds(row.received_at), _seconds(row.expires_at))
        return (*named, row.status, row.code, *times, row.ref, row.answer, None if erased else row.sealed, row.kid)

    async def _erased(self, ref: str) -> bool:
        if ref in self._live:
            return False
        row = await self._one("SELECT erased FROM case_file WHERE ref = ?", (ref,))
        return row is not None and row[0] == 1

    async def _insert(self, statement: str, values: Row) -> int:
        """Run an insertion that returns the number of the new row, and return it."""
        self._check_writable()
        row = await self._one(statement, values)
        if row is None:
            raise BrokenUnit("a row was inserted without a number")
        return int(row[0])

    async def _outbounds(self, found: Sequence[Row]) -> Sequence[OutboundRow]:
        """Return the messages whose numbers are the second column of ``found``, in that order."""
        rows = [await self._one(_OUTBOUND_BY_N, (row[1],)) for row in found]
        return tuple(_outbound(row) for row in rows if row is not None)

    def _check_writable(self) -> None:
        if not self._writable:
            raise BrokenUnit("a unit that only reads tried to write")


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
        _seconds(row.changed_at),
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
        _seconds_or_none(row.due_at),
        _seconds(row.opened_at),
        _seconds_or_none(row.closed_at),
    )
    return carries, sorted_by


def _case(row: Row) -> CaseRow:
    values = list(row)
    values[9] = None if row[9] is None else date.fromisoformat(row[9])
    values[12:14] = bool(row[12]), bool(row[13])
    values[14:16] = _instant(row[14]), _instant(row[15])
    values[10], values[16] = _instant_or_none(row[10]), _instant_or_none(row[16])
    return CaseRow(*values)


def _inbound(row: Row) -> InboundRow:
    values = list(row)
    values[10:12] = _instant(row[10]), _instant(row[11])
    return InboundRow(*values)


def _trace(direction: str, row: Row) -> Trace:
    number, partner, id, digest, type, at, ref, kid, kept = row
    return Trace(number, direction, partner, id, digest, type, _instant(at), ref, kid, kept == 1)


def _outbound_values(row: OutboundRow) -> tuple[Row, Row]:
    """Return what a message says, and how far its delivery is."""
    next_try_at, not_before = row.next_try_at.timestamp(), _seconds(row.not_before)
    said = (
        row.digest,
        row.thread,
        row.epoch,
        row.seq,
        row.type,
        row.ref,
        _seconds(row.queued_at),
        not_before,
        _seconds(row.expires_at),
    )
    goes = (
        row.envelope_id,
        row.state,
        row.kid,
        next_try_at,
        max(next_try_at, not_before),
        row.attempts,
        _seconds_or_none(row.posted_at),
        _seconds_or_none(row.answered_at),
        row.status,
        row.code,
        row.answer,
    )
    return said, goes


def _outbound(row: Row) -> OutboundRow:
    values = list(row)
    values[13:16] = _instant(row[13]), _instant(row[14]), _instant(row[15])
    values[17:20] = _instant_or_none(row[17]), _instant(row[18]), _instant_or_none(row[19])
    return OutboundRow(*values)


def _shared(ref: str, stop: int, rows: Sequence[Row]) -> Shared:
    return Shared(ref, tuple(row[1] for row in rows), any(row[2] for row in rows), stop == 1)


def _no_contact(row: Row) -> NoContactRow:
    values = list(row)
    for place in (3, 5, 7, 9):
        values[place] = _instant_or_none(row[place])
    return NoContactRow(*values)


def _entry(row: Row) -> LogEntry:
    values = list(row)
    values[7] = _instant(row[7])
    return LogEntry(*values)


def entry_rows(entries: Iterable[LogEntry]) -> list[Row]:
    """Return the columns of each entry, in the order of the table."""
    return [(e.origin, e.index, e.receipt, e.r, e.leaf, e.direction, e.digest, _seconds(e.at)) for e in entries]


def _kept(row: Row) -> KeptRow:
    return KeptRow(row[0], row[1], row[2], _instant(row[3]), row[4], row[5])


def _conflict(row: Row) -> ConflictRow:
    return ConflictRow(row[0], row[1], row[2], _instant(row[3]), row[4], row[5], row[6], tuple(row[7].split()))


def _witnessed(row: Row) -> WitnessedRow:
    return WitnessedRow(row[0], row[1], _instant(row[2]), row[3])


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _instant_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(at: datetime) -> int:
    # A naive instant would be read in the zone of the machine: refused rather than guessed at.
    if at.tzinfo is None:
        raise BrokenUnit("an instant without a zone cannot be stored")
    return int(at.timestamp() // 1)


def _seconds_or_none(at: datetime | None) -> int | None:
    return None if at is None else _seconds(at)
