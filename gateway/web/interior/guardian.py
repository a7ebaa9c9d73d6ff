"""
Which guardian a record names: the reference is random, nobody types one, and a new guardian does not get the old one.

Rule: what was signed and who may read hang on the reference, and it is what leaves of the guardian. Where what is said
of the appointment changes and the reference does not, no day and no signature tells whether it is somebody else: that
is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from multidict import MultiDict

from gateway.web.form_fields import Field, Kind, Option
from gateway.web.forms import NOT_CHOSEN, PREFIX, Problem
from gateway.web.language import N_, Tongue

_OWN: Final = f"{PREFIX}.representative"
REFERENCE: Final = f"{_OWN}.ref"
TASK: Final = "gates"
"""The task of a request that names a guardian."""

ANSWERED: Final = "guardian"
"""The field of a page that asks which guardian it is: what stands in the rest of it is the answer."""

_THE_SAME = N_("The one on record: nothing of the appointment changes, or a day or a signature of it is set right")
_ANOTHER = N_("Another one, who is appointed instead")
_WHICH = N_("Which guardian or representative this is")
_VOID = N_(
    "Another one gets a new random reference, and what the authorities signed before is void. With another one, or "
    "another signature, whoever was invited as guardian reads the case no more until invited anew."
)

UNSAID: Final = Problem(REFERENCE, NOT_CHOSEN, _WHICH)
"""What is wrong with a record of which it is not said which guardian it names."""


def with_reference(posted: MultiDict[str], token: Callable[[], str]) -> MultiDict[str]:
    """Return ``posted`` with a random reference where a representative is named and has none: nobody types one."""
    if not any(_appointment(posted)) or posted.get(REFERENCE):
        return posted
    made = MultiDict(posted)
    made[REFERENCE] = token()
    return made


def is_unsaid(before: MultiDict[str], posted: MultiDict[str], own: str, *, is_copy: bool, is_asked: bool) -> bool:
    """
    Tell whether ``posted`` names a guardian and not whether it is the one of ``own``, so that whose it is is asked.

    A page from before the question, sent again or gone back to, brings the old reference: only of a page that
    ``is_asked`` does one tell an answer. Without any it is asked until it is answered, for a new one ends what the
    guardian on record reads. In a new request that names nobody yet there is nothing to confuse; of a case ``is_copy``
    the case itself names one.
    """
    if not posted.get(REFERENCE):
        return any(_appointment(posted)) and bool(own)
    return not is_asked and _named(before) != _named(posted) and (is_copy or any(_named(before)))


def _named(posted: MultiDict[str]) -> tuple[str, ...]:
    return (posted.get(REFERENCE, ""), *_appointment(posted))


def _appointment(posted: MultiDict[str]) -> tuple[str, str]:
    return posted.get(f"{_OWN}.appointed_on", ""), posted.get(f"{_OWN}.signed_by", "")


def options(own: str, another: str, tongue: Tongue) -> list[Option]:
    """Return the guardian on record, and another one, each by the reference that is recorded."""
    return [Option(own, text=tongue._(_THE_SAME)), Option(another, text=tongue._(_ANOTHER))]


def asked(of: tuple[Field, ...], choice: Sequence[Option]) -> tuple[Field, ...]:
    """Return the fields with ``choice`` in place of the reference of the guardian; unchanged where there is none."""
    if not choice:
        return of

    def chosen(one: Field) -> Field:
        return replace(one, kind=Kind.CODE, options=tuple(choice), asked=True, label=_WHICH, hint=_VOID)

    return tuple(
        replace(one, fields=tuple(chosen(own) if own.member == "ref" else own for own in one.fields))
        if one.member == "representative"
        else one
        for one in of
    )
