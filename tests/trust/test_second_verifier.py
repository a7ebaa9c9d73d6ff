"""The second verifier: it says what the first says of the same files, and uses nothing of the gateway's."""

import ast
import base64
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.evidence_file import verify_bytes
from gateway.core import checkpoint, evidence, evidence_trust, merkle, wire
from gateway.core.evidence_manifest import build, parse_manifest
from gateway.services.evidence import pack
from keys import b64, instants, jws
from keys.card import claims_of, parse_card
from keys.sign import SigningKey
from tests.support import story
from tests.support.erased import erase
from tests.support.evidence import TWO, exported, faults_by_member, members_of
from tests.support.network import Network
from tests.support.proofs import inclusion_proof
from tests.support.trust_list import now
from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked
from tests.trust.second_verifier import SCRIPT, run
from tests.trust.witnesses import hour


def test_it_is_short_and_uses_nothing_of_ours() -> None:
    """The script has fewer than 150 lines and imports published libraries only."""
    text = SCRIPT.read_text(encoding="utf-8")
    assert 150 > len(text.splitlines())
    names = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    }
    assert {"cryptography", "nacl"} == names - sys.stdlib_module_names


@pytest.mark.parametrize("country", ["XAA", "XBB"])
@pytest.mark.parametrize("two", [None, TWO])
async def test_whole_files_verify(trio: Network, tmp_path: Path, country: str, two: tuple[str, str] | None) -> None:
    """What either State exports, with or without content, is whole to both, and both see who cosigned."""
    ours, theirs = await story.replied(trio)
    await hour(trio)
    raw = await exported(trio, country, ours if country == "XAA" else theirs, two)
    code, out = await run(tmp_path / "case.zip", raw)
    assert (0, "nothing is wrong") == (code, out.split("\n")[0])
    report = verify_bytes(raw)
    assert () == report.faults
    (stood,) = report.checkpoints
    assert stood.enough
    assert f"of {stood.size} entries, signed by XAA, " in out
    assert all(name in out.split("checkpoint ")[1] for name in stood.cosigned)


async def test_a_file_tells_a_terminal_nothing(trio: Network, tmp_path: Path) -> None:
    """A card may be of a country of any name: what the script prints of it stands on its line."""
    ours, _ = await story.replied(trio)
    members = members_of(await exported(trio, "XAA", ours))
    identity = SigningKey.generate()
    claims = claims_of(parse_card(members["cards/XAA-1.jws"]))
    claims |= {"country": "X: key\n\x1b[2Jidentity key of XBB", "identity": b64.encode(identity.public)}
    forged = members | {"cards/XZZ-1.jws": jws.sign(json.dumps(claims).encode(), jws.TYP_CARD, identity)}
    _, out = await run(tmp_path / "case.zip", pack(forged))
    assert f"\nidentity key of X: key\\n\\x1b[2Jidentity key of XBB: {claims['identity']}\n" in out


async def test_files_around_an_erasure(trio: Network, tmp_path: Path) -> None:
    """An export made after an erasure verifies and says what is gone, and one made before still verifies: to both."""
    ours, _ = await story.replied(trio)
    before = await exported(trio, "XAA", ours, TWO)
    gateway = trio.gateways["XAA"]
    await erase(gateway, ours, trio.clock.now())
    after = await exported(trio, "XAA", ours)
    for raw in (before, after):
        assert () == verify_bytes(raw).faults
        assert 0 == (await run(tmp_path / "case.zip", raw))[0]
    assert ["gone: clocks", "gone: content"] == [note for note in verify_bytes(after).notes if note.startswith("gone")]


async def test_receipts_of_the_other_state_need_its_log_to_both(trio: Network, tmp_path: Path) -> None:
    """What stands in the log of who exports alone is no proof that the other State said it."""
    ours, _ = await story.replied(trio)
    whole = members_of(await exported(trio, "XAA", ours))
    rows = json.loads(whole[evidence.OPENINGS])["openings"]
    own = [row for row in rows if row["keeper"] == "XAA"]
    cut = {name: raw for name, raw in whole.items() if not name.endswith(".XBB.proof")}
    cut |= {evidence.OPENINGS: evidence.table(evidence.OPENINGS, own)}
    for name in (evidence.MANIFEST, evidence.SIGNED):
        del cut[name]
    about, signer = parse_manifest(whole[evidence.MANIFEST]), trio.gateways["XAA"].context.keyring.signing
    raw = pack(build(about, cut, signer))
    assert {evidence.MESSAGES} == {fault.member for fault in verify_bytes(raw).faults}
    code, out = await run(tmp_path / "case.zip", raw)
    assert (6, True) == (code, "no receipt in the log of its signer says so" in out)


@pytest.mark.parametrize("direction", ["sent", "received"])
async def test_another_instant_of_receipt_than_the_receipt_says_is_found_by_both(
    trio: Network, tmp_path: Path, direction: str
) -> None:
    """When a message came is what its receipt says, and not what the State that exports writes beside it."""
    ours, _ = await story.replied(trio)
    whole = members_of(await exported(trio, "XAA", ours))
    about, signer = parse_manifest(whole[evidence.MANIFEST]), trio.gateways["XAA"].context.keyring.signing
    rows = json.loads(whole[evidence.MESSAGES])["messages"]
    for row in rows:
        row.update({"received_at": "2026-12-01T07:00:00Z"} if row["direction"] == direction else {})
    left = {name: raw for name, raw in whole.items() if name not in (evidence.MANIFEST, evidence.SIGNED)}
    raw = pack(build(about, left | {evidence.MESSAGES: evidence.table(evidence.MESSAGES, rows)}, signer))
    assert {evidence.MESSAGES} == {fault.member for fault in verify_bytes(raw).faults}
    code, out = await run(tmp_path / "case.zip", raw)
    assert (6, True) == (code, "no receipt in the log of its signer says so" in out)


async def test_two_roots_of_one_log_and_size_are_found_by_both(trio: Network, tmp_path: Path) -> None:
    """A State that signs two checkpoints of one size has shown two logs: each proof stands alone, both cannot."""
    ours, _ = await story.replied(trio)
    whole = members_of(await exported(trio, "XAA", ours))
    keyring = trio.gateways["XAA"].context.keyring
    openings = json.loads(whole[evidence.OPENINGS])["openings"]
    row = next(one for one in openings if one["keeper"] == "XAA")
    size = int(checkpoint.parse_note(checkpoint.parse_proof(whole[row["proof"]].decode()).checkpoint).text.split()[1])
    leaves = [merkle.leaf_hash(bytes(32))] * size
    leaves[row["index"]] = merkle.leaf_hash(checkpoint.log_entry(whole[row["receipt"]], b64.decode(row["r"])))
    body = checkpoint.checkpoint_body(row["origin"], size, merkle.root_hash(leaves))
    note = checkpoint.sign_note(body, row["origin"], keyring.log)
    forked = checkpoint.proof_text(row["index"], inclusion_proof(leaves, row["index"], size), note)
    name = row["proof"].replace(".XAA.", ".9.XAA.")
    left = {name: raw for name, raw in whole.items() if name not in (evidence.MANIFEST, evidence.SIGNED)}
    left |= {name: forked.encode()}
    left |= {evidence.OPENINGS: evidence.table(evidence.OPENINGS, [*openings, {**row, "proof": name}])}
    raw = pack(build(parse_manifest(whole[evidence.MANIFEST]), left, keyring.signing))
    assert ["two checkpoints of one log and size have different roots"] == [
        fault.reason for fault in verify_bytes(raw).faults
    ]
    code, out = await run(tmp_path / "case.zip", raw)
    assert (6, ["openings.json: two roots of one log and size"]) == (code, out.splitlines()[:1])


async def test_a_forged_line_of_a_log_key_is_found_by_both(trio: Network, tmp_path: Path) -> None:
    """A signature of a known key that does not verify is a fault, also where a good one of that key stands there."""
    ours, _ = await story.replied(trio)
    whole = members_of(await exported(trio, "XAA", ours))
    left = {name: raw for name, raw in whole.items() if name not in (evidence.MANIFEST, evidence.SIGNED)}
    name = next(name for name in left if name.endswith(".XBB.proof"))
    head, _, line = left[name].decode().rstrip("\n").rpartition("\n")
    signer, _, blob = line.rpartition(" ")
    forged = base64.b64encode(base64.b64decode(blob)[:4] + bytes(64)).decode()
    left[name] = f"{head}\n{signer} {forged}\n{line}\n".encode()
    key = trio.gateways["XAA"].context.keyring.signing
    raw = pack(build(parse_manifest(whole[evidence.MANIFEST]), left, key))
    assert {name} <= set(faults_by_member(verify_bytes(raw).faults))
    code, out = await run(tmp_path / "case.zip", raw)
    assert (6, True) == (code, f"{name}: " in out)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("one stolen country key, written in capitals as well", "signed by 1 of the 2 it takes"),
        ("one stolen country key beside one of small order", "trust/targets.json: "),
        ("one stolen country key under two names", "trust/targets.json: "),
        ("one stolen country key of three", "signed by 1 of the 2 it takes"),
        ("two of five trustees", "signed by 2 of the 3 it takes"),
        ("two of five trustees by a root that all signed", "signed by 2 of the 3 it takes"),
    ],
)
async def test_a_list_by_too_few_leads_to_nobody_by_both(tmp_path: Path, fault: str, said: str) -> None:
    """From the root that was compared neither verifier goes by what one key of a State, or two trustees, signed."""
    world, _ = await attacked(tmp_path, BY_NAME[fault])
    metadata, root = world.folder / "metadata", tmp_path / "root.json"
    members = {"trust/timestamp.json": (metadata / "timestamp.json").read_bytes()}
    members |= {f"trust/{path.name}": path.read_bytes() for path in metadata.glob("*.root.json")}
    for role in ("snapshot", "targets", *world.states):
        newest = max(metadata.glob(f"*.{role}.json"), key=lambda path: int(path.name.partition(".")[0]))
        members[f"trust/{role}.json"] = newest.read_bytes()
    part = json.loads(members["trust/XBB.json"])["signed"]["targets"]["cards/XBB/card.json"]
    path = world.folder / "targets" / "cards" / "XBB" / f"{part['hashes']['sha256']}.card.json"
    members["trust/XBB.cards.json"] = path.read_bytes()
    root.write_bytes(members["trust/1.root.json"])
    assert evidence_trust.read(members, root.read_bytes(), now()).faults
    code, out = await run(tmp_path / "case.zip", pack(members), str(root))
    assert (6, True) == (code, any(said in line for line in out.splitlines() if line.startswith("trust/targets.json")))


async def test_messages_of_another_case_are_none_of_this_one_to_both(trio: Network, tmp_path: Path) -> None:
    """Content is signed with its thread and its type: a file that calls either something else is found."""
    ours, _ = await story.replied(trio)
    whole = members_of(await exported(trio, "XAA", ours, TWO))
    about, signer = parse_manifest(whole[evidence.MANIFEST]), trio.gateways["XAA"].context.keyring.signing
    rows = json.loads(whole[evidence.MESSAGES])["messages"]
    other = {evidence.MESSAGES: evidence.table(evidence.MESSAGES, [{**rows[0], "type": "reminder"}, *rows[1:]])}
    left = {name: raw for name, raw in whole.items() if name not in (evidence.MANIFEST, evidence.SIGNED)}
    for made in (build(replace(about, thread="A" * 22), left, signer), build(about, {**left, **other}, signer)):
        found = {fault.member for fault in verify_bytes(pack(made)).faults}
        code, out = await run(tmp_path / "case.zip", pack(made))
        assert found
        assert (6, found) == (code, {line.split(": ")[0] for line in out.splitlines() if line.startswith("content/")})


@dataclass
class Forger:
    """XAA, which makes a file of its own case say what is not so: it has its own keys, and no other."""

    network: Network
    whole: dict[str, bytes]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table of the file."""
        found: list[dict[str, Any]] = json.loads(self.whole[table])[evidence.TABLES[table]]
        return found

    def made(self, members: dict[str, bytes], **tables: list[dict[str, Any]]) -> dict[str, bytes]:
        """Return the file with other ``members`` and ``tables``, under a manifest that XAA signs."""
        left = {name: raw for name, raw in members.items() if name not in (evidence.MANIFEST, evidence.SIGNED)}
        left |= {f"{name}.json": evidence.table(f"{name}.json", rows) for name, rows in tables.items()}
        signer = self.network.gateways["XAA"].context.keyring.signing
        return build(parse_manifest(self.whole[evidence.MANIFEST]), left, signer)

    def proof(self, keeper: str, origin: str, leaf: bytes, beside: bytes | None = None) -> bytes:
        """Return a proof of the one entry ``leaf``, with a second one hidden at its place if ``beside`` is given."""
        root = merkle.leaf_hash(leaf)
        path = [] if beside is None else [beside]
        root = root if beside is None else merkle.node_hash(beside, root)
        body = checkpoint.checkpoint_body(origin, 1, root)
        note = checkpoint.sign_note(body, origin, self.network.gateways[keeper].context.keyring.log)
        return checkpoint.proof_text(0, path, note).encode()


def _in_the_name_of_the_other(forger: Forger) -> dict[str, bytes]:
    """Let the file say that XBB made it, by a member of the manifest that nobody asked for."""
    rows = forger.rows(evidence.MESSAGES)
    receipts = {row["digest"]: forger.whole[f"receipts/{row['digest']}.jws"] for row in rows}
    for row in rows:
        row["direction"] = "sent" if row["direction"] == "received" else "received"
        came = json.loads(b64.decode(receipts[row["digest"]].decode().split(".")[1]))["received_at"]
        row["received_at"] = came if row["direction"] == "received" else None
    members = {name: raw for name, raw in forger.whole.items() if not name.startswith("content/")}
    made = forger.made(members, messages=rows)
    manifest = json.loads(made[evidence.MANIFEST]) | {"country": "XBB", "partner": "XAA", "from": "XAA"}
    raw = json.dumps(manifest).encode()
    signed = jws.sign(raw, jws.TYP_EVIDENCE, forger.network.gateways["XAA"].context.keyring.signing)
    return made | {evidence.MANIFEST: raw, evidence.SIGNED: signed}


def _own_message_as_theirs(forger: Forger) -> dict[str, bytes]:
    """Pass a message of XAA itself off as one that XBB sent: its receipt and its log are XAA's own then."""
    rows, keyring = forger.rows(evidence.MESSAGES), forger.network.gateways["XAA"].context.keyring
    row = next(one for one in rows if one["direction"] == "sent")
    name, at = f"receipts/{row['digest']}.jws", forger.network.clock.now()
    receipt = wire.Receipt("XAA", "XBB", row["digest"], "accepted", None, at, None, None)
    signed = jws.sign(wire.serialize_receipt(receipt), jws.TYP_RECEIPT, keyring.signing)
    row |= {"direction": "received", "received_at": instants.serialize(at)}
    members = {one: raw for one, raw in forger.whole.items() if not one.startswith(f"log/{row['digest']}.")}
    opening = {"receipt": name, "proof": f"log/{row['digest']}.XAA.proof", "keeper": "XAA", "origin": "XAA/XBB/9"}
    opening |= {"index": 0, "r": b64.encode(bytes(32))}
    members[opening["proof"]] = forger.proof("XAA", "XAA/XBB/9", checkpoint.log_entry(signed, bytes(32)))
    openings = [one for one in forger.rows(evidence.OPENINGS) if one["receipt"] != name]
    return forger.made(members | {name: signed}, messages=rows, openings=[*openings, opening])


def _message_twice(forger: Forger) -> dict[str, bytes]:
    """Tell of one message twice: first as it was not, then as its receipt says."""
    rows = forger.rows(evidence.MESSAGES)
    return forger.made(forger.whole, messages=[rows[0] | {"received_at": "2026-01-01T00:00:00Z"}, *rows])


def _instant_without_a_receipt(forger: Forger) -> dict[str, bytes]:
    """Say when a message was received of which there is no receipt."""
    rows = forger.rows(evidence.MESSAGES)
    row = next(one for one in rows if one["direction"] == "sent")
    row |= {"status": None, "code": None, "received_at": "2026-01-01T00:00:00Z"}
    members = {name: raw for name, raw in forger.whole.items() if row["digest"] not in name}
    openings = [one for one in forger.rows(evidence.OPENINGS) if row["digest"] not in one["receipt"]]
    gone = [{"what": "content", "digest": row["digest"], "reason": "not kept"}]
    return forger.made(members, messages=rows, openings=openings, gone=gone)


def _answer_that_is_not_told(forger: Forger) -> dict[str, bytes]:
    """Tell of a message that has a receipt as of one that nobody answered."""
    rows = forger.rows(evidence.MESSAGES)
    next(one for one in rows if one["direction"] == "sent").update({"status": None, "code": None})
    return forger.made(forger.whole, messages=rows)


def _received_at_no_instant(forger: Forger) -> dict[str, bytes]:
    """Tell of a message as received of which there is no receipt."""
    rows = forger.rows(evidence.MESSAGES)
    row = next(one for one in rows if one["direction"] == "received")
    row |= {"status": None, "code": None, "received_at": None}
    members = {name: raw for name, raw in forger.whole.items() if row["digest"] not in name}
    openings = [one for one in forger.rows(evidence.OPENINGS) if row["digest"] not in one["receipt"]]
    gone = [{"what": "content", "digest": row["digest"], "reason": "not kept"}]
    return forger.made(members, messages=rows, openings=openings, gone=gone)


def _log_of_others(forger: Forger) -> dict[str, bytes]:
    """Prove a receipt of XBB by a log that it keeps about a third State."""
    return _proved_anew(forger, "XBB/XCC/1", None)


def _two_at_one_place(forger: Forger) -> dict[str, bytes]:
    """Prove an entry at a place of the log where another one stands as well, whichever is shown."""
    return _proved_anew(forger, "XBB/XAA/9", bytes(32))


def _proved_anew(forger: Forger, origin: str, beside: bytes | None) -> dict[str, bytes]:
    openings = forger.rows(evidence.OPENINGS)
    row = next(one for one in openings if one["keeper"] == "XBB")
    row |= {"origin": origin, "index": 0}
    entry = checkpoint.log_entry(forger.whole[row["receipt"]], b64.decode(row["r"]))
    return forger.made(forger.whole | {row["proof"]: forger.proof("XBB", origin, entry, beside)}, openings=openings)


FORGERIES = (
    _in_the_name_of_the_other,
    _own_message_as_theirs,
    _message_twice,
    _instant_without_a_receipt,
    _answer_that_is_not_told,
    _received_at_no_instant,
    _log_of_others,
    _two_at_one_place,
)


async def test_what_a_state_makes_a_file_say_is_found_by_both(trio: Network, tmp_path: Path) -> None:
    """Whoever exports signs the manifest and writes every table: neither verifier believes them for that."""
    ours, _ = await story.replied(trio)
    forger, missed = Forger(trio, members_of(await exported(trio, "XAA", ours, TWO))), list[str]()
    for forge in FORGERIES:
        raw = pack(forge(forger))
        missed += [f"{forge.__name__}, by the first"] if not verify_bytes(raw).faults else []
        code, out = await run(tmp_path / "case.zip", raw)
        missed += [f"{forge.__name__}, by the second: {out}"] if code != 6 else []
    assert [] == missed


async def test_changed_bytes_are_named_by_both(trio: Network, tmp_path: Path) -> None:
    """A byte changed in any member, in a zip with right checksums, is found by both, and both name the member."""
    ours, _ = await story.replied(trio)
    await hour(trio)
    members = members_of(await exported(trio, "XAA", ours, TWO))
    missed = []
    for name, content in members.items():
        # A process for each change is slow; ``drills/evidence.py`` changes thousands of bytes.
        for at in {0, len(content) - 1} if name.startswith("manifest") else {len(content) // 2}:
            changed = bytearray(content)
            changed[at] ^= 1
            raw = pack({**members, name: bytes(changed)})
            code, out = await run(tmp_path / "case.zip", raw)
            second = {line.split(": ")[0] for line in out.splitlines() if ": " in line}
            if code != 6 or name not in second or name not in faults_by_member(verify_bytes(raw).faults):
                missed.append((name, at))
    assert [] == missed


async def test_missing_and_added_members_are_named(trio: Network, tmp_path: Path) -> None:
    """A member left out, or one more, is named by the second verifier too."""
    ours, _ = await story.replied(trio)
    members = members_of(await exported(trio, "XAA", ours))
    for name in members:
        left = {other: content for other, content in members.items() if other != name}
        code, out = await run(tmp_path / "case.zip", pack(left))
        assert (6, True) == (code, f"{name}: " in out), (name, out)
    code, out = await run(tmp_path / "case.zip", pack({**members, "log/more.txt": b"x"}))
    assert (6, True) == (code, "log/more.txt: " in out)
