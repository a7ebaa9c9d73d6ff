"""Section 5.6: a State without an address fetches what waits for it, and brings its answers."""

from dataclasses import replace
from datetime import timedelta

from conformance.client import Got
from conformance.play import Play
from conformance.reading import b64u
from conformance.registry import Wrong, case
from conformance.returning import departure, homeward, schedule
from conformance.state import ANSWER, ANSWERS, COLLECT, DAY, SEVERAL, Answering, Message, Shot, State
from conformance.talk import Talk
from conformance.writing import MESSAGE, Key

OTHER = Key(bytes(range(32)))


def _collect(play: Play, most: int = 8, state: State | None = None) -> Shot:
    return (state or play.c).message(play.gateway, "collect", {"max": most}, path=COLLECT)


def _cut(got: Got) -> list[bytes]:
    """Return the envelopes in a reply to ``collect``. Raises ``Wrong``."""
    if (got.status, got.headers.get("content-type")) != (200, SEVERAL):
        raise Wrong(f"the reply is {got.status} {got.headers.get('content-type')}, not 200 {SEVERAL} (M-5.19)")
    found, rest = [], got.body
    while rest:
        size = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + size or not size:
            raise Wrong("the reply is not envelopes after their lengths (M-5.19)")
        found.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return found


async def _fetch(play: Play, most: int = 8, state: State | None = None) -> list[Message]:
    got = await play.post(_collect(play, most, state))
    return [(state or play.c).open(raw, play.gateway) for raw in _cut(got)]


def _answer(raw: bytes, media_type: str = ANSWER) -> Shot:
    return Shot(raw, path=ANSWERS, headers={"Content-Type": media_type})


async def _submit(play: Play, state: State) -> str:
    thread = await play.submit(state)
    await play.silent()
    return thread


async def _states(play: Play, thread: str) -> list[str]:
    return [str(row["state"]) for row in await play.sent(thread)]


@case("pull.nothing-waits", "M-5.19", section="5.6", positive=True)
async def nothing_waits(play: Play) -> None:
    """
    A `collect` gets no receipt, and an empty reply where nothing waits.

    A gateway that answers by an error tells its partner that something is wrong where nothing is.
    """
    if await _fetch(play):
        raise Wrong("something waits for a State that nobody wrote to")


@case("pull.collect", "M-5.19", "M-5.21", section="5.6", profile="verify", positive=True)
async def collect(play: Play) -> None:
    """
    What waits for a State without an address is fetched in envelopes, one of each thread, and is done once answered.

    A gateway that drops what it handed out loses a message whenever the reply is lost.
    """
    threads = [await _submit(play, play.c) for _ in range(3)]
    if (found := [message.thread for message in await _fetch(play, 2)]) != threads[:2]:
        raise Wrong(f"{len(found)} messages came where two were asked for, or not the oldest two of the three")
    await play.tick(hours=1)
    if [message.thread for message in await _fetch(play, 2)] != threads[:2]:
        raise Wrong("what was handed out and not answered did not come again before what is newer")
    await play.tick(hours=1)
    messages = await _fetch(play)
    if [message.thread for message in messages] != threads:
        raise Wrong("what was handed out and not answered does not wait any more")
    for message in messages:
        got = await play.post(_answer(play.c.answer(message, play.gateway)))
        if got.status != 204:
            raise Wrong(f"an answer was taken with {got.status}, not 204")
    if [await _states(play, thread) for thread in threads] != [["accepted"]] * 3:
        raise Wrong("the answers were not taken")
    await play.tick(hours=1)
    if await _fetch(play):
        raise Wrong("what was answered still waits")


@case("pull.one-of-a-thread", "M-5.19", "M-5.6", section="5.6", profile="verify")
async def one_of_a_thread(play: Play) -> None:
    """
    Of two messages of one thread the second is handed out once the first is answered.

    A gateway that hands out both has its reply refused by a State that has not read the acknowledgement yet.
    """
    talk = await play.asks(play.c)
    await talk.say("verification.acknowledgement", {})
    await talk.say("verification.reply", play.reply())
    for type in ("verification.acknowledgement", "verification.reply"):
        found = await _fetch(play)
        if [message.type for message in found] != [type]:
            raise Wrong(f"{', '.join(message.type for message in found) or 'nothing'} was handed out, not {type} alone")
        await play.post(_answer(play.c.answer(found[0], play.gateway)))


@case("pull.posts-again", "M-5.28", "M-5.19", section="5.8", profile="verify", positive=True)
async def posts_again(play: Play) -> None:
    """
    What a State that collects has fetched and answered waits for it again once it was restored.

    A gateway that posts again where it posts, and not where others fetch, leaves such a State without the reply.
    """
    talk = await play.asks(play.c)
    await talk.say("verification.acknowledgement", {})
    (first,) = await _fetch(play)
    await play.post(_answer(play.c.answer(first, play.gateway)))
    await play.tick(days=1)
    await play.restored(play.c)
    await play.tick()
    if first.raw not in [message.raw for message in await _fetch(play)]:
        raise Wrong("what was fetched before the restore is not handed out again")


@case("pull.plan-waits", "M-5.32", "M-5.19", section="5.10", profile="return", seconds=60.0)
async def plan_waits(play: Play) -> None:
    """
    The plan of a journey is not handed out to a State that collects before 72 hours before it, and is then.

    A gateway that looks at the hour where it posts, and not where others fetch, tells weeks ahead where a person will
    be.
    """
    talk, leaves = await homeward(play, "documented"), departure(play)
    play.a.next_card(addresses=[])
    await play.publish(play.a)
    await talk.say("return.schedule", schedule(play, leaves))
    for hours in (480, 73):
        await play.tick_to(max(play.now(), leaves - timedelta(hours=hours)))
        if found := await _fetch(play, state=play.a):
            raise Wrong(f"{found[0].type} was handed out {hours} hours before the departure")
    await play.tick_to(leaves - timedelta(hours=72, seconds=1))
    found = await _fetch(play, state=play.a)
    while not found and play.now() < leaves - timedelta(hours=1):
        await play.tick(hours=1)
        found = await _fetch(play, state=play.a)
    if [(one.type, one.body.get("status")) for one in found] != [("return.schedule", "planned")]:
        raise Wrong("the plan is not handed out before the departure")


@case("pull.stopped", "M-5.25", "M-5.26", section="5.7", profile="verify", inputs=["never-fetched", "fetched"])
async def stopped(play: Play, what: str) -> None:
    """
    What waits for a State that collects is not handed out once its case is stopped; its withdrawal is, at its hour.

    A gateway that looks at the stop where it posts, and not where others fetch, hands the person over to whoever asks.
    """
    talk = Talk(play, play.c, asking=False, thread=await _submit(play, play.c))
    wanted = []
    if what == "fetched":
        await _fetch(play)
        wanted = [("withdrawal", 2)]
    await talk.freeze("protection")
    await _nothing(play)
    await play.tick(hours=1, minutes=10)
    await _nothing(play)
    await talk.act("withdraw")
    await _nothing(play)
    await play.tick_to(play.now() + talk.to_full_hour())
    found = [(message.type, message.value["seq"]) for message in await _fetch(play)]
    if found != wanted:
        raise Wrong(f"after the full hour {found or 'nothing'} was handed out, not {wanted or 'nothing'}")


async def _nothing(play: Play) -> None:
    if found := await _fetch(play):
        raise Wrong(f"{', '.join(message.type for message in found)} was handed out of a case that is stopped")


@case("pull.on-hold", "M-8.5", section="8.2", profile="verify")
async def on_hold(play: Play) -> None:
    """
    Nothing is handed out to a State on hold: its `collect` is answered `hold`, and its answers too.

    A gateway that looks at the hold where it is posted to hands everything to whoever captured the directory.
    """
    c = play.c
    thread = await _submit(play, c)
    message = (await _fetch(play))[0]
    other = c.key("another identity")
    await play.publish(**{c.code: [c.next_card(key=other, keep=False, identity=b64u(other.public))]})
    await play.problem(_collect(play), "hold")
    play.is_problem(await play.post(_answer(c.answer(message, play.gateway))), "hold")
    if await _states(play, thread) != ["waiting"]:
        raise Wrong("an answer by a State on hold was taken")


@case("pull.unread-week", "M-8.7", section="8.3", profile="verify", needs=["unread"])
async def unread_week(play: Play) -> None:
    """
    To a State of which nothing could be read for 7 days nothing is handed out either; once it is read again, all is.

    A gateway that hands it out sends to keys that may have been revoked days ago.
    """
    thread = await _submit(play, play.c)
    await play.tick_to(play.now() + 7 * DAY + timedelta(seconds=1), unread=True)
    if await _fetch(play):
        raise Wrong("a message was handed out to a State of which nothing was read for 7 days")
    await play.tick()
    if [message.thread for message in await _fetch(play)] != [thread]:
        raise Wrong("once its cards are read again, nothing is handed out to it")


@case("pull.counts-once", "M-5.20", section="5.6")
async def counts_once(play: Play) -> None:
    """
    The same `collect` a second time is refused `id-reuse`.

    A gateway that serves it again tells whoever recorded it when messages wait.
    """
    shot = _collect(play)
    _cut(await play.post(shot))
    got = await play.post(shot)
    receipt = play.receipt(got, shot)
    if receipt["code"] != "id-reuse":
        raise Wrong(f"a repeated collect was {receipt['status']} ({receipt['code']})")


@case("pull.remembered", "M-5.20", section="5.6", fresh=True)
async def remembered(play: Play) -> None:
    """
    A `collect` counts once for as long as it is valid, also where that is weeks.

    A gateway that forgets it sooner serves whoever recorded it, on any day that he likes.
    """
    shot = play.c.message(play.gateway, "collect", {"max": 8}, path=COLLECT, expires_at=play.now() + 20 * DAY)
    _cut(await play.post(shot))
    await play.tick(days=19)
    await play.refused(shot, "id-reuse")


@case("pull.wrong-door", "M-5.19", section="5.6")
async def wrong_door(play: Play) -> None:
    """
    A `collect` where messages are posted is `unsupported-type`.

    A gateway that serves it there has a reply of another type at a door where receipts are due.
    """
    await play.refused(replace(_collect(play), path="/xg/1/messages"), "unsupported-type")


@case("pull.answered-before", "M-5.28", "M-5.21", section="5.8", profile="verify")
async def answered_before(play: Play) -> None:
    """
    An answer of before the restore, brought once more, stands for nothing that was not fetched since.

    A gateway that takes it for the answer hands the message out no more: whoever recorded that answer, or a State that
    brings it late, keeps the restored one from what it lost.
    """
    talk = await play.asks(play.c)
    await talk.say("verification.acknowledgement", {})
    (first,) = await _fetch(play)
    before = play.c.answer(first, play.gateway)
    await play.post(_answer(before))
    await play.tick(days=1)
    await play.restored(play.c)
    await play.tick()
    if (got := await play.post(_answer(before))).status != 204:
        raise Wrong(f"an answer that was taken before got {got.status}, not 204 (M-5.21)")
    if first.raw not in [message.raw for message in await _fetch(play)]:
        raise Wrong("after an answer of before the restore the message is not handed out again")


@case("pull.past-its-time", "M-5.28", "M-5.19", section="5.8", profile="full", positive=True)
async def past_its_time(play: Play) -> None:
    """
    Where a restored State fetches a message in vain, what it lacks before that is handed out past its time.

    A gateway that waits to be told `out-of-order` waits for ever: whoever fetches has no word for it.
    """
    talk = await play.asks(play.c)
    await talk.say("verification.acknowledgement", {})
    (over,) = await _fetch(play)
    await play.post(_answer(play.c.answer(over, play.gateway)))
    await play.tick(days=31)
    await play.restored(play.c)
    await play.tick()
    await talk.say("verification.reply", play.reply())
    for _ in range(40):
        await play.tick(hours=6)
        if over.payload in [message.payload for message in await _fetch(play)]:
            break
    else:
        raise Wrong("in ten days of fetching what stands behind it, what is lacking was not handed out")
    await play.post(_answer(play.c.answer(over, play.gateway, Answering(refuse="expired"))))
    for _ in range(8):
        await play.tick(hours=6)
        for message in await _fetch(play):
            if message.type == "verification.reply":
                await play.post(_answer(play.c.answer(message, play.gateway)))
    if (found := await _states(play, talk.thread)) != ["accepted", "accepted"]:
        raise Wrong(f"its messages stand as {', '.join(found)}")


@case("pull.with-an-address", "M-5.19", "M-5.21", section="5.6", profile="verify", positive=True)
async def with_an_address(play: Play) -> None:
    """
    A State with an address may fetch what waits for it, and bring its answer.

    A gateway that hands out to others alone keeps everything from a State whose door is broken.
    """
    thread = await play.submit()
    found = await _fetch(play, state=play.a)
    if [message.thread for message in found] != [thread]:
        raise Wrong(f"{len(found)} messages were handed out to a State with an address, and not the one that waits")
    if (got := await play.post(_answer(play.a.answer(found[0], play.gateway)))).status != 204:
        raise Wrong(f"its answer was taken with {got.status}, not 204")
    if await _states(play, thread) != ["accepted"]:
        raise Wrong("the answer that was brought was not taken")
    await play.silent(days=1)


WRONG: dict[str, tuple[Answering, str]] = {
    "too-large": (Answering(answer=lambda raw: raw + b" " * (69632 - len(raw))), "too-large"),
    "no-form": (Answering(answer=lambda raw: raw + b" "), "bad-payload"),
    "no-jws": (Answering(receipt=lambda receipt: receipt.replace(".", ",", 1)), "bad-payload"),
    "typ": (Answering(typ=MESSAGE), "bad-jws"),
    "content": (Answering(claims=lambda claims: claims | {"status": "perhaps"}), "bad-payload"),
    "not-ours": (Answering(claims=lambda claims: claims | {"payload": "A" * 43}), "not-for-me"),
    "signer": (Answering(key=OTHER), "unknown-signer"),
    "signature": (Answering(receipt=lambda receipt: receipt[:-8] + "AAAAAAAA"), "bad-signature"),
    "proof": (Answering(log_key=OTHER), "bad-signature"),
    "opening": (Answering(r=lambda r: "A" * 43), "bad-signature"),
}


@case("pull.answers-checked", "M-5.21", "M-5.17", section="5.6", inputs=WRONG, profile="verify")
async def answers_checked(play: Play, given: tuple[Answering, str]) -> None:
    """
    An answer that is brought and does not check is refused by its code, and the message goes on waiting.

    A gateway that checks less at this door than where it posts itself can be told anything here.
    """
    how, code = given
    thread = await _submit(play, play.c)
    message = (await _fetch(play))[0]
    got = await play.post(_answer(play.c.answer(message, play.gateway, how)))
    play.is_problem(got, code)
    if await _states(play, thread) != ["waiting"]:
        raise Wrong("an answer that does not check was taken")
    if (got := await play.post(_answer(play.c.answer(message, play.gateway)))).status != 204:
        raise Wrong(f"a right answer after a wrong one got {got.status}, not 204")


@case("pull.first-answer-stands", "M-5.21", section="5.6", profile="verify")
async def first_answer_stands(play: Play) -> None:
    """
    The first answer that verifies stands; a later one for the same message gets 204 and changes nothing.

    A gateway that takes the last one lets a partner take back, in secret, what it signed.
    """
    thread = await _submit(play, play.c)
    message = (await _fetch(play))[0]
    for how in (Answering(), Answering(refuse="illegal-step")):
        got = await play.post(_answer(play.c.answer(message, play.gateway, how)))
        if got.status != 204:
            raise Wrong(f"an answer that verifies got {got.status}, not 204")
    if await _states(play, thread) != ["accepted"]:
        raise Wrong("a later answer took the place of the first")
