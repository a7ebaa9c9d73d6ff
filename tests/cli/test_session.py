"""Where a passphrase comes from."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.app import Gateway
from gateway.cli.errors import CommandError
from gateway.cli.session import passphrase, run
from gateway.core.wire import format_instant
from tests.cli.support import PHRASE, ROOT, Homes, call


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


def test_a_credential_is_taken_with_the_mode_that_systemd_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The access list by which the unit's user reads it shows in the mode as rights of the group; others have none."""
    monkeypatch.delenv("ISTHMUS_PASSPHRASE", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    given = write(tmp_path / "passphrase", "of systemd\n")
    given.chmod(0o440)
    assert "of systemd" == passphrase(None)()
    with pytest.raises(CommandError, match="read by others"):
        passphrase(given)()
    given.chmod(0o444)
    with pytest.raises(CommandError, match="read by others"):
        passphrase(None)()


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("ISTHMUS_PASSPHRASE", "--passphrase-file"),
        ("ISTHMUS_KEY_PASSPHRASE", "--key-passphrase-file"),
        ("ISTHMUS_IDENTITY_PASSPHRASE", "--identity-passphrase-file"),
        ("ISTHMUS_NEW_IDENTITY_PASSPHRASE", "--identity-passphrase-file"),
        ("ISTHMUS_NEW_PASSPHRASE", "--new-passphrase-file"),
        ("ISTHMUS_DEVICE_PIN", ""),
    ],
)
def test_the_option_that_is_named_is_that_of_the_passphrase(
    monkeypatch: pytest.MonkeyPatch, variable: str, option: str
) -> None:
    """Whoever is asked for a passphrase without a terminal is not told to give it as that of another key store."""
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(CommandError) as error:
        passphrase(None, variables=(variable,))()
    ways = (f"name a file with {option}, or set {variable}", f"set {variable}")
    assert ways[not option] == error.value.told.hint


@pytest.mark.parametrize("text", ["", "\n", "two\nlines", "a\x00b", "x" * 5000])
def test_a_file_without_a_passphrase(tmp_path: Path, text: str) -> None:
    """A file that holds no single line of text is refused."""
    with pytest.raises(CommandError, match="holds no passphrase"):
        passphrase(write(tmp_path / "file", text))()


def test_a_passphrase_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of the environment that are no UTF-8 are said to be none, and open or make no store."""
    monkeypatch.setenv("ISTHMUS_PASSPHRASE", os.fsdecode(b"passphrase of caf\xe9"))
    with pytest.raises(CommandError, match="not text in UTF-8"):
        passphrase(None)()


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
    assert 0 == process.wait(timeout=110)
    assert b"typed" not in os.read(ours, 4096)
    os.close(ours)
    assert (tmp_path / "p.keys").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
def test_root_writes_nothing_into_a_home_of_another_user(homes: Homes) -> None:
    """What root makes there the gateway could not read at its next start; who is to run the command is said."""
    home = homes.home("XAA")
    os.chown(home / "data", 65534, 65534)
    result = call("keys", "rotate", "signing", "-C", home)
    assert (3, True) == (result.exit_code, "sudo -u" in result.stderr)
    assert ["1.jws"] == [path.name for path in (home / "cards/XAA").iterdir()]
    os.chown(home / "data", 0, 0)
    assert 0 == call("keys", "rotate", "signing", "-C", home).exit_code


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
def test_who_may_not_read_a_home_is_told_whose_it_is() -> None:
    """An operator under their own name is led to the user of the gateway, and not to the options of a command."""
    assert 0 == call("person", "shut-out", "--help").exit_code  # what it imports another user may not read
    with TemporaryDirectory() as root:
        Path(root).chmod(0o711)
        home = Path(root) / "home"
        home.mkdir(mode=0o700)
        os.chown(home, 64999, 64999)
        os.seteuid(65534)
        try:
            result = call("person", "shut-out", "first", "-C", home)
        finally:
            os.seteuid(0)
    assert (3, True) == (result.exit_code, "sudo -u '#64999' isthmus" in result.stderr), result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
@pytest.mark.parametrize(("uid", "whom"), [(65534, "sudo -u nobody"), (64999, "sudo -u '#64999'")])
def test_whose_home_it_is_is_told_by_the_data_directory_that_is_configured(
    homes: Homes, tmp_path: Path, uid: int, whom: str
) -> None:
    """Also where it lies elsewhere, as /var/lib; a user without a name is named by number, as sudo takes it."""
    home, elsewhere = homes.home("XAA"), tmp_path / "elsewhere"
    (home / "data").rename(elsewhere)
    configuration = home / "isthmus.toml"
    text = configuration.read_text()
    configuration.write_text(text.replace('data_dir = "data"', f'data_dir = "{elsewhere}"'))
    assert text != configuration.read_text()
    os.chown(elsewhere, uid, uid)
    result = call("keys", "rotate", "signing", "-C", home)
    assert (3, True) == (result.exit_code, whom in result.stderr), result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
@pytest.mark.parametrize(
    "name", ["gateway.keys", "tls.key", "data/gateway.db", "data/desks.db", "erased.txt", "stands.txt"]
)
def test_a_file_that_the_gateway_cannot_open_is_a_finding(homes: Homes, name: str) -> None:
    """A file of another user than the data directory is said before the gateway fails by it."""
    home = homes.home("XBB")
    (home / name).touch(0o600)
    os.chown(home / name, 65534, 65534)
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    (found,) = [one for one in items if one["area"] == "files" and one["level"] == "finding"]
    assert (True, f"chown root {home / name}") == (name in found["text"], found["hint"])


@pytest.mark.parametrize(("seen", "believed", "doubted"), [(None, False, False), (1, True, False), (9000, False, True)])
def test_a_command_goes_by_what_was_seen_of_the_clock(
    homes: Homes, seen: int | None, believed: bool, doubted: bool
) -> None:
    """By one that leapt since nothing is given, or refused, that cannot be taken back; ``seen`` so many hours ago."""
    now = datetime.now(UTC)
    if seen is not None:
        text = " ".join(format_instant(now - timedelta(hours=hours)) for hours in (seen + 48, seen))
        with closing(sqlite3.connect(homes.home("XAA") / "data/gateway.db")) as db:
            db.execute("INSERT INTO meta (name, value) VALUES ('clock', ?)", (text,))
            db.commit()

    async def asked(gateway: Gateway) -> tuple[bool, bool]:
        return gateway.context.believes(now), gateway.context.doubts(now) is not None

    assert (believed, doubted) == run(homes.home("XAA"), lambda: PHRASE, asked)
