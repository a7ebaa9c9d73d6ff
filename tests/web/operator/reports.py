"""A report of conformance as the suite writes it."""

from typing import Any


def report(**changes: Any) -> dict[str, Any]:
    """Return a report as the suite writes it, with ``changes``."""
    case = {
        "id": "receive-01",
        "section": "4.2",
        "rules": ["M-4.2"],
        "level": "MUST",
        "profile": "receive",
        "negative": True,
        "purpose": "A wrong magic is refused.",
        "why": "It would read anything.",
        "results": [_result("pass"), _result("fail", "answered 200")],
    }
    value = {
        "v": 1,
        "suite": "0.1.0",
        "protocol": "XG1",
        "profile": "receive",
        "seed": 7,
        "subject": {"country": "XBB", "software": "other 2", "card": None},
        "started_at": "2026-11-20T10:00:00Z",
        "seconds": 12.5,
        "verdict": "fail",
        "counts": {"MUST": {"pass": 41, "fail": 1, "not applicable": 2, "inconclusive": 0}},
        "unused_exemptions": [],
        "cases": [case],
    }
    return value | changes


def _result(verdict: str, detail: str = "") -> dict[str, Any]:
    return {"input": "", "verdict": verdict, "detail": detail, "judged": ["reply"], "seconds": 0.1, "exempt": None}
