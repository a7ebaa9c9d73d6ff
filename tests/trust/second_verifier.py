"""The second verifier, run as an expert runs it."""

import asyncio
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docs/evidence/verify.py"


async def run(path: Path, raw: bytes, *more: str) -> tuple[int, str]:
    """Run the script on ``raw`` as an expert does; return its exit code and what it printed."""
    path.write_bytes(raw)
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(SCRIPT), str(path), *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await made.communicate()
    return made.returncode or 0, out.decode()
