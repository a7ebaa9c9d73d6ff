"""
Which of the cards that lie in our own folder are ours.

Rule 1: who puts files into the directory of cards does not matter for who is believed, also not about ourselves.
Rule 2: a running gateway goes by cards of the identity key that it began with; one of another is taken at a start.
Rule 3: what is no card, not ours, or older than the card held leaves that, and ends no key.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from keys.card import Card, parse_card
from keys.errors import CardRefused


def ours(published: Iterable[bytes], country: str, held: Card | None) -> Iterator[Card]:
    """Yield the cards of ``country`` among ``published`` by the identity key of ``held``; all of them without one."""
    for raw in published:
        with suppress(CardRefused):
            card = parse_card(raw)
            if card.country == country and (held is None or card.identity == held.identity):
                yield card


def every(published: Sequence[bytes], country: str, held: Card | None) -> list[Card]:
    """
    Return our cards among ``published``, oldest first: those by the identity key of ``held``, and what they follow.

    A card names the digest of the one before it, also where another identity key signed that: it is ours as well, and
    says of our older keys when they end. Without a card held all of ``country`` are returned.
    """
    found = list(ours(published, country, None))
    if held is None:
        return found
    linked = {held.digest}
    for card in reversed(found):
        if card.prev is not None and (card.identity == held.identity or card.digest in linked):
            linked.add(card.prev)
    return [card for card in found if card.identity == held.identity or card.digest in linked]


def newest(published: Sequence[bytes], country: str, held: Card | None, log: str) -> Card | None:
    """
    Return the last card of ``published`` that is ours, or ``held`` if none is.

    Without a card held it is the last one that lists our log key, whose id is ``log``, which outlives every other key.
    """
    if held is not None and published and published[-1] == held.raw:
        return held
    if held is None:
        own = list(ours(reversed(published), country, None))
        return next((card for card in own if any(key.kid == log for key in card.log)), own[0] if own else None)
    found = next(ours(reversed(published), country, held), held)
    return found if found.serial >= held.serial else held
