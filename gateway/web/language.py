"""
The languages of the pages: catalogues, the texts of codes, days and instants in words.

Rule 1: a text is written in English where it stands and translated by its catalogue (gettext); a code has its texts in
its code list, and nowhere else.
Rule 2: plural forms are the catalogue's: Arabic has six.
"""

import gettext
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import schemas

LANGUAGES: Mapping[str, str] = {"en": "English", "fr": "Français", "ar": "العربية"}
"""The languages there are, each by its own name."""

DEFAULT = "en"
RIGHT_TO_LEFT = frozenset({"ar"})
_COMMAS: Mapping[str, str] = {"ar": "، "}


def N_(text: str) -> str:
    """Mark ``text`` for the catalogue and return it as it is; whoever shows it translates it."""
    return text


def before_colon(label: str) -> str:
    """Return a label as it stands before a colon: the mark of one that asks gives way to it."""
    return label.rstrip("?\u061f").rstrip()


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language with the time zone of the gateway: everything a page says in it."""

    lang: str
    zone: ZoneInfo
    catalogue: gettext.NullTranslations

    @property
    def dir(self) -> str:
        """Return the direction of writing: ``ltr`` or ``rtl``."""
        return "rtl" if self.lang in RIGHT_TO_LEFT else "ltr"

    @property
    def comma(self) -> str:
        """Return what stands between the parts of a list, with its blank."""
        return _COMMAS.get(self.lang, ", ")

    def _(self, text: str, **values: object) -> str:
        """Return ``text`` (English) in this language, with ``%(name)s`` filled in."""
        found = self.catalogue.gettext(text)
        return found % values if values else found

    def ngettext(self, one: str, many: str, n: int, **values: object) -> str:
        """Return the form of the text for ``n`` things; ``%(n)s`` is the number."""
        return self.catalogue.ngettext(one, many, n) % {"n": n, **values}

    def code(self, list_name: str, code: str | None) -> str:
        """Return the text of ``code`` of a closed list; an unknown code, which a later version may bring, as it is."""
        if code is None:
            return ""
        return _texts(list_name).get(code, {}).get(self.lang, code)

    def country(self, code: str) -> str:
        """Return the name of a State by its three letters."""
        return self.code("country", code)

    def role(self, role: str) -> str:
        """Return the text of a person's role."""
        return self.code("person_role", role)

    def roles(self, roles: Iterable[str]) -> str:
        """Return the texts of roles, in the order of their names, with this language's comma between them."""
        return self.comma.join(self.role(role) for role in sorted(roles))

    def day(self, day: date | None) -> str:
        """Return a day as an ISO date: the same in every language, so that nobody reads a month as a day."""
        return "" if day is None else day.isoformat()

    def instant(self, at: datetime | None) -> str:
        """Return an instant (aware) as ISO date, local time and offset from UTC; one that is none here as it came."""
        if at is None:
            return ""
        try:
            local = at.astimezone(self.zone)
        except OverflowError:  # another State may name the last instant there is, which is none here
            return at.isoformat()
        offset = local.strftime("%z")
        return f"{local:%Y-%m-%d %H:%M} UTC{offset[:3]}:{offset[3:]}"

    def end(self, at: datetime) -> datetime:
        """Return what is said of ``at``, until when something lasts: where a day ends here, the last minute of it."""
        return at - timedelta(minutes=1) if at.astimezone(self.zone).time() == time() else at


@cache
def _texts(list_name: str) -> Mapping[str, Mapping[str, str]]:
    return schemas.codes(list_name)


@cache
def _catalogue(lang: str) -> gettext.NullTranslations:
    if lang == DEFAULT:
        return gettext.NullTranslations()
    source = files("gateway.web").joinpath("locale", lang, "LC_MESSAGES", "desk.po")
    with source.open("rb") as file:
        made = io.BytesIO()
        write_mo(made, read_po(file, locale=lang))
    return gettext.GNUTranslations(io.BytesIO(made.getvalue()))


def tongue(lang: str, zone: str) -> Tongue:
    """Return the language ``lang`` (one of ``LANGUAGES``) in the IANA time zone ``zone``."""
    return Tongue(lang, ZoneInfo(zone), _catalogue(lang))


def choose(wanted: str | None, accepted: str, default: str) -> str:
    """
    Return the language of a page: the one ``wanted``, else the first of ``Accept-Language`` there is, else ``default``.

    ``accepted`` is that header (RFC 9110 section 12.5.4); what is no list of languages counts as none.
    """
    if wanted in LANGUAGES:
        return str(wanted)
    ranked = []
    for place, part in enumerate(accepted[:256].split(",")):
        name, _, quality = part.strip().partition(";q=")
        lang = name.partition("-")[0].lower()
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if lang in LANGUAGES and weight > 0:
            ranked.append((-weight, place, lang))
    return min(ranked)[2] if ranked else default
