"""Codes: one outward code for each reason, and problems that say nothing else."""

import json

import pytest

from gateway.core.codes import CODES, OUTWARD, Code, Kind, PeerError, Reason, find_problem_code, get, outward, problem
from tests.support.rows import for_each


def test_every_reason_has_one_code() -> None:
    """No local reason is without an outward code."""
    assert set(Reason) == set(OUTWARD)


def test_every_code_has_a_reason() -> None:
    """No outward code is without a local reason."""
    assert set(CODES) == {code.code for code in OUTWARD.values()}


@for_each("row", CODES.values(), ids=str)
def test_status_fits_kind(row: Code) -> None:
    """A refusal is 200; a problem is 4xx and final; a transient asks to retry."""
    assert (row.kind is Kind.REFUSAL) == (row.status == 200)
    assert (row.kind is Kind.TRANSIENT) == row.retry
    assert row.kind is not Kind.PROBLEM or row.status in (400, 413)


@for_each("row", [row for row in CODES.values() if row.kind is not Kind.REFUSAL], ids=str)
def test_problem_document(row: Code) -> None:
    """A problem document holds type, title and status, and leads back to its code."""
    value = json.loads(problem(row.code))
    assert {"type": f"urn:xg1:{row.code}", "title": row.text, "status": row.status} == value
    assert row.code == find_problem_code(value["type"])


@pytest.mark.parametrize("code", ["illegal-step", "no-such-code"])
def test_no_problem_for_refusals(code: str) -> None:
    """A refusal is a receipt, never a problem."""
    with pytest.raises(KeyError):
        problem(code)


@pytest.mark.parametrize("uri", ["urn:xg1:stale", "urn:xg2:later", "later", "about:blank", ""])
def test_foreign_problem_is_none(uri: str) -> None:
    """A problem type of somebody else is not taken for ours."""
    assert find_problem_code(uri) is None


def test_reasons_of_one_code_look_alike() -> None:
    """A revoked key and an unknown country give the same bytes."""
    revoked, unknown = outward(Reason.SIGNER_REVOKED), outward(Reason.COUNTRY_UNKNOWN)
    assert problem(revoked.code) == problem(unknown.code)


def test_frozen_looks_like_any_illegal_step() -> None:
    """A step that nothing allows, a thread that ended or is not known and a closed number share one outward code."""
    alike = (Reason.STEP_NONE, Reason.STEP_THREAD_UNKNOWN, Reason.STEP_THREAD_ENDED, Reason.SEQ_CLOSED)
    assert {get("illegal-step")} == {outward(reason) for reason in alike}


def test_peer_error_carries_both() -> None:
    """An error has the reason for the log and the code for the partner."""
    error = PeerError(Reason.SEQ_GAP, "wanted 3")
    assert ("409 out-of-order", "seq.gap: wanted 3") == (str(error.code), str(error))


def test_texts_are_neutral() -> None:
    """No code or title names a person's situation."""
    text = " ".join(f"{row.code} {row.text}" for row in CODES.values()).lower()
    assert not [word for word in ("asylum", "victim", "child", "traffick", "minor") if word in text]
