"""
States that are not to be contacted: a list kept by people, two for each entry and two for its end, each with a reason.

Rule 1: an entry holds from the moment a second person confirmed it, and stops what already waits to be sent (N-01).
Rule 2: it holds until a second person confirmed its end. A proposal of either kind changes nothing.
Rule 3: a State that the configuration names stays barred whatever this list says; neither lifts the other.

Any of ``KEEPERS`` may begin, confirm and end an entry: those who speak with the other State, and those who know what it
does to people. No entry is about a person, so its reasons are sealed under a key that no erasure destroys.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.core.facts import Finding
from gateway.core.machine import RuleRefused
from gateway.services.context import Context, Forbidden, NoPartner, acting
from gateway.services.ports import Tx
from gateway.services.rows import NoContactRow
from schemas import ijson

KEEPERS = frozenset({"liaison_officer", "foreign_affairs", "asylum_authority", "child_welfare"})
"""Roles that may keep the list."""

REASON_MAX = 2000
"""Characters of one reason."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said of an entry: ``act`` is ``propose``, ``confirm``, ``lift`` or ``confirm-lift``."""

    act: str
    person: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One State of the list, as its keepers see it."""

    country: str
    holds: bool
    said: tuple[Said, ...]


async def barred(context: Context, tx: Tx, country: str) -> str | None:
    """Return why ``country`` may not be contacted, by configuration or by the list, or ``None``."""
    await refresh(context, tx)
    return context.no_contact(country)


async def refresh(context: Context, tx: Tx) -> None:
    """Take the list as it is stored now; the command line of another process may have changed it."""
    context.listed = frozenset(row.country for row in await tx.no_contacts() if row.holds)


class NoContact:
    """The list, for those who keep it."""

    def __init__(self, context: Context) -> None:
        """Keep the list of the gateway of ``context``."""
        self._context = context

    async def propose(self, country: str, reason: str, person: str, role: str) -> Entry:
        """
        Propose that ``country`` is not to be contacted; another person confirms it.

        Raises ``Forbidden``, ``NotFound`` for a State that is no partner, ``RuleRefused`` if it is on the list already.
        """
        now = self._acting(country, reason, person, role)

        async def unit(tx: Tx) -> Entry:
            if await _find(tx, country) is not None:
                raise _refused(f"{country} is on the list, or proposed for it, already")
            said = self._sealed(country, (), "propose", person, now, reason)
            row = NoContactRow(0, country, person, now, None, None, None, None, None, None, said)
            await tx.save_no_contact(row)
            return self._entry(row)

        return await self._kept(unit)

    async def confirm(self, country: str, reason: str, person: str, role: str) -> Entry:
        """
        Confirm, as another person than who proposed it, that ``country`` is not to be contacted.

        Raises as ``propose``, and ``RuleRefused`` if that is not proposed or the same person proposed it.
        """
        now = self._acting(country, reason, person, role)

        async def unit(tx: Tx) -> Entry:
            row = await _found(tx, country)
            if row.confirmed_at is not None:
                raise _refused(f"{country} is on the list already; its end is confirmed by a step of its own")
            _check_second(row.proposed_by, person)
            said = self._sealed(country, self._said(row), "confirm", person, now, reason)
            row = replace(row, confirmed_by=person, confirmed_at=now, sealed=said)
            await tx.save_no_contact(row)
            return self._entry(row)

        return await self._kept(unit)

    async def confirm_lift(self, country: str, reason: str, person: str, role: str) -> Entry:
        """
        Confirm, as another person than who proposed it, that the entry of ``country`` ends.

        It is no case of ``confirm``: a word for an entry, given late, would else end it. Raises as that.
        """
        now = self._acting(country, reason, person, role)

        async def unit(tx: Tx) -> Entry:
            row = await _found(tx, country)
            if row.lift_by is None:
                raise _refused(f"the end of the entry of {country} is not proposed")
            _check_second(row.lift_by, person)
            said = self._sealed(country, self._said(row), "confirm-lift", person, now, reason)
            row = replace(row, lifted_by=person, lifted_at=now, sealed=said)
            await tx.save_no_contact(row)
            return self._entry(row)

        return await self._kept(unit)

    async def lift(self, country: str, reason: str, person: str, role: str) -> Entry:
        """
        Propose that the entry of ``country`` ends; another person confirms it. One never confirmed ends at once.

        Raises as ``propose``, and ``RuleRefused`` if there is no entry or its end is proposed already.
        """
        now = self._acting(country, reason, person, role)

        async def unit(tx: Tx) -> Entry:
            row = await _found(tx, country)
            if row.lift_by is not None:
                raise _refused(f"the end of the entry of {country} is proposed already; another person confirms it")
            said = self._sealed(country, self._said(row), "lift", person, now, reason)
            row = replace(row, lift_by=person, lift_at=now, sealed=said)
            if row.confirmed_at is None:
                row = replace(row, lifted_by=person, lifted_at=now)
            await tx.save_no_contact(row)
            return self._entry(row)

        return await self._kept(unit)

    async def entries(self, person: str, role: str) -> tuple[Entry, ...]:
        """Return the list with its reasons, proposals too. Raises ``Forbidden``."""
        self._keeper(person, role)

        async def unit(tx: Tx) -> tuple[Entry, ...]:
            return tuple(self._entry(row) for row in await tx.no_contacts())

        return await self._context.store.read(unit)

    def _keeper(self, person: str, role: str) -> datetime:
        now = self._context.clock.now()
        acting(self._context, person, role, now)
        if role not in KEEPERS:
            raise Forbidden(f"the role '{role}' does not keep this list", f"may: {', '.join(sorted(KEEPERS))}")
        return now

    def _acting(self, country: str, reason: str, person: str, role: str) -> datetime:
        """Return now, if this person may speak on this State and gives a reason."""
        now = self._keeper(person, role)
        if country not in self._context.partners:
            raise NoPartner(country)
        if not reason.strip() or len(reason) > REASON_MAX:
            raise _refused(f"a reason of at most {REASON_MAX} characters is needed", "R-13")
        return now

    async def _kept(self, unit: Any) -> Entry:
        """Commit what was decided and take the list as it is then; nothing of a barred State leaves any more."""

        async def whole(tx: Tx) -> Entry:
            entry: Entry = await unit(tx)
            await refresh(self._context, tx)
            return entry

        kept: Entry = (await self._context.commit(whole)).value
        return kept

    def _sealed(self, country: str, said: tuple[Said, ...], act: str, person: str, now: datetime, reason: str) -> bytes:
        lines = [[one.act, one.person, one.at.isoformat(), one.reason] for one in said]
        lines.append([act, person, now.isoformat(), reason.strip()])
        return self._context.vault.seal_own("no_contact", country, "sealed", ijson.dumps({"said": lines}))

    def _said(self, row: NoContactRow) -> tuple[Said, ...]:
        lines = ijson.loads(self._context.vault.open_own("no_contact", row.country, "sealed", row.sealed))["said"]
        return tuple(Said(act, person, datetime.fromisoformat(at), reason) for act, person, at, reason in lines)

    def _entry(self, row: NoContactRow) -> Entry:
        return Entry(row.country, row.holds, self._said(row))


async def _find(tx: Tx, country: str) -> NoContactRow | None:
    return next((row for row in await tx.no_contacts() if row.country == country), None)


async def _found(tx: Tx, country: str) -> NoContactRow:
    row = await _find(tx, country)
    if row is None:
        raise _refused(f"{country} is not on the list")
    return row


def _check_second(first: str, person: str) -> None:
    if first == person:
        raise _refused("two different persons decide on the list", "V-01")


def _refused(because: str, rule: str = "N-01") -> RuleRefused:
    return RuleRefused((Finding(rule, because, "to"),))
