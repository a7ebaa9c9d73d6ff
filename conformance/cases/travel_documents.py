"""Sections 3.5 and 3.6: the document to travel with: its number and days, when it is due, and one in its place."""

from functools import partial

from conformance.bodies import body, day, refuses, send, withholds
from conformance.door import answers
from conformance.play import Play
from conformance.reading import Json, unb64u
from conformance.registry import Wrong, case
from conformance.returning import departure, document, homeward, journey, schedule, told
from conformance.state import Answering, reckon
from conformance.writing import digest


@case("traveldocuments.number-itself", "M-3.13", section="3.5", profile="return")
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


@case("traveldocuments.days", "M-3.13", section="3.5", inputs=PAPERS, profile="return")
async def days(play: Play, apart: tuple[int, int]) -> None:
    """
    A document that is over, or of a day that has nowhere come, is refused, the first one and one in its place.

    A gateway that takes it has a person at the border with a paper that nobody there takes.
    """
    talk = await homeward(play, "accepted")
    await talk.said("travel-document.request", {"needed_by": day(play, 10)})
    useless = document(play, issued_on=day(play, apart[0]), valid_until=day(play, apart[1]))
    await refuses(talk, "travel-document.issued", document=useless)
    await refuses(talk, "travel-document.reissue", document=useless)
    await send(talk, "travel-document.issued", document=document(play, issued_on=day(play, 1)))
    await refuses(talk, "travel-document.reissue", document=useless)
    await send(talk, "travel-document.reissue", document=document(play, valid_until=day(play)))


@case("traveldocuments.due", "M-5.14", "M-5.13", section="3.6", profile="return")
async def due(play: Play) -> None:
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


@case("traveldocuments.waited-for", "M-5.14", "M-3.2", section="3.6", profile="return", positive=True)
async def waited_for(play: Play) -> None:
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


@case("traveldocuments.reissue-alone", "M-5.30", section="5.9", profile="return", positive=True, seconds=60.0)
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


@case("traveldocuments.reissued", "M-3.13", section="3.5", profile="return", positive=True)
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


@case("traveldocuments.minimised", "M-5.1", section="5.1", profile="return")
async def minimised(play: Play) -> None:
    """
    A request for a travel document with an element that the purpose does not require is `not-minimised`.

    A gateway that takes it keeps more about the person than was needed to send her home.
    """
    talk = await journey(play, "accepted")
    value = body(play, talk, "travel-document.request")
    more = {"document": {"type": "P", "number": "X1234567", "issuer": play.gateway.code}}
    await refuses(talk, "travel-document.request", "not-minimised", elements=value["elements"] | more)
    await send(talk, "travel-document.request")


@case("traveldocuments.digest", "M-3.13", section="3.5", profile="return", positive=True)
async def digest_of_the_number(play: Play) -> None:
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
