"""Rows of the desks for the tests of their store."""

from datetime import UTC, datetime, timedelta

from gateway.services.account_store import Approval, Invitation, Link, Passkey, Session

T0 = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def session(id: str = "s1", person: str = "first", invitation: Invitation | None = None) -> Session:
    """Return a session."""
    return Session(id, person, "interior", "csrf", T0, T0, "passkey", T0, invitation, language="fr")


INVITATION = Invitation("i1", "ref1", "lawyer", "guest.i1", "first", T0, T0 + HOUR)
LINK = Link("l1", "first", "interior", "enrol", T0, T0 + HOUR)
PASSKEY = Passkey("p1", "first", b"\x01\x02", 3, ("usb", "nfc"), "blue", T0)
APPROVAL = Approval(
    "ref1",
    "thread",
    "kind",
    "role",
    "digest",
    "first",
    "passkey",
    "challenge",
    "salt",
    "s1",
    T0,
    "p1",
    b"k",
    b"a",
    b"c",
)
