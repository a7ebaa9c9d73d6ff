"""
Codes of an authenticator app (RFC 6238), for who has no passkey: making the secret known once, as text and QR code.

Checking a code, its single use and the wait after wrong ones are in ``gateway.services.accounts``.
"""

import io
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno

from gateway.services.account_store import Session
from gateway.services.accounts import Accounts

USE = "code-secret"


@dataclass(frozen=True, slots=True)
class Codes:
    """Enrolling codes at one desk; ``label`` is what the app shows beside the person's id."""

    accounts: Accounts
    desk: str
    label: str

    async def offer(self, session: Session, now: datetime) -> tuple[str, str]:
        """Return the name of a new secret that waits for its first code, and the secret (base32)."""
        pending, secret = secrets.token_urlsafe(32), self.accounts.new_secret()
        more = {"secret": secret}
        await self.accounts.make_challenge(pending, USE, session.id, now, person=session.person, more=more)
        return pending, secret

    async def find(self, session: Session, pending: str, now: datetime) -> str | None:
        """Return the waiting secret ``pending`` of this session, for its picture or a second try."""
        kept = await self.accounts.find_challenge(pending, USE, session.id, now)
        return None if kept is None else str(kept["secret"])

    async def picture(self, session: Session, pending: str, now: datetime) -> bytes | None:
        """Return the QR code of a waiting secret as SVG; ``None`` if there is none."""
        secret = await self.find(session, pending, now)
        if secret is None:
            return None
        made = io.BytesIO()
        address = pyotp.TOTP(secret).provisioning_uri(name=session.person, issuer_name=self.label)
        # Dark on light whatever the page: a camera reads it so.
        segno.make(address, error="m").save(made, kind="svg", scale=5, border=4, light="#fff", svgclass=None)
        return made.getvalue()

    async def enrol(self, session: Session, pending: str, code: str, now: datetime) -> bool:
        """Keep the waiting secret if ``code`` is one of its codes; it then waits no more."""
        secret = await self.find(session, pending, now)
        if secret is None:
            return False
        if not await self.accounts.add_code(session.person, secret, code, self.desk, now, session=session):
            return False
        await self.accounts.take_challenge(pending, USE, session.id, now)
        return True
