"""
The directory: competent authorities and liaison officers of every State, as each announced its own, signed.

Rule 1: what a State announced is kept as the signed message itself, so that it can be shown later who said what.
Rule 2: a change reaches every partner, in whatever order: an earlier one holds until the first that is later begins.
Where the State began anew what it announced before then holds until it announces something, and counts no more after.
Rule 3: no case is without a named officer. Who is away is stood in for by a deputy, and the deputy's deputy.
Rule 4: what is announced again in a later epoch of ours takes the place of all that was announced before. So whatever
was announced after it, and holds yet, is announced again with it.
Rule 5: what was received when the key that signed it was revoked already says nothing (M-8.3). It stays kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import schemas
from gateway.core.calendars import local_date
from gateway.core.codes import PeerError, Reason
from gateway.core.directory import Change, Officer, authorities, faults, officers, parse_change, yet_to_hold
from gateway.core.messages import DIRECTORY
from gateway.core.wire import Payload, payload_digest, payload_in
from gateway.services import channel, epochs
from gateway.services.context import Context, Forbidden, acting
from gateway.services.ports import Tx
from keys import jws
from keys.card import Authority
from schemas import ijson

KEEPERS = frozenset({"liaison_officer", "desk_head"})
"""Roles that may announce a change of our own directory."""

KEPT = 32
"""Changes kept of each State, those made last; older ones are in the backups, if anybody needs them."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What holds of one State on a day: authorities, officers, and the serial announced last (0: none)."""

    country: str
    serial: int
    authorities: tuple[Authority, ...]
    officers: tuple[Officer, ...]


def _name(country: str) -> str:
    return f"directory:{country}"


async def _kept(tx: Tx, country: str) -> list[str]:
    text = await tx.find_meta(_name(country))
    return text.split("\n") if text else []


async def _signed(tx: Tx, country: str) -> list[tuple[int, str]]:
    """Return what ``country`` announced, each with how often it had begun anew by then, in the order it was taken."""
    return [_counted(line) for line in await _kept(tx, country)]


def _counted(line: str) -> tuple[int, str]:
    """Return how often its State had begun anew, and what was announced; a line without a number is of the first."""
    number, _, signed = line.partition(" ")
    return (int(number), signed) if number.isdigit() else (0, line)


async def _changes(context: Context, tx: Tx, country: str) -> tuple[Change, ...]:
    """Return what ``country`` announced and still stands, in the order in which it was taken."""
    found = await _signed(tx, country)
    return tuple([_change(*one) for one in found if await _since(context, tx, country, one[1]) is None])


def _change(begun: int, signed: str) -> Change:
    """Return a change: of a partner's signed message, or our own as announced."""
    if signed.startswith("{"):
        return parse_change(ijson.loads(signed.encode()))
    payload = payload_in(signed.encode())
    return parse_change(payload.body, payload.epoch, begun)


async def _since(context: Context, tx: Tx, country: str, signed: str) -> datetime | None:
    """
    Return since when the key of what ``country`` announced is revoked, if that was before it was received here.

    To the second, as everywhere (``fallen``): the instant of receipt is judged, whatever either clock was off by.
    """
    revoked = context.trust.revoked(country)
    if signed.startswith("{") or not revoked:
        return None
    parts = jws.parse(signed.encode(), jws.TYP_MESSAGE)
    since = revoked.get(parts.kid)
    if since is None:
        return None
    row = await tx.find_inbound(country, payload_digest(parts.payload))
    return since if row is None or row.received_at >= since else None


async def fallen(context: Context, tx: Tx, country: str) -> tuple[str, ...]:
    """Return the digests of what ``country`` announced that fell with its key, in the order in which it was taken."""
    texts = [text for _, text in await _signed(tx, country) if await _since(context, tx, country, text) is not None]
    return tuple(payload_digest(jws.parse(text.encode(), jws.TYP_MESSAGE).payload) for text in texts)


async def _keep(tx: Tx, country: str, text: str) -> None:
    lines = [*await _kept(tx, country), text]
    if len(lines) > KEPT:
        lines.remove(min(lines, key=lambda line: _change(*_counted(line)).order))
    await tx.set_meta(_name(country), "\n".join(lines))


async def announce_again(context: Context, tx: Tx, country: str, now: datetime, since: int = 1) -> None:
    """
    Announce to ``country`` in our epoch what holds yet of what we announced from the serial ``since`` on (rule 4).

    What it has of that already changes nothing there. It waits in the outbox where no key of the other State is held.
    """
    said = {_change(0, line): line for line in await _kept(tx, context.country)}
    for change in yet_to_hold(tuple(said), now.date(), since):
        await channel.queue(context, tx, country, DIRECTORY, said[change].encode(), now)


async def listing(context: Context, tx: Tx, country: str, on: date) -> Listing:
    """Return what holds of ``country`` on the day ``on``; of a State whose card is not held, what it announced."""
    changes = await _changes(context, tx, country)
    card = context.own if country == context.country else context.trust.find(country)
    serial = max((one.serial for one in changes), default=0)
    found = authorities(changes, card.authorities if card else (), on)
    return Listing(country, serial, found, officers(changes, on))


async def is_listed(context: Context, tx: Tx, country: str, authority: str, on: date) -> bool:
    """Return whether ``authority`` stands in the directory of ``country`` on the day ``on``."""
    return any(one.id == authority for one in (await listing(context, tx, country, on)).authorities)


class Directory:
    """Our own entry in the directory, and the entries of the others."""

    def __init__(self, context: Context) -> None:
        """Keep the directory of ``context``."""
        self._context = context

    async def announce(self, change: Mapping[str, Any], person: str, role: str = "liaison_officer") -> int:
        """
        Announce ``change`` (schema ``directory`` without ``serial``) to every partner; return its serial.

        It waits for a partner of which no sealing key is held. Raises ``SchemaError``, ``Forbidden``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in KEEPERS:
            raise Forbidden(f"the role '{role}' keeps no directory", f"may: {', '.join(sorted(KEEPERS))}")

        async def unit(tx: Tx) -> int:
            serial = (await listing(context, tx, context.country, now.date())).serial + 1
            value = {"serial": serial, **change}
            schemas.validate(DIRECTORY, value)
            if found := faults(context.country, parse_change(value)):
                raise Forbidden(f"the directory contradicts itself: {found[0]}", "correct the file")
            body = ijson.dumps(value)
            await _keep(tx, context.country, body.decode())
            for country in context.partners:
                if context.no_contact(country) is None:
                    await channel.queue(context, tx, country, DIRECTORY, body, now)
            return serial

        serial: int = (await context.commit(unit)).value
        return serial

    async def take(self, tx: Tx, payload: Payload, signed: bytes) -> None:
        """
        Keep what a partner announced, unless it is held; what holds is looked for when it is asked for (M-3.22).

        Raises ``PeerError`` (``bad-schema``) for a directory that contradicts itself.
        """
        begun = await epochs.begun(tx, payload.sender)
        change = parse_change(payload.body, payload.epoch, begun)
        if faults(payload.sender, change):
            raise PeerError(Reason.SCHEMA)
        held = await _changes(self._context, tx, payload.sender)
        if any(one.order == change.order for one in held):
            return
        text = signed.decode("ascii")
        await _keep(tx, payload.sender, f"{begun} {text}" if begun else text)
        self._context.log("directory.changed", partner=payload.sender)

    async def show(self, country: str | None = None, on: date | None = None) -> tuple[Listing, ...]:
        """Return what holds on a day (today), of one State or of all, our own first."""
        context = self._context
        day = on or context.clock.now().date()
        wanted = (country,) if country else (context.country, *sorted(context.partners))

        async def unit(tx: Tx) -> tuple[Listing, ...]:
            return tuple([await listing(context, tx, one, day) for one in wanted])

        return await context.store.read(unit)


# Our own officers.


def in_charge(context: Context, officer: str, at: datetime) -> str | None:
    """
    Return who acts for ``officer`` at ``at``: the officer, or while away the deputy, and that one's deputy.

    ``None`` if everybody along the way is away, out of office or unknown: then the case has nobody, which is a fault.
    """
    seen: set[str] = set()
    current: str | None = officer
    while current is not None and current not in seen:
        seen.add(current)
        found = context.persons.get(current)
        if found is None:
            return None
        if found.active(at) and not found.is_away(local_date(at, context.zone)):
            return current
        current = found.deputy
    return None


def named(context: Context, officer: str, roles: frozenset[str], at: datetime) -> str:
    """
    Return ``officer`` if a case may be in its charge: a person here with one of ``roles`` who is in office.

    While away, somebody must stand in. Raises ``Forbidden``: no case is without an officer.
    """
    found = context.persons.get(officer)
    if found is None or not found.roles & roles:
        # Not quoted: what stands in that field of a draft may be anybody's name.
        raise Forbidden("who is named there is no officer of this gateway", "name a person with an officer's role")
    if in_charge(context, officer, at) is None:
        raise Forbidden(f"'{officer}' is away and nobody stands in", "set 'deputy' of the person in the configuration")
    return officer


def assigned(context: Context, roles: frozenset[str], at: datetime) -> str | None:
    """Return the first person by id, of those present with one of ``roles``, that a received case is given to."""
    return next((id for id in sorted(context.persons) if _present(context, id, roles, at)), None)


def _present(context: Context, id: str, roles: frozenset[str], at: datetime) -> bool:
    person = context.persons[id]
    return bool(person.roles & roles) and in_charge(context, id, at) == id


def stands_for(context: Context, person: str, at: datetime) -> tuple[str, ...]:
    """Return the officers whose cases ``person`` acts on at ``at``: its own, and those of whom it stands in for."""
    return tuple(id for id in sorted(context.persons) if in_charge(context, id, at) == person)
