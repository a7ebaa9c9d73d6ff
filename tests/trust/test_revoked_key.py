"""A key revoked at T: what was logged before T stands, what comes or was logged after T falls (M-8.3)."""

import asyncio
import os
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway import home
from gateway.core import envelope, evidence_report, evidence_verifier, wire
from gateway.core.machine import RuleRefused
from gateway.core.messages import REPLY, RESYNC
from gateway.services.answers import BadAnswer
from gateway.services.deliver import Line
from gateway.services.fallen import FallenMessages
from gateway.services.ports import Tx
from gateway.services.rows import TrustEvent
from gateway.transport.card_directory import write_card
from keys import b64, card, jws
from keys.custody import open_store
from keys.sign import SigningKey
from tests.support import homeward, story
from tests.support.evidence import exported, members_of
from tests.support.network import START, Network, open_gateway
from tests.trust.homes import identity
from tests.trust.revocation import revoke

WORDS = ("cannot be read here", "its key is revoked")


async def post(network: Network, signer: SigningKey, issued_at: datetime) -> str:
    """Let XAA's ``signer`` say something to XBB, dated ``issued_at``; return the status of the answer and its code."""
    raw = wire.serialize_payload(
        type=RESYNC,
        id=b64.encode(os.urandom(16)),
        sender="XAA",
        recipient="XBB",
        thread=None,
        epoch=1,
        seq=None,
        prev=None,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(days=20),
        in_reply_to=None,
        clock=None,
        statements=(),
        body=b'{"threads":[],"more":false}',
    )
    key = network.gateways["XAA"].context.trust.card("XBB").sealing_key(network.clock.now(), {1, 2})
    head = envelope.head(key.suite, key.kid)
    sealed = head + key.seal(head, envelope.pad(jws.sign(raw, jws.TYP_MESSAGE, signer)))
    answer = await network.wires.post("XBB", "/xg/1/messages", sealed, envelope.MEDIA_TYPE)
    return f"{answer.status} {answer.body.decode()[:60].strip()}"


async def test_what_was_received_before_stands(network: Network) -> None:
    """A message and its receipt from before T are as they were: the case goes on and the stored answer is given."""
    ours, theirs = await story.received(network)
    before = list(network.wires.posted)
    at = network.clock.now() + timedelta(hours=1)
    network.clock.pass_(hours=2)
    await revoke(network, "XAA", {network.gateways["XAA"].context.keyring.signing.kid}, at)
    answers = [await network.wires.post(*one, envelope.MEDIA_TYPE) for one in before if one[0] == "XBB"]
    assert [200] == [one.status for one in answers]
    assert "RECEIVED" == await story.state(network, "XBB", theirs)
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_what_comes_after_falls_however_it_is_dated(network: Network) -> None:
    """A message that arrives after T is refused, also if it says that it was issued before T."""
    signer = network.gateways["XAA"].context.keyring.signing
    assert isinstance(signer, SigningKey)
    issued = network.clock.now()
    assert (await post(network, signer, issued)).startswith("200")
    network.clock.pass_(hours=1)
    await revoke(network, "XAA", {signer.kid}, network.clock.now())
    found = await post(network, signer, issued)
    assert (True, True) == (found.startswith("424"), "unknown-signer" in found)


async def test_a_card_that_another_process_took_counts_at_the_next_look(network: Network) -> None:
    """A stolen key falls in every process of a gateway once one of them, or a command, has read that it is revoked."""
    signer = network.gateways["XAA"].context.keyring.signing
    assert isinstance(signer, SigningKey)
    running = network.gateways["XBB"]
    await open_gateway(network, "XBB")  # which reads the list from here on
    await revoke(network, "XAA", {signer.kid}, network.clock.now())
    network.wires.gateways["XBB"] = running
    assert await running.store.read(running.context.trust.changed)
    await running.context.trust.load()
    assert (await post(network, signer, network.clock.now())).startswith("424")
    assert not await running.store.read(running.context.trust.changed)
    await running.close()


async def test_nothing_passes_by_a_card_that_another_process_has_replaced(network: Network) -> None:
    """By the older one a message could be sealed to a stolen key, or signed by one: it waits for the next look."""
    _, theirs = await story.received(network)
    signer, running = network.gateways["XAA"].context.keyring.signing, network.gateways["XBB"]
    assert isinstance(signer, SigningKey)
    await running.answer.acknowledge(theirs, "first")
    await open_gateway(network, "XBB")  # which reads the list from here on
    await revoke(network, "XAA", {signer.kid}, network.clock.now())
    network.wires.gateways["XBB"] = running
    assert (await post(network, signer, network.clock.now())).startswith("503")
    assert 0 == await running.deliverer.run_once()
    await running.context.trust.load()
    assert (await post(network, signer, network.clock.now())).startswith("424")
    assert 1 == await running.deliverer.run_once()
    await running.close()


async def test_no_answer_counts_by_a_card_that_another_process_has_replaced(network: Network) -> None:
    """Whoever stole a key of the other State could take word of a stop off our hands with it: it is posted again."""
    ours = await story.sent(network)
    running, kid = network.gateways["XAA"], network.gateways["XBB"].context.keyring.signing.kid
    (claimed,) = await running.deliverer.claim("XBB", Line(1))
    answer = await network.wires.post("XBB", "/xg/1/messages", claimed.envelope, envelope.MEDIA_TYPE)
    await open_gateway(network, "XAA")  # which reads the list from here on
    await revoke(network, "XBB", {kid}, network.clock.now())
    with pytest.raises(BadAnswer, match="card"):
        await running.deliverer.settle(claimed.row, answer.body)
    assert "SENT" == await story.state(network, "XAA", ours)
    await running.close()


async def test_the_instant_of_the_revocation_is_after(network: Network) -> None:
    """T itself counts as after: a key is valid until before it."""
    signer = network.gateways["XAA"].context.keyring.signing
    assert isinstance(signer, SigningKey)
    at = network.clock.now() + timedelta(hours=1)
    await revoke(network, "XAA", {signer.kid}, at)
    network.clock.instant = at - timedelta(seconds=1)
    assert (await post(network, signer, at - timedelta(days=1))).startswith("200")
    network.clock.instant = at
    assert (await post(network, signer, at - timedelta(days=1))).startswith("424")


async def test_receipt_whose_key_left_the_card_is_said_again(network: Network) -> None:
    """A stored receipt by a key that the card lists no more is signed anew by one that it lists (M-5.18)."""
    network.wires.lose_answers = True
    ours = await story.sent(network)
    await network.deliver()
    network.wires.lose_answers = False
    gateway, new = network.gateways["XBB"], SigningKey.generate()
    assert gateway.context.own is not None
    (old,) = card.claims_of(gateway.context.own)["signing"]
    entry = {**old, "kid": new.kid, "key": b64.encode(new.public)}
    signer, now = identity(network, "XBB"), network.clock.now()
    made = home.next_card(gateway.context.own, {"signing": [entry]}, signer, now)
    for path in network.homes.values():
        write_card(path / "cards", made)
    await gateway.close()
    store = open_store(gateway.settings.custody, passphrase=lambda: "correct horse", environ={})
    store.destroy(home.SIGNING)
    store.put(home.SIGNING, new.seed)
    await open_gateway(network, "XBB")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def judged(network: Network, ref: str) -> evidence_report.Report:
    """Export XAA's case as evidence and verify it, as a court would."""
    return evidence_verifier.verify(members_of(await exported(network, "XAA", ref)))


async def test_evidence_from_before_stands_and_from_after_falls(network: Network) -> None:
    """Receipts XBB gave before T prove what they proved; one dated at T or later is a fault that names it."""
    ours, _ = await story.acknowledged(network)
    first = network.clock.now()
    kid = network.gateways["XBB"].context.keyring.signing.kid
    network.clock.pass_(hours=1)
    await revoke(network, "XBB", {kid}, first + timedelta(minutes=30))
    assert () == (await judged(network, ours)).faults
    await revoke(network, "XBB", {kid}, first)
    found = await judged(network, ours)
    assert {"receipts"} == {fault.member.split("/")[0] for fault in found.faults if "revoked" in fault.reason}


async def test_what_was_accepted_before_the_card_came_falls_too(network: Network) -> None:
    """A message received after T, before the card that says so, is found on its case and told in the log, once."""
    stands, _ = await story.acknowledged(network)
    network.clock.pass_(hours=1)
    at = network.clock.now()
    falls, _ = await story.acknowledged(network)
    network.clock.pass_(hours=1)
    await revoke(network, "XBB", {network.gateways["XBB"].context.keyring.signing.kid}, at)
    for _ in range(2):
        await network.refresh()
    await FallenMessages(network.gateways["XAA"].context).run_once(network.clock.now())  # as a start does
    findings = {ref: (await story.case(network, "XAA", ref)).findings for ref in (stands, falls)}
    assert ((), 1) == (findings[stands], len(findings[falls]))
    assert "do not rely on it" in findings[falls][0]
    assert [falls] == [values["ref"] for name, values in network.logs if name == "message.fell"]


def welfare_key(network: Network, country: str) -> str:
    """Return the id of the key by which the child welfare of ``country`` signs."""
    own = network.gateways[country].context.own
    assert own is not None
    return next(key.kid for key in own.roles if key.role == "welfare")


async def test_a_statement_by_a_stolen_key_holds_nothing(network: Network) -> None:
    """The key of the child welfare that accepted was stolen before: nobody leaves, and its desk is told, once."""
    ours, _ = await homeward.on_the_day(network, minor=True)
    accepted = [one for one in (await story.case(network, "XAA", ours)).releases if one.authority == "theirs"]
    await revoke(network, "XBB", {welfare_key(network, "XBB")}, START)
    await network.refresh()
    case = await story.case(network, "XAA", ours)
    assert (1, 1) == (len(accepted), len([one for one in case.findings if "the key of a statement" in one]))
    assert [] == [one for one in case.releases if one.authority == "theirs"]
    with pytest.raises(RuleRefused, match="R-10"):
        await network.gateways["XAA"].returning.depart(ours, "escort")
    assert [ours] == [values["ref"] for name, values in network.logs if name == "message.fell"]


async def test_no_step_rests_on_a_stolen_statement_before_it_is_looked_for(network: Network) -> None:
    """Another process may have taken the card already: the step itself looks at the keys as they are now."""
    ours, _ = await homeward.on_the_day(network, minor=True)
    gateway, kid = network.gateways["XAA"], welfare_key(network, "XBB")
    own = network.gateways["XBB"].context.own
    assert own is not None
    text = wire.format_instant(START)
    roles = [{**one, "revoked_at": text} if one["kid"] == kid else one for one in card.claims_of(own)["roles"]]
    _next(network, own, roles, "roles")
    await gateway.context.trust.run_once(network.clock.now())
    with pytest.raises(RuleRefused, match="R-10"):
        await gateway.returning.depart(ours, "escort")


async def test_a_statement_from_before_the_theft_stands(network: Network) -> None:
    """What the child welfare signed before its key was stolen carries the return on."""
    ours, _ = await homeward.on_the_day(network, minor=True)
    await revoke(network, "XBB", {welfare_key(network, "XBB")}, network.clock.now())
    assert () == (await story.case(network, "XAA", ours)).findings
    await network.gateways["XAA"].returning.depart(ours, "escort")
    assert "DEPARTED" == await story.state(network, "XAA", ours)


async def test_a_statement_of_ours_by_a_stolen_key_holds_nothing(network: Network) -> None:
    """The key of our own child welfare was stolen before it released: nobody leaves, and our desk is told, once."""
    ours, _ = await homeward.on_the_day(network, minor=True)
    await revoke(network, "XAA", {welfare_key(network, "XAA")}, START)
    await network.refresh()
    case = await story.case(network, "XAA", ours)
    assert [] == [one for one in case.releases if one.authority == "ours"]
    assert 1 == len([one for one in case.findings if "a statement of ours" in one])
    with pytest.raises(RuleRefused, match="R-10"):
        await network.gateways["XAA"].returning.depart(ours, "escort")
    assert [ours] == [values["ref"] for name, values in network.logs if name == "statement.fell"]


async def test_a_proposal_whose_release_fell_is_made_anew(network: Network) -> None:
    """It waits for no answer, for none can be given and none counts: the return is assessed and proposed anew."""
    ours, theirs = await homeward.proposed(network, minor=True)
    await homeward.accept(network, theirs, minor=True)
    await revoke(network, "XAA", {welfare_key(network, "XAA")}, START)
    await network.refresh()
    await network.deliver()
    assert ("PROPOSED", "ACCEPTED") == await homeward.states(network, ours, theirs)
    returning = network.gateways["XAA"].returning
    await returning.reassess(ours, "first", "case_officer")
    await returning.assess(ours, "welfare", "child_welfare")
    await returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    assert "ASSESSED" == await story.state(network, "XAA", ours)


async def test_who_was_handed_over_is_reported_on_though_the_key_of_the_escort_was_stolen(network: Network) -> None:
    """The second hand was under way: it counts, and so does what is reported of the person after it."""
    ours, theirs = await homeward.delivered(network)
    asked = network.gateways["XBB"].returning
    await homeward.confirm_handover(network, theirs)
    own = network.gateways["XAA"].context.own
    assert own is not None
    kid = next(key.kid for key in own.roles if key.role == "escort")
    await revoke(network, "XAA", {kid}, START)
    await network.refresh()
    await network.deliver()
    await asked.report(theirs, "SEEN_CONCERN", "2026-12-14", False, "reception", "reception")
    await network.deliver()
    assert ("MONITORING", "MONITORING") == await homeward.states(network, ours, theirs)


async def test_a_statement_of_ours_from_before_the_theft_stands(network: Network) -> None:
    """What our authority signed before its key was stolen stays signed."""
    ours, _ = await homeward.on_the_day(network, minor=True)
    network.clock.pass_(hours=1)
    await revoke(network, "XAA", {welfare_key(network, "XAA")}, network.clock.now())
    await network.refresh()
    case = await story.case(network, "XAA", ours)
    assert (1, ()) == (len([one for one in case.releases if one.authority == "ours"]), case.findings)


async def test_a_spoiled_message_keeps_no_card_from_being_taken(network: Network) -> None:
    """A message that cannot be read becomes a finding too, once; others are judged, and the gateway goes on."""
    spoiled, _ = await story.acknowledged(network)
    falls, _ = await story.acknowledged(network)
    store = network.gateways["XAA"].store

    async def spoil(tx: Tx) -> None:
        row = (await tx.inbound_of_case(spoiled))[0]
        await tx.save_inbound(row._replace(sealed=b"x" * 80))

    await store.commit(spoil)
    at = network.clock.now() - timedelta(minutes=1)
    network.clock.pass_(hours=1)
    await revoke(network, "XBB", {network.gateways["XBB"].context.keyring.signing.kid}, at)
    await network.refresh()
    assert [["cannot be read here"], ["its key is revoked"]] == [
        [words for one in (await story.case(network, "XAA", ref)).findings for words in WORDS if words in one]
        for ref in (spoiled, falls)
    ]
    told = [(name, values["ref"]) for name, values in network.logs if name in ("message.fell", "message.unreadable")]
    assert [("message.unreadable", spoiled), ("message.fell", falls)] == told


async def test_a_spoiled_case_keeps_no_other_from_being_told(network: Network) -> None:
    """A case that cannot be read is told in the log alone; what fell on the next one is a finding there."""
    spoiled, _ = await story.acknowledged(network)
    falls, _ = await story.acknowledged(network)

    async def spoil(tx: Tx) -> None:
        row = await tx.find_case(spoiled)
        assert row is not None
        await tx.save_case(row._replace(sealed=b"x" * 80, version=row.version + 1))

    await network.gateways["XAA"].store.commit(spoil)
    at = network.clock.now() - timedelta(minutes=1)
    network.clock.pass_(hours=1)
    await revoke(network, "XBB", {network.gateways["XBB"].context.keyring.signing.kid}, at)
    assert 1 == len((await story.case(network, "XAA", falls)).findings)
    assert [spoiled] == [values["ref"] for name, values in network.logs if name == "case.unreadable"]


async def test_each_key_falls_from_its_own_instant(network: Network) -> None:
    """What one key signed stands though another key of the State was revoked earlier."""
    at = network.clock.now() - timedelta(days=1)
    other = SigningKey.generate()
    window = {"from": wire.format_instant(at - timedelta(days=9)), "until": wire.format_instant(at + timedelta(days=9))}
    entry = {"kid": other.kid, "key": b64.encode(other.public), **window, "revoked_at": wire.format_instant(at)}
    stands, _ = await story.acknowledged(network)
    network.clock.pass_(hours=1)
    kid = network.gateways["XBB"].context.keyring.signing.kid
    await revoke(network, "XBB", {kid}, network.clock.now(), signing=[entry])
    await network.refresh()
    assert () == (await story.case(network, "XAA", stands)).findings


def _next(network: Network, held: card.Card, keys: list[dict[str, Any]], group: str = "signing") -> card.Card:
    """Issue the card of XBB after ``held`` that lists ``keys`` in ``group``, and give it to XAA."""
    made = home.next_card(held, {group: keys}, identity(network, "XBB"), network.clock.now())
    write_card(network.homes["XAA"] / "cards", made)
    return made


def _three(network: Network, at: datetime) -> tuple[card.Card, list[list[dict[str, Any]]]]:
    """Return the card of XBB, and signing keys for the next ones: revoked, left out, and as if nothing had been."""
    own, new = network.gateways["XBB"].context.own, SigningKey.generate()
    assert own is not None
    (old,) = card.claims_of(own)["signing"]
    fresh = {**old, "kid": new.kid, "key": b64.encode(new.public)}
    return own, [[{**old, "revoked_at": wire.format_instant(at)}, fresh], [fresh], [old, fresh]]


async def test_what_a_card_revoked_that_was_passed_over_falls_too(network: Network) -> None:
    """A revoked key may be left out of the next card: read together, what it signed is told all the same."""
    at = network.clock.now()
    network.clock.pass_(hours=1)
    ours, _ = await story.replied(network)
    network.clock.pass_(hours=1)
    own, (revoked, without, _) = _three(network, at)
    third = _next(network, _next(network, own, revoked), without)
    await network.gateways["XAA"].refresh_trust()
    held = network.gateways["XAA"].context.trust.held("XBB")
    assert held is not None
    assert third.serial == held.serial
    assert (await story.case(network, "XAA", ours)).findings


async def test_what_was_stored_after_the_look_falls_too(network: Network) -> None:
    """What was verified a moment before the card came, and stored a moment after messages were looked at, is told."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    own, (revoked, _, _) = _three(network, network.clock.now() - timedelta(seconds=1))
    gateway = network.gateways["XAA"]
    _next(network, own, revoked)
    await gateway.store._alone.acquire()  # type: ignore[attr-defined]  # the disk is slow
    taking = asyncio.create_task(gateway.refresh_trust())
    for _ in range(50):
        await asyncio.sleep(0)
    message = asyncio.create_task(network.gateways["XBB"].deliverer.run_once())
    for _ in range(200):
        await asyncio.sleep(0)
    gateway.store._alone.release()  # type: ignore[attr-defined]
    await asyncio.gather(taking, message)
    for _ in range(3):
        await gateway.refresh_trust()
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)
    assert [ours] == [values["ref"] for name, values in network.logs if name == "message.fell"]


async def test_revoked_key_does_not_come_back_by_a_detour(network: Network) -> None:
    """A key that one card revoked and the next left out comes back by none after it: that State is on hold."""
    own, (revoked, without, back) = _three(network, network.clock.now())
    third = _next(network, _next(network, own, revoked), without)
    await network.gateways["XAA"].refresh_trust()
    await network.gateways["XAA"].close()
    gateway = await open_gateway(network, "XAA")  # what was revoked is kept, and not in memory alone
    _next(network, third, back)
    await gateway.refresh_trust()
    assert "revocation-undone" in gateway.context.trust.holds()["XBB"]


async def test_officers_who_compared_the_key_may_let_a_revoked_one_back(network: Network) -> None:
    """Once two officers confirmed the identity, what its card says of the keys in it counts, and the chain goes on."""
    own, (revoked, without, back) = _three(network, network.clock.now())
    third = _next(network, _next(network, own, revoked), without)
    trust = network.gateways["XAA"].context.trust
    await network.gateways["XAA"].refresh_trust()
    fourth = _next(network, third, back)
    await network.gateways["XAA"].refresh_trust()
    assert await trust.confirm("XBB", own.identity, network.clock.now(), _said)
    _next(network, fourth, back)
    await network.gateways["XAA"].refresh_trust()
    held = trust.held("XBB")
    assert held is not None
    assert ({}, 5, {}) == (trust.holds(), held.serial, trust.revoked("XBB"))


async def _said(tx: Tx) -> list[TrustEvent]:
    return [TrustEvent(0, START, "XBB", "confirm", "second", "read out")]


async def test_no_answer_leaves_to_a_question_that_fell(network: Network) -> None:
    """Whoever asked with a stolen key gets no answer that waited: the desk is told, and answers anew if it will."""
    _, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    at = network.clock.now() - timedelta(minutes=1)
    network.clock.pass_(hours=1)
    await revoke(network, "XAA", {network.gateways["XAA"].context.keyring.signing.kid}, at)
    await network.gateways["XBB"].deliverer.run_once()
    rows = await network.gateways["XBB"].store.read(lambda tx: tx.outbound_of_case(theirs))
    assert ["dropped"] == [row.state for row in rows if row.type == REPLY]
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)
