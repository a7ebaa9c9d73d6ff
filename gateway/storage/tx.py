"""
One unit's view of a store that speaks SQL: every table, and what the batch needs.

The statements and rows of each stand in the files beside this; rules 1 to 3 are in ``sql``.
"""

from collections.abc import Sequence

from gateway.services.ports import CARD_EPOCHS, PERSON_INDEX, Conflict, Draft, SignBatch, Signed, Unavailable
from gateway.storage.case_rows import CaseRows
from gateway.storage.errors import BrokenUnit
from gateway.storage.figure_rows import FigureRows
from gateway.storage.log_rows import LogRows
from gateway.storage.message_rows import MessageRows
from gateway.storage.partner_rows import PartnerRows
from gateway.storage.person_rows import PersonRows

_HAS_LOG = "SELECT 1 FROM log_head WHERE partner = ? AND current = 1"

EPOCH = "SELECT value FROM meta WHERE name = 'epoch'"

EXTENT = """
SELECT coalesce((SELECT max(n) FROM case_event), 0) + coalesce((SELECT max(n) FROM outbound), 0)
    + coalesce((SELECT max(n) FROM log_entry), 0)
"""
"""What only rises: of these tables no row is ever taken out, and none gets a number below the last one that is seen."""

_GONE_BY = frozenset({"epoch", PERSON_INDEX})
"""Values that many batches go by and that none holds: whoever changes one has the store to itself."""


class SqlTx(CaseRows, MessageRows, PartnerRows, PersonRows, FigureRows, LogRows):
    """
    A unit's view of the store: the ``Tx`` port, but for how a statement is run.

    ``drafts`` holds what the unit asked the batch to log, ``failure`` what went wrong with the store itself.
    """

    __slots__ = ()

    # Named values

    async def find_meta(self, name: str) -> str | None:
        """Return a named value, or ``None``."""
        row = await self._known("SELECT value FROM meta WHERE name = ?", (name,), held=not _is_gone_by(name))
        return None if row is None else str(row[0])

    async def epoch(self) -> int:
        """Return the epoch that is stored; nobody raises it before the batch has ended."""
        row = await self._one(EPOCH, ())
        return int(row[0]) if row else 1

    async def extent(self) -> int:
        """Return a number that rises with each step, message of ours and entry of a log, and never falls."""
        row = await self._one(EXTENT, ())
        return int(row[0]) if row else 0

    async def set_meta(self, name: str, value: str) -> None:
        """Store a named value."""
        if _is_gone_by(name):
            self._alone()
        self.known.clear()
        statement = (
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        )
        await self._write(statement, (name, value))

    async def metas(self, prefix: str) -> Sequence[tuple[str, str]]:
        """Return the named values whose names begin with ``prefix`` (ASCII, not empty), with their names, by name."""
        # Names are compared byte by byte in either dialect: what begins so ends before the next prefix of this length.
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        statement = "SELECT name, value FROM meta WHERE name >= ? AND name < ? ORDER BY name"
        return tuple((str(name), str(value)) for name, value in await self._all_held(statement, (prefix, after)))

    async def drop_meta(self, name: str) -> None:
        """Forget a named value; one that is not there is forgotten already."""
        self.known.clear()
        await self._write("DELETE FROM meta WHERE name = ?", (name,))

    # What the batch needs

    def draft(self, draft: Draft) -> None:
        """
        Ask the batch to log ``draft``; forgotten if the unit fails.

        Raises ``BrokenUnit`` in a unit that only reads, and for a draft with both or neither of claims and receipt.
        """
        self._check_writable()
        if (draft.claims is None) == (draft.receipt is None):
            raise BrokenUnit("a draft holds either claims or a receipt")
        self.drafts.append(draft)

    async def check_drafts(self, drafted: set[tuple[str, str]], logged: set[str]) -> None:
        """
        Check, before the batch is signed, that each draft of this unit can be stored, and add them to ``drafted``.

        ``logged`` are the partners that a log is known to be about, from the units before.

        Raises ``Conflict`` if the digest is logged twice in one batch, ``BrokenUnit`` if the partner has no log or the
        message to answer is not stored. Done for each unit, so that a bad draft fails its unit and not the batch.
        """
        keys = [(draft.partner, draft.digest) for draft in self.drafts]
        for draft, key in zip(self.drafts, keys, strict=True):
            if draft.partner not in logged and await self._one(_HAS_LOG, (draft.partner,)) is None:
                raise BrokenUnit(f"no log about {draft.partner} was begun")
            if key in drafted or keys.count(key) > 1:
                raise Conflict(f"message {draft.digest} of {draft.partner} is logged in this batch")
            if draft.claims is None or key in self._added:
                continue
            if await self._one("SELECT 1 FROM inbound WHERE partner = ? AND digest = ?", key) is None:
                raise BrokenUnit("a receipt was drafted for a message that is not stored")
        drafted.update(keys)
        logged.update(partner for partner, _ in keys)  # now that nothing of this unit is rolled back any more

    async def log(self, sign_batch: SignBatch) -> Signed:
        """
        Have everything in ``drafts`` signed, and store entries, answers and the new end of each log.

        Raises ``Unavailable`` if it could not be signed.
        """
        # In order of names: two batches that log about the same partners never wait for one another.
        found = [(partner, await self.head(partner)) for partner in sorted({draft.partner for draft in self.drafts})]
        heads = {partner: head for partner, head in found if head is not None}
        try:
            signed = sign_batch(heads, self.drafts)
            if len(signed.answers) != len(self.drafts) or not set(heads) <= set(signed.heads):
                raise ValueError("the signer left something out")
            for partner, head in signed.heads.items():
                await self.put_head(partner, head)
            await self.put_entries(signed.entries)
            pairs = zip(signed.answers, self.drafts, strict=True)
            await self.put_answers([(answer, d.partner, d.digest) for answer, d in pairs if answer is not None])
        except Unavailable:
            raise
        except Exception as error:
            raise Unavailable("the log could not be signed", "check the keys of the gateway") from error
        return signed

    async def put_answers(self, answers: Sequence[tuple[bytes, str, str]]) -> None:
        """
        Store answers set-wise, each (answer, partner, digest), into their inbound rows.

        Raises ``BrokenUnit`` if one is for a message that is not stored.
        """
        if await self._many("UPDATE inbound SET answer = ? WHERE partner = ? AND digest = ?", answers) != len(answers):
            raise BrokenUnit("an answer was made for a message that is not stored")


def _is_gone_by(name: str) -> bool:
    return name in _GONE_BY or name.startswith(CARD_EPOCHS)
