"""
Which of the cards that a State publishes continue the one held (``docs/protocol.md`` 8.2), and what they revoke.

A card proves by itself that it is whole; whose it is, its chain says, from the identity key that somebody compared.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from keys import card as cards
from keys.card import Card, Revoked, earliest, revocations
from keys.errors import CardRefused


class Chain(NamedTuple):
    """What a chain of cards leads to: the newest that continues it, why the next does not, what it revoked."""

    card: Card | None
    fault: CardRefused | None
    revoked: Revoked

    @property
    def hold(self) -> str | None:
        """Return why to hold: somebody else may be speaking for the country. Any other fault leaves the card held."""
        return str(self.fault) if self.fault is not None and self.fault.needs_hold else None


def under(identity: bytes, published: Sequence[bytes]) -> Sequence[bytes]:
    """Return ``published`` from the first by ``identity`` (32 bytes) on: what is before a new identity is history."""
    for index, raw in enumerate(published):
        with suppress(CardRefused):
            cards.verify_card(raw, identity)
            return published[index:]
    return published


def advance_chain(
    held: Card | None,
    pin: bytes,
    published: Sequence[bytes],
    now: datetime,
    country: str | None = None,
    revoked: Revoked | None = None,
) -> Chain:
    """
    Return the newest card of ``published`` that continues from ``held`` (or from the pin), and why the next does not.

    Pure but for parsing. A card already held or older is passed over; the first that does not continue ends the chain,
    and may be a reason to hold. With ``country`` a card of another one is not taken. ``revoked`` is what cards
    before ``held`` revoked; what those of ``published`` revoke is returned with it, for a later one may leave it out.
    Where none is held, cards before the first by the pin are those of an identity that was changed since.
    """
    known = earliest(revoked or {}, revocations(held) if held else {})
    if held is None:
        published = under(pin, published)
    elif held.raw in published:
        published = published[published.index(held.raw) :]
    for raw in published:
        try:
            card = held
            if held is None:
                card = cards.verify_card(raw, pin)
            elif raw != held.raw:
                card = _following(held, raw, raw is published[-1], now, known)
            if card is not None and country not in (None, card.country):
                raise CardRefused("wrong-country", "a card of another country")
            held = card
            known = earliest(known, revocations(held) if held else {})
        except CardRefused as error:
            return Chain(held, error, known)
    return Chain(held, None, known)


def _following(held: Card, raw: bytes, newest: bool, now: datetime, revoked: Revoked) -> Card:
    """Return the card held after ``raw``, which is another one (M-8.6). Raises ``CardRefused``."""
    card = cards.parse_card(raw)
    if card.serial > held.serial:
        return cards.advance(held, raw, now, revoked)
    if card.country == held.country and newest and card.identity != held.identity:
        raise CardRefused("wrong-identity", "the newest card is by another identity key than the card held")
    if card.country == held.country and card.identity == held.identity and card.serial == held.serial:
        raise CardRefused("prev-mismatch", "another card has the serial of the one held")
    return held
