"""Information without persons between two gateways: signed by the office, threads of its own, no way to a case."""

import ast
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway.core import wire
from gateway.core.messages import INFORMATION, REQUEST, TYPES
from gateway.core.tables import REQUESTED, REQUESTING
from gateway.services import information, outbox
from gateway.services.context import Forbidden, NotFound
from gateway.services.information import MARK, Question
from gateway.services.outbox import Letter
from gateway.services.ports import Tx
from gateway.services.rows import ThreadRow
from schemas import SchemaError, ijson
from tests.support import story
from tests.support.network import Network
from tests.support.questions import ANSWERED, ASKED, HANDLING, asked, only, signed
from tests.support.restoring import refused_for_its_times

SOURCE = Path(information.__file__)


async def states(network: Network) -> list[str]:
    """Return how the posted messages were answered: a code, or ``accepted``."""

    async def unit(tx: Any) -> list[str]:
        rows = await tx.outbound_since("XBB", network.clock.now().replace(year=2025))
        return [row.code or row.status or row.state for row in rows]

    return await network.gateways["XAA"].store.read(unit)


async def test_why_a_state_is_not_contacted_is_not_told_to_the_office(network: Network) -> None:
    """Who asks about routes learns that a State is not to be contacted, and no word of the reason."""
    context = network.gateways["XAA"].context
    barred = replace(context.partners["XBB"], no_contact="its registry sells what it is asked")
    context.partners = {**context.partners, "XBB": barred}
    with pytest.raises(Forbidden, match=r"^XBB is not to be contacted$"):
        await network.gateways["XAA"].information.ask("XBB", ASKED, "writer")
    with pytest.raises(NotFound, match="no partner"):
        await network.gateways["XAA"].information.ask("XZZ", ASKED, "writer")


async def test_question_is_asked_and_answered(network: Network) -> None:
    """A signed question reaches the other office, and its signed answer comes back."""
    question = await asked(network)
    office = network.gateways["XBB"].information
    made = await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")
    await office.send("XAA", made.thread, signed(network, made, "information.answer"), "office")
    await network.deliver()
    found = await only(network, "XAA")
    assert ("answered", ANSWERED) == (found.state, found.answer)


async def test_a_question_that_never_arrived_is_told(network: Network) -> None:
    """A message of no case has nobody's case to stand in: the log says that it expired, to whom, and which kind."""
    network.wires.cut = True
    gateway = network.gateways["XAA"]
    made = await gateway.information.ask("XBB", ASKED, "writer")
    await gateway.information.send("XBB", made.thread, signed(network, made, "information.request"), "office")
    await network.deliver()
    network.clock.pass_(days=100)
    await gateway.deliverer.expire(network.clock.now())
    told = [values for event, values in network.logs if event == "message.expired"]
    assert [{"partner": "XBB", "type": "information.request", "ref": None}] == told
    assert "undelivered" == (await only(network, "XAA")).state


async def test_a_question_that_was_answered_is_answered_whatever_became_of_its_receipt(network: Network) -> None:
    """The receipt was lost and the message given up in the end: the answer shows that the question arrived."""
    gateway = network.gateways["XAA"]
    made = await gateway.information.ask("XBB", ASKED, "writer")
    await gateway.information.send("XBB", made.thread, signed(network, made, "information.request"), "office")
    network.wires.lose_answers = True
    await network.deliver()
    network.wires.lose_answers = False
    office = network.gateways["XBB"].information
    answer = await office.prepare_answer("XAA", made.thread, ANSWERED, "writer")
    await office.send("XAA", answer.thread, signed(network, answer, "information.answer"), "office")
    await network.gateways["XBB"].deliverer.run_once()
    network.clock.pass_(days=100)
    await gateway.deliverer.expire(network.clock.now())
    assert "undelivered" in await states(network)
    assert "answered" == (await only(network, "XAA")).state


async def test_an_answer_that_was_refused_is_told(network: Network) -> None:
    """The office that answered sees that its answer was not taken; the question stands as it was for who asked."""
    question = await asked(network)
    office = network.gateways["XBB"].information
    made = await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")
    await network.gateways["XAA"].information.run_once(network.clock.now() + timedelta(days=365))
    await office.send("XAA", made.thread, signed(network, made, "information.answer"), "office")
    await network.deliver()
    assert "refused" == (await only(network, "XBB")).state


async def test_an_answer_that_was_refused_is_given_again(network: Network) -> None:
    """Refused because a clock was wrong, the office prepares and signs it anew, and it arrives; then it is done."""
    question = await asked(network)
    office = network.gateways["XBB"].information
    made = await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")
    statement = signed(network, made, "information.answer")
    await refused_for_its_times(network, office.send("XAA", made.thread, statement, "office"))
    assert "refused" == (await only(network, "XBB")).state
    again = await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")
    await office.send("XAA", again.thread, signed(network, again, "information.answer"), "office")
    await network.deliver()
    assert ("answered", ANSWERED) == ((await only(network, "XAA")).state, (await only(network, "XAA")).answer)
    assert "answered" == (await only(network, "XBB")).state
    with pytest.raises(Forbidden, match="nothing to answer"):
        await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")


async def test_the_author_does_not_sign_by_the_hand_of_another(network: Network) -> None:
    """Whoever sends signs with a key of their own; that of the author is none, also where the card lists it."""
    office = network.gateways["XAA"].information
    made = await office.ask("XBB", ASKED, "office")
    with pytest.raises(Forbidden, match="another person's"):
        await office.send("XBB", made.thread, signed(network, made, "information.request", "office"), "writer")


async def test_it_opens_no_case(network: Network) -> None:
    """Neither side has a case afterwards, and neither board shows anything."""
    await asked(network)
    boards = [await gateway.inquiries.cases() for gateway in network.gateways.values()]
    assert [(), ()] == [tuple(board) for board in boards]


async def test_roles_of_cases_have_no_part_in_it(network: Network) -> None:
    """No officer, clerk or head of a desk may ask, see or answer here."""
    office = network.gateways["XAA"].information
    for person in ("first", "second", "welfare", "board"):
        with pytest.raises(Forbidden):
            await office.questions(person)
        with pytest.raises(Forbidden):
            await office.ask("XBB", ASKED, person)


def test_its_role_has_no_part_in_a_case() -> None:
    """No row of a state table is for the information office."""
    roles = {role for table in (REQUESTING, REQUESTED) for row in table.rows for role in row.who}
    assert "information_officer" not in roles


def test_its_events_are_no_events_of_a_case() -> None:
    """No state table knows the events of these types."""
    events = {row.event for table in (REQUESTING, REQUESTED) for row in table.rows}
    assert not events & {TYPES[kind].event for kind in INFORMATION}


def test_its_bodies_have_no_room_for_a_person() -> None:
    """No member of question or answer is a data element, a reference to a case, or free text."""
    elements = set(schemas.load("common")["$defs"]["elements"]["properties"])
    for kind in INFORMATION:
        text = ijson.dumps(schemas.load(kind)).decode()
        members = set(schemas.load(kind)["properties"])
        assert not members & (elements | {"thread", "ref", "names", "remark"})
        assert "name_line" not in text
        assert 'maxLength":120' not in text


def test_no_code_path_leads_to_a_case() -> None:
    """The service imports nothing that opens, reads, moves or shows a case, and nothing of a case imports it."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    barred = {"gateway.core.case", "gateway.core.tables", "gateway.core.verification", "gateway.core.returns"}
    services = ("access", "answer", "cases", "clear", "person_index", "steps", "threads")
    barred |= {"gateway.core.minimise", *(f"gateway.services.{service}" for service in services)}
    assert not imported & barred
    users = [
        path.name
        for path in (SOURCE.parents[1]).rglob("*.py")
        if "from gateway.services.information import" in path.read_text(encoding="utf-8")
    ]
    assert {"app.py", "information.py", "local_api.py"} >= set(users)


def test_store_calls_name_no_case() -> None:
    """Of the store the service uses threads, the outbox and its own notes; it never asks for a case."""
    called = {
        node.func.attr
        for source in (SOURCE, SOURCE.with_name("outbox.py"))
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "tx"
    }
    own = {"find_meta", "set_meta", "metas", "drop_meta"}
    assert own | {"find_thread", "save_thread", "find_outbound", "save_outbound"} == called


async def test_it_needs_a_statement_of_the_office(network: Network) -> None:
    """A signature by somebody whose key the card lists for another role sends nothing."""
    office = network.gateways["XAA"].information
    made = await office.ask("XBB", ASKED, "writer")
    with pytest.raises(Forbidden, match="does not verify"):
        await office.send("XBB", made.thread, signed(network, made, "information.request", "signer"), "office")


async def test_author_does_not_sign(network: Network) -> None:
    """Who wrote the question is not who sends it."""
    office = network.gateways["XAA"].information
    made = await office.ask("XBB", ASKED, "office")
    with pytest.raises(Forbidden, match="different persons"):
        await office.send("XBB", made.thread, signed(network, made, "information.request"), "office")


async def test_a_name_has_no_place(network: Network) -> None:
    """A member that the schema does not know is refused before anything is stored."""
    with pytest.raises(SchemaError):
        await network.gateways["XAA"].information.ask("XBB", {**ASKED, "names": []}, "writer")


async def test_answer_to_nothing_is_refused(network: Network) -> None:
    """There is no answer without a question, and no second answer."""
    office = network.gateways["XBB"].information
    with pytest.raises(NotFound):
        await office.prepare_answer("XAA", "A" * 22, ANSWERED, "writer")


async def in_thread(network: Network, thread: str, kind: str, body: dict[str, Any], statements: Any = ()) -> None:
    """Queue a message of ``kind`` in ``thread``, as a gateway that kept to no rule would, and deliver it."""
    gateway = network.gateways["XAA"]
    context, now = gateway.context, network.clock.now()
    question = Question(thread, "XBB", True, "prepared", "2026-11-25", body, None, ijson.dumps(body).decode())

    async def unit(tx: Any) -> None:
        row = await tx.find_thread("XBB", thread)
        assert isinstance(row, ThreadRow)
        await gateway.information._queue(tx, question, kind, statements, now)

    await context.commit(unit)
    await network.deliver()


async def test_nothing_of_a_case_arrives_in_its_thread(network: Network) -> None:
    """A request in the thread of a question is refused, and opens no case."""
    question = await asked(network)
    body = ijson.loads((await story_body(network)).encode())
    await raw_message(network, question.thread, REQUEST, body)
    assert "illegal-step" == (await states(network))[-1]
    assert 0 == len(await network.gateways["XBB"].inquiries.cases())


async def test_a_withdrawal_ends_no_question(network: Network) -> None:
    """What may end a case is refused in the thread of a question like every other type (M-3.23)."""
    question = await asked(network)
    await raw_message(network, question.thread, "withdrawal", {"code": "WITHDRAWN_NO_REASON"})
    assert "illegal-step" == (await states(network))[-1]


async def story_body(network: Network) -> str:
    """Return the body of a request that would be accepted in a thread of its own."""
    return str(network.gateways["XAA"].clear.preview(story.draft()).body)


async def raw_message(network: Network, thread: str, kind: str, body: dict[str, Any]) -> None:
    """Send a message of ``kind`` in ``thread`` without asking any table."""
    context, now = network.gateways["XAA"].context, network.clock.now()
    at = now.replace(microsecond=0)
    letter = Letter(partner="XBB", type=kind, body=ijson.dumps(body), issued_at=at, expires_at=at + wire.MAX_VALIDITY)

    async def unit(tx: Any) -> None:
        await outbox.put(context, tx, letter, now, await tx.find_thread("XBB", thread))

    await context.commit(unit)
    await network.deliver()


async def test_nothing_of_it_arrives_in_the_thread_of_a_case(network: Network) -> None:
    """A question in the thread of a case is refused, and the case stays as it was."""
    ours, theirs = await story.acknowledged(network)
    thread = (await story.row(network, "XAA", ours)).thread
    made = Question(thread, "XBB", True, "prepared", "", ASKED, None, ijson.dumps(ASKED).decode())
    statement = signed(network, made, "information.request")
    await in_thread(network, thread, "information.request", ASKED, statement)
    assert "illegal-step" == (await states(network))[-1]
    assert ("ACKNOWLEDGED", ()) == (
        await story.state(network, "XBB", theirs),
        await network.gateways["XBB"].information.questions("writer"),
    )


async def test_it_is_kept_until_its_day(network: Network) -> None:
    """On the last day it may be kept a question is there, and on the next it is gone on both sides."""
    await asked(network)
    network.clock.pass_(days=188)
    counts = [await office.information.run_once(network.clock.now()) for office in network.gateways.values()]
    network.clock.pass_(days=1)
    counts += [await office.information.run_once(network.clock.now()) for office in network.gateways.values()]
    assert [0, 0, 1, 1] == counts
    assert () == await network.gateways["XBB"].information.questions("writer")


@pytest.mark.parametrize("spoil", [lambda text: text[:-1], lambda text: text.replace("retain_until", "retain_untim")])
async def test_spoiled_question_ends_no_loop_and_hides_no_other(network: Network, spoil: Callable[[str], str]) -> None:
    """What is over goes, what stands is shown and may be asked about, and the log says that there is one."""
    gateway, context = network.gateways["XBB"], network.gateways["XBB"].context
    spoiled, over = await asked(network), await asked(network)

    async def unit(tx: Tx) -> None:
        name = f"information:XAA:{spoiled.thread}"
        await tx.set_meta(name, spoil(await tx.find_meta(name) or ""))

    await gateway.store.commit(unit)
    assert [over.thread] == [one.thread for one in await gateway.information.questions("writer")]
    network.clock.pass_(days=189)
    assert 1 == await gateway.information.run_once(context.clock.now())
    assert () == await gateway.information.questions("writer")
    assert [{"partner": "XAA"}] == [values for event, values in network.logs if event == "information.unreadable"]


async def test_no_sender_says_how_long_for_ever_is(network: Network) -> None:
    """Whatever day a question names, it is kept no longer than a closed case, and nothing is left of it."""
    late = {**ASKED, "handling": {**HANDLING, "retain_until": "2199-12-31"}}
    gateway, other = network.gateways["XAA"], network.gateways["XBB"]
    made = await gateway.information.ask("XBB", late, "writer")
    await gateway.information.send("XBB", made.thread, signed(network, made, "information.request"), "office")
    await network.deliver()
    network.clock.pass_(days=540)
    assert 0 == await other.information.run_once(network.clock.now())
    network.clock.pass_(days=1)
    counts = [await one.information.run_once(network.clock.now()) for one in (gateway, other)]
    assert [1, 1] == counts
    assert [(), ()] == [tuple(await one.store.read(lambda tx: tx.metas("information"))) for one in (gateway, other)]


async def test_no_more_wait_for_an_answer_than_may(network: Network) -> None:
    """Past the bound a question is refused, and an answer makes room (M-5.40)."""
    question = await asked(network)

    async def fill(tx: Any) -> None:
        for number in range(information.WAITING_MAX - 1):
            text = ijson.dumps(asdict(replace(question, thread=f"{number:022}", partner="XAA", ours=False))).decode()
            await tx.set_meta(f"information:XAA:{number:022}", text)

    office = network.gateways["XBB"].information
    await network.gateways["XBB"].context.commit(fill)
    await asked(network)
    assert ["accepted", "illegal-step"] == await states(network)
    made = await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")
    await office.send("XAA", made.thread, signed(network, made, "information.answer"), "office")
    await asked(network)
    assert "accepted" == (await states(network))[-1]


async def test_what_has_run_out_waits_for_no_answer(network: Network) -> None:
    """On the day on which its conditions run out a question makes room for another one (M-5.40)."""
    question = await asked(network)
    today = network.clock.now().date().isoformat()
    over = {**question.request, "handling": {**HANDLING, "retain_until": today}}

    async def fill(tx: Any) -> None:
        for number in range(information.WAITING_MAX):
            one = replace(question, thread=f"{number:022}", partner="XAA", ours=False, request=over)
            await tx.set_meta(f"information:XAA:{number:022}", ijson.dumps(asdict(one)).decode())

    await network.gateways["XBB"].context.commit(fill)
    await asked(network)
    assert ["accepted", "accepted"] == await states(network)


async def test_what_an_earlier_version_kept_is_read_and_goes(network: Network) -> None:
    """Questions under an index of all, as they were kept before, are listed and answered, and go with that index."""
    question = await asked(network)
    context = network.gateways["XBB"].context
    erased, name = f"information:XAA:{'E' * 22}", f"information:XAA:{question.thread}"

    async def before(tx: Any) -> None:
        await tx.set_meta("information", f"{erased}\n{name}")
        await tx.set_meta(erased, "")
        await tx.set_meta(f"{erased}:sent", "")

    await context.commit(before)
    office = network.gateways["XBB"].information
    assert question.thread == (await only(network, "XBB")).thread
    assert 0 == await office.run_once(network.clock.now())
    assert [name] == [key for key, _ in await context.store.read(lambda tx: tx.metas("information"))]
    made = await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")
    await office.send("XAA", made.thread, signed(network, made, "information.answer"), "office")
    await network.deliver()
    assert "answered" == (await only(network, "XAA")).state


async def test_thread_stands_under_no_case(network: Network) -> None:
    """Both sides keep the thread under the mark, which is no reference a case can have."""
    question = await asked(network)
    for country, other in (("XAA", "XBB"), ("XBB", "XAA")):

        async def unit(tx: Any, other: str = other) -> Any:
            return await tx.find_thread(other, question.thread)

        assert MARK == (await network.gateways[country].store.read(unit)).ref
    assert 22 != len(MARK)


async def test_answer_arrives_that_waited_longer_than_its_key(network: Network) -> None:
    """A signed answer is sealed anew where its recipient's key ended while it waited."""
    network.clock.pass_(days=29)
    await network.refresh()
    question = await asked(network)
    office = network.gateways["XBB"].information
    made = await office.prepare_answer("XAA", question.thread, ANSWERED, "writer")
    statement = network.approval(made.digest or "", made.thread, "office", "information.answer", "information", days=60)
    await office.send("XAA", made.thread, statement, "office")
    await story.out_of_reach(network)
    assert "answered" == (await only(network, "XAA")).state


async def test_no_copy_of_what_is_over_is_left_in_the_outbox(network: Network) -> None:
    """With a question goes what was kept of it to seal it anew."""
    network.wires.cut = True
    await asked(network)
    gateway = network.gateways["XAA"]
    network.clock.pass_(days=600)
    await gateway.information.run_once(network.clock.now())
    rows = await gateway.store.read(lambda tx: tx.outbound_since("XBB", network.clock.now() - timedelta(days=999)))
    assert [None] == [row.sealed for row in rows if row.type == "information.request"]
