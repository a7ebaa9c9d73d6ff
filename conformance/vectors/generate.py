"""
Make the vectors again: ``python -m conformance.vectors.generate [--check | --reseal]``.

This is the one place that uses fixed randomness: every key, id and opening comes from a label. HPKE draws its own
randomness and takes none from outside, so the sealed envelopes are kept from the file that is there; ``--reseal`` makes
new ones. ``--check`` writes nothing and says whether the files are what this program makes.
"""

import argparse
import base64
import hmac
import json
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

from nacl.bindings import crypto_core_ed25519_add, crypto_scalarmult_ed25519_base_noclamp
from nacl.signing import SigningKey

from conformance.images import PAGE, image, page
from conformance.reading import SUITES, b64u, compact, key_id, leaf_hash, sealing_key, tree_hash
from conformance.writing import digest
from schemas import load_matrix

ELEMENTS = "verification.elements"

HERE = Path(__file__).parent
BASES_FILE = HERE / "envelope.json"
Json = dict[str, Any]

NOW = "2026-12-01T09:00:00Z"
AT_HOLIDAYS = ["2026-12-08", "2026-12-25", "2026-12-26", "2027-01-01", "2027-01-06"]


def fixed(label: str, size: int = 32) -> bytes:
    """Return ``size`` bytes (at most 32) that stand for randomness."""
    return sha256(b"xg1 vectors " + label.encode()).digest()[:size]


ASKER = SigningKey(fixed("XAA signing"))
ASKED = SigningKey(fixed("XBB signing"))
SIGNER = SigningKey(fixed("XBB second signer"))
LOG = SigningKey(fixed("XBB log"))
IDENTITY = SigningKey(fixed("XBB identity"))
SEAL_SEEDS = {suite: fixed(f"XBB sealing {suite}") for suite in SUITES}


def public(key: SigningKey) -> bytes:
    """Return the 32 public bytes of a signing key."""
    return bytes(key.verify_key)


def jws(content: bytes, typ: str, key: SigningKey, header: bytes | None = None) -> str:
    """Return a JWS, with another header than the right one if given."""
    kid = b64u(key_id("xg1 sign", public(key)))
    head = header if header is not None else compact({"alg": "Ed25519", "kid": kid, "typ": typ})
    signed = f"{b64u(head)}.{b64u(content)}"
    return f"{signed}.{b64u(key.sign(signed.encode()).signature)}"


class Collector:
    """Gather the vectors of one file and number them."""

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about
        self.vectors: list[Json] = []
        self.extra: Json = {}

    def _add(self, op: str, about: str, cites: str, given: Json, verdict: Json) -> None:
        number = f"{self.name}-{len(self.vectors) + 1:03d}"
        row = {"id": number, "op": op, "about": about, "cites": cites.split(), "input": given, **verdict}
        self.vectors.append(row)

    def ok(self, op: str, about: str, cites: str, given: Json, **expect: Any) -> None:
        """Add a vector that is accepted and gives ``expect``."""
        self._add(op, about, cites, given, {"outcome": "ok", "code": None, "expect": expect})

    def bad(self, op: str, about: str, cites: str, given: Json, code: str | None = None) -> None:
        """Add a vector that is refused with ``code``, or without one where the protocol has none."""
        self._add(op, about, cites, given, {"outcome": "refused", "code": code, "expect": None})

    def content(self) -> Json:
        """Return the file's content."""
        return {"file": self.name, "about": self.about, **self.extra, "vectors": self.vectors}


# The story that the examples of the protocol text tell: XAA asks XBB once.

REQUEST_BODY: Json = {
    "handling": {
        "purpose": "NATIONALITY",
        "legal_basis": "CONFIRMATION",
        "use_restrictions": ["P0"],
        "retain_until": "2027-06-01",
        "onward": "none",
    },
    "authority": {"id": "XAA-01"},
    "method_limit": "M0",
    "no_contact_methods": True,
    "elements": {
        "names": [
            {
                "use": "document",
                "family": "Testova",
                "given": "Ana",
                "patronymic": None,
                "full": None,
                "script": "en-Latn",
                "latin": None,
            }
        ],
        "birth_date": "2001-04-XX",
        "birth_place": {"country": "XBB", "unit": "Northtown"},
    },
}


def frame(**changes: Any) -> Json:
    """Return the example payload, with members changed."""
    value: Json = {
        "v": 1,
        "type": "verification.request",
        "id": b64u(fixed("id", 16)),
        "from": "XAA",
        "to": "XBB",
        "thread": b64u(fixed("thread", 16)),
        "epoch": 1,
        "seq": 1,
        "prev": None,
        "issued_at": NOW,
        "expires_at": "2026-12-15T09:00:00Z",
        "in_reply_to": None,
        "clock": {"service": "IRC", "step": "reply", "calendar": "XBB-2026-27", "version": "1"},
        "statements": [],
        "body": REQUEST_BODY,
    }
    return {**value, **changes}


PAYLOAD = compact(frame())
PAYLOAD_DIGEST = b64u(sha256(PAYLOAD).digest())
MESSAGE = jws(PAYLOAD, "xg1-msg+jws", ASKER)


def receipt(**changes: Any) -> bytes:
    """Return the content of the example receipt, with members changed."""
    value: Json = {
        "v": 1,
        "from": "XBB",
        "to": "XAA",
        "payload": PAYLOAD_DIGEST,
        "status": "accepted",
        "code": None,
        "received_at": "2026-12-01T09:00:02Z",
        "start_on": "2026-12-01",
        "due_on": "2026-12-15",
    }
    return compact({**value, **changes})


RECEIPT = jws(receipt(), "xg1-receipt+jws", ASKED)
ORIGIN = "XBB/XAA/1"
OPENING = fixed("opening")


def entry(text: str, r: bytes) -> bytes:
    """Return the log entry of a receipt."""
    return hmac.digest(r, sha256(text.encode()).digest(), "sha256")


def signed_with(key: SigningKey, message: bytes, nonce: int, low: bytes) -> bytes:
    """
    Return an Ed25519 signature whose R is ``nonce`` times the base point, plus the point ``low`` of small order.

    It satisfies the equation with the cofactor. Without it, it does not, unless ``low`` is the identity.
    """
    order = 2**252 + 27742317777372353535851937790883648493
    point = crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little")) if nonce else None
    first = crypto_core_ed25519_add(point, low) if point else low
    half = bytearray(sha512(bytes(key)).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    k = int.from_bytes(sha512(first + public(key) + message).digest(), "little")
    s = (nonce + k * int.from_bytes(half, "little")) % order
    return first + s.to_bytes(32, "little")


LEAVES = [leaf_hash(fixed(f"entry {number}")) for number in range(12)]
LEAVES[5] = leaf_hash(entry(RECEIPT, OPENING))


def std64(raw: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(raw).decode()


def note(text: str, name: str = ORIGIN, key: SigningKey = LOG, extra: str = "") -> str:
    """Return a signed note, with further signature lines in ``extra``."""
    key_hash = sha256(name.encode() + b"\n\x01" + public(key)).digest()[:4]
    signature = key.sign(text.encode()).signature
    return f"{text}\n\u2014 {name} {std64(key_hash + signature)}\n{extra}"


def body(size: int = 8, origin: str = ORIGIN, root: bytes | None = None) -> str:
    """Return the text of a checkpoint of the example log."""
    return f"{origin}\n{size}\n{std64(root or tree_hash(LEAVES[:size]))}\n"


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof of leaf ``index``, leaf's sibling first."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path(index, leaves[:split]), tree_hash(list(leaves[split:]))]
    return [*path(index - split, leaves[split:]), tree_hash(list(leaves[:split]))]


def consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """Return the proof that the first ``old`` leaves are a prefix."""
    if old == len(leaves):
        return [] if whole else [tree_hash(list(leaves))]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*consistency(old, leaves[:split], whole), tree_hash(list(leaves[split:]))]
    return [*consistency(old - split, leaves[split:], False), tree_hash(list(leaves[:split]))]


def proof(index: int = 5, size: int = 8, checkpoint: str | None = None) -> str:
    """Return a tlog-proof in the example log."""
    hashes = [std64(item) for item in path(index, LEAVES[:size])]
    return "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *hashes, "", checkpoint or note(body(size))])


PROOF = proof()
ANSWER = compact({"receipt": RECEIPT, "r": b64u(OPENING), "proof": PROOF}).decode()


# The files


def json_file() -> Collector:
    """Strict I-JSON."""
    file = Collector("json", "Strict I-JSON (protocol 3.1)")

    def ok(about: str, text: str, members: int) -> None:
        file.ok("json", about, "M-3.1", {"text": text}, members=members)

    def bad(about: str, raw: str | bytes) -> None:
        given = {"text": raw} if isinstance(raw, str) else {"hex": raw.hex()}
        file.bad("json", about, "M-3.1", given, "bad-json")

    ok("an empty object", "{}", 0)
    ok("white space around and between", ' {"a" : 1 }\r\n', 1)
    ok("every kind of value", '{"a":null,"b":true,"c":[1,-2],"d":"x","e":{"f":{}}}', 5)
    ok("the largest integer", '{"a":9007199254740991,"b":-9007199254740991}', 2)
    ok("text outside ASCII, raw", '{"a":"\u0416\u0627\U0001f600"}', 1)
    ok("a surrogate pair written as escapes", '{"a":"\\ud83d\\ude00"}', 1)
    ok("sixteen levels", '{"a":' * 16 + "1" + "}" * 16, 1)
    bad("seventeen levels", '{"a":' * 17 + "1" + "}" * 17)
    bad("many levels", '{"a":' + "[" * 5000 + "]" * 5000 + "}")
    bad("one name twice", '{"a":1,"a":1}')
    bad("one name twice, once with an escape", '{"a":1,"\\u0061":2}')
    bad("one name twice, deep inside", '{"a":[{"b":1,"b":2}]}')
    bad("a float", '{"a":1.5}')
    bad("a float that is whole", '{"a":1.0}')
    bad("an exponent", '{"a":1e3}')
    bad("an integer too large", '{"a":9007199254740992}')
    bad("an integer too small", '{"a":-9007199254740992}')
    bad("a leading zero", '{"a":01}')
    bad("a negative zero", '{"a":-0}')
    bad("NaN", '{"a":NaN}')
    bad("Infinity", '{"a":-Infinity}')
    bad("a lone high surrogate", '{"a":"\\ud800"}')
    bad("a lone low surrogate", '{"a":"\\udc00x"}')
    bad("a lone surrogate in a name", '{"\\ud800":1}')
    bad("a noncharacter", '{"a":"\uffff"}')
    bad("a noncharacter written as an escape", '{"a":"\\ufdd0"}')
    bad("a noncharacter outside the first plane", b'{"a":"\xf0\x9f\xbf\xbe"}')
    bad("a byte order mark", b"\xef\xbb\xbf{}")
    bad("invalid UTF-8", b'{"a":"\xff"}')
    bad("an overlong encoding", b'{"a":"\xc0\xaf"}')
    bad("a surrogate encoded as UTF-8", b'{"a":"\xed\xa0\x80"}')
    bad("UTF-16", "{}".encode("utf-16-le"))
    bad("a raw control character", '{"a":"\n"}')
    bad("a raw zero byte", b'{"a":"\x00"}')
    bad("bytes after the object", "{}x")
    bad("two objects", "{}{}")
    bad("an array", "[]")
    bad("a string", '"a"')
    bad("null", "null")
    bad("nothing", "")
    bad("a cut object", '{"a":1')
    bad("a comma at the end", '{"a":1,}')
    bad("single quotes", "{'a':1}")
    bad("a comment", '{"a":1}//')
    bad("a name without quotes", "{a:1}")
    bad("a bad escape", '{"a":"\\x41"}')
    return file


def payload_file() -> Collector:
    """Payload frames and times."""
    file = Collector("payload", "The frame of a payload, its times, the bodies of types (protocol 3.2, 3.4, 3.5)")

    def ok(about: str, raw: bytes) -> None:
        value = json.loads(raw)
        digests = {
            "digest": b64u(sha256(raw).digest()),
            "body_digest": b64u(sha256(raw.partition(b',"body":')[2][:-1]).digest()),
        }
        file.ok("payload", about, "M-3.2 M-3.3", {"text": raw.decode()}, type=value["type"], **digests)

    def bad(about: str, raw: bytes, cites: str = "M-3.2") -> None:
        file.bad("payload", about, cites, {"text": raw.decode()}, "bad-payload")

    free = {"thread": None, "seq": None, "clock": None}
    statement = "a" * 40 + "." + "b" * 60 + "." + "c" * 85 + "A"
    ok("the example", PAYLOAD)
    ok("white space inside the body is the sender's", PAYLOAD.replace(b'"method_limit":"M0"', b'"method_limit" : "M0"'))
    ok(
        "no clock, an answer, a statement",
        compact(frame(clock=None, in_reply_to=PAYLOAD_DIGEST, statements=[statement])),
    )
    ok("collect has no thread and no number", compact(frame(type="collect", **free, body={"max": 8})))
    ok("resync has no thread and no number", compact(frame(type="resync", **free, body={"threads": [], "more": False})))
    ok("a type nobody knows is still a payload", compact(frame(type="something.later")))
    ok("an empty body is still a payload", compact(frame(body={})))
    ok('",body": inside a text of the body', compact(frame(body={"a": ',"body":{}}'})))
    bad("white space after the brace", PAYLOAD.replace(b"{", b"{ ", 1), "M-3.3")
    bad("white space before the body", PAYLOAD.replace(b'"body":', b'"body": '), "M-3.3")
    bad("white space before the last brace", PAYLOAD[:-1] + b" }", "M-3.3")
    bad("an escape in the frame", PAYLOAD.replace(b'"from":"XAA"', b'"from":"\\u0058AA"'), "M-3.3")
    bad("a member more, after the body", PAYLOAD[:-1] + b',"x":{}}', "M-3.3")
    bad("a member more, before the body", PAYLOAD.replace(b',"body"', b',"x":{},"body"'), "M-3.3")
    bad("a member missing", PAYLOAD.replace(b'"prev":null,', b""))
    bad("members in another order", PAYLOAD.replace(b'"from":"XAA","to":"XBB"', b'"to":"XBB","from":"XAA"'), "M-3.3")
    for about, changes in (
        ("version 2", {"v": 2}),
        ("the version as text", {"v": "1"}),
        ("the version as true", {"v": True}),
        ("an id of 15 bytes", {"id": b64u(fixed("id", 15))}),
        ("an id whose unused bits are not zero", {"id": "A" * 21 + "B"}),
        ("an id in hex", {"id": fixed("id", 16).hex()}),
        ("a country in small letters", {"from": "xaa"}),
        ("a country of two letters", {"to": "XB"}),
        ("a type in capitals", {"type": "Reminder"}),
        ("a type that ends in a line feed", {"type": "reminder\n"}),
        ("an empty type", {"type": ""}),
        ("number 0", {"seq": 0}),
        ("number as text", {"seq": "1"}),
        ("epoch 0", {"epoch": 0}),
        ("epoch null", {"epoch": None}),
        ("a digest of 31 bytes", {"prev": b64u(fixed("x", 31))}),
        ("a digest whose unused bits are not zero", {"in_reply_to": "A" * 42 + "B"}),
        ("an instant with a fraction", {"issued_at": "2026-12-01T09:00:00.5Z"}),
        ("an instant with an offset", {"issued_at": "2026-12-01T10:00:00+01:00"}),
        ("an instant with a small z", {"issued_at": "2026-12-01T09:00:00z"}),
        ("an instant that is no day", {"expires_at": "2026-11-31T09:00:00Z"}),
        ("a leap second", {"issued_at": "2026-12-31T23:59:60Z"}),
        ("a clock of another service", {"clock": {**frame()["clock"], "service": "ABC"}}),
        ("a clock with a date", {"clock": {**frame()["clock"], "due_on": "2026-12-15"}}),
        ("statements null", {"statements": None}),
        ("five statements", {"statements": [statement] * 5}),
        ("a statement that is no JWS", {"statements": ["abc"]}),
        ("the body as an array", {"body": []}),
        ("the body null", {"body": None}),
    ):
        bad(about, compact(frame(**changes)))
    bad("a request without a thread", compact(frame(thread=None, seq=None)), "M-3.4")
    bad("a request without a number", compact(frame(seq=None)), "M-3.4")
    bad("a collect with a thread", compact(frame(type="collect", clock=None, body={"max": 8})), "M-3.4")
    bad("a collect with a clock", compact(frame(type="collect", thread=None, seq=None, body={"max": 8})), "M-3.4")
    bad("a resync that answers", compact(frame(type="resync", **free, in_reply_to=PAYLOAD_DIGEST, body={})), "M-3.4")

    def times(issued_at: str, expires_at: str, now: str) -> Json:
        return {"issued_at": issued_at, "expires_at": expires_at, "now": now}

    end = "2026-12-15T09:00:00Z"
    for about, given in (
        ("in time", times(NOW, end, "2026-12-03T00:00:00Z")),
        ("issued 300 s ahead", times(NOW, end, "2026-12-01T08:55:00Z")),
        ("300 s after the end", times(NOW, end, "2026-12-15T09:05:00Z")),
        ("valid for 30 days", times(NOW, "2026-12-31T09:00:00Z", NOW)),
        ("valid for no time", times(NOW, NOW, NOW)),
    ):
        file.ok("times", about, "M-3.7", given)
    for about, given, code in (
        ("issued 301 s ahead", times(NOW, end, "2026-12-01T08:54:59Z"), "stale"),
        ("301 s after the end", times(NOW, end, "2026-12-15T09:05:01Z"), "expired"),
        ("valid for 30 days and 1 s", times(NOW, "2026-12-31T09:00:01Z", NOW), "stale"),
        ("ends before it begins", times(NOW, "2026-12-01T08:59:59Z", NOW), "stale"),
    ):
        file.bad("times", about, "M-3.7", given, code)
    bodies(file)
    named = compact(frame(type="directory", **free, body=DIRECTORY))
    ok("directory has no thread and no number", named)
    bad("a directory with a thread", named.replace(b'"thread":null', b'"thread":"' + b"A" * 22 + b'"'), "M-3.4")
    bad("a directory with a number", named.replace(b'"seq":null', b'"seq":1'), "M-3.4")
    bad("a directory that carries a statement", compact({**json.loads(named), "statements": [statement]}), "M-3.4")
    return file


def bodies(file: Collector) -> None:
    """Add bodies of each type: one good, one with a member too many, and a fault of its own."""
    handling = REQUEST_BODY["handling"]
    good: dict[str, Json] = {
        "verification.request": REQUEST_BODY,
        "verification.acknowledgement": {
            "authority": {"id": "XBB-01"},
            "calendar": {"id": "XBB-2026-27", "version": "1"},
            "start_on": None,
            "due_on": None,
        },
        "verification.delay": {"reason": "ARCHIVE_SEARCH", "eta": "2026-12-20", "extension": False, "due_on": None},
        "verification.question": {"code": "AMBIGUOUS", "candidates": 2, "elements": ["SEX"]},
        "verification.elements": {"handling": handling, "elements": {"sex": 2}},
        "verification.reply": {
            "handling": handling,
            "outcome": "NATIONAL",
            "reason": None,
            "as_of": "2026-12-03",
            "method_used": ["POPULATION_REGISTER"],
            "match_basis": ["NAME_EXACT", "DOB_PARTIAL"],
            "confidence": "HIGH",
            "signed_by_role": "REGISTRAR",
            "valid_until": None,
        },
        "verification.contest": {"ground": "NEW_ELEMENT"},
        "reminder": {"number": 1, "step": "reply"},
        "withdrawal": {"code": "WITHDRAWN_NO_REASON"},
        "collect": {"max": 16},
        "resync": {
            "threads": [{"thread": b64u(fixed("thread", 16)), "epoch": 1, "seq": 1, "payload": PAYLOAD_DIGEST}],
            "more": False,
        },
    }
    reply = good["verification.reply"]
    faults: list[tuple[str, str, Json]] = [
        (
            "verification.request",
            "a purpose of another service",
            _with(REQUEST_BODY, "handling", purpose="ENFORCEMENT"),
        ),
        ("verification.request", "no use restriction", _with(REQUEST_BODY, "handling", use_restrictions=[])),
        ("verification.request", "no element", {**REQUEST_BODY, "elements": {}}),
        ("verification.request", "a method limit of nobody", {**REQUEST_BODY, "method_limit": "M9"}),
        (
            "verification.acknowledgement",
            "a due day without a start",
            {**good["verification.acknowledgement"], "due_on": "2026-12-15"},
        ),
        ("verification.delay", "an extension without its day", {**good["verification.delay"], "extension": True}),
        ("verification.question", "one candidate", {**good["verification.question"], "candidates": 1}),
        ("verification.reply", "a refusal without its reason", {**reply, "outcome": "REFUSED"}),
        ("verification.reply", "a yes on no basis", {**reply, "match_basis": []}),
        ("verification.reply", "AMBIGUOUS is a question, not an outcome", {**reply, "outcome": "AMBIGUOUS"}),
        ("withdrawal", "a reason", {"code": "DUPLICATE"}),
        ("collect", "none", {"max": 0}),
        ("collect", "too many", {"max": 65}),
        ("reminder", "number 0", {"number": 0, "step": "reply"}),
    ]
    for kind, value in good.items():
        file.ok("body", f"{kind}", "M-3.8", {"type": kind, "text": compact(value).decode()})
        more = compact({**value, "note": "free text"}).decode()
        file.bad("body", f"{kind} with a member more", "M-3.8", {"type": kind, "text": more}, "bad-schema")
    for kind, about, value in faults:
        file.bad("body", f"{kind}: {about}", "M-3.8", {"type": kind, "text": compact(value).decode()}, "bad-schema")


def _with(value: Json, member: str, **changes: Any) -> Json:
    return {**value, member: {**value[member], **changes}}


def keys_file() -> Collector:
    """Key ids, private keys from seeds, Ed25519."""
    file = Collector("keys", "Key ids, sealing keys from seeds, Ed25519 (protocol 2)")
    given: Json
    for label, key in (("xg1 sign", public(ASKER)), ("xg1 sign", public(ASKED)), ("xg1 sign", bytes(32))):
        given = {"label": label, "public": key.hex()}
        file.ok("key-id", f"id of an Ed25519 key under {label!r}", "M-2.4", given, kid=b64u(key_id(label, key)))
    for suite, seed in SEAL_SEEDS.items():
        key = sealing_key(suite, seed)[1]
        given = {"suite": suite, "seed": seed.hex()}
        kid = b64u(key_id(f"xg1 seal {suite}", key))
        file.ok(
            "sealing-key",
            f"suite {suite}: public key and id of a seed",
            "M-2.3 M-2.4",
            given,
            public=key.hex(),
            kid=kid,
        )
    for suite, seed in SEAL_SEEDS.items():
        key = sealing_key(suite, seed)[1]
        given = {"suite": suite, "public": key.hex()}
        kid = b64u(key_id(f"xg1 seal {suite}", key))
        file.ok("sealing-public", f"suite {suite}: a public key", "M-2.1 M-2.2", given, kid=kid)
        for about, wrong in (("one byte less", key[:-1]), ("one byte more", key + b"\x00"), ("nothing", b"")):
            file.bad("sealing-public", f"suite {suite}: {about}", "M-2.2", {"suite": suite, "public": wrong.hex()})
    point = sealing_key(2, SEAL_SEEDS[2])[1]
    compressed = point[:1568] + bytes([2 + point[-1] % 2]) + point[1569:1617]
    hybrid = point[:1568] + bytes([6 + point[-1] % 2]) + point[1569:]
    for about, wrong in (("a compressed point", compressed), ("a point in hybrid form", hybrid)):
        file.bad("sealing-public", f"suite 2: {about}", "M-2.2", {"suite": 2, "public": wrong.hex()})
    message = b"xg1"
    signature = ASKER.sign(message).signature
    good = {"public": public(ASKER).hex(), "signature": signature.hex(), "message": message.hex()}
    order = 2**252 + 27742317777372353535851937790883648493
    high = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    identity = (1).to_bytes(32, "little")
    order_two = (2**255 - 20).to_bytes(32, "little")
    file.ok("ed25519", "a signature", "M-2.5", good)
    for about, changes in (
        ("another message", {"message": b"xg2".hex()}),
        ("another key", {"public": public(ASKED).hex()}),
        ("one bit of R", {"signature": (bytes([signature[0] ^ 1]) + signature[1:]).hex()}),
        ("one bit of S", {"signature": (signature[:32] + bytes([signature[32] ^ 1]) + signature[33:]).hex()}),
        ("S not reduced", {"signature": high.hex()}),
        ("63 bytes", {"signature": signature[:63].hex()}),
        (
            "the identity as key, which signs everything",
            {"public": identity.hex(), "signature": (identity + bytes(32)).hex()},
        ),
        ("a key of small order", {"public": bytes(32).hex(), "signature": (identity + bytes(32)).hex()}),
        ("a key that is no point", {"public": (2).to_bytes(32, "little").hex()}),
        ("a key of 31 bytes", {"public": public(ASKER)[:31].hex()}),
        ("R of small order", {"signature": signed_with(ASKER, message, 0, identity).hex()}),
        ("R with a part of small order", {"signature": signed_with(ASKER, message, 3, order_two).hex()}),
    ):
        file.bad("ed25519", about, "M-2.5", {**good, **changes})
    return file


def jws_file() -> Collector:
    """Compact JWS and statements."""
    file = Collector("jws", "JWS compact serialization (protocol 3.3) and statements (protocol 6)")
    kid = b64u(key_id("xg1 sign", public(ASKER)))
    typ = "xg1-msg+jws"
    content = b'{"a":1}'

    def given(text: str, wanted: str = typ, key: SigningKey = ASKER) -> Json:
        return {"jws": text, "typ": wanted, "public": public(key).hex()}

    file.ok("jws", "the example", "M-3.5", given(MESSAGE), kid=kid, payload=PAYLOAD.decode())
    for name in ("xg1-msg+jws", "xg1-receipt+jws", "xg1-card+jws", "xg1-statement+jws"):
        file.ok(
            "jws", f"typ {name}", "M-3.5", given(jws(content, name, ASKER), name), kid=kid, payload=content.decode()
        )
    text = jws(content, typ, ASKER)
    head, middle, tail = text.split(".")
    headers = {
        "alg EdDSA": {"alg": "EdDSA", "kid": kid, "typ": typ},
        "alg none": {"alg": "none", "kid": kid, "typ": typ},
        "no typ": {"alg": "Ed25519", "kid": kid},
        "a member more": {"alg": "Ed25519", "kid": kid, "typ": typ, "crit": []},
        "another order": {"kid": kid, "alg": "Ed25519", "typ": typ},
        "a kid of 15 bytes": {"alg": "Ed25519", "kid": b64u(fixed("k", 15)), "typ": typ},
        "typ with application/": {"alg": "Ed25519", "kid": kid, "typ": "application/xg1-msg+jws"},
    }
    for about, value in headers.items():
        file.bad("jws", f"header: {about}", "M-3.5", given(jws(content, typ, ASKER, compact(value))), "bad-jws")
    spaced = json.dumps({"alg": "Ed25519", "kid": kid, "typ": typ}).encode()
    file.bad("jws", "header: white space", "M-3.5", given(jws(content, typ, ASKER, spaced)), "bad-jws")
    for about, value in {
        "a receipt where a message is due": jws(content, "xg1-receipt+jws", ASKER),
        "two parts": f"{head}.{middle}",
        "four parts": f"{text}.",
        "padding": f"{head}=.{middle}.{tail}",
        "standard base64 alphabet": f"{head}.{middle}+.{tail}",
        "white space": f"{head}.{middle} .{tail}",
        "a line feed at the end": f"{text}\n",
        "unused bits not zero": f"{head}.{middle}.{tail[:-1]}{chr(ord(tail[-1]) + 1)}",
        "an empty signature": f"{head}.{middle}.",
        "a signature of 63 bytes": f"{head}.{middle}.{b64u(fixed('s') + fixed('t', 31))}",
        "nothing": "",
    }.items():
        file.bad("jws", about, "M-3.5", given(value), "bad-jws")
    other = b64u(b'{"a":2}')
    file.bad("jws", "another content", "M-3.6", given(f"{head}.{other}.{tail}"), "bad-signature")
    zero = b64u(bytes(64))
    file.bad("jws", "a signature of zeros", "M-3.6", given(f"{head}.{middle}.{zero}"), "bad-signature")
    statements(file)
    return file


def statements(file: Collector) -> None:
    """Add statements: one good, one fault each."""
    claims = {
        "v": 1,
        "thread": b64u(fixed("thread", 16)),
        "statement": "reply.second-signature",
        "role": "second_signer",
        "digest": b64u(fixed("body")),
        "valid_until": "2026-12-31T00:00:00Z",
    }
    typ = "xg1-statement+jws"
    about = {
        "thread": claims["thread"],
        "kind": claims["statement"],
        "role": claims["role"],
        "digest": claims["digest"],
    }
    base = {**about, "public": public(SIGNER).hex(), "now": NOW}
    text = jws(compact(claims), typ, SIGNER)
    file.ok("statement", "a second signature", "M-6.1 M-6.2", {**base, "statement": text})
    file.ok("statement", "in its last second", "M-6.2", {**base, "statement": text, "now": "2026-12-31T00:00:00Z"})
    changed: dict[str, Json] = {
        "for another thread": {"thread": b64u(fixed("other", 16))},
        "of another kind": {"statement": "request.approval"},
        "in another role": {"role": "desk_head"},
        "over another body": {"digest": b64u(fixed("other body"))},
        "past its time": {"valid_until": "2026-11-30T00:00:00Z"},
        "with a member more": {"note": "x"},
        "of version 2": {"v": 2},
    }
    for what, fault in changed.items():
        wrong = jws(compact({**claims, **fault}), typ, SIGNER)
        file.bad("statement", f"a statement {what}", "M-6.2", {**base, "statement": wrong}, "bad-statement")
    by_other = {**base, "statement": jws(compact(claims), typ, ASKED)}
    file.bad("statement", "a statement by another key", "M-6.2", by_other, "bad-statement")
    as_receipt = {**base, "statement": jws(compact(claims), "xg1-receipt+jws", SIGNER)}
    file.bad("statement", "a receipt in place of a statement", "M-6.2", as_receipt, "bad-statement")


def plaintexts() -> Iterator[tuple[str, int, bytes]]:
    """Yield what is sealed for the envelope vectors: name, suite, padded plaintext."""
    size = 8192
    content = MESSAGE.encode()
    framed = len(content).to_bytes(4, "big") + content
    for suite in SUITES:
        yield f"good-{suite}", suite, framed.ljust(size, b"\x00")
        yield f"tail-{suite}", suite, framed.ljust(size - 1, b"\x00") + b"\x01"
        yield f"long-{suite}", suite, (size - 3).to_bytes(4, "big") + content.ljust(size - 4, b"\x00")


def sealed_bases(reseal: bool) -> dict[str, str]:
    """Return the sealed envelopes as base64: those of the file that is there, or new ones."""
    if not reseal and BASES_FILE.exists():
        kept: dict[str, str] = json.loads(BASES_FILE.read_text(encoding="utf-8"))["bases"]
        return kept
    bases = {}
    for name, suite, plain in plaintexts():
        private, public_bytes = sealing_key(suite, SEAL_SEEDS[suite])
        head = b"XG1\x00" + bytes([suite]) + key_id(f"xg1 seal {suite}", public_bytes)
        bases[name] = std64(head + SUITES[suite][0].encrypt(plain, private.public_key(), info=head))
    return bases


def envelope_file(reseal: bool) -> Collector:
    """Envelopes: cutting, opening, padding."""
    file = Collector("envelope", "Envelopes (protocol 4). Sealing is randomised, so `bases` is kept, not made again.")
    bases = sealed_bases(reseal)
    file.extra = {"bases": bases}

    def made(base: str, **changes: Any) -> Json:
        return {"base": base, **changes}

    for suite, seed in SEAL_SEEDS.items():
        raw = base64.b64decode(bases[f"good-{suite}"])
        good = f"good-{suite}"
        found = {"suite": suite, "kid": raw[5:21].hex(), "id": sha256(raw).hexdigest()}
        file.ok("envelope-parse", f"suite {suite}", "M-4.1", {"envelope": made(good), "suites": [1, 2]}, **found)
        for size in (65536, 524288, 4194304):
            more = {"envelope": made(good, zeros=size - 8192), "suites": [1, 2]}
            identity = sha256(raw + bytes(size - 8192)).hexdigest()
            file.ok("envelope-parse", f"suite {suite}, {size} bytes inside", "M-4.1", more, **{**found, "id": identity})
        for about, changes in (
            ("another magic", {"patch": [[0, "58"], [2, "32"]]}),
            ("a magic without its zero", {"patch": [[3, "20"]]}),
            ("suite 0", {"patch": [[4, "00"]]}),
            ("suite 3", {"patch": [[4, "03"]]}),
            ("the other suite's number", {"patch": [[4, f"{3 - suite:02x}"]]}),
            ("one byte less", {"cut": len(raw) - 1}),
            ("one byte more", {"append": "00"}),
            ("the head alone", {"cut": 21}),
            ("a cut head", {"cut": 20}),
            ("nothing", {"cut": 0}),
        ):
            given = {"envelope": made(good, **changes), "suites": [1, 2]}
            file.bad("envelope-parse", f"suite {suite}: {about}", "M-4.1", given, "bad-envelope")
        other = {"envelope": made(good), "suites": [3 - suite]}
        file.bad("envelope-parse", f"suite {suite} where policy does not allow it", "M-4.1", other, "unknown-key")

        def opened(suite_seed: bytes, base: str, **changes: Any) -> Json:
            return {"envelope": made(base, **changes), "seed": suite_seed.hex()}

        file.ok("envelope-open", f"suite {suite}", "M-4.2", opened(seed, good), jws=MESSAGE)
        for about, offset in (
            ("the encapsulated key", 21),
            ("the ciphertext", len(raw) - 4000),
            ("the tag", len(raw) - 1),
        ):
            patched = opened(seed, good, patch=[[offset, f"{raw[offset] ^ 1:02x}"]])
            file.bad("envelope-open", f"suite {suite}: one bit of {about}", "M-4.2", patched, "cannot-open")
        wrong = opened(seed, good, patch=[[5, f"{raw[5] ^ 1:02x}"]])
        file.bad("envelope-open", f"suite {suite}: another key id", "M-4.4", wrong, "unknown-key")
        tail, long = opened(seed, f"tail-{suite}"), opened(seed, f"long-{suite}")
        file.bad("envelope-open", f"suite {suite}: last byte of the padding", "M-4.3", tail, "bad-padding")
        file.bad("envelope-open", f"suite {suite}: length past the end", "M-4.3", long, "bad-padding")
    plain: Json
    file.ok("unpad", "three bytes", "M-4.3", {"head": "00000003616263", "size": 8192}, content="616263")
    file.ok(
        "unpad", "three bytes in a larger size", "M-4.3", {"head": "00000003616263", "size": 65536}, content="616263"
    )
    for about, plain in (
        ("length 0", {"head": "00000000", "size": 8192}),
        ("length one past the end", {"head": "00001ffd61", "size": 8192}),
        ("the largest length", {"head": "ffffffff", "size": 8192}),
        ("a byte right after the content", {"head": "0000000361626300000001", "size": 8192}),
        ("a byte at the very end", {"head": "00000003616263", "size": 8192, "last": 1}),
        ("a size that is none", {"head": "00000003616263", "size": 8191}),
        ("a size twice the smallest", {"head": "00000003616263", "size": 16384}),
    ):
        file.bad("unpad", about, "M-4.3", plain, "bad-padding")
    return file


def receipt_file() -> Collector:
    """Receipts and answers."""
    file = Collector("receipt", "Receipts and answers (protocol 5.5)")

    def ok(about: str, **changes: Any) -> None:
        text = receipt(**changes).decode()
        file.ok("receipt", about, "M-5.13", {"text": text}, status=json.loads(text)["status"])

    def bad(about: str, raw: bytes) -> None:
        file.bad("receipt", about, "M-5.13", {"text": raw.decode()}, "bad-payload")

    none = {"start_on": None, "due_on": None}
    ok("accepted, receipt starts the clock")
    ok("accepted, no clock", **none)
    for code in ("stale", "expired", "id-reuse", "unsupported-type", "bad-schema", "not-minimised", "bad-statement"):
        ok(f"refused {code}", status="refused", code=code, **none)
    ok("refused illegal-step", status="refused", code="illegal-step", **none)
    bad("accepted with a code", receipt(code="stale"))
    bad("refused without a code", receipt(status="refused", **none))
    bad("refused with the code of a problem", receipt(status="refused", code="bad-json", **none))
    bad("refused with a clock", receipt(status="refused", code="stale"))
    bad("a start without a due day", receipt(due_on=None))
    bad("a due day without a start", receipt(start_on=None))
    bad("due before the start", receipt(due_on="2026-11-30"))
    bad("another status", receipt(status="pending"))
    bad("a digest cut", receipt(payload=PAYLOAD_DIGEST[:-1]))
    bad("an instant with a fraction", receipt(received_at="2026-12-01T09:00:02.0Z"))
    bad("a day as an instant", receipt(start_on="2026-12-01T00:00:00Z"))
    bad("a member more", receipt(note=None))
    bad("a member missing", receipt().replace(b',"code":null', b""))
    bad("members in another order", receipt().replace(b'"from":"XBB","to":"XAA"', b'"to":"XAA","from":"XBB"'))
    bad("white space", receipt().replace(b",", b", ", 1))
    bad("version 2", receipt(v=2))
    spaces = -len(ANSWER.encode()) % 4096
    file.ok("answer", "the example", "M-5.16", {"text": ANSWER, "spaces": spaces}, receipt=RECEIPT, r=b64u(OPENING))
    value = json.loads(ANSWER)
    for about, text in {
        "a member more": compact({**value, "x": 1}).decode(),
        "a member missing": compact({"receipt": RECEIPT, "r": value["r"]}).decode(),
        "members in another order": compact({"r": value["r"], "receipt": RECEIPT, "proof": PROOF}).decode(),
        "an opening of 31 bytes": compact({**value, "r": b64u(fixed("x", 31))}).decode(),
        "no JSON": "x",
        "a proof that is no text": compact({**value, "proof": None}).decode(),
    }.items():
        given = {"text": text, "spaces": -len(text.encode()) % 4096}
        file.bad("answer", about, "M-5.16", given, "bad-payload")
    file.bad("answer", "not padded", "M-5.16", {"text": ANSWER, "spaces": 0}, "bad-payload")
    file.bad("answer", "one space less", "M-5.16", {"text": ANSWER, "spaces": spaces - 1}, "bad-payload")
    file.bad("answer", "padded past the limit", "M-5.16", {"text": ANSWER, "spaces": spaces + 65536}, "bad-payload")
    file.bad("answer", "nothing", "M-5.16", {"text": "", "spaces": 0}, "bad-payload")
    for about, text in {
        "the dash as an escape": ANSWER.replace("\u2014", "\\u2014"),
        "a slash as an escape": ANSWER.replace("/tlog-proof", "\\/tlog-proof"),
        "a letter as an escape": ANSWER.replace('"receipt":"e', '"receipt":"\\u0065'),
        "the line feeds by their number": ANSWER.replace("\\n", "\\u000a"),
    }.items():
        file.bad("answer", about, "M-5.16", {"text": text, "spaces": -len(text.encode()) % 4096}, "bad-payload")
    return file


def card_claims(**changes: Any) -> Json:
    """Return the content of the example card of XBB, with members changed."""
    window = {"from": "2026-11-01T00:00:00Z", "until": "2027-12-01T00:00:00Z", "revoked_at": None}
    sealing = sealing_key(1, SEAL_SEEDS[1])[1]

    def row(key: SigningKey) -> Json:
        return {"kid": b64u(key_id("xg1 sign", public(key))), "key": b64u(public(key))}

    value: Json = {
        "v": 1,
        "country": "XBB",
        "serial": 1,
        "prev": None,
        "epoch": 1,
        "identity": b64u(public(IDENTITY)),
        "signing": [{**row(ASKED), **window}],
        "sealing": [{"kid": b64u(key_id("xg1 seal 1", sealing)), "key": b64u(sealing), **window, "suite": 1}],
        "roles": [{**row(SIGNER), **window, "role": "second_signer"}],
        "log": [row(LOG)],
        "addresses": ["https://gateway.example"],
        "spki": [],
        "authorities": [
            {"id": "XBB-01", "name": "Central registry", "tasks": ["NATIONALITY"], "from": "2026-01-01", "until": None}
        ],
        "issued_at": "2026-11-20T00:00:00Z",
    }
    return {**value, **changes}


def card_file() -> Collector:
    """Cards and their chain."""
    file = Collector("card", "Cards and their chain (protocol 8.1)")
    typ = "xg1-card+jws"
    first = jws(compact(card_claims()), typ, IDENTITY)
    digest = b64u(sha256(compact(card_claims())).digest())
    known = {"identity": public(IDENTITY).hex()}

    def signed(key: SigningKey = IDENTITY, kind: str = typ, **changes: Any) -> str:
        return jws(compact(card_claims(**changes)), kind, key)

    file.ok("card", "the first card", "M-8.1 M-8.2", {**known, "card": first}, serial=1, digest=digest)
    for about, text in {
        "by another key": signed(ASKED),
        "by another key that it names as identity": signed(ASKED, identity=b64u(public(ASKED))),
        "naming another identity": signed(identity=b64u(public(ASKED))),
        "of another typ": signed(kind="xg1-msg+jws"),
        "with a member more": signed(note="x"),
        "with an identity of small order": signed(identity=b64u(bytes(32))),
        "with a key under another key's id": signed(log=[{"kid": b64u(bytes(16)), "key": b64u(public(LOG))}]),
    }.items():
        file.bad("card", f"a card {about}", "M-8.1 M-8.2", {**known, "card": text})
    following: Json = {"serial": 2, "prev": digest, "issued_at": "2026-11-30T00:00:00Z"}
    base: Json = {**known, "held": first, "now": NOW}
    file.ok("advance", "the next card", "M-8.1", {**base, "card": signed(**following)}, serial=2)
    raised = {**following, "epoch": 2}
    file.ok("advance", "the next card raises the epoch", "M-8.1", {**base, "card": signed(**raised)}, serial=2)
    faults: dict[str, Json] = {
        "that leaves a number out": {"serial": 3},
        "with the number of the one held": {"serial": 1},
        "that follows another": {"prev": b64u(fixed("other card"))},
        "that follows none": {"prev": None},
        "of another country": {"country": "XAA"},
        "issued before the one held": {"issued_at": "2026-11-19T00:00:00Z"},
        "issued later than now": {"issued_at": "2026-12-01T09:05:01Z"},
    }
    for about, fault in faults.items():
        file.bad("advance", f"a card {about}", "M-8.1", {**base, "card": signed(**{**following, **fault})})
    other = signed(ASKED, **{**following, "identity": b64u(public(ASKED))})
    file.bad("advance", "a card by a new identity key", "M-8.1", {**base, "card": other})
    higher = signed(epoch=2)
    after = b64u(sha256(compact(card_claims(epoch=2))).digest())
    lowered = {**known, "held": higher, "now": NOW, "card": signed(**{**following, "prev": after})}
    file.bad("advance", "a card that lowers the epoch", "M-8.1", lowered)
    dead = [{**card_claims()["signing"][0], "revoked_at": "2026-11-15T00:00:00Z"}]
    revoking = compact(card_claims(signing=dead))
    again = {**following, "prev": b64u(sha256(revoking).digest())}
    undone = {**known, "held": jws(revoking, typ, IDENTITY), "now": NOW, "card": signed(**again)}
    file.bad("advance", "a card that brings a revoked key back", "M-8.1", undone)
    one = card_claims()["roles"][0]
    another = SigningKey(fixed("XBB second signer 2"))
    other_row = {**one, "kid": b64u(key_id("xg1 sign", public(another))), "key": b64u(public(another))}
    first_cards: tuple[tuple[str, Json], ...] = (
        ("with a later number, as the first of a State", {"serial": 7, "prev": b64u(fixed("card 6"))}),
        (
            "whose addresses end with a slash",
            {"addresses": ["https://gateway.example/", "https://gateway.example/xb/"]},
        ),
        ("with two keys of one role", {"roles": [one, other_row]}),
    )
    for about, changes in first_cards:
        raw = compact(card_claims(**changes))
        found = {"serial": json.loads(raw)["serial"], "digest": b64u(sha256(raw).digest())}
        file.ok("card", f"a card {about}", "M-8.1 M-8.2", {**known, "card": jws(raw, typ, IDENTITY)}, **found)
    identity = {"kid": b64u(key_id("xg1 sign", public(IDENTITY))), "key": b64u(public(IDENTITY))}
    wrong_cards: tuple[tuple[str, Json], ...] = (
        ("of number 7 that follows none", {"serial": 7}),
        ("of number 1 that follows another", {"prev": b64u(fixed("card 0"))}),
        ("with one key for two roles", {"roles": [one, {**one, "role": "escort"}]}),
        ("with one key twice for one role", {"roles": [one, one]}),
        (
            "with a signing key that is a log key",
            {"log": [{name: card_claims()["signing"][0][name] for name in identity}]},
        ),
        ("with the identity key as a log key", {"log": [identity]}),
        ("whose address ends with two slashes", {"addresses": ["https://gateway.example//"]}),
        ("whose address has a query", {"addresses": ["https://gateway.example/?a=1"]}),
    )
    for about, changes in wrong_cards:
        file.bad("card", f"a card {about}", "M-8.1 M-8.2", {**known, "card": signed(**changes)})
    return file


def log_file() -> Collector:
    """Trees, checkpoints, proofs."""
    file = Collector("log", "Trees, checkpoints and proofs (protocol 7)")
    ct = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    for size in range(9):
        leaves = [leaf_hash(bytes.fromhex(item)) for item in ct[:size]]
        file.ok("tree", f"{size} entries", "M-7.1", {"entries": ct[:size]}, root=tree_hash(leaves).hex())
    for size, index in ((1, 0), (2, 1), (3, 2), (7, 0), (8, 5), (11, 8), (12, 11)):
        given = _inclusion(index, size)
        file.ok("inclusion", f"leaf {index} of {size}", "M-7.4", given)
    good = _inclusion(8, 11)
    for about, changes in (
        ("another leaf", {"leaf": LEAVES[7].hex()}),
        ("another index", {"index": 9}),
        ("an index past the end", {"index": 11}),
        ("another size", {"size": 20}),
        ("another root", {"root": fixed("root").hex()}),
        ("a hash less", {"path": good["path"][:-1]}),
        ("a hash more", {"path": [*good["path"], good["path"][0]]}),
        ("hashes in another order", {"path": good["path"][::-1]}),
        ("no hash", {"path": []}),
    ):
        file.bad("inclusion", about, "M-7.4", {**good, **changes})
    for old, new in ((1, 1), (1, 2), (3, 4), (4, 8), (6, 11), (7, 12), (12, 12)):
        file.ok("consistency", f"{old} in {new}", "M-7.5", _consistency(old, new))
    good = _consistency(6, 11)
    for about, changes in (
        ("another old root", {"old_root": fixed("root").hex()}),
        ("another new root", {"new_root": fixed("root").hex()}),
        ("another old size", {"old": 5}),
        ("old size 0", {"old": 0}),
        ("sizes reversed", {"old": 11, "new": 6}),
        ("a hash less", {"path": good["path"][:-1]}),
        ("a hash more", {"path": [*good["path"], good["path"][0]]}),
        ("no hash", {"path": []}),
    ):
        file.bad("consistency", about, "M-7.5", {**good, **changes})
    two_roots = {**_consistency(4, 4), "new_root": fixed("root").hex()}
    file.bad("consistency", "one size, two roots", "M-7.5", two_roots)
    checkpoints(file)
    entries(file)
    return file


def _inclusion(index: int, size: int) -> Json:
    hashes = [item.hex() for item in path(index, LEAVES[:size])]
    root = tree_hash(LEAVES[:size]).hex()
    return {"leaf": LEAVES[index].hex(), "index": index, "size": size, "path": hashes, "root": root}


def _consistency(old: int, new: int) -> Json:
    hashes = [item.hex() for item in consistency(old, LEAVES[:new])]
    roots = {"old_root": tree_hash(LEAVES[:old]).hex(), "new_root": tree_hash(LEAVES[:new]).hex()}
    return {"old": old, "new": new, "path": hashes, **roots}


def checkpoints(file: Collector) -> None:
    """Add signed checkpoints: one good, one fault each."""

    def given(text: str) -> Json:
        return {"note": text, "name": ORIGIN, "public": public(LOG).hex()}

    root = tree_hash(LEAVES[:8]).hex()
    good = note(body())
    witness = note(body(), "witness.example/w1", SIGNER).rpartition("\n\n")[2]
    file.ok("checkpoint", "signed by the log", "M-7.3", given(good), size=8, root=root)
    file.ok("checkpoint", "a witness has signed too", "M-7.3", given(good + witness), size=8, root=root)
    forged = good.replace(good.split(" ")[-1][:20], good.split(" ")[-1][:12] + "AAAAAAAA")
    for about, text in {
        "signed by another key": note(body(), key=ASKED),
        "signed under another name": note(body(), name="XBB/XCC/1"),
        "of another log, signed by our key": note(body(origin="XBB/XCC/1")),
        "signed by a witness alone": body() + "\n" + witness,
        "not signed": body(),
        "a signature changed": forged,
        "the size changed": good.replace("\n8\n", "\n9\n"),
        "a leading zero": note(f"{ORIGIN}\n08\n{std64(tree_hash(LEAVES[:8]))}\n"),
        "a root of 31 bytes": note(f"{ORIGIN}\n8\n{std64(fixed('x', 31))}\n"),
        "a line more": note(body() + "extension\n"),
        "a hyphen for the dash": good.replace("\u2014", "-"),
        "no line feed at the end": good[:-1],
        "nothing": "",
    }.items():
        file.bad("checkpoint", about, "M-7.3", given(text))


def entries(file: Collector) -> None:
    """Add receipts proved in a log: one good, one fault each."""
    good = {"receipt": RECEIPT, "r": b64u(OPENING), "proof": PROOF, "origin": ORIGIN, "public": public(LOG).hex()}
    file.ok("entry", "the example", "M-7.2 M-7.4", good, index=5, size=8)
    file.ok("entry", "the same receipt in a larger tree", "M-7.4", {**good, "proof": proof(size=12)}, index=5, size=12)
    lines = PROOF.split("\n")
    for about, changes in (
        ("another receipt", {"receipt": jws(receipt(due_on="2026-12-16"), "xg1-receipt+jws", ASKED)}),
        ("another opening", {"r": b64u(fixed("other opening"))}),
        ("another entry's proof", {"proof": proof(index=4)}),
        ("another log", {"origin": "XBB/XCC/1"}),
        ("another log key", {"public": public(ASKED).hex()}),
        ("another header", {"proof": PROOF.replace("@v1", "@v2")}),
        ("no index", {"proof": "\n".join([lines[0], *lines[2:]])}),
        ("an index with a leading zero", {"proof": PROOF.replace("index 5", "index 05")}),
        ("a hash less", {"proof": "\n".join([*lines[:2], *lines[3:]])}),
        ("a hash in base64url", {"proof": PROOF.replace(lines[2], b64u(base64.b64decode(lines[2])))}),
        ("data that is not defined", {"proof": PROOF.replace("index", "extra AAAA\nindex", 1)}),
        ("no checkpoint", {"proof": PROOF.partition("\n\n")[0] + "\n\n"}),
    ):
        file.bad("entry", about, "M-7.4", {**good, **changes})


def dates_file() -> Collector:
    """Deadlines, uncertain dates, document numbers."""
    file = Collector("dates", "Reckoning of days; uncertain dates (EDTF level 1); check digits (ICAO 9303)")

    def due(about: str, n: int, unit: str, start_on: str, due_on: str, **more: Any) -> None:
        rule = {"n": n, "unit": unit, "roll": "none", "holidays": AT_HOLIDAYS}
        file.ok("due", about, "M-5.14", {**rule, "start_on": start_on, **more}, due_on=due_on)

    day, work, werktag, month = "calendar_day", "working_day", "werktag", "month"
    due("10 days, and no rule that moves a holiday", 10, day, "2026-12-15", "2026-12-25")
    due("10 days, moved to the next working day", 10, day, "2026-12-15", "2026-12-28", roll="next_working")
    due("6 days more, from the old due day", 6, day, "2026-12-25", "2026-12-31")
    due("3 working days over holidays", 3, work, "2026-12-24", "2026-12-30")
    due("3 working days, no holidays known", 3, work, "2026-12-24", "2026-12-29", holidays=[])
    due("14 Werktage, Saturday counts", 14, werktag, "2026-12-21", "2027-01-11")
    due("14 working days from the same day, Saturday does not", 14, work, "2026-12-21", "2027-01-13")
    due("10 days from the application", 10, day, "2026-12-01", "2026-12-11")
    due("25 days from the notice, which comes later", 25, day, "2026-12-09", "2027-01-03")
    due("3 months into a short month", 3, month, "2026-11-30", "2027-02-28")
    due("3 months into a leap year", 3, month, "2027-11-29", "2028-02-29")
    due("14 days, the soft limit", 14, day, "2027-01-29", "2027-02-12")
    due("30 days, the hard limit", 30, day, "2027-01-29", "2027-02-28")
    due("4 months from the end of a month", 4, month, "2026-10-31", "2027-02-28")
    due("6 months from the end of a month", 6, month, "2026-08-31", "2027-02-28")
    due("90 days of validity", 90, day, "2026-12-01", "2027-03-01")
    due("14 days after that", 14, day, "2027-03-01", "2027-03-15")
    due("30 days that must pass first", 30, day, "2026-11-24", "2026-12-24")
    due("11 working days, no holidays known", 11, work, "2026-12-18", "2027-01-04", holidays=[])
    due("11 working days over holidays", 11, work, "2026-12-18", "2027-01-07")
    for text, lower, upper in (
        ("2001-04-12", "2001-04-12", "2001-04-12"),
        ("2001-04", "2001-04-01", "2001-04-30"),
        ("2001", "2001-01-01", "2001-12-31"),
        ("2001-04-XX", "2001-04-01", "2001-04-30"),
        ("2001-XX", "2001-01-01", "2001-12-31"),
        ("2001-XX-XX", "2001-01-01", "2001-12-31"),
        ("2000-02", "2000-02-01", "2000-02-29"),
        ("1900-02", "1900-02-01", "1900-02-28"),
        ("200X", "2000-01-01", "2009-12-31"),
        ("19XX", "1900-01-01", "1999-12-31"),
        ("1998~", "1998-01-01", "1998-12-31"),
        ("2009-04?", "2009-04-01", "2009-04-30"),
        ("2009-04-01%", "2009-04-01", "2009-04-01"),
        ("2006/2008", "2006-01-01", "2008-12-31"),
        ("2006-05-10/2006-05-20", "2006-05-10", "2006-05-20"),
    ):
        file.ok("edtf", f"{text} lies between {lower} and {upper}", "M-3.9", {"text": text}, lower=lower, upper=upper)
    for text in (
        "",
        "98",
        "1998-uu",
        "2001-13",
        "2001-02-30",
        "1900-02-29",
        "2008/2006",
        "2001-4",
        "12.04.2001",
        "2001-04-12T00:00",
        "2001-04-12\n",
    ):
        file.bad("edtf", f"{text!r} is no such date", "M-3.9", {"text": text})
    for text, digit in (
        ("L898902C3", "6"),
        ("740812", "2"),
        ("120415", "9"),
        ("ZE184226B<<<<<", "1"),
        ("D23145890", "7"),
        ("AB2134<<<", "5"),
        ("520727", "3"),
    ):
        file.ok("check-digit", f"{text} has the digit {digit}", "M-3.9", {"text": text}, digit=digit)
    for text in ("ab2134", "AB 2134", "AB-2134", "\u0410\u0411"):
        file.bad("check-digit", f"{text!r} is outside the alphabet", "M-3.9", {"text": text})
    friday = {"weekend": [4, 5], "holidays": ["2026-12-09"]}
    due("5 working days, rest on Friday and Saturday", 5, work, "2026-12-03", "2026-12-13", **friday)
    due("5 Werktage, rest on Friday and Saturday: Saturday counts", 5, werktag, "2026-12-03", "2026-12-10", **friday)
    due("5 Werktage, no weekly rest day", 5, werktag, "2026-12-03", "2026-12-08", weekend=[], holidays=[])
    due("8 days, moved past Friday and Saturday", 8, day, "2026-12-03", "2026-12-13", roll="next_working", **friday)
    due("2 Werktage from Thursday, moved from Saturday", 2, werktag, "2026-12-10", "2026-12-14", roll="next_working")
    for about, n, unit, due_on, n_more, max_total, already, after, added in (
        ("10 more of 20 in all", 10, work, "2026-12-09", 10, 20, [], "2026-12-23", 10),
        ("once where nothing says how much in all", 10, work, "2026-12-09", 10, None, [], "2026-12-23", 10),
        ("what is left of 15 in all", 10, work, "2026-12-09", 10, 15, [], "2026-12-16", 5),
        ("a second one, what is left of 15 in all", 10, work, "2026-12-11", 3, 15, [3], "2026-12-15", 2),
        ("a month, from the last day of one", 1, month, "2027-01-31", 1, 2, [], "2027-02-28", 1),
    ):
        given = {"n": n, "unit": unit, "roll": "none", "holidays": AT_HOLIDAYS, "start_on": "2026-11-25"}
        given |= {"due_on": due_on, "already": already, "extension": {"n": n_more, "max_total": max_total}}
        file.ok("extend", about, "M-5.14", given, due_on=after, added=added)
    for about, max_total, already in (("a second one of one", None, [10]), ("nothing is left of 20 in all", 20, [10])):
        given = {**given, "n": 10, "unit": work, "already": already, "extension": {"n": 10, "max_total": max_total}}
        file.bad("extend", about, "M-5.14", given)
    for now, at in (
        ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z"),
        ("2026-12-01T09:00:01Z", "2026-12-01T10:00:00Z"),
        ("2026-12-01T09:59:59Z", "2026-12-01T10:00:00Z"),
        ("2026-12-31T23:30:00Z", "2027-01-01T00:00:00Z"),
    ):
        file.ok("withdrawal-leaves", f"decided at {now[11:19]}", "M-5.26", {"now": now}, at=at)
    return file


def minimisation_file() -> Collector:
    """Every cell of the matrix for the two questions of this version, in a first request and in an answer."""
    file = Collector("minimisation", "Which element may travel for which purpose: every cell of schemas/matrix.json")
    rows = load_matrix()["elements"]
    for purpose in ("NATIONALITY", "PERM_RESIDENCE"):
        for row in rows:
            need, element = row["purposes"][purpose], row["element"]
            for member in row["members"]:
                first = {"purpose": purpose, "members": [member], "asked": None}
                unasked = {**first, "asked": [next(r["element"] for r in rows if r is not row)]}
                verdicts = (
                    (first, "in the first request", need == "required"),
                    ({**first, "asked": [element]}, "asked for", need != "forbidden"),
                    (unasked, "where another element was asked for", False),
                )
                for given, where, allowed in verdicts:
                    about = f"{member} for {purpose} ({need}), {where}"
                    if allowed:
                        file.ok("minimise", about, "M-5.1", given)
                    else:
                        file.bad("minimise", about, "M-5.1", given, "not-minimised")
    needed = ["names", "birth_date", "birth_place"]
    whole = {"purpose": "NATIONALITY", "members": needed, "asked": None}
    file.ok("minimise", "all that a question of nationality needs", "M-5.1", whole)
    for about, change in (
        ("one element too many", {"members": [*needed, "sex"]}),
        ("an element nobody knows", {"members": [*needed, "religion"]}),
        ("a purpose nobody knows", {"purpose": "ENFORCEMENT"}),
        ("one asked for and one not", {"members": ["sex", "document"], "asked": ["SEX"]}),
    ):
        file.bad("minimise", about, "M-5.1", {**whole, **change}, "not-minimised")
    both = {"purpose": "NATIONALITY", "members": ["mother_given_names", "sex"], "asked": ["SEX", "PARENT_NAMES"]}
    file.ok("minimise", "two elements asked for, one of them in part", "M-5.1", both)
    return file


RETURN_HANDLING: Json = {**REQUEST_BODY["handling"], "purpose": "RETURN_ARRANGEMENT"}
TRAVEL_HANDLING: Json = {**REQUEST_BODY["handling"], "purpose": "TRAVEL_DOC"}


def conclusion(kind: str, on: str, expires_on: str, role: str = "welfare") -> Json:
    """Return one positive conclusion."""
    return {"kind": kind, "positive": True, "on": on, "expires_on": expires_on, "signed_by_role": role}


PROPOSAL: Json = {
    "handling": RETURN_HANDLING,
    "reply": b64u(fixed("reply")),
    "represented": True,
    "window": {"from": "2027-02-01", "until": "2027-03-15"},
    "needs": ["INTERPRETER"],
    "consent": {"informed": True, "written": True, "on": "2027-01-11"},
    "conclusions": [
        conclusion("risk", "2027-01-12", "2027-04-12"),
        conclusion("best_interests", "2027-01-14", "2027-04-14"),
        conclusion("family", "2027-01-08", "2027-07-07"),
    ],
    "referral": {"services": ["RECEPTION", "CASE_WORK"], "competence": "CARE"},
}
RECEIVER: Json = {"service": "RECEPTION", "id": "XBB-20", "competence": "RECEPTION"}
ACCEPTANCE: Json = {
    "handling": RETURN_HANDLING,
    "decision": "accepted",
    "represented": True,
    "reason": None,
    "carer": {"class": "RELATIVE", "ref": b64u(fixed("carer", 16)), "agreed_in_writing_on": "2027-01-18"},
    "service": {"id": "XBB-20", "competence": "CARE"},
    "receiving_services": [RECEIVER],
    "signed_on": "2027-01-20",
    "expires_on": "2027-04-20",
}
REFUSAL: Json = {
    **dict.fromkeys(ACCEPTANCE),
    "handling": RETURN_HANDLING,
    "decision": "refused",
    "represented": True,
    "reason": "NO_CARER",
    "receiving_services": [],
}
TRAVEL_DOCUMENT: Json = {
    "type": "RETURN_DOCUMENT",
    "number_digest": b64u(sha256(fixed("thread", 16) + b"X1234567").digest()),
    "issued_on": "2027-01-28",
    "valid_until": "2027-04-28",
}
SCHEDULE: Json = {
    "handling": RETURN_HANDLING,
    "status": "planned",
    "departs_at": "2027-02-09T08:30:00Z",
    "arrives_at": "2027-02-09T12:10:00Z",
    "point": {"country": "XBB", "unit": "Northtown"},
    "carrier": {"code": "X1", "number": "204"},
    "escort": {"count": 1, "refs": [b64u(fixed("escort", 16))]},
    "medical_needs": [],
}
CANCELLED: Json = {
    **dict.fromkeys(SCHEDULE),
    "handling": RETURN_HANDLING,
    "status": "cancelled",
    "medical_needs": [],
}
RECORD: Json = {
    "at": "2027-02-09T12:40:00Z",
    "place": {"country": "XBB", "unit": "Northtown"},
    "identity_check": "TRAVEL_DOCUMENT",
    "documents": ["TRAVEL_DOCUMENT"],
    "belongings": True,
    "medicines": False,
    "money": True,
    "contact_card": True,
    "services": [RECEIVER],
    "next_appointment": "2027-02-10",
    "discreet": True,
}
STATUS: Json = {"handling": RETURN_HANDLING, "status": "SEEN_SAFE", "on": "2027-02-23", "final": False}
RETURN_BODIES: dict[str, Json] = {
    "return.proposal": PROPOSAL,
    "return.acceptance": ACCEPTANCE,
    "travel-document.request": {
        "handling": TRAVEL_HANDLING,
        "elements": {**REQUEST_BODY["elements"], "sex": 2},
        "needed_by": "2027-02-01",
    },
    "travel-document.issued": {"handling": TRAVEL_HANDLING, "document": TRAVEL_DOCUMENT, "as_of": "2027-01-28"},
    "travel-document.reissue": {
        "handling": TRAVEL_HANDLING,
        "document": {**TRAVEL_DOCUMENT, "number_digest": b64u(sha256(fixed("thread", 16) + b"X1234568").digest())},
        "replaces": TRAVEL_DOCUMENT["number_digest"],
        "as_of": "2027-04-29",
    },
    "return.schedule": SCHEDULE,
    "return.handover": {"handling": RETURN_HANDLING, "protocol": RECORD},
    "return.monitoring": STATUS,
    "return.take-back": {"reason": "WRONG_PERSON", "by": "2027-03-09"},
    "suspension": {"code": "SUSPENDED"},
    "resumption": {"code": "RESUMED"},
}


def returns_file() -> Collector:
    """The messages of a return, their statements, and what else the sides reckon alike."""
    file = Collector("returns", "The messages of a return and of documents (protocol 3.5, 5.10, 6)")
    return_bodies(file)
    return_statements(file)
    thread = b64u(fixed("thread", 16))
    for number in ("X1234567", "X1234568", "\u0410\u0411 123456"):
        digest = b64u(sha256(fixed("thread", 16) + number.encode()).digest())
        file.ok(
            "number-digest",
            f"{number} in the example thread",
            "M-3.13",
            {"thread": thread, "number": number},
            digest=digest,
        )
    other = {"thread": b64u(fixed("other", 16)), "number": "X1234567"}
    digest = b64u(sha256(fixed("other", 16) + b"X1234567").digest())
    file.ok("number-digest", "the same number in another thread", "M-3.13", other, digest=digest)
    leaves = "2027-02-09T08:30:00Z"
    for about, now, at in (
        ("planned long before", "2027-01-29T10:00:00Z", "2027-02-06T08:30:00Z"),
        ("planned 72 h before", "2027-02-06T08:30:00Z", "2027-02-06T08:30:00Z"),
        ("planned later than that", "2027-02-08T07:00:00Z", "2027-02-08T07:00:00Z"),
    ):
        file.ok("leaves-at", about, "M-5.32", {"departs_at": leaves, "now": now}, at=at)
    travel_minimisation(file)
    documents(file)
    return file


def return_bodies(file: Collector) -> None:
    """Add a body of each type, one with a member too many, the other forms, and faults of their own."""

    def given(kind: str, value: Json) -> Json:
        return {"type": kind, "text": compact(value).decode()}

    for kind, value in RETURN_BODIES.items():
        file.ok("body", kind, "M-3.8", given(kind, value))
        file.bad(
            "body", f"{kind} with a member more", "M-3.10", given(kind, {**value, "note": "free text"}), "bad-schema"
        )
    risk, interests, family = PROPOSAL["conclusions"]
    adult = {
        **PROPOSAL,
        "represented": False,
        "conclusions": [conclusion("risk", "2027-01-12", "2027-04-12", "coordinator")],
    }
    by_road = {**SCHEDULE, "status": "departed", "carrier": None}
    agreed = {**STATUS, "status": "CLOSED_AGREED", "final": True}
    for about, cites, kind, value in (
        ("nobody acts for the person", "M-3.11", "return.proposal", adult),
        ("a refusal", "M-3.12", "return.acceptance", REFUSAL),
        ("a cancellation", "M-3.14", "return.schedule", CANCELLED),
        ("departed, without a carrier", "M-3.14", "return.schedule", by_road),
        ("ended in agreement", "M-3.8", "return.monitoring", agreed),
    ):
        file.ok("body", f"{kind}: {about}", cites, given(kind, value))
    negative = {**risk, "positive": False}
    for about, cites, kind, value in (
        ("no conclusion on risk", "M-3.11", "return.proposal", {**adult, "conclusions": [interests]}),
        ("no best interests", "M-3.11", "return.proposal", {**PROPOSAL, "conclusions": [risk, family]}),
        ("no family", "M-3.11", "return.proposal", {**PROPOSAL, "conclusions": [risk, interests]}),
        ("one kind twice", "M-3.11", "return.proposal", {**PROPOSAL, "conclusions": [*PROPOSAL["conclusions"], risk]}),
        ("a conclusion that is negative", "M-3.11", "return.proposal", {**adult, "conclusions": [negative]}),
        ("consent that was only spoken", "M-3.11", "return.proposal", _with(PROPOSAL, "consent", written=False)),
        ("no reply", "M-3.11", "return.proposal", {**PROPOSAL, "reply": None}),
        ("accepted, and nobody takes the person in", "M-3.12", "return.acceptance", {**ACCEPTANCE, "carer": None}),
        ("accepted, and no service", "M-3.12", "return.acceptance", {**ACCEPTANCE, "receiving_services": []}),
        ("a carer by name", "M-3.10", "return.acceptance", _with(ACCEPTANCE, "carer", ref="Ana Testova")),
        ("a refusal with a carer", "M-3.12", "return.acceptance", {**REFUSAL, "carer": ACCEPTANCE["carer"]}),
        ("an escort by name", "M-3.10", "return.schedule", _with(SCHEDULE, "escort", refs=["B. Escortova"])),
        ("a cancellation with a carrier", "M-3.14", "return.schedule", {**CANCELLED, "carrier": SCHEDULE["carrier"]}),
        ("departed at an unknown time", "M-3.14", "return.schedule", {**by_road, "departs_at": None}),
        (
            "no contact card",
            "M-3.8",
            "return.handover",
            {"handling": RETURN_HANDLING, "protocol": {**RECORD, "contact_card": False}},
        ),
        ("ended in agreement and not final", "M-3.8", "return.monitoring", {**agreed, "final": False}),
        ("a reason", "M-5.33", "suspension", {"code": "SUSPENDED", "reason": "COURT"}),
        ("another code", "M-5.33", "resumption", {"code": "SUSPENDED"}),
    ):
        file.bad("body", f"{kind}: {about}", cites, given(kind, value), "bad-schema")


def return_statements(file: Collector) -> None:
    """Add which statements are due, and the two hands of a handover."""
    adult = {**PROPOSAL, "represented": False}
    for about, kind, value, asking, due in (
        ("a proposal for a represented person", "return.proposal", PROPOSAL, True, ["return.release", "welfare"]),
        ("a proposal for another person", "return.proposal", adult, True, ["return.release", "coordinator"]),
        (
            "an acceptance of somebody represented",
            "return.acceptance",
            ACCEPTANCE,
            False,
            ["return.acceptance", "welfare"],
        ),
        (
            "an acceptance of somebody else",
            "return.acceptance",
            {**ACCEPTANCE, "represented": False},
            False,
            ["return.acceptance", "desk_head"],
        ),
        (
            "the hand that delivers",
            "return.handover",
            RETURN_BODIES["return.handover"],
            True,
            ["handover.delivery", "escort"],
        ),
        (
            "the hand that receives",
            "return.handover",
            RETURN_BODIES["return.handover"],
            False,
            ["handover.receipt", "reception"],
        ),
    ):
        given = {"type": kind, "text": compact(value).decode(), "from_asking": asking}
        file.ok("due-statements", about, "M-6.4", given, statements=[due])
    for kind in ("information.request", "information.answer"):
        given = {"type": kind, "text": "{}", "from_asking": kind.endswith("request")}
        file.ok("due-statements", f"{kind} has its own", "M-6.7", given, statements=[[kind, "information"]])
    refused = {"type": "return.acceptance", "text": compact(REFUSAL).decode(), "from_asking": False}
    file.ok("due-statements", "a refusal needs none", "M-6.4", refused, statements=[])
    for kind, value in RETURN_BODIES.items():
        if kind not in ("return.proposal", "return.acceptance", "return.handover"):
            given = {"type": kind, "text": compact(value).decode(), "from_asking": True}
            file.ok("due-statements", f"{kind} needs none", "M-6.4", given, statements=[])
    digest = b64u(sha256(compact(RETURN_BODIES["return.handover"])).digest())
    thread = b64u(fixed("thread", 16))
    for kind, role, key in (("handover.delivery", "escort", SIGNER), ("handover.receipt", "reception", ASKED)):
        subject = {"thread": thread, "kind": kind, "role": role, "digest": digest}
        base = {**subject, "public": public(key).hex(), "now": "2027-02-09T12:45:00Z"}
        claims = {"v": 1, "thread": thread, "statement": kind, "role": role, "digest": digest}
        until = {"valid_until": "2027-02-10T00:00:00Z"}
        text = jws(compact({**claims, **until}), "xg1-statement+jws", key)
        file.ok("statement", f"{kind} over the record", "M-6.4 M-6.6", {**base, "statement": text})
        other = {**claims, "digest": b64u(fixed("another record")), **until}
        wrong = {**base, "statement": jws(compact(other), "xg1-statement+jws", key)}
        file.bad("statement", f"{kind} over another record", "M-6.6", wrong, "bad-statement")


def travel_minimisation(file: Collector) -> None:
    """Add every cell of the matrix for a travel document, a return and a document, in the message that carries it."""
    for purpose in ("TRAVEL_DOC", "RETURN_ARRANGEMENT", "DOC_AUTHENTICITY"):
        for row in load_matrix()["elements"]:
            for member in row["members"]:
                need = row["purposes"][purpose]
                given = {"purpose": purpose, "members": [member], "asked": None}
                if need == "required":
                    file.ok("minimise", f"{member} for {purpose} ({need})", "M-5.1", given)
                else:
                    file.bad("minimise", f"{member} for {purpose} ({need})", "M-5.1", given, "not-minimised")


def documents(file: Collector) -> None:
    """Add the question whether a document is authentic, and its answers."""
    handling = {**REQUEST_BODY["handling"], "purpose": "DOC_AUTHENTICITY"}
    document = {"document": {"type": "P", "number": "X1234567", "issuer": "XBB"}}
    question = {**REQUEST_BODY, "handling": handling, "elements": document}
    answer: Json = {
        "handling": handling,
        "outcome": "DOC_AUTHENTIC",
        "reason": None,
        "as_of": "2026-12-03",
        "method_used": ["PASSPORT_REGISTER"],
        "match_basis": ["DOCNO"],
        "confidence": "HIGH",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }
    altered = {**answer, "outcome": "DOC_NOT_AUTHENTIC", "reason": "DOCUMENT_ALTERED", "match_basis": []}
    ask, say = "verification.request", "verification.reply"
    for about, kind, value in (
        ("about a document", ask, question),
        ("the document is authentic", say, answer),
        ("the document is altered", say, altered),
    ):
        file.ok("body", f"{kind}: {about}", "M-3.8", {"type": kind, "text": compact(value).decode()})
    for about, value in (
        ("altered, and no reason", {**altered, "reason": None}),
        ("a reason that is about a person", {**altered, "reason": "CITIZENSHIP_LOST"}),
        ("authentic on no basis", {**answer, "match_basis": []}),
        ("authentic by no method", {**answer, "method_used": []}),
    ):
        file.bad("body", f"{say}: {about}", "M-3.8", {"type": say, "text": compact(value).decode()}, "bad-schema")
    for about, value, due in (
        ("an authentic document needs one signer", answer, []),
        ("a document that is not authentic needs a second", altered, [["reply.second-signature", "second_signer"]]),
    ):
        given = {"type": say, "text": compact(value).decode(), "from_asking": False}
        file.ok("due-statements", about, "M-6.1", given, statements=due)


DIRECTORY: Json = {
    "serial": 1,
    "valid_from": "2026-12-01",
    "authorities": [
        {"id": "XAA-01", "name": "Register", "tasks": ["NATIONALITY"], "from": "2026-11-01", "until": None},
        {
            "id": "XAA-02",
            "name": "Passports",
            "tasks": ["DOC_AUTHENTICITY"],
            "from": "2026-11-01",
            "until": "2027-12-31",
        },
    ],
    "officers": [
        {
            "id": b64u(fixed("officer", 16)),
            "authority": "XAA-02",
            "tasks": ["NATIONALITY", "PERM_RESIDENCE"],
            "from": "2026-11-01",
            "until": None,
        }
    ],
}
TOPICS_HANDLING: Json = {
    "purpose": "DOCUMENT_ROUTES",
    "use_restrictions": ["P0"],
    "retain_until": "2027-06-01",
    "onward": "none",
}
PERIOD: Json = {"from": "2026-01", "until": "2026-06"}
INTERVIEW: Json = {
    "mode": "VIDEO",
    "place": "REMOTE",
    "present": ["REPRESENTATIVE", "INTERPRETER", "CONSULAR_OFFICER"],
    "questions": "IDENTITY_ONLY",
    "from": "2026-12-07",
    "until": "2026-12-18",
}
OTHER_BODIES: dict[str, Json] = {
    "use-report.request": {"number": 1},
    "use-report.answer": {
        "number": 1,
        "held": True,
        "restrictions_kept": True,
        "uses": [{"purpose": "NATIONALITY", "recipient": "REGISTRY", "on": "2026-12-02"}],
    },
    "onward.request": {"number": 1, "purpose": "TRAVEL_DOC", "recipient": "CONSULATE"},
    "onward.answer": {"number": 1, "decision": "GRANTED", "until": "2027-03-01"},
    "rectification": {
        "number": 1,
        "parts": ["BIRTH_DATE"],
        "handling": REQUEST_BODY["handling"],
        "elements": {"birth_date": "2001-05-XX"},
    },
    "erasure": {"number": 1},
    "confirmation": {"number": 1, "act": "ERASURE", "result": "DONE"},
    "verification.redirect": {"authority": {"id": "XBB-02"}, "reason": "OTHER_TASK"},
    "verification.interview": INTERVIEW,
    "verification.interview-answer": {"decision": "ACCEPTED", "present": ["LAWYER"], "on": "2026-12-10"},
    "verification.interview-result": {
        "result": "HELD",
        "on": "2026-12-10",
        "outcome": "SUPPORTS",
        "present": ["LAWYER", "CONSULAR_OFFICER"],
    },
    "information.request": {"handling": TOPICS_HANDLING, "topics": ["DOCUMENT_TYPES"], "period": PERIOD},
    "information.answer": {
        "handling": TOPICS_HANDLING,
        "period": PERIOD,
        "documents": [{"type": "P", "issuer": "XAA", "finding": "ALTERED", "count": "FROM_20"}],
        "means": [{"means": "ROAD", "count": "FROM_100"}],
        "routes": [{"from": "XAA", "via": ["XCC"], "to": "XBB", "means": "ROAD", "count": "UNDER_20"}],
    },
    "directory": DIRECTORY,
    "exercise": {"of": "verification.contest", "body": {"ground": "NEW_ELEMENT"}},
}


def others_file() -> Collector:
    """Everything that is neither asked nor answered about a person at first, and what a reply must fit."""
    file = Collector(
        "others", "Notices, interviews, redirects, information, directories, exercises (protocol 3.5, 5.11)"
    )

    def given(kind: str, value: Json) -> Json:
        return {"type": kind, "text": compact(value).decode()}

    for kind, value in OTHER_BODIES.items():
        file.ok("body", kind, "M-3.8", given(kind, value))
        more = {**value, "note": "free text"}
        file.bad("body", f"{kind} with a member more", "M-3.8", given(kind, more), "bad-schema")
        due = [[kind, "information"]] if kind.startswith("information.") else []
        asked = {**given(kind, value), "from_asking": True}
        file.ok(
            "due-statements", f"{kind} carries {'its own' if due else 'none'}", "M-6.2 M-6.7", asked, statements=due
        )
    other_forms(file)
    other_faults(file)
    directories(file)
    exercises(file)
    replies(file)
    return file


def other_forms(file: Collector) -> None:
    """Add the other forms that these bodies have."""
    body = OTHER_BODIES
    taken_back = {"number": 2, "parts": ["REPLY"], "handling": None, "elements": None}
    not_held: Json = {"result": "NOT_HELD", "on": "2026-12-10", "outcome": None, "present": []}
    for about, cites, kind, value in (
        ("nothing is held any more", "M-3.8", "use-report.answer", {**body["use-report.answer"], "held": False}),
        ("no use at all", "M-3.8", "use-report.answer", {**body["use-report.answer"], "uses": []}),
        ("no", "M-3.19", "onward.answer", {"number": 1, "decision": "REFUSED", "until": None}),
        ("the reply was wrong", "M-3.20", "rectification", taken_back),
        ("parts are destroyed", "M-3.20", "rectification", {**taken_back, "parts": ["NAMES", "SEX"]}),
        ("there was nothing", "M-5.31", "confirmation", {"number": 1, "act": "RECTIFICATION", "result": "NOT_HELD"}),
        ("no", "M-3.17", "verification.interview-answer", {"decision": "DECLINED", "present": [], "on": None}),
        ("it was not held", "M-3.18", "verification.interview-result", not_held),
    ):
        file.ok("body", f"{kind}: {about}", cites, {"type": kind, "text": compact(value).decode()})


def other_faults(file: Collector) -> None:
    """Add a fault of its own for each of these bodies."""
    body = OTHER_BODIES
    use = {"purpose": "NATIONALITY", "recipient": "REGISTRY"}
    values = body["rectification"]
    agreed, held = body["verification.interview-answer"], body["verification.interview-result"]
    question, told = body["information.request"], body["information.answer"]
    for about, cites, kind, value in (
        ("number 0", "M-3.8", "use-report.request", {"number": 0}),
        ("a use without its day", "M-3.8", "use-report.answer", {**body["use-report.answer"], "uses": [use]}),
        ("a purpose nobody knows", "M-3.19", "onward.request", {**body["onward.request"], "purpose": "ANY"}),
        ("a grant without an end", "M-3.19", "onward.answer", {**body["onward.answer"], "until": None}),
        ("a refusal with an end", "M-3.19", "onward.answer", {**body["onward.answer"], "decision": "REFUSED"}),
        ("no part", "M-3.20", "rectification", {**values, "parts": []}),
        ("values without conditions", "M-3.20", "rectification", {**values, "handling": None}),
        ("conditions without values", "M-3.20", "rectification", {**values, "elements": None}),
        ("a reason", "M-3.8", "erasure", {"number": 1, "reason": "UNLAWFUL"}),
        ("an act nobody knows", "M-3.21", "confirmation", {**body["confirmation"], "act": "BLOCKING"}),
        ("done in part", "M-3.21", "confirmation", {**body["confirmation"], "result": "PARTLY"}),
        ("no authority", "M-3.8", "verification.redirect", {**body["verification.redirect"], "authority": None}),
        ("an address", "M-3.8", "verification.interview", {**INTERVIEW, "place": "Main Street 1, Northtown"}),
        ("nobody else is there", "M-3.8", "verification.interview", {**INTERVIEW, "present": []}),
        ("nobody for the person", "M-3.17", "verification.interview-answer", {**agreed, "present": ["INTERPRETER"]}),
        ("agreed for no day", "M-3.17", "verification.interview-answer", {**agreed, "on": None}),
        ("declined, with a day", "M-3.17", "verification.interview-answer", {**agreed, "decision": "DECLINED"}),
        ("held, and no outcome", "M-3.18", "verification.interview-result", {**held, "outcome": None}),
        ("not held, and an outcome", "M-3.18", "verification.interview-result", {**held, "result": "NOT_HELD"}),
        ("no topic", "M-3.8", "information.request", {**question, "topics": []}),
        ("days for months", "M-3.8", "information.request", {**question, "period": {**PERIOD, "from": "2026-01-01"}}),
        ("an exact number", "M-3.8", "information.answer", {**told, "means": [{"means": "ROAD", "count": 23}]}),
        ("a type that has no thread", "M-5.37", "exercise", {"of": "collect", "body": {"max": 8}}),
        ("an exercise of an exercise", "M-5.37", "exercise", {"of": "exercise", "body": body["exercise"]}),
        ("of information", "M-5.37", "exercise", {"of": "information.request", "body": question}),
    ):
        file.bad("body", f"{kind}: {about}", cites, {"type": kind, "text": compact(value).decode()}, "bad-schema")


def directories(file: Collector) -> None:
    """Add what a directory says of its own State, beyond its schema."""
    first, second = DIRECTORY["authorities"]
    officer = DIRECTORY["officers"][0]
    good = {"from": "XAA", "text": compact(DIRECTORY).decode()}
    file.ok("directory", "of XAA, by XAA", "M-3.22", good)
    alone = {**DIRECTORY, "serial": 9, "authorities": [second]}
    file.ok("directory", "one authority", "M-3.22", {**good, "text": compact(alone).decode()})
    file.bad("directory", "of XAA, by XBB", "M-3.22", {**good, "from": "XBB"}, "bad-schema")
    for about, changes in (
        ("an authority twice", {"authorities": [first, second, {**first, "tasks": ["PERM_RESIDENCE"]}]}),
        ("an authority of another State", {"authorities": [first, second, {**first, "id": "XBB-01"}]}),
        ("an officer of an authority that is not listed", {"officers": [{**officer, "authority": "XAA-03"}]}),
        ("no authority", {"authorities": [], "officers": []}),
        ("an officer by name", {"officers": [{**officer, "id": "B. Officerova"}]}),
    ):
        text = compact({**DIRECTORY, **changes}).decode()
        file.bad("directory", about, "M-3.22", {**good, "text": text}, "bad-schema")


def images_file() -> Collector:
    """Images in elements: taken with the digest of their bytes, refused with another, or of another kind."""
    file = Collector("images", "Images in the elements of a message (protocol 3.7)")

    def given(kind: str, **images: Json) -> Json:
        handling = REQUEST_BODY["handling"] | {"purpose": "NATIONALITY" if kind == ELEMENTS else "DOC_AUTHENTICITY"}
        first = REQUEST_BODY if kind == "verification.request" else {}
        known = {"document": {"type": "P", "number": "X1234567", "issuer": "XBB"}} if first else {}
        value = {**first, "handling": handling, "elements": {**known, **images}}
        return {"type": kind, "text": compact(value).decode()}

    for about, kind, images in (
        ("a portrait", ELEMENTS, {"photo": image()}),
        ("two pages of a document", ELEMENTS, {"document_image": image(page(), page())}),
        ("a portrait and a page", ELEMENTS, {"photo": image(), "document_image": image()}),
        ("a page in a question about a document", "verification.request", {"document_image": image()}),
    ):
        file.ok("body", about, "M-3.24", given(kind, **images))
    for about, value in (
        ("another digest", image(page() | {"sha256": digest(b"another")})),
        ("the digest of the text and not of the bytes", image(page() | {"sha256": digest(PAGE.encode())})),
        ("another digest on the second page", image(page(), page() | {"sha256": digest(b"another")})),
        ("another kind", image() | {"media_type": "image/png"}),
        ("no kind", {"pages": [page()]}),
        ("no page", {"media_type": "image/jpeg", "pages": []}),
        ("eleven pages", image(*[page()] * 11)),
        ("padding", image(page() | {"content": PAGE + "="})),
        ("a caption", image(page() | {"caption": "taken at the border"})),
    ):
        file.bad("body", about, "M-3.24", given(ELEMENTS, document_image=value), "bad-schema")
    file.bad("body", "two portraits", "M-3.24", given(ELEMENTS, photo=image(page(), page())), "bad-schema")
    return file


def exercises(file: Collector) -> None:
    """Add the one form of an exercise, and what is digested in it."""
    inner = '{"ground" : "NEW_ELEMENT"}'
    for about, kind, text in (
        ("a contest", "verification.contest", '{"ground":"NEW_ELEMENT"}'),
        ("white space inside the inner body is the sender's", "verification.contest", inner),
        ("a request", "verification.request", compact(REQUEST_BODY).decode()),
    ):
        found = {"of": kind, "body_digest": b64u(sha256(text.encode()).digest())}
        file.ok("exercise", about, "M-5.37", {"text": f'{{"of":"{kind}","body":{text}}}'}, **found)
    for about, text in (
        ("white space before the inner body", f'{{"of":"verification.contest","body": {inner}}}'),
        ("white space after it", f'{{"of":"verification.contest","body":{inner} }}'),
        ("members in another order", f'{{"body":{inner},"of":"verification.contest"}}'),
        ("an escape in the type", f'{{"of":"verification.c\\u006fntest","body":{inner}}}'),
        ("an escape in a name", f'{{"\\u006ff":"verification.contest","body":{inner}}}'),
    ):
        file.bad("exercise", about, "M-5.37", {"text": text}, "bad-schema")


REASONS: dict[str, tuple[str, ...]] = {
    "NOT_NATIONAL": (
        "DIFFERENT_PERSON_MATCHED",
        "CITIZENSHIP_RENOUNCED",
        "CITIZENSHIP_LOST",
        "DOCUMENT_NOT_ISSUED_BY_US",
    ),
    "FORMER_NATIONAL": ("CITIZENSHIP_RENOUNCED", "CITIZENSHIP_LOST"),
    "NO_PR_AT_DATE": ("DIFFERENT_PERSON_MATCHED", "PR_EXPIRED_BEFORE_DATE", "PR_GRANTED_AFTER_DATE"),
    "DOC_NOT_AUTHENTIC": ("DOCUMENT_NOT_ISSUED_BY_US", "DOCUMENT_ALTERED"),
    "CANNOT_SAY": ("REGISTER_INCOMPLETE",),
    "REFUSED": ("NOT_COMPETENT",),
}
EVERY_REASON = tuple(dict.fromkeys(reason for reasons in REASONS.values() for reason in reasons))
QUESTIONS = {
    "NATIONALITY": ("NATIONAL", "NOT_NATIONAL", "FORMER_NATIONAL"),
    "PERM_RESIDENCE": ("PR_AT_DATE", "NO_PR_AT_DATE"),
    "DOC_AUTHENTICITY": ("DOC_AUTHENTIC", "DOC_NOT_AUTHENTIC"),
}
WAYS = (
    ("POPULATION_REGISTER", "PASSPORT_REGISTER", "PERMIT_REGISTER"),
    ("CIVIL_STATUS_ARCHIVE",),
    ("CONSULAR_INTERVIEW",),
    ("SOCIAL_ENQUIRY",),
)


def reply_to(purpose: str, outcome: str, **changes: Any) -> Json:
    """Return a reply with ``outcome`` that fits together, with members changed."""
    found = outcome not in ("NOT_FOUND", "CANNOT_SAY", "REFUSED")
    value: Json = {
        "handling": {**REQUEST_BODY["handling"], "purpose": purpose},
        "outcome": outcome,
        "reason": REASONS[outcome][0] if outcome in REASONS else None,
        "as_of": "2026-12-01",
        "method_used": ["POPULATION_REGISTER"],
        "match_basis": ["DOCNO"] if found else [],
        "confidence": "HIGH" if found else "NONE",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }
    return {**value, **changes}


def replies(file: Collector) -> None:
    """Add every outcome to every question, every reason with every outcome, every method under every limit."""

    def add(about: str, value: Json, code: str | None, purpose: str = "NATIONALITY", **question: Any) -> None:
        asked = {"purpose": purpose, "method_limit": "M0", "no_contact_methods": False, **question}
        given = {"question": asked, "text": compact(value).decode(), "now": NOW}
        if code is None:
            file.ok("reply", about, "M-3.8 M-5.30", given)
        else:
            file.bad("reply", about, "M-3.8 M-5.30", given, code)

    each = ("NOT_FOUND", "CANNOT_SAY", "REFUSED")
    home = {outcome: purpose for purpose, outcomes in QUESTIONS.items() for outcome in outcomes}
    for purpose in QUESTIONS:
        for outcome in (*home, *each):
            fits = outcome in each or home[outcome] == purpose
            add(f"{outcome} to {purpose}", reply_to(purpose, outcome), None if fits else "illegal-step", purpose)
    for outcome, reasons in REASONS.items():
        purpose = home.get(outcome, "NATIONALITY")
        for reason in EVERY_REASON:
            value = reply_to(purpose, outcome, reason=reason)
            add(f"{outcome} because of {reason}", value, None if reason in reasons else "bad-schema", purpose)
    for outcome in ("NATIONAL", "NOT_FOUND"):
        add(f"{outcome} with a reason", reply_to("NATIONALITY", outcome, reason="CITIZENSHIP_LOST"), "bad-schema")
    for rank, ways in enumerate(WAYS):
        for way in ways:
            value = reply_to("NATIONALITY", "NATIONAL", method_used=[way])
            for limit in range(4):
                code = None if rank <= limit else "illegal-step"
                add(f"{way} under M{limit}", value, code, method_limit=f"M{limit}")
            code = None if rank < 2 else "illegal-step"
            add(f"{way}, and nobody may be asked", value, code, method_limit="M3", no_contact_methods=True)
    ended = {"handling": {**REQUEST_BODY["handling"], "retain_until": NOW[:10]}}
    for about, value, code in (
        ("not national, and nothing matched", reply_to("NATIONALITY", "NOT_NATIONAL", match_basis=[]), "illegal-step"),
        (
            "former national, and nothing matched",
            reply_to("NATIONALITY", "FORMER_NATIONAL", match_basis=[]),
            "illegal-step",
        ),
        (
            "not found, and something matched",
            reply_to("NATIONALITY", "NOT_FOUND", match_basis=["DOCNO"]),
            "illegal-step",
        ),
        ("national, by no method", reply_to("NATIONALITY", "NATIONAL", method_used=[]), "illegal-step"),
        ("not found, by no method", reply_to("NATIONALITY", "NOT_FOUND", method_used=[]), "illegal-step"),
        ("refused, by no method", reply_to("NATIONALITY", "REFUSED", method_used=[]), None),
        ("nothing can be said, by no method", reply_to("NATIONALITY", "CANNOT_SAY", method_used=[]), None),
        ("conditions that end today", reply_to("NATIONALITY", "NATIONAL", **ended), "illegal-step"),
        ("conditions for another purpose", reply_to("PERM_RESIDENCE", "NATIONAL"), "illegal-step"),
    ):
        add(about, value, code)


def example_file(bases: dict[str, str]) -> Json:
    """Return the worked example of the protocol text as data."""
    suite_1 = base64.b64decode(bases["good-1"])
    text = MESSAGE.split(".")
    return {
        "file": "example",
        "about": "The worked example of the protocol text; a test compares the two",
        "example": {
            "signing seed of XAA": fixed("XAA signing").hex(),
            "signing key of XAA": public(ASKER).hex(),
            "kid of XAA": b64u(key_id("xg1 sign", public(ASKER))),
            "sealing seed of XBB": SEAL_SEEDS[1].hex(),
            "sealing key id of XBB": suite_1[5:21].hex(),
            "payload": PAYLOAD.decode(),
            "payload digest": PAYLOAD_DIGEST,
            "body digest": b64u(sha256(compact(REQUEST_BODY)).digest()),
            "jws header": base64.urlsafe_b64decode(text[0] + "=" * (-len(text[0]) % 4)).decode(),
            "jws header encoded": text[0],
            "jws signature encoded": text[2],
            "jws length": len(MESSAGE),
            "plaintext begins": (len(MESSAGE).to_bytes(4, "big") + MESSAGE.encode()[:12]).hex(),
            "envelope head": suite_1[:21].hex(),
            "envelope length": len(suite_1),
            "envelope id": sha256(suite_1).hexdigest(),
            "receipt": receipt().decode(),
            "log key of XBB": public(LOG).hex(),
            "opening r": b64u(OPENING),
            "log entry": entry(RECEIPT, OPENING).hex(),
            "leaf hash": LEAVES[5].hex(),
            "proof": PROOF,
            "answer length": len(ANSWER.encode()) + -len(ANSWER.encode()) % 4096,
        },
        "vectors": [],
    }


def contents(reseal: bool) -> dict[str, Json]:
    """Return every file by name."""
    envelope = envelope_file(reseal)
    files = (
        card_file(),
        json_file(),
        payload_file(),
        keys_file(),
        jws_file(),
        envelope,
        receipt_file(),
        log_file(),
        dates_file(),
        minimisation_file(),
        returns_file(),
        others_file(),
        images_file(),
    )
    made = {file.name: file.content() for file in files}
    made["example"] = example_file(envelope.extra["bases"])
    return made


def main() -> int:
    """Write the files, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the conformance vectors.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the files are as made")
    parser.add_argument("--reseal", action="store_true", help="seal the envelopes anew instead of keeping them")
    options = parser.parse_args()
    different = []
    for name, content in contents(options.reseal).items():
        target = HERE / f"{name}.json"
        text = json.dumps(content, indent=1, ensure_ascii=True) + "\n"
        if options.check:
            if not target.exists() or target.read_text(encoding="utf-8") != text:
                different.append(target.name)
        else:
            target.write_text(text, encoding="utf-8")
    if different:
        print("not as made: " + ", ".join(different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
