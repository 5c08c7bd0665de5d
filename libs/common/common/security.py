"""Who is calling, and what may they do: bearer tokens (JWT) checked against an issuer's public keys.

`needs("registers:write")` in a route's signature gives the `Caller`, cut down to what is agreed with its client
(`common.access`), or ends the request with 401 or 403. Which rows are there for the caller is asked of `caller.reach`;
what is not there answers 404.
"""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from fastapi import Request, Security
from fastapi.openapi.models import OAuth2, OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from common.access.caller import Caller
from common.access.fields import REDACTIONS
from common.access.gate import ADMIN, Gate
from common.access.reach import Reach
from common.errors import AgreementError, CohortError, ForbiddenError, UnauthenticatedError
from common.jwks import RemoteKeys
from common.scopes import AUDIENCE, SCOPES
from common.settings import Settings

ALGORITHMS = [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA", "Ed25519"]
"""Asymmetric only: a verifier never holds what could sign."""

_REMEMBERED_TOKENS = 4096
_REMEMBERED_SECONDS = 300.0
_LONGEST_TOKEN = 16_384


class Keys(Protocol):
    """Where the issuer's public keys come from. `leeway_seconds`: by how much its clock may differ, either way."""

    leeway_seconds: float

    async def for_key_id(self, key_id: str | None) -> KeySet:
        """The keys, fetched anew when `key_id` is not among them (bounded); UnavailableError when none can be had."""
        ...


class FixedKeys:
    """Keys that are known: those of the embedded issuer's folder, whose clock is ours."""

    def __init__(self, keys: KeySet, leeway_seconds: float = 0.0) -> None:
        self._keys, self.leeway_seconds = keys, leeway_seconds

    async def for_key_id(self, key_id: str | None) -> KeySet:
        return self._keys


class Verifier:
    """Turns a token into a Caller. A token that held is remembered, by itself, until it expires or five minutes.
    `revoked`: whether the tokens of a client are to be refused, asked for each request.
    """

    def __init__(
        self,
        issuers: Collection[str],
        keys: Keys,
        clock: Callable[[], float] = time.time,
        audience: str = AUDIENCE,
        revoked: Callable[[str], bool] = lambda client: False,
    ) -> None:
        self._issuers, self._audience, self._revoked = frozenset(issuers), audience, revoked
        self._keys = keys
        self._clock = clock
        self._known: dict[str, tuple[Caller, float]] = {}

    def remembered(self, token: str) -> Caller | None:
        """The caller of a token that was checked a short while ago."""
        known = self._known.get(token)
        if known is None or known[1] <= self._clock() or self._revoked(known[0].client_id):
            return None
        return known[0]

    async def verify(self, token: str) -> Caller:
        """Checks signature, `iss`, `aud`, `exp` and `nbf`; UnauthenticatedError when any does not hold."""
        if (caller := self.remembered(token)) is not None:
            return caller
        now = self._clock()
        claims = await self._claims(token)
        expires = _checked_expiry(claims, self._issuers, self._audience, now, self._keys.leeway_seconds)
        caller = _caller(claims)
        if self._revoked(caller.client_id):
            raise UnauthenticatedError("The client has been revoked.")
        if len(self._known) >= _REMEMBERED_TOKENS:
            self._known.clear()
        self._known[token] = (caller, min(expires, now + _REMEMBERED_SECONDS))
        return caller

    async def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > _LONGEST_TOKEN:
            raise UnauthenticatedError("The token is too long.")
        try:
            key_id = jwt_header(token).get("kid")
            keys = await self._keys.for_key_id(key_id if isinstance(key_id, str) else None)
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise UnauthenticatedError("The token could not be verified.") from error


def jwt_header(token: str) -> Mapping[str, Any]:
    """The unverified header of a compact JWT; ValueError when it is none."""
    import base64
    import json

    part = token.split(".", 1)[0]
    header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(header, dict):
        raise ValueError("not an object")
    return cast("dict[str, Any]", header)


def _checked_expiry(
    claims: Mapping[str, Any], issuers: Collection[str], wanted: str, now: float, leeway: float
) -> float:
    """Until when the token holds here, in seconds since 1970."""
    audience: object = claims.get("aud")
    audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    expires, starts = _number(claims.get("exp")), _number(claims.get("nbf", 0))
    if claims.get("iss") not in issuers:
        raise UnauthenticatedError("The token is from another issuer.")
    if wanted not in audiences:
        raise UnauthenticatedError("The token is for another audience.")
    if expires is None or expires + leeway <= now:
        raise UnauthenticatedError("The token has expired.")
    if starts is None or starts > now + leeway:
        raise UnauthenticatedError("The token is not valid yet.")
    return expires + leeway


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _caller(claims: Mapping[str, Any]) -> Caller:
    """The caller that claims describe. A `schools` claim that can't be read lets nobody in rather than everybody."""
    subject, scopes, schools = claims.get("sub"), _scopes(claims), claims.get("schools")
    if not isinstance(subject, str) or scopes is None:
        raise UnauthenticatedError("The token lacks `sub` or `scope`.")
    client = _client(claims, subject)
    if not (_can_be_kept(subject) and _can_be_kept(client)):
        raise UnauthenticatedError("The token names its client by what is no text.")
    reach = Reach()
    if schools is not None:
        listed = cast("list[object]", schools) if isinstance(schools, list) else [None]
        if not all(isinstance(urn, int) and not isinstance(urn, bool) for urn in listed):
            raise UnauthenticatedError("The token's `schools` is not a list of URNs.")
        reach = Reach(frozenset(cast("list[int]", listed)))
    return Caller(subject, scopes, reach, client)


def _can_be_kept(name: str) -> bool:
    """Whether a column of text holds it: no NUL, no half of a surrogate pair."""
    return "\x00" not in name and not any("\ud800" <= letter <= "\udfff" for letter in name)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str] | None:
    """What a token opens: `scope` (RFC 9068, 2.2.3), or Entra ID's `scp` of a person's token and `roles` of a client's;
    None when that can't be read.
    """
    told: object = claims.get("scope", claims.get("scp", claims.get("roles", "")))
    if isinstance(told, str):
        return frozenset(told.split())
    roles = cast("list[object]", told) if isinstance(told, list) and "scope" not in claims else [None]
    return frozenset(cast("list[str]", roles)) if all(isinstance(role, str) for role in roles) else None


def _client(claims: Mapping[str, Any], subject: str) -> str:
    """The client that a token was given to: issuers name it in different places, and some only as the subject."""
    named = (claims.get(name) for name in ("azp", "client_id", "appid"))
    return next((name for name in named if isinstance(name, str) and name), subject)


class BearerToken(SecurityBase):
    """The one security scheme, as FastAPI and OpenAPI know it. `app.state` has the verifier and the gate. Only a route
    that looks at each child that it shows (`by_child`) is open to who is limited to cohorts.
    """

    def __init__(self, *, by_child: bool = False) -> None:
        self._by_child = by_child
        flow = OAuthFlowClientCredentials(tokenUrl="/oauth/token", scopes=SCOPES)
        self.model = OAuth2(
            flows=OAuthFlows(clientCredentials=flow),
            description="OAuth 2 client credentials; tokens are JWTs that last 15 minutes.",
        )
        self.scheme_name = "bearer"

    async def __call__(self, request: Request, wanted: SecurityScopes) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("Send `Authorization: Bearer <token>`.")
        verifier = cast("Verifier", request.app.state.verifier)
        bearer = verifier.remembered(token) or await verifier.verify(token)
        caller = cast("Gate", request.app.state.gate).admit(bearer, request.headers.get("purpose"))
        if missing := [scope for scope in wanted.scopes if scope not in caller.scopes]:
            raise _refused(bearer, caller, missing)
        if caller.reach.cohorts is not None and not self._by_child:
            raise CohortError
        if caller.redactions:
            request.scope[REDACTIONS] = caller.redactions
        return caller


def _refused(bearer: Caller, caller: Caller, missing: list[str]) -> ForbiddenError | AgreementError:
    """Why scopes are missing: the token lacks them, or what was agreed does."""
    if not bearer.scopes.issuperset(missing):
        return ForbiddenError(f"This needs the scope {' '.join(missing)}.")
    if caller.scopes == frozenset({ADMIN}):
        return AgreementError("There is no agreement with this client.")
    return AgreementError(f"The agreement with this client does not open {' '.join(missing)}.")


_bearer = BearerToken()
_bearer_by_child = BearerToken(by_child=True)


def needs(*scopes: str, by_child: bool = False) -> Any:
    """`caller: Annotated[Caller, needs("registers:write")]`: 401 without a good token, 403 without all of these.
    `by_child`: the route asks `caller.reach` about every child that it shows, so that it is open to cohorts.
    """
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise ValueError(f"unknown scopes {unknown}")
    return Security(_bearer_by_child if by_child else _bearer, scopes=list(scopes))


def any_token() -> Any:
    """`caller: Annotated[Caller, any_token()]`: any valid token will do."""
    return needs(by_child=True)


def verifier_for(settings: Settings) -> Verifier:
    """The verifier of a service that runs alone: one issuer, whose keys are at the JWKS address that is set, or where
    its own metadata say.
    """
    if not settings.issuer:
        raise ValueError("the issuer of tokens must be set: --issuer")
    if not settings.jwks_url and urlsplit(settings.issuer).scheme not in ("https", "http"):
        raise ValueError("the issuer is no URL, so the address of its keys must be set: --jwks-url")
    keys = RemoteKeys(settings.jwks_url, issuer=settings.issuer)
    return Verifier([settings.issuer], keys, audience=settings.audience)
