"""Sections 3.5 and 5.9: what a proposal rests on, until when, and what it asks of the gateway's own desk."""

from conformance.bodies import day, refuses, send, withholds
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.returning import acceptance, homeward, journey, plan, proposal_body, stated
from conformance.state import DAY
from conformance.talk import Talk
from conformance.writing import digest


@case("proposals.represented", "M-3.11", "M-6.4", section="3.5", profile="return", positive=True)
async def of_a_represented(play: Play) -> None:
    """
    For a person with a representative the proposal has three conclusions, and child welfare signs it.

    A gateway that proposes as for any adult sends a minor home without anybody having asked whether it is good.
    """
    talk = await homeward(play, "accepted", represented=True)
    proposed = talk.heard[-1].body
    kinds = sorted(row["kind"] for row in proposed["conclusions"])
    if not proposed["represented"] or not {"risk", "best_interests", "family"} <= set(kinds):
        raise Wrong(f"the proposal is represented {proposed['represented']}, with conclusions on {', '.join(kinds)}")


NO_GROUND = ["not-found", "former-national", "cannot-say", "document-authentic"]
"""Replies on which no return rests: whoever was a national is none, and a document says nothing of who holds it."""
RESTS = ["another-digest", "an-earlier-reply", "no-reply", *NO_GROUND]


@case("proposals.rests-on", "M-3.11", section="3.5", inputs=RESTS, profile="return")
async def rests_on(play: Play, what: str) -> None:
    """
    A proposal that does not rest on the thread's last reply, or on one that is not positive, is refused.

    A gateway that takes it returns a person to a State that has not said that the person is its own.
    """
    talk = await play.acknowledged(name="document" if what == "document-authentic" else "nationality")
    named = digest(b"another payload")
    if what != "no-reply":
        first = await talk.said("verification.reply", play.reply(what if what in NO_GROUND else "national"))
        named = first.digest if what != "another-digest" else named
    if what == "an-earlier-reply":
        await send(talk, "verification.contest")
        second = await talk.said("verification.reply", play.reply())
    await refuses(talk, "return.proposal", reply=named)
    if what == "an-earlier-reply":
        await send(talk, "return.proposal", reply=second.digest)


@case("proposals.of-a-resident", "M-3.11", section="3.5", profile="return", positive=True)
async def of_a_resident(play: Play) -> None:
    """
    A return rests on the reply that somebody had the right of residence as on the one that she is a national.

    A gateway for which nationals alone return leaves whoever has her home there, and no other State, where she is.
    """
    talk = await play.acknowledged(name="permanent-residence")
    replied = await talk.said("verification.reply", play.reply("resident-at-date", as_of="2024-08-01"))
    await send(talk, "return.proposal", reply=replied.digest)


@case("proposals.no-positive-reply", "M-3.11", "M-5.35", section="3.5", profile="return", inputs=[*NO_GROUND, "none"])
async def no_positive_reply(play: Play, outcome: str) -> None:
    """
    The gateway's desk proposes no return without a positive reply.

    A gateway that lets it propose takes silence, or a no, for a yes.
    """
    about = play.draft()["elements"] | {"document": {"type": "P", "number": "X1234567", "issuer": play.a.code}}
    asked = {"purpose": "DOC_AUTHENTICITY", "elements": about} if outcome == "document-authentic" else {}
    talk = await play.taken_up(**asked)
    if outcome != "none":
        await talk.reply(outcome)
    await withholds(talk, "return.proposal", plan(play))


async def _proposes_until(talk: Talk, days: int, over: int) -> None:
    """Have the desk propose a return in ``days``, which is declined, and none ``over`` days later."""
    play = talk.play
    await play.tick(days=days)
    await talk.said("return.proposal", plan(play))
    await send(talk, "return.acceptance", handling=talk.heard[-1].body["handling"], represented=False)
    await play.tick(days=over)
    await withholds(talk, "return.proposal", plan(play))


@case("proposals.kept-no-longer", "M-3.11", section="3.5", profile="return")
async def kept_no_longer(play: Play) -> None:
    """
    The gateway's desk proposes no return once the conditions of what it sent have run out, though the reply counts.

    A gateway that lets it has its partner decide about somebody of whom it was to have forgotten everything.
    """
    talk = await play.taken_up(handling={"use_restrictions": ["P0"], "retain_until": day(play, 5), "onward": "none"})
    await send(talk, "verification.reply", valid_until=day(play, 90))
    await _proposes_until(talk, days=4, over=1)


@case("proposals.reply-over", "M-3.11", section="3.5", profile="return")
async def reply_over(play: Play) -> None:
    """
    The gateway's desk proposes a return on the day of the reply's `valid_until`, and none after it.

    A gateway that lets it returns a person to a State that no longer says that the person is its own.
    """
    talk = await play.taken_up(handling={"use_restrictions": ["P0"], "retain_until": day(play, 400), "onward": "none"})
    await send(talk, "verification.reply", valid_until=day(play, 5))
    await _proposes_until(talk, days=5, over=1)


@case("proposals.last-day", "M-5.30", section="3.5", profile="return", positive=True)
async def last_day(play: Play) -> None:
    """
    A proposal that comes on the last day of the gateway's reply, in the last minute in UTC, is taken.

    A gateway that closes the thread before, or counts the day as over, has said until when, and does not stand by it.
    """
    talk = await play.acknowledged()
    replied = await talk.said("verification.reply", play.reply(valid_until=day(play, 5)))
    await play.tick_to((play.now() + 5 * DAY).replace(hour=23, minute=59))
    await send(talk, "return.proposal", reply=replied.digest)


@case("proposals.once-more", "M-5.30", section="5.9", profile="return", positive=True)
async def once_more(play: Play) -> None:
    """
    A new proposal takes the place of an earlier one, as long as nobody has left, and is answered anew.

    A gateway that holds the first acceptance for the answer to the second proposal receives on the wrong days.
    """
    talk = await journey(play, "accepted")
    reply = next(message.digest for message in talk.heard if message.type == "verification.reply")
    value = proposal_body(play, reply, window={"from": day(play, 20), "until": day(play, 50)})
    await talk.send("return.proposal", value, statements=stated(talk, "return.release", "coordinator", value))
    await refuses(talk, "travel-document.request")
    await talk.said("return.acceptance", acceptance(play))
    await send(talk, "travel-document.request")


@case("proposals.on-the-last-reply", "M-3.11", section="3.5", profile="return", positive=True)
async def on_the_last_reply(play: Play) -> None:
    """
    The gateway's proposal rests on the last reply of the thread, and on none where that is no positive one.

    A gateway that goes by the first returns a person on a word that was replaced when it was doubted.
    """
    talk = await homeward(play, "replied")
    await talk.said("verification.contest", {"ground": "METHOD_DOUBTED"})
    await send(talk, "verification.reply", confidence="MEDIUM")
    said = (await talk.said("return.proposal", plan(play))).body
    if said["reply"] != talk.own:
        raise Wrong("the proposal rests on another reply than the last one")
    talk = await homeward(play, "replied")
    await talk.said("verification.contest", {"ground": "WRONG_PERSON"})
    await withholds(talk, "return.proposal", plan(play), days=0)
    await talk.reply("not-found")
    await withholds(talk, "return.proposal", plan(play))


@case("proposals.declined", "M-5.35", "M-6.5", section="5.10", profile="return")
async def declined(play: Play) -> None:
    """
    Once the welfare authority has said no, the gateway's desk proposes nothing more.

    A gateway whose desk can go on has an authority that is asked and not heard.
    """
    talk = await homeward(play, "proposed")
    await send(talk, "return.acceptance", handling=talk.heard[-1].body["handling"], represented=False)
    await talk.act("decline")
    await withholds(talk, "return.proposal", plan(play), days=5)
