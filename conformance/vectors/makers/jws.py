"""Vectors of compact JWS and of statements."""

import json

from nacl.signing import SigningKey

from conformance.reading import b64u, compact, key_id
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import ASKED, ASKER, MESSAGE, NOW, PAYLOAD, SIGNER, fixed, jws, public


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
