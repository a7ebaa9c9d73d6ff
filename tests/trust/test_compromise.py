"""After a theft of keys: what could be read, what waits is signed anew, every partner is met again."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway import home
from gateway.cli import keys, running
from gateway.cli.compromise import given_out
from gateway.cli.errors import CommandError
from gateway.cli.own_card import issue, own_card
from gateway.core import envelope, evidence_verifier, wire
from gateway.core.messages import RESYNC
from gateway.core.retry import FAILURES_TO_OPEN
from gateway.services import compromise, listing
from gateway.services import exposure as exposures
from gateway.services import outbox as outboxes
from gateway.services.compromise import ANSWERED, ON_HOLD, WAITS, Compromise
from gateway.services.exposure import Exposed, Exposure, exposure
from gateway.services.ports import Committed, Tx, Unit
from gateway.services.rows import Trace
from gateway.settings import load
from gateway.transport.card_directory import load_cards
from keys import b64, card, jws
from keys.custody import open_store
from keys.seal import SealingKey
from keys.sign import SigningKey
from tests.cli.support import (
    Homes,
    approved,
    call,
    deliver,
    desk,
    in_environment,
    link_leads_on,
    value,
    write_stand,
)
from tests.services.one_case import over
from tests.storage.support import case, event
from tests.support import questions, story
from tests.support.device import address
from tests.support.erased import erase
from tests.support.evidence import exported, members_of
from tests.support.holds import held as held_by
from tests.support.network import START, Network, open_gateway
from tests.support.posted import payloads
from tests.support.restoring import after_the_listing, back_up, card_of, findings_of, next_card_of, outbox, restore
from tests.support.spoilt import spoilt
from tests.support.stolen import steal_from
from tests.trust.revocation import revoke

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_two_partners_and_a_thief(tmp_path: Path) -> None:
    """One command between processes: the report is exact, both partners are met again, the thief is heard no more."""
    command = [sys.executable, "-m", "drills.compromise", "--partners", "2", "--json", "--root", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stderr
    assert 0 == done.returncode


@dataclass(frozen=True)
class Seen:
    """What can be read after a theft, and each message of it."""

    whole: Exposure
    messages: list[Exposed]


async def exposed(
    network: Network, country: str, since: datetime, *, database: bool = True, elsewhere: bool = False
) -> Seen:
    """Return what a thief can read who was there from ``since`` until now; with ``elsewhere`` on another machine."""
    gateway, told = network.gateways[country], list[Exposed]()
    published = load_cards(network.homes[country] / "cards", country)
    span = (published, since, network.clock.now())
    found = await exposure(gateway.context, *span, database=database, elsewhere=elsewhere, tell=told.append)
    assert (found.line, found.disk) == (sum(one.line for one in told), sum(one.disk for one in told))
    return Seen(found, told)


def digests(found: Seen, way: str) -> set[str]:
    """Return the payload digests that can be read by ``way``."""
    return {one.digest for one in found.messages if getattr(one, way)}


async def received(network: Network, country: str) -> set[str]:
    """Return the payload digests of all that ``country`` received."""
    rows = await network.gateways[country].store.read(lambda tx: tx.traces("inbound", 0, 1000))
    return {row.digest for row in rows}


async def test_a_key_destroyed_before_the_theft_gives_nothing_away(network: Network) -> None:
    """What came in a window that ended before the theft is closed to a recording; what came in later ones is not."""
    await story.received(network)
    old = await received(network, "XBB")
    network.clock.pass_(days=45)
    await network.refresh()
    await network.gateways["XBB"].windows.run_once(network.clock.now())
    destroyed = network.clock.now()
    network.clock.pass_(hours=1)
    today = network.clock.now().date().isoformat()
    attested = {"state": "none", "attested_by": "protection", "attested_on": today, "basis": "interview"}
    await story.received(network, asylum=attested)
    new = await received(network, "XBB") - old
    assert (1, 1) == (len(old), len(new))
    assert new == digests(await exposed(network, "XBB", destroyed + timedelta(seconds=1)), "line")
    assert old | new == digests(await exposed(network, "XBB", destroyed), "line")


async def test_a_key_that_is_gone_and_was_not_noted_so_counts_as_stolen(network: Network) -> None:
    """A run that was cut short once the keys were destroyed is run again: its report has what they give away, too."""
    await story.received(network)
    network.gateways["XBB"].context.keyring.sealing.clear()
    found = await exposed(network, "XBB", network.clock.now(), database=False)
    assert (13, await received(network, "XBB")) == (len(found.whole.keys), digests(found, "line"))


async def test_a_key_that_another_machine_may_hold_counts_as_stolen(network: Network) -> None:
    """What one machine destroyed closes nothing while another may have been off when its copy was to go."""
    await story.received(network)
    network.clock.pass_(days=46)
    await network.refresh()
    (gone,) = await network.gateways["XBB"].windows.run_once(network.clock.now())
    network.clock.pass_(hours=1)
    found = await exposed(network, "XBB", network.clock.now(), database=False, elsewhere=True)
    assert (True, await received(network, "XBB")) == (gone in found.whole.keys, digests(found, "line"))


async def test_an_erasure_before_the_theft_closes_the_store(network: Network) -> None:
    """A case erased before the theft lies in no copy of the database; one erased during it may."""
    _, theirs = await story.received(network)
    network.clock.pass_(hours=1)
    erased = network.clock.now()
    await erase(network.gateways["XBB"], theirs, erased)
    assert set() == digests(await exposed(network, "XBB", erased + timedelta(seconds=1)), "disk")
    assert await received(network, "XBB") == digests(await exposed(network, "XBB", erased), "disk")


async def test_a_report_is_whole_however_much_there_is(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page: what a thief can read and nobody is told of is no smaller for that."""
    for _ in range(3):
        await story.received(network)
    whole = await exposed(network, "XBB", START)
    monkeypatch.setattr(exposures, "PAGE", 1)
    assert (3, whole) == (len(whole.whole.cases), await exposed(network, "XBB", START))


async def test_a_store_that_was_not_taken_gives_nothing_away(network: Network) -> None:
    """With the keys alone, a thief needs a recording; what we sent was sealed to keys that never lay here."""
    await story.acknowledged(network)
    found = await exposed(network, "XAA", START, database=False)
    assert (set(), ()) == (digests(found, "disk"), found.whole.cases)
    assert {"inbound"} == {one.direction for one in found.messages}


async def test_a_message_that_came_under_two_keys_is_read_with_either(network: Network) -> None:
    """The answer is lost, the key goes, the same message comes sealed to the next: both keys are in the report."""
    network.wires.lose_answers = True
    await story.sent(network)
    await network.deliver()
    network.wires.lose_answers = False
    first, *_ = network.gateways["XBB"].context.own.sealing
    network.clock.pass_(days=29, hours=23, minutes=30)
    await revoke(network, "XBB", {first.kid}, network.clock.now())
    await network.deliver()
    found = await exposed(network, "XBB", START)
    assert [2] == [len(one.keys) for one in found.messages if one.direction == "inbound"]


async def test_a_row_without_its_key_is_said_to_be_uncertain(network: Network) -> None:
    """Of a message received before keys were noted, every key of that day may be the one."""
    await story.received(network)

    async def forget(tx: Any) -> None:
        for trace in await tx.traces("inbound", 0, 10):
            row = await tx.find_inbound(trace.partner, trace.digest)
            await tx.save_inbound(row._replace(kid=None))

    await network.gateways["XBB"].store.commit(forget)
    found = await exposed(network, "XBB", START, database=False)
    assert [(True, False)] == [(one.line, one.certain) for one in found.messages]


async def test_a_partner_is_met_once_it_has_answered_under_the_new_key(network: Network) -> None:
    """What was posted to it and not answered is waited for, and tried again whatever failed before."""
    context = network.gateways["XAA"].context
    met, now = Compromise(context), network.clock.now()
    assert {ON_HOLD} == set((await met.met()).values())
    network.wires.lose_answers = True
    await met.greet(now)
    await network.deliver(1)
    assert WAITS == (await met.met())["XBB"]
    network.wires.lose_answers = False

    async def rests(tx: Tx) -> None:
        row = await tx.find_partner("XBB")
        assert row is not None
        await tx.save_partner(row._replace(failures=FAILURES_TO_OPEN, open_until=now + timedelta(days=1)))

    await context.commit(rests)
    await met.nudge(network.clock.now())
    await network.gateways["XAA"].deliverer.run_once()
    assert ANSWERED == (await met.met())["XBB"]


async def test_a_greeting_lists_what_came_in_as_many_messages_as_it_takes(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each but the last says that more follows; a thread in which nothing came is in none of them."""
    monkeypatch.setattr(listing, "THREADS_A_MESSAGE", 1)
    for _ in range(2):
        await story.acknowledged(network)
    await story.sent(network)
    network.wires.posted.clear()
    await Compromise(network.gateways["XAA"].context).greet(network.clock.now())
    await network.deliver()
    bodies = [one.body for one in payloads(network, "XBB") if one.type == RESYNC]
    assert [(1, True), (1, False)] == [(len(body["threads"]), body["more"]) for body in bodies]


async def test_a_state_on_hold_is_greeted_once_it_is_not(network: Network) -> None:
    """It holds what was forged in our name like any other, and nothing else would have it told what is ours."""
    await story.acknowledged(network)
    lifted, met = await held_by(network, "XAA", "XBB"), Compromise(network.gateways["XAA"].context)
    network.wires.posted.clear()
    await met.greet(network.clock.now())
    await network.deliver()
    assert (ON_HOLD, []) == ((await met.met())["XBB"], network.wires.posted)
    await lifted()
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert [1] == [len(one.body["threads"]) for one in payloads(network, "XBB") if one.type == RESYNC]


async def test_what_waits_is_signed_again_in_portions(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be more than there is memory; and each is signed, whatever stands before it."""
    monkeypatch.setattr(compromise, "PORTION", 2)
    gateway = network.gateways["XAA"]
    refs = [await story.sent(network) for _ in range(5)]
    gateway.context.keyring = replace(gateway.context.keyring, signing=SigningKey.generate())
    commit, changed = gateway.context.store.commit, list[int]()

    async def kids() -> list[str]:
        rows = [row for ref in refs for row in await outbox(network, "XAA", ref)]
        of = [await story.row(network, "XAA", ref) for ref in refs]
        kept = [outboxes.kept(gateway.context, *pair) for pair in zip(rows, of, strict=True)]
        return [jws.parse(one, jws.TYP_MESSAGE).kid for one in kept]

    async def watched(unit: Unit[Any], partner: str = "") -> Committed:
        made = await commit(unit, partner)
        changed.append((await kids()).count(gateway.context.keyring.signing.kid))
        return made

    monkeypatch.setattr(gateway.context.store, "commit", watched)
    assert (5, 0) == await Compromise(gateway.context).sign_again(network.clock.now())
    assert [2, 4, 5] == changed


@pytest.mark.parametrize("held", [True, False], ids=["with a key", "on hold"])
async def test_what_waits_is_signed_by_the_key_in_use(
    network: Network, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    """The same message, in an envelope of its own; where no key of its recipient is held it has none for now."""
    context, ours = network.gateways["XAA"].context, await story.sent(network)
    (row,), of = await outbox(network, "XAA", ours), await story.row(network, "XAA", ours)
    context.keyring = replace(context.keyring, signing=SigningKey.generate())
    if not held:
        monkeypatch.setattr(outboxes, "recipient", lambda *_: None)
    made = outboxes.sign_anew(context, row, of, network.clock.now())
    kept = jws.parse(outboxes.kept(context, made, of), jws.TYP_MESSAGE)
    assert (context.keyring.signing.kid, row.digest) == (kept.kid, wire.payload_digest(kept.payload))
    assert (row.kid if held else "", held) == (made.kid, made.envelope is not None)
    assert envelope.envelope_id(made.envelope or b"") == made.envelope_id != row.envelope_id


A, B = b"a" * 16, b"b" * 16
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("kid", "after", "keys"),
    [(None, -1, set()), (None, 0, {A}), (None, 1, {A, B}), (None, 2, {B}), (None, 3, set()), (B, 0, {B})],
)
def test_a_message_may_have_come_under_each_key_in_its_window(kid: bytes | None, after: int, keys: set[bytes]) -> None:
    """From its first moment to before its end; if the key was noted, under that alone."""
    windows = {A: exposures._Window(START, START + 2 * HOUR), B: exposures._Window(START + HOUR, START + 3 * HOUR)}
    trace = Trace(1, "inbound", "XBB", "id", "digest", "reply", START + after * HOUR, "c1", kid, True)
    assert keys == exposures._kids(trace, windows)


@pytest.mark.parametrize(
    ("key", "erased", "at"),
    [
        (b"wrapped", [], None),
        (None, [], START),
        (None, [1, 2], START + HOUR),
    ],
)
async def test_a_case_was_erased_when_it_first_was(key: bytes | None, erased: list[int], at: datetime | None) -> None:
    """A restore erases again what it brought back; where no step says so, it was when the case last changed."""
    row = case(wrapped_key=key, changed_at=START)
    store = await over(row)

    async def unit(tx: Tx) -> datetime | None:
        for hours in erased:
            await tx.add_event(event(event="erase", at=START + hours * HOUR))
        await tx.add_event(event(at=START - HOUR))
        return await exposures._erased_at(tx, row.ref)

    assert at == (await store.commit(unit)).value


async def test_an_answer_by_a_revoked_key_is_given_again_by_the_new_one(network: Network) -> None:
    """A partner that lost our answer gets the same words under the key in use, and the message is settled."""
    network.wires.lose_answers = True
    ours = await story.sent(network)
    await network.deliver()
    network.wires.lose_answers = False
    gateway = network.gateways["XBB"]
    old, at = gateway.context.keyring.signing, network.clock.now()
    network.clock.pass_(hours=1)
    store = open_store(f"file:{network.homes['XBB'] / home.KEY_FILE}", passphrase=lambda: "correct horse", environ={})
    new = SigningKey.generate()
    entry = {"kid": new.kid, "key": b64.encode(new.public), "from": wire.format_instant(START - timedelta(days=31)),
             "until": wire.format_instant(START + timedelta(days=366)), "revoked_at": None}  # fmt: skip
    await revoke(network, "XBB", {old.kid}, at, signing=[entry])
    store.destroy(home.SIGNING)
    store.put(home.SIGNING, new.seed)
    await gateway.close()
    await open_gateway(network, "XBB")
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)
    rows = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_of_case(ours))
    signed = [jws.parse(wire.parse_stored_answer(row.answer).receipt, jws.TYP_RECEIPT) for row in rows]
    assert [new.kid] == [one.kid for one in signed]
    assert [at] == [wire.parse_receipt(one.payload).received_at for one in signed]
    for country, ref in (("XAA", ours), ("XBB", await story.twin(network, ours))):
        assert () == evidence_verifier.verify(members_of(await exported(network, country, ref))).faults


async def test_evidence_of_what_was_answered_before_a_theft_verifies_once_it_is_answered_again(
    network: Network,
) -> None:
    """The proof that the other State's log holds a receipt is of the one that stands, not of the one that fell."""
    ours, theirs = await story.received(network)
    await steal_from(network, "XBB")
    await after_the_listing(network)
    for country, ref in (("XAA", ours), ("XBB", theirs)):
        assert () == evidence_verifier.verify(members_of(await exported(network, country, ref))).faults


async def test_a_key_that_follows_that_of_a_theft_gives_the_answers_of_before_again(network: Network) -> None:
    """A partner whose line was down until the next signing key was in use gets receipts that it can check (8.1)."""
    ours, _ = await story.received(network)
    network.clock.pass_(days=2)
    await network.refresh()
    network.wires.cut = True
    await steal_from(network, "XBB")
    network.clock.pass_(days=2)
    await rotate_signing(network, "XBB")
    network.wires.cut = False
    await after_the_listing(network)
    assert ["receipted"] == [row.state for row in await outbox(network, "XAA", ours)]
    assert not [said for event, said in network.logs if event == "answer.bad"]


async def rotate_signing(network: Network, country: str) -> None:
    """Have ``country`` sign with a new key from now on, listed beside the old one, as two commands leave it."""
    gateway, new = network.gateways[country], SigningKey.generate()
    changes = keys.next_signing(new, card_of(network, country), network.clock.now())
    gateway.keys.put(home.NEXT, new.seed)
    gateway.keys.replace(home.SIGNING, home.NEXT)
    await gateway.close()
    next_card_of(network, country, **changes)
    await open_gateway(network, country)
    await network.refresh()


def test_the_command_needs_an_instant_with_its_zone(homes: Homes) -> None:
    """A theft is dated by an instant that nobody can misread, and not in the future."""
    for text in ("yesterday", "2026-01-01T00:00:00", "2999-01-01T00:00:00Z"):
        assert 2 == call("compromise", "-C", homes.home("XAA"), "--since", text).exit_code


def test_a_dry_run_changes_nothing(homes: Homes) -> None:
    """The report is written for its owner alone, and key store, card and epoch are as before."""
    home_, ref = homes.home("XAA"), approved(homes)
    desk(homes, "XAA", "first", "send", "--", ref)
    before = {name: (home_ / name).read_bytes() for name in ("gateway.keys", "tls.key", "isthmus.toml")}
    done = value("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--dry-run")
    assert before == {name: (home_ / name).read_bytes() for name in before}
    assert ["1.jws"] == [path.name for path in (home_ / "cards/XAA").iterdir()]
    assert (13, None, None) == (len(done["exposure"]["keys"]), done["card"], done["ran"])
    lines = home_ / done["messages"]
    assert [0o600] * 2 == [path.stat().st_mode & 0o777 for path in (Path(done["file"]), lines)]
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(ref, "outbound", True)] == [(one["ref"], one["direction"], one["disk"]) for one in told]
    assert (0, 1) == (done["exposure"]["line"], done["exposure"]["disk"])


def test_a_report_is_never_written_over(homes: Homes) -> None:
    """Each run has a file of its own; a name that is taken is refused before anything is done."""
    arguments = ("compromise", "-C", homes.home("XAA"), "--since", "2026-01-01T00:00:00Z", "--dry-run")
    first, second = value(*arguments)["file"], value(*arguments)["file"]
    assert first != second
    assert 2 == call(*arguments, "--report", first).exit_code


def test_every_private_half_that_lay_here_is_replaced(homes: Homes, tmp_path: Path) -> None:
    """Afterwards no stolen key is in the store, the card revokes what was in use and lists a year of new windows."""
    home_ = homes.home("XAA")
    deliver(homes)
    store = open_store(f"file:{home_ / 'gateway.keys'}", passphrase=lambda: "correct horse battery", environ={})
    stolen = {store.get(name) for name in store.names() if name.startswith(("sign", "seal"))}
    arguments, began = ("compromise", "-C", home_, "--json", "--since"), datetime.now(UTC).replace(microsecond=0)
    (tmp_path / "file").touch()
    places = ("--publish", tmp_path / "file/web", "--publish", tmp_path / "web")
    done = call(*arguments, "2026-01-01T00:00:00Z", "--wait", "0", *places)
    report = json.loads(done.stdout)
    assert [str(tmp_path / "file/web")] == [text.split()[6] for text in report["remains"] if "was not put into" in text]
    assert (1, {"XBB": "waits"}) == (done.exit_code, report["partners"])
    assert report["partners"] == json.loads(Path(report["file"]).read_bytes())["partners"]
    assert (0, 0) == (report["signed_again"], report["dropped"])  # what greets the partners waits for them
    store = open_store(f"file:{home_ / 'gateway.keys'}", passphrase=lambda: "correct horse battery", environ={})
    assert set() == stolen & {store.get(name) for name in store.names()}
    held = card.parse_card(load_cards(home_ / "cards", "XAA")[-1])
    assert (2, 2, "renewed") == (held.serial, held.epoch, report["certificate"])
    assert [True, False] == [key.revoked_at is not None for key in held.signing]
    assert [True, *[False] * 12] == [key.revoked_at is not None for key in held.sealing]
    assert held.raw == (tmp_path / "web/XAA/2.jws").read_bytes()
    revoked = [key.kid for key in (*held.signing, *held.sealing) if key.revoked_at is not None]
    assert (revoked, 1) == (report["revoked"], len(held.spki))
    new = [key.valid_from for key in held.sealing[1:]]
    assert all(later - earlier == home.WINDOW_EVERY for earlier, later in pairwise(new))
    assert new[0] <= began - timedelta(minutes=59)  # a partner whose clock is behind seals to it too
    with closing(sqlite3.connect(home_ / "data/gateway.db")) as db:  # no later thief is said to have them
        assert [(13,)] == db.execute("SELECT count(*) FROM sealing_end").fetchall()
    assert 0 == call("log", "audit", "-C", home_).exit_code
    seen = value_of_check(home_)
    assert {"keys", "tls", "database"} <= {item["area"] for item in seen}
    areas = ("keys", "tls", "database")
    assert [] == [item["text"] for item in seen if item["level"] == "finding" and item["area"] in areas]


def test_what_the_card_says_of_earlier_signing_keys_stays(homes: Homes) -> None:
    """One that ended within the month is judged by it still, an earlier theft stays earlier; the oldest make room."""
    home_, now = homes.home("XAA"), datetime.now(UTC).replace(microsecond=0)
    chosen, since = load(home_, {}), "2026-01-01T00:00:00Z"
    (in_use,) = card.claims_of(own_card(chosen))["signing"]
    said = {"lately": None, "before": "2025-06-01T00:00:00Z", "after": "2026-06-01T00:00:00Z", "long ago": None}
    said |= dict.fromkeys(("one", "two", "three"))
    ends = {"lately": -20, "long ago": -40}
    listed = []
    for name, revoked_at in said.items():
        public, until = SigningKey.generate(), now + timedelta(days=ends.get(name, 90))
        entry = keys.window(public.kid, public.public, now - timedelta(days=300), until)
        listed.append(entry | {"revoked_at": revoked_at})
    store = open_store(f"file:{home_ / home.IDENTITY_FILE}", passphrase=lambda: "correct horse battery", environ={})
    issue(chosen, own_card(chosen), {"signing": [*listed, in_use]}, SigningKey(store.get(home.IDENTITY)))
    names = {one["kid"]: name for name, one in zip(said, listed, strict=True)} | {in_use["kid"]: "in use"}
    arguments = ("compromise", "-C", home_, "--since", since, "--wait", "0", "--json")
    call(*arguments)
    *kept, new = card.claims_of(own_card(chosen))["signing"]
    assert ["lately", "before", "after", "one", "two", "three", "in use"] == [names[one["kid"]] for one in kept]
    assert [since, said["before"], *[since] * 5] == [one["revoked_at"] for one in kept]
    assert new["from"] <= wire.format_instant(now - wire.MAX_VALIDITY)
    call(*arguments, "--again")
    *kept, _ = card.claims_of(own_card(chosen))["signing"]
    names[new["kid"]] = "new"
    assert ["before", "after", "one", "two", "three", "in use", "new"] == [names[one["kid"]] for one in kept]


def test_keys_that_cannot_be_replaced_are_told_before_anything_is_done(homes: Homes) -> None:
    """Over a key store that is only read no epoch is begun and no report written; what is needed is said."""
    home_ = homes.home("XAA")
    content = call("keys", "export", "-C", home_).stdout
    in_environment(home_)
    before = sorted(home_.rglob("*")), sorted(path.read_bytes() for path in home_.rglob("*.db*"))
    done = call("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0", KEYS=content)
    assert (3, True) == (done.exit_code, "isthmus keys export" in done.stderr)
    assert before == (sorted(home_.rglob("*")), sorted(path.read_bytes() for path in home_.rglob("*.db*")))


def test_a_key_that_lay_here_beside_a_device_is_revoked(homes: Homes) -> None:
    """The device goes on signing; what the store held before it, or for after it, signs for this State no more."""
    home_, uri = homes.home("XBB"), address("stolen-beside")
    old = own_card(load(home_, {})).signing[0].kid
    value("keys", "device", uri)
    value("keys", "rotate", "signing", "-C", home_, "--device", uri)
    path = home_ / "isthmus.toml"
    path.write_text(f'signing = "{uri}"\n{path.read_text()}')
    done = call("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json")
    report = json.loads(done.stdout)
    kept, inside = own_card(load(home_, {})).signing
    assert [(old, True), (False, True)] == [
        (kept.kid, kept.revoked_at is not None),
        (inside.revoked_at is not None, inside.valid_from <= datetime.now(UTC) - timedelta(days=31)),
    ]
    store = open_store(f"file:{home_ / 'gateway.keys'}", passphrase=lambda: "correct horse battery", environ={})
    assert (True, []) == (old in report["revoked"], [name for name in store.names() if name.startswith("sign")])


@pytest.mark.parametrize(("listed", "options"), [("never", ("--dry-run",)), ("revoked", ())])
def test_a_device_that_our_card_does_not_list_is_told_before_anything_is_done(
    homes: Homes, listed: str, options: tuple[str, ...]
) -> None:
    """Every other signing key would be revoked, and no word of this State count any more: what to do first is said."""
    home_, uri = homes.home("XBB"), address(f"unlisted-{listed}")
    kid = value("keys", "device", uri)["kid"]
    if listed == "revoked":
        value("keys", "rotate", "signing", "-C", home_, "--device", uri)
        value("keys", "revoke", "-C", home_, "--", kid)
    path = home_ / "isthmus.toml"
    path.write_text(f'signing = "{uri}"\n{path.read_text()}')
    before = sorted(home_.rglob("*")), sorted(path.read_bytes() for path in home_.rglob("*.db*"))
    done = call("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json", *options)
    told = json.loads(done.stderr)["error"]
    assert (3, "device-unlisted", True) == (done.exit_code, told["code"], "--device URI" in told["hint"])
    assert before == (sorted(home_.rglob("*")), sorted(path.read_bytes() for path in home_.rglob("*.db*")))
    assert any("isthmus keys rotate signing --device URI" in one["hint"] for one in value_of_check(home_))


def test_what_signs_for_persons_is_named(homes: Homes) -> None:
    """Keys of persons that lie in the key store are taken too: a report counts them, and the operator reads whose."""
    home_ = homes.home("XAA")
    arguments = ("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--dry-run", "--json")
    assert not any("persons" in text for text in json.loads(call(*arguments).stdout)["remains"])
    value("person", "add", "anna", "-C", home_, "--role", "case_officer", "--held")
    done = call(*arguments)
    (said,) = (text for text in json.loads(done.stdout)["remains"] if "persons" in text)
    assert (True, False) == ("(1 of them)" in said, "anna" in done.stdout)
    assert "isthmus person add anna" in done.stderr


def test_what_others_gave_out_is_told() -> None:
    """A report names where the configuration leads to secrets that no new card replaces, and counts tokens."""
    listeners = {"peers": {"tls_key": "tls.key"}, "api": None, "desks": {"tls_key": "desk.key"}}
    values: dict[str, Any] = {"persons": [{"id": "anna"}], "listeners": {**listeners, "desks": None}}
    assert [] == given_out(values)
    values |= {"listeners": listeners, "notices": {"webhook": {"secret": "env:HOOK"}}, "database": "file:database"}
    values["persons"] = [{"id": "anna", "token_sha256": "0" * 64}]
    named, tokens = given_out(values)
    assert named.endswith(": /database, /listeners/desks/tls_key, /notices/webhook/secret")
    assert ("(1 of them)" in tokens, "anna" in named + tokens) == (True, False)


DESKS = """
[listeners.desks]
host = "127.0.0.1"
port = 8446

[desks]
name = {en = "A desk"}
origins = {interior = "https://a.example", board = "https://b.example", operator = "https://c.example"}
"""


@pytest.mark.parametrize(("options", "taken"), [((), True), (("--no-database",), False)])
def test_what_people_were_writing_at_the_desks_is_told(homes: Homes, options: tuple[str, ...], taken: bool) -> None:
    """Whoever has the database reads it too, and no message and no case of the report says whom it is about."""
    home_ = homes.home("XAA")
    with (home_ / "isthmus.toml").open("a", encoding="utf-8") as file:
        file.write(DESKS)
    told = value("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--dry-run", *options)
    assert taken == any("handed in" in text for text in told["remains"])


def test_a_database_of_the_desks_that_cannot_be_opened_keeps_no_key_in_use(homes: Homes) -> None:
    """Whoever had the machine may have spoilt it: the keys are replaced, and what was not ended is said."""
    home_ = homes.home("XAA")
    value("person", "invite", "first", "-C", home_, "--desk", "interior")
    (home_ / "data/desks.db").write_bytes(b"spoilt" * 1000)
    with (home_ / "isthmus.toml").open("a", encoding="utf-8") as file:
        file.write(DESKS)  # partners are met without them
    done = call("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "1", "--json")
    told = json.loads(done.stdout)
    assert (True, 2) == (bool(told["destroyed"]), told["card"])
    assert any("sessions" in text for text in told["remains"])


def test_nobody_stays_signed_in_after_a_theft(homes: Homes) -> None:
    """Who had the machine had the sessions too: every session ends, and every link that nobody used leads nowhere."""
    home_ = homes.home("XAA")
    link = value("person", "invite", "first", "-C", home_, "--desk", "interior")["link"]
    told = call("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0").stderr
    assert not link_leads_on(home_, link)
    # An old copy holds the key by which every case is read too; without a new one that would be nowhere but here.
    assert "a copy of the key store as it is now" in told


def value_of_check(home_: Path) -> list[dict[str, str]]:
    """Return what ``isthmus check`` saw, findings or not."""
    items: list[dict[str, str]] = json.loads(call("check", "-C", home_, "--json").stdout)["items"]
    return items


def test_a_run_that_was_cut_short_is_run_again(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash after the card and before the old keys are gone leaves a home in which the command runs whole."""
    import gateway.cli.compromise as command

    kept_away = []

    def fail(*_: Any) -> list[str]:
        kept_away.append(running.runs(load(homes.home("XAA"), {})))
        raise OSError(28, "No space left on device")

    arguments = ("compromise", "-C", homes.home("XAA"), "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json")
    with monkeypatch.context() as patched:
        patched.setattr(command, "_destroy", fail)
        assert 75 == call(*arguments).exit_code
    assert ([True], 1) == (kept_away, len(list(homes.home("XAA").glob("compromise-*.json"))))
    report = json.loads(call(*arguments).stdout)
    held = card.parse_card(load_cards(homes.home("XAA") / "cards", "XAA")[-1])
    assert (3, 3) == (report["card"], held.epoch)
    assert [True, True, False] == [key.revoked_at is not None for key in held.signing]


def test_keys_are_not_replaced_twice_by_a_slip(homes: Homes) -> None:
    """Run again because a partner has not answered, it would drop what was asked since: it says how to go on."""
    home_ = homes.home("XAA")
    arguments = ("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json")
    call(*arguments)
    refused = call(*arguments)
    told = json.loads(refused.stderr)["error"]
    assert (2, "replaced-already", True) == (refused.exit_code, told["code"], "--again" in told["hint"])
    assert 1 == len(list(home_.glob("compromise-*.json")))
    assert 3 == json.loads(call(*arguments, "--again").stdout)["card"]


def test_a_run_that_wrote_to_nobody_yet_is_run_again(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash once the old keys are gone and before what waits is signed anew asks for nothing more."""

    async def fail(*_: Any) -> tuple[int, int]:
        raise OSError(28, "No space left on device")

    arguments = ("compromise", "-C", homes.home("XAA"), "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json")
    with monkeypatch.context() as patched:
        patched.setattr(Compromise, "sign_again", fail)
        assert 75 == call(*arguments).exit_code
    assert 3 == json.loads(call(*arguments).stdout)["card"]


def test_an_older_database_that_comes_back_after_a_theft_gives_no_epoch_twice(homes: Homes) -> None:
    """Nor is any begun where the cards that came back with it are older too, as what stands in the home tells."""
    home_ = homes.home("XAA")
    arguments = ("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json")
    kept, epochs = (home_ / "data/gateway.db").read_bytes(), []
    for _ in range(2):
        epochs.append(json.loads(call(*arguments).stdout)["epoch"])
        write_stand(home_)
        (home_ / "data/gateway.db").write_bytes(kept)
    assert [2, 3] == epochs
    (home_ / "cards/XAA/3.jws").rename(home_ / "3.jws")
    for command in (arguments, ("restore", "begin-epoch", "-C", home_, "--json")):
        refused = call(*command)
        assert (3, "cards-missing") == (refused.exit_code, json.loads(refused.stderr)["error"]["code"])
    (home_ / "3.jws").rename(home_ / "cards/XAA/3.jws")
    assert 4 == json.loads(call(*arguments).stdout)["epoch"]


def test_no_epoch_is_begun_twice_beside_a_device(homes: Homes) -> None:
    """A device says nothing of missing cards, and what stands in the home does: an epoch that ran is begun by none."""
    home_, uri = homes.home("XBB"), address("older-cards")
    value("keys", "device", uri)
    value("keys", "rotate", "signing", "-C", home_, "--device", uri)
    path = home_ / "isthmus.toml"
    path.write_text(f'signing = "{uri}"\n{path.read_text()}')
    arguments = ("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json")
    kept = (home_ / "data/gateway.db").read_bytes()
    done = json.loads(call(*arguments).stdout)
    write_stand(home_)
    (home_ / "data/gateway.db").write_bytes(kept)
    (home_ / f"cards/XBB/{done['card']}.jws").unlink()
    refused = call(*arguments)
    assert (3, "cards-missing") == (refused.exit_code, json.loads(refused.stderr)["error"]["code"])


@pytest.mark.parametrize("what", ["signing", "sealing"])
def test_no_key_is_replaced_where_our_newest_cards_are_missing(homes: Homes, what: str) -> None:
    """A card under a number that partners hold puts us on hold at each, and the keys that it revokes stay believed."""
    home_ = homes.home("XBB")
    if what == "signing":
        value("keys", "rotate", "signing", "-C", home_)
        value("keys", "rotate", "signing", "-C", home_, "--activate")
    else:
        store = open_store(f"file:{home_ / 'gateway.keys'}", passphrase=lambda: "correct horse battery", environ={})
        store.put("seal.1.99", SealingKey.generate(1).seed)
    newest = own_card(load(home_, {})).serial
    if what == "signing":
        (home_ / f"cards/XBB/{newest}.jws").unlink()
    refused = call("compromise", "-C", home_, "--since", "2026-01-01T00:00:00Z", "--wait", "0", "--json")
    assert (3, "cards-missing") == (refused.exit_code, json.loads(refused.stderr)["error"]["code"])
    assert [] == list(home_.glob("compromise-*.json"))


@pytest.mark.parametrize(
    ("name", "listed", "renewed"), [("tls.crt", True, True), ("web.crt", True, False), ("tls.crt", False, False)]
)
def test_a_certificate_of_others_is_left_to_them(homes: Homes, name: str, listed: bool, renewed: bool) -> None:
    """One that is not from here, or that no card lists since everybody's system knows it, is not written over."""
    import gateway.cli.compromise as command

    home_ = homes.home("XAA")
    path = home_ / "isthmus.toml"
    path.write_text(path.read_text().replace('"tls.crt"', f'"{name}"'))
    chosen, before = load(home_, {}), (home_ / "tls.key").read_bytes()
    held = own_card(chosen)
    made = command._renew_certificate(chosen, held if listed else replace(held, spki=()), datetime.now(UTC))
    assert (renewed, renewed) == (made is not None, before != (home_ / "tls.key").read_bytes())


def test_two_gateways_do_not_run_on_one_home(homes: Homes) -> None:
    """The second is told which process has the home; the lock ends with its holder."""
    chosen = load(homes.home("XAA"), {})
    with running.alone(chosen), pytest.raises(CommandError, match="runs on this home already"), running.alone(chosen):
        pass
    with running.alone(chosen):
        pass


@contextmanager
def holding(path: Path, *, ignores: bool = False) -> Iterator[None]:
    """Have a process hold the lock at ``path``, as a gateway does that runs; one that ``ignores`` does not end."""
    script = (
        "import fcntl,os,signal,sys,time\nsignal.signal(signal.SIGTERM, getattr(signal, sys.argv[2]))\n"
        "f=os.open(sys.argv[1],os.O_RDWR|os.O_CREAT)\nfcntl.flock(f,fcntl.LOCK_EX)\n"
        "os.pwrite(f,f'{os.getpid()}\\n'.encode(),0)\nprint('held',flush=True)\ntime.sleep(60)"
    )
    command = (sys.executable, "-c", script, str(path), "SIG_IGN" if ignores else "SIG_DFL")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def test_a_gateway_that_does_not_stop_is_said(homes: Homes) -> None:
    """A process that ignores SIGTERM keeps the command from touching anything."""
    chosen = load(homes.home("XAA"), {})
    held, stays = holding(chosen.data / running.LOCK_FILE, ignores=True), pytest.raises(CommandError, match="not stop")
    with held, stays, running.stopped(chosen, 0.3):
        pass
    with running.stopped(chosen) as ran:
        assert ran is False


def test_whether_a_gateway_was_stopped_is_told(homes: Homes) -> None:
    """Who ran the command where nothing ran has to stop the gateway where it does."""
    arguments = ("compromise", "-C", homes.home("XAA"), "--since", "2026-01-01T00:00:00Z", "--wait", "0")
    with holding(load(homes.home("XAA"), {}).data / running.LOCK_FILE):
        assert "gateway       stopped\n" in call(*arguments).stdout
    assert "gateway       none ran here: stop it where it runs\n" in call(*arguments, "--again").stdout


async def test_what_a_restored_partner_is_brought_is_signed_by_the_key_in_use(network: Network, tmp_path: Path) -> None:
    """What had its answer before the theft leaves under a signature that counts; what comes of it a person is told."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await story.received(network)
    await steal_from(network, "XAA")
    await network.deliver()
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    (said,) = await outbox(network, "XAA", ours)
    told = any(
        "since it was restored the other State says refused" in one for one in await findings_of(network, "XAA", ours)
    )
    assert ("receipted", True) == (said.state, told)


async def test_a_question_that_waits_as_keys_are_stolen_is_told(network: Network) -> None:
    """A question without persons, posted in vain before the theft, is not asked any more: its office hears so."""
    office = network.gateways["XAA"].information
    made = await office.ask("XBB", questions.ASKED, "writer")
    await office.send("XBB", made.thread, questions.signed(network, made, "information.request"), "office")
    network.wires.cut = True
    await network.gateways["XAA"].deliverer.run_once()
    await steal_from(network, "XAA")
    network.wires.cut = False
    await after_the_listing(network)
    (asked,) = await network.gateways["XAA"].information.questions("office")
    assert "refused" == asked.state


async def test_one_message_that_cannot_be_read_keeps_no_other_under_the_stolen_key(network: Network) -> None:
    """It stays where it is; what waits beside it is signed anew, and so is answered as what is of an epoch before."""
    network.wires.cut = True
    lost, ours = await story.sent(network), await story.sent(network)
    await network.deliver()
    (row,) = await outbox(network, "XAA", lost)
    await network.gateways["XAA"].store.commit(lambda tx: tx.save_outbound(row._replace(sealed=spoilt(row.sealed))))
    await steal_from(network, "XAA")
    network.wires.cut = False
    await after_the_listing(network)
    found = [(await outbox(network, "XAA", one))[0] for one in (lost, ours)]
    assert [("posted", None), ("refused", "illegal-step")] == [(one.state, one.code) for one in found]
