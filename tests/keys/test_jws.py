"""The one form of JWS."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64, jws
from keys.errors import BadJws, BadSignature
from keys.jws import TYP_MESSAGE, TYP_RECEIPT
from keys.sign import SigningKey
from tests.support.rows import for_each

PAYLOAD = b'{"v":1}'
KEY = SigningKey(bytes([2]) * 32)


def _with_header(header: str) -> bytes:
    signing_input = f"{b64.encode(header.encode())}.{b64.encode(PAYLOAD)}"
    return f"{signing_input}.{b64.encode(KEY.sign(signing_input.encode()))}".encode()


def _header(**changes: object) -> str:
    return json.dumps({"alg": "Ed25519", "kid": KEY.kid, "typ": TYP_MESSAGE, **changes}, separators=(",", ":"))


@given(st.binary(max_size=300), st.sampled_from(jws.TYPS))
def test_round_trip(payload: bytes, typ: str) -> None:
    """What was signed is read back, and verifies."""
    parts = jws.parse(jws.sign(payload, typ, KEY), typ)
    parts.verify(KEY.public)
    assert (KEY.kid, payload) == (parts.kid, parts.payload)


def test_header_is_plain_json() -> None:
    """The header is what a partner's JSON library writes without spaces."""
    assert _with_header(_header()) == jws.sign(PAYLOAD, TYP_MESSAGE, KEY)


def test_every_byte_counts() -> None:
    """A JWS with any byte changed is refused, in form or in signature."""
    raw = jws.sign(PAYLOAD, TYP_MESSAGE, KEY)
    for place in range(len(raw)):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128):
            changed = bytearray(raw)
            changed[place] ^= mask
            with pytest.raises((BadJws, BadSignature)):
                jws.parse(bytes(changed), TYP_MESSAGE).verify(KEY.public)


def test_every_length_but_its_own_refused() -> None:
    """A JWS cut short anywhere, or with bytes after it, is refused."""
    raw = jws.sign(PAYLOAD, TYP_MESSAGE, KEY)
    others = [raw[:length] for length in range(len(raw))]
    others += [raw + tail for tail in (b"\n", b"=", b".", b"A", b".AA", b"\x00")]
    for other in others:
        with pytest.raises(BadJws):
            jws.parse(other, TYP_MESSAGE)


HEADERS = {
    "other algorithm": _header(alg="EdDSA"),
    "no algorithm": _header(alg="none"),
    "one member more": _header(crit=["b64"]),
    "spaces": json.dumps({"alg": "Ed25519", "kid": KEY.kid, "typ": TYP_MESSAGE}),
    "other order": f'{{"kid":"{KEY.kid}","alg":"Ed25519","typ":"{TYP_MESSAGE}"}}',
    "short key id": _header(kid=KEY.kid[:21]),
    "long key id": _header(kid=KEY.kid + "A"),
    "key id not canonical": _header(kid=KEY.kid[:21] + "B"),
    "key id of other letters": _header(kid="\\u0041" + "A" * 16),
    "key id with a quote": '{"alg":"Ed25519","kid":"AAAAAAAAAAAAAAAAAAAAA"","typ":"xg1-msg+jws"}',
    "other kind": _header(typ=TYP_RECEIPT),
    "unknown kind": _header(typ="JWT"),
    "empty": "",
    "tail": _header() + " ",
}


@for_each("header", HEADERS.values(), ids=HEADERS.keys())
def test_other_header_refused(header: str) -> None:
    """A header that is not the one allowed is refused, although the signature over it is true."""
    with pytest.raises(BadJws):
        jws.parse(_with_header(header), TYP_MESSAGE)


def test_verify_under_other_key() -> None:
    """A JWS verifies under its own key alone."""
    parts = jws.parse(jws.sign(PAYLOAD, TYP_MESSAGE, KEY), TYP_MESSAGE)
    with pytest.raises(BadSignature):
        parts.verify(SigningKey(bytes([9]) * 32).public)


def test_repr_has_no_payload() -> None:
    """A JWS in a log line shows whose key it names and nothing of what it says."""
    assert f"Jws(kid='{KEY.kid}')" == repr(jws.parse(jws.sign(PAYLOAD, TYP_MESSAGE, KEY), TYP_MESSAGE))
