"""
What an operator can be compelled to produce: each row of the table in ``docs/threat-model.md`` is tried.

The operator has the whole home of XBB, every passphrase, a recording of the line, and no wish to help: what can be had
is had here, and what cannot is looked for in every place there is.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import home
from gateway.core import checkpoint, envelope, wire
from gateway.core.checkpoint import BadProof
from gateway.core.person_keys import person_values
from gateway.services.context import Forbidden
from keys import b64, jws, statement
from keys.custody import open_store
from keys.errors import CannotOpen
from keys.rest import Vault
from keys.sign import SigningKey
from tests.cli.support import Homes, call, value
from tests.support import story
from tests.support.erased import erase
from tests.support.network import Network

PAGE = Path(__file__).parents[2] / "docs/threat-model.md"


def store(network: Network, country: str = "XBB") -> home.KeyStore:
    """Return the key store, opened with the passphrase that the operator gives away."""
    path = network.homes[country] / home.KEY_FILE
    return open_store(f"file:{path}", passphrase=lambda: "correct horse", environ={})


def kept(network: Network, country: str = "XBB") -> list[bytes]:
    """Return every signed message that the database and the key store give away."""
    vault = Vault(store(network, country).get(home.KEK))
    with closing(sqlite3.connect(network.gateways[country].settings.database)) as db:
        keys = dict(db.execute("SELECT ref, wrapped FROM case_file WHERE wrapped IS NOT NULL"))
        rows = [("inbound", *row) for row in db.execute("SELECT digest, ref, sealed FROM inbound")]
        sent = "SELECT o.id, o.ref, b.sealed FROM outbound AS o JOIN outbound_body AS b USING (n)"
        rows += [("outbound", *row) for row in db.execute(sent)]
    return [
        vault.open(vault.unwrap(ref, keys[ref]), table, row, "sealed", sealed)
        for table, row, ref, sealed in rows
        if sealed is not None and ref in keys
    ]


def recorded(network: Network, country: str = "XBB") -> list[bytes]:
    """Return the envelopes that were posted to ``country``."""
    return [raw for to, path, raw in network.wires.posted if to == country and path == "/xg/1/messages"]


def opened(network: Network, raws: list[bytes], country: str = "XBB") -> list[bytes]:
    """Return what of the recorded envelopes the sealing keys in the store open."""
    found = []
    for raw in raws:
        parsed = envelope.parse(raw, {1, 2})
        for _, key in home.sealing_keys(store(network, country)):
            try:
                found.append(key.open(parsed.head, parsed.enc_ct))
            except CannotOpen:
                continue
    return found


def places(network: Network, country: str = "XBB") -> Iterator[bytes]:
    """Yield the content of every file of the home, and every secret in the stores."""
    for path in network.homes[country].rglob("*"):
        if path.is_file():
            yield path.read_bytes()
    for name in store(network, country).names():
        yield store(network, country).get(name)


async def test_c01_the_messages_of_a_case_that_is_kept(network: Network) -> None:
    """Yes: the key store opens them, in the database as on the gateway's own way."""
    await story.acknowledged(network)
    found = [wire.parse_payload(jws.parse(raw, jws.TYP_MESSAGE).payload) for raw in kept(network)]
    assert {"verification.request", "verification.acknowledgement"} == {one.type for one in found}


async def test_c02_the_messages_of_a_case_that_was_erased(network: Network) -> None:
    """No: its key is in no file any more, and nothing sealed is left that it would open."""
    _, theirs = await story.acknowledged(network)
    wrapped = (await story.row(network, "XBB", theirs)).wrapped_key
    key = Vault(store(network).get(home.KEK)).unwrap(theirs, wrapped)
    await erase(network.gateways["XBB"], theirs, network.clock.now())
    assert [] == kept(network)
    assert not [1 for raw in places(network) if wrapped in raw or key in raw]


async def test_c03_a_recording_from_a_window_that_ended(network: Network) -> None:
    """No: the private half is gone from the store, and the others do not open it."""
    await story.received(network)
    network.clock.pass_(days=45)
    await network.gateways["XBB"].windows.run_once(network.clock.now())
    assert recorded(network)
    assert [] == opened(network, recorded(network))


async def test_c04_a_recording_from_the_window_of_today(network: Network) -> None:
    """Yes: until the window ends, its key opens what was sealed to it."""
    await story.received(network)
    assert len(recorded(network)) == len(opened(network, recorded(network)))


async def test_c05_a_recording_of_what_was_sent(network: Network) -> None:
    """No: it is sealed to the partner's key, which never was here."""
    await story.acknowledged(network)
    sent = recorded(network, "XAA")
    assert sent
    assert [] == opened(network, sent)


async def test_c06_who_wrote_to_whom_and_which_steps_were_taken(network: Network) -> None:
    """Yes, and without any key: partners, types, times, steps and who took them are in clear."""
    _, theirs = await story.acknowledged(network)
    with closing(sqlite3.connect(network.gateways["XBB"].settings.database)) as db:
        messages = db.execute("SELECT partner, type FROM inbound").fetchall()
        steps = db.execute("SELECT event, actor FROM case_event WHERE ref = ?", (theirs,)).fetchall()
    assert [("XAA", "verification.request")] == messages
    assert ("acknowledge", "first") in steps


async def test_c07_whether_a_person_is_in_the_database(network: Network) -> None:
    """With the key store, yes; without it no name can be looked for, and none is in clear."""
    ours, _ = await story.received(network)
    with closing(sqlite3.connect(network.gateways["XAA"].settings.database)) as db:
        values = {raw for (raw,) in db.execute("SELECT value FROM person_value WHERE ref = ?", (ours,))}
    vault, other = Vault(store(network, "XAA").get(home.KEK)), Vault(bytes(32))
    draft = (await story.case(network, "XAA", ours)).draft
    assert values == {one.value for one in person_values(draft, vault.index_value)}
    assert not values & {one.value for one in person_values(draft, other.index_value)}
    (name,) = draft["elements"]["names"]
    words = [text.encode() for text in (name["family"], name["given"], name["latin"]["family"], name["latin"]["given"])]
    assert [] == [word for word in words for raw in places(network, "XAA") if word in raw]


async def test_composed_bodies_find_nobody_in_the_database(network: Network) -> None:
    """Of no body that was prepared, signed or received does a digest stand in clear, so none can be compared (C-07)."""
    ours, theirs = await story.replied(network)
    tried = network.gateways["XAA"].clear.preview(story.draft()).digest
    answer = await story.payload(network, "XBB", theirs, "verification.reply")
    assert tried == (await story.payload(network, "XAA", ours, "verification.request")).body_digest
    for country in ("XAA", "XBB"):
        raw = b"".join(places(network, country))
        assert answer.digest.encode() in raw
        assert not [one for one in (tried, answer.body_digest) if one.encode() in raw]


async def test_c08_the_approval_of_another_person(network: Network) -> None:
    """No: a person's key is with the person. Nothing in the home signs for them, and nothing else is taken."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first")
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    found = list(places(network, "XAA"))
    for name in ("second", "welfare", "signer"):
        seed = network.keys[name].seed
        assert not [1 for raw in found if seed in raw or b64.encode(seed).encode() in raw]
    until = network.clock.now() + timedelta(days=1)
    wanted = statement.Statement(thread, "request.approval", "liaison_officer", preview.digest, until)
    for key in [SigningKey(store(network, "XAA").get(one)) for one in (home.SIGNING, home.LOG)]:
        with pytest.raises(Forbidden):
            await gateway.clear.approve(ref, statement.make(wanted, key).decode(), "second")


def test_c09_a_card_with_other_keys(homes: Homes) -> None:
    """Not from the gateway: the identity key is in its safe. Whoever holds it can be compelled, and partners see it."""
    path = homes.home("XAA")
    (path / "identity.keys").unlink()
    for command in (("keys", "card"), ("keys", "rotate", "signing"), ("restore", "begin-epoch")):
        assert 3 == call(*command, "-C", path).exit_code
    assert ["1.jws"] == [one.name for one in (path / "cards/XAA").iterdir()]


async def test_c10_the_messages_of_the_coming_year(network: Network) -> None:
    """Yes, as they come: the sealing keys of a year lie in the store. Revoking them is the only way to undo it."""
    listed = network.gateways["XBB"].context.own.sealing
    held = {b64.encode(key.kid) for _, key in home.sealing_keys(store(network))}
    later = network.clock.now() + timedelta(days=330)
    assert {entry.kid for entry in listed} == held
    assert any(entry.is_active(later) for entry in listed if entry.kid in held)


def test_c11_a_token_of_a_person(homes: Homes) -> None:
    """No: the configuration holds its hash."""
    path = homes.home("XAA")
    key = value("keys", "new", path / "n.keys", "--profile", "interactive")["key"]
    options = ("-C", path, "--role", "dpo", "--key", key, "--token")
    token = value("person", "add", "newcomer", *options)["token"]
    assert not [one for one in path.rglob("*") if one.is_file() and token.encode() in one.read_bytes()]


async def test_c12_a_receipt_dated_back(network: Network) -> None:
    """It can be signed, and proves nothing: it stands in no log under a checkpoint that a partner was shown."""
    ours, _ = await story.received(network)
    (row,) = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_of_case(ours))
    answer = wire.parse_stored_answer(row.answer)
    said = jws.parse(answer.receipt, jws.TYP_RECEIPT)
    forged = said.payload.replace(b"2026-11-25T09:00:00Z", b"2026-11-24T09:00:00Z")
    assert forged != said.payload
    receipt = jws.sign(forged, jws.TYP_RECEIPT, SigningKey(store(network).get(home.SIGNING)))
    name, key = checkpoint.origin("XBB", "XAA", 1), network.gateways["XBB"].context.keyring.log.public
    checkpoint.verify_entry(answer.receipt, answer.r, checkpoint.parse_proof(answer.proof), name, key)
    with pytest.raises(BadProof):
        checkpoint.verify_entry(receipt, answer.r, checkpoint.parse_proof(answer.proof), name, key)


def test_every_row_is_tried() -> None:
    """The table and these tests have the same rows."""
    rows = re.findall(r"^\| C-(\d\d) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    tried = [name[6:8] for name in globals() if re.match(r"test_c\d\d_", name)]
    assert rows == sorted(tried)
    assert rows
