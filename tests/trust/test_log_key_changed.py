"""A keeper whose card lists another log key: what it signed before counts as before, for it and against it."""

import pytest

from gateway.services.ports import HttpAnswer
from gateway.services.witness import CONFLICT_PATH
from keys import b64
from keys.cosign import CosigningKey
from keys.sign import SigningKey
from tests.support import story
from tests.support.holds import held
from tests.support.network import Network
from tests.support.restoring import next_card_of
from tests.trust.witnesses import Liar, alarms, conflicts, hour


async def keys_changed(network: Network) -> None:
    """Give XAA another log key and another key to cosign with, in a card that leaves the first two out."""
    gateway = network.gateways["XAA"]
    log, cosigning = SigningKey(bytes([3]) * 32), CosigningKey(bytes([3]) * 32)
    entry = {"kid": log.kid, "key": b64.encode(log.public)}
    next_card_of(network, "XAA", log=[entry], cosigning=[b64.encode(cosigning.public)])
    for name, key in (("log", log), ("cosigning", cosigning)):
        object.__setattr__(gateway.context.keyring, name, key)  # as a start with another key store would
    for each in network.gateways.values():
        await each.refresh_trust()


async def test_who_changed_its_key_and_proves_all_is_accused_of_nothing(trio: Network) -> None:
    """Its answers under the key before are of one history with what it shows under the next, and it proves so."""
    await story.replied(trio)
    await keys_changed(trio)
    await story.replied(trio)
    for _ in range(5):
        await hour(trio)
    store = trio.gateways["XBB"].store
    assert ([], []) == (await conflicts(trio, "XBB"), alarms(trio))
    assert "6" == await store.read(lambda tx: tx.find_meta("compared:XBB/XAA/1"))


@pytest.mark.parametrize("shown", [0, 3], ids=["old of nothing", "old of its size"])
async def test_fork_under_the_next_key(trio: Network, shown: int) -> None:
    """Two roots for one size are two histories, whatever key the card lists by now."""
    await story.replied(trio)
    await hour(trio)
    await keys_changed(trio)
    liar = await Liar.of(trio)
    assert 409 == (await liar.show("XCC", shown, [*liar.leaves[:-1], bytes(32)])).status
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XCC")]


async def test_smaller_tree_under_the_next_key(trio: Network) -> None:
    """Of one that may be no beginning of what was cosigned its keeper is asked for a proof; it has none."""
    await story.replied(trio)
    await hour(trio)
    await keys_changed(trio)
    liar = await Liar.of(trio)
    trio.clock.pass_(hours=1)
    for _ in range(4):
        assert 409 == (await liar.show("XCC", 2, [bytes(32), bytes(32)])).status
        await hour(trio)
    assert ["unproved"] == [row.kind for row in await conflicts(trio, "XCC")]


async def test_an_answer_under_the_key_before_is_held_against_what_is_shown(trio: Network) -> None:
    """Also where both are of one size, so that no proof is asked for."""
    await story.replied(trio)
    await keys_changed(trio)
    liar, told = await Liar.of(trio), trio.gateways["XBB"].store
    head = await told.read(lambda tx: tx.find_meta("answered:XAA/XBB/1"))
    assert head is not None
    size = int(head.split("\n")[1])
    assert 422 == (await liar.show("XBB", 0, [bytes(32)] * size)).status
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XBB")]


async def lied_to(trio: Network) -> None:
    """Show XCC a log of XAA under its key before that is not the one which the others know."""
    await story.replied(trio)
    await hour(trio)
    await keys_changed(trio)
    liar = await Liar.of(trio)
    await liar.show("XCC", 3, [*liar.leaves[:-1], bytes(32)])


async def test_evidence_that_nobody_takes_is_not_brought_for_ever(trio: Network) -> None:
    """Others know no more of the key before; they are told for a week, each time in the log, and left then."""
    await lied_to(trio)
    watching, brought = trio.gateways["XCC"].witness, list[int]()
    for _ in range(4):
        await watching.run_once(trio.clock.now())
        brought.append(sum(path == CONFLICT_PATH for _, path, _ in trio.wires.posted))
        trio.clock.pass_(days=6, hours=22)
        for each in trio.gateways.values():
            await each.refresh_trust()
    assert [2, 4, 6, 6] == brought
    untold = [values for event, values in trio.logs if event == "log.untold"]
    assert [{"partner": country, "error": "answered with 400"} for country in ("XAA", "XBB")] * 2 == untold


async def test_week_counts_from_the_first_refusal(trio: Network) -> None:
    """Who was out of reach for eight days, and then refuses evidence, is brought it for a week of its own."""
    await lied_to(trio)
    watching, brought = trio.gateways["XCC"].witness, list[int]()
    trio.wires.cut = True
    for days in (8, 0, 8, 0):
        await watching.run_once(trio.clock.now())
        trio.clock.pass_(days=days)
        for each in trio.gateways.values():
            await each.refresh_trust()
        trio.wires.cut = False
        trio.wires.posted.clear()
        await watching.run_once(trio.clock.now())
        brought.append(len(trio.wires.posted))
    assert [2, 2, 2, 0] == brought


async def test_page_of_a_proxy_takes_no_evidence(trio: Network) -> None:
    """A page with status 200 comes from somewhere else than a gateway: the evidence is brought again."""
    await story.replied(trio)
    await hour(trio)
    liar = await Liar.of(trio)
    await liar.show("XCC", 3, [*liar.leaves[:-1], bytes(32)])
    post, watching = trio.wires.post, trio.gateways["XCC"].witness

    async def page(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        return HttpAnswer(200, "text/html", b"<p>welcome", None)

    trio.wires.post = page  # type: ignore[method-assign]
    await watching.run_once(trio.clock.now())
    trio.wires.post = post  # type: ignore[method-assign]
    await watching.run_once(trio.clock.now())
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XBB")]


async def test_who_cannot_be_asked_is_not_asked_for_ever(trio: Network) -> None:
    """A State without an address that showed a smaller tree late: nobody can ask it what that is of."""
    await story.replied(trio)
    await hour(trio)
    next_card_of(trio, "XAA", addresses=[])
    await trio.gateways["XCC"].refresh_trust()
    liar = await Liar.of(trio)
    assert 409 == (await liar.show("XCC", 2, liar.leaves[:2])).status
    asked, get = list[str](), trio.wires.get

    async def counted(country: str, path: str) -> HttpAnswer:
        asked.append(path)
        return await get(country, path)

    trio.wires.get = counted  # type: ignore[method-assign]
    await trio.gateways["XCC"].witness.run_once(trio.clock.now())
    assert [] == asked


async def test_evidence_against_a_state_on_hold_is_brought_again(trio: Network) -> None:
    """Who holds its keeper watches no log of it at the moment, and takes the evidence once the hold is lifted."""
    await story.replied(trio)
    await hour(trio)
    liar = await Liar.of(trio)
    await liar.show("XCC", 3, [*liar.leaves[:-1], bytes(32)])
    lift = await held(trio, "XBB", "XAA")
    for holds in (True, False):
        await trio.gateways["XCC"].witness.run_once(trio.clock.now())
        assert holds != bool(await conflicts(trio, "XBB"))
        if holds:
            await lift()
