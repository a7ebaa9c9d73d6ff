"""Two runs that differ only in what is withheld give the same outlets, byte for byte (``tests/web/outlets.py``)."""

from pathlib import Path

import pytest

from tests.web.outlets import LONG, SHORT, compare


@pytest.mark.timeout(600)
async def test_outlets_are_the_same_whatever_is_withheld(tmp_path: Path) -> None:
    """No page, file, list, log line or error differs between the two runs by a byte, or holds what is withheld."""
    _, wrong = await compare(tmp_path, {"short": SHORT, "long": LONG})
    assert [] == wrong
