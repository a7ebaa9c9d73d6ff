"""
Whose key is whose: the cards held, how newer ones replace them, and when a State is on hold.

Rule 1: the first card of a State verifies under the identity key the configuration pins, or officers confirmed since.
Rule 2: a newer card replaces the one held only if it verifies under the identity key of the one held and continues its
chain; otherwise the State is on hold until a named officer confirms out of band.
Rule 3: refreshing is a loop of its own; a message's path only reads what is held (``docs/protocol.md`` section 8).
Rule 4: what the trustees distrust is on hold, or revoked, for as long as their list says so. Nobody here lifts that.
Rule 5: a card proves by itself that it is whole, not whose it is. One in the store is held only under an identity key
of rule 1, and a confirmed one replaces the pin: whoever can write to the database alone must not be who we seal to.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from gateway.core import wire
from gateway.core.card_chain import Chain, advance_chain
from gateway.core.codes import PeerError, Reason
from gateway.core.facts import Finding
from gateway.core.machine import RuleRefused
from gateway.services import epochs, revoked_keys, shown, trustees
from gateway.services.ports import Clock, Store, Tx, Unavailable
from gateway.services.rows import CARD_END, PartnerRow, TrustEvent
from gateway.services.trustees import Decided, PolicySource
from keys import b64
from keys import card as cards
from keys.card import Card, Revoked, earliest, revocations
from keys.errors import BadRest, CardRefused, RevokedKey, UnknownKey
from keys.rest import Vault
from keys.trust_words import fingerprint_of
from schemas import ijson

WARN = timedelta(hours=48)
STOP_SENDING = timedelta(days=7)
STOP_RECEIVING = timedelta(days=14)
"""
After how long without reading what is published: a person is told, nothing is sent unless two officers go on with the
cards held, nothing is taken in (``docs/protocol.md`` 8.3).
"""

_NEVER = datetime.fromtimestamp(0, UTC)
"""When cards were read of which nothing says it."""

LOOK_S = 2.0
"""How often a running gateway looks whether another process took a card, or somebody decided about a State there."""


class CardSource(PolicySource, Protocol):
    """Where cards come from: a directory, or a list that a threshold of trustees signs."""

    async def refresh(self) -> None:
        """Bring what is published up to date. Raises ``Unavailable``; then nothing that is new may be taken."""
        ...

    async def cards(self, country: str) -> Sequence[bytes]:
        """Return the raw cards of ``country`` that are published, oldest first."""
        ...

    async def state(self, countries: Collection[str]) -> Mapping[str, bytes]:
        """Return the signed parts behind the cards of ``countries``, as members of an export; none of a directory."""
        ...


class OldLogs(RuleRefused):
    """A State that lost its logs would begin others under their names: no key of it is confirmed so (M-8.5)."""


class Found(NamedTuple):
    """What a refresh made of one country: the card held before, and what the cards published lead to."""

    before: Card | None
    chain: Chain


class Trust:
    """The cards held of each partner, and the holds."""

    def __init__(
        self,
        pins: Mapping[str, bytes],
        source: CardSource,
        store: Store,
        clock: Clock,
        log: Callable[..., None] = lambda event, **values: None,
        *,
        vault: Vault,
        decides: Callable[[str, datetime], bool] = lambda person, now: False,
    ) -> None:
        """
        Hold the cards of the States in ``pins``, which maps a country to its identity public key (32 bytes).

        ``vault`` seals which identity key officers confirmed. ``decides(person, now)`` tells whether a person may
        decide whom we believe: a word of one who may not any more is none.
        """
        self._pins = pins
        self._confirmed: Mapping[str, bytes] = {}
        self._source = source
        self._store = store
        self._clock = clock
        self._log = log
        self._vault = vault
        self._decides = decides
        self._decided = Decided()
        self._told: str | None = None
        """What the trustees decided, by the list as any process read it last, as it is stored."""
        self._published: dict[str, Card] = {}
        self._cards: dict[str, Card] = {}
        self._unread: dict[str, bytes] = {}
        self._holds: dict[str, str] = {}
        self._refreshed: dict[str, datetime] = {}
        self._going_on: frozenset[str] = frozenset()
        self._revoked: dict[str, Revoked] = {}
        self._spoiled: frozenset[str] = frozenset()
        """The States of which it cannot be read what their cards revoked: on hold until officers compare a key."""
        self._untaken: dict[str, tuple[str, bytes]] = {}
        """Why a card that is published is not taken, and the newest that was published then: told once."""
        self._seen = 0
        self._turn = asyncio.Lock()
        """Held while what was read of the store is taken: what was read earlier must not be taken later."""

    def card(self, country: str) -> Card:
        """
        Return the card held of ``country``.

        Raises ``PeerError`` with ``unknown-signer`` (no card), ``hold``, or ``later`` (stale).
        """
        if country in self._holds:
            raise PeerError(Reason.HOLD_CARD)
        card = self._cards.get(country)
        if card is None:
            raise PeerError(Reason.COUNTRY_UNKNOWN if country not in self._pins else Reason.CARD_MISSING)
        if self._age(country) > STOP_RECEIVING:
            raise PeerError(Reason.CARD_STALE)
        return card

    def find(self, country: str) -> Card | None:
        """Return the card to send by: ``None`` while there is none, it is stale, or the State is on hold."""
        if country in self._holds:
            return None
        age = self._age(country)
        if age > STOP_SENDING and (country not in self._going_on or age > STOP_RECEIVING):
            return None
        return self._cards.get(country)

    def held(self, country: str) -> Card | None:
        """Return the card held of ``country`` whatever its state, to be looked at and not to be used."""
        return self._cards.get(country)

    def _age(self, country: str) -> timedelta:
        """
        Return how long ago the published cards of ``country`` were last read.

        Nobody knows it of cards that were read by a clock that was ahead. They count as so far from now; until the next
        reading, that is, for otherwise they would be fresh until that day.
        """
        refreshed = self._refreshed.get(country)
        return timedelta(0) if refreshed is None else abs(self._clock.now() - refreshed)

    def signing_key(self, country: str, kid: str, at: datetime) -> bytes:
        """
        Return the public key ``kid`` of ``country`` if it may sign at ``at``.

        Raises ``PeerError`` with ``unknown-signer`` or ``hold``.
        """
        card = self.card(country)
        try:
            return card.signing_key(kid, at)
        except RevokedKey as error:
            raise PeerError(Reason.SIGNER_REVOKED) from error
        except UnknownKey as error:
            raise PeerError(Reason.SIGNER_UNKNOWN) from error

    def revoked(self, country: str, use: str = "signing") -> Mapping[str, datetime]:
        """
        Return which keys of ``country`` for ``use`` are revoked, and since when.

        By any card of its chain, for a later one may leave the key out (M-8.1), and by the trustees.
        """
        card = self._cards.get(country)
        found = dict(earliest(self._revoked.get(country, {}), revocations(card) if card else {}).get(use, {}))
        others = {key.kid for key in (*card.sealing, *card.roles, *card.signing)} if card else set()
        for (state, kid), at in self._decided.distrust.keys.items():
            if state == country and kid not in others:
                found[kid] = min(at, found.get(kid, at))
        return found

    def holds(self) -> Mapping[str, str]:
        """Return the States on hold and why."""
        return dict(self._holds)

    def ages(self) -> Mapping[str, timedelta]:
        """Return how long ago what is published was last read, for each State."""
        return {country: self._age(country) for country in self._pins}

    def going_on(self) -> frozenset[str]:
        """Return the States with whose cards two officers go on although they are stale."""
        return self._going_on

    async def load(self) -> None:
        """Read the cards and holds that were held when the process last ran, and what was decided since."""
        async with self._turn:
            await self._load()

    async def _load(self) -> None:
        async def unit(tx: Tx) -> tuple[list[PartnerRow | None], Mapping[str, bytes], Sequence[TrustEvent], str | None]:
            self._read_revoked(await tx.metas(revoked_keys.PREFIX))
            self._confirmed = self._opened(await tx.metas(_CONFIRMED), _CONFIRMED, "identity")
            words = self._opened(await tx.metas(_WENT_ON), _WENT_ON, "went-on")
            rows = [await tx.find_partner(country) for country in self._pins]
            return rows, words, await tx.trust_events(), await trustees.told(tx)

        rows, words, events, self._told = await self._store.read(unit)
        self._judge()
        for row in rows:
            if row is not None:
                self._take(row)
        self._going_on = frozenset(country for country, said in words.items() if self._two_went_on(country, said))
        self._seen = events[-1].number if events else 0

    def _read_revoked(self, metas: Sequence[tuple[str, str]]) -> None:
        """Take what the cards of each State revoked; one of which that cannot be read is told, and waits alone."""
        self._revoked, spoiled = {}, set[str]()
        for name, text in metas:
            country = name.removeprefix(revoked_keys.PREFIX)
            try:
                self._revoked[country] = revoked_keys.parse(text)
            except ValueError as error:
                spoiled.add(country)
                self._log("trust.fault", country=country, error=type(error).__name__)
        self._spoiled = frozenset(spoiled)

    def _judge(self) -> None:
        """
        Take what the trustees decided, and judge the cards held by it.

        By what lies here, and by what another process read: the line of this machine to the list may be cut.
        """
        before, self._decided = self._decided, trustees.decided(self._source, self._told, self._vault)
        if self._decided.unread:
            self._log("trust.fault", error="the decisions of the trustees cannot be read, in the store or here")
        if self._decided.suites != before.suites:
            self._log("trust.suites", count=len(self._decided.suites or ()))
        if self._decided.distrust != before.distrust:
            self._cards = {country: self._decided.believed(card) for country, card in self._published.items()}

    @property
    def suites(self) -> frozenset[int] | None:
        """Return the suites that the trustees allow, ``None`` for all."""
        return self._decided.suites

    def _two_went_on(self, country: str, said: bytes) -> bool:
        """
        Tell whether two who are officers now said, since the cards were last read, to go on with them.

        ``said`` is who did and when, as it was sealed: whoever can write to the database alone is no officer.

        Of cards, and of a word, by a clock that was ahead: the cards are as old as they lie ahead, the word is none.
        """
        if country not in self._refreshed:
            return False
        now = self._clock.now()
        since, until = now - self._age(country), now + wire.SKEW
        words = ijson.loads(said).items()
        return sum(self._decides(one, now) for one, at in words if since <= datetime.fromisoformat(at) <= until) >= 2

    async def changed(self, tx: Tx) -> bool:
        """
        Return whether somebody decided about a State since ``load`` last ran, or another process read something new.

        A card may say that a key was stolen: no process goes by it for longer because another was the first to read so.
        """
        if await tx.trust_events(self._seen) or await trustees.told(tx) != self._told:
            return True
        held = await tx.card_ends()
        known = {country: (self._raw(country) or b"")[-CARD_END:] for country in self._pins}
        return any(country in held and held[country] != end for country, end in known.items())

    def _raw(self, country: str) -> bytes | None:
        """Return the card held of ``country``, or the one in the store that is known not to be readable."""
        published = self._published.get(country)
        return self._unread.get(country) if published is None else published.raw

    def _take(self, row: PartnerRow) -> None:
        if row.refreshed_at is not None or row.card is not None:
            # What was never read is not fresh: whoever can write to the database alone could leave out when it was.
            self._refreshed[row.country] = row.refreshed_at or _NEVER
        if row.card is not None and (row.card != self._raw(row.country) or self._counts_now(row)):
            self._take_card(row.country, row.card)
        hold = self._decided.hold(row.country) or row.hold or (_SPOILED if row.country in self._spoiled else None)
        self._holds.pop(row.country, None)
        if hold is not None:
            self._holds[row.country] = hold

    def _counts_now(self, row: PartnerRow) -> bool:
        """Return whether the card of ``row``, which counted for nothing, does: officers confirmed its key since."""
        return row.country in self._unread and self._readable(row.country, row.card) is not None

    def _take_card(self, country: str, raw: bytes) -> None:
        """
        Hold the card in the store in place of the one before.

        Of a State whose card cannot be read, because the row is spoiled or a newer version wrote it, or is under a key
        that nobody here believes (rule 5), none is held then: nothing is sent to it, nothing of it is taken in, and no
        other State waits for it.
        """
        self._published.pop(country, None)
        self._cards.pop(country, None)
        self._unread.pop(country, None)
        try:
            published = self._parsed(country, raw)
        except CardRefused as error:
            self._unread[country] = raw
            self._log("trust.fault", country=country, error=type(error).__name__)
        else:
            self._published[country], self._cards[country] = published, self._decided.believed(published)

    def _identity(self, country: str) -> bytes:
        """Return the identity key to go by: the one that officers confirmed last, else the one that is pinned."""
        return self._confirmed.get(country, self._pins[country])

    def _parsed(self, country: str, raw: bytes) -> Card:
        """Return the card of ``country`` in the store. Raises ``CardRefused``, also for one of a stranger (rule 5)."""
        card = cards.parse_card(raw)
        if card.country != country or card.identity != self._identity(country):
            raise CardRefused("wrong-identity", "in the store stands a card that is signed by a key nobody confirmed")
        return card

    def _opened(self, metas: Sequence[tuple[str, str]], begins: str, column: str) -> Mapping[str, bytes]:
        """Return what this gateway sealed of each State as ``column``; the names of ``metas`` begin with ``begins``."""
        found = {}
        for name, text in metas:
            country = name.removeprefix(begins)
            with suppress(BadRest, ValueError):  # what is not ours says nothing
                found[country] = self._vault.open_own("partner", country, column, b64.decode(text))
        return found

    async def run_once(self, now: datetime) -> tuple[str, ...]:
        """
        Fetch what is published and take what continues a chain; return the countries whose epoch was raised.

        A country whose published card does not continue the chain held goes on hold. One whose cards cannot be read is
        left as it is, with a line in the log; the others do not wait for it. Raises ``Unavailable`` if nothing can be
        read at all.
        """
        try:
            await self._source.refresh()
            await trustees.tell(self._source, self._store, self._vault)
        except Exception:
            await self.load()  # what was read of whom not to believe holds here, though it could not be told
            self._warn()
            raise
        async with self._turn:
            await self._load()  # another process may have lifted a hold, and that must not be undone here
            self._warn()
            return await self._advance(now)

    async def _advance(self, now: datetime) -> tuple[str, ...]:
        """Take what continues the chains, of what was just read."""
        found = {}
        for country in self._pins:
            if country in self._spoiled:
                continue
            try:
                published = await self._source.cards(country)
            except Unavailable as error:
                self._log("trust.unread", country=country, error=str(error), hint=error.hint)
                continue
            held, key = self._published.get(country), self._identity(country)
            if held is not None and not published:
                hint = "put its cards there again, or ask it for them"
                self._log("trust.unread", country=country, error="no card of it is published any more", hint=hint)
                continue
            try:
                chain = advance_chain(held, key, published, now, country, self._revoked.get(country))
                found[country] = Found(held, chain)
                self._tell_untaken(country, chain, published)
            except Exception as error:
                self._log("trust.fault", country=country, error=type(error).__name__)
        raised = []
        for row in await self._keep(found, now):
            # ``row.epoch`` follows only once the partner has been brought what it lost, so a crash forgets nothing.
            card = found[row.country].chain.card
            self._take(row)
            self._revoked[row.country] = earliest(self._revoked.get(row.country, {}), found[row.country].chain.revoked)
            if row.hold is None and card is not None and card.epoch > row.epoch:
                raised.append(row.country)
        self._going_on = self._going_on.difference(found)
        return tuple(raised)

    def _tell_untaken(self, country: str, chain: Chain, published: Sequence[bytes]) -> None:
        """Tell, once for each change, of a card that is published and not taken: it may revoke a stolen key."""
        if chain.fault is None:
            self._untaken.pop(country, None)
        elif self._untaken.get(country) != (found := (chain.fault.code, published[-1])):
            self._untaken[country] = found
            self._log("trust.untaken", country=country, code=chain.fault.code)

    def _warn(self) -> None:
        for country, age in self.ages().items():
            if age > WARN:
                self._log("trust.stale", country=country, count=int(age.total_seconds() // 3600), state=stage(age))

    async def _keep(self, found: Mapping[str, Found], now: datetime) -> Sequence[PartnerRow]:
        """Keep what a refresh found, in one transaction; a row that another process changed meanwhile is left."""

        async def unit(tx: Tx) -> list[PartnerRow]:
            return [row for country, one in found.items() if (row := await _keep_one(tx, country, one, now))]

        committed = await self._store.commit(unit)
        rows: list[PartnerRow] = committed.value
        return rows

    async def hold(self, country: str, officer: str, reason: str, now: datetime) -> None:
        """Put ``country`` on hold at once: ``officer`` does not believe its keys any more."""

        async def unit(tx: Tx) -> PartnerRow:
            row = (await _row(tx, country))._replace(hold=f"distrusted by {officer}: {reason}")
            await tx.save_partner(row)
            await tx.add_trust_event(TrustEvent(0, now, country, "hold", officer, reason))
            return row

        async with self._turn:
            self._take((await self._store.commit(unit)).value)

    async def confirm(
        self, country: str, identity: bytes, now: datetime, words: Callable[[Tx], Awaitable[Sequence[TrustEvent]]]
    ) -> bool:
        """
        Lift a hold once officers compared ``identity`` (32 bytes) out of band; hold the newest card under it.

        ``words`` says, within the transaction that lifts it, what each of them said, and is kept with the fingerprint;
        if it returns nothing, nothing is lifted. Returns whether it was. A card older than the one held under the same
        key is not gone back to: whoever publishes could so undo a revocation.

        Raises ``PeerError`` if no published card verifies under ``identity``, or the trustees distrust the country,
        ``OldLogs`` if the card lists other log keys in the epoch of logs that we know, and whatever ``words`` raises.
        """
        if self._decided.unread or country in self._decided.distrust.countries:
            raise PeerError(Reason.HOLD_CARD)
        under_it = await self._under(country, identity)
        card, known = under_it[-1], fingerprint_of(identity).hex()

        async def unit(tx: Tx) -> tuple[PartnerRow, Revoked] | None:
            old = await _row(tx, country)
            held = self._readable(country, old.card)  # one that is none keeps nobody from going by the one compared
            if held is not None and _has_other_logs(held, under_it) and await shown.is_known(tx, country, card.epoch):
                raise OldLogs((Finding("N-02", OLD_LOGS % {"country": country, "epoch": card.epoch}, "to"),))
            said = await words(tx)
            if not said:
                return None
            if country in self._spoiled:
                await tx.drop_meta(revoked_keys.PREFIX + country)  # what its card says counts from now on
            raw = held.raw if held is not None and _is_newer(held, card) else card.raw
            taken = cards.parse_card(raw)
            before = held or taken
            epoch = taken.epoch if old.card is None else old.epoch
            if taken.epoch < before.epoch:
                epoch = 0  # a new epoch though it is no higher one: the State may have lost what it is brought then
                # Its numbers begin at one there. What it said then is known by its id all the same (M-5.1).
                await tx.count_from(country, before.epoch)
                await shown.forget(tx, country, taken.epoch)
            row = old._replace(card=raw, hold=None, refreshed_at=now, epoch=epoch)
            await tx.save_partner(row)
            sealed = self._vault.seal_own("partner", country, "identity", identity)
            await tx.set_meta(_CONFIRMED + country, b64.encode(sealed))
            if taken.identity != before.identity or taken.epoch < before.epoch:
                await epochs.begin_anew(tx, country)
            await epochs.note(tx, country, taken.epoch, now)
            # Whoever compared the key goes by what its card says of the keys in it, whatever was said of them before.
            revoked = revoked_keys.without(await revoked_keys.said_before(tx, country), card) if raw == card.raw else {}
            revoked = await revoked_keys.say(tx, country, earliest(revoked, revocations(card)), anew=raw == card.raw)
            for event in said:
                await tx.add_trust_event(event._replace(fingerprint=known))
            return row, revoked

        async with self._turn:
            done: tuple[PartnerRow, Revoked] | None = (await self._store.commit(unit)).value
            if done is not None:
                self._confirmed = {**self._confirmed, country: identity}
                self._spoiled -= {country}
                self._take(done[0])
                self._revoked[country] = done[1]
        return done is not None

    def _readable(self, country: str, raw: bytes | None) -> Card | None:
        try:
            return None if raw is None else self._parsed(country, raw)
        except CardRefused:
            return None

    async def _under(self, country: str, identity: bytes) -> list[Card]:
        """Return the published cards of ``country`` under ``identity``, of which there is one, oldest first."""
        found = list[Card]()
        for raw in await self._source.cards(country):
            with suppress(CardRefused):
                found.append(cards.verify_card(raw, identity))
        found = [card for card in found if card.country == country]
        if not found:
            raise PeerError(Reason.CARD_MISSING)
        return found

    async def go_on(self, country: str, officer: str, reason: str, now: datetime) -> bool:
        """
        Say that ``officer`` goes on with the card held of ``country`` although it is stale.

        Returns whether two different officers have said so since the cards were last read. It ends with the next
        reading, or when nothing is taken in any more either.
        """

        async def unit(tx: Tx) -> None:
            said = self._opened(await tx.metas(_WENT_ON + country), _WENT_ON, "went-on").get(country)
            words = {**(ijson.loads(said) if said else {}), officer: now.isoformat()}
            sealed = self._vault.seal_own("partner", country, "went-on", ijson.dumps(words))
            await tx.set_meta(_WENT_ON + country, b64.encode(sealed))
            await tx.add_trust_event(TrustEvent(0, now, country, "go-on", officer, reason))

        await self._store.commit(unit)
        await self.load()
        return country in self._going_on


def stage(age: timedelta) -> str:
    """Return what ``age`` since the last reading means: ``fresh``, ``old``, ``no-sending`` or ``no-receiving``."""
    limits = ((STOP_RECEIVING, "no-receiving"), (STOP_SENDING, "no-sending"), (WARN, "old"))
    return next((name for limit, name in limits if age > limit), "fresh")


async def _row(tx: Tx, country: str) -> PartnerRow:
    return await tx.find_partner(country) or PartnerRow(country)


OLD_LOGS = (
    "the card of %(country)s lists other log keys in epoch %(epoch)s, of which we know its logs: it has lost them, and "
    "would begin others under their names. It raises its epoch (isthmus restore begin-epoch) and gives out that card"
)
"""Why no key is confirmed: every answer under it would look like a log with two histories."""


def _has_other_logs(held: Card, published: Sequence[Card]) -> bool:
    """
    Return whether the last of the cards ``published`` is of the epoch of the one held, and goes by no log key of that.

    One before it in that epoch may list such a key: then the key was changed since, and no log was lost.
    """
    logs = {one.key for card in published if card.epoch == held.epoch for one in card.log}
    return published[-1].epoch == held.epoch and logs.isdisjoint(one.key for one in held.log)


def _is_newer(held: Card, card: Card) -> bool:
    """Return whether the card that is held, at another node perhaps, follows ``card`` under the same key."""
    return held.identity == card.identity and held.serial > card.serial


async def _keep_one(tx: Tx, country: str, found: Found, now: datetime) -> PartnerRow | None:
    old = await _row(tx, country)
    if old.card != (found.before.raw if found.before else None):
        return None
    card, hold, revoked = found.chain.card, found.chain.hold, found.chain.revoked
    row = old._replace(
        card=card.raw if card else None,
        hold=old.hold or hold,  # only a person lifts a hold
        refreshed_at=now,
        epoch=card.epoch if card and old.card is None else old.epoch,
    )
    await tx.save_partner(row)
    if card is not None:
        await epochs.note(tx, country, card.epoch, now)
    if any(revoked.values()):
        await revoked_keys.say(tx, country, revoked)
    if hold is not None and old.hold is None:
        await tx.add_trust_event(TrustEvent(0, now, country, "held", None, hold))
    return row


_CONFIRMED = "confirmed:"
"""Begins the name under which the identity key is sealed that officers confirmed last of a State."""

_WENT_ON = "went-on:"
"""Begins the name under which it is sealed which officers went on with old cards of a State, and when each did last."""

_SPOILED = "what its cards revoked cannot be read here; two officers compare its key: isthmus trust confirm"
