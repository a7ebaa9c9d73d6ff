"""
Look at every page of every desk in a browser: each kind of page in each state of a case, each language, two widths.

Runs the demonstration's population and takes, as everybody who works in both States, every link there is. Then looks at
each page it found with axe at 1280 and 320 pixels in English, French and Arabic, and at what each form says when it is
sent empty. Prints a line for each fault and the figures, and exits 1 if there is a fault. Needs Chromium.

    python -m drills.pages [--lang ar] [--every 5] [--kinds]

With ``--kinds`` one page of each kind is looked at, whatever the state of its case: a fifth of the time.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.web.language import LANGUAGES
from tests.web.browser.crawl import Page, crawl, kinds, shapes
from tests.web.browser.looking import Looker
from tests.web.browser.population import names
from tests.web.browser.stage import Stage, staged
from tests.web.chromium import CHROMIUM

TELL_EVERY = 50
"""After so many pages a line says how far it is."""


async def look(stage: Stage, lang: str, pages: Sequence[Page]) -> list[str]:
    """Return what is wrong with ``pages`` in one language, and with the forms in them when they are sent empty."""
    faults = []
    async with Looker(stage, lang, names()) as looker:
        for number, page in enumerate(pages, 1):
            faults += [f"{page} {lang}: {text}" for text in await looker.look(page)]
            faults += [f"{page} {lang} sent empty: {text}" for text in await looker.look_when_sent_empty(page)]
            if number % TELL_EVERY == 0:
                print(f"  {lang} {number} of {len(pages)} pages, {len(faults)} faults", flush=True)
    return faults


async def drill(root: Path, langs: Sequence[str], every: int, *, by_kind: bool = False) -> int:
    """Find every page, look at each ``every``-th, and return how many faults there are."""
    began_s = time.monotonic()
    async with staged(root) as stage:
        faults, looked = [], 0
        for lang in langs:
            # Found anew for each language: a session and a reason to look last a quarter of an hour.
            found = await crawl(stage, opens=True, limit=3, by_state=True, lang=lang)
            by_state = [page for shape, page in shapes(found.pages).items() if shape.status == 200]
            chosen = kinds(found.pages) if by_kind else by_state
            people = {(one.country, one.person) for one in found.pages}
            print(f"{lang}: {len(found.pages)} pages as {len(people)} people, {len(chosen)} kinds", flush=True)
            faults += found.faults + await look(stage, lang, chosen[::every])
            looked += len(chosen[::every])
    print("\n".join(faults))
    print(f"{len(faults)} faults on {looked} pages at two widths, {time.monotonic() - began_s:.0f} s")
    return len(faults)


def main() -> int:
    """Run the drill; without Chromium it says so and passes."""
    parser = argparse.ArgumentParser(description="Look at every page of every desk in a browser.")
    parser.add_argument("--lang", action="append", choices=list(LANGUAGES), help="a language; without it, each")
    parser.add_argument("--every", type=int, default=1, help="look at each so many-th kind of page")
    parser.add_argument("--kinds", action="store_true", help="one page of each kind, whatever the state of its case")
    chosen = parser.parse_args()
    if not CHROMIUM.exists():
        print("note: Chromium is missing, so the pages are not looked at")
        return 0
    with tempfile.TemporaryDirectory(prefix="isthmus-pages-") as root:
        langs = chosen.lang or list(LANGUAGES)
        return int(asyncio.run(drill(Path(root), langs, chosen.every, by_kind=chosen.kinds)) > 0)


if __name__ == "__main__":
    sys.exit(main())
