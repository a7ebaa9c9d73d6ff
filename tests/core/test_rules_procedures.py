"""Rules that no check can hold are steps that nobody can leave out."""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.cli.main import VERBS
from gateway.core.case import Side, State
from gateway.core.machine import IllegalStep, Row, RuleRefused, Send, step
from gateway.core.messages import DOCUMENT_REQUEST, INTERVIEW_ANSWER, REMINDER
from gateway.core.notices import APPLIES as NOTICES
from gateway.core.rules import RULES, Rule
from gateway.core.tables import table_for
from gateway.core.verification import GATEWAY
from tests.core import return_support, support
from tests.core.support import NOW

PACKAGE = Path(gateway.__file__).parent
ROWS = [(side, row) for side in Side for row in table_for(side).rows]


@cache
def functions(folder: str) -> tuple[tuple[str, str, str], ...]:
    """Return file, name and text of every function in ``folder`` of the gateway."""
    return tuple(
        (path.name, node.name, ast.unparse(node))
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def calling(call: str, folder: str) -> set[tuple[str, str]]:
    """Return file and name of each function that makes the call."""
    return {(file, name) for file, name, text in functions(folder) if re.search(rf"(?<![\w.]){call}\(", text)}


def brought(side: Side, row: Row, role: str) -> set[str]:
    """Return the types of what leaves when ``role`` brings the row's event to a case in which all is in order."""
    made = return_support if return_support.concerns(row) else support
    case: Any = made.good_case(side, row)
    event = made.good_event(row, case)
    try:
        _, effects = step(table_for(side), case, type(event)(event.name, role, role, event.data, event.facts), NOW)
    except (IllegalStep, RuleRefused, KeyError, TypeError):
        return set()
    return {effect.type for effect in effects if isinstance(effect, Send)}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.procedure], ids=lambda rule: rule.id)
def test_the_steps_of_a_procedure_exist(rule: Rule) -> None:
    """Each step that a row names is a function of the gateway."""
    for place in rule.procedure:
        module, _, name = place.partition(":")
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found)


def test_every_rule_is_held() -> None:
    """Each row has a check, a procedure, or both."""
    assert [] == [rule.id for rule in RULES if rule.check is None and not rule.procedure]


# what is sent and what is received is on file.


def test_what_is_made_is_kept() -> None:
    """Messages are framed at one place, which puts them into the outbox; asking for what waits tells of nobody."""
    framing = {(file, name) for file, name, text in functions("services") if "serialize_payload(" in text}
    assert {("outbox.py", "frame")} == framing
    making = {(file, name) for file, name, text in functions("services") if re.search(r"\bframe\(", text)} - framing
    kept = {(file, name) for file, name, text in functions("services") if "save_outbound(" in text}
    assert {("outbox.py", "put"), ("collect.py", "_ask")} == making
    assert {("collect.py", "_ask")} == making - kept


def test_only_what_is_kept_is_posted() -> None:
    """Messages are posted by the delivery loop alone, from rows it has marked and committed before."""
    posting = {
        (file, name) for file, name, text in functions("services") if '"/xg/1/messages"' in text.replace("'", '"')
    }
    assert {("deliver.py", "_post")} == posting
    claim = next(text for file, name, text in functions("services") if (file, name) == ("deliver.py", "_claim_one"))
    assert claim.index("save_outbound(ready)") < claim.index("return Claimed(")


def test_what_is_received_is_kept_with_its_receipt() -> None:
    """The function that keeps a message received asks for its receipt too, and no other one does either."""
    receiving = {name: text for file, name, text in functions("services") if file == "receive.py"}
    keeping = {name for name, text in receiving.items() if "add_inbound(" in text}
    assert {"_record", "_channel"} == keeping
    assert "self._draft(" in receiving["_record"]
    again = {"_again"}  # a message whose id is on file already: its row stands, only the receipt is made anew
    assert {"_record"} == {name for name, text in receiving.items() if "self._draft(" in text} - again


# What the rules look at.


def test_the_rules_see_the_case_as_it_is() -> None:
    """
    A service gives the rules a case through ``about``, which leaves nothing of it out, such as that it stands still.

    By hand facts are made only where there is no case of ours to look at: of what arrived, and of a bare reason.
    """
    assert {"judge.py", "evidence.py", "rights.py"} == {file for file, _ in calling("Facts", "services")}
    whole = {file for file, _ in calling("about", "services")}
    assert {"answer.py", "clear.py", "escalate.py", "hold.py", "leaving.py", "remind.py", "steps.py"} <= whole


# no correction without its notice.


@pytest.mark.parametrize("event", ["rectify", "strike", "demand_erasure", "destroy", "confirm"])
def test_what_is_set_right_is_told(event: str) -> None:
    """Each step that corrects, takes back, demands or destroys sends the message that says so."""
    text = next(text for _, name, text in functions("core") if name == NOTICES[event].__name__)
    assert "Send(" in text


# the account is made from what was posted, and can be had.


def test_the_account_is_made_from_what_was_posted() -> None:
    """The account walks the outbox itself, leaves out only what never left, and is a verb of the command line."""
    walks = next(text for file, name, text in functions("services") if (file, name) == ("rights.py", "_account"))
    assert "outbound_of_case(" in walks
    assert ["posted_at is not None"] == re.findall(r"sent = .+ for row in rows if row\.(.+?)\]", walks)
    assert "access" in VERBS


def test_nobody_takes_an_account_unseen() -> None:
    """Whoever takes an account is on record with the reason, also where a restriction holds it back."""
    takes = next(text for file, name, text in functions("services") if (file, name) == ("rights.py", "account"))
    assert takes.index("access.record(") < takes.index("return Finding(") < takes.index("_account(")


# nothing lets a consulate in by itself.


def test_the_gateway_says_nothing_by_itself() -> None:
    """Of all rows that the gateway itself may bring, none sends anything but a reminder."""
    own = [(side, row) for side, row in ROWS if GATEWAY in row.who]
    assert own
    assert {REMINDER} >= {type for side, row in own for type in brought(side, row, GATEWAY)}


def test_what_lets_a_consulate_in_has_two_persons() -> None:
    """A request for a travel document and the answer to an interview leave approved, and are approved by a second."""
    table = table_for(Side.REQUESTING)
    for type, sending in ((DOCUMENT_REQUEST, "request_document"), (INTERVIEW_ANSWER, "interview_answer")):
        rows = [
            row for row in table.rows if row.event == sending and GATEWAY not in row.who and "partner" not in row.who
        ]
        assert rows, type
        for row in rows:
            assert "approved" in row.guards
            assert {"two_persons", "same_bytes"} <= set(table.index[row.source, "approve"].guards)


# nothing goes before its period is over, and everything does after.


@pytest.mark.parametrize("side", list(Side))
def test_what_is_blocked_or_erased_was_kept_for_its_period(side: Side) -> None:
    """Time blocks and erases behind the guard of the period alone; before it, only the State that sent it can ask."""
    rows = [row for row in table_for(side).rows if row.target in (State.BLOCKED, State.ERASED)]
    assert {State.BLOCKED, State.ERASED} == {row.target for row in rows if GATEWAY in row.who}
    assert {("retention_over",)} == {row.guards for row in rows if GATEWAY in row.who}
    assert {"destroy"} >= {row.event for row in rows if GATEWAY not in row.who}


def test_the_timers_run_as_long_as_the_gateway() -> None:
    """The gateway starts the retention loop with its other loops, whatever is configured."""
    text = (PACKAGE / "serving.py").read_text(encoding="utf-8")
    led = text[text.index("async def _lead(") :].partition("\n\n\n")[0]
    assert re.search(r"^ +gateway\.retention,$", led, re.MULTILINE)
    assert "group.create_task(loop.run())" in led
    begun = text[text.index("def _begin_loops(") :].partition("\n\n\n")[0]
    assert (
        "\n    group.create_task(gateway.store.lead(partial(_lead, gateway, monitor), gateway.context.wake))" in begun
    )
    assert "\n    group.create_task(gateway.deliverer.run())\n" in begun
    assert re.findall(r"^ +(.*):\n +_begin_loops\(", text, re.MULTILINE) == ["if loops"]
