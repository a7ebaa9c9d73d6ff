"""
The composition root: it knows everything and decides nothing.

``build`` takes a checked configuration and every port, and returns a gateway; ``gateway.serving`` opens its doors and
runs its loops. A test, a simulation and the command line call the same ``build`` with other ports.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway import erased, home, stands
from gateway.configured import card_source, desk_notices, keyring, partners, persons, policy, reckoner, stamper
from gateway.core import checkpoint
from gateway.core.facts import instant_of
from gateway.core.merkle import Frontier
from gateway.log import configure_log
from gateway.read_only import check_origins
from gateway.services import epochs, figures, listing, no_contact, nodes, own_card, person_index
from gateway.services.answer import Answer
from gateway.services.checkpoints import Checkpoints
from gateway.services.clear import Clear
from gateway.services.collect import Collector
from gateway.services.context import Context
from gateway.services.deliver import Deliverer
from gateway.services.directory import Directory
from gateway.services.fallen import FallenMessages
from gateway.services.hold import Hold
from gateway.services.information import Information
from gateway.services.no_contact import NoContact
from gateway.services.notices import Notices
from gateway.services.ports import GONE_BACK, Clock, Outdated, Peers, Random, Redactor, Renderer, Store, Tx, Unavailable
from gateway.services.receive import Receiver
from gateway.services.remind import Reminder
from gateway.services.resync import Resync
from gateway.services.retain import Retention
from gateway.services.returning import Returning
from gateway.services.rows import LogHead
from gateway.services.sign import BatchSigner
from gateway.services.trust import CardSource, Trust
from gateway.services.trust_acts import decides
from gateway.services.windows import Windows
from gateway.services.witness import Witness
from gateway.settings import BadConfiguration, Settings
from gateway.storage.errors import DAMAGED, StoreError
from gateway.storage.sqlite import Run
from gateway.stores import Reads, open_stores
from gateway.system import SystemClock, SystemRandom
from gateway.transport.notices import DeskNotices
from gateway.transport.peers import HttpPeers
from gateway.transport.redactor import WorkerRedactor
from gateway.transport.renderer import WorkerRenderer
from keys import b64, selftest
from keys.custody import KeyStore
from keys.custody import open_store as open_keys
from keys.device import open_device
from keys.errors import NoSuchKey
from keys.rest import Vault


@dataclass(slots=True)
class Gateway:
    """One gateway with everything in it."""

    settings: Settings
    context: Context
    store: Store
    inquiries: Reads
    clear: Clear
    answer: Answer
    hold: Hold
    no_contact: NoContact
    returning: Returning
    reminder: Reminder
    retention: Retention
    resync: Resync
    directory: Directory
    information: Information
    notices: Notices
    desk_notices: DeskNotices
    deliverer: Deliverer
    receiver: Receiver
    collector: Collector
    checkpoints: Checkpoints
    witness: Witness
    windows: Windows
    fallen: FallenMessages
    cards: CardSource
    keys: KeyStore
    close: Callable[[], Awaitable[None]]

    async def refresh_trust(self) -> None:
        """
        Take newer cards, and bring back what a restored partner may have lost.

        Cards that cannot be read leave those held as they are; the line in the log is the warning. Whatever a State
        publishes, and whoever serves it, this raises nothing but ``Outdated``: no gateway ends by it, nor fails to
        start.
        """
        try:
            await self._refresh_trust()
        except Outdated:
            raise
        except Exception as error:
            self.context.log("trust.fault", error=type(error).__name__)

    async def _refresh_trust(self) -> None:
        now = self.context.clock.now()
        await publish_own(self.context, self.cards)
        try:
            raised = await self.context.trust.run_once(now)
        except Unavailable as error:
            self.context.log("trust.unreadable", error=str(error), hint=error.hint)
            return
        for country in dict.fromkeys((*raised, *await self.resync.unfinished(now))):
            if await self.context.store.read(partial(epochs.are_many, country=country, now=now)):
                self.context.log("partner.restless", country=country)  # noticed again at each refresh
                continue
            self.context.log("partner.restored", country=country)
            try:
                await self.resync.partner_restored(country, now)
            except Unavailable as error:
                # Done at the next refresh: it is noticed again, or known to be unfinished.
                self.context.log("partner.not_restored", country=country, error=str(error), hint=error.hint)
        try:
            await self.fallen.run_once(now)
        except Unavailable as error:
            self.context.unavailable(error)  # looked for at the next refresh


def destroy_sealing(store: KeyStore, kid: bytes) -> None:
    """
    Destroy the private half of the sealing key ``kid`` (16 bytes) in ``store``, and wait for nobody who changes that.

    Raises ``StoreError``; it is tried again at the next look.
    """
    name = next((name for name, key in home.sealing_keys(store) if key.kid == kid), None)
    if name is None:
        raise NoSuchKey("the key store holds no such sealing key", "nothing to do: it is gone")
    store.destroy(name, at_once=True)


async def build(
    settings: Settings,
    *,
    passphrase: Callable[[], str] | None = None,
    environ: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
    random: Random | None = None,
    run: Run | None = None,
    peers: Peers | None = None,
    cards: CardSource | None = None,
    log: Callable[..., None] | None = None,
    renderer: Renderer | None = None,
    redactor: Redactor | None = None,
    inquiries: Reads | None = None,
    create: bool = False,
) -> Gateway:
    """
    Put a gateway together from ``settings`` and ports, its store brought up to date; a port not given is the live one.

    ``create`` makes the database of a new home; without it a missing one is an error, not an empty gateway.

    Raises ``keys.errors.StoreError`` (key store), ``gateway.storage.errors.StoreError`` (database), ``SelfTestFailed``,
    and ``BadConfiguration`` where nodes of another gateway run over the database.
    """
    selftest.run()
    values = settings.values
    clock, random, log = clock or SystemClock(), random or SystemRandom(), log or configure_log()
    secrets = open_keys(settings.custody, passphrase=passphrase, environ=environ)
    keys = keyring(secrets, open_device(settings.signing, environ=environ) if settings.signing else None)
    # What is open when a start comes to nothing is closed too: it has threads, for which a process would wait for ever.
    async with AsyncExitStack() as held:
        opened = await open_stores(
            settings,
            environ=environ,
            run=run,
            sign_batch=BatchSigner(keys, random, clock),
            now=clock.now(),
            create=create,
            on_failure=lambda failure: log("store.failed", error=str(failure), hint=failure.hint),
            inquiries=inquiries,
        )
        held.push_async_callback(opened.close)
        store = opened.store
        pins = {country: b64.decode(partner["identity"]) for country, partner in values["partners"].items()}
        chosen = policy(values)
        source = cards or card_source(settings)
        people = persons(values)
        vault = Vault(secrets.get(home.KEK))
        trust = Trust(pins, source, store, clock, log, vault=vault, decides=partial(decides, people))
        if peers is None:
            peers = await held.enter_async_context(HttpPeers(trust.find, timeout_s=chosen.post_timeout_s))
        told = desk_notices(settings, environ, clock, log)
        held.push_async_callback(told.close)
        await store.read(_check_named)
        epoch = await store.read(lambda tx: tx.epoch())
        context = Context(
            country=values["country"],
            authority=values["authority"],
            zone=values["zone"],
            epoch=epoch,
            stored_epoch=epoch,
            store=store,
            peers=peers,
            clock=clock,
            random=random,
            keyring=keys,
            trust=trust,
            vault=vault,
            reckoner=reckoner(settings),
            persons=people,
            partners=partners(values),
            policy=chosen,
            emit=log,
            tell=told.tell,
            on_erased=lambda ref: erased.note(settings.home / erased.ERASED_FILE, ref),
            redactor=redactor or WorkerRedactor(),
        )
        held.push_async_callback(context.redactor.close)
        await _bring_up_to_date(context, source, settings.home)
        close = held.pop_all().aclose
    return _gateway(settings, context, opened.inquiries, renderer or WorkerRenderer(), told, source, secrets, close)


async def _bring_up_to_date(context: Context, source: CardSource, directory: Path) -> None:
    """Take what is published and what a store that was restored, or that an older release left, has to be told."""
    await publish_own(context, source)
    await _check_ours(context)
    await context.trust.load()
    put_back = not await stands.is_as_known(context, directory / stands.STANDS_FILE)
    await stands.heed(context, directory / stands.STANDS_FILE)
    await _begin_logs(context)
    await erased.apply(context, directory / erased.ERASED_FILE, put_back=put_back)
    await person_index.renew(context)
    await figures.seal_kept(context)
    await context.store.read(lambda tx: no_contact.refresh(context, tx))


def _gateway(
    settings: Settings,
    context: Context,
    inquiries: Reads,
    renderer: Renderer,
    told: DeskNotices,
    source: CardSource,
    secrets: KeyStore,
    close: Callable[[], Awaitable[None]],
) -> Gateway:
    """Return the services of a gateway over their ``context``."""
    deliverer, resync, directory = Deliverer(context), Resync(context), Directory(context)
    information = Information(context)
    witnesses = settings.values.get("transparency", {}).get("witnesses", ())
    receiver = Receiver(context, deliverer.waiting, resync.take_listing, directory.take, information.take)
    retention = Retention(context)
    return Gateway(
        settings=settings,
        context=context,
        store=context.store,
        inquiries=inquiries,
        clear=Clear(context, renderer),
        answer=Answer(context),
        hold=Hold(context),
        no_contact=NoContact(context),
        returning=Returning(context),
        reminder=Reminder(context),
        retention=retention,
        resync=resync,
        directory=directory,
        information=information,
        notices=Notices(context, retention),
        desk_notices=told,
        deliverer=deliverer,
        receiver=receiver,
        collector=Collector(context, receiver),
        checkpoints=Checkpoints(context, witnesses, stamper(settings)),
        witness=Witness(context, witnesses),
        fallen=FallenMessages(context),
        windows=Windows(context, partial(destroy_sealing, secrets), partial(_own_cards, context, source)),
        cards=source,
        keys=secrets,
        close=close,
    )


async def publish_own(context: Context, source: CardSource) -> None:
    """Take our own newest card as what partners go by; what cannot be read, or is not ours, leaves the last one."""
    try:
        published = await source.cards(context.country)
    except Unavailable as error:
        context.log("card.unreadable", country=context.country, error=str(error), hint=error.hint)
        return
    card = own_card.newest(published, context.country, context.own, context.keyring.log.kid)
    if published and (card is None or card.raw != published[-1]):
        hint = "isthmus check; a new identity counts from a start on"
        if card is not None and any(own_card.ours(published[-1:], context.country, card)):
            hint = "put our newest cards back, a partner has them: those that are here are older than the one in use"
        context.log("card.not_ours", country=context.country, hint=hint)
    if card is not None and card is not context.own:
        context.publish(card)


async def _own_cards(context: Context, source: CardSource) -> Sequence[bytes]:
    """Return our own cards as published, oldest first, without what somebody else put beside them."""
    published = await source.cards(context.country)
    return [card.raw for card in own_card.every(published, context.country, context.own)]


async def _check_ours(context: Context) -> None:
    """
    Raise ``StoreError`` where key store or database is another gateway's, ``BadConfiguration`` where nodes of one run.

    What was sealed to us would not open, nor any case, and what is written there stays in what others go by.
    """
    if context.own is not None:  # of those that are here it is one that lists our log key, if any does
        home.check_log_key(context.keyring.log.kid, context.own)
    check_origins(await context.store.read(lambda tx: tx.log_origins()), context.country)
    rows = await context.store.read(lambda tx: tx.metas(nodes.PREFIX))
    check_beside(nodes.of_another(context, rows, context.clock.now()))


def check_beside(other: str | None) -> None:
    """Raise ``BadConfiguration`` if the node ``other`` of another gateway runs over the database."""
    if other is not None:
        raise BadConfiguration(
            [
                f"/database: '{other}' runs there with another country, log key or key-encryption key: give this "
                "machine the home of the others, or the address of its own database"
            ]
        )


async def _check_named(tx: Tx) -> None:
    """Raise ``StoreError`` where what the whole gateway goes by is said in the database as no gateway says it."""
    forms: dict[str, Callable[[str], object]] = {"epoch": int, GONE_BACK: int, listing.RESTORED_AT: instant_of}
    for name, parse in forms.items():
        text = await tx.find_meta(name)
        try:
            if text is not None:
                parse(text)
        except ValueError:
            raise StoreError(f"the value '{name}' of the store is none", DAMAGED[1]) from None


async def _begin_logs(context: Context) -> None:
    """Begin a log for each partner that has none yet."""

    async def unit(tx: Tx) -> None:
        for country in context.partners:
            if await tx.log_head(country) is None:
                name = checkpoint.origin(context.country, country, context.epoch)
                await tx.save_log_head(country, LogHead(name, Frontier(), ""))

    await context.commit(unit)
