"""The verbs of ``isthmus trust`` about a gateway's own home: whom it believes, and what officers decide about that."""

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import settings
from gateway.cli.case import Desk, desk_options
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import emit, json_option, say, shown
from gateway.cli.session import REASON, home_option, passphrase, passphrase_option, run
from gateway.cli.typed import by_fingerprint
from gateway.services.ports import Tx, Unavailable
from gateway.services.trust import stage
from gateway.services.trust_acts import OFFICERS, TrustActs
from gateway.transport.card_directory import load_cards
from keys import b64, trust_words
from keys.trust_policy import BadList

if TYPE_CHECKING:
    from gateway.app import Gateway

ROOT_FILE = "trust.root.json"
"""Where ``pin`` keeps the root in the home, for ``trust.root`` of the configuration."""

_WHY = click.option(
    "--reason", required=True, type=REASON, metavar="TEXT", help="Why; kept with your name. Name no person."
)


@click.command()
@home_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--fingerprint", required=True, help="Its fingerprint as trustees read it out to you, in quotes.")
@json_option
def pin(home: Path, file: Path, fingerprint: str, as_json: bool) -> None:
    """Pin the root FILE (metadata/N.root.json) as what this gateway believes a trust list from."""
    from tuf.api.metadata import Root

    from keys import trust_list
    from keys.durable_file import write_durably

    raw = file.read_bytes()  # once: what is kept is what was compared, also where a medium gives other bytes next time
    root = trust_list.parse(raw, Root)
    if any(one.missing for one in trust_list.standings(root, "root", None, None)):
        raise BadList("the root is not signed by as many trustees as it says itself")
    if _read(fingerprint) != trust_list.fingerprint(root):
        raise CommandError(
            Exit.INTEGRITY,
            "fingerprint",
            "the root in this file has another fingerprint than the one read out",
            "do not use it; ask several trustees, by another way than it came",
        )
    write_durably(home / ROOT_FILE, raw)
    emit(
        {"root": str(home / ROOT_FILE), "version": root.signed.version, "expires": root.signed.expires}, as_json=as_json
    )
    say(
        f'Now set, under [trust]: repository = "https://..." or a folder, and root = "{ROOT_FILE}"; then: isthmus check'
    )


@click.command()
@home_option
@passphrase_option
@json_option
def refresh(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Fetch what is published now, and show whom we believe.

    Exits 1 where a card of a partner that is here cannot be taken, as where one before it is missing, or the list does
    not name the partner, or its part of the list is refused.
    """
    from gateway.checks.look import Look  # here, as with the gateway itself
    from gateway.checks.partners import partners

    ask, refused = passphrase(passphrase_file), list[Unavailable]()

    async def act(gateway: "Gateway") -> Any:
        await gateway.cards.refresh()  # raises what the loop would only log
        await gateway.refresh_trust()
        for country in gateway.context.partners:
            try:
                await gateway.cards.cards(country)
            except Unavailable as error:  # and so is this
                refused.append(error)
        return _states(gateway)

    emit(run(home, ask, act), as_json=as_json)
    look = Look(settings.load(home, os.environ), ask, datetime.now(UTC))
    found = [(item.text, item.hint) for item in partners(look) if item.level == "finding"]
    found += [(str(error), error.hint) for error in refused]
    for text, hint in found:
        say(f"{shown(text)} -> {shown(hint)}")
    click.get_current_context().exit(int(Exit.FINDINGS if found else Exit.DONE))


@click.command()
@home_option
@passphrase_option
@json_option
def status(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Show, for each partner, the card held, when it was last read, whether it is on hold, and what was decided."""

    async def act(gateway: "Gateway") -> Any:
        async def events(tx: Tx) -> Any:
            return await tx.trust_events()

        decided = [dict(one._asdict()) for one in await gateway.store.read(events)]
        return {"states": _states(gateway), "decided": decided}

    emit(run(home, passphrase(passphrase_file), act), as_json=as_json)


def _states(gateway: "Gateway") -> list[dict[str, Any]]:
    trust = gateway.context.trust
    holds, ages, going_on = trust.holds(), trust.ages(), trust.going_on()
    return [
        {
            "country": country,
            "serial": card.serial if (card := trust.held(country)) else None,
            "identity": b64.encode(card.identity) if card else None,
            "fingerprint": card.fingerprint if card else None,
            "hours": int(age.total_seconds() // 3600),
            "stage": stage(age),
            "going_on": country in going_on,
            "hold": holds.get(country),
        }
        for country, age in sorted(ages.items())
    ]


@click.command()
@click.argument("country")
@_WHY
@desk_options
def hold(desk: Desk, country: str, reason: str) -> None:
    """Stop believing COUNTRY at once: nothing is sent to it, and what it sends stays with it."""

    async def act(acts: TrustActs, role: str) -> Any:
        await acts.hold(country, reason, desk.person, role)
        return {"country": country, "hold": True}

    _act(desk, act)


@click.command()
@click.argument("country")
@click.option("--fingerprint", required=True, help="The fingerprint as that State read it out to you, in quotes.")
@_WHY
@desk_options
def confirm(desk: Desk, country: str, fingerprint: str, reason: str) -> None:
    """
    Say that you compared COUNTRY's fingerprint by another way than its card came. It takes two officers.

    The second one who says so, within seven days, lifts the hold.
    """
    chosen = settings.load(desk.home, os.environ)
    if country not in chosen.values["partners"]:
        raise click.UsageError(f"{country!r} is not a partner of this gateway")
    named = by_fingerprint(load_cards(chosen.cards, country), trust_words.hexadecimal(_read(fingerprint)))

    identity = b64.encode(named.identity)

    async def act(acts: TrustActs, role: str) -> Any:
        both = await acts.compare(country, named.identity, reason, desk.person, role)
        key = {"identity": identity, "fingerprint": named.fingerprint, "serial": named.serial}
        return {"country": country, **key, "confirmed": both, "waits_for_second": not both}

    if _act(desk, act)["confirmed"] and identity != chosen.values["partners"][country]["identity"]:
        say(f'Now set identity = "{identity}" under [partners.{country}]; it counts when the gateway starts next.')


@click.command("take-back")
@click.argument("country")
@_WHY
@desk_options
def take_back(desk: Desk, country: str, reason: str) -> None:
    """Take back what a first officer said of COUNTRY's fingerprint, your own word or another's."""

    async def act(acts: TrustActs, role: str) -> Any:
        await acts.take_back(country, reason, desk.person, role)
        return {"country": country, "waits_for_second": False}

    _act(desk, act)


@click.command("go-on")
@click.argument("country")
@_WHY
@desk_options
def go_on(desk: Desk, country: str, reason: str) -> None:
    """
    Go on sending to COUNTRY by the card held, although nothing could be read for days. It takes two officers.

    It ends when the list can be read again, and at the latest 14 days after it last could be.
    """

    async def act(acts: TrustActs, role: str) -> Any:
        both = await acts.go_on(country, reason, desk.person, role)
        return {"country": country, "going_on": both, "waits_for_second": not both}

    _act(desk, act)


def _act(desk: Desk, act: Callable[[TrustActs, str], Awaitable[Any]]) -> Any:
    async def whole(gateway: "Gateway") -> Any:
        return await act(TrustActs(gateway.context), desk.fitting(gateway, OFFICERS))

    return desk.run(whole)


def _read(fingerprint: str) -> bytes:
    try:
        return trust_words.read(fingerprint)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


HOME_VERBS = (pin, refresh, status, hold, confirm, take_back, go_on)
