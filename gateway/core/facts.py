"""
What the rules may look at, when they look, and what they find.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from gateway.core.calendars import local_date
from gateway.core.case import PARTNER, Case, Notice, Release, Side, State
from gateway.core.clocks import Clock
from gateway.core.finding import Finding as Finding
from gateway.core.remark import About, about_case


class When(StrEnum):
    """The moments at which rules are looked at."""

    COMPOSE = "compose"
    APPROVE = "approve"
    SEND = "send"
    RETRY = "retry"
    REMIND = "remind"
    RECEIVE = "receive"
    EXPORT = "export"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """
    What the rules look at around a case: what its own record does not say. No member has a default.

    ``zone`` is that of the State which keeps the record: its days end there. ``no_contact`` is the reason the partner
    is on the no-contact list; ``person_stopped`` whether another case that shares a value with this person is stopped;
    ``minor_elsewhere`` whether another open case with the same number has her as a minor; ``no_elsewhere`` the first
    day on which a wish to return counts after a no in another case with the same number; ``recipient_ready`` whether
    the partner's card is held, valid and lists a sealing key. Which other case it is no rule learns.
    """

    zone: str
    no_contact: str | None
    person_stopped: bool
    minor_elsewhere: bool
    no_elsewhere: date | None
    recipient_ready: bool


NOBODY_LOOKED = Around(
    zone="UTC",
    no_contact="nobody looked",
    person_stopped=True,
    minor_elsewhere=True,
    no_elsewhere=date.max,
    recipient_ready=False,
)
"""Where nothing leaves, no rule asks; should one ask after all, unknown means no."""


def before_a_case(zone: str, no_contact: str | None) -> Around:
    """
    Return what is around a draft that is no case yet, or is about to replace that of one: nothing that it may leave by.

    Other cases of the person are found by the values of a case that is stored. Approval looks at them, and sending at
    the key.
    """
    return Around(
        zone=zone,
        no_contact=no_contact,
        person_stopped=False,
        minor_elsewhere=False,
        no_elsewhere=None,
        recipient_ready=False,
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What the rules may look at. ``about`` fills it from a case.

    ``draft`` is the national record of the requesting side; ``type`` and ``body`` the message about to leave or just
    received; ``question`` the request body an answer answers; ``frozen`` whether the case is frozen or withdrawn;
    ``held`` whether somebody of ours who stopped it has not let go, also where it is closed; ``abroad`` whether the
    message was posted and has no receipt; ``justification`` the reason given for looking at or disclosing the case;
    ``around`` what was looked up around it.

    ``side`` and ``state`` are the case's, ``None`` where there is no case yet. ``record`` is the national record of a
    return, ``said`` the last body of each of its message types, ``releases`` what the authorities signed, ``reply`` the
    body of the signed reply and ``reply_digest`` its payload digest, ``delay`` the last notice of delay, ``clocks``
    what is due when. ``notices`` is what was asked and demanded about data that was sent; ``None`` says nobody looked.
    ``remark`` is what is known of a remark in free words.
    """

    now: datetime
    draft: Mapping[str, Any] | None = None
    type: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    question: Mapping[str, Any] | None = None
    frozen: bool = False
    held: bool = False
    abroad: bool = False
    justification: str | None = None
    around: Around = NOBODY_LOOKED
    side: Side | None = None
    state: State | None = None
    record: Mapping[str, Any] | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    releases: Sequence[Release] = ()
    reply: Mapping[str, Any] | None = None
    reply_digest: str | None = None
    delay: Mapping[str, Any] | None = None
    clocks: Sequence[Clock] = ()
    notices: tuple[Notice, ...] | None = None
    remark: About = field(default_factory=About)

    @property
    def today(self) -> date:
        """Return the date where the record is kept."""
        return local_date(self.now, self.around.zone)


STOPPED = frozenset({State.FROZEN, State.WITHDRAWN})
"""States in which nothing but an exempt message may leave."""


def about(
    case: Case,
    now: datetime,
    type: str = "",
    body: Mapping[str, Any] | None = None,
    *,
    around: Around,
    question: Mapping[str, Any] | None = None,
    justification: str | None = None,
    remark: About | None = None,
    abroad: bool = False,
) -> Facts:
    """
    Return the facts of ``case`` at ``now`` about a message of ``type`` with ``body``.

    What a case does not know of itself is ``around`` it, looked up in the same transaction. A statement that was
    verified just now, and comes into the case with this step, is put into ``case`` before.
    """
    return Facts(
        now=now,
        draft=case.draft,
        type=type,
        body={} if body is None else body,
        question=question,
        frozen=case.state in STOPPED,
        held=any(role != PARTNER for _, role in case.holders),
        abroad=abroad,
        justification=justification,
        around=around,
        side=case.side,
        state=case.state,
        record=case.record,
        said=case.said,
        releases=case.releases,
        reply=case.reply,
        reply_digest=case.reply_digest,
        delay=case.delay,
        clocks=case.clocks,
        notices=case.notices,
        remark=about_case(case) if remark is None else remark,
    )


# Reading one value of the facts. What raises is an objection (``findings``): unknown means no.


def is_text(value: Any) -> bool:
    """Return whether ``value`` is text and not blank."""
    return isinstance(value, str) and bool(value.strip())


def day_of(value: Any) -> date:
    """Return the date that a text is. Raises ``ValueError``, or ``TypeError`` for what is no text."""
    return date.fromisoformat(value)


def instant_of(value: Any) -> datetime:
    """Return the aware instant that a text is. Raises ``ValueError``, or ``TypeError`` for what is no text."""
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("an instant without an offset")
    return found


def is_on_or_before(value: Any, day: date) -> bool:
    """Return whether a text is a date not after ``day``. Raises ``ValueError`` for a text that is no date."""
    return isinstance(value, str) and date.fromisoformat(value) <= day
