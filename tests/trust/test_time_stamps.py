"""Time-stamps (RFC 3161) of kept checkpoints, by an authority that is made here with OpenSSL."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.cli.evidence_file import verify_bytes
from gateway.core import checkpoint
from gateway.core.evidence_verifier import Anchors
from gateway.http.listen import listen
from gateway.services.evidence import pack
from gateway.services.ports import Unavailable
from gateway.transport.timestamp import REQUEST_TYPE, RESPONSE_TYPE, HttpTimeStamper, load_roots, verify_token
from tests.support import story
from tests.support.evidence import exported, faults_by_member, members_of
from tests.support.network import Network
from tests.trust.witnesses import ORIGIN, hour

pytest.importorskip("rfc3161_client", reason="time-stamps need the extra 'timestamp'")
if shutil.which("openssl") is None:
    pytest.skip("the authority is made with OpenSSL, which is not here", allow_module_level=True)

CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Time-stamping authority of the tests
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
accuracy = secs:1
"""


@dataclass
class Authority:
    """A time-stamping authority in a folder: its own root, and a signer under it; ``asked`` keeps the requests."""

    folder: Path
    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    status: int = 200
    pieces: int = 1

    def openssl(self, *arguments: str) -> bytes:
        """Run OpenSSL and return what it prints."""
        made = subprocess.run(["openssl", *arguments], capture_output=True, check=True, cwd=self.folder)
        return made.stdout

    def make(self) -> None:
        """Make root and signer."""
        self.folder.mkdir()
        (self.folder / "serial").write_text("01\n")
        (self.folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=self.folder))
        new = ("req", "-config", "tsa.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        root = ("-keyout", "root.key", "-x509", "-days", "30", "-extensions", "root", "-out", "root.pem")
        self.openssl(*new, *root, "-subj", "/CN=Root of the tests")
        self.openssl(*new, "-keyout", "signer.key", "-out", "signer.csr")
        sign = ("x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "30")
        self.openssl(*sign, "-CAcreateserial", "-extfile", "tsa.cnf", "-extensions", "signer", "-out", "signer.pem")

    def reply(self, request: bytes) -> bytes:
        """Return the response (DER) to a request."""
        (self.folder / "query").write_bytes(request)
        self.openssl("ts", "-reply", "-config", "tsa.cnf", "-section", "one", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer over HTTP."""
        assert REQUEST_TYPE == request.headers["Content-Type"]
        self.asked.append(await request.read())
        if self.status != 200:
            return web.Response(status=self.status)
        raw = self.reply(self.asked[-1])
        response = web.StreamResponse(headers={"Content-Type": RESPONSE_TYPE})
        response.content_length = len(raw)
        await response.prepare(request)
        size = -(-len(raw) // self.pieces)
        for start in range(0, len(raw), size):
            await response.write(raw[start : start + size])
            await asyncio.sleep(0.1 if self.pieces > 1 else 0)
        return response


@pytest_asyncio.fixture
async def authority(tmp_path: Path) -> AsyncIterator[Authority]:
    """An authority that answers on loopback."""
    made = Authority(tmp_path / "tsa")
    made.make()
    app = web.Application()
    app.router.add_post("/", made.serve)
    door = await listen(app, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{door.addresses[0][1]}/"
    yield made
    await door.cleanup()


def stamping(network: Network, authority: Authority) -> None:
    """Let XAA have its checkpoints stamped, as 'transparency.timestamp' does."""
    network.gateways["XAA"].checkpoints._stamper = HttpTimeStamper(authority.url, authority.folder / "root.pem")


async def test_token_verifies_here_and_with_openssl(authority: Authority) -> None:
    """A token is over the very bytes, by the authority; OpenSSL says so too."""
    raw = await HttpTimeStamper(authority.url, authority.folder / "root.pem").stamp(b"one tree\n")
    assert verify_token(raw, b"one tree\n", load_roots(authority.folder / "root.pem"))
    (authority.folder / "token").write_bytes(raw)
    (authority.folder / "data").write_bytes(b"one tree\n")
    check = ("ts", "-verify", "-in", "token", "-CAfile", "root.pem", "-data")
    authority.openssl(*check, "data")
    with pytest.raises(subprocess.CalledProcessError):
        authority.openssl(*check, "token")


async def test_token_in_several_pieces_is_read_whole(authority: Authority) -> None:
    """A token with its certificates fills more than one segment of a line; all of them are waited for."""
    authority.pieces = 3
    raw = await HttpTimeStamper(authority.url, authority.folder / "root.pem").stamp(b"one tree\n")
    assert verify_token(raw, b"one tree\n", load_roots(authority.folder / "root.pem"))


async def test_token_of_another_text_or_authority(authority: Authority, tmp_path: Path) -> None:
    """A token over other bytes, changed, or by somebody else is none."""
    raw = await HttpTimeStamper(authority.url, authority.folder / "root.pem").stamp(b"one tree\n")
    other = Authority(tmp_path / "other")
    other.make()
    for token, message, folder in (
        (raw, b"another tree\n", authority.folder),
        (raw[:-1] + bytes([raw[-1] ^ 1]), b"one tree\n", authority.folder),
        (raw[:-40], b"one tree\n", authority.folder),
        (b"", b"one tree\n", authority.folder),
        (raw, b"one tree\n", other.folder),
    ):
        with pytest.raises(ValueError):  # noqa: PT011  each is refused in words of the library
            verify_token(token, message, load_roots(folder / "root.pem"))
    with pytest.raises(Unavailable, match="does not stand"):
        await HttpTimeStamper(authority.url, other.folder / "root.pem").stamp(b"one tree\n")


async def test_once_a_day_and_no_message_waits(trio: Network, authority: Authority) -> None:
    """The newest kept checkpoint is stamped once a day; an authority that does not answer stops nothing."""
    stamping(trio, authority)
    authority.status = 500
    await story.replied(trio)
    await hour(trio)
    authority.status = 200
    for _ in range(3):
        await story.replied(trio)
        await hour(trio)
    rows = await trio.gateways["XAA"].store.read(lambda tx: tx.kept(ORIGIN))
    assert [False, False, True, False] == [row.token is not None for row in rows]
    assert 2 == len(authority.asked)
    trio.clock.pass_(hours=24)
    await story.replied(trio)
    await hour(trio)
    assert 3 == len(authority.asked)
    trio.clock.pass_(hours=24)
    await hour(trio)
    assert 3 == len(authority.asked), "what is stamped is not stamped again"


async def test_export_carries_it(trio: Network, authority: Authority) -> None:
    """Evidence stands under the checkpoint that was stamped, and the verifier tells when; a changed token is named."""
    stamping(trio, authority)
    ours, _ = await story.replied(trio)
    await hour(trio)
    await story.replied(trio)
    await hour(trio)
    members = members_of(await exported(trio, "XAA", ours))
    (name,) = [name for name in members if name.startswith("stamps/")]
    assert "stamps/XAA.XBB.1.3.tsr" == name
    roots = load_roots(authority.folder / "root.pem")
    anchors = Anchors(check_token=lambda raw, message: verify_token(raw, message, roots))
    report = verify_bytes(pack(members), anchors)
    assert () == report.faults
    (stood,) = report.checkpoints
    assert stood.stamped_at is not None
    assert any("not checked" in note for note in verify_bytes(pack(members)).notes)
    changed = {**members, name: members[name][:-1] + bytes([members[name][-1] ^ 1])}
    assert 2 == len(faults_by_member(verify_bytes(pack(changed), anchors).faults)[name])
    (row,) = [row for row in await trio.gateways["XAA"].store.read(lambda tx: tx.kept(ORIGIN)) if row.token]
    assert members[name] == row.token
    assert verify_token(row.token, checkpoint.parse_note(row.note).text.encode(), roots)
