"""Asking another service over HTTP with this service's own token, as notifications does for names and addresses."""

import time
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import stamina

from common.correlation import HEADER, correlation_id
from common.errors import NotFoundError, UnavailableError
from common.settings import Settings

SCOPES = "pupils:read registers:read"
_RENEW_SECONDS = 60.0


class _AnswerLaterError(Exception):
    """The other side said 429 or 5xx."""


class OwnToken(httpx.Auth):
    """Gets a token by client credentials, keeps it until a minute before it expires, renews it once after a 401."""

    requires_response_body = True

    def __init__(self, token_url: str, client_id: str, client_secret: str) -> None:
        self._url = token_url
        self._client = httpx.BasicAuth(client_id, client_secret)
        self._token = ""
        self._good_until = 0.0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        for renew in (False, True):
            if renew or time.monotonic() > self._good_until:
                ask = httpx.Request("POST", self._url, data={"grant_type": "client_credentials", "scope": SCOPES})
                answer = yield next(self._client.auth_flow(ask))
                await answer.aread()
                self._keep(answer)
            request.headers["authorization"] = f"Bearer {self._token}"
            response = yield request
            if response.status_code != 401:
                return

    def _keep(self, answer: httpx.Response) -> None:
        if answer.status_code != 200:
            raise _AnswerLaterError(f"the issuer answered {answer.status_code}")
        document = answer.json()
        self._token = str(document["access_token"])
        self._good_until = time.monotonic() + float(document.get("expires_in", 0)) - _RENEW_SECONDS


class ServiceClient:
    """Reads from one other service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def to_registers(cls, settings: Settings) -> "ServiceClient":
        """A client of the registers service; ValueError when the settings lack an address or credentials."""
        url, token_url = settings.registers_url, settings.token_url
        if not (url and token_url and settings.client_id and settings.client_secret):
            raise ValueError("registers_url, token_url, client_id and client_secret must be set")
        auth = OwnToken(token_url, settings.client_id, settings.client_secret)
        limits = httpx.Limits(max_connections=10)
        return cls(httpx.AsyncClient(base_url=url, auth=auth, timeout=5, limits=limits, follow_redirects=True))

    async def get(self, path: str) -> Any:
        """The JSON at `path`, by up to three tries; a dead child's address leads to the living one.

        NotFoundError for 404; UnavailableError when the other side or the issuer gives no good answer now.
        """
        try:
            async for attempt in stamina.retry_context(
                (httpx.TransportError, _AnswerLaterError), attempts=3, timeout=10
            ):
                with attempt:
                    return await self._get_once(path)
        except (httpx.HTTPError, _AnswerLaterError) as error:
            raise UnavailableError(f"No answer: {type(error).__name__}.") from error
        raise AssertionError("unreachable")

    async def _get_once(self, path: str) -> Any:
        answer = await self._client.get(path, headers={HEADER: correlation_id()} if correlation_id() else None)
        if answer.status_code == 404:
            raise NotFoundError
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _AnswerLaterError(str(answer.status_code))
        answer.raise_for_status()
        return answer.json()

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()
