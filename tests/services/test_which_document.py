"""Which travel document counts, by what came and what is in the outbox: a table of one return."""

from typing import Any

import pytest

from gateway.core import wire
from gateway.core.case import Case, Side, State
from gateway.core.machine import Send
from gateway.core.messages import ACCEPTANCE, DOCUMENT, REISSUE
from gateway.services import cases, threads
from gateway.services.ports import Tx
from schemas import ijson
from tests.storage.support import inbound
from tests.support.network import Network

TYPES = {"proposal": "return.proposal", "request": "travel-document.request", "issued": DOCUMENT, "again": REISSUE}


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("proposal request issued-1", {DOCUMENT: "1"}),
        ("proposal issued-1", {DOCUMENT: "1"}),
        ("proposal request issued-1 again-2", {DOCUMENT: "1", REISSUE: "2"}),
        ("proposal request issued-1 again-2 again-3", {DOCUMENT: "1", REISSUE: "3"}),
        ("proposal request issued-1 again-2 issued-3", {DOCUMENT: "3"}),
        ("proposal request issued-1 proposal", {}),
        ("proposal request issued-1 proposal request issued-2", {DOCUMENT: "2"}),
        ("proposal request issued-1 issued-2/dropped", {DOCUMENT: "1"}),
        ("proposal request issued-1 again-2/refused", {DOCUMENT: "1"}),
        ("proposal request issued-1/undelivered", {}),
    ],
)
async def test_document_that_counts_is_the_last_of_the_proposal_that_stands(
    network: Network, said: str, counts: dict[str, str]
) -> None:
    """One takes the place of every earlier one, one issued again that of the last; neither where it did not leave."""
    context, now = network.gateways["XBB"].context, network.clock.now()
    before: dict[str, dict[str, Any]] = {ACCEPTANCE: {"decision": "accepted"}, DOCUMENT: {"number": "of before"}}
    case = Case("ref", Side.REQUESTED, "XAA", context.random.token(), State.DOCUMENTED, "first", "return", said=before)
    held = cases.fresh(context, case, now)

    async def unit(tx: Tx) -> Any:
        await tx.save_case(held.row._replace(version=1))
        for place, text in enumerate(said.split(), 1):
            what, _, state = text.partition("/")
            kind, _, number = what.partition("-")
            if number:
                send = Send(TYPES[kind], ijson.dumps({"number": number}).decode(), optional=True)
                row = await threads.queue(context, tx, held, send, now)
                await tx.save_outbound(row._replace(state=state or "receipted", posted_at=now))
                continue
            thread = await threads.thread_of(tx, case)
            came = inbound(str(place), partner="XAA", type=TYPES[kind], ref="ref", thread=case.thread, seq=place)
            digest = wire.payload_digest(str(place).encode())
            await tx.add_inbound(came._replace(digest=digest))
            await tx.save_thread(thread._replace(in_digest=digest))
        return await threads.with_documents(context, tx, held)

    found = (await context.commit(unit)).value
    assert {ACCEPTANCE: {"decision": "accepted"}, **{kind: {"number": one} for kind, one in counts.items()}} == found
