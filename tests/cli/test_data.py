"""``isthmus data``, ``interview``, ``directory`` and ``information``, both desks, without a listener."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.cli.support import Homes, answer_body, call, deliver, draft, spawn, value


def day(offset: int = 0) -> str:
    """Return the ISO date ``offset`` days from today in UTC; a run that began before midnight has passed that."""
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


def act(homes: Homes, country: str, person: str, *args: Any, input: Any = None) -> Any:
    """Take one step of any group and return what it printed; ``input`` is written as JSON."""
    group, verb, *rest = args
    text = None if input is None else json.dumps(input)
    return value(group, verb, "-C", homes.home(country), "--as", person, *rest, input=text)


def acknowledged(homes: Homes, **changes: Any) -> tuple[str, str]:
    """Take a case to its acknowledgement; return its reference here and there."""
    ref = act(homes, "XAA", "first", "case", "new", "-", input=draft(**changes))["ref"]
    digest = act(homes, "XAA", "second", "case", "preview", "--why", "to approve", "--", ref)["digest"]
    signing = ("--key", homes.key("second"), "--digest", digest)
    act(homes, "XAA", "second", "case", "approve", *signing, "--", ref)
    act(homes, "XAA", "first", "case", "send", "--", ref)
    deliver(homes)
    (row,) = act(homes, "XBB", "first", "case", "list")
    act(homes, "XBB", "first", "case", "acknowledge", "--", row["ref"])
    deliver(homes)
    return ref, row["ref"]


def replied(homes: Homes) -> tuple[str, str]:
    """Take a case to a positive reply."""
    ours, theirs = acknowledged(homes)
    act(homes, "XBB", "first", "case", "answer", "--", theirs, "-", input=answer_body("NATIONAL"))
    deliver(homes)
    return ours, theirs


def notices(homes: Homes, country: str, ref: str) -> list[Any]:
    """Return what was asked and demanded about the data of a case, as its desk sees it."""
    found: list[Any] = act(homes, country, "first", "case", "show", "--", ref)["desk"]["notices"]
    return found


def test_questions_are_asked_and_answered(homes: Homes) -> None:
    """Use and onward transfer: asked on one command line, answered on the other."""
    ours, theirs = replied(homes)
    act(homes, "XAA", "first", "data", "ask-use", "--", ours)
    act(homes, "XBB", "first", "data", "ask-onward", "--purpose", "TRAVEL_DOC", "--to", "CONSULATE", "--", theirs)
    deliver(homes)
    report = {"number": 1, "held": True, "restrictions_kept": True, "uses": []}
    act(homes, "XBB", "first", "data", "report-use", "--", theirs, "-", input=report)
    act(homes, "XAA", "second", "data", "answer-onward", "--", ours, "1")
    deliver(homes)
    answers = {one["kind"]: one["answer"] for one in notices(homes, "XAA", ours)}
    assert report == answers["use-report.request"]
    assert "REFUSED" == answers["onward.request"]["decision"]


def test_right_values_are_approved_and_confirmed(homes: Homes) -> None:
    """A correction: prepared by one, approved by another, confirmed by the other State, and then nothing is open."""
    ours, theirs = replied(homes)
    right = {"birth_date": "1999-01-02"}
    made = act(homes, "XAA", "first", "data", "correct", "--part", "BIRTH_DATE", "--", ours, "-", input=right)
    signing = ("--key", homes.key("second"), "--digest", made["prepared"]["digest"])
    act(homes, "XAA", "second", "data", "approve", *signing, "--", ours)
    deliver(homes)
    before = act(homes, "XAA", "first", "data", "recipients", "--why", "to correct it", "--", ours)
    act(homes, "XBB", "first", "data", "confirm", "--", theirs, "1")
    deliver(homes)
    after = act(homes, "XAA", "first", "data", "recipients", "--why", "to correct it", "--", ours)
    assert [1, 0] == [len(one["open"]) for one in (*before, *after)]


def test_what_was_wrong_is_said_everywhere(homes: Homes) -> None:
    """Each recipient is named as told; told the same again, none is, for nobody has confirmed yet (R-16)."""
    ours, _ = replied(homes)
    everywhere = ("data", "strike", "--part", "SEX", "--everywhere", "--", ours)
    first, again = (act(homes, "XAA", "first", *everywhere) for _ in range(2))
    assert [(ours, "XBB", True)] == [(one["ref"], one["partner"], one["told"]) for one in first]
    assert [(False, "told before, not confirmed")] == [(one["told"], one["because"]) for one in again]


def test_a_copy_is_destroyed_on_demand(homes: Homes) -> None:
    """An erasure asked for by the other State closes the case here, once a person has said yes to the question."""
    ours, theirs = replied(homes)
    act(homes, "XBB", "first", "data", "strike", "--part", "REPLY", "--", theirs)
    act(homes, "XBB", "first", "data", "ask-erasure", "--", theirs)
    deliver(homes)
    assert "CLOSED" == act(homes, "XAA", "second", "data", "destroy", "--yes", "--", ours, "1")["state"]


def test_an_interview_is_agreed_on_and_told(homes: Homes) -> None:
    """Proposal, consent, approval, agreement and result, each by its verb."""
    ours, theirs = acknowledged(homes, method_limit="M2", no_contact_methods=False)
    today = day()
    proposal = {"mode": "VIDEO", "place": "REMOTE", "present": ["REPRESENTATIVE"], "questions": "IDENTITY_ONLY"}
    proposal |= {"from": today, "until": day(7)}
    act(homes, "XBB", "first", "interview", "propose", "--", theirs, "-", input=proposal)
    deliver(homes)
    consent = {"language": "ru", "by": "interpreter", "on": today, "copy_given": True, "revoked_on": None}
    answer = {"present": ["REPRESENTATIVE"], "on": today, "consent": consent}
    made = act(homes, "XAA", "first", "interview", "consent", "--", ours, "-", input=answer)
    signing = ("--key", homes.key("second"), "--digest", made["prepared"]["digest"])
    act(homes, "XAA", "second", "case", "approve", *signing, "--", ours)
    act(homes, "XAA", "first", "interview", "agree", "--", ours)
    deliver(homes)
    result = {"result": "HELD", "on": today, "outcome": "SUPPORTS", "present": ["REPRESENTATIVE"]}
    act(homes, "XBB", "first", "interview", "result", "--", theirs, "-", input=result)
    deliver(homes)
    shown = act(homes, "XAA", "first", "case", "show", "--why", "to go on", "--", ours)
    assert result == shown["content"]["interview"]["result"]


def test_a_file_that_is_no_consent_is_said(homes: Homes) -> None:
    """A file that the door of the local API would not take is refused by its schema, whichever command takes it."""
    ours, _ = acknowledged(homes, method_limit="M2", no_contact_methods=False)
    for verb in (("interview", "consent"), ("return", "schedule"), ("return", "prepare")):
        where = ("-C", homes.home("XAA"), "--as", "second", "--role", "liaison_officer", "--json")
        done = call(*verb, *where, "--", ours, "-", input='{"present": 1}')
        assert (2, "schema") == (done.exit_code, json.loads(done.stderr)["error"]["code"])


def test_an_interview_is_declined(homes: Homes) -> None:
    """Saying no takes one person and one verb."""
    ours, theirs = acknowledged(homes, method_limit="M2", no_contact_methods=False)
    proposal = {"mode": "VIDEO", "place": "REMOTE", "present": ["LAWYER"], "questions": "IDENTITY_ONLY"}
    proposal |= {"from": day(), "until": day(7)}
    act(homes, "XBB", "first", "interview", "propose", "--", theirs, "-", input=proposal)
    deliver(homes)
    assert "ACKNOWLEDGED" == act(homes, "XAA", "first", "interview", "decline", "--", ours)["state"]


def test_the_directory_is_announced_and_shown(homes: Homes) -> None:
    """What one State announces, the other one shows; a request is pointed to an authority of it."""
    here = {"id": "XBB-C-1", "name": "Consular service", "tasks": ["TRAVEL_DOC"], "until": None}
    officer = {"id": "DPx6b_MxUGnTi3ssJc-4VA", "authority": "XBB-C-1", "tasks": ["TRAVEL_DOC"], "until": None}
    first = {"from": day()}
    change = {"valid_from": day(), "authorities": [here | first], "officers": [officer | first]}
    assert {"serial": 1} == act(homes, "XBB", "second", "directory", "announce", "-", input=change)
    deliver(homes)
    (shown,) = value("directory", "show", "XBB", "-C", homes.home("XAA"))
    assert ["XBB-C-1"] == [one["id"] for one in shown["authorities"]]
    staff = value("directory", "staff", "-C", homes.home("XAA"))
    assert {"first": "first", "board": "board"}.items() <= {one["id"]: one["acts_now"] for one in staff}.items()


def test_information_is_asked_by_the_office_alone(homes: Homes, tmp_path: Path) -> None:
    """The office writes, signs with a key the card lists, and sends; nobody else of the gateway may look."""
    for name in ("writer", "office"):
        key = value("keys", "new", tmp_path / f"{name}.keys", "--profile", "interactive")["key"]
        value("person", "add", name, "-C", homes.home("XAA"), "--role", "information_officer", "--key", key)
    value("keys", "card", "-C", homes.home("XAA"), "--add-role", f"information={key}")
    for card in (homes.home("XAA") / "cards" / "XAA").iterdir():
        (homes.home("XBB") / "cards" / "XAA" / card.name).write_bytes(card.read_bytes())
    handling = {"purpose": "DOCUMENT_ROUTES", "use_restrictions": ["P0"], "onward": "none"}
    handling["retain_until"] = day(90)
    question = {"handling": handling, "topics": ["ROUTES"], "period": {"from": "2026-01", "until": "2026-06"}}
    made = act(homes, "XAA", "writer", "information", "ask", "XBB", "-", input=question)
    signing = ("--key", tmp_path / "office.keys", "--digest", made["digest"])
    sent = act(homes, "XAA", "office", "information", "send", *signing, "--", "XBB", made["thread"])
    deliver(homes)
    assert "asked" == sent["state"]
    result = call("information", "list", "-C", homes.home("XAA"), "--as", "first", "--json")
    assert (5, "forbidden") == (result.exit_code, json.loads(result.stderr)["error"]["code"])


def test_what_is_asked_before_data_are_destroyed_is_no_data(homes: Homes) -> None:
    """Standard output holds what a program reads and nothing else, also where a person is asked."""
    done = spawn("data", "destroy", "-C", homes.home("XBB"), "--as", "dpo", "--json", "--", "REF", "1")
    assert (75, "", True) == (done.returncode, done.stdout, "Go on?" in done.stderr)


def test_a_case_is_erased_as_ordered(homes: Homes) -> None:
    """By the data-protection officer with another person, once it is closed; nobody else's word does it."""
    home = homes.home("XAA")
    key = value("keys", "new", home / "dpo.keys", "--profile", "interactive")["key"]
    value("person", "add", "dpo", "-C", home, "--role", "dpo", "--key", key)
    ours, _ = replied(homes)
    order = ("data", "erase", "-C", home, "--yes", "--json", "--with", "second")
    early, other = [call(*order, "--as", who, "--", ours) for who in ("dpo", "first")]
    assert ["illegal-step", "forbidden"] == [json.loads(one.stderr)["error"]["code"] for one in (early, other)]
    act(homes, "XAA", "first", "case", "close", "--", ours)
    assert {"ref": ours, "state": "ERASED"} == value(*order, "--as", "dpo", "--", ours)
    assert ours in (home / "erased.txt").read_text().split()


def test_nothing_is_asked_of_whoever_has_a_line_completed() -> None:
    """A shell that looks what may follow runs the command up to there: no question, and no answer waited for."""
    words = {"_ISTHMUS_COMPLETE": "bash_complete", "COMP_WORDS": "isthmus data destroy --a", "COMP_CWORD": "3"}
    done = spawn(**words)
    assert ("plain,--as\n", "") == (done.stdout, done.stderr)
