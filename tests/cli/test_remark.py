"""``isthmus case remark`` and ``confirm-remark``: JSON in, JSON out."""

import json
from typing import Any

import pytest

from tests.cli.support import Homes, call, draft, value
from tests.support.remarks import TEXT, FakeRedactor, found


def case(homes: Homes, verb: str, *args: Any, input: str | None = None) -> Any:
    """Take one step in XAA as its first person and return what it printed."""
    return value("case", verb, "-C", homes.home("XAA"), "--as", "first", *args, input=input)


@pytest.fixture
def ref(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> str:
    """A case of XAA, and a recogniser that takes out a day."""
    monkeypatch.setattr("gateway.app.WorkerRedactor", lambda: FakeRedactor(spans=found(TEXT, "Monday")))
    return str(case(homes, "new", "-", input=json.dumps(draft()))["ref"])


def written(homes: Homes, ref: str, text: str = TEXT) -> dict[str, Any]:
    """Write a remark and return what became of it."""
    made: dict[str, Any] = case(homes, "remark", ref, "-", input=json.dumps({"language": "en", "text": text}))
    return dict(made["remark"])


def test_a_remark_is_written_and_confirmed(homes: Homes, ref: str) -> None:
    """What would leave is printed with its digest; confirmed, it stands in the body that is previewed."""
    made = written(homes, ref)
    start = TEXT.index("Monday")
    assert "The person can be met on [...] before noon." == made["text"]
    assert [{"start": start, "end": start + 6, "type": "PERSON"}] == made["spans"]
    prepared = case(homes, "confirm-remark", "--digest", made["digest"], ref)["prepared"]
    shown = case(homes, "preview", "--why", "to look", ref)
    assert prepared["digest"] == shown["digest"]
    assert made["text"] == json.loads(shown["body"])["remark"]["text"]
    line = next(one for one in shown["lines"] if one["member"] == "remark")
    assert ("sent", "REM-3") == (line["status"], line["rule"])


def test_words_are_taken_out_at_the_confirmation(homes: Homes, ref: str) -> None:
    """A file brings the shorter text; a longer one is refused with the rule."""
    made = written(homes, ref)
    shorter = json.dumps({"text": "The person can be met before noon."})
    case(homes, "confirm-remark", "--digest", made["digest"], ref, "-", input=shorter)
    shown = case(homes, "preview", "--why", "to look", ref)
    assert "The person can be met before noon." == json.loads(shown["body"])["remark"]["text"]


def test_another_digest_is_refused(homes: Homes, ref: str) -> None:
    """Who confirms has seen what stands there."""
    written(homes, ref)
    result = call(
        "case", "confirm-remark", "-C", homes.home("XAA"), "--as", "first", "--json", "--digest", "A" * 43, ref
    )
    assert 5 == result.exit_code
    assert "V-02" in result.stderr


def test_a_remark_is_dropped(homes: Homes, ref: str) -> None:
    """The record has none then, and nothing holds the message."""
    written(homes, ref)
    assert "remark" not in case(homes, "remark", "--drop", ref)
    assert [] == case(homes, "preview", "--why", "to look", ref)["findings"]


def test_either_a_file_or_none(homes: Homes, ref: str) -> None:
    """Nothing to write and nothing to drop is a mistake of usage."""
    result = call("case", "remark", "-C", homes.home("XAA"), "--as", "first", "--json", ref)
    assert 2 == result.exit_code


def test_the_preview_of_a_file_shows_the_remark(homes: Homes) -> None:
    """Before there is a case the table says that nobody has confirmed it, and the rule."""
    record = json.dumps({**draft(), "remark": {"language": "en", "text": TEXT}})
    result = call("preview", "-", "--json", input=record)
    made = json.loads(result.stdout)
    assert 5 == result.exit_code
    assert [("remark", "REM-3")] == [
        (one["member"], one["rule"]) for one in made["withheld"] if one["member"] == "remark"
    ]
    assert TEXT not in made["body"]
