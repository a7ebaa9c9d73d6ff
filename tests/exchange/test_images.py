"""What XBB takes and refuses of images in messages: measured by their bytes, and no picture decoded on the way in."""

import sys
from typing import Any

import pytest

from gateway.core.attachments import wire
from tests.exchange.partner import Door, example
from tests.support import pictures
from tests.support.bad_images import BAD

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),  # the partner of the tests posts at once
]

IMAGE = pictures.rendition("document_image").kept["wire"]


def body(**images: Any) -> dict[str, Any]:
    """Return a question about a document, with images."""
    made = example("verification.request", "nationality")
    document = {"type": "P", "number": "X1234567", "issuer": "XBB"}
    handling = {**made["handling"], "purpose": "DOC_AUTHENTICITY"}
    return {**made, "handling": handling, "elements": {"document": document, **images}}


async def test_image_of_a_document_is_taken(door: Door) -> None:
    """A bare image where the purpose needs one is accepted."""
    await door.accepted(door.partner.message(body=body(document_image=IMAGE)))


async def test_ten_pages_are_taken(door: Door) -> None:
    """The most pages a document may have fit a message."""
    page = pictures.rendition("document_image").pages[0]
    await door.accepted(door.partner.message(body=body(document_image=wire([page] * 10))))


OF_PORTRAITS = {"two portraits", "a portrait that is too large"}
"""What a portrait may not be and a document may."""


@pytest.mark.parametrize("name", sorted(set(BAD) - OF_PORTRAITS))
async def test_image_that_is_not_what_it_must_be_is_refused(door: Door, name: str) -> None:
    """Each fault is a signed refusal `bad-schema`, and only ids and digests of it are kept."""
    (value,) = BAD[name].values()
    await door.refused(door.partner.message(body=body(document_image=value)), "bad-schema")


async def test_portrait_that_nobody_asked_for_is_refused(door: Door) -> None:
    """What the purpose does not allow is `not-minimised`, however well it was drawn."""
    photo = pictures.rendition("photo").kept["wire"]
    await door.refused(door.partner.message(body=body(photo=photo)), "not-minimised")


async def test_rectification_brings_no_image(door: Door) -> None:
    """A wrong image is struck; one in place of it would come past whoever asked for it."""
    first = door.partner.message(body=body(document_image=IMAGE))
    await door.accepted(first)
    value = example("rectification", "value")
    value |= {"parts": ["DOCUMENT_IMAGE"], "elements": {"document_image": IMAGE}}
    await door.refused(door.partner.message("rectification", value, thread=first.thread, seq=2), "bad-schema")


async def test_nothing_is_decoded_on_the_way_in(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message with an image is judged without any library for pictures, and without a worker."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    monkeypatch.setattr("gateway.transport.renderer.WorkerRenderer.render", None)
    await door.accepted(door.partner.message(body=body(document_image=IMAGE)))
