"""Tasks and letters against the engine's episodes, and what casework and notifications know of others."""

from audit.compare.world import World
from audit.effects import EpisodeState, letter_differences, task_differences
from audit.read import downstream
from audit.read.downstream import Mirror
from audit.read.engine import EpisodeRow
from audit.read.snapshot import Snapshots
from audit.report import Report


async def compare_effects(at: Snapshots, world: World, rows: list[EpisodeRow], report: Report) -> None:
    """Leaves out, and notes, what has not been delivered yet."""
    outstanding = world.outstanding
    of_missing = {world.living(pupil_id) for pupil_id in outstanding.aliases}
    newest = {row.episode_id: row for row in rows if world.living(row.pupil_id) not in of_missing}
    await _mirrored_episodes(at, rows, world, report)
    letters = await downstream.letters(at.notifications)
    heard = await downstream.mirrored_letters(at.casework)
    for letter, revision in letters:
        if letter.letter_id not in outstanding.letters:
            wanted = Mirror(letter.status, letter.overtaken, revision)
            report.same(f"letter {letter.letter_id}, in casework", heard.get(letter.letter_id), wanted)
    ids = {letter.letter_id for letter, _ in letters}
    for letter_id in heard:
        if letter_id not in ids:
            report.difference(f"letter {letter_id}: casework knows it, notifications does not")

    tasks = await downstream.tasks(at.casework)
    report.count("tasks", len(tasks))
    report.count("letters", len(letters))
    with_task = _states(newest, outstanding.in_casework)
    skipped = {row.episode_id for row in rows} - set(with_task)
    known = [letter for letter, _ in letters if letter.letter_id not in outstanding.letters]
    compared = [
        task
        for task in tasks
        if task.episode_id not in skipped and (task.letter_id is None or task.letter_id not in outstanding.letters)
    ]
    told = [letter for letter in known if letter.episode_id not in skipped]
    for text in task_differences(with_task, compared, told):
        report.difference(text)
    with_letter = _states(newest, outstanding.in_notifications)
    missing = {row.episode_id for row in rows} - set(with_letter)
    for text in letter_differences(with_letter, [letter for letter, _ in letters if letter.episode_id not in missing]):
        report.difference(text)
    if skipped | missing:
        report.note(f"tasks and letters of {len(skipped | missing)} episodes that have not been delivered yet")


def _states(newest: dict[str, EpisodeRow], behind: set[str]) -> dict[str, EpisodeState]:
    return {
        row.episode_id: EpisodeState(row.episode_id, row.pupil_id, row.kind, row.year, row.state, row.provisional)
        for row in newest.values()
        if row.episode_id not in behind
    }


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
