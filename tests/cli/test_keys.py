"""``isthmus keys``, ``partner``, ``person`` and ``restore``."""

import json
import os
import re
import shutil
import sqlite3
import stat
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest

from gateway.checks import keys as keys_checks
from gateway.checks import run
from gateway.checks.look import Look
from gateway.cli import restore
from gateway.cli.errors import CommandError
from gateway.cli.keys import _next_sealing, check_unread, next_signing, open_person_key, private_kids
from gateway.cli.own_card import issue, our_cards, own_card
from gateway.cli.running import alone
from gateway.core.wire import format_instant
from gateway.home import (
    IDENTITY,
    IDENTITY_FILE,
    NEXT,
    SIGNING,
    WINDOW_EVERY,
    ended_keys,
    make_certificate,
    next_card,
)
from gateway.services.ports import Unavailable
from gateway.settings import load
from gateway.transport.card_directory import write_card
from keys import b64, card, custody, statement, trust_words
from keys.custody import open_store
from keys.seal import SealingKey
from keys.sign import SigningKey
from tests.cli.support import (
    PHRASE,
    Homes,
    approved,
    call,
    deliver,
    in_environment,
    link_leads_on,
    received,
    spawn,
    value,
    with_role,
    with_signing,
    write_stand,
)
from tests.support.device import address, token

THREAD = "AAAAAAAAAAAAAAAAAAAAAA"
DIGEST = "A" * 43


def test_a_person_makes_a_key(tmp_path: Path) -> None:
    """``keys new`` makes a private file, prints the public half only, and overwrites nothing."""
    done = spawn("keys", "new", tmp_path / "p.keys", "--profile", "interactive", "--json")
    made = json.loads(done.stdout)
    seed = open_store(f"file:{tmp_path / 'p.keys'}", passphrase=lambda: PHRASE, environ={}).get("person")
    assert (SigningKey(seed).kid, 0o600) == (made["kid"], stat.S_IMODE((tmp_path / "p.keys").stat().st_mode))
    assert 2 == call("keys", "new", tmp_path / "p.keys").exit_code


def test_a_statement_is_signed_away_from_the_gateway(homes: Homes) -> None:
    """``keys sign`` makes the statement that a gateway verifies."""
    options = ("--thread", THREAD, "--digest", DIGEST, "--kind", "request.approval", "--role", "liaison_officer")
    made = value("keys", "sign", "--key", homes.key("second"), *options)
    parsed, _ = statement.parse(made["statement"].encode())
    assert (THREAD, DIGEST, "liaison_officer") == (parsed.thread, parsed.digest, parsed.role)


def test_a_certificate_is_listed_beside_the_one_in_use(homes: Homes) -> None:
    """The key of the next certificate is in the card before it is used, and the old one leaves once it is not used."""
    home, other = homes.home("XBB"), homes.root / "other"
    other.mkdir()
    old, new = own_card(load(home, {})).spki[0], make_certificate(other, "XBB", "127.0.0.1", datetime.now(UTC))
    option = ("--certificate", other / "tls.crt")
    value("keys", "card", "-C", home, *option)
    assert (old, new) == own_card(load(home, {})).spki
    for name in ("tls.crt", "tls.key"):
        shutil.copy(other / name, home / name)
    assert 0 == call("check", "-C", home).exit_code
    value("keys", "card", "-C", home, *option)
    assert (new,) == own_card(load(home, {})).spki
    value("keys", "card", "-C", home, "--web-pki")
    assert () == own_card(load(home, {})).spki
    assert 0 == call("check", "-C", home).exit_code


def test_what_is_no_certificate_is_not_listed(homes: Homes) -> None:
    """A file that holds no certificate is a usage error, and no card is issued."""
    home = homes.home("XBB")
    both = ("--certificate", home / "tls.crt", "--web-pki")
    assert [2, 2] == [
        call("keys", "card", "-C", home, *options).exit_code for options in (("--certificate", home / "tls.key"), both)
    ]
    assert 2 == own_card(load(home, {})).serial


def test_the_key_of_a_person_is_found_from_where_the_command_runs(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path names the key store in the folder of the command, as every other file does."""
    monkeypatch.chdir(homes.root)
    monkeypatch.setenv("ISTHMUS_KEY_PASSPHRASE", PHRASE)
    assert open_person_key(homes.key("second"), None).kid == open_person_key(Path("second.keys"), None).kid


def test_keys_are_shown_without_their_private_half(homes: Homes) -> None:
    """``keys show`` lists every key of the card and which private halves are here."""
    shown = value("keys", "show", "-C", homes.home("XBB"))
    uses = [one["use"] for one in shown["keys"]]
    assert (2, 1, 13, 1, 1) == (shown["serial"], *(uses.count(use) for use in ("signing", "sealing", "role", "log")))
    assert all(one["private_half"] for one in shown["keys"] if one["use"] != "role")


def test_the_next_card_lists_roles_and_addresses(homes: Homes) -> None:
    """``keys card`` issues the next card of the chain."""
    home = homes.home("XAA")
    key = value("keys", "new", home / "w.keys", "--profile", "interactive")["key"]
    options = ("--add-role", f"child_welfare={key}", "--address", "https://gateway.example:443")
    made = value("keys", "card", "-C", home, *options)
    held = own_card(load(home, {}))
    assert (2, 2, ("https://gateway.example:443",)) == (made["serial"], held.serial, held.addresses)
    assert ["welfare"] == [one.role for one in held.roles]


def test_a_role_key_is_listed_for_a_year_more(homes: Homes) -> None:
    """``--add-role`` of a key in the card sets its end later and leaves its begin, and nothing else is listed twice."""
    home = homes.home("XAA")
    entry = with_role(home, SigningKey.generate().public)
    value("keys", "card", "-C", home, "--add-role", f"second_signer={entry['key']}")
    (listed,) = own_card(load(home, {})).roles
    assert entry["from"] == format_instant(listed.valid_from)
    assert listed.valid_until > datetime.now(UTC) + timedelta(days=364)


@pytest.mark.parametrize("changes", [{"role": "escort"}, {"revoked_at": "2026-01-01T00:00:00Z"}])
def test_a_role_takes_a_key_of_its_own(homes: Homes, changes: dict[str, Any]) -> None:
    """A key that the card lists for another role, or as revoked, is not listed again, and what to do is said."""
    home = homes.home("XAA")
    entry = with_role(home, SigningKey.generate().public, **changes)
    result = call("keys", "card", "-C", home, "--add-role", f"second_signer={entry['key']}")
    assert (5, True) == (result.exit_code, "isthmus keys new" in result.stderr)


def test_a_key_to_leave_out_stands_in_the_card(homes: Homes) -> None:
    """``--remove-key`` of a key id that no role has issues no card: the one that was meant would still be listed."""
    home = homes.home("XBB")
    signing = own_card(load(home, {})).signing[0].kid
    assert [2, 2] == [call("keys", "card", "-C", home, "--remove-key", kid).exit_code for kid in ("A" * 22, signing)]
    assert 2 == own_card(load(home, {})).serial


def test_a_card_that_another_command_issued_meanwhile_is_not_written_over(homes: Homes) -> None:
    """Of two commands that issue the next card at once, the later one is told to run again."""
    chosen = load(homes.home("XBB"), {})
    store = open_store(f"file:{chosen.home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    held, identity = own_card(chosen), SigningKey(store.get(IDENTITY))
    first = issue(chosen, held, {"epoch": 2}, identity)
    with pytest.raises(CommandError) as refused:
        issue(chosen, held, {"epoch": 3}, identity)
    assert (75, first.raw) == (refused.value.told.exit, own_card(chosen).raw)


def test_cards_that_a_clock_ahead_has_dated_are_put_anew_in_their_places(homes: Homes) -> None:
    """No partner takes one before its day: no next card is made, and the same ones, dated now, follow what it holds."""
    home = homes.home("XBB")
    chosen, store = load(home, {}), open_store(f"file:{home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    first, identity = own_card(chosen), SigningKey(store.get(IDENTITY))

    def told(*verb: str) -> tuple[int, str]:
        done = call(*verb, "-C", home, "--json")
        return done.exit_code, json.loads(done.stderr)["error"]["code"]

    assert (2, "not-ahead") == told("keys", "card", "--date-anew")
    for epoch, days in ((2, 40), (3, 41)):
        made = next_card(own_card(chosen), {"epoch": epoch}, identity, datetime.now(UTC) + timedelta(days=days))
        write_card(home / "cards", made)
    assert (3, "card-ahead") == told("keys", "card", "--address", "https://xbb.test")
    assert (3, "card-ahead") == told("restore", "begin-epoch", "--again")
    new = str(homes.root / "new.keys")  # a card under another key would be the newest, and none could be dated anew
    assert (3, "card-ahead") == told("keys", "rotate", "identity", "--new-identity", new)
    assert 2 == call("keys", "card", "-C", home, "--date-anew", "--web-pki").exit_code
    found = [item for item in run(Look(chosen, lambda: PHRASE, datetime.now(UTC))) if item.level == "finding"]
    # No second one leads to older cards: `restore the card directory` would take the epoch back.
    told_of = [(item.area, "isthmus keys card --date-anew" in item.hint) for item in found if item.area != "database"]
    assert [("clock", True)] == told_of
    partner = homes.home("XAA")
    for serial in (made.serial - 1, made.serial):
        shutil.copy(home / f"cards/XBB/{serial}.jws", partner / "cards/XBB")
    look = Look(load(partner, {}), lambda: PHRASE, datetime.now(UTC))
    (told,) = [item for item in run(look) if item.level == "finding" and item.area == "partner"]
    assert (True, True) == ("ahead of our clock" in told.text, "--date-anew" in told.hint)
    assert 0 == call("keys", "card", "-C", home, "--date-anew").exit_code
    held = first
    for raw in our_cards(chosen)[-2:]:
        held = card.advance(held, raw, datetime.now(UTC))
    assert (made.serial, 3, made.addresses) == (held.serial, held.epoch, held.addresses)
    assert 0 == call("keys", "card", "-C", home, "--address", "https://xbb.test").exit_code


def test_a_card_needs_the_identity_key(homes: Homes) -> None:
    """Without the identity key, or with another State's, no card is issued."""
    home, other = homes.home("XAA"), homes.home("XBB") / "identity.keys"
    result = call("keys", "card", "-C", home, "--identity", other)
    assert (6, True) == (result.exit_code, "cards/XAA/1.jws" in result.stderr)  # which may be the wrong one of the two
    (home / "identity.keys").unlink()
    result = call("keys", "card", "-C", home)
    assert (3, True) == (result.exit_code, "--identity FILE" in result.stderr)
    assert 1 == own_card(load(home, {})).serial


def test_the_signing_key_is_rotated_in_two_steps(homes: Homes) -> None:
    """A new signing key stands in the card first, and is used, the old one destroyed, once it is activated."""
    home = homes.home("XBB")
    assert 1 == call("keys", "rotate", "signing", "-C", home, "--activate").exit_code
    value("keys", "rotate", "signing", "-C", home)
    listed = [key.kid for key in own_card(load(home, {})).signing]
    activated = value("keys", "rotate", "signing", "-C", home, "--activate")["signing"]
    assert listed[1:] == [activated]
    names = {one["kid"]: one["private_half"] for one in value("keys", "show", "-C", home)["keys"]}
    assert (None, "sign.1") == tuple(names[kid] for kid in listed)
    assert 0 == call("check", "-C", home).exit_code


def test_a_signing_key_that_no_card_lists_is_not_activated(homes: Homes) -> None:
    """No partner would take a word by it: a rotation that was cut short before its card is run again first."""
    home = homes.home("XBB")
    open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={}).put(
        NEXT, SigningKey.generate().seed
    )
    before = (home / "gateway.keys").read_bytes()
    refused = call("keys", "rotate", "signing", "-C", home, "--activate")
    assert (1, True) == (refused.exit_code, "hint: isthmus keys rotate signing" in refused.stderr)
    assert before == (home / "gateway.keys").read_bytes()


def test_a_key_in_the_store_takes_the_place_of_a_lost_device(homes: Homes) -> None:
    """Where the store holds no signing key any more each command says the way back, and that leads there."""
    home = homes.home("XBB")
    store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    store.destroy(SIGNING)
    for told in (call("stats", "-C", home).stderr, call("check", "-C", home).stdout):
        assert "isthmus keys rotate signing, " in told
        assert "the same with --activate" in told
    value("keys", "rotate", "signing", "-C", home)
    value("keys", "rotate", "signing", "-C", home, "--activate")
    assert 0 == call("check", "-C", home).exit_code


def test_a_gateway_can_be_started_at_each_instant_of_a_rotation(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is killed in the middle, the key store holds a signing key that our card lists."""
    home, written = homes.home("XBB"), list[str]()
    write = custody.write_durably

    def watched(path: Path, raw: bytes, **how: Any) -> None:
        write(path, raw, **how)
        store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
        written.append(SigningKey(store.get(SIGNING)).kid)

    monkeypatch.setattr(custody, "write_durably", watched)
    value("keys", "rotate", "signing", "-C", home)
    activated = value("keys", "rotate", "signing", "-C", home, "--activate")["signing"]
    assert activated == written[-1]
    assert set(written) <= {key.kid for key in own_card(load(home, {})).signing}


def test_a_new_signing_key_that_was_revoked_is_replaced(homes: Homes) -> None:
    """Where the key to be used next is revoked before it is used, rotating again makes another one."""
    home = homes.home("XBB")
    value("keys", "rotate", "signing", "-C", home)
    revoked = own_card(load(home, {})).signing[-1].kid
    value("keys", "revoke", "-C", home, "--", revoked)
    value("keys", "rotate", "signing", "-C", home)
    activated = value("keys", "rotate", "signing", "-C", home, "--activate")["signing"]
    assert activated != revoked
    assert 0 == call("check", "-C", home).exit_code


def test_a_revoked_key_of_a_device_is_not_listed_again(homes: Homes) -> None:
    """A device whose key was revoked is refused, and what to do is said."""
    home, uri = homes.home("XBB"), address("revoked")
    kid = value("keys", "device", uri)["kid"]
    value("keys", "rotate", "signing", "-C", home, "--device", uri)
    value("keys", "revoke", "-C", home, "--", kid)
    result = call("keys", "rotate", "signing", "-C", home, "--device", uri)
    assert (5, True) == (result.exit_code, "isthmus keys device" in result.stderr)


def test_who_signs_by_a_key_that_is_revoked_waits_for_no_partner(homes: Homes) -> None:
    """The next key is listed, as where ``compromise`` was cut short: nobody is told to wait until partners have it."""
    home = homes.home("XBB")
    value("keys", "rotate", "signing", "-C", home)
    in_use = own_card(load(home, {})).signing[0].kid
    value("keys", "revoke", "-C", home, "--", in_use)
    told = call("check", "-C", home).stdout
    assert (True, False) == ("compromise once more if it was cut short" in told, "once every partner" in told)


def test_signing_key_that_ended_stays_listed_while_it_may_have_to_be_checked(homes: Homes) -> None:
    """The card lists an ended signing key for 31 days more: its answers are asked for as long as a message lives."""
    home, now = homes.home("XBB"), datetime.now(UTC)
    held = own_card(load(home, {}))
    (old,) = card.claims_of(held)["signing"]
    ended = {days: SigningKey.generate() for days in (30, 32)}
    entries = [
        {**old, "kid": key.kid, "key": b64.encode(key.public), "until": format_instant(now - timedelta(days=days))}
        | {"from": format_instant(now - timedelta(days=300))}
        for days, key in ended.items()
    ]
    store = open_store(f"file:{home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    write_card(home / "cards", next_card(held, {"signing": [*entries, old]}, SigningKey(store.get(IDENTITY)), now))
    value("keys", "rotate", "signing", "-C", home)
    listed = [key.kid for key in own_card(load(home, {})).signing]
    assert [ended[30].kid, old["kid"]] == listed[:-1]


def test_a_signing_key_that_is_listed_again_is_listed_for_longer(homes: Homes) -> None:
    """As that of a device, once a year: what it signed since it was first listed is judged by the new card too."""
    home, now = homes.home("XBB"), datetime.now(UTC).replace(microsecond=0)
    with_signing(home, -300, 65)
    held = own_card(load(home, {}))
    in_use = SigningKey(open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={}).get(SIGNING))
    (made,) = next_signing(in_use, held, now)["signing"]
    assert (format_instant(held.signing[0].valid_from), format_instant(now + timedelta(days=366, hours=-1))) == (
        made["from"],
        made["until"],
    )


def test_sealing_keys_are_rotated_when_windows_have_ended(homes: Homes) -> None:
    """While every window is still to come there is nothing to rotate and nothing to destroy."""
    home = homes.home("XBB")
    assert 1 == call("keys", "rotate", "sealing", "-C", home).exit_code
    assert {"destroyed": []} == value("keys", "destroy", "-C", home)
    assert "Replace the copy" not in call("keys", "destroy", "-C", home).stderr


def test_a_sealing_key_that_a_clock_ended_which_leapt_is_destroyed_if_that_is_right(homes: Homes) -> None:
    """What a gateway waits a day with nobody does by hand in passing; who says that the clock is right does."""
    home, now = homes.home("XBB"), datetime.now(UTC)
    first, *others = card.claims_of(own_card(load(home, {})))["sealing"]
    ended = {**first, "until": format_instant(now - timedelta(minutes=5))}
    keys = open_store(f"file:{home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    signer = SigningKey(keys.get(IDENTITY))
    write_card(home / "cards", next_card(own_card(load(home, {})), {"sealing": [ended, *others]}, signer, now))
    seen = format_instant(now - timedelta(days=400))
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        db.execute("INSERT INTO meta (name, value) VALUES ('clock', ?)", (f"{seen} {seen}",))
        db.commit()
    assert {"destroyed": []} == value("keys", "destroy", "-C", home)
    assert {"destroyed": ["seal.1.1"]} == value("keys", "destroy", "--clock-is-right", "-C", home)


def test_a_sealing_key_that_no_card_lists_is_not_destroyed(homes: Homes) -> None:
    """Where an older copy of the cards lies in the home the keys of newer ones stay, and a check says what is wrong."""
    home = homes.home("XBB")
    store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    store.put("seal.1.14", SealingKey.generate(1).seed)
    assert {"destroyed": []} == value("keys", "destroy", "-C", home)
    assert "1 sealing keys stand in no card of ours" in call("check", "-C", home).stdout


def test_a_sealing_key_of_before_a_new_identity_key_still_ends(homes: Homes) -> None:
    """What the cards under the key before say of it counts: it is destroyed, and no rotation lists it again."""
    home, later = homes.home("XBB"), datetime.now(UTC) + timedelta(days=200)
    (first, *others) = card.claims_of(own_card(load(home, {})))["sealing"]
    identity = SigningKey(
        open_store(f"file:{home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={}).get(IDENTITY)
    )
    write_card(home / "cards", next_card(own_card(load(home, {})), {"sealing": others}, identity, datetime.now(UTC)))
    value("keys", "rotate", "identity", "-C", home, "--new-identity", home / "new.keys")
    store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    assert "seal.1.1" in ended_keys(store, our_cards(load(home, {})), later)
    made = _next_sealing(store, own_card(load(home, {})), later, None, our_cards(load(home, {})))["sealing"]
    assert first["kid"] not in [one["kid"] for one in made]


def test_a_rotation_that_was_cut_short_goes_on_with_its_keys(homes: Homes) -> None:
    """Sealing keys that were made and never listed are the first that the next rotation lists."""
    home, later = homes.home("XBB"), datetime.now(UTC) + timedelta(days=200)
    store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    left = SealingKey.generate(1)
    store.put("seal.1.14", left.seed)
    made = _next_sealing(store, own_card(load(home, {})), later, None, our_cards(load(home, {})))["sealing"]
    assert b64.encode(left.kid) == made[-6]["kid"]
    assert 19 == len([name for name in store.names() if name.startswith("seal.")])


def test_a_signing_key_moves_into_a_device(homes: Homes) -> None:
    """The device's key stands in the card first; once the configuration names it, the old private half is destroyed."""
    home, uri = homes.home("XBB"), address("gateway")
    made = value("keys", "device", uri)
    value("keys", "rotate", "signing", "-C", home, "--device", uri)
    old, new = [key.kid for key in own_card(load(home, {})).signing]
    assert made["kid"] == new
    path = home / "isthmus.toml"
    path.write_text(f'signing = "{uri}"\n{path.read_text()}')
    assert "is in the key store" in call("check", "-C", home).stdout
    assert {"signing": new} == value("keys", "rotate", "signing", "-C", home, "--activate")
    kept = {one["kid"]: one["private_half"] for one in value("keys", "show", "-C", home)["keys"]}
    assert (None, "device") == (kept[old], kept[new])
    assert 0 == call("check", "-C", home).exit_code
    (homes.home("XAA") / "cards/XBB/3.jws").write_bytes((home / "cards/XBB/3.jws").read_bytes())
    ref, _ = received(homes)
    shown = value("case", "show", "-C", homes.home("XAA"), "--as", "first", "--role", "case_officer", "--", ref)
    assert "DELIVERED" == shown["case"]["state"]  # a receipt that the device signed


def test_a_device_that_a_gateway_cannot_open_is_found(homes: Homes) -> None:
    """A gateway asks nobody for a PIN: the check does not take one from a person where `serve` will not start."""
    home = homes.home("XBB")
    path, uri = home / "isthmus.toml", address("asked", pin_source="")
    value("keys", "device", address("asked"))
    value("keys", "rotate", "signing", "-C", home, "--device", address("asked"))
    path.write_text(f'signing = "{uri}"\n{path.read_text()}')
    found = call("check", "-C", home, ISTHMUS_DEVICE_PIN=token()[1].read_text().strip())
    assert (1, True, True) == (
        found.exit_code,
        "the device needs its PIN" in found.stdout,
        "pin-source" in found.stdout,
    )


def test_a_year_of_windows_is_listed_in_one_ceremony(homes: Homes) -> None:
    """When windows have ended, one card lists new ones up to thirteen, 30 days apart, without a gap."""
    home = homes.home("XBB")
    held = own_card(load(home, {}))
    later = datetime.now(UTC) + timedelta(days=200)
    store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    listed = _next_sealing(store, held, later, None, [held.raw])["sealing"]
    begins = [datetime.fromisoformat(one["from"]) for one in listed]
    assert 13 == len(listed)
    assert {timedelta(days=30)} == {after - before for before, after in pairwise(begins)}
    assert begins[-1] - later > timedelta(days=330)
    assert {one["kid"] for one in listed} <= set(private_kids(store))


@pytest.mark.parametrize("revoked", [False, True])
def test_windows_that_begin_too_late_make_room(homes: Homes, revoked: bool) -> None:
    """What a clock ahead has dated keeps everybody out, and `check` says so: the next rotation begins now."""
    home, now = homes.home("XBB"), datetime.now(UTC)
    chosen, store = load(home, {}), open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    made = _next_sealing(store, own_card(chosen), now + timedelta(days=500), "2", our_cards(chosen))["sealing"]
    first = card.claims_of(own_card(chosen))["sealing"][0] | {"revoked_at": format_instant(now)}
    kept = [first] if revoked else []
    held = _issue_sealing(home, [*kept, *made[len(kept) :]])
    found = [item for item in keys_checks.card(Look(chosen, lambda: PHRASE, now)) if item.level == "finding"]
    assert ["our card lists no sealing key for now: no partner can write to us"] == [item.text for item in found]
    listed = _next_sealing(store, held, now, None, our_cards(chosen))["sealing"]
    begins = [datetime.fromisoformat(one["from"]) for one in listed[len(kept) :]]
    assert (kept, 13, 2) == (listed[: len(kept)], len(listed), listed[-1]["suite"])
    assert (True, {WINDOW_EVERY}) == (begins[0] <= now, {after - one for one, after in pairwise(begins)})


def _issue_sealing(home: Path, sealing: list[Any]) -> card.Card:
    store = open_store(f"file:{home / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    made = next_card(own_card(load(home, {})), {"sealing": sealing}, SigningKey(store.get(IDENTITY)), datetime.now(UTC))
    write_card(home / "cards", made)
    return made


def test_another_identity_key_holds_us_until_it_is_confirmed(homes: Homes) -> None:
    """The card under a new identity key continues ours; a partner takes it once its fingerprint was typed."""
    home, partner = homes.home("XBB"), homes.home("XAA")
    deliver(homes)
    assert 2 == call("keys", "rotate", "identity", "-C", home).exit_code
    made = value("keys", "rotate", "identity", "-C", home, "--new-identity", homes.root / "new.keys")
    again = call("keys", "rotate", "identity", "-C", home, "--new-identity", homes.root / "new.keys")
    assert (3, 2) == (made["serial"], again.exit_code)
    assert 0 == call("check", "-C", home).exit_code
    assert 6 == call("keys", "card", "-C", home).exit_code  # the old identity key issues nothing any more
    assert 4 == value("keys", "card", "-C", home, "--identity", homes.root / "new.keys")["serial"]
    for serial in (3, 4):
        shutil.copy(home / f"cards/XBB/{serial}.jws", partner / f"cards/XBB/{serial}.jws")
    deliver(homes)
    assert "is on hold" in call("check", "-C", partner).stdout
    officer = ("-C", partner, "--reason", "read out by telephone")
    for person in ("second", homes.second_officer("XAA")):
        confirmed = value("trust", "confirm", "XBB", *officer, "--as", person, "--fingerprint", made["fingerprint"])
    text = (partner / "isthmus.toml").read_text()
    old = next(line for line in text.splitlines() if line.startswith("identity = "))
    (partner / "isthmus.toml").write_text(text.replace(old, f'identity = "{confirmed["identity"]}"'))
    shown = call("check", "-C", partner).stdout
    assert ("is on hold" in shown, "is not by the identity key pinned" in shown) == (False, False)


def test_a_key_is_revoked_once(homes: Homes) -> None:
    """``keys revoke`` marks the key in the next card; a second time is a finding, an unknown key a usage error."""
    home = homes.home("XBB")
    kid = own_card(load(home, {})).sealing[3].kid
    assert 3 == value("keys", "revoke", "-C", home, "--", kid)["serial"]
    assert own_card(load(home, {})).sealing[3].revoked_at is not None
    again, unknown = (call("keys", "revoke", "-C", home, "--", one) for one in (kid, "A" * 22))
    assert (1, 2) == (again.exit_code, unknown.exit_code)
    assert "that of a person that no card lists is replaced in isthmus.toml" in unknown.stderr


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "["])
def test_an_instant_that_is_none_is_wrong_usage(homes: Homes, since: str) -> None:
    """One before the first that there is too, as whoever means "since ever" types it."""
    result = call("keys", "revoke", "-C", homes.home("XAA"), "--since", since, "--", "A" * 22)
    assert (2, True) == (result.exit_code, "--since" in result.stderr)


def test_a_stolen_key_of_a_role_is_revoked_since_it_was_stolen(homes: Homes) -> None:
    """``keys revoke --since`` dates the revocation of a role's key back; of a key of the gateway it is refused."""
    home, since = homes.home("XAA"), "2026-01-02T03:04:05Z"
    kid = with_role(home, SigningKey.generate().public)["kid"]
    signing = own_card(load(home, {})).signing[0].kid
    assert 2 == call("keys", "revoke", "-C", home, "--since", since, "--", signing).exit_code
    value("keys", "revoke", "-C", home, "--since", since, "--", kid)
    assert datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) == own_card(load(home, {})).roles[0].revoked_at


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
def test_a_key_store_stays_the_users_whose_it_was(homes: Homes) -> None:
    """Where root changes its passphrase the gateway, which runs as another user, still opens it."""
    file = homes.home("XAA") / "gateway.keys"
    os.chown(file, 65534, 65534)
    assert 0 == call("keys", "passphrase", file, ISTHMUS_NEW_PASSPHRASE="another long sentence").exit_code
    status = file.stat()
    assert (65534, 65534, 0o600) == (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))


def test_the_passphrase_of_a_key_store_is_changed(homes: Homes) -> None:
    """Who knew the old one opens nothing any more, and the gateway's keys are the same under the new one."""
    file, new = homes.home("XBB") / "gateway.keys", "another long sentence"
    done = call("keys", "passphrase", file, "--json", ISTHMUS_NEW_PASSPHRASE=new)
    assert (0, {"file": str(file)}) == (done.exit_code, json.loads(done.stdout))
    assert 6 == call("keys", "show", "-C", homes.home("XBB")).exit_code
    assert 0 == call("check", "-C", homes.home("XBB"), ISTHMUS_PASSPHRASE=new).exit_code
    wrong = call("keys", "passphrase", file, ISTHMUS_NEW_PASSPHRASE="yet another sentence")
    short = call("keys", "passphrase", file, ISTHMUS_PASSPHRASE=new, ISTHMUS_NEW_PASSPHRASE="short")
    assert (6, 2) == (wrong.exit_code, short.exit_code)
    assert 0 == call("check", "-C", homes.home("XBB"), ISTHMUS_PASSPHRASE=new).exit_code


def test_a_passphrase_is_not_changed_to_itself(homes: Homes, tmp_path: Path) -> None:
    """Where a credential of systemd stands for the old and the new one, whoever knew it is not told to be shut out."""
    file, credential = homes.home("XBB") / "gateway.keys", tmp_path / "passphrase"
    credential.touch(mode=0o600)
    credential.write_text(PHRASE)
    before = file.read_bytes()
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path), "ISTHMUS_PASSPHRASE": ""}
    assert 2 == call("keys", "passphrase", file, **given).exit_code
    assert 2 == call("keys", "passphrase", file, ISTHMUS_NEW_PASSPHRASE=PHRASE).exit_code
    assert before == file.read_bytes()


def test_a_key_store_is_exported_for_where_it_is_only_read(homes: Homes) -> None:
    """What ``keys export`` prints opens the same keys as ``env:``; there none is changed, and how to is said."""
    home = homes.home("XBB")
    content, shown = (call("keys", verb, "-C", home).stdout for verb in ("export", "show"))
    assert content.strip() == value("keys", "export", "-C", home)["content"]
    in_environment(home)
    assert shown == call("keys", "show", "-C", home, KEYS=content).stdout
    refused = call("keys", "rotate", "signing", "-C", home, KEYS=content)
    assert (3, True) == (refused.exit_code, "isthmus keys export" in refused.stderr)


def test_private_keys_are_not_shown_at_a_terminal(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal keeps what it shows: ``keys export`` prints to a program or a file alone."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True)
    result = call("keys", "export", "-C", homes.home("XBB"))
    assert (2, "", True) == (result.exit_code, result.stdout, "terminal" in result.stderr)


def test_private_keys_are_written_into_no_file_that_others_read(tmp_path: Path) -> None:
    """A shell makes a file that everybody on the machine may read, unless it was told otherwise."""
    for mode, told in ((0o600, False), (0o644, True), (0o640, True)):
        path = tmp_path / oct(mode)
        path.touch()
        path.chmod(mode)
        with path.open("wb") as file, pytest.raises(click.UsageError) if told else nullcontext():
            check_unread(file.fileno())


def test_a_key_whose_id_begins_with_a_dash(homes: Homes) -> None:
    """One id in 64 looks like an option: what is said names the way to write it, and that way is taken."""
    home, kid = homes.home("XBB"), "-" + "A" * 21
    results = [call("keys", "revoke", "-C", home, *args) for args in ((kid,), ("--", kid))]
    assert [True, False] == ["after --" in result.stderr for result in results]
    assert "lists no key '-A" in results[1].stderr


def test_a_partner_is_added_by_what_was_read_out(homes: Homes) -> None:
    """A card whose identity key has another fingerprint is refused with 6, and nothing is written."""
    home, card = homes.home("XAA"), homes.home("XBB") / "cards/XBB/1.jws"
    before = (home / "isthmus.toml").read_text()
    known = call("partner", "add", "XBB", "-C", home, "--card", card, "--fingerprint", "00")
    wrong = call("partner", "add", "XCC", "-C", home, "--card", card, "--fingerprint", "0123 4567 " * 8)
    assert (2, 6, before) == (known.exit_code, wrong.exit_code, (home / "isthmus.toml").read_text())
    fingerprint = value("keys", "show", "-C", homes.home("XBB"))["fingerprint"]
    other = call("partner", "add", "XCC", "-C", home, "--card", card, "--fingerprint", fingerprint)
    assert (6, before) == (other.exit_code, (home / "isthmus.toml").read_text())


def test_a_partner_is_not_added_by_a_card_that_a_clock_ahead_has_dated(homes: Homes) -> None:
    """None that its State issues before that day would follow it, and the same one dated anew would be another."""
    home, other = homes.home("XAA"), homes.home("XBB")
    store = open_store(f"file:{other / IDENTITY_FILE}", passphrase=lambda: PHRASE, environ={})
    held, later = own_card(load(other, {})), datetime.now(UTC) + timedelta(days=1)
    (homes.root / "ahead.jws").write_bytes(next_card(held, {}, SigningKey(store.get(IDENTITY)), later).raw)
    path = home / "isthmus.toml"
    path.write_text(re.sub(r"\[partners\.XBB\][^\[]*", "", path.read_text()))
    add = ("partner", "add", "XBB", "-C", home, "--fingerprint", held.fingerprint, "--card")
    done = call(*add, homes.root / "ahead.jws")
    assert (6, True, False) == (done.exit_code, "--date-anew" in done.stderr, "partners.XBB" in path.read_text())
    assert 0 == call(*add, other / "cards/XBB/1.jws").exit_code


def test_a_partner_that_the_configuration_refuses_leaves_no_card(homes: Homes) -> None:
    """A card of a State that was not added would be followed by none, and one of our own country taken for ours."""
    home, card = homes.home("XAA"), homes.home("XBB") / "cards/XBB/1.jws"
    path = home / "isthmus.toml"
    path.write_text(re.sub(r"\[partners\.XBB\][^\[]*", "", path.read_text()))
    shutil.rmtree(home / "cards/XBB")
    fingerprint = value("keys", "show", "-C", homes.home("XBB"))["fingerprint"]
    add = ("partner", "add", "XBB", "-C", home, "--card", card, "--fingerprint", fingerprint)
    assert (3, False) == (call(*add, "--agreement", "NONE").exit_code, (home / "cards/XBB").exists())
    assert (0, True) == (call(*add).exit_code, (home / "cards/XBB/1.jws").exists())


def _reads(words: list[str]) -> bool:
    """Return whether ``words`` read as a fingerprint, whosever."""
    try:
        trust_words.read(" ".join(words))
    except ValueError:
        return False
    return True


def test_a_fingerprint_that_was_typed_wrongly_is_no_stranger(homes: Homes) -> None:
    """A word left out or heard wrongly, and a file that holds no card, are said to be that; nobody is suspected."""
    home, card = homes.home("XAA"), homes.home("XBB") / "cards/XBB/1.jws"
    words = value("trust", "fingerprint", card)["words"]
    arguments = ("partner", "add", "XCC", "-C", home, "--fingerprint")
    # Four bits check the words: one order of them in sixteen reads as some other fingerprint.
    wrong = next(said for at in range(1, 52) if not _reads(said := [*words[at:], *words[:at]]))
    short, heard = (call(*arguments, " ".join(said), "--card", card) for said in (words[1:], wrong))
    assert (2, True, 2, True) == (
        *(short.exit_code, "52 words" in short.stderr),
        *(heard.exit_code, "check sum" in heard.stderr),
    )
    result = call(*arguments, " ".join(words), "--card", home / "isthmus.toml")
    assert (6, True, True) == (result.exit_code, "bad-card" in result.stderr, "hint:" in result.stderr)


def test_a_person_is_added_once_with_a_token(homes: Homes) -> None:
    """``person add`` keeps the hash of the token alone."""
    home = homes.home("XAA")
    key = value("keys", "new", home / "n.keys", "--profile", "interactive")["key"]
    options = ("-C", home, "--role", "dpo", "--key", key)
    token = value("person", "add", "newcomer", *options, "--token")["token"]
    text = (home / "isthmus.toml").read_text()
    assert (True, False) == ("token_sha256" in text, token in text)
    assert 2 == call("person", "add", "newcomer", *options).exit_code
    assert 2 == call("person", "add", "another", "-C", home, "--role", "dpo", "--key", "AAAA").exit_code
    assert 3 == call("person", "add", "no name", "-C", home, "--role", "dpo", "--key", key).exit_code


def test_a_hold_is_lifted_by_the_fingerprint(homes: Homes) -> None:
    """A State under a new identity key is on hold until its fingerprint was typed by two officers."""
    home, other = homes.home("XAA"), homes.home("XBB")
    deliver(homes)
    stranger = homes.root / "stranger"
    made = value("init", stranger, "--country", "XBB", "--custody", "file:gateway.keys?profile=interactive",
                 "--identity-custody", "file:identity.keys?profile=interactive")  # fmt: skip
    for _ in range(2):
        value("keys", "card", "-C", stranger)
    newest: Any = stranger / "cards/XBB/3.jws"
    (home / "cards/XBB/3.jws").write_bytes(newest.read_bytes())
    deliver(homes)
    assert "on hold" in call("check", "-C", home).stdout
    officer = ("-C", home, "--reason", "read out by telephone")
    for wrong, status in (("0000", 2), ("0" * 64, 6)):
        made_up = call("trust", "confirm", "XBB", *officer, "--as", "second", "--fingerprint", wrong)
        assert status == made_up.exit_code
    for person in ("second", homes.second_officer("XAA")):
        assert "on hold" in call("check", "-C", home).stdout
        confirmed = value("trust", "confirm", "XBB", *officer, "--as", person, "--fingerprint", made["fingerprint"])
    assert (3, True) == (confirmed["serial"], confirmed["confirmed"])
    assert "is on hold" not in call("check", "-C", home).stdout
    assert other.exists()


def test_a_new_epoch_is_begun_and_announced(homes: Homes) -> None:
    """``restore begin-epoch`` raises the epoch in the database and in the next card, alike."""
    home = homes.home("XBB")
    made = value("restore", "begin-epoch", "-C", home)
    assert (2, 2) == (made["epoch"], own_card(load(home, {})).epoch)
    assert not (home / "data/desks.db").exists()  # where there never were desks nobody is signed out
    assert 0 == call("check", "-C", home).exit_code
    assert 3 == value("restore", "begin-epoch", "-C", home, "--again")["epoch"]


def test_no_epoch_is_begun_where_our_newest_cards_are_missing(homes: Homes) -> None:
    """An older copy of the cards was put back: a card under a number that partners hold puts us on hold at each."""
    home = homes.home("XBB")
    value("keys", "rotate", "signing", "-C", home)
    value("keys", "rotate", "signing", "-C", home, "--activate")
    newest = own_card(load(home, {})).serial
    (home / f"cards/XBB/{newest}.jws").unlink()
    told = call("restore", "begin-epoch", "-C", home)
    assert (3, True) == (told.exit_code, "take them from a partner" in told.stderr)
    assert (newest - 1, 1) == (own_card(load(home, {})).serial, own_card(load(home, {})).epoch)


def test_no_epoch_is_begun_over_what_cannot_be_read(homes: Homes) -> None:
    """Whoever put back the wrong file, or one of another owner, is told which one it is."""
    path = homes.home("XBB") / "data/gateway.db"
    path.write_bytes(b"something else" * 99)
    told = call("restore", "begin-epoch", "-C", homes.home("XBB"))
    assert (6, True) == (told.exit_code, told.stderr.startswith(f"error: {path}: "))


def test_no_epoch_is_begun_over_an_empty_file(homes: Homes) -> None:
    """What a failed copy leaves is called what it is, with what to do, as a start of the gateway calls it."""
    path = homes.home("XBB") / "data/gateway.db"
    path.write_bytes(b"")
    told = call("restore", "begin-epoch", "-C", homes.home("XBB"))
    assert (3, True, True) == (
        told.exit_code,
        told.stderr.startswith(f"error: {path}: the file is empty\n"),
        "restore the last backup" in told.stderr,
    )


def test_no_epoch_is_begun_where_the_cards_that_list_a_sealing_key_are_missing(homes: Homes) -> None:
    """The key store is newer than the cards: what made the key gave partners a card that is not here."""
    home = homes.home("XBB")
    store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    store.put("seal.1.99", SealingKey.generate(1).seed)
    told = call("restore", "begin-epoch", "-C", home)
    assert (3, True) == (told.exit_code, "isthmus keys rotate sealing goes on" in told.stderr)
    assert 1 == own_card(load(home, {})).epoch


def test_an_epoch_is_begun_though_the_key_that_our_card_lists_is_lost(homes: Homes) -> None:
    """The key store of the newest card is gone, and an older copy was put back: what the refusal says leads on."""
    home = homes.home("XBB")
    store = open_store(f"file:{home / 'gateway.keys'}", passphrase=lambda: PHRASE, environ={})
    store.put(NEXT, SigningKey.generate().seed)
    store.replace(SIGNING, NEXT)
    told = call("restore", "begin-epoch", "-C", home)
    assert (3, True) == (told.exit_code, "isthmus keys rotate signing, then the same with --activate" in told.stderr)
    value("keys", "rotate", "signing", "-C", home)
    value("keys", "rotate", "signing", "-C", home, "--activate")
    assert 2 == value("restore", "begin-epoch", "-C", home)["epoch"]


@pytest.mark.parametrize(
    "given",
    [
        ("sealing", "--activate"),
        ("sealing", "--device", "pkcs11:token=t;object=o"),
        ("signing", "--suite", "2"),
        ("signing", "--new-identity", "new.keys"),
        ("identity", "--activate"),
    ],
)
def test_an_option_of_another_kind_of_key_is_refused(homes: Homes, given: tuple[str, ...]) -> None:
    """Who means to add sealing keys does not destroy the signing key in use, nor believes that a device was taken."""
    home = homes.home("XAA")
    value("keys", "rotate", "signing", "-C", home)
    before = (home / "gateway.keys").read_bytes()
    refused = call("keys", "rotate", *given, "-C", home)
    assert (2, True) == (refused.exit_code, f"{given[1]} goes with isthmus keys rotate" in refused.stderr)
    assert (2, before) == (own_card(load(home, {})).serial, (home / "gateway.keys").read_bytes())


def test_a_device_is_listed_before_it_is_activated(homes: Homes) -> None:
    """Who names a device does not come to sign with a key that lay in the store, and lose the one in use."""
    home = homes.home("XAA")
    value("keys", "rotate", "signing", "-C", home)
    before = (home / "gateway.keys").read_bytes()
    refused = call("keys", "rotate", "signing", "--activate", "--device", "pkcs11:token=t;object=o", "-C", home)
    assert (2, True) == (refused.exit_code, "leave out --device" in refused.stderr)
    assert before == (home / "gateway.keys").read_bytes()


def test_an_epoch_is_not_begun_twice_by_a_slip(homes: Homes) -> None:
    """What was asked since the first time would be dropped: within a day a second epoch has to be meant."""
    home = homes.home("XBB")
    value("restore", "begin-epoch", "-C", home)
    refused = call("restore", "begin-epoch", "-C", home, "--json")
    told = json.loads(refused.stderr)["error"]
    assert (2, "begun-already", True) == (refused.exit_code, told["code"], "--again" in told["hint"])
    assert 2 == own_card(load(home, {})).epoch


@pytest.mark.parametrize(("hours", "lately"), [(-23, True), (-25, False), (23, True), (25, False), (None, False)])
def test_an_epoch_was_begun_lately(
    homes: Homes, monkeypatch: pytest.MonkeyPatch, hours: int | None, lately: bool
) -> None:
    """Within a day, also of a clock that went back meanwhile; a database that cannot be read is told of by others."""

    def raised_at(*_: Any, **__: Any) -> datetime:
        if hours is None:
            raise Unavailable("away")
        return datetime.now(UTC) + timedelta(hours=hours)

    monkeypatch.setattr(restore, "raised_at", raised_at)
    chosen = load(homes.home("XBB"), {})
    assert lately == (restore.begun_lately(chosen, own_card(chosen)) is not None)


def test_an_older_database_begins_an_epoch_whatever_the_card_says(homes: Homes) -> None:
    """A second restore of the day, of a backup from before the last one, asks for nothing more."""
    home = homes.home("XBB")
    for epoch in (3, 5):  # of a backup in which none was begun, and of one in which one was, today
        kept = (home / "data/gateway.db").read_bytes()
        value("restore", "begin-epoch", "-C", home, "--again")
        (home / "data/gateway.db").write_bytes(kept)
        assert epoch == value("restore", "begin-epoch", "-C", home)["epoch"]


def test_older_cards_beside_a_newer_epoch_are_not_led_to_another_one(homes: Homes) -> None:
    """As on a machine whose home was not copied: a card under a number that partners hold would put us on hold."""
    home = homes.home("XBB")
    Path(value("restore", "begin-epoch", "-C", home)["card"]).unlink()
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    (hint,) = (one["hint"] for one in items if one["text"] == "its epoch is 2, the card says otherwise")
    assert hint.index("put the newest cards") < hint.index("isthmus restore begin-epoch")


def test_no_epoch_is_begun_that_was_served(homes: Homes) -> None:
    """Where the cards that were put back are older too: what stands in the home knows that newer ones are missing."""
    home = homes.home("XBB")
    kept = (home / "data/gateway.db").read_bytes()
    made = [Path(value("restore", "begin-epoch", "-C", home, "--again")["card"]) for _ in range(2)]
    write_stand(home)
    (home / "data/gateway.db").write_bytes(kept)
    for one in made:
        one.rename(home / one.name)
    told = call("restore", "begin-epoch", "-C", home)
    assert (3, True) == (told.exit_code, "a gateway ran here in epoch 3" in told.stderr)
    for one in made:
        (home / one.name).rename(one)
    assert 4 == value("restore", "begin-epoch", "-C", home)["epoch"]


def test_a_database_that_had_come_further_is_gone_on_with_by_nobody(homes: Homes, tmp_path: Path) -> None:
    """A backup from since the last epoch: what reaches partners says so, and the next epoch asks for nothing more."""
    home = homes.home("XAA")
    value("restore", "begin-epoch", "-C", home)
    kept = (home / "data/gateway.db").read_bytes()
    approved(homes)
    write_stand(home)
    told = ["an older state was put in its place" in call("check", "-C", home).stdout]
    (home / "data/gateway.db").write_bytes(kept)
    told.append("an older state was put in its place" in call("check", "-C", home).stdout)
    printed = call("form", "print", "XBB", "-C", home, "--out", tmp_path, "--json")
    served = spawn("serve", "-C", home, "--json")
    for done in (printed.stderr, served.stderr):
        error = json.loads(done.splitlines()[-1])["error"]
        assert ("gone-back", True, True) == (
            error["code"],
            "isthmus restore begin-epoch" in error["hint"],
            "then what it says, in its order" in error["hint"],
        )
    assert (75, 75) == (printed.exit_code, served.returncode)
    assert 3 == value("restore", "begin-epoch", "-C", home)["epoch"]
    told.append("an older state was put in its place" in call("check", "-C", home).stdout)
    assert [False, True, False] == told
    assert 2 == call("restore", "begin-epoch", "-C", home).exit_code


def test_no_epoch_is_begun_beside_a_gateway_that_runs(homes: Homes) -> None:
    """While a gateway runs on the home ``begin-epoch`` is refused: that one would go on in the old epoch."""
    home = homes.home("XBB")
    with alone(load(home, {})):
        refused = call("restore", "begin-epoch", "-C", home)
    assert (75, 1) == (refused.exit_code, own_card(load(home, {})).epoch)


def test_a_new_epoch_takes_back_the_links_that_a_backup_brought_back(homes: Homes) -> None:
    """A link to add a passkey, used or taken back since the backup perhaps, leads nowhere after ``begin-epoch``."""
    home = homes.home("XBB")
    link = value("person", "invite", "first", "-C", home, "--desk", "interior")["link"]
    value("restore", "begin-epoch", "-C", home)
    assert not link_leads_on(home, link)
