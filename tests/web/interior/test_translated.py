"""
What only a form brings to the screen is in the reader's language: a file that is refused, an account, a dry run.

The crawl of ``tests/web/browser/test_pages.py`` follows links, so it meets none of these pages.
"""

import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway.core.minimise import MATRIX
from gateway.web import interior
from gateway.web.language import LANGUAGES, tongue
from gateway.web.unfit import FOUND, said
from schemas import ijson
from tests.support import story
from tests.web.browser.english import english_in, latin_in, texts_of
from tests.web.interior.case_support import looked
from tests.web.operator.support import staffed_desk
from tests.web.support import Answer, Desk

Shown = Callable[[Desk, str], Awaitable[list[Answer]]]
"""What makes pages of a desk in a language."""

EXAMPLES = Path(schemas.__file__).parent / "examples"

OTHERS = sorted(lang for lang in LANGUAGES if lang != "en")

FILES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "nothing in it": b"{}",
    "an invisible character": ijson.dumps(story.draft(justification="lost \u202e documents")),
    "what is too long": ijson.dumps(story.draft(justification="x" * 2001)),
    **{path.stem: path.read_bytes() for path in sorted((EXAMPLES / "case-draft/invalid").glob("*.json"))},
}

MATRICES = {path.stem: path.read_bytes() for path in sorted((EXAMPLES / "matrix/invalid").glob("*.json"))}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Serve the interior desk of a gateway that has a data-protection officer."""
    async with staffed_desk(tmp_path, [interior.PAGES]) as made:
        yield made


_PHRASE = re.compile(r"(?=\b([a-z]{2,} [a-z]{2,} [a-z]{2,})\b)")
"""Three words in a row, in Latin letters without a sign: what two languages do not share but by leaving one out."""


def phrases(said: Iterable[str]) -> set[str]:
    """Return every three words in a row that texts say."""
    return {found for text in said for found in _PHRASE.findall(text)}


async def untranslated(shown: Shown, desk: Desk, lang: str) -> list[str]:
    """Return what the pages of ``shown`` say in English, by the catalogue, by the letters, and by the same in both."""
    pages, english = await shown(desk, lang), await shown(desk, "en")
    assert [page.status for page in english] == [page.status for page in pages]
    said, beside = texts_of([page.text for page in pages], lang), texts_of([page.text for page in english], "en")
    assert phrases(beside)
    found = english_in(said, lang) + sorted(phrases(said) & phrases(beside))
    return found + (latin_in(said) if lang == "ar" else [])


async def refused(desk: Desk, lang: str) -> list[Answer]:
    """Return what the page says of each file that is no case draft."""
    first = await desk.officer("first", language=lang)
    await first.get("/requests/new")
    pages = [await first.post("/requests/import", {"file": raw}) for raw in FILES.values()]
    assert {422} == {page.status for page in pages}
    return pages


async def account(desk: Desk, lang: str) -> list[Answer]:
    """Return the accounts of a case that was sent and of one of which nothing was, with what is asked for before."""
    sent, _ = await story.received(desk.network)
    await desk.gateway.notices.strike(sent, ["BIRTH_DATE"], "first", "case_officer")
    unsent = await story.cleared(desk.network)
    dora = await desk.officer("dora", language=lang)
    pages = [await dora.get("/requests?open=yes")]
    for ref, why in (("", ""), ("-", "20/11"), (sent, "20/11"), (unsent, "20/11")):
        await dora.get("/requests")
        pages.append(await dora.post("/requests", {"ref": ref, "why": why}))
    pages.append(await looked(dora, sent, "/documents", why="20/11"))
    await dora.get(f"/cases/{sent}/documents")
    pages.append(await dora.post(f"/cases/{sent}/account", {"why": "20/11"}))
    assert [200, 422, 422, 200, 200, 200, 200] == [page.status for page in pages]
    return pages


async def watched(desk: Desk, lang: str) -> list[Answer]:
    """Return the log, the reasons asked for and opened, and every dry run, as the data-protection officer sees them."""
    ref = await story.sent(desk.network)
    dora = await desk.officer("dora", language=lang)
    pages = [await dora.get("/access"), await dora.get("/access?person=second"), await dora.get(f"/access/{ref}")]
    pages += [await dora.post(f"/access/{ref}", {"why": why}) for why in ("", "x", "20/11")]
    pages += [await dora.get("/policy"), await dora.get("/policy/try")]
    changed: dict[str, Any] = copy.deepcopy(dict(MATRIX))
    next(row for row in changed["elements"] if row["element"] == "SEX")["purposes"]["NATIONALITY"] = "required"
    passing, asylum = ijson.dumps(story.draft()), {"attested_by": None, "attested_on": None, "basis": None}
    stopped = ijson.dumps(story.draft(asylum={"state": "pending", **asylum}))
    tries = [(raw, b"") for raw in (*FILES.values(), passing, stopped)] + [(b"", raw) for raw in MATRICES.values()]
    for draft, matrix in [*tries, (passing, ijson.dumps(changed)), (passing, ijson.dumps(dict(MATRIX)))]:
        pages.append(await dora.post("/policy/try", {"draft_file": draft, "matrix_file": matrix}))
    assert {200, 422} == {page.status for page in pages}
    return pages


@pytest.mark.parametrize("lang", OTHERS)
@pytest.mark.parametrize("shown", [refused, account, watched], ids=lambda one: one.__name__)
async def test_no_page_has_an_english_text(desk: Desk, shown: Shown, lang: str) -> None:
    """What an import is refused for, an account, the log and dry runs are in the language of the page."""
    assert [] == await untranslated(shown, desk, lang)


def refusals() -> set[str]:
    """Return what the schemas find wrong with every example that is to be refused."""
    found = set()
    for path in EXAMPLES.glob("*/invalid/*.json"):
        try:
            schemas.validate(path.parent.parent.name, ijson.loads(path.read_bytes()))
        except ijson.BadJson:
            continue
        except schemas.SchemaError as error:
            found |= {one.text for one in error.problems}
    return found


@pytest.mark.parametrize("lang", OTHERS)
def test_whatever_a_schema_finds_has_its_words(lang: str) -> None:
    """Every complaint of every schema about the examples is said in each language, with its values in it."""
    words = tongue(lang, "UTC")
    found = {text: said(words, schemas.Problem("/a", "", text)) for text in refusals()}
    assert [] == [text for text, told in found.items() if text in told]
    assert [] == [told for told in found.values() if "%" in told]
    assert len(FOUND) > 10


def test_what_no_list_has_is_shown_as_it_is() -> None:
    """A complaint that a later version brings stands in English, marked as such, and what stands in it is escaped."""
    found = said(tongue("fr", "UTC"), schemas.Problem("/<a>", "", "is <new>"))
    assert '<bdi class="desk-code">/&lt;a&gt;</bdi>\u00a0: <span lang="en">is &lt;new&gt;</span>' == found
