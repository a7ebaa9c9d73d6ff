"""Vectors of the bodies of a question, its answer, and what goes beside them."""

from typing import Final

from conformance.reading import b64u, compact
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import PAYLOAD_DIGEST, REQUEST_BODY, fixed, with_member

_HANDLING = REQUEST_BODY["handling"]

GOOD: Final[dict[str, Json]] = {
    "verification.request": REQUEST_BODY,
    "verification.acknowledgement": {
        "authority": {"id": "XBB-01"},
        "calendar": {"id": "XBB-2026-27", "version": "1"},
        "start_on": None,
        "due_on": None,
    },
    "verification.delay": {"reason": "ARCHIVE_SEARCH", "eta": "2026-12-20", "extension": False, "due_on": None},
    "verification.question": {"code": "AMBIGUOUS", "candidates": 2, "elements": ["SEX"]},
    "verification.elements": {"handling": _HANDLING, "elements": {"sex": 2}},
    "verification.reply": {
        "handling": _HANDLING,
        "outcome": "NATIONAL",
        "reason": None,
        "as_of": "2026-12-03",
        "method_used": ["POPULATION_REGISTER"],
        "match_basis": ["NAME_EXACT", "DOB_PARTIAL"],
        "confidence": "HIGH",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    },
    "verification.contest": {"ground": "NEW_ELEMENT"},
    "reminder": {"number": 1, "step": "reply"},
    "withdrawal": {"code": "WITHDRAWN_NO_REASON"},
    "collect": {"max": 16},
    "resync": {
        "threads": [{"thread": b64u(fixed("thread", 16)), "epoch": 1, "seq": 1, "payload": PAYLOAD_DIGEST}],
        "more": False,
    },
}
"""A body of each type."""

_REPLY = GOOD["verification.reply"]

FAULTS: Final[list[tuple[str, str, Json]]] = [
    (
        "verification.request",
        "a purpose of another service",
        with_member(REQUEST_BODY, "handling", purpose="ENFORCEMENT"),
    ),
    ("verification.request", "no use restriction", with_member(REQUEST_BODY, "handling", use_restrictions=[])),
    ("verification.request", "no element", {**REQUEST_BODY, "elements": {}}),
    ("verification.request", "a method limit of nobody", {**REQUEST_BODY, "method_limit": "M9"}),
    (
        "verification.acknowledgement",
        "a due day without a start",
        {**GOOD["verification.acknowledgement"], "due_on": "2026-12-15"},
    ),
    ("verification.delay", "an extension without its day", {**GOOD["verification.delay"], "extension": True}),
    ("verification.question", "one candidate", {**GOOD["verification.question"], "candidates": 1}),
    ("verification.reply", "a refusal without its reason", {**_REPLY, "outcome": "REFUSED"}),
    ("verification.reply", "a yes on no basis", {**_REPLY, "match_basis": []}),
    ("verification.reply", "AMBIGUOUS is a question, not an outcome", {**_REPLY, "outcome": "AMBIGUOUS"}),
    ("withdrawal", "a reason", {"code": "DUPLICATE"}),
    ("collect", "none", {"max": 0}),
    ("collect", "too many", {"max": 65}),
    ("reminder", "number 0", {"number": 0, "step": "reply"}),
]
"""Bodies with a fault of their own: type, what is wrong, content."""


def bodies(file: Collector) -> None:
    """Add each of ``GOOD``, the same with a member too many, and each of ``FAULTS``."""
    for kind, value in GOOD.items():
        file.ok("body", kind, "M-3.8", {"type": kind, "text": compact(value).decode()})
        more = compact({**value, "note": "free text"}).decode()
        file.bad("body", f"{kind} with a member more", "M-3.8", {"type": kind, "text": more}, "bad-schema")
    for kind, about, value in FAULTS:
        file.bad("body", f"{kind}: {about}", "M-3.8", {"type": kind, "text": compact(value).decode()}, "bad-schema")
