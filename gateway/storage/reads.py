"""
Read models for desks, boards and reports: the statements that every dialect shares.

Every statement here reads along an index and names its columns, none of them sealed. A dialect is a connection of its
own that cannot write (``sqlite_reads``, ``postgres_reads``).
"""

import heapq
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice, product
from math import inf
from typing import Any

from gateway.core.escalation import ALLOW, PROPOSE, STOP, Pressed
from gateway.core.figures import Step
from gateway.core.note_verbale import reference
from gateway.services.inquire import WATCHED, AskedRow, AuditRow, BoardRow, Figures, Place, Wanted, WatchPart, WatchRow
from gateway.services.operate import Inbox, Outbox
from gateway.storage.sql import day_or_none, instant, instant_or_none

Row = tuple[Any, ...]

NO_DUE_AT = 253402300799
"""Sorts cases without a due instant last; the indexes are built with the same number (9999-12-31T23:59:59Z)."""

_BOARD = """
SELECT ref, partner, side, state, step, due_on, due_at, officer, instrument, calendar, reminders, extended,
    delay_notice, opened_at, changed_at,
    side = 'requested' AND (delay_notice = 0 OR state = 'ACCEPTED') AND closed_at IS NULL
    AND state IN ('RECEIVED', 'ACKNOWLEDGED', 'EXTENDED', 'CONTESTED', 'NEEDS_TIER2', 'NEEDS_INTERVIEW', 'ACCEPTED')
    AND (SELECT max(CASE event WHEN 'delay_notice_due' THEN n ELSE 0 END)
        > max(CASE WHEN event IN ('contest', 'accept', 'document_request') THEN n ELSE 0 END)
        FROM case_event WHERE ref = case_file.ref)
    AS notice_due
FROM case_file
"""
# Told since the last question that is open, for a second look, and a travel document, have a time of their own, and no
# notice of delay is given of a document. Not EXISTS: that PostgreSQL would rather answer by one look at all events of
# all cases, and max(n) alone by one at the latest of all of them.

_PAGE = """
    (due, ref) > (?, ?) AND due < ?
ORDER BY due, ref LIMIT ?
"""
_OPEN = _BOARD + "WHERE closed_at IS NULL AND" + _PAGE
_OPEN_OF_PARTNER = _BOARD + "WHERE closed_at IS NULL AND partner = ? AND" + _PAGE
_OPEN_OF_OFFICER = _BOARD + "WHERE closed_at IS NULL AND officer = ? AND" + _PAGE
_OF_STATE = _BOARD + "WHERE state = ? AND" + _PAGE
_OF_OFFICER = _BOARD + "WHERE officer = ? AND state = ? AND" + _PAGE
_BY_REF = _BOARD + "WHERE ref = ?"

_APART_BEGUN = f"""
{_BOARD} WHERE ref IN (SELECT ref FROM person_apart INDEXED BY person_apart_begun WHERE second IS NULL)
    AND closed_at IS NULL AND {_PAGE}
"""  # noqa: S608  (made of constants of this module)
_PROPOSED = f"""
{_BOARD} WHERE ref IN (
    SELECT ref FROM case_event AS begun INDEXED BY case_event_proposed WHERE event = '{PROPOSE}' AND NOT EXISTS (
        SELECT 1 FROM case_event WHERE ref = begun.ref AND n > begun.n AND event IN ('{STOP}', '{ALLOW}')))
    AND closed_at IS NULL AND {_PAGE}
"""  # noqa: S608  (made of constants of this module)
# Named, because without figures about the table the planner would rather go along all open cases.
_WORDS_DUE = f"{_BOARD} INDEXED BY case_words WHERE words > 0 AND words & ? <> 0 AND {_PAGE}"

_NOBODYS = """
SELECT 1 FROM case_file WHERE closed_at IS NULL AND officer IS NULL
ORDER BY officer, due, ref LIMIT 1
"""
_NEXT_OFFICER = """
SELECT officer FROM case_file WHERE closed_at IS NULL AND officer > ? ORDER BY officer LIMIT 1
"""
_OFFICERS_MAX = 1000

_AUDIT = "SELECT n, ref, at, person, action, justification, recipient FROM access WHERE n < ? ORDER BY n DESC LIMIT ?"
_AUDIT_OF_CASE = """
SELECT n, ref, at, person, action, justification, recipient FROM access WHERE ref = ? AND n < ? ORDER BY n DESC LIMIT ?
"""
# An exercise (gateway.core.exercise.MARK) is no case and stands in no figure.
_COUNT = "SELECT partner, state, count(*) FROM case_file WHERE substr(ref, 1, 3) <> 'TST' GROUP BY partner, state"
_OVERDUE = """
SELECT partner, count(*) FROM case_file
WHERE closed_at IS NULL AND due < ? AND substr(ref, 1, 3) <> 'TST' GROUP BY partner
"""
_WAITING = "SELECT partner, count(*) FROM outbound WHERE state IN ('queued', 'posted') GROUP BY partner"

# Cases in which we wait. The condition is that of the partial indexes, word for word, or SQLite does not use them.
_WAITED = f"""closed_at IS NULL AND side = 'requesting'
    AND ({" OR ".join(f"state = '{state}'" for state in WATCHED)})"""
_WATCH = """
SELECT ref, thread, partner, state, step, due_on, due_at, officer, instrument, calendar, reminders, extended,
    delay_notice, opened_at
FROM case_file
"""
_WATCH_PAGE = """
    (due, ref) > (?, ?) ORDER BY due, ref LIMIT ?
"""
# Named, because without figures about the table the planner would rather sort the queues of all these states.
_WATCHED = f"{_WATCH} INDEXED BY case_watched WHERE {_WAITED} AND {_WATCH_PAGE}"
_WATCHED_OF_PARTNER = f"{_WATCH} INDEXED BY case_watched_of_partner WHERE {_WAITED} AND partner = ? AND {_WATCH_PAGE}"
# The beginning of each State's list is read from the index alone; the table is read for the rows that are shown.
_IN_PART = f"""
SELECT * FROM (
    SELECT n, due, ref FROM case_file INDEXED BY case_watched_of_partner
    WHERE {_WAITED} AND partner = ? AND (due, ref) > (?, ?)
        AND due <= ?
    ORDER BY due, ref LIMIT ?
) AS part
"""  # noqa: S608  (made of constants of this module)
_WATCHED_IN = _WATCH + " WHERE n IN (SELECT n FROM ({} ORDER BY due, ref LIMIT ?) AS parts)"  # noqa: S608
_FIND_WATCHED = f"{_WATCH} WHERE {_WAITED} AND ref = ?"
_WATCHED_COUNT = f"""
(SELECT count(*) FROM case_file INDEXED BY case_watched_of_partner WHERE {_WAITED} AND partner = ?
    AND due > ? AND due <= ?)
"""  # noqa: S608  (made of constants of this module)
# An exercise (gateway.core.exercise.MARK) is nobody's time.
_ASKED = """
SELECT ref, instrument, extended, delay_notice, due_at FROM case_file
WHERE side = 'requesting' AND partner = ? AND substr(ref, 1, 3) <> 'TST' ORDER BY n DESC LIMIT ?
"""

_COUNTED_AT_ONCE = 100
"""States counted by one statement: it has a column for each part of each."""

_BEHIND_ALL = "\x7f"
"""Sorts behind every reference, which are letters, digits, hyphens and low lines."""

_PART = 250
"""References named in one statement."""

_OUTBOX = """
SELECT partner, count(*), max(attempts), min(queued_at), min(try_at), min(expires_at)
FROM outbound WHERE state IN ('queued', 'posted') GROUP BY partner ORDER BY partner
"""
_INBOX = """
SELECT partner, status, code, count(*), max(received_at)
FROM (SELECT partner, status, code, received_at FROM inbound ORDER BY n DESC LIMIT ?) AS latest
GROUP BY partner, status, code ORDER BY partner, status, code
"""

_MAX_N = 2**63 - 1


class SqlInquiries(ABC):
    """The ``Inquiries`` port, but for how a statement is run. It belongs to one event loop."""

    @abstractmethod
    async def _all(self, statement: str, values: Row) -> Sequence[Any]:
        """Return every row. Raises ``Unavailable``."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the store."""

    async def board(
        self,
        *,
        partner: str | None = None,
        overdue_at: datetime | None = None,
        limit: int = 100,
        after: Place | None = None,
    ) -> Sequence[BoardRow]:
        """Return open cases, soonest due first; with ``overdue_at`` those alone that were due before that instant."""
        page = (*_after(after), inf if overdue_at is None else overdue_at.timestamp(), limit)
        if partner is None:
            return [_board(row) for row in await self._all(_OPEN, page)]
        return [_board(row) for row in await self._all(_OPEN_OF_PARTNER, (partner, *page))]

    async def cases(
        self, *, states: Sequence[str] = (), officer: str | None = None, limit: int = 100, after: Place | None = None
    ) -> Sequence[BoardRow]:
        """Return cases in ``states`` (none named: all open ones), soonest due first, of one officer or of all."""
        page = (*_after(after), inf, limit)
        if not states:
            if officer is None:
                return [_board(row) for row in await self._all(_OPEN, page)]
            return [_board(row) for row in await self._all(_OPEN_OF_OFFICER, (officer, *page))]
        # One short look for each state: a merge of sorted pages instead of a sort of everything.
        found = []
        for state in dict.fromkeys(states):
            named = (state,) if officer is None else (officer, state)
            rows = await self._all(_OF_STATE if officer is None else _OF_OFFICER, (*named, *page))
            found.append(map(_board, rows))
        return list(islice(heapq.merge(*found, key=lambda row: _at(row.place)), limit))

    async def queue(
        self, wanted: Wanted, *, limit: int = 50, after: Place | None = None, latest: bool = False
    ) -> Sequence[BoardRow]:
        """Return open cases, soonest due first, or with ``latest`` in the opposite order; continued ``after`` a row."""
        sign, order = ("<", " DESC") if latest else (">", "")
        # The officer is one and the same in each stretch; named, for PostgreSQL does not see that NULL is one.
        officer = f"officer{order}, " if wanted.officers else ""
        page = f"""
            (due, ref) {sign} (?, ?)
            ORDER BY {officer}due{order}, ref{order} LIMIT ?
        """
        start = (NO_DUE_AT + 1, "") if latest and after is None else _after(after)
        found = []
        for where, values in _wheres(wanted):
            rows = await self._all(f"{_BOARD} WHERE {where} AND {page}", (*values, *start, limit))
            found.append(map(_board, rows))
        return list(islice(heapq.merge(*found, key=lambda row: _at(row.place), reverse=latest), limit))

    async def count(self, wanted: Wanted, most: int = 100) -> int:
        """Return how many cases a queue holds, and ``most`` for that many or more."""
        total = 0
        for where, values in _wheres(wanted):
            counted = f"SELECT count(*) FROM (SELECT 1 FROM case_file WHERE {where} LIMIT ?) AS counted"  # noqa: S608  # constants
            total += (await self._all(counted, (*values, most - total)))[0][0]
            if total >= most:
                break
        return total

    async def apart_begun(self, *, limit: int = 50, after: Place | None = None) -> Sequence[BoardRow]:
        """Return open cases of which one person said that they are about another, and no second yet."""
        return [_board(row) for row in await self._all(_APART_BEGUN, (*_after(after), inf, limit))]

    async def pressing_proposed(self, *, limit: int = 50, after: Place | None = None) -> Sequence[BoardRow]:
        """Return open cases of which one person said that they may be pressed for again, and no second yet."""
        return [_board(row) for row in await self._all(_PROPOSED, (*_after(after), inf, limit))]

    async def words_due(self, which: int, *, limit: int = 50, after: Place | None = None) -> Sequence[BoardRow]:
        """Return cases, closed ones too, in which one of the words ``which`` may be due, soonest due first."""
        return [_board(row) for row in await self._all(_WORDS_DUE, (which, *_after(after), inf, limit))]

    async def officers(self) -> Sequence[str | None]:
        """Return who has open cases; ``None`` is among them if there are cases that nobody has."""
        found: list[str | None] = [None] if await self._all(_NOBODYS, ()) else []
        rows = await self._all(_NEXT_OFFICER, ("",))
        while rows and len(found) < _OFFICERS_MAX:
            # One step along the index for each officer, however many cases they have.
            found.append(rows[0][0])
            rows = await self._all(_NEXT_OFFICER, (rows[0][0],))
        return found

    async def find_case(self, ref: str) -> BoardRow | None:
        """Find one case by our reference."""
        rows = await self._all(_BY_REF, (ref,))
        return _board(rows[0]) if rows else None

    async def audit(self, *, ref: str | None = None, limit: int = 100, before: int | None = None) -> Sequence[AuditRow]:
        """Return looks at one case or at all, the latest first, continued ``before`` the number of the last row."""
        page = (_MAX_N if before is None else before, limit)
        rows = await (self._all(_AUDIT, page) if ref is None else self._all(_AUDIT_OF_CASE, (ref, *page)))
        return [AuditRow(row[0], row[1], instant(row[2]), *row[3:]) for row in rows]

    async def outbox(self) -> Sequence[Outbox]:
        """Return what waits to be taken, by partner."""
        rows = await self._all(_OUTBOX, ())
        return [Outbox(*row[:3], *(instant(int(one)) for one in row[3:])) for row in rows]

    async def inbox(self, last: int) -> Sequence[Inbox]:
        """Return figures of the ``last`` messages received."""
        rows = await self._all(_INBOX, (last,))
        return [Inbox(partner, status, code, count, instant(at)) for partner, status, code, count, at in rows]

    async def figures(self, now: datetime) -> Figures:
        """Count cases, overdue cases and waiting messages."""
        cases = await self._all(_COUNT, ())
        overdue = await self._all(_OVERDUE, (now.timestamp(),))
        waiting = await self._all(_WAITING, ())
        return Figures({(partner, state): n for partner, state, n in cases}, dict(overdue), dict(waiting))

    async def watched(
        self, *, partner: str | None = None, undated: bool = False, limit: int = 100, after: Place | None = None
    ) -> Sequence[WatchRow]:
        """Return cases we wait in, soonest due first; with ``undated`` those alone that have no due date."""
        start = (NO_DUE_AT, "") if undated and after is None else _after(after)
        if partner is None:
            return [_watched(row) for row in await self._all(_WATCHED, (*start, limit))]
        return [_watched(row) for row in await self._all(_WATCHED_OF_PARTNER, (partner, *start, limit))]

    async def watched_in(
        self, parts: Sequence[WatchPart], *, limit: int = 100, after: Place | None = None
    ) -> Sequence[WatchRow]:
        """Return cases we wait in that are in one of ``parts``, each of another State, soonest due first."""
        found: list[WatchRow] = []
        for first in range(0, len(parts), _PART):
            chosen, values = list[str](), list[Any]()
            for part in parts[first : first + _PART]:
                start: tuple[float, str] = (-1, "") if part.from_at is None else (part.from_at.timestamp(), _BEHIND_ALL)
                end = NO_DUE_AT - 1 if part.before is None else part.before.timestamp()
                chosen.append(_IN_PART)
                values += [part.partner, *max(start, _after(after)), end, limit]
            rows = await self._all(_WATCHED_IN.format(" UNION ALL ".join(chosen)), (*values, limit))
            found += map(_watched, rows)
        return sorted(found, key=lambda row: _at(row.place))[:limit]

    async def find_watched(self, ref: str) -> WatchRow | None:
        """Find one case we wait in by our reference."""
        rows = await self._all(_FIND_WATCHED, (ref,))
        return _watched(rows[0]) if rows else None

    async def still_watched(self, refs: Sequence[str]) -> frozenset[str]:
        """Return those of ``refs`` that are cases we wait in."""
        found = set[str]()
        for start in range(0, len(refs), _PART):
            part = tuple(refs[start : start + _PART])
            statement = f"SELECT ref FROM case_file WHERE {_WAITED} AND ref IN ({_marks(part)})"  # noqa: S608  # constants
            found.update(ref for (ref,) in await self._all(statement, part))
        return frozenset(found)

    async def watched_counts(self, ends: Mapping[str, Sequence[datetime]]) -> Mapping[str, Sequence[int]]:
        """Count the cases we wait in, by State, in each part that its ``ends`` bound, after the last, and undated."""
        found: dict[str, Sequence[int]] = {}
        partners = list(ends)
        for first in range(0, len(partners), _COUNTED_AT_ONCE):
            part, values, columns = partners[first : first + _COUNTED_AT_ONCE], list[str | float](), list[int]()
            for partner in part:
                start = -1.0
                for end in (*(one.timestamp() for one in ends[partner]), NO_DUE_AT - 1, NO_DUE_AT):
                    values += [partner, start, end]
                    start = end
                columns.append(len(ends[partner]) + 2)
            row = iter((await self._all(f"SELECT {', '.join([_WATCHED_COUNT] * sum(columns))}", tuple(values)))[0])
            found |= {partner: tuple(islice(row, count)) for partner, count in zip(part, columns, strict=True)}
        return found

    async def pressed(self, refs: Sequence[str]) -> Mapping[str, Sequence[Pressed]]:
        """Return how each of ``refs`` was pressed for, oldest first."""
        found: dict[str, list[Pressed]] = {ref: [] for ref in refs}
        for start in range(0, len(refs), _PART):
            part = tuple(refs[start : start + _PART])
            statement = f"""
            SELECT ref, event, actor, at FROM case_event WHERE ref IN ({_marks(part)})
            AND (event IN ('remind', '{STOP}', '{PROPOSE}', '{ALLOW}') OR event LIKE 'escalate\\_l_' ESCAPE '\\')
            ORDER BY n
            """  # noqa: S608  (made of marks and constants)
            for ref, event, actor, at in await self._all(statement, part):
                found[ref].append(Pressed(event, actor, instant(at)))
        return found

    async def asked(self, partner: str, limit: int) -> Sequence[AskedRow]:
        """Return the course of the last ``limit`` cases in which we asked ``partner``, the latest first."""
        files = await self._all(_ASKED, (partner, limit))
        steps: dict[str, list[Step]] = {row[0]: [] for row in files}
        for start in range(0, len(files), _PART):
            part = tuple(row[0] for row in files[start : start + _PART])
            statement = f"SELECT ref, at, event, target FROM case_event WHERE ref IN ({_marks(part)}) ORDER BY n"  # noqa: S608
            for ref, at, event, target in await self._all(statement, part):
                steps[ref].append(Step(instant(at), event, target))
        return [
            AskedRow(instrument or "", bool(extended), bool(notice), instant_or_none(due_at), tuple(steps[ref]))
            for ref, instrument, extended, notice, due_at in files
        ]


def _wheres(wanted: Wanted) -> list[tuple[str, Row]]:
    """Return a condition and its values for each state and officer wanted: each is one stretch of one index."""
    made = []
    states: Sequence[str | None] = wanted.states or (None,)
    each: Sequence[Row] = [(one,) for one in wanted.officers] or [()]
    for state, officers in product(states, each):
        parts: list[tuple[str, Row]] = [("closed_at IS NULL", ())]
        if officers:
            parts.append(("officer IS NULL", ()) if officers == (None,) else ("officer = ?", officers))
        if state is not None:
            parts.append(("state = ?", (state,)))
        if wanted.side is not None:
            # An officer has few cases beside those of a side, so theirs is the index to go along.
            parts.append(("+side = ?" if officers else "side = ?", (wanted.side,)))
        if wanted.partner is not None:
            parts.append(("+partner = ?" if officers or state is not None else "partner = ?", (wanted.partner,)))
        if wanted.due_from is not None:
            parts.append(("due >= ?", (wanted.due_from.timestamp(),)))
        if wanted.due_before is not None:
            parts.append(("due < ?", (wanted.due_before.timestamp(),)))
        made.append((" AND ".join(part for part, _ in parts), tuple(value for _, some in parts for value in some)))
    return made


def _at(place: Place) -> tuple[float, str]:
    return NO_DUE_AT if place.due_at is None else place.due_at.timestamp(), place.ref


def _after(place: Place | None) -> tuple[float, str]:
    return (-1, "") if place is None else _at(place)


def _board(row: Row) -> BoardRow:
    values = list(row)
    values[5] = day_or_none(row[5])
    values[6] = instant_or_none(row[6])
    values[11:] = bool(row[11]), bool(row[12]), instant(row[13]), instant(row[14]), bool(row[15])
    return BoardRow(*values)


def _watched(row: Row) -> WatchRow:
    ref, thread, partner, state, step, due_on, due_at, officer, instrument, calendar, reminders, *last = row
    extended, delay_notice, opened_at = last
    return WatchRow(
        ref=ref,
        reference=reference(thread),
        partner=partner,
        state=state,
        step=step,
        due_on=day_or_none(due_on),
        due_at=instant_or_none(due_at),
        officer=officer,
        instrument=instrument,
        calendar=calendar,
        reminders=reminders,
        extended=bool(extended),
        delay_notice=bool(delay_notice),
        opened_at=instant(opened_at),
    )


def _marks(values: Row) -> str:
    return ", ".join("?" * len(values))
