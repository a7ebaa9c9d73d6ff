"""
What is kept of accounts, as values, how long each lasts, and the port of the store that keeps them.

Rule 1: a token stands here as its SHA-256 alone, and what a person typed is sealed before it comes here.
Rule 2: whatever may be used once is used up in one step of the store, so of two that come together one is too late.

``accounts`` and ``papers`` say what is done with them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from gateway.core.wire import SKEW
from gateway.services.guests import is_guest

IDLE = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=10)
"""How long a session lasts without a step, and at most: a working day (OWASP ASVS 5.0, 7.3.1 and 7.3.2)."""

SEEN_EVERY = timedelta(minutes=1)
"""How exactly a step is noted: a write for every page would be one for every look at a queue."""

FRESH = timedelta(minutes=5)
"""How long a proof of presence stands for acts that ask for one."""

CHALLENGE_LASTS = timedelta(minutes=5)
DRAFT_LASTS = timedelta(hours=24)
DRAFTS_MAX = 100
"""
How many places one person may have something typed at: a form may be sent to any address, with 256 KiB in it.

A reason to see a case is one of them.
"""

ONCE_LASTS = timedelta(hours=24)
WORK_LASTS = timedelta(days=30)
"""How long what somebody is writing is kept after its last change."""

WORKS_MAX = 50
"""How much a person may have begun at once; who has more forgets what is in it."""

EVENT_LASTS = timedelta(days=400)
LINK_MAX = timedelta(days=14)
"""How long a link may be good for; it lies in a mailbox until it is used."""
LINK_LATEST = LINK_MAX + SKEW
"""How far off its end lies at most: a later one was set by a clock further ahead than those of two nodes may differ."""

REQUEST_LASTS = timedelta(days=1)
"""How long an operator's word that a link is needed waits for another operator's."""

INVITATION_MAX = timedelta(days=180)

TOKEN_BYTES = 32
CODE_STEP_S = 30
CODE_DRIFT = 1
"""Steps of 30 s that a telephone's clock may be off to either side (RFC 6238 section 5.2)."""

FREE_ATTEMPTS = 3
BACK_OFF = timedelta(seconds=30)
BACK_OFF_MAX = timedelta(minutes=15)
ATTEMPTS_MAX = 20
"""
Wrong codes in a row before codes of the person are refused until a passkey or a new link is used.

Three are free, then each doubles the wait. Twenty guesses of three valid codes in a million are one chance in 16,000.
"""

ATTEMPTS_LAST = timedelta(days=30)
UNKNOWN_BUCKETS = 256
"""Counters for ids that are no person's: guesses at those are slowed alike and cannot fill the file."""

LEVELS = ("link", "openid", "code", "passkey")
PRESENT = frozenset({"passkey", "code"})
"""Levels that may prove presence: something of the person's own, which sign-on elsewhere and a link are not."""

DESKS = ("interior", "board", "operator")
_DESK_OF_ROLE: Mapping[str, str] = {"foreign_affairs": "board", "operator": "operator"}


def desk_of(role: str) -> str:
    """Return the desk at which ``role`` works."""
    return _DESK_OF_ROLE.get(role, "interior")


def hashed(token: str) -> str:
    """Return what is kept of a token: its SHA-256 in hexadecimal. The token has 256 random bits, so no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_open(opened_at: datetime, seen_at: datetime, at: datetime) -> bool:
    """
    Return whether a session that was opened and last seen then lasts at ``at``.

    Nor does it if either lies as far ahead: the clock was ahead by then, and it would last as much longer.
    """
    return abs(at - seen_at) < IDLE and abs(at - opened_at) < ABSOLUTE


@dataclass(frozen=True, slots=True)
class Invitation:
    """
    Leave for one person to see one case in one role, until an instant, unless revoked before.

    ``person`` is a person of the configuration, or an id drawn for a guest, who is nobody without the invitation.
    """

    id: str
    ref: str
    role: str
    person: str
    by: str
    made_at: datetime
    until: datetime
    revoked_at: datetime | None = None

    def stands(self, at: datetime) -> bool:
        """Return whether it may be used at ``at``; one that lasts too long was made by a clock that was ahead."""
        return self.revoked_at is None and at < self.until <= at + INVITATION_MAX + SKEW


@dataclass(frozen=True, slots=True)
class Session:
    """
    One person at one desk in one browser.

    ``id`` is the SHA-256 of the token in the cookie. ``fresh_at`` is when the person last proved presence with a
    passkey or a code, ``None`` if not in this session. ``enrolling`` allows nothing but to take up a way of signing in.
    ``told`` is a banner to show once, behind the path of its page and a line feed.
    """

    id: str
    person: str
    desk: str
    csrf: str = field(repr=False)
    opened_at: datetime
    seen_at: datetime
    level: str
    fresh_at: datetime | None = None
    invitation: Invitation | None = None
    enrolling: bool = False
    told: str = ""
    language: str = ""

    def lasts(self, at: datetime) -> bool:
        """Return whether neither of the two limits has passed at ``at``."""
        return is_open(self.opened_at, self.seen_at, at)

    def is_fresh(self, at: datetime) -> bool:
        """Return whether the person proved presence in the last five minutes."""
        return self.fresh_at is not None and self.fresh_at <= at < self.fresh_at + FRESH

    @property
    def is_unproved(self) -> bool:
        """
        Return whether only the link of an invitation says that this is the person, who has a place here.

        The desk that made the link holds it first: whoever has means of their own proves it with these.
        """
        return self.invitation is not None and self.level == "link" and not is_guest(self.person)


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link: for whom, at which desk, for ``enrol``, ``sign-in`` or ``invitation``, until when."""

    id: str
    person: str
    desk: str
    purpose: str
    made_at: datetime
    until: datetime
    used_at: datetime | None = None
    invitation: str | None = None


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey: ``id`` is its credential id (base64url), ``key`` the COSE public key, ``count`` its last counter."""

    id: str
    person: str
    key: bytes
    count: int
    transports: tuple[str, ...]
    name: str
    added_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CodeSecret:
    """The secret of an authenticator app, sealed; ``last_step`` is the last step of 30 s whose code was used."""

    person: str
    sealed: bytes = field(repr=False)
    last_step: int
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Challenge:
    """
    What a ceremony began with. ``id`` is the SHA-256 of the challenge, which is taken once, for its ``use``.

    ``binding`` ties it to a session (its id) or, before there is one, to a cookie (its SHA-256). ``sealed`` is what the
    ceremony needs at its end.
    """

    id: str
    use: str
    binding: str
    person: str | None
    sealed: bytes = field(repr=False)
    until: datetime


SEALED = "~"
"""How what is sealed begins in a column of text; nothing in base64url does."""


@dataclass(frozen=True, slots=True)
class Approval:
    """
    What a person approved, and what proves it.

    ``digest`` is that of the bytes approved and ``challenge`` what was signed over (base64url). With a passkey the
    assertion stands beside it, and anyone with the public key can check it; with a code there is none.

    In the store ``digest`` and ``salt`` are sealed: with either in clear whoever has the file and a list of names could
    compose bodies and compare. Both are empty once the case is erased. What is left proves that the person approved
    something then, in this case and role; what it was is gone with the case, so there is nothing left to prove it of.
    """

    ref: str
    thread: str
    kind: str
    role: str
    digest: str
    person: str
    how: str
    challenge: str
    salt: str
    session: str
    at: datetime
    credential: str = ""
    public_key: bytes = b""
    authenticator_data: bytes = b""
    client_data: bytes = b""
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """Something that happened to a person's account: ``event`` with its ``detail``, at a desk."""

    person: str
    at: datetime
    event: str
    detail: str
    desk: str


@dataclass(frozen=True, slots=True)
class Snooze:
    """A case put aside on the board by one person until an instant, with a reason code."""

    ref: str
    person: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Work:
    """
    Something a person is writing: ``fields`` as typed, for the case ``ref`` or, if that is empty, for a new one.

    ``version`` is what a change is made to: if it is another by now, somebody else was first. ``base`` is the draft of
    the case as it was when it was copied; a copy that an older release made has none.
    """

    id: str
    person: str
    ref: str
    made_at: datetime
    changed_at: datetime
    version: int = 1
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    base: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """
    What became of a form's token: ``new``, ``running`` (the first is still at work) or ``done`` at ``location``.

    ``typed`` is a digest of what stood in the form that is done; empty where an earlier version kept none.
    """

    state: str
    location: str = ""
    typed: str = ""


class AccountStore(Protocol):
    """Where all of this is kept. Each method is one transaction; ``Unavailable`` if the store cannot serve now."""

    async def add_session(
        self, session: Session, told: bytes, instead_of: str | None, *, by_means: bool = False
    ) -> bool:
        """
        Keep ``session``; ``instead_of`` ends in the same step. ``False``, and nothing kept, if that had ended.

        With ``by_means`` its level was proved just now: ``False`` too if its person has no such means any more.
        """
        ...

    async def find_session(self, id: str) -> tuple[Session, bytes] | None:
        """Return a session, its invitation as it stands now, and its sealed banner, whether or not it still lasts."""
        ...

    async def touch_session(self, id: str, seen_at: datetime) -> None:
        """Note when the session was last seen."""
        ...

    async def date_session_back(self, id: str, seen_at: datetime) -> None:
        """Note that the session was last seen then and not later, as a clock said that was ahead."""
        ...

    async def tell_session(self, id: str, told: bytes) -> None:
        """Keep a sealed banner; an empty one takes it away."""
        ...

    async def set_language(self, id: str, language: str) -> None:
        """Keep the language chosen in a session."""
        ...

    async def sessions(self, person: str) -> Sequence[tuple[str, str, datetime, datetime]]:
        """Return id, desk, when it was opened and when it was last seen of each session of ``person`` that is kept."""
        ...

    async def end_sessions(self, *, id: str | None = None, person: str | None = None, but: str | None = None) -> int:
        """End one session, or those of a person (but one); return how many ended."""
        ...

    async def add_link(self, link: Link) -> None:
        """Keep a link."""
        ...

    async def find_link(self, id: str) -> Link | None:
        """Return a link, used or not."""
        ...

    async def drop_links(self, person: str) -> int:
        """Remove the links of a person that were not used, but for those of invitations; return how many."""
        ...

    async def ask_link(self, person: str, desk: str, by: str, at: datetime) -> None:
        """Keep that ``by`` asked for a link, in place of what was asked before."""
        ...

    async def link_asked(self, person: str, desk: str, since: datetime, until: datetime, *, take: bool) -> str | None:
        """
        Return who asked for a link after ``since``, up to ``until``; with ``take`` it is used up in the same step.
        """
        ...

    async def use_link(self, id: str, at: datetime) -> Link | None:
        """Use a link up and return it; ``None`` if it was used, is over, or never was."""
        ...

    async def add_invitation(self, invitation: Invitation) -> None:
        """Keep an invitation."""
        ...

    async def find_invitation(self, id: str) -> Invitation | None:
        """Return an invitation."""
        ...

    async def revoke_invitation(self, id: str, at: datetime) -> bool:
        """Revoke an invitation, its links and its sessions; return whether it stood."""
        ...

    async def renew_invitation(self, id: str, until: datetime) -> bool:
        """Let an invitation last until another instant, with new links alone; ``False`` if it was revoked."""
        ...

    async def invitations(self, ref: str) -> Sequence[Invitation]:
        """Return the invitations to a case, the latest first."""
        ...

    async def standing_invitations(self, at: datetime) -> Sequence[Invitation]:
        """Return every invitation that stands at ``at``."""
        ...

    async def add_passkey(self, passkey: Passkey, session: str | None = None) -> bool:
        """
        Keep a passkey; with the id of a session, only while that lasts, in one step: else ``False``.

        Raises ``Conflict`` if its credential id is known.
        """
        ...

    async def find_passkey(self, id: str) -> Passkey | None:
        """Return a passkey by credential id."""
        ...

    async def passkeys(self, person: str) -> Sequence[Passkey]:
        """Return the passkeys of a person, the oldest first."""
        ...

    async def use_passkey(self, id: str, was: int, count: int, at: datetime) -> bool:
        """Set the counter from ``was`` to ``count``; return ``False`` if it was another by now."""
        ...

    async def drop_passkey(self, person: str, id: str) -> bool:
        """
        Remove a passkey of this person; return whether it was there, and not the last of their means.

        It is one step: of two that are removed at once one stays.
        """
        ...

    async def drop_means(self, person: str) -> tuple[int, int]:
        """
        Remove every passkey and the codes of a person, end the sessions, and let links that were not used be over.

        It is one step. Returns how many means there were, and how many sessions ended.
        """
        ...

    async def set_code(self, secret: CodeSecret, session: str | None = None) -> bool:
        """Keep the secret of a person's codes instead of the one before; with a session, as ``add_passkey``."""
        ...

    async def find_code(self, person: str) -> CodeSecret | None:
        """Return the secret of a person's codes."""
        ...

    async def use_code(self, person: str, step: int) -> bool:
        """Take ``step`` as used; return ``False`` if it or a later one was."""
        ...

    async def drop_code(self, person: str) -> bool:
        """Remove the secret of a person's codes, as ``drop_passkey``."""
        ...

    async def try_code(self, key: str, at: datetime) -> bool:
        """Count an attempt as failed before it is looked at; ``False`` if the next is not due or too many were."""
        ...

    async def clear_attempts(self, key: str) -> None:
        """Forget the failed attempts."""
        ...

    async def add_challenge(self, challenge: Challenge) -> None:
        """Keep a challenge."""
        ...

    async def find_challenge(self, id: str) -> Challenge | None:
        """Return a challenge without taking it."""
        ...

    async def take_challenge(self, id: str) -> Challenge | None:
        """Remove a challenge and return it; ``None`` if it was taken or never was."""
        ...

    async def add_draft(self, person: str, place: str, sealed: bytes, until: datetime) -> None:
        """Keep a draft for a place instead of the one before; of more than ``DRAFTS_MAX`` those that end first go."""
        ...

    async def find_draft(self, person: str, place: str, at: datetime) -> bytes | None:
        """Return a draft, which stays; ``None`` if there is none or it is over."""
        ...

    async def take_draft(self, person: str, place: str, at: datetime) -> bytes | None:
        """Remove a draft and return it; ``None`` if there is none or it is over."""
        ...

    async def draft_places(self) -> Sequence[str]:
        """Return the places at which anybody's draft is kept."""
        ...

    async def drop_drafts(self, place: str) -> int:
        """Remove everybody's drafts for ``place`` and the places below it; return how many there were."""
        ...

    async def claim(self, token: str, until: datetime) -> Claim:
        """Take a form's token, or say what became of it."""
        ...

    async def finish(self, token: str, location: str) -> None:
        """Say where the form with this token led."""
        ...

    async def release(self, token: str) -> None:
        """Give a token back whose form led nowhere."""
        ...

    async def add_approval(self, approval: Approval) -> None:
        """Keep an approval."""
        ...

    async def approvals(self, ref: str) -> Sequence[Approval]:
        """Return the approvals of a case, the oldest first."""
        ...

    async def approval_refs(self) -> Sequence[str]:
        """Return the references of the cases of which an approval says what was approved."""
        ...

    async def approvals_in_clear(self) -> Sequence[Approval]:
        """Return the approvals whose digest is not sealed."""
        ...

    async def seal_approval(self, challenge: str, digest: str, salt: str) -> None:
        """Keep ``digest`` and ``salt`` in place of those of the approval of ``challenge``."""
        ...

    async def blind_approvals(self, ref: str) -> int:
        """Remove from the approvals of a case what a body could be tried by; return how many there were."""
        ...

    async def add_event(self, event: AccountEvent) -> None:
        """Keep an event of an account."""
        ...

    async def events(self, person: str, limit: int) -> Sequence[AccountEvent]:
        """Return the events of an account, the latest first."""
        ...

    async def has_event(self, person: str, event: str) -> bool:
        """Return whether ``event`` is among the events of an account that are kept."""
        ...

    async def set_snooze(self, snooze: Snooze) -> None:
        """Put a case aside for a person instead of the snooze before."""
        ...

    async def snoozes(self, person: str, at: datetime) -> Sequence[Snooze]:
        """Return the snoozes of a person that stand at ``at``."""
        ...

    async def drop_snooze(self, ref: str, person: str) -> None:
        """Take a case up again."""
        ...

    async def add_work(self, work: Work, sealed: bytes, most: int) -> bool:
        """Keep something new that a person is writing; ``False`` if they have ``most`` already."""
        ...

    async def find_work(self, person: str, id: str) -> tuple[Work, bytes] | None:
        """Return what this person is writing under ``id``, with its sealed fields."""
        ...

    async def save_work(self, work: Work, sealed: bytes) -> bool:
        """Keep the change made to ``work.version``; ``False`` if it is another by now, or gone."""
        ...

    async def drop_work(self, person: str, id: str) -> bool:
        """Remove it; return whether it was there."""
        ...

    async def works(self, person: str) -> Sequence[Work]:
        """Return what a person is writing, without the fields, the latest first."""
        ...

    async def work_refs(self) -> Sequence[str]:
        """Return the references of the cases of which somebody is changing a copy."""
        ...

    async def drop_works(self, ref: str) -> Sequence[str]:
        """Remove what anybody is writing for the case ``ref``; return the ids it had."""
        ...

    async def sweep(self, at: datetime, *, believed: bool = True) -> int:
        """
        Delete what is over at ``at`` and return how many rows went.

        Where the clock is not ``believed`` only what strangers can make as much of as they like goes.
        """
        ...
