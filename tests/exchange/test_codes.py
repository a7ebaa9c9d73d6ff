"""
Every code of the protocol, provoked over HTTP by a message with one fault, in each way it can be had.

What each answer must be and what may be stored is checked by ``Door.fails`` (M-5.3, M-5.4, M-5.5, M-5.9).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import schemas
from gateway.core import codes, envelope, wire
from gateway.core.codes import CODES, Kind
from gateway.core.minimise import MATRIX
from keys import b64, card, jws
from keys.ids import SEAL, key_id
from keys.seal import RecipientKey, SealingKey
from keys.sign import SigningKey
from schemas import ijson
from tests.exchange.partner import (
    COLLECT,
    DAY,
    IDENTITY_POINT,
    SMALL_ORDER,
    Door,
    FixedSigner,
    Shot,
    example,
    flip,
    sign_kid,
)
from tests.support.erased import erase

pytestmark = pytest.mark.asyncio(loop_scope="module")

Fault = Callable[[Door], Awaitable[Shot]]
FAULTS: dict[str, dict[str, Fault]] = {code: {} for code in CODES}
ALONE: dict[str, dict[str, Fault]] = {code: {} for code in CODES}
"""Faults of XBB's surroundings: each is planted in a gateway of its own."""

S = timedelta(seconds=1)
_OTHER = SealingKey.generate(1)
OTHER = RecipientKey(1, _OTHER.public)


def fault(code: str, name: str, build: Callable[[Door], Shot]) -> None:
    """Enter a fault that needs nothing to have happened before."""

    async def made(door: Door) -> Shot:
        return build(door)

    FAULTS[code][name] = made


def planted(code: str, name: str, **how: Any) -> None:
    """Enter a request with one fault planted in its building."""
    fault(code, name, lambda door: door.partner.message(**how))


def alone(code: str) -> Callable[[Fault], Fault]:
    """Enter a fault of the surroundings under its function's name."""

    def keep(build: Fault) -> Fault:
        ALONE[code][build.__name__] = build
        return build

    return keep


def after(code: str) -> Callable[[Fault], Fault]:
    """Enter a fault that other messages lead to, under its function's name."""

    def keep(build: Fault) -> Fault:
        FAULTS[code][build.__name__] = build
        return build

    return keep


# Step 2 and 3: the outside (M-1.4, M-4.1).

SOUND = {"Content-Type": envelope.MEDIA_TYPE}
for _name, _headers in {
    "another media type": {"Content-Type": "application/json"},
    "a parameter": {"Content-Type": envelope.MEDIA_TYPE + "; v=1"},
    "a content encoding": SOUND | {"Content-Encoding": "gzip"},
}.items():
    fault("bad-envelope", _name, lambda door, h=_headers: replace(door.partner.message(), headers=h))
fault("bad-envelope", "a query", lambda door: replace(door.partner.message(), path="/xg/1/messages?a=b"))
fault(
    "bad-envelope",
    "an empty query",
    lambda door: replace(shot := door.partner.message(), path="/xg/1/messages?", declared=len(shot.raw)),
)
fault("bad-envelope", "empty", lambda door: Shot(b""))
fault("bad-envelope", "another protocol", lambda door: Shot(b"PK\x03\x04" + bytes(9345)))
planted("bad-envelope", "another magic", sealed=flip(3))
planted("bad-envelope", "a suite that does not exist", sealed=lambda raw: raw[:4] + b"\x03" + raw[5:])
planted("bad-envelope", "the length of the other suite", sealed=flip(4, 1))
planted("bad-envelope", "truncated by a byte", sealed=lambda raw: raw[:-1])
planted("bad-envelope", "truncated to its head", sealed=lambda raw: raw[:21])
planted("bad-envelope", "a byte too many", sealed=lambda raw: raw + b"\x00")
planted("bad-envelope", "between two sizes", sealed=lambda raw: raw + bytes(4096))
fault("too-large", "a byte more than the largest", lambda door: Shot(b"XG1\x00", declared=envelope.MAX_BYTES + 1))
fault("too-large", "a terabyte", lambda door: Shot(b"", declared=10**12))

# Step 5 to 7: the sealing (M-4.2, M-4.3, M-4.4, M-2.2).

for _at in (5, 12, 20):
    planted("unknown-key", f"a bit of the key id, byte {_at}", sealed=flip(_at))
fault("unknown-key", "sealed to another key", lambda door: door.partner.message(key=OTHER))


def _other_suite(door: Door) -> Shot:
    """Name the key of suite 1 in an envelope of suite 2: right length, right id, wrong suite."""
    kid = door.partner.recipient.kid
    return Shot(envelope.head(2, kid) + bytes(envelope.envelope_bytes(2, envelope.SIZES[0]) - envelope.HEAD_BYTES))


fault("unknown-key", "the right key in another suite", _other_suite)
fault(
    "unknown-key",
    "the key id of the other label",
    lambda door: door.partner.message(head=envelope.head(1, key_id(SEAL[2], door.partner.recipient.public))),
)
for _place, _at in {
    "the first byte of enc": 21,
    "the middle of enc": 21 + 600,
    "the X25519 point": 21 + 1119,
    "the first byte of ct": 21 + 1120,
    "the middle of ct": 5000,
    "the first byte of the tag": -16,
    "the last byte": -1,
}.items():
    planted("cannot-open", f"a bit of {_place}", sealed=flip(_at))
    planted("cannot-open", f"the highest bit of {_place}", sealed=flip(_at, 7))
planted("cannot-open", "all zeros after the head", sealed=lambda raw: raw[:21] + bytes(len(raw) - 21))
planted("cannot-open", "all ones after the head", sealed=lambda raw: raw[:21] + b"\xff" * (len(raw) - 21))
fault(
    "cannot-open",
    "sealed to another key under our id",
    lambda door: door.partner.message(key=OTHER, head=envelope.head(1, door.partner.recipient.kid)),
)
planted("bad-padding", "length zero", plain=lambda raw: bytes(4) + raw[4:])
planted("bad-padding", "length past the end", plain=lambda raw: (8189).to_bytes(4, "big") + raw[4:])
planted("bad-padding", "the largest length", plain=lambda raw: b"\xff\xff\xff\xff" + raw[4:])
planted("bad-padding", "a length too short", plain=lambda raw: (9).to_bytes(4, "big") + raw[4:])
planted("bad-padding", "a tail that is not zero", plain=flip(-1))
planted("bad-padding", "nothing but zeros", plain=lambda raw: bytes(len(raw)))

# Step 8: the JWS (M-3.5).

for _typ in (jws.TYP_RECEIPT, jws.TYP_CARD, jws.TYP_STATEMENT):
    planted("bad-jws", f"typ {_typ}", typ=_typ)


def _header(text: str) -> Callable[[bytes], bytes]:
    """Put another protected header before payload and signature."""
    return lambda raw: b64.encode(text.encode()).encode() + raw[raw.index(b".") :]


_KID = "A" * 22
planted("bad-jws", "alg none", signed=_header(f'{{"alg":"none","kid":"{_KID}","typ":"xg1-msg+jws"}}'))
planted("bad-jws", "alg EdDSA", signed=_header(f'{{"alg":"EdDSA","kid":"{_KID}","typ":"xg1-msg+jws"}}'))
planted(
    "bad-jws", "a key in the header", signed=_header(f'{{"alg":"Ed25519","kid":"{_KID}","typ":"xg1-msg+jws","jwk":1}}')
)
planted("bad-jws", "another order", signed=_header(f'{{"kid":"{_KID}","alg":"Ed25519","typ":"xg1-msg+jws"}}'))
planted(
    "bad-jws", "white space in the header", signed=_header(f'{{"alg":"Ed25519", "kid":"{_KID}","typ":"xg1-msg+jws"}}')
)
planted("bad-jws", "two parts", signed=lambda raw: raw.rpartition(b".")[0])
planted("bad-jws", "four parts", signed=lambda raw: raw + b".AA")
planted("bad-jws", "base64 with padding", signed=lambda raw: raw + b"==")
planted("bad-jws", "unused bits that are not zero", signed=lambda raw: raw[:-1] + b"B")
planted("bad-jws", "a short signature", signed=lambda raw: raw[:-4])
planted("bad-jws", "plain JSON", signed=lambda raw: b'{"v":1}')
planted("bad-jws", "no text", signed=lambda raw: b"\x00\xff\xfe")

# Step 9: the payload (M-3.1 to M-3.4).

planted("bad-json", "a name twice", payload=lambda raw: raw.replace(b'{"v":1,', b'{"v":1,"v":1,', 1))
planted("bad-json", "a name twice in the body", body=b'{"max":1,"max":2}')
planted("bad-json", "a name twice, once escaped", body=b'{"max":1,"m\\u0061x":2}')
planted("bad-json", "17 levels", body=b'{"a":' + b"[" * 15 + b"]" * 15 + b"}")
planted("bad-json", "2000 levels", body=b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}")
planted("bad-json", "a fraction", body=b'{"max":1.5}')
planted("bad-json", "an exponent", body=b'{"max":1e2}')
planted("bad-json", "minus zero", body=b'{"max":-0}')
planted("bad-json", "a number past 2^53", body=b'{"max":9007199254740992}')
planted("bad-json", "a number of 4000 digits", body=b'{"max":' + b"9" * 4000 + b"}")
planted("bad-json", "not a number", body=b'{"max":NaN}')
planted("bad-json", "a lone surrogate", body=b'{"max":"\\ud800"}')
planted("bad-json", "a noncharacter", body='{"max":"\ufdd0"}'.encode())
planted("bad-json", "no UTF-8", body=b'{"max":"\xff"}')
planted("bad-json", "a byte order mark", payload=lambda raw: b"\xef\xbb\xbf" + raw)
planted("bad-json", "cut off", payload=lambda raw: raw[:-1])
planted("bad-json", "two values", payload=lambda raw: raw + b"{}")
planted("bad-json", "an array", payload=lambda raw: b"[" + raw + b"]")
planted("bad-json", "nothing", payload=lambda raw: b"")
planted("bad-payload", "another version", v=2)
planted("bad-payload", "no members", payload=lambda raw: b"{}")
planted("bad-payload", "a member more", payload=lambda raw: raw[:-1] + b',"x":1}')
planted(
    "bad-payload",
    "another order",
    payload=lambda raw: raw.replace(b'{"v":1,', b"{", 1).replace(b',"body"', b',"v":1,"body"', 1),
)
planted("bad-payload", "white space between members", payload=lambda raw: raw.replace(b'{"v":1,', b'{"v":1, ', 1))
planted("bad-payload", "white space before the last brace", payload=lambda raw: raw[:-1] + b" }")
planted("bad-payload", "an escape in a name", payload=lambda raw: raw.replace(b'"body":', b'"bod\\u0079":', 1))
planted("bad-payload", "a body that is no object", body=b"[]")
planted("bad-payload", "a type with capitals", type="Request")
planted("bad-payload", "an id that is not canonical", id="A" * 21 + "B")
planted("bad-payload", "an id that is too short", id="AAAA")
planted("bad-payload", "a country in small letters", to="xbb")
planted("bad-payload", "number zero", seq=0)
planted("bad-payload", "epoch zero", epoch=0)
planted("bad-payload", "a date that does not exist", issued_at="2026-02-30T00:00:00Z")
planted("bad-payload", "a time with a zone", issued_at="2026-11-25T10:00:00+01:00")
planted(
    "bad-payload", "another service", clock={"service": "TVP", "step": "reply", "calendar": "XBB-2026", "version": "1"}
)
planted("bad-payload", "five statements", statements=[f"{'a' * 50}.{'a' * 50}.{'a' * 86}"] * 5)
planted("bad-payload", "a case without a thread", thread=None, seq=None)
planted("bad-payload", "a number without a thread", thread=None)
planted("bad-payload", "a thread without a number", seq=None)
planted("bad-payload", "a collect with a thread", type="collect", body=b'{"max":1}', thread=_KID, seq=1, path=COLLECT)
planted(
    "bad-payload", "a resync that answers", type="resync", body=b'{"threads":[],"more":false}', in_reply_to="A" * 43
)

# Step 10 to 12: who to, who from (M-1.1, M-2.5, M-3.6, M-5.2).

planted("not-for-me", "to a third State", to="XCC")
planted("not-for-me", "to the sender", to="XAA")
planted("not-for-me", "read again by its second recipient", to="XCC", **{"from": "XBB"})
planted("unknown-signer", "an unknown country", **{"from": "XCC"})
planted("unknown-signer", "XBB itself", **{"from": "XBB"})


def _signed_by(name: str) -> Callable[[Door], Shot]:
    return lambda door: door.partner.message(signer=getattr(door.partner.secrets, name))


for _name in ("identity", "log", "revoked", "over", "early", "desk_head"):
    fault("unknown-signer", f"signed by the key: {_name}", _signed_by(_name))
for _name, _public in {"the neutral point": IDENTITY_POINT, "a point of order 8": SMALL_ORDER}.items():
    for _commitment in (IDENTITY_POINT, SMALL_ORDER):
        _forged = FixedSigner(sign_kid(_public), _public, _commitment + bytes(32))
        planted("unknown-signer", f"forged under {_name} with {_commitment[0]}", signer=_forged)


def _forged(signature: Callable[[bytes], bytes]) -> Callable[[Door], Shot]:
    """Return a message under XAA's own kid whose signature is ``signature`` of its public key."""

    def build(door: Door) -> Shot:
        own = door.partner.secrets.signing
        return door.partner.message(signer=FixedSigner(own.kid, own.public, signature(own.public)))

    return build


fault("bad-signature", "the neutral point and zero", _forged(lambda public: IDENTITY_POINT + bytes(32)))
fault("bad-signature", "order 8 and zero", _forged(lambda public: SMALL_ORDER + bytes(32)))
fault("bad-signature", "the key itself and zero", _forged(lambda public: public + bytes(32)))
fault("bad-signature", "all zeros", _forged(lambda public: bytes(64)))


def _under_kid(door: Door) -> Shot:
    secrets = door.partner.secrets
    return door.partner.message(signer=FixedSigner(secrets.signing.kid, b"", by=secrets.over))


ORDER = 2**252 + 27742317777372353535851937790883648493


def _malleable(raw: bytes) -> bytes:
    """Add the order of the group to S: the same signature in another text."""
    head, _, text = raw.rpartition(b".")
    signature = b64.decode(text)
    moved = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    return head + b"." + b64.encode(signature[:32] + moved).encode()


def _other_payload(raw: bytes) -> bytes:
    """Change a digit of the payload after it was signed."""
    header, payload, signature = raw.split(b".")
    return b".".join((header, b64.encode(b64.decode(payload).replace(b'"M0"', b'"M3"')).encode(), signature))


fault("bad-signature", "another key under the kid", _under_kid)
planted("bad-signature", "S not reduced", signed=_malleable)
planted("bad-signature", "a payload changed after signing", signed=_other_payload)

# Step 13: times (M-3.7).


def _times(issued: timedelta, expires: timedelta) -> Callable[[Door], Shot]:
    def build(door: Door) -> Shot:
        now = door.network.clock.now()
        return door.partner.message(issued_at=now + issued, expires_at=now + expires)

    return build


fault("stale", "from the future", _times(301 * S, DAY))
fault("stale", "expires before it is issued", _times(-10 * S, -11 * S))
fault("stale", "valid for more than 30 days", _times(-S, 30 * DAY))
fault("stale", "a year old and valid for two", _times(-365 * DAY, 365 * DAY))
fault("expired", "by a second", _times(-DAY, -301 * S))
fault("expired", "long ago", _times(-300 * DAY, -290 * DAY))

# Step 14 and 15: ids, epochs, numbers (M-5.7, M-5.8, M-5.23).


@after("id-reuse")
async def same_id_other_content(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    return door.partner.message(id=first.id)


@after("id-reuse")
async def same_id_next_number(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    return door.partner.message("reminder", example("reminder", "first"), id=first.id, thread=first.thread, seq=2)


@after("id-reuse")
async def id_of_a_refused_message(door: Door) -> Shot:
    first = door.partner.message("verification.nothing")
    await door.refused(first, "unsupported-type")
    return door.partner.message(id=first.id)


@after("id-reuse")
async def number_used_by_other_content(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    return door.partner.message(thread=first.thread)


@after("id-reuse")
async def collect_served_before(door: Door) -> Shot:
    """A recorded collect tells nobody anything (M-5.20)."""
    first = door.partner.message("collect", {"max": 1}, path=COLLECT)
    assert 200 == (await door.post(first)).status
    return door.partner.message("collect", {"max": 2}, id=first.id, path=COLLECT)


planted("out-of-order", "the second number first", seq=2)
planted("out-of-order", "the largest number", seq=2**53 - 1)


@after("out-of-order")
async def gap_after_the_first(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    return door.partner.message("reminder", example("reminder", "first"), thread=first.thread, seq=3)


planted("later", "an epoch whose card has not come", epoch=2)
planted(
    "later", "a resync of an epoch whose card has not come", type="resync", body=b'{"threads":[],"more":false}', epoch=2
)

# Step 16 and 17 (M-3.8, M-5.19).

for _type in sorted(schemas.known_types_without_schema()):
    planted("unsupported-type", _type, type=_type, body={})
planted("unsupported-type", "a type of nobody", type="verification.nothing", body={})
planted("unsupported-type", "a collect among the messages", type="collect", body={"max": 1})
planted("unsupported-type", "a request at the path of collect", path=COLLECT)
planted(
    "unsupported-type",
    "a resync at the path of collect",
    type="resync",
    body=b'{"threads":[],"more":false}',
    path=COLLECT,
)
for _type in sorted(schemas.message_types()):
    _path = COLLECT if _type == "collect" else "/xg/1/messages"
    planted("bad-schema", f"a member more: {_type}", type=_type, body={"more": 1}, path=_path)
planted("bad-schema", "a collect of too many", type="collect", body={"max": 65}, path=COLLECT)
_NATIONALITY = example("verification.request", "nationality")
_RESIDENCE = example("verification.request", "permanent-residence")
planted("bad-schema", "a national field", body=_NATIONALITY | {"national": {"notes": "x"}})
planted(
    "bad-schema",
    "an element nobody knows",
    body=_NATIONALITY | {"elements": _NATIONALITY["elements"] | {"religion": "x"}},
)
planted(
    "bad-schema",
    "a purpose of a later version",
    body=_NATIONALITY | {"handling": _NATIONALITY["handling"] | {"purpose": "TRACING"}},
)

# Step 18: minimisation, one fault for each element the purpose forbids or that nobody asked for.

_VALUES: dict[str, Any] = {
    "birth_place": _NATIONALITY["elements"]["birth_place"],
    "sex": 2,
    "personal_number": "77-0101-123",
    "document": example("verification.elements", "document")["elements"]["document"],
    "mother_given_names": "Ana",
    "father_given_names": "Ivo",
    "last_residence": _RESIDENCE["elements"]["last_residence"],
    "permit": _RESIDENCE["elements"]["permit"],
    "entry_date": _RESIDENCE["elements"]["entry_date"],
}
for _body in (_NATIONALITY, _RESIDENCE):
    _purpose = _body["handling"]["purpose"]
    for _row in MATRIX["elements"]:
        if _row["purposes"][_purpose] == "required" or _row["attachment"]:
            continue
        for _member in _row["members"]:
            _elements = _body["elements"] | {_member: _VALUES[_member]}
            planted("not-minimised", f"{_purpose} with {_member}", body=_body | {"elements": _elements})


@after("not-minimised")
async def an_element_that_was_not_asked_for(door: Door) -> Shot:
    return await _second_tier(door, {"sex": 2, "personal_number": "77-0101-123"})


@after("not-minimised")
async def a_first_element_again(door: Door) -> Shot:
    return await _second_tier(door, {"birth_date": "2001-04-XX"})


async def _second_tier(door: Door, elements: dict[str, Any]) -> Shot:
    """Answer a question for the sex with ``elements``."""
    first = door.partner.message()
    await door.accepted(first)
    ref = (door.thread(first) or {})["ref"]
    await door.gateway.answer.acknowledge(ref, "first")
    await door.gateway.answer.ask(ref, ["SEX"], 2, "first")
    body = example("verification.elements", "answer") | {"elements": elements}
    return door.partner.message("verification.elements", body, thread=first.thread, seq=2)


# Step 19: statements (M-6.1, M-6.2, M-2.5).


def _stated(change: Callable[[Door, Any, str], list[str]], outcome: str = "not-found") -> Callable[[Door], Shot]:
    """Return a reply to nothing: its statements are looked at before its step is."""

    def build(door: Door) -> Shot:
        body, thread = door.partner.reply(outcome), door.partner.token()
        return door.partner.message("verification.reply", body, thread=thread, statements=change(door, body, thread))

    return build


for _outcome in ("not-found", "not-national", "former-national", "not-resident-at-date", "refused"):
    fault("bad-statement", f"missing: {_outcome}", _stated(lambda door, body, thread: [], _outcome))
for _name, _how in {
    "another role": {"role": "desk_head"},
    "another kind": {"statement": "request.approval"},
    "another digest": {"digest": "A" * 43},
    "another thread": {"thread": "A" * 22},
}.items():
    fault("bad-statement", _name, _stated(lambda door, b, t, h=_how: [door.partner.statement(b, t, **h)]))
fault(
    "bad-statement",
    "no longer valid",
    _stated(lambda door, b, t: [door.partner.statement(b, t, valid_until=door.network.clock.now() - S)]),
)
for _name in ("signing", "desk_head", "revoked_signer", "over"):
    fault(
        "bad-statement",
        f"by the key: {_name}",
        _stated(lambda door, b, t, n=_name: [door.partner.statement(b, t, signer=getattr(door.partner.secrets, n))]),
    )


def _forged_statement(door: Door, body: Any, thread: str) -> list[str]:
    """Sign under the second signer's kid with what verifies under the neutral point."""
    second = door.partner.second_signer
    return [door.partner.statement(body, thread, signer=FixedSigner(second.kid, b"", IDENTITY_POINT + bytes(32)))]


fault("bad-statement", "forged", _stated(_forged_statement))
fault("bad-statement", "twice", _stated(lambda door, b, t: [door.partner.statement(b, t)] * 2))
fault("bad-statement", "one too many", _stated(lambda door, b, t: [door.partner.statement(b, t)], "national"))

# Step 20: steps (M-5.8, M-5.23).

for _type, _example in {
    "verification.acknowledgement": "starts-the-clock",
    "verification.delay": "notice",
    "verification.question": "one-element",
    "verification.elements": "answer",
    "verification.contest": "new-element",
    "reminder": "first",
}.items():
    planted("illegal-step", f"{_type} in a thread nobody opened", type=_type, body=example(_type, _example))
fault("illegal-step", "a reply to nothing", _stated(lambda door, b, t: [], "national"))
fault("illegal-step", "a countersigned reply to nothing", _stated(lambda door, b, t: [door.partner.statement(b, t)]))
planted(
    "illegal-step",
    "conditions that have run out",
    body=_NATIONALITY | {"handling": _NATIONALITY["handling"] | {"retain_until": "2026-11-25"}},
)
planted(
    "illegal-step",
    "residence without the date of entry",
    body=_RESIDENCE | {"elements": {k: v for k, v in _RESIDENCE["elements"].items() if k != "entry_date"}},
)


@after("illegal-step")
async def contest_before_any_reply(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    body = example("verification.contest", "new-element")
    return door.partner.message("verification.contest", body, thread=first.thread, seq=2)


@after("illegal-step")
async def second_request_in_a_thread(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    return door.partner.message(thread=first.thread, seq=2)


@after("illegal-step")
async def after_a_withdrawal(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    await door.accepted(door.partner.message("withdrawal", {"code": "WITHDRAWN_NO_REASON"}, thread=first.thread, seq=2))
    return door.partner.message("reminder", example("reminder", "first"), thread=first.thread, seq=3)


@after("illegal-step")
async def step_of_a_frozen_case(door: Door) -> Shot:
    """A freeze does not show: the case answers as the state it will resume in would."""
    first = door.partner.message()
    await door.accepted(first)
    await door.gateway.hold.freeze((door.thread(first) or {})["ref"], "a reason", "first", "registry_clerk")
    body = example("verification.contest", "new-element")
    return door.partner.message("verification.contest", body, thread=first.thread, seq=2)


@after("illegal-step")
async def step_of_an_erased_case(door: Door) -> Shot:
    first = door.partner.message()
    await door.accepted(first)
    await erase(door.gateway, (door.thread(first) or {})["ref"], door.network.clock.now())
    return door.partner.message("reminder", example("reminder", "first"), thread=first.thread, seq=2)


# Faults of the surroundings.


def limit_pages(door: Door, more: int) -> None:
    """Let the file of the store grow by ``more`` pages and no further; the engine's own connection is told."""
    writer = door.gateway.store._engine._writer
    assert writer is not None
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages + more}").fetchall()


@alone("rate")
async def too_many_requests(door: Door) -> Shot:
    url = await door.open(requests_per_minute=1)
    empty = Shot(b"", url=url)
    for _ in range(10):
        await door.problem(empty, "bad-envelope")
    return replace(door.partner.message(), url=url)


@alone("later")
async def store_is_full(door: Door) -> Shot:
    """Let the disk be full: the real engine says so, and the message waits with its sender."""
    limit_pages(door, 0)
    for _ in range(50):
        shot = door.partner.message()
        if (await door.post(shot)).status != 200:
            return shot
    raise AssertionError("the store took 50 messages without room for them")


@alone("later")
async def store_is_closed(door: Door) -> Shot:
    await door.gateway.store.close()
    return door.partner.message()


@alone("later")
async def no_room_for_bodies(door: Door) -> Shot:
    return replace(door.partner.message(), url=await door.open(held_max_bytes=100))


@alone("hold")
async def another_identity_speaks_for_the_country(door: Door) -> Shot:
    """Publish a card by a key nobody compared: the State is on hold until an officer says otherwise (M-8.5)."""
    stranger = SigningKey.generate()
    second = door.partner.secrets.second
    claims = card.claims_of(second) | {"serial": 3, "prev": second.digest, "identity": b64.encode(stranger.public)}
    raw = jws.sign(ijson.dumps(claims), jws.TYP_CARD, stranger)
    (door.network.homes["XBB"] / "cards" / "XAA" / "3.jws").write_bytes(raw)
    await door.gateway.refresh_trust()
    return door.partner.message()


@alone("unknown-signer")
async def key_revoked_since(door: Door) -> Shot:
    """What was signed before the revocation and arrives after it is judged at its receipt (M-8.3)."""
    shot = door.partner.message()
    secrets = door.partner.secrets
    claims = card.claims_of(secrets.second)
    now = wire.format_instant(door.network.clock.now())
    keys = [k | {"revoked_at": now} if k["kid"] == secrets.signing.kid else k for k in claims["signing"]]
    raw = card.sign_card(claims | {"serial": 3, "prev": secrets.second.digest, "signing": keys}, secrets.identity)
    (door.network.homes["XBB"] / "cards" / "XAA" / "3.jws").write_bytes(raw)
    await door.gateway.refresh_trust()
    return shot


CASES = [(code, name) for code, faults in FAULTS.items() for name in faults]
CASES_ALONE = [(code, name) for code, faults in ALONE.items() for name in faults]


async def test_every_code_has_a_fault() -> None:
    """No code of the table is without a message that provokes it over HTTP."""
    assert set(CODES) == {code for code in CODES if FAULTS[code] or ALONE[code]}


@pytest.mark.parametrize(("code", "name"), CASES, ids=lambda value: value)
async def test_fault(door: Door, code: str, name: str) -> None:
    """A message with one fault gets its code, in the order of M-5.1, and leaves nothing it should not."""
    await door.fails(await FAULTS[code][name](door), code)


@pytest.mark.parametrize(("code", "name"), CASES_ALONE, ids=lambda value: value)
async def test_fault_alone(fresh: Door, code: str, name: str) -> None:
    """A fault of the surroundings gets its code and stores nothing."""
    shot = await ALONE[code][name](fresh)
    if name == "store_is_closed":
        fresh.is_problem(await fresh.post(shot), code)
    else:
        await fresh.fails(shot, code)


@pytest.mark.parametrize("code", [code for code in CODES if len(FAULTS[code]) > 1])
async def test_reasons_do_not_show(door: Door, code: str) -> None:
    """Whatever the local reason, one code gives the same bytes and headers; a receipt differs in its digest alone."""
    seen, reasons = set(), set()
    for build in list(FAULTS[code].values())[:12]:
        shot, start = await build(door), len(door.network.logs)
        got = await door.post(shot)
        reasons |= {values.get("reason") for event, values in door.network.logs[start:] if event.endswith("refused")}
        headers = tuple(sorted((k, v) for k, v in got.headers.items() if k not in ("Date", "Connection")))
        if CODES[code].kind is not Kind.REFUSAL:
            seen.add((got.status, headers, got.body))
            continue
        receipt = door.receipt(got, shot.digest)
        seen.add((len(got.body), headers, replace(receipt, payload="A" * 43)))
    assert 1 == len(seen)
    if code in ("bad-envelope", "unknown-key", "bad-padding", "bad-payload", "unknown-signer"):
        assert len(reasons) > 1
    assert codes.get(code).code == code
