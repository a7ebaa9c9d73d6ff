"""Sections 5.1 and 5.5: the same message again, in all its forms."""

import asyncio
from dataclasses import replace
from typing import Any

from conformance.evidence import read_parts
from conformance.play import Play
from conformance.registry import Wrong, case


@case("replay.same-bytes", "M-5.18", "M-5.3", section="5.5", positive=True)
async def same_bytes(play: Play) -> None:
    """
    The same envelope again gets the stored answer, byte for byte, and is applied once.

    A gateway that answers anew signs two receipts for one message, or applies it twice.
    """
    shot = play.message()
    first = await play.post(shot)
    play.receipt(first, shot)
    if (await play.post(shot)).body != first.body:
        raise Wrong("the same envelope got another answer the second time")
    if len(await play.delivered(shot.thread) or [1]) != 1:
        raise Wrong("the message was applied more than once")


@case("replay.sealed-anew", "M-5.15", "M-5.18", section="5.5", positive=True)
async def sealed_anew(play: Play) -> None:
    """
    The same signed message in another envelope gets the stored answer.

    A gateway that knows messages by their envelopes applies one twice when its sender had to seal it again.
    """
    frame: dict[str, Any] = {"id": play.a.token(), "thread": play.a.token()}
    shot, again = play.message(**frame), play.message(**frame)
    if shot.digest != again.digest or shot.raw == again.raw:
        raise ValueError("the suite did not seal the same message twice")
    first = await play.post(shot)
    play.receipt(first, shot)
    if (await play.post(again)).body != first.body:
        raise Wrong("the same message in another envelope got another answer")


@case("replay.at-once", "M-5.3", "M-5.15", section="5.5", seconds=40.0)
async def at_once(play: Play) -> None:
    """
    One envelope posted eight times at once gets one answer, and is applied once.

    A gateway that looks first and stores later applies it as often as it was under way.
    """
    shot = play.message()
    got = await asyncio.gather(*(play.post(shot) for _ in range(8)))
    receipts = {play.receipt(one, shot)["received_at"] for one in got if one.status == 200}
    if {one.status for one in got} - {200, 503} or not receipts:
        raise Wrong(f"the answers have the status {sorted({one.status for one in got})}")
    if len({one.body for one in got if one.status == 200}) != 1:
        raise Wrong("one message got more than one answer")
    if len(await play.delivered(shot.thread) or [1]) != 1:
        raise Wrong("the message was applied more than once")


@case("replay.other-path", "M-5.19", section="5.6", inputs=["/xg/1/collect"])
async def other_path(play: Play, path: str) -> None:
    """
    A message that is no `collect` is refused `unsupported-type` at the path of `collect`.

    A gateway that takes any message at any path has a door that its checks may not stand before.
    """
    await play.refused(replace(play.message(), path=path), "unsupported-type")


@case("replay.after-expiry", "M-5.18", section="5.5", fresh=True, profile="receive")
async def after_expiry(play: Play) -> None:
    """
    The same envelope again, later than 300 s after it expired, is refused `expired`, and its id is used for good.

    A gateway that keeps its answers for ever keeps what it promised to forget; one that forgets the id applies it anew.
    """
    shot = play.message()
    await play.accepted(shot)
    await play.tick(days=14, seconds=301)
    await play.refused(shot, "expired")
    await play.refused(play.message(id=shot.id), "id-reuse")


@case("replay.expired-once", "M-5.18", section="5.5", fresh=True, profile="receive")
async def expired_once(play: Play) -> None:
    """
    The answer to a replay of what has expired is made once, and is the same one as often as it is asked for.

    A gateway that signs another one each time lets whoever recorded a message make its log as long as it likes.
    """
    frame: dict[str, Any] = {"id": play.a.token(), "thread": play.a.token()}
    shot, anew = play.message(**frame), play.message(**frame)
    await play.accepted(shot)
    await play.tick(days=14, seconds=301)
    got = await play.post(shot)
    play.receipt(got, shot)
    for again in (shot, anew):
        if (await play.post(again)).body != got.body:
            raise Wrong("the answer to what has expired is another one the second time")


@case("replay.revoked-key", "M-5.18", "M-5.17", section="5.5", needs=["rotate"], fresh=True, positive=True)
async def revoked_key(play: Play) -> None:
    """
    Where the key of a stored receipt was revoked, the same content is given under the new key.

    A gateway that gives the old receipt has partners that take none of them, and never learn what was answered.
    """
    shot = play.message()
    first = read_parts((await play.post(shot)).body)["receipt"].split(".")
    await play.offered("/rotate", use="signing")
    got = await play.post(shot)
    again = read_parts(got.body)["receipt"].split(".")
    if again[0] == first[0]:
        raise Wrong("the receipt is given as it was, by the key that was revoked")
    if again[1] != first[1]:
        raise Wrong("the receipt says something else under the new key")
    play.receipt(got, shot)
