"""
Whether no State that a person is said to come from takes her for its own, so that statelessness is looked into (R-26).

Rule 1: a denial counts, and an entry that was not found: it denies nothing, but whom no register knows is the one to be
referred. Silence, a refusal, an answer that cannot be given, and what was withdrawn do not count.
Rule 2: what is not known ends it: a State that is named and has not answered, a second look, a reply that fell. An
answer to a question of which an element was set right since is none.
Rule 3: nothing here asks, tells or sends anything, and nobody is stateless by it: people refer, and others determine.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.core.case import Case, State
from gateway.core.messages import DENIALS, POSITIVE_OUTCOMES, RECTIFICATION
from gateway.core.verification_changes import CORRECTED_HERE

DUE = (
    "No State that the person is said to come from confirms what it was asked: each denies it, or found no entry. "
    "Refer the person to whoever determines statelessness here."
)
LIMITS = (
    "Nobody is stateless by this alone. An entry that was not found denies nothing: a birth may not be registered, "
    "and a name may be written in another way. Silence and a refusal were not counted. A State that was asked "
    "about residence has not denied its nationality. Ask no further State only to complete a list, tell none of "
    "this, and hand an answer on only as its State allows."
)
"""What the desk in charge is told to do, and what that does not say."""

_NEGATIVE = DENIALS | {"NOT_FOUND"}
"""Answers by which a State does not take the person for its own; what it says of her is another thing (R-26)."""

_CLAIMS = ("NATIONALITY", "PERM_RESIDENCE")
"""Purposes that ask a State whether the person is its own; who issued a document says nothing of its bearer."""


def is_negative(case: Case) -> bool:
    """Return whether ``case`` holds a negative answer that stands; one without has no task, whatever others hold."""
    reply = None if case.purpose not in _CLAIMS or _says_nothing(case) else _reply(case)
    return reply is not None and reply["outcome"] in _NEGATIVE


def is_due(files: Iterable[Case]) -> bool:
    """
    Return whether each State that ``files``, the cases of one person, name or ask denies it, or found no entry.

    A State is named by the record (``claimed_origin``) and by being asked, and each question it was asked counts.
    """
    claimed: set[str] = set()
    asked: dict[tuple[str, str], list[Case]] = {}
    for case in files:
        claimed.update((case.draft or {}).get("claimed_origin", ()))
        if case.purpose not in _CLAIMS:
            continue
        claimed.add(case.partner)
        if not _says_nothing(case):
            asked.setdefault((case.partner, case.purpose), []).append(case)
    return bool(asked) and claimed <= {country for country, _ in asked} and all(map(_all_negative, asked.values()))


def _all_negative(files: Sequence[Case]) -> bool:
    """Return whether one question was answered in each of ``files``, the last time (all of its day) in the negative."""
    said: dict[str, list[bool]] = {}
    for case in files:
        if (reply := _reply(case)) is None:
            return False
        # The day of an answer about residence is that of the entry, and does not tell which of two is the newer one.
        day = reply["as_of"] if case.purpose == "NATIONALITY" else ""
        said.setdefault(day, []).append(reply["outcome"] in _NEGATIVE)
    return all(said[max(said)])


def _says_nothing(case: Case) -> bool:
    """
    Return whether a question was given up: it was withdrawn, closed without an answer, or answered by wrong data.

    A State that confirmed before has said something, whatever became of the question or of a return that rested on it.
    """
    if case.reply is not None and case.reply["outcome"] in POSITIVE_OUTCOMES:
        return False
    if case.withdraws_at is not None or case.state is State.WITHDRAWN:
        return True
    if (reply := _reply(case)) is None:
        return case.state is State.CLOSED and case.reply is None
    return _was_to_wrong_data(case, reply)


def _reply(case: Case) -> Mapping[str, Any] | None:
    """Return the answer that stands, ``None`` while one is awaited, or where a finding says that it fell."""
    fell = case.reply_digest is not None and any(case.reply_digest in text for text in case.findings)
    return case.reply if case.at in (State.REPLIED, State.CLOSED) and not fell else None


def _was_to_wrong_data(case: Case, reply: Mapping[str, Any]) -> bool:
    """Return whether an element that was sent is set right in our record alone, or was so to that State since."""
    told = (one.on for one in case.notices if one.ours and one.kind == RECTIFICATION)
    here_alone = CORRECTED_HERE.partition("%(part)s")[2]
    return any(on >= reply["as_of"] for on in told) or any(text.endswith(here_alone) for text in case.findings)
