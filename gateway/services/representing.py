"""
Whom a guardian or lawyer represents: what the file of a case, or the desk in charge by an invitation, says.

Rule 1: unknown means no. Whoever represents another person is answered as if there were no case.
Rule 2: to stop, and to refuse, is everybody's who represents somebody; what takes a case further is not.
"""

from datetime import datetime
from typing import Final

from gateway.core.case import Case
from gateway.services.context import Context, NotFound

REPRESENTING: Final = frozenset({"guardian", "lawyer"})

TAKES_FURTHER: Final = frozenset({"consider", "record", "contest"})
"""Events that a representative may bring and that neither stop nor refuse: they say something in the person's name."""


def check_representing(context: Context, case: Case, person: str, role: str, now: datetime) -> None:
    """
    Return if ``role`` represents nobody, or ``person`` is named by the file or invited to this very case.

    What they did in the case does not count: who knows a reference may stop it, and must not come to read it by that.
    Raises ``NotFound``.
    """
    if role not in REPRESENTING or context.guests.invited(person, role, case.ref, now):
        return
    named = (case.draft or {}).get("representative") or {}
    if person in (named.get("ref"), named.get("signed_by")):
        return
    # The same words as for no case at all: that there is one is not for somebody else's lawyer to learn.
    raise NotFound("there is no such case here, or it was erased")
