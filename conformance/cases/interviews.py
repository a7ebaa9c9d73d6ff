"""Section 3.5: asking the person, with the person's consent and within the limit of the request."""

from typing import Any

from conformance.bodies import INTERVIEW, INTERVIEW_ANSWER, INTERVIEW_RESULT, OPEN, body, day, refuses, send, withholds
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.state import example
from conformance.talk import Talk

LIMITS: dict[str, dict[str, Any]] = {
    "M0": {"method_limit": "M0", "no_contact_methods": False},
    "M1": {"method_limit": "M1", "no_contact_methods": False},
    "no-contact": {"method_limit": "M3", "no_contact_methods": True},
}
BY_INTERVIEW: dict[str, Any] = {"method_used": ["POPULATION_REGISTER", "CONSULAR_INTERVIEW"]}
ACCEPTED: dict[str, Any] = {"decision": "ACCEPTED", "present": ["REPRESENTATIVE", "INTERPRETER"]}


def _held(play: Play, **changes: Any) -> dict[str, Any]:
    return {"result": "HELD", "on": day(play), "outcome": "SUPPORTS", "present": ["REPRESENTATIVE"]} | changes


async def _agreed_here(play: Play) -> Talk:
    """Let the gateway, as the asking State, agree to an interview of today."""
    talk = await play.taken_up(**OPEN, **_represented())
    await send(talk, INTERVIEW)
    await talk.said(INTERVIEW_ANSWER, ACCEPTED | {"on": day(play)})
    return talk


def _represented() -> dict[str, Any]:
    return {"representative": example("case-draft", "minor")["representative"]}


async def _agreed_there(play: Play) -> Talk:
    """Let the gateway, as the asked State, propose an interview that the other one agrees to."""
    talk = await play.acknowledged(**OPEN)
    await talk.said(INTERVIEW, body(play, talk, INTERVIEW))
    await send(talk, INTERVIEW_ANSWER, **ACCEPTED, on=day(play))
    return talk


@case("interviews.beyond-the-limit", "M-3.16", section="3.5", inputs=LIMITS, profile="full")
async def beyond_the_limit(play: Play, limit: dict[str, Any]) -> None:
    """
    An interview proposed beyond what the gateway's request allows is refused; a reply from the registers is taken.

    A gateway that takes it passes a consulate's wish on to a person who was promised that nobody would come.
    """
    talk = await play.taken_up(**limit)
    await refuses(talk, INTERVIEW)
    await send(talk, "verification.reply")


@case("interviews.not-proposed", "M-3.16", section="3.5", inputs=LIMITS, profile="full")
async def not_proposed(play: Play, limit: dict[str, Any]) -> None:
    """
    The gateway's desk does not propose an interview where the request allows none.

    A gateway that lets it asks for what its partner has ruled out, and the person is under pressure all the same.
    """
    talk = await play.acknowledged(**limit)
    await withholds(talk, INTERVIEW, body(play, talk, INTERVIEW))


@case("interviews.within-the-limit", "M-3.16", section="3.5", profile="full", positive=True, inputs=["M2", "M3"])
async def within_the_limit(play: Play, limit: str) -> None:
    """
    Where the request allows it an interview is proposed, agreed to, reported and named in the reply, on both sides.

    A gateway that cannot do this leaves a person unnamed whom no register has.
    """
    open_to: dict[str, Any] = {"method_limit": limit, "no_contact_methods": False}
    talk = await play.acknowledged(**open_to)
    await talk.said(INTERVIEW, body(play, talk, INTERVIEW))
    await send(talk, INTERVIEW_ANSWER, **ACCEPTED, on=day(play))
    await talk.said(INTERVIEW_RESULT, _held(play))
    reply = await talk.said("verification.reply", play.reply() | BY_INTERVIEW)
    if "CONSULAR_INTERVIEW" not in reply.body["method_used"]:
        raise Wrong("the reply does not name the interview that it rests on")
    talk = await _agreed_here(play)
    await send(talk, INTERVIEW_RESULT, **_held(play))
    await send(talk, "verification.reply", **BY_INTERVIEW)


ALONE: dict[str, list[str]] = {
    "interpreter-only": ["INTERPRETER"],
    "officer-only": ["CONSULAR_OFFICER"],
    "support-only": ["SUPPORT_PERSON", "INTERPRETER"],
}


@case("interviews.nobody-beside", "M-3.17", section="3.5", inputs=ALONE, profile="full")
async def nobody_beside(play: Play, present: list[str]) -> None:
    """
    The gateway's desk does not agree to an interview without a representative or a lawyer present.

    A gateway that lets it leaves a person alone with officers of the State that the person may have left.
    """
    talk = await play.taken_up(**OPEN)
    await send(talk, INTERVIEW)
    await withholds(talk, INTERVIEW_ANSWER, {"decision": "ACCEPTED", "present": present, "on": day(play, 5)})


@case("interviews.lawyer-for-a-represented", "M-3.17", section="3.5", profile="full")
async def lawyer_for_a_represented(play: Play) -> None:
    """
    Where a representative acts for the person, a lawyer in the representative's place is not enough.

    A gateway that lets it talks to a person past the one who was appointed to stand there.
    """
    minor = {name: example("case-draft", "minor")[name] for name in ("age", "representative")}
    talk = await play.taken_up(**OPEN, **minor)
    await send(talk, INTERVIEW)
    await withholds(talk, INTERVIEW_ANSWER, {"decision": "ACCEPTED", "present": ["LAWYER"], "on": day(play, 5)})
    accepted = {"decision": "ACCEPTED", "present": ["LAWYER", "REPRESENTATIVE"], "on": day(play, 5)}
    await talk.said(INTERVIEW_ANSWER, accepted)


@case("interviews.answer-taken", "M-3.17", "M-3.8", section="3.5", inputs=ALONE, profile="full")
async def answer_taken(play: Play, present: list[str]) -> None:
    """
    An `ACCEPTED` whose `present` names neither a representative nor a lawyer is `bad-schema`.

    A gateway that takes it holds an interview of which it could have read that nobody stands by the person.
    """
    talk = await play.acknowledged(**OPEN)
    await talk.said(INTERVIEW, body(play, talk, INTERVIEW))
    await refuses(talk, INTERVIEW_ANSWER, "bad-schema", decision="ACCEPTED", present=present, on=day(play, 5))
    await send(talk, INTERVIEW_ANSWER, **ACCEPTED, on=day(play, 5))


@case("interviews.declined", "M-3.17", "M-3.18", section="3.5", profile="full")
async def declined(play: Play) -> None:
    """
    An interview is declined without a reason; then no result is taken, and no reply that names an interview.

    A gateway that takes one lets a consulate report what the person has said no to.
    """
    talk = await play.taken_up(**OPEN)
    await send(talk, INTERVIEW)
    answer = await talk.said(INTERVIEW_ANSWER, {"decision": "DECLINED", "present": [], "on": None})
    if answer.body != {"decision": "DECLINED", "present": [], "on": None}:
        raise Wrong(f"the answer says {answer.body}")
    await refuses(talk, INTERVIEW_RESULT, **_held(play))
    await refuses(talk, "verification.reply", **BY_INTERVIEW)
    await send(talk, "verification.reply")


NOT_ATTESTED = ["nothing", "accepted", "not-held"]


@case("interviews.reply-names-one", "M-3.18", section="3.5", inputs=NOT_ATTESTED, profile="full")
async def reply_names_one(play: Play, so_far: str) -> None:
    """
    A reply that names an interview is refused unless one was accepted and said to have been held.

    A gateway that takes it believes a consulate that spoke with the person behind everybody's back.
    """
    talk = await play.taken_up(**OPEN) if so_far == "nothing" else await _agreed_here(play)
    if so_far == "not-held":
        await send(talk, INTERVIEW_RESULT)
    await refuses(talk, "verification.reply", **BY_INTERVIEW)
    await send(talk, "verification.reply")


@case("interviews.desk-names-one", "M-3.18", section="3.5", inputs=NOT_ATTESTED, profile="full")
async def desk_names_one(play: Play, so_far: str) -> None:
    """
    The gateway's desk names no interview in a reply unless one was accepted and reported as held.

    A gateway that lets it signs that the person was asked, and nobody has agreed to that.
    """
    talk = await play.acknowledged(**OPEN) if so_far == "nothing" else await _agreed_there(play)
    if so_far == "not-held":
        await talk.said(INTERVIEW_RESULT, body(play, talk, INTERVIEW_RESULT))
    await withholds(talk, "verification.reply", play.reply() | BY_INTERVIEW)


@case("interviews.result-once", "M-3.18", section="3.5", profile="full")
async def result_once(play: Play) -> None:
    """
    A result is taken once for each interview accepted.

    A gateway that takes it again begins the time for the reply again, as often as the other State likes.
    """
    talk = await _agreed_here(play)
    await send(talk, INTERVIEW_RESULT, **_held(play))
    await refuses(talk, INTERVIEW_RESULT, **_held(play))
    await refuses(talk, INTERVIEW_RESULT)


@case("interviews.result-unasked", "M-3.18", section="3.5", profile="full")
async def result_unasked(play: Play) -> None:
    """
    A result of an interview that nobody accepted is refused.

    A gateway that takes it keeps a record of a talk that never had a consent.
    """
    talk = await play.taken_up(**OPEN)
    await refuses(talk, INTERVIEW_RESULT, **_held(play))
    await send(talk, INTERVIEW)
    await refuses(talk, INTERVIEW_RESULT, **_held(play))


@case("interviews.result-ahead", "M-3.18", section="3.5", profile="full", inputs={"in-2-days": 2, "next-month": 30})
async def result_ahead(play: Play, days: int) -> None:
    """
    An interview that was held was held on a day that has come: a later one than tomorrow is refused.

    A gateway that takes it lets the other State choose when the time for its reply begins.
    """
    talk = await _agreed_here(play)
    await refuses(talk, INTERVIEW_RESULT, **_held(play, on=day(play, days)))
    await send(talk, INTERVIEW_RESULT, **_held(play))
