"""Days within a text that is read from right to left keep the order of their parts."""

import pytest

from gateway.web.site import keep_days_in_order

KEPT = {
    "an attribute": '<time datetime="2026-12-18T10:00:00+01:00">x</time>',
    "what goes back with a form": "<textarea>since 2026-12-18</textarea>",
    "a text that is signed": '<pre dir="ltr" data-exact tabindex="0">{&#34;on&#34;:&#34;2026-12-18&#34;}</pre>',
    "the same within a line": '<bdi dir="ltr" data-exact>{&#34;on&#34;:&#34;2026-12-18&#34;}</bdi>',
    "the title": "<title>2026-12-18</title>",
    "a part of a longer code": "<bdi>XBB-2026-27</bdi>",
    "a long number": "<p>12026-12-18</p>",
}


@pytest.mark.parametrize("day", ["2026-12-18", "2026-12", "2026-12-18 10:00", "2026-12-18 10:00 UTC+01:00"])
def test_day_is_isolated(day: str) -> None:
    """A day, a month and an instant are isolated as one, wherever they stand in a text."""
    assert f"<p>حتى \u2066{day}\u2069.</p>" == keep_days_in_order(f"<p>حتى {day}.</p>")


@pytest.mark.parametrize("html", KEPT.values(), ids=KEPT)
def test_what_is_no_text_of_the_page_stays(html: str) -> None:
    """Attributes, fields, the title and codes are left as they are."""
    assert html == keep_days_in_order(html)
