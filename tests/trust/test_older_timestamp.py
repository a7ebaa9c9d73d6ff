"""A timestamp older than one seen before (docs/protocol.md 8.4)."""

from pathlib import Path

from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, verdict


async def test_an_older_timestamp_is_refused(tmp_path: Path) -> None:
    """Who serves yesterday's list to a reader that saw today's is refused (M-8.13)."""
    _, reader = await attacked(tmp_path, BY_NAME["older timestamp"])
    assert "refused" == await verdict(reader)
