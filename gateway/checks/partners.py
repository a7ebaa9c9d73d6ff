"""What is wrong with our partners: the cards that are here, and whether their doors, and the sign-on, answer."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta

from gateway.checks.look import Look
from gateway.core.card_chain import advance_chain
from gateway.home import is_ahead
from gateway.services.health import N_, Item, bad, note, ok
from gateway.services.ports import Peers, Unavailable
from gateway.settings import BadConfiguration
from gateway.storage.query import Query
from gateway.transport.card_directory import load_cards
from gateway.transport.peers import HttpPeers
from keys import b64
from keys.card import Card, parse_card
from keys.errors import CardRefused


def partners(look: Look) -> Iterator[Item]:
    """Look at the cards of each partner that are here, and at how long it can be written to."""
    for country, partner in look.settings.values["partners"].items():
        pin = b64.decode(partner["identity"])
        published = load_cards(look.settings.cards, country)
        chain = advance_chain(None, pin, published, look.now)
        held, why = chain.card, chain.hold
        if held is None:
            other = N_("the card of %(country)s is not by the identity key pinned")
            hint = N_("ask %(country)s for its card, and compare the fingerprint by another way")
            yield bad("partner", other if why else N_("no card of %(country)s is here"), hint, country=country)
            continue
        if why:
            text = N_("a card of %(country)s does not follow: %(why)s")
            hint = N_(
                "ask %(country)s by another way; where two officers have confirmed its new key, set the 'identity' "
                "that isthmus trust status shows"
            )
            yield bad("partner", text, hint, country=country, why=why)
        elif (ahead := _ahead(published, look.now)) is not None:
            text = N_(
                "a card of %(country)s is dated %(at)s UTC, ahead of our clock: neither it nor a later one is taken"
            )
            hint = N_(
                "set our clock if it is late; else tell %(country)s, which puts that card anew in its place: isthmus "
                "keys card --date-anew"
            )
            yield bad("partner", text, hint, country=country, at=f"{ahead.issued_at:%Y-%m-%d %H:%M}")
        elif published[-1] != held.raw:
            yield _untaken(held)
        active = [key.valid_until for key in held.sealing if key.is_active(look.now)]
        last = max((key.valid_until for key in held.sealing), default=look.now)
        if not active:
            hint = N_("ask %(country)s for its next card")
            yield bad("partner", N_("%(country)s has no sealing key for now"), hint, country=country)
        elif last - look.now < timedelta(days=15):
            text, hint = N_("the last sealing key of %(country)s ends on %(day)s"), N_("ask it for its next card")
            yield bad("partner", text, hint, country=country, day=last.date())
        else:
            text = N_("%(country)s: card %(serial)s, epoch %(epoch)s, fingerprint %(fingerprint)s")
            shown = {"serial": held.serial, "epoch": held.epoch, "fingerprint": held.fingerprint}
            yield ok("partner", text, country=country, **shown)
        if partner.get("no_contact"):
            hint = N_("nothing is sent to it until that is lifted")
            yield note("partner", N_("%(country)s is not to be contacted"), hint, country=country)


def _untaken(held: Card) -> Item:
    text = N_("the newest card of %(country)s that is here is not taken: one before it is missing, or not whole")
    hint = N_("ask %(country)s for every card after %(serial)s")
    return bad("partner", text, hint, country=held.country, serial=held.serial)


def behind(look: Look, query: Query) -> Iterator[Item]:
    """
    Look at the cards that the gateway itself holds, which those that are here may not go on from.

    A directory that lost one in between looks whole to who begins with it, as ``partners`` does.
    """
    for country, raw in query("SELECT country, card FROM partner WHERE card IS NOT NULL AND hold IS NULL"):
        partner = look.settings.values["partners"].get(country)
        # One held that cannot be read the gateway tells of (``trust.fault``), and ``partners`` of those that are here.
        with suppress(CardRefused, Unavailable):
            held = parse_card(bytes(raw))
            if partner is None:
                continue
            published, pin = load_cards(look.settings.cards, country), b64.decode(partner["identity"])
            taken = advance_chain(held, pin, published, look.now, country)
            if taken.card and taken.fault and advance_chain(None, pin, published, look.now).fault is None:
                yield _untaken(taken.card)


def _ahead(published: Sequence[bytes], now: datetime) -> Card | None:
    """Return the first of the cards ``published`` that a clock ahead has dated, if any has."""
    with suppress(CardRefused):
        return next((one for one in map(parse_card, published) if is_ahead(one, now)), None)
    return None


async def reach(look: Look, peers: Peers | None = None) -> list[Item]:
    """
    Knock at the door of every partner that has one, through ``peers``, and ask the sign-on of the desks, if any.

    Any answer of a partner at all is one. Nothing is posted there: what a partner refuses stands in its log as what
    somebody tried. Another method than POST is answered by every door (405, protocol section 1).
    """
    cards: dict[str, Card] = {}
    for country, partner in look.settings.values["partners"].items():
        pin = b64.decode(partner["identity"])
        held = advance_chain(None, pin, load_cards(look.settings.cards, country), look.now).card
        if held is not None and partner.get("transmission", "push") != "pull":
            cards[country] = held
    async with AsyncExitStack() as stack:
        through = await stack.enter_async_context(HttpPeers(cards.get)) if peers is None else peers
        found = await asyncio.gather(*(_knock(through, cards, country) for country in cards), _sign_on(look))
    return [item for item in found if item is not None]


async def _sign_on(look: Look) -> Item | None:
    """Ask the sign-on for what signing in takes of it: else the operator learns of it after everybody at the desks."""
    if not look.settings.values.get("desks", {}).get("openid"):
        return None
    from gateway.desks import sign_on  # here: the pages' libraries take a while
    from gateway.web.signin.openid import BACK

    try:
        provider = sign_on(look.settings, os.environ)
    except BadConfiguration:
        return None  # ``named`` tells of it
    if provider is None:
        return None
    try:
        await provider.try_out(look.settings.values["desks"]["origins"]["interior"] + BACK, look.now)
    except Unavailable as error:
        return bad("reach", N_("nobody signs in by the sign-on: %(why)s"), "%(then)s", why=error, then=error.hint)
    finally:
        await provider.close()
    return ok("reach", N_("the sign-on answers, and takes our client and secret"))


async def _knock(peers: Peers, cards: Mapping[str, Card], country: str) -> Item:
    try:
        answer = await peers.get(country, "/xg/1/messages")
    except Unavailable as error:
        addresses = ", ".join(cards[country].addresses) or "no address in its card"
        hint = N_("ask its operators; tried %(addresses)s")
        return bad("reach", N_("%(country)s: %(why)s"), hint, country=country, why=error, addresses=addresses)
    return ok("reach", N_("%(country)s answers (HTTP %(status)s)"), country=country, status=answer.status)
