"""The page of a remark: both texts side by side, a word on all that was taken out, and exactly one thing to confirm."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.services.ports import Redacted
from gateway.web.interior import PAGES
from tests.support import story
from tests.support.network import Network
from tests.support.remarks import TEXT, FakeRedactor, agree, found, write
from tests.web.support import Answer, Desk, Officer, form_of, one_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk of XAA, with a recogniser that takes out a day."""
    async with one_desk(tmp_path, [PAGES]) as made:
        made.gateway.context.redactor = FakeRedactor(spans=found(TEXT, "Monday"))
        yield made


async def opened(desk: Desk, name: str = "first") -> tuple[Officer, str, Answer]:
    """Open a case and the page of its remark, with a reason."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    officer = await desk.officer(name)
    await officer.get(f"/cases/{ref}/remark")
    page = await officer.post(f"/cases/{ref}/look", {"why": "a remark", "back": f"/cases/{ref}/remark"})
    return officer, ref, page


async def written(desk: Desk) -> tuple[Officer, str, Answer]:
    """Write a remark on the page."""
    officer, ref, _ = await opened(desk)
    page = await officer.post(f"/cases/{ref}/remark", {"language": "en", "text": TEXT})
    return officer, ref, page


async def test_both_texts_stand_side_by_side(desk: Desk) -> None:
    """What was written, what would leave, and what each thing taken out was."""
    _, _, page = await written(desk)
    assert TEXT in page.words
    assert "The person can be met on [...] before noon." in page.words
    assert "Monday a person" in page.words


async def test_confirming_puts_it_into_what_leaves(desk: Desk) -> None:
    """Confirmed as it was shown, it stands in the table of what will leave, and in the exact text."""
    officer, ref, page = await written(desk)
    fields = form_of(page.text, f"/cases/{ref}/remark/confirm")
    await officer.post(f"/cases/{ref}/remark/confirm", {name: fields[name] for name in ("digest", "leaves")})
    remark = (await story.case(desk.network, "XAA", ref)).remark
    assert ("first", "The person can be met on [...] before noon.") == (remark.by, remark.text)
    shown = await officer.get(f"/cases/{ref}/check")
    assert "It leaves only as a person confirmed it" in shown.words
    assert "met on [...] before noon" in shown.text.partition("The exact text that leaves")[2]


async def test_a_word_put_in_is_refused_and_said(desk: Desk) -> None:
    """The page comes back with the rule and with what was typed."""
    officer, ref, page = await written(desk)
    digest = form_of(page.text, f"/cases/{ref}/remark/confirm")["digest"]
    back = await officer.post(f"/cases/{ref}/remark/confirm", {"digest": digest, "leaves": "Call him on Tuesday."})
    assert 422 == back.status
    assert "REM-3" in back.words
    assert None is (await story.case(desk.network, "XAA", ref)).remark.by


async def test_a_held_remark_says_why(desk: Desk) -> None:
    """There is nothing to confirm, and no way past it."""
    desk.gateway.context.redactor = FakeRedactor(Redacted((), ("held-for-person",), "en"))
    _, _, page = await written(desk)
    assert "It tells of a need for protection, or may." in page.words
    assert "Confirm this text" not in page.words


async def test_what_it_still_tells_is_named_and_not_quoted(desk: Desk) -> None:
    """The field of the record is named; the value stands only in the remark itself."""
    officer, ref, _ = await opened(desk)
    desk.gateway.context.redactor = FakeRedactor()
    page = await officer.post(f"/cases/{ref}/remark", {"language": "en", "text": "Lives in House 3 now."})
    assert "something of what stays here" in page.words


async def test_without_an_agreement_there_is_no_field(desk: Desk) -> None:
    """The page says that codes carry the message, and offers nothing to fill in."""
    agree(desk.network, None)
    _, _, page = await opened(desk)
    assert "No agreement with the other State allows a remark" in page.words
    assert "Have it read" not in page.words


async def test_nothing_of_it_is_shown_without_a_reason(desk: Desk) -> None:
    """The words of a remark are content: they wait for a reason that is recorded."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    await write(desk.network, ref)
    page = await (await desk.officer("second")).get(f"/cases/{ref}/remark")
    assert TEXT not in page.text
    assert "[...]" not in page.text


async def test_it_is_taken_out_again(desk: Desk) -> None:
    """One button, and the record has no remark."""
    officer, ref, _ = await written(desk)
    await officer.post(f"/cases/{ref}/remark/drop", {})
    assert None is (await story.case(desk.network, "XAA", ref)).draft["remark"]


async def test_the_form_is_of_the_record_as_it_stands(desk: Desk) -> None:
    """A form that was open while somebody else changed the record confirms nothing; the page shown then does."""
    officer, ref, page = await written(desk)
    old = form_of(page.text, f"/cases/{ref}/remark/confirm")
    changed = story.draft(justification="another reason", remark={"language": "en", "text": TEXT})
    await desk.gateway.clear.amend(ref, changed, "second", "liaison_officer")
    back = await officer.post(f"/cases/{ref}/remark/confirm", {name: old[name] for name in ("digest", "leaves")})
    assert (422, None) == (back.status, (await story.case(desk.network, "XAA", ref)).remark.by)
    now = form_of(back.text, f"/cases/{ref}/remark/confirm")
    await officer.post(f"/cases/{ref}/remark/confirm", {name: now[name] for name in ("digest", "leaves")})
    assert "first" == (await story.case(desk.network, "XAA", ref)).remark.by


NASTY = "The person <b>waits</b> & asks for an answer."


async def received(network: Network) -> str:
    """Send a request with a remark, and further elements with another; return the reference at the other State."""
    ours, theirs = network.gateways["XAA"], network.gateways["XBB"]
    ours.context.redactor = FakeRedactor()
    ref = await ours.clear.new(story.draft(), "first")
    made = await write(network, ref, NASTY)
    await ours.clear.remarks.confirm(ref, made.digest, None, "first")
    await left(network, ref, "request.approval")
    other = await story.twin(network, ref)
    await theirs.answer.acknowledge(other, "first")
    await theirs.answer.ask(other, ["SEX"], 2, "first")
    await network.deliver()
    made = await write(network, ref, "There are two of that name in the village.")
    await ours.clear.remarks.confirm(ref, made.digest, None, "first")
    await ours.clear.prepare(ref, "first")
    await left(network, ref, "elements.approval")
    return other


async def left(network: Network, ref: str, kind: str) -> None:
    """Approve what is prepared in a case of XAA, and send it."""
    clear = network.gateways["XAA"].clear
    preview, thread = await clear.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", kind, "liaison_officer")
    await clear.approve(ref, signed, "second")
    await clear.send(ref, "first")
    await network.deliver()


@pytest.mark.parametrize("path", ["", "/steps/reply"])
async def test_the_other_desk_reads_it_as_text(tmp_path: Path, path: str) -> None:
    """Both remarks stand, with their language, among what was sent; nothing in them is taken for a mark of the page."""
    async with one_desk(tmp_path, [PAGES], "XBB") as desk:
        other = await received(desk.network)
        officer = await desk.officer("first")
        first = await officer.get(f"/cases/{other}{path}")
        assert "village" not in first.text
        await officer.post(f"/cases/{other}/look", {"why": "to answer", "back": f"/cases/{other}"})
        page = await officer.get(f"/cases/{other}{path}")
        assert NASTY in page.words
        assert "<b>waits</b>" not in page.text
        assert "There are two of that name in the village." in page.words
        assert 2 == page.words.count("Remark Language en Text")
        assert "further_remark" not in page.words


async def test_the_other_desk_has_no_page_to_change_it(tmp_path: Path) -> None:
    """What was received is shown where it was received: there is nothing to write, confirm or take out."""
    async with one_desk(tmp_path, [PAGES], "XBB") as desk:
        other = await received(desk.network)
        officer = await desk.officer("first")
        assert 404 == (await officer.get(f"/cases/{other}/remark")).status
        assert 404 == (await officer.post(f"/cases/{other}/remark/drop", {})).status


async def test_a_remark_without_a_language_is_not_read(desk: Desk) -> None:
    """What language it is in is for the writer to say."""
    officer, ref, _ = await opened(desk)
    page = await officer.post(f"/cases/{ref}/remark", {"language": "", "text": TEXT})
    assert 422 == page.status
    assert None is (await story.case(desk.network, "XAA", ref)).draft.get("remark")


async def test_a_remark_typed_waits_for_the_reason_too(desk: Desk) -> None:
    """A session that ended took the reason with it: what was typed stands in the form once one is given anew."""
    officer, ref, _ = await opened(desk)
    desk.network.clock.pass_(minutes=20)
    await officer.post(f"/cases/{ref}/remark", {"language": "en", "text": TEXT}, follow=False)
    again = await desk.officer("first")
    asked = await again.get(f"/cases/{ref}/remark")
    assert TEXT not in asked.text
    page = await again.post(f"/cases/{ref}/look", {"why": "a remark", "back": f"/cases/{ref}/remark"})
    assert TEXT in page.text


async def test_another_remark_than_the_one_shown_is_not_taken_out(desk: Desk) -> None:
    """A remark that somebody wrote while the page was open stays, and the page shows it."""
    officer, ref, _ = await written(desk)
    other = {"language": "en", "text": "The person waits for news on Monday."}
    await desk.gateway.clear.remarks.write(ref, other, "second", "liaison_officer")
    page = await officer.post(f"/cases/{ref}/remark/drop", {})
    assert (422, True) == (page.status, other["text"] in page.words)
    assert other == (await story.case(desk.network, "XAA", ref)).draft["remark"]
