"""
What the rules look at around a case: looked up here, whole, by everything that lets a message leave.

Rule 1: a rule that needs it no further than for some messages says so itself; nobody who asks leaves a part out.
"""

from datetime import datetime

from gateway.core.case import Case
from gateway.core.facts import Around
from gateway.services import elsewhere, no_contact, outbox, person_stop
from gateway.services.context import Context
from gateway.services.ports import Tx


async def look(context: Context, tx: Tx, case: Case, now: datetime) -> Around:
    """Return what is around ``case`` at ``now``, as it is stored in the transaction of the caller."""
    others = await elsewhere.others(context, tx, case)
    no = await elsewhere.no_elsewhere(context, tx, case, others)
    return Around(
        zone=context.zone,
        no_contact=await no_contact.barred(context, tx, case.partner),
        person_stopped=await person_stop.held_back(tx, case),
        minor_elsewhere=bool(elsewhere.minor_elsewhere(case, others)),
        no_elsewhere=no[0] if no else None,
        recipient_ready=outbox.recipient(context, case.partner, now) is not None,
    )
