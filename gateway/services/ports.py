"""
What the services need from the outside, and what it may answer in place of it.

Rule 1: a service sees the world only through this file: time, randomness, the store, the partners' doors.
Rule 2: a unit of work is an ``async`` function of one ``Tx``. It never awaits anything but the ``Tx``, so an embedded
store can run it to its end inside one thread, and a server store can await it for real. It may run more than once, so
it changes nothing but what it writes.

The rows that the store keeps are in ``rows``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from gateway.core.attachments import Rendition
from gateway.core.person_keys import PersonValue
from gateway.services.rows import (
    AccessRow,
    ApartRow,
    CaseRow,
    ConflictRow,
    EventRow,
    InboundRow,
    KeptRow,
    LogEntry,
    LogHead,
    NoContactRow,
    OpeningRow,
    OutboundRow,
    PartnerRow,
    ReleaseRow,
    SealingEnd,
    Shared,
    ThreadRow,
    Trace,
    TrustEvent,
    WitnessedRow,
)

T = TypeVar("T")


class Unavailable(Exception):
    """
    Say that the store or a partner cannot serve now; nothing was stored and the same call may be made again.

    ``hint`` is the next step for an operator, in one line.
    """

    def __init__(self, reason: str, hint: str = "try again later") -> None:
        super().__init__(reason)
        self.hint = hint


class Unsaid(Unavailable):
    """Say that the store was lost while it committed, and does not say whether it did: nobody knows what was stored."""


class Outdated(Unavailable):
    """
    Say that this process goes by another state than the store has: it has to be started again, and wrote nothing.

    Its epoch is another one, or what it stored last is not there: an older database was put in its place. Or a newer
    version has changed the schema of the store.
    """

    is_logged = False
    """Whether the log says so already."""


class GoneBack(Outdated):
    """Say that an older state was put in the place of the store: what is done there begins with another epoch."""


GONE_BACK = "gone-back"
"""
Name of the value that tells whoever starts over a store that it has gone back: the last epoch it was seen in before. It
holds for that epoch and those before.
"""


CARD_EPOCHS = "epochs:"
"""Begins the name, before a partner's code, of the value that tells in which epochs its cards were (``epochs``)."""


PERSON_INDEX = "person_index"
"""Name of the value that tells how persons are entered, so that their other cases are found (``person_stop.mark``)."""


class Conflict(Exception):
    """Say that a row changed between reading and writing it; the caller reads again."""


class Changed(Conflict):
    """Say that a case is not what the person who acts on it saw: they look again before they repeat the step."""


class BadValue(Exception):
    """
    Say that a value is one that no store can hold, and so none that is looked for: what was given has to be mended.

    A NUL or half of a surrogate pair in a text, or a number beyond 64 bits. It quotes nothing.
    """

    def __init__(self) -> None:
        super().__init__("a text holds a character that is none, or a number is too large")


class Clock(Protocol):
    """Time, injected so that a whole network of gateways runs under a simulated clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of this clock."""
        ...


class Random(Protocol):
    """Randomness, injected; live it is the operating system's."""

    def token(self) -> str:
        """Return 16 random bytes as base64url without padding (22 characters)."""
        ...

    def bytes(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        ...

    def spread(self) -> float:
        """Return a number in [0, 1) for the jitter of a retry."""
        ...


class Renderer(Protocol):
    """What draws an image anew from its pixels, apart from everything else (``gateway.transport.renderer``)."""

    async def render(self, raw: bytes, member: str) -> Rendition:
        """Return what was drawn of the file ``raw`` for an element. Raises ``NotRendered``, which says why not."""
        ...


class Redacted(NamedTuple):
    """
    What a recogniser made of a text: where something is to be taken out, and whether the text is held at all.

    ``spans`` are (start, end, type) in code points of the text, in order; ``reasons`` codes, with any of which the text
    is held; ``language`` what it was found to be in, ``None`` if that is not known.
    """

    spans: tuple[tuple[int, int, str], ...]
    reasons: tuple[str, ...]
    language: str | None


class Redactor(Protocol):
    """What reads free words and says what must not leave, apart from everything else."""

    async def redact(self, text: str, language: str) -> Redacted:
        """
        Return what is to be taken out of ``text``, said to be in ``language``.

        Raises nothing: whatever goes wrong is a reason for which the text is held.
        """
        ...

    async def close(self) -> None:
        """Let go of whatever it holds."""
        ...


class Draft(NamedTuple):
    """
    Something a unit asks the batch to log.

    With ``claims`` (receipt claims as bytes) the batch signs a receipt and makes the answer of inbound (partner,
    digest). With ``receipt`` (one we received) it only enters it. Exactly one of the two is set.
    """

    partner: str
    digest: str
    claims: bytes | None
    receipt: bytes | None


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signer makes of a batch: entries in order, answers (``None`` for entered ones), new heads."""

    entries: Sequence[LogEntry]
    answers: Sequence[bytes | None]
    heads: Mapping[str, LogHead]


class SignBatch(Protocol):
    """Sign a batch once: receipts, entries, a checkpoint for each partner, proofs. The store holds no key."""

    def __call__(self, heads: Mapping[str, LogHead], drafts: Sequence[Draft]) -> Signed:
        """Return the signed batch. ``heads`` is keyed by partner and holds every partner named in ``drafts``."""
        ...


class Tx(Protocol):
    """One unit's view of the store. Every ``find_`` returns ``None`` or an empty tuple where there is nothing."""

    async def find_case(self, ref: str) -> CaseRow | None: ...
    async def save_case(self, row: CaseRow) -> None:
        """
        Store a new case (version 1) or the next version of a stored one.

        Raises ``Conflict`` if the version is not the next, if the reference is taken, or if the row has a key
        or sealed bytes of a case that was erased meanwhile.
        """
        ...

    async def cases(
        self,
        states: Sequence[str],
        *,
        limit: int = 1000,
        unmoved_since: datetime | None = None,
        after: CaseRow | None = None,
    ) -> Sequence[CaseRow]:
        """
        Return cases in ``states``, soonest due first; with ``unmoved_since`` those alone that last moved before it.

        At most ``limit``, and fewer if they are large: none only if there is none. With ``after`` those that come
        behind the place that this row had when it was read.
        """
        ...

    async def find_asked(self, partner: str, thread: str, states: Sequence[str]) -> str | None:
        """Find the reference of the case of ``thread`` in which we ask ``partner``, if it is in one of ``states``."""
        ...

    async def case_refs(self, after: str, limit: int) -> Sequence[str]:
        """Return references of cases that come behind ``after``, in their order, erased ones too."""
        ...

    async def erased_refs(self) -> Sequence[str]:
        """Return the references of all cases that were erased, in their order."""
        ...

    async def not_erased(self, refs: Sequence[str]) -> Sequence[str]:
        """Return those of ``refs``, one at least, that are references of cases which are not erased, in no order."""
        ...

    async def add_event(self, row: EventRow) -> None:
        """Add a step of a case, which is stored; of an erased one without digest and sealed bytes."""
        ...

    async def events(self, ref: str, after: int = 0) -> Sequence[EventRow]:
        """Return the steps of a case in order, those alone with a number above ``after``."""
        ...

    async def last_event(self) -> int:
        """Return the number of the step of any case that was added last, for ``events``; 0 if there is none."""
        ...

    async def extent(self) -> int:
        """Return a number that rises with each step, message of ours and entry of a log, and never falls."""
        ...

    async def find_thread(self, partner: str, thread: str) -> ThreadRow | None: ...
    async def threads(self, partner: str, after: str = "", limit: int = ...) -> Sequence[ThreadRow]:
        """Return the threads with a partner, by name, at most ``limit`` of those behind ``after``."""
        ...

    async def save_thread(self, row: ThreadRow) -> None:
        """Store where a thread stands. Raises ``Conflict`` if it belongs to another case: a thread has one."""
        ...

    async def count_from(self, partner: str, epoch: int) -> None:
        """Let all that ``partner`` said in epochs below ``epoch`` count as said in that one."""
        ...

    async def find_inbound(self, partner: str, digest: str) -> InboundRow | None: ...
    async def find_inbound_by_id(self, partner: str, id: str) -> InboundRow | None: ...
    async def find_inbound_by_envelope(self, envelope_id: bytes) -> InboundRow | None: ...
    async def inbound_of_case(self, ref: str, last: int | None = None, *, bare: bool = False) -> Sequence[InboundRow]:
        """
        Return the messages received in a case, or as many of them that came ``last``, in order of arrival.

        ``bare`` ones come without their signed bytes, which may be 4 MiB each; saved so, they lose them.
        """
        ...

    async def count_accepted(self, ref: str, type: str) -> int:
        """Return how many messages of ``type`` were accepted in a case."""
        ...

    async def add_inbound(self, row: InboundRow) -> None:
        """Store a received message. Raises ``Conflict`` if its (partner, digest) is stored."""
        ...

    async def save_inbound(self, row: InboundRow) -> None:
        """Store a received message anew. Raises ``Conflict`` if it is not stored."""
        ...

    async def find_outbound(self, partner: str, id: str) -> OutboundRow | None: ...
    async def find_outbound_again(self, known: OutboundRow) -> OutboundRow | None:
        """
        Find how a message that was read before stands now, but for its bytes: those are as they were in ``known``.

        Saving it leaves the bytes in the store as they are by then, dropped or sealed anew.
        """
        ...

    async def find_outbound_by_digest(self, partner: str, digest: str) -> OutboundRow | None: ...
    async def outbound_of_case(self, ref: str) -> Sequence[OutboundRow]:
        """Return the messages of a case, in the order of queueing."""
        ...

    async def queued_of_case(self, ref: str) -> Sequence[OutboundRow]:
        """Return the messages of a case that were queued and never posted, in the order of queueing."""
        ...

    async def outbound_since(
        self, partner: str, since: datetime, after: OutboundRow | None = None, limit: int = ...
    ) -> Sequence[OutboundRow]:
        """
        Return the messages to a partner that could leave at ``since`` or later, in the order of queueing.

        They are at most ``limit``, those behind ``after`` where one of them is named.
        """
        ...

    async def count_waiting(self, partner: str, thread: str) -> int:
        """Return how many messages to a partner in a thread are queued or posted."""
        ...

    async def count_of_nothing(self, partner: str, most: int) -> int:
        """Return how many messages to a partner wait that are in a thread and of no case; of more, ``most``."""
        ...

    async def waiting_outbound(
        self, partner: str, after: OutboundRow | None = None, limit: int = ...
    ) -> Sequence[OutboundRow]:
        """
        Return what is queued or posted and has no answer, in the order of queueing, whenever it may leave.

        It is at most ``limit`` messages, those behind ``after`` where one is named.
        """
        ...

    async def waiting_in(self, partner: str, thread: str | None) -> Sequence[OutboundRow]:
        """Return the same of one ``thread``, or of what is in none: of all that waits there may be very much."""
        ...

    async def save_outbound(self, row: OutboundRow) -> None:
        """Store a message to send, or how far delivery of one is: what it says, all but its envelope, never changes."""
        ...

    async def partners_due(self, now: datetime) -> Sequence[str]:
        """Return the partners for which ``due_outbound`` finds something, or would if nobody else were claiming it."""
        ...

    async def due_outbound(self, now: datetime, limit: int, partner: str) -> Sequence[OutboundRow]:
        """
        Return messages to ``partner`` to post now: in state queued or posted, ``not_before`` and ``next_try_at`` past,
        and with no earlier number of the same thread, of this epoch or one before, queued or posted (stop and wait).
        """
        ...

    async def collectable_outbound(self, now: datetime, limit: int, partner: str) -> Sequence[OutboundRow]:
        """Return the same for a partner that collects, in the order of queueing, however often they were fetched."""
        ...

    async def expired_outbound(self, now: datetime, limit: int) -> Sequence[OutboundRow]:
        """Return messages queued or posted whose ``expires_at`` is past, the oldest first, without their bytes."""
        ...

    async def hasten_outbound(self, now: datetime, latest: datetime, dated: datetime) -> int:
        """
        Set the next attempt of what waits, and would be tried later than ``latest``, to ``now``; return how many.

        What is not to leave before an instant of its own (``not_before``) still does not. What has none, and was queued
        later than ``dated``, does: it waited for the day of the clock that was ahead then.
        """
        ...

    async def hasten_bound(self, type: str, at: datetime, latest: datetime) -> int:
        """
        Let what was never posted of ``type``, and is not to leave before an instant after ``latest``, leave from ``at``
        on; return how many that were.
        """
        ...

    async def hasten_posted(self, partner: str, at: datetime, latest: datetime) -> int:
        """Set the next attempt of what was posted to ``partner`` and would be tried after ``latest`` to ``at``."""
        ...

    async def find_partner(self, country: str, *, held: bool = True) -> PartnerRow | None:
        """Find what is known of a partner; where it is not ``held`` another node may change it but for its hold."""
        ...

    async def save_partner(self, row: PartnerRow) -> None: ...
    async def card_ends(self) -> Mapping[str, bytes]:
        """Return the last ``CARD_END`` bytes of the card held of each partner, by country; of one without none."""
        ...

    async def add_trust_event(self, row: TrustEvent) -> None: ...
    async def trust_events(self, after: int = 0) -> Sequence[TrustEvent]:
        """Return what was decided about States with a number above ``after``, in order."""
        ...

    async def add_access(self, row: AccessRow) -> None: ...
    async def accesses(self, ref: str) -> Sequence[AccessRow]:
        """Return every look at a case, in order."""
        ...

    async def save_person_values(self, ref: str, values: Sequence[PersonValue], stop: bool) -> None:
        """Store the keyed values of the person of a case in place of those it had; none of an erased case."""
        ...

    async def shared(self, ref: str, *, stopped: bool = False, number: bool = False) -> Sequence[Shared]:
        """
        Return the other cases that share a value with ``ref``, by reference; with ``stopped`` only those.

        With ``number`` only those whose files both have it, and of what they share the numbers.
        """
        ...

    async def find_apart(self, ref: str, other: str) -> ApartRow | None: ...
    async def save_apart(self, row: ApartRow) -> None: ...
    async def drop_apart(self, ref: str, other: str) -> None: ...
    async def find_opening(self, key: bytes) -> OpeningRow | None: ...
    async def add_opening(self, row: OpeningRow) -> None:
        """Enter what a case was opened for. Raises ``Conflict`` if the key is there."""
        ...

    async def purge_openings(self, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` rows of what cases were opened for before an instant; return how many went."""
        ...

    async def no_contacts(self) -> Sequence[NoContactRow]:
        """Return every entry of the list that is not lifted, proposals too, by country."""
        ...

    async def save_no_contact(self, row: NoContactRow) -> None:
        """Store a new entry (number 0) or a stored one anew. Raises ``Conflict`` if the State has another open one."""
        ...

    async def log_head(self, partner: str) -> LogHead | None:
        """Find the end of the log about a partner that is appended to."""
        ...

    async def log_entries(self, origin: str, start: int = 0, limit: int | None = None) -> Sequence[LogEntry]:
        """Return entries of a log from position ``start``, at most ``limit``, in order."""
        ...

    async def log_origins(self) -> Sequence[str]:
        """Return the names of all our logs, those of earlier epochs too, in order."""
        ...

    async def save_log_head(self, partner: str, head: LogHead) -> None:
        """Store the end of a log, which is the one about ``partner`` that is appended to from now on."""
        ...

    async def find_log_entry(self, partner: str, direction: str, digest: str) -> LogEntry | None:
        """Find the entry about a payload digest in any log about a partner, in the current one first."""
        ...

    async def log_leaves(self, origin: str, start: int, limit: int) -> Sequence[bytes]:
        """Return the leaf hashes (32 bytes) of a log from position ``start``, at most ``limit``."""
        ...

    async def log_nodes(self, origin: str, level: int, start: int, limit: int) -> Sequence[bytes]:
        """Return stored hashes of complete subtrees of 256 ** ``level`` leaves, from the ``start``-th on."""
        ...

    async def add_log_nodes(self, origin: str, level: int, start: int, hashes: Sequence[bytes]) -> None:
        """Store hashes of complete subtrees of 256 ** ``level`` leaves, the ``start``-th and those after it."""
        ...

    async def save_kept(self, row: KeptRow) -> None:
        """Keep a checkpoint, or store it anew with more signatures. Raises ``Conflict`` if its root differs."""
        ...

    async def kept(
        self, origin: str, *, at_least: int = 0, limit: int | None = None, smallest: bool = False
    ) -> Sequence[KeptRow]:
        """Return kept checkpoints of ``at_least`` so many entries, the largest first, or the ``smallest``."""
        ...

    async def find_witnessed(self, origin: str) -> WitnessedRow | None: ...
    async def witnessed(self) -> Sequence[WitnessedRow]:
        """Return the last checkpoint we cosigned of each log that another State keeps, by origin."""
        ...

    async def save_witnessed(self, row: WitnessedRow) -> None:
        """Store the last checkpoint we cosigned of a log in place of the one before."""
        ...

    async def drop_witnessed(self, origin: str) -> None:
        """Forget what we cosigned of a log."""
        ...

    async def conflicts(self) -> Sequence[ConflictRow]:
        """Return what is kept as evidence against keepers of logs, in order."""
        ...

    async def save_conflict(self, row: ConflictRow) -> bool:
        """Keep evidence (number 0) or store it anew; return False if the same two notes are kept already."""
        ...

    async def save_sealing_end(self, row: SealingEnd) -> None:
        """Note that a private half is gone; what was noted first stays."""
        ...

    async def sealing_ends(self) -> Sequence[SealingEnd]:
        """Return every private half that is gone, in the order in which they went."""
        ...

    async def add_inbound_again(self, partner: str, digest: str, kid: bytes) -> None:
        """Note that a message received before came once more, sealed to another of our keys."""
        ...

    async def inbound_again(self) -> Sequence[tuple[str, str, bytes]]:
        """Return partner, payload digest and key id of every message that came under a second key."""
        ...

    async def traces(self, direction: str, after: int, limit: int) -> Sequence[Trace]:
        """Return what passed ``inbound`` or ``outbound`` behind the number ``after``, in order."""
        ...

    async def purge_answers(self, now: datetime, grace_s: int, limit: int) -> int:
        """
        Drop at most ``limit`` answers of messages that expired more than ``grace_s`` seconds before ``now``; return how
        many.
        """
        ...

    async def purge_collects(self, before: datetime, limit: int) -> int:
        """
        Delete ``collect`` messages that ended before an instant and that no log tells of, at most ``limit``; return how
        many. What came last of all stays, so that no number of a trace is given twice.
        """
        ...

    async def purge_envelopes(self, before: datetime, limit: int) -> int:
        """
        Drop at most ``limit`` envelopes of messages done with that could leave before an instant, and the bytes of
        those of no case; return how many.
        """
        ...

    async def erase_case(self, ref: str) -> None:
        """
        Drop the case's wrapped key and every sealed column of it (case, events, inbound, outbound, envelopes).

        The digests of its events go too, for a body can be guessed; so do the justifications in the record of access,
        the values under which its person is found, and what it was opened for.
        """
        ...

    async def add_figure(self, course: str) -> None:
        """Keep what the figures need of a case that is being erased: a sealed text without a reference."""
        ...

    async def kept_figures(self) -> Sequence[str]:
        """Return what ``add_figure`` kept, in order."""
        ...

    async def drop_figures(self) -> None:
        """Drop what ``add_figure`` kept: it is added anew, in another form."""
        ...

    async def add_release(self, row: ReleaseRow) -> int:
        """
        Add a table of figures that is shown, and return its number; ``row.number`` is not looked at.

        Raises ``Conflict`` if this table was shown before for the same direction and period.
        """
        ...

    async def releases(self) -> Sequence[ReleaseRow]:
        """Return every table of figures that was shown, in order."""
        ...

    async def find_meta(self, name: str) -> str | None: ...
    async def set_meta(self, name: str, value: str) -> None: ...
    async def metas(self, prefix: str) -> Sequence[tuple[str, str]]:
        """Return the named values whose names begin with ``prefix`` (ASCII, not empty), with their names, by name."""
        ...

    async def drop_meta(self, name: str) -> None:
        """Forget a named value; one that is not there is forgotten already."""
        ...

    async def epoch(self) -> int:
        """Return the epoch that is stored; nobody raises it before the batch has ended."""
        ...

    def draft(self, draft: Draft) -> None:
        """Ask the batch to log ``draft``; forgotten if the unit fails."""
        ...


Unit = Callable[[Tx], Awaitable[T]]


class Committed(NamedTuple):
    """What a committed unit returned, and the answer made for its first receipt draft, if it made one."""

    value: Any
    answer: bytes | None


class Load(NamedTuple):
    """
    What a store had to do since this process opened it.

    ``waiting`` units have no batch yet; ``batches`` were run, for ``busy_s`` seconds in all, and ``failed`` of them
    came to nothing.
    """

    waiting: int
    batches: int
    busy_s: float
    failed: int


class Store(Protocol):
    """Durable state. ``commit`` gathers concurrent units into one transaction and returns after it is on disk."""

    async def commit(self, unit: Unit[Any], partner: str = "") -> Committed:
        """
        Run ``unit`` in the next batch and return once the batch is durable.

        The units of a batch run in the order of ``partner``, whose rows they hold if any: two nodes that hold those of
        the same partners take them in one order, and never wait for one another.

        Raises what the unit raised (the unit alone is rolled back), or ``Unavailable`` if the batch did not commit.
        """
        ...

    async def read(self, unit: Unit[T]) -> T:
        """Run ``unit`` against committed state without writing; a write inside it raises."""
        ...

    def load(self) -> Load:
        """Return what the store had to do until now; it looks at nothing."""
        ...

    async def truncate(self) -> None:
        """Leave no copy of a deleted row behind in a journal (after an erasure)."""
        ...

    async def lead(self, work: Callable[[], Awaitable[None]], heard: Callable[[], None]) -> None:
        """
        Run ``work``, what is done once for a whole gateway, while no other process does; wait while one does.

        All the while ``heard`` is called when another process stored a message that waits. Returns when ``work`` does,
        and raises what it raises.
        """
        ...

    async def close(self) -> None:
        """Finish the batch in flight and close."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a partner's door said: HTTP status, media type, the whole bounded body, and Retry-After in seconds."""

    status: int
    media_type: str
    body: bytes
    retry_after_s: float | None


class Peers(Protocol):
    """The partners' doors."""

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        """Post ``body`` and return the answer; raises ``Unavailable`` on any failure of transport."""
        ...

    async def get(self, country: str, path: str) -> HttpAnswer:
        """Get ``path`` and return the answer; raises ``Unavailable`` on any failure of transport."""
        ...


class TimeStamper(Protocol):
    """A time-stamping authority (RFC 3161)."""

    async def stamp(self, message: bytes) -> bytes:
        """Return a time-stamp response (DER) over ``message`` that was verified; raises ``Unavailable``."""
        ...
