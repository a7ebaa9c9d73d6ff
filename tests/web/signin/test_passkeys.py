"""Passkeys against an authenticator made of software: what holds, and every way in which one does not."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.services.account_store import CHALLENGE_LASTS
from gateway.services.ports import Conflict
from gateway.web.signin.passkeys import CREDENTIAL_MAX_CHARS
from gateway.web.signin.refused import Refused
from keys import b64
from tests.web.signin.support import T0, UP, Authenticator, House, enrolled


async def sign_in(house: House, device: Authenticator, **now: float) -> str:
    """Return whose session the passkey opens."""
    options = await house.passkeys.options("sign-in", "browser", house.now)
    return (await house.passkeys.verify("sign-in", "browser", device.get(options), house.later(**now))).passkey.person


async def refused(house: House, device: Authenticator) -> str:
    """Return why the passkey opens no session."""
    with pytest.raises(Refused) as caught:
        await sign_in(house, device)
    return caught.value.code


async def test_passkey_signs_in_without_a_name(house: House) -> None:
    """The authenticator says whose it is (ASVS 6.3.3)."""
    device = await enrolled(house)
    assert ["officer"] * 2 == [await sign_in(house, device) for _ in range(2)]
    assert 2 == (await house.accounts.passkeys("officer"))[0].count


async def test_options_name_nobody(house: House) -> None:
    """Before signing in nothing of any person is shown, whether there are any or not (ASVS 6.3.8)."""
    before = json.loads(await house.passkeys.options("sign-in", "browser", T0))
    await enrolled(house)
    after = json.loads(await house.passkeys.options("sign-in", "browser", T0))
    assert ([], []) == (before["allowCredentials"], after["allowCredentials"])
    assert "required" == after["userVerification"]
    assert before["challenge"] != after["challenge"]


async def test_challenge_has_256_bits(house: House) -> None:
    """A challenge is random, and long enough never to come again (ASVS 6.7.2)."""
    challenges = {json.loads(await house.passkeys.options("sign-in", "b", T0))["challenge"] for _ in range(20)}
    assert (20, {32}) == (len(challenges), {len(b64.decode(one)) for one in challenges})


async def test_handle_tells_no_person(house: House) -> None:
    """What the authenticator keeps of a person is no name, and the same each time."""
    one, other = [await enrolled(house, name) for name in ("officer", "head")]
    assert 16 == len(one.handle)
    assert one.handle != other.handle
    assert one.handle == house.accounts.user_handle("officer")


WRONG: Mapping[str, tuple[dict[str, Any], str]] = {
    "another origin": ({"origin": "https://interior.example.evil.example"}, "assertion"),
    "another port": ({"origin": "https://interior.example:444"}, "assertion"),
    "in clear": ({"origin": "http://interior.example"}, "assertion"),
    "another relying party": ({"rp_id": "example"}, "assertion"),
    "no user verification": ({"flags": UP}, "assertion"),
    "nobody present": ({"flags": 4}, "assertion"),
    "counter back": ({"step": -1, "count": 0}, "counter"),
    "counter stands still": ({"step": 0, "count": 5}, "counter"),
    "of a registration": ({"client": {"type": "webauthn.create"}}, "assertion"),
    "within a frame": ({"client": {"crossOrigin": True}}, "framed"),
    "within a frame of another site": ({"client": {"topOrigin": "https://evil.example"}}, "framed"),
    "a challenge of its own": ({"client": {"challenge": b64.encode(bytes(32))}}, "challenge"),
    "a short challenge": ({"client": {"challenge": "AAAA"}}, "malformed"),
    "another key": ({"key": Authenticator().key}, "assertion"),
    "an unknown credential": ({"id": bytes(32)}, "credential"),
    "the handle of another": ({"handle": b"someone else 123"}, "user-handle"),
    "no handle": ({"handle": b""}, "user-handle"),
}


@pytest.mark.parametrize("fault", WRONG)
async def test_assertion_with_a_fault_is_refused(house: House, fault: str) -> None:
    """Each fault alone refuses it (ASVS 6.7.2, WebAuthn 7.2)."""
    device = await enrolled(house)
    await sign_in(house, device, minutes=1)
    for _ in range(4):
        await sign_in(house, device)
    changes, code = WRONG[fault]
    if fault == "counter back":
        changes = {"step": -1}
    assert code == await refused(house, replace(device, **changes))
    assert "officer" == await sign_in(house, replace(device, count=10))


async def test_answer_is_taken_once(house: House) -> None:
    """The same answer a second time is refused (ASVS 6.7.2)."""
    device = await enrolled(house)
    answer = device.get(await house.passkeys.options("sign-in", "browser", T0))
    await house.passkeys.verify("sign-in", "browser", answer, T0)
    with pytest.raises(Refused, match="challenge"):
        await house.passkeys.verify("sign-in", "browser", answer, T0)


async def test_refused_answer_uses_the_challenge_up(house: House) -> None:
    """Nobody tries a second time on one challenge."""
    device = await enrolled(house)
    options = await house.passkeys.options("sign-in", "browser", T0)
    wrong = replace(device, origin="https://evil.example").get(options)
    with pytest.raises(Refused, match="assertion"):
        await house.passkeys.verify("sign-in", "browser", wrong, T0)
    with pytest.raises(Refused, match="challenge"):
        await house.passkeys.verify("sign-in", "browser", device.get(options), T0)


@pytest.mark.parametrize(
    ("use", "binding", "late"),
    [("fresh", "browser", timedelta()), ("sign-in", "other", timedelta()), ("sign-in", "browser", CHALLENGE_LASTS)],
    ids=["another use", "another browser", "too late"],
)
async def test_challenge_is_for_its_use_browser_and_time(house: House, use: str, binding: str, late: timedelta) -> None:
    """An answer to a challenge of something else, or of somebody else's browser, is none here."""
    device = await enrolled(house)
    answer = device.get(await house.passkeys.options("sign-in", "browser", T0))
    with pytest.raises(Refused, match="challenge"):
        await house.passkeys.verify(use, binding, answer, T0 + late)


async def test_passkey_of_another_person_proves_nothing(house: House) -> None:
    """Where one person is asked, another's passkey is no answer (ASVS 7.5.3)."""
    await enrolled(house, "officer")
    other = await enrolled(house, "head")
    session = await house.session("officer", "passkey")
    options = await house.passkeys.options("fresh", session.id, T0, person="officer")
    assert 1 == len(json.loads(options)["allowCredentials"])
    with pytest.raises(Refused, match="credential"):
        await house.passkeys.verify("fresh", session.id, other.get(options), T0)


async def test_authenticator_without_counter_is_taken(house: House) -> None:
    """Passkeys that a person carries between devices count nothing: 0 each time."""
    device = await enrolled(house, step=0)
    assert ["officer"] * 2 == [await sign_in(house, device) for _ in range(2)]


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"flags": UP},
        {"client": {"type": "webauthn.get"}},
    ],
    ids=["another origin", "another relying party", "no user verification", "of a sign-in"],
)
async def test_registration_with_a_fault_is_refused(house: House, changes: dict[str, Any]) -> None:
    """Nothing is enrolled."""
    session = await house.session()
    device = Authenticator(**changes)
    answer = device.create(await house.passkeys.enrol_options(session, T0))
    with pytest.raises(Refused, match="registration"):
        await house.passkeys.enrol(session, answer, "key", T0)
    assert [] == await house.accounts.passkeys("officer")


async def test_registration_of_another_session_is_refused(house: House) -> None:
    """Options that one session was given enrol nothing in another (ASVS 7.5.1)."""
    options = await house.passkeys.enrol_options(await house.session("head"), T0)
    with pytest.raises(Refused, match="challenge"):
        await house.passkeys.enrol(await house.session("officer"), Authenticator().create(options), "key", T0)


async def test_credential_is_enrolled_once(house: House) -> None:
    """A credential id that is known is not taken for a second person."""
    device = await enrolled(house, "officer")
    session = await house.session("head")
    answer = device.create(await house.passkeys.enrol_options(session, T0))
    with pytest.raises(Conflict):
        await house.passkeys.enrol(session, answer, "key", T0)
    assert [] == await house.accounts.passkeys("head")


async def test_removed_passkey_opens_nothing(house: House) -> None:
    """A lost key can be taken out of use; only by its own person (ASVS 6.5.6)."""
    device, _ = await enrolled(house), await enrolled(house)
    id = b64.encode(device.id)
    assert not await house.accounts.drop_passkey("head", id, "interior", T0)
    assert await house.accounts.drop_passkey("officer", id, "interior", T0)
    assert "credential" == await refused(house, device)


GARBAGE = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "a number": "1",
    "no response": '{"id": "a", "rawId": "a", "type": "public-key"}',
    "too long": json.dumps({"id": "a" * CREDENTIAL_MAX_CHARS}),
    "deep": "[" * 8000,
    "client data that is no JSON": json.dumps(
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "response": {"clientDataJSON": "YQ", "authenticatorData": "YQ", "signature": "YQ"},
        }
    ),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_garbage_is_refused(house: House, kind: str) -> None:
    """What no browser sends ends as a refusal, not as a fault."""
    with pytest.raises(Refused, match="malformed"):
        await house.passkeys.verify("sign-in", "browser", GARBAGE[kind], T0)
    with pytest.raises(Refused, match="malformed"):
        await house.passkeys.enrol(await house.session(), GARBAGE[kind], "key", T0)
