"""What is wrong with a page in a browser: for those who hear it, see a fifth of it, or read it from right to left."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import Page as Tab

from gateway.web.door import COOKIE
from gateway.web.language import RIGHT_TO_LEFT
from tests.web import axe
from tests.web.browser.crawl import Page
from tests.web.browser.stage import KNOWN, MIDDLE, NARROW, WIDE, Stage
from tests.web.chromium import BROKEN, SHORT, SHUFFLED

ASKS = frozenset({"step", "amend", "invitations", "access", "policy-try"})
"""Pages whose form, sent empty, says what is missing, or shows the effect and asks to confirm it."""

_TOUCHED = """
() => {
  const box = one => one.getBoundingClientRect(), shown = one => one.checkVisibility() && box(one).height > 1;
  const fields = [...document.querySelectorAll("main :is(.govuk-input, .govuk-select, .govuk-textarea)")].filter(shown);
  return [...document.querySelectorAll("main .govuk-button")].filter(shown).filter(one => fields.some(field => {
    const gap = box(one).top - box(field).bottom;
    return gap > -box(one).height && gap < 8 && box(field).left < box(one).right && box(one).left < box(field).right;
  })).map(one => one.innerText);
}
"""
"""The buttons that stand less than eight pixels below a field, or over it."""

_UNNAMED = """
() => [...document.querySelectorAll('[tabindex="0"]')]
  .filter(one => !["aria-label", "aria-labelledby"].some(name => one.hasAttribute(name)))
  .map(one => one.tagName.toLowerCase())
"""
"""What takes the focus only so that the keys can scroll it, and does not say what it is."""

_WIDE = """
() => {
  const shut = [...document.querySelectorAll("details:not([open])")], root = document.documentElement;
  for (const one of shut) one.open = true;
  const wide = root.scrollWidth > root.clientWidth;
  for (const one of shut) one.open = false;
  return wide;
}
"""
"""Whether the page is wider than the window, also with all opened that can be."""

_FACTS = f"""
short => ({{
  headings: document.querySelectorAll("h1").length,
  lang: document.documentElement.lang,
  dir: document.documentElement.dir,
  title: document.title,
  wide: ({_WIDE})(),
  broken: ({BROKEN})(short),
  shuffled: ({SHUFFLED})(),
  touched: ({_TOUCHED})(),
  unnamed: ({_UNNAMED})(),
}})
"""


@dataclass
class Looker:
    """
    One tab in which pages are looked at in one language, each in the session in which it was found.

    ``secrets`` are texts that no title may hold.
    """

    stage: Stage
    lang: str
    secrets: Sequence[str] = ()
    _tab: Tab | None = None
    _said: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Open the tab."""
        context = await self.stage.context(self.lang)
        self._tab = await context.new_page()
        self._tab.on("console", lambda message: self._said.append(message.text))
        self._tab.on("pageerror", lambda error: self._said.append(str(error)))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the tab and forget what its browser knew."""
        await self.tab.context.close()

    @property
    def tab(self) -> Tab:
        """Return the tab."""
        if self._tab is None:
            raise LookupError("the tab is not open")
        return self._tab

    async def open(self, page: Page) -> None:
        """Open ``page`` as whoever found it."""
        origin = self.stage.address(page.country, page.shape.desk)
        flags: Any = {"secure": True, "httpOnly": True, "sameSite": "Strict"}
        # The address of a secure cookie has to say so; the browser takes it for a name of this machine as well.
        secure = origin.replace("http://", "https://")
        await self.tab.context.add_cookies([{"name": COOKIE, "value": page.token, "url": secure, **flags}])
        answer = await self.tab.goto(origin + page.path)
        if answer is None or answer.status != page.shape.status:
            self._said.append(f"status {answer.status if answer else 'none'}")

    async def look(self, page: Page, *, deep: bool = True) -> list[str]:
        """Return what is wrong with ``page``; axe looks at it only if ``deep``."""
        self._said.clear()
        await self.open(page)
        found = await self.faults(deep=deep)
        return found + [f"console: {text}" for text in self._said if not text.startswith(KNOWN)]

    async def look_when_sent_empty(self, page: Page) -> list[str]:
        """
        Return what is wrong with what ``page`` says when its form is sent as it stands; nothing if it has none.

        A form that acts at once is not sent; what this one leads to does nothing before it is confirmed.
        """
        form = self.tab.locator("main form[method=post]:not([data-passkey])")
        if page.shape.route not in ASKS or not await form.count() or await form.locator("[name=confirm]").count():
            return []
        self._said.clear()
        async with self.tab.expect_navigation():
            await form.first.get_by_role("button").last.click()
        found = await self.faults()
        return found + [f"console: {text}" for text in self._said if not text.startswith(KNOWN)]

    async def faults(self, *, deep: bool = True) -> list[str]:
        """
        Return what is wrong with what stands in the tab, as wide as a window and as narrow as one at 400 %.

        axe looks at it only if ``deep``; so does anybody in a window between the two, which costs a layout more.
        """
        found = []
        if deep:
            await axe.load(self.tab)
        for window in (WIDE, MIDDLE, NARROW) if deep else (WIDE, NARROW):
            await self.tab.set_viewport_size({"width": window[0], "height": window[1]})
            facts: dict[str, Any] = await self.tab.evaluate(_FACTS, SHORT)
            found += [f"{window[0]} px: wider than the window"] * facts["wide"]
            found += [f"{window[0]} px: broken within a word: {word}" for word in facts["broken"]]
            found += [f"{window[0]} px: shown in another order: {text}" for text in facts["shuffled"]]
            found += [f"{window[0]} px: no room between a field and '{text}'" for text in facts["touched"]]
            if deep and window != MIDDLE:
                found += [f"{window[0]} px: {text}" for text in await axe.faults(self.tab)]
        await self.tab.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        found += [f"takes the focus and has no name: {tag}" for tag in facts["unnamed"]]
        wanted, title = (self.lang, "rtl" if self.lang in RIGHT_TO_LEFT else "ltr"), facts["title"]
        found += [f"{facts['headings']} headings of the first level"] * (facts["headings"] != 1)
        found += [f"language {facts['lang']} {facts['dir']}"] * ((facts["lang"], facts["dir"]) != wanted)
        found += [f"title: {title}"] * (not title.strip(" –") or any(one in title for one in self.secrets))
        return found
