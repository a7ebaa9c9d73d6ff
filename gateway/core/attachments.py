"""
Images that travel: which files are taken, what is made of them, and what an image of the other State must be.

Rule 1: no byte of a file leaves. A worker draws its pixels anew, and what was drawn is all that a body can hold.
Rule 2: what travels is a bare JPEG: picture data and the tables to read it, and no segment that could hold more.
Rule 3: what arrives is measured by its bytes alone. Nothing here decodes a picture.

The sizes are chosen by the envelope (``gateway.core.envelope``): base64url twice over makes 16 bytes of 9, so a
portrait and the elements around it fit 64 KiB, a document of two pages with it 512 KiB, the largest document 4 MiB.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from gateway.core.finding import Finding
from keys import b64

RULE = "E-02"
MEMBERS: Final = ("photo", "document_image")
"""Members of ``elements`` that are images: a portrait, and the pages of a document."""

MEMBER_OF: Final[Mapping[str, str]] = {"PHOTO": "photo", "DOCUMENT_IMAGE": "document_image"}
"""The member of ``elements`` that holds each of them, by its code."""

MEDIA_TYPE: Final = "image/jpeg"
"""The one kind that travels: every browser and register shows it, and it has no place for a second picture."""

KINDS: Final[Mapping[bytes, str]] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"%PDF-": "application/pdf",
}
"""The kinds of file that are taken, by their first bytes. What a file is called says nothing."""

FILE_MAX_BYTES: Final = 8 << 20
"""A page scanned at 600 dpi as JPEG has about 4 MiB."""

PIXELS_MAX: Final = 40_000_000
"""A4 at 600 dpi has 35 million. Decoded they take 120 MB, which the worker's bound of memory leaves room for."""

PAGES_MAX: Final = 10
"""Of a PDF. A passport is asked for by the pages that hold an entry."""

SIDE_MAX: Final = 2400
"""Pixels of the longer side of what travels: A4 at 200 dpi, at which print of 6 points can be read."""

SIDE_MIN: Final = 240
"""Pixels of the longer side below which nothing is scaled down to fit: a face could not be told any more."""

PHOTO_MAX_BYTES: Final = 30 << 10
SHORT_MAX_BYTES: Final = 240 << 10
LONG_MAX_BYTES: Final = 1920 << 10
SHORT_PAGES: Final = 2
PAGE_MAX_BYTES: Final = 192 << 10
"""Of the base64url text of a page this is exactly 262,144 characters, as in the schema."""

REFUSALS: Final[Mapping[str, str]] = {
    "file-empty": "there is nothing in the file",
    "file-large": "the file has more than 8 MiB",
    "file-kind": "the file is no JPEG, PNG or PDF",
    "file-broken": "the file is damaged or cut short",
    "file-joined": "another file hides behind the image",
    "file-moving": "the file holds several images or an animation",
    "file-pixels": "the image has too many pixels",
    "file-pages": "the file has too many pages, or none",
    "file-locked": "the PDF is encrypted",
    "file-active": "the PDF holds scripts or other files",
    "file-fit": "the image cannot be made small enough to travel and still be told",
    "worker-late": "drawing it anew took too long",
    "worker-ended": "the process that draws it anew ended before it was done",
    "worker-result": "the process that draws it anew gave back what is no bare image",
    "worker-library": "the libraries that draw it anew are not installed",
    "worker-busy": "too many images are being drawn anew",
}
"""Why an image was not drawn anew, by code. All of them hold the image back; none loses anything."""

REMOVED: Final[Mapping[str, str]] = {
    "exif": "camera data (Exif)",
    "gps": "the place where it was taken (GPS)",
    "thumbnail": "a small copy of an earlier state",
    "xmp": "editing history and authors (XMP)",
    "iptc": "captions and authors (IPTC)",
    "icc": "a colour profile, which can name a device",
    "comment": "comments and other text",
    "time": "the time it was made or changed",
    "trailing": "bytes behind the end of the image",
    "orientation": "a note how to turn it; it was turned",
    "alpha": "transparency; white was put behind it",
    "colour": "colours that are not plain ones; they were converted",
    "depth": "more than 8 bits a colour",
    "author": "title, author and program of the PDF",
    "text": "the text behind the pages",
    "notes": "what notes on the pages say beside what they show, and form fields",
    "history": "earlier versions of the PDF",
    "scaled": "detail; the image was made smaller so that it fits",
}
"""What was taken away from an image or found in it and left behind, by code."""


class NotRendered(Exception):
    """An image was not drawn anew; ``code`` is one of ``REFUSALS``. Nothing was stored and nothing is lost."""

    def __init__(self, code: str) -> None:
        super().__init__(REFUSALS[code])
        self.code = code

    @property
    def finding(self) -> Finding:
        """Return it as what a rule found."""
        return Finding(RULE, f"{self.code}: {REFUSALS[self.code]}", "elements")


@dataclass(frozen=True, slots=True)
class Rendition:
    """
    What was drawn of a file: ``pages`` are bare JPEGs, ``removed`` what is not in them any more (codes of ``REMOVED``).

    ``media_type`` and ``of`` (base64url SHA-256) are those of the file it was drawn of, which is kept nowhere.
    """

    media_type: str
    of: str
    pages: tuple[bytes, ...]
    removed: tuple[str, ...]

    @property
    def file(self) -> dict[str, str]:
        """Return how the record names the file: an ``attachment`` of the schema ``case-draft``."""
        return {"media_type": self.media_type, "sha256": self.of}

    @property
    def kept(self) -> dict[str, Any]:
        """Return it as a case keeps it beside its record; ``wire`` and ``removed`` are read by name."""
        return {"of": self.of, "wire": wire(self.pages), "removed": list(self.removed)}


def wire(pages: Sequence[bytes]) -> dict[str, Any]:
    """Return ``pages`` as an element of a body: kind, and of each page its digest and its bytes."""
    made = [{"sha256": b64.encode(sha256(page).digest()), "content": b64.encode(page)} for page in pages]
    return {"media_type": MEDIA_TYPE, "pages": made}


def drawn(draft: Mapping[str, Any], renditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return of ``renditions`` (as a case keeps them) those drawn of a file that ``draft`` still names, by member."""
    files = draft["elements"]
    return {name: one for name, one in renditions.items() if name in files and files[name]["sha256"] == one["of"]}


def kind_of(raw: bytes) -> str | None:
    """Return the media type of a file by its first bytes, or ``None`` if it is of no kind that is taken."""
    return next((kind for start, kind in KINDS.items() if raw.startswith(start)), None)


def check_file(raw: bytes) -> str:
    """Return the media type of a file that may be given to the worker. Raises ``NotRendered``."""
    if not raw:
        raise NotRendered("file-empty")
    if len(raw) > FILE_MAX_BYTES:
        raise NotRendered("file-large")
    kind = kind_of(raw)
    if kind is None:
        raise NotRendered("file-kind")
    return kind


def most_bytes(member: str, pages: int) -> int:
    """Return how many bytes ``pages`` pages of ``member`` may have together."""
    if member == "photo":
        return PHOTO_MAX_BYTES
    return SHORT_MAX_BYTES if pages <= SHORT_PAGES else LONG_MAX_BYTES


def most_pages(member: str) -> int:
    """Return how many pages ``member`` may have."""
    return 1 if member == "photo" else PAGES_MAX


# What a bare JPEG is (ITU-T T.81 annex B; JFIF 1.02).

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive, Huffman coded: what browsers show."""
_QUANTISATION, _CODES, _RESTART = 0xDB, 0xC4, 0xDD
_TABLES = frozenset({_QUANTISATION, _CODES, _RESTART})
"""Tables that picture data is read by, and its restart interval."""
_JFIF = b"JFIF\x00\x01"
_JFIF_BYTES = 16
_NEXT = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The next marker behind picture data, in which 0xFF stands before a zero or a restart marker only."""


class NotBare(ValueError):
    """Bytes are no bare JPEG; says what they have too much or too little."""


def measure(page: bytes) -> tuple[int, int]:
    """
    Return width and height of a bare JPEG in pixels, read from its segments; the picture is not decoded.

    Raises ``NotBare`` for a segment that is not picture data or a table for it, for a table that is none or holds more,
    for bytes behind the end, for a JFIF header with a thumbnail or a second one, for several frames, and for a side
    above ``SIDE_MAX``.
    """
    size: tuple[int, int] | None = None
    tables = set[int]()
    for number, (marker, body) in enumerate(_segments(page)):
        if marker in _FRAMES:
            if size is not None or len(body) < 6 or len(body) != 6 + 3 * body[5]:
                raise NotBare("an image has one frame, which says nothing but its sides and colours")
            height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
            if body[0] != 8 or body[5] not in (1, 3) or not 0 < width <= SIDE_MAX or not 0 < height <= SIDE_MAX:
                raise NotBare("an image has 8 bits a colour, one or three colours, and sides within the limit")
            size = width, height
        elif marker == 0xE0:
            if number or len(body) != _JFIF_BYTES - 2 or not body.startswith(_JFIF) or body[-2:] != b"\x00\x00":
                raise NotBare("the header is not the first, or not that of a JFIF without a thumbnail")
        elif marker == _SOS:
            if size is None or not body or not 0 < body[0] <= 3 or len(body) != 4 + 2 * body[0]:
                raise NotBare("picture data comes before its frame, or its head holds more")
        elif marker in _TABLES:
            _check_table(marker, body, tables)
        else:
            raise NotBare("a segment is neither picture data nor a table for it")
    if size is None:
        raise NotBare("there is no frame")
    return size


def _check_table(marker: int, body: bytes, known: set[int]) -> None:
    """
    Refuse a segment of tables that holds anything else, since words could stand where a decoder never looks.

    ``known`` are the numbers of the quantisation tables so far: each comes once.
    """
    if marker == _RESTART and len(body) != 2:
        raise NotBare("a restart interval has two bytes")
    at = 0
    while marker != _RESTART and at < len(body):
        at = _quantisation_end(body, at, known) if marker == _QUANTISATION else _codes_end(body, at)
    if marker != _RESTART and (not body or at != len(body)):
        raise NotBare("a table runs past its segment, or there is none")


def _quantisation_end(body: bytes, at: int, known: set[int]) -> int:
    """Return where the quantisation table at ``at`` ends (T.81 B.2.4.1)."""
    precision, number = divmod(body[at], 16)
    if precision > 1 or number > 3 or number in known:
        raise NotBare("there is no such quantisation table, or a second one")
    known.add(number)
    return at + 1 + 64 * (precision + 1)


def _codes_end(body: bytes, at: int) -> int:
    """Return where the Huffman table at ``at`` ends (T.81 B.2.4.2): codes that are one, of values that differ."""
    counts = body[at + 1 : at + 17]
    end = at + 17 + sum(counts)
    taken = sum(count << (16 - length) for length, count in enumerate(counts, 1))
    values = body[at + 17 : end]
    if body[at] & 0xEC or taken > 1 << 16 or len(set(values)) < sum(counts):
        raise NotBare("a Huffman table is none")
    return end


def _segments(page: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment between the first and the last two bytes."""
    if page[:2] != bytes((0xFF, _SOI)) or page[-2:] != bytes((0xFF, _EOI)):
        raise NotBare("an image begins and ends with the marks of a JPEG")
    at, scanned = 2, False
    while True:
        if page[at : at + 1] != b"\xff":
            raise NotBare("a segment begins with a mark")
        marker = page[at + 1]
        if marker == _EOI:
            if at + 2 != len(page) or not scanned:
                raise NotBare("there are bytes behind the end, or no picture data")
            return
        length = int.from_bytes(page[at + 2 : at + 4])
        if length < 2 or at + 2 + length > len(page) - 2:
            raise NotBare("a segment runs past the end")
        yield marker, page[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == _SOS:
            scanned, found = True, _NEXT.search(page, at)
            if found is None:
                raise NotBare("picture data has no end")
            at = found.start()


# What arrives.


def attachment_findings(elements: Mapping[str, Any]) -> tuple[Finding, ...]:
    """
    Return a finding for each image in ``elements`` (of a body, accepted by its schema) that is not what it must be.

    Looked at are the digest of each page, its form, its sides, and the bytes of all together.
    """
    found = []
    for member in MEMBERS:
        value = elements.get(member)
        if value is not None and "pages" in value and (why := _fault(member, value)):
            found.append(Finding(RULE, why, f"elements.{member}"))
    return tuple(found)


def _fault(member: str, value: Mapping[str, Any]) -> str:
    pages, total = value["pages"], 0
    if value["media_type"] != MEDIA_TYPE or not 0 < len(pages) <= most_pages(member):
        return "another kind of image, or too many pages"
    for page in pages:
        try:
            raw = b64.decode(page["content"])
            measure(raw)
        except NotBare as error:
            return str(error)
        except ValueError:
            return "a page is not canonical base64url"
        total += len(raw)
        if b64.encode(sha256(raw).digest()) != page["sha256"]:
            return "a page has another digest than it says"
        if len(raw) > PAGE_MAX_BYTES:
            return "a page has too many bytes"
    return "the pages have too many bytes together" if total > most_bytes(member, len(pages)) else ""


def only_drawn(elements: Mapping[str, Any], renditions: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return a finding for each image in ``elements`` that is not one this gateway drew and keeps in the case."""
    return tuple(
        Finding("MIN-4", "an image leaves only as this gateway drew it anew", f"elements.{member}")
        for member in MEMBERS
        if member in elements and elements[member] != renditions.get(member, {}).get("wire")
    )


def without_images(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body whose ``elements`` have no images any more; what else it says stays."""
    elements = body.get("elements")
    if not isinstance(elements, Mapping):
        return dict(body)
    return {**body, "elements": {name: value for name, value in elements.items() if name not in MEMBERS}}


def has_images(body: Mapping[str, Any] | None) -> bool:
    """Tell whether a body has images among its ``elements``."""
    elements = (body or {}).get("elements")
    return isinstance(elements, Mapping) and any(name in elements for name in MEMBERS)


def in_short(value: Any) -> Any:
    """Return a value of a body with the bytes of each page replaced by their count, to be shown to people."""
    if isinstance(value, Mapping):
        if value.keys() == {"sha256", "content"}:
            return {"sha256": value["sha256"], "bytes": len(value["content"]) * 3 // 4}
        return {name: in_short(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [in_short(one) for one in value]
    return value
