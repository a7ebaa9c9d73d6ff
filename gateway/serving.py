"""Opening the doors of a gateway that is put together, and running its loops."""

import asyncio
import gc
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway import checks, erased, stands
from gateway.app import Gateway, check_beside
from gateway.configured import alike, tls, tokens
from gateway.http.listen import CONNECTIONS_MAX, listen
from gateway.http.local_api import LocalServices, local_app
from gateway.http.peer_api import peer_app
from gateway.http.proxy_protocol import Proxies
from gateway.services import evidence, no_contact
from gateway.services.acts import DeskServices
from gateway.services.board import Board
from gateway.services.context import Context, is_ending
from gateway.services.monitor import Monitor
from gateway.services.nodes import BEAT_S, SAME, Nodes
from gateway.services.operate import Operate
from gateway.services.ports import Outdated, Tx, Unavailable
from gateway.services.steady import SteadyClock
from gateway.services.trust import LOOK_S
from gateway.storage.errors import StoreError
from keys.errors import BadStore

if TYPE_CHECKING:
    from gateway.desks import Desks
    from gateway.web.visit import DeskPages


FIRST_READING_S = 30.0
"""How long a gateway that starts waits for what is published."""

LEAVE_S = 5.0
"""
How long a node that ends waits until the database has that it runs no more, and the home how far that had come: nobody
counts it for long anyway, and what stands in the home lags as it does after a kill.
"""


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
    context = gateway.context
    return {
        "board": Board(gateway.inquiries, context.reckoner, tuple(context.partners)),
        "operate": _operate(gateway),
    }


def _operate(gateway: Gateway, *, whole: bool = True) -> Operate:
    """Return what looks at ``gateway``; a ``whole`` look reads the database to its end."""
    context, chosen, signing = gateway.context, gateway.settings, gateway.context.keyring.signing.kid
    return Operate(
        context=context,
        checks=partial(checks.looked, chosen, gateway.keys, signing, context.peers, whole=whole),
        queues=gateway.inquiries,
        checkpoints=gateway.checkpoints,
        cards=gateway.cards.cards,
        reports=chosen.data / "reports",
    )


def monitor_of(gateway: Gateway) -> Monitor:
    """Return what monitoring sees of ``gateway``."""
    context = gateway.context

    def ends(now: datetime) -> Mapping[str, datetime]:
        return checks.keys.ends(gateway.settings, context.own, context.keyring.signing.kid, now)

    return Monitor(_operate(gateway, whole=False), ends, gateway.receiver.daily.is_busy)


async def serve(
    gateway: Gateway,
    *,
    ready: asyncio.Event | None = None,
    loops: bool = True,
    open_desks: Callable[[Gateway], Awaitable["Desks"]] | None = None,
    one_of_many: bool = False,
    process: int = 0,
    moved: bool = False,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """
    Open the listeners and run the loops until cancelled; one task that dies stops all.

    ``open_desks`` opens the pages in place of ``open_desks_of``. With ``one_of_many`` other processes may listen at the
    same addresses; ``process`` is the number of this one. The clock of a demonstration is ``moved`` by hand: nobody
    waits until it has gone on steadily. ``on_end`` is called once before anything is closed, whatever ends it: what is
    cancelled from then on is the closing.

    Raises ``BadConfiguration`` where nodes of another gateway run over the same database, ``Outdated`` where that has
    gone back, and ``BadStore`` or ``StoreError`` where our card says that keys or cards here are older ones.
    """
    context = gateway.context
    _check_newest(context)
    outdated = asyncio.Event()
    context.on_outdated = outdated.set
    monitor = monitor_of(gateway)
    keep = partial(_keep_stand, gateway, outdated)
    async with AsyncExitStack() as held, AsyncExitStack() as ending:
        ending.callback(on_end)
        ending.callback(monitor.stop)
        nodes = await _take_place(gateway, process, keep, held)
        steady = None if moved else SteadyClock(context)
        if steady is not None:
            await steady.begin()  # before the doors are open: whoever collects has what waits looked at
        pages = open_desks or open_desks_of
        desks = await _open_doors(gateway, monitor, held, pages, process, reuse_port=one_of_many)
        held.push_async_callback(_drain, gateway)
        first = await _begin_reading(gateway, held)
        settle_in()
        port = gateway.settings.values["listeners"]["peers"]["port"]
        context.log("process.ready" if one_of_many else "gateway.ready", port=port)
        monitor.serves = True
        if ready is not None:
            ready.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(_until(outdated))
            group.create_task(_trust_loop(gateway, first))
            if desks is not None:
                group.create_task(desks.run())
            if nodes is not None:
                group.create_task(stay(nodes))
                group.create_task(context.every(erased.LOOK_S, partial(_list_erased, gateway)))
            if steady is not None:
                group.create_task(steady.run())
            if process <= 1:  # the others of one machine have the same home
                _begin_beside(group, gateway, monitor, keep)
            if loops:
                _begin_loops(group, gateway, monitor)


def _check_newest(context: Context) -> None:
    """
    Raise ``BadStore`` or ``StoreError`` where keys or cards here are older ones, or there is no card.

    Nobody would hear what is said, nor could write to us, and all of it would wait in silence. A command does its work
    over them all the same: a stop, and what mends this.
    """
    own = context.own
    if own is None:
        hint = "put all of our cards back, from the backup or from a partner, which has them; see trust.directory"
        raise StoreError("no card of ours is here: nothing would leave, and nothing that comes would open", hint)
    kid = context.keyring.signing.kid
    if context.is_revoked(kid) or kid not in {key.kid for key in own.signing}:
        hint = (
            "put the newest copy of the key store back, and our newest cards, which a partner has, or name the key that"
            " the card lists as 'signing'; if isthmus compromise was cut short, run it again; else isthmus keys rotate"
            " signing, then the same with --activate"
        )
        says = "revokes" if context.is_revoked(kid) else "does not list"
        raise BadStore(f"our card {own.serial} {says} the signing key in use: no partner takes what it signs", hint)
    if own.epoch < context.epoch:
        hint = (
            "put the newest cards and key store here if another machine has newer ones, or the cards if a partner has;"
            " if isthmus restore begin-epoch or isthmus compromise was cut short, run it again"
        )
        text = f"the database is in epoch {context.epoch}, and our newest card here is of epoch {own.epoch}"
        raise StoreError(f"{text}: nothing would leave", hint)


async def _begin_reading(gateway: Gateway, held: AsyncExitStack) -> asyncio.Task[None]:
    """Begin to read what is published, and wait for that a while; ``held`` ends the reading."""
    reading = asyncio.create_task(gateway.refresh_trust())
    held.callback(reading.cancel)
    # A list that comes slowly keeps nobody from starting with the cards held.
    await asyncio.wait({reading}, timeout=FIRST_READING_S)
    return reading


def _begin_beside(
    group: asyncio.TaskGroup, gateway: Gateway, monitor: Monitor, keep: Callable[[datetime], Awaitable[None]]
) -> None:
    """Begin what one process of a home does for its files: how far the store has come, and what monitoring is told."""
    group.create_task(gateway.context.every(stands.LOOK_S, keep))
    if gateway.settings.values["listeners"].get("metrics") is not None:
        group.create_task(monitor.run())


def _begin_loops(group: asyncio.TaskGroup, gateway: Gateway, monitor: Monitor) -> None:
    """Begin what every process does, and what one of them does for the whole gateway."""
    group.create_task(gateway.deliverer.run())
    group.create_task(gateway.desk_notices.run())
    group.create_task(gateway.windows.run())
    group.create_task(gateway.witness.run_doubts())
    group.create_task(gateway.store.lead(partial(_lead, gateway, monitor), gateway.context.wake))


async def _open_doors(
    gateway: Gateway,
    monitor: Monitor,
    held: AsyncExitStack,
    open_desks: Callable[[Gateway], Awaitable["Desks"]],
    process: int,
    *,
    reuse_port: bool,
) -> "Desks | None":
    """
    Listen for partners, and for the local API, the desks and monitoring where there are any; ``held`` closes them.

    For monitoring each ``process`` has a port of its own, counted from the one configured.
    """
    context, values = gateway.context, gateway.settings.values
    doors, limits = values["listeners"], values.get("limits", {})
    behind, runners = await held.enter_async_context(AsyncExitStack()), list[web.AppRunner]()
    held.push_async_callback(_close_doors, runners)  # before what is behind them

    async def opened(app: web.Application, door: Mapping[str, Any], **options: Any) -> None:
        proxies = Proxies(door["proxies"], context.log) if door.get("proxies") else None
        options |= {"proxies": proxies, "reuse_port": reuse_port}
        runners.append(await listen(app, door["host"], door["port"], **options))

    await opened(
        peer_app(
            gateway.receiver,
            gateway.deliverer,
            log=context.log,
            limits=limits,
            watch=gateway.witness,
            answered=monitor.answered,
        ),
        doors["peers"],
        ssl_context=tls(gateway.settings),
        connections_max=limits.get("connections_max", CONNECTIONS_MAX),
        per_address_max=limits.get("connections_per_address"),
    )
    if (door := doors.get("metrics")) is not None:
        from gateway.http import metrics  # here, because only a gateway that is watched needs its library

        port = door["port"] and door["port"] + max(process - 1, 0)
        app, most = metrics.metrics_app(monitor, log=context.log), metrics.CONNECTIONS_MAX
        runners.append(await listen(app, door["host"], port, connections_max=most))
    if doors.get("api") is not None:
        await opened(local_app(LocalServices(desk_services(gateway), tokens(values))), doors["api"])
    if doors.get("desks") is None:
        return None
    desks = await open_desks(gateway)
    behind.push_async_callback(desks.close)
    await opened(desks.app, doors["desks"], ssl_context=tls(gateway.settings, "desks"), headers=desks.headers)
    return desks


async def _drain(gateway: Gateway) -> None:
    """Answer on while a load balancer learns that this process is not ready, for as long as that is to take."""
    door = gateway.settings.values["listeners"].get("metrics")
    if door is not None:
        await asyncio.sleep(door["drain_s"])


async def _keep_stand(gateway: Gateway, outdated: asyncio.Event, now: datetime) -> None:
    """Write down how far the store has come, unless it is one that this process does not go on over."""
    if not outdated.is_set():
        await stands.keep(gateway.context, gateway.settings.home / stands.STANDS_FILE, now)


async def _close_doors(runners: Sequence[web.AppRunner]) -> None:
    """Close every door at once: each waits for its own answers, and all of them may wait for the same store."""
    for done in await asyncio.gather(*(runner.cleanup() for runner in runners), return_exceptions=True):
        if done is not None:
            raise done


async def _take_place(
    gateway: Gateway, process: int, keep: Callable[[datetime], Awaitable[None]], held: AsyncExitStack
) -> Nodes | None:
    """
    Enter this node beside the others, where there may be others; ``held`` takes it out again, and does ``keep`` then.

    Raises as ``serve``.
    """
    nodes = nodes_of(gateway, process)
    held.push_async_callback(_leave, gateway.context, nodes, keep)
    try:
        await gateway.context.look()
        if nodes is not None:
            await _enter(nodes, gateway.context.clock.now())
    except Outdated:
        raise
    except Unavailable as error:
        gateway.context.unavailable(error)  # it enters as soon as it can (``stay``)
    return nodes


async def stay(nodes: Nodes) -> None:
    """
    Say what this node goes by until cancelled; where its place could not be taken at the start, that comes first.

    Raises ``BadConfiguration`` as ``serve``, then.
    """

    async def look(now: datetime) -> None:
        await (nodes.run_once(now) if nodes.begun else _enter(nodes, now))

    await nodes.context.every(BEAT_S, look)


async def _leave(context: Context, nodes: Nodes | None, keep: Callable[[datetime], Awaitable[None]]) -> None:
    """Say that this node runs no more, and how far its store has come."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(LEAVE_S):
            if nodes is not None:
                await nodes.leave()
            await keep(context.clock.now())


def nodes_of(gateway: Gateway, process: int = 0) -> Nodes | None:
    """Return this node beside the others; ``None`` where the store is a file, which one process serves alone."""
    values = gateway.settings.values
    if values.get("database") is None:
        return None
    start = gateway.context.random.token()[:6]
    name = f"{start}@{socket.gethostname()}:{values['listeners']['peers']['port']}"
    return Nodes(gateway.context, f"{name}/{process}" if process else name, alike(gateway.settings))


async def _enter(nodes: Nodes, now: datetime) -> None:
    """Take a place among the nodes that run, unless they are another gateway's. Raises ``Unavailable``."""
    found = await nodes.run_once(now)
    foreign = next((one for one in found if SAME in one.parts and nodes.name in one[:2]), None)
    check_beside(foreign and (foreign.node if foreign.other == nodes.name else foreign.other))


async def _list_erased(gateway: Gateway, _: datetime) -> None:
    await erased.take_over(gateway.context, gateway.settings.home / erased.ERASED_FILE)


def settle_in() -> None:
    """Let what is loaded by now stay: collecting garbage then looks at messages only, not at every schema and table."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)  # a pause of 5 ms, where four times as many made one of 18 in a siege


async def _until(outdated: asyncio.Event) -> None:
    """Raise ``Outdated``, and so end this process, once it goes by another state than that of the store."""
    await outdated.wait()
    hint = "the line process.outdated in the log says whether it is started again, or a new epoch begun first"
    raise Outdated("this process went by another state than that of the store", hint)


async def _lead(gateway: Gateway, monitor: Monitor) -> None:
    """Run the loops that one process runs for the whole gateway: nobody is reminded, or asked, by each of many."""
    monitor.leads = True
    try:
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
    finally:
        monitor.leads = False


async def open_desks_of(
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


async def _is_decided(context: Context, tx: Tx) -> bool:
    """Take the list of States not to be contacted as it is, and return whether another decision is to be read."""
    await no_contact.refresh(context, tx)  # a board that nothing leaves from reads it nowhere else
    return await context.trust.changed(tx)


async def _trust_loop(gateway: Gateway, reading: asyncio.Task[None] | None = None) -> None:
    """
    Read what is published in its turn, and what a person decided here in another process at once: whom to believe, and
    whom not to contact.

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
                if await context.look(partial(_is_decided, context)):
                    await context.trust.load()
            except Outdated:
                raise
            except Unavailable as error:
                context.log("trust.unread", error=str(error), hint=error.hint)
                if is_ending():
                    raise asyncio.CancelledError from error  # it failed of just that
