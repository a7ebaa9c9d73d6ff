"""
What the desks keep for themselves: sessions, means of signing in, approvals. The statements that every dialect shares.

It stands beside the tables of the gateway and not among them: what happens at a desk never waits for a message, nor a
message for it, and a restored case does not bring back a session. ``sqlite_desks`` keeps it in a file of its own,
``postgres_desks`` in a schema of its own.

Rule 1: each method is one transaction on the disk before it returns.
Rule 2: what may happen once is one statement whose count of changed rows is the answer.
Rule 3: other processes write here too: the command line while a gateway runs, and every node of one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from gateway.services.account_store import (
    ATTEMPTS_LAST,
    ATTEMPTS_MAX,
    BACK_OFF,
    BACK_OFF_MAX,
    DRAFT_LASTS,
    DRAFTS_MAX,
    EVENT_LASTS,
    FREE_ATTEMPTS,
    IDLE,
    LINK_LATEST,
    LINK_MAX,
    REQUEST_LASTS,
    SEALED,
    WORK_LASTS,
    AccountEvent,
    Approval,
    Challenge,
    Claim,
    CodeSecret,
    Invitation,
    Link,
    Passkey,
    Session,
    Snooze,
    Work,
)
from gateway.storage.sql import instant, instant_or_none, seconds, seconds_or_none

Row = Sequence[Any]

_SESSION = (
    "s.id, s.person, s.desk, s.csrf, s.opened_at, s.seen_at, s.level, s.fresh_at, s.enrolling, s.language, s.told, "
    "s.invitation, i.id, i.ref, i.role, i.person, i.made_by, i.made_at, i.until, i.revoked_at"
)
_INVITATION = "id, ref, role, person, made_by, made_at, until, revoked_at"
_LINK = "id, person, desk, purpose, made_at, until, used_at, invitation"
_PASSKEY = "id, person, public_key, count, transports, name, added_at, last_used_at"
_WORK = "id, person, ref, made_at, changed_at, version"
_APPROVAL = (
    "ref, thread, kind, role, digest, person, how, challenge, salt, session, at, credential, public_key, "
    "authenticator_data, client_data, signature"
)


_BEGIN = "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HOLD_MEANS = {
    "passkey": "UPDATE passkey SET count = count WHERE person = ?",
    "code": "UPDATE code SET last_step = last_step WHERE person = ?",
    "link": "UPDATE link SET used_at = used_at WHERE person = ? AND used_at IS NOT NULL AND invitation IS NULL",
}
# The same row goes on under another id: whoever ends the sessions of its person meanwhile, at another node, waits for
# it and ends it all the same. A row in its place would not be seen there.
_GO_ON = """
UPDATE session SET id = ?, person = ?, desk = ?, csrf = ?, opened_at = ?, seen_at = ?, level = ?, fresh_at = ?,
    invitation = ?, enrolling = ?, told = ?, language = ?
WHERE id = ?
"""
_ASK_LINK = """
INSERT INTO link_request (person, desk, asked_by, asked_at) VALUES (?, ?, ?, ?)
ON CONFLICT (person, desk) DO UPDATE SET asked_by = excluded.asked_by, asked_at = excluded.asked_at
"""
_LINK_ASKED = "link_request WHERE person = ? AND desk = ? AND asked_at > ? AND asked_at <= ?"
_DROP_LINKS = "DELETE FROM link WHERE person = ? AND used_at IS NULL AND invitation IS NULL"
_END_LINKS = "DELETE FROM link WHERE person = ? AND invitation IS NULL"
"""Of a person who is shut out: also those that were used, for somebody may be about to begin a session by one."""
_SET_CODE = """
INSERT INTO code (person, sealed, last_step, added_at) VALUES (?, ?, ?, ?)
ON CONFLICT (person) DO UPDATE SET sealed = excluded.sealed, last_step = excluded.last_step,
    added_at = excluded.added_at
"""
# No wait is longer than the longest: an end beyond that was set by a clock that was ahead.
_TRY_CODE = """
INSERT INTO attempt (key, failed, last_at, next_at) VALUES (?, 1, ?, ?)
ON CONFLICT (key) DO UPDATE SET failed = attempt.failed + 1, last_at = excluded.last_at
WHERE attempt.failed < ? AND NOT attempt.next_at - excluded.last_at BETWEEN 1 AND ?
RETURNING failed
"""
_KEEP_DRAFT = """
INSERT INTO draft (person, place, sealed, until) VALUES (?, ?, ?, ?)
ON CONFLICT (person, place) DO UPDATE SET sealed = excluded.sealed, until = excluded.until
"""
_DROP_DRAFTS = """
DELETE FROM draft WHERE person = ? AND place <> ? AND place NOT IN (
    SELECT place FROM draft WHERE person = ? AND place <> ? ORDER BY until DESC, place LIMIT ?)
"""
_SET_SNOOZE = """
INSERT INTO snooze (ref, person, until, reason) VALUES (?, ?, ?, ?)
ON CONFLICT (person, ref) DO UPDATE SET until = excluded.until, reason = excluded.reason
"""


class Unit(Protocol):
    """One transaction under way."""

    async def change(self, statement: str, values: Row) -> int:
        """Change rows and return how many."""
        ...

    async def first(self, statement: str, values: Row) -> Any:
        """Return the first row, or ``None``."""
        ...


class _MeansGone(Exception):
    """What a session was begun by was taken away meanwhile."""


class DeskStore(ABC):
    """Implements ``gateway.services.account_store.AccountStore``, but for how a statement is run."""

    # What a dialect says. Each raises ``Conflict`` for a key that is taken, ``BrokenUnit`` for a row that breaks a rule
    # of the store, and ``Unavailable``.

    @abstractmethod
    def _unit(self) -> AbstractAsyncContextManager[Unit]:
        """Run the block as one transaction; nobody reads what is not committed."""

    @abstractmethod
    async def _change(self, statement: str, values: Row) -> int:
        """Run one statement as a transaction of its own and return how many rows it changed."""

    @abstractmethod
    async def _taken(self, statement: str, values: Row) -> Sequence[Any]:
        """Run one statement that changes rows as a transaction of its own and return what it says of them."""

    @abstractmethod
    async def _all(self, statement: str, values: Row) -> Sequence[Any]:
        """Run one statement that reads and return its rows."""

    @abstractmethod
    async def truncate(self) -> None:
        """Leave no copy of a deleted row behind in a journal: what people typed is sealed under a key that stays."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the store."""

    async def _one(self, statement: str, values: Row) -> Any:
        rows = await self._all(statement, values)
        return rows[0] if rows else None

    # Sessions.

    async def add_session(
        self, session: Session, told: bytes, instead_of: str | None, *, by_means: bool = False
    ) -> bool:
        """
        Keep ``session``; ``instead_of`` ends in the same step. ``False``, and nothing kept, if that had ended.

        With ``by_means`` its level was proved just now: ``False`` too if its person has no such means any more.
        """
        row = (
            session.id,
            session.person,
            session.desk,
            session.csrf,
            seconds(session.opened_at),
            seconds(session.seen_at),
            session.level,
            seconds_or_none(session.fresh_at),
            session.invitation.id if session.invitation else None,
            int(session.enrolling),
            told,
            session.language,
        )
        statement, values = (_BEGIN, row) if instead_of is None else (_GO_ON, (*row, instead_of))
        if not by_means:
            return await self._change(statement, values) == 1
        try:
            async with self._unit() as unit:
                kept = await unit.change(statement, values) == 1
                # The means are held after it, as ``drop_means`` goes: whoever comes second sees what the first did.
                if kept and not await unit.change(_HOLD_MEANS[session.level], (session.person,)):
                    raise _MeansGone
                return kept
        except _MeansGone:
            return False

    async def find_session(self, id: str) -> tuple[Session, bytes] | None:
        """Return a session with its invitation as it stands now, and its sealed banner."""
        row = await self._one(
            f"SELECT {_SESSION} FROM session s LEFT JOIN invitation i ON i.id = s.invitation WHERE s.id = ?",  # noqa: S608  # constants
            (id,),
        )
        if row is None or (row[11] is not None and row[12] is None):
            return None  # what it went by is gone
        invitation = None if row[12] is None else _invitation(row[12:])
        values = [*row[:4], *map(instant, row[4:6]), row[6], instant_or_none(row[7]), invitation, bool(row[8])]
        return replace(Session(*values), language=row[9]), row[10]

    async def touch_session(self, id: str, seen_at: datetime) -> None:
        """Note when the session was last seen; never earlier than it was."""
        at = seconds(seen_at)
        await self._change("UPDATE session SET seen_at = ? WHERE id = ? AND seen_at < ?", (at, id, at))

    async def date_session_back(self, id: str, seen_at: datetime) -> None:
        """Note that a session was last seen then and not later, as a clock said that was ahead."""
        at = seconds(seen_at)
        await self._change("UPDATE session SET seen_at = ? WHERE id = ? AND seen_at > ?", (at, id, at))

    async def tell_session(self, id: str, told: bytes) -> None:
        """Keep a sealed banner; an empty one takes it away."""
        await self._change("UPDATE session SET told = ? WHERE id = ?", (told, id))

    async def set_language(self, id: str, language: str) -> None:
        """Keep the language chosen in a session."""
        await self._change("UPDATE session SET language = ? WHERE id = ?", (language, id))

    async def sessions(self, person: str) -> Sequence[tuple[str, str, datetime, datetime]]:
        """Return id, desk, when it was opened and when it was last seen of each session that is kept, latest first."""
        statement = "SELECT id, desk, opened_at, seen_at FROM session WHERE person = ? ORDER BY seen_at DESC, id"
        rows = await self._all(statement, (person,))
        return [(row[0], row[1], instant(row[2]), instant(row[3])) for row in rows]

    async def end_sessions(self, *, id: str | None = None, person: str | None = None, but: str | None = None) -> int:
        """End one session, or those of a person (but one); return how many ended."""
        if id is not None:
            return await self._change("DELETE FROM session WHERE id = ?", (id,))
        return await self._change("DELETE FROM session WHERE person = ? AND id IS NOT ?", (person, but))

    async def sign_everybody_out(self) -> int:
        """End every session and take back every link that was not used; return how many sessions ended."""
        async with self._unit() as unit:
            await unit.change("DELETE FROM link WHERE used_at IS NULL", ())
            return await unit.change("DELETE FROM session", ())

    # Links and invitations.

    async def add_link(self, link: Link) -> None:
        """Keep a link."""
        row = (link.id, link.person, link.desk, link.purpose, seconds(link.made_at), seconds(link.until))
        await self._change("INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, NULL, ?)", (*row, link.invitation))

    async def find_link(self, id: str) -> Link | None:
        """Return a link, used or not."""
        row = await self._one(f"SELECT {_LINK} FROM link WHERE id = ?", (id,))  # noqa: S608  # constants
        return _link(row) if row else None

    async def drop_links(self, person: str) -> int:
        """Remove the links of a person that were not used, but for those of invitations; return how many."""
        return await self._change(_DROP_LINKS, (person,))

    async def ask_link(self, person: str, desk: str, by: str, at: datetime) -> None:
        """Keep that ``by`` asked for a link, in place of what was asked before."""
        await self._change(_ASK_LINK, (person, desk, by, seconds(at)))

    async def link_asked(self, person: str, desk: str, since: datetime, until: datetime, *, take: bool) -> str | None:
        """
        Return who asked for a link after ``since``, up to ``until``; with ``take`` it is used up in the same step.
        """
        values = (person, desk, seconds(since), seconds(until))
        if take:
            rows = await self._taken(f"DELETE FROM {_LINK_ASKED} RETURNING asked_by", values)  # noqa: S608  # constants
            return rows[0][0] if rows else None
        row = await self._one(f"SELECT asked_by FROM {_LINK_ASKED}", values)  # noqa: S608  # constants
        return row[0] if row else None

    async def use_link(self, id: str, at: datetime) -> Link | None:
        """Use a link up and return it; ``None`` if it was used, is over, or never was."""
        rows = await self._taken(
            f"UPDATE link SET used_at = ? WHERE id = ? AND used_at IS NULL AND until > ? RETURNING {_LINK}",  # noqa: S608  # constants
            (seconds(at), id, seconds(at)),
        )
        return _link(rows[0]) if rows else None

    async def add_invitation(self, invitation: Invitation) -> None:
        """Keep an invitation."""
        one = invitation
        row = (one.id, one.ref, one.role, one.person, one.by, seconds(one.made_at), seconds(one.until))
        await self._change("INSERT INTO invitation VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)

    async def find_invitation(self, id: str) -> Invitation | None:
        """Return an invitation."""
        row = await self._one(f"SELECT {_INVITATION} FROM invitation WHERE id = ?", (id,))  # noqa: S608  # constants
        return _invitation(row) if row else None

    async def revoke_invitation(self, id: str, at: datetime) -> bool:
        """Revoke an invitation, its links and its sessions; return whether it stood."""
        statement = "UPDATE invitation SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        async with self._unit() as unit:
            revoked = await unit.change(statement, (seconds(at), id))
            await unit.change("DELETE FROM link WHERE invitation = ? AND used_at IS NULL", (id,))
            await unit.change("DELETE FROM session WHERE invitation = ?", (id,))
            return revoked == 1

    async def renew_invitation(self, id: str, until: datetime) -> bool:
        """Let an invitation last until another instant, with new links alone; ``False`` if it was revoked."""
        statement = "UPDATE invitation SET until = ? WHERE id = ? AND revoked_at IS NULL"
        async with self._unit() as unit:
            renewed = await unit.change(statement, (seconds(until), id))
            await unit.change("DELETE FROM link WHERE invitation = ? AND used_at IS NULL", (id,))
            return renewed == 1

    async def standing_invitations(self, at: datetime) -> Sequence[Invitation]:
        """Return every invitation that stands at ``at``."""
        rows = await self._all(
            f"SELECT {_INVITATION} FROM invitation WHERE revoked_at IS NULL AND until > ?",  # noqa: S608  # constants
            (seconds(at),),
        )
        return [_invitation(row) for row in rows]

    async def invitations(self, ref: str) -> Sequence[Invitation]:
        """Return the invitations to a case, the latest first."""
        rows = await self._all(
            f"SELECT {_INVITATION} FROM invitation WHERE ref = ? ORDER BY made_at DESC, id",  # noqa: S608  # constants
            (ref,),
        )
        return [_invitation(row) for row in rows]

    # Passkeys and codes.

    async def add_passkey(self, passkey: Passkey, session: str | None = None) -> bool:
        """
        Keep a passkey; with the id of a session, only while that lasts, in one step: else ``False``.

        Raises ``Conflict`` if its credential id is known.
        """
        one = passkey
        row = (one.id, one.person, one.key, one.count, " ".join(one.transports), one.name, seconds(one.added_at))
        return await self._added(session, "INSERT INTO passkey VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)

    async def _added(self, session: str | None, statement: str, row: Row) -> bool:
        """Run ``statement`` while ``session`` lasts; whoever ends it meanwhile waits until this is done."""
        async with self._unit() as unit:
            # Not only a look: the change holds the row, so that it is not deleted before this is committed.
            holds = "UPDATE session SET seen_at = seen_at WHERE id = ?"
            if session is not None and not await unit.change(holds, (session,)):
                return False
            await unit.change(statement, row)
            return True

    async def find_passkey(self, id: str) -> Passkey | None:
        """Return a passkey by credential id."""
        row = await self._one(f"SELECT {_PASSKEY} FROM passkey WHERE id = ?", (id,))  # noqa: S608  # constants
        return _passkey(row) if row else None

    async def passkeys(self, person: str) -> Sequence[Passkey]:
        """Return the passkeys of a person, the oldest first."""
        rows = await self._all(
            f"SELECT {_PASSKEY} FROM passkey WHERE person = ? ORDER BY added_at, id",  # noqa: S608  # constants
            (person,),
        )
        return [_passkey(row) for row in rows]

    async def use_passkey(self, id: str, was: int, count: int, at: datetime) -> bool:
        """Set the counter from ``was`` to ``count``; return ``False`` if it was another by now."""
        statement = "UPDATE passkey SET count = ?, last_used_at = ? WHERE id = ? AND count = ?"
        return await self._change(statement, (count, seconds(at), id, was)) == 1

    async def drop_passkey(self, person: str, id: str) -> bool:
        """Remove a passkey of this person; return whether it was there, and not the last of their means."""
        return await self._dropped(person, "DELETE FROM passkey WHERE id = ? AND person = ?", (id, person))

    async def _dropped(self, person: str, statement: str, values: Row) -> bool:
        """Run ``statement`` if ``person`` has another means than the one that it removes."""
        async with self._unit() as unit:
            # Not only a look: all of them are held, so that of two that are removed at once one is still counted, and
            # the second is not.
            held = [await unit.change(_HOLD_MEANS[kind], (person,)) for kind in ("passkey", "code")]
            return sum(held) > 1 and await unit.change(statement, values) == 1

    async def drop_means(self, person: str) -> tuple[int, int]:
        """Remove passkeys and codes of a person, links and sessions; return how many means and how many sessions."""
        async with self._unit() as unit:
            # The sessions first: what is being added in one waits for it to end, and is not added then.
            sessions = await unit.change("DELETE FROM session WHERE person = ?", (person,))
            await unit.change(_END_LINKS, (person,))
            passkeys = await unit.change("DELETE FROM passkey WHERE person = ?", (person,))
            means = passkeys + await unit.change("DELETE FROM code WHERE person = ?", (person,))
            # And what was begun by any of it just now, at another node: it was waited for.
            return means, sessions + await unit.change("DELETE FROM session WHERE person = ?", (person,))

    async def set_code(self, secret: CodeSecret, session: str | None = None) -> bool:
        """Keep the secret of a person's codes instead of the one before; with a session, as ``add_passkey``."""
        row = (secret.person, secret.sealed, secret.last_step, seconds(secret.added_at))
        return await self._added(session, _SET_CODE, row)

    async def find_code(self, person: str) -> CodeSecret | None:
        """Return the secret of a person's codes."""
        row = await self._one("SELECT person, sealed, last_step, added_at FROM code WHERE person = ?", (person,))
        return CodeSecret(row[0], row[1], row[2], instant(row[3])) if row else None

    async def use_code(self, person: str, step: int) -> bool:
        """Take ``step`` as used; return ``False`` if it or a later one was."""
        statement = "UPDATE code SET last_step = ? WHERE person = ? AND last_step < ?"
        return await self._change(statement, (step, person, step)) == 1

    async def drop_code(self, person: str) -> bool:
        """Remove the secret of a person's codes; return whether it was there, and not the last of their means."""
        return await self._dropped(person, "DELETE FROM code WHERE person = ?", (person,))

    async def try_code(self, key: str, at: datetime) -> bool:
        """Count an attempt as failed before it is looked at; ``False`` if the next is not due or too many were."""
        now = seconds(at)
        async with self._unit() as unit:
            row = await unit.first(_TRY_CODE, (key, now, now, ATTEMPTS_MAX, int(BACK_OFF_MAX.total_seconds())))
            if row is None:
                return False
            await unit.change("UPDATE attempt SET next_at = ? WHERE key = ?", (now + _back_off(row[0]), key))
            return True

    async def clear_attempts(self, key: str) -> None:
        """Forget the failed attempts."""
        await self._change("DELETE FROM attempt WHERE key = ?", (key,))

    # Challenges, drafts, forms.

    async def add_challenge(self, challenge: Challenge) -> None:
        """Keep a challenge."""
        one = challenge
        row = (one.id, one.use, one.binding, one.person, one.sealed, seconds(one.until))
        await self._change("INSERT INTO challenge VALUES (?, ?, ?, ?, ?, ?)", row)

    async def find_challenge(self, id: str) -> Challenge | None:
        """Return a challenge without taking it."""
        row = await self._one("SELECT id, use, binding, person, sealed, until FROM challenge WHERE id = ?", (id,))
        return _challenge(row) if row else None

    async def take_challenge(self, id: str) -> Challenge | None:
        """Remove a challenge and return it; ``None`` if it was taken or never was."""
        statement = "DELETE FROM challenge WHERE id = ? RETURNING id, use, binding, person, sealed, until"
        rows = await self._taken(statement, (id,))
        return _challenge(rows[0]) if rows else None

    async def add_draft(self, person: str, place: str, sealed: bytes, until: datetime) -> None:
        """Keep a draft for a place instead of the one before; of more than ``DRAFTS_MAX`` those that end first go."""
        async with self._unit() as unit:
            await unit.change(_KEEP_DRAFT, (person, place, sealed, seconds(until)))
            await unit.change(_DROP_DRAFTS, (person, place, person, place, DRAFTS_MAX - 1))

    async def find_draft(self, person: str, place: str, at: datetime) -> bytes | None:
        """Return a draft, which stays; ``None`` if there is none or it is over."""
        statement = "SELECT sealed FROM draft WHERE person = ? AND place = ? AND until > ?"
        rows = await self._all(statement, (person, place, seconds(at)))
        return rows[0][0] if rows else None

    async def take_draft(self, person: str, place: str, at: datetime) -> bytes | None:
        """Remove a draft and return it; ``None`` if there is none or it is over."""
        # Every page asks and hardly ever there is one: what only looks is no transaction, and waits for nobody's.
        if await self._one("SELECT 1 FROM draft WHERE person = ? AND place = ?", (person, place)) is None:
            return None
        statement = "DELETE FROM draft WHERE person = ? AND place = ? RETURNING sealed, until"
        rows = await self._taken(statement, (person, place))
        return rows[0][0] if rows and rows[0][1] > seconds(at) else None

    async def draft_places(self) -> Sequence[str]:
        """Return the places at which anybody's draft is kept."""
        return [row[0] for row in await self._all("SELECT DISTINCT place FROM draft", ())]

    async def drop_drafts(self, place: str) -> int:
        """Remove everybody's drafts for ``place`` and the places below it; return how many there were."""
        below = f"{place}/"
        statement = "DELETE FROM draft WHERE place = ? OR substr(place, 1, ?) = ?"
        return await self._change(statement, (place, len(below), below))

    async def claim(self, token: str, until: datetime) -> Claim:
        """Take a form's token, or say what became of it."""
        statement = "INSERT INTO once VALUES (?, NULL, ?) ON CONFLICT (token) DO NOTHING"
        async with self._unit() as unit:
            if await unit.change(statement, (token, seconds(until))) == 1:
                return Claim("new")
            found = await unit.first("SELECT location FROM once WHERE token = ?", (token,))
        return Claim("running") if found is None or found[0] is None else Claim("done", found[0])

    async def finish(self, token: str, location: str) -> None:
        """Say where the form with this token led."""
        await self._change("UPDATE once SET location = ? WHERE token = ?", (location, token))

    async def release(self, token: str) -> None:
        """Give a token back whose form led nowhere."""
        await self._change("DELETE FROM once WHERE token = ? AND location IS NULL", (token,))

    # Approvals, events, snoozes.

    async def add_approval(self, approval: Approval) -> None:
        """Keep an approval."""
        one = approval
        row = (one.ref, one.thread, one.kind, one.role, one.digest, one.person, one.how, one.challenge, one.salt)
        proof = (one.credential, one.public_key, one.authenticator_data, one.client_data, one.signature)
        await self._change(
            f"INSERT INTO approval ({_APPROVAL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # constants
            (*row, one.session, seconds(one.at), *proof),
        )

    async def approvals(self, ref: str) -> Sequence[Approval]:
        """Return the approvals of a case, the oldest first."""
        rows = await self._all(f"SELECT {_APPROVAL} FROM approval WHERE ref = ? ORDER BY n", (ref,))  # noqa: S608  # constants
        return [Approval(*_with(row, {10: instant})) for row in rows]

    async def approval_refs(self) -> Sequence[str]:
        """Return the references of the cases of which an approval says what was approved."""
        return [row[0] for row in await self._all("SELECT DISTINCT ref FROM approval WHERE digest <> ''", ())]

    async def approvals_in_clear(self) -> Sequence[Approval]:
        """Return the approvals whose digest is not sealed."""
        statement = f"SELECT {_APPROVAL} FROM approval WHERE digest <> '' AND substr(digest, 1, 1) <> ? ORDER BY n"  # noqa: S608  # constants
        rows = await self._all(statement, (SEALED,))
        return [Approval(*_with(row, {10: instant})) for row in rows]

    async def seal_approval(self, challenge: str, digest: str, salt: str) -> None:
        """Keep ``digest`` and ``salt`` in place of those of the approval of ``challenge``."""
        await self._change("UPDATE approval SET digest = ?, salt = ? WHERE challenge = ?", (digest, salt, challenge))

    async def blind_approvals(self, ref: str) -> int:
        """Remove from the approvals of a case what a body could be tried by; return how many there were."""
        return await self._change("UPDATE approval SET digest = '', salt = '' WHERE ref = ? AND digest <> ''", (ref,))

    async def add_event(self, event: AccountEvent) -> None:
        """Keep an event of an account."""
        row = (event.person, seconds(event.at), event.event, event.detail, event.desk)
        await self._change("INSERT INTO account_event (person, at, event, detail, desk) VALUES (?, ?, ?, ?, ?)", row)

    async def events(self, person: str, limit: int) -> Sequence[AccountEvent]:
        """Return the events of an account, the latest first."""
        statement = "SELECT at, event, detail, desk FROM account_event WHERE person = ? ORDER BY n DESC LIMIT ?"
        rows = await self._all(statement, (person, limit))
        return [AccountEvent(person, instant(row[0]), *row[1:]) for row in rows]

    async def has_event(self, person: str, event: str) -> bool:
        """Return whether ``event`` is among the events of an account that are kept."""
        statement = "SELECT 1 FROM account_event WHERE person = ? AND event = ? LIMIT 1"
        return await self._one(statement, (person, event)) is not None

    async def set_snooze(self, snooze: Snooze) -> None:
        """Put a case aside for a person instead of the snooze before."""
        row = (snooze.ref, snooze.person, seconds(snooze.until), snooze.reason)
        await self._change(_SET_SNOOZE, row)

    async def snoozes(self, person: str, at: datetime) -> Sequence[Snooze]:
        """Return the snoozes of a person that stand at ``at``."""
        statement = "SELECT ref, until, reason FROM snooze WHERE person = ? AND until > ?"
        rows = await self._all(statement, (person, seconds(at)))
        return [Snooze(ref, person, instant(until), why) for ref, until, why in rows]

    async def drop_snooze(self, ref: str, person: str) -> None:
        """Take a case up again."""
        await self._change("DELETE FROM snooze WHERE ref = ? AND person = ?", (ref, person))

    async def shift(self, time: timedelta) -> None:
        """Move every session by ``time``: the clock of a demonstration jumped, and nobody at a desk was idle for it."""
        statement = "UPDATE session SET opened_at = opened_at + ?1, seen_at = seen_at + ?1, fresh_at = fresh_at + ?1"
        await self._change(statement, (int(time.total_seconds()),))

    async def add_work(self, work: Work, sealed: bytes, most: int) -> bool:
        """
        Keep something new that a person is writing; ``False`` if they have ``most`` already.

        Two that come to two nodes within one instant do not see one another, so there may be one more.
        """
        row = (work.id, work.person, work.ref, sealed, work.version, seconds(work.made_at), seconds(work.changed_at))
        statement = """
        INSERT INTO work (id, person, ref, sealed, version, made_at, changed_at)
        SELECT ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM work WHERE person = ?) < ?
        """
        return await self._change(statement, (*row, work.person, most)) == 1

    async def find_work(self, person: str, id: str) -> tuple[Work, bytes] | None:
        """Return what this person is writing under ``id``, with its sealed fields."""
        row = await self._one(f"SELECT {_WORK}, sealed FROM work WHERE id = ? AND person = ?", (id, person))  # noqa: S608  # constants
        return (_work(row[:6]), row[6]) if row else None

    async def save_work(self, work: Work, sealed: bytes) -> bool:
        """Keep the change made to ``work.version``; ``False`` if it is another by now, or gone."""
        statement = """
        UPDATE work SET sealed = ?, changed_at = ?, version = version + 1 WHERE id = ? AND person = ? AND version = ?
        """
        values = (sealed, seconds(work.changed_at), work.id, work.person, work.version)
        return await self._change(statement, values) == 1

    async def drop_work(self, person: str, id: str) -> bool:
        """Remove it; return whether it was there."""
        return await self._change("DELETE FROM work WHERE id = ? AND person = ?", (id, person)) == 1

    async def works(self, person: str) -> Sequence[Work]:
        """Return what a person is writing, without the fields, the latest first."""
        rows = await self._all(f"SELECT {_WORK} FROM work WHERE person = ? ORDER BY changed_at DESC, id", (person,))  # noqa: S608  # constants
        return [_work(row) for row in rows]

    async def work_refs(self) -> Sequence[str]:
        """Return the references of the cases of which somebody is changing a copy."""
        return [row[0] for row in await self._all("SELECT DISTINCT ref FROM work WHERE ref <> ''", ())]

    async def drop_works(self, ref: str) -> Sequence[str]:
        """Remove what anybody is writing for the case ``ref``; return the ids it had."""
        return [row[0] for row in await self._taken("DELETE FROM work WHERE ref = ? RETURNING id", (ref,))]

    async def sweep(self, at: datetime, *, believed: bool = True) -> int:
        """
        Delete what is over and return how many rows went.

        A session stays a day after it ran out, so that what was typed in it can be given back; a link as long as it
        could have lasted, so that whoever follows it a second time is told that it was used. One by a clock that was
        ahead goes at once, or it would open when its time comes. Approvals stay; what of them could be tried goes with
        their case (``blind_approvals``).

        Where the clock is not ``believed`` challenges and attempts go alone, for strangers make them. What people typed
        and what is told of accounts waits: it would be lost for good (``gateway.services.steady``).
        """
        now = seconds(at)

        def before(span: timedelta) -> int:
            return now - int(span.total_seconds())

        of_strangers = (
            ("DELETE FROM challenge WHERE until <= ?", now),
            ("DELETE FROM attempt WHERE last_at < ?", before(ATTEMPTS_LAST)),
        )
        of_people = (
            ("DELETE FROM session WHERE seen_at < ?", before(IDLE + DRAFT_LASTS)),
            ("DELETE FROM link WHERE until < ?", before(LINK_MAX)),
            ("DELETE FROM link WHERE until > ?", before(-LINK_LATEST)),
            ("DELETE FROM link_request WHERE asked_at < ?", before(REQUEST_LASTS)),
            ("DELETE FROM draft WHERE until <= ?", now),
            ("DELETE FROM once WHERE until <= ?", now),
            ("DELETE FROM work WHERE changed_at < ?", before(WORK_LASTS)),
            ("DELETE FROM account_event WHERE at < ?", before(EVENT_LASTS)),
            ("DELETE FROM snooze WHERE until <= ?", now),
            ("DELETE FROM invitation WHERE until < ?", before(EVENT_LASTS)),
        )
        async with self._unit() as unit:
            over = of_strangers + of_people if believed else of_strangers
            return sum([await unit.change(statement, (value,)) for statement, value in over])


def _back_off(failed: int) -> int:
    """Return after how many seconds the next attempt is looked at, after ``failed`` wrong ones."""
    if failed < FREE_ATTEMPTS:
        return 0
    doublings = min(failed - FREE_ATTEMPTS, 10)
    return int(min(BACK_OFF * 2**doublings, BACK_OFF_MAX).total_seconds())


def _with(row: Row, read: Mapping[int, Callable[[Any], Any]]) -> list[Any]:
    """Return the values of a row, those at some places read as what they stand for."""
    return [read[place](value) if place in read else value for place, value in enumerate(row)]


def _invitation(row: Row) -> Invitation:
    return Invitation(*_with(row, {5: instant, 6: instant, 7: instant_or_none}))


def _link(row: Row) -> Link:
    return Link(*_with(row, {4: instant, 5: instant, 6: instant_or_none}))


def _passkey(row: Row) -> Passkey:
    return Passkey(*_with(row, {4: lambda words: tuple(words.split()), 6: instant, 7: instant_or_none}))


def _work(row: Row) -> Work:
    return Work(*_with(row, {3: instant, 4: instant}))


def _challenge(row: Row) -> Challenge:
    return Challenge(*_with(row, {5: instant}))
