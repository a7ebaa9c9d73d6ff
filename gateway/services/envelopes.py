"""
What an envelope says: the checks of ``docs/protocol.md`` section 5 that need nothing stored, in its order.

They are pure work on bytes and cards. A fault of the schema or of a statement is found here and reported by
``gateway.services.judge`` when its turn comes, so that the code a partner sees follows the protocol's order.
"""

import asyncio
from datetime import datetime
from typing import NamedTuple

import schemas
from gateway.core import envelope, exercise, wire
from gateway.core.attachments import RULE as IMAGE_RULE
from gateway.core.attachments import has_images
from gateway.core.codes import PeerError, Reason
from gateway.core.elements import element_findings
from gateway.core.messages import (
    DOCUMENT_REQUEST,
    ELEMENTS,
    EXERCISE,
    HANDOVER,
    RECTIFICATION,
    REQUEST,
    TYPES,
    required_statements,
)
from gateway.core.remark import wire_fault
from gateway.core.rule_checks import REMARKED
from gateway.core.wire import Payload
from gateway.services.context import Context
from keys import jws as jws_format
from keys import statement as statements
from keys.errors import BadJws, BadSignature, BadStatement, CannotOpen, UnknownKey
from schemas import ijson

LARGEST_BYTES = envelope.SIZES[1] - envelope.LENGTH_BYTES
"""Largest signed message without images (M-4.5). All that the schemas allow fits; of white space there is no end."""

_WITH_ELEMENTS = (REQUEST, ELEMENTS, RECTIFICATION, DOCUMENT_REQUEST)


class Opened(NamedTuple):
    """
    A message whose signature verified: its payload, its signed bytes, its envelope's id, the raw id of the key that
    opened it, and faults found early.

    ``collecting`` says that it came to the path where nothing but ``collect`` belongs. Of an ``exercise`` the payload
    is that of the message exercised, in the frame of the one that was signed.
    """

    payload: Payload
    signed: bytes
    envelope_id: bytes
    kid: bytes
    schema_fault: Reason | None
    statement_fault: Reason | None
    collecting: bool
    exercise: bool = False


async def open_envelope(context: Context, raw: bytes, envelope_id: bytes, now: datetime, *, collecting: bool) -> Opened:
    """
    Return the message in ``raw``. Raises ``PeerError``.

    Once it lets the loop turn, so that all who came together are decrypted, then read, one after the other
    (docs/performance.md). Nothing turns between reading and verifying: anybody can seal what takes twenty times its
    size once it is read, and what strangers sent is never read for more than one of them at a time.
    """
    parsed = envelope.parse(raw, context.suites)
    key = context.opener(parsed.kid, now)
    if key.suite != parsed.suite:
        raise PeerError(Reason.KEY_OTHER_SUITE)
    try:
        plain = key.open(parsed.head, parsed.enc_ct)
    except CannotOpen as error:
        raise PeerError(Reason.SEAL_OPEN) from error
    await asyncio.sleep(0)
    signed = envelope.unpad(plain)
    try:
        jws = jws_format.parse(signed, jws_format.TYP_MESSAGE)
    except BadJws as error:
        raise PeerError(Reason.JWS_FORM) from error
    try:
        payload = wire.parse_payload(jws.payload)
    except ijson.BadJson as error:
        raise PeerError(Reason.JSON_FORM) from error
    if payload.recipient != context.country:
        raise PeerError(Reason.TO_OTHER)
    public = context.trust.signing_key(payload.sender, jws.kid, now)
    try:
        jws.verify(public)
    except BadSignature as error:
        raise PeerError(Reason.SIGNATURE) from error
    schema_fault = _schema_fault(payload)
    exercising = payload.type == EXERCISE and schema_fault is None
    if exercising:
        payload, schema_fault = _exercised(payload)
        schema_fault = schema_fault or _schema_fault(payload)
    if len(signed) > LARGEST_BYTES and not has_images(payload.body):
        schema_fault = Reason.SCHEMA
    statement_fault = None if schema_fault else _statement_fault(context, payload, now)
    return Opened(payload, signed, envelope_id, parsed.kid, schema_fault, statement_fault, collecting, exercising)


def _statement_fault(context: Context, payload: Payload, now: datetime) -> Reason | None:
    """Return why the statements are not those the type requires (protocol section 6), or ``None``."""
    required = required_statements(payload.type, payload.body, hands(payload))
    if len(payload.statements) != len(required):
        return Reason.STATEMENT_MISSING
    if not required:
        return None
    card = context.trust.card(payload.sender)
    for raw, (kind, role) in zip(payload.statements, required, strict=True):
        try:
            _, signed = statements.parse(raw.encode())
            statements.verify(
                raw.encode(),
                thread=payload.thread or "",
                kind=kind,
                role=role,
                digest=payload.body_digest,
                key=card.role_key(signed.kid, role, now),
                now=now,
            )
        except UnknownKey:
            return Reason.STATEMENT_KEY
        except BadStatement:
            return Reason.STATEMENT_FORM
    return None


def hands(payload: Payload) -> tuple[str, ...]:
    """Return what the statements of a handover say they are; which hand it is says nothing else of the message."""
    if payload.type != HANDOVER:
        return ()
    try:
        return tuple(statements.parse(raw.encode())[0].statement for raw in payload.statements)
    except BadStatement:
        return ()


def _exercised(payload: Payload) -> tuple[Payload, Reason | None]:
    """Return the payload of the message that is exercised, and why it is none; its digest stays that of the whole."""
    try:
        type, raw = exercise.unwrap(payload.body_bytes)
    except ValueError:
        return payload, Reason.SCHEMA
    return payload._replace(type=type, body=payload.body["body"], body_bytes=raw), None


def _schema_fault(payload: Payload) -> Reason | None:
    if payload.type not in TYPES:
        return None
    if not schemas.is_valid(payload.type, payload.body):
        return Reason.SCHEMA
    if payload.type in REMARKED and "remark" in payload.body and wire_fault(payload.body["remark"]["text"]):
        return Reason.SCHEMA
    if payload.type == RECTIFICATION and has_images(payload.body):  # a wrong one is struck (protocol 3.7)
        return Reason.SCHEMA_IMAGE
    elements = payload.body.get("elements") if payload.type in _WITH_ELEMENTS else None
    found = element_findings(elements) if elements else ()
    if not found:
        return None
    return Reason.SCHEMA_IMAGE if found[0].rule == IMAGE_RULE else Reason.SCHEMA
