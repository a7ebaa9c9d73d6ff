"""Images at the desk: brought in and drawn anew, seen with what was removed, taken out, seen by who receives them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.core.attachments import NotRendered, Rendition, measure
from gateway.web import door
from gateway.web.interior import PAGES
from gateway.web.interior.pictures import REFUSED_TEXTS
from keys import b64
from schemas import ijson
from tests.support import pictures, story
from tests.support.loop_time import pass_
from tests.web.interior.case_support import two_desks
from tests.web.interior.drafts import brought_in, kept_bytes
from tests.web.support import Answer, Desk, Officer, form_of, links_of, one_desk

FILE = pictures.with_notes()
NUMBER = "b.elements.document.number"


class Renderer:
    """Draws in this process, or fails by ``code``."""

    code = ""

    async def render(self, raw: bytes, member: str) -> Rendition:
        if self.code:
            raise NotRendered(self.code)
        return pictures.rendition(member, raw)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk of XAA."""
    async with one_desk(tmp_path, [PAGES]) as made:
        made.gateway.clear.images.renderer = Renderer()
        yield made


async def put(officer: Officer, path: str, raw: bytes = FILE, member: str = "photo", **typed: str) -> Answer:
    """Bring a file into a request, with what is ``typed`` in the form beside what stands in it."""
    page = await officer.get(f"{path}/documents")
    fields = {**page.form(f"{path}/documents"), **typed, "member": member, "file": raw}
    return await officer.post(f"{path}/documents", fields)


async def test_image_is_drawn_anew_and_shown_with_what_was_removed(desk: Desk, first: Officer) -> None:
    """The page shows the picture, its digest and size, and lists what the file held; the file is kept nowhere."""
    path = await brought_in(first)
    page = await put(first, path)
    image = pictures.rendition("photo", FILE)
    digest = image.kept["wire"]["pages"][0]["sha256"]
    for words in ("drawn anew", digest, f"{len(image.pages[0])} bytes", "(GPS)", "camera data", "(XMP)"):
        assert words in page.words, words
    assert f'src="{path}/picture/photo/1"' in page.text
    assert form_of(page.text, f"{path}/documents")["b.elements.photo.sha256"] == image.of
    assert pictures.AUTHOR.encode() not in kept_bytes(desk)
    assert FILE[600:700] not in kept_bytes(desk)


async def test_picture_is_served_for_looking_at_and_nothing_else(first: Officer) -> None:
    """It comes as a bare JPEG, named, never sniffed, in a sandbox, and is kept in no cache."""
    path = await brought_in(first)
    await put(first, path)
    answer = await first.get(f"{path}/picture/photo/1")
    measure(answer.body)
    assert answer.body == pictures.rendition("photo", FILE).pages[0]
    had = answer.headers
    assert ("image/jpeg", 'inline; filename="photo-1.jpg"') == (had["Content-Type"], had["Content-Disposition"])
    assert ("nosniff", "no-store") == (had["X-Content-Type-Options"], had["Cache-Control"])
    assert {"default-src 'none'", "sandbox"} <= set(had["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize(
    "tail", ["photo/2", "photo/0", "photo/-1", "photo/x", "document_image/1", "other/1", "photo/99999"]
)
async def test_picture_that_is_not_there(first: Officer, tail: str) -> None:
    """Another page or element is no page of ours."""
    path = await brought_in(first)
    await put(first, path)
    assert 404 == (await first.get(f"{path}/picture/{tail}")).status


async def test_picture_is_its_writer_s_alone(desk: Desk, first: Officer) -> None:
    """Another officer finds no picture at its address."""
    path = await brought_in(first)
    await put(first, path)
    assert 404 == (await (await desk.officer("second")).get(f"{path}/picture/photo/1")).status


async def test_image_goes_into_the_case_and_its_body(desk: Desk, first: Officer) -> None:
    """Handed in, the case has the rendition, and a question about a document carries it."""
    elements = {**story.draft()["elements"], "document": {"type": "P", "number": "X1", "issuer": "XBB"}}
    path = await brought_in(first, purpose="DOC_AUTHENTICITY", elements=elements)
    await put(first, path, member="document_image")
    page = await first.get(f"{path}/review")
    image = pictures.rendition("document_image", FILE)
    wire = image.kept["wire"]
    assert wire["pages"][0]["sha256"] in page.words
    assert wire["pages"][0]["content"][:60] not in page.text, "nobody reads a picture in letters"
    ref = (await first.post(f"{path}/review")).path.split("/")[2]
    case = await story.case(desk.network, "XAA", ref)
    assert wire == case.renditions["document_image"]["wire"]
    assert wire == ijson.loads(case.pending.body.encode())["elements"]["document_image"]


async def test_image_taken_out_is_gone(desk: Desk, first: Officer) -> None:
    """Taken out, neither the picture nor the digest of its file is in the request."""
    path = await brought_in(first)
    await put(first, path)
    page = await first.get(f"{path}/documents")
    number = {NUMBER: "X7 typed meanwhile"}
    page = await first.post(f"{path}/documents", {**page.form(f"{path}/documents"), **number, "out": "photo"})
    assert ("taken out" in page.words, number[NUMBER]) == (True, page.form(f"{path}/documents")[NUMBER])
    assert "b.elements.photo.sha256" not in {
        name for name, value in form_of(page.text, f"{path}/documents").items() if value
    }
    assert 404 == (await first.get(f"{path}/picture/photo/1")).status


async def test_a_choice_in_a_part_that_may_stay_empty_is_taken_back(first: Officer) -> None:
    """Whoever pressed a kind of file by mistake had to name a digest, or throw the whole request away."""
    path = await brought_in(first)
    kind, page = "b.elements.photo.media_type", await first.get(f"{path}/documents")
    assert 422 == (await first.post(f"{path}/documents", {**page.form(f"{path}/documents"), kind: "image/png"})).status
    page = await first.get(f"{path}/documents")
    assert f'name="{kind}" type="radio" value=""' in page.text
    assert path == (await first.post(f"{path}/documents", {**page.form(f"{path}/documents"), kind: ""})).path


async def test_fields_cannot_bring_an_image(desk: Desk, first: Officer) -> None:
    """What is posted under the name of a kept image is no image: only what was drawn here is kept."""
    path = await brought_in(first)
    made = pictures.rendition("photo", FILE)
    page = await first.get(f"{path}/documents")
    fields = {name: value for name, value in form_of(page.text, f"{path}/documents").items() if name.startswith("b.")}
    fields |= {"b.elements.photo.media_type": "image/jpeg", "b.elements.photo.sha256": made.of}
    await first.post(f"{path}/documents", {**fields, "r.photo": ijson.dumps(made.kept).decode()})
    assert 404 == (await first.get(f"{path}/picture/photo/1")).status
    ref = (await first.get(f"{path}/review"), await first.post(f"{path}/review"))[1].path.split("/")[2]
    assert {} == (await story.case(desk.network, "XAA", ref)).renditions


@pytest.mark.parametrize("code", REFUSED_TEXTS)
async def test_why_a_file_is_not_taken_is_said_at_its_field(desk: Desk, first: Officer, code: str) -> None:
    """Each code has its sentence beside the file, and nothing of the request is lost."""
    path = await brought_in(first)
    desk.gateway.clear.images.renderer.code = code
    page = await put(first, path)
    assert 422 == page.status
    assert REFUSED_TEXTS[code] in page.words
    assert 'aria-describedby="file-hint file-error"' in page.text


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_no_file_and_too_large_a_file(first: Officer) -> None:
    """An empty field is told; more than 8 MiB is refused while it is read."""
    path = await brought_in(first)
    assert REFUSED_TEXTS["file-empty"] in (await put(first, path, b"")).words
    answer = await put(first, path, b"\xff\xd8\xff" + bytes(9 << 20), **{NUMBER: "X9"})
    assert (413, True) == (answer.status, "no more than 8 MiB" in answer.words)
    assert f"{path}/documents" in links_of(answer.text)
    assert "X9" == (await first.get(f"{path}/documents")).form(f"{path}/documents")[NUMBER]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_nothing_is_kept_of_another_s_form_with_too_large_a_file(first: Officer) -> None:
    """Whose it is is not known, so what stands in it is nobody's."""
    path = await brought_in(first)
    typed = {NUMBER: "X9", "csrf": "other", "file": bytes(9 << 20)}
    await first.get(f"{path}/documents")
    assert 403 == (await first.post(f"{path}/documents", typed)).status
    assert "X9" != (await first.get(f"{path}/documents")).form(f"{path}/documents")[NUMBER]


async def test_what_is_typed_is_kept_where_a_file_is_brought_in(desk: Desk, first: Officer) -> None:
    """Fields and file go in one form: a photograph took with it what was typed above it and not saved."""
    path = await brought_in(first)
    page = await put(first, path, **{NUMBER: "X8"})
    assert ("drawn anew" in page.words, "X8") == (True, page.form(f"{path}/documents")[NUMBER])
    desk.gateway.clear.images.renderer.code = "file-broken"
    page = await put(first, path, **{NUMBER: "X9"})
    assert (422, "X9") == (page.status, page.form(f"{path}/documents")[NUMBER])
    assert "X9" == (await first.get(f"{path}/documents")).form(f"{path}/documents")[NUMBER]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"add": "b.elements.names"}, ""),
        ({"read": "mrz", "mrz": "P<UTO"}, "The check digits do not fit"),
        ({NUMBER: "L898902C3", "digit": "5"}, "not the check digit of that number"),
    ],
)
async def test_a_file_is_drawn_whichever_button_is_pressed(first: Officer, typed: dict[str, str], told: str) -> None:
    """Nor does the file take with it what is wrong with the rest: no browser chooses a file again by itself."""
    path = await brought_in(first)
    page = await put(first, path, **typed)
    assert (f'src="{path}/picture/photo/1"' in page.text, told in page.words) == (True, True)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_file_touches_no_disk(first: Officer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large, a file is read without a temporary file, where it would lie in clear."""
    path = await brought_in(first)
    await first.get(f"{path}/documents")
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    answer = await first.post(f"{path}/documents", {"member": "photo", "file": FILE + bytes(3 << 20)})
    assert "drawn anew" in answer.words


@pytest.mark.parametrize(("rate", "status"), [(1, 422), (1 << 40, 408)], ids=["it keeps coming", "it does not"])
async def test_a_file_has_the_longer_the_more_of_it_has_come(
    first: Officer, monkeypatch: pytest.MonkeyPatch, rate: int, status: int
) -> None:
    """A slow line is not cut off while bytes come at a pace; who sends too few is, and what was typed is kept."""
    path = await brought_in(first)
    page = await first.get(f"{path}/documents")
    fields = {**form_of(page.text, f"{path}/documents"), NUMBER: "X9", "member": "photo"}
    fields.pop("file")
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{v}\r\n' for name, v in fields.items()]
    parts.append('--edge\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n')

    begun, read = asyncio.Event(), door.read_fields

    async def heard(request: web.Request, upload: int, fields: Any, came: Callable[[int], None], **how: Any) -> Any:
        def has_come(total: int) -> None:
            came(total)
            if total >= 16 << 10:
                begun.set()

        return await read(request, upload, fields, has_come, **how)

    async def slowly() -> AsyncIterator[bytes]:
        yield "".join(parts).encode() + bytes(32 << 10)
        await begun.wait()
        pass_(120)
        yield b"\r\n--edge--\r\n"

    monkeypatch.setattr(door, "read_fields", heard)
    monkeypatch.setattr(door, "FORM_TIMEOUT_S", 120.0)
    monkeypatch.setattr(door, "FORM_BYTES_PER_S", rate)
    kind = {"Content-Type": "multipart/form-data; boundary=edge"}
    assert status == (await first.send("POST", f"{path}/documents", data=slowly(), headers=kind)).status
    assert "X9" == (await first.get(f"{path}/documents")).form(f"{path}/documents")[NUMBER]


@pytest.mark.parametrize("how", [{}, {"Content-Encoding": "deflate"}, {"Content-Transfer-Encoding": "base64"}])
async def test_packed_file_is_no_form_of_ours(first: Officer, how: dict[str, str]) -> None:
    """A file that is compressed within the form is not unpacked, so that nothing grows; as it is, it is looked at."""
    path = await brought_in(first)
    page = await first.get(f"{path}/documents")
    fields = {**form_of(page.text, f"{path}/documents"), "member": "photo", "draw": "yes"}
    fields.pop("file")
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    head = "".join(f"\r\n{name}: {value}" for name, value in how.items())
    parts.append(f'Content-Disposition: form-data; name="file"; filename="a.jpg"{head}\r\n\r\n/9j/4AAQSkZJRgAB')
    body = "".join(f"--edge\r\n{part}\r\n" for part in parts) + "--edge--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=edge"}
    answer = await first.send("POST", f"{path}/documents", data=body.encode(), headers=kind)
    assert ("not sent the way" if how else REFUSED_TEXTS["file-kind"]) in answer.words


async def test_upload_needs_the_token_of_the_session(first: Officer) -> None:
    """A form from elsewhere brings in nothing."""
    path = await brought_in(first)
    await first.get(f"{path}/documents")
    assert 403 == (await first.post(f"{path}/documents", {"csrf": "other", "member": "photo", "file": FILE})).status


async def test_changing_a_draft_keeps_its_image(desk: Desk, first: Officer) -> None:
    """A draft case taken up again shows the image, and handing it in keeps it."""
    path = await brought_in(first)
    await put(first, path)
    await first.get(f"{path}/review")
    ref = (await first.post(f"{path}/review")).path.split("/")[2]
    await first.get(f"/cases/{ref}/amend")
    again = (await first.post(f"/cases/{ref}/amend", {"why": "to look again"})).path
    assert "(GPS)" in (await first.get(f"{again}/documents")).words
    await first.get(f"{again}/review")
    await first.post(f"{again}/review")
    assert "photo" in (await story.case(desk.network, "XAA", ref)).renditions


# In a case.


async def looked(officer: Officer, ref: str) -> Answer:
    """Open the images of a case, and give the reason it asks for."""
    page = f"/cases/{ref}/pictures"
    answer = await officer.get(page)
    if "why" not in form_of(answer.text, f"/cases/{ref}/look"):
        return answer
    return await officer.post(f"/cases/{ref}/look", {"why": "to see the document", "back": page})


async def test_images_are_shown_for_a_reason_only(desk: Desk, first: Officer) -> None:
    """Without one neither the page nor the picture shows anything; with one each look is recorded."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    await desk.gateway.clear.images.attach(ref, "photo", FILE, "first")
    other = await desk.officer("second")
    assert b"JFIF" not in (await other.get(f"/cases/{ref}/pictures/ours/photo/1")).body
    page = await looked(other, ref)
    assert "Images in our record" in page.words
    assert (await other.get(f"/cases/{ref}/pictures/ours/photo/1")).body.startswith(b"\xff\xd8\xff")
    looks = await desk.gateway.context.store.read(lambda tx: tx.accesses(ref))
    assert 2 == len([one for one in looks if (one.person, one.action) == ("second", "view")])


async def test_image_is_brought_into_a_case_and_taken_out(desk: Desk, first: Officer) -> None:
    """The page of a case brings one in and takes it out; what was prepared is prepared anew without it."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    await looked(first, ref)
    page = await first.post(f"/cases/{ref}/pictures", {"member": "document_image", "file": FILE})
    assert "drawn anew" in page.words
    assert "document_image" in (await story.case(desk.network, "XAA", ref)).renditions
    page = await first.post(f"/cases/{ref}/pictures/remove", {"member": "document_image"})
    assert "There is none" in page.words
    assert {} == (await story.case(desk.network, "XAA", ref)).renditions


async def test_an_image_that_a_page_did_not_show_stays(desk: Desk, first: Officer) -> None:
    """What a colleague brought in since is neither taken out nor replaced by a page from before: nothing keeps it."""
    images, newer = desk.gateway.clear.images, pictures.jpeg()
    ref = await desk.gateway.clear.new(story.draft(), "first")
    await looked(first, ref)
    for path, fields in (("/remove", {}), ("", {"file": FILE})):
        await images.attach(ref, "photo", FILE, "first")
        await first.get(f"/cases/{ref}/pictures")
        before = first.last
        await images.attach(ref, "photo", newer, "second", "liaison_officer")
        first.last = before
        page = await first.post(f"/cases/{ref}/pictures{path}", {"member": "photo", **fields})
        assert (422, True) == (page.status, "Somebody changed the case meanwhile" in page.words)
        kept = (await story.case(desk.network, "XAA", ref)).renditions["photo"]
        assert pictures.rendition("photo", newer).of == kept["of"]
        await first.post(f"/cases/{ref}/pictures/remove", {"member": "photo"})
        assert {} == (await story.case(desk.network, "XAA", ref)).renditions, "the page shows what stands there now"


async def test_who_approves_sees_what_leaves(desk: Desk, first: Officer) -> None:
    """The page of the approval shows each image from the very bytes that are signed, and not from the record."""
    elements = {**story.draft()["elements"], "document": {"type": "P", "number": "X1", "issuer": "XBB"}}
    path = await brought_in(first, purpose="DOC_AUTHENTICITY", elements=elements)
    await put(first, path, member="document_image")
    assert f'src="{path}/picture/document_image/1"' in (await first.get(f"{path}/review")).text
    ref = (await first.post(f"{path}/review")).path.split("/")[2]
    other = await desk.officer("second")
    await looked(other, ref)
    for page in ("check", "approve"):
        assert f'src="/cases/{ref}/pictures/leaves/document_image/1"' in (await other.get(f"/cases/{ref}/{page}")).text
    body = ijson.loads((await story.case(desk.network, "XAA", ref)).pending.body.encode())
    got = await other.get(f"/cases/{ref}/pictures/leaves/document_image/1")
    assert body["elements"]["document_image"]["pages"][0]["content"] == b64.encode(got.body)
    assert 404 == (await other.get(f"/cases/{ref}/pictures/leaves/photo/1")).status


@pytest.mark.parametrize("whose", ["ours", "theirs", "leaves"])
async def test_case_of_another_shows_no_picture(desk: Desk, first: Officer, whose: str) -> None:
    """Whoever is invited to a case as guardian or lawyer gets no byte of a picture, of that case or another."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    await desk.gateway.clear.images.attach(ref, "photo", FILE, "first")
    other = await desk.gateway.clear.new(story.draft(), "first")
    for role in ("guardian", "lawyer"):
        guest = await desk.guest(other, role)
        for case in (ref, other):
            answer = await guest.get(f"/cases/{case}/pictures/{whose}/photo/1")
            assert b"JFIF" not in answer.body
            assert answer.status in (403, 404)


async def test_bad_file_is_told_on_the_page_of_the_case(desk: Desk, first: Officer) -> None:
    """The reason stands at the field, and the case is as it was."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    await looked(first, ref)
    desk.gateway.clear.images.renderer.code = "file-joined"
    page = await first.post(f"/cases/{ref}/pictures", {"member": "photo", "file": FILE})
    assert (422, True) == (page.status, REFUSED_TEXTS["file-joined"] in page.words)
    assert {} == (await story.case(desk.network, "XAA", ref)).renditions


async def test_who_receives_sees_it_drawn_anew(tmp_path: Path) -> None:
    """The asked desk sees the other State's image as its own gateway draws it, beside the digest of what was sent."""
    async with two_desks(tmp_path) as (asking, asked):
        for one in (asking, asked):
            one.gateway.clear.images.renderer = Renderer()
        network = asking.network
        ours, theirs = await story.acknowledged(network)
        await asked.gateway.answer.ask(theirs, ["PHOTO"], 2, "first")
        await network.deliver()
        gateway = asking.gateway
        await gateway.clear.images.attach(ours, "photo", FILE, "first")
        preview = await gateway.clear.prepare(ours, "first")
        thread = (await story.row(network, "XAA", ours)).thread
        signed = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
        await gateway.clear.approve(ours, signed, "second")
        await gateway.clear.send(ours, "first")
        await network.deliver()
        clerk = await asked.officer("first")
        page = await looked(clerk, theirs)
        sent = (await story.case(network, "XBB", theirs)).received["elements"]["photo"]["pages"][0]
        assert sent["sha256"] in page.words
        assert "Images the other State sent" in page.words
        got = (await clerk.get(f"/cases/{theirs}/pictures/theirs/photo/1")).body
        assert got == pictures.rendition("photo", b64.decode(sent["content"])).pages[0]
        summary = await clerk.get(f"/cases/{theirs}")
        assert sent["content"][:60] not in summary.text, "nobody reads a picture in letters"
