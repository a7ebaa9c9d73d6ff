"""
``isthmus case``: the steps of a case, one verb each. JSON in, JSON out.

Rule 1: a verb takes the same step as the local API does, by the same code; who may take it stands in the state tables.
Rule 2: personal content is shown for a reason only (``--why``), and the look is recorded before it is shown (R-13).
Rule 3: who signs names the digest that the preview showed, so that nobody signs unseen what changed meanwhile.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import schemas
from gateway.cli.errors import CommandError, Exit
from gateway.cli.keys import open_person_key
from gateway.cli.output import emit, json_option, say
from gateway.cli.session import home_option, key_passphrase_option, passphrase, passphrase_option, read_json, run
from gateway.core.case import Case, Pending, Side, State
from gateway.core.machine import IllegalStep
from gateway.core.preview import Preview
from gateway.core.verification import CLERK, OFFICER
from gateway.http.local_api import (
    DESK,
    LISTS,
    VERBS,
    Call,
    LocalServices,
    allowed_json,
    content_json,
    desk_json,
    pending_json,
    preview_json,
    row_json,
)
from gateway.services import cases
from gateway.services.answer import needs_second_signer
from gateway.services.clear import APPROVAL
from gateway.services.context import Forbidden, NotFound, acting
from gateway.services.inquire import BoardRow
from gateway.services.ports import AccessRow, Tx
from keys import statement as statements

if TYPE_CHECKING:
    from gateway.app import Gateway

F = TypeVar("F", bound=Callable[..., Any])

STATEMENT_LASTS = timedelta(days=1)
"""A statement signed here is used at once; a day leaves room for a clock that is off."""

_GONE = frozenset({State.BLOCKED.value, State.ERASED.value})


class Desk:
    """Who acts, on which home: the options that every verb of this group has."""

    def __init__(self, home: Path, passphrase_file: Path | None, person: str, role: str | None, as_json: bool) -> None:
        self.home, self.person, self.role, self.as_json = home, person, role, as_json
        self._ask = passphrase(passphrase_file)

    def run(self, act: "Callable[[Gateway], Awaitable[Any]]") -> Any:
        """Do ``act`` with the gateway, print what it returns, and return it."""
        value = run(self.home, self._ask, act)
        emit(value, as_json=self.as_json)
        return value

    def fitting(self, gateway: "Gateway", allowed: frozenset[str]) -> str:
        """
        Return the role to act in: the one named, or the only one of the person's that may.

        Raises ``Forbidden``, and ``UsageError`` if several fit and none is named.
        """
        now = gateway.context.clock.now()
        if self.role is not None:
            acting(gateway.context, self.person, self.role, now)
            if self.role not in allowed:
                raise Forbidden(f"the role '{self.role}' may not do this", f"may: {', '.join(sorted(allowed))}")
            return self.role
        known = gateway.context.persons.get(self.person)
        if known is None:
            raise Forbidden(f"'{self.person}' is not a person of this gateway")
        found = sorted(known.roles & allowed)
        if not found:
            raise Forbidden(f"no role of '{self.person}' may do this", f"may: {', '.join(sorted(allowed))}")
        if len(found) > 1:
            raise click.UsageError(f"name the role to act in with --role: {', '.join(found)}")
        acting(gateway.context, self.person, found[0], now)
        return found[0]

    async def step(self, gateway: "Gateway", name: str, ref: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take the step ``name`` of the local API and return where the case stands then."""
        verb, row = VERBS[name], await find_row(gateway, ref)
        if Side(row.side) not in verb.sides:
            raise IllegalStep(row.state, name, self.role or "")
        role = self.fitting(gateway, verb.roles(Side(row.side)) - {"gateway"})
        made = await verb.act(_services(gateway), Call(self.person, role, ref, body))
        value: dict[str, Any] = {"ref": ref, "state": (await find_row(gateway, ref)).state}
        if isinstance(made, Preview):
            value["prepared"] = preview_json(made, None)
        elif isinstance(made, Pending):
            value["prepared"] = pending_json(made, None)
        return value


def _services(gateway: "Gateway") -> LocalServices:
    return LocalServices(
        context=gateway.context,
        clear=gateway.clear,
        answer=gateway.answer,
        hold=gateway.hold,
        reminder=gateway.reminder,
        inquiries=gateway.inquiries,
        tokens={},
    )


async def find_row(gateway: "Gateway", ref: str) -> BoardRow:
    """Return the row of the case ``ref``; raises ``NotFound``."""
    row = await gateway.inquiries.find_case(ref)
    if row is None:
        raise NotFound("there is no such case here")
    return row


def desk_options(function: F) -> F:
    """Add the options of ``Desk`` to a command."""

    @home_option
    @passphrase_option
    @click.option("--as", "person", required=True, metavar="PERSON", envvar="ISTHMUS_PERSON", help="Who acts.")
    @click.option("--role", help="In which role; only needed where several of the person's roles fit.")
    @json_option
    def command(
        *args: Any, home: Path, passphrase_file: Path | None, person: str, role: str | None, as_json: bool, **rest: Any
    ) -> Any:
        return function(Desk(home, passphrase_file, person, role, as_json), *args, **rest)

    command.__doc__, command.__name__ = function.__doc__, function.__name__
    # Options and arguments that click noted on the function before it was wrapped.
    command.__click_params__ = [*getattr(function, "__click_params__", []), *command.__click_params__]  # type: ignore[attr-defined]
    return command  # type: ignore[return-value]
