"""Elements that pass their schema and still cannot be what they say."""

from typing import Any

import pytest

from gateway.core.elements import element_findings

NAME = {"use": "document", "family": "Иванова", "given": "Мария", "patronymic": None, "full": None, "script": "ru-Cyrl"}
GOOD: dict[str, Any] = {
    "names": [{**NAME, "latin": {"family": "IVANOVA", "given": "MARIIA", "patronymic": None, "full": None}}],
    "birth_date": "2001-04-XX",
    "document": {"type": "P", "number": "1", "issuer": "XBB"},
}

BAD = {
    "date that does not exist": {"birth_date": "2001-02-30"},
    "entry that does not exist": {"entry_date": "2025-13"},
    "word in two scripts": {"names": [{**NAME, "family": "Ивaнова", "latin": None}]},
    "tag characters": {"names": [{**NAME, "given": "Мария\U000e0041", "latin": None}]},
    "document type nobody knows": {"document": {"type": "ZZ", "number": "1", "issuer": "XBB"}},
    "parent in two scripts": {"mother_given_names": "Аnnа"},
}


def test_real_elements_pass() -> None:
    """A name in its own script, a date with an unknown day and a passport find nothing."""
    assert () == element_findings(GOOD)


@pytest.mark.parametrize("change", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_found(change: dict[str, Any]) -> None:
    """Each is found by its place, and the finding does not repeat the value."""
    found = element_findings({**GOOD, **change})
    assert ["E-01"] == [finding.rule for finding in found]
    assert not any(value in found[0].because for value in ("2001-02-30", "Ивaнова", "ZZ"))
