"""Section 5.8, and restarts: what a gateway still knows after it was ended, or brought back from a backup."""

from conformance.play import Play
from conformance.registry import Wrong, case


@case("restore.restart", "M-5.3", "M-5.12", section="5.1", profile="verify", needs=["restart"], positive=True)
async def restart(play: Play) -> None:
    """
    After a restart the gateway gives the stored answers again, and goes on posting what was waiting.

    A gateway that keeps any of this in memory loses a message whose receipt it has signed.
    """
    shot = play.message()
    first = await play.post(shot)
    play.receipt(first, shot)
    thread = await play.submit()
    await play.offered("/restart")
    if (await play.post(shot)).body != first.body:
        raise Wrong("the stored answer was lost in a restart")
    post = play.one(await play.tick(), "verification.request")
    if post.read.thread != thread:
        raise Wrong("another message was posted after the restart than the one that waited")


@case("restore.epoch", "M-5.27", section="5.8", profile="verify", needs=["restore"], positive=True)
async def epoch(play: Play) -> None:
    """
    After a restore the gateway's card has a higher epoch, and its next message has that epoch and the number 1.

    A gateway that goes on in the old epoch uses numbers twice that it no longer remembers.
    """
    talk = await play.acknowledged()
    await play.offered("/backup")
    before = int(play.gateway.card.value["epoch"])
    await play.offered("/restore")
    if int(play.gateway.card.value["epoch"]) <= before:
        raise Wrong("the epoch was not raised by a restore")
    await talk.say("verification.reply", play.reply())
    message = play.one(await play.tick(), "verification.reply").read
    if message.value["seq"] != 1:
        raise Wrong(f"the first message of the new epoch has the number {message.value['seq']}")


@case("restore.evidence", "M-7.2", "M-7.4", section="7.2", profile="verify", needs=["evidence", "erase"], positive=True)
async def evidence(play: Play) -> None:
    """
    What proves a thread verifies, and still does after everything about the person was destroyed.

    A gateway whose evidence goes with the person can deny that it was ever asked.
    """
    talk = await play.replied()
    before = await play.evidence(talk)
    if len(before) != 3:
        raise Wrong(f"a request, an acknowledgement and a reply are proved by {len(before)} entries")
    await talk.act("erase")
    after = await play.evidence(talk)
    if [entry["receipt"] for entry in after] != [entry["receipt"] for entry in before]:
        raise Wrong("receipts are gone after an erasure")
    if any(row.get("body") is not None for row in await talk.delivered()):
        raise Wrong("the body of a message is still there after an erasure")
