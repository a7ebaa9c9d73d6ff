"""
The other States: the card held of each, how old what we know is, holds, and a new key by the word of two operators.

Rule 1: to stop takes one operator and works at once.
Rule 2: a hold is lifted, and a new key taken, by two operators; each types the fingerprint that they compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway.core.codes import PeerError
from gateway.core.machine import RuleRefused
from gateway.services.context import NotFound
from gateway.services.operate import Standing
from gateway.services.trust import OldLogs
from gateway.services.trust_acts import REASON_MAX
from gateway.web.language import N_, Tongue
from gateway.web.operator.desk import ROLE, ROLES, ago, left, operate
from gateway.web.visit import Route, Visit
from keys import trust_words
from keys.card import parse_card
from keys.errors import CardRefused

STAGES: Mapping[str, tuple[str, str]] = {
    "fresh": (N_("Up to date"), "good"),
    "old": (N_("Not read for days"), "soon"),
    "no-sending": (N_("Too old to send by"), "late"),
    "no-receiving": (N_("Too old to send or receive by"), "late"),
}
"""How old what is published is, and the kind of its tag."""

ACTS: Mapping[str, str] = {
    "held": N_("Put on hold by this gateway"),
    "hold": N_("Put on hold"),
    "confirm": N_("Key confirmed, hold lifted"),
    "go-on": N_("Go on with the card held"),
}
"""What was decided about a State."""

FINGERPRINT_MAX = 600


@dataclass(frozen=True, slots=True)
class Row:
    """How a State stands, in words."""

    one: Standing
    state: str
    kind: str
    read: str
    card: str


def _row(visit: Visit, one: Standing) -> Row:
    tongue = visit.tongue
    state, kind = _state(tongue, one)
    text = tongue._("No card")
    if one.card is not None:
        text = tongue._("Card %(serial)s, epoch %(epoch)s", serial=one.card.serial, epoch=one.card.epoch)
    return Row(one, state, kind, ago(tongue, one.age), text)


def _state(tongue: Tongue, one: Standing) -> tuple[str, str]:
    if one.compared is not None:
        return tongue._("Waits for a second operator"), "new"
    if one.hold is not None:
        return tongue._("On hold"), "late"
    text, kind = STAGES[one.stage]
    return (tongue._("Old, and two officers go on"), "soon") if one.going_on else (tongue._(text), kind)


async def states(visit: Visit) -> web.StreamResponse:
    """List the States."""
    here = operate(visit)
    rows = [_row(visit, one) for one in await here.standings()]
    decided = [(one, visit.tongue._(ACTS[one.act])) for one in await here.decided()]
    return visit.page("operator/states.html", rows=rows, decided=decided)


async def _standing(visit: Visit) -> Standing:
    country = visit.request.match_info["country"]
    for one in await operate(visit).standings():
        if one.country == country:
            return one
    raise NotFound("there is no such State here")


def _said(identity: bytes) -> str:
    return trust_words.hexadecimal(trust_words.fingerprint_of(identity))


async def state(visit: Visit) -> web.StreamResponse:
    """Show one State."""
    one = await _standing(visit)
    ends = max((key.valid_until for key in one.card.sealing), default=None) if one.card is not None else None
    return visit.page(
        "operator/state.html",
        row=_row(visit, one),
        one=one,
        sealing=left(visit.tongue, ends, visit.now) if ends is not None else None,
        fingerprint=_said(one.compared.identity) if one.compared is not None else "",
        mine=one.compared is not None and one.compared.person == visit.person.id,
    )


_NO_REASON = N_("Say why. It is kept with your name; name no person in it.")
_NO_FINGERPRINT = N_("Type the fingerprint as that State read it out: 64 digits and letters from a to f, or 52 words.")
_NO_SUCH_CARD = N_("No card that is published has this fingerprint. Ask for it again by another way.")
_REFUSED = N_("This cannot be done now. Look at how the State stands, and at what a first operator compared.")
_OLD_LOGS = N_(
    "This State has lost its logs, and its card does not say so: it still names their epoch. It has to raise its "
    "epoch, by the command that follows a restore, and give out that card."
)
_DISTRUSTED = N_("The trustees distrust this State, or its card cannot be taken. The hold stays.")


async def _form(visit: Visit, template: str, field: str = "", problem: str = "") -> web.StreamResponse:
    """Show the form of an act; with a problem, the fields as they were typed."""
    problems = [(field, visit.tongue._(problem))] if problem else []
    return visit.page(
        f"operator/{template}.html",
        status=422 if problem else 200,
        one=await _standing(visit),
        problems=problems,
        typed=visit.form or visit.draft,
        errors=dict(problems),
        reason_max=REASON_MAX,
    )


async def hold_form(visit: Visit) -> web.StreamResponse:
    """Ask why a State is to be put on hold."""
    return await _form(visit, "hold_form")


async def hold(visit: Visit) -> web.StreamResponse:
    """Put a State on hold: first the page that says what that does, then the act."""
    one, why = await _standing(visit), visit.form.get("why", "")
    if not why or len(why) > REASON_MAX:
        return await _form(visit, "hold_form", "why", _NO_REASON)
    if visit.form.get("confirm") != "yes":
        return visit.page("operator/hold.html", one=one, why=why)
    await operate(visit).acts.hold(one.country, why, visit.person.id, ROLE)
    return await _done(visit, one.country, N_("%(country)s is on hold. Nothing is sent to it."))


async def key_form(visit: Visit) -> web.StreamResponse:
    """Ask for the fingerprint that the operator compared."""
    return await _form(visit, "key_form")


async def confirm(visit: Visit) -> web.StreamResponse:
    """Say that one compared a fingerprint: first the page with what it does, then the act."""
    one, why, typed = await _standing(visit), visit.form.get("why", ""), visit.form.get("fingerprint", "")
    try:
        wanted = trust_words.read(typed[:FINGERPRINT_MAX])
    except ValueError:
        return await _form(visit, "key_form", "fingerprint", _NO_FINGERPRINT)
    if not why or len(why) > REASON_MAX:
        return await _form(visit, "key_form", "why", _NO_REASON)
    named = await _named(visit, one.country, wanted)
    if named is None:
        return await _form(visit, "key_form", "fingerprint", _NO_SUCH_CARD)
    if visit.form.get("confirm") != "yes":
        shown = trust_words.hexadecimal(wanted)
        second = one.compared is not None and one.compared.person != visit.person.id
        return visit.page("operator/key.html", one=one, why=why, fingerprint=shown, second=second)
    try:
        two = await operate(visit).acts.compare(one.country, named, why, visit.person.id, ROLE)
    except RuleRefused as error:
        why_not = _OLD_LOGS if isinstance(error, OldLogs) else _REFUSED
        return await _form(visit, "key_form", "fingerprint", why_not)
    except PeerError:
        return await _form(visit, "key_form", "fingerprint", _DISTRUSTED)
    text = (
        N_("The key of %(country)s is confirmed by two operators, and the hold is lifted.")
        if two
        else N_("Your word is kept. A second operator has to compare the fingerprint of %(country)s too.")
    )
    return await _done(visit, one.country, text)


async def _named(visit: Visit, country: str, fingerprint: bytes) -> bytes | None:
    """Return the identity key of the newest published card that has ``fingerprint``."""
    for raw in reversed(await operate(visit).cards(country)):
        try:
            card = parse_card(raw)
        except CardRefused:
            continue
        if card.country == country and trust_words.fingerprint_of(card.identity) == fingerprint:
            return card.identity
    return None


async def back_form(visit: Visit) -> web.StreamResponse:
    """Ask why what was compared is taken back."""
    return await _form(visit, "back_form")


async def take_back(visit: Visit) -> web.StreamResponse:
    """Take back what a first operator said they compared. It only stops, so it has no page in between."""
    one, why = await _standing(visit), visit.form.get("why", "")
    if not why or len(why) > REASON_MAX:
        return await _form(visit, "back_form", "why", _NO_REASON)
    await operate(visit).acts.take_back(one.country, why, visit.person.id, ROLE)
    return await _done(visit, one.country, N_("What was compared of %(country)s is taken back. The hold stays."))


async def _done(visit: Visit, country: str, text: str) -> web.StreamResponse:
    return await visit.to(visit.path("state", country=country), told=visit.tongue._(text, country=country))


ROUTES = (
    Route("GET", "/states", "states", states, ROLES),
    Route("GET", "/states/{country}", "state", state, ROLES),
    Route("GET", "/states/{country}/hold", "hold", hold_form, ROLES, fresh=True),
    Route("POST", "/states/{country}/hold", "hold-put", hold, ROLES, fresh=True),
    Route("GET", "/states/{country}/key", "key", key_form, ROLES, fresh=True),
    Route("POST", "/states/{country}/key", "key-confirm", confirm, ROLES, fresh=True),
    Route("GET", "/states/{country}/back", "back", back_form, ROLES, fresh=True),
    Route("POST", "/states/{country}/back", "take-back", take_back, ROLES, fresh=True),
)
