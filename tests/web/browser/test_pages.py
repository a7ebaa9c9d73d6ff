"""
Every page of every desk: it stands, it says nothing it should not, it can be used by everybody, in every language.

What is looked at in a browser here is each kind of page once; the drill `drills/pages.py` looks at each in each state.
"""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio

from gateway.web.language import LANGUAGES
from gateway.web.site import keep_in_order
from tests.web.browser.crawl import Crawl, Page, crawl, kinds
from tests.web.browser.english import english_in, latin_in, texts_of
from tests.web.browser.looking import Looker
from tests.web.browser.population import names
from tests.web.browser.stage import Stage
from tests.web.chromium import SHUFFLED
from tests.web.values import VALUES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

OPENS = {
    "interior": frozenset(
        {"case", "case-print", "case-return", "case-log", "check", "approve", "sign-off", "step", "access-case"}
    ),
    "board": frozenset[str](),
    "operator": frozenset[str](),
}
"""Pages that show something of a person once a reason for the look is on record."""


PARAMETERS = frozenset(
    {"v", "lang", "next", "kept", "after", "before", "order", "partner", "side", "state", "band", "aside", "officer"}
    | {"ref", "person", "open", "role", "work", "problems", "pending", "language"}
)
"""
What an address may hold beside its path: what a list shows and where it goes on, where to lead after signing in, a role
of the visitor's own, and references; ``person`` is one of ours, whose looks are listed.
"""

_TOKEN = re.compile(r"(?<![\w-])[A-Za-z0-9_-]{22,}(?![\w-])")


def said(page: Page) -> str:
    """Return the HTML without its tokens and digests: random letters spell a short name once in a hundred runs."""
    return _TOKEN.sub(" ", page.html)


async def test_no_name_is_as_long_as_a_token() -> None:
    """What is taken out of a page before names are looked for is none of them."""
    assert [] == [name for name in names() if _TOKEN.search(name)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(stage: Stage) -> Crawl:
    """What everybody sees who gives no reason."""
    return await crawl(stage, by_state=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(stage: Stage) -> Crawl:
    """What everybody sees who gives a reason for each case."""
    return await crawl(stage, opens=True, by_state=True, shared=True)


async def test_no_link_leads_nowhere(closed: Crawl, opened: Crawl) -> None:
    """Whatever a page links to is a page, is this person's to see, and comes without a fault."""
    assert [] == sorted(set(closed.faults + opened.faults))


async def test_links_lead_everybody_to_their_own_account(closed: Crawl) -> None:
    """Who signed in as somebody, and ends the sessions of a thief, nobody has to know an address for."""
    came = {(page.person, page.shape.desk) for page in closed.pages}
    assert set() == came - {(page.person, page.shape.desk) for page in closed.pages if page.shape.route == "methods"}


async def test_no_identity_without_a_reason(closed: Crawl) -> None:
    """No page holds a name or number of anybody in a case before a reason for the look is on record (R-13)."""
    wanted = names()
    told = [(page, said(page)) for page in closed.pages]
    assert [] == [f"{page}: {name}" for page, text in told for name in wanted if name in text]


async def test_identity_only_on_the_pages_for_it(opened: Crawl) -> None:
    """With a reason given for every case, names stand on the pages of content, and on no list, board or log."""
    wanted = names()
    found = [page for page in opened.pages if any(name in text for text in [said(page)] for name in wanted)]
    assert [] == [str(page) for page in found if page.shape.route not in OPENS[page.shape.desk]]
    assert found


async def test_addresses_say_what_a_list_shows_and_nothing_of_a_person(closed: Crawl, opened: Crawl) -> None:
    """History, proxies and a Referer keep an address: beside its path it holds what is known here to be of no case."""
    found = {
        name
        for page in (*closed.pages, *opened.pages)
        for place in re.findall(r'(?:href|action|src)="(/[^"]*)"', page.html)
        for name, _ in parse_qsl(urlsplit(unescape(place)).query)
    }
    assert set() == found - PARAMETERS


async def test_pages_can_be_used_by_everybody(stage: Stage, opened: Crawl) -> None:
    """
    Each kind of page in each language: one main heading, its language, no name in its title, nothing wider than the
    window and no short word broken at 1280 and 320 pixels, a name for what takes the focus to be scrolled, nothing on
    the console. By turns axe looks at each in one of the languages, and it is looked at there at 900 pixels too.
    """
    # Desk after desk: each time it goes to another site the browser begins a process.
    chosen = sorted(kinds(opened.pages), key=lambda page: (page.country, page.shape.desk))
    faults = []
    for turn, lang in enumerate(LANGUAGES):
        async with Looker(stage, lang, names()) as looker:
            for number, page in enumerate(chosen):
                deep = number % len(LANGUAGES) == turn
                faults += [f"{page} {lang}: {text}" for text in await looker.look(page, deep=deep)]
    assert [] == faults


async def test_values_are_read_in_order(stage: Stage) -> None:
    """A browser shows each value as it is read once it is isolated, and none of them before, in a page or a name."""
    for lang, said in (("ar", "<p>حتى {}.</p>"), ("en", "<p><bdi>حتى {}.</bdi></p>")):
        page, dir = "".join(said.format(text) for text in VALUES.values()), "rtl" if lang == "ar" else "ltr"
        async with Looker(stage, lang) as looker:
            found = []
            for html in (page, keep_in_order(page, dir)):
                await looker.tab.set_content(f'<!DOCTYPE html><html dir="{dir}"><body>{html}</body></html>')
                found.append(await looker.tab.evaluate(SHUFFLED))
        assert (len(VALUES), []) == (len(found[0]), found[1]), found[0]


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "en"])
async def test_no_english_in_other_languages(stage: Stage, lang: str) -> None:
    """Whoever reads another language reads no sentence of the English catalogue, and no English text of a code."""
    seen = await crawl(stage, opens=True, by_state=True, shared=True, lang=lang)
    said = texts_of([page.html for page in seen.pages], lang)
    assert [] == english_in(said, lang)
    if lang == "ar":
        assert [] == latin_in(said)  # also what no catalogue knows
        assert [] == sorted(text for text in said if re.search("[\u0620-\u064a][,;]", text))
