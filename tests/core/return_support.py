"""A good record of a return, its messages, and cases in any state of state table R, for the tests of its rules."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from gateway.core.case import Case, Pending, Release, Side, State, replace
from gateway.core.facts import about
from gateway.core.machine import Event, Row
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    PROPOSAL,
    REISSUE,
    SCHEDULE,
    TAKE_BACK,
)
from gateway.core.minimise import disclose
from gateway.core.preview import body_digest
from gateway.core.return_guards import UNTOLD
from gateway.core.returns import REQUESTED_RETURN, REQUESTING_RETURN
from gateway.core.verification import GATEWAY, PARTNER
from schemas import ijson
from tests.core import support
from tests.core.support import AROUND, NOW, TOKEN

REPLY_DIGEST = "G7lJxRL_7XytKDYlbQ6vUwKc8PwUOHz0DcvaNpFFww0"
LATER = "2027-06-01T00:00:00Z"
"""Until when the statements of the tests count."""
HANDLING = {
    "purpose": "RETURN_ARRANGEMENT",
    "legal_basis": "CONFIRMATION",
    "use_restrictions": ["P0", "P1"],
    "retain_until": "2027-12-31",
    "onward": "none",
}

RECORD: dict[str, Any] = {
    "wish": {
        "options_explained_on": "2026-11-02",
        "language": "sr",
        "interpreter": "i-7",
        "wish": "return",
        "written_on": "2026-11-03",
        "copy_given": True,
        "revoked_on": None,
        "detained_now": False,
    },
    "views": {"heard_on": "2026-11-03", "by": "dora"},
    "identification": {"concluded_on": "2026-09-15"},
    "reflection": {"granted_on": "2026-09-16", "ends_on": "2026-10-31", "waived_in_writing_on": None},
    "proceedings": {"open": True, "presence_needed": True, "released_by": "prosecutor, file 3"},
    "assessments": [
        {"kind": kind, "positive": True, "on": "2026-11-25", "expires_on": "2027-01-31", "signer": "dora"}
        for kind in ("risk", "best_interests", "family")
    ],
    "decision": {
        "ref": "d-1",
        "authority": "family court",
        "on": "2026-11-26",
        "remedies_explained": True,
        "appeal_until": "2026-11-30",
        "waived": False,
    },
    "contacts_given_on": "2026-11-28",
    "reconfirmation": {"on": "2026-12-01", "by": "erik", "consent_stands": True},
    "travel": {"departs_at": "2026-12-01T15:00:00+01:00", "notice_h": 2},
}
"""A record to which nothing objects; the day of departure is the day of the tests."""

MINOR: dict[str, Any] = support.draft(
    age={"class": "minor", "decision": None},
    representative={"ref": TOKEN, "appointed_on": "2026-11-18", "signed_by": "gina"},
)
"""The national file of somebody who is represented."""


def record(**changes: Any) -> dict[str, Any]:
    """Return the good record with members changed; a mapping changes members of the member it names."""
    made = deepcopy(RECORD)
    for name, change in changes.items():
        made[name] = {**made[name], **change} if isinstance(change, dict) and made[name] else change
    return made


def assessment(kind: str, **changes: Any) -> list[dict[str, Any]]:
    """Return the assessments of the good record with the one of ``kind`` changed."""
    return [{**one, **changes} if one["kind"] == kind else one for one in deepcopy(RECORD["assessments"])]


def proposal(represented: bool = False) -> dict[str, Any]:
    """Return the proposal that the good record gives."""
    kinds = ("risk", "best_interests", "family") if represented else ("risk",)
    role = "welfare" if represented else "coordinator"
    return {
        "handling": HANDLING,
        "reply": REPLY_DIGEST,
        "represented": represented,
        "window": {"from": "2026-12-01", "until": "2026-12-31"},
        "needs": [],
        "consent": {"informed": True, "written": True, "on": "2026-11-03"},
        "conclusions": [
            {"kind": kind, "positive": True, "on": "2026-11-25", "expires_on": "2027-01-31", "signed_by_role": role}
            for kind in kinds
        ],
        "referral": {"services": ["RECEPTION"], "competence": "CARE"},
    }


def digest_of(value: Mapping[str, Any]) -> str:
    """Return the digest of ``value`` as a body."""
    return body_digest(ijson.dumps(value).decode())


def acceptance(represented: bool = False, **changes: Any) -> dict[str, Any]:
    """Return an acceptance that nothing objects to, with members changed."""
    value = {
        "handling": HANDLING,
        "proposal": digest_of(proposal(represented)),
        "decision": "accepted",
        "represented": represented,
        "reason": None,
        "carer": {"class": "RELATIVE", "ref": TOKEN, "agreed_in_writing_on": "2026-11-29"},
        "service": {"id": "XBB-20", "competence": "CARE"},
        "receiving_services": [{"service": "RECEPTION", "id": "XBB-20", "competence": "RECEPTION"}],
        "signed_on": "2026-11-30",
        "expires_on": "2027-01-31",
    }
    return {**value, **changes}


def refusal() -> dict[str, Any]:
    """Return an acceptance that says no."""
    nothing: dict[str, Any] = dict.fromkeys(("proposal", "carer", "service", "signed_on", "expires_on"))
    return acceptance(False, decision="refused", reason="NOT_SAFE", receiving_services=[], **nothing)


def issued(valid_until: str = "2027-03-01") -> dict[str, Any]:
    """Return a travel document as issued."""
    document = {"type": "P", "number_digest": REPLY_DIGEST, "issued_on": "2026-11-30", "valid_until": valid_until}
    return {"handling": {**HANDLING, "purpose": "TRAVEL_DOC"}, "document": document, "as_of": "2026-11-30"}


def schedule(status: str = "planned", **changes: Any) -> dict[str, Any]:
    """Return a plan of the journey of the good record."""
    value: dict[str, Any] = {
        "handling": HANDLING,
        "status": status,
        "departs_at": "2026-12-01T14:00:00Z",
        "arrives_at": "2026-12-01T17:00:00Z",
        "point": {"country": "XBB", "unit": "Northtown"},
        "carrier": None,
        "escort": {"count": 1, "refs": [TOKEN]},
        "medical_needs": [],
    }
    return {**value, **changes}


def handover(at: str = "2026-05-01T12:00:00Z") -> dict[str, Any]:
    """Return a protocol of a handover, by default one seven months ago."""
    protocol = {
        "at": at,
        "place": {"country": "XBB", "unit": "Northtown"},
        "identity_check": "TRAVEL_DOCUMENT",
        "documents": ["TRAVEL_DOCUMENT"],
        "belongings": True,
        "medicines": False,
        "money": True,
        "contact_card": True,
        "services": [{"service": "RECEPTION", "id": "XBB-20", "competence": "RECEPTION"}],
        "next_appointment": None,
        "discreet": True,
    }
    return {"handling": HANDLING, "protocol": protocol}


def monitoring(status: str = "SEEN_SAFE", final: bool = False) -> dict[str, Any]:
    """Return a report."""
    return {"handling": HANDLING, "status": status, "on": "2026-12-01", "final": final}


def document_request(represented: bool = False) -> dict[str, Any]:
    """Return the request for a travel document that the good file gives."""
    elements = disclose(MINOR if represented else support.DRAFT, "TRAVEL_DOC").elements
    return {"handling": {**HANDLING, "purpose": "TRAVEL_DOC"}, "elements": elements, "needed_by": "2026-12-20"}


SAYING: dict[str, Any] = {
    "proposal": proposal(),
    "acceptance": acceptance(),
    "refusal": refusal(),
    "refuse": refusal(),
    "document_request": document_request(),
    "document": issued(),
    "issue": issued(),
    "reissue": {**issued(), "replaces": REPLY_DIGEST},
    "reissue_document": {**issued(), "replaces": REPLY_DIGEST},
    "schedule_notice": schedule(),
    "schedule": schedule(),
    "cancellation": schedule("cancelled"),
    "cancel": schedule("cancelled"),
    "departure": schedule("departed"),
    "depart": schedule("departed"),
    "handover": handover(),
    "hand_over": handover(),
    "confirm_handover": handover(),
    "monitoring": monitoring(),
    "report": monitoring(),
    "monitoring_safe": monitoring("SEEN_SAFE", True),
    "report_safe": monitoring("SEEN_SAFE", True),
    "monitoring_concern": monitoring("SEEN_CONCERN", True),
    "report_concern": monitoring("SEEN_CONCERN", True),
    "monitoring_lost": monitoring("NOT_FOUND", True),
    "report_lost": monitoring("NOT_FOUND", True),
    "take_back": {"reason": "UNSAFE", "by": "2026-12-20"},
    "recall": {"reason": "UNSAFE", "by": "2026-12-20"},
    "suspension": {"code": "SUSPENDED"},
    "resumption": {"code": "RESUMED"},
}
"""What arrives, or leaves, with each event of a return."""

SENT_AS = {
    "propose": PROPOSAL,
    "request_document": DOCUMENT_REQUEST,
    "accept": ACCEPTANCE,
    "schedule": SCHEDULE,
    "depart": SCHEDULE,
    "cancel": SCHEDULE,
    "issue": DOCUMENT,
    "reissue_document": REISSUE,
    "recall": TAKE_BACK,
    "report": MONITORING,
}


def release(authority: str, kind: str, role: str, value: Mapping[str, Any], valid_until: str = LATER) -> Release:
    """Return a statement of ``authority`` over ``value``."""
    return Release(authority, kind, role, digest_of(value), valid_until, f"{kind} {role}")


@cache
def signatures(side: Side, represented: bool = False, valid_until: str = LATER) -> tuple[Release, ...]:
    """Return the statements of both authorities in charge as ``side`` holds them."""
    role, other = ("welfare", "welfare") if represented else ("coordinator", "desk_head")
    ours, theirs = ("ours", "theirs") if side is Side.REQUESTING else ("theirs", "ours")
    return (
        release(ours, "return.release", role, proposal(represented), valid_until),
        release(theirs, "return.acceptance", other, acceptance(represented), valid_until),
    )


SAID: dict[str, Any] = {
    PROPOSAL: proposal(),
    ACCEPTANCE: acceptance(),
    DOCUMENT_REQUEST: document_request(),
    DOCUMENT: issued(),
    SCHEDULE: schedule(),
    HANDOVER: handover(),
}


def case_in(side: Side, state: State, represented: bool = False, **changes: Any) -> Case:
    """Return a case in ``state`` of a return that everything stands for."""
    said = {**SAID, PROPOSAL: proposal(represented), ACCEPTANCE: acceptance(represented)}
    common: dict[str, Any] = {
        "reply": support.reply(),
        "said": said,
        "releases": signatures(side, represented),
        "pending": None,
    }
    if side is Side.REQUESTING:
        made = support.asking(
            state,
            record=RECORD,
            reply_digest=REPLY_DIGEST,
            draft=MINOR if represented else support.DRAFT,
            **common,
        )
    else:
        made = support.asked(state, **common)
    return replace(made, **changes)


def prepared(value: Mapping[str, Any], type: str, author: str = "anna") -> Pending:
    """Return a body that ``author`` prepared and another person signed."""
    return replace(support.prepared(value, author, type), approver="boris", statement="statement")


LEFT = schedule("departed", departs_at="2026-04-30T14:00:00Z", arrives_at="2026-04-30T17:00:00Z")
"""The departure before the handover of the good protocol."""

PREPARED: dict[State, tuple[str, Callable[[bool], dict[str, Any]]]] = {
    State.ASSESSED: (PROPOSAL, proposal),
    State.DECIDED: (DOCUMENT_REQUEST, document_request),
    State.PROPOSED: (ACCEPTANCE, acceptance),
}

RESUMES_IN: dict[str, State] = {
    "cancel": State.SCHEDULED,
    "acceptance": State.PROPOSED,
    "refusal": State.PROPOSED,
    "document": State.DECIDED,
    "reissue": State.DOCUMENTED,
    "handover": State.DEPARTED,
    "take_back": State.DEPARTED,
    "recall": State.DEPARTED,
    "monitoring": State.HANDED_OVER,
    "monitoring_safe": State.MONITORING,
    "monitoring_concern": State.MONITORING,
    "monitoring_lost": State.MONITORING,
    "proposal": State.REPLIED,
    "document_request": State.ACCEPTED,
    "schedule_notice": State.DOCUMENTED,
    "cancellation": State.SCHEDULED,
    "departure": State.SCHEDULED,
}
"""Where a held case will go on, so that the event that arrives fits."""


def concerns(row: Row) -> bool:
    """Return whether the row is one of a return."""
    return row in REQUESTING_RETURN or row in REQUESTED_RETURN


def good_case(side: Side, row: Row, represented: bool = False) -> Case:
    """Return a case in the row's source state that nothing objects to."""
    case = case_in(side, row.source, represented)
    if row.source in PREPARED and not (row.source is State.PROPOSED and side is Side.REQUESTING):
        type, compose = PREPARED[row.source]
        case = replace(case, pending=prepared(compose(represented), type))
    if row.event == "release":
        case = replace(case, holders=(("carol", "guardian"),))
    if "untold" in row.guards:
        case = replace(case, findings=(UNTOLD,))
    if row.event == "document_expired":
        case = replace(case, said={**case.said, DOCUMENT: issued("2026-11-30")})
    if "reply_spent" in row.guards:
        case = replace(case, reply={**support.reply(), "valid_until": "2026-11-30"})
    if row.event in ("acceptance", "refusal"):
        case = replace(case, releases=case.releases[:1])
    if row.event in ("hand_over", "handover"):
        case = replace(case, said={**case.said, SCHEDULE: LEFT})
    if row.event in ("handover", "confirm_handover"):
        first = "ours" if side is Side.REQUESTING else "theirs"
        hand = release(first, "handover.delivery", "escort", handover())
        case = replace(case, releases=(*case.releases, hand))
    return replace(case, resume_to=RESUMES_IN.get(row.event, State.PROPOSED), clocks=(support.clock(),))


def good_event(row: Row, case: Case, represented: bool = False) -> Event:
    """Return the row's event as somebody who may bring it, with everything it may need."""
    who = row.who - {"child_welfare"} if not represented else row.who
    role = "child_welfare" if represented and "child_welfare" in who else min(who)
    role = "guardian" if row.event == "release" else role
    actor = {GATEWAY: "gateway", PARTNER: case.partner}.get(role, "carol" if row.event == "release" else "dora")
    body: Any = deepcopy(SAYING.get(row.event, {}))
    if row.event in ("proposal", "acceptance"):
        body = proposal(represented) if row.event == "proposal" else acceptance(represented)
    type = SENT_AS.get(row.event, case.pending.type if case.pending else "")
    leaving = ijson.loads(case.pending.body.encode()) if case.pending else body
    text = ijson.dumps(body).decode()
    data: dict[str, Any] = {
        "record": RECORD,
        "pending": case.pending,
        "digest": case.pending.digest if case.pending else digest_of(body),
        "statement": "statement",
        "valid_until": LATER,
        "body": body if role == PARTNER else text,
        "releases": brought(row.event, body, represented),
        "replied": REPLY_DIGEST,
        "reason": "reason",
        "note": None,
        "undo": None,
        "clocks": (),
        "findings": (),
        "code": "stale",
        "until": NOW,
        "unmoved_since": NOW,
        "late": False,
        "lost": True,
    }
    if row.event == "attach":
        data |= {"draft": case.draft, "renditions": {}}
    facts = about(case, NOW, type, leaving, around=AROUND, justification="return")
    return Event(row.event, actor, role, data, facts)


def brought(event: str, body: Mapping[str, Any], represented: bool = False) -> tuple[Release, ...]:
    """Return the statements that come with a message of the other State."""
    match event:
        case "proposal":
            return (release("theirs", "return.release", "welfare" if represented else "coordinator", body),)
        case "acceptance":
            return (release("theirs", "return.acceptance", "welfare" if represented else "desk_head", body),)
        case "handover":
            kinds = (("handover.delivery", "escort"), ("handover.receipt", "reception"))
            return tuple(release("theirs", kind, role, body) for kind, role in kinds)
        case _:
            return ()
