"""What the re-use table lets pass, what needs the sender's release, and what nothing lets pass."""

from datetime import date

import pytest

import schemas
from gateway.core.reuse import (
    DESK,
    FURTHER_HANDLING,
    NEVER,
    Conditions,
    Grant,
    bodies,
    purposes,
    reuse,
    reuse_findings,
    with_further,
)

TODAY = date(2026, 11, 25)


def held(purpose: str = "NATIONALITY", *restrictions: str) -> Conditions:
    """Return conditions that end next year."""
    return Conditions(purpose, frozenset(restrictions), date(2027, 5, 1))


def because(one: Conditions, purpose: str | None = None, body: str = DESK, grants: tuple[Grant, ...] = ()) -> list[str]:
    """Return the reasons of what is found."""
    found = reuse_findings([one], grants, purpose=purpose, body=body, today=TODAY)
    assert {"R-05"} >= {finding.rule for finding in found}
    return [finding.because for finding in found]


def test_rows_are_the_code_list_of_purposes() -> None:
    """Each purpose that data is sent for has a row, and each row has every purpose of use."""
    rows = {row["received_for"]: [use["purpose"] for use in row["uses"]] for row in schemas.load_reuse()["purposes"]}
    assert set(schemas.codes("purpose")) == set(rows)
    assert {purposes()} == {tuple(uses) for uses in rows.values()}


def test_purposes_and_bodies_are_those_a_release_can_name() -> None:
    """What the other State can be asked to release for is in the table, and so is every body it can be asked for."""
    assert set(schemas.codes("use_purpose")) <= set(purposes())
    assert {DESK, *schemas.codes("recipient_class")} == set(bodies())


@pytest.mark.parametrize("received_for", sorted(schemas.codes("purpose")))
def test_own_purpose_is_allowed_at_the_desk(received_for: str) -> None:
    """What was sent for a purpose is used for it where it arrived."""
    assert [] == because(held(received_for, "P0", "P1", "P2", "P3", "PC"))


@pytest.mark.parametrize("received_for", sorted(schemas.codes("purpose")))
@pytest.mark.parametrize("purpose", sorted(NEVER))
def test_enforcement_is_never_allowed(received_for: str, purpose: str) -> None:
    """No row, body or release opens what was sent to immigration enforcement or a criminal investigation."""
    for body in bodies():
        release = Grant(purpose, body, date(2099, 1, 1))
        assert because(held(received_for), purpose, body, (release,))


def test_statistics_take_no_content() -> None:
    """Figures are made without persons, so content is refused."""
    assert ["STATISTICS takes figures without persons, never content"] == because(held(), "STATISTICS")


@pytest.mark.parametrize(
    ("until", "body", "allowed"),
    [(date(2026, 11, 25), "CONSULATE", True), (date(2026, 11, 24), "CONSULATE", False), (TODAY, "REGISTRY", False)],
)
def test_ask_needs_a_release_for_this_body_that_still_runs(until: date, body: str, allowed: bool) -> None:
    """A release opens what the table leaves to the sender, for the body and up to the day it names."""
    release = Grant("TRAVEL_DOC", "CONSULATE", until)
    assert allowed == (because(held("NATIONALITY", "P0", "P2"), "TRAVEL_DOC", body, (release,)) == [])


@pytest.mark.parametrize(
    ("received_for", "purpose"),
    [(one, use) for one in sorted(schemas.codes("purpose")) for use in purposes() if reuse(one, use) == "ask"],
)
def test_what_is_left_to_the_sender_needs_its_release(received_for: str, purpose: str) -> None:
    """Without a release no body gets it, also where no handling code narrows anything."""
    assert all(because(held(received_for), purpose, body) for body in bodies())


def test_release_does_not_open_a_no() -> None:
    """What the table refuses stays refused, whatever is on file."""
    assert because(held("RETURN_ARRANGEMENT"), "NATIONALITY", DESK, (Grant("NATIONALITY", DESK, date(2099, 1, 1)),))


@pytest.mark.parametrize(
    ("codes", "purpose", "body"),
    [
        (("P0",), "NATIONALITY", DESK),
        (("P2",), None, "CONSULATE"),
        (("P3",), None, "CONSULATE"),
        (("PC",), None, "CONSULATE"),
    ],
)
def test_handling_code_narrows_the_table(codes: tuple[str, ...], purpose: str | None, body: str) -> None:
    """What the table allows without a handling code is refused with it."""
    assert [] == because(held("TRAVEL_DOC"), purpose, body)
    assert because(held("TRAVEL_DOC", *codes), purpose, body)


def test_release_does_not_open_what_is_for_the_welfare_role() -> None:
    """PC is of the person and not of the sender's alone: whatever is on file, nobody else gets it."""
    release = Grant("TRAVEL_DOC", "CONSULATE", date(2099, 1, 1))
    assert [] == because(held("TRAVEL_DOC"), None, "CONSULATE", (release,))
    assert because(held("TRAVEL_DOC", "PC"), None, "CONSULATE", (release,))


def test_what_was_forbidden_of_some_elements_stays_forbidden_of_all() -> None:
    """Elements that come later are kept with those before: what bound either binds both, to the last day of all."""
    received: dict[str, object] = {"handling": {"use_restrictions": ["P0"], "retain_until": "2027-01-01"}}
    for codes, day in ((["P3"], "2027-02-01"), (["P2"], "2027-03-01")):
        received = dict(with_further(received, {"use_restrictions": codes, "retain_until": day}))
    assert {"use_restrictions": ["P2", "P3"], "retain_until": "2027-03-01"} == received[FURTHER_HANDLING]


@pytest.mark.parametrize("body", ["POLICE", "FOREIGN_AFFAIRS", "PRESS"])
def test_body_not_on_the_list_gets_nothing(body: str) -> None:
    """A body that the table does not list for the purpose, or does not know, gets nothing."""
    assert because(held(), None, body)


def test_unknown_means_no() -> None:
    """Without conditions nothing is given, and a purpose nobody listed is refused."""
    assert reuse_findings([], (), purpose=None, body=DESK, today=TODAY)
    assert "no" == reuse("NATIONALITY", "MARKETING")
    assert "no" == reuse("SOMETHING", "NATIONALITY")


def test_strictest_condition_decides() -> None:
    """Of a case with several parts the part with the strictest conditions decides."""
    parts = [held("TRAVEL_DOC"), held("RETURN_ARRANGEMENT")]
    assert reuse_findings(parts, (), purpose="NATIONALITY", body=DESK, today=TODAY)
