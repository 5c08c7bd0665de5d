"""Tasks and letters against the engine's episodes, and what casework and notifications know of others.

What has not been delivered yet is left out, and noted.
"""

from audit import reasons
from audit.compare.world import World
from audit.effects import EpisodeState, LetterState, letter_differences, task_differences
from audit.policy import Stage
from audit.read import downstream, registers
from audit.read.downstream import Mirror
from audit.read.engine import EpisodeRow
from audit.read.snapshot import Snapshots
from audit.report import Report

BEING_SENT = "sending"
"""A letter that is being handed over has not been told of yet: others know it as it was before."""


async def compare_effects(at: Snapshots, world: World, rows: list[EpisodeRow], report: Report) -> None:
    """All episodes, tasks and letters."""
    await _mirrored_episodes(at, rows, world, report)
    revisions = await downstream.letters(at.notifications)
    await _mirrored_letters(at, revisions, world, report)
    letters = [letter for letter, _ in revisions]
    unknown = {world.living(pupil_id) for pupil_id in world.outstanding.aliases}
    told = [row for row in rows if world.living(row.pupil_id) not in unknown]
    in_casework = [row for row in told if row.episode_id not in world.outstanding.in_casework]
    in_notifications = [row for row in told if row.episode_id not in world.outstanding.in_notifications]
    await _tasks(at, world, _left_out(rows, in_casework), _states(in_casework, world), letters, report)
    await _letters(at, _left_out(rows, in_notifications), _states(in_notifications, world), letters, report)
    late = _left_out(rows, in_casework) | _left_out(rows, in_notifications)
    if late:
        report.note(f"tasks and letters of {len(late)} episodes, of which not everybody has been told yet")


def _left_out(rows: list[EpisodeRow], compared: list[EpisodeRow]) -> set[str]:
    return {row.episode_id for row in rows} - {row.episode_id for row in compared}


def _states(rows: list[EpisodeRow], world: World) -> dict[str, EpisodeState]:
    return {
        row.episode_id: EpisodeState(
            row.episode_id, row.pupil_id, row.kind, row.year, row.state, row.provisional, _stage(row, world)
        )
        for row in rows
    }


def _stage(row: EpisodeRow, world: World) -> Stage | None:
    """The task that an episode's kind calls for, by the policy that it names."""
    policy = world.policies.named(world.policies.authorities.get(row.school_urn), row.policy_version)
    return policy.stages.get(row.kind) if policy else None


async def _tasks(
    at: Snapshots,
    world: World,
    left_out: set[str],
    episodes: dict[str, EpisodeState],
    letters: list[LetterState],
    report: Report,
) -> None:
    late = world.outstanding.letters
    tasks = await downstream.tasks(at.casework)
    about_reasons = await downstream.reason_tasks(at.casework)
    report.count("tasks", len(tasks) + len(about_reasons))
    if not world.outstanding.reasons and not world.outstanding.aliases:
        for text in reasons.differences(world.reasons, about_reasons, world.living):
            report.difference(text)
    compared = [task for task in tasks if task.episode_id not in left_out and task.letter_id not in late]
    told = [letter for letter in letters if letter.episode_id not in left_out and letter.letter_id not in late]
    for text in task_differences(episodes, compared, told):
        report.difference(text)


async def _letters(
    at: Snapshots, left_out: set[str], episodes: dict[str, EpisodeState], letters: list[LetterState], report: Report
) -> None:
    settlements = await downstream.settlements(at.notifications)
    compared = [letter for letter in letters if letter.episode_id not in left_out]
    report.count("letters", len(letters))
    for text in letter_differences(episodes, compared, set(settlements)):
        report.difference(text)
    with_letter = {letter.episode_id for letter in letters}
    reachable = await registers.reachable(at.registers)
    without = [
        episode_id
        for episode_id, state in settlements.items()
        if state == "settled" and episode_id not in with_letter and episode_id in episodes
    ]
    silent = [episode_id for episode_id in without if episodes[episode_id].pupil_id in reachable]
    if silent:
        report.note(
            f"{len(silent)} firm episodes have no letter, though somebody may be written to today: contacts that were"
            f" told after an episode became firm get none ({', '.join(silent[:5])})"
        )


async def _mirrored_episodes(at: Snapshots, rows: list[EpisodeRow], world: World, report: Report) -> None:
    """Both know every episode as the engine has it, and none that it has not."""
    for name, connection, behind in (
        ("casework", at.casework, world.outstanding.in_casework),
        ("notifications", at.notifications, world.outstanding.in_notifications),
    ):
        known = await downstream.mirrored_episodes(connection)
        for row in rows:
            mirror = known.pop(row.episode_id, None)
            if row.episode_id not in behind:
                wanted = Mirror(row.state, row.provisional, row.revision)
                report.same(f"episode {row.episode_id}, in {name}", mirror, wanted)
        for episode_id in known:
            report.difference(f"episode {episode_id}: {name} knows it, the engine does not")


async def _mirrored_letters(
    at: Snapshots, letters: list[tuple[LetterState, tuple[int, int]]], world: World, report: Report
) -> None:
    """casework knows every letter as notifications has it, and none that it has not."""
    heard = await downstream.mirrored_letters(at.casework)
    for letter, revision in letters:
        mirror = heard.pop(letter.letter_id, None)
        if letter.letter_id in world.outstanding.letters:
            continue
        if mirror is not None and letter.status == BEING_SENT:
            mirror = mirror._replace(state=BEING_SENT)
        report.same(
            f"letter {letter.letter_id}, in casework", mirror, Mirror(letter.status, letter.overtaken, revision)
        )
    for letter_id in heard:
        report.difference(f"letter {letter_id}: casework knows it, notifications does not")
