"""The door for a ministry's own system, over real sockets and two real gateways."""

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import jsonschema_rs
import pytest

import schemas
from gateway.app import Gateway
from gateway.cli.evidence_file import verify_bytes
from gateway.core.referral import DUE, LIMITS
from gateway.http import openapi
from gateway.http.local_api import ATTACHMENT_MAX_BYTES, BODY_MAX_BYTES, LocalServices, local_app
from gateway.services import access, cases, evidence, person_stop
from gateway.services.context import Person
from gateway.services.ports import Conflict, Redacted, Tx, Unavailable
from gateway.services.remind import Reminder
from gateway.serving import desk_services
from gateway.web.interior.looks import given
from keys import b64
from tests.support import homeward, pictures, story
from tests.support.erased import erase
from tests.support.network import PEOPLE, Network, make_network
from tests.support.remarks import TEXT, FakeRedactor, found, write

WHY = {"justification": "Prüfung der Anfrage"}


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    made = await make_network(tmp_path)
    yield made
    await made.close()


async def export_of(gateway: Gateway, ref: str, person: str, role: str, why: str) -> bytes:
    return await evidence.export(gateway.context, ref, person, role, why, cards=gateway.cards)


def services(network: Network, country: str, **changes: Any) -> LocalServices:
    gateway = network.gateways[country]
    desk = replace(desk_services(gateway), evidence=partial(export_of, gateway))
    tokens = {hashlib.sha256(f"token {name}".encode()).hexdigest(): name for name in PEOPLE}
    return LocalServices(replace(desk, **changes), tokens)


class Api:
    """Both gateways' doors; ``call`` returns status and JSON and holds every answer to the document."""

    def __init__(self, network: Network, session: aiohttp.ClientSession, ports: Mapping[str, int]) -> None:
        self.network = network
        self._session = session
        self._ports = ports

    async def call(
        self, person: str, method: str, path: str, body: Any = None, *, at: str = "XAA", role: str = "", **how: Any
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer token {person}"} | ({"Isthmus-Role": role} if role else {})
        url = f"http://127.0.0.1:{self._ports[at]}{path}"
        if body is not None:
            how["data"] = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        async with self._session.request(method, url, headers=headers | how.pop("headers", {}), **how) as response:
            value = await response.json(content_type=None)
            _as_described(method, path, response.status, response.content_type, value)
            return response.status, value

    async def tag(self, person: str, path: str, at: str = "XAA") -> str:
        """Return the tag a case is read with."""
        headers = {"Authorization": f"Bearer token {person}"}
        async with self._session.get(f"http://127.0.0.1:{self._ports[at]}{path}", headers=headers) as response:
            return response.headers["ETag"]

    async def get(self, person: str, path: str, **how: Any) -> tuple[int, Any]:
        return await self.call(person, "GET", path, **how)

    async def post(self, person: str, path: str, body: Any = None, **how: Any) -> tuple[int, Any]:
        return await self.call(person, "POST", path, body, **how)

    async def approve(self, ref: str, kind: str = "request.approval") -> tuple[int, Any]:
        _, shown = await self.get("second", f"/v1/cases/{ref}/preview", params=WHY)
        signed = self.network.approval(shown["digest"], shown["thread"], "second", kind, "liaison_officer")
        return await self.post("second", f"/v1/cases/{ref}/approval", {"statement": signed})


DOCUMENT = openapi.document()


def _as_described(method: str, path: str, status: int, media_type: str, value: Any) -> None:
    """Hold an answer to what the document says about it."""
    parts = path.partition("?")[0].split("/")
    if len(parts) > 3 and parts[2] == "cases":
        parts[3] = "{ref}"
    operation = DOCUMENT["paths"].get("/".join(parts), {}).get(method.lower())
    if operation is None or status in (405, 408, 413, 415, 500):
        return
    schema = operation["responses"][str(status)]["content"][media_type]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema_rs.Draft202012Validator(whole).validate(value)


@pytest.fixture
async def api(network: Network, serve: Callable[..., Any]) -> AsyncIterator[Api]:
    ports = {country: await serve(local_app(services(network, country))) for country in network.gateways}
    async with aiohttp.ClientSession() as session:
        yield Api(network, session, ports)


async def test_a_whole_exchange_goes_through_the_two_doors(api: Api) -> None:
    """From a draft to a countersigned answer and its closing, with nothing but HTTP."""
    status, opened = await api.post("first", "/v1/cases", story.draft())
    assert 201 == status
    path = f"/v1/cases/{opened['ref']}"
    assert (200, "CLEARED") == _state(await api.approve(opened["ref"]))
    assert (200, "SENT") == _state(await api.post("first", f"{path}/send"))
    await api.network.deliver()
    _, queue = await api.get("first", "/v1/cases", at="XBB", params={"state": "RECEIVED"})
    theirs = f"/v1/cases/{queue['cases'][0]['ref']}"
    assert (200, "ACKNOWLEDGED") == _state(await api.post("first", f"{theirs}/acknowledge", at="XBB"))
    _, prepared = await api.post("first", f"{theirs}/reply", story.reply("NOT_FOUND", reason=None), at="XBB")
    status, problem = await api.post("first", f"{theirs}/answer", at="XBB")
    assert (422, "urn:isthmus:rule-refused") == (status, problem["type"])
    _, shown = await api.get("signer", f"{theirs}/preview", at="XBB", params=WHY)
    assert ({"type", "digest", "findings"}, shown["digest"]) == (
        set(prepared["prepared"]),
        prepared["prepared"]["digest"],
    )
    signed = api.network.approval(shown["digest"], shown["thread"], "signer", "reply.second-signature", "second_signer")
    assert 200 == (await api.post("signer", f"{theirs}/countersignature", {"statement": signed}, at="XBB"))[0]
    assert (200, "REPLIED") == _state(await api.post("first", f"{theirs}/answer", at="XBB"))
    await api.network.deliver()
    _, seen = await api.get("first", path, params=WHY)
    assert ("REPLIED", "NOT_FOUND") == (seen["case"]["state"], seen["content"]["reply"]["outcome"])
    assert (200, "CLOSED") == _state(await api.post("first", f"{path}/close"))


def _state(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1].get("state", answer[1])


async def test_a_return_goes_through_the_two_doors(api: Api) -> None:
    """Proposed, accepted, documented, planned, left, handed over by two hands, reported on: nothing but HTTP."""
    network = api.network
    ours, theirs = await homeward.assessed(network)
    here, there = f"/v1/cases/{ours}", f"/v1/cases/{theirs}"
    whole = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL)

    async def sign(person: str, kind: str, role: str, seen: Any, days: int = 60) -> dict[str, Any]:
        return {"statement": network.approval(seen["digest"], seen["thread"], person, kind, role, days)}

    async def shown(at: str, path: str, person: str) -> Any:
        return (await api.get(person, f"{path}/return", at=at, params=WHY))[1]["prepared"]

    await api.post("first", f"{here}/proposal", homeward.PLAN)
    assert (200, "ASSESSED") == _state(await api.approve(ours, "return.approval"))
    seen = await shown("XAA", here, "coordinator")
    await api.post(
        "coordinator", f"{here}/endorsement", await sign("coordinator", "return.release", "coordinator", seen)
    )
    assert (200, "PROPOSED") == _state(await api.post("first", f"{here}/propose"))
    await network.deliver()
    await api.post("first", f"{there}/acceptance", homeward.ANSWER, at="XBB")
    seen = await shown("XBB", there, "second")
    signed = await sign("second", "return.acceptance", "desk_head", seen)
    assert (200, "ACCEPTED") == _state(await api.post("second", f"{there}/accept", signed, at="XBB", role="desk_head"))
    await network.deliver()
    await api.post("coordinator", f"{here}/record", whole)
    assert (200, "DECIDED") == _state(await api.post("coordinator", f"{here}/decision"))
    await api.post("first", f"{here}/document", {"needed_by": "2026-12-10"})
    await api.approve(ours, "travel.approval")
    await api.post("first", f"{here}/document-request")
    await network.deliver()
    assert (200, "DOCUMENTED") == _state(await api.post("issuer", f"{there}/issue", homeward.DOCUMENT, at="XBB"))
    await network.deliver()
    assert (200, "SCHEDULED") == _state(await api.post("second", f"{here}/schedule", homeward.JOURNEY))
    homeward.move_to(network, homeward.DEPARTS_AT)
    await network.deliver()
    ready = {**whole, "contacts_given_on": "2026-12-11", "reconfirmation": homeward.RECONFIRMATION}
    await api.post("coordinator", f"{here}/record", ready)
    assert (200, "DEPARTED") == _state(await api.post("escort", f"{here}/departure", {"arrives_at": None}))
    await network.deliver()
    homeward.move_to(network, homeward.DEPARTS_AT.replace(hour=13))
    _, made = await api.post("escort", f"{here}/protocol", {"protocol": homeward.PROTOCOL})
    signed = await sign("escort", "handover.delivery", "escort", made["prepared"], 1)
    await api.post("escort", f"{here}/handover", {"protocol": homeward.PROTOCOL, **signed})
    await network.deliver()
    _, again = await api.post("reception", f"{there}/protocol", {"protocol": None}, at="XBB")
    assert made["prepared"]["body"] == again["prepared"]["body"]
    signed = await sign("reception", "handover.receipt", "reception", again["prepared"], 1)
    assert (200, "HANDED_OVER") == _state(
        await api.post("reception", f"{there}/handover-confirmation", signed, at="XBB")
    )
    report = {"status": "SEEN_SAFE", "on": "2026-12-14", "final": False}
    assert (200, "MONITORING") == _state(await api.post("reception", f"{there}/report", report, at="XBB"))
    _, part = await api.get("escort", f"{here}/return", params=WHY)
    assert (None, {"return.schedule", "return.handover"}) == (part["record"], set(part["said"]))


async def test_each_role_sees_its_part_of_a_return(api: Api) -> None:
    """For a reason only; a board sees nothing of it, and a step is offered where it can be taken."""
    ours, _ = await homeward.assessed(api.network)
    assert 403 == (await api.get("coordinator", f"/v1/cases/{ours}/return"))[0]
    assert 403 == (await api.get("board", f"/v1/cases/{ours}/return", params=WHY))[0]
    _, seen = await api.get("coordinator", f"/v1/cases/{ours}/return", params=WHY)
    assert ("return", None) == (seen["record"]["wish"]["wish"], seen["prepared"])
    tags = {await api.tag("first", f"/v1/cases/{ours}{part}") for part in ("", "/return?justification=why+not")}
    assert 1 == len(tags), "either look is one that a step may be taken on"
    _, case = await api.get("first", f"/v1/cases/{ours}")
    verbs = {one["verb"] for one in case["allowed"]}
    assert {"proposal", "record", "suspension", "freeze"} <= verbs
    assert {"elements", "document", "schedule"}.isdisjoint(verbs)


async def test_age_and_guardian_are_set_right_by_who_is_in_charge(api: Api) -> None:
    """Over what was read of it, with a reason; the desk sees what stood, and may not do it."""
    ours, _ = await story.acknowledged(api.network, **homeward.MINOR)
    path, body = f"/v1/cases/{ours}", {"age": {"class": "minor", "decision": None}, "representative": None, "why": "?"}
    await api.post("welfare", f"{path}/freeze", {"reason": "the record is wrong"})
    _, seen = await api.get("welfare", f"{path}/return", params=WHY)
    assert (homeward.MINOR, []) == (
        {name: seen["person"][name] for name in homeward.MINOR},
        seen["person"]["earlier"],
    )
    assert 403 == (await api.post("first", f"{path}/restatement", body))[0]
    assert 422 == (await api.post("welfare", f"{path}/restatement", {**body, "representative": "nobody"}))[0]
    assert (200, "FROZEN") == _state(await api.post("welfare", f"{path}/restatement", body))
    _, seen = await api.get("first", f"{path}/return", params=WHY)
    assert (None, 1) == (seen["person"]["representative"], len(seen["person"]["earlier"]))


@pytest.mark.parametrize("role", ["guardian", "lawyer"])
async def test_who_represents_somebody_else_sees_no_return(api: Api, role: str) -> None:
    """A guardian or lawyer learns of no case of somebody else, and does not come to read one by stopping it."""
    ours, _ = await homeward.assessed(api.network)
    context = api.network.gateways["XAA"].context
    context.persons = {**context.persons, "office": Person("office", frozenset({role}), bytes(32))}
    assert 404 == (await api.get("office", f"/v1/cases/{ours}/return", params=WHY))[0]
    assert 200 == (await api.post("office", f"/v1/cases/{ours}/freeze", {"reason": "to look into it"}))[0]
    assert 404 == (await api.get("office", f"/v1/cases/{ours}/return", params=WHY))[0]


async def test_a_preview_stores_nothing_and_shows_what_is_withheld(api: Api) -> None:
    """Each element of the file has a line, and the queue stays empty."""
    status, preview = await api.post("first", "/v1/preview", story.draft())
    assert 200 == status
    assert {"sent", "withheld"} <= {line["status"] for line in preview["lines"]}
    assert [] == (await api.get("first", "/v1/cases"))[1]["cases"]


async def test_personal_content_needs_a_justification_and_leaves_a_record(api: Api) -> None:
    """Without one a desk sees dates and steps; with one the file, and the look is on record before."""
    ref = await story.sent(api.network)
    _, plain = await api.get("first", f"/v1/cases/{ref}")
    assert plain["content"] is None
    assert plain["desk"]["purpose"] == "NATIONALITY"
    before = await _looks(api, ref)
    _, full = await api.get("first", f"/v1/cases/{ref}", params=WHY)
    assert full["content"]["draft"]["to"] == "XBB"
    assert [("first", "view", WHY["justification"])] == (await _looks(api, ref))[len(before) :]
    status, problem = await api.get("first", f"/v1/cases/{ref}/preview")
    assert (403, "urn:isthmus:forbidden") == (status, problem["type"])


async def test_digest_of_a_body_is_shown_for_a_justification(api: Api) -> None:
    """A body can be guessed by its digest, so without one a desk sees that something is prepared, and by whom."""
    ref = await story.cleared(api.network)
    _, plain = await api.get("first", f"/v1/cases/{ref}")
    _, full = await api.get("first", f"/v1/cases/{ref}", params=WHY)
    digest = (await story.case(api.network, "XAA", ref)).pending.digest
    by = {"type": "verification.request", "author": "first", "approver": "second", "sent_back": []}
    assert {**by, "digest": None} == plain["desk"]["pending"]
    assert digest not in json.dumps(plain)
    assert {**by, "digest": digest} == full["desk"]["pending"]


async def test_content_for_another_purpose_asks_the_table(api: Api) -> None:
    """A use that the re-use table does not allow gets no content (R-05)."""
    ref = await story.sent(api.network)
    for purpose, expected in (("NATIONALITY", 200), ("TRAVEL_DOC", 422), ("IMMIGRATION_ENFORCEMENT", 422)):
        status, told = await api.get("first", f"/v1/cases/{ref}", params={**WHY, "purpose": purpose})
        assert expected == status
        assert (expected == 422) == (told.get("findings", [{}])[0].get("rule") == "R-05")


async def test_account_tells_what_was_sent(api: Api) -> None:
    """The officer gets values and the person's text, for a reason; a desk that has no part in it does not."""
    ref, _ = await story.received(api.network)
    path = f"/v1/cases/{ref}/account"
    assert 403 == (await api.get("first", path))[0]
    status, made = await api.get("first", path, params=WHY)
    assert (200, "XBB") == (status, made["account"]["sent"][0]["to"])
    assert "to: XBB" in made["text"]
    assert 403 == (await api.get("board", path, params=WHY))[0]


async def _looks(api: Api, ref: str) -> list[tuple[str, str, str]]:
    context = api.network.gateways["XAA"].context

    async def unit(tx: Tx) -> list[tuple[str, str, str]]:
        held = await cases.load(context, tx, ref)
        return [(row.person, row.action, access.justification_of(context, held, row)) for row in await tx.accesses(ref)]

    return await context.store.read(unit)


async def test_a_step_tells_what_it_prepared_by_its_digest(api: Api) -> None:
    """Who takes a step is shown nothing of the person for it; the body is previewed for a reason (R-13)."""
    ours, theirs = await story.acknowledged(api.network)
    await api.network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first", "registry_clerk")
    await api.network.deliver()
    _, answered = await api.post("second", f"/v1/cases/{ours}/elements")
    assert {"type", "digest", "findings"} == set(answered["prepared"])
    _, opened = await api.post("first", "/v1/cases", story.draft())
    _, made = await api.post("second", f"/v1/cases/{opened['ref']}/attachment-removal", {"element": "PHOTO"})
    assert {"type", "digest", "findings"} == set(made["prepared"])


async def test_who_gave_no_justification_is_told_of_the_header(api: Api) -> None:
    """It may name somebody, so nobody is led to put it into an address."""
    ref = await story.sent(api.network)
    _, problem = await api.get("first", f"/v1/cases/{ref}/preview")
    assert ("Isthmus-Justification" in problem["hint"], "?" in problem["hint"]) == (True, False)


@pytest.mark.parametrize("why", ["demande\u00a0: suite", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u062f"])
async def test_a_justification_may_be_in_any_writing(api: Api, why: str) -> None:
    """The hard blank of French and the joiners of Persian are part of a line; a line break is not."""
    ref = await story.sent(api.network)
    status, _ = await api.get("first", f"/v1/cases/{ref}", headers={"Isthmus-Justification": quote(why)})
    assert (200, ("first", "view", why)) == (status, (await _looks(api, ref))[-1])
    status, _ = await api.get("first", f"/v1/cases/{ref}", headers={"Isthmus-Justification": quote("a\nb")})
    assert 400 == status


async def test_a_justification_may_come_as_a_header(api: Api) -> None:
    """For systems that keep their URLs in logs."""
    ref = await story.sent(api.network)
    headers = {"Isthmus-Justification": quote(WHY["justification"])}
    assert (await api.get("first", f"/v1/cases/{ref}", headers=headers))[1]["content"] is not None
    assert ("first", "view", WHY["justification"]) == (await _looks(api, ref))[-1]
    status, _ = await api.get("first", f"/v1/cases/{ref}", params={"justification": "x" * 401})
    assert 400 == status


async def test_a_justification_is_as_long_as_at_a_desk(api: Api) -> None:
    """What a desk does not take as a reason shows nothing here, and no look is recorded; what it takes does."""
    ref = await story.sent(api.network)
    before = await _looks(api, ref)
    for why in ("x", "xx", " x "):
        for path in ("", "/preview", "/evidence", "/account"):
            status, told = await api.get(
                "first", f"/v1/cases/{ref}{path}", headers={"Isthmus-Justification": quote(why)}
            )
            assert (400, True) == (status, "content" not in told)
        assert given({"why": why})[1]
    assert before == await _looks(api, ref)
    status, told = await api.get("first", f"/v1/cases/{ref}", headers={"Isthmus-Justification": "xyz"})
    assert (200, "", True) == (status, given({"why": "xyz"})[1], told["content"] is not None)


@pytest.mark.parametrize("person", ["board", "welfare", "protection"])
async def test_others_see_a_row_without_an_identity(api: Api, person: str) -> None:
    """Whatever justification they give; and they see which steps are theirs."""
    ref = await story.sent(api.network)
    status, seen = await api.get(person, f"/v1/cases/{ref}", params=WHY)
    assert (200, None, None) == (status, seen["desk"], seen["content"])
    assert "Testov" not in json.dumps(seen)
    steps = {one["verb"] for one in seen["allowed"]}
    assert steps == (set() if person == "board" else {"freeze"})
    assert 403 == (await api.get(person, f"/v1/cases/{ref}/preview", params=WHY))[0]


async def test_an_overdue_reply_is_on_the_board_and_may_be_reminded_of(api: Api) -> None:
    """The foreign-affairs desk sees it, page by page, and reminds by its own hand."""
    refs = [(await story.acknowledged(api.network))[0] for _ in range(3)]
    assert [] == (await api.get("board", "/v1/overdue"))[1]["cases"]
    api.network.clock.pass_(days=40)
    _, first = await api.get("board", "/v1/overdue", params={"limit": "2", "partner": "XBB"})
    _, second = await api.get("board", "/v1/overdue", params={"limit": "2", "after": first["next"]})
    assert sorted(refs) == sorted(row["ref"] for row in (*first["cases"], *second["cases"]))
    assert second["next"] is None
    await api.network.refresh()
    status, moved = await api.post("board", f"/v1/cases/{refs[0]}/reminder")
    assert (200, "ACKNOWLEDGED") == (status, moved["state"])


async def test_foreign_affairs_learns_no_reason_that_lies_in_the_person(api: Api) -> None:
    """That a rule refuses a reminder is told to all, and which one to the desk alone (REM-5)."""
    network = api.network
    network.gateways["XAA"].context.redactor = FakeRedactor(Redacted((), ("held-for-person",), "en"))
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    await write(network, ours)
    network.clock.pass_(days=40)
    status, refused = await api.post("board", f"/v1/cases/{ours}/reminder")
    assert (422, "rule-refused", []) == (status, refused["type"].rpartition(":")[2], refused["findings"])
    _, refused = await api.post("first", f"/v1/cases/{ours}/reminder")
    assert "REM-5" in [one["rule"] for one in refused["findings"]]


@pytest.mark.parametrize("stop", ["freeze", "withdraw"])
async def test_foreign_affairs_sees_the_cases_that_are_waited_for_alone(api: Api, stop: str) -> None:
    """One that was stopped is on no list, by no filter, and is none to them, as on the pages of the board."""
    network = api.network
    ours, _ = await story.acknowledged(network)
    another = {**story.ADULT["elements"], "birth_date": "1980"}
    other, theirs = await story.acknowledged(network, elements=another)
    network.clock.pass_(days=40)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "to be looked at", "protection", "asylum_authority", None)
    if stop == "withdraw":
        await hold.withdraw(ours, "protection", "asylum_authority")
    lists = ["/v1/cases", "/v1/overdue", "/v1/cases?state=FROZEN&state=WITHDRAWN", "/v1/cases?state=ACKNOWLEDGED"]
    seen = [[row["ref"] for row in (await api.get("board", path))[1]["cases"]] for path in lists]
    assert [[other], [other], [], [other]] == seen
    assert 404 == (await api.get("board", f"/v1/cases/{ours}"))[0]
    assert 404 == (await api.post("board", f"/v1/cases/{ours}/reminder"))[0]
    _, shown = await api.get("board", f"/v1/cases/{other}")
    assert ("ACKNOWLEDGED", None) == (shown["case"]["state"], shown["case"]["changed_at"])
    assert (200, []) == ((found := await api.get("board", "/v1/cases", at="XBB"))[0], found[1]["cases"])
    assert 404 == (await api.get("board", f"/v1/cases/{theirs}", at="XBB"))[0]
    assert ours in [row["ref"] for row in (await api.get("first", lists[2]))[1]["cases"]]


class StoppedSince(Reminder):
    """One after which the case is stopped before anybody looks at it again."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway.context)
        self._hold = gateway.hold

    async def remind(self, ref: str, person: str, role: str, *, rested: bool = False) -> None:
        await super().remind(ref, person, role, rested=rested)
        await self._hold.freeze(ref, "to be looked at", "protection", "asylum_authority", None)


async def test_a_reminder_that_left_is_told_so_though_the_case_is_seen_no_more(
    network: Network, serve: Callable[..., Any]
) -> None:
    """Whoever reminded learns that it was done, and not what became of the case in the same instant."""
    ours, _ = await story.acknowledged(network)
    network.clock.pass_(days=40)
    await network.refresh()
    port = await serve(local_app(services(network, "XAA", reminder=StoppedSince(network.gateways["XAA"]))))
    async with aiohttp.ClientSession() as session:
        api = Api(network, session, {"XAA": port})
        status, moved = await api.post("board", f"/v1/cases/{ours}/reminder")
        assert (200, "ACKNOWLEDGED") == (status, moved["state"])
        assert 404 == (await api.get("board", f"/v1/cases/{ours}"))[0]


async def test_foreign_affairs_learns_that_nothing_is_late_yet(api: Api) -> None:
    """A rule of the deadlines says nothing of a person and is told."""
    ours, _ = await story.acknowledged(api.network)
    status, refused = await api.post("board", f"/v1/cases/{ours}/reminder")
    assert (422, ["D-03"]) == (status, [one["rule"] for one in refused["findings"]])


KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


async def test_a_request_that_comes_twice_opens_one_case(api: Api) -> None:
    """The same person with the same key and draft, in any order of its names, gets the first answer again."""
    draft = story.draft()
    again = dict(reversed(draft.items()))
    together = [api.post("first", "/v1/cases", body, headers=KEY) for body in (draft, draft, again)]
    found = [*await asyncio.gather(*together), await api.post("first", "/v1/cases", draft, headers=KEY)]
    assert [201] * 4 == [status for status, _ in found]
    assert 1 == len({opened["ref"] for _, opened in found})
    assert 1 == len((await api.get("first", "/v1/cases"))[1]["cases"])


async def test_a_key_is_of_one_person_and_one_request(api: Api) -> None:
    """For something else it is refused with a code; another person's is another; without one nothing is held back."""
    draft = story.draft()
    _, opened = await api.post("first", "/v1/cases", draft, headers=KEY)
    for path, body in (("/v1/cases", {**draft, "justification": "another"}), ("/v1/exercises", draft)):
        status, problem = await api.post("first", path, body, headers=KEY)
        assert (422, "urn:isthmus:key-reused") == (status, problem["type"])
    others = [await api.post(person, "/v1/cases", draft, **how) for person, how in (("second", KEYED), ("first", {}))]
    assert [201, 201] == [status for status, _ in others]
    assert 3 == len({opened["ref"], *(value["ref"] for _, value in others)})


KEYED: dict[str, Any] = {"headers": KEY}


@pytest.mark.parametrize("given", ["", '""', "bare", '"a"b"', '"a\\\\b"', '"' + "a" * 256 + '"', '"a";b', '"ä"'])
async def test_a_key_that_is_none_opens_nothing(api: Api, given: str) -> None:
    """It is one text in quotes; whoever sends another meant to send one and is told."""
    status, problem = await api.post("first", "/v1/cases", story.draft(), headers={"Idempotency-Key": given})
    assert (400, "urn:isthmus:bad-request") == (status, problem["type"])
    assert [] == (await api.get("first", "/v1/cases"))[1]["cases"]
    assert 401 == (await api.post("nobody", "/v1/cases", story.draft(), headers={"Idempotency-Key": given}))[0]


async def test_a_key_is_known_for_seven_days(api: Api) -> None:
    """Also of a case that was erased meanwhile, which is not opened again."""
    gateway, clock = api.network.gateways["XAA"], api.network.clock
    _, first = await api.post("first", "/v1/cases", story.draft(), headers=KEY)
    await erase(gateway, first["ref"], clock.now())
    clock.pass_(days=7)
    await gateway.retention.run_once(clock.now())
    assert first == (await api.post("first", "/v1/cases", story.draft(), headers=KEY))[1]
    clock.pass_(days=1)
    await gateway.retention.run_once(clock.now())
    assert first != (await api.post("first", "/v1/cases", story.draft(), headers=KEY))[1]


async def test_a_referral_is_shown_for_a_reason_and_ended_by_an_officer(api: Api) -> None:
    """What a denial asks of people stands with the content; whoever foreign affairs are ends none and sees none."""
    ours, _ = await story.replied(api.network, "NOT_NATIONAL", reason="CITIZENSHIP_LOST")
    path, done = f"/v1/cases/{ours}", {"why": "she was referred"}
    _, seen = await api.get("first", path, params=WHY)
    assert {"text": [DUE, LIMITS], "counted": []} == seen["content"]["referral"]
    assert "stateless" not in json.dumps((await api.get("first", path))[1])
    assert 403 == (await api.post("board", f"{path}/task", done))[0]
    assert (200, "REPLIED") == _state(await api.post("first", f"{path}/task", done))
    assert (await api.get("first", path, params=WHY))[1]["content"]["referral"] is None
    assert 409 == (await api.post("first", f"{path}/task", done))[0]


async def test_a_stop_and_the_ways_on(api: Api) -> None:
    """A protection authority stops a case alone; it goes on by release and two persons, or is withdrawn."""
    ref = await story.cleared(api.network)
    path = f"/v1/cases/{ref}"
    assert (200, "FROZEN") == _state(await api.post("protection", f"{path}/freeze", {"reason": "to be looked at"}))
    status, problem = await api.post("first", f"{path}/resume")
    assert (422, "urn:isthmus:rule-refused") == (status, problem["type"])
    assert 1 <= len(problem["findings"])
    assert (200, "FROZEN") == _state(await api.post("protection", f"{path}/release"))
    assert (200, "FROZEN") == _state(await api.post("first", f"{path}/resume"))
    assert (200, "DRAFT") == _state(await api.post("second", f"{path}/resume"))  # to be approved anew
    await api.post("welfare", f"{path}/freeze", {"reason": "x", "protection": None})
    assert (200, "WITHDRAWN") == _state(await api.post("welfare", f"{path}/withdraw"))


async def test_a_question_and_its_answer(api: Api) -> None:
    """A clerk asks which person is meant; the desk prepares only what was asked for, and it is approved anew."""
    ours, theirs = await story.acknowledged(api.network)
    question = {"candidates": 2, "elements": ["SEX"]}
    assert (200, "NEEDS_TIER2") == _state(await api.post("first", f"/v1/cases/{theirs}/question", question, at="XBB"))
    await api.network.deliver()
    status, prepared = await api.post("first", f"/v1/cases/{ours}/elements")
    assert 200 == status
    assert "verification.elements" == prepared["prepared"]["type"]
    assert 200 == (await api.approve(ours, "elements.approval"))[0]
    assert (200, "ACKNOWLEDGED") == _state(await api.post("first", f"/v1/cases/{ours}/send"))


async def test_a_delay_and_an_extension_are_coded(api: Api) -> None:
    """A code that is in no list is refused with its place; a good one is taken."""
    _, theirs = await story.acknowledged(api.network)
    path = f"/v1/cases/{theirs}"
    status, problem = await api.post("first", f"{path}/delay", {"reason": "MOOD", "eta": "2026-12-20"}, at="XBB")
    assert (422, "urn:isthmus:schema", "/reason") == (status, problem["type"], problem["problems"][0]["pointer"])
    code = next(iter(schemas.codes("reason_delay")))
    assert 200 == (await api.post("first", f"{path}/delay", {"reason": code, "eta": "2026-12-20"}, at="XBB"))[0]
    assert (200, "EXTENDED") == _state(await api.post("first", f"{path}/extension", {"reason": code}, at="XBB"))


async def test_an_image_is_attached_and_taken_out(api: Api) -> None:
    """The file comes as base64url; what was removed is told, and the body prepared anew."""
    _, opened = await api.post("first", "/v1/cases", story.draft())
    path, raw = f"/v1/cases/{opened['ref']}", pictures.with_notes()
    body = {"element": "PHOTO", "content": b64.encode(raw)}
    assert (200, "DRAFT") == _state(await api.post("first", f"{path}/attachment", body))
    _, case = await api.get("first", path, params=WHY)
    image = case["content"]["images"]["photo"]
    assert ("gps" in image["removed"], {"sha256", "bytes"}) == (True, set(image["wire"]["pages"][0]))
    assert (200, "DRAFT") == _state(await api.post("first", f"{path}/attachment-removal", {"element": "PHOTO"}))
    _, case = await api.get("first", path, params=WHY)
    assert {} == case["content"]["images"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b64.encode(pictures.zipped()), "file-kind"), ("not base64url!", "file-kind")],
)
async def test_a_bad_file_is_refused_by_its_code(api: Api, content: str, code: str) -> None:
    """The finding names the code; nothing of what was sent is quoted."""
    _, opened = await api.post("first", "/v1/cases", story.draft())
    body = {"element": "PHOTO", "content": content}
    status, problem = await api.post("first", f"/v1/cases/{opened['ref']}/attachment", body)
    (finding,) = problem["findings"]
    assert (422, "E-02", code) == (status, finding["rule"], finding["because"].partition(":")[0])


async def test_a_remark_is_written_and_confirmed(api: Api) -> None:
    """What became of it is answered as the document says; confirmed, it is in the body prepared."""
    api.network.gateways["XAA"].context.redactor = FakeRedactor(spans=found(TEXT, "Monday"))
    _, opened = await api.post("first", "/v1/cases", story.draft())
    path = f"/v1/cases/{opened['ref']}"
    _, said = await api.post("first", f"{path}/remark", {"remark": {"language": "en", "text": TEXT}})
    assert "The person can be met on [...] before noon." == said["remark"]["text"]
    digest = said["remark"]["digest"]
    _, said = await api.post("first", f"{path}/remark-confirmation", {"digest": digest})
    _, shown = await api.get("first", f"{path}/preview", params=WHY)
    assert said["prepared"]["digest"] == shown["digest"]
    assert "[...] before noon" in shown["body"]
    _, case = await api.get("first", path, params=WHY)
    assert ("first", digest) == (case["content"]["remark"]["confirmed_by"], case["content"]["remark"]["digest"])


async def test_a_draft_can_be_amended_or_discarded(api: Api) -> None:
    """An approval is void after a change; a draft of which nothing left can be dropped."""
    ref = await story.cleared(api.network)
    assert (200, "DRAFT") == _state(await api.post("first", f"/v1/cases/{ref}/amend", story.draft()))
    assert 409 == (await api.post("first", f"/v1/cases/{ref}/send"))[0]
    assert (200, "CLOSED") == _state(await api.post("first", f"/v1/cases/{ref}/discard"))


async def test_a_reply_can_be_contested_once(api: Api) -> None:
    """On a coded ground."""
    ours, _ = await story.replied(api.network)
    path = f"/v1/cases/{ours}/contest"
    assert 422 == (await api.post("first", path, {"ground": "DISLIKED"}))[0]
    assert (200, "CONTESTED") == _state(await api.post("first", path, {"ground": "WRONG_PERSON"}))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic token first"}])
async def test_without_a_token_of_a_person_nothing_is_told(api: Api, headers: dict[str, str]) -> None:
    """A missing, unknown or misplaced token gets the same 401, on every path but that of the document."""
    async with aiohttp.ClientSession(headers=headers) as session:
        for path in ("/v1/cases", "/v1/overdue", "/v1/cases/AAAAAAAAAAAAAAAAAAAAAA"):
            async with session.get(f"http://127.0.0.1:{api._ports['XAA']}{path}") as response:
                assert (401, "Bearer") == (response.status, response.headers["WWW-Authenticate"])
                assert "urn:isthmus:no-token" == (await response.json(content_type=None))["type"]
        async with session.get(f"http://127.0.0.1:{api._ports['XAA']}/v1/openapi.json") as response:
            assert DOCUMENT == await response.json()


async def test_a_role_must_be_named_where_several_fit(api: Api) -> None:
    """Named, it must be one the person holds and the step allows."""
    _, theirs = await story.acknowledged(api.network)
    path = f"/v1/cases/{theirs}/freeze"
    body = {"reason": "x"}
    status, problem = await api.post("first", path, body, at="XBB")
    assert (400, "urn:isthmus:bad-request") == (status, problem["type"])
    assert 403 == (await api.post("first", path, body, at="XBB", role="dpo"))[0]
    assert 200 == (await api.post("first", path, body, at="XBB", role="registry_clerk"))[0]


async def test_whoever_only_looks_does_so_for_the_desk(api: Api) -> None:
    """Of several roles the one that sees most is taken, whatever comes first by the alphabet; a named one is that."""
    ours, _ = await story.acknowledged(api.network)
    context = api.network.gateways["XAA"].context
    both = Person("office", frozenset({"asylum_authority", "case_officer"}), bytes(32))
    context.persons = {**context.persons, "office": both}
    _, seen = await api.get("office", f"/v1/cases/{ours}", params=WHY)
    _, named = await api.get("office", f"/v1/cases/{ours}", params=WHY, role="asylum_authority")
    assert (True, None) == (bool(seen["content"]), named["content"])


async def test_a_character_that_is_none_is_told_of(api: Api) -> None:
    """In a path as in a filter: an empty list would say that nothing is late."""
    for path in ("cases/a%00", "overdue?partner=X%00", "cases?officer=%00", "cases?after=~%00"):
        status, problem = await api.get("second", f"/v1/{path}")
        assert (400, "urn:isthmus:bad-value") == (status, problem["type"]), path


async def test_a_step_that_is_not_of_this_side_or_state_is_named(api: Api) -> None:
    """The problem says the state and the step, and where the allowed ones stand."""
    ref = await story.sent(api.network)
    for verb in ("acknowledge", "send"):
        status, problem = await api.post("first", f"/v1/cases/{ref}/{verb}")
        assert (409, "urn:isthmus:illegal-step") == (status, problem["type"])
        assert "SENT" in problem["detail"]
    assert 403 == (await api.post("board", f"/v1/cases/{ref}/send"))[0]


async def test_a_case_that_is_not_here_is_not_found(api: Api) -> None:
    """For reading and for every step."""
    path = "/v1/cases/AAAAAAAAAAAAAAAAAAAAAA"
    for person, method, end in (("first", "GET", ""), ("first", "POST", "/send"), ("second", "GET", "/preview")):
        status, problem = await api.call(person, method, path + end, params=WHY)
        assert (404, "urn:isthmus:not-found") == (status, problem["type"])


async def test_a_rule_that_forbids_an_approval_is_quoted(api: Api) -> None:
    """The finding names the rule and the field, and nothing of the person."""
    asylum = {"state": "pending", "attested_by": "protection", "attested_on": "2026-11-20", "basis": "interview"}
    ref = (await api.post("first", "/v1/cases", story.draft(asylum=asylum)))[1]["ref"]
    status, problem = await api.approve(ref)
    assert (422, "urn:isthmus:rule-refused") == (status, problem["type"])
    assert "R-01" in {finding["rule"] for finding in problem["findings"]}


BAD_BODIES: dict[str, tuple[dict[str, Any], int, str]] = {
    "not JSON": ({"data": b"{"}, 400, "bad-json"),
    "a name twice": ({"data": b'{"reason":"a","reason":"b"}'}, 400, "bad-json"),
    "nested too deep": ({"data": b'{"a":' * 40 + b"1" + b"}" * 40}, 400, "bad-json"),
    "another media type": ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, "media-type"),
    "an encoding": ({"data": b"{}", "headers": {"Content-Encoding": "gzip"}}, 415, "media-type"),
    "too large": ({"data": io.BytesIO(bytes(BODY_MAX_BYTES + 1))}, 413, "too-large"),
    "a member too many": ({"data": b'{"reason":"x","Testova":1}'}, 422, "schema"),
    "nothing": ({}, 415, "media-type"),
}


@pytest.mark.parametrize("fault", BAD_BODIES)
async def test_a_bad_body_is_a_named_problem(api: Api, fault: str) -> None:
    """Nothing of the body comes back."""
    how, code_status, code = BAD_BODIES[fault]
    how = {**how, "headers": {"Content-Type": "application/json"} | how.get("headers", {})}
    if fault == "nothing":
        how = {}
    ref = await story.sent(api.network)
    status, problem = await api.call("protection", "POST", f"/v1/cases/{ref}/freeze", **how)
    assert (code_status, f"urn:isthmus:{code}") == (status, problem["type"])
    assert "Testova" not in json.dumps(problem)


@pytest.mark.parametrize(("end", "most"), [("freeze", BODY_MAX_BYTES), ("attachment", ATTACHMENT_MAX_BYTES)])
async def test_a_body_that_is_too_large_is_told_its_bound(api: Api, end: str, most: int) -> None:
    """One that brings a file may be larger than the others."""
    ref = (await api.post("first", "/v1/cases", story.draft()))[1]["ref"]
    headers = {"Content-Type": "application/json"}
    person = {"freeze": "protection", "attachment": "first"}[end]
    path = f"/v1/cases/{ref}/{end}"
    status, problem = await api.call(person, "POST", path, data=io.BytesIO(bytes(most + 1)), headers=headers)
    assert (413, f"Such a body has at most {most} bytes.") == (status, problem["detail"])


async def test_a_step_without_a_body_takes_none(api: Api) -> None:
    """An empty object is fine; anything in it is a mistake that is said."""
    ref = await story.cleared(api.network)
    assert 400 == (await api.post("first", f"/v1/cases/{ref}/send", {"to": "XCC"}))[0]
    assert 200 == (await api.post("first", f"/v1/cases/{ref}/send", {}))[0]


@pytest.mark.parametrize(
    "params",
    [{"limit": "0"}, {"limit": "501"}, {"limit": "ten"}, {"limit": "-1"}, {"after": "x"}, {"after": "2026-01-01~r"}],
)
async def test_a_page_that_is_none_is_refused(api: Api, params: dict[str, str]) -> None:
    """Limits and places have one form."""
    assert 400 == (await api.get("first", "/v1/cases", params=params))[0]
    assert 400 == (await api.get("first", "/v1/cases", params={"state": "ASLEEP"}))[0]


class BrokenInquiries:
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def find_case(self, ref: str) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable("the disk is full", "free some space"), 503, "later"),
        (Conflict("row"), 409, "conflict"),
        (RuntimeError("Testova"), 500, "fault"),
    ],
)
async def test_what_goes_wrong_behind_the_door_is_named(
    network: Network, serve: Callable[..., Any], error: Exception, status: int, code: str
) -> None:
    """A fault of ours is logged by its type; its text reaches neither the caller nor the log."""
    port = await serve(local_app(services(network, "XAA", inquiries=BrokenInquiries(error))))
    async with aiohttp.ClientSession() as session:
        api = Api(network, session, {"XAA": port})
        got, problem = await api.get("first", "/v1/cases/AAAAAAAAAAAAAAAAAAAAAA")
    assert (status, f"urn:isthmus:{code}") == (got, problem["type"])
    assert "Testova" not in json.dumps(problem) + repr(network.logs)
    assert (code == "fault") == (("gateway.fault", {"error": "RuntimeError"}) in network.logs)


async def test_evidence_is_served_for_a_justification(api: Api) -> None:
    """The zip verifies, the look is on record, and no board gets it."""
    ref = await story.sent(api.network)
    status, value = await api.get("first", f"/v1/cases/{ref}/evidence", params=WHY)
    assert (200, ref) == (status, value["ref"])
    assert verify_bytes(base64.b64decode(value["zip"])).verified
    assert ("first", "evidence", WHY["justification"]) in await _looks(api, ref)
    assert 403 == (await api.get("board", f"/v1/cases/{ref}/evidence", params=WHY))[0]


async def test_an_interview_goes_through_the_two_doors(api: Api) -> None:
    """Proposal, consent, approval, agreement and result; and a refusal where somebody else says no first."""
    ours, theirs = await story.acknowledged(api.network, method_limit="M2", no_contact_methods=False)
    asking, asked = f"/v1/cases/{ours}", f"/v1/cases/{theirs}"
    proposal = {"mode": "VIDEO", "place": "REMOTE", "present": ["LAWYER"], "questions": "IDENTITY_ONLY"}
    proposal |= {"from": "2026-12-07", "until": "2026-12-18"}
    moved = await api.post("first", f"{asked}/interview", proposal, at="XBB")
    assert (200, "NEEDS_INTERVIEW") == _state(moved)
    await api.network.deliver()
    consent = {"language": "ru", "by": "interpreter", "on": "2026-11-25", "copy_given": True, "revoked_on": None}
    body = {"present": ["LAWYER"], "on": "2026-12-10", "consent": consent}
    assert 200 == (await api.post("first", f"{asking}/interview-consent", body))[0]
    assert 200 == (await api.approve(ours, "interview.approval"))[0]
    assert (200, "ACKNOWLEDGED") == _state(await api.post("first", f"{asking}/interview-agreement"))
    await api.network.deliver()
    result = {"result": "HELD", "on": "2026-11-25", "outcome": "SUPPORTS", "present": ["LAWYER"]}
    assert 200 == (await api.post("first", f"{asked}/interview-result", result, at="XBB"))[0]
    await api.post("first", f"{asked}/interview", proposal, at="XBB")
    await api.network.deliver()
    assert (200, "ACKNOWLEDGED") == _state(await api.post("first", f"{asking}/interview-refusal"))


async def test_what_has_an_approval_of_its_own_is_not_approved_as_another_body(api: Api) -> None:
    """A rectification that is prepared where an interview waits is no acceptance, and is said to be none."""
    ours, theirs = await story.acknowledged(api.network, method_limit="M2", no_contact_methods=False)
    proposal = {"mode": "VIDEO", "place": "REMOTE", "present": ["LAWYER"], "questions": "IDENTITY_ONLY"}
    proposal |= {"from": "2026-12-07", "until": "2026-12-18"}
    await api.post("first", f"/v1/cases/{theirs}/interview", proposal, at="XBB")
    await api.network.deliver()
    right = {"parts": ["BIRTH_DATE"], "elements": {"birth_date": "1999-01-02"}}
    assert 200 == (await api.post("first", f"/v1/cases/{ours}/rectification", right))[0]
    status, said = await api.approve(ours, "rectification.approval")
    assert (403, True) == (status, "a step of its own" in said["detail"])


async def test_a_preview_is_of_what_is_prepared(api: Api) -> None:
    """A correction is shown as one, with its own bytes, and not as a request that names what was sent."""
    ours, _ = await story.replied(api.network)
    right = {"parts": ["BIRTH_DATE"], "elements": {"birth_date": "1999-01-02"}}
    _, made = await api.post("first", f"/v1/cases/{ours}/rectification", right)
    _, shown = await api.get("second", f"/v1/cases/{ours}/preview", params=WHY)
    assert ("rectification", made["prepared"]["digest"], []) == (shown["type"], shown["digest"], shown["lines"])


async def test_what_became_of_data_goes_through_the_two_doors(api: Api) -> None:
    """Use, onward transfer, correction, striking and destruction, each by its verb."""
    ours, theirs = await story.replied(api.network)
    asking, asked = f"/v1/cases/{ours}", f"/v1/cases/{theirs}"
    assert 200 == (await api.post("first", f"{asking}/use-question"))[0]
    onward = {"purpose": "TRAVEL_DOC", "recipient": "CONSULATE"}
    assert 200 == (await api.post("first", f"{asked}/onward-question", onward, at="XBB"))[0]
    right = {"parts": ["BIRTH_DATE"], "elements": {"birth_date": "1999-01-02"}}
    status, made = await api.post("first", f"{asking}/rectification", right)
    assert 200 == status
    thread = (await story.row(api.network, "XAA", ours)).thread
    digest = made["prepared"]["digest"]
    signed = api.network.approval(digest, thread, "second", "rectification.approval", "liaison_officer")
    assert 200 == (await api.post("second", f"{asking}/rectification-approval", {"statement": signed}))[0]
    assert 200 == (await api.post("first", f"{asking}/strike", {"parts": ["NAMES"]}))[0]
    assert 200 == (await api.post("first", f"{asking}/erasure-demand"))[0]
    await api.network.deliver()
    report = {"number": 1, "held": True, "restrictions_kept": True, "uses": []}
    assert 200 == (await api.post("first", f"{asked}/use-report", report, at="XBB"))[0]
    done = {"number": 1, "result": "DONE"}
    assert 200 == (await api.post("first", f"{asked}/confirmation", done, at="XBB"))[0]
    assert 200 == (await api.post("second", f"{asking}/onward-answer", {"number": 1, "until": None}))[0]
    await api.network.deliver()
    gone = await api.post("second", f"{asked}/destruction", {"number": 1}, at="XBB")
    assert (200, "ERASED") == _state(gone)


async def test_a_request_is_pointed_elsewhere(api: Api) -> None:
    """To an authority of the directory, and to no other."""
    _, theirs = await story.received(api.network)
    path = f"/v1/cases/{theirs}/redirect"
    unknown = {"authority": {"id": "XBB-ID-99"}, "reason": "OTHER_TASK"}
    assert 403 == (await api.post("first", path, unknown, at="XBB"))[0]
    known = {"authority": {"id": "XBB-ID-01"}, "reason": "OTHER_TASK"}
    assert (200, "REDIRECTED") == _state(await api.post("first", path, known, at="XBB"))


async def test_an_exercise_is_opened_apart(api: Api) -> None:
    """By a path of its own; the reference and the desk's view show it."""
    status, opened = await api.post("first", "/v1/exercises", story.draft())
    assert (201, "TST") == (status, opened["ref"][:3])
    _, shown = await api.get("first", f"/v1/cases/{opened['ref']}")
    assert shown["desk"]["exercise"] is True


async def test_a_step_is_taken_only_on_what_was_read(api: Api) -> None:
    """With the tag the case was read with, nothing is replaced or sent that was not seen; a stop looks at no tag."""
    ref = await story.cleared(api.network)
    path = f"/v1/cases/{ref}"
    old = {"If-Match": await api.tag("first", path)}
    await api.network.gateways["XAA"].clear.amend(ref, story.draft(method_limit="M0"), "second", "liaison_officer")
    status, problem = await api.post("first", f"{path}/amend", story.draft(), headers=old)
    assert (412, "urn:isthmus:changed") == (status, problem["type"])
    assert 412 == (await api.post("first", f"{path}/send", headers=old))[0]
    assert 400 == (await api.post("first", f"{path}/send", headers={"If-Match": "x"}))[0]
    now = {"If-Match": await api.tag("first", path)}
    assert (200, "DRAFT") == _state(await api.post("first", f"{path}/amend", story.draft(), headers=now))
    await api.approve(ref)
    sent = await api.post("first", f"{path}/send", headers={"If-Match": await api.tag("first", path)})
    assert (200, "SENT") == _state(sent)
    freeze = {"reason": "to look"}
    assert (200, "FROZEN") == _state(
        await api.post("first", f"{path}/freeze", freeze, role="case_officer", headers=old)
    )


async def test_what_is_prepared_is_replaced_only_as_it_was_read(api: Api) -> None:
    """With the tag the case was read with, an answer that a colleague prepared since stays."""
    _, theirs = await story.acknowledged(api.network)
    path = f"/v1/cases/{theirs}"
    old = {"If-Match": await api.tag("first", path, at="XBB")}
    prepared = await api.network.gateways["XBB"].answer.prepare(theirs, story.reply(), "second", "desk_head")
    status, _ = await api.post("first", f"{path}/reply", story.reply("NOT_FOUND"), at="XBB", headers=old)
    assert (412, prepared) == (status, (await story.case(api.network, "XBB", theirs)).pending)


@pytest.mark.parametrize("verb", ["reply", "interview-consent", "rectification", "proposal", "document", "acceptance"])
def test_a_step_that_prepares_what_somebody_typed_is_held_to_what_was_read(verb: str) -> None:
    """It takes the place of what a colleague may have prepared meanwhile."""
    (route,) = [one for one in openapi.ROUTES if one.name == verb]
    assert "if_match" in route.query


async def test_an_image_is_replaced_or_taken_out_only_as_it_was_read(api: Api) -> None:
    """With the tag the case was read with, an image that a colleague brought in since stays."""
    gateway = api.network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first")
    path = f"/v1/cases/{ref}"
    old = {"If-Match": await api.tag("first", path)}
    await gateway.clear.images.attach(ref, "photo", pictures.jpeg(), "second", "liaison_officer")
    body = {"element": "PHOTO", "content": b64.encode(pictures.with_notes())}
    assert 412 == (await api.post("first", f"{path}/attachment", body, headers=old))[0]
    assert 412 == (await api.post("first", f"{path}/attachment-removal", {"element": "PHOTO"}, headers=old))[0]
    now = {"If-Match": await api.tag("first", path)}
    status, _ = await api.post("first", f"{path}/attachment-removal", {"element": "PHOTO"}, headers=now)
    assert 200 == status


async def test_the_tag_of_a_case_tells_nothing_of_its_content(api: Api) -> None:
    """Two cases with the same content have different tags, so nobody can try what the content is."""
    clear = api.network.gateways["XAA"].clear
    refs = [await clear.new(story.draft(), "first") for _ in range(2)]
    assert 2 == len({await api.tag("first", f"/v1/cases/{ref}") for ref in refs})


async def test_that_another_case_of_the_person_is_stopped_is_content(api: Api) -> None:
    """Without a justification the finding says that something is to be decided; with one, why."""
    ours, _ = await homeward.departed(api.network)
    asylum = {"state": "requested", "attested_by": None, "attested_on": None, "basis": None}
    other = await api.network.gateways["XAA"].clear.new(story.draft(to="XCC", asylum=asylum), "first")
    _, case = await api.get("first", f"/v1/cases/{ours}")
    assert (True, False) == (person_stop.TO_DECIDE in case["desk"]["findings"], "stopped" in json.dumps(case["desk"]))
    _, case = await api.get("first", f"/v1/cases/{ours}", params=WHY)
    assert [f"{person_stop.BECAUSE}: {other}"] == case["content"]["held"]
