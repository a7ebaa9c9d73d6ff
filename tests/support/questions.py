"""A question without persons from one State to another, as its information office asks it."""

from typing import Any

from gateway.services.information import Question
from tests.support.network import Network

HANDLING = {"purpose": "DOCUMENT_ROUTES", "use_restrictions": ["P0"], "retain_until": "2027-06-01", "onward": "none"}
PERIOD = {"from": "2026-01", "until": "2026-06"}
ASKED: dict[str, Any] = {"handling": HANDLING, "topics": ["DOCUMENT_TYPES"], "period": PERIOD}
ANSWERED: dict[str, Any] = {
    "handling": HANDLING,
    "period": PERIOD,
    "documents": [{"type": "P", "issuer": "XAA", "finding": "ALTERED", "count": "FROM_20"}],
    "means": [],
    "routes": [],
}


def signed(network: Network, question: Question, kind: str, person: str = "office") -> str:
    """Return the statement of the information office over what is prepared."""
    return network.approval(question.digest or "", question.thread, person, kind, "information")


async def asked(network: Network) -> Question:
    """Let XAA ask XBB, and deliver it."""
    office = network.gateways["XAA"].information
    made = await office.ask("XBB", ASKED, "writer")
    sent = await office.send("XBB", made.thread, signed(network, made, "information.request"), "office")
    await network.deliver()
    return sent


async def only(network: Network, country: str) -> Question:
    """Return the one question a State knows of."""
    (found,) = await network.gateways[country].information.questions("writer")
    return found
