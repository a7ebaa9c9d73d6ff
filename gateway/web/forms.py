"""
Forms of fields: a value as what is posted, what was posted read back into a value, and the form for a template.

Rule 1: what was posted is never mended: what cannot be read is a problem at its field, and the whole value is then
judged by the schema that the step itself is judged by.
Rule 2: a field left empty is absent or null, whichever the schema allows; a group is left out if all in it is empty.

A field is posted under ``b`` and its JSON Pointer with dots (``b.window.from``); the rows of a list carry their number
(``b.uses.0.on``), and how many there are is posted as ``b.uses.rows``. Which fields there are is in ``form_fields``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from multidict import MultiDict

from gateway.core import edtf
from gateway.core.wire import format_instant
from gateway.services import act_bodies
from gateway.web.form_fields import Field, Kind
from gateway.web.language import N_, Tongue, before_colon
from schemas import SchemaError

PREFIX: Final = "b"
"""What the name of every field of a body begins with, so that no member is taken for a field of the page."""

RADIOS_MAX: Final = 7
"""Codes from which a choice of one becomes a list that opens."""

ROWS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the field posted as ``name`` ('' for the whole); ``text`` is English, with ``label`` in it."""

    name: str
    text: str
    label: str = ""

    def words(self, tongue: Tongue) -> str:
        """Return it in the language of ``tongue``."""
        return tongue._(self.text, label=before_colon(tongue._(self.label)))


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
NO_TIME = N_("%(label)s: write a day, month or year that exists, as the note beside the field says")
NO_INSTANT = N_("%(label)s: write day and time, for example 2026-05-17 14:30")
TWICE = N_("%(label)s: the clocks change then; add the offset from UTC, for example 2026-10-25 02:30 +01:00")
NO_NUMBER = N_("%(label)s: write a whole number in digits")
TOO_MANY = N_("%(label)s: there are more rows than this form takes")
BEFORE = N_("%(label)s: the last day lies before the first")

TOO_LONG = N_("%(label)s: this is too long")
NOT_SO = N_("%(label)s: this is not written as it has to be; the note beside the field says how")

_WORDS: Mapping[str, str] = {
    "maxLength": TOO_LONG,
    "minLength": MISSING,
    "pattern": NOT_SO,
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
            case Kind.TOKENS:
                return []  # made once it is known how many: nobody types one
            case Kind.CODES | Kind.LIST:
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
                # Here as well as by the schema, which is asked once nothing else is wrong and knows no leap years.
                try:
                    return edtf.parse(ascii_digits(text)).text
                except edtf.BadEdtf:
                    return self.fail(name, NO_TIME, field.label)
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
            if field is None or field.kind is Kind.TOKENS:
                self.problems.append(Problem("", WHOLE))
                continue
            text = _WORDS.get(one.keyword, _UNFIT)
            if one.keyword == "minLength" and found:
                text = NOT_SO  # something stands there
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
    rows: "tuple[Shown, ...]" = ()
    more: bool = False
    maxlength: str = ""


def show(
    of: Sequence[Field], posted: MultiDict[str], problems: Sequence[Problem], tongue: Tongue, prefix: str = PREFIX
) -> tuple[Shown, ...]:
    """Return the fields as a template shows them, with what was posted in them and what is wrong with it."""
    wrong = {one.name: one.words(tongue) for one in problems}
    return tuple(_show(one, f"{prefix}.{one.member}", posted, wrong, tongue) for one in of if not one.fixed)


NOTHING = N_("Nothing chosen")
"""A choice that takes another one back: a browser lets nobody leave one circle of several empty again."""


def _show(
    field: Field, name: str, posted: MultiDict[str], wrong: Mapping[str, str], tongue: Tongue, *, may_stay: bool = False
) -> Shown:
    """Return one field; ``may_stay`` says that it stands in a part that may be left empty as a whole."""
    may_stay = may_stay or field.optional
    nothing = (("", tongue._(NOTHING)),) if may_stay else ()
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
            return replace(made, items=(*items, *nothing) if field.kind is Kind.CODE else items)
        case Kind.YES_NO:
            return replace(made, items=(("yes", tongue._("Yes")), ("no", tongue._("No")), *nothing))
        case Kind.GROUP | Kind.WINDOW:
            inner = tuple(
                _show(one, f"{name}.{one.member}", posted, wrong, tongue, may_stay=may_stay)
                for one in field.fields
                if not one.fixed
            )
            return replace(made, fields=inner)
        case Kind.LIST:
            count = _Reader(posted, tongue.zone).count(name)
            shown = min(max(count, field.least or 0, 1 if not field.optional else 0), ROWS_MAX)
            most = min(field.most or ROWS_MAX, ROWS_MAX)
            rows = tuple(_show(field.fields[0], f"{name}.{place}", posted, wrong, tongue) for place in range(shown))
            return replace(made, rows=rows, value=str(shown), more=shown < most)
        case Kind.NOTE:
            count = min(_Reader(posted, tongue.zone).count(name), ROWS_MAX)
            pairs = [(posted.get(f"{name}.{at}.title", ""), posted.get(f"{name}.{at}", "")) for at in range(count)]
            return replace(made, items=tuple(pairs))
    return made
