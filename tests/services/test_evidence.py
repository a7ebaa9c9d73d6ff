"""Evidence of real cases: exported by real gateways, verified with nothing but the file, and the audit of the logs."""

import sqlite3
import tracemalloc
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.evidence_file import verify_bytes, verify_file
from gateway.core import checkpoint, evidence, evidence_verifier, wire
from gateway.core.case import Side, State
from gateway.core.evidence import MESSAGES
from gateway.core.evidence_report import Report
from gateway.core.evidence_verifier import Anchors
from gateway.core.machine import RuleRefused
from gateway.core.merkle import Frontier
from gateway.core.tables import table_for
from gateway.services import access, cases
from gateway.services.audit import audit
from gateway.services.context import Forbidden, NotFound
from gateway.services.escalate import Escalation
from gateway.services.evidence import export, pack
from gateway.services.evidence_tables import PAUSES, RECEIVED_MOST, bounded
from gateway.services.ports import Tx
from gateway.services.rows import LogHead
from gateway.transport.card_directory import CardDirectory
from keys.card import parse_card
from schemas import ijson
from tests.storage.support import inbound
from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.evidence import TWO, exported, faults_by_member, members_of
from tests.support.network import Network, open_gateway
from tests.support.restoring import after_the_listing, back_up, outbox, put_back
from tests.support.stolen import steal_from

LARGE = 1 << 20


def rows(members: Mapping[str, bytes], name: str) -> list[dict[str, object]]:
    """Return the rows of a table."""
    found: list[dict[str, object]] = ijson.loads(members[name])[evidence.TABLES[name]]
    return found


def places(content: bytes) -> list[int]:
    """Return the places to change: each byte of a small member; of a large one its ends and some between."""
    if len(content) <= 300:
        return list(range(len(content)))
    return sorted({0, 1, len(content) - 2, len(content) - 1, *range(7, len(content), len(content) // 8)})


@pytest.mark.parametrize("country", ["XAA", "XBB"])
@pytest.mark.parametrize("two", [None, TWO])
async def test_export_verifies(network: Network, country: str, two: tuple[str, str] | None) -> None:
    """What either State exports, with or without content, verifies without anything else."""
    ours, theirs = await story.replied(network)
    report = verify_bytes(await exported(network, country, ours if country == "XAA" else theirs, two))
    assert () == report.faults
    assert [True] * 3 == [message.receipt_by is not None for message in report.messages]


def test_no_state_makes_a_file_that_nobody_reads_by_what_it_says_again() -> None:
    """Of what came most often the first and the last are in it, and it tells how many came between them."""
    said = ["verification.request", *["suspension", "resumption"] * 2500, "return.take-back"]
    rows = [inbound(str(place), type=type) for place, type in enumerate(said)]
    kept, gone = bounded(rows, {rows[1000].digest})  # a clock began with one of them
    assert RECEIVED_MOST + 1 == len(kept)
    assert [rows[0], rows[1], rows[2]] == kept[:3]
    assert [rows[1000], rows[-3], rows[-2], rows[-1]] == [*(row for row in kept if row == rows[1000]), *kept[-3:]]
    assert ["2100 of the type resumption", "2101 of the type suspension"] == [
        row["reason"].partition(",")[0] for row in gone
    ]
    assert (rows[:RECEIVED_MOST], []) == bounded(rows[:RECEIVED_MOST], ())


async def test_clocks_say_how_sure_their_figures_are(network: Network) -> None:
    """Whoever reads of a day that was missed learns whether anybody compared the figure with the agreement."""
    ours, _ = await story.acknowledged(network)
    clocks = rows(members_of(await exported(network, "XAA", ours)), evidence.CLOCKS)
    assert {("POLICY_DEFAULT", "unverified")} == {(row["instrument"], row["confidence"]) for row in clocks}


async def test_extension_and_second_look_verify(network: Network) -> None:
    """A longer story, with an extended clock, a second signature and a contest, verifies on both sides."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await network.deliver()
    clocks = rows(members_of(await exported(network, "XAA", ours)), evidence.CLOCKS)
    assert [("started", False), ("extended", True)] == [
        (row["cause"], row["current"]) for row in clocks if row["step"] == "reply"
    ]
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    await network.gateways["XAA"].clear.contest(ours, "REGISTER_INCOMPLETE", "first")
    await network.deliver()
    for country, ref in (("XAA", ours), ("XBB", theirs)):
        assert () == verify_bytes(await exported(network, country, ref, TWO)).faults


async def test_every_changed_byte_is_found_and_named(network: Network) -> None:
    """A changed byte in any member gives a fault that names the member, whatever the zip's checksums say."""
    ours, _ = await story.replied(network)
    members = members_of(await exported(network, "XAA", ours, TWO))
    missed = []
    for name, content in members.items():
        for at in places(content):
            changed = bytearray(content)
            changed[at] ^= 1
            report = verify_bytes(pack({**members, name: bytes(changed)}))
            if name not in faults_by_member(report.faults):
                missed.append((name, at))
    assert [] == missed


async def test_missing_and_additional_members_are_named(network: Network) -> None:
    """Leaving a member out, or adding one with a name it may have, is found."""
    ours, _ = await story.replied(network)
    members = members_of(await exported(network, "XAA", ours))
    for name in members:
        left = {other: content for other, content in members.items() if other != name}
        assert name in faults_by_member(verify_bytes(pack(left)).faults)
    more = {**members, "content/" + "A" * 43 + ".jws": b"x"}
    assert "content/" + "A" * 43 + ".jws" in faults_by_member(verify_bytes(pack(more)).faults)


async def test_changed_member_names_no_other(network: Network) -> None:
    """A changed table or text leads to no fault in any other member."""
    ours, _ = await story.replied(network)
    members = members_of(await exported(network, "XAA", ours))
    for name in (evidence.README, evidence.EVENTS, evidence.MANIFEST, evidence.SIGNED):
        changed = {**members, name: members[name][:-1] + bytes([members[name][-1] ^ 1])}
        assert {name} == set(faults_by_member(verify_bytes(pack(changed)).faults))


async def test_without_content_no_value_of_the_person_is_in_it(network: Network) -> None:
    """No name or date of the person asked about, and no free text of the file, is in an export without content."""
    ours, theirs = await story.replied(network)
    draft = (await story.case(network, "XAA", ours)).draft
    name = draft["elements"]["names"][0]
    for country, ref in (("XAA", ours), ("XBB", theirs)):
        whole = b"".join(members_of(await exported(network, country, ref)).values())
        for text in (name["family"], name["given"], draft["elements"]["birth_date"], draft["justification"]):
            assert text.encode() not in whole


async def test_without_content_a_pause_does_not_show(network: Network) -> None:
    """Nothing in an export without content tells that the case was stopped, or by whom."""
    ours, _ = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "indication", "protection", "asylum_authority")
    members = members_of(await exported(network, "XAA", ours))
    whole = b"".join(content for name, content in members.items() if name != evidence.README).lower()
    assert [] == [word for word in (b"frozen", b"freeze", b"asylum", b"protection", b"suspend") if word in whole]


async def test_without_content_no_later_attestation_shows(network: Network) -> None:
    """Nothing in an export without content tells that a record was set right while the case stood still."""
    ours, _ = await story.acknowledged(network)
    hold, draft = network.gateways["XAA"].hold, story.draft()
    await hold.freeze(ours, "indication", "protection", "asylum_authority")
    await hold.attest(ours, draft["asylum"], "there is no need", "protection", "asylum_authority")
    await hold.correct(ours, draft["elements"], "typing error", "first", "case_officer")
    await hold.restate(ours, {**draft["age"], "class": "minor"}, None, "she is younger", "welfare", "child_welfare")
    members = members_of(await exported(network, "XAA", ours))
    whole = b"".join(content for name, content in members.items() if name != evidence.README)
    words = (b'"attest"', b'"correct"', b'"restate"', b"asylum", b"protection", b"welfare")
    assert [] == [word for word in words if word in whole]


async def test_without_content_no_trace_of_a_stop_shows(network: Network) -> None:
    """What a stop took back, the step that said it and what is noted of it are in no export without content."""
    _, theirs = await homeward.documented(network)
    returning = network.gateways["XBB"].returning
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    before = rows(members_of(await exported(network, "XBB", theirs)), evidence.EVENTS)
    network.clock.pass_(seconds=10)
    await returning.reissue(theirs, newer, "issuer")
    network.clock.pass_(seconds=10)
    await returning.suspend(theirs, "a moment", "welfare", "child_welfare")
    assert before == rows(members_of(await exported(network, "XBB", theirs)), evidence.EVENTS)


async def test_without_content_no_trace_of_an_extension_shows_that_a_stop_took_back(network: Network) -> None:
    """Neither the step that says it does not hold, nor a version of its clock, tells that the case was stopped."""
    _, theirs = await story.acknowledged(network)
    desk = network.gateways["XBB"]

    async def shown() -> list[Any]:
        members = members_of(await exported(network, "XBB", theirs))
        return [rows(members, table) for table in (evidence.EVENTS, evidence.CLOCKS, evidence.MESSAGES)]

    before = await shown()
    network.clock.pass_(seconds=10)
    await desk.answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    network.clock.pass_(seconds=10)
    await desk.hold.freeze(theirs, "to be looked at", "first", "registry_clerk")
    assert before == await shown()


async def test_without_content_only_the_step_that_was_taken_back_is_left_out(network: Network) -> None:
    """What somebody else did in the same second has nothing to do with it, and is evidence like any other step."""
    _, theirs = await story.acknowledged(network)
    answer, hold = network.gateways["XBB"].answer, network.gateways["XBB"].hold
    network.clock.pass_(seconds=10)
    await answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await answer.prepare(theirs, story.reply(), "first")
    network.clock.pass_(seconds=10)
    await hold.freeze(theirs, "to be looked at", "first", "registry_clerk")
    shown = [row["event"] for row in rows(members_of(await exported(network, "XBB", theirs)), evidence.EVENTS)]
    assert ["request", "acknowledge", "receipt", "prepare"] == shown


async def test_without_content_a_step_whose_message_stepped_behind_another_is_not_left_out(network: Network) -> None:
    """A plan that let two corrections go first left all the same: who planned it, and when, is evidence."""
    ours, _ = await homeward.scheduled(network)
    for what in ("BIRTH_PLACE", "SEX"):
        network.clock.pass_(seconds=10)
        await network.gateways["XAA"].notices.strike(ours, [what], "first", "case_officer")
        await network.deliver()
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    shown = [row["event"] for row in rows(members_of(await exported(network, "XAA", ours)), evidence.EVENTS)]
    assert 1 == shown.count("schedule")


@pytest.mark.parametrize("minor", [True, False])
async def test_without_content_no_role_tells_a_child_from_an_adult(network: Network, minor: bool) -> None:
    """Whoever decides about the person is an authority in it, and no id leads to which one it was."""
    ours, theirs = await homeward.accepted(network, minor)
    decided = []
    for country, ref in (("XAA", ours), ("XBB", theirs)):
        members = members_of(await exported(network, country, ref))
        assert b"welfare" not in b"".join(content for name, content in members.items() if not name.startswith("cards/"))
        decided += [row for row in rows(members, evidence.EVENTS) if row["event"] in ("endorse", "accept")]
    assert [(None, "authority")] * 2 == [(row["actor"], row["role"]) for row in decided]


async def test_without_content_a_report_does_not_tell_who_made_it(network: Network) -> None:
    """Child welfare may report, of a child alone; the reception and a liaison officer may of anybody."""
    _, theirs = await homeward.handed_over(network, True)
    network.clock.pass_(days=2)
    for person, role in (("reception", "reception"), ("welfare", "child_welfare")):
        day = network.clock.now().date().isoformat()
        await network.gateways["XBB"].returning.report(theirs, "SEEN_CONCERN", day, False, person, role)
    found = rows(members_of(await exported(network, "XBB", theirs)), evidence.EVENTS)
    assert [(None, "authority")] * 2 == [(row["actor"], row["role"]) for row in found if row["event"] == "report"]


async def test_without_content_a_silent_recall_does_not_show(network: Network) -> None:
    """Of a recall that the other State was not told of, an export without content has neither beginning nor end."""
    ours, _ = await homeward.departed(network)
    gateway, asylum = network.gateways["XAA"], ("protection", "asylum_authority")
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    await gateway.returning.recall(ours, "said so", "UNSAFE", "2026-12-20", *asylum, protection=known)
    await gateway.hold.release(ours, *asylum)
    await gateway.returning.returned(ours, "first", "case_officer")
    shown = [row["event"] for row in rows(members_of(await exported(network, "XAA", ours)), evidence.EVENTS)]
    assert ["receipt"] == shown[shown.index("depart") + 1 :]


def test_what_is_done_only_to_a_stopped_case_is_in_no_export_without_content() -> None:
    """A step that leads from nothing but a stop tells of one, in either table."""
    stopped = {State.FROZEN, State.SUSPENDED, State.RECALL, State.WITHDRAWN}
    for table in (table_for(side) for side in Side):
        sources: dict[str, set[State]] = {}
        for row in table.rows:
            sources.setdefault(row.event, set()).add(row.source)
        assert set() == {event for event, states in sources.items() if states <= stopped} - PAUSES


async def test_content_needs_two_persons(network: Network) -> None:
    """One person twice, a person of another role, or two without the one who exports disclose nothing."""
    ours, _ = await story.acknowledged(network)
    for two in (("first", "first"), ("first", "welfare"), ("second", "signer"), ("first", "nobody")):
        with pytest.raises(Forbidden):
            await exported(network, "XAA", ours, two)


@pytest.mark.parametrize("two", [("second", "second"), ("first", "second")], ids=["twice", "two others"])
async def test_who_could_be_either_is_not_both(network: Network, two: tuple[str, str]) -> None:
    """Whoever exports is one of the two, and the other is somebody else, whatever offices each of them holds."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    context, person = gateway.context, "second" if two[0] == two[1] else "third"
    third = replace(context.persons["second"], id="third", roles=frozenset({"case_officer", "desk_head"}))
    context.persons = {**context.persons, "third": third}
    with pytest.raises(Forbidden, match="two different persons"):
        await export(context, ours, person, "desk_head", "appeal", cards=gateway.cards, with_content_by=two)


async def test_role_that_may_not_export(network: Network) -> None:
    """A role that sees no case exports none."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    source = CardDirectory(gateway.settings.cards)
    with pytest.raises(Forbidden):
        await export(gateway.context, ours, "board", "foreign_affairs", "why", cards=source)


async def test_look_is_recorded(network: Network) -> None:
    """Each person of an export stands in the record of access with the reason given."""
    ours, _ = await story.acknowledged(network)
    await exported(network, "XAA", ours)
    await exported(network, "XAA", ours, TWO)
    context = network.gateways["XAA"].context

    async def look(tx: Tx) -> list[tuple[str, str]]:
        held = await cases.load(context, tx, ours)
        rows = await tx.accesses(ours)
        return [(r.person, r.action) for r in rows if access.justification_of(context, held, r) == "a dispute"]

    found = await context.store.read(look)
    assert [("first", "evidence"), ("first", "evidence-content"), ("second", "evidence-content")] == found


@pytest.mark.parametrize("letter", ["x", "\u0436", "\u0645", "\u09a8", "\U00016e40"])
async def test_length_of_a_reason_does_not_show(network: Network, letter: str) -> None:
    """
    A reason of the greatest length in any script is stored in as many bytes as a short one, and read as it was.

    Of what is longer, as the justification of a file may be, as much shows as how often it would have to be doubled.
    """
    ours, _ = await story.acknowledged(network)
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> list[tuple[int, str]]:
        held = await cases.load(context, tx, ours)
        for why in ("a short one", letter * 400, "x" * 2049, "x" * 4096):
            await access.record(context, tx, held, "first", "test", why, network.clock.now())
        rows = [row for row in await tx.accesses(ours) if row.action == "test"]
        return [(len(row.justification), access.justification_of(context, held, row)) for row in rows]

    (size, short), (other, long), (more, _), (most, _) = (await context.commit(unit)).value
    assert (size, "a short one", letter * 400, more) == (other, short, long, most)


async def test_no_reason_no_export(network: Network) -> None:
    """Without a justification nothing is exported and nothing recorded (R-13)."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    source = CardDirectory(gateway.settings.cards)
    with pytest.raises(RuleRefused, match="R-13"):
        await export(gateway.context, ours, "first", "case_officer", " ", cards=source)
    looks = await gateway.store.read(lambda tx: tx.accesses(ours))
    assert "evidence" not in {row.action for row in looks}


async def test_erased_case_exports_what_outlives_it(network: Network) -> None:
    """After an erasure receipts and proofs still verify, and the file says what is gone; content is not to be had."""
    ours, _ = await story.replied(network)
    before = await exported(network, "XAA", ours, TWO)
    gateway = network.gateways["XAA"]
    await erase(gateway, ours, network.clock.now())
    raw = await exported(network, "XAA", ours)
    report = verify_bytes(raw)
    assert () == report.faults
    assert ["clocks", "content"] == [row["what"] for row in rows(members_of(raw), evidence.GONE)]
    assert report.manifest is not None
    assert report.manifest.erased
    assert 3 == len(report.messages)
    with pytest.raises(NotFound):
        await exported(network, "XAA", ours, TWO)
    assert () == verify_bytes(before).faults


async def test_unknown_case_is_not_found(network: Network) -> None:
    """A reference that does not exist leads to no file and no record."""
    with pytest.raises(NotFound):
        await exported(network, "XAA", "A" * 22)


async def test_proofs_stand_under_one_newest_checkpoint(network: Network) -> None:
    """Our proofs are made anew, so that one checkpoint that is kept covers every receipt of the case."""
    ours, _ = await story.replied(network)
    await story.replied(network)
    members = members_of(await exported(network, "XAA", ours))
    notes = {content.split(b"\n\n", 1)[1] for name, content in members.items() if name.endswith(".XAA.proof")}
    (kept,) = await network.gateways["XAA"].store.read(lambda tx: tx.kept("XAA/XBB/1"))
    assert {kept.note.encode()} == notes


async def test_log_that_a_restore_ended_still_proves(network: Network) -> None:
    """A case whose receipts stand in the log of an earlier epoch verifies, and the audit reads that log too."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    before = await gateway.store.read(lambda tx: tx.log_head("XBB"))
    await gateway.store.commit(lambda tx: tx.save_log_head("XBB", LogHead("XAA/XBB/2", Frontier(), "")))
    raw = await exported(network, "XAA", ours)
    assert () == verify_bytes(raw).faults
    assert before is not None
    assert (
        before.checkpoint.encode() in members_of(raw)[f"log/{rows(members_of(raw), MESSAGES)[0]['digest']}.XAA.proof"]
    )
    audited = await audit(gateway.context)
    assert (("XAA/XBB/1", "XAA/XBB/2"), 3, ()) == (audited.origins, audited.entries, audited.findings)


async def test_withdrawal_is_evidence_too(network: Network) -> None:
    """A case that was withdrawn verifies, with the withdrawal's receipt."""
    ours, _ = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "indication", "protection", "asylum_authority")
    await network.gateways["XAA"].hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    await network.deliver()
    report = verify_bytes(await exported(network, "XAA", ours))
    assert () == report.faults
    assert "withdrawal" in {message.type for message in report.messages}


async def test_after_a_restart_the_export_is_the_same(network: Network) -> None:
    """The same case at the same instant gives the same bytes, also from a gateway that was restarted."""
    ours, _ = await story.replied(network)
    before = await exported(network, "XAA", ours)
    await network.gateways["XAA"].close()
    await open_gateway(network, "XAA")
    assert before == await exported(network, "XAA", ours)


async def test_identity_that_was_compared(network: Network, tmp_path: Path) -> None:
    """A card under another identity key than the one given is a fault; under the one given it is not."""
    ours, _ = await story.replied(network)
    path = tmp_path / "case.zip"
    path.write_bytes(await exported(network, "XAA", ours))
    own = parse_card(members_of(path.read_bytes())["cards/XAA-1.jws"])
    other = parse_card(members_of(path.read_bytes())["cards/XBB-1.jws"])
    report = verify_file(path, Anchors({"XAA": {own.identity}, "XBB": {other.identity}}))
    assert ((), [True, True]) == (report.faults, [identity.pinned for identity in report.identities])
    wrong = verify_file(path, Anchors({"XAA": {other.identity}}))
    assert "cards/XAA-1.jws" in faults_by_member(wrong.faults)


# The audit.


async def findings(network: Network, country: str = "XAA") -> list[str]:
    """Return the reasons an audit gives."""
    return [finding.reason for finding in (await audit(network.gateways[country].context)).findings]


def tamper(network: Network, statement: str, *values: object) -> None:
    """Change the database of XAA behind its gateway's back."""
    with closing(sqlite3.connect(network.gateways["XAA"].settings.database, isolation_level=None)) as db:
        assert db.execute(statement, values).rowcount


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_audit_of_whole_logs_finds_nothing(network: Network, country: str) -> None:
    """Entries, roots, checkpoints and answers of an untouched store agree."""
    await story.replied(network)
    await story.replied(network, "NOT_FOUND")
    audited = await audit(network.gateways[country].context)
    assert (1, 6, ()) == (len(audited.origins), audited.entries, audited.findings)
    assert {"XAA": 4, "XBB": 2}[country] == audited.answers


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_audit_holds_the_bytes_of_one_message_at_a_time(network: Network, country: str) -> None:
    """The desk of an operator begins it in the gateway that serves: a thousand with images are more than its memory."""
    refs = [(await story.received(network))[country == "XBB"] for _ in range(6)]

    async def grow(tx: Tx) -> None:
        for ref in refs:
            for came in await tx.inbound_of_case(ref):
                await tx.save_inbound(came._replace(sealed=b"s" * LARGE))
            for said in await tx.outbound_of_case(ref):
                await tx.save_outbound(said._replace(envelope=b"e" * LARGE))

    gateway = network.gateways[country]
    await gateway.store.commit(grow)
    tracemalloc.start()
    audited = await audit(gateway.context)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (6, ()) == (audited.entries, audited.findings)
    assert peak < 3 * LARGE


async def test_audit_of_empty_logs_finds_nothing(network: Network) -> None:
    """A log in which nothing stands yet is in order."""
    assert [] == await findings(network)


CHANGES: Mapping[str, tuple[str, str]] = {
    "opening": ("UPDATE log_entry SET r = zeroblob(32) WHERE idx = 1", "do not give the leaf"),
    "leaf": ("UPDATE log_entry SET leaf = zeroblob(32) WHERE idx = 1", "do not give the leaf"),
    "entry": ("DELETE FROM log_entry WHERE idx = 2", "the stored end of the log"),
    "gap": ("DELETE FROM log_entry WHERE idx = 0", "is missing"),
    "receipt": ("UPDATE log_entry SET receipt = x'00' WHERE idx = 1", "is no receipt"),
    "digest": ("UPDATE log_entry SET digest = 'x' WHERE idx = 1", "about another message"),
    "head": ("UPDATE log_head SET hashes = zeroblob(length(hashes))", "the stored end of the log"),
    "checkpoint": ("UPDATE log_head SET checkpoint = replace(checkpoint, 'XBB', 'XCC')", "does not verify"),
    "lost checkpoint": ("UPDATE log_head SET checkpoint = ''", "does not verify"),
    "answer": ("UPDATE inbound SET answer = x'7b7d'", "does not verify"),
    "message": ("DELETE FROM inbound", "a message that is not stored"),
}


async def test_audit_finds_what_was_changed(network: Network) -> None:
    """Whatever is changed in entries, heads or answers is found, with a reason that says where to look."""
    await story.replied(network)
    path = network.gateways["XAA"].settings.database
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(":memory:")) as kept:
        live.backup(kept)
        missed = []
        for name, (statement, reason) in CHANGES.items():
            tamper(network, statement)
            if not any(reason in text for text in await findings(network)):
                missed.append(name)
            kept.backup(live)
    assert ([], []) == (missed, await findings(network))


async def test_audit_finds_a_log_rewritten_whole(network: Network) -> None:
    """Entries cut off together with their part of the head are betrayed by the answers that were given."""
    await story.replied(network)
    gateway = network.gateways["XAA"]
    entries = await gateway.store.read(lambda tx: tx.log_entries("XAA/XBB/1"))
    tamper(network, "DELETE FROM log_entry WHERE idx = 2")
    short = Frontier().append([entry.leaf for entry in entries[:2]])
    note = checkpoint.sign_note(
        checkpoint.checkpoint_body("XAA/XBB/1", 2, short.root()), "XAA/XBB/1", gateway.context.keyring.log
    )
    tamper(network, "UPDATE log_head SET size = 2, hashes = ?, checkpoint = ?", b"".join(short.hashes), note)
    assert ["is in no log"] == [text[-12:] for text in await findings(network)]


KEPT_CHANGES: Mapping[str, tuple[str, str]] = {
    "root": ("UPDATE checkpoint_kept SET root = zeroblob(32)", "is no state of this log"),
    "note": ("UPDATE checkpoint_kept SET note = replace(note, 'XBB', 'XCC')", "does not verify"),
    "size": ("UPDATE checkpoint_kept SET size = 9", "is beyond the end of the log"),
    "text": ("UPDATE checkpoint_kept SET size = 2", "says something else than was signed"),
}


async def test_audit_compares_what_was_kept(network: Network) -> None:
    """A kept checkpoint that was changed, or is no state the log went through, is found."""
    await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.checkpoints.keep("XBB", network.clock.now())
    assert [] == await findings(network)
    path = gateway.settings.database
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(":memory:")) as kept:
        live.backup(kept)
        missed = []
        for name, (statement, reason) in KEPT_CHANGES.items():
            tamper(network, statement)
            if not any(reason in text for text in await findings(network)):
                missed.append(name)
            kept.backup(live)
    assert [] == missed


async def test_audit_finds_a_swapped_answer(network: Network) -> None:
    """A stored answer whose receipt is another one than was logged for its message is found."""
    await story.replied(network)
    tamper(
        network,
        "UPDATE inbound SET answer = (SELECT answer FROM inbound AS o WHERE o.n <> inbound.n) WHERE n = 1",
    )
    assert [] != [text for text in await findings(network) if "is in no log" in text]


def test_report_is_verified_only_without_faults() -> None:
    """The verdict of a file that holds nothing is no."""
    assert not evidence_verifier.verify({}).verified
    assert isinstance(evidence_verifier.verify({}), Report)


async def test_digests_of_bodies_stay_without_content(network: Network) -> None:
    """A body holds a name and nothing random; whoever tries names must not find it in an export without content."""
    ours, _ = await story.replied(network)
    tried = network.gateways["XAA"].clear.preview(story.draft()).digest
    bare, full = members_of(await exported(network, "XAA", ours)), members_of(await exported(network, "XAA", ours, TWO))
    assert tried in {row["digest"] for row in rows(full, evidence.EVENTS)}
    messages = {row["digest"] for row in rows(bare, MESSAGES)}
    assert {row["digest"] for row in rows(bare, evidence.EVENTS)} - {None} <= messages
    assert all(tried.encode() not in content for content in bare.values())


async def test_recall_and_danger_stay_without_content(network: Network) -> None:
    """That the protection authority called somebody back, or that pressing is dangerous, is not in an export."""
    ours, _ = await homeward.departed(network)
    gateway = network.gateways["XAA"]
    await Escalation(gateway.context).stop(ours, "they ask at the door", "first", "case_officer")
    known = {"state": "indicated", "attested_by": None, "attested_on": None, "basis": None}
    await gateway.returning.recall(ours, "known", "UNSAFE", "2026-12-20", "protection", "asylum_authority", known)
    told = {row["event"] for row in rows(members_of(await exported(network, "XAA", ours)), evidence.EVENTS)}
    assert set() == told & {"recall", "stop_pressing"}


@pytest.mark.parametrize("two", [None, TWO])
async def test_what_cannot_be_read_any_more_is_named_and_ends_no_export(
    network: Network, two: tuple[str, str] | None
) -> None:
    """A spoilt answer, and a spoilt receipt in the log, are left out and told; of all else nothing is at fault."""
    ours, _ = await story.replied(network)
    (request,) = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_of_case(ours))
    came = (await network.gateways["XAA"].store.read(lambda tx: tx.inbound_of_case(ours)))[-1]
    whole = members_of(await exported(network, "XAA", ours, two))
    tamper(network, "UPDATE checkpoint_kept SET note = 'spoilt'")
    tamper(network, "UPDATE outbound SET answer = X'FF' WHERE digest = ?", request.digest)
    tamper(network, "UPDATE log_entry SET receipt = X'FF' WHERE digest = ?", came.digest)
    raw = await exported(network, "XAA", ours, two)
    told = [(row["what"], row["digest"]) for row in rows(members_of(raw), evidence.GONE)]
    assert [("receipts", came.digest), ("proofs", request.digest)] == told
    left = {f"receipts/{came.digest}.jws", f"log/{came.digest}.XAA.proof", f"log/{request.digest}.XBB.proof"}
    assert left == whole.keys() - members_of(raw).keys()
    assert [MESSAGES] == list(faults_by_member(verify_bytes(raw, Anchors()).faults))
    faults = {(event, values["error"]) for event, values in network.logs if event.endswith(".fault")}
    assert {("checkpoint.fault", "BadProof"), ("message.fault", "BadJws"), ("message.fault", "BadAnswer")} == faults


@pytest.mark.parametrize("again", [0, 1], ids=["at once", "once it was answered anew"])
async def test_evidence_of_what_a_robbed_state_had_forgotten_verifies(
    network: Network, tmp_path: Path, again: int
) -> None:
    """What it says anew, of another instant, stands in place of the receipt that fell, and the file says so."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours = await story.sent(network)
    await network.deliver()
    network.clock.pass_(minutes=5)
    await put_back(network, "XBB", backup)
    await network.refresh()
    for _ in range(again):
        await network.deliver()
        network.clock.pass_(minutes=5)
    await steal_from(network, "XBB")
    await after_the_listing(network)
    for country, ref in (("XAA", ours), ("XBB", await story.twin(network, ours))):
        assert () == verify_bytes(await exported(network, country, ref)).faults
    (request,) = await outbox(network, "XAA", ours)
    (gone,) = rows(members_of(await exported(network, "XAA", ours)), evidence.GONE)
    assert ("receipts", request.digest) == (gone["what"], gone["digest"])
    assert wire.format_instant(request.queued_at) in str(gone["reason"])
