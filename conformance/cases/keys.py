"""Sections 2 and 8.4: sealing keys, and what changes when they do."""

from conformance.door import says
from conformance.play import Play
from conformance.reading import b64u, instant
from conformance.registry import Wrong, case
from conformance.state import DAY
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
    a = play.a
    await play.submit()
    a.instead = [says("unknown-key")]
    first = play.one(await play.tick(), "verification.request")
    new = SealingKey(1, a.secret("sealing 2"))
    now = play.now()
    a.sealing.append(new)
    try:
        rows = [a.card.value["sealing"][0] | {"revoked_at": a.card.value["issued_at"]}]
        a.next_card(sealing=[*rows, a.sealing_row(new, now, now + 100 * DAY)])
        await play.publish(a)
        second = play.one(await play.tick(hours=2), "verification.request")
    finally:
        a.sealing.pop()
    if second.raw == first.raw or second.read.payload != first.read.payload:
        raise Wrong("the message was not sealed anew around the same signed bytes")
