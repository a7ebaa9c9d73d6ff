"""What a stranger's bytes take of the memory before their signature is looked at."""

import asyncio
from pathlib import Path

import pytest

from gateway.core import envelope
from gateway.http.limits import Limits
from tests.exchange.partner import Door, Shot

pytestmark = pytest.mark.asyncio(loop_scope="module")


def peak_mib() -> int:
    """Return the most memory this process had since the peak was last forgotten."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def forget_peak() -> None:
    """Begin to measure the most memory anew, from what the process has now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


async def all_but_the_last(door: Door, shot: Shot) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Post ``shot`` but for its last byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
    head = f"POST {shot.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {envelope.MEDIA_TYPE}\r\n"
    writer.write(f"{head}Content-Length: {len(shot.raw)}\r\n\r\n".encode() + shot.raw[:-1])
    await writer.drain()
    return reader, writer


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from the proc of Linux")
async def test_what_strangers_send_together_is_read_for_one_of_them_at_a_time(fresh: Door) -> None:
    """Fifteen bodies of four megabytes that grow twentyfold once read, released together, take no 300 MB."""
    most = Limits().held_max_bytes // envelope.MAX_BYTES
    text = b'{"x":[' + b"{}," * 1_030_000 + b"{}]}"
    shots = [fresh.partner.message("reminder", text, signer=fresh.partner.secrets.over) for _ in range(most)]
    assert all(envelope.MAX_BYTES // 2 < len(shot.raw) <= envelope.MAX_BYTES for shot in shots)
    lines = [await all_but_the_last(fresh, shot) for shot in shots]
    await asyncio.sleep(1)
    forget_peak()
    before = peak_mib()
    for (_, writer), shot in zip(lines, shots, strict=True):
        writer.write(shot.raw[-1:])
    statuses = {int((await reader.readline()).split()[1]) for reader, _ in lines}
    grown = peak_mib() - before
    for _, writer in lines:
        writer.close()
    assert {424} <= statuses <= {424, 503}
    assert 300 > grown
