"""The product as its users meet it: processes started from the command line, talked to over HTTP.

`embedded(...)` is `rollcall up` on a folder of its own; `apart(...)` is the four services as processes of their own,
two of each consumer, on a real Kafka and PostgreSQL. Both give a `Product`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from tests import keys
from tests.binaries import free_port

ROLLCALL = str(Path(sys.executable).with_name("rollcall"))
ALL_SCOPES = (
    "registers:write registers:read absences:write pupils:write pupils:read totals:read policies:write "
    "cases:write cases:read letters:read admin"
)
START_SECONDS = 60
SETTLE_SECONDS = 60
SERVICES = ("registers", "absence-engine", "casework", "notifications")


class Process:
    """One `rollcall` command; its standard error is kept for the failure message."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.arguments = arguments
        self._environment = environment
        self._lines: list[str] = []
        self.errors: list[str] = []
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [ROLLCALL, *arguments],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=_keep_lines, args=(stream, keep), daemon=True)
            for stream, keep in ((self.process.stdout, self._keep_line), (self.process.stderr, self.errors.append))
        ]
        for reader in self._readers:
            reader.start()

    def _keep_line(self, line: str) -> None:
        self._lines.append(line)
        if line.startswith("ready "):
            self._ready.set()

    def wait_ready(self) -> str:
        """The URL of the `ready` line."""
        deadline = time.monotonic() + START_SECONDS
        while not self._ready.wait(0.1):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.arguments} did not become ready:\n{''.join(self.errors[-60:])}")
        return next(line for line in self._lines if line.startswith("ready ")).split()[1]

    def printed(self) -> list[str]:
        """What came on standard output; all of it once the process was stopped."""
        return list(self._lines)

    def stop(self) -> int:
        """SIGTERM, and the exit status; the contract gives it ten seconds."""
        self.ask_to_end()
        return self.ended()

    def ask_to_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float = 10) -> int:
        """The exit status of a process that is to end; everything that it said has been read then."""
        try:
            status = self.process.wait(seconds)
            for reader in self._readers:
                reader.join(5)
            return status
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(
                f"{self.arguments} did not end within {seconds} s:\n{''.join(self.errors[-60:])}"
            ) from None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.ended()

    def again(self) -> "Process":
        """The same command, started anew."""
        return Process(*self.arguments, environment=self._environment)


def _keep_lines(stream: IO[str], keep: Callable[[str], None]) -> None:
    with stream:
        for line in stream:
            keep(line)


@dataclass
class Product:
    """Where each service answers, how to get a token, how to have it audited."""

    urls: dict[str, str]
    audit_arguments: Sequence[str]
    token: Callable[..., str]
    processes: list[Process]
    environment: dict[str, str] = field(default_factory=dict)

    def client(self, service: str = "registers", scope: str = ALL_SCOPES, schools: Sequence[int] = ()) -> httpx.Client:
        return httpx.Client(
            base_url=self.urls[service],
            headers={"Authorization": f"Bearer {self.token(scope, schools)}"},
            timeout=60,
        )

    def audit(self) -> subprocess.CompletedProcess[str]:
        """`rollcall audit`: returns once everything announced has been consumed; it is also the barrier."""
        return subprocess.run(
            [ROLLCALL, "audit", *self.audit_arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=170,
        )

    def said(self) -> str:
        """The last lines that each process wrote to its standard error."""
        return "\n".join(f"--- {p.arguments[:2]}\n{''.join(p.errors[-40:])}" for p in self.processes)

    def audited(self) -> str:
        """The audit's output; fails when it found anything."""
        done = self.audit()
        assert done.returncode == 0, f"audit says {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


def token_from(folder: Path) -> Callable[..., str]:
    def token(scope: str, schools: Sequence[int] = ()) -> str:
        listed = [argument for urn in schools for argument in ("--school", str(urn))]
        done = subprocess.run(
            [ROLLCALL, "token", "--data", str(folder), "--scope", scope, *listed],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout.strip()

    return token


@contextlib.contextmanager
def embedded(folder: Path, today: str, environment: dict[str, str] | None = None) -> Iterator[Product]:
    """Everything in one process on embedded parts."""
    settings = {"ROLLCALL_TODAY": today, "ROLLCALL_LETTER_HOLD_HOURS": "24", **(environment or {})}
    processes = [Process("up", "--data", str(folder), "--port", str(free_port()), environment=settings)]
    try:
        url = processes[0].wait_ready()
        yield Product(
            urls=dict.fromkeys(SERVICES, url),
            audit_arguments=("--data", str(folder)),
            token=token_from(folder),
            processes=processes,
            environment=settings,
        )
        (process,) = processes
        assert process.process.poll() is None, f"it ended by itself:\n{''.join(process.errors[-60:])}"
        assert process.stop() == 0
    finally:
        for process in processes:
            if process.process.poll() is None:
                process.stop()


@contextlib.contextmanager
def apart(
    folder: Path,
    today: str,
    database: str,
    kafka: str,
    consumers: int = 2,
    services: Sequence[str] = SERVICES,
    parted: Sequence[str] = (),
) -> Iterator[Product]:
    """Services on real parts, all unless told, those that consume as often as asked, and the development issuer. Those
    that are `parted` answer in one process and work in others.
    """
    issuer = Process("issuer", "--data", str(folder), "--port", str(free_port()))
    processes = [issuer]
    try:
        issuer_url = issuer.wait_ready()
        ports = {name: free_port() for name in services}
        registers_port = ports.get("registers") or free_port()
        settings = {
            "ROLLCALL_TODAY": today,
            "ROLLCALL_LETTER_HOLD_HOURS": "24",
            "ROLLCALL_LETTERS_FOLDER": str(folder / "letters"),
            **service_credentials(folder),
            **keys.SETTINGS,
        }

        def start(name: str, port: int, *only: str) -> Process:
            process = Process(
                "service", name, *only, "--database", database, "--kafka", kafka, "--port", str(port),
                "--issuer", issuer_url, "--jwks-url", f"{issuer_url}/.well-known/jwks.json",
                "--registers-url", f"http://127.0.0.1:{registers_port}",
                environment={**settings, "ROLLCALL_TOKEN_URL": f"{issuer_url}/oauth/token"},
            )  # fmt: skip
            processes.append(process)
            return process

        started = [start(name, port, *(("--only", "web") if name in parted else ())) for name, port in ports.items()]
        for name in (name for name in ports if name != "registers"):
            only = ("--only", "work") if name in parted else ()
            started += [start(name, free_port(), *only) for _ in range(consumers - (name not in parted))]
        for process in started:
            process.wait_ready()
        yield Product(
            urls={name: f"http://127.0.0.1:{port}" for name, port in ports.items()},
            audit_arguments=("--database", database),
            token=token_from(folder),
            processes=processes,
            environment=settings,
        )
        for process in processes:
            process.ask_to_end()
        assert [process.ended() for process in processes] == [0] * len(processes)
    finally:
        for process in processes:
            if process.process.poll() is None:
                process.kill()


def service_credentials(folder: Path) -> dict[str, str]:
    """The generated service client of the development issuer, as a deployment would pass it."""
    client = json.loads((folder / "issuer.json").read_text())["service_client"]
    return {"ROLLCALL_CLIENT_ID": client["id"], "ROLLCALL_CLIENT_SECRET": client["secret"]}


def eventually(check: Callable[[], Any], seconds: float = SETTLE_SECONDS) -> Any:
    """The first truthy answer of `check`, asked again until then."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never became true: {check}")
        time.sleep(0.05)
    return answer


def rollcall(*arguments: str) -> str:
    """Runs a command of the product to its end; its standard output."""
    done = subprocess.run([ROLLCALL, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{arguments} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
