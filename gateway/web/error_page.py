"""What the page says about whatever goes wrong: what happened, what did not, and what to do. It quotes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.core.facts import Finding
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.audience import of_no_person
from gateway.services.context import Forbidden, NotFound, NotListed
from gateway.services.ports import BadValue, Conflict, Unavailable, Unsaid
from gateway.web.language import N_
from gateway.web.posted import BadForm
from gateway.web.signin.refused import Refused
from schemas import Problem, SchemaError

_BAD_FORMS: Mapping[str, str] = {
    "foreign": N_("The form did not come from a page of this desk. Open the page again and fill it in there."),
    "token": N_(
        "The form belongs to a session that has ended. A session of yours is open: fill the form in anew on its "
        "page, or sign out by the button of this one."
    ),
    "large": N_("The form or a file in it is too large."),
    "slow": N_("The form did not arrive in time. Send it again."),
    "kind": N_("The form was not sent the way a page of this desk sends it."),
    "text": N_("A field holds invisible or control characters. Type it again, or paste it as plain text."),
    "changed": N_(
        "This form was sent before, with something else in it, and that was taken. What you sent now was not: look "
        "first at what was done."
    ),
    "running": N_("This form was sent already, and the first one is still at work. Look at the page in a moment."),
}


_STATUSES: Final[Mapping[str, int]] = {
    "foreign": 403,
    "token": 403,
    "large": 413,
    "slow": 408,
    "running": 409,
    "changed": 409,
}
"""With which status, where it is not 422."""

_LARGER: Final[Mapping[int, str]] = {
    1024: N_("The form or a file in it is too large: no more than %(n)s KiB of it are taken here."),
    1024 * 1024: N_("The form or a file in it is too large: no more than %(n)s MiB of it are taken here."),
}
"""What is said of too many bytes, by the unit that the bound is told in."""


@dataclass(frozen=True, slots=True)
class Told:
    """
    A page about something that went wrong: status, heading, what happened, what to do.

    ``values`` are filled into the text. ``again`` tells whether the page of a form can be opened again as it was.
    """

    status: int
    title: str
    text: str
    hint: str = ""
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    again: bool = True


class NoDraft(NotFound):
    """Nothing is being written at an address: it was handed in or deleted, or it is another person's."""


def to_the_board(told: Told) -> Told:
    """
    Return ``told`` as foreign affairs reads it, where rules refused: those alone that say nothing of a person.

    What the others are, and how it is mended, is with the desk in charge: the board has no page to set it right on.
    """
    if not told.findings:
        return told
    hint = N_("Speak to the desk in charge of the case.")
    return replace(told, findings=of_no_person(told.findings), hint=hint)


def to_a_guest(told: Told) -> Told:
    """Return ``told`` as somebody reads it who was invited to one case: what to do is what such a person can do."""
    hints = {
        _ROLES: N_("Ask the officer in charge of the case."),
        **dict.fromkeys((_LISTS, NO_ENTRY.hint), N_("You were invited to one case and see no other.")),
        _MENDED: N_(
            "Ask the officer in charge of the case to set right what the list names. Then take the step again."
        ),
    }
    return replace(told, hint=hints.get(told.hint, told.hint))


_ROLES: Final = N_("Ask a person whose role may, or the operator.")
_LISTS: Final = N_("Look for it in the lists of this desk, or ask who named it to you.")
_MENDED: Final = N_(
    "Set right on the case what the list names, or ask the authority in charge. Then take the step again."
)

NO_ENTRY: Final = Told(
    404,
    N_("No such entry"),
    N_("There is nothing of this name here, or it is not yours to see."),
    N_("Look for it in the lists of this desk."),
)
"""What is said where an address names something else than a case that is not here, as a person or a State."""

_LISTED: Final = N_("Open the case again: it lists what can be done now.")

NOT_OPEN: Final = Told(
    409,
    N_("This step is not open now"),
    N_("The case does not allow it now. It was taken already, or the case has moved on."),
    _LISTED,
    again=False,
)
"""What is said where the page of a step is opened that cannot be taken, as by going back to one that was."""

FAULT: Final = Told(
    500,
    N_("Something went wrong here"),
    N_("The gateway has logged what to look for."),
    N_("See first whether it was done, then try again. If it stays, tell the operator when it was."),
)
"""What is said where it is a fault of ours."""


def told_of_status(status: int) -> Told:
    """Return what to say of an HTTP status from 400 on."""
    match status:
        case 404:
            return Told(404, N_("There is no such page"), N_("Check the address, or begin at the home page."))
        case 405:
            return Told(405, N_("Not like this"), N_("Open the page again and use its buttons."))
        case 413:
            return Told(413, N_("Too large"), _BAD_FORMS["large"])
        case _:
            return Told(status, N_("This request cannot be taken"), N_("Go back and try again."))


def told_of(error: Exception) -> Told | None:
    """Return what to say of ``error``; ``None`` if it is a fault of ours."""
    match error:
        case BadForm(code="large", most=most) if most:
            unit = max(one for one in _LARGER if most % one == 0 or one == min(_LARGER))
            hint = N_("Choose a smaller file, or type less.")
            return Told(413, N_("Nothing was done"), _LARGER[unit], hint, values={"n": max(1, most // unit)})
        case BadForm():
            title = N_("This was not taken") if error.code == "changed" else N_("Nothing was done")
            return Told(_STATUSES.get(error.code, 422), title, _BAD_FORMS[error.code])
        case SchemaError():
            text = N_("What was entered does not fit. The list says where.")
            return Told(422, N_("Nothing was done"), text, problems=tuple(error.problems))
        case Refused():
            text = N_("The approval did not hold, and nothing was signed.")
            return Told(403, N_("Nothing was done"), text, N_("Open the page again, look at it, and approve it there."))
        case NotListed():
            text = N_(
                "This gateway's card does not list your key for this role, so the other State would not take what you "
                "sign. Nothing was signed and nothing was done."
            )
            hint = N_("Tell the operator, who lists your key in the card. Then open the page again and sign.")
            return Told(403, N_("Nothing was done"), text, hint)
        case Forbidden():
            text = N_("Your role does not allow this. Nothing was done.")
            return Told(403, N_("Not yours to do"), text, _ROLES)
        case NoDraft():
            text = N_("There is no such request that you are writing: it was handed in or deleted, or it is another's.")
            hint = N_("What was handed in is a case, and stands in the list of drafts on the home page.")
            return Told(404, N_("Nothing is being written here"), text, hint)
        case NotFound():
            text = N_("There is no such case here, or it is not yours to see.")
            return Told(404, N_("No such case"), text, _LISTS)
        case BadValue():
            text = N_("The address, or what was typed, holds a character that is none or a number that is too large.")
            return Told(400, N_("This request cannot be taken"), text, N_("Go back and try again."))
        case IllegalStep():
            text = N_("The case has moved on since you opened the page, and does not allow this step now.")
            return Told(409, N_("Nothing was done"), text, _LISTED, again=False)
        case RuleRefused():
            text = N_("A rule refuses this, and no role may override it. Nothing was sent.")
            return Told(422, N_("A rule refuses"), text, _MENDED, tuple(error.findings))
        case Conflict():
            text = N_("Somebody else changed the same thing at the same time. Nothing was done.")
            return Told(409, N_("Changed meanwhile"), text, N_("Open the page again and look before you repeat it."))
        case Unsaid():
            text = N_("The gateway cannot tell at the moment whether this was done.")
            return Told(503, N_("Not now"), text, N_("Open the page again and look before you repeat it."))
        case Unavailable():
            text = N_("The gateway cannot do this at the moment. Nothing was lost.")
            return Told(503, N_("Not now"), text, N_("Try again in a moment; if it stays, tell the operator."))
    return None
