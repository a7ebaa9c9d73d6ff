"""``isthmus agreements``."""

import json
from pathlib import Path
from typing import Any

import pytest

import schemas
from tests.cli.support import call, spawn, value
from tests.support.rows import for_each


def test_the_list_names_source_and_confidence() -> None:
    """Every agreement is listed with how sure its figures are."""
    done = spawn("agreements", "list", "--json")
    rows = json.loads(done.stdout)
    assert set(schemas.load_instruments()) == {row["id"] for row in rows}
    assert all(row["confidence"] for row in rows)


def test_one_is_shown_as_it_is() -> None:
    """``show`` prints the data of one agreement; an unknown id exits 2."""
    assert schemas.load_instrument("POLICY_DEFAULT") == value("agreements", "show", "POLICY_DEFAULT")
    assert 2 == call("agreements", "show", "NONE").exit_code


def test_a_deadline_is_explained() -> None:
    """``explain`` names the rule that governs and the day that follows."""
    (row,) = value("agreements", "explain", "XAA", "XBB", "--step", "reply", "--start", "2026-11-20")
    assert ("POLICY_DEFAULT", True, "2026-12-07") == (row["instrument"], row["governs"], row["due_on"])


def test_the_explanation_is_readable() -> None:
    """Without ``--json`` the same is text, with what silence does here."""
    text = call("agreements", "explain", "XAA", "XBB", "--start", "2026-11-20").stdout
    assert "due on           2026-12-07" in text
    assert "ESCALATE_ONLY" in text


def test_bad_questions_say_what_is_known() -> None:
    """An unknown step, country or calendar exits 2 with the next step."""
    asked = ("agreements", "explain", "XAA", "XBB", "--start", "2026-11-20")
    assert 2 == call(*asked, "--step", "nothing").exit_code
    assert 2 == call(*asked, "--calendar", "XX-NONE").exit_code
    assert 2 == call("agreements", "explain", "xaa", "XBB", "--start", "2026-11-20").exit_code
    late = call("agreements", "explain", "SRB", "AUT", "--start", "9999-12-31", "--calendar", "AT-2026/27")
    assert (2, True) == (late.exit_code, "too near the end of time" in late.stderr)
    missing = call("agreements", "explain", "XAA", "XQQ", "--start", "2026-11-20")
    assert (2, True) == (missing.exit_code, "agreements calendar XQQ" in missing.stderr)


def test_a_calendar_is_exported_and_used(tmp_path: Path) -> None:
    """An exported calendar fits its schema and can be counted by."""
    made = value("agreements", "calendar", "AT", 2026, 2027, "--id", "XQQ-2026", "--zone", "Europe/Vienna")
    (tmp_path / "XQQ-2026.json").write_text(json.dumps(made))
    asked = ("agreements", "explain", "XAA", "XQQ", "--start", "2026-12-22", "--calendars", tmp_path)
    (row,) = value(*asked)
    assert "XQQ-2026" == row["calendar"]
    assert ["2026-12-25", "2027-01-01", "2027-01-06"] == [day["on"] for day in row["not_counted"]][:3] or row["due_on"]


def test_an_unknown_country_has_no_calendar() -> None:
    """A country the library does not know exits 2 with what to do."""
    result = call("agreements", "calendar", "XAA", 2026, 2027, "--id", "XAA-1", "--zone", "UTC")
    assert (2, True) == (result.exit_code, "hint:" in result.stderr)


# Dates that agreements give, by the calendar of Austria and by that of the State that is asked.

AUSTRIA = ("--calendar", "AT-2026/27")


def governing(*asked: Any) -> dict[str, Any]:
    """Return the row of the agreement that governs."""
    first: dict[str, Any] = value("agreements", "explain", *asked)[0]
    return first


VECTORS: dict[str, tuple[str, str, str, str, dict[str, Any]]] = {
    "A1: no roll": ("AUT", "SRB", "reply", "2026-12-15", {"instrument": "EURA-RS", "due_on": "2026-12-25"}),
    "A3: extended from the old due date": ("AUT", "SRB", "reply", "2026-12-15", {"extended_to": "2026-12-31"}),
    "B: with holidays, and with none loaded": (
        *("AUT", "GEO", "travel_document", "2026-12-24"),
        {"due_on": "2026-12-30", "without_holidays_on": "2026-12-29", "start_event": "positive_reply"},
    ),
    "C: Werktage, and working days": (
        *("AUT", "MKD", "reply", "2026-12-21"),
        {"unit": "werktag", "due_on": "2027-01-11", "without_saturdays_on": "2027-01-13"},
    ),
    "D1: the result of the interview": (
        *("AUT", "RUS", "interview_result", "2026-12-01"),
        {"instrument": "EURA-RU-AT", "due_on": "2026-12-11"},
    ),
    "D2: the reply after the notice of the result": (
        *("AUT", "RUS", "reply", "2026-12-09"),
        {"instrument": "EURA-RU-AT", "started_by": "interview_result", "due_on": "2027-01-03"},
    ),
    "E: three months": ("ESP", "MAR", "reply", "2026-11-30", {"due_on": "2027-02-28"}),
    "E: three months in a leap year": ("ESP", "MAR", "reply", "2027-11-29", {"due_on": "2028-02-29"}),
    "F: soft and hard": ("AUT", "XKX", "reply", "2027-01-29", {"soft_on": "2027-02-12", "due_on": "2027-02-28"}),
    "G: four months": ("FRA", "ROU", "return_project", "2026-10-31", {"due_on": "2027-02-28"}),
    "G: six months of follow-up": (
        *("FRA", "ROU", "monitoring", "2026-08-31"),
        {"due_on": "2027-02-28", "floor": True},
    ),
    "H: a document that runs out": (
        *("AUT", "GEO", "travel_document_validity", "2026-12-01"),
        {
            "due_on": "2027-03-01",
            "then": [
                {
                    "step": "travel_document_reissue",
                    "start_event": "expiry",
                    "start_on": "2027-03-01",
                    "due_on": "2027-03-15",
                }
            ],
        },
    ),
    "H: its new one": ("AUT", "GEO", "travel_document_reissue", "2027-03-01", {"due_on": "2027-03-15"}),
    "I: a floor": ("AUT", "SRB", "reflection", "2026-11-24", {"due_on": "2026-12-24", "floor": True, "ladder": []}),
    "J: eleven working days": (
        *("AUT", "MDA", "reply", "2026-12-18"),
        {"due_on": "2027-01-07", "without_holidays_on": "2027-01-04"},
    ),
    "counted back": ("AUT", "NGA", "advance_notice", "2026-12-30", {"due_on": "2026-12-22", "backward": True}),
}


@for_each("name", VECTORS)
def test_the_dates_by_the_calendar_of_austria(name: str) -> None:
    """The agreement that governs gives the dates of the worked examples, and says where it was read."""
    requesting, requested, step, start, expected = VECTORS[name]
    row = governing(requesting, requested, "--step", step, "--start", start, *AUSTRIA)
    assert expected == {key: row[key] for key in expected}
    assert (True, True, None) == (row["governs"], bool(row["source"]), row["problem"])


def test_a2_a_roll_is_a_choice() -> None:
    """A2: the same ten days end on the next working day where a last day of rest rolls."""
    row = governing("AUT", "SRB", "--start", "2026-12-15", "--roll", "next_working", *AUSTRIA)
    assert ("next_working", "2026-12-28") == (row["roll"], row["due_on"])


def test_d_the_general_agreement_would_be_eight_days_off() -> None:
    """D: counted from the application, the agreement of the Union alone ends on another day; it does not govern."""
    rows = value("agreements", "explain", "AUT", "RUS", "--start", "2026-12-01", *AUSTRIA)
    assert ("EURA-RU", False, "2026-12-26") == (rows[1]["instrument"], rows[1]["governs"], rows[1]["due_on"])


@pytest.mark.parametrize(
    ("pair", "step", "start"),
    [(("AUT", "SRB"), "reply", "2026-12-15"), (("AUT", "MDA"), "reply", "2026-12-18")],
)
def test_k_silence_leads_up_the_ladder_and_nowhere_else(pair: tuple[str, str], step: str, start: str) -> None:
    """K: whatever the text says of silence, what follows from it here is one rung after the other."""
    row = governing(*pair, "--step", step, "--start", start, *AUSTRIA)
    assert "deemed" in row["effect_of_silence_in_text"]
    assert "ESCALATE_ONLY" == row["effect_of_silence"]
    days = [rung["on"] for rung in row["ladder"]]
    assert ["L0", "L1", "L2", "L3", "L4", "L5", "L6"] == [rung["level"] for rung in row["ladder"]]
    assert sorted(days) == days


@pytest.mark.parametrize(
    ("requested", "undisputed", "disputed"),
    [
        ("BIH", "receipt", "receipt"),
        ("SRB", "receipt", "acknowledgement"),
        ("UKR", "acknowledgement", "acknowledgement"),
    ],
)
def test_l_what_starts_a_disputed_clock(requested: str, undisputed: str, disputed: str) -> None:
    """L: a receipt stands where the agreement counts the transmission; elsewhere the acknowledgement starts it."""
    asked = ("AUT", requested, "--start", "2026-12-01", *AUSTRIA)
    assert undisputed == governing(*asked)["started_by"]
    assert disputed == governing(*asked, "--disputed")["started_by"]


OWN = {
    "B": ("GE", "GEO", "Asia/Tbilisi", "travel_document", "2026-12-24", "2026-12-29"),
    "C": ("MK", "MKD", "Europe/Skopje", "reply", "2026-12-21", "2027-01-08"),
    "J": ("MD", "MDA", "Europe/Chisinau", "reply", "2026-12-18", "2027-01-06"),
    "A1": ("RS", "SRB", "Europe/Belgrade", "reply", "2026-12-15", "2026-12-25"),
}


@pytest.mark.parametrize("name", OWN)
def test_the_requested_states_own_calendar_gives_its_own_dates(tmp_path: Path, name: str) -> None:
    """With the holidays of the State that is asked the days are its own; calendar days stay what they are."""
    letters, country, zone, step, start, expected = OWN[name]
    made = value("agreements", "calendar", letters, 2026, 2027, "--id", f"{country}-2026-27", "--zone", zone)
    (tmp_path / f"{country}-2026-27.json").write_text(json.dumps(made))
    row = governing("AUT", country, "--step", step, "--start", start, "--calendars", tmp_path)
    assert (f"{country}-2026-27", expected) == (row["calendar"], row["due_on"])


def test_a_figure_nobody_verified_says_so() -> None:
    """The text names source and confidence of every figure, and that nobody compared it with the agreement."""
    text = call("agreements", "explain", "AUT", "MDA", "--start", "2026-12-18", *AUSTRIA).stdout
    assert "confidence       unverified" in text
    assert "verified by      nobody" in text
    assert "General knowledge; the text was not consulted" in text


def test_the_steps_are_those_of_the_code_list() -> None:
    """Every step of the code list is one that an agreement has, and the other way round."""
    steps = {rule["step"] for one in schemas.load_instruments().values() for rule in one["steps"]}
    assert set(schemas.codes("step")) == steps
