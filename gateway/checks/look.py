"""What every check is given to look at, and what it says where a thing that it stands on is not there."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.services.health import N_, Item
from gateway.settings import Settings
from gateway.transport.card_directory import load_cards, newest_path
from keys import card
from keys.card import Card
from keys.custody import KeyStore
from keys.device import open_device
from keys.errors import CardRefused

RESTORE = N_("restore it from the backup of the configuration, or set right what the configuration says there")


class Missing(Exception):
    """What a check stands on is not there; ``hint`` is the next step."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


def plainly(error: BaseException) -> tuple[str, str]:
    """Return what ``error`` says and its next step; of one that has no hint, its kind alone, for it may quote."""
    hint = getattr(error, "hint", "")
    return (str(error), hint) if hint else (type(error).__name__, "")


def device_kid(chosen: Settings) -> str | None:
    """Return the id of the signing key if it is in a device, ``None`` if it is in the key store."""
    # No PIN is asked of anybody, as `serve` asks nobody: what does not open here does not start there.
    return open_device(chosen.signing, environ=os.environ).kid if chosen.signing else None


@dataclass(frozen=True, slots=True)
class Look:
    """
    What the checks look at.

    ``keys`` is the key store where it is open already; else ``ask`` gives its passphrase. ``told`` says what an error
    means. ``runs`` tells whether a gateway of this home runs, which has its doors open; without it that is this one.
    Without ``whole`` a database is not read to its end; ``wait_s`` is how long a server may take for one statement.
    """

    settings: Settings
    ask: Callable[[], str]
    now: datetime
    keys: KeyStore | None = None
    device_kid: Callable[[Settings], str | None] = device_kid
    told: Callable[[BaseException], tuple[str, str]] = plainly
    runs: Callable[[Settings], bool] | None = None
    whole: bool = True
    wait_s: float = 30.0


Check = Callable[[Look], Iterator[Item]]


def own_card(chosen: Settings) -> Card:
    """Return our newest card. Raises ``Missing`` if there is none, or it is damaged."""
    found = load_cards(chosen.cards, str(chosen.values["country"]))
    if not found:
        text = f"{chosen.cards} holds no card of ours"
        raise Missing(text, "restore it from the backup of the configuration, or check 'trust.directory'")
    try:
        return card.parse_card(found[-1])
    except CardRefused as error:
        path = newest_path(chosen.cards, str(chosen.values["country"]))
        hint = "restore it from its copy; remove it only where none of you issued it"
        raise Missing(f"{path} is no card: {error}", hint) from error
