"""Vectors of envelopes: cut, opened, without their padding."""

import base64
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from conformance.reading import SUITES, key_id, sealing_key
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import MESSAGE, SEAL_SEEDS, std64

BASES_FILE = Path(__file__).parents[1] / "envelope.json"


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
    for suite in SEAL_SEEDS:
        raw = base64.b64decode(bases[f"good-{suite}"])
        _cut(file, suite, raw)
        _opened(file, suite, raw)
    _unpadded(file)
    return file


def _made(base: str, **changes: Any) -> Json:
    return {"base": base, **changes}


def _cut(file: Collector, suite: int, raw: bytes) -> None:
    """Add what comes of cutting the good envelope ``raw`` of ``suite``, as it is and with a fault in its frame."""
    good = f"good-{suite}"
    found = {"suite": suite, "kid": raw[5:21].hex(), "id": sha256(raw).hexdigest()}
    file.ok("envelope-parse", f"suite {suite}", "M-4.1", {"envelope": _made(good), "suites": [1, 2]}, **found)
    for size in (65536, 524288, 4194304):
        more = {"envelope": _made(good, zeros=size - 8192), "suites": [1, 2]}
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
        given = {"envelope": _made(good, **changes), "suites": [1, 2]}
        file.bad("envelope-parse", f"suite {suite}: {about}", "M-4.1", given, "bad-envelope")
    other = {"envelope": _made(good), "suites": [3 - suite]}
    file.bad("envelope-parse", f"suite {suite} where policy does not allow it", "M-4.1", other, "unknown-key")


def _opened(file: Collector, suite: int, raw: bytes) -> None:
    """Add what comes of opening the good envelope ``raw`` of ``suite``, a changed one, and one padded wrongly."""
    good, seed = f"good-{suite}", SEAL_SEEDS[suite].hex()

    def given(base: str, **changes: Any) -> Json:
        return {"envelope": _made(base, **changes), "seed": seed}

    file.ok("envelope-open", f"suite {suite}", "M-4.2", given(good), jws=MESSAGE)
    for about, offset in (
        ("the encapsulated key", 21),
        ("the ciphertext", len(raw) - 4000),
        ("the tag", len(raw) - 1),
    ):
        patched = given(good, patch=[[offset, f"{raw[offset] ^ 1:02x}"]])
        file.bad("envelope-open", f"suite {suite}: one bit of {about}", "M-4.2", patched, "cannot-open")
    wrong = given(good, patch=[[5, f"{raw[5] ^ 1:02x}"]])
    file.bad("envelope-open", f"suite {suite}: another key id", "M-4.4", wrong, "unknown-key")
    tail, long = given(f"tail-{suite}"), given(f"long-{suite}")
    file.bad("envelope-open", f"suite {suite}: last byte of the padding", "M-4.3", tail, "bad-padding")
    file.bad("envelope-open", f"suite {suite}: length past the end", "M-4.3", long, "bad-padding")


def _unpadded(file: Collector) -> None:
    """Add what comes of taking the padding off."""
    plain: Json
    for about, plain in (
        ("three bytes", {"head": "00000003616263", "size": 8192}),
        ("three bytes in a larger size", {"head": "00000003616263", "size": 65536}),
    ):
        file.ok("unpad", about, "M-4.3", plain, content="616263")
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
