"""A service's routes as a caller with a token meets them, and databases that are copies of a migrated one."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx
from common.db import create_database_if_absent
from common.migrate import migrate
from common.scopes import AUDIENCE
from common.security import FixedKeys, Verifier
from common.service import Service
from common.settings import Settings
from common.web.app import create_app
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

KEY = ECKey.generate_key("P-256", {"kid": "k"})


def bearer(scope: str, schools: Iterable[int] | None = None) -> dict[str, str]:
    """The header of a caller with these scopes, limited to these schools."""
    claims: dict[str, Any] = {"iss": "us", "aud": AUDIENCE, "sub": "s", "exp": 4_000_000_000, "scope": scope}
    if schools is not None:
        claims["schools"] = list(schools)
    return {"authorization": "Bearer " + jwt.encode({"alg": "ES256", "kid": "k"}, claims, KEY)}


def door(service: Service) -> httpx.AsyncClient:
    """A client of the service's own application; requests bring their token themselves."""
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    app = create_app([service], Settings(database_url=""), Verifier(["us"], FixedKeys(keys)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rollcall")


def migrated(server_url: str, package: str) -> str:
    """The name of a database with the tables of a service, to be copied."""

    async def make() -> str:
        url = await create_database_if_absent(server_url, f"{package}-template")
        await migrate(url, package)
        return url.rpartition("/")[2]

    return asyncio.run(make())
