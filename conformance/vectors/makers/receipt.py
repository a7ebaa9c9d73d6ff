"""Vectors of receipts and answers."""

import json
from typing import Any

from conformance.reading import b64u, compact
from conformance.vectors.makers.collector import Collector
from conformance.vectors.makers.story import OPENING, PAYLOAD_DIGEST, RECEIPT, fixed, receipt
from conformance.vectors.makers.tree import ANSWER, PROOF


def receipt_file() -> Collector:
    """Receipts and answers."""
    file = Collector("receipt", "Receipts and answers (protocol 5.5)")

    def ok(about: str, **changes: Any) -> None:
        text = receipt(**changes).decode()
        file.ok("receipt", about, "M-5.13", {"text": text}, status=json.loads(text)["status"])

    def bad(about: str, raw: bytes) -> None:
        file.bad("receipt", about, "M-5.13", {"text": raw.decode()}, "bad-payload")

    none = {"start_on": None, "due_on": None}
    ok("accepted, receipt starts the clock")
    ok("accepted, no clock", **none)
    for code in ("stale", "expired", "id-reuse", "unsupported-type", "bad-schema", "not-minimised", "bad-statement"):
        ok(f"refused {code}", status="refused", code=code, **none)
    ok("refused illegal-step", status="refused", code="illegal-step", **none)
    bad("accepted with a code", receipt(code="stale"))
    bad("refused without a code", receipt(status="refused", **none))
    bad("refused with the code of a problem", receipt(status="refused", code="bad-json", **none))
    bad("refused with a clock", receipt(status="refused", code="stale"))
    bad("a start without a due day", receipt(due_on=None))
    bad("a due day without a start", receipt(start_on=None))
    bad("due before the start", receipt(due_on="2026-11-30"))
    bad("another status", receipt(status="pending"))
    bad("a digest cut", receipt(payload=PAYLOAD_DIGEST[:-1]))
    bad("an instant with a fraction", receipt(received_at="2026-12-01T09:00:02.0Z"))
    bad("a day as an instant", receipt(start_on="2026-12-01T00:00:00Z"))
    bad("a member more", receipt(note=None))
    bad("a member missing", receipt().replace(b',"code":null', b""))
    bad("members in another order", receipt().replace(b'"from":"XBB","to":"XAA"', b'"to":"XAA","from":"XBB"'))
    bad("white space", receipt().replace(b",", b", ", 1))
    bad("version 2", receipt(v=2))
    spaces = -len(ANSWER.encode()) % 4096
    file.ok("answer", "the example", "M-5.16", {"text": ANSWER, "spaces": spaces}, receipt=RECEIPT, r=b64u(OPENING))
    value = json.loads(ANSWER)
    for about, text in {
        "a member more": compact({**value, "x": 1}).decode(),
        "a member missing": compact({"receipt": RECEIPT, "r": value["r"]}).decode(),
        "members in another order": compact({"r": value["r"], "receipt": RECEIPT, "proof": PROOF}).decode(),
        "an opening of 31 bytes": compact({**value, "r": b64u(fixed("x", 31))}).decode(),
        "no JSON": "x",
        "a proof that is no text": compact({**value, "proof": None}).decode(),
    }.items():
        given = {"text": text, "spaces": -len(text.encode()) % 4096}
        file.bad("answer", about, "M-5.16", given, "bad-payload")
    file.bad("answer", "not padded", "M-5.16", {"text": ANSWER, "spaces": 0}, "bad-payload")
    file.bad("answer", "one space less", "M-5.16", {"text": ANSWER, "spaces": spaces - 1}, "bad-payload")
    file.bad("answer", "padded past the limit", "M-5.16", {"text": ANSWER, "spaces": spaces + 65536}, "bad-payload")
    file.bad("answer", "nothing", "M-5.16", {"text": "", "spaces": 0}, "bad-payload")
    for about, text in {
        "the dash as an escape": ANSWER.replace("\u2014", "\\u2014"),
        "a slash as an escape": ANSWER.replace("/tlog-proof", "\\/tlog-proof"),
        "a letter as an escape": ANSWER.replace('"receipt":"e', '"receipt":"\\u0065'),
        "the line feeds by their number": ANSWER.replace("\\n", "\\u000a"),
    }.items():
        file.bad("answer", about, "M-5.16", {"text": text, "spaces": -len(text.encode()) % 4096}, "bad-payload")
    return file
