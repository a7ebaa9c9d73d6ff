"""Section 3.5: a request that another authority of the asked State is competent for."""

from conformance.bodies import REDIRECT, body, refuses, send, withholds
from conformance.play import Play
from conformance.registry import Wrong, case

NOBODY = {"own-code": "XAA-99", "another-state": "XBB-01", "lower-case-after": "XAA-01x"}


@case("redirects.unknown-authority", "M-3.22", "M-5.30", section="3.5", inputs=NOBODY, profile="full")
async def unknown_authority(play: Play, authority: str) -> None:
    """
    A pointer to an authority that is not in the directory of its State is refused; one to a listed one is taken.

    A gateway that takes it tells its officer to wait for an office that nobody answers for.
    """
    talk = await play.is_asked()
    await refuses(talk, REDIRECT, authority={"id": authority})
    await send(talk, REDIRECT)
    await talk.acknowledge()


@case("redirects.own", "M-5.30", section="3.5", profile="full", positive=True)
async def own(play: Play) -> None:
    """
    The gateway's desk points to an authority of its own directory, which takes the request up in the same thread.

    A gateway that cannot do this leaves a request with an office that must not open it.
    """
    talk = await play.asks()
    authority = play.gateway.card.value["authorities"][0]["id"]
    message = await talk.said(REDIRECT, {"authority": {"id": authority}, "reason": "OTHER_TASK"})
    if message.body != {"authority": {"id": authority}, "reason": "OTHER_TASK"}:
        raise Wrong(f"the pointer says {message.body}")
    await talk.said("verification.acknowledgement", {})


@case("redirects.own-unknown", "M-5.30", section="3.5", profile="full")
async def own_unknown(play: Play) -> None:
    """
    The gateway's desk does not point to an authority that is not in its own directory.

    A gateway that lets it sends a message that its partner must refuse, and the request lies there meanwhile.
    """
    talk = await play.asks()
    nobody = {"authority": {"id": f"{play.gateway.code}-NOBODY-9"}, "reason": "OTHER_TASK"}
    await withholds(talk, REDIRECT, nobody)


@case("redirects.once", "M-5.30", section="5.9", profile="full")
async def once(play: Play) -> None:
    """
    After a redirect the asking State waits for an acknowledgement and takes nothing else.

    A gateway that takes a reply there takes it from whoever was not competent a moment ago.
    """
    talk = await play.is_asked()
    await send(talk, REDIRECT)
    for type in (REDIRECT, "verification.reply", "verification.question", "verification.delay"):
        await refuses(talk, type)
    await talk.acknowledge()
    await talk.send("verification.reply", body(play, talk, "verification.reply"))
