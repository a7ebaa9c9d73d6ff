"""Section 8.4: by whom a trust list and its parts are signed, until when each holds, and how versions follow."""

from collections.abc import Callable
from datetime import datetime

from conformance.backend import Forbidden
from conformance.play import Play
from conformance.reading import Json, b64u
from conformance.registry import Wrong, case
from conformance.state import DAY
from conformance.trust_list import (
    NEEDS,
    Change,
    Fault,
    TrustList,
    cards_document,
    expires,
    leave_out,
    listed,
    none_taken,
    part_not_taken,
    published,
)
from conformance.writing import Key

# The workflow


def _publishing(role: str, change: Change) -> Fault:
    return lambda book: book.publish(change={role: change})


def _signing(role: str, by: Callable[[TrustList], list[Key]]) -> Fault:
    return lambda book: book.publish(by={role: by(book)})


def _stranger(book: TrustList) -> list[Key]:
    return book.some_keys("nobody", 5)


def _another_list(book: TrustList) -> None:
    """A list that is right in itself stands at the same address, under a root that nobody compared."""
    other = book.another()
    kept = dict(book.files)
    other.publish()
    book.files.clear()
    book.files.update(other.files)
    book.afterwards = lambda: book.files.update(kept)


def _of_digest(name: str) -> Change:
    return lambda signed: signed["meta"][f"{name}.json"]["hashes"].update(sha256="0" * 64)


WHOLE: dict[str, Fault] = {
    "timestamp-over": _publishing("timestamp", expires(-DAY)),
    "snapshot-over": _publishing("snapshot", expires(-7 * DAY)),
    "targets-over": _publishing("targets", expires(-400 * DAY)),
    "timestamp-by-a-stranger": _signing("timestamp", _stranger),
    "snapshot-by-trustees": _signing("snapshot", lambda book: book.trustees),
    "targets-by-two": _signing("targets", lambda book: book.trustees[:2]),
    "targets-by-one-three-times": lambda book: book.publish(
        by={"targets": book.trustees[:1]},
        whole={"targets": lambda part: part["signatures"].extend(part["signatures"] * 2)},
    ),
    "targets-by-publisher": _signing("targets", lambda book: book.publisher),
    "another-snapshot": _publishing("timestamp", _of_digest("snapshot")),
    "another-targets": _publishing("snapshot", _of_digest("targets")),
    "targets-named-by-nobody": _publishing("snapshot", lambda signed: signed["meta"].pop("targets.json")),
    "another-root": _another_list,
}


@case("trustlist.whole", "M-8.10", section="8.4", inputs=WHOLE, needs=NEEDS, fresh=True)
async def whole(play: Play, fault: Fault) -> None:
    """
    Of a list that has run out, or is not signed by those whom the compared root names, nothing is taken.

    A gateway that takes it follows whoever holds the web server, or two of five trustees.
    """
    await none_taken(play, fault)


@case("trustlist.root-over", "M-8.10", section="8.4", needs=NEEDS, fresh=True)
async def root_over(play: Play) -> None:
    """
    Under a newest root that has run out nothing is taken, until the trustees sign the next one.

    A gateway that goes on believes keys that nobody has vouched for in more than a year.
    """
    async with published(play) as book:
        for one in book.states:
            one.next_card()
        book.next_root(change=expires(-401 * DAY))
        book.publish()
        await book.held(1, 1)
        book.next_root()
        book.publish()
        await book.held(2, 2)


def _in_part(publish: Callable[[TrustList, str], None]) -> Fault:
    return lambda book: publish(book, book.code)


def _twice(book: TrustList, code: str) -> None:
    """One signature stands under the names of two keys."""
    other = list(listed(book.keys[code]))[1]
    book.publish(
        by={code: book.keys[code][:1]},
        whole={code: lambda part: part["signatures"].append({**part["signatures"][0], "keyid": other})},
    )


def _another_file(book: TrustList, code: str) -> None:
    """The server gives other cards than those that the State signed, which are the first alone, in as many bytes."""
    cards = book.states[0].cards
    given = cards_document(code, cards)
    signed = cards_document(code, cards[:1]).ljust(len(given))
    book.publish(cards={code: signed})
    path = next(path for path, content in book.files.items() if content == signed)
    book.files[path] = given


PARTS: dict[str, Fault] = {
    "over": _in_part(lambda book, code: book.publish(change={code: expires(-400 * DAY)})),
    "one-of-three": _in_part(lambda book, code: book.publish(by={code: book.keys[code][2:]})),
    "one-twice": _in_part(_twice),
    "by-publisher": _in_part(lambda book, code: book.publish(by={code: book.publisher})),
    "by-another-state": _in_part(lambda book, code: book.publish(by={code: book.keys[book.states[1].code]})),
    "another-part": _in_part(lambda book, code: book.publish(change={"snapshot": _of_digest(code)})),
    "another-file": _in_part(_another_file),
}


@case("trustlist.part", "M-8.10", section="8.4", inputs=PARTS, needs=NEEDS, fresh=True)
async def part(play: Play, fault: Fault) -> None:
    """
    What is wrong with the part of one State keeps back what is new of it, and of no other State.

    A gateway that takes it follows a thief of one key; one that takes nothing at all lets one State stop all others.
    """
    await part_not_taken(play, fault)


@case("trustlist.foreign-path", "M-8.10", "M-8.9", section="8.4", needs=NEEDS, fresh=True)
async def foreign_path(play: Play) -> None:
    """
    What a State names at the path of another State is not looked at.

    A gateway that looks at it takes one State's word for another, or puts that one on hold.
    """
    async with published(play) as book:
        for one in book.states:
            one.next_card()
        thief = play.b.key("another identity")
        document = cards_document(play.a.code, [play.a.next_card(thief, False, identity=b64u(thief.public))])
        book.publish(change={play.b.code: lambda signed: book.add(signed, f"cards/{play.a.code}/card.json", document)})
        await book.held(2, 2)


def _stolen_key(book: TrustList, at: datetime) -> None:
    code = book.code
    book.publish(by={code: book.keys[code][:1]}, at=at)


UNHEARD: dict[str, Callable[[TrustList, datetime], None]] = {
    "part-not-right": _stolen_key,
    "no-longer-named": lambda book, at: book.publish(change={"targets": leave_out(book)}, at=at),
}


@case("trustlist.unheard", "M-8.10", "M-8.7", section="8.4", profile="verify", inputs=UNHEARD, needs=NEEDS)
async def unheard(play: Play, fault: Callable[[TrustList, datetime], None]) -> None:
    """
    While a State's part is wrong or missing its age counts: after 7 days nothing is sent to it, and to others all is.

    A gateway that takes a reading of the list for a reading of the State goes on by a card that nobody vouches for.
    """
    a, b = play.a, play.b
    async with published(play) as book:
        for day in (4, 8):
            fault(book, play.now() + 4 * DAY)
            await play.tick(days=4)
            if day == 4:
                await play.is_asked(a)
        for state in (a, b):
            try:
                await play.submit(state)
            except Forbidden:
                if state is b:
                    raise
        posts = await play.tick()
        if play.one(posts, "verification.request").state is not b:
            raise Wrong("a message was posted to a State of which nothing right was read for 8 days")


# Versions


def _usurped(book: TrustList) -> None:
    """Five others and two of the trustees sign a root that names the others, who sign everything under it."""
    others = book.some_keys("usurper", 5)
    book.next_root(others, by=[*others, *book.trustees[:2]])
    book.publish()


def _not_accepted(book: TrustList) -> None:
    """Three trustees, of whom two go, sign a root in which four are new, of whom none signs it."""
    old = book.trustees
    book.next_root([old[0], *book.some_keys("new", 4)], by=old[:3])
    book.publish()


def _skipped(book: TrustList) -> None:
    """Where the second root is due stands a third."""

    def change(signed: Json) -> None:
        signed["version"] = 3

    book.next_root(change=change, version=2)
    book.publish()


def _root_again(book: TrustList) -> None:
    """Where the second root is due stands a first."""

    def change(signed: Json) -> None:
        signed["version"] = 1

    book.next_root(change=change, version=2)
    book.publish()


def _enough(threshold: int, trustees: int, *roles: str) -> Fault:
    """Return a list under a root that all sign, in which ``threshold`` of the first ``trustees`` sign for ``roles``."""

    def fault(book: TrustList) -> None:
        def change(signed: Json) -> None:
            for role in roles:
                signed["roles"][role]["threshold"] = threshold

        book.next_root(book.trustees[:trustees], change=change)
        book.publish()

    return fault


ROOTS: dict[str, Fault] = {
    "two-of-the-old": _usurped,
    "none-of-the-new": _not_accepted,
    "skipped": _skipped,
    "again": _root_again,
    "half-suffice": _enough(2, 4, "root", "targets"),
    "two-of-five-for-targets": _enough(2, 5, "targets"),
}


@case("trustlist.root", "M-8.13", "M-8.10", "M-8.8", section="8.4", inputs=ROOTS, needs=NEEDS, fresh=True)
async def root(play: Play, fault: Fault) -> None:
    """
    A root that is not the next one, not signed by the trustees before and by its own, or in which half of its trustees
    are enough, is not followed.

    A gateway that follows it is handed over to whoever has two of the trustees, or to whoever those name.
    """
    await none_taken(play, fault)


@case("trustlist.new-trustees", "M-8.13", section="8.4", positive=True, needs=NEEDS, fresh=True)
async def new_trustees(play: Play) -> None:
    """
    Roots are followed one after the other, as many as there are, to other trustees; those before have no say then.

    A gateway that knows the first root alone is lost when the first trustee retires.
    """
    async with published(play) as book:
        old = book.trustees
        for number in range(3):
            book.next_root([*book.some_keys(f"new {number}", 3), *book.trustees[3:]])
        for one in book.states:
            one.next_card()
        book.publish()
        await book.held(2, 2)
        for one in book.states:
            one.next_card()
        book.publish(by={"targets": old})
        await book.held(2, 2)
        book.publish()
        await book.held(3, 3)


@case("trustlist.new-publisher", "M-8.13", section="8.4", positive=True, needs=NEEDS, fresh=True)
async def new_publisher(play: Play) -> None:
    """
    Once a root names another key of the publisher the list by it is taken, however high the one before has numbered.

    A gateway that goes on comparing with the numbers of a thief reads no list any more.
    """

    def higher(signed: Json) -> None:
        signed["version"] = 1_000_000

    async with published(play) as book:
        book.publish(change={"snapshot": higher, "timestamp": higher})
        await book.held(1, 1)
        book.online = play.stranger.key("another online")
        book.next_root()
        for one in book.states:
            one.next_card()
        book.publish()
        await book.held(2, 2)


OLDER = ["timestamp", "snapshot", "targets", "part", "part-left-out"]


async def _older(play: Play, role: str, *, restart: bool) -> None:
    async with published(play) as book:
        for _ in range(2):
            book.publish()
        await book.held(1, 1)
        for one in book.states:
            one.next_card()
        code = book.code

        def change(signed: Json) -> None:
            if role == "part-left-out":
                del signed["meta"][f"{code}.json"]
            else:
                signed["version"] = 2

        book.publish(change={{"part": code, "part-left-out": "snapshot"}.get(role, role): change})
        if restart:
            await play.offered("/restart")
        await book.held(1, 1)
        book.publish()
        await book.held(2, 2)


@case("trustlist.older", "M-8.13", "M-8.10", section="8.4", inputs=OLDER, needs=NEEDS, fresh=True)
async def older(play: Play, role: str) -> None:
    """
    Once a version of a part was seen no older one is taken, and no part may be left out that was there.

    A gateway that takes it can be led back by whoever holds the publisher's keys to before a key was revoked.
    """
    await _older(play, role, restart=False)


@case("trustlist.older-after-restart", "M-8.13", section="8.4", inputs=OLDER, needs=[*NEEDS, "restart"], fresh=True)
async def older_after_restart(play: Play, role: str) -> None:
    """
    A gateway that was ended and started again still takes no older version than it has seen.

    One that forgets can be led back by whoever waits for it to stop.
    """
    await _older(play, role, restart=True)
