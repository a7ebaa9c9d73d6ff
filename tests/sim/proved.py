"""
What must hold of evidence: what a State exports of a case verifies, whatever was restored, stolen or rotated since.
"""

import random
from collections.abc import Mapping
from functools import partial

from gateway.app import Gateway
from gateway.cli.evidence_file import verify_bytes
from gateway.core import wire
from gateway.services import evidence
from gateway.services.trust import CardSource
from keys import jws
from tests.sim import homes
from tests.sim.books import Books
from tests.sim.work import CLERK, OFFICER
from tests.sim.world import World


async def proved(world: World, books: Mapping[str, Books]) -> None:
    """
    The export of one case of each State verifies.

    Where keys of either State were stolen, and what is kept is a receipt that fell, ``receipts verify`` judges that.
    """
    for own in books.values():
        if not own.cases:
            continue
        ref = random.Random(f"{world.seed}/{own.country}/evidence").choice(list(own.cases))
        row, _ = own.cases[ref]
        who, cards = OFFICER if row.side == "requesting" else CLERK, own.gateway.cards
        done, raw = await own.host.act("export", partial(_export, ref=ref, who=who, cards=cards))
        if done != "done":
            world.fail("evidence verifies", f"{own.country} exports nothing of a case in {row.state}: {done} {raw}")
            continue
        faults = verify_bytes(raw).faults
        if faults and not _fell(own, books[row.partner], ref):
            world.fail("evidence verifies", f"{own.country}, of a case in {row.state}: {faults[0].reason}")


async def _export(gateway: Gateway, ref: str, who: tuple[str, str], cards: CardSource) -> bytes:
    return await evidence.export(gateway.context, ref, *who, "a dispute", cards=cards)


def _fell(own: Books, their: Books, ref: str) -> bool:
    """
    Return whether what a receipt in our log says of a message of a case is said by stolen keys alone, of either State.

    One that was restored as well may say otherwise since, and both stay.
    """
    for robbed, kept in ((their, own.sent.values()), (own, own.got.values())):
        listed = {key.kid: key for key in homes.own_card(robbed.host.home, robbed.country).signing}
        for digest in [one.digest for one in kept if robbed.robbed and one.ref == ref]:
            stand, fell = set[tuple[str, str | None]](), set[tuple[str, str | None]]()
            for (raw,) in own.host.look("SELECT receipt FROM log_entry WHERE digest = ?", digest):
                part = jws.parse(raw, jws.TYP_RECEIPT)
                said, key = wire.parse_receipt(part.payload), listed.get(part.kid)
                # What is not listed any more was revoked longest ago.
                by = fell if key is None or key.is_revoked(said.received_at) else stand
                by.add((said.status, said.code))
            if fell - stand:
                return True
    return False
