"""A log with two histories: found by whoever sees both, kept as evidence, and told to both sides."""

from dataclasses import replace
from functools import reduce

import pytest

from gateway.core import checkpoint, cosign, wire
from gateway.core.cosign import Conflict, Submission
from gateway.core.merkle import BadProof, Frontier, node_hash
from gateway.services import witness
from gateway.services.answers import BadAnswer
from gateway.services.ports import HttpAnswer, Tx
from gateway.services.rows import WitnessedRow
from gateway.services.shown import largest_name, last_name
from schemas import ijson
from tests.support import story
from tests.support.network import Network
from tests.support.proofs import inclusion_proof
from tests.trust.witnesses import ORIGIN, Liar, alarms, conflicts, hour


async def forked(network: Network) -> tuple[Liar, list[bytes]]:
    """Return a liar, and a history of the same length with another last leaf, after the true one was cosigned."""
    await story.replied(network)
    await hour(network)
    liar = await Liar.of(network)
    return liar, [*liar.leaves[:-1], bytes(32)]


async def asked_again(network: Network) -> None:
    """Let as many hours pass as a keeper is asked for a proof before it is said that it has none."""
    for _ in range(witness.LOOKS):
        await hour(network)


async def test_witness_keeps_both_and_tells_both_sides(trio: Network) -> None:
    """A second root for a size that was cosigned is refused, kept with both signed notes, and told to both States."""
    liar, other = await forked(trio)
    answer = await liar.show("XCC", 3, other)
    assert (409, False) == (answer.status, answer.media_type == "text/x.tlog.size")
    (row,) = await conflicts(trio, "XCC")
    assert ("fork", ORIGIN, "XAA") == (row.kind, row.origin, row.source)
    assert [("XAA", "XBB", "fork")] == alarms(trio)
    await hour(trio)
    for country in ("XAA", "XBB"):
        (told,) = await conflicts(trio, country)
        assert ("fork", row.held, row.shown) == (told.kind, told.held, told.shown)
    assert 3 == len(alarms(trio))
    (row,) = await conflicts(trio, "XCC")
    assert {"XAA", "XBB"} <= set(row.told)


async def test_whatever_size_is_claimed(trio: Network) -> None:
    """A fork is kept as evidence also where the size named as known is wrong, so that the witness answers 409."""
    liar, other = await forked(trio)
    answer = await liar.show("XCC", 0, other)
    assert (409, b"3\n", "text/x.tlog.size") == (answer.status, answer.body, answer.media_type)
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XCC")]


async def test_size_that_no_row_holds_is_a_status(trio: Network) -> None:
    """A keeper may sign a checkpoint of any size; the witness answers it as no checkpoint, and goes on."""
    await story.replied(trio)
    liar = await Liar.of(trio)
    for size in (2**53, 10**19 - 1):
        note = checkpoint.sign_note(checkpoint.checkpoint_body(ORIGIN, size, bytes(32)), ORIGIN, liar.log)
        said = await trio.gateways["XCC"].witness.add_checkpoint(f"old 0\n\n{note}".encode())
        assert 400 == said.status


async def test_note_that_has_no_room_for_a_signature_is_cosigned(trio: Network) -> None:
    """A note has sixteen at most: those of others, or of nobody, that its keeper shows along are not kept."""
    await story.replied(trio)
    liar = await Liar.of(trio)
    note = liar.note(liar.leaves) + "".join(checkpoint.signature_line(f"X{n}", bytes(68)) for n in range(14))
    body = cosign.serialize_submission(Submission(0, (), note))
    assert 200 == (await trio.gateways["XCC"].witness.add_checkpoint(body)).status
    row = await trio.gateways["XCC"].store.read(lambda tx: tx.find_witnessed(ORIGIN))
    assert row is not None
    assert [ORIGIN, "XAA", "XCC"] == [name for name, _ in checkpoint.parse_note(row.note).signatures]


async def test_evidence_convicts_without_us(trio: Network) -> None:
    """The two notes that are kept verify under the card of the keeper alone, and contradict one another."""
    liar, other = await forked(trio)
    await liar.show("XCC", 3, other)
    (row,) = await conflicts(trio, "XCC")
    keeper = trio.gateways["XCC"].witness.keeper(ORIGIN)
    assert keeper is not None
    assert "fork" == cosign.conflict(row.held, row.shown, keeper)


async def test_branch_that_went_on_finds_no_cosigner(trio: Network) -> None:
    """A forked log that has grown cannot prove that it continues: its keeper is asked for a proof, then convicted."""
    liar, other = await forked(trio)
    longer = [*other, bytes([1]) * 32]
    assert 422 == (await liar.show("XCC", 3, longer)).status
    assert [] == await conflicts(trio, "XCC")
    await asked_again(trio)
    (row,) = await conflicts(trio, "XCC")
    assert ("unproved", "us") == (row.kind, row.source)
    await hour(trio)
    told = [path for _, path, _ in trio.wires.posted if path == witness.CONFLICT_PATH]
    assert [] == told, "it rests on our word alone, and convicts nobody elsewhere"


async def test_a_proof_of_another_tree_of_that_size_clears_nobody(trio: Network) -> None:
    """What a keeper proves is that its own log goes on: of the branch that was shown it has proved nothing."""
    await story.replied(trio)
    await hour(trio)
    liar = await Liar.of(trio)
    branch = [*liar.leaves, *(bytes([number]) * 32 for number in range(3))]
    assert 422 == (await liar.show("XCC", len(liar.leaves), branch, [bytes(32)] * 9)).status
    await story.replied(trio)
    for _ in range(witness.LOOKS):
        trio.clock.pass_(hours=1)
        kept = await trio.gateways["XAA"].checkpoints.keep("XBB", trio.clock.now())
        assert kept is not None
        assert len(branch) == kept.size
        await trio.gateways["XCC"].witness.run_once(trio.clock.now())
    assert ["unproved"] == [row.kind for row in await conflicts(trio, "XCC")]


async def test_what_an_answer_showed_clears_nobody_of_a_fork(trio: Network) -> None:
    """Two notes that contradict one another are kept whatever else the keeper said."""
    liar, other = await forked(trio)
    earlier = liar.note(liar.leaves[:1], cosigned=False)
    await trio.gateways["XCC"].store.commit(lambda tx: tx.set_meta(largest_name(ORIGIN), earlier))
    await liar.show("XCC", 3, other)
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XCC")]


async def test_an_answer_that_contradicts_what_was_cosigned_at_its_size_is_a_fork(trio: Network) -> None:
    """Two notes of one size with two roots convict; of what was answered before, the keeper gives no proof."""
    await story.replied(trio)
    liar, now = await Liar.of(trio), trio.clock.now()
    size = await answered_size(trio)
    cosigned = WitnessedRow(ORIGIN, size, now, liar.note([*liar.leaves[: size - 1], bytes(32)]))
    await trio.gateways["XBB"].store.commit(lambda tx: tx.save_witnessed(cosigned))
    for _ in range(2 * witness.LOOKS):
        await trio.gateways["XBB"].witness.run_once(trio.clock.now())
        trio.clock.pass_(hours=1)
    assert ("fork", "us") in [(row.kind, row.source) for row in await conflicts(trio, "XBB")]


@pytest.mark.parametrize(("logs", "kept"), [(1, witness.DOUBTS_OF_A_LOG), (witness.DOUBTS_MAX, witness.DOUBTS_MAX)])
async def test_doubts_have_a_bound(trio: Network, logs: int, kept: int) -> None:
    """Of one log, and of all: anybody may show again and again what a keeper signed."""
    liar, watching = await Liar.of(trio), trio.gateways["XCC"].witness
    for number in range(kept + 2):
        origin = f"XAA/XBB/{number % logs + 1}"
        body = checkpoint.checkpoint_body(origin, 1, number.to_bytes(32))
        watching._doubt(checkpoint.sign_note(body, origin, liar.log))
    assert kept == len(watching._doubts)


async def shown_falsely(trio: Network) -> None:
    """Have a stranger show XCC a true checkpoint of XAA's log with a proof that is none."""
    await story.replied(trio)
    await hour(trio)
    await story.replied(trio)
    trio.clock.pass_(hours=1)
    await trio.gateways["XAA"].checkpoints.keep("XBB", trio.clock.now())
    liar = await Liar.of(trio)
    assert 422 == (await liar.show("XCC", 3, liar.leaves, [bytes(32)] * 6)).status


async def test_bad_proof_by_somebody_else_convicts_nobody(trio: Network) -> None:
    """A true checkpoint that a stranger shows with a false proof leads to no evidence: the keeper, asked, proves it."""
    await shown_falsely(trio)
    await trio.gateways["XCC"].witness.run_once(trio.clock.now())
    assert [] == await conflicts(trio, "XCC")


GARBLED, UNKNOWN_PATH = "garbled", "unknown"


@pytest.mark.parametrize(
    ("how", "times"), [(GARBLED, 1), (GARBLED, 2), (GARBLED, 7), (GARBLED, 99), (UNKNOWN_PATH, 3), (UNKNOWN_PATH, 99)]
)
async def test_proof_that_was_garbled_on_the_way_convicts_nobody(trio: Network, how: str, times: int) -> None:
    """However quickly looks follow one another, also by a steered clock; who gives none for hours is convicted."""
    await shown_falsely(trio)
    get, asked = trio.wires.get, list[str]()

    async def garbled(country: str, path: str) -> HttpAnswer:
        asked.append(path)
        if len(asked) > times:
            return await get(country, path)
        if how == UNKNOWN_PATH:  # what was asked was garbled: the keeper knows no such root
            head, _, to = path.rpartition("/")
            return await get(country, f"{head[:-1]}{'1' if head[-1] == '0' else '0'}/{to}")
        answer = await get(country, path)
        return replace(answer, body=bytes([answer.body[0] ^ 1, *answer.body[1:]]))

    trio.wires.get = garbled  # type: ignore[method-assign]
    for wait_s in (0.001, -0.002, 0.001, 3600, 0.001, 3600):
        assert [] == await conflicts(trio, "XCC")
        await trio.gateways["XCC"].witness.run_once(trio.clock.now())
        trio.clock.pass_(seconds=wait_s)
    await trio.gateways["XCC"].witness.run_once(trio.clock.now())
    count = len(asked)
    await trio.gateways["XCC"].witness.run_once(trio.clock.now())
    assert (count, times == 99) == (len(asked), bool(await conflicts(trio, "XCC")))


async def test_what_was_proved_once_is_asked_for_at_as_many_looks_again(trio: Network) -> None:
    """Of a checkpoint that a stranger shows a second time no look at the first time counts."""
    await shown_falsely(trio)
    _, path, shown = trio.wires.posted[-1]
    get = trio.wires.get
    for _ in range(2):
        for look in range(witness.LOOKS):
            if look == 0:
                await lies(trio, "/")
            if look == witness.LOOKS - 1:
                trio.wires.get = get  # type: ignore[method-assign]
            await trio.gateways["XCC"].witness.run_once(trio.clock.now())
            trio.clock.pass_(hours=1)
        assert [] == await conflicts(trio, "XCC")
        assert 422 == (await trio.wires.post("XCC", path, shown, "text/plain")).status


async def test_what_is_held_by_now_is_remembered_no_more(trio: Network) -> None:
    """A keeper that proves nothing at one look, and shows the same to us then, fills no memory, however often."""
    await shown_falsely(trio)
    await lies(trio, "/")
    watching = trio.gateways["XCC"].witness
    await watching.run_once(trio.clock.now())
    asked = len(watching._unproved)
    await trio.gateways["XAA"].checkpoints.run_once(trio.clock.now())
    await watching.run_once(trio.clock.now())
    assert (1, 0) == (asked, len(watching._unproved))


@pytest.mark.parametrize("status", [404, 200])
async def test_page_of_a_proxy_convicts_nobody(trio: Network, status: int) -> None:
    """Where a proxy before a keeper that is down answers in its place, however long, its keeper has said nothing."""
    await shown_falsely(trio)

    async def elsewhere(country: str, path: str) -> HttpAnswer:
        return HttpAnswer(status, "text/html", b"default backend", None)

    trio.wires.get = elsewhere  # type: ignore[method-assign]
    for _ in range(9):
        await trio.gateways["XCC"].witness.run_once(trio.clock.now())
        trio.clock.pass_(hours=1)
    assert [] == await conflicts(trio, "XCC")


async def lies(network: Network, about: str) -> None:
    """Have the keepers give what proves nothing where they are asked with ``about`` in the path."""
    get = network.wires.get

    async def answer(country: str, path: str) -> HttpAnswer:
        true = await get(country, path)
        return HttpAnswer(200, "text/plain", b"nothing", None) if about in f"{path}/" else true

    network.wires.get = answer  # type: ignore[method-assign]


async def test_what_a_keeper_proves_meanwhile_does_not_clear_it_of_a_fork(trio: Network) -> None:
    """Its log goes on, and each hour it proves what it answered; of the branch it showed it gives no proof."""
    await story.replied(trio)
    await hour(trio)
    liar = await Liar.of(trio)
    branch = [*liar.leaves[:-1], *(bytes([number]) * 32 for number in range(40))]
    assert 422 == (await liar.show("XBB", len(liar.leaves), branch, [bytes(32)] * 60)).status
    await lies(trio, f"/{len(branch)}/")  # and not a hash that begins so
    await lies(trio, Frontier().append(branch).root().hex())
    for _ in range(4):
        await story.replied(trio)
        await hour(trio)
    assert ["unproved"] == [row.kind for row in await conflicts(trio, "XBB")]


async def test_each_answer_of_another_history_is_kept_also_by_a_keeper_that_gives_what_proves_nothing(
    trio: Network,
) -> None:
    """None holds up those behind it for good: all that it answered out of the other tree stands against it."""
    await story.replied(trio)
    liar = await Liar.of(trio)
    await liar.show("XBB", 0, [bytes([7]) * 32, *liar.leaves[1:], bytes([8]) * 32])
    await lies(trio, "/")
    for _ in range(20):
        await trio.gateways["XBB"].witness.run_once(trio.clock.now())
        trio.clock.pass_(hours=1)
    told = [name for name, values in trio.logs if name == "log.contradicted"]
    assert (2, 2) == (len(await conflicts(trio, "XBB")), len(told))


async def test_partner_that_was_shown_another_tree(trio: Network) -> None:
    """An answer under a tree that the cosigned one does not continue is found when the two are compared."""
    await story.replied(trio)
    liar = await Liar.of(trio)
    # XAA answered XBB's message out of this log; what it has cosigned afterwards has another beginning.
    other = [bytes([7]) * 32, *liar.leaves[1:], bytes([8]) * 32]
    await liar.show("XBB", 0, other)
    for _ in range(witness.LOOKS):
        assert [] == await conflicts(trio, "XBB")
        await trio.gateways["XBB"].witness.run_once(trio.clock.now())
        trio.clock.pass_(hours=1)
    assert {"unproved"} == {row.kind for row in await conflicts(trio, "XBB")}


async def test_answer_that_nothing_kept_is_as_large_as_holds_up_no_other_and_is_told(trio: Network) -> None:
    """Answers behind one whose log has 2^52 entries, it says, are compared; a person is told of that one (M-7.12)."""
    await story.replied(trio)
    store = trio.gateways["XBB"].store
    refs = await store.read(lambda tx: tx.case_refs("", 9))
    first, liar = (await store.read(lambda tx: tx.outbound_of_case(refs[0])))[0], await Liar.of(trio)
    assert first.answer is not None
    answer = wire.parse_stored_answer(first.answer)
    path = [bytes([level]) * 32 for level in range(52)]
    root = reduce(node_hash, path, checkpoint.leaf_hash(checkpoint.log_entry(answer.receipt, answer.r)))
    note = checkpoint.sign_note(checkpoint.checkpoint_body(ORIGIN, 1 << 52, root), ORIGIN, liar.log)
    huge = wire.Answer(answer.receipt, answer.r, checkpoint.proof_text(0, path, note))
    row = first._replace(answer=wire.serialize_answer(huge))
    await store.commit(lambda tx: tx.save_outbound(row))
    await liar.show("XBB", 0, [bytes([7]) * 32, *liar.leaves[1:], bytes([8]) * 32])
    for _ in range(6):
        trio.clock.pass_(hours=1)
        await trio.gateways["XBB"].witness.run_once(trio.clock.now())
    assert {"unproved"} == {one.kind for one in await conflicts(trio, "XBB")}
    # The one behind it is of another tree, and its keeper is asked for a proof until that stands against it.
    assert [2, 2, 1] == [values["count"] for event, values in trio.logs if event == "log.uncompared"]


async def answered_size(network: Network) -> int:
    """Return how many entries the log of XAA has, by the largest checkpoint in its answers to XBB."""
    answered = await network.gateways["XBB"].store.read(lambda tx: tx.find_meta(largest_name(ORIGIN)))
    assert answered is not None
    return checkpoint.parse_checkpoint(checkpoint.parse_note(answered).text).size


@pytest.mark.parametrize(("old", "status"), [(0, 422), (2, 409)])
async def test_fork_against_an_answer(trio: Network, old: int, status: int) -> None:
    """
    A checkpoint shown for cosigning that gives another root than an answer of that size showed is a fork.

    Also where it would not have been cosigned anyhow.
    """
    await story.replied(trio)
    liar = await Liar.of(trio)
    size = await answered_size(trio)
    other = [*liar.leaves[: size - 1], bytes(32)]
    assert status == (await liar.show("XBB", old, other)).status
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XBB")]


async def test_second_answer_of_another_history(trio: Network) -> None:
    """An answer under another root of a size known is not taken, and both checkpoints are kept."""
    await story.replied(trio)
    gateway = trio.gateways["XBB"]
    refs = await gateway.store.read(lambda tx: tx.case_refs("", 9))
    sent = await gateway.store.read(lambda tx: tx.outbound_of_case(refs[0]))
    row = sent[-1]
    assert row.answer is not None
    answer = wire.parse_stored_answer(row.answer)
    liar = await Liar.of(trio)
    proof = checkpoint.parse_proof(answer.proof)
    size = checkpoint.parse_checkpoint(checkpoint.parse_note(proof.checkpoint).text).size
    leaf = checkpoint.leaf_hash(checkpoint.log_entry(answer.receipt, answer.r))
    other = [bytes([9]) * 32 for _ in range(size)]
    other[proof.index] = leaf
    text = checkpoint.proof_text(
        proof.index, inclusion_proof(other, proof.index, size), liar.note(other, cosigned=False)
    )
    forged = wire.pad_answer(wire.serialize_answer(wire.Answer(answer.receipt, answer.r, text)))
    with pytest.raises(BadAnswer, match="two trees"):
        await gateway.deliverer.settle(row, forged)
    assert [("fork", "XAA")] == [(one.kind, one.source) for one in await conflicts(trio, "XBB")]


@pytest.mark.parametrize("name", [largest_name(ORIGIN), last_name(ORIGIN, 3)])
async def test_checkpoint_that_cannot_be_read_any_more_silences_nobody(trio: Network, name: str) -> None:
    """What its State answers is taken, what it shows is cosigned, and that the row is spoiled is told."""
    await story.replied(trio)
    gateway = trio.gateways["XBB"]
    await gateway.store.commit(lambda tx: tx.set_meta(name, "spoilt"))
    assert 200 == (await (liar := await Liar.of(trio)).show("XBB", 0, liar.leaves)).status
    refs = await gateway.store.read(lambda tx: tx.case_refs("", 9))
    sent = await gateway.store.read(lambda tx: tx.outbound_of_case(refs[0]))
    assert sent[-1].answer is not None
    await gateway.deliverer.settle(sent[-1], wire.pad_answer(sent[-1].answer))
    assert ("checkpoint.fault", {"partner": "XAA", "error": "BadProof"}) in trio.logs
    assert "log.forked" not in [event for event, _ in trio.logs]


async def test_evidence_about_the_logs_of_a_keeper_has_a_bound(trio: Network) -> None:
    """Past the bound only the first piece about each further log is kept; a card may name any number of epochs."""
    store = trio.gateways["XCC"].store

    async def keep(origin: str, number: int) -> bool:
        now, before = trio.clock.now(), len(await conflicts(trio, "XCC"))
        await store.commit(lambda tx: witness.keep(tx, origin, Conflict.FORK, now, "another", "held", str(number)))
        return len(await conflicts(trio, "XCC")) > before

    assert [True] * witness.CONFLICTS_MAX == [await keep(ORIGIN, number) for number in range(witness.CONFLICTS_MAX)]
    assert not await keep(ORIGIN, witness.CONFLICTS_MAX)
    assert [True, False] == [await keep("XAA/XBB/2", number) for number in range(2)]
    assert [True, True] == [await keep("XBB/XAA/1", number) for number in range(2)]


async def fill(network: Network, kind: Conflict) -> None:
    """Let XCC hold as much evidence of one ``kind`` about the logs of XAA as it keeps."""
    now = network.clock.now()

    async def unit(tx: Tx) -> None:
        for number in range(witness.CONFLICTS_MAX):
            await witness.keep(tx, ORIGIN, kind, now, "another", "held", str(number))

    await network.gateways["XCC"].store.commit(unit)


async def test_what_was_not_proved_takes_no_room_of_what_convicts(trio: Network) -> None:
    """However many proofs a keeper did not give, a fork of its log is kept beside them, and told."""
    liar, other = await forked(trio)
    await fill(trio, Conflict.UNPROVED)
    assert 409 == (await liar.show("XCC", len(other), other)).status
    assert ["fork"] == [row.kind for row in await conflicts(trio, "XCC") if row.kind != "unproved"]
    assert [("XAA", "XBB", "fork")] == alarms(trio)


async def test_a_fork_is_told_where_nothing_more_is_kept(trio: Network) -> None:
    """Each piece of evidence that there is no room for is told all the same; one that is kept is told once."""
    liar, other = await forked(trio)
    await fill(trio, Conflict.FORK)
    assert 409 == (await liar.show("XCC", len(other), other)).status
    assert (witness.CONFLICTS_MAX, [("XAA", "XBB", "fork")]) == (len(await conflicts(trio, "XCC")), alarms(trio))


async def test_true_checkpoint_shown_again_with_a_false_proof_accuses_nobody(trio: Network) -> None:
    """Anybody who has one may show it: the log that went on meanwhile is not taken for the one that goes back."""
    await story.replied(trio)
    await hour(trio)
    (kept,) = await trio.gateways["XAA"].checkpoints.cosigned("XBB")
    raw = cosign.serialize_submission(Submission(kept.row.size, (bytes(32),), kept.row.note))
    assert 422 == (await trio.gateways["XCC"].witness.add_checkpoint(raw)).status
    await story.replied(trio)
    await hour(trio)
    await asked_again(trio)
    assert ([], []) == (await conflicts(trio, "XCC"), alarms(trio))


async def test_doubt_at_a_size_that_the_log_has_passed_is_settled_by_its_keeper(trio: Network) -> None:
    """A branch that was shown before the true log went beyond it is evidence still (M-7.12)."""
    await story.replied(trio)
    await hour(trio)
    liar = await Liar.of(trio)
    assert 422 == (await liar.show("XCC", len(liar.leaves), [*liar.leaves, bytes(32)], [bytes(32)] * 9)).status
    await story.replied(trio)
    trio.clock.pass_(hours=1)
    await trio.gateways["XAA"].checkpoints.run_once(trio.clock.now())
    await asked_again(trio)
    assert ["unproved"] == [row.kind for row in await conflicts(trio, "XCC")]


async def test_no_more_logs_of_a_keeper_are_watched_than_the_bound(trio: Network) -> None:
    """A further log of a keeper about one State is unknown (M-7.9); those that are watched stay so."""
    await story.replied(trio)
    liar, store = await Liar.of(trio), trio.gateways["XCC"].store

    async def fill(tx: Tx) -> None:
        for epoch in range(2, witness.LOGS_MAX + 2):
            await tx.save_witnessed(WitnessedRow(f"XAA/XBB/{epoch}", 1, trio.clock.now(), "a note"))

    await store.commit(fill)
    assert 404 == (await liar.show("XCC", 0, liar.leaves)).status
    assert witness.LOGS_MAX == len(await store.read(lambda tx: tx.witnessed()))
    assert 200 == (await liar.show("XBB", 0, liar.leaves)).status


async def test_a_log_that_is_watched_stays_so_at_the_bound(trio: Network) -> None:
    """A keeper that names any number of logs has none of those before them forgotten."""
    await story.replied(trio)
    liar, store = await Liar.of(trio), trio.gateways["XCC"].store
    assert 200 == (await liar.show("XCC", 0, liar.leaves)).status

    async def fill(tx: Tx) -> None:
        for epoch in range(2, witness.LOGS_MAX + 1):
            await tx.save_witnessed(WitnessedRow(f"XAA/XBB/{epoch}", 1, trio.clock.now(), "a note"))

    await store.commit(fill)
    assert 200 == (await liar.show("XCC", 3, [*liar.leaves, bytes(32)])).status


async def test_what_proves_nothing_is_not_taken(trio: Network) -> None:
    """Two notes that fit together, of two logs, or that the keeper never signed, are no evidence."""
    liar, other = await forked(trio)
    true, false = liar.note(liar.leaves), liar.note(other)
    watching = trio.gateways["XCC"].witness
    tampered = false.replace(f"\n{len(other)}\n", f"\n{len(other) + 1}\n")
    for held, shown in ((true, true), (true, tampered), (true, "x"), (tampered, false)):
        said = await watching.take_conflict(ijson.dumps({"held": held, "shown": shown}))
        assert 400 == said.status
    assert 400 == (await watching.take_conflict(b"{}")).status
    assert [] == await conflicts(trio, "XCC")
    assert 204 == (await watching.take_conflict(ijson.dumps({"held": true, "shown": false}))).status


async def test_checkpoint_without_the_keepers_signature(trio: Network) -> None:
    """A witness cosigns nothing that the keeper did not sign with both keys, and no log that it does not watch."""
    await story.replied(trio)
    liar = await Liar.of(trio)
    watching = trio.gateways["XCC"].witness

    async def show(note: str) -> int:
        return (await watching.add_checkpoint(cosign.serialize_submission(cosign.Submission(0, (), note)))).status

    assert 403 == await show(liar.note(liar.leaves, cosigned=False))
    signed = liar.note(liar.leaves)
    assert 403 == await show(signed.replace(f"\n{len(liar.leaves)}\n", f"\n{len(liar.leaves) + 1}\n"))
    for origin in ("XAA/XDD/1", "XAA/XAA/1", "XAA/XBB/2", "XDD/XBB/1", "XCC/XAA/1"):
        assert 404 == await show(signed.replace(ORIGIN, origin))
    trio.clock.pass_(minutes=-10)
    assert 403 == await show(signed), "cosigned ten minutes ahead of our clock"
    with pytest.raises(BadProof):
        cosign.parse_submission(b"old 1\n\nnothing")


async def test_a_checkpoint_that_its_keeper_did_not_sign_costs_no_transaction(trio: Network) -> None:
    """Strangers show as many as they like: nobody waits in the store for one of them."""
    await story.replied(trio)
    liar, watching = await Liar.of(trio), trio.gateways["XCC"]
    before = watching.store.load().batches
    note = liar.note(liar.leaves, cosigned=False)
    said = await watching.witness.add_checkpoint(cosign.serialize_submission(cosign.Submission(0, (), note)))
    assert (403, before) == (said.status, watching.store.load().batches)
