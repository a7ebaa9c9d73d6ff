"""
A value of a schema as a person reads it: each member by its title, each code by its text, in the visitor's language.

Rule 1: what a value means is read from its schema; nothing is guessed from how it looks.
Rule 2: a member that the schema does not know, as a later version may bring, is shown as it is and never left out.
Rule 3: a member that is null says nothing and is left out; one that is false, 0 or empty says something and stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import schemas
from gateway.core.attachments import MEMBERS
from gateway.web import labels
from gateway.web.language import N_, Tongue

_LIST = "code list: "


@dataclass(frozen=True, slots=True)
class Part:
    """
    One member: its ``label``, and either a ``text`` or ``parts`` below it.

    ``typed`` says that the text is somebody's own words, a name, a number or a reference, and stands apart from the
    direction of what is around it. ``path`` is where it leads, if it does.
    """

    label: str
    text: str = ""
    parts: tuple["Part", ...] = ()
    typed: bool = False
    path: str = ""


def parts(tongue: Tongue, schema: str, value: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return ``value`` of the schema ``schema`` as parts."""
    root = _loaded(schema)
    return tuple(_members(_Place(tongue, schema, "", *_resolved(root, root)), value))


def elements(tongue: Tongue, value: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return data elements as parts."""
    return _shared(tongue, "elements", value)


def conditions(tongue: Tongue, value: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return what data was sent for, and under which conditions, as parts."""
    return _shared(tongue, "handling", value)


def _shared(tongue: Tongue, name: str, value: Mapping[str, Any]) -> tuple[Part, ...]:
    root = _loaded("common")
    return tuple(_members(_Place(tongue, name, "", *_resolved(root, root["$defs"][name])), value))


def members(schema: str) -> frozenset[str]:
    """Return the names of the members of ``schema``."""
    return frozenset(_loaded(schema)["properties"])


@cache
def _loaded(name: str) -> Mapping[str, Any]:
    return schemas.load(name)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: the body it is of, the pointer there, its schema, and the document that schema is in."""

    tongue: Tongue
    name: str
    pointer: str
    root: Mapping[str, Any]
    schema: Mapping[str, Any]

    def below(self, member: str) -> "_Place":
        """Return the place of a member; one that the schema does not know has an empty schema."""
        known = self.schema.get("properties", {}).get(member, {})
        return _Place(self.tongue, self.name, f"{self.pointer}/{member}", *_resolved(self.root, known))

    def within(self) -> "_Place":
        """Return the place of the items of a list."""
        items = _resolved(self.root, self.schema.get("items", {}))
        return _Place(self.tongue, self.name, f"{self.pointer}/*", *items)

    def chosen(self, value: Any) -> "_Place":
        """Return the alternative that ``value`` is: the one whose code list or type fits."""
        root, schema = self.root, self.schema
        while "anyOf" in schema and "type" not in schema:  # beside a type it is a condition, and no choice
            found = [_resolved(root, one) for one in schema["anyOf"] if one.get("type") != "null"]
            root, schema = next((one for one in found if _fits(one[1], value)), found[0])
        return _Place(self.tongue, self.name, self.pointer, root, schema)

    def label(self, member: str) -> str:
        """Return what the member here is called: as in the forms, else by the title of its schema."""
        try:
            return self.tongue._(labels.of(self.name, self.pointer)[0])
        except LookupError:
            return self.tongue._(self.schema.get("title", member))


def _resolved(root: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the schema behind a reference, and the document it is in; what stands beside the reference holds too."""
    while (ref := schema.get("$ref")) is not None:
        document, _, pointer = ref.partition("#")
        root = root if not document else _loaded(document.rsplit(":", 1)[-1])
        found = root
        for step in filter(None, pointer.split("/")):
            found = found[step]
        schema = {**found, **{name: one for name, one in schema.items() if name != "$ref"}}
    return root, schema


def _members(place: _Place, value: Mapping[str, Any]) -> Iterator[Part]:
    known = place.schema.get("properties", {})
    for name in [*(name for name in known if name in value), *(name for name in value if name not in known)]:
        if value[name] is not None:
            below = place.below(name)
            yield _part(below, below.label(name), value[name])


def image(tongue: Tongue, value: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return an image of a body as parts: its kind, and of each page size and digest. Its bytes are for no page."""
    made = [Part(tongue._(N_("Kind of file")), tongue.code("media_type", value["media_type"]))]
    for number, page in enumerate(value["pages"], 1):
        size = page["bytes"] if "bytes" in page else len(page["content"]) * 3 // 4
        text = tongue.ngettext("%(num)s byte", "%(num)s bytes", size, num=size)
        label = tongue._(N_("Page %(number)s"), number=number)
        digest = Part(tongue._(N_("Digest")), page["sha256"], typed=True)
        made.append(Part(label, parts=(Part(tongue._(N_("Size")), text), digest)))
    return tuple(made)


def _part(place: _Place, label: str, value: Any) -> Part:
    place = place.chosen(value)
    if place.pointer.rpartition("/")[2] in MEMBERS and "pages" in value:
        return Part(label, parts=image(place.tongue, value))
    if isinstance(value, Mapping):
        return Part(label, parts=tuple(_members(place, value)))
    if isinstance(value, list | tuple):
        return _listed(place, label, value)
    text, typed = _text(place, value)
    return Part(label, text, typed=typed)


def _listed(place: _Place, label: str, value: Sequence[Any]) -> Part:
    if not value:
        return Part(label, place.tongue._(N_("None")))
    made = [_part(place.within(), "", one) for one in value]
    if len(made) == 1 and not made[0].parts:
        return Part(label, made[0].text, typed=made[0].typed)
    return Part(label, parts=tuple(made))


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    codes = _codes(schema)
    if codes is not None:
        return value in schemas.codes(codes)
    kind = _KINDS.get(schema.get("type", ""))
    return kind is None or isinstance(value, kind)


_KINDS: Mapping[str, type] = {"object": Mapping, "array": list, "string": str, "boolean": bool, "integer": int}


def _codes(schema: Mapping[str, Any]) -> str | None:
    comment = str(schema.get("$comment", ""))
    return comment.removeprefix(_LIST).split(" ")[0] if comment.startswith(_LIST) else None


def _text(place: _Place, value: Any) -> tuple[str, bool]:
    """Return a plain value in words, and whether it is somebody's own."""
    codes = _codes(place.schema)
    if codes is not None:
        return place.tongue.code(codes, str(value)), False
    if isinstance(value, bool):
        return place.tongue._(N_("Yes")) if value else place.tongue._(N_("No")), False
    at = _instant(value)
    return (place.tongue.instant(at), False) if at is not None else (str(value), True)


def _instant(value: Any) -> datetime | None:
    """Return the instant that a text is, if it is one with an offset."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
