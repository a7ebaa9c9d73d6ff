"""
The task to refer a person whom no State takes for its own that she is said to come from (R-26): shown, and ended.

Rule 1: it is worked out when a desk looks at the content of a case for a reason, and kept nowhere: whatever the files
hold by then counts. It moves no case, and leads to no message, notice, log line or figure.
Rule 2: that files share a value is a reason to look (``person_keys``): each that was counted is named, and looked at on
record. Files that two persons told apart are not counted together, and what is settled in one is so in that one alone:
another may be of somebody else, who has to be referred yet.
Rule 3: what cannot be read may say otherwise, so that nothing is claimed; nor are more files opened than anybody would
compare. What is locked is read by nobody.
"""

from functools import partial

from gateway.core.case import Side
from gateway.core.facts import Finding
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.referral import is_due, is_negative
from gateway.core.verification import OFFICER
from gateway.services import access, cases, person_stop
from gateway.services.acts import GONE
from gateway.services.context import Context, Forbidden, acting
from gateway.services.ports import Tx
from gateway.services.rows import Shared

SETTLED = "settle"
"""What the record of access says of somebody who ended the task; why is sealed there, as with every look."""

COUNTED_MAX = 100
"""Files that share a value, beyond which none is opened: a name that so many have tells nobody whose files they are."""


async def find(context: Context, ref: str, person: str, why: str) -> tuple[str, ...] | None:
    """
    Return the other files that were counted if ``ref`` has the task, ``None`` if it has not.

    For whoever has looked at the content of ``ref`` for the reason ``why``: it is recorded in each file counted, too.
    """
    counted = await context.store.read(partial(_counted, context, ref=ref))
    if counted:
        now = context.clock.now()
        await context.commit(lambda tx: access.view_each(context, tx, counted, person, why, now))
    return counted


async def settle(context: Context, ref: str, why: str, person: str, role: str) -> None:
    """
    End the task in ``ref``, and in no other file; ``why`` says what was done, or why nothing is to be.

    Raises ``Forbidden``, ``RuleRefused`` without a reason, and ``IllegalStep`` where there is no such task.
    """
    now = context.clock.now()
    acting(context, person, role, now)
    if role not in OFFICER:
        raise Forbidden(f"the role '{role}' does not decide this", f"may: {', '.join(sorted(OFFICER))}")
    if not why.strip():
        raise RuleRefused((Finding("R-13", "no justification is given"),))

    async def unit(tx: Tx) -> None:
        held = await cases.load(context, tx, ref)
        if await _counted(context, tx, ref) is None:
            raise IllegalStep(held.case.state, SETTLED, role)
        await access.record(context, tx, held, person, SETTLED, why, now)

    await context.commit(unit)


async def _counted(context: Context, tx: Tx, ref: str) -> tuple[str, ...] | None:
    """Return the other files that are counted with ``ref``, or ``None`` if there is nothing to be done."""
    held = await cases.load(context, tx, ref)
    if held.case.side is Side.REQUESTED or held.row.state in GONE or not is_negative(held.case):
        return None
    if any(row.action == SETTLED for row in await tx.accesses(ref)):
        return None
    others, files = await tx.shared(ref), {ref: held.case}
    if len(others) > COUNTED_MAX:
        return None
    for other in others:
        row = await tx.find_case(other.ref)
        if row is None or row.state in GONE or await _told_apart(tx, ref, other):
            continue
        if (found := cases.readable(context, row)) is None:
            return None
        files[other.ref] = found.case
    return tuple(one for one in files if one != ref) if is_due(files.values()) else None


async def _told_apart(tx: Tx, ref: str, other: Shared) -> bool:
    """Return whether two persons told the two apart: in either, for the one that was held is where they say it."""
    if await person_stop.told_apart(tx, ref, other):
        return True
    if await tx.find_apart(other.ref, ref) is None:
        return False
    # What two files share is not the same from either side: a date that is not known meets every date.
    back = [one for one in await tx.shared(other.ref) if one.ref == ref]
    return bool(back) and await person_stop.told_apart(tx, other.ref, back[0])
