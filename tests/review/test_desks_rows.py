"""A row of a form whose place is no place a page makes."""

import pytest
from multidict import MultiDict

from gateway.web import forms
from gateway.web.form_fields import body_fields


@pytest.mark.parametrize("place", ["9" * 5000, "99999", "-1", "\u00b2", ""])
def test_a_row_with_an_absurd_place_is_no_fault_of_ours(place: str) -> None:
    """Thousands of digits are no number to be read: nothing is taken away, and nothing breaks."""
    of = body_fields("case-draft")
    names = "b.elements.names"
    posted = MultiDict({f"{names}.rows": "2", f"{names}.0.family": "A", f"{names}.1.family": "B"})
    posted["drop"] = f"{names}.{place}"
    assert "2" == (forms.changed(of, posted) or {})[f"{names}.rows"]
    posted[f"{names}.{place}.family"] = "C"
    posted["drop"] = f"{names}.0"
    made = forms.changed(of, posted)
    assert made is not None
    assert ("1", "B") == (made[f"{names}.rows"], made[f"{names}.0.family"])
