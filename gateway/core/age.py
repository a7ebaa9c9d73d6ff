"""
Whether the person is to be treated as a minor, by what is on record of the age.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway.core.edtf import BadEdtf, EdtfDate, parse

OF_AGE = 18
"""Years below which a person is a child (Palermo Protocol, Article 3(d))."""

FIRST_YEAR = 1900
"""Nobody who lives was born before; a year before it is one of another calendar (1388 is 2009 in Iran), or a slip."""


YEARS_IN_DOUBT = 1
"""How far a date that is marked uncertain or approximate is taken to reach on either side."""


def is_decided(age: Mapping[str, Any]) -> bool:
    """Return whether a decision on age is on record, with its reference, its day and who took it."""
    decision = age["decision"]
    said = [decision.get(name) for name in ("ref", "on", "by")] if isinstance(decision, Mapping) else [None]
    return all(isinstance(text, str) and text.strip() for text in said)


def treat_as_minor(draft: Mapping[str, Any]) -> bool:
    """
    Return whether the person is to be treated as a minor: age unknown counts as one until it is decided (R-06).

    A decision does not tell what it decided, so that it makes an adult is said beside it, by the class or by a plain
    ``false``. A class that nobody knows counts as a minor's, and so does any other mark.
    """
    age = draft["age"]
    if age.get("treat_as_child", False) is not False:
        return True
    decided = age["class"] == "unknown" and is_decided(age) and "treat_as_child" in age
    return not (age["class"] == "adult" or decided)


def birth_objects(draft: Mapping[str, Any], today: date) -> str | None:
    """
    Return what the date of birth in ``draft`` says against its class of age, or ``None`` (R-06).

    An adult without a decision on age must be of age by each day the date may mean, or a year later where it is marked
    uncertain or approximate, and anybody be born on a day on which somebody who lives may be. A text that is no date
    is the matter of E-01.
    """
    born = _born(draft.get("elements") or {})
    if born is None:
        return None
    if born.lower > today or born.upper.year < FIRST_YEAR:
        return "nobody who lives was born on that day; a year of another calendar has to be written as one of this"
    if treat_as_minor(draft) or is_decided(draft["age"]):
        return None
    if _is_under(OF_AGE + (YEARS_IN_DOUBT if born.uncertain or born.approximate else 0), born.upper, today):
        return "by the date of birth the person is, or may be, a minor, and no age decision is on record"
    return None


def born_a_minor(elements: Mapping[str, Any], today: date) -> bool:
    """Return whether by each day that the date of birth in ``elements`` may mean the person is a minor ``today``."""
    born = _born(elements)
    return born is not None and not (born.uncertain or born.approximate) and _is_under(OF_AGE, born.lower, today)


def _born(elements: Mapping[str, Any]) -> EdtfDate | None:
    """Return the date of birth in ``elements``, or ``None`` if there is none or it cannot be read."""
    text = elements.get("birth_date")
    try:
        return parse(text) if isinstance(text, str) else None
    except BadEdtf:
        return None


def _is_under(years: int, born: date, today: date) -> bool:
    return (born.year + years, born.month, born.day) > (today.year, today.month, today.day)


def counts_as_adult(draft: Mapping[str, Any], today: date) -> bool:
    """Return whether the person counts as an adult ``today``, by class, decision and date of birth together (R-06)."""
    age = draft["age"]
    if treat_as_minor(draft) or (is_decided(age) and date.fromisoformat(age["decision"]["on"]) > today):
        return False
    return birth_objects(draft, today) is None
