"""The unit of the manual: what systemd makes of it. It needs systemd-analyze, and no systemd that runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
BLOCK = re.compile(r"^(?: {4}\[(?:Unit|Service|Timer|Path)\]\n(?:(?: {4}.*)?\n)+)", re.MULTILINE)
KINDS = {"[Timer]": "timer", "[Path]": "path"}
EXPOSURE_MAX = 15
"""Tenths of a point that systemd may find open in it, of a hundred."""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_knows_every_setting_of_the_units_of_the_manual(tmp_path: Path) -> None:
    """Each unit, of the check, the mail and the backup too, is read without a complaint."""
    for number, block in enumerate(found := BLOCK.findall(OPERATIONS.read_text(encoding="utf-8"))):
        text = re.sub("(?m)^    ", "", block)
        kind = next((kind for head, kind in KINDS.items() if head in text), "service")
        for begun in ("isthmus-backup", f"unit-{number}"):  # what a path or a timer begins
            (tmp_path / f"{begun}.service").write_text("[Service]\nExecStart=true\n")
        (tmp_path / f"unit-{number}.{kind}").write_text(re.sub(r"/opt/isthmus/\S+", "true", text))
    units = sorted(tmp_path.glob("unit-*"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (6, 0, "") == (len(found), done.returncode, done.stderr)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_the_unit_of_the_manual_leaves_little_open(tmp_path: Path) -> None:
    """systemd knows each of its settings, and finds no more open than the network and the sockets that it needs."""
    found = re.search(r"^ {4}\[Service\]\n(?:(?: {4}.*)?\n)+", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    unit = tmp_path / "isthmus.service"
    unit.write_text(re.sub("(?m)^    ", "", found[0]))
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr), done.stdout
