"""Sections 2 and 8.1: public keys in cards, and what a card with a wrong one comes to."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from conformance.backend import Forbidden
from conformance.door import drops
from conformance.play import Play
from conformance.reading import Json, b64u, key_id
from conformance.registry import Wrong, case
from conformance.state import DAY, Post, State
from conformance.writing import SealingKey, stamp

SMALL_ORDER = {
    "x25519-zero": bytes(32),
    "x25519-one": b"\1" + bytes(31),
    "x25519-order-8": bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    "x25519-other-order-8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "x25519-minus-one": bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "x25519-zero-not-reduced": bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "x25519-one-not-reduced": bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "x25519-one-with-the-top-bit": b"\1" + bytes(30) + b"\x80",
}
"""Points of small order, each by every text that a reader of X25519 takes for it (RFC 7748 masks the top bit)."""

NOT_REDUCED = bytes.fromhex(
    "04fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff000000000000000100000001"
    "8cdeadbbd04911a3c1931e26df3fa6439dca9c7eb286fbd46fc319f0e2bb780232baf57825fc0c1912ada2fefe84024c"
)
"""A point of P-384 whose x is 2, with the prime of the field added to it: one key, another text."""

ORDER_2 = b"\4" + bytes(47) + b"\2" + bytes(48)
"""Where y is 0 a point has order 2, on a curve that differs in its constant alone, for which the same sums are done."""


def _first(state: State) -> bytes:
    return SealingKey(1, state.secret("another sealing")).recipient.public


def _second(state: State) -> bytes:
    return SealingKey(2, state.secret("another sealing")).recipient.public


def _hybrid(public: bytes) -> bytes:
    """Return a point in the form that says its sign and gives both coordinates: one key, another text."""
    return public[:1568] + bytes([6 + (public[-1] & 1)]) + public[1569:]


def _with_point(point: bytes) -> Callable[[State], bytes]:
    return lambda state: _first(state)[:1184] + point


SEALING: dict[str, tuple[int, Callable[[State], bytes]]] = {
    "suite-1-short": (1, lambda state: _first(state)[:-1]),
    "suite-1-long": (1, lambda state: _first(state) + b"\0"),
    "suite-2-short": (2, lambda state: _second(state)[:-1]),
    "ml-kem-768-not-reduced": (1, lambda state: b"\xff" * 3 + _first(state)[3:]),
    "ml-kem-1024-not-reduced": (2, lambda state: b"\xff" * 3 + _second(state)[3:]),
    "point-compressed": (2, lambda state: _second(state)[:1568] + b"\2" + _second(state)[1569:1617]),
    "point-hybrid": (2, lambda state: _hybrid(_second(state))),
    "point-off-the-curve": (2, lambda state: _second(state)[:-1] + bytes([_second(state)[-1] ^ 1])),
    "point-not-reduced": (2, lambda state: _second(state)[:1568] + NOT_REDUCED),
    "point-at-infinity": (2, lambda state: _second(state)[:1568] + bytes(97)),
    "point-of-order-2-elsewhere": (2, lambda state: _second(state)[:1568] + ORDER_2),
    **{name: (1, _with_point(point)) for name, point in SMALL_ORDER.items()},
}


@case("cards.sealing-key", "M-2.2", section="2.1", inputs=SEALING, fresh=True)
async def sealing_key(play: Play, fault: tuple[int, Callable[[State], bytes]]) -> None:
    """
    A card with a sealing key that is not in its one form is not taken, and the one held stays in force.

    A gateway that takes it seals to a secret that everybody knows, or knows one key under two ids.
    """
    suite, make = fault
    await _not_taken(play, sealing=[*play.a.card.value["sealing"], _row(play, suite, make(play.a))])


def _row(play: Play, suite: int, public: bytes, kid: bytes | None = None, **window: Any) -> Json:
    now = play.now()
    return {
        "kid": b64u(kid or key_id(f"xg1 seal {suite}", public)),
        "suite": suite,
        "key": b64u(public),
        "from": stamp(now),
        "until": stamp(now + 100 * DAY),
        "revoked_at": None,
        **window,
    }


async def _not_taken(play: Play, **changes: Any) -> None:
    """Insist that a card with ``changes`` is not taken, that nothing is put on hold, and that the next right one is."""
    a = play.a
    answer = await play.publish(**{a.code: [a.next_card(keep=False, **changes)]})
    if answer["held"].get(a.code) != 1:
        raise Wrong("the card was taken")
    if a.code in answer["hold"]:
        raise Wrong("the State was put on hold for a fault that is none of M-8.5")
    await play.accepted(play.message())


KIDS = ["another-key", "label-of-suite-2", "label-of-signing", "no-label", "whole-digest"]


@case("cards.sealing-kid", "M-2.4", section="2.3", inputs=KIDS, fresh=True)
async def sealing_kid(play: Play, fault: str) -> None:
    """
    A card in which a sealing key stands under another id than its own is not taken.

    A gateway that believes the id seals to a key that its partner does not look for.
    """
    public = _first(play.a)
    kids = {
        "another-key": bytes(16),
        "label-of-suite-2": key_id("xg1 seal 2", public),
        "label-of-signing": key_id("xg1 sign", public),
        "no-label": key_id("", public),
        "whole-digest": key_id("xg1 seal 1", public) + bytes(16),
    }
    await _not_taken(play, sealing=[*play.a.card.value["sealing"], _row(play, 1, public, kids[fault])])


@case("cards.signing-kid", "M-2.4", section="2.3", inputs=["another-key", "label-of-sealing"], fresh=True)
async def signing_kid(play: Play, fault: str) -> None:
    """
    A card in which a signing key stands under another id than its own is not taken.

    A gateway that believes the id can be made to check a signature by a key of the sender's choice.
    """
    public = play.a.key("new signing").public
    kid = bytes(16) if fault == "another-key" else key_id("xg1 seal 1", public)
    row = {**play.a.card.value["signing"][0], "kid": b64u(kid), "key": b64u(public)}
    await _not_taken(play, signing=[*play.a.card.value["signing"], row])


ED25519 = {
    "identity": b"\1" + bytes(31),
    "order-2": bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "order-4": bytes(32),
    "order-8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "identity-other-text": b"\1" + bytes(30) + b"\x80",
    "not-reduced": bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "no-point": b"\2" + bytes(31),
    "short": bytes(31),
}


@case("cards.ed25519-key", "M-2.5", section="2.4", inputs=ED25519, fresh=True)
async def ed25519_key(play: Play, public: bytes) -> None:
    """
    A card with an Ed25519 key that is no point of the prime-order group in its one encoding is not taken.

    A gateway that takes it accepts one signature for every message, by nobody.
    """
    key = {"kid": b64u(key_id("xg1 sign", public)), "key": b64u(public)}
    value = play.a.card.value
    await _not_taken(play, signing=[*value["signing"], {**value["signing"][0], **key}])
    await _not_taken(play, log=[*value["log"], key])


PLACES = ["signing-and-role", "two-roles", "twice-in-signing", "log-and-signing", "identity-signs"]


@case("cards.two-places", "M-2.4", "M-8.5", section="8.1", inputs=PLACES, fresh=True)
async def two_places(play: Play, fault: str) -> None:
    """
    A card in which one key stands in two places is not taken.

    A gateway that takes it lets the machine's key speak for a person, or one person for two.
    """
    a, value = play.a, play.a.card.value
    first, role = value["signing"][0], value["roles"][0]
    both = {"kid": first["kid"], "key": first["key"]}
    identity = {"kid": a.identity.kid, "key": b64u(a.identity.public)}
    every: dict[str, Json] = {
        "signing-and-role": {"roles": [*value["roles"], {**role, **both}]},
        "two-roles": {"roles": [*value["roles"], {**role, "role": "escort"}]},
        "twice-in-signing": {"signing": [*value["signing"], first]},
        "log-and-signing": {"log": [*value["log"], both]},
        "identity-signs": {"signing": [*value["signing"], {**first, **identity}]},
    }
    await _not_taken(play, **every[fault])


CHAIN = ["issued-before-the-one-held", "issued-ahead", "serial-left-out", "window-without-a-moment"]


@case("cards.chain", "M-8.1", "M-8.5", section="8.1", inputs=CHAIN, fresh=True)
async def chain(play: Play, fault: str) -> None:
    """
    A card that was issued before the one held, or ahead, leaves a serial out or has an empty window is not taken.

    A gateway that takes it skips the card in which a key was revoked, or lets a State's cards lie about when they were.
    """
    value, now = play.a.card.value, play.now()
    first = value["signing"][0]
    new = play.a.key("new signing")
    row = {**first, "kid": new.kid, "key": b64u(new.public), "until": first["from"]}
    every: dict[str, Json] = {
        "issued-before-the-one-held": {"issued_at": stamp(now - timedelta(seconds=1))},
        "issued-ahead": {"issued_at": stamp(now + timedelta(seconds=301))},
        "serial-left-out": {"serial": value["serial"] + 2},
        "window-without-a-moment": {"signing": [*value["signing"], row]},
    }
    await _not_taken(play, **every[fault])


NEXT: dict[str, tuple[int, Json]] = {
    "suite-2-begins-later": (2, {}),
    "suite-1-begins-later": (1, {}),
    "same-begin": (1, {"from": "same"}),
    "not-yet": (1, {"from": "tomorrow"}),
    "revoked": (1, {"revoked_at": "now"}),
}


@case("cards.active-key", "M-2.1", "M-4.4", section="2.1", inputs=NEXT, profile="verify")
async def active_key(play: Play, given: tuple[int, Json]) -> None:
    """
    Of several keys the gateway seals to the active one with the latest `from`, and of those to the lower suite.

    A gateway that chooses otherwise writes to a key that its partner is about to destroy.
    """
    suite, changes = given
    a, now = play.a, play.now()
    held = a.card.value["sealing"]
    instants = {"same": held[0]["from"], "tomorrow": stamp(now + DAY), "now": stamp(now)}
    new = SealingKey(2 if "from" in changes and changes["from"] == "same" else suite, a.secret("another sealing"))
    window = {name: instants[value] for name, value in changes.items()}
    a.sealing.append(new)
    try:
        a.next_card(sealing=[*held, _row(play, new.suite, new.recipient.public, **window)])
        answer = await play.publish(a)
        if answer["held"].get(a.code) != 2:
            raise Wrong("the card with another sealing key was not taken")
        await play.is_asked()
    finally:
        a.sealing.pop()


OTHERS: dict[str, Json] = {
    "another-identity-far-ahead": {"serial": 7, "identity": "other"},
    "another-identity-same-serial": {"serial": 1, "prev": None, "identity": "other"},
    "another-card-same-serial": {"serial": 1, "prev": None, "spki": ["A" * 43]},
}


@case("cards.hold", "M-8.6", section="8.2", inputs=OTHERS, fresh=True)
async def hold(play: Play, changes: Json) -> None:
    """
    A State is put on hold where the newest card is of another identity key, whatever its serial, or has a held serial.

    A gateway that only looks at the next serial is told of a captured directory and goes on as if nothing were.
    """
    a = play.a
    await play.accepted(play.message())
    other = a.key("another identity")
    forged = changes.get("identity") == "other"
    claims = changes | ({"identity": b64u(other.public)} if forged else {})
    answer = await play.publish(**{a.code: [a.next_card(key=other if forged else None, keep=False, **claims)]})
    if a.code not in answer["hold"]:
        raise Wrong("the State is not on hold")
    await play.problem(play.message(), "hold")
    await play.accepted(play.b.message(play.gateway))


async def _unread(play: Play, **passes: float) -> list[Post]:
    """Let time pass in which the gateway can read no card, and return what it posted then."""
    return await play.tick_to(play.now() + timedelta(**passes), unread=True)


@case("cards.unread-week", "M-8.7", section="8.3", profile="verify", needs=["unread"])
async def unread_week(play: Play) -> None:
    """
    Where nothing of a State could be read for 7 days nothing is sent to it; once it is read again, everything is.

    A gateway that goes on writes to keys that may have been revoked days ago.
    """
    thread = await play.submit()
    a, b = play.a, play.b
    a.instead = [drops()]
    await play.tick()
    await _unread(play, days=6)
    if [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("after 6 days without reading a message was not posted any more")
    with suppress(Forbidden):
        await play.submit()
    with suppress(Forbidden):
        await play.submit(b)
    posts = await _unread(play, days=1, seconds=1)
    if posts:
        raise Wrong(f"the gateway posted {len(posts)} times to States of which it read nothing for 7 days")
    await play.tick()
    await play.is_asked()


@case("cards.unread-fortnight", "M-8.7", section="8.3", fresh=True, needs=["unread"])
async def unread_fortnight(play: Play) -> None:
    """
    Until nothing of a State could be read for 14 days its messages are taken, and from then on answered `later`.

    A gateway that goes on takes the word of a key that nobody has vouched for in weeks.
    """
    await _unread(play, days=13)
    await play.accepted(play.message())
    await _unread(play, days=1, seconds=1)
    await play.problem(play.message(), "later")
    await play.tick()
    await play.accepted(play.message())


@case("cards.unread-known", "M-5.1", "M-5.18", section="5.1", fresh=True, needs=["unread"])
async def unread_known(play: Play) -> None:
    """
    What was answered before is answered so again, also where nothing of its sender could be read for 14 days.

    A gateway that says `later` keeps its receipt from a sender that lost it, for as long as the directory is away.
    """
    shot = play.message(expires_at=play.now() + 30 * DAY)
    first = await play.post(shot)
    play.receipt(first, shot)
    await _unread(play, days=14, seconds=1)
    await play.problem(play.message(), "later")
    if (await play.post(shot)).body != first.body:
        raise Wrong("the stored answer is not given while the cards are too old")
