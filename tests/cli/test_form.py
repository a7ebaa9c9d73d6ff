"""``isthmus form``: a message crosses on paper and its answer comes back, with no line at all."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import form
from gateway.services.deliver import COLLECT_LEASE_S
from gateway.services.ports import GONE_BACK
from tests.cli.support import Homes, approved, call, desk, draft, state, value


def scanned(page: str) -> Path:
    """Return the text of a page's codes, as a scanner writes it."""
    return Path(page).with_suffix(".txt")


def test_a_message_crosses_on_paper(homes: Homes, tmp_path: Path) -> None:
    """Printed here, read there, answered on paper, read here: the case is delivered without a line."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    (page,) = value("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)["pages"]
    read = value("form", "read", scanned(page), "-C", homes.home("XBB"), "--out", tmp_path)
    assert "message" == read["kind"]
    assert ["RECEIVED"] == [row["state"] for row in desk(homes, "XBB", "first", "list")]
    settled = value("form", "read", scanned(read["pages"][0]), "-C", homes.home("XAA"))
    assert (True, "DELIVERED") == (settled["settled"], state(homes, "XAA", ref))


def test_a_page_shows_its_codes_and_no_content(homes: Homes, tmp_path: Path) -> None:
    """The page has the digest and one drawing for each code, and nothing of the person."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    (page,) = value("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)["pages"]
    text = Path(page).read_text(encoding="utf-8")
    assert len(scanned(page).read_text().splitlines()) == text.count("<svg")
    assert "SHA-256" in text
    assert draft()["elements"]["names"][0]["family"] not in text


def test_nothing_is_printed_that_may_not_leave(homes: Homes, tmp_path: Path) -> None:
    """A case that was frozen after it was sent prints nothing."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    desk(homes, "XAA", "first", "freeze", "--reason", "known now", "--", ref)
    assert [] == value("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)["pages"]


def test_what_waits_is_printed_again_and_all_of_it(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it was printed, and however long it rests after tries on the line: until its answer is there."""
    monkeypatch.setattr("gateway.cli.form.AT_ONCE", 1)
    for ref in (approved(homes), approved(homes)):
        desk(homes, "XAA", "first", "send", "--", ref)
    command = ("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)
    pages = value(*command)["pages"]
    assert 2 == len(set(pages))
    assert pages == value(*command)["pages"]
    with closing(sqlite3.connect(homes.home("XAA") / "data/gateway.db")) as db:
        db.execute("UPDATE outbound SET next_try_at = next_try_at + 3600, try_at = try_at + 3600")
        db.commit()
    assert pages == value(*command)["pages"]


def test_all_that_waits_is_printed_however_long_its_pages_take(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow machine, or with much that waits: what was taken first is not taken again in place of the next."""

    def slowly(*page: Any) -> str:
        time.sleep(COLLECT_LEASE_S + 0.1)
        return written(*page)

    written = form._write
    monkeypatch.setattr(form, "AT_ONCE", 1)
    monkeypatch.setattr(form, "_write", slowly)
    for ref in (approved(homes), approved(homes)):
        desk(homes, "XAA", "first", "send", "--", ref)
    pages = value("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)["pages"]
    assert 2 == len(set(pages))


def test_what_waits_and_is_not_printed_is_told_of(homes: Homes, tmp_path: Path) -> None:
    """Nobody is to believe that nothing waits where it may not leave now; where nothing does, that is said."""
    ref = approved(homes)
    command = ("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)
    assert "Nothing waits for XBB.\n" == call(*command).stderr
    desk(homes, "XAA", "first", "send", "--", ref)
    with closing(sqlite3.connect(homes.home("XAA") / "data/gateway.db")) as db:
        db.execute("UPDATE outbound SET try_at = try_at + 3600")
        db.commit()
    assert "1 more message for XBB waits" in call(*command).stderr


def test_nothing_is_printed_for_a_state_that_is_no_partner(homes: Homes, tmp_path: Path) -> None:
    """A country that was typed wrongly is told of: nobody is to believe that nothing waits."""
    result = call("form", "print", "XBA", "-C", homes.home("XAA"), "--out", tmp_path)
    assert (2, True) == (result.exit_code, "XBA is no partner" in result.stderr)
    assert "hint: isthmus trust status" in result.stderr


def test_a_form_that_is_not_whole_is_told(homes: Homes, tmp_path: Path) -> None:
    """A missing code is named, and nothing is received."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    (page,) = value("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)["pages"]
    torn = tmp_path / "torn.txt"
    torn.write_text("".join(scanned(page).read_text().splitlines(keepends=True)[1:]))
    result = call("form", "read", torn, "-C", homes.home("XBB"), "--json")
    assert (2, "form") == (result.exit_code, json.loads(result.stderr)["error"]["code"])
    assert [] == desk(homes, "XBB", "first", "list")


def test_a_form_that_is_read_at_the_wrong_place_says_where_it_belongs(homes: Homes, tmp_path: Path) -> None:
    """Neither the message at its sender nor the answer at who gave it: nobody is to wait, or to doubt a key."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    (page,) = value("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)["pages"]
    message = call("form", "read", scanned(page), "-C", homes.home("XAA"))
    assert (5, True) == (message.exit_code, "see that it is for this State" in message.stderr)
    answer = value("form", "read", scanned(page), "-C", homes.home("XBB"), "--out", tmp_path)["pages"][0]
    wrong = call("form", "read", scanned(answer), "-C", homes.home("XBB"))
    assert (2, True) == (wrong.exit_code, "read it where the message was printed" in wrong.stderr)


def test_a_clock_that_nobody_has_seen_for_long_gives_up_nothing_by_a_form(homes: Homes, tmp_path: Path) -> None:
    """What has expired by it is not printed, and waits for a clock that has gone on, as with the line."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    with closing(sqlite3.connect(homes.home("XAA") / "data/gateway.db")) as db:
        db.execute("UPDATE outbound SET expires_at = 0")
        db.commit()
    assert [] == value("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path)["pages"]
    assert "SENT" == state(homes, "XAA", ref)


def test_nothing_crosses_from_a_store_that_has_gone_back(homes: Homes, tmp_path: Path) -> None:
    """Until an epoch was begun no number is given a second time, nor a log shown that contradicts; a stop is taken."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    home = homes.home("XAA")
    (page,) = value("form", "print", "XBB", "-C", home, "--out", tmp_path)["pages"]
    answer = value("form", "read", scanned(page), "-C", homes.home("XBB"), "--out", tmp_path)["pages"][0]
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        db.execute("INSERT INTO meta (name, value) VALUES (?, '1')", (GONE_BACK,))
        db.commit()
    for verb in (("form", "print", "XBB", "--out", tmp_path), ("form", "read", scanned(answer)), ("log", "keep")):
        result = call(*verb, "-C", home, "--json")
        error = json.loads(result.stderr.splitlines()[-1])["error"]
        assert (75, True) == (result.exit_code, "begin-epoch" in error["hint"]), verb
    assert "SENT" == state(homes, "XAA", ref)
    desk(homes, "XAA", "first", "freeze", "--reason", "known now", "--", ref)
    value("restore", "begin-epoch", "-C", home)
    assert [] == value("form", "print", "XBB", "-C", home, "--out", tmp_path)["pages"]
    value("log", "keep", "-C", home)


def test_nothing_counts_as_posted_where_no_page_can_be_written(homes: Homes, tmp_path: Path) -> None:
    """A stop would be told that the message may be abroad, and nobody has it."""
    ref = approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    (tmp_path / "file").touch()
    assert 2 == call("form", "print", "XBB", "-C", homes.home("XAA"), "--out", tmp_path / "file/pages").exit_code
    with closing(sqlite3.connect(homes.home("XAA") / "data/gateway.db")) as db:
        assert [("queued",)] == db.execute("SELECT state FROM outbound").fetchall()
