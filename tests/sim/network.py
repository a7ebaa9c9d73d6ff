"""
A network in memory, on which the real server and the real client of aiohttp run as they are.

Rule 1: a connection keeps its order, as TCP does; between connections there is none, for each piece of bytes takes a
time of its own.
Rule 2: what is written while a direction is blocked comes through when it is open again, as a retransmission would,
unless the connection was given up first. No byte is lost from the middle of a connection.
Rule 3: a connection that is cut delivers nothing more, not even what is under way: so a body may break anywhere.
Rule 4: a host that crashes is silent at once. Its partners hear of it a moment later, or never.
Rule 5: a byte of a body may change on the way, as in a proxy before the gateway whose memory is bad. TLS would end the
connection instead, which is rule 3.
"""

import asyncio
import random
from asyncio import transports
from collections import Counter, deque
from collections.abc import Callable
from contextvars import Context, copy_context
from hashlib import sha256
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey

from gateway.http.listen import NeutralRunner
from tests.sim.loop import SimulatedLoop

LATENCY_S = (0.0005, 0.02)
PIECES = 0.25
"""How often a write travels in two pieces, so that a cut may fall between them."""

HEAD = b"\r\n\r\n"
"""What a body comes after, where a write begins with lines of HTTP."""

SILENT = 0.3
"""How often a host that crashed leaves its partners waiting instead of breaking their connections."""

Factory = Callable[[], asyncio.BaseProtocol]
Address = tuple[str, int]


class Line(transports.Transport):
    """One end of a connection; ``peer`` is the other."""

    peer: "Line"

    def __init__(
        self, network: "Network", here: str, there: str, protocol: Any, context: Context, *, serves: bool = False
    ) -> None:
        super().__init__({"peername": (there, 1), "sockname": (here, 1)})
        self.serves = serves
        self._network = network
        self.here = here
        self.there = there
        self._protocol = protocol
        self._context = context
        self._closing = False
        self.gone = False
        self._paused = False
        self.way: deque[bytes | None] = deque()
        """What is under way to this end; a host that stood still takes it in this order too."""
        self._came: deque[bytes | None] = deque()
        self._sent: deque[bytes | None] = deque()
        self._latest = 0.0
        self._flying = 0

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._closing or self.gone

    def is_reading(self) -> bool:
        return not self._paused

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._network.loop.call_soon(self._hand_over)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: a write never waits."""

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        if self.is_closing() or not data:
            return
        if self.serves and self._network.mute[self.here, self.there]:
            self.break_()  # what was asked is done and kept, and the answer is lost
            self.peer.break_()
            return
        raw = self._network.changed(self, bytes(data))
        if len(raw) > 1 and self._network.random.random() < PIECES:
            middle = self._network.random.randrange(1, len(raw))
            self._send(raw[:middle])
            self._send(raw[middle:])
        else:
            self._send(raw)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """Send what was written, then the end."""
        if self.is_closing():
            return
        self._closing = True
        self._send(None)
        self._network.loop.call_soon(self._lost, None, context=self._context)

    def abort(self) -> None:
        """Break the connection here; the other end hears of it like of an end."""
        if not self.gone:
            self._send(None)
            self._lost(ConnectionAbortedError("the connection was given up"))

    # The way to the other end.

    def _send(self, piece: bytes | None) -> None:
        self._sent.append(piece)
        self.flush()

    def flush(self) -> None:
        """Let everything that was written travel, if the way is open."""
        if self._network.is_blocked(self.here, self.there):
            return
        while self._sent:
            self._latest = max(self._latest + 1e-6, self._network.loop.time() + self._network.latency())
            self.peer.way.append(self._sent.popleft())
            self._network.loop.call_at(self._latest, self.peer.arrive, context=self.peer._context)

    def arrive(self) -> None:
        """Take the next that came from the other end; ``None`` is its end."""
        piece = self.way.popleft()
        if self.is_closing():
            return
        self._came.append(piece)
        self._hand_over()

    def _hand_over(self) -> None:
        while self._came and not self._paused and not self.is_closing():
            piece = self._came.popleft()
            if piece is None:
                self._closing = True
                self._protocol.eof_received()
                self._lost(None)
            else:
                self._protocol.data_received(piece)

    def _lost(self, error: Exception | None) -> None:
        if not self.gone:
            self.gone = True
            self._network.forget(self)
            self._protocol.connection_lost(error)

    def break_(self) -> None:
        """Break this end as a reset by the network does."""
        if not self.gone:
            self._closing = True
            self._network.loop.call_soon(self._lost, ConnectionResetError("reset"), context=self._context)


class Listener:
    """What ``create_server`` returns."""

    def __init__(self, network: "Network", address: Address) -> None:
        self._network = network
        self._address = address
        self.sockets: tuple[()] = ()

    def close(self) -> None:
        self._network.listening.pop(self._address, None)

    async def wait_closed(self) -> None:
        """Return: what is closed is closed."""

    def is_serving(self) -> bool:
        return self._address in self._network.listening


class Network:
    """All hosts and the lines between them."""

    def __init__(self, loop: SimulatedLoop, random: random.Random) -> None:
        """Carry bytes on ``loop``; every choice is drawn from ``random``."""
        self.loop = loop
        self.random = random
        self.slow = 1.0
        self.listening: dict[Address, tuple[Factory, Context]] = {}
        self.mute: Counter[tuple[str, str]] = Counter()
        """From which host to which other no answer comes through: the connection breaks as it is written."""

        self.noise: Counter[tuple[str, str, bool]] = Counter()
        """How many more bodies change between two hosts; the last is true of answers, false of what is asked."""

        self.closed: set[str] = set()
        """Hosts that nobody can connect to; they connect to others as ever."""

        self.spoiled: set[bytes] = set()
        """SHA-256 of every body of which a byte changed, as it left."""

        self._came_spoiled: set[bytes] = set()
        self._calm: set[tuple[str, str, bool]] = set()
        """Ways on which a body changed last: the next comes as it left."""

        self._blocked: dict[tuple[str, str], int] = {}
        self._lines: dict[Line, None] = {}
        loop.listen = self.listen

    def latency(self) -> float:
        """Return the seconds one piece takes."""
        return self.random.uniform(*LATENCY_S) * self.slow

    def is_blocked(self, source: str, target: str) -> bool:
        """Return whether nothing gets from ``source`` to ``target`` now."""
        return self._blocked.get((source, target), 0) > 0

    def block(self, source: str, target: str) -> None:
        """Let nothing through from ``source`` to ``target`` until ``open``; several blocks need as many opens."""
        self._blocked[source, target] = self._blocked.get((source, target), 0) + 1

    def open(self, source: str, target: str) -> None:
        """Take one block away; what waited goes on its way."""
        self._blocked[source, target] -= 1
        for line in [line for line in self._lines if (line.here, line.there) == (source, target)]:
            line.flush()

    def changed(self, line: Line, raw: bytes) -> bytes:
        """
        Return what comes of ``raw``, which ``line`` sends: itself, or with one byte of its body changed.

        Whatever stood there, what stands there then is no text: what comes of it must not depend on a key or a nonce.
        """
        way = (line.here, line.there, line.serves)
        begin = raw.find(HEAD) + len(HEAD) if HEAD in raw else 0
        if not self.noise[way] or begin == len(raw):
            return raw
        if way in self._calm:
            self._calm.discard(way)
            return raw
        self._calm.add(way)
        self.noise[way] -= 1
        made, at = bytearray(raw), self.random.randrange(begin, len(raw))
        made[at] = 0x00 if made[at] == 0xFF else 0xFF
        self.spoiled.add(sha256(raw[begin:]).digest())
        self._came_spoiled.add(sha256(made[begin:]).digest())
        return bytes(made)

    def is_changed(self, body: bytes) -> bool:
        """Return whether ``body`` is one that did not come as it left."""
        return bool(self._came_spoiled) and sha256(body).digest() in self._came_spoiled

    def cut(self, one: str, other: str) -> int:
        """Break every connection between two hosts, with all that is under way; return how many there were."""
        lines = [line for line in self._lines if {line.here, line.there} == {one, other}]
        for line in lines:
            line.break_()
        return len(lines) // 2

    def close_door(self, host: str) -> None:
        """Let nobody reach ``host``, and break what had reached it."""
        self.closed.add(host)
        for line in [line for line in self._lines if line.here == host and line.serves]:
            line.break_()
            line.peer.break_()

    def open_door(self, host: str) -> None:
        """Let others reach ``host`` again."""
        self.closed.discard(host)

    def crash(self, host: str) -> None:
        """Take a host off: nothing listens there, and its connections break at the other ends, or hang."""
        for address in [address for address in self.listening if address[0] == host]:
            del self.listening[address]
        for line in [line for line in self._lines if line.here == host]:
            line.gone = True
            self.forget(line)
            if not line.peer.gone and self.random.random() >= SILENT:
                self.loop.call_later(self.latency(), line.peer.break_, context=line.peer._context)

    def forget(self, line: Line) -> None:
        """Drop an end that is gone."""
        self._lines.pop(line, None)

    def listen(self, factory: Factory, host: str, port: int) -> Listener:
        """Take connections at an address, in the context of whoever asks. Raises ``OSError`` if it is taken."""
        if (host, port) in self.listening:
            raise OSError("the address is in use")
        self.listening[host, port] = (factory, copy_context())
        return Listener(self, (host, port))

    async def connect(self, source: str, host: str, port: int, factory: Factory, timeout_s: float) -> Any:
        """Return the protocol of a new connection. Raises ``ConnectionRefusedError``, ``TimeoutError``."""
        latest = self.loop.time() + timeout_s
        for here, there in ((source, host), (host, source)):
            while self.is_blocked(here, there):
                if self.loop.time() >= latest:
                    raise TimeoutError("no answer to a connection")
                await asyncio.sleep(timeout_s / 4)
            await asyncio.sleep(self.latency())
        if (host, port) not in self.listening or host in self.closed:
            raise ConnectionRefusedError("nobody listens there")
        serve, context = self.listening[host, port]
        ours = Line(self, source, host, factory(), copy_context())
        theirs = Line(self, host, source, context.copy().run(serve), context, serves=True)
        ours.peer, theirs.peer = theirs, ours
        self._lines |= {ours: None, theirs: None}
        context.copy().run(theirs.get_protocol().connection_made, theirs)
        ours.get_protocol().connection_made(ours)
        return ours.get_protocol()


class Site(web.BaseSite):
    """What a runner of aiohttp listens with, on the simulated network instead of sockets."""

    __slots__ = ("_host", "_port")

    def __init__(self, runner: web.BaseRunner, host: str, port: int) -> None:
        """Serve ``runner`` at an address."""
        super().__init__(runner)
        self._host = host
        self._port = port

    @property
    def name(self) -> str:
        """Return the address it listens on."""
        return f"https://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._runner.server, self._host, self._port)


async def listen(app: web.Application, host: str, port: int, **options: Any) -> NeutralRunner:
    """Serve ``app`` as ``gateway.http.listen.listen`` does; what its options bound are sockets, and there are none."""
    runner = NeutralRunner(app)
    await runner.setup()
    await Site(runner, host, port).start()
    return runner


class Connector(aiohttp.BaseConnector):
    """aiohttp's pool of connections, over the simulated network instead of TCP."""

    def __init__(self, network: Network, source: str, **options: Any) -> None:
        """Connect from the host ``source``."""
        super().__init__(**options)
        self._network = network
        self._source = source

    async def _create_connection(
        self, req: ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        host, port = req.url.host or "", req.url.port or 80
        try:
            made: ResponseHandler = await self._network.connect(
                self._source, host, port, self._factory, timeout.sock_connect or 5.0
            )
        except OSError as error:
            key: ConnectionKey = req.connection_key
            raise aiohttp.ClientConnectorError(key, error) from error
        return made
