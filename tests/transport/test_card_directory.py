"""Cards as files: order, names, faults, and a write that is whole or not there."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import pytest

from gateway.services.ports import Unavailable
from gateway.transport import card_directory
from gateway.transport.card_directory import CARD_MAX_BYTES, CardDirectory, write_card
from keys.card import Card
from keys.durable_file import Unconfirmed
from tests.support.full_disk import unconfirmed


@dataclass
class Written:
    """The members of a card that a directory looks at."""

    country: str
    serial: int
    raw: bytes


def card(country: str, serial: int, raw: bytes) -> Card:
    return cast(Card, cast(Any, Written(country, serial, raw)))


async def test_cards_come_back_in_the_order_of_their_serials(tmp_path: Path) -> None:
    """Ten comes after nine, and other States' cards stay apart."""
    for serial in (10, 9, 1):
        write_card(tmp_path, card("XAA", serial, b"a.%d.x" % serial))
    write_card(tmp_path, card("XBB", 1, b"b"))
    assert (b"a.1.x", b"a.9.x", b"a.10.x") == await CardDirectory(tmp_path).cards("XAA")


async def test_of_too_many_cards_the_newest_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who revokes a key by the next card is heard, however many came before it; and that one is told as the newest."""
    monkeypatch.setattr(card_directory, "CARDS_MAX", 2)
    for serial in (8, 9, 10):
        write_card(tmp_path, card("XAA", serial, b"%d" % serial))
    assert (b"9", b"10") == await CardDirectory(tmp_path).cards("XAA")
    assert "10.jws" == card_directory.newest_path(tmp_path, "XAA").name


async def test_a_state_without_cards_has_none(tmp_path: Path) -> None:
    """That is no fault."""
    assert () == await CardDirectory(tmp_path).cards("XCC")


async def test_files_of_another_name_are_passed_over(tmp_path: Path) -> None:
    """A note, a temporary file or a serial with a zero before it is no card."""
    write_card(tmp_path, card("XAA", 1, b"one"))
    for name in ("README", ".2.jws.77", "02.jws", "3.jws.bak", "-4.jws"):
        (tmp_path / "XAA" / name).write_bytes(b"other")
    assert (b"one",) == await CardDirectory(tmp_path).cards("XAA")


async def test_a_line_feed_at_the_end_is_not_part_of_the_card(tmp_path: Path) -> None:
    """Version control and editors add one."""
    path = write_card(tmp_path, card("XAA", 1, b"one"))
    path.write_bytes(b"one\r\n")
    assert (b"one",) == await CardDirectory(tmp_path).cards("XAA")


async def test_a_directory_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    """It is not the same as a directory without cards."""
    with pytest.raises(Unavailable, match="cannot be read"):
        await CardDirectory(tmp_path / "gone").cards("XAA")


async def test_a_file_too_large_for_a_card_is_not_read(tmp_path: Path) -> None:
    """Whoever publishes the directory cannot fill our memory."""
    path = write_card(tmp_path, card("XAA", 1, b"one"))
    path.write_bytes(bytes(CARD_MAX_BYTES + 1))
    with pytest.raises(Unavailable, match="too large"):
        await CardDirectory(tmp_path).cards("XAA")


@pytest.mark.parametrize("country", ["..", "xaa", "XA", "XAAA", "XA/", ""])
async def test_only_a_country_code_names_a_folder(tmp_path: Path, country: str) -> None:
    """No text leads out of the directory."""
    with pytest.raises(ValueError, match="three capital letters"):
        await CardDirectory(tmp_path).cards(country)


def test_of_two_cards_of_one_serial_at_once_one_is_written(tmp_path: Path) -> None:
    """Two commands that issue a card at the same time never both publish one: partners would hold the State."""
    for serial in range(1, 21):
        begin = Barrier(2)

        def write(raw: bytes, serial: int = serial, begin: Barrier = begin) -> bytes | None:
            begin.wait(10)
            try:
                write_card(tmp_path, card("XAA", serial, raw))
            except FileExistsError:
                return None
            return raw

        with ThreadPoolExecutor(2) as both:
            (written,) = filter(None, both.map(write, (b"one", b"two")))
        assert written == (tmp_path / f"XAA/{serial}.jws").read_bytes()


def test_a_serial_is_written_once(tmp_path: Path) -> None:
    """The same card again changes nothing; another card under its serial is refused."""
    path = write_card(tmp_path, card("XAA", 1, b"one"))
    assert path == write_card(tmp_path, card("XAA", 1, b"one"))
    with pytest.raises(FileExistsError):
        write_card(tmp_path, card("XAA", 1, b"other"))
    assert ["1.jws"] == [entry.name for entry in path.parent.iterdir()]


def test_a_card_that_stands_there_is_not_taken_for_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut would take back what partners may have by then, and its serial would be used for another card."""
    one = card("XAA", 1, b"one")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", unconfirmed(errno.EIO))
        for _ in range(2):
            with pytest.raises(Unconfirmed):
                write_card(tmp_path, one)
    assert b"one" == write_card(tmp_path, one).read_bytes()
