"""Age and guardian set right from the command line, by the authority in charge."""

import json
from pathlib import Path
from typing import Any

from tests.cli.support import Homes, call, draft, value
from tests.support import homeward

OTHER = {**homeward.MINOR["representative"], "ref": "CJDAgXMgk34Kg3R2-Y6VVw"}


def step(homes: Homes, group: str, verb: str, person: str, *more: Any) -> Any:
    """Take a step in XAA as ``person``."""
    return value(group, verb, "-C", homes.home("XAA"), "--as", person, *more)


def test_guardian_is_set_right(homes: Homes, tmp_path: Path) -> None:
    """Child welfare stops the case, reads what is on record, and replaces it over what it read; the desk may not."""
    key = value("keys", "new", homes.key("welfare"), "--profile", "interactive")["key"]
    value("person", "add", "welfare", "-C", homes.home("XAA"), "--role", "child_welfare", "--key", key)
    file = tmp_path / "record.json"
    file.write_text(json.dumps(draft(**homeward.MINOR)))
    ours = step(homes, "case", "new", "first", file)["ref"]
    step(homes, "case", "freeze", "welfare", "--reason", "the record is wrong", "--", ours)
    shown = step(homes, "return", "show", "welfare", "--why", "what is recorded?", "--", ours)
    file.write_text(json.dumps({"age": shown["person"]["age"], "representative": OTHER}))
    over = ("--why", "another was appointed", "--seen", shown["mark"], "--", ours, file)
    refused = call("case", "restate", "-C", homes.home("XAA"), "--as", "first", *over)
    assert 5 == refused.exit_code
    assert "FROZEN" == step(homes, "case", "restate", "welfare", *over)["state"]
    late = call("case", "restate", "-C", homes.home("XAA"), "--as", "welfare", *over)
    assert 0 != late.exit_code, "it is not what was seen any more"
    person = step(homes, "return", "show", "welfare", "--why", "what is recorded?", "--", ours)["person"]
    assert (OTHER, homeward.MINOR["representative"]) == (
        person["representative"],
        person["earlier"][0]["representative"],
    )
