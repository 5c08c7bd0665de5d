"""Who is let in: real tokens, signed with real keys."""

import base64
import json
import time
from typing import Any

import pytest
from common.errors import UnauthenticatedError
from common.security import AUDIENCE, FixedKeys, Verifier, needs
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

KEY = ECKey.generate_key("P-256", {"kid": "ours"})
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


def verifier(**arguments: Any) -> Verifier:
    public = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    return Verifier([ISSUER], FixedKeys(public), **arguments)


async def test_a_good_token_gives_its_caller() -> None:
    caller = await verifier().verify(token())
    assert caller.subject == "mis-1"
    assert caller.scopes == {"registers:write", "totals:read"}
    assert caller.schools is None
    assert caller.may_see_school(100001)


async def test_a_token_for_some_schools_sees_no_other() -> None:
    caller = await verifier().verify(token(schools=[100001, 100002]))
    assert caller.may_see_school(100002)
    assert not caller.may_see_school(100003)


async def test_a_token_for_no_school_sees_none() -> None:
    assert not (await verifier().verify(token(schools=[]))).may_see_school(100001)


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
        {"schools": "100001"},
        {"schools": ["100001"]},
        {"schools": [True]},
    ],
    ids=str,
)
async def test_a_token_whose_claims_do_not_hold_lets_nobody_in(changed: dict[str, Any]) -> None:
    with pytest.raises(UnauthenticatedError):
        await verifier().verify(token(**changed))


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
    now[0] += 61
    assert checked.remembered(good) is None
    with pytest.raises(UnauthenticatedError):
        await checked.verify(good)


def test_a_route_can_only_ask_for_scopes_that_there_are() -> None:
    with pytest.raises(ValueError, match="registers:wright"):
        needs("registers:wright")
