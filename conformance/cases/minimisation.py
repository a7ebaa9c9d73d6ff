"""Sections 3.5 and 5.1: no more than the question needs, on both sides."""

from typing import Any

import schemas
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case


def _full(play: Play) -> Json:
    elements: Json = play.a.question()["elements"] | {
        "sex": 2,
        "document": {"type": "P", "number": "X1234567", "issuer": play.gateway.code},
    }
    return elements


def _forbidden() -> dict[str, str]:
    """Return, by name, each member of ``elements`` that a request about a nationality must not carry."""
    found: dict[str, str] = {}
    for row in schemas.load_matrix()["elements"]:
        if row["purposes"].get("NATIONALITY") != "required":
            found |= dict.fromkeys(row["members"], row["element"])
    return found


@case("minimisation.never-leaves", "M-3.8", section="3.5", profile="verify")
async def never_leaves(play: Play) -> None:
    """
    Of a file that is full, only the elements that the purpose requires leave.

    A gateway that sends the file gives away for good what nobody asked for.
    """
    elements: dict[str, Any] = _full(play)
    talk = await play.is_asked(elements={**play.draft()["elements"], **elements})
    sent = set(talk.heard[0].body["elements"])
    if found := sorted(sent & set(_forbidden())):
        raise Wrong(f"the request carries {', '.join(found)}, which the purpose does not require")


@case("minimisation.received", "M-5.1", section="5.1")
async def received(play: Play) -> None:
    """
    A request with an element that the purpose does not allow is refused `not-minimised`.

    A gateway that takes it keeps what it should never have been sent.
    """
    body = play.a.question()
    body["elements"] = body["elements"] | {"entry_date": "2020-01-01"}
    await play.refused(play.message(body=body), "not-minimised")


REMARKS = {
    "no-agreement": ("Please look in the archive", "not-minimised"),
    "joiner-of-arabic-letters": ("\u0645\u06cc\u200c\u0622\u06cc\u0645", "not-minimised"),
    "joiner-of-latin-letters": ("Iva\u200dnova", "bad-schema"),
    "form-d": ("Ivanova\u0301", "bad-schema"),
    "right-to-left-override": ("Iva\u202enova", "bad-schema"),
}


@case("minimisation.remark", "M-5.1", section="3.5", inputs=REMARKS)
async def remark(play: Play, given: tuple[str, str]) -> None:
    """
    A remark that no agreement allows is `not-minimised`, and one that is not of its form `bad-schema`.

    A gateway that takes it keeps in free words, of a person, what nobody took out; one that shows what does not show
    has its officer read another text than was sent.
    """
    text, code = given
    body = play.b.question() | {"remark": {"language": "en", "text": text}}
    await play.refused(play.b.message(play.gateway, body=body), code)


@case("minimisation.examples", "M-3.8", section="3.5", positive=True, inputs=["document", "permanent-residence"])
async def examples(play: Play, name: str) -> None:
    """
    A request of each purpose with what it requires is accepted.

    A gateway that knows one purpose only answers one question only.
    """
    await play.accepted(play.message(body=play.a.question(name)))
