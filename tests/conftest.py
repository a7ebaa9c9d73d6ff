"""
What all tests share: figures that a test records are shown at the end, whichever process ran it.

What every start of a gateway works out anew is worked out once a process (``tests.support.once``).

What tests write lies on a disk in memory, where there is one, and goes with the test unless that fails.
"""

import gc
import os
import sys
import zlib
from collections.abc import Generator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.internal.constants_ast import constants_from_module, is_local_module_file
from xdist.scheduler import LoadFileScheduling

from gateway.serving import settle_in
from tests.support import once
from tests.support.memory import MEMORY

once.install()
once.quiet_signals()
once.share_ports()
hypothesis.settings.register_profile("suite", deadline=None)  # how long an example takes is the machine's affair
hypothesis.settings.load_profile("suite")
if MEMORY is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

LONG = (
    *("test_suite.py", "test_partition.py", "test_kill.py"),
    *("test_simulation.py", "test_pages.py", "test_mutants.py", "test_canaries.py", "test_node.py"),
    *("test_habits.py", "test_story.py", "test_keyboard.py", "test_explore.py", "test_faults.py"),
    *("test_kill_nodes.py", "test_flood.py", "test_planted.py", "test_stop_does_not_show.py"),
    *("test_outlets.py", "test_clock.py", "test_stops.py", "test_upgrade.py", "test_look.py", "test_restore.py"),
    *("test_partition_namespaces.py", "test_processes.py", "test_contract.py", "test_postgres.py"),
    *("test_render.py", "test_remark_leaks.py", "test_steps.py", "test_returning.py", "test_case.py"),
    *("test_compromise.py", "test_peer_api.py", "test_invited.py", "test_postgres_lost.py", "test_person_stop.py"),
    *("test_local_api.py", "test_hostile.py", "test_ceremony.py", "test_messages.py", "test_no_override.py"),
    *("test_store.py", "test_check.py", "test_leaks.py", "test_tuf_js.py"),
)
"""
Files that take a process a third of a minute or more, the longest first: so none begins when all else is done. Beside
the run of the conformance suite, which has to end in time, stand two that mostly wait.
"""

LIGHT = ("core", "docs", "keys", "schemas")
"""Areas whose other files take a process seconds: they come last, so that all processes end at nearly the same time."""

WHOLE_RUN = "test_this_gateway_passes_everything"
"""Its parts are begun together: each waits for its own gateway half of the time, so they leave one another room."""

APART = ("tests/conformance/test_suite.py", "tests/sim/test_simulation.py")
"""Long files whose tests share nothing that is costly to make: any process may run any of them."""

TOGETHER = "test_seed_does_the_same_in_another_process"
"""The one of them that does: the seeds that its processes play are played here too, once for all."""


class Scheduling(LoadFileScheduling):
    """Gives each process whole files, for their fixtures are made once a file; of those ``APART`` single tests."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        test, _, _ = name.partition("[")
        return file if file not in APART else test if test == TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Distribute as above where ``--dist loadfile`` asks for files."""
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Put the long files first and the light areas last.

    The order within a file, and of files beside one another, stays as drawn, but for the suite's run.
    """

    def place(item: pytest.Item) -> tuple[int, bool]:
        other = len(LONG) + (item.path.parent.name in LIGHT)
        at = LONG.index(item.path.name) if item.path.name in LONG else other
        return at, not item.name.startswith(WHOLE_RUN)

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """
    Let the collector look at what tests make, as often as in a gateway that serves.

    And not, again and again, at the half million objects that are made here and stay until the end.
    """
    gc.disable()
    try:
        share_rewriting(session.config)
        return (yield)
    finally:
        settle_in()
        gc.enable()


def share_rewriting(config: pytest.Config) -> None:
    """
    Load first, where all files are collected, those that are this process's share.

    Whoever loads a test file first has its asserts rewritten and keeps the outcome for the others. All processes go
    through the files in the same order, so each would rewrite every one, in the same moment as the others.
    """
    given: Mapping[str, Any] = getattr(config, "workerinput", {})
    if not given or config.args != config.getini("testpaths"):
        return
    root = Path(__file__).parent
    mine = sorted(root.rglob("test_*.py"))[int(given["workerid"].removeprefix("gw")) :: given["workercount"]]
    for file in mine:
        # What is wrong with a file is told when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(file.with_suffix("").relative_to(root.parent).parts))
    share_constants(int(given["workerid"].removeprefix("gw")), given["workercount"])


def share_constants(number: int, count: int) -> None:
    """
    Let Hypothesis look through this process's share of the modules that are loaded: it keeps on the disk what it found.

    It tries what stands in the code under test. In a tree without its folder each process would parse all of it.
    """
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if zlib.crc32(name.encode()) % count == number and is_local_module_file(file):
            constants_from_module(module)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as ``figures``."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    told = [text for report in reports for name, text in report.user_properties if name == "figures"]
    if told:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(sorted(told)))
