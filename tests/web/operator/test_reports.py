"""Reports of conformance: a summary of what the suite wrote, and nothing of a file that is something else."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.services.reports import REPORT_MAX_BYTES, BadReport, read_report, report_names
from tests.web.operator.reports import report
from tests.web.support import Desk

SCRIPT = "<script>alert(1)</script>"


def folder_of(desk: Desk) -> Path:
    """Return the folder of reports, made."""
    made = desk.gateway.settings.data / "reports"
    made.mkdir(exist_ok=True)
    return made


async def test_a_report_is_listed_and_summed_up(desk: Desk) -> None:
    """File and folder are both listed; the summary has verdict, counts and what did not pass."""
    ada, folder = await desk.officer("ada", "operator"), folder_of(desk)
    (folder / "one.json").write_text(json.dumps(report()))
    (folder / "two").mkdir()
    (folder / "two" / "report.json").write_text(json.dumps(report(verdict="pass")))
    assert "one.json two" in (await ada.get("/reports")).words
    page = await ada.get("/reports/one.json")
    assert "MUST 41 1 2 0" in page.words
    assert "receive-01 4.2 MUST Failed A wrong magic is refused. answered 200" in page.words
    assert "Passed" in (await ada.get("/reports/two")).words


async def test_what_a_report_says_is_text(desk: Desk) -> None:
    """Markup and direction characters in a report are shown as text, or not at all."""
    hostile = report(suite=SCRIPT, subject={"country": SCRIPT, "software": "a\u202eb" + SCRIPT, "card": None})
    hostile["cases"][0] |= {"purpose": SCRIPT, "id": SCRIPT}
    (folder_of(desk) / "one.json").write_text(json.dumps(hostile))
    page = await (await desk.officer("ada", "operator")).get("/reports/one.json")
    assert (200, False, False) == (page.status, SCRIPT in page.text, "\u202e" in page.text)
    assert SCRIPT in page.words


HOSTILE: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda path: path.write_bytes(b"\xff\xfe{"),
    "a list": lambda path: path.write_text("[]"),
    "a number": lambda path: path.write_text("1"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "not a number": lambda path: path.write_text(json.dumps(report(seconds=float("nan")))),
    "endless": lambda path: path.write_text(json.dumps(report()).replace("12.5", "1e999")),
    "huge": lambda path: path.write_bytes(b" " * (REPORT_MAX_BYTES + 1)),
    "another version": lambda path: path.write_text(json.dumps(report(v=2))),
    "another verdict": lambda path: path.write_text(json.dumps(report(verdict=SCRIPT))),
    "verdict a list": lambda path: path.write_text(json.dumps(report(verdict=["pass"]))),
    "no cases": lambda path: path.write_text(json.dumps(report(cases={"a": 1}))),
    "too many cases": lambda path: path.write_text(json.dumps(report(cases=[0] * 2001))),
    "a case that is text": lambda path: path.write_text(json.dumps(report(cases=["x"]))),
    "a count that is text": lambda path: path.write_text(json.dumps(report(counts={"MUST": {"pass": "1"}}))),
    "a negative count": lambda path: path.write_text(json.dumps(report(counts={"MUST": {"pass": -1}}))),
    "a true count": lambda path: path.write_text(json.dumps(report(counts={"MUST": {"pass": True}}))),
    "no subject": lambda path: path.write_text(json.dumps(report(subject=None))),
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "a pipe": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_file_that_is_no_report_is_a_page(desk: Desk, name: str) -> None:
    """Whatever lies in the folder, the list stands and the page of the file says that it cannot be shown."""
    HOSTILE[name](folder_of(desk) / "one.json")
    ada = await desk.officer("ada", "operator")
    assert 200 == (await ada.get("/reports")).status
    page = await ada.get("/reports/one.json")
    assert (422, True) == (page.status, "cannot be shown" in page.words), page.words


@pytest.mark.parametrize(
    "name", ["..", "../isthmus.toml", "%2e%2e%2fisthmus.toml", ".hidden.json", "a/b.json", "a" * 100, "one.json\x00"]
)
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    """A name that is no plain file name is no report."""
    (tmp_path / "isthmus.toml").write_text("{}")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / ".hidden.json").write_text(json.dumps(report()))
    with pytest.raises(BadReport):
        read_report(tmp_path / "reports", name)


def test_a_linked_folder_is_not_followed(tmp_path: Path) -> None:
    """A folder that is a link to another place is neither listed nor read."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "report.json").write_text(json.dumps(report()))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "two").symlink_to(tmp_path / "elsewhere")
    assert () == report_names(tmp_path / "reports")
    with pytest.raises(BadReport):
        read_report(tmp_path / "reports", "two")


def test_no_folder_is_no_report(tmp_path: Path) -> None:
    """A home without the folder has an empty list."""
    assert () == report_names(tmp_path / "reports")
