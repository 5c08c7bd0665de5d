"""What may follow an answer of casework; why a task is there is the absence engine's explanation."""

from common.web.links import Links, asked, told

LINKS: Links = {
    "listTasks": {
        **{name: told(task_id="/items/0/task_id") for name in ("getTask", "ownTask", "completeTask")},
        "getEpisode": told(episode_id="/items/0/episode_id"),
        "listCases": told(pupil_id="/items/0/pupil_id"),
    },
    "getTask": {
        "ownTask": asked("task_id"),
        "completeTask": asked("task_id"),
        "getEpisode": told(episode_id="/episode_id"),
    },
    "ownTask": {"getTask": asked("task_id"), "completeTask": asked("task_id")},
    "completeTask": {"getTask": asked("task_id"), "listCases": told(pupil_id="/pupil_id")},
    "listCases": {"getCase": told(case_id="/items/0/case_id")},
    "getCase": {"listTasks": told(pupil_id="/pupil_id"), "listLetters": told(pupil_id="/pupil_id")},
}
