"""The development issuer's file and its tokens: a key pair and a client of the services', made once for a data folder.

In production the council's issuer does this; Rollcall then only knows its public keys.
"""

import json
import os
import secrets
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from common.scopes import AUDIENCE, SCOPES
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from rollcall.clients import SERVICES
from rollcall.folder import make_once, write_whole

EMBEDDED_ISSUER = "urn:rollcall:embedded"
COMMAND_SECONDS = 12 * 3600
OAUTH_SECONDS = 15 * 60


@dataclass(frozen=True, slots=True)
class Issuer:
    """What `issuer.json` holds. `issuer` is the `iss` of its tokens; `key` a private JWK (P-256)."""

    issuer: str
    key: Mapping[str, Any]
    service_client: Mapping[str, str]

    def clients(self) -> dict[str, str]:
        """Secrets by client id: the services' own, and the one of ROLLCALL_CLIENT_ID when the environment has it."""
        known = {self.service_client["id"]: self.service_client["secret"]}
        name, secret = os.environ.get("ROLLCALL_CLIENT_ID"), os.environ.get("ROLLCALL_CLIENT_SECRET")
        if name and secret:
            known[name] = secret
        return known

    def public_keys(self) -> dict[str, Any]:
        """The JWKS."""
        key = ECKey.import_key(dict(self.key))
        return {"keys": [{**key.as_dict(private=False), "kid": self.key["kid"], "use": "sig", "alg": "ES256"}]}

    def key_set(self) -> KeySet:
        """The public keys as a verifier takes them."""
        return KeySet.import_key_set(self.public_keys())  # type: ignore[arg-type]

    def issuers(self) -> frozenset[str]:
        """Every `iss` that this folder's key signs under."""
        return frozenset({self.issuer, EMBEDDED_ISSUER})

    def sign(self, subject: str, scope: str, schools: Collection[int] | None, seconds: int) -> str:
        """A token (compact JWT) that lasts `seconds`; `schools` None leaves it unlimited."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject,
            "client_id": subject,
            "iat": now,
            "exp": now + seconds,
            "jti": uuid.uuid4().hex,
            "scope": scope,
        }
        if schools is not None:
            claims["schools"] = sorted(schools)
        return jwt.encode({"alg": "ES256", "kid": self.key["kid"]}, claims, ECKey.import_key(dict(self.key)))


def unknown_scopes(named: Iterable[str]) -> list[str]:
    """The scopes among these that there are not."""
    return [name for name in named if name not in SCOPES]


def load(path: Path, *, issuer: str | None = None) -> Issuer:
    """Reads the file, or makes it. `issuer` is written down as the `iss` from now on."""
    if not path.exists():
        _create(path)
    found = Issuer(**json.loads(path.read_text()))
    if issuer is not None and issuer != found.issuer:
        found = replace(found, issuer=issuer)
        write_whole(path, asdict(found))
    return found


def _create(path: Path) -> None:
    key = ECKey.generate_key("P-256", {"kid": uuid.uuid4().hex})
    made = Issuer(
        issuer=EMBEDDED_ISSUER,
        key=key.as_dict(private=True),
        service_client={"id": SERVICES, "secret": secrets.token_urlsafe(32)},
    )
    make_once(path, asdict(made))
