"""What is wrong with the machine that a gateway stands on: its doors, who may read its files, disk and clock."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

from gateway import home as homes
from gateway import read_only, settings
from gateway.checks.look import Look, Missing, own_card
from gateway.erased import ERASED_FILE
from gateway.services.health import N_, Item, bad, note, ok
from gateway.services.ports import Unavailable
from gateway.settings import Settings
from gateway.stands import STANDS_FILE

DISK_FREE_MIN_BYTES = 1 << 30


BUILT_ON = date(2026, 1, 1)
"""A clock before this day is wrong: this version was not there yet."""

DOUBLE = N_("%(door)s: %(address)s is that of '%(other)s' too")


def doors(look: Look) -> Iterator[Item]:
    """Look at whether a gateway that starts now could listen where it is to, if none of this home does already."""
    from gateway.http.listen import try_address  # here, because no other check needs what it imports

    if look.runs is None:
        return
    for double in doubles(look.settings):
        yield bad("doors", DOUBLE, N_("take another port"), **double)
    for name, door in look.settings.values["listeners"].items():
        if door is None:
            continue
        place = {"door": f"/listeners/{name}", "address": f"{door['host']}:{door['port']}"}
        try:
            try_address(door["host"], door["port"])
        except PermissionError:
            continue  # a port below 1024, for which the gateway may have a right that we lack
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                text = N_("%(door)s: %(address)s is no address of this machine")
                yield bad("doors", text, N_("name an address of this machine there"), **place)
            elif look.runs(look.settings):
                return
            else:
                text = N_("%(door)s: another program listens at %(address)s")
                yield bad("doors", text, N_("choose another port there, or end the program that has it"), **place)


def doubles(chosen: Settings, count: int = 1) -> Iterator[dict[str, str]]:
    """Yield each door with an address of another; of ``count`` processes each has a port of its own for monitoring."""
    from gateway.http.listen import overlap  # here, because no other check needs what it imports

    doors: list[tuple[str, str, range]] = []
    for name, door in chosen.values["listeners"].items():
        if door is None or not door["port"]:
            continue
        ports = range(door["port"], door["port"] + (count if name == "metrics" else 1))
        for other, host, taken in doors:
            both = range(max(ports.start, taken.start), min(ports.stop, taken.stop))
            if both and overlap(host, door["host"]):
                yield {"door": f"/listeners/{name}", "address": f"{door['host']}:{both[0]}", "other": other}
        doors.append((name, door["host"], ports))


def permissions(look: Look) -> Iterator[Item]:
    """Look at who may read, change or use the files of the home."""
    home = look.settings.home
    doors = [door for door in look.settings.values["listeners"].values() if door is not None]
    private = [home / homes.KEY_FILE, home / homes.IDENTITY_FILE, look.settings.database, look.settings.accounts]
    private += [home / door["tls_key"] for door in doors if door.get("tls_key")]
    private = [path for path in private if path.exists()]
    wrong = [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in wrong:
        hint = N_("chmod 600 %(path)s, and ask who could have read it")
        yield bad("files", N_("%(path)s may be used by others"), hint, path=path)
    # Made by root at the command line, most often; the gateway fails by it when it opens it next.
    owner = look.settings.data.stat().st_uid if look.settings.data.exists() else home.stat().st_uid
    for path in (*private, home / ERASED_FILE, home / STANDS_FILE):
        if path.exists() and path.stat().st_uid != owner:
            text, user = N_("%(path)s belongs to another user than the data directory"), settings.user_name(owner)
            yield bad("files", text, N_("chown %(user)s %(path)s"), path=path, user=user)
    if stat.S_IMODE(home.stat().st_mode) & 0o022:
        yield bad("files", N_("%(path)s may be changed by others"), N_("chmod 700 %(path)s"), path=home)
    data = look.settings.data
    if data.is_dir() and not os.access(data, os.W_OK | os.X_OK):
        yield bad("files", N_("%(path)s cannot be written"), N_("check its owner, mode and mount"), path=data)
    if not wrong:
        yield ok("files", N_("keys and database are the owner's alone"))
    if (home / homes.IDENTITY_FILE).exists():
        hint = N_("carry it to its safe; it is needed to issue a card, and for nothing else")
        text = N_("the identity key lies on this machine: %(path)s")
        yield note("files", text, hint, path=home / homes.IDENTITY_FILE)


def disk(look: Look) -> Iterator[Item]:
    """Look at how much room is left for the data."""
    free = shutil.disk_usage(look.settings.data if look.settings.data.exists() else look.settings.home).free
    text, size = N_("%(size)s GiB free for the data directory"), f"{free / (1 << 30):.1f}"
    if free >= DISK_FREE_MIN_BYTES:
        yield ok("disk", text, size=size)
    else:
        yield bad("disk", text, N_("free space, but not in the data directory; at 0 nothing is accepted"), size=size)


def clock(look: Look) -> Iterator[Item]:
    """Look at whether the clock says an instant that can be."""
    held, at = None, f"{look.now:%Y-%m-%d %H:%M}"
    with suppress(Missing, Unavailable):  # ``keys`` tells of it
        held = own_card(look.settings)
    if look.now.date() < BUILT_ON:
        yield bad("clock", N_("the clock says %(at)s UTC, earlier than it can be"), N_("set it; run NTP"), at=at)
    elif held is not None and homes.is_ahead(held, look.now):
        text = N_("the clock says %(at)s UTC, and our newest card is of %(issued)s: no partner takes it before")
        hint = N_("set the clock if it is late, and run NTP; if it is right: isthmus keys card --date-anew")
        yield bad("clock", text, hint, at=at, issued=f"{held.issued_at:%Y-%m-%d %H:%M}")
    else:
        yield ok("clock", N_("%(at)s UTC"), at=f"{look.now:%Y-%m-%d %H:%M:%S}")
    yield from _leap(look)


def _leap(look: Look) -> Iterator[Item]:
    """Tell of a leap of the clock for as long as nothing is ended for good because of it."""
    seen = None
    with suppress(Unavailable, settings.BadConfiguration):  # ``database`` tells of it
        seen = read_only.waits(look.settings, look.now)
    if seen is not None and seen.before is not None:
        before, at, until = (f"{one:%Y-%m-%d %H:%M}" for one in (seen.before, seen.since, seen.until))
        text = N_(
            "the clock went from %(before)s to %(at)s UTC at once: nothing is erased, destroyed or given up before "
            "%(until)s"
        )
        hint = N_("nothing to do if it is right and the gateway was off; else set it, and see that NTP runs")
        yield note("clock", text, hint, before=before, at=at, until=until)
