"""The unit of the manual: what systemd makes of it. It needs systemd-analyze, and no systemd that runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
EXPOSURE_MAX = 15
"""Tenths of a point that systemd may find open in it, of a hundred."""


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
