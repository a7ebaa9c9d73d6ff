"""Broken links between two hosts in their small size; the long run is ``python -m drills.partition --namespaces``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drills.partition import SLOW_LINK, choose
from tests.support import namespaces

ROOT = Path(__file__).parents[2]

TROUBLES = ("link down", "link one way")
NOT_HERE = ("slow to drain", "slow to begin")
"""What other tests at work on the same cores decide as much as the gateways do."""


@pytest.fixture
def hosts() -> None:
    """Skip the test where this machine has no network namespaces to make hosts of."""
    if (why := namespaces.lacking()) is not None:
        pytest.skip(why)


@pytest.mark.usefixtures("hosts")
@pytest.mark.timeout(600)
def test_what_was_sent_over_broken_links_arrives_once_and_in_order() -> None:
    """Down, one way, or slow and lossy: nothing lost, no second effect, no reminder of what is not there."""
    troubles = TROUBLES if namespaces.lacking(slow=True) else (*TROUBLES, SLOW_LINK)
    command = [sys.executable, "-m", "drills.partition", "--namespaces", "--json"]
    command += ["--messages", "24", "--outage", "2", "--seconds", "2"]
    for name in troubles:
        command += ["--only", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count and not name.endswith(NOT_HERE)}, (
        done.stdout
    )
    assert [*troubles] == [trouble["name"] for trouble in figures["troubles"]]
    assert 3 * sum(trouble["cases"] for trouble in figures["troubles"]) == figures["messages"]
    down = figures["troubles"][0]
    assert down["cases"] == down["waited"]
    assert down["seen"]["connections"] > 0


@pytest.mark.usefixtures("hosts")
def test_hosts_are_deleted_when_what_was_done_on_them_failed() -> None:
    """An error on the way leaves no namespace, also with the link down."""
    names: set[str] = set()

    def fail() -> None:
        with namespaces.two_hosts() as (one, other):
            names.update({one.name, other.name} & _hosts())
            one.unplug()
            other.inside(lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        fail()
    assert 2 == len(names)
    assert set() == names & _hosts()


@pytest.mark.usefixtures("hosts")
def test_hosts_that_a_killed_run_left_are_deleted_by_the_next() -> None:
    """Those of a run that is at work still, and whatever another program named, stay."""
    code = (
        "import time; from tests.support import namespaces\n"
        "with namespaces.two_hosts() as hosts: print(*(one.name for one in hosts), flush=True); time.sleep(60)"
    )
    others = {f"{namespaces.PREFIX}{name}" for name in ("0123456789ab", "1-x-y")}
    for name in others:
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            theirs = set(run.stdout.readline().split())
            with namespaces.two_hosts():
                assert 2 == len(theirs & _hosts())
            run.kill()
        assert 2 == len(theirs & _hosts())
        with namespaces.two_hosts():
            assert set() == theirs & _hosts()
        assert others <= _hosts()
    finally:
        for name in others:
            subprocess.run(["ip", "netns", "del", name], check=True)


def test_what_the_machine_cannot_do_is_left_out_with_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without ``ip`` nothing between two hosts is tried, and the rest is; one line says so."""
    monkeypatch.setattr(namespaces, "lacking", lambda **_: "ip is missing (Debian: apt install iproute2)")
    assert [] == choose([], hosts_alone=True)
    assert "note: ip is missing (Debian: apt install iproute2), so no link between two hosts is broken\n" == (
        capsys.readouterr().err
    )
    assert ["down"] == choose(["down", "link down"], hosts_alone=False)


def _hosts() -> set[str]:
    return {one.name for one in namespaces.NAMED.glob(f"{namespaces.PREFIX}*")}
