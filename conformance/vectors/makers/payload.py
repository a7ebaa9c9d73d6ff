"""Vectors of the frame of a payload and its times."""

import json
from hashlib import sha256

from conformance.reading import b64u, compact
from conformance.vectors.makers.bodies import bodies
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.others import DIRECTORY
from conformance.vectors.makers.story import NOW, PAYLOAD, PAYLOAD_DIGEST, fixed, frame

STATEMENT = "a" * 40 + "." + "b" * 60 + "." + "c" * 85 + "A"
"""In form; nobody signed it."""

WRONG_MEMBERS: tuple[tuple[str, Json], ...] = (
    ("version 2", {"v": 2}),
    ("the version as text", {"v": "1"}),
    ("the version as true", {"v": True}),
    ("an id of 15 bytes", {"id": b64u(fixed("id", 15))}),
    ("an id whose unused bits are not zero", {"id": "A" * 21 + "B"}),
    ("an id in hex", {"id": fixed("id", 16).hex()}),
    ("a country in small letters", {"from": "xaa"}),
    ("a country of two letters", {"to": "XB"}),
    ("a type in capitals", {"type": "Reminder"}),
    ("a type that ends in a line feed", {"type": "reminder\n"}),
    ("an empty type", {"type": ""}),
    ("number 0", {"seq": 0}),
    ("number as text", {"seq": "1"}),
    ("epoch 0", {"epoch": 0}),
    ("epoch null", {"epoch": None}),
    ("a digest of 31 bytes", {"prev": b64u(fixed("x", 31))}),
    ("a digest whose unused bits are not zero", {"in_reply_to": "A" * 42 + "B"}),
    ("an instant with a fraction", {"issued_at": "2026-12-01T09:00:00.5Z"}),
    ("an instant with an offset", {"issued_at": "2026-12-01T10:00:00+01:00"}),
    ("an instant with a small z", {"issued_at": "2026-12-01T09:00:00z"}),
    ("an instant that is no day", {"expires_at": "2026-11-31T09:00:00Z"}),
    ("a leap second", {"issued_at": "2026-12-31T23:59:60Z"}),
    ("a clock of another service", {"clock": {**frame()["clock"], "service": "ABC"}}),
    ("a clock with a date", {"clock": {**frame()["clock"], "due_on": "2026-12-15"}}),
    ("statements null", {"statements": None}),
    ("five statements", {"statements": [STATEMENT] * 5}),
    ("a statement that is no JWS", {"statements": ["abc"]}),
    ("the body as an array", {"body": []}),
    ("the body null", {"body": None}),
)


def payload_file() -> Collector:
    """Payload frames and times."""
    file = Collector("payload", "The frame of a payload, its times, the bodies of types (protocol 3.2, 3.4, 3.5)")

    def ok(about: str, raw: bytes) -> None:
        value = json.loads(raw)
        digests = {
            "digest": b64u(sha256(raw).digest()),
            "body_digest": b64u(sha256(raw.partition(b',"body":')[2][:-1]).digest()),
        }
        file.ok("payload", about, "M-3.2 M-3.3", {"text": raw.decode()}, type=value["type"], **digests)

    def bad(about: str, raw: bytes, cites: str = "M-3.2") -> None:
        file.bad("payload", about, cites, {"text": raw.decode()}, "bad-payload")

    free = {"thread": None, "seq": None, "clock": None}
    ok("the example", PAYLOAD)
    ok("white space inside the body is the sender's", PAYLOAD.replace(b'"method_limit":"M0"', b'"method_limit" : "M0"'))
    ok(
        "no clock, an answer, a statement",
        compact(frame(clock=None, in_reply_to=PAYLOAD_DIGEST, statements=[STATEMENT])),
    )
    ok("collect has no thread and no number", compact(frame(type="collect", **free, body={"max": 8})))
    ok("resync has no thread and no number", compact(frame(type="resync", **free, body={"threads": [], "more": False})))
    ok("a type nobody knows is still a payload", compact(frame(type="something.later")))
    ok("an empty body is still a payload", compact(frame(body={})))
    ok('",body": inside a text of the body', compact(frame(body={"a": ',"body":{}}'})))
    bad("white space after the brace", PAYLOAD.replace(b"{", b"{ ", 1), "M-3.3")
    bad("white space before the body", PAYLOAD.replace(b'"body":', b'"body": '), "M-3.3")
    bad("white space before the last brace", PAYLOAD[:-1] + b" }", "M-3.3")
    bad("an escape in the frame", PAYLOAD.replace(b'"from":"XAA"', b'"from":"\\u0058AA"'), "M-3.3")
    bad("a member more, after the body", PAYLOAD[:-1] + b',"x":{}}', "M-3.3")
    bad("a member more, before the body", PAYLOAD.replace(b',"body"', b',"x":{},"body"'), "M-3.3")
    bad("a member missing", PAYLOAD.replace(b'"prev":null,', b""))
    bad("members in another order", PAYLOAD.replace(b'"from":"XAA","to":"XBB"', b'"to":"XBB","from":"XAA"'), "M-3.3")
    for about, changes in WRONG_MEMBERS:
        bad(about, compact(frame(**changes)))
    bad("a request without a thread", compact(frame(thread=None, seq=None)), "M-3.4")
    bad("a request without a number", compact(frame(seq=None)), "M-3.4")
    bad("a collect with a thread", compact(frame(type="collect", clock=None, body={"max": 8})), "M-3.4")
    bad("a collect with a clock", compact(frame(type="collect", thread=None, seq=None, body={"max": 8})), "M-3.4")
    bad("a resync that answers", compact(frame(type="resync", **free, in_reply_to=PAYLOAD_DIGEST, body={})), "M-3.4")

    times(file)
    bodies(file)
    named = compact(frame(type="directory", **free, body=DIRECTORY))
    ok("directory has no thread and no number", named)
    bad("a directory with a thread", named.replace(b'"thread":null', b'"thread":"' + b"A" * 22 + b'"'), "M-3.4")
    bad("a directory with a number", named.replace(b'"seq":null', b'"seq":1'), "M-3.4")
    bad("a directory that carries a statement", compact({**json.loads(named), "statements": [STATEMENT]}), "M-3.4")
    bad("a sender that is no State", compact(frame(**{"from": "QQQ"})))
    bad("a recipient that is no State", compact(frame(to="QQQ")))
    return file


def times(file: Collector) -> None:
    """Add instants in time, and outside of it."""

    def given(issued_at: str, expires_at: str, now: str) -> Json:
        return {"issued_at": issued_at, "expires_at": expires_at, "now": now}

    end = "2026-12-15T09:00:00Z"
    for about, value in (
        ("in time", given(NOW, end, "2026-12-03T00:00:00Z")),
        ("issued 300 s ahead", given(NOW, end, "2026-12-01T08:55:00Z")),
        ("300 s after the end", given(NOW, end, "2026-12-15T09:05:00Z")),
        ("valid for 30 days", given(NOW, "2026-12-31T09:00:00Z", NOW)),
        ("valid for no time", given(NOW, NOW, NOW)),
    ):
        file.ok("times", about, "M-3.7", value)
    for about, value, code in (
        ("issued 301 s ahead", given(NOW, end, "2026-12-01T08:54:59Z"), "stale"),
        ("301 s after the end", given(NOW, end, "2026-12-15T09:05:01Z"), "expired"),
        ("valid for 30 days and 1 s", given(NOW, "2026-12-31T09:00:01Z", NOW), "stale"),
        ("ends before it begins", given(NOW, "2026-12-01T08:59:59Z", NOW), "stale"),
    ):
        file.bad("times", about, "M-3.7", value, code)
