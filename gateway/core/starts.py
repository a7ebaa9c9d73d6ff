"""
Which evidence a message is, and which clocks it may start.

Rule 1: a clock starts at the evidence its rule names, and at no other: a receipt is no acknowledgement. Only a second
look is acknowledged by nothing but its receipt, for the desk that is asked has the case in hand already.
Rule 2: both sides reckon from the same instant: what a message asks for, from its receipt; what it says, from its own.
Rule 3: a date that the message itself states, such as that of an issue, goes before the day it was sent.
Rule 4: who is asked dates its receipt, and sets no deadline by it: that instant lies between asking and reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway.core import messages
from gateway.core.wire import SKEW

STEPS = ("acknowledgement", "reply", "interview", "interview_result", "return_project")
"""Steps whose clock may start when a request is received; which do, and when, is in the agreement that governs."""


@dataclass(frozen=True, slots=True)
class Start:
    """
    One piece of evidence in a message: its ``kind``, the ``steps`` whose clock it may start, and since when.

    ``on`` is the date the message states; ``None`` stands for the instant of the message or of its receipt.
    """

    kind: str
    steps: tuple[str, ...]
    on: date | None = None


_RECEIVED: Mapping[str, tuple[Start, ...]] = {
    messages.REQUEST: (Start("receipt", STEPS), Start("request", ("reply",))),
    messages.CONTEST: tuple(Start(kind, ("reply",)) for kind in ("receipt", "request", "acknowledgement")),
}


def starts_of_receipt(type: str, body: Mapping[str, Any], *, issued_before: bool = False) -> tuple[Start, ...]:
    """
    Return what the receipt of a message of ``type`` proves: the other authority has been asked.

    ``issued_before``: a travel document was issued in this case, so another request asks for a new one.
    """
    if type == messages.DOCUMENT_REQUEST:
        steps = ("travel_document_reissue" if issued_before else "travel_document",)
        # An agreement that counts from the positive reply takes the reply for the request. Here the person decides in
        # between, and nobody is late with what was not asked for yet.
        return (Start("request", steps), Start("reply", steps))
    if type == messages.INTERVIEW_ANSWER and body.get("decision") == "ACCEPTED":
        return (Start("request", ("interview",)),)
    return _RECEIVED.get(type, ())


def starts_of_message(type: str, body: Mapping[str, Any]) -> tuple[Start, ...]:
    """Return what the sender of a message of ``type`` states in it; no clock runs from a reply that is not positive."""
    match type:
        case messages.ACKNOWLEDGEMENT:
            return (Start("acknowledgement", ("reply", "interview")),)
        case messages.INTERVIEW_RESULT:
            held = Start("interview", ("interview_reply",), date.fromisoformat(body["on"]))
            return (Start("interview_result", ("reply",)), *((held,) if body["result"] == "HELD" else ()))
        case messages.REPLY if body["outcome"] in messages.POSITIVE_OUTCOMES:
            return (Start("reply", ("transfer", "approval_validity")),)
        case messages.DOCUMENT | messages.REISSUE:
            document = body["document"]
            return (
                Start("issue", ("travel_document_validity",), date.fromisoformat(document["issued_on"])),
                Start("expiry", ("travel_document_reissue",), date.fromisoformat(document["valid_until"])),
            )
        case messages.HANDOVER:
            return (Start("handover", ("monitoring", "take_back")),)
        case _:
            return ()


def counted_from(said: datetime, made_at: datetime, seen_at: datetime) -> datetime:
    """
    Return the instant that counts for the receipt of a message of ours, of which its receiver ``said`` when that was.

    The message was ``made_at`` and its receipt ``seen_at``, both by our own clock. Clocks may differ by the skew; what
    the receiver says outside of that is not gone by.
    """
    if said > seen_at + SKEW:
        return seen_at
    return made_at if said < made_at - SKEW else said


STATED = frozenset(
    {
        messages.ACKNOWLEDGEMENT,
        messages.INTERVIEW_RESULT,
        messages.REPLY,
        messages.DOCUMENT,
        messages.REISSUE,
        messages.HANDOVER,
    }
)
"""Types whose sender's own word may start a clock."""

ASKED = frozenset({messages.REQUEST, messages.CONTEST, messages.DOCUMENT_REQUEST, messages.INTERVIEW_ANSWER})
"""Types whose receipt may start a clock."""
