"""
What the verbs share: where the home is, how a passphrase is had, and a gateway that is open while a verb runs.

A passphrase comes from a file (``--passphrase-file``), from systemd (a credential of the name ``passphrase``), from the
environment, or from the terminal. It is never an argument: arguments are seen by everyone on the machine.
"""

import asyncio
import logging
import os
import shlex
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.settings import BadConfiguration, user_name
from schemas import ijson

if TYPE_CHECKING:
    from gateway.app import Gateway

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

REASON_MAX_BYTES = 4096

VARIABLE = "ISTHMUS_PASSPHRASE"
_OPTIONS = {
    VARIABLE: "--passphrase-file",
    "ISTHMUS_KEY_PASSPHRASE": "--key-passphrase-file",
    "ISTHMUS_IDENTITY_PASSPHRASE": "--identity-passphrase-file",
    "ISTHMUS_NEW_IDENTITY_PASSPHRASE": "--identity-passphrase-file",
    "ISTHMUS_NEW_PASSPHRASE": "--new-passphrase-file",
}
"""The option beside each variable; the PIN of a device has none."""

SHORTEST = 12
"""Characters of the shortest passphrase taken for a new store; the cost of a guess does the rest."""

FILE_MAX_BYTES = 4096
INPUT_MAX_BYTES = 1 << 20

CARDS_S = 10.0
"""How long a command waits for cards that are not held yet: a stop must not wait for a slow server."""


_EFFECTIVE = os.access in os.supports_effective_ids


def home_option(function: F) -> F:
    """Add ``-C DIR`` to a command; its parameter is ``home``."""
    return click.option(
        "-C",
        "home",
        metavar="DIR",
        type=click.Path(file_okay=False, readable=False, resolve_path=True, path_type=Path),
        default=".",
        envvar="ISTHMUS_HOME",
        callback=_as_its_user,
        help="The gateway's home; by default this directory, or $ISTHMUS_HOME.",
    )(function)


def _as_its_user(_: click.Context, __: click.Parameter, home: Path) -> Path:
    """
    Return ``home``. Raises ``CommandError`` for who may not read it.

    Also for root, where another user's gateway could not read what root makes.
    """
    if os.geteuid() != 0:
        if home.is_dir() and not os.access(home, os.R_OK | os.X_OK, effective_ids=_EFFECTIVE):
            name = user_name(home.stat().st_uid)
            raise CommandError(
                Exit.CONFIGURATION, "other-user", f"{home} belongs to {name}, and you may not read it", _as_user(name)
            )
        return home
    data = home / "data"
    with suppress(BadConfiguration):  # the command says what is wrong with it
        data = settings.load(home, os.environ).data
    owner = data.stat().st_uid if data.is_dir() else 0
    if owner:
        name = user_name(owner)
        raise CommandError(
            Exit.CONFIGURATION,
            "other-user",
            f"{data} belongs to {name}, whose gateway cannot read what root makes there",
            f"{_as_user(name)}; where root runs the gateway itself: chown -R root {shlex.quote(str(data))}",
        )
    return home


def _as_user(name: str) -> str:
    return f"sudo -u '#{name}' isthmus ..." if name.isdecimal() else f"sudo -u {name} isthmus ..."


def passphrase_option(function: F) -> F:
    """Add ``--passphrase-file`` to a command; its parameter is ``passphrase_file``."""
    return click.option(
        "--passphrase-file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="ISTHMUS_PASSPHRASE_FILE",
        help=f"Read the passphrase from this file instead of ${VARIABLE} or the terminal.",
    )(function)


def key_passphrase_option(function: F) -> F:
    """Add ``--key-passphrase-file``, for a person's own key; its parameter is ``key_passphrase_file``."""
    return click.option(
        "--key-passphrase-file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="ISTHMUS_KEY_PASSPHRASE_FILE",
        help="Read the passphrase of the person's key from this file instead of $ISTHMUS_KEY_PASSPHRASE.",
    )(function)


def passphrase(
    file: Path | None, *, variables: tuple[str, ...] = (VARIABLE,), prompt: str = "Passphrase", new: bool = False
) -> Callable[[], str]:
    """
    Return what asks for a passphrase, once at most.

    ``variables`` are tried in order after ``file``; ``new`` asks twice at a terminal and refuses a short one. The
    returned function raises ``CommandError`` where there is none to be had.
    """

    option = _OPTIONS.get(variables[0])

    @cache
    def ask() -> str:
        found = _given(file, variables)
        if found is None:
            if not sys.stdin.isatty():
                raise CommandError(
                    Exit.CONFIGURATION,
                    "no-passphrase",
                    f"{prompt.lower()} needed, and there is no terminal to ask at",
                    f"name a file with {option}, or set {variables[0]}" if option else f"set {variables[0]}",
                )
            found = str(click.prompt(prompt, hide_input=True, confirmation_prompt=new, err=True))
        try:
            found.encode("utf-8")
        except UnicodeEncodeError:
            text = f"the {prompt[0].lower()}{prompt[1:]} is not text in UTF-8"
            raise CommandError(Exit.CONFIGURATION, "no-text", text, "type it at a terminal that speaks UTF-8") from None
        if new and len(found) < SHORTEST:
            raise CommandError(
                Exit.USAGE, "short-passphrase", f"a passphrase has at least {SHORTEST} characters", "take a sentence"
            )
        return found

    return ask


def _given(file: Path | None, variables: tuple[str, ...]) -> str | None:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if file is not None:
        return _read_passphrase(file)
    for variable in variables:
        if os.environ.get(variable):
            return os.environ[variable]
    if credentials and (Path(credentials) / "passphrase").is_file():
        from keys.custody import CREDENTIAL_MODE  # here, because half of the verbs open no key store

        return _read_passphrase(Path(credentials) / "passphrase", CREDENTIAL_MODE)
    return None


def _read_passphrase(path: Path, allowed: int = 0o700) -> str:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        raw = file.read(FILE_MAX_BYTES + 1)
    if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) & ~allowed:
        raise CommandError(
            Exit.CONFIGURATION, "passphrase-file", f"{path} may be read by others", f"chmod 600 {path}; take a new one"
        )
    try:
        text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if not text or len(raw) > FILE_MAX_BYTES or not text.isprintable():
        raise CommandError(
            Exit.CONFIGURATION, "passphrase-file", f"{path} holds no passphrase", "write one line of text"
        )
    return text


def check_clock() -> None:
    """
    Raise ``CommandError`` by a clock that cannot be right, as that of a machine without a battery that has just begun.

    What is begun by it would be over once it is set. One that is only behind what the store holds is let in: it may be
    right, and have been ahead before.
    """
    from gateway.checks.host import BUILT_ON  # here, because half of the verbs need nothing of it

    now = datetime.now(UTC)
    if now.date() < BUILT_ON:
        raise CommandError(
            Exit.LATER,
            "clock",
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, earlier than it can be",
            "set it, and see that NTP runs; then do this again, as systemd does by itself",
        )


class _Reason(click.ParamType[str]):
    """
    Why somebody does something, in their own words, which may name a person.

    ``-`` stands for one line of standard input: arguments are seen by everyone on the machine, and kept by its shell.
    """

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the words given, or read."""
        if not value.strip():
            self.fail("it is empty; say why", param, ctx)
        # Any words are taken: a stop must not be refused for a joiner, a tab, the blank of French or another encoding.
        if value != "-":
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        with click.open_file(value, "rb") as stream:
            raw: bytes = stream.readline(REASON_MAX_BYTES)
        text = raw.decode("utf-8-sig", "replace").strip()
        if not text:
            self.fail("standard input does not begin with a line of text", param, ctx)
        if len(raw) == REASON_MAX_BYTES and not raw.endswith(b"\n"):
            self.fail(f"the line on standard input is longer than {REASON_MAX_BYTES} bytes; shorten it", param, ctx)
        return text


REASON = _Reason()


def read_json(file: str, *, what: str) -> dict[str, Any]:
    """Return the JSON object in ``file`` (``-``: standard input). Raises ``BadJson``, ``CommandError``."""
    with click.open_file(file, "rb") as stream:
        raw = stream.read(INPUT_MAX_BYTES + 1)
    if len(raw) > INPUT_MAX_BYTES:
        raise CommandError(
            Exit.USAGE, "too-large", f"{what} has at most {INPUT_MAX_BYTES} bytes", "take the right file"
        )
    return ijson.loads(raw)


@asynccontextmanager
async def opened(home: Path, ask: Callable[[], str]) -> "AsyncIterator[Gateway]":
    """
    Open the gateway at ``home`` beside one that may be serving, and close it after the block.

    Its clock is believed as far as that one saw it. Cards that are not held yet are taken first, so that a new home can
    send before it first served.
    """
    from gateway import app, settings  # here, because half of the verbs need no gateway and this takes half a second
    from gateway.log import configure_log
    from gateway.services.steady import go_by_what_was_seen

    log = configure_log(level=logging.WARNING)
    gateway = await app.build(settings.load(home, os.environ), passphrase=ask, log=log)
    try:
        await go_by_what_was_seen(gateway.context)
        trust, partners = gateway.context.trust, gateway.context.partners
        if any(trust.find(country) is None and country not in trust.holds() for country in partners):
            await _take_cards(gateway)
        yield gateway
    finally:
        await gateway.close()


async def _take_cards(gateway: "Gateway") -> None:
    """Take what is published; after ``CARDS_S`` go on with the cards that are held."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CARDS_S):
            await gateway.refresh_trust()


def run(home: Path, ask: Callable[[], str], act: "Callable[[Gateway], Awaitable[T]]") -> T:
    """Open the gateway at ``home``, do ``act`` with it, close it, and return what ``act`` returned."""

    async def whole() -> T:
        async with opened(home, ask) as gateway:
            return await act(gateway)

    return asyncio.run(whole())
