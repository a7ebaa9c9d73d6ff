"""A receipt that comes with a proof of another leaf: taken by no sender, and named by both verifiers."""

from pathlib import Path

import pytest

from gateway.cli.evidence_file import verify_bytes
from gateway.core import checkpoint, evidence, evidence_manifest, wire
from gateway.core.evidence import OPENINGS, TABLES
from gateway.core.merkle import BadProof, root_hash
from gateway.services.answers import BadAnswer
from gateway.services.evidence import pack
from gateway.services.rows import OutboundRow
from keys import b64
from keys.sign import SigningKey
from schemas import ijson
from tests.support import story
from tests.support.evidence import exported, faults_by_member, members_of
from tests.support.network import Network
from tests.support.proofs import inclusion_proof
from tests.trust.second_verifier import run


async def answered(network: Network) -> list[OutboundRow]:
    """Return the two messages of XBB that XAA answered, with their answers."""
    await story.replied(network)
    gateway = network.gateways["XBB"]
    refs = await gateway.store.read(lambda tx: tx.case_refs("", 9))
    rows = await gateway.store.read(lambda tx: tx.outbound_of_case(refs[0]))
    assert 2 == len(rows)
    return list(rows)


async def test_sender_does_not_take_it(network: Network) -> None:
    """An answer whose proof leads to the leaf of another receipt is no answer: the message is posted again."""
    rows = await answered(network)
    first, second = [wire.parse_stored_answer(row.answer or b"") for row in rows]
    gateway = network.gateways["XBB"]
    for receipt, r, proof in ((second.receipt, second.r, first.proof), (second.receipt, first.r, second.proof)):
        raw = wire.pad_answer(wire.serialize_answer(wire.Answer(receipt, r, proof)))
        with pytest.raises(BadAnswer, match="inclusion proof"):
            await gateway.deliverer.settle(rows[1], raw)


async def test_entry_is_checked_against_its_own_leaf(network: Network) -> None:
    """Receipt, opening and proof belong together; any one of another entry makes no proof."""
    one, two = [wire.parse_stored_answer(row.answer or b"") for row in await answered(network)]
    key = network.gateways["XAA"].context.keyring.log.public
    checkpoint.verify_entry(two.receipt, two.r, checkpoint.parse_proof(two.proof), "XAA/XBB/1", key)
    for receipt, r, proof in (
        (one.receipt, two.r, two.proof),
        (two.receipt, one.r, two.proof),
        (two.receipt, two.r, one.proof),
    ):
        with pytest.raises(BadProof):
            checkpoint.verify_entry(receipt, r, checkpoint.parse_proof(proof), "XAA/XBB/1", key)


async def test_both_verifiers_name_it(network: Network, tmp_path: Path) -> None:
    """An export that shows a receipt with another one's proof, all hashes and signatures right, is found by both."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    raw = await exported(network, "XAA", ours)
    report, members = verify_bytes(raw), members_of(raw)
    rows = ijson.loads(members[OPENINGS])[TABLES[OPENINGS]]
    own = [row for row in rows if row["keeper"] == "XAA"]
    own[0]["proof"], own[1]["proof"] = own[1]["proof"], own[0]["proof"]
    own[0]["index"], own[1]["index"] = own[1]["index"], own[0]["index"]
    kept = {name: content for name, content in members.items() if not name.startswith("manifest")}
    kept[OPENINGS] = evidence.table(OPENINGS, rows)
    assert report.manifest is not None
    forged = pack(evidence_manifest.build(report.manifest, kept, gateway.context.keyring.signing))
    found = faults_by_member(verify_bytes(forged).faults)
    code, out = await run(tmp_path / "case.zip", forged)
    assert 6 == code
    for row in own[:2]:
        assert any("does not lead to the root" in reason for reason in found[row["proof"]])
        assert f"{row['proof']}: the receipt is not the entry at that place of the log" in out


async def test_proof_under_a_tree_that_nobody_signed(network: Network, tmp_path: Path) -> None:
    """A true entry in a made-up tree of the same size is found by both, beside proofs under the signed one."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    raw = await exported(network, "XAA", ours)
    report, members = verify_bytes(raw), members_of(raw)
    row = next(row for row in ijson.loads(members[OPENINGS])[TABLES[OPENINGS]] if row["keeper"] == "XAA")
    entry = checkpoint.log_entry(members[row["receipt"]], b64.decode(row["r"]))
    leaves = [checkpoint.leaf_hash(entry) if at == row["index"] else bytes(32) for at in range(3)]
    body = checkpoint.checkpoint_body("XAA/XBB/1", 3, root_hash(leaves))
    note = checkpoint.sign_note(body, "XAA/XBB/1", SigningKey.generate())
    text = checkpoint.proof_text(row["index"], inclusion_proof(leaves, row["index"], 3), note)
    kept = {name: content for name, content in members.items() if not name.startswith("manifest")}
    kept[row["proof"]] = text.encode()
    assert report.manifest is not None
    forged = pack(evidence_manifest.build(report.manifest, kept, gateway.context.keyring.signing))
    code, out = await run(tmp_path / "case.zip", forged)
    assert {row["proof"]} <= set(faults_by_member(verify_bytes(forged).faults))
    assert (6, True) == (code, f"{row['proof']}: the checkpoint is not signed" in out)


async def test_opening_of_another_entry(network: Network, tmp_path: Path) -> None:
    """The secret r of another entry opens nothing: both verifiers name the proof it should have led to."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    raw = await exported(network, "XAA", ours)
    report, members = verify_bytes(raw), members_of(raw)
    rows = ijson.loads(members[OPENINGS])[TABLES[OPENINGS]]
    rows[0]["r"] = b64.encode(bytes(32))
    kept = {name: content for name, content in members.items() if not name.startswith("manifest")}
    kept[OPENINGS] = evidence.table(OPENINGS, rows)
    assert report.manifest is not None
    forged = pack(evidence_manifest.build(report.manifest, kept, gateway.context.keyring.signing))
    code, out = await run(tmp_path / "case.zip", forged)
    assert rows[0]["proof"] in faults_by_member(verify_bytes(forged).faults)
    assert (6, True) == (code, f"{rows[0]['proof']}: " in out)
