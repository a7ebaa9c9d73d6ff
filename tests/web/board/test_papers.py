"""Digests and notes verbales: what they say, what they leave out, and how they are kept."""

import asyncio
import importlib.util
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.core.case import State
from gateway.core.note_verbale import reference
from gateway.services.escalate import Escalation
from gateway.services.ports import Tx
from gateway.web import printing
from gateway.web.board import notes
from gateway.web.printing import CannotPrint, print_pdf
from tests.support import story
from tests.web.support import Desk, links_of


async def late(desk: Desk, count: int = 1, days: int = 60) -> list[str]:
    """Return cases whose replies are late by far."""
    refs = [(await story.acknowledged(desk.network))[0] for _ in range(count)]
    desk.network.clock.pass_(days=days)
    return refs


async def noted(desk: Desk, ref: str) -> str:
    """Return the reference of a case in notes."""
    return reference((await story.row(desk.network, "XAA", ref)).thread)


async def test_a_digest_lists_what_is_open_by_references_of_its_own(desk: Desk) -> None:
    """A digest holds references of notes, kind, days and lateness; our reference and the thread are not in it."""
    refs = await late(desk, 2)
    someone = await desk.officer("board", at="board")
    page = await someone.get("/digests/XBB")
    kept = await someone.send("GET", "/digests/XBB/text")
    assert 'attachment; filename="digest-XBB-2027-01-24.txt"' == kept.headers["Content-Disposition"]
    for ref in refs:
        row = await story.row(desk.network, "XAA", ref)
        for text in (page.words, kept.text):
            assert reference(row.thread) in text
            assert row.due_on.isoformat() in text
            assert ref not in text
            assert row.thread not in text
    assert "working days late" in kept.text
    assert "nothing is sent, and nothing is recorded" in page.words
    assert [] == [one for ref in refs for one in (await desk.gateway.inquiries.pressed([ref]))[ref]]


async def test_a_digest_is_written_in_the_language_of_who_is_to_read_it(desk: Desk) -> None:
    """Its page offers the text in each language, whatever the page's own is; there is no other."""
    (ref,) = await late(desk, 1)
    someone = await desk.officer("board", at="board", language="ar")
    page = await someone.get("/digests/XBB")
    texts = {}
    for language, begins in (("en", "Open between "), ("fr", "En cours entre "), ("ar", "ما هو مفتوح بين ")):
        path = f"/digests/XBB/text?language={language}"
        assert path in links_of(page.text)
        texts[language] = (await someone.send("GET", path)).text
        assert (True, True) == (texts[language].startswith(begins), await noted(desk, ref) in texts[language]), language
    assert (await someone.send("GET", "/digests/XBB/text")).text == texts["ar"]
    assert 404 == (await someone.send("GET", "/digests/XBB/text?language=de")).status


async def test_what_may_not_be_pressed_for_is_on_no_digest(desk: Desk) -> None:
    """A case that is marked, stopped or an exercise is on no digest, and nothing says that it is missing."""
    marked, stopped, fine = await late(desk, 3)
    await Escalation(desk.gateway.context).stop(marked, "it endangers", "welfare", "child_welfare")
    await desk.gateway.hold.freeze(stopped, "asked for", "second", "liaison_officer")
    invented = await desk.gateway.clear.new(story.draft(), "first", exercise=True)
    await story.put(
        desk.network, "XAA", invented, State.ACKNOWLEDGED, clocks=(await story.case(desk.network, "XAA", fine)).clocks
    )
    someone = await desk.officer("board", at="board")
    text = (await someone.send("GET", "/digests/XBB/text")).text
    assert await noted(desk, fine) in text
    assert await noted(desk, marked) not in text
    assert await noted(desk, stopped) not in text
    assert await noted(desk, invented) not in text
    assert "One reply is open" in text


async def test_a_note_is_drafted_confirmed_issued_and_kept(desk: Desk) -> None:
    """A draft has no number; the note gets one after its effect was shown, and can be printed again as it was."""
    (ref,) = await late(desk)
    someone = await desk.officer("board", at="board")
    draft = await someone.get("/notes/draft?partner=XBB")
    assert await noted(desk, ref) in draft.words
    assert "Draft of a note verbale" in draft.words
    confirm = await someone.post("/notes/issue")
    assert "Nothing has been issued yet" in confirm.words
    assert [] == list((await desk.gateway.inquiries.pressed([ref]))[ref])
    note = await someone.post("/notes/issue")
    assert "Note verbale No. 1/2027" in note.words
    assert "/notes/2027/1" == note.path
    kept = await someone.send("GET", "/notes/2027/1/text")
    assert 'attachment; filename="note-XBB-2027-1.txt"' == kept.headers["Content-Disposition"]
    assert await noted(desk, ref) in kept.text
    assert ref not in kept.text
    assert ["escalate_l4"] == [one.event for one in (await desk.gateway.inquiries.pressed([ref]))[ref]]
    assert "/notes/2027/1" in links_of((await someone.get("/notes")).text)
    assert "No case with this State is ready" in (await someone.get("/notes/draft?partner=XBB")).words


async def test_a_note_of_long_ago_is_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list goes on behind its first page, into the years before; an address that names no note begins anew."""
    await late(desk)
    await Escalation(desk.gateway.context).note("XBB", "board", "foreign_affairs")

    async def copy(tx: Tx) -> None:
        text = await tx.find_meta("note:1/2027") or ""
        await tx.set_meta("notes:2025", "2")
        for number in (1, 2):
            await tx.set_meta(f"note:{number}/2025", text.replace("1/2027", f"{number}/2025"))

    await desk.gateway.store.commit(copy)
    monkeypatch.setattr(notes, "SHOWN", 1)
    someone, seen, path = await desk.officer("board", at="board"), list[str](), "/notes?before=x"
    while path:
        links = links_of((await someone.get(path)).text)
        seen += [one for one in links if re.fullmatch(r"/notes/\d{4}/\d+", one)]
        path = next((one for one in links if one.startswith("/notes?before=") and "lang=" not in one), "")
    assert ["/notes/2027/1", "/notes/2025/2", "/notes/2025/1"] == seen


async def test_a_note_is_issued_as_it_was_seen(desk: Desk) -> None:
    """Where a case left it after it was shown nothing is issued, and the page shows what the note would say now."""
    left, stays = await late(desk, 2)
    someone = await desk.officer("board", at="board")
    await someone.get("/notes/draft?partner=XBB")
    assert "It lists 2 cases." in (await someone.post("/notes/issue")).words
    await Escalation(desk.gateway.context).stop(left, "it endangers", "welfare", "child_welfare")
    page = await someone.post("/notes/issue")
    assert (409, True) == (page.status, "The text was changed after this page was shown." in page.words)
    assert (True, False) == (await noted(desk, stays) in page.words, await noted(desk, left) in page.words)
    assert [] == list((await desk.gateway.inquiries.pressed([stays]))[stays])
    assert "It lists one case." in (await someone.post("/notes/issue")).words
    assert "/notes/2027/1" == (await someone.post("/notes/issue")).path


async def test_a_note_that_every_case_left_is_no_rule_against_anything(desk: Desk) -> None:
    """Where the last case left it after it was shown, the page says that none is ready, and nothing is issued."""
    (left,) = await late(desk)
    someone = await desk.officer("board", at="board")
    await someone.get("/notes/draft?partner=XBB")
    await someone.post("/notes/issue")
    await Escalation(desk.gateway.context).stop(left, "it endangers", "welfare", "child_welfare")
    page = await someone.post("/notes/issue")
    assert (409, True) == (page.status, "No case with this State is ready" in page.words)
    assert 404 == (await someone.get("/notes/2027/1")).status


async def test_there_is_no_other_note(desk: Desk) -> None:
    """A number that was not given, a language in which none is written, and a State that is none are no pages."""
    someone = await desk.officer("board", at="board")
    for path in ("/notes/2026/1", "/notes/x/y", "/notes/draft?partner=XZZ", "/notes/draft?partner=XBB&language=xx"):
        assert 404 == (await someone.get(path)).status, path
    await someone.get("/notes")
    assert 404 == (await someone.post("/notes/issue", {"partner": "XZZ", "language": "en"})).status


async def test_a_note_without_a_printer_is_text(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no PDF can be made, the page says so and shows the note; nothing is lost."""

    async def cannot(page: str) -> bytes:
        raise CannotPrint("the library for PDF is not installed", "install the extra: requirements/pdf.txt")

    monkeypatch.setattr(notes, "print_pdf", cannot)
    await late(desk)
    someone = await desk.officer("board", at="board")
    await someone.get("/notes/draft?partner=XBB")
    await someone.post("/notes/issue")
    await someone.post("/notes/issue")
    page = await someone.get("/notes/2027/1/pdf")
    assert (503, True) == (page.status, "Retry-After" in page.headers)
    assert "requirements/pdf.txt" in page.words
    assert "Note verbale No. 1/2027" in page.words


@pytest.mark.skipif(importlib.util.find_spec("weasyprint") is None, reason="the extra pdf is absent")
async def test_a_note_is_printed_by_another_process(desk: Desk) -> None:
    """The PDF of a note comes from a worker and is of the archives' kind."""
    try:
        await print_pdf("<p>x</p>")
    except CannotPrint as error:
        pytest.skip(str(error))
    await late(desk)
    someone = await desk.officer("board", at="board")
    await someone.get("/notes/draft?partner=XBB&language=fr")
    await someone.post("/notes/issue")
    await someone.post("/notes/issue")
    answer = await someone.send("GET", "/notes/2027/1/pdf")
    assert (200, "application/pdf") == (answer.status, answer.headers["Content-Type"])
    assert answer.body.startswith(b"%PDF-")
    assert 'attachment; filename="note-XBB-2027-1.pdf"' == answer.headers["Content-Disposition"]


@pytest.mark.skipif(importlib.util.find_spec("weasyprint") is None, reason="the extra pdf is absent")
async def test_a_printer_that_would_crash_at_its_end_has_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the page is out the worker ends: it does not take the interpreter apart, on which Pango may crash."""
    crash = "import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGKILL)\n"
    (tmp_path / "sitecustomize.py").write_text(crash)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    try:
        made = await print_pdf("<p>x</p>")
    except CannotPrint as error:
        if "libraries" not in str(error):
            raise
        pytest.skip(str(error))
    assert made.rstrip().endswith(b"%%EOF")


async def test_a_printer_takes_no_code_from_where_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that bears the name of a library, in the directory of who calls, is not run."""
    (tmp_path / "weasyprint.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w').close()")
    (tmp_path / "resource.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)
    with suppress(CannotPrint):
        await print_pdf("<p>x</p>")
    assert not (tmp_path / "run").exists()


async def test_a_page_that_cannot_be_printed_is_an_error_in_words() -> None:
    """A page that asks for something outside itself is not printed with it, and one that is too large not at all."""
    with pytest.raises(CannotPrint, match="too large"):
        await print_pdf("x" * (3 << 20))


async def test_a_printer_that_is_late_in_the_middle_of_a_page_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended, whatever it had still to say, and the next page has its turn."""
    printer = tmp_path / "printer"
    printer.write_text("#!/bin/sh\nexec yes\n")
    printer.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(printer))
    monkeypatch.setattr(printing, "PRINT_TIMEOUT_S", 0.1)
    for _ in range(2):
        with pytest.raises(CannotPrint, match="too long"):
            await asyncio.wait_for(print_pdf("<p>x</p>"), 10)
