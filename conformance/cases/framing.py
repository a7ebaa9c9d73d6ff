"""Sections 1 and 4: requests, envelopes, padding."""

from dataclasses import replace
from typing import Any

from conformance.client import Got
from conformance.door import PROBLEM
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.state import ANSWER, ANSWERS, COLLECT, ENVELOPE, MESSAGES, flip
from conformance.writing import SIZES, Recipient, Weak, pad


@case("framing.right", "M-1.1", "M-4.1", "M-4.2", section="4", positive=True)
async def right(play: Play) -> None:
    """
    A right message in an envelope of suite 1 is opened and accepted.

    A gateway that cannot do this cannot be tested any further.
    """
    await play.accepted(play.message())


@case("framing.magic", "M-4.1", section="4", inputs={"other": 0, "lower": 1, "zero": 3})
async def magic(play: Play, place: int) -> None:
    """
    An envelope with another magic is `bad-envelope`.

    A gateway that passes over the magic takes bytes of another protocol, or of a later version, for its own.
    """
    await play.problem(play.message(sealed=flip(place, 5)), "bad-envelope")


@case("framing.suite", "M-4.1", "M-2.1", section="4", inputs={"0": 0, "3": 3, "255": 255})
async def suite(play: Play, number: int) -> None:
    """
    An envelope of a suite that is not defined is `bad-envelope`.

    A gateway that guesses a suite negotiates, and whoever stands between the States chooses for them.
    """
    await play.problem(play.message(sealed=lambda raw: raw[:4] + bytes([number]) + raw[5:]), "bad-envelope")


@case("framing.length", "M-4.1", section="4", inputs={"less": -1, "more": 1, "head": -9328, "cut-head": -9329})
async def length(play: Play, change: int) -> None:
    """
    An envelope that is not of one of the four lengths is `bad-envelope`.

    A gateway that takes any length lets the length speak: it was to say nothing of what is inside.
    """
    shot = play.message()
    raw = shot.raw + b"\0" if change > 0 else shot.raw[:change]
    await play.problem(replace(shot, raw=raw), "bad-envelope")


@case("framing.empty", "M-4.1", section="4")
async def empty(play: Play) -> None:
    """
    A request without a body is `bad-envelope`.

    A gateway that reads the head before it looks at the length answers with a fault of its own.
    """
    await play.problem(replace(play.message(), raw=b""), "bad-envelope")


@case("framing.larger-size", "M-4.3", section="4", positive=True, inputs={str(size): size for size in SIZES[1:]})
async def larger_size(play: Play, size: int) -> None:
    """
    A message in a larger envelope than it needs is accepted.

    A gateway that insists on the smallest size refuses what a careful sender pads on purpose.
    """
    await play.accepted(play.message(size=size))


@case("framing.too-large", "M-4.1", section="4")
async def too_large(play: Play) -> None:
    """
    An envelope that is larger than the largest of all suites is `too-large`.

    A gateway that reads on fills its memory with whatever a stranger sends.
    """
    largest = 21 + 1665 + SIZES[3] + 16
    shot = play.message()
    await play.problem(replace(shot, raw=shot.raw + bytes(largest + 1 - len(shot.raw))), "too-large")


def _with_length(length: int) -> Any:
    return lambda plain: length.to_bytes(4, "big") + plain[4:]


PADDINGS = {
    "length-0": _with_length(0),
    "length-past-the-end": _with_length(8189),
    "length-huge": _with_length(2**32 - 1),
    "tail-last": lambda plain: plain[:-1] + b"\1",
    "tail-first": lambda plain: (
        plain[: 4 + int.from_bytes(plain[:4], "big")] + b"\1" + plain[5 + int.from_bytes(plain[:4], "big") :]
    ),
}


@case("framing.padding", "M-4.3", section="4", inputs=PADDINGS)
async def padding(play: Play, change: Any) -> None:
    """
    A padding that is not as defined is `bad-padding`.

    A gateway that does not look at the tail lets a sender hide bytes behind a signed message.
    """
    await play.problem(play.message(plain=change), "bad-padding")


@case("framing.head-is-info", "M-4.2", section="4")
async def head_is_info(play: Play) -> None:
    """
    An envelope that was sealed under another info than its own head is `cannot-open`.

    A gateway that opens it does not bind the key id and the suite to what was sealed.
    """
    target = play.gateway.card.sealing(play.now())
    shot = play.message()
    sealed = target.head + target.seal(b"another info", pad(b"x"))
    await play.problem(replace(shot, raw=sealed), "cannot-open")


@case("framing.sealed-bytes", "M-4.2", section="4", inputs={"enc-first": 21, "enc-last": 1140, "ct": 1200, "tag": -1})
async def sealed_bytes(play: Play, place: int) -> None:
    """
    An envelope with one bit changed in the sealed part is `cannot-open`.

    A gateway that does not authenticate what it decrypts acts on what somebody on the way made of it.
    """
    await play.problem(play.message(sealed=flip(place)), "cannot-open")


NO_POINT = b"\4" + bytes(95) + b"\2"
SMALL_ORDER = {
    "zero": (bytes(32), bytes(97)),
    "one": (b"\1" + bytes(31), NO_POINT),
    "order-8": (bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), b"\0" * 96 + b"\1"),
    "one-with-the-top-bit": (b"\1" + bytes(30) + b"\x80", b"\4" + b"\xff" * 96),
}
"""Ephemeral keys that are none: of X25519 in suite 1, of P-384 in suite 2."""


@case("framing.small-order", "M-4.2", section="4", inputs=SMALL_ORDER)
async def small_order(play: Play, points: tuple[bytes, bytes]) -> None:
    """
    An envelope whose ephemeral key is of small order, or no point of the curve, is `cannot-open`.

    A gateway that takes it agrees on a secret of which everybody knows the half.
    """
    target, (weak, nowhere) = play.gateway.card.sealing(play.now()), points
    if target.suite == 1:
        shot = play.message(recipient=Weak(1, target.public, weak))
    else:
        shot = play.message(sealed=lambda raw: raw[: 21 + 1568] + nowhere + raw[21 + 1568 + len(nowhere) :])
    await play.problem(shot, "cannot-open")


@case("framing.key-id", "M-4.4", section="4", inputs=["nobody", "mine", "other-suite"])
async def key_id(play: Play, whose: str) -> None:
    """
    An envelope to a key that is none of the gateway's is `unknown-key`.

    A gateway that tries its keys one after the other does not notice that its sender holds an old card.
    """
    right = play.gateway.card.sealing(play.now())
    kids = {"nobody": bytes(16), "mine": play.a.sealing[0].recipient.kid, "other-suite": Recipient(1, right.public).kid}
    if whose == "other-suite":
        kids[whose] = bytes(reversed(kids[whose]))
    head = right.head[:5] + kids[whose]
    await play.problem(play.message(head=head), "unknown-key")


MEDIA_TYPES = {
    "none": {},
    "json": {"Content-Type": "application/json"},
    "octets": {"Content-Type": "application/octet-stream"},
    "parameter": {"Content-Type": f"{ENVELOPE}; charset=utf-8"},
    "case": {"Content-Type": "application/XG1-envelope"},
    "answer": {"Content-Type": ANSWER},
}


@case("framing.media-type", "M-1.4", section="1", inputs=MEDIA_TYPES)
async def media_type(play: Play, headers: dict[str, str]) -> None:
    """
    A message under another media type than exactly its own is `bad-envelope`.

    A gateway that is not exact here can be reached from a page in a browser, which sends other types by itself.
    """
    await play.problem(replace(play.message(), headers=headers), "bad-envelope")


@case("framing.encoding", "M-1.4", section="1", inputs=["gzip", "deflate", "identity", "br"])
async def encoding(play: Play, name: str) -> None:
    """
    A request with a `Content-Encoding` is `bad-envelope`.

    A gateway that unpacks what strangers send can be made to unpack a very large nothing.
    """
    shot = play.message()
    await play.problem(replace(shot, headers={**shot.headers, "Content-Encoding": name}), "bad-envelope")


@case("framing.query", "M-1.4", section="1", inputs=["?a=1", "?x", "?"])
async def query(play: Play, text: str) -> None:
    """
    A request with a query is `bad-envelope`.

    A query stands in the logs of every proxy on the way.
    """
    await play.problem(replace(play.message(), path=MESSAGES + text), "bad-envelope")


@case("framing.unknown-path", section="1", inputs=["/", "/xg/1", "/xg/1/messages/", "/xg/2/messages", "/xg/1/log"])
async def unknown_path(play: Play, path: str) -> None:
    """
    An unknown path is answered 404 by a problem of type `about:blank`.

    A gateway that answers it otherwise tells a stranger what software it is.
    """
    _blank(await play.post(replace(play.message(), path=path)), 404)


@case(
    "framing.method",
    section="1",
    inputs=[f"{method} {path}" for method in ("GET", "PUT", "DELETE") for path in (MESSAGES, COLLECT, ANSWERS)],
)
async def method(play: Play, request: str) -> None:
    """
    Another method than POST is answered 405 by a problem of type `about:blank`.

    A gateway that takes a message by PUT has two doors where the protocol has one.
    """
    verb, _, path = request.partition(" ")
    _blank(await play.post(replace(play.message(), path=path), method=verb), 405)


def _blank(got: Got, status: int) -> None:
    if (got.status, got.headers.get("content-type")) != (status, PROBLEM):
        raise Wrong(f"the answer is {got.status} {got.headers.get('content-type')}, not {status} {PROBLEM}")
    if b'"about:blank"' not in got.body.replace(b" ", b""):
        raise Wrong("the problem is not of the type about:blank")


@case("framing.chunked", "M-1.4", section="1", positive=True)
async def chunked(play: Play) -> None:
    """
    A body in chunks is taken like one with a length.

    A gateway that insists on a length refuses what HTTP 1.1 lets every sender do.
    """
    shot = play.message()
    head = play.client.request(replace(shot, raw=b"")).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    pieces = [shot.raw[start : start + 4000] for start in range(0, len(shot.raw), 4000)]
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    got = await play.client.answer([head, *chunks, b"0\r\n\r\n"])
    if got is None:
        raise Wrong("a body in chunks got no answer")
    if play.receipt(got, shot)["status"] != "accepted":
        raise Wrong("a body in chunks was refused")
    play.judged.add("reply")


@case("framing.suite-2", "M-2.1", "M-4.1", section="2.1", positive=True, profile="verify")
async def suite_2(play: Play) -> None:
    """
    A State that takes suite 2 alone is written to in suite 2, in an envelope of exactly its length.

    A gateway that has one suite only is cut off from every State that chose the other.
    """
    talk = await play.is_asked(play.d)
    if talk.heard[0].suite != 2 or len(talk.heard[0].raw) != 21 + 1665 + 8192 + 16:
        raise Wrong(f"the envelope is of suite {talk.heard[0].suite} and {len(talk.heard[0].raw)} bytes")
