"""
The interior desk: whoever asks and answers about a person, decides on a return, or looks after the person.

Each module holds the pages of one matter and ends with its ``ROUTES``; this one puts them together.
"""

from gateway.web import help as help_pages
from gateway.web.interior import (
    case,
    clearing,
    draft,
    home,
    invitations,
    invited,
    pictures,
    pressing,
    queues,
    remark,
    returns,
    search,
    steps,
    supervisor,
    welfare,
)
from gateway.web.language import N_
from gateway.web.signin import pages as signin
from gateway.web.visit import DeskPages

ROUTES = (
    *home.ROUTES,
    *queues.ROUTES,
    *search.ROUTES,
    *draft.ROUTES,
    *clearing.ROUTES,
    *case.ROUTES,
    *pictures.ROUTES,
    *remark.ROUTES,
    *steps.ROUTES,
    *pressing.ROUTES,
    *welfare.ROUTES,
    *returns.ROUTES,
    *supervisor.ROUTES,
    *invitations.ROUTES,
    *invited.ROUTES,
    *help_pages.ROUTES,
    *signin.ROUTES,
)

NAVIGATION = (
    *home.NAVIGATION,
    *draft.NAVIGATION,
    *welfare.NAVIGATION,
    *supervisor.NAVIGATION,
    *search.NAVIGATION,
)

PAGES = DeskPages("interior", N_("Confirmation desk"), ROUTES, NAVIGATION)
