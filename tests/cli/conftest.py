"""Fixtures of the command line's tests."""

from pathlib import Path

import pytest

from tests.cli.support import Homes, copy_homes


@pytest.fixture
def homes(tmp_path: Path) -> Homes:
    """Return two fresh homes that know each other."""
    return copy_homes(tmp_path)
