"""What a partner can do to XBB with good messages at bad moments: repeat, skip, withdraw, wait, restore, collect."""

import asyncio
import ssl
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import schemas
from gateway import configured
from gateway.core import checkpoint, envelope, merkle, wire
from gateway.core.codes import PeerError, problem
from gateway.core.notices import UNANSWERED_MAX
from gateway.core.starts import starts_of_receipt
from gateway.core.verification_guards import REMINDERS_MAX
from gateway.services import judge
from gateway.services.access import stand
from gateway.services.audit import audit
from gateway.services.daily import DIRECTORY_COSTS, Daily
from gateway.services.judge import SAID_MAX
from gateway.services.listing import RESTORED_AT
from gateway.services.reading import SHOWN_MAX, history, messages
from gateway.services.shares import Shares
from gateway.services.steady import SteadyClock
from gateway.services.trust import Trust
from gateway.services.witness import CONFLICTS_MAX
from keys import b64, card, jws
from keys.ids import SEAL, key_id
from keys.seal import RecipientKey, SealingKey
from keys.sign import SigningKey
from schemas import ijson
from tests.exchange.partner import (
    ANSWERS,
    COLLECT,
    DAY,
    IDENTITY_POINT,
    SMALL_ORDER,
    Door,
    FixedSigner,
    Shot,
    entry,
    example,
    flip,
    open_door,
    prepared,
    sign_kid,
)
from tests.support import story
from tests.support.erased import erase
from tests.support.holds import lift
from tests.support.network import START

pytestmark = pytest.mark.asyncio(loop_scope="module")

S = timedelta(seconds=1)
WITHDRAWN = {"code": "WITHDRAWN_NO_REASON"}


def follow(door: Door, first: Shot, type: str = "reminder", seq: int = 2, **how: Any) -> Shot:
    """Return a later message of the thread of ``first``."""
    struck = {"number": seq, "parts": ["SEX"], "handling": None, "elements": None}
    bodies = {"reminder": example("reminder", "first"), "withdrawal": WITHDRAWN, "rectification": struck}
    body = bodies.get(type, {"number": seq})  # of the others each says its number, and no more
    return door.partner.message(type, body, thread=first.thread, seq=seq, **how)


def publish(door: Door, number: int, raw: bytes) -> None:
    """Publish a card of XAA."""
    (door.network.homes["XBB"] / "cards" / "XAA" / f"{number}.jws").write_bytes(raw)


# Accepted: the answer is the proof (M-5.3).


async def test_accepted_request_is_stored_with_its_answer(door: Door) -> None:
    """A request opens one case; step, log entry and answer were durable before the answer left (M-5.3, M-7.6)."""
    before, shot = door.counts(), door.partner.message()
    got = await door.post(shot)
    receipt = door.receipt(got, shot.digest)
    after, row = door.counts(), door.inbound(shot) or {}
    grown = {table: after[table] - before[table] for table in after if after[table] != before[table]}
    assert dict.fromkeys(("case_file", "case key", "case_event", "thread", "inbound", "log_entry"), 1) == grown
    assert got.body.rstrip(b" ") == row["answer"]
    assert ("accepted", None) == (row["status"], row["code"])
    assert receipt.start_on is not None
    assert receipt.due_on is not None


async def test_person_is_nowhere_in_the_clear(door: Door) -> None:
    """Neither the database nor the log holds a name, whatever became of the message."""
    name = "Visibleova"
    body = example("verification.request", "nationality")
    body["elements"]["names"][0]["family"] = name
    start = len(door.network.logs)
    await door.accepted(door.partner.message(body=body))
    await door.refused(door.partner.message(body=body | {"more": name}), "bad-schema")
    await door.refused(door.partner.message(name.lower(), body=body), "unsupported-type")
    files = door.gateway.settings.database.parent.glob(f"{door.gateway.settings.database.name}*")
    assert not any(name.encode() in file.read_bytes() for file in files)
    assert name not in repr(door.network.logs[start:])


async def test_tls_only_from_1_3(fresh: Door) -> None:
    """The same message over TLS; a client that knows no more than 1.2 gets no connection (M-1.3)."""
    url = await fresh.open(tls=configured.tls(fresh.gateway.settings))
    client = ssl.create_default_context(cafile=str(fresh.network.homes["XBB"] / "tls.crt"))
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    shot = replace(fresh.partner.message(), url=url)
    assert "accepted" == fresh.receipt(await fresh.post(shot, ssl=client), shot.digest).status
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientConnectionError):
        await fresh.post(shot, ssl=old)


# Bits: whatever is flipped, nothing is stored and nobody hears why (M-4.1, M-4.2, M-5.5).


@pytest.mark.parametrize("bit", [0, 7])
async def test_every_region_of_the_envelope(door: Door, bit: int) -> None:
    """A flipped bit in any region is one of three problems, never a fault of ours and never a message."""
    shot, before = door.partner.message(), door.counts()
    places = [*range(21), *range(21, len(shot.raw), 331), len(shot.raw) - 16, len(shot.raw) - 1]
    for at in places:
        code = "bad-envelope" if at < 5 else "unknown-key" if at < 21 else "cannot-open"
        door.is_problem(await door.post(replace(shot, raw=flip(at, bit)(shot.raw))), code)
    assert before == door.counts()
    door.no_fault()
    await door.accepted(shot)


async def test_every_length_of_a_cut_envelope(door: Door) -> None:
    """No prefix of an envelope is one, and the whole is still taken afterwards."""
    shot, before = door.partner.message(), door.counts()
    for end in (*range(24), *range(24, len(shot.raw), 997), len(shot.raw) - 1):
        door.is_problem(await door.post(replace(shot, raw=shot.raw[:end])), "bad-envelope")
    assert before == door.counts()
    await door.accepted(shot)


async def test_bits_of_the_signed_message(door: Door) -> None:
    """A bit flipped inside, before sealing, is found by form, content or signature; nothing is stored."""
    before = door.counts()
    found = set()
    for at in range(0, 1200, 37):
        got = await door.post(door.partner.message(signed=flip(at)))
        found.add(got.body)
    assert found <= {
        problem(code) for code in ("bad-jws", "bad-json", "bad-payload", "unknown-signer", "bad-signature")
    }
    assert before == door.counts()


async def test_suite_two(tmp_path: Path) -> None:
    """The second suite carries a request; a compressed point in its enc does not open (M-2.1, M-2.2)."""
    door = await open_door(tmp_path, suite=2)
    try:
        await door.accepted(door.partner.message())
        assert 9894 == len(door.partner.message().raw)
        point = envelope.HEAD_BYTES + 1568
        for lead in (0x02, 0x03, 0x00, 0x05):
            raw = bytearray(door.partner.message().raw)
            raw[point] = lead
            await door.problem(Shot(bytes(raw)), "cannot-open")
        for at in (21, point + 50, point + 97, -1):
            await door.problem(door.partner.message(sealed=flip(at)), "cannot-open")
    finally:
        await door.close()


async def test_suite_the_policy_does_not_allow(fresh: Door) -> None:
    """What comes in a suite that exists and is not allowed here is to be sealed anew (M-2.1, M-4.1)."""
    context = fresh.gateway.context
    object.__setattr__(context, "policy", replace(context.policy, suites=frozenset({2})))
    await fresh.problem(fresh.partner.message(), "unknown-key")


# Forged cards.


@pytest.mark.parametrize("point", [IDENTITY_POINT, SMALL_ORDER], ids=["neutral", "order 8"])
async def test_card_with_a_weak_signing_key(fresh: Door, point: bytes) -> None:
    """A card that lists a point of small order is not taken, even if the identity key signed it (M-2.5)."""
    secrets = fresh.partner.secrets
    weak = entry(SigningKey.generate(), fresh.network.clock.now() - DAY, fresh.network.clock.now() + DAY)
    weak |= {"kid": sign_kid(point), "key": b64.encode(point)}
    claims = card.claims_of(secrets.second) | {"serial": 3, "prev": secrets.second.digest}
    claims["signing"] = [*claims["signing"], weak]
    publish(fresh, 3, jws.sign(ijson.dumps(claims), jws.TYP_CARD, secrets.identity))
    await fresh.gateway.refresh_trust()
    forged = FixedSigner(sign_kid(point), point, IDENTITY_POINT + bytes(32))
    await fresh.problem(fresh.partner.message(signer=forged), "unknown-signer")
    await fresh.accepted(fresh.partner.message())


async def test_card_with_a_compressed_point(fresh: Door) -> None:
    """A sealing key with a compressed point would have two ids; a card that lists one is not taken (M-2.2)."""
    secrets, now = fresh.partner.secrets, fresh.network.clock.now()
    public = SealingKey.generate(2).public
    short = public[:1568] + bytes((2 + public[-1] % 2,)) + public[1569:1617]
    weak = entry(SigningKey.generate(), now - DAY, now + DAY) | {"suite": 2, "key": b64.encode(short)}
    weak["kid"] = b64.encode(key_id(SEAL[2], short))
    claims = card.claims_of(secrets.second) | {"serial": 3, "prev": secrets.second.digest}
    claims["sealing"] = [*claims["sealing"], weak]
    publish(fresh, 3, jws.sign(ijson.dumps(claims), jws.TYP_CARD, secrets.identity))
    await fresh.gateway.refresh_trust()
    assert 2 == fresh.gateway.context.trust.card("XAA").serial
    await fresh.accepted(fresh.partner.message())


async def test_hold_is_lifted_and_nothing_was_lost(fresh: Door) -> None:
    """A message refused while on hold is taken, the same bytes, once an officer has compared the key (M-8.5)."""
    stranger, second = SigningKey.generate(), fresh.partner.secrets.second
    claims = card.claims_of(second) | {"serial": 3, "prev": second.digest, "identity": b64.encode(stranger.public)}
    publish(fresh, 3, jws.sign(ijson.dumps(claims), jws.TYP_CARD, stranger))
    await fresh.gateway.refresh_trust()
    shot = fresh.partner.message()
    got = await fresh.problem(shot, "hold")
    assert "900" == got.headers["Retry-After"]
    trust, now = fresh.gateway.context.trust, fresh.network.clock.now()
    identity = fresh.partner.secrets.identity.public
    await lift(trust, "XAA", identity, now)
    await fresh.accepted(shot)


async def test_answered_before_the_hold_is_answered_the_same(fresh: Door) -> None:
    """A known envelope gets its answer whatever became of the sender since (M-5.1, step 4)."""
    shot = fresh.partner.message()
    first = await fresh.post(shot)
    stranger, second = SigningKey.generate(), fresh.partner.secrets.second
    claims = card.claims_of(second) | {"serial": 3, "prev": second.digest, "identity": b64.encode(stranger.public)}
    publish(fresh, 3, jws.sign(ijson.dumps(claims), jws.TYP_CARD, stranger))
    await fresh.gateway.refresh_trust()
    assert first.body == (await fresh.post(shot)).body


async def test_collect_refused_before_the_hold_is_answered_the_same(fresh: Door) -> None:
    """So is one at the path of a collect that was refused; one that was accepted has no answer to give (M-5.20)."""
    shots = [fresh.partner.message("collect", {"max": most}, path=COLLECT) for most in (0, 1)]
    refused, served = [await fresh.post(shot) for shot in shots]
    assert ("application/xg1-answer+json", "application/xg1-envelopes") == tuple(
        got.headers["Content-Type"] for got in (refused, served)
    )
    stranger, second = SigningKey.generate(), fresh.partner.secrets.second
    claims = card.claims_of(second) | {"serial": 3, "prev": second.digest, "identity": b64.encode(stranger.public)}
    publish(fresh, 3, jws.sign(ijson.dumps(claims), jws.TYP_CARD, stranger))
    await fresh.gateway.refresh_trust()
    assert refused.body == (await fresh.post(shots[0])).body
    await fresh.problem(shots[1], "hold")


async def test_destroyed_key_and_what_was_answered_before(fresh: Door) -> None:
    """Without the key a new message is sealed anew by its sender; an old envelope still gets its answer (M-4.4)."""
    shot = fresh.partner.message()
    first = await fresh.post(shot)
    sealing = fresh.gateway.context.keyring.sealing
    assert isinstance(sealing, dict)
    del sealing[fresh.partner.recipient.kid]
    frame = {"id": fresh.partner.token(), "thread": fresh.partner.token()}
    got = await fresh.problem(fresh.partner.message(**frame), "unknown-key")
    assert "900" == got.headers["Retry-After"]
    assert first.body == (await fresh.post(shot)).body
    fresh.network.clock.pass_(days=31)  # the second key's window has begun
    await fresh.gateway.refresh_trust()
    other = RecipientKey(1, next(iter(sealing.values())).public)
    await fresh.accepted(fresh.partner.message(key=other, **frame))


# Replay (M-5.1 step 4 and 14, M-5.18).


@pytest.mark.parametrize("type", ["verification.request", "verification.nothing"])
async def test_replay_gets_the_same_bytes(door: Door, type: str) -> None:
    """Accepted or refused, the same envelope and the same message sealed anew get the stored answer; nothing grows."""
    now = door.network.clock.now()
    frame = {"id": door.partner.token(), "thread": door.partner.token(), "issued_at": now}
    shot = door.partner.message(type, **frame)
    anew = door.partner.message(type, **frame)
    assert (shot.digest, True) == (anew.digest, shot.raw != anew.raw)
    first, before = await door.post(shot), door.counts()
    for again in (shot, anew, shot):
        assert first.body == (await door.post(again)).body
    assert before == door.counts()


async def test_replay_after_a_restart(fresh: Door) -> None:
    """The stored answer outlives the process; what is under way in the case too (M-5.3)."""
    shot = fresh.partner.message()
    first, before = await fresh.post(shot), fresh.counts()
    await fresh.restart()
    assert first.body == (await fresh.post(shot)).body
    assert before == fresh.counts()
    await fresh.accepted(follow(fresh, shot))


async def test_twins_in_one_batch(fresh: Door) -> None:
    """Forty copies at once are one message with one answer."""
    shot = fresh.partner.message()
    answers = await asyncio.gather(*(fresh.post(shot) for _ in range(40)))
    assert 1 == len({got.body for got in answers})
    assert (1, 1) == (fresh.counts()["case_file"], fresh.counts()["log_entry"])


@pytest.mark.parametrize("purged", [False, True])
async def test_replay_after_its_time_is_expired(fresh: Door, purged: bool) -> None:
    """Until 300 s after expiry it is the old answer, then `expired`, purged yet or not; the case stays (M-5.18)."""
    shot = fresh.partner.message(expires_at=fresh.network.clock.now() + DAY)
    first = await fresh.post(shot)
    fresh.network.clock.pass_(days=1, seconds=300)
    assert first.body == (await fresh.post(shot)).body
    fresh.network.clock.pass_(seconds=1)
    if purged:
        await fresh.gateway.retention.run_once(fresh.network.clock.now())
    assert (None if purged else first.body.rstrip(b" ")) == (fresh.inbound(shot) or {})["answer"]
    late = await fresh.post(shot)
    receipt = fresh.receipt(late, shot.digest)
    assert ("refused", "expired") == (receipt.status, receipt.code)
    before = fresh.counts()
    assert late.body == (await fresh.post(shot)).body
    assert before == fresh.counts()
    row = fresh.inbound(shot) or {}
    assert ("accepted", None) == (row["status"], row["code"])
    assert 1 == before["case_file"]


async def test_transient_uses_nothing_up(fresh: Door) -> None:
    """A gap is filled and then what waited is taken, in any order of arrival (M-5.6, M-5.7)."""
    first = fresh.partner.message()
    second, third = follow(fresh, first), follow(fresh, first, seq=3)
    for early in (third, second):
        await fresh.problem(early, "out-of-order")
    for due in (first, second, third):
        await fresh.accepted(due)
    assert 3 == fresh.last(first)


async def test_slow_body_is_later_and_the_message_is_taken_whole(fresh: Door) -> None:
    """A body that drips gets `later`; the same bytes sent at once are taken (M-1.2, M-5.11)."""
    url = await fresh.open(body_timeout_s=0.2)
    shot = fresh.partner.message()
    slow = replace(shot, raw=shot.raw[:3000], declared=len(shot.raw))
    before, door_url = fresh.counts(), fresh.url
    fresh.url = url
    fresh.is_problem(await fresh.post(slow), "later")
    fresh.url = door_url
    assert before == fresh.counts()
    await fresh.accepted(shot)


# Numbers of refused messages (M-5.9).


async def test_a_state_has_its_share_of_what_is_under_way(fresh: Door) -> None:
    """However many addresses it posts from, more of its messages than its share are asked for again later."""
    receiver = fresh.gateway.receiver
    receiver._shares = Shares(2)
    shots = [fresh.partner.message() for _ in range(5)]
    replies = await asyncio.gather(*(receiver.receive(shot.raw) for shot in shots))
    assert [200, 200, 503, 503, 503] == [reply.status for reply in replies]
    assert {problem("later")} == {reply.body for reply in replies if reply.status == 503}
    assert 2 == fresh.counts()["inbound"]
    for shot in shots:
        await fresh.accepted(shot)
    assert 5 == fresh.counts()["inbound"]


async def test_what_a_state_leaves_in_a_day_has_an_end(fresh: Door) -> None:
    """What comes beyond is asked for again, and taken another day; of what it has room for nothing is lost."""
    fresh.gateway.receiver.daily = Daily(8, 64)
    first, now = fresh.partner.message(), fresh.network.clock.now()
    old = [fresh.partner.message(issued_at=now - 2 * DAY, expires_at=now - DAY) for _ in range(9)]
    shots = [first, *(fresh.partner.message("no.such.type") for _ in range(7))]
    for number, shot in enumerate(shots, 1):
        assert 200 == (await fresh.post(shot)).status
        assert fresh.gateway.receiver.daily.is_busy("XAA", now) == (number >= 4)
    assert [("partner.busy", {"partner": "XAA"})] == [line for line in fresh.network.logs if line[0] == "partner.busy"]
    late = fresh.partner.message()
    await fresh.problem(late, "rate")
    await fresh.problem(follow(fresh, first), "rate")
    # What came before has its answer, and counts nothing, whoever sends it.
    for shot in shots[:3]:
        assert 200 == (await fresh.post(shot)).status
    # Nor does what is over, which anybody may have recorded; that has a bound of its own.
    for shot in old[:-1]:
        await fresh.refused(shot, "expired")
    await fresh.problem(old[-1], "rate")
    told = [fields for event, fields in fresh.network.logs if event == "partner.busy"]
    assert [{"partner": "XAA"}, {"partner": "XAA", "code": "over"}] == told
    # What ends a request has room left, and no more than that.
    await fresh.accepted(follow(fresh, first, "withdrawal"))
    await fresh.accepted(follow(fresh, first, "erasure", seq=3))
    await fresh.problem(follow(fresh, first, "erasure", seq=4), "rate")
    fresh.network.clock.pass_(days=1)
    await fresh.accepted(late)


async def test_what_is_over_raises_the_alarm_too(fresh: Door) -> None:
    """It stays for good like the rest, and up to its own bound each day: whoever watches is told at half of it."""
    fresh.gateway.receiver.daily = Daily(8, 64)
    now = fresh.network.clock.now()
    for number in range(1, 5):
        await fresh.refused(fresh.partner.message(issued_at=now - 2 * DAY, expires_at=now - DAY), "expired")
        assert fresh.gateway.receiver.daily.is_busy("XAA", now) == (number == 4)
    await fresh.accepted(fresh.partner.message())
    fresh.network.clock.pass_(days=1)
    assert not fresh.gateway.receiver.daily.is_busy("XAA", fresh.network.clock.now())


@pytest.mark.parametrize("type", ["directory", "resync"])
async def test_what_costs_more_counts_for_more(fresh: Door, type: str) -> None:
    """For a directory all that are kept are read, and a listing may leave a row for each thread in it."""
    fresh.gateway.receiver.daily = Daily(32, 64)
    row = {"thread": "A" * 22, "epoch": 1, "seq": 1, "payload": "A" * 43}
    body = {"threads": [{**row, "thread": b64.encode(bytes([at] * 16))} for at in range(32)], "more": False}
    if type == "directory":
        body = {**example("directory", "one"), "serial": 1}
    assert 200 == (await fresh.post(fresh.partner.message(type, body))).status
    await fresh.problem(fresh.partner.message(), "rate")


async def test_no_bound_of_a_day_is_so_low_that_what_is_usual_uses_it_up() -> None:
    """Who fetches asks each half minute, and is far from it by that; and one directory takes no room of a stop."""
    least = schemas.load("configuration")["properties"]["limits"]["properties"]["messages_a_day"]["minimum"]
    assert DAY / (30 * S) < least / 2
    assert DIRECTORY_COSTS < least / 4


async def test_bytes_of_a_day_have_an_end_too(fresh: Door) -> None:
    """A few messages with images weigh more than many without."""
    fresh.gateway.receiver.daily = Daily(1000, 0)
    await fresh.problem(fresh.partner.message(), "rate")


async def test_a_state_has_its_share_of_answers_under_way(fresh: Door) -> None:
    """Likewise for answers that it posts; and what does not verify takes no place, whoever it names as its sender."""
    digest, _ = await _waiting(fresh)
    deliverer = fresh.gateway.deliverer
    deliverer._shares = Shares(2)
    false = FixedSigner(fresh.partner.secrets.signing.kid, b"", bytes(64))
    raws = [fresh.partner.answer(digest, signer=false).raw] * 3 + [fresh.partner.answer(digest).raw] * 3
    outcomes = await asyncio.gather(*map(deliverer.take_answer, raws), return_exceptions=True)
    codes = [outcome.code.code if isinstance(outcome, PeerError) else outcome for outcome in outcomes]
    assert [*["bad-signature"] * 3, None, None, "later"] == codes


async def test_the_type_of_a_message_of_no_type_is_not_kept(fresh: Door) -> None:
    """A type may be anybody's name: of one that is not known nothing reaches disk or log (M-5.4)."""
    name = "testova.ana"
    await fresh.refused(fresh.partner.message(name, {}), "unsupported-type")
    resync = fresh.partner.message("resync", {"threads": [], "more": False})
    await fresh.accepted(resync)
    files = list(fresh.gateway.settings.database.parent.glob(f"{fresh.gateway.settings.database.name}*"))
    assert files
    assert not any(name.encode() in file.read_bytes() for file in files)
    assert name not in repr(fresh.network.logs)
    assert ["resync", "unknown"] == [row["type"] for row in fresh.rows("SELECT type FROM inbound ORDER BY type")]


@pytest.mark.parametrize("fault", ["stale", "expired", "id-reuse", "unsupported-type", "bad-schema", "illegal-step"])
async def test_refused_message_uses_its_number_up(door: Door, fault: str) -> None:
    """After a refusal from step 13 on the next number is due, and not the same again."""
    first = door.partner.message()
    await door.accepted(first)
    now, body = door.network.clock.now(), example("reminder", "first")
    type, how = {
        "stale": ("reminder", {"issued_at": now + 400 * S}),
        "expired": ("reminder", {"issued_at": now - DAY, "expires_at": now - 400 * S}),
        "id-reuse": ("reminder", {"id": first.id}),
        "unsupported-type": ("verification.nothing", {}),
        "bad-schema": ("reminder", {"body": {}}),
        "illegal-step": ("verification.contest", {"body": example("verification.contest", "new-element")}),
    }[fault]
    bad = door.partner.message(type, **({"body": body} | how | {"thread": first.thread, "seq": 2}))
    await door.refused(bad, fault)
    await door.refused(follow(door, first, seq=2), "id-reuse")
    await door.accepted(follow(door, first, seq=3))


@pytest.mark.parametrize("fault", ["stale", "bad-schema"])
async def test_refused_message_out_of_turn_uses_none_up(door: Door, fault: str) -> None:
    """A withdrawal may jump, and one that is refused closes nothing."""
    first = door.partner.message()
    await door.accepted(first)
    how = {"stale": {"issued_at": door.network.clock.now() + 400 * S}, "bad-schema": {}}[fault]
    body = WITHDRAWN if fault == "stale" else {"code": "WHY"}
    await door.refused(door.partner.message("withdrawal", body, thread=first.thread, seq=7, **how), fault)
    await door.accepted(follow(door, first, seq=2))


async def test_what_is_over_is_told_so_by_one_entry_however_often_it_comes(fresh: Door) -> None:
    """Whoever recorded an envelope needs no key to post it each hour; what is entered once is shown again (M-5.18)."""
    clock, context = fresh.network.clock, fresh.gateway.context
    shot = fresh.partner.message(expires_at=clock.now() + DAY)
    await fresh.accepted(shot)
    clock.pass_(days=2)
    first = fresh.receipt(await fresh.post(shot), shot.digest)
    before = fresh.counts()
    for _ in range(3):
        clock.pass_(hours=1)
        await fresh.gateway.retention.run_once(clock.now())
        assert None is (fresh.inbound(shot) or {})["answer"]
        assert first == fresh.receipt(await fresh.post(shot), shot.digest)
    assert ("expired", before) == (first.code, fresh.counts())
    # Under a key that was revoked since it says nothing, and is said by the one in use.
    assert context.own is not None
    signing = tuple(replace(key, revoked_at=clock.now()) for key in context.own.signing)
    context.own = replace(context.own, signing=signing)
    await fresh.post(shot)
    assert before["log_entry"] + 1 == fresh.counts()["log_entry"]


# A clock of ours that leapt (M-3.7).


@pytest.mark.parametrize("days", [2, -2], ids=["ahead", "behind"])
async def test_a_clock_that_leapt_refuses_nothing_for_its_times(fresh: Door, days: int) -> None:
    """A message that is over by it, or comes too early, is `later`, and is taken once the clock is right."""
    clock, steady = fresh.network.clock, SteadyClock(fresh.gateway.context)
    clock.pass_(days=3)
    await steady.run_once(clock.now())
    shot = fresh.partner.message(expires_at=clock.now() + DAY)
    right, before = clock.now(), fresh.counts()
    clock.instant = right + timedelta(days=days)
    await fresh.problem(shot, "later")
    await steady.run_once(clock.now())
    await fresh.problem(shot, "later")
    assert before == fresh.counts()
    clock.instant = right
    await fresh.accepted(shot)


async def test_a_clock_that_leapt_gives_the_answer_that_stands(fresh: Door) -> None:
    """What was accepted is `expired` by a clock that is ahead, and its answer is given again all the same (M-5.18)."""
    clock, steady = fresh.network.clock, SteadyClock(fresh.gateway.context)
    shot = fresh.partner.message(expires_at=clock.now() + DAY)
    first = await fresh.post(shot)
    await steady.run_once(clock.now())
    clock.pass_(days=3)
    assert first.body == (await fresh.post(shot)).body
    await steady.run_once(clock.now())
    clock.pass_(days=1)
    await steady.run_once(clock.now())
    assert "expired" == fresh.receipt(await fresh.post(shot), shot.digest).code


# Withdrawal (M-5.22, M-5.23, M-5.24).


async def test_a_page_of_a_case_has_an_end_however_often_a_state_presses(door: Door) -> None:
    """Whatever a State says again, a desk that looks holds nobody up by it, and sees what came last."""
    first, context = door.partner.message(), door.gateway.context
    await door.accepted(first)
    row = door.inbound(first)
    assert row is not None
    demands = [type for type in ("erasure", "rectification") for _ in range(UNANSWERED_MAX[type])]
    for seq, type in enumerate(demands, 2):
        await door.gateway.receiver.receive(follow(door, first, type, seq).raw)
    seen, last = await stand(context, row["ref"], "clerk", "registry_clerk"), len(demands) + 1 + REMINDERS_MAX
    for seq in range(last + 1 - REMINDERS_MAX, last + 1):
        await door.gateway.receiver.receive(follow(door, first, seq=seq).raw)
    # Nor is what was seen before another case by it: no answer of the desk would be taken while they come.
    assert seen == await stand(context, row["ref"], "clerk", "registry_clerk")
    steps, passed = await history(context, row["ref"]), await messages(context, row["ref"])
    assert last > SHOWN_MAX == len(steps) == len(passed)
    assert ("reminder", last, "checked") == (steps[0].event, passed[0].seq, passed[0].proof.state)
    # One more is refused (M-5.41), and what ends the request is heard after it.
    await door.refused(follow(door, first, seq=last + 1), "illegal-step")
    await door.accepted(follow(door, first, "withdrawal", seq=last + 2))


async def test_withdrawal_jumps_and_closes_what_it_jumped_over(door: Door) -> None:
    """It is taken past a gap; the numbers below it and any after it are an illegal step (M-5.22, M-5.23)."""
    first = door.partner.message()
    await door.accepted(first)
    await door.accepted(follow(door, first, "withdrawal", seq=5))
    ref = (door.thread(first) or {})["ref"]
    assert "WITHDRAWN" == await story.state(door.network, "XBB", ref)
    for seq in (2, 4, 9, 6, 7):
        await door.refused(follow(door, first, seq=seq), "illegal-step")
    assert "WITHDRAWN" == await story.state(door.network, "XBB", ref)


async def test_a_thread_takes_one_type_so_often_and_no_more(door: Door) -> None:
    """What changes nothing makes no case longer without end, in whatever epoch; another type is heard (M-5.42)."""
    first = door.partner.message()
    await door.accepted(first)
    for seq in range(2, SAID_MAX + 2):
        shot = follow(door, first, "withdrawal", seq=seq)
        assert "accepted" == door.receipt(await door.post(shot), shot.digest).status
    for seq in (SAID_MAX + 2, SAID_MAX + 3):
        await door.refused(follow(door, first, "withdrawal", seq=seq), "illegal-step")
    await door.accepted(follow(door, first, "erasure", seq=SAID_MAX + 4))


async def test_withdrawal_of_a_thread_nobody_knows(door: Door) -> None:
    """It is accepted, leaves only ids and digests, and the request that comes late opens no case (M-5.24)."""
    late, before = door.partner.message(), door.counts()
    shot = door.partner.message("withdrawal", WITHDRAWN, thread=late.thread, seq=2)
    receipt = await door.accepted(shot)
    assert (None, None) == (receipt.start_on, receipt.due_on)
    row = door.inbound(shot) or {}
    assert (None, None) == (row["ref"], row["sealed"])
    await door.refused(late, "illegal-step")
    for seq, epoch in ((3, 1), (8, 1)):
        await door.refused(door.partner.message(thread=late.thread, seq=seq, epoch=epoch), "illegal-step")
    assert before["case_file"] == door.counts()["case_file"]


async def test_withdrawal_of_an_erased_case(door: Door) -> None:
    """It is accepted as of any case that is over, and brings nothing back (M-5.22)."""
    first = door.partner.message()
    await door.accepted(first)
    ref = (door.thread(first) or {})["ref"]
    await erase(door.gateway, ref, door.network.clock.now())
    shot = follow(door, first, "withdrawal")
    await door.accepted(shot)
    assert None is (door.inbound(shot) or {})["sealed"]
    assert [{"wrapped": None}] == door.rows("SELECT wrapped FROM case_file WHERE ref = ?", ref)


def said(door: Door, shot: Shot) -> list[dict[str, Any]]:
    """Return what XBB put in its outbox in the thread of ``shot``."""
    return door.rows("SELECT type, seq, ref, state FROM outbound WHERE thread = ? ORDER BY n", shot.thread)


async def erased(door: Door) -> Shot:
    """Have a request taken and its case erased; return the request."""
    first = door.partner.message()
    await door.accepted(first)
    await erase(door.gateway, (door.thread(first) or {})["ref"], door.network.clock.now())
    return first


async def withdrawn_before(door: Door) -> Shot:
    """Have a withdrawal taken in a thread whose request never came; return the request."""
    late = door.partner.message()
    await door.accepted(follow(door, late, "withdrawal", seq=1))
    return late


@pytest.mark.parametrize("begin", [erased, withdrawn_before])
async def test_what_is_not_kept_is_confirmed_as_not_held(fresh: Door, begin: Any) -> None:
    """Where nothing of a thread is kept, what takes data back is accepted, and confirmed at once (M-5.23, M-5.31)."""
    first = await begin(fresh)
    bodies = (("rectification", {"parts": ["NAMES"], "handling": None, "elements": None}), ("erasure", {}))
    for seq, (type, body) in enumerate(bodies, start=2):
        await fresh.accepted(fresh.partner.message(type, {"number": seq} | body, thread=first.thread, seq=seq))
    blank = {"type": "confirmation", "ref": None, "state": "queued"}
    assert [blank | {"seq": 1}, blank | {"seq": 2}] == said(fresh, first)
    assert (3, 2) == tuple((fresh.thread(first) or {})[name] for name in ("in_seq", "out_seq"))


@pytest.mark.parametrize("begin", [erased, withdrawn_before])
async def test_nothing_new_comes_into_a_thread_that_is_not_kept(fresh: Door, begin: Any) -> None:
    """Neither a value nor a question is taken there, and nothing is said about either (M-3.20, M-5.31)."""
    first = await begin(fresh)
    value = example("rectification", "value")
    for seq, (type, body) in enumerate((("rectification", value), ("use-report.request", {"number": 1})), start=2):
        await fresh.refused(fresh.partner.message(type, body, thread=first.thread, seq=seq), "illegal-step")
    assert [] == said(fresh, first)


# The end comes before the gap (M-5.7, M-5.22, M-5.23).


def _told(door: Door, event: str) -> list[dict[str, Any]]:
    """Return what the lines of one event say."""
    return [fields for name, fields in door.network.logs if name == event]


async def test_state_that_goes_on_behind_what_nobody_took_is_told(fresh: Door) -> None:
    """It has a receipt of ours for the number before, or it would not post the next: who signed that (M-5.6)?"""
    first = fresh.partner.message()
    await fresh.accepted(first)
    await fresh.problem(follow(fresh, first, seq=3), "out-of-order")
    assert [{"partner": "XAA", "seq": 3}] == _told(fresh, "partner.ahead")


async def test_state_that_answers_what_nobody_asked_is_told(fresh: Door) -> None:
    """An acknowledgement in a thread that is not known here is of a request in our name."""
    said = example("verification.acknowledgement", "starts-the-clock")
    await fresh.refused(fresh.partner.message("verification.acknowledgement", said), "illegal-step")
    await fresh.refused(fresh.partner.message("reminder", example("reminder", "first")), "illegal-step")
    assert [{"partner": "XAA", "seq": 1}] == _told(fresh, "partner.ahead")


@pytest.mark.parametrize(("known", "told"), [(False, 0), (True, 1)], ids=["of before", "went on since"])
async def test_what_our_restore_may_have_taken_is_no_alarm(fresh: Door, known: bool, told: int) -> None:
    """A thread that a State brings again has gaps; in one that went on since, nothing is missing by it."""
    first = fresh.partner.message()
    at = fresh.network.clock.now() + timedelta(seconds=-1 if known else 1)
    await fresh.accepted(first)
    await fresh.gateway.store.commit(lambda tx: tx.set_meta(RESTORED_AT, wire.format_instant(at)))
    await fresh.problem(follow(fresh, first, seq=3), "out-of-order")
    assert told == len(_told(fresh, "partner.ahead"))


async def test_state_that_fetches_what_is_posted_to_it_is_told_as_it_begins(fresh: Door) -> None:
    """It has no need to: somebody else may have its keys. While it goes on that is told once a week."""
    told = list[int]()
    for hours in (1, *[23] * 12, 25, 1):
        assert 200 == (await fresh.post(_collect(fresh))).status
        told.append(len(_told(fresh, "partner.fetches")))
        fresh.network.clock.pass_(hours=hours)
        await fresh.gateway.refresh_trust()
    assert [*[1] * 9, *[2] * 5, 3] == told
    assert [{"partner": "XAA"}] * 3 == _told(fresh, "partner.fetches")


async def test_state_that_goes_on_behind_is_told_once_a_day(fresh: Door) -> None:
    """It posts the same again and again until it is taken, and that is one alarm."""
    first = fresh.partner.message()
    await fresh.accepted(first)
    for _ in range(3):
        await fresh.problem(follow(fresh, first, seq=3), "out-of-order")
    assert 1 == len(_told(fresh, "partner.ahead"))
    fresh.network.clock.pass_(days=1)
    await fresh.problem(follow(fresh, first, seq=3), "out-of-order")
    assert 2 == len(_told(fresh, "partner.ahead"))


async def test_after_a_withdrawal_only_what_takes_back_waits_for_a_gap(door: Door) -> None:
    """A message that could never be taken is refused at once and uses no number; the three others wait their turn."""
    first = door.partner.message()
    await door.accepted(first)
    await door.accepted(follow(door, first, "withdrawal", seq=2))
    await door.refused(follow(door, first, seq=9), "illegal-step")
    erasure = door.partner.message("erasure", {"number": 1}, thread=first.thread, seq=4)
    await door.problem(erasure, "out-of-order")
    await door.refused(follow(door, first, seq=3), "illegal-step")
    await door.accepted(erasure)


async def test_a_withdrawn_thread_stays_withdrawn(fresh: Door) -> None:
    """That a confirmation of ours ran out, and is said again, opens nothing for who withdrew (M-5.23, M-5.31)."""
    first = fresh.partner.message()
    await fresh.accepted(first)
    await fresh.accepted(follow(fresh, first, "withdrawal", seq=2))
    body = {"number": 1, "parts": ["NAMES"], "handling": None, "elements": None}
    await fresh.accepted(fresh.partner.message("rectification", body, thread=first.thread, seq=3))
    ref, gateway = (fresh.thread(first) or {})["ref"], fresh.gateway
    fresh.network.clock.pass_(hours=1)
    await gateway.retention.run_once(fresh.network.clock.now())
    await gateway.notices.confirm(ref, 1, "DONE", "first", "registry_clerk")
    fresh.network.clock.pass_(days=31)
    await gateway.refresh_trust()
    await gateway.deliverer.expire(fresh.network.clock.now())
    assert ["undelivered", "queued"] == [row["state"] for row in said(fresh, first)]
    await fresh.refused(follow(fresh, first, seq=9), "illegal-step")
    question = fresh.partner.message("use-report.request", {"number": 1}, thread=first.thread, seq=4)
    await fresh.refused(question, "illegal-step")


@pytest.mark.parametrize("parts", [["REPLY"], ["NAMES", "REPLY"]])
async def test_who_asked_takes_no_reply_back(fresh: Door, parts: list[str]) -> None:
    """A reply is corrected by the State that gave it; no other one makes its gateway forget it (M-3.20)."""
    first = fresh.partner.message()
    await fresh.accepted(first)
    ref = (fresh.thread(first) or {})["ref"]
    await fresh.gateway.answer.acknowledge(ref, "first")
    await story.give_answer(fresh.network, ref, story.reply())
    before = await story.case(fresh.network, "XBB", ref)
    body = {"number": 1, "parts": parts, "handling": None, "elements": None}
    await fresh.refused(fresh.partner.message("rectification", body, thread=first.thread, seq=2), "illegal-step")
    after = await story.case(fresh.network, "XBB", ref)
    assert after.reply is not None
    assert (before.reply, ()) == (after.reply, after.notices)


async def test_who_was_asked_takes_no_element_back(fresh: Door) -> None:
    """What was sent of a person is corrected by the State that sent it (M-3.20)."""
    thread = await _asked(fresh)
    body = {"number": 1, "parts": ["NAMES"], "handling": None, "elements": None}
    await fresh.refused(fresh.partner.message("rectification", body, thread=thread, seq=1), "illegal-step")


async def test_withdrawal_by_the_asked_state_is_refused_at_once(fresh: Door) -> None:
    """The exemption from order is of the type; it is no step of the asked State, and then uses no number (M-5.22)."""
    thread = await _asked(fresh)
    shot = fresh.partner.message("withdrawal", WITHDRAWN, thread=thread, seq=5)
    await fresh.refused(shot, "illegal-step")
    assert 0 == (fresh.thread(shot) or {"in_seq": 0})["in_seq"]


# Restore (M-5.8, M-5.27, M-5.28, M-5.29).


def raised(door: Door, epoch: int) -> bytes:
    """Return XAA's next card, with another epoch."""
    second = door.partner.secrets.second
    claims = card.claims_of(second) | {"serial": 3, "prev": second.digest, "epoch": epoch}
    return card.sign_card(claims, door.partner.secrets.identity)


async def test_new_epoch_begins_at_one_once_its_card_is_here(fresh: Door) -> None:
    """Before the card it is `later`, after it the old epoch is refused, and numbers begin anew (M-5.8, M-5.27)."""
    first = fresh.partner.message()
    await fresh.accepted(first)
    ahead = follow(fresh, first, seq=1, epoch=2)
    await fresh.problem(ahead, "later")
    publish(fresh, 3, raised(fresh, 2))
    await fresh.gateway.refresh_trust()
    behind = follow(fresh, first, seq=2)
    receipt = fresh.receipt(await fresh.post(behind), behind.digest)
    assert "illegal-step" == receipt.code
    await fresh.accepted(ahead)
    row = fresh.thread(first) or {}
    assert (2, 1) == (row["in_epoch"], row["in_seq"])


async def another_process(door: Door) -> Trust:
    """Return the cards as another process over the same store holds them."""
    held = door.gateway.context.trust
    other = Trust(held._pins, held._source, door.gateway.store, door.network.clock, vault=held._vault)
    await other.load()
    return other


async def test_nothing_is_taken_of_a_state_that_another_process_put_on_hold(fresh: Door) -> None:
    """From the moment a person said so, and not from when this process hears of it."""
    shot, other = fresh.partner.message(), await another_process(fresh)
    await other.hold("XAA", "second", "a key may be stolen", fresh.network.clock.now())
    await fresh.problem(shot, "hold")
    assert (0, None) == (fresh.counts()["inbound"], fresh.thread(shot))


async def test_nothing_of_an_old_epoch_is_taken_once_another_process_took_the_new_card(fresh: Door) -> None:
    """That process lists what came before the card: who goes by the old one a moment longer waits for it (M-5.28)."""
    late, held = fresh.partner.message(), fresh.gateway.context.trust
    publish(fresh, 3, raised(fresh, 2))
    other = await another_process(fresh)
    assert ("XAA",) == await other.run_once(fresh.network.clock.now())
    await fresh.problem(late, "later")
    await held.load()
    assert "illegal-step" == fresh.receipt(await fresh.post(late), late.digest).code


async def test_nothing_is_refused_in_an_epoch_whose_card_is_not_here(fresh: Door) -> None:
    """What the times refuse uses up its number on both sides or on none, so no thread is stuck behind it (M-5.8)."""
    ahead = fresh.partner.message(epoch=2, issued_at=fresh.network.clock.now() + 400 * S)
    await fresh.problem(ahead, "later")
    assert (0, None) == (fresh.counts()["inbound"], fresh.thread(ahead))
    publish(fresh, 3, raised(fresh, 2))
    await fresh.gateway.refresh_trust()
    assert "stale" == fresh.receipt(await fresh.post(ahead), ahead.digest).code
    await fresh.accepted(fresh.partner.message(thread=ahead.thread, epoch=2, seq=2))


async def test_answers_that_no_desk_gives_do_not_pile_up(fresh: Door) -> None:
    """Of what is asked in a thread of which nothing is kept no more is taken than waits to be fetched (M-5.31)."""
    shot, most = fresh.partner.message("withdrawal", WITHDRAWN), UNANSWERED_MAX["erasure"]
    await fresh.accepted(shot)
    for seq in range(2, most + 2):
        await fresh.gateway.receiver.receive(follow(fresh, shot, "erasure", seq).raw)
    assert most == fresh.counts()["outbound"]
    await fresh.problem(follow(fresh, shot, "erasure", most + 2), "later")
    await fresh.accepted(follow(fresh, shot, "withdrawal", most + 3))


async def test_answers_that_no_desk_gives_do_not_pile_up_in_many_threads(
    fresh: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do they where each is asked for in a thread of its own, of which a State names as many as it likes."""
    monkeypatch.setattr(judge, "OF_NOTHING_MAX", 3)
    shots = [fresh.partner.message("withdrawal", WITHDRAWN) for _ in range(4)]
    for shot in shots:
        await fresh.accepted(shot)
    for shot in shots[:3]:
        await fresh.accepted(follow(fresh, shot, "erasure", 2))
    await fresh.problem(follow(fresh, shots[3], "erasure", 2), "later")
    await fresh.accepted(follow(fresh, shots[3], "withdrawal", 2))


async def test_withdrawn_thread_stays_closed_in_a_new_epoch(fresh: Door) -> None:
    """A restored partner that forgot its withdrawal opens no case by it (M-5.23, M-5.24)."""
    shot = fresh.partner.message("withdrawal", WITHDRAWN, seq=2)
    await fresh.accepted(shot)
    publish(fresh, 3, raised(fresh, 2))
    await fresh.gateway.refresh_trust()
    late = fresh.partner.message(thread=shot.thread, epoch=2)
    assert "illegal-step" == fresh.receipt(await fresh.post(late), late.digest).code
    assert 0 == fresh.counts()["case_file"]


async def test_envelopes_posted_again_get_their_answers(fresh: Door) -> None:
    """What a restored side is sent again byte for byte and knows gets its stored answer (M-5.28)."""
    shots = [fresh.partner.message() for _ in range(3)]
    answers = [(await fresh.post(shot)).body for shot in shots]
    publish(fresh, 3, raised(fresh, 2))
    await fresh.gateway.refresh_trust()
    assert answers == [(await fresh.post(shot)).body for shot in shots]


async def test_known_envelope_is_answered_on_cards_that_are_too_old(fresh: Door) -> None:
    """What was answered is answered so again while nothing of its sender can be read; nothing new is (5.1, step 4)."""
    shot = fresh.partner.message(expires_at=fresh.network.clock.now() + 30 * DAY)
    answer = (await fresh.post(shot)).body
    fresh.network.clock.pass_(days=14, minutes=1)
    await fresh.problem(fresh.partner.message(), "later")
    assert answer == (await fresh.post(shot)).body


async def test_resync_moves_no_number(door: Door) -> None:
    """It gets a receipt like any message, and no thread moves (M-5.29)."""
    first = door.partner.message()
    await door.accepted(first)
    before = door.thread(first)
    row = {"thread": first.thread, "epoch": 1, "seq": 4, "payload": "A" * 43}
    receipt = await door.accepted(door.partner.message("resync", {"threads": [row], "more": False}))
    assert (None, None) == (receipt.start_on, receipt.due_on)
    assert before == door.thread(first)


@pytest.mark.parametrize(
    ("kind", "role", "code"),
    [("handover.delivery", "escort", "illegal-step"), ("handover.receipt", "reception", "bad-statement")],
)
async def test_who_asked_gives_the_first_hand_of_a_handover(door: Door, kind: str, role: str, code: str) -> None:
    """The hand of the side that receives is no statement of the side that brings (M-6.4)."""
    first, people = door.partner.message(), prepared()[1]
    await door.accepted(first)
    body, how = example("return.handover", "at-an-airport"), {"statement": kind, "role": role, "signer": people[role]}
    signed = door.partner.statement(body, first.thread or "", **how)
    shot = door.partner.message("return.handover", body, thread=first.thread, seq=2, statements=[signed])
    await door.refused(shot, code)


# Collect (M-5.19, M-5.20) and answers (M-5.21).


def _collect(door: Door, most: int = 8, **how: Any) -> Shot:
    return door.partner.message("collect", {"max": most}, path=COLLECT, **how)


async def test_collect_counts_once(fresh: Door) -> None:
    """It gets what waits and no receipt; the same bytes again get a refusal and nothing that waits (M-5.19, M-5.20)."""
    shot = fresh.partner.message()
    await fresh.accepted(shot)
    await fresh.gateway.answer.acknowledge((fresh.thread(shot) or {})["ref"], "first")
    asked = _collect(fresh)
    got = await fresh.post(asked)
    assert (200, envelope.MEDIA_TYPE_SEVERAL) == (got.status, got.headers["Content-Type"])
    assert [9349] == [len(item) for item in envelope.parse_several(got.body)]
    before = fresh.counts()
    replayed = await fresh.post(asked)
    assert "id-reuse" == fresh.receipt(replayed, asked.digest).code
    assert (
        replayed.body
        == (await fresh.post(asked)).body
        == (await fresh.post(replace(asked, path="/xg/1/messages"))).body
    )
    assert before["inbound"] == fresh.counts()["inbound"]
    # A new one later, once the lease of the first is over, gets what was not answered yet.
    fresh.network.clock.pass_(hours=2)
    assert [9349] == [len(item) for item in envelope.parse_several((await fresh.post(_collect(fresh))).body)]


async def test_a_collect_goes_once_it_can_be_used_no_more(fresh: Door) -> None:
    """
    A day and 300 s after its end by a clock that is believed; one that a log tells of stays (M-5.20).

    Either is refused from then on, and the audit misses nothing.
    """
    soon = {"expires_at": fresh.network.clock.now() + 60 * S}
    once, twice, longer = _collect(fresh, **soon), _collect(fresh, **soon), _collect(fresh)
    for shot in (once, twice, longer, twice):
        await fresh.post(shot)
    kept = list[list[bool]]()
    for waited, believed in ((DAY + 360 * S, True), (S, False), (0 * S, True)):
        fresh.network.clock.pass_(seconds=waited.total_seconds())
        fresh.gateway.context.believes = lambda _, is_so=believed: is_so
        await fresh.gateway.retention.run_once(fresh.network.clock.now())
        kept.append([fresh.inbound(shot) is not None for shot in (once, twice, longer)])
    assert [[True, True, True], [True, True, True], [False, True, True]] == kept
    assert ["expired", "expired", "id-reuse"] == [
        fresh.receipt(await fresh.post(shot), shot.digest).code for shot in (once, twice, longer)
    ]
    await fresh.gateway.retention.run_once(fresh.network.clock.now())
    assert () == tuple((await audit(fresh.gateway.context)).findings)


async def test_the_oldest_comes_first_however_often_it_was_fetched(fresh: Door) -> None:
    """What was handed out and not answered comes again before what is newer (M-5.19)."""
    digests = [(await _waiting(fresh))[0] for _ in range(3)]
    for _ in range(2):
        fresh.network.clock.pass_(minutes=1)
        got = await fresh.post(_collect(fresh, 2))
        rows = [envelope.envelope_id(one) for one in envelope.parse_several(got.body)]
        found = [fresh.rows("SELECT digest FROM outbound WHERE envelope_id = ?", one)[0]["digest"] for one in rows]
        assert digests[:2] == found


async def test_nothing_waits(door: Door) -> None:
    """An empty reply is no fault (M-5.19)."""
    assert b"" == (await door.post(_collect(door, 1))).body


@pytest.mark.parametrize("code", ["stale", "expired", "bad-schema", "bad-signature", "not-for-me", "later"])
async def test_collect_is_checked_like_any_message(door: Door, code: str) -> None:
    """The path changes nothing in the order of checks (M-5.19)."""
    now = door.network.clock.now()
    how: dict[str, Any] = {
        "stale": {"issued_at": now + 400 * S},
        "expired": {"issued_at": now - DAY, "expires_at": now - 400 * S},
        "bad-schema": {"most": 0},
        "bad-signature": {"signer": FixedSigner(door.partner.secrets.signing.kid, b"", bytes(64))},
        "not-for-me": {"to": "XCC"},
        "later": {"epoch": 2},
    }[code]
    await door.fails(_collect(door, **how), code)


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"", "bad-payload"), (b"{}", "bad-payload"), (b"{}" + b" " * 4094, "bad-payload"), (bytes(65537), "too-large")],
    ids=["empty", "not padded", "no members", "too large"],
)
async def test_answer_of_no_form(door: Door, raw: bytes, code: str) -> None:
    """What is no answer is a problem, and nothing is stored (M-5.21)."""
    await door.problem(Shot(raw, path=ANSWERS, headers={"Content-Type": "application/xg1-answer+json"}), code)


async def _waiting(door: Door) -> tuple[str, str]:
    """Let one message of XBB wait and be collected; return its digest and the case."""
    shot = door.partner.message()
    await door.accepted(shot)
    ref = (door.thread(shot) or {})["ref"]
    await door.gateway.answer.acknowledge(ref, "first")
    assert 200 == (await door.post(_collect(door))).status
    return door.rows("SELECT digest FROM outbound WHERE ref = ?", ref)[0]["digest"], ref


async def test_answer_that_checks_is_taken_once(fresh: Door) -> None:
    """It gets 204, and 204 again; the message waits no longer and its receipt stands in the log (M-5.17, M-5.21)."""
    digest, ref = await _waiting(fresh)
    shot, before = fresh.partner.answer(digest), fresh.counts()
    for _ in range(2):
        got = await fresh.post(shot)
        assert (204, b"") == (got.status, got.body)
    assert before | {"log_entry": before["log_entry"] + 1, "case_event": before["case_event"] + 1} == fresh.counts()
    assert "receipted" == fresh.rows("SELECT state FROM outbound WHERE ref = ?", ref)[0]["state"]


async def test_answer_whose_key_was_rotated_since_is_taken(fresh: Door) -> None:
    """A stored answer is judged by the key of its day, also where it is posted after that key has ended (M-5.21)."""
    digest, ref = await _waiting(fresh)
    stored = fresh.partner.answer(digest, signer=fresh.partner.secrets.over, received_at=START - 2 * DAY)
    assert 204 == (await fresh.post(stored)).status
    assert "receipted" == fresh.rows("SELECT state FROM outbound WHERE ref = ?", ref)[0]["state"]


async def test_answer_that_does_not_check_changes_nothing(fresh: Door) -> None:
    """The message still waits, and the right answer is taken afterwards (M-5.17, M-5.21)."""
    digest, ref = await _waiting(fresh)
    good, secrets = fresh.partner.answer(digest), fresh.partner.secrets
    false = FixedSigner(secrets.signing.kid, b"", bytes(64))
    other_opening = good.raw.replace(b'"r":"AAAA', b'"r":"BAAA')
    other_proof = good.raw.replace(b"index 0", b"index 1")
    assert good.raw not in (other_opening, other_proof)
    for shot, code in (
        (fresh.partner.answer(digest, typ=jws.TYP_STATEMENT), "bad-jws"),
        (fresh.partner.answer(digest, signer=false), "bad-signature"),
        (fresh.partner.answer(digest, recipient="XCC"), "bad-signature"),
        (replace(good, raw=other_opening), "bad-signature"),
        (fresh.partner.answer("A" * 43), "not-for-me"),
        (fresh.partner.answer(digest, sender="XCC"), "not-for-me"),
        (fresh.partner.answer(digest, signer=secrets.revoked), "unknown-signer"),
        (fresh.partner.answer(digest, signer=secrets.identity), "unknown-signer"),
        (replace(good, raw=other_proof), "bad-signature"),
    ):
        await fresh.problem(shot, code)
        assert "posted" == fresh.rows("SELECT state FROM outbound WHERE ref = ?", ref)[0]["state"]
    assert 204 == (await fresh.post(good)).status


async def test_a_log_that_forks_in_every_answer_fills_no_disk(fresh: Door) -> None:
    """Two signed notes convict a keeper, and of any number that it posts no more is kept than of what others bring."""
    digest, _ = await _waiting(fresh)
    now = fresh.network.clock.now()
    assert 204 == (await fresh.post(fresh.partner.answer(digest))).status
    for second in range(1, CONFLICTS_MAX + 3):
        forked = fresh.partner.answer(digest, received_at=now - second * S)
        fresh.is_problem(await fresh.post(forked), "bad-signature")
    assert [{"n": CONFLICTS_MAX}] == fresh.rows("SELECT count(*) AS n FROM log_conflict")


def entered_in_a_huge_log(door: Door, digest: str) -> Shot:
    """Return XAA's answer as the first entry of a log that, as it says, has 2^52."""
    partner, r, origin, levels = door.partner, bytes(32), "XAA/XBB/1", 52
    receipt = wire.Receipt("XAA", "XBB", digest, wire.ACCEPTED, None, partner.clock.now())
    signed = jws.sign(wire.serialize_receipt(receipt), jws.TYP_RECEIPT, partner.secrets.signing)
    path = [bytes([level]) * 32 for level in range(levels)]
    root = reduce(merkle.node_hash, path, merkle.leaf_hash(checkpoint.log_entry(signed, r)))
    note = checkpoint.sign_note(checkpoint.checkpoint_body(origin, 1 << levels, root), origin, partner.secrets.log)
    raw = wire.pad_answer(wire.serialize_answer(wire.Answer(signed, r, checkpoint.proof_text(0, path, note))))
    return Shot(raw, digest, path=ANSWERS, headers={"Content-Type": wire.ANSWER_MEDIA_TYPE})


async def test_two_trees_of_one_size_are_noticed_whatever_size_was_shown_before(fresh: Door) -> None:
    """An answer under a checkpoint of 2^52 entries hides no fork of the trees that the log really has (M-7.5)."""
    digests = [(await _waiting(fresh))[0] for _ in range(3)]
    assert 204 == (await fresh.post(entered_in_a_huge_log(fresh, digests[0]))).status
    assert 204 == (await fresh.post(fresh.partner.answer(digests[1]))).status
    fresh.is_problem(await fresh.post(fresh.partner.answer(digests[2])), "bad-signature")
    assert [{"kind": "fork"}] == fresh.rows("SELECT kind FROM log_conflict")


async def test_a_message_that_has_its_answer_begins_no_log(fresh: Door) -> None:
    """Of the many earlier logs of a partner whose epoch is high, only an answer that is taken makes one known."""
    digest, _ = await _waiting(fresh)
    publish(fresh, 3, raised(fresh, 1_000_000))
    await fresh.gateway.refresh_trust()
    for epoch in (3, 4, 5):
        assert 204 == (await fresh.post(fresh.partner.answer(digest, log_epoch=epoch))).status
    known = fresh.rows("SELECT name FROM meta WHERE name LIKE 'answered:%'")
    assert [{"name": "answered:XAA/XBB/3"}] == known


async def test_answer_out_of_a_log_that_was_over_is_taken_and_told(fresh: Door) -> None:
    """An earlier log holds what was answered before its State raised the epoch (M-5.17); a wrong clock may look so."""
    publish(fresh, 3, raised(fresh, 1_000))
    await fresh.gateway.refresh_trust()
    fresh.network.clock.pass_(seconds=2)
    first = fresh.partner.message(epoch=1_000)
    await fresh.accepted(first)
    ref = (fresh.thread(first) or {})["ref"]
    await fresh.gateway.answer.acknowledge(ref, "first")
    digest = fresh.rows("SELECT digest FROM outbound WHERE ref = ?", ref)[0]["digest"]
    assert 200 == (await fresh.post(_collect(fresh, epoch=1_000))).status
    assert 204 == (await fresh.post(fresh.partner.answer(digest, log_epoch=999))).status
    assert [{"partner": "XAA", "count": 1}] == [
        values for event, values in fresh.network.logs if event == "log.uncompared"
    ]


async def _begun_anew(door: Door, epoch: int) -> None:
    """Let XAA go from epoch 5 to a first card of another identity key in ``epoch``, and officers confirm that one."""
    other, trust = SigningKey.generate(), door.gateway.context.trust
    held = trust.card("XAA")
    claims = card.claims_of(held) | {"serial": 1, "prev": None, "epoch": epoch, "identity": b64.encode(other.public)}
    publish(door, 4, card.sign_card(claims, other))
    await door.gateway.refresh_trust()
    assert "XAA" in trust.holds()
    door.network.clock.pass_(seconds=2)
    await lift(trust, "XAA", other.public, door.network.clock.now())
    await door.gateway.refresh_trust()
    assert (epoch, {}) == (trust.card("XAA").epoch, dict(trust.holds()))
    door.network.clock.pass_(seconds=2)


async def _in_epoch(door: Door, epoch: int) -> None:
    """Let XAA raise its epoch."""
    publish(door, 3, raised(door, epoch))
    await door.gateway.refresh_trust()
    door.network.clock.pass_(seconds=2)


async def _acknowledged(door: Door, epoch: int) -> str:
    """Let XBB say something in a case that XAA opens in ``epoch``, and return its digest."""
    first = door.partner.message(epoch=epoch)
    await door.accepted(first)
    ref = (door.thread(first) or {})["ref"]
    await door.gateway.answer.acknowledge(ref, "first")
    digest: str = door.rows("SELECT digest FROM outbound WHERE ref = ?", ref)[0]["digest"]
    return digest


async def test_state_that_was_confirmed_in_a_lower_epoch_gives_its_receipts_from_there(fresh: Door) -> None:
    """The log of the epoch it has now is the one it keeps, however high another was before (M-5.17, M-8.5)."""
    await _in_epoch(fresh, 5)
    await _begun_anew(fresh, 1)
    digest = await _acknowledged(fresh, epoch=1)
    assert 200 == (await fresh.post(_collect(fresh, epoch=1))).status
    assert 204 == (await fresh.post(fresh.partner.answer(digest))).status


async def test_log_of_a_lower_epoch_is_not_the_one_of_before_that_had_its_name(fresh: Door) -> None:
    """A State that lost everything begins its log anew; it is no fork of the one that it lost (M-8.5)."""
    before = await _acknowledged(fresh, epoch=1)
    assert 200 == (await fresh.post(_collect(fresh))).status
    assert 204 == (await fresh.post(fresh.partner.answer(before))).status
    await _in_epoch(fresh, 5)
    await _begun_anew(fresh, 1)
    digest = await _acknowledged(fresh, epoch=1)
    assert 200 == (await fresh.post(_collect(fresh, epoch=1))).status
    assert 204 == (await fresh.post(fresh.partner.answer(digest))).status
    assert [] == fresh.rows("SELECT kind FROM log_conflict")


async def test_what_waited_during_the_hold_is_answered_from_the_lower_epoch(fresh: Door) -> None:
    """It was made while the higher epoch held, and goes to a State that has no log of that one (M-5.17, M-8.5)."""
    await _in_epoch(fresh, 5)
    digest = await _acknowledged(fresh, epoch=5)
    await _begun_anew(fresh, 1)
    assert 200 == (await fresh.post(_collect(fresh, epoch=1))).status
    assert 204 == (await fresh.post(fresh.partner.answer(digest))).status


async def test_lower_epoch_is_a_new_one(fresh: Door) -> None:
    """What was answered is posted again to a State in a lower epoch, and the next one it raises is noticed (M-5.28)."""
    await _in_epoch(fresh, 5)
    digest = await _acknowledged(fresh, epoch=5)
    assert 200 == (await fresh.post(_collect(fresh, epoch=5))).status
    assert 204 == (await fresh.post(fresh.partner.answer(digest, log_epoch=5))).status
    assert [{"state": "receipted"}] == fresh.rows("SELECT state FROM outbound WHERE digest = ?", digest)
    await _begun_anew(fresh, 1)
    assert [{"state": "posted"}] == fresh.rows("SELECT state FROM outbound WHERE digest = ?", digest)
    assert [{"epoch": 1}] == fresh.rows("SELECT epoch FROM partner WHERE country = 'XAA'")


async def test_numbers_of_a_lower_epoch_begin_at_one_in_a_thread_of_before(fresh: Door) -> None:
    """They are those of a new epoch, though the State said more in that thread when it was in that one (M-8.5)."""
    first = fresh.partner.message()
    await fresh.accepted(first)
    await fresh.accepted(follow(fresh, first))
    await _in_epoch(fresh, 5)
    await _begun_anew(fresh, 1)
    await fresh.accepted(follow(fresh, first, seq=1))


# A case that XBB asks in: when XAA says it was asked, and replies that the request does not allow.


async def _asked(door: Door) -> str:
    """Let XBB ask XAA, and return the thread."""
    gateway = door.gateway
    ref = await gateway.clear.new(story.draft(to="XAA", no_contact_methods=True, method_limit="M0"), "first")
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    signed = door.network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await gateway.clear.approve(ref, signed, "second")
    await gateway.clear.send(ref, "first")
    return thread


@pytest.mark.parametrize("away", [80 * DAY, 3650 * DAY, -3650 * DAY], ids=["80 days ahead", "ten years ahead", "back"])
async def test_partner_sets_no_deadline_by_the_instant_it_puts_in_its_receipt(fresh: Door, away: timedelta) -> None:
    """What cannot be when it was received is a finding, and the reply is due as if it were received now (M-5.17)."""
    secrets, now, long = fresh.partner.secrets, fresh.network.clock.now(), SigningKey.generate()
    claims = card.claims_of(secrets.second) | {"serial": 3, "prev": secrets.second.digest}
    claims["signing"] = [*claims["signing"], entry(long, now - 3660 * DAY, now + 3660 * DAY)]
    publish(fresh, 3, card.sign_card(claims, secrets.identity))
    await fresh.gateway.refresh_trust()
    thread = await _asked(fresh)
    assert 200 == (await fresh.post(_collect(fresh))).status
    row = fresh.rows("SELECT digest, ref FROM outbound WHERE thread = ?", thread)[0]
    begin, starts = fresh.gateway.context.reckoner.begin, starts_of_receipt("verification.request", {})
    said, due = ({one.step: one for one in begin("XBB", "XAA", starts, at, "")} for at in (now + away, now))
    named = {"start_on": said["reply"].start_on, "due_on": said["reply"].due_on} if "reply" in said else {}
    shot = fresh.partner.answer(row["digest"], signer=long, received_at=now + away, **named)
    assert 204 == (await fresh.post(shot)).status
    case = await story.case(fresh.network, "XBB", row["ref"])
    assert due["reply"].due_on == case.clock("reply").due_on
    assert f"the other State says it received at {wire.format_instant(now + away)}" in case.findings


async def test_receipt_within_the_skew_of_two_clocks_is_gone_by(fresh: Door) -> None:
    """Across midnight too both sides reckon from the instant in it, and there is nothing to note."""
    thread, now = await _asked(fresh), fresh.network.clock.now()
    assert 200 == (await fresh.post(_collect(fresh))).status
    row = fresh.rows("SELECT digest, ref FROM outbound WHERE thread = ?", thread)[0]
    at = now + wire.SKEW
    starts = starts_of_receipt("verification.request", {})
    due = {one.step: one for one in fresh.gateway.context.reckoner.begin("XBB", "XAA", starts, at, row["digest"])}
    days = {"start_on": due["reply"].start_on, "due_on": due["reply"].due_on}
    assert 204 == (await fresh.post(fresh.partner.answer(row["digest"], received_at=at, **days))).status
    case = await story.case(fresh.network, "XBB", row["ref"])
    assert (due["reply"], ()) == (case.clock("reply"), case.findings)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"method_used": ["CONSULAR_INTERVIEW"]}, "national"),
        ({"method_used": ["SOCIAL_ENQUIRY"]}, "national"),
        ({}, "resident-at-date"),
    ],
    ids=["method outside the limit", "contact though there must be none", "an answer to another question"],
)
async def test_reply_the_request_does_not_allow(fresh: Door, change: dict[str, Any], outcome: str) -> None:
    """It is refused as an illegal step, nothing of it is kept, and a right one is taken after it."""
    thread, partner = await _asked(fresh), fresh.partner
    body = example("verification.acknowledgement", "clock-runs-already")
    await fresh.accepted(partner.message("verification.acknowledgement", body, thread=thread))
    bad = partner.message("verification.reply", partner.reply(outcome, **change), thread=thread, seq=2)
    await fresh.refused(bad, "illegal-step")
    good = partner.reply("national", method_used=["POPULATION_REGISTER"])
    await fresh.accepted(partner.message("verification.reply", good, thread=thread, seq=3))


async def test_negative_reply_with_its_second_signature(fresh: Door) -> None:
    """The same statement that is refused with any fault in it is taken without (M-6.1, M-6.2)."""
    thread, partner = await _asked(fresh), fresh.partner
    body = example("verification.acknowledgement", "clock-runs-already")
    await fresh.accepted(partner.message("verification.acknowledgement", body, thread=thread))
    reply = partner.reply("not-found")
    bad = partner.statement(reply, thread, digest="A" * 43)
    await fresh.refused(
        partner.message("verification.reply", reply, thread=thread, seq=2, statements=[bad]), "bad-statement"
    )
    good = partner.statement(reply, thread)
    await fresh.accepted(partner.message("verification.reply", reply, thread=thread, seq=3, statements=[good]))


async def test_reply_after_our_own_withdrawal(fresh: Door) -> None:
    """Our withdrawal ends what we send; what was on its way to us is taken and its body not kept (M-5.23)."""
    thread, partner = await _asked(fresh), fresh.partner
    body = example("verification.acknowledgement", "clock-runs-already")
    await fresh.accepted(partner.message("verification.acknowledgement", body, thread=thread))
    ref = fresh.rows("SELECT ref FROM case_file WHERE thread = ?", thread)[0]["ref"]
    await fresh.gateway.hold.freeze(ref, "a reason", "first", "case_officer")
    await fresh.gateway.hold.withdraw(ref, "first", "case_officer")
    fresh.network.clock.pass_(hours=1)  # until then it answers as where it was stopped (M-5.26)
    shot = partner.message("verification.reply", partner.reply("national"), thread=thread, seq=2)
    await fresh.accepted(shot)
    assert None is (fresh.inbound(shot) or {})["sealed"]
    other = partner.message("verification.reply", partner.reply("national"), thread=thread, seq=2)
    await fresh.refused(other, "id-reuse")


async def test_full_disk_loses_nothing(fresh: Door) -> None:
    """While the disk is full a message is `later` and stores nothing; with room again the same bytes are taken."""
    writer = fresh.gateway.store._engine._writer
    assert writer is not None
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    taken: list[Shot] = []
    while (got := await fresh.post(shot := fresh.partner.message())).status == 200:
        taken.append(shot)
    fresh.is_problem(got, "later")
    await fresh.problem(shot, "later")
    writer.execute("PRAGMA max_page_count = 1073741823").fetchall()
    await fresh.accepted(shot)
    assert len(taken) + 1 == fresh.counts()["case_file"]


async def test_order_of_checks(door: Door) -> None:
    """With two faults the earlier check answers (M-5.1)."""
    now: datetime = door.network.clock.now()
    unsigned = FixedSigner(door.partner.secrets.signing.kid, b"", bytes(64))
    old = {"issued_at": now - 40 * DAY, "expires_at": now - 30 * DAY}
    used = door.partner.message()
    await door.accepted(used)
    pairs: list[tuple[str, dict[str, Any]]] = [
        ("bad-envelope", {"sealed": lambda raw: b"Y" + flip(30)(raw)[1:]}),
        ("unknown-key", {"sealed": lambda raw: flip(8)(flip(40)(raw))}),
        ("bad-padding", {"plain": flip(-1), "signed": lambda raw: b"x"}),
        ("bad-jws", {"signed": lambda raw: b"x", "payload": lambda raw: b"{"}),
        ("bad-json", {"body": b'{"a":1,"a":2}', "to": "XCC"}),
        ("bad-payload", {"v": 3, "to": "XCC"}),
        ("not-for-me", {"to": "XCC", "from": "XCC"}),
        ("unknown-signer", {"from": "XCC", "signer": unsigned}),
        ("bad-signature", {"signer": unsigned, "epoch": 2, **old}),
        ("later", {"epoch": 2, "issued_at": now + DAY}),
        ("later", {"epoch": 2, **old}),
        ("later", {"epoch": 2, "id": used.id}),
        ("later", {"epoch": 2, "type": "collect", "body": {"max": 1}, "path": COLLECT, **old}),
        ("later", {"epoch": 2, "type": "resync", "body": {"threads": [], "more": False}, "issued_at": now + DAY}),
        ("stale", {"issued_at": now + DAY, "expires_at": now + 40 * DAY, "id": used.id}),
        ("expired", {**old, "id": used.id}),
        ("out-of-order", {"seq": 9, "issued_at": now + DAY}),
        ("out-of-order", {"seq": 9, **old}),
        ("out-of-order", {"seq": 9, "id": used.id}),
        ("id-reuse", {"id": used.id, "type": "verification.nothing"}),
        ("later", {"epoch": 2, "seq": 9, "type": "verification.nothing"}),
        ("out-of-order", {"seq": 9, "type": "verification.nothing"}),
        ("unsupported-type", {"type": "verification.nothing", "body": {"more": 1}}),
        ("bad-schema", {"body": {"elements": {"permit": 1}}, "statements": []}),
    ]
    for code, how in pairs:
        await door.fails(door.partner.message(**how), code)
    body = example("verification.request", "nationality")
    body["elements"]["sex"] = 2
    statement = door.partner.statement(body, "A" * 22)
    await door.refused(door.partner.message(body=body, statements=[statement]), "not-minimised")
    reply = door.partner.reply("not-found")
    await door.refused(door.partner.message("verification.reply", reply), "bad-statement")


def _directory(serial: int, name: str) -> dict[str, Any]:
    """Return a directory of XAA with one authority of that ``name``."""
    days = {"tasks": ["NATIONALITY"], "from": "2026-11-01", "until": None}
    officer = {"id": "DPx6b_MxUGnTi3ssJc-4VA", "authority": "XAA-ID-01", **days}
    authorities = [{"id": "XAA-ID-01", "name": name, **days}]
    return {"serial": serial, "valid_from": "2026-11-01", "authorities": authorities, "officers": [officer]}


async def _names(door: Door) -> list[str]:
    return [one.name for one in (await door.gateway.directory.show("XAA"))[0].authorities]


async def test_directory_is_no_larger_than_it_needs_to_be(fresh: Door) -> None:
    """All that a directory may hold is taken; one of white space, which would be read often, is not (M-4.5)."""
    span = {"tasks": list(schemas.codes("purpose")), "from": "2026-11-01", "until": "2199-12-31"}
    ids = [f"XAA-{number:028}" for number in range(32)]
    authorities = [{"id": id, "name": "\U00020000" * 120, **span} for id in ids]
    officers = [{"id": fresh.partner.token(), "authority": ids[0], **span} for _ in range(64)]
    most = {"serial": 1, "valid_from": "2026-11-01", "authorities": authorities, "officers": officers}
    await fresh.accepted(fresh.partner.message("directory", most))
    assert 32 == len(await _names(fresh))
    body = ijson.dumps(_directory(2, "Padded"))
    await fresh.refused(fresh.partner.message("directory", b"{" + b" " * 50_000 + body[1:]), "bad-schema")
    assert 32 == len(await _names(fresh))


async def test_what_a_thief_announced_falls_with_the_key(fresh: Door) -> None:
    """A directory by a key that was revoked as of before it came holds no more, and keeps none from being taken."""
    secrets, now, new = fresh.partner.secrets, fresh.network.clock.now(), SigningKey.generate()
    await fresh.accepted(fresh.partner.message("directory", _directory(999_999, "Thief")))
    claims = card.claims_of(secrets.second) | {"serial": 3, "prev": secrets.second.digest}
    at = wire.format_instant(now - DAY)
    revoked = [{**one, "revoked_at": at} if one["kid"] == secrets.signing.kid else one for one in claims["signing"]]
    claims["signing"] = [*revoked, entry(new, now - DAY, now + 90 * DAY)]
    publish(fresh, 3, card.sign_card(claims, secrets.identity))
    await fresh.gateway.refresh_trust()
    assert "Thief" not in await _names(fresh)
    assert ["directory.fell"] == [event for event, _ in fresh.network.logs if event.endswith(".fell")]
    await fresh.accepted(fresh.partner.message("directory", _directory(1, "Register"), signer=new))
    assert ["Register"] == await _names(fresh)


async def test_what_was_announced_before_the_theft_stands(fresh: Door) -> None:
    """A directory that came before the instant as of which its key was revoked holds on (M-8.3)."""
    secrets, now = fresh.partner.secrets, fresh.network.clock.now()
    await fresh.accepted(fresh.partner.message("directory", _directory(1, "Register")))
    claims = card.claims_of(secrets.second) | {"serial": 3, "prev": secrets.second.digest}
    at = wire.format_instant(now + S)
    claims["signing"] = [
        {**one, "revoked_at": at} if one["kid"] == secrets.signing.kid else one for one in claims["signing"]
    ]
    publish(fresh, 3, card.sign_card(claims, secrets.identity))
    await fresh.gateway.refresh_trust()
    assert ["Register"] == await _names(fresh)


async def test_directory_said_after_a_restore_holds(fresh: Door) -> None:
    """A State that lost its last serial in a restore uses it again in the next epoch, and what it says then holds."""
    publish(fresh, 3, raised(fresh, 2))
    await fresh.accepted(fresh.partner.message("directory", _directory(2, "Lost")))
    await fresh.gateway.refresh_trust()
    await fresh.accepted(fresh.partner.message("directory", _directory(2, "Moved"), epoch=2))
    assert ["Moved"] == await _names(fresh)


@pytest.mark.parametrize("epoch", [1, 5], ids=["lower epoch", "same epoch"])
async def test_directory_said_under_a_confirmed_identity_holds(fresh: Door, epoch: int) -> None:
    """What was announced before holds until something is announced anew, whatever its epoch and serial (M-3.22)."""
    await _in_epoch(fresh, 5)
    await fresh.accepted(fresh.partner.message("directory", _directory(7, "Before"), epoch=5))
    await _begun_anew(fresh, epoch)
    assert ["Before"] == await _names(fresh)
    await fresh.accepted(fresh.partner.message("directory", _directory(2, "Anew"), epoch=epoch))
    await fresh.accepted(fresh.partner.message("directory", _directory(1, "Late"), epoch=epoch))
    assert ["Anew"] == await _names(fresh)
