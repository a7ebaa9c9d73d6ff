"""
The local API as data: every route once, and the OpenAPI 3.1 document made from it.

Rule 1: ``local_api`` opens the routes of ``routes()`` and no other, so what is served is what is described.
Rule 2: bodies are checked by the schemas the document shows; there is no second description of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jsonschema_rs

import schemas
from gateway.core.case import State
from schemas import Problem, SchemaError

VERSION: Final = "1"
COMPONENTS: Final = "#/components/schemas/"
MEDIA_TYPE: Final = "application/json"
PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

JUSTIFICATION_HEADER: Final = "Isthmus-Justification"
ROLE_HEADER: Final = "Isthmus-Role"
LIMIT_MAX: Final = 500

Schema = Mapping[str, Any]

BODIES: Final = (
    "interview-consent",
    "verification.redirect",
    "verification.interview",
    "verification.interview-result",
    "use-report.answer",
)
"""Schemas that this API takes as they are."""


@dataclass(frozen=True, slots=True)
class Route:
    """
    One route: ``name`` is its operation id, ``request`` and ``response`` name component schemas or are ``None``.

    ``query`` names parameters of ``PARAMETERS``. ``public`` needs no token.
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


def _verb(name: str, summary: str, request: str | None = None) -> Route:
    return Route("POST", f"{_CASE}/{name}", name, summary, request, "Moved", query=("role",))


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
        "POST", "/v1/cases", "open", "Open a case for a draft. Nothing is sent.", "case-draft", "Opened", 201, ("role",)
    ),
    Route(
        "POST",
        "/v1/exercises",
        "exercise",
        "Open an exercise for a draft about an invented person; it is a case like any other and never a real one.",
        "case-draft",
        "Opened",
        201,
        ("role",),
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
    _verb("amend", "Replace the draft; an approval given before is void.", "case-draft"),
    _verb("approval", "Approve the body prepared, by a statement of the approver's own key.", "Signed"),
    _verb("send", "Put the approved body in the outbox."),
    _verb("elements", "Prepare the answer to a question from the draft; only what was asked for is in it."),
    _verb("contest", "Ask once for a second look at the reply.", "Contest"),
    _verb("reminder", "Remind of an overdue answer."),
    _verb("freeze", "Stop the case at once.", "Freeze"),
    _verb("release", "Let go of a case you froze."),
    _verb("resume", "Propose to go on, or as a second person go on."),
    _verb("apart", "Say that the case is about another person than the stopped one it is held for.", "Apart"),
    _verb("correction", "Set right what the record of a case that stands still says of the person.", "Correction"),
    _verb("attestation", "Attest anew the protection state of a case that stands still.", "Attestation"),
    _verb("withdraw", "Withdraw a stopped case."),
    _verb("acknowledge", "Acknowledge a request received."),
    _verb("question", "Ask which of several persons is meant.", "Question"),
    _verb("delay", "Say by code that the answer will take longer.", "Delay"),
    _verb("extension", "Extend the period as far as the agreement allows.", "Extension"),
    _verb("reply", "Prepare the answer.", "Reply"),
    _verb("countersignature", "Add the second signature to the answer prepared.", "Signed"),
    _verb("answer", "Send the answer prepared."),
    _verb("redirect", "Point to the authority of our directory that is competent.", "verification.redirect"),
    _verb("interview", "Propose an interview, where the request allows one.", "verification.interview"),
    _verb("interview-consent", "Prepare to accept an interview, with the person's consent to it.", "InterviewConsent"),
    _verb("interview-agreement", "Send the acceptance of an interview that was approved."),
    _verb("interview-refusal", "Say no to an interview; no reason is given."),
    _verb(
        "interview-result", "Say whether the interview was held and what it showed.", "verification.interview-result"
    ),
    _verb("use-question", "Ask what became of what we sent."),
    _verb("use-report", "Answer what became of what we received.", "use-report.answer"),
    _verb("onward-question", "Ask to use what we received for another purpose or at another body.", "OnwardQuestion"),
    _verb("onward-answer", "Grant such a use until a day, or refuse it without a reason.", "OnwardAnswer"),
    _verb("strike", "Say that parts of what we sent were wrong and are to be destroyed.", "Strike"),
    _verb("rectification", "Prepare right values for parts of what we sent.", "Rectification"),
    _verb("rectification-approval", "Approve and send the right values, by a statement of the approver.", "Signed"),
    _verb("erasure-demand", "Ask the other State to destroy what we sent."),
    _verb("confirmation", "Confirm that a rectification was carried out.", "Confirmation"),
    _verb("destruction", "Destroy our copy as the other State asked, and confirm it.", "Numbered"),
    _verb("close", "Close the case."),
    _verb("discard", "Drop a case of which nothing was accepted."),
    _verb("consideration", "Begin to consider a return, with its national record.", "return-record"),
    _verb("record", "Replace the national record of a return.", "return-record"),
    _verb("assessment", "Say that the assessments are complete."),
    _verb("decline", "End it without a return."),
    _verb("reassessment", "Begin anew; what was signed before is void."),
    _verb("proposal", "Prepare the proposal of a return; conclusions, dates and signers alone are in it.", "Plan"),
    _verb("endorsement", "Release the return, as the authority in charge.", "Signed"),
    _verb("propose", "Send the proposal that was approved and released."),
    _verb("decision", "Note that the decision on record is final."),
    _verb("document", "Prepare the request for a travel document.", "DocumentWanted"),
    _verb("document-request", "Send the request for a travel document that was approved."),
    _verb("schedule", "Fix the journey; the message leaves 72 hours before departure.", "Journey"),
    _verb("cancellation", "Take the plan of a journey back."),
    _verb("departure", "Say that the person left now.", "Departure"),
    _verb("protocol", "The exact protocol that both hands of a handover sign. Nothing is stored.", "ProtocolWanted"),
    _verb("handover", "Sign the protocol as the first hand.", "HandedOver"),
    _verb("handover-confirmation", "Sign the protocol as the second hand.", "Signed"),
    _verb("recall", "Call the person back after departure.", "Recall"),
    _verb("returned", "Note that the person is back."),
    _verb("suspension", "Stop a return at once; the other State learns that, and no reason.", "Suspension"),
    _verb("acceptance", "Prepare to accept a return.", "Acceptance"),
    _verb("accept", "Accept what was prepared, as the authority in charge.", "Signed"),
    _verb("refusal", "Refuse a return by code.", "Refusal"),
    _verb("issue", "Say that a travel document was issued.", "TravelDocument"),
    _verb("reissue", "Say that another document takes the place of the last.", "TravelDocument"),
    _verb("report", "Report by code how the person was found.", "Report"),
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


def _object(title: str, properties: Schema, required: tuple[str, ...] | None = None) -> dict[str, Any]:
    names = list(properties) if required is None else list(required)
    return {
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": names,
        "properties": dict(properties),
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": COMPONENTS + name}


def _or_null(schema: Schema) -> dict[str, Any]:
    return {"anyOf": [dict(schema), {"type": "null"}]}


_TEXT: Schema = {"type": "string"}
_NOTE: Schema = {"type": "string", "minLength": 1, "maxLength": 2000}
_CODE: Schema = {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$"}
_DATE: Schema = {"type": "string", "format": "date"}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
_DIGEST: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}
_YES_NO: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ANY: Schema = {"type": "object"}
_STATE: Schema = {"enum": [state.value for state in State]}

_ROW: Schema = {
    "ref": _ID,
    "partner": _TEXT,
    "side": {"enum": ["requesting", "requested"]},
    "state": _STATE,
    "step": _or_null(_TEXT),
    "due_on": _or_null(_DATE),
    "due_at": _or_null(_INSTANT),
    "officer": _or_null(_TEXT),
    "instrument": _or_null(_TEXT),
    "calendar": _or_null(_TEXT),
    "reminders": _COUNT,
    "extended": _YES_NO,
    "delay_notice": _YES_NO,
    "opened_at": _INSTANT,
    "changed_at": _INSTANT,
    "notice_due": _YES_NO,
}

_NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 9999}
_PARTS: Schema = {"type": "array", "items": _CODE, "minItems": 1, "maxItems": 11, "uniqueItems": True}

_LOCAL: Mapping[str, Schema] = {
    "Signed": _object("A statement of the caller's own key", {"statement": {"type": "string", "maxLength": 2048}}),
    "Contest": _object("Contest", {"ground": _CODE}),
    "Freeze": _object(
        "Freeze",
        {"reason": _NOTE, "protection": _or_null(_ref("case-draft/properties/asylum"))},
        ("reason",),
    ),
    "Apart": _object("Another person", {"why": _NOTE}),
    "Correction": _object("Correction", {"elements": _ref("case-draft/properties/elements"), "why": _NOTE}),
    "Attestation": _object("Attestation", {"protection": _ref("case-draft/properties/asylum"), "why": _NOTE}),
    "Question": _object(
        "Question",
        {
            "candidates": {"type": "integer", "minimum": 2, "maximum": 99},
            "elements": {"type": "array", "items": _CODE, "minItems": 1, "maxItems": 16, "uniqueItems": True},
        },
    ),
    "InterviewConsent": _object(
        "Acceptance of an interview, with the person's consent",
        {
            "present": {"type": "array", "items": _CODE, "minItems": 1, "maxItems": 5, "uniqueItems": True},
            "on": _DATE,
            "consent": _ref("interview-consent"),
        },
    ),
    "OnwardQuestion": _object("Another use", {"purpose": _CODE, "recipient": _CODE}),
    "OnwardAnswer": _object("Until when it is granted; null refuses", {"number": _NUMBER, "until": _or_null(_DATE)}),
    "Strike": _object("Parts that were wrong", {"parts": _PARTS}),
    "Rectification": _object(
        "Right values for wrong ones", {"parts": _PARTS, "elements": _ref("common/$defs/elements")}
    ),
    "Confirmation": _object("What was done", {"number": _NUMBER, "result": _CODE}),
    "Numbered": _object("Which demand", {"number": _NUMBER}),
    "Delay": _object("Delay", {"reason": _CODE, "eta": _DATE}),
    "Extension": _object("Extension", {"reason": _CODE}),
    "Plan": _object(
        "Plan of a return",
        {name: _ref(f"return.proposal/properties/{name}") for name in ("window", "needs", "referral")},
    ),
    "DocumentWanted": _object("When the document is needed", {"needed_by": _DATE}),
    "Journey": _object(
        "Journey; its departure is that of the record",
        {
            name: _ref(f"return.schedule/properties/{name}")
            for name in ("arrives_at", "point", "carrier", "escort", "medical_needs")
        },
    ),
    "Departure": _object("Departure", {"arrives_at": _or_null(_INSTANT)}),
    "ProtocolWanted": _object(
        "The first hand brings the protocol; the second brings null and gets what the first signed",
        {"protocol": _or_null(_ref("return.handover/properties/protocol"))},
    ),
    "HandedOver": _object(
        "Handover",
        {
            "protocol": _ref("return.handover/properties/protocol"),
            "statement": {"type": "string", "maxLength": 2048},
        },
    ),
    "Recall": _object(
        "Recall",
        {"reason": _NOTE, "code": _CODE, "by": _DATE, "protection": _or_null(_ref("case-draft/properties/asylum"))},
        ("reason", "code", "by"),
    ),
    "Suspension": _object("Suspension", {"reason": _NOTE}),
    "Acceptance": _object(
        "Acceptance",
        {
            "carer": _object("Carer", {"class": _CODE, "agreed_in_writing_on": _DATE}),
            "service": _ref("return.acceptance/properties/service"),
            "receiving_services": _ref("return.acceptance/properties/receiving_services"),
            "expires_on": _DATE,
        },
    ),
    "Refusal": _object("Refusal", {"reason": _CODE}),
    "TravelDocument": _object(
        "Travel document",
        {"type": _CODE, "number_digest": _DIGEST, "issued_on": _DATE, "valid_until": _DATE},
    ),
    "Report": _object("Report", {"status": _CODE, "on": _DATE, "final": _YES_NO}),
    "Return": _object(
        "A return, as far as the role sees it",
        {
            "thread": _ID,
            "record": _or_null(_ref("return-record")),
            "said": {"description": "The last body of each message.", **_ANY},
            "releases": {"type": "array", "items": _ANY},
            "prepared": _or_null(_ref("Preview")),
        },
    ),
    "Finding": _object("Finding of a rule", {"rule": _TEXT, "because": _TEXT, "where": _TEXT}),
    "Line": _object(
        "What happens to one element of the file",
        {
            "element": _TEXT,
            "member": _TEXT,
            "status": {"enum": ["sent", "withheld", "forbidden"]},
            "rule": _TEXT,
            "because": _TEXT,
        },
    ),
    "Preview": _object(
        "A body that would leave",
        {
            "type": _TEXT,
            "body": _TEXT,
            "digest": _DIGEST,
            "thread": _or_null(_ID),
            "lines": {"type": "array", "items": _ref("Line")},
            "findings": {"type": "array", "items": _ref("Finding")},
        },
    ),
    "Opened": _object("A new case", {"ref": _ID}),
    "Moved": _object(
        "Where the case stands now",
        {"ref": _ID, "state": _STATE, "prepared": _ref("Preview")},
        ("ref", "state"),
    ),
    "Row": _object("A case without an identity", _ROW),
    "Board": _object(
        "Cases, and where the next page begins",
        {"cases": {"type": "array", "items": _ref("Row")}, "next": _or_null(_TEXT)},
    ),
    "Pending": _object(
        "A body prepared", {"type": _TEXT, "digest": _DIGEST, "author": _TEXT, "approver": _or_null(_TEXT)}
    ),
    "Allowed": _object(
        "A step the caller may take now", {"verb": _TEXT, "roles": {"type": "array", "items": _TEXT, "minItems": 1}}
    ),
    "Content": _object(
        "Personal content",
        {
            "draft": _or_null(_ANY),
            "received": _or_null(_ANY),
            "asked": {"type": "array", "items": _TEXT},
            "reply": _or_null(_ANY),
            "delay": _or_null(_ANY),
            "interview": _or_null(_ANY),
            "held": {"description": "Why the gateway holds it, with references.", "type": "array", "items": _TEXT},
        },
    ),
    "Desk": _object(
        "What a desk sees without a justification",
        {
            "thread": _ID,
            "purpose": _TEXT,
            "clocks": {"type": "array", "items": _ANY},
            "findings": {"type": "array", "items": _TEXT},
            "pending": _or_null(_ref("Pending")),
            "contests": _COUNT,
            "exercise": _YES_NO,
            "notices": {"type": "array", "items": _ANY},
        },
    ),
    "Case": _object(
        "One case",
        {
            "case": _ref("Row"),
            "allowed": {"type": "array", "items": _ref("Allowed")},
            "desk": _or_null(_ref("Desk")),
            "content": _or_null(_ref("Content")),
        },
    ),
    "Evidence": {
        "title": "Evidence",
        "type": "object",
        "required": ["ref", "zip"],
        "properties": {"ref": _TEXT, "zip": {"description": "The zip, base64.", "type": "string"}},
        "additionalProperties": False,
    },
    "Account": _object(
        "Account of what was sent, as values and as text for the person", {"account": _ANY, "text": _TEXT}
    ),
    "Problem": {
        "title": "Problem (RFC 9457)",
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "hint": _TEXT,
            "problems": {"type": "array", "items": _object("Place", {"pointer": _TEXT, "text": _TEXT})},
            "findings": {"type": "array", "items": _ref("Finding")},
        },
    },
}

_PARAMETERS: Mapping[str, Schema] = {
    "state": {"name": "state", "in": "query", "schema": {"type": "array", "items": _STATE}},
    "officer": {"name": "officer", "in": "query", "schema": _TEXT},
    "partner": {"name": "partner", "in": "query", "schema": {"type": "string", "pattern": "^[A-Z]{3}$"}},
    "limit": {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 100},
    },
    "after": {"name": "after", "in": "query", "description": "`next` of the page before.", "schema": _TEXT},
    "justification": {
        "name": "justification",
        "in": "query",
        "description": "Why personal content is looked at; kept with the case.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 400},
    },
    "justification_header": {
        "name": JUSTIFICATION_HEADER,
        "in": "header",
        "description": "The same as the query `justification`, for text in ASCII.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 400},
    },
    "purpose": {
        "name": "purpose",
        "in": "query",
        "description": "What the content is used for, if not what it was sent for; the re-use table must allow it.",
        "schema": _CODE,
    },
    "role": {
        "name": ROLE_HEADER,
        "in": "header",
        "description": "The role acted in; needed only by persons with several that fit.",
        "schema": _TEXT,
    },
    "ref": {"name": "ref", "in": "path", "required": True, "description": "Our reference of a case.", "schema": _ID},
}

_ERRORS: Mapping[str, str] = {
    "400": "Not JSON, or a parameter that is none.",
    "401": "No token, or one that names nobody.",
    "403": "The person or the role may not do this.",
    "404": "There is no such case here.",
    "409": "The case does not allow this step now.",
    "422": "The body does not fit its schema, or a rule refuses; the problem lists why.",
    "503": "Not now; the same request may be made again.",
}


def _bundled(name: str) -> Any:
    return _rewritten(schemas.load(name), name)


def _rewritten(value: Any, name: str) -> Any:
    """Return a schema of ``schemas`` with every reference led to its place in the document."""
    if isinstance(value, list):
        return [_rewritten(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _rewritten(item, name) for key, item in value.items() if key not in ("$id", "$schema")}
    target = made.get("$ref")
    if isinstance(target, str):
        base, _, pointer = target.partition("#")
        made["$ref"] = COMPONENTS + (base.rpartition(":")[2] or name) + pointer
    return made


def _reply_schema() -> dict[str, Any]:
    """Return ``verification.reply`` without ``handling``, which is the request's and not the caller's to choose."""
    made: dict[str, Any] = _bundled("verification.reply")
    made["required"] = [name for name in made["required"] if name != "handling"]
    made["properties"] = {name: value for name, value in made["properties"].items() if name != "handling"}
    return made


OF_A_RETURN = ("return.proposal", "return.acceptance", "return.schedule", "return.handover")
"""Messages of a return whose parts the door takes as they are."""


@cache
def _components() -> Mapping[str, Any]:
    shared = {name: _bundled(name) for name in ("common", "case-draft", "return-record", *OF_A_RETURN, *BODIES)}
    return {**shared, "Reply": _reply_schema(), **_LOCAL}


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
            "schemas": dict(_components()),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    names = (("ref",) if "{ref}" in route.path else ()) + route.query
    schema = _ref(route.response) if route.response else {"type": "object"}
    done = {str(route.status): {"description": "Done.", "content": {MEDIA_TYPE: {"schema": schema}}}}
    problem = {PROBLEM_MEDIA_TYPE: {"schema": _ref("Problem")}}
    failed = {} if route.public else {code: {"description": why, "content": problem} for code, why in _ERRORS.items()}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [dict(_PARAMETERS[name]) for name in names],
        "responses": done | failed,
    }
    if route.request:
        operation["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": _ref(route.request)}}}
    if route.public:
        operation["security"] = []
    return operation


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**_ref(name), "components": {"schemas": dict(_components())}})


def validate(name: str, value: object) -> None:
    """
    Return if ``value`` fits the component schema ``name`` of the document.

    Raises ``schemas.SchemaError`` with places and keywords, never with what stands there.
    """
    if name in schemas.names():
        schemas.validate(name, value)
        return
    validator = _validator(name)
    if not validator.is_valid(value):
        found = {_problem(error): None for error in validator.iter_errors(value)}
        raise SchemaError(name, tuple(sorted(found))[:50])


def _problem(error: jsonschema_rs.ValidationError) -> Problem:
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in error.instance_path)
    keyword = str(error.schema_path[-1]) if error.schema_path else ""
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        return Problem(pointer, "required", f"the member {error.kind.property!r} is missing")
    return Problem(pointer, keyword, _WORDS.get(keyword, f"is not as '{keyword}' of the schema demands"))


_WORDS: Mapping[str, str] = {
    "additionalProperties": "has a member that the schema does not know",
    "type": "is of another kind than the schema demands",
    "enum": "is none of the codes listed in the schema",
}
