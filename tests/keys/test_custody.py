"""Key stores: a file under a passphrase, and the environment."""

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keys import b64, custody
from keys.custody import KeyStore
from keys.errors import BadStore, NoSuchKey, StoreError, WrongPassphrase
from keys.folder_lock import alone_in, take
from tests.support.full_disk import unconfirmed

SECRET = bytes(range(32))


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive with the least that Argon2id allows; the figures of the real profiles have a test of their own."""
    profiles = {"moderate": custody.Profile(2, 8192), "interactive": custody.Profile(1, 8192)}
    monkeypatch.setattr(custody, "PROFILES", profiles)


def _open(path: Path, phrase: str = "correct horse", query: str = "") -> KeyStore:
    return custody.open_store(f"file:{path}{query}", passphrase=lambda: phrase, environ={})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that holds one secret."""
    path = tmp_path / "store"
    _open(path).put("sign.1", SECRET)
    return path


def test_profiles_are_those_of_libsodium(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default profile costs 256 MiB a guess, the cheaper one 64 MiB."""
    monkeypatch.undo()
    figures = {name: (cost.passes, cost.memory_bytes >> 20) for name, cost in custody.PROFILES.items()}
    assert {"moderate": (3, 256), "interactive": (2, 64)} == figures


def test_real_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store at the real cost of a profile is written and read."""
    monkeypatch.undo()
    _open(tmp_path / "store", query="?profile=interactive").put("a", SECRET)
    assert SECRET == _open(tmp_path / "store").get("a")


def test_round_trip(path: Path) -> None:
    """What was put is there when the store is opened again."""
    store = _open(path)
    store.put("seal.2", b"other")
    assert (SECRET, b"other") == (_open(path).get("sign.1"), _open(path).get("seal.2"))
    assert ("seal.2", "sign.1") == store.names()


def test_empty_store(tmp_path: Path) -> None:
    """A store that is not there yet holds nothing, asks nothing and is not made by looking."""
    store = custody.open_store(f"file:{tmp_path}/store", environ={})
    assert () == store.names()
    with pytest.raises(NoSuchKey):
        store.get("sign.1")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["put", "destroy"])
def test_nobody_is_kept_waiting_by_who_types_a_passphrase(path: Path, change: str) -> None:
    """A gateway beside it may have a key to destroy meanwhile, and would stand still for as long."""
    free: list[bool] = []

    def ask() -> str:
        descriptor = os.open(path.parent, os.O_RDONLY)
        free.append(take(descriptor))
        os.close(descriptor)
        return "correct horse"

    store = custody.open_store(f"file:{path}", passphrase=ask, environ={})
    if change == "put":
        store.put("sign.2", SECRET)
    else:
        store.destroy("sign.1")
    assert [True] == free


def test_who_wants_it_at_once_does_not_wait_for_who_changes_the_store(path: Path) -> None:
    """Nothing is destroyed then, and it is said why; without that it would be waited for however long."""
    store = _open(path)
    with alone_in(path.parent), pytest.raises(BadStore, match="another process"):
        store.destroy("sign.1", at_once=True)
    assert ("sign.1",) == store.names()
    store.destroy("sign.1", at_once=True)
    assert () == store.names()


def test_file_shows_nothing(path: Path) -> None:
    """The file shows its parameters; names and secrets are sealed."""
    shown = json.loads(path.read_bytes())
    assert {"v", "kdf", "passes", "memory_bytes", "salt", "aead", "sealed"} == set(shown)
    assert b"sign.1" not in b64.decode(shown["sealed"])


def test_passphrase_asked_once(path: Path) -> None:
    """A person types the passphrase once, however much is done."""
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return "correct horse"

    store = custody.open_store(f"file:{path}", passphrase=ask, environ={})
    store.get("sign.1")
    store.put("more", b"x")
    store.names()
    assert [1] == asked


def test_passphrase_is_one_text(tmp_path: Path) -> None:
    """However a keyboard composes an accent, it is the same passphrase."""
    _open(tmp_path / "store", "caf\u00e9").put("a", SECRET)
    assert SECRET == _open(tmp_path / "store", "cafe\u0301").get("a")


def test_wrong_passphrase(path: Path) -> None:
    """Another passphrase opens nothing, writes nothing, and says so in one line with a hint."""
    before = path.read_bytes()
    store = _open(path, "wrong")
    for call in (store.names, lambda: store.get("sign.1"), lambda: store.put("x", b"x"), lambda: store.destroy("x")):
        with pytest.raises(WrongPassphrase) as caught:
            call()
        assert caught.value.hint
        assert str(path) in str(caught.value)  # of two stores that a command opens, somebody has to know which
        assert "\n" not in str(caught.value) + caught.value.hint
    assert before == path.read_bytes()


def test_second_try(path: Path) -> None:
    """After a wrong passphrase the store asks again."""
    phrases = iter(["wrong", "correct horse"])
    store = custody.open_store(f"file:{path}", passphrase=lambda: next(phrases), environ={})
    with pytest.raises(WrongPassphrase):
        store.names()
    assert SECRET == store.get("sign.1")


@pytest.mark.parametrize("ask", [None, lambda: ""], ids=["none", "empty"])
def test_no_passphrase(path: Path, ask: Callable[[], str] | None) -> None:
    """A store is never sealed under nothing."""
    with pytest.raises(BadStore, match="needs a passphrase"):
        custody.open_store(f"file:{path}", passphrase=ask, environ={}).get("sign.1")


def test_mode_of_a_new_file(path: Path) -> None:
    """A file is its owner's alone, whatever the umask."""
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700, 0o644])
def test_mode_enforced(path: Path, mode: int) -> None:
    """A file that others may use is not used."""
    path.chmod(mode)
    for call in (_open(path).names, lambda: _open(path).put("x", b"x")):
        with pytest.raises(BadStore, match=f"{path} has mode {mode:04o}"):
            call()


def test_every_byte_counts(path: Path) -> None:
    """A file with any byte changed is refused or does not open; it never gives another secret."""
    raw = path.read_bytes()
    for place in range(len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises((BadStore, WrongPassphrase)):
            _open(path).get("sign.1")


@pytest.mark.parametrize("length", [0, 1, 40, 200, -2])
def test_truncated(path: Path, length: int) -> None:
    """A file cut short is refused as such, without asking for the passphrase."""
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BadStore, match=f"{path}: .* cut short"):
        custody.open_store(f"file:{path}", environ={}).names()


def test_too_large(path: Path) -> None:
    """A file of another size is something else."""
    path.write_bytes(path.read_bytes() + b" " * custody.FILE_MAX_BYTES)
    with pytest.raises(BadStore):
        _open(path).names()


@pytest.mark.parametrize("changes", [{"passes": 1000}, {"memory_bytes": 1 << 40}, {"kdf": "none"}, {"v": 2}])
def test_other_parameters(path: Path, changes: dict[str, Any]) -> None:
    """Parameters of no profile are refused before anything is derived."""
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))
    with pytest.raises(BadStore):
        _open(path).names()


def test_cheaper_parameters_do_not_open(path: Path) -> None:
    """The parameters are sealed with the content: a store is not made cheaper to guess by editing it."""
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "passes": 1}))
    with pytest.raises(WrongPassphrase):
        _open(path).names()


def test_file_keeps_its_profile(tmp_path: Path) -> None:
    """The profile is chosen when the file is made; afterwards the file says it."""
    path = tmp_path / "store"
    _open(path, query="?profile=interactive").put("a", b"a")
    _open(path).put("b", b"b")
    assert 1 == json.loads(path.read_bytes())["passes"]


def test_name_taken(path: Path) -> None:
    """A key is not written over."""
    with pytest.raises(BadStore, match="already"):
        _open(path).put("sign.1", b"other")
    assert SECRET == _open(path).get("sign.1")


@pytest.mark.parametrize("name", ["", "a/b", "a b", ".a", "a\n", "é", "a" * 65])
def test_other_names(path: Path, name: str) -> None:
    """A name is letters, digits, dots, dashes and underscores."""
    with pytest.raises(BadStore):
        _open(path).put(name, b"x")


def test_destroy(path: Path) -> None:
    """What was destroyed is gone from the file, and the rest is not."""
    store = _open(path)
    store.put("other", b"x")
    store.destroy("sign.1")
    assert ("other",) == _open(path).names()
    for call in (store.get, store.destroy):
        with pytest.raises(NoSuchKey):
            call("sign.1")


def test_replace(path: Path) -> None:
    """One secret has the name of another from then on, which is gone; where there was none it just has it."""
    store = _open(path)
    store.put("sign.next", b"new")
    store.replace("sign.1", "sign.next")
    assert (("sign.1",), b"new") == (_open(path).names(), _open(path).get("sign.1"))
    store.replace("other", "sign.1")
    assert ("other",) == _open(path).names()
    with pytest.raises(NoSuchKey):
        store.replace("sign.1", "sign.next")


def test_a_secret_does_not_take_its_own_place(path: Path) -> None:
    """What has the name and what takes it being one, the only copy would be what is destroyed: that is refused."""
    store = _open(path)
    before = path.read_bytes()
    with pytest.raises(BadStore, match="its own place"):
        store.replace("sign.1", "sign.1")
    assert (before, SECRET) == (path.read_bytes(), store.get("sign.1"))


def test_passphrase_is_changed(path: Path) -> None:
    """The same secrets open with the new passphrase alone, under a salt of its own, and at the cost of before."""
    before = json.loads(path.read_bytes())
    store = custody.open_store(f"file:{path}", passphrase=lambda: "correct horse", environ={})
    assert isinstance(store, custody.FileStore)
    store.change_passphrase(lambda: "another sentence")
    after = json.loads(path.read_bytes())
    assert SECRET == _open(path, "another sentence").get("sign.1")
    with pytest.raises(WrongPassphrase):
        _open(path).names()
    assert (before["passes"], True) == (after["passes"], before["salt"] != after["salt"])


def test_passphrase_of_nothing_is_not_changed(tmp_path: Path) -> None:
    """Where there is no store none is made, and with a wrong passphrase nothing is changed."""
    store = custody.open_store(f"file:{tmp_path / 'none'}", passphrase=lambda: "correct horse", environ={})
    assert isinstance(store, custody.FileStore)
    with pytest.raises(BadStore, match="no key store"):
        store.change_passphrase(lambda: "another sentence")
    assert [] == list(tmp_path.iterdir())


def test_two_processes(path: Path) -> None:
    """What another process put meanwhile is kept."""
    one, two = _open(path), _open(path)
    one.names()
    two.put("two", b"2")
    one.put("one", b"1")
    assert ("one", "sign.1", "two") == two.names()


def test_crash_before_the_rename(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails leaves the old file whole and nothing beside it."""
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(BadStore, match=f"{path}: No space"):
        _open(path).put("x", b"x")
    assert before == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_no_copy_survives_a_kill(path: Path) -> None:
    """What a process that was killed left beside the file is gone with the next change: it holds a destroyed key."""
    store = _open(path)
    store.put("x", b"x")
    left = path.with_name(f".{path.name}.0123456789abcdef")
    left.write_bytes(path.read_bytes())
    others = [path.with_name(f".{path.name}.backup"), path.with_name(".z.0123456789abcdef")]
    for other in others:
        other.touch()
    store.destroy("x")
    assert {path, *others} == set(path.parent.iterdir())


def test_flushed_before_the_rename(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file is on disk before it takes the name, and the name is on disk after."""
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("flush"), fsync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda self, target: (order.append("rename"), replace(self, target)))
    _open(path).put("x", b"x")
    assert ["flush", "rename", "flush"] == order


def test_a_change_that_the_disk_does_not_confirm_is_told_as_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file was written anew: whoever hears that it cannot be written takes a key for lost, or for kept."""
    monkeypatch.setattr(os, "fsync", unconfirmed(errno.EIO))
    with pytest.raises(BadStore, match="was changed, and the disk does not confirm"):
        _open(path).put("x", b"x")
    assert b"x" == _open(path).get("x")


def test_a_file_system_that_confirms_no_folder_is_written_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some shares know no sync of a folder (fsync(2), EINVAL), and there is nothing more to be done."""
    monkeypatch.setattr(os, "fsync", unconfirmed(errno.EINVAL))
    _open(path).put("x", b"x")
    assert b"x" == _open(path).get("x")


def test_folder_is_no_store(tmp_path: Path) -> None:
    """A folder, or a file in a folder that is not there, cannot be written."""
    for path in (tmp_path, tmp_path / "none" / "store"):
        with pytest.raises(BadStore):
            _open(path).put("x", b"x")


def test_pipe_is_no_store(tmp_path: Path) -> None:
    """A pipe is refused, and not waited for."""
    os.mkfifo(tmp_path / "store", 0o600)
    with pytest.raises(BadStore, match="store is not a regular"):
        _open(tmp_path / "store").names()


def test_repr_has_no_secret(path: Path) -> None:
    """A store in a log line shows where it is and nothing it holds."""
    store = _open(path)
    store.get("sign.1")
    assert "correct horse" not in repr(store)
    environment = custody.open_store("env:KEYS", environ={"KEYS": _variable({"a": b"secret"})})
    assert "secret" not in repr(environment)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "file",
        "file:",
        "file:relative/store",
        "file://host/store",
        "file:/store?profile=none",
        "file:/store?depth=1",
        "file:/store#x",
        "file:/store%00",
        "file://[store/x",
        "pkcs11:token=a",
        "env:ABSENT",
        "/store",
    ],
)
def test_other_addresses(uri: str) -> None:
    """An address that cannot be right is refused before anything is asked."""
    with pytest.raises(StoreError) as caught:
        custody.open_store(uri, environ={})
    assert caught.value.hint


def test_address_with_escapes(tmp_path: Path) -> None:
    """A path is written as in a URI."""
    custody.open_store(f"file://{tmp_path}/a%20b", passphrase=lambda: "x", environ={}).put("a", b"a")
    assert (tmp_path / "a b").is_file()


def _variable(secrets: dict[str, bytes]) -> str:
    return b64.encode(json.dumps({name: b64.encode(secret) for name, secret in secrets.items()}).encode())


def test_environment() -> None:
    """A store may be given whole by the environment."""
    store = custody.open_store("env:KEYS", environ={"KEYS": _variable({"b": b"2", "a": SECRET}) + "\n"})
    assert (("a", "b"), SECRET) == (store.names(), store.get("a"))
    with pytest.raises(NoSuchKey):
        store.get("c")


def test_environment_is_read_only() -> None:
    """A store in the environment cannot be changed from within."""
    store = custody.open_store("env:KEYS", environ={"KEYS": _variable({"a": SECRET})})
    for call in (lambda: store.put("b", b"x"), lambda: store.destroy("a"), lambda: store.replace("b", "a")):
        with pytest.raises(BadStore, match="read-only"):
            call()


def _credential(folder: Path, name: str, text: str, mode: int = 0o400) -> dict[str, str]:
    (folder / name).write_text(text)
    (folder / name).chmod(mode)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def test_credential(tmp_path: Path) -> None:
    """A store may be given whole by a credential of systemd, which cannot be changed from within."""
    environ = _credential(tmp_path, "keys", _variable({"b": b"2", "a": SECRET}) + "\n")
    store = custody.open_store("credential:keys", environ=environ)
    assert (("a", "b"), SECRET) == (store.names(), store.get("a"))
    for call in (lambda: store.put("c", b"x"), lambda: store.destroy("a")):
        with pytest.raises(BadStore, match="read-only"):
            call()


def test_credential_under_an_access_list(tmp_path: Path) -> None:
    """The list by which systemd lets the unit's user read it shows in the mode as rights of the group."""
    store = custody.open_store(
        "credential:keys", environ=_credential(tmp_path, "keys", _variable({"a": SECRET}), 0o440)
    )
    assert SECRET == store.get("a")
    with pytest.raises(BadStore, match="owner alone"):
        custody.read_secret(f"file:{tmp_path}/keys", {})


def test_credential_that_others_may_read(tmp_path: Path) -> None:
    """A credential is as private as a key store."""
    with pytest.raises(BadStore, match="owner alone"):
        custody.open_store("credential:keys", environ=_credential(tmp_path, "keys", _variable({"a": b"a"}), 0o644))


@pytest.mark.parametrize("uri", ["credential:absent", "credential:../keys", "credential:", "credential:/keys"])
def test_credential_that_is_not_there(tmp_path: Path, uri: str) -> None:
    """A name leads to no other file than one of the unit's own."""
    environ = _credential(tmp_path / ".", "keys", _variable({"a": b"a"}))
    (tmp_path / "sub").mkdir()
    with pytest.raises(BadStore):
        custody.open_store(uri, environ={**environ, "CREDENTIALS_DIRECTORY": str(tmp_path / "sub")})
    with pytest.raises(BadStore, match="no credentials"):
        custody.open_store("credential:keys", environ={})


def test_secret_of_another_kind(tmp_path: Path) -> None:
    """A single secret comes from a private file, a variable or a credential, and from nowhere else."""
    environ = {**_credential(tmp_path, "pin", "1234"), "PIN": "1234"}
    found = [custody.read_secret(uri, environ) for uri in (f"file:{tmp_path}/pin", "env:PIN", "credential:pin")]
    assert ["1234"] * 3 == found
    with pytest.raises(BadStore, match="no secret of the kind"):
        custody.read_secret("https://example.org/pin", environ)


@pytest.mark.parametrize(
    "text", ["", "not base64!", b64.encode(b"[]"), b64.encode(b'{"a":1}'), b64.encode(b'{"a":"!"}')], ids=repr
)
def test_environment_damaged(text: str) -> None:
    """A variable that does not hold secrets is refused, without quoting it."""
    with pytest.raises(BadStore):
        custody.open_store("env:KEYS", environ={"KEYS": text})
