"""What is wrong with our keys: the store against our card, the card itself, the certificates; and when each ends."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway import home as homes
from gateway import read_only
from gateway.checks.look import Look, own_card
from gateway.core.card_chain import advance_chain
from gateway.services.health import N_, SOON, Item, bad, note, ok
from gateway.services.own_card import every
from gateway.services.ports import Unavailable
from gateway.settings import BadConfiguration, Settings
from gateway.transport.card_directory import load_cards
from gateway.transport.peers import spki_hash
from keys import b64, selftest
from keys.card import Card
from keys.cosign import CosigningKey
from keys.custody import open_store
from keys.ids import SIGN, key_id
from keys.sign import SigningKey

DESKS_SOON = timedelta(days=7)
"""
How long before its end that of the desks becomes a finding: such certificates are made for weeks, and most of them are
renewed by a program long before. Of one that is made for days it is the last third, or it would always be one.
"""


def crypto(look: Look) -> Iterator[Item]:
    """Look at whether the library computes what was published."""
    selftest.run()
    yield ok("crypto", N_("every primitive gives its published answer"))


def keys(look: Look) -> Iterator[Item]:
    """Compare the private halves in the store with our card."""
    store = look.keys or open_store(look.settings.custody, passphrase=look.ask, environ=os.environ)
    names = store.names()
    device = look.device_kid(look.settings)
    lost = N_("restore the key store from its copy in the safe")
    if not names:  # what makes one key of it would begin a key store, in which the others are not
        yield bad("keys", N_("there is no key store, or nothing is in it"), lost)
        return
    for name in (homes.LOG, homes.KEK) if device else (homes.SIGNING, homes.LOG, homes.KEK):
        if name not in names and not (name == homes.SIGNING and homes.NEXT in names):  # an activation cut short: below
            hint = N_(
                "restore the key store from its copy in the safe; where the key was in a device that is lost,"
                " isthmus keys rotate signing, then the same with --activate"
            )
            yield bad(
                "keys", N_("the key store holds no '%(name)s'"), hint if name == homes.SIGNING else lost, name=name
            )
    held = own_card(look.settings)
    if homes.LOG in names and SigningKey(store.get(homes.LOG)).kid not in {one.kid for one in held.log}:
        yield bad("keys", N_("the key store is of another gateway: our card does not list its log key"), lost)
        return  # no command changes that key, and what else is said of this store would have keys made in it
    if homes.COSIGNING not in names:
        yield bad("keys", N_("there is no key to cosign checkpoints with"), N_("isthmus log cosigner"))
    elif CosigningKey(store.get(homes.COSIGNING)).public not in own_card(look.settings).cosigning:
        text = N_("our card does not list the key that cosigns checkpoints")
        yield bad("keys", text, N_("isthmus log cosigner"))
    here = homes.private_kids(store)
    yield from _signing(look, held, device, here)
    if device and homes.SIGNING in names:
        hint = N_("isthmus keys rotate signing --activate, once every partner has the card with the device's key")
        yield bad("keys", N_("a signing key is in the key store, and the one in use is in a device"), hint)
    living = [key.kid for key in held.sealing if key.valid_until > look.now and key.revoked_at is None]
    gone = [kid for kid in living if kid not in here]
    if gone:
        hint = N_("restore the key store from its copy in the safe, or isthmus keys revoke KID")
        yield bad("keys", N_("%(count)s sealing keys of our card cannot be opened here"), hint, count=len(gone))
    cards = [one.raw for one in every(load_cards(look.settings.cards, held.country), held.country, held)]
    ended, unlisted = homes.ended_keys(store, cards, look.now), homes.unlisted_keys(store, cards)
    if ended and _ends_nothing(look):
        text = N_("%(count)s sealing keys have ended and go once the clock has gone on for a day")
        yield note("keys", text, N_("nothing to do if the clock is right"), count=len(ended))
    elif ended:
        text = N_("%(count)s sealing keys have ended and are still here")
        yield bad("keys", text, N_("isthmus keys destroy"), count=len(ended))
    if unlisted:
        text = N_("%(count)s sealing keys stand in no card of ours that is here")
        hint = N_(
            "restore the newest cards; if a rotation was cut short, isthmus keys rotate sealing goes on with them"
        )
        yield bad("keys", text, hint, count=len(unlisted))
    if not gone and not ended and not unlisted:
        text = N_("the key store opens; %(count)s keys agree with card %(serial)s")
        yield ok("keys", text, count=len(here), serial=held.serial)


def _ends_nothing(look: Look) -> bool:
    """Return whether a gateway that runs destroys no key yet, for its clock leapt; nobody is told to do it then."""
    with suppress(Unavailable):  # ``database`` tells of it
        return read_only.waits(look.settings, look.now) is not None
    return False


def _signing(look: Look, held: Card, device: str | None, here: Mapping[str, str]) -> Iterator[Item]:
    """Look at the signing key in use; where the card lists the next one already, that is to be activated."""
    active = {key.kid: key.valid_until for key in held.signing if key.is_active(look.now)}
    in_use = device or next((kid for kid, name in here.items() if name == homes.SIGNING), "")
    end = active.get(in_use)
    hint = N_("isthmus keys rotate signing --device URI") if device else N_("isthmus keys rotate signing")
    if any(here.get(kid) == homes.NEXT for kid in active):
        hint = N_(
            "isthmus keys rotate signing --activate, once every partner has taken the card that lists the new key"
        )
    if end is None and any(key.kid == in_use and key.revoked_at is not None for key in held.signing):
        if device:
            hint = N_("isthmus keys device URI, then isthmus keys rotate signing --device URI")
        elif homes.NEXT not in here.values():
            hint = N_(
                "put the newest copy of the key store back if this is an older one; else isthmus keys rotate signing"
            )
        else:  # nothing waits for partners: what it signs none takes
            hint = N_("isthmus compromise once more if it was cut short; else isthmus keys rotate signing --activate")
        yield bad("keys", N_("our card revokes the signing key in use"), hint)
    elif end is None:
        yield bad("keys", N_("our card does not list the signing key in use, or not for now"), hint)
    elif end - look.now < SOON:
        yield bad("keys", N_("the signing key ends on %(day)s"), hint, day=end.date())


def card(look: Look) -> Iterator[Item]:
    """Look at our own card: chain, windows left, certificate, the keys of second signers."""
    held = own_card(look.settings)
    yield from _chain(look, held)
    yield from _windows(look, held)
    yield from _certificate(look, held)
    yield from _roles(look, held)


def _roles(look: Look, held: Card) -> Iterator[Item]:
    """Look at whose statements partners cannot verify, or soon cannot any more."""
    ends = {(key.role, key.kid): key.valid_until for key in held.roles if key.is_active(look.now)}
    revoked = {key.kid for key in held.roles if key.revoked_at is not None}
    for person in look.settings.values["persons"]:
        kid = b64.encode(key_id(SIGN, b64.decode(person["key"])))
        for role in sorted(homes.TRAVELS.keys() & set(person["roles"])):
            named = homes.TRAVELS[role]
            end = ends.get((named, kid))
            hint = N_("isthmus keys card --add-role %(role)s=%(key)s")
            values = {"person": person["id"], "role": named, "key": person["key"]}
            if end is not None and end - look.now >= SOON:
                continue
            if kid in revoked:
                text = N_("the key of '%(person)s' as %(role)s is revoked, and the configuration has it still")
                hint = N_("isthmus keys new; put that key in its place in isthmus.toml, and list it in the card")
                yield bad("card", text, hint, **values)
            elif end is not None:
                text = N_("the key of '%(person)s' as %(role)s ends on %(day)s in our card")
                yield bad("card", text, hint, day=end.date(), **values)
            elif role == "second_signer":
                yield bad("card", N_("'%(person)s' signs second, and our card does not list that key"), hint, **values)
            else:
                text = N_("'%(person)s' cannot sign a return as %(role)s: our card does not list that key")
                yield note("card", text, hint, **values)


def _chain(look: Look, held: Card) -> Iterator[Item]:
    if homes.is_ahead(held, look.now):
        return  # nobody takes it before its day, nor do we; what to do then the check of the clock says
    raws = load_cards(look.settings.cards, held.country)
    newest, why, _ = advance_chain(None, held.identity, raws, look.now)
    if why or newest is None or newest.digest != held.digest:
        text = N_("our cards do not follow one another: %(why)s")
        yield bad("card", text, N_("restore the card directory"), why=str(why or "one is missing"))
    else:
        text = N_("card %(serial)s, epoch %(epoch)s, fingerprint %(fingerprint)s")
        yield ok("card", text, serial=held.serial, epoch=held.epoch, fingerprint=held.fingerprint)


def _windows(look: Look, held: Card) -> Iterator[Item]:
    ends = _last_window(held, look.now)
    left = ends - look.now
    hint = N_("isthmus keys rotate sealing, then give the card to every partner")
    if not any(key.is_active(look.now) for key in held.sealing):
        yield bad("card", N_("our card lists no sealing key for now: no partner can write to us"), hint)
    elif left < SOON:
        yield bad("card", N_("the last sealing key ends on %(day)s"), hint, day=ends.date())
    else:
        yield ok("card", N_("sealing keys for %(days)s more days"), days=left.days)


def _last_window(held: Card, now: datetime) -> datetime:
    return max((key.valid_until for key in held.sealing if not key.is_revoked(now)), default=now)


def _certificate(look: Look, held: Card) -> Iterator[Item]:
    from gateway.configured import tls  # here: it takes up half of the gateway

    peers = look.settings.values["listeners"]["peers"]
    if not peers["tls_certificate"]:
        yield note("tls", N_("no certificate here"), N_("a proxy in front must speak TLS 1.3"))
        return
    try:
        tls(look.settings)
    except BadConfiguration as error:
        hint = N_("restore certificate and key from the backup; for another key: isthmus keys card --certificate FILE")
        yield bad("tls", "%(why)s", hint, why=error.problems[0])
        return
    if not peers["tls_key"]:
        text = N_("the certificate has no key here: the gateway speaks no TLS")
        yield note("tls", text, N_("a proxy in front must speak TLS 1.3"))
    certificate = _read_certificate(look.settings, peers)
    if held.spki and spki_hash(certificate.public_bytes(Encoding.DER)) not in held.spki:
        hint = N_("use the one before, then list this one beside it: isthmus keys card --certificate FILE")
        yield bad("tls", N_("our card does not list the key of this certificate"), hint)
    ends = certificate.not_valid_after_utc
    if ends - look.now < SOON:
        yield bad("tls", N_("the certificate ends on %(day)s"), N_("renew it with the same key"), day=ends.date())
    else:
        yield ok("tls", N_("certificate until %(day)s"), day=ends.date())


def tls(look: Look) -> Iterator[Item]:
    """Look at the certificate of the desks: without it no door is opened, and once it ended no browser takes it."""
    from gateway.configured import tls  # here: it takes up half of the gateway

    door = look.settings.values["listeners"].get("desks")
    if door is None or not door["tls_certificate"]:
        return
    try:
        tls(look.settings, "desks")
    except BadConfiguration as error:
        yield bad("tls", "%(why)s", N_("restore certificate and key from the backup"), why=error.problems[0])
        return
    certificate = _read_certificate(look.settings, door)
    ends = certificate.not_valid_after_utc
    if ends - look.now < min(DESKS_SOON, (ends - certificate.not_valid_before_utc) / 3):
        hint = N_("put a new one in its place, then start the gateway again")
        yield bad("tls", N_("the certificate of the desks ends on %(day)s"), hint, day=ends.date())


def _read_certificate(chosen: Settings, door: Mapping[str, Any]) -> x509.Certificate:
    return x509.load_pem_x509_certificate((chosen.home / door["tls_certificate"]).read_bytes())


def ends(chosen: Settings, held: Card | None, signing: str, now: datetime) -> dict[str, datetime]:
    """
    Return until when what has an end is good: ``signing`` and the last sealing key of our card, and each certificate.

    ``held`` is our card. What cannot be read is left out; the checks tell of it.
    """
    found = {}
    if held is not None:
        found["sealing_keys"] = _last_window(held, now)
    for key in held.signing if held is not None else ():
        if key.kid == signing:
            found["signing_key"] = key.valid_until
    for name, door in chosen.values["listeners"].items():
        if door is not None and door.get("tls_certificate"):
            with suppress(OSError, ValueError):
                found[f"certificate_{name}"] = _read_certificate(chosen, door).not_valid_after_utc
    return found
