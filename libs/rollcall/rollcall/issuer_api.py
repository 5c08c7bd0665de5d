"""The development issuer's routes: client credentials (RFC 6749, 4.4), its keys, its metadata (RFC 8414)."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs

from common.scopes import SCOPES
from common.service import Service
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from rollcall.clients import Clients
from rollcall.issuer import OAUTH_SECONDS, Issuer, unknown_scopes

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
TAG = "Tokens"
CHECKED_AT_ONCE = 2
"""Secrets that are hashed at a time."""

_TOKEN_EXAMPLE = {"access_token": "eyJ…", "token_type": "Bearer", "expires_in": OAUTH_SECONDS, "scope": "totals:read"}
_KEYS_EXAMPLE = {"keys": [{"kty": "EC", "crv": "P-256", "x": "f83O…", "y": "x_FE…", "kid": "9b2c", "use": "sig"}]}
_METADATA_EXAMPLE = {
    "issuer": "urn:rollcall:embedded",
    "token_endpoint": "http://127.0.0.1:8080/oauth/token",
    "jwks_uri": "http://127.0.0.1:8080/.well-known/jwks.json",
}
_TOKEN_DOCS: dict[str, Any] = {
    "security": [{"client": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"const": "client_credentials"},
                        "scope": {"type": "string", "examples": ["registers:write totals:read"]},
                    },
                }
            }
        },
    },
}


class OAuthError(Exception):
    """An error of the token endpoint, as RFC 6749 5.2 wants it."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status

    def response(self) -> Response:
        """The answer."""
        headers = {**NO_STORE, **({"www-authenticate": 'Basic realm="rollcall"'} if self.status == 401 else {})}
        return JSONResponse({"error": self.error, "error_description": str(self)}, self.status, headers)


def create_issuer(issuer: Issuer, base_url: str, clients: Clients) -> Service:
    """The issuer as something that `common.run` can serve; `base_url` is where it answers."""
    router = APIRouter(tags=[TAG])
    desk = _Desk(issuer, clients)

    @router.post(
        "/oauth/token",
        name="token",
        summary="Get a token by client credentials",
        openapi_extra=_TOKEN_DOCS,
        responses={
            200: {"content": {"application/json": {"example": _TOKEN_EXAMPLE}}},
            400: {
                "description": "RFC 6749 error",
                "content": {"application/json": {"example": {"error": "invalid_scope"}}},
            },
            401: {
                "description": "Unknown client",
                "content": {"application/json": {"example": {"error": "invalid_client"}}},
            },
        },
    )
    async def token(request: Request) -> Response:
        try:
            return JSONResponse(await desk.grant(request), headers=NO_STORE)
        except OAuthError as error:
            return error.response()

    @router.get(
        "/.well-known/jwks.json",
        name="jwks",
        summary="The public keys that tokens are checked with",
        responses={200: {"content": {"application/json": {"example": _KEYS_EXAMPLE}}}},
    )
    async def jwks() -> dict[str, Any]:
        return issuer.public_keys()

    @router.get(
        "/.well-known/openid-configuration",
        name="metadata",
        summary="Where the issuer's parts are",
        responses={200: {"content": {"application/json": {"example": _METADATA_EXAMPLE}}}},
    )
    async def metadata() -> dict[str, Any]:
        return {
            "issuer": issuer.issuer,
            "token_endpoint": f"{base_url}/oauth/token",
            "jwks_uri": f"{base_url}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "scopes_supported": list(SCOPES),
        }

    return Service(
        name="issuer",
        router=router,
        tags=[{"name": TAG, "description": "The development issuer; in production the council's own takes its place."}],
    )


class _Desk:
    """Where tokens are given: to the services' own client, for any scope, and to those of the list, for theirs."""

    def __init__(self, issuer: Issuer, clients: Clients) -> None:
        self._issuer, self._clients = issuer, clients
        self._checking = asyncio.Semaphore(CHECKED_AT_ONCE)

    async def grant(self, request: Request) -> dict[str, Any]:
        """A token; OAuthError."""
        name, allowed, schools = await self._client(request.headers.get("authorization", ""))
        wanted = await _form(request)
        scope = " ".join(dict.fromkeys(wanted.get("scope", [""])[0].split())) or " ".join(allowed)
        if refused := [one for one in scope.split() if one not in allowed]:
            # Not repeated: a description holds few characters (RFC 6749, 5.2).
            unknown = len(unknown_scopes(refused))
            why = f"{unknown} of the scopes are unknown" if unknown else "The client may not have all of these scopes"
            raise OAuthError("invalid_scope", f"{why}; the scopes are: {' '.join(allowed)}")
        return {
            "access_token": self._issuer.sign(name, scope, schools, OAUTH_SECONDS),
            "token_type": "Bearer",
            "expires_in": OAUTH_SECONDS,
            "scope": scope,
        }

    async def _client(self, authorization: str) -> tuple[str, Collection[str], Collection[int] | None]:
        """Who asks, by HTTP Basic: name, scopes, schools. So few secrets are hashed at a time that guessing holds
        nobody up but who else wants a token.
        """
        scheme, _, credentials = authorization.partition(" ")
        try:
            name, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = secret = ""
        if scheme.lower() == "basic" and name:
            expected = self._issuer.clients().get(name, "")
            if expected and hmac.compare_digest(expected.encode(), secret.encode()):
                return name, tuple(SCOPES), None
            if not expected and (client := self._clients.find(name)) is not None:
                async with self._checking:
                    if await asyncio.to_thread(client.has_secret, secret):
                        return name, client.scopes, client.schools
        raise OAuthError("invalid_client", "Unknown client or wrong secret.", 401)


async def _form(request: Request) -> dict[str, list[str]]:
    """The form of a token request, with each parameter once; OAuthError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send a form.")
    try:
        form = parse_qs((await request.body()).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise OAuthError("invalid_request", "The form can't be read.") from None
    if any(len(values) > 1 for values in form.values()) or "grant_type" not in form:
        raise OAuthError("invalid_request", "Send grant_type, and each parameter once.")
    if form["grant_type"] != ["client_credentials"]:
        raise OAuthError("unsupported_grant_type", "Only client_credentials.")
    return form
