"""Writing a file as a whole."""

from pathlib import Path

import pytest

from gateway.transport.durable_file import write_durably
from tests.support.full_disk import files_of_at_most


@pytest.mark.parametrize("before", [None, b"what was there"])
def test_what_does_not_fit_on_the_disk_leaves_nothing(tmp_path: Path, before: bytes | None) -> None:
    """A file is as it was, whoever tries again is not refused, and no part of the new one takes space."""
    path = tmp_path / "evidence.zip"
    if before is not None:
        path.write_bytes(before)
    with files_of_at_most(100), pytest.raises(OSError, match="too large") as failed:
        write_durably(path, bytes(4096))
    assert str(path) == failed.value.filename
    assert ([] if before is None else [before]) == [one.read_bytes() for one in tmp_path.iterdir()]


def test_a_new_file_is_written_over_none(tmp_path: Path) -> None:
    """It is its owner's alone from its first byte where that is asked for."""
    path = tmp_path / "tls.key"
    write_durably(path, b"first", mode=0o600, new=True)
    with pytest.raises(FileExistsError):
        write_durably(path, b"second", mode=0o600, new=True)
    assert ([b"first"], 0o600) == ([one.read_bytes() for one in tmp_path.iterdir()], path.stat().st_mode & 0o777)
