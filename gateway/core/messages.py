"""
The message types of this version and what each means to a case.

Rule 1: a type that is not a row here is refused ``unsupported-type``, whether a later version knows it or nobody does.
Rule 2: a row says what the store and the wire need to know of a type; what a type does to a case is in the state table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MessageType:
    """
    One row of the catalogue.

    ``code`` is the catalogue code of ``docs/protocol.md``; ``event`` the name the state table knows it by; ``opens``
    says that it may begin a thread; ``clock_step`` names the step whose clock its receipt starts, or is ``None``;
    ``personal`` that its body carries ``handling``; ``undo`` the state a case returns to if the message is dropped
    before it was ever posted, or ``None`` where the case need not move.
    """

    type: str
    code: str
    event: str
    sender: str
    opens: bool = False
    clock_step: str | None = None
    personal: bool = False
    undo: str | None = None
    threaded: bool = True


REQUEST = "verification.request"
ACKNOWLEDGEMENT = "verification.acknowledgement"
DELAY = "verification.delay"
QUESTION = "verification.question"
ELEMENTS = "verification.elements"
REPLY = "verification.reply"
CONTEST = "verification.contest"
REMINDER = "reminder"
WITHDRAWAL = "withdrawal"
COLLECT = "collect"
RESYNC = "resync"

TYPES: Mapping[str, MessageType] = {
    row.type: row
    for row in (
        MessageType(REQUEST, "VRQ", "request", "requesting", True, "reply", True, "DRAFT"),
        MessageType(ACKNOWLEDGEMENT, "ACK", "acknowledgement", "requested", undo="RECEIVED"),
        MessageType(DELAY, "DLY", "delay", "requested"),
        MessageType(QUESTION, "VT2", "question", "requested", undo="ACKNOWLEDGED"),
        MessageType(ELEMENTS, "VT2", "elements", "requesting", personal=True, undo="NEEDS_TIER2"),
        MessageType(REPLY, "VRP", "reply", "requested", personal=True, undo="ACKNOWLEDGED"),
        MessageType(CONTEST, "CNT", "contest", "requesting", clock_step="reply", undo="REPLIED"),
        MessageType(REMINDER, "RMD", "reminder", "requesting"),
        MessageType(WITHDRAWAL, "WDN", "withdrawal", "requesting"),
        MessageType(COLLECT, "COL", "collect", "either", threaded=False),
        MessageType(RESYNC, "RSY", "resync", "either", threaded=False),
    )
}


def event_name(type: str, body: Mapping[str, Any]) -> str:
    """Return the event a received message is to the state table; a delay notice that extends is an ``extension``."""
    if type == DELAY and body["extension"]:
        return "extension"
    return TYPES[type].event


def required_statements(type: str, body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """
    Return the (kind, role) of each statement a message must carry (``docs/protocol.md`` section 6).

    A reply that is not positive needs a second signer: a mistaken "no" can leave a person without any State.
    """
    if type == REPLY and body["outcome"] in NEGATIVE_OUTCOMES:
        return (("reply.second-signature", "second_signer"),)
    return ()


POSITIVE_OUTCOMES = frozenset({"NATIONAL", "PR_AT_DATE"})
NEGATIVE_OUTCOMES = frozenset({"NOT_NATIONAL", "FORMER_NATIONAL", "NO_PR_AT_DATE", "NOT_FOUND", "REFUSED"})
"""Outcomes a second person signs. ``CANNOT_SAY`` closes nothing for anybody and needs one signer."""

OUTCOMES_FOR: Mapping[str, frozenset[str]] = {
    "NATIONALITY": frozenset({"NATIONAL", "NOT_NATIONAL", "FORMER_NATIONAL", "NOT_FOUND", "CANNOT_SAY", "REFUSED"}),
    "PERM_RESIDENCE": frozenset({"PR_AT_DATE", "NO_PR_AT_DATE", "NOT_FOUND", "CANNOT_SAY", "REFUSED"}),
}
"""Which outcomes answer which question (Palermo Protocol Article 8(3) asks two separate questions)."""

METHODS_FOR: Mapping[str, frozenset[str]] = {
    "M0": frozenset({"POPULATION_REGISTER", "PASSPORT_REGISTER", "PERMIT_REGISTER"}),
    "M1": frozenset({"POPULATION_REGISTER", "PASSPORT_REGISTER", "PERMIT_REGISTER", "CIVIL_STATUS_ARCHIVE"}),
    "M2": frozenset(
        {"POPULATION_REGISTER", "PASSPORT_REGISTER", "PERMIT_REGISTER", "CIVIL_STATUS_ARCHIVE", "CONSULAR_INTERVIEW"}
    ),
    "M3": frozenset(
        {
            "POPULATION_REGISTER",
            "PASSPORT_REGISTER",
            "PERMIT_REGISTER",
            "CIVIL_STATUS_ARCHIVE",
            "CONSULAR_INTERVIEW",
            "SOCIAL_ENQUIRY",
        }
    ),
}
"""Method limit to the methods it allows; a social enquiry contacts people, so MX takes it out again."""


def allowed_methods(limit: str, no_contact: bool) -> frozenset[str]:
    """Return the methods a request with method limit ``limit`` and, if ``no_contact``, MX allows."""
    return METHODS_FOR[limit] - {"SOCIAL_ENQUIRY"} if no_contact else METHODS_FOR[limit]
