"""Sections 3.5 and 6: documents, means and routes in general, apart from every case."""

from typing import Any

from conformance.bodies import body, day, refuses, send, signed, withholds
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case
from conformance.state import Shot, State, example
from conformance.talk import Talk

REQUEST, ANSWER = "information.request", "information.answer"


def _conditions(play: Play) -> Json:
    return {
        "purpose": "DOCUMENT_ROUTES",
        "use_restrictions": ["P0"],
        "retain_until": day(play, 200),
        "onward": "none",
    }


def _question(play: Play, **changes: Any) -> Json:
    return example(REQUEST, "documents", handling=_conditions(play)) | changes


def _answer(play: Play, **changes: Any) -> Json:
    return example(ANSWER, "all", handling=_conditions(play)) | changes


def _message(talk: Talk, type: str, value: Json, **how: Any) -> Shot:
    return talk.message(type, value, **({"statements": signed(talk, type, value)} | how))


async def _asks(play: Play, state: State | None = None, **changes: Any) -> Talk:
    """Let ``a``, or another State, ask the gateway's information office."""
    talk = Talk(play, state or play.a, asking=True)
    value = _question(play, **changes)
    await talk.send(REQUEST, value, statements=signed(talk, REQUEST, value))
    return talk


async def _is_asked(play: Play) -> Talk:
    """Let the gateway's information office ask ``a``, which takes the question."""
    told = await play.tell("/say", {"partner": play.a.code, "thread": None, "type": REQUEST, "body": _question(play)})
    talk = Talk(play, play.a, asking=False, thread=str(told.get("thread")))
    talk.take(play.one(await play.tick(), REQUEST))
    return talk


@case("information.both-ways", "M-3.23", "M-6.7", section="3.5", profile="full", positive=True)
async def both_ways(play: Play) -> None:
    """
    A question is taken and answered, and one of the gateway's own is asked, each with the office's statement.

    A gateway that cannot do this has to put what it knows of routes into somebody's case.
    """
    talk = await _asks(play)
    answer = await talk.said(ANSWER, _answer(play))
    if answer.body != _answer(play) or len(answer.value["statements"]) != 1:
        raise Wrong("the answer is another than the office signed")
    talk = await _is_asked(play)
    value = _answer(play)
    await play.accepted(_message(talk, ANSWER, value))


STATEMENTS: dict[str, dict[str, Any]] = {
    "none": {},
    "another-kind": {"kind": ANSWER},
    "another-role": {"role": "second_signer"},
    "by-another-role": {"by": "second_signer"},
    "by-a-signing-key": {"by": "signing"},
    "another-body": {"about": "A" * 43},
    "another-thread": {"about_thread": "A" * 22},
}


@case("information.statement", "M-6.7", "M-6.2", section="6", inputs=STATEMENTS, profile="full")
async def statement(play: Play, fault: dict[str, Any]) -> None:
    """
    A question without the statement of an information office over its own body is `bad-statement`.

    A gateway that takes it lets whoever works on cases ask in the name of an office that never saw it.
    """
    talk = Talk(play, play.a, asking=True)
    value, how, a = _question(play), dict(fault), play.a
    if by := how.pop("by", None):
        how["key"] = a.signing if by == "signing" else a.roles[by]
    made = a.statement(how.pop("kind", REQUEST), how.pop("role", "information"), value, talk.thread, **how)
    await talk.refused("bad-statement", REQUEST, value, statements=[made] if fault else [])
    await talk.send(REQUEST, value, statements=signed(talk, REQUEST, value))


@case("information.office-signs-nothing-else", "M-6.7", "M-6.1", section="6", profile="full")
async def office_signs_nothing_else(play: Play) -> None:
    """
    The key of the information office signs nothing of a case: a reply signed by it is `bad-statement`.

    A gateway that takes any listed key for any act lets the office of figures decide about a person.
    """
    talk = await play.taken_up()
    value = talk.reply_body("not-found")
    key = talk.state.roles["information"]
    made = talk.state.statement("reply.second-signature", "second_signer", value, talk.thread, key=key)
    await talk.refused("bad-statement", "verification.reply", value, statements=[made])
    await talk.reply("not-found")


@case("information.answer-signed", "M-6.7", section="6", profile="full")
async def answer_signed(play: Play) -> None:
    """
    An answer without the office's statement is `bad-statement`, and so is one that carries the statement of a question.

    A gateway that takes it counts figures for which nobody stands.
    """
    talk = await _is_asked(play)
    value = _answer(play)
    await talk.refused("bad-statement", ANSWER, value)
    other = talk.state.statement(REQUEST, "information", value, talk.thread)
    await talk.refused("bad-statement", ANSWER, value, statements=[other])
    await talk.send(ANSWER, value, statements=signed(talk, ANSWER, value))


@case("information.one-question", "M-3.23", section="3.5", profile="full")
async def one_question(play: Play) -> None:
    """
    A thread holds one question and one answer, and no answer to nothing.

    A gateway that takes more makes a conversation of it, and conversations come to speak of persons.
    """
    talk = await _asks(play)
    value = _question(play)
    await talk.refused("illegal-step", REQUEST, value, statements=signed(talk, REQUEST, value))
    fresh, answer = Talk(play, play.a, asking=True), _answer(play)
    await fresh.refused("illegal-step", ANSWER, answer, statements=signed(fresh, ANSWER, answer))
    talk = await _is_asked(play)
    await talk.send(ANSWER, answer, statements=signed(talk, ANSWER, answer))
    await talk.refused("illegal-step", ANSWER, answer, statements=signed(talk, ANSWER, answer))


@case("information.unanswered", "M-5.40", section="5.12", profile="full")
async def unanswered(play: Play) -> None:
    """
    Sixty-four questions of a State may wait for an answer, and another one is refused until one was given.

    A gateway that takes any number lets a partner fill its disk with what nobody has to read.
    """
    first = await _asks(play)
    for _ in range(63):
        await _asks(play)
    fresh, value = Talk(play, play.a, asking=True), _question(play)
    await fresh.refused("illegal-step", REQUEST, value, statements=signed(fresh, REQUEST, value))
    await _asks(play, play.b)
    await first.said(ANSWER, _answer(play))
    await _asks(play)


@case("information.run-out", "M-5.40", section="5.12", profile="full")
async def run_out(play: Play) -> None:
    """
    A question whose conditions have run out waits for no answer any more, and makes room for another.

    A gateway that counts it for ever hears nothing more from a partner whose questions nobody answered in time.
    """
    await _asks(play, handling=_conditions(play) | {"retain_until": day(play, 2)})
    for _ in range(63):
        await _asks(play)
    fresh, value = Talk(play, play.a, asking=True), _question(play)
    await fresh.refused("illegal-step", REQUEST, value, statements=signed(fresh, REQUEST, value))
    await play.tick(days=2)
    await _asks(play)


@case("information.answered-once", "M-3.23", section="3.5", profile="full")
async def answered_once(play: Play) -> None:
    """
    The gateway's office answers a question once.

    A gateway that answers again leaves two answers, and nobody knows which figures count.
    """
    talk = await _asks(play)
    await talk.said(ANSWER, _answer(play))
    await withholds(talk, ANSWER, _answer(play))


OF_A_CASE = (
    "verification.request",
    "verification.reply",
    "reminder",
    "withdrawal",
    "use-report.request",
    "erasure",
    "rectification",
)


@case("information.nothing-of-a-case", "M-3.23", section="3.5", inputs=OF_A_CASE, profile="full")
async def nothing_of_a_case(play: Play, type: str) -> None:
    """
    In the thread of a question every type of a case is refused.

    A gateway that opens a case there has a person in a thread that knows of none.
    """
    await refuses(await _asks(play), type)


CASES = ["asked", "asking"]


@case("information.not-in-a-case", "M-3.23", section="3.5", inputs=CASES, profile="full")
async def not_in_a_case(play: Play, side: str) -> None:
    """
    In the thread of a case a question or an answer about nobody is refused, and the case goes on.

    A gateway that takes it ties what is known of a route to the person who may have gone it.
    """
    talk = await (play.acknowledged() if side == "asked" else play.taken_up())
    for type, value in ((REQUEST, _question(play)), (ANSWER, _answer(play))):
        await talk.refused("illegal-step", type, value, statements=signed(talk, type, value))
    if side == "asked":
        await send(talk, "reminder")
    else:
        await talk.send("verification.reply", body(play, talk, "verification.reply"))


TELLING: dict[str, dict[str, Any]] = {
    "a-person": {"elements": {"sex": 2}},
    "a-case": {"thread": "CJDAgXMgk34Kg3R2-Y6VVw"},
    "a-text": {"note": "seen at the border"},
    "purpose-of-a-case": {"handling": "case"},
}


@case("information.about-nobody", "M-3.23", "M-3.8", section="3.5", inputs=TELLING, profile="full")
async def about_nobody(play: Play, fault: dict[str, Any]) -> None:
    """
    A question that names a person, a case, or a purpose of one is `bad-schema`.

    A gateway that takes it has a way past every rule that stands before a case.
    """
    talk = Talk(play, play.a, asking=True)
    value = _question(play) | fault
    if fault.get("handling") == "case":
        value["handling"] = _conditions(play) | {"purpose": "NATIONALITY", "legal_basis": "CONFIRMATION"}
    await talk.refused("bad-schema", REQUEST, value, statements=signed(talk, REQUEST, value))
