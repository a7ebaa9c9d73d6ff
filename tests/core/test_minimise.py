"""What leaves is what the table says, cell by cell, and nothing of the national file, whatever it holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.core.minimise import MATRIX, NEVER, disclose, elements_in, excess, members_of
from gateway.core.preview import compose
from tests.core.support import AROUND, ELEMENTS, NOW, TOKEN, draft
from tests.support.rows import for_each

PURPOSES = ("NATIONALITY", "PERM_RESIDENCE", "DOC_AUTHENTICITY", "TRAVEL_DOC", "RETURN_ARRANGEMENT")
REPRESENTATIVE = {"ref": TOKEN, "appointed_on": "2026-11-18", "signed_by": "Family Court"}
FULL: dict[str, Any] = draft(
    elements=ELEMENTS, representative=REPRESENTATIVE, national={name: f"canary-{name}" for name in NEVER}
)
CELLS = [
    (purpose, row["element"], member, row["purposes"][purpose], row["attachment"])
    for purpose in PURPOSES
    for row in MATRIX["elements"]
    for member in row["members"]
]
ASKABLE = sorted(row["element"] for row in MATRIX["elements"])


def statuses(purpose: str, asked: list[str] | None = None) -> dict[str, tuple[str, str]]:
    """Return status and rule of each member of the full file."""
    return {line.member: (line.status, line.rule) for line in disclose(FULL, purpose, asked).lines}


def expected(need: str, attachment: bool, asked: bool) -> tuple[str, str]:
    """Return what a cell means, told apart from the code under test."""
    if attachment:
        return "withheld", "MIN-4"
    if need == "forbidden":
        return "forbidden", "MIN-1"
    if need == "tier2":
        return ("sent", "-") if asked else ("withheld", "MIN-2")
    return "sent", "-"


@for_each(("purpose", "element", "member", "need", "attachment"), CELLS)
def test_cell_of_a_request(purpose: str, element: str, member: str, need: str, attachment: bool) -> None:
    """A first request carries what is required; the rest waits or never goes."""
    assert expected(need, attachment, asked=False) == statuses(purpose)[member]


@for_each(("purpose", "element", "member", "need", "attachment"), CELLS)
def test_cell_of_an_answer(purpose: str, element: str, member: str, need: str, attachment: bool) -> None:
    """An element asked for leaves if the purpose allows it."""
    assert expected(need, attachment, asked=True) == statuses(purpose, [element])[member]


@pytest.mark.parametrize("purpose", ["NATIONALITY", "PERM_RESIDENCE"])
def test_answer_repeats_nothing(purpose: str) -> None:
    """What was sent before and is not asked for stays."""
    assert ["sex"] == list(disclose(FULL, purpose, ["SEX"]).elements)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("name", sorted(NEVER))
def test_national_field_never_leaves(purpose: str, name: str) -> None:
    """Each national field is forbidden for each purpose, with a reason to show."""
    (line,) = [line for line in disclose(FULL, purpose).lines if line.member == name]
    assert ("forbidden", "MIN-3", NEVER[name]) == (line.status, line.rule, line.because)


def test_matrix_is_about_every_national_field() -> None:
    """The list of what never leaves is the list of national fields the record has."""
    assert set(schemas.load("case-draft")["properties"]["national"]["properties"]) == set(NEVER)


def test_unknown_element_does_not_leave() -> None:
    """What the table does not name is forbidden."""
    (line,) = disclose({"elements": {"shoe_size": 38}}, "NATIONALITY").lines
    assert ("forbidden", "MIN-1") == (line.status, line.rule)


def test_unknown_national_field_does_not_leave() -> None:
    """A national field the table does not know stays too."""
    (line,) = disclose({"elements": {}, "national": {"diary": "text"}}, "NATIONALITY").lines
    assert ("forbidden", "MIN-3") == (line.status, line.rule)


@pytest.mark.parametrize("purpose", ["ENFORCEMENT", ""])
def test_purpose_without_a_row_lets_nothing_leave(purpose: str) -> None:
    """A purpose that this version does not know moves nothing at all."""
    assert {} == disclose(FULL, purpose).elements


def test_a_document_travels_without_its_holder() -> None:
    """Whether a document is authentic is asked of the document alone (Palermo Protocol Article 13)."""
    assert {"document"} == set(disclose(FULL, "DOC_AUTHENTICITY").elements)


@pytest.mark.parametrize(
    ("purpose", "needed"),
    [
        ("NATIONALITY", {"NAMES", "BIRTH_DATE", "BIRTH_PLACE"}),
        ("PERM_RESIDENCE", {"NAMES", "BIRTH_DATE", "LAST_RESIDENCE", "PERMIT", "ENTRY_DATE"}),
        ("DOC_AUTHENTICITY", {"DOCUMENT"}),
        ("TRAVEL_DOC", {"NAMES", "BIRTH_DATE", "BIRTH_PLACE", "SEX"}),
        ("RETURN_ARRANGEMENT", {"NAMES", "BIRTH_DATE"}),
    ],
)
def test_missing_required_elements_are_found(purpose: str, needed: set[str]) -> None:
    """An empty file lacks each required element; an opaque reference is needed only where there is somebody."""
    found = disclose({"elements": {}}, purpose).findings
    assert {"MIN-5"} == {finding.rule for finding in found}
    assert needed == {finding.because.split(" ")[0] for finding in found}


def test_full_file_lacks_nothing() -> None:
    """A file with every required element has no finding."""
    assert all(disclose(FULL, purpose).findings == () for purpose in PURPOSES)


def test_question_nothing_answers_is_found() -> None:
    """If the file has none of what was asked for, there is nothing to send."""
    (found,) = disclose(draft(), "NATIONALITY", ["DOCUMENT"]).findings
    assert "MIN-5" == found.rule


def test_question_answered_in_part() -> None:
    """Of two elements asked for, the one in the file leaves."""
    disclosed = disclose(draft(), "NATIONALITY", ["DOCUMENT", "SEX"])
    assert ({"sex": 2}, ()) == (disclosed.elements, disclosed.findings)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_sent_is_never_excess(purpose: str) -> None:
    """What one gateway sends, another takes: request and answer pass the receiver's check."""
    assert () == excess(disclose(FULL, purpose).elements, purpose)
    for element in ASKABLE:
        assert () == excess(disclose(FULL, purpose, [element]).elements, purpose, [element])


@pytest.mark.parametrize(
    ("elements", "asked", "rule"),
    [
        ({"entry_date": "2024"}, None, "MIN-1"),
        ({"sex": 2}, None, "MIN-1"),
        ({"religion": "none"}, None, "MIN-1"),
        ({"sex": 2}, ["DOCUMENT"], "MIN-2"),
        ({"entry_date": "2024"}, ["ENTRY_DATE"], "MIN-1"),
        ({"names": []}, [], "MIN-2"),
    ],
)
def test_excess_is_found(elements: dict[str, Any], asked: list[str] | None, rule: str) -> None:
    """A receiver finds what is forbidden and what it did not ask for, and says where."""
    (found,) = excess(elements, "NATIONALITY", asked)
    assert (rule, f"elements.{next(iter(elements))}") == (found.rule, found.where)


CANARY = st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=20).map(lambda text: f"canary{text}")
NOTE = CANARY | st.lists(CANARY, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), CANARY, max_size=2)


@given(
    national=st.dictionaries(st.sampled_from(sorted(NEVER)), NOTE),
    members=st.sets(st.sampled_from(sorted(ELEMENTS))),
    purpose=st.sampled_from(PURPOSES),
    asked=st.none() | st.lists(st.sampled_from(ASKABLE), unique=True),
    why=CANARY,
)
def test_body_holds_no_national_value(
    national: dict[str, Any], members: set[str], purpose: str, asked: list[str] | None, why: str
) -> None:
    """Whatever the record holds and whatever is asked, no national value is in the bytes that would leave."""
    record = draft(
        purpose=purpose, national=national, justification=why, elements={name: ELEMENTS[name] for name in members}
    )
    record["asylum"] = {**record["asylum"], "basis": why, "attested_by": "canary-attester"}
    record["transfer_ground"] = {"code": "ADEQUACY", "reference": why}
    record["representative"] = {**REPRESENTATIVE, "signed_by": why}
    record["consent"] = {"scope": why, "language": "ru", "by": "canary-officer", "on": "2026-11-20", "revoked_on": None}
    made = compose(record, "XAA-01", NOW, around=AROUND, asked=None if asked is None else tuple(asked))
    assert "canary" not in made.body


def test_what_the_table_does_not_name_is_of_no_element() -> None:
    """A code or a member that the table does not know stands for nothing, beside those that it knows."""
    assert frozenset({"sex"}) == members_of(["SEX", "SHOE_SIZE"])
    assert frozenset({"SEX"}) == elements_in(["sex", "shoe_size"])
