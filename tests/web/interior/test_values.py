"""How the values of a case stand in a window: what an officer compares letter by letter is not broken within a word."""

import re
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.support import story
from tests.web.chromium import BROKEN, CHROMIUM, FLAGS, SHORT
from tests.web.interior.case_support import looked, two_desks

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is missing")

STYLE = (Path(__file__).parents[3] / "gateway/web/static/desk.css").read_text(encoding="utf-8")


PAPER = 680
"""Pixels of a line on A4 between its margins."""


async def test_a_name_within_a_name_is_not_broken(tmp_path: Path) -> None:
    """Four levels deep, as a name in Latin letters is, a value has room for its words in every window, and on paper."""
    async with two_desks(tmp_path) as (desk, _):
        ours, _ = await story.replied(desk.network, "NATIONAL")
        officer = await desk.officer("second")
        page = styled((await looked(officer, ours)).text)
        log = styled((await officer.get(f"/cases/{ours}/log")).text)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        tab = await browser.new_page()
        await tab.set_content(page)
        broken = {}
        for width in (1280, 900, 700, 320):
            await tab.set_viewport_size({"width": width, "height": 900})
            broken[width] = await tab.evaluate(BROKEN, SHORT)
        assert await tab.get_by_text("IVANOVA").first.is_visible()
        await tab.emulate_media(media="print")
        await tab.set_viewport_size({"width": PAPER, "height": 900})
        for name, text in (("case on paper", page), ("who looked, on paper", log)):
            await tab.set_content(text)
            broken[name] = await tab.evaluate(BROKEN, SHORT)
        await browser.close()
    assert {name: [] for name in broken} == broken


def styled(page: str) -> str:
    """Return a page with its style in it: scripts and style sheets are of an address that it has not here."""
    page = re.sub(r"<script.*?</script>|<link[^>]*stylesheet[^>]*>", "", page, flags=re.DOTALL)
    return page.replace("</head>", f"<style>{STYLE}</style></head>")
