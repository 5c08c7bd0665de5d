"""An issuer's public keys from its JWKS address: fetched when first needed, again when a token names an unknown key.

Keys rotate; an issuer may be away for a while. So what was fetched stays good until something newer was fetched, and a
fetch is tried at most once in ten seconds.
"""

import asyncio
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

    async def for_key_id(self, key_id: str | None) -> KeySet:
        """The keys. UnavailableError when none could be had yet."""
        if self._wanting(key_id):
            async with self._lock:
                if self._wanting(key_id) and self._clock() - self._tried > RETRY_SECONDS:
                    await self._fetch()
        if self._keys is None:
            raise UnavailableError("The issuer's keys can't be fetched.", retry_after=int(RETRY_SECONDS))
        return self._keys

    def _wanting(self, key_id: str | None) -> bool:
        if self._keys is None or self._clock() - self._fetched > REFRESH_SECONDS:
            return True
        return key_id is not None and all(key.kid != key_id for key in self._keys.keys)

    async def _fetch(self) -> None:
        self._tried = self._clock()
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                answer = await client.get(self._url)
                answer.raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("issuer's keys not fetched", kind=type(error).__name__)
        else:
            self._fetched = self._tried
