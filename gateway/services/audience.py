"""
Who hears which rule stood against a step, and who sees which cases.

Rule 1: foreign affairs presses and issues notes, and learns no reason that lies in the person: not which rule of
protection, remark or return holds a case back, nor a word of it, whichever way it asks.
Rule 2: it sees the cases in which we wait for the other State and no other one, whichever way it asks: of a case that
is not among them it does not learn whether it was answered, closed or stopped, nor that there is one.
Rule 3: what another case says of the person the desk alone is told, and which case it is nobody by being refused.
Who sees neither the content of a case nor the return, as an escort, learns which rule of the person stands against
the step, and not what the record says.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.core.case import Side
from gateway.core.facts import Finding
from gateway.core.return_checks import NO_ELSEWHERE
from gateway.core.rule_checks import MINOR_ELSEWHERE, STOPPED_ELSEWHERE
from gateway.core.verification import ATTESTS, CLERK, IN_CHARGE, OFFICER
from gateway.services.context import NotFound
from gateway.services.inquire import WATCHED, BoardRow, Inquiries, Place, Wanted

FOREIGN_AFFAIRS: Final = "foreign_affairs"

_OF_NO_PERSON: Final = ("D-", "N-")
"""How the rules begin that say nothing of a person: of deadlines, of the ladder, and of States not to be contacted."""


def of_no_person(findings: Collection[Finding]) -> tuple[Finding, ...]:
    """Return the ``findings`` that say nothing of a person; that none is left tells that some other rule stands."""
    return tuple(one for one in findings if one.rule.startswith(_OF_NO_PERSON))


READ_A_CASE: Final = OFFICER | CLERK | {"second_signer"}
"""Roles that may read the content of a case, for a reason."""

READ_A_RETURN: Final = READ_A_CASE | IN_CHARGE | {"guardian", "lawyer", "court"}
"""Roles that may read the whole record of a return, for a reason."""

LESS: Final = "what the record says is told to the desk in charge of the case"
"""In place of the reason of a rule, to whoever may not read what it is about."""

_ELSEWHERE: Final = (MINOR_ELSEWHERE, NO_ELSEWHERE, STOPPED_ELSEWHERE)
_OF_THE_PERSON: Final = ("R-", "MIN-", "REM-", "E-")
_OF_THE_CALL: Final = frozenset({"R-00", "R-13", "R-22"})
"""Rules of the person that say what is wrong with what was asked: no reason given, or an account that is held back."""


def heard(findings: Collection[Finding], roles: Collection[str]) -> tuple[Finding, ...]:
    """
    Return the ``findings`` as a person with ``roles`` is told them; ``foreign_affairs`` is held alone, so it counts.

    Every rule is named to everybody else; why it objects only to who may read what that is of, and how many reasons it
    has is told to nobody else either.
    """
    if FOREIGN_AFFAIRS in roles:
        return of_no_person(findings)
    told = (one if _may_hear(one, roles) else replace(one, because=LESS, where="") for one in findings)
    return tuple(dict.fromkeys(told))


def _may_hear(finding: Finding, roles: Collection[str]) -> bool:
    if not READ_A_CASE.isdisjoint(roles):
        return True
    if finding.because in _ELSEWHERE:
        return False
    if finding.rule == "R-01" and not ATTESTS.isdisjoint(roles):
        return True  # whoever attests that state, and tells whether two cases are of one person, is to set it right
    of_her = finding.rule.startswith(_OF_THE_PERSON) and finding.rule not in _OF_THE_CALL
    return not of_her or not READ_A_RETURN.isdisjoint(roles)


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
    states: Sequence[str],
    officer: str | None,
    limit: int,
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
    partner: str | None,
    limit: int,
    after: Place | None,
) -> Sequence[BoardRow]:
    """Return the open cases whose answer is overdue that a person with ``roles`` sees."""
    if FOREIGN_AFFAIRS not in roles:
        return await inquiries.board(partner=partner, overdue_at=now, limit=limit, after=after)
    wanted = Wanted(Side.REQUESTING, WATCHED, partner=partner, due_before=now)
    return await inquiries.queue(wanted, limit=limit, after=after)
