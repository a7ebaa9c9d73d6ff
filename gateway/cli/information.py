"""``isthmus information``: documents, means and routes in general. It knows no case, and no case knows it."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import schemas
from gateway.cli.errors import CommandError, Exit
from gateway.cli.keys import open_person_key
from gateway.cli.output import Verbs, emit, json_option
from gateway.cli.session import home_option, key_passphrase_option, passphrase, passphrase_option, read_json, run
from gateway.services.information import ROLE, Question
from keys import statement as statements

if TYPE_CHECKING:
    from gateway.app import Gateway

STATEMENT_LASTS = timedelta(days=1)

_AS = click.option("--as", "person", required=True, metavar="PERSON", envvar="ISTHMUS_PERSON", help="Who acts.")


@click.group(cls=Verbs)
def information() -> None:
    """
    Ask other States which documents, means and routes are used, and answer them.

    For the information office alone. One person of it writes, another signs and sends. No person is named in it.
    """


@information.command("list")
@home_option
@passphrase_option
@_AS
@json_option
def list_(home: Path, passphrase_file: Path | None, person: str, as_json: bool) -> None:
    """List every question, ours and theirs, with its answer."""

    async def act(gateway: "Gateway") -> Any:
        return [_shown(one) for one in await gateway.information.questions(person)]

    emit(run(home, passphrase(passphrase_file), act), as_json=as_json)


@information.command()
@click.argument("country")
@click.argument("file")
@home_option
@passphrase_option
@_AS
@json_option
def ask(country: str, file: str, home: Path, passphrase_file: Path | None, person: str, as_json: bool) -> None:
    """Prepare the question in FILE to COUNTRY: handling, topics, period."""
    request = read_json(file, what="a question")

    async def act(gateway: "Gateway") -> Any:
        return _shown(await gateway.information.ask(country, request, person))

    emit(run(home, passphrase(passphrase_file), act), as_json=as_json)


@information.command()
@click.argument("country")
@click.argument("thread")
@click.argument("file")
@home_option
@passphrase_option
@_AS
@json_option
def answer(
    country: str, thread: str, file: str, home: Path, passphrase_file: Path | None, person: str, as_json: bool
) -> None:
    """Prepare the answer in FILE to the question THREAD of COUNTRY."""
    value = read_json(file, what="an answer")

    async def act(gateway: "Gateway") -> Any:
        return _shown(await gateway.information.prepare_answer(country, thread, value, person))

    emit(run(home, passphrase(passphrase_file), act), as_json=as_json)


@information.command()
@click.argument("country")
@click.argument("thread")
@click.option("--key", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The key.")
@click.option("--digest", required=True, help="The digest that was shown.")
@key_passphrase_option
@home_option
@passphrase_option
@_AS
@json_option
def send(
    country: str,
    thread: str,
    key: Path,
    digest: str,
    key_passphrase_file: Path | None,
    home: Path,
    passphrase_file: Path | None,
    person: str,
    as_json: bool,
) -> None:
    """Sign what is prepared in THREAD with a key that our card lists for the office, and send it."""

    async def act(gateway: "Gateway") -> Any:
        found = [one for one in await gateway.information.questions(person) if one.thread == thread]
        if not found or found[0].digest != digest:
            raise CommandError(Exit.REFUSED, "digest", "what is prepared has another digest", "list it again first")
        until = gateway.context.clock.now() + STATEMENT_LASTS
        kind = "information.request" if found[0].ours else "information.answer"
        made = statements.Statement(thread, kind, schemas.statement_roles()[ROLE], digest, until)
        signed = statements.make(made, open_person_key(key, key_passphrase_file)).decode()
        return _shown(await gateway.information.send(country, thread, signed, person))

    emit(run(home, passphrase(passphrase_file), act), as_json=as_json)


def _shown(question: Question) -> dict[str, Any]:
    return {
        "thread": question.thread,
        "partner": question.partner,
        "ours": question.ours,
        "state": question.state,
        "on": question.on,
        "request": question.request,
        "answer": question.answer,
        "digest": question.digest,
    }
