"""
Guests: people whom a desk asked to one case, in one role, for a time; and what their word may do there.

Rule 1: a guest is nobody but by an invitation that stands: one case, one role, until an instant or a revocation.
Rule 2: a guest's word stops, refuses, reports and answers. It approves nothing, attests nothing, lets go of nothing and
is no second person: a link is good for whoever holds it, and the desk that made it holds it first.
Rule 3: a service takes a guest only where it names the case (``context.acting``), and no case is moved by a guest but
their own (``steps.move``). Whatever does neither takes no guest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from gateway.core.case import GUEST as GUEST
from gateway.core.case import is_guest as is_guest

EVENTS: Final = frozenset(
    # What stops. Letting go is for a person of this gateway in the same role (V-07).
    {"freeze", "suspend", "recall", "withdraw"}
    # What refuses, or leads back to where everything is looked at again.
    | {"decline", "decline_interview", "refuse", "cancel", "reassess"}
    # What an officer may do alone as well: nobody gains by doing it through a guest.
    | {"consider", "record", "contest"}
    | {"acknowledge", "ask", "ask_interview", "extend", "notify_delay", "redirect", "report_interview"}
    | {"report_use", "confirm"}
    # What the role alone knows. A departure is not here: nobody can freeze after it.
    | {"issue", "reissue_document", "report", "report_safe", "report_concern", "report_lost"}
)
"""The events of the state tables that a guest may bring, if the tables give them to the role."""


class Leave(Protocol):
    """What an invitation says, as far as it matters here."""

    @property
    def id(self) -> str:
        """Return its id."""
        ...

    @property
    def ref(self) -> str:
        """Return the case."""
        ...

    @property
    def role(self) -> str:
        """Return the role."""
        ...

    @property
    def person(self) -> str:
        """Return who is invited."""
        ...

    @property
    def made_at(self) -> datetime:
        """Return when it was made; that it was renewed since does not count."""
        ...

    def stands(self, at: datetime) -> bool:
        """Return whether it may be used at ``at``."""
        ...


@dataclass(slots=True)
class Guests:
    """The invitations that stand, in memory: the accounts say each change, and all again every few seconds."""

    _held: dict[str, Leave] = field(default_factory=dict)
    changed: int = 0
    """How often one was taken in or let go here: what was read of all before that may be over."""

    def load(self, invitations: Iterable[Leave]) -> None:
        """Hold ``invitations`` and no other."""
        self._held = {one.id: one for one in invitations}

    def take(self, invitation: Leave) -> None:
        """Hold ``invitation`` as it is now; whether it stands is looked at each time it is asked for."""
        self.changed += 1
        self._held[invitation.id] = invitation

    def drop(self, id: str) -> None:
        """Let go of an invitation."""
        self.changed += 1
        self._held.pop(id, None)

    def invited(self, person: str, role: str, ref: str, at: datetime, after: datetime | None = None) -> bool:
        """
        Tell whether ``person``, a guest or not, is invited to the case ``ref`` in ``role`` at ``at``.

        With ``after`` an invitation counts that was made later than that.
        """
        return any(
            (one.person, one.role, one.ref) == (person, role, ref)
            and one.stands(at)
            and (after is None or one.made_at > after)
            for one in self._held.values()
        )

    def may_bring(self, event: str, person: str, role: str, ref: str, at: datetime) -> bool:
        """Tell whether the guest ``person`` may bring ``event`` to the case ``ref`` in ``role`` at ``at``."""
        return event in EVENTS and self.invited(person, role, ref, at)
