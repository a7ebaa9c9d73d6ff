"""What the pages of the operator share: who may see them, what they stand on, and time left in words."""

from datetime import datetime, timedelta
from typing import Final

from gateway.services.health import SOON
from gateway.services.operate import Operate
from gateway.web.language import Tongue
from gateway.web.visit import Visit

ROLE: Final = "operator"
ROLES: Final = frozenset({ROLE})

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def operate(visit: Visit) -> Operate:
    """Return what the pages stand on."""
    found: Operate = visit.site.extra["operate"]
    return found


def left(tongue: Tongue, until: datetime, now: datetime) -> tuple[str, str]:
    """Return how long it is until an end in words, and the kind of its tag."""
    if until <= now:
        return tongue._("Ended"), "late"
    days = (until - now) // _DAY
    if days < 1:
        return tongue._("Ends within a day"), "late"
    text = tongue.ngettext("%(n)s more day", "%(n)s more days", days)
    return text, "soon" if until - now < SOON else "good"


def ago(tongue: Tongue, age: timedelta) -> str:
    """Return how long ago something was, in words."""
    if age < _HOUR:
        return tongue.ngettext("%(n)s minute ago", "%(n)s minutes ago", max(0, int(age.total_seconds() // 60)))
    if age < 2 * _DAY:
        return tongue.ngettext("%(n)s hour ago", "%(n)s hours ago", age // _HOUR)
    return tongue.ngettext("%(n)s day ago", "%(n)s days ago", age // _DAY)
