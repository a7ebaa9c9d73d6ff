"""What may keep messages from leaving, and what must not: held cases, holds, circuits, expiry, strange answers."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core import codes, envelope
from gateway.services.context import Context, Policy
from gateway.services.deliver import Line, at_once
from gateway.services.outage import lease_s, note
from gateway.services.ports import Committed, HttpAnswer, Store, Tx, Unavailable, Unit
from gateway.services.rows import OutboundRow, PartnerRow
from gateway.storage.sqlite import open_memory
from keys import jws
from tests.storage.support import NOW, Signer, outbound
from tests.support import story
from tests.support.network import Network


async def outbox(network: Network, country: str, ref: str) -> list[OutboundRow]:
    """Return the messages of a case."""
    return list(await network.gateways[country].store.read(lambda tx: tx.outbound_of_case(ref)))


async def test_held_message_takes_no_place_from_others(network: Network) -> None:
    """A frozen case whose message was posted and never receipted does not use up the places of other messages."""
    gateway = network.gateways["XAA"]
    gateway.context.policy = replace(gateway.context.policy, in_flight=1)
    network.wires.lose_answers = True
    frozen = await story.sent(network)
    await gateway.deliverer.run_once()
    network.wires.lose_answers = False
    await gateway.hold.freeze(frozen, "doubt", "welfare", "child_welfare")
    network.clock.pass_(hours=2)
    ours = await story.sent(network)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_open_circuit_lets_one_probe_out_at_a_time(network: Network) -> None:
    """While a probe is under way, no second message leaves for a partner that failed before."""
    gateway = network.gateways["XAA"]
    for _ in range(3):
        await story.sent(network)

    async def fail(tx: Any) -> None:
        row = await tx.find_partner("XBB")
        await tx.save_partner(row._replace(failures=5, open_until=network.clock.now() - timedelta(seconds=1)))

    await gateway.store.commit(fail)
    line = Line(32)
    assert 1 == len(await gateway.deliverer.claim("XBB", line))
    line.posting = 1
    assert 0 == len(await gateway.deliverer.claim("XBB", line))


async def test_one_outage_counts_once_for_all_posts_under_way(network: Network) -> None:
    """Twelve posts that fail together leave the partner alone for seconds, not for an hour."""
    gateway = network.gateways["XAA"]
    for _ in range(12):
        await story.sent(network)
    network.wires.cut = True
    await gateway.deliverer.run_once()
    row = await gateway.store.read(lambda tx: tx.find_partner("XBB"))
    assert row is not None
    assert row.open_until is not None
    assert row.open_until - network.clock.now() <= timedelta(seconds=5)


class Noting:
    """A store that keeps what partners the units are about."""

    def __init__(self, store: Store) -> None:
        self.store, self.about = store, list[str]()

    async def commit(self, unit: Unit[Any], partner: str = "") -> Committed:
        self.about.append(partner)
        return await self.store.commit(unit, partner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_whatever_holds_rows_of_a_partner_says_of_which(network: Network) -> None:
    """A message that came, its answer, and a post in vain; or two nodes could wait for one another with each."""
    for gateway in network.gateways.values():
        gateway.context.store = Noting(gateway.store)
    await story.sent(network)
    network.wires.lose_answers = True
    await network.gateways["XAA"].deliverer.run_once()
    network.wires.lose_answers = False
    network.clock.pass_(hours=2)
    await network.gateways["XAA"].deliverer.run_once()
    about = {country: gateway.context.store.about for country, gateway in network.gateways.items()}
    assert 2 == about["XAA"].count("XBB")
    assert {"XAA"} == set(about["XBB"])


async def fail(network: Network, times: int) -> None:
    """Let so many attempts of XAA at XBB fail, each as soon as it may be made."""
    deliverer, done = network.gateways["XAA"].deliverer, 0
    network.wires.cut = True
    while done < times:
        done += await deliverer.run_once()
        network.clock.pass_(seconds=5)
    network.wires.cut = False


async def after_first_answer(network: Network) -> list[str]:
    """
    Let time pass until XBB has answered one message of XAA again; return the states of all that XAA has sent.

    What would be tried within a lease may be under way at another node, and is tried after that.
    """
    gateway = network.gateways["XAA"]
    while not await gateway.deliverer.run_once():
        network.clock.pass_(seconds=30)
    await gateway.deliverer.run_once()
    network.clock.pass_(seconds=lease_s(gateway.context))
    await gateway.deliverer.run_once()
    rows = await network.gateways["XAA"].store.read(
        lambda tx: tx.outbound_since("XBB", network.clock.now() - timedelta(days=30))
    )
    return sorted(row.state for row in rows)


async def test_what_waited_through_an_outage_leaves_as_soon_as_the_partner_answers(network: Network) -> None:
    """One message that is answered after hours brings the others with it: none waits longer than a lease of its own."""
    for _ in range(3):
        await story.sent(network)
    await fail(network, 36)
    assert ["receipted"] * 3 == await after_first_answer(network)


@pytest.mark.parametrize(
    ("failures", "failure", "asked", "waits", "then"),
    [
        (5, False, None, 3000, 0),
        (4, False, None, 3000, 3000),
        (5, True, None, 3000, 3000),
        (5, False, None, 30, 30),
        (5, False, None, 31, 0),
        (5, False, 600, 3000, 600),
        (5, False, 3600, 3601, 3600),
        (5, False, 600, 590, 590),
        (5, False, 3601, 3000, 0),
    ],
)
async def test_what_an_answer_hastens(failures: int, failure: bool, asked: int | None, waits: int, then: int) -> None:
    """The first answer after an outage, what was posted and waits longer than a lease, and than it was asked to."""
    start = NOW - timedelta(seconds=1)
    row = outbound(state="posted", attempts=5, posted_at=start, next_try_at=NOW + timedelta(seconds=waits))
    store, context = open_memory(sign_batch=Signer(), now=NOW), cast("Context", SimpleNamespace(policy=Policy()))

    async def unit(tx: Tx) -> OutboundRow | None:
        await tx.save_outbound(row)
        await tx.save_partner(PartnerRow("XBB", failures=failures, open_until=start))
        until = None if asked is None else NOW + timedelta(seconds=asked)
        await note(context, tx, "XBB", failure, NOW, 0.5, until)
        found = await tx.find_partner("XBB")
        assert found is not None
        assert (failures + 1 if failure else 0, failure) == (found.failures, found.open_until is not None)
        return await tx.find_outbound("XBB", row.id)

    assert row._replace(next_try_at=NOW + timedelta(seconds=then)) == (await store.commit(unit)).value


async def test_of_several_waits_that_were_asked_for_the_latest_stands() -> None:
    """A shorter one for another message takes nothing back (M-5.11)."""
    start = NOW - timedelta(seconds=1)
    row = outbound(state="posted", attempts=5, posted_at=start, next_try_at=NOW + timedelta(seconds=3000))
    store, context = open_memory(sign_batch=Signer(), now=NOW), cast("Context", SimpleNamespace(policy=Policy()))

    async def unit(tx: Tx) -> OutboundRow | None:
        await tx.save_outbound(row)
        await tx.save_partner(PartnerRow("XBB", failures=5, open_until=start))
        for failure, asked in ((True, 600), (False, 60)):
            await note(context, tx, "XBB", failure, NOW, 0.5, NOW + timedelta(seconds=asked))
        return await tx.find_outbound("XBB", row.id)

    assert row._replace(next_try_at=NOW + timedelta(seconds=600)) == (await store.commit(unit)).value


async def test_partner_that_asked_for_time_gets_it_through_an_outage(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a partner put off for an hour is not posted sooner because it answered another message (M-5.11)."""
    post = network.wires.post

    async def busy(*_: Any) -> HttpAnswer:
        body = codes.problem("later")
        return HttpAnswer(503, codes.PROBLEM_MEDIA_TYPE, body, 3600)

    for _ in range(2):
        await story.sent(network)
    await fail(network, 5)
    network.clock.pass_(minutes=1)
    monkeypatch.setattr(network.wires, "post", busy)
    assert 1 == await network.gateways["XAA"].deliverer.run_once()
    monkeypatch.setattr(network.wires, "post", post)
    asked = network.clock.now()
    assert ["posted", "receipted"] == await after_first_answer(network)
    network.clock.instant = asked + timedelta(minutes=59, seconds=59)
    assert 0 == await network.gateways["XAA"].deliverer.run_once()
    network.clock.instant = asked + timedelta(hours=1)
    assert 1 == await network.gateways["XAA"].deliverer.run_once()


async def test_an_attempt_that_fails_late_leaves_the_next_its_lease(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that fails after its lease, as when a clock leapt, does not let what is posted again leave once more."""
    gateway, ends, begun = network.gateways["XAA"], [asyncio.Event(), asyncio.Event()], list[OutboundRow]()

    async def post(*_: Any) -> HttpAnswer:
        end = ends[len(begun)]
        begun.extend(await outbox(network, "XAA", ours))
        await end.wait()
        raise Unavailable("no answer", "")

    monkeypatch.setattr(network.wires, "post", post)
    ours, posts = await story.sent(network), []
    for number in range(len(ends)):
        posts.append(asyncio.create_task(gateway.deliverer.run_once()))
        while len(begun) <= number:
            await asyncio.sleep(0)
        network.clock.pass_(minutes=1)
    ends[0].set()
    await posts[0]
    assert begun[1:] == await outbox(network, "XAA", ours)
    ends[1].set()
    await posts[1]
    assert begun[1:] != await outbox(network, "XAA", ours)


async def test_message_that_fails_alone_waits_longer_each_time(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that a partner never answers, while it answers all others, is not tried again for each of them."""
    gateway, post = network.gateways["XAA"], network.wires.post
    alone = await story.sent(network)
    (row,) = await outbox(network, "XAA", alone)

    async def lose_one(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if body == row.envelope:
            raise Unavailable("it is lost")
        return await post(country, path, body, media_type)

    monkeypatch.setattr(network.wires, "post", lose_one)
    for _ in range(60):
        await story.sent(network)
        await gateway.deliverer.run_once()
        network.clock.pass_(minutes=1)
    (row,) = await outbox(network, "XAA", alone)
    assert row.attempts < 13


async def test_nothing_is_marked_as_posted_to_a_state_on_hold(network: Network) -> None:
    """What a hold keeps back was never posted, so that withdrawing it sends nothing at all."""
    gateway = network.gateways["XAA"]
    ours = await story.sent(network)
    gateway.context.trust._holds["XBB"] = "another identity"
    assert 0 == await gateway.deliverer.run_once()
    assert [None] == [row.posted_at for row in await outbox(network, "XAA", ours)]


async def test_nothing_is_marked_as_posted_to_a_state_without_an_address(network: Network) -> None:
    """A State whose card names no address collects what is for it, whatever the configuration says of it."""
    gateway, ours = network.gateways["XAA"], await story.sent(network)
    cards = gateway.context.trust._cards
    cards["XBB"] = replace(cards["XBB"], addresses=())
    assert 0 == await gateway.deliverer.run_once()
    assert [("queued", None)] == [(row.state, row.posted_at) for row in await outbox(network, "XAA", ours)]
    assert 1 == len(await gateway.deliverer.fetch("XBB", 1))


async def test_nothing_is_marked_as_posted_that_a_reply_to_a_collect_has_no_room_for(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not handed out was never abroad: a request that is withdrawn then is not spoken of at all (M-5.25)."""
    monkeypatch.setattr(envelope, "COLLECT_MAX_BYTES", 2 * envelope.envelope_bytes(2, envelope.SIZES[0]) + 8)
    refs = [await story.sent(network) for _ in range(3)]
    deliverer = network.gateways["XAA"].deliverer
    for most in (2, 1, 0):
        assert most == len(envelope.parse_several(await deliverer.waiting("XBB", 8)))
        posted = [row.posted_at is not None for ref in refs for row in await outbox(network, "XAA", ref)]
        assert [True, True, most < 2] == posted


async def test_message_that_cannot_be_ended_yet_takes_no_place_from_others(network: Network) -> None:
    """While the clock is not believed nothing is given up, and what has expired stands before nothing else."""
    gateway = network.gateways["XAA"]
    gateway.context.policy = replace(gateway.context.policy, in_flight=1)
    old = await story.sent(network)
    network.clock.pass_(days=31)
    await network.refresh()
    gateway.context.believes = lambda _: False
    ours = await story.sent(network)
    assert 1 == await gateway.deliverer.run_once()
    assert ("SENT", "DELIVERED") == (await story.state(network, "XAA", old), await story.state(network, "XAA", ours))


async def test_a_look_ends_no_wait_that_a_right_clock_made(network: Network) -> None:
    """What failed often waits for most of an hour, however often the clock is looked at meanwhile."""
    gateway, ours = network.gateways["XAA"], await story.sent(network)
    network.wires.cut = True
    for _ in range(12):
        await gateway.deliverer.run_once()
        (row,) = await outbox(network, "XAA", ours)
        network.clock.instant = row.next_try_at + timedelta(minutes=1)
    await gateway.deliverer.run_once()
    (row,) = await outbox(network, "XAA", ours)
    assert row.next_try_at - network.clock.now() > timedelta(minutes=20)
    await gateway.deliverer.look()
    assert [row] == await outbox(network, "XAA", ours)


async def test_what_was_answered_once_is_not_lost_where_nobody_answers_again(network: Network) -> None:
    """Posted anew to a State that was restored, a message that gets no second answer in its time stands as it did."""
    gateway, ours = network.gateways["XAA"], await story.sent(network)
    await network.deliver()
    (answered,) = await outbox(network, "XAA", ours)
    await gateway.resync.partner_restored("XBB", network.clock.now())
    assert ["posted"] == [row.state for row in await outbox(network, "XAA", ours)]
    network.clock.pass_(days=31)
    await gateway.deliverer.expire(network.clock.now())
    (row,) = await outbox(network, "XAA", ours)
    assert ("receipted", answered.answer) == (row.state, row.answer)
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_expired_message_is_not_posted_by_a_gateway_that_was_down(network: Network) -> None:
    """A gateway that comes back after the expiry ends the message instead of posting it (M-5.10)."""
    network.wires.cut = True
    ours = await story.sent(network)
    await network.deliver(1)
    network.wires.cut = False
    network.clock.pass_(days=31)
    await network.refresh()
    assert 0 == await network.gateways["XAA"].deliverer.run_once()
    assert ("UNDELIVERED", []) == (await story.state(network, "XAA", ours), network.wires.posted)


async def test_message_is_not_given_up_while_the_other_side_may_accept_it(network: Network) -> None:
    """Within 300 s after expiry the other State still accepts, so it is not undelivered yet."""
    ours = await story.sent(network)
    gateway = network.gateways["XAA"]
    (row,) = await outbox(network, "XAA", ours)
    assert 0 == await gateway.deliverer.expire(row.expires_at + timedelta(seconds=299))
    assert 1 == await gateway.deliverer.expire(row.expires_at + timedelta(seconds=301))


async def test_receipt_from_the_end_of_time_ends_no_loop(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt dated outside its key's window is no answer (M-8.3): the message is tried again, the loop goes on."""
    sign = jws.sign

    def absurd(payload: bytes, typ: str, signer: Any) -> bytes:
        if typ == jws.TYP_RECEIPT:
            value = json.loads(payload) | {"received_at": "9999-12-31T23:59:59Z"}
            payload = json.dumps(value, separators=(",", ":")).encode()
        return sign(payload, typ, signer)

    monkeypatch.setattr(jws, "sign", absurd)
    ours = await story.sent(network)
    await network.deliver()
    assert "SENT" == await story.state(network, "XAA", ours)
    assert ["posted"] == [row.state for row in await outbox(network, "XAA", ours)]


async def test_whatever_the_transport_raises_is_a_failed_attempt(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error nobody expected from one partner's server must not end the loop that serves all the others."""

    async def broken(*_: Any) -> HttpAnswer:
        raise TypeError("cannot unpack non-iterable NoneType object")

    monkeypatch.setattr(network.wires, "post", broken)
    ours = await story.sent(network)
    assert 1 == await network.gateways["XAA"].deliverer.run_once()
    assert [("posted", 1)] == [(row.state, row.attempts) for row in await outbox(network, "XAA", ours)]


async def test_row_that_cannot_be_read_holds_up_no_other(network: Network) -> None:
    """One case whose sealed value does not open is logged; the messages of other cases leave."""
    gateway = network.gateways["XAA"]
    broken, ours = await story.sent(network), await story.sent(network)

    async def damage(tx: Any) -> None:
        row = await tx.find_case(broken)
        await tx.save_case(row._replace(sealed=b"x" * 80, version=row.version + 1))

    await gateway.store.commit(damage)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)
    assert [("queued", None)] == [(row.state, row.posted_at) for row in await outbox(network, "XAA", broken)]


async def test_collect_hands_out_no_more_than_fits(network: Network) -> None:
    """Envelopes that together exceed a reply to collect come in two replies, and no reply fails."""
    gateway = network.gateways["XAA"]
    refs = [await story.sent(network) for _ in range(3)]

    async def grow(tx: Any) -> None:
        for ref in refs:
            (row,) = await tx.outbound_of_case(ref)
            await tx.save_outbound(row._replace(envelope=(row.envelope or b"").ljust(4 << 20, b"\0")))

    await gateway.store.commit(grow)
    assert 1 == len(await gateway.deliverer.waiting("XBB", 64)) // (4 << 20)
    network.clock.pass_(minutes=1)
    assert 1 == len(await gateway.deliverer.waiting("XBB", 64)) // (4 << 20)


async def test_withdrawal_waits_for_a_key_by_itself(network: Network) -> None:
    """Whoever withdraws while the other State is on hold need not come back: it leaves once there is a key."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    gateway.context.trust._holds["XBB"] = "another identity"
    await gateway.hold.freeze(ours, "doubt", "protection", "asylum_authority")
    await gateway.hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    assert 0 == await network.deliver(refresh=False)
    gateway.context.trust._holds.clear()
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert ("WITHDRAWN", "WITHDRAWN") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )


@pytest.mark.parametrize(("back", "seen"), [({"days": -4}, False), ({"minutes": -125}, True)])
async def test_clock_that_was_ahead_holds_nothing_up(network: Network, back: dict[str, float], seen: bool) -> None:
    """What could not be posted while the clock was ahead leaves once it is right; at minutes too, if that was seen."""
    gateway = network.gateways["XAA"]
    ours = await story.sent(network)
    network.clock.pass_(days=5)
    network.wires.cut = True
    for _ in range(6):
        await gateway.deliverer.run_once()
        network.clock.pass_(hours=2)
    network.wires.cut = False
    network.clock.pass_(**back)
    assert 0 == await gateway.deliverer.run_once()
    await gateway.deliverer.hasten(network.clock.now(), set_back=seen)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_clock_that_was_ahead_between_two_looks_holds_nothing_up(network: Network) -> None:
    """A clock that was an hour ahead for seconds, and right again before anybody looked, is seen by what was tried."""
    gateway = network.gateways["XAA"]
    ours = await story.sent(network)
    await gateway.deliverer.look()
    network.clock.pass_(hours=1)
    network.wires.cut = True
    await gateway.deliverer.run_once()
    network.wires.cut = False
    network.clock.pass_(minutes=-59)
    assert 0 == await gateway.deliverer.run_once()
    await gateway.deliverer.look()
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_clock_that_jumps_during_a_look_is_seen_at_the_next(network: Network) -> None:
    """What is tried under a wrong clock while somebody looks counts for the next look, and is not thrown away."""
    gateway = network.gateways["XAA"]
    ours = await story.sent(network)
    expire = gateway.deliverer.expire

    async def jump(now: datetime) -> int:
        network.clock.pass_(hours=1)
        network.wires.cut = True
        await gateway.deliverer.run_once()
        network.wires.cut = False
        network.clock.pass_(minutes=-59)
        return await expire(now)

    gateway.deliverer.expire = jump  # type: ignore[method-assign]
    await gateway.deliverer.look()
    gateway.deliverer.expire = expire  # type: ignore[method-assign]
    assert 0 == await gateway.deliverer.run_once()
    await gateway.deliverer.look()
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


PROBLEM = codes.PROBLEM_MEDIA_TYPE


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        (HttpAnswer(503, PROBLEM, codes.problem("later"), None), 2),
        (HttpAnswer(429, PROBLEM, codes.problem("rate"), None), 2),
        (HttpAnswer(409, PROBLEM, codes.problem("out-of-order"), None), 0),
        (HttpAnswer(410, PROBLEM, codes.problem("unknown-key"), None), 0),
        (HttpAnswer(502, "text/html", b"<html>", None), 2),
        (HttpAnswer(503, PROBLEM, b'{"type":"urn:xg1:never-heard-of"}', None), 2),
        (HttpAnswer(200, "application/json", b"{}", None), 2),
        (None, 2),
    ],
)
async def test_what_counts_as_a_failure(network: Network, answer: HttpAnswer | None, failures: int) -> None:
    """No answer, one that does not check, and that the whole partner is busy; another is of one message (M-5.12)."""
    gateway, ours = network.gateways["XAA"], await story.sent(network)
    await gateway.store.commit(lambda tx: tx.save_partner(PartnerRow("XBB", failures=1)))
    (claimed,) = await gateway.deliverer.claim("XBB", Line(1))
    await gateway.deliverer._store(claimed.row, answer)
    partner = await gateway.store.read(lambda tx: tx.find_partner("XBB"))
    (row,) = await outbox(network, "XAA", ours)
    assert partner is not None
    waits = timedelta(seconds=2) <= row.next_try_at - network.clock.now() <= timedelta(seconds=4)
    assert (failures, "posted", True) == (partner.failures, row.state, waits)


async def test_final_problem_that_comes_late_ends_nothing(network: Network) -> None:
    """A message that another attempt had accepted meanwhile stays so, and its thread goes on."""
    gateway, ours = network.gateways["XAA"], await story.sent(network)
    (claimed,) = await gateway.deliverer.claim("XBB", Line(1))
    network.clock.pass_(minutes=1)
    await network.deliver()
    await gateway.deliverer._store(claimed.row, HttpAnswer(400, PROBLEM, codes.problem("bad-json"), None))
    assert ["receipted"] == [row.state for row in await outbox(network, "XAA", ours)]
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_look_that_failed_before_it_hastened_does_so_the_next_time(network: Network) -> None:
    """That the clock was set back is not forgotten because the store could not be had just then."""
    gateway, noticed = network.gateways["XAA"], list[bool]()
    await story.sent(network)
    assert 1 == len(await gateway.deliverer.claim("XBB", Line(1)))
    network.clock.pass_(minutes=-59)

    async def hasten(now: datetime, *, set_back: bool = False) -> int:
        noticed.append(set_back)
        if len(noticed) < 2:
            raise Unavailable("the disk is full")
        return 0

    gateway.deliverer.hasten = hasten  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await gateway.deliverer.look()
    await gateway.deliverer.look()
    await gateway.deliverer.look()
    assert [True, True, False] == noticed


async def test_look_that_failed_half_way_hastens_once(network: Network) -> None:
    """A clock set back ends every wait once; a failure after that does not end those that began since."""
    gateway = network.gateways["XAA"]
    await story.sent(network)
    network.clock.pass_(hours=1)
    assert 1 == len(await gateway.deliverer.claim("XBB", Line(1)))
    network.clock.pass_(minutes=-59)
    expire = gateway.deliverer.expire

    async def fail(now: datetime) -> int:
        raise Unavailable("the disk is full")

    gateway.deliverer.expire = fail  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await gateway.deliverer.look()
    gateway.deliverer.expire = expire  # type: ignore[method-assign]
    assert 1 == len(await gateway.deliverer.claim("XBB", Line(1)))
    await gateway.deliverer.look()
    assert 0 == len(await gateway.deliverer.claim("XBB", Line(1)))


async def test_one_transaction_claims_no_more_than_a_share_of_a_batch(network: Network) -> None:
    """What waits beyond that is claimed in the next one, as long as there is room: nobody waits for all at once."""
    for _ in range(5):
        await story.sent(network)
    line, taken = Line(32, at_once=2), list[tuple[int, bool]]()
    while not taken or line.more:
        claimed = await network.gateways["XAA"].deliverer.claim("XBB", line)
        line.posting += len(claimed)
        taken.append((len(claimed), line.more))
    assert [(2, True), (2, True), (1, False)] == taken


@pytest.mark.parametrize(("partners", "messages"), [(0, 128), (1, 128), (8, 16), (60, 4), (190, 4)])
def test_partners_share_what_a_batch_claims(partners: int, messages: int) -> None:
    """The more there are the fewer for each: after an outage something waits for all of them."""
    assert messages == at_once(partners)


async def test_post_that_is_cancelled_below_keeps_no_place(network: Network) -> None:
    """Whatever the transport does, a post that ends gives its place back, and is tried again."""
    gateway = network.gateways["XAA"]
    await story.sent(network)
    line = Line(1)
    (claimed,) = await gateway.deliverer.claim("XBB", line)
    line.posting = 1

    async def cancelled(*_: Any) -> HttpAnswer:
        raise asyncio.CancelledError

    gateway.context.peers.post = cancelled  # type: ignore[method-assign]
    await gateway.deliverer._deliver(claimed, line)
    assert (0, 0) == (line.posting, line.storing)
    row = await gateway.store.read(lambda tx: tx.find_outbound("XBB", claimed.row.id))
    assert row is not None
    assert network.clock.now() < row.next_try_at < network.clock.now() + timedelta(seconds=10)


async def test_looks_write_nothing(network: Network) -> None:
    """Where nothing is due, neither a claim nor a partner that collects begins a transaction that writes."""
    gateway, units = network.gateways["XAA"], 0
    commit = gateway.store.commit

    async def counted(unit: Any) -> Any:
        nonlocal units
        units += 1
        return await commit(unit)

    gateway.store.commit = counted  # type: ignore[method-assign]
    assert not await gateway.deliverer.claim("XBB", Line(1))
    assert not await gateway.deliverer.fetch("XBB", 8)
    assert 0 == units
