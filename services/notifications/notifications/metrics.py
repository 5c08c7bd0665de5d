"""Every metric of notifications: one list, a sentence each. Counted when decided: work that is retried counts again."""

from prometheus_client import Counter

LETTERS = Counter(
    "rollcall_letter_changes", "Changes of letters, by the letter's kind and its status afterwards.", ["kind", "status"]
)
OVERTAKEN = Counter("rollcall_letters_overtaken", "Letters whose reason went after they had reached sending.")
SETTLEMENTS_WAITED = Counter(
    "rollcall_settlements_waited", "Times that recipients could not be found and will be looked for again."
)
LETTERS_WAITED = Counter(
    "rollcall_letters_waited", "Times that a letter could not be sent because registers or its channel was away."
)
