"""
The message types of this version and what each means to a case.

Rule 1: a type that is not a row here is refused ``unsupported-type``, whether a later version knows it or nobody does.
Rule 2: a row says what the store and the wire need to know of a type; what a type does to a case is in the state table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MessageType:
    """
    One row of the catalogue.

    ``code`` is the catalogue code of ``docs/protocol.md``; ``event`` the name the state table knows it by; ``opens``
    says that it may begin a thread; ``clock_step`` names the step whose clock its receipt starts, or is ``None``;
    ``personal`` that its body carries ``handling``; ``undo`` the state a case returns to if the message is dropped
    before it was ever posted, or ``None`` where the case need not move; ``refused`` the event that a refusal of the
    message by the other gateway is.
    """

    type: str
    code: str
    event: str
    sender: str
    opens: bool = False
    clock_step: str | None = None
    personal: bool = False
    undo: str | None = None
    refused: str = "not_accepted"


REQUEST = "verification.request"
ACKNOWLEDGEMENT = "verification.acknowledgement"
DELAY = "verification.delay"
QUESTION = "verification.question"
ELEMENTS = "verification.elements"
REPLY = "verification.reply"
CONTEST = "verification.contest"
REMINDER = "reminder"
WITHDRAWAL = "withdrawal"
PROPOSAL = "return.proposal"
ACCEPTANCE = "return.acceptance"
DOCUMENT_REQUEST = "travel-document.request"
DOCUMENT = "travel-document.issued"
REISSUE = "travel-document.reissue"
SCHEDULE = "return.schedule"
HANDOVER = "return.handover"
MONITORING = "return.monitoring"
TAKE_BACK = "return.take-back"
SUSPENSION = "suspension"
RESUMPTION = "resumption"
REDIRECT = "verification.redirect"
INTERVIEW = "verification.interview"
INTERVIEW_ANSWER = "verification.interview-answer"
INTERVIEW_RESULT = "verification.interview-result"
USE_REQUEST = "use-report.request"
USE_ANSWER = "use-report.answer"
ONWARD_REQUEST = "onward.request"
ONWARD_ANSWER = "onward.answer"
RECTIFICATION = "rectification"
ERASURE = "erasure"
CONFIRMATION = "confirmation"
DIRECTORY = "directory"
INFORMATION_REQUEST = "information.request"
INFORMATION_ANSWER = "information.answer"
EXERCISE = "exercise"
COLLECT = "collect"
RESYNC = "resync"

INFORMATION = frozenset({INFORMATION_REQUEST, INFORMATION_ANSWER})
"""Types that are about no person: threads, keys and roles of their own, and no case (``services.information``)."""

AFTER_WITHDRAWAL = frozenset({RECTIFICATION, ERASURE, CONFIRMATION})
"""What may still follow a withdrawal in its thread; with the withdrawal the only exemptions of R-01 (M-5.31)."""

WORD_OF_STOP = frozenset({SUSPENSION, RESUMPTION})
"""What says that a return is stopped, and that it goes on."""

STILL_SAID = AFTER_WITHDRAWAL | WORD_OF_STOP
"""What who is asked says in a thread that a lost message of it has ended, under the number of that (M-5.10)."""

ASKS_OF_DATA = frozenset({USE_REQUEST, ONWARD_REQUEST})
"""What asks about data that was sent: what became of it, and whether it may be passed on."""

TYPES: Mapping[str, MessageType] = {
    row.type: row
    for row in (
        MessageType(REQUEST, "VRQ", "request", "requesting", True, "reply", True, "DRAFT"),
        MessageType(ACKNOWLEDGEMENT, "ACK", "acknowledgement", "requested", undo="RECEIVED"),
        MessageType(DELAY, "DLY", "delay", "requested"),
        MessageType(QUESTION, "VT2", "question", "requested", undo="ACKNOWLEDGED"),
        MessageType(ELEMENTS, "VT2", "elements", "requesting", personal=True, undo="NEEDS_TIER2"),
        MessageType(
            REPLY, "VRP", "reply", "requested", personal=True, undo="ACKNOWLEDGED", refused="reply_not_accepted"
        ),
        MessageType(CONTEST, "CNT", "contest", "requesting", clock_step="reply", undo="REPLIED"),
        MessageType(REMINDER, "RMD", "reminder", "requesting"),
        MessageType(WITHDRAWAL, "WDN", "withdrawal", "requesting"),
        MessageType(
            PROPOSAL,
            "RPL",
            "proposal",
            "requesting",
            personal=True,
            undo="ASSESSED",
            refused="proposal_not_accepted",
        ),
        MessageType(
            ACCEPTANCE,
            "RAC",
            "acceptance",
            "requested",
            personal=True,
            undo="PROPOSED",
            refused="acceptance_not_accepted",
        ),
        MessageType(
            DOCUMENT_REQUEST, "TDQ", "document_request", "requesting", clock_step="travel_document", personal=True
        ),
        MessageType(
            DOCUMENT, "TDI", "document", "requested", personal=True, undo="ACCEPTED", refused="document_not_accepted"
        ),
        MessageType(REISSUE, "TDX", "reissue", "requested", personal=True),
        MessageType(
            SCHEDULE,
            "RSC",
            "schedule_notice",
            "requesting",
            personal=True,
            undo="DOCUMENTED",
            refused="schedule_not_accepted",
        ),
        MessageType(HANDOVER, "RHO", "handover", "either", personal=True),
        MessageType(MONITORING, "RMO", "monitoring", "requested", personal=True),
        MessageType(TAKE_BACK, "ERR", "take_back", "either"),
        MessageType(SUSPENSION, "SUS", "suspension", "either"),
        MessageType(RESUMPTION, "RES", "resumption", "either"),
        MessageType(REDIRECT, "RDR", "redirection", "requested", undo="RECEIVED"),
        MessageType(INTERVIEW, "INT", "interview", "requested", undo="ACKNOWLEDGED"),
        MessageType(INTERVIEW_ANSWER, "INT", "interview_answer", "requesting", undo="NEEDS_INTERVIEW"),
        MessageType(INTERVIEW_RESULT, "IRS", "interview_result", "requested"),
        MessageType(USE_REQUEST, "USE", "use_request", "either"),
        MessageType(USE_ANSWER, "URP", "use_answer", "either"),
        MessageType(ONWARD_REQUEST, "ONW", "onward_request", "either"),
        MessageType(ONWARD_ANSWER, "ONR", "onward_answer", "either"),
        MessageType(RECTIFICATION, "RCT", "rectification", "either", personal=True),
        MessageType(ERASURE, "ERS", "erasure", "either"),
        MessageType(CONFIRMATION, "CFM", "confirmation", "either"),
        MessageType(INFORMATION_REQUEST, "INQ", "information_request", "either", personal=True),
        MessageType(INFORMATION_ANSWER, "INA", "information_answer", "either", personal=True),
        MessageType(DIRECTORY, "DIR", "directory", "either"),
        MessageType(EXERCISE, "TST", "exercise", "either"),
        MessageType(COLLECT, "COL", "collect", "either"),
        MessageType(RESYNC, "RSY", "resync", "either"),
    )
}


NOT_ACCEPTED = "not_accepted"
"""The event that a refusal is which leads the case nowhere."""


def refused_as(type: str, *, since: bool) -> str:
    """
    Return the event that a refusal of a message of ``type`` is; ``since`` says that another took its place since.

    The case stands then where the later one led, or where something led that came between the two.
    """
    return NOT_ACCEPTED if since else TYPES[type].refused


def takes_place(later: str, type: str) -> bool:
    """Return whether a message of the type ``later`` says something in place of an earlier one of ``type``."""
    return later == type or (type, later) == (DOCUMENT, REISSUE)


def event_name(type: str, body: Mapping[str, Any]) -> str:
    """Return the event a received message is to the state table, where the body says which of several it is."""
    match type:
        case "verification.delay" if body["extension"]:
            return "extension"
        case "return.acceptance" if body["decision"] != "accepted":
            return "refusal"
        case "return.schedule":
            return SCHEDULE_EVENTS[body["status"]]
        case "return.monitoring" if body["final"]:
            return FINAL_EVENTS[body["status"]]
        case _:
            return TYPES[type].event


SCHEDULE_EVENTS: Mapping[str, str] = {
    "planned": "schedule_notice",
    "cancelled": "cancellation",
    "departed": "departure",
}
"""What a schedule is to the side that receives it, by its status."""

SAID_BY: Mapping[str, frozenset[str]] = {
    type: frozenset(events.split())
    for type, events in {
        REQUEST: "send",
        ACKNOWLEDGEMENT: "acknowledge",
        DELAY: "notify_delay extend",
        QUESTION: "ask",
        ELEMENTS: "send",
        REPLY: "answer",
        CONTEST: "contest",
        REMINDER: "remind",
        WITHDRAWAL: "withdraw decline",
        PROPOSAL: "propose",
        ACCEPTANCE: "accept refuse",
        DOCUMENT_REQUEST: "request_document",
        DOCUMENT: "issue",
        REISSUE: "reissue_document",
        SCHEDULE: "schedule cancel depart",
        HANDOVER: "hand_over confirm_handover",
        MONITORING: "report report_safe report_concern report_lost",
        TAKE_BACK: "recall",
        SUSPENSION: "suspend freeze",
        RESUMPTION: "resume",
        REDIRECT: "redirect",
        INTERVIEW: "ask_interview",
        INTERVIEW_ANSWER: "interview_answer decline_interview",
        INTERVIEW_RESULT: "report_interview",
        USE_REQUEST: "ask_use",
        USE_ANSWER: "report_use",
        ONWARD_REQUEST: "ask_onward",
        ONWARD_ANSWER: "answer_onward",
        RECTIFICATION: "strike rectify",
        ERASURE: "demand_erasure",
        CONFIRMATION: "confirm destroy",
    }.items()
}
"""Steps of ours that say a message of each type that belongs to a case."""

FINAL_EVENTS: Mapping[str, str] = {
    "SEEN_SAFE": "monitoring_safe",
    "CLOSED_AGREED": "monitoring_safe",
    "SEEN_CONCERN": "monitoring_concern",
    "MOVED_KNOWN": "monitoring_lost",
    "DECLINED": "monitoring_lost",
    "NOT_FOUND": "monitoring_lost",
}
"""How a return ends, by the status of its last report. Who is no longer seen is not called safe."""


def required_statements(type: str, body: Mapping[str, Any], kinds: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """
    Return the (kind, role) of each statement a message must carry (``docs/protocol.md`` section 6).

    A reply that is not positive needs a second signer: a mistaken "no" can leave a person without any State. A return
    needs the authority in charge on each side. A handover needs the hand of the side that sends it, ``kinds`` being
    those of the statements it carries; which hand belongs to which side is for the state table.
    """
    if type == REPLY and body["outcome"] in NEGATIVE_OUTCOMES:
        return (("reply.second-signature", "second_signer"),)
    if type in INFORMATION:  # M-6.7
        return ((type, "information"),)
    if type == PROPOSAL:
        return (("return.release", "welfare" if body["represented"] else "coordinator"),)
    if type == ACCEPTANCE and body["decision"] == "accepted":
        return (("return.acceptance", "welfare" if body["represented"] else "desk_head"),)
    if type == HANDOVER:
        kind = kinds[0] if kinds and kinds[0] in HANDS else "handover.delivery"
        return ((kind, HANDS[kind]),)
    return ()


HANDS: Mapping[str, str] = {"handover.delivery": "escort", "handover.receipt": "reception"}
"""The two hands of a handover: kind of statement to the role that makes it."""


POSITIVE_OUTCOMES = frozenset({"NATIONAL", "PR_AT_DATE"})
NEGATIVE_OUTCOMES = frozenset(
    {"NOT_NATIONAL", "FORMER_NATIONAL", "NO_PR_AT_DATE", "DOC_NOT_AUTHENTIC", "NOT_FOUND", "REFUSED"}
)
"""Outcomes a second person signs. ``CANNOT_SAY`` closes nothing for anybody and needs one signer."""

DENIALS = frozenset({"NOT_NATIONAL", "NO_PR_AT_DATE", "FORMER_NATIONAL"})
"""Outcomes that say of the person that a State is not hers, or not any more; each rests on an entry that was found."""

OUTCOMES_FOR: Mapping[str, frozenset[str]] = {
    "NATIONALITY": frozenset({"NATIONAL", "NOT_NATIONAL", "FORMER_NATIONAL", "NOT_FOUND", "CANNOT_SAY", "REFUSED"}),
    "PERM_RESIDENCE": frozenset({"PR_AT_DATE", "NO_PR_AT_DATE", "NOT_FOUND", "CANNOT_SAY", "REFUSED"}),
    "DOC_AUTHENTICITY": frozenset({"DOC_AUTHENTIC", "DOC_NOT_AUTHENTIC", "NOT_FOUND", "CANNOT_SAY", "REFUSED"}),
}
"""
Which outcomes answer which question (Palermo Protocol Article 8(3) asks two separate questions, Article 13 a third).

``DOC_AUTHENTIC`` is not positive: that a document is genuine does not say that its bearer is a national.
"""

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
"""Method limit to the methods it allows; MX takes those out again that ask somebody something."""


INTERVIEW_METHOD = "CONSULAR_INTERVIEW"
CONTACTING = frozenset({INTERVIEW_METHOD, "SOCIAL_ENQUIRY"})
"""Methods that ask somebody something; with MX nobody is visited, called or questioned."""


def allowed_methods(limit: str, no_contact: bool) -> frozenset[str]:
    """Return the methods a request with method limit ``limit`` and, if ``no_contact``, MX allows."""
    return METHODS_FOR[limit] - CONTACTING if no_contact else METHODS_FOR[limit]


def may_interview(limit: str, no_contact: bool) -> bool:
    """Return whether an interview may be proposed at all under method limit ``limit`` and, if ``no_contact``, MX."""
    return INTERVIEW_METHOD in allowed_methods(limit, no_contact)
