"""What can be wrong with a PostgreSQL store: its errors in the words of ``errors``, without quoting any value."""

import ssl
from typing import Any

import asyncpg

from gateway.services.ports import Conflict, Unavailable
from gateway.storage.errors import BrokenUnit

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the next statement, where the server said goodbye to a connection that was idle
    ConnectionError,
    OSError,
    TimeoutError,
)
"""What asyncpg raises where a connection is no more."""

RACED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""What PostgreSQL raises where two transactions stood in one another's way, and one may simply be done again."""

POOLED = (
    "what stands before the database has connections of its own to it",
    "name the server itself in the address: over a pool such as PgBouncer no setting and no lock is this gateway's",
)

_FILES = (
    "a file that the address of the store leads to cannot be opened",
    "see its sslrootcert, sslcert and sslkey, or the folder of the server's socket if it names one, and that it runs",
)

_REASONS = {
    asyncpg.ClientConfigurationError: (
        "the address of the store cannot be used",
        "see its sslmode, and the files that sslrootcert, sslcert and sslkey name",
    ),
    ssl.SSLCertVerificationError: (
        "the database shows a certificate that is not believed",
        "name its authority with sslrootcert, and the server in the address as its certificate names it",
    ),
    FileNotFoundError: _FILES,
    IsADirectoryError: _FILES,
    PermissionError: _FILES,
    asyncpg.ProtocolViolationError: POOLED,  # PgBouncer, of what each connection of ours sets for itself
    asyncpg.DuplicatePreparedStatementError: POOLED,
    asyncpg.InvalidSQLStatementNameError: POOLED,
    asyncpg.DiskFullError: (
        "the disk of the database is full",
        "free space there, but not in the server's data directory, pg_wal least of all; the gateway goes on by itself",
    ),
    asyncpg.TooManyConnectionsError: ("the database takes no more connections", "raise max_connections, or run fewer"),
    asyncpg.OutOfMemoryError: ("the database has not enough memory", "free memory, or raise max_locks_per_transaction"),
    asyncpg.LockNotAvailableError: ("another node holds what this one needs", "try again later"),
    asyncpg.QueryCanceledError: ("the database took too long", "look at its load; try again later"),
    asyncpg.InsufficientPrivilegeError: ("the database denies this user a right", "grant it the tables of the store"),
    asyncpg.InvalidAuthorizationSpecificationError: (
        "the database refuses this user",
        "check the address of the store",
    ),
    asyncpg.InvalidCatalogNameError: ("there is no such database", "create it, or check the address of the store"),
    asyncpg.UndefinedTableError: (
        "the database holds no store",
        "isthmus check says whether it lies in another schema; else restore the last backup, then isthmus restore"
        " begin-epoch; a new home is made by isthmus init",
    ),
    asyncpg.ReadOnlySQLTransactionError: (
        "the database takes no writing",
        "point the address at the primary server; if it is that, turn default_transaction_read_only off",
    ),
}


def reason(error: BaseException) -> tuple[str, str]:
    """Return what went wrong and the next step, for an error of the database, without quoting any value."""
    for kind, text in _REASONS.items():
        if isinstance(error, kind):
            return text
    if isinstance(error, LOST) or (isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in _AWAY):
        return "the database cannot be reached", "see that it runs, and that the address of the store is right"
    return f"the database failed ({type(error).__name__})", "see its log for the cause"


_BEGIN = """
SELECT pg_backend_pid(), (
    SELECT count(set_config(name, '0', false)) FROM pg_settings
    WHERE name IN ('idle_session_timeout', 'transaction_timeout')
)
"""
"""
Asked, and not sent with the address: a server before version 17 has no ``transaction_timeout``, and refuses who names
it.
"""


BEGIN_S = 10.0
"""
How long the first statement of a connection may take, as long as the connection itself: a pool whose database is away
takes connections, and has whoever asks something wait.
"""


async def begin_session(db: Any) -> None:
    """
    Let the server end nothing of ``db`` by a bound of its own, on a whole transaction or on a connection that waits.

    Somebody may have set those for the user or the database. What each kind of connection is bounded by it says itself.

    Raises ``Unavailable`` where ``db`` leads to something that is asked to cancel in the server's place: no session.
    Asked of each connection: a pool may be put before a server over which nodes run. Ends one that is none.
    """
    pid, _ = await db.fetchrow(_BEGIN, timeout=BEGIN_S)
    if pid != db.get_server_pid():
        db.terminate()
        raise Unavailable(*POOLED)


_AWAY = ("08", "57")


def unavailable(error: BaseException) -> Unavailable:
    """Translate an error of the database at the edge."""
    text, hint = reason(error)
    made = Unavailable(text, hint)
    made.__cause__ = error
    return made


def of_unit(error: BaseException) -> Conflict | BrokenUnit | None:
    """Translate an error that is the unit's own doing; ``None`` for one that concerns the whole store."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return Conflict(f"a row with the same key exists ({error.constraint_name})")
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return BrokenUnit(f"a row breaks a rule of the store ({error.constraint_name})")
    if isinstance(error, asyncpg.DataError | UnicodeEncodeError):
        # The message may quote the value, which nobody but the unit may see.
        return BrokenUnit(f"a value cannot be stored ({type(error).__name__})")
    return None
