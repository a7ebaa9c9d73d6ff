"""A body in words: each member by the label of its field, its value in the language of the visitor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.web import readable
from gateway.web.form_fields import Field, Kind
from gateway.web.language import Tongue


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
