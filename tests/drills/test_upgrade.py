"""The upgrade in its small size, in one order; the long run is ``python -m drills.upgrade``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drills.upgrade import NoHistory, earlier_revision

ROOT = Path(__file__).parents[2]


def has_history() -> bool:
    try:
        return bool(earlier_revision())
    except NoHistory:
        return False


@pytest.mark.skipif(not has_history(), reason="no history to take an earlier release out of")
@pytest.mark.timeout(600)
def test_a_gateway_is_upgraded_in_place_while_its_partner_goes_on() -> None:
    """No message fails between the two releases, and the earlier one refuses the migrated database and leaves it."""
    command = [sys.executable, "-m", "drills.upgrade", "--first", "XBB", "--seconds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stdout
    assert figures["together"] >= 2
    assert ["3"] == [text.partition(":")[0] for text in figures["refusals"]]
