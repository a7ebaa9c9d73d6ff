"""
The contracts as data, and the loader that reads them.

``json/`` holds one JSON Schema (draft 2020-12) for each thing that is exchanged or read from a file, and
``json/messages/`` one for each message body; ``codes/`` the closed lists with their English, French and Arabic texts;
``instruments/`` and ``calendars/`` law and public holidays; ``matrix.json`` which element may leave for which purpose;
``reuse.json`` what received data may be used for.

Rule 1: ``jsonschema-rs`` decides, ``jsonschema`` explains. The tests hold both to the same verdict on every example.
Rule 2: an explanation names a place and a keyword, never a value: what was refused may be somebody's name.
Rule 3: nothing is resolved over a network. Every ``$ref`` leads to a file of this package.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema_rs

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

__all__ = [
    "Problem",
    "SchemaError",
    "UnknownName",
    "calendars",
    "catalogue",
    "code_lists",
    "codes",
    "is_valid",
    "known_types_without_schema",
    "load",
    "load_calendar",
    "load_instrument",
    "load_instruments",
    "load_ladder",
    "load_matrix",
    "load_reuse",
    "message_types",
    "names",
    "statement_roles",
    "validate",
]

_HERE = files(__package__)
_PROBLEMS_MAX = 50
"""Problems listed for one value; a longer list helps nobody and a hostile value could make it very long."""


class Problem(NamedTuple):
    """Where (a JSON Pointer, RFC 6901), which schema keyword, and in words; never the value itself."""

    pointer: str
    keyword: str
    text: str


class SchemaError(ValueError):
    """Say that a value does not fit the schema ``name``; ``problems`` lists all that was found, at most 50."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        first = problems[0] if problems else Problem("", "", "does not fit")
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{name}: {first.pointer or '/'}: {first.text}{more}")
        self.name = name
        self.problems = problems


class UnknownName(LookupError):
    """Say that no file of the package has this name; ``kind`` says what was looked for."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} is named {name[:64]!r}")
        self.kind = kind
        self.name = name


def _read(path: Traversable) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def _entries(folder: Traversable) -> dict[str, Traversable]:
    """Return the JSON files of ``folder`` by name without the ending; none if there is no such folder."""
    if not folder.is_dir():
        return {}
    found = {entry.name.removesuffix(".json"): entry for entry in folder.iterdir() if entry.name.endswith(".json")}
    return dict(sorted(found.items()))


# Schemas


@cache
def _message_schemas() -> Mapping[str, Traversable]:
    return _entries(_HERE / "json" / "messages")


@cache
def _schema_files() -> Mapping[str, Traversable]:
    return {**_entries(_HERE / "json"), **_message_schemas()}


@cache
def _schema(name: str) -> dict[str, Any]:
    try:
        return _read(_schema_files()[name])
    except KeyError:
        raise UnknownName("schema", name) from None


def names() -> tuple[str, ...]:
    """Return the names of all schemas, sorted; ``common``, the shared definitions, is not among them."""
    return tuple(sorted(name for name in _schema_files() if name != "common"))


def load(name: str) -> dict[str, Any]:
    """Return the schema ``name``, or ``common``, as a fresh value. Raises ``UnknownName``."""
    _schema(name)
    return _read(_schema_files()[name])


def message_types() -> dict[str, str]:
    """Return each message type of this version with the name of the schema of its body, which is the type itself."""
    return {name: name for name in _message_schemas()}


@cache
def _decider(name: str) -> jsonschema_rs.Draft202012Validator:
    if name == "common":
        raise UnknownName("schema to validate with", name)
    shared = _schema("common")
    registry = jsonschema_rs.Registry([(shared["$id"], shared)])
    return jsonschema_rs.Draft202012Validator(_schema(name), registry=registry, offline=True)


@cache
def _explainer(name: str) -> "Draft202012Validator":
    # Imported here: only a refusal needs it, and the command line should start without it.
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    shared: Resource[Any] = Resource.from_contents(_schema("common"))
    registry: Registry[Any] = Registry().with_resource(_schema("common")["$id"], shared)
    return Draft202012Validator(_schema(name), registry=registry)


def is_valid(name: str, value: object) -> bool:
    """Return whether ``value`` (JSON as Python values) fits the schema ``name``. Raises ``UnknownName``."""
    try:
        return _decider(name).is_valid(value)
    except (TypeError, ValueError):
        return False  # not JSON at all: a key that is no string, a lone surrogate, a number out of range


def validate(name: str, value: object) -> None:
    """
    Return if ``value`` fits the schema ``name``; raise ``SchemaError`` with every problem otherwise.

    Raises ``UnknownName`` if there is no such schema.
    """
    if not is_valid(name, value):
        raise SchemaError(name, _explain(name, value))


def _explain(name: str, value: object) -> tuple[Problem, ...]:
    found: dict[Problem, None] = {}
    for error in _explainer(name).iter_errors(value):
        found.update(dict.fromkeys(_leaves(error)))
        if len(found) >= _PROBLEMS_MAX:
            break
    if not found:
        # The two disagree, or the value is no JSON: the verdict stands, and it is said that no reason is known.
        found[Problem("", "", "is not acceptable JSON")] = None
    return tuple(sorted(found))[:_PROBLEMS_MAX]


def _leaves(error: "ValidationError") -> Iterator[Problem]:
    """Yield what is wrong; of alternatives, the one whose type fits, so that "or null" hides no fault within."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    close = [group for group in branches.values() if not any(_mismatch(inner) for inner in group)]
    if len(close) == 1:
        for inner in close[0]:
            yield from _leaves(inner)
        return
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
    yield Problem(pointer, str(error.validator), _text(error))


def _mismatch(error: "ValidationError") -> bool:
    return not error.relative_path and error.validator in {"type", "const", "enum"}


_TEXTS: Mapping[str, str] = {
    "anyOf": "fits none of the forms allowed here",
    "const": "is not the one value allowed here",
    "contains": "lacks an entry that must be there",
    "enum": "is not in the closed list of values",
    "oneOf": "does not fit exactly one of the forms allowed here",
    "pattern": "is not written in the form required",
    "uniqueItems": "has an entry twice",
}
_BOUNDS: Mapping[str, str] = {
    "maximum": "is greater than {}",
    "maxItems": "has more than {} entries",
    "maxLength": "is longer than {} characters",
    "maxProperties": "has more than {} members",
    "minimum": "is less than {}",
    "minItems": "has fewer than {} entries",
    "minLength": "is shorter than {} characters",
    "minProperties": "has fewer than {} members",
}


def _text(error: "ValidationError") -> str:
    keyword = str(error.validator)
    wanted: Any = error.validator_value
    if keyword == "required":
        held: Any = error.instance
        return "lacks " + ", ".join(repr(member) for member in wanted if member not in held)
    if keyword == "type":
        kinds = [wanted] if isinstance(wanted, str) else list(wanted)
        return "is not of the type " + " or ".join(kinds)
    if keyword == "additionalProperties":
        return "has a member that is not known here"
    if keyword in _BOUNDS:
        return _BOUNDS[keyword].format(wanted)
    return _TEXTS.get(keyword, "is not allowed here")


# Code lists


@cache
def _code_list(list_name: str) -> Mapping[str, Any]:
    try:
        return _read(_entries(_HERE / "codes")[list_name])
    except KeyError:
        raise UnknownName("code list", list_name) from None


def code_lists() -> tuple[str, ...]:
    """Return the names of the closed code lists, sorted."""
    return tuple(_entries(_HERE / "codes"))


def codes(list_name: str) -> dict[str, dict[str, str]]:
    """Return each code of a list with its texts by language (``en``, ``fr``, ``ar``). Raises ``UnknownName``."""
    return {code: dict(texts) for code, texts in _code_list(list_name)["codes"].items()}


def catalogue() -> dict[str, tuple[str, ...]]:
    """Return each catalogue code of ``docs/protocol.md`` (``VRQ``, ``VRP`` ...) with its message types."""
    return {code: tuple(types) for code, types in _code_list("message_type")["catalogue"].items()}


def known_types_without_schema() -> frozenset[str]:
    """Return the message types of the catalogue that this version names and does not yet accept."""
    return frozenset(codes("message_type")) - frozenset(message_types())


def statement_roles() -> dict[str, str]:
    """Return for each national person role the neutral role name that a statement or a card may carry abroad."""
    return dict(_code_list("person_role")["statement_role"])


# Law, calendars, matrix


@cache
def _instrument_files() -> Mapping[str, Traversable]:
    found = _entries(_HERE / "instruments")
    return {name: path for name, path in found.items() if name != "ladder"}


@cache
def _instruments() -> Mapping[str, dict[str, Any]]:
    found = {}
    for path in _instrument_files().values():
        value = _read(path)
        validate("instrument", value)
        found[str(value["id"])] = value
    return found


def load_instruments() -> dict[str, dict[str, Any]]:
    """Return all agreements by id, each checked against the schema ``instrument``. Raises ``SchemaError``."""
    return {name: load_instrument(name) for name in _instruments()}


def load_instrument(name: str) -> dict[str, Any]:
    """Return the agreement with the id ``name`` as a fresh value. Raises ``UnknownName``, ``SchemaError``."""
    try:
        return _copy(_instruments()[name])
    except KeyError:
        raise UnknownName("instrument", name) from None


def _copy(value: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(value))
    return copied


def _calendar_files(directory: Path | None) -> dict[str, Traversable]:
    found = _entries(_HERE / "calendars")
    if directory is not None:
        found.update(_entries(directory))
    return found


def calendars(directory: Path | None = None) -> tuple[str, ...]:
    """Return the ids of the calendars of the package and of ``directory``, sorted; an id is the file's name."""
    return tuple(sorted(_calendar_files(directory)))


def load_calendar(name: str, directory: Path | None = None) -> dict[str, Any]:
    """
    Return the calendar ``name``, checked against the schema ``calendar``; a file of ``directory`` goes before ours.

    Raises ``UnknownName`` and ``SchemaError``, whose problems name the file.
    """
    try:
        value = _read(_calendar_files(directory)[name])
    except KeyError:
        raise UnknownName("calendar", name) from None
    except OSError as error:
        raise SchemaError("calendar", (Problem(f"{name}.json", "", "cannot be opened"),)) from error
    except ValueError as error:
        raise SchemaError("calendar", (Problem(f"{name}.json", "", "is no JSON"),)) from error
    try:
        validate("calendar", value)
    except SchemaError as error:
        found = tuple(one._replace(pointer=f"{name}.json{one.pointer}") for one in error.problems)
        raise SchemaError("calendar", found) from error
    return value


def load_ladder() -> dict[str, Any]:
    """Return the ladder of reminders, checked against the schema ``ladder``. Raises ``SchemaError``."""
    value = _read(_HERE / "instruments" / "ladder.json")
    validate("ladder", value)
    return value


def load_matrix() -> dict[str, Any]:
    """Return which element may leave for which purpose, checked against the schema ``matrix``."""
    value = _read(_HERE / "matrix.json")
    validate("matrix", value)
    return value


def load_reuse() -> dict[str, Any]:
    """Return what received data may be used for and by whom, checked against the schema ``reuse``."""
    value = _read(_HERE / "reuse.json")
    validate("reuse", value)
    return value
