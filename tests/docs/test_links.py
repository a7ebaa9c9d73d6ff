"""The documents point at things that exist: files, headings, make targets."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rows import for_each

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"`make ([a-z]+)[^`]*`|^ {4}make ([a-z]+)", re.MULTILINE)


def prose(page: Path) -> str:
    """Return the page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the fragment of each heading, made as the usual renderers make it."""
    headings = re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> Iterator[str]:
    """Yield each relative link of the page that leads nowhere."""
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        goal = (page.parent / path).resolve() if path else page
        if not goal.exists() or (fragment and fragment not in anchors(goal)):
            yield link


@for_each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file and, where it names one, to a heading in it."""
    assert [] == list(broken(page))


def test_first_page_leads_to_every_other() -> None:
    """Whoever opens the README finds each page of the documents."""
    linked = set(LINK.findall(prose(ROOT / "README.md")))
    assert set() == {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} - linked


@pytest.mark.parametrize(("heading", "place"), [("rules", "core"), ("services", "services")])
def test_map_has_every_file_once(heading: str, place: str) -> None:
    """The tables of the rules and of the services in the architecture name each file of theirs in one row."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    below = page.partition(f"### What lies in the {heading}\n")[2]
    rows = re.split(r"^##", below, maxsplit=1, flags=re.MULTILINE)[0].partition("|---|---|")[2]
    files = [path.stem for path in (ROOT / "gateway" / place).glob("*.py") if path.stem != "__init__"]
    assert sorted(files) == sorted(re.findall(r"`(\w+)`", rows))


def test_make_targets_exist() -> None:
    """Every make target that a document names is in the Makefile."""
    named = {a or b for page in PAGES for a, b in TARGET.findall(page.read_text(encoding="utf-8"))}
    defined = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set() == named - defined
    assert {"demo", "desks", "test", "check", "drills", "docs", "benchmark"} <= defined


def test_decisions_are_numbered() -> None:
    """A decision's file name, its title and its place in the row carry the same number."""
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    titles = [page.read_text(encoding="utf-8").splitlines()[0] for page in pages]
    numbers = [page.name[:4] for page in pages]
    assert [f"{number:04}" for number in range(1, len(pages) + 1)] == numbers
    assert all(title.startswith(f"# {number}: ") for title, number in zip(titles, numbers, strict=True))
