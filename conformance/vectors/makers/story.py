"""The story that the examples of the protocol text tell: XAA asks XBB once, with keys that come from labels."""

import base64
import hmac
from hashlib import sha256
from typing import Any

from nacl.signing import SigningKey

from conformance.reading import SUITES, b64u, compact, key_id
from conformance.vectors.makers.collector import Json

NOW = "2026-12-01T09:00:00Z"


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


def std64(raw: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(raw).decode()


def with_member(value: Json, member: str, **changes: Any) -> Json:
    return {**value, member: {**value[member], **changes}}
