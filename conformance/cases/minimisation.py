"""Sections 3.5 and 5.1: no more than the question needs, on both sides."""

from contextlib import suppress
from typing import Any

import schemas
from conformance.backend import Forbidden
from conformance.bodies import accepts, day, send
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.returning import plan
from conformance.state import example


def _forbidden(purpose: str) -> dict[str, str]:
    """Return, by name, each member of ``elements`` that a request for ``purpose`` must not carry."""
    found: dict[str, str] = {}
    for row in schemas.load_matrix()["elements"]:
        if row["purposes"].get(purpose) != "required":
            found |= dict.fromkeys(row["members"], row["element"])
    return found


PURPOSES = ["NATIONALITY", "PERM_RESIDENCE", "DOC_AUTHENTICITY"]


@case("minimisation.never-leaves", "M-3.8", section="3.5", profile="verify", inputs=PURPOSES)
async def never_leaves(play: Play, purpose: str) -> None:
    """
    Of a file that is full, only the elements that the purpose requires leave.

    A gateway that sends the file gives away for good what nobody asked for.
    """
    document = {"type": "P", "number": "X1234567", "issuer": play.a.code}
    full = _file(play) | {"document": document, "mother_given_names": "Elena"}
    talk = await play.is_asked(purpose=purpose, elements=full)
    sent = set(talk.heard[0].body["elements"])
    if found := sorted(sent & set(_forbidden(purpose))):
        raise Wrong(f"the request carries {', '.join(found)}, which the purpose does not require")


def _file(play: Play) -> dict[str, Any]:
    """Return the elements of a file that says almost everything, without an image."""
    elements = example("case-draft", "permanent-residence")["elements"] | {"personal_number": "4001017654321"}
    return {name: value for name, value in elements.items() if name not in ("photo", "document_image")}


@case("minimisation.papers", "M-3.8", "M-5.1", section="3.5", profile="return")
async def papers(play: Play) -> None:
    """
    With its request for a travel document the gateway sends what such a document needs, and nothing else of the file.

    A gateway that sends the file there gives away at the end what it kept back at the beginning.
    """
    talk = await play.taken_up(
        elements={**_file(play), "mother_given_names": "Elena"},
        handling={"use_restrictions": ["P0"], "retain_until": day(play, 300), "onward": "none"},
    )
    await send(talk, "verification.reply")
    await talk.said("return.proposal", plan(play))
    await accepts(talk)
    asked = (await talk.said("travel-document.request", {"needed_by": day(play, 15)})).body
    if found := sorted(set(asked["elements"]) & set(_forbidden("TRAVEL_DOC"))):
        raise Wrong(f"the request carries {', '.join(found)}, which no travel document needs")


EXCESS: dict[str, tuple[str, dict[str, Any]]] = {
    "a-day-of-entry": ("nationality", {"entry_date": "2020-01-01"}),
    "tier-2": ("nationality", {"sex": 2}),
    "parents-of-a-resident": ("permanent-residence", {"mother_given_names": "Elena"}),
    "who-holds-the-document": ("document", {"birth_date": "2001-04-XX"}),
}


@case("minimisation.received", "M-5.1", section="5.1", inputs=EXCESS)
async def received(play: Play, given: tuple[str, dict[str, Any]]) -> None:
    """
    A request with an element that the purpose does not allow is refused `not-minimised`.

    A gateway that takes it keeps what it should never have been sent.
    """
    name, more = given
    body = play.a.question(name)
    body["elements"] = body["elements"] | more
    await play.refused(play.message(body=body), "not-minimised")


REMARKS = {
    "no-agreement": ("Please look in the archive", "not-minimised"),
    "joiner-of-arabic-letters": ("\u0645\u06cc\u200c\u0622\u06cc\u0645", "not-minimised"),
    "joiner-of-latin-letters": ("Iva\u200dnova", "bad-schema"),
    "form-d": ("Ivanova\u0301", "bad-schema"),
    "right-to-left-override": ("Iva\u202enova", "bad-schema"),
}


@case("minimisation.no-entry-date", "M-3.8", section="3.5")
async def no_entry_date(play: Play) -> None:
    """
    A question about permanent residence that names no day of entry is `illegal-step`.

    A gateway that takes it answers for today, and its partner reads the answer for another day.
    """
    body = play.a.question("permanent-residence")
    elements = {name: value for name, value in body["elements"].items() if name != "entry_date"}
    await play.refused(play.message(body=body | {"elements": elements}), "illegal-step")


@case("minimisation.asked-in-vain", "M-5.1", "M-3.8", section="5.1", profile="verify")
async def asked_in_vain(play: Play) -> None:
    """
    To a question the gateway's desk sends what was asked for and the purpose allows, and nothing else of the file.

    A gateway that sends whatever it is asked for lets its partner decide what it may know.
    """
    draft = example("case-draft", "permanent-residence")
    more = {"sex": 2, "personal_number": "4001017654321", "mother_given_names": "Elena"}
    elements = {name: value for name, value in draft["elements"].items() if name != "photo"} | more
    talk = await play.taken_up(purpose=draft["purpose"], elements=elements)
    await send(talk, "verification.question", elements=["SEX", "PARENT_NAMES"])
    with suppress(Forbidden):
        await talk.say("verification.elements", {})
    sent = {name for post in await play.tick() for name in post.read.body["elements"]}
    if found := sorted(sent - {"sex"}):
        raise Wrong(f"the elements carry {', '.join(found)}")


@case("minimisation.unasked", "M-5.1", section="5.1", profile="verify")
async def unasked(play: Play) -> None:
    """
    Elements that the gateway's desk did not ask for are `not-minimised`; those that it asked for are taken.

    A gateway that takes them keeps what its partner was free to add.
    """
    talk = await play.acknowledged()
    await talk.said("verification.question", {"candidates": 2, "elements": ["SEX"]})
    body = {"handling": talk.state.question()["handling"], "elements": {"sex": 2}}
    document = {"type": "P", "number": "X1234567", "issuer": play.gateway.code}
    more = body | {"elements": {"sex": 2, "document": document}}
    await talk.refused("not-minimised", "verification.elements", more)
    await talk.send("verification.elements", body)


@case("minimisation.last-question", "M-5.1", section="5.1", profile="verify")
async def last_question(play: Play) -> None:
    """
    Elements are measured by the last question of the thread: what an earlier one named is `not-minimised` by then.

    A gateway that keeps every question open for good takes at the end what nobody waits for any more.
    """
    talk = await play.acknowledged()
    handling = talk.state.question()["handling"]
    sex = {"handling": handling, "elements": {"sex": 2}}
    await talk.said("verification.question", {"candidates": 2, "elements": ["SEX"]})
    await talk.send("verification.elements", sex)
    await talk.said("verification.question", {"candidates": 2, "elements": ["PERSONAL_NUMBER"]})
    await talk.refused("not-minimised", "verification.elements", sex)
    await talk.send("verification.elements", sex | {"elements": {"personal_number": "140401-7"}})


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


@case("minimisation.own-remark", "M-5.1", "M-3.8", section="3.5", profile="verify")
async def own_remark(play: Play) -> None:
    """
    A remark in the file does not leave with the request to a State with which no agreement allows one.

    A gateway that sends what its officer wrote gives away in free words what no element may say.
    """
    with suppress(Forbidden):
        await play.submit(play.b, remark={"language": "en", "text": "She asked that nobody calls before noon."})
    for post in [*await play.tick(), *await play.tick(days=1)]:
        if "remark" in post.read.body:
            raise Wrong("the request carries the remark of the file, and no agreement allows one")


@case("minimisation.examples", "M-3.8", section="3.5", positive=True, inputs=["document", "permanent-residence"])
async def examples(play: Play, name: str) -> None:
    """
    A request of each purpose with what it requires is accepted.

    A gateway that knows one purpose only answers one question only.
    """
    await play.accepted(play.message(body=play.a.question(name)))
