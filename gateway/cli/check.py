"""
``isthmus check``: everything that can be wrong with a gateway, at once, each with the next step.

What is looked at stands in ``gateway.checks``; the operator's first page shows the same.
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway import settings
from gateway.checks import run
from gateway.checks.look import Look
from gateway.checks.partners import reach
from gateway.cli.errors import Exit, describe
from gateway.cli.output import counted, emit, json_option, say, shown, styled
from gateway.cli.running import runs
from gateway.cli.session import home_option, passphrase, passphrase_option
from gateway.cli.toml_file import example
from gateway.services.health import Item


@click.command()
@home_option
@passphrase_option
@click.option("--online", is_flag=True, help="Also try to reach every partner, and the sign-on of the desks.")
@click.option("--example", "as_example", is_flag=True, help="Print an annotated configuration file, and nothing else.")
@json_option
def check(home: Path, passphrase_file: Path | None, online: bool, as_example: bool, as_json: bool) -> None:
    """
    Look at configuration, ports, keys, cards, database, calendars, disk and clock, and name the next step for each.

    Exits 0 if all is well, 1 with findings, 3 if the configuration cannot be used, 4 if only a partner, or the sign-on,
    is out of reach.
    """
    if as_example:
        if as_json:
            emit({"example": example()})
        else:
            click.echo(example(), nl=False)
        return
    chosen, ask = settings.load(home, os.environ), passphrase(passphrase_file)
    look = Look(chosen, ask, datetime.now(UTC), told=_told, runs=runs)
    items = run(look)
    if online:
        items += asyncio.run(reach(look))
    _tell(items, as_json)
    found = {item.area for item in items if item.level == "finding"}
    code = Exit.DONE if not found else Exit.UNREACHABLE if found == {"reach"} else Exit.FINDINGS
    click.get_current_context().exit(int(code))


def _told(error: BaseException) -> tuple[str, str]:
    told = describe(error)
    return told.detail, told.hint


def _json(item: Item) -> dict[str, str]:
    return {"area": item.area, "level": item.level, "text": item.text, "hint": item.hint}


def _tell(items: list[Item], as_json: bool) -> None:
    findings = [item for item in items if item.level == "finding"]
    if as_json:
        emit({"ok": not findings, "items": [_json(item) for item in items]})
        return
    colours = {"ok": "green", "note": "yellow", "finding": "red"}
    for item in items:
        click.echo(f"{styled(f'{item.level:<8}', colours[item.level])} {item.area:<9} {shown(item.text)}")
        if item.hint:
            click.echo(f"{'':<19}-> {shown(item.hint)}")
    say(f"{counted(len(findings), 'finding')}.")
