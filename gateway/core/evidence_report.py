"""
What a verifier of an evidence file says: each fault with its member, and what the file proves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.core.evidence_manifest import Manifest


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: the member it is in (empty: the file as a whole) and why, quoting nothing of it."""

    member: str
    reason: str


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity key that cards in the file stand under; ``pinned`` if the verifier was told to expect it."""

    country: str
    key: str
    fingerprint: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class Proved:
    """One message and what its receipt proves. ``receipt_by`` is the State that signed, ``None`` without a receipt."""

    direction: str
    type: str
    digest: str
    status: str | None
    code: str | None
    receipt_by: str | None = None
    received_at: datetime | None = None
    start_on: date | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Stood:
    """
    A checkpoint that receipts stand under: log, number of entries, who cosigned it and when, by ML-DSA-44.

    ``enough`` tells whether they make the quorum; ``stamped_at`` is the instant of a time-stamp that was checked, as
    text, or ``None``.
    """

    origin: str
    size: int
    cosigned: Mapping[str, datetime]
    enough: bool
    stamped_at: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """
    The outcome: every fault, and what the file says where there is none.

    ``manifest`` is ``None`` if none could be read, and signed unless a fault says otherwise; ``members`` how many there
    were. ``checkpoints`` are those of the State that exported.
    ``notes`` are no faults: where the two States reckon differently, what is gone, which identity nobody compared.
    """

    manifest: Manifest | None
    members: int
    identities: tuple[Identity, ...]
    messages: tuple[Proved, ...]
    checkpoints: tuple[Stood, ...]
    notes: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def verified(self) -> bool:
        """Return whether nothing at all is wrong."""
        return not self.faults

    def with_faults(self, faults: Iterable[Fault]) -> "Report":
        """Return the report with ``faults`` in place of its own."""
        return replace(self, faults=tuple(faults))
