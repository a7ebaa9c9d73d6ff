"""
A case as the rules see it: an immutable value, the same type on both sides.

Rule 1: OVERDUE is not here; it is derived from ``clocks``.
Rule 2: what names a person is in ``draft``, ``renditions``, ``received``, ``record``, ``said`` or ``pending`` only, and
the whole value is stored sealed.
Rule 3: a return goes on in the case of the verification it rests on. No state is one of a forced return.
"""

import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

from gateway.core.clocks import Clock

GUEST: Final = "guest."
"""How the ids of guests begin: the id of their invitation follows."""


PARTNER: Final = "partner"
"""Role of the other State's gateway, whose signature was verified."""


def is_guest(person: str) -> bool:
    """Tell whether ``person`` is the id of a guest, whom a desk invited (``gateway.services.guests``)."""
    return person.startswith(GUEST)


class Side(StrEnum):
    """Which end of the thread this gateway is."""

    REQUESTING = "requesting"
    REQUESTED = "requested"


class State(StrEnum):
    """
    The states of both sides, of a verification (``gateway.core.verification``) and of a return.

    Those of a return, ``gateway.core.returns``, are the ones from CONSIDERED to LOST_CONTACT.
    """

    DRAFT = "DRAFT"
    CLEARED = "CLEARED"
    SENT = "SENT"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    UNDELIVERED = "UNDELIVERED"
    DELIVERED = "DELIVERED"
    RECEIVED = "RECEIVED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    EXTENDED = "EXTENDED"
    NEEDS_TIER2 = "NEEDS_TIER2"
    NEEDS_INTERVIEW = "NEEDS_INTERVIEW"
    REDIRECTED = "REDIRECTED"
    REPLIED = "REPLIED"
    CONTESTED = "CONTESTED"
    CONSIDERED = "CONSIDERED"
    ASSESSED = "ASSESSED"
    NOT_RETURNED = "NOT_RETURNED"
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    DECIDED = "DECIDED"
    DOCUMENTED = "DOCUMENTED"
    SCHEDULED = "SCHEDULED"
    DEPARTED = "DEPARTED"
    HANDED_OVER = "HANDED_OVER"
    MONITORING = "MONITORING"
    RECALL = "RECALL"
    CLOSED_SAFE = "CLOSED_SAFE"
    CLOSED_CONCERN = "CLOSED_CONCERN"
    LOST_CONTACT = "LOST_CONTACT"
    SUSPENDED = "SUSPENDED"
    FROZEN = "FROZEN"
    WITHDRAWN = "WITHDRAWN"
    CLOSED = "CLOSED"
    BLOCKED = "BLOCKED"
    ERASED = "ERASED"


HELD: Final = (State.FROZEN, State.SUSPENDED)
"""States that stop our own acts. What arrives moves the state the case will resume in, so no partner can tell."""

CONCLUDED: Final = frozenset({State.WITHDRAWN, State.CLOSED, State.BLOCKED})
"""States of a case that is over and still kept: what it left abroad may then be corrected or erased."""

ENDED: Final = frozenset({State.CLOSED, State.BLOCKED, State.ERASED})
"""States of a case that was put away: nobody works on it any more."""


@dataclass(frozen=True, slots=True)
class Pending:
    """
    A body somebody prepared and somebody else may have signed; ``body`` is its exact JSON text.

    ``digest`` is base64url SHA-256 of the body's UTF-8 bytes; ``statement`` the approver's JWS over it, which counts up
    to ``valid_until``, an RFC 3339 instant in UTC.
    """

    type: str
    body: str
    digest: str
    author: str
    approver: str | None = None
    statement: str | None = None
    valid_until: str | None = None


@dataclass(frozen=True, slots=True)
class SentBack:
    """
    A second person's word that a body is not right (V-16); it leaves the State in no message.

    ``digest`` is that of the body, ``by`` who said so at the RFC 3339 instant ``at``, ``reason`` a code (list
    ``reason_sent_back``), ``note`` words for who prepared it, ``statement`` the JWS over the digest.
    """

    digest: str
    by: str
    at: str
    reason: str
    note: str | None
    statement: str


@dataclass(frozen=True, slots=True)
class Release:
    """
    A statement of an authority about a return that was verified here.

    ``authority`` is "ours" or "theirs"; ``kind`` and ``role`` are those of the statement, ``digest`` base64url SHA-256
    of the body it covers, ``valid_until`` an RFC 3339 instant in UTC, ``statement`` its JWS, ``by`` the person who gave
    it here.
    """

    authority: str
    kind: str
    role: str
    digest: str
    valid_until: str
    statement: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """
    A question or demand about data that was sent, and its answer (``gateway.core.notices``).

    ``kind`` is the message type, ``number`` the one in its body, ``on`` the ISO date it went or came, ``body`` what it
    says without any value of an element, ``answer`` the body of the answer.
    """

    kind: str
    ours: bool
    number: int
    on: str
    body: Mapping[str, Any]
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """
    What became of the remark that ``draft`` has in free words (``gateway.core.remark``).

    ``of`` is the digest of what was written, ``text`` what may leave of it once confirmed, ``digest`` the seal that
    whoever confirms it names. ``spans`` (start, end, type) say what was taken out of what was written, in code points.
    With any of ``reasons`` (codes) it is held for good; ``leaks`` are fields of the record that ``text`` still tells
    something of.

    ``author`` wrote it into the record. ``by`` confirmed it at the RFC 3339 instant ``at``, when ``record`` was the
    digest of ``draft``. ``sent`` says that it left, so that it is part of no further message.
    """

    language: str
    text: str
    digest: str
    of: str
    spans: tuple[tuple[int, int, str], ...] = ()
    reasons: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    by: str | None = None
    at: str | None = None
    record: str | None = None
    sent: bool = False
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """
    A remark told of a need for protection, or may have.

    ``asylum`` is the digest of the attestation that stood in the record then, ``on`` the ISO date.
    """

    asylum: str
    on: str


if TYPE_CHECKING:
    from dataclasses import replace as replace  # so that names and types of the members are checked
else:

    def replace(value, /, **changes):
        """
        Return ``value`` with ``changes``, as ``dataclasses.replace`` does; a case at once, and not member by member.

        A step makes a few new cases of one that has some forty members, and whoever tries steps makes millions.
        Raises ``TypeError`` where there is no such member.
        """
        if type(value) is not Case:
            return dataclasses.replace(value, **changes)
        members = {**value.__dict__, **changes}
        if len(members) != len(value.__dict__):
            raise TypeError(f"a case has no {sorted(changes.keys() - value.__dict__.keys())}")
        return _made(members)


@dataclass(frozen=True)
class Case:
    """
    One case. Its members are no slots: ``replace`` takes them all at once.

    ``resume_to`` is the state a frozen or suspended case returns to. ``holders`` are all who froze or suspended it and
    have not let go, as (person, role); ``released`` says that everyone did.
    ``asked`` are the elements a tier-2 question named. ``reply`` is the last reply's body and, on the requesting side,
    ``reply_digest`` the digest of the signed payload it came in. ``draft`` is the national record (requesting side),
    ``received`` the elements received (requested side).

    Of a return: ``record`` is the national record of it (schema ``return-record``), ``said`` the last body of each
    message type in either direction, ``releases`` the statements of the authorities on both sides.

    ``interview`` holds the ``proposal`` of an interview, its ``answer``, the ``consent`` to it and its ``result``;
    ``notices`` what was asked and demanded about data that was sent. ``exercise`` says that the person is invented.

    ``renditions`` are the images drawn anew of files that ``draft`` names, by member: ``of`` (digest of the file),
    ``wire`` (the element of a body) and ``removed``. Only the service that had them drawn writes them.

    ``withdraws_at`` is the full hour, an RFC 3339 instant, at which a withdrawal of ours may leave; until then the
    thread answers as in ``answers_as``: where it stood when that was decided, or where what came since led.

    ``answered`` is the digest that started the clock of the reply that was contested. That clock is answered, however
    long the second look takes; until the contest is receipted there is no other.

    ``remark`` is what became of the remark in ``draft``, ``remark_stop`` that one told of a need for protection.

    ``former`` are the elements a person is found by (``person_keys.FOUND_BY``) as they stood before each rectification:
    what was sent is known elsewhere under them, and another case may still have them.

    ``earlier`` is what was recorded of age and guardian before each restatement by the authority in charge: ``age`` and
    ``representative`` as in a draft, and ``until``, an RFC 3339 instant. ``renamed_at`` is the instant at which the
    desk itself last named another guardian in a draft, or none any more.

    ``accepted`` are the digests of the acceptances that were taken in the thread, whatever became of the return since:
    each is the answer to one proposal, and to no later one.

    ``reminders`` and ``delays`` count the reminders, and the notices of delay of either kind, that the thread saw.

    ``sent_back`` is the last word of each person against each body that was prepared.
    """

    ref: str
    side: Side
    partner: str
    thread: str
    state: State
    officer: str
    purpose: str
    clocks: tuple[Clock, ...] = ()
    pending: Pending | None = None
    draft: Mapping[str, Any] | None = None
    received: Mapping[str, Any] | None = None
    asked: tuple[str, ...] = ()
    reply: Mapping[str, Any] | None = None
    delay: Mapping[str, Any] | None = None
    contests: int = 0
    reminders: int = 0
    resume_to: State | None = None
    holders: tuple[tuple[str, str], ...] = ()
    freeze_reason: str | None = None
    released: bool = False
    resume_proposer: str | None = None
    findings: tuple[str, ...] = field(default=())
    reply_digest: str | None = None
    record: Mapping[str, Any] | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    releases: tuple[Release, ...] = ()
    interview: Mapping[str, Any] | None = None
    notices: tuple[Notice, ...] = ()
    exercise: bool = False
    renditions: Mapping[str, Any] = field(default_factory=dict)
    remark: Remark | None = None
    remark_stop: Stop | None = None
    withdraws_at: str | None = None
    answers_as: State | None = None
    answered: str | None = None
    former: tuple[Mapping[str, Any], ...] = ()
    accepted: tuple[str, ...] = ()
    earlier: tuple[Mapping[str, Any], ...] = ()
    delays: int = 0
    renamed_at: str | None = None
    sent_back: tuple[SentBack, ...] = ()

    @property
    def disputed(self) -> tuple[SentBack, ...]:
        """Return each word that stands against what is prepared now: none of whoever approved it since."""
        now = self.pending
        return tuple(one for one in self.sent_back if now and one.digest == now.digest and one.by != now.approver)

    @property
    def at(self) -> State | None:
        """Return the state that the case is in or, where it is stopped, the one in which it goes on."""
        return self.resume_to if self.state in HELD else self.state

    def sides(self, ours: str) -> tuple[str, str]:
        """Return the States of the case, the one that asks first; ``ours`` is our own."""
        return (ours, self.partner) if self.side is Side.REQUESTING else (self.partner, ours)

    def clock(self, step: str) -> Clock | None:
        """Return the clock of ``step``, or ``None`` if none was started."""
        return next((clock for clock in self.clocks if clock.step == step), None)

    def with_clocks(self, *clocks: Clock) -> "Case":
        """Return the case with each of ``clocks`` in place of any other clock of the same step; the last one counts."""
        if not clocks:
            return self
        by_step = {clock.step: clock for clock in clocks}
        return replace(self, clocks=(*(c for c in self.clocks if c.step not in by_step), *by_step.values()))

    def with_found(self, *found: str) -> "Case":
        """Return the case with each of ``found`` among its findings, once."""
        new = [one for one in dict.fromkeys(found) if one not in self.findings]
        return replace(self, findings=(*self.findings, *new)) if new else self


def with_finding(case: Case, kind: str, found: str, most: int, stays: Collection[str] = ()) -> Case:
    """
    Return the case with ``found``, which a text ``kind`` with places was made into, among its findings, once.

    Of that kind ``most`` stand there, but for those in ``stays``: a State may have a case find the like without end,
    and each save of a case writes all. The oldest go.
    """
    begins = kind.partition("%")[0]
    before = [one for one in case.findings if one.startswith(begins) and one != found and one not in stays]
    gone = before[: max(0, len(before) + 1 - most)]
    kept = tuple(one for one in case.findings if one not in gone)
    return replace(case, findings=kept if found in kept else (*kept, found))


def _made(members: dict[str, Any]) -> Case:
    """Return the case that has ``members``, which are all of its own: at once, and not member by member."""
    made = object.__new__(Case)
    object.__setattr__(made, "__dict__", members)
    return made


LEAST_SIZE = 4096
LEAST_FILE_SIZE = 8192
"""Bytes of a case as it is sealed: what another State asked fits the first, a national file the second."""


def serialize_case(case: Case) -> bytes:
    """
    Return ``case`` as JSON, for sealing.

    It never leaves the process in clear, so it needs no strict form; dates and instants are ISO 8601. Spaces fill it
    up to one of a few sizes: whoever holds a copy of the database and no key does not learn from its length how much a
    file says. Images are reckoned apart, or a name more would show where they nearly fill their size.
    """
    raw = orjson.dumps(case)
    least = LEAST_SIZE if case.draft is None else LEAST_FILE_SIZE
    images = sum(map(len, _IMAGES.findall(raw))) if b'"content' in raw else 0
    return raw.ljust(_filled(len(raw) - images, least) + (_filled(images, LEAST_SIZE) if images else 0))


_IMAGES = re.compile(rb'"content\\?":\\?"[A-Za-z0-9_-]{100,}')
"""The bytes of a page of an image, also within the text of a body that is prepared."""


def _filled(size: int, least: int) -> int:
    """Return to how many bytes ``size`` bytes are filled up: to ``least``, or to the next power of two."""
    return max(least, 1 << (size - 1).bit_length())


# What a case is without: the keys of each case that is read are these very strings, which Python finds at once.
_BLANK: Mapping[str, Any] = {one.name: None if one.default is MISSING else one.default for one in fields(Case)}
_NEEDED = frozenset(one.name for one in fields(Case) if one.default is one.default_factory is MISSING)


def parse_case(raw: bytes) -> Case:
    """
    Return the case that ``serialize_case`` made ``raw`` from.

    Raises ``TypeError`` where a member is missing that has no default, or for one that there is not.
    """
    value = orjson.loads(raw[: raw.rfind(b"}") + 1])  # the library looks at each space behind it
    value.pop("frozen_by", None)  # in rows of before; nobody asks for it
    pending = value["pending"]
    members = {
        **_BLANK,
        **value,
        "side": Side(value["side"]),
        "state": State(value["state"]),
        "clocks": tuple([Clock.from_dict(clock) for clock in value["clocks"]]),
        "pending": Pending(**pending) if pending else None,
        "asked": tuple(value["asked"]),
        "resume_to": State(value["resume_to"]) if value["resume_to"] else None,
        "answers_as": State(at) if (at := value.get("answers_as")) else None,
        "holders": tuple([(holder[0], holder[1]) for holder in value["holders"]]),
        "findings": tuple(value["findings"]),
        "said": value.get("said", {}),
        "releases": tuple([Release(**release) for release in value["releases"]]),
        "notices": tuple([Notice(**notice) for notice in value["notices"]]),
        "sent_back": tuple([SentBack(**word) for word in value.get("sent_back", ())]),
        "renditions": value.get("renditions", {}),
        "accepted": tuple(value.get("accepted", ())),
        "former": tuple(value.get("former", ())),
        "earlier": tuple(value.get("earlier", ())),
        "remark": _parse_remark(value.get("remark")),
        "remark_stop": Stop(**stop) if (stop := value.get("remark_stop")) else None,
    }
    if len(members) != len(_BLANK) or not value.keys() >= _NEEDED:
        raise TypeError(f"not the members of a case: {sorted(value.keys() ^ _BLANK.keys())}")
    return _made(members)


def _parse_remark(value: Mapping[str, Any] | None) -> Remark | None:
    if value is None:
        return None
    spans = tuple((start, end, kind) for start, end, kind in value["spans"])
    return Remark(**{**value, "spans": spans, "reasons": tuple(value["reasons"]), "leaks": tuple(value["leaks"])})
