"""
S/MIME (RFC 8551) with pyca/cryptography: sign, then encrypt; decrypt, then verify.

The library makes and decrypts what is needed, but verifies no signature: that half is read with ``asn1crypto`` here,
against a certificate that is known. No chain is built and no revocation is asked for; both would cost the peer time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs7,
)
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
"""Where every station listens; it stands in each certificate, so that one does for TLS too."""

RSA_BITS = 2048
OPTIONS = [pkcs7.PKCS7Options.Binary]


class Unverified(Exception):
    """The signature is not one of the sender over this content."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One side's RSA key and its certificate, for signing and for decrypting."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> "Holder":
        """Make a key and a certificate that it signs itself."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(who)
            .issuer_name(who)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, made)

    def save(self, file: Path) -> None:
        """Write key and certificate, unencrypted: they live as long as a benchmark."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(key + self.certificate.public_bytes(Encoding.PEM))

    @classmethod
    def load(cls, file: Path) -> "Holder":
        """Read what ``save`` wrote."""
        raw = file.read_bytes()
        key = load_pem_private_key(raw, None)
        assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101  (``save`` writes no other)
        return cls(key, x509.load_pem_x509_certificate(raw))

    def sign(self, content: bytes) -> bytes:
        """Return ``content`` inside a signature (CMS SignedData, DER)."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
        return builder.add_signer(self.certificate, self.key, hashes.SHA256()).sign(Encoding.DER, OPTIONS)

    def decrypt(self, sealed: bytes) -> bytes:
        """Return what ``sealed`` (CMS EnvelopedData, DER) holds. Raises ``ValueError``."""
        return pkcs7.pkcs7_decrypt_der(sealed, self.certificate, self.key, [])


def encrypt(content: bytes, recipient: x509.Certificate) -> bytes:
    """Return ``content`` encrypted to ``recipient`` with AES-256-CBC (CMS EnvelopedData, DER)."""
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(content).add_recipient(recipient)
    return builder.set_content_encryption_algorithm(algorithms.AES256).encrypt(Encoding.DER, OPTIONS)


def verify(signed: bytes, sender: x509.Certificate) -> bytes:
    """Return the content of ``signed`` (CMS SignedData, DER). Raises ``Unverified``."""
    data = cms.ContentInfo.load(signed)["content"]
    content: bytes = data["encap_content_info"]["content"].native
    info = data["signer_infos"][0]
    attributes = info["signed_attrs"]
    digests = [one["values"][0].native for one in attributes if one["type"].native == "message_digest"]
    if digests != [sha256(content).digest()]:
        raise Unverified("another content")
    key = sender.public_key()
    assert isinstance(key, rsa.RSAPublicKey)  # noqa: S101  (``Holder.make`` makes no other)
    # SPEC: what is signed is the DER encoding of the attributes as a SET OF (RFC 5652 section 5.4).
    try:
        key.verify(info["signature"].native, attributes.untag().dump(), padding.PKCS1v15(), hashes.SHA256())
    except Exception as error:
        raise Unverified("the signature does not fit") from error
    return content
