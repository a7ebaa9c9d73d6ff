"""Images: what a bare one is, what is refused of what arrives, and that only what was drawn here can be in a body."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.core.attachments import (
    FILE_MAX_BYTES,
    LONG_MAX_BYTES,
    MEMBER_OF,
    MEMBERS,
    PAGE_MAX_BYTES,
    PAGES_MAX,
    PHOTO_MAX_BYTES,
    REFUSALS,
    REMOVED,
    SHORT_MAX_BYTES,
    NotBare,
    NotRendered,
    attachment_findings,
    check_file,
    in_short,
    kind_of,
    measure,
    only_drawn,
    wire,
)
from gateway.core.elements import element_findings
from gateway.core.envelope import SIZES, pad
from gateway.core.minimise import MATRIX, disclose
from gateway.core.preview import compose
from gateway.web.interior.pictures import REFUSED_TEXTS, REMOVED_TEXTS
from keys import b64
from schemas import ijson
from tests.core.support import AROUND, NOW, draft
from tests.support import pictures
from tests.support.bad_images import BAD, BARE, LARGE, NOT_BARE
from tests.support.rows import for_each


def test_bare_image_is_measured() -> None:
    """Width and height are read from the frame; the picture is not looked at."""
    assert (384, 512) == measure(BARE)


@for_each("name", NOT_BARE)
def test_what_is_not_bare_is_told(name: str) -> None:
    """Whatever could hold more than a picture, or is none, is no bare image."""
    with pytest.raises(NotBare):
        measure(NOT_BARE[name])


@pytest.mark.parametrize(
    "more", [{"progressive": True}, {"subsampling": 0}, {"optimize": False}, {"restart_marker_rows": 4}]
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_image_of_any_encoder_is_bare(more: dict[str, Any], mode: str) -> None:
    """However another State writes its JPEG, in scans, with restarts or with plain tables, it is measured."""
    assert (600, 800) == measure(pictures.saved(pictures.portrait(mode=mode), **more))


@given(st.binary(max_size=400))
def test_any_bytes_are_bare_or_not(raw: bytes) -> None:
    """Bytes from anywhere are measured or refused, and nothing else happens."""
    for given_ in (raw, b"\xff\xd8" + raw + b"\xff\xd9", BARE[:20] + raw + BARE[20:]):
        try:
            measure(given_)
        except NotBare:
            continue


def test_image_as_we_make_it_passes_its_own_check() -> None:
    """What one gateway draws, another takes: schema, digest, form and limits."""
    for member in MEMBERS:
        value = {member: wire(pictures.rendition(member).pages)}
        assert () == attachment_findings(value) == element_findings(value)
        body = {"handling": HANDLING, "elements": value}
        schemas.validate("verification.elements", body)


HANDLING = {
    "purpose": "NATIONALITY",
    "legal_basis": "CONFIRMATION",
    "use_restrictions": ["P0"],
    "retain_until": "2027-06-30",
    "onward": "none",
}


@for_each("name", BAD)
def test_image_that_is_not_what_it_must_be_is_found(name: str) -> None:
    """Each fault is one coded finding at its element; the other elements are not its matter."""
    (found,) = element_findings({**BAD[name], "sex": 2})
    assert ("E-02", f"elements.{next(iter(BAD[name]))}") == (found.rule, found.where)


def test_attachment_of_a_record_is_no_image() -> None:
    """A record names a file by its digest; there is nothing to measure."""
    assert () == attachment_findings({"photo": {"media_type": "application/pdf", "sha256": "x"}})


# What leaves.


def record(purpose: str = "DOC_AUTHENTICITY", member: str = "document_image") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a record that names a file, and the images drawn of it."""
    image = pictures.rendition(member)
    elements = {**draft()["elements"], "document": {"type": "P", "number": "X123", "issuer": "XBB"}, member: image.file}
    return draft(purpose=purpose, elements=elements), {member: image.kept}


IMAGES = [row for row in MATRIX["elements"] if row["attachment"]]
CELLS = [
    (row["element"], row["members"][0], purpose, need) for row in IMAGES for purpose, need in row["purposes"].items()
]


@pytest.mark.parametrize(("element", "member", "purpose", "need"), CELLS)
@pytest.mark.parametrize("asked", [False, True])
def test_cell_of_an_image_drawn_anew(element: str, member: str, purpose: str, need: str, asked: bool) -> None:
    """Once it was drawn anew an image goes by the table like any other element."""
    file, images = record(member=member)
    (line,) = [
        one for one in disclose(file, purpose, [element] if asked else None, images).lines if one.member == member
    ]
    expected = {"required": ("sent", "-"), "forbidden": ("forbidden", "MIN-1")}
    expected["tier2"] = ("sent", "-") if asked else ("withheld", "MIN-2")
    assert expected[need] == (line.status, line.rule)


def test_what_is_sent_is_what_was_drawn() -> None:
    """The element of the body is the rendition, and the file's own digest is nowhere in the body."""
    file, images = record()
    made = compose(file, "XAA-01", NOW, around=AROUND, renditions=images)
    assert images["document_image"]["wire"] == ijson.loads(made.body.encode())["elements"]["document_image"]
    assert () == made.findings
    assert file["elements"]["document_image"]["sha256"] not in made.body


def test_image_of_another_file_does_not_leave() -> None:
    """Once the record names another file, what was drawn of the one before counts for nothing."""
    file, images = record()
    file["elements"]["document_image"] = {**file["elements"]["document_image"], "sha256": b64.encode(bytes(32))}
    disclosed = disclose(file, "DOC_AUTHENTICITY", None, images)
    assert "document_image" not in disclosed.elements
    assert "MIN-4" in {line.rule for line in disclosed.lines}


def test_record_has_no_place_for_an_image() -> None:
    """The schema of a draft takes a file's kind and digest and nothing else: no draft brings bytes of its own."""
    file, images = record()
    for more in (images["document_image"], images["document_image"]["wire"], {"content": "AAAA"}):
        elements = {**file["elements"], "document_image": {**file["elements"]["document_image"], **more}}
        assert not schemas.is_valid("case-draft", {**file, "elements": elements})
    assert not schemas.is_valid("case-draft", {**file, "renditions": images})


def test_only_what_was_drawn_here_passes() -> None:
    """An image that the case does not keep, or keeps otherwise, is found."""
    value = wire([BARE])
    assert () == only_drawn({"photo": value, "sex": 2}, {"photo": {"wire": value}})
    for kept in ({}, {"photo": {"wire": wire([LARGE])}}):
        assert ["MIN-4"] == [one.rule for one in only_drawn({"photo": value}, kept)]


@pytest.mark.parametrize(
    ("photo", "document", "size"),
    [
        (0, (), SIZES[0]),
        (PHOTO_MAX_BYTES, (), SIZES[1]),
        (PHOTO_MAX_BYTES, (PAGE_MAX_BYTES,), SIZES[2]),
        (PHOTO_MAX_BYTES, (SHORT_MAX_BYTES // 2, SHORT_MAX_BYTES // 2), SIZES[2]),
        (PHOTO_MAX_BYTES, (PAGE_MAX_BYTES,) * PAGES_MAX, SIZES[3]),
    ],
)
def test_largest_images_fit_their_envelope(photo: int, document: tuple[int, ...], size: int) -> None:
    """The limits are such that a portrait, a short and a long document each have an envelope they always fit."""
    sizes = {"photo": (photo,) if photo else (), "document_image": document}
    body = ijson.dumps({name: wire([bytes(one) for one in pages]) for name, pages in sizes.items() if pages})
    # What else is in a message fits the smallest envelope.
    jws = b64.encode(body) + "x" * (SIZES[0] - 200)
    assert size == len(pad(jws.encode()))
    assert len(document) * PAGE_MAX_BYTES <= LONG_MAX_BYTES


# Codes, and what is told.


def test_kind_is_told_by_the_first_bytes() -> None:
    """What a file is called does not count."""
    assert ("image/jpeg", "image/png", "application/pdf") == tuple(
        map(kind_of, (pictures.jpeg(), pictures.saved(pictures.portrait(), "PNG"), pictures.pdf()))
    )


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: b"", "file-empty"),
        (lambda: b"\xff\xd8\xff" + bytes(FILE_MAX_BYTES), "file-large"),
        (pictures.zipped, "file-kind"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file-kind"),
        (lambda: pictures.saved(pictures.portrait(), "GIF"), "file-kind"),
        (lambda: pictures.saved(pictures.portrait(), "TIFF"), "file-kind"),
        (lambda: pictures.saved(pictures.portrait(), "WEBP"), "file-kind"),
        (lambda: b"\x00\x00\x00\x18ftypheic", "file-kind"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file-kind"),
        (lambda: b" %PDF-1.7", "file-kind"),
    ],
)
def test_file_of_another_kind_never_reaches_the_worker(made: Callable[[], bytes], code: str) -> None:
    """What is empty, too large or of no kind that is taken is refused before a process is started for it."""
    with pytest.raises(NotRendered) as refused:
        check_file(made())
    assert code == refused.value.code


def test_every_code_has_its_text_on_a_page() -> None:
    """No officer is told a bare code."""
    assert (set(REFUSALS), set(REMOVED)) == (set(REFUSED_TEXTS), set(REMOVED_TEXTS))


def test_members_are_those_of_the_matrix() -> None:
    """The elements that are images are those the matrix calls attachments."""
    assert {row["element"]: row["members"][0] for row in IMAGES} == MEMBER_OF
    assert set(MEMBERS) == set(MEMBER_OF.values())


def test_in_short_no_bytes_are_left() -> None:
    """What people are shown of a body names digest and size of a page in place of its bytes."""
    value = {"elements": {"photo": wire([BARE]), "sex": 2}, "n": [1, {"a": None}]}
    short = in_short(value)
    assert b64.encode(BARE) not in str(short)
    assert [{"sha256": b64.encode(sha256(BARE).digest()), "bytes": len(BARE)}] == short["elements"]["photo"]["pages"]
    assert (2, [1, {"a": None}]) == (short["elements"]["sex"], short["n"])
