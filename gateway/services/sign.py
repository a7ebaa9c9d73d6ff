"""
How a batch is signed, once: receipts, log entries, one checkpoint for each partner, a proof for each entry.

The store calls this inside its transaction (``docs/protocol.md`` section 7); what it returns is stored in the same
transaction, and nothing of it is shown before that has committed.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway.core import checkpoint, merkle, wire
from gateway.services.context import Keyring
from gateway.services.ports import Clock, Draft, Random, Signed
from gateway.services.rows import LogEntry, LogHead
from keys import jws


class BatchSigner:
    """The ``SignBatch`` of one gateway."""

    def __init__(self, keyring: Keyring, random: Random, clock: Clock) -> None:
        """Sign with ``keyring``; ``random`` gives the 32-byte openings, ``clock`` the instant of the entries."""
        self._keyring = keyring
        self._random = random
        self._clock = clock

    def __call__(self, heads: Mapping[str, LogHead], drafts: Sequence[Draft]) -> Signed:
        """Return the signed batch; entries and answers stand in the order of ``drafts``."""
        now = self._clock.now()
        receipts = [self._receipt(draft) for draft in drafts]
        entries: list[LogEntry | None] = [None] * len(drafts)
        answers: list[bytes | None] = [None] * len(drafts)
        new_heads: dict[str, LogHead] = {}
        for partner in dict.fromkeys(draft.partner for draft in drafts):
            places = [i for i, draft in enumerate(drafts) if draft.partner == partner]
            head = heads[partner]
            made = [self._entry(head, offset, drafts[i], receipts[i], now) for offset, i in enumerate(places)]
            frontier, proofs = merkle.batch_proofs(head.frontier, [entry.leaf for entry in made])
            body = checkpoint.checkpoint_body(head.origin, frontier.size, frontier.root())
            note = checkpoint.sign_note(body, head.origin, self._keyring.log)
            for i, entry, proof in zip(places, made, proofs, strict=True):
                entries[i] = entry
                if drafts[i].claims is not None:
                    text = checkpoint.proof_text(entry.index, proof, note)
                    answers[i] = wire.serialize_answer(wire.Answer(receipts[i], entry.r, text))
            new_heads[partner] = LogHead(head.origin, frontier, note)
        return Signed([entry for entry in entries if entry is not None], answers, new_heads)

    def _receipt(self, draft: Draft) -> bytes:
        if draft.claims is not None:
            return jws.sign(draft.claims, jws.TYP_RECEIPT, self._keyring.signing)
        return draft.receipt or b""

    def _entry(self, head: LogHead, offset: int, draft: Draft, receipt: bytes, now: datetime) -> LogEntry:
        r = self._random.bytes(32)
        entry = hmac.digest(r, hashlib.sha256(receipt).digest(), "sha256")
        direction = "issued" if draft.claims is not None else "received"
        index = head.frontier.size + offset
        return LogEntry(head.origin, index, receipt, r, merkle.leaf_hash(entry), direction, draft.digest, now)
