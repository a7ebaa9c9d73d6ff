"""
The fields of a form, made of the JSON Schema of a body.

Rule: a field is made of its schema and of nothing else; its label and, where the schema says only a pattern, its closed
list stand in ``labels``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final

import schemas
from gateway.services import act_bodies
from gateway.web import labels
from gateway.web.language import Tongue

BOXES_MAX: Final = 20
"""Codes from which a list of choices becomes a list of rows, each with one choice."""

LONG_FROM: Final = 300
"""Characters from which a text gets room for several lines."""

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


@cache
def body_fields(name: str) -> tuple[Field, ...]:
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
