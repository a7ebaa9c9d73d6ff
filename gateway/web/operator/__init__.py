"""
The operator's desk: whether the gateway is well, and whom it believes.

Rule 1: no page here has a case, an element or a reason of a case in it: counts, keys, codes, instants, and people who
work here.
Rule 2: whom we believe is changed by two operators, each of whom compared the fingerprint by another way.
"""

from gateway.web import help as help_pages
from gateway.web.language import N_
from gateway.web.operator import health, keys, logs, partners, people, queues, reports
from gateway.web.operator.desk import ROLES
from gateway.web.signin import pages as signin
from gateway.web.visit import DeskPages, Entry

ROUTES = (
    *health.ROUTES,
    *keys.ROUTES,
    *partners.ROUTES,
    *queues.ROUTES,
    *logs.ROUTES,
    *reports.ROUTES,
    *people.ROUTES,
    *help_pages.ROUTES,
    *signin.ROUTES,
)

NAVIGATION = (
    Entry("health", N_("This gateway"), ROLES),
    Entry("keys", N_("Keys"), ROLES),
    Entry("states", N_("States"), ROLES),
    Entry("queues", N_("Queues"), ROLES),
    Entry("logs", N_("Logs"), ROLES),
    Entry("reports", N_("Reports"), ROLES),
    Entry("people", N_("People"), ROLES),
)

PAGES = DeskPages("operator", N_("Operator"), ROUTES, NAVIGATION)
