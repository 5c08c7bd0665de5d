"""An issuer's public keys from its JWKS address: fetched when first needed, again when a token names an unknown key.

Keys rotate; an issuer may be away for a while. So what was fetched stays good until something newer was fetched, and a
fetch is tried at most once in ten seconds. Keys that are good are fetched anew beside the requests: nobody waits for an
issuer that is slow.
"""

import asyncio
import ssl
import time
from collections.abc import Callable

import httpx
import structlog
from joserfc.jwk import KeySet

from common.errors import UnavailableError

REFRESH_SECONDS = 600.0
RETRY_SECONDS = 10.0

log = structlog.get_logger()


class RemoteKeys:
    """The keys at `url`; several requests that need them share one fetch."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: KeySet | None = None
        self._fetched = self._tried = float("-inf")
        self._beside: asyncio.Task[None] | None = None
        self._trust: ssl.SSLContext | None = None

    async def for_key_id(self, key_id: str | None) -> KeySet:
        """The keys. UnavailableError when none could be had yet."""
        if not self._has(key_id):
            await self._fetch_unless(lambda: self._has(key_id))
        elif self._is_old() and self._may_try() and (self._beside is None or self._beside.done()):
            self._beside = asyncio.create_task(self._fetch_unless(lambda: not self._is_old()))
        if self._keys is None:
            raise UnavailableError("The issuer's keys can't be fetched.", retry_after=int(RETRY_SECONDS))
        return self._keys

    def _has(self, key_id: str | None) -> bool:
        keys = self._keys
        return keys is not None and (key_id is None or any(key.kid == key_id for key in keys.keys))

    def _is_old(self) -> bool:
        return self._clock() - self._fetched > REFRESH_SECONDS

    def _may_try(self) -> bool:
        return self._clock() - self._tried > RETRY_SECONDS

    async def _fetch_unless(self, done: Callable[[], bool]) -> None:
        """One fetch for all who want one at this moment."""
        async with self._lock:
            if not done() and self._may_try():
                await self._fetch()

    async def _fetch(self) -> None:
        self._tried = self._clock()
        try:
            self._trust = self._trust or await asyncio.to_thread(httpx.create_ssl_context)  # a tenth of a second
            async with httpx.AsyncClient(timeout=5, verify=self._trust) as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("issuer's keys not fetched", kind=type(error).__name__)
        else:
            self._fetched = self._tried
