"""
What a rule found, apart from what it looked at: the process that draws images loads this, and nothing of cases.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: its id, the reason in one sentence without any personal value, and the field it looked at."""

    rule: str
    because: str
    where: str = ""
