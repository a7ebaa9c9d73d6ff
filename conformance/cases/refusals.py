"""Section 5.1: what is left of a message that was refused."""

from contextlib import suppress
from typing import Any

from conformance.backend import Forbidden
from conformance.play import Play
from conformance.registry import Wrong, case
from conformance.state import DAY
from conformance.talk import Talk

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "bad-schema": ("bad-schema", {"method_limit": "M9"}),
    "not-minimised": ("not-minimised", {"elements": {"entry_date": "2020-01-01"}}),
    "illegal-step": ("illegal-step", {"handling": {"retain_until": "2026-11-01"}}),
}


@case("refusals.open-no-case", "M-5.4", section="5.1", inputs=REFUSED, profile="verify")
async def open_no_case(play: Play, fault: tuple[str, dict[str, Any]]) -> None:
    """
    Of a request that was refused no case is opened: the desk has nothing that it could answer.

    A gateway that keeps it keeps data that it has just said it would not take.
    """
    code, changes = fault
    talk = Talk(play, play.a, asking=True)
    body = play.a.question()
    for name, value in changes.items():
        body[name] = body[name] | value if isinstance(value, dict) else value
    await talk.refused(code, "verification.request", body)
    try:
        await talk.say("verification.acknowledgement", {})
    except Forbidden:
        await play.silent(days=1)
        return
    raise Wrong("the desk can answer a request that was refused")


@case("refusals.proved", "M-5.4", "M-5.3", section="5.1", profile="verify", needs=["evidence"])
async def proved(play: Play) -> None:
    """
    Of a refused message its receipt and its entry in the log stay, and nothing of its body.

    A gateway that forgets that it refused can say later that nothing was ever asked.
    """
    talk = await play.asks()
    await talk.refused("bad-schema", "reminder", {"number": 0, "step": "reply"})
    entries = await play.evidence(talk)
    if len(entries) != 2:
        raise Wrong(f"a request and a refused reminder are proved by {len(entries)} entries")
    if len(await talk.delivered()) != 1:
        raise Wrong("the refused message is listed as delivered")


WRONG_REPLIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bad-schema": ("bad-schema", {"signed_by_role": "NOBODY"}),
    "bad-statement": ("bad-statement", {}),
    "illegal-step": ("illegal-step", {"match_basis": ["NAME_EXACT"]}),
}


@case("refusals.change-nothing", "M-5.4", section="5.1", inputs=WRONG_REPLIES, profile="verify")
async def change_nothing(play: Play, fault: tuple[str, dict[str, Any]]) -> None:
    """
    A refused reply leaves nothing that a right one could mix with: what is acted on is the right one alone.

    A gateway that keeps parts of it shows its officer an answer of which half was refused.
    """
    code, changes = fault
    talk = await play.taken_up()
    wrong = talk.reply_body("not-found") | changes
    by = talk.state.statement("reply.second-signature", "second_signer", wrong, talk.thread)
    signed = [] if code == "bad-statement" else [by]
    await talk.refused(code, "verification.reply", wrong, statements=signed)
    with suppress(Forbidden):
        await talk.say("verification.contest", {"ground": "WRONG_PERSON"})
    await play.silent(play.a, days=1)
    await talk.reply()
    rows = await talk.delivered()
    if [row["type"] for row in rows] != ["verification.acknowledgement", "verification.reply"]:
        raise Wrong(f"the thread holds {', '.join(row['type'] for row in rows)}")
    await talk.said("verification.contest", {"ground": "WRONG_PERSON"})


@case("refusals.out-of-time", "M-5.4", "M-5.9", section="5.1", profile="verify")
async def out_of_time(play: Play) -> None:
    """
    A message that was refused for its time opens nothing, and its number is used up.

    A gateway that counts only what it took waits for a number that its partner will not use again.
    """
    talk = Talk(play, play.a, asking=True)
    now = play.now()
    body = play.a.question()
    await talk.refused("expired", "verification.request", body, issued_at=now - 9 * DAY, expires_at=now - DAY)
    await play.refused(talk.message("verification.request", body, seq=1), "id-reuse")
    await talk.send("verification.request", body)
