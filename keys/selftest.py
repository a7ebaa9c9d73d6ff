"""
Known answers: each primitive is asked once, at start-up, what it was asked when its answer was published.

A library built wrongly, or one that changed, then stops the gateway before the first message. The sealed texts are the
key schedule and encapsulation of the published draft vectors of the two hybrids, sealed without additional data.
"""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType

from nacl import bindings, pwhash

from keys import b64, sign
from keys.errors import BadKey, BadSignature, CannotOpen, SelfTestFailed
from keys.seal import SealingKey

_HPKE_INFO = b"4f6465206f6e2061204772656369616e2055726e"
_HPKE_PLAINTEXT = b"4265617574792069732074727574682c20747275746820626561757479"

# Of each suite: the seed, SHA-256 of the public key, encapsulated key and ciphertext.
_HPKE: Mapping[int, tuple[str, str, str]] = MappingProxyType(
    {
        1: (
            "3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630",
            "ad8aaf3f00d8a39bfeec2947a7d5dde68be08bba19bd301a348a45dc5fcc8341",
            "JnWceyKSPqXMnHjj4UyPxi3LCmbOREYJZpeKf-loXgxtIpmdmaPxEsMHptWy5jWR9B6KNRa6YpCDdtZkVXIG5pauhwMF_2uggSUma8B2VnK-"
            "ypD9XG2uDT3a0VBgZanU8pfgw-"
            "cLtEGWHfJtehnXnR734qxeU7MqPHtOB_KvKuZYMKPo0csqwZMvwZ7FQ0MDtiydAQZFz5WkdZE9pdd6KCuIQC5Kd6sXsJVZ3OipbGeie-"
            "qPZTzqyj0ni27RUP6TbdoosXJmZclGyrMDY--J64eP_MdMqid6XasZlBk6Z5ZxJevVCYbcFpl7j3SE19DifHn_S2ggHBtBAvWnMyL9Palr9l"
            "XZDJseYwXgGrGzRJ6j9Fiw6Y4fLRYyglw7MAGLte77zID3Z9C55_n3MeGVgIOHnrzBtbsGHokwLERKhe7tFpsQ0lIP1HtqERkU872i8x0E8l"
            "BSK6lRASpin6LNIZJYPMmr110Ct6Ef0YBWxBS48OCTZTW_m2N8fmFKGum56Qf-"
            "nRQkPxNiXskql1meqkkbnakYtYbifTTHJ5IF3XbPDs2_YLWupM-53KQQafPi_I83GnzzsInqRp2EF72jFJFZmSOZzNW693ag-JZtR0LL7a6s"
            "Ex3ehTyx-"
            "7e4aaTAHOqKSHouUudXv0387COZXl8IiATSz5nILwh0VBRMxYaEXXz4EknnrZGeobBgAa0TUB2hGO4ZhZWVAVtLGHKRLdLU9d2FTxRK4HA4v"
            "YuytJj47csccMIQKvdo1QihtCNyOMDG40qcgZsOvyj0lQXTdAlbK1jHqBDPHoBss8ea87yEyLZXeHgE43TfK0m-"
            "asUQ1DAk5l_QMVQKfNRck0itn1URuWm-"
            "b5xNhJwUKPYRIlsNmjrjQWabpkW6qHfNw0w59ZdfSZGnf4bsosJevuY6BpKMG7yVE_NVR2Reg1VEweSo8z1_KcHPveZCX6Ba7_afNzqoooHJ"
            "KBfL5b6TBXlTVO_HGolGLofOg5GdZ53L_e2I9__5F39LSeipWdmqeLY_65n6VnNd8PT8JTZTqRd_dnswe7Kp5-"
            "TZBC8izGxPF324Dvrr_vijuqbxQjM1yDAwjCSWEYJj8L02HZP4tOdafLqUwq9y3RPuiSZSTP6d8U95Flo0mLn9Yxy7h00lsRMV-ay0QlElYc"
            "99xgmKCIdPzHBM3V6E5XgRpJ54-"
            "9VuWo52dhcyHClQlVleorD0qsow3Th0mrg1Mr4b3PTDKhGeA1VYu0J9vbgGtOFc6o3zwJhyjCteQCCcUThTHbG2YHd1ROagFEd6fRuT6w8kX"
            "-nnBTmXwQUE72kvIWOchtiSbdzmiG0MOet8WTV-5U-"
            "BhxAZWTcT9KbfN79wAzWGlM_1mvmHLKAr92LiBJkifbovVSIDRZ3MaXgO8I2bq0FA2W4cR48Gtjtgyb-"
            "xDZDjHUdXDqlJq46bmdtuwviip33LJcw2tzPfwJuCmanXsZ5owJrYJwP5tH000aPLr-Qsc_V9DsXFkfmQktXjjfClJpmvJJxm-"
            "CdahjQjwHbegUelPmXMWEBByWO3en5Z6pOEGxM5te_aiQm3H3S7AHPskQy6QRKnTTHJMU9t9ctR",
        ),
        2: (
            "dbdae0423ba0e5db3d6322601b8dc302d3051d4677142079c7bdf441f4c448dd",
            "5d0b42c6f1471a72045ec087a4c2e61875541f4550b513672f2d858eb1a133c3",
            "b0IqRqaCiUn5dPCojegyWYQnImepUlW1qAfDjOJ979GCM0Rj0gy_Dx_xAUcZ3ujs1tmjr_oB-"
            "R8iGBlUBdZazvkWfJMJVKYKy35IrGUZCY5ETXzNOD-ghA9rxanXdRcsxptyB3f4gIv464n3e9XtjCc1L41RB_q711pshiz8nGSpxxCex77rR"
            "YrFuLIZPMhciJeYOhKSX27HL0rURk20jtFXbHTQY19AlsPdtmiDcIgF_MUpIYbFcGY6s9KnP38u0LL13nfuVDcgjy7kgf90UdFYzNaCDvydV"
            "IQuLpbOdInYAc5uKou27TEI-"
            "6YyMvWqtXGBrc1MP6YPnNz5y4yIN03kerRcn11Arxubz2lcAzyQF6PGtrW_3XO1kzToLWbnZrOU_4XymM4baQl9oI9vf2gRjBvFoMTXdmkoC"
            "56FJayZisBulAwSp2Qnp4evt4cZF4rLYnzZibUbO3fTU2aXJxs_lRkwquXxwjQB8PpLbmF7zQfojh3B6gTfG_feOlFis2r_bzTtLnds7Lfg1"
            "Rv75QsqB4KndHbEVRlr_zioRzLf1YjCy-Y21gQnW0savLC4ot60ZcBjDsx1SOStfx8XE9sXciiW-eN4TIoJJOBqcpp47TaBv7RnUF5YEst_z"
            "KWm95YtBnqEOmi9v_0dPkDxLhA8TGdojpR8QcV__1KNng9J28svH8P7tg3YkSHSzcs0YJwS9QNPcAC-ifeL4lb9qKwpxJK1NgiKnvp-"
            "YUQVJrc8Jyf0m6un2nNf_NQZWbrfBamvZSHClmAFj-iRTGGwthOz6BO37Eaxk7RUtJRpaw-V0ThVGtAqWrgKxdqGHrxaPHuLRpifC7f-"
            "djxAsPRHCL12IjIehG7GyJRt-9fhqoCldIMoDntRbLPPl8M_CretwGIUt0xoXqz7CFcJX6KlMuGsgXbkP5f_jrvmVPHoFW6D6yO-ea4tnwN3"
            "fQiv7YZhFIVFZsPMUW_bwpOkCj0cq0sJD6fp0bTNpqwQvnJ9aIBRB0N1SCkZbMIqf55MoOZp_w_kcKIpeT7z85IIwP06kCBrjkZacpLmXyRm"
            "j-91lxVTaZqlAOTd5_nGEWOro5hRnbaUL0bLhyMYvQnHfGcc2_9pPhJ12_rkQEvnO1thVNDrCVuyedjef4W8s_P4sCXj6BH-LPL5fYbVPTAJ"
            "mT9VCjKDw12wqZuQYhjIsmBifoy-"
            "80SGVFMPegmH31S9VnYUhE5f4fNgHFJD8UfYmMw3kHNKtivl4KPhPH8DpgmPxC9K4AVf_d8S_WjNBO0dkIUXOF2KMjovjHd8BOivtJeL6rAE"
            "ZLHMJnDj1oEOkjpWKKOC8spyMnCGF_tPoVtaKcdtpAbjLn8QjT1NsxvmQLYhoisQVRBLuiuJnypHm61z4MeZZX5inHKhpjYzRrtJs5zPHP0P"
            "afIr-1KqdI55INnutszdsEgxB-wtrKTEgkQc6b9zDfH11QexB-dsph7AXp0JDJgnPL6qchK8VKSa4tE_udJdKw9GOsyExzf4uR64pf-XcVOR"
            "ksXHWqjVmeIF_GYVGbm2mXDrw7VXVWEcphiqAmDYG7FXc8pO841dbs-"
            "7URtljVGWaRGQ6yLgFOQajK6_CoM1dUf4oTyMu3FHjvWmV41VFTZAJhSptYlE4Yjseh8QORbAFTXLPDgpE0u8dBdYC5slvvLQ2GT1MuHMg_E"
            "6k5a9lxHp4b3Y8srqIZDvr9UsDjo4bd_YiqvSqI3RMMMBKutBteiPt0TuZXaK7azg6Ve_yZeTmVeIFCYC_jJ_GyVZ269eFqI5cZkVb0zM9rg"
            "-fW4Y73zV3CXUiwNxbtNlA4XoPqeET3WdEx2MpHAzn5LTSCgSbHfVfYKB6yR-yo6tI_Zml-bgoQY4i1EL1pQVaykxAHBmJHDgw7HEeYBLuF-"
            "MOGcRdQLxNbgP_Tp0QR6l_wK3yCBrAwLWGv_ICGL2ygfLt6aC-HKHopTVeRdbe1v82f5e3NkggY0oKzwaRF_FhDI59YvkLK2Z3fENXlNmTmJ"
            "5IqUddbd5NMQIM5GjQ3voEyFPJp0kvg-P3jqVax4iSj4Iq6Dv6Kd7ChNBYJQLP1h5tvlzSEXu4krn41DcjvkENf3zsUX-FuGrqLc1jGKEZxK"
            "jJNPRufUeG6UEUSY2mji9Hiu6JBRnoqRzD_0hz6reSLF6Rww6Ummlwjbt6s755DNbe3tVjqRdngF5AQqxfCbBa0zZ9r1Gb1O8C-"
            "itI6vpTCaDYys9X8E0V6VGIAheSeMA8b0DQIrXxoId9OyBaMLqu_k1VB_esjXpeuU30SgEcXNQY6W5InRsGXP33ZTJ6Zk9LsTEWdbqkVs",
        ),
    }
)

_XCHACHA_PLAINTEXT = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
_XCHACHA_CIPHERTEXT = (
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39"
    "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
    "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"
)


def run() -> None:
    """Return if every primitive gives its published answer. Raises ``SelfTestFailed`` with the first that does not."""
    for name, holds in _TESTS.items():
        try:
            held = holds()
        except Exception as error:  # whatever a broken library raises, it has failed
            raise SelfTestFailed(name) from error
        if not held:
            raise SelfTestFailed(name)


def _sha256() -> bool:
    """FIPS 180-4, the example "abc"."""
    return sha256(b"abc").hexdigest() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def _hmac() -> bool:
    """RFC 4231, test case 2."""
    digest = hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex()
    return digest == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def _ed25519() -> bool:
    """RFC 8032 section 7.1, test 2."""
    key = sign.SigningKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    signature = key.sign(b"\x72")
    sign.verify(key.public, signature, b"\x72")
    return signature.hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def _ed25519_refuses() -> bool:
    """Under the identity point, this signature would be good for every message."""
    identity = bytes([1]) + bytes(31)
    try:
        sign.check_public(identity)
    except BadKey:
        pass
    else:
        return False
    try:
        sign.verify(identity, identity + bytes(32), b"any")
    except BadSignature:
        return True
    return False


def _hpke(suite: int) -> Callable[[], bool]:
    seed, public_sha256, sealed = _HPKE[suite]

    def holds() -> bool:
        key = SealingKey(suite, bytes.fromhex(seed))
        enc_ct = b64.decode(sealed)
        if sha256(key.public).hexdigest() != public_sha256 or key.open(_HPKE_INFO, enc_ct) != _HPKE_PLAINTEXT:
            return False
        try:
            key.open(b"another head", enc_ct)
        except CannotOpen:
            return True
        return False

    return holds


def _xchacha() -> bool:
    """draft-irtf-cfrg-xchacha-03, appendix A.3.1."""
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    data = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(_XCHACHA_PLAINTEXT, data, nonce, key)
    return sealed.hex() == _XCHACHA_CIPHERTEXT


def _argon2id() -> bool:
    """Least cost, so that start-up stays quick; the tests compare it with a second implementation."""
    derived = pwhash.argon2id.kdf(32, b"correct horse", bytes(range(16)), 1, 8192)
    return derived.hex() == "3bfa796a86260b73457e1290b51695931a17e266f601d0fb45563e282fb6865b"


_TESTS: Mapping[str, Callable[[], bool]] = MappingProxyType(
    {
        "SHA-256": _sha256,
        "HMAC-SHA-256": _hmac,
        "Ed25519": _ed25519,
        "Ed25519 refuses the identity point": _ed25519_refuses,
        "HPKE suite 1": _hpke(1),
        "HPKE suite 2": _hpke(2),
        "XChaCha20-Poly1305": _xchacha,
        "Argon2id": _argon2id,
    }
)
