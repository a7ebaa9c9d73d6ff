"""A keeper that gives no proof because it cannot be asked, or that hides its answers among others, is told of."""

from pathlib import Path

import pytest

from gateway.services import witness
from gateway.services.ports import HttpAnswer, Unavailable
from tests.support import story
from tests.support.network import Network
from tests.support.restoring import back_up, next_card_of, restore
from tests.trust.witnesses import Liar, conflicts, hour

COMPARED = "compared:XBB/XAA/1"


async def lied_to(network: Network) -> Liar:
    """Let XBB have answers of XAA out of another tree than XAA shows it then."""
    await story.replied(network)
    liar = await Liar.of(network)
    assert 200 == (await liar.show("XBB", 0, [bytes([7]) * 32, *liar.leaves[1:], bytes([8]) * 32])).status
    return liar


def told(network: Network) -> list[str]:
    """Return of whom answers wait too long, in order."""
    return [values["partner"] for event, values in network.logs if event == "log.uncompared"]


async def looks(network: Network, hours: int) -> None:
    """Let XBB look at what it was answered each hour."""
    for _ in range(hours):
        network.clock.pass_(hours=1)
        await network.gateways["XBB"].witness.run_once(network.clock.now())


@pytest.mark.parametrize("status", [None, 503, 404], ids=["no line", "later", "a page of a proxy"])
async def test_who_is_never_there_when_a_proof_is_asked_for(trio: Network, status: int | None) -> None:
    """It takes what we post, and answers; that its answers cannot be held against its log is told after three hours."""
    await lied_to(trio)
    asked = list[str]()

    async def away(country: str, path: str) -> HttpAnswer:
        asked.append(path)
        if status is None:
            raise Unavailable("nobody is there")
        return HttpAnswer(status, "text/html", b"", None)

    trio.wires.get = away  # type: ignore[method-assign]
    await looks(trio, 5)
    assert ["XAA", "XAA"] == told(trio)
    assert 5 == len(asked), "it is asked once at a look"


async def test_a_state_without_an_address_is_asked_for_nothing(trio: Network) -> None:
    """Nobody is told for ever that it gives no proof, for nobody can ask it; what it shows is compared by its size."""
    liar = await lied_to(trio)
    next_card_of(trio, "XAA", addresses=[])
    await trio.gateways["XBB"].refresh_trust()
    trio.wires.get = None  # type: ignore[assignment,method-assign]
    await looks(trio, 5)
    assert [] == told(trio)
    assert "3" == await trio.gateways["XBB"].store.read(lambda tx: tx.find_meta(COMPARED))
    assert 409 == (await liar.show("XBB", len(liar.leaves) + 1, [bytes(32)] * (len(liar.leaves) + 1))).status
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XBB")]


async def test_answers_are_not_hidden_behind_messages(trio: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many entries a log has, all its answers are looked at in the hour."""
    monkeypatch.setattr(witness, "A_PORTION", 1)
    for _ in range(3):
        await story.replied(trio)
    await hour(trio)
    assert "9" == await trio.gateways["XBB"].store.read(lambda tx: tx.find_meta(COMPARED))


async def test_more_proofs_than_are_asked_for_at_a_look(trio: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest follows an hour later; who waits for it too long is told of."""
    monkeypatch.setattr(witness, "PROOFS_OF_A_LOOK", 1)
    for _ in range(3):
        await story.replied(trio)
    await hour(trio)
    store, places = trio.gateways["XBB"].store, list[int]()
    for _ in range(3):
        places.append(int(await store.read(lambda tx: tx.find_meta(COMPARED)) or 0))
        await looks(trio, 1)
    assert sorted(set(places)) == places, "each look went on"
    assert 9 == int(await store.read(lambda tx: tx.find_meta(COMPARED)) or 0)
    assert ["XAA"] == told(trio)


async def test_what_was_answered_before_our_own_restore(trio: Network, tmp_path: Path) -> None:
    """Answers in our log of before are held against the log of who gave them all the same."""
    await lied_to(trio)
    await restore(trio, "XBB", back_up(trio, "XBB", tmp_path / "backup"))
    await looks(trio, witness.LOOKS)
    assert {"unproved"} == {row.kind for row in await conflicts(trio, "XBB")}
