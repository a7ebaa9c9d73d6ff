"""Messages received and messages to send, as rows."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from gateway.services.ports import Conflict
from gateway.services.rows import InboundRow, OutboundRow, SealingEnd, Trace
from gateway.storage.errors import BrokenUnit
from gateway.storage.sql import Row, Sql, instant, instant_or_none, seconds, seconds_or_none

_INBOUND = """
SELECT partner, id, digest, envelope_id, thread, epoch, seq, type, status, code, received_at, expires_at, ref, answer,
    sealed, kid
FROM inbound
"""
_INBOUND_BY_DIGEST = _INBOUND + "WHERE partner = ? AND digest = ?"
_INBOUND_BY_ID = _INBOUND + "WHERE partner = ? AND id = ? ORDER BY n LIMIT 1"
_INBOUND_BY_ENVELOPE = _INBOUND + "WHERE envelope_id = ? ORDER BY n LIMIT 1"
_INBOUND_OF_CASE = _INBOUND + "WHERE ref = ? ORDER BY n"
_INBOUND_BARE_OF_CASE = _INBOUND_OF_CASE.replace("    sealed, kid", "    NULL, kid")
_INBOUND_LAST_OF_CASE = _INBOUND_OF_CASE + " DESC LIMIT ?"
_INBOUND_LAST_BARE_OF_CASE = _INBOUND_BARE_OF_CASE + " DESC LIMIT ?"
_COUNT_ACCEPTED = "SELECT count(*) FROM inbound WHERE ref = ? AND type = ? AND status = 'accepted'"
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
    o.code, o.answer, o.n
FROM outbound AS o JOIN outbound_body AS b ON b.n = o.n
"""
_OUTBOUND_BY_N = _OUTBOUND + "WHERE o.n = ?"
_OUTBOUND_BY_ID = _OUTBOUND + "WHERE o.partner = ? AND o.id = ?"
# Reading the bytes takes as long as reading everything else.
_OUTBOUND_BARE = _OUTBOUND.replace("b.envelope, b.sealed", "NULL, NULL").replace(
    " JOIN outbound_body AS b ON b.n = o.n", ""
)
_OUTBOUND_AGAIN = _OUTBOUND_BARE + "WHERE o.partner = ? AND o.id = ?"
_OUTBOUND_BY_DIGEST = _OUTBOUND + "WHERE o.partner = ? AND o.digest = ? ORDER BY o.n LIMIT 1"
_OUTBOUND_OF_CASE = _OUTBOUND + "WHERE o.ref = ? ORDER BY o.n"
_QUEUED_OF_CASE = _OUTBOUND + "WHERE o.ref = ? AND o.state = 'queued' ORDER BY o.n"
# A plan waits for its day, longer than an envelope is kept otherwise: what counts is when it could leave. What was
# queued before is looked for among what still has an envelope, which is little: not along the index of its partner.
# It comes first; what was queued since is read along that index, a part at a time.
_BEFORE = """
WHERE o.n IN (
    SELECT n FROM outbound WHERE partner || '' = ?1 AND not_before >= ?2
        AND n IN (SELECT n FROM outbound_body WHERE envelope IS NOT NULL AND queued_at < ?2))
    AND (o.queued_at > ?3 OR (o.queued_at = ?3 AND o.n > ?4))
ORDER BY o.queued_at, o.n LIMIT ?5
"""
_SINCE = """
WHERE o.n IN (
    SELECT n FROM (
        SELECT n FROM outbound WHERE partner = ?1 AND queued_at >= ?2 AND (queued_at > ?2 OR n > ?3)
        ORDER BY queued_at, n LIMIT ?4) AS part)
ORDER BY o.queued_at, o.n
"""
_QUEUED_BEFORE, _QUEUED_SINCE = _OUTBOUND + _BEFORE, _OUTBOUND + _SINCE
# The numbers first: what is looked through for each part of many is an index, and not the rows with their bytes.
_PART_OF_WAITING = """
WHERE o.n IN (
    SELECT n FROM (
        SELECT n FROM outbound WHERE partner = ? AND state IN ('queued', 'posted') AND n > ?
        ORDER BY n LIMIT ?) AS part)
ORDER BY o.n
"""
_OUTBOUND_WAITING = _OUTBOUND + _PART_OF_WAITING
_WAITING_IN = _OUTBOUND + "WHERE o.partner = ? AND o.thread = ? AND o.state IN ('queued', 'posted') ORDER BY o.n"
_WAITING_IN_NONE = _WAITING_IN.replace("o.thread = ?", "o.thread IS NULL")
_OUTBOUND_EXPIRED = _OUTBOUND_BARE + (
    "WHERE o.state IN ('queued', 'posted') AND o.expires_at < ? ORDER BY o.expires_at, o.n LIMIT ?"
)
_COUNT_WAITING = """
SELECT count(*) FROM outbound WHERE partner = ? AND thread = ? AND state IN ('queued', 'posted')
"""
_COUNT_OF_NOTHING = """
SELECT count(*) FROM (
    SELECT 1 FROM outbound
    WHERE partner = ? AND thread IS NOT NULL AND ref IS NULL AND state IN ('queued', 'posted') LIMIT ?) AS those
"""
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
_MOST = 2**62
"""More rows than there are."""
# The same columns of a row of ``_OUTBOUND``, and the bytes in it.
_STORED, _BODY = itemgetter(23, 2, 4, 5, 6, 7, 12, 13, 14, 18), itemgetter(10, 11)
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
# Of a thread and an epoch no two that wait have one number: a number is freed with the last messages alone, before it
# is given anew (``gateway.services.threads.take_out``), that of what was posted once that is given up, where we are
# asked (``give_back``), and that of a withdrawal never. Who has left may bring back what was given up: then two wait.
# The index ``outbound_order`` does not enforce it, on purpose. A stop takes messages out and numbers others anew, and
# is stored whatever is wrong with a message. With two of one number the second is refused ``id-reuse``, which its case
# says; with an index that is unique the case would not be stopped, and a database that holds two such would not be
# opened. That it does not happen is shown where it does no harm: by ``numbers used once`` of the simulation.
# What may be posted now: no earlier number of its thread waits, of this epoch or one before. Word of a stop passes what
# was never posted in the epoch before, for that waits for a listing (``gateway.services.anew``).
_MAY_LEAVE = """
o.state IN ('queued', 'posted') AND o.try_at <= ? AND NOT EXISTS (
    SELECT 1 FROM outbound AS e
    WHERE e.partner = o.partner AND e.thread = o.thread AND (e.epoch, e.seq) < (o.epoch, o.seq)
        AND e.state IN ('queued', 'posted')
        AND NOT (e.state = 'queued' AND e.epoch < o.epoch AND o.type IN ('suspension', 'return.take-back')))
"""
_DUE = f"""
SELECT o.try_at, o.n FROM outbound AS o
WHERE o.partner = ? AND {_MAY_LEAVE}
ORDER BY o.try_at, o.n LIMIT ?
"""  # noqa: S608  (made of constants of this module)
_COLLECTABLE = _DUE.replace("ORDER BY o.try_at, o.n", "ORDER BY o.n")
# The inner search is made once for each partner that something waits for, found by leaping along the index. Its ORDER
# BY keeps PostgreSQL from joining all that waits with all that waits, which it does for EXISTS.
_PARTNERS_DUE = f"""
WITH RECURSIVE waiting (partner) AS (
    SELECT min(partner) FROM outbound WHERE state IN ('queued', 'posted')
    UNION ALL
    SELECT (SELECT min(partner) FROM outbound WHERE state IN ('queued', 'posted') AND partner > waiting.partner)
    FROM waiting WHERE waiting.partner IS NOT NULL)
SELECT partner FROM waiting WHERE (
    SELECT 1 FROM outbound AS o
    WHERE o.partner = waiting.partner AND {_MAY_LEAVE}
    ORDER BY o.try_at LIMIT 1) IS NOT NULL
"""  # noqa: S608  (made of constants of this module)

_HASTEN = """
UPDATE outbound SET next_try_at = ?, try_at = CASE WHEN not_before > ? THEN not_before ELSE ? END
WHERE state IN ('queued', 'posted') AND next_try_at > ?
"""
# What was not to wait for an instant of its own is dated by the clock that queued it. What was posted had waited.
_HASTEN_DATED = """
UPDATE outbound SET not_before = ?, next_try_at = ?, try_at = ?
WHERE state IN ('queued', 'posted') AND (state = 'posted' OR not_before <= queued_at) AND not_before > ?
"""
_HASTEN_BOUND = """
UPDATE outbound SET not_before = ?, next_try_at = ?, try_at = ? WHERE state = 'queued' AND type = ? AND not_before > ?
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
# What has a code came again, and is in a log. It is asked for twice: over PostgreSQL it may come again as this waits
# for the row. SQLite gives the highest number anew once its row is gone, and whoever reads traces goes on behind the
# last one that they saw.
_PURGE_COLLECTS = """
DELETE FROM inbound WHERE code IS NULL AND n IN (
    SELECT n FROM inbound INDEXED BY inbound_collects
    WHERE type = 'collect' AND status = 'accepted' AND code IS NULL AND expires_at < ?
        AND n < (SELECT max(n) FROM inbound)
    ORDER BY expires_at LIMIT ?)
"""
_SAVE_SEALING_END = """
INSERT INTO sealing_end (kid, until, destroyed_at, reason) VALUES (?, ?, ?, ?) ON CONFLICT (kid) DO NOTHING
"""
_PURGE_ANSWERS = """
UPDATE inbound SET answer = NULL WHERE n IN (
    SELECT n FROM inbound INDEXED BY inbound_answered WHERE answer IS NOT NULL AND expires_at < ?
    ORDER BY expires_at LIMIT ?)
"""
# With it go the bytes of a message of no case, which are kept to seal it anew; those of a case go with the case.
_PURGE_ENVELOPES = """
UPDATE outbound_body SET envelope = NULL, sealed = CASE
    WHEN n IN (SELECT o.n FROM outbound AS o WHERE o.n = outbound_body.n AND o.ref IS NULL) THEN NULL ELSE sealed END
WHERE envelope IS NOT NULL AND queued_at < ?1 AND n IN (
    SELECT b.n FROM outbound_body AS b INDEXED BY outbound_body_kept JOIN outbound AS o ON o.n = b.n
    WHERE b.envelope IS NOT NULL AND b.queued_at < ?1 AND o.not_before < ?1 AND o.state NOT IN ('queued', 'posted')
    ORDER BY b.queued_at LIMIT ?2)
"""


class MessageRows(Sql):
    """Messages received and messages to send."""

    __slots__ = ()

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

    async def inbound_of_case(self, ref: str, last: int | None = None, *, bare: bool = False) -> Sequence[InboundRow]:
        """
        Return the messages received in a case, or as many of them that came ``last``, in order of arrival.

        ``bare`` ones come without their signed bytes, which may be 4 MiB each; saved so, they lose them.
        """
        if last is not None:
            statement = _INBOUND_LAST_BARE_OF_CASE if bare else _INBOUND_LAST_OF_CASE
            return tuple(map(_inbound, reversed(await self._all(statement, (ref, last)))))
        return tuple(map(_inbound, await self._all(_INBOUND_BARE_OF_CASE if bare else _INBOUND_OF_CASE, (ref,))))

    async def count_accepted(self, ref: str, type: str) -> int:
        """Return how many messages of ``type`` were accepted in a case."""
        row = await self._one(_COUNT_ACCEPTED, (ref, type))
        return int(row[0]) if row else 0

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
        await self._write(_SAVE_SEALING_END, (row.kid, seconds(row.until), seconds(row.destroyed_at), row.reason))

    async def sealing_ends(self) -> Sequence[SealingEnd]:
        """Return every private half that is gone, in the order in which they went."""
        rows = await self._all(
            "SELECT kid, until, destroyed_at, reason FROM sealing_end ORDER BY destroyed_at, until", ()
        )
        return tuple(SealingEnd(row[0], instant(row[1]), instant(row[2]), row[3]) for row in rows)

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

    async def purge_answers(self, now: datetime, grace_s: int, limit: int) -> int:
        """
        Drop at most ``limit`` answers of messages that expired more than ``grace_s`` seconds before ``now``.

        Returns how many went.
        """
        return await self._write(_PURGE_ANSWERS, (now.timestamp() - grace_s, limit))

    async def purge_collects(self, before: datetime, limit: int) -> int:
        """
        Delete at most ``limit`` of the ``collect`` messages that ended before an instant, but one in a log or the last.

        Returns how many went.
        """
        return await self._write(_PURGE_COLLECTS, (seconds(before), limit))

    # Messages to send

    async def find_outbound(self, partner: str, id: str) -> OutboundRow | None:
        """Find a message to send by its id."""
        row = await self._held(_OUTBOUND_BY_ID, (partner, id))
        return None if row is None else self._read_outbound(row)

    async def find_outbound_again(self, known: OutboundRow) -> OutboundRow | None:
        """Find how a message to send that was read before stands now, but for its bytes, which are as they were."""
        row = await self._held(_OUTBOUND_AGAIN, (known.partner, known.id))
        return None if row is None else self._read_outbound((*row[:10], known.envelope, known.sealed, *row[12:]))

    async def find_outbound_by_digest(self, partner: str, digest: str) -> OutboundRow | None:
        """Find a message to send by its payload digest."""
        row = await self._held(_OUTBOUND_BY_DIGEST, (partner, digest))
        return None if row is None else _outbound(row)

    async def outbound_of_case(self, ref: str) -> Sequence[OutboundRow]:
        """Return the messages of a case, in order of queueing."""
        return tuple(map(_outbound, await self._all_held(_OUTBOUND_OF_CASE, (ref,))))

    async def queued_of_case(self, ref: str) -> Sequence[OutboundRow]:
        """Return the messages of a case that were queued and never posted, in order of queueing."""
        return tuple(map(_outbound, await self._all_held(_QUEUED_OF_CASE, (ref,))))

    async def outbound_since(
        self, partner: str, since: datetime, after: OutboundRow | None = None, limit: int = _MOST
    ) -> Sequence[OutboundRow]:
        """
        Return the messages to a partner that could leave at ``since`` or later, in the order of queueing.

        They are at most ``limit``, those behind ``after`` where one of them is named.
        """
        begin, number = seconds(since), await self._number(after)
        at = 0 if after is None else seconds(after.queued_at)
        found = list[Row]()
        if at < begin:
            found += await self._all_held(_QUEUED_BEFORE, (partner, begin, at, number, limit))
            at, number = begin, 0
        if len(found) < limit:
            found += await self._all_held(_QUEUED_SINCE, (partner, at, number, limit - len(found)))
        return tuple(map(_outbound, found))

    async def count_waiting(self, partner: str, thread: str) -> int:
        """Return how many messages to a partner in a thread are queued or posted."""
        row = await self._one(_COUNT_WAITING, (partner, thread))
        return int(row[0]) if row else 0

    async def count_of_nothing(self, partner: str, most: int) -> int:
        """Return how many messages to a partner wait that are in a thread and of no case; of more, ``most``."""
        row = await self._one(_COUNT_OF_NOTHING, (partner, most))
        return int(row[0]) if row else 0

    async def waiting_outbound(
        self, partner: str, after: OutboundRow | None = None, limit: int = _MOST
    ) -> Sequence[OutboundRow]:
        """
        Return what is queued or posted and has no answer, in the order of queueing, whenever it may leave.

        It is at most ``limit`` messages, those behind ``after`` where one is named.
        """
        number = await self._number(after)
        return tuple(map(_outbound, await self._all_held(_OUTBOUND_WAITING, (partner, number, limit))))

    async def _number(self, row: OutboundRow | None) -> int:
        """Return the number under which ``row`` is stored; 0, which no row has, if it is not."""
        stored = None if row is None else await self._one(_STORED_OUTBOUND, (row.partner, row.id))
        return 0 if stored is None else int(stored[0])

    async def waiting_in(self, partner: str, thread: str | None) -> Sequence[OutboundRow]:
        """Return the same of one ``thread``, or of what is in none."""
        found = (_WAITING_IN_NONE, (partner,)) if thread is None else (_WAITING_IN, (partner, thread))
        return tuple(map(_outbound, await self._all_held(*found)))

    async def save_outbound(self, row: OutboundRow) -> None:
        """
        Store a message to send, new or anew. Of an erased case neither envelope nor sealed bytes are kept.

        Raises ``BrokenUnit`` if it says something else than the message stored under its id: digest, place in a
        thread, type, case, and the instants of queueing, of the earliest attempt and of the end stay as they are.
        """
        said, goes = _outbound_values(row)
        known, body = self._messages.get((row.partner, row.id), (None, None))
        stored = known or await self._one(_STORED_OUTBOUND, (row.partner, row.id))
        if stored is None:
            number = await self._insert(_INSERT_OUTBOUND, (row.partner, row.id, *said, *goes))
            await self._write(_INSERT_BODY, (number, seconds(row.queued_at), *await self._body(row)))
            return
        number, *before = stored
        if said != tuple(before) and said != _as_read(before):
            raise BrokenUnit("a message that is stored says something else")
        await self._write(_UPDATE_OUTBOUND, (*goes, number))
        holds = (row.envelope, row.sealed)
        if holds != body or body != (None, None):
            self._messages.pop((row.partner, row.id), None)  # a unit may save many, and would keep all their bytes
        if holds != body:
            await self._write(_UPDATE_BODY, (*await self._body(row), number))

    async def _body(self, row: OutboundRow) -> Row:
        """Return what is kept of the bytes of a message."""
        erased = row.ref is not None and await self._erased(row.ref)
        return (None, None) if erased else (row.envelope, row.sealed)

    def _read_outbound(self, row: Row) -> OutboundRow:
        """Return the message in ``row``, and know for a save how it stands: nobody else changes it in this batch."""
        self._messages[row[0], row[1]] = _STORED(row), _BODY(row)
        return _outbound(row)

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
        """Return messages queued or posted whose ``expires_at`` is past, the oldest first, without their bytes."""
        return tuple(map(_outbound, await self._free(_OUTBOUND_EXPIRED, (now.timestamp(), limit))))

    async def hasten_outbound(self, now: datetime, latest: datetime, dated: datetime) -> int:
        """
        Set the next attempt of what waits, and would be tried later than ``latest``, to ``now``; return how many.

        So is that of what is dated later than ``dated``.
        """
        at = now.timestamp()
        count = await self._hasten(_HASTEN_DATED, (seconds(now), at, at), (dated.timestamp(),))
        return count + await self._hasten(_HASTEN, (at, at, at), (latest.timestamp(),))

    async def hasten_bound(self, type: str, at: datetime, latest: datetime) -> int:
        """Let what waits of ``type``, and was not to leave before an instant after ``latest``, leave from ``at`` on."""
        bound = (seconds(at), at.timestamp(), at.timestamp())
        return await self._hasten(_HASTEN_BOUND, bound, (type, latest.timestamp()))

    async def _hasten(self, statement: str, values: Row, which: Row) -> int:
        """Change messages to all partners, if there are such: in no order in which others hold rows of theirs."""
        condition = statement.partition("WHERE")[2]
        if await self._one(f"SELECT 1 FROM outbound WHERE {condition} LIMIT 1", which) is None:  # noqa: S608  # a constant
            return 0
        self._alone()
        return await self._write(statement, (*values, *which))

    async def hasten_posted(self, partner: str, at: datetime, latest: datetime) -> int:
        """Set the next attempt of what was posted to ``partner`` and would be tried after ``latest`` to ``at``."""
        return await self._write(_HASTEN_POSTED, (at.timestamp(), at.timestamp(), partner, latest.timestamp()))

    async def purge_envelopes(self, before: datetime, limit: int) -> int:
        """
        Drop at most ``limit`` envelopes of messages done with that were queued, and could leave, before an instant.

        Of those of no case the signed bytes too. Returns how many went.
        """
        self._messages.clear()
        return await self._write(_PURGE_ENVELOPES, (seconds(before), limit))

    async def _inbound(self, statement: str, values: Row) -> InboundRow | None:
        row = await self._held(statement, values)
        return None if row is None else _inbound(row)

    async def _inbound_values(self, row: InboundRow) -> Row:
        erased = row.sealed is not None and row.ref is not None and await self._erased(row.ref)
        named = (row.partner, row.id, row.digest, row.envelope_id, row.thread, row.epoch, row.seq, row.type)
        times = (seconds(row.received_at), seconds(row.expires_at))
        return (*named, row.status, row.code, *times, row.ref, row.answer, None if erased else row.sealed, row.kid)

    async def _outbounds(self, found: Sequence[Row]) -> Sequence[OutboundRow]:
        """Return the messages whose numbers are the second column of ``found``, in that order."""
        rows = [await self._one(_OUTBOUND_BY_N, (row[1],)) for row in found]
        return tuple(self._read_outbound(row) for row in rows if row is not None)


def _inbound(row: Row) -> InboundRow:
    values = list(row)
    values[10:12] = instant(row[10]), instant(row[11])
    return InboundRow(*values)


def _trace(direction: str, row: Row) -> Trace:
    number, partner, id, digest, type, at, ref, kid, kept = row
    return Trace(number, direction, partner, id, digest, type, instant(at), ref, kid, kept == 1)


def _outbound_values(row: OutboundRow) -> tuple[Row, Row]:
    """Return what a message says, and how far its delivery is."""
    next_try_at, not_before = row.next_try_at.timestamp(), seconds(row.not_before)
    said = (
        row.digest,
        row.thread,
        row.epoch,
        row.seq,
        row.type,
        row.ref,
        seconds(row.queued_at),
        not_before,
        seconds(row.expires_at),
    )
    goes = (
        row.envelope_id,
        row.state,
        row.kid,
        next_try_at,
        max(next_try_at, not_before),
        row.attempts,
        seconds_or_none(row.posted_at),
        seconds_or_none(row.answered_at),
        row.status,
        row.code,
        row.answer,
    )
    return said, goes


def _as_read(stored: Sequence[Any]) -> Row:
    """Return what a stored message says as it is read: an instant there may be one that no clock shows."""
    return (*stored[:6], *(seconds(instant(one)) for one in stored[6:]))


def _outbound(row: Row) -> OutboundRow:
    values = list(row)
    values[13:16] = instant(row[13]), instant(row[14]), instant(row[15])
    values[17:20] = instant_or_none(row[17]), instant(row[18]), instant_or_none(row[19])
    return OutboundRow(*values[:-1])
