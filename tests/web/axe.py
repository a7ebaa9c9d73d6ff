"""What axe finds wrong with the page in a tab of a browser."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

LOOKED = 20
"""Rules that a page passes at least: axe that has not looked finds nothing either."""

_SCRIPT: str = Axe().axe_script

_RUN = """
async levels => {
  // Of what passes the number is enough, and no rule of these levels reads a style sheet, which axe fetches once more.
  const options = {runOnly: levels, resultTypes: ["violations"], preload: {assets: ["media"]}};
  const found = await axe.run(document, options);
  const places = nodes => nodes.slice(0, 2).map(node => node.target.join(" ")).join(", ");
  return [found.violations.map(one => `${one.id}: ${places(one.nodes)}`), found.passes.length];
}
"""


async def load(tab: Page) -> None:
    """Bring axe into the page that is open; past its policy, for a script element would be refused."""
    await tab.evaluate(_SCRIPT)


async def faults(tab: Page) -> list[str]:
    """Return the rules that the page breaks in the window as it is, each with the first places."""
    found, passed = await tab.evaluate(_RUN, LEVELS)
    assert passed > LOOKED, f"{tab.url}: {passed} rules passed"
    return list(found)
