"""A mail server on loopback that takes what it is given, or refuses, or stalls; just enough of RFC 5321."""

import asyncio
import base64
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

DRIP_S = 0.02
"""Seconds between two bytes of a greeting that has no end."""


@dataclass
class MailServer:
    """
    Keeps every mail in ``mails`` and every command in ``commands``.

    ``trust`` offers STARTTLS, or speaks TLS at once with ``implicit``. ``refuse`` answers 451 to that many mails first.
    ``stall`` greets nobody, and ``drip`` is never done with it. ``login`` is the one (user, password) that is let in.
    """

    trust: ssl.SSLContext | None = None
    implicit: bool = False
    refuse: int = 0
    stall: bool = False
    drip: bool = False
    login: tuple[str, str] | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> "MailServer":
        context = self.trust if self.implicit else None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def reached(self) -> None:
        """Return once somebody is on the line."""
        while not self._tasks:
            await asyncio.sleep(DRIP_S)

    async def left(self) -> None:
        """Return once nobody is on the line."""
        while self._tasks:
            await asyncio.sleep(DRIP_S)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self.stall:
                await asyncio.sleep(3600)
            while self.drip and not reader.at_eof():
                writer.write(b"2")
                await asyncio.sleep(DRIP_S)
            if self.drip:
                return
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")

        say("220 mail.test ready")
        while raw := await reader.readline():
            command = raw.decode().strip()
            self.commands.append(command)
            match command.split(" ")[0].upper():
                case "EHLO":
                    secure = writer.get_extra_info("sslcontext") is not None
                    offered = ["STARTTLS"] if self.trust and not secure else []
                    offered += ["AUTH PLAIN"] if self.login else []
                    for word in ("mail.test", *offered):
                        say(f"250-{word}")
                    say("250 8BITMIME")
                case "STARTTLS":
                    say("220 go ahead")
                    await writer.drain()
                    assert self.trust is not None
                    await writer.start_tls(self.trust)
                case "AUTH":
                    given = base64.b64decode(command.split(" ")[2]).decode().split("\0")[1:]
                    say("235 welcome" if tuple(given) == self.login else "535 no")
                case "DATA":
                    say("354 go on")
                    await writer.drain()
                    content = await reader.readuntil(b"\r\n.\r\n")
                    if self.refuse:
                        self.refuse -= 1
                        say("451 try later, said the server about somebody")
                    else:
                        self.encrypted.append(writer.get_extra_info("sslcontext") is not None)
                        self.mails.append(_parsed(content[:-3]))
                        say("250 taken")
                case "QUIT":
                    say("221 bye")
                    await writer.drain()
                    return
                case _:
                    say("250 ok")
            await writer.drain()


def _parsed(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw.replace(b"\r\n", b"\n"), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found
