"""What is wrong with what the configuration says: who may act, the files and secrets it names, the calendars."""

import os
from collections.abc import Iterator
from datetime import timedelta

import schemas
from gateway import settings
from gateway.checks.look import RESTORE, Look
from gateway.configured import calendar_of, load_calendar, named_calendars
from gateway.core.calendars import Calendar, end_of_day
from gateway.services.health import N_, SOON, Item, bad, note, ok
from gateway.settings import BadConfiguration, calendars_directory

CALENDAR_SOON = timedelta(days=366)
"""
How long before its end a calendar is told of: a clock whose last day lies behind it does not start, and the longest run
for months.
"""

_ASK = frozenset({"case_officer", "liaison_officer"})
"""Who prepares a request; one of the second kind, who is another person, approves it (V-03)."""

_ANSWER, _SIGN = frozenset({"registry_clerk", "desk_head"}), frozenset({"second_signer"})
"""Who prepares an answer, and who signs, as another person, what is not a yes."""


def configuration(look: Look) -> Iterator[Item]:
    """Look at whether somebody may act here, and with whom."""
    values = look.settings.values
    yield ok("config", N_("%(file)s fits its schema"), file=look.settings.home / settings.FILE_NAME)
    if not values["persons"]:
        yield bad("config", N_("nobody may act here"), N_("isthmus keys new, then isthmus person add"))
    if not values["partners"]:
        yield bad("config", N_("there is no partner"), N_("isthmus partner add COUNTRY --card FILE --fingerprint ..."))
    who_ask = [roles for one in values["persons"] if (roles := _ASK & set(one["roles"]))]
    if values["persons"] and not (len(who_ask) > 1 and any("liaison_officer" in roles for roles in who_ask)):
        text = N_("no request can leave: it takes a case officer and, as another person, a liaison officer")
        if any("case_officer" in roles for roles in who_ask):
            yield bad("config", text, N_("isthmus person add"))
        else:
            yield note("config", text, N_("isthmus person add, unless your State only answers"))
    clerks, signers = (
        {one["id"] for one in values["persons"] if roles & set(one["roles"])} for roles in (_ANSWER, _SIGN)
    )
    if values["persons"] and not (clerks and signers and len(clerks | signers) > 1):
        text = N_(
            "not every answer can leave: it takes a registry clerk or desk head and, as another person, a second signer"
        )
        yield note("config", text, N_("isthmus person add: what partners ask is receipted meanwhile, and its days run"))


def named(look: Look) -> Iterator[Item]:
    """Look at the files and secrets that the configuration names and nothing else here looks at."""
    from gateway.configured import mail, stamping_roots, webhook  # here: it takes up half of the gateway

    for read in (mail, webhook, settings.emblem, settings.client_secret, stamping_roots):
        try:
            read(look.settings, os.environ)
        except BadConfiguration as error:
            yield bad("config", "%(why)s", RESTORE, why=error.problems[0])


def calendars(look: Look) -> Iterator[Item]:
    """Look at whether the calendar of each State can be read, and how long it lasts."""
    directory = calendars_directory(look.settings.home, look.settings.values)
    if directory is not None and not directory.is_dir():
        text = N_("%(path)s is no folder, and no calendar is read from it")
        hint = N_("set calendars_directory right, or see that its disk is mounted")
        yield bad("calendar", text, hint, path=directory)
    for name in schemas.calendars(directory):
        try:
            load_calendar(name, directory)
        except schemas.SchemaError as error:
            text = N_("a file of a calendar cannot be read, and counts for nothing: %(problem)s")
            yield bad("calendar", text, N_("make it anew, or remove it"), problem=str(error))
    for country, id in named_calendars(look.settings.values).items():
        chosen = id or calendar_of(country, directory)
        try:
            found = load_calendar(chosen, directory) if chosen is not None else None
        except (schemas.SchemaError, schemas.UnknownName):  # what is wrong with it is said already, or it has just gone
            found = None
        yield _calendar(look, country, found)
        if found is not None and country == look.settings.values["country"]:
            yield from _zones(look.settings.values["zone"], found)


def _zones(zone: str, found: Calendar) -> Iterator[Item]:
    """Yield what is wrong if our days do not end as those of our calendar do: a deadline is reckoned by these."""
    days = (found.valid_from + timedelta(count) for count in range((found.valid_until - found.valid_from).days))
    if any(end_of_day(day, zone) != end_of_day(day, found.zone) for day in days):
        text = N_("our days end in %(zone)s by the configuration, and in %(other)s by the calendar %(calendar)s")
        hint = N_("set 'zone' right, or make the calendar anew: isthmus agreements calendar ... --zone ZONE")
        yield bad("calendar", text, hint, zone=zone, other=found.zone, calendar=found.id)


def _calendar(look: Look, country: str, found: Calendar | None) -> Item:
    year = look.now.year
    # The last year too: the ladder counts on from a day that was missed in it.
    hint = N_("isthmus agreements calendar %(country)s %(last)s %(next)s --id %(country)s-%(year)s --zone ZONE > FILE")
    values = {"country": country, "last": year - 1, "year": year, "next": year + 1}
    if found is None:
        return bad("calendar", N_("no calendar of %(country)s: no deadline is reckoned there"), hint, **values)
    if found.valid_from > look.now.date():
        text = N_("%(calendar)s begins only on %(day)s, and no other one of %(country)s counts")
        return bad("calendar", text, hint, calendar=found.id, day=found.valid_from, **values)
    left = found.valid_until - look.now.date()
    if left < CALENDAR_SOON:
        text, tell = N_("%(calendar)s ends on %(day)s"), bad if left < SOON else note
        return tell("calendar", text, hint, calendar=found.id, day=found.valid_until, **values)
    text = N_("%(country)s: %(calendar)s version %(version)s, until %(day)s")
    return ok("calendar", text, country=country, calendar=found.id, version=found.version, day=found.valid_until)
