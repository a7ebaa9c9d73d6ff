"""Sections 5.3, 5.5 and 7: what a gateway takes for an answer, and how it goes on without one."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from conformance.door import answers, cuts, drops, loses, says, says_bytes
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case
from conformance.state import ANSWER, Answering, Instead, swap
from conformance.writing import MESSAGE, Key, stamp


def _claims(**changes: Any) -> Answering:
    return Answering(claims=lambda claims: claims | changes)


OTHER = Key(bytes(range(32)))
WRONG: dict[str, Answering] = {
    "another-payload": _claims(payload="A" * 43),
    "from-another": _claims(**{"from": "XAE"}),
    "to-another": _claims(to="XAE"),
    "another-version": _claims(v=2),
    "unknown-status": _claims(status="received"),
    "accepted-with-a-code": _claims(code="illegal-step"),
    "refused-for-nothing": _claims(status="refused", start_on=None, due_on=None),
    "refused-by-what-is-none": _claims(status="refused", code="later", start_on=None, due_on=None),
    "refused-and-begun": _claims(status="refused", code="illegal-step"),
    "due-before-it-began": _claims(due_on="2026-11-24"),
    "begun-and-never-due": _claims(due_on=None),
    "white-space": Answering(content=swap(b',"from"', b', "from"')),
    "another-key": Answering(key=OTHER),
    "another-typ": Answering(typ=MESSAGE),
    "signature": Answering(receipt=lambda receipt: receipt[:-8] + "AAAAAAAA"),
    "another-entry": Answering(entered=lambda receipt: receipt + "x"),
    "another-opening": Answering(r=lambda r: "A" * 43),
    "another-log-key": Answering(log_key=OTHER),
    "another-log": Answering(origin="XAE/XBB/1"),
    "log-of-no-epoch": Answering(origin="XAA/XBB/0"),
    "log-about-another": Answering(origin="XAA/XAE/1"),
    "log-to-come": Answering(origin="XAA/XBB/2"),
    "no-proof": Answering(proof=lambda proof: "c2sp.org/tlog-proof@v1\nindex 0\n\n"),
    "no-spaces": Answering(answer=lambda raw: raw.rstrip(b" ")),
    "another-member": Answering(answer=swap(b'"receipt"', b'"receipts"')),
    "no-json": Answering(answer=lambda raw: b" " * 4096),
}


@case("receipts.checked", "M-5.13", "M-5.17", "M-7.4", "M-1.2", section="5.5", inputs=WRONG, profile="verify")
async def checked(play: Play, how: Answering) -> None:
    """
    An answer that does not check is not taken: the same bytes are posted again, until a right one comes.

    A gateway that takes it believes it was received because somebody on the way said so.
    """
    thread = await play.submit()
    play.a.instead = [answers(play.doors, how)]
    first = play.one(await play.tick(), "verification.request")
    await _waits(play, thread)
    second = play.one(await play.tick(hours=2), "verification.request")
    if second.raw != first.raw:
        raise Wrong("the message was posted again in other bytes (M-1.2)")
    if await _states(play, thread) != ["accepted"]:
        raise Wrong("a right answer was not taken after a wrong one")


@case("receipts.any-multiple", "M-5.16", section="5.5", inputs={"twice": 8192, "most": 65536}, profile="verify")
async def any_multiple(play: Play, size: int) -> None:
    """
    An answer that is filled up to any multiple of 4096, 65,536 at most, is taken; one of more bytes is none.

    A gateway that knows one size gets no receipt from whoever's log has grown.
    """
    thread = await play.submit()
    large = Answering(answer=lambda raw: raw + b" " * (69632 - len(raw)))
    play.a.instead = [answers(play.doors, large)]
    await play.tick()
    await _waits(play, thread)
    play.a.instead = [answers(play.doors, Answering(answer=lambda raw: raw + b" " * (size - len(raw))))]
    await play.tick(hours=2)
    if await _states(play, thread) != ["accepted"]:
        raise Wrong(f"an answer of {size} bytes was not taken")


SIGNS = {
    **{name: (name, 0) for name in ("revoked", "over", "early", "identity", "log_key", "second_signer")},
    "revoked-and-dated-back": ("revoked", -2),
}
"""Who signs, and by how many days `received_at` is another one."""


@case("receipts.which-key", "M-5.17", section="5.5", inputs=SIGNS, profile="verify")
async def which_key(play: Play, given: tuple[str, int]) -> None:
    """
    A receipt by a key that signs no messages, or did not when it was made, or was revoked since, is not taken.

    A gateway that takes it lets whoever stole a key, or holds another one, say for the State what it received.
    """
    name, days = given
    thread = await play.submit()
    key = play.a.roles.get(name) or getattr(play.a, name)
    at = stamp(play.now() + timedelta(days=days))
    play.a.instead = [answers(play.doors, replace(_claims(received_at=at), key=key))]
    play.one(await play.tick(), "verification.request")
    await _waits(play, thread)
    play.one(await play.tick(hours=2), "verification.request")
    if await _states(play, thread) != ["accepted"]:
        raise Wrong("a right answer was not taken after one by a wrong key")


@case("receipts.older-log", "M-5.17", section="5.5", inputs=["stored-then", "made-since"], profile="verify")
async def older_log(play: Play, when: str) -> None:
    """
    An answer out of the log of an earlier epoch of its keeper is taken, also where its message was made since.

    A gateway that insists on the newest log has no use for what a restored partner stored, and posts for ever what was
    received; one that goes by whose clock was right loses an honest receipt.
    """
    a, before = play.a, f"{play.a.code}/{play.gateway.code}/1"
    thread = await play.submit()
    if when == "stored-then":
        a.instead = [loses(play.doors)]
        await play.tick()
    await play.restored(a)
    if when == "made-since":
        a.answering = Answering(origin=before)
    await play.tick(hours=2)
    a.answering = Answering()
    if await _states(play, thread) != ["accepted"]:
        raise Wrong(f"an answer out of the log {before} was not taken")


async def _states(play: Play, thread: str) -> list[str]:
    return [str(row["state"]) for row in await play.sent(thread)]


async def _waits(play: Play, thread: str) -> None:
    if (found := await _states(play, thread)) != ["waiting"]:
        raise Wrong(f"the message stands as {found}, not as waiting")


TRANSIENT: dict[str, Instead] = {
    **{code: says(code) for code in ("later", "rate", "hold", "unknown-key", "unknown-signer", "out-of-order")},
    "dropped": drops(),
    "proxy": says_bytes(b"<html>", "text/html", 502),
    "bare-500": says_bytes(b"", "text/plain", 500),
    "bare-404": says_bytes(b"", "text/plain", 404),
    "empty-200": says_bytes(b"", ANSWER),
    "unknown-problem": says_bytes(b'{"type":"about:blank","title":"x","status":400}', "application/problem+json", 400),
    "redirect": says_bytes(b"", "text/plain", 307, Location="http://127.0.0.1:9/xg/1/messages"),
}


@case("receipts.transient", "M-5.11", "M-1.2", section="5.3", inputs=TRANSIENT, profile="verify")
async def transient(play: Play, instead: Instead) -> None:
    """
    After a transient problem, or what is no answer at all, the same bytes are posted again.

    A gateway that gives up loses a request, and one that makes a new message of it asks twice. After `unknown-key` the
    same signed message may come in a new envelope, also where the card names the same key still [M-4.4].
    """
    thread = await play.submit()
    play.a.instead = [instead]
    first = play.one(await play.tick(), "verification.request")
    await _waits(play, thread)
    second = play.one(await play.tick(hours=2), "verification.request")
    if second.read.payload != first.read.payload:
        raise Wrong("another message was posted in its place, and not the same one again (M-1.2)")
    if second.raw != first.raw and instead is not TRANSIENT["unknown-key"]:
        raise Wrong("the message was posted again in other bytes (M-1.2)")


FINAL = ("bad-envelope", "too-large", "cannot-open", "bad-padding", "bad-jws", "bad-json", "bad-payload")


@case("receipts.final", "M-5.11", section="5.3", inputs=[*FINAL, "not-for-me", "bad-signature"], profile="verify")
async def final(play: Play, code: str) -> None:
    """
    A problem that is not transient ends the attempts, and a person is told.

    A gateway that goes on hammers at a partner that has said no for good.
    """
    thread = await play.submit()
    play.a.instead = [says(code)]
    play.one(await play.tick(), "verification.request")
    await play.silent(days=2)
    row = (await play.sent(thread))[0]
    if (row["state"], row["code"], row["told"]) != ("ended", code, True):
        raise Wrong(f"the message stands as {row['state']} ({row['code']}), told {row['told']}")


@case("receipts.lost", "M-5.11", "M-5.15", section="5.3", profile="verify", inputs=["lost", "cut-0", "cut-2000"])
async def lost(play: Play, how: str) -> None:
    """
    An answer that is lost, or broken off, is asked for again with the same bytes, and then taken.

    A gateway that believes half an answer, or sends the message anew, breaks what both sides hold for true.
    """
    thread = await play.submit()
    play.a.instead = [loses(play.doors) if how == "lost" else cuts(play.doors, int(how.partition("-")[2]))]
    first = play.one(await play.tick(), "verification.request")
    second = play.one(await play.tick(hours=2), "verification.request")
    if second.raw != first.raw:
        raise Wrong("the message was posted again in other bytes (M-1.2)")
    if await _states(play, thread) != ["accepted"]:
        raise Wrong("the answer was not taken when it came")


@case("receipts.members", "M-5.13", "M-5.16", section="5.5", positive=True)
async def members(play: Play) -> None:
    """
    A receipt has exactly its members in their order, and the answer is filled with spaces to a multiple of 4096.

    A gateway whose answers differ in length tells an observer what it answered.
    """
    shot = play.message()
    got = await play.post(shot)
    claims: Json = play.receipt(got, shot)
    if claims["received_at"] != play.now().strftime("%Y-%m-%dT%H:%M:%SZ") and not play.manual:
        raise Wrong(f"received_at is {claims['received_at']}, not the instant of the clock")
    refused = await play.post(replace(play.message(seq=1, type="no.such.type")))
    if len(refused.body) != len(got.body):
        raise Wrong("a refusal and an acceptance differ in length")


DAYS = {
    "as-reckoned": (0, 0, 0),
    "a-week-later": (0, 7, 0),
    "a-day-earlier": (0, -1, 0),
    "begun-a-year-later": (364, 364, 0),
    "received-a-year-later": (364, 364, 364),
    "received-before-it-was-made": (-7, -7, -7),
}
"""By how many days `start_on`, `due_on` and `received_at` are other ones."""


@case("receipts.another-day", "M-5.14", section="5.5", inputs=DAYS, profile="verify")
async def another_day(play: Play, days: tuple[int, int, int]) -> None:
    """
    A receipt that names another day than the gateway's own copy of the rule is taken, and a person is told.

    A gateway that keeps it to itself presses a partner who is in time, or waits for one who is late; one that always
    tells is not read any more. One that believes when it began, or came, waits for as long as its partner likes.
    """
    by_start, by_due, by_receipt = days

    def moved(claims: Json) -> Json:
        named = (("start_on", by_start), ("due_on", by_due))
        dates = {name: (date.fromisoformat(claims[name]) + timedelta(days=by)).isoformat() for name, by in named}
        return claims | dates | {"received_at": stamp(play.now() + timedelta(days=by_receipt))}

    thread = await play.submit()
    play.a.instead = [answers(play.doors, Answering(claims=moved))]
    play.one(await play.tick(), "verification.request")
    row = (await play.sent(thread))[0]
    if (row["state"], row["told"]) != ("accepted", days != (0, 0, 0)):
        raise Wrong(f"the request is {row['state']}, and a person was {'' if row['told'] else 'not '}told")
    if row["due_on"] != (own := play.a.reckon(play.now())["due_on"]):
        raise Wrong(f"the gateway reckons with {row['due_on']}, not with {own}")
