"""
What must hold of logs and answers: each stands in both logs once, verifies, and is neither forgotten nor changed.
"""

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise

from gateway.core import checkpoint, merkle, wire
from gateway.core.merkle import Frontier
from gateway.core.messages import CONFIRMATION
from keys import jws
from keys.errors import UnknownKey
from tests.sim.books import Books, Sent
from tests.sim.draining import NOTICED_S
from tests.sim.forgiven import is_still, noticed_at, passed_over
from tests.sim.world import UNPROVED, World


def logged(world: World, own: Books, their: Books) -> None:
    """
    Each message that was answered stands in the logs of both States, once.

    A State whose keys were stolen signs anew, and one that forgot what it had answered answers it again. Once the time
    of a message is over its answer is kept no more, and who posts it still is told so by another (M-5.18).
    """
    lost = _taken_answers(world, own, their)
    for digest, got in their.got.items():
        if got.partner != own.country:
            continue
        count = their.issued[digest]
        if count != 1 and not (count > 1 and (their.robbed or world.is_over(got.expires_at))):
            told = f"{their.country} issued {count} entries for {got.type} of {own.country}"
            world.fail("logged once", told)
    for digest, sent in own.sent.items():
        if sent.partner != their.country or sent.answer is None:
            continue
        count = own.received[digest]
        over = world.is_over(sent.expires_at)
        if count != 1 and not (count > 1 and (their.robbed or digest in lost or over)):
            world.fail("logged once", f"{own.country} entered {count} receipts for its {sent.type}")


def _taken_answers(world: World, own: Books, their: Books) -> set[str]:
    """
    Return the digest of each message of which a restore may have taken an answer.

    Who fetches answers by a request of its own, which nobody heard as an answer: at some time before the next post.
    """
    heard = {(one.post.digest, one.post.at): one.at for one in world.answers}
    sent = sorted((post.digest, post.at) for post in world.posts if post.sender == own.country)
    ends = [heard.get(one) or (after[1] if after[0] == one[0] else None) for one, after in pairwise([*sent, ("", 0.0)])]
    return {one[0] for one, end in zip(sent, ends, strict=True) if end is not None and not their.keeps(one[1], end)}


def trees(world: World, own: Books) -> None:
    """Each log is the tree that its head says, with an entry at every place."""
    for origin, size, hashes, note in own.host.look("SELECT origin, size, hashes, checkpoint FROM log_head"):
        leaves = own.host.look("SELECT leaf, idx FROM log_entry WHERE origin = ? ORDER BY idx", origin)
        tree, _ = merkle.batch_proofs(Frontier(), [leaf for leaf, _ in leaves])
        whole = (tree.size, b"".join(tree.hashes)) == (size, hashes) and [at for _, at in leaves] == list(range(size))
        if not whole or (size and not note.startswith(checkpoint.checkpoint_body(origin, tree.size, tree.root()))):
            world.fail("whole logs", f"the log {origin} is not the tree of its head")


def _unasked(world: World, own: Books, their: Books, sent: Sent) -> bool:
    """
    Return whether a receipt that fell is not asked for again: of a listing, or of a case that stops.

    Nor is it where a rule stands against posting the message once more, which a finding says; nor where it was asked
    for when the return was declined, for the withdrawal that follows closes its number. In vain it is where the case
    was destroyed, and nothing is left of what a restored State forgot before it. And nobody can ask once the time of a
    message is over: its sender may hear of the theft that late (M-5.28). A message of no case that a byte changed of as
    it was posted again has no finding that could say so.
    """
    declined = sent.state == "dropped" and any((ref, event) == (sent.ref, "decline") for ref, event, _, _ in own.events)
    in_vain = bool(their.restored) and (sent.type, sent.state, sent.ref) == (CONFIRMATION, "posted", None)
    spoiled = sent.ref is None and sent.envelope_id in world.network.spoiled
    late = sent.expires_at <= noticed_at(own, sent.partner) + NOTICED_S
    return is_still(own, sent) or passed_over(own, sent) or declined or in_vain or late or spoiled


def _signed_anew(own: Books, their: Books, sent: Sent) -> bool:
    """
    Return whether a receipt of a message that counts stands in our log, beside one whose key was stolen.

    It says the same, unless who gave it was restored as well, and a person has been told of the difference.
    """
    card, now = own.gateway.context.trust.card(sent.partner), own.host.clock.now()
    for (raw,) in own.host.look(
        "SELECT receipt FROM log_entry WHERE direction = 'received' AND digest = ?", sent.digest
    ):
        signed = jws.parse(raw, jws.TYP_RECEIPT)
        receipt = wire.parse_receipt(signed.payload)
        with suppress(UnknownKey):
            signed.verify(card.receipt_key(signed.kid, receipt.received_at, now))
            return bool(receipt.status == sent.status or their.restored)
    return False


def receipts(world: World, own: Books, books: Mapping[str, Books]) -> None:
    """Each answer kept verifies: signature, opening, proof, checkpoint."""
    for digest, sent in own.sent.items():
        if sent.answer is None:
            continue
        try:
            _, receipt = own.gateway.deliverer.answers.verify(sent.partner, digest, wire.pad_answer(sent.answer))
        except Exception as error:
            their = books[sent.partner]
            if their.robbed and (_signed_anew(own, their, sent) or _unasked(world, own, their, sent)):
                continue
            world.fail(
                "receipts verify", f"{own.country}: that of {sent.type} does not: {type(error).__name__} {error}"
            )
            continue
        if receipt.status != sent.status:
            world.fail(
                "receipts verify", f"{own.country}: that of {sent.type} says {receipt.status}, not {sent.status}"
            )


def remembered(world: World, books: Mapping[str, Books]) -> None:
    """No answer that came through was forgotten or changed by whoever gave it, but what a restore took."""
    for one in world.answers:
        post, their = one.post, books[one.post.recipient]
        if not their.keeps(post.at, one.at):
            continue
        got = their.got.get(post.digest)
        again = their.robbed or (got is not None and world.is_over(got.expires_at))
        changed = got is not None and got.answer is not None and sha256(got.answer).hexdigest() != one.digest
        if got is None or (changed and not again):
            told = f"{post.recipient} answered {post.type} number {post.seq} of {post.sender}"
            world.fail("answered and remembered", f"{told} and {'has forgotten it' if got is None else 'answers anew'}")


def convicted(world: World, own: Books, books: Mapping[str, Books]) -> None:
    """No log contradicts itself; nobody is said to have given no proof who was not restored."""
    for origin, kind in own.host.look("SELECT origin, kind FROM log_conflict"):
        keeper = origin.split("/")[0]
        if kind != UNPROVED or not books[keeper].restored:
            world.fail("one history", f"{own.country} keeps evidence against {keeper}: {kind}")
