"""
A trust list as files: what is published, what waits for signatures, and how the one becomes the other.

    metadata/   what is published, one file for each version; timestamp.json alone is replaced
    targets/    cards and policies, each under its digest
    drafts/     what waits for signatures, with the files it names; never published

``metadata`` and ``targets`` are all that readers need, from any web server or a stick. The whole folder is carried to
the machine where a key is; what is signed there comes back in ``drafts``.

Rule 1: a draft is published once it meets every rule that it must meet, and readers can go on from what they hold.
Rule 2: files are added and never changed, and ``timestamp.json`` comes last: a reader sees the old list or the new one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from gateway.transport.trust_list import METADATA, TARGETS
from keys import trust_list
from keys.durable_file import make_folder, write_durably
from keys.folder_lock import alone_in
from keys.sign import Signer
from keys.trust_list import Standing
from keys.trust_policy import POLICIES, BadList, cards_path, policy_path

DRAFTS = "drafts"

SNAPSHOT_SPARE = timedelta(days=3)
"""How long before its end a snapshot is made anew: a long weekend."""

ROLE = re.compile(r"root|targets|[A-Z]{3}")
_PART_MAX_BYTES = 5_000_000
_FILE = re.compile(r"([1-9][0-9]{0,8})\.([A-Za-z]+)\.json")

T = TypeVar("T", Root, Targets, Snapshot, Timestamp)


class Unready(BadList):
    """Say what the list as a whole waits for before any of it can be published."""


class WrongPlace(BadList):
    """Say why this list is not to be published where it should be; ``hint`` is the next step."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication made of the drafts: roles published, those not and why, and what is to be done next."""

    roles: tuple[str, ...]
    waiting: Mapping[str, str]
    notes: tuple[str, ...]
    snapshot: int
    timestamp: int


@dataclass(slots=True)
class _Parts:
    """What will be published: the newest part of each role, and the files to write, in their order."""

    root: Metadata[Root]
    parts: dict[str, Metadata[Targets]]
    raws: dict[str, bytes]
    files: dict[Path, bytes] = field(default_factory=dict)


class Repository:
    """The trust list in one folder."""

    def __init__(self, folder: Path) -> None:
        """Open the list in ``folder``; it need not exist yet."""
        self.folder = folder
        self._metadata = folder / METADATA
        self._drafts = folder / DRAFTS

    # Reading

    def root(self, version: int | None = None) -> Metadata[Root] | None:
        """Return the root published last, or that of ``version``, or ``None``. Raises ``BadList``."""
        return self._find("root", Root, version)

    def targets(self) -> Metadata[Targets] | None:
        """Return the targets published last, or ``None``. Raises ``BadList``."""
        return self._find("targets", Targets)

    def part(self, country: str) -> Metadata[Targets] | None:
        """Return the part of ``country`` published last, or ``None``. Raises ``BadList``."""
        return self._find(country, Targets)

    def snapshot(self) -> Metadata[Snapshot] | None:
        """Return the snapshot published last, or ``None``. Raises ``BadList``."""
        return self._find("snapshot", Snapshot)

    def timestamp(self) -> Metadata[Timestamp] | None:
        """Return the timestamp published last, or ``None``. Raises ``BadList``."""
        path = self._metadata / "timestamp.json"
        return trust_list.parse(_load(path), Timestamp) if path.is_file() else None

    def content(self, targets: Targets, path: str) -> bytes:
        """Return the published file at ``path`` that ``targets`` names. Raises ``BadList`` if it is another one."""
        info = targets.targets[path]
        raw = _load(self.folder / TARGETS / _prefixed(path, info))
        _check_file(path, info, raw)
        return raw

    def draft(self, role: str) -> Metadata[Any] | None:
        """Return what waits for signatures as ``role``, or ``None``. Raises ``BadList``."""
        path = self._drafts / f"{role}.json"
        try:
            return trust_list.parse(_load(path), kind_of(role)) if path.is_file() else None
        except BadList as error:
            raise BadList(f"{path} cannot be read ({error}); bring it again, or make it anew") from error

    def roles_in_draft(self) -> tuple[str, ...]:
        """Return the roles of which something waits: root, targets, then countries."""
        names = [path.stem for path in self._drafts.glob("*.json") if ROLE.fullmatch(path.stem)]
        return tuple(sorted(names, key=lambda name: (name != "root", name != "targets", name)))

    def published(self, role: str) -> Metadata[Any] | None:
        """Return what is published as ``role`` (root, targets or a country), or ``None``. Raises ``BadList``."""
        return self._find(role, kind_of(role))

    def standings(self, role: str, draft: Metadata[Any]) -> tuple[Standing, ...]:
        """Return how far ``draft`` is signed, under root and targets in draft where there are some."""
        root = self.root()
        if role == "root":
            return trust_list.standings(draft, role, root.signed if root else None, None)
        newest, targets = self.draft("root") or root, self.draft("targets") or self.targets()
        return trust_list.standings(draft, role, newest.signed if newest else None, targets.signed if targets else None)

    def _find(self, role: str, kind: type[T], version: int | None = None) -> Metadata[T] | None:
        found = version or max(self._versions(role), default=0)
        path = self._metadata / f"{found}.{role}.json"
        return trust_list.parse(_load(path), kind) if path.is_file() else None

    def _versions(self, role: str) -> Iterator[int]:
        for path in self._metadata.glob(f"*.{role}.json"):
            matched = _FILE.fullmatch(path.name)
            if matched:
                yield int(matched[1])

    # Drafts

    def save_draft(self, role: str, part: Metadata[Any], files: Mapping[str, bytes] | None = None) -> None:
        """Keep ``part`` until it is signed, with the ``files`` that it names anew, by their path in the list."""
        for path, raw in (files or {}).items():
            self._write(self._drafts / TARGETS / _prefixed(path, part.signed.targets[path]), raw)
        self._write(self._drafts / f"{role}.json", trust_list.serialize(part))

    def drop_draft(self, role: str) -> None:
        """Forget what waits as ``role``."""
        (self._drafts / f"{role}.json").unlink(missing_ok=True)

    # Publishing

    def publish(self, online: Signer, now: datetime, *, dry_run: bool = False) -> Published:
        """
        Publish every draft that is signed as it must be, and say with the key ``online`` that this is the newest list.

        Without a draft it says so anew, which is due every hour. Raises ``Unready`` if root or targets are not signed,
        ``BadList``.
        """
        made, waiting, notes = self._gather()
        old = self.snapshot()
        if old is None or self._is_over(made, old, now):
            snapshot = trust_list.new_snapshot(made.raws, now, old.signed if old else None)
            self._sign(snapshot, "snapshot", made.root.signed, online)
            raw = trust_list.serialize(snapshot)
            made.files[self._metadata / f"{snapshot.signed.version}.snapshot.json"] = raw
        else:
            snapshot, raw = old, _load(self._metadata / f"{old.signed.version}.snapshot.json")
        before = self.timestamp()
        timestamp = trust_list.new_timestamp(raw, now, before.signed if before else None)
        self._sign(timestamp, "timestamp", made.root.signed, online)
        made.files[self._metadata / "timestamp.json"] = trust_list.serialize(timestamp)
        roles = tuple(role for role in self.roles_in_draft() if role not in waiting)
        if not dry_run:
            for path, content in made.files.items():
                self._write(path, content)
            for role in roles:
                self.drop_draft(role)
        return Published(roles, waiting, notes, snapshot.signed.version, timestamp.signed.version)

    def _gather(self) -> tuple[_Parts, dict[str, str], tuple[str, ...]]:
        """Return the list as it will be, the drafts that are not part of it and why, and notes."""
        waiting: dict[str, str] = {}
        files: dict[Path, bytes] = {}
        before = self.root()
        root = self._newest("root", before, None, None, waiting, files)
        if root is None:
            raise Unready(f"the root: {waiting.get('root', 'there is none yet: isthmus trust init')}")
        targets = self._newest("targets", self.targets(), root.signed, None, waiting, files)
        unsigned = "the new trustees have not signed the targets: isthmus trust renew, then have them sign"
        if targets and before and root is not before and _missing(targets, "targets", root.signed, None):
            # The list under the root before is renewed meanwhile, or within a day nobody would believe it.
            waiting, root, files = {"root": unsigned}, before, {}
            targets = self._newest("targets", self.targets(), root.signed, None, waiting, files)
        if targets is None:
            raise Unready(f"the targets: {waiting.get('targets', 'there are none yet: isthmus trust init')}")
        if _missing(targets, "targets", root.signed, None):
            raise Unready(unsigned)
        parts, raws, notes = {}, {"targets": trust_list.serialize(targets)}, []
        for country in trust_list.countries(targets.signed):
            part = self._newest(country, self.part(country), None, targets.signed, waiting, files)
            if part is None or _missing(part, country, None, targets.signed):
                notes.append(f"{country} has to sign its cards with its present keys: isthmus trust cards")
            if part is not None:
                parts[country], raws[country] = part, trust_list.serialize(part)
        for role in self.roles_in_draft():
            if role not in ("root", "targets", *trust_list.countries(targets.signed)):
                waiting[role] = "the targets published do not name this State; the trustees have to sign that first"
        return _Parts(root, parts, raws, files), waiting, tuple(notes)

    def _newest(
        self,
        role: str,
        published: Metadata[T] | None,
        root: Root | None,
        targets: Targets | None,
        waiting: dict[str, str],
        files: dict[Path, bytes],
    ) -> Metadata[T] | None:
        """Return the draft of ``role`` if it may be published, else what is published; note what it waits for."""
        try:
            draft = self.draft(role)
            if draft is None or _is_same(draft, published):  # a crash kept it from being forgotten once published
                return published
            reason = self._reason(role, draft, published, root, targets)
            made = {} if reason else self._files_of(role, draft)
        except (BadList, FileNotFoundError) as error:
            # Whoever hands back half a draft holds up nobody but themselves.
            reason = str(error)
        if reason:
            waiting[role] = reason
            return published
        files.update(made)
        return draft

    def _files_of(self, role: str, draft: Metadata[Any]) -> dict[Path, bytes]:
        """Return what to write to publish ``draft``, the files that it names first. Raises ``BadList``, ``OSError``."""
        files = {}
        for path, info in getattr(draft.signed, "targets", {}).items():
            name = _prefixed(path, info)
            if not (self.folder / TARGETS / name).is_file():
                raw = _load(self._drafts / TARGETS / name)
                _check_file(path, info, raw)
                files[self.folder / TARGETS / name] = raw
        files[self._metadata / f"{draft.signed.version}.{role}.json"] = trust_list.serialize(draft)
        return files

    def _reason(
        self,
        role: str,
        draft: Metadata[Any],
        published: Metadata[Any] | None,
        root: Root | None,
        targets: Targets | None,
    ) -> str | None:
        """Return why ``draft`` may not be published yet, or ``None``."""
        expected = 1 if published is None else published.signed.version + 1
        if draft.signed.version != expected:
            return f"it is version {draft.signed.version} where {expected} is due; make it anew"
        before = published.signed if role == "root" and published is not None else root
        if not _own_files(role, draft):
            return "it names a file that is not its own; make it anew"
        missing = _missing(draft, role, before, targets)
        return f"{missing} more signatures are needed" if missing else None

    def _is_over(self, made: _Parts, old: Metadata[Snapshot], now: datetime) -> bool:
        """Return whether another snapshot is due: a part has another version, its time or its key is over."""
        versions = {name: info.version for name, info in old.signed.meta.items()}
        newest = {role: trust_list.parse(raw, Targets).signed.version for role, raw in made.raws.items()}
        if any(versions.get(f"{role}.json") != version for role, version in newest.items()):
            return True
        # A root that names another online key changes no part, and nobody takes a snapshot by the one before.
        return old.signed.expires - now <= SNAPSHOT_SPARE or _missing(old, "snapshot", made.root.signed, None) > 0

    def _sign(self, part: Metadata[Any], role: str, root: Root, online: Signer) -> None:
        trust_list.add_signature(part, online)
        if _missing(part, role, root, None):
            raise BadList(f"the root does not name this key for {role}; take the online key")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from changing or publishing this list meanwhile. Raises ``BadList`` if there is none."""
        if not self.folder.is_dir():
            raise BadList("there is no list here: isthmus trust init")
        with alone_in(self.folder):
            yield

    def check_place(self, place: Path) -> None:
        """
        Raise ``WrongPlace`` if what readers have at ``place`` is newer than this list, or another one.

        What the newest root does not stand for is not newer, whatever its number: the key that signed it was replaced.
        """
        there = Repository(place)
        self._check_roots(there)
        newest, ours, root = _if_readable(there.timestamp), self.timestamp(), self._root_up_to(there)
        if newest is None or root is None or (ours is not None and newest.signed.version <= ours.signed.version):
            return
        if not _missing(newest, "timestamp", root.signed, None):
            hint = (
                "if one of you published it, bring its metadata and targets into this folder; if none did, bring"
                " nothing: the publisher's key is stolen, and trustees name another (isthmus trust trustees --online)"
            )
            raise WrongPlace(f"{place} holds a newer list than this folder", hint)

    def _check_roots(self, there: "Repository") -> None:
        """
        Raise ``WrongPlace`` if ``there`` holds another root than ours of the same number, and trustees signed it.

        A reader who took that one takes neither ours nor any that follows ours.
        """
        before, newest = None, self._newest("root", self.root(), None, None, {}, {})
        for version in range(1, newest.signed.version + 1 if newest else 1):
            drafted = newest is not None and version == newest.signed.version
            mine = newest if drafted else _if_readable(partial(self.root, version))
            other = _if_readable(partial(there.root, version))
            if mine is None or other is None or mine.signed_bytes == other.signed_bytes:
                before = mine or other
                continue
            if version == 1:
                text = f"{there.folder} holds another list than this folder"
                raise WrongPlace(text, "name the place of this one with --to")
            if before is None or not _missing(other, "root", before.signed, None):
                hint = (
                    "readers who took it take no other: bring metadata/*.root.json from there into this folder, keep"
                    f" none of its own from {version} on, and make the change anew"
                )
                raise WrongPlace(f"{there.folder} holds another root {version}, which trustees signed too", hint)
            before = mine

    def _root_up_to(self, there: "Repository") -> Metadata[Root] | None:
        """Return the newest root: of this list, one in draft that is signed as it must be, or what follows there."""
        root = self._newest("root", self.root(), None, None, {}, {})
        while root is not None:
            version = root.signed.version + 1
            after = _if_readable(partial(there.root, version))
            if after is None or _missing(after, "root", root.signed, None):
                break
            root = after
        return root

    def copy_to(self, place: Path) -> int:
        """
        Copy what readers need to ``place``, timestamp last, and return how many files were written there.

        What has a name of ours there and is another file, as somebody else put it, or the disk made it, is replaced.
        """
        count = 0
        ours = [path for part in (TARGETS, METADATA) for path in (self.folder / part).rglob("*") if path.is_file()]
        for path in sorted(ours, key=lambda path: path.name == "timestamp.json"):
            other, raw = place / path.relative_to(self.folder), path.read_bytes()
            if not other.is_file() or other.read_bytes() != raw:
                make_folder(other.parent)
                write_durably(other, raw)
                count += 1
        return count

    def _write(self, path: Path, raw: bytes) -> None:
        make_folder(path.parent)
        write_durably(path, raw)


def _if_readable(read: Callable[[], Metadata[T] | None]) -> Metadata[T] | None:
    """Return what ``read`` does, and ``None`` for a part that nobody can read: it keeps no list from being renewed."""
    try:
        return read()
    except BadList:
        return None


def _is_same(draft: Metadata[Any], published: Metadata[Any] | None) -> bool:
    return published is not None and draft.signed_bytes == published.signed_bytes


def kind_of(role: str) -> Any:
    """Return the kind of part that ``role`` is: root, or targets (those of a country too)."""
    return Root if role == "root" else Targets


def merge(part: Metadata[Any], other: Metadata[Any]) -> int:
    """
    Add to ``part`` the signatures that ``other``, a copy of it, has; return how many were new.

    Raises ``BadList`` if it is not a copy of it.
    """
    if other.signed_bytes != part.signed_bytes:
        raise BadList("that is another draft: what is signed in it differs")
    new = {keyid: made for keyid, made in other.signatures.items() if keyid not in part.signatures}
    part.signatures.update(new)
    return len(new)


def _own_files(role: str, part: Metadata[Any]) -> bool:
    """Tell whether ``part`` names only files that ``role`` may name; a path decides where a file is written."""
    own = {policy_path(name) for name in POLICIES} if role == "targets" else {cards_path(role)}
    return set(getattr(part.signed, "targets", {})) <= own


def _check_file(path: str, info: TargetFile, raw: bytes) -> None:
    try:
        info.verify_length_and_hashes(raw)
    except RepositoryError as error:
        raise BadList(f"{path} is not the file that was signed: {error}") from error


def _missing(part: Metadata[Any], role: str, root: Root | None, targets: Targets | None) -> int:
    return max(standing.missing for standing in trust_list.standings(part, role, root, targets))


def _prefixed(path: str, info: TargetFile) -> str:
    """Return where the file that the list names ``path`` lies. Raises ``BadList`` if it has no SHA-256."""
    if "sha256" not in info.hashes:
        raise BadList(f"{path} is named without its SHA-256; make it anew")
    folder, _, name = path.rpartition("/")
    return f"{folder}/{info.hashes['sha256']}.{name}"


def _load(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(_PART_MAX_BYTES + 1)
    if len(raw) > _PART_MAX_BYTES:
        raise BadList(f"{path.name} is too large for a part of a trust list")
    return raw
