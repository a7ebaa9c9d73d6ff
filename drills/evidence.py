"""
Changes bytes of every member of real evidence and asks both verifiers: each must find it and name the member.

Three gateways in one process handle a case and cosign one another's logs; XAA exports it with content. Then every byte
of the short members and every ``STRIDE``-th of the long ones is changed, one at a time, and the zip is made anew with
right checksums. The second verifier, ``docs/evidence/verify.py``, runs from its text, as it is.

    python -m drills.evidence [--stride 37]
"""

import argparse
import asyncio
import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

from gateway.cli.evidence_file import verify_bytes
from gateway.services.evidence import pack
from tests.support import story
from tests.support.evidence import TWO, exported, faults_by_member, members_of
from tests.trust.witnesses import hour, three

SCRIPT = Path(__file__).parents[1] / "docs/evidence/verify.py"
SHORT = 600
STRIDE = 37


async def evidence(root: Path) -> bytes:
    """Return the evidence of a case with content, under a checkpoint that three States cosigned."""
    network = await three(root)
    try:
        ours, _ = await story.replied(network)
        await hour(network)
        return await exported(network, "XAA", ours, TWO)
    finally:
        await network.close()


def second(code: object, path: Path, raw: bytes) -> tuple[int, set[str]]:
    """Run the second verifier on ``raw``; return its exit code and the members that it names."""
    path.write_bytes(raw)
    out, before = io.StringIO(), sys.argv
    sys.argv = ["verify.py", str(path)]
    try:
        with contextlib.redirect_stdout(out):
            exec(code, {"__name__": "__main__"})  # type: ignore[call-overload]  # noqa: S102  it is a script of ours
    except SystemExit as ended:
        return int(ended.code or 0), {line.split(": ")[0] for line in out.getvalue().splitlines() if ": " in line}
    finally:
        sys.argv = before
    return 0, set()


def run(stride: int) -> int:
    """Change bytes and return how many changes were missed by either verifier."""
    code = compile(SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        raw = asyncio.run(evidence(place / "homes"))
        members = members_of(raw)
        assert verify_bytes(raw).verified
        assert second(code, place / "case.zip", raw) == (0, second(code, place / "case.zip", raw)[1])
        changes, missed, began = 0, [], time.monotonic()
        for name, content in sorted(members.items()):
            for at in range(0, len(content), 1 if len(content) <= SHORT else stride):
                changed = bytearray(content)
                changed[at] ^= 1 << at % 8
                broken = pack({**members, name: bytes(changed)})
                exit_code, named = second(code, place / "case.zip", broken)
                first = faults_by_member(verify_bytes(broken).faults)
                changes += 1
                if name not in first or name not in named or exit_code != 6:
                    missed.append((name, at))
        print(f"{len(members)} members, {sum(map(len, members.values())):,} bytes, {changes:,} changes")
        print(f"missed by either verifier: {len(missed)} {missed[:5]}")
        print(f"{time.monotonic() - began:.0f} s")
        return len(missed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stride", type=int, default=STRIDE)
    sys.exit(1 if run(parser.parse_args().stride) else 0)
