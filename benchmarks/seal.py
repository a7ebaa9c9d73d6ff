"""
Seal and open 2 KB, on one core: ``keys.seal`` beside the library's own HPKE with keys already parsed.

Both do the same work on the same bytes, in turns; what differs is what this project adds to it.
"""

import os

from cryptography.exceptions import InvalidTag

from benchmarks.figures import Figure, interleaved
from gateway.core import envelope
from keys.seal import SUITES, RecipientKey, SealingKey

PLAIN_BYTES = 2048
RATIO = 0.85
"""What sealing through ``keys.seal`` must reach of the bare primitive: within 15 %."""


def run(seconds: float = 10.0) -> list[Figure]:
    """Measure both suites for ``seconds`` in all; returns a rate and a ratio for each of seal and open."""
    figures: list[Figure] = []
    for suite in SUITES:
        figures += _suite(suite, seconds / len(SUITES))
    return figures


def _suite(number: int, seconds: float) -> list[Figure]:
    plain, seed = os.urandom(PLAIN_BYTES), os.urandom(32)
    row = SUITES[number]
    ours = SealingKey(number, seed)
    theirs = RecipientKey(number, ours.public)
    private, public = row.private_key(seed)[0], row.public_key(ours.public)
    head = envelope.head(number, ours.kid)
    sealed = theirs.seal(head, plain)

    def bare_open() -> bytes:
        # A caller of the bare primitive has to expect a text that does not open, too.
        try:
            return row.hpke.decrypt(sealed, private, head)
        except InvalidTag:
            raise SystemExit("the bare primitive does not open what keys.seal sealed") from None

    rates = interleaved(
        {
            "seal": lambda: theirs.seal(head, plain),
            "bare seal": lambda: row.hpke.encrypt(plain, public, head),
            "open": lambda: ours.open(head, sealed),
            "bare open": bare_open,
        },
        seconds,
    )
    name = f"suite {number},"
    return [
        figure
        for verb in ("seal", "open")
        for figure in (
            Figure(f"{name} {verb} 2 KB", rates[verb], "/s"),
            Figure(f"{name} bare {verb} 2 KB", rates[f"bare {verb}"], "/s"),
            Figure(f"{name} {verb}, of the bare primitive", rates[verb] / rates[f"bare {verb}"], "", RATIO),
        )
    ]


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
