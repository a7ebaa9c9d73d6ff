"""Who looked at a case, and why: what is kept of the reason (R-13)."""

from gateway.services import access, cases
from gateway.services.ports import Tx
from tests.support import story
from tests.support.network import Network


async def test_the_length_of_a_reason_tells_nothing(network: Network) -> None:
    """The words of one person are as long in the store as those of another, and come back as they were."""
    ours, context = await story.sent(network), network.gateways["XAA"].context
    reasons = ["why", "\u0645" * access.REASON_MAX, "y" * 2049, "z" * 4096]

    async def unit(tx: Tx) -> list[tuple[str, int]]:
        held = await cases.load(context, tx, ours)
        for why in reasons:
            await access.record(context, tx, held, "first", "view", why, network.clock.now())
        rows = (await tx.accesses(ours))[-len(reasons) :]
        return [(access.justification_of(context, held, row), len(row.justification)) for row in rows]

    words, lengths = zip(*(await context.commit(unit)).value, strict=True)
    assert (reasons, 2) == (list(words), len(set(lengths)))
    assert [lengths[0], lengths[2]] == [lengths[1], lengths[3]]
