"""The data folder: what is in it, and who may use it.

`postgres/` the database cluster · `issuer.json` keys and the services' secret · `clients.json` who may get tokens ·
`households.json` the key of households · `keys.json` what personal data is sealed with · `letters/` letters sent ·
`run.json` where the product runs. Two locks: the supervisor's says that the product runs; the worker's outlives a
supervisor that was killed, so that its successor can end the orphan first.
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rollcall.cli import CommandError

ORPHAN_SECONDS = 12.0


class InUseError(CommandError):
    """Another Rollcall works with the folder."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where the product runs: processes, port, and the URL of its database server."""

    supervisor: int
    worker: int
    port: int
    database: str


class Folder:
    """A data folder, made when it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"can't make the data folder {self.path}: {error.strerror}") from error
        self.postgres = self.path / "postgres"
        self.letters = self.path / "letters"
        self.issuer = self.path / "issuer.json"
        self.clients = self.path / "clients.json"
        self._households = self.path / "households.json"
        self._keys = self.path / "keys.json"
        self.sandbox = self.path / "sandbox.json"
        self._run = self.path / "run.json"

    def household_key(self) -> str:
        """The key of households, made when it is first asked for."""
        if not self._households.exists():
            make_once(self._households, {"key": secrets.token_urlsafe(32)})
        return json.loads(self._households.read_text())["key"]

    def keys(self) -> tuple[str, str]:
        """What personal data is sealed with and found by, as ROLLCALL_KEYS and ROLLCALL_LOOKUP_KEY would say it; made
        when first asked for. A key that is written before the others, in `keys`, seals from the next start on.
        """
        if not self._keys.exists():
            make_once(self._keys, {"keys": f"1:{_new_key()}", "lookup_key": _new_key()})
        kept = json.loads(self._keys.read_text())
        return kept["keys"], kept["lookup_key"]

    def running(self) -> Running | None:
        """What the last supervisor wrote down; it may be gone since."""
        try:
            return Running(**json.loads(self._run.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_running(self, running: Running) -> None:
        """Says where the product runs."""
        write_whole(self._run, asdict(running))

    def forget_running(self) -> None:
        """It runs no longer."""
        self._run.unlink(missing_ok=True)

    def take(self) -> "Locks":
        """Both locks, ending a worker that was left behind; InUseError when the product runs already."""
        supervisor = _lock(self.path / ".lock")
        if supervisor is None:
            running = self.running()
            where = f" (process {running.supervisor}, port {running.port})" if running else ""
            raise InUseError(f"{self.path} is in use by another Rollcall{where}")
        worker = self._lock_after_orphan()
        if worker is None:
            os.close(supervisor)
            raise CommandError(f"{self.path} is still in use by a worker that does not end")
        return Locks(supervisor, worker)

    def _lock_after_orphan(self) -> int | None:
        """The worker's lock, taken from a worker without supervisor: such a one is ending already; it gets a second."""
        deadline = time.monotonic() + ORPHAN_SECONDS
        kill_after = time.monotonic() + 1
        while time.monotonic() < deadline:
            if (lock := _lock(self.path / ".worker-lock")) is not None:
                return lock
            running = self.running()
            if running is not None and time.monotonic() > kill_after:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running.worker, signal.SIGKILL)
            time.sleep(0.02)
        return None


@dataclass(frozen=True, slots=True)
class Locks:
    """Open files whose locks last as long as they do; `worker` is inherited by the worker."""

    supervisor: int
    worker: int

    def release(self) -> None:
        """Gives the folder back."""
        os.close(self.worker)
        os.close(self.supervisor)


def _lock(path: Path) -> int | None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def make_once(path: Path, content: Any) -> None:
    """Writes JSON where there is no such file yet; of two commands that start at once both go on with one content."""
    draft = path.with_name(f".{path.name}.new.{os.getpid()}")
    write_whole(draft, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def write_whole(path: Path, content: Any) -> None:
    """Writes JSON so that a reader sees the old file or the new one; readable by its owner alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(file, "w") as stream:
        json.dump(content, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
