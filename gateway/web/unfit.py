"""
What a schema finds wrong with a file that somebody brings in, in words: the place, and what is wrong there.

Rule: a finding is English, with numbers and names of members in it (``schemas``). A page finds its sentence again by
the words around them; one that a later version finds is shown as it is.
"""

import re
from functools import cache
from typing import Final

from markupsafe import Markup, escape

from gateway.web.language import N_, Tongue
from schemas import Problem

FOUND: Final = (
    N_("is not acceptable JSON"),
    N_("fits none of the forms allowed here"),
    N_("does not fit exactly one of the forms allowed here"),
    N_("is not the one value allowed here"),
    N_("is not in the closed list of values"),
    N_("is not written in the form required"),
    N_("is not allowed here"),
    N_("has an entry twice"),
    N_("has a member that is not known here"),
    N_("lacks an entry that must be there"),
    N_("lacks %(names)s"),
    N_("is not of the type %(names)s"),
    N_("is greater than %(number)s"),
    N_("is less than %(number)s"),
    N_("is longer than %(number)s characters"),
    N_("is shorter than %(number)s characters"),
    N_("has more than %(number)s entries"),
    N_("has fewer than %(number)s entries"),
    N_("has more than %(number)s members"),
    N_("has fewer than %(number)s members"),
)
"""What is wrong with a place, as ``schemas`` has it; what fits one without a value goes before what fits another."""

_PLACE: Final = re.compile(r"%\((names|number)\)s")
_BETWEEN: Final = re.compile(r", | or ")


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what finds each text again, and the text."""
    return tuple((re.compile(_PLACE.sub(r"(?P<\1>.+)", text)), text) for text in FOUND)


def said(tongue: Tongue, problem: Problem) -> Markup:
    """Return a problem in words, the place before it; names of the file stay apart from what stands around them."""
    text = tongue._(N_("%(place)s: %(problem)s"))
    return escape(text) % {"place": _code(problem.pointer or "/"), "problem": _found(tongue, problem.text)}


def _found(tongue: Tongue, finding: str) -> Markup:
    for form, text in _forms():
        if (found := form.fullmatch(finding)) is not None:
            return escape(tongue._(text)) % {name: _value(name, one) for name, one in found.groupdict().items()}
    return Markup('<span lang="en">{}</span>').format(finding)


def _value(name: str, text: str) -> Markup:
    """Return a number as it is; names one by one, as codes."""
    if name == "number":
        return escape(text)
    return Markup(", ").join(_code(one.strip("'")) for one in _BETWEEN.split(text))


def _code(text: str) -> Markup:
    return Markup('<bdi class="desk-code">{}</bdi>').format(text)
