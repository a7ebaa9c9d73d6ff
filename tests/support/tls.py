"""A certificate for a server on loopback, and the pin of its key."""

import ssl
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keys import b64


class Identity:
    """A self-signed certificate in files, and the hash of its key."""

    def __init__(self, folder: Path) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway XBB")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(private, hashes.SHA256())
        )
        pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
        self.certificate = folder / "tls.crt"
        self.key = folder / "tls.key"
        self.certificate.write_bytes(certificate.public_bytes(pem))
        plain = serialization.NoEncryption()
        self.key.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        spki = private.public_key().public_bytes(der, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.spki = b64.encode(sha256(spki).digest())
        self.der = certificate.public_bytes(der)

    def server(self, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        context.maximum_version = newest
        return context
