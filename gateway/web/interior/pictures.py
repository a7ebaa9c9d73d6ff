"""
Images in a request and in a case: bring one in, see what was made of it, take it out, see what the other State sent.

Rule 1: what is shown was drawn anew in this gateway: what we bring in once, what the other State sent at every look.
Rule 2: an image is content. It is shown for a reason that stands, and each look is recorded before (R-13).
Rule 3: what was removed is listed beside it, so that who approves knows what the file held.
Rule 4: an image takes the place of the one that the page showed, and of no other; nor is another taken out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict

from gateway.core.attachments import FILE_MAX_BYTES, MEDIA_TYPE, MEMBERS, Rendition
from gateway.core.case import Case, Side
from gateway.core.machine import RuleRefused
from gateway.core.verification import OFFICER
from gateway.services import cases
from gateway.services.acts import DESK
from gateway.services.context import NotFound
from gateway.services.inquire import BoardRow
from gateway.services.ports import Changed, Unavailable
from gateway.web.interior import case as case_page
from gateway.web.interior import looks
from gateway.web.interior.case import Content
from gateway.web.interior.step_links import steps_of
from gateway.web.language import N_, Tongue
from gateway.web.visit import Route, Visit
from keys import b64
from schemas import ijson

KEPT: Final = "r."
"""What the name of a field of a request begins with under which an image drawn anew is kept; no form posts one."""

MEMBER_TEXTS: Mapping[str, str] = {
    "photo": N_("Photograph of the person"),
    "document_image": N_("Image of a document"),
}

REMOVED_TEXTS: Mapping[str, str] = {
    "exif": N_("camera data (Exif)"),
    "gps": N_("the place where it was taken (GPS)"),
    "thumbnail": N_("a small copy, perhaps of an earlier state"),
    "xmp": N_("editing history and authors (XMP)"),
    "iptc": N_("captions and authors (IPTC)"),
    "icc": N_("a colour profile, which can name a device"),
    "comment": N_("comments and other hidden text"),
    "time": N_("the time it was made or changed"),
    "trailing": N_("bytes behind the end of the image"),
    "orientation": N_("a note how to turn it; it was turned"),
    "alpha": N_("transparency; white was put behind it"),
    "colour": N_("unusual colours; they were converted"),
    "depth": N_("more than 8 bits a colour"),
    "author": N_("title, author and program of the PDF"),
    "text": N_("the text behind the pages"),
    "notes": N_("what notes on the pages say beside what they show, and form fields"),
    "history": N_("earlier versions of the PDF"),
    "scaled": N_("detail: it was made smaller so that it fits"),
}
"""What was removed, by its code (``gateway.core.attachments.REMOVED``)."""

REFUSED_TEXTS: Mapping[str, str] = {
    "file-empty": N_("Choose a file; there is nothing in this one."),
    "file-large": N_("The file has more than 8 MiB. Scan it at a lower resolution."),
    "file-kind": N_("Choose a JPEG, PNG or PDF file. What it is called does not count; what is in it does."),
    "file-broken": N_("The file is damaged or cut short."),
    "file-joined": N_("Another file hides behind the image. Ask where it comes from before you use it."),
    "file-moving": N_("The file holds several images or an animation. Bring in one image."),
    "file-pixels": N_("The image has too many pixels. Scan it at a lower resolution."),
    "file-pages": N_("The file has too many pages, or none: one for a photograph, at most ten for a document."),
    "file-locked": N_("The PDF is encrypted. Print or scan it without."),
    "file-active": N_("The PDF holds scripts or other files. Ask where it comes from before you use it."),
    "file-fit": N_("The image cannot be made small enough and still be told. Cut it to what matters."),
    "worker-late": N_("Drawing it anew took too long. Nothing was lost: try once more, or bring in a plainer file."),
    "worker-ended": N_("Drawing it anew broke off. Nothing was lost: try once more, or tell the operator."),
    "worker-result": N_("Drawing it anew gave no image. Nothing was lost: tell the operator."),
    "worker-library": N_("This gateway lacks what draws images anew. Tell the operator."),
    "worker-busy": N_("Many images are being drawn at the moment. Try again soon."),
}
"""Why an image was not taken and what can be done, by its code (``gateway.core.attachments.REFUSALS``)."""

CHANGED: Final = N_("Somebody changed the case meanwhile. Look at what stands here now before you repeat it.")


@dataclass(frozen=True, slots=True)
class Picture:
    """One image as a page shows it: what it is, addresses of its pages, digests, bytes of all, what was removed."""

    member: str
    title: str
    pages: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    removed: tuple[str, ...]


def shown(tongue: Tongue, member: str, kept: Mapping[str, Any], paths: Sequence[str]) -> Picture:
    """Return the image ``member`` as it is kept (``of``, ``wire``, ``removed``) for a page."""
    pages = kept["wire"]["pages"]
    return Picture(
        member,
        tongue._(MEMBER_TEXTS[member]),
        tuple(paths),
        tuple(page["sha256"] for page in pages),
        sum(len(b64.decode(page["content"])) for page in pages),
        tuple(tongue._(REMOVED_TEXTS[code]) for code in kept["removed"]),
    )


async def drawn_of(visit: Visit) -> tuple[str, Rendition | None, str]:
    """Return for which element the posted file was brought, what was drawn of it, and what is wrong (in words)."""
    raw, member = visit.uploads.get("file", b""), visit.form.get("member", "")
    if member not in MEMBERS:
        return member, None, visit.tongue._(N_("Say what the file is."))
    try:
        return member, await visit.site.desk.clear.images.draw(raw, member), ""
    except RuleRefused as error:
        code = error.findings[0].because.partition(":")[0]
    except Unavailable as error:
        code = str(error).partition(":")[0]
    return member, None, visit.tongue._(REFUSED_TEXTS.get(code, REFUSED_TEXTS["worker-ended"]))


# In a request that is being written.


def keep(posted: MultiDict[str], member: str, image: Rendition) -> MultiDict[str]:
    """Return the fields of a request with ``image`` kept among them, and its file named in the record."""
    made = leave_out(posted, member)
    made[f"b.elements.{member}.media_type"] = image.media_type
    made[f"b.elements.{member}.sha256"] = image.of
    made[KEPT + member] = ijson.dumps(image.kept).decode()
    return made


def leave_out(posted: MultiDict[str], member: str) -> MultiDict[str]:
    """Return the fields of a request without the image ``member`` and its file."""
    own = f"b.elements.{member}."
    return MultiDict(
        (name, value) for name, value in posted.items() if name != KEPT + member and not name.startswith(own)
    )


def kept_in(posted: MultiDict[str]) -> dict[str, dict[str, Any]]:
    """Return the images kept in a request whose file its record still names, by member."""
    found = {member: ijson.loads(posted[KEPT + member].encode()) for member in MEMBERS if KEPT + member in posted}
    return {name: one for name, one in found.items() if posted.get(f"b.elements.{name}.sha256") == one["of"]}


def images_of(posted: MultiDict[str]) -> dict[str, Rendition]:
    """Return the images kept in a request as values."""
    return {
        member: Rendition(
            posted.get(f"b.elements.{member}.media_type", ""),
            one["of"],
            tuple(b64.decode(page["content"]) for page in one["wire"]["pages"]),
            tuple(one["removed"]),
        )
        for member, one in kept_in(posted).items()
    }


def of_case(case: Case) -> list[tuple[str, str]]:
    """Return the fields under which a request keeps the images of ``case``."""
    return [(KEPT + member, ijson.dumps(one).decode()) for member, one in case.renditions.items()]


def place_of(field: str) -> str:
    """Return the name of the part that a field of a request belongs to: an image that is kept, to its file."""
    return f"b.elements.{field.removeprefix(KEPT)}" if field.startswith(KEPT) else field


def in_request(visit: Visit, id: str, posted: MultiDict[str]) -> list[Picture]:
    """Return the images kept in the request ``id`` for its page."""
    return [
        shown(visit.tongue, member, one, _paths(visit, "request-picture-page", one["wire"], id=id, member=member))
        for member, one in kept_in(posted).items()
    ]


def _paths(visit: Visit, route: str, wire: Mapping[str, Any], **parts: str) -> list[str]:
    return [visit.path(route, page=str(number), **parts) for number in range(1, len(wire["pages"]) + 1)]


def leaving(visit: Visit, body: str, route: str, **parts: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return of each image in a body what it is and the addresses of its pages, for whoever approves it."""
    elements = ijson.loads(body.encode()).get("elements") or {}
    return tuple(
        (visit.tongue._(MEMBER_TEXTS[member]), tuple(_paths(visit, route, elements[member], member=member, **parts)))
        for member in MEMBERS
        if member in elements
    )


def page_of(visit: Visit, wire: Mapping[str, Any] | None) -> bytes:
    """Return the page of an image that the address names. Raises ``NotFound``."""
    number = visit.request.match_info["page"]
    pages = wire["pages"] if wire else []
    if not (number.isascii() and number.isdigit() and len(number) < 3 and 0 < int(number) <= len(pages)):
        raise NotFound("there is no such image here")
    return b64.decode(pages[int(number) - 1]["content"])


def served(member: str, number: str, raw: bytes) -> web.Response:
    """Return a picture as the answer to a browser; what it may do is said by the headers of every answer."""
    named = {"Content-Disposition": f'inline; filename="{member.replace("_", "-")}-{number}.jpg"'}
    return web.Response(body=raw, content_type=MEDIA_TYPE, headers=named)


# In a case.


async def _opened(visit: Visit) -> Content | web.Response:
    ref = visit.request.match_info["ref"]
    return await case_page.content_of(visit, visit.path("case-pictures", ref=ref))


def _received(case: Case) -> Mapping[str, Any]:
    """Return the images the other State sent, by member: with the request, an answer, or for a travel document."""
    asked = case.said.get("travel-document.request") or {} if case.side is Side.REQUESTED else {}
    elements = {**((case.received or {}).get("elements") or {}), **(asked.get("elements") or {})}
    return {member: elements[member] for member in MEMBERS if "pages" in (elements.get(member) or {})}


async def case_pictures(visit: Visit) -> web.StreamResponse:
    """Show the images of the case, ours and theirs, and where it may change bring one in."""
    opened = await _opened(visit)
    return opened if isinstance(opened, web.StreamResponse) else _page(visit, opened)


def _page(visit: Visit, opened: Content, problem: str = "") -> web.Response:
    case, ref = opened.case, opened.row.ref
    ours, theirs = [], []
    for member, one in case.renditions.items():
        paths = _paths(visit, "case-picture", one["wire"], ref=ref, whose="ours", member=member)
        ours.append(shown(visit.tongue, member, one, paths))
    for member, wire in _received(case).items():
        paths = _paths(visit, "case-picture", wire, ref=ref, whose="theirs", member=member)
        theirs.append(shown(visit.tongue, member, {"wire": wire, "removed": ()}, paths))
    return case_page.shown(
        visit,
        "case_pictures.html",
        opened.row,
        opened.head,
        status=422 if problem else 200,
        ours=ours,
        theirs=theirs,
        may="attachment" in steps_of(visit, opened.row),
        problem=problem,
        typed=visit.form or visit.draft,
        seen=cases.mark(visit.site.desk.context, case),
    )


async def add(visit: Visit) -> web.StreamResponse:
    """Bring a file into the case: it is drawn anew, and what was prepared is void."""
    opened = await _opened(visit)
    if isinstance(opened, web.StreamResponse):
        return opened
    role = _role(visit, opened.row)
    member, image, problem = await drawn_of(visit)
    if image is None:
        return _page(visit, opened, problem)
    images, seen = visit.site.desk.clear.images, visit.form.get("seen", "")
    try:
        await images.put(opened.row.ref, member, image, visit.person.id, role, seen=seen)
    except Changed:
        return await _changed(visit)
    told = visit.tongue._(
        N_("The image was drawn anew. What was prepared before has to be prepared and approved again.")
    )
    return await visit.to(visit.path("case-pictures", ref=opened.row.ref), told=told)


def _role(visit: Visit, row: BoardRow) -> str:
    """Return the role to change an image in. Raises ``NotFound`` where the case does not take it now."""
    fitting = steps_of(visit, row).get("attachment", [])
    if not fitting:
        raise NotFound("the case takes no image now")
    return fitting[0]


async def remove(visit: Visit) -> web.StreamResponse:
    """Take an image out of the case, and its file out of the record."""
    row = await looks.row_of(visit, visit.request.match_info["ref"])
    member = visit.form.get("member", "")
    if member not in MEMBERS:
        raise NotFound("there is no such image here")
    images, seen = visit.site.desk.clear.images, visit.form.get("seen", "")
    try:
        await images.detach(row.ref, member, visit.person.id, _role(visit, row), seen=seen)
    except Changed:
        return await _changed(visit)
    told = visit.tongue._(N_("The image was taken out."))
    return await visit.to(visit.path("case-pictures", ref=row.ref), told=told)


async def _changed(visit: Visit) -> web.StreamResponse:
    """Show what stands in the case now, in place of what the page showed that was sent."""
    opened = await _opened(visit)
    return opened if isinstance(opened, web.StreamResponse) else _page(visit, opened, visit.tongue._(CHANGED))


async def case_picture(visit: Visit) -> web.StreamResponse:
    """Give one page of an image; one that the other State sent is drawn anew for it, and never given as it came."""
    opened = await _opened(visit)
    if isinstance(opened, web.StreamResponse):
        return opened
    whose, member = visit.request.match_info["whose"], visit.request.match_info["member"]
    number = visit.request.match_info["page"]
    if whose == "ours":
        return served(member, number, page_of(visit, opened.case.renditions.get(member, {}).get("wire")))
    if whose == "leaves" and member in MEMBERS and opened.case.pending is not None:
        elements = ijson.loads(opened.case.pending.body.encode()).get("elements") or {}
        return served(member, number, page_of(visit, elements.get(member)))
    if whose != "theirs" or member not in MEMBERS:
        raise NotFound("there is no such image here")
    raw = page_of(visit, _received(opened.case).get(member))
    image = await visit.site.desk.clear.images.draw(raw, member)
    return served(member, number, image.pages[0])


ROUTES = (
    Route("GET", "/cases/{ref}/pictures", "case-pictures", case_pictures, DESK),
    Route("POST", "/cases/{ref}/pictures", "case-picture-add", add, OFFICER, upload=FILE_MAX_BYTES),
    Route("GET", "/cases/{ref}/pictures/remove", "case-picture-kept", case_pictures, DESK),
    Route("POST", "/cases/{ref}/pictures/remove", "case-picture-remove", remove, OFFICER),
    Route("GET", "/cases/{ref}/pictures/{whose}/{member}/{page}", "case-picture", case_picture, DESK),
)
