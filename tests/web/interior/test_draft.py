"""A request written task by task: kept as typed, judged at its fields, handed in as a draft case and no further."""

import re
import struct
import time
from copy import deepcopy
from datetime import timedelta
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.desks import Desks
from gateway.services.account_store import WORK_LASTS, WORKS_MAX
from gateway.services.ports import Conflict, Unavailable
from gateway.services.steady import SteadyClock
from gateway.storage.desks import DeskStore
from schemas import ijson
from tests.support import homeward, story
from tests.support.pace import slowness
from tests.web.interior.drafts import brought_in, kept_bytes
from tests.web.support import Answer, Desk, Officer, form_of, links_of

ZONE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
"""The specimen of ICAO Doc 9303 part 4; Utopia is no State, so its issuer is left open."""


async def begun(officer: Officer) -> str:
    """Begin an empty request and return its address."""
    await officer.get("/requests/new")
    return (await officer.post("/requests/new")).path


async def saved(officer: Officer, path: str, task: str, fields: dict[str, Any], **more: str) -> Answer:
    """Open a task, change some fields of its form and save it."""
    page = await officer.get(f"{path}/{task}")
    kept = {name: value for name, value in form_of(page.text, f"{path}/{task}").items() if name.startswith("b.")}
    return await officer.post(f"{path}/{task}", {**kept, **fields, **more})


TASKS: dict[str, dict[str, Any]] = {
    "names": {
        "b.elements.names.rows": "1",
        "b.elements.names.0.use": "document",
        "b.elements.names.0.family": "Іваненко",
        "b.elements.names.0.given": "Олена",
        "b.elements.names.0.script": "uk-Cyrl",
    },
    "person": {
        "b.elements.birth_date": "2001-04?",
        "b.elements.birth_place.country": "XBB",
        "b.elements.birth_place.unit": "Northtown",
        "b.elements.sex": "2",
    },
    "question": {
        "b.purpose": "NATIONALITY",
        "b.method_limit": "M0",
        "b.no_contact_methods": "yes",
        "b.handling.use_restrictions": ["P0", "P1"],
        "b.handling.retain_until": "2027-06-30",
        "b.handling.onward": "none",
    },
    "gates": {
        "b.category": "subject",
        "b.age.class": "adult",
        "b.asylum.state": "none",
        "b.asylum.attested_by": "protection",
        "b.asylum.attested_on": "2026-11-20",
        "b.asylum.basis": "interview",
        "b.endangerment_check.result": "passed",
        "b.endangerment_check.by": "officer-9",
        "b.endangerment_check.on": "2026-11-20",
        "b.transfer_ground.code": "DOMESTIC_LAW",
        "b.transfer_ground.reference": "Act 1/2020",
        "b.consent.scope": "confirmation",
        "b.consent.language": "uk",
        "b.consent.by": "first",
        "b.consent.on": "2026-11-20",
    },
    "recipient": {"b.to": "XBB"},
    "officer": {"b.officer": "first"},
    "reason": {"b.justification": "documents lost"},
}


async def test_request_is_written_task_by_task(desk: Desk, first: Officer) -> None:
    """An empty request, each task filled in by its form, becomes a draft case whose file is what was typed."""
    path = await begun(first)
    assert "1 of 7 tasks that must be done are done" in (await first.get(path)).words
    for task, fields in TASKS.items():
        answer = await saved(first, path, task, fields)
        assert (answer.status, answer.path) == (200, path), (task, answer.words)
    assert "7 of 7 tasks that must be done are done" in (await first.get(path)).words
    assert "Іваненко" in (await first.get(f"{path}/review")).words
    answer = await first.post(f"{path}/review")
    ref = answer.path.split("/")[2]
    assert answer.path == f"/cases/{ref}/check"
    case = await story.case(desk.network, "XAA", ref)
    assert (case.state, case.officer, case.partner) == ("DRAFT", "first", "XBB")
    assert case.draft["elements"]["names"][0]["family"] == "Іваненко"
    assert case.draft["elements"]["birth_date"] == "2001-04?"
    assert case.draft["handling"]["use_restrictions"] == ["P0", "P1"]
    assert (await first.get(path)).status == 404  # what was handed in is no longer written at
    assert not (await desk.network.deliver()), "nothing was sent"


async def test_half_a_task_is_kept_and_told(first: Officer) -> None:
    """What is half done is kept as typed; the page names each field that is wrong, and 'later' lets it be."""
    path = await begun(first)
    answer = await saved(first, path, "person", {"b.elements.birth_date": "2001-13"})
    assert answer.status == 422
    assert "b.elements.birth_date" in [link.removeprefix("#") for link in links_of(answer.text)]
    answer = await first.get(f"{path}/person")
    assert form_of(answer.text, f"{path}/person")["b.elements.birth_date"] == "2001-13"
    answer = await saved(first, path, "person", {}, later="1")
    assert answer.path == path
    assert "In progress" in answer.words


async def test_summary_of_errors_leads_to_the_task(first: Officer) -> None:
    """What is missing at the end is listed, each with a link to the task and field where it is mended."""
    path = await brought_in(first)
    await saved(first, path, "reason", {"b.justification": ""}, later="1")
    await saved(first, path, "question", {"b.handling.retain_until": "2027-02-31"}, later="1")
    answer = await first.get(f"{path}/review")
    assert answer.status == 422
    led = links_of(answer.text)
    assert f"{path}/reason?problems=1#b.justification" in led
    assert f"{path}/question?problems=1#b.handling.retain_until" in led
    page = await first.get(f"{path}/question?problems=1")
    assert 'id="b.handling.retain_until"' in page.text
    assert "There is a problem" in page.words


@pytest.mark.parametrize(
    ("purpose", "wanted", "needed"), [("", True, 7), ("NATIONALITY", True, 7), ("DOC_AUTHENTICITY", False, 6)]
)
async def test_a_task_that_must_be_done_is_named_as_missing(
    first: Officer, purpose: str, wanted: bool, needed: int
) -> None:
    """List of tasks and list of what is missing agree on what must be done, and both go by what the question needs."""
    path = await begun(first)
    await saved(first, path, "question", {"b.purpose": purpose}, later="1")
    assert f"of {needed} tasks that must be done" in (await first.get(path)).words
    review = await first.get(f"{path}/review")
    led = [link for link in links_of(review.text) if link.startswith(f"{path}/")]
    named = {task: any(link.startswith(f"{path}/{task}?") for link in led) for task in ("names", "documents")}
    assert {"names": wanted, "documents": not wanted} == named
    assert "Age, as far as it is known: choose an answer" in review.words


async def test_protection_state_stops_everything(desk: Desk, first: Officer) -> None:
    """Any protection state but an attested none is a hard stop, said on task, list and check, and kept by the rules."""
    path = await brought_in(
        first, asylum={"state": "requested", "attested_by": None, "attested_on": None, "basis": None}
    )
    for page in (path, f"{path}/gates"):
        assert "Nothing can be sent about this person now" in (await first.get(page)).words
    assert "Nothing may leave" in (await first.get(path)).words
    page = await first.get(f"{path}/review")
    assert "R-01" in page.words
    assert "as the authority in charge of protection attests it" in page.words
    answer = await first.post(f"{path}/review")
    ref = answer.path.split("/")[2]
    second = await desk.officer("second")
    await second.get(f"/cases/{ref}/approve")
    page = await second.post(f"/cases/{ref}/look", {"why": "second pair of eyes", "back": f"/cases/{ref}/approve"})
    assert "This cannot be sent as it is" in page.words
    assert 'name="digest"' not in page.text


@pytest.mark.parametrize("birth_date", ["1388-01-28", "2011-04"])
async def test_a_date_of_birth_that_stands_against_the_age_is_named(first: Officer, birth_date: str) -> None:
    """Who wrote an age that is complete is told where else to look, and of years of another calendar."""
    path = await brought_in(first, elements={**story.ADULT["elements"], "birth_date": birth_date})
    review = await first.get(f"{path}/review")
    assert "Compare the date of birth" in review.words
    assert "in years of the common calendar" in review.words


async def test_who_represents_a_minor_needs_no_reference_of_a_hand(desk: Desk, first: Officer) -> None:
    """Nobody can write one that fits: a random one is made, kept, and is the same in the record that is opened."""
    path = await begun(first)
    minor = {**TASKS["gates"], "b.age.class": "minor", "b.age.treat_as_child": "yes"}
    minor |= {"b.representative.appointed_on": "2026-11-10", "b.representative.signed_by": "welfare"}
    for task, fields in {**TASKS, "gates": minor}.items():
        page = await saved(first, path, task, fields | ({"b.elements.birth_date": "2012"} if task == "person" else {}))
        assert path == page.path, (task, page.words)
    await first.get(f"{path}/review")
    opened = await first.post(f"{path}/review")
    case = await story.case(desk.network, "XAA", opened.path.split("/")[2])
    assert 22 == len(case.draft["representative"]["ref"])
    assert "R-07" not in opened.words


async def test_another_guardian_is_not_given_the_reference_of_the_one_before(desk: Desk, first: Officer) -> None:
    """Where the appointment changes under one reference it is asked whose it is, until that is said."""
    minor: dict[str, Any] = {**homeward.MINOR}
    ref = await desk.gateway.clear.new(story.draft(**minor), "first")
    await first.get(f"/cases/{ref}/amend")
    path, was = (await first.post(f"/cases/{ref}/amend", {"why": "another guardian"})).path, minor["representative"]
    name, found = "b.representative.ref", []
    for n, chosen in enumerate((0, 1)):
        page = await saved(first, path, "gates", {"b.representative.appointed_on": f"2026-11-0{n + 1}"})
        for _ in range(2):  # asked, and then left open
            assert 422 == page.status
            assert "Which guardian or representative this is: choose an answer" in page.words
            kept = form_of(page.text, f"{path}/gates")
            offered = re.findall(f'name="{name}" type="radio" value="(.+?)"', page.text)
            assert (2, "") == (len(offered), kept.get(name, ""))
            page = await first.post(f"{path}/gates", kept)
        await first.get(f"{path}/gates")
        assert path == (await first.post(f"{path}/gates", {**kept, name: offered[chosen]})).path
        found.append((form_of((await first.get(f"{path}/gates")).text, f"{path}/gates")[name], offered))
    assert [was["ref"], found[1][1][1]] == [one for one, _ in found]


async def test_a_guardian_left_unsaid_is_not_made_another_by_the_rest_of_the_record(desk: Desk, first: Officer) -> None:
    """Whoever left the question open, and went on with another task, is asked again; no new reference is made."""
    ref = await desk.gateway.clear.new(story.draft(**homeward.MINOR), "first")
    await first.get(f"/cases/{ref}/amend")
    path, name = (await first.post(f"/cases/{ref}/amend", {"why": "a slip"})).path, "b.representative.ref"
    await saved(first, path, "gates", {"b.representative.appointed_on": "2026-11-01"})
    assert path == (await saved(first, path, "person", {})).path
    page = await first.get(f"{path}/gates")
    assert "" == form_of(page.text, f"{path}/gates").get(name, "")
    page = await saved(first, path, "gates", {})
    assert (422, True) == (page.status, "Which guardian or representative this is: choose an answer" in page.words)
    assert homeward.MINOR["representative"]["ref"] in re.findall(f'name="{name}" type="radio" value="(.+?)"', page.text)


@pytest.mark.parametrize("again", ["pressed twice", "gone back to", "cleared, and gone back to"])
async def test_a_page_from_before_the_question_does_not_answer_it(desk: Desk, first: Officer, again: str) -> None:
    """A second click, or a page gone back to, brings the old reference with it: that says nothing of whose it is."""
    ref = await desk.gateway.clear.new(story.draft(**homeward.MINOR), "first")
    await first.get(f"/cases/{ref}/amend")
    path = (await first.post(f"/cases/{ref}/amend", {"why": "another guardian"})).path
    was = form_of((await first.get(f"{path}/gates")).text, f"{path}/gates")
    other = {"b.representative.appointed_on": "2026-11-01", "b.representative.signed_by": "Youth Court"}
    gone = dict.fromkeys(other, "")
    for typed in (gone if again.startswith("cleared") else other, other):
        await first.get(path)  # nothing that the question had on its page comes along
        page = await first.post(f"{path}/gates", {**was, **typed} | ({} if again == "pressed twice" else {"once": "o"}))
        assert (422, True) == (page.status, "Which guardian or representative this is: choose" in page.words)
    assert "" == form_of((await first.get(f"{path}/gates")).text, f"{path}/gates").get("b.representative.ref", "")


async def test_the_one_on_record_is_the_guardian_whom_the_draft_names_now(desk: Desk, first: Officer) -> None:
    """A page from before another one was named brings the old reference: who it was then is not on record any more."""
    ref = await desk.gateway.clear.new(story.draft(**homeward.MINOR), "first")
    await first.get(f"/cases/{ref}/amend")
    path = (await first.post(f"/cases/{ref}/amend", {"why": "another guardian"})).path
    was, name = form_of((await first.get(f"{path}/gates")).text, f"{path}/gates"), "b.representative.ref"
    offered = []
    for day in ("2026-11-01", "2026-11-02"):
        await first.get(path)
        page = await first.post(f"{path}/gates", {**was, "b.representative.appointed_on": day, "once": day})
        offered.append(re.findall(f'name="{name}" type="radio" value="(.+?)"', page.text))
        await first.post(f"{path}/gates", {**form_of(page.text, f"{path}/gates"), name: offered[-1][1]})
    assert [was[name], offered[0][1]] == [own for own, _ in offered]


async def test_what_is_too_short_is_not_called_missing(first: Officer) -> None:
    """Something stands there: the page says that it is not written as it has to be, and the note how."""
    path = await begun(first)
    given = {"b.representative.ref": "AZ 77/26", "b.representative.appointed_on": "2026-11-10"}
    page = await saved(first, path, "gates", {**TASKS["gates"], **given, "b.representative.signed_by": "welfare"})
    assert (422, False) == (page.status, "Reference: fill this in" in page.words)
    assert "Reference: this is not written as it has to be; the note beside the field says how" in page.words
    assert "Leave it empty: a random one is made." in page.words


async def test_latin_letters_are_suggested(first: Officer) -> None:
    """The recommended Latin form is filled in where nothing was typed, and the other spellings are listed."""
    path = await begun(first)
    page = await first.get(f"{path}/names")
    fields = {**TASKS["names"], "b.elements.names.0.latin.given": "Helen", "suggest": "0"}
    page = await first.post(f"{path}/names", fields)
    assert 1 == page.text.count(" data-focus")  # what is suggested is read first, and not the top of the page
    form = form_of(page.text, f"{path}/names")
    assert form["b.elements.names.0.latin.family"] == "IVANENKO"
    assert form["b.elements.names.0.latin.given"] == "Helen"
    assert "OLENA" in page.words
    answer = await first.post(
        f"{path}/names", {**TASKS["names"], "b.elements.names.0.script": "th-Thai", "suggest": "0"}
    )
    assert answer.status == 422
    assert "There is no table for this" in answer.words


async def test_no_latin_letters_are_made_of_what_is_no_name(first: Officer) -> None:
    """A field full of letters that have several outputs is too long, and nothing is made of it meanwhile."""
    path = await begun(first)
    await first.get(f"{path}/names")
    fields = {**TASKS["names"], "b.elements.names.0.family": "гийєїюя" * 5_000, "suggest": "0"}
    started = time.process_time()
    page = await first.post(f"{path}/names", fields)
    took = time.process_time() - started
    assert took < 0.3 * slowness()
    assert page.status == 422
    assert "this is too long" in page.words
    assert "There is no table for this" not in page.words


FOCUSED = re.compile(r'<fieldset [^>]*id="([^"]*)"[^>]*>\s*<legend [^>]*data-focus')
"""The part of a form whose title has the focus when its page is there."""


async def test_names_are_added_and_taken_away(first: Officer) -> None:
    """Rows are added and taken away by buttons that send the form, and what was typed stays."""
    path = await begun(first)
    await first.get(f"{path}/names")
    page = await first.post(f"{path}/names", {**TASKS["names"], "add": "b.elements.names"})
    form = form_of(page.text, f"{path}/names")
    assert form["b.elements.names.rows"] == "2"
    assert form["b.elements.names.0.family"] == "Іваненко"
    assert ["b.elements.names.1"] == FOCUSED.findall(page.text)  # nobody goes through the page again to the new row
    own = {name: value for name, value in form.items() if name.startswith("b.")}
    page = await first.post(f"{path}/names", {**own, "drop": "b.elements.names.0"})
    form = form_of(page.text, f"{path}/names")
    assert form["b.elements.names.rows"] == "1"
    assert form.get("b.elements.names.0.family", "") == ""
    assert ["b.elements.names"] == FOCUSED.findall(page.text)


async def test_a_name_that_is_wrong_as_a_whole_has_the_focus_and_says_so(first: Officer) -> None:
    """The line of the summary leads to the row, which can have the focus and whose description says what is wrong."""
    path, row = await begun(first), "b.elements.names.0"
    fields = {"b.elements.names.rows": "1", f"{row}.use": "document", f"{row}.script": "uk-Cyrl"}
    page = await saved(first, path, "names", fields)
    assert (422, True) == (page.status, f"#{row}" in links_of(page.text))
    assert f'id="{row}" tabindex="-1" aria-describedby="{row}-error"' in page.text
    assert f'<p class="govuk-error-message" id="{row}-error">' in page.text


async def test_each_field_of_a_list_has_an_id_of_its_own(first: Officer) -> None:
    """A label belongs to the first element of its id: of a row with one field, the field has it and not the row."""
    path = await begun(first)
    await first.get(f"{path}/person")
    page = await first.post(f"{path}/person", {"add": "b.claimed_origin"})
    ids = re.findall(r'\bid="([^"]*)"', page.text)
    assert (True, []) == ("b.claimed_origin.0" in ids, sorted({one for one in ids if ids.count(one) > 1}))


async def test_name_in_two_scripts_is_told(first: Officer) -> None:
    """A word that mixes letters of two scripts is told at its field: it looks like another name."""
    path = await begun(first)
    answer = await saved(first, path, "names", {**TASKS["names"], "b.elements.names.0.family": "Ivanенко"})
    assert answer.status == 422
    assert "#b.elements.names.0.family" in links_of(answer.text)


async def test_machine_readable_lines_are_read(first: Officer) -> None:
    """Kind and number come from the lines of a document; one wrong character and nothing is taken."""
    path = await begun(first)
    await first.get(f"{path}/documents")
    page = await first.post(f"{path}/documents", {"mrz": ZONE, "read": "mrz"})
    form = form_of(page.text, f"{path}/documents")
    assert (form["b.elements.document.type"], form["b.elements.document.number"]) == ("P", "L898902C3")
    page = await first.post(f"{path}/documents", {"mrz": ZONE.replace("L898902C3", "L898902C4"), "read": "mrz"})
    assert page.status == 422
    assert "The check digits do not fit" in page.words


@pytest.mark.parametrize("right", ["6", "\u0666"])
async def test_check_digit_is_compared(first: Officer, right: str) -> None:
    """A number whose check digit is another is told; the right one goes on, in the digits of any script."""
    path = await begun(first)
    fields = {
        "b.elements.document.type": "P",
        "b.elements.document.number": "L898902C3",
        "b.elements.document.issuer": "XBB",
    }
    answer = await saved(first, path, "documents", fields, digit="5")
    assert answer.status == 422
    assert "#digit" in links_of(answer.text)
    answer = await saved(first, path, "documents", fields, digit=right)
    assert (answer.status, answer.path) == (200, path)


async def test_only_contactable_states_can_be_chosen(desk: Desk, first: Officer) -> None:
    """A State on the no-contact list is no choice, is named as such, and is refused when posted all the same."""
    desk.site.desk.context.listed = frozenset({"XBB"})
    path = await begun(first)
    page = await first.get(f"{path}/recipient")
    assert "These States may not be contacted now" in page.words
    assert 'value="XBB"' not in page.text
    answer = await first.post(f"{path}/recipient", {"b.to": "XBB"})
    assert answer.status == 422


async def test_request_is_its_writer_s_alone(desk: Desk, first: Officer) -> None:
    """Another officer finds nothing at the address, and nothing of it lies open in the file."""
    path = await brought_in(first)
    second = await desk.officer("second")
    for tail in ("", "/names", "/review", "/discard"):
        assert (await second.get(path + tail)).status == 404
    assert "begun nothing" in (await second.get("/requests/new")).words
    assert "Иванова".encode() not in kept_bytes(desk)


async def test_roles_without_cases_write_no_request(desk: Desk) -> None:
    """Who opens no case finds no pages to write one."""
    signer = await desk.officer("signer")
    assert (await signer.get("/requests/new")).status == 403


async def test_what_was_begun_is_discarded_after_a_question(first: Officer) -> None:
    """Deleting asks first, says that nothing was deleted yet, and then it is gone."""
    path = await brought_in(first)
    page = await first.get(f"{path}/discard")
    assert "Nothing has been deleted yet" in page.words
    await first.post(f"{path}/discard")
    assert (await first.get(path)).status == 404


async def test_work_is_swept_after_a_month(desk: Desk, first: Officer) -> None:
    """What is left alone for a month is deleted; what was changed since is kept."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    old = await accounts.papers.begin_work("first", [("b.to", "XBB")], now)
    kept = await accounts.papers.begin_work("first", [("b.to", "XBB")], now)
    later = now + WORK_LASTS + timedelta(days=1)
    await accounts.papers.save_work(kept, [("b.to", "XBB")], later - timedelta(days=2))
    await accounts.sweep(later)
    assert await accounts.papers.find_work("first", old.id) is None
    assert await accounts.papers.find_work("first", kept.id) is not None


async def test_work_is_not_swept_by_a_clock_that_is_not_believed(desk: Desk, first: Officer) -> None:
    """One that leapt by months takes nothing away that somebody has begun."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    begun = await accounts.papers.begin_work("first", [("b.to", "XBB")], now)
    SteadyClock(desk.site.desk.context)
    desks = Desks(desk.site, cast(DeskStore, accounts.store), web.Application(), {})
    await desks.sweep(now + 2 * WORK_LASTS)
    assert await accounts.papers.find_work("first", begun.id) is not None


async def test_much_that_was_begun_is_enough(desk: Desk, first: Officer) -> None:
    """Nobody can begin without end; the refusal is a page."""
    for _ in range(WORKS_MAX):
        await desk.site.accounts.papers.begin_work("first", [], desk.network.clock.now())
    await first.get("/requests/new")
    assert (await first.post("/requests/new")).status == 409


async def test_second_change_of_two_at_once_is_told(desk: Desk) -> None:
    """Of two changes to the same state of a request the later one is refused and nothing is lost silently."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    work = await accounts.papers.begin_work("first", [], now)
    await accounts.papers.save_work(work, [("b.to", "XBB")], now)
    with pytest.raises(Conflict):
        await accounts.papers.save_work(work, [("b.to", "XCC")], now)


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"<xml/>",
    "an array": b"[]",
    "a number": b"1",
    "a member twice": b'{"to":"XBB","to":"XBB"}',
    "not UTF-8": b"\xff\xfe{}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "very deep": b'{"a":' * 20000 + b"1" + b"}" * 20000,
    "deep array": b'{"a":' + b"[" * 50000 + b"]" * 50000 + b"}",
    "a huge number": b'{"a":1e999}',
    "a lone surrogate": b'{"a":"\\ud800"}',
    "NaN": b'{"a":NaN}',
    "an unknown member": ijson.dumps({**story.draft(), "approve": True}),
    "a binary": struct.pack("<1000I", *range(1000)),
    "a direction character": ijson.dumps(story.draft(justification="lost \u202e documents")),
    "a control character": ijson.dumps(story.draft(justification="lost \u0007 documents")),
    "a private character": ijson.dumps(story.draft(national={"notes": "\ue000"})),
    "too long a text": ijson.dumps(story.draft(justification="x" * 2001)),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_file_is_refused_whole(desk: Desk, first: Officer, name: str) -> None:
    """A file that is no case draft is refused on the page it came from; nothing of it is kept or quoted."""
    await first.get("/requests/new")
    answer = await first.post("/requests/import", {"file": HOSTILE[name]})
    assert answer.status == 422, answer.words
    assert "There is a problem" in answer.words
    assert list(await desk.site.accounts.papers.works("first")) == []
    assert not [line for line in desk.network.logs if line[0] == "gateway.fault"]


async def test_file_that_is_too_large_is_refused(first: Officer) -> None:
    """A file beyond the limit is refused before it is read."""
    await first.get("/requests/new")
    answer = await first.post("/requests/import", {"file": b" " * (256 * 1024 + 1)})
    assert answer.status == 413


async def test_draft_case_is_amended_by_the_same_tasks(desk: Desk, first: Officer) -> None:
    """A draft is taken up for a recorded reason, changed in one task and handed in; its approval is void."""
    ref = await story.cleared(desk.network)
    page = await first.get(f"/cases/{ref}/amend")
    assert "Иванова" not in page.text
    assert (await first.post(f"/cases/{ref}/amend", {"why": ""})).status == 422
    answer = await first.post(f"/cases/{ref}/amend", {"why": "a spelling to set right"})
    path = answer.path
    looks = [row for row in await desk.gateway.inquiries.audit(ref=ref) if row.action == "view"]
    assert [one.person for one in looks] == ["first"]
    await saved(first, path, "person", {"b.elements.birth_date": "2001-05-XX"})
    await first.get(f"{path}/review")
    answer = await first.post(f"{path}/review")
    assert answer.path == f"/cases/{ref}/check"
    case = await story.case(desk.network, "XAA", ref)
    assert (case.state, case.draft["elements"]["birth_date"]) == ("DRAFT", "2001-05-XX")
    assert case.pending is not None
    assert case.pending.approver is None
    assert case.draft["national"] == story.draft()["national"]


async def test_sent_case_is_not_amended(desk: Desk, first: Officer) -> None:
    """What was sent is not changed here, and the page says what can be done."""
    ref = await story.sent(desk.network)
    assert (await first.get(f"/cases/{ref}/amend")).status == 409


async def test_double_submit_opens_one_case(desk: Desk, first: Officer) -> None:
    """The same form sent twice opens one case, and both lead to it."""
    path = await brought_in(first)
    page = await first.get(f"{path}/review")
    fields = form_of(page.text, f"{path}/review")
    answers = [await first.send("POST", f"{path}/review", data=fields) for _ in range(2)]
    assert [one.status for one in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    assert len(await desk.gateway.inquiries.cases(states=("DRAFT",))) == 1


async def test_two_tabs_open_one_case(desk: Desk, first: Officer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written once is one case, from whichever page; what was changed after it is said not to be in it."""
    path = await brought_in(first)

    async def stays(*_: Any) -> None:
        raise Unavailable("the store is busy", "")

    monkeypatch.setattr(
        type(desk.site.accounts.papers), "drop_work", stays
    )  # what was written is still there after the case was opened
    forms = [form_of((await first.get(f"{path}/review")).text, f"{path}/review") for _ in range(2)]
    answers = [await first.send("POST", f"{path}/review", data=fields) for fields in forms]
    await saved(first, path, "person", {"b.elements.birth_date": "2001-05-XX"})
    await first.get(f"{path}/review")
    last = await first.post(f"{path}/review")
    assert [303, 303] == [one.status for one in answers]
    assert 1 == len({one.location for one in answers} | {last.path})
    assert "Later changes are not in it." in last.words
    assert len(await desk.gateway.inquiries.cases(states=("DRAFT",))) == 1


async def test_no_identity_in_address_or_title(first: Officer) -> None:
    """While a request is written, no address and no title says anything of the person."""
    path = await brought_in(first)
    for task in ("", "/names", "/person", "/review"):
        page = await first.get(path + task)
        title = page.text.partition("<title>")[2].partition("</title>")[0]
        assert "Иванова" not in title
        assert "IVANOVA" not in title
        assert not [link for link in links_of(page.text) if "IVANOVA" in link.upper()]


async def test_what_was_typed_survives_the_end_of_a_session(desk: Desk, first: Officer) -> None:
    """If the session ends while a task is filled in, the fields stand there again after signing in, also several."""
    path = await begun(first)
    await first.get(f"{path}/question")
    desk.network.clock.pass_(minutes=20)
    answer = await first.post(f"{path}/question", TASKS["question"], follow=False)
    assert answer.status == 303
    assert answer.location.startswith("/sign-in")
    again = await desk.officer("first")
    page = await again.get(f"{path}/question")
    for name in ("P0", "P1"):
        assert re.search(rf'name="b.handling.use_restrictions" type="checkbox" value="{name}" checked', page.text)
    assert form_of(page.text, f"{path}/question")["b.handling.retain_until"] == "2027-06-30"
    assert "What you typed before stands here again" in page.words  # it is not saved yet, and looks as if it were
    assert "stands here again" not in (await again.get(f"{path}/question")).words


async def test_indication_is_not_written_away(desk: Desk, first: Officer) -> None:
    """A protection state that was written down cannot be amended to none; the page says which rule and what to do."""
    asylum = {"state": "indicated", "attested_by": None, "attested_on": None, "basis": None}
    ref = await desk.gateway.clear.new(story.draft(asylum=asylum), "first")
    await first.get(f"/cases/{ref}/amend")
    path = (await first.post(f"/cases/{ref}/amend", {"why": "to correct it"})).path
    await saved(first, path, "gates", {name: TASKS["gates"][name] for name in TASKS["gates"] if "asylum" in name})
    await first.get(f"{path}/review")
    answer = await first.post(f"{path}/review")
    assert answer.status == 422
    assert "A rule refuses this" in answer.words
    assert (await story.case(desk.network, "XAA", ref)).draft["asylum"]["state"] == "indicated"
    assert (await first.get(path)).status == 200  # what was written is still there


CONSENT = {"scope": "confirmation of nationality", "language": "ru", "by": "first", "on": "2026-11-20"}
COPIED = {"method_limit": "M2", "consent": {**CONSENT, "revoked_on": None}}
MEANWHILE = {
    "a failed check of danger": {"endangerment_check": {"result": "failed", "by": "officer-9", "on": "2026-11-25"}},
    "a consent taken back": {"consent": {**CONSENT, "revoked_on": "2026-11-25"}},
    "no visit to the family": {"method_limit": "M0"},
    "protection not known any more": {
        "asylum": {"state": "unknown", "attested_by": None, "attested_on": None, "basis": None}
    },
}


async def _copied(desk: Desk, first: Officer) -> tuple[str, str]:
    """Open a case and take its draft up; return its reference and the address of the copy."""
    ref = await desk.gateway.clear.new(story.draft(**COPIED), "first")
    await first.get(f"/cases/{ref}/amend")
    return ref, (await first.post(f"/cases/{ref}/amend", {"why": "a spelling to set right"})).path


async def test_what_was_typed_in_a_copy_is_there_once_the_reason_is_given_again(desk: Desk, first: Officer) -> None:
    """Its reason is over with the session: the page that asks for it says what waits, and leads back to just that."""
    _, path = await _copied(desk, first)
    await first.get(f"{path}/reason")
    desk.network.clock.pass_(minutes=20)
    await first.post(f"{path}/reason", {"b.justification": "Typed before lunch"})
    again = await desk.officer("first")
    page = await again.get(f"{path}/reason")
    assert "/amend" in page.path
    assert "What you typed is kept" in page.words
    page = await again.post(page.path.partition("?")[0], {"why": "to go on"})
    assert f"{path}/reason" == page.path
    assert "Typed before lunch" == page.form(page.path)["b.justification"]


async def test_the_reason_for_a_copy_is_kept_with_the_copy_it_is_for(desk: Desk, first: Officer) -> None:
    """Whose session ends over that page finds the words typed again, and goes on with the copy that was begun."""
    ref, path = await _copied(desk, first)
    desk.network.clock.pass_(minutes=20)
    again = await desk.officer("first")
    asked = await again.get(f"{path}/names")
    desk.network.clock.pass_(minutes=20)
    await again.post(asked.path.partition("?")[0], {"why": "to go on after lunch"})
    later = await desk.officer("first")
    page = await later.get(f"/cases/{ref}/amend")
    why = page.form(page.path)["why"]
    assert ("to go on after lunch", f"{path}/names") == (why, (await later.post(page.path, {"why": why})).path)


async def test_the_tasks_of_a_copy_do_not_tell_of_protection(desk: Desk) -> None:
    """That it was asked for is content of the case: the task says it for a reason, and the list does not."""
    first = await desk.officer("first")
    asked = {"state": "requested", "attested_by": None, "attested_on": None, "basis": None}
    ref = await desk.gateway.clear.new(story.draft(asylum=asked), "first")
    await first.get(f"/cases/{ref}/amend")
    path = (await first.post(f"/cases/{ref}/amend", {"why": "a spelling to set right"})).path
    assert "Nothing can be sent" in (await first.get(f"{path}/gates")).words
    desk.network.clock.pass_(minutes=20)
    words = (await (await desk.officer("first")).get(path)).words
    assert "Check what will leave" in words
    assert [] == [text for text in ("Nothing may leave", "Nothing can be sent") if text in words]


async def test_the_case_is_stopped_from_every_page_of_a_copy(desk: Desk, first: Officer) -> None:
    """One press leads to the step that stops the case while its draft is being changed, and it is taken there."""
    ref, path = await _copied(desk, first)
    stop = f"/cases/{ref}/steps/freeze"
    pages = ["", "/review", "/discard", *(f"/{task}" for task in (*TASKS, "documents"))]
    assert [] == [page for page in pages if stop not in links_of((await first.get(path + page)).text)]
    await saved(first, path, "reason", {"b.justification": ""}, later="1")
    assert stop in links_of((await first.get(f"{path}/review")).text)  # something is missing
    await saved(first, path, "reason", {"b.justification": "documents lost"})
    await desk.gateway.clear.amend(ref, story.draft(method_limit="M0"), "second", "liaison_officer")
    assert stop in links_of((await first.get(f"{path}/review")).text)  # somebody changed it meanwhile
    form = (await first.get(stop)).form(stop)
    await first.post(stop, {"b.reason": form["b.reason"]})
    assert "FROZEN" == await story.state(desk.network, "XAA", ref)


async def test_a_new_request_is_no_case_that_could_be_stopped(first: Officer) -> None:
    """Where nothing is open yet there is nothing to stop: what was begun is deleted."""
    path = await brought_in(first)
    for page in ("", "/review", "/discard", "/gates"):
        assert [] == [link for link in links_of((await first.get(path + page)).text) if "freeze" in link]


@pytest.mark.parametrize("what", MEANWHILE)
async def test_a_copy_does_not_undo_what_a_colleague_recorded(desk: Desk, first: Officer, what: str) -> None:
    """What was recorded since stays recorded and is shown; once it is taken into the copy, the rest is handed in."""
    ref, path = await _copied(desk, first)
    await saved(first, path, "person", {"b.elements.birth_date": "2001-05-XX"})
    now = story.draft(**{**COPIED, **MEANWHILE[what]})
    await desk.gateway.clear.amend(ref, now, "second", "liaison_officer")
    page = await first.get(f"{path}/review")
    assert (409, True) == (page.status, "Recorded now" in page.words)
    assert now == (await story.case(desk.network, "XAA", ref)).draft
    assert f"/requests/{path.rpartition('/')[2]}" == (await first.post(f"{path}/review")).path
    await first.get(f"{path}/review")
    await first.post(f"{path}/review")
    elements = {**now["elements"], "birth_date": "2001-05-XX"}
    assert {**now, "elements": elements} == (await story.case(desk.network, "XAA", ref)).draft


async def test_a_draft_that_changes_on_the_way_is_not_replaced(desk: Desk, first: Officer) -> None:
    """The last page was open when somebody else changed the case: nothing of theirs is undone."""
    ref, path = await _copied(desk, first)
    await first.get(f"{path}/review")
    await desk.gateway.clear.amend(ref, story.draft(method_limit="M0"), "second", "liaison_officer")
    assert 409 == (await first.post(f"{path}/review")).status
    assert "M0" == (await story.case(desk.network, "XAA", ref)).draft["method_limit"]


async def test_both_changed_the_same_part_and_what_is_recorded_goes_before(desk: Desk, first: Officer) -> None:
    """Of a name, an image or a consent never half is one person's and half another's."""
    ref, path = await _copied(desk, first)
    names = story.draft()["elements"]["names"]
    await saved(first, path, "names", {"b.elements.names.0.given": "Typed"})
    theirs = deepcopy(story.draft(**COPIED))
    theirs["elements"]["names"] = [*names, {**names[0], "given": "Recorded"}]
    await desk.gateway.clear.amend(ref, theirs, "second", "liaison_officer")
    page = await first.get(f"{path}/review")
    assert ("Typed" in page.words, "Recorded" in page.words) == (True, True)
    await first.post(f"{path}/review")
    await first.get(f"{path}/review")
    await first.post(f"{path}/review")
    assert theirs == (await story.case(desk.network, "XAA", ref)).draft


async def _of_an_earlier_version(desk: Desk, path: str) -> None:
    """Leave the copy at ``path`` as a version left it that did not keep what was copied."""
    accounts = desk.site.accounts
    work = await accounts.papers.find_work("first", path.rpartition("/")[2])
    assert work is not None
    sealed = ijson.dumps({"fields": [list(pair) for pair in work.fields]})
    assert await accounts.store.save_work(work, accounts.vault.seal_own("work", f"first|{work.id}", "sealed", sealed))


async def test_a_copy_of_an_earlier_version_keeps_what_was_typed(desk: Desk, first: Officer) -> None:
    """It does not tell what was copied: what differs is shown, and it is not said that somebody changed the case."""
    ref, path = await _copied(desk, first)
    await saved(first, path, "person", {"b.elements.birth_date": "2001-05-XX"})
    await _of_an_earlier_version(desk, path)
    page = await first.get(f"{path}/review")
    assert (409, True, False) == (page.status, "it is not known" in page.words, "Somebody changed" in page.words)
    await first.post(f"{path}/review")
    await first.get(f"{path}/review")
    await first.post(f"{path}/review")
    expected = deepcopy(story.draft(**COPIED))
    expected["elements"]["birth_date"] = "2001-05-XX"
    assert expected == (await story.case(desk.network, "XAA", ref)).draft


async def test_what_a_copy_of_an_earlier_version_would_undo_is_shown(desk: Desk, first: Officer) -> None:
    """What a colleague recorded meanwhile stands on the page, and a change after it was seen is shown as any other."""
    ref, path = await _copied(desk, first)
    await _of_an_earlier_version(desk, path)
    await desk.gateway.clear.amend(ref, story.draft(**COPIED | {"method_limit": "M0"}), "second", "liaison_officer")
    page = await first.get(f"{path}/review")
    assert (409, True) == (page.status, "Recorded now" in page.words)
    again = story.draft(**COPIED | MEANWHILE["a failed check of danger"])
    await desk.gateway.clear.amend(ref, again, "second", "liaison_officer")
    await first.post(f"{path}/review")
    assert again == (await story.case(desk.network, "XAA", ref)).draft
    await first.get(f"{path}/review")
    await first.post(f"{path}/review")
    await desk.gateway.clear.amend(ref, story.draft(**COPIED), "second", "liaison_officer")
    assert "Somebody changed" in (await first.get(f"{path}/review")).words
