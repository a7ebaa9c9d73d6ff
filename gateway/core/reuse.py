"""
May what was received for one purpose be used for another, or be given to another body of the same State?

Rule 1: the table ``schemas/reuse.json`` answers; what it does not know is a no.
Rule 2: what it leaves to the sender needs the sender's release on file, for this purpose and this body, still running.
Rule 3: for immigration enforcement and criminal investigation the answer is no, and no release changes it.
Rule 4: a handling code narrows what the table allows and never widens it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

import schemas
from gateway.core.case import Case, Side
from gateway.core.facts import Finding
from gateway.core.messages import TYPES
from gateway.core.remark import FURTHER_REMARK

DESK: Final = "DESK"
"""The body that holds the case: what stays there is passed on to nobody."""

FURTHER_HANDLING: Final = "further_handling"
"""Where, in what a case received, the conditions stand that came with elements after the request, beside its own."""

FURTHER: Final[Mapping[str, str]] = {FURTHER_REMARK: "remark", FURTHER_HANDLING: "handling"}
"""The members of what a case received that came after its request, by the member of that message."""

WELFARE: Final = "WELFARE"

NEVER: Final = frozenset({"IMMIGRATION_ENFORCEMENT", "CRIMINAL_INVESTIGATION"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """What one message was sent under: purpose, restrictions of use, and the last day it may be kept."""

    purpose: str
    restrictions: frozenset[str]
    retain_until: date


@dataclass(frozen=True, slots=True)
class Grant:
    """A release of the sender: this body may use the data for this purpose up to and including a day."""

    purpose: str
    body: str
    until: date


@cache
def _table() -> Mapping[tuple[str, str], str]:
    rows = schemas.load_reuse()["purposes"]
    return {(row["received_for"], use["purpose"]): use["reuse"] for row in rows for use in row["uses"]}


@cache
def _bodies() -> Mapping[str, frozenset[str]]:
    return {row["body"]: frozenset(row["purposes"]) for row in schemas.load_reuse()["bodies"]}


def bodies() -> tuple[str, ...]:
    """Return the bodies the table knows, in its order."""
    return tuple(_bodies())


def purposes() -> tuple[str, ...]:
    """Return the purposes of use the table knows, in its order."""
    return tuple(dict.fromkeys(use for _, use in _table()))


def reuse(received_for: str, purpose: str) -> str:
    """Return ``yes``, ``ask``, ``no`` or ``aggregate``; ``no`` for what the table does not know."""
    return "no" if purpose in NEVER else _table().get((received_for, purpose), "no")


def conditions(handling: Mapping[str, Any], purpose: str | None = None) -> Conditions:
    """Return the conditions in the ``handling`` of a message, or of our own file with its ``purpose``."""
    until = date.fromisoformat(handling["retain_until"])
    return Conditions(purpose or handling["purpose"], frozenset(handling["use_restrictions"]), until)


def with_further(received: Mapping[str, Any], handling: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """
    Return what a case ``received`` with the conditions ``handling`` of elements that came since.

    What was forbidden of some of them stays forbidden of all, for they are kept together; the last day is the last one.
    """
    before = received.get(FURTHER_HANDLING)
    if handling is None or (before is None and handling == received.get("handling")):
        return received
    codes = {*handling["use_restrictions"], *(before["use_restrictions"] if before else ())}
    return {**received, FURTHER_HANDLING: {**handling, "use_restrictions": sorted(codes)}}


def received_under(case: Case) -> tuple[Conditions, ...]:
    """Return the conditions of what the other State sent in this case: of its request, and of what came since."""
    ours = case.side.value
    first = case.received if case.side is Side.REQUESTED else case.reply
    said = [body for type, body in case.said.items() if type in TYPES and TYPES[type].sender != ours]
    found = [body.get("handling") for body in (first, *said) if body is not None]
    found.append((case.received or {}).get(FURTHER_HANDLING))
    return tuple(conditions(handling) for handling in found if handling is not None)


def held_under(case: Case) -> tuple[Conditions, ...]:
    """Return every condition on what the case holds: what we ask of the other State for our own data binds us too."""
    own = (conditions(case.draft["handling"], case.purpose),) if case.draft is not None else ()
    return (*own, *received_under(case))


def reuse_findings(
    held: Sequence[Conditions], grants: Sequence[Grant], *, purpose: str | None, body: str, today: date
) -> tuple[Finding, ...]:
    """
    Return what stands against giving data held under ``held`` to ``body`` for ``purpose`` (R-05); empty: nothing.

    ``purpose`` ``None`` is the purpose each part was sent for. Unknown means no: without conditions nothing is given.
    """
    if not held:
        return (Finding("R-05", "the conditions the data is held under are not known", "handling"),)
    found: dict[Finding, None] = {}
    for one in held:
        wanted = purpose or one.purpose
        because = _against(one, wanted, body, released=_released(grants, wanted, body, today))
        if because:
            found[Finding("R-05", because, "handling")] = None
    return tuple(found)


def _released(grants: Sequence[Grant], purpose: str, body: str, today: date) -> bool:
    return any((grant.purpose, grant.body) == (purpose, body) and today <= grant.until for grant in grants)


def _against(held: Conditions, purpose: str, body: str, *, released: bool) -> str | None:
    """Return why data under ``held`` may not be used by ``body`` for ``purpose``, or ``None``."""
    answer = reuse(held.purpose, purpose)
    if body not in _bodies():
        return "the body is not one that may be given anything"
    if answer == "aggregate":
        return f"{purpose} takes figures without persons, never content"
    if answer == "no":
        return f"what was received for {held.purpose} is not used for {purpose}"
    if "PC" in held.restrictions and body not in (DESK, WELFARE):
        return "PC: it is for the welfare role only"
    if released:
        return None
    if answer == "ask":
        return f"using it for {purpose} needs the sender's release, and none is on file"
    if "P0" in held.restrictions and purpose != held.purpose:
        return "P0: it is for this confirmation only"
    if body != DESK and (codes := sorted(held.restrictions & {"P2", "P3"})):
        return f"{', '.join(codes)}: it stays with the desk until the sender releases it"
    if purpose not in _bodies()[body]:
        return f"{body} is not on the list for {purpose}"
    return None
