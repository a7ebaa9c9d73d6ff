"""What the tests of this folder share: the example files, and the two validators asked separately."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import schemas

ROOT = Path(schemas.__file__).parent
EXAMPLES = ROOT / "examples"
NAMES = schemas.names()


def examples(kind: str) -> list[tuple[str, Path]]:
    """Return (schema name, file) of every example of ``kind``, ``valid`` or ``invalid``."""
    return [(path.parent.parent.name, path) for path in sorted(EXAMPLES.glob(f"*/{kind}/*.json"))]


def read(path: Path) -> Any:
    """Return the JSON in ``path``."""
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def reference(name: str) -> Draft202012Validator:
    """Return the reference validator, built here from the files alone, as a partner would."""
    common: Resource[Any] = Resource.from_contents(schemas.load("common"))
    registry: Registry[Any] = Registry().with_resource(schemas.load("common")["$id"], common)
    return Draft202012Validator(schemas.load(name), registry=registry)


@cache
def fast(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return the fast validator, built here from the files alone."""
    common = schemas.load("common")
    registry = jsonschema_rs.Registry([(common["$id"], common)])
    return jsonschema_rs.Draft202012Validator(schemas.load(name), registry=registry, offline=True)


def verdicts(name: str, value: Any) -> tuple[bool, bool]:
    """Return what the fast and the reference validator say of ``value``."""
    return fast(name).is_valid(value), reference(name).is_valid(value)


def nodes(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every object in a JSON value with the path to it."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from nodes(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, (*path, str(index)))
