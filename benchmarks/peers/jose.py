"""
Sealing and signing 2 KB: JWS inside JWE by joserfc and by jwcrypto, beside ours, on one core and in turns.

Theirs: EdDSA (Ed25519) inside ECDH-ES+A256KW (X25519) with A256GCM. Ours: the same signature inside HPKE with
ML-KEM-768 and X25519, so ours does a post-quantum key exchange more. Nobody pads here. Everybody parses keys once.
"""

import json
import os
from collections.abc import Callable

import jwcrypto.jwe
import jwcrypto.jwk
import jwcrypto.jws
from joserfc import jwe, jws
from joserfc.jwk import OKPKey

import keys.jws
from benchmarks.figures import Figure, interleaved
from gateway.core import envelope
from keys.seal import RecipientKey, SealingKey
from keys.sign import SigningKey

PLAIN_BYTES = 2048
SUITE = 1
SIGNATURE = {"joserfc": "Ed25519", "jwcrypto": "EdDSA"}
"""Two names of one signature: RFC 9864 and before."""

KEY, CONTENT = "ECDH-ES+A256KW", "A256GCM"

Work = Callable[[], object]


def run(seconds: float = 24.0) -> list[Figure]:
    """Measure for ``seconds`` in all; returns a rate for each way to seal and to open, and ours beside each."""
    plain = json.dumps({"remark": os.urandom(PLAIN_BYTES).hex()[: PLAIN_BYTES - 14]}).encode()
    works = {"Isthmus": _ours(plain), "joserfc": _joserfc(plain), "jwcrypto": _jwcrypto(plain)}
    turns = {f"{name}: {verb}": work for name, pair in works.items() for verb, work in zip(VERBS, pair, strict=True)}
    rates = interleaved(turns, seconds / len(turns))
    figures = [Figure(name, rate, "/s") for name, rate in rates.items()]
    for name in ("joserfc", "jwcrypto"):
        for verb in VERBS:
            figures.append(Figure(f"{verb}, of {name}", rates[f"Isthmus: {verb}"] / rates[f"{name}: {verb}"], ""))
    return figures


VERBS = ("sign and seal 2 KB", "open and verify 2 KB")


def _ours(plain: bytes) -> tuple[Work, Work]:
    signer, sealing = SigningKey.generate(), SealingKey(SUITE, os.urandom(32))
    recipient = RecipientKey(SUITE, sealing.public)
    head = envelope.head(SUITE, sealing.kid)

    def seal() -> bytes:
        return recipient.seal(head, keys.jws.sign(plain, keys.jws.TYP_MESSAGE, signer))

    def opened() -> bytes:
        signed = keys.jws.parse(sealing.open(head, sealed), keys.jws.TYP_MESSAGE)
        signed.verify(signer.public)
        return signed.payload

    sealed = seal()
    return _proved(seal, opened, plain)


def _joserfc(plain: bytes) -> tuple[Work, Work]:
    signer, recipient = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("X25519")
    inner, outer = {"alg": SIGNATURE["joserfc"]}, {"alg": KEY, "enc": CONTENT, "cty": "JWS"}

    def seal() -> str:
        signed = jws.serialize_compact(inner, plain, signer, algorithms=[SIGNATURE["joserfc"]])
        return jwe.encrypt_compact(outer, signed, recipient, algorithms=[KEY, CONTENT])

    def opened() -> bytes:
        signed = jwe.decrypt_compact(sealed, recipient, algorithms=[KEY, CONTENT]).plaintext
        return jws.deserialize_compact(signed or b"", signer, algorithms=[SIGNATURE["joserfc"]]).payload

    sealed = seal()
    return _proved(seal, opened, plain)


def _jwcrypto(plain: bytes) -> tuple[Work, Work]:
    signer = jwcrypto.jwk.JWK.generate(kty="OKP", crv="Ed25519")
    recipient = jwcrypto.jwk.JWK.generate(kty="OKP", crv="X25519")
    inner, outer = json.dumps({"alg": SIGNATURE["jwcrypto"]}), json.dumps({"alg": KEY, "enc": CONTENT, "cty": "JWS"})

    def seal() -> str:
        signed = jwcrypto.jws.JWS(plain)
        signed.add_signature(signer, SIGNATURE["jwcrypto"], inner)
        sealing = jwcrypto.jwe.JWE(signed.serialize(compact=True).encode(), outer)
        sealing.add_recipient(recipient)
        return str(sealing.serialize(compact=True))

    def opened() -> bytes:
        sealed_one = jwcrypto.jwe.JWE(algs=[KEY, CONTENT])
        sealed_one.deserialize(sealed, recipient)
        signed = jwcrypto.jws.JWS()
        signed.allowed_algs = [SIGNATURE["jwcrypto"]]
        signed.deserialize(sealed_one.payload.decode(), signer)
        payload: bytes = signed.payload
        return payload

    sealed = seal()
    return _proved(seal, opened, plain)


def _proved(seal: Work, opened: Work, plain: bytes) -> tuple[Work, Work]:
    """Return both works; raises ``SystemExit`` if what was sealed does not open to what it was made of."""
    if opened() != plain:
        raise SystemExit(f"{opened.__qualname__} does not open what was sealed")
    return seal, opened


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
