"""
A right body for every message that a test State may send in a thread, as of now, for cases about whether it may.

``send`` and ``refuses`` add the statements that the type requires, so that a refusal is about the step alone.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from conformance.backend import Forbidden
from conformance.reading import Json, due_statements
from conformance.registry import Wrong
from conformance.returning import accepted_body, document, handling, proposal_body, record
from conformance.state import DAY, claim_of, example
from conformance.talk import Talk
from conformance.writing import digest

if TYPE_CHECKING:
    from conformance.play import Play

REDIRECT, INTERVIEW = "verification.redirect", "verification.interview"
INTERVIEW_ANSWER, INTERVIEW_RESULT = "verification.interview-answer", "verification.interview-result"

FROM_ASKING = (
    "verification.request",
    "verification.elements",
    "verification.contest",
    "reminder",
    "withdrawal",
)
"""What only the asking State says, but for a return."""

FROM_ASKED = (
    "verification.acknowledgement",
    "verification.delay",
    "verification.question",
    "verification.reply",
)
"""What only the asked State says, but for a return."""

POINTERS = (REDIRECT, INTERVIEW, INTERVIEW_ANSWER, INTERVIEW_RESULT)
"""The types of a redirect and of an interview, which gateways of the profile ``full`` have."""

OF_A_RETURN = (
    "return.proposal",
    "return.acceptance",
    "travel-document.request",
    "travel-document.issued",
    "travel-document.reissue",
    "return.schedule",
    "return.handover",
    "return.monitoring",
    "return.take-back",
)
"""The types of a return, from either side."""

RIGHTS = (
    "use-report.request",
    "use-report.answer",
    "onward.request",
    "onward.answer",
    "rectification",
    "erasure",
    "confirmation",
)
"""What either side says after something was sent (M-5.31)."""

OPEN: dict[str, Any] = {"method_limit": "M2", "no_contact_methods": False}
"""What a request says that allows an interview."""


def day(play: "Play", days: int = 0) -> str:
    """Return a date as so many days from now."""
    return (play.now() + timedelta(days=days)).date().isoformat()


def asked_about(play: "Play") -> Json:
    """Return the conditions of a request about a nationality, as of now."""
    return handling(play, "NATIONALITY")


def _acknowledgement(play: "Play", talk: Talk) -> Json:
    state = talk.state
    dates = state.reckon(play.now())
    return {"authority": {"id": f"{state.code}-01"}, "calendar": claim_of(state.code), **dates}


def _interview(play: "Play", talk: Talk) -> Json:
    about = {"mode": "VIDEO", "place": "REMOTE", "present": ["CONSULAR_OFFICER"], "questions": "IDENTITY_ONLY"}
    return {**about, "from": day(play, 1), "until": day(play, 23)}


def _elements(play: "Play", talk: Talk) -> Json:
    return {"handling": asked_about(play), "elements": {"sex": 2}}


def _reply(play: "Play", talk: Talk) -> Json:
    return {"handling": asked_about(play), **play.reply()} if talk.asking else talk.reply_body()


def _documents(play: "Play", talk: Talk) -> Json:
    elements = talk.state.question()["elements"] | {"sex": 2}
    return {"handling": handling(play, "TRAVEL_DOC"), "elements": elements, "needed_by": day(play, 15)}


def _issued(play: "Play", talk: Talk) -> Json:
    return {"handling": handling(play, "TRAVEL_DOC"), "document": document(play), "as_of": day(play)}


def _schedule(play: "Play", talk: Talk) -> Json:
    nothing = dict.fromkeys(("departs_at", "arrives_at", "point", "carrier", "escort"))
    return {"handling": handling(play), "status": "cancelled", **nothing, "medical_needs": []}


def _delay(play: "Play", talk: Talk) -> Json:
    return example("verification.delay", "notice", eta=day(play, 20))


def _refusal(play: "Play", talk: Talk) -> Json:
    return example("return.acceptance", "refused", handling=handling(play))


def _monitoring(play: "Play", talk: Talk) -> Json:
    return {"handling": handling(play), "status": "SEEN_SAFE", "on": day(play), "final": False}


_BODIES: dict[str, Callable[["Play", Talk], Json]] = {
    "verification.request": lambda play, talk: talk.state.question(),
    "verification.elements": _elements,
    "verification.contest": lambda play, talk: {"ground": "NEW_ELEMENT"},
    "reminder": lambda play, talk: {"number": 1, "step": "reply"},
    "withdrawal": lambda play, talk: {"code": "WITHDRAWN_NO_REASON"},
    INTERVIEW_ANSWER: lambda play, talk: {"decision": "DECLINED", "present": [], "on": None},
    "verification.acknowledgement": _acknowledgement,
    "verification.delay": _delay,
    "verification.question": lambda play, talk: {"code": "AMBIGUOUS", "candidates": 2, "elements": ["SEX"]},
    "verification.reply": _reply,
    REDIRECT: lambda play, talk: {"authority": {"id": f"{talk.state.code}-01"}, "reason": "AUTHORITY_CHANGED"},
    INTERVIEW: _interview,
    INTERVIEW_RESULT: lambda play, talk: {"result": "NOT_HELD", "on": day(play), "outcome": None, "present": []},
    "return.proposal": lambda play, talk: proposal_body(play, digest(b"no reply")),
    "return.acceptance": _refusal,
    "travel-document.request": _documents,
    "travel-document.issued": _issued,
    "travel-document.reissue": lambda play, talk: _issued(play, talk) | {"replaces": "A" * 43},
    "return.schedule": _schedule,
    "return.handover": lambda play, talk: {"handling": handling(play), "protocol": record(play)},
    "return.monitoring": _monitoring,
    "return.take-back": lambda play, talk: {"reason": "ERROR", "by": day(play, 5)},
    "suspension": lambda play, talk: {"code": "SUSPENDED"},
    "resumption": lambda play, talk: {"code": "RESUMED"},
    "use-report.request": lambda play, talk: {"number": 1},
    "use-report.answer": lambda play, talk: {"number": 1, "held": True, "restrictions_kept": True, "uses": []},
    "onward.request": lambda play, talk: {"number": 1, "purpose": "CRIMINAL_INVESTIGATION", "recipient": "COURT"},
    "onward.answer": lambda play, talk: {"number": 1, "decision": "REFUSED", "until": None},
    "rectification": lambda play, talk: {
        "number": 1,
        "parts": ["BIRTH_DATE"] if talk.asking else ["REPLY"],
        "handling": None,
        "elements": None,
    },
    "erasure": lambda play, talk: {"number": 1},
    "confirmation": lambda play, talk: {"number": 1, "act": "ERASURE", "result": "DONE"},
}


def body(play: "Play", talk: Talk, type: str, **changes: Any) -> Json:
    """Return a right body of ``type`` for the test State of ``talk``, with ``changes``."""
    return _BODIES[type](play, talk) | changes


def signed(talk: Talk, type: str, value: Json) -> list[str]:
    """Return the statements that a message of ``type`` with the body ``value`` must carry."""
    due = due_statements(type, value, talk.asking)
    until = talk.play.now() + 60 * DAY
    return [talk.state.statement(kind, role, value, talk.thread, valid_until=until) for kind, role in due]


async def send(talk: Talk, type: str, **changes: Any) -> Json:
    """Say a right ``type`` in the thread, and insist that it is accepted; return the receipt."""
    value = body(talk.play, talk, type, **changes)
    try:
        return await talk.send(type, value, statements=signed(talk, type, value))
    except Wrong as error:
        raise Wrong(f"{type}: {error}") from None


async def accepts(talk: Talk, **changes: Any) -> None:
    """Accept the return that was proposed last, and insist that the acceptance is taken."""
    value = accepted_body(talk.play, talk, **changes)
    await talk.send("return.acceptance", value, statements=signed(talk, "return.acceptance", value))


async def refuses(talk: Talk, type: str, code: str = "illegal-step", **changes: Any) -> None:
    """Say a right ``type`` where it must be refused with ``code``."""
    value = body(talk.play, talk, type, **changes)
    try:
        await talk.refused(code, type, value, statements=signed(talk, type, value))
    except Wrong as error:
        raise Wrong(f"{type}: {error}") from None


async def withholds(talk: Talk, type: str, value: Json, *, days: float = 1) -> None:
    """Let the gateway's desk try to say what it must not, and insist that nothing leaves."""
    with suppress(Forbidden):
        await talk.say(type, value)
    await talk.play.silent(talk.state, days=days)
