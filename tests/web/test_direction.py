"""Values within a text that is read from right to left keep the order of their parts, and a day stays on one line."""

import pytest

from gateway.web.site import keep_in_order, keep_whole
from keys.trust_words import hexadecimal
from tests.support.rows import for_each
from tests.web.values import VALUES

KEPT = {
    "an attribute": '<p title="+00 5550 100">x</p>',
    "what goes back with a form": "<textarea>since 2026-12-18</textarea>",
    "a text that is signed": '<pre dir="ltr" data-exact tabindex="0">{&#34;on&#34;:&#34;2026-12-18&#34;}</pre>',
    "the same within a line": '<bdi dir="ltr" data-exact>{&#34;on&#34;:&#34;2026-12-18&#34;}</bdi>',
    "a number": "<p>نص 72 و71.5 و10:30 و3/5 (4).</p>",
    "what begins and ends with a letter": "<p>نص XBB-2026-27 ثم isthmus trust renew /root --as PERSON (HTTP 503).</p>",
    "signs around Arabic words": "<p>(نص 5) (6 نص)، ?نص/45 &#39;نص&#39;</p>",
}


@for_each("text", VALUES.values(), ids=VALUES)
def test_value_is_isolated(text: str) -> None:
    """A value is isolated as one, wherever it stands in a text, also where no element can: in a title or a choice."""
    for tag in ("p", "title", "option"):
        assert f"<{tag}>حتى \u2066{text}\u2069.</{tag}>" == keep_in_order(f"<{tag}>حتى {text}.</{tag}>", "rtl")
    assert f"<p>\u2066{text}\u2069</p>" == keep_in_order(f"<p>{text}</p>", "rtl")


def test_fingerprint_is_isolated() -> None:
    """A fingerprint stays one thing: its first digits would be shown behind the rest of it."""
    text = hexadecimal(bytes.fromhex("2481190fc9db4b84060c7819bef75dec72bac418b57f2e5814addabccf1a00a7"))
    assert f"<p>البصمة \u2066{text}\u2069</p>" == keep_in_order(f"<p>البصمة {text}</p>", "rtl")


@pytest.mark.parametrize("html", KEPT.values(), ids=KEPT)
def test_what_needs_nothing_stays(html: str) -> None:
    """Attributes, fields, texts that are signed, and what a browser shows in order by itself are left as they are."""
    assert html == keep_in_order(html, "rtl")


def test_value_in_what_a_person_wrote() -> None:
    """On a page read from left to right, the values in a text that is not are isolated, and no others."""
    page = "<p>+00 5550 100 since 2026-12-18</p><bdi>{}</bdi><textarea>{}</textarea>"
    typed, shown = "المناوبة، +00 5550 100", "المناوبة، \u2066+00 5550 100\u2069"
    assert page.format(shown, typed) == keep_in_order(page.format(typed, typed), "ltr")


STANDING = {
    "an attribute": '<time datetime="2026-12-18">x</time>',
    "what goes back with a form": "<textarea>since 2026-12-18</textarea>",
    "what can hold no element": "<title>2026-12-18</title><select><option>Number 1 of 2026-12-18</option></select>",
    "a text that is signed": '<pre dir="ltr" data-exact tabindex="0">{&#34;on&#34;:&#34;2026-12-18&#34;}</pre>',
    "what is no day": "<p>XBB-2026-27, AB-2026-12-18, 2026-12-1 and a-1234-56-b</p>",
}


@pytest.mark.parametrize("text", ["2026-12-18", "2001-04"])
def test_day_stays_on_one_line(text: str) -> None:
    """No line ends within a day, in whatever text it stands; the words around it may be broken as before."""
    whole = f'<span class="desk-day">{text}</span>'
    assert f"<p>From {whole} until {whole}.</p>" == keep_whole(f"<p>From {text} until {text}.</p>")
    assert f"<p>حتى \u2066{whole}\u2069</p>" == keep_whole(keep_in_order(f"<p>حتى {text}</p>", "rtl"))


@pytest.mark.parametrize("html", STANDING.values(), ids=STANDING)
def test_what_is_no_day_in_a_text_stays(html: str) -> None:
    """Attributes, fields, titles, choices, texts that are signed, and other numbers are left as they are."""
    assert html == keep_whole(html)
