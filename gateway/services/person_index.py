"""
The persons of all cases entered anew, after an upgrade that changed how their values are made.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from gateway.core.case import Side
from gateway.services import cases, nodes, person_stop, steps
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import Tx, Unavailable


async def renew(context: Context) -> int:
    """
    Enter the persons of all cases anew, and hold what is then seen to be stopped; return how many cases were read.

    Done once after an upgrade that changed how values are made, and for a store from before there was an index. Each
    part is a transaction of its own: one that is interrupted is done again from the start.

    Not while nodes run, which would go on entering values of the other kind, and nobody's stop would find those:
    raises ``Unavailable`` then. A process that is not seen, as one over a file, ends before it does (``enter``).
    """
    if await context.store.read(partial(_may_stay, context)):
        return 0
    if not (await context.commit(partial(person_stop.begin_anew, context))).value:
        return 0
    count = await _each_case(context, lambda tx, held: person_stop.enter(context, tx, held.case))
    now = context.clock.now()

    async def spread(tx: Tx, held: Held) -> None:
        if person_stop.stops(held.case):
            await steps.hold_person(context, tx, held, now)

    await _each_case(context, spread)
    await context.commit(lambda tx: person_stop.make_current(context, tx))
    return count


async def _may_stay(context: Context, tx: Tx) -> bool:
    """Return whether the index is left as it is; raises ``Unavailable`` if nodes run by which it has to stay so."""
    if await person_stop.is_current(context, tx):
        return True
    if not nodes.running(await tx.metas(nodes.PREFIX), context.clock.now()):
        return False
    if not await person_stop.is_under_our_key(context, tx):
        return True  # this is no node of theirs, and does not start beside them (``nodes``)
    raise Unavailable(
        "nodes of another version run, which enter persons in another way", "stop every node, then start them again"
    )


async def _each_case(context: Context, act: Callable[[Tx, Held], Awaitable[None]]) -> int:
    """Do ``act`` with every case of ours that asks and can be read, a part of them in each transaction."""
    count = 0
    async for refs in cases.parts(context):

        async def unit(tx: Tx, refs: Sequence[str] = refs) -> None:
            for ref in refs:
                row = await tx.find_case(ref)
                if row is None or row.side != Side.REQUESTING or (held := cases.readable(context, row)) is None:
                    continue
                await act(tx, held)

        await context.commit(unit)
        count += len(refs)
    return count
