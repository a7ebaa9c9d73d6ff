"""``isthmus agreements``."""

import json
from pathlib import Path

import schemas
from tests.cli.support import call, spawn, value


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
