"""Section 8: cards, holds, and keys that are judged at the time of receipt."""

from conformance.door import drops
from conformance.play import Play
from conformance.reading import Json, b64u
from conformance.registry import Wrong, case
from conformance.state import DAY
from conformance.writing import stamp


@case("trust.next-card", "M-8.1", section="8.1", positive=True, fresh=True)
async def next_card(play: Play) -> None:
    """
    The next card is taken, and with it a new signing key.

    A gateway that holds on to the first card loses every State that changes its keys.
    """
    new = play.a.key("new signing")
    row = {**play.a.claims()["signing"][0], "kid": new.kid, "key": b64u(new.public)}
    await play.problem(play.message(key=new), "unknown-signer")
    play.a.next_card(signing=[*play.a.card.value["signing"], row])
    await _held(play, 2)
    await play.accepted(play.message(key=new))


@case("trust.first-card", "M-8.2", "M-8.1", section="8.1", positive=True, fresh=True)
async def first_card(play: Play) -> None:
    """
    The first card of a State that a gateway holds may have any serial, and those after it follow.

    A gateway that insists on the first one ever cannot begin with a State that has changed its keys.
    """
    a = play.a
    await play.fresh(cards={a.code: [a.first_card(serial=7, prev="A" * 43)]})
    await play.accepted(play.message())
    a.next_card(signing=[row for row in a.card.value["signing"] if row["kid"] != a.spare.kid])
    await _held(play, 8)
    await play.problem(play.message(key=a.spare), "unknown-signer")
    await play.accepted(play.message())


@case("trust.revoked-now", "M-8.3", "M-3.6", section="8.1", fresh=True)
async def revoked_now(play: Play) -> None:
    """
    A key that a card revokes signs nothing from then on, whatever the message says of when it was issued.

    A gateway that goes by `issued_at` lets a stolen key date its messages back.
    """
    rows = [dict(row) for row in play.a.card.value["signing"]]
    rows[0]["revoked_at"] = stamp(play.now())
    play.a.next_card(signing=rows)
    await _held(play, 2)
    await play.problem(play.message(issued_at=play.now() - DAY), "unknown-signer")
    await play.accepted(play.message(key=play.a.spare))


HOLDS = ["another-identity", "another-prev", "lower-epoch", "revocation-undone", "revoked-later"]


@case("trust.hold", "M-8.5", "M-5.1", section="8.2", fresh=True, inputs=HOLDS)
async def hold(play: Play, fault: str) -> None:
    """
    A State whose published card contradicts the one held is put on hold: what it sends is answered `hold`.

    A gateway that takes the card lets whoever captured the directory speak for the State. What was answered before the
    hold is answered so again (5.1, step 4): a gateway that asks for the hold first leaves its partner without a receipt
    of what it took.
    """
    a = play.a
    known = play.message()
    first = await play.post(known)
    play.receipt(first, known)
    held: list[Json] = a.card.value["signing"]
    rows = [row | {"revoked_at": None} for row in held]
    later = [row | ({"revoked_at": stamp(play.now())} if row["revoked_at"] else {}) for row in held]
    every: dict[str, Json] = {
        "another-identity": {},
        "another-prev": {"prev": "A" * 43},
        "lower-epoch": {"epoch": 1},
        "revocation-undone": {"signing": rows},
        "revoked-later": {"signing": later},
    }
    changes = every[fault]
    if fault == "lower-epoch":
        a.next_card(epoch=2)
        await _held(play, 2)
        a.epoch = 2
    other = a.key("another identity")
    if fault == "another-identity":
        changes = {"identity": b64u(other.public)}
    card = a.next_card(key=other if fault == "another-identity" else None, keep=False, **changes)
    answer = await play.publish(**{a.code: [card]})
    if a.code not in answer["hold"]:
        raise Wrong("the State is not on hold")
    await play.problem(play.message(), "hold")
    if (await play.post(known)).body != first.body:
        raise Wrong("what was answered before the hold gets another answer on hold (5.1, step 4)")


@case("trust.revoked-for-good", "M-8.1", "M-8.5", section="8.1", fresh=True)
async def revoked_for_good(play: Play) -> None:
    """
    A key that was revoked does not come back, also where a card between leaves it out; the State is put on hold.

    A gateway that looks at the last card only believes a stolen key again, after two cards that look harmless.
    """
    a = play.a
    rows = [dict(row) for row in a.card.value["signing"]]
    stolen = next(row for row in rows if row["kid"] == a.signing.kid)
    others = [row for row in rows if row is not stolen]
    a.next_card(signing=[stolen | {"revoked_at": stamp(play.now())}, *others])
    await _held(play, 2)
    a.next_card(signing=others)
    await _held(play, 3)
    await play.problem(play.message(), "unknown-signer")
    await play.accepted(play.message(key=a.spare))
    answer = await play.publish(**{a.code: [a.next_card(keep=False, signing=rows)]})
    if a.code not in answer["hold"]:
        raise Wrong("the State is not on hold, though its card brings a revoked key back")
    await play.problem(play.message(), "hold")


@case("trust.nothing-to-it", "M-8.5", section="8.2", profile="verify")
async def nothing_to_it(play: Play) -> None:
    """
    To a State on hold nothing is posted, neither what waits for it nor what was posted and not answered.

    A gateway that goes on writing tells whoever captured the directory when it asks, and whom.
    """
    thread = await play.submit()
    play.a.instead = [drops()]
    play.one(await play.tick(), "verification.request")
    await play.submit()
    other = play.a.key("another identity")
    card = play.a.next_card(key=other, keep=False, identity=b64u(other.public))
    await play.publish(**{play.a.code: [card]})
    await play.silent(play.a, days=2)
    if [row["state"] for row in await play.sent(thread)] != ["waiting"]:
        raise Wrong("a message to a State on hold does not wait any more")


async def _held(play: Play, serial: int) -> None:
    answer = await play.publish(play.a)
    if answer["held"].get(play.a.code) != serial:
        raise Wrong(f"the back-end holds the card {answer['held'].get(play.a.code)}, not {serial}")
