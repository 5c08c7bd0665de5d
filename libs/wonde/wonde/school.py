"""One school's run: what Wonde has is read, decided, sent to Rollcall, and noted as acknowledged, step by step.

Deletions are read first and carried out last: what is listed in between is the later truth.
"""

from datetime import UTC, date, datetime

import httpx
import structlog
from common.clock import LONDON
from common.public_api import Api, RefusedError

from wonde import attendance, roll
from wonde.api import Wonde, WondeError
from wonde.domain.reading import UnreadableError
from wonde.domain.schools import OtherSchoolError, check_urn, read_school
from wonde.report import Report
from wonde.state import State
from wonde.visit import Link, Visit

log = structlog.get_logger()

_UNKNOWN = 404


async def run(link: Link, wonde: Wonde, api: Api, state: State, since: date) -> Report:
    """Runs a school once. Whatever Wonde or Rollcall do, it ends in the report: the other schools go on."""
    report = Report(link.wonde_id, link.urn)
    now = datetime.now(UTC)
    visit = Visit(link, wonde, api, state, report, now, now.astimezone(LONDON).date(), since)
    try:
        await _steps(visit)
    except (WondeError, OtherSchoolError) as error:
        report.failed = str(error)
    except UnreadableError as error:
        report.failed = f"the school can't be read: {error.field}"
    except RefusedError as error:
        report.failed = f"Rollcall answered {error.status} {error.kind}".rstrip()
    except httpx.HTTPError as error:
        report.failed = f"Rollcall gave no answer: {type(error).__name__}"
    report.unread = state.unread(link.wonde_id)
    log.info("wonde school read", wonde_id=link.wonde_id, urn=link.urn, failed=report.failed, counts=report.counts)
    return report


async def _steps(visit: Visit) -> None:
    await _make_school(visit)
    codes = await attendance.read_codes(visit)
    whole = await attendance.note_deletions(visit)
    await roll.send_students(visit, whole)
    await roll.send_leavers(visit)
    await attendance.send_registers(visit, codes)
    await attendance.take_back(visit)
    await roll.end_stays(visit)
    await _say_connected(visit)


async def _say_connected(visit: Visit) -> None:
    """Says once how the school's registers come, where nobody has said it."""
    if visit.state.prints(visit.school, "connection"):
        return
    path = f"/v1/schools/{visit.link.urn}/connection"
    try:
        await visit.api.get(path)
    except RefusedError as error:
        if error.status != _UNKNOWN:
            raise
        await visit.api.put(path, {"kind": "wonde", "state": "live", "since": visit.today.isoformat()})
    visit.state.keep_prints(visit.school, "connection", {"connection": "said"})


async def _make_school(visit: Visit) -> None:
    """Makes the school where Rollcall does not know it. What Rollcall has is the authority's to say: a difference is
    told, not mended.
    """
    row = await visit.wonde.one(f"schools/{visit.school}", visit.report.tally)
    check_urn(row, visit.link.urn)
    path = f"/v1/schools/{visit.link.urn}"
    try:
        ours = await visit.api.get(path)
    except RefusedError as error:
        if error.status != _UNKNOWN:
            raise
        await visit.api.put(path, read_school(row))
        visit.report.counts["schools_made"] += 1
        return
    try:
        theirs = read_school(row)
    except UnreadableError as error:
        visit.report.notes.append(f"Wonde's school can't be read: {error.field}")
        return
    if differs := [name for name, value in theirs.items() if ours.get(name) != value]:
        visit.report.notes.append(f"Rollcall's school differs from Wonde's: {', '.join(differs)}")
