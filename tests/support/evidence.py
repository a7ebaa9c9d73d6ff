"""Evidence of a case as its officers export it, and what lies in the file."""

import io
import zipfile
from collections.abc import Iterable

from gateway.core.evidence_report import Fault
from gateway.services.evidence import export
from gateway.transport.card_directory import CardDirectory
from tests.support.network import Network

TWO = ("first", "second")


async def exported(network: Network, country: str, ref: str, two: tuple[str, str] | None = None) -> bytes:
    """Export a case of ``country`` as its first officer does."""
    gateway = network.gateways[country]
    source = CardDirectory(gateway.settings.cards)
    return await export(gateway.context, ref, "first", "case_officer", "a dispute", cards=source, with_content_by=two)


def members_of(raw: bytes) -> dict[str, bytes]:
    """Return the members of a zip."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def faults_by_member(faults: Iterable[Fault]) -> dict[str, list[str]]:
    """Return the reasons of ``faults`` by member."""
    found: dict[str, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.member, []).append(fault.reason)
    return found
