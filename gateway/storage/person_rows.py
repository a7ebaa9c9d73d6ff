"""The person across cases, and the States not to be contacted, as rows."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from gateway.core.person_keys import PersonValue
from gateway.services.ports import Conflict
from gateway.services.rows import ApartRow, NoContactRow, Shared
from gateway.storage.sql import Row, Sql, instant, instant_or_none, seconds, seconds_or_none

# Either may be the one that looks: a case finds those that are found under what it seeks, and those that seek it.
SHARED = """
SELECT o.ref, o.value, s.number & o.number, o.stop FROM person_value AS s
JOIN person_value AS o ON o.value = s.value AND o.ref <> s.ref AND o.use & 1
WHERE s.ref = ? AND s.use & 2
ORDER BY o.ref, o.value
"""
SHARED_STOPPED = """
SELECT o.ref, o.value, s.number & o.number, o.stop FROM person_value AS s
JOIN person_value AS o INDEXED BY person_value_stopped
    ON o.value = s.value AND o.stop = 1 AND o.ref <> s.ref AND o.use & 1
WHERE s.ref = ? AND s.use & 2
ORDER BY o.ref, o.value
"""
SHARED_NUMBER = """
SELECT o.ref, o.value, s.number & o.number, o.stop FROM person_value AS s
JOIN person_value AS o ON o.value = s.value AND o.ref <> s.ref AND o.use & 1
WHERE s.ref = ? AND s.number = 1 AND o.number = 1 AND s.use & 2
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


class PersonRows(Sql):
    """The person across cases, and the States not to be contacted."""

    __slots__ = ()

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

    async def shared(self, ref: str, *, stopped: bool = False, number: bool = False) -> Sequence[Shared]:
        """
        Return the other cases that share a value with ``ref``, by reference; with ``stopped`` only those.

        With ``number`` only those whose files both have it, and of what they share the numbers.
        """
        rows = await self._all(SHARED_STOPPED if stopped else SHARED_NUMBER if number else SHARED, (ref,))
        grouped = groupby(rows, key=itemgetter(0, 3))
        return tuple(_shared(other, stop, list(found)) for (other, stop), found in grouped)

    async def find_apart(self, ref: str, other: str) -> ApartRow | None:
        """Find what people decided on a case and a stopped one."""
        row = await self._one(_APART, (ref, other))
        if row is None:
            return None
        return ApartRow(row[0], row[1], row[2], row[3], instant(row[4]), row[5], instant_or_none(row[6]))

    async def save_apart(self, row: ApartRow) -> None:
        """Store what people decided, in place of what they decided before."""
        self._alone()
        times = (seconds(row.first_at), row.second, seconds_or_none(row.second_at))
        await self._write(_SAVE_APART, (row.ref, row.other, row.shared, row.first, *times))

    async def drop_apart(self, ref: str, other: str) -> None:
        """Forget what people decided on a case and a stopped one."""
        self._alone()
        await self._write("DELETE FROM person_apart WHERE ref = ? AND other = ?", (ref, other))

    async def no_contacts(self) -> Sequence[NoContactRow]:
        """Return every entry of the list that is not lifted, proposals too, by country."""
        rows: Sequence[Row] | None = self.known.get((_NO_CONTACTS,))
        if rows is None:  # nobody adds to it, or takes from it, until the batch ends
            rows = self.known[_NO_CONTACTS,] = await self._all(_NO_CONTACTS, ())
        return tuple(map(_no_contact, rows))

    async def save_no_contact(self, row: NoContactRow) -> None:
        """Store a new entry (number 0) or a stored one anew. Raises ``Conflict`` if the State has another open one."""
        self._alone()
        self.known.clear()
        begun = (row.country, row.proposed_by, seconds(row.proposed_at))
        confirmed = (row.confirmed_by, seconds_or_none(row.confirmed_at))
        ended = (row.lift_by, seconds_or_none(row.lift_at), row.lifted_by, seconds_or_none(row.lifted_at))
        values = (*begun, *confirmed, *ended, row.sealed)
        if row.number == 0:
            await self._write(_INSERT_NO_CONTACT, values)
        elif await self._write(_UPDATE_NO_CONTACT, (*values, row.number)) != 1:
            raise Conflict("the entry is not stored")


def _shared(ref: str, stop: int, rows: Sequence[Row]) -> Shared:
    return Shared(ref, tuple(row[1] for row in rows), any(row[2] for row in rows), stop == 1)


def _no_contact(row: Row) -> NoContactRow:
    values = list(row)
    for place in (3, 5, 7, 9):
        values[place] = instant_or_none(row[place])
    return NoContactRow(*values)
