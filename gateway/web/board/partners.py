"""
The States: what was agreed with each, by which calendar its days are counted, how long it takes, whom to speak to.

Rule 1: a figure that nobody compared with the text of the agreement is marked as such.
Rule 2: a State tells of its authorities and officers itself; an officer is an opaque id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from aiohttp import web

from gateway.core.calendars import Calendar, local_date
from gateway.core.codes import PeerError
from gateway.core.envelope import MEDIA_TYPE
from gateway.core.instruments import Instrument, Rule, Unit
from gateway.services.directory import Directory
from gateway.services.ports import Unavailable
from gateway.services.trust import stage
from gateway.web.board.desk import BANDS, ROLES, board_of, partner_of, states_of
from gateway.web.language import N_, Tongue
from gateway.web.visit import Route, Visit
from keys.card import Card
from keys.errors import UnknownKey

STAGES = {
    "fresh": N_("Read within two days"),
    "old": N_("Not read for more than two days"),
    "no-sending": N_("Not read for more than a week: nothing is sent"),
    "no-receiving": N_("Not read for more than two weeks: nothing is taken in"),
}
"""How long ago the keys of a State were last read from what is published."""


@dataclass(frozen=True, slots=True)
class Period:
    """One step of an agreement in words, and whether somebody compared it with the text."""

    step: str
    length: str
    article: str
    source: str
    confidence: str
    governs: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement between this State and another, in the direction in which we ask."""

    instrument: Instrument
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of the connection found: one line for each thing looked at, and whether it is well."""

    lines: tuple[tuple[str, bool], ...]


async def every(visit: Visit) -> web.StreamResponse:
    """Show the States with how many replies of each are late, and what holds of them."""
    board = board_of(visit)
    counts = {one.partner: one for one in await board.counts(visit.now)}
    times = {one.partner: one for one in await board.times(visit.now)}
    rows = [(code, counts[code], times[code], _held(visit, code)) for code, _ in states_of(visit)]
    return visit.page("board/partners.html", rows=rows)


async def show(visit: Visit) -> web.StreamResponse:
    """Show one State."""
    return await _page(visit, partner_of(visit, visit.request.match_info["country"]))


async def test(visit: Visit) -> web.StreamResponse:
    """Knock at the door of a State, look at the card held of it, and show what came of it."""
    country = partner_of(visit, visit.request.match_info["country"])
    return await _page(visit, country, await _test(visit, country))


async def _page(visit: Visit, country: str, tested: Tested | None = None) -> web.StreamResponse:
    context, board = visit.site.desk.context, board_of(visit)
    (listing,) = await Directory(context).show(country)
    calendar = context.reckoner.calendars.get(country)
    card = context.trust.held(country)
    counts = await board.counts_of(country, visit.now)
    return visit.page(
        "board/partner.html",
        country=country,
        agreements=_agreements(visit, country),
        calendar=calendar,
        holidays=_holidays(visit, calendar),
        counts=[(visit.tongue._(BANDS[band]), band.value, n) for band, n in counts.of.items()],
        times=await board.times_of(country, visit.now),
        listing=listing,
        card=card,
        stage=visit.tongue._(STAGES[stage(context.trust.ages()[country])]) if country in context.trust.ages() else "",
        held=_held(visit, country),
        tested=tested,
    )


def _held(visit: Visit, country: str) -> str:
    """Return ``hold``, ``no-contact`` or an empty text. Why is for those who decided it."""
    context = visit.site.desk.context
    if context.no_contact(country) is not None:
        return "no-contact"
    return "hold" if country in context.trust.holds() else ""


def _agreements(visit: Visit, country: str) -> list[Agreement]:
    """Return what binds when we ask ``country`` today, the one that governs a reply first."""
    context = visit.site.desk.context
    reckoner, today = context.reckoner, local_date(visit.now, context.zone)
    agreed = reckoner.agreed.get(frozenset((context.country, country)))
    binding = [
        one
        for one in reckoner.instruments
        if one.applies(context.country, country, today) and (agreed is None or one.id in agreed)
    ]
    found = [
        Agreement(one, tuple(_period(visit, country, one, rule) for rule in one.steps))
        for one in sorted(binding, key=lambda one: (-one.specificity, one.id))
    ]
    return sorted(found, key=lambda one: not any(period.governs for period in one.periods))


def _period(visit: Visit, country: str, instrument: Instrument, rule: Rule) -> Period:
    context, tongue = visit.site.desk.context, visit.tongue
    governing = context.reckoner.rule(context.country, country, rule.step, visit.now)
    text = _length(tongue, rule.unit, rule.n)
    return Period(
        tongue.code("step", rule.step),
        text,
        rule.article or "",
        rule.source or "",
        tongue.code("data_confidence", rule.confidence),
        governing is not None and governing.instrument == instrument.id,
    )


def _length(tongue: Tongue, unit: Unit, n: int) -> str:
    """Return a length of time in words."""
    match unit:
        case Unit.CALENDAR_DAY:
            return tongue.ngettext("%(n)s calendar day", "%(n)s calendar days", n)
        case Unit.WORKING_DAY:
            return tongue.ngettext("%(n)s working day", "%(n)s working days", n)
        case Unit.WERKTAG:
            return tongue.ngettext(
                "%(n)s day, Sundays and holidays not counted", "%(n)s days, Sundays and holidays not counted", n
            )
        case Unit.MONTH:
            return tongue.ngettext("%(n)s month", "%(n)s months", n)
        case Unit.HOUR:
            return tongue.ngettext("%(n)s hour", "%(n)s hours", n)


def _holidays(visit: Visit, calendar: Calendar | None) -> Sequence[tuple[date, str]]:
    """Return the next holidays of a State."""
    if calendar is None:
        return ()
    today = local_date(visit.now, calendar.zone)
    return [(day, name) for day, name in sorted(calendar.holidays.items()) if day >= today][:5]


# The test of the connection.


async def _test(visit: Visit, country: str) -> Tested:
    context, tongue = visit.site.desk.context, visit.tongue
    if context.no_contact(country) is not None:
        return Tested(((tongue._("This State is not to be contacted. Nothing was tried."), False),))
    return Tested((*_card_lines(visit, country), await _knock(visit, country)))


def _card_lines(visit: Visit, country: str) -> list[tuple[str, bool]]:
    context, tongue = visit.site.desk.context, visit.tongue
    try:
        card = context.trust.card(country)
    except PeerError:
        return [(tongue._("No card of this State may be used now; the operators know why."), False)]
    lines = [(tongue._("Card %(serial)s is held and may be used.", serial=card.serial), True)]
    return [*lines, _sealing(visit, card)]


def _sealing(visit: Visit, card: Card) -> tuple[str, bool]:
    context, tongue = visit.site.desk.context, visit.tongue
    try:
        card.sealing_key(visit.now, context.suites)
    except UnknownKey:
        return tongue._("It lists no key that a message could be sealed to now."), False
    return tongue._("It lists a key that messages are sealed to now."), True


async def _knock(visit: Visit, country: str) -> tuple[str, bool]:
    """Post an empty message, which every gateway refuses: any answer at all shows that it is there."""
    context, tongue = visit.site.desk.context, visit.tongue
    if context.partners[country].transmission == "pull":
        return tongue._("This State collects its messages here; it has no door to knock at."), True
    try:
        answer = await context.peers.post(country, "/xg/1/messages", b"", MEDIA_TYPE)
    except Unavailable as error:
        context.log("partner.unreachable", partner=country, error=str(error), hint=error.hint)
        return tongue._("Its gateway did not answer, or not with a key that its card lists."), False
    card = context.trust.find(country)
    if card is not None and card.spki:
        return tongue._(
            "Its gateway answered, and proved a key that its card lists (%(status)s).", status=answer.status
        ), True
    return tongue._("Its gateway answered (%(status)s).", status=answer.status), True


async def back(visit: Visit) -> web.StreamResponse:
    """Lead back to the State: a test is not repeated by opening its address."""
    return await visit.to(visit.path("partner", country=partner_of(visit, visit.request.match_info["country"])))


ROUTES = (
    Route("GET", "/partners", "partners", every, ROLES),
    Route("GET", "/partners/{country}", "partner", show, ROLES),
    Route("POST", "/partners/{country}/test", "partner-test", test, ROLES),
    Route("GET", "/partners/{country}/test", "partner-back", back, ROLES),
)
