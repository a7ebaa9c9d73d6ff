"""
Whether the person is to be treated as a minor, by what is on record of the age.
"""

from collections.abc import Mapping
from typing import Any


def is_decided(age: Mapping[str, Any]) -> bool:
    """Return whether a decision on age is on record, with its reference, its day and who took it."""
    decision = age["decision"]
    said = [decision.get(name) for name in ("ref", "on", "by")] if isinstance(decision, Mapping) else [None]
    return all(isinstance(text, str) and text.strip() for text in said)


def treat_as_minor(draft: Mapping[str, Any]) -> bool:
    """
    Return whether the person is to be treated as a minor: age unknown counts as one until it is decided (R-06).

    So does a class that nobody knows, and so does any mark but a plain ``false``.
    """
    age = draft["age"]
    if age.get("treat_as_child", False) is not False:
        return True
    return not (age["class"] == "adult" or (age["class"] == "unknown" and is_decided(age)))
