"""A withdrawal that was told more than thirty days before the backup to which its partner was put back."""

from pathlib import Path

import pytest

from gateway.core.messages import ERASURE, RECTIFICATION, WITHDRAWAL
from gateway.core.notices import unanswered
from tests.support import story
from tests.support.network import Network
from tests.support.restoring import back_up, findings_of, outbox, put_back_later, restore, settle

CASE = ("first", "case_officer")


async def withdrawn(network: Network, folder: Path) -> tuple[str, str, Path]:
    """Have XAA withdraw what XBB works on; return both cases, and a backup of XBB from before it heard that."""
    ours, theirs = await story.acknowledged(network)
    before = back_up(network, "XBB", folder / "before")
    await network.gateways["XAA"].hold.freeze(ours, "she asks for protection", *CASE)
    await network.gateways["XAA"].hold.withdraw(ours, *CASE)
    network.clock.pass_(hours=1)
    await network.deliver()
    return ours, theirs, before


async def said(network: Network, ours: str) -> list[tuple[str, str]]:
    """Return type and state of what XAA said in a case since it was withdrawn."""
    return [(row.type, row.state) for row in await outbox(network, "XAA", ours)][1:]


@pytest.mark.parametrize("kind", [ERASURE, RECTIFICATION])
async def test_withdrawal_does_not_wait_behind_what_has_no_answer(network: Network, tmp_path: Path, kind: str) -> None:
    """What takes data back was posted while that State was down, and is heard behind the withdrawal it forgot."""
    ours, theirs, before = await withdrawn(network, tmp_path)
    network.clock.pass_(days=28)
    await network.refresh()
    notices = network.gateways["XAA"].notices
    network.wires.cut = True
    if kind == ERASURE:
        await notices.demand_erasure(ours, *CASE)
    else:
        await notices.strike(ours, ["SEX"], *CASE)
    await network.deliver(1)
    network.wires.cut = False
    await put_back_later(network, "XBB", before, days=3)
    await settle(network, 1)
    assert await story.state(network, "XBB", theirs) in ("WITHDRAWN", "CLOSED")
    assert [kind] == [one.kind for one in unanswered(await story.case(network, "XBB", theirs))]
    words = [(WITHDRAWAL, "receipted"), (kind, "dropped"), (WITHDRAWAL, "receipted"), (kind, "receipted")]
    assert words == await said(network, ours)
    assert [] == await findings_of(network, "XAA", ours)


async def test_withdrawal_is_said_anew_that_ran_out_as_it_was_posted_again(network: Network, tmp_path: Path) -> None:
    """Its partner would have taken it as it came back, but for a line that was down for longer than that."""
    ours, theirs, before = await withdrawn(network, tmp_path)
    network.clock.pass_(days=29)
    await network.refresh()
    network.wires.cut = True
    await restore(network, "XBB", before)
    await network.deliver(1)
    network.clock.pass_(days=2)
    for gateway in network.gateways.values():
        await gateway.deliverer.expire(network.clock.now())
    network.wires.cut = False
    await settle(network, 2)
    assert await story.state(network, "XBB", theirs) in ("WITHDRAWN", "CLOSED")
    assert [(WITHDRAWAL, "receipted")] * 2 == await said(network, ours)
