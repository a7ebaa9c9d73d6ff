"""
Whose key is whose: the cards held, how newer ones replace them, and when a State is on hold.

Rule 1: the first card of a State verifies under the identity key the configuration pins.
Rule 2: a newer card replaces the one held only if it verifies under the identity key of the one held and continues its
chain; otherwise the State is on hold until a named officer confirms out of band.
Rule 3: refreshing is a loop of its own; a message's path only reads what is held (``docs/protocol.md`` section 8).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.core.codes import PeerError, Reason
from gateway.services.ports import Clock, PartnerRow, Store, Tx, Unavailable
from keys import card as cards
from keys.card import Card
from keys.errors import CardRefused, RevokedKey, UnknownKey

STOP_SENDING = timedelta(days=7)
STOP_RECEIVING = timedelta(days=14)
"""After how long without a readable directory nothing is sent, and nothing taken in (``docs/protocol.md`` 8.3)."""


class CardSource(Protocol):
    """Where cards come from: a directory now, a threshold-signed repository later."""

    async def cards(self, country: str) -> Sequence[bytes]:
        """Return the raw cards of ``country`` that are published, oldest first."""
        ...


class Trust:
    """The cards held of each partner, and the holds."""

    def __init__(
        self,
        pins: Mapping[str, bytes],
        source: CardSource,
        store: Store,
        clock: Clock,
        log: Callable[..., None] = lambda event, **values: None,
    ) -> None:
        """``pins`` maps a country to its identity public key (32 bytes)."""
        self._pins = pins
        self._source = source
        self._store = store
        self._clock = clock
        self._log = log
        self._cards: dict[str, Card] = {}
        self._holds: dict[str, str] = {}
        self._refreshed: dict[str, datetime] = {}

    def card(self, country: str) -> Card:
        """
        Return the card held of ``country``.

        Raises ``PeerError`` with ``unknown-signer`` (no card), ``hold``, or ``later`` (stale).
        """
        if country in self._holds:
            raise PeerError(Reason.HOLD_CARD)
        card = self._cards.get(country)
        if card is None:
            raise PeerError(Reason.COUNTRY_UNKNOWN if country not in self._pins else Reason.CARD_MISSING)
        if self._age(country) > STOP_RECEIVING:
            raise PeerError(Reason.CARD_STALE)
        return card

    def find(self, country: str) -> Card | None:
        """Return the card to send by: ``None`` while there is none, it is stale, or the State is on hold."""
        if country in self._holds or self._age(country) > STOP_SENDING:
            return None
        return self._cards.get(country)

    def _age(self, country: str) -> timedelta:
        """Return how long ago the published cards of ``country`` were last read."""
        refreshed = self._refreshed.get(country)
        return timedelta(0) if refreshed is None else self._clock.now() - refreshed

    def signing_key(self, country: str, kid: str, at: datetime) -> bytes:
        """
        Return the public key ``kid`` of ``country`` if it may sign at ``at``.

        Raises ``PeerError`` with ``unknown-signer`` or ``hold``.
        """
        card = self.card(country)
        try:
            return card.signing_key(kid, at)
        except RevokedKey as error:
            raise PeerError(Reason.SIGNER_REVOKED) from error
        except UnknownKey as error:
            raise PeerError(Reason.SIGNER_UNKNOWN) from error

    def holds(self) -> Mapping[str, str]:
        """Return the States on hold and why."""
        return dict(self._holds)

    async def load(self) -> None:
        """Read the cards and holds that were held when the process last ran."""

        async def unit(tx: Tx) -> list[PartnerRow | None]:
            return [await tx.find_partner(country) for country in self._pins]

        for row in await self._store.read(unit):
            if row is not None:
                self._take(row)

    def _take(self, row: PartnerRow) -> None:
        if row.refreshed_at is not None:
            self._refreshed[row.country] = row.refreshed_at
        held = self._cards.get(row.country)
        if row.card is not None and (held is None or held.raw != row.card):
            self._cards[row.country] = cards.parse_card(row.card)
        self._holds.pop(row.country, None)
        if row.hold is not None:
            self._holds[row.country] = row.hold

    async def run_once(self, now: datetime) -> tuple[str, ...]:
        """
        Fetch what is published and take what continues a chain; return the countries whose epoch was raised.

        A country whose published card does not continue the chain held goes on hold. One whose cards cannot be read is
        left as it is, with a line in the log; the others do not wait for it.
        """
        await self.load()  # another process may have lifted a hold, and that must not be undone here
        raised = []
        for country, pin in self._pins.items():
            try:
                published = await self._source.cards(country)
            except Unavailable as error:
                self._log("trust.unread", country=country, error=str(error), hint=error.hint)
                continue
            held = self._cards.get(country)
            card, hold = advance_chain(held, pin, published, now)
            if hold is None and country in self._holds:
                hold = self._holds[country]  # only a person lifts a hold
            row = await self._keep(country, card, hold, now)
            # ``row.epoch`` follows only once the partner has been brought what it lost, so a crash forgets nothing.
            if hold is None and card is not None and card.epoch > row.epoch:
                raised.append(country)
            self._take(row)
        return tuple(raised)

    async def _keep(self, country: str, card: Card | None, hold: str | None, now: datetime) -> PartnerRow:
        async def unit(tx: Tx) -> PartnerRow:
            old = await tx.find_partner(country) or PartnerRow(country, 0, None, None, None, None, 0)
            row = old._replace(
                card=card.raw if card else None,
                hold=hold,
                refreshed_at=now,
                epoch=card.epoch if card and old.card is None else old.epoch,
            )
            await tx.save_partner(row)
            return row

        committed = await self._store.commit(unit)
        row: PartnerRow = committed.value
        return row

    async def confirm(self, country: str, identity: bytes, now: datetime) -> None:
        """
        Lift a hold after a named officer confirmed ``identity`` (32 bytes) out of band; hold the newest card under it.

        Raises ``PeerError`` if no published card verifies under ``identity``.
        """
        published = await self._source.cards(country)
        for raw in reversed(published):
            try:
                card = cards.verify_card(raw, identity)
            except CardRefused:
                continue
            self._take(await self._keep(country, card, None, now))
            return
        raise PeerError(Reason.CARD_MISSING)


def advance_chain(
    held: Card | None, pin: bytes, published: Sequence[bytes], now: datetime
) -> tuple[Card | None, str | None]:
    """
    Return the newest card of ``published`` that continues from ``held`` (or from the pin), and why to hold, if so.

    Pure but for parsing. A card already held or older is passed over; the first that does not continue is a reason to
    hold, and what was held stays held.
    """
    for raw in published:
        try:
            if held is None:
                held = cards.verify_card(raw, pin)
            elif raw != held.raw and cards.parse_card(raw).serial > held.serial:
                held = cards.advance(held, raw, now)
        except CardRefused as error:
            # Somebody else may be speaking for the country; any other fault leaves the card held as it is.
            return held, str(error) if error.needs_hold else None
    return held, None
