"""Partners, what was decided about them, and who looked at a case, as rows."""

from collections.abc import Mapping, Sequence

from gateway.services.rows import CARD_END, AccessRow, PartnerRow, TrustEvent
from gateway.storage.sql import Sql, instant, instant_or_none, seconds, seconds_or_none

_SAVE_PARTNER = """
INSERT INTO partner (country, failures, open_until, hold, card, refreshed_at, epoch) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (country) DO UPDATE SET failures = excluded.failures, open_until = excluded.open_until,
    hold = excluded.hold, card = excluded.card, refreshed_at = excluded.refreshed_at, epoch = excluded.epoch
"""


class PartnerRows(Sql):
    """Partners, what was decided about them, and who looked at a case."""

    __slots__ = ()

    # Partners and access

    async def find_partner(self, country: str, *, held: bool = True) -> PartnerRow | None:
        """Find what is known of a partner; where it is not ``held`` another node may change it but for its hold."""
        statement = (
            "SELECT country, failures, open_until, hold, card, refreshed_at, epoch FROM partner WHERE country = ?"
        )
        row = await self._known(statement, (country,), held=held)
        if row is None:
            return None
        return PartnerRow(
            row[0], max(row[1], 0), instant_or_none(row[2]), row[3], row[4], instant_or_none(row[5]), row[6]
        )

    async def card_ends(self) -> Mapping[str, bytes]:
        """Return the last ``CARD_END`` bytes of the card held of each partner, by country; of one without none."""
        # PostgreSQL reads the end of a long value alone, and sends no more: each process asks this every two seconds.
        end = f"substr(card, length(card) - {CARD_END - 1})"
        rows = await self._all(f"SELECT country, {end} FROM partner WHERE card IS NOT NULL", ())  # noqa: S608
        return {country: found or b"" for country, found in rows}

    async def save_partner(self, row: PartnerRow) -> None:
        """Store what is known of a partner."""
        self.known.clear()
        open_until, refreshed_at = seconds_or_none(row.open_until), seconds_or_none(row.refreshed_at)
        values = (row.country, row.failures, open_until, row.hold, row.card, refreshed_at, row.epoch)
        await self._write(_SAVE_PARTNER, values)

    async def add_trust_event(self, row: TrustEvent) -> None:
        """Enter what was decided about a State."""
        self._alone()
        statement = "INSERT INTO trust_event (at, country, act, person, reason, fingerprint) VALUES (?, ?, ?, ?, ?, ?)"
        values = (seconds(row.at), row.country, row.act, row.person, row.reason, row.fingerprint)
        await self._write(statement, values)

    async def trust_events(self, after: int = 0) -> Sequence[TrustEvent]:
        """Return what was decided about States with a number above ``after``, in order."""
        statement = "SELECT n, at, country, act, person, reason, fingerprint FROM trust_event WHERE n > ? ORDER BY n"
        return tuple(TrustEvent(row[0], instant(row[1]), *row[2:]) for row in await self._all(statement, (after,)))

    async def add_access(self, row: AccessRow) -> None:
        """Enter a look at, or disclosure of, a case."""
        statement = "INSERT INTO access (ref, at, person, action, justification, recipient) VALUES (?, ?, ?, ?, ?, ?)"
        await self._write(
            statement, (row.ref, seconds(row.at), row.person, row.action, row.justification, row.recipient)
        )

    async def accesses(self, ref: str) -> Sequence[AccessRow]:
        """Return every look at a case, in order."""
        statement = "SELECT ref, at, person, action, justification, recipient FROM access WHERE ref = ? ORDER BY n"
        return tuple(AccessRow(row[0], instant(row[1]), *row[2:]) for row in await self._all(statement, (ref,)))
