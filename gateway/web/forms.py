"""
Forms from JSON Schemas: the fields of a body, what was posted read back into a value, and a value in words.

Rule 1: a field is made of its schema and of nothing else; its label and, where the schema says only a pattern, its
closed list stand in ``labels``.
Rule 2: what was posted is never mended: what cannot be read is a problem at its field, and the whole value is then
judged by the schema that the step itself is judged by.
Rule 3: a field left empty is absent or null, whichever the schema allows; a group is left out if all in it is empty.

A field is posted under ``b`` and its JSON Pointer with dots (``b.window.from``); the rows of a list carry their number
(``b.uses.0.on``), and how many there are is posted as ``b.uses.rows``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from multidict import MultiDict

import schemas
from gateway.core.wire import format_instant
from gateway.services import act_bodies
from gateway.web import labels, readable
from gateway.web.language import N_, Tongue
from schemas import SchemaError

PREFIX: Final = "b"
"""What the name of every field of a body begins with, so that no member is taken for a field of the page."""

RADIOS_MAX: Final = 7
BOXES_MAX: Final = 20
"""Codes from which a list of choices becomes a list of rows, each with one choice."""

LONG_FROM: Final = 300
"""Characters from which a text gets room for several lines."""

ROWS_MAX: Final = 100

IMAGES: Final = frozenset({"portrait", "document_image"})
"""Definitions of the schemas that are images: said by size and digest, and asked for by no form of fields."""


class Kind(StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    LONG = "long"
    DATE = "date"
    UNCERTAIN = "uncertain"
    INSTANT = "instant"
    LOCAL = "local"
    NUMBER = "number"
    CODE = "code"
    CODES = "codes"
    YES_NO = "yes-no"
    GROUP = "group"
    WINDOW = "window"
    LIST = "list"
    NOTE = "note"
    TOKENS = "tokens"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Option:
    """One value that may be chosen: of the closed list ``list``, or with a ``text`` of its own."""

    value: str | int
    list: str = ""
    text: str = ""

    def words(self, tongue: Tongue) -> str:
        """Return what it is called in the language of ``tongue``."""
        return self.text or tongue.code(self.list, str(self.value))


@dataclass(frozen=True, slots=True)
class Field:
    """
    One member of a body.

    ``member`` is its name, empty for the items of a list. ``fields`` are the members of a group, or the one item of a
    list. ``least`` and ``most`` bound a number, or how many there are. Label and hint are English.
    """

    member: str
    pointer: str
    kind: Kind
    label: str
    hint: str
    required: bool
    nullable: bool
    options: tuple[Option, ...] = ()
    fields: "tuple[Field, ...]" = ()
    least: int | None = None
    most: int | None = None
    asked: bool = False

    @property
    def fixed(self) -> bool:
        """Return whether there is nothing to choose: one code, which stands by itself unless it is to be asked for."""
        return self.kind is Kind.CODE and len(self.options) == 1 and not self.asked

    @property
    def optional(self) -> bool:
        """Return whether it may be left empty."""
        if self.kind in (Kind.CODES, Kind.LIST) and not self.least:
            return True
        return self.nullable or not self.required


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the field posted as ``name`` ('' for the whole); ``text`` is English, with ``label`` in it."""

    name: str
    text: str
    label: str = ""

    def words(self, tongue: Tongue) -> str:
        """Return it in the language of ``tongue``."""
        return tongue._(self.text, label=tongue._(self.label) if self.label else "")


# From a schema.


@cache
def fields(name: str) -> tuple[Field, ...]:
    """Return the fields of the body ``name``: a component of ``act_bodies``, or the schema of a message."""
    return _field(name, "", "", _root(name), required=True).fields


@cache
def _root(name: str) -> Mapping[str, Any]:
    shared: Mapping[str, Any] = act_bodies.components()
    found: Mapping[str, Any] = shared[name] if name in shared else act_bodies.bundled(name)
    return found


def _follow(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``schema`` with what it refers to in place of the reference; what stands beside it goes first."""
    made = dict(schema)
    while "$ref" in made:
        base, *steps = str(made.pop("$ref")).removeprefix(act_bodies.COMPONENTS).split("/")
        found: Any = _root(base)
        for step in steps:
            found = found[step]
        made = {**found, **made, "at": steps[-1] if steps else base}
    return made


_CODE_PATTERN = act_bodies.CODE["pattern"]
_DAYS = ("from", "until")


def _field(name: str, pointer: str, member: str, schema: Mapping[str, Any], *, required: bool) -> Field:
    """Return the field that ``schema`` (resolved) makes at ``pointer`` of the body ``name``."""
    nullable = False
    if "type" not in schema and "anyOf" in schema:
        several = [_follow(one) for one in schema["anyOf"]]
        nullable = any(one.get("type") == "null" for one in several)
        several = [one for one in several if one.get("type") != "null"]
        schema = several[0] if len(several) == 1 else _merged(several)
    label, hint = labels.of(name, pointer)
    if labels.place(name, pointer) in labels.NEEDED:
        nullable, schema = False, {**schema, "minItems": 1}
    made = Field(member, pointer, Kind.TEXT, label, hint, required, nullable)
    if (kind := labels.KINDS.get(labels.place(name, pointer))) is not None:
        return replace(made, kind=Kind(kind), least=schema.get("minItems"), most=schema.get("maxItems"))
    if "note" in schema:
        return replace(made, kind=Kind.NOTE)
    if schema.get("at") in IMAGES:
        return replace(made, kind=Kind.IMAGE)
    if options := _options(name, pointer, schema):
        return replace(made, kind=Kind.CODE, options=options)
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", ())
            inner = tuple(
                _field(name, f"{pointer}/{one}", one, _follow(of), required=one in wanted)
                for one, of in schema.get("properties", {}).items()
            )
            days = tuple(one.member for one in inner) == _DAYS and all(one.kind is Kind.DATE for one in inner)
            return replace(made, kind=Kind.WINDOW if days else Kind.GROUP, fields=inner)
        case "array":
            item = _field(name, f"{pointer}/*", "", _follow(schema["items"]), required=True)
            bounds = replace(made, least=schema.get("minItems"), most=schema.get("maxItems"))
            if item.kind is Kind.CODE and len(item.options) <= BOXES_MAX:
                return replace(bounds, kind=Kind.CODES, options=item.options)
            return replace(bounds, kind=Kind.LIST, fields=(item,))
        case "boolean":
            return replace(made, kind=Kind.YES_NO)
        case "integer":
            return replace(made, kind=Kind.NUMBER, least=schema.get("minimum"), most=schema.get("maximum"))
    if schema.get("const") is True:
        return replace(made, kind=Kind.YES_NO)
    return replace(made, kind=_kind_of_text(schema), most=schema.get("maxLength"))


def _kind_of_text(schema: Mapping[str, Any]) -> Kind:
    if schema.get("format") == "date":
        return Kind.DATE
    if schema.get("format") == "date-time":
        return Kind.INSTANT
    if schema.get("at") == "edtf":
        return Kind.UNCERTAIN
    return Kind.LONG if schema.get("maxLength", 0) >= LONG_FROM else Kind.TEXT


def _merged(several: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return one schema for alternatives: several closed lists, or a text that may be in parts."""
    if all("enum" in one for one in several):
        return {"alternatives": several}
    if {one.get("type") for one in several} == {"string", "array", "object"}:
        return {"note": True}
    raise ValueError("a body has alternatives that no form shows")


def _options(name: str, pointer: str, schema: Mapping[str, Any]) -> tuple[Option, ...]:
    """Return what may be chosen, if the schema says a closed list; a pattern of codes says which in ``labels``."""
    if schema.get("pattern") == _CODE_PATTERN:
        of = labels.LISTS[labels.place(name, pointer)]
        return tuple(Option(code, of) for code in schemas.codes(of))
    made: list[Option] = []
    for one in schema.get("alternatives", (schema,)):
        comment = str(one.get("$comment", ""))
        of = comment.removeprefix("code list: ").partition(" ")[0] if comment.startswith("code list: ") else ""
        made += [Option(value, of) for value in one.get("enum", ())]
    return tuple(made)


def with_options(
    of: Sequence[Field], pointer: str, options: Sequence[Option], *, asked: bool = False
) -> tuple[Field, ...]:
    """
    Return the fields with ``options`` in place of those of the field at ``pointer``, which becomes a choice.

    With ``asked`` it is one also where there is only one to choose: somebody is to say it.
    """
    return tuple(
        replace(one, kind=Kind.CODES if one.kind is Kind.CODES else Kind.CODE, options=tuple(options), asked=asked)
        if one.pointer == pointer
        else replace(one, fields=with_options(one.fields, pointer, options, asked=asked))
        for one in of
    )


def without(of: Sequence[Field], *members: str) -> tuple[Field, ...]:
    """Return the fields but those of these members."""
    return tuple(one for one in of if one.member not in members)


# From a value to what is posted.


def fill(of: Sequence[Field], value: Mapping[str, Any], zone: ZoneInfo) -> MultiDict[str]:
    """Return what a form with ``value`` in it posts."""
    made: MultiDict[str] = MultiDict()
    for one in of:
        if value.get(one.member) is not None:
            _fill(made, one, f"{PREFIX}.{one.member}", value[one.member], zone)
    return made


def _fill(made: MultiDict[str], field: Field, name: str, value: Any, zone: ZoneInfo) -> None:
    match field.kind:
        case Kind.GROUP | Kind.WINDOW:
            for one in field.fields:
                if value.get(one.member) is not None:
                    _fill(made, one, f"{name}.{one.member}", value[one.member], zone)
        case Kind.LIST:
            made.add(f"{name}.rows", str(len(value)))
            for place, item in enumerate(value):
                _fill(made, field.fields[0], f"{name}.{place}", item, zone)
        case Kind.CODES | Kind.TOKENS:
            for item in value:
                made.add(name, str(item))
        case Kind.NOTE:
            _fill_note(made, name, value)
        case Kind.YES_NO:
            made.add(name, "yes" if value else "no")
        case Kind.INSTANT:
            made.add(name, _show_instant(datetime.fromisoformat(value).astimezone(zone)))
        case Kind.LOCAL:
            made.add(name, _show_instant(datetime.fromisoformat(value), utc="Z" if value.endswith("Z") else "+00:00"))
        case _:
            made.add(name, str(value))


def _fill_note(made: MultiDict[str], name: str, value: Any) -> None:
    if isinstance(value, str):
        made.add(name, value)
        return
    pairs = list(value.items()) if isinstance(value, Mapping) else [("", text) for text in value]
    made.add(f"{name}.rows", str(len(pairs)))
    for place, (title, text) in enumerate(pairs):
        made.add(f"{name}.{place}", text)
        if isinstance(value, Mapping):
            made.add(f"{name}.{place}.title", title)


def _show_instant(at: datetime, utc: str = "+00:00") -> str:
    offset = at.strftime("%z")
    shown = utc if at.utcoffset() == UTC.utcoffset(None) else f"{offset[:3]}:{offset[3:5]}"
    return f"{at:%Y-%m-%d %H:%M}{f':{at:%S}' if at.second else ''} {shown}"


# From what is posted to a value.

MISSING = N_("%(label)s: fill this in")
NOT_CHOSEN = N_("%(label)s: choose an answer")
NONE_CHOSEN = N_("%(label)s: choose at least one")
NO_CODE = N_("%(label)s: choose one of the answers that are listed")
NO_DATE = N_("%(label)s: write a day that exists as year, month, day, for example 2026-05-17")
NO_INSTANT = N_("%(label)s: write day and time, for example 2026-05-17 14:30")
TWICE = N_("%(label)s: the clocks change then; add the offset from UTC, for example 2026-10-25 02:30 +01:00")
NO_NUMBER = N_("%(label)s: write a whole number in digits")
TOO_MANY = N_("%(label)s: there are more rows than this form takes")
BEFORE = N_("%(label)s: the last day lies before the first")

TOO_LONG = N_("%(label)s: this is too long")

_WORDS: Mapping[str, str] = {
    "maxLength": TOO_LONG,
    "minLength": MISSING,
    "pattern": N_("%(label)s: this is not written as it has to be; the note beside the field says how"),
    "format": NO_DATE,
    "minimum": N_("%(label)s: the number is too small"),
    "maximum": N_("%(label)s: the number is too large"),
    "minItems": NONE_CHOSEN,
    "maxItems": N_("%(label)s: these are too many"),
    "uniqueItems": N_("%(label)s: the same stands there twice"),
    "required": N_("%(label)s: something in this part is missing"),
    "minProperties": N_("%(label)s: fill in at least one of these"),
    "anyOf": N_("%(label)s: something in this part is missing"),
    "const": N_("%(label)s: this has to be the case before the step can be taken"),
    "contains": N_("%(label)s: something in this part is missing"),
}
_EMPTY = N_("%(label)s: the other answers ask for this as well")
_FULL = N_("%(label)s: this does not go with the other answers; leave it out or change them")
_UNFIT = N_("%(label)s: this does not fit")
WHOLE = N_("What was filled in does not fit together.")

_ABSENT: Final = object()
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2})?) ?(Z|[+-]\d{2}:\d{2})?")
_YEARS = range(1900, 2200)
"""Those of the schemas (``common``: instant); beside the first and the last year there is, no zone has a time."""


def read(
    of: Sequence[Field], posted: MultiDict[str], zone: ZoneInfo, schema: str = ""
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """
    Return the value that was posted and what is wrong with it; with ``schema`` the whole is judged by that as well.

    A value with problems is for nothing but to be looked at.
    """
    reader = _Reader(posted, zone)
    value = reader.members(of, PREFIX)
    if not reader.problems and schema:
        try:
            act_bodies.validate(schema, value)
        except SchemaError as error:
            reader.judge(of, value, error)
    return value, reader.found()


def blame(of: Sequence[Field], posted: MultiDict[str], zone: ZoneInfo, error: SchemaError) -> tuple[Problem, ...]:
    """Return what a step said of the value that was posted, each at the field of the same place, if there is one."""
    reader = _Reader(posted, zone)
    reader.judge(of, reader.members(of, PREFIX), error)
    return reader.found()


@dataclass(slots=True)
class _Reader:
    posted: MultiDict[str]
    zone: ZoneInfo
    problems: list[Problem]
    rows: dict[str, list[int]]

    def __init__(self, posted: MultiDict[str], zone: ZoneInfo) -> None:
        self.posted, self.zone, self.problems, self.rows = posted, zone, [], {}

    def found(self) -> tuple[Problem, ...]:
        """Return what is wrong, one problem for each field: the first."""
        return tuple({one.name: one for one in reversed(self.problems)}.values())[::-1]

    def text(self, name: str) -> str:
        values = self.posted.getall(name, ())
        return values[-1] if values else ""

    def fail(self, name: str, text: str, label: str) -> object:
        self.problems.append(Problem(name, text, label))
        return _ABSENT

    def count(self, name: str) -> int:
        given = self.text(f"{name}.rows")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 5 else 0

    def blank(self, field: Field, name: str) -> bool:
        """Return whether nothing was given for ``field``."""
        match field.kind:
            case Kind.GROUP | Kind.WINDOW:
                return all(self.blank(one, f"{name}.{one.member}") for one in field.fields)
            case Kind.LIST:
                count = self.count(name)
                return count <= ROWS_MAX and all(
                    self.blank(field.fields[0], f"{name}.{place}") for place in range(count)
                )
            case Kind.NOTE:
                return not self.text(name) and not self.count(name)
        return field.fixed or not any(self.posted.getall(name, ()))

    def members(self, of: Sequence[Field], prefix: str) -> dict[str, Any]:
        made = {}
        for field in of:
            value = self.value(field, f"{prefix}.{field.member}")
            if value is not _ABSENT:
                made[field.member] = value
        return made

    def value(self, field: Field, name: str) -> Any:
        """Return the value of ``field``; what it does not have is noted."""
        if field.fixed:
            return field.options[0].value
        if not self.blank(field, name):
            return self.given(field, name)
        if not field.required:
            return _ABSENT
        if field.nullable:
            return None
        match field.kind:
            case Kind.GROUP | Kind.WINDOW:
                return self.members(field.fields, name)
            case Kind.CODES | Kind.LIST | Kind.TOKENS:
                return [] if not field.least else self.fail(name, NONE_CHOSEN, field.label)
            case Kind.CODE | Kind.YES_NO:
                return self.fail(name, NOT_CHOSEN, field.label)
        return self.fail(name, MISSING, field.label)

    def given(self, field: Field, name: str) -> Any:
        text = self.text(name)
        match field.kind:
            case Kind.GROUP:
                return self.members(field.fields, name)
            case Kind.WINDOW:
                made = self.members(field.fields, name)
                if len(made) == 2 and made["until"] < made["from"]:
                    return self.fail(f"{name}.until", BEFORE, field.label)
                return made
            case Kind.LIST:
                return self.list(field, name)
            case Kind.NOTE:
                return self.note(field, name)
            case Kind.TOKENS:
                return [one for one in self.posted.getall(name, ()) if one]
            case Kind.CODES:
                known = {str(one.value): one.value for one in field.options}
                chosen = [one for one in self.posted.getall(name, ()) if one]
                if any(one not in known for one in chosen):
                    return self.fail(name, NO_CODE, field.label)
                return [known[one] for one in dict.fromkeys(chosen)]
            case Kind.CODE:
                found = {str(one.value): one.value for one in field.options}.get(text, _ABSENT)
                return self.fail(name, NO_CODE, field.label) if found is _ABSENT else found
            case Kind.YES_NO:
                return text == "yes" if text in ("yes", "no") else self.fail(name, NOT_CHOSEN, field.label)
            case Kind.DATE:
                day = read_day(text)
                return self.fail(name, NO_DATE, field.label) if day is None else day.isoformat()
            case Kind.UNCERTAIN:
                return ascii_digits(text)
            case Kind.INSTANT | Kind.LOCAL:
                return self.instant(field, name, ascii_digits(text))
            case Kind.NUMBER:
                number = ascii_digits(text)
                good = number.isascii() and number.isdigit() and len(number) < 10
                return int(number) if good else self.fail(name, NO_NUMBER, field.label)
        return text

    def list(self, field: Field, name: str) -> Any:
        count = self.count(name)
        if count > min(field.most or ROWS_MAX, ROWS_MAX):
            return self.fail(name, TOO_MANY, field.label)
        item = field.fields[0]
        filled = [place for place in range(count) if not self.blank(item, f"{name}.{place}")]
        self.rows[name] = filled
        return [self.value(item, f"{name}.{place}") for place in filled]

    def note(self, field: Field, name: str) -> Any:
        if not (count := self.count(name)):
            return self.text(name)
        if count > ROWS_MAX:
            return self.fail(name, TOO_MANY, field.label)
        texts = [self.text(f"{name}.{place}") for place in range(count)]
        titles = [self.text(f"{name}.{place}.title") for place in range(count)]
        return dict(zip(titles, texts, strict=True)) if any(titles) else texts

    def instant(self, field: Field, name: str, text: str) -> Any:
        found = _INSTANT.fullmatch(text)
        try:
            local = datetime.fromisoformat(f"{found[1]}T{found[2]}") if found else None
            offset = found[3] if found else None
            at = datetime.fromisoformat(f"{local.isoformat()}{offset}") if local and offset else local
        except ValueError:
            at = None
        if at is None or at.year not in _YEARS:
            return self.fail(name, NO_INSTANT, field.label)
        if at.tzinfo is None:
            at = at.replace(tzinfo=self.zone)
            # Of an hour that comes twice or never, nobody but the writer knows which is meant.
            if at.utcoffset() != at.replace(fold=1).utcoffset():
                return self.fail(name, TWICE, field.label)
        if field.kind is Kind.INSTANT:
            return format_instant(at.astimezone(UTC))
        written = at.replace(tzinfo=None).isoformat()
        shown = at.strftime("%z")
        return f"{written}{offset or f'{shown[:3]}:{shown[3:5]}'}"

    def judge(self, of: Sequence[Field], value: Mapping[str, Any], error: SchemaError) -> None:
        """Note what the schema says, each at the field it is about."""
        for one in error.problems:
            name, field, found = self.find(of, value, one.pointer)
            if field is None:
                self.problems.append(Problem("", WHOLE))
                continue
            text = _WORDS.get(one.keyword, _UNFIT)
            if one.keyword in ("type", "not", "enum", "if", "then", "else"):
                text = _EMPTY if found is None else _FULL
            self.problems.append(Problem(name, text, field.label))

    def find(self, of: Sequence[Field], value: Any, pointer: str) -> tuple[str, Field | None, Any]:
        """Return the name, the field and the value at ``pointer`` of the value, as far as there is a field for it."""
        name, field, at = PREFIX, None, value
        for step in pointer.split("/")[1:]:
            inner = field.fields if field else of
            if field is not None and field.kind is Kind.LIST:
                places = self.rows.get(name, [])
                if not step.isdigit() or int(step) >= len(places):
                    break
                name, field, at = f"{name}.{places[int(step)]}", inner[0], at[int(step)]
                continue
            below = next((one for one in inner if one.member == step), None)
            if below is None:
                break
            name, field, at = f"{name}.{step}", below, at.get(step) if isinstance(at, Mapping) else None
        return name, field, at


def read_day(text: str) -> date | None:
    """Return the day that was typed as year, month and day in the digits of any script; ``None`` if it is none."""
    digits = ascii_digits(text)
    try:
        # ``fromisoformat`` alone takes weeks and days of the year as well.
        return date.fromisoformat(digits) if _DAY.fullmatch(digits) else None
    except ValueError:
        return None


def ascii_digits(text: str) -> str:
    """Return ``text`` with the decimal digits of every script as ASCII ones, and no space at either end."""
    return text.translate({ord(one): str(int(one)) for one in set(text) if one.isdecimal()}).strip()


# Rows that are added and taken away by a button, so that it works without script.


def changed(of: Sequence[Field], posted: MultiDict[str]) -> MultiDict[str] | None:
    """Return the form with the row that was asked for added (``add``) or taken away (``drop``); else ``None``."""
    added, dropped = posted.get("add", ""), posted.get("drop", "")
    if not added and not dropped:
        return None
    made: MultiDict[str] = MultiDict((key, value) for key, value in posted.items() if key not in ("add", "drop"))
    name, _, place = dropped.rpartition(".")
    name = added or name
    if not any(name == one for one in _lists(of, PREFIX, posted)):
        return made
    count = _Reader(posted, ZoneInfo("UTC")).count(name)
    if added:
        made[f"{name}.rows"] = str(min(count + 1, ROWS_MAX))
        return made
    if not (_is_place(place) and int(place) < count):
        return made
    moved: MultiDict[str] = MultiDict()
    for key, value in made.items():
        number, _, rest = key.removeprefix(f"{name}.").partition(".")
        if not key.startswith(f"{name}.") or not _is_place(number) or int(number) < int(place):
            moved.add(key, value)
        elif int(number) > int(place):
            moved.add(f"{name}.{int(number) - 1}{f'.{rest}' if rest else ''}", value)
    moved[f"{name}.rows"] = str(count - 1)
    return moved


def _is_place(text: str) -> bool:
    """Tell whether ``text`` is the place of a row: few ASCII digits, for a page makes no others."""
    return text.isascii() and text.isdigit() and len(text) < 5


def _lists(of: Sequence[Field], prefix: str, posted: MultiDict[str]) -> list[str]:
    """Return the names of all lists of the form as it was posted."""
    found = []
    for one in of:
        name = f"{prefix}.{one.member}"
        if one.kind is Kind.LIST:
            found.append(name)
        elif one.fields:
            found += _lists(one.fields, name, posted)
    return found


# For a template.


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as a template shows it, in the language of the visitor."""

    kind: str
    name: str
    label: str
    hint: str
    optional: bool
    error: str = ""
    value: str = ""
    values: tuple[str, ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    fields: "tuple[Shown, ...]" = ()
    rows: "tuple[tuple[Shown, ...], ...]" = ()
    more: bool = False
    maxlength: str = ""


def show(
    of: Sequence[Field], posted: MultiDict[str], problems: Sequence[Problem], tongue: Tongue, prefix: str = PREFIX
) -> tuple[Shown, ...]:
    """Return the fields as a template shows them, with what was posted in them and what is wrong with it."""
    wrong = {one.name: one.words(tongue) for one in problems}
    return tuple(_show(one, f"{prefix}.{one.member}", posted, wrong, tongue) for one in of if not one.fixed)


def _show(field: Field, name: str, posted: MultiDict[str], wrong: Mapping[str, str], tongue: Tongue) -> Shown:
    values = tuple(posted.getall(name, ()))
    made = Shown(
        field.kind.value,
        name,
        tongue._(field.label),
        tongue._(field.hint) if field.hint else "",
        field.optional,
        wrong.get(name, ""),
        values[-1] if values else "",
        values,
        maxlength=str(field.most) if field.kind in (Kind.TEXT, Kind.LONG) and field.most else "",
    )
    match field.kind:
        case Kind.CODE | Kind.CODES:
            items = tuple((str(one.value), one.words(tongue)) for one in field.options)
            if field.kind is Kind.CODE and len(items) > RADIOS_MAX:
                return replace(made, kind="select", items=tuple(sorted(items, key=lambda item: item[1])))
            return replace(made, items=items)
        case Kind.YES_NO:
            return replace(made, items=(("yes", tongue._("Yes")), ("no", tongue._("No"))))
        case Kind.GROUP | Kind.WINDOW:
            inner = tuple(
                _show(one, f"{name}.{one.member}", posted, wrong, tongue) for one in field.fields if not one.fixed
            )
            return replace(made, fields=inner)
        case Kind.LIST:
            count = _Reader(posted, tongue.zone).count(name)
            shown = min(max(count, field.least or 0, 1 if not field.optional else 0), ROWS_MAX)
            most = min(field.most or ROWS_MAX, ROWS_MAX)
            rows = tuple(_row(field.fields[0], f"{name}.{place}", posted, wrong, tongue) for place in range(shown))
            return replace(made, rows=rows, value=str(shown), more=shown < most)
        case Kind.NOTE:
            count = min(_Reader(posted, tongue.zone).count(name), ROWS_MAX)
            pairs = [(posted.get(f"{name}.{at}.title", ""), posted.get(f"{name}.{at}", "")) for at in range(count)]
            return replace(made, items=tuple(pairs))
    return made


def _row(item: Field, name: str, posted: MultiDict[str], wrong: Mapping[str, str], tongue: Tongue) -> tuple[Shown, ...]:
    made = _show(item, name, posted, wrong, tongue)
    return made.fields if item.kind is Kind.GROUP else (made,)


# In words.


@dataclass(frozen=True, slots=True)
class Said:
    """A member of a body in words: its label, and texts or what stands in it. ``own`` texts are somebody's own."""

    label: str
    texts: tuple[str, ...] = ()
    fields: "tuple[Said, ...]" = ()
    own: bool = False


def as_said(part: readable.Part) -> Said:
    """Return a part of a readable value as a member in words."""
    return Said(part.label, (part.text,) if part.text else (), tuple(map(as_said, part.parts)), own=part.typed)


def say(of: Sequence[Field], value: Mapping[str, Any], tongue: Tongue, *, nulls: bool = False) -> tuple[Said, ...]:
    """
    Return ``value`` in words, every member of it: one that has no field is shown as it is.

    A member that is null is left out, for it says nothing; with ``nulls`` it says that there is none.
    """
    known = {one.member: one for one in of}
    made = []
    for member, item in value.items():
        field = known.get(member)
        if item is None:
            if nulls and field is not None:
                made.append(Said(tongue._(field.label), (tongue._("none"),)))
        elif field is None:
            made.append(Said(member, (str(item),), own=True))
        else:
            made.append(_say(field, item, tongue, nulls=nulls))
    return tuple(made)


def _say(field: Field, value: Any, tongue: Tongue, *, nulls: bool = False) -> Said:
    label = tongue._(field.label)
    words = {str(one.value): one.words(tongue) for one in field.options}
    match field.kind:
        case Kind.GROUP | Kind.WINDOW:
            return Said(label, fields=say(field.fields, value, tongue, nulls=nulls))
        case Kind.LIST:
            item = field.fields[0]
            if item.kind is not Kind.GROUP:
                return Said(label, tuple(text for one in value for text in _say(item, one, tongue).texts))
            return Said(label, fields=tuple(Said("", fields=say(item.fields, one, tongue)) for one in value))
        case Kind.IMAGE:
            return Said(label, fields=tuple(map(as_said, readable.image(tongue, value))))
        case Kind.CODES:
            texts = tuple(words.get(str(one), str(one)) for one in value)
            return Said(label, texts or (tongue._("none"),))
        case Kind.CODE:
            return Said(label, (words.get(str(value), str(value)),))
        case Kind.YES_NO:
            return Said(label, (tongue._("Yes") if value else tongue._("No"),))
        case Kind.INSTANT | Kind.LOCAL:
            return Said(label, (tongue.instant(datetime.fromisoformat(value)),), own=True)
        case Kind.TOKENS:
            return Said(label, tuple(value), own=True)
        case Kind.NOTE:
            texts = (value,) if isinstance(value, str) else tuple(value.values() if isinstance(value, dict) else value)
            return Said(label, texts, own=True)
    return Said(label, (str(value),), own=True)
