"""Sections 3.5 and 6: a person for whom a representative acts, where the gateway is to receive."""

from typing import Any

from conformance.bodies import day, send
from conformance.play import Play
from conformance.reading import Json
from conformance.registry import Wrong, case
from conformance.returning import acceptance, journey, proposal_body, stated
from conformance.state import example
from conformance.talk import Talk

KINDS = ("risk", "best_interests", "family")


def proposal(play: Play, reply: str) -> Json:
    """Return the body of a proposal for a represented person that rests on the reply with this digest."""
    row = {"positive": True, "on": day(play, -1), "expires_on": day(play, 90), "signed_by_role": "welfare"}
    about = example("return.proposal", "represented")["referral"]
    conclusions = [{"kind": kind, **row} for kind in KINDS]
    return proposal_body(play, reply, represented=True, conclusions=conclusions, referral=about)


BY: dict[str, tuple[str, dict[str, Any]]] = {
    "the-coordinator": ("coordinator", {}),
    "the-head-of-the-desk": ("desk_head", {}),
    "the-coordinator-in-its-name": ("welfare", {"key": "coordinator"}),
}


@case("represented.released", "M-6.4", "M-6.2", section="6", profile="return", inputs=BY)
async def released(play: Play, by: tuple[str, dict[str, Any]]) -> None:
    """
    The return of a represented person is released by the welfare authority: any other signature is `bad-statement`.

    A gateway that looks for some release, and not for whose it is, receives a minor whom nobody in charge of minors
    has looked at.
    """
    role, how = by
    talk = await journey(play, "replied")
    value = proposal(play, talk.heard[-1].digest)
    keys = {name: talk.state.roles[key] for name, key in how.items()}
    await talk.refused("bad-statement", "return.proposal", value, statements=_release(talk, role, value, **keys))
    await talk.send("return.proposal", value, statements=_release(talk, "welfare", value))


def _release(talk: Talk, role: str, value: Json, **how: Any) -> list[str]:
    return stated(talk, "return.release", role, value, **how)


@case("represented.received", "M-6.4", "M-3.12", section="6", profile="return", positive=True)
async def received(play: Play) -> None:
    """
    The gateway accepts a represented person as one, under the statement of its own welfare authority.

    A gateway whose head of desk signs for everybody has a minor received by an office.
    """
    talk = await journey(play, "replied")
    value = proposal(play, talk.heard[-1].digest)
    await talk.send("return.proposal", value, statements=_release(talk, "welfare", value))
    said = (await talk.said("return.acceptance", acceptance(play))).body  # its statement was checked as it came
    if said["represented"] is not True:
        raise Wrong("the acceptance is not of a represented person")
    await send(talk, "travel-document.request")
