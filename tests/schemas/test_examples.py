"""Every example file is a case; the two validators agree on each, and on what mutation makes of the valid ones."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from tests.schemas.support import EXAMPLES, NAMES, examples, nodes, read, verdicts
from tests.support.rows import each_holds, for_each

VALID = examples("valid")
INVALID = examples("invalid")


def _id(case: tuple[str, Path]) -> str:
    return f"{case[0]}/{case[1].stem}"


def test_valid_example() -> None:
    """Each valid example is accepted by both validators."""
    assert [] == [_id((name, path)) for name, path in VALID if verdicts(name, read(path)) != (True, True)]


def test_invalid_example() -> None:
    """Each invalid example is refused by both validators, and the refusal gives a reason."""

    def refuse(case: tuple[str, Path]) -> None:
        name, path = case
        assert verdicts(name, read(path)) == (False, False)
        with pytest.raises(schemas.SchemaError) as refused:
            schemas.validate(name, read(path))
        assert [] == [problem for problem in refused.value.problems if not problem.keyword]

    each_holds(refuse, INVALID, _id)


@for_each("name", NAMES)
def test_examples_exist(name: str) -> None:
    """Each schema has valid examples and at least five faults."""
    valid = [case for case in VALID if case[0] == name]
    invalid = [case for case in INVALID if case[0] == name]
    # These have one valid form each, whatever the reason; that is their purpose.
    assert len(valid) >= (1 if name in {"withdrawal", "suspension", "resumption"} else 2)
    assert len(invalid) >= 5


def test_no_example_without_schema() -> None:
    """Every folder of examples belongs to a schema."""
    assert set(NAMES) == {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()}


_JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["\n", "2026-11-25\n", "2028-02-29", "2027-02-29", "P0", "XBB", "٢٠٢٦-11-25", "A" * 22, "A" * 43]),
    st.just([]),
    st.just({}),
)


@given(data=st.data())
def test_validators_agree_on_mutations(data: st.DataObject) -> None:
    """A member dropped, added or replaced anywhere in a valid example gets one verdict from both validators."""
    name, path = data.draw(st.sampled_from(VALID))
    value = copy.deepcopy(read(path))
    # Only the small ones: the matrix in force has hundreds of objects and adds nothing here.
    _, target = data.draw(st.sampled_from(list(nodes(value))[:40]))
    what = data.draw(st.sampled_from(["drop", "add", "replace"]))
    if what == "add" or not target:
        target[data.draw(st.text("abcxyz_", min_size=1, max_size=8))] = data.draw(_JUNK)
    else:
        member = data.draw(st.sampled_from(sorted(target)))
        target.pop(member)
        if what == "replace":
            target[member] = data.draw(_JUNK)
    decided, explained = verdicts(name, value)
    assert decided == explained


@given(junk=_JUNK | st.dictionaries(st.text(max_size=5), _JUNK, max_size=3), name=st.sampled_from(NAMES))
def test_validate_raises_nothing_else(junk: Any, name: str) -> None:
    """Whatever JSON comes, the answer is acceptance or ``SchemaError``, and the first agrees with ``is_valid``."""
    try:
        schemas.validate(name, junk)
        accepted = True
    except schemas.SchemaError:
        accepted = False
    assert schemas.is_valid(name, junk) == accepted
