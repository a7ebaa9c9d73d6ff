"""The loader: names, explanations, code lists, law as data."""

import json
from pathlib import Path
from typing import Any

import pytest

import schemas
from tests.schemas.support import EXAMPLES, read

REQUEST = read(EXAMPLES / "verification.request" / "valid" / "nationality.json")


def problems(name: str, value: Any) -> dict[str, str]:
    """Return keyword by pointer of every problem ``value`` has."""
    with pytest.raises(schemas.SchemaError) as refused:
        schemas.validate(name, value)
    return {problem.pointer: problem.keyword for problem in refused.value.problems}


def test_message_types_have_schemas() -> None:
    """Each message type of this version is the name of a schema and stands in the catalogue."""
    assert set(schemas.message_types().values()) <= set(schemas.names())
    assert set(schemas.message_types()) <= set(schemas.codes("message_type"))


def test_types_of_later_versions() -> None:
    """A type of the catalogue without a schema is known and not accepted."""
    later = schemas.known_types_without_schema()
    assert set(schemas.codes("message_type")) == later | set(schemas.message_types())
    assert not later & set(schemas.message_types())


def test_catalogue_covers_every_type_once() -> None:
    """Every type belongs to exactly one catalogue code."""
    types = [name for names in schemas.catalogue().values() for name in names]
    assert sorted(schemas.codes("message_type")) == sorted(types)
    assert ("verification.question", "verification.elements") == schemas.catalogue()["VT2"]


def test_load_gives_fresh_values() -> None:
    """Changing what was loaded changes nothing for the next caller."""
    schemas.load("reminder").clear()
    schemas.codes("step").clear()
    schemas.load_instrument("POLICY_DEFAULT").clear()
    assert schemas.load("reminder")["title"] == "Reminder"
    assert "reply" in schemas.codes("step")
    assert schemas.load_instrument("POLICY_DEFAULT")["id"] == "POLICY_DEFAULT"


@pytest.mark.parametrize("name", ["nothing", "common", "../setup", ""])
def test_unknown_schema(name: str) -> None:
    """Validating with a name that is no schema is an error of the caller."""
    with pytest.raises(schemas.UnknownName):
        schemas.validate(name, {})


def test_unknown_names_elsewhere() -> None:
    """Each loader says what it did not find."""
    for call in (schemas.load, schemas.codes, schemas.load_instrument, schemas.load_calendar):
        with pytest.raises(schemas.UnknownName, match="nowhere"):
            call("nowhere")


def test_all_problems_at_once() -> None:
    """A refusal lists every problem with its place."""
    value = {**REQUEST, "method_limit": "M9", "extra": 1, "handling": {**REQUEST["handling"], "onward": "yes"}}
    assert problems("verification.request", value) == {
        "": "additionalProperties",
        "/handling/onward": "enum",
        "/method_limit": "enum",
    }


def test_problem_inside_an_optional_member() -> None:
    """A fault within something that may also be null is named at its own place."""
    name = {**REQUEST["elements"]["names"][0], "latin": {"family": "IVANOVA", "system": "ICAO9303"}}
    value = {**REQUEST, "elements": {**REQUEST["elements"], "names": [name]}}
    assert problems("verification.request", value) == {"/elements/names/0/latin": "required"}


def test_missing_members_are_named() -> None:
    """The names of missing members come from the schema and may be shown."""
    with pytest.raises(schemas.SchemaError) as refused:
        schemas.validate("reminder", {})
    assert [schemas.Problem("", "required", "lacks 'number', 'step'")] == list(refused.value.problems)
    assert str(refused.value) == "reminder: /: lacks 'number', 'step'"


def test_pointer_is_escaped() -> None:
    """A pointer follows RFC 6901; the trust list's partner is named by its code."""
    value = read(EXAMPLES / "configuration" / "invalid" / "no-contact-by-one.json")
    assert problems("configuration", value) == {"/partners/XBB/no_contact/by": "minItems"}


def test_many_problems_are_cut() -> None:
    """A value made to have endless faults gets at most fifty explained."""
    value = {"threads": [{"thread": index} for index in range(500)], "more": False}
    with pytest.raises(schemas.SchemaError) as refused:
        schemas.validate("resync", value)
    assert len(refused.value.problems) <= 50


@pytest.mark.parametrize("value", [{1: 2}, {"number": float("nan"), "step": "reply"}, {"number": object()}, "\ud800"])
def test_values_that_are_no_json(value: Any) -> None:
    """What is not JSON at all is refused, not a crash."""
    assert schemas.is_valid("reminder", value) is False
    with pytest.raises(schemas.SchemaError):
        schemas.validate("reminder", value)


def test_statement_roles_are_neutral() -> None:
    """Each person role that may sign has a role name that a statement may carry."""
    roles = schemas.statement_roles()
    assert set(roles) == set(schemas.codes("person_role")) - {"operator"}
    assert set(roles.values()) == set(schemas.codes("role"))


def test_law_as_data_fits_its_schemas() -> None:
    """Every agreement, calendar, ladder and matrix of the package is valid and named as its file."""
    assert "POLICY_DEFAULT" in schemas.load_instruments()
    assert all(name == value["id"] for name, value in schemas.load_instruments().items())
    assert all(name == schemas.load_calendar(name)["id"] for name in schemas.calendars())
    assert schemas.load_ladder()["levels"][0]["level"] == "L0"


def test_calendar_of_the_operator_goes_first(tmp_path: Path) -> None:
    """A calendar of the operator's directory is found, and wins over one of ours with the same id."""
    own = {**schemas.load_calendar("XBB-2026-27"), "version": "operator-2"}
    (tmp_path / "XBB-2026-27.json").write_text(json.dumps(own), encoding="utf-8")
    (tmp_path / "XCC-2026.json").write_text(json.dumps({**own, "id": "XCC-2026"}), encoding="utf-8")
    assert schemas.load_calendar("XBB-2026-27", tmp_path)["version"] == "operator-2"
    assert "XCC-2026" in schemas.calendars(tmp_path)
    assert "XCC-2026" not in schemas.calendars()


def test_calendar_of_the_operator_is_checked(tmp_path: Path) -> None:
    """A calendar with a fault is refused with its place."""
    (tmp_path / "XCC-2026.json").write_text('{"id": "XCC-2026"}', encoding="utf-8")
    with pytest.raises(schemas.SchemaError, match="lacks"):
        schemas.load_calendar("XCC-2026", tmp_path)
