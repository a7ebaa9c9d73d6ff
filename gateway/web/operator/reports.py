"""Reports of conformance in the folder ``reports`` of the data directory: a list, and a summary of each."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from gateway.services.reports import LEVELS, VERDICTS, BadReport, read_report, report_names
from gateway.web.language import N_
from gateway.web.operator.desk import ROLES, operate
from gateway.web.visit import Route, Visit

SAID: Mapping[str, tuple[str, str]] = {
    "pass": (N_("Passed"), "good"),
    "fail": (N_("Failed"), "late"),
    "not applicable": (N_("Not applicable"), "still"),
    "inconclusive": (N_("Inconclusive"), "soon"),
}
"""What each verdict is called, and the kind of its tag."""

WHY: tuple[str, ...] = (
    N_("There is no such report."),
    N_("The file is no JSON."),
    N_("The file is not a report of the conformance suite."),
    N_("The file is too large for a report."),
)
"""The reasons of ``BadReport``, for the catalogues."""


async def reports(visit: Visit) -> web.StreamResponse:
    """List the reports."""
    folder = operate(visit).reports
    names = await asyncio.to_thread(report_names, folder)
    return visit.page("operator/reports.html", names=names, folder=folder)


async def report(visit: Visit) -> web.StreamResponse:
    """Show the summary of one report, or why the file is none."""
    name, folder = visit.request.match_info["name"], operate(visit).reports
    try:
        found = await asyncio.to_thread(read_report, folder, name)
    except BadReport as error:
        return visit.page("operator/report_bad.html", status=422, why=visit.tongue._(error.reason))
    said = {code: (visit.tongue._(text), kind) for code, (text, kind) in SAID.items()}
    return visit.page("operator/report.html", found=found, said=said, levels=LEVELS, verdicts=VERDICTS)


ROUTES = (
    Route("GET", "/reports", "reports", reports, ROLES),
    Route("GET", "/reports/{name}", "report", report, ROLES),
)
