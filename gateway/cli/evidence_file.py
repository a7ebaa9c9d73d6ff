"""
Reading a file of evidence, from whoever sent it.

Rule 1: a file is bounded before it is opened: its size, its directory, the number of members, what they unpack to.
Rule 2: nothing is written to disk, so no name can lead anywhere; a name that could is refused all the same.
Rule 3: the file holds its members and nothing else: no comment, nothing before or after it, no member twice.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

from gateway.core import evidence as core
from gateway.core import evidence_verifier
from gateway.core.evidence_report import Fault, Report
from gateway.core.evidence_verifier import Anchors

FILE_MAX_BYTES = 64 << 20
"""The largest file read: sixteen of the largest messages there are; a case without content has a hundredth."""

MEMBERS_MAX = 4096
MEMBER_MAX_BYTES = 8 << 20
"""The largest message is 4 MiB."""

TOTAL_MAX_BYTES = 128 << 20
DIRECTORY_MAX_BYTES = MEMBERS_MAX * 256

_END = struct.Struct("<4s4H2LH")
"""The end of central directory record (APPNOTE.TXT 4.3.16), here without a comment."""

_LOCATOR_BYTES = 20

_FOLDERS = frozenset({"cards/", "receipts/", "log/", "content/", "trust/", "stamps/"})
"""Entries that some archivers make for directories; they hold nothing and are passed over."""


def verify_file(path: Path, anchors: Anchors | None = None) -> Report:
    """
    Verify the evidence in the zip at ``path``, offline, and return every fault by member.

    ``anchors`` is what the verifier brings along (``gateway.core.evidence_verifier.Anchors``).

    Raises ``OSError`` if the file cannot be read; whatever is wrong with its content is in the report.
    """
    with path.open("rb") as file:
        raw = file.read(FILE_MAX_BYTES + 1)
    return verify_bytes(raw, anchors)


def verify_bytes(raw: bytes, anchors: Anchors | None = None) -> Report:
    """Verify the evidence in a zip in memory; see ``verify_file``."""
    members, faults = unpack(raw)
    report = evidence_verifier.verify(members, anchors)
    # A member that could not be read is missing to the verifier; why it could not is the better reason.
    named = {fault.member for fault in faults}
    whole = bool(faults) and not members
    rest = () if whole else (fault for fault in report.faults if fault.member not in named)
    return report.with_faults((*faults, *rest))


def unpack(raw: bytes) -> tuple[dict[str, bytes], list[Fault]]:
    """Return the members of a zip that could be read, and what is wrong with it and with those that could not."""
    reason = _outline_fault(raw)
    if reason is not None:
        return {}, [Fault("", reason)]
    members: dict[str, bytes] = {}
    faults: list[Fault] = []
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        return {}, [Fault("", f"not a zip that can be read: {error}")]
    with archive:
        if len(archive.infolist()) != _END.unpack(raw[-_END.size :])[4]:
            return {}, [Fault("", "more or fewer members than the zip says")]
        room, seen = TOTAL_MAX_BYTES, set[str]()
        for info in archive.infolist():
            if info.orig_filename in _FOLDERS and info.file_size == 0:
                continue
            name = _shown(info.orig_filename)
            fault = _entry_fault(info, seen)
            seen.add(info.orig_filename)
            if fault is None:
                content, fault = _read(archive, info, min(room, MEMBER_MAX_BYTES))
                room -= len(content)
                members[info.orig_filename] = content
            if fault is not None:
                faults.append(Fault(name, fault))
                members.pop(info.orig_filename, None)
    return members, faults


def _outline_fault(raw: bytes) -> str | None:
    """Return why the file as a whole is not taken, or ``None``; read from its last 22 bytes, before anything else."""
    if len(raw) > FILE_MAX_BYTES:
        return f"more than {FILE_MAX_BYTES} bytes"
    if len(raw) < _END.size:
        return "not a zip"
    magic, disk, first_disk, here, count, size, offset, comment = _END.unpack(raw[-_END.size :])
    if magic != b"PK\x05\x06" or comment or disk or first_disk or here != count:
        return "not a zip, or one with a comment or in parts"
    if count > MEMBERS_MAX or size > DIRECTORY_MAX_BYTES:
        return f"more than {MEMBERS_MAX} members"
    if offset + size + _END.size != len(raw):
        return "bytes before or after the zip"
    if raw[-_END.size - _LOCATOR_BYTES :].startswith(b"PK\x06\x07"):
        return "a zip of the 64-bit kind"  # its directory may be of any size, whatever the record above says
    return None


def _entry_fault(info: zipfile.ZipInfo, seen: Collection[str]) -> str | None:
    """Return why a member is not even read, or ``None``."""
    if not core.known_name(info.orig_filename):
        return "not a name that a member may have"
    if info.orig_filename in seen:
        return "stands twice"
    if info.comment:
        return "with a comment"
    if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "encrypted, or compressed in another way than deflate"
    if info.file_size > MEMBER_MAX_BYTES:
        return f"more than {MEMBER_MAX_BYTES} bytes"
    return None


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> tuple[bytes, str | None]:
    """Return the content of a member, at most ``limit`` bytes of it, and why it does not stand, if so."""
    try:
        with archive.open(info) as stream:
            content = stream.read(min(limit, info.file_size) + 1)  # asks the decompressor for no more than declared
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, struct.error, OSError):
        return b"", "cannot be unpacked, or has another checksum"
    if len(content) > limit:
        return b"", "unpacks to more than is read"
    return content, None


def _shown(name: str) -> str:
    """Return a name as it may be shown: short, and without control or direction characters."""
    return "".join(sign if sign.isprintable() else "?" for sign in name[:120])
