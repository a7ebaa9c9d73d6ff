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
        query=_LOOK,
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
    _verb("withdraw", "Withdraw a stopped case."),
    _verb("acknowledge", "Acknowledge a request received."),
    _verb("question", "Ask which of several persons is meant.", "Question"),
    _verb("delay", "Say by code that the answer will take longer.", "Delay"),
    _verb("extension", "Extend the period as far as the agreement allows.", "Extension"),
    _verb("reply", "Prepare the answer.", "Reply"),
    _verb("countersignature", "Add the second signature to the answer prepared.", "Signed"),
    _verb("answer", "Send the answer prepared."),
    _verb("close", "Close the case."),
    _verb("discard", "Drop a case of which nothing was accepted."),
    Route(
        "GET",
        f"{_CASE}/evidence",
        "evidence",
        "Receipts and proofs of the case as one zip, without personal content.",
        response="Evidence",
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
}

_LOCAL: Mapping[str, Schema] = {
    "Signed": _object("A statement of the caller's own key", {"statement": {"type": "string", "maxLength": 2048}}),
    "Contest": _object("Contest", {"ground": _CODE}),
    "Freeze": _object(
        "Freeze",
        {"reason": _NOTE, "protection": _or_null(_ref("case-draft/properties/asylum"))},
        ("reason",),
    ),
    "Question": _object(
        "Question",
        {
            "candidates": {"type": "integer", "minimum": 2, "maximum": 99},
            "elements": {"type": "array", "items": _CODE, "minItems": 1, "maxItems": 16, "uniqueItems": True},
        },
    ),
    "Delay": _object("Delay", {"reason": _CODE, "eta": _DATE}),
    "Extension": _object("Extension", {"reason": _CODE}),
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


@cache
def _components() -> Mapping[str, Any]:
    shared = {name: _bundled(name) for name in ("common", "case-draft")}
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
