"""Who finds wrong what should be approved sends it back on its page; who prepared it reads there what to do (V-16)."""

import pyotp
import pytest

from gateway.services.context import Person
from gateway.services.ports import Unavailable
from tests.support import story
from tests.web.interior.signing import code, draft, looked, with_codes
from tests.web.support import Answer, Desk, Officer, links_of

ROLE = "liaison_officer"
NOTE = "Иванова was born in 1999"


async def filled_in(desk: Desk, ref: str, **fields: str) -> tuple[Officer, pyotp.TOTP, Answer]:
    """Return the second person, their codes, and the page that asks them to sign why they send ``ref`` back."""
    second, totp = await with_codes(desk, "second")
    page = await looked(second, f"/cases/{ref}/approve")
    assert f"/cases/{ref}/steps/send-back" in links_of(page.text)
    await second.get(f"/cases/{ref}/steps/send-back")
    given = {"b.reason": "FACTS_WRONG", "b.note": NOTE, **fields}
    return second, totp, await second.post(f"/cases/{ref}/steps/send-back", given)


async def test_it_is_sent_back_and_who_prepared_it_reads_why(desk: Desk) -> None:
    """The reason is signed with the digest; the drafter reads who, why and what to do, and changes the draft there.

    Nobody reads that the word ends some day: it bars the text for good.
    """
    ref = await draft(desk)
    second, totp, page = await filled_in(desk, ref)
    case = await story.case(desk.network, "XAA", ref)
    assert "Sent back: a fact is wrong" in page.words
    assert case.pending.digest in page.words
    assert "It counts until" not in page.words
    page = await second.post(f"/cases/{ref}/steps/send-back", {"code": code(desk, totp)})
    assert (200, True) == (page.status, "Your reason stands with the case" in page.words)
    (word,) = (await story.case(desk.network, "XAA", ref)).disputed
    assert ("second", "FACTS_WRONG", NOTE) == (word.by, word.reason, word.note)
    kept = await desk.site.accounts.papers.approvals(ref)
    assert [("second", "sent-back.facts-wrong", case.pending.digest)] == [(o.person, o.kind, o.digest) for o in kept]
    looks = [one for one in await desk.gateway.inquiries.audit(ref=ref) if one.person == "second"]
    assert {"view", "preview", "sign"} == {one.action for one in looks}
    first = await desk.officer("first")
    told = "was sent back by second on"
    page = await first.get(f"/cases/{ref}")
    assert (True, False) == (told in page.words, NOTE in page.text)
    page = await looked(first, f"/cases/{ref}/check")
    for words in (told, "A fact in it is wrong", NOTE, "V-16", "a changed text is approved as before"):
        assert words in page.words, words
    assert f"/cases/{ref}/amend" in links_of(page.text)
    assert "It stands in the list" not in page.words
    assert "What was prepared was sent back" in (await first.get(f"/cases/{ref}/timeline")).words


async def test_it_waits_for_nobodys_approval_any_more(desk: Desk) -> None:
    """It is in no list of what is to be approved; another person finds it barred, who sent it back may still sign."""
    ref = await draft(desk)
    second, totp, _ = await filled_in(desk, ref)
    assert ref in (await second.get("/queues/to-approve")).text
    await second.get(f"/cases/{ref}/steps/send-back")
    await second.post(f"/cases/{ref}/steps/send-back", {"b.reason": "FACTS_WRONG", "b.note": NOTE})
    await second.post(f"/cases/{ref}/steps/send-back", {"code": code(desk, totp)})
    assert ref not in (await second.get("/queues/to-approve")).text
    desk.network.clock.pass_(seconds=60)
    form = f'action="/cases/{ref}/approve"'
    page = await second.get(f"/cases/{ref}/approve")
    assert (False, True) == ("V-16" in page.words, form in page.text)
    context, key = desk.gateway.context, desk.network.keys["signer"].public
    context.persons = {**context.persons, "signer": Person("signer", frozenset({"liaison_officer"}), key)}
    page = await looked((await with_codes(desk, "signer"))[0], f"/cases/{ref}/approve")
    assert (True, False) == ("V-16" in page.words, form in page.text)


async def test_what_who_sent_it_back_approved_after_all_is_sent(desk: Desk) -> None:
    """Nobody reads any more that it is wrong, or that it cannot be sent: the page of checking leads on to sending."""
    ref, clear = await draft(desk), desk.gateway.clear
    preview, thread = await clear.show(ref, "second", ROLE)
    of = (preview.digest, thread, "second")
    await clear.send_back(
        ref, desk.network.approval(*of, "sent-back.basis-missing", ROLE), "BASIS_MISSING", None, "second"
    )
    await clear.approve(ref, desk.network.approval(*of, "request.approval", ROLE), "second")
    page = await looked(await desk.officer("first"), f"/cases/{ref}/check")
    assert f"/cases/{ref}/send" in links_of(page.text)
    assert [] == [words for words in ("was sent back by", "V-16", "This cannot be sent") if words in page.words]


async def test_another_reason_is_said_in_words(desk: Desk) -> None:
    """A code that says nothing needs words beside it, and nothing is signed before; a reason is chosen in any case."""
    ref = await draft(desk)
    for fields in ({"b.reason": "OTHER", "b.note": ""}, {"b.reason": "", "b.note": NOTE}):
        *_, page = await filled_in(desk, ref, **fields)
        assert (422, False) == (page.status, "What you sign" in page.words), fields
    assert () == (await story.case(desk.network, "XAA", ref)).sent_back


async def test_a_text_that_changed_is_not_sent_back(desk: Desk) -> None:
    """The proof was for the text that was shown; of the one that took its place nothing is said."""
    ref = await draft(desk)
    second, totp, _ = await filled_in(desk, ref)
    await desk.gateway.clear.amend(ref, story.draft(method_limit="M1"), "first")
    page = await second.post(f"/cases/{ref}/steps/send-back", {"code": code(desk, totp)})
    assert (422, True) == (page.status, "so nothing was signed" in page.words)
    assert () == (await story.case(desk.network, "XAA", ref)).sent_back


async def test_a_proof_whose_step_was_not_stored_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is kept, the store fails before the step: the case is as it was, and the way is open once more."""
    ref = await draft(desk)
    second, totp, _ = await filled_in(desk, ref)
    clear = desk.site.desk.clear

    async def failing(*args: object, **more: object) -> None:
        raise Unavailable("the store is full", "free some space")

    with monkeypatch.context() as patch:
        patch.setattr(type(clear), "send_back", failing)
        page = await second.post(f"/cases/{ref}/steps/send-back", {"code": code(desk, totp)})
    assert 503 == page.status
    assert (1, ()) == (
        len(await desk.site.accounts.papers.approvals(ref)),
        (await story.case(desk.network, "XAA", ref)).sent_back,
    )
    desk.network.clock.pass_(seconds=60)
    await second.get(f"/cases/{ref}/steps/send-back")
    await second.post(f"/cases/{ref}/steps/send-back", {"b.reason": "FACTS_WRONG", "b.note": NOTE})
    await second.post(f"/cases/{ref}/steps/send-back", {"code": code(desk, totp)})
    assert ["second"] == [one.by for one in (await story.case(desk.network, "XAA", ref)).disputed]


async def test_who_wrote_it_has_no_button_for_it(desk: Desk) -> None:
    """On the page of checking the author finds the way to change it; who looks at it for an approval both ways."""
    own = await desk.gateway.clear.new(story.draft(), "second", "liaison_officer")
    second = await desk.officer("second")
    pages = [await looked(second, f"/cases/{own}/check"), await second.get(f"/cases/{own}/approve")]
    assert [] == [page.path for page in pages if f"/cases/{own}/steps/send-back" in links_of(page.text)]
    other = await draft(desk)
    assert f"/cases/{other}/steps/send-back" in links_of((await looked(second, f"/cases/{other}/check")).text)
