"""``isthmus init`` and the home it makes."""

import os
import stat
from pathlib import Path

import pytest

from benchmarks.pair import free_port
from keys import card
from tests.cli.support import CHEAP, CHEAP_IDENTITY, ENVIRON, call, spawn, value

OPTIONS = ("--country", "XAA", "--zone", "Europe/Vienna", *CHEAP, *CHEAP_IDENTITY)


def test_a_home_is_made_and_checked(tmp_path: Path) -> None:
    """``init`` makes keys of mode 0600, a card and a database; a check finds only that nobody is there yet."""
    home = tmp_path / "home"
    ports = ("--peers-port", free_port(), "--api-port", free_port())
    done = spawn("init", home, *OPTIONS, *ports)
    assert 0 == done.returncode, done.stderr
    assert "fingerprint" in done.stdout
    assert f"isthmus serve -C {home}" in done.stderr
    private = ("gateway.keys", "identity.keys", "tls.key", "data/gateway.db")
    assert [0o600] * 4 == [stat.S_IMODE((home / name).stat().st_mode) for name in private]
    result = call("check", "-C", home)
    assert (1, "2 findings.\n") == (result.exit_code, result.stderr)


@pytest.mark.parametrize("name", ["with space", "état", "no. #1", "50%41", "which?", os.fsdecode(b"caf\xe9")])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Where a key store lies is a path and not an address: no sign in it means something else."""
    home = tmp_path / name
    done = call("init", home, *OPTIONS)
    assert 0 == done.exit_code, done.stderr  # what a terminal cannot show is escaped, and no fault
    assert (home / "gateway.keys").is_file()
    made = value("keys", "new", home / "p.keys", "--profile", "interactive")
    value("person", "add", "p", "-C", home, "--role", "operator", "--key", made["key"])
    assert 2 == value("keys", "card", "-C", home, "--address", "https://other.example")["serial"]


def test_a_home_is_never_overwritten(tmp_path: Path) -> None:
    """A second ``init`` exits 2 and changes nothing."""
    value("init", tmp_path, *OPTIONS)
    before = (tmp_path / "gateway.keys").read_bytes()
    assert 2 == call("init", tmp_path, *OPTIONS).exit_code
    assert before == (tmp_path / "gateway.keys").read_bytes()


@pytest.mark.parametrize("left", ["gateway.keys", "identity.keys", "tls.key", "data/gateway.db"])
def test_a_part_of_a_home_is_said_to_be_one(tmp_path: Path, left: str) -> None:
    """Where an ``init`` was cut short the next one names the next step, asks for no passphrase and changes nothing."""
    (tmp_path / "data").mkdir()
    (tmp_path / left).touch(0o600)
    result = call("init", tmp_path, *OPTIONS, ISTHMUS_PASSPHRASE="")
    assert (2, True) == (result.exit_code, f"remove what is in {tmp_path}" in result.stderr)
    assert [left] == [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]


def test_a_home_without_a_database_is_none(tmp_path: Path) -> None:
    """The configuration is written last: until then nothing serves the home, and ``init`` says what to do."""
    (tmp_path / "data/gateway.db").mkdir(parents=True)  # where no database can be made
    assert 0 != call("init", tmp_path, *OPTIONS).exit_code
    assert not (tmp_path / "isthmus.toml").exists()


def test_a_bad_wish_lists_everything_and_makes_nothing(tmp_path: Path) -> None:
    """Every problem of the home that was asked for is told at once, before anything is made."""
    result = call("init", tmp_path / "home", "--country", "Xa", "--zone", "Nowhere/At_All")
    assert (3, False) == (result.exit_code, (tmp_path / "home").exists())
    assert all(text in result.stderr for text in ("/country", "/authority", "/zone"))


def test_a_state_speaks_for_no_authority_of_another(tmp_path: Path) -> None:
    """Partners read whom they deal with from that id, also where only its first letters were mistyped."""
    result = call("init", tmp_path / "home", *OPTIONS, "--authority", "XBB-ID-01")
    assert (3, False) == (result.exit_code, (tmp_path / "home").exists())
    assert "/authority: it is of another State; ids of ours begin with XAA-" in result.stderr


@pytest.mark.parametrize(
    "wish",
    [
        ("--address", "http://gateway.example"),
        ("--address", "https://Gateway.Example"),
        ("--peers-host", "0.0.0.0"),  # noqa: S104  # what is looked at
        ("--peers-host", "::"),
        ("--peers-host", "[::1"),
        ("--peers-port", "0"),
        ("--address", "https://[::1"),
        ("--address", "https://gateway.example:99999"),
        ("--address", "https://gateway..example"),
    ],
)
def test_an_address_that_no_card_can_list_makes_nothing(tmp_path: Path, wish: tuple[str, str]) -> None:
    """What partners cannot reach is wrong usage, told before a key is made that the next run stumbles over."""
    result = call("init", tmp_path / "home", *OPTIONS, *wish)
    assert (2, False) == (result.exit_code, (tmp_path / "home").exists())
    assert "--address" in result.stderr


def test_an_address_of_version_6_is_listed_in_brackets(tmp_path: Path) -> None:
    """A home that listens at an IPv6 address needs no more said than one at an IPv4 address (RFC 3986, 3.2.2)."""
    made = value("init", tmp_path / "home", *OPTIONS, "--peers-host", "::1")
    assert ("https://[::1]:8443",) == card.parse_card(Path(made["card"]).read_bytes()).addresses


@pytest.mark.parametrize(
    "place", ["postgresql://[::1/x", "postgresql://u:pass/word@db/x", "postgresql://u:password@[::1/x"]
)
def test_an_address_of_a_database_that_nobody_can_read_makes_nothing(tmp_path: Path, place: str) -> None:
    """What was mistyped is a problem of the configuration, told before anything is made, and not quoted."""
    result = call("init", tmp_path / "home", *OPTIONS, "--database", place)
    assert (3, False) == (result.exit_code, (tmp_path / "home").exists())
    assert "/database: its host or its port cannot be read" in result.stderr
    assert "word@" not in result.output


@pytest.mark.parametrize(
    ("wish", "between"),
    [
        ((), None),
        (("--address", "https://localhost:8443"), None),
        (("--address", "https://gateway.example:8443", "--peers-host", "0.0.0.0"), None),  # noqa: S104
        (("--address", "https://gateway.example:8443"), "127.0.0.1:8443"),
        (("--address", "https://gateway.example", "--peers-host", "0.0.0.0"), "0.0.0.0:8443"),  # noqa: S104
        (("--address", "https://[2001:db8::7]", "--peers-host", "::"), "[::]:8443"),
    ],
)
def test_what_has_to_stand_between_is_said(tmp_path: Path, wish: tuple[str, ...], between: str | None) -> None:
    """Where partners are sent elsewhere than the gateway listens, nobody reaches it until something leads there."""
    told = call("init", tmp_path / "home", *OPTIONS, *wish).stderr
    assert (between is not None) == ("pass TLS through" in told)
    assert between is None or f"reach it at {wish[1]}, and it listens at {between}" in told


@pytest.mark.parametrize("option", ["--custody", "--identity-custody"])
def test_new_keys_are_made_in_a_file(tmp_path: Path, option: str) -> None:
    """Where a key store is only read no key can be made; how its content is had is said before anything is made."""
    result = call("init", tmp_path / "home", *OPTIONS, option, "credential:keys")
    assert (2, False, True) == (result.exit_code, (tmp_path / "home").exists(), "keys export" in result.stderr)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    """A passphrase of a few characters makes no home."""
    result = call("init", tmp_path / "home", *OPTIONS, ISTHMUS_PASSPHRASE="short")
    assert (2, False) == (result.exit_code, (tmp_path / "home").exists())


def test_without_a_terminal_the_passphrase_must_be_given(tmp_path: Path) -> None:
    """No passphrase and no terminal to ask at exits 3 and names the ways."""
    result = call("init", tmp_path / "home", *OPTIONS, ISTHMUS_PASSPHRASE="")
    assert (3, True) == (result.exit_code, "--passphrase-file" in result.stderr)


def test_a_passphrase_file_must_be_private(tmp_path: Path) -> None:
    """A passphrase that others may read is refused, and a private one is taken."""
    file = tmp_path / "phrase"
    file.write_text(ENVIRON["ISTHMUS_PASSPHRASE"] + "\n")
    file.chmod(0o644)
    options = (*OPTIONS, "--passphrase-file", file)
    assert 3 == call("init", tmp_path / "home", *options, ISTHMUS_PASSPHRASE="").exit_code
    file.chmod(0o600)
    assert 0 == call("init", tmp_path / "home", *options, ISTHMUS_PASSPHRASE="").exit_code
