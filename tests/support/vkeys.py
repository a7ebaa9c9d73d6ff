"""C2SP verifier keys: how the trustees' policy names whose cosignatures suffice."""

from gateway.core.checkpoint import serialize_base64
from gateway.core.cosign import COSIGNER_TYPE, cosigner_id


def serialize_vkey(name: str, public: bytes) -> str:
    """Return the verifier key of the cosigner ``name`` with the ML-DSA-44 key ``public``."""
    return f"{name}+{cosigner_id(name, public).hex()}+{serialize_base64(COSIGNER_TYPE + public)}"
