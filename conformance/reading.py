"""
A small reading of ``docs/protocol.md``: bytes in, values out, or ``Refused`` with the protocol's code.

Written for reading, not for speed: the functions follow the sections of the protocol in their order, and a partner may
start from them. Ed25519 is PyNaCl's because OpenSSL accepts signatures under keys of small order; HPKE is that of
``cryptography``. ``check`` decides the vectors by it, and the suite judges a gateway by it.
"""

import base64
import binascii
import hmac
import json
import re
import unicodedata
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256, shake_256
from typing import Any

import nacl.exceptions
import nacl.signing
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM1024P384PrivateKey,
    Suite,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.bindings import crypto_core_ed25519_is_valid_point

from schemas import is_valid, load_matrix

Json = dict[str, Any]


class Refused(Exception):
    """Say that a vector's input is refused; ``code`` is the protocol's code, or ``None`` where it has none."""

    def __init__(self, code: str | None = None) -> None:
        super().__init__(code or "refused")
        self.code = code


# Section 2: keys


def b64u(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64u(text: str, code: str | None = None) -> bytes:
    """Return the bytes of base64url without padding, one text for each value; refuses with ``code``."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Refused(code) from None
    if b64u(raw) != text:
        raise Refused(code)
    return raw


def key_id(label: str, public: bytes) -> bytes:
    """Return the 16 bytes that name a key."""
    return sha256(label.encode() + b"\x00" + public).digest()[:16]


SUITES = {
    1: (Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305), 1120),
    2: (Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM), 1665),
}


def sealing_key(suite: int, seed: bytes) -> tuple[MLKEM768X25519PrivateKey | MLKEM1024P384PrivateKey, bytes]:
    """Return the private key that a 32-byte seed stands for, and its public bytes."""
    stream = shake_256(seed).digest(64 + (32 if suite == 1 else 48))
    if suite == 1:
        kem768 = mlkem.MLKEM768PrivateKey.from_seed_bytes(stream[:64])
        point = x25519.X25519PrivateKey.from_private_bytes(stream[64:])
        public = kem768.public_key().public_bytes_raw() + point.public_key().public_bytes_raw()
        return MLKEM768X25519PrivateKey(kem768, point), public
    kem1024 = mlkem.MLKEM1024PrivateKey.from_seed_bytes(stream[:64])
    scalar = ec.derive_private_key(int.from_bytes(stream[64:], "big"), ec.SECP384R1())
    raw = scalar.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return MLKEM1024P384PrivateKey(kem1024, scalar), kem1024.public_key().public_bytes_raw() + raw


def sealing_public(suite: int, public: bytes) -> bytes:
    """Return the bytes of a public sealing key after checking that they are one, in its one form (M-2.2)."""
    if len(public) != (1216 if suite == 1 else 1665) or (suite == 2 and public[1568] != 4):
        raise Refused
    try:
        if suite == 1:
            mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184])
            x25519.X25519PrivateKey.generate().exchange(x25519.X25519PublicKey.from_public_bytes(public[1184:]))
        else:
            mlkem.MLKEM1024PublicKey.from_public_bytes(public[:1568])
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public[1568:])
    except ValueError:
        raise Refused from None
    return public


def verify_signature(public: bytes, signature: bytes, message: bytes, code: str | None) -> None:
    """Check an Ed25519 signature; refuses with ``code``."""
    try:
        if len(public) != 32 or not crypto_core_ed25519_is_valid_point(public):
            raise Refused(code)
        nacl.signing.VerifyKey(public).verify(message, signature)
    except (nacl.exceptions.CryptoError, ValueError):
        raise Refused(code) from None


# Section 3: JSON, payload, JWS, times


_NO_CHARACTERS = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)) + "]"
)


def strict_json(raw: bytes, code: str | None = "bad-json") -> Json:
    """Return one JSON object read as the protocol demands; refuses with ``code``."""

    def refuse(_: str) -> None:
        raise ValueError

    def whole(text: str) -> int:
        if text == "-0" or len(text) > 17:
            raise ValueError
        return int(text)

    def pairs(items: list[tuple[str, Any]]) -> Json:
        value = dict(items)
        if len(value) != len(items):
            raise ValueError
        return value

    def walk(value: Any, depth: int) -> None:
        if isinstance(value, str):
            value.encode()  # a lone surrogate does not encode
            if _NO_CHARACTERS.search(value):
                raise ValueError
        elif isinstance(value, int) and abs(value) > 2**53 - 1:
            raise ValueError
        elif isinstance(value, (dict, list)):
            if depth == 16:
                raise ValueError
            for item in [*value, *value.values()] if isinstance(value, dict) else value:
                walk(item, depth + 1)

    try:
        if len(re.findall(rb"[\[{]", raw)) > 10_000:
            raise ValueError
        value = json.loads(
            raw.decode(), object_pairs_hook=pairs, parse_int=whole, parse_float=refuse, parse_constant=refuse
        )
        walk(value, 0)
        if not isinstance(value, dict):
            raise ValueError
    except (ValueError, RecursionError):
        raise Refused(code) from None
    return value


def compact(value: Any) -> bytes:
    """Return JSON without white space, members in the order given."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


FRAME = (
    "v",
    "type",
    "id",
    "from",
    "to",
    "thread",
    "epoch",
    "seq",
    "prev",
    "issued_at",
    "expires_at",
    "in_reply_to",
    "clock",
    "statements",
    "body",
)


def read_payload(raw: bytes) -> Json:
    """Return a payload and, as ``body_bytes``, the exact bytes of its body."""
    value = strict_json(raw)
    if tuple(value) != FRAME or not is_valid("payload", value):
        raise Refused("bad-payload")
    start = compact({name: value[name] for name in FRAME[:-1]})[:-1] + b',"body":'
    if not (raw.startswith(start + b"{") and raw.endswith(b"}}")):
        raise Refused("bad-payload")
    return {**value, "body_bytes": raw[len(start) : -1]}


def read_jws(text: str, typ: str, public: bytes) -> tuple[str, bytes]:
    """Return key id and content of a JWS of the type ``typ`` that ``public`` signed."""
    parts = text.split(".")
    if len(parts) != 3:
        raise Refused("bad-jws")
    header, content, signature = (unb64u(part, "bad-jws") for part in parts)
    kid = b64u(key_id("xg1 sign", public))
    if header != compact({"alg": "Ed25519", "kid": kid, "typ": typ}) or len(signature) != 64:
        raise Refused("bad-jws")
    verify_signature(public, signature, f"{parts[0]}.{parts[1]}".encode(), "bad-signature")
    return kid, content


def instant(text: str) -> datetime:
    """Return an RFC 3339 instant in UTC with whole seconds."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def check_times(issued_at: datetime, expires_at: datetime, now: datetime) -> None:
    """Check a payload's times at ``now``."""
    if not timedelta(0) <= expires_at - issued_at <= timedelta(days=30) or issued_at > now + timedelta(seconds=300):
        raise Refused("stale")
    if now > expires_at + timedelta(seconds=300):
        raise Refused("expired")


# Section 4: envelope


def cut_envelope(raw: bytes, suites: list[int]) -> tuple[int, bytes, bytes, bytes]:
    """Return suite, key id, head and sealed part."""
    if len(raw) < 21 or raw[:4] != b"XG1\x00" or raw[4] not in SUITES:
        raise Refused("bad-envelope")
    outside = 21 + SUITES[raw[4]][1] + 16
    if len(raw) - outside not in (8192, 65536, 524288, 4194304):
        raise Refused("bad-envelope")
    if raw[4] not in suites:
        raise Refused("unknown-key")
    return raw[4], raw[5:21], raw[:21], raw[21:]


def unpad(plain: bytes) -> bytes:
    """Return the content of a padded plaintext."""
    end = 4 + int.from_bytes(plain[:4], "big")
    if len(plain) not in (8192, 65536, 524288, 4194304) or not 4 < end <= len(plain) or any(plain[end:]):
        raise Refused("bad-padding")
    return plain[4:end]


def open_envelope(raw: bytes, seed: bytes) -> bytes:
    """Return the JWS in an envelope sealed to the key that ``seed`` stands for."""
    suite, kid, head, sealed = cut_envelope(raw, [1, 2])
    private, public = sealing_key(suite, seed)
    if key_id(f"xg1 seal {suite}", public) != kid:
        raise Refused("unknown-key")
    try:
        plain = SUITES[suite][0].decrypt(sealed, private, info=head)
    except (InvalidTag, ValueError):
        raise Refused("cannot-open") from None
    return unpad(plain)


# Section 5: receipt and answer


def read_receipt(raw: bytes) -> Json:
    """Return the content of a receipt."""
    value = strict_json(raw)
    members = ("v", "from", "to", "payload", "status", "code", "received_at", "start_on", "due_on")
    if tuple(value) != members or not is_valid("receipt", value) or compact(value) != raw:
        raise Refused("bad-payload")
    if value["due_on"] is not None and value["due_on"] < value["start_on"]:
        raise Refused("bad-payload")
    return value


def read_answer(raw: bytes) -> Json:
    """Return the three members of an answer."""
    if not raw or len(raw) % 4096 or len(raw) > 65536:
        raise Refused("bad-payload")
    value = strict_json(raw.rstrip(b" "), "bad-payload")
    if tuple(value) != ("receipt", "r", "proof") or not is_valid("answer", value):
        raise Refused("bad-payload")
    if compact(value) != raw.rstrip(b" "):
        raise Refused("bad-payload")
    return value


ANSWERS = {
    "NATIONALITY": ("NATIONAL", "NOT_NATIONAL", "FORMER_NATIONAL"),
    "PERM_RESIDENCE": ("PR_AT_DATE", "NO_PR_AT_DATE"),
    "DOC_AUTHENTICITY": ("DOC_AUTHENTIC", "DOC_NOT_AUTHENTIC"),
}
UNDECIDED = ("CANNOT_SAY", "REFUSED")
METHODS = (
    ("M0", ("POPULATION_REGISTER", "PASSPORT_REGISTER", "PERMIT_REGISTER")),
    ("M1", ("CIVIL_STATUS_ARCHIVE",)),
    ("M2", ("CONSULAR_INTERVIEW",)),
    ("M3", ("SOCIAL_ENQUIRY",)),
)


def check_reply(question: Json, body: Json, now: datetime) -> None:
    """Check that a reply fits together, and answers ``question`` within its purpose and its limits."""
    if not is_valid("verification.reply", body):
        raise Refused("bad-schema")
    outcome, used, purpose = body["outcome"], set(body["method_used"]), question["purpose"]
    allowed = {method for limit, methods in METHODS if limit <= question["method_limit"] for method in methods}
    if question["no_contact_methods"]:
        allowed -= {"CONSULAR_INTERVIEW", "SOCIAL_ENQUIRY"}
    rests = outcome == "NOT_FOUND" or outcome in UNDECIDED or outcome == "DOC_NOT_AUTHENTIC" or body["match_basis"]
    fits = (
        outcome in (*ANSWERS[purpose], "NOT_FOUND", *UNDECIDED)
        and body["handling"]["purpose"] == purpose
        and date.fromisoformat(body["handling"]["retain_until"]) > now.date()
        and bool(rests)
        and not (outcome == "NOT_FOUND" and body["match_basis"])
        and used <= allowed
        and (bool(used) or outcome in UNDECIDED)
    )
    if not fits:
        raise Refused("illegal-step")


def read_exercise(raw: bytes) -> tuple[str, bytes]:
    """Return the type that an ``exercise`` is of, and the exact bytes of the body exercised."""
    value = strict_json(raw)
    if not is_valid("exercise", value):
        raise Refused("bad-schema")
    start = compact({"of": value["of"]})[:-1] + b',"body":'
    if not (raw.startswith(start + b"{") and raw.endswith(b"}}")):
        raise Refused("bad-schema")
    return value["of"], raw[len(start) : -1]


def check_directory(country: str, body: Json) -> None:
    """Check a ``directory`` of ``country``: its own authorities, each once, and no officer of another one."""
    ids = [row["id"] for row in body.get("authorities", ())]
    if not is_valid("directory", body) or len(set(ids)) != len(ids):
        raise Refused("bad-schema")
    if any(not id.startswith(f"{country}-") for id in ids) or any(o["authority"] not in ids for o in body["officers"]):
        raise Refused("bad-schema")


def check_remark(text: str) -> None:
    """Check what the schema does not say of a remark: it is in form C, and a joiner stands between Arabic letters."""
    spelled = re.sub("(?<=[\u0620-\u06ff])[\u200c\u200d](?=[\u0620-\u06ff])", "", text)
    if not unicodedata.is_normalized("NFC", text) or "\u200c" in spelled or "\u200d" in spelled:
        raise Refused("bad-schema")


def check_elements(purpose: str, members: list[str], asked: list[str] | None) -> None:
    """Check the members of ``elements`` against the matrix; ``asked`` is what our question named, if there was one."""
    matrix = load_matrix()["elements"]
    for member in members:
        rows = [row for row in matrix if member in row["members"]]
        if not rows or purpose not in rows[0]["purposes"]:
            raise Refused("not-minimised")
        need, named = rows[0]["purposes"][purpose], rows[0]["element"] in (asked or [])
        # A first request carries what is required. An answer carries what was asked for, if the purpose allows it.
        if not (need == "required" if asked is None else named and need != "forbidden"):
            raise Refused("not-minimised")


# Section 6: statements


def check_statement(case: Json) -> None:
    """Check a statement against what it must be about."""
    try:
        _, raw = read_jws(case["statement"], "xg1-statement+jws", bytes.fromhex(case["public"]))
        value = strict_json(raw)
    except Refused:
        raise Refused("bad-statement") from None
    about = (value.get("thread"), value.get("statement"), value.get("role"), value.get("digest"))
    if not is_valid("statement", value) or compact(value) != raw:
        raise Refused("bad-statement")
    if about != (case["thread"], case["kind"], case["role"], case["digest"]):
        raise Refused("bad-statement")
    if instant(case["now"]) > instant(value["valid_until"]):
        raise Refused("bad-statement")


NEGATIVE = ("NOT_NATIONAL", "FORMER_NATIONAL", "NO_PR_AT_DATE", "DOC_NOT_AUTHENTIC", "NOT_FOUND", "REFUSED")


def due_statements(kind: str, body: Json, from_asking: bool) -> list[list[str]]:
    """Return kind and role of each statement that a message must carry."""
    if kind == "verification.reply" and body["outcome"] in NEGATIVE:
        return [["reply.second-signature", "second_signer"]]
    if kind == "return.proposal":
        return [["return.release", "welfare" if body["represented"] else "coordinator"]]
    if kind == "return.acceptance" and body["decision"] == "accepted":
        return [["return.acceptance", "welfare" if body["represented"] else "desk_head"]]
    if kind in ("information.request", "information.answer"):
        return [[kind, "information"]]
    if kind == "return.handover":
        return [["handover.delivery", "escort"] if from_asking else ["handover.receipt", "reception"]]
    return []


# Section 7: tree, checkpoint, proof


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def tree_hash(leaves: list[bytes]) -> bytes:
    """Return the root over leaf hashes, as RFC 9162 section 2.1.1 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def check_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """Check an inclusion proof by walking down to the leaf and back up."""

    def climb(index: int, size: int, path: list[bytes]) -> bytes:
        if size == 1:
            if path:
                raise Refused
            return leaf
        if not path:
            raise Refused
        split = 1 << (size - 1).bit_length() - 1
        if index < split:
            return sha256(b"\x01" + climb(index, split, path[:-1]) + path[-1]).digest()
        return sha256(b"\x01" + path[-1] + climb(index - split, size - split, path[:-1])).digest()

    if not 0 <= index < size or climb(index, size, path) != root:
        raise Refused


def check_consistency(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check a consistency proof by rebuilding both roots from it."""

    def rebuild(old: int, new: int, path: list[bytes], whole: bool) -> tuple[bytes, bytes]:
        if old == new:
            if len(path) != (0 if whole else 1):
                raise Refused
            return (old_root, old_root) if whole else (path[0], path[0])
        if not path:
            raise Refused
        split = 1 << (new - 1).bit_length() - 1
        if old <= split:
            before, after = rebuild(old, split, path[:-1], whole)
            return before, sha256(b"\x01" + after + path[-1]).digest()
        before, after = rebuild(old - split, new - split, path[:-1], False)
        return sha256(b"\x01" + path[-1] + before).digest(), sha256(b"\x01" + path[-1] + after).digest()

    if not 0 < old <= new or rebuild(old, new, path, True) != (old_root, new_root):
        raise Refused


def unb64(text: str) -> bytes:
    """Return the bytes of standard base64 with padding, one text for each value."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused from None
    if base64.b64encode(raw).decode() != text:
        raise Refused
    return raw


def read_number(text: str) -> int:
    """Return a decimal number without leading zeros, at most 2^53 - 1."""
    if not re.fullmatch("0|[1-9][0-9]{0,15}", text) or int(text) > 2**53 - 1:
        raise Refused
    return int(text)


def read_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a signed note, and by each of its signatures the name and what follows it."""
    text, blank, block = note.rpartition("\n\n")
    lines = block.split("\n")
    if not blank or lines.pop() != "" or not 1 <= len(lines) <= 16:
        raise Refused
    signatures = []
    for line in lines:
        match = re.fullmatch("\u2014 ([A-Za-z0-9._/-]+) ([A-Za-z0-9+/=]+)", line)
        if not match:
            raise Refused
        signatures.append((match[1], unb64(match[2])))
    return text + "\n", signatures


def read_checkpoint(note: str, name: str, *publics: bytes) -> tuple[int, bytes]:
    """Return size and root of a checkpoint of the log ``name``, signed by any of its keys and wrongly by none."""
    text, signatures = read_note(note)
    known = {sha256(name.encode() + b"\n\x01" + public).digest()[:4]: public for public in publics}
    signed = False
    for signer, blob in signatures:
        if signer == name and blob[:4] in known:
            verify_signature(known[blob[:4]], blob[4:], text.encode(), None)
            signed = True
    body = text.split("\n")
    if not signed or len(body) != 4 or body[0] != name:
        raise Refused
    root = unb64(body[2])
    if len(root) != 32:
        raise Refused
    return read_number(body[1]), root


def read_proof(proof: str) -> tuple[int, list[bytes], str]:
    """Return index, path and checkpoint of a log proof."""
    head, blank, note = proof.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 2 or not lines[1].startswith("index "):
        raise Refused
    index, path = read_number(lines[1][6:]), [unb64(line) for line in lines[2:]]
    if len(path) > 63 or any(len(item) != 32 for item in path):
        raise Refused
    return index, path, note


def open_entry(receipt: str, r: bytes) -> bytes:
    """Return the entry of a log that a receipt makes under the opening ``r``."""
    return hmac.digest(r, sha256(receipt.encode()).digest(), "sha256")


def check_entry(receipt: str, r: bytes, proof: str, name: str, *publics: bytes) -> tuple[int, int]:
    """Check that a receipt, opened by ``r``, stands in the log ``name`` by its keys; return index and size."""
    index, path, note = read_proof(proof)
    size, root = read_checkpoint(note, name, *publics)
    check_inclusion(leaf_hash(open_entry(receipt, r)), index, size, path, root)
    return index, size


# Section 8: cards


def read_card(text: str, identity: bytes) -> tuple[Json, str]:
    """Return a card's content and its digest, if it is by ``identity``."""
    try:
        _, raw = read_jws(text, "xg1-card+jws", identity)
        value = strict_json(raw)
    except Refused:
        raise Refused from None
    if not is_valid("card", value) or unb64u(value["identity"]) != identity:
        raise Refused
    if (value["prev"] is None) != (value["serial"] == 1):
        raise Refused
    kids = [row["kid"] for use in ("signing", "sealing", "roles", "log") for row in value[use]]
    if len({*kids, b64u(key_id("xg1 sign", identity))}) != len(kids) + 1:
        raise Refused
    for use, label in (("signing", "xg1 sign"), ("roles", "xg1 sign"), ("log", "xg1 sign"), ("sealing", "xg1 seal")):
        for row in value[use]:
            suffix = f" {row['suite']}" if use == "sealing" else ""
            if row["kid"] != b64u(key_id(label + suffix, unb64u(row["key"]))):
                raise Refused
    return value, b64u(sha256(raw).digest())


def check_advance(held: str, new: str, identity: bytes, now: datetime) -> Json:
    """Return the card that follows the one held."""
    (old, digest), (card, _) = read_card(held, identity), read_card(new, identity)
    follows = (card["country"], card["serial"], card["prev"]) == (old["country"], old["serial"] + 1, digest)
    if not follows or card["epoch"] < old["epoch"] or card["issued_at"] < old["issued_at"]:
        raise Refused
    if instant(card["issued_at"]) > now + timedelta(seconds=300):
        raise Refused
    revoked = {row["kid"]: row["revoked_at"] for use in ("signing", "sealing", "roles") for row in old[use]}
    for row in [*card["signing"], *card["sealing"], *card["roles"]]:
        before = revoked.get(row["kid"])
        if before is not None and (row["revoked_at"] is None or row["revoked_at"] > before):
            raise Refused
    return card


# Dates, documents


def due_on(case: Json) -> date:
    """Return the day a period ends; the day of the event is not counted."""
    off = {date.fromisoformat(text) for text in case["holidays"]}
    day, n, unit = date.fromisoformat(case["start_on"]), case["n"], case["unit"]
    weekend = set(case.get("weekend", (5, 6)))

    def counts(day: date) -> bool:
        rest = weekend - {5} if unit == "werktag" else weekend
        return day.weekday() not in rest and day not in off

    if unit == "month":
        year, month = divmod(day.year * 12 + day.month - 1 + n, 12)
        return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
    while n:
        day += timedelta(days=1)
        n -= unit == "calendar_day" or counts(day)
    while case["roll"] == "next_working" and (day.weekday() in weekend or day in off):
        day += timedelta(days=1)
    return day


def extended(case: Json) -> tuple[date, int]:
    """Return the day a period ends after one more extension, and the units it added; the old due day is not counted."""
    more, n = case["extension"], case["n"]
    most = n + more["n"] if more["max_total"] is None else more["max_total"]
    added = min(more["n"], most - n - sum(case["already"]))
    if added < 1:
        raise Refused
    return due_on({**case, "start_on": case["due_on"], "n": added}), added


def withdrawal_leaves(now: datetime) -> datetime:
    """Return the full hour at which a withdrawal leaves that is decided at ``now``."""
    return now.replace(minute=0, second=0) + timedelta(hours=1)


def edtf_bounds(text: str) -> tuple[date, date]:
    """Return the first and last day an EDTF level 1 date or interval may mean."""
    if "/" in text:
        first, _, second = text.partition("/")
        lower, upper = edtf_bounds(first)[0], edtf_bounds(second)[1]
        if lower > upper or "/" in second:
            raise Refused
        return lower, upper
    match = re.fullmatch(r"([0-9]{4}|[0-9]{3}X|[0-9]{2}XX)(?:-([0-9]{2}|XX)(?:-([0-9]{2}|XX))?)?[?~%]?", text)
    if not match or ("X" in match[1] and match[2]) or (match[2] == "XX" and match[3] not in (None, "XX")):
        raise Refused
    year, month, day = match[1], match[2], match[3]
    try:
        if month in (None, "XX"):
            return date(int(year.replace("X", "0")), 1, 1), date(int(year.replace("X", "9")), 12, 31)
        last = monthrange(int(year), int(month))[1]
        if day in (None, "XX"):
            return date(int(year), int(month), 1), date(int(year), int(month), last)
        whole = date(int(year), int(month), int(day))
    except ValueError:
        raise Refused from None
    return whole, whole


def check_digit(text: str) -> str:
    """Return the ICAO 9303 check digit: weights 7, 3, 1."""
    if not re.fullmatch("[0-9A-Z<]+", text):
        raise Refused
    values = (0 if char == "<" else int(char, 36) for char in text)
    return str(sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10)
