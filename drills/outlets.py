"""
Compares every outlet of runs that differ only in what is withheld, in three languages and with awkward values.

In English, values of other lengths and scripts and such as spreadsheets take for formulas are each withheld in a run of
their own; in French and in Arabic the short and the long ones. No page, file, list, log line or error may differ by a
byte or hold a withheld word.

    python -m drills.outlets
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.web.outlets import LONG, SHORT, compare

RUNS = {
    "en": {
        "short": SHORT,
        "long": LONG,
        "cyrillic": {"word": "Пустельга над мысом", "number": "Ж-55120", "day": "2026-10-07"},
        "arabic": {"word": "شاهين فوق الميناء القديم", "number": "٤١٧-٩", "day": "2024-01-31"},
        "formula": {"word": "Merlin =1+1 @SUM(A1) -2", "number": "+90-1", "day": "2026-07-01"},
        "many": {"word": "Goshawk " + "behind the second mill " * 4, "number": "88-" + "7" * 20, "day": "2025-12-24"},
    },
    "fr": {"short": SHORT, "long": LONG},
    "ar": {"short": SHORT, "long": LONG},
}


async def compared() -> int:
    """Compare and print what was wrong; return how much it was."""
    bad = 0
    for language, runs in RUNS.items():
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="drill-") as directory:
            count, wrong = await compare(Path(directory), runs, language)
        for line in wrong[:20]:
            print(f"  {line}")
        print(
            f"{language}: {len(runs)} runs, {count} outlets each, {len(wrong)} wrong ({time.monotonic() - began:.0f} s)"
        )
        bad += len(wrong)
    return bad


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(compared()) else 0)
