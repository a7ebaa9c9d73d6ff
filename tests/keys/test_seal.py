"""HPKE with the two hybrids, against the published draft vectors and against every changed byte."""

import json
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keys import b64, ids
from keys.errors import BadKey, CannotOpen
from keys.seal import SUITES, RecipientKey, SealingKey, recipient_key

INFO = b"head"
NUMBERS = {1: (0x647A, 1, 3), 2: (0x51, 2, 2)}
AEADS = {1: ChaCha20Poly1305, 2: AESGCM}
ENC_BYTES = {1: 1120, 2: 1665}  # docs/protocol.md, the table of suites


@pytest.fixture(scope="module")
def vectors() -> dict[int, dict[str, Any]]:
    """The vector of each suite: KEM, KDF and AEAD of ours, base mode."""
    folder = Path(cryptography_vectors.__file__).parent
    found = {}
    for vector in json.loads((folder / "HPKE" / "hpke-pq-test-vectors.json").read_text()):
        for suite, numbers in NUMBERS.items():
            if vector["mode"] == 0 and numbers == (vector["kem_id"], vector["kdf_id"], vector["aead_id"]):
                found[suite] = vector
    return found


@pytest.fixture(scope="module", params=[1, 2])
def key(request: pytest.FixtureRequest) -> SealingKey:
    return SealingKey(request.param, bytes(range(32)))


@pytest.mark.parametrize("suite", [1, 2])
def test_public_key_of_vector(vectors: dict[int, dict[str, Any]], suite: int) -> None:
    """A seed expands to the public key that the draft publishes."""
    vector = vectors[suite]
    assert vector["pkRm"] == SealingKey(suite, bytes.fromhex(vector["skRm"])).public.hex()


@pytest.mark.parametrize("suite", [1, 2])
def test_opens_vector(vectors: dict[int, dict[str, Any]], suite: int) -> None:
    """What is sealed under the draft's key schedule opens with the draft's private key."""
    vector = vectors[suite]
    plaintext = bytes.fromhex(vector["encryptions"][0]["pt"])
    # The vectors carry additional data and we use none, so the last step is made anew from the published key and nonce.
    sealed = AEADS[suite](bytes.fromhex(vector["key"])).encrypt(bytes.fromhex(vector["base_nonce"]), plaintext, None)
    opener = SealingKey(suite, bytes.fromhex(vector["skRm"]))
    assert plaintext == opener.open(bytes.fromhex(vector["info"]), bytes.fromhex(vector["enc"]) + sealed)


def test_round_trip(key: SealingKey) -> None:
    """What is sealed to a key opens with it; the lengths are those of the table."""
    sealed = RecipientKey(key.suite, key.public).seal(INFO, b"text")
    assert b"text" == key.open(INFO, sealed)
    assert (SUITES[key.suite].public_bytes, ENC_BYTES[key.suite] + 4 + 16) == (len(key.public), len(sealed))


def test_same_key_same_id(key: SealingKey) -> None:
    """Sender and recipient reckon the same key id, under the label of the suite."""
    wanted = ids.key_id(f"xg1 seal {key.suite}", key.public)
    assert wanted == key.kid == RecipientKey(key.suite, key.public).kid


def test_sealing_differs_each_time(key: SealingKey) -> None:
    """The same text is never sealed to the same bytes."""
    recipient = RecipientKey(key.suite, key.public)
    assert recipient.seal(INFO, b"text") != recipient.seal(INFO, b"text")


def test_every_byte_counts(key: SealingKey) -> None:
    """Sealed bytes with any byte changed do not open."""
    sealed = RecipientKey(key.suite, key.public).seal(INFO, b"text")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(CannotOpen):
            key.open(INFO, bytes(changed))


def test_other_lengths_do_not_open(key: SealingKey) -> None:
    """Sealed bytes cut short anywhere, or longer, do not open."""
    sealed = RecipientKey(key.suite, key.public).seal(INFO, b"text")
    others = [sealed[:length] for length in (0, 1, 100, ENC_BYTES[key.suite], len(sealed) - 1)]
    for other in [*others, sealed + b"\x00"]:
        with pytest.raises(CannotOpen):
            key.open(INFO, other)


def test_other_info_does_not_open(key: SealingKey) -> None:
    """Sealed bytes open under their own head alone."""
    sealed = RecipientKey(key.suite, key.public).seal(INFO, b"text")
    with pytest.raises(CannotOpen):
        key.open(b"heae", sealed)


def test_other_key_does_not_open(key: SealingKey) -> None:
    """Sealed bytes open with the recipient's key alone."""
    sealed = RecipientKey(key.suite, key.public).seal(INFO, b"text")
    with pytest.raises(CannotOpen):
        SealingKey.generate(key.suite).open(INFO, sealed)


@pytest.mark.parametrize("change", [-1, 1], ids=["shorter", "longer"])
def test_public_key_of_other_length(key: SealingKey, change: int) -> None:
    """A public key has one length."""
    public = (key.public + b"\x00")[: len(key.public) + change]
    with pytest.raises(BadKey):
        RecipientKey(key.suite, public)


@pytest.mark.parametrize("suite", [1, 2])
def test_lattice_coefficients_out_of_range(suite: int) -> None:
    """An ML-KEM key whose coefficients are not reduced is refused (FIPS 203 section 7.2)."""
    public = SealingKey(suite, bytes(32)).public
    with pytest.raises(BadKey):
        RecipientKey(suite, b"\xff" * 3 + public[3:])


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)], ids=["zero", "one"])
def test_x25519_point_of_small_order(point: bytes) -> None:
    """A point that makes every shared secret zero is refused in the card, not at the first message."""
    public = SealingKey(1, bytes(32)).public
    with pytest.raises(BadKey):
        RecipientKey(1, public[:1184] + point)


def test_p384_point_compressed() -> None:
    """A compressed point would give one key two ids."""
    public = SealingKey(2, bytes(32)).public
    curve = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public[1568:])
    compressed = curve.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    for point in (compressed, compressed.ljust(97, b"\x00"), bytes([6 + public[-1] % 2]) + public[1569:], bytes(97)):
        with pytest.raises(BadKey):
            RecipientKey(2, public[:1568] + point)


def test_p384_point_off_the_curve() -> None:
    """A point that is not on the curve is refused."""
    public = bytearray(SealingKey(2, bytes(32)).public)
    public[-1] ^= 1
    with pytest.raises(BadKey):
        RecipientKey(2, bytes(public))


@pytest.mark.parametrize("x", [b"\0", b"\2"], ids=["zero", "order-2-of-another-curve"])
def test_p384_point_of_another_curve(x: bytes) -> None:
    """Where y is 0 a point has order 2: half of a secret that it is multiplied by would be told by whether it opens."""
    public = SealingKey(2, bytes(32)).public
    with pytest.raises(BadKey):
        RecipientKey(2, public[:1568] + b"\4" + x.rjust(48, b"\0") + bytes(48))


@pytest.mark.parametrize(
    "point",
    [b"", b"\4" + b"\2".rjust(48, b"\0"), b"\2" + b"\2".rjust(48, b"\0"), b"\4" + b"\xff" * 96],
    ids=["zeros", "of-order-2-elsewhere", "compressed", "not-reduced"],
)
def test_ephemeral_key_that_is_no_point(key: SealingKey, point: bytes) -> None:
    """Whatever stands where the other side's key of the curve should, nothing opens and nothing else is raised."""
    at, length = {1: (1088, 32), 2: (1568, 97)}[key.suite]
    sealed = RecipientKey(key.suite, key.public).seal(INFO, b"text")
    with pytest.raises(CannotOpen):
        key.open(INFO, sealed[:at] + point[-length:].ljust(length, b"\0") + sealed[at + length :])


@pytest.mark.parametrize("suite", [0, 3, 255])
def test_unknown_suite(suite: int) -> None:
    """There are two suites."""
    with pytest.raises(BadKey):
        SealingKey.generate(suite)
    with pytest.raises(BadKey):
        RecipientKey(suite, bytes(1216))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_seed_of_other_length(length: int) -> None:
    """A seed has 32 bytes in both suites."""
    with pytest.raises(BadKey):
        SealingKey(1, bytes(length))


def test_key_comes_back_from_its_seed() -> None:
    """A key made is kept as its seed."""
    made = SealingKey.generate(2)
    assert made.kid == SealingKey(2, made.seed).kid


def test_parsed_once(key: SealingKey) -> None:
    """The same public key is parsed once."""
    assert recipient_key(key.suite, key.public) is recipient_key(key.suite, key.public)


def test_repr_has_no_secret(key: SealingKey) -> None:
    """A key in a log line shows suite and id."""
    shown = repr(key)
    assert key.kid.hex() in shown
    assert key.seed.hex() not in shown
    assert b64.encode(key.seed) not in shown
