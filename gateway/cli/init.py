"""``isthmus init``: make the home of a gateway."""

import asyncio
import os
import tomllib
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway import app, home, settings
from gateway.cli import typed
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import emit, json_option, say
from gateway.cli.session import check_clock, passphrase, passphrase_option
from gateway.services.ports import Unavailable
from gateway.storage.errors import StoreError
from gateway.storage.query import Query
from keys.card import Card


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, resolve_path=True, path_type=Path))
@click.option("--country", required=True, metavar="XAA", help="ISO 3166-1 alpha-3 code of the State.")
@click.option("--authority", metavar="ID", help="Id of the asking and answering authority; by default XAA-ID-01.")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone; a day ends at 24:00 there.")
@click.option("--address", metavar="URL", help="Where partners reach it; by default https://HOST:PORT.")
@click.option("--peers-host", default="127.0.0.1", show_default=True, help="Address the peers listener binds to.")
@click.option("--peers-port", default=8443, show_default=True, type=click.IntRange(0, 65535), help="Its port.")
@click.option(
    "--api-port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port of the local API."
)
@click.option("--no-api", is_flag=True, help="Make no local API.")
@click.option(
    "--suite",
    default="1",
    show_default=True,
    type=click.Choice(["1", "2"]),
    help="Suite of the sealing keys: 1 is MLKEM768-X25519, 2 is MLKEM1024-P384, for States whose rules ask for it.",
)
@click.option(
    "--database", metavar="PLACE", help="A PostgreSQL database instead of a file: file:PATH, env:NAME, address."
)
@click.option("--custody", default=f"file:{home.KEY_FILE}", show_default=True, metavar="URI", help="The key store.")
@click.option(
    "--identity-custody",
    default=f"file:{home.IDENTITY_FILE}",
    show_default=True,
    metavar="URI",
    help="The identity key.",
)
@passphrase_option
@json_option
def init(
    directory: Path,
    country: str,
    authority: str | None,
    zone: str,
    address: str | None,
    peers_host: str,
    peers_port: int,
    api_port: int,
    no_api: bool,
    suite: str,
    database: str | None,
    custody: str,
    identity_custody: str,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """
    Make a gateway's home in DIR: configuration, keys, first card, empty database.

    Nothing is started, and a home that exists is left alone.
    """
    check_clock()
    wish = home.Wish(
        country=country,
        authority=authority or f"{country}-ID-01",
        zone=zone,
        address=typed.address(address or _listened_at(peers_host, peers_port)),
        peers_host=peers_host,
        peers_port=peers_port,
        api_port=None if no_api else api_port,
        suite=int(suite),
        custody=custody,
        identity_custody=identity_custody,
        database=database,
    )
    for option, uri in (("--custody", custody), ("--identity-custody", identity_custody)):
        if uri.partition(":")[0] in ("env", "credential"):
            raise click.UsageError(f"{option} takes file:PATH; what env: and credential: take: isthmus keys export")
    if database is not None:
        typed.check_secret("--database", database)
    home.check_free(directory)
    _check_whole(directory)
    # Checked before anything is made, so that a mistake does not leave half a home behind.
    chosen = settings.check(directory, tomllib.loads(home.configuration_text(wish)))
    dsn = chosen.dsn(os.environ)
    if dsn is not None:
        from gateway.storage.postgres import check_encoding  # here: only the extra has its library
        from gateway.storage.postgres_query import postgres_query

        try:
            with postgres_query(dsn) as query:
                check_encoding(query("SHOW server_encoding")[0][0])
                _check_unused(query)
        except Unavailable as error:  # as a start over it says
            raise StoreError(str(error), error.hint) from error.__cause__
    ask = passphrase(passphrase_file, prompt="Passphrase for the new key stores", new=True)
    phrase = ask()
    card = home.furnish(directory, wish, datetime.now(UTC), lambda: phrase, os.environ)
    asyncio.run(_make_database(chosen, phrase))
    home.configure(directory, wish)
    if as_json:
        emit(_made(directory, card))
    else:
        _tell(directory, card)
        _tell_of_the_way(wish)


def _check_unused(query: Query) -> None:
    """Raise ``CommandError`` if a gateway has used the database: under our keys nothing in it could be opened."""
    ((made,),) = query("SELECT to_regclass('log_head') IS NOT NULL")
    if made and query("SELECT 1 FROM log_head LIMIT 1"):
        hint = (
            "name an empty one (createdb); a home that was lost is put back from its backups, with its key store, and"
            " serves this database again"
        )
        raise CommandError(Exit.USAGE, "in-use", "the database holds the store of a gateway", hint)


def _listened_at(host: str, port: int) -> str:
    """Return the address of the listener. Raises ``click.UsageError`` where it is none that partners can reach."""
    with suppress(ValueError):
        found = ip_address(host)
        if found.is_unspecified:
            text = f"{host} is every address of this machine; say with --address where partners reach it"
            raise click.UsageError(text)
        host = str(found)
    if not port:
        raise click.UsageError("port 0 is whichever is free; say with --address where partners reach it")
    return f"https://{_listener(host, port)}"


def _listener(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_whole(directory: Path) -> None:
    """Raise ``CommandError`` if an earlier run was cut short here."""
    left = [directory / name for name in (home.KEY_FILE, home.IDENTITY_FILE, "tls.key", "data/gateway.db")]
    if found := [path for path in left if path.is_file()]:
        raise CommandError(
            Exit.USAGE,
            "part-of-a-home",
            f"{found[0]} is a part of a home that has no {settings.FILE_NAME}",
            f"where init was cut short nothing of it was used: remove what is in {directory}, run it again; where a "
            f"home was in use restore {settings.FILE_NAME} from its backup",
        )


async def _make_database(chosen: settings.Settings, phrase: str) -> None:
    gateway = await app.build(chosen, passphrase=lambda: phrase, create=True)
    await gateway.close()


def _made(directory: Path, card: Card) -> dict[str, object]:
    return {
        "home": str(directory),
        "country": card.country,
        "fingerprint": card.fingerprint,
        "card": str(directory / "cards" / card.country / f"{card.serial}.jws"),
        "configuration": str(directory / settings.FILE_NAME),
    }


def _tell(directory: Path, card: Card) -> None:
    for name, value in _made(directory, card).items():
        click.echo(f"{name:<14} {value}")
    say(
        f"""
Next:
  1. isthmus keys new NAME.keys                      for each person, on their own machine
     isthmus person add -C {directory} ID --role ROLE --key KEY
     isthmus keys card -C {directory} --add-role ROLE=KEY   where it says that partners verify the role
  2. Read the fingerprint out to each partner, by another way than the card goes; give them the newest card.
     isthmus partner add -C {directory} COUNTRY --card FILE --fingerprint "..."
  3. Carry {directory / home.IDENTITY_FILE} off this machine, to where two officers keep it. It signs cards only.
  4. isthmus check -C {directory}
     isthmus serve -C {directory}"""
    )


def _tell_of_the_way(wish: home.Wish) -> None:
    """Say what has to stand between, where partners are sent elsewhere than the gateway listens."""
    where = urlsplit(wish.address)
    port = where.port or (443 if where.scheme == "https" else 80)
    away = settings.is_loopback(wish.peers_host) and not settings.is_loopback(where.hostname or "")
    if away or port != wish.peers_port:
        say(
            f"""
Partners reach it at {wish.address}, and it listens at {_listener(wish.peers_host, wish.peers_port)}: a proxy, or the
firewall, has to lead from there to here and to pass TLS through, for our card lists the key of tls.crt. Where TLS ends
before the gateway, list the key that is used there: isthmus keys card --certificate FILE"""
        )
