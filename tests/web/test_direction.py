"""Days and fingerprints within a text that is read from right to left keep the order of their parts."""

import pytest

from gateway.web.site import keep_in_order
from keys.trust_words import hexadecimal

KEPT = {
    "an attribute": '<time datetime="2026-12-18T10:00:00+01:00">x</time>',
    "what goes back with a form": "<textarea>since 2026-12-18</textarea>",
    "a text that is signed": '<pre dir="ltr" data-exact tabindex="0">{&#34;on&#34;:&#34;2026-12-18&#34;}</pre>',
    "the same within a line": '<bdi dir="ltr" data-exact>{&#34;on&#34;:&#34;2026-12-18&#34;}</bdi>',
    "the title": "<title>2026-12-18</title>",
    "a part of a longer code": "<bdi>XBB-2026-27</bdi>",
    "a long number": "<p>12026-12-18</p>",
    "digits that are no fingerprint": "<p>2481 1902</p>",
}


@pytest.mark.parametrize("day", ["2026-12-18", "2026-12", "2026-12-18 10:00", "2026-12-18 10:00 UTC+01:00"])
def test_day_is_isolated(day: str) -> None:
    """A day, a month and an instant are isolated as one, wherever they stand in a text."""
    assert f"<p>حتى \u2066{day}\u2069.</p>" == keep_in_order(f"<p>حتى {day}.</p>")


def test_fingerprint_is_isolated() -> None:
    """A fingerprint stays one thing: its first digits would be shown behind the rest of it."""
    text = hexadecimal(bytes.fromhex("2481190fc9db4b84060c7819bef75dec72bac418b57f2e5814addabccf1a00a7"))
    assert f"<p>البصمة \u2066{text}\u2069</p>" == keep_in_order(f"<p>البصمة {text}</p>")


@pytest.mark.parametrize("html", KEPT.values(), ids=KEPT)
def test_what_is_no_text_of_the_page_stays(html: str) -> None:
    """Attributes, fields, the title and codes are left as they are."""
    assert html == keep_in_order(html)
