"""The steps of an interview as both sides take them, for tests that need a case somewhere along the way."""

from typing import Any

from tests.support import story
from tests.support.network import Network

OPEN = {"method_limit": "M2", "no_contact_methods": False}
PROPOSAL: dict[str, Any] = {
    "mode": "VIDEO",
    "place": "REMOTE",
    "present": ["LAWYER", "INTERPRETER", "CONSULAR_OFFICER"],
    "questions": "IDENTITY_ONLY",
    "from": "2026-12-07",
    "until": "2026-12-18",
}
ANSWER = {"present": ["LAWYER", "INTERPRETER"], "on": "2026-12-10"}
CONSENT = {"language": "ru", "by": "interpreter", "on": "2026-11-25", "copy_given": True, "revoked_on": None}
RESULT: dict[str, Any] = {
    "result": "HELD",
    "on": "2026-12-10",
    "outcome": "SUPPORTS",
    "present": ["LAWYER", "INTERPRETER", "CONSULAR_OFFICER"],
}


async def proposed(network: Network, **changes: Any) -> tuple[str, str]:
    """Let the asked State propose an interview on a request that allows one."""
    ours, theirs = await story.acknowledged(network, **(OPEN | changes))
    await network.gateways["XBB"].answer.ask_interview(theirs, PROPOSAL, "first")
    await network.deliver()
    return ours, theirs


async def prepared(network: Network, ours: str, answer: Any = ANSWER, consent: Any = CONSENT) -> None:
    """Prepare and approve the acceptance of the interview proposed."""
    clear = network.gateways["XAA"].clear
    pending = await clear.prepare_interview(ours, answer, consent, "first")
    thread = (await story.row(network, "XAA", ours)).thread
    signed = network.approval(pending.digest, thread, "second", "interview.approval", "liaison_officer")
    await clear.approve(ours, signed, "second")


async def agreed(network: Network) -> tuple[str, str]:
    """Take a case to an interview that both sides agreed on."""
    ours, theirs = await proposed(network)
    await prepared(network, ours)
    await network.gateways["XAA"].clear.agree_interview(ours, "first")
    await network.deliver()
    return ours, theirs
