"""
Whether every State that a person is said to come from has denied it, so that statelessness is to be looked into (R-26).

Rule 1: a denial alone counts. Silence, NOT_FOUND, a refusal, an answer that cannot be given, and what was withdrawn
deny nothing.
Rule 2: what is not known ends it: a State that is named and has not answered, a second look, a reply that fell.
Rule 3: nothing here asks, tells or sends anything, and nobody is stateless by it: people refer, and others determine.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.core.case import Case, State
from gateway.core.messages import DENIALS
from gateway.core.verification import HELD

DUE = (
    "Each State that the person is said to come from denies what it was asked: nationality, or a right to live there. "
    "Refer the person to whoever determines statelessness here."
)
LIMITS = (
    "Nobody is stateless by this alone. Silence, a refusal and an entry that was not found deny nothing, and none was "
    "counted. A State that was asked about residence has not denied its nationality. Ask no further State only to "
    "complete a list, tell none of this, and hand an answer on only as its State allows."
)
"""What the desk in charge is told to do, and what that does not say."""

_CLAIMS = ("NATIONALITY", "PERM_RESIDENCE")
"""Purposes that ask a State whether the person is its own; who issued a document says nothing of its bearer."""


def is_due(files: Iterable[Case]) -> bool:
    """
    Return whether each State that ``files``, the cases of one person, name or ask denies what it was asked.

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
    return bool(asked) and claimed <= {country for country, _ in asked} and all(map(_denied, asked.values()))


def _denied(files: Sequence[Case]) -> bool:
    """Return whether one question was answered in each of ``files``, and the last answer, or all of its day, deny."""
    said: dict[str, list[bool]] = {}
    for case in files:
        if (reply := _reply(case)) is None:
            return False
        # The day of an answer about residence is that of the entry, and does not tell which of two is the newer one.
        day = reply["as_of"] if case.purpose == "NATIONALITY" else ""
        said.setdefault(day, []).append(reply["outcome"] in DENIALS)
    return all(said[max(said)])


def _says_nothing(case: Case) -> bool:
    """Return whether a question was given up: it was withdrawn, or closed without an answer."""
    withdrawn = case.withdraws_at is not None or case.state is State.WITHDRAWN
    return withdrawn or (case.state is State.CLOSED and case.reply is None)


def _reply(case: Case) -> Mapping[str, Any] | None:
    """Return the answer that stands, ``None`` while one is awaited, or where a finding says that it fell."""
    at = case.resume_to if case.state in HELD else case.state
    fell = case.reply_digest is not None and any(case.reply_digest in text for text in case.findings)
    return case.reply if at in (State.REPLIED, State.CLOSED) and not fell else None
