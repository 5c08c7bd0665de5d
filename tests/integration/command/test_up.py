"""`rollcall up` as a process: it comes up, survives what is done to it, and leaves nothing behind."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.e2e.product import ROLLCALL, Process, eventually, free_port, token_from

READY_SECONDS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def up(folder: Path) -> Iterator[Callable[..., Process]]:
    """Starts `rollcall up` on the folder; at the end of the test nothing of it may be left."""
    started: list[Process] = []

    def start(*words: str) -> Process:
        started.append(Process("up", "--data", str(folder), "--port", str(free_port()), *words))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.stop()
    eventually(lambda: not processes_of(folder), 15)


def processes_of(folder: Path) -> list[int]:
    """Every process that names the folder in its command, or works in it."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                named = os.fsencode(folder) in (entry / "cmdline").read_bytes()
                inside = str((entry / "cwd").resolve()).startswith(str(folder))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if named or inside:
                found.append(int(entry.name))
    return found


def where(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "run.json").read_text()))


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=20).status_code == 200
    except httpx.TransportError:
        return False


def test_it_says_ready_once_and_ends_cleanly(up: Callable[..., Process], folder: Path) -> None:
    process = up()
    url = process.wait_ready()
    assert ready(url)
    token = token_from(folder)("registers:read")
    answer = httpx.get(f"{url}/v1/reference/attendance-codes", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    began = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - began < 10
    assert not processes_of(folder)
    assert process.printed() == [f"ready {url}\n"]


def test_ctrl_c_ends_it_cleanly_too(up: Callable[..., Process], folder: Path) -> None:
    process = up()
    process.wait_ready()
    process.process.send_signal(signal.SIGINT)
    assert process.ended() == 0
    assert not processes_of(folder)


def test_it_can_be_ended_while_it_starts(up: Callable[..., Process], folder: Path) -> None:
    process = up()
    eventually(lambda: (folder / "run.json").exists(), 10)
    assert process.stop() == 0


def test_tokens_stay_good_across_restarts(up: Callable[..., Process], folder: Path) -> None:
    token = token_from(folder)("registers:read")
    for _ in range(2):
        process = up()
        url = process.wait_ready()
        path = f"{url}/v1/reference/attendance-codes"
        assert httpx.get(path, headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert process.stop() == 0


def test_a_second_one_on_the_folder_is_refused_in_words(up: Callable[..., Process], folder: Path) -> None:
    first = up()
    url = first.wait_ready()
    second = up()
    assert second.ended() == 2
    assert any("in use by another Rollcall" in line for line in second.errors)
    assert ready(url)


def test_a_taken_port_is_refused_in_words(up: Callable[..., Process], tmp_path: Path) -> None:
    first = up()
    port = first.wait_ready().rpartition(":")[2]
    second = Process("up", "--data", str(tmp_path / "other"), "--port", port)
    assert second.ended() == 2
    assert any("Address already in use" in line for line in second.errors)


@pytest.mark.parametrize(
    ("setting", "words", "said"),
    [
        ({"ROLLCALL_LOG_LEVEL": "loud"}, [], "rollcall: ROLLCALL_LOG_LEVEL: "),
        ({"ROLLCALL_TODAY": "2025-02-30"}, [], "rollcall: ROLLCALL_TODAY: "),
        ({}, ["--kafka", "nowhere"], "rollcall: ROLLCALL_KAFKA: "),
        ({}, ["--database", "nonsense"], "rollcall: --database is no PostgreSQL URL"),
        ({}, ["--database", "postgresql://host:port/x"], "rollcall: --database is no PostgreSQL URL"),
    ],
)
def test_what_can_not_be_worked_with_is_refused_in_words_and_at_once(
    folder: Path, setting: dict[str, str], words: list[str], said: str
) -> None:
    process = Process("up", "--data", str(folder), "--port", str(free_port()), *words, environment=setting)
    assert process.ended(READY_SECONDS) == 2
    assert [line for line in process.errors if line.startswith(said)]
    assert not [line for line in process.errors if "Traceback" in line]
    assert not processes_of(folder)


def test_a_killed_worker_is_replaced_on_the_same_port(up: Callable[..., Process], folder: Path) -> None:
    process = up()
    url = process.wait_ready()
    os.kill(where(folder)["worker"], signal.SIGKILL)
    eventually(lambda: ready(url), READY_SECONDS)
    assert process.stop() == 0
    assert process.printed() == [f"ready {url}\n"]


def test_a_killed_database_server_is_started_again(up: Callable[..., Process], folder: Path) -> None:
    url = up().wait_ready()
    before = postmaster(folder)
    os.kill(before, signal.SIGKILL)
    eventually(
        lambda: (folder / "postgres" / "postmaster.pid").exists() and postmaster(folder) != before, READY_SECONDS
    )
    eventually(lambda: ready(url), READY_SECONDS)


def test_a_sequence_goes_on_after_the_database_server_was_killed(up: Callable[..., Process], folder: Path) -> None:
    """Also one that was made in the transaction of its first value, moments before."""
    url = up().wait_ready()

    async def add(*, made: bool) -> int:
        connection = await asyncpg.connect(where(folder)["database"])
        try:
            async with connection.transaction():
                if not made:
                    await connection.execute("create table thing (id int generated always as identity primary key)")
                return int(await connection.fetchval("insert into thing default values returning id"))
        finally:
            await connection.close()

    assert [asyncio.run(add(made=made)) for made in (False, True, True)] == [1, 2, 3]
    before = postmaster(folder)
    os.kill(before, signal.SIGKILL)
    eventually(
        lambda: (folder / "postgres" / "postmaster.pid").exists() and postmaster(folder) != before, READY_SECONDS
    )
    eventually(lambda: ready(url), READY_SECONDS)
    assert asyncio.run(add(made=True)) > 3


def test_a_command_that_is_ended_stops_the_database_server_that_it_started(
    up: Callable[..., Process], folder: Path
) -> None:
    process = up()
    process.wait_ready()
    process.stop()
    with subprocess.Popen([ROLLCALL, "audit", "--data", str(folder)], stdout=subprocess.DEVNULL) as audit:
        eventually(lambda: (folder / "postgres" / "postmaster.pid").exists(), READY_SECONDS)
        audit.terminate()
        assert audit.wait(READY_SECONDS) == 128 + signal.SIGTERM
    assert not processes_of(folder)


def test_what_a_killed_supervisor_looked_after_ends_by_itself(up: Callable[..., Process], folder: Path) -> None:
    process = up()
    process.wait_ready()
    process.kill()
    eventually(lambda: not processes_of(folder), 15)


def test_after_a_killed_supervisor_the_next_one_starts_at_once(up: Callable[..., Process], folder: Path) -> None:
    for _ in range(2):
        process = up()
        process.wait_ready()
        process.kill()
    assert ready(up().wait_ready())


def test_a_database_server_that_was_left_behind_is_adopted(up: Callable[..., Process], folder: Path) -> None:
    process = up()
    process.wait_ready()
    server = postmaster(folder)
    os.kill(where(folder)["worker"], signal.SIGSTOP)  # so that it can't stop the server when the supervisor goes
    process.kill()
    again = up()
    assert ready(again.wait_ready())
    assert postmaster(folder) == server


def test_the_database_keeps_every_commit_and_listens_on_no_port(up: Callable[..., Process], folder: Path) -> None:
    up().wait_ready()

    async def settings() -> dict[str, str]:
        connection = await asyncpg.connect(where(folder)["database"])
        try:
            names = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
            return {name: await connection.fetchval("select current_setting($1)", name) for name in names}
        finally:
            await connection.close()

    assert asyncio.run(settings()) == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
    }
