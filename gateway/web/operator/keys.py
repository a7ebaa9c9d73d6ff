"""Our own card: its keys with their windows and what is left of them, and the fingerprint that two people compare."""

import io
from dataclasses import dataclass

from aiohttp import web

from gateway.services.context import NotFound
from gateway.web.operator.desk import ROLES, left, operate
from gateway.web.visit import Route, Visit
from keys import b64, trust_words
from keys.card import Card, CardKey

PICTURE_SCALE = 6


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the card: what it is for, its window, and how it stands now in words with the kind of its tag."""

    use: str
    kid: str
    begins: str
    ends: str
    state: str
    kind: str


def card_of(visit: Visit) -> Card:
    """Return our own card. Raises ``NotFound``: a home always has one, or its gateway did not start."""
    own = operate(visit).context.own
    if own is None:
        raise NotFound("there is no card of ours")
    return own


def _key(visit: Visit, use: str, key: CardKey, held: bool | None) -> Key:
    tongue, now = visit.tongue, visit.now
    if key.is_revoked(now):
        state, kind = tongue._("Revoked"), "late"
    elif now < key.valid_from:
        state, kind = tongue._("Not in use yet"), "still"
    else:
        state, kind = left(tongue, key.valid_until, now)
        if held is False and key.is_active(now):
            state, kind = tongue._("Its private half is not here"), "late"
    return Key(use, key.kid, tongue.instant(key.valid_from), tongue.instant(key.valid_until), state, kind)


async def keys(visit: Visit) -> web.StreamResponse:
    """Show our card and its keys."""
    card, ring = card_of(visit), operate(visit).context.keyring
    signing = [_key(visit, visit.tongue._("Signing"), one, one.kid == ring.signing.kid) for one in card.signing]
    sealing = [_key(visit, visit.tongue._("Sealing"), one, b64.decode(one.kid) in ring.sealing) for one in card.sealing]
    last = max((one.valid_until for one in card.sealing if not one.is_revoked(visit.now)), default=visit.now)
    words = [line.split() for line in trust_words.lines(trust_words.fingerprint_of(card.identity)).splitlines()]
    return visit.page(
        "operator/keys.html",
        card=card,
        signing=signing,
        sealing=sealing,
        roles=[_key(visit, visit.tongue.code("role", one.role), one, None) for one in card.roles],
        reach=left(visit.tongue, last, visit.now),
        words=[(number, " ".join(said)) for number, *said in words],
    )


async def picture(visit: Visit) -> web.StreamResponse:
    """Show the fingerprint of our identity key as a QR code, for a telephone that is held before the screen."""
    import segno  # here, because one page in a year needs it

    made = io.BytesIO()
    segno.make(card_of(visit).fingerprint.replace(" ", "").upper(), error="m", micro=False).save(
        made, kind="svg", scale=PICTURE_SCALE, xmldecl=False, svgclass=None, lineclass=None
    )
    return web.Response(body=made.getvalue(), content_type="image/svg+xml")


async def published(visit: Visit) -> web.StreamResponse:
    """Hand out our card as it is published: a signed file without a secret."""
    card = card_of(visit)
    name = f"{card.country}-{card.serial}.jws"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=card.raw, content_type="application/jose", headers=headers)


ROUTES = (
    Route("GET", "/keys", "keys", keys, ROLES),
    Route("GET", "/keys/fingerprint.svg", "fingerprint", picture, ROLES),
    Route("GET", "/keys/card", "card", published, ROLES),
)
