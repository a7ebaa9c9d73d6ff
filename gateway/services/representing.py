"""
Whom a guardian or lawyer represents: what the file of a case, or the desk in charge by an invitation, says.

Rule 1: unknown means no. Whoever represents another person is answered as if there were no case.
Rule 2: to stop, and to refuse, is everybody's who represents somebody; what takes a case further is not.
"""

from datetime import datetime
from typing import Final

from gateway.core.case import Case
from gateway.core.verification_guards import named_guardian
from gateway.services.context import Context, NotFound

REPRESENTING: Final = frozenset({"guardian", "lawyer"})

TAKES_FURTHER: Final = frozenset({"consider", "record", "contest"})
"""Events that a representative may bring and that neither stop nor refuse: they say something in the person's name."""


def represents(context: Context, case: Case, person: str, role: str, now: datetime) -> bool:
    """
    Return whether ``role`` represents nobody, or ``person`` is named by the file or invited to this very case.

    What they did in the case does not count: who knows a reference may stop it, and must not come to read it by that.
    Whom the desk invited as guardian was taken for the one on record: with that one the invitation opens it no more.
    """
    after = taken_out_at(case) if role == "guardian" else None
    if role not in REPRESENTING or context.guests.invited(person, role, case.ref, now, after):
        return True
    return person in named_guardian(case.draft)


def check_representing(context: Context, case: Case, person: str, role: str, now: datetime) -> None:
    """Return if ``person`` ``represents`` the person of ``case`` in ``role``, or need not. Raises ``NotFound``."""
    if not represents(context, case, person, role, now):
        # The same words as for no case at all: that there is one is not for somebody else's lawyer to learn.
        raise NotFound("there is no such case here, or it was erased")


def taken_out_at(case: Case) -> datetime | None:
    """Return when a guardian was last taken off the record of ``case``, or another named; a slip of the day is none."""
    later = (*case.earlier[1:], case.draft)
    pairs = zip(case.earlier, later, strict=False)
    was, ends = named_guardian, [case.renamed_at] if case.renamed_at else []
    ends += [one["until"] for one, other in pairs if one["representative"] and was(one) != was(other)]
    return max(map(datetime.fromisoformat, ends)) if ends else None
