"""The note verbale: what it says, in two languages, and what it never says."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

import schemas
from gateway.core.instruments import Instrument
from gateway.core.note_verbale import (
    LANGUAGES,
    Item,
    Note,
    note_from_dict,
    note_to_dict,
    quarterly_text,
    reference,
    serialize_html,
    serialize_text,
)
from tests.support.telling import TELLING

THREADS = ("CJDAgXMgk34Kg3R2-Y6VVw", "DPx6b_MxUGnTi3ssJc-4VA")
ITEMS = (
    Item(reference(THREADS[0]), "reply", date(2026, 12, 1), date(2026, 12, 15), "EURA-UA-AT", "Article 3", "verified"),
    Item(reference(THREADS[1]), "reply", date(2026, 12, 2), date(2026, 12, 16), "POLICY_DEFAULT", None, "unverified"),
)
NOTE = Note("3/2027", date(2027, 1, 12), "Austria", "Ukraine", "en", ITEMS)


def test_it_has_the_parts_of_a_note() -> None:
    """Number, courtesy, count, list, request and closing formula stand in this order, and the day at the end."""
    parts = serialize_text(NOTE).strip().split("\n\n")
    begun = ["Note verbale No. 3/2027", "The Ministry", "The competent", "2 matters", "Reference", "The Ministry would"]
    assert begun == [part[: len(begin)] for part, begin in zip(parts, begun, strict=False)]
    assert "presents its compliments" in parts[1]
    assert "assurances of its highest consideration" in parts[6]
    assert ("2027-01-12", 8) == (parts[-1], len(parts))


@pytest.mark.parametrize(("language", "title"), [("en", "Draft of a note verbale"), ("fr", "Projet de note verbale")])
def test_a_draft_says_that_it_is_one(language: str, title: str) -> None:
    """What has no number yet cannot be taken for a note, on paper either."""
    draft = replace(NOTE, number="", language=language)
    assert title == serialize_text(draft).partition("\n")[0]
    assert f"<h1>{title}</h1>" in serialize_html(draft)


def test_the_list_names_reference_days_and_agreement() -> None:
    """One line a case; where no agreement gives a time, the line says so."""
    lines = [re.split(r"  +", line) for line in serialize_text(NOTE).split("\n\n")[4].splitlines()]
    assert ["Reference", "Asked on", "Due on", "Under"] == lines[0]
    assert [ITEMS[0].reference, "2026-12-01", "2026-12-15", "EURA-UA-AT, article 3"] == lines[1]
    assert "policy; no agreement names a time" == lines[2][3]


@pytest.mark.parametrize(
    ("confidence", "shown"),
    [("verified", ""), ("high", " (figure not verified)"), ("unverified", " (figure not verified)")],
)
def test_a_figure_that_nobody_verified_is_marked(confidence: str, shown: str) -> None:
    """Whoever reads the note learns which of its figures nobody compared with the text of the agreement."""
    text = serialize_text(replace(NOTE, items=(replace(ITEMS[0], confidence=confidence),)))
    assert f"EURA-UA-AT, article 3{shown}\n" in text


def test_a_note_from_before_reads_as_it_was_issued() -> None:
    """A note that was kept without saying how sure its figures are is printed again in the words it had."""
    old = note_to_dict(NOTE)
    old["items"] = [{name: value for name, value in one.items() if name != "confidence"} for one in old["items"]]
    text = serialize_text(note_from_dict(old))
    assert "EURA-UA-AT, article 3\n" in text
    assert "the time usual between the two authorities" in text


def test_it_is_not_signed() -> None:
    """No line asks for a signature or holds a name; seal and initials are put on by hand."""
    assert None is re.search(r"sign|\[|_{3}", serialize_text(NOTE), re.IGNORECASE)


def test_french() -> None:
    """In French everything is French."""
    text = serialize_text(replace(NOTE, language="fr", sender="Autriche"))
    assert "présente ses compliments" in text
    assert "2 demandes sont en attente." in text
    assert None is re.search(r"\b(the|Ministry|matters|under)\b", text)
    assert None is re.search(r" [:;!?»]|n° |« |'", text)  # no sign is left alone at the end of a line


def test_one_case_is_not_many() -> None:
    """The count agrees with its noun."""
    assert "One matter is pending." in serialize_text(replace(NOTE, items=ITEMS[:1]))


def test_a_reference_is_one_way_and_the_same_on_both_sides() -> None:
    """It is sixteen signs made of the thread, another for another thread, and shows nothing of it."""
    found = [reference(thread) for thread in THREADS]
    assert all(re.fullmatch(r"(?:[2-9A-HJ-NP-Z]{4}-){3}[2-9A-HJ-NP-Z]{4}", one) for one in found)
    assert found == [reference(thread) for thread in THREADS]
    assert 2 == len(set(found))
    assert [] == [thread for thread in THREADS if thread in serialize_text(NOTE)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(schemas.load_instruments()))
def test_no_agreement_makes_it_telling(name: str, language: str) -> None:
    """Under whichever agreement a case runs, the note says nothing of why somebody is asked about."""
    one = Instrument.from_dict(schemas.load_instrument(name))
    articles = {one.article, *(rule.article for rule in one.steps)}
    items = tuple(replace(ITEMS[0], instrument=one.id, article=article) for article in articles)
    note = replace(NOTE, items=items, language=language)
    texts = (serialize_text(note), serialize_html(note), quarterly_text("A", "B", NOTE.on, items, language))
    allowed = name if name == "PALERMO8" else ""
    # The Protocol has no time limit, so no clock runs under it and its name cannot come here.
    assert [] == [found for text in texts for found in TELLING.findall(text.replace(allowed, "")) if not allowed]
    assert () == one.steps or not allowed


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_the_page_is_escaped_and_refers_to_nothing() -> None:
    """A name with a sign of HTML in it stays text, and no element loads anything."""
    page = serialize_html(replace(NOTE, recipient='<script src="x">&'))
    tags = _Tags()
    tags.feed(page)
    assert "&lt;script src=&quot;x&quot;&gt;&amp;" in page
    assert set() == {name for name, _ in tags.found} & {"script", "img", "link", "a", "iframe"}
    assert [] == [attrs for _, attrs in tags.found if {"src", "href"} & {name for name, _ in attrs}]


@pytest.mark.parametrize(("language", "none"), [("en", "Nothing is pending."), ("fr", "Aucune demande")])
def test_the_quarterly_list(language: str, none: str) -> None:
    """The list for the committee has a count and the same lines; an empty one says so."""
    text = quarterly_text("Austria", "Ukraine", NOTE.on, ITEMS, language)
    assert [True, True] == [item.reference in text for item in ITEMS]
    assert none in quarterly_text("Austria", "Ukraine", NOTE.on, (), language)
