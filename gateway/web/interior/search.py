"""
Search by reference alone: ours, or the thread that both States know. Nothing is found by a name, here or anywhere.

What is typed is posted: it may be a name all the same, and an address is kept by browsers and logs.

An exact reference leads to its case; anything else finds nothing, and the answer does not say how near it was.
"""

import re
from typing import Final

from aiohttp import web

from gateway.services.acts import ANYBODY
from gateway.services.inquire import BoardRow
from gateway.services.ports import Tx
from gateway.web.language import N_
from gateway.web.visit import Entry, Route, Visit

REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


async def search(visit: Visit) -> web.StreamResponse:
    """Lead to the case of the reference asked for, or say that there is none."""
    wanted = "".join((visit.form.get("ref") or visit.query("ref")).split())
    if not wanted:
        return visit.page("interior/search.html", wanted=visit.draft.get("ref", "")[:64], problem="")
    row = await _find(visit, wanted) if REFERENCE.fullmatch(wanted) else None
    if row is not None:
        return await visit.to(visit.path("case", ref=row.ref))
    return visit.page("interior/search.html", status=404, wanted=wanted[:64], problem=NOT_FOUND)


NOT_FOUND = N_("There is no case with this reference here. A reference has 22 letters, digits, dashes or underscores.")


async def _find(visit: Visit, wanted: str) -> BoardRow | None:
    """Return the case whose reference or thread is ``wanted``."""
    desk = visit.site.desk
    found = await desk.inquiries.find_case(wanted)
    if found is not None:
        return found

    async def unit(tx: Tx) -> str | None:
        for partner in desk.context.partners:
            thread = await tx.find_thread(partner, wanted)
            if thread is not None:
                return thread.ref
        return None

    ref = await desk.context.store.read(unit)
    return await desk.inquiries.find_case(ref) if ref else None


ROUTES = (
    Route("GET", "/search", "search", search, ANYBODY),
    Route("POST", "/search", "search-for", search, ANYBODY),
)

NAVIGATION = (Entry("search", N_("Search"), ANYBODY),)
