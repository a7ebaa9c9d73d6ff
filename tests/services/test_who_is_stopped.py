"""Which case stops the person's others, and who may say so: tables of the asylum stop, over the value of one case."""

from typing import Any

import pytest

from gateway.core.case import Case, Side, State, replace
from gateway.services.person_stop import attested_none, concerns, stops, tightened
from tests.support import story
from tests.support.rows import for_each

S = State
NONE = {"state": "none", "attested_by": "protection", "attested_on": "2026-11-20", "basis": "interview"}
AUTHORITY, CLERK = ("protection", "asylum_authority"), ("first", "case_officer")


def protection(state: str, **changes: Any) -> dict[str, Any]:
    """Return a protection state that nobody attested, with ``changes``."""
    return {"state": state, "attested_by": None, "attested_on": None, "basis": None, **changes}


def case(asylum: dict[str, Any], **changes: Any) -> Case:
    """Return a case of ours with this protection state."""
    members = {"ref": "c1", "side": Side.REQUESTING, "partner": "XBB", "thread": "t", "state": S.SENT}
    rest = {"officer": "first", "purpose": "verification", "draft": story.draft(asylum=asylum)}
    return Case(**{**members, **rest, **changes})


@pytest.mark.parametrize(
    ("changes", "attested"),
    [
        ({}, True),
        ({"attested_by": None}, False),
        ({"attested_on": None}, False),
        ({"basis": None}, False),
        ({"basis": ""}, False),
        ({"state": "unknown"}, False),
        ({"state": "refused"}, False),
    ],
)
def test_none_is_attested_by_whom_when_and_on_what_basis(changes: dict[str, Any], attested: bool) -> None:
    """All three, and nothing but the word none (R-01)."""
    assert attested is attested_none({"asylum": {**NONE, **changes}})


@pytest.mark.parametrize(
    ("stood", "says", "by", "replaced"),
    [
        ("none", "indicated", CLERK, True),
        ("none", "unknown", CLERK, True),
        ("unknown", "requested", CLERK, True),
        ("indicated", "requested", CLERK, False),
        ("indicated", "none", CLERK, False),
        ("indicated", "granted", AUTHORITY, True),
        ("indicated", "none", AUTHORITY, True),
        ("indicated", "unknown", AUTHORITY, False),
        ("unknown", "unknown", AUTHORITY, True),
    ],
)
def test_what_is_known_is_replaced_by_who_attests_alone_and_by_no_unknown(
    stood: str, says: str, by: tuple[str, str], replaced: bool
) -> None:
    """Whoever stops a case may say what became known, where nothing was (R-01)."""
    found = tightened(case(protection(stood)), protection(says), *by)
    assert (says if replaced else None) == (found and found["asylum"]["state"])


def test_nothing_is_replaced_where_nothing_is_said_or_recorded() -> None:
    """A stop without a word of protection leaves the record as it is, and the asked State has none."""
    assert tightened(case(protection("none")), None, *AUTHORITY) is None
    assert tightened(case(NONE, draft=None), protection("indicated"), *AUTHORITY) is None


@for_each(
    ("asylum", "changes", "is_so"),
    [
        (NONE, {}, False),
        (NONE, {"holders": (CLERK,)}, False),
        (NONE, {"holders": (CLERK, AUTHORITY)}, True),
        (NONE, {"holders": (AUTHORITY,), "state": S.CLOSED}, True),
        (protection("indicated"), {}, True),
        *((protection("indicated"), {"state": state}, True) for state in (S.CLOSED, S.BLOCKED)),
        (protection("none"), {}, True),
        *((protection("none"), {"state": state}, False) for state in (S.CLOSED, S.BLOCKED, S.ERASED)),
        (protection("unknown"), {}, True),
        (protection("unknown"), {"state": S.WITHDRAWN}, True),
        (protection("unknown"), {"state": S.CLOSED}, False),
        (protection("indicated"), {"side": Side.REQUESTED}, False),
        (protection("indicated"), {"draft": None}, False),
    ],
)
def test_which_case_stops_the_others_of_its_person(
    asylum: dict[str, Any], changes: dict[str, Any], is_so: bool
) -> None:
    """What was indicated once does until it is erased; that nobody attested anything while the case is open."""
    assert is_so is stops(case(asylum, **changes))


@pytest.mark.parametrize(
    ("changes", "is_so"),
    [
        ({}, False),
        ({"state": S.REPLIED}, False),
        ({"holders": (AUTHORITY,)}, True),
        ({"draft": story.draft(asylum=NONE)}, True),
        ({"draft": story.draft(asylum=NONE), "exercise": True}, False),
        ({"draft": story.draft(asylum=NONE), "side": Side.REQUESTED}, False),
        ({"draft": None}, False),
    ],
)
def test_which_step_has_the_persons_other_cases_looked_at(changes: dict[str, Any], is_so: bool) -> None:
    """One that changes the record, or whether the case stops others; nobody is invented twice."""
    before = case(NONE)
    assert is_so is concerns(before, replace(before, **changes))


def test_a_case_that_begins_has_the_persons_others_looked_at() -> None:
    """Whatever is known of her."""
    assert concerns(None, case(NONE))
