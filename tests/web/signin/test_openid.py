"""The State's own sign-on, against a provider on loopback: the way in, and every token that is none of ours."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from joserfc.jwk import ECKey, OctKey

from gateway.services.ports import Unavailable
from gateway.web.signin.openid import BACK, OpenId
from gateway.web.signin.refused import Refused
from gateway.web.signin.sign_on import SignOn
from tests.web.signin.provider import CLIENT, SECRET, Provider
from tests.web.signin.provider import provider as run_provider
from tests.web.signin.support import ORIGIN, T0, House


@pytest_asyncio.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Provider]:
    """A provider on loopback, in clear; oauthlib asks for TLS unless it is told that this is a test."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    async with run_provider(T0) as made:
        yield made


@pytest_asyncio.fixture
async def client(house: House, provider: Provider) -> AsyncIterator[OpenId]:
    """Our side of it."""
    made = OpenId(house.accounts, SignOn(provider.issuer, CLIENT, SECRET))
    yield made
    await made.close()


async def sign_in(client: OpenId, provider: Provider, **changes: str) -> tuple[str, str]:
    """Go to the provider and back; return the person and where to go on."""
    address = await client.begin(ORIGIN, "browser", provider.now, back_to="/cases")
    return await client.finish(await provider.visit(address, **changes), ORIGIN, "browser", provider.now)


async def refused(client: OpenId, provider: Provider, **changes: str) -> str:
    """Return why it does not lead in."""
    with pytest.raises(Refused) as caught:
        await sign_in(client, provider, **changes)
    return caught.value.code


async def test_person_signs_in_at_the_provider(client: OpenId, provider: Provider) -> None:
    """The claim names a person of the configuration, and the browser goes on where it wanted (ASVS 10.5.2)."""
    assert ("officer", "/cases") == await sign_in(client, provider)


async def test_request_has_pkce_state_and_nonce(client: OpenId, provider: Provider) -> None:
    """Each is new each time, and the verifier stays here (ASVS 10.2.1, 10.4.6)."""
    asked = [parse_qs(urlsplit(await client.begin(ORIGIN, "browser", T0)).query) for _ in range(2)]
    assert ["S256"] == asked[0]["code_challenge_method"]
    assert ["openid profile"] == asked[0]["scope"]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert 43 == len(asked[0][name][0])


async def test_code_without_our_verifier_is_worth_nothing(client: OpenId, provider: Provider) -> None:
    """A code of another request, put into ours, is refused by the provider (ASVS 10.2.1)."""
    theirs = await provider.visit(await client.begin(ORIGIN, "another", T0))
    assert "code" == await refused(client, provider, code=theirs["code"])


async def test_state_is_of_one_browser_and_good_once(client: OpenId, provider: Provider) -> None:
    """An answer that somebody else's browser brings, or that comes again, leads nowhere (ASVS 10.2.1)."""
    for binding in ("another", ""):
        query = await provider.visit(await client.begin(ORIGIN, "browser", T0))
        with pytest.raises(Refused, match="state"):
            await client.finish(query, ORIGIN, binding, T0)
    query = await provider.visit(await client.begin(ORIGIN, "browser", T0))
    await client.finish(query, ORIGIN, "browser", T0)
    with pytest.raises(Refused, match="state"):
        await client.finish(query, ORIGIN, "browser", T0)


async def test_answer_for_one_desk_opens_no_other(client: OpenId, provider: Provider) -> None:
    """The state is of the desk it was made at."""
    query = await provider.visit(await client.begin(ORIGIN, "browser", T0))
    with pytest.raises(Refused, match="state"):
        await client.finish(query, "https://board.example", "browser", T0)


async def test_unknown_state_asks_the_provider_nothing(client: OpenId, provider: Provider) -> None:
    """Nobody makes us redeem codes by sending us some."""
    with pytest.raises(Refused, match="state"):
        await client.finish({"state": "x", "code": "y"}, ORIGIN, "browser", T0)
    assert [] == provider.asked


AT = int(T0.timestamp())
CLAIMS: Mapping[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "issuer"),
    "another audience": ({"aud": "another"}, "audience"),
    "one audience more": ({"aud": [CLIENT, "another"]}, "audience"),
    "another authorized party": ({"azp": "another"}, "audience"),
    "expired": ({"exp": AT - 61}, "expired"),
    "issued long ago": ({"iat": AT - 601}, "expired"),
    "issued in the future": ({"iat": AT + 61}, "expired"),
    "no instant": ({"exp": "tomorrow"}, "expired"),
    "another nonce": ({"nonce": "another"}, "nonce"),
    "a nonce that is no text": ({"nonce": 1}, "nonce"),
    "nobody of ours": ({"preferred_username": "somebody"}, "person"),
    "no text for a person": ({"preferred_username": ["officer"]}, "person"),
}


@pytest.mark.parametrize("fault", CLAIMS)
async def test_token_with_a_wrong_claim_is_refused(client: OpenId, provider: Provider, fault: str) -> None:
    """Issuer, audience, time, nonce and person each alone refuse it (ASVS 9.2.1, 9.2.3, 10.5.1, 10.5.3, 10.5.4)."""
    provider.claims, code = CLAIMS[fault]
    assert code == await refused(client, provider)


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ("iss", "issuer"),
        ("aud", "audience"),
        ("exp", "expired"),
        ("iat", "expired"),
        ("nonce", "nonce"),
        ("preferred_username", "person"),
    ],
)
async def test_token_without_a_claim_is_refused(client: OpenId, provider: Provider, claim: str, code: str) -> None:
    """What is not said is not assumed (ASVS 9.2.1)."""
    provider.gone = (claim,)
    assert code == await refused(client, provider)


async def test_unsigned_token_is_refused(client: OpenId, provider: Provider) -> None:
    """The algorithm ``none`` is not one (ASVS 9.1.2)."""
    provider.algorithm = "none"
    assert "signature" == await refused(client, provider)


async def test_token_under_our_own_secret_is_refused(client: OpenId, provider: Provider) -> None:
    """A MAC is no signature: whoever has the client's secret could make one (ASVS 9.1.2)."""
    provider.algorithm, provider.signing = "HS256", OctKey.import_key(SECRET, {"kid": "one"})
    assert "signature" == await refused(client, provider)


async def test_token_of_another_key_is_refused(client: OpenId, provider: Provider) -> None:
    """A key that the issuer does not publish signs nothing, also under a known name (ASVS 9.1.1, 9.1.3)."""
    provider.signing = ECKey.generate_key("P-256", {"kid": "one"})
    assert "signature" == await refused(client, provider)


async def test_new_key_of_the_provider_is_fetched(client: OpenId, provider: Provider) -> None:
    """A key that came since is looked for once, and not as often as somebody asks (ASVS 9.1.3)."""
    await sign_in(client, provider)
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    assert "signature" == await refused(client, provider)
    provider.now = T0 + timedelta(minutes=1)
    assert ("officer", "/cases") == await sign_in(client, provider)
    assert 2 == provider.asked.count("keys")


async def test_keys_that_were_fetched_by_a_clock_that_was_ahead_are_fetched_again(
    client: OpenId, provider: Provider
) -> None:
    """A key that the provider publishes no more is not believed for as long as a clock was ahead."""
    provider.now = T0 + timedelta(days=1)
    await sign_in(client, provider)
    provider.now, stolen = T0, provider.key
    provider.key, provider.signing = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"}), stolen
    assert "signature" == await refused(client, provider)
    provider.signing = None
    provider.now = T0 + timedelta(minutes=1)
    assert ("officer", "/cases") == await sign_in(client, provider)


async def test_answer_that_names_another_issuer_is_refused(client: OpenId, provider: Provider) -> None:
    """Before a code is redeemed it is clear whose it is (RFC 9207, ASVS 10.2.2)."""
    assert "issuer" == await refused(client, provider, iss="https://evil.example")
    assert "token" not in provider.asked


async def test_promised_issuer_must_be_named(client: OpenId, provider: Provider) -> None:
    """A provider that says it names itself in answers must (RFC 9207 section 2.4)."""
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    assert "issuer" == await refused(client, provider)
    provider.said_issuer = provider.issuer
    assert ("officer", "/cases") == await sign_in(client, provider)


async def test_metadata_of_another_issuer_is_not_used(client: OpenId, provider: Provider) -> None:
    """What describes another issuer describes nothing (ASVS 10.5.3)."""
    provider.metadata = {"issuer": "https://evil.example"}
    with pytest.raises(Unavailable, match="another issuer"):
        await client.begin(ORIGIN, "browser", T0)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_addresses_are_https(client: OpenId, provider: Provider, name: str) -> None:
    """Nothing is sent to an address in clear beyond this machine (ASVS 12.2.1)."""
    provider.metadata = {name: "http://provider.example/x"}
    with pytest.raises(Unavailable, match="https"):
        await client.begin(ORIGIN, "browser", T0)


async def test_an_address_that_nobody_can_read_is_none(client: OpenId, provider: Provider) -> None:
    """What the provider says of itself is what a stranger says: a bracket that is not closed ends as another fault."""
    for address in ("https://[::1", "https://a..b/keys", "https://a:port/"):
        provider.metadata = {"jwks_uri": address}
        with pytest.raises(Unavailable, match="https"):
            await client.begin(ORIGIN, "browser", T0)


async def test_refusal_by_the_provider_leads_nowhere(client: OpenId, provider: Provider) -> None:
    """An error in place of a code is a refusal."""
    assert "provider-refused" == await refused(client, provider, error="access_denied")


async def test_unverified_address_is_nobody(house: House, provider: Provider) -> None:
    """Where the claim is an e-mail address, the provider must have verified it (ASVS 6.8.1)."""
    client = OpenId(house.accounts, SignOn(provider.issuer, CLIENT, SECRET), "email")
    provider.claims = {"email": "officer"}
    assert "person" == await refused(client, provider)
    provider.claims = {"email": "officer", "email_verified": True}
    assert "officer" == (await sign_in(client, provider))[0]
    await client.close()


async def test_a_provider_is_tried_out_without_anybody(provider: Provider) -> None:
    """It refuses the code that we made up, and takes who asks; all that signing in asks it for was asked."""
    sign_on = SignOn(provider.issuer, CLIENT, SECRET)
    await sign_on.try_out(ORIGIN + BACK, T0)
    assert ["metadata", "keys", "token"] == provider.asked
    await sign_on.close()


@pytest.mark.parametrize(
    ("known", "metadata", "why"),
    [
        ((CLIENT, "one that has ended"), {}, "client and secret"),
        (("another", SECRET), {}, "client and secret"),
        ((CLIENT, SECRET), {"issuer": "https://evil.example"}, "another issuer"),
        ((CLIENT, SECRET), {"jwks_uri": "http://evil.example/keys"}, "not https"),
    ],
)
async def test_a_provider_that_lets_nobody_in_is_told(
    provider: Provider, known: tuple[str, str], metadata: dict[str, str], why: str
) -> None:
    """Before anybody stands at a desk."""
    provider.metadata = metadata
    sign_on = SignOn(provider.issuer, *known)
    with pytest.raises(Unavailable, match=why):
        await sign_on.try_out(ORIGIN + BACK, T0)
    await sign_on.close()


async def test_a_provider_that_takes_no_codes_is_told(provider: Provider) -> None:
    """As where its address is another one, or it is down behind a proxy: that is no word that it takes our secret."""
    provider.metadata = {"token_endpoint": f"{provider.issuer}/nothing"}
    sign_on = SignOn(provider.issuer, CLIENT, SECRET)
    with pytest.raises(Unavailable, match="does not say"):
        await sign_on.try_out(ORIGIN + BACK, T0)
    await sign_on.close()


async def test_silent_provider_is_said(house: House) -> None:
    """Where nobody answers the person learns to try another way."""
    client = OpenId(house.accounts, SignOn("http://127.0.0.1:9", CLIENT, SECRET))
    with pytest.raises(Unavailable, match="reached"):
        await client.begin(ORIGIN, "browser", T0)
    await client.close()
