"""What is wrong with the database, with the server it is on, and with what it says of partners, nodes and logs."""

import os
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway import read_only, settings, stands
from gateway.checks import trust
from gateway.checks.look import Look, own_card
from gateway.checks.partners import behind
from gateway.core.checkpoint import parse_note
from gateway.services.channel import UNTAKEN
from gateway.services.checkpoints import LATE
from gateway.services.health import N_, SOON, Item, Terms, bad, note, ok
from gateway.services.nodes import PREFIX, differences, running
from gateway.services.ports import GONE_BACK, Unavailable
from gateway.storage import migrate, postgres_schema
from gateway.storage.errors import DAMAGED, StoreError, of_desks
from gateway.storage.migrate import ASIDE, ASIDE_FILE, LEDGER, load_migrations
from gateway.storage.postgres_schema import ELSEWHERE
from gateway.storage.query import Query, sqlite_query
from gateway.stores import find_lost_desks
from keys.card import CLOCK_SKEW_MAX

POSTGRES_MIN = 150_000

CONNECTIONS = 14
"""What one process takes of a database at most: writer, leader, and four each for units that read, pages, desks."""

APART_MAX = timedelta(seconds=30)
"""How far our clock may be from that of the database, by which each node can be compared with the others."""

UNTAKEN_TOLD = timedelta(days=30)
"""How long it is told that a State refused for good what is of no case."""

_DURABLE = frozenset({"fsync", "full_page_writes"})
"""What makes a commit one; ``synchronous_commit`` each connection of ours sets for itself."""

_SPOKEN = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
}
"""Settings by which the log of the server tells statements, each with the value by which it tells none."""

_WITH_VALUES = "log_parameter_max_length"
_WITH_VALUES_ON_ERROR = "log_parameter_max_length_on_error"
"""How much of each value is told with a statement; 0 is nothing."""

_ASKED = ("server_version_num", "server_encoding", *sorted(_DURABLE), *_SPOKEN, _WITH_VALUES, _WITH_VALUES_ON_ERROR)

_SERVER_SETTINGS = f"SELECT name, setting FROM pg_settings WHERE name IN {_ASKED}"  # noqa: S608  # constants

_SERVER = """
SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true), '0')::int,
        nullif(d.datconnlimit, -1), nullif(r.rolconnlimit, -1)), extract(epoch FROM clock_timestamp())::float8,
    pg_is_in_recovery() OR (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only'),
    CASE WHEN isfinite(r.rolvaliduntil) THEN extract(epoch FROM r.rolvaliduntil)::float8 END
FROM pg_database AS d, pg_roles AS r WHERE d.datname = current_database() AND r.rolname = current_user
"""

_NODES = f"SELECT name, value FROM meta WHERE name LIKE '{PREFIX}%' ORDER BY name"  # noqa: S608  # a constant

_LATEST = "SELECT max(at) FROM (SELECT at FROM case_event ORDER BY n DESC LIMIT 10000) AS newest"

_NEWEST_KEPT = """
SELECT c.origin, c.size, c.at, c.note FROM checkpoint_kept AS c
JOIN log_head AS h ON h.origin = c.origin AND h.current = 1
WHERE c.size = (SELECT max(k.size) FROM checkpoint_kept AS k WHERE k.origin = c.origin)
ORDER BY c.origin
"""

_MOVED_HINTS = {
    "sqlite": N_(
        "name the database it was moved to as 'database' in the configuration; where it was moved back since, restore "
        "the last backup, then isthmus restore begin-epoch"
    ),
    "postgres": N_("take 'database' out of the configuration"),
}
"""What to do where the configuration names what ``isthmus store move`` moved away from, by dialect."""

_OPEN_WITH = """
SELECT partner, sum(one.cases), sum(one.messages) FROM (
    SELECT partner, count(*) AS cases, 0 AS messages FROM case_file WHERE closed_at IS NULL GROUP BY partner
    UNION ALL
    SELECT partner, 0, count(*) FROM outbound WHERE state IN ('queued', 'posted') GROUP BY partner
) AS one GROUP BY partner ORDER BY partner
"""

_UNTAKEN = f"SELECT name, value FROM meta WHERE name LIKE '{UNTAKEN}%' ORDER BY name"  # noqa: S608  # a constant

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table'",
    "postgres": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}


def database(look: Look) -> Iterator[Item]:
    """Look at the database that the configuration names: whether it is there, whole, and ours."""
    dsn, path = look.settings.dsn(os.environ), look.settings.database
    if dsn is not None:
        from gateway.storage.postgres_query import postgres_query  # here, because only the extra has its library

        yield from address(dsn)
        with postgres_query(dsn, look.wait_s) as query:
            yield from _server(look, query)
            yield from _database_items(look, query, "postgres")
    elif path.is_file():
        with sqlite_query(path) as query:
            if look.whole and [text for (text,) in query("PRAGMA quick_check(5)")] != ["ok"]:
                hint = N_("stop the gateway and restore the last backup, then isthmus restore begin-epoch")
                yield bad("database", N_("the database is damaged"), hint)
                return
            yield from _database_items(look, query, "sqlite")
        yield from _desks(look)
    elif path.with_name(path.name + ASIDE_FILE).exists():
        yield bad("database", N_("%(path)s was moved away from"), _MOVED_HINTS["sqlite"], path=path)
    else:
        hint = N_(
            "see that data_dir is right, and its disk mounted; only if it is lost restore the last backup, then "
            "isthmus restore begin-epoch"
        )
        yield bad("database", N_("%(path)s is missing"), hint, path=path)


def _desks(look: Look) -> Iterator[Item]:
    """Look at the file of sessions, passkeys and drafts: where it does not open, no gateway with desks starts."""
    path = look.settings.accounts
    if "desks" not in look.settings.values or not path.is_file():
        return
    try:
        with sqlite_query(path) as query:
            if look.whole and [text for (text,) in query("PRAGMA quick_check(5)")] != ["ok"]:
                raise StoreError(*DAMAGED)
            migrate.check_file(query, load_migrations("desks"))
    except (StoreError, Unavailable) as error:
        told = of_desks(path, str(error), error.hint)
        yield bad("database", N_("no gateway starts over the database: %(why)s"), "%(then)s", why=told, then=told.hint)


def address(dsn: str) -> Iterator[Item]:
    """Look at whether rows would cross a network in clear, or to a server that nobody asked for its name."""
    parts = urlsplit(dsn)
    options = dict(parse_qsl(parts.query))
    named = [urlsplit(f"//{one}").hostname for one in parts.netloc.rpartition("@")[2].split(",")]
    hosts = [unquote(one) for one in named if one] or options.get("host", "").split(",")
    away = [one for one in hosts if one and not one.startswith("/") and not settings.is_loopback(one)]
    if away and options.get("sslmode") != "verify-full":
        hint = N_("add ?sslmode=verify-full to the address, and name the authority with sslrootcert")
        yield bad("database", N_("the address of the database lets anybody in between read along"), hint)


def _server(look: Look, query: Query) -> Iterator[Item]:
    """Look at the server itself: its version, what it promises of a commit, its connections, its clock."""
    chosen: dict[str, str] = dict(query(_SERVER_SETTINGS))
    if int(chosen["server_version_num"]) < POSTGRES_MIN:
        hint = N_("install PostgreSQL %(least)s or newer")
        yield bad(
            "database", N_("the server is older than what this was tried with"), hint, least=POSTGRES_MIN // 10_000
        )
    if chosen["server_encoding"] != "UTF8":
        text = N_("no gateway starts over the database: it is in %(encoding)s, which does not hold every script")
        hint = N_(
            "create one with: createdb --template template0 --encoding UTF8; what is in it comes over by pg_dump "
            "--encoding UTF8, with every node stopped"
        )
        yield bad("database", text, hint, encoding=chosen["server_encoding"])
    for name in sorted(_DURABLE & chosen.keys()):
        if chosen[name] != "on":
            text = N_("the server has %(name)s off: what was answered may be gone after a crash")
            yield bad("database", text, N_("set %(name)s = on in postgresql.conf and restart the server"), name=name)
    yield from _log_of(chosen)
    ((most, clock, only_read, refused_at),) = query(_SERVER)
    ends = None if refused_at is None else datetime.fromtimestamp(refused_at, UTC)
    if ends is not None and ends - look.now < SOON:
        text = N_("the server takes our password until %(day)s only")
        yield bad("database", text, N_("give its user another one, or a later end"), day=ends.date())
    if only_read:
        hint = N_("point the address at the primary server; if it is that, turn default_transaction_read_only off")
        yield bad("database", N_("the database takes no writing"), hint)
    processes = most // CONNECTIONS
    if processes < 2:
        text = N_("the server lets us have %(most)s connections, and each process takes up to %(each)s")
        hint = N_("raise max_connections, or the limit of the user or the database")
        yield bad("database", text, hint, most=most, each=CONNECTIONS)
    else:
        text = N_("PostgreSQL %(version)s, with connections for %(count)s processes")
        yield ok("database", text, version=int(chosen["server_version_num"]) // 10_000, count=processes)
    apart = abs(look.now.timestamp() - clock)
    if apart > APART_MAX.total_seconds():
        text = N_("the clock of the database and ours are %(seconds)s seconds apart")
        yield bad("clock", text, N_("set both; see that NTP runs on every machine"), seconds=int(apart))


def _log_of(chosen: Mapping[str, str]) -> Iterator[Item]:
    """Look at whether the log of the server, which others may read and keep, tells values of our rows."""
    told = [name for name, silent in _SPOKEN.items() if chosen[name] != silent]
    by = [_WITH_VALUES] if told and chosen[_WITH_VALUES] != "0" else []
    by += [_WITH_VALUES_ON_ERROR] if chosen[_WITH_VALUES_ON_ERROR] != "0" else []
    for name in by:
        text = N_("the log of the server tells values of our rows, and reasons that people gave")
        yield bad("database", text, N_("set %(name)s = 0 there, and destroy what it has told"), name=name)


def _no_store(look: Look, query: Query, dialect: str) -> Item | None:
    """Return what is wrong where no store of ours can be looked at; ``None`` if one can."""
    tables = {name for (name,) in query(_TABLES[dialect])}
    if LEDGER in tables:
        if (other := read_only.foreign(query, look.settings.values["country"])) is None:
            return None
        text = N_("the database is of another State: %(country)s")
        return bad("database", text, read_only.FOREIGN_HINT, country=other)
    if f"{LEDGER}{ASIDE}" in tables:
        return bad("database", N_("the database was moved away from"), _MOVED_HINTS[dialect])
    if dialect == "postgres" and (found := query(ELSEWHERE)):
        text = N_("the store is in the schema %(schema)s, and this user looks in another one")
        hint = N_(
            "set search_path of this user, and of the database, so that it begins with %(schema)s; restore nothing"
        )
        return bad("database", text, hint, schema=found[0][0])
    hint = N_("restore the last backup, then isthmus restore begin-epoch")
    return bad("database", N_("the database holds no store"), hint)


def _database_items(look: Look, query: Query, dialect: str) -> Iterator[Item]:
    if (missing := _no_store(look, query, dialect)) is not None:
        yield missing
        return
    known = {one.number: one.sha256 for one in load_migrations(dialect)}
    applied = dict(query("SELECT number, sha256 FROM schema_migration"))
    if any(known.get(number) != digest for number, digest in applied.items()):
        hint = N_("install the version that wrote it, or a newer one")
        yield bad("database", N_("it was written by another version"), hint)
    elif (why := _altered(look, query, dialect, len(applied))) is not None:
        hint = N_(
            "undo what was changed by hand; where that cannot be done, restore the last backup, then isthmus restore "
            "begin-epoch"
        )
        yield bad("database", N_("no gateway starts over the database: %(why)s"), hint, why=why)
    elif len(applied) < len(known):
        text = N_("%(count)s migrations run at the next start")
        yield note("database", text, N_("make a backup before"), count=len(known) - len(applied))
    else:
        yield ok("database", N_("whole, %(count)s migrations applied"), count=len(applied))
    if (lost := find_lost_desks(look.settings, dialect, query)) is not None:  # left out by whoever restored
        yield bad("database", N_("no gateway starts over the database: %(why)s"), "%(then)s", why=lost, then=lost.hint)
    ((latest,),) = query("SELECT max(at) FROM case_event" if look.whole else _LATEST)
    if latest is not None and datetime.fromtimestamp(latest, UTC) > look.now + CLOCK_SKEW_MAX:
        hint = N_("see that the clock is right and that NTP runs; where it was ahead before, this ends by itself")
        yield bad("clock", N_("the database holds events later than now"), hint)
    partners = frozenset(look.settings.values["partners"])
    for country, hold in query("SELECT country, hold FROM partner WHERE hold IS NOT NULL ORDER BY country"):
        if country in partners:
            hint = N_("ask for its fingerprint by another way, then isthmus trust confirm %(country)s ...")
            yield bad("hold", N_("%(country)s is on hold: %(why)s"), hint, country=country, why=hold)
    yield from trust.stale(query, look.now, partners)
    yield from behind(look, query)
    yield from _left(query, partners)
    yield from _untaken(query, look.now, partners)
    yield from _nodes(query, look.now)
    if len(applied) == len(known):
        yield from _not_contacted(query, partners)
        yield from _watched(look, query)
    held = own_card(look.settings)
    came_to = stands.noted(look.settings.home / stands.STANDS_FILE, stands.of_card(held))
    ((epoch,),) = query("SELECT value FROM meta WHERE name = 'epoch'") or (("1",),)
    if int(epoch) != held.epoch:
        hint = N_("stop; isthmus restore begin-epoch")
        if int(epoch) > held.epoch:
            hint = N_(
                "stop; put the newest cards and key store here if another machine has newer ones, or the cards if a "
                "partner has; if begin-epoch was cut short, isthmus restore begin-epoch"
            )
        yield bad("database", N_("its epoch is %(epoch)s, the card says otherwise"), hint, epoch=epoch)
    ((seen,),) = query(f"SELECT value FROM meta WHERE name = '{GONE_BACK}'") or (("0",),)  # noqa: S608  # a constant
    if int(epoch) <= int(seen) or stands.is_behind(query, came_to):
        hint = N_("stop; isthmus restore begin-epoch")
        yield bad("database", N_("an older state was put in its place, and no epoch was begun since"), hint)


def _altered(look: Look, query: Query, dialect: str, applied: int) -> str | None:
    """Return what somebody changed of the tables by hand: whoever runs goes on, and does not start again."""
    if dialect == "postgres":
        desks = "desks" in look.settings.values  # a gateway without them starts whatever stands in theirs
        return postgres_schema.altered(query) or (postgres_schema.altered(query, "desks") if desks else None)
    return migrate.altered(query, load_migrations(dialect)[:applied])


def _nodes(query: Query, now: datetime) -> Iterator[Item]:
    """Look at whether all nodes that run go by the same."""
    nodes = running(query(_NODES), now)
    differ = differences(nodes)
    for one in differ:
        text = N_("%(node)s does not go by what %(other)s does: %(parts)s")
        hint = N_("give both machines one home, and start again what was started before it changed")
        yield bad("nodes", text, hint, node=one.node, other=one.other, parts=Terms(one.parts))
    if nodes and not differ:
        yield ok("nodes", N_("nodes that run and go by the same: %(count)s"), count=len(nodes))


def _left(query: Query, partners: Collection[str]) -> Iterator[Item]:
    """Look at what is open with a State that is no partner any more: nothing of it leaves, or is told to anybody."""
    for country, cases, messages in query(_OPEN_WITH):
        if country not in partners:
            text = N_(
                "%(country)s is no partner any more; cases that are open with it: %(cases)s, messages that wait for "
                "it: %(messages)s"
            )
            hint = N_("put it back into the configuration and start the gateway, until nothing is open with it")
            yield bad("partner", text, hint, country=country, cases=int(cases), messages=int(messages))


def _untaken(query: Query, now: datetime, partners: Collection[str]) -> Iterator[Item]:
    """Look at what a State refused for good that belongs to no case: no desk is told of it."""
    for name, at in query(_UNTAKEN):
        country, type = name.removeprefix(UNTAKEN).split(":")
        said = datetime.fromisoformat(at)
        if country in partners and abs(now - said) < UNTAKEN_TOLD:
            text = N_("%(country)s refused for good on %(day)s what was said to it of no case: %(type)s")
            hint = N_(
                "ask its operators why, and tell them by another way; a directory is announced again; this is said for "
                "%(days)s days"
            )
            days = UNTAKEN_TOLD.days
            yield bad("partner", text, hint, country=country, day=said.date(), type=type, days=days)


def _not_contacted(query: Query, partners: Collection[str]) -> Iterator[Item]:
    """Look at the list that persons keep, and at what waits there for a second person."""
    rows = query("SELECT country, confirmed_at, lift_at FROM no_contact WHERE lifted_at IS NULL ORDER BY country")
    for country, confirmed_at, lift_at in rows:
        if country not in partners:
            continue  # nothing is sent to it anyway; the entry holds again where it comes back
        if confirmed_at is None:
            hint = N_("isthmus partner confirm %(country)s --reason ... --as PERSON")
            yield note("partner", N_("%(country)s is proposed for the no-contact list"), hint, country=country)
        elif lift_at is not None:
            text = N_("%(country)s is not to be contacted; that this ends is proposed")
            hint = N_("isthmus partner confirm-lift %(country)s --reason ... --as PERSON")
            yield note("partner", text, hint, country=country)
        else:
            hint = N_("nothing is sent to it until isthmus partner lift %(country)s, by two persons")
            yield note("partner", N_("%(country)s is not to be contacted"), hint, country=country)


def _watched(look: Look, query: Query) -> Iterator[Item]:
    """Look at logs that contradict themselves, and at checkpoints of ours that nobody else put their name to."""
    for origin, kind, count in query("SELECT origin, kind, count(*) FROM log_conflict GROUP BY origin, kind"):
        once = N_("the log %(origin)s contradicts itself: %(kind)s, 1 time")
        text = once if count == 1 else N_("the log %(origin)s contradicts itself: %(kind)s, %(count)s times")
        hint = N_("isthmus log conflicts; tell both States by another way, and keep what is stored")
        yield bad("log", text, hint, origin=origin, kind=kind, count=count)
    witnesses = set(look.settings.values.get("transparency", {}).get("witnesses", ()))
    for origin, size, at, signed_note in query(_NEWEST_KEPT):
        partner = origin.split("/")[1]
        signed = {name for name, _ in parse_note(signed_note).signatures}
        asked = ({partner} & look.settings.values["partners"].keys()) | witnesses
        missing = sorted(asked - {look.settings.values["country"]} - signed)
        if missing and datetime.fromtimestamp(at, UTC) + LATE < look.now:
            text = N_("the checkpoint of %(size)s entries of %(origin)s is not cosigned by %(missing)s")
            hint = N_("isthmus log keep asks again and tells why not")
            yield bad("log", text, hint, size=size, origin=origin, missing=", ".join(missing))
