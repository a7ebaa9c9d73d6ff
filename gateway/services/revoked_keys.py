"""What the cards of each State revoked, kept also once a later card leaves the keys out (M-8.1)."""

from datetime import datetime

from gateway.services.ports import Tx
from keys.card import Card, Revoked, earliest
from schemas import ijson

PREFIX = "revoked:"
"""Begins the name under which what the cards of a State revoked is kept, also once they leave the keys out."""

REVOKED_MAX = 1024
"""Most revoked keys kept of one State for one use, those revoked last. A card lists 8 signing and 13 sealing keys."""


async def said_before(tx: Tx, country: str) -> Revoked:
    """Return what is kept of ``country``. Raises ``ValueError``."""
    text = await tx.find_meta(PREFIX + country)
    return parse(text) if text else {}


def parse(text: str) -> Revoked:
    """Return what was kept of revoked keys. Raises ``ValueError``."""
    said = ijson.loads(text.encode())
    try:
        return {use: {kid: datetime.fromisoformat(at) for kid, at in keys.items()} for use, keys in said.items()}
    except (AttributeError, TypeError) as error:
        raise ValueError("revoked keys are kept in another form") from error


async def say(tx: Tx, country: str, revoked: Revoked, *, anew: bool = False) -> Revoked:
    """Keep ``revoked`` beside what was kept of ``country``, or in its place if ``anew``, and return what is kept."""
    before = await said_before(tx, country)
    said = revoked if anew else earliest(before, revoked)
    kept = {use: dict(sorted(keys.items(), key=lambda one: one[1])[-REVOKED_MAX:]) for use, keys in said.items()}
    if kept != before and (before or any(kept.values())):
        value = {use: {kid: at.isoformat() for kid, at in keys.items()} for use, keys in kept.items()}
        await tx.set_meta(PREFIX + country, ijson.dumps(value).decode())
    return kept


def without(said: Revoked, card: Card) -> Revoked:
    """Return ``said`` but for the keys that ``card`` lists."""
    listed = {key.kid for key in (*card.signing, *card.sealing, *card.roles)}
    return {use: {kid: at for kid, at in keys.items() if kid not in listed} for use, keys in said.items()}
