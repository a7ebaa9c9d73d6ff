"""The page of a return: who sees which part of it, in words, and what has been signed until when."""

import pytest

import schemas
from gateway.core.case import Side, State
from gateway.core.messages import DOCUMENT_REQUEST, HANDOVER, SCHEDULE, TAKE_BACK
from gateway.services.acts import RETURN_DESK, RETURN_PARTS
from gateway.services.reading import part_of_return
from gateway.web.interior.returns import RETURNS, SAID
from tests.core.return_support import case_in
from tests.support import homeward, story
from tests.web.interior.case_support import WHY, everybody, looked, personal, read, recorded
from tests.web.support import Desk, links_of

SECTIONS = {type: type.replace(".", "-") for type in SAID}


def said_on(html: str) -> set[str]:
    """Return the types of the messages that a page shows."""
    return {type for type, id in SECTIONS.items() if f'<section aria-labelledby="{id}"' in html}


@pytest.mark.parametrize("side", list(Side))
async def test_each_role_sees_its_part(both: tuple[Desk, Desk], side: Side) -> None:
    """Desks and who decides see the whole; escort, reception and issuer the messages of their act; others nothing."""
    desk = both[0] if side is Side.REQUESTING else both[1]
    ours, theirs = await homeward.handed_over(desk.network, minor=True)
    ref = ours if side is Side.REQUESTING else theirs
    said = set((await read(desk.network, desk.country, ref)).said)
    assert {SCHEDULE, HANDOVER, DOCUMENT_REQUEST} <= said
    for name in everybody():
        roles = desk.site.desk.context.persons[name].roles
        officer = await desk.officer(name)
        if not roles & RETURNS:
            assert 403 == (await officer.get(f"/cases/{ref}/return")).status, name
            continue
        if roles & {"guardian", "lawyer"}:
            continue  # they see the cases of those they represent: the next test
        answer = await looked(officer, ref, "/return")
        assert 200 == answer.status, (name, answer.words)
        whole = bool(roles & RETURN_DESK)
        mine = said if whole else said & frozenset().union(*(RETURN_PARTS[role] for role in roles))
        assert mine == said_on(answer.text), name
        has_record = side is Side.REQUESTING and whole
        assert has_record == ('id="record"' in answer.text), name
        assert whole == ("How far it is" in answer.words), name
        assert (name, "view", WHY) == (await recorded(desk.network, desk.country, ref))[-1]
    if side is Side.REQUESTED:
        day = (await story.row(desk.network, desk.country, ref)).due_on
        reception = await desk.officer("reception")
        assert "Waiting for The last report Time" in (await reception.get(f"/cases/{ref}")).words
        page = await reception.get(f"/cases/{ref}/steps/report")
        assert f"Not before {day} , six months after the handover." in page.words
        known = (await read(desk.network, desk.country, ref)).said
        await story.put(desk.network, desk.country, ref, State.RECALL, said={**known, TAKE_BACK: {"by": "2026-12-16"}})
        assert "2026-12-16" not in (await reception.get(f"/cases/{ref}/steps/report")).words


async def test_representative_sees_the_whole(both: tuple[Desk, Desk]) -> None:
    """The guardian whom the file names sees the return, and the lawyer whom it does not name sees no case."""
    desk, _ = both
    file = {**homeward.MINOR, "representative": {**homeward.MINOR["representative"], "signed_by": "guardian"}}
    ours, theirs = await story.acknowledged(desk.network, handling=homeward.HANDLING, **file)
    await story.give_answer(desk.network, theirs, story.reply())
    await desk.network.deliver()
    returning = desk.gateway.returning
    await returning.consider(ours, homeward.record(minor=True), "first", "case_officer")
    answer = await looked(await desk.officer("guardian"), ours, "/return")
    assert 200 == answer.status
    assert "Our record of the return" in answer.words
    assert 404 == (await looked(await desk.officer("lawyer"), ours, "/return")).status


async def test_nothing_without_a_reason(both: tuple[Desk, Desk]) -> None:
    """No word of record, messages or signatures before a reason is given, for any role."""
    desk, _ = both
    ours, _ = await homeward.handed_over(desk.network)
    before = await recorded(desk.network, "XAA", ours)
    for name in everybody():
        answer = await (await desk.officer(name)).get(f"/cases/{ours}/return")
        assert set() == said_on(answer.text)
        assert [] == personal(answer.text)
        assert "Northtown" not in answer.text
        assert "Return Council" not in answer.text
    assert before == await recorded(desk.network, "XAA", ours)


async def test_messages_are_read_by_their_codes(both: tuple[Desk, Desk]) -> None:
    """What was said stands in words: codes by their texts, instants in the desk's zone, yes and no."""
    desk, _ = both
    ours, _ = await homeward.handed_over(desk.network, minor=True)
    text = (await looked(await desk.officer("first"), ours, "/return")).words
    for wanted in (
        "From 2026-12-10 until 2027-02-28",
        schemas.codes("carer_class")["RELATIVE"]["en"],
        schemas.codes("identity_check")["TRAVEL_DOCUMENT"]["en"],
        schemas.codes("conclusion_kind")["best_interests"]["en"],
        "2026-12-14 13:10 UTC+01:00",
        "Northtown",
        "Return Council",
    ):
        assert wanted in text
    assert "RELATIVE" not in text
    assert "BEST_INTERESTS" not in text
    assert "True" not in text


async def test_signatures_say_until_when(both: tuple[Desk, Desk]) -> None:
    """Each release stands with its State, its role and the instant it counts until; one that has passed says so."""
    desk, _ = both
    ours, theirs = await homeward.proposed(desk.network, minor=True, days=10)
    await homeward.accept(desk.network, theirs, minor=True, days=60)
    await desk.network.deliver()
    officer = await desk.officer("first")
    text = (await looked(officer, ours, "/return")).words
    assert "Consent of the sending side to a return This State Welfare authority Until 2026-12-05" in text
    assert "Consent of the receiving side to a return The other State Welfare authority Until 2027-01-24" in text
    desk.network.clock.pass_(days=11)
    officer = await desk.officer("first")
    text = (await looked(officer, ours, "/return")).words
    assert "Ended on 2026-12-05" in text
    assert "Until 2027-01-24" in text


async def test_prepared_body_is_shown_with_its_digest(both: tuple[Desk, Desk]) -> None:
    """What is prepared and not sent stands apart from what was said, with the digest that is signed."""
    desk, _ = both
    ours, _ = await homeward.prepared(desk.network)
    pending = (await read(desk.network, "XAA", ours)).pending
    assert pending is not None
    answer = await looked(await desk.officer("second"), ours, "/return")
    assert "Prepared, and not sent: Proposal of a return" in answer.words
    assert pending.digest in answer.text
    assert set() == said_on(answer.text)


@pytest.mark.parametrize("side", list(Side))
async def test_page_stands_in_every_state(both: tuple[Desk, Desk], side: Side) -> None:
    """Every role that sees a part of the return gets its page in whatever state the case is."""
    desk = both[0] if side is Side.REQUESTING else both[1]
    ours, theirs = await homeward.handed_over(desk.network)
    ref = ours if side is Side.REQUESTING else theirs
    people = [await desk.officer(name) for name in ("first", "coordinator", "escort", "reception", "issuer", "court")]
    for one in people:
        await looked(one, ref, "/return")
    for state in State:
        if state is State.ERASED:
            continue
        await story.put(desk.network, desk.country, ref, state)
        for one in people:
            answer = await one.get(f"/cases/{ref}/return")
            assert 200 == answer.status, (state, one.name, answer.words)
            assert (state is not State.BLOCKED) == bool(said_on(answer.text)), (state, one.name)


async def test_a_verification_has_no_return_yet(both: tuple[Desk, Desk]) -> None:
    """Before a reply no tab leads to a return, and the page that is typed in says that there is none."""
    desk, _ = both
    ours, _ = await story.acknowledged(desk.network)
    officer = await desk.officer("first")
    assert f"/cases/{ours}/return" not in links_of((await officer.get(f"/cases/{ours}")).text)
    text = (await looked(officer, ours, "/return")).words
    assert "No authority has signed yet." in text


def test_a_role_that_sees_nothing_of_a_return_gets_no_part() -> None:
    """There is no part for a role that neither list names."""
    case = case_in(Side.REQUESTING, State.PROPOSED)
    assert case.said == part_of_return(case, "case_officer").said
    with pytest.raises(KeyError):
        part_of_return(case, "foreign_affairs")
