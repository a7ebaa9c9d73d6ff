"""
Who hears which rule stood against a step, and who sees which cases.

Rule 1: foreign affairs presses and issues notes, and learns no reason that lies in the person: not which rule of
protection, remark or return holds a case back, nor a word of it, whichever way it asks.
Rule 2: it sees the cases in which we wait for the other State and no other one, whichever way it asks: of a case that
is not among them it does not learn whether it was answered, closed or stopped, nor that there is one.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from gateway.core.case import Side
from gateway.core.facts import Finding
from gateway.services.context import NotFound
from gateway.services.inquire import WATCHED, BoardRow, Inquiries, Place, Wanted

FOREIGN_AFFAIRS: Final = "foreign_affairs"

_OF_NO_PERSON: Final = ("D-", "N-")
"""How the rules begin that say nothing of a person: of deadlines, of the ladder, and of States not to be contacted."""


def of_no_person(findings: Collection[Finding]) -> tuple[Finding, ...]:
    """Return the ``findings`` that say nothing of a person; that none is left tells that some other rule stands."""
    return tuple(one for one in findings if one.rule.startswith(_OF_NO_PERSON))


def heard(findings: Collection[Finding], roles: Collection[str]) -> tuple[Finding, ...]:
    """Return the ``findings`` that a person with ``roles`` is told; ``foreign_affairs`` is held alone, so it counts."""
    return of_no_person(findings) if FOREIGN_AFFAIRS in roles else tuple(findings)


async def find_row(inquiries: Inquiries, ref: str, roles: Collection[str]) -> BoardRow:
    """Return the case ``ref`` without an identity. Raises ``NotFound``, also where ``roles`` see none."""
    row = await inquiries.find_case(ref)
    if row is None or (FOREIGN_AFFAIRS in roles and not (row.side == Side.REQUESTING and row.state in WATCHED)):
        raise NotFound("there is no such case here")
    return row


async def find_after(inquiries: Inquiries, before: BoardRow, roles: Collection[str]) -> BoardRow:
    """Return the case that was seen as ``before`` and in which a step was taken; as it was, if it is seen no more."""
    try:
        return await find_row(inquiries, before.ref, roles)
    except NotFound:
        return before  # it was answered, or stopped, since; the step was taken all the same


async def list_cases(
    inquiries: Inquiries,
    roles: Collection[str],
    *,
    states: Sequence[str] = (),
    officer: str | None = None,
    limit: int = 100,
    after: Place | None = None,
) -> Sequence[BoardRow]:
    """Return the ``cases`` of the read models that a person with ``roles`` sees."""
    if FOREIGN_AFFAIRS not in roles:
        return await inquiries.cases(states=states, officer=officer, limit=limit, after=after)
    seen = tuple(state for state in WATCHED if not states or state in states)
    if not seen:
        return ()
    wanted = Wanted(Side.REQUESTING, seen, officers=() if officer is None else (officer,))
    return await inquiries.queue(wanted, limit=limit, after=after)


async def list_overdue(
    inquiries: Inquiries,
    roles: Collection[str],
    now: datetime,
    *,
    partner: str | None = None,
    limit: int = 100,
    after: Place | None = None,
) -> Sequence[BoardRow]:
    """Return the open cases whose answer is overdue that a person with ``roles`` sees."""
    if FOREIGN_AFFAIRS not in roles:
        return await inquiries.board(partner=partner, overdue_at=now, limit=limit, after=after)
    wanted = Wanted(Side.REQUESTING, WATCHED, partner=partner, due_before=now)
    return await inquiries.queue(wanted, limit=limit, after=after)
