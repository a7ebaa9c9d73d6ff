"""Section 7: one log for each partner, which only grows and shows one history to everybody."""

from collections.abc import Callable

from conformance.door import answers, loses
from conformance.evidence import read_parts
from conformance.play import Play
from conformance.reading import b64u, unb64u
from conformance.registry import Wrong, case
from conformance.state import Answering, State
from conformance.writing import Key, Log, signature_line


@case("log.grows", "M-7.1", "M-7.2", "M-7.3", "M-7.6", section="7.1", positive=True, fresh=True)
async def grows(play: Play) -> None:
    """
    Every receipt is one entry; the proofs of a row of them agree with one another, and no tree is larger than it says.

    A gateway that signs a checkpoint of what it did not store shows, after a crash, another history than before.
    """
    sizes, openings = [], set()
    for number in range(12):
        shot = play.message() if number % 3 else play.message(type="no.such.type")
        parts = read_parts((await play.post(shot)).body)
        sizes.append(play.see(shot.state, parts))
        openings.add(parts["r"])
    if sizes != list(range(1, 13)):
        raise Wrong(f"twelve receipts were shown in trees of {sizes}")
    if len(openings) != 12:
        raise Wrong("one opening was used for more than one entry (M-7.2)")


@case("log.both-ways", "M-7.1", "M-7.2", section="7.1", profile="verify", positive=True, fresh=True)
async def both_ways(play: Play) -> None:
    """
    The receipts that a gateway gets are entries of its log as well, each once, in the order in which it took them.

    A gateway that enters only what it signs can say later that it never had an answer.
    """
    await play.is_asked()
    await play.is_asked()
    shot = play.message()
    got = await play.post(shot)
    play.receipt(got, shot)
    if (size := play.see(shot.state, read_parts(got.body))) != 3:
        raise Wrong(f"behind two receipts that the gateway got its own stands in a tree of {size}, not of 3 (7.1)")


@case("log.each-partner", "M-7.3", section="7.1", positive=True, fresh=True)
async def each_partner(play: Play) -> None:
    """
    Each partner has a log of its own: what one sends does not make the tree of another grow.

    A gateway with one log for all tells every partner how much the others ask.
    """
    for state in (play.b, play.b, play.b):
        await play.accepted(state.message(play.gateway))
    shot = play.message()
    got = await play.post(shot)
    play.receipt(got, shot)
    if play.see(shot.state, read_parts(got.body)) != 1:
        raise Wrong("the first receipt to a partner does not stand in a tree of size 1")


@case("log.new-epoch", "M-7.2", "M-7.3", section="7.1", needs=["restore"], positive=True, fresh=True)
async def new_epoch(play: Play) -> None:
    """
    After a restore a log begins anew with an entry made from the last checkpoint of the old one, and then grows.

    A gateway whose new log says nothing of the old one can leave out of it whatever the backup did not have.
    """
    await play.accepted(play.message())
    await play.offered("/backup")
    await play.offered("/restore")
    shot = play.message()
    got = await play.post(shot)
    play.receipt(got, shot)
    if (size := play.see(shot.state, read_parts(got.body))) != 2:
        raise Wrong(f"the first receipt after a restore stands in a tree of {size}, and not behind the old checkpoint")


@case("log.replays-add-nothing", "M-5.18", "M-7.6", section="7.1", fresh=True)
async def replays_add_nothing(play: Play) -> None:
    """
    A stored answer is given again without a new entry, and a problem enters nothing.

    A gateway that enters what it repeats lets any partner make its log as long as it likes.
    """
    shot = play.message()
    await play.post(shot)
    await play.post(shot)
    await play.problem(play.message(key=play.a.key("nobody")), "unknown-signer")
    last = play.message()
    if play.see(last.state, read_parts((await play.post(last)).body)) != 2:
        raise Wrong("two messages do not make a tree of size 2")


@case("log.forked", "M-7.5", section="7.2", profile="verify")
async def forked(play: Play) -> None:
    """
    An answer that shows another root for a size that was seen before is not taken.

    A gateway that takes it lets a partner show two histories, one to it and one to a judge.
    """
    a = play.a
    await play.is_asked()
    seen = a.log
    if seen is None:
        raise ValueError("the State has answered without a log")
    thread = await play.submit()
    a.log = Log(seen.origin, seen.key)
    a.instead = [answers(play.doors, Answering())]
    post = play.one(await play.tick(), "verification.request")
    if [row["state"] for row in await play.sent(thread)] != ["waiting"]:
        raise Wrong("an answer from a forked log was taken")
    a.log = seen
    a.answers.pop(post.read.digest)
    await play.tick(hours=2)
    if [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("an answer from the log that was seen before was not taken any more")


def _second(state: State) -> Key:
    """Return the other log key of a State whose card lists two."""
    return state.key("second log")


def _lines(*signers: Callable[[State, str], tuple[str, Key, str]]) -> Callable[[State, str], str]:
    """Return a change of a proof: its checkpoint has these signatures, each a name, a key and what is signed."""

    def change(state: State, proof: str) -> str:
        head, _, rest = proof.partition("\n\n")
        text = rest.partition("\n\n")[0] + "\n"
        lines = (signature_line(name, key, signed) for name, key, signed in (by(state, text) for by in signers))
        return f"{head}\n\n{text}\n{''.join(lines)}"

    return change


def _by_first(state: State, text: str) -> tuple[str, Key, str]:
    return text.partition("\n")[0], state.log_key, text


def _by_second(state: State, text: str) -> tuple[str, Key, str]:
    return text.partition("\n")[0], _second(state), text


def _by_nobody(state: State, text: str) -> tuple[str, Key, str]:
    return text.partition("\n")[0], state.key("nobody"), "another text"


def _by_another(state: State, text: str) -> tuple[str, Key, str]:
    return "witness.example/1", state.log_key, "another text"


def _wrong_first(state: State, text: str) -> tuple[str, Key, str]:
    return text.partition("\n")[0], state.log_key, "another text"


def _wrong_second(state: State, text: str) -> tuple[str, Key, str]:
    return text.partition("\n")[0], _second(state), "another text"


SIGNED: dict[str, tuple[bool, Callable[[State, str], str]]] = {
    "by-the-second-key": (True, _lines(_by_second)),
    "by-both-keys": (True, _lines(_by_first, _by_second)),
    "beside-an-unknown-key": (True, _lines(_by_nobody, _by_first)),
    "beside-another-name": (True, _lines(_by_first, _by_another)),
    "by-an-unknown-key": (False, _lines(_by_nobody)),
    "first-does-not-verify": (False, _lines(_wrong_first, _by_second)),
    "second-does-not-verify": (False, _lines(_by_first, _wrong_second)),
}


@case("log.signed", "M-7.3", section="7.1", inputs=SIGNED, profile="verify")
async def signed(play: Play, given: tuple[bool, Callable[[State, str], str]]) -> None:
    """
    Any log key of the card may have signed a checkpoint, others are ignored, and none of the card's may be wrong.

    A gateway that knows one key loses every answer while a State changes keys; one that stops at the first good line
    takes a checkpoint that its partners refuse, and holds as evidence what others call forged.
    """
    taken, change = given
    a, new = play.a, _second(play.a)
    a.next_card(log=[*a.card.value["log"], {"kid": new.kid, "key": b64u(new.public)}])
    await play.publish(a)
    thread = await play.submit()
    a.instead = [answers(play.doors, Answering(proof=lambda proof: change(a, proof)))]
    play.one(await play.tick(), "verification.request")
    if [row["state"] for row in await play.sent(thread)] != (["accepted"] if taken else ["waiting"]):
        raise Wrong(f"the answer was {'not ' if taken else ''}taken")
    await play.tick(hours=2)
    if [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("a right answer was not taken after a wrong one")


@case("log.smaller-size", "M-7.5", section="7.2", profile="verify", positive=True)
async def smaller_size(play: Play) -> None:
    """
    A stored answer, whose tree is smaller than the newest one seen, is taken.

    A gateway that insists on the newest tree never gets the receipt of a message whose answer was lost.
    """
    thread = await play.submit()
    play.a.instead = [loses(play.doors)]
    await play.tick()
    await play.is_asked()
    await play.tick(hours=2)
    if [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("a stored answer from a smaller tree was not taken")


@case("log.another-opening", "M-7.2", section="7.1")
async def another_opening(play: Play) -> None:
    """
    The opening of a receipt opens its entry and no other.

    A gateway whose entries do not depend on the opening lets whoever sees the log guess what is in it.
    """
    one, two = play.message(), play.message()
    first = read_parts((await play.post(one)).body)
    second = read_parts((await play.post(two)).body)
    try:
        play.see(one.state, first | {"r": second["r"]})
    except Wrong:
        play.see(one.state, first)
        if len(unb64u(first["r"])) != 32:
            raise Wrong("the opening has not 32 bytes") from None
        return
    raise Wrong("an entry opens with the opening of another one")
