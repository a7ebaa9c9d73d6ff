"""
What a step of ``gateway.services.acts`` takes as its body, as JSON Schemas: one description for every door.

Bodies that are messages or records already have a schema in ``schemas``; what only a desk says is described here.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import jsonschema_rs

import schemas
from gateway.core.attachments import FILE_MAX_BYTES, MEMBER_OF
from gateway.core.minimise import MATRIX
from schemas import Problem, SchemaError

COMPONENTS: Final = "#/components/schemas/"

Schema = Mapping[str, Any]

TAKES: Mapping[str, str] = {
    "amend": "case-draft",
    "attachment": "Attachment",
    "attachment-removal": "AttachmentRemoval",
    "remark": "RemarkWritten",
    "remark-confirmation": "RemarkConfirmed",
    "approval": "Signed",
    "send-back": "SentBack",
    "contest": "Contest",
    "freeze": "Freeze",
    "apart": "Apart",
    "correction": "Correction",
    "attestation": "Attestation",
    "restatement": "Restatement",
    "question": "Question",
    "delay": "Delay",
    "extension": "Extension",
    "reply": "Reply",
    "countersignature": "Signed",
    "redirect": "verification.redirect",
    "interview": "verification.interview",
    "interview-consent": "InterviewConsent",
    "interview-result": "verification.interview-result",
    "use-report": "use-report.answer",
    "onward-question": "OnwardQuestion",
    "onward-answer": "OnwardAnswer",
    "strike": "Strike",
    "rectification": "Rectification",
    "rectification-approval": "Signed",
    "confirmation": "Confirmation",
    "destruction": "Numbered",
    "consideration": "return-record",
    "record": "return-record",
    "proposal": "Plan",
    "endorsement": "Signed",
    "document": "DocumentWanted",
    "schedule": "Journey",
    "departure": "Departure",
    "protocol": "ProtocolWanted",
    "handover": "HandedOver",
    "handover-confirmation": "Signed",
    "recall": "Recall",
    "suspension": "Suspension",
    "acceptance": "Acceptance",
    "accept": "Signed",
    "refusal": "Refusal",
    "issue": "TravelDocument",
    "reissue": "TravelDocument",
    "report": "Report",
}
"""The schema of the body each verb takes; a verb that is not here takes none."""

BODIES: Final = (
    "interview-consent",
    "verification.redirect",
    "verification.interview",
    "verification.interview-result",
    "use-report.answer",
)
"""Schemas of messages that a step takes as they are."""


def as_object(title: str, properties: Schema, required: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return the schema of an object with these members and no other; all are required unless ``required`` says."""
    names = list(properties) if required is None else list(required)
    return {
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": names,
        "properties": dict(properties),
    }


def ref(name: str) -> dict[str, Any]:
    """Return a reference to the component ``name``, or to a place in it."""
    return {"$ref": COMPONENTS + name}


def or_null(schema: Schema) -> dict[str, Any]:
    """Return the schema of a value that may be null."""
    return {"anyOf": [dict(schema), {"type": "null"}]}


TEXT: Schema = {"type": "string"}
NOTE: Schema = {"type": "string", "minLength": 1, "maxLength": 2000}
CODE: Schema = {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$"}
DATE: Schema = {"type": "string", "format": "date"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
DIGEST: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}
YES_NO: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANY: Schema = {"type": "object"}
NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 9999}
PARTS: Schema = {"type": "array", "items": CODE, "minItems": 1, "maxItems": 13, "uniqueItems": True}

_IMAGE: Schema = {"$comment": "code list: element (part)", "enum": list(MEMBER_OF)}

_VALUES: Schema = {
    **as_object(
        "Data elements",
        {
            member: ref(f"common/$defs/elements/properties/{member}")
            for row in MATRIX["elements"]
            for member in row["members"]
            if not row["attachment"]
        },
        (),
    ),
    "minProperties": 1,
}
"""Data elements but for images: a wrong one is struck, and a right one drawn anew and asked for."""

_STATEMENT: Schema = {"type": "string", "maxLength": 2048}
_WHY_BACK: Schema = {
    "reason": {"$comment": "code list: reason_sent_back", "enum": list(schemas.codes("reason_sent_back"))},
    "note": NOTE,
}
_OTHER_IN_WORDS: Schema = {"if": {"properties": {"reason": {"const": "OTHER"}}}, "then": {"required": ["note"]}}

_LOCAL: Mapping[str, Schema] = {
    "Signed": as_object("A statement of the caller's own key", {"statement": _STATEMENT}),
    "SentBack": {
        **as_object(
            "Why what is prepared is sent back, signed; the note stays here",
            {**_WHY_BACK, "statement": _STATEMENT},
            ("reason", "statement"),
        ),
        **_OTHER_IN_WORDS,
    },
    "WhyBack": {**as_object("Why what is prepared is sent back", _WHY_BACK, ("reason",)), **_OTHER_IN_WORDS},
    "Attachment": as_object(
        "An image to be drawn anew: the element it is, and the file, base64url without padding",
        {
            "element": _IMAGE,
            "content": {"type": "string", "minLength": 1, "maxLength": FILE_MAX_BYTES * 4 // 3 + 3},
        },
    ),
    "AttachmentRemoval": as_object("An image to be taken out", {"element": _IMAGE}),
    "RemarkWritten": as_object(
        "A remark in free words, to be read and redacted; null takes it out",
        {"remark": ref("case-draft/properties/remark")},
    ),
    "RemarkConfirmed": as_object(
        "The digest of the redacted remark that was seen; with a text, the same with words taken out",
        {"digest": DIGEST, "text": {"type": "string", "minLength": 1, "maxLength": 4000}},
        ("digest",),
    ),
    "Contest": as_object("Contest", {"ground": CODE}),
    "Freeze": as_object(
        "Freeze",
        {"reason": NOTE, "protection": or_null(ref("case-draft/properties/asylum"))},
        ("reason",),
    ),
    "Apart": as_object("Another person", {"why": NOTE}),
    "Settled": as_object("What was done about it, or why nothing is to be", {"why": NOTE}),
    "Correction": as_object("Correction", {"elements": ref("case-draft/properties/elements"), "why": NOTE}),
    "Attestation": as_object("Attestation", {"protection": ref("case-draft/properties/asylum"), "why": NOTE}),
    "Restatement": as_object(
        "What is recorded of age and guardian",
        {**{name: ref(f"case-draft/properties/{name}") for name in ("age", "representative")}, "why": NOTE},
    ),
    "Question": as_object(
        "Question",
        {
            "candidates": {"type": "integer", "minimum": 2, "maximum": 99},
            "elements": {"type": "array", "items": CODE, "minItems": 1, "maxItems": 16, "uniqueItems": True},
        },
    ),
    "InterviewConsent": as_object(
        "Acceptance of an interview, with the person's consent",
        {
            "present": {"type": "array", "items": CODE, "minItems": 1, "maxItems": 5, "uniqueItems": True},
            "on": DATE,
            "consent": ref("interview-consent"),
        },
    ),
    "OnwardQuestion": as_object("Another use", {"purpose": CODE, "recipient": CODE}),
    "OnwardAnswer": as_object("Until when it is granted; null refuses", {"number": NUMBER, "until": or_null(DATE)}),
    "Strike": as_object("Parts that were wrong", {"parts": PARTS}),
    "Rectification": as_object("Right values for wrong ones", {"parts": PARTS, "elements": _VALUES}),
    "Confirmation": as_object("What was done", {"number": NUMBER, "result": CODE}),
    "Numbered": as_object("Which demand", {"number": NUMBER}),
    "Delay": as_object("Delay", {"reason": CODE, "eta": DATE}),
    "Extension": as_object("Extension", {"reason": CODE}),
    "Plan": as_object(
        "Plan of a return",
        {name: ref(f"return.proposal/properties/{name}") for name in ("window", "needs", "referral")},
    ),
    "DocumentWanted": as_object("When the document is needed", {"needed_by": DATE}),
    "Journey": as_object(
        "Journey; its departure is that of the record",
        {
            name: ref(f"return.schedule/properties/{name}")
            for name in ("arrives_at", "point", "carrier", "escort", "medical_needs")
        },
    ),
    "Departure": as_object(
        "Departure; left_at only where a restore took it",
        {"arrives_at": or_null(INSTANT), "left_at": or_null(INSTANT)},
        ("arrives_at",),
    ),
    "ProtocolWanted": as_object(
        "The first hand brings the protocol; the second brings null and gets what the first signed",
        {"protocol": or_null(ref("return.handover/properties/protocol"))},
    ),
    "HandedOver": as_object(
        "Handover",
        {
            "protocol": ref("return.handover/properties/protocol"),
            "statement": _STATEMENT,
        },
    ),
    "Recall": as_object(
        "Recall",
        {"reason": NOTE, "code": CODE, "by": DATE, "protection": or_null(ref("case-draft/properties/asylum"))},
        ("reason", "code", "by"),
    ),
    "Suspension": as_object("Suspension", {"reason": NOTE}),
    "Acceptance": as_object(
        "Acceptance",
        {
            "carer": as_object("Carer", {"class": CODE, "agreed_in_writing_on": DATE}),
            "service": ref("return.acceptance/properties/service"),
            "receiving_services": ref("return.acceptance/properties/receiving_services"),
            "expires_on": DATE,
        },
    ),
    "Refusal": as_object("Refusal", {"reason": CODE}),
    "TravelDocument": as_object(
        "Travel document",
        {"type": CODE, "number_digest": DIGEST, "issued_on": DATE, "valid_until": DATE},
    ),
    "Report": as_object("Report", {"status": CODE, "on": DATE, "final": YES_NO}),
}


def bundled(name: str) -> Any:
    """Return the schema ``name`` of ``schemas`` with its references written as those of the components are."""
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
    made: dict[str, Any] = bundled("verification.reply")
    made["required"] = [name for name in made["required"] if name != "handling"]
    made["properties"] = {name: value for name, value in made["properties"].items() if name != "handling"}
    return made


OF_A_RETURN = ("return.proposal", "return.acceptance", "return.schedule", "return.handover")
"""Messages of a return whose parts the door takes as they are."""


@cache
def components() -> Mapping[str, Any]:
    """Return every schema that a body refers to, by the name of its component."""
    shared = {name: bundled(name) for name in ("common", "case-draft", "return-record", *OF_A_RETURN, *BODIES)}
    return {**shared, "Reply": _reply_schema(), **_LOCAL}


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**ref(name), "components": {"schemas": dict(components())}})


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
