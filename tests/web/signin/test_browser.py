"""Signing in with a real browser and its virtual authenticator: link, passkey, leaving, coming back, QR code."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from gateway.web.door import COOKIE
from gateway.web.signin.openid import OpenId
from gateway.web.signin.sign_on import SignOn
from tests.web import axe
from tests.web.chromium import AUTHENTICATOR, CHROMIUM, FLAGS
from tests.web.signin.pages import PAGES
from tests.web.signin.provider import CLIENT, SECRET, provider
from tests.web.support import Desk, one_desk

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is missing"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Three desks that have nothing but the pages of signing in."""
    async with one_desk(tmp_path, PAGES) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, started once for these tests: each has a context of its own, which knows nothing of another."""
    async with async_playwright() as driver:
        made = await driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield made
        await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page with an authenticator, in a context that knows nobody; whatever it complains of fails the test."""
    context = await browser.new_context()
    made = await context.new_page()
    tools = await context.new_cdp_session(made)
    await tools.send("WebAuthn.enable")
    await tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    complaints: list[str] = []
    made.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    await context.close()
    # A page that says why it refuses has a status of its own, which the console repeats.
    assert [] == [text for text in complaints if not text.startswith("Failed to load resource")]


async def enrol(desk: Desk, page: Page) -> None:
    """Come by a link and add a passkey."""
    now = desk.site.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    await page.goto(f"{desk.site.origins['interior']}/link/{token}")
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("link", name="Add a passkey").click()
    await page.get_by_label("What do you call it?").fill("blue key")
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_text("The passkey was added.").wait_for()


async def session_of(desk: Desk, page: Page) -> Any:
    """Return the session whose cookie the browser has."""
    kept = {one["name"]: one for one in await page.context.cookies(desk.site.origins["interior"])}
    return await desk.site.accounts.find(kept[COOKIE]["value"], "interior", desk.site.now())


async def test_passkey_from_link_to_presence(desk: Desk, page: Page) -> None:
    """A real browser enrols, signs out and forgets, signs in without a name, and proves presence (ASVS 6.3.3)."""
    await enrol(desk, page)
    (cookie,) = [one for one in await page.context.cookies() if one["name"] == COOKIE]
    assert (True, True, "Strict") == (cookie["secure"], cookie["httpOnly"], cookie["sameSite"])
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("heading", name="You are signed out").wait_for()
    assert [] == [one for one in await page.context.cookies() if one["name"] == COOKIE]
    await page.goto(f"{desk.site.origins['interior']}/account")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await page.get_by_role("heading", name="How you sign in").wait_for()
    assert "passkey" == (await session_of(desk, page)).level
    desk.network.clock.pass_(minutes=6)
    await page.goto(f"{desk.site.origins['interior']}/account/code")
    await page.get_by_role("button", name="Use your passkey").click()
    await page.get_by_role("heading", name="Set up an authenticator app").wait_for()
    drawn = await page.locator("main img").evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert drawn > 100


async def test_a_page_that_was_left_alone_signs_out(desk: Desk, page: Page) -> None:
    """The page knows the time to the minute only, and leads away before the session ends: that is no step (7.3.1)."""
    await enrol(desk, page)
    await page.clock.install()
    await page.goto(f"{desk.site.origins['interior']}/account")
    desk.network.clock.pass_(minutes=14)
    await page.clock.run_for("14:00")
    await page.get_by_role("button", name="Sign in with a passkey").wait_for()
    assert await session_of(desk, page) is None


async def test_way_back_from_elsewhere_keeps_the_strict_cookie(
    desk: Desk, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another site leads back; the ``Lax`` cookie comes along, and from our page on the ``Strict`` one does (3.3.2)."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    async with provider(desk.site.now()) as there:
        there.person, there.redirects = "first", desk.site.origins["interior"]
        desk.site.openid = OpenId(desk.site.accounts, SignOn(there.issuer, CLIENT, SECRET))
        await page.goto(f"{desk.site.origins['interior']}/account")
        await page.get_by_role("link", name="Go to the sign-on").click()
        await page.get_by_role("heading", name="How you sign in").wait_for()
        assert "openid" == (await session_of(desk, page)).level
        await desk.site.openid.close()


async def test_pages_are_accessible_and_narrow(desk: Desk, page: Page) -> None:
    """No page of signing in has a fault that axe knows, and each fits 320 pixels (WCAG 2.2, 1.4.10)."""
    await page.set_viewport_size({"width": 320, "height": 640})
    origin, now = desk.site.origins["interior"], desk.site.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    faults = {}
    for path in ("/sign-in", f"/link/{token}", "/link/none", "/signed-out"):
        faults[path] = await faults_of(page, origin + path)
    await enrol(desk, page)
    (only,) = await desk.site.accounts.passkeys("first")
    own = ("/account", "/account/passkey", "/account/code", f"/account/passkey/{only.id}/remove", "/again")
    for path in own:
        faults[path] = await faults_of(page, origin + path)
    assert {} == {path: found for path, found in faults.items() if found}


async def faults_of(page: Page, address: str) -> list[str]:
    """Return what is wrong with a page: rules of axe that it breaks, and whether it is wider than the window."""
    await page.goto(address)
    await axe.load(page)
    found = await axe.faults(page)
    wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return found + ["wide"] * wide
