"""What is asked, demanded and said about data that was sent, by event."""

from typing import Any

from gateway.core.case import Notice, Side
from gateway.core.messages import ERASURE, ONWARD_REQUEST, RECTIFICATION, USE_REQUEST
from tests.core import support

HANDLING = support.REQUEST_BODY["handling"]
VALUES: dict[str, dict[str, Any]] = {
    "use_request": {"number": 2},
    "ask_use": {"number": 2},
    "use_answer": {"number": 1, "held": True, "restrictions_kept": True, "uses": []},
    "report_use": {"number": 1, "held": True, "restrictions_kept": True, "uses": []},
    "onward_request": {"number": 2, "purpose": "TRAVEL_DOC", "recipient": "CONSULATE"},
    "ask_onward": {"number": 2, "purpose": "TRAVEL_DOC", "recipient": "CONSULATE"},
    "onward_answer": {"number": 1, "decision": "GRANTED", "until": "2027-01-31"},
    "answer_onward": {"number": 1, "decision": "GRANTED", "until": "2027-01-31"},
    "rectification": {"number": 2, "parts": ["SEX"], "handling": None, "elements": None},
    "strike": {"number": 2, "parts": ["SEX"], "handling": None, "elements": None},
    "prepare_rectification": {"number": 2, "parts": ["SEX"], "handling": HANDLING, "elements": {"sex": 1}},
    "rectify": {"number": 2, "parts": ["SEX"], "handling": HANDLING, "elements": {"sex": 1}},
    "erasure": {"number": 2},
    "demand_erasure": {"number": 2},
    "confirmation": {"number": 1, "act": "ERASURE", "result": "DONE"},
    "confirm": {"number": 1, "act": "RECTIFICATION", "result": "DONE"},
    "destroy": {"number": 1, "act": "ERASURE", "result": "DONE"},
}


def both(kind: str, body: dict[str, Any]) -> tuple[Notice, Notice]:
    """Return the question or demand 1 of each side."""
    return Notice(kind, True, 1, "2026-11-30", body), Notice(kind, False, 1, "2026-11-30", body)


ASKED = (
    *both(USE_REQUEST, {"number": 1}),
    *both(ONWARD_REQUEST, {"number": 1, "purpose": "TRAVEL_DOC", "recipient": "CONSULATE"}),
    *both(RECTIFICATION, {"number": 1, "parts": ["SEX"]}),
    *both(ERASURE, {"number": 1}),
)


def value_of(side: Side, event: str) -> dict[str, Any]:
    """Return the body of an event; the asked side corrects its reply and nothing else."""
    value, asked = VALUES[event], {"strike": Side.REQUESTED, "rectification": Side.REQUESTING}
    return {**value, "parts": ["REPLY"]} if asked.get(event) is side else value
