"""
What a trust list holds besides keys: the cards of each country, and what the trustees decided for all.

Rule 1: each is one file of strict JSON with a schema; the list of witnesses alone is text.
Rule 2: a policy of the trustees narrows what a gateway does. It never makes one do or believe more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from keys import instants
from keys.errors import KeysError
from schemas import SchemaError, codes, ijson, validate

CARDS_MAX_BYTES = 4 << 20
"""Longest list of cards read: 32 cards with a year of sealing keys of the larger suite each take half of it."""

POLICY_MAX_BYTES = 256 << 10

SUITES, DISTRUST, TYPES, WITNESS = "suites.json", "distrust.json", "types.json", "witness.txt"
POLICIES: Mapping[str, str | None] = {
    SUITES: "trust-suites",
    DISTRUST: "trust-distrust",
    TYPES: "trust-types",
    WITNESS: None,
}
"""The policies that a list may hold, each with the schema of its file."""


class BadList(KeysError):
    """Say that a trust list, or a part of one, is not what it should be."""


@dataclass(frozen=True, slots=True)
class Distrust:
    """Whom the trustees do not believe: countries with the instant of the decision, keys by country and id."""

    countries: Mapping[str, datetime] = field(default_factory=dict)
    keys: Mapping[tuple[str, str], datetime] = field(default_factory=dict)


def together(one: Distrust, other: Distrust) -> Distrust:
    """Return whom either does not believe, each from the earlier instant on."""
    countries, keys = dict(one.countries), dict(one.keys)
    for country, at in other.countries.items():
        countries[country] = min(at, countries.get(country, at))
    for key, at in other.keys.items():
        keys[key] = min(at, keys.get(key, at))
    return Distrust(countries, keys)


def is_country(code: str) -> bool:
    """Return whether ``code`` is one of the country codes that cards may have."""
    return code in codes("country")


def cards_path(country: str) -> str:
    """Return the path of the cards of ``country`` in the list."""
    return f"cards/{country}/card.json"


def policy_path(name: str) -> str:
    """Return the path of the policy ``name`` in the list."""
    return f"policy/{name}"


def serialize_cards(country: str, cards: Sequence[bytes]) -> bytes:
    """Return the list of the cards (JWS) of ``country``, oldest first, as its target. Raises ``BadList``."""
    value = {"v": 1, "country": country, "cards": [raw.decode("ascii") for raw in cards]}
    _check("trust-cards", value)
    return ijson.dumps(value)


def parse_cards(raw: bytes, country: str) -> tuple[bytes, ...]:
    """Return the cards (JWS) in the target ``raw`` of ``country``, oldest first. Raises ``BadList``."""
    value = _load("trust-cards", raw)
    if value["country"] != country:
        raise BadList(f"cards of {value['country']} where those of {country} are due")
    return tuple(text.encode("ascii") for text in value["cards"])


def check_policy(name: str, raw: bytes) -> None:
    """Return if ``raw`` may stand in a list as its policy ``name``. Raises ``BadList``."""
    if name not in POLICIES:
        raise BadList(f"no policy is named {name[:32]!r}; known: {', '.join(POLICIES)}")
    schema = POLICIES[name]
    if schema is not None:
        _load(schema, raw)


def parse_suites(raw: bytes) -> frozenset[int]:
    """Return the suites that the trustees allow. Raises ``BadList``."""
    return frozenset(_load("trust-suites", raw)["suites"])


def parse_types(raw: bytes) -> frozenset[str]:
    """Return the message types that every gateway is to take. Raises ``BadList``."""
    return frozenset(_load("trust-types", raw)["types"])


def parse_distrust(raw: bytes) -> Distrust:
    """Return whom the trustees do not believe. Raises ``BadList``."""
    value = _load("trust-distrust", raw)
    return Distrust(
        {one["country"]: instants.parse(one["since"]) for one in value["countries"]},
        {(one["country"], one["kid"]): instants.parse(one["revoked_at"]) for one in value["keys"]},
    )


def _load(schema: str, raw: bytes) -> dict[str, Any]:
    try:
        value = ijson.loads(raw)
    except ijson.BadJson as error:
        raise BadList(f"{schema}: {error}") from error
    _check(schema, value)
    return value


def _check(schema: str, value: Mapping[str, Any]) -> None:
    try:
        validate(schema, value)
    except SchemaError as error:
        raise BadList(str(error)) from error
