"""
What the pages of one gateway stand on: services, accounts, languages, look; and how a template becomes a page.

Built once by ``gateway.app`` and never changed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any, Protocol, cast

import jinja2
from jinja2.bccache import Bucket
from jinja2.environment import TemplateModule
from markupsafe import Markup, escape

from gateway.services.account_store import Session
from gateway.services.accounts import Accounts
from gateway.services.acts import DeskServices
from gateway.services.audience import heard
from gateway.services.context import Person
from gateway.web import unfit
from gateway.web.language import DEFAULT, LANGUAGES, N_, Tongue, before_colon, tongue
from gateway.web.rules import said, sentence

if TYPE_CHECKING:
    from gateway.web.signin.hand import Hand
    from gateway.web.signin.openid import OpenId
    from gateway.web.visit import DeskPages, Route, Visit


DEFAULT_COLOUR = "#1d4f5c"
"""The colour of the header where a country names none."""


@dataclass(frozen=True, slots=True)
class Look:
    """
    How a country's pages look: its name by language, its colour (``#rrggbb``), its emblem (SVG) or none.

    Colour and emblem are served as files of their own, because no page has a style or an image inside it.
    """

    names: Mapping[str, str]
    colour: str = DEFAULT_COLOUR
    emblem: bytes | None = None

    def name(self, lang: str) -> str:
        """Return the country's name in ``lang``, or in the first language it has one."""
        return self.names.get(lang) or next(iter(self.names.values()), "")


class Demonstration(Protocol):
    """What a demonstration adds to every page: that it is one, and where its own page is."""

    @property
    def address(self) -> str:
        """Return the address of the page with one-time links and the clock."""
        ...


@dataclass(slots=True)
class Site:
    """
    Everything a page may use.

    ``origins`` maps ``interior``, ``board`` and ``operator`` to their addresses (``https://desk.example``). ``values``
    is the configuration. ``extra`` holds what one desk alone needs, by its name.
    """

    desk: DeskServices
    accounts: Accounts
    look: Look
    origins: Mapping[str, str]
    values: Mapping[str, Any]
    hand: "Hand"
    openid: "OpenId | None" = None
    demonstration: Demonstration | None = None
    default_language: str = DEFAULT
    extra: Mapping[str, Any] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)
    _routes: dict[str, dict[str, "Route"]] = field(default_factory=dict)
    _environments: dict[str, jinja2.Environment] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """Return the IANA time zone of the gateway."""
        return self.desk.context.zone

    def now(self) -> datetime:
        """Return the present instant of the gateway's clock."""
        return self.desk.context.clock.now()

    def tongue(self, lang: str) -> Tongue:
        """Return the language ``lang`` in the gateway's time zone."""
        return tongue(lang, self.zone)

    # Who may what.

    def contact(self, person: str) -> str:
        """Return how the desk of ``person`` is reached on duty; an empty text if nobody said."""
        found = self.desk.context.persons.get(person)
        return found.contact if found is not None else ""

    def person_of(self, session: Session) -> Person:
        """Return the person of ``session``; an invitation is a person of its own, with its one role and no key."""
        if session.invitation is not None:
            return Person(session.person, frozenset({session.invitation.role}), b"")
        return self.desk.context.persons[session.person]

    def roles_of(self, session: Session, at: datetime) -> frozenset[str]:
        """Return the roles in force at ``at``; none once the office or the invitation has ended."""
        if session.invitation is not None:
            return frozenset({session.invitation.role}) if at < session.invitation.until else frozenset()
        person = self.desk.context.persons.get(session.person)
        return person.roles if person is not None and person.active(at) else frozenset()

    def allows(self, route: "Route", session: Session | None, at: datetime) -> bool:
        """Tell whether ``session`` may take ``route`` at ``at``."""
        if "anyone" in route.roles:
            return True
        if session is None:
            return False
        held = self.roles_of(session, at)
        return bool(held) and ("signed-in" in route.roles or bool(held & route.roles))

    # Routes and templates.

    def open(self, pages: "DeskPages") -> None:
        """Take the routes of a desk; raises ``ValueError`` if two have the same name."""
        routes: dict[str, Route] = {}
        for route in pages.routes:
            if route.name in routes:
                raise ValueError(f"{pages.name}: two routes are named '{route.name}'")
            routes[route.name] = route
        self._routes[pages.name] = routes

    def route(self, desk: str, name: str) -> "Route":
        """Return a route by name. Raises ``KeyError``: a page leads to one that does not exist."""
        return self._routes[desk][name]

    def render(self, visit: "Visit", template: str, values: Mapping[str, object]) -> str:
        """Return the page that ``template`` makes, in the language of the visit."""
        found = self._environments.get(visit.tongue.lang) or environment(visit.tongue)
        more: dict[str, object] = {"asset": self._asset, "contact": self.contact, _PARTS: {}}
        more["rule"] = lambda id: visit.tongue._(sentence(id))
        more["agreement"] = lambda id: law(visit.tongue, self._title(id))
        more["unfit"] = lambda problem: unfit.said(visit.tongue, problem)
        more["said_of"] = lambda findings: tuple(
            dict.fromkeys((one.rule, said(visit.tongue, one)) for one in heard(findings, visit.roles))
        )
        made = found.get_template(template).render(
            visit=visit, site=self, look=self.look, tongue=visit.tongue, **more, **values
        )
        return keep_whole(keep_in_order(made, visit.tongue.dir))

    def _title(self, id: str) -> str:
        """Return what an agreement is called; its id where it is none of those that are reckoned by here."""
        return next((one.title for one in self.desk.context.reckoner.instruments if one.id == id), id)

    def _asset(self, name: str) -> str:
        """Return where a file of the look is, named with its digest, so that a changed one is fetched anew."""
        return f"/static/{name}?v={self.assets.get(name, '')}"


_PARTS = "parts_made"


class _Template(jinja2.Template):
    """
    A template whose parts, which frame, page and other parts import with the values of the page, are made once a page.

    A part goes by these values alone, and not by what is set where it is imported.
    """

    def make_module(
        self, vars: dict[str, Any] | None = None, shared: bool = False, locals: Mapping[str, Any] | None = None
    ) -> TemplateModule:
        made = vars.get(_PARTS) if vars else None
        if made is None:
            return super().make_module(vars, shared, locals)
        if self.name not in made:
            made[self.name] = super().make_module(vars, shared, locals)
        return cast("TemplateModule", made[self.name])


class _Compiled(jinja2.BytecodeCache):
    """What templates were compiled to: the same in each language, for texts are looked up as they are shown."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._made.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._made[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


def make_environment(tongue: Tongue, loader: jinja2.BaseLoader) -> jinja2.Environment:
    """Return what makes pages in one language of the templates of ``loader``."""
    made = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_COMPILED,
    )
    made.template_class = _Template
    made.install_gettext_translations(tongue.catalogue, newstyle=True)  # type: ignore[attr-defined]
    made.filters["bdi"] = bdi
    made.filters["before_colon"] = before_colon
    made.filters["law"] = partial(law, tongue)
    made.globals["languages"] = LANGUAGES
    return made


_MADE: dict[str, jinja2.Environment] = {}


def environment(tongue: Tongue) -> jinja2.Environment:
    """Return what makes pages in one language; templates are compiled once a process, whichever gateway shows them."""
    if tongue.lang not in _MADE:
        _MADE[tongue.lang] = make_environment(tongue, jinja2.PackageLoader("gateway.web", "templates"))
    return _MADE[tongue.lang]


_OWN = frozenset({N_("Default where no agreement gives a time"), N_("Policy of this gateway")})
"""What the default of this gateway is called, and its source: no words of a law, so they are translated."""


def law(tongue: Tongue, text: object) -> Markup:
    """Return ``text`` of a source (a title, an article, a citation) marked as the English it stays in."""
    if text in _OWN:
        return bdi(tongue._(str(text)))
    return Markup('<bdi lang="en">') + escape(text) + Markup("</bdi>")


def bdi(text: object) -> Markup:
    """Return ``text`` isolated from the direction of what stands around it."""
    return Markup("<bdi>") + escape(text) + Markup("</bdi>")


def keep_in_order(html: str, dir: str) -> str:
    """
    Return a page with each value in a text that is read from right to left isolated from its surroundings.

    Between Arabic letters a browser shows the groups of +00 5550 100 or of 2026-12-18 in the opposite order, the first
    digits of a fingerprint behind all others, and the stroke of /var/lib at its end (Unicode Standard Annex 9). On a
    page whose own direction ``dir`` is ``ltr`` such a text is one that somebody wrote. Signs isolate, and no element: a
    title and a choice of a list can hold none.
    """
    texts = _TEXTS if dir == "rtl" else _TEXTS_FROM_THE_RIGHT
    return texts.sub(
        lambda found: found[0] if found[0].startswith("<") else ">" + _VALUES.sub(_isolated, found[0][1:]), html
    )


def keep_whole(html: str) -> str:
    """
    Return a page with no day or month that a line may end in, as browsers let one behind the stroke of 2026-12-18.

    A stroke that breaks no line would be another character, in a form into which the day is copied as well. Whatever
    can hold no element stays as it is.
    """
    return _DAYS.sub(_in_one_piece, html)


def _in_one_piece(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("<") else f'<span class="desk-day">{found[0]}</span>'


def _isolated(found: re.Match[str]) -> str:
    text = found[0]
    return text if text.startswith("&") or _IN_ORDER.fullmatch(text) else f"\u2066{text}\u2069"


_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff"
"""What is written from right to left, for a class of a pattern."""

_LEFT_ALONE = (
    r"<(textarea|script)\b.*?</\1(?=>)"  # what goes back with a form stays as it is
    r"|<(pre|bdi)\b[^>]* data-exact\b.*?</\2(?=>)"  # so does a text that is signed, to the character
)
# Each begins with one of few characters, so what is between costs a look at each of its own: every page goes by here.
_TEXTS = re.compile(rf"{_LEFT_ALONE}|>\s*+[^<>\s][^<>]*", re.DOTALL)
_TEXTS_FROM_THE_RIGHT = re.compile(rf"{_LEFT_ALONE}|>[^<>{_RIGHT}]*+[{_RIGHT}][^<>]*", re.DOTALL)
"""A text with the end of the tag before it."""

_DAYS = re.compile(
    rf"{_LEFT_ALONE}|<(title|option)\b.*?</\3>"
    r"|[0-9](?<![\w-][0-9])[0-9]{3}-[0-9]{2}(?:-[0-9]{2})?(?![\w-])(?=[^<>]*<)",  # in no tag: the next one begins
    re.DOTALL | re.ASCII,
)

_WORD = rf"[^\W{_RIGHT}]++"
_BETWEEN = rf"(?:[^\w<&()\[\]«»·\n\u200e\u200f\u2066-\u2069{_RIGHT}]|&[#\w]+;)"
_VALUES = re.compile(
    rf"&[#\w]+;"
    rf"|\[[^\s<&\[\]{_RIGHT}]+\](?::\d+)?"  # an address of IPv6
    rf"|(?:(?<![^\s(;])[-+\u2212/~.*@#:?=]+|\(\d+\)[ ]?)?"  # what it may begin with
    rf"{_WORD}(?:(?:{_BETWEEN}|\({_BETWEEN}*{_WORD}(?:{_BETWEEN}+{_WORD})*\))*{_WORD})*"
    rf"(?:(?:[/*+=…]+|[ ]\.\.\.)(?![\w{_RIGHT}]))?"  # and end with
)
"""A stretch of text without a letter that is read from the right, from its first word to its last."""

_IN_ORDER = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_](?:.*[^\W_])?", re.DOTALL)
"""What stays in order by itself: a number, and what begins with a letter and ends with one or a digit."""
