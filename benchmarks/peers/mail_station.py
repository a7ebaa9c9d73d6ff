"""
One mail station: S/MIME over SMTP, with aiosmtpd for what comes in and smtplib for what goes out.

What comes in is decrypted, its signature verified, and its content stored and synced before the server says 250. There
are three ways to send:

- ``kept``: over one connection a thread that stays open; a message is done with the server's 250.
- ``anew``: over a new connection for each message, as a mail program does.
- ``receipt``: as ``kept``, but done once a signed receipt (the fields of RFC 8098) came back by mail, was verified and
  stored too. Without it the sender has no more than the word of a server.

The line is TLS 1.3 from its first byte (RFC 8314; STARTTLS would take two more round trips), or plain.

    python -m benchmarks.peers.mail_station DIRECTORY NAME PORT OTHERS_PORT THREADS WAY tls|plain
    (COUNT on each line of standard input: one line of JSON for each)
"""

import asyncio
import json
import os
import queue
import smtplib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import SMTP as CRLF
from email.utils import localtime, make_msgid
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.peers.smime import HOST, Holder, Unverified, encrypt, verify
from benchmarks.peers.tls import client_context, server_context

PAYLOAD_BYTES = 2048
NAMES = ("left", "right")
RECEIPT_WITHIN_S = 60
WANTS_RECEIPT = "Disposition-Notification-To"


def address(name: str) -> str:
    """Return the mailbox of a station."""
    return f"desk@{name}.example"


class Mailbox:
    """Where a station keeps what it took: a file for each message, synced with its directory, as a mail server does."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self._handle = os.open(directory, os.O_RDONLY)

    def store(self, name: str, content: bytes) -> None:
        """Return once ``content`` is on disk under ``name``."""
        file = self._directory / name
        with file.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.fsync(self._handle)


class Station:
    """One side: its keys, its mailbox, its threads that send, and what it does with a message that comes."""

    def __init__(self, root: Path, name: str, others_port: int, threads: int, way: str, *, tls: bool) -> None:
        self._me, self._other = name, NAMES[1 - NAMES.index(name)]
        self._holder = Holder.load(root / f"{name}.pem")
        self._known = Holder.load(root / f"{self._other}.pem").certificate
        self._mailbox = Mailbox(root / name)
        self._others_port = others_port
        self._trusted = client_context(root) if tls else None
        self._connection = threading.local()
        self._opening, self._sending = ThreadPoolExecutor(threads), ThreadPoolExecutor(threads)
        self._way = way
        self._receipts: dict[str, queue.SimpleQueue[None]] = {}

    # Out

    def compose(self, payload: bytes) -> tuple[str, bytes]:
        """Return a message that is ready to go, and its id: ``payload`` signed, then encrypted."""
        mail = self._headed("Message")
        if self._way == "receipt":
            mail[WANTS_RECEIPT] = address(self._me)
        sealed = encrypt(self._holder.sign(payload), self._known)
        mail.set_content(sealed, "application", "pkcs7-mime", filename="smime.p7m")
        return mail["Message-ID"], mail.as_bytes(policy=CRLF)

    def send(self, ready: tuple[str, bytes]) -> None:
        """Send what is ``ready``; return once it is done. Raises ``SMTPException`` or ``queue.Empty`` if it is not."""
        number, raw = ready
        if self._way == "receipt":
            came: queue.SimpleQueue[None] = queue.SimpleQueue()
            self._receipts[number] = came
            self._post(raw)
            came.get(timeout=RECEIPT_WITHIN_S)
            del self._receipts[number]
        else:
            self._post(raw)

    def _post(self, raw: bytes) -> None:
        smtp = getattr(self._connection, "smtp", None) or self._connect()
        smtp.sendmail(address(self._me), [address(self._other)], raw)
        if self._way == "anew":
            smtp.quit()
        else:
            self._connection.smtp = smtp

    def _connect(self) -> smtplib.SMTP:
        name = f"{self._me}.example"
        if self._trusted is None:
            return smtplib.SMTP(HOST, self._others_port, local_hostname=name)
        return smtplib.SMTP_SSL(HOST, self._others_port, local_hostname=name, context=self._trusted)

    def _headed(self, subject: str) -> EmailMessage:
        mail = EmailMessage(policy=CRLF)
        mail["From"], mail["To"] = address(self._me), address(self._other)
        mail["Subject"], mail["Date"] = subject, localtime()
        mail["Message-ID"] = make_msgid(domain=f"{self._me}.example")
        return mail

    # In

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take one message: whatever it is, it is on disk before the answer."""
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101  (nothing asks aiosmtpd to decode)
        try:
            await asyncio.get_running_loop().run_in_executor(self._opening, self._take, content)
        except (ValueError, Unverified) as error:
            return f"554 5.6.0 {error}"
        return "250 2.0.0 stored"

    def _take(self, raw: bytes) -> None:
        mail = message_from_bytes(raw)
        if mail["In-Reply-To"]:
            self._take_receipt(mail)
            return
        content = verify(self._holder.decrypt(_body(mail)), self._known)
        self._mailbox.store(sha256(mail["Message-ID"].encode()).hexdigest(), content)
        if mail[WANTS_RECEIPT]:
            self._sending.submit(self._receipt, mail["Message-ID"], sha256(content).hexdigest())

    def _receipt(self, number: str, digest: str) -> None:
        report = (
            f"Final-Recipient: rfc822; {address(self._me)}\r\nOriginal-Message-ID: {number}\r\n"
            f"Disposition: automatic-action/MDN-sent-automatically; processed\r\nReceived-content-MIC: {digest}\r\n"
        )
        mail = self._headed("Receipt")
        mail["In-Reply-To"] = number
        mail.set_content(self._holder.sign(report.encode()), "application", "pkcs7-mime", filename="smime.p7m")
        self._post(mail.as_bytes(policy=CRLF))

    def _take_receipt(self, mail: Message) -> None:
        signed = _body(mail)
        told = message_from_bytes(verify(signed, self._known))
        self._mailbox.store(sha256(mail["Message-ID"].encode()).hexdigest(), signed)
        self._receipts[told["Original-Message-ID"]].put(None)

    # What is measured

    def work(self, count: int) -> dict[str, Any]:
        """Compose ``count`` messages, then send them; return the seconds of either, and how many were done."""
        payload = os.urandom(PAYLOAD_BYTES)
        began = perf_counter()
        ready = list(self._sending.map(lambda _: self.compose(payload), range(count)))
        composed, used = perf_counter(), process_time()
        done = len(list(self._sending.map(self.send, ready)))
        seconds, processor_s = perf_counter() - composed, process_time() - used
        return {"prepared_s": composed - began, "seconds": seconds, "processor_s": processor_s, "done": done}


def _body(mail: Message) -> bytes:
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)  # noqa: S101  (a single part, decoded)
    return body


def main() -> None:
    """Serve, and send what is asked for, until the standard input ends."""
    root, name, port, others_port, threads, way, line = sys.argv[1:]
    tls = line == "tls"
    station = Station(Path(root), name, int(others_port), int(threads), way, tls=tls)
    context = server_context(Path(root)) if tls else None
    controller = Controller(
        station, hostname=HOST, port=int(port), server_hostname=f"{name}.example", ssl_context=context
    )
    controller.start()
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        print(json.dumps(station.work(int(line))), flush=True)
    controller.stop()


if __name__ == "__main__":
    main()
