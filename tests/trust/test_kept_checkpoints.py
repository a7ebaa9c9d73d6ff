"""Checkpoints that are kept: made once an hour, signed twice, cosigned by the partner and a third gateway."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from gateway.cli.evidence_file import verify_bytes
from gateway.core import checkpoint, cosign
from gateway.services.checkpoints import ADD_PATH
from gateway.services.ports import HttpAnswer
from gateway.services.steady import SteadyClock
from tests.support import story
from tests.support.evidence import exported
from tests.support.network import Network, wrong_clock
from tests.trust.witnesses import ORIGIN, alarms, hour


async def test_partner_and_witness_cosign(trio: Network) -> None:
    """An hour after a case, the checkpoint carries Ed25519, and ML-DSA-44 of the keeper, the partner and a third."""
    await story.replied(trio)
    await hour(trio)
    (kept,) = await trio.gateways["XAA"].checkpoints.cosigned("XBB")
    assert ((), ("XBB", "XCC")) == (kept.missing, kept.by)
    assert 4 == len(checkpoint.parse_note(kept.row.note).signatures)
    assert [] == alarms(trio)
    for country in trio.gateways:
        card = trio.gateways[country].context.own
        assert card is not None
        assert trio.clock.now() == cosign.cosigned_at(kept.row.note, country, card.cosigning)


async def test_nothing_added_nothing_kept(trio: Network) -> None:
    """A log to which nothing was added is not kept again, and an empty one never."""
    await story.replied(trio)
    await hour(trio)
    await hour(trio)
    gateway = trio.gateways["XAA"]
    assert [3] == [row.size for row in await gateway.store.read(lambda tx: tx.kept(ORIGIN))]
    assert () == await gateway.store.read(lambda tx: tx.kept("XAA/XCC/1"))


async def test_started_again_and_again(trio: Network) -> None:
    """A gateway that is started every few minutes keeps one checkpoint an hour, and asks anew who has not cosigned."""
    await story.replied(trio)
    checkpoints, apart = trio.gateways["XAA"].checkpoints, timedelta(hours=1)
    trio.wires.cut = True
    await checkpoints.run_once(trio.clock.now(), apart)
    trio.wires.cut = False
    await story.replied(trio)
    trio.clock.pass_(minutes=20)
    await checkpoints.run_once(trio.clock.now(), apart)
    assert [(3, ())] == [(one.row.size, one.missing) for one in await checkpoints.cosigned("XBB", 9)]
    trio.clock.pass_(minutes=40)
    await checkpoints.run_once(trio.clock.now(), apart)
    assert [6, 3] == [one.row.size for one in await checkpoints.cosigned("XBB", 9)]


async def test_next_one_continues(trio: Network) -> None:
    """What is added later is shown with a proof from the size that each cosigned before."""
    await story.replied(trio)
    await hour(trio)
    await story.replied(trio)
    await hour(trio)
    kept = await trio.gateways["XAA"].checkpoints.cosigned("XBB", limit=9)
    assert [(6, ()), (3, ())] == [(one.row.size, one.missing) for one in kept]
    assert [] == alarms(trio)


@pytest.mark.parametrize(
    ("grown", "reason"),
    [(False, "the log has another root than was kept"), (True, "the log does not continue what was kept")],
)
async def test_a_log_that_is_another_than_was_kept_is_an_alarm(trio: Network, grown: bool, reason: str) -> None:
    """It is not kept again, and nobody is shown it: that would convict us."""
    await story.replied(trio)
    await hour(trio)
    gateway = trio.gateways["XAA"]
    with closing(sqlite3.connect(gateway.settings.database, isolation_level=None)) as elsewhere:
        elsewhere.execute("UPDATE checkpoint_kept SET root = ? WHERE origin = ?", (bytes(32), ORIGIN))
    if grown:
        await story.replied(trio)
    assert await gateway.checkpoints.keep("XBB", trio.clock.now() + timedelta(hours=1)) is None
    assert ("log.broken", {"partner": "XBB", "reason": reason}) in trio.logs
    assert [3] == [one.size for one in await gateway.store.read(lambda tx: tx.kept(ORIGIN))]


async def test_a_later_one_bears_a_later_instant_whatever_the_clock_says(trio: Network) -> None:
    """Two of ours that contradict one another would convict us (M-7.7)."""
    await story.replied(trio)
    await hour(trio)
    await story.replied(trio)
    before = trio.clock.now()
    made = await trio.gateways["XAA"].checkpoints.keep("XBB", before - timedelta(minutes=10))
    assert made is not None
    assert (6, before + timedelta(seconds=1)) == (made.size, made.at)


@pytest.mark.parametrize("looked", [False, True], ids=["before it is looked at", "after"])
async def test_none_is_kept_by_a_clock_that_leapt(trio: Network, looked: bool) -> None:
    """Every later one would have to bear a later instant still, and nobody cosigns one that is ahead (M-7.9)."""
    await story.replied(trio)
    await hour(trio)
    await story.replied(trio)
    gateway, steady = trio.gateways["XAA"], SteadyClock(trio.gateways["XAA"].context)
    await steady.run_once(trio.clock.now())
    with wrong_clock(trio, "XAA", 400 * 24 * 60) as wrong:
        if looked:
            await steady.run_once(wrong.now())
        await gateway.checkpoints.run_once(wrong.now())
        await exported(trio, "XAA", (await gateway.inquiries.cases())[0].ref)
    for _ in range(25):
        await steady.run_once(trio.clock.now())
        await hour(trio)
    (kept,) = await gateway.checkpoints.cosigned("XBB")
    assert (6, ("XBB", "XCC"), True) == (kept.row.size, kept.by, kept.row.at <= trio.clock.now())


async def test_what_all_cosigned_covers_what_came_before_it(trio: Network) -> None:
    """Of an earlier one that lacks a cosigner nobody is told for ever: the later tree proves it."""
    await story.replied(trio)
    trio.wires.cut = True
    await hour(trio)
    trio.wires.cut = False
    await story.replied(trio)
    for _ in range(5):
        await hour(trio)
    kept = await trio.gateways["XAA"].checkpoints.cosigned("XBB", limit=9)
    assert [(6, True), (3, False)] == [(one.row.size, not one.missing) for one in kept]
    assert "checkpoint.late" not in [event for event, _ in trio.logs]


async def test_a_stamp_stays_with_the_checkpoint_it_is_of(trio: Network) -> None:
    """Another may be kept while the authority takes its time."""
    checkpoints = trio.gateways["XAA"].checkpoints

    class Slow:
        """An authority that takes an hour."""

        async def stamp(self, message: bytes) -> bytes:
            await story.replied(trio)
            await checkpoints.keep("XBB", trio.clock.now() + timedelta(hours=1))
            return b"token"

    await story.replied(trio)
    checkpoints._stamper = Slow()
    await checkpoints.run_once(trio.clock.now())
    rows = await trio.gateways["XAA"].store.read(lambda tx: tx.kept(ORIGIN))
    assert {6: None, 3: b"token"} == {row.size: row.token for row in rows}


async def test_witness_out_of_reach_is_asked_again(trio: Network) -> None:
    """A cosigner that cannot be reached holds up no other, and signs when it is back; after three hours it is told."""
    await story.replied(trio)
    trio.wires.cut = True
    await hour(trio)
    (kept,) = await trio.gateways["XAA"].checkpoints.cosigned("XBB")
    assert ("XBB", "XCC") == kept.missing
    for _ in range(4):
        await hour(trio)
    assert "checkpoint.late" in [event for event, _ in trio.logs]
    trio.wires.cut = False
    await hour(trio)
    (kept,) = await trio.gateways["XAA"].checkpoints.cosigned("XBB")
    assert () == kept.missing


async def test_answers_are_compared_with_what_was_kept(trio: Network) -> None:
    """Every answer the asking State was given is proved to be a state of the log that was cosigned."""
    await story.replied(trio)
    await hour(trio)
    gateway = trio.gateways["XAA"]
    assert "3" == await gateway.store.read(lambda tx: tx.find_meta(f"compared:{ORIGIN}"))
    assert [] == alarms(trio)


async def test_evidence_stands_under_the_first_that_enough_cosigned(trio: Network) -> None:
    """A case is proved against the first kept checkpoint that has its quorum, which says the most about its time."""
    ours, _ = await story.replied(trio)
    trio.wires.cut = True
    await hour(trio)
    trio.wires.cut = False
    await story.replied(trio)
    await hour(trio)
    await story.replied(trio)
    await hour(trio)
    report = verify_bytes(await exported(trio, "XAA", ours))
    assert [(6, True)] == [(stood.size, stood.enough) for stood in report.checkpoints]


def answering_with(network: Network, more: str, *, instead: bool = False) -> None:
    """Let XBB, asked to cosign, answer with its true line and ``more``, or with that alone."""
    post = network.wires.post

    async def answer(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        got = await post(country, path, body, media_type)
        if (country, path, got.status) == ("XBB", ADD_PATH, 200):
            got = HttpAnswer(got.status, got.media_type, (b"" if instead else got.body) + more.encode(), None)
        return got

    network.wires.post = answer  # type: ignore[method-assign]


async def test_cosigner_writes_over_no_signature_of_the_keeper(trio: Network) -> None:
    """What XBB sends in the name of XAA, by its keys, is not kept: the checkpoint and what XAA exports still verify."""
    ours, _ = await story.replied(trio)
    own = trio.gateways["XAA"].context.own
    assert own is not None
    log = checkpoint.signature_line(ORIGIN, checkpoint.note_key_id(ORIGIN, own.log[0].key) + bytes(64))
    kept = checkpoint.signature_line("XAA", cosign.cosigner_id("XAA", own.cosigning[0]) + bytes(8 + 2420))
    answering_with(trio, log + kept)
    await hour(trio)
    report = verify_bytes(await exported(trio, "XAA", ours))
    (made,) = await trio.gateways["XAA"].checkpoints.cosigned("XBB")
    assert ((), ("XBB", "XCC")) == (report.faults, made.by)


async def test_a_cosignature_that_does_not_verify_is_none(trio: Network) -> None:
    """It is not kept, and its State is asked again."""
    await story.replied(trio)
    card = trio.gateways["XBB"].context.own
    assert card is not None
    false = checkpoint.signature_line("XBB", cosign.cosigner_id("XBB", card.cosigning[0]) + bytes(8 + 2420))
    answering_with(trio, false, instead=True)
    await hour(trio)
    (made,) = await trio.gateways["XAA"].checkpoints.cosigned("XBB")
    assert (("XBB",), 3) == (made.missing, len(checkpoint.parse_note(made.row.note).signatures))


async def test_cosigner_leaves_room_for_the_others(trio: Network) -> None:
    """XBB fills the sixteen signatures that a note may have, and XCC cosigns all the same."""
    await story.replied(trio)
    answering_with(trio, "".join(checkpoint.signature_line(f"N{n}", bytes(5)) for n in range(13)))
    await hour(trio)
    (made,) = await trio.gateways["XAA"].checkpoints.cosigned("XBB")
    assert (("XBB", "XCC"), 4) == (made.by, len(checkpoint.parse_note(made.row.note).signatures))
