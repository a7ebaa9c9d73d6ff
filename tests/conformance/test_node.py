"""The second gateway, in Node.js: its vectors, its profiles of the suite, and a case with ours in each direction."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pair import free_port
from tests.conformance.bench import Bench, end_bench, run_on, start_bench

ROOT = Path(__file__).parents[2]
NODE = ROOT / "conformance" / "partners" / "node"
LINES_MAX = 1000
REPLY = {
    "outcome": "NATIONAL",
    "reason": None,
    "as_of": "2026-11-25",
    "method_used": ["POPULATION_REGISTER"],
    "match_basis": ["NAME_EXACT", "DOB_EXACT"],
    "confidence": "HIGH",
    "signed_by_role": "REGISTRAR",
    "valid_until": None,
}

installed = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules" / "better-sqlite3" / "build").exists(),
    reason="Node.js or the packages of conformance/partners/node are missing: npm ci",
)


@pytest.fixture
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """The gateway in Node.js of the country that the test asks for."""
    door, backend = free_port(), free_port()
    command = ["node", str(NODE / "main.mjs"), str(tmp_path / "state"), request.param, str(door), str(backend)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield Bench(process, f"http://127.0.0.1:{door}", f"http://127.0.0.1:{backend}")
    process.kill()
    process.wait(10)
    process.stdout.close()


def call(bench: Bench, path: str, **value: Any) -> Any:
    """Call the back-end, once it listens, and return its answer."""
    host = bench.backend.removeprefix("http://")
    for _ in range(600):
        connection = HTTPConnection(host, timeout=20)
        try:
            connection.request(
                "POST" if value else "GET", path, json.dumps(value), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            told = json.loads(answer.read())
            assert 200 == answer.status, told
            return told
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError("the back-end never listened")


def tick(second: int, *benches: Bench) -> None:
    """Set the clock of each to the same second, so that what waits is posted."""
    for bench in benches:
        call(bench, "/clock", now=f"2026-11-25T09:00:{second:02}Z")


def test_it_is_small() -> None:
    """All of its own code has fewer than 1,000 lines."""
    files = [file for pattern in ("*.mjs", "*.js", "lib/*.js", "lib/*.mjs") for file in NODE.glob(pattern)]
    assert 0 < sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) < LINES_MAX


@installed
def test_it_decides_every_vector_it_covers() -> None:
    """Not one vector is decided otherwise than by the protocol."""
    done = subprocess.run(
        ["npm", "test", "--silent"], cwd=NODE, capture_output=True, text=True, timeout=280, check=False
    )
    assert 0 == done.returncode, done.stdout[-2000:] + done.stderr[-2000:]


@installed
@pytest.mark.timeout(900)
@pytest.mark.parametrize("node", ["XBB"], indirect=True)
def test_it_passes_its_profiles(node: Bench, tmp_path: Path) -> None:
    """The suite finds nothing wrong in what it claims to do; ``verify`` holds all of ``receive``."""
    done = run_on(node, tmp_path / "report", "--seed", "7", "--profile", "verify", timeout=880)
    assert "" == "\n".join(line for line in done.stderr.splitlines() if line.startswith(("fail", "inconclusive")))
    assert 0 == done.returncode, done.stderr[-2000:]


@installed
@pytest.mark.parametrize("node", ["XAA"], indirect=True)
def test_it_confirms_a_nationality_with_ours_in_each_direction(node: Bench) -> None:
    """Each asks the other, acknowledges and answers; every message is accepted by a receipt that the sender checked."""
    ours = start_bench()
    try:
        now = "2026-11-25T09:00:00Z"
        cards = call(ours, "/reset", now=now, cards={})["cards"]
        theirs = call(node, "/reset", now=now, cards={"XBB": cards})["cards"]
        assert cards == call(ours, "/reset", now=now, cards={"XAA": theirs})["cards"]
        draft = json.loads((ROOT / "schemas/examples/case-draft/valid/adult.json").read_text(encoding="utf-8"))
        for at, (asking, asked, to, by) in enumerate(((ours, node, "XAA", "XBB"), (node, ours, "XBB", "XAA"))):
            thread = call(asking, "/submit", to=to, draft={**draft, "to": to})["thread"]
            tick(10 * at + 1, asking, asked)
            for type, body in (("verification.acknowledgement", {}), ("verification.reply", REPLY)):
                call(asked, "/say", partner=by, thread=thread, type=type, body=body)
                tick(10 * at + 2, asked, asking)
            heard = [row["type"] for row in call(asking, "/delivered")["messages"] if row["thread"] == thread]
            assert ["verification.acknowledgement", "verification.reply"] == heard
        for bench in (ours, node):
            assert {"accepted"} == {row["state"] for row in call(bench, "/sent")["messages"]}
    finally:
        end_bench(ours)
