"""
Watching the logs of others: cosigning what continues, keeping as evidence what contradicts, and saying so aloud.

We cosign the logs that partners keep about us, and as a third gateway those that two of our partners keep about one
another (C2SP tlog-witness, ``docs/protocol.md`` section 7.3). As a partner we also hold every answer we were given
against what its keeper had cosigned.

Rule 1: what we cosigned is durable before the cosignature leaves, in the transaction that compared it.
Rule 2: two signed notes that convict their keeper are kept, whoever brought them, and both sides of the log are told.
Rule 3: a proof that fails convicts nobody, for anyone may send one: the keeper itself is asked for another first.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from gateway.core import checkpoint, cosign, wire
from gateway.core.checkpoint import Checkpoint
from gateway.core.codes import PROBLEM_MEDIA_TYPE, PeerError
from gateway.core.cosign import CONFLICT_MEDIA_TYPE, Conflict, Keeper, Said, Verdict
from gateway.core.merkle import BadProof
from gateway.services.checkpoints import LATE, MEDIA_TYPE, SIZE_MEDIA_TYPE, continuation
from gateway.services.context import Context
from gateway.services.ports import Tx, Unavailable
from gateway.services.rows import ConflictRow, LogEntry, WitnessedRow
from gateway.services.shown import compared_name, in_answers, lost, uncompared_name
from schemas import ijson

LOG_PATH = "/xg/1/log"
CONFLICT_PATH = "/xg/1/log/conflicts"

EVERY_S = 3600.0
A_PORTION = 256
"""Entries of a log that are read at once."""

PROOFS_OF_A_LOOK = 256
"""
Of how many answers one keeper is asked for a proof at one look; the rest follow at the next, and who waits for that too
long is told of. What a partner has us answer takes none of it, so nobody hides its own answers behind messages.
"""

CONFLICTS_MAX = 64
"""
Pieces of evidence kept about the logs of one keeper about one State, and as many of proofs that it did not give: a
keeper that signs anything can fill a disk, and two notes convict it. The first about each log is kept besides.
"""

LATE_MAX = 64
"""Answers of one log that wait for a kept checkpoint too long and that are gone past; then the next ones wait too."""

LOGS_MAX = 256
"""Logs of one keeper about one State that are watched, one for each of its epochs: a card may name any number."""

PROOFS_ASKED = 2
"""How often a keeper is asked at one look that gives something which proves nothing: it may be garbled on the way."""

LOOKS, LOOKS_APART = 3, timedelta(minutes=30)
"""
At how many looks a keeper gives no proof before that stands against it, and how far apart those are that count: what it
is asked may be garbled too, and a line that is bad is bad for a while. Two loops may look at the same moment.
"""

DOUBTS_MAX = 1024
DOUBTS_OF_A_LOG = 16
"""Checkpoints in doubt, of all logs and of one: anybody may show again what a keeper signed, and crowds nothing out."""

TOLD_FOR = timedelta(days=7)
"""For how long evidence is brought each hour to who does not take it as such, since it first said so."""

UNKNOWN = "another"
US = "us"

_ORIGIN = re.compile(r"([A-Z]{3})/([A-Z]{3})/([1-9][0-9]{0,15})")
_TOLD, _REFUSED = 204, frozenset({400, 404})


class Witness:
    """The watching side of one gateway."""

    def __init__(self, context: Context, witnesses: Iterable[str]) -> None:
        """Watch for ``context``; ``witnesses`` are told too of what a log about us or of ours contradicts."""
        self._context = context
        self._witnesses = tuple(witnesses)
        self._doubts: dict[tuple[str, bytes], str] = {}
        self._unproved: dict[Checkpoint, tuple[int, datetime]] = {}
        """Of which checkpoints no proof came: at how many looks, and when at the last that counts."""
        self._refused: dict[tuple[int, str], datetime] = {}
        """Since when which evidence, by its number, is refused by which State."""

    async def run(self, every_s: float = EVERY_S) -> None:
        """Look at what is doubtful, and tell what is known, every ``every_s`` seconds until cancelled."""
        await self._context.every(every_s, self.run_once)

    async def run_doubts(self) -> None:
        """Look at what is doubtful to this process, whichever leads: a State shows its checkpoints to any of them."""
        await self._context.every(EVERY_S, self._settle_doubts)

    async def run_once(self, now: datetime) -> None:
        """Compare answers with kept checkpoints, settle doubts, tell both sides of a log that contradicts itself."""
        await self._settle_doubts(now)
        for country in self._context.partners:
            await self._guarded(country, self._compare_answers(country, now))
        for row in await self._context.store.read(lambda tx: tx.conflicts()):
            await self._guarded(row.origin, self._tell(row, now))

    async def _guarded(self, what: str, work: Awaitable[None]) -> None:
        try:
            await work
        except Unavailable as error:
            self._context.log("log.unreached", country=what[:3], error=str(error))
        except Exception as error:
            # Whatever a partner manages to send, it must not end the process that serves all the others.
            self._context.log("log.fault", country=what[:3], error=type(error).__name__)

    def keeper(self, origin: str) -> Keeper | None:
        """Return who keeps the log ``origin``, if we watch it: the keeper a partner, the other side one or us."""
        match = _ORIGIN.fullmatch(origin)
        if match is None:
            return None
        country, other, epoch = match.groups()
        known = {*self._context.partners, self._context.country}
        card = self._context.trust.find(country) if country in self._context.partners else None
        if country == self._context.country:
            card = self._context.own  # for what others say of us; nobody asks us to cosign our own log
        if card is None or country == other or other not in known or int(epoch) > card.epoch:
            return None
        return Keeper(country, tuple(entry.key for entry in card.log), card.cosigning)

    # What a keeper shows us.

    async def add_checkpoint(self, raw: bytes) -> Said:
        """Answer ``add-checkpoint`` of tlog-witness: 200 with our cosignature, or 400, 403, 404, 409, 422."""
        context, now = self._context, self._context.clock.now()
        try:
            submission = cosign.parse_submission(raw)
            origin = checkpoint.parse_checkpoint(checkpoint.parse_note(submission.note).text).origin
        except BadProof:
            return Said(400)
        keeper, signer = self.keeper(origin), context.keyring.cosigning
        if keeper is None or signer is None or keeper.country == context.country:
            return Said(404)
        # Strangers show what they like; what its keeper did not sign takes no place in the store.
        if cosign.judge(None, submission, keeper, now).status == 403:
            return Said(403)

        async def unit(tx: Tx) -> tuple[Verdict, str, ConflictRow | None]:
            row = await tx.find_witnessed(origin)
            if row is None and sum(_pair(one.origin) == _pair(origin) for one in await tx.witnessed()) >= LOGS_MAX:
                return Verdict(404), "", None
            verdict, line = cosign.judge(row.note if row else None, submission, keeper, now), ""
            found, held = verdict.conflict, row.note if row else ""
            for answered in await in_answers(context.log, tx, submission.note):
                # What its answers showed binds it as much as what it showed a witness.
                if found is None:
                    found, held = cosign.contradiction(answered, submission.note, keeper), answered
            evidence = await keep(tx, origin, found, now, keeper.country, held, submission.note)
            if found is not None and verdict.status == 200:
                verdict = Verdict(422, verdict.size, found)
            if verdict.status == 200:
                line = cosign.cosign(submission.note, context.country, signer, now)
                note = cosign.with_lines(cosign.by_keeper(submission.note, keeper), line)
                size = checkpoint.parse_checkpoint(checkpoint.parse_note(note).text).size
                await tx.save_witnessed(WitnessedRow(origin, size, now, note))
            return verdict, line, evidence

        verdict, line, evidence = (await context.commit(unit)).value
        if evidence is not None:
            self._alarm(evidence)
        elif self._is_doubted(verdict, submission.note, keeper):
            self._doubt(submission.note)
        return _said(verdict, line)

    def _is_doubted(self, verdict: Verdict, note: str, keeper: Keeper) -> bool:
        """
        Return whether what was shown may not be of one history with what is held, and convicts nobody by itself.

        A smaller tree is shown late, as a rule. Of a log that ended with a restore its keeper may have lost the proof.
        """
        shown = checkpoint.parse_checkpoint(checkpoint.parse_note(note).text)
        late = verdict.status in (400, 409) and shown.size < (verdict.size or 0) and not self._is_over(shown, keeper)
        return verdict.conflict is None and (verdict.status == 422 or verdict.size is None or late)

    # What others bring.

    async def take_conflict(self, raw: bytes) -> Said:
        """Take two notes that are said to convict a keeper: 204 if they do, 400 if not, 404 if we do not watch it."""
        try:
            value = ijson.loads(raw)
            if tuple(value) != ("held", "shown") or not all(isinstance(text, str) for text in value.values()):
                return Said(400)
            held, shown = value["held"], value["shown"]
            origin = checkpoint.parse_checkpoint(checkpoint.parse_note(held).text).origin
            keeper = self.keeper(origin)
            if keeper is None:
                return Said(404)
            found = cosign.conflict(held, shown, keeper)
        except (BadProof, ijson.BadJson):
            return Said(400)
        if found is None:
            return Said(400)
        now = self._context.clock.now()
        kept: ConflictRow | None = (
            await self._context.commit(lambda tx: keep(tx, origin, found, now, UNKNOWN, held, shown))
        ).value
        if kept is not None:
            self._alarm(kept)
        return Said(204)

    def _alarm(self, row: ConflictRow) -> None:
        keeper, other = row.origin.split("/")[:2]
        self._context.log("log.contradicted", partner=keeper, country=other, code=row.kind, source=row.source)

    # What somebody asks of a log of ours.

    async def continuation(self, origin_hash: bytes, size: int, root: bytes, to: int) -> Said:
        """Answer with a submission that leads from a checkpoint of ours to a kept one: 200, or 404."""
        found = await continuation(self._context, origin_hash, size, root, to)
        return Said(404) if found is None else Said(200, MEDIA_TYPE, found)

    # Doubts: a proof failed. The keeper is asked for one that does not.

    def _doubt(self, note: str) -> None:
        """Remember a checkpoint of which it is not known whether it continues what is held, within the bounds."""
        head = checkpoint.parse_checkpoint(checkpoint.parse_note(note).text)
        same = sum(origin == head.origin for origin, _ in self._doubts)
        if len(self._doubts) < DOUBTS_MAX and same < DOUBTS_OF_A_LOG:
            self._doubts[head.origin, head.root] = note

    async def _settle_doubts(self, now: datetime) -> None:
        for (origin, root), note in list(self._doubts.items()):
            await self._guarded(origin, self._settle_doubt(origin, root, note, now))

    async def _settle_doubt(self, origin: str, root: bytes, shown: str, now: datetime) -> None:
        """
        Have the keeper prove that what was shown and what is held by now are of one history.

        What is held may have grown meanwhile, so that the larger of the two may be either. A checkpoint that is held
        is beyond doubt, whatever somebody showed with it.
        """
        keeper = self.keeper(origin)
        row = await self._context.store.read(lambda tx: tx.find_witnessed(origin))
        other = checkpoint.parse_checkpoint(checkpoint.parse_note(shown).text)
        if row is not None and keeper is not None and self._has_door(keeper):
            known = checkpoint.parse_checkpoint(checkpoint.parse_note(row.note).text)
            if known != other:
                small, large = (shown, row.note) if other.size < known.size else (row.note, shown)
                if not await self._prove(keeper, small, large, other, now):
                    return
        self._doubts.pop((origin, root), None)
        self._unproved.pop(other, None)

    async def _prove(self, keeper: Keeper, small: str, large: str, about: Checkpoint, now: datetime) -> bool:
        """
        Ask ``keeper`` for the proof that its checkpoint ``large`` continues ``small``; return whether that is settled.

        It is by a proof, and without one, at enough looks, by keeping both notes. ``about`` is the one of the two that
        is in question; the other may have grown since the last look. Raises ``Unavailable`` if it could not be asked.
        """
        before, goal = (checkpoint.parse_checkpoint(checkpoint.parse_note(one).text) for one in (small, large))
        for _ in range(PROOFS_ASKED):
            proved = await self._continues(keeper, before, goal)
            if proved:
                self._unproved.pop(about, None)
                return True
            if proved is None:
                break
        if not self._is_unproved(about, now):
            self._context.log("log.unreached", country=keeper.country, error="it gave no proof; it is asked again")
            return False
        kept: ConflictRow | None = (
            await self._context.commit(
                lambda tx: keep(tx, before.origin, Conflict.UNPROVED, now, US, small, large),
            )
        ).value
        self._unproved.pop(about, None)
        if kept is not None:
            self._alarm(kept)
        return True

    def _is_unproved(self, about: Checkpoint, now: datetime) -> bool:
        """Note that at ``now`` no proof came of ``about``; return whether that was so at enough looks."""
        looks, last = self._unproved.get(about, (0, now - LOOKS_APART))
        if abs(now - last) >= LOOKS_APART:
            looks, last = looks + 1, now
        self._unproved[about] = looks, last
        return looks >= LOOKS

    async def _continues(self, keeper: Keeper, before: Checkpoint, goal: Checkpoint) -> bool | None:
        """
        Return whether ``keeper``, asked now, proves that ``goal`` continues ``before``.

        ``None`` if it says that it has no proof: it is not asked again at this look. A page of a proxy says nothing.
        """
        hashed = sha256(before.origin.encode()).hexdigest()
        path = f"{LOG_PATH}/{hashed}/{before.size}/{before.root.hex()}/{goal.size}"
        answer = await self._context.peers.get(keeper.country, path)
        if answer.status == 404 and answer.media_type == PROBLEM_MEDIA_TYPE:
            return None
        if (answer.status, answer.media_type) != (200, MEDIA_TYPE):
            raise Unavailable(f"{keeper.country} answered with {answer.status}")
        try:
            return cosign.check_continuation(before, answer.body, keeper).root == goal.root
        except BadProof:
            return False

    # As a partner: every answer we were given is a state that the keeper's log went through (M-7.12).

    async def _compare_answers(self, country: str, now: datetime) -> None:
        """Hold the answers of ``country`` against what it keeps, those too of our epochs before."""
        origins = await self._context.store.read(lambda tx: tx.log_origins())
        look = _Look(PROOFS_OF_A_LOOK)
        late = [await self._compare(country, one, look, now) for one in origins if one.split("/")[1] == country]
        if sum(late):
            self._context.log("log.uncompared", partner=country, count=sum(late))

    async def _compare(self, country: str, origin: str, look: "_Look", now: datetime) -> int:
        """
        Hold the answers in our log ``origin`` against what is kept, in their order; return how many are late.

        One that waits too long for a checkpoint of its size, or for a proof, is gone past and tried again each time:
        the log may have fewer entries than the answer says, and those behind it must not wait for that.
        """
        name, late_name = compared_name(origin), uncompared_name(origin)

        async def ends(tx: Tx) -> tuple[int, list[int], Callable[[int, str], bool]]:
            waiting = list(map(int, (await tx.find_meta(late_name) or "").split()))
            return int(await tx.find_meta(name) or 0), waiting, await lost(tx, origin)

        start, known, is_lost = await self._context.store.read(ends)
        done, late = start, list[int]()
        async for entry, note in self._answers(country, origin, known, start):
            settled = note is None or is_lost(entry.index, note) or await self._is_settled(country, note, look, now)
            if not settled:
                if entry.index >= start and (len(late) >= LATE_MAX or not self._is_late(country, entry, now)):
                    break
                late.append(entry.index)
            done = max(done, entry.index + 1)

        async def unit(tx: Tx) -> None:
            await tx.set_meta(name, str(done))
            await tx.set_meta(late_name, " ".join(map(str, late)))

        if done > start or len(late) != len(known):
            await self._context.commit(unit)
        return len(late)

    async def _answers(
        self, country: str, origin: str, late: Iterable[int], start: int
    ) -> AsyncIterator[tuple[LogEntry, str | None]]:
        """Yield the entries ``late`` of a log, and those from ``start`` on, each with the checkpoint of its answer."""

        async def read(tx: Tx) -> list[tuple[LogEntry, str | None]]:
            parts = [await tx.log_entries(origin, at, 1) for at in late]
            parts.append(await tx.log_entries(origin, start, A_PORTION))
            return [(entry, await _answered(tx, country, entry)) for part in parts for entry in part]

        while rows := await self._context.store.read(read):
            for row in rows:
                yield row
            late, start = (), max(start, rows[-1][0].index + 1)

    def _is_late(self, country: str, entry: LogEntry, now: datetime) -> bool:
        """Return whether an answer has waited too long; a State that keeps no checkpoints is not waited for."""
        card = self._context.trust.find(country)
        return card is not None and bool(card.cosigning) and now - entry.at > LATE

    async def _is_settled(self, country: str, note: str, look: "_Look", now: datetime) -> bool:
        """Return whether ``note`` is settled, either way; one whose keeper is out of reach is not."""
        try:
            return await self._is_proved(note, look, now)
        except Unavailable as error:
            look.left = 0
            self._context.log("log.unreached", country=country, error=str(error))
            return False

    async def _is_proved(self, note: str, look: "_Look", now: datetime) -> bool:
        """Return whether ``note`` was settled, either way; not while nothing kept is as large, or no proof came."""
        given = checkpoint.parse_checkpoint(checkpoint.parse_note(note).text)
        keeper = self.keeper(given.origin)
        if keeper is None or given in look.proved:
            return keeper is not None
        row = await self._context.store.read(lambda tx: tx.find_witnessed(given.origin))
        if row is None or row.size < given.size:
            return self._is_over(given, keeper)
        known = checkpoint.parse_checkpoint(checkpoint.parse_note(row.note).text)
        if known.size == given.size:
            if known.root != given.root:
                # Both were verified when they were taken, whatever keys the card lists by now.
                kept: ConflictRow | None = (
                    await self._context.commit(
                        lambda tx: keep(tx, given.origin, Conflict.FORK, now, US, row.note, note),
                    )
                ).value
                if kept is not None:
                    self._alarm(kept)
        elif self._has_door(keeper):
            if not look.left:
                return False
            look.left -= 1
            if not await self._prove(keeper, note, row.note, given, now):
                return False
        look.proved.add(given)
        return True

    def _has_door(self, keeper: Keeper) -> bool:
        """Return whether a proof can be asked for: of a State without an address only what it shows is compared."""
        card = self._context.trust.find(keeper.country)
        return card is None or bool(card.addresses)

    def _is_over(self, given: Checkpoint, keeper: Keeper) -> bool:
        """Return whether the log ended with a restore, so that no checkpoint of it will ever be kept again."""
        card = self._context.trust.find(keeper.country)
        return card is not None and int(given.origin.rsplit("/", 1)[1]) < card.epoch

    # Telling.

    async def _tell(self, row: ConflictRow, now: datetime) -> None:
        """
        Bring evidence to both sides of the log, and to our witnesses, until each has taken it.

        Who says for days that it proves nothing, or that it watches no such log, is left: the notes may be under a key
        that the card of their keeper lists no more. Until then that card may be on its way, or a hold be lifted.
        """
        if row.kind == Conflict.UNPROVED:
            return  # it rests on our word; the keeper knows it by our refusal to cosign
        told = list(row.told)
        for country in dict.fromkeys((*row.origin.split("/")[:2], *self._witnesses)):
            card = self._context.trust.find(country) if country != self._context.country else None
            if card is None or not card.addresses or country in told:
                continue
            body = ijson.dumps({"held": row.held, "shown": row.shown})
            try:
                answer = await self._context.peers.post(country, CONFLICT_PATH, body, CONFLICT_MEDIA_TYPE)
            except Unavailable as error:
                self._context.log("log.untold", partner=country, error=str(error))
                continue
            refused = answer.status in _REFUSED
            since = self._refused.setdefault((row.number, country), now) if refused else now
            if answer.status == _TOLD or now - since > TOLD_FOR:
                self._refused.pop((row.number, country), None)
                told.append(country)
            elif answer.status != 404:
                self._context.log("log.untold", partner=country, error=f"answered with {answer.status}")
        if tuple(told) != row.told:
            await self._context.commit(lambda tx: tx.save_conflict(row._replace(told=tuple(told))))


@dataclass(slots=True)
class _Look:
    """One look at the answers of a State: of which checkpoints all is known, and how many proofs may be asked for."""

    left: int
    proved: set[Checkpoint] = field(default_factory=set)


def _pair(origin: str) -> str:
    """Return whose log about whom ``origin`` names, whatever its epoch."""
    return origin.rpartition("/")[0]


def _said(verdict: Verdict, line: str) -> Said:
    if verdict.status == 200:
        return Said(200, MEDIA_TYPE, line.encode())
    if verdict.status == 409 and verdict.size is not None:
        return Said(409, SIZE_MEDIA_TYPE, f"{verdict.size}\n".encode())
    return Said(verdict.status)


async def keep(
    tx: Tx, origin: str, kind: Conflict | None, now: datetime, source: str, held: str, shown: str
) -> ConflictRow | None:
    """
    Keep two notes of the log ``origin`` as evidence and return it (M-7.10); whatever is kept goes through here.

    Returns ``None`` if there is none, or it is kept already. Where enough is kept (``CONFLICTS_MAX``) this is not, and
    is returned to be told. ``source`` brought it. What rests on our word alone takes no room of what convicts.
    """
    if kind is None:
        return None
    row, unproved = ConflictRow(0, origin, kind, now, source, held, shown, ()), kind is Conflict.UNPROVED
    rows = [one for one in await tx.conflicts() if _pair(one.origin) == _pair(origin)]
    kept = [one for one in rows if (one.kind == Conflict.UNPROVED) == unproved]
    if len(kept) >= CONFLICTS_MAX and any(one.origin == origin for one in kept):
        return None if any((one.origin, one.held, one.shown) == (origin, held, shown) for one in rows) else row
    return row if await tx.save_conflict(row) else None


async def _answered(tx: Tx, country: str, entry: LogEntry) -> str | None:
    """Return the signed checkpoint in the answer whose receipt this entry holds, if it is one we were given."""
    if entry.direction != "received":
        return None
    row = await tx.find_outbound_by_digest(country, entry.digest)
    if row is None or row.answer is None:
        return None
    try:
        answer = wire.parse_stored_answer(row.answer)
        return checkpoint.parse_proof(answer.proof).checkpoint if answer.receipt == entry.receipt else None
    except (PeerError, BadProof, ValueError):
        return None
