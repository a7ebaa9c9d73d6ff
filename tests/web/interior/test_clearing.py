"""From a draft to a message that leaves: what is shown, who approves, and that nothing goes round either."""

import re
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.core.machine import IllegalStep, RuleRefused
from gateway.desks import Desks, forget_gone
from gateway.services.ports import Unavailable
from gateway.storage.desks import DeskStore
from gateway.web.interior.disclosure import WHAT_TO_DO
from gateway.web.rules import RULES
from tests.support import homeward, story
from tests.support.erased import erase
from tests.web.interior.signing import code, draft, looked, with_codes
from tests.web.support import Desk, Officer, form_of, links_of


async def test_a_label_before_its_value_is_written_as_french_writes_it(desk: Desk) -> None:
    """A colon stands behind a space there that breaks no line, also where a page puts it behind a label itself."""
    ref = await draft(desk)
    page = await looked(await desk.officer("first", language="fr"), f"/cases/{ref}/check")
    assert "\u00a0:</span>" in page.text
    assert [] == re.findall(r"[^\s\u00a0]:</span>", page.text)


async def test_check_shows_field_by_field(desk: Desk) -> None:
    """Each field stands with what is in the file, what they receive and the rule; what stays is plainly other."""
    ref = await draft(desk)
    page = await looked(await desk.officer("first"), f"/cases/{ref}/check")
    assert page.status == 200
    assert "Иванова" in page.words
    case = await story.case(desk.network, "XAA", ref)
    assert case.pending.digest in page.words
    for words in ("Leaves", "Stays for now", "Never leaves", "MIN-2", "MIN-3", "House 3"):
        assert words in page.words, words
    received = page.text.partition("What they receive besides")[2].partition("</main>")[0]
    assert "House 3" not in received
    assert "May approve second" in page.words


async def test_who_has_to_approve_is_who_may_and_where_they_find_it(both: tuple[Desk, Desk]) -> None:
    """A request waits among what is approved, a no for its second signer in their list, and a yes for nobody."""
    asking, asked = both
    ref = await draft(asking)
    words = (await looked(await asking.officer("first"), f"/cases/{ref}/check")).words
    assert ("May approve second" in words, "in the list “To approve” of those" in words) == (True, True)
    for outcome, told in (("NATIONAL", (False, False)), ("NOT_FOUND", (True, True))):
        _, theirs = await story.acknowledged(asking.network)
        await asked.gateway.answer.prepare(theirs, story.reply(outcome), "first")
        words = (await looked(await asked.officer("first"), f"/cases/{theirs}/check")).words
        found = "May approve signer" in words, "in the list “Waiting for a second person” of those" in words
        assert (told, told[0]) == (found, "Who approves" in words), outcome


async def test_content_waits_for_a_recorded_reason(desk: Desk) -> None:
    """Without a reason nothing of the person is shown; with one, the look is recorded once for each showing."""
    ref = await draft(desk)
    second = await desk.officer("second")
    for page in ("check", "approve"):
        assert "Иванова" not in (await second.get(f"/cases/{ref}/{page}")).text
    assert [one.action for one in await desk.gateway.inquiries.audit(ref=ref)] == ["open"]
    await looked(second, f"/cases/{ref}/check", "to check the spelling")
    await second.get(f"/cases/{ref}/check")
    found = [one for one in await desk.gateway.inquiries.audit(ref=ref) if one.action == "preview"]
    assert [one.person for one in found] == ["second", "second"]


async def test_nothing_is_shown_if_the_look_cannot_be_recorded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the record of a look fails, the page says so and shows nothing of the person."""
    ref = await draft(desk)
    second = await desk.officer("second")
    await looked(second, f"/cases/{ref}/check")

    async def failing(*args: object, **more: object) -> None:
        raise Unavailable("the store is full", "free some space")

    monkeypatch.setattr(desk.site.desk.context.store, "commit", failing)
    page = await second.get(f"/cases/{ref}/check")
    assert page.status == 503
    assert "Иванова" not in page.text


async def test_second_person_approves_and_sends(desk: Desk) -> None:
    """The approver sees the table and digest, proves presence for it, and the message leaves as shown."""
    ref = await draft(desk)
    second, totp = await with_codes(desk, "second")
    page = await looked(second, f"/cases/{ref}/approve")
    digest = (await story.case(desk.network, "XAA", ref)).pending.digest
    assert form_of(page.text, f"/cases/{ref}/approve")["digest"] == digest
    page = await second.post(f"/cases/{ref}/approve", {"code": code(desk, totp), "confirm": "yes"})
    assert (page.status, page.path) == (200, f"/cases/{ref}/send")
    assert "Nothing has been sent yet" in page.words
    case = await story.case(desk.network, "XAA", ref)
    assert (case.state, case.pending.approver) == ("CLEARED", "second")
    kept = await desk.site.accounts.papers.approvals(ref)
    assert [(one.person, one.how, one.digest) for one in kept] == [("second", "code", digest)]
    page = await second.post(f"/cases/{ref}/send", {"confirm": "yes"})
    assert (page.status, page.path) == (200, f"/cases/{ref}")
    assert await story.state(desk.network, "XAA", ref) == "SENT"
    await desk.network.deliver()
    payload = await story.payload(desk.network, "XAA", ref, "verification.request")
    assert await story.state(desk.network, "XAA", ref) == "DELIVERED"
    assert payload.body["elements"]["names"][0]["family"] == "Иванова"


async def test_whoever_sees_a_danger_stops_the_case_from_where_it_would_leave(desk: Desk) -> None:
    """The pages that check, approve and send have the button of the case page, and nothing leaves once it was used."""
    drafted, cleared = await draft(desk), await story.cleared(desk.network)
    second = await desk.officer("second")
    pages = [await looked(second, f"/cases/{drafted}/check"), await second.get(f"/cases/{drafted}/approve")]
    pages += [await second.get(f"/cases/{cleared}/send")]
    for ref, page in zip((drafted, drafted, cleared), pages, strict=True):
        assert f'govuk-button--warning" href="/cases/{ref}/steps/freeze"' in page.text, page.path
    stop = f"/cases/{cleared}/steps/freeze"
    form = (await second.get(stop)).form(stop)
    assert stop not in links_of((await second.get(stop)).text)
    await second.post(stop, {"b.reason": form["b.reason"]})
    assert await story.state(desk.network, "XAA", cleared) == "FROZEN"
    assert (await second.get(f"/cases/{cleared}/send")).status == 409


async def test_whoever_does_not_agree_reads_what_to_do(desk: Desk) -> None:
    """Four eyes that can only say yes are two: the page names who prepared the text, and leads away from it."""
    ref = await draft(desk)
    page = await looked((await with_codes(desk, "second"))[0], f"/cases/{ref}/approve")
    assert "send it back: first , who prepared it" in page.words
    assert f"/cases/{ref}" in links_of(page.text.partition("who prepared it")[2])


async def test_author_does_not_approve(desk: Desk) -> None:
    """Who wrote it gets no form to approve it, and a form of their own is refused by a page that says why."""
    ref = await desk.gateway.clear.new(story.draft(officer="second"), "second", "liaison_officer")
    second, totp = await with_codes(desk, "second")
    page = await looked(second, f"/cases/{ref}/approve")
    assert "Somebody else has to approve this" in page.words
    assert 'name="digest"' not in page.text
    digest = (await story.case(desk.network, "XAA", ref)).pending.digest
    page = await second.post(f"/cases/{ref}/approve", {"digest": digest, "code": code(desk, totp)})
    assert page.status == 422
    assert await story.state(desk.network, "XAA", ref) == "DRAFT"


async def test_a_refusal_leads_back_to_its_case(desk: Desk) -> None:
    """A page about something that is not this person's to do has a link to the case, which lists what is."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    page = await (await desk.officer("first")).get(f"/cases/{ref}/approve")
    assert (403, True) == (page.status, f"/cases/{ref}" in links_of(page.text))
    missing = await (await desk.officer("first")).get(f"/cases/{ref[:-1]}-/check")
    assert (404, False) == (missing.status, f"/cases/{ref[:-1]}-" in links_of(missing.text))


async def test_wrong_code_approves_nothing(desk: Desk) -> None:
    """A wrong code leaves the case as it was, and the page says that the proof did not hold."""
    ref = await draft(desk)
    second, totp = await with_codes(desk, "second")
    await looked(second, f"/cases/{ref}/approve")
    right = code(desk, totp)
    page = await second.post(f"/cases/{ref}/approve", {"code": f"{(int(right) + 1) % 1000000:06}"})
    assert page.status == 422
    assert "The proof did not hold" in page.words
    assert await story.state(desk.network, "XAA", ref) == "DRAFT"


async def test_text_that_changed_is_not_approved(desk: Desk) -> None:
    """If the draft is amended after the page was shown, the approval of the old text counts for nothing."""
    ref = await draft(desk)
    second, totp = await with_codes(desk, "second")
    await looked(second, f"/cases/{ref}/approve")
    await desk.gateway.clear.amend(ref, story.draft(method_limit="M1"), "first")
    page = await second.post(f"/cases/{ref}/approve", {"code": code(desk, totp)})
    assert page.status == 422
    assert "The text was changed after this page was shown" in page.words
    # Not even with the new digest in the old form: the challenge was for the old bytes.
    old = form_of((await second.get(f"/cases/{ref}/approve")).text, f"/cases/{ref}/approve")
    await desk.gateway.clear.amend(ref, story.draft(method_limit="M2"), "first")
    digest = (await story.case(desk.network, "XAA", ref)).pending.digest
    page = await second.post(f"/cases/{ref}/approve", {**old, "digest": digest, "code": code(desk, totp)})
    assert page.status == 422
    assert await story.state(desk.network, "XAA", ref) == "DRAFT"


async def test_approval_counts_once(desk: Desk) -> None:
    """The same form sent twice approves once, and the second is led where the first was."""
    ref = await draft(desk)
    second, totp = await with_codes(desk, "second")
    page = await looked(second, f"/cases/{ref}/approve")
    fields = {**form_of(page.text, f"/cases/{ref}/approve"), "code": code(desk, totp)}
    answers = [await second.send("POST", f"/cases/{ref}/approve", data=fields) for _ in range(2)]
    assert [(one.status, one.location) for one in answers] == [(303, f"/cases/{ref}/send")] * 2
    assert len(await desk.site.accounts.papers.approvals(ref)) == 1


async def test_rule_that_refuses_is_a_page(desk: Desk) -> None:
    """An approval that ran out refuses the sending by a page that names the rule and what can be done."""
    ref = await story.cleared(desk.network)
    first = await desk.officer("first")
    page = await first.get(f"/cases/{ref}/send")
    assert "Nothing has been sent yet" in page.words
    seen = form_of(page.text, f"/cases/{ref}/send")["seen"]
    desk.network.clock.pass_(days=3)
    first = await desk.officer("first")
    pages = [await first.get(f"/cases/{ref}/send")]
    pages.append(await first.post(f"/cases/{ref}/send", {"confirm": "yes", "seen": seen}))
    for page, status in zip(pages, (200, 422), strict=True):
        assert (page.status, f'action="/cases/{ref}/send"' in page.text) == (status, False)
        assert "A rule refuses this" in page.words
        assert "the approval is over" in page.words
        assert f"/cases/{ref}" in links_of(page.text)
    case = await story.case(desk.network, "XAA", ref)
    assert case.state == "CLEARED"
    await desk.gateway.clear.amend(ref, case.draft, "first")
    assert "Approve" in (await looked(await desk.officer("second"), f"/cases/{ref}/approve")).words


async def test_the_way_on_that_is_told_of_an_indication_leads_on(desk: Desk) -> None:
    """The draft is not changed past it, and the authority attests in a case that is stopped: so the page says."""
    none: Any = story.draft()["asylum"]
    hold = desk.gateway.hold
    ref = await draft(desk, asylum={**none, "state": "requested"})
    second = await desk.officer("second")
    page = await looked(second, f"/cases/{ref}/approve")
    assert "that authority attests anew only in a case that is stopped" in page.words
    with pytest.raises(RuleRefused):
        await desk.gateway.clear.amend(ref, story.draft(), "first")
    by = ("protection", "asylum_authority")
    with pytest.raises(IllegalStep):
        await hold.attest(ref, none, "looked into", *by)
    await hold.freeze(ref, "to attest anew", *by)
    await hold.attest(ref, none, "looked into", *by)
    await hold.release(ref, *by)
    for person, role in (("first", "case_officer"), ("second", "liaison_officer")):
        await hold.resume(ref, person, role)
    case = await story.case(desk.network, "XAA", ref)
    await desk.gateway.clear.amend(ref, case.draft, "first")
    page = await second.get(f"/cases/{ref}/approve")
    assert (True, False) == ("Field by field" in page.words, "R-01" in page.words)


def test_what_can_be_done_is_said_of_rules() -> None:
    """A text under a name that no finding has is shown to nobody."""
    assert set() == set(WHAT_TO_DO) - set(RULES)


async def test_case_that_says_another_age_is_named(desk: Desk) -> None:
    """What was approved of an adult is not sent while another case has her as a minor; a look at it says which."""
    hers: Any = {"elements": {**story.ADULT["elements"], "document": {"type": "P", "number": "AB 1", "issuer": "XBB"}}}
    ref = await story.cleared(desk.network, **hers)
    first = await desk.officer("first")
    await first.get(f"/cases/{ref}/send")
    child = await draft(desk, **homeward.MINOR, **hers)
    page = await first.post(f"/cases/{ref}/send", {"confirm": "yes"})
    assert (422, False, True) == (page.status, child in page.words, "Another case with the same number" in page.words)
    await first.get(f"/cases/{ref}")
    await first.post(f"/cases/{ref}/look", {"why": "to set one of the two right"})
    assert child in (await first.get(f"/cases/{ref}")).words


async def test_what_a_rule_stands_against_is_not_offered_to_be_approved_or_sent(desk: Desk) -> None:
    """The page of what will leave says what has to be done first; once that is done it leads on."""
    hers: Any = {"elements": {**story.ADULT["elements"], "document": {"type": "P", "number": "AB 1", "issuer": "XBB"}}}
    drafted, cleared = await draft(desk, **hers), await story.cleared(desk.network, **hers)
    child = await draft(desk, **homeward.MINOR, **hers)
    second, first = await desk.officer("second"), await desk.officer("first")

    async def offered(officer: Officer, ref: str, step: str) -> tuple[bool, bool]:
        page = await officer.get(f"/cases/{ref}/check")
        return f"/cases/{ref}/{step}" in links_of(page.text), "once nothing stands against it" in page.words

    steps = ((second, drafted, "approve"), (first, cleared, "send"))
    for officer, ref, _ in steps:
        await looked(officer, f"/cases/{ref}/check")
    assert [(False, True)] * 2 == [await offered(*step) for step in steps]
    await desk.gateway.clear.close(child, "first", event="discard")
    assert [(True, False)] * 2 == [await offered(*step) for step in steps]


async def test_send_needs_the_button_of_the_page(desk: Desk) -> None:
    """A post without the confirmation only shows the page again; nothing leaves."""
    ref = await story.cleared(desk.network)
    first = await desk.officer("first")
    page = await first.get(f"/cases/{ref}/send")
    fields = {name: value for name, value in form_of(page.text, f"/cases/{ref}/send").items() if name != "confirm"}
    answer = await first.send("POST", f"/cases/{ref}/send", data=fields)
    assert answer.status == 200
    assert await story.state(desk.network, "XAA", ref) == "CLEARED"


async def test_nothing_to_approve_is_said(desk: Desk) -> None:
    """Where nothing can be approved or sent now, the page says so and leads to the case."""
    ref = await story.sent(desk.network)
    second = await desk.officer("second")
    page = await looked(second, f"/cases/{ref}/approve")
    assert page.status == 409
    assert f"/cases/{ref}" in links_of(page.text)
    assert (await second.get(f"/cases/{ref}/send")).status == 409


async def test_a_correction_is_not_approved_as_a_message_of_the_case(desk: Desk) -> None:
    """Right values that are prepared have a page of their own; the one of approving says that there is nothing."""
    ours, _ = await homeward.assessed(desk.network)
    values = {"birth_date": "1999-01-02"}
    await desk.gateway.notices.prepare_rectification(ours, ["BIRTH_DATE"], values, "first", "case_officer")
    officer = await desk.officer("second")
    answer = await looked(officer, f"/cases/{ours}/approve")
    assert (409, True) == (answer.status, "There is nothing to do here now" in answer.words)
    assert 409 == (await officer.post(f"/cases/{ours}/approve", {"digest": "x"})).status


async def test_page_of_a_correction_leads_to_where_it_is_approved(desk: Desk) -> None:
    """From what will leave one gets to the step that signs these values, and from the case to no other approval."""
    ours, _ = await homeward.assessed(desk.network)
    values = {"birth_date": "1999-01-02"}
    await desk.gateway.notices.prepare_rectification(ours, ["BIRTH_DATE"], values, "first", "case_officer")
    officer = await desk.officer("second")
    pages = [await looked(officer, f"/cases/{ours}/check"), await officer.get(f"/cases/{ours}")]
    own = f"/cases/{ours}/steps/rectification-approval"
    found = [[(link in links_of(page.text)) for link in (own, f"/cases/{ours}/approve")] for page in pages]
    assert [[True, False], [True, False]] == found
    assert 200 == (await officer.get(own)).status


async def test_others_see_no_content(desk: Desk) -> None:
    """A role that is not of the desk gets no check, no approval and no sending."""
    ref = await draft(desk)
    for name in ("welfare", "protection", "escort"):
        officer = await desk.officer(name)
        for page in ("check", "approve", "send"):
            assert (await officer.get(f"/cases/{ref}/{page}")).status == 403, (name, page)


async def test_answer_to_a_question_is_checked_and_approved_the_same_way(desk: Desk) -> None:
    """What the other State asked for is shown as the only thing that leaves now, approved and sent here."""
    ours, theirs = await story.acknowledged(desk.network)
    await desk.network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await desk.network.deliver()
    await desk.gateway.clear.prepare(ours, "first")
    second, totp = await with_codes(desk, "second")
    page = await looked(second, f"/cases/{ours}/approve")
    assert "sent before; not asked for again" not in page.words  # said in the words of the desk
    assert "Female" in page.words
    page = await second.post(f"/cases/{ours}/approve", {"code": code(desk, totp)})
    assert (page.status, page.path) == (200, f"/cases/{ours}/send")
    await second.post(f"/cases/{ours}/send", {"confirm": "yes"})
    await desk.network.deliver()
    sent = await story.payload(desk.network, "XAA", ours, "verification.elements")
    assert sent.body["elements"] == {"sex": 2}


def kept_in_clear(desk: Desk) -> bytes:
    """Return everything the desks keep on the disk, their journal with it."""
    return b"".join(one.read_bytes() for one in desk.network.homes["XAA"].parent.glob("desks-XAA.db*"))


async def approved_and_sent(desk: Desk) -> tuple[str, str]:
    """Have the second person approve and send a case; return its reference and the digest that was approved."""
    ref = await draft(desk)
    second, totp = await with_codes(desk, "second")
    await looked(second, f"/cases/{ref}/approve")
    digest = (await story.case(desk.network, "XAA", ref)).pending.digest
    await second.post(f"/cases/{ref}/approve", {"code": code(desk, totp), "confirm": "yes"})
    await second.post(f"/cases/{ref}/send", {"confirm": "yes"})
    return ref, digest


async def test_file_of_the_desks_tells_nothing_to_try_names_by(desk: Desk) -> None:
    """What was approved is there for whoever has the key, and neither its digest nor the salt for who has the file."""
    ref, digest = await approved_and_sent(desk)
    (kept,) = await desk.site.accounts.papers.approvals(ref)
    assert digest == kept.digest
    raw = kept_in_clear(desk)
    assert ref.encode() in raw
    assert digest.encode() not in raw
    assert kept.salt.encode() not in raw


async def test_erased_case_is_not_found_by_trying_names(desk: Desk) -> None:
    """After the erasure nobody learns what was approved, not even with the key; that it was stays (R-25)."""
    ref, _ = await approved_and_sent(desk)
    await erase(desk.gateway, ref, desk.network.clock.now())
    await forget_gone(desk.site)
    assert [("second", "", "")] == [
        (one.person, one.digest, one.salt) for one in await desk.site.accounts.papers.approvals(ref)
    ]


async def test_approvals_of_an_earlier_version_are_sealed_at_the_start(desk: Desk) -> None:
    """Their digests stood in clear, and are read as before."""
    ref, digest = await approved_and_sent(desk)
    accounts = desk.site.accounts
    (kept,) = await accounts.papers.approvals(ref)
    await accounts.store.seal_approval(kept.challenge, kept.digest, kept.salt)
    assert (1, 0) == (await accounts.papers.seal_approvals(), await accounts.papers.seal_approvals())
    (sealed,) = await accounts.store.approvals(ref)
    assert not {sealed.digest, sealed.salt} & {digest, kept.salt}
    assert [kept] == await accounts.papers.approvals(ref)


async def test_erased_case_leaves_nothing_that_was_typed(desk: Desk) -> None:
    """What stands in a form of a case, or of a copy of it, does not outlast its erasure by a day."""
    ref = await draft(desk)
    accounts, now = desk.site.accounts, desk.network.clock.now()
    work = await accounts.papers.begin_work("first", [("b.to", "XBB")], now, ref)
    places = [f"/cases/{ref}/steps/correct", f"/requests/{work.id}/person"]
    for place in places:
        await accounts.papers.keep_draft("first", place, [("b.elements.names.0.family", "Иванова")], now)
    await forget_gone(desk.site)
    assert set(places) == set(await accounts.papers.draft_places())
    await erase(desk.gateway, ref, now)
    await forget_gone(desk.site)
    assert ([], []) == (await accounts.papers.draft_places(), await accounts.papers.works("first"))


async def test_erased_case_leaves_no_copy_in_the_journal_of_the_desks(desk: Desk) -> None:
    """What was typed of it is sealed under a key that stays: not even its sealed bytes are on the disk any more."""
    ref = await draft(desk)
    accounts, now = desk.site.accounts, desk.network.clock.now()
    work = await accounts.papers.begin_work("first", [("b.elements.names.0.family", "Иванова")], now, ref)
    await accounts.papers.keep_draft("first", f"/cases/{ref}/steps/correct", [("b.why", "Иванова")], now)
    store = cast(DeskStore, accounts.store)
    typed = [await store.find_draft("first", f"/cases/{ref}/steps/correct", now)]
    typed += [found[1] for found in [await store.find_work("first", work.id)] if found]
    assert [True, True] == [one is not None and one in kept_in_clear(desk) for one in typed]
    await erase(desk.gateway, ref, now)
    await Desks(desk.site, store, web.Application(), {}).sweep(now)
    assert [False, False] == [one is not None and one in kept_in_clear(desk) for one in typed]


async def test_what_is_sent_is_what_the_page_named(desk: Desk) -> None:
    """Another text was prepared and approved while the page of sending was open: that one is not sent by it."""
    ref = await story.cleared(desk.network, method_limit="M0")
    first = await desk.officer("first")
    await first.get(f"/cases/{ref}/send")
    clear = desk.gateway.clear
    await clear.amend(ref, story.draft(method_limit="M2", no_contact_methods=False), "first")
    preview, thread = await clear.show(ref, "second", "liaison_officer")
    signed = desk.network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await clear.approve(ref, signed, "second")
    assert 409 == (await first.post(f"/cases/{ref}/send")).status
    assert "CLEARED" == (await story.case(desk.network, "XAA", ref)).state
    await first.get(f"/cases/{ref}/send")
    await first.post(f"/cases/{ref}/send")
    assert "SENT" == (await story.case(desk.network, "XAA", ref)).state
