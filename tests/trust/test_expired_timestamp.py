"""A timestamp past its end (docs/protocol.md 8.4)."""

from pathlib import Path

from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, verdict


async def test_an_expired_timestamp_is_refused(tmp_path: Path) -> None:
    """Who holds back what is new has a day; then the list is refused, however well it is signed."""
    _, reader = await attacked(tmp_path, BY_NAME["expired timestamp"])
    assert "refused" == await verdict(reader)
