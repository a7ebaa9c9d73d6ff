"""
Who hears which rule stood against a step.

Rule 1: foreign affairs presses and issues notes, and learns no reason that lies in the person: not which rule of
protection, remark or return holds a case back, nor a word of it, whichever way it asks.
"""

from collections.abc import Collection
from typing import Final

from gateway.core.facts import Finding

FOREIGN_AFFAIRS: Final = "foreign_affairs"

_OF_NO_PERSON: Final = ("D-", "N-")
"""How the rules begin that say nothing of a person: of deadlines, of the ladder, and of States not to be contacted."""


def of_no_person(findings: Collection[Finding]) -> tuple[Finding, ...]:
    """Return the ``findings`` that say nothing of a person; that none is left tells that some other rule stands."""
    return tuple(one for one in findings if one.rule.startswith(_OF_NO_PERSON))


def heard(findings: Collection[Finding], roles: Collection[str]) -> tuple[Finding, ...]:
    """Return the ``findings`` that a person with ``roles`` is told; ``foreign_affairs`` is held alone, so it counts."""
    return of_no_person(findings) if FOREIGN_AFFAIRS in roles else tuple(findings)
