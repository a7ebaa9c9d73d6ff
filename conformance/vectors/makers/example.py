"""The worked example of the protocol text, as data."""

import base64
from hashlib import sha256

from conformance.reading import b64u, compact, key_id
from conformance.vectors.makers.collector import Json
from conformance.vectors.makers.story import (
    ASKER,
    LOG,
    MESSAGE,
    OPENING,
    PAYLOAD,
    PAYLOAD_DIGEST,
    RECEIPT,
    REQUEST_BODY,
    SEAL_SEEDS,
    entry,
    fixed,
    public,
    receipt,
)
from conformance.vectors.makers.tree import ANSWER, LEAVES, PROOF


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
