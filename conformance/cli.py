"""
``isthmus-conformance``: run the suite against a gateway, read its reports, play a partner, check the vectors.

Data goes to standard output and talk to standard error. A command ends with 0 if all is well, 1 if the gateway (or a
vector) failed, 2 for a wrong call, 4 if nothing can be said because the gateway was not reached or the run did not come
to its end, and 6 if a report or its signature was changed.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import randbelow

import click

from conformance import cases, check, coverage, report, sandbox, states
from conformance.backend import HttpBackend, NoBackend
from conformance.client import Client
from conformance.evidence import read_chain
from conformance.play import Play
from conformance.reading import Json, Refused, unb64u
from conformance.registry import PROFILES, Case, NotOffered, Unclear, Wrong, load
from conformance.run import BadExemptions, Outcome, Result, Runner, choose, load_exemptions

EXIT = {"pass": 0, "fail": 1, "inconclusive": 4}
BAD_REPORT = 6

File = click.Path(dir_okay=False, path_type=Path)
Folder = click.Path(file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="isthmus", prog_name="isthmus-conformance")
def main() -> None:
    """Judge a gateway from outside, by the protocol alone. docs/partners.md says how to begin."""
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # a door that breaks a connection on purpose is no news


@main.command()
@click.option("--target", required=True, metavar="URL", help="Where partners reach the gateway under test.")
@click.option("--backend", metavar="URL", help="Its test back-end (docs/partners.md).")
@click.option("--report", "folder", required=True, type=Folder, help="Folder for the report; made if it is not there.")
@click.option("--profile", type=click.Choice([*PROFILES, "manual"]), help="Judge as; by default as the gateway claims.")
@click.option("--seed", type=click.IntRange(0, 2**53 - 1), help="Repeat a run; by default a new one.")
@click.option("--exempt", type=File, help="TOML file of cases that may fail, each with its reason.")
@click.option("--only", multiple=True, metavar="ID", help="Run this case, or all of this area; may be repeated.")
@click.option("--key", type=File, help="Key that signs the report; by default 'suite.key' in the folder.")
@click.option("--listen", default="127.0.0.1", show_default=True, help="Where the test States' doors listen.")
@click.option("--states", "home", type=Folder, help="manual: the test States made by 'cards'.")
@click.option("--card", type=File, help="manual: the card of the gateway under test.")
@click.option("--time-limit", default=900, show_default=True, type=click.IntRange(1), help="Seconds for the whole run.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def run(
    target: str,
    backend: str | None,
    folder: Path,
    profile: str | None,
    seed: int | None,
    exempt: Path | None,
    only: tuple[str, ...],
    key: Path | None,
    listen: str,
    home: Path | None,
    card: Path | None,
    time_limit: int,
    as_json: bool,
) -> None:
    """
    Test the gateway at URL and write a signed report.

    Ends with 0 if every MUST that applies was kept, 1 if one was not (or an exemption was not needed), and 4 if the
    run says nothing.
    """
    manual = profile == "manual"
    if not manual and backend is None:
        raise click.UsageError("--backend is needed, or --profile manual with --states and --card")
    if manual and (home is None or card is None):
        raise click.UsageError("the manual profile needs --states and --card")
    try:
        chosen = choose(load(cases), only)
        exemptions = load_exemptions(exempt)
        secret, chains = states.load(home) if manual and home else (None, {})
        own = card.read_text(encoding="ascii").strip() if manual and card else None
        signer = report.suite_key(key or folder / report.KEY)
    except (LookupError, BadExemptions, states.BadStates, report.BadReport, OSError, ValueError) as error:
        raise click.UsageError(str(error.args[0] if error.args else error)) from None
    seed = randbelow(2**53) if seed is None else seed
    play = Play(
        Client(target),
        NoBackend() if manual or backend is None else HttpBackend(backend),
        seed=seed,
        host=listen,
        secret=secret,
    )
    told = Progress(sum(len(case.inputs) for case in chosen))
    started_at = datetime.now(UTC)
    judged = None if manual else profile
    outcome = asyncio.run(_run(play, chosen, judged, exemptions, told, time_limit, own, chains))
    made = report.compose(
        outcome,
        profile="manual" if manual else profile or play.profile,
        seed=seed,
        subject=_subject(play),
        started_at=started_at,
    )
    report.write(folder, made, signer)
    told.end(outcome, folder)
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
    sys.exit(EXIT[outcome.verdict])


async def _run(
    play: Play,
    chosen: list[Case],
    profile: str | None,
    exemptions: dict[str, str],
    told: Callable[[Result], None],
    time_limit: int,
    own: str | None,
    chains: dict[str, list[str]],
) -> Outcome:
    """Begin and run; a gateway that cannot be begun with leaves every case inconclusive."""
    begun = ""
    try:
        async with asyncio.timeout(min(60, time_limit)):
            cards = [own] if own else []
            country = str(read_chain(cards).value["country"]) if own else None
            await play.begin(country, cards, chains)
    except (Unclear, NotOffered, Wrong) as error:
        begun = str(error)
    except TimeoutError:
        begun = "the gateway did not begin in its time"
    runner = Runner(play, profile, exemptions, told, time_limit, unbegun=begun)
    outcome = await runner.run(chosen)
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await play.close()
    return outcome


def _subject(play: Play) -> Json:
    try:
        gateway = play.gateway
        return {"country": gateway.code, "software": play.software, "card": gateway.card.digest}
    except (Unclear, Wrong):
        return {"country": None, "software": play.software, "card": None}


class Faults:
    """The lines for what failed or says nothing; a gateway that is gone leaves a thousand results and two lines."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._detail = ""
        self._more = 0

    def told(self, verdict: str, name: str, detail: str) -> list[str]:
        """Return the lines to tell for one result; none where it says nothing for the same reason as the one before."""
        if verdict == "not applicable":
            return []
        if verdict == "inconclusive" and detail == self._detail:
            self._more += 1
            return []
        lines = self.rest()
        self._detail = detail if verdict == "inconclusive" else ""
        return lines if verdict == "pass" else [*lines, f"{verdict}: {name}: {detail}"]

    def rest(self) -> list[str]:
        """Return the line that says how many more there were like the last one, if there were any."""
        more, self._more = self._more, 0
        return [f"inconclusive: {more} more: {self._detail}"] if more else []


class Progress:
    """Tells on standard error how far a run is: one moving line on a terminal, and a line for each fault anywhere."""

    def __init__(self, total: int) -> None:
        """Expect ``total`` results."""
        self._total = total
        self._count = 0
        self._area = ""
        self._live = sys.stderr.isatty()
        self._faults = Faults()

    def __call__(self, result: Result) -> None:
        """Tell one result."""
        self._count += 1
        told = self._faults.told(result.verdict, result.name, result.detail)
        for line in told:
            self._say(line, keep=True)
        area = result.case.id.partition(".")[0]
        if self._live:
            self._say(f"{self._count} of {self._total}  {result.name}", keep=False)
        elif area != self._area and (told or result.verdict == "pass"):
            self._say(f"{area} ({self._count} of {self._total})", keep=True)
            self._area = area

    def _say(self, text: str, *, keep: bool) -> None:
        if self._live:
            click.echo(f"\r\x1b[K{text[:110]}", nl=keep, err=True)
        else:
            click.echo(text, err=True)

    def end(self, outcome: Outcome, folder: Path) -> None:
        """Tell how it ended."""
        for line in self._faults.rest():
            self._say(line, keep=True)
        if self._live:
            click.echo("\r\x1b[K", nl=False, err=True)
        kinds: dict[str, int] = {}
        for result in outcome.results:
            kinds[result.verdict] = kinds.get(result.verdict, 0) + 1
        shown = ", ".join(f"{count} {verdict}" for verdict, count in sorted(kinds.items()))
        number = len({result.case.id for result in outcome.results})
        for name in outcome.unused:
            click.echo(f"exemption not used: {name}", err=True)
        click.echo(f"{outcome.verdict}: {number} cases, {shown}, in {outcome.seconds:.0f} s", err=True)
        click.echo(f"the report is in {folder}: {report.PAGE} to read, {report.REPORT} and {report.SIGNED}", err=True)


@main.command("report")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--public", metavar="KEY", help="Public key (base64url) that must have signed it.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def report_(file: Path, public: str | None, as_json: bool) -> None:
    """Check the signature of the report FILE, or of that in a folder."""
    try:
        made, claims = report.read(file, unb64u(public) if public else None)
    except (report.BadReport, Refused) as error:
        click.echo(f"error: {error}\nhint: ask for the report again, with the file {report.SIGNED}", err=True)
        sys.exit(BAD_REPORT)
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(made, claims, compared=public is not None)))
    sys.exit(EXIT[made["verdict"]])


def _lines(made: Json, claims: Json, *, compared: bool) -> Iterable[str]:
    subject = made["subject"]
    yield f"{made['verdict']}: gateway of {subject['country']} ({subject['software']}), profile {made['profile']}"
    yield f"tested {made['started_at']} by isthmus-conformance {made['suite']}, seed {made['seed']}"
    yield f"signed by {claims['key']}{'' if compared else ' (not compared: give it with --public)'}"
    for level, counts in made["counts"].items():
        if any(counts.values()):
            yield f"{level}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    faults = Faults()
    for case in made["cases"]:
        for row in case["results"]:
            name = f"{case['id']}[{row['input']}]" if row["input"] else case["id"]
            yield from faults.told(row["verdict"], name, row["detail"])
    yield from faults.rest()


@main.command()
def vectors() -> None:
    """Check the vectors by the suite's own reading of the protocol."""
    sys.exit(check.main())


@main.command("cases")
@click.argument("only", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def cases_(only: tuple[str, ...], as_json: bool) -> None:
    """List the cases, or those of an area, with what each proves."""
    try:
        chosen = choose(load(cases), only)
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from None
    if as_json:
        rows = [{"id": one.id, "rules": one.rules, "level": one.level, "purpose": one.purpose} for one in chosen]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for one in chosen:
        click.echo(
            f"{one.id:<34} {one.level:<6} {one.profile:<8} {', '.join(one.rules) or one.section:<20} {one.purpose}"
        )


@main.command("coverage")
@click.argument("protocol", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def coverage_(protocol: Path) -> None:
    """List each demand of the text PROTOCOL that no case proves."""
    known = load(cases)
    missing, strange = coverage.uncovered(protocol, known), coverage.unknown(protocol, known)
    for rule in missing:
        click.echo(rule)
    for rule in strange:
        click.echo(f"{rule} is named by a case and is no demand", err=True)
    total = len(coverage.demands(protocol))
    click.echo(f"{len(known)} cases; {len(missing)} of {total} demands without one", err=True)
    sys.exit(1 if missing or strange else 0)


@main.command()
@click.option("--dir", "folder", required=True, type=Folder, help="Folder for the test States; it must not hold any.")
@click.option("--address", metavar="URL", help="Address of XAA, where 'serve' will listen; without one it collects.")
def cards(folder: Path, address: str | None) -> None:
    """Make the test States once, and print their identity keys."""
    try:
        identities = states.make(folder, {"XAA": address.rstrip("/")} if address else None)
    except FileExistsError:
        raise click.UsageError(f"{folder} holds test States already") from None
    for code, identity in identities.items():
        click.echo(f"{code} {identity}")
    click.echo("Take each card like that of a partner, and compare the identity key with the one above.", err=True)


main.add_command(sandbox.serve)

if __name__ == "__main__":
    main()
