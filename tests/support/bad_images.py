"""Images on the wire that are not what they must be, each for one reason."""

from hashlib import sha256
from typing import Any

from gateway.core.attachments import PAGE_MAX_BYTES, PAGES_MAX, PHOTO_MAX_BYTES, SHORT_MAX_BYTES, SIDE_MAX, wire
from keys import b64
from tests.support import pictures

BARE = pictures.rendition("photo").pages[0]
JFIF = BARE[2:20]
FRAME_AT = BARE.index(b"\xff\xc0")
SCAN_AT = BARE.index(b"\xff\xda")


def segment(marker: int, body: bytes) -> bytes:
    """Return one segment of a JPEG."""
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


def with_segment(marker: int, body: bytes) -> bytes:
    """Return the bare image with one more segment behind its header."""
    return BARE[:20] + segment(marker, body) + BARE[20:]


NOT_BARE = {
    "nothing": b"",
    "the first marks alone": b"\xff\xd8\xff",
    "another mark in front": b"PK" + BARE[2:],
    "a PNG": pictures.saved(pictures.portrait(), "PNG"),
    "camera data": with_segment(0xE1, b"Exif\x00\x00II*\x00"),
    "XMP": with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x/>"),
    "a profile": with_segment(0xE2, b"ICC_PROFILE\x00\x01\x01abc"),
    "captions": with_segment(0xED, b"Photoshop 3.0\x00"),
    "a comment": with_segment(0xFE, b"from the shelter"),
    "a reserved segment": with_segment(0xF0, b"text"),
    "a header with a thumbnail": BARE[:18] + b"\x01\x01" + BARE[20:],
    "a longer header": BARE[:2] + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00abc") + BARE[20:],
    "a longer header that ends as one": BARE[:2]
    + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01from the shelter\x00\x00")
    + BARE[20:],
    "a header of another kind": BARE[:2] + segment(0xE0, b"from shelter\x00\x00") + BARE[20:],
    "a second header of another kind": with_segment(0xE0, b"JFXX\x00\x10abc"),
    "bytes behind the end": BARE + b"\x00",
    "a zip behind the end": BARE + pictures.zipped(),
    "an end and a zip and an end": BARE + pictures.zipped() + b"\xff\xd9",
    "a second image": BARE + BARE,
    "cut short": BARE[: len(BARE) // 2],
    "no picture data": BARE[:SCAN_AT] + b"\xff\xd9",
    "picture data before the frame": BARE[:20] + BARE[SCAN_AT:],
    "picture data before the frame and behind it": BARE[:FRAME_AT] + BARE[SCAN_AT:-2] + BARE[FRAME_AT:],
    "picture data of four colours": BARE[:SCAN_AT]
    + segment(0xDA, b"\x04" + bytes(8) + b"\x00\x3f\x00")
    + BARE[SCAN_AT + 14 :],
    "picture data of no colour": BARE[:SCAN_AT] + segment(0xDA, b"\x00\x00\x3f\x00") + BARE[SCAN_AT + 14 :],
    "two frames": BARE[:SCAN_AT] + BARE[FRAME_AT : FRAME_AT + 19] + BARE[SCAN_AT:],
    "a segment past the end": BARE[:20] + b"\xff\xdb\xff\xff" + BARE[20:],
    "a length of one": BARE[:20] + b"\xff\xdb\x00\x01" + BARE[20:],
    "16 bits a colour": BARE[: FRAME_AT + 4] + b"\x10" + BARE[FRAME_AT + 5 :],
    "too wide": BARE[: FRAME_AT + 7] + (SIDE_MAX + 1).to_bytes(2) + BARE[FRAME_AT + 9 :],
    "no width": BARE[: FRAME_AT + 7] + b"\x00\x00" + BARE[FRAME_AT + 9 :],
    "no height": BARE[: FRAME_AT + 5] + b"\x00\x00" + BARE[FRAME_AT + 7 :],
    "four colours": BARE[: FRAME_AT + 9] + b"\x04" + BARE[FRAME_AT + 10 :],
    "four colours, each with its place": BARE[:FRAME_AT]
    + segment(0xC0, BARE[FRAME_AT + 4 : FRAME_AT + 9] + b"\x04" + bytes(12))
    + BARE[FRAME_AT + 19 :],
    "words in place of a table": with_segment(0xDB, b"from the shelter at Northtown"),
    "words behind a table": with_segment(0xDB, b"\x03" + bytes(range(1, 65)) + b"from the shelter"),
    "a table of words, given twice": with_segment(0xDB, b"\x03" + b"from the shelter" * 4 + b"\x03" + bytes(64)),
    "a table that runs past its segment": with_segment(0xDB, b"\x03from the shelter"),
    "a table of more than 16 bits": with_segment(0xDB, b"\x23" + bytes(192)),
    "a fifth table": with_segment(0xDB, b"\x04" + bytes(64)),
    "codes of a class there is not": with_segment(0xC4, b"\x20\x01" + bytes(15) + b"a"),
    "a fifth table of codes": with_segment(0xC4, b"\x04\x01" + bytes(15) + b"a"),
    "words in place of codes": with_segment(0xC4, b"from the shelter at Northtown"),
    "codes that are words": with_segment(0xC4, b"\x03" + bytes(15) + b"\x10" + b"from the shelter"),
    "more codes than there can be": with_segment(0xC4, b"\x03\x03" + bytes(15) + b"abc"),
    "an empty table": with_segment(0xDB, b""),
    "words in place of an interval": with_segment(0xDD, b"from the shelter"),
    "a second header": BARE[:20] + JFIF + BARE[20:],
    "a frame with words": BARE[:FRAME_AT]
    + segment(0xC0, BARE[FRAME_AT + 4 : FRAME_AT + 19] + b"words")
    + BARE[FRAME_AT + 19 :],
    "picture data with words before it": BARE[:SCAN_AT]
    + segment(0xDA, BARE[SCAN_AT + 4 : SCAN_AT + 14] + b"words")
    + BARE[SCAN_AT + 14 :],
    "arithmetic coding": BARE[:FRAME_AT] + b"\xff\xc9" + BARE[FRAME_AT + 2 :],
}


def document(pages: int) -> dict[str, Any]:
    """Return an image of a document on the wire."""
    return wire([BARE] * pages)


def changed(**changes: Any) -> dict[str, Any]:
    """Return a portrait on the wire with members of its page changed."""
    made = wire([BARE])
    return {**made, "pages": [{**made["pages"][0], **changes}]}


LARGE = BARE[:-2] + bytes(PHOTO_MAX_BYTES) + b"\xff\xd9"
LARGER = BARE[:-2] + bytes(PAGE_MAX_BYTES) + b"\xff\xd9"
FULL = BARE[:-2] + bytes(SHORT_MAX_BYTES // 2) + b"\xff\xd9"
BAD: dict[str, dict[str, Any]] = {
    "another digest": {"photo": changed(sha256=b64.encode(sha256(b"other").digest()))},
    "not base64url": {"photo": changed(content=b64.encode(BARE)[:-2] + "==")},
    "another kind": {"photo": {**wire([BARE]), "media_type": "image/png"}},
    "two portraits": {"photo": document(2)},
    "no page": {"document_image": document(0)},
    "eleven pages": {"document_image": document(PAGES_MAX + 1)},
    "a portrait that is too large": {"photo": wire([LARGE])},
    "a page that is too large": {"document_image": wire([LARGER])},
    "pages that are too large together": {"document_image": wire([FULL, FULL])},
    **{f"a page with {name}": {"photo": wire([raw])} for name, raw in NOT_BARE.items() if raw},
}
