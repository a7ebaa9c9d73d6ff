"""
The local API as data: every route once, and the OpenAPI 3.1 document made from it.

Rule 1: ``local_api`` opens the routes of ``ROUTES`` and no other, so what is served is what is described.
Rule 2: bodies are checked by the schemas the document shows; there is no second description of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.case import State
from gateway.services.access import REASON_MAX, REASON_MIN
from gateway.services.act_bodies import (
    ANY,
    CODE,
    COUNT,
    DATE,
    DIGEST,
    ID,
    INSTANT,
    TAKES,
    TEXT,
    YES_NO,
    Schema,
    as_object,
    components,
    or_null,
    ref,
)
from gateway.services.acts import VERBS

VERSION: Final = "1"
MEDIA_TYPE: Final = "application/json"
PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

JUSTIFICATION_HEADER: Final = "Isthmus-Justification"
ROLE_HEADER: Final = "Isthmus-Role"
ONCE_HEADER: Final = "Idempotency-Key"
LIMIT_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Route:
    """
    One route: ``name`` is its operation id, ``request`` and ``response`` name component schemas or are ``None``.

    ``query`` names parameters of ``_PARAMETERS``. ``public`` needs no token.
    """

    method: str
    path: str
    name: str
    summary: str
    request: str | None = None
    response: str | None = None
    status: int = 200
    query: tuple[str, ...] = ()
    public: bool = False


_CASE = "/v1/cases/{ref}"
_LOOK = ("role", "justification", "justification_header")


def _verb(name: str, summary: str) -> Route:
    query = ("role", "if_match") if VERBS[name].compared else ("role",)
    return Route("POST", f"{_CASE}/{name}", name, summary, TAKES.get(name), "Moved", query=query)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/openapi.json", "openapi", "This document.", public=True),
    Route(
        "POST",
        "/v1/preview",
        "preview",
        "What would leave for a case draft, what is withheld, and which rule says so. Nothing is stored.",
        "case-draft",
        "Preview",
        query=("role",),
    ),
    Route(
        "POST",
        "/v1/cases",
        "open",
        "Open a case for a draft. Nothing is sent.",
        "case-draft",
        "Opened",
        201,
        ("role", "once"),
    ),
    Route(
        "POST",
        "/v1/exercises",
        "exercise",
        "Open an exercise for a draft about an invented person; it is a case like any other and never a real one.",
        "case-draft",
        "Opened",
        201,
        ("role", "once"),
    ),
    Route(
        "GET",
        "/v1/cases",
        "queue",
        "Cases, soonest due first, without an identity.",
        response="Board",
        query=("state", "officer", "limit", "after", "role"),
    ),
    Route(
        "GET",
        "/v1/overdue",
        "overdue",
        "Open cases whose answer is overdue, without an identity.",
        response="Board",
        query=("partner", "limit", "after", "role"),
    ),
    Route(
        "GET",
        _CASE,
        "case",
        "One case. Personal content only for a desk that gives a justification, which is kept.",
        response="Case",
        query=(*_LOOK, "purpose"),
    ),
    Route(
        "GET",
        f"{_CASE}/preview",
        "show",
        "The exact body prepared, its digest and thread: what an approval or second signature is about.",
        response="Preview",
        query=_LOOK,
    ),
    _verb("amend", "Replace the draft; an approval given before is void."),
    _verb("attachment", "Have an image drawn anew and keep it with the record; what was prepared before is void."),
    _verb("attachment-removal", "Take an image out of the record; what was prepared before is void."),
    _verb("remark", "Write a remark, where an agreement allows one; it is read and redacted, and not confirmed yet."),
    _verb("remark-confirmation", "Confirm the redacted remark that was seen; it becomes part of the body prepared."),
    _verb("approval", "Approve the body prepared, by a statement of the approver's own key."),
    _verb("send-back", "Send the body prepared back, with a reason; nobody else may approve the same bytes any more."),
    _verb("send", "Put the approved body in the outbox."),
    _verb("elements", "Prepare the answer to a question from the draft; only what was asked for is in it."),
    _verb("contest", "Ask once for a second look at the reply."),
    _verb("reminder", "Remind of an overdue answer."),
    _verb("freeze", "Stop the case at once."),
    _verb("release", "Let go of a case you, or a guest in your role, froze."),
    _verb("resume", "Propose to go on, or as a second person go on."),
    _verb("apart", "Say that the case is about another person than the stopped one it is held for."),
    _verb("correction", "Set right what the record of a case that stands still says of the person."),
    _verb("attestation", "Attest anew the protection state of a case that stands still."),
    _verb("restatement", "Set right what a case that stands still has on record of age and guardian."),
    _verb("withdraw", "Withdraw a stopped case."),
    _verb("acknowledge", "Acknowledge a request received."),
    _verb("question", "Ask which of several persons is meant."),
    _verb("delay", "Say by code that the answer will take longer."),
    _verb("extension", "Extend the period as far as the agreement allows."),
    _verb("reply", "Prepare the answer."),
    _verb("countersignature", "Add the second signature to the answer prepared."),
    _verb("answer", "Send the answer prepared."),
    _verb("redirect", "Point to the authority of our directory that is competent."),
    _verb("interview", "Propose an interview, where the request allows one."),
    _verb("interview-consent", "Prepare to accept an interview, with the person's consent to it."),
    _verb("interview-agreement", "Send the acceptance of an interview that was approved."),
    _verb("interview-refusal", "Say no to an interview; no reason is given."),
    _verb("interview-result", "Say whether the interview was held and what it showed."),
    _verb("use-question", "Ask what became of what we sent."),
    _verb("use-report", "Answer what became of what we received."),
    _verb("onward-question", "Ask to use what we received for another purpose or at another body."),
    _verb("onward-answer", "Grant such a use until a day, or refuse it without a reason."),
    _verb("strike", "Say that parts of what we sent were wrong and are to be destroyed."),
    _verb("rectification", "Prepare right values for parts of what we sent."),
    _verb("rectification-approval", "Approve and send the right values, by a statement of the approver."),
    _verb("erasure-demand", "Ask the other State to destroy what we sent."),
    _verb("confirmation", "Confirm that a rectification was carried out."),
    _verb("destruction", "Destroy our copy as the other State asked, and confirm it."),
    _verb("close", "Close the case."),
    _verb("discard", "Drop a case of which nothing was accepted."),
    _verb("consideration", "Begin to consider a return, with its national record."),
    _verb("record", "Replace the national record of a return."),
    _verb("assessment", "Say that the assessments are complete."),
    _verb("decline", "End it without a return."),
    _verb("reassessment", "Begin anew; what was signed before is void."),
    _verb("proposal", "Prepare the proposal of a return; conclusions, dates and signers alone are in it."),
    _verb("endorsement", "Release the return, as the authority in charge."),
    _verb("propose", "Send the proposal that was approved and released."),
    _verb("decision", "Note that the decision on record is final."),
    _verb("document", "Prepare the request for a travel document."),
    _verb("document-request", "Send the request for a travel document that was approved."),
    _verb("schedule", "Fix the journey; the message leaves 72 hours before departure."),
    _verb("cancellation", "Take the plan of a journey back."),
    _verb("departure", "Say that the person left now."),
    _verb("protocol", "The exact protocol of a handover, for the hand that signs it now, which is on record."),
    _verb("handover", "Sign the protocol as the first hand."),
    _verb("handover-confirmation", "Sign the protocol as the second hand."),
    _verb("recall", "Call the person back after departure."),
    _verb("returned", "Note that the person is back."),
    _verb("suspension", "Stop a return at once; a State that knows of it learns that, and no reason."),
    _verb("acceptance", "Prepare to accept a return."),
    _verb("accept", "Accept what was prepared, as the authority in charge."),
    _verb("refusal", "Refuse a return by code."),
    _verb("issue", "Say that a travel document was issued."),
    _verb("reissue", "Say that another document takes the place of the last."),
    _verb("report", "Report by code how the person was found."),
    Route(
        "POST",
        f"{_CASE}/task",
        "settle",
        "Say what was done about what the content asks of people here; it is not asked again in this case.",
        "Settled",
        "Moved",
        query=("role",),
    ),
    Route(
        "GET",
        f"{_CASE}/return",
        "return",
        "The return: record, what was said, who signed until when. Each role sees what its act is about.",
        response="Return",
        query=_LOOK,
    ),
    Route(
        "GET",
        f"{_CASE}/evidence",
        "evidence",
        "Receipts and proofs of the case as one zip, without personal content.",
        response="Evidence",
        query=_LOOK,
    ),
    Route(
        "GET",
        f"{_CASE}/account",
        "account",
        "What was sent about the person, to whom, when and why; for the person, her guardian or lawyer, and the DPO.",
        response="Account",
        query=_LOOK,
    ),
)

# Schemas of what only this door says and hears; those of drafts and messages come from ``schemas``.


_STATE: Schema = {"enum": [state.value for state in State]}

_ROW: Schema = {
    "ref": ID,
    "partner": TEXT,
    "side": {"enum": ["requesting", "requested"]},
    "state": _STATE,
    "step": or_null(TEXT),
    "due_on": or_null(DATE),
    "due_at": or_null(INSTANT),
    "officer": or_null(TEXT),
    "instrument": or_null(TEXT),
    "calendar": or_null(TEXT),
    "reminders": COUNT,
    "extended": YES_NO,
    "delay_notice": YES_NO,
    "opened_at": INSTANT,
    "changed_at": or_null(INSTANT),
    "notice_due": YES_NO,
}

_ANSWERS: Mapping[str, Schema] = {
    "Return": as_object(
        "A return, as far as the role sees it",
        {
            "thread": ID,
            "record": or_null(ref("return-record")),
            "person": {
                "description": "For a desk and the authority in charge, where the case is of this State's asking: what "
                "is recorded of age and guardian, and what was before each restatement.",
                **or_null(ANY),
            },
            "said": {"description": "The last body of each message.", **ANY},
            "releases": {"type": "array", "items": ANY},
            "prepared": or_null(ref("Preview")),
        },
    ),
    "Finding": as_object("Finding of a rule", {"rule": TEXT, "because": TEXT, "where": TEXT}),
    "Line": as_object(
        "What happens to one element of the file",
        {
            "element": TEXT,
            "member": TEXT,
            "status": {"enum": ["sent", "withheld", "forbidden"]},
            "rule": TEXT,
            "because": TEXT,
        },
    ),
    "Preview": as_object(
        "A body that would leave",
        {
            "type": TEXT,
            "body": TEXT,
            "digest": DIGEST,
            "thread": or_null(ID),
            "lines": {"type": "array", "items": ref("Line")},
            "findings": {"type": "array", "items": ref("Finding")},
        },
    ),
    "Prepared": as_object(
        "What a step prepared; its body is shown by a preview, and here that of a handover alone",
        {
            "type": TEXT,
            "digest": DIGEST,
            "findings": {"type": "array", "items": ref("Finding")},
            "body": TEXT,
            "thread": ID,
        },
        ("type", "digest", "findings"),
    ),
    "Remark": as_object(
        "What became of a remark: what would leave of it, what was taken out, and why it is held",
        {
            "language": TEXT,
            "text": TEXT,
            "digest": or_null(DIGEST),
            "spans": {"type": "array", "items": as_object("Span", {"start": COUNT, "end": COUNT, "type": TEXT})},
            "reasons": {"type": "array", "items": TEXT},
            "leaks": {"description": "Fields of the record it still tells of.", "type": "array", "items": TEXT},
            "confirmed_by": or_null(TEXT),
            "confirmed_at": or_null(INSTANT),
            "sent": YES_NO,
        },
    ),
    "Opened": as_object("A new case", {"ref": ID}),
    "Moved": as_object(
        "Where the case stands now",
        {"ref": ID, "state": _STATE, "prepared": ref("Prepared"), "remark": or_null(ref("Remark"))},
        ("ref", "state"),
    ),
    "Row": as_object("A case without an identity", _ROW),
    "Board": as_object(
        "Cases, and where the next page begins",
        {"cases": {"type": "array", "items": ref("Row")}, "next": or_null(TEXT)},
    ),
    "Pending": as_object(
        "A body prepared; its digest for a justification",
        {
            "type": TEXT,
            "digest": or_null(DIGEST),
            "author": TEXT,
            "approver": or_null(TEXT),
            "sent_back": {"type": "array", "items": ref("Disputed")},
        },
    ),
    "Disputed": as_object(
        "A second person's word against it; the note for a justification",
        {"by": TEXT, "at": INSTANT, "reason": CODE, "note": or_null(TEXT)},
    ),
    "Allowed": as_object(
        "A step the caller may take now", {"verb": TEXT, "roles": {"type": "array", "items": TEXT, "minItems": 1}}
    ),
    "Content": as_object(
        "Personal content",
        {
            "draft": or_null(ANY),
            "received": {
                "description": "What the other State sent. An image in it is as it came, a bare JPEG that nobody "
                "here has decoded: draw it anew before people see it.",
                **or_null(ANY),
            },
            "asked": {"type": "array", "items": TEXT},
            "reply": or_null(ANY),
            "delay": or_null(ANY),
            "interview": or_null(ANY),
            "images": {"description": "Images drawn anew, by element: digests, sizes, what was removed.", **ANY},
            "held": {
                "description": "Why the gateway holds it, or would, with references.",
                "type": "array",
                "items": TEXT,
            },
            "referral": {
                "description": "That the person is to be referred, what that does not say, and which other cases were "
                "counted: see first that they are about the same person. 'settle' ends it.",
                **or_null(
                    as_object(
                        "Referral",
                        {"text": {"type": "array", "items": TEXT}, "counted": {"type": "array", "items": ID}},
                    )
                ),
            },
            "remark": or_null(ref("Remark")),
        },
    ),
    "Desk": as_object(
        "What a desk sees without a justification",
        {
            "thread": ID,
            "purpose": TEXT,
            "clocks": {"type": "array", "items": ANY},
            "findings": {"type": "array", "items": TEXT},
            "pending": or_null(ref("Pending")),
            "contests": COUNT,
            "exercise": YES_NO,
            "notices": {"type": "array", "items": ANY},
        },
    ),
    "Case": as_object(
        "One case",
        {
            "case": ref("Row"),
            "allowed": {"type": "array", "items": ref("Allowed")},
            "desk": or_null(ref("Desk")),
            "content": or_null(ref("Content")),
        },
    ),
    "Evidence": {
        "title": "Evidence",
        "type": "object",
        "required": ["ref", "zip"],
        "properties": {"ref": TEXT, "zip": {"description": "The zip, base64.", "type": "string"}},
        "additionalProperties": False,
    },
    "Account": as_object(
        "Account of what was sent, as values and as text for the person", {"account": ANY, "text": TEXT}
    ),
    "Problem": {
        "title": "Problem (RFC 9457)",
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "hint": TEXT,
            "problems": {"type": "array", "items": as_object("Place", {"pointer": TEXT, "text": TEXT})},
            "findings": {"type": "array", "items": ref("Finding")},
        },
    },
}

_PARAMETERS: Mapping[str, Schema] = {
    "state": {"name": "state", "in": "query", "schema": {"type": "array", "items": _STATE}},
    "officer": {"name": "officer", "in": "query", "schema": TEXT},
    "partner": {"name": "partner", "in": "query", "schema": {"type": "string", "pattern": "^[A-Z]{3}$"}},
    "limit": {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 100},
    },
    "after": {"name": "after", "in": "query", "description": "`next` of the page before.", "schema": TEXT},
    "justification": {
        "name": "justification",
        "in": "query",
        "description": "The same as the header. It may name somebody, and addresses are kept in logs: use the header.",
        "deprecated": True,
        "schema": {"type": "string", "minLength": REASON_MIN, "maxLength": REASON_MAX},
    },
    "justification_header": {
        "name": JUSTIFICATION_HEADER,
        "in": "header",
        "description": "Why personal content is looked at, percent-encoded as UTF-8; kept with the case.",
        "schema": {"type": "string", "minLength": REASON_MIN, "maxLength": 12 * REASON_MAX},
    },
    "purpose": {
        "name": "purpose",
        "in": "query",
        "description": "What the content is used for, if not what it was sent for; the re-use table must allow it.",
        "schema": CODE,
    },
    "role": {
        "name": ROLE_HEADER,
        "in": "header",
        "description": "The role acted in; needed only by persons with several that fit.",
        "schema": TEXT,
    },
    "if_match": {
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` the case was read with: the step is taken only on what was seen (else 412).",
        "schema": TEXT,
    },
    "once": {
        "name": ONCE_HEADER,
        "in": "header",
        "description": "A text of your own in quotes (RFC 9651) for one case alone, best a random UUID. The same key "
        "and body from the same person open no second case: the first answer comes again. With another body: 422. A "
        "key is known for 7 days. Without one, a request that comes twice opens two cases.",
        "schema": {"type": "string", "pattern": '^"[ !#-\\[\\]-~]{1,255}"$'},
    },
    "ref": {"name": "ref", "in": "path", "required": True, "description": "Our reference of a case.", "schema": ID},
}

_ERRORS: Mapping[str, str] = {
    "400": "Not JSON, or a parameter that is none.",
    "401": "No token, or one that names nobody.",
    "403": "The person or the role may not do this.",
    "404": "There is no such case here.",
    "409": "The case does not allow this step now.",
    "412": "The case is not what `If-Match` names any more.",
    "422": "The body does not fit its schema, or a rule refuses; the problem lists why.",
    "503": "Not now; the same request may be made again.",
}


def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the local API as a fresh value."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gateway, local API",
            "version": VERSION,
            "description": "For one State's own systems. A token names a person; every act has its person.",
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": {
            "schemas": {**components(), **_ANSWERS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    names = (("ref",) if "{ref}" in route.path else ()) + route.query
    schema = ref(route.response) if route.response else {"type": "object"}
    done = {str(route.status): {"description": "Done.", "content": {MEDIA_TYPE: {"schema": schema}}}}
    problem = {PROBLEM_MEDIA_TYPE: {"schema": ref("Problem")}}
    failed = {} if route.public else {code: {"description": why, "content": problem} for code, why in _ERRORS.items()}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [dict(_PARAMETERS[name]) for name in names],
        "responses": done | failed,
    }
    if route.request:
        operation["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": ref(route.request)}}}
    if route.public:
        operation["security"] = []
    return operation
