"""Where a passphrase comes from."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.errors import CommandError
from gateway.cli.session import passphrase
from tests.cli.support import ROOT


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_file_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named file, then the variables in their order, then the credential of systemd."""
    monkeypatch.setenv("ISTHMUS_PASSPHRASE", "of the environment")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    write(tmp_path / "passphrase", "of systemd\n")
    assert "of the file" == passphrase(write(tmp_path / "file", "of the file\n"))()
    assert "of the environment" == passphrase(None)()
    monkeypatch.delenv("ISTHMUS_PASSPHRASE")
    assert "of systemd" == passphrase(None)()


@pytest.mark.parametrize("text", ["", "\n", "two\nlines", "a\x00b", "x" * 5000])
def test_a_file_without_a_passphrase(tmp_path: Path, text: str) -> None:
    """A file that holds no single line of text is refused."""
    with pytest.raises(CommandError, match="holds no passphrase"):
        passphrase(write(tmp_path / "file", text))()


def test_a_terminal_is_asked_twice_for_a_new_one(tmp_path: Path) -> None:
    """At a terminal the passphrase of a new store is typed twice and never shown."""
    command = [sys.executable, "-m", "gateway.cli.main", "keys", "new", str(tmp_path / "p.keys")]
    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ISTHMUS_")}
    process = subprocess.Popen(
        [*command, "--profile", "interactive"], cwd=ROOT, env=environ, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    for prompt in (b"key: ", b"confirmation: "):
        while prompt not in seen:
            seen += os.read(ours, 1024)
        os.write(ours, b"typed at a terminal\n")
        seen = seen.partition(prompt)[2]
    assert 0 == process.wait(timeout=30)
    assert b"typed" not in os.read(ours, 4096)
    os.close(ours)
    assert (tmp_path / "p.keys").exists()
