"""Guests before the services: one case, one role, while the invitation stands, and no step that lets anything pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from gateway import serving
from gateway.core.case import Side, State
from gateway.core.machine import RuleRefused
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS
from gateway.core.verification import CLERK, OFFICER
from gateway.desks import Desks, open_desks
from gateway.services import act_bodies, directory, rights
from gateway.services.account_store import Invitation
from gateway.services.accounts import Accounts
from gateway.services.act_bodies import TAKES
from gateway.services.acts import VERBS, Call
from gateway.services.context import Context, Forbidden, NotFound, acting
from gateway.services.guests import EVENTS, is_guest
from gateway.services.invitations import GUEST_VERBS, INVITABLE, invitable
from gateway.services.reading import SIGNED
from gateway.services.retain import erase_in
from keys import b64
from schemas import codes
from tests.support import homeward, pictures, story
from tests.support.network import make_network
from tests.support.rows import for_each
from tests.web.interior.case_support import read, recorded
from tests.web.support import Desk

NOBODY_ALONE = frozenset({"two_persons", "second_person", "same_bytes", "released", "countersigned"})
"""Guards of steps that take two persons."""

ATTESTED = {"state": "none", "attested_by": "guest", "attested_on": "2026-11-24", "basis": "interview"}

CONSENT = {"language": "ru", "by": "interpreter", "on": "2026-11-24", "copy_given": True, "revoked_on": None}
SIGNATURE = {"statement": "a.b.c"}

BODIES: Mapping[str, Mapping[str, Any]] = {
    "amend": story.draft(),
    "attachment": {"element": "PHOTO", "content": b64.encode(pictures.with_notes())},
    "attachment-removal": {"element": "PHOTO"},
    "remark": {"remark": {"language": "en", "text": "Thank you."}},
    "remark-confirmation": {"digest": b64.encode(bytes(32))},
    "contest": {"ground": "NEW_ELEMENT"},
    "freeze": {"reason": "asked to"},
    "apart": {"why": "asked to"},
    "correction": {"elements": story.draft()["elements"], "why": "asked to"},
    "attestation": {"protection": ATTESTED, "why": "asked to"},
    "restatement": {"age": story.ADULT["age"], "representative": None, "why": "asked to"},
    "question": {"elements": ["BIRTH_PLACE"], "candidates": 2},
    "delay": {"reason": "ARCHIVE_SEARCH", "eta": "2026-12-20"},
    "extension": {"reason": "ARCHIVE_SEARCH"},
    "reply": story.reply(),
    "redirect": {"authority": {"id": "XBB-ID-01"}, "reason": "OTHER_TASK"},
    "interview": {
        "mode": "IN_PERSON",
        "place": "CONSULATE",
        "present": ["CONSULAR_OFFICER"],
        "questions": "IDENTITY_AND_RESIDENCE",
        "from": "2026-12-07",
        "until": "2026-12-18",
    },
    "interview-consent": {"present": ["LAWYER"], "on": "2026-12-10", "consent": CONSENT},
    "interview-result": {"result": "HELD", "on": "2026-12-10", "outcome": "SUPPORTS", "present": ["INTERPRETER"]},
    "use-report": {"number": 1, "held": True, "restrictions_kept": True, "uses": []},
    "onward-question": {"purpose": "NATIONALITY", "recipient": "REGISTRY"},
    "onward-answer": {"number": 1, "until": None},
    "strike": {"parts": ["NAMES"]},
    "rectification": {"parts": ["NAMES"], "elements": story.draft()["elements"]},
    "confirmation": {"number": 1, "result": "DONE"},
    "destruction": {"number": 1},
    "consideration": homeward.record(),
    "record": homeward.record(),
    "proposal": homeward.PLAN,
    "document": {"needed_by": "2026-12-10"},
    "schedule": homeward.JOURNEY,
    "departure": {"arrives_at": None},
    "protocol": {"protocol": homeward.PROTOCOL},
    "handover": {"protocol": homeward.PROTOCOL, **SIGNATURE},
    "send-back": {"reason": "FACTS_WRONG", **SIGNATURE},
    "recall": {"reason": "asked to", "code": "UNSAFE", "by": "2026-12-30"},
    "suspension": {"reason": "asked to"},
    "acceptance": homeward.ANSWER,
    "refusal": {"reason": "DUPLICATE"},
    "issue": homeward.DOCUMENT,
    "reissue": homeward.DOCUMENT,
    "report": {"status": "SEEN_SAFE", "on": "2026-11-25", "final": False},
    **{verb: SIGNATURE for verb, schema in TAKES.items() if schema == "Signed"},
}
"""A body for each verb that takes one, as its schema wants it."""


async def invited(desk: Desk, ref: str, role: str, *, days: int = 20, person: str | None = None) -> Invitation:
    """Return an invitation that was made a moment ago."""
    now = desk.network.clock.now()
    return await desk.site.accounts.invite(ref, role, "first", now, now + timedelta(days=days), person=person)


async def tries(desk: Desk, verb: str, person: str, role: str, ref: str) -> Exception | None:
    """Take a step as the pages do, and return what it was refused with."""
    try:
        await VERBS[verb].act(desk.site.desk, Call(person, role, ref, BODIES.get(verb, {})))
    except Exception as error:
        return error
    return None


# One case.


@pytest.mark.parametrize("side", list(Side))
async def test_no_step_of_a_guest_reaches_another_case(both: tuple[Desk, Desk], side: Side) -> None:
    """Every verb in every invited role, in a state that allows it: refused, and nothing of the other case changes."""
    desk = both[0] if side is Side.REQUESTING else both[1]
    mine, other = await homeward.proposed(desk.network), await homeward.proposed(desk.network)
    own, ref = (one[0] if side is Side.REQUESTING else one[1] for one in (mine, other))
    guests = {role: (await invited(desk, own, role)).person for role in invitable(side)}
    rows = REQUESTING_ROWS if side is Side.REQUESTING else REQUESTED_ROWS
    for name, verb in VERBS.items():
        states = {row.source for row in rows if row.event in verb.events}
        for state in sorted(states - {State.ERASED})[:2]:
            await story.put(desk.network, desk.country, ref, state)
            before = await story.row(desk.network, desk.country, ref), await recorded(desk.network, desk.country, ref)
            for role, person in guests.items():
                error = await tries(desk, name, person, role, ref)
                assert isinstance(error, Forbidden), (name, role, error)
            after = await story.row(desk.network, desk.country, ref), await recorded(desk.network, desk.country, ref)
            assert before == after, name


@pytest.mark.parametrize("side", list(Side))
async def test_a_guest_takes_no_step_in_the_own_case_that_is_not_for_guests(
    both: tuple[Desk, Desk], side: Side
) -> None:
    """Whatever needs a key, a second person or an attestation is refused also where the tables give it to the role."""
    desk = both[0] if side is Side.REQUESTING else both[1]
    ours, theirs = await homeward.proposed(desk.network)
    ref = ours if side is Side.REQUESTING else theirs
    guests = {role: (await invited(desk, ref, role)).person for role in invitable(side)}
    rows = REQUESTING_ROWS if side is Side.REQUESTING else REQUESTED_ROWS
    tried = 0
    for name in sorted(name for name, verb in VERBS.items() if name not in GUEST_VERBS and side in verb.sides):
        for role, person in guests.items():
            states = {row.source for row in rows if row.event in VERBS[name].events and role in row.who}
            for state in sorted(states - {State.ERASED})[:1]:
                await story.put(desk.network, desk.country, ref, state)
                before = await story.row(desk.network, desk.country, ref)
                error = await tries(desk, name, person, role, ref)
                assert isinstance(error, Forbidden | RuleRefused), (name, role, error)
                assert before == await story.row(desk.network, desk.country, ref), (name, role)
                tried += 1
    assert tried > 3


async def test_a_guest_acts_in_the_role_of_the_invitation_alone(both: tuple[Desk, Desk]) -> None:
    """The same guest in the own case and another role is nobody; in the own role the step is taken."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    one = await invited(desk, ref, "lawyer")
    for role in ("case_officer", "guardian", "court", "gateway", "stop", ""):
        with pytest.raises(Forbidden):
            await desk.gateway.hold.freeze(ref, "no", one.person, role)
    await desk.gateway.hold.freeze(ref, "asked to", one.person, "lawyer")
    assert State.FROZEN is (await read(desk.network, "XAA", ref)).state


async def test_a_person_nobody_invited_is_no_guest_by_the_look_of_the_id(both: tuple[Desk, Desk]) -> None:
    """An id that looks like a guest's opens nothing, nor does one of the configuration that is gone from it."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    one = await invited(desk, ref, "lawyer", person="lawyer")
    context = desk.gateway.context
    context.persons = {id: found for id, found in context.persons.items() if id != "lawyer"}
    for person in ("guest.", "guest.x", f"guest.{one.id}", "lawyer"):
        with pytest.raises(Forbidden):
            await desk.gateway.hold.freeze(ref, "no", person, "lawyer")


# No longer than it stands.


async def test_an_invitation_that_is_over_or_revoked_opens_nothing(both: tuple[Desk, Desk]) -> None:
    """To the minute of its end, and from the moment it was taken back."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    first, second = await invited(desk, ref, "lawyer", days=1), await invited(desk, ref, "lawyer")
    hold, now = desk.gateway.hold, desk.network.clock.now()
    assert await desk.site.accounts.revoke(second.id, ref, now)
    with pytest.raises(Forbidden):
        await hold.freeze(ref, "no", second.person, "lawyer")
    desk.network.clock.instant = first.until
    with pytest.raises(Forbidden):
        await hold.freeze(ref, "no", first.person, "lawyer")
    desk.network.clock.instant = first.until - timedelta(seconds=1)
    await hold.freeze(ref, "asked to", first.person, "lawyer")


async def test_a_gateway_that_starts_again_knows_its_guests_and_no_others(both: tuple[Desk, Desk]) -> None:
    """What stands is loaded; what was revoked or is over is not, also if another process did it."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    stands, gone, over = [await invited(desk, ref, "lawyer", days=days) for days in (9, 9, 1)]
    desk.network.clock.pass_(days=2)
    now, accounts = desk.network.clock.now(), desk.site.accounts
    elsewhere = Accounts(accounts.store, accounts.persons, accounts.vault, accounts.random)
    assert not elsewhere.guests.invited(stands.person, "lawyer", ref, now)
    assert await elsewhere.revoke(gone.id, ref, now)
    await accounts.load_guests(now)
    held = [accounts.guests.invited(one.person, "lawyer", ref, now) for one in (stands, gone, over)]
    assert [True, False, False] == held


async def test_each_process_looks_every_few_seconds_who_is_invited(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lawyer with means of their own, whose invitation another process took back, reads on here until then."""
    looks = dict[str, float]()

    async def every(self: Context, seconds: float, work: Callable[..., Any]) -> None:
        looks[work.__name__] = seconds

    monkeypatch.setattr(Context, "every", every)
    await Desks(both[0].site, cast("Any", None), web.Application(), {}).run()
    assert 5 >= looks["load_guests"]


async def test_an_invitation_that_is_revoked_while_all_are_read_stays_so(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read a moment before brings nobody back; the next look is as good as ever."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    made, now, accounts = await invited(desk, ref, "lawyer"), desk.network.clock.now(), desk.site.accounts
    read = accounts.store.standing_invitations

    async def late(at: datetime) -> Sequence[Invitation]:
        found = await read(at)
        assert await accounts.revoke(made.id, ref, now)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(accounts.store, "standing_invitations", late)
        await accounts.load_guests(now)
    assert not accounts.guests.invited(made.person, "lawyer", ref, now)
    await accounts.load_guests(now)
    assert not accounts.guests.invited(made.person, "lawyer", ref, now)


async def test_the_desks_of_a_gateway_know_the_guests_of_their_file(tmp_path: Path) -> None:
    """As they are put together: an invitation counts for the services at once, and after the desks were opened anew."""
    network = await make_network(tmp_path)
    try:
        gateway = network.gateways["XAA"]
        origins = {name: f"http://{name}.localhost:8080" for name in ("interior", "board", "operator")}
        values = {**gateway.settings.values, "desks": {"origins": origins, "name": {"en": "XAA"}}}
        settings, services = replace(gateway.settings, values=values), serving.desk_services(gateway)
        ref, now = await story.sent(network), network.clock.now()
        desks = await open_desks(settings, services, gateway.keys, {}, {})
        one = await desks.site.accounts.invite(ref, "lawyer", "first", now, now + timedelta(days=3))
        await gateway.hold.freeze(ref, "asked to", one.person, "lawyer")
        await desks.close()
        gateway.context.guests.load(())
        with pytest.raises(Forbidden):
            await gateway.hold.freeze(ref, "once more", one.person, "lawyer")
        again = await open_desks(settings, services, gateway.keys, {}, {})
        await gateway.hold.freeze(ref, "once more", one.person, "lawyer")
        await again.close()
    finally:
        await network.close()


async def test_a_session_tells_the_services_of_an_invitation_made_elsewhere(both: tuple[Desk, Desk]) -> None:
    """Another process invited; whoever comes by that invitation may act here at once."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    accounts, now = desk.site.accounts, desk.network.clock.now()
    elsewhere = Accounts(accounts.store, accounts.persons, accounts.vault, accounts.random)
    one = await elsewhere.invite(ref, "lawyer", "first", now, now + timedelta(days=3))
    with pytest.raises(Forbidden):
        await desk.gateway.hold.freeze(ref, "not yet", one.person, "lawyer")
    guest = await desk.officer(one.person, level="link", invitation=one)
    await guest.get("/invited")
    await desk.gateway.hold.freeze(ref, "asked to", one.person, "lawyer")


async def test_a_guest_of_an_erased_case_reaches_nothing(both: tuple[Desk, Desk]) -> None:
    """The case is gone with its key, whatever the invitation says."""
    desk, _ = both
    ref, _ = await story.replied(desk.network)
    one = await invited(desk, ref, "guardian")
    context = desk.gateway.context
    await context.commit(lambda tx: erase_in(context, tx, ref, context.clock.now()))
    with pytest.raises(NotFound):
        await desk.gateway.hold.freeze(ref, "no", one.person, "guardian")
    with pytest.raises(NotFound):
        await rights.account(context, ref, one.person, "guardian", "no")


# No way round.


async def test_what_names_no_case_takes_no_guest(both: tuple[Desk, Desk]) -> None:
    """The directory, other cases of the person, the list of States: a guest is no person of this gateway there."""
    desk = both[1]
    _, theirs = await story.received(desk.network)
    one = await invited(desk, theirs, "registry_clerk")
    gateway, now = desk.gateway, desk.network.clock.now()
    with pytest.raises(Forbidden):
        acting(gateway.context, one.person, "registry_clerk", now)
    with pytest.raises(Forbidden):
        await gateway.notices.recipients(theirs, one.person, "registry_clerk", "to correct it")
    with pytest.raises(Forbidden):
        await gateway.directory.announce({}, one.person, "registry_clerk")
    with pytest.raises(Forbidden):
        await desk.site.desk.evidence(theirs, one.person, "registry_clerk", "why")
    with pytest.raises(Forbidden):
        await gateway.hold.tell_apart(theirs, "why", one.person, "asylum_authority")


async def test_no_case_is_given_to_a_guest(both: tuple[Desk, Desk]) -> None:
    """A received case goes to a person of the configuration, and no draft names a guest as its officer."""
    desk = both[1]
    _, theirs = await story.received(desk.network)
    one = await invited(desk, theirs, "registry_clerk")
    context, now = desk.gateway.context, desk.network.clock.now()
    assert one.person not in context.persons
    assert directory.assigned(context, CLERK, now) in ("first", "second")
    with pytest.raises(Forbidden):
        directory.named(context, one.person, OFFICER | CLERK, now)
    assert directory.in_charge(context, one.person, now) is None


async def test_a_guest_signs_in_by_the_invitation_or_not_at_all(both: tuple[Desk, Desk]) -> None:
    """No session of a guest is without its invitation, at any desk, nor with another's."""
    desk, _ = both
    ref = await story.sent(desk.network)
    one, other = await invited(desk, ref, "lawyer"), await invited(desk, ref, "lawyer")
    accounts, now = desk.site.accounts, desk.network.clock.now()
    for at, invitation in (("interior", None), ("board", one), ("interior", other), ("operator", None)):
        with pytest.raises(Forbidden):
            await accounts.begin(one.person, at, "passkey", now, invitation=invitation)


async def test_a_guest_lifts_no_protection(both: tuple[Desk, Desk]) -> None:
    """Also as the authority that attests, a guest makes no 'none' of anything, by a stop or by an attestation."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    one = await invited(desk, ref, "asylum_authority")
    hold = desk.gateway.hold
    with pytest.raises(Forbidden, match="only the asylum authority attests"):
        await hold.freeze(ref, "no", one.person, "asylum_authority", ATTESTED)
    await hold.freeze(ref, "asked to", one.person, "asylum_authority", {**ATTESTED, "state": "indicated"})
    assert "indicated" == (await read(desk.network, "XAA", ref)).draft["asylum"]["state"]
    with pytest.raises(Forbidden):
        await hold.attest(ref, ATTESTED, "why", one.person, "asylum_authority")
    await hold.attest(ref, ATTESTED, "why", "protection", "asylum_authority")  # who is of the configuration may


async def test_a_guest_is_no_second_person(both: tuple[Desk, Desk]) -> None:
    """An officer who invited somebody, or holds the link, resumes nothing with the help of it."""
    desk = both[1]
    _, theirs = await story.received(desk.network)
    one = await invited(desk, theirs, "registry_clerk")
    hold = desk.gateway.hold
    await hold.freeze(theirs, "stop", "first", "registry_clerk")
    await hold.release(theirs, "first", "registry_clerk")
    with pytest.raises(Forbidden):
        await hold.resume(theirs, one.person, "registry_clerk")
    await hold.resume(theirs, "first", "registry_clerk")
    with pytest.raises(Forbidden):
        await hold.resume(theirs, one.person, "registry_clerk")
    assert State.FROZEN is (await read(desk.network, desk.country, theirs)).state


async def test_an_account_is_for_who_was_invited_to_this_case(both: tuple[Desk, Desk]) -> None:
    """A guardian or lawyer whom no file names gets it by the invitation, a guest or not, and of no other case."""
    desk, _ = both
    (ref, _), (other, _) = await story.replied(desk.network), await story.replied(desk.network)
    context = desk.gateway.context
    guest = await invited(desk, ref, "guardian")
    await invited(desk, ref, "lawyer", person="lawyer")
    for person, role in ((guest.person, "guardian"), ("lawyer", "lawyer")):
        made = await rights.account(context, ref, person, role, "asked to")
        assert (ref, 1) == (made.ref, len(made.sent))
        with pytest.raises((Forbidden, NotFound)):
            await rights.account(context, other, person, role, "asked to")
    with pytest.raises(NotFound):
        await rights.account(context, ref, "guardian", "guardian", "not invited")
    for role in ("dpo", "case_officer", "lawyer"):
        with pytest.raises(Forbidden):
            await rights.account(context, ref, guest.person, role, "another role")


async def test_an_account_that_is_restricted_stays_so_for_a_guest(both: tuple[Desk, Desk]) -> None:
    """An invitation opens no restriction."""
    desk, _ = both
    ref, _ = await story.replied(desk.network)
    context = desk.gateway.context
    await rights.restrict(context, ref, next(iter(codes("restriction_ground"))), date(2026, 12, 20), "dpo")
    one = await invited(desk, ref, "guardian")
    with pytest.raises(RuleRefused):
        await rights.account(context, ref, one.person, "guardian", "asked to")


async def test_a_guest_lets_nobody_depart(both: tuple[Desk, Desk]) -> None:
    """Everything stands on the day, and still a guest starts no journey: nobody can freeze after it."""
    desk, _ = both
    ours, _ = await homeward.on_the_day(desk.network)
    one = await invited(desk, ours, "escort")
    with pytest.raises(Forbidden, match="a guest does not take this step"):
        await desk.gateway.returning.depart(ours, one.person, "escort")
    assert State.SCHEDULED is (await read(desk.network, "XAA", ours)).state
    await desk.gateway.returning.depart(ours, "escort")


async def test_a_guest_makes_no_decision_final(both: tuple[Desk, Desk]) -> None:
    """Also as the court, with the decision on record and the remedies over: a court that decides is configured."""
    desk, _ = both
    ours, _ = await homeward.accepted(desk.network)
    returning = desk.gateway.returning
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    one = await invited(desk, ours, "court")
    with pytest.raises(Forbidden, match="a guest does not take this step"):
        await returning.decide(ours, one.person, "court")
    await returning.decide(ours, "court", "court")


async def test_a_guest_does_what_the_role_alone_knows(both: tuple[Desk, Desk]) -> None:
    """An issuer of documents who is a guest says that the document is there; the other State learns it as from any."""
    asking, asked = both
    ours, theirs = await homeward.accepted(asking.network)
    returning = asking.gateway.returning
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, "coordinator", "coordinator")
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(asking.network, ours, pending, "travel.approval")
    await returning.request_document(ours, "first", "case_officer")
    await asking.network.deliver()
    one = await invited(asked, theirs, "document_issuer")
    await asked.gateway.returning.issue(theirs, homeward.DOCUMENT, one.person)
    await asking.network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(asking.network, ours, theirs)


async def test_a_signature_in_the_name_of_a_guest_is_none(both: tuple[Desk, Desk]) -> None:
    """A statement needs a key, and a guest has none: the two hands of a handover are persons of the configuration."""
    desk, _ = both
    ours, _ = await homeward.departed(desk.network)
    one = await invited(desk, ours, "escort")
    returning = desk.gateway.returning
    seen = await returning.protocol(ours, homeward.PROTOCOL, "escort", "escort")
    signed = desk.network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort")
    with pytest.raises(Forbidden):
        await returning.hand_over(ours, homeward.PROTOCOL, signed, one.person)
    assert State.DEPARTED is (await read(desk.network, "XAA", ours)).state


# What stands in the list of events.


def test_a_guest_brings_nothing_that_two_persons_or_a_signature_stand_for() -> None:
    """No event of the list needs a statement or two persons in any row that gives it to a role of an invitation."""
    for rows, desk in ((REQUESTING_ROWS, OFFICER), (REQUESTED_ROWS, CLERK)):
        for row in rows:
            if row.event not in EVENTS or not row.who & frozenset(INVITABLE):
                continue
            assert row.evidence not in SIGNED, row
            assert not NOBODY_ALONE & frozenset(row.guards), row
            alone = row.who & desk
            stops = {"decline", "freeze", "suspend", "recall"}
            tells = {"issue", "reissue_document", "report", "report_safe", "report_concern", "report_lost"}
            assert alone or row.event in stops | tells, row


def test_every_event_of_the_list_is_one_of_the_tables() -> None:
    """Nothing in it is a word that no row knows; and the steps of guests take no statement."""
    known = {row.event for row in (*REQUESTING_ROWS, *REQUESTED_ROWS) if row.who & frozenset(INVITABLE)}
    assert EVENTS <= known
    assert not {verb for verb in GUEST_VERBS if TAKES.get(verb) in ("Signed", "HandedOver")}
    assert not {"apart", "attestation", "release", "resume", "decision", "departure", "reply", "answer"} & GUEST_VERBS


@for_each("verb", sorted(BODIES))
def test_the_bodies_of_these_tests_fit(verb: str) -> None:
    """What is refused above is refused to a guest, and not for what it says."""
    act_bodies.validate(TAKES[verb], BODIES[verb])


def test_ids_of_guests_are_told_by_their_beginning() -> None:
    """The id of a person, a State or the gateway is none."""
    assert is_guest("guest.W5bicH6B2SltqQY")
    assert not any(map(is_guest, ("first", "guest", "XBB", "gateway", "person", "")))
