"""Vectors of key ids, private keys from seeds, and Ed25519."""

from hashlib import sha512

from nacl.bindings import crypto_core_ed25519_add, crypto_scalarmult_ed25519_base_noclamp
from nacl.signing import SigningKey

from conformance.reading import b64u, key_id, sealing_key
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import ASKED, ASKER, SEAL_SEEDS, public

ORDER_8 = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
NOT_REDUCED = bytes.fromhex(
    "04fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff000000000000000100000001"
    "8cdeadbbd04911a3c1931e26df3fa6439dca9c7eb286fbd46fc319f0e2bb780232baf57825fc0c1912ada2fefe84024c"
)
"""A point of X25519 of small order; one of P-384 whose x is 2, with the prime of the field added to it."""


def signed_with(key: SigningKey, message: bytes, nonce: int, low: bytes) -> bytes:
    """
    Return an Ed25519 signature whose R is ``nonce`` times the base point, plus the point ``low`` of small order.

    It satisfies the equation with the cofactor. Without it, it does not, unless ``low`` is the identity.
    """
    order = 2**252 + 27742317777372353535851937790883648493
    point = crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little")) if nonce else None
    first = crypto_core_ed25519_add(point, low) if point else low
    half = bytearray(sha512(bytes(key)).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    k = int.from_bytes(sha512(first + public(key) + message).digest(), "little")
    s = (nonce + k * int.from_bytes(half, "little")) % order
    return first + s.to_bytes(32, "little")


def keys_file() -> Collector:
    """Key ids, private keys from seeds, Ed25519."""
    file = Collector("keys", "Key ids, sealing keys from seeds, Ed25519 (protocol 2)")
    given: Json
    for label, key in (("xg1 sign", public(ASKER)), ("xg1 sign", public(ASKED)), ("xg1 sign", bytes(32))):
        given = {"label": label, "public": key.hex()}
        file.ok("key-id", f"id of an Ed25519 key under {label!r}", "M-2.4", given, kid=b64u(key_id(label, key)))
    for suite, seed in SEAL_SEEDS.items():
        key = sealing_key(suite, seed)[1]
        given = {"suite": suite, "seed": seed.hex()}
        kid = b64u(key_id(f"xg1 seal {suite}", key))
        file.ok(
            "sealing-key",
            f"suite {suite}: public key and id of a seed",
            "M-2.3 M-2.4",
            given,
            public=key.hex(),
            kid=kid,
        )
    for suite, seed in SEAL_SEEDS.items():
        key = sealing_key(suite, seed)[1]
        given = {"suite": suite, "public": key.hex()}
        kid = b64u(key_id(f"xg1 seal {suite}", key))
        file.ok("sealing-public", f"suite {suite}: a public key", "M-2.1 M-2.2", given, kid=kid)
        for about, wrong in (("one byte less", key[:-1]), ("one byte more", key + b"\x00"), ("nothing", b"")):
            file.bad("sealing-public", f"suite {suite}: {about}", "M-2.2", {"suite": suite, "public": wrong.hex()})
    point = sealing_key(2, SEAL_SEEDS[2])[1]
    compressed = point[:1568] + bytes([2 + point[-1] % 2]) + point[1569:1617]
    hybrid = point[:1568] + bytes([6 + point[-1] % 2]) + point[1569:]
    for about, wrong in (
        ("a compressed point", compressed),
        ("a point in hybrid form", hybrid),
        ("a point off the curve", point[:-1] + bytes([point[-1] ^ 1])),
        ("a point of order 2 of another curve", point[:1568] + b"\4" + bytes(47) + b"\2" + bytes(48)),
        ("a point whose x is not reduced", point[:1568] + NOT_REDUCED),
        ("the point at infinity", point[:1568] + bytes(97)),
        ("an ML-KEM key that is not reduced", b"\xff" * 3 + point[3:]),
    ):
        file.bad("sealing-public", f"suite 2: {about}", "M-2.2", {"suite": 2, "public": wrong.hex()})
    first = sealing_key(1, SEAL_SEEDS[1])[1]
    for about, wrong in (
        ("an X25519 key that is 0", first[:1184] + bytes(32)),
        ("an X25519 key that is 1", first[:1184] + b"\1" + bytes(31)),
        ("an X25519 key of order 8", first[:1184] + ORDER_8),
        ("an X25519 key that is 1 and not reduced", first[:1184] + b"\xee" + b"\xff" * 30 + b"\x7f"),
        ("an X25519 key that is 1 with the top bit", first[:1184] + b"\1" + bytes(30) + b"\x80"),
        ("an ML-KEM key that is not reduced", b"\xff" * 3 + first[3:]),
    ):
        file.bad("sealing-public", f"suite 1: {about}", "M-2.2", {"suite": 1, "public": wrong.hex()})
    message = b"xg1"
    signature = ASKER.sign(message).signature
    good = {"public": public(ASKER).hex(), "signature": signature.hex(), "message": message.hex()}
    order = 2**252 + 27742317777372353535851937790883648493
    high = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    identity = (1).to_bytes(32, "little")
    order_two = (2**255 - 20).to_bytes(32, "little")
    file.ok("ed25519", "a signature", "M-2.5", good)
    for about, changes in (
        ("another message", {"message": b"xg2".hex()}),
        ("another key", {"public": public(ASKED).hex()}),
        ("one bit of R", {"signature": (bytes([signature[0] ^ 1]) + signature[1:]).hex()}),
        ("one bit of S", {"signature": (signature[:32] + bytes([signature[32] ^ 1]) + signature[33:]).hex()}),
        ("S not reduced", {"signature": high.hex()}),
        ("63 bytes", {"signature": signature[:63].hex()}),
        (
            "the identity as key, which signs everything",
            {"public": identity.hex(), "signature": (identity + bytes(32)).hex()},
        ),
        ("a key of small order", {"public": bytes(32).hex(), "signature": (identity + bytes(32)).hex()}),
        ("a key that is no point", {"public": (2).to_bytes(32, "little").hex()}),
        ("a key of 31 bytes", {"public": public(ASKER)[:31].hex()}),
        ("R of small order", {"signature": signed_with(ASKER, message, 0, identity).hex()}),
        ("R with a part of small order", {"signature": signed_with(ASKER, message, 3, order_two).hex()}),
    ):
        file.bad("ed25519", about, "M-2.5", {**good, **changes})
    return file
