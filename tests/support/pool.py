"""
What a pool of connections before PostgreSQL shows of itself to whoever connects, as PgBouncer 1.24 does in every mode.

It refuses what it is asked to set for a connection, or, where it is told to (``ignore_startup_parameters``), drops it;
and it names the connection by a number of its own, for it is asked to cancel in the place of the server.
"""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO
from urllib.parse import urlsplit

_REFUSAL = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: lock_timeout\0\0"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, to: tuple[str, int], *, refuses: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.to, self.refuses = to, refuses


class _Line(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Pass on what comes, both ways, until either side ends."""
        with suppress(OSError), socket.create_connection(self.server.to) as inner:
            if self.server.refuses:
                self.request.recv(8)  # whether TLS is spoken here
                self.request.sendall(b"N")
                self.request.recv(1 << 16)
                self.request.sendall(b"E" + (4 + len(_REFUSAL)).to_bytes(4, "big") + _REFUSAL)
                return
            upward = threading.Thread(target=_pass, args=(self.request.makefile("rb"), inner), daemon=True)
            upward.start()
            said = inner.makefile("rb")
            self.request.sendall(said.read(1))  # that TLS is not spoken
            while kind := said.read(1):
                length = said.read(4)
                body = said.read(int.from_bytes(length, "big") - 4)
                if kind == b"K":
                    body = (int.from_bytes(body[:4], "big") ^ 1 << 20).to_bytes(4, "big") + body[4:]
                self.request.sendall(kind + length + body)


def _pass(heard: BinaryIO, to: socket.socket) -> None:
    with suppress(OSError), heard:
        while chunk := heard.read1(1 << 16):  # type: ignore[attr-defined]  # a buffered reader has it
            to.sendall(chunk)
        to.shutdown(socket.SHUT_WR)


@contextmanager
def pooled(dsn: str, *, refuses: bool = False) -> Iterator[str]:
    """Yield an address at which a pool stands before the server of ``dsn``."""
    place = urlsplit(dsn)
    with _Server((place.hostname or "", place.port or 0), refuses=refuses) as server:
        running = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        running.start()
        try:
            port = server.server_address[1]
            yield place._replace(netloc=f"{place.username}:{place.password}@127.0.0.1:{port}").geturl()
        finally:
            server.shutdown()
            running.join()
