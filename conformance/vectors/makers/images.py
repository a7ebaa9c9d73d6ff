"""Vectors of images in the elements of a message."""

from conformance.images import PAGE, image, page
from conformance.reading import compact
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import REQUEST_BODY
from conformance.writing import digest

ELEMENTS = "verification.elements"


def images_file() -> Collector:
    """Images in elements: taken with the digest of their bytes, refused with another, or of another kind."""
    file = Collector("images", "Images in the elements of a message (protocol 3.7)")

    def given(kind: str, **images: Json) -> Json:
        handling = REQUEST_BODY["handling"] | {"purpose": "NATIONALITY" if kind == ELEMENTS else "DOC_AUTHENTICITY"}
        first = REQUEST_BODY if kind == "verification.request" else {}
        known = {"document": {"type": "P", "number": "X1234567", "issuer": "XBB"}} if first else {}
        value = {**first, "handling": handling, "elements": {**known, **images}}
        return {"type": kind, "text": compact(value).decode()}

    for about, kind, images in (
        ("a portrait", ELEMENTS, {"photo": image()}),
        ("two pages of a document", ELEMENTS, {"document_image": image(page(), page())}),
        ("a portrait and a page", ELEMENTS, {"photo": image(), "document_image": image()}),
        ("a page in a question about a document", "verification.request", {"document_image": image()}),
    ):
        file.ok("body", about, "M-3.24", given(kind, **images))
    for about, value in (
        ("another digest", image(page() | {"sha256": digest(b"another")})),
        ("the digest of the text and not of the bytes", image(page() | {"sha256": digest(PAGE.encode())})),
        ("another digest on the second page", image(page(), page() | {"sha256": digest(b"another")})),
        ("another kind", image() | {"media_type": "image/png"}),
        ("no kind", {"pages": [page()]}),
        ("no page", {"media_type": "image/jpeg", "pages": []}),
        ("eleven pages", image(*[page()] * 11)),
        ("padding", image(page() | {"content": PAGE + "="})),
        ("a caption", image(page() | {"caption": "taken at the border"})),
    ):
        file.bad("body", about, "M-3.24", given(ELEMENTS, document_image=value), "bad-schema")
    file.bad("body", "two portraits", "M-3.24", given(ELEMENTS, photo=image(page(), page())), "bad-schema")
    return file
