"""The preview is the body: the same bytes, checked by the same schema, with every objection to it."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files

import pytest

import schemas
from gateway.core.messages import ELEMENTS, REQUEST
from gateway.core.preview import body_digest, compose
from keys import b64
from schemas import ijson
from tests.core import support
from tests.core.support import AROUND, NOW, around, draft, preview

STATES = [state for state in schemas.codes("asylum_state") if state != "none"]
EXAMPLE = json.loads((files("schemas") / "example-case-draft.json").read_text(encoding="utf-8"))


def rules(found: object) -> set[str]:
    """Return the ids of a preview's findings."""
    return {finding.rule for finding in found.findings}  # type: ignore[attr-defined]  # any preview


def test_request_fits_its_schema() -> None:
    """The body of a good draft is a valid request without findings."""
    made = preview()
    schemas.validate(REQUEST, ijson.loads(made.body.encode()))
    assert (REQUEST, ()) == (made.type, made.findings)


def test_residence_request_fits_its_schema() -> None:
    """So is the question for permanent residence."""
    made = preview(draft(purpose="PERM_RESIDENCE", elements=support.ELEMENTS))
    schemas.validate(REQUEST, ijson.loads(made.body.encode()))
    assert () == made.findings


def test_document_request_names_no_person() -> None:
    """Whether a document is authentic is asked by the document alone, whatever else the file holds."""
    made = preview(draft(purpose="DOC_AUTHENTICITY", elements=support.ELEMENTS))
    value = ijson.loads(made.body.encode())
    schemas.validate(REQUEST, value)
    assert ({"document": support.ELEMENTS["document"]}, ()) == (value["elements"], made.findings)


def test_elements_fit_their_schema() -> None:
    """The answer to a question is a valid body with what was asked for and no more."""
    made = preview(asked=("SEX",))
    value = ijson.loads(made.body.encode())
    schemas.validate(ELEMENTS, value)
    assert (ELEMENTS, {"sex": 2}) == (made.type, value["elements"])


def test_digest_is_of_the_exact_bytes() -> None:
    """The digest is SHA-256 of the body's bytes as they will be embedded."""
    made = preview(draft(elements={**support.DRAFT["elements"], "birth_place": {"country": "XBB", "unit": "Ёж"}}))
    assert b64.encode(sha256(made.body.encode()).digest()) == made.digest == body_digest(made.body)


def test_same_draft_same_bytes() -> None:
    """Composing twice gives the same bytes, so what was approved can be found again."""
    assert preview() == preview()


def test_pending_is_the_preview() -> None:
    """What waits for approval has the bytes, the digest and the author, and no approver."""
    made = preview()
    pending = made.pending("anna")
    assert (made.type, made.body, made.digest, "anna") == (pending.type, pending.body, pending.digest, pending.author)
    assert (None, None) == (pending.approver, pending.statement)


@pytest.mark.parametrize("state", STATES)
def test_open_protection_stops_it(state: str) -> None:
    """Every protection state but an attested none is found."""
    assert "R-01" in rules(preview(draft(asylum={**support.DRAFT["asylum"], "state": state})))


@pytest.mark.parametrize("lacking", ["attested_by", "attested_on", "basis"])
def test_unattested_none_stops_it(lacking: str) -> None:
    """A none without who, when or on what basis is no attested none."""
    assert {"R-01"} == rules(preview(draft(asylum={**support.DRAFT["asylum"], lacking: None})))


def test_no_contact_stops_it() -> None:
    """A State on the no-contact list is found at once."""
    assert {"N-01"} == rules(compose(draft(), "XAA-01", NOW, around=around(no_contact="relations broken off")))


def test_missing_element_stops_it() -> None:
    """A required element that is not in the file is found."""
    assert {"MIN-5"} == rules(preview(draft(elements={"birth_date": "2001"})))


def test_findings_come_once() -> None:
    """A rule looked at twice is reported once."""
    found = preview(draft(category="witness", justification="")).findings
    assert len(found) == len(set(found))
    assert {"R-13", "R-14"} == {finding.rule for finding in found}


def test_legal_basis_is_neutral() -> None:
    """Every request names the same legal basis, whatever the case is about."""
    assert "CONFIRMATION" == ijson.loads(preview().body.encode())["handling"]["legal_basis"]


def test_example_shows_all_that_can_happen() -> None:
    """The example draft is valid, may be sent, and has elements sent, withheld and forbidden."""
    schemas.validate("case-draft", EXAMPLE)
    made = compose(EXAMPLE, "XAA-01", NOW, around=AROUND)
    schemas.validate(REQUEST, ijson.loads(made.body.encode()))
    assert () == made.findings
    assert {"-", "MIN-1", "MIN-2", "MIN-3", "MIN-4"} == {line.rule for line in made.lines}


@pytest.mark.parametrize("year", [2025, 2034])
def test_example_stays_good(year: int) -> None:
    """The example has no finding on any day of the next years, so it can be shown when somebody tries it."""
    assert () == compose(EXAMPLE, "XAA-01", datetime(year, 6, 1, tzinfo=UTC), around=AROUND).findings


def test_example_keeps_the_national_file() -> None:
    """Nothing of the example's national file is in the bytes that would leave."""
    made = compose(EXAMPLE, "XAA-01", NOW, around=AROUND)
    values = [text for value in EXAMPLE["national"].values() for text in _texts(value)]
    assert values
    assert [] == [value for value in values if value in made.body]


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in _texts(part)]
