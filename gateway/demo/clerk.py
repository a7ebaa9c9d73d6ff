"""
The registry clerk of XBB: what a careful person says after a search.

Rule 1: one entry, and the answer is what the entry says. None, and the answer is that none was found, which is no "no".
Rule 2: several, and the clerk asks for the one element that tells them apart, the least telling first.
Rule 3: what could not be looked at is said: a lost volume, or an archive that the request keeps closed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.core import edtf
from gateway.core.messages import allowed_methods
from gateway.demo.register import Entry, Kept, Match, Register, Standing

ARCHIVE = "CIVIL_STATUS_ARCHIVE"

TELLING_APART: Sequence[tuple[str, Callable[[Entry], Any]]] = (
    ("SEX", lambda entry: entry.sex),
    ("PARENT_NAMES", lambda entry: (entry.mother_given_names, entry.father_given_names)),
    ("DOCUMENT", lambda entry: tuple(sorted(document["number"] for document in entry.documents))),
    ("PERSONAL_NUMBER", lambda entry: entry.personal_number),
)
"""Elements a question may name, the least telling first, and what an entry holds of each."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question of the second tier: the elements wanted, and how many entries agree so far."""

    elements: list[str]
    candidates: int


@dataclass(frozen=True, slots=True)
class Say:
    """An answer: the body of a reply without ``handling``, which the gateway takes from the request."""

    reply: Mapping[str, Any]


def decide(register: Register, request: Mapping[str, Any], asked: bool, today: date) -> Ask | Say:
    """
    Look up ``request`` (body as received, elements of the second tier added) and return what to say.

    ``asked`` tells that a question was asked before; it is asked once.
    """
    archive = ARCHIVE in allowed_methods(request["method_limit"], request["no_contact_methods"])
    found = register.search(request["elements"], archive)
    residence = request["handling"]["purpose"] == "PERM_RESIDENCE"
    day = edtf.parse(request["elements"]["entry_date"]).lower if residence else today
    match found.matches:
        case ():
            return Say(_nothing(found.unseen, day))
        case (one,) if residence:
            return Say(_residence(one, request["elements"], day))
        case (one,):
            return Say(_nationality(one, day))
        case several:
            wanted = _distinguishing(several)
            if wanted is None or asked:
                return Say(_reply("CANNOT_SAY", "SEVERAL_MATCHES", day))
            return Ask([wanted], len(several))


def _distinguishing(matches: Sequence[Match]) -> str | None:
    """Return the least telling element in which no two of the entries are the same, or ``None``."""
    for element, held in TELLING_APART:
        values = [held(match.entry) for match in matches]
        if all(values) and len(set(values)) == len(values):
            return element
    return None


def _nothing(unseen: frozenset[Kept], day: date) -> Mapping[str, Any]:
    if Kept.ARCHIVE in unseen:
        return _reply("REFUSED", "METHOD_LIMIT_TOO_NARROW", day)
    if Kept.LOST in unseen:
        return _reply("CANNOT_SAY", "REGISTER_LOST", day)
    return _reply("NOT_FOUND", None, day, methods=("POPULATION_REGISTER",))


def _nationality(match: Match, day: date) -> Mapping[str, Any]:
    method = ARCHIVE if match.entry.kept is Kept.ARCHIVE else "POPULATION_REGISTER"
    match match.entry.standing:
        case Standing.NATIONAL:
            outcome, reason = "NATIONAL", None
        case Standing.RENOUNCED:
            outcome, reason = "FORMER_NATIONAL", "CITIZENSHIP_RENOUNCED"
        case Standing.LOST:
            outcome, reason = "FORMER_NATIONAL", "CITIZENSHIP_LOST"
        case Standing.FOREIGN if "DOCNO" in match.basis:
            outcome, reason = "NOT_NATIONAL", "DOCUMENT_NOT_ISSUED_BY_US"
        case _:
            # A foreigner by name and birthday alone: too little to deny anybody a State on.
            return _reply("CANNOT_SAY", "STATUS_UNDECIDED", day)
    return _reply(outcome, reason, day, (method,), match.basis)


def _residence(match: Match, elements: Mapping[str, Any], day: date) -> Mapping[str, Any]:
    """Return whether the permit held on every day the entry may have been, on none, or on some of them."""
    entry = edtf.parse(elements["entry_date"])
    permit = next((one for one in match.entry.permits if one.number == elements["permit"]["number"]), None)
    methods = ("PERMIT_REGISTER",)
    if permit is None:
        return _reply("NOT_FOUND", None, day, methods=methods)
    until_on = permit.until_on or date.max
    if permit.from_on <= entry.lower and entry.upper <= until_on:
        return _reply("PR_AT_DATE", None, day, methods, match.basis)
    if until_on < entry.lower:
        return _reply("NO_PR_AT_DATE", "PR_EXPIRED_BEFORE_DATE", day, methods, match.basis)
    if entry.upper < permit.from_on:
        return _reply("NO_PR_AT_DATE", "PR_GRANTED_AFTER_DATE", day, methods, match.basis)
    return _reply("CANNOT_SAY", "STATUS_UNDECIDED", day)


def _reply(
    outcome: str, reason: str | None, day: date, methods: Sequence[str] = (), basis: Sequence[str] = ()
) -> Mapping[str, Any]:
    sure = {"NAME_EXACT", "DOB_EXACT"} <= set(basis) or not {"DOCNO", "PERSONAL_NO"}.isdisjoint(basis)
    return {
        "outcome": outcome,
        "reason": reason,
        "as_of": day.isoformat(),
        "method_used": list(methods),
        "match_basis": list(basis),
        "confidence": "NONE" if not basis else "HIGH" if sure else "MEDIUM",
        "signed_by_role": "REGISTRAR",
        "valid_until": None,
    }
