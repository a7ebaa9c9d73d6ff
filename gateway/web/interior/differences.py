"""
What is on record now, beside what somebody typed from an older state of it: part by part, in words.

Rule 1: nobody's typing takes the place of what a colleague recorded meanwhile, unless it was shown to them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.web.form_fields import Field
from gateway.web.language import Tongue
from gateway.web.said import Said, say

_DIVIDED: Final = frozenset({"elements", "national"})
"""Members whose own members are parts; any other is a part as a whole, for it says one thing."""

Place = tuple[str, ...]
"""Where a part stands: the member, or the member and its own."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One part: its label, what is on record now, and what was typed; ``None`` where there is nothing."""

    label: str
    recorded: Said | None
    typed: Said | None


def _parts(value: Mapping[str, Any]) -> dict[Place, Any]:
    """Return the parts of a record by their place; what is null says nothing and is left out."""
    made: dict[Place, Any] = {}
    for member, item in value.items():
        inner = {(member, own): one for own, one in item.items()} if member in _DIVIDED and item else {(member,): item}
        made |= {place: one for place, one in inner.items() if one is not None}
    return made


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> frozenset[Place]:
    """Return the places of the parts that are not what they were."""
    old, new = _parts(before), _parts(now)
    return frozenset(place for place in old.keys() | new.keys() if old.get(place) != new.get(place))


def apart(of: Sequence[Field], now: Mapping[str, Any], typed: Mapping[str, Any], tongue: Tongue) -> list[Difference]:
    """Return the parts of which ``typed`` says something else than ``now``."""
    places = _parts(now).keys() | _parts(typed).keys()
    return [one for one in listed(of, places, now, typed, tongue) if one.recorded != one.typed]


def listed(
    of: Sequence[Field], places: Iterable[Place], now: Mapping[str, Any], typed: Mapping[str, Any], tongue: Tongue
) -> list[Difference]:
    """Return the parts at ``places`` in words, in the order of the fields ``of``."""
    wanted, new, own = frozenset(places), _parts(now), _parts(typed)
    return [
        Difference(tongue._(field.label), _said(field, new.get(place), tongue), _said(field, own.get(place), tongue))
        for place, field in _fields(of)
        if place in wanted
    ]


def _fields(of: Sequence[Field]) -> list[tuple[Place, Field]]:
    return [
        ((one.member, inner.member), inner) if one.member in _DIVIDED else ((one.member,), one)
        for one in of
        for inner in (one.fields if one.member in _DIVIDED else (one,))
    ]


def _said(field: Field, value: Any, tongue: Tongue) -> Said | None:
    return None if value is None else say((field,), {field.member: value}, tongue)[0]
