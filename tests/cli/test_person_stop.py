"""A stop that holds for the person, decided on from the command line."""

import json
from pathlib import Path
from typing import Any

from tests.cli.support import Homes, call, draft, value

REQUESTED = {"state": "requested", "attested_by": "second", "attested_on": "2026-01-20", "basis": "application"}


def opened(homes: Homes, path: Path, **changes: Any) -> str:
    """Open a case in XAA and return its reference."""
    path.write_text(json.dumps(draft(**changes)))
    return str(value("case", "new", path, "-C", homes.home("XAA"), "--as", "first")["ref"])


def step(homes: Homes, verb: str, person: str, *more: Any) -> Any:
    """Take a step in XAA as ``person``."""
    return value("case", verb, "-C", homes.home("XAA"), "--as", person, *more)


def test_held_case_goes_on_after_two_persons_said_so(homes: Homes, tmp_path: Path) -> None:
    """A case held for another one is shown with its reference, told apart by two persons, and resumed by two."""
    file = tmp_path / "draft.json"
    stopped = opened(homes, file, asylum=REQUESTED)
    known = {name: part for name, part in draft()["elements"].items() if name in ("names", "birth_date", "birth_place")}
    held = opened(homes, file, elements=known)  # a number in common would not be a matter of opinion
    shown = step(homes, "show", "first", "--why", "why is it held?", "--", held)
    assert (True, "FROZEN") == (stopped in shown["content"]["held"][0], shown["case"]["state"])
    why = ("--why", "the photographs differ", "--", held)
    assert "FROZEN" == step(homes, "apart", "first", *why)["state"]
    again = call("case", "apart", "-C", homes.home("XAA"), "--as", "first", *why)
    assert (5, True) == (again.exit_code, "V-01" in again.stderr)
    step(homes, "apart", "second", *why)
    step(homes, "resume", "first", "--", held)
    assert "DRAFT" == step(homes, "resume", "second", "--", held)["state"]


def test_record_of_a_held_case_is_corrected(homes: Homes, tmp_path: Path) -> None:
    """A wrong entry is set right in a case that stands still; a role that attests nothing attests nothing."""
    file = tmp_path / "draft.json"
    opened(homes, file, asylum=REQUESTED)
    held = opened(homes, file)
    right = {**draft()["elements"], "sex": 1}
    file.write_text(json.dumps(right))
    step(homes, "correct", "first", "--why", "typing error", "--", held, file)
    shown = step(homes, "show", "first", "--why", "was it set right?", "--", held)
    assert right == shown["content"]["draft"]["elements"]
    file.write_text(json.dumps({**REQUESTED, "state": "none"}))
    options = ("--as", "second", "--why", "no need", "--", held, file)
    result = call("case", "attest", "-C", homes.home("XAA"), *options)
    assert (5, True) == (result.exit_code, "asylum_authority" in result.stderr)
