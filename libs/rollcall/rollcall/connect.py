"""`rollcall connect wonde`: schools whose system is reached through Wonde are read, on a schedule, and what is new is
sent to a running Rollcall as any school's system would send it: over the public API.
"""

import argparse
import asyncio
import re
import signal
from pathlib import Path
from typing import Literal

from common.codes import code_table
from common.logs import configure_logging
from common.public_api import TokenProvider, client_credentials
from common.public_api import connect as connect_rollcall
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from wonde.api import Wonde, check_address
from wonde.schedule import as_line, runs
from wonde.state import State, StateError
from wonde.visit import Link

from rollcall import issuer
from rollcall.alone import in_words
from rollcall.cli import CommandError

SCOPES = "registers:write registers:read pupils:write pupils:read"
STATE = "wonde.db"
_TOKEN_SECONDS = 900
_SCHOOL = re.compile(r"([A-Za-z0-9]+)=([0-9]{1,7})")
_CODE = re.compile(r"(?:([A-Za-z0-9]+):)?(.+)=([^=]+)")


class ConnectSettings(BaseSettings):
    """What a connector is told by the environment."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_", frozen=True, extra="ignore")

    wonde_token: str = Field(repr=False)
    wonde_url: str = "https://api.wonde.com/v1.0"
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = Field(default=None, repr=False)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("wonde_url")
    @classmethod
    def _is_no_place_to_lose_a_token(cls, url: str) -> str:
        check_address(url)
        return url


def main(options: argparse.Namespace) -> int:
    """Prints a report for each run, a line of JSON. With `--once`: 1 when a school could not be read to its end."""
    settings = _settings()
    configure_logging(settings.log_level)
    links = _links(options)
    token = _token(options, settings, [link.urn for link in links])
    options.data.mkdir(parents=True, exist_ok=True)
    try:
        state = State(options.data / STATE)
    except (StateError, OSError) as error:
        raise CommandError(str(error)) from error
    try:
        if options.again:
            for link in links:
                state.forget(link.wonde_id)
        return asyncio.run(_until_signalled(options, settings, links, token, state))
    finally:
        state.close()


async def _until_signalled(
    options: argparse.Namespace, settings: ConnectSettings, links: list[Link], token: TokenProvider, state: State
) -> int:
    """Ends at once when it is asked to: what was not acknowledged is sent again by the next run."""
    work = asyncio.create_task(_work(options, settings, links, token, state))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        return 0


async def _work(
    options: argparse.Namespace, settings: ConnectSettings, links: list[Link], token: TokenProvider, state: State
) -> int:
    wonde = Wonde(settings.wonde_url, settings.wonde_token)
    failed = False
    try:
        async with connect_rollcall(options.url, token) as api:
            every = None if options.once else options.every
            async for reports in runs(links, wonde, api, state, options.since, every):
                print(as_line(reports), flush=True)
                failed = any(report.failed for report in reports)
    finally:
        await wonde.close()
    return int(failed)


def _settings() -> ConnectSettings:
    try:
        return ConnectSettings()  # pyright: ignore[reportCallIssue]  # from the environment
    except ValidationError as error:
        raise CommandError(in_words(error)) from error


def _token(options: argparse.Namespace, settings: ConnectSettings, urns: list[int]) -> TokenProvider:
    """Client credentials where the environment has them; else, in development, the data folder's own issuer."""
    if settings.client_id and settings.client_secret:
        url = settings.token_url or options.url.rstrip("/") + "/oauth/token"
        return client_credentials(url, settings.client_id, settings.client_secret, SCOPES)
    path: Path = options.data / "issuer.json"
    if not path.exists():
        raise CommandError("ROLLCALL_CLIENT_ID and ROLLCALL_CLIENT_SECRET must be set")
    keys = issuer.load(path)

    async def token() -> str:
        return keys.sign("rollcall-connect", SCOPES, urns, _TOKEN_SECONDS)

    return token


def _links(options: argparse.Namespace) -> list[Link]:
    """The schools under both names; CommandError for what can't be one."""
    schools: dict[str, int] = {}
    for said in options.school:
        if (match := _SCHOOL.fullmatch(said)) is None:
            raise CommandError(f"--school takes Wonde's id and the URN, as in A1930499544=100001, not {said}")
        schools[match[1]] = int(match[2])
    if len(set(schools.values())) < len(options.school):
        raise CommandError("a school is named twice")
    codes = _codes(options)
    if strangers := codes.keys() - schools.keys() - {""}:
        raise CommandError(f"--code names a school that --school does not: {', '.join(sorted(strangers))}")
    common = codes.get("", {})
    return [Link(wonde_id, urn, {**common, **codes.get(wonde_id, {})}) for wonde_id, urn in schools.items()]


def _codes(options: argparse.Namespace) -> dict[str, dict[str, str]]:
    """The operator's translations by Wonde's id of the school; under the empty id those for all."""
    codes: dict[str, dict[str, str]] = {}
    for said in options.code:
        match = _CODE.fullmatch(said)
        if match is None or match[3] not in code_table():
            raise CommandError(f"--code takes a school's code and an attendance code, as in 7=B, not {said}")
        codes.setdefault(match[1] or "", {})[match[2]] = match[3]
    return codes
