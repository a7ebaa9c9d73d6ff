"""
Cards as files: ``<directory>/<country>/<serial>.jws`` (``docs/protocol.md`` section 8.3).

Who publishes the directory does not matter for who is believed, so nothing is verified here; ``services.trust`` does.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

from gateway.services.ports import Unavailable
from keys.card import Card

CARD_MAX_BYTES = 256 << 10
"""The largest file read as a card. A year of sealing keys of the largest suite takes a fifth of it."""

CARDS_MAX = 4096
"""Most cards read of one country: a card a week for 78 years."""

_COUNTRY = re.compile(r"[A-Z]{3}")
_NAME = re.compile(r"[1-9][0-9]{0,8}\.jws")


class CardDirectory:
    """The ``CardSource`` port over a directory on this machine, however it is brought up to date."""

    def __init__(self, directory: Path) -> None:
        """Read cards under ``directory``; it need not exist yet."""
        self._directory = directory

    async def cards(self, country: str) -> Sequence[bytes]:
        """
        Return the raw cards of ``country``, lowest serial first; none if it published none.

        Raises ``Unavailable`` if the directory cannot be read or holds what cannot be a card.
        """
        return await asyncio.to_thread(load_cards, self._directory, country)


def load_cards(directory: Path, country: str) -> tuple[bytes, ...]:
    """
    Return the raw cards of ``country`` (ISO 3166-1 alpha-3) in ``directory``, lowest serial first.

    Files of another name are passed over. Raises ``Unavailable``, and ``ValueError`` for what is no country code.
    """
    if not _COUNTRY.fullmatch(country):
        raise ValueError("a country code has three capital letters")
    try:
        # Listed first, so that a directory that is gone is not taken for one without cards.
        if country not in os.listdir(directory):
            return ()
        names = [name for name in os.listdir(directory / country) if _NAME.fullmatch(name)]
        names.sort(key=_serial)
        return tuple(_load(directory / country / name) for name in names[-CARDS_MAX:])
    except OSError as error:
        hint = "check 'trust.directory' in the configuration"
        raise Unavailable(f"the card directory cannot be read: {error.strerror}", hint) from error


def _serial(name: str) -> int:
    return int(name.removesuffix(".jws"))


def _load(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(CARD_MAX_BYTES + 1)
    if len(raw) > CARD_MAX_BYTES:
        raise Unavailable(f"{path.name} of {path.parent.name} is too large for a card", "remove it from the directory")
    # An editor or a checkout may end the text with a line feed; a JWS never does.
    return raw.rstrip(b"\r\n")


def write_card(directory: Path, card: Card) -> Path:
    """
    Publish ``card`` in ``directory`` and return its path. A card that stands there already is left alone.

    Durable when it returns, and never seen half written. Raises ``FileExistsError`` if another card has its serial.
    """
    folder = directory / card.country
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.serial}.jws"
    if path.exists():
        if path.read_bytes() != card.raw:
            raise FileExistsError(f"{path} is another card; a serial is used once")
        return path
    _write_durably(path, card.raw)
    return path


def _write_durably(path: Path, raw: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
