"""Drafts that wait beside a list: what one State hands back concerns nobody else, and none is dropped unpublished."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.transport.trust_repository import Repository, merge
from keys import trust_list, trust_policy
from keys.sign import SigningKey
from tests.support.trust_list import State, World, first_card, make_world, now


def _named_by_nobody_yet(world: World) -> None:
    """XBB signs its first cards while the trustees have yet to sign that it is named."""
    targets = world.repository.targets()
    assert targets is not None
    draft, keys = trust_list.next_targets(targets.signed, now()), tuple(SigningKey.generate() for _ in range(3))
    trust_list.delegate(draft.signed, "XBB", [key.public for key in keys])
    world.repository.save_draft("targets", draft)
    identity = SigningKey.generate()
    world.states["XBB"] = State("XBB", identity, keys, [first_card("XBB", identity, now())])
    world.draft_cards("XBB")
    world.sign("XBB", keys[:2])


def test_cards_of_a_state_that_is_not_named_yet_wait_until_it_is(tmp_path: Path) -> None:
    """The hourly publication neither forgets what that State signed nor says that it is published."""
    world = make_world(tmp_path / "list", "XAA")
    _named_by_nobody_yet(world)
    made = world.repository.publish(world.online, now())
    assert ((), ["XBB", "targets"]) == (made.roles, sorted(made.waiting))
    world.sign("targets", world.three())
    assert ("targets", "XBB") == world.repository.publish(world.online, now()).roles
    assert world.repository.part("XBB") is not None


def _number(part: Any) -> None:
    part.signed.unrecognized_fields["x"] = 1.5


def _digest(part: Any) -> None:
    target = part.signed.targets[trust_policy.cards_path("XBB")]
    target.hashes = {"sha512": "0" * 128}


@pytest.mark.parametrize("spoil", [_number, _digest], ids=["a number nobody can sign", "a file without its SHA-256"])
def test_draft_of_one_state_that_nobody_can_use_holds_up_no_other(tmp_path: Path, spoil: Callable[[Any], None]) -> None:
    """It waits and is told; the list is said to be the newest all the same, or within a day nobody believes it."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    world.draft_cards("XBB")
    draft = world.repository.draft("XBB")
    assert draft is not None
    spoil(draft)
    for key in world.states["XBB"].keys[:2] if spoil is _digest else ():
        trust_list.add_signature(draft, key)
    (world.folder / "drafts/XBB.json").write_bytes(trust_list.serialize(draft))
    before = world.repository.timestamp()
    made = Repository(world.folder).publish(world.online, now())
    assert before is not None
    assert ((), ["XBB"], before.signed.version + 1) == (made.roles, list(made.waiting), made.timestamp)


def test_draft_of_another_version_than_is_due_waits(tmp_path: Path) -> None:
    """Readers would never go back to the versions between: whoever signs a far one could say nothing for years."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    world.draft_cards("XBB")
    draft = world.repository.draft("XBB")
    assert draft is not None
    draft.signed.version = 9
    world.repository.save_draft("XBB", draft)
    world.sign("XBB", world.states["XBB"].keys[:2])
    made = world.repository.publish(world.online, now())
    assert ((), {"XBB": "it is version 9 where 2 is due; make it anew"}) == (made.roles, made.waiting)


def test_file_that_is_not_the_one_signed_waits(tmp_path: Path) -> None:
    """What is published is what was signed: bytes that changed beside the draft go to no reader."""
    world = make_world(tmp_path / "list", "XAA", "XBB")
    world.states["XBB"].next_card()
    world.draft_cards("XBB")
    world.sign("XBB", world.states["XBB"].keys[:2])
    digest = sha256(world.states["XBB"].document()).hexdigest()
    file = world.folder / f"drafts/targets/cards/XBB/{digest}.card.json"
    file.write_bytes(file.read_bytes() + b" ")
    made = world.repository.publish(world.online, now())
    assert ((), ["XBB"]) == (made.roles, list(made.waiting))
    assert "is not the file that was signed" in made.waiting["XBB"]


def test_root_that_the_trustees_before_did_not_sign_waits(tmp_path: Path) -> None:
    """New trustees do not come by their own word, also where they have signed the targets."""
    world = make_world(tmp_path / "list", "XAA")
    root, targets = world.repository.root(), world.repository.targets()
    assert root is not None
    assert targets is not None
    new = {name: SigningKey.generate() for name in world.trustees}
    publics = {name: key.public for name, key in new.items()}
    world.repository.save_draft("root", trust_list.next_root(root.signed, now(), trustees=publics))
    world.sign("root", list(new.values()))
    world.repository.save_draft("targets", trust_list.next_targets(targets.signed, now()))
    world.sign("targets", [*world.three(), *new.values()])
    made = world.repository.publish(world.online, now())
    assert (("targets",), {"root": "3 more signatures are needed"}) == (made.roles, made.waiting)


def test_copy_that_comes_back_voids_no_signature(tmp_path: Path) -> None:
    """Of a key that has signed already nothing is taken: what one hands back does not undo what another did."""
    world = make_world(tmp_path / "list", "XAA")
    world.draft_cards("XAA")
    world.sign("XAA", world.states["XAA"].keys[:1])
    draft, copy = world.repository.draft("XAA"), world.repository.draft("XAA")
    assert draft is not None
    assert copy is not None
    before = {keyid: made.signature for keyid, made in draft.signatures.items()}
    for made in copy.signatures.values():
        made.signature = "00" * 64
    assert 0 == merge(draft, copy)
    assert before == {keyid: made.signature for keyid, made in draft.signatures.items()}
