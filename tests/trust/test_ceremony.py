"""The ceremonies of ``isthmus trust``, step by step, as trustees, countries and publisher do them."""

import atexit
import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Timestamp

from gateway.cli import trust
from gateway.services.ports import Unavailable
from gateway.transport import trust_repository
from gateway.transport.trust_list import TrustList
from gateway.transport.trust_repository import Repository
from keys import b64, trust_list, trust_policy, trust_words
from keys.custody import open_store
from keys.folder_lock import alone_in
from keys.sign import SigningKey
from tests.cli.support import ENVIRON, PHRASE, ROOT, call, value
from tests.support.trust_list import State, first_card, now

NAMES = ("one", "two", "three", "four", "five", "online", "b1", "b2", "b3", "six")


@cache
def _seeds() -> dict[str, bytes]:
    return {name: SigningKey.generate().seed for name in NAMES}


@cache
def _stores() -> Path:
    """Make a key store for each name once a process: deriving its key from a passphrase is slow on purpose."""
    folder = Path(tempfile.mkdtemp(prefix="stores-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, seed in _seeds().items():
        uri = f"file:{folder / name}.keys?profile=interactive"
        open_store(uri, passphrase=lambda: PHRASE, environ={}).put("person", seed)
    return folder


class Table:
    """The table at which the ceremony is held: a list, and everybody's key stores, which never lie in it."""

    def __init__(self, folder: Path) -> None:
        self.list = folder / "list"
        self.stores = folder / "keys"
        shutil.copytree(_stores(), self.stores)
        self.keys = {name: b64.encode(SigningKey(seed).public) for name, seed in _seeds().items()}
        self.xbb = State("XBB", SigningKey.generate(), (), [])
        self.xbb.cards.append(first_card("XBB", self.xbb.identity, now()))
        self.cards = folder / "cards"
        self.cards.mkdir()

    def store(self, name: str) -> Path:
        return self.stores / f"{name}.keys"

    def init(self, *more: str) -> Any:
        trustees = [f"--trustee={name}={self.keys[name]}" for name in NAMES[:5]]
        return value("trust", "init", self.list, *trustees, f"--online=publisher={self.keys['online']}", *more)

    def words(self, role: str) -> str:
        """Return what everybody reads out before signing the draft of ``role``."""
        told = value("trust", "fingerprint", self.list / "drafts" / f"{role}.json")
        return " ".join(told["words"])

    def sign(self, role: str, *names: str) -> int:
        """Let ``names`` sign, and return how many signatures are missing then."""
        missing = -1
        for name in names:
            made = value("trust", "sign", self.list, role, "--key", self.store(name), "--fingerprint", self.words(role))
            missing = made["missing"]
        return missing

    def publish(self, *more: str) -> Any:
        result = call("trust", "publish", self.list, "--key", self.store("online"), "--json", *more)
        assert result.exit_code in (0, 1), result.stderr
        return json.loads(result.stdout)

    def card_files(self) -> list[Path]:
        files = []
        for card in self.xbb.cards:
            files.append(self.cards / f"{card.serial}.jws")
            files[-1].write_bytes(card.raw)
        return files

    def whole(self) -> None:
        """Hold the first ceremony from beginning to end."""
        self.init()
        value("trust", "add", self.list, "XBB", *(f"--key={self.keys[name]}" for name in ("b1", "b2", "b3")))
        assert 0 == self.sign("root", "one", "two", "three")
        assert 0 == self.sign("targets", "three", "four", "five")
        value("trust", "cards", self.list, "XBB", *self.card_files())
        assert 0 == self.sign("XBB", "b1", "b3")
        assert ["root", "targets", "XBB"] == self.publish()["published"]

    def reader(self, folder: Path) -> TrustList:
        root = self.list / "metadata" / "1.root.json"
        return TrustList(self.list.as_uri(), root, folder / "cache", folder / "mirror", "XAA")


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table with ten key stores and no list yet."""
    return Table(tmp_path)


async def test_the_first_ceremony(table: Table, tmp_path: Path) -> None:
    """Three of five trustees and two of three keys of XBB sign, and a reader pinned to the root has its card."""
    table.whole()
    reader = table.reader(tmp_path)
    await reader.refresh()
    assert (table.xbb.cards[0].raw,) == tuple(await reader.cards("XBB"))


def test_a_dry_run_writes_nothing(table: Table) -> None:
    """Each verb says with --dry-run what it would do, and leaves every byte as it was."""
    assert not table.init("--dry-run")["written"]
    assert not table.list.exists()
    table.whole()
    value("trust", "renew", table.list, "targets")
    before = {path: path.read_bytes() for path in table.list.rglob("*") if path.is_file()}
    key = table.keys["six"]
    policy = table.list.parent / "suites.json"
    policy.write_bytes(b'{"v":1,"suites":[1]}')
    table.xbb.next_card()
    dry = [
        ("add", table.list, "XCC", "--key", key, "--key", table.keys["one"], "--threshold", "2"),
        ("remove", table.list, "XBB"),
        ("policy", table.list, policy),
        ("trustees", table.list, "--add", f"six={key}", "--remove", "five"),
        ("cards", table.list, "XBB", *table.card_files()),
        ("renew", table.list, "XBB"),
    ]
    for verb, *rest in dry:
        assert not value("trust", verb, *rest, "--dry-run")["written"], verb
    words = table.words("targets")
    signed = value(
        "trust", "sign", table.list, "targets", "--key", table.store("one"), "--fingerprint", words, "--dry-run"
    )
    assert (False, 2) == (signed["signed"], signed["missing"])
    assert not table.publish("--dry-run")["written"]
    assert before == {path: path.read_bytes() for path in table.list.rglob("*") if path.is_file()}


def test_a_folder_without_a_list_is_said_to_be_none(table: Table) -> None:
    """A misspelt folder is no empty list."""
    assert 2 == call("trust", "show", table.list).exit_code
    table.init()
    assert 0 == call("trust", "show", table.list).exit_code


def test_a_draft_waits_for_its_threshold(table: Table) -> None:
    """What two trustees signed is not published, and the command says how many are missing."""
    table.whole()
    value("trust", "remove", table.list, "XBB")
    assert 1 == table.sign("targets", "one", "two")
    assert {"targets": "1 more signatures are needed"} == table.publish()["waiting"]
    assert 0 == table.sign("targets", "five")
    assert ["targets"] == table.publish()["published"]


def test_a_list_that_is_not_signed_yet_is_not_published(table: Table) -> None:
    """Which part of the first list waits is said, and where to see for whom; nothing is broken by it."""
    table.init()
    for role in ("root", "targets"):
        result = call("trust", "publish", table.list, "--key", table.store("online"))
        assert (1, True, True) == (result.exit_code, role in result.stderr, "trust show" in result.stderr)
        table.sign(role, "one", "two", "three")
    assert ["root", "targets"] == table.publish()["published"]


def test_a_state_that_readers_refuse_is_a_finding(table: Table) -> None:
    """Each hour the publisher is told of a State whose cards are not signed by its present keys."""
    table.whole()
    value("trust", "add", table.list, "XBB", *(f"--key={table.keys[name]}" for name in ("b1", "six", "four")))
    table.sign("targets", "one", "two", "three")
    result = call("trust", "publish", table.list, "--key", table.store("online"), "--json")
    assert (1, ["XBB"]) == (result.exit_code, list(json.loads(result.stdout)["refused"]))


@pytest.mark.parametrize("left", ["half", "without its file", "no part"])
def test_what_a_state_hands_back_does_not_keep_the_list_from_being_renewed(table: Table, left: str) -> None:
    """A draft that is cut short or not whole waits, and the hourly publication for all the others goes on."""
    table.whole()
    table.xbb.next_card()
    value("trust", "cards", table.list, "XBB", *table.card_files())
    table.sign("XBB", "b1", "b2")
    draft = table.list / "drafts/XBB.json"
    if left == "without its file":
        shutil.rmtree(table.list / "drafts/targets")
    else:
        draft.write_bytes(draft.read_bytes()[:-100] if left == "half" else b"[]")
    made = table.publish()
    assert (2, [], ["XBB"]) == (made["timestamp"], made["published"], list(made["waiting"]))


def test_new_trustees_who_have_not_signed_yet_do_not_keep_the_list_from_being_renewed(table: Table) -> None:
    """The next root waits for the targets that its trustees sign; until then the list goes on under the root before."""
    table.whole()
    new = [f"--add=n{name}={table.keys[name]}" for name in ("six", "b1", "b2")]
    value("trust", "trustees", table.list, *(f"--remove={name}" for name in ("three", "four", "five")), *new)
    assert 0 == table.sign("root", "one", "two", "three", "six")
    made = table.publish()
    assert (2, [], ["root"]) == (made["timestamp"], made["published"], list(made["waiting"]))
    value("trust", "renew", table.list, "targets")
    assert 0 == table.sign("targets", "one", "two", "six")
    made = table.publish()
    assert (3, ["root", "targets"], {}) == (made["timestamp"], made["published"], made["waiting"])


def test_two_who_sign_at_once_both_have_signed(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another trustee signs while this one compares the words is not lost."""
    table.init()
    words, real = table.words("root"), trust.open_person_key

    def meanwhile(*place: Any) -> SigningKey:
        monkeypatch.setattr(trust, "open_person_key", real)
        table.sign("root", "two")
        return real(*place)

    monkeypatch.setattr(trust, "open_person_key", meanwhile)
    made = value("trust", "sign", table.list, "root", "--key", table.store("one"), "--fingerprint", words)
    assert 1 == made["missing"]


def begun(table: Table, *words: Any) -> "subprocess.Popen[bytes]":
    """Begin a verb in a process of its own."""
    command = [sys.executable, "-m", "gateway.cli.main", "trust", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **ENVIRON}, stdout=subprocess.DEVNULL)


LOCKS = Path("/proc/locks")


def waits_for_a_lock(process: "subprocess.Popen[bytes]") -> bool:
    """Return whether the kernel has ``process`` wait for a lock; where it does not say (not on Linux), no."""
    if not LOCKS.exists():
        return False
    return re.search(rf"-> FLOCK +\S+ +\S+ +{process.pid} ", LOCKS.read_text(encoding="ascii")) is not None


def let_it_come(process: "subprocess.Popen[bytes]") -> None:
    """Wait until ``process`` waits for a lock or has ended; where nobody says so, for as long as it takes by far."""
    given_up_at = time.monotonic() + (30 if LOCKS.exists() else 5)
    while process.poll() is None and not waits_for_a_lock(process) and time.monotonic() < given_up_at:
        time.sleep(0.02)


def slowly(table: Table, copy: bytes, *beside: Any) -> int:
    """Collect ``copy`` of the targets from a pipe that gives it only once the verb ``beside`` had time to run."""
    pipe = table.stores / "targets.json"
    os.mkfifo(pipe)
    with begun(table, "collect", table.list, pipe) as collecting:
        with pipe.open("wb") as stream, begun(table, *beside) as other:  # opened: who collects is at work
            let_it_come(other)
            stream.write(copy)
            stream.close()
            assert 0 == other.wait(90)
        return collecting.wait(90)


def signed_elsewhere(table: Table, name: str, copy: Path) -> bytes:
    """Return the draft of the targets as ``name`` signed it in a copy of the list; the list has no such signature."""
    shutil.copytree(table.list, copy)
    here, table.list = table.list, copy
    table.sign("targets", name)
    table.list = here
    return (copy / "drafts/targets.json").read_bytes()


def test_two_who_collect_at_once_keep_every_signature(table: Table, tmp_path: Path) -> None:
    """What one brings together while the other reads its files is not lost."""
    table.init()
    one, two = (signed_elsewhere(table, name, tmp_path / name) for name in ("one", "two"))
    (tmp_path / "two/targets.json").write_bytes(two)
    assert 0 == slowly(table, one, "collect", table.list, tmp_path / "two/targets.json")
    draft = trust_list.parse((table.list / "drafts/targets.json").read_bytes(), trust_list.Targets)
    assert 2 == len(draft.signatures)


def test_a_change_of_the_draft_outlasts_who_collects_beside_it(table: Table, tmp_path: Path) -> None:
    """A State that is added while signatures are collected stands in the draft; what was signed is another one."""
    table.init()
    one = signed_elsewhere(table, "one", tmp_path / "one")
    keys = [f"--key={table.keys[name]}" for name in ("b1", "b2", "b3")]
    assert 6 == slowly(table, one, "add", table.list, "XBB", *keys)
    draft = trust_list.parse((table.list / "drafts/targets.json").read_bytes(), trust_list.Targets)
    assert (("XBB",), {}) == (tuple(trust_list.countries(draft.signed)), draft.signatures)


def test_two_who_begin_at_once_do_not_write_over_one_another(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second is told that there is a list, and the trustees of the first stand in it."""
    (tmp_path / "other").mkdir()
    other = Table(tmp_path / "other")
    other.init("--threshold=4")

    @contextmanager
    def after_the_first(folder: Path) -> Iterator[int]:
        """Hold the lock once another has begun the list under it, as if this one had waited for that."""
        with alone_in(folder) as descriptor:
            shutil.copytree(other.list / "drafts", folder / "drafts")
            yield descriptor

    monkeypatch.setattr(trust_repository, "alone_in", after_the_first)
    named = [f"--trustee={name}={table.keys[name]}" for name in NAMES[:5]]
    result = call("trust", "init", table.list, *named, f"--online=publisher={table.keys['online']}")
    assert (2, True) == (result.exit_code, "holds a list already" in result.stderr)
    assert (other.list / "drafts/root.json").read_bytes() == (table.list / "drafts/root.json").read_bytes()


def test_a_list_whose_beginning_was_cut_short_is_begun_again(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written by then, nobody is left with a root that waits for targets which nothing makes."""
    save = Repository.save_draft

    def once(self: Repository, *values: Any) -> None:
        save(self, *values)
        raise OSError(errno.ENOSPC, "no space")

    named = [f"--trustee={name}={table.keys[name]}" for name in NAMES[:5]]
    with monkeypatch.context() as full:
        full.setattr(Repository, "save_draft", once)
        assert 75 == call("trust", "init", table.list, *named, f"--online=publisher={table.keys['online']}").exit_code
    table.init()
    assert ("root", "targets") == Repository(table.list).roles_in_draft()


def test_a_draft_that_changes_while_it_is_signed_stays(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who compared the draft before signs nothing, and writes nothing over the one that came."""
    table.whole()
    value("trust", "renew", table.list, "targets")
    words, real = table.words("targets"), trust.open_person_key

    def meanwhile(*place: Any) -> SigningKey:
        value("trust", "remove", table.list, "XBB")
        return real(*place)

    monkeypatch.setattr(trust, "open_person_key", meanwhile)
    result = call("trust", "sign", table.list, "targets", "--key", table.store("one"), "--fingerprint", words)
    assert 6 == result.exit_code
    draft = trust_list.parse((table.list / "drafts/targets.json").read_bytes(), trust_list.Targets)
    assert ((), {}) == (tuple(trust_list.countries(draft.signed)), draft.signatures)


def test_cards_are_listed_without_a_gap(table: Table) -> None:
    """Readers follow a State's cards one by one: a list that leaves one out would stop them all at the one before."""
    table.whole()
    table.xbb.next_card()
    table.xbb.next_card()
    first, _, third = table.card_files()
    result = call("trust", "cards", table.list, "XBB", first, third)
    assert (2, True) == (result.exit_code, "card 2 is missing" in result.stderr)
    assert [] == [path.name for path in (table.list / "drafts").glob("*.json")]


def test_cards_of_a_state_for_which_nobody_speaks_are_no_draft(table: Table) -> None:
    """What is refused leaves nothing that waits for signatures, and would have each publishing say so."""
    table.init()
    result = call("trust", "cards", table.list, "XBB", *table.card_files())
    assert (6, True) == (result.exit_code, "isthmus trust show" in result.stderr)
    assert not (table.list / "drafts/XBB.json").exists()


def test_nobody_signs_another_draft(table: Table) -> None:
    """Who is read other words than the draft has signs nothing, and is told to stop."""
    table.init()
    result = call(
        "trust", "sign", table.list, "root", "--key", table.store("one"), "--fingerprint", table.words("targets")
    )
    assert 6 == result.exit_code
    assert "another fingerprint" in result.stderr
    assert 3 == value("trust", "show", table.list)["drafts"][0]["missing"]


def test_a_signer_sees_what_changes_and_may_refuse(table: Table) -> None:
    """Without --fingerprint the changes and the words stand there, and no is no."""
    table.whole()
    value("trust", "remove", table.list, "XBB")
    result = call("trust", "sign", table.list, "targets", "--key", table.store("one"), input="n\n")
    assert 0 != result.exit_code
    assert "XBB keys needed: 2 of 3  ->  gone" in result.stdout
    assert table.words("targets").split()[:4] == result.stdout.partition("\n 1  ")[2].split()[:4]
    assert 3 == value("trust", "show", table.list)["drafts"][0]["missing"]


def test_who_has_yet_to_sign_is_named(table: Table) -> None:
    """A trustee stands there by the name that root gives, before root is signed and after; one of a State by key."""
    table.init()
    value("trust", "add", table.list, "XBB", *(f"--key={table.keys[name]}" for name in ("b1", "b2", "b3")))
    table.sign("root", "one", "two", "three")
    waits = {one["role"]: one["not_signed_by"] for one in value("trust", "show", table.list)["drafts"]}
    assert {"root": sorted(f"{name}={table.keys[name]}" for name in ("four", "five"))} | {
        "targets": sorted(f"{name}={table.keys[name]}" for name in NAMES[:5])
    } == waits
    table.sign("targets", "three", "four", "five")
    value("trust", "cards", table.list, "XBB", *table.card_files())
    waits = {one["role"]: one["not_signed_by"] for one in value("trust", "show", table.list)["drafts"]}
    assert sorted(table.keys[name] for name in ("b1", "b2", "b3")) == waits["XBB"]


def test_a_stranger_signs_nothing(table: Table) -> None:
    """A key that the list does not name for a role cannot sign it by mistake."""
    table.init()
    result = call("trust", "sign", table.list, "root", "--key", table.store("b1"), "--fingerprint", table.words("root"))
    assert 6 == result.exit_code
    assert "does not sign" in result.stderr


def test_signatures_are_collected_from_copies(table: Table, tmp_path: Path) -> None:
    """Trustees sign copies where their keys are; the copies come back, and another draft is refused."""
    table.init()
    draft = table.list / "drafts" / "root.json"
    clean = draft.read_bytes()
    copies = []
    for name in ("one", "two", "three"):
        draft.write_bytes(clean)
        table.sign("root", name)
        copies.append(tmp_path / name / "root.json")
        copies[-1].parent.mkdir()
        copies[-1].write_bytes(draft.read_bytes())
    draft.write_bytes(clean)
    told = value("trust", "collect", table.list, *copies)
    assert [2, 1, 0] == [one["missing"] for one in told.values()]
    other = tmp_path / "other"
    made = trust_list.new_root(
        {name: b64.decode(table.keys[name]) for name in NAMES[5:]}, {"p": b64.decode(table.keys["one"])}, now()
    )
    other.mkdir()
    (other / "root.json").write_bytes(trust_list.serialize(made))
    assert 6 == call("trust", "collect", table.list, other / "root.json").exit_code


async def test_trustees_are_changed_by_old_and_new(table: Table, tmp_path: Path) -> None:
    """A trustee goes and another comes: three of the old ones sign, the new targets too, and readers follow."""
    table.whole()
    reader = table.reader(tmp_path)
    await reader.refresh()
    value("trust", "trustees", table.list, "--remove", "three", "--add", f"six={table.keys['six']}")
    assert 0 < table.sign("root", "one", "six")
    assert 0 == table.sign("root", "two", "four")
    assert [] == table.publish()["published"]  # the targets bear two signatures of those that stay, and need three
    value("trust", "renew", table.list, "targets")
    table.sign("targets", "six", "two", "one")
    made = table.publish()
    assert (["root", "targets"], {}) == (made["published"], made["refused"])
    await reader.refresh()
    assert 1 == len(await reader.cards("XBB"))


async def test_a_policy_is_put_into_the_list(table: Table, tmp_path: Path) -> None:
    """A policy is checked before anybody signs it, and readers have its bytes."""
    table.whole()
    bad, good = tmp_path / "bad" / "suites.json", tmp_path / "suites.json"
    bad.parent.mkdir()
    bad.write_bytes(b'{"v":1,"suites":[3]}')
    good.write_bytes(b'{"v":1,"suites":[1]}')
    assert 6 == call("trust", "policy", table.list, bad).exit_code
    value("trust", "policy", table.list, good)
    table.sign("targets", "one", "two", "three")
    table.publish()
    reader = table.reader(tmp_path)
    await reader.refresh()
    assert good.read_bytes() == reader.policy(trust_policy.SUITES)


async def test_readers_read_a_copy(table: Table, tmp_path: Path) -> None:
    """What --to copies, without drafts, is all that a reader needs; a copy made again brings what is new."""
    table.whole()
    place = tmp_path / "stick"
    assert 0 < table.publish("--to", str(place))["copied"]
    assert {"metadata", "targets"} == {path.name for path in place.iterdir()}
    reader = TrustList(place.as_uri(), place / "metadata" / "1.root.json", tmp_path / "c", tmp_path / "m", "XAA")
    await reader.refresh()
    table.xbb.next_card()
    value("trust", "cards", table.list, "XBB", *table.card_files())
    table.sign("XBB", "b1", "b2")
    table.publish("--to", str(place))
    await reader.refresh()
    assert 2 == len(await reader.cards("XBB"))


def test_two_who_publish_at_once_do_so_one_after_the_other(table: Table) -> None:
    """While a timer publishes, what a hand publishes waits: two snapshots of one version would be refused for days."""
    table.whole()
    folder = os.open(table.list, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    command = [sys.executable, "-m", "gateway.cli.main", "trust", "publish", table.list, "--key", table.store("online")]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **ENVIRON}, stdout=subprocess.PIPE) as other:
        let_it_come(other)
        assert (None, LOCKS.exists()) == (other.poll(), waits_for_a_lock(other))
        os.close(folder)
        assert 0 == other.wait(30)
    assert 2 == table.publish()["timestamp"] - 1


def test_a_draft_that_was_published_before_a_crash_is_done(table: Table) -> None:
    """Where a publication was killed before it forgot a draft, the next one does; nobody is asked to sign anew."""
    table.whole()
    value("trust", "renew", table.list, "targets")
    table.sign("targets", "one", "two", "three")
    draft = (table.list / "drafts/targets.json").read_bytes()
    table.publish()
    (table.list / "drafts/targets.json").write_bytes(draft)
    made = table.publish()
    assert ({}, False) == (made["waiting"], (table.list / "drafts/targets.json").exists())


def test_an_older_copy_of_the_list_is_not_published_over_a_newer_one(table: Table, tmp_path: Path) -> None:
    """Where what readers have is newer, or another list, nothing of it is changed, and the command exits 6."""
    table.whole()
    older, place = tmp_path / "older", tmp_path / "web"
    shutil.copytree(table.list, older)
    table.publish("--to", str(place))
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    result = call("trust", "publish", older, "--key", table.store("online"), "--to", place)
    assert (6, True) == (result.exit_code, "newer" in result.stderr)
    assert before == {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_list_is_not_published_over_another_one(table: Table, tmp_path: Path) -> None:
    """However old that is: who gave the place of another list is told so, and its readers keep what they read."""
    table.whole()
    place, other = tmp_path / "web", tmp_path / "other"
    trustees = [f"--trustee={name}={table.keys[name]}" for name in NAMES[:3]]
    value("trust", "init", other, *trustees, f"--online=publisher={table.keys['online']}")
    (place / "metadata").mkdir(parents=True)
    shutil.copy(other / "drafts/root.json", place / "metadata/1.root.json")
    result = call("trust", "publish", table.list, "--key", table.store("online"), "--to", place)
    assert (6, True, 1) == (result.exit_code, "another list" in result.stderr, len([*place.rglob("*.json")]))


async def test_a_root_that_other_trustees_signed_is_not_published_over(table: Table, tmp_path: Path) -> None:
    """Readers who took one root 2 never take another: nothing is changed there, and with that root it goes on."""
    table.whole()
    other, place = tmp_path / "other", tmp_path / "web"
    shutil.copytree(table.list, other)
    value("trust", "trustees", table.list, "--add", f"six={table.keys['six']}", "--threshold", "4")
    assert 0 == table.sign("root", "one", "two", "three", "four")
    value("trust", "renew", table.list, "targets")
    assert 0 == table.sign("targets", "one", "two", "three", "four")
    table.publish("--to", str(place))
    root, before = place / "metadata/1.root.json", (place / "metadata/2.root.json").read_bytes()
    reader = TrustList(place.as_uri(), root, tmp_path / "c", tmp_path / "m", "XAA")
    await reader.refresh()

    table.list = other
    for _ in range(3):
        table.publish()
    value("trust", "renew", other, "root")
    assert 0 == table.sign("root", "three", "four", "five")
    done = call("trust", "publish", other, "--key", table.store("online"), "--to", place)
    assert (6, True) == (done.exit_code, "another root 2, which trustees signed too" in done.stderr)
    assert (before, False) == ((place / "metadata/2.root.json").read_bytes(), (other / "metadata/2.root.json").exists())

    shutil.copy(place / "metadata/2.root.json", other / "metadata")
    value("trust", "renew", other, "root")
    assert 0 == table.sign("root", "one", "two", "three", "six")
    value("trust", "renew", other, "targets")
    assert 0 == table.sign("targets", "one", "two", "three", "six")
    table.publish("--to", str(place))
    await reader.refresh()


async def test_a_copy_for_readers_that_is_damaged_is_published_anew(table: Table, tmp_path: Path) -> None:
    """What readers cannot read is nothing newer: the list is renewed over it, for a day later nobody believes it."""
    table.whole()
    place = tmp_path / "www"
    table.publish("--to", str(place))
    (place / "metadata/timestamp.json").write_bytes(b"")
    table.publish("--to", str(place))
    reader = TrustList(place.as_uri(), place / "metadata" / "1.root.json", tmp_path / "c", tmp_path / "m", "XAA")
    await reader.refresh()
    assert 1 == len(await reader.cards("XBB"))


async def test_a_country_whose_keys_change_signs_anew(table: Table, tmp_path: Path) -> None:
    """The trustees give XBB other keys: its part is not believed until those sign it, and the command says so."""
    table.whole()
    keys = ("one", "two", "six")  # any keys will do here
    value("trust", "add", table.list, "XBB", *(f"--key={table.keys[name]}" for name in keys))
    table.sign("targets", "one", "two", "three")
    made = table.publish()
    assert "XBB has to sign" in made["notes"][0]
    assert ["XBB"] == list(made["refused"])
    reader = table.reader(tmp_path)
    await reader.refresh()
    with pytest.raises(Unavailable):
        await reader.cards("XBB")
    value("trust", "renew", table.list, "XBB")
    table.sign("XBB", "one", "six")
    table.publish()
    await reader.refresh()
    assert 1 == len(await reader.cards("XBB"))


def test_a_draft_names_only_its_own_files(table: Table) -> None:
    """A draft of XBB that names a file elsewhere is not published, however it is signed."""
    table.whole()
    value("trust", "renew", table.list, "XBB")
    path = table.list / "drafts" / "XBB.json"
    draft = trust_list.parse(path.read_bytes(), trust_list.Targets)
    trust_list.set_target(draft.signed, "../../outside/card.json", b"{}")
    for name in ("b1", "b2"):
        trust_list.add_signature(draft, SigningKey(_seeds()[name]))
    path.write_bytes(trust_list.serialize(draft))
    assert {"XBB": "it names a file that is not its own; make it anew"} == table.publish()["waiting"]


def test_a_root_is_pinned_by_its_words(table: Table, tmp_path: Path) -> None:
    """The root goes into a home only under the words that trustees read out."""
    table.whole()
    home, root = tmp_path / "home", table.list / "metadata" / "1.root.json"
    home.mkdir()
    told = value("trust", "fingerprint", root)
    other = trust_words.hexadecimal(bytes(32))
    assert 6 == call("trust", "pin", root, "-C", home, "--fingerprint", other).exit_code
    value("trust", "pin", root, "-C", home, "--fingerprint", " ".join(told["words"]))
    assert root.read_bytes() == (home / "trust.root.json").read_bytes()


def test_a_fingerprint_is_drawn_as_a_code(table: Table, tmp_path: Path) -> None:
    """The same fingerprint as words, digits and a QR code, at the terminal and as a drawing."""
    drawing = tmp_path / "code.svg"
    key = ("--", table.keys["one"])  # one in 64 begins with a dash
    result = call("trust", "fingerprint", "--qr", "--out", drawing, *key)
    lines = result.stdout.splitlines()
    assert trust_words.fingerprint_of(b64.decode(table.keys["one"])) == trust_words.read("\n".join(lines[:13]))
    assert lines[14] == trust_words.hexadecimal(trust_words.fingerprint_of(b64.decode(table.keys["one"])))
    assert "█" in result.stdout
    assert drawing.read_text().startswith("<?xml")


async def test_a_stolen_key_of_the_publisher_is_replaced_as_the_manual_says(table: Table, tmp_path: Path) -> None:
    """A thief numbered the list so high that none follows; under another key it goes on at once, here and elsewhere."""
    table.whole()
    old, anew = tmp_path / "old", tmp_path / "anew"
    table.publish("--to", str(old))
    stamp = Metadata[Timestamp].from_bytes((old / "metadata/timestamp.json").read_bytes())
    stamp.signed.version = 1_000_000
    stamp.signatures.clear()
    trust_list.add_signature(stamp, SigningKey(_seeds()["online"]))
    (old / "metadata/timestamp.json").write_bytes(trust_list.serialize(stamp))
    root, places = old / "metadata/1.root.json", (tmp_path / "cache", tmp_path / "mirror", "XAA")
    await TrustList(old.as_uri(), root, *places).refresh()

    value("trust", "trustees", table.list, f"--online=publisher={table.keys['six']}")
    assert 0 == table.sign("root", "one", "two", "three")
    publish = ("trust", "publish", table.list, "--key", table.store("six"), "--to")
    for place in (anew, old):
        done = call(*publish, place)
        assert 0 == done.exit_code, done.stderr
        reader = TrustList(place.as_uri(), root, *places)
        await reader.refresh()
        assert (table.xbb.cards[0].raw,) == tuple(await reader.cards("XBB"))


def test_what_a_thief_of_the_publishers_key_numbered_higher_is_not_brought_here(table: Table, tmp_path: Path) -> None:
    """While the key is the same nothing tells it from a newer list of ours but whoever published: the command asks."""
    table.whole()
    place = tmp_path / "www"
    table.publish("--to", str(place))
    stamp = Metadata[Timestamp].from_bytes((place / "metadata/timestamp.json").read_bytes())
    stamp.signed.version = 1_000_000
    for signer, code in ((SigningKey.generate(), 0), (SigningKey(_seeds()["online"]), 6)):
        stamp.signatures.clear()
        trust_list.add_signature(stamp, signer)
        (place / "metadata/timestamp.json").write_bytes(trust_list.serialize(stamp))
        done = call("trust", "publish", table.list, "--key", table.store("online"), "--to", place)
        assert (code, bool(code)) == (done.exit_code, "the publisher's key is stolen" in done.stderr)


def test_what_lies_where_readers_look_is_read_as_they_would(table: Table, tmp_path: Path) -> None:
    """What has the name of a file of ours is replaced; what keeps readers from reading is told, with the way out."""
    table.whole()
    place = tmp_path / "www"
    table.publish("--to", str(place))
    (place / "metadata/1.targets.json").write_bytes(b"of somebody else")
    table.publish("--to", str(place))
    assert (table.list / "metadata/1.targets.json").read_bytes() == (place / "metadata/1.targets.json").read_bytes()
    (place / "metadata/2.root.json").write_bytes(b"of somebody else")
    done = call("trust", "publish", table.list, "--key", table.store("online"), "--to", place)
    assert (6, True) == (done.exit_code, "publish to an empty folder" in done.stderr)
