"""
How the pages look and behave, in a real browser: every part of ``_macros.html`` in the frame of ``base.html``.

The pages come over loopback with the headers of the desks, so whatever the policy forbids fails here. ``DESK_SHOTS``
names a folder for pictures of them.
"""

import asyncio
import gettext
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import pytest
import pytest_asyncio
import webauthn
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright
from webauthn.helpers.structs import PublicKeyCredentialDescriptor

from gateway.services.account_store import IDLE, SEEN_EVERY, Session
from gateway.services.context import Person
from gateway.web import visit as visits
from gateway.web.door import ASSETS
from gateway.web.headers import add_headers
from gateway.web.language import Tongue
from gateway.web.lateness import Lateness
from gateway.web.site import Look, Site, make_environment
from tests.web import axe
from tests.web.chromium import AUTHENTICATOR, CHROMIUM, FLAGS
from tools import build_css

WEB = Path(visits.__file__).parent
STATIC = WEB / "static"
PAGES = Path(__file__).parent / "templates"
SIGNED_OUT = {"passkey"}

NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
TODAY = date(2026, 11, 25)
HOSTILE = "<script>document.title = 'taken'</script> \"'&"


def browser_needed(test: Any) -> Any:
    """Mark a test that needs Chromium: all of this file share one, and the loop on which it was started."""
    there = pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is missing")
    return pytest.mark.asyncio(loop_scope="module")(there(test))


def case_values() -> dict[str, Any]:
    """Return what the pages of the tests show."""
    event = SimpleNamespace(title="Request sent", at=NOW, by="A. Ionescu", text="Ten fields left, two stayed.")
    return {
        "name": "إيمان A. Ionescu",
        "hostile": HOSTILE,
        "today": TODAY,
        "now": NOW,
        "clock": Lateness("good", -12, True, "12 working days left", TODAY + timedelta(days=19), "XKX-2026.2"),
        "soon": Lateness("soon", -2, True, "2 working days left", TODAY + timedelta(days=2), "ALB-2026.1"),
        "late": Lateness("late", 1, True, "1 working day late", TODAY - timedelta(days=1), "GEO-2026.1"),
        "unstarted": Lateness("still", 0, True, "No due date"),
        "events": [event, SimpleNamespace(title="Request written", at=NOW - timedelta(days=1), by="", text="")],
    }


PERSONS = ("a.ionescu", "b.marku")
"""Who may sit there; the first one does, unless a test says otherwise."""


class Stage:
    """A desk with nothing behind it: the frame, the parts, and what the browser posted."""

    def __init__(self, direction: str, *, colour: str = "#1d4f5c", shortcuts: bool = False) -> None:
        self.colour = colour
        self.origin = ""
        self.posted: list[tuple[str, dict[str, str]]] = []
        self.counts: list[str] = []
        self.figure = "4"
        self.credential: Any = None
        self.problem = ""
        self.shortcuts = shortcuts
        self.keep_status = 204
        self.over_status = 303
        self.left_s = "840"
        self.person = PERSONS[0]
        self.led_out = 0
        self.answers, self.script = asyncio.Event(), asyncio.Event()
        self.answers.set()
        self.script.set()
        context = SimpleNamespace(
            persons={id: Person(id, frozenset({"case_officer", "liaison_officer"}), b"") for id in PERSONS},
            zone="Europe/Chisinau",
            clock=SimpleNamespace(now=lambda: NOW),
        )
        self.site = Site(
            desk=SimpleNamespace(context=context),  # type: ignore[arg-type]  # nothing else of it is on a page here
            accounts=None,  # type: ignore[arg-type]
            look=Look({"en": "Republic of Northmark"}, colour),
            origins={},
            values={},
            hand=None,  # type: ignore[arg-type]
            demonstration=SimpleNamespace(address="http://demo.localhost"),  # type: ignore[arg-type]
        )
        lang = {"ltr": "en", "rtl": "ar"}[direction]
        self.tongue = Tongue(lang, ZoneInfo("Europe/Chisinau"), gettext.NullTranslations())
        loaders = [jinja2.PackageLoader("gateway.web", "templates"), jinja2.FileSystemLoader(PAGES)]
        self.site._environments[lang] = make_environment(self.tongue, jinja2.ChoiceLoader(loaders))
        entries = [
            ("home", "/", "Home"),
            ("sign-in", "/sign-in", ""),
            ("queue", "/queue", "My queue"),
            ("case", "/case", "Search"),
            ("sign-out", "/sign-out", ""),
            ("methods", "/account", ""),
            ("help", "/help", ""),
        ]
        everyone = visits.SIGNED_IN
        routes = [visits.Route("GET", path, name, None, everyone) for name, path, _ in entries]  # type: ignore[arg-type]
        navigation = [visits.Entry(name, text, frozenset({"case_officer"})) for name, _, text in entries if text]
        self.pages = visits.DeskPages("interior", "Interior ministry desk", routes, navigation)
        self.site.open(self.pages)

    def visit(self, request: web.Request, name: str) -> visits.Visit:
        """Return a visit of a person who has signed in, or of nobody at the page that signs in."""
        session = (
            None if name in SIGNED_OUT else Session("id", self.person, "interior", "csrf-token", NOW, NOW, "passkey")
        )
        route = self.pages.routes[0]
        made = visits.Visit(self.site, self.pages, request, route, NOW, self.tongue, session, once="once-token")
        made.told = "The draft was saved." if name == "queue" else ""
        return made

    async def page(self, request: web.Request) -> web.Response:
        """Serve a page of ``tests/web/templates``."""
        name = request.match_info["name"]
        options = {"creation": "", "request_": ""}
        if name == "passkey":
            self.creation = webauthn.generate_registration_options(rp_id="localhost", rp_name="Desk", user_name="a")
            known = [PublicKeyCredentialDescriptor(self.credential.credential_id)] if self.credential else []
            self.request = webauthn.generate_authentication_options(rp_id="localhost", allow_credentials=known)
            options = {
                "creation": webauthn.options_to_json(self.creation),
                "request_": webauthn.options_to_json(self.request),
            }
        return self.visit(request, name).page(f"{name}.html", **case_values(), **options)

    async def post(self, request: web.Request) -> web.Response:
        """Keep what was posted; a credential is verified as the desk would."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.posted.append((request.path, form))
        if request.path == "/session/keep" and "Desk-Background" in request.headers:
            headers = {"Location": "/sign-in", "Retry-After": self.left_s}
            return web.Response(status=self.over_status, headers=headers)
        await self.answers.wait()
        if request.path == "/session/keep":
            return web.Response(status=self.keep_status)
        if request.path == "/passkey/create":
            self.credential = webauthn.verify_registration_response(
                credential=form["credential"],
                expected_challenge=self.creation.challenge,
                expected_rp_id="localhost",
                expected_origin=self.origin,
            )
        if request.path == "/passkey/get":
            webauthn.verify_authentication_response(
                credential=form["credential"],
                expected_challenge=self.request.challenge,
                expected_rp_id="localhost",
                expected_origin=self.origin,
                credential_public_key=self.credential.credential_public_key,
                credential_current_sign_count=self.credential.sign_count,
            )
        return web.Response(status=303, headers={"Location": "/done"})

    async def static(self, request: web.Request) -> web.Response:
        """Serve a file of the look, and the colour of the country as the door does."""
        name = request.match_info["name"]
        if name == "desk.js":
            await self.script.wait()
        if name == "brand.css":
            return web.Response(text=f":root {{ --desk-brand-colour: {self.colour}; }}\n", content_type="text/css")
        return web.Response(body=(STATIC / name).read_bytes(), content_type=ASSETS[name])

    async def home(self, request: web.Request) -> web.Response:
        """Serve where a session that has ended leads, once the line lets it through."""
        self.led_out += 1
        await self.answers.wait()
        return self.visit(request, "done").page("done.html", **case_values())

    async def count(self, request: web.Request) -> web.Response:
        """Serve a live figure, once the line lets it through."""
        self.counts.append(request.headers["Desk-Background"])
        await self.answers.wait()
        return web.Response(text=self.figure)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve on loopback; ``localhost``, because a number is no name a passkey can belong to."""
        app = web.Application()
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/static/{name}", self.static)
        app.router.add_get("/count/late", self.count)
        app.router.add_get("/sign-in", self.home)
        app.router.add_get("/{name}", self.page)
        app.router.add_post("/{path:.*}", self.post)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            self.origin = f"http://localhost:{port}"
            yield self.origin
        finally:
            await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Return the Chromium of the system; what a test does in a context of its own no other sees."""
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield made
        await made.close()


async def tab(browser: Browser, said: list[str], width: int = 1280, **options: Any) -> tuple[BrowserContext, Page]:
    """Return a page whose console and faults are written to ``said``."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = await context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return context, page


def names() -> list[str]:
    """Return the pages of the tests."""
    return sorted(path.stem for path in PAGES.glob("*.html"))


def test_every_part_is_tried() -> None:
    """Each public macro stands on at least one page of these tests."""
    macros = set(re.findall(r"macro ([a-z]\w*)\(", (WEB / "templates/_macros.html").read_text("utf-8")))
    used = {name for path in PAGES.glob("*.html") for name in re.findall(r"m\.(\w+)\(", path.read_text("utf-8"))}
    assert (set(), True) == (macros - used, len(macros) > 25)


@browser_needed
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", [1280, 320])
async def test_pages_are_accessible(browser: Browser, direction: str, width: int) -> None:
    """No page breaks a rule of axe, speaks to the console, is wider than the screen or repeats an id; one h1 each."""
    stage, said, found = Stage(direction), [], {}
    async with stage.served() as origin:
        context, page = await tab(browser, said, width)
        for name in names():
            await page.goto(f"{origin}/{name}")
            if shots := os.environ.get("DESK_SHOTS"):
                await page.screenshot(path=f"{shots}/{name}-{direction}-{width}.png", full_page=True)
            await axe.load(page)
            faults = await axe.faults(page)
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            ids = await page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
            headings = await page.locator("h1").count()
            found[name] = (faults, wide, sorted({one for one in ids if ids.count(one) > 1}), headings)
        await context.close()
    assert {name: ([], 0, [], 1) for name in names()} == found
    assert [] == said


@browser_needed
async def test_every_part_of_the_frame_begins_and_ends_in_line(browser: Browser) -> None:
    """In a window of any width header, page and footer are as wide as one another, and touch no edge of it."""
    stage, found, said = Stage("ltr"), set(), list[str]()
    widths = (320, 700, 1019, 1020, 1100, 1179, 1180, 1600)
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/done")
        for width in widths:
            await page.set_viewport_size({"width": width, "height": 900})
            found |= {(width, *sides) for sides in await page.evaluate(_SIDES)}
        await context.close()
    gaps = (15, 30, 30, 30, 30, 30, 30, 240)
    assert {(width, gap, gap) for width, gap in zip(widths, gaps, strict=True)} == found


_SIDES = """
[...document.querySelectorAll(".govuk-width-container")].filter(one => one.checkVisibility()).map(one => {
  const box = one.getBoundingClientRect();
  return [box.left, document.documentElement.clientWidth - box.right];
})
"""
"""How far each part of the frame stands from the left of the window and from its right."""


@browser_needed
async def test_whatever_is_written_has_our_typefaces(browser: Browser) -> None:
    """No text is left to the typeface that a browser has for pages without one, which is Times in most."""
    stage, said, found = Stage("ltr"), [], dict[str, list[str]]()
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        for name in names():
            await page.goto(f"{origin}/{name}")
            found[name] = await page.evaluate(_LEFT_TO_THE_BROWSER, build_css.FONTS.partition(",")[0])
        await context.close()
    assert {name: [] for name in names()} == found


@browser_needed
async def test_paper(browser: Browser) -> None:
    """On paper a heading stands with what it is of, and nothing is said that only a screen can do."""
    stage, said = Stage("ltr"), list[str]()
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.emulate_media(media="print")
        await page.goto(f"{origin}/queue")
        after = await page.locator("main :is(h1, h2, h3, caption)").evaluate_all(
            "all => all.map(one => getComputedStyle(one).breakAfter)"
        )
        shown = await page.locator("footer, nav a, .govuk-button").evaluate_all(
            "all => all.filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 120))"
        )
        await context.close()
    assert ({"avoid"}, []) == (set(after), shown)


_LEFT_TO_THE_BROWSER = """
first => [...document.body.querySelectorAll("*")].filter(one => one.checkVisibility()
  && [...one.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())
  && !getComputedStyle(one).fontFamily.startsWith(first)).map(one => one.outerHTML.slice(0, 120))
"""


@browser_needed
async def test_a_caption_is_as_wide_as_its_cards(browser: Browser) -> None:
    """Where a table is a list of cards its caption stands over all of it, and not one word to a line."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said, 360)
        await page.goto(f"{origin}/queue")
        widths = await page.evaluate(
            "[...document.querySelectorAll('.desk-stack caption')]"
            ".map(one => [one, one.parentElement].map(of => of.getBoundingClientRect().width))"
        )
        await context.close()
    assert widths
    assert [table for _, table in widths] == [caption for caption, _ in widths]


@browser_needed
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_a_reference_is_not_broken_in_a_list_of_many_columns(browser: Browser, direction: str) -> None:
    """
    Whatever the width, codes stand in one piece but for digests, also one with a hyphen in a heading; the page is no
    wider than the screen (1.4.10).
    """
    stage, said, found = Stage(direction), [], {}
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/queue")
        await page.evaluate(_HEADING)
        for width in (320, 641, 700, 900, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found[width] = (await page.evaluate(_BROKEN), wide)
        await context.close()
    assert {width: ([], 0) for width in found} == found
    assert [] == said


@browser_needed
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_a_day_is_not_broken_in_a_list_of_many_columns(browser: Browser, direction: str) -> None:
    """However narrow its column, a day stands on one line."""
    stage, said = Stage(direction), list[str]()
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/queue")
        lines = await page.evaluate(_NARROW_DAYS)
        await context.close()
    assert lines
    assert {1} == set(lines)


_NARROW_DAYS = """
[...document.querySelectorAll("table .desk-day")].map(one => {
  one.closest("th, td").style.maxInlineSize = one.parentElement.style.maxInlineSize = "3rem";
  one.closest("th, td").style.display = one.parentElement.style.display = "block";
  return new Set([...one.getClientRects()].map(box => Math.round(box.top))).size;
})
"""

_HEADING = """
document.querySelector("h1").replaceChildren("Case ", Object.assign(document.createElement("bdi"),
  {className: "desk-code", textContent: "AaIR7-uqAf2aL2JqNa9VmA"}))
"""

_BROKEN = """
[...document.querySelectorAll("h1 .desk-code, #waiting .desk-code:not(.desk-long)")].filter(one => {
  const text = document.createRange();
  text.selectNodeContents(one);
  return new Set([...text.getClientRects()].map(box => Math.round(box.top))).size > 1;
}).map(one => one.textContent)
"""


@browser_needed
@pytest.mark.parametrize("colour", ["#ffd400", "#e8f1f2", "#7a1020", "#00703c"])
async def test_any_colour_of_a_country_can_be_read(browser: Browser, colour: str) -> None:
    """Text on a country's own colour has the contrast of WCAG, be it light or dark."""
    stage, said = Stage("ltr", colour=colour), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/confirm")
        await axe.load(page)
        result = await page.evaluate("axe.run(document, {runOnly: ['color-contrast']})")
        background = await page.locator(".desk-header").evaluate("one => getComputedStyle(one).backgroundColor")
        await context.close()
    expected = "rgb({}, {}, {})".format(*bytes.fromhex(colour[1:]))
    assert ([], expected) == ([node["html"] for one in result["violations"] for node in one["nodes"]], background)


@browser_needed
async def test_targets_and_focus(browser: Browser) -> None:
    """What can be pressed is 24 px high, and what has focus is seen (WCAG 2.5.8, 2.4.11)."""
    stage, said, small, hidden = Stage("ltr"), [], [], []
    async with stage.served() as origin:
        context, page = await tab(browser, said, 320)
        for name in ("queue", "form", "case"):
            await page.goto(f"{origin}/{name}")
            small += await page.evaluate(
                """[...document.querySelectorAll('button, input:not([type=hidden]), select, nav a, header a, footer a')]
                .filter(one => one.offsetParent && one.getBoundingClientRect().height < 24).map(one => one.outerHTML)"""
            )
            await page.locator("body").press("Tab")
            for _ in range(40):
                hidden += await page.evaluate(
                    """(() => { const one = document.activeElement, box = one.getBoundingClientRect();
                    const seen = box.bottom > 0 && box.top < innerHeight;
                    return one === document.body || seen ? [] : [one.outerHTML]; })()"""
                )
                await page.keyboard.press("Tab")
        await context.close()
    assert ([], []) == (small, hidden)


@browser_needed
async def test_all_works_without_script(browser: Browser) -> None:
    """A form is sent without script, with its tokens; what only a script can do is not shown."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said, java_script_enabled=False)
        await page.goto(f"{origin}/queue")
        assert not await page.get_by_text("Choose all on this page").is_visible()
        assert 0 == await page.locator("dialog:visible").count()
        await page.get_by_label("Choose MDA-GEO-2026-0398").check(force=True)
        await page.get_by_role("button", name="Remind those chosen").click()
        await page.wait_for_url(f"{origin}/done")
        await context.close()
    assert [("/remind", {"csrf": "csrf-token", "once": "once-token", "ref": "0398"})] == stage.posted


@browser_needed
async def test_what_people_write_is_text(browser: Browser) -> None:
    """Markup in a value is shown, not obeyed, in a list and in a field."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/case")
        assert await page.get_by_text(HOSTILE).is_visible()
        await page.goto(f"{origin}/form")
        assert HOSTILE == await page.get_by_label("Note for your colleagues").input_value()
        assert "taken" != await page.title()
        await context.close()
    assert [] == said


@browser_needed
async def test_errors_are_read_first_and_lead_to_their_fields(browser: Browser) -> None:
    """The summary has the focus when the page opens, and each line leads into the field it speaks of."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/form")
        assert "There is a problem" in await page.evaluate("document.activeElement.textContent")
        for text, field in (("Enter the family name", "family"), ("Choose on what basis", "basis")):
            await page.get_by_role("link", name=text).click()
            await page.wait_for_url(re.compile(f"#{field}$"))
            assert await page.locator(f"#{field}").is_visible()
        description = await page.locator("#family").get_attribute("aria-describedby")
        assert "family-hint family-error" == description
        await context.close()


@browser_needed
async def test_a_warning_comes_before_the_session_ends(browser: Browser) -> None:
    """Two minutes before, a dialog asks; who stays is kept, with the token; who does nothing is led out."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        dialog = page.locator("#time-out")
        assert (IDLE - SEEN_EVERY).total_seconds() == float(str(await dialog.get_attribute("data-idle-s")))
        await page.clock.run_for("11:20")
        assert not await dialog.is_visible()
        await page.clock.run_for("00:50")
        assert await dialog.is_visible()
        assert re.fullmatch(r"1:\d\d", await page.locator("[data-left]").inner_text())
        await page.get_by_role("button", name="Stay signed in").click()
        await dialog.wait_for(state="hidden")
        assert [("/session/keep", {"csrf": "csrf-token"})] == stage.posted
        await page.clock.fast_forward("14:02")  # `look` runs once: what runs on in a page being left may never answer
        await page.wait_for_url(f"{origin}{OUT}")
        await context.close()
    assert [] == said


@browser_needed
async def test_a_session_that_has_ended_leads_out(browser: Browser) -> None:
    """If the desk does not keep the session, the page is left at once."""
    stage, said = Stage("ltr"), []
    stage.keep_status = 403
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        await page.clock.run_for("12:30")
        await page.get_by_role("button", name="Stay signed in").click()
        await page.wait_for_url(f"{origin}{OUT}")
        await context.close()


OUT = "/sign-in?next=%2Fcase"
"""Where the page of a case leads once its time is over: to the sign-in page, and from there back to it."""

SLOW_S = 6.5
"""How long an answer takes on a slow line. Chromium takes no notice of the same journey begun anew for some three s."""


@browser_needed
async def test_a_slow_line_does_not_keep_the_page_of_a_session_that_has_ended(browser: Browser) -> None:
    """The page is left once: asked for each second anew, an answer that takes two would never be shown."""
    stage, said = Stage("ltr"), []

    async def ends_at_once(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=(await answer.text()).replace('data-idle-s="840"', 'data-idle-s="0"'))

    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.route(f"{origin}/case", ends_at_once)
        stage.answers.clear()
        await page.goto(f"{origin}/case", wait_until="commit")
        while not stage.led_out:
            await asyncio.sleep(0.01)
        # By the clock of the browser: a page that is being left does not answer who would set another one.
        await asyncio.sleep(SLOW_S)
        stage.answers.set()
        await page.wait_for_url(f"{origin}{OUT}")
        await context.close()
    assert (1, []) == (stage.led_out, said)


@browser_needed
async def test_what_was_typed_is_sent_when_the_page_is_left(browser: Browser) -> None:
    """It goes to the address of its form, as what was not sent: kept there, and no step is taken by it."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/form")
        await page.locator("main textarea").first.fill("half a reas")
        await page.evaluate(_TAKES_A_FILE)
        await page.locator("#file").set_input_files({"name": "f", "mimeType": "", "buffer": b"file"})
        await page.clock.fast_forward("14:02")
        await page.wait_for_url(f"{origin}/done")
        await context.close()
    (_, (path, left)) = stage.posted
    assert ("/save", "yes", []) == (path, left["unsent"], said)
    assert "half a reas" in left.values()
    assert "file" not in left


_TAKES_A_FILE = """() => {
  const field = Object.assign(document.createElement("input"), {type: "file", name: "file", id: "file"});
  document.querySelector("main form").append(field);
}"""


@browser_needed
async def test_what_went_for_a_file_is_not_sent_once_more(browser: Browser) -> None:
    """The page stays as its file comes: what was typed was taken, and is not kept as what was never sent."""
    stage, said = Stage("ltr"), []
    named = {"Content-Disposition": 'attachment; filename="f.zip"'}
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.route(f"{origin}/save", lambda route: route.fulfill(body=b"zip", headers=named))
        await page.goto(f"{origin}/form")
        await page.evaluate("document.querySelector('main form').dataset.file = ''")
        await page.locator("main textarea").first.fill("a reason")
        async with page.expect_download():
            await page.get_by_role("button", name="Save and go on").click()
        await page.clock.fast_forward("14:02")
        await page.wait_for_url(re.compile("/sign-in"))
        await context.close()
    assert (["/session/keep"], []) == ([path for path, _ in stage.posted], said)


@browser_needed
async def test_what_stands_again_is_not_lost_when_the_page_is_left(browser: Browser) -> None:
    """A page that answers a form holds what was typed there, also if nobody touches it."""
    stage, said = Stage("ltr"), []

    async def answered(route: Route) -> None:
        if route.request.method == "POST":
            return await route.continue_()
        answer = await route.fetch()
        html = (await answer.text()).replace("data-idle-s", "data-typed data-idle-s")
        return await route.fulfill(response=answer, body=html.replace('action="/send"', 'action="/confirm"'))

    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.route(f"{origin}/confirm", answered)
        await page.goto(f"{origin}/confirm")
        await page.clock.fast_forward("14:02")
        await page.wait_for_url(f"{origin}/done")
        await context.close()
    assert [("/confirm", "yes")] == [(path, form["unsent"]) for path, form in stage.posted[1:]]


@browser_needed
async def test_the_form_that_stands_at_the_address_of_its_page_is_kept(browser: Browser) -> None:
    """Of several forms it is the one that the page answers, and none where the page asks for something else first."""
    stage, said, origins = Stage("ltr"), [], dict[str, str]()

    async def answered(route: Route) -> None:
        if route.request.method == "POST":
            return await route.continue_()
        answer = await route.fetch()
        html = (await answer.text()).replace("data-idle-s", "data-typed data-idle-s")
        own = "/confirm?role=clerk" if "several" in route.request.url else "/elsewhere"
        more = f'<form method="post" action="{own}"><input type="hidden" name="text" value="long"></form></main>'
        return await route.fulfill(response=answer, body=html.replace("</main>", more))

    async with stage.served() as origin:
        for query in ("several", "none"):
            context, page = await tab(browser, said)
            await page.clock.install()
            await page.route(re.compile("/confirm"), answered)
            await page.goto(f"{origin}/confirm?{query}")
            await page.clock.fast_forward("14:02")
            await page.wait_for_url(re.compile("/(done|sign-in)"))
            origins[query] = page.url.removeprefix(origin).partition("?")[0]
            await context.close()
    sent = [(path, form["text"]) for path, form in stage.posted if path != "/session/keep"]
    assert ({"several": "/done", "none": "/sign-in"}, [("/confirm", "long")], []) == (origins, sent, said)


@browser_needed
@pytest.mark.parametrize("answers", [False, True], ids=["nobody", "another"])
async def test_nothing_is_read_where_its_reader_signed_out(browser: Browser, answers: bool) -> None:
    """A window that hears late of it, when another person is there or no desk answers, shows nothing any more."""
    stage, said = Stage("ltr"), []
    stage.over_status = 403

    async def silent(route: Route) -> None:
        await route.abort()

    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        if not answers:
            await page.route(f"{origin}/session/keep", silent)
        other = await context.new_page()
        await other.goto(f"{origin}/passkey")  # of nobody, so that it says of no page that somebody is there
        await other.evaluate("new BroadcastChannel('desk-out').postMessage('')")
        if answers:
            await page.wait_for_url(f"{origin}{OUT}")
        else:
            await page.get_by_text(HOSTILE).wait_for(state="hidden")
        await context.close()


@browser_needed
async def test_a_busy_desk_does_not_lead_out(browser: Browser) -> None:
    """Whoever asks to stay is not led out because the desk cannot answer now: what was typed would be lost."""
    stage, said = Stage("ltr"), []
    stage.keep_status = 503
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        await page.clock.run_for("12:30")
        async with page.expect_response(f"{origin}/session/keep"):
            await page.get_by_role("button", name="Stay signed in").click()
        stage.keep_status = 204
        await page.get_by_role("button", name="Stay signed in").click()
        await page.locator("#time-out").wait_for(state="hidden")
        assert (0, f"{origin}/case") == (stage.led_out, page.url)
        await context.close()


@browser_needed
async def test_whoever_asked_to_stay_in_time_is_waited_for(browser: Browser) -> None:
    """The time that is over while the desk has not answered yet ends nothing; pressed again, it is asked once."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        await page.evaluate("delete AbortSignal.timeout")  # the time that passes at once would end the question
        await page.clock.run_for("12:30")
        stage.answers.clear()
        for _ in range(2):
            await page.get_by_role("button", name="Stay signed in").click()
        await page.clock.run_for("01:40")
        stage.answers.set()
        await page.locator("#time-out").wait_for(state="hidden")
        assert ([("/session/keep", {"csrf": "csrf-token"})], 0) == (stage.posted, stage.led_out)
        await context.close()
    assert [] == said


@browser_needed
async def test_a_step_elsewhere_keeps_the_page(browser: Browser) -> None:
    """Where the desk knows of a step of which the page did not hear, it goes on."""
    stage, said = Stage("ltr"), []
    stage.over_status = 204
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        async with page.expect_response(f"{origin}/session/keep"):
            await page.clock.run_for("14:01")
        await page.locator("#time-out").wait_for(state="hidden")
        assert (0, f"{origin}/case") == (stage.led_out, page.url)
        await context.close()
    assert [] == said


@browser_needed
async def test_a_page_whose_clock_is_ahead_asks_again_when_the_session_is_over(browser: Browser) -> None:
    """It waits for what the desk says is left, not for all of its time anew: so long it would outlast the session."""
    stage, said = Stage("ltr"), []
    stage.over_status, stage.left_s = 204, "30"
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        async with page.expect_response(f"{origin}/session/keep"):
            await page.clock.fast_forward("14:01")
        stage.over_status = 303
        await page.clock.fast_forward("00:31")
        await page.wait_for_url(f"{origin}{OUT}")
        await context.close()
    assert (1, []) == (stage.led_out, said)


@browser_needed
async def test_a_page_is_left_though_nobody_ends_the_session(browser: Browser) -> None:
    """Where the desk does not end it, the page waits until it has ended by itself, a minute later, and is left then."""
    stage, said = Stage("ltr"), []
    stage.over_status = 503
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        async with page.expect_response(f"{origin}/session/keep"):
            await page.clock.run_for("14:01")
        assert (0, f"{origin}/case") == (stage.led_out, page.url)
        await page.clock.run_for("01:01")
        await page.wait_for_url(f"{origin}{OUT}")
        await context.close()


@browser_needed
async def test_a_page_that_is_left_shows_nothing_more(browser: Browser) -> None:
    """However long the way out takes, nothing of the case is seen; here it leads nowhere, and the page stays."""
    async with left_for_nowhere(browser) as page:
        assert [] == [
            one for one in ("main", "dialog", ".desk-beforehand") if await page.locator(one).first.is_visible()
        ]
        assert not await page.get_by_text(HOSTILE).is_visible()
        assert page.url.endswith("/case")


@asynccontextmanager
async def left_for_nowhere(browser: Browser) -> AsyncIterator[Page]:
    """Yield the page of a case that was left once its time was over, where the way out leads nowhere."""
    stage, said = Stage("ltr"), []

    async def nowhere(route: Route) -> None:
        await route.fulfill(status=204)

    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.route(f"{origin}{OUT}", nowhere)
        await page.goto(f"{origin}/case")
        assert await page.get_by_text(HOSTILE).is_visible()
        async with page.expect_response(f"{origin}{OUT}"):
            await page.clock.fast_forward("14:01")
        await page.locator("main").wait_for(state="hidden")
        yield page
        await context.close()
    assert [] == said


@browser_needed
async def test_a_page_hides_by_its_own_clock_what_it_shows(browser: Browser) -> None:
    """Once its time is over nothing of the case is seen while no desk answers; where the session goes on, all of it."""
    stage, said = Stage("ltr"), []
    stage.over_status = 204
    asked, answers = asyncio.Event(), asyncio.Event()

    async def hangs(route: Route) -> None:
        asked.set()
        await answers.wait()
        await route.continue_()

    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.route(f"{origin}/session/keep", hangs)
        await page.goto(f"{origin}/case")
        await page.clock.fast_forward("12:30")
        await page.locator("#time-out").wait_for(state="visible")
        assert await page.get_by_text(HOSTILE).is_visible()
        await page.clock.fast_forward("01:31")
        await asked.wait()
        shown = [await page.locator(one).is_visible() for one in ("#time-out", "main", ".desk-beforehand")]
        assert ([True, False, False], 0) == (shown, stage.led_out)
        answers.set()
        await page.get_by_text(HOSTILE).wait_for(state="visible")
        assert (0, f"{origin}/case") == (stage.led_out, page.url)
        await context.close()
    assert [] == said


@browser_needed
async def test_another_tab_shows_no_page_that_was_left(browser: Browser) -> None:
    """Where the way out leads nowhere the page stays, and it is not that of who opens another one after it."""
    async with left_for_nowhere(browser) as page:
        # Behind the channel of the script, which hears a message before this one.
        await page.evaluate(_HEARS)
        await (await page.context.new_page()).goto(page.url.replace("/case", "/queue"))
        assert (1, False) == (await page.evaluate("heard"), await page.locator("main").is_visible())


_HEARS = """void (heard = new Promise((done) => {
  new BroadcastChannel("desk a.ionescu").onmessage = () => done(1);
}))"""


@browser_needed
async def test_another_tab_keeps_this_one(browser: Browser) -> None:
    """A page opened in another tab of the same desk starts the time of this one anew."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        await page.clock.run_for("12:30")
        assert await page.locator("#time-out").is_visible()
        other = await context.new_page()
        await other.goto(f"{origin}/queue")
        await page.locator("#time-out").wait_for(state="hidden")
        await context.close()
    assert [] == said


@browser_needed
async def test_a_tab_of_another_person_keeps_this_one_not(browser: Browser) -> None:
    """Who signs in at a machine that others use keeps no case open that another left there: its time goes on."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/case")
        await page.clock.run_for("12:30")
        assert await page.locator("#time-out").is_visible()
        await page.evaluate(_HEARS.replace("desk a.ionescu", "mark"))
        stage.person = PERSONS[1]
        other = await context.new_page()
        await other.goto(f"{origin}/queue")
        await other.evaluate("new BroadcastChannel('mark').postMessage('')")  # behind what its script says
        await page.evaluate("heard")
        await page.clock.run_for("01:31")
        assert not await page.get_by_text(HOSTILE).is_visible()
        await context.close()
    assert [] == said


@browser_needed
async def test_a_second_click_sends_nothing(browser: Browser) -> None:
    """Over a slow line it would let go of what the first one brings: a session has begun, and nobody has its token."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/confirm")
        stage.answers.clear()
        await page.evaluate(_CLICKS_TWICE)
        while len(stage.counts) < 2:
            await asyncio.sleep(0.01)
        stage.answers.set()
        await page.wait_for_url(f"{origin}/done")
        await context.close()
    assert (["/send"], []) == ([path for path, _ in stage.posted], said)


_CLICKS_TWICE = """void [0, 300].forEach((ms) => setTimeout(() => {
  document.querySelector("main form button").click();
  fetch("/count/late", {cache: "no-store", headers: {"Desk-Background": "1"}});
}, ms))"""
"""
As a hand does, while the first answer is waited for; and tells the desk so, for the page evaluates nothing then. Past
the cache: there a second question for one address waits up to 20 seconds for the answer to the first.
"""


@browser_needed
async def test_a_form_that_is_sent_is_a_step(browser: Browser) -> None:
    """The desk notes it as it begins to come: the page does not offer to stay, or leave, while a large file is sent."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        cdp = await context.new_cdp_session(page)
        await page.clock.install()
        await page.goto(f"{origin}/confirm")
        await page.clock.fast_forward("11:00")
        stage.answers.clear()
        await page.locator("main form button").first.click(no_wait_after=True)
        while not stage.posted:
            await asyncio.sleep(0.01)
        await cdp.send("Page.stopLoading")  # while it is sent, a page evaluates nothing for a test
        await page.clock.fast_forward("02:00")
        assert not await page.locator("#time-out").is_visible()
        stage.answers.set()
        await context.close()
    assert (["/send"], []) == ([path for path, _ in stage.posted], said)


@browser_needed
async def test_a_figure_stays_fresh(browser: Browser) -> None:
    """A count is asked for each minute, marked as asked by nobody; one that is bounded stays bounded."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/queue")
        assert "3" == await page.locator("[data-count-url]").inner_text()
        await page.clock.run_for("01:01")
        # Not by a function: where the text is not there at once, the policy of the page refuses to try that again.
        await page.locator("[data-count-url]", has_text=re.compile("^4$")).wait_for()
        stage.figure = "99+"
        await page.clock.run_for("01:01")
        await page.locator("[data-count-url]", has_text=re.compile("^\u206699\\+\u2069$")).wait_for()
        await context.close()
    assert (["1", "1"], []) == (stage.counts, said)


@browser_needed
async def test_a_figure_is_asked_for_once_at_a_time(browser: Browser) -> None:
    """Over a slow line the next question waits: an answer that comes late would be written over a newer one."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.clock.install()
        await page.goto(f"{origin}/queue")
        stage.answers.clear()
        async with page.expect_request("**/count/late"):
            await page.clock.run_for("01:01")
        await page.clock.run_for("02:00")
        stage.answers.set()
        await page.locator("[data-count-url]", has_text=re.compile("^4$")).wait_for()
        assert ["1"] == stage.counts
        async with page.expect_request("**/count/late"):
            await page.clock.run_for("01:00")
        await context.close()
    assert [] == said


@browser_needed
async def test_a_table_is_sorted_and_chosen(browser: Browser) -> None:
    """A heading sorts its rows by number, up and down, and says so; one box chooses all."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.goto(f"{origin}/queue")
        orders = []
        for _ in range(2):
            await page.get_by_role("button", name="Days").click()
            orders.append([one.strip() for one in await page.locator("#table td:nth-child(4)").all_inner_texts()])
        heading = page.get_by_role("columnheader", name="Days")
        assert ([["9", "10", "30"], ["30", "10", "9"]], "descending") == (
            orders,
            await heading.get_attribute("aria-sort"),
        )
        await page.get_by_label("Choose all on this page").check(force=True)
        assert 3 == await page.locator("input[name=ref]:checked").count()
        await page.get_by_label("Choose MDA-GEO-2026-0398").uncheck(force=True)
        assert await page.locator("#all-ref").evaluate("one => one.indeterminate")
        await context.close()
    assert [] == said


@browser_needed
@pytest.mark.parametrize("wanted", [True, False])
async def test_single_keys_only_where_wanted(browser: Browser, wanted: bool) -> None:
    """A key alone does something only for who switched it on, and never while they type (WCAG 2.1.4)."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        if wanted:
            cookie = {"name": "__Host-shortcuts", "value": "on", "domain": "localhost", "path": "/", "secure": True}
            await context.add_cookies([cookie])  # type: ignore[list-item]
        await page.goto(f"{origin}/queue")
        await page.keyboard.press("?")
        assert wanted == await page.locator("#shortcuts").is_visible()
        if wanted:
            await page.get_by_role("button", name="Close").click()
        await page.keyboard.press("/")
        assert ("q" if wanted else "") == await page.evaluate("document.activeElement.id")
        await page.locator("#q").focus()
        await page.keyboard.type("a/b?")
        assert "a/b?" == await page.locator("#q").input_value()
        await context.close()
    assert [] == said


NO_HELPERS = """delete PublicKeyCredential.parseCreationOptionsFromJSON;
delete PublicKeyCredential.parseRequestOptionsFromJSON; delete PublicKeyCredential.prototype.toJSON;"""


@browser_needed
@pytest.mark.parametrize("script", ["", NO_HELPERS], ids=["helpers", "by hand"])
async def test_passkeys(browser: Browser, script: str) -> None:
    """A passkey is made and used, with the browser's JSON helpers and without; the other side verifies both."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.add_init_script(script)
        cdp = await context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        ready = {"isUserVerified": True, "automaticPresenceSimulation": True}
        await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, **ready}})
        for name in ("Add a passkey", "Sign in with a passkey"):
            await page.goto(f"{origin}/passkey")
            await page.get_by_role("button", name=name).click()
            await page.wait_for_url(f"{origin}/done")
        await context.close()
    assert ["/passkey/create", "/passkey/get"] == [path for path, _ in stage.posted]
    assert [] == said


@browser_needed
async def test_a_passkey_is_asked_for_once_the_script_is_there(browser: Browser) -> None:
    """On a slow line a press before that sends no form without its passkey, and a second press changes nothing."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        cdp = await context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        stage.script.clear()
        await page.goto(f"{origin}/passkey", wait_until="commit")
        button = page.get_by_role("button", name="Add a passkey")
        await button.wait_for()
        await button.click(force=True)
        stage.script.set()
        await button.dblclick()
        await page.wait_for_url(f"{origin}/done")
        await context.close()
    assert (["/passkey/create"], []) == ([path for path, _ in stage.posted], said)


@browser_needed
async def test_a_passkey_is_asked_for_again_where_the_page_was_stopped(browser: Browser) -> None:
    """Whoever waits too long for the answer, and stops it, presses the same button again, and it is sent once more."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        cdp = await context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        await page.clock.install()
        await page.goto(f"{origin}/passkey")
        stage.answers.clear()
        button = page.get_by_role("button", name="Add a passkey")
        await button.click(no_wait_after=True)
        while not stage.posted:
            await asyncio.sleep(0.01)
        await cdp.send("Page.stopLoading")
        await page.clock.run_for("00:03")
        stage.answers.set()
        await button.click()
        await page.wait_for_url(f"{origin}/done", timeout=5_000)
        await context.close()
    assert (["/passkey/create"] * 2, []) == ([path for path, _ in stage.posted], said)


@browser_needed
async def test_a_passkey_refused_is_said(browser: Browser) -> None:
    """Where no passkey comes, nothing is sent and the page says what to do."""
    stage, said = Stage("ltr"), []
    async with stage.served() as origin:
        context, page = await tab(browser, said)
        await page.add_init_script("navigator.credentials.get = () => Promise.reject(new Error('no'))")
        await page.goto(f"{origin}/passkey")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.locator("#get [data-problem]").wait_for(state="visible")
        await context.close()
    assert ([], []) == (stage.posted, said)


def test_style_is_ours() -> None:
    """The stylesheet loads nothing, has no typeface or crest of another State, and knows no left and right."""
    css = (STATIC / "desk.css").read_text("utf-8")
    assert [] == re.findall(r"@font-face|@import|url\(|GDS Transport|crest|#1d70b8", css)
    # A safe area of a screen has no name but left and right.
    sides = re.sub(r"env\(safe-area-inset-\w+\)", "", css)
    assert [] == re.findall(r"(?<![\w-])(?:(?:margin|padding|border)-)?(?:left|right)(?:-\w+)?\s*:", sides)
    assert [] == re.findall(r"(?:float|text-align|justify-content|clear)\s*:\s*(?:left|right)", sides)


def test_what_is_typed_in_or_chosen_from_grows_with_its_text() -> None:
    """A height in pixels cuts the text in half where somebody has it at 200 % (WCAG 2.2, 1.4.4)."""
    css = build_css.ADDITIONS.read_text("utf-8")
    rules = re.findall(r"([^{}]*\.govuk-(?:input|select|textarea|button)\b[^{}]*)\{([^{}]*)\}", css)
    assert len(rules) > 5
    assert [] == [names for names, rule in rules if re.search(r"(?<!-)\b(?:block-size|height):\s*[\d.]+px", rule)]


def test_style_is_as_built() -> None:
    """What is ours in the stylesheet is what stands in ``tools/desk_additions.css``."""
    css = (STATIC / "desk.css").read_text("utf-8")
    assert css.startswith(build_css.NOTICE)
    assert css.endswith(build_css.ADDITIONS.read_text("utf-8"))
    assert "MIT License" in (STATIC / "LICENSE-govuk-frontend.txt").read_text("utf-8")


PATCHES = {
    "a{margin-left:1px}": "a{margin-inline-start:1px}",
    "a{border-right-color:red}": "a{border-inline-end-color:red}",
    "a{left:0;right:auto}": "a{inset-inline-start:0;inset-inline-end:auto}",
    "a{float:right;text-align:left!important}": "a{float:inline-end;text-align:start!important}",
    "a{padding:1px 2px 3px 4px}": "a{padding-block:1px 3px;padding-inline:4px 2px}",
    "a{padding:1px 2px 3px 2px}": "a{padding:1px 2px 3px 2px}",
    "@font-face{font-family:x;src:url(y)}a{color:red}": "a{color:red}",
    "@media print{.govuk-header__logotype{color:red}}a{color:red}": "a{color:red}",
    ".govuk-header__logotype,a{color:red}": "a{color:red}",
    "a:not(.b,.c),d{background:url(e);color:#1d70b8}": "a:not(.b,.c),d{color:var(--govuk-brand-colour)}",
}


@pytest.mark.parametrize("css", PATCHES)
def test_patch(css: str) -> None:
    """Each change to the stylesheet does what it says, and no more."""
    assert PATCHES[css] == build_css.patch(css)


def test_script_is_short_and_writes_no_markup() -> None:
    """The script has fewer than 200 lines and none of the ways to make markup or code of a text."""
    script = (STATIC / "desk.js").read_text("utf-8")
    assert script.count("\n") < 200
    assert [] == re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|import\(", script)


PARTS = {
    "page": '{% import "part" as p with context %}{% import "other" as o with context %}{{ p.say() }}{{ o.say() }}',
    "other": '{% import "part" as p with context %}{% macro say() %}{{ p.say() }}{% endmacro %}',
    "part": "{% do made.append(who) %}{% macro say() %}{{ who }}{% endmacro %}",
}


def test_part_is_made_once_a_page() -> None:
    """What a page and its parts import is made once, and for the next page anew, of the values of that one."""
    stage, made = Stage("ltr"), list[str]()
    stage.site._environments["en"] = make_environment(stage.tongue, jinja2.DictLoader(PARTS))
    visit: Any = SimpleNamespace(tongue=stage.tongue, roles=frozenset())
    assert ["aa", "bb"] == [stage.site.render(visit, "page", {"who": who, "made": made}) for who in "ab"]
    assert ["a", "b"] == made


def test_templates_have_no_script_or_style_inside() -> None:
    """No template has a script, a style or a handler in it, which the policy would refuse."""
    for path in (WEB / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert [] == re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?! src=)", text), path.name
