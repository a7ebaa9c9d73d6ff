"""The story, told once in this process over real sockets; and `isthmus demo` as it is run."""

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import checks, settings
from gateway.checks.look import Look
from gateway.cli.running import runs
from gateway.demo import report
from gateway.demo.clock import START, DemoClock
from gateway.demo.people import FILES, File
from gateway.demo.report import Result, Told, legend, table
from gateway.demo.states import World, choose_ports, running
from gateway.demo.story import Story
from gateway.demo.tell import COLUMNS, Tell

COMMAND = [sys.executable, "-m", "gateway.cli.main", "demo"]
OUTCOMES = {
    "NATIONAL",
    "NOT_NATIONAL",
    "FORMER_NATIONAL",
    "PR_AT_DATE",
    "NO_PR_AT_DATE",
    "NOT_FOUND",
    "CANNOT_SAY",
    "REFUSED",
}


async def told(root: Path, files: Sequence[File], stream: io.StringIO) -> tuple[list[Result], list[Told]]:
    """Tell the story of ``files`` and return what came of each case, and the four stories."""
    async with running(root, choose_ports(None), DemoClock()) as world:
        story = Story(world, Tell(stream), files)
        return await story.run(), story.told


@pytest.fixture(scope="module")
def stream() -> io.StringIO:
    """Return where the story is told."""
    return io.StringIO()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, stream: io.StringIO) -> tuple[list[Result], list[Told]]:
    """Return what came of every case, and the four stories."""
    return asyncio.run(told(tmp_path_factory.mktemp("demo"), FILES, stream))


@pytest.fixture(scope="module")
def results(both: tuple[list[Result], list[Told]]) -> list[Result]:
    """Return what came of every case."""
    return both[0]


@pytest.fixture(scope="module")
def stories(both: tuple[list[Result], list[Told]]) -> dict[str, Told]:
    """Return the four stories by the fate of their file."""
    return {fate: one for one in both[1] for fate, name in report.STORIES.items() if name == one.name}


def by_fate(results: Sequence[Result], fate: str) -> Result:
    """Return the result of the one file with ``fate``."""
    return next(result for result, file in zip(results, FILES, strict=True) if file.fate == fate)


def test_every_outcome_is_reached(results: list[Result]) -> None:
    """The entries of the register lead to each outcome there is."""
    assert OUTCOMES | {None} == {result.outcome for result in results}


def test_every_day_tells_something(results: list[Result], stream: io.StringIO) -> None:
    """Under each day of the story a step stands: a day without one says nothing to whoever reads it."""
    assert results
    days = [part for part in stream.getvalue().split("\n\n") if " · " in part.strip().partition("\n")[0]]
    assert len(days) > 10
    assert [] == [part for part in days if "\n" not in part.strip()]


def test_every_answer_verifies(results: list[Result]) -> None:
    """Whatever was sent was answered, and the stored answers verify again."""
    assert [] == [result.number for result in results if result.messages and not result.receipt_verified]


def test_nothing_national_leaves(results: list[Result]) -> None:
    """Each field of the national file stays, by the rule for it, and is in nothing that was sent."""
    for result, file in zip(results, FILES, strict=True):
        assert set(file.national) == {name for name, rule in result.withheld.items() if rule == "MIN-3"}
        assert set(file.national).isdisjoint(result.sent)


def test_the_second_tier_leaves_only_when_asked(results: list[Result]) -> None:
    """Of three further elements the one asked for leaves, and the others stay by MIN-2."""
    result = results[2]
    assert "mother_given_names" in result.sent
    assert {"sex": "MIN-2", "personal_number": "MIN-2"}.items() <= result.withheld.items()


def test_an_open_protection_question_lets_nothing_leave(results: list[Result]) -> None:
    """R-01 refuses, nothing is sent, and the whole file is withheld."""
    result = results[-1]
    assert ({"R-01"}, (), 0, "DRAFT") == (set(result.refused_by), result.sent, result.messages, result.state)
    assert "R-01" == result.withheld["names"]


def test_a_frozen_case_is_withdrawn_and_not_pressed(results: list[Result]) -> None:
    """After a freeze nothing counts as late, though nobody answered."""
    result = by_fate(results, "freeze")
    assert ("WITHDRAWN", None, False, 0) == (result.state, result.outcome, result.overdue, result.reminders)


def test_silence_is_overdue_and_escalates(results: list[Result]) -> None:
    """Only the case nobody answered is overdue; it was reminded week by week and has reached the note verbale."""
    result = by_fate(results, "silence")
    assert [result.number] == [one.number for one in results if one.overdue]
    assert ("L4", None) == (result.level, result.outcome)
    assert result.reminders >= 5


def test_an_extension_moves_the_due_date(results: list[Result]) -> None:
    """The extended case was due later than the others."""
    result = by_fate(results, "extend")
    assert result.extended
    assert result.due_on is not None
    assert results[0].due_on is not None
    assert result.due_on > results[0].due_on


def test_the_table_and_the_story_fit_the_terminal(results: list[Result], stream: io.StringIO) -> None:
    """No line is wider than 80 columns, and plain streams get no colour."""
    text = "\n".join([stream.getvalue(), table(results, colour=False), legend(results)])
    assert "" == max((line for line in text.splitlines() if len(line) > COLUMNS), key=len, default="")
    assert "\x1b" not in text
    assert "\x1b" in table(results, colour=True)


def test_every_rule_in_the_table_is_explained(results: list[Result]) -> None:
    """Each rule that withheld something has a line in the legend."""
    assert {rule for result in results for rule in result.withheld.values()} <= set(report.RULES)


def test_four_stories_are_told_to_their_end(stories: dict[str, Told]) -> None:
    """A return that was followed, one that was refused, a neutral withdrawal, and a silence that led to a note."""
    ends = {fate: one.end for fate, one in stories.items() if fate != "silence"}
    assert {"return": "CLOSED_SAFE", "veto": "NOT_RETURNED", "freeze": "WITHDRAWN"} == ends
    assert ("L1", "L2", "L3", "L4") == stories["silence"].pressed
    assert "note verbale 1/2027" == stories["silence"].end


def test_silence_leads_to_no_other_state(stories: dict[str, Told]) -> None:
    """However far it was pressed, the case stands where the other State left it."""
    assert "ACKNOWLEDGED" == stories["silence"].states[-1]


def test_no_departure_without_the_steps_before(stories: dict[str, Told]) -> None:
    """The refused return never came to a decision, the other one passed every state on the way."""
    way = ("REPLIED", "CONSIDERED", "ASSESSED", "PROPOSED", "ACCEPTED", "DECIDED", "DOCUMENTED", "SCHEDULED")
    states = stories["return"].states
    assert way == states[states.index("REPLIED") : states.index("DEPARTED")]
    assert {"ACCEPTED", "DECIDED", "DEPARTED"}.isdisjoint(stories["veto"].states)


async def test_a_changed_answer_does_not_verify(tmp_path: Path) -> None:
    """One changed byte in a stored answer shows: it is not verified, and neither is the case."""
    async with running(tmp_path, choose_ports(None), DemoClock()) as world:
        (result,) = await Story(world, Tell(io.StringIO()), FILES[4:5]).run()
        assert result.receipt_verified
        await _spoil(world, result.ref)
        spoilt = await report.result_of(world, 1, "", result.ref, None, {})
        assert not spoilt.receipt_verified


async def _spoil(world: World, ref: str) -> None:
    async def unit(tx: Any) -> None:
        (row,) = await tx.outbound_of_case(ref)
        answer = row.answer.replace(b'"proof":"', b'"proof":"x', 1)
        await tx.save_outbound(row._replace(answer=answer))

    await world.gateways["XAA"].store.commit(unit)


async def test_the_clock_wakes_sleepers() -> None:
    """Whoever sleeps wakes when the clock is moved past the end, not before."""
    clock = DemoClock()
    sleeper = asyncio.create_task(clock.sleep(3600))
    clock.move_to(START.replace(minute=30))
    await asyncio.sleep(0.01)
    assert not sleeper.done()
    clock.move_to(START.replace(hour=10))
    await asyncio.wait_for(sleeper, 60)
    with pytest.raises(ValueError, match="not put back"):
        clock.move_to(START)


@pytest.mark.parametrize("turns", range(5))
async def test_a_sleeper_that_is_stopped_as_the_clock_moves_ends(turns: int) -> None:
    """A loop of a gateway that is cancelled at the moment at which the clock is moved does not sleep on."""
    clock = DemoClock()
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0.01)
    clock.move_to(START.replace(minute=30))
    for _ in range(turns):
        await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.wait({sleeper}, timeout=110)
    assert sleeper.cancelled()


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return an environment whose temporary directory is looked at afterwards: it must be empty."""
    yield {**os.environ, "TMPDIR": str(tmp_path), "NO_COLOR": "1"}
    assert [] == list(tmp_path.iterdir())


def test_json_is_one_object_and_the_rest_goes_to_stderr(environment: dict[str, str]) -> None:
    """`demo --once --json` prints the object alone, ends with 0 and leaves nothing behind."""
    ran = subprocess.run([*COMMAND, "--once", "--json"], env=environment, capture_output=True, timeout=110, check=False)
    assert 0 == ran.returncode, ran.stderr.decode()
    value = json.loads(ran.stdout)
    wanted = {"ref", "outcome", "sent_fields", "withheld_fields", "receipt_verified", "due_on", "overdue"}
    assert all(wanted <= set(case) for case in value["cases"])
    assert all(case["receipt_verified"] for case in value["cases"])
    assert 1 == len(value["not_sent"])
    assert ["CLOSED_SAFE", "NOT_RETURNED", "WITHDRAWN"] == [one["end"] for one in value["stories"][:3]]
    assert value["stories"][3]["end"].startswith("note verbale")
    assert b"XBB looks into its register" in ran.stderr
    assert b"XBB  Republic of Belmaria  https://" in ran.stderr


def test_its_doors_are_its_own_to_a_check(environment: dict[str, str]) -> None:
    """Whoever checks a home of it meanwhile is not told that another program listens there."""
    ran = subprocess.Popen(
        [*COMMAND, "--once"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert ran.stderr is not None
    try:
        assert any("Two invented States" in line for line in iter(ran.stderr.readline, ""))
        (root,) = Path(environment["TMPDIR"]).iterdir()
        look = Look(settings.load(root / "xaa", {}), str, datetime.now(UTC), runs=runs)
        found = [item for item in checks.run(look) if item.area == "doors"]
    finally:
        ran.send_signal(signal.SIGTERM)
        ran.stderr.read()
        ran.stderr.close()
        ran.wait(110)
    assert [] == found


def test_it_stays_until_stopped(environment: dict[str, str]) -> None:
    """Without --once it invites, stays, and ends cleanly on SIGTERM."""
    ran = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert ran.stderr is not None
    lines = iter(ran.stderr.readline, "")
    said = next((line for line in lines if "Stop with Ctrl-C" in line), "")
    ran.send_signal(signal.SIGTERM)
    rest = ran.stderr.read()
    ran.stderr.close()
    assert said
    assert 0 == ran.wait(110), rest


IMPATIENT = """
import os, shutil, signal
from gateway.cli.main import main

def remove(*values, **named):
    os.kill(os.getpid(), signal.SIGINT)
    return removed(*values, **named)

signal.signal(signal.SIGINT, signal.default_int_handler)
removed, shutil.rmtree = shutil.rmtree, remove
main()
"""
"""The demonstration under the hands of somebody who presses Ctrl-C once more just as its homes are removed."""


def test_a_second_ctrl_c_changes_nothing(environment: dict[str, str]) -> None:
    """Whoever is impatient does not cut short what the first one began, and nothing is left."""
    command = [sys.executable, "-c", IMPATIENT, "demo", "--once"]
    ran = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert ran.stderr is not None
    assert any("Two invented States" in line for line in iter(ran.stderr.readline, ""))
    ran.send_signal(signal.SIGINT)
    _, said = ran.communicate(timeout=110)
    assert (130, True, False) == (ran.returncode, "is removed" in said, "Traceback" in said)


def test_a_taken_port_is_said(environment: dict[str, str]) -> None:
    """A port somebody else has is one error and one hint, exit code 3."""
    ports = choose_ports(None)
    with socket.create_server(("127.0.0.1", ports["XAA"].peers)):
        ran = subprocess.run(
            [*COMMAND, "--once", "--port", str(ports["XAA"].peers)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    assert 3 == ran.returncode, ran.stderr
    assert ["error", "hint"] == [line.split(":")[0] for line in ran.stderr.splitlines()]
