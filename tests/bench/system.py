"""The systems that are measured, each started for one run: the product in its two modes, and the reference service."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from simulator.calendar import school_days

from tests import servers
from tests.bench import processes
from tests.bench.load import Request
from tests.binaries import free_port
from tests.e2e.product import ALL_SCOPES, Process, apart, token_from
from tests.e2e.school import pupil, put_calendar, put_roll, put_school, upn

YEAR = 2025
TODAY = "2026-07-31"
DAYS = tuple(day.date.isoformat() for day in school_days(YEAR))
SESSIONS = tuple((day, half) for day in DAYS for half in ("AM", "PM"))
CLASSES_PER_SCHOOL = 10
CLASS_SIZE = 30
# What a careful administrator sets first; durable, as for real work. The embedded product brings its own settings.
POSTGRES_SETTINGS = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "512MB", "max_wal_size": "4GB"}


@dataclass(frozen=True)
class System:
    """A running system: where registers and where the engine answer, a token for them, and the processes whose use
    counts as its own.
    """

    url: str
    engine_url: str
    token: str
    roots: tuple[int, ...]

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.roots)


@contextlib.contextmanager
def real_parts() -> Iterator[tuple[servers.Postgres, servers.Kafka]]:
    """A PostgreSQL and an Apache Kafka, both empty."""
    with servers.postgres(**POSTGRES_SETTINGS) as postgres, servers.kafka() as kafka:
        yield postgres, kafka


@contextlib.contextmanager
def embedded() -> Iterator[System]:
    """`rollcall up` on embedded PostgreSQL and broker."""
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name, _up(Path(name)) as (process, url, token):
        yield System(url, url, token, (process, processes.postmaster(Path(name) / "postgres")))


@contextlib.contextmanager
def on_real_parts() -> Iterator[System]:
    """Each service a process of its own, as they are deployed, on a real PostgreSQL and Kafka of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name,
        real_parts() as (postgres, kafka),
        apart(Path(name), TODAY, postgres.url, kafka.bootstrap, consumers=1) as product,
    ):
        services = [one.process.pid for one in product.processes]
        roots = (*services, postgres.pid, kafka.pid)
        yield System(product.urls["registers"], product.urls["absence-engine"], product.token(ALL_SCOPES), roots)


@contextlib.contextmanager
def in_one_process() -> Iterator[System]:
    """`rollcall up` with all services on a real PostgreSQL and Kafka of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name,
        real_parts() as (postgres, kafka),
        _up(Path(name), "--database", postgres.url, "--kafka", kafka.bootstrap) as (process, url, token),
    ):
        yield System(url, url, token, (process, postgres.pid, kafka.pid))


@contextlib.contextmanager
def reference() -> Iterator[System]:
    """The careful service, one uvicorn worker, on a real PostgreSQL and Kafka of its own."""
    with real_parts() as (postgres, kafka):
        topic = f"marks-{uuid.uuid4().hex[:8]}"
        _make_topic(kafka.bootstrap, topic)
        port = free_port()
        environment = {
            **os.environ,
            "DATABASE_URL": postgres.url,
            "KAFKA_BOOTSTRAP": kafka.bootstrap,
            "BENCH_TOPIC": topic,
        }
        folder = Path(__file__).with_name("reference")
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(folder), "service:app", "--workers", "1"]
        command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        service = subprocess.Popen(command, env=environment)
        try:
            _wait_for_port(service, port)
            url = f"http://127.0.0.1:{port}"
            yield System(url, url, "", (service.pid, postgres.pid, kafka.pid))
        finally:
            service.terminate()
            service.wait(20)


@contextlib.contextmanager
def _up(folder: Path, *arguments: str) -> Iterator[tuple[int, str, str]]:
    """Process id, URL and token of a `rollcall up`."""
    process = Process(
        "up", "--data", str(folder), "--port", str(free_port()), *arguments, environment={"ROLLCALL_TODAY": TODAY}
    )
    try:
        url = process.wait_ready()
        yield process.process.pid, url, token_from(folder)(ALL_SCOPES)
    finally:
        if process.process.poll() is None:
            process.stop()


def load_classes(system: System, classes: int) -> list[list[str]]:
    """Schools of ten classes of thirty with calendars and rolls; the pupil ids of each class as the roll answered
    them.
    """
    rooms: list[list[str]] = []
    with httpx.Client(base_url=system.url, headers={"Authorization": f"Bearer {system.token}"}, timeout=60) as client:
        for number in range(-(-classes // CLASSES_PER_SCHOOL)):
            urn = urn_of_class(number * CLASSES_PER_SCHOOL)
            put_school(client, urn)
            put_calendar(client, urn, DAYS)
            first = number * CLASSES_PER_SCHOOL * CLASS_SIZE
            count = min(CLASSES_PER_SCHOOL, classes - number * CLASSES_PER_SCHOOL) * CLASS_SIZE
            rows = [pupil(str(place), upn=upn(first + place)) for place in range(count)]
            known = put_roll(client, urn, rows)
            ids = [known[str(place)] for place in range(count)]
            rooms += [ids[place : place + CLASS_SIZE] for place in range(0, count, CLASS_SIZE)]
    return rooms


def urn_of_class(room: int) -> int:
    return 100000 + room // CLASSES_PER_SCHOOL


def registers(rooms: Sequence[Sequence[str]], count: int, seed: int = 7) -> list[Request]:
    """Every class's first session, then the second, and so on: all registers are new ones."""
    rng = random.Random(seed)
    codes = "/" * 90 + "LLIIIIIMOOG"
    work: list[Request] = []
    for number in range(count):
        room = number % len(rooms)
        date, half = SESSIONS[number // len(rooms)]
        marks = [{"pupil_id": pupil_id, "code": rng.choice(codes)} for pupil_id in rooms[room]]
        path = f"/v1/schools/{urn_of_class(room)}/registers/{date}/{half}"
        work.append(Request(path, json.dumps({"marks": marks}).encode()))
    return work


def _make_topic(bootstrap: str, topic: str) -> None:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 6, 1)])[topic].result(30)


def _wait_for_port(service: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            if service.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the reference service did not start") from None
            time.sleep(0.05)
