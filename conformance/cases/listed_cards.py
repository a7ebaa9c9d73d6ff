"""Section 8.4: the cards that a trust list names, and how little they are believed for it."""

from collections.abc import Callable

from conformance.play import Play
from conformance.reading import b64u, compact
from conformance.registry import Wrong, case
from conformance.trust_list import NEEDS, Fault, TrustList, cards_document, part_not_taken, published
from conformance.writing import CARD, sign_jws


def _document(make: Callable[[TrustList, str, list[str]], bytes]) -> Fault:
    def fault(book: TrustList) -> None:
        code = book.code
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


@case("listedcards.cards", "M-8.11", "M-8.10", section="8.4", inputs=DOCUMENTS, needs=NEEDS, fresh=True)
async def cards(play: Play, fault: Fault) -> None:
    """
    A target of cards that is not as it should be, or has a card of another country in it, is void as a whole.

    A gateway that picks what it likes takes one State's word for another, or something else than its partners take.
    """
    await part_not_taken(play, fault)


@case("listedcards.follows", "M-8.11", section="8.4", inputs={"3": 3, "32": 32}, positive=True, needs=NEEDS, fresh=True)
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
        await book.held(count, 1)
        await play.accepted(play.message(key=new))


@case("listedcards.listed-only", "M-8.11", "M-8.5", section="8.4", needs=NEEDS, fresh=True)
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


@case("listedcards.not-compared", "M-8.2", "M-8.11", section="8.4", needs=NEEDS, fresh=True)
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


@case("listedcards.before-the-change", "M-8.2", "M-8.6", section="8.4", positive=True, needs=NEEDS, fresh=True)
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
        await book.held(3, 1)
        await play.accepted(play.message())
