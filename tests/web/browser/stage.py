"""
The stage: two invented States with their desks on loopback, and people before them in a browser of their own.

One Chromium serves everybody; each person has a context of their own, which shares nothing with another's, and an
authenticator that is touched as soon as it is asked. Whatever a page complains of on its console is kept.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, async_playwright

from gateway.demo.clock import DemoClock
from gateway.demo.population import Population
from gateway.demo.start import LINK_LASTS, Start
from gateway.demo.states import ASKING, World, choose_ports, running
from gateway.demo.story import UNDER_WAY
from gateway.demo.tell import Tell
from gateway.services.ports import Tx
from gateway.web.language import Tongue, tongue
from tests.web.chromium import AUTHENTICATOR, CHROMIUM, FLAGS

WIDE, MIDDLE, NARROW = (1280, 900), (900, 900), (320, 640)
"""Windows in which pages are looked at; the last is the first at 400 % (WCAG 2.2, 1.4.10)."""

PATIENCE_MS = 60_000
"""Real time for a page, or for what it waits for; loopback needs a hundredth of it on a machine that is not busy."""

ENROL = "Add a passkey as %(person)s"
"""Text of the link by which somebody takes up a passkey; whoever has done so is signed in as well."""

KNOWN = ("Failed to load resource",)
"""
What a console may say: the status of a page that says why it refuses, once more.
"""


@dataclass
class Seat:
    """One person before one browser: ``page``, the language in which it is read, and what its console said."""

    page: Page
    origin: str
    tongue: Tongue
    complaints: list[str] = field(default_factory=list)

    def say(self, text: str, **values: object) -> str:
        """Return a text of the pages (English) as this person reads it."""
        return self.tongue._(text, **values)

    async def go(self, path: str) -> int:
        """Open a page of the desk by its path, and return the status with which it came."""
        answer = await self.page.goto(self.origin + path)
        return answer.status if answer else 0

    def button(self, text: str, **values: object) -> Locator:
        """Return the button with a text (English)."""
        return self.page.get_by_role("button", name=self.say(text, **values), exact=True)

    def link(self, text: str, **values: object) -> Locator:
        """Return the link with a text (English)."""
        return self.page.get_by_role("link", name=self.say(text, **values), exact=True)

    async def press(self, text: str, **values: object) -> None:
        """Press the first button with a text (English), and wait for what it leads to."""
        await self.lead(self.button(text, **values).first)

    async def follow(self, text: str, **values: object) -> None:
        """Follow the first link with a text (English)."""
        await self.lead(self.link(text, **values).first)

    async def lead(self, one: Locator) -> None:
        """Click what leads to another page, and wait for that."""
        async with self.page.expect_navigation():
            await one.click()

    async def arrive(self) -> None:
        """Wait for the page of a one-time link: whom another site led here, a page of ours leads on to it by itself."""
        await self.button("Go on").wait_for()

    async def heading(self) -> str:
        """Return the one heading of the first level."""
        return await self.page.locator("h1").inner_text()

    async def told(self) -> str:
        """Return what the banner of the page says was done; an empty text if there is none."""
        found = self.page.locator(".govuk-notification-banner--success .govuk-notification-banner__heading")
        return await found.inner_text() if await found.count() else ""

    async def explain(self, why: str) -> None:
        """Say why a case has to be seen, where the page asks for it."""
        if await self.page.locator('[name="why"]').count():
            await self.fill("why", why)
            await self.lead(self.page.locator('form:has([name="why"])').get_by_role("button").first)

    async def open(self, ref: str) -> None:
        """Follow the link of a list to the case ``ref``."""
        await self.lead(self.page.locator("main table").get_by_role("link", name=ref, exact=True))

    async def fill(self, name: str, text: str) -> None:
        """Fill in, choose, or tick the field posted as ``name``, whatever kind of field it is."""
        of = self.page.locator(f'[name="{name}"]')
        kind = await of.first.evaluate("one => one.tagName === 'INPUT' ? one.type : one.tagName")
        if kind in ("radio", "checkbox"):
            await self.page.locator(f'[name="{name}"][value="{text}"]').check()
        elif kind == "SELECT":
            await of.select_option(text)
        else:
            await of.fill(text)

    @property
    def path(self) -> str:
        """Return the path of the page shown."""
        return "/" + self.page.url.partition("://")[2].partition("/")[2]


@dataclass
class Stage:
    """Both States running, the start page, and the browser."""

    world: World
    start: Start
    browser: Browser
    seats: list[Seat] = field(default_factory=list)

    def address(self, country: str, desk: str) -> str:
        """Return the address of a desk."""
        return self.start.desks[country].site.origins[desk]

    async def context(self, lang: str = "en", window: tuple[int, int] = WIDE, *, script: bool = True) -> BrowserContext:
        """Return a browser that knows nobody, in a language, as wide as ``window``."""
        size: Any = {"width": window[0], "height": window[1]}
        made = await self.browser.new_context(viewport=size, locale=lang, java_script_enabled=script)
        made.set_default_timeout(PATIENCE_MS)
        return made

    async def seat(
        self, origin: str = "", lang: str = "en", window: tuple[int, int] = WIDE, *, script: bool = True
    ) -> Seat:
        """Return an empty seat before a browser of its own, with an authenticator, at ``origin``."""
        page = await (await self.context(lang, window, script=script)).new_page()
        tools = await page.context.new_cdp_session(page)
        await tools.send("WebAuthn.enable")
        await tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        made = Seat(page, origin or self.start.address, tongue(lang, self.start.desks[ASKING].site.zone))

        def said(message: ConsoleMessage) -> None:
            if not message.text.startswith(KNOWN):
                made.complaints.append(f"{page.url}: {message.text}")

        page.on("console", said)
        page.on("pageerror", lambda error: made.complaints.append(f"{page.url}: {error}"))
        self.seats.append(made)
        return made

    async def sit(
        self,
        person: str,
        country: str = ASKING,
        desk: str = "interior",
        lang: str = "en",
        window: tuple[int, int] = WIDE,
        *,
        script: bool = True,
        link: str = "Sign in as %(person)s",
    ) -> Seat:
        """Seat ``person`` at a desk by a link of the start page: signed in, or about to add a passkey (``ENROL``)."""
        seat = await self.seat(self.address(country, desk), lang, window, script=script)
        await seat.page.goto(self.start.address)
        own = seat.page.locator(f'a[href^="/link/{country}/{desk}/"]')
        await seat.lead(own.get_by_text(seat.say(link, person=person), exact=True))
        await seat.arrive()
        await seat.press("Go on")
        return seat

    async def link(self, person: str, country: str = ASKING, desk: str = "interior", purpose: str = "sign-in") -> str:
        """Return the address of a new one-time link, by which ``person`` signs in or takes up a passkey (``enrol``)."""
        site = self.start.desks[country].site
        token = await site.accounts.make_link(person, desk, purpose, site.now(), site.now() + LINK_LASTS)
        return site.origins[desk] + site.route(desk, "link").path.replace("{token}", token)

    async def settled(self, country: str) -> None:
        """Wait until every message of ``country`` that may leave now has left and was answered."""
        gateway, loop = self.world.gateways[country], asyncio.get_running_loop()

        async def waiting(tx: Tx) -> bool:
            rows = [row for ref in await tx.case_refs("", 1000) for row in await tx.outbound_of_case(ref)]
            return any(row.state in UNDER_WAY and row.not_before <= self.world.clock.now() for row in rows)

        latest_s = loop.time() + PATIENCE_MS / 1000
        while await gateway.store.read(waiting):
            assert loop.time() < latest_s, f"messages of {country} do not leave"
            await asyncio.sleep(0.02)

    async def other_ref(self, country: str, thread: str) -> str:
        """Return under which reference ``country`` keeps the case that both States know as ``thread``."""
        gateway = self.world.gateways[country]

        async def find(tx: Tx) -> list[str]:
            rows = [await tx.find_case(ref) for ref in await tx.case_refs("", 1000)]
            return [row.ref for row in rows if row is not None and row.thread == thread]

        (found,) = await gateway.store.read(find)
        return found

    def complaints(self) -> list[str]:
        """Return what any console said."""
        return [text for seat in self.seats for text in seat.complaints]


@asynccontextmanager
async def staged(root: Path, *, filled: bool = True) -> AsyncIterator[Stage]:
    """Run both States under ``root``, their desks over the population of the demonstration, and one browser."""
    ports = choose_ports(None)
    start = Start(f"http://demo.localhost:{ports[ASKING].desks}")
    async with running(root, ports, DemoClock(), start.open) as world, async_playwright() as driver:
        if filled:
            with (root / "told").open("w", encoding="utf-8") as stream:
                await Population(world, Tell(stream)).fill()
        start.world = world
        browser = await driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield Stage(world, start, browser)
        finally:
            await browser.close()
