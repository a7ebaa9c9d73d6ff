"""``isthmus log``: whether the logs are whole, who else put their name to them, and what contradicts."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import home as homes
from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, counted, emit, json_option, say, table
from gateway.cli.own_card import identity_options, issue, open_identity, own_card, own_store, tell_card
from gateway.cli.session import home_option, passphrase, passphrase_option, run
from gateway.services import audit as audits
from keys import b64
from keys.cosign import CosigningKey

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.services.rows import ConflictRow

KEEPERS = {
    "fork": "two trees of one size",
    "rollback": "a smaller tree after a larger one",
    "unproved": "no proof given",
}


@click.group(cls=Verbs)
def log() -> None:
    """Audit the logs, keep checkpoints and see who cosigned them, and what contradicts."""


@log.command()
@home_option
@passphrase_option
@json_option
def audit(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Derive every log anew and compare it with the store, the answers given and the signed checkpoints.

    Changes nothing. Exits 6 if anything does not fit: then keep the machine as it is, and copy the home.
    """

    async def act(gateway: "Gateway") -> audits.Audited:
        return await audits.audit(gateway.context)

    found = run(home, passphrase(passphrase_file), act)
    if as_json:
        emit(found)
    else:
        click.echo(f"{counted(len(found.origins), 'log')}; entries: {found.entries}; answers: {found.answers}")
    if found.findings:
        raise CommandError(
            Exit.INTEGRITY,
            "audit",
            f"the logs do not agree with the store: {counted(len(found.findings), 'finding')}",
            "keep the machine as it is, copy the home, and call for help before you restart anything",
            tuple(f"{one.origin} {'' if one.index is None else one.index}: {one.reason}" for one in found.findings),
        )


@log.command()
@home_option
@passphrase_option
@json_option
def keep(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Keep the newest checkpoint of every log now, and ask those who cosign; a serving gateway does so every hour."""

    heard: list[dict[str, Any]] = []

    async def act(gateway: "Gateway") -> list[dict[str, Any]]:
        await gateway.context.look()  # a store that has gone back would show partners a log that contradicts theirs
        gateway.context.emit = lambda event, **values: heard.append({"event": event, **values})
        now = gateway.context.clock.now()
        if gateway.context.doubts(now) is not None:
            raise CommandError(
                Exit.LATER,
                "clock-leapt",
                "the clock went by more than a day at once less than a day ago: no checkpoint is kept by it",
                "see that it is right, and start the gateway; isthmus check says until when that holds",
            )
        await gateway.checkpoints.run_once(now)
        return await _kept(gateway, 1)

    _tell_kept(run(home, passphrase(passphrase_file), act), as_json)
    for line in heard:
        if "error" in line or "reason" in line:
            # A State that cosigns the log about itself is both.
            named = dict.fromkeys(line[name] for name in ("partner", "country") if name in line)
            say(f"{' '.join((line['event'], *named))}: {line.get('error') or line.get('reason')}")


@log.command()
@home_option
@passphrase_option
@click.option("--last", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many of each log.")
@json_option
def checkpoints(home: Path, passphrase_file: Path | None, last: int, as_json: bool) -> None:
    """Show the checkpoints that are kept of our logs, and who cosigned each."""
    _tell_kept(run(home, passphrase(passphrase_file), lambda gateway: _kept(gateway, last)), as_json)


async def _kept(gateway: "Gateway", last: int) -> list[dict[str, Any]]:
    found = []
    for country in gateway.context.partners:
        for one in await gateway.checkpoints.cosigned(country, last):
            row = one.row
            value = {"origin": row.origin, "entries": row.size, "root": b64.encode(row.root), "kept_at": row.at}
            who = {"cosigned": one.by, "missing": one.missing, "stamped": row.token is not None}
            found.append(value | who | {"note": row.note})
    return found


def _tell_kept(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        emit(rows)
        return
    if not rows:
        say("No checkpoint is kept yet: nothing stands in the logs, or there is no key to cosign with.")
        return
    names = ("origin", "entries", "kept_at", "cosigned", "missing", "stamped")
    click.echo(table(names, [[_shown(row[name]) for name in names] for row in rows]))


def _shown(value: Any) -> Any:
    return " ".join(value) if isinstance(value, tuple) else value


@log.command()
@home_option
@passphrase_option
@json_option
def conflicts(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Show where the log of some State contradicts itself: two signed checkpoints that do not fit together.

    With --json both are printed whole, to hand on. Exits 6 if there is one.
    """

    async def act(gateway: "Gateway") -> "list[ConflictRow]":
        return list(await gateway.store.read(lambda tx: tx.conflicts()))

    rows = run(home, passphrase(passphrase_file), act)
    if as_json:
        emit([_conflict(row) for row in rows])
    elif rows:
        names = ("number", "origin", "kind", "at", "source", "told")
        click.echo(table(names, [[_shown(_conflict(row)[name]) for name in names] for row in rows]))
    else:
        say("None.")
    if rows:
        kinds = ", ".join(sorted({KEEPERS[row.kind] for row in rows}))
        raise CommandError(
            Exit.INTEGRITY,
            "conflict",
            f"{counted(len(rows), 'contradiction')} in the logs of States: {kinds}",
            "hand the two checkpoints (--json) to both States and to your lawyers; delete nothing",
        )


def _conflict(row: "ConflictRow") -> Mapping[str, Any]:
    return row._asdict()


@log.command()
@home_option
@passphrase_option
@identity_options
@json_option
def cosigner(
    home: Path,
    passphrase_file: Path | None,
    identity: Path | None,
    identity_passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make the key that cosigns checkpoints, where a home has none yet, and issue the card that lists it."""
    chosen = settings.load(home, os.environ)
    held = own_card(chosen)
    store = own_store(chosen, held, passphrase(passphrase_file))
    if homes.COSIGNING not in store.names():
        store.put(homes.COSIGNING, CosigningKey.generate().seed)
    public = CosigningKey(store.get(homes.COSIGNING)).public
    if public in held.cosigning:
        raise CommandError(Exit.FINDINGS, "listed", "our card lists the key already", "restart the gateway to use it")
    signer = open_identity(home, identity, identity_passphrase_file, held)
    made = issue(chosen, held, {"cosigning": [b64.encode(public)]}, signer)
    tell_card(chosen, made, as_json)
    say("Restart the gateway: it cosigns from then on.")
