"""
The stop that holds for the person in every case, not for the one case in which something became known.

Rule 1: a case stops the person's others while its protection state is anything but an attested none, while the asylum
authority holds it, or while a remark in it that told of a need for protection waits for a new attestation (REM-5).
Nobody else's hold says why, so it stops its own case alone.
Rule 2: a case that shares a value with a stopped one is held by the gateway itself, at once, for people to decide. That
is a reason to look; a case that shares nothing proves nothing, and no case is released by it.
Rule 3: people release it, two of them, who say that it is another person. A shared number is no matter of opinion: the
wrong entry is corrected, or the case stays held. Of who is away nothing is held but what is said of her, and that goes
on once two persons have said so.
Rule 4: nothing here overrides R-01. A hold that was released is placed again as soon as another value is shared.

The values are keyed (``gateway.core.person_keys``) and go with the case; ``docs/decisions/0011-person-wide-stop.md``.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.case import ENDED, Case, Side, replace
from gateway.core.person_keys import VERSION, person_values
from gateway.core.remark import still_stops
from gateway.core.return_checks import NO_ELSEWHERE
from gateway.core.return_guards import CLOCK_LEAPT, OUTDATED
from gateway.core.returns import CALLED_OR_AWAY
from gateway.core.rule_checks import MINOR_ELSEWHERE, NOT_YET
from gateway.core.verification import ATTESTS, STOP
from gateway.core.verification_guards import is_indicated
from gateway.services.context import Context
from gateway.services.guests import is_guest
from gateway.services.ports import PERSON_INDEX, Outdated, Tx
from gateway.services.rows import Shared
from keys import b64

HOLDER = ("gateway", STOP)
"""Who holds a case for this reason, as it stands among its holders: no person, and no role a person can have."""

BECAUSE = "another case that shares a value with this person is stopped"
BY_A_NUMBER = f"{BECAUSE}, by a number; correct the wrong entry"
"""Why nobody says that two cases are about two persons."""
NO_MORE = f"{BECAUSE} no more"
"""What is said in its place where that was found of who is away, and is over."""

TO_DECIDE = (
    "something became known that may concern this person: look at the case for a reason, and decide on a recall, or "
    "that it is another person"
)
"""In place of ``BECAUSE`` for whoever gave no reason: that another case of the person is stopped is content."""

AGAINST = (MINOR_ELSEWHERE, NO_ELSEWHERE, NOT_YET, OUTDATED, CLOCK_LEAPT)
"""How a finding begins that says what another case, the record or the clock says against a message that waits."""

WAITS = "a message of ours waits, for a rule stands against it: look at the case for a reason to learn which"
"""In place of such a finding for whoever gave no reason."""


def attested_none(draft: Mapping[str, Any]) -> bool:
    """Return whether the protection state is none, and who says so, when and on what basis is all there (R-01)."""
    state = draft["asylum"]
    return bool(state["state"] == "none" and state["attested_by"] and state["attested_on"] and state["basis"])


def attests(person: str, role: str) -> bool:
    """Return whether the word of ``person`` in ``role`` is an attestation: the asylum authority's, and no guest's."""
    return role in ATTESTS and not is_guest(person)


def tightened(case: Case, protection: Mapping[str, Any] | None, person: str, role: str) -> Mapping[str, Any] | None:
    """
    Return the draft of ``case`` with ``protection`` in place of its protection state, or ``None`` if it stays as it is.

    Who stops a case may say what became known. Once something is known, ``person`` in ``role`` puts a state in its
    place only if theirs is the word that attests (R-01): the desk could else write over whose it is, or what. And that
    somebody does not know undoes nothing.
    """
    if protection is None or case.draft is None:
        return None
    stands = is_indicated(case.draft) and (protection["state"] == "unknown" or not attests(person, role))
    return None if stands else {**case.draft, "asylum": protection}


def stops(case: Case) -> bool:
    """
    Return whether ``case`` stops the person's others.

    What was indicated once counts until it is erased, also in a case that is closed. That nobody attested anything
    counts while the case is open: one that was discarded before anybody asked says nothing of the person.
    """
    if case.side is Side.REQUESTED or case.draft is None:
        return False
    if is_indicated(case.draft) or any(role in ATTESTS for _, role in case.holders):
        return True
    if still_stops(case.remark_stop, case.draft["asylum"]):
        return True  # also once it is closed: or the case would be opened again, without the remark
    return not attested_none(case.draft) and case.state not in ENDED


def concerns(before: Case | None, after: Case) -> bool:
    """Return whether a step changed what is known of the person, or whether the case stops others."""
    if after.side is Side.REQUESTED or after.draft is None or after.exercise:
        return False  # nobody is invented twice: an exercise stops no real case, and none stops it
    return before is None or before.draft is not after.draft or stops(before) != stops(after)


async def enter(context: Context, tx: Tx, case: Case) -> None:
    """
    Enter the values of the person of ``case`` in place of those entered before.

    What a rectification replaced stays among them: the person's other cases have it still, and so have other States.
    Raises ``Outdated`` where a program of another version enters persons by now: no stop would find these.
    """
    if case.draft is not None and case.side is Side.REQUESTING and not case.exercise:
        noted, ours = await tx.find_meta(PERSON_INDEX), mark(context).split(" ")
        if noted is not None and [noted.split(" ")[0], noted.split(" ")[-1]] != ours:
            raise Outdated("another version enters persons in another way", "start this process again in that version")
        values = person_values(case.draft, context.vault.index_value, case.former)
        await tx.save_person_values(case.ref, values, stops(case))


async def matches(tx: Tx, ref: str) -> tuple[Shared, ...]:
    """Return the stopped cases that hold ``ref``: those that share a value and were not told apart by two persons."""
    return tuple([other for other in await tx.shared(ref, stopped=True) if not await told_apart(tx, ref, other)])


async def told_apart(tx: Tx, ref: str, other: Shared) -> bool:
    """Return whether two persons said that ``ref`` and ``other`` are two persons, of all that they share now."""
    decided = None if other.number else await tx.find_apart(ref, other.ref)
    return decided is not None and decided.second is not None and decided.shared == digest(other.values)


async def is_in_question(tx: Tx, case: Case) -> bool:
    """
    Return whether people are to say if ``case`` is about another person than a stopped one.

    The gateway holds it for that; or its person is away, and what is said of her is held, or was.
    """
    if case.state in CALLED_OR_AWAY:
        return BECAUSE in case.findings or bool(await matches(tx, case.ref))
    return HOLDER in case.holders


async def held_back(tx: Tx, case: Case) -> bool:
    """Return whether R-01 stands against every message of ``case`` because another of the same person is stopped."""
    return case.side is Side.REQUESTING and bool(await matches(tx, case.ref))


def reasons(case: Case) -> tuple[str, ...]:
    """Return why the gateway holds ``case``, a sentence for each look that found something, with the other cases."""
    lines = (case.freeze_reason or "").splitlines() if HOLDER in case.holders else []
    return tuple(line for line in lines if line.startswith(BECAUSE))


def known(case: Case) -> tuple[str, ...]:
    """Return the findings of ``case`` as a desk sees them that gave no reason."""
    instead = {one: TO_DECIDE if one == BECAUSE else WAITS for one in _content(case)}
    return tuple(dict.fromkeys(instead.get(one, one) for one in case.findings))


def told(case: Case, named: Sequence[str] = ()) -> tuple[str, ...]:
    """
    Return what a desk sees for a reason: why this one is held by other cases of the person, and why a message is.

    ``named`` is what other cases say of her, with their references (``elsewhere.find``); it says each once.
    """
    rest = [one for one in _content(case) if not any(line.startswith(one.partition(":")[0]) for line in named)]
    return (*reasons(case), *rest, *named)


def _content(case: Case) -> list[str]:
    return [one for one in case.findings if one == BECAUSE or one.startswith(AGAINST)]


def without_waiting(case: Case) -> Case:
    """Return ``case`` without what is said against a message that waits."""
    rest = tuple(one for one in case.findings if not one.startswith(AGAINST))
    return case if rest == case.findings else replace(case, findings=rest)


def digest(values: Sequence[bytes]) -> bytes:
    """Return what a decision keeps of the values it was about: SHA-256 of them, which are keyed already."""
    return hashlib.sha256(b"".join(values)).digest()


def mark(context: Context) -> str:
    """Return what the index of this program under this key is known by; another one is made anew."""
    return f"{VERSION} {b64.encode(context.vault.index_value('index'))}"


async def is_current(context: Context, tx: Tx) -> bool:
    """Return whether the index was made by this program under this key."""
    return await tx.find_meta(PERSON_INDEX) == mark(context)


async def is_under_our_key(context: Context, tx: Tx) -> bool:
    """Return whether the index was made under this key, by whatever program; one of which nothing is known was."""
    noted = await tx.find_meta(PERSON_INDEX)
    return noted is None or noted.rpartition(" ")[2] == mark(context).rpartition(" ")[2]


async def begin_anew(context: Context, tx: Tx) -> bool:
    """Note that the index is being made by this program from now on; ``False`` if another process has made it."""
    if await is_current(context, tx):
        return False
    version, key = mark(context).split(" ")
    await tx.set_meta(PERSON_INDEX, f"{version} anew {key}")
    return True


async def make_current(context: Context, tx: Tx) -> None:
    """Note that the index was made by this program under this key."""
    await tx.set_meta(PERSON_INDEX, mark(context))
