"""A person's word under one act: what an approval proves, and that nothing is signed without one."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import timedelta

import pyotp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.services.context import Forbidden
from gateway.web.signin.hand import (
    PROOF_LASTS,
    Act,
    Hand,
    Proof,
    approve_challenge,
    challenge_bytes,
    key_name,
    verify_approval,
)
from gateway.web.signin.passkeys import Passkeys
from gateway.web.signin.refused import Refused
from keys import b64, statement
from keys.custody import open_store
from schemas import ijson
from tests.web.signin.support import KEYS, PERSONS, T0, Authenticator, House, enrolled

ACT = Act("ref1", "request.approval", "desk_head", b64.encode(bytes(16)), b64.encode(bytes(range(32))))


def hand(**seeds: bytes) -> Hand:
    """Return a hand that holds keys by person."""
    kept = {key_name(name): b64.encode(seed) for name, seed in seeds.items()}
    return Hand(open_store("env:KEYS", environ={"KEYS": b64.encode(ijson.dumps(kept))}), PERSONS)


async def approved(house: House, device: Authenticator, act: Act = ACT) -> Proof:
    """Return the proof that the head approved ``act`` with a passkey."""
    session = await house.session("head", "passkey")
    question = await approve_challenge(house.accounts, house.passkeys, session, act, house.now)
    form = {"credential": device.get(question.options)}
    return await verify_approval(house.accounts, house.passkeys, session, act, form, house.now)


async def sign(proof: Proof, act: Act = ACT, person: str = "head", **late: float) -> str:
    """Sign as the page would."""
    return await hand(head=KEYS["head"].seed, officer=KEYS["officer"].seed).sign(
        proof,
        person=person,
        kind=act.kind,
        role=act.role,
        thread=act.thread,
        digest=act.digest,
        now=T0 + timedelta(**late),
    )


async def test_statement_is_signed_by_the_persons_own_key(house: House) -> None:
    """What comes out is a statement as the protocol knows it, and verifies under the key of the configuration."""
    raw = (await sign(await approved(house, await enrolled(house, "head")))).encode()
    found = statement.verify(
        raw,
        thread=ACT.thread,
        kind=ACT.kind,
        role=ACT.role,
        digest=ACT.digest,
        key=PERSONS["head"].key,
        now=T0,
    )
    assert T0 + timedelta(days=1) == found.valid_until


async def test_approval_proves_which_bytes_were_approved(house: House) -> None:
    """From what is kept anyone can reckon the challenge again and verify the signature over it (ASVS 7.5.3)."""
    device = await enrolled(house, "head")
    await approved(house, device)
    (kept,) = await house.accounts.papers.approvals("ref1")
    act = Act(kept.ref, kept.kind, kept.role, kept.thread, kept.digest)
    expected = challenge_bytes(kept.session, act, b64.decode(kept.salt))
    assert (ACT, b64.encode(expected)) == (act, json.loads(kept.client_data)["challenge"])
    assert ("passkey", b64.encode(device.id)) == (kept.how, kept.credential)
    signed = kept.authenticator_data + hashlib.sha256(kept.client_data).digest()
    device.key.public_key().verify(kept.signature, signed, ec.ECDSA(hashes.SHA256()))


def others() -> Iterator[tuple[str, Act]]:
    """Yield the act with one part changed, each."""
    for part in fields(Act):
        yield part.name, replace(ACT, **{part.name: "another"})


@pytest.mark.parametrize(("part", "other"), list(others()), ids=[name for name, _ in others()])
async def test_answer_for_one_act_is_none_for_another(house: House, part: str, other: Act) -> None:
    """A page that shows other bytes now than it did takes no answer from before (ASVS 7.5.3)."""
    device = await enrolled(house, "head")
    session = await house.session("head", "passkey")
    question = await approve_challenge(house.accounts, house.passkeys, session, ACT, T0)
    form = {"credential": device.get(question.options)}
    with pytest.raises(Refused, match="another-act"):
        await verify_approval(house.accounts, house.passkeys, session, other, form, T0)
    assert [] == [*await house.accounts.papers.approvals("ref1"), *await house.accounts.papers.approvals("another")]


async def test_no_answer_can_be_given_before_it_is_asked_for(house: House) -> None:
    """The same act asked for twice in a session is asked with another challenge, which nobody can reckon ahead."""
    await with_codes(house)
    session = await house.session("head", "code")
    asked = [await approve_challenge(house.accounts, house.passkeys, session, ACT, T0) for _ in range(2)]
    assert 2 == len({question.approval for question in asked})


async def test_answer_is_of_one_session(house: House) -> None:
    """An answer given in one session approves nothing in another of the same person."""
    device = await enrolled(house, "head")
    session, other = await house.session("head", "passkey"), await house.session("head", "passkey")
    question = await approve_challenge(house.accounts, house.passkeys, session, ACT, T0)
    form = {"credential": device.get(question.options)}
    with pytest.raises(Refused, match="challenge"):
        await verify_approval(house.accounts, house.passkeys, other, ACT, form, T0)


async def test_answer_to_another_question_approves_nothing(house: House) -> None:
    """Proving presence for the session is no approval: that is asked with a challenge of its own."""
    device = await enrolled(house, "head")
    session = await house.session("head", "passkey")
    options = await house.passkeys.options("fresh", session.id, T0, person="head")
    form = {"credential": device.get(options)}
    with pytest.raises(Refused, match="challenge"):
        await verify_approval(house.accounts, house.passkeys, session, ACT, form, T0)


async def test_passkey_of_another_person_approves_nothing(house: House) -> None:
    """Two persons decide with two keys."""
    await enrolled(house, "head")
    other = await enrolled(house, "officer")
    session = await house.session("head", "passkey")
    question = await approve_challenge(house.accounts, house.passkeys, session, ACT, T0)
    form = {"credential": other.get(question.options)}
    with pytest.raises(Refused, match="credential"):
        await verify_approval(house.accounts, house.passkeys, session, ACT, form, T0)


async def test_passkey_of_another_desk_approves_nothing(house: House) -> None:
    """The relying party is the host name of the desk."""
    device = await enrolled(house, "head")
    session = await house.session("head", "passkey")
    board = Passkeys(house.accounts, "https://board.example", "board")
    question = await approve_challenge(house.accounts, board, session, ACT, T0)
    form = {"credential": device.get(question.options)}
    with pytest.raises(Refused, match="assertion"):
        await verify_approval(house.accounts, board, session, ACT, form, T0)


async def with_codes(house: House) -> pyotp.TOTP:
    """Give the head codes; the one of now is used."""
    secret = house.accounts.new_secret()
    totp = pyotp.TOTP(secret)
    assert await house.accounts.add_code("head", secret, totp.at(house.now), "interior", house.now)
    return totp


async def test_code_approves_where_there_is_no_passkey(house: House) -> None:
    """The approval says that it was a code, which proves presence and not which bytes."""
    totp = await with_codes(house)
    session = await house.session("head", "code")
    now = house.later(minutes=1)
    question = await approve_challenge(house.accounts, house.passkeys, session, ACT, now)
    form = {"approval": question.approval, "code": totp.at(now)}
    proof = await verify_approval(house.accounts, house.passkeys, session, ACT, form, now)
    (kept,) = await house.accounts.papers.approvals("ref1")
    assert ("", "code", b"", "code") == (question.options, kept.how, kept.signature, proof.how)
    assert await sign(proof, minutes=1)


@pytest.mark.parametrize("fault", ["wrong code", "code used", "another act", "challenge used"])
async def test_code_with_a_fault_approves_nothing(house: House, fault: str) -> None:
    """A code is as strict as a passkey about the act, and good once (ASVS 6.5.1)."""
    totp = await with_codes(house)
    session = await house.session("head", "code")
    now = house.later(minutes=1)
    question = await approve_challenge(house.accounts, house.passkeys, session, ACT, now)
    form: Mapping[str, str] = {"approval": question.approval, "code": totp.at(now)}
    act = replace(ACT, digest="another") if fault == "another act" else ACT
    if fault == "wrong code":
        form = {**form, "code": "000000"}
    elif fault == "code used":
        await house.accounts.check_code("head", totp.at(now), now)
    elif fault == "challenge used":
        await house.accounts.take_challenge(question.approval, "approve", session.id, now)
    with pytest.raises(Refused):
        await verify_approval(house.accounts, house.passkeys, session, act, form, now)
    assert [] == await house.accounts.papers.approvals("ref1")


async def test_code_approves_nothing_where_there_is_a_passkey(house: House) -> None:
    """Whoever has the stronger means is not let down to the weaker one (ASVS 6.3.4)."""
    totp = await with_codes(house)
    await enrolled(house, "head")
    session = await house.session("head", "code")
    now = house.later(minutes=1)
    question = await approve_challenge(house.accounts, house.passkeys, session, ACT, now)
    form = {"approval": question.approval, "code": totp.at(now)}
    with pytest.raises(Refused, match="challenge"):
        await verify_approval(house.accounts, house.passkeys, session, ACT, form, now)


async def test_whoever_has_no_means_approves_nothing(house: House) -> None:
    """Sign-on elsewhere opens pages; an act needs a means of one's own (ASVS 6.8.4)."""
    session = await house.session("head", "openid")
    with pytest.raises(Forbidden, match="passkey or codes"):
        await approve_challenge(house.accounts, house.passkeys, session, ACT, T0)


def test_nobody_else_makes_a_proof() -> None:
    """A proof comes from a verified answer and from nowhere else."""
    with pytest.raises(TypeError):
        Proof(object(), "head", ACT, "passkey", T0)


async def test_proof_signs_once(house: House) -> None:
    """One answer, one signature."""
    proof = await approved(house, await enrolled(house, "head"))
    await sign(proof)
    with pytest.raises(Forbidden, match="used"):
        await sign(proof)


async def test_proof_grows_stale(house: House) -> None:
    """After two minutes nothing is signed by it, nor before it was given."""
    device = await enrolled(house, "head")
    for late in (PROOF_LASTS.total_seconds(), -1):
        with pytest.raises(Forbidden, match="fresh"):
            await sign(await approved(house, device), seconds=late)


@pytest.mark.parametrize("part", ["kind", "role", "thread", "digest"])
async def test_proof_signs_its_own_act_alone(house: House, part: str) -> None:
    """With another digest, or anything else, nothing is signed."""
    proof = await approved(house, await enrolled(house, "head"))
    with pytest.raises(Forbidden, match="another act"):
        await sign(proof, replace(ACT, **{part: "another"}))


async def test_proof_signs_for_its_own_person_alone(house: House) -> None:
    """The key of another is not used."""
    proof = await approved(house, await enrolled(house, "head"))
    with pytest.raises(Forbidden, match="another act"):
        await sign(proof, person="officer")


@pytest.mark.parametrize("held", [{}, {"head": KEYS["officer"].seed}], ids=["no key", "another key"])
async def test_only_the_key_of_the_configuration_signs(house: House, held: dict[str, bytes]) -> None:
    """A key that was put into the store under the name signs nothing."""
    proof = await approved(house, await enrolled(house, "head"))
    with pytest.raises(Forbidden, match="key"):
        await hand(**held).sign(
            proof, person="head", kind=ACT.kind, role=ACT.role, thread=ACT.thread, digest=ACT.digest, now=T0
        )
