"""Collecting from several partners: each by itself."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core import envelope
from gateway.services import deliver
from gateway.services.ports import HttpAnswer, Unavailable
from tests.support import story
from tests.support.network import Network, make_network
from tests.support.posted import payloads
from tests.support.restoring import back_up, outbox, restore


async def test_partner_that_takes_its_time_holds_up_no_other_collection(tmp_path: Path) -> None:
    """XBB hands out a message and is slow to take the answer; what waits at XCC is asked for all the same."""
    network = await make_network(tmp_path, ("XAA", "XBB", "XCC"), extra='transmission = "collect"\n')
    await network.gateways["XBB"].answer.acknowledge((await story.received(network))[1], "first")
    post, held, asked = network.wires.post, asyncio.Event(), asyncio.Event()

    async def slow(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if (country, path) == ("XBB", "/xg/1/answers"):
            held.set()
            await asyncio.Event().wait()
        if country == "XCC" and held.is_set():
            asked.set()
        await asyncio.sleep(0)
        return await post(country, path, body, media_type)

    network.wires.post = slow  # type: ignore[method-assign]
    collecting = asyncio.create_task(network.gateways["XAA"].collector.run())
    try:
        await asyncio.wait_for(asked.wait(), 60)
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        await network.close()
    assert held.is_set()


async def test_a_collection_that_is_cancelled_as_a_partner_fails_ends(tmp_path: Path) -> None:
    """Asking may fail of the cancellation itself; a loop that took that for the partner's failure would never end."""
    network = await make_network(tmp_path, ("XAA", "XBB"), extra='transmission = "collect"\n')
    asked, again = asyncio.Event(), asyncio.Event()

    async def post(*_: object) -> HttpAnswer:
        (again if asked.is_set() else asked).set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Unavailable("no answer: OSError", "isthmus check tries every partner") from None
        raise AssertionError

    network.wires.post = post  # type: ignore[method-assign]
    collecting = asyncio.create_task(network.gateways["XAA"].collector.run())
    goes_on = asyncio.create_task(again.wait())
    await asked.wait()
    collecting.cancel()
    await asyncio.wait({collecting, goes_on}, return_when=asyncio.FIRST_COMPLETED)
    ended = collecting.cancelled()
    for task in (collecting, goes_on):
        task.cancel()
    await network.close()
    assert ended


@pytest.mark.parametrize(
    "said",
    [
        HttpAnswer(503, envelope.MEDIA_TYPE_SEVERAL, b"", None),
        HttpAnswer(200, "text/html", b"", None),
        HttpAnswer(200, envelope.MEDIA_TYPE_SEVERAL, b"\x00\x00\x00\x09short", None),
    ],
    ids=["no success", "a page of a proxy", "no envelopes"],
)
async def test_what_is_no_answer_to_a_collect_is_none(network: Network, said: HttpAnswer) -> None:
    """Neither that nothing waits, nor a message, is read out of what something on the way may have said."""

    async def post(*_: object) -> HttpAnswer:
        return said

    network.wires.post = post  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="XBB"):
        await network.gateways["XAA"].collector.run_once("XBB")


async def test_only_a_verdict_is_brought_to_whoever_handed_out(network: Network) -> None:
    """What is no message of anybody, or waits for us to be ready, has no answer yet that its sender could take."""
    posted = list[str]()

    async def post(country: str, path: str, *_: object) -> HttpAnswer:
        posted.append(path)
        return HttpAnswer(200, envelope.MEDIA_TYPE_SEVERAL, envelope.serialize_several([bytes(64)]), None)

    network.wires.post = post  # type: ignore[method-assign]
    assert 1 == await network.gateways["XAA"].collector.run_once("XBB")
    assert ["/xg/1/collect"] == posted


async def test_a_collect_is_good_for_minutes(network: Network) -> None:
    """Whoever recorded one can say for so long, and no longer, that we ask (M-5.20)."""
    await network.gateways["XAA"].collector.run_once("XBB")
    (one,) = payloads(network, "XBB", "/xg/1/collect")
    assert timedelta(minutes=5) == one.expires_at - one.issued_at


@pytest.mark.parametrize("late", [False, True], ids=["given once more", "that comes late"])
async def test_answer_from_before_a_restore_stands_for_nothing_that_was_not_fetched_again(
    network: Network, tmp_path: Path, late: bool
) -> None:
    """Whoever fetches and was restored is handed out again what it forgot, whatever it, or anybody, posts meanwhile."""
    backup, asking = back_up(network, "XBB", tmp_path / "backup"), network.gateways["XAA"]
    ours = await story.sent(network)
    (raw,) = envelope.parse_several(await asking.deliverer.waiting("XBB", 16))
    answer = (await network.gateways["XBB"].receiver.receive(raw)).body
    if not late:
        await asking.deliverer.take_answer(answer)
    await restore(network, "XBB", backup)
    await asking.deliverer.take_answer(answer)
    network.clock.pass_(seconds=2)
    await network.gateways["XBB"].collector.run_once("XAA")
    ((said,), theirs) = await outbox(network, "XAA", ours), await story.twin(network, ours)
    assert ("receipted", "RECEIVED") == (said.state, await story.state(network, "XBB", theirs))


async def test_what_was_handed_out_is_remembered_until_it_is_answered(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more of it than a bound, for a partner may fetch and answer nothing."""
    monkeypatch.setattr(deliver, "HANDED_OUT_MAX", 1)
    asking, counts = network.gateways["XAA"].deliverer, list[int]()
    for _ in range(2):
        await story.sent(network)
    for raw in envelope.parse_several(await asking.waiting("XBB", 16)):
        counts.append(len(asking._handed_out))
        await asking.take_answer((await network.gateways["XBB"].receiver.receive(raw)).body)
    assert ([1, 1], {}) == (counts, asking._handed_out)


async def test_what_cannot_be_posted_is_left_to_who_fetches(network: Network) -> None:
    """A State whose address leads nowhere, and that fetches, has each message within a minute and not within hours."""
    post, asking, waited = network.wires.post, network.gateways["XAA"], list[int]()

    async def only_out(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if (country, path) == ("XBB", "/xg/1/messages"):
            raise Unavailable("nobody is there")
        return await post(country, path, body, media_type)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.wires, "post", only_out)
        for _ in range(2):
            ours = await story.sent(network)
            for second in range(61):
                network.clock.pass_(seconds=1)
                await asking.deliverer.run_once()
                if second % 30 == 0:
                    await network.gateways["XBB"].collector.run_once("XAA")
                if "DELIVERED" == await story.state(network, "XAA", ours):
                    waited.append(second)
                    break
    assert [30, 30] == waited
    await story.sent(network)
    assert 1 == await asking.deliverer.run_once()  # it answered, and may have its address back


async def test_who_fetches_and_answers_nothing_keeps_no_mail_from_being_posted(network: Network) -> None:
    """Somebody fetches with stolen keys of XBB, whose own gateway was down for a minute: it has its mail soon after."""
    post, asking, thief = network.wires.post, network.gateways["XAA"], network.gateways["XBB"].collector
    ours = await story.sent(network)

    async def down(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if (country, path) == ("XBB", "/xg/1/messages"):
            raise Unavailable("nobody is there")
        return await post(country, path, body, media_type)

    for second in range(0, 1200, 5):
        network.wires.post = down if second < 60 else post  # type: ignore[method-assign]
        if second % 30 == 0:
            await post("XAA", "/xg/1/collect", thief._ask("XAA", 16), envelope.MEDIA_TYPE)
        network.clock.pass_(seconds=5)
        await asking.deliverer.run_once()
        if "DELIVERED" == await story.state(network, "XAA", ours):
            break
    assert second < 420
