"""
A withdrawal tells nothing: whole runs that differ in its reason alone are one run to the partner.

Compared is what passes at the HTTP boundary, byte for byte but for what is random: order, instants, first lines,
headers, sizes, and after opening every member of every message and receipt. Left out are ids, digests and signatures,
and so the ciphertext; of those only whether there is one.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.keys import window
from gateway.core import envelope, wire
from gateway.core.messages import ERASURE, WITHDRAWAL
from keys import b64, card, jws
from keys.sign import SigningKey
from tests.support import homeward, story
from tests.support.line import Exchange, Line, line
from tests.support.network import START, Network, Wires, make_network
from tests.support.restoring import card_of, next_card_of, outbox
from tests.support.spoilt import spoilt

REQUESTED = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}


async def _protection(network: Network, ref: str) -> None:
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "she asks for protection from that State", "protection", "asylum_authority", REQUESTED)
    await hold.withdraw(ref, "protection", "asylum_authority")


async def _duplicate(network: Network, ref: str) -> None:
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "entered twice", "first", "case_officer")
    await hold.withdraw(ref, "first", "case_officer")


async def _document(network: Network, ref: str) -> None:
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "her passport was found and answers the question", "second", "liaison_officer")
    await hold.withdraw(ref, "first", "case_officer")


async def _ordinary(network: Network, ref: str) -> None:
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "no longer needed", "welfare", "child_welfare")
    await hold.withdraw(ref, "second", "liaison_officer")


async def _elsewhere(network: Network, ref: str) -> None:
    """The protection need became known in another case of the same person, which was never sent."""
    gateway = network.gateways["XAA"]
    await gateway.clear.new(story.draft(asylum=REQUESTED), "first")
    await gateway.hold.withdraw(ref, "first", "case_officer")


REASONS: Mapping[str, Callable[[Network, str], Awaitable[None]]] = {
    "duplicate": _duplicate,
    "protection": _protection,
    "resolved by a document": _document,
    "ordinary": _ordinary,
    "protection, in another case": _elsewhere,
}


async def _at_request(network: Network) -> str:
    return (await story.received(network))[0]


async def _at_acknowledgement(network: Network) -> str:
    return (await story.acknowledged(network))[0]


async def _at_question(network: Network) -> str:
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    return ours


async def _at_reminder(network: Network) -> str:
    ours, _ = await story.acknowledged(network)
    network.clock.pass_(days=40)
    await network.gateways["XAA"].reminder.run_once(network.clock.now())  # queued, and dropped by the freeze
    return ours


async def _at_reply(network: Network) -> str:
    return (await story.replied(network))[0]


async def _unanswered(network: Network) -> str:
    """The request was posted, and nobody knows whether it arrived."""
    ref = await story.sent(network)
    context = network.gateways["XAA"].context
    client, context.peers = context.peers, Wires(cut=True)
    await network.gateways["XAA"].deliverer.run_once()
    context.peers = client
    return ref


async def _at_proposal(network: Network) -> str:
    return (await homeward.proposed(network))[0]


async def _on_the_day(network: Network) -> str:
    """The person is about to travel, with document, schedule and escort."""
    return (await homeward.on_the_day(network))[0]


MOMENTS: Mapping[str, Callable[[Network], Awaitable[str]]] = {
    "unanswered": _unanswered,
    "request": _at_request,
    "acknowledgement": _at_acknowledgement,
    "question": _at_question,
    "reminder": _at_reminder,
    "reply": _at_reply,
    "crossing": _at_acknowledgement,
    "proposal": _at_proposal,
    "the day": _on_the_day,
}


async def cross(network: Network, ref: str) -> None:
    """Let the other State answer before the withdrawal reaches it."""
    await story.give_answer(network, await story.twin(network, ref), story.reply())
    await network.deliver()


async def live(network: Network, **time: float) -> None:
    """Let time pass and do what every gateway does by itself."""
    network.clock.pass_(**time)
    await network.deliver()
    for gateway in network.gateways.values():
        await gateway.reminder.run_once(network.clock.now())
        await gateway.deliverer.expire(network.clock.now())
        await gateway.retention.run_once(network.clock.now())
    await network.deliver()


async def run(root: Path, moment: str, reason: str) -> tuple[list[Any], list[str]]:
    """Run a whole case with a withdrawal at ``moment``; return what the partner saw, and the types of the messages."""
    network = await make_network(root)
    async with line(network) as passed:
        network.clock.pass_(minutes=7)
        ref = await MOMENTS[moment](network)
        network.clock.pass_(minutes=5)
        await REASONS[reason](network, ref)
        if moment == "crossing":
            await cross(network, ref)
        for time in ({"minutes": 3}, {"minutes": 50}, {"hours": 1}, {"days": 1}, {"days": 45}, {"days": 600}):
            await live(network, **time)
        exchanges = passed.exchanges()
        seen = [look(passed, exchange) for exchange in exchanges]
        types = [passed.opened(exchange).type for exchange in exchanges]
    await network.close()
    return seen, types


def look(passed: Line, exchange: Exchange) -> Any:
    """Return everything about an exchange that must not differ."""
    request, response = exchange.request, exchange.response
    boundary = [(part.first, part.headers, len(part.body)) for part in (request, response)]
    payload, answer = passed.opened(exchange), wire.parse_answer(response.body)
    message = {
        "type": payload.type,
        "from": payload.sender,
        "to": payload.recipient,
        "epoch": payload.epoch,
        "seq": payload.seq,
        "issued_at": payload.issued_at,
        "expires_at": payload.expires_at,
        "clock": payload.clock,
        "body": without_ids(payload.body),
        "present": (payload.prev is not None, payload.in_reply_to is not None, len(payload.statements)),
    }
    receipt = wire.parse_receipt(jws.parse(answer.receipt, jws.TYP_RECEIPT).payload)
    told = (receipt.sender, receipt.status, receipt.code, receipt.received_at, receipt.start_on, receipt.due_on)
    sizes = (len(answer.receipt), len(answer.r), len(answer.proof))
    return exchange.at, exchange.to, boundary, message, told, sizes


ID_OR_DIGEST = re.compile(r"[A-Za-z0-9_-]{22}|[A-Za-z0-9_-]{43}")
CODE = re.compile(r"[A-Z0-9_]+")


def without_ids(value: Any) -> Any:
    """Return a body with the length of each id and digest in its place; a code is none, whatever its length."""
    if isinstance(value, dict):
        return {name: without_ids(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_ids(part) for part in value]
    random = isinstance(value, str) and ID_OR_DIGEST.fullmatch(value) and not CODE.fullmatch(value)
    return len(value) if random else value


@pytest.mark.parametrize("moment", MOMENTS)
async def test_partner_cannot_tell_why(tmp_path: Path, moment: str) -> None:
    """Runs with every reason, at one moment of the case, are the same run to the partner, to its very end (M-5.26)."""
    seen = {reason: await run(tmp_path / str(number), moment, reason) for number, reason in enumerate(REASONS)}
    first, types = seen["duplicate"]
    assert 1 == types.count(WITHDRAWAL)
    for reason, (other, _) in seen.items():
        assert (reason, first) == (reason, other)


@pytest.mark.parametrize("reason", REASONS)
async def test_case_frozen_before_anything_was_posted_sends_nothing(tmp_path: Path, reason: str) -> None:
    """Nothing at all passes if the case was frozen while its request still waited."""
    network = await make_network(tmp_path / "n")
    async with line(network) as passed:
        ref = await story.sent(network)
        await REASONS[reason](network, ref)
        for time in ({"minutes": 3}, {"hours": 2}, {"days": 45}):
            await live(network, **time)
        assert [] == passed.exchanges()
    await network.close()


async def test_comparison_would_see_a_difference(tmp_path: Path) -> None:
    """The comparison is not blind: a withdrawal at another moment of the case is a difference."""
    first, _ = await run(tmp_path / "a", "request", "duplicate")
    second, _ = await run(tmp_path / "b", "acknowledgement", "duplicate")
    assert first != second


async def _withdrawn_before(
    network: Network,
    list_keys: Callable[[Network], None],
    then: Callable[[Network], None] = lambda network: None,
) -> list[tuple[str, bytes]]:
    """
    Have XAA withdraw, and demand that all be destroyed, a quarter of an hour before other keys are in use.

    Returns, of what XBB gets at the full hour, the id of the key that signed it and that of the key it is sealed to.
    """
    network.clock.pass_(minutes=7)
    ref = (await story.acknowledged(network))[0]
    list_keys(network)
    await network.refresh()
    await _protection(network, ref)
    await network.gateways["XAA"].notices.demand_erasure(ref, "first", "case_officer")
    then(network)
    network.clock.instant = START + timedelta(minutes=40)
    await network.refresh()
    before = len(network.wires.posted)
    network.clock.instant = START + timedelta(hours=1)
    await network.deliver()
    rows = {row.digest: row for row in await outbox(network, "XAA", ref)}
    assert ["receipted"] * 2 == [row.state for row in rows.values() if row.type in (WITHDRAWAL, ERASURE)]
    seen, opener = [], network.gateways["XBB"].context
    for _, _, raw in network.wires.posted[before:]:
        parsed = envelope.parse(raw, {1, 2})
        plain = opener.opener(parsed.kid, network.clock.now()).open(parsed.head, parsed.enc_ct)
        seen.append((jws.parse(envelope.unpad(plain), jws.TYP_MESSAGE).kid, parsed.kid))
    assert 2 == len(seen)
    return seen


async def test_no_sealing_key_tells_when_a_withdrawal_was_decided(network: Network) -> None:
    """A State that lists another key each minute gets it, and what follows it, by the key of the hour (M-5.26)."""
    first, second = card.claims_of(card_of(network, "XBB"))["sealing"][:2]
    begins = wire.format_instant(START + timedelta(minutes=30))
    listed = [first, {**second, "from": begins}]
    seen = await _withdrawn_before(network, lambda network: next_card_of(network, "XBB", sealing=listed))
    assert [second["kid"]] * 2 == [b64.encode(kid) for _, kid in seen]


async def test_no_signing_key_tells_when_a_withdrawal_was_decided(network: Network) -> None:
    """Nor does the key of ours by which it is signed."""
    context, made = network.gateways["XAA"].context, SigningKey.generate()

    def rotate(network: Network) -> None:
        held = card.claims_of(card_of(network, "XAA"))["signing"]
        listed = [*held, window(made.kid, made.public, START, START + timedelta(days=366))]
        next_card_of(network, "XAA", signing=listed)

    def use(network: Network) -> None:
        context.keyring = replace(context.keyring, signing=made)

    seen = await _withdrawn_before(network, rotate, use)
    assert [made.kid] * 2 == [kid for kid, _ in seen]


async def test_what_follows_a_withdrawal_bears_no_earlier_instant(network: Network) -> None:
    """It is said within the hour in which it was decided, and dated at the full one as the withdrawal is (M-5.26)."""
    network.clock.pass_(minutes=7)
    ref = (await story.acknowledged(network))[0]
    await _protection(network, ref)
    network.clock.pass_(minutes=5)
    await network.gateways["XAA"].notices.demand_erasure(ref, "first", "case_officer")
    said = [await story.payload(network, "XAA", ref, type) for type in (WITHDRAWAL, ERASURE)]
    hour = START + timedelta(hours=1)
    assert [(hour, hour + timedelta(days=30))] * 2 == [(one.issued_at, one.expires_at) for one in said]


async def test_what_steps_behind_a_withdrawal_bears_no_earlier_instant(network: Network) -> None:
    """Nor does what takes data back, was posted and had no answer when the withdrawal was decided."""
    network.clock.pass_(minutes=7)
    ref = (await story.replied(network))[0]
    network.wires.cut = True
    await network.gateways["XAA"].notices.demand_erasure(ref, "first", "case_officer")
    await network.deliver(1)
    network.clock.pass_(minutes=5)
    await _protection(network, ref)
    assert START + timedelta(hours=1) == (await story.payload(network, "XAA", ref, ERASURE)).issued_at


async def test_withdrawal_that_is_spoiled_leaves_in_the_envelope_that_it_has(network: Network) -> None:
    """What cannot be read is sealed to no key of the hour, and the other State hears of it all the same."""
    network.clock.pass_(minutes=7)
    ref = (await story.acknowledged(network))[0]
    first, second = card.claims_of(card_of(network, "XBB"))["sealing"][:2]
    begins = wire.format_instant(START + timedelta(minutes=30))
    next_card_of(network, "XBB", sealing=[first, {**second, "from": begins}])
    await network.refresh()
    await _protection(network, ref)
    row = (await outbox(network, "XAA", ref))[-1]
    bad = row._replace(sealed=spoilt(row.sealed))
    await network.gateways["XAA"].store.commit(lambda tx: tx.save_outbound(bad))
    network.clock.instant = START + timedelta(minutes=40)
    await network.refresh()
    network.clock.instant = START + timedelta(hours=1)
    await network.deliver()
    last = (await outbox(network, "XAA", ref))[-1]
    assert (WITHDRAWAL, "receipted", "accepted") == (last.type, last.state, last.status)
