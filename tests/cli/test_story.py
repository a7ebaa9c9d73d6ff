"""The whole exchange through the command line alone: two gateways as processes, people at two desks."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.pair import free_port
from tests.cli.support import ENVIRON, ROOT, Homes, answer_body, draft, make_homes, spawn


@contextmanager
def serving(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a gateway as a process until the block ends; it must then stop by itself and exit 0."""
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "-C", str(home)]
    log = (home / "gateway.log").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **ENVIRON}, stderr=log, text=True)
    try:
        wait_for(lambda: "gateway.ready" in (home / "gateway.log").read_text())
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
        log.close()
    assert 0 == code


def wait_for(condition: Any, seconds: float = 90.0) -> None:
    """Wait until ``condition()`` is true."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def desk(homes: Homes, country: str, person: str, *args: Any) -> Any:
    """Call a verb of ``case`` as a process and return what it printed."""
    group, verb, *rest = args
    done = spawn(group, verb, "-C", homes.home(country), "--as", person, "--json", *rest)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def state(homes: Homes, country: str, ref: str) -> str:
    return str(desk(homes, country, "first", "case", "show", "--role", "case_officer", "--", ref)["case"]["state"])


def test_two_states_confirm_through_the_command_line(tmp_path: Path) -> None:
    """A case goes from a file to an answer that is not positive, countersigned, through two served gateways."""
    homes = make_homes(tmp_path, [free_port(), free_port()])
    file, reply = tmp_path / "draft.json", tmp_path / "reply.json"
    file.write_text(json.dumps(draft()))
    reply.write_text(json.dumps(answer_body("NOT_FOUND")))
    with serving(homes.home("XAA")), serving(homes.home("XBB")):
        ref = desk(homes, "XAA", "first", "case", "new", file)["ref"]
        seen = desk(homes, "XAA", "second", "case", "preview", "--why", "to approve it", "--", ref)
        assert [] == seen["findings"]
        key = ("--key", homes.key("second"), "--digest", seen["digest"])
        assert "CLEARED" == desk(homes, "XAA", "second", "case", "approve", *key, "--", ref)["state"]
        assert "SENT" == desk(homes, "XAA", "first", "case", "send", "--", ref)["state"]

        wait_for(lambda: desk(homes, "XBB", "first", "case", "list", "--role", "registry_clerk"))
        (received,) = desk(homes, "XBB", "first", "case", "list", "--role", "registry_clerk")
        theirs = received["ref"]
        desk(homes, "XBB", "first", "case", "acknowledge", "--", theirs)
        prepared = desk(homes, "XBB", "first", "case", "answer", "--", theirs, reply)["prepared"]
        key = ("--key", homes.key("signer"), "--digest", prepared["digest"])
        desk(homes, "XBB", "signer", "case", "countersign", *key, "--", theirs)
        assert "REPLIED" == desk(homes, "XBB", "first", "case", "answer", "--", theirs)["state"]

        wait_for(lambda: "REPLIED" == state(homes, "XAA", ref))
        shown = desk(homes, "XAA", "first", "case", "show", "--why", "to decide", "--", ref)
        assert "NOT_FOUND" == shown["content"]["reply"]["outcome"]
        reached = spawn("check", "-C", homes.home("XBB"), "--online", "--json")
        assert ["reach"] == [one["area"] for one in json.loads(reached.stdout)["items"] if one["area"] == "reach"]
        assert 0 == reached.returncode, reached.stdout
        audited = spawn("log", "audit", "-C", homes.home("XBB"), "--json")
        assert (0, []) == (audited.returncode, json.loads(audited.stdout)["findings"]), audited.stderr
        counted = json.loads(spawn("stats", "-C", homes.home("XAA"), "--json").stdout)
        assert {"REPLIED": 1} == counted["partners"]["XBB"]["cases"]
        assert [] == json.loads(spawn("overdue", "-C", homes.home("XAA"), "--json").stdout)
