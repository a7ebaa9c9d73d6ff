"""
What whoever stops a return, or asks for the person what became of her data, must be able to rely on.
"""

import random
from collections import defaultdict
from collections.abc import Mapping

from gateway.core.case import HELD
from gateway.core.messages import WITHDRAWAL
from gateway.services import rights
from tests.sim.afterwards import GUARDING
from tests.sim.books import Books
from tests.sim.world import Post, World

FURTHER = frozenset(
    {"propose", "accept", "decide", "request_document", "issue", "reissue_document", "schedule", "depart"}
)
"""Steps of a desk by which a return goes on."""

ENDS = frozenset({"resumption", "take_back", "withdrawal"})
"""What the other State says, by which its stop holds nothing any more."""

ACCOUNTS = 2
"""Of how many cases of each State the account is asked for, beside each that a restore took something from."""


def obeyed(world: World, own: Books) -> None:
    """Nothing takes a return further here from when the other State stopped it until that lets go, or all is over."""
    held: dict[str, bool] = {}
    for ref, event, role, target in own.host.look(_STEPS):
        if role == "partner" and event == "suspension" and target in HELD:
            held[ref] = True
        elif role == "partner" and event in ENDS:
            held[ref] = False
        elif event in FURTHER and held.get(ref):
            told = f"{own.country} did {event} in a case that the other State had stopped, and had not let go of"
            world.fail("a stop is obeyed", told)


_STEPS = "SELECT ref, event, role, target FROM case_event ORDER BY n"


async def accounts(world: World, books: Mapping[str, Books]) -> None:
    """
    The account of what was sent about a person names each message that left, or says that there may be more.

    Who has it shows by that alone. What a restore took, and the other State does not hold either, is not missed.
    """
    for own in books.values():
        left = defaultdict[str, list[Post]](list)
        for post in world.posts:
            if post.sender == own.country and post.ref in own.cases and own.cases[post.ref][1] is not None:
                left[post.ref].append(post)
        drawn = random.Random(f"{world.seed}/{own.country}/account")
        refs = [ref for ref, posts in left.items() if any(one.digest not in own.sent for one in posts)]
        others = [ref for ref in left if ref not in refs]
        for ref in refs + drawn.sample(others, min(ACCOUNTS, len(others))):
            await _told(world, books, own, ref, left[ref])


async def _told(world: World, books: Mapping[str, Books], own: Books, ref: str, left: list[Post]) -> None:
    """Ask as the data-protection officer for the account of a case of which all that is in ``left`` did leave."""
    done, made = await own.host.act("account", lambda g: rights.account(g.context, ref, *GUARDING, "a complaint"))
    if done != "done":
        world.fail("her account is whole", f"{own.country} gives no account of a case: {done}")
        return
    told = {one.digest for one in made.sent}
    again = {WITHDRAWAL} & {one.type for one in made.sent}  # the same word, said once more
    missing = {
        one.type
        for one in left
        if one.digest not in told and one.type not in again and _is_held(one, books[one.recipient])
    }
    if missing and not made.may_be_more:
        state = own.cases[ref][0].state
        world.fail("her account is whole", f"{own.country} does not tell of {sorted(missing)} in a case in {state}")


def _is_held(post: Post, their: Books) -> bool:
    """Return whether the other State has what a message says."""
    got = their.got.get(post.digest)
    return got is not None and got.status == "accepted"
