"""The lists of what waits for a word: a second person's, and an answer about data, whatever state the case is in."""

import html
import re
from collections.abc import Awaitable, Callable

import pytest

from gateway.services import second
from gateway.web.interior import queues
from tests.support import homeward, story
from tests.support.network import Network
from tests.web.interior.case_support import looked, personal
from tests.web.support import Desk, Officer

REQUESTED = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}


async def listed(who: Officer, name: str) -> dict[str, str]:
    """Return the row of each case in the list ``name``, by its reference; no row says anything of a person."""
    page = await who.get(f"/queues/{name}")
    assert (200, []) == (page.status, personal(page.text))
    found = {}
    for row in re.findall(r"<tr .*?</tr>", page.text, re.DOTALL):
        if at := re.search(r'href="/cases/([A-Za-z0-9_-]{22})"', row):
            found[at[1]] = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row))
    return found


async def apart(network: Network) -> str:
    """Return a case whose person is away, with the word of a first officer that a stopped one is another's."""
    ours, _ = await homeward.departed(network)
    gateway = network.gateways["XAA"]
    other = await gateway.clear.new(story.draft(to="XCC"), "first")
    await gateway.hold.freeze(other, "she asks for it", "protection", "asylum_authority", REQUESTED)
    await gateway.hold.tell_apart(ours, "another birthplace", "first", "case_officer")
    return ours


async def going_on(network: Network) -> str:
    """Return a stopped case that a first officer proposes to let go on."""
    ours, _ = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "first", "case_officer")
    await hold.release(ours, "first", "case_officer")
    await hold.resume(ours, "first", "case_officer")
    return ours


async def rectification(network: Network) -> str:
    """Return a case in which right values for wrong ones are prepared."""
    ours, _ = await story.replied(network)
    right = {"birth_date": "1999-01-02"}
    await network.gateways["XAA"].notices.prepare_rectification(ours, ["BIRTH_DATE"], right, "first", "case_officer")
    return ours


async def proposal(network: Network) -> str:
    """Return a case in which the proposal of a return is prepared."""
    ours, _ = await homeward.assessed(network)
    await network.gateways["XAA"].returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    return ours


async def request(network: Network) -> str:
    """Return a case that was only just opened."""
    return await network.gateways["XAA"].clear.new(story.draft(), "first")


Make = Callable[[Network], Awaitable[str]]


@pytest.mark.parametrize(
    ("make", "what", "name", "own"),
    [
        (apart, "Say that it is about another person", "second", True),
        (going_on, "Let the case go on", "second", True),
        (rectification, "Approve and send the right values", "second", False),
        (proposal, "Approve what is prepared", "to-approve", False),
        (request, "Approve what is prepared", "to-approve", False),
    ],
)
async def test_who_comes_on_duty_finds_what_waits_for_a_second_word(
    both: tuple[Desk, Desk], make: Make, what: str, name: str, own: bool
) -> None:
    """In one list, with who was first; that one reads there that it waits for another, if the step is theirs too."""
    desk, _ = both
    ref = await make(desk.network)
    liaison, officer = await desk.officer("second"), await desk.officer("first")
    row = (await listed(liaison, name))[ref]
    assert (True, True, False) == (what in row, "First: first" in row, "Another person than you" in row)
    counts = {one: (await liaison.get(f"/queues/{one}/count")).text for one in ("second", "to-approve")}
    assert {"second": "0", "to-approve": "0", name: "1"} == counts
    assert own == ("Another person than you" in (await listed(officer, "second")).get(ref, ""))
    told = f"Waiting for a second person {what} First: first" in (await officer.get(f"/cases/{ref}")).words
    words = (await officer.get(f"/cases/{ref}")).words
    assert own == ("Then somebody else, as one of: " in words and "Another person than you" in words)
    assert f"/cases/{ref}/steps/resume" not in (await officer.get(f"/cases/{ref}")).text  # they have said it
    assert told == own  # of what is prepared the page says who wrote it, and that nobody approved it yet


async def test_nobody_finds_what_they_wrote_among_what_they_approve(both: tuple[Desk, Desk]) -> None:
    """A liaison officer writes too: what waits for a colleague is no work of theirs, in the figure or in the list."""
    desk, _ = both
    clear, theirs, own = desk.gateway.clear, await request(desk.network), await request(desk.network)
    await clear.amend(own, story.draft(), "second", "liaison_officer")
    liaison = await desk.officer("second")
    assert [theirs] == list(await listed(liaison, "to-approve"))
    assert "1" == (await liaison.get("/queues/to-approve/count")).text
    drafts = (await liaison.get("/queues/drafts")).text
    assert [True, True] == [ref in drafts for ref in (theirs, own)]


async def test_a_word_that_was_given_waits_no_more(both: tuple[Desk, Desk]) -> None:
    """Nor does one that cannot be given before others let go."""
    desk, _ = both
    hold, liaison, stopped = desk.gateway.hold, await desk.officer("second"), await going_on(desk.network)
    assert [stopped] == list(await listed(liaison, "second"))
    await hold.freeze(stopped, "another doubt", "welfare", "child_welfare")
    assert {} == await listed(liaison, "second")
    await hold.release(stopped, "welfare", "child_welfare")
    await hold.withdraw(stopped, "first", "case_officer")
    away, liaison = await apart(desk.network), await desk.officer("second")  # weeks later
    assert [away] == list(await listed(liaison, "second"))
    await hold.tell_apart(away, "I looked at both", "second", "liaison_officer")
    assert {} == await listed(liaison, "second")


async def test_an_answer_that_waits_for_its_second_signer_is_found(both: tuple[Desk, Desk]) -> None:
    """By who signs second, among all that is worked on; a yes waits for nobody."""
    _, desk = both
    _, theirs = await story.acknowledged(desk.network)
    _, other = await story.acknowledged(desk.network)
    signer = await desk.officer("signer")
    await desk.gateway.answer.prepare(other, story.reply(), "first")
    assert {} == await listed(signer, "second")
    await desk.gateway.answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    assert [theirs] == list(await listed(signer, "second"))


async def test_what_is_asked_about_data_is_found_in_a_closed_case_too(both: tuple[Desk, Desk]) -> None:
    """Until it is answered, by those who may answer it; who asks has nothing to answer."""
    asking, asked = both
    ours, theirs = await story.replied(asking.network)
    await asked.gateway.answer.close(theirs, "first", "registry_clerk")
    clerk, head = await asked.officer("first"), await asked.officer("second")
    assert {} == await listed(clerk, "about-data")
    await asking.gateway.notices.ask_use(ours, "first", "case_officer")
    await asking.gateway.notices.demand_erasure(ours, "first", "case_officer")
    await asking.network.deliver()
    assert ["Report what became of the data" in text for text in (await listed(clerk, "about-data")).values()] == [True]
    row = (await listed(head, "about-data"))[theirs]
    assert (True, True) == ("Report what became of the data" in row, "Destroy our copy" in row)
    assert {} == await listed(await asking.officer("first"), "about-data")
    await asked.gateway.notices.destroy(theirs, 1, "second", "desk_head")
    assert {} == await listed(head, "about-data")


async def test_the_list_goes_on_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gap or overlap, however many cases are looked into at once, and of one's own among them."""
    monkeypatch.setattr(queues, "PAGE", 2)
    monkeypatch.setattr(second, "PART", 3)
    clear = desk.gateway.clear
    refs = sorted([await clear.new(story.draft(), "first") for _ in range(5)])
    for _ in range(4):
        await clear.new(story.draft(), "second", "liaison_officer")
    liaison, seen, path = await desk.officer("second"), list[str](), "to-approve"
    while path:
        seen += await listed(liaison, path)
        onward = re.search(r'href="/queues/([^"]*)" rel="next"', liaison.last.text if liaison.last else "")
        path = html.unescape(onward[1]) if onward else ""
    assert refs == seen


async def test_the_other_case_is_a_link_and_why_is_in_the_language_of_the_page(both: tuple[Desk, Desk]) -> None:
    """Whoever is to compare two files gets from one to the other; the sentence about it was in English everywhere."""
    desk, _ = both
    ours = await story.sent(desk.network)
    other = await desk.gateway.clear.new(story.draft(to="XCC"), "first")
    await desk.gateway.hold.freeze(other, "she asks for it", "protection", "asylum_authority", REQUESTED)
    assert "FROZEN" == await story.state(desk.network, "XAA", ours)
    officer = await desk.officer("first", language="fr")
    page = await looked(officer, ours)
    assert f'<a class="govuk-link" href="/cases/{other}">' in page.text
    assert (True, False) == ("cette passerelle retient donc celui-ci" in page.words, "shares a value" in page.words)
