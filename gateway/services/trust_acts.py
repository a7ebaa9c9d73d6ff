"""
What named officers decide about whom we believe: to hold a State, to lift a hold, to go on with cards that are old.

Rule 1: to stop takes one officer and works at once; a running gateway notices within seconds.
Rule 2: a hold is lifted by two officers, each of whom compared the fingerprint by another way than the card came:
nobody changes whom we believe alone. A hold that comes between their words voids the first.
Rule 3: to go on with old cards takes two officers, for one State, and ends with the next reading of what is published.

Every act is kept with who did it and why. No act is about a person, so a reason names nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.facts import Finding
from gateway.core.machine import RuleRefused
from gateway.services.context import Context, Forbidden, NoPartner, Person, acting
from gateway.services.ports import Tx
from gateway.services.rows import TrustEvent
from gateway.services.trust import STOP_RECEIVING, WARN
from keys import b64
from keys.errors import BadRest
from keys.trust_words import fingerprint_of
from schemas import ijson

OFFICERS = frozenset({"liaison_officer", "desk_head", "operator"})
"""Roles that may decide about keys: those who speak with the other State, and those who run the gateway."""

REASON_MAX = 500

COMPARED_LASTS = timedelta(days=7)
"""How long what a first officer compared waits for a second one."""

_COMPARED = "trust.compared."
"""Under this and the country the store keeps what a first officer compared."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a first officer compared: identity key (32 bytes), who, when, why."""

    identity: bytes
    person: str
    at: datetime
    reason: str


class TrustActs:
    """The acts, for those who hold one of ``OFFICERS``."""

    def __init__(self, context: Context) -> None:
        """Decide for the gateway of ``context``."""
        self._context = context

    async def hold(self, country: str, reason: str, person: str, role: str) -> None:
        """Put ``country`` on hold: nothing is sent to it, and what it sends stays with it. Raises as ``compare``."""
        now = self._acting(country, reason, person, role)
        await self._context.trust.hold(country, person, reason.strip(), now)
        self._context.log("trust.held", country=country)

    async def compare(self, country: str, identity: bytes, reason: str, person: str, role: str) -> bool:
        """
        Say that ``person`` compared ``identity`` (32 bytes) by another way; the second officer's word confirms it.

        Returns whether two have said so now; then the hold is lifted and the newest card under that key is held.
        Raises ``Forbidden``, ``NotFound`` for no partner, ``RuleRefused`` without a reason, where there is nothing to
        confirm, or where the first officer compared another key, and ``PeerError`` as ``Trust``.
        """
        now = self._acting(country, reason, person, role)
        new = Compared(identity, person, now, reason.strip())

        async def words(tx: Tx) -> Sequence[TrustEvent]:
            held, row = self._context.trust.held(country), await tx.find_partner(country)
            on_hold = country in self._context.trust.holds() or (row is not None and row.hold is not None)
            if held is not None and held.identity == identity and not on_hold:
                raise _refused(f"{country} is not on hold, and this is the key we hold")
            old = await self._compared(tx, country, now)
            if old is None or old.person == person:
                said = _said(new, await _last_hold(tx, country))
                sealed = self._context.vault.seal_own("partner", country, "compared", said)
                await tx.set_meta(_COMPARED + country, b64.encode(sealed))
                return ()
            if old.identity != identity:
                raise _refused("the first officer compared another fingerprint; neither counts until one is taken back")
            await tx.set_meta(_COMPARED + country, "")
            return [TrustEvent(0, one.at, country, "confirm", one.person, one.reason) for one in (old, new)]

        if not await self._context.trust.confirm(country, identity, now, words):
            self._context.log("trust.compared", country=country)
            return False
        self._context.log("trust.confirmed", country=country, digest=fingerprint_of(identity).hex())
        return True

    async def take_back(self, country: str, reason: str, person: str, role: str) -> None:
        """Take back what a first officer compared, their own word or another's. Raises as ``compare``."""
        self._acting(country, reason, person, role)
        await self._context.commit(lambda tx: tx.set_meta(_COMPARED + country, ""))
        self._context.log("trust.taken_back", country=country)

    async def comparisons(self) -> Mapping[str, Compared]:
        """Return what first officers compared and no second one has yet, by country."""
        now = self._context.clock.now()

        async def unit(tx: Tx) -> dict[str, Compared]:
            found = {country: await self._compared(tx, country, now) for country in self._context.partners}
            return {country: one for country, one in found.items() if one is not None}

        return await self._context.store.read(unit)

    async def go_on(self, country: str, reason: str, person: str, role: str) -> bool:
        """
        Go on with the card held of ``country`` although what is published could not be read for long.

        Returns whether a second officer has said so too; until then nothing changes. Raises as ``compare``, and
        ``RuleRefused`` where the card is not old, or is too old for anybody.
        """
        now = self._acting(country, reason, person, role)
        age = self._context.trust.ages()[country]
        if not WARN < age <= STOP_RECEIVING:
            hours = int(age.total_seconds() // 3600)
            raise _refused(
                f"the cards of {country} were read {hours} h ago; two go on after 48 h, and for 14 days only"
            )
        two = await self._context.trust.go_on(country, person, reason.strip(), now)
        self._context.log("trust.going_on" if two else "trust.go_on", country=country)
        return two

    async def _compared(self, tx: Tx, country: str, now: datetime) -> Compared | None:
        """Return what a first officer compared, while it waits and that officer may still decide."""
        found = await _compared(self._context, tx, country, now)
        return found if found is not None and decides(self._context.persons, found.person, now) else None

    def _acting(self, country: str, reason: str, person: str, role: str) -> datetime:
        """Return now, if this person may decide about this State and gives a reason."""
        now = self._context.clock.now()
        acting(self._context, person, role, now)
        if role not in OFFICERS:
            raise Forbidden(f"the role '{role}' does not decide about keys", f"may: {', '.join(sorted(OFFICERS))}")
        if country not in self._context.partners:
            raise NoPartner(country)
        if not reason.strip() or len(reason) > REASON_MAX:
            raise _refused(f"a reason of at most {REASON_MAX} characters is needed")
        return now


def decides(persons: Mapping[str, Person], person: str, now: datetime) -> bool:
    """Return whether ``person`` holds one of ``OFFICERS`` now."""
    found = persons.get(person)
    return found is not None and found.active(now) and bool(found.roles & OFFICERS)


async def _compared(context: Context, tx: Tx, country: str, now: datetime) -> Compared | None:
    """
    Return what a first officer compared, if it was in time and the State was not put on hold since.

    What this gateway did not seal nobody said: whoever can write to the database alone is no first officer.
    """
    text = await tx.find_meta(_COMPARED + country)
    try:
        value = ijson.loads(context.vault.open_own("partner", country, "compared", b64.decode(text or "")))
    except (BadRest, ValueError):
        return None
    found = Compared(
        b64.decode(value["identity"]), value["person"], datetime.fromisoformat(value["at"]), value["reason"]
    )
    counts = found.at <= now < found.at + COMPARED_LASTS and value.get("hold") == await _last_hold(tx, country)
    return found if counts else None


async def _last_hold(tx: Tx, country: str) -> int:
    """Return the number of the event that put ``country`` on hold last, or 0."""
    numbers = [one.number for one in await tx.trust_events() if one.country == country and one.act in ("held", "hold")]
    return max(numbers, default=0)


def _said(one: Compared, hold: int) -> bytes:
    value = {"identity": b64.encode(one.identity), "person": one.person, "at": one.at.isoformat(), "reason": one.reason}
    return ijson.dumps(value | {"hold": hold})


def _refused(because: str) -> RuleRefused:
    return RuleRefused((Finding("N-02", because, "to"),))
