"""What is wrong with a page in a browser: for those who hear it, see a fifth of it, or read it from right to left."""

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page as Tab

from gateway.web.language import RIGHT_TO_LEFT
from tests.web.browser.stage import NARROW, WIDE

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_AXE: str = Axe().axe_script

_RUN = """
async levels => {
  const found = await axe.run(document, {runOnly: levels, resultTypes: ["violations"]});
  return found.violations.map(one => `${one.id}: ${one.nodes.slice(0, 2).map(node => node.target.join(" ")).join(", ")}`);
}
"""

_FACTS = """
() => ({
  headings: document.querySelectorAll("h1").length,
  lang: document.documentElement.lang,
  dir: document.documentElement.dir,
  title: document.title,
  wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
})
"""


async def faults_of(tab: Tab, lang: str, secrets: Sequence[str] = ()) -> list[str]:
    """
    Return what is wrong with the page in ``tab``, as wide as a window and as narrow as one at 400 %.

    ``secrets`` are texts that no title may hold. The window is wide again afterwards.
    """
    found = []
    # An expression is taken past the policy of the page by the debugger; a script element would be refused by it.
    await tab.evaluate(_AXE)
    for window in (WIDE, NARROW):
        await tab.set_viewport_size({"width": window[0], "height": window[1]})
        facts: dict[str, Any] = await tab.evaluate(_FACTS)
        found += [f"{window[0]} px: {text}" for text in await tab.evaluate(_RUN, LEVELS)]
        found += [f"{window[0]} px: wider than the window"] * facts["wide"]
        if window is NARROW:
            continue
        found += [f"{facts['headings']} headings of the first level"] * (facts["headings"] != 1)
        wanted = (lang, "rtl" if lang in RIGHT_TO_LEFT else "ltr")
        found += [f"language {facts['lang']} {facts['dir']}"] * ((facts["lang"], facts["dir"]) != wanted)
        found += [f"title: {facts['title']}"] * (not facts["title"] or any(one in facts["title"] for one in secrets))
    await tab.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    return found
