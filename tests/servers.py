"""The real servers that tests and benchmarks run against: PostgreSQL 18 and Apache Kafka, started here, gone after.

`postgres()` and `kafka()` are context managers that need no pytest: each starts one server on a free port in a folder
of its own, so that several sessions can run beside each other. A server that can't be started is an error, never a
skip. Servers die with the process that started them, however it ends: a one-line shell holds a pipe and kills them
when it breaks (`Server._guard`). All calls block; from a coroutine use `asyncio.to_thread`.
Where their programs come from: `binaries`.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TypedDict, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from tests.binaries import KAFKA_LOG, KAFKA_SETTINGS, free_port, java, kafka_home, postgres_binary

AnyServer = TypeVar("AnyServer", bound="Server")

START_SECONDS = 60
STOP_SECONDS = 20
NOBODY = 65534


class User(TypedDict, total=False):
    """As whom a process runs, where not as whoever starts it: arguments for Popen."""

    user: int
    group: int
    extra_groups: list[int]


class Server(ABC):
    """One server process in a folder of its own; subclasses say how it is made, started and known to be ready."""

    name = "server"
    start_seconds = START_SECONDS
    stop_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.choose_ports()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def choose_ports(self) -> None:
        self.port = free_port()

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._process.pid

    def user(self) -> User:
        """As whom it runs."""
        return {}

    def environment(self) -> dict[str, str]:
        """What it finds in its environment."""
        return {**os.environ}

    @abstractmethod
    def prepare(self) -> None:
        """Makes an empty data folder."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What to run."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers."""

    def start(self) -> None:
        """Starts on the data that is there, on the same port; returns once the server answers."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self.environment(),
                start_new_session=True,  # Ctrl-C reaches the tests first, and they end their servers
                **self.user(),
            )
        self._process = process
        self._guard(process.pid)
        deadline = time.monotonic() + self.start_seconds
        while not self.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} did not start:\n{_tail(self.log)}")
            time.sleep(0.02)

    def _guard(self, pid: int) -> None:
        """Has the server killed when this process ends, even by SIGKILL: then the pipe breaks and `read` returns."""
        script = 'read _; kill -s "$2" "$1"; sleep 1; rm -rf "$3"'
        self._watch = subprocess.Popen(
            ["sh", "-c", script, "watch", str(pid), self.kill_signal.name.removeprefix("SIG"), str(self.folder)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """An orderly stop; the data stays."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """As if the machine had dropped it; the data stays."""
        self._end(self.kill_signal)

    def _end(self, how: signal.Signals) -> None:
        if self._watch is not None and self._watch.stdin is not None:
            self._watch.kill()
            self._watch.wait()
            self._watch.stdin.close()
            self._watch = None
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
        self._process = None

    def freeze(self) -> None:
        """Halts the server with its children: connections stay open, answers do not come."""
        for process in self._family():
            process.suspend()

    def thaw(self) -> None:
        """Goes on after `freeze`."""
        for process in self._family():
            process.resume()

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def wipe(self) -> None:
        """Ends the server and empties its data; the next start is that of a new one on the same port."""
        self.kill()
        self.prepare()

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def data(self) -> Path:
        return self.folder / "data"


class Postgres(Server):
    """PostgreSQL 18 out of the wheel; trusts every local connection, and does not wait for the disk."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # fast: sessions are ended, not waited for
    kill_signal = signal.SIGQUIT  # immediate: no checkpoint, so the next start recovers from the log

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder)
        self.settings = settings

    @property
    def url(self) -> str:
        """The URL of the server: its database `postgres`."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def user(self) -> User:
        """PostgreSQL refuses root."""
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def prepare(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        initdb = [postgres_binary("initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        initdb += ["--locale=C.UTF-8", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **self.user())

    def command(self) -> Sequence[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "io_method": "sync",
            "timezone": "UTC",
            **self.settings,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [postgres_binary("postgres"), "-D", str(self.data), *flags]

    def is_ready(self) -> bool:
        return b"ready to accept connections" in self.log.read_bytes()


class Kafka(Server):
    """One Apache Kafka broker that is its own controller (KRaft); topics must be made before they are used."""

    name = "Kafka"

    def __init__(self, folder: Path, *flags: str) -> None:
        super().__init__(folder)
        self.home = kafka_home(_record_classes)
        self.flags = flags

    def choose_ports(self) -> None:
        super().choose_ports()
        self.controller_port = free_port()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.home / "formatted", self.data)

    def command(self) -> Sequence[str]:
        settings = self.folder / "server.properties"
        settings.write_text(self.properties(), encoding="utf-8")
        return [*java(self.home, *KAFKA_LOG, *self.flags), "kafka.Kafka", str(settings)]

    def properties(self) -> str:
        """What its settings file says; of two lines for one setting the later counts."""
        ports = {"controller": self.controller_port, "port": self.port}
        return KAFKA_SETTINGS.format(**ports, folder=self.data)

    def is_ready(self) -> bool:
        return b"Kafka Server started" in self.log.read_bytes()


class SecuredKafka(Kafka):
    """A broker with a listener for each way to talk to it: `ways` gives their ports by Kafka's word.

    Its certificate signs itself, for 127.0.0.1 alone. `USER` may log in by PLAIN, and after `add_user` by SCRAM.
    """

    USER, PASSWORD = "rollcall", "a secret of the tests"

    def choose_ports(self) -> None:
        super().choose_ports()
        self.ways = {"PLAINTEXT": self.port} | {way: free_port() for way in ("SSL", "SASL_PLAINTEXT", "SASL_SSL")}

    @property
    def ca_file(self) -> Path:
        """The certificate that clients have to trust."""
        return self.folder / "broker.pem"

    def prepare(self) -> None:
        super().prepare()
        key, store = self.folder / "key.pem", self.folder / "store.pem"
        certify = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
        certify += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(self.ca_file)]
        subprocess.run(certify, check=True, capture_output=True)
        store.write_text(key.read_text() + self.ca_file.read_text())

    def properties(self) -> str:
        told = ",".join(f"{way}://127.0.0.1:{port}" for way, port in self.ways.items())
        package = "org.apache.kafka.common.security"
        login = f'{package}.plain.PlainLoginModule required user_{self.USER}="{self.PASSWORD}";'
        lines = [
            f"listeners={told},CONTROLLER://127.0.0.1:{self.controller_port}",
            f"advertised.listeners={told}",
            f"listener.security.protocol.map=CONTROLLER:PLAINTEXT,{','.join(f'{way}:{way}' for way in self.ways)}",
            "inter.broker.listener.name=PLAINTEXT",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={self.folder / 'store.pem'}",
        ]
        for way in ("sasl_plaintext", "sasl_ssl"):
            lines.append(f"listener.name.{way}.plain.sasl.jaas.config={login}")
            scram = f"{package}.scram.ScramLoginModule required;"
            lines += [f"listener.name.{way}.scram-sha-{bits}.sasl.jaas.config={scram}" for bits in (256, 512)]
        return super().properties() + "\n".join(lines) + "\n"

    def add_user(self) -> None:
        """Lets the user log in by SCRAM: its broker must run."""
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            command = ["kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap, "--alter"]
            command += ["--entity-type", "users", "--entity-name", self.USER]
            command += ["--add-config", f"{mechanism}=[password={self.PASSWORD}]"]
            subprocess.run([*java(self.home, *KAFKA_LOG), *command], check=True, capture_output=True)


@contextlib.contextmanager
def postgres(**settings: str) -> Iterator[Postgres]:
    """A running, empty PostgreSQL server; `settings` go over those of the tests."""
    with temporary_folder("postgres") as folder, running(Postgres(folder, **settings)) as server:
        yield server


@contextlib.contextmanager
def kafka() -> Iterator[Kafka]:
    """A running, empty Kafka broker."""
    with temporary_folder("kafka") as folder, running(Kafka(folder)) as server:
        yield server


@contextlib.contextmanager
def secured_kafka() -> Iterator[SecuredKafka]:
    """A running, empty Kafka broker that is reached in four ways."""
    with temporary_folder("kafka") as folder, running(SecuredKafka(folder)) as server:
        server.add_user()
        yield server


@contextlib.asynccontextmanager
async def fresh_database(server_url: str, template: str = "template1") -> AsyncIterator[str]:
    """The URL of a database that exists only inside the block: empty, or a copy of `template`."""
    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(server_url)
    try:
        await admin.execute(f'create database "{name}" template "{template}"')
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        await admin.execute(f'drop database if exists "{name}" with (force)')
    finally:
        await admin.close()


@contextlib.contextmanager
def running(server: AnyServer) -> Iterator[AnyServer]:
    """A server on empty data, killed after the block."""
    server.prepare()
    try:
        _start_somewhere(server)
        yield server
    finally:
        server.kill()


def _start_somewhere(server: Server) -> None:
    """Starts on the ports chosen, or on others when somebody else took one of them in the meantime."""
    for _ in range(5):
        try:
            return server.start()
        except RuntimeError as error:
            if "in use" not in str(error):
                raise
            server.choose_ports()
    return server.start()


@contextlib.contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """A folder that PostgreSQL's user owns and may reach (pytest's own temporary folders are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix=f"rollcall-{name}-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])


def _record_classes(home: Path) -> None:
    """Writes the archive of the classes that a broker loads; it appears under its name only when complete."""
    with temporary_folder("kafka") as folder:
        broker = Kafka(folder, f"-XX:ArchiveClassesAtExit={folder / 'kafka.jsa'}")
        broker.prepare()
        _start_somewhere(broker)
        broker.stop()
        making = home / "kafka.jsa.making"
        shutil.move(folder / "kafka.jsa", making)
        making.rename(home / "kafka.jsa")
