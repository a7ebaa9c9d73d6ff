"""Section 5.2: numbers, epochs and ids."""

from datetime import timedelta

from conformance.play import Play
from conformance.registry import case
from conformance.talk import Talk

S, D = timedelta(seconds=1), timedelta(days=1)
EARLY = {
    "issued-ahead": (301 * S, D),
    "more-than-30-days": (0 * S, 30 * D + S),
    "expired": (-2 * D, -301 * S),
}


@case("order.next", "M-5.7", section="5.2", positive=True, inputs={"1": 1, "2": 2})
async def following(play: Play, first: int) -> None:
    """
    The next number of a thread is accepted; what was refused before it used up its own number.

    A gateway that counts accepted messages only waits for ever for a number that will not come.
    """
    talk = Talk(play, play.a, asking=True)
    for _ in range(first - 1):
        await talk.refused("illegal-step", "reminder", {"number": 1, "step": "reply"})
    await talk.send("verification.request", play.a.question())


@case("order.gap", "M-5.7", "M-5.5", section="5.2")
async def gap(play: Play) -> None:
    """
    A number higher than the next one is `out-of-order`, and accepted once the one before has come.

    A gateway that takes it applies two messages in an order that their sender never meant.
    """
    talk = Talk(play, play.a, asking=True)
    first = talk.message("verification.request", play.a.question())
    second = talk.message("reminder", {"number": 1, "step": "reply"}, seq=2)
    await play.problem(second, "out-of-order")
    await play.accepted(first)
    await play.accepted(second)


@case("order.gap-first", "M-5.9", "M-5.1", section="5.2", inputs=EARLY)
async def gap_first(play: Play, times: tuple[timedelta, timedelta]) -> None:
    """
    A number higher than the next one is `out-of-order` also where the times alone would have the message refused.

    A gateway that refuses it uses up no number where the sender does, and takes nothing more of that thread.
    """
    issued, expires = times
    talk = Talk(play, play.a, asking=True)
    how = {"issued_at": play.now() + issued, "expires_at": play.now() + expires}
    await play.problem(talk.message("reminder", {"number": 1, "step": "reply"}, seq=2, **how), "out-of-order")


@case("order.used-number", "M-5.7", "M-5.9", section="5.2")
async def used_number(play: Play) -> None:
    """
    Another message under a number that was used is refused `id-reuse`, and uses no number.

    A gateway that takes it has two messages in one place of a thread.
    """
    talk = await play.asks()
    await play.refused(talk.message("reminder", {"number": 1, "step": "reply"}, seq=1), "id-reuse")
    await talk.send("reminder", {"number": 1, "step": "reply"})


@case("order.used-id", "M-3.2", "M-5.9", section="5.2")
async def used_id(play: Play) -> None:
    """
    An id that was used for another payload is refused `id-reuse`, and uses up the number if it is the next one.

    A gateway that does not remember ids cannot tell a repetition from something new.
    """
    talk = Talk(play, play.a, asking=True)
    first = talk.message("verification.request", play.a.question())
    await play.accepted(first)
    talk.used(first)
    await talk.refused("id-reuse", "reminder", {"number": 1, "step": "reply"}, id=first.id)
    await talk.send("reminder", {"number": 1, "step": "reply"})


@case("order.two-states", "M-3.2", "M-5.1", "M-5.24", section="3.2", positive=True)
async def two_states(play: Play) -> None:
    """
    An id and a thread are those of one State toward another: a second State that names the same ones has its own.

    A gateway that looks for the id, or the thread, alone gives one State the answer to another's message, and lets
    whoever guessed a thread take another State's case back.
    """
    talk = await play.asks()
    shot = talk.message("reminder", {"number": 1, "step": "reply"})
    await play.accepted(play.b.message(play.gateway, id=shot.id))
    await play.refused(
        play.b.message(play.gateway, "reminder", {"number": 1, "step": "reply"}, thread=talk.thread), "illegal-step"
    )
    await play.accepted(
        play.b.message(play.gateway, "withdrawal", {"code": "WITHDRAWN_NO_REASON"}, thread=talk.thread, seq=9)
    )
    await play.accepted(shot)


@case("order.epoch", "M-5.8", section="5.2", inputs={"lower": 0, "higher": 2})
async def epoch(play: Play, number: int) -> None:
    """
    A higher epoch than that of the sender's card is `later`; a lower one is refused, or no payload where it is 0.

    A gateway that takes any epoch lets a restored sender, or whoever plays one, begin to count anew.
    """
    shot = play.message(epoch=number)
    await play.problem(shot, "later" if number == 2 else "bad-payload")
