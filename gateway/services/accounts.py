"""
Who is at a desk: sessions, one-time links, invitations, passkeys and codes. What they have under way is in ``papers``.

Rule 1: a token is known to the browser alone. Here stands its SHA-256, so whoever reads the file can open no session.
Rule 2: a session belongs to one desk and to a person in office. It ends by itself after 15 idle minutes or ten hours,
and its token is drawn anew whenever what was proved changes. One that was ended does not go on, whatever was under way.
Rule 3: whatever may be used once is used up in one step of the store, so of two that come together one is too late.
Rule 4: nothing here says whether a person exists to somebody who has not signed in.
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pyotp

from gateway.core.wire import SKEW
from gateway.services.account_store import (
    CHALLENGE_LASTS,
    CODE_DRIFT,
    CODE_STEP_S,
    DESKS,
    DRAFT_LASTS,
    IDLE,
    INVITATION_MAX,
    LEVELS,
    LINK_LATEST,
    LINK_MAX,
    PRESENT,
    REQUEST_LASTS,
    SEEN_EVERY,
    TOKEN_BYTES,
    UNKNOWN_BUCKETS,
    AccountEvent,
    AccountStore,
    Challenge,
    CodeSecret,
    Invitation,
    Link,
    Passkey,
    Session,
    desk_of,
    hashed,
    is_open,
)
from gateway.services.context import Forbidden, Person
from gateway.services.guests import GUEST, Guests, is_guest
from gateway.services.papers import Papers
from gateway.services.ports import Random
from keys import b64
from keys.rest import Vault
from schemas import ijson

_RENEWED = "invitation.renewed"
"""Event of an account: the invitation got a further link."""


@dataclass(slots=True)
class Accounts:
    """
    The accounts of one gateway.

    ``persons`` are those of the configuration and no guest. ``log`` takes an event and allow-listed values; it never
    gets an id. ``guests`` is told of each invitation: the services ask it who is invited.
    """

    store: AccountStore
    persons: Mapping[str, Person]
    vault: Vault
    random: Random
    log: Callable[..., None] = field(default=lambda event, **values: None)
    guests: Guests = field(default_factory=Guests)
    papers: Papers = field(init=False)

    def __post_init__(self) -> None:
        """Keep what people have under way in the same store."""
        self.papers = Papers(self.store, self.vault, self.random)

    # Sessions.

    def may_enter(self, person: str, desk: str, at: datetime, invitation: Invitation | None) -> bool:
        """Return whether ``person`` may be at ``desk`` at ``at``: in office with a role there, or invited to one."""
        found = self.persons.get(person)
        if found is not None and not found.active(at):
            return False
        if invitation is not None:
            if found is not None and invitation.role not in found.roles:
                return False  # no longer theirs, whatever they were invited as
            return invitation.stands(at) and invitation.person == person and desk == desk_of(invitation.role)
        return found is not None and any(desk == desk_of(role) for role in found.roles)

    async def begin(
        self,
        person: str,
        desk: str,
        level: str,
        now: datetime,
        *,
        instead_of: Session | None = None,
        invitation: Invitation | None = None,
        enrolling: bool = False,
        language: str = "",
        by_means: bool = False,
    ) -> tuple[str, Session]:
        """
        Begin a session and return its token and itself; ``instead_of`` ends in the same step.

        A session that goes on at another level keeps when it was opened: proving more does not lengthen the day.
        Raises ``Forbidden`` if the person may not be at this desk now, or if ``instead_of`` was ended meanwhile; with
        ``by_means`` also if the passkey, code or link that was used just now was taken away meanwhile (``drop_means``).
        """
        if level not in LEVELS or desk not in DESKS:
            raise ValueError("not a level or a desk")
        if not self.may_enter(person, desk, now, invitation):
            self.log("session.refused", desk=desk, reason="not-in-office")
            raise Forbidden("no access to this desk now")
        token = b64.encode(self.random.bytes(TOKEN_BYTES))
        same = instead_of is not None and (instead_of.person, instead_of.desk) == (person, desk)
        made = Session(
            hashed(token),
            person,
            desk,
            b64.encode(self.random.bytes(TOKEN_BYTES)),
            instead_of.opened_at if same and instead_of is not None else now,
            now,
            level,
            now if await self._is_present(person, level) else None,
            invitation,
            enrolling,
            language=language or (instead_of.language if instead_of is not None else ""),
        )
        before = instead_of.id if instead_of is not None else None
        if not await self.store.add_session(made, b"", before, by_means=by_means):
            self.log("session.refused", desk=desk, reason="ended")
            raise Forbidden("the session was ended", "sign in again")
        await self.note(person, "session.begun", level, desk, now)
        self.log("session.begun", desk=desk, reason=level)
        return token, made

    async def _is_present(self, person: str, level: str) -> bool:
        """Tell whether ``level`` proves presence: a code does not where its person has a passkey."""
        return level in PRESENT and (level == "passkey" or not await self.store.passkeys(person))

    async def refresh(self, session: Session, level: str, now: datetime) -> tuple[str, Session]:
        """Let ``session`` go on under a new token, presence proved at ``level``. Raises ``Forbidden``."""
        reached = max(level, session.level, key=LEVELS.index)
        token, made = await self.begin(
            session.person, session.desk, reached, now, instead_of=session, invitation=session.invitation
        )
        return token, made

    async def find(self, token: str, desk: str, now: datetime, *, touch: bool = True) -> Session | None:
        """
        Return the session of ``token`` at ``desk`` and note that it was seen; ``None`` if there is none any more.

        Without ``touch`` it is not noted: what a page asks by itself is no step of its person.
        """
        session = await self._load(token, desk)
        if session is None:
            return None
        if not session.lasts(now):
            if now < session.seen_at:  # it would come back at the instant that the clock showed
                await self.store.date_session_back(session.id, now - IDLE)
            return None
        if not self.may_enter(session.person, desk, now, session.invitation):
            return None
        if session.invitation is not None:
            self.guests.take(session.invitation)  # as the store says it, whichever process made it
        if touch and now >= session.seen_at + SEEN_EVERY:
            await self.store.touch_session(session.id, now)
            session = replace(session, seen_at=now)
        return session

    async def find_ended(self, token: str, desk: str, now: datetime) -> Session | None:
        """Return the session of ``token`` that ended by itself, so that what was typed can be kept for its person."""
        session = await self._load(token, desk)
        if session is None or session.lasts(now) or abs(now - session.seen_at) >= DRAFT_LASTS:
            return None
        return session if self.may_enter(session.person, desk, now, session.invitation) else None

    async def find_earlier(self, session: Session, csrf: str) -> Session | None:
        """Return the kept session of the same person at the same desk whose forms carry ``csrf``; ``None`` if none."""
        for id, desk, *_ in await self.store.sessions(session.person):
            found = await self.store.find_session(id) if desk == session.desk else None
            if found is not None and hmac.compare_digest(found[0].csrf.encode(), csrf.encode()):
                return found[0]
        return None

    async def _load(self, token: str, desk: str) -> Session | None:
        found = await self.store.find_session(hashed(token))
        if found is None or found[0].desk != desk:
            return None
        session, told = found
        text = self.vault.open_own("session", session.id, "told", told).decode() if told else ""
        return replace(session, told=text)

    async def keep(self, session: Session, now: datetime) -> Session:
        """Note that the person wants to stay; the ten hours go on."""
        await self.store.touch_session(session.id, now)
        return replace(session, seen_at=now)

    async def leave_idle(self, session: Session, now: datetime) -> timedelta:
        """
        End ``session`` for a page that has waited for a step as long as it may, and return how long it may go on.

        Nothing, where it was ended: as it would have by itself within a minute, so what is sent too late is kept for
        its person. Where there was a step elsewhere, or the page's clock was ahead, what is left.
        """
        left = session.seen_at + IDLE - SEEN_EVERY - now
        if left > timedelta():
            return left
        await self.store.date_session_back(session.id, now - IDLE)
        return timedelta()

    async def tell(self, session: Session, place: str, text: str) -> None:
        """
        Keep ``text`` to show once on the page at ``place``, the path that a step leads to, and on no other.

        A session has many windows: what was done in one case is not to stand above another that is opened meanwhile.
        """
        sealed = self.vault.seal_own("session", session.id, "told", f"{place}\n{text}".encode())
        await self.store.tell_session(session.id, sealed)

    async def take_told(self, session: Session, place: str) -> str:
        """Return the banner that is kept for the page at ``place`` and take it away; an empty text if there is none."""
        kept_for, _, text = session.told.partition("\n")
        if kept_for != place:
            return ""
        await self.store.tell_session(session.id, b"")
        return text

    async def set_language(self, session: Session, language: str) -> None:
        """Keep the language chosen in this session."""
        await self.store.set_language(session.id, language)

    async def end(self, session: Session, now: datetime) -> None:
        """End one session."""
        await self.store.end_sessions(id=session.id)
        await self.note(session.person, "session.ended", session.level, session.desk, now)
        self.log("session.ended", desk=session.desk)

    async def open_sessions(self, person: str, now: datetime) -> list[tuple[str, str, datetime, datetime]]:
        """Return id, desk, when it was opened and when it was last seen of each session of ``person`` that lasts."""
        held = await self.store.sessions(person)
        return [one for one in held if is_open(one[2], one[3], now)]

    async def end_all(self, person: str, *, but: Session | None = None) -> int:
        """End the sessions of ``person`` at every desk, but one if given; return how many ended."""
        return await self.store.end_sessions(person=person, but=but.id if but is not None else None)

    # Links and invitations.

    async def make_link(
        self,
        person: str,
        desk: str,
        purpose: str,
        now: datetime,
        until: datetime,
        invitation: Invitation | None = None,
    ) -> str:
        """
        Return the token of a new one-time link; it is shown once and never again.

        Raises ``Forbidden`` if the person could not use it, ``ValueError`` for another purpose or too long a time.
        """
        if purpose not in ("enrol", "sign-in", "invitation") or (purpose == "invitation") != (invitation is not None):
            raise ValueError("a link is for enrol, sign-in or invitation")
        if not now < until <= now + LINK_MAX:
            raise ValueError(f"a link lasts {LINK_MAX.days} days at most")
        if not self.may_enter(person, desk, now, invitation):
            raise Forbidden(f"'{person}' has no access to the desk '{desk}' now")
        token = b64.encode(self.random.bytes(TOKEN_BYTES))
        id = invitation.id if invitation is not None else None
        await self.store.add_link(Link(hashed(token), person, desk, purpose, now, until, None, id))
        await self.note(person, "link.made", purpose, desk, now)
        return token

    async def ask_link(self, person: str, desk: str, by: str, now: datetime) -> None:
        """Keep that the operator ``by`` asked for a link with which ``person`` may set up a way of signing in."""
        await self.store.ask_link(person, desk, by, now)
        await self.note(person, "link.asked", by, desk, now)

    async def link_asked(self, person: str, desk: str, now: datetime, *, take: bool = False) -> str | None:
        """
        Return which operator asked for a link to ``desk`` for ``person``, if that still stands.

        With ``take`` the request is used up, so that of two who make the link one is too late. An operator who left
        office, or lost the role, has asked for nothing.
        """
        # What lies ahead, by more than the clocks of two nodes differ, was asked by one that was: nobody knows when.
        by = await self.store.link_asked(person, desk, now - REQUEST_LASTS, now + SKEW, take=take)
        found = self.persons.get(by or "")
        return by if found is not None and found.active(now) and "operator" in found.roles else None

    async def drop_links(self, person: str) -> int:
        """Let the links of ``person`` that were not used be over; an invitation's are taken back with it."""
        return await self.store.drop_links(person)

    async def find_link(self, token: str, desk: str, now: datetime) -> Link | None:
        """Return an unused link without using it: what a mail scanner does by following it."""
        link = await self.store.find_link(hashed(token))
        if link is None or link.desk != desk or link.used_at is not None:
            return None
        return link if now < link.until <= now + LINK_LATEST else None

    async def use_link(
        self, token: str, desk: str, now: datetime, *, instead_of: Session | None = None
    ) -> tuple[str, Session] | None:
        """Use a link up and begin the session it is for; ``None`` if it is used, over, or the person may not enter."""
        if await self.find_link(token, desk, now) is None:
            return None
        link = await self.store.use_link(hashed(token), now)
        if link is None:
            return None
        invitation = await self.store.find_invitation(link.invitation) if link.invitation else None
        if link.invitation and invitation is None:
            return None
        try:
            return await self.begin(
                link.person,
                desk,
                "link",
                now,
                instead_of=instead_of,
                invitation=invitation,
                enrolling=link.purpose == "enrol",
                by_means=invitation is None,  # what an invitation brought stands for as long as that does
            )
        except Forbidden:
            return None

    async def invite(
        self, ref: str, role: str, by: str, now: datetime, until: datetime, *, person: str | None = None
    ) -> Invitation:
        """
        Return a new invitation to the case ``ref`` in ``role``; without ``person`` it is for a guest with a new id.

        Raises ``Forbidden`` if the configured person does not hold the role, ``ValueError`` for too long a time.
        """
        if not now < until <= now + INVITATION_MAX:
            raise ValueError(f"an invitation lasts {INVITATION_MAX.days} days at most")
        if person is not None:
            found = self.persons.get(person)
            if found is None or not found.active(now) or role not in found.roles:
                raise Forbidden(f"'{person}' does not hold the role '{role}' now")
        id = self.random.token()
        made = Invitation(id, ref, role, person or f"{GUEST}{id}", by, now, until)
        await self.store.add_invitation(made)
        self.guests.take(made)
        await self.note(made.person, "invitation.made", role, desk_of(role), now)
        return made

    async def invitations(self, ref: str) -> Sequence[Invitation]:
        """Return the invitations to a case, the latest first."""
        return await self.store.invitations(ref)

    async def find_invitation(self, id: str, ref: str) -> Invitation | None:
        """Return the invitation ``id`` if it is one to the case ``ref``."""
        found = await self.store.find_invitation(id)
        return found if found is not None and found.ref == ref else None

    async def load_guests(self, now: datetime) -> None:
        """
        Tell ``guests`` of every invitation that stands: at the start, and of what another process did since.

        Where one was made or taken back here meanwhile, what was read may not know of it, and the next look tells.
        """
        before = self.guests.changed
        found = await self.store.standing_invitations(now)
        if self.guests.changed == before:
            self.guests.load(found)

    async def renew(self, id: str, ref: str, now: datetime, until: datetime) -> Invitation | None:
        """
        Let the invitation ``id`` to ``ref`` last until another instant, also one that is over; not one revoked.

        A guest stays the same person by it, and adds no first means any more (``was_renewed``). Raises ``ValueError``
        for too long a time.
        """
        if not now < until <= now + INVITATION_MAX:
            raise ValueError(f"an invitation lasts {INVITATION_MAX.days} days at most")
        found = await self.find_invitation(id, ref)
        if found is None or not await self.store.renew_invitation(id, until):
            return None
        made = replace(found, until=until)
        self.guests.take(made)
        await self.note(made.person, _RENEWED, made.role, desk_of(made.role), now)
        return made

    async def was_renewed(self, guest: str) -> bool:
        """Return whether the invitation of ``guest`` ever had a second link. It is noted before that link is made."""
        return await self.store.has_event(guest, _RENEWED)

    async def find_invitation_of(self, guest: str, now: datetime) -> Invitation | None:
        """Return the invitation that the guest ``guest`` is here by, if it stands: a guest has no other leave."""
        if not is_guest(guest):
            return None
        found = await self.store.find_invitation(guest.removeprefix(GUEST))
        return found if found is not None and found.person == guest and found.stands(now) else None

    async def revoke(self, id: str, ref: str, now: datetime) -> bool:
        """Revoke the invitation ``id`` to ``ref`` with its links and sessions; return whether it stood."""
        found = await self.store.find_invitation(id)
        if found is None or found.ref != ref or not await self.store.revoke_invitation(id, now):
            return False
        self.guests.drop(id)
        await self.note(found.person, "invitation.revoked", found.role, desk_of(found.role), now)
        return True

    # Ceremonies.

    async def make_challenge(
        self,
        challenge: str,
        use: str,
        binding: str,
        now: datetime,
        *,
        person: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep ``challenge`` (base64url or another random text) for one ``use``, with what its end will need."""
        id = hashed(challenge)
        sealed = self.vault.seal_own("challenge", id, "sealed", ijson.dumps(dict(more or {})))
        await self.store.add_challenge(Challenge(id, use, binding, person, sealed, now + CHALLENGE_LASTS))

    async def find_challenge(self, challenge: str, use: str, binding: str, now: datetime) -> Mapping[str, Any] | None:
        """Return what was kept with a challenge, which stays; ``None`` if it is not one of this use and binding."""
        return self._opened(await self.store.find_challenge(hashed(challenge)), use, binding, now)

    async def take_challenge(self, challenge: str, use: str, binding: str, now: datetime) -> Mapping[str, Any] | None:
        """
        Take a challenge and return what was kept with it, with ``person``.

        ``None`` if it was taken, is over, or was made for another use, session or browser; it is gone in any case.
        """
        return self._opened(await self.store.take_challenge(hashed(challenge)), use, binding, now)

    def _opened(self, found: Challenge | None, use: str, binding: str, now: datetime) -> Mapping[str, Any] | None:
        if found is None or found.use != use or now >= found.until:
            return None
        if not hmac.compare_digest(found.binding, binding):
            return None
        more = ijson.loads(self.vault.open_own("challenge", found.id, "sealed", found.sealed))
        return {**more, "person": found.person}

    # Passkeys.

    def user_handle(self, person: str) -> bytes:
        """Return by what an authenticator knows ``person``: 16 bytes that say nothing (WebAuthn section 14.6.1)."""
        return self.vault.index_value(f"user handle|{person}")

    async def add_passkey(self, passkey: Passkey, desk: str, now: datetime, *, session: Session | None = None) -> None:
        """
        Keep a passkey, and let the person try codes again. Raises ``Conflict`` if it is known already.

        Nothing is added in a ``session`` that was ended meanwhile: raises ``Forbidden``.
        """
        if not await self.store.add_passkey(passkey, session.id if session is not None else None):
            raise Forbidden("the session was ended", "sign in again")
        await self.store.clear_attempts(self._attempts_key(passkey.person))
        await self.note(passkey.person, "passkey.added", passkey.name, desk, now)
        self.log("passkey.added", desk=desk)

    async def find_passkey(self, id: str) -> Passkey | None:
        """Return the passkey with the credential id ``id`` (base64url)."""
        return await self.store.find_passkey(id)

    async def passkeys(self, person: str) -> Sequence[Passkey]:
        """Return the passkeys of a person, the oldest first."""
        return await self.store.passkeys(person)

    async def passkey_used(self, passkey: Passkey, count: int, now: datetime) -> bool:
        """Note the counter of a passkey; ``False`` if another use came between, which one key cannot do."""
        used = await self.store.use_passkey(passkey.id, passkey.count, count, now)
        if used:
            await self.store.clear_attempts(self._attempts_key(passkey.person))
        return used

    async def drop_passkey(self, person: str, id: str, desk: str, now: datetime) -> bool:
        """Remove a passkey of ``person``; return whether it was there, and not the last of their means."""
        dropped = await self.store.drop_passkey(person, id)
        if dropped:
            await self.note(person, "passkey.removed", "", desk, now)
        return dropped

    async def drop_means(self, person: str, by: str, desk: str, now: datetime) -> tuple[int, int]:
        """
        Take away every way in which ``person`` signs in here, for somebody else may have one: no session outlasts it.

        ``by`` says who took them away, for the person to see. Returns how many means there were, and how many sessions
        ended. One means alone is not taken away for somebody: without the passkeys a code would prove presence.
        """
        means, sessions = await self.store.drop_means(person)
        await self.note(person, "means.removed", by, desk, now)
        self.log("means.removed", desk=desk)
        return means, sessions

    # Codes.

    def new_secret(self) -> str:
        """Return a new secret of codes: 160 random bits in base32 (RFC 4226 section 4, R6)."""
        return base64.b32encode(self.random.bytes(20)).decode("ascii")

    async def has_code(self, person: str) -> bool:
        """Return whether the person has codes."""
        return await self.store.find_code(person) is not None

    async def add_code(
        self, person: str, secret: str, code: str, desk: str, now: datetime, *, session: Session | None = None
    ) -> bool:
        """
        Keep ``secret`` if ``code`` is one of its codes now, which counts as used; ``False`` if it is not.

        Raises as ``add_passkey``.
        """
        step = code_step(secret, code, now)
        if step is None:
            return False
        sealed = self.vault.seal_own("code", person, "sealed", secret.encode("ascii"))
        kept = CodeSecret(person, sealed, step, now)
        if not await self.store.set_code(kept, session.id if session is not None else None):
            raise Forbidden("the session was ended", "sign in again")
        await self.store.clear_attempts(self._attempts_key(person))
        await self.note(person, "code.added", "", desk, now)
        self.log("code.added", desk=desk)
        return True

    async def drop_code(self, person: str, desk: str, now: datetime) -> bool:
        """Remove the codes of ``person``; return whether they were there, and not the last of their means."""
        dropped = await self.store.drop_code(person)
        if dropped:
            await self.note(person, "code.removed", "", desk, now)
        return dropped

    async def check_code(self, person: str, code: str, now: datetime) -> bool:
        """
        Return whether ``code`` is a code of ``person`` that was not used before.

        The attempt counts as failed before it is looked at, so that many at once are not many for free. An id that is
        nobody's takes the same way (OWASP ASVS 5.0, 6.3.1 and 6.3.8).
        """
        kept = await self.store.find_code(person)
        key = self._attempts_key(person, known=kept is not None)
        if not await self.store.try_code(key, now):
            self.log("code.refused", reason="back-off")
            return False
        secret = self.vault.open_own("code", person, "sealed", kept.sealed).decode() if kept else self.new_secret()
        step = code_step(secret, code, now)
        if kept is None or step is None or not await self.store.use_code(person, step):
            self.log("code.refused", reason="wrong")
            return False
        await self.store.clear_attempts(key)
        return True

    def _attempts_key(self, person: str, *, known: bool = True) -> str:
        value = self.vault.index_value(f"attempts|{person}")
        return value.hex() if known or person in self.persons else f"unknown.{value[0] % UNKNOWN_BUCKETS}"

    # What is kept of an account.

    async def note(self, person: str, event: str, detail: str, desk: str, now: datetime) -> None:
        """Keep an event of a person's account, for the person to see."""
        await self.store.add_event(AccountEvent(person, now, event, detail, desk))

    async def events(self, person: str, limit: int = 20) -> Sequence[AccountEvent]:
        """Return the last events of a person's account, the latest first."""
        return await self.store.events(person, limit)

    async def sweep(self, now: datetime, *, believed: bool = True) -> int:
        """Delete what is over and return how many rows went; where the clock is not ``believed``, nothing of people."""
        return await self.store.sweep(now, believed=believed)


def code_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the step of 30 s whose code ``code`` is, one to either side of ``now``; ``None`` if it is none."""
    here = int(now.timestamp()) // CODE_STEP_S
    totp = pyotp.TOTP(secret, interval=CODE_STEP_S)
    typed = "".join(code.split())
    if len(typed) != totp.digits or not typed.isdecimal():
        return None
    digits = "".join(str(int(one)) for one in typed)  # in whichever script the keyboard writes them
    found = None
    for step in range(here - CODE_DRIFT, here + CODE_DRIFT + 1):  # all of them, whichever it is
        if hmac.compare_digest(totp.generate_otp(step), digits):
            found = step
    return found
