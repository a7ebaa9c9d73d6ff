"""Evidence and the trust list: a verifier needs the root it compared and nothing else to know whose keys are whose."""

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from gateway import settings
from gateway.cli.evidence_file import verify_bytes, verify_file
from gateway.core import evidence, evidence_manifest, evidence_trust
from gateway.core.evidence_verifier import Anchors
from gateway.core.wire import format_instant
from gateway.services.evidence import export, pack
from keys import b64, card, trust_list
from keys.sign import SigningKey
from keys.trust_policy import WITNESS
from tests.cli.support import call
from tests.support import story
from tests.support.evidence import faults_by_member, members_of
from tests.support.network import Network, make_network, open_gateway
from tests.support.trust_list import World, first_card, make_world, now
from tests.support.vkeys import serialize_vkey
from tests.trust.homes import first_of, identity
from tests.trust.second_verifier import run
from tests.trust.witnesses import hour


@dataclass
class Listed:
    """Three States that read their cards from one trust list, the list, and its root as somebody compared it."""

    network: Network
    world: World
    root: bytes

    async def case(self) -> bytes:
        """Return the evidence of a case that was cosigned."""
        ours, _ = await story.replied(self.network)
        await hour(self.network)
        return await self.exported(ours)

    async def exported(self, ref: str) -> bytes:
        """Return the evidence of ``ref`` as XAA exports it."""
        gateway = self.network.gateways["XAA"]
        return await export(gateway.context, ref, "first", "case_officer", "a dispute", cards=gateway.cards)


@pytest_asyncio.fixture
async def listed(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Listed]:
    """XAA, XBB and XCC, whose gateways read one trust list; it names those of a parameter, or all."""
    network, world = await make_network(tmp_path / "homes", ("XAA", "XBB", "XCC")), make_world(tmp_path / "list")
    for country in getattr(request, "param", network.homes):
        world.add(country, identity=identity(network, country), first=first_of(network, country))
    for country, path in network.homes.items():
        await network.gateways[country].close()
        shutil.copy(world.folder / "metadata" / "1.root.json", path / "root.json")
        file = path / settings.FILE_NAME
        others = sorted(network.homes.keys() - {country})
        lines = f'[transparency]\nwitnesses = {others}\n\n[trust]\nrepository = "{world.folder.as_uri()}"\n'
        file.write_text(file.read_text().replace("[trust]\n", lines + 'root = "root.json"\n'))
        await open_gateway(network, country)
    await network.refresh()
    yield Listed(network, world, (world.folder / "metadata" / "1.root.json").read_bytes())
    await network.close()


async def test_the_root_alone_suffices(listed: Listed, tmp_path: Path) -> None:
    """With the root that was compared a stranger learns whose keys these are, from both verifiers."""
    raw = await listed.case()
    report = verify_bytes(raw, Anchors(root=listed.root, witnessed=True))
    assert () == report.faults
    assert [("XAA", True), ("XBB", True), ("XCC", True)] == [(one.country, one.pinned) for one in report.identities]
    (tmp_path / "root.json").write_bytes(listed.root)
    assert 0 == (await run(tmp_path / "case.zip", raw, str(tmp_path / "root.json")))[0]


@pytest.mark.parametrize("listed", [("XBB", "XCC")], indirect=True)
async def test_a_state_that_is_not_in_its_list_yet_exports_what_verifies(listed: Listed) -> None:
    """What a list lacks is no fault of an export: until it names both States, none of it goes along."""
    raw = await listed.case()
    assert () == verify_bytes(raw, Anchors()).faults
    assert not any(name.startswith("trust/") for name in members_of(raw))


async def test_another_root_believes_nothing_of_it(listed: Listed, tmp_path: Path) -> None:
    """A list that does not begin at the root that was compared is a fault, to both verifiers."""
    raw = await listed.case()
    other = make_world(tmp_path / "other", "XAA")
    root = (other.folder / "metadata" / "1.root.json").read_bytes()
    found = faults_by_member(verify_bytes(raw, Anchors(root=root)).faults)
    assert "trust/1.root.json" in found
    (tmp_path / "root.json").write_bytes(root)
    assert 6 == (await run(tmp_path / "case.zip", raw, str(tmp_path / "root.json")))[0]


def test_root_that_nobody_can_sign_is_a_fault(tmp_path: Path) -> None:
    """A file that holds another root of that number than was compared is at fault, whatever stands in it."""
    root = (make_world(tmp_path / "list").folder / "metadata" / "1.root.json").read_bytes()
    value = json.loads(root)
    value["signed"]["x"] = 1.5
    found = evidence_trust.read({"trust/1.root.json": json.dumps(value).encode()}, root, now())
    assert ["trust/1.root.json"] == [name for name, _ in found.faults]


async def test_root_without_a_list(trio: Network) -> None:
    """Where the file holds no trust list, a root leads nowhere, and that is said."""
    ours, _ = await story.replied(trio)
    gateway = trio.gateways["XAA"]
    raw = await export(gateway.context, ours, "first", "case_officer", "a dispute", cards=gateway.cards)
    found = verify_bytes(raw, Anchors(root=b"{}")).faults
    assert [("", "holds no trust list that would lead from the root to its cards")] == [
        (fault.member, fault.reason) for fault in found
    ]


async def test_rotated_roots_lead_on(listed: Listed, tmp_path: Path) -> None:
    """A verifier goes on from the root that it compared, the first or a later one, each signed by the one before."""
    old = listed.world.repository.root()
    assert old is not None
    others = {name: key.public for name, key in listed.world.trustees.items()} | {"five": SigningKey.generate().public}
    listed.world.repository.save_draft("root", trust_list.next_root(old.signed, now(), trustees=others))
    listed.world.sign("root", listed.world.three())
    listed.world.publish()
    await listed.network.refresh()
    raw = await listed.case()
    members = members_of(raw)
    assert "trust/2.root.json" in members
    (tmp_path / "root.json").write_bytes(listed.root)
    assert () == verify_bytes(raw, Anchors(root=listed.root)).faults
    assert 0 == (await run(tmp_path / "case.zip", raw, str(tmp_path / "root.json")))[0]
    assert () == verify_bytes(raw, Anchors(root=members["trust/2.root.json"])).faults  # compared after it was made
    gap = {name: content for name, content in members.items() if name != "trust/1.root.json"}
    assert "trust/1.root.json" in faults_by_member(verify_bytes(pack(gap), Anchors(root=listed.root)).faults)


PARTS = ("1.root", "timestamp", "snapshot", "targets", "XAA", "XBB.cards")


@pytest.mark.parametrize("part", PARTS)
async def test_changed_part_of_the_list_is_named(listed: Listed, part: str) -> None:
    """A part whose content was changed is a fault by its signature or its digest, also where the manifest is right."""
    raw = await listed.case()
    name = f"trust/{part}.json"
    content = members_of(raw)[name]
    changed = content.replace(b'"expires":"2', b'"expires":"3').replace(b'"expires": "2', b'"expires": "3')
    changed = changed.replace(b'"country":"XBB"', b'"country": "XBB"')
    assert changed != content
    found = faults_by_member(verify_bytes(rebuilt(listed, raw, {name: changed})).faults)
    assert {name} <= set(found)


def rebuilt(listed: Listed, raw: bytes, changes: dict[str, bytes]) -> bytes:
    """Return the evidence ``raw`` with ``changes``, its manifest made and signed anew by the State that exported."""
    members = {name: content for name, content in members_of(raw).items() if not name.startswith("manifest")}
    about = verify_bytes(raw).manifest
    assert about is not None
    signer = listed.network.gateways["XAA"].context.keyring.signing
    return pack(evidence_manifest.build(about, members | changes, signer))


@pytest.mark.parametrize("part", ["snapshot", "targets", "XAA"])
async def test_part_that_is_not_the_one_named_above_it(listed: Listed, part: str) -> None:
    """A part that is rightly signed and is not, byte by byte, the one that the part above names is a fault."""
    raw, name = await listed.case(), f"trust/{part}.json"
    forged = rebuilt(listed, raw, {name: members_of(raw)[name] + b"\n"})
    found = faults_by_member(verify_bytes(forged, Anchors(root=listed.root)).faults)
    assert ["other bytes than the trust list names"] == found[name]


async def test_older_part_of_the_list(listed: Listed) -> None:
    """A part of an older list, rightly signed at its time, is a fault beside a newer snapshot."""
    old = members_of(await listed.case())
    own = first_of(listed.network, "XBB")
    listed.world.states["XBB"].cards = [own]
    listed.world.publish_cards("XBB")
    await listed.network.refresh()
    forged = rebuilt(listed, await listed.case(), {"trust/XBB.json": old["trust/XBB.json"]})
    found = faults_by_member(verify_bytes(forged, Anchors(root=listed.root)).faults)
    assert ["another version than the trust list names"] == found["trust/XBB.json"]


async def test_identity_that_the_list_does_not_have(listed: Listed) -> None:
    """Cards of another identity key than the listed one are a fault, though everything in the file fits together."""
    raw = await listed.case()
    members = members_of(raw)
    foreign = first_card("XBB", SigningKey.generate(), listed.network.clock.now())
    changed = {**members, "cards/XBB-1.jws": foreign.raw}
    found = faults_by_member(verify_bytes(pack(changed), Anchors(root=listed.root)).faults)
    assert any("another card than the trust list has" in reason for reason in found["cards/XBB-1.jws"])


async def test_case_that_is_older_than_the_cards_of_the_list(listed: Listed, tmp_path: Path) -> None:
    """A list has the cards of 400 days; who read the ones before keeps them, and proves by them what they signed."""
    ours, _ = await story.replied(listed.network)
    at, signing = listed.network.clock.now(), SigningKey.generate()
    window = {"from": format_instant(at), "until": format_instant(at + timedelta(days=400)), "revoked_at": None}
    entry = {"kid": signing.kid, "key": b64.encode(signing.public), **window}
    listed.world.issue("XBB", at=at, signing=[entry])
    await listed.network.gateways["XAA"].refresh_trust()
    listed.world.states["XBB"].cards = listed.world.states["XBB"].cards[-1:]
    for _ in range(2):
        listed.world.publish_cards("XBB")
        await listed.network.gateways["XAA"].refresh_trust()
    raw = await listed.exported(ours)
    assert () == verify_bytes(raw, Anchors(root=listed.root)).faults
    (tmp_path / "root.json").write_bytes(listed.root)
    assert 0 == (await run(tmp_path / "case.zip", raw, str(tmp_path / "root.json")))[0]


async def test_later_card_by_somebody_else(listed: Listed) -> None:
    """A card that the list does not have, under another identity key than it leads to, is a fault with any root."""
    raw, stranger = await listed.case(), SigningKey.generate()
    foreign = card.claims_of(first_card("XBB", stranger, listed.network.clock.now()))
    later = card.sign_card({**foreign, "serial": 2, "prev": "A" * 43}, stranger)
    forged = rebuilt(listed, raw, {"cards/XBB-2.jws": later})
    found = faults_by_member(verify_bytes(forged, Anchors(root=listed.root)).faults)
    assert ["the card is signed by another identity key than the one given"] == found["cards/XBB-2.jws"]


async def test_quorum_of_the_trustees(listed: Listed) -> None:
    """Whose cosignatures suffice is what the trustees wrote down; where too few cosigned, it is told or a fault."""
    keys = {}
    for country, gateway in listed.network.gateways.items():
        assert gateway.context.own is not None
        (keys[country],) = gateway.context.own.cosigning
    lines = [f"witness {country} {serialize_vkey(country, key)}" for country, key in keys.items()]
    every = "\n".join([*lines, "group all-three all XAA XBB XCC", "quorum all-three", ""])
    listed.world.set_policy(WITNESS, every.encode())
    await listed.network.refresh()
    raw = await listed.case()
    assert "trust/witness.txt" in members_of(raw)
    assert () == verify_bytes(raw, Anchors(root=listed.root, witnessed=True)).faults
    stranger = serialize_vkey("XDD", SigningKey.generate().public * 41)
    listed.world.set_policy(WITNESS, f"witness XDD {stranger}\nquorum XDD\n".encode())
    await listed.network.refresh()
    raw = await listed.case()
    report = verify_bytes(raw, Anchors(root=listed.root))
    assert ((), True) == (report.faults, any("cosigned by" in note for note in report.notes))
    assert not verify_bytes(raw, Anchors(root=listed.root, witnessed=True)).verified


async def test_card_that_a_replaced_identity_key_signs_is_listed_by_none(listed: Listed, tmp_path: Path) -> None:
    """A card of before stands because one that stands names it; no other card by its identity key does, to neither."""
    ours, _ = await story.replied(listed.network)
    before = listed.world.issue("XBB")
    state, new = listed.world.states["XBB"], SigningKey.generate()
    old = state.identity
    claims = {"serial": before.serial + 1, "prev": before.digest, "identity": b64.encode(new.public)}
    state.cards, state.identity = [card.parse_card(card.sign_card(card.claims_of(before) | claims, new))], new
    listed.world.publish_cards("XBB")
    await listed.network.gateways["XAA"].refresh_trust()
    members, stranger = members_of(await listed.exported(ours)), SigningKey.generate()
    window = {"from": "2020-01-01T00:00:00Z", "until": "2040-01-01T00:00:00Z", "revoked_at": None}
    claims = {
        "signing": [{"kid": stranger.kid, "key": b64.encode(stranger.public), **window}],
        "serial": 1,
        "prev": None,
    }
    members["cards/XBB-2.jws"] = before.raw
    members["cards/XBB-1.jws"] = card.sign_card(card.claims_of(before) | claims, old)
    (tmp_path / "root.json").write_bytes(listed.root)
    _, out = await run(tmp_path / "case.zip", pack(members), str(tmp_path / "root.json"))
    assert "cards/XBB-1.jws: not listed" in out.splitlines()
    assert not [line for line in out.splitlines() if line.startswith("cards/XBB-2.jws: not listed")]
    report = verify_bytes(pack(members), Anchors(root=listed.root))
    assert (
        "the card is signed by another identity key than the one given"
        in faults_by_member(report.faults)["cards/XBB-1.jws"]
    )


async def test_quorum_of_a_list_that_nobody_compared(listed: Listed) -> None:
    """Who exports can make a list of its own, by which it alone suffices: without the root none says who is enough."""
    exporter = listed.network.gateways["XAA"].context.own
    assert exporter is not None
    alone = f"witness XAA {serialize_vkey('XAA', exporter.cosigning[0])}\nquorum XAA\n"
    listed.world.set_policy(WITNESS, alone.encode())
    await listed.network.refresh()
    ours, _ = await story.replied(listed.network)
    raw = await listed.exported(ours)
    keys = {country: {identity(listed.network, country).public} for country in ("XAA", "XBB")}
    assert verify_bytes(raw, Anchors(root=listed.root, witnessed=True)).verified
    assert not verify_bytes(raw, Anchors(identities=keys, witnessed=True)).verified
    assert any("cosigned by XAA alone" in note for note in verify_bytes(raw, Anchors(identities=keys)).notes)


async def test_list_that_had_run_out_is_told(listed: Listed) -> None:
    """A list that nobody renewed by the instant of the export is a note, for a gateway goes on for days with it."""
    ours, _ = await story.replied(listed.network)
    # The list is of today, for its client knows no clock but the machine's; the gateways live at an instant of theirs,
    # and what XAA signs with then lasts until the machine's is past it.
    signing = card.claims_of(listed.world.states["XAA"].cards[-1])["signing"]
    lasting = [{**key, "until": "2199-01-01T00:00:00Z"} for key in signing]
    listed.world.issue("XAA", at=listed.network.clock.now(), signing=lasting)
    await listed.network.refresh()
    listed.network.clock.instant = max(listed.network.clock.now(), datetime.now(UTC)) + timedelta(days=3)
    report = verify_bytes(await listed.exported(ours), Anchors(root=listed.root))
    assert () == report.faults
    assert any("timestamp.json of the trust list had run out" in note for note in report.notes)


async def test_stranger_does_not_count_as_a_witness(listed: Listed) -> None:
    """A cosignature under a card that nothing leads to from the root is not counted."""
    raw = await listed.case()
    members = {name: content for name, content in members_of(raw).items() if not name.startswith("trust/XCC")}
    about = verify_bytes(raw).manifest
    assert about is not None
    kept = {name: content for name, content in members.items() if not name.startswith("manifest")}
    forged = pack(evidence_manifest.build(about, kept, listed.network.gateways["XAA"].context.keyring.signing))
    report = verify_bytes(forged, Anchors(root=listed.root))
    assert () == report.faults
    assert any("cosignature of XCC does not count" in note for note in report.notes)
    assert [False] == [stood.enough for stood in report.checkpoints]


async def test_from_the_command_line(listed: Listed, tmp_path: Path) -> None:
    """The command takes the root and tells who cosigned; another root exits 6 and names the member."""
    file, root, other = tmp_path / "case.zip", tmp_path / "root.json", tmp_path / "other.json"
    file.write_bytes(await listed.case())
    root.write_bytes(listed.root)
    other.write_bytes((make_world(tmp_path / "other").folder / "metadata" / "1.root.json").read_bytes())
    told = call("evidence", "verify", file, "--root", root, "--witnessed", "--json")
    value = json.loads(told.stdout)
    assert (0, True, ["XAA", "XBB", "XCC"]) == (
        *(told.exit_code, value["verified"]),
        sorted(value["checkpoints"][0]["cosigned"]),
    )
    assert "cosigned by XAA" in call("evidence", "verify", file, "--root", root).stdout
    assert "XAA" == value["manifest"]["country"]
    told = call("evidence", "verify", file, "--root", other)
    assert (6, True) == (told.exit_code, "trust/1.root.json" in told.stderr)
    told = call("evidence", "verify", file, "--root", tmp_path / "missing.json")
    assert (2, True) == (told.exit_code, "missing.json cannot be read" in told.stderr)


async def test_what_a_file_proves_is_told(listed: Listed, tmp_path: Path) -> None:
    """Whose case it is, when it was exported, who signed for each message and when, and whether enough cosigned."""
    file, root = tmp_path / "case.zip", tmp_path / "root.json"
    file.write_bytes(await listed.case())
    root.write_bytes(listed.root)
    report = verify_file(file)
    about, (one, *_) = report.manifest, report.messages
    assert about is not None
    assert one.received_at is not None
    said = f"accepted by XBB at {format_instant(one.received_at)}, due on {one.due_on}"
    out = call("evidence", "verify", file, "--root", root).stdout.splitlines()
    assert f"case {about.case} of XAA with XBB, exported at {format_instant(about.exported_at)}" in out
    assert f"sent verification.request {one.digest}: {said}" in out
    assert [True] == [line.endswith(", enough") for line in out if line.startswith("log ")]


async def test_card_that_revokes_cannot_be_left_out(listed: Listed, tmp_path: Path) -> None:
    """What the list in the file says of a key holds where its card is missing from the file: to both verifiers."""
    at = listed.network.clock.now()
    listed.network.clock.pass_(hours=1)
    ref = evidence_manifest.parse_manifest(members_of(await listed.case())[evidence.MANIFEST]).case
    own, keyring = listed.network.gateways["XBB"].context.own, listed.network.gateways["XBB"].context.keyring
    assert own is not None
    kid, said = keyring.signing.kid, {"revoked_at": format_instant(at)}
    revoked = [one | (said if one["kid"] == kid else {}) for one in card.claims_of(own)["signing"]]
    listed.world.issue("XBB", at=listed.network.clock.now(), signing=revoked)
    await listed.network.gateways["XAA"].refresh_trust()
    whole = members_of(await listed.exported(ref))
    cut = {name: whole[name] for name in whole.keys() - {"cards/XBB-2.jws", evidence.MANIFEST, evidence.SIGNED}}
    signer = listed.network.gateways["XAA"].context.keyring.signing
    made = pack(evidence_manifest.build(evidence_manifest.parse_manifest(whole[evidence.MANIFEST]), cut, signer))
    faults = verify_bytes(made, Anchors(root=listed.root)).faults
    assert any("revoked" in fault.reason for fault in faults if fault.member.startswith("receipts/"))
    (tmp_path / "root.json").write_bytes(listed.root)
    code, out = await run(tmp_path / "case.zip", made, str(tmp_path / "root.json"))
    assert (6, True) == (code, "by no key, or a revoked one" in out)
