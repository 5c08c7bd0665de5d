"""An issuer's public keys from its JWKS: fetched when first needed, again when a token names an unknown key.

Where the JWKS is, either is known, or the issuer says in its metadata (OpenID Connect Discovery 1.0), which is read
anew with the keys: an issuer may move them. Keys rotate; an issuer may be away for a while. So what was fetched stays
good until something newer was fetched, and a fetch is tried at most once in ten seconds. Keys that are good are fetched
anew beside the requests: nobody waits for an issuer that is slow, and who has to wait does so for five seconds at most.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from common.errors import UnavailableError

REFRESH_SECONDS = 600.0
RETRY_SECONDS = 10.0
FETCH_SECONDS = 5.0
LIMIT_BYTES = 1024 * 1024
LEEWAY_SECONDS = 30.0
"""By how much the issuer's clock may differ from ours, either way."""
METADATA = "/.well-known/openid-configuration"
KEY_TYPES = frozenset({"EC", "RSA", "OKP"})

log = structlog.get_logger()


class RemoteKeys:
    """The keys at `url`, or of `issuer` where it says that they are; several requests that need them share a fetch."""

    leeway_seconds = LEEWAY_SECONDS

    def __init__(
        self, url: str | None = None, *, issuer: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url, self._issuer = url, issuer
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
            async with asyncio.timeout(FETCH_SECONDS), httpx.AsyncClient(verify=self._trust) as client:
                self._keys = signing_keys(await _document(client, self._url or await self._discovered(client)))
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError, TimeoutError) as error:
            log.warning("issuer's keys not fetched", kind=type(error).__name__)
        else:
            self._fetched = self._tried

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        """Where the issuer says that its keys are; ValueError when it is another issuer, or would have them unsafe."""
        told = await _document(client, self._issuer.rstrip("/") + METADATA)
        if told["issuer"] != self._issuer:
            raise ValueError("the metadata are another issuer's")
        url = str(told["jwks_uri"])
        if urlsplit(self._issuer).scheme == "https" and urlsplit(url).scheme != "https":
            raise ValueError("the keys of an issuer on https are not")
        return url


async def _document(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """A JSON object of at most a megabyte."""
    body = bytearray()
    async with client.stream("GET", url) as answer:
        answer.raise_for_status()
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > LIMIT_BYTES:
                raise ValueError("too long")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return cast("dict[str, Any]", found)


def signing_keys(jwks: dict[str, Any]) -> KeySet:
    """The public keys of a JWKS that signatures are checked with. Others are passed over: those for encryption, shared
    secrets, and what is of no known kind. ValueError when none is left.
    """
    keys: list[Key] = []
    for jwk in jwks["keys"]:
        if jwk.get("kty") in KEY_TYPES and jwk.get("use", "sig") == "sig":
            try:
                keys.append(JWKRegistry.import_key(jwk))
            except (JoseError, ValueError, KeyError, TypeError) as error:
                log.warning("a key of the issuer can't be read", kind=type(error).__name__)
    if not keys:
        raise ValueError("no key that signs")
    return KeySet(keys)
