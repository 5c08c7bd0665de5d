"""Who is let in: real tokens, signed with real keys."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
from common.errors import UnauthenticatedError
from common.jwks import LEEWAY_SECONDS, RemoteKeys, signing_keys
from common.security import AUDIENCE, FixedKeys, Verifier, needs
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

KEY = ECKey.generate_key("P-256", {"kid": "ours"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "ours"})
ISSUER = "https://issuer.example"


def claims(**changed: Any) -> dict[str, Any]:
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "mis-1",
        "exp": int(time.time()) + 60,
        "scope": "registers:write totals:read",
        **changed,
    }
    return {name: value for name, value in made.items() if value is not None}


def token(key: Any = KEY, algorithm: str = "ES256", **changed: Any) -> str:
    return jwt.encode({"alg": algorithm, "kid": "ours"}, claims(**changed), key)


def verifier(leeway_seconds: float = 0, **arguments: Any) -> Verifier:
    public = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    return Verifier([ISSUER], FixedKeys(public, leeway_seconds), **arguments)


async def test_a_good_token_gives_its_caller() -> None:
    caller = await verifier().verify(token())
    assert caller.subject == "mis-1"
    assert caller.scopes == {"registers:write", "totals:read"}
    assert caller.reach.schools is None
    assert caller.reach.may_see_school(100001)


async def test_a_token_for_some_schools_sees_no_other() -> None:
    caller = await verifier().verify(token(schools=[100001, 100002]))
    assert caller.reach.may_see_school(100002)
    assert not caller.reach.may_see_school(100003)


async def test_a_token_for_no_school_sees_none() -> None:
    assert not (await verifier().verify(token(schools=[]))).reach.may_see_school(100001)


@pytest.mark.parametrize(
    "told",
    [
        {"scope": "registers:read cases:read"},
        {"scope": None, "scp": "registers:read cases:read"},
        {"scope": None, "roles": ["registers:read", "cases:read"]},
        {"roles": ["letters:read"], "scope": "registers:read cases:read"},
    ],
    ids=str,
)
async def test_an_issuer_may_say_what_a_token_opens_in_its_own_place(told: dict[str, Any]) -> None:
    assert (await verifier().verify(token(**told))).scopes == {"registers:read", "cases:read"}


@pytest.mark.parametrize("named", ["azp", "client_id", "appid"])
async def test_an_issuer_may_name_the_client_in_its_own_place(named: str) -> None:
    assert (
        await verifier().verify(jwt.encode({"alg": "ES256", "kid": "ours"}, claims(**{named: "vendor"}), KEY))
    ).client_id == "vendor"
    assert (await verifier().verify(token())).client_id == "mis-1"


async def test_an_audience_among_several_will_do() -> None:
    assert await verifier().verify(token(aud=["other", AUDIENCE]))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"scope": ["registers:write"]},
        {"scope": None, "roles": ["registers:write", 1]},
        {"scope": None, "roles": {"registers:write": True}},
        {"schools": "100001"},
        {"schools": ["100001"]},
        {"schools": [True]},
    ],
    ids=str,
)
async def test_a_token_whose_claims_do_not_hold_lets_nobody_in(changed: dict[str, Any]) -> None:
    with pytest.raises(UnauthenticatedError):
        await verifier().verify(token(**changed))


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "a\udfff"], ids=ascii)
@pytest.mark.parametrize("claim", ["sub", "azp"])
async def test_a_name_that_no_column_holds_lets_nobody_in(claim: str, name: str) -> None:
    signed = jws.serialize_compact({"alg": "ES256", "kid": "ours"}, json.dumps(claims(**{claim: name})), KEY)
    with pytest.raises(UnauthenticatedError, match="no text"):
        await verifier().verify(signed)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "forged",
    [
        token(key=OTHER_KEY),
        token(key=OctKey.import_key(b"a secret that is long enough for it"), algorithm="HS256"),
        f"{_part({'alg': 'none', 'kid': 'ours'})}.{_part(claims())}.",
        token()[:-4] + "AAAA",
        "no token",
        "a.b.c",
        f"{_part([])}.e30.e30",
        "",
    ],
    ids=[
        "another key",
        "a shared secret",
        "no signature",
        "a changed signature",
        "words",
        "letters",
        "a list",
        "nothing",
    ],
)
async def test_a_token_that_the_issuer_did_not_sign_lets_nobody_in(forged: str) -> None:
    with pytest.raises(UnauthenticatedError):
        await verifier().verify(forged)


async def test_a_token_is_remembered_until_it_expires() -> None:
    now = [time.time()]
    checked = verifier(clock=lambda: now[0])
    good = token(exp=now[0] + 60)
    caller = await checked.verify(good)
    assert checked.remembered(good) is caller
    now[0] += 60
    assert checked.remembered(good) is None
    with pytest.raises(UnauthenticatedError):
        await checked.verify(good)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({"exp": -1}, True),
        ({"exp": -LEEWAY_SECONDS + 1}, True),
        ({"exp": -LEEWAY_SECONDS}, False),
        ({"nbf": LEEWAY_SECONDS}, True),
        ({"nbf": LEEWAY_SECONDS + 1}, False),
    ],
    ids=str,
)
async def test_the_issuers_clock_may_differ_by_the_leeway_either_way(changed: dict[str, float], holds: bool) -> None:
    now = 1_800_000_000
    checked = verifier(RemoteKeys.leeway_seconds, clock=lambda: float(now))
    moments = {"exp": now + 60.0} | {name: now + seconds for name, seconds in changed.items()}
    given = jwt.encode({"alg": "ES256", "kid": "ours"}, claims(**moments), KEY)
    if holds:
        assert (await checked.verify(given)).subject == "mis-1"
    else:
        with pytest.raises(UnauthenticatedError):
            await checked.verify(given)


async def test_the_audience_is_the_one_that_is_set() -> None:
    ours = verifier(audience="api://attendance")
    assert await ours.verify(token(aud="api://attendance"))
    with pytest.raises(UnauthenticatedError):
        await ours.verify(token())


def published(*keys: dict[str, Any]) -> Verifier:
    """A verifier of an issuer whose JWKS holds these."""
    return Verifier([ISSUER], FixedKeys(signing_keys({"keys": list(keys)})))


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"])
async def test_every_usual_algorithm_of_public_keys_is_taken(algorithm: str) -> None:
    key = {
        "ES256": KEY,
        "ES384": ECKey.generate_key("P-384", {"kid": "p384"}),
        "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
        "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
    }.get(algorithm, RSA)
    signed = jwt.encode({"alg": algorithm, "kid": key.kid}, claims(), key, algorithms=[algorithm])
    assert await published(key.as_dict(private=False)).verify(signed)


def hmac_signed(header: dict[str, Any], secret: bytes) -> str:
    """A token that the bytes of a public key sign, as if they were a shared secret."""
    signing = f"{_part(header)}.{_part(claims())}"
    digest = hmac.digest(secret, signing.encode(), "sha256")
    return f"{signing}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "modulus"])
async def test_a_public_key_is_no_shared_secret(form: str) -> None:
    public = RSA.as_dict(private=False)
    secret = {
        "pem": RSA.as_pem(private=False),
        "der": RSA.as_der(private=False),
        "jwk": json.dumps(public).encode(),
        "modulus": str(public["n"]).encode(),
    }[form]
    for algorithm in ("HS256", "hs256", "RS256", "none", "None", "", None, ["RS256"], 256):
        with pytest.raises(UnauthenticatedError):
            await published(public).verify(hmac_signed({"alg": algorithm, "kid": "rsa"}, secret))


async def test_a_key_is_taken_for_what_its_issuer_meant_it_only() -> None:
    signed = jwt.encode({"alg": "PS256", "kid": "rsa"}, claims(), RSA, algorithms=["PS256"])
    public = RSA.as_dict(private=False)
    assert await published(public).verify(signed)
    for meant in ({"alg": "RS256"}, {"use": "enc"}, {"key_ops": ["encrypt"]}):
        with pytest.raises(UnauthenticatedError):
            await published({**public, **meant}, KEY.as_dict(private=False)).verify(signed)


async def test_an_issuer_may_publish_keys_that_are_nothing_to_us() -> None:
    others: list[dict[str, Any]] = [
        {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "enc", "use": "enc", "alg": "RSA-OAEP"},
        {"kty": "AKP", "kid": "quantum", "alg": "ML-DSA-65", "pub": "AAAA"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "EC", "kid": "torn", "crv": "P-256"},
    ]
    assert await published(*others, KEY.as_dict(private=False)).verify(token())
    with pytest.raises(ValueError, match="no key"):
        signing_keys({"keys": others})


@pytest.mark.parametrize(
    "trick",
    [
        {"kid": "other"},
        {"kid": ""},
        {"kid": None},
        {"kid": 1},
        {"kid": ["ours"]},
        {"kid": {"ours": 1}},
        {"kid": "../../dev/null"},
        {"kid": "ours' or '1'='1"},
        {"kid": "x" * 10_000},
        {"jku": "http://127.0.0.1:1/jwks"},
        {"x5u": "http://127.0.0.1:1/chain"},
        {"jwk": OTHER_KEY.as_dict(private=False)},
        {"x5c": ["AAAA"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
    ],
    ids=lambda trick: str(trick)[:12],
)
async def test_a_header_leads_to_no_key_but_the_issuers(trick: dict[str, Any]) -> None:
    """Signed by somebody else, with a header that would have his key used."""
    header = {"alg": "ES256", "kid": "ours", **trick}
    signing = f"{_part(header)}.{_part(claims())}"
    signature = jwt.encode({"alg": "ES256"}, claims(), OTHER_KEY).rpartition(".")[2]
    with pytest.raises(UnauthenticatedError):
        await published(KEY.as_dict(private=False), RSA.as_dict(private=False)).verify(f"{signing}.{signature}")


@pytest.mark.parametrize("depth", [500, 3_000])
async def test_a_header_of_any_depth_is_refused(depth: int) -> None:
    header = base64.urlsafe_b64encode(b"[" * depth + b"]" * depth).decode()
    with pytest.raises(UnauthenticatedError):
        await verifier().verify(f"{header}.e30.AAAA")


async def test_a_token_longer_than_any_is_not_even_looked_at() -> None:
    with pytest.raises(UnauthenticatedError, match="long"):
        await verifier().verify(token(more="x" * 20_000))


def test_a_route_can_only_ask_for_scopes_that_there_are() -> None:
    with pytest.raises(ValueError, match="registers:wright"):
        needs("registers:wright")


@pytest.mark.parametrize(
    ("named", "client"),
    [({}, "mis-1"), ({"azp": "elm"}, "elm"), ({"client_id": "elm"}, "elm"), ({"azp": 7, "client_id": ""}, "mis-1")],
)
async def test_the_client_is_whom_the_token_was_given_to_and_else_its_subject(
    named: dict[str, Any], client: str
) -> None:
    assert (await verifier().verify(token(**named))).client_id == client
