"""The tamper drill in its small size; the long run is ``python -m drills.tamper``."""

from pathlib import Path

import pytest

from drills.tamper import drill


@pytest.mark.timeout(600)
async def test_no_changed_byte_of_envelope_message_or_answer_is_accepted(tmp_path: Path) -> None:
    """With one bit of each byte changed nothing is accepted and nothing kept; unchanged, all is accepted."""
    figures = await drill(tmp_path, changes=1, seed=1)
    assert {} == dict(+figures.faults)
    assert figures.bytes == figures.tried
