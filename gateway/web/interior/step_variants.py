"""
What is said of a step that does something else than elsewhere: by the side it is taken on, where the case stands, and
what was said there before, by the same person or by others.

Rule: as ``step_texts``.
"""

from collections.abc import Mapping
from dataclasses import replace

from gateway.core.case import HELD, Side, State
from gateway.core.returns import ARRANGED, RECALLED_BEFORE
from gateway.web.interior.step_texts import TEXTS, StepText
from gateway.web.language import N_

SECOND: Mapping[str, StepText] = {
    "resume": StepText(
        N_("Let the case go on"),
        N_(
            "Another person has proposed that the case goes on. Yours is the second word: all rules are looked at "
            "again, and with it the case goes on from where it was stopped."
        ),
        N_(
            "If the other State was told that the return is suspended, it is told that it goes on. It learns no reason."
        ),
        N_("Let it go on"),
        N_("Your word was recorded, the second of two: the case goes on."),
    ),
    "apart": StepText(
        N_("Say that it is about another person"),
        N_(
            "Another person has said, with a reason, that it is somebody else. Yours is the second word: with it the "
            "gateway lets go of this case, or of what is said of who is away."
        ),
        N_(
            "What waits of who is away leaves by itself, such as word that the person left. A case that is stopped "
            "sends nothing by this. The other State learns no reason."
        ),
        N_("It is another person"),
        N_(
            "Your word was recorded, the second of two, and the gateway has let go. What waits of who is away leaves "
            "by itself; a case that is stopped goes on once it is resumed."
        ),
        sends=True,
    ),
}
"""A step that two persons take, where another has taken it already and this word decides."""

ASKING: Mapping[str, StepText] = {
    "destruction": StepText(
        N_("Destroy our copy"),
        N_(
            "What the other State sent in this case is destroyed here, its reply too, and the case is closed. What we "
            "recorded ourselves stays until the case is erased. It cannot be undone."
        ),
        N_("The other State learns that its data was destroyed here."),
        N_("Destroy our copy"),
        N_("What it sent was destroyed here, the case is closed, and the confirmation is in the outbox."),
        sends=True,
        severe=True,
    ),
}
"""A step of either side that does something else where we asked than where we were asked."""

ASIDE: Mapping[str, StepText] = {
    "close": StepText(
        N_("Close the case"),
        N_(
            "The request is suspended, and is set aside by this for good: it does not go on any more, and of what "
            "waited only what takes data back leaves. The other State is not asked anew, even if it is restored and "
            "has forgotten the request. From then on the time runs after which the case is locked and erased."
        ),
        N_(
            "No word of it is sent: the other State does not learn that the request is set aside, and keeps what it "
            "has. If it is to learn that the request is off, stop the case and withdraw it instead."
        ),
        N_("Close the case"),
        N_("The case is closed and the request set aside. The other State is not asked anew."),
        severe=True,
    ),
}
"""A step in a request of ours that is suspended, where it ends it otherwise than elsewhere (decision 0038)."""

_TOLD_IF = TEXTS["suspension"].learns
_VETO = replace(
    TEXTS["freeze"],
    learns=N_("The other State learns at once that the return is stopped. It learns no reason, nor who stopped it."),
    done=N_(
        "The case is stopped, and word of that is in the outbox. Nothing else leaves until those who stopped it let go "
        "and two persons resume it."
    ),
    sends=True,
)
_TOO = StepText(
    N_("Add your own stop"),
    N_(
        "The case is stopped already. By this you stop it too: it goes on only once you have let go as well as "
        "everybody else who stopped it."
    ),
    TEXTS["freeze"].learns,
    N_("Add my stop"),
    N_("You stop the case too. Nothing leaves until all who stopped it let go and two persons resume it."),
)


_ADDED = StepText(
    N_("Add to your own stop"),
    N_(
        "You stop the case already. By this another reason is put on record, or a need of protection that became known "
        "since. If somebody has proposed that the case goes on, that has to be proposed anew."
    ),
    TEXTS["freeze"].learns,
    N_("Add it to my stop"),
    N_("It is on record. You stop the case as before."),
)
_WITHDRAWN_TOO = StepText(
    N_("Put a stop on record"),
    N_(
        "The request stays withdrawn, and word of that leaves all the same. By this it is on record that you stop the "
        "case, and a need of protection that became known. Such a need stops the other cases of the person, too."
    ),
    TEXTS["freeze"].learns,
    N_("Put my stop on record"),
    N_("Your stop is on record. The request stays withdrawn."),
)
_BROUGHT_ABOUT: Mapping[str, State] = {"freeze": State.FROZEN, "suspension": State.SUSPENDED}
"""The state that a stop brings about, in which the same step adds to it."""

_SUSPENDED_TOO = StepText(
    N_("Suspend the case too"),
    N_(
        "The case is suspended already. By this you suspend it too: it goes on only once you have let go as well as "
        "everybody else who stopped it."
    ),
    _TOLD_IF,
    N_("Suspend the case too"),
    N_("You suspend the case too. It goes on only once all who stopped it let go."),
    sends=True,
)


_CALLED_BACK_ONCE_MORE = StepText(
    N_("Call back once more"),
    N_(
        "The person was called back before. By this the other State is told, if it was not told yet and may be now. A "
        "day that it was told stays as it is. Your own words stay sealed here."
    ),
    N_("If it was not told yet, it learns the code and the day; else nothing."),
    N_("Call back now"),
    N_("Your word was recorded."),
    sends=True,
    severe=True,
)


def text_of(verb: str, side: str, state: str, *, is_own: bool = False) -> StepText:
    """
    Return what is said of the step ``verb`` on ``side`` in ``state``: of a second stop what it adds to the first,
    which ``is_own`` where the same person stopped it in the same role.
    """
    if is_own and state == _BROUGHT_ABOUT.get(verb):
        return replace(_ADDED, learns=_TOLD_IF) if side == Side.REQUESTED or verb == "suspension" else _ADDED
    if verb == "freeze":
        return freeze_text(side, state)
    if verb == "suspension" and state == State.SUSPENDED:
        return _SUSPENDED_TOO
    if verb == "recall" and state in {State.RECALL, *RECALLED_BEFORE}:
        return _CALLED_BACK_ONCE_MORE
    return TEXTS[verb]


AT_ONCE = frozenset({"freeze", "suspension"})
"""Steps that stop: the page of their fields is the one before the act."""


def freeze_text(side: str, state: str) -> StepText:
    """
    Return what is said of the step that stops a case at once, on ``side`` in ``state``.

    Where we were asked and a return is arranged the other State is told: a veto must be heard. Of a case that stands
    still, or in which a message of ours was lost, the state does not say whether one is.
    """
    found = {State.FROZEN: _TOO, State.WITHDRAWN: _WITHDRAWN_TOO}.get(State(state), TEXTS["freeze"])
    if side != Side.REQUESTED:
        return found
    if state in ARRANGED:
        return _VETO
    return replace(found, learns=_TOLD_IF) if state in {*HELD, State.UNDELIVERED} else found
