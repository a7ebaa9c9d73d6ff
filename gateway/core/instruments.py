"""
Instruments: which agreement applies between two States on a day, and what it says of each step.

Rule 1: law is data. Which days count, from which event, and how far they stretch stands in an instrument, never here.
Rule 2: silence has one effect, escalation. Whatever an instrument's text says about silence is shown, never applied.
Rule 3: a figure nobody verified is as usable as any other, but everything that shows it shows its confidence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

POLICY_DEFAULT = "POLICY_DEFAULT"
"""Id of the ladder that applies where no agreement does; it is policy and is shown as such."""

VERIFIED, UNVERIFIED = "verified", "unverified"
"""How sure a figure is that a named person compared with the text of its agreement, and one that nobody did."""

ESCALATE_ONLY = "ESCALATE_ONLY"
"""The only effect silence may have (Palermo Protocol art. 8, interpretative note: no return before verification)."""

ANYBODY = "*"
"""In a list of parties: every country."""


class BadRule(ValueError):
    """Say that an instrument's data contradicts itself."""


class Unit(StrEnum):
    """What is counted. A Werktag is a working day or a Saturday that is no holiday; it is not an Arbeitstag."""

    CALENDAR_DAY = "calendar_day"
    WORKING_DAY = "working_day"
    WERKTAG = "werktag"
    MONTH = "month"
    HOUR = "hour"


class Roll(StrEnum):
    """What becomes of a last day that is no working day (Regulation 1182/71 art. 3(4) rolls; most treaties do not)."""

    NONE = "none"
    NEXT_WORKING = "next_working"


@dataclass(frozen=True, slots=True)
class Extension:
    """
    How far a rule stretches.

    ``n`` is the most one extension adds, ``max_total`` the most the whole count may reach, in the rule's unit.
    Without ``max_total`` there is one extension. ``before_expiry``: it is announced on the due date at the latest.
    """

    n: int
    max_total: int | None = None
    reason_required: bool = True
    before_expiry: bool = True

    def cap(self, n: int) -> int:
        """Return the most that a rule of ``n`` units may reach."""
        return n + self.n if self.max_total is None else self.max_total


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One step of one instrument: how long, in which unit, from which event.

    ``floor`` turns the due date into a day that must have passed (a reflection period) instead of one to meet.
    ``backward`` counts back from an event that is still to come, such as a notice before a departure.
    ``effect_of_silence_in_text`` is what the text says, for people to read; ``effect_of_silence`` is what this
    gateway does, always ``ESCALATE_ONLY``.
    """

    instrument: str
    step: str
    n: int
    unit: Unit
    start_event: str
    soft_n: int | None = None
    roll: Roll = Roll.NONE
    extension: Extension | None = None
    floor: bool = False
    backward: bool = False
    article: str | None = None
    confidence: str = UNVERIFIED
    source: str | None = None
    effect_of_silence_in_text: str | None = None
    effect_of_silence: str = ESCALATE_ONLY
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that contradicts itself or gives silence an effect."""
        if self.n < 1:
            raise BadRule(f"{self.instrument} {self.step}: a period has at least one unit")
        if self.soft_n is not None and not 1 <= self.soft_n <= self.n:
            raise BadRule(f"{self.instrument} {self.step}: the soft limit is not within the hard one")
        if self.extension is not None and (self.extension.n < 1 or self.extension.cap(self.n) <= self.n):
            raise BadRule(f"{self.instrument} {self.step}: an extension adds something")
        if self.floor and (self.soft_n is not None or self.extension is not None):
            raise BadRule(f"{self.instrument} {self.step}: a floor has neither a soft limit nor an extension")
        if self.backward and (
            self.floor or self.soft_n is not None or self.extension is not None or self.roll is Roll.NEXT_WORKING
        ):
            raise BadRule(f"{self.instrument} {self.step}: a count back has neither limits nor an extension nor a roll")
        if self.effect_of_silence != ESCALATE_ONLY:
            raise BadRule(f"{self.instrument} {self.step}: silence may only escalate")

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], instrument: Mapping[str, Any]) -> "Rule":
        """Return the rule of one element of ``steps``; what it leaves open comes from its instrument."""
        extension = value["extension"]
        return cls(
            **{
                **value,
                "instrument": instrument["id"],
                "unit": Unit(value["unit"]),
                "roll": Roll(value["roll"]),
                "extension": Extension(**extension) if extension else None,
                "article": value.get("article") or instrument["article"],
                "source": value.get("source") or instrument["source"],
            }
        )


@dataclass(frozen=True, slots=True)
class Parties:
    """One direction of an instrument: who may ask (``asking``) and who answers (``asked``), as country codes."""

    asking: frozenset[str]
    asked: frozenset[str]

    def match(self, requesting: str, requested: str) -> bool:
        """Tell whether ``requesting`` may ask ``requested`` under this direction."""
        return _among(requesting, self.asking) and _among(requested, self.asked)


@dataclass(frozen=True, slots=True)
class RemarkTerms:
    """What an agreement says of remarks in free words: the most characters, in which message types, and where."""

    most_characters: int
    types: frozenset[str]
    source: str

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "RemarkTerms":
        """Return the terms in ``value``, which the schema "instrument" accepted."""
        return cls(value["most_characters"], frozenset(value["types"]), value["source"])


@dataclass(frozen=True, slots=True)
class Instrument:
    """An agreement as data: who is bound, from when to when, and its rules."""

    id: str
    title: str
    parties: tuple[Parties, ...]
    specificity: int
    valid_from: date
    valid_until: date | None
    article: str | None
    source: str | None
    confidence: str
    verified_by: str | None
    verified_on: date | None
    steps: tuple[Rule, ...]
    remark: RemarkTerms | None = None

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Instrument":
        """Return the instrument in ``value``, which the schema "instrument" accepted."""
        return cls(
            id=value["id"],
            title=value["title"],
            parties=tuple(Parties(frozenset(pair["from"]), frozenset(pair["to"])) for pair in value["parties"]),
            specificity=value["specificity"],
            valid_from=date.fromisoformat(value["valid_from"]),
            valid_until=date_or_none(value["valid_until"]),
            article=value["article"],
            source=value["source"],
            confidence=value["confidence"],
            verified_by=value["verified_by"],
            verified_on=date_or_none(value["verified_on"]),
            steps=tuple(Rule.from_dict(step, value) for step in value["steps"]),
            remark=RemarkTerms.from_dict(terms) if (terms := value.get("remark")) else None,
        )

    def rule(self, step: str) -> Rule | None:
        """Return the rule for ``step``, or ``None`` where the instrument has none."""
        return next((rule for rule in self.steps if rule.step == step), None)

    def applies(self, requesting: str, requested: str, on: date) -> bool:
        """Tell whether the instrument binds this pair, in this direction, on ``on``."""
        in_force = self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)
        return in_force and any(pair.match(requesting, requested) for pair in self.parties)


def date_or_none(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _among(country: str, countries: frozenset[str]) -> bool:
    return country in countries or ANYBODY in countries


def instruments_for(
    instruments: Iterable[Instrument], requesting: str, requested: str, step: str, on: date
) -> list[Instrument]:
    """
    Return the instruments in force with a rule for ``step``, the most special first, the policy default last.

    A better or faster agreement goes before the general one (Palermo Protocol art. 8(6)); which of them were agreed
    as the measure between two partners is configuration, so the caller passes those.
    """
    found = [one for one in instruments if one.rule(step) and one.applies(requesting, requested, on)]
    return sorted(
        found, key=lambda one: (one.id == POLICY_DEFAULT, -one.specificity, -one.valid_from.toordinal(), one.id)
    )


def remark_most(instruments: Iterable[Instrument], requesting: str, requested: str, type: str, on: date) -> int | None:
    """
    Return how many characters a remark in a message of ``type`` may have between the pair on ``on``.

    ``None`` where no agreement in force allows one. Of several that speak of remarks the most special one counts.
    """
    found = [one for one in instruments if one.remark and one.applies(requesting, requested, on)]
    first = min(found, key=lambda one: (-one.specificity, -one.valid_from.toordinal(), one.id), default=None)
    terms = first.remark if first else None
    return terms.most_characters if terms and type in terms.types else None
