"""
What may be wrong with a trust list, one fault each, and what a reader has to make of it.

``before`` is done to a published list of XAA and XBB before a reader reads it first, ``after`` before it reads again.
Every reader has to come to ``verdict``: ``refused`` as a whole, ``part`` for what XBB says alone, or ``taken``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

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
    Attack("a new root", _honest_root, "taken"),
)
"""The last two are no attacks: they show that what is refused above is not refused for another reason."""

FOREIGN_CARD = Attack("a card of another country", _foreign_card, "part")
"""Only a reader of cards sees this: what TUF verifies is in order."""

BY_NAME = {one.name: one for one in (*ATTACKS, FOREIGN_CARD)}
