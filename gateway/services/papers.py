"""
What people at the desks have under way: drafts, new requests, forms that were sent, approvals, cases put aside.

Rule 1: what was typed, and by what it could be tried, is sealed; whoever reads the file reads none of it.
Rule 2: a form is taken once, in one step of the store, so of two that come together one is too late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.services.account_store import (
    DRAFT_LASTS,
    ONCE_LASTS,
    SEALED,
    WORKS_MAX,
    AccountStore,
    Approval,
    Claim,
    Session,
    Snooze,
    Work,
    hashed,
)
from gateway.services.ports import Conflict, Random
from keys import b64
from keys.rest import Vault
from schemas import ijson


@dataclass(frozen=True, slots=True)
class Papers:
    """The papers of all people of one gateway."""

    store: AccountStore
    vault: Vault
    random: Random

    # What was typed in a form and not sent.

    async def keep_draft(
        self,
        person: str,
        place: str,
        fields: Sequence[tuple[str, str]],
        now: datetime,
        lasts: timedelta = DRAFT_LASTS,
    ) -> None:
        """Keep what was typed at ``place`` (a path), sealed, for a day or as long as ``lasts``."""
        sealed = self.vault.seal_own("draft", person, place, ijson.dumps({"fields": [list(pair) for pair in fields]}))
        await self.store.add_draft(person, place, sealed, now + lasts)

    async def find_draft(self, person: str, place: str, now: datetime) -> list[tuple[str, str]] | None:
        """Return what was kept for ``place``, which stays; ``None`` if nothing is."""
        return self._fields(person, place, await self.store.find_draft(person, place, now))

    async def take_draft(self, person: str, place: str, now: datetime) -> list[tuple[str, str]] | None:
        """Return what was kept for ``place`` and take it away; ``None`` if nothing is."""
        return self._fields(person, place, await self.store.take_draft(person, place, now))

    def _fields(self, person: str, place: str, sealed: bytes | None) -> list[tuple[str, str]] | None:
        if sealed is None:
            return None
        kept = ijson.loads(self.vault.open_own("draft", person, place, sealed))
        return [(name, value) for name, value in kept["fields"]]

    async def draft_places(self) -> Sequence[str]:
        """Return the places at which anybody's draft is kept."""
        return await self.store.draft_places()

    async def forget_drafts(self, place: str) -> int:
        """Delete what anybody typed at ``place`` and below it; return how many drafts there were."""
        return await self.store.drop_drafts(place)

    # New requests, and copies of drafts that are changed.

    async def begin_work(
        self,
        person: str,
        fields: Sequence[tuple[str, str]],
        now: datetime,
        ref: str = "",
        base: Mapping[str, Any] | None = None,
    ) -> Work:
        """
        Keep something new that ``person`` is writing, sealed, until it is handed in or left alone for a month.

        ``base`` is the draft of the case ``ref`` that was copied. Raises ``Conflict`` if the person has begun too much
        already.
        """
        made = Work(self.random.token(), person, ref, now, now, 1, tuple(fields), base)
        if not await self.store.add_work(made, self._seal_work(made), WORKS_MAX):
            raise Conflict("too much was begun and not handed in")
        return made

    async def find_work(self, person: str, id: str) -> Work | None:
        """Return what ``person`` is writing under ``id``; ``None`` if it is another's or not there."""
        found = await self.store.find_work(person, id)
        if found is None:
            return None
        work, sealed = found
        kept = ijson.loads(self.vault.open_own("work", f"{work.person}|{work.id}", "sealed", sealed))
        return replace(work, fields=tuple((name, value) for name, value in kept["fields"]), base=kept.get("base"))

    async def save_work(
        self,
        work: Work,
        fields: Sequence[tuple[str, str]],
        now: datetime,
        base: Mapping[str, Any] | None = None,
    ) -> Work:
        """
        Keep ``fields`` in place of those of ``work``, and ``base``, if there is one, in place of what was copied.

        Raises ``Conflict`` if it was changed meanwhile.
        """
        changed = replace(work, fields=tuple(fields), changed_at=now, base=work.base if base is None else base)
        if not await self.store.save_work(changed, self._seal_work(changed)):
            raise Conflict("this was changed elsewhere meanwhile")
        return replace(changed, version=work.version + 1)

    async def drop_work(self, person: str, id: str) -> bool:
        """Remove what ``person`` is writing under ``id``; return whether it was there."""
        return await self.store.drop_work(person, id)

    async def works(self, person: str) -> Sequence[Work]:
        """Return what a person is writing, without the fields, the latest first."""
        return await self.store.works(person)

    async def work_refs(self) -> Sequence[str]:
        """Return the references of the cases of which somebody is changing a copy."""
        return await self.store.work_refs()

    async def forget_works(self, ref: str) -> Sequence[str]:
        """Delete every copy of the case ``ref``, whoever is changing it; return the ids they had."""
        return await self.store.drop_works(ref)

    def _seal_work(self, work: Work) -> bytes:
        kept = ijson.dumps({"fields": [list(pair) for pair in work.fields], "base": work.base})
        return self.vault.seal_own("work", f"{work.person}|{work.id}", "sealed", kept)

    # Forms that were sent.

    async def claim(self, session: Session, token: str, now: datetime) -> Claim:
        """Take the token of a form of this session, or say what became of the form that came first."""
        found = await self.store.claim(hashed(f"{session.id}|{token}"), now + ONCE_LASTS)
        if found.location.startswith("/"):  # an earlier version kept no more
            return found
        typed, _, location = found.location.partition(" ")
        return replace(found, typed=typed, location=location)

    async def finish(self, session: Session, token: str, typed: str, location: str) -> None:
        """
        Say where the form led: a second one with the same token is sent there.

        ``typed`` is a digest of what stood in it, with the token, which is kept nowhere: nobody can try values by it.
        """
        await self.store.finish(hashed(f"{session.id}|{token}"), f"{typed} {location}")

    async def release(self, session: Session, token: str) -> None:
        """Give a token back whose form led nowhere, so that it can be sent again."""
        await self.store.release(hashed(f"{session.id}|{token}"))

    # Approvals.

    async def add_approval(self, approval: Approval) -> None:
        """Keep what a person approved, with its proof; what a body could be tried by is sealed."""
        digest, salt = self._seal_part(approval, "digest"), self._seal_part(approval, "salt")
        await self.store.add_approval(replace(approval, digest=digest, salt=salt))

    async def approvals(self, ref: str) -> Sequence[Approval]:
        """Return the approvals of a case, the oldest first; of an erased one without digest and salt."""
        return [
            replace(one, digest=self._open_part(one, "digest"), salt=self._open_part(one, "salt"))
            for one in await self.store.approvals(ref)
        ]

    async def seal_approvals(self) -> int:
        """Seal what an earlier version kept in clear; return how many approvals there were."""
        found = await self.store.approvals_in_clear()
        for one in found:
            digest, salt = self._seal_part(one, "digest"), self._seal_part(one, "salt")
            await self.store.seal_approval(one.challenge, digest, salt)
        return len(found)

    async def approval_refs(self) -> Sequence[str]:
        """Return the references of the cases of which an approval says what was approved."""
        return await self.store.approval_refs()

    async def blind_approvals(self, ref: str) -> int:
        """Forget what was approved in the case ``ref``, and keep that it was; return how many approvals there were."""
        return await self.store.blind_approvals(ref)

    def _seal_part(self, approval: Approval, name: str) -> str:
        value = getattr(approval, name).encode()
        return SEALED + b64.encode(self.vault.seal_own("approval", approval.challenge, name, value))

    def _open_part(self, approval: Approval, name: str) -> str:
        kept: str = getattr(approval, name)
        if not kept.startswith(SEALED):
            return kept
        raw = b64.decode(kept.removeprefix(SEALED))
        return self.vault.open_own("approval", approval.challenge, name, raw).decode()

    # What was put aside.

    async def snooze(self, snooze: Snooze) -> None:
        """Put a case aside for a person."""
        await self.store.set_snooze(snooze)

    async def snoozes(self, person: str, now: datetime) -> Mapping[str, Snooze]:
        """Return what a person has put aside, by case."""
        return {one.ref: one for one in await self.store.snoozes(person, now)}

    async def wake(self, ref: str, person: str) -> None:
        """Take up again what was put aside."""
        await self.store.drop_snooze(ref, person)
