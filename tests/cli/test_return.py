"""``isthmus return``: a few verbs end to end, between two homes made by the command line."""

import json
import shutil
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.support import Homes, answer_body, call, deliver, draft, value
from tests.support import homeward


def day(offset: int) -> str:
    """Return the ISO date ``offset`` days from today in UTC, as the gateway has it."""
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


def take(homes: Homes, country: str, person: str, group: str, verb: str, *args: Any, input: Any = None) -> Any:
    """Take one step and return what it printed."""
    text = None if input is None else json.dumps(input)
    return value(group, verb, "-C", homes.home(country), "--as", person, *args, input=text)


def refused(homes: Homes, country: str, person: str, verb: str, *args: Any) -> tuple[int, str]:
    """Take a step that fails and return exit code and short code."""
    result = call("return", verb, "-C", homes.home(country), "--as", person, "--json", *args)
    return result.exit_code, json.loads(result.stderr)["error"]["code"]


def record() -> dict[str, Any]:
    """Return a record that stands in the way of nothing today."""
    made = deepcopy(dict(homeward.RECORD))
    made["wish"] |= {"options_explained_on": day(-5), "written_on": day(-2)}
    made["identification"] = {"concluded_on": day(-50)}
    made["reflection"] = {"granted_on": day(-50), "ends_on": day(-10), "waived_in_writing_on": None}
    made["assessments"][0] |= {"on": day(-1), "expires_on": day(60)}
    return made


ADULT = {"class": "adult", "decision": None}
PLAN = {**homeward.PLAN, "window": {"from": day(20), "until": day(30)}}


@pytest.fixture
def replied(homes: Homes) -> tuple[Homes, str, str]:
    """Two homes with a coordinator in XAA whose key its card lists, and a case with a positive reply."""
    key = value("keys", "new", homes.key("coordinator"), "--profile", "interactive")["key"]
    xaa, xbb = homes.home("XAA"), homes.home("XBB")
    value("person", "add", "coordinator", "-C", xaa, "--role", "coordinator", "--key", key)
    made = value("keys", "card", "-C", xaa, "--add-role", f"coordinator={key}")
    shutil.copy(made["card"], xbb / "cards/XAA")
    handling = {**draft()["handling"], "retain_until": day(400)}
    elements = {**draft()["elements"], "birth_date": "1996-07-12"}
    asked = draft(handling=handling, elements=elements, age=ADULT)
    ours = take(homes, "XAA", "first", "case", "new", "-", input=asked)["ref"]
    digest = take(homes, "XAA", "second", "case", "preview", "--why", "to approve", "--", ours)["digest"]
    key_options = ("--key", homes.key("second"), "--digest", digest)
    take(homes, "XAA", "second", "case", "approve", *key_options, "--", ours)
    take(homes, "XAA", "first", "case", "send", "--", ours)
    deliver(homes)
    (row,) = take(homes, "XBB", "first", "case", "list")
    theirs = row["ref"]
    take(homes, "XBB", "first", "case", "acknowledge", "--", theirs)
    take(homes, "XBB", "first", "case", "answer", "--", theirs, "-", input=answer_body("NATIONAL"))
    deliver(homes)
    return homes, ours, theirs


def test_a_return_is_proposed_and_refused(replied: tuple[Homes, str, str]) -> None:
    """Considered, assessed, prepared, approved, released, proposed; refused there, declined here."""
    homes, ours, theirs = replied
    take(homes, "XAA", "first", "return", "consider", "--", ours, "-", input=record())
    assert "ASSESSED" == take(homes, "XAA", "coordinator", "return", "assess", "--", ours)["state"]
    digest = take(homes, "XAA", "first", "return", "prepare", "--", ours, "-", input=PLAN)["prepared"]["digest"]
    seen = take(homes, "XAA", "second", "case", "preview", "--why", "to approve", "--", ours)
    assert (digest, "return.proposal") == (seen["digest"], seen["type"])
    key = ("--key", homes.key("second"), "--digest", digest)
    take(homes, "XAA", "second", "case", "approve", *key, "--", ours)
    assert (5, "rule-refused") == refused(homes, "XAA", "first", "propose", "--", ours)
    key = ("--key", homes.key("coordinator"), "--digest")
    assert (5, "digest") == refused(homes, "XAA", "coordinator", "endorse", *key, "A" * 43, "--", ours)
    take(homes, "XAA", "coordinator", "return", "endorse", *key, digest, "--", ours)
    assert "PROPOSED" == take(homes, "XAA", "first", "return", "propose", "--", ours)["state"]
    deliver(homes)
    assert "REPLIED" == take(homes, "XBB", "second", "return", "refuse", "--reason", "NOT_SAFE", "--", theirs)["state"]
    deliver(homes)
    shown = take(homes, "XAA", "coordinator", "return", "show", "--why", "to go on", "--", ours)
    assert ("NOT_SAFE", "return") == (shown["said"]["return.acceptance"]["reason"], shown["record"]["wish"]["wish"])
    assert "NOT_RETURNED" == take(homes, "XAA", "coordinator", "return", "decline", "--", ours)["state"]
    assert "CLOSED" == take(homes, "XAA", "first", "case", "close", "--", ours)["state"]


def test_it_is_not_begun_without_what_it_needs(replied: tuple[Homes, str, str]) -> None:
    """A record that is none exits with a usage error, an open identification is refused by its rule."""
    homes, ours, _ = replied
    at = ("-C", homes.home("XAA"), "--as", "first", "--json", "--", ours, "-")
    result = call("return", "consider", *at, input=json.dumps({**record(), "identification": {"concluded_on": None}}))
    assert (5, ["R-08"]) == (
        result.exit_code,
        sorted({one["rule"] for one in json.loads(result.stderr)["error"]["problems"]}),
    )
    result = call("return", "consider", *at, input=json.dumps({"forced": True}))
    assert 0 != result.exit_code
    assert "forced" not in result.stderr


def test_a_return_is_suspended_by_a_word(replied: tuple[Homes, str, str]) -> None:
    """Stopping takes a reason that stays here; who may not is told so, and an unknown code is a usage error."""
    homes, ours, _ = replied
    take(homes, "XAA", "first", "return", "consider", "--", ours, "-", input=record())
    assert "SUSPENDED" == take(homes, "XAA", "second", "return", "suspend", "--reason", "wait", "--", ours)["state"]
    assert (5, "forbidden") == refused(homes, "XAA", "board", "suspend", "--reason", "wait", "--", ours)
    recall = ("--reason", "x", "--code", "NONE", "--by", "2027-01-01")
    assert (2, "usage") == refused(homes, "XAA", "first", "recall", *recall, "--", ours)


def add(homes: Homes, country: str, person: str, role: str) -> str:
    """Add a person with a new key to a home and return the key; its card does not list it yet."""
    key = value("keys", "new", homes.key(person), "--profile", "interactive")["key"]
    result = call("person", "add", person, "-C", homes.home(country), "--role", role, "--key", key)
    assert f"isthmus keys card --add-role {role}={key}" in result.stderr
    return str(key)


def test_the_other_side_accepts_with_its_own_hand(replied: tuple[Homes, str, str]) -> None:
    """Prepared by a clerk, signed by the head of desk; ``check`` names the key that the card does not list yet."""
    homes, ours, theirs = replied
    xbb = homes.home("XBB")
    take(homes, "XAA", "first", "return", "consider", "--", ours, "-", input=record())
    take(homes, "XAA", "coordinator", "return", "assess", "--", ours)
    digest = take(homes, "XAA", "first", "return", "prepare", "--", ours, "-", input=PLAN)["prepared"]["digest"]
    take(homes, "XAA", "second", "case", "approve", "--key", homes.key("second"), "--digest", digest, "--", ours)
    key = ("--key", homes.key("coordinator"), "--digest", digest)
    take(homes, "XAA", "coordinator", "return", "endorse", *key, "--", ours)
    take(homes, "XAA", "first", "return", "propose", "--", ours)
    deliver(homes)
    public = add(homes, "XBB", "head", "desk_head")
    answer = {**homeward.ANSWER, "expires_on": day(80), "carer": {"class": "RELATIVE", "agreed_in_writing_on": day(-1)}}
    digest = take(homes, "XBB", "first", "return", "answer", "--", theirs, "-", input=answer)["prepared"]["digest"]
    key = ("--key", homes.key("head"), "--digest", digest)
    assert (5, "forbidden") == refused(homes, "XBB", "head", "accept", *key, "--", theirs)
    assert public in call("check", "-C", xbb, "--json").stdout
    made = value("keys", "card", "-C", xbb, "--add-role", f"desk_head={public}")
    shutil.copy(made["card"], homes.home("XAA") / "cards/XBB")
    assert public not in call("check", "-C", xbb, "--json").stdout
    assert "ACCEPTED" == take(homes, "XBB", "head", "return", "accept", *key, "--", theirs)["state"]
    deliver(homes)
    whole = {**record(), "decision": {**homeward.DECISION, "on": day(0)}}
    take(homes, "XAA", "first", "return", "record", "--", ours, "-", input=whole)
    assert "DECIDED" == take(homes, "XAA", "coordinator", "return", "decide", "--", ours)["state"]
    made = take(homes, "XAA", "first", "return", "document", "--needed-by", day(20), "--", ours)["prepared"]
    assert "travel-document.request" == made["type"]
    key = ("--key", homes.key("second"), "--digest", made["digest"])
    take(homes, "XAA", "second", "case", "approve", *key, "--", ours)
    assert "DECIDED" == take(homes, "XAA", "first", "return", "request-document", "--", ours)["state"]
