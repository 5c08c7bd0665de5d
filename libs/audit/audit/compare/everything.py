"""All comparisons, in the order in which one needs what another has found."""

from datetime import date

from audit.barrier import Outstanding
from audit.compare import world as worlds
from audit.compare.children import Children, compare_facts, compare_reversed, standing_rows
from audit.compare.effects import compare_effects
from audit.compare.school import compare_school
from audit.compare.world import World
from audit.read import engine
from audit.read.engine import EpisodeRow
from audit.read.snapshot import Snapshots
from audit.report import Report


async def compare_everything(at: Snapshots, outstanding: Outstanding, today: date, report: Report) -> None:
    """Compares what was sent, the ledgers, the engine, tasks and letters, on snapshots of one moment."""
    for text in outstanding.waiting:
        report.note(f"not yet delivered: {text}")
    world = await worlds.load(at, outstanding, today)
    rows = await engine.episodes(at.engine)
    await compare_ledgers(at, world, rows, report)
    await compare_effects(at, world, rows, report)


async def compare_ledgers(at: Snapshots, world: World, rows: list[EpisodeRow], report: Report) -> None:
    """Compares registers and the engine: from what was sent to the episodes.

    Schools that the engine lags behind come first: they name the children who can't be compared yet.
    """
    children = Children(at, world, report, {})
    schools = sorted(world.schools, key=lambda school: (school.urn not in world.outstanding.schools, school.urn))
    lagging = [school for school in schools if school.urn in world.outstanding.schools]
    for school in lagging:
        await children.school(school.urn, await compare_school(at, world, school, report))
    children.rows = standing_rows(rows, world, report)
    for school in schools[len(lagging) :]:
        await children.school(school.urn, await compare_school(at, world, school, report))
    await children.end()
    await compare_reversed(at, rows, report)
    compare_facts(world, report)
