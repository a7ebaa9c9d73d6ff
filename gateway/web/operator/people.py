"""
The people of the gateway as the configuration has them, and how they sign in. Nothing here says what they work on.

Rule 1: a link is made by two operators, neither of whom it is for, and shown once, to the second. Whoever it is for
sees in their account who asked for it and who made it.
Rule 2: operators make links, end sessions and take away ways of signing in, one alone, for it lets nobody in; what a
person approved stays the person's.
"""

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from gateway.core.calendars import local_date
from gateway.services.account_store import DESKS, desk_of
from gateway.services.context import Forbidden, NotFound, Person
from gateway.services.ports import Conflict
from gateway.web import words
from gateway.web.language import N_, Tongue
from gateway.web.operator.desk import ROLES
from gateway.web.visit import Route, Visit
from keys import instants

LINK_LASTS = timedelta(hours=24)

LINK = "link"
"""Under which name a link that was just made waits for its page."""

EVENTS = 50

EVENT_NAMES = {
    "link.made": N_("A one-time link was made"),
    "link.asked": N_("An operator asked for a link"),
    "link.by": N_("An operator made it"),
    "sessions.ended": N_("An operator ended all sessions"),
    "means.removed": N_("An operator took away every way of signing in"),
    "session.begun": N_("Signed in"),
    "session.ended": N_("Signed out"),
    "passkey.added": N_("A passkey was added"),
    "passkey.removed": N_("A passkey was removed"),
    "code.added": N_("Codes were set up"),
    "code.removed": N_("Codes were removed"),
    "invitation.made": N_("An invitation was made"),
    "invitation.renewed": N_("An invitation was renewed"),
    "invitation.revoked": N_("An invitation was revoked"),
}
"""What the events of an account are called; another is shown as it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One person of the configuration: office, absence and deputy, and how they can sign in."""

    person: Person
    state: str
    kind: str
    passkeys: int
    codes: bool


async def _row(visit: Visit, person: Person) -> Row:
    accounts = visit.site.accounts
    state, kind = _state(visit, person)
    return Row(person, state, kind, len(await accounts.passkeys(person.id)), await accounts.has_code(person.id))


def _state(visit: Visit, person: Person) -> tuple[str, str]:
    tongue = visit.tongue
    if not person.active(visit.now):
        return tongue._("Not in office"), "late"
    if person.is_away(local_date(visit.now, visit.site.zone)):
        return tongue._("Away"), "soon"
    return tongue._("In office"), "good"


def desks_of(person: Person) -> list[str]:
    """Return the desks at which ``person`` works."""
    return sorted({desk_of(role) for role in person.roles}, key=DESKS.index)


def _means(tongue: Tongue, row: Row) -> str:
    """Return how a person can sign in, in words."""
    keys = tongue.ngettext("%(n)s passkey", "%(n)s passkeys", row.passkeys) if row.passkeys else ""
    if keys and row.codes:
        return tongue._("%(keys)s, and codes", keys=keys)
    return keys or (tongue._("Codes") if row.codes else tongue._("Nothing set up yet"))


async def people(visit: Visit) -> web.StreamResponse:
    """List the people."""
    persons = sorted(visit.site.desk.context.persons.values(), key=lambda one: one.id)
    rows = [await _row(visit, one) for one in persons]
    lines = [(row, _means(visit.tongue, row), await _asked(visit, row.person)) for row in rows]
    return visit.page("operator/people.html", rows=lines)


async def _asked(visit: Visit, found: Person) -> list[str]:
    """Return, in words, which links for ``found`` an operator asked for that another one has to make."""
    accounts, text = visit.site.accounts, N_("%(person)s asked for a link to “%(desk)s”; another operator makes it")
    asked = [(await accounts.link_asked(found.id, desk, visit.now), desk) for desk in desks_of(found)]
    named = [(by, visit.tongue._(words.DESKS[desk])) for by, desk in asked if by is not None]
    return [visit.tongue._(text, person=by, desk=name) for by, name in named]


def _person(visit: Visit) -> Person:
    found = visit.site.desk.context.persons.get(visit.request.match_info["person"])
    if found is None:
        raise NotFound("there is no such person here")
    return found


async def person(visit: Visit) -> web.StreamResponse:
    """Show one person: roles, means of signing in, and what happened to the account."""
    found = _person(visit)
    row, tongue = await _row(visit, found), visit.tongue
    events = [
        (
            one.at,
            tongue._(EVENT_NAMES[one.event]) if one.event in EVENT_NAMES else one.event,
            words.detail(tongue, one.detail),
            tongue._(words.DESKS[one.desk]) if one.desk in words.DESKS else one.desk,
        )
        for one in await visit.site.accounts.events(found.id, EVENTS)
    ]
    return visit.page(
        "operator/person.html",
        row=row,
        active=found.active(visit.now),
        means=_means(tongue, row),
        asked=await _asked(visit, found),
        events=events,
        desks=[tongue._(words.DESKS[name]) for name in desks_of(found)],
    )


async def link_form(visit: Visit, problem: str = "") -> web.StreamResponse:
    """Ask at which desk the link is to let the person in; right after it was made, show it, this once."""
    found = _person(visit)
    if made := visit.draft.get(LINK):
        until, visit.shown_once = instants.parse(visit.draft["until"]), True
        return visit.page("operator/link.html", person=found, address=made, until=until)
    return visit.page(
        "operator/link_form.html",
        status=422 if problem else 200,
        person=found,
        desks=[(name, visit.tongue._(words.DESKS[name])) for name in desks_of(found)],
        problem=visit.tongue._(problem) if problem else "",
    )


async def link(visit: Visit) -> web.StreamResponse:
    """
    Make a one-time link with which a person sets up a way of signing in, once two operators want it.

    The first asks for it; another one, who is not the person, makes it and is shown it this once. Whoever holds the
    link becomes the person, so no operator comes by one alone.
    """
    found, desk = _person(visit), visit.form.get("desk", "")
    if desk not in desks_of(found):
        return await link_form(visit, N_("Choose the desk that the link is for."))
    accounts, own = visit.site.accounts, visit.person.id
    asked_by = await accounts.link_asked(found.id, desk, visit.now)
    makes = asked_by is not None and asked_by != own
    if own == found.id:
        raise Forbidden("nobody makes a link to their own account", "ask two other operators")
    if visit.form.get("confirm") != "yes":
        name = visit.tongue._(words.DESKS[desk])
        return visit.page(
            "operator/link_confirm.html", person=found, desk=desk, name=name, hours=_HOURS, makes=makes, by=asked_by
        )
    if not makes:
        await accounts.ask_link(found.id, desk, own, visit.now)
        told = visit.tongue._(N_("You asked for the link. Another operator opens the same page and makes it."))
        return await visit.to(visit.path("person", person=found.id), told=told)
    if await accounts.link_asked(found.id, desk, visit.now, take=True) != asked_by:
        raise Conflict
    until = visit.now + LINK_LASTS
    token = await accounts.make_link(found.id, desk, "enrol", visit.now, until)
    await accounts.note(found.id, "link.by", own, desk, visit.now)
    path = visit.path("link", token=token)  # the pages of signing in are the same at every desk
    # Kept sealed until its page takes it away: a second click would else find another question, and the link be lost.
    shown, made = visit.path("person-link", person=found.id), f"{visit.site.origins[desk]}{path}"
    await accounts.papers.keep_draft(own, shown, [(LINK, made), ("until", instants.serialize(until))], visit.now)
    return await visit.to(shown)


_HOURS = int(LINK_LASTS.total_seconds() // 3600)


async def end(visit: Visit) -> web.StreamResponse:
    """End all sessions of a person: first the page that says so, then the act."""
    found = _person(visit)
    if found.id == visit.person.id:
        raise Forbidden("one's own sessions are ended by signing out", "")
    if visit.form.get("confirm") != "yes":
        return visit.page("operator/end.html", person=found)
    await visit.site.accounts.drop_links(found.id)  # one that somebody else holds would open a session again
    count = await visit.site.accounts.end_all(found.id)
    await visit.site.accounts.note(found.id, "sessions.ended", visit.person.id, visit.pages.name, visit.now)
    told = visit.tongue.ngettext("%(n)s session was ended.", "%(n)s sessions were ended.", count)
    return await visit.to(visit.path("person", person=found.id), told=told)


async def shut_out(visit: Visit) -> web.StreamResponse:
    """Take away every way in which a person signs in, where somebody else may have one: first the page that says so."""
    found = _person(visit)
    if found.id == visit.person.id:
        raise Forbidden("one's own ways of signing in are on one's own account page", "")
    if visit.form.get("confirm") != "yes":
        listed = visit.site.values.get("persons", ())
        token = any(one["id"] == found.id and one.get("token_sha256") for one in listed)
        return visit.page("operator/shut_out.html", person=found, openid=visit.site.openid is not None, token=token)
    await visit.site.accounts.drop_means(found.id, visit.person.id, visit.pages.name, visit.now)
    told = visit.tongue._("Every way of signing in was taken away, and every session was ended.")
    return await visit.to(visit.path("person", person=found.id), told=told)


ROUTES = (
    Route("GET", "/people", "people", people, ROLES),
    Route("GET", "/people/{person}", "person", person, ROLES),
    Route("GET", "/people/{person}/link", "person-link", link_form, ROLES, fresh=True),
    Route("POST", "/people/{person}/link", "person-link-make", link, ROLES, fresh=True),
    Route("GET", "/people/{person}/end", "person-end", end, ROLES, fresh=True),
    Route("POST", "/people/{person}/end", "person-ended", end, ROLES, fresh=True),
    Route("GET", "/people/{person}/means", "person-means", shut_out, ROLES, fresh=True),
    Route("POST", "/people/{person}/means", "person-means-removed", shut_out, ROLES, fresh=True),
)
