"""
Everything that can be wrong with a gateway, at once, each with the next step: what ``isthmus check`` and the operator's
first page show.

Rule 1: it changes nothing. The database is opened read-only, and no card is taken.
Rule 2: one check that fails does not keep the others from running.
Rule 3: a text is a template and its values, so that a page can say it in another language.

Each file beside this has the checks of one part; they stand in ``CHECKS`` in the order in which they are shown.
"""

import asyncio
from datetime import datetime

from gateway.checks import configuration, database, host, keys, partners, trust
from gateway.checks.look import RESTORE, Check, Look, Missing, plainly
from gateway.services.health import N_, Item, bad
from gateway.services.ports import Peers
from gateway.settings import BadConfiguration, Settings
from keys.custody import KeyStore

BESIDE_S = 10.0
"""How long a statement may take beside a gateway that runs: what it stops by waits until the look has ended."""

CHECKS: tuple[Check, ...] = (
    configuration.configuration,
    configuration.named,
    host.clock,  # first: keys, cards and cases are judged by it
    host.doors,
    host.permissions,
    keys.crypto,
    keys.keys,
    keys.card,
    keys.tls,
    database.database,
    trust.trust,
    partners.partners,
    configuration.calendars,
    host.disk,
)


def run(look: Look) -> list[Item]:
    """Run every check. What several of them stand on and is not there is said once, by the first."""
    told: set[tuple[str, str]] = set()
    return [item for one in CHECKS for item in _guarded(one, look, told)]


def _guarded(one: Check, look: Look, told: set[tuple[str, str]]) -> list[Item]:
    """Run one check; what it raises is a finding too, unless it was ``told``."""
    items: list[Item] = []
    area = one.__name__
    try:
        items.extend(one(look))
    except BadConfiguration as error:  # what it names, as the file with the address of the database
        items.extend(bad(area, "%(why)s", RESTORE, why=why) for why in error.problems)
    except Exception as error:
        text, hint = plainly(error) if isinstance(error, Missing) else look.told(error)
        if (text, hint) in told:
            return items
        told.add((text, hint))
        after = "%(then)s" if hint else N_("isthmus check again once this is mended")
        items.append(bad(area, "%(text)s", after, text=text, then=hint))
    return items


async def looked(
    settings: Settings, store: KeyStore, signing: str, peers: Peers, now: datetime, online: bool, *, whole: bool = True
) -> list[Item]:
    """
    Return what the checks find of a gateway that runs: its key store is open, and ``signing`` the key it signs with.

    The checks read files and, where they are ``whole``, a whole database, so they do it beside the loop.
    """

    def ask() -> str:
        raise Missing("the key store is not open", "start the gateway again")

    def signing_kid(chosen: Settings) -> str | None:
        return signing if chosen.signing else None

    look = Look(settings, ask, now, store, signing_kid, whole=whole, wait_s=BESIDE_S)
    items = await asyncio.to_thread(run, look)
    return items + (await partners.reach(look, peers) if online else [])
