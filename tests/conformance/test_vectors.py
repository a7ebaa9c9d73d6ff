"""The vectors: well formed, decided alike by the gateway and by the second reading, and made by their program."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import schemas
from conformance import check
from gateway.core import (
    checkpoint,
    cosign,
    deadlines,
    directory,
    documents,
    edtf,
    envelope,
    exercise,
    instruments,
    merkle,
    messages,
    minimise,
    return_guards,
    wire,
)
from gateway.core.attachments import attachment_findings
from gateway.core.calendars import Calendar, end_of_day
from gateway.core.codes import PeerError
from gateway.core.facts import Facts, When
from gateway.core.remark import wire_fault
from gateway.core.rules import findings
from gateway.core.verification_changes import next_full_hour
from keys import b64, card, errors, ids, jws, sign, statement
from keys.seal import RecipientKey, SealingKey
from schemas import ijson
from tests.support.rows import each_holds, for_each

ROOT = Path(__file__).parents[2]
FILES = check.load_files()
ALL = [(name, vector) for name, content in FILES.items() for vector in content["vectors"]]
Json = dict[str, Any]

CODES: dict[type[Exception], str | None] = {
    ijson.BadJson: "bad-json",
    errors.BadJws: "bad-jws",
    errors.BadSignature: "bad-signature",
    errors.CannotOpen: "cannot-open",
    errors.BadStatement: "bad-statement",
    schemas.SchemaError: "bad-schema",
}


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _payload(case: Json, _: Json) -> Json:
    found = wire.parse_payload(check.input_bytes(case))
    return {"type": found.type, "digest": found.digest, "body_digest": found.body_digest}


def _times(case: Json, _: Json) -> Json:
    blank: dict[str, Any] = dict.fromkeys(wire.Payload._fields)
    times = {name: _instant(case[name]) for name in ("issued_at", "expires_at")}
    reason = wire.times_findings(wire.Payload(**{**blank, **times}), _instant(case["now"]))
    if reason is not None:
        raise PeerError(reason)
    return {}


def _body(case: Json, _: Json) -> Json:
    value = ijson.loads(case["text"].encode())
    schemas.validate(case["type"], value)
    if isinstance(value.get("elements"), dict) and attachment_findings(value["elements"]):
        raise check.Refused("bad-schema")
    if "remark" in value and wire_fault(value["remark"]["text"]):
        raise check.Refused("bad-schema")
    return {}


def _jws(case: Json, _: Json) -> Json:
    found = jws.parse(case["jws"].encode(), case["typ"])
    public = bytes.fromhex(case["public"])
    found.verify(public)
    return {"kid": found.kid, "payload": found.payload.decode()}


def _ed25519(case: Json, _: Json) -> Json:
    public, signature, message = (bytes.fromhex(case[name]) for name in ("public", "signature", "message"))
    sign.check_public(public)
    sign.verify(public, signature, message)
    return {}


def _sealing_key(case: Json, _: Json) -> Json:
    key = SealingKey(case["suite"], bytes.fromhex(case["seed"]))
    return {"public": key.public.hex(), "kid": b64.encode(key.kid)}


def _sealing_public(case: Json, _: Json) -> Json:
    return {"kid": b64.encode(RecipientKey(case["suite"], bytes.fromhex(case["public"])).kid)}


def _envelope_parse(case: Json, bases: Json) -> Json:
    raw = check.built_envelope(case["envelope"], bases)
    found = envelope.parse(raw, case["suites"])
    return {"suite": found.suite, "kid": found.kid.hex(), "id": envelope.envelope_id(raw).hex()}


def _envelope_open(case: Json, bases: Json) -> Json:
    found = envelope.parse(check.built_envelope(case["envelope"], bases))
    key = SealingKey(found.suite, bytes.fromhex(case["seed"]))
    if key.kid != found.kid:
        raise check.Refused("unknown-key")
    return {"jws": envelope.unpad(key.open(found.head, found.enc_ct)).decode()}


def _open(raw: bytes, key: SealingKey) -> bytes:
    found = envelope.parse(raw)
    return envelope.unpad(key.open(found.head, found.enc_ct))


def _unpad(case: Json, _: Json) -> Json:
    plain = bytearray(bytes.fromhex(case["head"]).ljust(case["size"], b"\x00"))
    plain[-1] = case.get("last", plain[-1])
    return {"content": envelope.unpad(bytes(plain)).hex()}


def _answer(case: Json, _: Json) -> Json:
    found = wire.parse_answer(case["text"].encode() + b" " * case["spaces"])
    return {"receipt": found.receipt.decode(), "r": b64.encode(found.r)}


def _statement(case: Json, _: Json) -> Json:
    about = {name: case[name] for name in ("thread", "kind", "role", "digest")}
    key = bytes.fromhex(case["public"])
    statement.verify(case["statement"].encode(), **about, key=key, now=_instant(case["now"]))
    return {}


def _due_statements(case: Json, _: Json) -> Json:
    brought = ["handover.delivery" if case["from_asking"] else "handover.receipt"]
    due = messages.required_statements(case["type"], ijson.loads(case["text"].encode()), brought)
    return {"statements": [list(row) for row in due]}


def _leaves_at(case: Json, _: Json) -> Json:
    return {"at": wire.format_instant(return_guards.notice_at(_instant(case["departs_at"]), _instant(case["now"])))}


def _card(case: Json, _: Json) -> Json:
    found = card.verify_card(case["card"].encode(), bytes.fromhex(case["identity"]))
    return {"serial": found.serial, "digest": found.digest}


def _advance(case: Json, _: Json) -> Json:
    held = card.verify_card(case["held"].encode(), bytes.fromhex(case["identity"]))
    return {"serial": card.advance(held, case["card"].encode(), _instant(case["now"])).serial}


def _hashes(case: Json, *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def _tree(case: Json, _: Json) -> Json:
    return {"root": merkle.root_hash([merkle.leaf_hash(bytes.fromhex(item)) for item in case["entries"]]).hex()}


def _inclusion(case: Json, _: Json) -> Json:
    leaf, root = _hashes(case, "leaf", "root")
    merkle.verify_inclusion(leaf, case["index"], case["size"], [bytes.fromhex(item) for item in case["path"]], root)
    return {}


def _consistency(case: Json, _: Json) -> Json:
    path = [bytes.fromhex(item) for item in case["path"]]
    merkle.verify_consistency(case["old"], case["new"], path, *_hashes(case, "old_root", "new_root"))
    return {}


def _checkpoint(case: Json, _: Json) -> Json:
    text = checkpoint.verify_note(case["note"], case["name"], bytes.fromhex(case["public"]))
    found = checkpoint.parse_checkpoint(text)
    if found.origin != case["name"]:
        raise merkle.BadProof("another log")
    return {"size": found.size, "root": found.root.hex()}


def _cosignature(case: Json, _: Json) -> Json:
    at = cosign.cosigned_at(case["note"], case["name"], (bytes.fromhex(case["public"]),))
    return {"at": at and wire.format_instant(at)}


def _entry(case: Json, _: Json) -> Json:
    public = bytes.fromhex(case["public"])
    receipt, r = case["receipt"].encode(), b64.decode(case["r"])
    proof = checkpoint.parse_proof(case["proof"])
    found = checkpoint.verify_entry(receipt, r, proof, case["origin"], public)
    return {"index": proof.index, "size": found.size}


def _calendar(case: Json) -> Calendar:
    return Calendar(
        id="XX-vectors",
        version="1",
        zone="UTC",
        holidays={date.fromisoformat(day): "holiday" for day in case["holidays"]},
        valid_from=date(2026, 1, 1),
        valid_until=date(2028, 12, 31),
        weekend=frozenset(case.get("weekend", (5, 6))),
    )


def _rule(case: Json) -> instruments.Rule:
    unit, roll = instruments.Unit(case["unit"]), instruments.Roll(case["roll"])
    more = instruments.Extension(**case["extension"]) if "extension" in case else None
    return instruments.Rule("VECTORS", "reply", case["n"], unit, "receipt", roll=roll, extension=more)


def _due(case: Json, _: Json) -> Json:
    end = deadlines.due(_rule(case), date.fromisoformat(case["start_on"]), _calendar(case))
    return {"due_on": end.due_on.isoformat()}


def _extend(case: Json, _: Json) -> Json:
    calendar, due_on = _calendar(case), date.fromisoformat(case["due_on"])
    before = deadlines.Due(due_on, due_on, due_on, end_of_day(due_on, calendar.zone))
    start_on = date.fromisoformat(case["start_on"])
    end, added = deadlines.extend(_rule(case), before, start_on, calendar, case["already"])
    return {"due_on": end.due_on.isoformat(), "added": added}


def _withdrawal_leaves(case: Json, _: Json) -> Json:
    return {"at": wire.format_instant(next_full_hour(_instant(case["now"])))}


def _reply(case: Json, _: Json) -> Json:
    body = ijson.loads(case["text"].encode())
    schemas.validate(messages.REPLY, body)
    question = {**case["question"], "handling": {"purpose": case["question"]["purpose"]}}
    facts = Facts(_instant(case["now"]), None, messages.REPLY, body, question=question)
    if findings(When.RECEIVE, facts):
        raise check.Refused("illegal-step")
    return {}


def _exercise(case: Json, _: Json) -> Json:
    raw = case["text"].encode()
    schemas.validate(messages.EXERCISE, ijson.loads(raw))
    try:
        kind, body = exercise.unwrap(raw)
    except ValueError:
        raise check.Refused("bad-schema") from None
    return {"of": kind, "body_digest": wire.payload_digest(body)}


def _directory(case: Json, _: Json) -> Json:
    body = ijson.loads(case["text"].encode())
    schemas.validate(messages.DIRECTORY, body)
    if directory.faults(case["from"], directory.parse_change(body)):
        raise check.Refused("bad-schema")
    return {}


def _minimise(case: Json, _: Json) -> Json:
    if minimise.excess(case["members"], case["purpose"], case["asked"]):
        raise check.Refused("not-minimised")
    return {}


def _edtf(case: Json, _: Json) -> Json:
    found = edtf.parse(case["text"])
    return {"lower": found.lower.isoformat(), "upper": found.upper.isoformat()}


OPERATIONS: dict[str, Callable[[Json, Json], Json]] = {
    "json": lambda case, _: {"members": len(ijson.loads(check.input_bytes(case)))},
    "payload": _payload,
    "times": _times,
    "body": _body,
    "jws": _jws,
    "ed25519": _ed25519,
    "key-id": lambda case, _: {"kid": b64.encode(ids.key_id(case["label"], bytes.fromhex(case["public"])))},
    "sealing-key": _sealing_key,
    "sealing-public": _sealing_public,
    "envelope-parse": _envelope_parse,
    "envelope-open": _envelope_open,
    "unpad": _unpad,
    "receipt": lambda case, _: {"status": wire.parse_receipt(case["text"].encode()).status},
    "answer": _answer,
    "statement": _statement,
    "due-statements": _due_statements,
    "number-digest": lambda case, _: {"digest": documents.number_digest(case["thread"], case["number"])},
    "leaves-at": _leaves_at,
    "card": _card,
    "advance": _advance,
    "tree": _tree,
    "inclusion": _inclusion,
    "consistency": _consistency,
    "checkpoint": _checkpoint,
    "cosignature": _cosignature,
    "entry": _entry,
    "due": _due,
    "edtf": _edtf,
    "check-digit": lambda case, _: {"digit": documents.check_digit(case["text"])},
    "minimise": _minimise,
    "reply": _reply,
    "exercise": _exercise,
    "directory": _directory,
    "extend": _extend,
    "withdrawal-leaves": _withdrawal_leaves,
}


def _decide(vector: Json, bases: Json) -> Json:
    """Return a vector's verdict as the gateway's own code gives it."""
    try:
        found = OPERATIONS[vector["op"]](vector["input"], bases)
    except PeerError as error:
        return {"outcome": "refused", "code": error.code.code, "expect": None}
    except check.Refused as error:
        return {"outcome": "refused", "code": error.code, "expect": None}
    except Exception as error:
        code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), None)
        # Without a code only the errors that say "this input is wrong" count; anything else is a fault of ours.
        if code is None and not isinstance(error, (ValueError, merkle.BadProof, errors.BadKey, errors.CardRefused)):
            raise
        # A bare Ed25519 check, a date or a document number stands for no message, so it has no code to send.
        bare = vector["op"] in ("ed25519", "sealing-public", "edtf", "check-digit")
        return {"outcome": "refused", "code": None if bare else code, "expect": None}
    return {"outcome": "ok", "code": None, "expect": found}


def test_gateway_agrees() -> None:
    """The gateway's code gives the outcome, code and result of each vector."""

    def decide(row: tuple[str, Json]) -> None:
        name, vector = row
        wanted = {key: vector[key] for key in ("outcome", "code", "expect")}
        assert wanted == _decide(vector, FILES[name].get("bases", {}))

    each_holds(decide, ALL, lambda row: str(row[1]["id"]))


def test_second_reading_agrees() -> None:
    """The reading in conformance/check.py decides every vector as stated."""
    assert [] == check.disagreements()


@for_each("name", FILES)
def test_files_fit_their_schema(name: str) -> None:
    """Each file has the form that its schema describes, and its own name in it."""
    schema = json.loads((check.VECTORS / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(FILES[name])
    assert name == FILES[name]["file"]


def test_ids_are_unique() -> None:
    """No two vectors share an id."""
    ids_seen = [vector["id"] for _, vector in ALL]
    assert len(ids_seen) == len(set(ids_seen))


def test_files_are_as_made() -> None:
    """The files are what the generator makes, the sealed envelopes aside."""
    command = [sys.executable, "-m", "conformance.vectors.generate", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_command_says_so() -> None:
    """The command prints a count and ends with 0."""
    command = [sys.executable, "-m", "conformance.check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, f"{len(ALL)} vectors, 0 disagree\n") == (done.returncode, done.stdout)


def test_second_reading_notices() -> None:
    """A vector with the wrong outcome is found out."""
    vector = {**FILES["log"]["vectors"][0], "outcome": "refused", "expect": None}
    assert vector["outcome"] != check.decide(vector, {})["outcome"]


@pytest.mark.parametrize("suite", [1, 2])
def test_every_byte_of_an_envelope_counts(suite: int) -> None:
    """A bit changed anywhere in the head, the key or the tag, or in a sample of the rest, does not open."""
    bases = FILES["envelope"]["bases"]
    good = base64.b64decode(bases[f"good-{suite}"])
    opened = next(
        v for _, v in ALL if v["op"] == "envelope-open" and v["input"]["envelope"] == {"base": f"good-{suite}"}
    )
    key = SealingKey(suite, bytes.fromhex(opened["input"]["seed"]))
    for place in (*range(21), *range(21, len(good) - 16, 97), *range(len(good) - 16, len(good))):
        raw = bytearray(good)
        raw[place] ^= 1
        with pytest.raises((PeerError, errors.CannotOpen)):
            _open(bytes(raw), key)
