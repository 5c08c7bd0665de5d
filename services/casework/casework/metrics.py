"""Every metric of casework: one list, a sentence each. Counted when decided: work that is retried counts again."""

from prometheus_client import Counter

TASKS = Counter(
    "rollcall_task_changes", "Changes of tasks, by the task's kind and its status afterwards.", ["kind", "status"]
)
CASES = Counter("rollcall_case_changes", "Cases opened, moved or joined.")
