"""
Decide every vector by the reading of ``docs/protocol.md`` in ``reading``, without any code of the gateway.

Run ``python -m conformance.check`` (or ``isthmus-conformance vectors``); it prints what does not agree and ends with 0
or 1.
"""

import base64
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from conformance.reading import (
    Json,
    Refused,
    b64u,
    check_advance,
    check_consistency,
    check_digit,
    check_directory,
    check_elements,
    check_entry,
    check_inclusion,
    check_remark,
    check_reply,
    check_statement,
    check_times,
    cut_envelope,
    due_on,
    due_statements,
    edtf_bounds,
    extended,
    instant,
    key_id,
    leaf_hash,
    open_envelope,
    read_answer,
    read_card,
    read_checkpoint,
    read_exercise,
    read_jws,
    read_payload,
    read_receipt,
    sealing_key,
    sealing_public,
    strict_json,
    tree_hash,
    unb64u,
    unpad,
    verify_signature,
    withdrawal_leaves,
)
from conformance.witnessing import cosigned_at
from conformance.writing import stamp
from schemas import is_valid

VECTORS = Path(__file__).parent / "vectors"


def input_bytes(value: Json) -> bytes:
    """Return the bytes an input gives as ``text`` or as ``hex``."""
    return value["text"].encode() if "text" in value else bytes.fromhex(value["hex"])


def built_envelope(value: Json, bases: Json) -> bytes:
    """Return an envelope made from a base by cutting, appending and patching."""
    raw = bytearray(base64.b64decode(bases[value["base"]]))
    raw = raw[: value.get("cut", len(raw))] + bytes.fromhex(value.get("append", "")) + bytes(value.get("zeros", 0))
    for offset, text in value.get("patch", []):
        patch = bytes.fromhex(text)
        raw[offset : offset + len(patch)] = patch
    return bytes(raw)


def _payload(case: Json, _: Json) -> Json:
    value = read_payload(input_bytes(case))
    return {
        "type": value["type"],
        "digest": b64u(sha256(input_bytes(case)).digest()),
        "body_digest": b64u(sha256(value["body_bytes"]).digest()),
    }


def _jws(case: Json, _: Json) -> Json:
    kid, content = read_jws(case["jws"], case["typ"], bytes.fromhex(case["public"]))
    return {"kid": kid, "payload": content.decode()}


def _envelope_parse(case: Json, bases: Json) -> Json:
    raw = built_envelope(case["envelope"], bases)
    suite, kid, _, _ = cut_envelope(raw, case["suites"])
    return {"suite": suite, "kid": kid.hex(), "id": sha256(raw).hexdigest()}


def _envelope_open(case: Json, bases: Json) -> Json:
    return {"jws": open_envelope(built_envelope(case["envelope"], bases), bytes.fromhex(case["seed"])).decode()}


def _unpad(case: Json, _: Json) -> Json:
    plain = bytearray(bytes.fromhex(case["head"]).ljust(case["size"], b"\x00"))
    if case.get("last"):
        plain[-1] = case["last"]
    return {"content": unpad(bytes(plain)).hex()}


def _seed(case: Json, _: Json) -> Json:
    public = sealing_key(case["suite"], bytes.fromhex(case["seed"]))[1]
    return {"public": public.hex(), "kid": b64u(key_id(f"xg1 seal {case['suite']}", public))}


def _sealing_public(case: Json, _: Json) -> Json:
    return {
        "kid": b64u(key_id(f"xg1 seal {case['suite']}", sealing_public(case["suite"], bytes.fromhex(case["public"]))))
    }


def _key_id(case: Json, _: Json) -> Json:
    return {"kid": b64u(key_id(case["label"], bytes.fromhex(case["public"])))}


def _ed25519(case: Json, _: Json) -> Json:
    public, signature, message = (bytes.fromhex(case[name]) for name in ("public", "signature", "message"))
    verify_signature(public, signature, message, None)
    return {}


def _times(case: Json, _: Json) -> Json:
    check_times(instant(case["issued_at"]), instant(case["expires_at"]), instant(case["now"]))
    return {}


def _answer(case: Json, _: Json) -> Json:
    value = read_answer(case["text"].encode() + b" " * case["spaces"])
    return {"receipt": value["receipt"], "r": value["r"]}


def _inclusion(case: Json, _: Json) -> Json:
    path = [bytes.fromhex(item) for item in case["path"]]
    leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
    check_inclusion(leaf, case["index"], case["size"], path, root)
    return {}


def _consistency(case: Json, _: Json) -> Json:
    path = [bytes.fromhex(item) for item in case["path"]]
    old_root, new_root = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    check_consistency(case["old"], case["new"], path, old_root, new_root)
    return {}


def _checkpoint(case: Json, _: Json) -> Json:
    size, root = read_checkpoint(case["note"], case["name"], bytes.fromhex(case["public"]))
    return {"size": size, "root": root.hex()}


def _entry(case: Json, _: Json) -> Json:
    r, public = unb64u(case["r"]), bytes.fromhex(case["public"])
    index, size = check_entry(case["receipt"], r, case["proof"], case["origin"], public)
    return {"index": index, "size": size}


def _cosignature(case: Json, _: Json) -> Json:
    seconds = cosigned_at(case["note"], case["name"], [bytes.fromhex(case["public"])])
    return {"at": stamp(datetime.fromtimestamp(seconds, UTC)) if seconds else None}


def _statement(case: Json, _: Json) -> Json:
    check_statement(case)
    return {}


def _due_statements(case: Json, _: Json) -> Json:
    body = strict_json(case["text"].encode())
    return {"statements": due_statements(case["type"], body, case["from_asking"])}


def _number_digest(case: Json, _: Json) -> Json:
    return {"digest": b64u(sha256(unb64u(case["thread"]) + case["number"].encode()).digest())}


def _leaves_at(case: Json, _: Json) -> Json:
    at = max(instant(case["departs_at"]) - timedelta(hours=72), instant(case["now"]))
    return {"at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _card(case: Json, _: Json) -> Json:
    card, digest = read_card(case["card"], bytes.fromhex(case["identity"]))
    return {"serial": card["serial"], "digest": digest}


def _advance(case: Json, _: Json) -> Json:
    card = check_advance(case["held"], case["card"], bytes.fromhex(case["identity"]), instant(case["now"]))
    return {"serial": card["serial"]}


def _body(case: Json, _: Json) -> Json:
    value = strict_json(case["text"].encode())
    if not is_valid(case["type"], value) or not all(map(_is_page, _pages(value.get("elements")))):
        raise Refused("bad-schema")
    if "remark" in value:
        check_remark(value["remark"]["text"])
    return {}


def _pages(elements: Any) -> list[Json]:
    """Return the pages of all images in ``elements`` of a body; those of a question are names."""
    images = [elements.get(name, {}) for name in ("photo", "document_image")] if isinstance(elements, dict) else []
    return [page for image in images for page in image.get("pages", ())]


def _is_page(page: Json) -> bool:
    """Tell whether a page of an image has the digest it says (protocol 3.7)."""
    raw = base64.urlsafe_b64decode(page["content"] + "=" * (-len(page["content"]) % 4))
    return (b64u(raw), b64u(sha256(raw).digest())) == (page["content"], page["sha256"])


def _reply(case: Json, _: Json) -> Json:
    check_reply(case["question"], strict_json(case["text"].encode()), instant(case["now"]))
    return {}


def _exercise(case: Json, _: Json) -> Json:
    kind, body = read_exercise(case["text"].encode())
    return {"of": kind, "body_digest": b64u(sha256(body).digest())}


def _directory(case: Json, _: Json) -> Json:
    check_directory(case["from"], strict_json(case["text"].encode()))
    return {}


def _extend(case: Json, _: Json) -> Json:
    day, added = extended(case)
    return {"due_on": day.isoformat(), "added": added}


def _withdrawal_leaves(case: Json, _: Json) -> Json:
    return {"at": withdrawal_leaves(instant(case["now"])).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _minimise(case: Json, _: Json) -> Json:
    check_elements(case["purpose"], case["members"], case["asked"])
    return {}


def _edtf(case: Json, _: Json) -> Json:
    lower, upper = edtf_bounds(case["text"])
    return {"lower": lower.isoformat(), "upper": upper.isoformat()}


OPERATIONS: dict[str, Callable[[Json, Json], Json]] = {
    "json": lambda case, _: {"members": len(strict_json(input_bytes(case)))},
    "payload": _payload,
    "times": _times,
    "body": _body,
    "jws": _jws,
    "ed25519": _ed25519,
    "key-id": _key_id,
    "sealing-key": _seed,
    "sealing-public": _sealing_public,
    "envelope-parse": _envelope_parse,
    "envelope-open": _envelope_open,
    "unpad": _unpad,
    "receipt": lambda case, _: {"status": read_receipt(case["text"].encode())["status"]},
    "answer": _answer,
    "statement": _statement,
    "due-statements": _due_statements,
    "number-digest": _number_digest,
    "leaves-at": _leaves_at,
    "card": _card,
    "advance": _advance,
    "tree": lambda case, _: {"root": tree_hash([leaf_hash(bytes.fromhex(item)) for item in case["entries"]]).hex()},
    "inclusion": _inclusion,
    "consistency": _consistency,
    "checkpoint": _checkpoint,
    "cosignature": _cosignature,
    "entry": _entry,
    "due": lambda case, _: {"due_on": due_on(case).isoformat()},
    "edtf": _edtf,
    "check-digit": lambda case, _: {"digit": check_digit(case["text"])},
    "minimise": _minimise,
    "reply": _reply,
    "exercise": _exercise,
    "directory": _directory,
    "extend": _extend,
    "withdrawal-leaves": _withdrawal_leaves,
}


def decide(vector: Json, bases: Json) -> Json:
    """Return a vector's verdict as this reading sees it: outcome, code and, if ok, what was found."""
    try:
        found = OPERATIONS[vector["op"]](vector["input"], bases)
    except Refused as refusal:
        return {"outcome": "refused", "code": refusal.code, "expect": None}
    return {"outcome": "ok", "code": None, "expect": found}


def load_files() -> dict[str, Json]:
    """Return every file of vectors by name."""
    paths = sorted(path for path in VECTORS.glob("*.json") if path.name != "schema.json")
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def disagreements() -> list[str]:
    """Return a line for each vector that this reading decides differently."""
    lines = []
    for name, content in load_files().items():
        for vector in content["vectors"]:
            got = decide(vector, content.get("bases", {}))
            wanted = {key: vector[key] for key in ("outcome", "code", "expect")}
            if got != wanted:
                lines.append(f"{name}: {vector['id']}: {vector['about']}: wanted {wanted}, got {got}"[:400])
    return lines


def main() -> int:
    """Check all vectors; print what differs; return the exit code."""
    lines = disagreements()
    total = sum(len(content["vectors"]) for content in load_files().values())
    print("\n".join([*lines, f"{total} vectors, {len(lines)} disagree"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
