"""
A person whom one case has as an adult and another as a minor: until they say the same, the safer of the two counts.

Rule 1: taken together are cases with the same number of a document, a permit or a person, for that is one person's: a
wrong one is corrected, and nobody says of two that carry it that they are two. A name is no reason.
Rule 2: a case says so while it is open. One that is over says what was thought of her then.
"""

from gateway.core.age import treat_as_minor
from gateway.core.case import Case, Side, State
from gateway.services import cases
from gateway.services.context import Context
from gateway.services.ports import Tx

_OVER = frozenset({State.WITHDRAWN, State.CLOSED, State.BLOCKED, State.ERASED})


async def is_minor_elsewhere(context: Context, tx: Tx, case: Case) -> bool:
    """Return whether another open case with the same number has the person of ``case``, an adult there, as a minor."""
    if case.side is Side.REQUESTED or case.draft is None or treat_as_minor(case.draft):
        return False
    for other in await tx.shared(case.ref):
        row = await tx.find_case(other.ref) if other.number else None
        if row is None or row.state in _OVER:
            continue
        # One that cannot be read cannot be set right either, and must not hold up another for good.
        found = cases.readable(context, row)
        if found is not None and found.case.draft is not None and treat_as_minor(found.case.draft):
            return True
    return False
