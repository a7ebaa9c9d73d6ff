"""Section 8.4: trust lists, and how little of a wrong one is believed."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.backend import Forbidden
from conformance.door import drops
from conformance.play import Play
from conformance.reading import Json, b64u, compact
from conformance.registry import Wrong, case
from conformance.state import DAY
from conformance.trust_list import (
    Change,
    TrustList,
    cards_document,
    delegation,
    expires,
    id_of,
    listed,
    published,
    row_of,
)
from conformance.writing import CARD, Key, SealingKey, sign_jws, stamp

NEEDS = ["trust-list"]
SMALL_ORDER = bytes([1]) + bytes(31)
NOT_ITS_ENCODING = bytes([0xEE]) + bytes([0xFF] * 30) + bytes([0x7F])
"""The neutral element, and the same point by a y that is not reduced."""

Fault = Callable[[TrustList], None]
"""What publishes a list with a fault in it; where only one State is concerned it is the first."""


async def _held(book: TrustList, *serials: int) -> None:
    """Let the gateway read the list, and insist that it holds these cards of its States and none of them on hold."""
    answer = await book.read()
    found = tuple(answer["held"].get(one.code) for one in book.states)
    if found != serials:
        raise Wrong(f"the gateway holds the cards {found} of {[one.code for one in book.states]}, not {serials}")
    if on_hold := sorted({one.code for one in book.states} & set(answer["hold"])):
        raise Wrong(f"{', '.join(on_hold)} is on hold without a reason (M-8.5, M-8.12)")


async def _none_taken(play: Play, fault: Fault) -> None:
    """Insist that nothing is taken of a list with ``fault``, and all of the right one after it."""
    await _judge(play, fault, (1, 1))


async def _part_not_taken(play: Play, fault: Fault) -> None:
    """Insist that nothing is taken of the State concerned and all of the other, and all once the list is right."""
    await _judge(play, fault, (1, 2))


async def _judge(play: Play, fault: Fault, serials: tuple[int, int]) -> None:
    async with published(play) as book:
        for one in book.states:
            one.next_card()
        with book.undone():
            fault(book)
            await _held(book, *serials)
            for one in book.states:
                await play.accepted(one.message(play.gateway))
        book.publish()
        await _held(book, 2, 2)


def _first(book: TrustList) -> str:
    return book.states[0].code


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
    code, other = _first(book), "0" * 64
    key = book.keys[code][0]

    def change(signed: Json) -> None:
        signed["delegations"]["keys"][other] = row_of(key.public)
        signed["delegations"]["roles"][0]["keyids"].append(other)

    def twice(part: Json) -> None:
        part["signatures"].append({**part["signatures"][0], "keyid": other})

    book.publish(change={"targets": change}, by={code: [key]}, whole={code: twice})


def _one_key_in_capitals(book: TrustList) -> None:
    """One key of the first State is written twice, the second time in capitals, and signs under both ids."""
    code = _first(book)
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


@case("trustlist.keys", "M-8.8", section="8.4", inputs=KEYS, needs=NEEDS, fresh=True)
async def keys(play: Play, fault: Fault) -> None:
    """
    A list with a key that is not Ed25519, not under its own id or no usable point is not read.

    A gateway that reads it counts one key twice, or believes a key whose signature anybody can make.
    """
    await _none_taken(play, fault)


# States


def _named(**changes: Any) -> Fault:
    """Return a list that names the first State by another delegation, after all others."""

    def fault(book: TrustList) -> None:
        code = _first(book)

        def change(signed: Json) -> None:
            given = {name: value(code) if callable(value) else value for name, value in changes.items()}
            signed["delegations"]["roles"][:1] = []
            signed["delegations"]["roles"].append(delegation(code, book.keys[code], **given))

        book.publish(change={"targets": change})

    return fault


def _leave_out(book: TrustList) -> Change:
    """Return a change of targets that takes out the first State and its keys."""
    code = _first(book)

    def change(signed: Json) -> None:
        rows = signed["delegations"]["roles"]
        signed["delegations"]["roles"] = [row for row in rows if row["name"] != code]
        for keyid in listed(book.keys[code]):
            del signed["delegations"]["keys"][keyid]

    return change


def _lone_signer(book: TrustList) -> None:
    """One key of three speaks for the first State."""
    code = _first(book)

    def change(signed: Json) -> None:
        signed["delegations"]["roles"][0]["threshold"] = 1

    book.publish(change={"targets": change}, by={code: book.keys[code][:1]})


def _another_before_it(book: TrustList) -> None:
    """Before that of the first State another delegation stands over the same path; the State itself lists one card."""
    code, keys = _first(book), book.some_keys("helper", 3)
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
    "no-longer": lambda book: book.publish(change={"targets": _leave_out(book)}),
}


@case("trustlist.named", "M-8.9", "M-8.10", section="8.4", inputs=FORMS, needs=NEEDS, fresh=True)
async def named(play: Play, fault: Fault) -> None:
    """
    A State that the list names by another delegation than that of its code, or not any more, is left as it was.

    A gateway that takes other forms lets whoever has some delegation speak for a State, or takes silence for news.
    """
    await _part_not_taken(play, fault)


@case("trustlist.one-key", "M-8.9", section="8.4", positive=True, needs=NEEDS, fresh=True)
async def one_key(play: Play) -> None:
    """
    A State that has one key signs with that one.

    A gateway that wants two of it never hears of a State that has no more.
    """
    async with published(play) as book:
        book.keys[_first(book)] = book.keys[_first(book)][:1]
        for one in book.states:
            one.next_card()

        def change(signed: Json) -> None:
            signed["delegations"]["roles"][0]["threshold"] = 1

        book.publish(change={"targets": change})
        await _held(book, 2, 2)


@case("trustlist.shared-key", "M-8.9", section="8.4", needs=NEEDS, fresh=True)
async def shared_key(play: Play) -> None:
    """
    Of two States for which the same key may speak nothing is taken.

    A gateway that takes it lets whoever holds the keys of one State speak for the other.
    """

    def shared(book: TrustList) -> None:
        code, other = (one.code for one in book.states)
        book.keys[code] = [*book.keys[code][:1], *book.keys[other][:2]]
        book.publish()

    await _none_taken(play, shared)


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
    await _none_taken(play, fault)


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
        await _held(book, 1, 1)
        book.next_root()
        book.publish()
        await _held(book, 2, 2)


def _in_part(publish: Callable[[TrustList, str], None]) -> Fault:
    return lambda book: publish(book, _first(book))


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
    await _part_not_taken(play, fault)


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
        await _held(book, 2, 2)


def _stolen_key(book: TrustList, at: datetime) -> None:
    code = _first(book)
    book.publish(by={code: book.keys[code][:1]}, at=at)


UNHEARD: dict[str, Callable[[TrustList, datetime], None]] = {
    "part-not-right": _stolen_key,
    "no-longer-named": lambda book, at: book.publish(change={"targets": _leave_out(book)}, at=at),
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


# Cards


def _document(make: Callable[[TrustList, str, list[str]], bytes]) -> Fault:
    def fault(book: TrustList) -> None:
        code = _first(book)
        book.publish(cards={code: make(book, code, book.states[0].cards)})

    return fault


def _many(book: TrustList, count: int) -> list[str]:
    """Return the first ``count`` cards of the first State, which keeps the two that it has."""
    state = book.states[0]
    kept = list(state.cards)
    while len(state.cards) < count:
        state.next_card()
    made, state.cards = state.cards, kept
    return made


DOCUMENTS: dict[str, Fault] = {
    "card-of-another-country": _document(
        lambda book, code, cards: cards_document(code, [*cards, book.states[1].next_card(keep=False)])
    ),
    "cards-of-another-country-alone": _document(
        lambda book, code, cards: cards_document(book.states[1].code, book.states[1].cards)
    ),
    "country-of-another": _document(lambda book, code, cards: cards_document(book.states[1].code, cards)),
    "33-cards": _document(lambda book, code, cards: cards_document(code, _many(book, 33))),
    "no-order": _document(lambda book, code, cards: cards_document(code, cards[::-1])),
    "card-twice": _document(lambda book, code, cards: cards_document(code, [*cards, cards[-1]])),
    "no-card": _document(lambda book, code, cards: cards_document(code, [])),
    "another-version": _document(lambda book, code, cards: cards_document(code, cards, v=2)),
    "another-member": _document(lambda book, code, cards: cards_document(code, cards, note="")),
    "member-twice": _document(lambda book, code, cards: b'{"v":1,' + cards_document(code, cards)[1:]),
    "no-json": _document(lambda book, code, cards: cards_document(code, cards)[:-1]),
}


@case("trustlist.cards", "M-8.11", "M-8.10", section="8.4", inputs=DOCUMENTS, needs=NEEDS, fresh=True)
async def cards(play: Play, fault: Fault) -> None:
    """
    A target of cards that is not as it should be, or has a card of another country in it, is void as a whole.

    A gateway that picks what it likes takes one State's word for another, or something else than its partners take.
    """
    await _part_not_taken(play, fault)


@case("trustlist.follows", "M-8.11", section="8.4", inputs={"3": 3, "32": 32}, positive=True, needs=NEEDS, fresh=True)
async def follows(play: Play, count: int) -> None:
    """
    A gateway that missed several cards, up to a whole target of 32, follows them all.

    One that looks at the newest alone loses every State that changed its keys twice.
    """
    async with published(play) as book:
        play.a.cards = _many(book, count)
        new = play.a.key("new signing")
        row = {**play.a.claims()["signing"][0], "kid": new.kid, "key": b64u(new.public)}
        play.a.cards.pop()
        play.a.next_card(signing=[*play.a.card.value["signing"], row])
        book.publish()
        await _held(book, count, 1)
        await play.accepted(play.message(key=new))


@case("trustlist.listed-only", "M-8.11", "M-8.5", section="8.4", needs=NEEDS, fresh=True)
async def listed_only(play: Play) -> None:
    """
    A card by another identity key, however well the list is signed, puts its State on hold.

    A gateway that believes what is listed lets whoever stole two keys of the list speak for the State.
    """
    a = play.a
    async with published(play) as book:
        thief = a.key("another identity")
        card = a.next_card(thief, keep=False, identity=b64u(thief.public))
        book.publish(cards={a.code: cards_document(a.code, [*a.cards, card])})
        answer = await book.read()
        if a.code not in answer["hold"] or answer["held"].get(a.code) != 1:
            raise Wrong("the State is not on hold with the card that was held")
        await play.problem(play.message(), "hold")
        await play.accepted(play.b.message(play.gateway))


@case("trustlist.not-compared", "M-8.2", "M-8.11", section="8.4", needs=NEEDS, fresh=True)
async def not_compared(play: Play) -> None:
    """
    Of a State that is listed and whose identity key nobody compared no card is taken, nor anything that it sends.

    A gateway that takes the list for the comparison believes whoever has the keys of the list.
    """
    async with published(play, play.a, play.stranger) as book:
        answer = await book.read()
        if answer["held"].get(play.stranger.code) is not None:
            raise Wrong("a card is held of a State whose identity key nobody compared")
        await play.problem(play.stranger.message(play.gateway), "unknown-signer")
        await play.accepted(play.message())


@case("trustlist.before-the-change", "M-8.2", "M-8.6", section="8.4", positive=True, needs=NEEDS, fresh=True)
async def before_the_change(play: Play) -> None:
    """
    Cards before the one held, by another identity key, are those of before a change, and hold nobody.

    A gateway that takes them for a contradiction has on hold whoever was given a new identity key, for as long as the
    list names the old cards.
    """
    a = play.a
    old = a.key("old identity")
    before = sign_jws(compact(a.claims() | {"identity": b64u(old.public)}), CARD, old)
    await play.fresh(cards={a.code: [a.first_card(serial=2, prev="A" * 43)]})
    async with published(play) as book:
        a.next_card()
        book.publish(cards={a.code: cards_document(a.code, [before, *a.cards])})
        await _held(book, 3, 1)
        await play.accepted(play.message())


# Policies


@case("trustlist.distrusted-state", "M-8.12", section="8.4", needs=NEEDS, fresh=True)
async def distrusted_state(play: Play) -> None:
    """
    A State that the trustees distrust is on hold for as long as it stands in their list, and no longer.

    A gateway that does not look takes the messages of whoever took over the State's gateway.
    """
    a, b = play.a, play.b
    async with published(play) as book:
        await play.accepted(play.message())
        book.policies["distrust.json"] = _distrust([{"country": a.code, "since": stamp(play.now())}])
        for _ in range(2):
            book.publish()
            answer = await book.read()
            if answer["hold"] != [a.code]:
                raise Wrong(f"on hold are {answer['hold']}, not {a.code} alone")
            await play.problem(play.message(), "hold")
            await play.accepted(b.message(play.gateway))
        book.policies["distrust.json"] = _distrust([])
        book.publish()
        await _held(book, 1, 1)
        await play.accepted(play.message())


def _distrust(countries: list[Json], *rows: Json) -> bytes:
    return compact({"v": 1, "countries": countries, "keys": list(rows)})


@case("trustlist.distrusted-key", "M-8.12", section="8.4", needs=NEEDS, fresh=True)
async def distrusted_key(play: Play) -> None:
    """
    A key that the trustees distrust is revoked from the instant they name, and one revoked earlier stays so.

    A gateway that does not look takes what a thief signs; one that takes a later instant brings a revoked key back.
    """
    a = play.a
    async with published(play) as book:
        later = play.now() + DAY
        book.policies["distrust.json"] = _distrust(
            [],
            {"country": a.code, "kid": a.spare.kid, "revoked_at": stamp(play.now())},
            {"country": a.code, "kid": a.revoked.kid, "revoked_at": stamp(later)},
            {"country": a.code, "kid": a.signing.kid, "revoked_at": stamp(later)},
            {"country": play.b.code, "kid": a.early.kid, "revoked_at": stamp(play.now())},
        )
        book.publish()
        await _held(book, 1, 1)
        for key in (a.spare, a.revoked):
            await play.problem(play.message(key=key), "unknown-signer")
        await play.accepted(play.message())
        await play.accepted(play.b.message(play.gateway))
        book.publish(at=later)
        await play.tick_to(later)
        await play.problem(play.message(), "unknown-signer")
        await play.accepted(play.message(key=a.early))


@case("trustlist.distrusted-for-any-use", "M-8.12", section="8.4", profile="verify", needs=NEEDS)
async def distrusted_for_any_use(play: Play) -> None:
    """
    A sealing key or the key of a person that the trustees distrust is revoked like a signing key.

    A gateway that revokes signing keys alone writes to whoever stole another, and believes whoever signs for a person.
    """
    a = play.a
    async with published(play, a) as book:
        talk = await play.taken_up()
        signer, sealing = a.roles["second_signer"], b64u(a.sealing[0].recipient.kid)
        now = stamp(play.now())
        book.policies["distrust.json"] = _distrust(
            [], *({"country": a.code, "kid": kid, "revoked_at": now} for kid in (signer.kid, sealing))
        )
        book.publish()
        await _held(book, 1)
        value = talk.reply_body("not-found")
        signed = a.statement("reply.second-signature", "second_signer", value, talk.thread)
        await talk.refused("bad-statement", "verification.reply", value, statements=[signed])
        with suppress(Forbidden):
            await play.submit(a)
        await play.silent(a)


@case("trustlist.suites-taken", "M-8.12", "M-4.1", section="8.4", needs=NEEDS, fresh=True)
async def suites_taken(play: Play) -> None:
    """
    What comes in a suite that the trustees do not allow is `unknown-key`, until they allow it again.

    A gateway that goes on taking it can be read by whoever has broken that suite; one that refuses it for good loses
    what was sealed before its sender read the policy.
    """
    async with published(play) as book:
        await play.accepted(play.message())
        other = 3 - play.message().raw[4]
        book.policies["suites.json"] = compact({"v": 1, "suites": [other]})
        book.publish()
        await _held(book, 1, 1)
        await play.problem(play.message(), "unknown-key")
        book.policies.clear()
        book.publish()
        await _held(book, 1, 1)
        await play.accepted(play.message())


@case("trustlist.suites-sent", "M-8.12", section="8.4", profile="verify", needs=NEEDS)
async def suites_sent(play: Play) -> None:
    """
    To a State whose sealing keys are all of a suite that the trustees do not allow nothing is posted.

    A gateway that goes on writing can be read by whoever has broken that suite.
    """
    a, d = play.a, play.d
    async with published(play, a, d) as book:
        await play.is_asked(d)
        book.policies["suites.json"] = compact({"v": 1, "suites": [1]})
        book.publish()
        await _held(book, 1, 1)
        try:
            await play.submit(d)
        except Forbidden:
            await play.silent(d)
        await play.submit(a)
        posts = await play.tick()
        if [post.state.code for post in posts] != [a.code]:
            raise Wrong(f"the gateway posted to {[post.state.code for post in posts]}, not to {a.code} alone")


@case("trustlist.sealed-anew", "M-8.12", "M-4.4", section="8.4", profile="verify", needs=NEEDS, positive=True)
async def sealed_anew(play: Play) -> None:
    """
    What waits in a suite that the trustees allow no more is sealed anew in another, around the same signed bytes.

    A gateway that posts it as it is can be read by whoever has broken that suite; one that drops it loses a request.
    """
    a, now = play.a, play.now()
    async with published(play, a) as book:
        await play.submit(a)
        a.instead = [drops()]
        first = play.one(await play.tick(), "verification.request")
        other = SealingKey(2, a.secret("sealing 2"))
        a.sealing.append(other)
        try:
            a.next_card(sealing=[*a.card.value["sealing"], a.sealing_row(other, now - DAY, now + 100 * DAY)])
            book.policies["suites.json"] = compact({"v": 1, "suites": [2]})
            book.publish()
            await _held(book, 2)
            posts = await play.tick(hours=2)
        finally:
            a.sealing.pop()
        second = play.one(posts, "verification.request")
        if (second.read.suite, second.read.payload) != (2, first.read.payload):
            raise Wrong(f"it was posted in suite {second.read.suite}, or not around the same signed bytes")


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


ROOTS: dict[str, Fault] = {
    "two-of-the-old": _usurped,
    "none-of-the-new": _not_accepted,
    "skipped": _skipped,
    "again": _root_again,
}


@case("trustlist.root", "M-8.13", "M-8.10", section="8.4", inputs=ROOTS, needs=NEEDS, fresh=True)
async def root(play: Play, fault: Fault) -> None:
    """
    A root that is not the next one, or not signed by the trustees before and by its own, is not followed.

    A gateway that follows it is handed over to whoever has two of the trustees, or to whoever those name.
    """
    await _none_taken(play, fault)


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
        await _held(book, 2, 2)
        for one in book.states:
            one.next_card()
        book.publish(by={"targets": old})
        await _held(book, 2, 2)
        book.publish()
        await _held(book, 3, 3)


OLDER = ["timestamp", "snapshot", "targets", "part", "part-left-out"]


async def _older(play: Play, role: str, *, restart: bool) -> None:
    async with published(play) as book:
        for _ in range(2):
            book.publish()
        await _held(book, 1, 1)
        for one in book.states:
            one.next_card()
        code = _first(book)

        def change(signed: Json) -> None:
            if role == "part-left-out":
                del signed["meta"][f"{code}.json"]
            else:
                signed["version"] = 2

        book.publish(change={{"part": code, "part-left-out": "snapshot"}.get(role, role): change})
        if restart:
            await play.offered("/restart")
        await _held(book, 1, 1)
        book.publish()
        await _held(book, 2, 2)


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
