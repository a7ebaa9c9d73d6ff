"""The document of the local API: valid in itself, and the same as what is served."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS
from gateway.http import openapi
from gateway.http.local_api import LocalServices, local_app
from gateway.services import act_bodies
from gateway.services.acts import VERBS
from schemas import SchemaError


def app_routes() -> set[tuple[str, str]]:
    services = cast(LocalServices, SimpleNamespace(desk=None, tokens={}))
    routes = local_app(services).router.routes()
    return {(route.method, route.resource.canonical) for route in routes if route.resource}


def test_every_route_is_described_and_every_description_served() -> None:
    """Both directions, with and without what is optional. HEAD comes with GET nowhere."""
    described = {
        (method.upper(), path) for path, operations in openapi.document()["paths"].items() for method in operations
    }
    assert described == app_routes()


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object within ``value``."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def test_every_reference_leads_somewhere_in_the_document() -> None:
    """Nothing is resolved over a network, and nothing is left of the names of single files."""
    document = openapi.document()
    found = [node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)]
    assert found
    for reference in found:
        assert reference.startswith("#/")
        place: Any = document
        for step in reference[2:].split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]
        assert isinstance(place, dict)


def test_every_component_is_a_schema() -> None:
    """Each is valid JSON Schema of draft 2020-12."""
    for schema in openapi.document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_operation_ids_are_unique_and_path_parameters_declared() -> None:
    """As OpenAPI demands."""
    document = openapi.document()
    operations = [(path, one) for path, found in document["paths"].items() for one in found.values()]
    assert len(operations) == len({one["operationId"] for _, one in operations})
    for path, one in operations:
        declared = {parameter["name"] for parameter in one["parameters"] if parameter["in"] == "path"}
        assert ("{ref}" in path) == (declared == {"ref"})
        assert one["responses"]


def test_every_step_is_one_of_the_state_tables() -> None:
    """A verb without an event would serve nobody; an event of a person without a verb could never be brought."""
    events = {row.event for row in (*REQUESTING_ROWS, *REQUESTED_ROWS)}
    assert {event for verb in VERBS.values() for event in verb.events} <= events
    assert all(verb.roles(side) for verb in VERBS.values() for side in verb.sides)
    steps = (route for route in openapi.ROUTES if route.method == "POST")
    assert set(VERBS) == {route.name for route in steps if route.path == f"/v1/cases/{{ref}}/{route.name}"}


BAD_BODIES: dict[str, tuple[str, Any, tuple[str, str]]] = {
    "a member too many": ("Contest", {"ground": "NEW_ELEMENT", "Anna": 1}, ("", "additionalProperties")),
    "a member missing": ("Signed", {}, ("", "required")),
    "another kind": ("Freeze", {"reason": 7}, ("/reason", "type")),
    "a reply with handling of its own": ("Reply", {"handling": {}}, ("", "additionalProperties")),
    "a protection state that is none": (
        "Freeze",
        {"reason": "x", "protection": {"state": "Anna"}},
        ("/protection", "anyOf"),
    ),
    "one candidate": ("Question", {"candidates": 1, "elements": ["SEX"]}, ("/candidates", "minimum")),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_does_not_fit_is_explained_without_quoting_it(name: str) -> None:
    """The place and the keyword are told; what stood there is not."""
    schema, value, (pointer, keyword) = BAD_BODIES[name]
    with pytest.raises(SchemaError) as caught:
        act_bodies.validate(schema, value)
    assert (pointer, keyword) in {(one.pointer, one.keyword) for one in caught.value.problems}
    assert "Anna" not in str(caught.value.problems)
