"""Writing a file as a whole."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.errors import Exit, describe
from keys.durable_file import Unconfirmed, confirm, make_folder, write_durably, written_durably
from tests.support.full_disk import files_of_at_most, unconfirmed, watched


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


def test_what_else_fails_meanwhile_keeps_its_own_name(tmp_path: Path) -> None:
    """Whoever writes a list while they read other files is told which of them failed, and not to look at the list."""
    path = tmp_path / "report.messages.jsonl"
    for other, kind in ((tmp_path / "none" / "card.jws", FileNotFoundError), (tmp_path, FileExistsError)):
        with pytest.raises(kind) as failed, written_durably(path):
            os.close(os.open(other, os.O_RDONLY)) if kind is FileNotFoundError else other.mkdir()
        assert (str(other), []) == (failed.value.filename, list(tmp_path.iterdir()))


def test_a_new_file_is_written_over_none(tmp_path: Path) -> None:
    """It is its owner's alone from its first byte where that is asked for."""
    path = tmp_path / "tls.key"
    write_durably(path, b"first", mode=0o600, new=True)
    with pytest.raises(FileExistsError):
        write_durably(path, b"second", mode=0o600, new=True)
    assert ([b"first"], 0o600) == ([one.read_bytes() for one in tmp_path.iterdir()], path.stat().st_mode & 0o777)


def test_of_two_that_write_one_name_at_once_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two exports may end in the same instant: neither is lost without a word."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a disk that is fast, for many instants

    def written(path: Path, raw: bytes) -> bytes | None:
        with suppress(FileExistsError):
            write_durably(path, raw, new=True)
            return raw
        return None

    with ThreadPoolExecutor(2) as pool:
        for number in range(500):
            path = tmp_path / f"{number}.zip"
            ends = [one for one in pool.map(written, [path] * 2, (b"one", b"two")) if one is not None]
            assert [path.read_bytes()] == ends


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOTSUP])
def test_a_disk_without_links_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int) -> None:
    """A stick gives each file one name, and nothing on it is overwritten either."""

    def refused(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "evidence.zip"
    write_durably(path, b"first", mode=0o640, new=True)
    with pytest.raises(FileExistsError):
        write_durably(path, b"second", new=True)
    assert ([b"first"], 0o640) == ([one.read_bytes() for one in tmp_path.iterdir()], path.stat().st_mode & 0o777)


def test_a_disk_without_links_that_fails_keeps_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kept the place of a file goes with the failure: the same is written once the stick works again."""

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "evidence.zip"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", broken)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            write_durably(path, b"first", new=True)
    write_durably(path, b"first", new=True)
    assert [b"first"] == [one.read_bytes() for one in tmp_path.iterdir()]


@pytest.mark.parametrize("place", ["file/evidence.zip", "nowhere/evidence.zip", "x" * 256])
def test_an_error_names_what_somebody_asked_for(tmp_path: Path, place: str) -> None:
    """And no file beside it, of which nobody has heard."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as failed:  # noqa: PT011  (of several kinds)
        write_durably(tmp_path / place, b"words", new=True)
    assert str(tmp_path / place) == failed.value.filename


def test_a_file_has_any_name_that_the_disk_has_room_for(tmp_path: Path) -> None:
    """What stands beside it meanwhile takes nothing from it."""
    name = "й" * 127
    write_durably(tmp_path / name, b"words", mode=0o600, new=True)
    assert [name] == [one.name for one in tmp_path.iterdir()]


def test_a_link_that_leads_nowhere_is_there_too(tmp_path: Path) -> None:
    """Nothing is overwritten: somebody made it, for what is not here at the moment."""
    path = tmp_path / "evidence.zip"
    path.symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        write_durably(path, b"words", new=True)
    assert (True, [path]) == (path.is_symlink(), list(tmp_path.iterdir()))


def test_a_file_that_the_disk_does_not_confirm_is_told_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands there, whole: whoever is told that it failed would issue another card, or export once more."""
    path = tmp_path / "evidence.zip"
    monkeypatch.setattr(os, "fsync", unconfirmed(errno.EIO))
    with pytest.raises(Unconfirmed) as failed:
        write_durably(path, b"words", new=True)
    assert b"words" == path.read_bytes()
    told = describe(failed.value)
    assert (Exit.LATER, f"{path}: written, but the disk does not confirm that it keeps it") == (told.exit, told.detail)
    assert "see what is wrong with the disk" in told.hint


def test_a_file_system_that_confirms_no_folder_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some shares know no sync of a folder (fsync(2), EINVAL), and there is nothing more to be done."""
    monkeypatch.setattr(os, "fsync", unconfirmed(errno.EINVAL))
    write_durably(tmp_path / "evidence.zip", b"words", new=True)
    assert b"words" == (tmp_path / "evidence.zip").read_bytes()


def test_a_folder_that_cannot_be_opened_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not be confirmed afterwards that the file is there; root alone opens a folder that is for putting in."""
    path, opened = tmp_path / "evidence.zip", os.open

    def refused(name: Any, *how: int) -> int:
        if name == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return opened(name, *how)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PermissionError) as failed:
        write_durably(path, b"words")
    assert (str(path), []) == (failed.value.filename, list(tmp_path.iterdir()))


def test_a_disk_that_keeps_no_modes_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick or a share that is mounted for everybody refuses to change a mode, and need not."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refused)
    write_durably(tmp_path / "evidence.zip", b"words", mode=0o600, new=True)
    assert b"words" == (tmp_path / "evidence.zip").read_bytes()


def test_a_mode_is_had_whatever_the_process_takes_away(tmp_path: Path) -> None:
    """Who could read a configuration can after a command has added to it."""
    before = os.umask(0o077)
    try:
        write_durably(tmp_path / "isthmus.toml", b"words", mode=0o644)
    finally:
        os.umask(before)
    assert 0o644 == (tmp_path / "isthmus.toml").stat().st_mode & 0o777


def test_a_name_is_not_taken_for_kept_because_the_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made it may have been killed before its folder was synced."""
    path = tmp_path / "1.jws"
    path.write_bytes(b"words")
    confirm(path)
    monkeypatch.setattr(os, "fsync", unconfirmed(errno.EIO))
    with pytest.raises(Unconfirmed):
        confirm(path)


def test_a_folder_is_on_the_disk_with_each_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written durably into it would be gone with it; one that is there is left as it is."""
    seen = list[str]()
    monkeypatch.setattr(os, "fsync", watched(seen))
    path = tmp_path / "home" / "data"
    for mode in (0o700, 0o755):
        make_folder(path, mode=mode)
    assert ([tmp_path.name, "home"], 0o700) == (seen, path.stat().st_mode & 0o777)


def test_a_file_in_the_place_of_a_folder_is_called_that(tmp_path: Path) -> None:
    """As where data_dir names a file: nobody is told to take another path since nothing is overwritten."""
    path = tmp_path / "data"
    path.touch()
    with pytest.raises(NotADirectoryError) as failed:
        make_folder(path)
    assert str(path) == failed.value.filename
