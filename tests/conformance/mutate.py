"""
Proving the conformance suite: a gateway with one behaviour flipped must fail the case that was named beforehand.

A mutant is a patch file in ``mutants/``. Above the diff it says which case kills it, which demand it breaks, and what
it does. The gateway has no switch for any of it: the patch goes onto a temporary copy, and the back-end runs from
there; the suite runs from the real tree.

Rule 1: the case is named in the file, so before the run. One that it does not kill is a fault of the case or of the
mutant, and is said so; nothing is looked for that fails as well.
Rule 2: the lines that a patch takes away must stand in the file exactly once. Tools that look for a similar place would
flip something else, once the code has moved, and nobody would see it.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from conformance import report
from tests.support.memory import MEMORY

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "mutants"
COPIED = ("gateway", "keys", "schemas", "tests")
MUTABLE = ("gateway", "keys", "schemas")
"""What a patch may touch: the gateway, and neither the suite nor the back-end through which it is looked at."""

NAME = re.compile(r"[0-9]{3}-[a-z0-9-]+")
FIELDS = ("Area", "Case", "Demand", "Flips")
SEED = "1"
STARTS_S = 110
RUNS_S = 250

SURVIVED, KILLED = "survived", "killed"


class BadPatch(ValueError):
    """A patch file does not say what it must, or does not apply to the tree as it is."""


class NotRun(RuntimeError):
    """A gateway does not start, or the suite says nothing: then nothing is shown about a mutant."""


@dataclass(frozen=True)
class Hunk:
    """One place of a patch: the file, and the lines before and after, with the context that both have."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """One behaviour flipped: the case that must fail, the demand that is broken, and what the gateway does instead."""

    name: str
    area: str
    case: str
    demand: str
    flips: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True)
class Outcome:
    """What the named case said of a mutant: ``killed`` or not, the first failure in its words, and how long it took."""

    result: str
    detail: str
    seconds: float


# Patches


def load(folder: Path = PATCHES) -> list[Mutant]:
    """Return every mutant in the order of the numbers. Raises ``BadPatch``."""
    return [read(path) for path in sorted(folder.glob("*.patch"))]


def read(path: Path) -> Mutant:
    """Return the mutant in the file ``path``. Raises ``BadPatch``."""
    head, mark, diff = path.read_text(encoding="utf-8").partition("\n\n")
    pairs = [line.partition(": ")[::2] for line in head.splitlines()]
    if not mark or tuple(name for name, _ in pairs) != FIELDS or not all(value for _, value in pairs):
        raise BadPatch(f"{path.name}: the head must be {', '.join(FIELDS)}, one line each, and an empty line")
    if not NAME.fullmatch(path.stem):
        raise BadPatch(f"{path.name}: the name is a number of three digits and words")
    said = dict(pairs)
    hunks = tuple(_hunks(path.name, diff))
    if not hunks:
        raise BadPatch(f"{path.name}: there is no hunk in it")
    return Mutant(path.stem, said["Area"], said["Case"], said["Demand"], said["Flips"], hunks)


def _hunks(name: str, diff: str) -> Iterator[Hunk]:
    for part in re.split(r"^--- a/", diff, flags=re.MULTILINE)[1:]:
        path, _, rest = part.partition("\n")
        if not rest.startswith(f"+++ b/{path}\n"):
            raise BadPatch(f"{name}: a mutant changes files, and neither adds nor renames any")
        if path.split("/")[0] not in MUTABLE or ".." in path:
            raise BadPatch(f"{name}: {path} is no part of the gateway")
        for hunk in re.split(r"^@@ .*\n", rest, flags=re.MULTILINE)[1:]:
            lines = hunk.splitlines(keepends=True)
            if any(line[0] not in " +-" for line in lines):
                raise BadPatch(f"{name}: {path}: a line of the diff begins with something else than space, + or -")
            old = "".join(line[1:] for line in lines if line[0] != "+")
            new = "".join(line[1:] for line in lines if line[0] != "-")
            yield Hunk(path, old, new)


def apply(mutant: Mutant, root: Path) -> None:
    """Change the tree at ``root``, or check that it could be. Raises ``BadPatch``."""
    for hunk in mutant.hunks:
        path = root / hunk.path
        path.write_text(_changed(mutant, hunk, path), encoding="utf-8")
        for stale in path.parent.glob(f"__pycache__/{path.stem}.*"):
            stale.unlink()


def check(mutant: Mutant, root: Path = ROOT) -> None:
    """Return if every hunk applies to the tree at ``root``. Raises ``BadPatch``."""
    for hunk in mutant.hunks:
        _changed(mutant, hunk, root / hunk.path)


def _changed(mutant: Mutant, hunk: Hunk, path: Path) -> str:
    text = "\n" + path.read_text(encoding="utf-8") if path.is_file() else ""
    found = text.count("\n" + hunk.old)
    if found != 1:
        raise BadPatch(f"{mutant.name}: its lines stand in {hunk.path} {found} times, not once; make the patch anew")
    return text.replace("\n" + hunk.old, "\n" + hunk.new)[1:]


# Running


@contextmanager
def copy_of_the_gateway() -> Iterator[Path]:
    """Copy the gateway and its test back-end, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="mutant-", dir=MEMORY) as folder:
        for name in COPIED:
            # The compiled files come along: their sources keep their dates, and starting is what takes longest here.
            ignored = shutil.ignore_patterns("node_modules", "mutants")
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=ignored)
        yield Path(folder)


def judge(mutant: Mutant) -> Outcome:
    """Flip a behaviour in a copy and run the case that was named. Raises ``BadPatch``, ``NotRun``."""
    begun = time.monotonic()
    with copy_of_the_gateway() as root:
        apply(mutant, root)
        rows = run(root, [mutant.case])
    failed = [row["detail"] for row in rows if row["verdict"] == "fail"]
    others = [f"{row['verdict']}: {row['detail']}" for row in rows if row["verdict"] not in ("pass", "fail")]
    detail = (failed or others or [""])[0]
    return Outcome(KILLED if failed else SURVIVED, detail, time.monotonic() - begun)


def reference(cases: Iterable[str]) -> list[str]:
    """Run ``cases`` against the gateway as it is, from a copy likewise; return what did not pass. No news is good."""
    with copy_of_the_gateway() as root:
        rows = run(root, sorted(set(cases)))
    return [f"{row['id']}: {row['verdict']}: {row['detail']}" for row in rows if row["verdict"] != "pass"]


def run(root: Path, cases: Sequence[str]) -> list[dict[str, str]]:
    """Run ``cases`` against the gateway of the tree at ``root``; return each result. Raises ``NotRun``."""
    with _bench(root) as told, tempfile.TemporaryDirectory(prefix="report-") as folder:
        command = [sys.executable, "-m", "conformance.cli", "run", "--report", folder, "--seed", SEED]
        command += ["--profile", "full", "--target", told["target"], "--backend", told["backend"]]
        command += [part for case in cases for part in ("--only", case)]
        timeout = RUNS_S + 2 * len(cases)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
        try:
            made = json.loads((Path(folder) / report.REPORT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise NotRun(f"the suite made no report: {done.stderr.strip().rpartition(chr(10))[2]}") from None
    return [row | {"id": case["id"]} for case in made["cases"] for row in case["results"]]


@contextmanager
def _bench(root: Path) -> Iterator[dict[str, str]]:
    """Start the test back-end from the tree at ``root``, which comes first where modules are looked for."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    command = [sys.executable, "-m", "tests.conformance.backend"]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield _told(process, errors)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            if process.stdout is not None:
                process.stdout.close()


def _told(process: "subprocess.Popen[str]", errors: IO[str]) -> dict[str, str]:
    """Return what the back-end says once it runs. Raises ``NotRun``: a gateway that cannot start is no mutant."""
    line = process.stdout.readline() if process.stdout is not None else ""
    if line:
        told: dict[str, str] = json.loads(line)
        return told
    process.wait(STARTS_S)
    errors.seek(0)
    last = errors.read().strip().rpartition("\n")[2]
    raise NotRun(f"the gateway does not start: {last}")
