"""Section 8.4: which keys stand in a trust list, and for which State each of them speaks."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.play import Play
from conformance.reading import Json
from conformance.registry import case
from conformance.trust_list import (
    NEEDS,
    Fault,
    TrustList,
    cards_document,
    delegation,
    id_of,
    leave_out,
    listed,
    none_taken,
    part_not_taken,
    published,
    row_of,
)
from conformance.writing import Key

SMALL_ORDER = bytes([1]) + bytes(31)
NOT_ITS_ENCODING = bytes([0xEE]) + bytes([0xFF] * 30) + bytes([0x7F])
"""The neutral element, and the same point by a y that is not reduced."""

# Keys


def _with_key(row: Json, keyid: str | None = None) -> Fault:
    """Return a list in which the first State has one more key, ``row``."""

    def fault(book: TrustList) -> None:
        def change(signed: Json) -> None:
            signed["delegations"]["keys"][keyid or id_of(row)] = row
            signed["delegations"]["roles"][0]["keyids"].append(keyid or id_of(row))

        book.publish(change={"targets": change})

    return fault


def _one_key_twice(book: TrustList) -> None:
    """One key of the first State stands under a second id, and signs under both."""
    code, other = book.code, "0" * 64
    key = book.keys[code][0]

    def change(signed: Json) -> None:
        signed["delegations"]["keys"][other] = row_of(key.public)
        signed["delegations"]["roles"][0]["keyids"].append(other)

    def twice(part: Json) -> None:
        part["signatures"].append({**part["signatures"][0], "keyid": other})

    book.publish(change={"targets": change}, by={code: [key]}, whole={code: twice})


def _one_key_in_capitals(book: TrustList) -> None:
    """One key of the first State is written twice, the second time in capitals, and signs under both ids."""
    code = book.code
    key = book.keys[code][0]
    row = row_of(key.public, keyval={"public": key.public.hex().upper()})

    def twice(part: Json) -> None:
        part["signatures"].append({**part["signatures"][0], "keyid": id_of(row)})

    def change(signed: Json) -> None:
        signed["delegations"]["keys"][id_of(row)] = row
        signed["delegations"]["roles"][0]["keyids"].append(id_of(row))

    book.publish(change={"targets": change}, by={code: [key]}, whole={code: twice})


def _in_root(book: TrustList) -> None:
    row = row_of(SMALL_ORDER)
    book.next_root(change=lambda signed: signed["keys"].update({id_of(row): row}))
    book.publish()


def _ecdsa() -> Json:
    public = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": pem}}


_ANY = Key(bytes(range(32))).public
KEYS: dict[str, Fault] = {
    "ecdsa": _with_key(_ecdsa()),
    "another-scheme": _with_key(row_of(_ANY, scheme="ed25519ph")),
    "another-member": _with_key(row_of(_ANY, note="")),
    "another-member-of-keyval": _with_key(row_of(_ANY, keyval={"public": _ANY.hex(), "private": ""})),
    "another-id": _with_key(row_of(_ANY), "0" * 64),
    "one-key-twice": _one_key_twice,
    "one-key-in-capitals": _one_key_in_capitals,
    "small-order": _with_key(row_of(SMALL_ORDER)),
    "not-its-encoding": _with_key(row_of(NOT_ITS_ENCODING)),
    "small-order-in-root": _in_root,
}


@case("delegations.keys", "M-8.8", section="8.4", inputs=KEYS, needs=NEEDS, fresh=True)
async def keys(play: Play, fault: Fault) -> None:
    """
    A list with a key that is not Ed25519, not under its own id or no usable point is not read.

    A gateway that reads it counts one key twice, or believes a key whose signature anybody can make.
    """
    await none_taken(play, fault)


# States


def _named(**changes: Any) -> Fault:
    """Return a list that names the first State by another delegation, after all others."""

    def fault(book: TrustList) -> None:
        code = book.code

        def change(signed: Json) -> None:
            given = {name: value(code) if callable(value) else value for name, value in changes.items()}
            signed["delegations"]["roles"][:1] = []
            signed["delegations"]["roles"].append(delegation(code, book.keys[code], **given))

        book.publish(change={"targets": change})

    return fault


def _lone_signer(book: TrustList) -> None:
    """One key of three speaks for the first State."""
    code = book.code

    def change(signed: Json) -> None:
        signed["delegations"]["roles"][0]["threshold"] = 1

    book.publish(change={"targets": change}, by={code: book.keys[code][:1]})


def _another_before_it(book: TrustList) -> None:
    """Before that of the first State another delegation stands over the same path; the State itself lists one card."""
    code, keys = book.code, book.some_keys("helper", 3)
    cards = book.states[0].cards
    book.beside("helper", keys, {f"cards/{code}/card.json": cards_document(code, cards)})

    def change(signed: Json) -> None:
        signed["delegations"]["keys"].update(listed(keys))
        signed["delegations"]["roles"].insert(0, delegation("helper", keys, paths=[f"cards/{code}/*"]))

    book.publish(change={"targets": change}, cards={code: cards_document(code, cards[:1])})


FORMS: dict[str, Fault] = {
    "another-before-it": _another_before_it,
    "not-terminating": _named(terminating=False),
    "two-paths": _named(paths=lambda code: [f"cards/{code}/*", f"more/{code}/*"]),
    "wider-path": _named(paths=["cards/*/*"]),
    "narrower-path": _named(paths=lambda code: [f"cards/{code}/card.json"]),
    "by-hash": _named(paths=None, path_hash_prefixes=[""]),
    "lone-signer": _lone_signer,
    "no-longer": lambda book: book.publish(change={"targets": leave_out(book)}),
}


@case("delegations.named", "M-8.9", "M-8.10", section="8.4", inputs=FORMS, needs=NEEDS, fresh=True)
async def named(play: Play, fault: Fault) -> None:
    """
    A State that the list names by another delegation than that of its code, or not any more, is left as it was.

    A gateway that takes other forms lets whoever has some delegation speak for a State, or takes silence for news.
    """
    await part_not_taken(play, fault)


@case("delegations.one-key", "M-8.9", section="8.4", positive=True, needs=NEEDS, fresh=True)
async def one_key(play: Play) -> None:
    """
    A State that has one key signs with that one.

    A gateway that wants two of it never hears of a State that has no more.
    """
    async with published(play) as book:
        book.keys[book.code] = book.keys[book.code][:1]
        for one in book.states:
            one.next_card()

        def change(signed: Json) -> None:
            signed["delegations"]["roles"][0]["threshold"] = 1

        book.publish(change={"targets": change})
        await book.held(2, 2)


@case("delegations.shared-key", "M-8.9", section="8.4", needs=NEEDS, fresh=True)
async def shared_key(play: Play) -> None:
    """
    Of two States for which the same key may speak nothing is taken.

    A gateway that takes it lets whoever holds the keys of one State speak for the other.
    """

    def shared(book: TrustList) -> None:
        code, other = (one.code for one in book.states)
        book.keys[code] = [*book.keys[code][:1], *book.keys[other][:2]]
        book.publish()

    await none_taken(play, shared)
