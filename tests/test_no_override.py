"""
Nobody can go past the stop: every way somebody might try is walked here, and none exists.

The ways: a role, an event (an order of events: ``tests/test_explore.py``), a setting, an environment variable, a verb
or option of the command line, a verb or parameter of the local API, a flag in the record.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway import settings
from gateway.cli.main import VERBS, cli
from gateway.core import facts, return_checks, rule_checks, rules
from gateway.core.case import Case, Side, State
from gateway.core.facts import Facts, When
from gateway.core.machine import Event, IllegalStep, Row, RuleRefused, Send, step
from gateway.core.messages import TYPES
from gateway.core.rule_checks import EXEMPT
from gateway.core.rules import RULES, findings
from gateway.core.tables import table_for
from gateway.http import openapi
from gateway.services.context import Policy
from tests.core import return_support, support
from tests.core.support import NOW
from tests.support.rows import for_each

ROOT = Path(__file__).parents[1]
PARTS = (facts, return_checks, rule_checks, rules)
"""All that the rules are made of."""
NONE = support.DRAFT["asylum"]
ROLES = sorted({*schemas.codes("person_role"), "person", "gateway", "partner", "stop"})
"""Everybody there is: those a configuration may name, the person herself, this gateway, the other one."""
STOPPED: dict[str, dict[str, Any]] = {
    **{state: {**NONE, "state": state} for state in schemas.codes("asylum_state") if state != "none"},
    "nobody attests": {**NONE, "attested_by": None},
    "on no day": {**NONE, "attested_on": None},
    "on no basis": {**NONE, "basis": None},
}
"""Every protection state that lets nothing leave."""
WAY_ROUND = re.compile(
    r"overr|(?<!en)forc(e|ing)|skip|bypass|ignor|disabl|emergency(?!_document)|break.?glass|unsafe|exempt|suppress|without.?(check|rule)",
    re.IGNORECASE,
)
"""Words by which a way round a safeguard is called."""
REQUESTING = table_for(Side.REQUESTING)
EVENTS = sorted({row.event for row in REQUESTING.rows})


def brought(row: Row, draft: Mapping[str, Any], represented: bool) -> tuple[Case, Event]:
    """Return a case for the row in which all is in order but what ``draft`` says, and the event that fits it."""
    if return_support.concerns(row):
        case = replace(return_support.good_case(Side.REQUESTING, row, represented), draft=draft)
        return case, return_support.good_event(row, case, represented)
    case = replace(support.good_case(Side.REQUESTING, row), draft=draft)
    return case, support.good_event(row, case)


def sent(case: Case, event: Event) -> set[str]:
    """Return the types of what leaves in this step; a step that is refused sends nothing."""
    try:
        _, effects = step(REQUESTING, case, event, NOW)
    except (IllegalStep, RuleRefused, KeyError, TypeError):
        return set()
    return {effect.type for effect in effects if isinstance(effect, Send)}


@cache
def tried(name: str, represented: bool) -> Mapping[tuple[State, str, str], frozenset[str]]:
    """Return what leaves for each (state, event, role) of a case whose protection state is ``name``."""
    found = {}
    draft = {**support.DRAFT, **(return_support.MINOR if represented else {}), "asylum": STOPPED[name]}
    for row in REQUESTING.rows:
        case, event = brought(row, draft, represented)
        event = replace(event, facts=event.facts and replace(event.facts, draft=draft))
        for role in ROLES:
            found[row.source, row.event, role] = frozenset(sent(case, replace(event, role=role)))
    return found


@pytest.mark.parametrize("represented", [False, True])
@pytest.mark.parametrize("name", STOPPED)
def test_no_role_sends_past_the_stop(name: str, represented: bool) -> None:
    """Whoever brings whatever event in whatever state: nothing leaves while protection is not an attested none."""
    found = tried(name, represented)
    assert {} == {key: types for key, types in found.items() if types - EXEMPT}


def test_the_same_steps_send_where_nothing_stops() -> None:
    """The search would see a message leave: with an attested none, the same roles and events send each type of ours."""
    found: set[str] = set()
    for represented in (False, True):
        for row in REQUESTING.rows:
            draft = {**support.DRAFT, **(return_support.MINOR if represented else {})}
            case, event = brought(row, draft, represented)
            found |= sent(case, event)
    ours = {row.type for row in TYPES.values() if row.sender == "requesting"}
    assert ours - found <= NOT_SENT_HERE
    assert found >= {"verification.request", "return.proposal", "return.schedule", "travel-document.request"}


NOT_SENT_HERE = {"verification.contest"}


@for_each("event", EVENTS)
def test_nothing_leaves_a_frozen_case(event: str) -> None:
    """In FROZEN no event of the table, brought by anybody, sends anything but what is exempt."""
    row = REQUESTING.index.get((State.FROZEN, event)) or next(row for row in REQUESTING.rows if row.event == event)
    for represented in (False, True):
        case, made = brought(row, support.DRAFT, represented)
        held = replace(case, state=State.FROZEN, holders=(("carol", "guardian"),), released=False)
        assert set() == {type for role in ROLES for type in sent(held, replace(made, role=role))} - EXEMPT


@pytest.mark.parametrize("event", EVENTS)
def test_who_has_no_row_moves_nothing(event: str) -> None:
    """A role that no row names moves no case by the event, in any state."""
    for state in State:
        row = REQUESTING.index.get((state, event))
        for role in set(ROLES) - (row.who if row else frozenset()):
            with pytest.raises(IllegalStep):
                step(REQUESTING, support.asking(state), Event(event, "anna", role), NOW)


def test_no_role_is_above_the_others() -> None:
    """No role is called after a power over the others, and none that keeps the machine running moves a case."""
    assert [] == [role for role in ROLES if WAY_ROUND.search(role) or re.search(r"admin|root|super|master", role)]
    assert [] == [row for side in Side for row in table_for(side).rows if "operator" in row.who]


# Configuration and environment.


def members(schema: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield each member that a schema knows, as a path, with all that is said of it."""
    if isinstance(schema, dict):
        for name, inner in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
            yield ".".join((*at, name)), f"{inner.get('title', '')} {inner.get('description', '')}"
            yield from members(inner, (*at, name))
        for key in ("items", "anyOf", "patternProperties"):
            inner = schema.get(key, [])
            for one in inner if isinstance(inner, list) else [inner]:
                yield from members(one, at)


CONFIGURATION = dict(members(schemas.load("configuration")))


def test_no_setting_goes_past_a_rule() -> None:
    """No key of the configuration is called or described as a way round."""
    assert CONFIGURATION
    assert [] == [name for name, said in CONFIGURATION.items() if WAY_ROUND.search(f"{name} {said}")]


@pytest.mark.parametrize("word", ["override", "force", "skip_rules", "bypass", "emergency", "disable_rules", "exempt"])
@pytest.mark.parametrize("section", [(), ("policy",), ("retention",), ("limits",), ("partners", "XBB"), ("persons", 0)])
def test_no_setting_can_be_made_up(section: tuple[str | int, ...], word: str) -> None:
    """A key that the configuration does not know is refused wherever it stands, so none waits there unseen."""
    values: dict[str, Any] = {
        "policy": {},
        "retention": {},
        "limits": {},
        "partners": {"XBB": {}},
        "persons": [{}],
    }
    at: Any = values
    for part in section:
        at = at[part]
    at[word] = True
    with pytest.raises(settings.BadConfiguration) as refused:
        settings.check(ROOT, values)
    place = "".join(f"/{part}" for part in section) or "/"
    assert f"{place}: has a member that is not known here: '{word}'" in refused.value.problems


def test_nothing_that_decides_reads_the_environment() -> None:
    """The environment reaches the gateway through the configuration and its schema, and in no other way."""
    deciding = [ROOT / "gateway" / layer for layer in ("core", "services", "http", "storage", "transport")]
    paths = [path for folder in deciding for path in folder.rglob("*.py")] + [ROOT / "gateway" / "settings.py"]
    assert [] == [path.name for path in paths if re.search(r"os\.environ|getenv", path.read_text(encoding="utf-8"))]


def test_no_environment_variable_goes_past_a_rule() -> None:
    """No variable that the code or the documents name is a way round."""
    texts = [*(ROOT / "gateway").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    named = {found for path in texts for found in re.findall(r"ISTHMUS_\w+", path.read_text(encoding="utf-8"))}
    assert [] == [name for name in named if WAY_ROUND.search(name)]


def test_the_policy_is_no_fact() -> None:
    """No choice of the operator is anything a rule reads: the facts hold none, and the rules import no service."""
    assert set() == {one.name for one in fields(Policy)} & {one.name for one in fields(Facts)}
    trees = [ast.parse(Path(str(part.__file__)).read_text(encoding="utf-8")) for part in PARTS]
    imported = {node.module or "" for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert [] == [name for name in imported if name.startswith(("gateway.services", "gateway.settings", "os"))]


# The command line and the local API.


def commands(command: click.Command, name: str, above: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name."""
    yield name, command
    if isinstance(command, click.Group):
        for word in command.list_commands(above):
            inner = command.get_command(above, word)
            assert inner is not None
            yield from commands(inner, f"{name} {word}", click.Context(inner, parent=above, info_name=word))


COMMANDS = dict(commands(cli, "isthmus", click.Context(cli)))


def test_no_option_goes_past_a_rule() -> None:
    """No verb, option or argument of the command line is called or described as a way round."""
    for name, command in COMMANDS.items():
        said = [name, command.help or "", command.short_help or ""]
        for parameter in command.params:
            said += [*parameter.opts, *parameter.secondary_opts, str(getattr(parameter, "help", None) or "")]
            said += [*([parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or [])]
        assert [] == [text for text in said if WAY_ROUND.search(text)], name


def test_every_verb_was_walked() -> None:
    """The walk over the command line leaves no verb out."""
    assert {f"isthmus {verb}" for verb in VERBS} <= set(COMMANDS)


def test_no_api_goes_past_a_rule() -> None:
    """No path, parameter, body or text of the local API is called or described as a way round."""
    described = openapi.document()
    texts = [text for text in strings(described) if not text.startswith("#")]
    assert texts
    assert [] == [text for text in texts if WAY_ROUND.search(text)]


def strings(value: Any) -> Iterator[str]:
    """Yield every name and text in a document."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


# The rules themselves.


@pytest.mark.parametrize("flag", ["override", "emergency", "force", "permission", "court_order", "exempt", "waived"])
def test_no_flag_in_the_record_is_heard(flag: str) -> None:
    """A flag put anywhere in the record or the body, whoever puts it there, makes no rule silent."""
    for role in ROLES:
        record = support.draft(asylum={**STOPPED["requested"], flag: True, "role": role})
        record |= {flag: True, "role": role, "officer": role}
        body = {**support.REQUEST_BODY, flag: role}
        for when in (When.APPROVE, When.SEND, When.RETRY, When.REMIND):
            found = findings(when, Facts(NOW, record, "verification.request", body, justification=f"{flag} by {role}"))
            assert "R-01" in {finding.rule for finding in found}


@given(
    reason=st.text(),
    type=st.sampled_from(sorted(set(TYPES) - EXEMPT)),
    state=st.sampled_from(list(State)),
    when=st.sampled_from([When.APPROVE, When.SEND, When.RETRY, When.REMIND]),
    justification=st.none() | st.text(),
    ready=st.booleans(),
)
def test_the_list_of_states_cannot_be_switched_off(
    reason: str, type: str, state: State, when: When, justification: str | None, ready: bool
) -> None:
    """While a State is on the no-contact list, for whatever reason, nothing but what is exempt leaves for it."""
    facts = Facts(
        NOW,
        support.draft(),
        type,
        support.REQUEST_BODY,
        state=state,
        justification=justification,
        around=support.around(no_contact=reason, recipient_ready=ready),
    )
    assert "N-01" in {finding.rule for finding in findings(when, facts)}


def test_one_list_of_exemptions() -> None:
    """The rules read one list of exempt types, in one function, and three rules of the stop ask that function."""
    trees = [ast.parse(Path(str(part.__file__)).read_text(encoding="utf-8")) for part in PARTS]
    functions = {
        f"{part.__name__}:{node.name}": node
        for part, tree in zip(PARTS, trees, strict=True)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    readers = {
        name
        for name, node in functions.items()
        if any(isinstance(inner, ast.Name) and inner.id == "EXEMPT" for inner in ast.walk(node))
    }
    assert {"gateway.core.rule_checks:_exempt"} == readers


def test_no_rule_can_be_taken_out() -> None:
    """The table of rules is a tuple that nothing in the gateway assigns to, and ``findings`` looks at all of it."""
    assert isinstance(RULES, tuple)
    for path in (ROOT / "gateway").rglob("*.py"):
        if path.name != "rules.py":
            assert not re.search(r"\brules\.(RULES|_BY_WHEN)|\bRULES\s*=", path.read_text(encoding="utf-8"))
