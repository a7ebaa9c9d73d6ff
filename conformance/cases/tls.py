"""Section 1: TLS 1.3, and servers that are known by the key that a card lists; on both sides of the gateway."""

import ssl
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from conformance.client import Client, tls_context
from conformance.play import START, Play
from conformance.registry import Gone, NotOffered, Unclear, Wrong, case
from conformance.writing import digest

LASTS_DAYS = 36_500
"""A gateway may judge a certificate by the clock of its machine, which no play sets: beyond any day of a run."""


def _certificate(days: int = LASTS_DAYS) -> tuple[ssl.SSLContext, str]:
    """Return the context of a server with a certificate of its own making, and the SPKI hash of its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START - timedelta(days=3650))
        .not_valid_after(START + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(private, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(secret + made.public_bytes(Encoding.PEM))
        context.load_cert_chain(path)
    return context, digest(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


async def _door(play: Play, *, listed: str | None = None, days: int = LASTS_DAYS, old: bool = False) -> str:
    """Open a door with TLS for ``b``, tell the gateway of it by a card, and return the thread that waits for it."""
    context, spki = _certificate(days)
    if old:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    changes: dict[str, Any] = {"addresses": [await play.doors.open(play.b, tls=context)], "spki": [listed or spki]}
    play.b.next_card(**changes)
    await play.publish(play.b)
    return await play.submit(play.b)


@case(
    "tls.listed-key", "M-1.3", section="1", profile="verify", positive=True, inputs={"in-time": LASTS_DAYS, "over": -90}
)
async def listed_key(play: Play, days: int) -> None:
    """
    The gateway posts to a server whose key the recipient's card lists, whoever made its certificate, and until when.

    A gateway that asks an authority instead of the card cannot write to a State that needs none.
    """
    thread = await _door(play, days=days)
    play.one(await play.tick(), "verification.request")
    if [row["state"] for row in await play.sent(thread)] != ["accepted"]:
        raise Wrong("the message was not received over TLS")


REFUSED: dict[str, dict[str, Any]] = {"another-key": {"listed": digest(b"another key")}, "tls-1.2": {"old": True}}


@case("tls.another-server", "M-1.3", section="1", profile="verify", inputs=REFUSED)
async def another_server(play: Play, how: dict[str, Any]) -> None:
    """
    To a server with another key, or with an older TLS, not a byte is posted, and the message waits.

    A gateway that posts it shows whoever redirects its line that one State asks another, and when.
    """
    thread = await _door(play, **how)
    await play.silent(play.b)
    await play.silent(play.b, hours=2)
    if [row["state"] for row in await play.sent(thread)] != ["waiting"]:
        raise Wrong("the message does not wait for the right server")


@case("tls.own-key", "M-1.3", section="1", positive=True)
async def own_key(play: Play) -> None:
    """
    The gateway's door speaks TLS 1.3 with a key that its card lists, and asks for no client certificate.

    A gateway with another key at its door is written to by no partner that looks.
    """
    if play.client.tls is None:
        raise NotOffered("the target is not https")
    spki, version = await play.client.spki()
    listed = play.gateway.card.value["spki"]
    if version != "TLSv1.3" or (listed and spki not in listed):
        raise Wrong(f"the door speaks {version}, with a key that the card {'lists' if spki in listed else 'lacks'}")
    await play.accepted(play.message())


@case("tls.own-version", "M-1.3", section="1")
async def own_version(play: Play) -> None:
    """
    The gateway's door does not speak TLS 1.2.

    A gateway that does lets whoever is on the line choose the older one for both.
    """
    if play.client.tls is None:
        raise NotOffered("the target is not https")
    older = Client(play.client.url)
    older.tls = tls_context(ssl.TLSVersion.TLSv1_2)
    try:
        got = await older.post(play.message())
    except (Gone, Unclear):
        return
    finally:
        await older.close()
    raise Wrong(f"a message over TLS 1.2 was answered with {got.status}")
