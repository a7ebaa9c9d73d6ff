"""
TLS 1.3 for the line between two stations of a peer.

The server has one certificate that signs itself (RSA-2048), the client trusts that one alone and looks for the address
in it. The key exchange is what the library of the peer offers first.
"""

import ssl
from pathlib import Path

from benchmarks.peers.smime import HOST, Holder

FILE = "tls.pem"


def make_certificate(root: Path) -> Path:
    """Write the server's key and certificate into the directory ``root`` and return the file, which holds both."""
    Holder.make(HOST).save(root / FILE)
    return root / FILE


def server_context(root: Path) -> ssl.SSLContext:
    """Return what a server listens with, once ``make_certificate`` wrote to ``root``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(root / FILE)
    return context


def client_context(root: Path) -> ssl.SSLContext:
    """Return what a client calls that server with."""
    context = ssl.create_default_context(cafile=root / FILE)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
