"""
Cards as files: ``<directory>/<country>/<serial>.jws`` (``docs/protocol.md`` section 8.3).

Who publishes the directory does not matter for who is believed, so nothing is verified here; ``services.trust`` does.
"""

import asyncio
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from gateway.services.ports import Unavailable
from keys.card import Card
from keys.durable_file import confirm, make_folder, write_durably
from keys.folder_lock import alone_in

CARD_MAX_BYTES = 256 << 10
"""The largest file read as a card. A year of sealing keys of the largest suite takes a fifth of it."""

CARDS_MAX = 4096
"""Most cards read of one country: a card a week for 78 years."""

SERIAL_MAX = 999_999_999
"""The highest serial that has a file name here."""

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

    async def refresh(self) -> None:
        """Return: whoever brings the directory up to date does it without us."""

    def policy(self, name: str) -> bytes | None:
        """Return ``None``: a directory holds cards and nothing else."""
        return None

    def version(self) -> None:
        """Return ``None``: no trustee signs a directory."""

    async def state(self, countries: Collection[str]) -> Mapping[str, bytes]:
        """Return nothing: no threshold stands behind a directory."""
        return {}


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
        hint = "restore it from the backup of the configuration, or check 'trust.directory'"
        raise Unavailable(f"the card directory cannot be read: {error.filename}: {error.strerror}", hint) from error


def newest_path(directory: Path, country: str) -> Path:
    """Return the path of the card of ``country`` with the highest serial; there is one."""
    return max((path for path in (directory / country).iterdir() if _NAME.fullmatch(path.name)), key=_of_serial)


def _of_serial(path: Path) -> int:
    return _serial(path.name)


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

    Durable when it returns, also where somebody wrote it before, and never seen half written. Raises
    ``FileExistsError`` if another card has its serial.
    """
    folder = directory / card.country
    make_folder(folder)
    path = folder / f"{card.serial}.jws"
    with alone_in(folder):  # two cards of one serial would have partners hold the State
        if not path.exists():
            write_durably(path, card.raw)
        elif path.read_bytes() != card.raw:
            raise FileExistsError(f"{path} is another card; a serial is used once")
        else:
            confirm(path)
    return path


def write_card_anew(directory: Path, card: Card) -> Path:
    """Put ``card`` in the place of the one of its serial in ``directory``, durably, and return its path."""
    folder = directory / card.country
    path = folder / f"{card.serial}.jws"
    with alone_in(folder):
        write_durably(path, card.raw)
    return path


def replace_cards(directory: Path, country: str, found: Mapping[int, bytes]) -> None:
    """
    Let ``directory`` hold exactly the cards ``found`` of ``country``, by serial, in place of those it held.

    Not flushed to disk: it is a copy, and whoever made it compares and makes it again.
    """
    folder = directory / country
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{serial}.jws": raw for serial, raw in found.items()}
    for name, raw in wanted.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != raw:
            beside = folder / f".{name}.{os.getpid()}"
            beside.write_bytes(raw)
            beside.replace(path)
    for name in os.listdir(folder):
        if _NAME.fullmatch(name) and name not in wanted:
            (folder / name).unlink()
