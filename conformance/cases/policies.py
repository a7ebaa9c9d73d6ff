"""Section 8.4: what the trustees of a trust list decide for all: whom they distrust, and which suites may be used."""

from contextlib import suppress

from conformance.backend import Forbidden
from conformance.door import drops
from conformance.play import Play
from conformance.reading import Json, b64u, compact
from conformance.registry import Wrong, case
from conformance.state import DAY
from conformance.trust_list import NEEDS, published
from conformance.writing import SealingKey, stamp


@case("policies.distrusted-state", "M-8.12", section="8.4", needs=NEEDS, fresh=True)
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
        await book.held(1, 1)
        await play.accepted(play.message())


def _distrust(countries: list[Json], *rows: Json) -> bytes:
    return compact({"v": 1, "countries": countries, "keys": list(rows)})


@case("policies.distrusted-key", "M-8.12", section="8.4", needs=NEEDS, fresh=True)
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
        await book.held(1, 1)
        for key in (a.spare, a.revoked):
            await play.problem(play.message(key=key), "unknown-signer")
        await play.accepted(play.message())
        await play.accepted(play.b.message(play.gateway))
        book.publish(at=later)
        await play.tick_to(later)
        await play.problem(play.message(), "unknown-signer")
        await play.accepted(play.message(key=a.early))


@case("policies.distrusted-for-any-use", "M-8.12", section="8.4", profile="verify", needs=NEEDS)
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
        await book.held(1)
        value = talk.reply_body("not-found")
        signed = a.statement("reply.second-signature", "second_signer", value, talk.thread)
        await talk.refused("bad-statement", "verification.reply", value, statements=[signed])
        with suppress(Forbidden):
            await play.submit(a)
        await play.silent(a)


@case("policies.suites-taken", "M-8.12", "M-4.1", section="8.4", needs=NEEDS, fresh=True)
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
        await book.held(1, 1)
        await play.problem(play.message(), "unknown-key")
        book.policies.clear()
        book.publish()
        await book.held(1, 1)
        await play.accepted(play.message())


@case("policies.suites-sent", "M-8.12", section="8.4", profile="verify", needs=NEEDS)
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
        await book.held(1, 1)
        try:
            await play.submit(d)
        except Forbidden:
            await play.silent(d)
        await play.submit(a)
        posts = await play.tick()
        if [post.state.code for post in posts] != [a.code]:
            raise Wrong(f"the gateway posted to {[post.state.code for post in posts]}, not to {a.code} alone")


@case("policies.sealed-anew", "M-8.12", "M-4.4", section="8.4", profile="verify", needs=NEEDS, positive=True)
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
            await book.held(2)
            posts = await play.tick(hours=2)
        finally:
            a.sealing.pop()
        second = play.one(posts, "verification.request")
        if (second.read.suite, second.read.payload) != (2, first.read.payload):
            raise Wrong(f"it was posted in suite {second.read.suite}, or not around the same signed bytes")
