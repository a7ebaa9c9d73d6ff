"""``isthmus escalate`` and ``isthmus note-verbale``: what a ministry sees and may do, and what it does not get."""

import importlib
import json
import re
import sqlite3
import warnings
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.errors import CommandError
from gateway.cli.note_pdf import serialize_pdf
from gateway.core.note_verbale import Item, Note, reference, serialize_html
from gateway.system import SystemClock
from tests.cli.support import Homes, call, opened, received, value

NOTE = Note(
    "1/2027",
    date(2027, 1, 12),
    "Austria",
    "Ukraine",
    "en",
    (Item(reference("CJDAgXMgk34Kg3R2-Y6VVw"), "reply", date(2026, 12, 1), date(2026, 12, 15), "EURA-UA", None),),
)


def _without_pdf() -> str:
    """Return why no PDF can be made here, or nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # as where it is used
            importlib.import_module("weasyprint")
    except ImportError:
        return "the extra pdf is absent"
    except OSError:
        return "the Pango libraries are absent"
    return ""


@pytest.fixture
def home(homes: Homes) -> Path:
    """The asking home with one case in it that is not late."""
    received(homes)
    return homes.home("XAA")


def test_nothing_is_pressed_before_its_time(home: Path) -> None:
    """Without a case that reached the level there is no note, and the rule says so."""
    done = call("note-verbale", "XBB", "-C", home, "--as", "board", "--json")
    found = json.loads(done.stderr)["error"]
    assert (5, "rule-refused", "D-07") == (done.exit_code, found["code"], found["problems"][0]["rule"])


def test_a_rung_needs_its_role(homes: Homes) -> None:
    """Who may not trigger a level is told who may."""
    ours, _ = received(homes)
    done = call("escalate", "trigger", "-C", homes.home("XAA"), "--as", "first", "--", ours, "L4")
    assert (5, True) == (done.exit_code, "foreign_affairs" in done.stderr)


def test_the_mark_is_set_by_one_and_taken_away_by_two(homes: Homes) -> None:
    """The mark shows on the board; the first who would take it away proposes, the second does it."""
    ours, _ = received(homes)
    home = homes.home("XAA")
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        db.execute("UPDATE case_file SET due_at = 1700000000")
        db.commit()
    value("escalate", "stop", "-C", home, "--as", "first", "--why", "somebody asked the family", "--", ours)
    (row,) = value("overdue", "-C", home)
    assert (True, None) == (row["do_not_press"], row["level"])
    found = [value("escalate", "allow", "-C", home, "--as", who, "--", ours) for who in ("first", "second")]
    assert [True, False] == [one["do_not_press"] for one in found]
    assert not value("overdue", "-C", home)[0]["do_not_press"]


def test_a_reference_leads_the_asked_desk_to_its_case(homes: Homes) -> None:
    """The reference on the board of one State finds the case in the other."""
    ours, theirs = received(homes)
    with closing(sqlite3.connect(homes.home("XAA") / "data/gateway.db")) as db:
        db.execute("UPDATE case_file SET due_at = 1700000000")
        db.commit()
    sought = value("overdue", "-C", homes.home("XAA"))[0]["reference"]
    assert ours != sought
    found = value("escalate", "find", "XAA", sought, "-C", homes.home("XBB"), "--as", "first")
    assert {"ref": theirs} == found


LATE_DAYS = 55
"""In so many days the thirty working days to L4 pass wherever holidays fall, and the three months to L5 never."""


def later(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Let the machine's clock be so many days ahead."""
    if datetime.now(UTC).date() > date(2036, 11, 1):
        pytest.skip("the calendars of the invented States end with 2036")
    monkeypatch.setattr(SystemClock, "now", lambda self: datetime.now(UTC) + timedelta(days=days))


def test_the_note_is_printed_recorded_and_then_rests(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft and the note itself list the case by its reference; after that it rests."""
    received(homes)
    home = homes.home("XAA")
    later(monkeypatch, LATE_DAYS)
    asked = ("note-verbale", "XBB", "-C", home, "--as", "board")
    draft = value(*asked, "--draft")
    (row,) = value("overdue", "-C", home)
    assert (None, [row["reference"]], "L4") == (
        draft["number"],
        [item["reference"] for item in draft["items"]],
        row["level"],
    )
    made = call(*asked, "--language", "fr")
    assert (0, True) == (made.exit_code, row["reference"] in made.stdout)
    assert "Note verbale n°\u00a01/" in made.stdout
    assert 5 == call(*asked).exit_code


def test_each_level_by_its_command(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A level that people climbed by other ways is recorded; the list of the quarter names the case."""
    ours, _ = received(homes)
    home = homes.home("XAA")
    later(monkeypatch, 110)
    done = value("escalate", "trigger", "-C", home, "--as", "board", "--", ours, "L3")
    assert {"ref": ours, "level": "L3", "note": None} == done
    reference_there = value("overdue", "-C", home)[0]["reference"]
    assert reference_there in value("escalate", "list", "XBB", "-C", home, "--as", "board")["text"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("case", "remind", "--", "REF"), []),
        (("escalate", "trigger", "--", "REF", "L4"), []),
        (("note-verbale", "XBB"), ["D-07"]),
    ],
    ids=["remind", "trigger", "note"],
)
def test_foreign_affairs_learns_no_reason_that_lies_in_the_person(
    homes: Homes, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...], told: list[str]
) -> None:
    """A case that R-01 holds back is not pressed by them, and which rule it is stays with the desk."""
    ours, _ = received(homes)
    home, other = homes.home("XAA"), opened(homes)
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        db.execute("UPDATE person_value SET stop = 1 WHERE ref = ?", (other,))
        db.commit()
    later(monkeypatch, LATE_DAYS)
    named = [ours if one == "REF" else one for one in asked]
    done = call(*named[:2], "-C", home, "--as", "board", "--json", *named[2:])
    found = json.loads(done.stderr)["error"]
    assert (5, "rule-refused", told) == (done.exit_code, found["code"], [one["rule"] for one in found["problems"]])
    assert ("R-01" in done.output, "person" in done.output) == (False, False)
    officer = call("case", "remind", "-C", home, "--as", "first", "--role", "case_officer", "--json", "--", ours)
    assert "R-01" in [one["rule"] for one in json.loads(officer.stderr)["error"]["problems"]]


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_foreign_affairs_presses_in_no_case_that_it_does_not_see(homes: Homes, level: str) -> None:
    """Of a case that was stopped it is told what it is told of one that is none: not that pressing stands still."""
    ours, _ = received(homes)
    home = homes.home("XAA")
    value("case", "freeze", "-C", home, "--as", "first", "--reason", "something new", "--", ours)
    asked = ("escalate", "trigger", "-C", home, "--as", "board", "--json", "--")
    stopped, none = (call(*asked, ref, level) for ref in (ours, "none"))
    assert (2, none.stderr) == (stopped.exit_code, stopped.stderr)


def test_no_file_is_overwritten(home: Path, tmp_path: Path) -> None:
    """A path that exists is refused before anything is recorded."""
    (tmp_path / "note.pdf").write_bytes(b"kept")
    done = call("note-verbale", "XBB", "-C", home, "--as", "board", "--pdf", tmp_path / "note.pdf")
    assert (2, b"kept") == (done.exit_code, (tmp_path / "note.pdf").read_bytes())


def test_without_the_library_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the extra gets the text, and one line for the PDF."""
    (tmp_path / "weasyprint.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CommandError) as failed:
        serialize_pdf(serialize_html(NOTE))
    assert ("no-pdf", "install the extra: requirements/pdf.txt") == (failed.value.told.code, failed.value.told.hint)


def test_the_pdf_is_of_the_archives_kind() -> None:
    """The file says of itself that it is PDF/A-3u, embeds its fonts, and refers to nothing."""
    if why := _without_pdf():  # asked here: the library takes half a second, which each process would spend
        pytest.skip(why)
    made = serialize_pdf(serialize_html(NOTE))
    text = b"".join(_streams(made)) + made
    assert b"%PDF-1.7" == made[:8]
    found = [re.search(rb"pdfaid:%s[^0-9A-Z]+([0-9A-Z])" % name, text) for name in (b"part", b"conformance")]
    assert [b"3", b"U"] == [one[1] if one else None for one in found]
    assert b"/FontFile" in text
    assert b"/URI" not in text


def _streams(raw: bytes) -> Iterator[bytes]:
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", raw, re.DOTALL):
        try:
            yield zlib.decompress(found[1])
        except zlib.error:
            yield found[1]
