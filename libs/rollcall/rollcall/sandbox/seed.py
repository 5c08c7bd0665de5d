"""Making the sandbox's authority, as its schools' systems would: through the public API, and nowhere else."""

import asyncio

import asyncpg
import httpx
from common.academic import year_name
from common.public_api import Api

from rollcall.cli import SERVICES
from rollcall.sandbox import authority
from rollcall.sandbox.magic import BY_NAME
from rollcall.sandbox.state import HIGH

SCOPES = "registers:write registers:read pupils:write pupils:read totals:read"
LOOK_SECONDS = 0.1


async def empty(server_url: str) -> None:
    """Drops the databases of all services and of the broker on a server that is the sandbox's own."""
    connection = await asyncpg.connect(server_url, timeout=5)
    try:
        for name in (*SERVICES, "broker"):
            database = f"rollcall_{name.replace('-', '_')}"
            await connection.execute(f'drop database if exists "{database}" with (force)')
    finally:
        await connection.close()


async def make(url: str, token: str) -> dict[str, str]:
    """Sends schools, calendars, rolls and marks to an empty product at `url`; returns when all has been counted.

    The ids of pupils who cannot be looked up, by the name of what they show.
    """
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:

        async def bearer() -> str:
            return token

        api = Api(http, bearer)
        dead = await _people(api)
        sequences = await _marks(api)
        for urn, sequence in sequences.items():
            await api.get(f"/v1/schools/{urn}/absence", at_least=f"{urn}:{sequence}")
    return {"merged": dead}


async def _people(api: Api) -> str:
    """Schools, calendars and rolls; the id of the child that turns out to be another."""
    for urn in authority.SCHOOLS:
        await api.put(f"/v1/schools/{urn}", authority.school(urn))
        await api.put(f"/v1/schools/{urn}/calendars/{year_name(authority.YEAR)}", authority.calendar())
    for urn in authority.SCHOOLS:
        if urn != HIGH:
            await api.put(f"/v1/schools/{urn}/roll", authority.roll(urn))
    before = await api.put(f"/v1/schools/{HIGH}/roll", authority.roll(HIGH, named=False))
    await api.put(f"/v1/schools/{HIGH}/roll", authority.roll(HIGH))
    mine = BY_NAME["merged"].local_id
    (dead,) = [str(each["pupil_id"]) for each in before["results"] if each["local_id"] == mine]
    return dead


async def _marks(api: Api) -> dict[int, int]:
    """All registers, as one batch; the last number of each school's ledger."""
    job = await api.post("/v1/register-batches", {"registers": list(authority.registers())})
    while job["state"] not in ("done", "failed"):
        await asyncio.sleep(LOOK_SECONDS)
        job = await api.get(f"/v1/jobs/{job['job_id']}")
    if job["state"] == "failed" or job["counts"]["accepted"] != sum(job["counts"].values()):
        raise RuntimeError(f"the marks were not all taken: {job['counts']}")
    return {each["school_urn"]: each["sequence"] for each in job["sequences"]}
