"""
JWS compact serialization (RFC 7515), in the one form this protocol knows.

    jws    = b64u(header) "." b64u(payload) "." b64u(signature)
    header = {"alg":"Ed25519","kid":"<22 characters>","typ":"<typ>"}       these members, this order, no spaces

The header is compared byte by byte and never read as JSON: no other algorithm, no second key, no member that one reader
knows and another does not. ``alg`` is "Ed25519" (RFC 9864), not "EdDSA" (``docs/protocol.md`` section 3).
"""

from dataclasses import dataclass, field
from functools import lru_cache

from keys import b64
from keys import sign as ed25519
from keys.errors import BadJws

TYP_MESSAGE = "xg1-msg+jws"
TYP_RECEIPT = "xg1-receipt+jws"
TYP_CARD = "xg1-card+jws"
TYP_STATEMENT = "xg1-statement+jws"
TYP_EVIDENCE = "isthmus-evidence+jws"
"""Of the manifest of an evidence file. It never travels between gateways, so the protocol does not list it."""

TYPS = (TYP_MESSAGE, TYP_RECEIPT, TYP_CARD, TYP_STATEMENT, TYP_EVIDENCE)

_BEFORE_KID = b'{"alg":"Ed25519","kid":"'
_AFTER_KID = {typ: f'","typ":"{typ}"}}'.encode("ascii") for typ in TYPS}
_KID_CHARACTERS = 22
_KID_END = len(_BEFORE_KID) + _KID_CHARACTERS


@dataclass(frozen=True, slots=True)
class Jws:
    """A JWS that is well formed; whether it is true is for ``verify`` to say, under a key found by ``kid``."""

    kid: str
    payload: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def verify(self, public: bytes) -> None:
        """Return if the signature is by ``public`` (32 bytes); raise ``BadSignature`` if not."""
        ed25519.verify(public, self.signature, self.signing_input)


def sign(payload: bytes, typ: str, signer: ed25519.Signer) -> bytes:
    """Return the JWS of the kind ``typ`` (one of ``TYPS``) over exactly these bytes."""
    header = _BEFORE_KID + signer.kid.encode("ascii") + _AFTER_KID[typ]
    signing_input = f"{b64.encode(header)}.{b64.encode(payload)}".encode("ascii")
    return signing_input + b"." + b64.encode(signer.sign(signing_input)).encode("ascii")


def parse(raw: bytes, typ: str) -> Jws:
    """
    Return the parts of a JWS of the kind ``typ``, its signature not yet verified.

    Raises ``BadJws``: not three parts, another header, base64url that is not canonical, a signature of another length.
    """
    parts = raw.split(b".", 3)
    if len(parts) != 3:
        raise BadJws("not three parts")
    try:
        kid = _kid(parts[0], typ)
        payload, signature = b64.decode(parts[1]), b64.decode(parts[2])
    except ValueError:
        raise BadJws("a part is not canonical base64url") from None
    if len(signature) != ed25519.SIGNATURE_BYTES:
        raise BadJws("a signature of the wrong length")
    return Jws(kid, payload, raw[: len(parts[0]) + 1 + len(parts[1])], signature)


@lru_cache(maxsize=1024)
def _kid(encoded: bytes, typ: str) -> str:
    """Return the key that a header names: each key has one header for each kind, which is read once."""
    header = b64.decode(encoded)
    kid = header[len(_BEFORE_KID) : _KID_END]
    if header != _BEFORE_KID + kid + _AFTER_KID[typ]:
        raise BadJws("not the one header allowed here")
    b64.decode(kid)  # 22 characters that are canonical are 16 bytes
    return kid.decode("ascii")
