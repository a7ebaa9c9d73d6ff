"""Sections 3.1 and 3.2: strict JSON, and the frame of a payload."""

from collections.abc import Callable
from typing import Any

from conformance.play import Play
from conformance.reading import b64u, compact
from conformance.registry import Wrong, case
from conformance.state import COLLECT, Change, swap


def _add(text: bytes) -> Change:
    """Add a member to the body."""
    return swap(b'"body":{', b'"body":{' + text + b",")


JSON: dict[str, Change] = {
    "not-utf-8": swap(b'"method_limit"', b'"method\xff"'),
    "byte-order-mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "utf-16": lambda raw: raw.decode().encode("utf-16-le"),
    "empty": lambda raw: b"",
    "array": lambda raw: b"[" + raw + b"]",
    "text-after": lambda raw: raw + b"{}",
    "zero-after": lambda raw: raw + b"\0",
    "name-twice": _add(b'"x":1,"x":1'),
    "name-twice-escaped": _add(b'"x":1,"\\u0078":1'),
    "fraction": _add(b'"x":1.0'),
    "exponent": _add(b'"x":1e2'),
    "minus-zero": _add(b'"x":-0'),
    "too-large": _add(b'"x":9007199254740992'),
    "too-small": _add(b'"x":-9007199254740992'),
    "leading-zero": _add(b'"x":01'),
    "nan": _add(b'"x":NaN'),
    "infinity": _add(b'"x":-Infinity'),
    "lone-surrogate": _add(b'"x":"\\ud800"'),
    "surrogates-reversed": _add(b'"x":"\\udc00\\ud800"'),
    "noncharacter": _add(b'"x":"\\uffff"'),
    "noncharacter-fdd0": _add('"x":"\ufdd0"'.encode()),
    "noncharacter-beyond": _add('"x":"\U0001ffff"'.encode()),
    "noncharacter-in-a-name": _add(b'"\\ufffe":1'),
    "too-deep": _add(b'"x":' + b"[" * 15 + b"]" * 15),
    "comment": _add(b"/* */"),
    "comma-at-the-end": swap(b"}}", b",}}"),
    "single-quotes": _add(b"'x':1"),
    "control-character": _add(b'"x":"\x01"'),
    "cut": lambda raw: raw[:-1],
}


@case("payload.json", "M-3.1", section="3.1", inputs=JSON)
async def json(play: Play, change: Change) -> None:
    """
    A payload that is not strict I-JSON is `bad-json`.

    A gateway with a lenient reader and a partner with another one read two messages in one signed text.
    """
    await play.problem(play.message(payload=change), "bad-json")


@case("payload.json-in-order", "M-3.1", "M-5.1", section="3.1", inputs={"deep-enough": b"[" * 14 + b"]" * 14})
async def json_in_order(play: Play, text: bytes) -> None:
    """
    What nests as deep as allowed is JSON, and refused later, as a member that the body does not have.

    A gateway that is stricter than the protocol answers `bad-json`, and its partner never learns what was wrong.
    """
    await play.refused(play.message(payload=_add(b'"x":' + text)), "bad-schema")


FRAME: dict[str, Change] = {
    "white-space-before": lambda raw: b" " + raw,
    "white-space-after": lambda raw: raw + b"\n",
    "white-space-inside": swap(b'"v":1,', b'"v":1, '),
    "white-space-before-the-body": swap(b'"body":{', b'"body": {'),
    "escape-in-a-value": swap(b'"from":"X', b'"from":"\\u0058'),
    "escape-in-a-name": swap(b'"type"', b'"\\u0074ype"'),
    "another-order": lambda raw: b"{" + raw[len(b'{"v":1,') :].replace(b',"id"', b',"v":1,"id"', 1),
    "body-not-last": lambda raw: raw[:-1] + b',"x":1}',
    "version-2": swap(b'"v":1', b'"v":2'),
    "version-text": swap(b'"v":1', b'"v":"1"'),
    "body-array": lambda raw: raw[: raw.index(b'"body":')] + b'"body":[]}',
    "body-null": lambda raw: raw[: raw.index(b'"body":')] + b'"body":null}',
    "no-clock": swap(b'"clock":null,', b""),
    "another-member": swap(b'"clock":null,', b'"clock":null,"note":"x",'),
}


@case("payload.frame-bytes", "M-3.2", "M-3.3", section="3.2", inputs=FRAME)
async def frame_bytes(play: Play, change: Change) -> None:
    """
    A frame that is not written in exactly its one way is `bad-payload`.

    A gateway that parses and writes it again signs, approves and proves bytes that nobody sent.
    """
    await play.problem(play.message(payload=change), "bad-payload")


TOKEN = b64u(bytes(16))
VALUES: dict[str, dict[str, Any]] = {
    "type-short": {"type": "ab"},
    "type-long": {"type": "a" * 49},
    "type-capitals": {"type": "Verification.request"},
    "type-ends-in-a-dot": {"type": "verification."},
    "id-15-bytes": {"id": b64u(bytes(15))},
    "id-17-bytes": {"id": b64u(bytes(17))},
    "id-padded": {"id": TOKEN + "=="},
    "id-unused-bits": {"id": TOKEN[:-1] + "B"},
    "id-null": {"id": None},
    "from-lower": {"from": "xaa"},
    "from-two-letters": {"from": "XA"},
    "from-no-state": {"from": "QQQ"},
    "to-no-state": {"to": "QQQ"},
    "thread-null": {"thread": None, "seq": None},
    "thread-short": {"thread": TOKEN[:-1]},
    "epoch-0": {"epoch": 0},
    "epoch-text": {"epoch": "1"},
    "seq-0": {"seq": 0},
    "seq-null": {"seq": None},
    "prev-short": {"prev": "A" * 42},
    "in-reply-to-number": {"in_reply_to": 1},
    "issued-fraction": {"issued_at": "2026-11-25T09:00:00.0Z"},
    "issued-offset": {"issued_at": "2026-11-25T09:00:00+00:00"},
    "issued-lower": {"issued_at": "2026-11-25t09:00:00z"},
    "issued-no-day": {"issued_at": "2026-02-30T09:00:00Z"},
    "expires-date": {"expires_at": "2026-11-26"},
    "clock-text": {"clock": "IRC"},
    "clock-another-service": {"clock": {"service": "RET", "step": "reply", "calendar": "XBB-2026-27", "version": "1"}},
    "clock-another-order": {"clock": {"step": "reply", "service": "IRC", "calendar": "XBB-2026-27", "version": "1"}},
    "statements-null": {"statements": None},
    "statements-5": {"statements": ["a.b.c"] * 5},
    "statement-object": {"statements": [{}]},
}


@case("payload.frame-values", "M-3.2", section="3.2", inputs=VALUES)
async def frame_values(play: Play, changes: dict[str, Any]) -> None:
    """
    A member of the frame with another value than its own is `bad-payload`.

    A gateway that lets it pass keys its store by what it will not find again.
    """
    await play.problem(play.message(**changes), "bad-payload")


@case("payload.not-for-me", "M-1.1", "M-5.1", section="5.1", inputs=["another", "the-sender"])
async def not_for_me(play: Play, to: str) -> None:
    """
    A message that was signed for another State is `not-for-me`, whoever sealed it to this one.

    A gateway that does not look takes what somebody else was told, passed on by whoever could open it.
    """
    code = play.b.code if to == "another" else play.a.code
    await play.problem(play.message(to=code), "not-for-me")


THREADLESS: dict[str, Callable[[Play], dict[str, Any]]] = {
    "collect": lambda play: {"type": "collect", "body": {"max": 1}, "path": COLLECT},
    "resync": lambda play: {"type": "resync", "body": {"threads": [], "more": False}},
    "directory": lambda play: {
        "type": "directory",
        "body": {"serial": 1, "valid_from": "2026-11-25", "authorities": [], "officers": []},
    },
}


@case("payload.threadless", "M-3.4", section="3.2", inputs=THREADLESS)
async def threadless(play: Play, make: Callable[[Play], dict[str, Any]]) -> None:
    """
    `collect`, `directory` and `resync` in a thread, or with a predecessor, are `bad-payload`.

    A gateway that takes them in a thread lets a message without a case use up the numbers of one.
    """
    how = make(play)
    await play.problem(play.message(**how, thread=play.a.token(), seq=1), "bad-payload")
    await play.problem(play.message(**how, prev="A" * 43), "bad-payload")
    await play.problem(play.message(**how, in_reply_to="A" * 43), "bad-payload")


@case("payload.clock-informs", "M-3.2", section="3.6", positive=True)
async def clock_informs(play: Play) -> None:
    """
    A `clock` in the right form is taken, whatever calendar it names.

    A gateway that refuses another calendar than its own refuses the request over a line meant for people.
    """
    clock = {"service": "IRC", "step": "reply", "calendar": "XCC-2031", "version": "7"}
    await play.accepted(play.message(clock=clock))


@case("payload.body-white-space", "M-3.3", section="3.2", positive=True)
async def body_white_space(play: Play) -> None:
    """
    White space inside the body is the sender's own affair, and the body is kept as it was sent.

    A gateway that writes the body anew cannot show what a partner's officer approved.
    """
    text = compact(play.a.question()).replace(b'"method_limit":', b'"method_limit" :  ')
    shot = play.message(body=text)
    await play.accepted(shot)
    rows = await play.delivered(shot.thread)
    if rows is not None and rows[0]["body"] != text.decode():
        raise Wrong("the body was kept in other bytes than it was sent")
