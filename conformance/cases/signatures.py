"""Sections 2.4 and 3.3: what is signed, by which key, and what only looks like it."""

from dataclasses import replace
from hashlib import sha512

from conformance.play import Play
from conformance.reading import b64u, compact, key_id
from conformance.registry import case
from conformance.writing import CARD, RECEIPT, STATEMENT, Key

KEYS = {
    "revoked": "revoked",
    "after-its-window": "over",
    "before-its-window": "early",
    "a-role-key": "second_signer",
    "the-identity-key": "identity",
    "the-log-key": "log_key",
    "nobody's": "",
}


@case("signatures.which-key", "M-3.6", "M-8.3", section="3.3", inputs=KEYS)
async def which_key(play: Play, name: str) -> None:
    """
    A message by a key that does not sign messages now is `unknown-signer`.

    A gateway that takes any key of the card lets the key of a clerk, or one that was revoked, speak for the State.
    """
    a = play.a
    key = a.roles.get(name) or getattr(a, name, None) or a.key("nobody")
    await play.problem(play.message(key=key), "unknown-signer")


@case("signatures.second-key", "M-3.6", section="3.3", positive=True)
async def second_key(play: Play) -> None:
    """
    A message by another signing key of the card is accepted.

    A gateway that knows one key of a State only loses it when the State changes over.
    """
    await play.accepted(play.message(key=play.a.spare))


@case("signatures.other-state", "M-3.6", section="3.3")
async def other_state(play: Play) -> None:
    """
    A message in the name of one State, by the key of another, is `unknown-signer`.

    A gateway that looks a key up without its State lets every partner speak for every other.
    """
    await play.problem(play.message(key=play.b.signing), "unknown-signer")


@case("signatures.stranger", "M-3.6", "M-8.2", section="3.3")
async def stranger(play: Play) -> None:
    """
    A message of a State whose card is not held is `unknown-signer`.

    A gateway that takes a first card from whoever writes first trusts whoever writes first.
    """
    await play.problem(play.stranger.message(play.gateway), "unknown-signer")


@case("signatures.does-not-verify", "M-3.6", "M-2.5", section="3.3", inputs={"first": 0, "r": 31, "s": 32, "last": 63})
async def does_not_verify(play: Play, place: int) -> None:
    """
    A signature with one bit changed is `bad-signature`.

    A gateway that does not verify takes whatever is put before it.
    """
    signature = bytearray(play.a.signing.sign(b"another message"))
    signature[place] ^= 1
    await play.problem(play.message(key=replace(play.a.signing, fixed=bytes(signature))), "bad-signature")


ORDER = 2**252 + 27742317777372353535851937790883648493


@case("signatures.malleable", "M-2.5", section="2.4")
async def malleable(play: Play) -> None:
    """
    A signature whose S has the order of the group added to it is `bad-signature`.

    A gateway whose library does not reduce S takes a second signature for a message that was signed once.
    """

    def change(signed: bytes) -> bytes:
        head, payload, _ = signed.split(b".")
        raw = play.a.signing.sign(head + b"." + payload)
        s = (int.from_bytes(raw[32:], "little") + ORDER).to_bytes(32, "little")
        return b".".join((head, payload, b64u(raw[:32] + s).encode()))

    await play.problem(play.message(signed=change), "bad-signature")


SMALL = {
    "neutral": bytes([1]) + bytes(31),
    "order-8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
}


@case("signatures.small-order-r", "M-2.5", section="2.4", inputs=SMALL)
async def small_order_r(play: Play, point: bytes) -> None:
    """
    A signature whose R is of small order is `bad-signature`.

    A gateway that lets it pass accepts, under a weak key, one signature for every message.
    """

    def change(signed: bytes) -> bytes:
        head, payload, _ = signed.split(b".")
        return b".".join((head, payload, b64u(_with_r(play.a.signing, point, head + b"." + payload)).encode()))

    await play.problem(play.message(signed=change), "bad-signature")


def _with_r(key: Key, point: bytes, message: bytes) -> bytes:
    """
    Return R and the S that belongs to it, as far as anything can belong to an R that is not of a secret number.

    With the neutral point it satisfies the equation of RFC 8032 as it stands, with one of order 8 the one with the
    cofactor: nothing but a look at R itself refuses it.
    """
    scalar = bytearray(sha512(key.seed).digest()[:32])
    scalar[0] &= 248
    scalar[31] = scalar[31] & 63 | 64
    k = int.from_bytes(sha512(point + key.public + message).digest(), "little")
    return point + (k * int.from_bytes(scalar, "little") % ORDER).to_bytes(32, "little")


def _header(alg: str = "Ed25519", kid: str | None = "right", typ: str = "xg1-msg+jws", **more: object) -> object:
    def make(right: str) -> bytes:
        named = {"kid": right if kid == "right" else kid} if kid is not None else {}
        return compact({"alg": alg, **named, "typ": typ, **more})

    return make


HEADERS = {
    "eddsa": _header(alg="EdDSA"),
    "none": _header(alg="none"),
    "es256": _header(alg="ES256"),
    "no-kid": _header(kid=None),
    "kid-short": _header(kid="AAAA"),
    "crit": _header(crit=["b64"], b64=False),
    "jwk": _header(jwk={"kty": "OKP"}),
    "cty": _header(cty="JWT"),
    "typ-receipt": _header(typ=RECEIPT),
    "typ-card": _header(typ=CARD),
    "typ-statement": _header(typ=STATEMENT),
    "typ-jwt": _header(typ="JWT"),
    "white-space": lambda kid: b'{"alg":"Ed25519", "kid":"' + kid.encode() + b'","typ":"xg1-msg+jws"}',
    "another-order": lambda kid: b'{"kid":"' + kid.encode() + b'","alg":"Ed25519","typ":"xg1-msg+jws"}',
    "twice": lambda kid: b'{"alg":"Ed25519","alg":"Ed25519","kid":"' + kid.encode() + b'","typ":"xg1-msg+jws"}',
    "escaped": lambda kid: b'{"alg":"Ed2551\\u0039","kid":"' + kid.encode() + b'","typ":"xg1-msg+jws"}',
    "not-json": lambda kid: b"{",
}


@case("signatures.header", "M-3.5", section="3.3", inputs=HEADERS)
async def header(play: Play, make: object) -> None:
    """
    A protected header that is not exactly the one allowed is `bad-jws`.

    A gateway that reads the header as JSON lets the sender choose the algorithm, the key or what is signed.
    """
    made = make(play.a.signing.kid) if callable(make) else b""
    await play.problem(play.message(header=made), "bad-jws")


FORMS = {
    "two-parts": lambda raw: raw.rpartition(b".")[0],
    "four-parts": lambda raw: raw + b".AAAA",
    "padded": lambda raw: raw + b"==",
    "white-space": lambda raw: raw + b"\n",
    "not-base64url": lambda raw: raw[:-3] + b"+/=",
    "unused-bits": lambda raw: raw[:-1] + bytes([raw[-1] + 1]),
    "signature-short": lambda raw: raw[:-4],
    "empty": lambda raw: b".",
    "json-serialization": lambda raw: compact(
        dict(zip(("protected", "payload", "signature"), raw.decode().split("."), strict=True))
    ),
}


@case("signatures.form", "M-3.5", section="3.3", inputs=FORMS)
async def form(play: Play, change: object) -> None:
    """
    What is not a JWS in compact serialization, with one text for each value, is `bad-jws`.

    A gateway that is lenient here reads two texts as one message, and its replies to both differ.
    """
    if callable(change):
        await play.problem(play.message(signed=change), "bad-jws")


@case("signatures.not-before-verified", "M-5.2", section="5.1")
async def not_before_verified(play: Play) -> None:
    """
    A payload that is wrong in everything, by no key of its sender, is `unknown-signer` and nothing else.

    A gateway that looks at the times or the number first answers a forger, and lets him learn where a thread stands.
    """
    shot = play.message(key=play.a.key("nobody"), seq=7, epoch=9, expires_at="2020-01-01T00:00:00Z", type="no.such")
    await play.problem(shot, "unknown-signer")


@case("signatures.kid-of-another", "M-3.6", section="3.3")
async def kid_of_another(play: Play) -> None:
    """
    A message signed by one key under the kid of another is `bad-signature`.

    A gateway that tries all keys of a card does not know by whom a message was signed.
    """
    named = Key(play.a.spare.seed, named=b64u(key_id("xg1 sign", play.a.signing.public)))
    await play.problem(play.message(key=named), "bad-signature")
