"""The nightly backup of the manual, as it is printed there: what it keeps, what it removes, and when it fails."""

import os
import re
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from gateway.cli.trust_home import ROOT_FILE

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
LONG_AGO_S = 40 * 86400
OURS, OTHER = "2026-10-01T033000-abc", "lost+found"

pytestmark = pytest.mark.skipif(shutil.which("sqlite3") is None, reason="sqlite3 is missing")


def run(root: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run the script of the manual over the home and the backups in ``root``."""
    found = re.search(r"^ {4}(#!/bin/sh -eu\n(?:(?: {4}.*)?\n)+)", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    text = re.sub("(?m)^    ", "", found[1]).replace("/srv/isthmus", f"{root}/home").replace("/backup", f"{root}/kept")
    script = root / "script"
    script.write_text(text)
    script.chmod(0o700)
    return subprocess.run([script], capture_output=True, text=True, check=False, env={**os.environ, **environ})


def furnish(root: Path) -> None:
    """Make a home with a database whose journal is not in it yet, and two folders that are old beside the backups."""
    (root / "home" / "data").mkdir(parents=True)
    for name in (OURS, OTHER):
        (root / "kept" / name).mkdir(parents=True)
        os.utime(root / "kept" / name, (time.time() - LONG_AGO_S,) * 2)
    (root / "home" / "erased.txt").write_text("one\n")
    (root / "home" / ROOT_FILE).write_text("{}")


def test_the_backup_of_the_manual_is_whole_and_removes_old_ones_alone(tmp_path: Path) -> None:
    """It has what only the journal has, and what was erased as it ran; a folder that is not of its making stays."""
    furnish(tmp_path)
    # Something is erased once everything was copied: the first `mv` comes after that.
    (tmp_path / "mv").write_text(f'#!/bin/sh\nrm "$0"\necho two >> {tmp_path}/home/erased.txt\nexec mv "$@"\n')
    (tmp_path / "mv").chmod(0o700)
    with closing(sqlite3.connect(tmp_path / "home/data/gateway.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (a)")
        done = run(tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    *made, other = sorted(path for path in (tmp_path / "kept").iterdir())
    assert (2, OTHER) == (len(made), other.name)
    assert {"one\n", "one\ntwo\n"} == {(path / "erased.txt").read_text() for path in made}
    for path in made:
        assert "{}" == (path / ROOT_FILE).read_text()
        with closing(sqlite3.connect(path / "gateway.db")) as db:
            assert [("t",)] == db.execute("SELECT name FROM sqlite_schema").fetchall()


def test_a_backup_that_fails_says_so_and_removes_nothing(tmp_path: Path) -> None:
    """Without a database, or with one that is none, it ends with an error, and what older ones hold stays."""
    furnish(tmp_path)
    for spoil in (None, b"no database, but long enough to be read as one" * 100):
        if spoil is not None:
            (tmp_path / "home/data/gateway.db").write_bytes(spoil)
        done = run(tmp_path)
        assert (True, True) == (done.returncode != 0, "database" in done.stderr)
    assert {OURS, OTHER} == {path.name for path in (tmp_path / "kept").iterdir() if path.suffix != ".part"}
