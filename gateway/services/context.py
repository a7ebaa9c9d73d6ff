"""
What every service of one gateway shares: who we are, our keys, the law we reckon with, the ports.

Built once in ``gateway.app``. What comes later is taken into it: newer cards, ours too, the list of States not to be
contacted, an epoch that was begun, and whom to tell of what.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import schemas
from gateway.core.case import Case
from gateway.core.codes import PeerError, Reason
from gateway.core.exercise import MARK
from gateway.core.machine import Notify
from gateway.services.guests import Guests, is_guest
from gateway.services.ports import (
    GONE_BACK,
    Clock,
    Committed,
    GoneBack,
    Outdated,
    Peers,
    Random,
    Redacted,
    Redactor,
    Store,
    Tx,
    Unavailable,
    Unit,
)
from gateway.services.reckon import Reckoner
from gateway.services.trust import Trust
from keys import b64
from keys import statement as statements
from keys.card import Card, SealingEntry
from keys.cosign import Cosigner
from keys.errors import BadStatement, UnknownKey
from keys.rest import Vault
from keys.seal import SealingKey
from keys.sign import Signer

NOTICE = "case.notice"
"""Log event of a notice to a desk."""

_LINES: ContextVar[list[tuple[str, dict[str, Any]]] | None] = ContextVar("lines", default=None)


@dataclass(frozen=True, slots=True)
class Keyring:
    """
    Our own private keys: the one that signs messages and receipts, the one that signs checkpoints, those that open.

    ``sealing`` maps a raw key id (16 bytes) to the key; a destroyed key is simply not there, also once it is destroyed
    while the gateway runs. ``cosigning`` signs the checkpoints that are kept, of our own logs and of those we watch; a
    home made before it existed has none.
    """

    signing: Signer
    log: Signer
    sealing: dict[bytes, SealingKey]
    cosigning: Cosigner | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """
    A person or authority that acts here: id, roles, public signing key (32 bytes), first and last instant of office.

    ``deputy`` is the id of who acts during ``absences``, given by their first and last days at the desk. ``contact``
    is how the desk of this person is reached on duty.
    """

    id: str
    roles: frozenset[str]
    key: bytes
    active_from: datetime | None = None
    active_until: datetime | None = None
    deputy: str | None = None
    absences: tuple[tuple[date, date], ...] = ()
    contact: str = ""

    def is_away(self, on: date) -> bool:
        """Return whether the person is absent on the day ``on``; first and last day count."""
        return any(first <= on <= last for first, last in self.absences)

    def active(self, at: datetime) -> bool:
        """Return whether the person holds office at ``at``."""
        return (self.active_from is None or self.active_from <= at) and (
            self.active_until is None or at < self.active_until
        )


@dataclass(frozen=True, slots=True)
class Partner:
    """
    How we deal with one State: how messages reach it and whether it may be contacted at all.

    ``transmission`` is ``push`` (we post), ``pull`` (it collects from us) or ``collect`` (we post and also collect).
    ``no_contact`` is the reason two persons recorded, or ``None``.
    """

    country: str
    transmission: str
    no_contact: str | None


@dataclass(frozen=True, slots=True)
class Policy:
    """Choices of the operator that weaken no rule; durations in the unit of their name."""

    suites: frozenset[int] = frozenset({1, 2})
    auto_reminder: bool = True
    reminder_cooldown_days: int = 7
    message_days: int = 30
    envelope_days: int = 30
    images_days: int = 30
    closed_after_days: int = 60
    blocked_after_days: int = 180
    erased_after_days: int = 540
    in_flight: int = 32
    post_timeout_s: float = 20.0
    messages_a_day: int = 250_000
    mebibytes_a_day: int = 8192


class NoRedactor:
    """Stands where nothing can read free words: every text is held."""

    async def redact(self, text: str, language: str) -> Redacted:
        """Hold the text."""
        return Redacted((), ("recogniser-missing",), None)

    async def close(self) -> None:
        """Do nothing: it holds nothing."""


@dataclass(slots=True)
class Context:
    """
    Everything a service of one gateway needs.

    ``listed`` are the States of the no-contact list as it was last read; ``gateway.services.no_contact`` reads it.

    ``epoch`` is the one we number in, ``stored_epoch`` the one that the store had when this process began. Where
    another process has raised it since, or the store was put back, nothing is written any more and ``on_outdated`` is
    called. ``past`` is the last epoch that is over by what this home knows, 0 for none.

    ``tell`` tells a desk that a case moved, by reference, state and desk, once that is on disk; it neither waits nor
    fails. ``wake`` tells the delivery loop, on the loop's own thread and after the commit, that there is something to
    post; ``queued`` is set by a unit that queued it. ``own`` is our own card as published, ``windows`` the sealing
    windows it lists, by raw key id. ``believes`` says whether a process that serves believes its clock enough to end
    for good what is over, ``doubts`` what that clock said before it leapt, for a day, ``settled`` whether it went on so
    long that what lies ahead of it was entered by a wrong one. ``on_erased`` hears of a case, by its reference,
    before anything of it is destroyed. ``guests`` are who was invited to one case; nobody, where there are no desks.
    ``redactor`` reads free words.
    """

    country: str
    authority: str
    zone: str
    epoch: int
    store: Store
    peers: Peers
    clock: Clock
    random: Random
    keyring: Keyring
    trust: Trust
    vault: Vault
    reckoner: Reckoner
    persons: Mapping[str, Person]
    partners: Mapping[str, Partner]
    policy: Policy
    emit: Callable[..., None]
    stored_epoch: int | None = None
    past: int = 0
    on_outdated: Callable[[], None] = field(default=lambda: None)
    tell: Callable[[str, str, str], None] = field(default=lambda ref, state, desk: None)
    wake: Callable[[], None] = field(default=lambda: None)
    queued: bool = False
    listed: frozenset[str] = frozenset()
    own: Card | None = None
    windows: Mapping[bytes, SealingEntry] = field(default_factory=dict)
    on_erased: Callable[[str], None] = field(default=lambda ref: None)
    believes: Callable[[datetime], bool] = field(default=lambda now: True)
    doubts: Callable[[datetime], datetime | None] = field(default=lambda now: None)
    settled: Callable[[datetime], bool] = field(default=lambda now: True)
    guests: Guests = field(default_factory=Guests)
    redactor: Redactor = field(default_factory=lambda: NoRedactor())

    @property
    def suites(self) -> frozenset[int]:
        """Return the suites that both the configuration and the trustees allow."""
        allowed = self.trust.suites
        return self.policy.suites if allowed is None else self.policy.suites & allowed

    def surely(self, now: datetime) -> datetime:
        """Return an instant that is past for sure: ``now``, or what the clock said before it leapt ahead of that."""
        return min(now, self.doubts(now) or now)

    def opener(self, kid: bytes, at: datetime) -> SealingKey:
        """
        Return the private key ``kid`` (16 bytes) that may open at ``at``, in its window of our own card.

        Raises ``PeerError`` with ``unknown-key``: after its window a key opens nothing, destroyed or not (M-8.4).
        """
        key = self.keyring.sealing.get(kid)
        entry = self.windows.get(kid)
        if key is None or entry is None:
            raise PeerError(Reason.KEY_UNKNOWN)
        if not entry.is_active(at):
            raise PeerError(Reason.KEY_NOT_YET if at < entry.valid_from else Reason.KEY_DESTROYED)
        return key

    def is_revoked(self, kid: str) -> bool:
        """Return whether our own card lists the signing key ``kid`` as revoked, whatever the instant of that."""
        return self.own is not None and any(key.kid == kid and key.revoked_at is not None for key in self.own.signing)

    def vouches_for(self, kid: str, at: datetime) -> bool:
        """Return whether our own card lists the signing key ``kid`` as good at ``at``, and not as revoked."""
        keys = () if self.own is None else self.own.signing
        return any(key.kid == kid and key.is_active(at) and key.revoked_at is None for key in keys)

    def publish(self, card: Card) -> None:
        """Take ``card`` as our own published one: its sealing windows and its epoch are what partners go by."""
        self.own = card
        self.windows = {b64.decode(entry.kid): entry for entry in card.sealing}

    @property
    def announced(self) -> bool:
        """
        Return whether our card announces the epoch we number in; until then nothing is sent (M-5.27).

        Nor where it announces a later one: then the store was put back, or another process raised the epoch.
        """
        return self.own is not None and self.own.epoch == self.epoch

    def log(self, event: str, **values: Any) -> None:
        """Log ``event``; inside a unit, once it has committed, so that no line tells of what never happened."""
        lines = _LINES.get()
        if lines is None:
            self._say(event, values)
        else:
            lines.append((event, values))

    def log_fault(self, partner: str, type: str | None, error: Exception) -> None:
        """Log what a message of ``type`` met that the program did not expect: the kind of ``error``, never its text."""
        self.log("message.fault", partner=partner, type=type, error=error.__class__.__name__)

    def _say(self, event: str, values: Mapping[str, Any]) -> None:
        self.emit(event, **values)
        if event == NOTICE:
            self.tell(values["ref"], values["state"], values["desk"])

    async def commit(self, unit: Unit[Any], partner: str = "") -> Committed:
        """
        Commit ``unit`` as ``Store.commit`` does, and wake the delivery loop if something was queued in it.

        Raises ``Outdated`` too: a number of the old epoch would be refused, or be one that another process gave.
        """
        lines: list[tuple[str, dict[str, Any]]] = []

        async def heard(tx: Tx) -> Any:
            lines.clear()  # a unit may run twice
            await self._check_epoch(tx)
            token = _LINES.set(lines)
            try:
                return await unit(tx)
            finally:
                _LINES.reset(token)

        try:
            committed = await self.store.commit(heard, partner)
        except Outdated as error:
            self._end(error)
            raise
        for event, values in lines:
            self._say(event, values)
        if self.queued:
            self.queued = False
            self.wake()
        return committed

    async def every(self, seconds: float, work: Callable[[datetime], Awaitable[object]]) -> None:
        """
        Do ``work`` of this instant now and again each ``seconds`` after it is done, until cancelled.

        What cannot be done because the store cannot be had is logged, and done the next time.
        """
        while True:
            try:
                await work(self.clock.now())
            except Unavailable as error:
                self.unavailable(error)
            if is_ending():
                raise asyncio.CancelledError  # who goes through many things goes on after a failure, be it their end
            await self.clock.sleep(seconds)

    def clocks_are_apart(self, partner: str, ours: str) -> None:
        """Say that the clock of ``partner`` and ours, which is ``ahead`` or ``behind``, are so that one refuses."""
        hint = "see that the clock is right; if it is, tell the partner"
        self.log("clock.apart", partner=partner, code=ours, hint=hint)

    def unavailable(self, error: Unavailable) -> None:
        """
        Log that the store cannot be had, with the next step for an operator; where that lasts, this process ends.

        Raises ``CancelledError`` where the task was cancelled meanwhile: a store may fail of just that, and a loop that
        goes on after failures would never end.
        """
        self.log("store.unavailable", error=str(error), hint=error.hint)
        # Of what the desks keep nobody has said so yet: that is looked at as it is written.
        if isinstance(error, Outdated) and not error.is_logged:
            self._end(error)
        if is_ending():
            raise asyncio.CancelledError

    async def look(self, unit: Unit[Any] | None = None) -> Any:
        """
        Return what ``unit``, if there is one, reads in a store that this process may still go by.

        Raises ``Outdated`` if the store is in another epoch than this process, or has gone back; ``Unavailable``.
        """

        async def present(tx: Tx) -> Any:
            await self._check_present(tx)
            return None if unit is None else await unit(tx)

        try:
            return await self.store.read(present)
        except Outdated as error:
            self._end(error)
            raise

    async def _check_epoch(self, tx: Tx) -> int:
        """Return the epoch of the store. Raises ``Outdated`` if this process is in another one."""
        if (found := await tx.epoch()) not in (self.epoch, self.stored_epoch):
            raise Outdated(f"the store is in epoch {found}, this process in {self.epoch}", "start it again")
        return found

    async def _check_present(self, tx: Tx) -> None:
        if await self._check_epoch(tx) <= max(int(await tx.find_meta(GONE_BACK) or 0), self.past):
            raise GoneBack(
                "an older state was put in the place of the store: it would give the same numbers a second time",
                "stop every node; isthmus restore begin-epoch, then what it says, in its order, before any start; "
                "or put the newer state back",
            )

    def _end(self, error: Outdated) -> None:
        self.log("process.outdated", error=str(error), hint=error.hint)
        error.is_logged = True
        self.on_outdated()

    def new_ref(self, now: datetime, *, exercise: bool) -> str:
        """
        Return a reference for a case opened at ``now``: a UUIDv7 (RFC 9562 section 5.7) as 22 characters of base64url.

        It begins with the time, so that indexes over references grow at one end; every index grown in random places
        is a page more to write for each case. It is our own and never sent; the thread that partners know is random.
        """
        value = bytearray(int(now.timestamp() * 1000).to_bytes(6) + self.random.bytes(10))
        value[6], value[8] = value[6] & 0x0F | 0x70, value[8] & 0x3F | 0x80
        ref = b64.encode(bytes(value))
        return MARK + ref[len(MARK) :] if exercise else ref

    def no_contact(self, country: str) -> str | None:
        """Return why ``country`` may not be contacted, or ``None``; a State that is not configured may not be."""
        partner = self.partners.get(country)
        if partner is None:
            return "not configured as a partner"
        return partner.no_contact or ("on the list of States not to be contacted" if country in self.listed else None)

    def notify(self, case: Case, effect: Notify) -> None:
        """Tell a desk that a case moved: reference and state, never more."""
        self.log(NOTICE, ref=case.ref, state=case.state.value, desk=effect.desk)


def is_ending() -> bool:
    """Return whether the task that runs is being cancelled: a future below may be cancelled by itself too."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


class Forbidden(Exception):
    """The person is unknown, out of office, or lacks the role; says which, with the next step in ``hint``."""

    def __init__(self, reason: str, hint: str = "ask the operator to check 'persons' in the configuration") -> None:
        super().__init__(reason)
        self.hint = hint


class NotListed(Forbidden):
    """Our card does not list the key of a signature for the role in which it travels: the other State takes none."""


class NotFound(Exception):
    """There is no such case here. The same answer whether it never was or is somebody else's."""


class NoPartner(NotFound):
    """The State is no partner of this gateway."""

    def __init__(self, country: str) -> None:
        super().__init__(f"{country} is no partner of this gateway")


def acting(context: Context, person: str, role: str, at: datetime, ref: str = "") -> Person:
    """
    Return the person ``person`` if it holds office and ``role`` at ``at``.

    A guest is taken only by a service that names the case ``ref``, in which it may do what ``steps.move`` lets it. It
    has no key, so no statement is ever its. Raises ``Forbidden``.
    """
    found = context.persons.get(person)
    if found is None and ref and is_guest(person) and context.guests.invited(person, role, ref, at):
        return Person(person, frozenset({role}), b"")
    if found is None:
        raise Forbidden("who is named as acting is not a person of this gateway")  # it may be anybody's name
    if not found.active(at):
        raise Forbidden(f"'{person}' is not in office now")
    if role not in found.roles:
        raise Forbidden(f"'{person}' does not hold the role '{role}'")
    return found


def own_statement(
    signer: Person,
    role: str,
    statement: str,
    case: Case,
    kind: str,
    digest: str,
    at: datetime,
    *,
    called: str = "statement",
    hint: str = "sign the digest that was shown, with your own key",
) -> statements.Statement:
    """
    Return what ``statement`` (a JWS) says: an act of ``kind`` over ``digest`` in the thread of ``case``.

    It is by the key of ``signer``, in what ``role`` is called abroad, and valid at ``at`` (protocol section 6). Raises
    ``Forbidden`` if not, which names it as it is ``called`` here.
    """
    try:
        return statements.verify(
            statement.encode(),
            thread=case.thread,
            kind=kind,
            role=schemas.statement_roles()[role],
            digest=digest,
            key=signer.key,
            now=at,
        )
    except BadStatement as error:
        raise Forbidden(f"the {called} does not verify: {error}", hint) from error


def check_listed(context: Context, statement: str, role: str, at: datetime) -> None:
    """
    Return if our own card lists the key of ``statement`` at ``at`` for what ``role`` is called abroad.

    One that travels is refused by the other State otherwise, so it is said before it does. Raises ``NotListed``, and
    ``BadStatement`` for what is none.
    """
    kid, abroad = statements.parse(statement.encode())[1].kid, schemas.statement_roles()[role]
    try:
        if context.own is None:
            raise UnknownKey("we have no card yet")
        context.own.role_key(kid, abroad, at)
    except UnknownKey as error:
        raise NotListed(
            f"our card does not list this key for the role '{abroad}'", f"isthmus keys card --add-role {abroad}=KEY"
        ) from error
