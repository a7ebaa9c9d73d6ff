"""Agreements as if they bound the two States of a test."""

from typing import Any

import schemas
from gateway.core.instruments import Instrument
from gateway.services.reckon import Reckoner
from tests.support.network import Network


def between_us(name: str, **changes: Any) -> Instrument:
    """Return the agreement ``name`` as if it bound XAA and XBB."""
    value = {**schemas.load_instrument(name), "parties": [{"from": ["XAA"], "to": ["XBB"]}], **changes}
    return Instrument.from_dict(value)


def agree(network: Network, *names: str) -> None:
    """Let the agreements ``names`` hold between XAA and XBB, before what holds for everybody."""
    for gateway in network.gateways.values():
        old = gateway.context.reckoner
        everybody = [one for one in old.instruments if one.specificity == 0]
        gateway.context.reckoner = Reckoner([*map(between_us, names), *everybody], old.calendars, old.ladder)
