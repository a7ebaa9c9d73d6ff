"""
How a return goes on when all is right, for cases that need a thread somewhere along the way.

``homeward`` lets the gateway propose and the test State receive; ``journey`` lets the test State propose. Each takes a
place, one of ``PLACES``, and returns the thread as it stands there.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from conformance.door import drops
from conformance.reading import Json, compact, instant
from conformance.registry import Wrong
from conformance.state import DAY, Message, example
from conformance.talk import Talk
from conformance.writing import digest, stamp

if TYPE_CHECKING:
    from conformance.play import Play

PLACES = ("replied", "proposed", "accepted", "documented", "planned", "departed", "handed over")
MINOR: Mapping[str, Any] = {
    "age": {"class": "minor", "decision": None, "treat_as_child": True},
    "representative": {"ref": "2Xml2lW8lIXCjs1xU80jTA", "appointed_on": "2026-11-18", "signed_by": "Family Court"},
}
"""What a draft says of a person for whom a representative acts."""
DEPARTED: Json = {"status": "departed"}
"""What a desk says of who has left as planned."""
SERVICES = [{"service": "RECEPTION", "id": "XBB-20", "competence": "RECEPTION"}]


def _day(play: "Play", days: int) -> str:
    return (play.now() + days * DAY).date().isoformat()


def handling(play: "Play", purpose: str = "RETURN_ARRANGEMENT") -> Json:
    """Return the conditions under which a test State sends what a return needs."""
    return {
        "purpose": purpose,
        "legal_basis": "CONFIRMATION",
        "use_restrictions": ["P0", "P1"],
        "retain_until": _day(play, 400),
        "onward": "none",
    }


def departure(play: "Play") -> datetime:
    """Return when the journey begins: a morning, twenty days from now."""
    return (play.now() + 20 * DAY).replace(hour=8, minute=30, second=0)


def plan(play: "Play") -> Json:
    """Return what a proposal says of the days and the services."""
    return {
        "window": {"from": _day(play, 10), "until": _day(play, 40)},
        "needs": ["INTERPRETER"],
        "referral": {"services": ["RECEPTION", "HOUSING"], "competence": "COORDINATION"},
    }


def acceptance(play: "Play") -> Json:
    """Return what an acceptance says of who receives."""
    return {
        "decision": "accepted",
        "carer": {"class": "RELATIVE", "agreed_in_writing_on": _day(play, -1)},
        "service": {"id": "XBB-20", "competence": "CARE"},
        "receiving_services": SERVICES,
        "expires_on": _day(play, 90),
    }


def document(play: "Play", **changes: Any) -> Json:
    """Return a travel document by its digest."""
    return {
        "type": "RETURN_DOCUMENT",
        "number_digest": "A" * 43,
        "issued_on": _day(play, 0),
        "valid_until": _day(play, 60),
    } | changes


def schedule(play: "Play", leaves: datetime) -> Json:
    """Return the plan of a journey that begins at ``leaves``."""
    return {
        "status": "planned",
        "departs_at": stamp(leaves),
        "arrives_at": stamp(leaves + timedelta(hours=4)),
        "point": {"country": "XBB", "unit": "Northtown"},
        "carrier": {"code": "X1", "number": "204"},
        "escort": {"count": 1, "refs": ["CJDAgXMgk34Kg3R2-Y6VVw"]},
        "medical_needs": [],
    }


def record(play: "Play") -> Json:
    """Return the record of a handover at this instant."""
    return {
        "at": stamp(play.now()),
        "place": {"country": "XBB", "unit": "Northtown"},
        "identity_check": "TRAVEL_DOCUMENT",
        "documents": ["TRAVEL_DOCUMENT"],
        "belongings": True,
        "medicines": False,
        "money": True,
        "contact_card": True,
        "services": SERVICES,
        "next_appointment": _day(play, 1),
        "discreet": True,
    }


def accepted_body(play: "Play", talk: Talk, **changes: Any) -> Json:
    """Return the body by which a test State accepts the proposal it heard last."""
    heard = talk.heard[-1]
    proposed, says = heard.body, acceptance(play)
    carer = {"class": "RELATIVE", "ref": talk.state.token(), "agreed_in_writing_on": _day(play, -1)}
    return {
        "handling": proposed["handling"],
        "proposal": digest(heard.value["body_bytes"]),
        "decision": "accepted",
        "represented": proposed["represented"],
        "reason": None,
        "carer": carer,
        "service": says["service"],
        "receiving_services": SERVICES,
        "signed_on": _day(play, 0),
        "expires_on": says["expires_on"],
    } | changes


def stated(talk: Talk, kind: str, role: str, body: Json, **how: Any) -> list[str]:
    """Return the statement of a test State over ``body``, as a message of this thread carries it."""
    return [talk.state.statement(kind, role, body, talk.thread, valid_until=talk.play.now() + 60 * DAY, **how)]


async def homeward(
    play: "Play",
    place: str,
    *,
    represented: bool = False,
    replying: Mapping[str, Any] | None = None,
    proposing: Mapping[str, Any] | None = None,
    accepting: Mapping[str, Any] | None = None,
    counts: timedelta = 60 * DAY,
    papers: Mapping[str, Any] | None = None,
) -> Talk:
    """
    Let the gateway ask and propose; return the thread when it has come to ``place``.

    ``proposing`` are other members of what the desk proposes, ``replying``, ``accepting`` and ``papers`` of the test
    State's reply, acceptance and travel document; the statement over the acceptance ``counts`` for so long.
    """
    until = (play.now() + 400 * DAY).date().isoformat()
    conditions = {"use_restrictions": ["P0", "P1"], "retain_until": until, "onward": "none"}
    talk = await play.taken_up(handling=conditions, **(MINOR if represented else {}))
    await talk.send("verification.reply", talk.reply_body(**(replying or {})))
    steps = PLACES[1 : PLACES.index(place) + 1]
    if "proposed" in steps:
        await talk.said("return.proposal", {**plan(play), **(proposing or {})})
    if "accepted" in steps:
        body = accepted_body(play, talk, **(accepting or {}))
        role = "welfare" if body["represented"] else "desk_head"
        ends = play.now() + counts
        signed = talk.state.statement("return.acceptance", role, body, talk.thread, valid_until=ends)
        await talk.send("return.acceptance", body, statements=[signed])
    if "documented" in steps:
        needed = {"needed_by": _day(play, 15)}
        asked = await talk.said("travel-document.request", needed)
        given = document(play, **(papers or {}))
        body = {"handling": asked.body["handling"], "document": given, "as_of": _day(play, 0)}
        await talk.send("travel-document.issued", body)
    if "planned" in steps:
        leaves = departure(play)
        await talk.say("return.schedule", schedule(play, leaves))
        await told(talk, leaves)
    if "departed" in steps:
        await play.tick_to(leaves + timedelta(minutes=10))
        await talk.said("return.schedule", {"status": "departed"})
    if "handed over" in steps:
        await play.tick(hours=5)
        heard = await talk.said("return.handover", {"protocol": record(play)})
        text = heard.value["body_bytes"]
        signed = talk.state.statement("handover.receipt", "reception", text, talk.thread)
        await talk.send("return.handover", text, statements=[signed])
    return talk


async def told(talk: Talk, leaves: datetime) -> Message:
    """Return the plan of a journey that begins at ``leaves``: it is posted 72 hours before, or later than that."""
    play = talk.play
    await play.tick_to(leaves - timedelta(hours=72, seconds=1))
    posts = await play.tick(seconds=1)
    while not posts and play.now() < leaves - timedelta(hours=1):
        posts = await play.tick(hours=1)
    return talk.take(play.one(posts, "return.schedule"))


def untold(talk: Talk) -> None:
    """Insist that no plan of a journey was posted in the thread since the last one that was taken."""
    found = {post.message.type for post in talk.state.posts if post.message and post.message.thread == talk.thread}
    if "return.schedule" in found - {message.type for message in talk.heard}:
        raise Wrong("the gateway posted return.schedule, which must not leave any more")


async def on_the_day(talk: Talk) -> None:
    """Bring the clock to the morning of the journey that was told."""
    plan = next(message for message in reversed(talk.heard) if message.type == "return.schedule")
    leaves = instant(plan.body["departs_at"])
    if talk.play.now() < leaves:
        await talk.play.tick_to(leaves + timedelta(minutes=10))


async def journey(play: "Play", place: str) -> Talk:
    """Let the test State ask and propose; return the thread when it has come to ``place``."""
    until = (play.now() + 400 * DAY).date().isoformat()
    question = play.a.question()
    talk = await play.acknowledged(handling=question["handling"] | {"retain_until": until})
    replied = await talk.said("verification.reply", play.reply())
    steps = PLACES[1 : PLACES.index(place) + 1]
    if "proposed" in steps:
        body = proposal_body(play, replied.digest)
        await talk.send("return.proposal", body, statements=stated(talk, "return.release", "coordinator", body))
    if "accepted" in steps:
        await talk.said("return.acceptance", acceptance(play))
    if "documented" in steps:
        elements = question["elements"]
        body = {"handling": handling(play, "TRAVEL_DOC"), "elements": elements, "needed_by": _day(play, 15)}
        await talk.send("travel-document.request", body)
        await talk.said("travel-document.issued", {"document": document(play)})
    if "planned" in steps:
        leaves = departure(play)
        await play.tick_to(leaves - timedelta(hours=71))
        body = {"handling": handling(play), **schedule(play, leaves)}
        await talk.send("return.schedule", body)
    if "departed" in steps:
        await play.tick_to(leaves)
        await talk.send("return.schedule", {**body, "status": "departed", "departs_at": stamp(play.now())})
    if "handed over" in steps:
        await play.tick(hours=5)
        body = {"handling": handling(play), "protocol": record(play)}
        signed = talk.state.statement("handover.delivery", "escort", body, talk.thread)
        await talk.send("return.handover", body, statements=[signed])
        heard = await talk.said("return.handover", {})
        if digest(heard.value["body_bytes"]) != digest(compact(body)):
            raise Wrong("the record of the handover came back in other bytes (M-3.15)")
    return talk


SIDES: Mapping[str, Callable[["Play", str], Awaitable[Talk]]] = {"asking": homeward, "asked": journey}
"""How a thread comes to its place, by what the gateway is in it."""


async def loses_a_document(talk: Talk) -> None:
    """Let the gateway issue a document that never comes, until its validity is over: its thread ends [M-5.10]."""
    play = talk.play
    elements = play.a.question()["elements"]
    asked = {"handling": handling(play, "TRAVEL_DOC"), "elements": elements, "needed_by": _day(play, 15)}
    await talk.send("travel-document.request", asked)
    await talk.say("travel-document.issued", {"document": document(play)})
    await loses(talk)


async def loses(talk: Talk) -> None:
    """Let what the gateway posts next in the thread get no receipt, until its validity is over: the thread ends."""
    talk.state.instead = [drops() for _ in range(500)]
    lost = talk.take(talk.play.one(await talk.play.tick()))
    await talk.play.tick_to(instant(lost.value["expires_at"]) + timedelta(hours=1))
    talk.state.instead = []


def proposal_body(play: "Play", reply: str, **changes: Any) -> Json:
    """Return the body of a proposal of a test State that rests on the reply with this digest."""
    body = example("return.proposal", "adult") | {"handling": handling(play), "reply": reply, **plan(play)}
    body["consent"] = {"informed": True, "written": True, "on": _day(play, -2)}
    row = {"on": _day(play, -1), "expires_on": _day(play, 90)}
    body["conclusions"] = [conclusion | row for conclusion in body["conclusions"]]
    return body | changes
