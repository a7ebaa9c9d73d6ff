"""``isthmus redact``: a line in, a line out, in order; a bad one stops nothing."""

import json
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli.redact import redact
from gateway.transport import redaction_worker
from gateway.transport.redaction_worker import LINE_MAX_BYTES


def said(*lines: Any) -> Result:
    """Return what the command makes of these lines; a value that is no bytes is written as JSON."""
    raw = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
    return CliRunner().invoke(redact, input=raw)


def answers(result: Result) -> list[dict[str, Any]]:
    """Return the objects that were printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def real() -> None:
    """Read with the real recogniser."""


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Read with a stand-in, but for tests that ask for the real one: what is tried here is the line around it."""
    if "real" not in request.fixturenames:
        made = {"redacted": "[PERSON] waits", "spans": [{"start": 0, "end": 3, "type": "PERSON"}], "block": False}
        monkeypatch.setattr(
            "gateway.cli.redact.reader", lambda: lambda text, lang: {**made, "reasons": [], "language": lang}
        )


def test_a_note_is_answered_by_its_id() -> None:
    """The object has the members of the contract and no other."""
    result = said({"id": "a", "text": "Ana waits"}, {"id": 7, "lang": "en", "text": "Ana waits"})
    first = {"id": "a", "redacted": "[PERSON] waits", "spans": [{"start": 0, "end": 3, "type": "PERSON"}]}
    first |= {"block": False, "reasons": []}
    assert [first, {**first, "id": 7}] == answers(result)
    assert 0 == result.exit_code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "line-not-json"), (b"\xff\xfe", "line-not-utf8"), (b"[" * 200_000, "line-not-json"), ([],
        "line-not-object"),
        ({"text": "x"}, "id-missing"), ({"id": None, "text": "x"}, "id-missing"), ({"id": "a"}, "text-missing"),
        ({"id": "a", "text": 4}, "text-missing"), ({"id": "a", "text": "x", "lang": 4}, "lang-not-text"),
        (b'{"id":"a","text":"' + b"x" * LINE_MAX_BYTES + b'"}', "line-too-long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_bad_line_does_not_stop_the_rest(line: Any, code: str) -> None:
    """It gets an object with a code in its place, blocked, and the exit code says that there was one."""
    result = said({"id": "a", "text": "x"}, line, {"id": "b", "text": "x"})
    first, wrong, last = answers(result)
    assert ("a", code, "b") == (first["id"], wrong["error"], last["id"])
    assert wrong["block"] is True
    assert 1 == result.exit_code


def test_blank_lines_are_passed_over() -> None:
    """A file that ends in an empty line has no note there."""
    assert [] == answers(said(b"", b"  "))


def test_a_lone_surrogate_comes_back_as_it_came() -> None:
    """What is no text of Unicode does not stop the output."""
    assert "\ud800" == answers(said(b'{"id":"\\ud800","text":"x"}'))[0]["id"]


@pytest.mark.usefixtures("real")
def test_without_the_extra_every_note_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install reads nothing, lets nothing through, and says why; that is no bad line."""
    monkeypatch.setitem(sys.modules, "pycrfsuite", None)
    for name in ("redact", "tagger", "stop"):
        monkeypatch.delitem(sys.modules, f"gateway.redaction.{name}", raising=False)
        monkeypatch.delattr(f"gateway.redaction.{name}", raising=False)
    result = said({"id": "a", "text": "Ana waits"})
    assert [{"id": "a", "redacted": "[TEXT]", "spans": [{"start": 0, "end": 9, "type": "TEXT"}], "block": True,
             "reasons": ["recogniser-missing"]}] == answers(result)  # fmt: skip
    assert 0 == result.exit_code


@pytest.mark.usefixtures("real")
def test_a_recogniser_that_fails_withholds_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the recogniser is no reason to print what it could not read."""
    module = type(sys)("gateway.redaction.redact")
    module.redact = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gateway.redaction.redact", module)
    assert ["recogniser-failed"] == answers(said({"id": "a", "text": "Ana waits"}))[0]["reasons"]


def test_what_is_withheld_does_not_stand_in_the_answer() -> None:
    """The answer to a text that is withheld has its length and not its words."""
    assert "Ana" not in json.dumps(redaction_worker.withheld("Ana waits", "code"))
