"""An image on its way: drawn anew, shown, approved by the digest of the body, sent, taken, and erased in time."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

import schemas
from gateway.cli.evidence_file import verify_bytes
from gateway.core.attachments import MEMBERS, NotRendered, Rendition, has_images
from gateway.core.case import Pending, State
from gateway.core.envelope import SIZES, envelope_bytes
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.messages import DOCUMENT_REQUEST
from gateway.services import cases, rights
from gateway.services.context import Forbidden, Person
from gateway.services.evidence import export
from gateway.services.journal import full_journal
from gateway.services.ports import Tx, Unavailable
from keys import b64
from schemas import ijson
from tests.support import pictures, story
from tests.support.network import Network

FILE = pictures.with_notes()
DOCUMENT = {"type": "P", "number": "X1234567", "issuer": "XBB"}


class Renderer:
    """Draws in this process, or fails by ``code``; keeps how often it was asked."""

    def __init__(self, code: str = "") -> None:
        self.code, self.asked = code, 0

    async def render(self, raw: bytes, member: str) -> Rendition:
        self.asked += 1
        if self.code:
            raise NotRendered(self.code)
        return pictures.rendition(member, raw)


@pytest.fixture(autouse=True)
def renderers(network: Network) -> dict[str, Renderer]:
    """Give each gateway a renderer without a process; ``test_render`` has the real one."""
    made = {}
    for country, gateway in network.gateways.items():
        made[country] = gateway.clear.images.renderer = Renderer()
    return made


def of_document(**changes: Any) -> dict[str, Any]:
    """Return a draft that asks about a document."""
    draft = story.draft(**changes)
    return {**draft, "purpose": "DOC_AUTHENTICITY", "elements": {**draft["elements"], "document": DOCUMENT}}


async def opened(network: Network, draft: dict[str, Any] | None = None, member: str = "document_image") -> str:
    """Open a case in XAA and bring an image into it."""
    ref = await network.gateways["XAA"].clear.new(draft or of_document(), "first")
    await network.gateways["XAA"].clear.images.attach(ref, member, FILE, "first")
    return ref


async def approve(network: Network, ref: str, kind: str = "request.approval") -> None:
    """Approve what is prepared in XAA's case by a second person."""
    gateway = network.gateways["XAA"]
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", kind, "liaison_officer")
    await gateway.clear.approve(ref, signed, "second")


async def arrived(network: Network, ref: str) -> str:
    """Approve, send and deliver; return the case in XBB."""
    await approve(network, ref)
    await network.gateways["XAA"].clear.send(ref, "first")
    await network.deliver()
    return await story.twin(network, ref)


async def test_image_travels_as_it_was_drawn(network: Network) -> None:
    """What arrives is what was drawn and approved, byte for byte, and no byte of the file's notes."""
    ref = await opened(network)
    ours = await story.case(network, "XAA", ref)
    theirs = await story.case(network, "XBB", await arrived(network, ref))
    assert ours.renditions["document_image"]["wire"] == theirs.received["elements"]["document_image"]
    for page in theirs.received["elements"]["document_image"]["pages"]:
        assert pictures.AUTHOR.encode() not in b64.decode(page["content"])
    assert {"document", "document_image"} == set(theirs.received["elements"])


async def test_message_with_a_document_fills_its_class(network: Network) -> None:
    """The envelope has one of the four sizes, as every other."""
    await arrived(network, await opened(network))
    sizes = {len(body) for _, path, body in network.wires.posted if path == "/xg/1/messages"}
    assert sizes <= {envelope_bytes(1, size) for size in SIZES}
    assert envelope_bytes(1, SIZES[2]) in sizes


async def test_preview_says_the_image(network: Network) -> None:
    """The preview has a line for the image, and its body the image; the digest is that of the whole body."""
    ref = await opened(network)
    preview, _ = await network.gateways["XAA"].clear.show(ref, "second", "liaison_officer")
    (line,) = [line for line in preview.lines if line.member == "document_image"]
    assert ("sent", "-") == (line.status, line.rule)
    assert () == preview.findings
    schemas.validate("verification.request", ijson.loads(preview.body.encode()))


async def test_another_image_voids_the_approval(network: Network) -> None:
    """Whoever approved, approved one image; with another in its place it has to be approved again."""
    ref = await opened(network)
    await approve(network, ref)
    assert "CLEARED" == await story.state(network, "XAA", ref)
    await network.gateways["XAA"].clear.images.attach(ref, "document_image", pictures.jpeg(), "first")
    case = await story.case(network, "XAA", ref)
    assert ("DRAFT", None) == (case.state, case.pending.approver)


async def test_body_with_another_image_is_not_sent(network: Network) -> None:
    """Bytes that are not the rendition of the case are refused on the way out, whoever put them into the body."""
    ref = await opened(network)
    gateway = network.gateways["XAA"]
    other = pictures.rendition("document_image", pictures.jpeg(quality=30)).kept

    async def plant(tx: Tx) -> None:
        held = await cases.load(gateway.context, tx, ref)
        kept = {**held.case.renditions, "document_image": {**other, "of": held.case.renditions["document_image"]["of"]}}
        await cases.note(
            gateway.context, tx, held, replace(held.case, renditions=kept), "t", "first", network.clock.now()
        )

    await gateway.context.commit(plant)
    with pytest.raises(RuleRefused) as refused:
        await approve(network, ref)
    assert {"MIN-1"} == {finding.rule for finding in refused.value.findings}


async def test_file_is_kept_nowhere(network: Network) -> None:
    """Neither the store nor the log has the file or a word of it."""
    ref = await opened(network)
    case = await story.case(network, "XAA", ref)
    assert b64.encode(FILE)[:200] not in str(case)
    assert pictures.AUTHOR not in str(network.logs)


async def test_removed_image_leaves_nothing(network: Network) -> None:
    """Taken out, the image is in the case no more, and the record names no file."""
    ref = await opened(network)
    await network.gateways["XAA"].clear.images.detach(ref, "document_image", "first")
    case = await story.case(network, "XAA", ref)
    assert ({}, False) == (case.renditions, "document_image" in case.draft["elements"])
    assert "document_image" not in case.pending.body


async def test_amended_draft_keeps_the_image_of_a_file_it_names(network: Network) -> None:
    """Another purpose or name changes nothing about the image; a draft that names no file drops it."""
    ref = await opened(network)
    gateway = network.gateways["XAA"]
    draft = (await story.case(network, "XAA", ref)).draft
    await gateway.clear.amend(ref, {**draft, "method_limit": "M1"}, "first")
    assert "document_image" in (await story.case(network, "XAA", ref)).renditions
    await gateway.clear.amend(ref, of_document(), "first")
    assert {} == (await story.case(network, "XAA", ref)).renditions


async def test_two_officers_at_once(network: Network) -> None:
    """Whichever image comes last stands whole: record, picture and body are of one file, and nobody has approved it."""
    ref = await opened(network)
    clear, other = network.gateways["XAA"].clear, pictures.jpeg(quality=40)
    await asyncio.gather(
        clear.images.attach(ref, "document_image", other, "first"),
        clear.images.attach(ref, "document_image", FILE, "second", "liaison_officer"),
    )
    case = await story.case(network, "XAA", ref)
    kept = case.renditions["document_image"]
    assert kept["of"] == case.draft["elements"]["document_image"]["sha256"]
    assert kept["wire"] == ijson.loads(case.pending.body.encode())["elements"]["document_image"]
    assert case.pending.approver is None


@pytest.mark.parametrize("role", ["registry_clerk", "second_signer", "foreign_affairs", "operator", "dpo"])
async def test_role_that_brings_in_no_image(network: Network, renderers: dict[str, Renderer], role: str) -> None:
    """Only the officers of the asking desk do; for anybody else no worker is started, and the case stands."""
    ref = await opened(network)
    context, before = network.gateways["XAA"].context, await story.case(network, "XAA", ref)
    context.persons = {**context.persons, "other": Person("other", frozenset({role}), bytes(32))}
    asked = renderers["XAA"].asked
    with pytest.raises((Forbidden, IllegalStep)):
        await network.gateways["XAA"].clear.images.attach(ref, "photo", FILE, "other", role)
    with pytest.raises((Forbidden, IllegalStep)):
        await network.gateways["XAA"].clear.images.detach(ref, "document_image", "other", role)
    assert (asked, before) == (renderers["XAA"].asked, await story.case(network, "XAA", ref))


# Asked for.


async def asked_for(network: Network, element: str = "PHOTO") -> tuple[str, str]:
    """Take a case to where XBB asks XAA for an image."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.ask(theirs, [element], 2, "first")
    await network.deliver()
    return ours, theirs


async def test_portrait_is_brought_in_when_it_is_asked_for(network: Network) -> None:
    """A portrait need not lie here before: it is drawn, prepared, approved and sent once the other State asks."""
    ours, theirs = await asked_for(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.images.attach(ours, "photo", FILE, "first")
    prepared = await gateway.clear.prepare(ours, "first")
    assert ["photo"] == list(ijson.loads(prepared.body.encode())["elements"])
    await approve(network, ours, "elements.approval")
    await gateway.clear.send(ours, "first")
    await network.deliver()
    assert 1 == len((await story.case(network, "XBB", theirs)).received["elements"]["photo"]["pages"])


async def test_portrait_waits_until_it_is_asked_for(network: Network) -> None:
    """A first request carries no portrait, even if one was drawn."""
    ref = await opened(network, story.draft(), "photo")
    case = await story.case(network, "XAA", ref)
    assert "photo" in case.renditions
    assert "photo" not in ijson.loads(case.pending.body.encode())["elements"]


async def test_bringing_one_in_voids_what_was_prepared(network: Network) -> None:
    """An answer prepared and approved without the image is gone once the image is there."""
    ours, _ = await asked_for(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.images.attach(ours, "photo", FILE, "first")
    await gateway.clear.prepare(ours, "first")
    await approve(network, ours, "elements.approval")
    await gateway.clear.images.attach(ours, "photo", pictures.jpeg(), "first")
    assert (await story.case(network, "XAA", ours)).pending is None
    with pytest.raises(RuleRefused):
        await gateway.clear.send(ours, "first")


async def test_sent_case_takes_no_image(network: Network, renderers: dict[str, Renderer]) -> None:
    """Where the case takes none, no worker is started for it."""
    ref = await story.sent(network)
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].clear.images.attach(ref, "photo", FILE, "first")
    assert 0 == renderers["XAA"].asked


async def test_image_is_no_right_value(network: Network) -> None:
    """A rectification brings no image; a wrong one is struck."""
    ref = await arrived_photo(network)
    gateway = network.gateways["XAA"]
    value = pictures.rendition("photo").kept["wire"]
    with pytest.raises(RuleRefused) as refused:
        await gateway.notices.prepare_rectification(ref, ["PHOTO"], {"photo": value}, "first", "case_officer")
    assert "MIN-4" in {finding.rule for finding in refused.value.findings}
    await gateway.notices.strike(ref, ["PHOTO"], "first", "case_officer")
    await network.deliver()
    theirs = await story.case(network, "XBB", await story.twin(network, ref))
    assert "photo" not in theirs.received["elements"]


async def arrived_photo(network: Network) -> str:
    """Take a case to where XBB has a portrait that it asked for."""
    ours, _ = await asked_for(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.images.attach(ours, "photo", FILE, "first")
    await gateway.clear.prepare(ours, "first")
    await approve(network, ours, "elements.approval")
    await gateway.clear.send(ours, "first")
    await network.deliver()
    return ours


# Faults.


@pytest.mark.parametrize("code", ["file-kind", "file-pixels", "file-joined", "file-locked", "worker-result"])
async def test_bad_file_is_a_coded_finding(network: Network, renderers: dict[str, Renderer], code: str) -> None:
    """What is wrong with a file is said by its code, and the case stands as before."""
    ref = await opened(network)
    before = await story.case(network, "XAA", ref)
    renderers["XAA"].code = code
    with pytest.raises(RuleRefused) as refused:
        await network.gateways["XAA"].clear.images.attach(ref, "document_image", b"x", "first")
    (finding,) = refused.value.findings
    assert ("E-02", code) == (finding.rule, finding.because.partition(":")[0])
    assert before == await story.case(network, "XAA", ref)


@pytest.mark.parametrize("code", ["worker-late", "worker-ended", "worker-busy", "worker-library"])
async def test_fault_of_the_worker_loses_nothing(network: Network, renderers: dict[str, Renderer], code: str) -> None:
    """A worker that was killed or late holds the image by a code; the case stands, and the file may come again."""
    ref = await opened(network)
    before = await story.case(network, "XAA", ref)
    renderers["XAA"].code = code
    with pytest.raises(Unavailable) as held:
        await network.gateways["XAA"].clear.images.attach(ref, "document_image", FILE, "first")
    assert (code, True) == (str(held.value).partition(":")[0], bool(held.value.hint))
    assert before == await story.case(network, "XAA", ref)
    renderers["XAA"].code = ""
    await network.gateways["XAA"].clear.images.attach(ref, "document_image", FILE, "first")
    assert ("image.held", {"code": code}) in network.logs


# Erased in time.


async def times_out(network: Network, days: float) -> None:
    """Let time pass and run the timers of both."""
    network.clock.pass_(days=days)
    await network.refresh()
    for gateway in network.gateways.values():
        await gateway.retention.run_once(network.clock.now())


async def has_image(network: Network, country: str, ref: str) -> bool:
    """Tell whether a case holds an image, ours or theirs."""
    case = await story.case(network, country, ref)
    held = case.renditions or (case.received or {}).get("elements", {})
    return any(member in held for member in MEMBERS)


async def answered(network: Network) -> dict[str, str]:
    """Take a case with a document to its answer; return its references."""
    ours = await opened(network, of_document(handling={**story.draft()["handling"], "retain_until": "2099-01-01"}))
    theirs = await arrived(network, ours)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    value = story.reply("DOC_AUTHENTIC", match_basis=["DOCNO"])
    await story.give_answer(network, theirs, value)
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XAA", ours)
    return {"XAA": ours, "XBB": theirs}


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_images_go_thirty_days_after_the_reply(network: Network, country: str) -> None:
    """A day before they are there; a day after they are gone on both sides, and the case still stands."""
    refs = await answered(network)
    await times_out(network, 29)
    assert await has_image(network, country, refs[country])
    await times_out(network, 2)
    assert not await has_image(network, country, refs[country])
    case = await story.case(network, country, refs[country])
    assert ("REPLIED", True) == (case.state, bool(case.draft or case.received))


async def test_images_of_what_was_answered_by_a_clock_that_was_ahead_go_too(network: Network) -> None:
    """Years from now they would be there still: their time runs from when that instant was seen to be to come."""
    refs = await answered(network)
    with closing(sqlite3.connect(network.gateways["XAA"].settings.database)) as db, db:
        db.execute("UPDATE case_event SET at = at + 700000000")
        db.execute("UPDATE case_file SET changed_at = changed_at + 700000000")
    await times_out(network, 1)
    await times_out(network, 29)
    assert await has_image(network, "XAA", refs["XAA"])
    await times_out(network, 2)
    assert not await has_image(network, "XAA", refs["XAA"])


async def test_erasing_images_is_no_step_of_the_case(network: Network) -> None:
    """The periods that count from the last step go on: the case is closed when it would have been."""
    refs = await answered(network)
    await times_out(network, 31)
    await times_out(network, 30)
    assert "CLOSED" == await story.state(network, "XAA", refs["XAA"])


async def test_message_that_brought_the_image_is_erased_too(network: Network) -> None:
    """The signed message it came in is not kept either; what was said beside it stands in the case, and the reply."""
    refs = await answered(network)
    await times_out(network, 31)

    async def kept(country: str) -> dict[str, bool]:
        rows = await network.gateways[country].context.store.read(lambda tx: tx.inbound_of_case(refs[country]))
        return {row.type: row.sealed is not None for row in rows}

    assert {"verification.request": False} == await kept("XBB")
    assert {"verification.acknowledgement": True, "verification.reply": True} == await kept("XAA")
    assert DOCUMENT == (await story.case(network, "XBB", refs["XBB"])).received["elements"]["document"]


async def test_journal_that_holds_the_images_is_cut_with_them(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No copy of a passport lies in what was written before; once for all cases, for while it is cut all wait."""
    for _ in range(2):
        await answered(network)
    store, cut = network.gateways["XBB"].store, list[bool]()
    truncate = store.truncate

    async def counted() -> None:
        cut.append(True)
        await truncate()

    monkeypatch.setattr(store, "truncate", counted)
    await times_out(network, 31)
    assert ([True], None) == (cut, await store.read(full_journal))


@pytest.mark.parametrize("member", ["photo", None])
async def test_what_is_prepared_goes_with_the_image_in_it(network: Network, member: str | None) -> None:
    """A body nobody approved is no place for an image to stay in; one that holds none is prepared still."""
    refs = await answered(network)
    elements = {member: pictures.rendition(member).kept["wire"]} if member else {"sex": 2}
    body = ijson.dumps({"elements": elements, "needed_by": "2027-03-01"}).decode()
    await in_state(network, refs["XBB"], State.REPLIED, pending=Pending(DOCUMENT_REQUEST, body, "digest", "first"))
    await times_out(network, 31)
    assert (member is None) == ((await story.case(network, "XBB", refs["XBB"])).pending is not None)


async def test_a_second_answer_keeps_the_images_for_as_long_as_the_first_would(network: Network) -> None:
    """Whoever contests an answer gets another, and the thirty days begin with that."""
    refs = await answered(network)
    await times_out(network, 20)
    await network.gateways["XAA"].clear.contest(refs["XAA"], "NEW_ELEMENT", "first")
    await network.deliver()
    await story.give_answer(network, refs["XBB"], story.reply("DOC_AUTHENTIC", match_basis=["DOCNO"]))
    await network.deliver()
    for days, kept in ((20, True), (11, False)):
        await times_out(network, days)
        held = [await has_image(network, country, ref) for country, ref in refs.items()]
        assert [kept, kept] == held


async def test_images_are_looked_for_once_a_day(network: Network) -> None:
    """Every case is opened for that: what is due later on a day goes on the next."""
    refs, policy = await answered(network), network.gateways["XBB"].context.policy
    network.clock.instant = network.clock.instant.replace(hour=12)
    await times_out(network, 3)
    network.gateways["XBB"].context.policy = replace(policy, images_days=1)
    due = []
    for hours in (1, 12):
        await times_out(network, hours / 24)
        due.append(await has_image(network, "XBB", refs["XBB"]))
    assert [True, False] == due


async def test_unanswered_case_keeps_its_images(network: Network) -> None:
    """Without an answer nothing is counted."""
    ours = await opened(network)
    theirs = await arrived(network, ours)
    await times_out(network, 40)
    assert await has_image(network, "XBB", theirs)


async def test_image_of_a_withdrawn_question_goes_as_soon_as_that_of_an_answered_one(network: Network) -> None:
    """The passport of somebody who was never answered about lies thirty days after the withdrawal with nobody."""
    ours = await opened(network, of_document(handling={**story.draft()["handling"], "retain_until": "2099-01-01"}))
    theirs = await arrived(network, ours)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "x", "second", "liaison_officer")
    await hold.withdraw(ours, "second", "liaison_officer")
    network.clock.pass_(hours=2)
    await network.deliver()
    await times_out(network, 29)
    assert (True, True) == (await has_image(network, "XAA", ours), await has_image(network, "XBB", theirs))
    await times_out(network, 2)
    assert (False, False) == (await has_image(network, "XAA", ours), await has_image(network, "XBB", theirs))


async def test_evidence_verifies_after_images_are_erased(network: Network) -> None:
    """An export made afterwards holds every receipt and proof."""
    refs = await answered(network)
    await times_out(network, 31)
    gateway = network.gateways["XBB"]
    why, cards = "to prove it", gateway.cards
    raw = await export(gateway.context, refs["XBB"], "first", "registry_clerk", why, cards=cards)
    assert () == verify_bytes(raw).faults


async def test_account_tells_of_the_image_without_its_bytes(network: Network) -> None:
    """The person learns that an image was sent, of which size and digest."""
    ref = await opened(network)
    await arrived(network, ref)
    context = network.gateways["XAA"].context
    made = await rights.account(context, ref, "first", "case_officer", "asked by the person")
    (sent,) = made.sent
    (page,) = sent.elements["document_image"]["pages"]
    assert {"sha256", "bytes"} == set(page)


async def in_state(network: Network, ref: str, state: State, **changes: Any) -> None:
    """Put XBB's case into ``state`` as if its steps had led there."""
    context = network.gateways["XBB"].context

    async def unit(tx: Tx) -> None:
        held = await cases.load(context, tx, ref)
        moved = replace(held.case, state=state, **changes)
        event = Event("test", "first", "case_officer")
        await cases.store(context, tx, held, moved, event, held.case.state.value, network.clock.now())

    await context.commit(unit)


async def test_portrait_for_a_document_stays_until_it_is_issued(network: Network) -> None:
    """A request for a travel document comes long after the reply; its portrait is there until the document is."""
    refs = await answered(network)
    await times_out(network, 31)
    body = {"elements": {"photo": pictures.rendition("photo").kept["wire"]}, "needed_by": "2027-03-01"}
    await in_state(network, refs["XBB"], State.ACCEPTED, said={DOCUMENT_REQUEST: body})
    await times_out(network, 2)
    assert has_images((await story.case(network, "XBB", refs["XBB"])).said[DOCUMENT_REQUEST])
    await in_state(network, refs["XBB"], State.DOCUMENTED)
    await times_out(network, 2)
    assert not has_images((await story.case(network, "XBB", refs["XBB"])).said[DOCUMENT_REQUEST])


@pytest.mark.parametrize("first", [State.REPLIED, State.WITHDRAWN])
async def test_what_is_put_away_later_keeps_its_images_no_longer(network: Network, first: State) -> None:
    """The thirty days go on from the answer, or the withdrawal, and begin anew with no later end."""
    refs = await answered(network)
    if first is State.WITHDRAWN:
        refs = {"XBB": await arrived(network, await opened(network))}
        await in_state(network, refs["XBB"], State.WITHDRAWN)
    await times_out(network, 20)
    await in_state(network, refs["XBB"], State.CLOSED)
    assert await has_image(network, "XBB", refs["XBB"])
    await times_out(network, 11)
    assert not await has_image(network, "XBB", refs["XBB"])


async def test_images_are_erased_once(network: Network) -> None:
    """However often the timers run, one event tells of it, and the case is not written again."""
    refs = await answered(network)
    for _ in range(3):
        await times_out(network, 31)
    context = network.gateways["XAA"].context
    events = await context.store.read(lambda tx: tx.events(refs["XAA"]))
    assert 1 == [event.event for event in events].count("strip")
