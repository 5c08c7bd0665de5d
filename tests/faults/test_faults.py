"""Kills, restarts and outages under load; afterwards the audit finds nothing lost, nothing twice, every firm crossing
matched by exactly one task. Each test is one fault, at a moment that the seed chooses."""

import contextlib
import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests import servers
from tests.e2e.product import Process, Product, apart, embedded, eventually, rollcall
from tests.faults.load import Load

TODAY = "2025-12-31"
BEFORE, AFTER = 25, 40

urns = itertools.count(100_101)
"""Each fault meets a school of its own: the last one's registers stand already."""


class Keeper:
    """Starts again what ended by itself, as an orchestrator would, until it is told that the end has come."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes, self._stop = processes, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            for n, process in enumerate(self._processes):
                if process.process.poll() is not None:
                    self._processes[n] = process.again()

    def __enter__(self) -> "Keeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for process in self._processes:
            process.wait_ready()


@dataclass
class Stage:
    """A product on real parts with the servers it stands on."""

    product: Product
    database: servers.Postgres
    kafka: servers.Kafka


@pytest.fixture(scope="module")
def stage(seed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for a round: ten processes take longer to start than a fault lasts, and what was hit once is hit again."""
    with (
        servers.postgres() as database,
        servers.kafka() as kafka,
        apart(tmp_path_factory.mktemp(f"stage{seed}"), TODAY, database.url, kafka.bootstrap) as product,
    ):
        yield Stage(product, database, kafka)


@contextlib.contextmanager
def under_load(product: Product, seed: int) -> Iterator[Load]:
    """Load before, during and after what the block does; then everything acknowledged must be there."""
    token = product.token("registers:write registers:read pupils:write pupils:read")

    def client() -> httpx.Client:
        return httpx.Client(
            base_url=product.urls["registers"], headers={"Authorization": f"Bearer {token}"}, timeout=10
        )

    load = Load(client, seed, urn=next(urns))
    load.prepare()
    load.start()
    try:
        load.wait_for(BEFORE + random.Random(seed).randrange(BEFORE))
        yield load
        load.wait_for(AFTER)
    except BaseException:
        print(product.said())
        raise
    finally:
        load.stop()


def children_named(pid: int, word: str) -> list[psutil.Process]:
    """Processes below `pid` whose command line holds `word`."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [p for p in psutil.Process(pid).children(recursive=True) if word in " ".join(p.cmdline())]
    return []


def test_a_killed_worker_of_the_embedded_product_loses_nothing(tmp_path: Path, seed: int) -> None:
    with embedded(tmp_path, TODAY) as product:
        with under_load(product, seed):
            (worker, *_) = children_named(product.processes[0].process.pid, "worker")
            worker.kill()
        product.audited()


def test_a_killed_embedded_postgresql_loses_nothing(tmp_path: Path, seed: int) -> None:
    with embedded(tmp_path, TODAY) as product:
        with under_load(product, seed):
            postmaster = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGKILL)
        product.audited()


def test_a_killed_product_goes_on_where_it_was(tmp_path: Path, seed: int) -> None:
    with embedded(tmp_path, TODAY) as product:
        with under_load(product, seed):
            product.processes[0].kill()
            eventually(lambda: not postgres_of(tmp_path))
            product.processes[0] = product.processes[0].again()
            product.processes[0].wait_ready()
        product.audited()


def postgres_of(folder: Path) -> bool:
    """Whether a server still runs on the folder."""
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        return psutil.pid_exists(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))
    return False


@pytest.mark.parametrize("service", ["registers", "absence-engine", "casework", "notifications"])
def test_a_killed_service_loses_and_doubles_nothing(stage: Stage, service: str, seed: int) -> None:
    product = stage.product
    with Keeper(product.processes), under_load(product, seed) as load:
        for process in product.processes:
            if service in process.arguments:
                process.kill()
                load.wait_for(5)
    product.audited()


def test_a_restarted_postgresql_loses_and_doubles_nothing(stage: Stage, seed: int) -> None:
    with Keeper(stage.product.processes), under_load(stage.product, seed):
        stage.database.kill() if seed % 2 else stage.database.stop()
        stage.database.start()
    stage.product.audited()


def test_registers_are_taken_while_kafka_is_away_and_counted_when_it_is_back(
    stage: Stage, seed: int, outage_seconds: float
) -> None:
    with Keeper(stage.product.processes), under_load(stage.product, seed) as load:
        stage.kafka.kill() if seed % 2 else stage.kafka.stop()
        until = time.monotonic() + outage_seconds
        while time.monotonic() < until:
            load.wait_for(5, seconds=30)
        stage.kafka.start()
    stage.product.audited()


def test_a_wiped_kafka_is_filled_again_from_the_ledgers(stage: Stage, seed: int) -> None:
    product = stage.product
    with Keeper(product.processes), under_load(product, seed):
        stage.kafka.stop()
        stage.kafka.wipe()
        stage.kafka.start()
        for service in ("registers", "absence-engine", "casework", "notifications"):
            rollcall("republish", "--service", service, "--database", stage.database.url)
    product.audited()
