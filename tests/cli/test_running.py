"""That one gateway runs on a home, or several over a database, and how another command makes all of them stop."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.errors import CommandError, Exit
from gateway.cli.running import LOCK_FILE, SHARED_MAX, alone, stopped
from gateway.settings import Settings

HOLDS = """
import signal, sys
from pathlib import Path
from gateway.cli.running import alone
from gateway.settings import Settings

class Stopped(Exception): pass

def stop(*_): raise Stopped

signal.signal(signal.SIGTERM, stop)
try:
    with alone(Settings(Path(sys.argv[1]), {"data_dir": "data", "database": "postgresql://host/name"})):
        print("held", flush=True)
        signal.pause()
except Stopped:
    sys.exit(0)
"""


def settings_of(home: Path, **values: Any) -> Settings:
    """Return the settings of a home, with no more in them than is read here."""
    return Settings(home, {"data_dir": "data", **values})


def holding(home: Path) -> "subprocess.Popen[str]":
    """Start a process that holds a lock of the home over a database, and return once it does."""
    made = subprocess.Popen([sys.executable, "-c", HOLDS, str(home)], stdout=subprocess.PIPE, text=True)
    assert made.stdout is not None
    assert "held\n" == made.stdout.readline()
    made.stdout.close()
    return made


@pytest.mark.parametrize("hold", [alone, stopped])
def test_a_full_disk_is_told_by_the_file_that_found_no_room(hold: Any, tmp_path: Path) -> None:
    """What is written by a descriptor fails without a name, and of several disks the operator has to know which."""
    chosen = settings_of(tmp_path)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most[1]))
    try:
        with pytest.raises(OSError, match=LOCK_FILE), hold(chosen):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)


def test_one_gateway_runs_on_a_home_with_a_file(tmp_path: Path) -> None:
    """The second is told who runs, and to come later."""
    chosen = settings_of(tmp_path)
    with alone(chosen), pytest.raises(CommandError) as refused, alone(chosen):
        pass
    assert (Exit.LATER, f"a gateway runs on this home already (process {os.getpid()})") == (
        refused.value.told.exit,
        refused.value.told.detail,
    )


def test_several_run_on_a_home_over_a_database(tmp_path: Path) -> None:
    """As many as may; the next one is refused."""
    chosen = settings_of(tmp_path, database="postgresql://host/name")
    held = [alone(chosen) for _ in range(SHARED_MAX)]
    for one in held:
        one.__enter__()
    with pytest.raises(CommandError), alone(chosen):
        pass
    for one in held:
        one.__exit__(None, None, None)


def test_a_home_over_a_database_has_a_file_for_each_that_ran(tmp_path: Path) -> None:
    """Whoever lists the data directory sees as many files of a lock as gateways ran there at once, and no more."""
    chosen = settings_of(tmp_path, database="postgresql://host/name")
    with alone(chosen), alone(chosen):
        pass
    assert ["serve-2.lock", "serve.lock"] == sorted(path.name for path in (tmp_path / "data").iterdir())


def test_all_that_run_are_stopped(tmp_path: Path) -> None:
    """A command that needs the home to itself stops every process of it, and none comes back meanwhile."""
    chosen = settings_of(tmp_path, database="postgresql://host/name")
    running = [holding(tmp_path) for _ in range(3)]
    with stopped(chosen, 20) as ran:
        assert ran
        assert [0, 0, 0] == [one.wait(10) for one in running]
        with pytest.raises(CommandError), alone(chosen):
            pass
    with alone(chosen):
        pass


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    """Its lock went with it, so there is nothing to stop."""
    one = holding(tmp_path)
    one.send_signal(signal.SIGKILL)
    one.wait(10)
    with stopped(settings_of(tmp_path, database="postgresql://host/name"), 5) as ran:
        assert not ran
