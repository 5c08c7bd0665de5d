"""The clients of the embedded issuer, in `clients.json` of a data folder: who may get tokens, for what, since when.

A secret is shown once, when it is made; what is kept is its hash (scrypt). A client that is revoked stays in the list,
and its name is not given again: so a name means one client for ever, and a token of a revoked one is known by it.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rollcall.cli import CommandError
from rollcall.folder import write_whole

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SERVICES = "rollcall-services"
"""The services' own client, which a data folder's issuer knows; ROLLCALL_CLIENT_ID names it where it has another name.
"""
LOOK_SECONDS = 1.0
"""How long a process may not know yet that the list has changed."""

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
"""scrypt's: 16 MiB and some 50 ms for a guess, which has 256 bits to find."""


@dataclass(frozen=True, slots=True)
class Client:
    """One that may get tokens: for these scopes, limited to these schools unless None. `added` and `revoked` are
    seconds since 1970.
    """

    name: str
    hashed: str
    scopes: tuple[str, ...]
    schools: tuple[int, ...] | None
    added: int
    revoked: int | None = None

    def has_secret(self, secret: str) -> bool:
        """Whether it is the client's; takes a while, on purpose."""
        salt, kept = (base64.b64decode(part) for part in self.hashed.split("$"))
        return hmac.compare_digest(_hash(secret, salt), kept)


class Clients:
    """The list, as the file has it: read again when it has changed, looked at once a second at most."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._known: dict[str, Client] = {}
        self._revoked: frozenset[str] = frozenset()
        self._looked, self._state = float("-inf"), (0, 0)

    def all(self) -> list[Client]:
        """Every client, in the order of their names."""
        self._look()
        return sorted(self._known.values(), key=lambda one: one.name)

    def find(self, name: str) -> Client | None:
        """The client, unless it has been revoked."""
        self._look()
        found = self._known.get(name)
        return None if found is None or found.revoked else found

    def is_revoked(self, name: str) -> bool:
        """Whether tokens of this client are to be refused."""
        self._look()
        return name in self._revoked

    def add(
        self, name: str, scopes: Collection[str], schools: Collection[int] | None, secret: str | None = None
    ) -> str:
        """Adds a client; its secret, a new one unless given, which nobody can ever tell again. CommandError when the
        name is taken, or the services' own.
        """
        _refuse_own(name)
        if not NAME.fullmatch(name):
            raise CommandError("a client's name has letters, digits, dots, dashes and underscores, 64 at most")
        secret, salt = secret or secrets.token_urlsafe(32), secrets.token_bytes(16)
        hashed = "$".join(base64.b64encode(part).decode() for part in (salt, _hash(secret, salt)))
        limited = None if schools is None else tuple(sorted(set(schools)))
        made = Client(name, hashed, tuple(scopes), limited, int(time.time()))
        with self._changing() as known:
            if name in known:
                raise CommandError(f"there is or was a client {name}: take another name")
            known[name] = made
        return secret

    def revoke(self, name: str) -> None:
        """From now on it gets no token, and those that it has are refused. CommandError when there is none."""
        _refuse_own(name)
        with self._changing() as known:
            if name not in known:
                raise CommandError(f"there is no client {name}")
            if not known[name].revoked:
                known[name] = replace(known[name], revoked=int(time.time()))

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Client]]:
        """The list, to be changed; one process at a time."""
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            yield known
            write_whole(self._path, [asdict(client) for client in known.values()])
            self._looked = float("-inf")
        finally:
            os.close(lock)

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        try:
            found = self._path.stat()
            state = (found.st_mtime_ns, found.st_ino)
        except FileNotFoundError:
            state = (0, 0)
        if state != self._state:
            self._state, self._known = state, self._read()
            self._revoked = frozenset(name for name, client in self._known.items() if client.revoked)

    def _read(self) -> dict[str, Client]:
        try:
            listed = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return {one["name"]: _client(one) for one in listed}


def _refuse_own(name: str) -> None:
    """CommandError for a name of the services: it is let in without an agreement, and letters end if it is revoked."""
    if name in (SERVICES, os.environ.get("ROLLCALL_CLIENT_ID")):
        raise CommandError(f"{name} is the services' own name")


def _client(kept: dict[str, object]) -> Client:
    made = Client(**kept)  # type: ignore[arg-type]
    return replace(made, scopes=tuple(made.scopes), schools=None if made.schools is None else tuple(made.schools))


def _hash(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL)
