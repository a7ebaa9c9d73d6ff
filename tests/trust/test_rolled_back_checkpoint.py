"""A log that went back: its keeper signs a smaller tree as its largest after a larger one, and is convicted by both."""

from gateway.core import cosign
from gateway.services.checkpoints import ADD_PATH, SIZE_MEDIA_TYPE
from gateway.services.ports import HttpAnswer
from tests.support import story
from tests.support.network import Network
from tests.trust.witnesses import ORIGIN, Liar, alarms, conflicts, hour


async def rolled_back(network: Network) -> Liar:
    """Return a liar after two cases were cosigned, an hour later."""
    await story.replied(network)
    await story.replied(network)
    await hour(network)
    liar = await Liar.of(network)
    network.clock.pass_(hours=1)
    return liar


async def test_witness_keeps_it_and_tells_both_sides(trio: Network) -> None:
    """A smaller checkpoint, cosigned by its keeper later than a larger one, is evidence and is told to both States."""
    liar = await rolled_back(trio)
    answer = await liar.show("XCC", 0, liar.leaves[:4])
    assert (409, b"6\n") == (answer.status, answer.body)
    (row,) = await conflicts(trio, "XCC")
    assert ("rollback", "XAA") == (row.kind, row.source)
    await hour(trio)
    assert [("XAA", "XBB", "rollback")] * 3 == alarms(trio)
    for country in ("XAA", "XBB"):
        assert ["rollback"] == [one.kind for one in await conflicts(trio, country)]


async def test_nothing_smaller_is_cosigned(trio: Network) -> None:
    """Whatever size the keeper names, a smaller tree gets no cosignature."""
    liar = await rolled_back(trio)
    for old in (0, 3, 4, 6):
        assert 200 != (await liar.show("XCC", old, liar.leaves[:4])).status
    row = await trio.gateways["XCC"].store.read(lambda tx: tx.find_witnessed(ORIGIN))
    assert row is not None
    assert 6 == row.size


async def test_larger_one_that_is_dated_back_is_no_next_one(trio: Network) -> None:
    """It continues what was cosigned, and its keeper dates it before that: by its instants the smaller came later."""
    await story.replied(trio)
    await hour(trio)
    liar = await Liar.of(trio)
    trio.clock.pass_(hours=-2)
    answer = await liar.show("XCC", 3, [*liar.leaves, bytes(32)])
    assert 422 == answer.status
    assert ["rollback"] == [row.kind for row in await conflicts(trio, "XCC")]
    row = await trio.gateways["XCC"].store.read(lambda tx: tx.find_witnessed(ORIGIN))
    assert row is not None
    assert 3 == row.size


async def test_late_copy_of_an_older_one_convicts_nobody(trio: Network) -> None:
    """An older checkpoint that arrives late names an earlier instant, and is no rollback."""
    await story.replied(trio)
    await hour(trio)
    (early,) = await trio.gateways["XAA"].store.read(lambda tx: tx.kept(ORIGIN))
    await story.replied(trio)
    await hour(trio)
    body = cosign.serialize_submission(cosign.Submission(0, (), early.note))
    assert 409 == (await trio.wires.post("XCC", "/xg/1/log/add-checkpoint", body, "text/plain")).status
    assert [] == await conflicts(trio, "XCC")


async def test_restored_copy_notices_itself(trio: Network) -> None:
    """A gateway whose log is shorter than what it kept keeps nothing more, and says so."""
    await rolled_back(trio)
    gateway = trio.gateways["XAA"]
    (kept,) = await gateway.store.read(lambda tx: tx.kept(ORIGIN))
    await gateway.store.commit(lambda tx: tx.save_kept(kept._replace(size=kept.size + 3, root=bytes(32))))
    assert await gateway.checkpoints.keep("XBB", trio.clock.now()) is None
    assert ("log.broken", "the log is shorter than it was") in [
        (event, values.get("reason")) for event, values in trio.logs
    ]


async def test_cosigner_that_knows_more_is_an_alarm(trio: Network) -> None:
    """A gateway restored without what it kept learns from its cosigner that its log was longer, by what it signed."""
    await story.replied(trio)
    liar = await Liar.of(trio)
    trio.clock.pass_(hours=-1)
    assert 200 == (await liar.show("XCC", 0, [*liar.leaves, bytes(32)])).status
    trio.clock.pass_(hours=1)
    await hour(trio)
    assert [("XCC", 4)] == _larger(trio)
    assert [("XAA", "XBB", "rollback")] == alarms(trio)[:1]
    assert ["rollback"] == [one.kind for one in await conflicts(trio, "XAA")]


async def test_word_that_nobody_signed_breaks_no_log(trio: Network) -> None:
    """Whoever stands in between, or a cosigner that errs, says that it knows more: that proves nothing."""
    await story.replied(trio)
    post = trio.wires.post

    async def larger(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if (country, path) == ("XCC", ADD_PATH):
            return HttpAnswer(409, SIZE_MEDIA_TYPE, b"9000\n", None)
        return await post(country, path, body, media_type)

    trio.wires.post = larger  # type: ignore[method-assign]
    await hour(trio)
    assert {("XCC", 9000)} == set(_larger(trio))
    assert "log.broken" not in [event for event, _ in trio.logs]
    assert [] == alarms(trio)


def _larger(network: Network) -> list[tuple[str, int]]:
    """Return what cosigners said that they cosigned, as it was told."""
    return [(values["partner"], values["seq"]) for event, values in network.logs if event == "checkpoint.larger"]
