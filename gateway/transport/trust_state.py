"""
The trust list as it was read last, as members of an export: what leads a stranger from the root to the cards.

What is handed out was verified when it was read; the reader of the export verifies it again, from a root of its own
(``gateway.core.evidence_trust``).
"""

from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from gateway.core import evidence_trust
from gateway.services.ports import Unavailable
from keys import trust_policy

_ROLES = ("timestamp", "snapshot", "targets")


def load_state(cache: Path, countries: Collection[str]) -> dict[str, bytes]:
    """
    Return the signed parts of the list kept in ``cache`` that concern ``countries``, by name of the member.

    A country that the list does not name is passed over. Raises ``Unavailable`` if the list was never read.
    """
    metadata, targets = cache / "metadata", cache / "targets"
    try:
        found = {f"trust/{role}.json": (metadata / f"{role}.json").read_bytes() for role in _ROLES}
        roots = sorted((metadata / "root_history").glob("*.root.json"))
        found |= {f"trust/{path.name}": path.read_bytes() for path in roots}
        for country in sorted(countries):
            part = metadata / f"{country}.json"
            if part.is_file():
                found[f"trust/{country}.json"] = part.read_bytes()
                found[f"trust/{country}.cards.json"] = _target(targets, trust_policy.cards_path(country)).read_bytes()
        witness = _target(targets, trust_policy.policy_path(trust_policy.WITNESS))
        if (cache / "policy" / trust_policy.WITNESS).is_file():
            found[evidence_trust.WITNESS] = witness.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"the trust list kept here cannot be read: {error.strerror}", "refresh it first: isthmus trust refresh"
        ) from error
    return found


def _target(folder: Path, path: str) -> Path:
    """Return where the reader of the list keeps the file that the list names ``path``."""
    return folder / quote(path, "")
