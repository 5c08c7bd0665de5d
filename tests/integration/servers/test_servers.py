"""The test servers themselves: they leave nothing behind, whatever happens to the session that started them."""

import signal
import subprocess
import sys
import time

import asyncpg
import psutil
import pytest

from tests import servers

SESSION = """
import signal, time
from tests import servers
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
with servers.postgres() as postgres, servers.kafka() as kafka:
    print(postgres.pid, kafka.pid, flush=True)
    time.sleep(600)
"""
PATIENCE_SECONDS = 20


def _gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_servers_die_with_the_session_however_it_ends(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SESSION], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as session:
        assert session.stdout is not None
        pids = [int(pid) for pid in session.stdout.readline().split()]
        assert len(pids) == 2
        session.send_signal(how)
    assert _gone(pids)


async def test_a_killed_server_comes_back_with_its_data_and_a_wiped_one_without(
    restartable_postgres: servers.Postgres,
) -> None:
    async def tables() -> int:
        connection = await asyncpg.connect(restartable_postgres.url)
        try:
            return await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
        finally:
            await connection.close()

    connection = await asyncpg.connect(restartable_postgres.url)
    await connection.execute("create table kept (id int)")
    await connection.close()
    restartable_postgres.kill()
    restartable_postgres.start()
    assert await tables() == 1
    restartable_postgres.wipe()
    restartable_postgres.start()
    assert await tables() == 0


async def test_each_test_has_an_empty_database_of_its_own(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    assert await connection.fetchval("select current_setting('server_version_num')::int / 10000") == 18
    await connection.close()
