"""``isthmus case``, ``overdue``, ``stats`` and ``log audit``, both desks, without a listener."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway.cli.errors import Exit
from gateway.cli.overdue import COLUMNS, csv_text
from gateway.core.referral import DUE, LIMITS
from tests.cli.support import (
    Homes,
    answer_body,
    approved,
    call,
    deliver,
    desk,
    draft,
    opened,
    received,
    refused,
    state,
    value,
)
from tests.support.spoilt import spoilt


def test_a_case_is_opened_listed_and_shown(homes: Homes) -> None:
    """A new case shows no content without a reason, and all of it with one, which is recorded."""
    ref = opened(homes)
    assert [ref] == [row["ref"] for row in desk(homes, "XAA", "first", "list")]
    assert [] == desk(homes, "XAA", "first", "list", "--state", "SENT")
    plain = desk(homes, "XAA", "first", "show", "--", ref)
    full = desk(homes, "XAA", "first", "show", "--why", "to go on", "--", ref)
    assert (None, draft()["elements"]) == (plain["content"], full["content"]["draft"]["elements"])
    with closing(sqlite3.connect(homes.home("XAA") / "data/gateway.db")) as db:
        assert [("open",), ("view",)] == db.execute("SELECT action FROM access ORDER BY n").fetchall()
    assert "NATIONALITY" == plain["desk"]["purpose"]
    assert "amend" in [one["verb"] for one in plain["allowed"]]


def test_a_reason_may_come_where_no_list_of_processes_shows_it(homes: Homes) -> None:
    """A line of standard input stands for it, before the file where that comes the same way."""
    ref = opened(homes)
    assert desk(homes, "XAA", "first", "show", "--why", "-", "--", ref, input="to go on\n")["content"] is not None
    desk(homes, "XAA", "first", "freeze", "--reason", "-", "--", ref, input="she is afraid\n")
    elements = {**draft()["elements"], "sex": 1}
    given = "a typing error\n" + json.dumps(elements)
    desk(homes, "XAA", "first", "correct", "--why", "-", "--", ref, "-", input=given)
    seen = desk(homes, "XAA", "first", "show", "--why", "-", "--", ref, input="to compare\n")
    assert elements == seen["content"]["draft"]["elements"]
    assert (2, "usage") == refused(homes, "XAA", "first", "show", "--why", "-", "--", ref)


@pytest.mark.parametrize(
    "text",
    [
        "elle a peur\u00a0: on la cherche",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u062f",
        "afraid,\ther family",
        "\ufeffafraid",
    ],
)
def test_a_stop_takes_its_reason_in_any_writing(homes: Homes, text: str) -> None:
    """The blank before a French colon, the joiners of Persian, a tab, the mark of an editor: none keeps a stop away."""
    ref = opened(homes)
    assert "FROZEN" == desk(homes, "XAA", "first", "freeze", "--reason", "-", "--", ref, input=f"{text}\n")["state"]


def test_a_stop_takes_its_reason_in_any_encoding(homes: Homes) -> None:
    """Bytes that are no UTF-8, as a terminal of another encoding types them, keep no stop away."""
    assert "FROZEN" == desk(homes, "XAA", "first", "freeze", "--reason", "menac\udce9e", "--", opened(homes))["state"]


@pytest.mark.parametrize("why", ["", " \t"], ids=["empty", "blank"])
@pytest.mark.parametrize("verb", ["show", "preview"])
def test_an_empty_reason_opens_nothing(homes: Homes, verb: str, why: str) -> None:
    """Whoever gives no word of a reason sees no content: such a look would not be recorded, or without a reason."""
    assert (2, "usage") == refused(homes, "XAA", "first", verb, "--why", why, "--", opened(homes))


def test_a_reason_that_is_too_long_is_said_so(homes: Homes) -> None:
    """Whoever is refused reads that the line is to be shortened, and not that there was none."""
    ref = opened(homes)
    args = ("freeze", "-C", homes.home("XAA"), "--as", "first", "--reason", "-", "--", ref)
    result = call("case", *args, input="x" * 5000 + "\n")
    assert (2, True) == (result.exit_code, "shorten it" in result.stderr)


def test_a_board_sees_no_content(homes: Homes) -> None:
    """Who is on no desk sees where a case stands and may not ask for its content."""
    ref, _ = received(homes)
    assert None is desk(homes, "XAA", "board", "show", "--", ref)["desk"]
    assert (5, "forbidden") == refused(homes, "XAA", "board", "show", "--why", "curious", "--", ref)


def test_who_opens_does_not_approve(homes: Homes) -> None:
    """A person without the role may not approve, and a digest that was not previewed is not signed."""
    ref = opened(homes)
    key = ("--key", homes.key("second"), "--digest")
    assert (5, "forbidden") == refused(homes, "XAA", "first", "approve", *key, "A" * 43, "--", ref)
    assert (5, "digest") == refused(homes, "XAA", "second", "approve", *key, "A" * 43, "--", ref)
    assert (2, "usage") == refused(homes, "XAA", "second", "approve", "--", ref)


def test_another_persons_key_does_not_approve(homes: Homes) -> None:
    """A statement by a key that is not the approver's is refused with 5."""
    ref = opened(homes)
    digest = desk(homes, "XAA", "second", "preview", "--why", "to approve", "--", ref)["digest"]
    key = ("--key", homes.key("first"), "--digest", digest)
    assert (5, "forbidden") == refused(homes, "XAA", "second", "approve", *key, "--", ref)


def test_a_statement_from_elsewhere_approves(homes: Homes, tmp_path: Path) -> None:
    """A statement signed on the person's own machine is handed in as a file."""
    ref = opened(homes)
    seen = desk(homes, "XAA", "second", "preview", "--why", "to approve", "--", ref)
    options = ("--kind", "request.approval", "--role", "liaison_officer", "--digest", seen["digest"])
    made = value("keys", "sign", "--key", homes.key("second"), "--thread", seen["thread"], *options)
    (tmp_path / "statement").write_text(made["statement"])
    done = desk(homes, "XAA", "second", "approve", "--statement", tmp_path / "statement", "--", ref)
    assert "CLEARED" == done["state"]


def test_what_is_wrong_is_sent_back(homes: Homes) -> None:
    """With a reason that is signed, and words that are shown for a reason only; another reason needs words."""
    ref = opened(homes)
    digest = desk(homes, "XAA", "second", "preview", "--why", "to approve", "--", ref)["digest"]
    key = ("--key", homes.key("second"), "--digest", digest)
    assert (2, "schema") == refused(homes, "XAA", "second", "send-back", "--reason", "OTHER", *key, "--", ref)
    given = ("--reason", "FACTS_WRONG", "--note", "-", *key, "--", ref)
    assert "DRAFT" == desk(homes, "XAA", "second", "send-back", *given, input="the year of birth\n")["state"]
    for why, note in (((), None), (("--why", "to mend it"), "the year of birth")):
        (word,) = desk(homes, "XAA", "first", "show", *why, "--", ref)["desk"]["pending"]["sent_back"]
        assert ("second", "FACTS_WRONG", note) == (word["by"], word["reason"], word["note"])
    assert "CLEARED" == desk(homes, "XAA", "second", "approve", *key, "--", ref)["state"]


def test_an_amended_draft_is_approved_anew(homes: Homes) -> None:
    """A case that was amended goes back to draft, and can be discarded."""
    ref = approved(homes)
    changed = json.dumps(draft(justification="Identity unclear"))
    assert "DRAFT" == desk(homes, "XAA", "first", "amend", "--", ref, "-", input=changed)["state"]
    assert (5, "illegal-step") == refused(homes, "XAA", "first", "send", "--", ref)
    assert "CLOSED" == desk(homes, "XAA", "first", "discard", "--", ref)["state"]


@pytest.mark.parametrize("given", [{}, {"elements": {}}, draft(to=1)])
def test_what_is_no_draft_is_said_to_be_none(homes: Homes, tmp_path: Path, given: dict[str, Any]) -> None:
    """A file that is another one than was meant opens nothing, and is told of by what it lacks."""
    (tmp_path / "other.json").write_text(json.dumps(given))
    assert (2, "schema") == refused(homes, "XAA", "first", "new", tmp_path / "other.json")
    assert [] == desk(homes, "XAA", "first", "list")


def test_a_rule_refuses_to_send(homes: Homes) -> None:
    """A draft with another protection state can be opened and looked at, and cannot be approved."""
    changed = draft(asylum={**draft()["asylum"], "state": "pending"})
    ref = desk(homes, "XAA", "first", "new", "-", input=json.dumps(changed))["ref"]
    seen = desk(homes, "XAA", "second", "preview", "--why", "to approve", "--", ref)
    key = ("--key", homes.key("second"), "--digest", seen["digest"])
    assert (5, "rule-refused") == refused(homes, "XAA", "second", "approve", *key, "--", ref)


def test_a_positive_answer(homes: Homes) -> None:
    """Acknowledged, answered, contested, and nothing may be reminded that is not overdue; both logs are whole."""
    ours, theirs = received(homes)
    desk(homes, "XBB", "first", "acknowledge", "--", theirs)
    deliver(homes)
    assert (5, "rule-refused") == refused(homes, "XAA", "first", "remind", "--", ours)
    done = desk(homes, "XBB", "first", "answer", "--", theirs, "-", input=json.dumps(answer_body("NATIONAL")))
    assert "REPLIED" == done["state"]
    deliver(homes)
    assert "REPLIED" == state(homes, "XAA", ours)
    assert "CONTESTED" == desk(homes, "XAA", "first", "contest", "--ground", "WRONG_PERSON", "--", ours)["state"]
    assert [] == value("log", "audit", "-C", homes.home("XAA"))["findings"]
    assert call("log", "audit", "-C", homes.home("XAA")).stdout.startswith("1 log; entries: ")
    assert {"CONTESTED": 1} == value("stats", "-C", homes.home("XAA"))["partners"]["XBB"]["cases"]


def test_an_answer_that_is_not_positive_needs_a_second_signer(homes: Homes) -> None:
    """A prepared NOT_FOUND is not sent before a second person signed its digest."""
    _, theirs = received(homes)
    desk(homes, "XBB", "first", "acknowledge", "--", theirs)
    body = json.dumps(answer_body("NOT_FOUND"))
    made = desk(homes, "XBB", "first", "answer", "--", theirs, "-", input=body)
    assert ("ACKNOWLEDGED", (5, "rule-refused")) == (
        made["state"],
        refused(homes, "XBB", "first", "answer", "--", theirs),
    )
    seen = desk(homes, "XBB", "signer", "preview", "--why", "to sign", "--", theirs)
    assert made["prepared"]["digest"] == seen["digest"]
    key = ("--key", homes.key("signer"), "--digest", seen["digest"])
    desk(homes, "XBB", "signer", "countersign", *key, "--", theirs)
    assert "REPLIED" == desk(homes, "XBB", "first", "answer", "--", theirs)["state"]


def test_a_referral_is_shown_and_ended(homes: Homes) -> None:
    """A denial asks of the officers to refer the person until one says what was done; what asks nothing is no step."""
    ours, theirs = received(homes)
    assert (5, "illegal-step") == refused(homes, "XAA", "first", "settle", "--why", "it is done", "--", ours)
    desk(homes, "XBB", "first", "acknowledge", "--", theirs)
    found = {"reason": "CITIZENSHIP_LOST", "match_basis": ["NAME_EXACT"], "confidence": "HIGH"}
    body = json.dumps({**answer_body("NOT_NATIONAL"), **found})
    digest = desk(homes, "XBB", "first", "answer", "--", theirs, "-", input=body)["prepared"]["digest"]
    key = ("--key", homes.key("signer"), "--digest", digest)
    desk(homes, "XBB", "signer", "countersign", *key, "--", theirs)
    desk(homes, "XBB", "first", "answer", "--", theirs)
    deliver(homes)
    look = ("show", "--why", "the answer came", "--", ours)
    assert {"text": [DUE, LIMITS], "counted": []} == desk(homes, "XAA", "first", *look)["content"]["referral"]
    assert "REPLIED" == desk(homes, "XAA", "first", "settle", "--why", "she was referred", "--", ours)["state"]
    assert desk(homes, "XAA", "first", *look)["content"]["referral"] is None


def test_a_question_and_what_answers_it(homes: Homes) -> None:
    """The requested desk asks for one element, and the requesting desk sends only that."""
    ours, theirs = received(homes)
    desk(homes, "XBB", "first", "acknowledge", "--", theirs)
    desk(homes, "XBB", "first", "ask", "--element", "SEX", "--candidates", "2", "--", theirs)
    deliver(homes)
    made = desk(homes, "XAA", "first", "elements", "--", ours)["prepared"]
    seen = desk(homes, "XAA", "second", "preview", "--why", "to approve", "--", ours)
    assert ({"sex"}, made["digest"]) == (set(json.loads(seen["body"])["elements"]), seen["digest"])
    key = ("--key", homes.key("second"), "--digest", made["digest"])
    desk(homes, "XAA", "second", "approve", *key, "--", ours)
    assert "ACKNOWLEDGED" == desk(homes, "XAA", "first", "send", "--", ours)["state"]


def test_a_delay_and_an_extension(homes: Homes) -> None:
    """The requested desk says that it will be late, and extends the clock once."""
    _, theirs = received(homes)
    desk(homes, "XBB", "first", "acknowledge", "--", theirs)
    reason = ("--reason", min(schemas.codes("reason_delay")))
    code = refused(homes, "XBB", "first", "delay", "--reason", "NONE", "--eta", "2026-12-01", "--", theirs)
    assert (2, "usage") == code
    assert "ACKNOWLEDGED" == desk(homes, "XBB", "first", "delay", *reason, "--eta", "2027-01-15", "--", theirs)["state"]
    assert "EXTENDED" == desk(homes, "XBB", "first", "extend", *reason, "--", theirs)["state"]


def test_a_case_is_stopped_released_and_goes_on(homes: Homes) -> None:
    """Frozen by one, let go by the same, resumed by two."""
    ref = approved(homes)
    assert "FROZEN" == desk(homes, "XAA", "first", "freeze", "--reason", "something new", "--", ref)["state"]
    assert (5, "illegal-step") == refused(homes, "XAA", "first", "send", "--", ref)
    assert (5, "rule-refused") == refused(homes, "XAA", "second", "release", "--", ref)
    desk(homes, "XAA", "first", "release", "--", ref)
    desk(homes, "XAA", "first", "resume", "--", ref)
    assert "FROZEN" != desk(homes, "XAA", "second", "resume", "--", ref)["state"]


def test_a_frozen_case_is_withdrawn_and_closed(homes: Homes, tmp_path: Path) -> None:
    """A protection state that became known freezes a case; withdrawn, it can be closed."""
    ours, theirs = received(homes)
    file = tmp_path / "state.json"
    file.write_text(json.dumps({**draft()["asylum"], "state": "requested"}))
    desk(homes, "XAA", "first", "freeze", "--reason", "became known", "--protection", file, "--", ours)
    assert "WITHDRAWN" == desk(homes, "XAA", "first", "withdraw", "--", ours)["state"]
    assert "CLOSED" == desk(homes, "XAA", "first", "close", "--", ours)["state"]
    assert "RECEIVED" == state(homes, "XBB", theirs)


def test_foreign_affairs_sees_no_case_that_was_stopped(homes: Homes) -> None:
    """A case in which we wait is on its list; once it is stopped there is no such case for it."""
    ours, _ = received(homes)
    home = homes.home("XAA")
    listed = [value("case", "list", "-C", home, "--as", "board")]
    desk(homes, "XAA", "first", "freeze", "--reason", "something new", "--", ours)
    listed.append(value("case", "list", "-C", home, "--as", "board"))
    assert [[ours], []] == [[row["ref"] for row in rows] for rows in listed]
    done = call("case", "show", "-C", home, "--as", "board", "--json", "--", ours)
    assert (2, "FROZEN" in done.output) == (done.exit_code, False)


@pytest.mark.parametrize("verb", ["show", "send", "acknowledge"])
def test_a_case_that_is_none(homes: Homes, verb: str) -> None:
    """A reference that is none exits 2."""
    assert (2, "not-found") == refused(homes, "XAA", "first", verb, "--", "AAAAAAAAAAAAAAAAAAAAAA")


def test_a_person_that_is_none(homes: Homes) -> None:
    """Somebody who is not configured may do nothing."""
    assert (5, "forbidden") == refused(homes, "XAA", "nobody", "list")
    done = call("case", "send", "-C", homes.home("XAA"), "--as", "nobody", "--", "AAAAAAAAAAAAAAAAAAAAAA")
    assert (5, True) == (done.exit_code, "'nobody' is not a person of this gateway" in done.stderr)


def test_a_step_of_the_other_side(homes: Homes) -> None:
    """The requesting desk cannot acknowledge its own request."""
    assert (5, "illegal-step") == refused(homes, "XAA", "first", "acknowledge", "--", opened(homes))


def test_nothing_is_overdue(homes: Homes) -> None:
    """A board without a late case is an empty list, an empty CSV with its header, or one sentence."""
    home = homes.home("XAA")
    assert [] == value("overdue", "-C", home)
    assert ",".join(COLUMNS) == call("overdue", "-C", home, "--csv").stdout.strip()
    assert "Nothing is overdue.\n" == call("overdue", "-C", home, "--partner", "XBB").stderr
    assert 2 == call("overdue", "-C", home, "--csv", "--json").exit_code


@pytest.mark.parametrize("text", ["=1+1", "+1", "-abc", "@SUM(A1)"])
def test_no_cell_is_a_formula(text: str) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe."""
    line = csv_text([{**dict.fromkeys(COLUMNS), "ref": text, "days_late": -3}]).splitlines()[1]
    assert f",'{text},,,,,-3,,,,,,,,,," == line


def test_what_is_late_is_listed_without_an_identity(homes: Homes) -> None:
    """A case past its due instant is a line of references, dates and codes, in each of the three forms."""
    ours, _ = received(homes)
    home = homes.home("XAA")
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        db.execute("UPDATE case_file SET due_at = 1700000000")
        db.commit()
    (row,) = value("overdue", "-C", home)
    assert (ours, "XBB", set(COLUMNS)) == (row["ref"], row["partner"], set(row))
    assert [] == value("overdue", "-C", home, "--partner", "XCC")
    texts = [call("overdue", "-C", home, *form).stdout for form in ((), ("--csv",))]
    assert all(ours in text and "Иванова" not in text for text in texts)
    assert 1 == value("stats", "-C", home)["partners"]["XBB"]["overdue"]


def test_a_late_case_that_cannot_be_read_hides_no_other(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is late all the same: it is listed without a level, said to be unreadable, and the next page is read."""
    home, (spoiled, whole) = homes.home("XAA"), [opened(homes) for _ in range(2)]
    monkeypatch.setattr("gateway.cli.overdue.PAGE", 1)
    with closing(sqlite3.connect(home / "data/gateway.db", isolation_level=None)) as db:
        db.execute("UPDATE case_file SET due_at = 1700000000 + (ref = ?)", (whole,))
        ((sealed,),) = db.execute("SELECT sealed FROM case_file WHERE ref = ?", (spoiled,))
        db.execute("UPDATE case_file SET sealed = ? WHERE ref = ?", (spoilt(sealed), spoiled))
    done = call("overdue", "-C", home, "--json")
    assert (0, True) == (done.exit_code, "1 case of these cannot be read" in done.stderr)
    assert [(spoiled, False), (whole, True)] == [
        (row["ref"], bool(row["reference"])) for row in json.loads(done.stdout)
    ]


def test_a_list_that_is_cut_says_so(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes the first thousand for all there are."""
    refs = {opened(homes) for _ in range(2)}
    asked = ("case", "list", "-C", homes.home("XAA"), "--as", "first", "--json")
    for most, said in ((2, False), (1, True)):
        monkeypatch.setattr("gateway.cli.case.LIST_MAX", most)
        done = call(*asked)
        assert (most, said) == (len(refs & {row["ref"] for row in json.loads(done.stdout)}), "more than" in done.stderr)


def test_a_character_that_is_none_is_told_of(homes: Homes) -> None:
    """Bytes of another encoding in an argument: wrong usage, and neither an empty list nor a closed store."""
    home = homes.home("XAA")
    for command in (("overdue", "--partner", "X\udcff"), ("case", "list", "--as", "first", "--officer", "X\udcff")):
        done = call(*command, "-C", home, "--json")
        assert Exit.USAGE == done.exit_code, done.stderr
        assert "bad-value" == json.loads(done.stderr)["error"]["code"]


def test_a_draft_is_replaced_only_as_it_was_seen(homes: Homes, tmp_path: Path) -> None:
    """With the mark that was printed, an amendment does not undo what somebody changed since."""
    ref = opened(homes)
    old = desk(homes, "XAA", "first", "show", "--", ref)["mark"]
    (tmp_path / "draft.json").write_text(json.dumps(draft(justification="Identity unclear")))
    file = tmp_path / "draft.json"
    desk(homes, "XAA", "second", "amend", "--", ref, file)
    assert (5, "changed") == refused(homes, "XAA", "first", "amend", "--seen", old, "--", ref, file)
    now = desk(homes, "XAA", "first", "show", "--", ref)["mark"]
    assert "DRAFT" == desk(homes, "XAA", "first", "amend", "--seen", now, "--", ref, file)["state"]
