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


async def test_a_name_within_a_name_is_not_broken(tmp_path: Path) -> None:
    """Four levels deep, as a name in Latin letters is, a value has room for its words in every window."""
    async with two_desks(tmp_path) as (desk, _):
        ours, _ = await story.replied(desk.network, "NATIONAL")
        page = (await looked(await desk.officer("first"), ours)).text
    # Scripts and style sheets are of an address that this page has not.
    page = re.sub(r"<script.*?</script>|<link[^>]*stylesheet[^>]*>", "", page, flags=re.DOTALL)
    page = page.replace("</head>", f"<style>{STYLE}</style></head>")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        tab = await browser.new_page()
        await tab.set_content(page)
        broken = {}
        for width in (1280, 900, 700, 320):
            await tab.set_viewport_size({"width": width, "height": 900})
            broken[width] = await tab.evaluate(BROKEN, SHORT)
        assert await tab.get_by_text("IVANOVA").first.is_visible()
        await browser.close()
    assert {1280: [], 900: [], 700: [], 320: []} == broken
