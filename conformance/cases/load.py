"""Sections 5.1 and 5.3: too much at once, too slowly, in pieces, and with a restart in the middle."""

import asyncio
from typing import Any

from conformance.client import Client, Got
from conformance.door import drops, says, says_bytes
from conformance.play import Play
from conformance.registry import Unclear, Wrong, case
from conformance.state import Instead, Shot
from conformance.talk import Talk

# How long to wait before the same bytes go again


WAITS: dict[str, tuple[str, str, int]] = {
    "later-120": ("later", "120", 120),
    "rate-900": ("rate", "900", 900),
    "hold-600": ("hold", "600", 600),
    "unknown-signer-300": ("unknown-signer", "300", 300),
    "out-of-order-300": ("out-of-order", "300", 300),
    "rate-3600": ("rate", "3600", 3600),
    "more-than-an-hour": ("later", "100000", 3600),
}


@case("load.retry-after", "M-5.11", section="5.3", inputs=WAITS, profile="verify")
async def retry_after(play: Play, given: tuple[str, str, int]) -> None:
    """
    After a transient answer with `Retry-After` the gateway waits for so long, but not longer than an hour.

    A gateway that does not wait brings down a partner that asked for a moment; one that waits for days misses its time.
    """
    code, wait, seconds = given
    thread = await play.submit()
    play.a.instead = [says(code, wait)]
    first = play.one(await play.tick(), "verification.request")
    await play.silent(seconds=seconds - 1)
    again = play.one(await play.tick(hours=1, seconds=1), "verification.request")
    if again.raw != first.raw or [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("the message was posted again in other bytes, or its receipt was not taken (M-1.2)")


NO_WAITS = ["Wed, 25 Nov 2026 12:00:00 GMT", "-5", "1.5", "0x10", "soon", "999999999999"]


@case("load.no-seconds", "M-5.11", section="5.3", inputs=NO_WAITS, profile="verify")
async def no_seconds(play: Play, wait: str) -> None:
    """
    A `Retry-After` that is no whole number of seconds, or an endless one, keeps no message for longer than an hour.

    A gateway that stumbles over it stops sending to whoever writes it.
    """
    await play.submit()
    play.a.instead = [says("later", wait)]
    play.one(await play.tick(), "verification.request")
    await play.silent(seconds=1)
    play.one(await play.tick(hours=1, seconds=1), "verification.request")


@case("load.longer-each-time", "M-5.11", "M-5.12", section="5.3", profile="verify", seconds=60.0)
async def longer_each_time(play: Play) -> None:
    """
    A message that finds nobody is tried again after 2 s at the earliest, then less and less often, and each hour.

    A gateway that tries each second is one flood among many when a partner comes back.
    """
    await play.submit()
    play.a.instead = [drops() for _ in range(500)]
    play.one(await play.tick(), "verification.request")
    await play.silent(seconds=1)
    early = await _tries(play, 40, seconds=30)
    if (count := await _tries(play, 24, minutes=20)) < 8:
        raise Wrong(f"in eight hours the message was posted {count} times, not once an hour")
    late = await _tries(play, 40, seconds=30)
    if late > 1 and late > early / 2:
        raise Wrong(f"in twenty minutes it was posted {early} times at first, and {late} times after eight hours")


async def _tries(play: Play, times: int, **passes: float) -> int:
    """Return how often the gateway posted while so much time passed so many times."""
    return sum([len(await play.tick(**passes)) for _ in range(times)])


# Much at once


async def _at_once(play: Play, shots: list[Shot]) -> None:
    """Post ``shots`` at the same time, and insist that each is accepted and applied exactly once."""
    for shot, got in zip(shots, await asyncio.gather(*map(play.post, shots)), strict=True):
        await _settle(play, shot, got)
    await _once(play, shots)


async def _settle(play: Play, shot: Shot, got: Got) -> None:
    """Take the receipt in ``got``; where the gateway was busy, post once more."""
    if got.status in (429, 503):
        play.is_problem(got, "rate" if got.status == 429 else "later")
        got = await play.post(shot)
    if (receipt := play.receipt(got, shot))["status"] != "accepted":
        raise Wrong(f"one message of many was refused as {receipt['code']}")


async def _once(play: Play, shots: list[Shot]) -> None:
    rows = await play.delivered()
    if rows is None:
        return
    for shot in shots:
        if (count := sum(row["digest"] == shot.digest for row in rows)) != 1:
            raise Wrong(f"one message of many was applied {count} times, not once")


@case("load.many-at-once", "M-5.3", "M-7.6", section="5.1", inputs={"one": 1, "three": 3}, fresh=True, seconds=40.0)
async def many_at_once(play: Play, states: int) -> None:
    """
    Forty-eight messages at once, of one State or of three, are each accepted once, and the logs only grow.

    A gateway that mixes up what it does at the same time loses a message, or shows two trees of one size.
    """
    senders = [play.a, play.b, play.d][:states]
    await _at_once(play, [senders[number % states].message(play.gateway) for number in range(48)])


@case("load.one-thread-at-once", "M-5.7", "M-5.3", section="5.2", fresh=True)
async def one_thread_at_once(play: Play) -> None:
    """
    A whole thread at once ends in its order: each message is accepted once its turn has come, and never twice.

    A gateway that reads the last number before it writes the next lets two messages into one place.
    """
    talk = Talk(play, play.a, asking=True)
    shots = [talk.message("verification.request", play.a.question())]
    shots += [talk.message("reminder", {"number": n - 1, "step": "reply"}, seq=n) for n in range(2, 7)]
    got = await asyncio.gather(*map(play.post, reversed(shots)))
    if bad := {one.status for one in got} - {200, 409, 503}:
        raise Wrong(f"the answers have the status {', '.join(map(str, sorted(bad)))}")
    for shot in shots:
        await _settle(play, shot, await play.post(shot))
    await _once(play, shots)
    rows = await play.delivered(talk.thread)
    if rows is not None and [row["seq"] for row in rows] != list(range(1, 7)):
        raise Wrong(f"the thread was applied in the order {[row['seq'] for row in rows]}")


# Slowly, and in pieces


PIECES = {"halves": 5000, "a-kilobyte": 1000, "the-head-apart": 200}


@case("load.in-pieces", "M-5.3", section="5.1", inputs=PIECES)
async def in_pieces(play: Play, size: int) -> None:
    """
    A message that arrives in pieces, with pauses, is taken like any other.

    A gateway that takes the first piece for the whole refuses everybody behind a slow line.
    """
    shot = play.message()
    whole = play.client.request(shot)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    got = await play.client.answer(pieces, every_s=0.02)
    if got is None:
        raise Wrong("a message in pieces got no answer")
    if play.receipt(got, shot)["status"] != "accepted":
        raise Wrong("a message in pieces was refused")


BROKEN = {"in-the-head": 60, "after-the-head": 190, "in-the-body": 4000, "one-byte-short": -1}


@case("load.broken-off", "M-5.3", "M-5.5", section="5.1", inputs=BROKEN, fresh=True)
async def broken_off(play: Play, count: int) -> None:
    """
    A message that breaks off leaves nothing behind, and is accepted when it comes whole.

    A gateway that keeps a part of it answers the whole as something that it knows already.
    """
    shot = play.message()
    got = await play.client.raw([play.client.request(shot)[:count]], timeout_s=0.4)
    if got is not None and got.status == 200:
        raise Wrong("a message that broke off was answered as if it were whole")
    if await play.delivered(shot.thread):
        raise Wrong("a message that broke off was applied")
    await play.accepted(shot)


ANSWERED_S = 10.0
"""Within which a message is answered, also by a slow gateway on a busy machine; the slow ones wait for that."""


@case("load.slow-ones-wait", "M-5.3", section="5.1", fresh=True, seconds=30.0)
async def slow_ones_wait(play: Play) -> None:
    """
    While fifty senders bring their bodies slowly, another message is answered at once.

    A gateway that waits for each is stopped by anybody who can open fifty connections.
    """
    shots = [play.message() for _ in range(50)]
    wholes = [play.client.request(shot) for shot in shots]
    answered = asyncio.Event()
    halves = [[whole[:3000], whole[3000:]] for whole in wholes]
    slow = [asyncio.create_task(play.client.answer(half, every_s=3.0, after=answered)) for half in halves]
    try:
        await asyncio.sleep(0.2)
        async with asyncio.timeout(ANSWERED_S):
            await play.post(play.message())
    except TimeoutError:
        raise Wrong("a message was not answered while others came slowly") from None
    finally:
        answered.set()
        got = await asyncio.gather(*slow)
    for shot, one in zip(shots, got, strict=True):
        if one is None:
            raise Wrong("a message that came slowly got no answer")
        await _settle(play, shot, one)


# Which address


FIRST: dict[str, list[Instead]] = {
    "nothing-answers": [],
    "a-proxy": [says_bytes(b"<html>", "text/html", 502)],
    "a-redirect": [says_bytes(b"", "text/plain", 308, Location="/xg/1/collect")],
    "not-found": [says_bytes(b"", "text/plain", 404)],
}


@case("load.next-address", "M-5.11", "M-1.2", section="1", inputs=FIRST, profile="verify")
async def next_address(play: Play, instead: list[Instead]) -> None:
    """
    Where the first address of a card does not answer as a gateway does, the next one gets the same bytes at once.

    A gateway that knows one address only is cut off by whoever cuts that one line.
    """
    other = await play.doors.open(play.b)
    first = play.b.addresses[0] if instead else "http://127.0.0.1:9"
    play.b.next_card(addresses=[first, other])
    await play.publish(play.b)
    thread = await play.submit(play.b)
    play.b.instead = list(instead)
    posts = await play.tick()
    if [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("the message did not go to the next address of the card at once")
    if len(posts) != 1 + len(instead) or len({post.raw for post in posts}) != 1:
        raise Wrong(f"the message was posted {len(posts)} times, or in other bytes (M-1.2)")


@case("load.address-with-a-slash", "M-5.11", section="1", profile="verify", positive=True)
async def address_with_a_slash(play: Play) -> None:
    """
    The URL is an address of the card, less the slash at its end if it has one, and the path.

    A gateway that puts one behind the other posts to a path that nobody serves, and its partner never hears of it.
    """
    play.b.next_card(addresses=[f"{play.b.addresses[0]}/"])
    await play.publish(play.b)
    await play.submit(play.b)
    play.one(await play.tick(), "verification.request")


@case("load.one-problem", "M-5.11", section="1", profile="verify", inputs=["later", "hold"])
async def one_problem(play: Play, code: str) -> None:
    """
    A problem is an answer of the partner: it is not asked again at its next address before its time.

    A gateway that tries every address after each problem is as many times as loud as there are addresses.
    """
    other = await play.doors.open(play.b)
    play.b.next_card(addresses=[play.b.addresses[0], other])
    await play.publish(play.b)
    await play.submit(play.b)
    play.b.instead = [says(code)]
    play.one(await play.tick(), "verification.request")
    play.one(await play.tick(hours=1), "verification.request")


@case("load.no-redirect", "M-5.11", section="1", profile="verify", inputs={"307": 307, "308": 308, "302": 302})
async def no_redirect(play: Play, status: int) -> None:
    """
    A redirect is not followed, wherever it leads: the message waits, and goes to the address of the card again.

    A gateway that follows it lets whoever answers for a partner send its messages anywhere.
    """
    door = await play.doors.open(play.a)
    thread = await play.submit()
    play.a.instead = [says_bytes(b"", "text/plain", status, Location=f"{door}/xg/1/messages")]
    play.one(await play.tick(), "verification.request")
    if [row["state"] for row in await play.sent(thread)] != ["waiting"]:
        raise Wrong("the message does not wait after a redirect")
    play.one(await play.tick(hours=1), "verification.request")


# A restart in the middle


RESTART = ("restart",)


@case("load.restart-keeps-waits", "M-5.12", "M-1.2", section="5.3", needs=RESTART, profile="verify")
async def restart_keeps_waits(play: Play) -> None:
    """
    A restarted gateway goes on where it stopped: it waits as long as it was asked to, and posts the same bytes.

    A gateway that begins anew posts everything at once, to the very partner that asked for a pause.
    """
    thread = await play.submit()
    play.a.instead = [says("rate", "1800")]
    first = play.one(await play.tick(), "verification.request")
    await play.offered("/restart")
    await play.silent(seconds=1799)
    await play.offered("/restart")
    again = play.one(await play.tick(hours=1), "verification.request")
    if again.raw != first.raw or [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("after a restart the message was posted in other bytes, or its receipt was not taken")


@case("load.restart-remembers", "M-5.3", "M-5.18", "M-5.7", "M-7.6", section="5.1", needs=RESTART, fresh=True)
async def restart_remembers(play: Play) -> None:
    """
    After a restart the same message gets the same answer, the next number is due, and the log goes on.

    A gateway that answered before it wrote has, after a power cut, never heard of what it signed for.
    """
    talk = Talk(play, play.a, asking=True)
    shot = talk.message("verification.request", play.a.question())
    before = await play.post(shot)
    play.receipt(before, shot)
    talk.used(shot)
    await play.offered("/restart")
    if (await play.post(shot)).body != before.body:
        raise Wrong("after a restart the same message got another answer")
    await talk.send("reminder", {"number": 1, "step": "reply"})
    await talk.refused("id-reuse", "reminder", {"number": 1, "step": "reply"}, seq=1)


@case("load.restart-in-the-middle", "M-5.3", "M-7.6", "M-5.18", section="5.1", needs=RESTART, fresh=True, seconds=60.0)
async def restart_in_the_middle(play: Play) -> None:
    """
    With a restart among thirty-two messages each that got a receipt keeps it, and the others are taken later.

    A gateway that shows what it has not stored signs, after the restart, another history for the same log.
    """
    shots = [play.message() for _ in range(32)]
    client = Client(play.client.url)
    posts = [asyncio.create_task(_try(client, shot)) for shot in shots]
    await asyncio.sleep(0.02)
    await play.offered("/restart")
    answers = await asyncio.gather(*posts)
    await client.close()
    for shot, got in zip(shots, answers, strict=True):
        again = await play.post(shot)
        await _settle(play, shot, again)
        if got is not None and got.status == 200 and got.body != again.body:
            raise Wrong("a message that had its receipt before the restart got another one after it")
    await _once(play, shots)


async def _try(client: Client, shot: Shot) -> Any:
    try:
        return await client.post(shot)
    except Unclear:
        return None
