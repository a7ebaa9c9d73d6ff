"""Sections 3.5 and 6: the record of a handover, the two hands under it, and its days."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from conformance.backend import Forbidden
from conformance.bodies import day, refuses, send, signed, withholds
from conformance.play import Play
from conformance.reading import Json, compact, strict_json
from conformance.registry import Wrong, case
from conformance.returning import departure, handling, homeward, journey, record, schedule
from conformance.state import DAY
from conformance.talk import Talk
from conformance.writing import stamp


@case("handovers.one-record", "M-3.15", "M-6.6", section="3.5", profile="return", seconds=60.0)
async def one_record(play: Play) -> None:
    """
    A record that comes back in other bytes is refused, whatever they mean; the same bytes are taken.

    A gateway that takes another record has two hands under two papers, and each side shows its own.
    """
    talk = await homeward(play, "departed")
    await play.tick(hours=5)
    text = bytes((await talk.said("return.handover", {"protocol": record(play)})).value["body_bytes"])
    value = strict_json(text)
    others = (
        compact(value | {"protocol": value["protocol"] | {"next_appointment": None}}),
        compact(value | {"protocol": value["protocol"] | {"discreet": not value["protocol"]["discreet"]}}),
        b"{ " + text[1:],
        compact(dict(reversed(value.items()))),
    )
    for other in others:
        await talk.refused("illegal-step", "return.handover", other, statements=_received(talk, other))
    await talk.send("return.handover", text, statements=_received(talk, text))


def _received(talk: Talk, text: bytes, **how: Any) -> list[str]:
    return [talk.state.statement("handover.receipt", "reception", text, talk.thread, **how)]


def _hands(kind: str, role: str) -> dict[str, dict[str, Any]]:
    """Return what may be wrong with one hand: the record, the hand of the other side, the person, or that it is not."""
    other = {
        "handover.delivery": ("handover.receipt", "reception"),
        "handover.receipt": ("handover.delivery", "escort"),
    }
    right = {"kind": kind, "role": role}
    return {
        "about another record": right | {"about": "A" * 43},
        "that of the other side": dict(zip(("kind", "role"), other[kind], strict=True)),
        "by the desk": right | {"role": "desk_head"},
        "missing": {},
    }


async def _wrong_hands(talk: Talk, kind: str, role: str, text: Json | bytes) -> None:
    for name, how in _hands(kind, role).items():
        changes = dict(how)
        own, by = changes.pop("kind", ""), changes.pop("role", "")
        wrong = [talk.state.statement(own, by, text, talk.thread, **changes)] if how else []
        try:
            await talk.refused("bad-statement", "return.handover", text, statements=wrong)
        except Wrong as error:
            raise Wrong(f"the hand under the record is {name}: {error}") from None


@case("handovers.two-hands", "M-6.6", "M-6.4", section="6", profile="return", seconds=60.0)
async def two_hands(play: Play) -> None:
    """
    A handover counts once both hands are under one record: any other statement is `bad-statement`.

    A gateway that closes a journey on one hand has a person who was handed to nobody.
    """
    talk = await homeward(play, "departed")
    await play.tick(hours=5)
    text = bytes((await talk.said("return.handover", {"protocol": record(play)})).value["body_bytes"])
    await _wrong_hands(talk, "handover.receipt", "reception", text)
    await talk.send("return.handover", text, statements=_received(talk, text))


@case("handovers.first-hand", "M-6.4", "M-6.6", section="6", profile="return", seconds=60.0)
async def first_hand(play: Play) -> None:
    """
    A record that comes without the escort's hand under it is `bad-statement`, and its own hand is not put under it.

    A gateway that signs first confirms that somebody arrived whom nobody says to have brought.
    """
    talk = await journey(play, "departed")
    await play.tick(hours=5)
    value = {"handling": handling(play), "protocol": record(play)}
    await _wrong_hands(talk, "handover.delivery", "escort", value)
    await withholds(talk, "return.handover", {}, days=0)
    await talk.send("return.handover", value, statements=signed(talk, "return.handover", value))
    heard = await talk.said("return.handover", {})
    if heard.value["body_bytes"] != compact(value):
        raise Wrong("the record came back in other bytes (M-3.15)")


@case("handovers.before-the-record", "M-3.15", "M-5.30", section="3.5", profile="return", seconds=60.0)
async def before_the_record(play: Play) -> None:
    """
    A second hand that comes before the gateway's escort has signed a record is refused, and a report before it too.

    A gateway that takes it has a journey closed by whoever says that somebody arrived.
    """
    talk = await homeward(play, "departed")
    await play.tick(hours=5)
    value = {"handling": talk.heard[-1].body["handling"], "protocol": record(play)}
    await talk.refused("illegal-step", "return.handover", value, statements=_received(talk, compact(value)))
    await refuses(talk, "return.monitoring")
    text = bytes((await talk.said("return.handover", {"protocol": record(play)})).value["body_bytes"])
    await refuses(talk, "return.monitoring")
    await talk.send("return.handover", text, statements=_received(talk, text))


@case("handovers.without-a-plan", "M-5.36", "M-5.30", section="5.10", profile="return", positive=True, seconds=60.0)
async def without_a_plan(play: Play) -> None:
    """
    Word of a departure is taken also where the plan was called off, or none was told, and both hands sign the record.

    A gateway that waits for nobody without a plan has a person at the border whom it agreed to receive.
    """
    talk = await journey(play, "planned")
    await send(talk, "return.schedule")
    left = {**schedule(play, departure(play)), "status": "departed", "departs_at": stamp(play.now())}
    await send(talk, "return.schedule", **left)
    await play.tick(hours=5)
    await send(talk, "return.handover")
    await talk.said("return.handover", {})


@case("handovers.while-awaited", "M-5.34", "M-5.35", section="5.10", profile="return", inputs=["asked", "asking"])
async def while_awaited(play: Play, side: str) -> None:
    """
    Nobody closes the case of somebody who is on the way: the record comes, and both hands are put under it.

    A gateway whose desk can put it away has nobody at the gate, and refuses the hand of whoever brought her.
    """
    talk = await (journey if side == "asked" else homeward)(play, "departed")
    with suppress(Forbidden):
        await talk.act("close")
    await play.tick(days=2)
    if side == "asked":
        await send(talk, "return.handover")
        await talk.said("return.handover", {})
        return
    text = bytes((await talk.said("return.handover", {"protocol": record(play)})).value["body_bytes"])
    await talk.send("return.handover", text, statements=_received(talk, text))


@case("handovers.dated", "M-3.15", section="3.5", profile="return", inputs=["asked", "asking"], seconds=60.0)
async def dated(play: Play, side: str) -> None:
    """
    A record of a handover that is dated before the departure, or ahead of time, is refused, and said by no own escort.

    A gateway that takes it, or says it, has a person looked after for six months that were over before she came.
    """
    talk = await (journey if side == "asked" else homeward)(play, "departed")
    left = play.now()
    await play.tick(hours=5)
    if side == "asking":
        for at in (left - timedelta(hours=1), play.now() + timedelta(hours=1)):
            await withholds(talk, "return.handover", {"protocol": record(play) | {"at": stamp(at)}}, days=0)
        await talk.said("return.handover", {"protocol": record(play)})
        return
    for at in (left - timedelta(seconds=1), left - 200 * DAY, play.now() + timedelta(seconds=301)):
        value = {"handling": handling(play), "protocol": record(play) | {"at": stamp(at)}}
        await talk.refused("illegal-step", "return.handover", value, statements=signed(talk, "return.handover", value))
    for at in (left, play.now() + timedelta(seconds=300), play.now()):
        await send(talk, "return.handover", protocol=record(play) | {"at": stamp(at)})


@case("handovers.corrected-record", "M-6.6", "M-3.15", section="6", profile="return", positive=True, seconds=60.0)
async def corrected_record(play: Play) -> None:
    """
    A record is set right by another one: the gateway signs the last that came, and takes one that comes after its hand.

    A gateway that signs the first has its name under what its partner has said to be wrong; one that takes no other
    keeps a partner from saying so.
    """
    talk = await journey(play, "departed")
    await play.tick(hours=5)
    first = {"handling": handling(play), "protocol": record(play)}
    for discreet in (True, False):
        value = first | {"protocol": first["protocol"] | {"discreet": discreet}}
        await talk.send("return.handover", value, statements=signed(talk, "return.handover", value))
    heard = await talk.said("return.handover", {})
    if heard.value["body_bytes"] != compact(value):
        raise Wrong("the hand is not under the record that came last (M-3.15)")
    await send(talk, "return.handover")
    await talk.said("return.monitoring", {"status": "SEEN_SAFE", "on": day(play), "final": False})


@case("handovers.crossed-record", "M-6.6", section="6", profile="return", positive=True, seconds=60.0)
async def crossed_record(play: Play) -> None:
    """
    Where the gateway said a record anew, the second hand is taken under any of those that it signed.

    A gateway that takes it under the last one alone has a handover that both signed and that never counts.
    """
    talk = await homeward(play, "departed")
    await play.tick(hours=5)
    first = bytes((await talk.said("return.handover", {"protocol": record(play)})).value["body_bytes"])
    await talk.said("return.handover", {"protocol": record(play) | {"next_appointment": None}})
    await talk.send("return.handover", first, statements=_received(talk, first))
    await send(talk, "return.monitoring")
