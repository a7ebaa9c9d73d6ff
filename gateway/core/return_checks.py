"""
The checks of the rules of a return, in the order of their ids: each returns why it objects, or ``None``.

What is not there or is something else raises, and ``findings`` makes an objection of it (``gateway.core.rules``).
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from gateway.core.age import treat_as_minor
from gateway.core.case import Side, State
from gateway.core.edtf import parse
from gateway.core.facts import Facts, day_of, instant_of, is_on_or_before, is_text
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    OUTCOMES_FOR,
    POSITIVE_OUTCOMES,
    PROPOSAL,
    REISSUE,
    SCHEDULE,
)

_LEFT = frozenset(
    {
        *(State.DEPARTED, State.RECALL, State.HANDED_OVER, State.MONITORING, State.CLOSED),
        *(State.CONSIDERED, State.ASSESSED, State.NOT_RETURNED, State.PROPOSED),
    }
)
"""
States in which the news of a departure may still wait to be posted; in the last ones the person was called back since,
and word of that waits behind it.
"""


def moves_return(facts: Facts) -> bool:
    """
    Return whether the message takes a return a step further.

    Calling off, refusing, stopping, taking back and reporting are the safe ways: nothing here ever holds those. Nor the
    news that a person has left, once she has: who receives her must know, whatever lapsed while it waited to be posted.
    """
    if facts.type == SCHEDULE:
        gone = facts.body.get("status") == "departed" and facts.state in _LEFT
        return facts.body.get("status") != "cancelled" and not gone
    if facts.type == ACCEPTANCE:
        return facts.body.get("decision") != "refused"
    return facts.type in (PROPOSAL, DOCUMENT_REQUEST, DOCUMENT, REISSUE)


def _sends_return(facts: Facts) -> bool:
    """Return whether the message takes a return further on the side that holds the record of it."""
    return moves_return(facts) and facts.type in (PROPOSAL, DOCUMENT_REQUEST, SCHEDULE)


def _return_record(facts: Facts) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the national record and the record of the return. Raises ``ValueError`` if either is missing."""
    if facts.draft is None or facts.record is None:
        raise ValueError("there is no record of the return")
    return facts.draft, facts.record


def r04(facts: Facts) -> str | None:
    if not moves_return(facts):
        return None
    if facts.reply is None or (facts.side is not Side.REQUESTED and not is_text(facts.reply_digest)):
        return "there is no signed reply, and silence is none, whatever an agreement says of it"
    if facts.reply["outcome"] not in POSITIVE_OUTCOMES & OUTCOMES_FOR[facts.reply["handling"]["purpose"]]:
        return "the reply does not say yes to the question that was asked"
    if not is_text(facts.reply["signed_by_role"]):
        return "nobody is named who signed the reply"
    if facts.side is not Side.REQUESTED and not is_as_of_entry(facts.reply, (facts.draft or {})["elements"]):
        return "the reply is not as of the day of entry"
    if facts.reply["valid_until"] is not None and day_of(facts.reply["valid_until"]) < facts.now.date():
        return "the reply is no longer valid"
    if facts.type == PROPOSAL and facts.side is not Side.REQUESTED and facts.body["reply"] != facts.reply_digest:
        return "the proposal rests on another reply than the one on file"
    return None


def is_as_of_entry(reply: Mapping[str, Any], elements: Mapping[str, Any]) -> bool:
    """Return whether a reply about permanent residence is as of a day on which the person may have entered."""
    if reply["outcome"] not in _OF_RESIDENCE:
        return True
    entry = parse(elements["entry_date"])
    return entry.lower <= day_of(reply["as_of"]) <= entry.upper


_OF_RESIDENCE = frozenset({"PR_AT_DATE", "NO_PR_AT_DATE"})
"""Outcomes that are about the day of entry; a nationality is asked and answered as of now."""


def r08(facts: Facts) -> str | None:
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    today = facts.today
    if not is_on_or_before(record["identification"]["concluded_on"], today):
        return "the identification is not concluded"
    reflection = record["reflection"]
    waived = is_on_or_before(reflection["waived_in_writing_on"], today)
    if waived and treat_as_minor(file):
        return "a minor cannot waive the time to recover and reflect"
    if not waived and not _reflected(reflection, today):
        return "the time to recover and reflect is not over"
    proceedings = record["proceedings"]
    needed = proceedings["open"] is not False and proceedings["presence_needed"] is not False
    if needed and not is_text(proceedings["released_by"]):
        return "proceedings are open in which the person is needed, and nobody has released her"
    return None


def _reflected(reflection: Mapping[str, Any], today: date) -> bool:
    """Return whether a time to reflect of the shortest length at least was granted and is over."""
    granted, ends = day_of(reflection["granted_on"]), day_of(reflection["ends_on"])
    return (ends - granted).days >= REFLECTION_DAYS and today > ends


REFLECTION_DAYS = 30
"""The shortest time to recover and reflect (CETS 197 Article 13(1)); national law may give more."""


def r09(facts: Facts) -> str | None:
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    needed = {"risk", "best_interests", "family"} if treat_as_minor(file) else {"risk"}
    assessments = record["assessments"]
    if missing := sorted(needed - {one["kind"] for one in assessments}):
        return f"there is no assessment of {', '.join(missing)}"
    for kind in sorted({one["kind"] for one in assessments}):
        last = max(day_of(one["on"]) for one in assessments if one["kind"] == kind)
        for one in assessments:
            if (one["kind"], day_of(one["on"])) == (kind, last) and (because := _unfit(one, facts.today)):
                return f"the assessment of {kind} {because}"
    return None


_COUNTS_DAYS = {"risk": 90, "best_interests": 90, "family": 180, "medical": 14}
"""How long an assessment of a kind supports anything, whatever expiry it names; one of another kind never does."""


def _unfit(assessment: Mapping[str, Any], today: date) -> str | None:
    """Return why an assessment supports no return today, or ``None``."""
    if assessment["positive"] is not True:
        return "is not in favour of a return"
    age = (today - day_of(assessment["on"])).days
    if not 0 <= age <= _COUNTS_DAYS[assessment["kind"]] or today > day_of(assessment["expires_on"]):
        return "is not valid today"
    return None if is_text(assessment["signer"]) else "does not say who signed it"


def r10(facts: Facts) -> str | None:
    if not moves_return(facts):
        return None
    minor = _of_a_minor(facts)
    if not minor and facts.type != SCHEDULE:
        return None  # of an adult both authorities are looked at again when she is about to travel
    if facts.type != PROPOSAL and (because := _no_carer(facts)):
        return because
    asks = facts.side is not Side.REQUESTED
    ours, theirs = ("return.release", "return.acceptance") if asks else ("return.acceptance", "return.release")
    needed = {("ours", ours), ("theirs", theirs)} - ({("theirs", theirs)} if facts.type == PROPOSAL else set())
    signed = {
        (release.authority, release.kind)
        for release in facts.releases
        if release.role == ("welfare" if minor else _OF_AN_ADULT.get(release.kind))
        and datetime.fromisoformat(release.valid_until) > facts.now
    }
    if needed - signed:
        return "the authority in charge of each State must have signed, and its signature must still be valid"
    return None


_OF_AN_ADULT = {"return.release": "coordinator", "return.acceptance": "desk_head"}
"""Who signs for an adult, by the kind of the statement."""


def _of_a_minor(facts: Facts) -> bool:
    """Return whether the return is one of a minor: from the record where there is one, else as it was proposed."""
    if facts.type == PROPOSAL and facts.body["represented"] is not treat_as_minor(facts.draft or {}):
        raise ValueError("the proposal says something else of the person than the record")
    if facts.draft is not None:
        return treat_as_minor(facts.draft)
    return facts.said[PROPOSAL]["represented"] is not False


def _no_carer(facts: Facts) -> str | None:
    """Return why nobody is ready to receive the person, or ``None``."""
    acceptance = facts.body if facts.type == ACCEPTANCE else facts.said[ACCEPTANCE]
    carer, today = acceptance["carer"], facts.now.date()
    if acceptance["decision"] != "accepted" or carer is None:
        return "nobody is named who will receive the person"
    if not is_text(carer["class"]) or not is_text(carer["agreed_in_writing_on"]):
        return "who will receive the person has not agreed in writing"
    if not is_on_or_before(carer["agreed_in_writing_on"], today):
        return "who will receive the person agreed on a day that has not begun in UTC yet"
    return "the acceptance is no longer valid" if day_of(acceptance["expires_on"]) < today else None


def _departs(facts: Facts) -> bool:
    return moves_return(facts) and facts.type == SCHEDULE and facts.body.get("status") != "planned"


def r12(facts: Facts) -> str | None:
    if not _departs(facts):
        return None
    _, record = _return_record(facts)
    if not is_on_or_before(record["contacts_given_on"], facts.today):
        return "the person has not been given the addresses of those who can help"
    return None


NO_ELSEWHERE = "in another case with the same number the person said no, and no other wish was written since"
"""Which case that is no rule knows, as of ``rule_checks.MINOR_ELSEWHERE``."""


def r23(facts: Facts) -> str | None:
    handling = facts.body.get("handling")
    if handling is not None and (not is_text(handling["legal_basis"]) or "CONSENT" in handling["legal_basis"].upper()):
        return "consent is never the only ground of a disclosure"
    if not _sends_return(facts):
        return None
    file, record = _return_record(facts)
    if because := _not_her_wish(record, facts.today, minor=treat_as_minor(file)):
        return because
    counts_from = facts.around.no_elsewhere
    if counts_from is not None and day_of(record["wish"]["written_on"]) < counts_from:
        return NO_ELSEWHERE
    return _not_today(facts, record) or _not_to_be_told(facts, record)


def _not_her_wish(record: Mapping[str, Any], today: date, *, minor: bool) -> str | None:
    """Return why no consent to this disclosure is on record, or ``None``."""
    wish = record["wish"]
    if wish["wish"] != "return":
        return "the person does not wish to return"
    if wish["revoked_on"] is not None:
        return "the consent was revoked"
    if wish["detained_now"] is not False:
        return "a consent given in detention is none"
    if not (is_on_or_before(wish["options_explained_on"], today) and is_on_or_before(wish["written_on"], today)):
        return "the consent is not informed, or not in writing"
    if not is_text(wish["language"]) or wish["copy_given"] is not True:
        return "the consent does not say in which language it was explained, or no copy was given"
    if minor and not (is_on_or_before(record["views"]["heard_on"], today) and is_text(record["views"]["by"])):
        return "the person has not been heard"
    return None


def _not_today(facts: Facts, record: Mapping[str, Any]) -> str | None:
    """
    Return why the wish does not stand on the day of departure, or ``None``; before that day it need not.

    The day is that of the place of departure.
    """
    if not _departs(facts):
        return None
    again = record["reconfirmation"]
    day = facts.now.astimezone(instant_of(record["travel"]["departs_at"]).tzinfo).date()
    if day_of(again["on"]) == day and is_text(again["by"]) and again["consent_stands"] is True:
        return None
    return "the consent was not confirmed today"


def _not_to_be_told(facts: Facts, record: Mapping[str, Any]) -> str | None:
    """Return why what must be at hand on the way may not be told, or ``None``: it is told with consent alone."""
    if facts.type != SCHEDULE or not facts.body.get("medical_needs"):
        return None
    if is_on_or_before(record["travel"].get("medical_consent_on"), facts.today):
        return None
    return "the person has not agreed that medical needs are told"


def v36(facts: Facts) -> str | None:
    if not _sends_return(facts) or facts.type == PROPOSAL:
        return None
    _, record = _return_record(facts)
    decision, today = record["decision"], facts.today
    if not (is_text(decision["ref"]) and is_text(decision["authority"]) and is_on_or_before(decision["on"], today)):
        return "no decision of a competent body is on record"
    if decision["remedies_explained"] is not True:
        return "the remedies against the decision were not explained"
    if decision["waived"] is not True and day_of(decision["appeal_until"]) >= today:
        return "a remedy against the decision is still open"
    return None
