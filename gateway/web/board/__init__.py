"""
The board: foreign affairs watches for replies, presses for them, and never learns who a case is about.

Rule 1: a page here is made of ``gateway.services.board``, which has no field for a person and can open no case.
Rule 2: what has to look into a case before it acts (a reminder, a note verbale, a list for the other State) is a
service that hands back references, days and agreements only.
"""

from gateway.web import help as help_pages
from gateway.web.board import digests, notes, partners, reminders, replies
from gateway.web.board.desk import ROLES
from gateway.web.language import N_
from gateway.web.signin import pages as signin
from gateway.web.visit import DeskPages, Entry

ROUTES = (
    *replies.ROUTES,
    *reminders.ROUTES,
    *digests.ROUTES,
    *notes.ROUTES,
    *partners.ROUTES,
    *help_pages.ROUTES,
    *signin.ROUTES,
)

NAVIGATION = (
    Entry("replies", N_("Replies to watch"), ROLES),
    Entry("digests", N_("Digests"), ROLES),
    Entry("notes", N_("Notes verbales"), ROLES),
    Entry("partners", N_("States"), ROLES),
)

PAGES = DeskPages("board", N_("Replies to watch"), ROUTES, NAVIGATION)
