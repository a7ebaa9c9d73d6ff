"""
Figures for those who oversee: what is counted, how durations are estimated, and the fixed tables there are.

Rule 1: a case comes in here as a ``Course``: no reference, no name, no age, no day, only the quarter it began in.
Rule 2: there are the tables of ``TABLES`` and no others; nobody asks for one of their own.
Rule 3: nothing is shown of a quarter before another whole quarter has passed, and nothing below a table's minimum.
Rule 4: a case that is still open, or was stopped, counts in every duration up to that moment. Leaving such cases out
would make a slow State look fast.

``docs/figures.md`` explains the tables to their readers; ``gateway/core/suppress.py`` decides what is hidden.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from gateway.core.messages import METHODS_FOR, POSITIVE_OUTCOMES
from gateway.core.suppress import ONE_ROW, Cells, Key, Known, Shape, Shown, hide_until_safe, suppress, with_totals

PUBLIC: Final = "public"
INTERNAL: Final = "internal"

MINIMUM: Mapping[str, int] = {PUBLIC: 11, INTERNAL: 5}
"""The smallest count shown to anybody, and to the ministries of this State."""

TAIL_MIN = 3
"""Cases that must have taken as long as a percentile says, or longer: the maximum of one case is never shown."""

NO_ANSWER = "NONE"

ANSWERS = ("IN_TIME", "LATE", "WITHDRAWN", "SILENT", "NOTIFIED", "PENDING", "ENDED")
"""
What became of a request: answered in time or late, withdrawn, past its date without a word or with a notice of delay,
not due yet, over without an answer.
"""
EXTENSIONS = ("NEITHER", "EXTENDED", "NOTICE", "BOTH")
METHODS = ("REGISTER", "INTERVIEW", "OTHER", NO_ANSWER)
"""How the answer was found: registers alone, with an interview, in another way, or there is none."""
RETURNS = ("NOT_OPEN", "OPEN", "NOT_PURSUED", "UNDER_WAY", "ARRIVED", "SAFE", "CONCERN", "LOST")
"""
Where a return stands: there is no positive answer, nothing was decided, it was not pursued, it is arranged, the person
arrived; or the follow-up of six months or more ended, and how.
"""
OUTCOMES = (
    *("NATIONAL", "NOT_NATIONAL", "FORMER_NATIONAL", "PR_AT_DATE", "NO_PR_AT_DATE", "NOT_FOUND", "CANNOT_SAY"),
    *("REFUSED", "DOC_AUTHENTIC", "DOC_NOT_AUTHENTIC", NO_ANSWER),
)
"""Every outcome that a reply can have, and none: whatever is in no column makes the sums of two tables differ."""

ALIKE: Mapping[str, Mapping[str, frozenset[str]]] = {
    "answer": {"answered": frozenset({"IN_TIME", "LATE"})},
    "method": {"answered": frozenset(METHODS) - {NO_ANSWER}},
    "outcome": {"answered": frozenset(OUTCOMES) - {NO_ANSWER}, "positive": POSITIVE_OUTCOMES},
    "return_": {"positive": frozenset(RETURNS) - {"NOT_OPEN"}},
}
"""
What tables by different properties count alike: the requests that were answered, and those with a positive answer.

What is hidden in one table must not follow from the cells of another that say the same of it.
"""
STEPS = ("acknowledgement", "reply", "acceptance", "travel_document", "return", "follow_up")


@dataclass(frozen=True, slots=True)
class Span:
    """How long one step took, in days begun; if not ``done`` it had lasted that long when it was last looked at."""

    step: str
    days: int
    done: bool


@dataclass(frozen=True, slots=True)
class Course:
    """
    One case as the figures know it. ``quarter`` is that in which the request arrived, such as ``2026Q4``.

    ``answer``, ``extension``, ``method``, ``outcome`` and ``return_`` are each one of the lists above.
    """

    direction: str
    partner: str
    instrument: str
    quarter: str
    answer: str
    extension: str
    method: str
    outcome: str
    return_: str
    spans: tuple[Span, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the course as JSON values."""
        fields = {name: getattr(self, name) for name in Course.__dataclass_fields__ if name != "spans"}
        return {**fields, "spans": [[span.step, span.days, span.done] for span in self.spans]}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Course":
        """Return the course that ``to_dict`` made ``value`` from."""
        spans = tuple(Span(step, days, done) for step, days, done in value["spans"])
        return cls(**{**value, "spans": spans})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case: when, which event, and the state it led to."""

    at: datetime
    event: str
    target: str


@dataclass(frozen=True, slots=True)
class File:
    """What a course is made from: the columns of a case, its reply, and when the reply was due in the end."""

    direction: str
    partner: str
    instrument: str
    extended: bool
    delay_notice: bool
    reply: Mapping[str, Any] | None
    due_at: datetime | None


_BEGINS = {"requesting": frozenset({"receipt"}), "requested": frozenset({"request"})}
_ACKNOWLEDGED = frozenset({"acknowledgement", "acknowledge"})
_REPLIED = frozenset({"reply", "answer"})
_WITHDRAWN = frozenset({"withdraw", "withdrawal"})
_STOPS = _WITHDRAWN | {"freeze", "suspend", "suspension", "undelivered", "close", "decline", "recall", "take_back"}
_ANSWERED = frozenset({"acceptance", "accept", "refusal", "refuse"})
_ASKED_DOCUMENT = frozenset({"request_document", "document_request"})
_FOLLOWED_UP = {"CLOSED_SAFE": "SAFE", "CLOSED_CONCERN": "CONCERN", "LOST_CONTACT": "LOST"}
_ARRANGED = frozenset({"PROPOSED", "ACCEPTED", "DECIDED", "DOCUMENTED", "SCHEDULED", "DEPARTED"})

Is = Callable[[Step], bool]


def _event(names: frozenset[str]) -> Is:
    return lambda step: step.event in names


def _into(*states: str) -> Is:
    return lambda step: step.target in states


_SPANS: tuple[tuple[str, Is, Is], ...] = (
    ("acceptance", _into("PROPOSED"), _event(_ANSWERED)),
    ("travel_document", _event(_ASKED_DOCUMENT), _into("DOCUMENTED")),
    ("return", _into("ACCEPTED"), _into("HANDED_OVER")),
    ("follow_up", _into("HANDED_OVER"), _into(*_FOLLOWED_UP)),
)
"""Each later step with what begins and what ends it, the same on both sides."""


def quarter_of(at: datetime) -> str:
    """Return the quarter of an instant by its calendar in UTC, such as ``2026Q4``."""
    return f"{at.year}Q{(at.month + 2) // 3}"


def course(file: File, steps: Sequence[Step], now: datetime) -> Course | None:
    """Return the course of a case as of ``now``, or ``None`` if its request never arrived."""
    begun = _first(steps, _event(_BEGINS[file.direction]))
    if begun is None:
        return None
    replied = _first(steps, _event(_REPLIED))
    spans = [
        _span("acknowledgement", begun, _first(steps, _event(_ACKNOWLEDGED)) or replied, steps, now),
        _span("reply", begun, replied, steps, now),
    ]
    for name, begins, ends in _SPANS:
        start = _first(steps, begins)
        if start is not None:
            spans.append(_span(name, start, _first(steps[steps.index(start) + 1 :], ends), steps, now))
    return Course(
        direction=file.direction,
        partner=file.partner,
        instrument=file.instrument,
        quarter=quarter_of(begun.at),
        answer=_answer(file, steps, replied, now),
        extension=_extension(file),
        method=_method(file.reply),
        outcome=str(file.reply["outcome"]) if file.reply else NO_ANSWER,
        return_=_return(file.reply, steps),
        spans=tuple(spans),
    )


def _first(steps: Iterable[Step], wanted: Is) -> Step | None:
    return next((step for step in steps if wanted(step)), None)


def _span(name: str, start: Step, end: Step | None, steps: Sequence[Step], now: datetime) -> Span:
    """Return how long it took from ``start`` to ``end``; what was stopped before counts up to the first stop."""
    after = [step for step in steps if step.at >= start.at and step is not start]
    stopped = _first(after, _event(_STOPS))
    if end is not None and (stopped is None or stopped.at >= end.at):
        return Span(name, _days(end.at - start.at), done=True)
    return Span(name, _days((stopped.at if stopped else now) - start.at), done=False)


def _days(elapsed: timedelta) -> int:
    """Return whole days, one begun counting as one."""
    return max(0, -(-elapsed // timedelta(days=1)))


def _answer(file: File, steps: Sequence[Step], replied: Step | None, now: datetime) -> str:
    if replied is not None:
        return "IN_TIME" if file.due_at is None or replied.at <= file.due_at else "LATE"
    if _first(steps, _event(_WITHDRAWN)):
        return "WITHDRAWN"
    if _first(steps, _into("CLOSED", "UNDELIVERED", "BLOCKED", "ERASED")):
        return "ENDED"
    if file.due_at is None or now <= file.due_at:
        return "PENDING"
    return "NOTIFIED" if file.delay_notice else "SILENT"


def _extension(file: File) -> str:
    if file.extended:
        return "BOTH" if file.delay_notice else "EXTENDED"
    return "NOTICE" if file.delay_notice else "NEITHER"


def _method(reply: Mapping[str, Any] | None) -> str:
    if reply is None:
        return NO_ANSWER
    used = set(reply["method_used"])
    if "CONSULAR_INTERVIEW" in used:
        return "INTERVIEW"
    return "REGISTER" if used and used <= METHODS_FOR["M1"] else "OTHER"


def _return(reply: Mapping[str, Any] | None, steps: Sequence[Step]) -> str:
    ended = [_FOLLOWED_UP[step.target] for step in steps if step.target in _FOLLOWED_UP]
    if ended:
        return ended[-1]
    if _first(steps, _into("HANDED_OVER", "MONITORING")):
        return "ARRIVED"
    over = _first(steps, _into("NOT_RETURNED", "WITHDRAWN", "CLOSED", "BLOCKED", "ERASED"))
    if _first(steps, _into(*_ARRANGED)):
        return "NOT_PURSUED" if over else "UNDER_WAY"
    if reply is None or reply["outcome"] not in POSITIVE_OUTCOMES:
        return "NOT_OPEN"
    return "NOT_PURSUED" if over else "OPEN"


# Durations.


def survival(spans: Sequence[Span]) -> tuple[tuple[int, Fraction], ...]:
    """
    Return the estimate of Kaplan and Meier (1958): for each day on which a span ended, the share that lasts longer.

    A span that is not done leaves those at risk after the day it was last looked at.
    """
    ends = Counter(span.days for span in spans if span.done)
    curve, share = [], Fraction(1)
    for day in sorted(ends):
        at_risk = sum(span.days >= day for span in spans)
        share *= 1 - Fraction(ends[day], at_risk)
        curve.append((day, share))
    return tuple(curve)


def quantile(spans: Sequence[Span], part: Fraction) -> int | None:
    """
    Return the first day by which ``part`` of the spans have ended; ``None`` if the estimate never gets there.

    Without open spans it is the ordinary quantile; the median of an even number is then the lower of the two.
    """
    return next((day for day, share in survival(spans) if share <= 1 - part), None)


# Tables.


@dataclass(frozen=True, slots=True)
class Table:
    """
    One fixed table: the property of a course its rows and its columns tell, and who may see it.

    ``rows`` is empty for a table of one row. A table of ``durations`` has the steps as rows, of each agreement if
    ``rows`` says so, and ``DURATION_COLUMNS``. ``counterpart`` says that it tells about a single other State.
    """

    name: str
    title: str
    audience: str
    rows: str
    columns: str

    @property
    def counterpart(self) -> bool:
        """Return whether a row tells about one other State: two persons of two offices release it."""
        return self.rows in ("partner", "instrument")

    @property
    def durations(self) -> bool:
        """Return whether it holds durations and no counts that add up."""
        return self.columns == "durations"


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "answer": ANSWERS,
    "extension": EXTENSIONS,
    "method": METHODS,
    "outcome": OUTCOMES,
    "return_": RETURNS,
}
"""The values of each property that columns tell. All stand in a table, so that none shows by its absence."""

DURATION_COLUMNS = ("at_least", "median_days", "p90_days")

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table("answers", "What became of the requests", PUBLIC, "", "answer"),
        Table("extensions", "Periods extended and delays announced", PUBLIC, "", "extension"),
        Table("methods", "How the answers were found", PUBLIC, "", "method"),
        Table("outcomes", "What the answers said", PUBLIC, "", "outcome"),
        Table("returns", "Returns arranged, carried out and followed up", PUBLIC, "", "return_"),
        Table("durations", "How long each step took", PUBLIC, "", "durations"),
        Table("partner-answers", "What became of the requests, by State", INTERNAL, "partner", "answer"),
        Table("partner-outcomes", "What the answers said, by State", INTERNAL, "partner", "outcome"),
        Table("agreement-answers", "What became of the requests, by agreement", INTERNAL, "instrument", "answer"),
        Table("agreement-durations", "How long each step took, by agreement", INTERNAL, "instrument", "durations"),
    )
}

DIRECTIONS = ("requesting", "requested")


def quarters(period: str) -> tuple[str, ...]:
    """Return the quarters of a ``period``: a year (``2026``) or a quarter (``2026Q3``). Raises ``ValueError``."""
    year, mark, number = period.partition("Q")
    known = year.isascii() and year.isdigit() and len(year) == 4
    if not known or (mark and number not in ("1", "2", "3", "4")):
        raise ValueError("a period is a year such as 2026, or a quarter such as 2026Q3")
    return (period,) if mark else tuple(f"{year}Q{one}" for one in range(1, 5))


def released_from(period: str) -> date:
    """Return the first day on which figures of ``period`` may be shown: a whole quarter after it ended."""
    year, _, number = quarters(period)[-1].partition("Q")
    months = int(year) * 12 + int(number) * 3 + 3
    return date(months // 12, months % 12 + 1, 1)


def shape_of(table: Table, rows: Sequence[str]) -> Shape:
    """Return rows and columns of ``table``; ``rows`` are all values its rows can have, used or not."""
    across = tuple(sorted(rows)) if table.rows else ONE_ROW
    if not table.durations:
        return Shape(across, COLUMNS[table.columns])
    steps = tuple(f"{row} {step}".strip() for row in across for step in STEPS)
    return Shape(steps, DURATION_COLUMNS)


def chosen(courses: Iterable[Course], direction: str, period: str) -> tuple[Course, ...]:
    """Return the courses that figures of this direction and period are about."""
    wanted = quarters(period)
    return tuple(one for one in courses if one.direction == direction and one.quarter in wanted)


def counts(table: Table, shape: Shape, courses: Sequence[Course]) -> dict[Key, int]:
    """Return every cell of a table of counts, sums included; nothing is hidden yet."""
    inner: Counter[Key] = Counter(
        (str(getattr(one, table.rows)) if table.rows else "", str(getattr(one, table.columns))) for one in courses
    )
    return with_totals(inner, shape)


def tabulate(
    table: Table,
    rows: Sequence[str],
    period: str,
    courses: Sequence[Course],
    before: Sequence[tuple[str, Shown]],
    bound: Mapping[str, frozenset[str]] | None = None,
) -> Shown:
    """
    Return a table of counts as it may be shown: nothing below its minimum follows from it and from those ``before``.

    Args:
        table: one of ``TABLES``, not of durations.
        rows: all values its rows can have.
        period: a year or a quarter.
        courses: those of one direction and of ``period``.
        before: the audience and content of every table shown before, of the same direction.
        bound: the agreements under which a request to, or of, each State is made, as anybody can read.
    """
    known = Known(ALIKE, "partner", "instrument", bound or {}) if bound is not None else Known(ALIKE)
    shape, minimum = shape_of(table, rows), MINIMUM[table.audience]
    cells = suppress(counts(table, shape, courses), shape, minimum)
    new = Shown(table.rows, table.columns, quarters(period), shape, cells)
    if table.audience == PUBLIC:
        new = hide_until_safe(new, [shown for audience, shown in before if audience == PUBLIC], minimum, known)
    # Whoever sees the internal tables sees the public ones too.
    return hide_until_safe(new, [shown for _, shown in before], MINIMUM[INTERNAL], known)


def tabulate_durations(table: Table, rows: Sequence[str], courses: Sequence[Course]) -> Cells:
    """
    Return a table of durations, in days, as it may be shown.

    A step is shown if as many cases as the table's minimum have ended it. Their number is rounded down to tens, so that
    it cannot be subtracted from a count; a percentile is shown if ``TAIL_MIN`` cases took as long or longer.
    """
    cells: dict[Key, int | None] = {}
    for row in sorted(rows) if table.rows else ONE_ROW:
        for step in STEPS:
            spans = [
                span
                for one in courses
                if not table.rows or getattr(one, table.rows) == row
                for span in one.spans
                if span.step == step
            ]
            figures = _durations(spans, MINIMUM[table.audience])
            cells |= {
                (f"{row} {step}".strip(), name): value for name, value in zip(DURATION_COLUMNS, figures, strict=True)
            }
    return cells


def _durations(spans: Sequence[Span], minimum: int) -> tuple[int | None, int | None, int | None]:
    ended = sum(span.done for span in spans)
    if ended < minimum:
        return None, None, None
    found = [quantile(spans, part) for part in (Fraction(1, 2), Fraction(9, 10))]
    median, p90 = (
        day if day is not None and sum(span.done and span.days >= day for span in spans) >= TAIL_MIN else None
        for day in found
    )
    return max(minimum, ended // 10 * 10), median, p90
