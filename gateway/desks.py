"""
The composition of the desks: accounts, languages, look and pages put together over a gateway that stands.

Imported only where a gateway has desks: their libraries take a while, and no other command needs them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from gateway.core.case import State
from gateway.services.accounts import Accounts
from gateway.services.acts import GONE, DeskServices
from gateway.services.ports import Unavailable
from gateway.settings import Settings, client_secret, emblem
from gateway.storage.desks import DeskStore
from gateway.stores import DESKS_KEPT, DESKS_SCHEMA, lacks_desks, lost_desks, open_desk_store
from gateway.web import board, interior, operator
from gateway.web.door import desks_app
from gateway.web.headers import HEADERS
from gateway.web.signin.hand import Hand
from gateway.web.signin.openid import OpenId
from gateway.web.signin.sign_on import SignOn
from gateway.web.site import DEFAULT_COLOUR, Look, Site
from gateway.web.visit import DeskPages
from keys.custody import KeyStore

PAGES: Sequence[DeskPages] = (interior.PAGES, board.PAGES, operator.PAGES)

CASES, REQUESTS = "/cases/", "/requests/"
"""How the paths of the pages of a case, and of what somebody is writing, begin; its reference follows."""

SWEEP_EVERY = timedelta(minutes=10)

INVITED_EVERY = timedelta(seconds=5)
"""How often a process looks who is invited by now: until then whose invitation was taken back elsewhere reads on."""


@dataclass(slots=True)
class Desks:
    """The desks of one gateway: what their pages stand on, the application that serves them all, and its headers."""

    site: Site
    store: DeskStore
    app: web.Application
    headers: Mapping[str, str]

    async def run(self) -> None:
        """
        Sweep away what is over or of a case that is gone, and see who else was invited, until cancelled.

        Each time the journal is cut: what people typed and handed in is not to be had from it a year later either.
        """
        every = self.site.desk.context.every
        async with asyncio.TaskGroup() as group:
            group.create_task(every(SWEEP_EVERY.total_seconds(), self.sweep))
            group.create_task(every(INVITED_EVERY.total_seconds(), self.site.accounts.load_guests))

    async def sweep(self, now: datetime) -> None:
        """Sweep once. Raises ``Unavailable``."""
        await self.site.accounts.sweep(now, believed=self.site.desk.context.believes(now))
        await forget_gone(self.site)
        await self.store.truncate()

    async def close(self) -> None:
        """Close what the desks opened."""
        try:
            if self.site.openid is not None:
                await self.site.openid.close()
        finally:
            await self.store.close()


async def forget_gone(site: Site) -> None:
    """
    Delete the copies that people are changing of cases that are locked or erased, with what they typed into them.

    Of an erased case also what was typed into any form of it goes, and what says what was approved in it: nobody finds
    the person again by trying names. That something was approved then, by whom and in which role, stays.
    """
    papers = site.accounts.papers
    typed = {place.split("/")[2] for place in await papers.draft_places() if place.startswith(CASES)}
    for ref in sorted(typed | set(await papers.work_refs()) | set(await papers.approval_refs())):
        row = await site.desk.inquiries.find_case(ref)
        if row is not None and row.state not in GONE:
            continue
        for id in await papers.forget_works(ref):
            await papers.forget_drafts(f"{REQUESTS}{id}")
        if row is None or row.state == State.ERASED:
            await papers.forget_drafts(f"{CASES}{ref}")
            await papers.blind_approvals(ref)


async def open_desks(
    settings: Settings,
    services: DeskServices,
    keys: KeyStore,
    environ: Mapping[str, str],
    extra: Mapping[str, Any],
    *,
    more: Sequence[DeskPages] = (),
    origins: Mapping[str, str] | None = None,
) -> Desks:
    """
    Return the desks of a gateway as its configuration says; ``more`` are pages of a demonstration, at its ``origins``.

    ``keys`` holds the signing keys of persons who sign here; ``extra`` what single pages need, by name. Raises
    ``BadConfiguration``, ``gateway.storage.errors.StoreError``.
    """
    chosen, context = settings.values["desks"], services.context
    kept = await context.store.read(lambda tx: tx.find_meta(DESKS_KEPT))
    if kept and await lacks_desks(settings, environ):
        raise lost_desks(settings.accounts if settings.dsn(environ) is None else DESKS_SCHEMA)
    store = await open_desk_store(settings, environ, context.clock.now())
    async with AsyncExitStack() as held:
        held.push_async_callback(store.close)  # unless all else is there too
        accounts = Accounts(store, context.persons, context.vault, context.random, context.log, context.guests)
        await accounts.load_guests(context.clock.now())
        await accounts.papers.seal_approvals()
        site = Site(
            desk=services,
            accounts=accounts,
            look=await asyncio.to_thread(_look, settings),
            origins={**chosen["origins"], **(origins or {})},
            values=settings.values,
            hand=Hand(keys, context.persons),
            openid=_openid(settings, accounts, environ),
            default_language=chosen.get("language", "en"),
            extra=extra,
        )
        made = Desks(site, store, desks_app(site, [*PAGES, *more]), HEADERS)
        if not kept:
            with suppress(Unavailable):  # as on a full disk; noted at the next start
                await context.commit(lambda tx: tx.set_meta(DESKS_KEPT, "1"))
        held.pop_all()
    return made


def _look(settings: Settings) -> Look:
    chosen = settings.values["desks"]
    return Look(chosen["name"], chosen.get("colour", DEFAULT_COLOUR), emblem(settings, {}))


def _openid(settings: Settings, accounts: Accounts, environ: Mapping[str, str]) -> OpenId | None:
    provider = sign_on(settings, environ)
    return None if provider is None else OpenId(accounts, provider, settings.values["desks"]["openid"]["claim"])


def sign_on(settings: Settings, environ: Mapping[str, str]) -> SignOn | None:
    """Return the State's own sign-on, if the desks go by one. Raises ``BadConfiguration``."""
    chosen, hidden = settings.values.get("desks", {}).get("openid"), client_secret(settings, environ)
    return None if chosen is None or hidden is None else SignOn(chosen["issuer"], chosen["client_id"], hidden)
