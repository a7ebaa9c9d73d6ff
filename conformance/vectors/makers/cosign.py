"""Vectors of cosignatures under a checkpoint."""

import base64
import json
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import fixed
from conformance.vectors.makers.tree import body, note
from conformance.witnessing import CosigningKey, cosignature, cosigned, cosigner_id

FILE = Path(__file__).parents[1] / "cosign.json"
KEYS = {country: CosigningKey(fixed(f"{country} cosigning")) for country in ("XAA", "XBB", "XCC")}
AT = 1796119200
"""2026-12-01T10:00:00Z in seconds since 1970."""
BARE = note(body())


class Signer:
    """Who signs as in the file that is there: ML-DSA-44 draws its own randomness, so what is there is kept."""

    def __init__(self, reseal: bool) -> None:
        """Read what is kept; ``reseal`` keeps nothing."""
        text = FILE.read_text(encoding="utf-8") if FILE.exists() and not reseal else '{"vectors": []}'
        texts = {line for row in json.loads(text)["vectors"] for line in row["input"]["note"].splitlines()}
        blobs = (line.split(" ")[-1] for line in sorted(texts) if line.startswith("\u2014 "))
        self._kept = [base64.b64decode(blob, altchars=b"-_" if "_" in blob else None)[12:] for blob in blobs]

    def sign(self, country: str, message: bytes, context: bytes | None = None) -> bytes:
        """Return the signature of ``country`` over ``message`` that is kept, or a new one."""
        public = MLDSA44PublicKey.from_public_bytes(KEYS[country].public)
        for kept in self._kept:
            try:
                public.verify(kept, message, context)
            except (InvalidSignature, ValueError):
                continue
            return kept
        self._kept.append(KEYS[country].sign(message, context))
        return self._kept[-1]

    def line(self, country: str, at: int = AT, *, over: str = BARE) -> str:
        """Return the cosignature of ``country`` at ``at`` over the checkpoint in ``over``."""
        return _line(country, self.sign(country, cosigned(country, at, over)), at)


def _line(country: str, signature: bytes, at: int = AT, named: bytes | None = None) -> str:
    return cosignature(country, named or cosigner_id(country, KEYS[country].public), at, signature)


def _given(text: str, name: str = "XAA", key: str = "XAA") -> Json:
    return {"note": text, "name": name, "public": KEYS[key].public.hex()}


def cosign_file(reseal: bool) -> Collector:
    """Cosignatures of who keeps the log, of whom it is about and of a third State; those of nobody; one fault each."""
    file = Collector(
        "cosign", "Cosignatures under a checkpoint (protocol 7.3). Signing is random, and what is here kept."
    )
    signer = Signer(reseal)
    keeper, third = signer.line("XBB"), signer.line("XCC", AT + 3600)
    whole = BARE + keeper + signer.line("XAA") + third
    for about, cites, name, at in (
        ("of the log's keeper", "M-7.7", "XBB", "2026-12-01T10:00:00Z"),
        ("of the partner beside it", "M-7.9", "XAA", "2026-12-01T10:00:00Z"),
        ("of a third State, an hour later", "M-7.13", "XCC", "2026-12-01T11:00:00Z"),
    ):
        file.ok("cosignature", about, cites, _given(whole, name, name), at=at)
    unnamed = _line("XAA", signer.sign("XAA", cosigned("XAA", AT, BARE)), named=bytes(4))
    for about, text, name, key in (
        ("the log's own signature alone", BARE, "XBB", "XBB"),
        ("nobody of that name", BARE + keeper + third, "XAA", "XAA"),
        ("another key of that name", whole, "XAA", "XCC"),
        ("another name for that key", whole, "XDD", "XAA"),
        ("a key that is called otherwise", BARE + unnamed, "XAA", "XAA"),
    ):
        file.ok("cosignature", about, "M-7.13", _given(text, name, key), at=None)
    _faults(file, signer)
    return file


def _faults(file: Collector, signer: Signer) -> None:
    message = cosigned("XAA", AT, BARE)
    good, line = signer.sign("XAA", message), signer.line("XAA")
    as_third, later_part = cosigned("XCC", AT, BARE), message[:-48] + (1).to_bytes(8, "big") + message[-40:]
    for about, text in {
        "one bit changed": _line("XAA", good[:-1] + bytes([good[-1] ^ 1])),
        "a byte less": _line("XAA", good[:-1]),
        "a byte more": _line("XAA", good + b"\x00"),
        "no signature": _line("XAA", b""),
        "another instant told": _line("XAA", good, AT + 1),
        "no instant": signer.line("XAA", 0),
        "over another size": signer.line("XAA", over=note(body(9))),
        "over another root": signer.line("XAA", over=note(body(root=fixed("root")))),
        "over another log": signer.line("XAA", over=note(body(origin="XBB/XCC/1"))),
        "over another name": _line("XAA", signer.sign("XAA", as_third)),
        "over a part of the tree": _line("XAA", signer.sign("XAA", later_part)),
        "under a context": _line("XAA", signer.sign("XAA", message, b"xg1")),
        "a good one, and one that does not verify": line + _line("XAA", good, AT + 1),
        "a hyphen for the dash": line.replace("\u2014", "-"),
        "base64url": line.translate(str.maketrans("+/", "-_")),
        "no line feed at the end": line[:-1],
    }.items():
        cites = "M-7.7" if about == "no instant" else "M-7.13"
        file.bad("cosignature", about, cites, _given(BARE + text))
