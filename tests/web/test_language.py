"""The languages of the pages: choice, codes, instants, catalogues that are whole."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

import schemas
from gateway.core import machine, names, notices, referral, return_changes, return_guards, verification_changes
from gateway.core.rule_checks import MINOR_ELSEWHERE, NOT_LET_GO, NOT_YET
from gateway.services import (
    anew,
    answer,
    answers,
    away,
    fallen,
    heard,
    judge,
    passed_over,
    person_stop,
    receive,
    reckon,
    resync,
    steps,
    threads,
    undelivered,
)
from gateway.services.clear import UNDER_WAY
from gateway.services.notices import STILL_HERE
from gateway.services.returning import NOT_FORGOTTEN
from gateway.web.interior.findings import FINDINGS, said
from gateway.web.language import LANGUAGES, choose, tongue
from gateway.web.readable import parts
from gateway.web.rules import FAULTS, RULES, against
from gateway.web.site import environment
from tests.docs.rules_page import PARAGRAPHS
from tools import catalogues

PLACEHOLDERS = re.compile(r"%\((\w+)\)s|%[sd]")


@pytest.mark.parametrize(
    ("wanted", "accepted", "chosen"),
    [
        (None, "", "en"),
        ("fr", "ar", "fr"),
        ("xx", "ar", "ar"),
        (None, "de, fr;q=0.5, ar;q=0.9", "ar"),
        (None, "fr-CA", "fr"),
        (None, "fr;q=0", "en"),
        (None, "fr;q=x, ar;q=0.1", "ar"),
        (None, ",;q=,;;" * 100, "en"),
    ],
)
def test_the_language_of_a_page(wanted: str | None, accepted: str, chosen: str) -> None:
    """What was chosen goes first, then the browser's order, then the default; nonsense counts as nothing."""
    assert chosen == choose(wanted, accepted, "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_instant_says_its_offset(lang: str) -> None:
    """ISO date, local time and offset, the same in every language."""
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert "2026-07-02 00:30 UTC+02:00" == tongue(lang, "Europe/Vienna").instant(at)


def test_a_code_has_its_text_in_each_language() -> None:
    """Texts of codes come from their lists; a code that a later version brings stands as it is."""
    texts = {tongue(lang, "UTC").code("outcome", "NOT_FOUND") for lang in LANGUAGES}
    assert len(LANGUAGES) == len(texts)
    assert "SOMETHING_NEW" == tongue("fr", "UTC").code("outcome", "SOMETHING_NEW")


@pytest.mark.parametrize("lang", ["fr", "ar"])
def test_the_catalogue_is_whole(lang: str) -> None:
    """Every text of a page or of a module is translated, in every plural form, and none is left of what is gone."""
    held = catalogues.load(lang)
    texts = {str(one.id) for one in catalogues.texts() if one.id}
    assert texts == {str(one.id) for one in held if one.id}
    assert [] == catalogues.missing(held)


@pytest.mark.parametrize("lang", ["fr", "ar"])
def test_a_translation_keeps_what_is_filled_in(lang: str) -> None:
    """Each translation names the same values as its text; a plural form may leave the number to its words."""
    wrong = []
    for one in catalogues.load(lang):
        if not one.id:
            continue
        sources = one.id if isinstance(one.id, tuple) else (one.id,)
        wanted = {name for text in sources for name in PLACEHOLDERS.findall(text)}
        for text in one.string if isinstance(one.string, tuple) else (one.string,):
            found = set(PLACEHOLDERS.findall(text))
            if not (found <= wanted and wanted - found <= ({"n", "num"} if len(sources) > 1 else set())):
                wrong.append(str(one.id))
    assert [] == wrong


def test_french_has_one_apostrophe() -> None:
    """The catalogue writes the typographic one, as every page does, and not that of a keyboard beside it."""
    assert [] == [one.string for one in catalogues.load("fr") if one.id and "'" in str("".join(one.string))]


def test_french_signs_stay_with_their_words() -> None:
    """No line begins with a sign of two parts or ends with an opening quotation mark, in a text or a code."""
    codes = [said["fr"] for name in schemas.code_lists() for said in schemas.codes(name).values()]
    assert [] == catalogues.loose(catalogues.load("fr"))
    assert [] == [text for text in codes if catalogues.LOOSE.search(text)]


@pytest.mark.parametrize("text", ["oui ; non", "qui\n?", "« oui\u00a0»", "\u00ab\u00a0oui »"])
def test_a_loose_french_sign_is_found(text: str) -> None:
    """A blank at which a browser may break the line is told, where none may stand."""
    held = Catalog(locale="fr")
    held.add("yes; no", text)
    assert [text] == catalogues.loose(held)


def test_arabic_is_written_in_arabic() -> None:
    """No text of another language stands in the Arabic catalogue, but for commands and what is a name everywhere."""
    foreign = []
    for one in catalogues.load("ar"):
        source = one.id[0] if isinstance(one.id, tuple) else str(one.id)
        said = " ".join(one.string) if isinstance(one.string, tuple) else str(one.string)
        is_foreign = re.search("[a-z]{3}", PLACEHOLDERS.sub("", said)) and not re.search("[\u0620-\u064a]", said)
        if source and is_foreign and not source.startswith(COMMANDS):
            foreign.append(source)
    assert [] == foreign


COMMANDS = ("isthmus ", "chmod ", "chown ")
"""How a text begins that is typed as it stands."""


def test_arabic_has_six_plural_forms() -> None:
    """Zero, one, two, few, many and other are six texts where a text counts."""
    held = catalogues.load("ar")
    counted = [one for one in held if isinstance(one.id, tuple)]
    assert counted
    assert {6} == {len(one.string) for one in counted}


def test_every_rule_has_a_sentence() -> None:
    """Each rule of docs/rules.md has its sentence for the person it stops, and nothing else has."""
    assert set(PARAGRAPHS) == set(RULES)


def test_what_a_check_says_of_a_field_is_in_the_catalogue() -> None:
    """Each word of the checks of names and elements is one that pages translate."""
    core = Path(names.__file__).parent
    said = re.findall(r'BadText\(\s*"[a-z-]+",\s*"([^"]+)"', (core / "names.py").read_text(encoding="utf-8"))
    said += re.findall(r'yield [^\n]*, "([^"]{12,})"', (core / "elements.py").read_text(encoding="utf-8"))
    assert set(said) == set(FAULTS)


def test_what_a_case_notes_of_itself_is_said_in_each_language() -> None:
    """A finding that is one sentence is in the catalogue of every language, so that no desk overlooks a danger."""
    of_cases = (
        machine,
        notices,
        return_changes,
        return_guards,
        verification_changes,
        person_stop,
        referral,
        steps,
        threads,
    )
    modules = (
        *of_cases,
        anew,
        answer,
        answers,
        away,
        fallen,
        heard,
        judge,
        passed_over,
        receive,
        reckon,
        resync,
        undelivered,
    )
    noted = {
        text
        for module in modules
        for name, text in vars(module).items()
        if name.isupper() and isinstance(text, str) and " " in text and name not in NO_FINDINGS
    }
    assert noted == set(FINDINGS)
    assert set() == {
        text for lang in LANGUAGES if lang != "en" for text in noted if tongue(lang, "UTC")._(text) == text
    }


NO_FINDINGS = {"ANSWER_WAITS", "BECAUSE", "BY_A_NUMBER", "MINOR_ELSEWHERE", "NO_ELSEWHERE", "NO_MORE", "OUTDATED"}
NO_FINDINGS |= {"CLOCK_LEAPT", "DISOWNED", "NOT_YET", "OVER_BY_THEN", "_LOST_NUMBER"}
"""What refuses a step, or is seen for a reason alone with another in its place, and how one with a number begins."""


@pytest.mark.parametrize(
    "because",
    [
        return_guards.CLOCK_LEAPT,
        return_guards.OUTDATED,
        return_guards.OVER_BY_THEN,
        STILL_HERE,
        answer.ANSWER_WAITS,
        person_stop.BY_A_NUMBER,
        person_stop.NO_MORE,
        NOT_LET_GO,
        NOT_YET,
        NOT_FORGOTTEN,
        UNDER_WAY,
        steps.DISOWNED,
    ],
)
def test_what_people_can_do_about_a_refusal_is_said_in_each_language(because: str) -> None:
    """A refusal that waits for something says in the page what, beside the sentence of its rule."""
    assert len(LANGUAGES) == len({against(tongue(lang, "UTC"), because) for lang in LANGUAGES} - {""})


@pytest.mark.parametrize(
    ("because", "said"),
    [
        (person_stop.BECAUSE, ""),
        (f"{person_stop.BECAUSE}: XAA-1, XAA-2", "XAA-1, XAA-2."),
        (MINOR_ELSEWHERE, "Another case with the same number says otherwise."),
        (f"{MINOR_ELSEWHERE}: XAA-1", "as a minor: XAA-1."),
        (f"it is: {person_stop.NO_MORE}", ""),
        (NOT_LET_GO, "Whoever stopped this case has not let go of it."),
        ("something else", ""),
    ],
)
def test_a_case_is_named_where_it_may_be_and_another_stop_is_not_told(because: str, said: str) -> None:
    """Who gave no reason learns that another case says otherwise, and of a stopped one nothing at all."""
    found = against(tongue("en", "UTC"), because)
    assert said in found if said else found == ""


NOTED = {
    "the other State reports SEEN_CONCERN as of 2026-12-01": ["«\u00a0Vu, avec", "2026-12-01"],
    "the other State asks to take the person back by 2027-07-01: UNSAFE": ["2027-07-01"],
    "not accepted: illegal-step": [],
    "the other State reckons None, we reckon 2026-12-20": ["aucun jour", "2026-12-20"],
    "the other State says it received at 2026-11-25T09:00:00Z": ["2026-11-25 10:00 UTC+01:00"],
    "no calendar here knows the days for reply": [],
    "the extension came on 2026-12-12, after 2026-12-09; its sender dates it 2026-12-08": ["2026-12-09"],
    "the other State holds our message number 3, which was lost before the restore": ["3"],
    steps.DROPPED % {"type": "travel-document.reissue"}: [],
    verification_changes.CORRECTED_HERE % {"part": "BIRTH_DATE"}: ["Date de naissance"],
    fallen.MESSAGE_FELL
    % {"digest": "A-_b", "country": "MDA", "at": "2026-11-25T09:00:00Z", "since_at": "2026-11-24T09:00:00Z"}: [
        "A-_b",
        "Moldavie",
        "2026-11-24 10:00 UTC+01:00",
    ],
}
"""Findings with a code, a day or a number in them as they are kept, and what of them a French page says."""


@pytest.mark.parametrize("finding", NOTED)
def test_a_finding_with_a_value_in_it_is_said_in_each_language(finding: str) -> None:
    """Its sentence is found again by the words around the value, and the value is said in the language of the page."""
    french = said(tongue("fr", "Europe/Vienna"), finding)
    assert [True for _ in NOTED[finding]] == [part in french for part in NOTED[finding]]
    assert 3 == len({said(tongue(lang, "UTC"), finding) for lang in LANGUAGES})


@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/New_York"])
@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_an_instant_that_no_clock_here_can_show_is_said_as_it_came(at: str, zone: str) -> None:
    """Another State may name any instant: the page of the case is there all the same."""
    assert at[:3].lstrip("0") in said(tongue("fr", zone), answers.RECEIVED_AT % {"at": at})


@pytest.mark.parametrize(
    ("at", "zone"), [("9999-12-31T23:59:59+00:00", "Europe/Vienna"), ("0001-01-01T00:00:00+00:00", "America/New_York")]
)
def test_what_another_state_sent_is_shown_whatever_instant_is_in_it(at: str, zone: str) -> None:
    """In a message as in a receipt: neither the page of the content nor the account for the person is a fault."""
    french = tongue("fr", zone)
    assert at == french.instant(datetime.fromisoformat(at))
    assert [at] == [one.text for one in parts(french, "return.schedule", {"departs_at": at})]


def test_a_template_is_compiled_once_for_all_languages() -> None:
    """The first page in a language waits for no compiler that another language kept waiting already."""
    made = [environment(tongue(lang, "Europe/Vienna")).get_template("base.html") for lang in LANGUAGES]
    assert 1 == len({id(one.root_render_func.__code__) for one in made})
    assert len(LANGUAGES) == len({one.environment for one in made})
