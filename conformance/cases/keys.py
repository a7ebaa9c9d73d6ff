"""Sections 2 and 8.4: sealing keys, and what changes when they do."""

from conformance.door import drops, says
from conformance.play import Play
from conformance.reading import b64u, instant
from conformance.registry import Wrong, case
from conformance.state import DAY, Instead, Post
from conformance.writing import SealingKey


@case("keys.rotated", "M-8.4", "M-4.4", section="8.1", needs=["rotate"], fresh=True)
async def rotated(play: Play) -> None:
    """
    What is sealed to a key that was destroyed is `unknown-key`, and sealed anew to the new key it is accepted.

    A gateway that still opens it kept the key: whoever takes the machine reads all that was ever sent.
    """
    old = play.gateway.card.sealing(play.now())
    await play.offered("/rotate", use="sealing")
    if play.gateway.card.sealing(play.now()).kid == old.kid:
        raise Wrong("the new card still names the old sealing key")
    await play.problem(play.message(recipient=old), "unknown-key")
    await play.accepted(play.message())


@case("keys.window-over", "M-8.4", "M-4.4", section="8.1", fresh=True)
async def window_over(play: Play) -> None:
    """
    What is sealed to a key after its window is `unknown-key`.

    A gateway that opens with old keys has no forward secrecy, whatever it says of destroying them.
    """
    first = play.gateway.card.sealing(play.now())
    ends = [row["until"] for row in play.gateway.card.value["sealing"] if row["kid"] == b64u(first.kid)]
    await play.tick_to(instant(ends[0]))
    await play.problem(play.message(recipient=first), "unknown-key")


@case("keys.sealed-anew", "M-1.2", "M-4.4", section="1", profile="verify", positive=True)
async def sealed_anew(play: Play) -> None:
    """
    After `unknown-key` and a new card, the same signed message is posted again in a new envelope.

    A gateway that signs it anew asks the same question twice, under two digests.
    """
    first, second = await _before_and_after(play, says("unknown-key"), revoked=True)
    if second.raw == first.raw or second.read.payload != first.read.payload:
        raise Wrong("the message was not sealed anew around the same signed bytes")


async def _before_and_after(play: Play, first: Instead, *, revoked: bool) -> tuple[Post, Post]:
    """Return a post to which ``first`` happens, and the next one, with another sealing key listed between them."""
    a, now = play.a, play.now()
    await play.submit()
    a.instead = [first]
    before = play.one(await play.tick(), "verification.request")
    new = SealingKey(1, a.secret("sealing 2"))
    a.sealing.append(new)
    try:
        old = a.card.value["sealing"][0]
        rows = [old | {"revoked_at": a.card.value["issued_at"]}] if revoked else [old]
        a.next_card(sealing=[*rows, a.sealing_row(new, now, now + 100 * DAY)])
        await play.publish(a)
        posts = await play.tick(hours=2)
    finally:
        a.sealing.pop()
    if len(posts) != 1:
        raise Wrong(f"the gateway posted {len(posts)} times, not once")
    return before, posts[0]


@case("keys.revoked-meanwhile", "M-1.2", "M-4.4", section="1", profile="verify")
async def revoked_meanwhile(play: Play) -> None:
    """
    What waits, sealed to a key that its recipient revokes meanwhile, is sealed anew before it is posted again.

    A gateway that goes on posting it hands the person to whoever stole that key, each hour until somebody says no.
    """
    first, second = await _before_and_after(play, drops(), revoked=True)
    if second.raw == first.raw or second.read.payload != first.read.payload:
        raise Wrong("the message was posted to a revoked key, or not around the same signed bytes")


@case("keys.newer-beside", "M-1.2", section="1", profile="verify")
async def newer_beside(play: Play) -> None:
    """
    That its recipient has a newer key besides is no reason: what waits is posted again in the same bytes.

    A gateway that seals it anew shows whoever reads the line that this is another attempt of the one before.
    """
    first, second = await _before_and_after(play, drops(), revoked=False)
    if second.raw != first.raw:
        raise Wrong("the message was posted again in other bytes (M-1.2)")
