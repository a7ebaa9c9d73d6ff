"""The pages of the data-protection officer: looks, rights of persons, policy, and dry runs that leave no trace."""

import copy
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway.core.case import State
from gateway.core.facts import When
from gateway.core.minimise import MATRIX, disclose
from gateway.services import reading
from gateway.web import interior
from gateway.web.interior import supervisor
from schemas import ijson
from tests.support import story
from tests.web.operator.support import staffed_desk
from tests.web.support import Desk, form_of, links_of

DRAFTS = sorted((Path(schemas.__file__).parent / "examples/case-draft/valid").glob("*.json"))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Serve the interior desk of a gateway that has a data-protection officer."""
    async with staffed_desk(tmp_path, [interior.PAGES]) as made:
        yield made


async def accesses(desk: Desk, ref: str) -> list[tuple[str, str]]:
    """Return who did what with a case, in order."""
    rows = await desk.gateway.store.read(lambda tx: tx.accesses(ref))
    return [(row.person, row.action) for row in rows]


def test_the_pages_are_for_one_role() -> None:
    """Nobody but the data-protection officer opens them."""
    assert {frozenset({"dpo"})} == {route.roles for route in supervisor.ROUTES}


async def test_an_officer_does_not_come_in(desk: Desk) -> None:
    """A case officer is told that the page is for another role."""
    first = await desk.officer("first")
    assert {403} == {(await first.get(path)).status for path in ("/access", "/requests", "/policy", "/policy/try")}


# The access log.


async def test_the_log_lists_looks_without_reasons(desk: Desk) -> None:
    """Each look stands with case, person and act; no reason and no name is on the page."""
    ref = await story.sent(desk.network)
    page = await (await desk.officer("dora")).get("/access")
    assert ref in page.text
    assert "first sent something of it" in page.words
    draft = (await story.case(desk.network, "XAA", ref)).draft
    assert [] == [one for one in (draft["justification"], draft["elements"]["names"][0]["family"]) if one in page.text]


async def test_the_log_is_narrowed(desk: Desk) -> None:
    """By case, and by person; what fits nothing is an empty list."""
    one, other = await story.sent(desk.network), await story.sent(desk.network)
    dora = await desk.officer("dora")
    page = await dora.get(f"/access?ref={one}")
    assert (True, False) == (f"/access/{one}" in page.text, f"/access/{other}" in page.text)
    assert f"/access/{one}" in (await dora.get("/access?person=first")).text
    assert "No look fits." in (await dora.get("/access?person=second")).words


async def test_what_is_typed_to_narrow_the_log_comes_into_no_address(desk: Desk) -> None:
    """It may be a name, and a history keeps addresses: only a reference comes into one, also as a page has it."""
    ref = await story.sent(desk.network)
    dora = await desk.officer("dora")
    await dora.get("/access")
    refused = await dora.post("/access", {"ref": "Elbasar, Jasmin", "person": "second"})
    assert (422, "/access") == (refused.status, refused.path)
    assert "There is no case with this reference" in refused.words
    assert '<option value="second" selected>' in refused.text
    taken = await dora.post("/access", {"ref": f" \u2066{ref}\u2069", "person": "first"}, follow=False)
    assert (303, f"/access?ref={ref}&person=first") == (taken.status, taken.location)
    assert 0 == (await dora.get("/access")).text.count('method="get"')


async def test_who_left_is_chosen_as_well(desk: Desk) -> None:
    """Of a guest, or of somebody who works here no more, the looks can be listed too: these are asked about most."""
    await story.sent(desk.network)
    dora, context = await desk.officer("dora"), desk.gateway.context
    context.persons = {id: one for id, one in context.persons.items() if id != "first"}
    assert '<option value="first">' in (await dora.get("/access")).text
    for path in ("/access?person=first", "/access?person=first&before=1"):
        assert '<option value="first" selected>' in (await dora.get(path)).text


async def test_the_log_goes_on_page_by_page(desk: Desk) -> None:
    """Every look is on one page, in order, also when narrowed to a person whose looks lie far back."""
    ref = await story.sent(desk.network)
    for _ in range(120):
        await desk.site.desk.evidence(ref, "second", "liaison_officer", "routine check")
    dora = await desk.officer("dora")
    seen, path = 0, "/access"
    for _ in range(10):
        page = await dora.get(path)
        seen += page.text.count(f'href="/access/{ref}"')
        found = page.text.split('rel="next"')[0].rsplit('href="', 1)
        if 'rel="next"' not in page.text:
            break
        path = found[1].split('"')[0].replace("&amp;", "&")
    assert len(await accesses(desk, ref)) == seen > 120
    assert "sent something of it" in (await dora.get("/access?person=first")).words


async def test_the_log_of_a_person_goes_on_where_a_reference_was_none(desk: Desk) -> None:
    """Who chose a person beside what is no reference, or whose session ended over it, pages through their looks."""
    ref = await story.sent(desk.network)
    for _ in range(120):
        await desk.site.desk.evidence(ref, "second", "liaison_officer", "routine check")
    dora, typed = await desk.officer("dora"), {"ref": "Elbasar", "person": "second"}
    await dora.get("/access")
    refused = await dora.post("/access", typed)
    desk.network.clock.pass_(minutes=20)
    await dora.post("/access", typed, follow=False)
    for page in (refused, await (await desk.officer("dora")).get("/access")):
        assert '<option value="second" selected>' in page.text
        following = page.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
        assert "person=second" in following
        assert "Elbasar" not in following


async def test_reasons_are_opened_for_a_reason(desk: Desk) -> None:
    """They are closed until the officer says why; that is recorded before they are shown."""
    ref = await story.sent(desk.network)
    secret = (await story.case(desk.network, "XAA", ref)).draft["justification"]
    dora = await desk.officer("dora")
    closed = await dora.get(f"/access/{ref}")
    assert (False, "not shown" in closed.words) == (secret in closed.words, True)
    before = await accesses(desk, ref)
    refused = await dora.post(f"/access/{ref}", {"why": ""})
    assert (422, before) == (refused.status, await accesses(desk, ref))
    opened = await dora.post(f"/access/{ref}", {"why": "yearly audit"})
    assert secret in opened.words
    assert [*before, ("dora", "log")] == await accesses(desk, ref)
    assert 404 == (await dora.get("/access/nothing")).status


async def test_the_reasons_go_on_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once why, every look stands on one page and on no other, though each page is a look that is recorded."""
    ref = await story.sent(desk.network)
    for number in range(5):
        await desk.site.desk.evidence(ref, "second", "liaison_officer", f"check number {number}")
    recorded = len(await accesses(desk, ref))
    monkeypatch.setattr(reading, "SHOWN_MAX", 2)
    dora, pages = await desk.officer("dora"), list[str]()
    await dora.get(f"/access/{ref}")
    page = await dora.post(f"/access/{ref}", {"why": "yearly audit"})
    while found := re.search(r'href="([^"]*)" rel="next"', page.text):
        pages.append(page.words)
        page = await dora.get(found[1].replace("&amp;", "&"))
    words = " ".join([*pages, page.words])
    assert [1] * 5 == [words.count(f"check number {number}") for number in range(5)]
    assert (recorded + 2) // 2 == len(pages) + 1 == len(await accesses(desk, ref)) - recorded
    assert f"/access/{ref}" in links_of(page.text)  # back to the latest


async def test_an_erased_case_asks_for_no_reason(desk: Desk) -> None:
    """Its reasons went with its key: who looked is shown, and nothing is asked that would be refused."""
    ref = await story.sent(desk.network)
    await story.put(desk.network, "XAA", ref, State.ERASED)
    page = await (await desk.officer("dora")).get(f"/access/{ref}")
    assert (200, True, False) == (page.status, "not kept" in page.words, 'name="why"' in page.text)


# Rights of persons.


async def test_an_account_is_made_for_a_reason(desk: Desk) -> None:
    """The account says what was sent; the look is recorded, and without a reason there is none."""
    ref, _ = await story.received(desk.network)
    dora = await desk.officer("dora")
    await dora.get("/requests")
    refused = await dora.post("/requests", {"ref": ref, "why": ""})
    assert (422, False) == (refused.status, ("dora", "access") in await accesses(desk, ref))
    page = await dora.post("/requests", {"ref": ref, "why": "request of the person of 20 November"})
    assert "What was sent about you By which State Test State XAA" in page.words
    family = (await story.case(desk.network, "XAA", ref)).draft["elements"]["names"][0]["family"]
    assert family in page.words
    assert ("dora", "access") in await accesses(desk, ref)
    assert family not in page.text.split("</title>")[0]


async def test_an_account_of_no_case(desk: Desk) -> None:
    """A reference that is none is said at its field."""
    dora = await desk.officer("dora")
    await dora.get("/requests")
    page = await dora.post("/requests", {"ref": "nothing", "why": "a request"})
    assert (422, True) == (page.status, "There is no such case here" in page.words)


async def test_open_corrections_are_listed(desk: Desk) -> None:
    """A correction that the other State has not confirmed stands with the day by which it is expected."""
    ref, _ = await story.acknowledged(desk.network)
    await desk.gateway.notices.strike(ref, ["BIRTH_DATE"], "first", "case_officer")
    dora = await desk.officer("dora")
    assert ref not in (await dora.get("/requests")).text
    page = await dora.get("/requests?open=yes")
    assert (True, "2026-12-25" in page.words) == (f'href="/cases/{ref}/data"' in page.text, True)
    assert ref in (await dora.get(f"/cases/{ref}/data")).words


# Policy.


async def test_the_policy_shows_what_is_in_force(desk: Desk) -> None:
    """Rules with their sources, the matrix, retention, and which agreements nobody verified."""
    page = await (await desk.officer("dora")).get("/policy")
    assert "R-01 Nothing may be asked of the other State unless the protection state" in page.words
    assert "R-26" in page.words
    assert "Erased after 540 days" in page.words
    unverified = [one for one in schemas.load_instruments().values() if not one["verified_by"]]
    assert page.words.count("Not verified") >= len(unverified) > 0


async def test_the_policy_says_in_words_when_a_rule_is_looked_at(desk: Desk) -> None:
    """No moment stands there by its code, which is a word of English."""
    page = await (await desk.officer("dora", language="fr")).get("/policy")
    assert "à l’approbation" in page.words
    assert {one.value for one in When}.isdisjoint(re.split(r"[\s,]+", page.words))


async def test_the_policy_says_what_is_kept_open_longer(desk: Desk) -> None:
    """Beside the days after which a case is closed stands for which cases they do not count."""
    page = await (await desk.officer("dora")).get("/policy")
    assert "A case with a positive reply stays open longer" in page.words


# Dry runs.


def draft(**changes: Any) -> bytes:
    """Return a case draft as a file."""
    return ijson.dumps(story.draft(**changes))


async def counts(desk: Desk) -> list[int]:
    """Return how many rows each table that a case would touch has."""

    async def unit(tx: Any) -> list[int]:
        return [await tx.last_event(), len(await tx.case_refs("", 1000))]

    return list(await desk.gateway.store.read(unit))


async def test_a_dry_run_shows_lines_and_keeps_nothing(desk: Desk) -> None:
    """What would leave is shown by element and rule; no value of the record is, and nothing is stored."""
    dora, before = await desk.officer("dora"), await counts(desk)
    await dora.get("/policy/try")
    page = await dora.post("/policy/try", {"draft_file": draft(), "draft": "", "matrix": ""})
    assert (200, before) == (page.status, await counts(desk))
    assert "No rule forbids sending this." in page.words
    assert "names Would leave -" in page.words
    assert story.draft()["elements"]["names"][0]["family"] not in page.text


async def test_a_dry_run_that_comes_too_late_keeps_nothing_either(desk: Desk) -> None:
    """What other forms keep for a day once a session has ended is here a whole record, said to be stored nowhere."""
    dora = await desk.officer("dora")
    await dora.get("/policy/try")
    desk.network.clock.pass_(minutes=20)
    page = await dora.post("/policy/try", {"draft": ijson.dumps(story.draft()).decode(), "matrix": "{}"})
    assert (True, True) == (page.path.startswith("/sign-in"), "kept=0" in page.path)
    assert [] == await desk.site.accounts.papers.draft_places()


async def test_a_dry_run_names_what_forbids(desk: Desk) -> None:
    """A record without an attestation is refused by the rule that says so."""
    dora = await desk.officer("dora")
    await dora.get("/policy/try")
    value = story.draft()
    value["asylum"] = {"state": "pending", "attested_by": None, "attested_on": None, "basis": None}
    page = await dora.post("/policy/try", {"draft": ijson.dumps(value).decode()})
    assert "Rules forbid sending this." in page.words
    assert "R-01" in page.words


async def test_a_proposed_matrix_is_compared(desk: Desk) -> None:
    """The page names each element and purpose that would change, and what that does to the record."""
    proposed = copy.deepcopy(dict(MATRIX))
    next(row for row in proposed["elements"] if row["element"] == "SEX")["purposes"]["NATIONALITY"] = "required"
    dora = await desk.officer("dora")
    await dora.get("/policy/try")
    page = await dora.post("/policy/try", {"draft_file": draft(), "matrix_file": ijson.dumps(proposed)})
    assert "What it changes for this record Field Now Proposed sex Would be withheld Would leave" in page.words
    assert supervisor.changes(MATRIX, proposed) == [supervisor.Change("SEX", "NATIONALITY", "tier2", "required")]
    assert schemas.load_matrix() == MATRIX


BAD = {
    "nothing": {},
    "no JSON": {"draft": "{"},
    "a name twice": {"draft": '{"a": 1, "a": 2}'},
    "no draft": {"draft": '{"purpose": "NATIONALITY"}'},
    "no matrix": {"matrix": '{"elements": []}'},
    "an element nobody knows": {
        "matrix": '{"title": "x", "source": "x", "confidence": "high", "elements": [{}], "never": []}'
    },
    "deep": {"draft": '{"a":' * 50 + "1" + "}" * 50},
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_said_at_its_field(desk: Desk, name: str) -> None:
    """What cannot be read is told in the summary of problems and beside its field, where it stays; nothing is tried."""
    dora = await desk.officer("dora")
    await dora.get("/policy/try")
    page = await dora.post("/policy/try", BAD[name])
    assert (422, True) == (page.status, "There is a problem" in page.words)
    assert [f"{next(iter(BAD[name]), 'draft')}-error"] == re.findall(r'id="(\w+-error)"', page.text)
    form = form_of(page.text, "/policy/try")
    assert BAD[name] == {field: form[field] for field in ("draft", "matrix") if form[field]}


async def test_a_bad_value_is_not_quoted(desk: Desk) -> None:
    """A problem names the place and never what stands there."""
    dora = await desk.officer("dora")
    await dora.get("/policy/try")
    value = story.draft() | {"purpose": "Иванова"}
    page = await dora.post("/policy/try", {"draft_file": ijson.dumps(value)})
    assert (422, False) == (page.status, "Иванова" in page.text)


@pytest.mark.parametrize("path", DRAFTS, ids=lambda path: path.stem)
def test_the_comparison_reads_the_matrix_as_the_gateway_does(path: Path) -> None:
    """For the matrix in force and every purpose, the lines are those that decide what leaves."""
    value = ijson.loads(path.read_bytes())
    for purpose in MATRIX["elements"][0]["purposes"]:
        asked = {**value, "purpose": purpose}
        assert list(disclose(asked, purpose).lines) == supervisor.under(asked, MATRIX)
