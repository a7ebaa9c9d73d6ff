"""
The whole suite against this gateway, part by part, and the suite itself: when a gateway is wrong, slow or gone.

The gateway under test runs in a process of its own, behind its test back-end; the suite is started as a partner would.
"""

import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import jsonschema
import pytest
from aiohttp import ClientSession, web

from benchmarks.resident import family_processor_s
from conformance import cases, coverage, report
from conformance.play import START
from conformance.registry import CASES, load
from conformance.run import choose
from conformance.state import Gateway, State
from conformance.talk import Talk
from conformance.writing import Key
from tests.conformance.bench import ROOT, Bench, end_bench, run_on, start_bench, suite
from tests.support.memory import MEMORY
from tests.support.pace import slowness

PROTOCOL = ROOT / "docs" / "protocol.md"
PARTS = 5
PART_S = 400
"""Seconds in which a part must end, whatever else the machine does; alone it takes some twenty."""
WHOLE_S = 280
"""Processor seconds that the whole may cost, suite and gateway together, each part its share; more on a slow one."""
RESET = 4
"""How much longer an input takes that begins with a fresh gateway."""


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A gateway under test of one's own."""
    made = start_bench()
    yield made
    end_bench(made)


def test_what_a_killed_gateway_left_is_cleared_when_the_next_one_starts() -> None:
    """Its folder lies in memory, which it would fill: whoever is killed clears nothing away."""
    killed = start_bench()
    (left,) = (MEMORY or Path(gettempdir())).glob(f"bench-{killed.process.pid}-*")
    killed.kill()  # from now on any other test that starts one may clear it away
    assert killed.process.stdout is not None
    killed.process.stdout.close()
    end_bench(start_bench())
    assert not left.exists()


def results(folder: Path) -> dict[str, Any]:
    """Return every result of a report by case and input."""
    value = json.loads((folder / report.REPORT).read_text(encoding="utf-8"))
    return {f"{case['id']}[{row['input']}]": row for case in value["cases"] for row in case["results"]}


def used(made: Bench) -> float:
    """Return the processor time, in seconds, of a gateway under test and of the suites that were run."""
    suites = resource.getrusage(resource.RUSAGE_CHILDREN)
    return family_processor_s(made.process.pid) + suites.ru_utime + suites.ru_stime


def parts() -> list[list[str]]:
    """Return the areas of all cases in parts that take alike long; each area begins with a fresh gateway anyhow."""
    weights, made = Counter[str](), [list[str]() for _ in range(PARTS)]
    for case in load(cases).values():
        weights[case.id.partition(".")[0]] += len(case.inputs) * (RESET if case.fresh else 1)
    for area, _ in weights.most_common():
        min(made, key=lambda part: sum(weights[one] for one in part)).append(area)
    return made


@pytest.mark.parametrize("areas", parts(), ids=lambda areas: areas[0])
@pytest.mark.timeout(PART_S + 20)
def test_this_gateway_passes_everything(bench: Bench, tmp_path: Path, areas: list[str]) -> None:
    """A run against this gateway ends in time: every case of the profile `full` applies and passes, part by part."""
    only = [option for area in areas for option in ("--only", area)]
    before = used(bench)
    done = run_on(bench, tmp_path, "--seed", "7", "--profile", "full", *only, timeout=PART_S)
    assert "" == "\n".join(line for line in done.stderr.splitlines() if line.startswith(("fail", "inconclusive")))
    assert 0 == done.returncode, done.stderr
    assert used(bench) - before < WHOLE_S / PARTS * slowness()
    value = json.loads((tmp_path / report.REPORT).read_text(encoding="utf-8"))
    assert ["pass", 7, "XBB"] == [value["verdict"], value["seed"], value["subject"]["country"]]
    own_tls = OWN_TLS if "tls" in areas else set()
    assert own_tls == {name for name, row in results(tmp_path).items() if row["verdict"] != "pass"}
    assert {case.id for case in choose(CASES, areas)} == {case["id"] for case in value["cases"]}


def test_parts_are_the_whole() -> None:
    """What is run in parts is every case, each once."""
    ran = [case.id for areas in parts() for case in choose(load(cases), areas)]
    assert sorted(load(cases)) == sorted(ran)


def test_area_is_the_file() -> None:
    """A case stands in the file that the first word of its id names, where whoever reads a report looks for it."""
    files = {id: case.run.__module__.rpartition(".")[2].replace("_", "") for id, case in load(cases).items()}
    assert {} == {id: file for id, file in files.items() if id.partition(".")[0] != file}


def test_most_cases_are_negative() -> None:
    """In more than half of the cases something is wrong on purpose."""
    assert 2 * sum(case.negative for case in load(cases).values()) > len(CASES)


OWN_TLS = {"tls.own-key[]", "tls.own-version[]"}
"""What needs a gateway whose own door speaks TLS; ``test_over_tls`` has one."""


def test_over_tls(tmp_path: Path) -> None:
    """A gateway behind TLS passes what is about it, with a certificate of its own making that its card lists."""
    made = start_bench("--tls")
    try:
        done = run_on(made, tmp_path, "--only", "tls", "--only", "framing.right")
    finally:
        end_bench(made)
    assert 0 == done.returncode, done.stderr
    assert {"pass"} == {row["verdict"] for row in results(tmp_path).values()}


FEW = ("--only", "framing.magic", "--only", "receipts.members", "--seed", "3")


def test_reports_say_the_same(bench: Bench, tmp_path: Path) -> None:
    """JSON fits its schema, JUnit and the page are well formed, and the signature verifies until a byte changes."""
    assert 0 == run_on(bench, tmp_path, *FEW).returncode
    value = json.loads((tmp_path / report.REPORT).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(report.schema()).validate(value)
    root = ElementTree.fromstring((tmp_path / report.JUNIT).read_bytes())  # noqa: S314 - our own file
    assert 4 == len(root.findall("testsuite/testcase"))
    check_page((tmp_path / report.PAGE).read_text(encoding="utf-8"))
    assert 0 == suite("report", tmp_path).returncode
    key = Key(bytes.fromhex((tmp_path / report.KEY).read_text()))
    assert 0 == suite("report", tmp_path, "--public", report.b64u(key.public)).returncode
    assert 6 == suite("report", tmp_path, "--public", report.b64u(Key(bytes(32)).public)).returncode
    path = tmp_path / report.REPORT
    path.write_bytes(path.read_bytes().replace(b'"seed": 3', b'"seed": 4'))
    assert 6 == suite("report", tmp_path).returncode


def check_page(text: str) -> None:
    """Insist that a page is closed properly and loads nothing from anywhere."""
    stack: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in ("script", "link", "img", "iframe")
            assert not {"src", "href", "onclick"} & {name for name, _ in attrs}
            if tag not in ("meta", "br"):
                stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert tag == stack.pop()

    Reader().feed(text)
    assert [] == stack
    assert "url(" not in text


def test_seed_repeats_a_run(bench: Bench, tmp_path: Path) -> None:
    """Two runs by one seed give the same verdicts in the same order, and judge the same things."""
    rows = []
    for name in ("one", "two"):
        assert 0 == run_on(bench, tmp_path / name, *FEW).returncode
        found = results(tmp_path / name)
        rows.append([(id, row["verdict"], row["judged"]) for id, row in found.items()])
    assert rows[0] == rows[1]


def test_killed_gateway_is_inconclusive(bench: Bench, tmp_path: Path) -> None:
    """A gateway that is killed in the middle of a run gives a report that says so, and no trace."""
    command = [sys.executable, "-m", "conformance.cli", "run", "--target", bench.target, "--backend", bench.backend]
    command += ["--report", str(tmp_path), "--only", "framing", "--only", "signatures", "--only", "receipts"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("framing")
        time.sleep(0.3)
        bench.kill()
        told = running.communicate(timeout=60)[1]
    assert (4, False) == (running.returncode, "Traceback" in told)
    found = results(tmp_path)
    assert {"pass", "inconclusive"} == {row["verdict"] for row in found.values()}
    assert "inconclusive" == json.loads((tmp_path / report.REPORT).read_text(encoding="utf-8"))["verdict"]


def test_nobody_there_is_inconclusive(tmp_path: Path) -> None:
    """Without anybody at the addresses nothing is said of a gateway, and there is a report."""
    nowhere = "http://127.0.0.1:9"
    done = suite("run", "--target", nowhere, "--backend", nowhere, "--report", tmp_path, "--only", "framing.magic")
    assert (4, False) == (done.returncode, "Traceback" in done.stderr)
    assert {"inconclusive"} == {row["verdict"] for row in results(tmp_path).values()}


def test_what_is_gone_is_told_in_a_few_lines(tmp_path: Path) -> None:
    """Of a back-end that is dead each result stands in the report, and its reason once on the way and on the page."""
    nowhere = "http://127.0.0.1:9"
    done = suite("run", "--target", nowhere, "--backend", nowhere, "--report", tmp_path, "--only", "framing")
    number, reason = len(results(tmp_path)), "the back-end does not answer /reset: ClientConnectorError"
    told = [f"inconclusive: framing.right: {reason}", f"inconclusive: {number - 1} more: {reason}"]
    assert (4, True) == (done.returncode, number > 20)
    assert told == [line for line in done.stderr.splitlines() if reason in line]
    assert len(told) + 3 == len(done.stderr.splitlines())
    assert told == suite("report", tmp_path).stdout.splitlines()[-2:]
    assert 1 == (tmp_path / report.PAGE).read_text(encoding="utf-8").count(f"{reason} (and {number - 1} more)")


def test_time_of_a_run_is_bounded(bench: Bench, tmp_path: Path) -> None:
    """A gateway that stands still costs the time of the run and no more."""
    os.kill(bench.process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        done = run_on(bench, tmp_path, "--only", "framing", "--time-limit", "5")
        assert (4, True) == (done.returncode, time.monotonic() - begun < 100)
    finally:
        os.kill(bench.process.pid, signal.SIGCONT)


def test_exemption_must_be_needed(bench: Bench, tmp_path: Path) -> None:
    """An exemption of a case that passes fails the run, and so does one that names nothing that ran."""
    for name in ("framing.magic", "framing.magic[lower]", "no.such-case"):
        (tmp_path / "exempt.toml").write_text(f'[exempt]\n"{name}" = "because"\n')
        done = run_on(bench, tmp_path / "report", "--only", "framing.magic", "--exempt", tmp_path / "exempt.toml")
        assert 1 == done.returncode, name


async def test_wrong_gateway_fails(bench: Bench, tmp_path: Path) -> None:
    """A gateway whose answers lose their spaces fails the case about them, and one that is exempt fails no run."""

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {"Content-Type": request.headers["Content-Type"]}
        async with (
            ClientSession() as session,
            session.post(bench.target + request.path, data=body, headers=headers) as got,
        ):
            kept = {"Content-Type": got.headers["Content-Type"]}
            return web.Response(status=got.status, body=(await got.read()).rstrip(b" "), headers=kept)

    app = web.Application(client_max_size=8 << 20)
    app.router.add_post("/xg/1/messages", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    wrong = Bench(bench.process, f"http://127.0.0.1:{runner.addresses[0][1]}", bench.backend)
    (tmp_path / "exempt.toml").write_text('[exempt]\n"receipts.members" = "mended in spring"\n')
    try:
        for more, code in (((), 1), (("--exempt", str(tmp_path / "exempt.toml")), 0)):
            process = await _start(wrong, tmp_path, "--only", "receipts.members", *more)
            assert code == process
            row = results(tmp_path)["receipts.members[]"]
            assert ("fail", "the answer is not as defined: bad-payload") == (row["verdict"], row["detail"])
    finally:
        await runner.cleanup()


async def _start(made: Bench, folder: Path, *more: str) -> int:
    arguments = ("run", "--target", made.target, "--backend", made.backend, "--report", str(folder), *more)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "conformance.cli", *arguments, cwd=ROOT)
    return await asyncio.wait_for(process.wait(), 110)


def test_profile_leaves_out(bench: Bench, tmp_path: Path) -> None:
    """Under a smaller profile the cases of larger ones are not applicable, and the run passes."""
    done = run_on(bench, tmp_path, "--profile", "receive", "--only", "framing.suite-2", "--only", "framing.magic")
    assert 0 == done.returncode
    found = results(tmp_path)
    assert "not applicable" == found["framing.suite-2[]"]["verdict"]
    assert "pass" == found["framing.magic[lower]"]["verdict"]


def test_wheel_has_no_back_end(tmp_path: Path) -> None:
    """What is installed holds the suite with its data, and nothing of the tests or of the back-end."""
    # From a copy: a build leaves its own directory behind, and takes up what an earlier one left there.
    copied = shutil.ignore_patterns(".*", "build", "*.egg-info", "node_modules", "__pycache__")
    shutil.copytree(ROOT, tmp_path / "tree", ignore=copied)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w"]
    subprocess.run([*command, str(tmp_path), str(tmp_path / "tree")], check=True, capture_output=True, timeout=280)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert [] == [name for name in names if name.startswith("tests/") or name.endswith("conformance/desk.py")]
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert {"gateway", "keys", "schemas", "conformance"} == tops
    assert {"conformance/report.schema.json", "conformance/cases/framing.py"} <= set(names)


def test_no_withdrawal_of_the_suite_names_a_message() -> None:
    """Nor does what follows one: a partner who refuses that would be right (M-5.26)."""
    a, b = [State(code, bytes(32), lambda: START) for code in ("XAA", "XBB")]
    for one in (a, b):
        one.first_card()
    talk = Talk(cast("Any", SimpleNamespace(gateway=Gateway("XBB", b.cards, None))), a, asking=True)
    talk.prev = talk.taken = "A" * 43

    def named(type: str, body: dict[str, Any] | bytes) -> list[bool]:
        seen = list[bytes]()
        talk.message(type, body, payload=lambda raw: seen.append(raw) or raw)
        return [json.loads(seen[0])[name] is not None for name in ("prev", "in_reply_to")]

    assert [True, True] == named("reminder", {}) == named("exercise", b'{"of":"reminder","body":{}}')
    assert [False, False] == named("withdrawal", {}) == named("exercise", b'{"of":"withdrawal","body":{}}')
    talk.withdrawn = True
    assert [False, False] == named("erasure", {"number": 1})


def test_suite_imports_schemas_alone() -> None:
    """The import contract of the suite is kept, and names all that it must not see."""
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    contract = text.partition("[importlinter:contract:conformance]")[2]
    assert ["gateway", "keys"] == contract.partition("forbidden_modules =")[2].split()[:2]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert "The conformance suite reads the protocol for itself KEPT" in done.stdout


def test_cases_cite_what_there_is() -> None:
    """Every demand that a case names stands in the protocol."""
    load(cases)
    assert [] == coverage.unknown(PROTOCOL, CASES)


def test_every_demand_has_a_case() -> None:
    """No MUST of the protocol is without a case."""
    load(cases)
    assert [] == coverage.uncovered(PROTOCOL, CASES)
