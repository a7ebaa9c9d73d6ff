"""A web server on loopback, with a handler that never ends what it says."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler] | partial[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve by ``handler`` on loopback and return the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Quiet(BaseHTTPRequestHandler):
    """A server that says nothing of what it does."""

    def log_message(self, *_: object) -> None:
        """Write no line."""


def slow(stop: threading.Event, *, head: bool = False) -> type[BaseHTTPRequestHandler]:
    """Return a server that never ends what it says, each byte well within the time-out: of the body, or of the head."""

    class Slow(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers() if not head else self.flush_headers()
            while not stop.is_set():
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)

    return Slow
