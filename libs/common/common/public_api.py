"""Rollcall's public API as a school's system calls it: a token that renews itself, requests repeated in peace.

Every write that is sent through here may be repeated after a lost connection, a 429 or a 503 without harm: it has a
natural key, and what was taken after all answers `unchanged`.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from common.retry_after import seconds_asked

TokenProvider = Callable[[], Awaitable[str]]

_RETRIES = 8
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 3.0
_LONGEST_ASKED = 60.0
_TOKEN_SECONDS = 600  # tokens live for 15 minutes
_OK = 200
_UNAUTHORISED = 401
_TOO_MANY = 429
_UNAVAILABLE = 503


class RefusedError(Exception):
    """The product answered a request in a way that repeating it does not mend. `status` and `kind` (the last part of
    the problem's type) are safe to tell; the words are not always: an answer may quote what was sent.
    """

    def __init__(self, words: str, status: int = 0, kind: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.kind = kind


class Api:
    """The product's API with a token that renews itself; answers parsed JSON, RefusedError from 400 up."""

    def __init__(self, http: httpx.AsyncClient, token: TokenProvider) -> None:
        self._http = http
        self._token = token
        self._bearer = ""
        self._renew_at = 0.0

    async def get(self, path: str, **query: Any) -> Any:
        return await self._ask("GET", path, params=query or None)

    async def put(self, path: str, body: Any) -> Any:
        return await self._ask("PUT", path, json=body)

    async def post(self, path: str, body: Any) -> Any:
        return await self._ask("POST", path, json=body)

    async def delete(self, path: str, **query: Any) -> Any:
        return await self._ask("DELETE", path, params=query or None)

    async def items(self, path: str, **query: Any) -> AsyncIterator[Any]:
        """Every item of a list, page after page."""
        page = await self.get(path, **query)
        while True:
            for item in page["items"]:
                yield item
            if not page["next"]:
                return
            page = await self.get(page["next"])

    async def _ask(self, method: str, path: str, **parts: Any) -> Any:
        wait = _FIRST_WAIT
        for attempt in range(_RETRIES):
            asked = None
            try:
                answer = await self._http.request(method, path, headers=await self._headers(), **parts)
            except httpx.TransportError:
                if attempt == _RETRIES - 1:
                    raise
            else:
                if answer.status_code < 400:
                    return answer.json()
                if answer.status_code == _UNAUTHORISED and attempt == 0:
                    self._renew_at = 0.0
                elif answer.status_code not in (_TOO_MANY, _UNAVAILABLE):
                    raise _refused(method, path, answer)
                asked = seconds_asked(answer.headers, datetime.now(UTC), _LONGEST_ASKED)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0) if asked is None else asked)  # noqa: S311 no secret
            wait = min(wait * 2, _LONGEST_WAIT)
        raise RefusedError(f"{method} {path} stayed unavailable", _UNAVAILABLE, "unavailable")

    async def _headers(self) -> dict[str, str]:
        if time.monotonic() >= self._renew_at:
            self._bearer = await self._token()
            self._renew_at = time.monotonic() + _TOKEN_SECONDS
        return {"Authorization": f"Bearer {self._bearer}", "Prefer": "wait=30"}


def _refused(method: str, path: str, answer: httpx.Response) -> RefusedError:
    try:
        kind = str(answer.json()["type"]).rpartition("/")[2]
    except (ValueError, KeyError, TypeError):
        kind = ""
    words = f"{method} {path} answered {answer.status_code}: {answer.text[:500]}"
    return RefusedError(words, answer.status_code, kind)


@asynccontextmanager
async def connect(base_url: str, token: TokenProvider, connections: int = 16) -> AsyncGenerator[Api]:
    """An `Api` on as many kept-alive connections as given."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(base_url=base_url, limits=limits, timeout=60) as http:
        yield Api(http, token)


def client_credentials(token_url: str, client_id: str, client_secret: str, scope: str) -> TokenProvider:
    """Asks an issuer for a token (RFC 6749, 4.4); RefusedError when it does not give one."""

    async def token() -> str:
        form = {"grant_type": "client_credentials", "scope": scope}
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await http.post(token_url, data=form, auth=(client_id, client_secret))
        if answer.status_code != _OK:
            raise RefusedError(f"the issuer answered {answer.status_code}", answer.status_code, "no-token")
        return str(answer.json()["access_token"])

    return token
