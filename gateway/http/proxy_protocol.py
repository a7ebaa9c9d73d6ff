"""
For whom a proxy in front opens a connection: the PROXY protocol of HAProxy, versions 1 and 2.

The specification is ``doc/proxy-protocol.txt`` of HAProxy, of 5 March 2020; numbers in brackets are its sections.

Rule 1: a header comes first from the addresses that the configuration names, and is looked for from nobody else (2):
where one may come or not, whoever likes writes the address they are counted by.
Rule 2: no byte behind the header is read. It belongs to TLS.
Rule 3: a header that names no address of the internet is of a connection of the proxy's own, as to see whether the
gateway is there (2.1, 2.2).
"""

import asyncio
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic

from gateway.log import Log

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""How a header of version 2 begins (2.2)."""

LEAST = 15
"""Bytes of the shortest header: ``PROXY UNKNOWN`` and the end of its line."""

TEXT_MAX = 107
"""Bytes of the longest header of version 1 (2.1)."""

BINARY_MAX = 4096
"""Bytes of the longest header of version 2 that is taken, as by nginx; without what is added to it, 232 are most."""

_LOCAL, _PROXY = 0x20, 0x21
_STREAM = 1
_WIDTHS = {1: 4, 2: 16}
"""Bytes of an address, by family; the others of the specification, unspecified and local sockets, name none for us."""

_KINDS: Mapping[str, type[IPv4Address | IPv6Address]] = {"TCP4": IPv4Address, "TCP6": IPv6Address}
_PORT = re.compile("0|[1-9][0-9]{0,4}")

TELL_EVERY_S = 60.0


class BadHeader(ConnectionError):
    """What came first is no header of the PROXY protocol."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header: how many bytes it has, and the address it names; ``None`` where the connection is the proxy's own."""

    length: int
    address: str | None


def parse(raw: bytes) -> Header | int:
    """Return the header that ``raw`` begins with, or how many bytes it lacks at least. Raises ``BadHeader``."""
    if not raw:
        return LEAST
    if SIGNATURE.startswith(raw[:12]):
        return _parse_binary(raw)
    if b"PROXY ".startswith(raw[:6]):
        return _parse_text(raw)
    raise BadHeader


def _parse_binary(raw: bytes) -> Header | int:
    if len(raw) > 12 and raw[12] not in (_LOCAL, _PROXY):
        raise BadHeader
    if len(raw) < 16:
        return 16 - len(raw)
    length = 16 + int.from_bytes(raw[14:16])
    if length > BINARY_MAX:
        raise BadHeader
    if len(raw) < length:
        return length - len(raw)
    if raw[12] == _LOCAL:  # whatever stands in it is not looked at
        return Header(length, None)
    family, transport = divmod(raw[13], 16)
    if family > 3 or transport > 2:
        raise BadHeader
    if transport != _STREAM or family not in _WIDTHS:
        return Header(length, None)
    width = _WIDTHS[family]
    if length < 16 + 2 * width + 4:  # both addresses, both ports; what follows, a checksum among it, is passed over
        raise BadHeader
    return Header(length, str(_plain(ip_address(raw[16 : 16 + width]))))


def _parse_text(raw: bytes) -> Header | int:
    end = raw.find(b"\r\n", 0, TEXT_MAX)
    if end < 0:
        missing = max(LEAST - len(raw), 1 if raw.endswith(b"\r") else 2)
        if len(raw) + missing > TEXT_MAX:
            raise BadHeader
        return missing
    line = raw[:end].decode("ascii", "replace")
    if line == "PROXY UNKNOWN" or line.startswith("PROXY UNKNOWN "):
        return Header(end + 2, None)
    try:
        _, protocol, source, target, *ports = line.split(" ")
        made = _KINDS[protocol]
        address, _ = made(source), made(target)
    except (ValueError, KeyError) as error:
        raise BadHeader from error
    if "%" in line or len(ports) != 2 or not all(_PORT.fullmatch(port) and int(port) < 1 << 16 for port in ports):
        raise BadHeader
    return Header(end + 2, str(_plain(address)))


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the address itself, where one of IPv4 is written as one of IPv6: it is counted once."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class Proxies:
    """The proxies whose word is taken on where a connection comes from."""

    def __init__(self, networks: Sequence[str], log: Log) -> None:
        """Trust every address in ``networks``, each an address or a network such as ``10.1.2.0/28``."""
        self._networks = [ip_network(one) for one in networks]
        self._log = log
        self._quiet_until_s = 0.0

    def __contains__(self, address: str) -> bool:
        """Tell whether what comes from ``address`` comes from one of them."""
        known = _plain(ip_address(address.partition("%")[0]))
        return any(known in network for network in self._networks)

    async def read(self, connection: socket.socket) -> str | None:
        """
        Read the header, and no byte behind it; return the address it names, ``None`` for a connection of the proxy.

        ``connection`` does not block. Raises ``BadHeader``, and says so once a minute: to whoever put up the proxy it
        is the sign that it does not send one. Raises ``ConnectionError`` where it ends before.
        """
        loop, raw = asyncio.get_running_loop(), b""
        try:
            while isinstance(found := parse(raw), int):
                more = await loop.sock_recv(connection, found)
                if not more:
                    raise ConnectionResetError
                raw += more
        except BadHeader:
            if monotonic() >= self._quiet_until_s:
                self._quiet_until_s = monotonic() + TELL_EVERY_S
                self._log("proxy.unread", hint="a proxy in 'listeners' sent no header of the PROXY protocol")
            raise
        return found.address
