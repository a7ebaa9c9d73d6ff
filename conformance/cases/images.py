"""Section 3.7: images, whose bytes are what their digest says and hold nothing but a picture."""

from typing import Any

from conformance.images import PAGE, image, page, page_bytes
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import case
from conformance.writing import digest


def _about_a_document(play: Play, value: Any) -> Json:
    body = play.a.question("document")
    return body | {"elements": body["elements"] | {"document_image": value}}


@case("images.taken", "M-3.24", section="3.7", positive=True, inputs={"one": 1, "ten": 10})
async def taken(play: Play, pages: int) -> None:
    """
    A question about a document is accepted with the image of its pages.

    A gateway that takes none makes the other State answer about a document it cannot see.
    """
    await play.accepted(play.message(body=_about_a_document(play, image(*[page()] * pages))))


@case("images.asked-for", "M-3.24", section="3.7", profile="full", positive=True)
async def asked_for(play: Play) -> None:
    """
    A portrait comes with the elements that were asked for, and not before.

    A gateway that cannot ask for one has to guess between two persons of one name.
    """
    talk = await play.acknowledged()
    await talk.said("verification.question", {"candidates": 2, "elements": ["PHOTO"]})
    handling = play.a.question()["handling"]
    await talk.send("verification.elements", {"handling": handling, "elements": {"photo": image()}})


WRONG: dict[str, Any] = {
    "another-digest": image(page() | {"sha256": digest(b"another")}),
    "digest-of-the-text": image(page() | {"sha256": digest(PAGE.encode())}),
    "one-page-of-two": image(page(), page() | {"sha256": digest(b"another")}),
    "another-kind": image() | {"media_type": "image/png"},
    "no-page": {"media_type": "image/jpeg", "pages": []},
    "eleven-pages": image(*[page()] * 11),
    "padding": image(page() | {"content": PAGE + "=="}),
    "unused-bits": image(page() | {"content": PAGE[:-1] + "_" + "A"}),
    "caption": image(page() | {"caption": "taken at the border"}),
}


@case("images.wrong", "M-3.24", section="3.7", inputs=WRONG)
async def wrong(play: Play, value: Any) -> None:
    """
    An image whose digest is not that of its bytes, or of another kind, is `bad-schema`.

    A gateway that takes it shows its officer another picture than was approved.
    """
    await play.refused(play.message(body=_about_a_document(play, value)), "bad-schema")


@case("images.wrong-portrait", "M-3.24", section="3.7", inputs=["another-digest", "another-kind", "padding", "caption"])
async def wrong_portrait(play: Play, fault: str) -> None:
    """
    A portrait is looked at like the image of a document, in whatever message it comes.

    A gateway that looks at the first question alone compares another face than the one that was approved.
    """
    value = {"handling": play.a.question()["handling"], "elements": {"photo": WRONG[fault]}}
    await play.refused(play.message("verification.elements", value), "bad-schema")


def _with(marker: int, body: bytes) -> bytes:
    """Return the page with one segment more behind its header."""
    raw = page_bytes()
    return raw[:20] + bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body + raw[20:]


HIDING = {
    "camera-data": _with(0xE1, b"Exif\x00\x00II*\x00"),
    "comment": _with(0xFE, b"from the register"),
    "profile": _with(0xE2, b"ICC_PROFILE\x00\x01\x01name"),
    "words-in-a-table": _with(0xDB, b"from the register"),
    "bytes-behind-the-end": page_bytes() + b"PK\x03\x04",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "html": b"<script>alert(1)</script>" * 4,
}


@case("images.bare", "M-3.24", section="3.7", inputs=HIDING, level="SHOULD", profile="full")
async def bare(play: Play, raw: bytes) -> None:
    """
    An image that is no bare JPEG is `bad-schema`, whatever its digest.

    A gateway that takes it stores what no matrix allowed, or shows it to a browser that runs it.
    """
    await play.refused(play.message(body=_about_a_document(play, image(page(raw)))), "bad-schema")


@case("images.not-rectified", "M-3.24", section="3.7", profile="full")
async def not_rectified(play: Play) -> None:
    """
    A rectification that brings an image is `bad-schema`; one that strikes it is taken.

    A gateway that takes it has a picture that nobody asked for in place of one that was.
    """
    handling = play.a.question("document")["handling"]
    talk = await play.asks(name="document", elements=_about_a_document(play, image())["elements"])
    value = {"number": 1, "parts": ["DOCUMENT_IMAGE"], "handling": handling, "elements": {"document_image": image()}}
    await talk.refused("bad-schema", "rectification", value)
    await talk.send("rectification", value | {"handling": None, "elements": None})
