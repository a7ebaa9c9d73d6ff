"""Reading a zip from a stranger: bounds, names, duplicates, checksums; nothing is written and nothing explodes."""

import io
import struct
import tracemalloc
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli import evidence_file as evidence
from gateway.cli.evidence_file import unpack, verify_bytes, verify_file
from gateway.core.evidence import table
from gateway.core.evidence_manifest import Manifest, build
from gateway.services.evidence import pack
from keys import b64
from keys.sign import SigningKey
from tests.cli.support import call
from tests.support.evidence import faults_by_member
from tests.support.trust_list import first_card, now

ABOUT = Manifest("c", "XAA", "XBB", "asking", "t", now(), now(), content=False, erased=False, members={})

MEMBERS = {"README.txt": b"read me", "events.json": b'{"events":[]}'}


def zipped(entries: list[tuple[str, bytes]], kind: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """Return a zip of ``entries`` in their order, whatever their names."""
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", kind) as archive:
        warnings.simplefilter("ignore")  # the library warns of a name that stands twice
        for name, content in entries:
            archive.writestr(name, content)
        archive.comment = comment
    return made.getvalue()


def faults(raw: bytes) -> dict[str, list[str]]:
    return faults_by_member(unpack(raw)[1])


def test_what_is_packed_is_unpacked() -> None:
    """Members come out as they went in."""
    assert (MEMBERS, []) == unpack(pack(MEMBERS))


def test_packing_is_repeatable() -> None:
    """The same members give the same bytes in whatever order they are given."""
    assert pack(MEMBERS) == pack(dict(reversed(MEMBERS.items())))


def test_unpacked_members_can_be_read_by_an_archiver() -> None:
    """An expert can unpack the file with any tool, and may read what comes out."""
    with zipfile.ZipFile(io.BytesIO(pack(MEMBERS))) as archive:
        assert {0o644} == {info.external_attr >> 16 for info in archive.infolist()}


def test_folders_some_archivers_add_are_passed_over() -> None:
    """A zip rebuilt by another archiver may name its folders."""
    raw = zipped([("cards/", b""), ("log/", b""), *MEMBERS.items()])
    assert (MEMBERS, []) == unpack(raw)


@pytest.mark.parametrize(
    "name",
    [
        "../README.txt",
        "/etc/passwd",
        "C:\\README.txt",
        "cards/../README.txt",
        "cards\\XAA-1.jws",
        "receipts/x.jws",
        "log/",
        "notes.txt",
        "README.txt/",
        "a\u202eb.json",
    ],
)
def test_strange_name_is_refused(name: str) -> None:
    """A name that no member has, above all one that leads elsewhere, is a fault and is not read."""
    members, found = unpack(zipped([(name, b"x"), *MEMBERS.items()]))
    assert (MEMBERS, 1) == (members, len(found))
    assert all(sign.isprintable() for sign in found[0].member)


def test_name_with_a_null_is_refused() -> None:
    """A name that reads differently up to a null byte is not the name before it."""
    raw = zipped([("README.txtX", b"x")]).replace(b"README.txtX", b"README.txt\0")
    assert {} == unpack(raw)[0]


def test_member_that_stands_twice_is_refused() -> None:
    """Of two members with one name none is taken."""
    members, found = unpack(zipped([*MEMBERS.items(), ("README.txt", b"other")]))
    assert ({"events.json"}, "README.txt") == (set(members), found[0].member)


def test_member_with_a_comment_is_refused() -> None:
    """A zip has no place for words that nobody signed."""
    made, entry = io.BytesIO(), zipfile.ZipInfo("README.txt")
    entry.comment = b"a note"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(entry, b"read me")
    assert {"README.txt": ["with a comment"]} == faults(made.getvalue())


def test_bomb_is_not_unpacked() -> None:
    """A member that unpacks to more than is read costs no more than the bound, and is named."""
    raw = zipped([("README.txt", bytes(evidence.MEMBER_MAX_BYTES + 1))])
    assert "README.txt" in faults(raw)


def test_bomb_that_lies_about_its_size() -> None:
    """A member that says it is small and unpacks to more is stopped."""
    size = 4 << 20
    raw = zipped([("README.txt", bytes(size))]).replace(struct.pack("<L", size), struct.pack("<L", 9))
    tracemalloc.start()
    found = faults(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "README.txt" in found
    assert peak < size


def test_many_members_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What all members unpack to is bounded, not only each."""
    monkeypatch.setattr(evidence, "TOTAL_MAX_BYTES", 1000)
    names = [f"cards/XAA-{number}.jws" for number in range(1, 5)]
    found = faults(zipped([(name, bytes(400)) for name in names]))
    assert set(names[2:]) == set(found)


def test_too_many_members() -> None:
    """More members than any case has are not even listed."""
    raw = zipped([(f"cards/XAA-{number}.jws", b"") for number in range(1, evidence.MEMBERS_MAX + 2)])
    assert {""} == set(faults(raw))


def test_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file above the bound is not looked into."""
    monkeypatch.setattr(evidence, "FILE_MAX_BYTES", 100)
    path = tmp_path / "large.zip"
    path.write_bytes(pack(MEMBERS))
    assert [""] == [fault.member for fault in verify_file(path).faults]


def test_wrong_checksum_names_the_member() -> None:
    """A byte changed in a zip that was not rebuilt is named by its checksum."""
    raw = zipped(list(MEMBERS.items()), zipfile.ZIP_STORED).replace(b"read me", b"read us")
    assert {"README.txt"} == set(faults(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"PK",
        bytes(100),
        pack(MEMBERS) + b"x",
        b"x" + pack(MEMBERS),
        zipped(list(MEMBERS.items()), comment=b"a comment"),
        pack(MEMBERS)[:-22] + b"PK\x06\x07" + bytes(16) + pack(MEMBERS)[-22:],
        pack(MEMBERS)[100:],
    ],
)
def test_file_that_is_no_plain_zip(raw: bytes) -> None:
    """What is not a zip and nothing else gives one fault of the file as a whole."""
    report = verify_bytes(raw)
    assert [""] == [fault.member for fault in report.faults]


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(kind: int) -> None:
    """Only deflate is unpacked."""
    assert set(MEMBERS) == set(faults(zipped(list(MEMBERS.items()), kind)))


def test_every_byte_of_a_zip_may_be_anything() -> None:
    """Changing any byte of the zip itself raises nothing, and leaves no other content than before."""
    raw = pack(MEMBERS)
    for at in range(len(raw)):
        members, found = unpack(raw[:at] + bytes([raw[at] ^ 0x55]) + raw[at + 1 :])
        assert found or members == MEMBERS
        assert members.items() <= MEMBERS.items()


def test_reason_of_an_unreadable_member_stands_alone() -> None:
    """A member that cannot be unpacked is not reported as missing too."""
    raw = zipped(list(MEMBERS.items()), zipfile.ZIP_STORED).replace(b"read me", b"read us")
    (reason,) = faults_by_member(verify_bytes(raw).faults)["README.txt"]
    assert "checksum" in reason


def test_whose_keys_they_are_is_printed(tmp_path: Path) -> None:
    """Who has no root compares the fingerprint of each identity key: it is told, and whether somebody compared it."""
    card, path = first_card("XBB", SigningKey.generate(), now()), tmp_path / "case.zip"
    path.write_bytes(pack({"cards/XBB-1.jws": card.raw}))
    assert f"XBB: {card.fingerprint} (compared by nobody" in call("evidence", "verify", path).stdout
    key = f"XBB={b64.encode(card.identity)}"
    assert f"XBB: {card.fingerprint} (compared)" in call("evidence", "verify", path, "--identity", key).stdout


def test_note_tells_a_terminal_nothing(tmp_path: Path) -> None:
    """What a file says in its own words stands on the line of its case or note, and moves no cursor."""
    row = {"what": "x\n\x1b[1Aidentity of XBB: (compared)\u202e", "digest": None, "reason": "r"}
    path = tmp_path / "case.zip"
    manifest = build(replace(ABOUT, case="c\n\x1b[1A"), {"gone.json": table("gone.json", [row])}, SigningKey.generate())
    path.write_bytes(pack(manifest))
    out = call("evidence", "verify", path).stdout
    assert "note: gone: x??[1Aidentity of XBB: (compared)?\n" in out
    assert "case c??[1A of XAA with XBB, exported at " in out


@pytest.mark.parametrize("slip", ["xbb={}", "XB={}", "{}", "XBB=", "XBB=AAAA"])
def test_identity_that_would_compare_nothing_is_refused(tmp_path: Path, slip: str) -> None:
    """A slip in the State or in the key is wrong usage, and no file that verifies."""
    path = tmp_path / "case.zip"
    path.write_bytes(pack(MEMBERS))
    key = b64.encode(SigningKey.generate().public)
    assert 2 == call("evidence", "verify", path, "--identity", slip.format(key)).exit_code


def test_no_more_of_an_anchor_is_read_than_one_can_hold(tmp_path: Path) -> None:
    """A wrong file, or a device without an end, is refused: it was read into memory until there was none."""
    path, huge = tmp_path / "evidence.zip", tmp_path / "huge"
    path.write_bytes(b"")
    with huge.open("wb") as file:
        file.truncate(8 << 20)
    for option, exit in (("--root", 2), ("--tsa", 75)):
        tracemalloc.start()
        result = call("evidence", "verify", path, option, huge)
        read = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (exit, True, True) == (result.exit_code, str(huge) in result.stderr, read < (8 << 20))


def test_certificates_that_are_not_there_are_wrong_usage(tmp_path: Path) -> None:
    """A slip in a path is told as one, by the option: nothing is away for a while, and no configuration names it."""
    path, missing = tmp_path / "evidence.zip", tmp_path / "missing.pem"
    path.write_bytes(pack(MEMBERS))
    result = call("evidence", "verify", path, "--tsa", missing)
    assert (2, True, True) == (result.exit_code, "--tsa" in result.stderr, str(missing) in result.stderr)
