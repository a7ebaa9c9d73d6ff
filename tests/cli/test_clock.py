"""A clock that cannot be right, as a machine without a battery has until the network told it the time."""

import json
from pathlib import Path

import pytest

from drills.clock import library
from tests.cli.support import CHEAP, CHEAP_IDENTITY, Homes, spawn

pytestmark = pytest.mark.skipif(library() is None, reason="libfaketime is missing (Debian: apt install faketime)")

IN_1970 = {"LD_PRELOAD": library() or "", "FAKETIME": "@1970-01-01 00:03:00"}


def test_a_gateway_does_not_begin_in_1970(homes: Homes) -> None:
    """It ends with 75, for whatever starts it to try again, and nothing of that clock is left in the store."""
    home = homes.home("XAA")
    before = (home / "data/gateway.db").read_bytes()
    done = spawn("serve", "-C", home, "--json", **IN_1970)
    said = json.loads(done.stderr.splitlines()[-1])["error"]
    assert (75, "clock") == (done.returncode, said["code"])
    assert "the clock says 1970-01-01 00:03 UTC, earlier than it can be" == said["detail"]
    assert before == (home / "data/gateway.db").read_bytes()


def test_a_home_is_not_made_in_1970(tmp_path: Path) -> None:
    """Every key in its card, and its certificate, would be over as soon as the clock is right."""
    home = tmp_path / "home"
    options = ("--country", "XAA", "--no-api", *CHEAP, *CHEAP_IDENTITY)
    done = spawn("init", home, *options, **IN_1970)
    assert (75, True) == (done.returncode, "earlier than it can be" in done.stderr)
    assert not home.exists()
