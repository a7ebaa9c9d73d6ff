"""The verbs of ``isthmus trust`` about a gateway's own home."""

import fcntl
import json
import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import settings
from gateway.cli import session
from gateway.cli.own_card import own_card
from gateway.core.wire import format_instant
from gateway.home import IDENTITY, IDENTITY_FILE
from keys import b64, card, trust_list, trust_words
from keys.custody import open_store
from keys.sign import SigningKey
from tests.cli.support import PHRASE, Homes, call, value
from tests.support.slow_site import serving, slow
from tests.support.trust_list import World, make_world

OFFICER = ("--as", "second", "--reason", "its machine was taken")


@pytest.fixture
def listed(homes: Homes) -> World:
    """XAA on a trust list that names XBB, with its root pinned in the home."""
    home = homes.home("XAA")
    world = make_world(homes.root / "list")
    first = card.parse_card((homes.home("XBB") / "cards/XBB/1.jws").read_bytes())
    world.add("XBB", first=first)
    root = world.folder / "metadata" / "1.root.json"
    words = " ".join(value("trust", "fingerprint", root)["words"])
    value("trust", "pin", root, "-C", home, "--fingerprint", words)
    file = home / settings.FILE_NAME
    lines = f'[trust]\nrepository = "{world.folder}"\nroot = "trust.root.json"\n'
    file.write_text(file.read_text().replace("[trust]\n", lines))
    return world


def _state(home: Path, *more: Any) -> dict[str, Any]:
    (state,) = value("trust", "status", "-C", home, *more)["states"]
    return dict(state)


def test_what_has_no_fingerprint_is_said_to_be_no_file_either(tmp_path: Path) -> None:
    """A path that was typed wrongly is not told of as a bad key alone."""
    result = call("trust", "fingerprint", tmp_path / "root.json")
    assert (2, True) == (result.exit_code, "is no file here, and no public key" in result.stderr)


def test_a_root_is_read_once(tmp_path: Path) -> None:
    """What is pinned is what was compared: a medium that gives other bytes the next time is not asked again."""
    root = (make_world(tmp_path / "list").folder / "metadata" / "1.root.json").read_bytes()
    words = trust_words.hexadecimal(trust_list.fingerprint(trust_list.parse_root_or_targets(root)))
    os.mkfifo(tmp_path / "root.json")
    medium = threading.Thread(target=(tmp_path / "root.json").write_bytes, args=(root,), daemon=True)
    medium.start()
    value("trust", "pin", tmp_path / "root.json", "-C", tmp_path, "--fingerprint", words)
    assert root == (tmp_path / "trust.root.json").read_bytes()


def test_a_folder_without_a_list_and_a_policy_without_a_name_are_wrong_usage(tmp_path: Path) -> None:
    """What was typed wrongly is not told of as a fault of a list or of a signature."""
    for command in (("renew", tmp_path / "no", "root"), ("remove", tmp_path / "no", "XBB")):
        result = call("trust", *command)
        assert (2, True) == (result.exit_code, "check the path" in result.stderr)
    (tmp_path / "distrusted.json").write_text("{}")
    result = call("trust", "policy", tmp_path / "no", tmp_path / "distrusted.json")
    assert (2, True) == (result.exit_code, "distrust.json" in result.stderr)


def test_a_list_is_read(homes: Homes, listed: World) -> None:
    """``refresh`` reads the list and says which card of whom is held, and since when."""
    (state,) = value("trust", "refresh", "-C", homes.home("XAA"))
    assert ("XBB", 1, "fresh", None) == (state["country"], state["serial"], state["stage"], state["hold"])
    assert listed.states["XBB"].cards[0].fingerprint == state["fingerprint"]


def test_a_card_that_does_not_follow_is_said_as_it_is_read(homes: Homes) -> None:
    """Whoever brings the newest card and leaves one out is told so by ``refresh``, and which one to ask for."""
    home, other = homes.home("XAA"), homes.home("XBB")
    for port in (1, 2):
        value("keys", "card", "-C", other, "--address", f"https://gateway.example:{port}")
    shutil.copy(other / "cards/XBB/4.jws", home / "cards/XBB")
    result = call("trust", "refresh", "-C", home, "--json")
    assert (1, 2) == (result.exit_code, json.loads(result.stdout)[0]["serial"])
    assert "every card after 2" in result.stderr
    shutil.copy(other / "cards/XBB/3.jws", home / "cards/XBB")
    assert [4] == [state["serial"] for state in value("trust", "refresh", "-C", home)]


def test_a_list_that_does_not_name_us_is_a_finding_of_its_own(homes: Homes, listed: World) -> None:
    """Reading it again brings nothing: somebody has to add us. Until it was read once, that is the next step."""
    home = homes.home("XAA")

    def found() -> list[tuple[str, str]]:
        items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
        return [(item["text"], item["hint"]) for item in items if item["area"] == "trust" and "XAA" in item["text"]]

    assert [("nothing of XAA was read from the trust list yet", "isthmus trust refresh")] == found()
    value("trust", "refresh", "-C", home)
    hint = "ask the trustees to add it: isthmus trust add FOLDER XAA --key KEY"
    assert [("the trust list does not name XAA: who goes by it takes no card of ours", hint)] == found()


def test_a_partner_that_the_list_does_not_name_is_a_finding(homes: Homes, listed: World) -> None:
    """Its card lies in the directory still and looks well, and none of it is taken: what is said to it would wait."""
    home = homes.home("XAA")
    listed.remove("XBB")
    read = call("trust", "refresh", "-C", home)
    found = {item["text"]: item["hint"] for item in json.loads(call("check", "-C", home, "--json").stdout)["items"]}
    hint = "ask the trustees to add it: isthmus trust add FOLDER XBB --key KEY"
    assert hint == found["the trust list does not name XBB: no card of it is taken"]
    assert (1, True) == (read.exit_code, hint.removeprefix("ask ") in read.stderr)


def test_a_part_that_is_refused_is_said(homes: Homes, listed: World) -> None:
    """The card held is shown as fresh still: that nothing newer of that State is believed stands beside it."""
    for path in (listed.folder / "targets").rglob("*.*"):
        if "XBB" in str(path):
            path.write_bytes(bytes(path.stat().st_size))
    read = call("trust", "refresh", "-C", homes.home("XAA"))
    assert (1, True) == (read.exit_code, "nothing new of XBB is believed: " in read.stderr)
    assert "-> ask that State and the trustees" in read.stderr


def test_a_list_that_is_gone_is_said(homes: Homes, listed: World) -> None:
    """``refresh`` exits 75 when the list cannot be reached, and ``check`` says that it could not."""
    listed.folder.rename(homes.root / "away")
    result = call("trust", "refresh", "-C", homes.home("XAA"))
    assert 75 == result.exit_code
    assert "trust list" in result.stderr


@pytest.mark.parametrize("left", [None, b"{}"], ids=["gone", "cut short"])
def test_a_pinned_root_that_is_gone_is_no_fault_of_the_list(homes: Homes, listed: World, left: bytes | None) -> None:
    """Nobody asks the trustees, or looks at the disk, for a file of this home."""
    home = homes.home("XAA")
    pinned = home / settings.load(home, {}).values["trust"]["root"]
    pinned.unlink()
    if left is not None:
        pinned.write_bytes(left)
    said = json.loads(call("trust", "refresh", "-C", home, "--json").stderr)["error"]
    assert f"the pinned root {pinned}" in said["detail"]
    assert "restore it from the backup of the configuration" in said["hint"]
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert [(said["detail"], said["hint"])] == [
        (item["text"], item["hint"]) for item in items if (item["area"], item["level"]) == ("trust", "finding")
    ]


def test_a_stop_does_not_wait_for_a_list_that_comes_slowly(
    homes: Homes, listed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a card is missing and the server is slow a command goes on with the cards that are held."""
    monkeypatch.setattr(session, "CARDS_S", 0.5)
    home, stop, begun = homes.home("XAA"), threading.Event(), time.monotonic()
    file = home / settings.FILE_NAME
    with serving(slow(stop)) as server:
        file.write_text(file.read_text().replace(f'"{listed.folder}"', f'"{server}"'))
        value("trust", "hold", "XBB", "-C", home, *OFFICER)
        stop.set()
    assert time.monotonic() - begun < 60


def test_a_stop_does_not_wait_for_another_process_that_reads_the_list(
    homes: Homes, listed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that reads the list for minutes keeps no command beside it from being done."""
    monkeypatch.setattr(session, "CARDS_S", 0.5)
    home, begun = homes.home("XAA"), time.monotonic()
    (home / "data/trust").mkdir()
    other = os.open(home / "data/trust", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    later = threading.Timer(80, os.close, (other,))
    later.start()
    value("trust", "hold", "XBB", "-C", home, *OFFICER)
    assert time.monotonic() - begun < 60
    later.cancel()
    os.close(other)


def test_a_state_is_held_and_confirmed(homes: Homes, listed: World) -> None:
    """One officer holds a State and two lift it by its fingerprint; all of it stands in the status, with names."""
    home = homes.home("XAA")
    value("trust", "refresh", "-C", home)
    homes.second_officer("XAA")
    value("trust", "hold", "XBB", "-C", home, *OFFICER)
    assert "second" in _state(home)["hold"]
    words = trust_words.lines(trust_words.fingerprint_of(listed.states["XBB"].cards[0].identity))
    confirm = ("trust", "confirm", "XBB", "-C", home, "--reason", "read out", "--fingerprint", words)
    for person, said in (("second", (False, True)), ("second", (False, True)), ("third", (True, False))):
        assert _state(home)["hold"] is not None
        made = value(*confirm, "--as", person)
        assert said == (made["confirmed"], made["waits_for_second"])
    assert _state(home)["hold"] is None
    decided = value("trust", "status", "-C", home)["decided"]
    acts = [("hold", "second"), ("confirm", "second"), ("confirm", "third")]
    assert acts == [(one["act"], one["person"]) for one in decided]


def test_a_new_identity_key_that_was_confirmed_is_pinned_by_what_is_shown(homes: Homes) -> None:
    """Until it stands in the configuration the check says where it is to be read; then it finds nothing."""
    home, other = homes.home("XAA"), homes.home("XBB")
    homes.second_officer("XAA")
    old = b64.encode(own_card(settings.load(other, {})).identity)
    printed = value("keys", "rotate", "identity", "-C", other, "--new-identity", other / "new.keys")["fingerprint"]
    for path in (other / "cards/XBB").iterdir():
        shutil.copy(path, home / "cards/XBB")
    assert 1 == call("trust", "refresh", "-C", home).exit_code
    for person in ("second", "third"):
        confirm = ("trust", "confirm", "XBB", "-C", home, "--reason", "read out", "--fingerprint", printed)
        value(*confirm, "--as", person)
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    (hint,) = [one["hint"] for one in items if (one["area"], one["level"]) == ("partner", "finding")]
    assert "set the 'identity' that isthmus trust status shows" in hint
    file = home / settings.FILE_NAME
    file.write_text(file.read_text().replace(old, _state(home)["identity"]))
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    assert [] == [one for one in items if (one["area"], one["level"]) == ("partner", "finding")]


def test_why_a_state_is_held_may_come_by_standard_input(homes: Homes, listed: World) -> None:
    """A dash stands for a line of it here too, as the page for operators says of every reason."""
    home = homes.home("XAA")
    value("trust", "hold", "XBB", "-C", home, "--as", "second", "--reason", "-", input="its machine was taken\n")
    assert "its machine was taken" in _state(home)["hold"]


def test_a_word_is_taken_back(homes: Homes, listed: World) -> None:
    """What a first officer said is taken back, and the next one who says it is the first again."""
    home = homes.home("XAA")
    value("trust", "refresh", "-C", home)
    homes.second_officer("XAA")
    value("trust", "hold", "XBB", "-C", home, *OFFICER)
    words = trust_words.lines(trust_words.fingerprint_of(listed.states["XBB"].cards[0].identity))
    confirm = ("trust", "confirm", "XBB", "-C", home, "--reason", "read out", "--fingerprint", words)
    value(*confirm, "--as", "second")
    value("trust", "take-back", "XBB", "-C", home, "--as", "third", "--reason", "a slip of the eye")
    assert value(*confirm, "--as", "third")["waits_for_second"]
    assert "second" in _state(home)["hold"]


@pytest.mark.parametrize(("verb", "code"), [("hold", 5), ("go-on", 5)])
def test_who_may_not_decide(homes: Homes, listed: World, verb: str, code: int) -> None:
    """A case officer decides nothing about keys."""
    home = homes.home("XAA")
    assert code == call("trust", verb, "XBB", "-C", home, "--as", "first", "--reason", "because").exit_code


def test_nobody_goes_on_with_fresh_cards(homes: Homes, listed: World) -> None:
    """While the list can be read there is nothing to go on with."""
    home = homes.home("XAA")
    value("trust", "refresh", "-C", home)
    result = call("trust", "go-on", "XBB", "-C", home, *OFFICER)
    assert 5 == result.exit_code
    assert "48 h" in result.stderr


def test_two_trustees_say_how_many_it_takes(tmp_path: Path) -> None:
    """Fewer trustees than signatures is wrong usage, and names the option; nothing is written."""
    keys = [value("keys", "new", tmp_path / f"{one}.keys", "--profile", "interactive")["key"] for one in range(3)]
    named = (f"--trustee=a={keys[0]}", f"--trustee=b={keys[1]}", f"--online=p={keys[2]}")
    result = call("trust", "init", tmp_path / "list", *named)
    assert (2, True) == (result.exit_code, "--threshold" in result.stderr)
    assert not (tmp_path / "list").exists()
    assert 2 == value("trust", "init", tmp_path / "list", *named, "--threshold", "2")["missing"]


def test_a_repository_needs_a_root(homes: Homes) -> None:
    """A list without a root that was compared, or in clear over a network, is no configuration."""
    home = homes.home("XAA")
    file = home / settings.FILE_NAME
    file.write_text(file.read_text().replace("[trust]\n", '[trust]\nrepository = "http://trust.example/list"\n'))
    result = call("check", "-C", home)
    assert 3 == result.exit_code
    assert "go together" in result.stderr
    assert "loopback only" in result.stderr


def test_check_says_what_runs_out_and_what_is_not_listed(homes: Homes, listed: World) -> None:
    """Before the list was read, when our newest card is not in it, and when a part ends soon, ``check`` says so."""
    home = homes.home("XAA")
    assert "isthmus trust refresh" in call("check", "-C", home).stdout
    own = sorted((home / "cards/XAA").glob("*.jws"), key=lambda path: int(path.stem))
    listed.add("XAA", first=card.parse_card(own[-1].read_bytes()))
    value("trust", "refresh", "-C", home)
    assert "whole and does not run out soon" in call("check", "-C", home).stdout
    made = value("keys", "card", "-C", home)
    shown = call("check", "-C", home).stdout
    assert (True, True) == (f"our newest is {made['serial']}" in shown, "publish; then isthmus trust refresh" in shown)
    _age(home, hours=50)
    assert "50 hours ago" in call("check", "-C", home).stdout
    _age(home, hours=24 * 8)
    assert "isthmus trust go-on XBB" in call("check", "-C", home).stdout


def test_a_card_of_ours_that_was_dated_anew_is_another_than_the_list_has(homes: Homes, listed: World) -> None:
    """It has the same number, so the number alone would say that nothing is to be done."""
    home = homes.home("XAA")
    path = home / "cards/XAA/1.jws"
    first = card.parse_card(path.read_bytes())
    listed.add("XAA", first=first)
    value("trust", "refresh", "-C", home)
    store = open_store(f"file:{home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    at = format_instant(first.issued_at + timedelta(seconds=1))
    path.write_bytes(card.sign_card({**card.claims_of(first), "issued_at": at}, SigningKey(store.get(IDENTITY))))
    assert "the trust list has another card 1 of ours than the one that is here" in call("check", "-C", home).stdout


def _age(home: Path, hours: int) -> None:
    """Let what is published have been read ``hours`` ago."""
    at = int((datetime.now(UTC) - timedelta(hours=hours)).timestamp())
    with closing(sqlite3.connect(home / "data/gateway.db")) as db, db:
        db.execute("UPDATE partner SET refreshed_at = ?", (at,))
