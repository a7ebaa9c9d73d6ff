"""Sections 3.5 and 5.1: the body of every type, by the examples that all partners hold."""

from collections.abc import Iterator
from typing import Any

from conformance.bodies import FROM_ASKED, FROM_ASKING, OF_A_RETURN, POINTERS, RIGHTS, signed
from conformance.play import Play
from conformance.reading import Json, Refused, check_elements, strict_json
from conformance.registry import Unclear, Wrong, case
from conformance.state import COLLECT, EXAMPLES
from conformance.talk import Talk

STOPS = ("suspension", "resumption")
INFORMATION = ("information.request", "information.answer")
OPENS = ("verification.request", "withdrawal", "information.request")
"""What is accepted in a thread that nobody knows."""


def _examples(type: str, kind: str) -> Iterator[tuple[str, Json]]:
    """Yield each example of a body by its name, but for those that are no strict JSON."""
    for path in sorted((EXAMPLES / type / kind).glob("*.json")):
        try:
            yield path.stem, strict_json(path.read_bytes())
        except Refused:
            continue


async def _all_refused(play: Play, type: str) -> None:
    """Insist that every wrong example of ``type`` is `bad-schema`, wherever it comes."""
    count = 0
    for name, value in _examples(type, "invalid"):
        shot = play.message(type, value, **({"path": COLLECT} if type == "collect" else {}))
        try:
            await play.refused(shot, "bad-schema")
        except Wrong as error:
            raise Wrong(f"{name}: {error}") from None
        count += 1
    if not count:
        raise Unclear(f"the suite has no wrong example of {type}")
    for place, value in _all_opened(type).items():
        shot = play.message(type, value, **({"path": COLLECT} if type == "collect" else {}))
        claims = play.receipt(await play.post(shot), shot)
        if claims["code"] != "bad-schema":
            raise Wrong(f"with a member more in {place} it was {claims['status']} ({claims['code']}), not bad-schema")


def _all_opened(type: str) -> dict[str, Json]:
    """Return right examples with a member more, one for each place of an object in a body of ``type``."""
    made: dict[str, Json] = {}
    for _, value in _examples(type, "valid"):
        for place, opened in _opened(value, type):
            made.setdefault(place, opened)
    return made


def _opened(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield ``value`` with a member more in itself or in one object within, and the place of that object."""
    if isinstance(value, dict):
        yield place, {**value, "note": "seen with her brother"}
        for name, part in value.items():
            for where, made in _opened(part, f"{place}.{name}"):
                yield where, {**value, name: made}
    if isinstance(value, list):
        for index, part in enumerate(value):
            for where, made in _opened(part, f"{place}.*"):
                yield where, [*value[:index], made, *value[index + 1 :]]


@case("schemas.wrong", "M-3.8", "M-5.1", section="3.5", inputs=(*FROM_ASKING, "collect", "resync"), seconds=40.0)
async def wrong(play: Play, type: str) -> None:
    """
    A body that does not fit the schema of its type is `bad-schema`, before anybody asks where its thread stands.

    A gateway that takes a member it does not know shows its officer what nobody has agreed to send.
    """
    await _all_refused(play, type)


@case("schemas.wrong-answers", "M-3.8", section="3.5", inputs=FROM_ASKED, profile="verify", fresh=False, seconds=40.0)
async def wrong_answers(play: Play, type: str) -> None:
    """
    A body of the asked State that does not fit the schema of its type is `bad-schema`.

    A gateway that takes an outcome it does not know decides about a person by a word without a meaning.
    """
    await _all_refused(play, type)


@case(
    "schemas.wrong-returns",
    "M-3.8",
    "M-3.10",
    section="3.5",
    inputs=(*OF_A_RETURN, *STOPS),
    profile="return",
    fresh=False,
    seconds=40.0,
)
async def wrong_returns(play: Play, type: str) -> None:
    """
    A body of a return that does not fit the schema of its type, as by a name or a text in it, is `bad-schema`.

    A gateway that takes it lets a file about a person ride along with a plan.
    """
    await _all_refused(play, type)


@case(
    "schemas.wrong-others",
    "M-3.8",
    section="3.5",
    inputs=(*POINTERS, *RIGHTS, *INFORMATION, "directory", "exercise"),
    profile="full",
    fresh=False,
    seconds=40.0,
)
async def wrong_others(play: Play, type: str) -> None:
    """
    A body that is about data, figures, offices or exercises and does not fit its schema is `bad-schema`.

    A gateway that takes it has an open field where the protocol has a code.
    """
    await _all_refused(play, type)


RIGHT = (*FROM_ASKING, *FROM_ASKED)
RIGHT_FULL = (*POINTERS, *OF_A_RETURN, *STOPS, *RIGHTS, *INFORMATION)


def _code(type: str, value: Json) -> str | None:
    """Return how a right body of ``type`` is refused in a thread that nobody knows, or ``None``."""
    if type == "verification.request":
        try:
            check_elements(value["handling"]["purpose"], list(value["elements"]), None)
        except Refused as refused:
            return refused.code
    return None if type in OPENS else "illegal-step"


async def _all_read(play: Play, type: str) -> None:
    """Insist that every right example of ``type`` gets past the schema: in an unknown thread the step decides."""
    for name, value in _examples(type, "valid"):
        talk = Talk(play, play.a, asking=type not in FROM_ASKED)
        shot = talk.message(type, value, statements=signed(talk, type, value))
        code = _code(type, value)
        try:
            await (play.refused(shot, code) if code else play.accepted(shot))
        except Wrong as error:
            raise Wrong(f"{name}: {error}") from None


@case("schemas.right", "M-3.8", "M-5.30", section="3.5", inputs=RIGHT, fresh=False, profile="verify", seconds=40.0)
async def right(play: Play, type: str) -> None:
    """
    A body that fits its schema is read: what opens a thread is accepted, the rest refused by the step.

    A gateway that is stricter than the schema answers `bad-schema`, and its partner looks for a fault in vain.
    """
    await _all_read(play, type)


@case("schemas.right-others", "M-3.8", section="3.5", inputs=RIGHT_FULL, profile="full", fresh=False, seconds=40.0)
async def right_others(play: Play, type: str) -> None:
    """
    A body of a return, or about data or figures, that fits its schema is read, and refused by the step.

    A gateway that knows half of the types finds out in the middle of a return.
    """
    await _all_read(play, type)


NOBODYS = ["verification.guess", "return.forced", "verification", "no-such-type"]


@case("schemas.unknown-type", "M-3.8", "M-5.1", section="3.5", inputs=NOBODYS)
async def unknown_type(play: Play, type: str) -> None:
    """
    A type of nobody is refused `unsupported-type`, wherever its thread stands, and uses up its number.

    A gateway that answers by a problem makes its partner try again until the message expires.
    """
    talk = Talk(play, play.a, asking=True)
    await talk.refused("unsupported-type", type, {})
    await talk.send("verification.request", play.a.question())
    await talk.refused("unsupported-type", type, {"names": "x"})
    await talk.send("reminder", {"number": 1, "step": "reply"})


@case("schemas.white-space", "M-4.5", section="4", inputs={"just-too-large": 49_000, "megabytes": 2 << 20})
async def white_space(play: Play, count: int) -> None:
    """
    A message without images that the second size does not hold is `bad-schema`; one that fits is taken as it is.

    A gateway that takes any amount of white space lets one State fill its disk, and its memory with what it reads.
    """
    talk = await play.asks()
    text = b'{"number":1,"step":"reply"}'
    await play.refused(talk.message("reminder", b"{" + b" " * count + text[1:]), "bad-schema")
    talk.seq += 1
    await play.accepted(talk.message("reminder", b"{" + b" " * 48_000 + text[1:]))


# What no message of a return may say


def _invalid(*names: str) -> dict[str, tuple[str, str]]:
    return {name.replace("/", "-").replace(".", "-"): (name.split("/")[0], name.split("/")[1]) for name in names}


FORBIDDEN = _invalid(
    "return.proposal/address",
    "return.proposal/carer-named",
    "return.proposal/conclusion-with-text",
    "return.proposal/need-in-words",
    "return.proposal/need-of-health",
    "return.schedule/escort-by-name",
    "return.schedule/point-with-address",
    "return.schedule/need-as-diagnosis",
    "return.handover/comment",
    "return.handover/money-as-amount",
    "return.handover/identity-by-fingerprint",
    "return.monitoring/place",
    "return.monitoring/text",
    "return.take-back/text",
    "travel-document.issued/holder-named",
)
BARE = _invalid(
    "return.proposal/conclusion-negative",
    "return.proposal/no-conclusions",
    "return.proposal/without-risk",
    "return.proposal/one-kind-twice",
    "return.proposal/represented-without-best-interests",
    "return.proposal/represented-without-family",
    "return.proposal/consent-not-written",
    "return.proposal/consent-not-informed",
    "return.proposal/reply-null",
)
SCHEDULED = _invalid(
    "return.schedule/cancelled-with-carrier",
    "return.schedule/cancelled-with-departure",
    "return.schedule/cancelled-with-needs",
    "return.schedule/planned-without-departure",
    "return.schedule/planned-without-escort",
    "return.schedule/planned-without-point",
    "return.schedule/departed-without-escort",
)


async def _bad_schema(play: Play, of: tuple[str, str]) -> None:
    kind, name = of
    talk = await play.asks()
    value = strict_json((EXAMPLES / kind / "invalid" / f"{name}.json").read_bytes())
    await talk.refused("bad-schema", kind, value)


@case("schemas.nothing-of-the-person", "M-3.10", section="3.5", inputs=FORBIDDEN, profile="return", fresh=False)
async def nothing_of_the_person(play: Play, of: tuple[str, str]) -> None:
    """
    A message of a return with a name, an address, a text or what a conclusion rests on is `bad-schema`.

    A gateway that takes it keeps, for years, what should never have left the authority that knows it.
    """
    await _bad_schema(play, of)


@case("schemas.conclusions", "M-3.11", section="3.5", inputs=BARE, profile="return", fresh=False)
async def conclusions(play: Play, of: tuple[str, str]) -> None:
    """
    A proposal without the conclusions or the consent that it needs is `bad-schema`.

    A gateway that takes it arranges a return that nobody has assessed, or the person never agreed to.
    """
    await _bad_schema(play, of)


@case("schemas.schedule-form", "M-3.14", section="3.5", inputs=SCHEDULED, profile="return", fresh=False)
async def schedule_form(play: Play, of: tuple[str, str]) -> None:
    """
    A schedule that was cancelled says nothing more, and one that is planned or departed says everything.

    A gateway that takes half a plan has nobody at the gate; one that takes a plan with a cancellation, somebody.
    """
    await _bad_schema(play, of)
