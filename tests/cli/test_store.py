"""``isthmus store move``, and what the other commands do of a gateway that was moved to PostgreSQL."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import settings
from gateway.checks import database
from gateway.checks.look import Look
from gateway.cli.errors import describe
from gateway.cli.running import alone
from gateway.storage import postgres_desks, postgres_reads
from gateway.storage.errors import StoreError
from gateway.storage.postgres import READERS_MAX
from gateway.storage.postgres_errors import POOLED
from tests.cli.support import (
    CHEAP,
    CHEAP_IDENTITY,
    DESKS,
    PHRASE,
    Homes,
    answer_body,
    call,
    deliver,
    desk,
    desks_begun,
    received,
    state,
    value,
)
from tests.support.pool import pooled
from tests.support.postgres import QUICK, Cluster, apart, cluster

NAME = "postgres.address"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of these tests."""
    with cluster() as made:
        yield made


def address(home: Path, postgres: Cluster) -> str:
    """Make an empty database, write its address into a file of the home, and return it."""
    dsn = postgres.create()
    path = home / NAME
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(dsn + "\n")
    return dsn


def configure(home: Path, line: str) -> None:
    """Put a line before the first section of the configuration, in place of what named a database."""
    path = home / settings.FILE_NAME
    kept = [one for one in path.read_text().splitlines() if not one.startswith("database = ")]
    path.write_text("\n".join([line, *kept]) + "\n")


def to_postgres(home: Path, postgres: Cluster) -> str:
    """Move a home to PostgreSQL, configure it, and return the address."""
    dsn = address(home, postgres)
    value("store", "move", "-C", home, "--to", f"file:{NAME}")
    configure(home, f'database = "file:{NAME}"')
    return dsn


def findings(home: Path) -> dict[str, list[str]]:
    """Return what a check finds, by area."""
    found: dict[str, list[str]] = {}
    for item in json.loads(call("check", "-C", home, "--json").stdout)["items"]:
        if item["level"] == "finding":
            found.setdefault(item["area"], []).append(item["text"])
    return found


def rows(path: Path) -> dict[str, list[Any]]:
    """Return every row of a file by its table."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found = {name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}  # noqa: S608
    del found["schema_migration"]
    return found


def test_a_gateway_goes_there_and_back_and_on(homes: Homes, postgres: Cluster) -> None:
    """Moved there, back and there again in the middle of a case, a gateway has lost nothing and goes on exchanging."""
    home = homes.home("XBB")
    ours, theirs = received(homes)
    value("person", "invite", "first", "-C", home, "--desk", "interior")
    before = rows(home / "data/gateway.db"), rows(home / "data/desks.db")
    to_postgres(home, postgres)
    assert {} == findings(home)
    value("store", "move", "-C", home, "--to", "sqlite")
    configure(home, "")
    assert before == (rows(home / "data/gateway.db"), rows(home / "data/desks.db"))
    for file in ("gateway.db.moved", "desks.db.moved"):
        (home / "data" / file).unlink()
    to_postgres(home, postgres)
    desk(homes, "XBB", "first", "acknowledge", "--", theirs)
    deliver(homes)
    desk(homes, "XBB", "first", "answer", "--", theirs, "-", input=json.dumps(answer_body("NATIONAL")))
    deliver(homes)
    assert "REPLIED" == state(homes, "XAA", ours)
    assert [] == value("log", "audit", "-C", home)["findings"]
    assert [] == value("log", "audit", "-C", homes.home("XAA"))["findings"]
    assert {} == findings(home)


def test_a_configuration_that_names_what_was_moved_away_from(homes: Homes, postgres: Cluster) -> None:
    """Whoever forgets a line after a move is led to what is served, and not to a backup or to a new home."""
    home = homes.home("XAA")
    told = [told_of_a_move(home, postgres, f"file:{NAME}")]
    configure(home, f'database = "file:{NAME}"')
    told.append(told_of_a_move(home, postgres, "sqlite"))
    configure(home, "")
    told.append(told_of_a_file_set_aside(home))
    for exit, error, found in told:
        assert (3, "database") == (exit, error["code"])
        for hint in (error["hint"], *(item["hint"] for item in found)):
            assert "'database'" in hint.partition(";")[0]
            assert "isthmus init" not in hint


def test_nobody_is_shut_out_or_invited_where_the_desks_were(homes: Homes, postgres: Cluster) -> None:
    """After a move whose line was forgotten no passkey is called lost: it opens elsewhere."""
    home = homes.home("XAA")
    value("person", "invite", "first", "-C", home, "--desk", "interior")
    for target in (f"file:{NAME}", "sqlite"):
        told_of_a_move(home, postgres, target)
        for verb in (("shut-out", "first"), ("invite", "first", "--desk", "interior")):
            told = call("person", *verb, "-C", home)
            assert (3, True) == (told.exit_code, "moved away" in told.stderr), told.stderr
        assert (target == "sqlite") == (home / "data/desks.db").exists()
        configure(home, f'database = "file:{NAME}"')


def test_what_is_to_be_destroyed_is_named(homes: Homes, postgres: Cluster) -> None:
    """After a move there and back the copies of both moves are named, and none that is not there."""
    home = homes.home("XAA")
    address(home, postgres)
    told = [call("store", "move", "-C", home, "--to", f"file:{NAME}").stderr]
    configure(home, f'database = "file:{NAME}"')
    told.append(call("store", "move", "-C", home, "--to", "sqlite").stderr)
    assert [True, True] == ["gateway.db.moved" in text for text in told]
    assert [(home / "data/desks.db.moved").exists()] * 2 == ["desks.db.moved" in text for text in told]


def test_a_journal_that_is_to_be_destroyed_is_named(homes: Homes, postgres: Cluster) -> None:
    """Where somebody had the file open, its journal was set aside beside it, with the keys of cases in it."""
    home = homes.home("XAA")
    address(home, postgres)
    with closing(sqlite3.connect(home / "data/gateway.db")) as reader:
        reader.execute("SELECT count(*) FROM meta").fetchall()
        told = call("store", "move", "-C", home, "--to", f"file:{NAME}").stderr
    assert f"{home}/data/gateway.db.moved-wal" in told


def test_a_move_that_is_run_again_says_that_it_was_made(homes: Homes, postgres: Cluster) -> None:
    """Whoever did not see it end is led to what is served now, and not to the folder of a file that is missing."""
    home = homes.home("XAA")
    told_of_a_move(home, postgres, f"file:{NAME}")
    result = call("store", "move", "-C", home, "--to", f"file:{NAME}", "--json")
    error = json.loads(result.stderr)["error"]
    assert (3, True, True) == (result.exit_code, "moved away" in error["detail"], "'database'" in error["hint"])


def told_of_a_move(home: Path, postgres: Cluster, target: str) -> tuple[int, dict[str, str], list[dict[str, str]]]:
    """Move a home, leave its configuration as it is, and return what ``serve`` and ``check`` say."""
    if target != "sqlite":
        address(home, postgres)
    value("store", "move", "-C", home, "--to", target)
    return said_of_the_database(home)


def told_of_a_file_set_aside(home: Path) -> tuple[int, dict[str, str], list[dict[str, str]]]:
    """Leave a file as a move does that is cut off at its end, and return what ``serve`` and ``check`` say."""
    with closing(sqlite3.connect(home / "data/gateway.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            if not name.startswith("sqlite_"):
                db.execute(f'ALTER TABLE "{name}" RENAME TO "{name}_moved"')
    return said_of_the_database(home)


def said_of_the_database(home: Path) -> tuple[int, dict[str, str], list[dict[str, str]]]:
    """Return exit code and error of a gateway that is started, and what a check finds at its database."""
    result = call("serve", "-C", home, "--json")
    items = json.loads(call("check", "-C", home, "--json").stdout)["items"]
    found = [item for item in items if item["area"] == "database" and item["level"] == "finding"]
    assert 1 == len(found)
    return result.exit_code, json.loads(result.stderr)["error"], found


def test_a_running_gateway_is_not_moved(homes: Homes, postgres: Cluster) -> None:
    """While a gateway runs on the home nothing is moved."""
    home = homes.home("XAA")
    address(home, postgres)
    with alone(settings.load(home, {})):
        result = call("store", "move", "-C", home, "--to", f"file:{NAME}", "--json")
    assert (75, "running") == (result.exit_code, json.loads(result.stderr)["error"]["code"])
    assert (home / "data/gateway.db").exists()


@pytest.mark.parametrize(
    ("target", "exit"), [("sqlite", 2), ("mysql://x", 3), ("file:missing", 3), ("postgresql://[::1/x", 3)]
)
def test_a_place_that_is_none(homes: Homes, target: str, exit: int) -> None:
    """A move to where the gateway is already, or to no database, says so."""
    result = call("store", "move", "-C", homes.home("XAA"), "--to", target)
    assert (exit, True) == (result.exit_code, "hint:" in result.stderr)


def test_no_password_is_named_on_a_command_line(homes: Homes) -> None:
    """A move would say to put it into the configuration, too; as where a home is made it goes into a file."""
    result = call("store", "move", "-C", homes.home("XAA"), "--to", "postgresql://isthmus:secret@db/isthmus")
    assert (2, True, False) == (result.exit_code, "file:PATH" in result.stderr, "secret" in result.output)


def test_an_address_in_the_open_is_not_told(homes: Homes, postgres: Cluster) -> None:
    """Nothing that a move or a check prints holds the password of the database."""
    home = homes.home("XAA")
    address(home, postgres)
    told = call("store", "move", "-C", home, "--to", f"file:{NAME}").output
    configure(home, f'database = "file:{NAME}"')
    told += call("check", "-C", home).output
    assert postgres.password not in told


def test_a_server_that_is_not_there_is_a_finding(homes: Homes, postgres: Cluster) -> None:
    """A check of a database that cannot be had says the next step, and looks at everything else."""
    home = homes.home("XAA")
    address(home, postgres)
    configure(home, f'database = "file:{NAME}"')
    (home / NAME).write_text(postgres.dsn("none"))
    assert ["there is no such database"] == findings(home)["database"]


def test_an_address_that_others_may_read_is_a_finding(homes: Homes) -> None:
    """The finding names the place in the configuration and the file, not only that something is wrong with one."""
    home = homes.home("XAA")
    (home / NAME).write_text("postgresql://127.0.0.1/isthmus")
    (home / NAME).chmod(0o644)
    configure(home, f'database = "file:{NAME}"')
    found = findings(home)
    assert [f"/database: {home / NAME} may be read by others; chmod 600 it"] == found["database"]
    assert "clock" not in found  # which is looked up there, and is not what is wrong


def test_an_empty_database_is_a_finding(homes: Homes, postgres: Cluster) -> None:
    """A check of a database without tables says so."""
    home = homes.home("XAA")
    address(home, postgres)
    configure(home, f'database = "file:{NAME}"')
    assert ["the database holds no store"] == findings(home)["database"]


def test_no_epoch_is_begun_in_an_empty_database(homes: Homes, postgres: Cluster) -> None:
    """There is nothing to wait for: it is refused as a start would be, and nothing is made there."""
    home = homes.home("XAA")
    dsn = address(home, postgres)
    configure(home, f'database = "file:{NAME}"')
    result = call("restore", "begin-epoch", "-C", home, "--json")
    said = json.loads(result.stderr)["error"]
    assert (3, "database", "the database holds no store") == (result.exit_code, said["code"], said["detail"])
    assert [] == apart(postgres.execute("SELECT 1 FROM pg_tables WHERE schemaname IN ('public', 'desks')", dsn))


@pytest.mark.parametrize("refuses", [True, False])
def test_a_pool_before_the_database_is_refused(homes: Homes, postgres: Cluster, refuses: bool) -> None:
    """What it passes on is no session of the gateway, which would lead without a lock: nothing starts over it."""
    home = homes.home("XAA")
    dsn = to_postgres(home, postgres)
    with pooled(dsn, refuses=refuses) as through:
        (home / NAME).write_text(through)
        code, error, (found,) = said_of_the_database(home)
    assert (3, *POOLED) == (code, error["detail"], error["hint"])
    assert POOLED == (found["text"], found["hint"])


def test_an_index_on_what_the_desks_keep_is_a_finding(homes: Homes, postgres: Cluster) -> None:
    """Their tables lie in a schema of their own, and a node that has desks does not start over those either."""
    dsn = to_postgres(homes.home("XAA"), postgres)

    async def open_once() -> None:
        await (await postgres_desks.PostgresDesks.open(dsn, datetime.now(UTC))).close()

    apart(open_once())
    assert "database" not in findings(homes.home("XAA"))
    apart(postgres.execute("CREATE INDEX made_by_hand ON desks.work (ref)", dsn))
    assert "database" not in findings(homes.home("XAA")), "it has no desks, and starts"
    with open(homes.home("XAA") / settings.FILE_NAME, "a") as file:
        file.write(DESKS)
    assert ["no gateway starts over the database: a table or index of the desks was altered"] == (
        findings(homes.home("XAA"))["database"]
    )


def test_an_index_that_somebody_made_is_a_finding(homes: Homes, postgres: Cluster) -> None:
    """No node starts over it, so a check says it while they run still; the text is that of the start."""
    dsn = to_postgres(homes.home("XAA"), postgres)
    apart(postgres.execute("CREATE INDEX made_by_hand ON case_file (opened_at)", dsn))
    code, error, (found,) = said_of_the_database(homes.home("XAA"))
    assert (3, True) == (code, error["detail"].startswith("a table or index of the store was altered"))
    assert ("no gateway starts over the database: a table or index of the store was altered", error["hint"]) == (
        found["text"],
        found["hint"],
    )


def test_few_connections_are_a_finding(homes: Homes, postgres: Cluster) -> None:
    """A database that lets us have fewer connections than two processes take is a finding."""
    dsn = to_postgres(homes.home("XAA"), postgres)
    apart(postgres.execute(f"ALTER DATABASE {dsn.rpartition('/')[2]} CONNECTION LIMIT {2 * database.CONNECTIONS - 1}"))
    assert [f"the server lets us have {2 * database.CONNECTIONS - 1} connections"] == [
        text.split(",")[0] for text in findings(homes.home("XAA"))["database"]
    ]


def test_connections_that_a_server_keeps_for_others_are_not_reckoned_ours(homes: Homes, postgres: Cluster) -> None:
    """PostgreSQL 16 keeps some for a role of its own; an older one, which has no such setting, is given it here."""
    home = homes.home("XAA")
    dsn = to_postgres(home, postgres)
    name, kept = dsn.rpartition("/")[2], "CREATE OR REPLACE FUNCTION public.current_setting(text, boolean) RETURNS text"
    apart(postgres.execute(f"ALTER DATABASE {name} SET search_path = public, pg_catalog"))
    apart(postgres.execute(f"{kept} LANGUAGE sql AS $$SELECT '80' WHERE $1 = 'reserved_connections'$$", dsn))
    assert ["the server lets us have 17 connections"] == [text.split(",")[0] for text in findings(home)["database"]]


def test_a_process_takes_as_many_connections_as_a_check_reckons() -> None:
    """A writer, a leader, and those of units that read, of pages and of desks."""
    assert 2 + READERS_MAX + postgres_reads.CONNECTIONS_MAX + postgres_desks.CONNECTIONS_MAX == database.CONNECTIONS


@pytest.mark.parametrize(
    ("dsn", "found"),
    [
        ("postgresql://u@db.example/name", 1),
        ("postgresql:///name?host=db.example", 1),
        ("postgresql://u@127.0.0.1:5432,db.example:5432/name", 1),
        ("postgresql://u@db.example/name?sslmode=verify-full", 0),
        ("postgresql://u@127.0.0.1/name", 0),
        ("postgresql://u@[::1]:5432/name", 0),
        ("postgresql:///name?host=/run/postgresql", 0),
        ("postgresql:///name", 0),
    ],
)
def test_an_address_whose_line_others_could_read_is_a_finding(dsn: str, found: int) -> None:
    """Wherever the address names the server, and if one of several is on another machine."""
    assert found == len(list(database.address(dsn)))


def test_a_server_that_forgets_is_a_finding(homes: Homes) -> None:
    """A server that does not wait for its disk is a finding."""
    with cluster(*QUICK) as server:
        to_postgres(homes.home("XAA"), server)
        found = findings(homes.home("XAA"))["database"]
    assert ["fsync", "full_page_writes"] == [text.split(" has ")[1].split()[0] for text in found]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({}, []),
        ({"log_min_duration_statement": "250"}, ["log_parameter_max_length"]),
        ({"log_statement": "mod", "log_parameter_max_length_on_error": "-1"}, ["log_parameter_max_length", "on_error"]),
        ({"log_statement": "all", "log_parameter_max_length": "0"}, []),
    ],
)
def test_a_server_whose_log_tells_values_is_a_finding(chosen: dict[str, str], found: list[str]) -> None:
    """Whoever reads the log of the server would read reasons that people gave."""
    usual = {**database._SPOKEN, database._WITH_VALUES: "-1", database._WITH_VALUES_ON_ERROR: "0"}
    hints = [item.hint for item in database._log_of({**usual, **chosen})]
    assert len(found) == len(hints)
    assert all(name in hint for name, hint in zip(found, hints, strict=True))


def test_what_a_server_tells_and_ends_is_looked_at(homes: Homes, postgres: Cluster) -> None:
    """Its log, the end of a password and the bound of a user, and whether the store lies where the user looks."""
    home = homes.home("XAA")
    dsn = to_postgres(home, postgres)
    name = dsn.rpartition("/")[2]
    apart(postgres.execute(f"ALTER DATABASE {name} SET log_min_duration_statement = 250"))
    (text,) = findings(home)["database"]
    assert text.startswith("the log of the server tells values")
    apart(postgres.execute(f"ALTER DATABASE {name} RESET log_min_duration_statement"))
    ends = datetime.now(UTC) + timedelta(days=30)
    bounds = f"CONNECTION LIMIT 17 VALID UNTIL '{ends}'"
    apart(postgres.execute(f"CREATE ROLE ending LOGIN SUPERUSER PASSWORD 'ending' {bounds}"))
    (home / NAME).write_text(dsn.replace(dsn.split("//")[1].split("@")[0], "ending:ending"))
    assert ["the server takes our password until", "the server lets us have 17 connecti"] == [
        text[:35] for text in findings(home)["database"]
    ]
    (home / NAME).write_text(dsn)
    apart(postgres.execute(f"ALTER DATABASE {name} SET search_path = elsewhere"))
    code, error, (found,) = said_of_the_database(home)
    assert (3, error["detail"], error["hint"]) == (code, found["text"], found["hint"])


@pytest.mark.parametrize(("off_s", "found"), [(-60, 1), (-20, 0), (20, 0), (60, 1)])
def test_a_clock_that_is_not_that_of_the_database_is_a_finding(
    homes: Homes, postgres: Cluster, off_s: int, found: int
) -> None:
    """By it each node is compared with the others, for a message that one has dated others may not take yet."""
    to_postgres(homes.home("XAA"), postgres)
    now = datetime.now(UTC) + timedelta(seconds=off_s)
    items = list(database.database(Look(settings.load(homes.home("XAA"), {}), lambda: PHRASE, now)))
    assert found == sum(item.area == "clock" and item.level == "finding" for item in items)


def test_a_database_that_takes_no_writing_is_a_finding(homes: Homes, postgres: Cluster) -> None:
    """The check itself writes nothing, and sees what keeps the gateway from it."""
    name = to_postgres(homes.home("XAA"), postgres).rpartition("/")[2]
    assert "database" not in findings(homes.home("XAA"))
    apart(postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    code, error, (found,) = said_of_the_database(homes.home("XAA"))
    assert (3, "the database takes no writing") == (code, found["text"])
    assert (found["text"], found["hint"]) == (error["detail"], error["hint"])


def test_what_stands_in_the_database_is_found(homes: Homes, postgres: Cluster) -> None:
    """A partner on hold and an epoch that is not the card's are seen in PostgreSQL as in a file."""
    home = homes.home("XAA")
    dsn = to_postgres(home, postgres)
    apart(
        postgres.execute(
            "INSERT INTO partner (country, failures, hold, epoch) VALUES ('XBB', 0, 'its card changed', 1)", dsn
        )
    )
    apart(
        postgres.execute(
            "INSERT INTO meta (name, value) VALUES ('epoch', '7') ON CONFLICT (name) DO UPDATE SET value = '7'", dsn
        )
    )
    found = findings(home)
    assert ["XBB is on hold: its card changed"] == found["hold"]
    assert "its epoch is 7, the card says otherwise" in found["database"]
    older = "an older state was put in its place, and no epoch was begun since"
    assert older not in found["database"]
    apart(postgres.execute("INSERT INTO meta (name, value) VALUES ('gone-back', '7')", dsn))
    assert older in findings(home)["database"]


def test_a_person_is_invited_into_the_database(homes: Homes, postgres: Cluster) -> None:
    """A link made by the command line stands where every node sees it, and in no file."""
    home = homes.home("XAA")
    dsn = to_postgres(home, postgres)
    value("person", "invite", "first", "-C", home, "--desk", "interior")
    assert [("first", "interior")] == [
        tuple(row) for row in apart(postgres.execute("SELECT person, desk FROM desks.link", dsn))
    ]
    assert not (home / "data/desks.db").exists()


def test_a_missing_library_is_told() -> None:
    """Where the extra is not installed, whatever needs it says so."""
    told = describe(ModuleNotFoundError(name="asyncpg"))
    assert (3, "postgres-library", True) == (told.exit, told.code, "postgres.txt" in told.hint)


def test_a_home_is_made_over_a_database(tmp_path: Path, postgres: Cluster) -> None:
    """``init --database`` makes the tables there, and no file; a database that is not there leaves no home behind."""
    options = ("--country", "XAA", "--no-api", *CHEAP, *CHEAP_IDENTITY, "--database", "env:PLACE")
    wrong = call("init", tmp_path / "home", *options, PLACE=postgres.dsn("none"))
    assert (3, False) == (wrong.exit_code, (tmp_path / "home").exists())
    dsn = postgres.create()
    made = call("init", tmp_path / "home", *options, PLACE=dsn)
    assert 0 == made.exit_code, made.stderr
    assert not (tmp_path / "home/data/gateway.db").exists()
    assert 0 == call("stats", "-C", tmp_path / "home", PLACE=dsn).exit_code
    apart(postgres.execute("INSERT INTO log_head VALUES ('XAA/XBB/1', 'XBB', 1, 0, '', '')", dsn))  # as with a partner
    again = call("init", tmp_path / "again", *options, PLACE=dsn)
    assert (2, True) == (again.exit_code, "the store of a gateway" in again.stderr)
    assert not (tmp_path / "again").exists()


def test_a_database_that_does_not_hold_every_text_is_found(homes: Homes, postgres: Cluster, tmp_path: Path) -> None:
    """Nothing of a home is made over one in SQL_ASCII, and a check says of it what a start would."""
    apart(postgres.execute("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"))
    path = homes.home("XAA") / NAME
    path.touch(mode=0o600)
    path.write_text(postgres.dsn("bytes"))
    told = call("init", tmp_path / "home", "--country", "XAA", "--database", f"file:{path}")
    assert (3, True, False) == (told.exit_code, "SQL_ASCII" in told.stderr, (tmp_path / "home").exists())
    configure(homes.home("XAA"), f'database = "file:{NAME}"')
    assert ["SQL_ASCII" in text for text in findings(homes.home("XAA"))["database"]].count(True) == 1


@pytest.mark.parametrize("place", ["postgresql://isthmus:secret@db/isthmus", "postgresql://db/isthmus?password=secret"])
def test_no_password_is_written_into_the_configuration(tmp_path: Path, place: str) -> None:
    """It would lie in every copy of the configuration, which is no secret, and on the command line it is seen."""
    told = call("init", tmp_path / "home", "--country", "XAA", "--database", place)
    assert (2, True, False) == (told.exit_code, "file:PATH" in told.stderr, (tmp_path / "home").exists())


def test_lost_desks_are_not_moved(homes: Homes, postgres: Cluster) -> None:
    """Whoever lost the file of the desks is told before a move: its backup cannot be put into a database."""
    home = homes.home("XBB")
    with open(home / settings.FILE_NAME, "a") as file:
        file.write(DESKS)
    asyncio.run(desks_begun(home))
    for one in (home / "data").glob("desks.db*"):
        one.unlink()
    address(home, postgres)
    told = call("store", "move", "-C", home, "--to", f"file:{NAME}")
    assert (3, True) == (told.exit_code, f"{home / 'data/desks.db'} is missing" in told.stderr)
    assert (home / "data/gateway.db").exists()


def test_a_lost_schema_of_the_desks_is_told_and_not_made_anew(homes: Homes, postgres: Cluster) -> None:
    """Over PostgreSQL too, whoever restored the cases alone is told, by whatever opens the database first."""
    home, text = homes.home("XBB"), "the schema desks of the database is missing"
    with open(home / settings.FILE_NAME, "a") as file:
        file.write(DESKS)
    dsn = to_postgres(home, postgres)
    assert {} == {area: said for area, said in findings(home).items() if area == "database"}  # there never was one
    asyncio.run(desks_begun(home))
    apart(postgres.execute("DROP SCHEMA desks CASCADE", dsn))
    call("person", "shut-out", "first", "-C", home)
    begun = call("restore", "begin-epoch", "-C", home)
    assert 0 == begun.exit_code, begun.stderr
    with pytest.raises(StoreError, match=f"^{text}") as refused:
        asyncio.run(desks_begun(home))
    assert 3 == describe(refused.value).exit
    assert any(text in said for said in findings(home)["database"])
    value("person", "invite", "first", "-C", home, "--desk", "interior")
    assert "database" not in findings(home)
    asyncio.run(desks_begun(home))
