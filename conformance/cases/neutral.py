"""Sections 1 and 5.4: what shows of a message, an answer or a refusal is the same, whatever it is about."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

from conformance.bodies import body, refuses, send, signed
from conformance.client import Got
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.state import DAY, flip, swap
from conformance.talk import Talk
from conformance.writing import SealingKey, stamp

NEVER = frozenset({"x-powered-by", "via", "set-cookie", "etag", "location", "last-modified"})
"""Headers of an answer that tell its reader apart, or the software, or when something last happened."""

WORDS = re.compile(
    r"traffick|victim|child|minor|asylum|refugee|protect|guardian|return|exploit|smuggl|welfare|frozen|stopped"
    r"|aiohttp|python|express|node|java|nginx|go-http",
    re.IGNORECASE,
)


def _plain(got: Got) -> None:
    """Insist that an answer has no header that tells something, and no telling word in one."""
    if more := set(got.headers) & NEVER:
        raise Wrong(f"the answer has the headers {', '.join(sorted(more))}")
    if found := WORDS.search(" ".join(f"{name}: {value}" for name, value in got.headers.items())):
        raise Wrong(f"a header of the answer says {found.group()}")


@case("neutral.answers", "M-5.5", section="1")
async def answers(play: Play) -> None:
    """
    Accepted, refused or a problem: an answer has the same headers, of which none tells anything, and no telling word.

    A gateway that names its software, or a case, in a header tells everybody on the line.
    """
    shots = {
        "accepted": play.message(),
        "refused": play.message(type="no.such.type"),
        "problem": play.message(sealed=flip(4000)),
        "transient": play.message(key=play.a.key("nobody")),
        "empty-collect": play.message(type="collect", body={"max": 1}, path="/xg/1/collect"),
        "unknown-path": play.message(path="/xg/1/nothing"),
    }
    names = {}
    for kind, shot in shots.items():
        got = await play.post(shot)
        _plain(got)
        names[kind] = sorted(set(got.headers) - {"retry-after", "connection", "content-length", "transfer-encoding"})
        if kind in ("problem", "transient", "unknown-path") and (found := WORDS.search(got.body.decode())):
            raise Wrong(f"the problem says {found.group()}")
    for kind, shown in names.items():
        if shown != names["accepted"]:
            raise Wrong(f"an answer that is {kind} has the headers {shown}, an accepted one {names['accepted']}")


@case("neutral.sizes", "M-4.3", "M-5.16", section="4", profile="verify")
async def same_size(play: Play) -> None:
    """
    Each message of a verification has the same size on the line, and the same headers, whatever it says.

    A gateway whose refusals, withdrawals or negative replies are longer than others can be read by counting bytes.
    """
    begun = len(play.doors.posts)
    for outcome in ("national", "not-found", "refused"):
        await play.replied(outcome)
    talk = await play.taken_up()
    await talk.reply("not-found")
    await talk.said("verification.contest", {"ground": "NEW_ELEMENT"})
    talk = await play.taken_up()
    await talk.withdraw("protection")
    talk.take(play.one(await play.tick(hours=1), "withdrawal"))
    posts = play.doors.posts[begun:]
    seen = {(post.path, len(post.raw), *sorted(item for item in post.headers if item[0] != "Host")) for post in posts}
    if len(seen) != 1:
        lengths = sorted({len(post.raw) for post in posts})
        raise Wrong(f"{len(posts)} messages of a verification show in {len(seen)} ways, with the sizes {lengths}")
    for name, value in posts[0].headers:
        if found := WORDS.search(f"{name}: {value}"):
            raise Wrong(f"a header of the gateway's posts says {found.group()}")
    if "user-agent" in {name.lower() for name, _ in posts[0].headers}:
        raise Wrong("the gateway's posts name its software")


Reason = Callable[[Play], tuple[object, object]]
SAME: dict[str, Reason] = {
    "bad-payload": lambda play: (play.message(v=2), play.message(payload=swap(b'"seq":1', b'"seq":0'))),
    "bad-padding": lambda play: (play.message(plain=flip(8191)), play.message(plain=flip(7000))),
    "bad-jws": lambda play: (play.message(typ="xg1-receipt+jws"), play.message(header=b"{}")),
    "bad-json": lambda play: (play.message(body=b'{"a":1.5}'), play.message(body=b'{"a":1,"a":1}')),
    "unknown-signer": lambda play: (play.message(key=play.a.revoked), play.message(key=play.a.over)),
    "unknown-signer-of-nobody": lambda play: (play.message(key=play.a.early), play.stranger.message(play.gateway)),
}


@case("neutral.one-code", "M-5.5", section="5.4", inputs=SAME)
async def one_code(play: Play, of: Reason) -> None:
    """
    Two different reasons for one code are answered by the same bytes and headers.

    A gateway that explains itself teaches whoever tries which key was revoked, or which State it knows.
    """
    first, second = [await play.post(shot) for shot in of(play)]  # type: ignore[arg-type]  # both are shots
    seen = [(got.status, got.body, {**got.headers, "date": ""}) for got in (first, second)]
    if seen[0] == seen[1]:
        return
    first_headers, second_headers = (set(one[2].items()) for one in seen)
    if differ := sorted({name for name, _ in first_headers ^ second_headers}):
        raise Wrong(f"one code shows in two ways, by the headers {', '.join(differ)}")
    raise Wrong(f"one code shows in two ways: {seen[0][:2]!s:.90} and {seen[1][:2]!s:.90}")


async def _unknown(play: Play) -> Talk:
    return Talk(play, play.a, asking=True)


async def _requested(play: Play) -> Talk:
    return await play.asks()


async def _frozen(play: Play) -> Talk:
    talk = await play.acknowledged()
    await talk.freeze("protection")
    return talk


async def _closed(play: Play) -> Talk:
    talk = await play.replied()
    await talk.act("close")
    return talk


async def _withdrawn(play: Play) -> Talk:
    talk = await play.acknowledged()
    await send(talk, "withdrawal")
    return talk


PLACES: dict[str, Callable[[Play], Awaitable[Talk]]] = {
    "unknown": _unknown,
    "requested": _requested,
    "frozen": _frozen,
    "closed": _closed,
    "withdrawn": _withdrawn,
}


@case("neutral.why-not", "M-5.5", "M-5.4", "M-5.30", section="5.1", profile="verify")
async def why_not(play: Play) -> None:
    """
    Whether a thread is unknown, early, frozen, closed or withdrawn does not show in a refusal.

    A gateway whose refusals differ lets a partner find out, by asking, that a case was stopped.
    """
    seen: dict[str, tuple[object, ...]] = {}
    for name, begin in PLACES.items():
        talk = await begin(play)
        value = body(play, talk, "verification.contest")
        shot = talk.message("verification.contest", value, statements=signed(talk, "verification.contest", value))
        got = await play.post(shot)
        said = play.receipt(got, shot)
        shown = {name: part for name, part in said.items() if name not in ("payload", "received_at")}
        seen[name] = (got.status, sorted({**got.headers, "date": ""}.items()), len(got.body), shown)
    for name, one in seen.items():
        if one != seen["unknown"]:
            raise Wrong(f"a thread that is {name} is refused in another way than one that is unknown: {one[3]}")


@case("neutral.stopped-looks-open", "M-5.30", section="5.9", profile="verify")
async def stopped_looks_open(play: Play) -> None:
    """
    A thread that its own desk has stopped takes and refuses as where it was stopped.

    A gateway that refuses everything there tells its partner, at the first reminder, that there is a stop.
    """
    talk = await _frozen(play)
    await send(talk, "reminder")
    await send(talk, "use-report.request")
    await talk.refused("illegal-step", "verification.contest", {"ground": "NEW_ELEMENT"})
    await send(talk, "withdrawal")
    await play.silent(days=1)


@case("neutral.stopped-goes-on", "M-5.30", section="5.9", profile="return")
async def stopped_goes_on(play: Play) -> None:
    """
    What a thread takes that its own desk has stopped moves the place from which it answers.

    A gateway that stands still there takes the same answer twice, and shows by it that it has stopped.
    """
    talk = await play.acknowledged()
    await talk.said("verification.question", {"candidates": 2, "elements": ["SEX"]})
    await talk.freeze("protection")
    await send(talk, "verification.elements")
    await refuses(talk, "verification.elements")
    talk = await play.replied()
    await talk.freeze("protection")
    for type in ("suspension", "resumption"):
        await send(talk, type)
    await play.silent(days=1)


@case("neutral.stopped-keeps", "M-5.30", section="5.9", profile="verify", positive=True)
async def stopped_keeps(play: Play) -> None:
    """
    What comes while the gateway's own desk has stopped a case is kept for when that goes on.

    A gateway that throws it away, as after a withdrawal, has lost the reply when the stop turns out to be for nothing.
    """
    talk = await play.taken_up()
    await talk.freeze("other")
    await send(talk, "verification.reply")
    if (await talk.delivered())[-1]["body"] is None:
        raise Wrong("the reply was taken and not kept, though its case may go on")


@case("neutral.decided-looks-open", "M-5.30", "M-5.26", section="5.9", profile="verify")
async def decided_looks_open(play: Play) -> None:
    """
    Until the full hour a thread whose withdrawal is decided takes and refuses as before, and keeps nothing of it.

    A gateway that answers as one that is closed tells, before the withdrawal does, at which minute it was decided; one
    whose withdrawal names what was known by then, and not what was taken since, tells it afterwards.
    """
    talk = await play.taken_up()
    await play.tick(minutes=17)
    await talk.withdraw("protection")
    await refuses(talk, "verification.acknowledgement")
    for type in ("verification.delay", "verification.reply"):
        await send(talk, type)
        if (await talk.delivered())[-1]["body"] is not None:
            raise Wrong(f"{type} was kept, though its case was over (M-5.30)")
    await refuses(talk, "verification.reply")
    said = talk.take(play.one(await play.tick(minutes=43), "withdrawal"))
    for name in ("prev", "in_reply_to"):
        if said.value[name] is not None:
            raise Wrong(f"{name} of the withdrawal is {said.value[name]}, by which it shows when it was made (M-5.26)")
    await send(talk, "verification.acknowledgement")


@case("neutral.key-of-the-hour", "M-5.26", section="5.7", profile="verify")
async def key_of_the_hour(play: Play) -> None:
    """
    A withdrawal is sealed to the key that is in use at its full hour, whichever was as it was decided.

    A gateway that seals it before shows, to a State that lists another key each minute, at which one it was decided.
    """
    talk, a, now = await play.taken_up(), play.a, play.now()
    new = SealingKey(1, a.secret("sealing 2"))
    a.sealing.append(new)
    try:
        begins = a.sealing_row(new, now + timedelta(minutes=30), now + 100 * DAY)
        a.next_card(sealing=[*a.card.value["sealing"], begins])
        await play.publish(a)
        await play.tick(minutes=17)
        await talk.withdraw("protection")
        talk.take(play.one(await play.tick(minutes=43), "withdrawal"))  # which finds out the key
    finally:
        a.sealing.pop()


@case("neutral.said-behind-in-the-hour", "M-5.26", section="5.7", profile="full")
async def said_behind_in_the_hour(play: Play) -> None:
    """
    What is said behind a withdrawal before its full hour bears no earlier instant than that.

    A gateway that dates it tells that the withdrawal behind which it stands was decided before.
    """
    talk = await play.taken_up()
    await play.tick(minutes=17)
    await talk.withdraw("protection")
    await talk.say("erasure", {})
    hour = stamp(play.now() + talk.to_full_hour())
    for post, type in zip(await play.tick(minutes=43), ("withdrawal", "erasure"), strict=True):
        if (said := talk.take(post)).type != type:
            raise Wrong(f"the gateway posted {said.type}, not {type}")
        if said.value["issued_at"] != hour:
            raise Wrong(f"{type} is of {said.value['issued_at']}, and not of the full hour (M-5.26)")


STOPPED: dict[str, Callable[[Play], Awaitable[Talk]]] = {"asked": Play.acknowledged, "asking": Play.taken_up}


@case("neutral.stopped-takes-no-more", "M-5.30", section="5.9", profile="return", inputs=STOPPED)
async def stopped_takes_no_more(play: Play, begin: Callable[[Play], Awaitable[Talk]]) -> None:
    """
    Where there is no return a suspension and a resumption are refused, also once the gateway's own desk has stopped.

    A gateway that takes them because it stands still itself tells each partner that tries which threads it stopped.
    """
    talk = await begin(play)
    for _ in range(2):
        await refuses(talk, "suspension")
        await refuses(talk, "resumption")
        await talk.freeze("protection")
    await play.silent(days=1)
