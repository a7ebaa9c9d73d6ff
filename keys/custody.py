"""
Where private keys and other secrets lie: a key store named by a URI.

    file:/path                       one file, sealed under a passphrase; ?profile=interactive for a cheaper derivation
    env:NAME                         an environment variable, read-only: base64url of {"name": "base64url of a secret"}
    credential:NAME                  a systemd credential, read-only, of the same content

A signing key may lie in a device instead: ``keys.device``.

The file is JSON with the parameters in clear and everything else under XChaCha20-Poly1305, its key derived from the
passphrase by Argon2id (RFC 9106). The parameters are authenticated. A change is written to a new file, flushed to disk
and renamed over the old one, so that a crash leaves the one or the other. Destroying a secret rewrites the file; older
copies, in a backup or on a worn flash cell, still open with the passphrase of their time.
"""

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from nacl import pwhash
from nacl.utils import random

from keys import b64
from keys.durable_file import Unconfirmed, drop_unfinished, write_durably
from keys.errors import BadRest, BadStore, NoSuchKey, StoreError, WrongPassphrase
from keys.folder_lock import alone_in
from keys.rest import KEY_BYTES, open_bytes, seal_bytes
from schemas import ijson

Passphrase = Callable[[], str]

FILE_MAX_BYTES = 1 << 20
"""A store holds some tens of keys of 32 bytes; a larger file is something else."""

SALT_BYTES = 16

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Variable in which systemd names the directory of a unit's credentials."""

_MODE = 0o600
CREDENTIAL_MODE = 0o640
"""
What the mode of a credential may show. systemd lets the unit's user read it by an access list, whose mask shows there
as rights of the group, or makes it that user's own where no list can be (systemd.exec, Credentials; 0440 by 257).
"""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\Z")
_PRIVATE_HINT = "chmod 600 the file, and ask who could have read it"


@dataclass(frozen=True, slots=True)
class Profile:
    """The cost of one guess at a passphrase: passes over the memory, and bytes of memory."""

    passes: int
    memory_bytes: int


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "moderate": Profile(pwhash.argon2id.OPSLIMIT_MODERATE, pwhash.argon2id.MEMLIMIT_MODERATE),
        # For tests and demonstrations, and a machine with little memory.
        "interactive": Profile(pwhash.argon2id.OPSLIMIT_INTERACTIVE, pwhash.argon2id.MEMLIMIT_INTERACTIVE),
    }
)
"""The limits of Argon2id by name. A file with others is refused: neither weaker ones nor a flood of memory."""


class KeyStore(Protocol):
    """A place for secrets, each under a name of letters, digits, dot, dash and underscore."""

    def get(self, name: str) -> bytes:
        """Return the secret ``name``. Raises ``NoSuchKey``, ``WrongPassphrase``, ``BadStore``."""
        ...

    def put(self, name: str, secret: bytes) -> None:
        """Keep ``secret`` under a new name. Raises ``BadStore``, also if the name is taken."""
        ...

    def names(self) -> tuple[str, ...]:
        """Return the names of what is kept, sorted."""
        ...

    def replace(self, name: str, by: str) -> None:
        """
        Let the secret ``by`` be ``name`` from now on, in one step; what had that name is destroyed.

        Raises ``NoSuchKey``, and ``BadStore`` if the store cannot be changed.
        """
        ...

    def destroy(self, name: str, *, at_once: bool = False) -> None:
        """
        Remove the secret ``name`` for good, ``at_once`` or not now: without waiting for another process.

        Raises ``NoSuchKey``, and ``BadStore`` if the store cannot be changed.
        """
        ...

    def check_changeable(self) -> None:
        """Raise ``BadStore`` if the store is only read from here, before anything is done that needs it changed."""
        ...


def open_store(uri: str, *, passphrase: Passphrase | None = None, environ: Mapping[str, str]) -> KeyStore:
    """
    Return the key store that ``uri`` names.

    Args:
        uri: ``file:/path``, ``env:NAME`` or ``credential:NAME``.
        passphrase: called at most once, when the store is first read or written.
        environ: the environment, for ``env:`` and for where systemd puts credentials.

    Raises ``BadStore`` for a scheme that is not known or an address that cannot be right.
    """
    scheme, _, rest = uri.partition(":")
    opener = _SCHEMES.get(scheme)
    if opener is None:
        raise BadStore(f"no key store of the kind {scheme[:16]!r}", f"known kinds: {', '.join(sorted(_SCHEMES))}")
    return opener(rest, passphrase, environ)


def file_uri(path: Path, profile: str | None = None) -> str:
    """Return the address of the key store in the file ``path``, relative to this folder, whatever its name holds."""
    return f"file:{quote(os.fsencode(path.absolute()))}" + (f"?profile={profile}" if profile else "")


# Encrypted file


@dataclass(frozen=True, slots=True)
class _Header:
    """What the file says in clear."""

    profile: str
    salt: bytes

    def claims(self) -> dict[str, object]:
        cost = PROFILES[self.profile]
        return {
            "v": 1,
            "kdf": "argon2id",
            "passes": cost.passes,
            "memory_bytes": cost.memory_bytes,
            "salt": b64.encode(self.salt),
            "aead": "xchacha20poly1305",
        }

    def serialize(self) -> bytes:
        """Return the bytes that are authenticated with the content."""
        return ijson.dumps(self.claims())


@dataclass(slots=True)
class FileStore:
    """A key store in one file of mode 0600. The derived key is kept in memory, the secrets are read each time."""

    path: Path
    profile: str
    ask: Passphrase | None = field(repr=False)
    _passphrase: str | None = field(default=None, repr=False)
    _derived: tuple[_Header, bytes] | None = field(default=None, repr=False)

    def get(self, name: str) -> bytes:
        """Return the secret ``name``. Raises ``NoSuchKey``, ``WrongPassphrase``, ``BadStore``."""
        return _get(self._read()[1], name)

    def names(self) -> tuple[str, ...]:
        """Return the names of what is kept, sorted; none before the first ``put``."""
        return tuple(sorted(self._read()[1]))

    def put(self, name: str, secret: bytes) -> None:
        """
        Keep ``secret`` under a new name, making the file if there is none.

        A name in use is refused: a key written over cannot be had back. Raises ``BadStore``, ``WrongPassphrase``.
        """
        _check_name(name)
        self._phrase()  # before the lock: whoever types it keeps nobody else waiting, a gateway beside it least of all
        with self._locked():
            header, secrets = self._read()
            if name in secrets:
                raise BadStore(f"the key store already holds {name!r}", "take another name, or destroy the old key")
            self._write(header, {**secrets, name: secret})

    def replace(self, name: str, by: str) -> None:
        """Write the file anew with the secret ``by`` as ``name``. Raises as ``destroy`` does."""
        if name == by:
            raise BadStore("a key does not take its own place", "it would be destroyed; name another")
        self.get(by)  # as ``put``: before the lock
        with self._locked():
            header, secrets = self._read()
            made = {**secrets, name: _get(secrets, by)}
            self._write(header, {kept: secret for kept, secret in made.items() if kept != by})

    def destroy(self, name: str, *, at_once: bool = False) -> None:
        """Write the file anew without the secret ``name``. Raises ``NoSuchKey``, ``WrongPassphrase``, ``BadStore``."""
        self.get(name)  # as ``put``: before the lock
        with self._locked(wait=not at_once):
            header, secrets = self._read()
            _get(secrets, name)
            self._write(header, {kept: secret for kept, secret in secrets.items() if kept != name})

    def check_changeable(self) -> None:
        """Do nothing: a file can be changed."""

    def change_passphrase(self, ask: Passphrase) -> None:
        """
        Write the file anew so that it opens with what ``ask`` returns. Copies made before open with the old one.

        Raises ``BadStore``, also if there is no file; ``WrongPassphrase``.
        """
        with self._locked():
            if self._load() is None:
                raise BadStore("there is no key store at that path", "check the path")
            header, secrets = self._read()
            self.ask, self._passphrase, self._derived = ask, None, None
            self._write(_Header(header.profile, random(SALT_BYTES)), secrets)

    def _key(self, header: _Header) -> bytes:
        if self._derived is None or self._derived[0] != header:
            cost = PROFILES[header.profile]
            self._derived = (
                header,
                pwhash.argon2id.kdf(
                    KEY_BYTES, self._phrase().encode("utf-8"), header.salt, cost.passes, cost.memory_bytes
                ),
            )
        return self._derived[1]

    def _phrase(self) -> str:
        if self._passphrase is None:
            # One text for each passphrase, however the keyboard composes its accents.
            phrase = unicodedata.normalize("NFC", self.ask()) if self.ask else ""
            if not phrase:
                raise BadStore("the key store needs a passphrase", "name a passphrase file, or type it when asked")
            self._passphrase = phrase
        return self._passphrase

    def _read(self) -> tuple[_Header, dict[str, bytes]]:
        raw = self._load()
        if raw is None:
            return _Header(self.profile, random(SALT_BYTES)), {}
        try:
            header, sealed = _parse_file(raw)
        except BadStore as error:
            raise BadStore(f"{self.path}: {error}", error.hint) from None
        try:
            content = open_bytes(self._key(header), header.serialize(), sealed)
        except BadRest:
            self._passphrase = self._derived = None  # another try asks again
            raise WrongPassphrase(
                f"the passphrase does not open the key store {self.path}, or the file was changed",
                "try again; if the passphrase is right, put the file back from its copy",
            ) from None
        return header, _parse_secrets(content)

    def _load(self) -> bytes | None:
        try:
            with open(self.path, "rb", opener=_without_waiting) as file:
                _check_private(self.path, os.fstat(file.fileno()))
                return file.read(FILE_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cannot("read", error) from error

    def _write(self, header: _Header, secrets: Mapping[str, bytes]) -> None:
        content = ijson.dumps({name: b64.encode(secrets[name]) for name in sorted(secrets)})
        sealed = seal_bytes(self._key(header), header.serialize(), content)
        raw = ijson.dumps({**header.claims(), "sealed": b64.encode(sealed)}) + b"\n"
        if len(raw) > FILE_MAX_BYTES:
            raise BadStore("the key store would be too large", "it is for keys, some tens of bytes each")
        try:
            drop_unfinished(self.path)  # a key that it holds would outlive its end
            # Whoever opens the store must still be able to when root has changed it.
            write_durably(self.path, raw, mode=_MODE, keep_owner=True)
        except Unconfirmed as error:
            text = "the key store was changed, and the disk does not confirm that it keeps that"
            raise BadStore(text, "see what is wrong with the disk; a power cut may undo it") from error
        except OSError as error:
            raise _cannot("write", error) from error

    @contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[None]:
        """Keep other processes from changing the store between our reading and writing it. Raises ``BadStore``."""
        with ExitStack() as stack:
            try:
                stack.enter_context(alone_in(self.path.parent, wait=wait))
            except BlockingIOError as error:
                raise BadStore("another process is changing the key store", "try again once it is done") from error
            except OSError as error:
                raise _cannot("reach the folder of", error) from error
            yield


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe; ``_check_private`` then refuses the pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BadStore(f"the key store {path} is not a regular file", "name a file of its own")
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~_MODE:
        raise BadStore(f"the key store {path} has mode {mode:04o}: others may use it", _PRIVATE_HINT)


def _cannot(do: str, error: OSError) -> BadStore:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "free space, but not in the data directory; then try again" if full else "check path and owner"
    place = f"{error.filename}: " if error.filename else ""
    return BadStore(f"cannot {do} the key store: {place}{error.strerror}", hint)


def _parse_file(raw: bytes) -> tuple[_Header, bytes]:
    """Return header and sealed content. Raises ``BadStore`` for what is not exactly what ``_write`` writes."""
    try:
        if len(raw) > FILE_MAX_BYTES:
            raise ValueError("too large")
        claims = ijson.loads(raw)
        sealed = b64.decode(claims.pop("sealed"))
        cost = Profile(claims["passes"], claims["memory_bytes"])
        profile = next(name for name, known in PROFILES.items() if known == cost)
        header = _Header(profile, b64.decode(claims["salt"]))
        if claims != header.claims() or len(header.salt) != SALT_BYTES:
            raise ValueError("unknown parameters")
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        raise BadStore("the key store is cut short, or is no key store", "put the file back from its copy") from None
    return header, sealed


def _open_file(rest: str, passphrase: Passphrase | None, _: Mapping[str, str]) -> FileStore:
    try:
        parts = urlsplit(f"file:{rest}")
    except ValueError:  # where a host would stand, and a bracket is not closed
        parts = urlsplit("file:")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    profile = options.pop("profile", "moderate")
    path = unquote(parts.path, errors="surrogateescape")
    if parts.netloc or not parts.path.startswith("/") or "\0" in path or parts.fragment or options:
        raise BadStore("not the address of a key store", "write file:/absolute/path")
    if profile not in PROFILES:
        raise BadStore(f"no profile {profile[:16]!r}", f"known profiles: {', '.join(PROFILES)}")
    return FileStore(Path(path), profile, passphrase)


# Given whole: an environment variable, or a credential of systemd


@dataclass(frozen=True, slots=True)
class GivenStore:
    """A key store that is given whole by whatever started this process and cannot be changed from within."""

    place: str
    _secrets: Mapping[str, bytes] = field(repr=False)

    def get(self, name: str) -> bytes:
        """Return the secret ``name``. Raises ``NoSuchKey``."""
        return _get(self._secrets, name)

    def names(self) -> tuple[str, ...]:
        """Return the names of what is kept, sorted."""
        return tuple(sorted(self._secrets))

    def put(self, name: str, secret: bytes) -> None:
        """Raise ``BadStore``: the store is read-only."""
        raise self._read_only()

    def replace(self, name: str, by: str) -> None:
        """Raise ``BadStore``: the store is read-only."""
        raise self._read_only()

    def destroy(self, name: str, *, at_once: bool = False) -> None:
        """Raise ``BadStore``: the store is read-only."""
        raise self._read_only()

    def _read_only(self) -> StoreError:
        hint = (
            "name the file that it was made from in 'custody', repeat this, then isthmus keys export, and set that here"
        )
        return BadStore(f"a key store in {self.place} is read-only", hint)

    def check_changeable(self) -> None:
        """Raise ``BadStore``: the store is read-only."""
        raise self._read_only()


def _open_environment(rest: str, _: Passphrase | None, environ: Mapping[str, str]) -> GivenStore:
    return _given("the environment", _variable(rest, environ))


def _open_credential(rest: str, _: Passphrase | None, environ: Mapping[str, str]) -> GivenStore:
    return _given("a credential", _credential(rest, environ))


def exported(store: KeyStore) -> str:
    """Return what ``env:`` and ``credential:`` take, with every secret of ``store``. Raises as ``KeyStore.get``."""
    return b64.encode(ijson.dumps({name: b64.encode(store.get(name)) for name in store.names()}))


def _given(place: str, text: str) -> GivenStore:
    try:
        content = b64.decode(text.strip())
    except ValueError:
        raise BadStore(f"the key store in {place} is not base64url without padding", "set it anew") from None
    return GivenStore(place, MappingProxyType(_parse_secrets(content)))


def read_secret(uri: str, environ: Mapping[str, str]) -> str:
    """
    Return the text of one secret: ``file:/path`` (its owner's alone), ``env:NAME`` or ``credential:NAME``.

    Raises ``BadStore``.
    """
    scheme, _, rest = uri.partition(":")
    match scheme:
        case "file":
            return _private_text(Path(rest))
        case "env":
            return _variable(rest, environ)
        case "credential":
            return _credential(rest, environ)
    raise BadStore(f"no secret of the kind {scheme[:16]!r}", "file:/path, env:NAME or credential:NAME")


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise BadStore(f"the environment has no variable {name[:64]!r}", "set it, or name another key store")
    return environ[name]


def _credential(name: str, environ: Mapping[str, str]) -> str:
    """Return a credential that systemd put into a directory for this process alone (systemd.exec, Credentials)."""
    folder = environ.get(CREDENTIALS)
    if not folder:
        hint = "add LoadCredentialEncrypted= to the unit; for one command: systemd-run with -p LoadCredentialEncrypted="
        raise BadStore("systemd gave no credentials", hint)
    if not _NAME.match(name):
        raise BadStore("not a name for a credential", "up to 64 letters, digits, dots, dashes and underscores")
    return _private_text(Path(folder) / name, CREDENTIAL_MODE)


def _private_text(path: Path, allowed: int = _MODE) -> str:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            raw = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise BadStore(f"a secret cannot be read: {error.strerror}", "check path and owner") from error
    if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) & ~allowed or len(raw) > FILE_MAX_BYTES:
        raise BadStore("a secret is not a file of its owner alone", _PRIVATE_HINT)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadStore("a secret is not text", "set it anew") from None


# All


def _parse_secrets(content: bytes) -> dict[str, bytes]:
    try:
        return {name: b64.decode(text) for name, text in ijson.loads(content).items()}
    except (ValueError, TypeError, AttributeError):
        raise BadStore("the content of the key store is damaged", "restore it from a backup") from None


def _get(secrets: Mapping[str, bytes], name: str) -> bytes:
    try:
        return secrets[name]
    except KeyError:
        raise NoSuchKey(f"the key store holds no {name[:64]!r}", "list what it holds with: isthmus keys show") from None


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise BadStore("not a name for a key", "up to 64 letters, digits, dots, dashes and underscores")


_SCHEMES: Mapping[str, Callable[[str, Passphrase | None, Mapping[str, str]], KeyStore]] = MappingProxyType(
    {"credential": _open_credential, "env": _open_environment, "file": _open_file}
)
