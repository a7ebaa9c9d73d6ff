"""Sections 3.5 and 6: a return, what its messages may say, and who signs them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import schemas
from conformance.bodies import accepts, body, day, refuses, send, signed, withholds
from conformance.door import answers
from conformance.play import Play, body_of
from conformance.reading import Json, compact, instant, strict_json, unb64u
from conformance.registry import Wrong, case
from conformance.returning import (
    acceptance,
    accepted_body,
    departure,
    document,
    homeward,
    journey,
    plan,
    proposal_body,
    schedule,
    stated,
    told,
)
from conformance.state import DAY, Answering, Message, reckon
from conformance.talk import Talk
from conformance.writing import digest

EXAMPLES = Path(schemas.__file__).parent / "examples"


@case(
    "returns.asking",
    "M-3.10",
    "M-3.11",
    "M-3.14",
    "M-6.4",
    section="5.10",
    profile="return",
    positive=True,
    seconds=60.0,
)
async def asking(play: Play) -> None:
    """
    As the asking State the gateway takes a return from the proposal to the handover, and the person leaves as planned.

    A gateway that leaves a step out, or an authority's signature, brings a person back whom nobody agreed to receive;
    one that names another journey when she leaves has her awaited elsewhere.
    """
    talk = await homeward(play, "handed over")
    types = [message.type for message in talk.heard]
    wanted = ["verification.request", "return.proposal", "travel-document.request"]
    wanted += ["return.schedule", "return.schedule", "return.handover"]
    if types != wanted:
        raise Wrong(f"the gateway said {', '.join(types)}")
    _left_as_planned(talk.heard[-3], talk.heard[-2])


def _left_as_planned(planned: Message, departed: Message) -> None:
    """Insist that word of a departure names the journey of the plan, and when it really began (M-3.14)."""
    for name in ("point", "carrier", "escort"):
        if departed.body[name] != planned.body[name]:
            raise Wrong(f"at the departure {name} is {departed.body[name]}, and in the plan {planned.body[name]}")
    if more := set(departed.body["medical_needs"]) - set(planned.body["medical_needs"]):
        raise Wrong(f"at the departure there are needs that the plan did not name: {', '.join(sorted(more))}")
    before, left, said = planned.body["departs_at"], departed.body["departs_at"], departed.value["issued_at"]
    if not instant(before) < instant(left) <= instant(said):
        raise Wrong(f"the person left after {before}, as is said at {said}, and departs_at is {left}")


@case(
    "returns.asked", "M-3.12", "M-3.15", "M-6.4", "M-6.6", section="5.10", profile="return", positive=True, seconds=60.0
)
async def asked(play: Play) -> None:
    """
    As the asked State the gateway accepts a return, issues a document, and signs the record of the handover.

    A gateway that signs another record than the one it was given leaves two records of one handover.
    """
    talk = await journey(play, "handed over")
    types = [message.type for message in talk.heard]
    wanted = ["verification.acknowledgement", "verification.reply", "return.acceptance", "travel-document.issued"]
    if types != [*wanted, "return.handover"]:
        raise Wrong(f"the gateway said {', '.join(types)}")


@case("returns.represented", "M-3.11", "M-6.4", section="3.5", profile="return", positive=True)
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


# What no message of a return may say


def _invalid(*names: str) -> dict[str, tuple[str, str]]:
    return {name.replace("/", "-").replace(".", "-"): (name.split("/")[0], name.split("/")[1]) for name in names}


FORBIDDEN = _invalid(
    "return.proposal/address",
    "return.proposal/carer-named",
    "return.proposal/conclusion-with-text",
    "return.proposal/need-in-words",
    "return.proposal/need-of-health",
    "return.schedule/escort-by-name",
    "return.schedule/point-with-address",
    "return.schedule/need-as-diagnosis",
    "return.handover/comment",
    "return.handover/money-as-amount",
    "return.handover/identity-by-fingerprint",
    "return.monitoring/place",
    "return.monitoring/text",
    "return.take-back/text",
    "travel-document.issued/holder-named",
)
BARE = _invalid(
    "return.proposal/conclusion-negative",
    "return.proposal/no-conclusions",
    "return.proposal/without-risk",
    "return.proposal/one-kind-twice",
    "return.proposal/represented-without-best-interests",
    "return.proposal/represented-without-family",
    "return.proposal/consent-not-written",
    "return.proposal/consent-not-informed",
    "return.proposal/reply-null",
)
SCHEDULED = _invalid(
    "return.schedule/cancelled-with-carrier",
    "return.schedule/cancelled-with-departure",
    "return.schedule/cancelled-with-needs",
    "return.schedule/planned-without-departure",
    "return.schedule/planned-without-escort",
    "return.schedule/planned-without-point",
    "return.schedule/departed-without-escort",
)


async def _bad_schema(play: Play, of: tuple[str, str]) -> None:
    kind, name = of
    talk = await play.asks()
    value = strict_json((EXAMPLES / kind / "invalid" / f"{name}.json").read_bytes())
    await talk.refused("bad-schema", kind, value)


@case("returns.nothing-of-the-person", "M-3.10", section="3.5", inputs=FORBIDDEN, profile="return", fresh=False)
async def nothing_of_the_person(play: Play, of: tuple[str, str]) -> None:
    """
    A message of a return with a name, an address, a text or what a conclusion rests on is `bad-schema`.

    A gateway that takes it keeps, for years, what should never have left the authority that knows it.
    """
    await _bad_schema(play, of)


@case("returns.conclusions", "M-3.11", section="3.5", inputs=BARE, profile="return", fresh=False)
async def conclusions(play: Play, of: tuple[str, str]) -> None:
    """
    A proposal without the conclusions or the consent that it needs is `bad-schema`.

    A gateway that takes it arranges a return that nobody has assessed, or the person never agreed to.
    """
    await _bad_schema(play, of)


@case("returns.schedule-form", "M-3.14", section="3.5", inputs=SCHEDULED, profile="return", fresh=False)
async def schedule_form(play: Play, of: tuple[str, str]) -> None:
    """
    A schedule that was cancelled says nothing more, and one that is planned or departed says everything.

    A gateway that takes half a plan has nobody at the gate; one that takes a plan with a cancellation, somebody.
    """
    await _bad_schema(play, of)


@case("returns.cancelled", "M-3.14", "M-5.32", "M-5.36", section="3.5", profile="return", seconds=60.0)
async def cancelled(play: Play) -> None:
    """
    A plan that is cancelled after it was posted is taken back by a message that says nothing else, and nobody leaves.

    A gateway that repeats the plan in its cancellation tells twice where a person will be; one whose escort leaves all
    the same brings her to where nobody waits any more.
    """
    talk = await homeward(play, "planned")
    said = (await talk.said("return.schedule", {"status": "cancelled"})).body
    rest = {name: value for name, value in said.items() if name not in ("handling", "status")}
    if said["status"] != "cancelled" or any(rest.values()):
        raise Wrong(f"the cancellation says {rest}")
    planned = next(message for message in talk.heard if message.type == "return.schedule")
    await play.tick_to(instant(planned.body["departs_at"]))
    await withholds(talk, "return.schedule", {"status": "departed"}, days=0)


@case("returns.nothing-to-cancel", "M-5.30", section="5.9", profile="return", positive=True)
async def nothing_to_cancel(play: Play) -> None:
    """
    A cancellation where no plan stands is taken, changes nothing, and a plan may still come.

    A gateway that refuses it leaves a partner in doubt whether somebody will be waited for.
    """
    talk = await journey(play, "documented")
    await send(talk, "return.schedule")
    await send(talk, "return.schedule", **schedule(play, departure(play)))


# The proposal, and what it rests on


NO_GROUND = ["not-found", "former-national", "cannot-say", "document-authentic"]
"""Replies on which no return rests: whoever was a national is none, and a document says nothing of who holds it."""
RESTS = ["another-digest", "an-earlier-reply", "no-reply", *NO_GROUND]


@case("returns.rests-on", "M-3.11", section="3.5", inputs=RESTS, profile="return")
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
    await _proposes(talk, named, "illegal-step")
    if what == "an-earlier-reply":
        await _proposes(talk, second.digest, None)


async def _proposes(talk: Talk, reply: str, code: str | None) -> None:
    value = proposal_body(talk.play, reply)
    statements = stated(talk, "return.release", "coordinator", value)
    if code is None:
        await talk.send("return.proposal", value, statements=statements)
    else:
        await talk.refused(code, "return.proposal", value, statements=statements)


@case("returns.of-a-resident", "M-3.11", section="3.5", profile="return", positive=True)
async def of_a_resident(play: Play) -> None:
    """
    A return rests on the reply that somebody had the right of residence as on the one that she is a national.

    A gateway for which nationals alone return leaves whoever has her home there, and no other State, where she is.
    """
    talk = await play.acknowledged(name="permanent-residence")
    replied = await talk.said("verification.reply", play.reply("resident-at-date", as_of="2024-08-01"))
    await _proposes(talk, replied.digest, None)


@case("returns.no-positive-reply", "M-3.11", "M-5.35", section="3.5", profile="return", inputs=[*NO_GROUND, "none"])
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


@case("returns.kept-no-longer", "M-3.11", section="3.5", profile="return")
async def kept_no_longer(play: Play) -> None:
    """
    The gateway's desk proposes no return once what it sent may be kept no more, also where the reply still counts.

    A gateway that lets it has its partner decide about somebody of whom it was to have forgotten everything.
    """
    talk = await play.taken_up(handling={"use_restrictions": ["P0"], "retain_until": day(play, 5), "onward": "none"})
    await send(talk, "verification.reply", valid_until=day(play, 90))
    await _proposes_until(talk, days=4, over=2)


@case("returns.reply-over", "M-3.11", section="3.5", profile="return")
async def reply_over(play: Play) -> None:
    """
    The gateway's desk proposes a return on the day of the reply's `valid_until`, and none after it.

    A gateway that lets it returns a person to a State that no longer says that the person is its own.
    """
    talk = await play.taken_up(handling={"use_restrictions": ["P0"], "retain_until": day(play, 400), "onward": "none"})
    await send(talk, "verification.reply", valid_until=day(play, 5))
    await _proposes_until(talk, days=5, over=1)


@case("returns.last-day", "M-5.30", section="3.5", profile="return", positive=True)
async def last_day(play: Play) -> None:
    """
    A proposal that comes on the last day of the gateway's reply, in the last minute in UTC, is taken.

    A gateway that closes the thread before, or counts the day as over, has said until when, and does not stand by it.
    """
    talk = await play.acknowledged()
    replied = await talk.said("verification.reply", play.reply(valid_until=day(play, 5)))
    await play.tick_to((play.now() + 5 * DAY).replace(hour=23, minute=59))
    await _proposes(talk, replied.digest, None)


@case("returns.once-more", "M-5.30", section="5.9", profile="return", positive=True)
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


# The acceptance


ACCEPTED: dict[str, dict[str, Any]] = {
    "no-carer": {"carer": None},
    "no-service": {"service": None},
    "nobody-receives": {"receiving_services": []},
    "no-end": {"expires_on": None},
    "with-a-reason": {"reason": "NO_CARER"},
}


@case("returns.acceptance-form", "M-3.12", section="3.5", inputs=ACCEPTED, profile="return")
async def acceptance_form(play: Play, changes: dict[str, Any]) -> None:
    """
    An acceptance that names no carer, no service or nobody who receives is `bad-schema`; the whole one is taken.

    A gateway that takes it sends a person to nobody.
    """
    talk = await homeward(play, "proposed")
    value = accepted_body(play, talk, **changes)
    await talk.refused("bad-schema", "return.acceptance", value, statements=signed(talk, "return.acceptance", value))
    await accepts(talk)


ACCEPTED_ON: dict[str, Callable[[Play], Json]] = {
    "signed-tomorrow": lambda play: {"signed_on": day(play, 1)},
    "over": lambda play: {"signed_on": day(play, -9), "expires_on": day(play, -1)},
    "agreed-tomorrow": lambda play: {
        "carer": {"class": "RELATIVE", "ref": "A" * 22, "agreed_in_writing_on": day(play, 1)}
    },
}


@case("returns.acceptance-days", "M-3.12", section="3.5", inputs=ACCEPTED_ON, profile="return")
async def acceptance_days(play: Play, changes: Callable[[Play], Json]) -> None:
    """
    An acceptance that is over, or signed or agreed on a day that has not come, is refused; one for today is taken.

    A gateway that takes it counts on a carer who has not said yes yet, or does not stand by it any more.
    """
    talk = await homeward(play, "proposed")
    value = accepted_body(play, talk, **changes(play))
    await talk.refused("illegal-step", "return.acceptance", value, statements=signed(talk, "return.acceptance", value))
    await accepts(talk, expires_on=day(play))


@case("returns.another-person", "M-3.12", section="3.5", profile="return", inputs={"adult": False, "represented": True})
async def another_person(play: Play, represented: bool) -> None:
    """
    An acceptance whose `represented` is not that of the proposal is refused, and the right one taken.

    A gateway that takes it has a minor accepted as an adult, by whoever accepts adults.
    """
    talk = await homeward(play, "proposed", represented=represented)
    value = accepted_body(play, talk, represented=not represented)
    statements = signed(talk, "return.acceptance", value)
    await talk.refused("illegal-step", "return.acceptance", value, statements=statements)
    await accepts(talk)


@case("returns.answers-one", "M-3.12", section="3.5", profile="return", inputs=["called-back", "refused"], seconds=60.0)
async def answers_one(play: Play, how: str) -> None:
    """
    An acceptance answers its own proposal: one for another, or that was taken before, is refused, and a new one taken.

    A gateway that takes it has a person received by people, and on days, that nobody has agreed to since.
    """
    talk = await homeward(play, "departed" if how == "called-back" else "proposed")
    if how == "called-back":
        taken = next(body_of(row) for row in await talk.delivered() if row["type"] == "return.acceptance")
        await send(talk, "return.take-back")
    else:
        taken = accepted_body(play, talk)
        await send(talk, "return.acceptance", handling=taken["handling"], represented=False)
        # Where none stands it is taken and changes nothing; what is proposed next may be in the same words.
        await talk.send("return.acceptance", taken, statements=signed(talk, "return.acceptance", taken))
    await talk.said("return.proposal", plan(play))
    other = accepted_body(play, talk, proposal="A" * 43)
    for value in (taken, other):
        statements = signed(talk, "return.acceptance", value)
        await talk.refused("illegal-step", "return.acceptance", value, statements=statements)
    await accepts(talk)


@case("returns.refused-before", "M-3.12", section="3.5", profile="return")
async def refused_before(play: Play) -> None:
    """
    An answer by whoever had not taken the proposal that stands is `illegal-step`, and a refusal that had is taken.

    A gateway that takes a refusal of before has a plan set back that nobody refused, and the acceptance of it comes to
    nothing; one that takes an acceptance, of a proposal in the same words, goes on where the other State waits for it.
    """
    talk = await homeward(play, "proposed")
    first, how = talk.taken, {"handling": talk.heard[-1].body["handling"], "represented": False}
    await send(talk, "return.acceptance", **how)
    await talk.said("return.proposal", plan(play))
    late = body(play, talk, "return.acceptance", **how)
    await talk.refused("illegal-step", "return.acceptance", late, in_reply_to=first)
    value = accepted_body(play, talk)
    statements = signed(talk, "return.acceptance", value)
    await talk.refused("illegal-step", "return.acceptance", value, statements=statements, in_reply_to=first)
    await send(talk, "return.acceptance", **how)


@case("returns.answers-the-last", "M-3.12", section="3.5", profile="return", positive=True)
async def answers_the_last(play: Play) -> None:
    """
    Where another return was proposed the gateway's acceptance is of that one, by the digest of its body.

    A gateway that accepts the first receives somebody on days, and with people, of which its partner says no more.
    """
    talk = await journey(play, "proposed")
    reply = next(message.digest for message in talk.heard if message.type == "verification.reply")
    value = proposal_body(play, reply, window={"from": day(play, 20), "until": day(play, 50)})
    await talk.send("return.proposal", value, statements=stated(talk, "return.release", "coordinator", value))
    said = await talk.said("return.acceptance", acceptance(play))
    if said.body["proposal"] != digest(compact(value)):
        raise Wrong(f"the acceptance is of {said.body['proposal']}, and not of the proposal that stands")
    if said.value["in_reply_to"] != talk.own:
        raise Wrong("the acceptance does not name the proposal that stands as the last message that was taken")


@case("returns.on-the-last-reply", "M-3.11", section="3.5", profile="return", positive=True)
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


NO = ["of-this-person", "of-another-person"]


@case("returns.refused", "M-6.4", "M-5.35", "M-3.12", section="5.10", profile="return", inputs=NO)
async def refused(play: Play, what: str) -> None:
    """
    A refusal needs no signature and is taken, whatever else it says; after it the gateway asks for no document.

    A gateway that goes on after a no returns a person whom nobody will receive; one that asks of a no what it asks of a
    yes does not hear it.
    """
    talk = await homeward(play, "proposed")
    says = {"represented": what == "of-another-person"}
    await send(talk, "return.acceptance", handling=talk.heard[-1].body["handling"], **says)
    await withholds(talk, "travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]})
    await accepts(talk)
    await withholds(talk, "travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]})


@case("returns.declined", "M-5.35", "M-6.5", section="5.10", profile="return")
async def declined(play: Play) -> None:
    """
    Once the welfare authority has said no, the gateway's desk proposes nothing more.

    A gateway whose desk can go on has an authority that is asked and not heard.
    """
    talk = await homeward(play, "proposed")
    await send(talk, "return.acceptance", handling=talk.heard[-1].body["handling"], represented=False)
    await talk.act("decline")
    await withholds(talk, "return.proposal", plan(play), days=5)


# The document


@case("returns.number-itself", "M-3.13", section="3.5", profile="return")
async def number_itself(play: Play) -> None:
    """
    A document's number in the place of its digest is `bad-schema`, and never leaves from the gateway's own desk.

    A gateway that takes or sends it has the number in every log and figure in which the digest stands.
    """
    talk = await homeward(play, "accepted")
    await talk.said("travel-document.request", {"needed_by": body(play, talk, "return.take-back")["by"]})
    value = body(play, talk, "travel-document.issued", document=document(play, number_digest="L898902C36"))
    await talk.refused("bad-schema", "travel-document.issued", value)
    await send(talk, "travel-document.issued")
    talk = await journey(play, "accepted")
    await send(talk, "travel-document.request")
    await withholds(talk, "travel-document.issued", {"document": document(play, number_digest="L898902C36")})


PAPERS: dict[str, tuple[int, int]] = {"issued-in-two-days": (2, 60), "over-since-yesterday": (-60, -1)}


@case("returns.document-days", "M-3.13", section="3.5", inputs=PAPERS, profile="return")
async def document_days(play: Play, days: tuple[int, int]) -> None:
    """
    A document that is over, or of a day that has nowhere come, is refused, the first one and one in its place.

    A gateway that takes it has a person at the border with a paper that nobody there takes.
    """
    talk = await homeward(play, "accepted")
    await talk.said("travel-document.request", {"needed_by": day(play, 10)})
    useless = document(play, issued_on=day(play, days[0]), valid_until=day(play, days[1]))
    await refuses(talk, "travel-document.issued", document=useless)
    await refuses(talk, "travel-document.reissue", document=useless)
    await send(talk, "travel-document.issued", document=document(play, issued_on=day(play, 1)))
    await refuses(talk, "travel-document.reissue", document=useless)
    await send(talk, "travel-document.reissue", document=document(play, valid_until=day(play)))


@case("returns.document-due", "M-5.14", "M-5.13", section="3.6", profile="return")
async def document_due(play: Play) -> None:
    """
    The receipt of a request for a travel document states the third working day; once one was issued, none.

    A gateway that states none lets its partner wait for a paper that nobody has in hand.
    """
    talk = await journey(play, "accepted")
    wanted = reckon(play.gateway.calendar, play.now(), 3)
    for _ in range(2):
        receipt = await send(talk, "travel-document.request")
        if {name: receipt[name] for name in ("start_on", "due_on")} != wanted:
            raise Wrong(f"the document is due on {receipt['due_on']}, not on {wanted['due_on']}")
    await talk.said("travel-document.issued", {"document": document(play)})
    again = await send(talk, "travel-document.request")
    if (again["start_on"], again["due_on"]) != (None, None):
        raise Wrong(f"another document is due on {again['due_on']}, as if it were the first")


def _with(says: Json, claims: Json) -> Json:
    return claims | says


@case("returns.document-waited-for", "M-5.14", "M-3.2", section="3.6", profile="return", positive=True)
async def document_waited_for(play: Play) -> None:
    """
    As the asking State the gateway names the clock of the document, and says where a receipt names another day.

    A gateway that waits by its partner's word, or for no day, lets a person sit on packed bags and nobody asks why.
    """
    for wrong in (False, True):
        await play.fresh()
        talk = await homeward(play, "accepted")
        if wrong:
            says = {"start_on": day(play), "due_on": day(play, 30)}
            talk.state.instead = [answers(play.doors, Answering(claims=partial(_with, says)))]
        clock = (await talk.said("travel-document.request", {"needed_by": day(play, 15)})).value["clock"]
        if clock is None or (clock["service"], clock["step"]) != ("IRC", "travel_document"):
            raise Wrong(f"the request names the clock {clock}")
        if (await play.sent(talk.thread))[-1]["told"] is not wrong:
            raise Wrong(f"a person was {'not ' if wrong else ''}told that the receipt names another day than the rule")


@case("returns.reissue-alone", "M-5.30", section="5.9", profile="return", positive=True, seconds=60.0)
async def reissue_alone(play: Play) -> None:
    """
    A document that takes the place of one that never came is one: the journey is planned with it.

    A gateway that waits for the first one keeps a person waiting for a paper that was lost, with a good one in hand.
    """
    talk = await homeward(play, "accepted")
    await talk.said("travel-document.request", {"needed_by": day(play, 15)})
    await send(talk, "travel-document.reissue")
    await talk.say("return.schedule", schedule(play, departure(play)))
    await told(talk, departure(play))


@case("returns.reissued", "M-3.13", section="3.5", profile="return", positive=True)
async def reissued(play: Play) -> None:
    """
    A document that is issued anew names the one that it replaces, which is the last that was issued.

    A gateway that names another one leaves its partner with two papers, of which it takes the wrong one for good.
    """
    talk = await journey(play, "documented")
    before = talk.heard[-1].body["document"]["number_digest"]
    for number in ("E" * 43, "I" * 43):
        said = await talk.said("travel-document.reissue", {"document": document(play, number_digest=number)})
        if said.body["replaces"] != before:
            raise Wrong(f"the document replaces {said.body['replaces']}, not {before}")
        before = number


@case("returns.document-minimised", "M-5.1", section="5.1", profile="return")
async def document_minimised(play: Play) -> None:
    """
    A request for a travel document with an element that the purpose does not require is `not-minimised`.

    A gateway that takes it keeps more about the person than was needed to send her home.
    """
    talk = await journey(play, "accepted")
    value = body(play, talk, "travel-document.request")
    more = {"document": {"type": "P", "number": "X1234567", "issuer": play.gateway.code}}
    await refuses(talk, "travel-document.request", "not-minimised", elements=value["elements"] | more)
    await send(talk, "travel-document.request")


@case("returns.document-digest", "M-3.13", section="3.5", profile="return", positive=True)
async def document_digest(play: Play) -> None:
    """
    The digest of a document's number is the one over this thread and the number, and comes through as it was made.

    A gateway that makes one of its own has a document that its partner cannot recognise.
    """
    talk = await journey(play, "accepted")
    await send(talk, "travel-document.request")
    made = digest(unb64u(talk.thread) + b"L898902C36")
    message = await talk.said("travel-document.issued", {"document": document(play, number_digest=made)})
    if message.body["document"]["number_digest"] != made:
        raise Wrong("the document has another digest than that of the thread and its number")


# Who signs


SIGNS: dict[str, tuple[str, dict[str, Any]]] = {
    "nobody": ("none", {}),
    "another-role": ("role", {"role": "desk_head"}),
    "another-kind": ("role", {"kind": "return.acceptance"}),
    "welfare-for-an-adult": ("role", {"role": "welfare"}),
    "the-gateway": ("key", {"key": "signing"}),
    "another-body": ("key", {"about": "A" * 43}),
    "over": ("over", {}),
}


@case("returns.release", "M-6.4", "M-6.2", "M-6.5", section="6", inputs=SIGNS, profile="return")
async def release(play: Play, how: tuple[str, dict[str, Any]]) -> None:
    """
    A proposal without the release of the authority in charge over its own body is `bad-statement`.

    A gateway that takes it believes a desk that its own authority has not asked.
    """
    talk = await journey(play, "replied")
    value = proposal_body(play, talk.heard[-1].digest)
    await talk.refused("bad-statement", "return.proposal", value, statements=_by(talk, how, "return.release", value))
    await _proposes(talk, talk.heard[-1].digest, None)


def _by(talk: Talk, how: tuple[str, dict[str, Any]], kind: str, value: Json) -> list[str]:
    what, changes = how[0], dict(how[1])
    if what == "none":
        return []
    if changes.get("key") == "signing":
        changes["key"] = talk.state.signing
    if what == "over":
        changes["valid_until"] = talk.play.now().replace(year=2025)
    role = changes.pop("role", "coordinator" if kind == "return.release" else "desk_head")
    until = {"valid_until": talk.play.now().replace(year=2027)} | changes
    return [talk.state.statement(until.pop("kind", kind), role, value, talk.thread, **until)]


TAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "nobody": ("none", {}),
    "another-role": ("role", {"role": "coordinator"}),
    "another-kind": ("role", {"kind": "return.release"}),
    "welfare-for-an-adult": ("role", {"role": "welfare"}),
    "the-gateway": ("key", {"key": "signing"}),
    "another-body": ("key", {"about": "A" * 43}),
    "over": ("over", {}),
}


@case("returns.acceptance-signed", "M-6.4", "M-6.2", section="6", inputs=TAKES, profile="return")
async def acceptance_signed(play: Play, how: tuple[str, dict[str, Any]]) -> None:
    """
    An acceptance without the statement of who answers for the reception is `bad-statement`.

    A gateway that takes it sends a person to a desk that has asked no service.
    """
    talk = await homeward(play, "proposed")
    value = accepted_body(play, talk)
    statements = _by(talk, how, "return.acceptance", value)
    await talk.refused("bad-statement", "return.acceptance", value, statements=statements)
    await accepts(talk)


@case("returns.welfare-accepts", "M-6.4", section="6", profile="return", inputs=["desk_head", "coordinator"])
async def welfareaccepts(play: Play, role: str) -> None:
    """
    For a represented person the welfare authority accepts, and nobody in its place.

    A gateway that takes the head of a desk for it has a minor received by an office.
    """
    talk = await homeward(play, "proposed", represented=True)
    value = accepted_body(play, talk)
    wrong = stated(talk, "return.acceptance", role, value)
    await talk.refused("bad-statement", "return.acceptance", value, statements=wrong)
    await accepts(talk)


@case("returns.stop-unsigned", "M-6.4", "M-6.2", section="6", profile="return", inputs=["suspension", "resumption"])
async def stop_unsigned(play: Play, type: str) -> None:
    """
    To stop takes no signature: a suspension with a statement is `bad-statement`, one without is taken.

    A gateway that waits for a signature before it stops goes on while somebody looks for a key.
    """
    talk = await homeward(play, "accepted")
    value = body(play, talk, type)
    await talk.refused("bad-statement", type, value, statements=stated(talk, "return.release", "coordinator", value))
    await send(talk, type)


# What it is under


@case("returns.conditions", "M-3.8", section="3.5", profile="return", positive=True, seconds=60.0)
async def conditions(play: Play) -> None:
    """
    As the asked State the gateway says each thing of a return under the conditions of what it answers.

    A gateway that names others keeps data for longer, or for more, than the State that sent them allows.
    """
    talk = await journey(play, "handed over")
    await talk.said("return.monitoring", {"status": "SEEN_SAFE", "on": day(play), "final": False})
    taken = {row["type"]: body_of(row)["handling"] for row in await talk.delivered() if "handling" in body_of(row)}
    wanted = {
        "return.acceptance": taken["return.proposal"],
        "travel-document.issued": taken["travel-document.request"],
        "return.monitoring": taken["return.proposal"],
    }
    for message in talk.heard:
        if message.type in wanted and message.body["handling"] != wanted[message.type]:
            raise Wrong(f"{message.type} is under {message.body['handling']}, not under {wanted[message.type]}")
