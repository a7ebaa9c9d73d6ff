"""
What another case says of the same person: that she is a minor, that she does not wish to return, or, of who is away,
that it is stopped.

Rule 1: taken together are cases whose files both have the same number of a document, a permit or a person, for that is
one person's: a wrong one is corrected, and nobody says of two that carry it that they are two. A name is no reason.
Rule 2: of two ages the safer one counts while both cases are open: one that is over says what was thought of her then.
Rule 3: a no to a return to a State is not unsaid by another case toward it, also once the case of the no is closed.
Rule 4: which case that is a desk learns that looks at the content for a reason, and nobody by being refused: the look
is recorded in the other case, too.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from gateway.core.age import treat_as_minor
from gateway.core.calendars import local_date
from gateway.core.case import CONCLUDED, Case, Side
from gateway.core.return_checks import NO_ELSEWHERE
from gateway.core.returns import CALLED_OR_AWAY
from gateway.core.rule_checks import MINOR_ELSEWHERE
from gateway.services import access, cases, person_stop
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import Tx


async def others(context: Context, tx: Tx, case: Case) -> Sequence[Held]:
    """
    Return our other cases with the same number, but for those that are erased.

    One that cannot be read cannot be set right either, and must not hold up another for good.
    """
    if case.side is Side.REQUESTED:
        return ()
    shared = await tx.shared(case.ref, number=True)
    found = [cases.readable(context, await tx.find_case(other.ref)) for other in shared]
    return [other for other in found if other is not None]


def minor_elsewhere(case: Case, others: Sequence[Held]) -> tuple[str, ...]:
    """Return those open of ``others`` that have the person of ``case``, an adult there, as a minor."""
    if case.draft is None or treat_as_minor(case.draft):
        return ()
    there = [other.case for other in others if other.case.state not in CONCLUDED]
    return tuple(other.ref for other in there if other.draft is not None and treat_as_minor(other.draft))


async def no_elsewhere(context: Context, tx: Tx, case: Case, others: Sequence[Held]) -> tuple[date, str] | None:
    """
    Return the first day on which a wish to return counts, after a no in one of ``others``, and which.

    As where one record is written anew: a yes on the day of a revocation or later, and on a later day than another no.
    """
    if case.record is None:
        return None
    found = []
    for other in others:
        wish = (other.case.record or {}).get("wish")
        if other.case.partner == case.partner and wish and (wish["wish"] != "return" or wish["revoked_on"] is not None):
            steps = await tx.events(other.case.ref)
            at = max((one.at for one in steps if one.event in _RECORDS), default=other.row.changed_at)
            found.append((_counts_from(wish, local_date(at, context.zone)), other.case.ref))
    return max(found, default=None)


async def find(context: Context, ref: str, person: str, why: str) -> tuple[str, ...]:
    """
    Return what other cases say of the person of ``ref``, a sentence for each kind with the references of them.

    For whoever has looked at the content of ``ref`` for the reason ``why``: it is recorded in each that is named, too.
    """

    async def unit(tx: Tx) -> dict[str, tuple[str, ...]]:
        case = (await cases.load(context, tx, ref)).case
        same = await others(context, tx, case)
        no = await no_elsewhere(context, tx, case, same)
        said_no = (no[1],) if no and not _written_since(case, no[0]) else ()
        away = case.state in CALLED_OR_AWAY
        stopped = tuple([one.ref for one in await person_stop.matches(tx, ref)]) if away else ()
        found = {MINOR_ELSEWHERE: minor_elsewhere(case, same), NO_ELSEWHERE: said_no, person_stop.BECAUSE: stopped}
        found = {says: refs for says, refs in found.items() if refs}
        was = away and not stopped and person_stop.BECAUSE in case.findings
        return {**found, person_stop.NO_MORE: ()} if was else found

    found = await context.store.read(unit)
    if named := sorted({one for refs in found.values() for one in refs}):
        now = context.clock.now()
        await context.commit(lambda tx: access.view_each(context, tx, named, person, why, now))
    return tuple(f"{says}: {', '.join(refs)}" if refs else says for says, refs in found.items())


def _written_since(case: Case, counts_from: date) -> bool:
    """Return whether the wish on record is one that counts after the no of another case (R-23)."""
    written_on = ((case.record or {}).get("wish") or {}).get("written_on")
    return written_on is not None and date.fromisoformat(written_on) >= counts_from


_RECORDS = frozenset({"consider", "record"})
"""Steps that write the record of a return: what it says was said by then, whatever becomes of its case later."""


def _counts_from(wish: Mapping[str, Any], recorded_on: date) -> date:
    said_on, revoked_on = (wish[name] and date.fromisoformat(wish[name]) for name in ("written_on", "revoked_on"))
    # It may have been tomorrow already where it was said, and no later: what is beyond that is a slip of the pen.
    last = min(max(filter(None, (said_on, revoked_on)), default=recorded_on), recorded_on + timedelta(days=1))
    return last + timedelta(days=1) if said_on is not None and said_on >= last else last
