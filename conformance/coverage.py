"""
Which demands of the protocol a case proves, and which none does.

A demand is a number such as [M-3.1] in ``docs/protocol.md``. Some cannot be seen from outside a gateway; ``UNSEEN``
lists them, each with the reason, and nothing else is left out.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from conformance.registry import Case

UNSEEN: Mapping[str, str] = {
    "M-2.3": "how a sealing key is kept is never on the wire; the vectors name keys by their seeds",
}
"""Demands that no black box shows, and why."""

_DEMAND = re.compile(r"^- \[(M-[1-8]\.[0-9]+)\]", re.MULTILINE)


def demands(protocol: Path) -> list[str]:
    """Return the numbers of all demands of the protocol's text, in their order."""
    return _DEMAND.findall(protocol.read_text(encoding="utf-8"))


def uncovered(protocol: Path, cases: Mapping[str, Case]) -> list[str]:
    """Return each demand that no case at MUST proves and that could be seen."""
    proved = {rule for case in cases.values() if case.level == "MUST" for rule in case.rules}
    return [rule for rule in demands(protocol) if rule not in proved and rule not in UNSEEN]


def unknown(protocol: Path, cases: Mapping[str, Case]) -> list[str]:
    """Return what cases, or ``UNSEEN``, name and the protocol does not have."""
    named = {rule for case in cases.values() for rule in case.rules} | set(UNSEEN)
    return sorted(named - set(demands(protocol)))
