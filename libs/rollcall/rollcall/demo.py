"""`rollcall demo`: the embedded product with a simulated authority, school days played live, what came of them.

The product is a `rollcall up` of its own, on a new folder unless one is given. `ROLLCALL_TODAY` is the first school
day that is not played, so that all marks lie in the past. Letters leave at once while the days are played; for the
live correction the product is started again with the hold of a day that an authority would have, so that a letter can
be recalled.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

from common.academic import year_name, year_of
from common.public_api import connect
from simulator import authority, correction, demo
from simulator.authority import Authority
from simulator.client import SCOPES, Poster
from simulator.mis import Mis

from rollcall.cli import CommandError

START_SECONDS = 60.0
STOP_SECONDS = 8.0
FIRST_YEAR = 2025  # the year of DfE's figures
READY = "ready "


class Product:
    """`rollcall up` on a folder, started and stopped as often as needed; its log goes to `rollcall.log` in the
    folder.
    """

    def __init__(self, folder: Path, port: int, today: date) -> None:
        self.folder = folder
        self.url = ""
        self._port = port
        self._environment = {**os.environ, "ROLLCALL_TODAY": today.isoformat()}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, hold_hours: int) -> float:
        """Seconds until it was ready; letters wait `hold_hours` before they leave."""
        began = time.perf_counter()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_rollcall("up", "--data", str(self.folder), "--port", str(self._port)),
                env={**self._environment, "ROLLCALL_LETTER_HOLD_HOURS": str(hold_hours)},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the demo's to answer: it ends the product in order
            )
        try:
            self.url = await asyncio.wait_for(self._ready(), START_SECONDS)
        except TimeoutError:
            raise CommandError(f"the product did not become ready; see {self.log}") from None
        return time.perf_counter() - began

    async def stop(self) -> None:
        """Ends it in order, or after eight seconds at once."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def token(self) -> str:
        """A bearer token for everything."""
        status, printed = await self.run("token", "--data", str(self.folder), "--scope", SCOPES)
        if status != 0:
            raise CommandError(f"`rollcall token` ended with status {status}")
        return printed.strip()

    async def audit(self) -> tuple[int, str]:
        """Waits until everything announced has been consumed, compares, answers exit status and report."""
        return await self.run("audit", "--data", str(self.folder))

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Exit status and standard output of another `rollcall` command."""
        process = await asyncio.create_subprocess_exec(
            *_rollcall(*arguments), env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            printed, _ = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        return process.returncode or 0, printed.decode()

    @property
    def log(self) -> Path:
        """What the product says."""
        return self.folder / "rollcall.log"

    async def _ready(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.decode().startswith(READY):
                return line.decode().removeprefix(READY).strip()
        raise CommandError(f"the product ended before it was ready; see {self.log}")


class Screen:
    """Standard output: plain lines, and progress that overwrites itself on a terminal."""

    def __init__(self) -> None:
        self._overwrites = sys.stdout.isatty()
        self._pending = False

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._pending:
            print()
            self._pending = False
        print(line, flush=True)

    def progress(self, line: str) -> None:
        """A line that the next one replaces, on a terminal."""
        if not self._overwrites:
            return self.say(line)
        print(f"\r{line}\x1b[K", end="", flush=True)
        self._pending = True
        return None


def main(options: argparse.Namespace) -> int:
    """Exit status: of the closing audit with `--once`; 0 when it was ended by Ctrl-C or SIGTERM."""
    if options.pupils < 1 or options.days < 1:
        raise CommandError("a demo needs at least one pupil and one day")
    if options.data is not None and (options.data / "postgres").exists():
        raise CommandError(f"{options.data} holds a product already; the demo wants a folder of its own")
    with asyncio.Runner() as runner:
        return runner.run(_until_signalled(options))


async def _until_signalled(options: argparse.Namespace) -> int:
    story = asyncio.create_task(_tell(options))

    def end() -> None:
        """Once: what is being put in order must not be cut short by another signal (make passes one on as well)."""
        if not story.cancelling():
            story.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)
    try:
        return await story
    except asyncio.CancelledError:
        return 0


async def _tell(options: argparse.Namespace) -> int:
    screen = Screen()
    simulated = authority.build(options.pupils, year=_academic_year())
    days = min(options.days, len(simulated.days))
    _introduce(screen, simulated, days)
    async with _product(options, simulated, days) as product:
        seconds = await product.start(hold_hours=0)
        screen.say(
            f"The product is ready at {product.url} after {seconds:.1f} s: embedded PostgreSQL, embedded broker."
        )
        async with connect(product.url, product.token) as api:
            poster = Poster(api, Mis(simulated))
            await demo.set_up(poster, screen.say)
            seconds = await demo.play(poster, days, screen.progress)
            first_status, _ = await product.audit()  # it waits until tasks and letters have caught up
            enrolments = await demo.tell(poster, days, seconds, screen.say)
        await _correct(product, poster, enrolments, days, screen)
        status, report = await product.audit()
        screen.say("\nAudit: everything recomputed by the second implementation")
        screen.say("  " + report.strip().replace("\n", "\n  "))
        if not options.once:
            await _invite(product, enrolments[0].pupil_id, year_name(simulated.year), screen)
            await asyncio.Event().wait()
        return max(first_status, status)


def _introduce(screen: Screen, simulated: Authority, days: int) -> None:
    screen.say(
        f"A simulated {simulated.figures.name}: {len(simulated.pupils):,} pupils, {days} school days from "
        f"{simulated.days[0].date:%d %B %Y} on. Its rates and codes are those\nthat DfE publishes for the real one; "
        "schools, families and names are invented.\n"
    )


@contextlib.asynccontextmanager
async def _product(options: argparse.Namespace, simulated: Authority, days: int) -> AsyncIterator[Product]:
    """The product, not started yet; stopped at the end, and its folder removed when it was a new one."""
    folder: Path = options.data or Path(tempfile.mkdtemp(prefix="rollcall-demo-"))
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    later = simulated.days[days].date if days < len(simulated.days) else simulated.days[-1].date + timedelta(1)
    product = Product(folder, options.port, later)
    try:
        yield product
    finally:
        await product.stop()
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _correct(product: Product, poster: Poster, enrolments: list[demo.Row], days: int, screen: Screen) -> None:
    """The live correction, on the product started again with a hold, so that its letters are still here."""
    screen.say("\nA live correction")
    screen.say("  So far letters left at once. Started again with the hold of 24 hours that an authority would have.")
    await product.stop()
    await product.start(hold_hours=24)
    async with connect(product.url, product.token) as api:
        poster.api = api
        try:
            await correction.show(poster, enrolments, days, lambda line: screen.say(f"  {line}"))
        except correction.NothingToShowError as reason:
            screen.say(f"  Nothing to show: {reason}.")


async def _invite(product: Product, pupil_id: str, academic_year: str, screen: Screen) -> None:
    token = await product.token()
    curl = 'curl -H "Authorization: Bearer $TOKEN"'
    screen.say(f"\nThe product stays up until Ctrl-C. The API, with examples: {product.url}/docs. To try it:\n")
    screen.say(f"TOKEN={token}")
    screen.say(f'{curl} "{product.url}/v1/tasks?status=open"')
    screen.say(f'{curl} "{product.url}/v1/pupils/{pupil_id}/absence?academic_year={academic_year}"')


def _academic_year() -> int:
    """The year that is played: that of ROLLCALL_TODAY where it is set, else that of DfE's figures."""
    today = os.environ.get("ROLLCALL_TODAY")
    return year_of(date.fromisoformat(today)) if today else FIRST_YEAR


def _rollcall(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rollcall", *arguments]
