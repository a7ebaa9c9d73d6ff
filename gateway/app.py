"""
The composition root: it knows everything and decides nothing.

``build`` takes a checked configuration and every port, and returns a gateway; ``serve`` opens its doors and runs its
loops. A test, a simulation and the command line call the same ``build`` with other ports.
"""

import asyncio
import gc
import os
import random as random_module
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemas
from gateway import checks, home
from gateway.core import checkpoint
from gateway.core.calendars import Calendar
from gateway.core.deadlines import Instrument, ladder_from_dict
from gateway.core.merkle import Frontier
from gateway.http.listen import CONNECTIONS_MAX, NeutralRunner, listen
from gateway.http.local_api import LocalServices, local_app
from gateway.http.peer_api import peer_app
from gateway.log import configure_log
from gateway.services import evidence, no_contact, own_card, person_index
from gateway.services.acts import DeskServices
from gateway.services.answer import Answer
from gateway.services.board import Board
from gateway.services.checkpoints import Checkpoints
from gateway.services.clear import Clear
from gateway.services.collect import Collector
from gateway.services.context import Context, Keyring, Partner, Person, Policy
from gateway.services.deliver import Deliverer
from gateway.services.directory import Directory
from gateway.services.fallen import FallenMessages
from gateway.services.hold import Hold
from gateway.services.information import Information
from gateway.services.no_contact import NoContact
from gateway.services.notices import Notices
from gateway.services.operate import Operate
from gateway.services.ports import (
    Clock,
    LogHead,
    Outdated,
    Peers,
    Random,
    Redactor,
    Renderer,
    Store,
    TimeStamper,
    Tx,
    Unavailable,
)
from gateway.services.receive import Receiver
from gateway.services.reckon import Reckoner
from gateway.services.remind import Reminder
from gateway.services.resync import Resync
from gateway.services.retain import Retention, erase_in
from gateway.services.returning import Returning
from gateway.services.sign import BatchSigner
from gateway.services.trust import LOOK_S, CardSource, Trust
from gateway.services.trust_acts import decides
from gateway.services.windows import Windows
from gateway.services.witness import Witness
from gateway.settings import BadConfiguration, Settings, secret
from gateway.storage.sqlite import Run
from gateway.stores import Reads, open_stores
from gateway.transport.card_directory import CardDirectory
from gateway.transport.notices import QUEUE_MAX, DeskNotices, Mail, Way, Webhook
from gateway.transport.peers import HttpPeers
from gateway.transport.redactor import WorkerRedactor
from gateway.transport.renderer import WorkerRenderer
from gateway.transport.timestamp import HttpTimeStamper
from keys import b64, selftest
from keys.cosign import CosigningKey
from keys.custody import KeyStore
from keys.custody import open_store as open_keys
from keys.device import open_device
from keys.errors import NoSuchKey
from keys.rest import Vault
from keys.sign import Signer, SigningKey
from keys.trust_policy import SUITES, parse_suites

if TYPE_CHECKING:
    from gateway.desks import Desks
    from gateway.web.visit import DeskPages

ERASED_FILE = "erased.txt"
"""References of erased cases, one a line, outside the data that is backed up; applied again at every start."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)


class SystemRandom:
    """The operating system's randomness."""

    def token(self) -> str:
        """Return 16 random bytes as base64url."""
        return b64.encode(os.urandom(16))

    def bytes(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        return os.urandom(count)

    def spread(self) -> float:
        """Return a number in [0, 1)."""
        return random_module.SystemRandom().random()


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
        narrow_suites(self.context, self.cards, policy(self.settings.values))
        for country in raised:
            self.context.log("partner.restored", country=country)
            try:
                await self.resync.partner_restored(country, now)
            except Unavailable as error:
                # Noticed again at the next refresh: the epoch is taken as seen in the same transaction.
                self.context.log("partner.not_restored", country=country, error=str(error), hint=error.hint)
        try:
            await self.fallen.run_once(now)
        except Unavailable as error:
            self.context.log("store.unavailable", error=str(error), hint=error.hint)  # looked for at the next refresh


def keyring(store: KeyStore, signing: Signer | None = None) -> Keyring:
    """Return the private keys of ``store`` as the services need them; ``signing`` is in a device, if it is given."""
    sealing = {key.kid: key for _, key in home.sealing_keys(store)}
    cosigning = CosigningKey(store.get(home.COSIGNING)) if home.COSIGNING in store.names() else None
    return Keyring(signing or SigningKey(store.get(home.SIGNING)), SigningKey(store.get(home.LOG)), sealing, cosigning)


def destroy_sealing(store: KeyStore, kid: bytes) -> None:
    """Destroy the private half of the sealing key ``kid`` (16 bytes) in ``store``. Raises ``StoreError``."""
    name = next((name for name, key in home.sealing_keys(store) if key.kid == kid), None)
    if name is None:
        raise NoSuchKey("the key store holds no such sealing key", "nothing to do: it is gone")
    store.destroy(name)


def persons(values: Mapping[str, Any]) -> dict[str, Person]:
    """Return the persons of a configuration by id."""

    def days(absence: Mapping[str, str]) -> tuple[date, date]:
        return date.fromisoformat(absence["from"]), date.fromisoformat(absence["until"])

    def instant(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    return {
        person["id"]: Person(
            person["id"],
            frozenset(person["roles"]),
            b64.decode(person["key"]),
            instant(person.get("active_from")),
            instant(person.get("active_until")),
            person.get("deputy"),
            tuple(days(one) for one in person.get("absent", ())),
            person.get("contact", ""),
        )
        for person in values["persons"]
    }


def reckoner(settings: Settings) -> Reckoner:
    """Return the law of this gateway: instruments, the calendar of each State, the ladder."""
    values = settings.values
    directory = values.get("calendars_directory")
    path = settings.home / directory if directory else None

    def calendar(country: str, id: str | None) -> Calendar | None:
        known = schemas.calendars(path)
        chosen = id or next((name for name in known if name.startswith(f"{country}-")), None)
        return Calendar.from_dict(schemas.load_calendar(chosen, path)) if chosen else None

    wanted = {values["country"]: values.get("calendar")}
    wanted |= {country: partner.get("calendar") for country, partner in values["partners"].items()}
    calendars = {country: found for country, id in wanted.items() if (found := calendar(country, id))}
    agreed = {
        frozenset((values["country"], country)): frozenset(partner["instruments"])
        for country, partner in values["partners"].items()
        if partner.get("instruments")
    }
    instruments = [Instrument.from_dict(one) for one in schemas.load_instruments().values()]
    return Reckoner(instruments, calendars, ladder_from_dict(schemas.load_ladder()), agreed)


def policy(values: Mapping[str, Any]) -> Policy:
    """Return the policy of a configuration; what it does not say keeps its default."""
    chosen: dict[str, Any] = {"suites": frozenset(values.get("suites", (1, 2)))}
    for section, names in (
        ("policy", ("auto_reminder", "reminder_cooldown_days", "message_days")),
        ("retention", ("closed_after_days", "blocked_after_days", "erased_after_days", "envelope_days", "images_days")),
        ("limits", ("in_flight", "post_timeout_s")),
    ):
        chosen |= {name: values[section][name] for name in names if name in values.get(section, {})}
    return Policy(**chosen)


def desk_notices(settings: Settings, environ: Mapping[str, str], clock: Clock, log: Callable[..., None]) -> DeskNotices:
    """
    Return what tells the desks that a case moved, as the configuration says; it may have no way at all.

    Raises ``BadConfiguration``: a secret is not where the configuration says.
    """
    chosen, ways = settings.values.get("notices", {}), list[Way]()
    link = chosen.get("link")

    def trusted(section: Mapping[str, Any]) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=settings.home / section["ca"]) if "ca" in section else None

    if smtp := chosen.get("smtp"):
        password = secret(smtp["password"], settings.home, environ) if "password" in smtp else None
        ways.append(
            Mail(
                smtp["host"],
                smtp["port"],
                smtp["from"],
                smtp["recipients"],
                smtp.get("tls", "starttls"),
                smtp.get("user"),
                password,
                link,
                trusted(smtp),
            )
        )
    if webhook := chosen.get("webhook"):
        key = secret(webhook["secret"], settings.home, environ).encode()
        if len(key) < HOOK_KEY_MIN:
            raise BadConfiguration([f"/notices/webhook/secret: at least {HOOK_KEY_MIN} characters"])
        ways.append(Webhook(webhook["url"], key, link, trusted(webhook)))
    return DeskNotices(ways, clock, log, queue_max=chosen.get("queue_max", QUEUE_MAX))


def stamper(settings: Settings) -> TimeStamper | None:
    """Return the time-stamping authority of a configuration, ``None`` if it names none."""
    chosen = settings.values.get("transparency", {}).get("timestamp")
    return HttpTimeStamper(chosen["url"], settings.home / chosen["roots"]) if chosen else None


FIRST_READING_S = 30.0
"""How long a gateway that starts waits for what is published."""

HOOK_KEY_MIN = 16
"""Characters of the shortest key a webhook is signed with."""


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
    Put a gateway together from ``settings`` and ports; a port that is not given is the live one.

    ``create`` makes the database of a new home; without it a missing one is an error, not an empty gateway.

    Raises ``keys.errors.StoreError`` (key store), ``gateway.storage.errors.StoreError`` (database), ``SelfTestFailed``.
    """
    selftest.run()
    values = settings.values
    clock, random, log = clock or SystemClock(), random or SystemRandom(), log or configure_log()
    secrets = open_keys(settings.custody, passphrase=passphrase, environ=environ)
    keys = keyring(secrets, open_device(settings.signing, environ=environ) if settings.signing else None)
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
    store = opened.store
    pins = {country: b64.decode(partner["identity"]) for country, partner in values["partners"].items()}
    chosen = policy(values)
    source = cards or card_source(settings)
    people = persons(values)
    trust = Trust(pins, source, store, clock, log, decides=partial(decides, people))
    http_peers = HttpPeers(trust.find, timeout_s=chosen.post_timeout_s) if peers is None else None
    door: Peers = peers or http_peers or HttpPeers(trust.find)
    told = desk_notices(settings, environ, clock, log)
    epoch = await store.read(lambda tx: tx.epoch())
    context = Context(
        country=values["country"],
        authority=values["authority"],
        zone=values["zone"],
        epoch=epoch,
        stored_epoch=epoch,
        store=store,
        peers=door,
        clock=clock,
        random=random,
        keyring=keys,
        trust=trust,
        vault=Vault(secrets.get(home.KEK)),
        reckoner=reckoner(settings),
        persons=people,
        partners={
            country: Partner(
                country, partner.get("transmission", "push"), (partner.get("no_contact") or {}).get("reason")
            )
            for country, partner in values["partners"].items()
        },
        policy=chosen,
        emit=log,
        tell=told.tell,
        on_erased=lambda ref: _note_erased(settings.home / ERASED_FILE, ref),
        redactor=redactor or WorkerRedactor(),
    )
    await publish_own(context, source)
    await trust.load()
    narrow_suites(context, source, chosen)
    await _begin_logs(context)
    await _apply_erased(context, settings.home / ERASED_FILE)
    await person_index.renew(context)
    await store.read(lambda tx: no_contact.refresh(context, tx))
    deliverer, resync, directory = Deliverer(context), Resync(context), Directory(context)
    information = Information(context)
    witnesses = values.get("transparency", {}).get("witnesses", ())
    receiver = Receiver(context, deliverer.waiting, resync.take_listing, directory.take, information.take)
    retention = Retention(context)

    async def close() -> None:
        await told.close()
        await context.redactor.close()
        await opened.close()
        if http_peers is not None:
            await http_peers.close()

    return Gateway(
        settings=settings,
        context=context,
        store=store,
        inquiries=opened.inquiries,
        clear=Clear(context, renderer or WorkerRenderer()),
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


def card_source(settings: Settings) -> CardSource:
    """Return where cards come from: the trust list that the configuration names, or the directory alone."""
    repository, own = settings.values["trust"].get("repository"), str(settings.values["country"])
    if repository is None:
        return CardDirectory(settings.cards)
    from gateway.transport import trust_list  # here, because few commands read a list and this takes a while

    place, root = trust_list.address(repository, settings.home), settings.home / settings.values["trust"]["root"]
    return trust_list.TrustList(place, root, settings.data / "trust", settings.cards, own)


def narrow_suites(context: Context, source: CardSource, configured: Policy) -> None:
    """Use the suites that both the configuration and the trustees allow; a list without that policy allows all."""
    raw = source.policy(SUITES)
    suites = configured.suites if raw is None else configured.suites & parse_suites(raw)
    if suites != context.policy.suites:
        context.policy = replace(context.policy, suites=suites)
        context.log("trust.suites", count=len(suites))


async def publish_own(context: Context, source: CardSource) -> None:
    """Take our own newest card as what partners go by; what cannot be read, or is not ours, leaves the last one."""
    try:
        published = await source.cards(context.country)
    except Unavailable as error:
        context.log("card.unreadable", country=context.country, error=str(error), hint=error.hint)
        return
    card = own_card.newest(published, context.country, context.own, context.keyring.log.kid)
    if published and (card is None or card.raw != published[-1]):
        context.log(
            "card.not_ours", country=context.country, hint="isthmus check; a new identity counts from a start on"
        )
    if card is not None and card is not context.own:
        context.publish(card)


async def _own_cards(context: Context, source: CardSource) -> Sequence[bytes]:
    """Return our own cards as published, oldest first, without what somebody else put beside them."""
    published = await source.cards(context.country)
    return [card.raw for card in own_card.ours(published, context.country, context.own)]


async def _begin_logs(context: Context) -> None:
    """Begin a log for each partner that has none yet."""

    async def unit(tx: Tx) -> None:
        for country in context.partners:
            if await tx.log_head(country) is None:
                name = checkpoint.origin(context.country, country, context.epoch)
                await tx.save_log_head(country, LogHead(name, Frontier(), ""))

    await context.commit(unit)


async def _apply_erased(context: Context, path: Path) -> None:
    """Erase again what a restored database brought back."""
    refs = path.read_text(encoding="ascii").split() if path.exists() else []

    async def unit(tx: Tx) -> bool:
        rows = [row for ref in refs if (row := await tx.find_case(ref)) and row.wrapped_key is not None]
        for row in rows:
            await erase_in(context, tx, row.ref, context.clock.now())
        return bool(rows)

    if refs and (await context.commit(unit)).value:
        await context.store.truncate()


def _note_erased(path: Path, ref: str) -> None:
    """
    Add ``ref`` to the list of erased cases, durably, before anything of it is destroyed.

    Raises ``Unavailable`` if that cannot be done, and then nothing may be destroyed.
    """
    # A line of its own, whatever part of one a full disk or a power cut has left before it.
    line = f"\n{ref}\n".encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            written = os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unavailable(f"the list of erased cases: {error.strerror}", "free space; it goes on by itself") from error
    if written != len(line):
        raise Unavailable("the list of erased cases: no space for a line", "free space; it goes on by itself")


async def export_evidence(gateway: Gateway, ref: str, person: str, role: str, why: str) -> bytes:
    """Return the zip that proves ``ref``, without content; see ``gateway.services.evidence.export``."""
    return await evidence.export(gateway.context, ref, person, role, why, cards=gateway.cards)


def desk_services(gateway: Gateway) -> DeskServices:
    """Return what a desk of ``gateway`` takes its steps through."""
    return DeskServices(
        context=gateway.context,
        clear=gateway.clear,
        answer=gateway.answer,
        hold=gateway.hold,
        notices=gateway.notices,
        returning=gateway.returning,
        reminder=gateway.reminder,
        inquiries=gateway.inquiries,
        evidence=partial(export_evidence, gateway),
    )


def page_services(gateway: Gateway) -> dict[str, Any]:
    """Return what the pages of one desk alone stand on, by its name."""
    context, chosen = gateway.context, gateway.settings
    return {
        "board": Board(gateway.inquiries, context.reckoner, tuple(context.partners)),
        "operate": Operate(
            context=context,
            checks=partial(checks.looked, chosen, gateway.keys, context.keyring.signing.kid, context.peers),
            queues=gateway.inquiries,
            checkpoints=gateway.checkpoints,
            cards=gateway.cards.cards,
            reports=chosen.data / "reports",
        ),
    }


def tls(settings: Settings, listener: str = "peers") -> ssl.SSLContext | None:
    """Return the TLS 1.3 context of a listener, or ``None`` where a proxy in front speaks TLS."""
    chosen = settings.values["listeners"][listener]
    if not (chosen["tls_certificate"] and chosen["tls_key"]):
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(settings.home / chosen["tls_certificate"], settings.home / chosen["tls_key"])
    return made


def tokens(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the persons' API tokens: SHA-256 in hexadecimal to person id."""
    return {person["token_sha256"]: person["id"] for person in values["persons"] if person.get("token_sha256")}


async def serve(
    gateway: Gateway,
    *,
    ready: asyncio.Event | None = None,
    loops: bool = True,
    open_desks: Callable[[Gateway], Awaitable["Desks"]] | None = None,
    one_of_many: bool = False,
) -> None:
    """
    Open the listeners and run the loops until cancelled; one task that dies stops all.

    ``open_desks`` opens the pages in place of ``desks_of``. With ``one_of_many`` other processes may listen at the same
    addresses.
    """
    context, values = gateway.context, gateway.settings.values
    runners: list[NeutralRunner] = []
    desks: Desks | None = None
    first: asyncio.Task[None] | None = None
    try:
        peers = values["listeners"]["peers"]
        limits = values.get("limits", {})
        app = peer_app(gateway.receiver, gateway.deliverer, log=context.log, limits=limits, watch=gateway.witness)
        most = limits.get("connections_max", CONNECTIONS_MAX)
        opened, secured = partial(listen, reuse_port=one_of_many), tls(gateway.settings)
        each = limits.get("connections_per_address")
        door = await opened(
            app, peers["host"], peers["port"], ssl_context=secured, connections_max=most, per_address_max=each
        )
        runners.append(door)
        api = values["listeners"].get("api")
        if api is not None:
            services = LocalServices(desk_services(gateway), tokens(values))
            runners.append(await opened(local_app(services), api["host"], api["port"]))
        if (people := values["listeners"].get("desks")) is not None:
            desks = await (open_desks or desks_of)(gateway)
            secured = tls(gateway.settings, "desks")
            door = await opened(desks.app, people["host"], people["port"], ssl_context=secured, headers=desks.headers)
            runners.append(door)
        first = asyncio.create_task(gateway.refresh_trust())
        # A list that comes slowly keeps nobody from starting with the cards held.
        await asyncio.wait({first}, timeout=FIRST_READING_S)
        # What is loaded by now stays: collecting garbage then looks at messages only, not at every schema and table.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        context.log("process.ready" if one_of_many else "gateway.ready", port=peers["port"])
        if ready is not None:
            ready.set()
        outdated = asyncio.Event()
        context.on_outdated = outdated.set
        async with asyncio.TaskGroup() as group:
            group.create_task(_until(outdated))
            group.create_task(_trust_loop(gateway, first))
            if desks is not None:
                group.create_task(desks.run())
            if loops:
                group.create_task(gateway.deliverer.run())
                group.create_task(gateway.desk_notices.run())
                group.create_task(gateway.windows.run())
                group.create_task(gateway.witness.run_doubts())
                group.create_task(gateway.store.lead(partial(_lead, gateway), gateway.context.wake))
    finally:
        if first is not None:
            first.cancel()
        for runner in runners:
            await runner.cleanup()
        if desks is not None:
            await desks.close()


async def _until(outdated: asyncio.Event) -> None:
    """Raise ``Outdated``, and so end this process, once its epoch is not that of the store; a new one goes by that."""
    await outdated.wait()
    raise Outdated("this process was in another epoch than the store", "start it again")


async def _lead(gateway: Gateway) -> None:
    """Run the loops that one process runs for the whole gateway: nobody is reminded, or asked, by each of many."""
    async with asyncio.TaskGroup() as group:
        for loop in (
            gateway.reminder,
            gateway.returning,
            gateway.retention,
            gateway.information,
            gateway.collector,
            gateway.checkpoints,
            gateway.witness,
        ):
            group.create_task(loop.run())


async def desks_of(
    gateway: Gateway,
    *,
    environ: Mapping[str, str] = os.environ,
    more: Sequence["DeskPages"] = (),
    origins: Mapping[str, str] | None = None,
) -> "Desks":
    """Open the desks of ``gateway``; see ``gateway.desks.open_desks``."""
    from gateway.desks import open_desks  # here, because only a gateway with pages needs their libraries

    return await open_desks(
        gateway.settings,
        desk_services(gateway),
        gateway.keys,
        environ,
        page_services(gateway),
        more=more,
        origins=origins,
    )


async def _trust_loop(gateway: Gateway, reading: asyncio.Task[None] | None = None) -> None:
    """
    Read what is published in its turn, and what a person decided here in another process at once.

    The one never waits for the other: whoever serves the list, however slowly, keeps no decision from being noticed.
    ``reading`` is what was begun before.
    """
    context = gateway.context
    every = timedelta(seconds=gateway.settings.values["trust"].get("refresh_s", 900))
    due = context.clock.now() + every
    async with asyncio.TaskGroup() as group:
        while True:
            await context.clock.sleep(LOOK_S)
            now = context.clock.now()
            if reading is not None and reading.done():
                reading.result()
            # Its turn, or the clock was set: back, too, or it would not come for long.
            if (reading is None or reading.done()) and not due - every <= now < due:
                due = now + every
                reading = group.create_task(gateway.refresh_trust())
            try:
                await context.look()
                if await context.trust.changed():
                    await context.trust.load()
            except Outdated:
                raise
            except Unavailable as error:
                context.log("trust.unread", error=str(error), hint=error.hint)
