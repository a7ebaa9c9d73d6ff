"""
Signing keys inside a device: a smart card, a token or a security module, reached by PKCS #11 and named by a URI.

    pkcs11:token=LABEL;object=LABEL?module-path=/path/to/module.so&pin-source=file:/path/to/pin

Rule 1: the URI is one of RFC 7512; no member but these is understood, and none is passed over.
Rule 2: the PIN is never in the URI. It comes from a file of its owner alone (``file:``), from a variable (``env:``),
from a systemd credential (``credential:``), or is asked for.
Rule 3: a key is used only after it has signed something that its public half verifies, by the rules of ``keys.sign``.
Rule 4: a key made here cannot be read out of the device; one that can be is not used.
Rule 5: a device that was away is logged in to again, as at the first time, once it is asked for a signature; where that
fails its module is begun anew, for some see a device only that is there then. A PIN that does not open it any more is
tried once: too many wrong ones lock it.

The private key never enters this process. Needs the extra ``pkcs11``; what the library gives is taken as ``Any``, since
types are checked without it too.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from nacl.utils import random

from keys import b64, sign
from keys.errors import BadKey, BadSignature, BadStore, NoSuchKey, WrongPassphrase
from keys.ids import SIGN, key_id

Pin = Callable[[], str]

SCHEME = "pkcs11"

_CURVE = bytes.fromhex("130c656477617264733235353139")
"""The PrintableString ``edwards25519``: CKA_EC_PARAMS of PKCS #11 3.0 section 6.3.13."""

_POINT_HEAD = b"\x04\x20"
"""An OCTET STRING of 32 bytes, in which a public point is wrapped."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a key is: the module of the device, the label of its token, the label of the object, where the PIN is."""

    module: str
    token: str
    object: str
    pin_source: str | None


def parse_uri(uri: str) -> Address:
    """Return what ``uri`` says. Raises ``BadStore`` for one that is not exactly of the form above."""
    scheme, _, rest = uri.partition(":")
    path, _, query = rest.partition("?")
    # Each by RFC 7512: one attribute once, escapes alone are decoded, and a plus is a plus.
    named, asked = ([part.partition("=") for part in text.split(mark)] for text, mark in ((path, ";"), (query, "&")))
    names = {name: unquote(value) for name, _, value in named}
    options = {name: unquote(value) for name, _, value in asked}
    known = set(names) == {"token", "object"} and set(options) <= {"module-path", "pin-source"}
    module = options.get("module-path", "")
    once = len(named) == len(names) and len(asked) == len(options)
    if scheme != SCHEME or not once or not known or not all(names.values()) or module[:1] != "/":
        raise BadStore(
            "not the address of a key in a device",
            "write pkcs11:token=LABEL;object=LABEL?module-path=/path/to/module.so&pin-source=file:/path",
        )
    return Address(module, names["token"], names["object"], options.get("pin-source"))


def open_device(uri: str, *, pin: Pin | None = None, environ: Mapping[str, str]) -> "DeviceKey":
    """
    Return the key that ``uri`` names, after it has signed something that verifies.

    ``pin`` is asked where the URI names no source. Raises ``BadStore``, ``NoSuchKey``, ``WrongPassphrase``.
    """
    address = parse_uri(uri)
    begin = partial(_session, address, pin, environ, writes=False)
    with _told():
        return DeviceKey(begin(), address.object, begin)


def make_key(uri: str, *, pin: Pin | None = None, environ: Mapping[str, str]) -> "DeviceKey":
    """
    Make a key inside the device under the label in ``uri``, and return it.

    Raises ``BadStore``, also if the label is taken, and ``WrongPassphrase``.
    """
    address = parse_uri(uri)
    with _told():
        import pkcs11

        session = _session(address, pin, environ, writes=True)
        if list(session.get_objects({pkcs11.Attribute.LABEL: address.object})):
            raise BadStore(
                "the device already holds an object of that label", "take another label; none is overwritten"
            )
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: _CURVE}, local=True
        )
        parameters.generate_keypair(
            mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            store=True,
            label=address.object,
            private_template={pkcs11.Attribute.EXTRACTABLE: False, pkcs11.Attribute.SENSITIVE: True},
        )
        return DeviceKey(session, address.object)


class DeviceKey:
    """An Ed25519 key that signs inside a device; a ``keys.sign.Signer``."""

    __slots__ = ("_begin", "_key", "_kid", "_label", "_mechanism", "_public", "_session")

    def __init__(self, session: Any, label: str, begin: Callable[..., Any] | None = None) -> None:
        """
        Find the key ``label`` and try it. Raises as ``open_device``.

        ``begin`` returns a session in place of one lost, with ``anew`` from a module that was begun anew.
        """
        import pkcs11

        self._session, self._mechanism = session, pkcs11.Mechanism.EDDSA
        self._label, self._begin = label, begin
        self._key = _one(session, pkcs11.ObjectClass.PRIVATE_KEY, label)
        public = _one(session, pkcs11.ObjectClass.PUBLIC_KEY, label)[pkcs11.Attribute.EC_POINT]
        # Some devices give the point as it is, some wrapped; no other form is known.
        self._public = bytes(public).removeprefix(_POINT_HEAD) if len(public) > sign.PUBLIC_BYTES else bytes(public)
        if self._key[pkcs11.Attribute.EXTRACTABLE]:
            raise BadStore("the key can be read out of the device", "make one that cannot: isthmus keys device")
        message = random(32)
        try:
            sign.check_public(self._public)
            sign.verify(self._public, self.sign(message), message)
        except (BadKey, BadSignature):
            raise BadStore("the device holds no usable Ed25519 key of that label", "isthmus keys device") from None
        self._kid = b64.encode(key_id(SIGN, self._public))

    def __repr__(self) -> str:
        return f"DeviceKey(kid={self._kid!r})"

    @property
    def public(self) -> bytes:
        """Return the public key (32 bytes)."""
        return self._public

    @property
    def kid(self) -> str:
        """Return the key id as text (22 characters)."""
        return self._kid

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message`` (64 bytes). Raises ``BadStore`` if the device does not answer."""
        import pkcs11

        with _ONE, _told():
            try:
                return bytes(self._key.sign(message, mechanism=self._mechanism))
            except pkcs11.exceptions.PKCS11Error as error:
                if self._begin is None or type(error).__name__ not in _AWAY:
                    raise
            return self._signed_anew(message, self._begin)

    def _signed_anew(self, message: bytes, begin: Callable[..., Any], *, anew: bool = False) -> bytes:
        """Sign ``message`` in a session that ``begin`` returns, in place of one that the device does not know now."""
        import pkcs11

        _let_go(self._session)
        try:
            return self._signed_in(begin(anew=anew), message)
        except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinLenRange, pkcs11.exceptions.PinInvalid):
            self._begin = None
            raise
        except pkcs11.exceptions.PKCS11Error:
            if anew:
                raise
            return self._signed_anew(message, begin, anew=True)

    def _signed_in(self, session: Any, message: bytes) -> bytes:
        """Sign ``message`` in ``session``, and go on with that if it is the same key there."""
        import pkcs11

        try:
            key = _one(session, pkcs11.ObjectClass.PRIVATE_KEY, self._label)
            signature = bytes(key.sign(message, mechanism=self._mechanism))
            sign.verify(self._public, signature, message)
        except BadSignature:
            _let_go(session)
            raise BadStore("the device holds another key of that label than before", "isthmus check") from None
        except BaseException:
            _let_go(session)
            raise
        self._session, self._key = session, key
        return signature


def _let_go(session: Any) -> None:
    """End a session, of which a device has few, if there still is one."""
    import pkcs11

    with suppress(pkcs11.exceptions.PKCS11Error):
        session.close()


_ONE = threading.Lock()
"""One operation at a time: a session bears no more, and a module that is begun anew ends every session of it."""

_AWAY = frozenset(
    {
        # The last is what the library makes of a module that was ended, and of what only its maker knows.
        *("DeviceError", "DeviceRemoved", "FunctionFailed", "GeneralError", "TokenNotPresent", "PKCS11Error"),
        *("KeyHandleInvalid", "SessionClosed", "SessionHandleInvalid", "UserNotLoggedIn"),
    }
)
"""What the library says of a session that the device, or its module, does not know any more."""


def _session(address: Address, pin: Pin | None, environ: Mapping[str, str], *, writes: bool, anew: bool = False) -> Any:
    import pkcs11

    try:
        library = pkcs11.lib(address.module)
        if anew:
            library.reinitialize()
    except (pkcs11.exceptions.PKCS11Error, OSError, RuntimeError) as error:
        raise BadStore("the device's module cannot be used", "check module-path: it names a library file") from error
    token = library.get_token(token_label=address.token)
    try:
        return token.open(rw=writes, user_pin=_pin(address, pin, environ))
    except pkcs11.exceptions.UserAlreadyLoggedIn:
        return token.open(rw=writes)  # a process logs in once, and every session of it is then in


def _pin(address: Address, pin: Pin | None, environ: Mapping[str, str]) -> str:
    from keys.custody import read_secret

    if address.pin_source is not None:
        return read_secret(address.pin_source, environ).strip()
    if pin is None:
        raise BadStore("the device needs its PIN", "name its file with pin-source=file:/path in the address")
    return pin()


def _one(session: Any, kind: Any, label: str) -> Any:
    import pkcs11

    found = list(session.get_objects({pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.LABEL: label}))
    if not found:
        raise NoSuchKey("the device holds no key of that label", "make one: isthmus keys device URI")
    if len(found) > 1:
        raise BadStore("the device holds more than one key of that label", "give each a label of its own")
    return found[0]


@contextmanager
def _told() -> Iterator[None]:
    """Translate what the library raises; its texts hold no PIN."""
    try:
        import pkcs11
    except ImportError:
        raise BadStore(
            "keys in devices need the extra 'pkcs11'", "install the extra: requirements/pkcs11.txt"
        ) from None
    try:
        yield
    except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinLenRange, pkcs11.exceptions.PinInvalid):
        raise WrongPassphrase("the PIN does not open the device", "try again; too many wrong ones lock it") from None
    except pkcs11.exceptions.PinLocked:
        raise WrongPassphrase("the device is locked after wrong PINs", "its security officer can unlock it") from None
    except pkcs11.exceptions.NoSuchToken:
        raise BadStore("no device with a token of that label is here", "plug it in, or check the label") from None
    except pkcs11.exceptions.PKCS11Error as error:
        raise BadStore(
            f"the device refused: {type(error).__name__}", "see that it is plugged in and not in use"
        ) from error
