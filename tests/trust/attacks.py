"""
What may be wrong with a trust list, one fault each, and what a reader has to make of it.

``before`` is done to a published list of XAA and XBB before a reader reads it first, ``after`` before it reads again.
Every reader has to come to ``verdict``: ``refused`` as a whole, ``part`` for what XBB says alone, or ``taken``. What
the protocol forbids in a list and TUF does not stands in ``STRICTER``: there other clients of TUF come to ``taken``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from securesystemslib.formats import encode_canonical
from tuf.api.metadata import MetaFile

from keys import trust_list, trust_policy
from keys.sign import SigningKey
from tests.support.trust_list import World, first_card, now

XAA, XBB = trust_policy.cards_path("XAA"), trust_policy.cards_path("XBB")


@dataclass(frozen=True, slots=True)
class Attack:
    """One fault: what was done, when, and what a reader has to make of it."""

    name: str
    after: Callable[[World], None]
    verdict: str
    before: Callable[[World], None] = lambda world: None


def _keep_timestamp(world: World) -> None:
    stamp = (world.folder / "metadata" / "timestamp.json").read_bytes()
    world.publish()
    world.forge("kept", stamp)


def _older_timestamp(world: World) -> None:
    world.forge("timestamp.json", (world.folder / "metadata" / "kept").read_bytes())


def _expired_timestamp(world: World) -> None:
    snapshot = world.repository.snapshot()
    assert snapshot is not None
    world.forge_top(trust_list.new_snapshot({}, now(), snapshot.signed), lasts=timedelta(hours=-1))


def thief_document(code: str) -> bytes:
    """Return cards of ``code`` by an identity key that a thief made."""
    return trust_policy.serialize_cards(code, [first_card(code, SigningKey.generate(), now()).raw])


def _put_cards(world: World, by: list[SigningKey], path: str, document: bytes) -> None:
    """Let XBB's part, signed by ``by``, name ``document`` at ``path``."""
    held = world.repository.part("XBB")
    assert held is not None
    part = trust_list.new_country("XBB", world.states["XBB"].document(), now(), held.signed)
    trust_list.set_target(part.signed, path, document)
    digest = part.signed.targets[path].hashes["sha256"]
    folder, _, name = path.rpartition("/")
    world.forge_part("XBB", part, by)
    world.forge("unused", b"", {f"{folder}/{digest}.{name}": document})


def _foreign_path(world: World) -> None:
    """XBB, with its own keys, names cards at the path of XAA."""
    _put_cards(world, list(world.states["XBB"].keys[:2]), XAA, thief_document("XAA"))


def _foreign_card(world: World) -> None:
    """XBB, with its own keys, lists a card of XAA as its own."""
    raws = [world.states["XAA"].cards[0].raw]
    _put_cards(world, list(world.states["XBB"].keys[:2]), XBB, trust_policy.serialize_cards("XBB", raws))


def _one_of_three(world: World) -> None:
    """A thief with one key of XBB lists a card of their own."""
    _put_cards(world, [world.states["XBB"].keys[2]], XBB, thief_document("XBB"))


def _one_twice(world: World) -> None:
    """The same, and the one signature stands there under the name of another key too."""
    _put_cards(world, [world.states["XBB"].keys[2]], XBB, thief_document("XBB"))
    part = world.repository.part("XBB")
    assert part is not None
    (signature,) = part.signatures.values()
    other = trust_list.list_key(world.states["XBB"].keys[0].public).keyid
    part.signatures[other] = type(signature)(other, signature.signature)
    raw = trust_list.serialize(part)
    world.forge(f"{part.signed.version}.XBB.json", raw)
    world.forge_snapshot({"XBB": raw})


def _online_forges_targets(world: World) -> None:
    """A thief of the online key signs targets with it, in which XBB has the thief's keys."""
    targets = world.repository.targets()
    assert targets is not None
    forged = trust_list.next_targets(targets.signed, now())
    trust_list.delegate(forged.signed, "XBB", [SigningKey.generate().public for _ in range(3)])
    world.forge_part("targets", forged, [world.online])


def _issue_twice(world: World) -> None:
    world.issue("XBB")


def _online_rolls_back(world: World) -> None:
    """A thief of the online key says that an older part of XBB is the newest."""
    snapshot = world.repository.snapshot()
    assert snapshot is not None
    raw = (world.folder / "metadata" / "1.XBB.json").read_bytes()
    world.forge_top(trust_list.new_snapshot({"XBB": raw}, now(), snapshot.signed))


def _online_leaves_out(world: World) -> None:
    """A thief of the online key leaves XBB out of the snapshot."""
    snapshot = world.repository.snapshot()
    assert snapshot is not None
    made = trust_list.new_snapshot({}, now(), snapshot.signed)
    del made.signed.meta["XBB.json"]
    world.forge_top(made)


def _two_of_five(world: World) -> None:
    """Two trustees give XBB keys of their own."""
    targets = world.repository.targets()
    assert targets is not None
    forged = trust_list.next_targets(targets.signed, now())
    trust_list.delegate(forged.signed, "XBB", [SigningKey.generate().public for _ in range(3)])
    world.forge_part("targets", forged, list(world.trustees.values())[3:])


def _new_root(world: World, holders: dict[str, SigningKey], signers: list[SigningKey]) -> None:
    root = world.repository.root()
    assert root is not None
    made = trust_list.next_root(root.signed, now(), trustees={name: key.public for name, key in holders.items()})
    for key in signers:
        trust_list.add_signature(made, key)
    world.forge(f"{made.signed.version}.root.json", trust_list.serialize(made))


def _usurped_root(world: World) -> None:
    """Five new trustees sign a root that names them, with two of the old ones, and the targets under it."""
    usurpers = {f"new {n}": SigningKey.generate() for n in range(5)}
    _new_root(world, usurpers, [*usurpers.values(), *list(world.trustees.values())[:2]])
    targets = world.repository.targets()
    assert targets is not None
    world.forge_part("targets", trust_list.next_targets(targets.signed, now()), list(usurpers.values()))


def _unaccepted_root(world: World) -> None:
    """Three trustees of whom two go sign a root that the new ones did not; the targets would stand under it."""
    old = list(world.trustees.items())
    new = {f"new {n}": SigningKey.generate() for n in range(2)}
    _new_root(world, {**dict(old[:3]), **new}, [key for _, key in old[2:]])


def _skipped_root(world: World) -> None:
    """A root of version 3 stands where version 2 is due."""
    root = world.repository.root()
    assert root is not None
    made = trust_list.next_root(root.signed, now())
    made.signed.version = 3
    for key in world.trustees.values():
        trust_list.add_signature(made, key)
    world.forge("2.root.json", trust_list.serialize(made))


def _other_file(world: World) -> None:
    """The publisher serves another file of cards than XBB signed."""
    world.issue("XBB")
    part = world.repository.part("XBB")
    assert part is not None
    digest = part.signed.targets[XBB].hashes["sha256"]
    document = world.states["XBB"].document()
    other = b"B" if document[-20:-19] == b"A" else b"A"  # in the signature of the card, so the form stays right
    world.forge("unused", b"", {f"cards/XBB/{digest}.card.json": document[:-20] + other + document[-19:]})


def _expired_part(world: World) -> None:
    """The part of XBB has run out."""
    held = world.repository.part("XBB")
    assert held is not None
    part = trust_list.new_country("XBB", world.states["XBB"].document(), now(), held.signed)
    part.signed.expires = now() - timedelta(minutes=1)
    world.forge_part("XBB", part, list(world.states["XBB"].keys))


def _honest_root(world: World) -> None:
    """Three of the old trustees and all of the new ones sign the next root; the new ones sign the targets."""
    root = world.repository.root()
    targets = world.repository.targets()
    assert root is not None
    assert targets is not None
    new = {f"new {n}": SigningKey.generate() for n in range(5)}
    made = trust_list.next_root(root.signed, now(), trustees={name: key.public for name, key in new.items()})
    world.repository.save_draft("root", made)
    world.repository.save_draft("targets", trust_list.next_targets(targets.signed, now()))
    world.sign("root", [*world.three(), *new.values()])
    world.trustees = new
    world.sign("targets", world.three())
    world.publish()


def _numbered_higher(world: World) -> None:
    """A thief of the online key says numbers that no honest list comes to, and puts it where readers find it."""
    snapshot, stamp = world.repository.snapshot(), (world.folder / "metadata" / "timestamp.json").read_bytes()
    assert snapshot is not None
    world.forge("kept", stamp)
    snapshot.signed.version = 1_000_000
    world.forge_top(snapshot)
    made = world.repository.timestamp()
    assert made is not None
    made.signed.version = 1_000_000
    made.signatures.clear()
    trust_list.add_signature(made, world.online)
    world.forge("timestamp.json", trust_list.serialize(made))


def _publisher_again(world: World) -> None:
    """The trustees name another online key, and the publisher goes on from the numbers that it had."""
    kept, higher = world.folder / "metadata" / "kept", world.folder / "metadata" / "1000000.snapshot.json"
    if kept.is_file():
        world.forge("timestamp.json", kept.read_bytes())
        higher.unlink()
    root, world.online = world.repository.root(), SigningKey.generate()
    assert root is not None
    made = trust_list.next_root(root.signed, now(), online={"publisher": world.online.public})
    world.repository.save_draft("root", made)
    world.sign("root", world.three())
    world.publish()


def _honest_card(world: World) -> None:
    """XBB issues its next card."""
    world.issue("XBB")


ATTACKS = (
    Attack("older timestamp", _older_timestamp, "refused", _keep_timestamp),
    Attack("expired timestamp", _expired_timestamp, "refused"),
    Attack("cards at the path of another country", _foreign_path, "taken"),
    Attack("a part that has run out", _expired_part, "part"),
    Attack("one stolen country key of three", _one_of_three, "part"),
    Attack("one stolen country key under two names", _one_twice, "part"),
    Attack("targets by the online key", _online_forges_targets, "refused"),
    Attack("an older part by the online key", _online_rolls_back, "refused", _issue_twice),
    Attack("a part left out by the online key", _online_leaves_out, "refused"),
    Attack("two of five trustees", _two_of_five, "refused"),
    Attack("a root not signed by the old threshold", _usurped_root, "refused"),
    Attack("a root not signed by the new threshold", _unaccepted_root, "refused"),
    Attack("a root that skips a version", _skipped_root, "refused"),
    Attack("another file than the one signed", _other_file, "part"),
    Attack("a new card", _honest_card, "taken"),
    # TUF, client workflow 5.3.11: what the key before said is compared with no more (M-8.13).
    Attack("another online key after higher numbers", _publisher_again, "taken", _numbered_higher),
    Attack("another online key", _publisher_again, "taken"),
    Attack("a new root", _honest_root, "taken"),
)
"""The last four are no attacks: they show that what is refused above is not refused for another reason."""


# What TUF lets pass, and the protocol does not (M-8.8, M-8.9). What is forged here our own parser may refuse.

Signs = Callable[[bytes], bytes]

SMALL_ORDER = bytes([1]) + bytes(31)
"""The neutral element: as a key it has one signature that holds for every text."""


def _sealed(signed: Mapping[str, Any], by: Sequence[tuple[str, Signs]]) -> bytes:
    """Return the part ``signed`` with a signature under each id of ``by``."""
    content = str(encode_canonical(dict(signed))).encode()
    rows = [{"keyid": keyid, "sig": sign(content).hex()} for keyid, sign in by]
    return json.dumps({"signatures": rows, "signed": signed}).encode()


def _put(world: World, role: str, signed: Mapping[str, Any], by: Sequence[tuple[str, Signs]]) -> None:
    """Publish ``signed`` as ``role``, with a snapshot and a timestamp that name it."""
    raw, snapshot = _sealed(signed, by), world.repository.snapshot()
    assert snapshot is not None
    world.forge(f"{signed['version']}.{role}.json", raw)
    made = trust_list.new_snapshot({}, now(), snapshot.signed)
    made.signed.meta[f"{role}.json"] = MetaFile.from_data(signed["version"], raw, ["sha256"])
    world.forge_top(made)


def _by(*keys: SigningKey) -> list[tuple[str, Signs]]:
    return [(trust_list.list_key(key.public).keyid, key.sign) for key in keys]


def _delegate(world: World, change: Callable[[dict[str, Any], dict[str, dict[str, Any]]], None]) -> None:
    """Let three trustees sign targets with ``change`` done to the delegations, and to those among them by country."""
    targets = world.repository.targets()
    assert targets is not None
    signed = trust_list.next_targets(targets.signed, now()).signed.to_dict()
    change(signed["delegations"], {row["name"]: row for row in signed["delegations"]["roles"]})
    _put(world, "targets", signed, _by(*world.three()))


def _thief_part(world: World, code: str, role: str, by: Sequence[tuple[str, Signs]]) -> None:
    """Let ``role`` name cards of ``code`` that a thief made, signed by ``by``."""
    held, document = world.repository.part(code), thief_document(code)
    assert held is not None
    part = trust_list.new_country(code, document, now(), held.signed)
    world.forge("unused", b"", {f"cards/{code}/{sha256(document).hexdigest()}.card.json": document})
    _put(world, role, part.signed.to_dict(), by)


def _row(public: str) -> dict[str, Any]:
    return {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}


def _one_key_more(world: World, public: str, sign: Signs) -> None:
    """XBB has the key ``public`` too, and a thief of its first key signs by that one and by ``sign``."""
    row = _row(public)
    keyid = sha256(str(encode_canonical(row)).encode()).hexdigest()

    def change(delegations: dict[str, Any], roles: dict[str, dict[str, Any]]) -> None:
        delegations["keys"][keyid] = row
        roles["XBB"]["keyids"].append(keyid)

    _delegate(world, change)
    _thief_part(world, "XBB", "XBB", [*_by(world.states["XBB"].keys[0]), (keyid, sign)])


def _in_capitals(world: World) -> None:
    """The key that was stolen stands there a second time, in capitals."""
    stolen = world.states["XBB"].keys[0]
    _one_key_more(world, stolen.public.hex().upper(), stolen.sign)


def _small_order(world: World) -> None:
    """A key for which anybody can sign stands beside it."""
    _one_key_more(world, SMALL_ORDER.hex(), lambda content: SMALL_ORDER + bytes(32))


def _minority(world: World) -> None:
    """Every trustee signs a root by which two of the five are enough, and those two sign other targets."""
    root, targets = world.repository.root(), world.repository.targets()
    assert root is not None
    assert targets is not None
    made = trust_list.next_root(root.signed, now()).signed.to_dict()
    for role in trust_list.TRUSTEES_ROLES:
        made["roles"][role]["threshold"] = 2
    world.forge("2.root.json", _sealed(made, _by(*world.trustees.values())))
    signed = trust_list.next_targets(targets.signed, now()).signed.to_dict()
    _put(world, "targets", signed, _by(*list(world.trustees.values())[:2]))


STRICTER = (
    # To TUF an id is of one key in one file, and a key may have as many texts, and ids, as it likes.
    Attack("one stolen country key, written in capitals as well", _in_capitals, "refused"),
    # It leaves points to the libraries of its clients, of which many take this one.
    Attack("one stolen country key beside one of small order", _small_order, "refused"),
    # How many of its keys sign for a role is the affair of whoever writes the list.
    Attack("two of five trustees by a root that all signed", _minority, "refused"),
)
"""What the protocol forbids and TUF does not, with the reason: ours refuses it, and a client of TUF takes it."""

MISNAMED = ("XBB", "XCC", "XDD", "XEE", "XAB")
"""
Countries that ``misname`` gives delegations of another form, of which ours takes nothing (M-8.9).

TUF knows no countries: who is asked for a file, by how many keys, in which order and who after them is the affair of
whoever writes the list, so a client of it takes what it finds.
"""


def misname(world: World) -> None:
    """Let the trustees name each of ``MISNAMED`` in another way that is none, and XAA rightly."""
    mirror = SigningKey.generate()
    ((keyid, sign),) = _by(mirror)

    def change(delegations: dict[str, Any], roles: dict[str, dict[str, Any]]) -> None:
        roles["XBB"]["threshold"] = 1
        roles["XCC"]["terminating"] = False
        roles["XDD"]["paths"].append("more/XDD/*")
        before = {"name": "mirror", "keyids": [keyid], "threshold": 1, "terminating": False, "paths": ["cards/XEE/*"]}
        other = {**roles["XAB"], "name": "XAC", "paths": ["cards/XAC/*"]}  # by the keys of XAB
        delegations["keys"][keyid] = _row(mirror.public.hex())
        delegations["roles"] = [before, *delegations["roles"], other]

    _delegate(world, change)
    _thief_part(world, "XEE", "mirror", [(keyid, sign)])


FOREIGN_CARD = Attack("a card of another country", _foreign_card, "part")
"""Only a reader of cards sees this: what TUF verifies is in order."""

BY_NAME = {one.name: one for one in (*ATTACKS, *STRICTER, FOREIGN_CARD)}
