"""What somebody typed is there again: after a session or a reason ended, and after anything went wrong on our side."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.services.ports import Unavailable
from gateway.web import interior, operator
from gateway.web.door import BACKGROUND
from gateway.web.posted import UNSENT
from gateway.web.reasons import LASTS
from tests.support import story
from tests.web.interior.case_support import two_desks
from tests.web.operator.support import staffed_desk
from tests.web.support import Answer, Desk, Officer

WHY = {"why": "to answer the request", "look": "yes"}
OUTCOME = {"b.outcome": "NOT_FOUND"}
ANSWER = {**OUTCOME, "b.as_of": "2026-11-20", "b.method_used": "POPULATION_REGISTER", "b.confidence": "NONE"}
AGAIN = "What you typed before stands here again."
WAITS = "What you typed is kept, and stands in the form again once you have said why."
INVITED = {"role": "lawyer", "who": "guest", "until": "2026-12-20", "why": "advises the person"}


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    async with two_desks(tmp_path) as made:
        yield made


async def answering(desk: Desk, ref: str) -> tuple[Officer, str]:
    """Return a clerk with the form of an answer open, and its address."""
    clerk, path = await desk.officer("first"), f"/cases/{ref}/steps/reply"
    await clerk.get(path)
    await clerk.post(path, WHY)
    page = await clerk.post(path, {**OUTCOME, "go": "yes"})
    assert "b.as_of" in page.form(path), page.words
    return clerk, path


def stands(page: Answer, path: str) -> bool:
    """Tell whether the form at ``path`` shows what was typed."""
    return ANSWER["b.as_of"] == page.form(path).get("b.as_of")


async def test_an_answer_outlasts_the_reason(both: tuple[Desk, Desk]) -> None:
    """Who wrote for longer than a reason stands gives one again and finds the answer in its fields."""
    _, desk = both
    _, theirs = await story.acknowledged(desk.network)
    clerk, path = await answering(desk, theirs)
    desk.network.clock.pass_(seconds=LASTS.total_seconds() - 60)
    token = clerk.last.form(path)["csrf"] if clerk.last else ""
    assert 204 == (await clerk.send("POST", "/session/keep", data={"csrf": token})).status
    desk.network.clock.pass_(minutes=2)
    asked = await clerk.post(path, ANSWER)
    assert 'name="why"' in asked.text
    assert WAITS in asked.words
    assert stands(await clerk.post(path, WHY), path)


async def test_an_answer_outlasts_the_session(both: tuple[Desk, Desk]) -> None:
    """Who was signed out while writing signs in, gives the reason, and goes on writing about the same outcome."""
    _, desk = both
    _, theirs = await story.acknowledged(desk.network)
    clerk, path = await answering(desk, theirs)
    desk.network.clock.pass_(minutes=20)
    out = await clerk.post(path, ANSWER, follow=False)
    assert "NOT_FOUND" not in out.location
    assert "Your session had ended, and nothing was done." in (await desk.nobody().get(out.location)).words
    again = await desk.officer("first")
    asked = await again.get(path)
    assert 'name="why"' in asked.text
    assert (True, False) == (WAITS in asked.words, AGAIN in asked.words)  # nothing of it is on this page
    page = await again.post(path, WHY)
    assert stands(page, path)
    assert AGAIN in page.words


@pytest.mark.parametrize("left", [{UNSENT: "yes", "why": ""}, {"why": "to answer"}], ids=["unsent", "late"])
async def test_an_answer_outlasts_the_page_that_asks_for_a_reason(
    both: tuple[Desk, Desk], left: dict[str, str]
) -> None:
    """What waits for a reason is not replaced by that page's own form, left until its time is over or sent too late."""
    _, desk = both
    _, theirs = await story.acknowledged(desk.network)
    clerk, path = await answering(desk, theirs)
    desk.network.clock.pass_(minutes=20)
    await clerk.post(path, ANSWER, follow=False)
    again = await desk.officer("first")
    assert WAITS in (await again.get(path)).words
    desk.network.clock.pass_(minutes=20)
    await again.post(path, left, follow=False)
    back = await desk.officer("first")
    asked = await back.get(path)
    assert WAITS in asked.words
    assert left["why"] == asked.form(path)["why"]
    assert stands(await back.post(path, WHY), path)


async def test_who_pressed_when_signed_out_reads_that_nothing_was_done(both: tuple[Desk, Desk]) -> None:
    """A form of a session that was ended elsewhere leads to the way in, which says so; a page opened does not."""
    desk, _ = both
    ref = await story.cleared(desk.network)
    officer = await desk.officer("first")
    page = await officer.get(f"/cases/{ref}/send")
    fields = page.form(f"/cases/{ref}/send")
    assert officer.session is not None
    await desk.site.accounts.end(officer.session, desk.site.now())
    out = await officer.send("POST", f"/cases/{ref}/send", data=fields)
    assert "did nothing. Sign in, and do it again." in (await desk.nobody().get(out.location)).words
    assert "did nothing" not in (await officer.get(f"/cases/{ref}")).words


async def test_a_form_without_a_field_leaves_nothing_that_was_typed(both: tuple[Desk, Desk]) -> None:
    """What a page carries along by itself is nothing that anybody typed: neither the way in nor the page says so."""
    desk, _ = both
    ref = await story.cleared(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/send"
    await officer.get(path)
    desk.network.clock.pass_(minutes=20)
    out = await officer.post(path, follow=False)
    assert "did nothing. Sign in, and do it again." in (await desk.nobody().get(out.location)).words
    page = await (await desk.officer("first")).get(path)
    assert (200, True, False) == (page.status, "seen" in page.form(path), AGAIN in page.words)


async def test_what_could_not_be_done_now_is_in_the_form_again(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says that nothing was lost, and the form of the same address has it."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/invitations"
    await officer.get(path)
    await officer.post(path, INVITED)

    async def busy(unit: Any, partner: str) -> Any:
        raise Unavailable("busy")

    with monkeypatch.context() as patch:
        patch.setattr(desk.gateway.store, "commit", busy)
        answer = await officer.post(path, {"confirm": "yes"})
    assert (503, True) == (answer.status, "Nothing was lost" in answer.words)
    shown = (await officer.get(path)).form(path)
    assert INVITED == {name: shown[name] for name in INVITED}


async def test_one_odd_sign_does_not_cost_the_other_fields(both: tuple[Desk, Desk]) -> None:
    """A field with a hidden sign is left out; whatever else was typed stands there again, whichever came first."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/invitations"
    await officer.get(path)
    answer = await officer.post(path, {**INVITED, "role": "law\u202eyer"})
    assert 422 == answer.status
    shown = (await officer.get(path)).form(path)
    assert {**INVITED, "role": ""} == {name: shown.get(name, "") for name in INVITED}


async def test_what_nobody_knows_whose_it_is_is_not_kept(both: tuple[Desk, Desk]) -> None:
    """A form with another session's token, or from elsewhere, leaves nothing for whoever is signed in."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/invitations"
    await officer.get(path)
    assert 403 == (await officer.post(path, {**INVITED, "csrf": "another"})).status
    shown = (await officer.get(path)).form(path)
    assert "" == shown["why"]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    data = {**INVITED, "csrf": shown["csrf"]}
    assert 403 == (await officer.send("POST", path, data=data, headers=foreign)).status
    assert "" == (await officer.get(path)).form(path)["why"]


async def test_no_proof_of_who_it_was_is_kept(both: tuple[Desk, Desk]) -> None:
    """Of a form that came too late its codes, its answer of a passkey and its consent are not kept."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/invitations"
    await officer.get(path)
    desk.network.clock.pass_(minutes=20)
    proofs = {"code": "123456", "credential": "{}", "approval": "abc", "pending": "abc", "confirm": "yes"}
    await officer.post(path, {**INVITED, **proofs}, follow=False)
    kept = await desk.site.accounts.papers.take_draft("first", path, desk.network.clock.now())
    assert sorted(INVITED) == sorted(name for name, _ in kept or [])


@pytest.mark.parametrize(
    ("place", "typed"),
    [
        ("requests/abc/documents", {"mrz": "P<XAATEST", "digit": "3"}),
        ("cases/abc/steps/issue", {"b.number_digest": "R 1234567"}),
        ("cases/abc/steps/reissue", {"b.number_digest": "R 1234567"}),
    ],
)
async def test_what_a_page_says_is_not_kept_is_not(both: tuple[Desk, Desk], place: str, typed: dict[str, str]) -> None:
    """Neither the lines and the check digit of a document nor its number wait for a day, as other fields do."""
    desk, _ = both
    officer, path = await desk.officer("first"), f"/{place}"
    await officer.get("/search")
    desk.network.clock.pass_(minutes=20)
    await officer.post(path, {**typed, "b.issued_on": "2026-11-20"}, follow=False)
    kept = await desk.site.accounts.papers.take_draft("first", path, desk.network.clock.now())
    assert ["b.issued_on"] == [name for name, _ in kept or [] if name != "ref"]


async def test_a_link_shown_once_waits_for_a_page_that_works(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the page that shows it fails, or a script asks in between, the next one has the link still."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/invitations"
    await officer.get(path)
    await officer.post(path, INVITED)
    made = (await officer.post(path, {"confirm": "yes"}, follow=False)).location

    async def busy(*_: Any) -> Any:
        raise Unavailable("busy")

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "find_invitation", busy)
        assert 503 == (await officer.get(made)).status
    await officer.send("GET", made, headers={BACKGROUND: "1"})
    assert "/link/" in (await officer.get(made)).text
    assert "/link/" not in (await officer.get(made)).text


async def test_a_longer_time_that_was_asked_for_too_late_is_in_its_form_again(both: tuple[Desk, Desk]) -> None:
    """Who wrote why an invitation goes on, and was signed out, finds day and reason in the form again."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/invitations"
    await officer.get(path)
    await officer.post(path, INVITED)
    one = (await officer.post(path, {"confirm": "yes"})).path
    await officer.get(one)
    typed = {"until": "2026-12-22", "why": "counsel goes on"}
    desk.network.clock.pass_(minutes=20)
    await officer.post(one, typed, follow=False)
    shown = (await (await desk.officer("first")).get(one)).form(one)
    assert typed == {name: shown[name] for name in typed}


async def test_a_link_shown_once_is_nothing_that_was_typed(both: tuple[Desk, Desk]) -> None:
    """The page of a new link does not ask to look through what was typed and to send it again."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer, path = await desk.officer("first"), f"/cases/{ref}/invitations"
    await officer.get(path)
    await officer.post(path, INVITED)
    made = await officer.post(path, {"confirm": "yes"})
    assert ("/link/" in made.text, AGAIN in made.words) == (True, False)


async def test_a_reference_that_was_looked_for_too_late_stands_there_again(both: tuple[Desk, Desk]) -> None:
    """What the page says of the form is so: the reference is in it, and was not looked for yet."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    await officer.get("/search")
    desk.network.clock.pass_(minutes=20)
    await officer.post("/search", {"ref": ref}, follow=False)
    page = await (await desk.officer("first")).get("/search")
    assert ("/search", ref, True) == (page.path, page.form("/search")["ref"], AGAIN in page.words)


@pytest.mark.parametrize(("place", "typed"), [("/access/{ref}", {}), ("/requests", {"ref": "{ref}"})])
async def test_why_a_supervisor_looks_outlasts_the_session(tmp_path: Path, place: str, typed: dict[str, str]) -> None:
    """The data-protection officer finds the reason, and the case that was named, in the form again."""
    async with staffed_desk(tmp_path, [interior.PAGES]) as desk:
        ref = await story.sent(desk.network)
        path = place.format(ref=ref)
        fields = {"why": "she asked on 20 November", **{name: text.format(ref=ref) for name, text in typed.items()}}
        dora = await desk.officer("dora")
        await dora.get(path)
        desk.network.clock.pass_(minutes=20)
        await dora.post(path, fields, follow=False)
        shown = (await (await desk.officer("dora")).get(path)).form(path)
        assert fields == {name: shown[name] for name in fields}


async def test_a_banner_waits_for_a_page_that_a_person_opens(both: tuple[Desk, Desk]) -> None:
    """Figures that a page asks for by itself, and other pages, do not take away or show what one page is to say."""
    desk, _ = both
    officer = await desk.officer("first")
    assert officer.session is not None
    await desk.site.accounts.tell(officer.session, "/", "Done as you asked.")
    await officer.send("GET", "/queues/drafts/count", headers={BACKGROUND: "1"})
    shown = ["Done as you asked." in (await officer.get(path)).words for path in ("/queues/drafts", "/", "/")]
    assert [False, True, False] == shown


async def test_a_proof_of_presence_asked_for_in_between_costs_nothing(tmp_path: Path) -> None:
    """Who took longer than five minutes over a form proves presence once more and finds it filled in."""
    async with staffed_desk(tmp_path, [operator.PAGES]) as desk:
        ada = await desk.officer("ada", "operator")
        await ada.get("/states/XBB/hold")
        desk.network.clock.pass_(minutes=6)
        led = await ada.post("/states/XBB/hold", {"why": "rumour of a theft"}, follow=False)
        assert led.location.startswith("/again")
        again = await desk.officer("ada", "operator")
        assert "rumour of a theft" == (await again.get("/states/XBB/hold")).form("/states/XBB/hold")["why"]
