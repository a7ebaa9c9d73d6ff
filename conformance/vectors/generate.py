"""
Make the vectors again: ``python -m conformance.vectors.generate [--check | --reseal]``.

``makers`` is the one place that uses fixed randomness: every key, id and opening comes from a label. HPKE and ML-DSA
draw their own randomness and take none from outside, so the sealed envelopes and the cosignatures are kept from the
files that are there; ``--reseal`` makes new ones. ``--check`` writes nothing and says whether the files are what this
program makes.
"""

import argparse
import json
import sys
from pathlib import Path

from conformance.vectors.makers.card import card_file
from conformance.vectors.makers.collector import Json
from conformance.vectors.makers.cosign import cosign_file
from conformance.vectors.makers.dates import dates_file
from conformance.vectors.makers.envelope import envelope_file
from conformance.vectors.makers.example import example_file
from conformance.vectors.makers.images import images_file
from conformance.vectors.makers.jws import jws_file
from conformance.vectors.makers.keys import keys_file
from conformance.vectors.makers.log import log_file
from conformance.vectors.makers.minimisation import minimisation_file
from conformance.vectors.makers.others import others_file
from conformance.vectors.makers.payload import payload_file
from conformance.vectors.makers.receipt import receipt_file
from conformance.vectors.makers.returns import returns_file
from conformance.vectors.makers.strict_json import json_file
from conformance.vectors.makers.texts import texts_file

HERE = Path(__file__).parent


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
        texts_file(),
        cosign_file(reseal),
    )
    made = {file.name: file.content() for file in files}
    made["example"] = example_file(envelope.extra["bases"])
    return made


def main() -> int:
    """Write the files, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the conformance vectors.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the files are as made")
    parser.add_argument("--reseal", action="store_true", help="seal and cosign anew instead of keeping what is there")
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
