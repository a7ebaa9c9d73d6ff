"""
A gateway's home: the directory with its configuration, keys, card and data, and how it is first made.

The identity key that signs the card is made into a store of its own, ``identity.keys``, to be carried off the machine:
a gateway runs without it.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.core.wire import format_instant
from gateway.services import windows
from gateway.settings import FILE_NAME, store_uri
from gateway.transport.card_directory import write_card
from keys import b64, card
from keys.card import Card
from keys.cosign import CosigningKey
from keys.custody import KeyStore, open_store
from keys.durable_file import make_folder, write_durably
from keys.errors import BadStore, NoSuchKey
from keys.ids import SIGN, key_id
from keys.seal import SealingKey
from keys.sign import Signer, SigningKey

KEY_FILE = "gateway.keys"
IDENTITY_FILE = "identity.keys"
IDENTITY = "identity"
SIGNING = "sign.1"
LOG = "log.1"
COSIGNING = "cosign.1"
KEK = "kek.1"

NEXT = "sign.next"
"""Name of a signing key that stands in the card and is not used yet."""

TRAVELS = {
    "second_signer": "second_signer",
    "child_welfare": "welfare",
    "coordinator": "coordinator",
    "desk_head": "desk_head",
    "escort": "escort",
    "reception": "reception",
}
"""Roles whose statements travel, and as what the card lists their keys."""

WINDOWS = 13
WINDOW_EVERY = timedelta(days=30)
WINDOW_LASTS = timedelta(days=45)
"""One ceremony a year: 13 sealing keys, one a month, each valid for 30 days and 15 more while senders change over."""


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a new home should be; ``custody`` and ``identity_custody`` are key store URIs (``file:`` under the home).

    ``database`` is as in the configuration; ``None`` is a file in the home.
    """

    country: str
    authority: str
    zone: str
    address: str
    peers_host: str = "127.0.0.1"
    peers_port: int = 8443
    api_port: int | None = 8080
    suite: int = 1
    custody: str = f"file:{KEY_FILE}"
    identity_custody: str = f"file:{IDENTITY_FILE}"
    roles: Sequence[Mapping[str, str]] = ()
    database: str | None = None


def create(home: Path, wish: Wish, now: datetime, passphrase: Callable[[], str], environ: Mapping[str, str]) -> Card:
    """Make the home ``home``, but for its database, and return its first card. Raises as ``furnish`` does."""
    first = furnish(home, wish, now, passphrase, environ)
    configure(home, wish)
    return first


def furnish(home: Path, wish: Wish, now: datetime, passphrase: Callable[[], str], environ: Mapping[str, str]) -> Card:
    """
    Make everything of the home ``home`` but database and configuration, and return its first card.

    ``roles`` of ``wish`` are ``{"role", "key"}`` of the persons whose statements partners must be able to verify.
    Raises ``FileExistsError`` if there is a home already; nothing is overwritten.
    """
    check_free(home)
    make_folder(home, mode=0o700)
    make_folder(home / "data", mode=0o700)
    store = open_store(store_uri(home, wish.custody), passphrase=passphrase, environ=environ)
    make_keys(store, wish.suite)
    identity_store = open_store(store_uri(home, wish.identity_custody), passphrase=passphrase, environ=environ)
    identity_store.put(IDENTITY, SigningKey.generate().seed)
    spki = make_certificate(home, wish.country, wish.peers_host, now)
    claims = card_claims(store, SigningKey(identity_store.get(IDENTITY)).public, wish, now, [spki])
    raw = card.sign_card(claims, SigningKey(identity_store.get(IDENTITY)))
    first = card.parse_card(raw)
    write_card(home / "cards", first)
    return first


def check_free(home: Path) -> None:
    """Raise ``FileExistsError`` if there is a home at ``home`` already."""
    if (home / FILE_NAME).exists():
        raise FileExistsError(f"{home / FILE_NAME} exists; a home is never overwritten")


def configure(home: Path, wish: Wish) -> None:
    """Write the configuration, which makes what was furnished a home."""
    write_durably(home / FILE_NAME, configuration_text(wish).encode())


def make_keys(store: KeyStore, suite: int) -> None:
    """Put keys to sign, to log, to cosign and to encrypt keys, and 13 sealing keys of ``suite``, into ``store``."""
    store.put(SIGNING, SigningKey.generate().seed)
    store.put(LOG, SigningKey.generate().seed)
    store.put(COSIGNING, CosigningKey.generate().seed)
    store.put(KEK, os.urandom(32))
    for _ in range(WINDOWS):
        add_sealing_key(store, suite)


def add_sealing_key(store: KeyStore, suite: int) -> SealingKey:
    """Put a new sealing key of ``suite`` into ``store``, under the number after its last one, and return it."""
    numbers = [int(name.rsplit(".", 1)[1]) for name in store.names() if name.startswith("seal.")]
    made = SealingKey.generate(suite)
    store.put(f"seal.{suite}.{max(numbers, default=0) + 1}", made.seed)
    return made


def sealing_keys(store: KeyStore) -> list[tuple[str, SealingKey]]:
    """Return every sealing key of ``store`` with its name, in the order of its windows."""
    names = sorted((n for n in store.names() if n.startswith("seal.")), key=lambda n: int(n.rsplit(".", 1)[1]))
    return [(name, SealingKey(int(name.split(".")[1]), store.get(name))) for name in names]


def private_kids(store: KeyStore) -> dict[str, str]:
    """Return the key id of every private key in ``store`` with its name there."""
    names = store.names()
    found = {b64.encode(secret.kid): name for name, secret in sealing_keys(store)}
    signing = [name for name in (SIGNING, NEXT, LOG) if name in names]
    return found | {SigningKey(store.get(name)).kid: name for name in signing}


def ended_keys(store: KeyStore, cards: Sequence[bytes], now: datetime) -> list[str]:
    """
    Return the names of sealing keys in ``store`` that are over by the last of our ``cards`` that lists each.

    As in ``gateway.services.windows``, a key that none of them lists is not over: its card may not be written yet, or
    not be here any more.
    """
    said = windows.endings(cards)
    over = {kid for kid, ending in said.items() if ending.revoked or ending.until <= now}
    return [name for name, secret in sealing_keys(store) if secret.kid in over]


def unlisted_keys(store: KeyStore, cards: Sequence[bytes]) -> list[SealingKey]:
    """Return the sealing keys in ``store`` that none of our ``cards`` lists."""
    said = windows.endings(cards)
    return [secret for _, secret in sealing_keys(store) if secret.kid not in said]


def log_key(store: KeyStore) -> SigningKey:
    """Return the log key of ``store``. Raises ``NoSuchKey``: what makes one key of none would begin a key store."""
    if LOG not in store.names():
        hint = "restore the key store from its copy in the safe"
        raise NoSuchKey("there is no key store, or it holds no log key", hint)
    return SigningKey(store.get(LOG))


def check_log_key(kid: str, held: Card) -> None:
    """
    Raise ``BadStore`` if our card ``held`` does not list the log key ``kid`` of the key store: that is of another home.

    No command changes the key, so the store of a home can be told by it for as long as there is one.
    """
    if kid not in {one.kid for one in held.log}:
        hint = (
            "put our own key store back from its copy in the safe, or our own cards from the backup; isthmus check"
            " names what else is not ours"
        )
        raise BadStore("the key store is of another gateway: our card does not list its log key", hint)


def card_claims(store: KeyStore, identity: bytes, wish: Wish, now: datetime, spki: Sequence[str]) -> dict[str, Any]:
    """Return the claims of a first card over the public keys of ``store``."""
    start = now.replace(microsecond=0) - timedelta(hours=1)  # a partner's clock may be behind ours
    year = start + timedelta(days=366)
    signing, log = SigningKey(store.get(SIGNING)), SigningKey(store.get(LOG))

    def key(kid: str, public: bytes, begin: datetime, end: datetime) -> dict[str, Any]:
        window = {"from": format_instant(begin), "until": format_instant(end), "revoked_at": None}
        return {"kid": kid, "key": b64.encode(public), **window}

    sealing = []
    for index, (_, secret) in enumerate(sealing_keys(store)):
        begin = start + index * WINDOW_EVERY
        entry = key(b64.encode(secret.kid), secret.public, begin, begin + WINDOW_LASTS)
        sealing.append({"suite": secret.suite, **entry})
    return {
        "v": 1,
        "country": wish.country,
        "serial": 1,
        "prev": None,
        "epoch": 1,
        "identity": b64.encode(identity),
        "signing": [key(signing.kid, signing.public, start, year)],
        "sealing": sealing,
        "roles": [
            {"role": role["role"], **key(_kid(role["key"]), b64.decode(role["key"]), start, year)}
            for role in wish.roles
        ],
        "log": [{"kid": log.kid, "key": b64.encode(log.public)}],
        "cosigning": [b64.encode(CosigningKey(store.get(COSIGNING)).public)],
        "addresses": [wish.address],
        "spki": list(spki),
        "authorities": [
            {
                "id": wish.authority,
                "name": wish.authority,
                "tasks": ["NATIONALITY", "PERM_RESIDENCE"],
                "from": start.date().isoformat(),
                "until": None,
            }
        ],
        "issued_at": format_instant(now),
    }


def _kid(public: str) -> str:
    return b64.encode(key_id(SIGN, b64.decode(public)))


def next_card(held: Card, changes: Mapping[str, Any], identity: Signer, now: datetime) -> Card:
    """Return the card after ``held``: its claims with ``changes``, one serial on, naming the one before."""
    return card.advance(held, card.sign_card(_next_claims(held, changes, now), identity), now)


def card_of_new_identity(held: Card, identity: Signer, now: datetime) -> Card:
    """
    Return the card after ``held`` under another identity key.

    Partners hold our State on it until a named officer of theirs has compared the fingerprint (M-8.5).
    """
    claims = _next_claims(held, {"identity": b64.encode(identity.public)}, now)
    return card.parse_card(card.sign_card(claims, identity))


def is_ahead(held: Card, now: datetime) -> bool:
    """Return whether a card is dated further ahead of ``now`` than partners bear, so that none takes it (M-8.1)."""
    return held.issued_at > now + card.CLOCK_SKEW_MAX


def dated_anew(cards: Sequence[Card], identity: Signer, now: datetime) -> list[Card]:
    """
    Return those of our ``cards``, oldest first, that are dated ahead, each in its own place and dated ``now``.

    Nobody has taken them whose clock is right. Raises ``CardRefused`` where one does not continue the one before it.
    """
    kept = [one for one in cards if not is_ahead(one, now)]
    before, made = kept[-1] if kept else None, list[Card]()
    for one in cards[len(kept) :]:
        prev = one.prev if before is None else before.digest
        raw = card.sign_card({**card.claims_of(one), "prev": prev, "issued_at": format_instant(now)}, identity)
        before = card.parse_card(raw) if before is None else card.advance(before, raw, now)
        made.append(before)
    return made


def _next_claims(held: Card, changes: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    after = {"serial": held.serial + 1, "prev": held.digest, "issued_at": format_instant(now)}
    return {**card.claims_of(held), **changes, **after}


def make_certificate(home: Path, country: str, host: str, now: datetime) -> str:
    """
    Make a self-signed certificate for the peers listener and return its SPKI hash (base64url SHA-256) for the card.

    Its subject names the country and nothing else. A certificate of the Web PKI may replace it at any time.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"gateway {country}")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=825))
        .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
    )
    certificate = builder.sign(private, hashes.SHA256())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_durably(home / "tls.key", pem, mode=0o600, new=True)
    write_durably(home / "tls.crt", certificate.public_bytes(serialization.Encoding.PEM))
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.urlsafe_b64encode(hashlib.sha256(spki).digest()).decode().rstrip("=")


def renew_certificate(home: Path, country: str, host: str, now: datetime) -> str:
    """
    Put a new certificate and key in the place of ``tls.crt`` and ``tls.key``, and return the SPKI hash for the card.

    The old key is gone from the disk before the new one takes its name; a crash leaves none; call again.
    """
    (home / "tls.key").unlink(missing_ok=True)
    return make_certificate(home, country, host, now)


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def configuration_text(wish: Wish) -> str:
    """Return the annotated configuration file of a new home."""
    api = f'\n[listeners.api]\nhost = "127.0.0.1"\nport = {wish.api_port}\n' if wish.api_port is not None else ""
    database = f'database = "{wish.database}"    # a PostgreSQL database\n' if wish.database is not None else ""
    return f"""# Configuration of one gateway. Check it with: isthmus check
country = "{wish.country}"          # ISO 3166-1 alpha-3
authority = "{wish.authority}"   # id of the asking and answering authority, as in the card
zone = "{wish.zone}"              # IANA time zone; a day ends at 24:00 there
data_dir = "data"
{database}custody = "{wish.custody}"        # file:PATH, env:NAME or credential:NAME
suites = [1, 2]

[listeners.peers]                 # what partners reach
host = "{wish.peers_host}"
port = {wish.peers_port}
tls_certificate = "tls.crt"
tls_key = "tls.key"
{api}
# [listeners.metrics]             # figures and health, for monitoring and a load balancer; see docs/operations.md
# port = 8450

[trust]
directory = "cards"
refresh_s = 900

# [partners.XBB]
# identity = "…"                  # its identity key, read out over a line you trust
# calendar = "XBB-2026-27"

# [[persons]]
# id = "first.officer"
# roles = ["case_officer"]
# key = "…"                       # isthmus keys new PERSON.keys
# token_sha256 = "…"              # of the API token

[partners]
"""
