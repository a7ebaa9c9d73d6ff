"""Cases, and the queues of a desk that hold them."""

from datetime import timedelta

from gateway.services.inquire import Wanted
from tests.storage.support import NOW, case

OURS, THEIRS = "requesting", "requested"
DAY = timedelta(days=1)
CASES = (
    case("a", side=OURS, state="DRAFT", due_at=None, due_on=None),
    case("b", side=OURS, state="SENT", due_at=NOW + 2 * DAY),
    case("c", side=OURS, state="ACKNOWLEDGED", due_at=NOW - DAY, officer="p2"),
    case("d", side=OURS, state="CLOSED", closed_at=NOW),
    case("e", side=THEIRS, state="ACKNOWLEDGED", due_at=NOW - DAY, officer=None),
    case("f", side=THEIRS, state="ACKNOWLEDGED", due_at=NOW + 5 * DAY, partner="XCC"),
)
BOTH = ("SENT", "ACKNOWLEDGED")
QUEUES = {
    "everything open": (Wanted(), "cebfa"),
    "one side in two states": (Wanted(OURS, BOTH), "cb"),
    "the other side": (Wanted(THEIRS, BOTH), "ef"),
    "one partner": (Wanted(THEIRS, BOTH, partner="XCC"), "f"),
    "any state of one partner": (Wanted(partner="XCC"), "f"),
    "of one officer": (Wanted(OURS, BOTH, officers=("p2",)), "c"),
    "of nobody": (Wanted(officers=(None,)), "e"),
    "of nobody or somebody": (Wanted(officers=(None, "p2")), "ce"),
    "overdue": (Wanted(due_before=NOW), "ce"),
    "due soon": (Wanted(due_from=NOW, due_before=NOW + 3 * DAY), "b"),
    "never due, so last": (Wanted(due_from=NOW + 10 * DAY), "a"),
    "nothing is closed here": (Wanted(OURS, ("CLOSED",)), ""),
}
