"""Section 5.10: a return from the proposal to the handover, and the conditions that it is under."""

from conformance.bodies import day
from conformance.play import Play, body_of
from conformance.reading import instant
from conformance.registry import Wrong, case
from conformance.returning import homeward, journey
from conformance.state import Message


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
