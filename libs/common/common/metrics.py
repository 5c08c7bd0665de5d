"""Every metric that Rollcall keeps: one list, a sentence and a unit each. Labels are from small fixed sets.

`loop` is the name of a relay or consumer, `topic` one of the four topics, `state` parked or forked, `route` a route's
template.
"""

from prometheus_client import Counter, Gauge, Histogram

RELAY_MESSAGES = Counter(
    "rollcall_relay_messages", "Messages that the broker acknowledged and the relay deleted.", ["loop", "topic"]
)
OUTBOX_ROWS = Gauge(
    "rollcall_outbox_rows", "Rows that were still to be published when the relay last looked.", ["loop"]
)
OUTBOX_BEHIND = Gauge(
    "rollcall_outbox_behind_seconds", "Seconds since the relay last had published everything there was.", ["loop"]
)
BROKER_AWAY = Gauge("rollcall_broker_away", "1 while a loop waits for the broker to come back, else 0.", ["loop"])
BROKER_LOSSES = Counter("rollcall_broker_losses", "Times that a loop lost the broker and dropped its client.", ["loop"])

CONSUMED_RECORDS = Counter("rollcall_consumed_records", "Records whose batch was committed.", ["loop", "topic"])
CONSUMED_BATCHES = Counter("rollcall_consumed_batches", "Batches committed, one partition each.", ["loop", "topic"])
BATCH_SECONDS = Histogram(
    "rollcall_batch_seconds",
    "Seconds from the begin to the commit of a batch.",
    ["loop"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LAG_RECORDS = Gauge(
    "rollcall_lag_records",
    "Records known to stand behind the last one applied, in this process's partitions.",
    ["loop"],
)
REPLAYS = Counter(
    "rollcall_replays", "Partitions read again from their beginning because the broker's log was another one.", ["loop"]
)

LEDGER_ENTRIES = Counter(
    "rollcall_ledger_entries",
    "Ledger entries by what became of them: applied, skipped, passed over or unreadable.",
    ["outcome"],
)
LEDGER_SCHOOLS = Gauge("rollcall_ledger_schools", "Schools whose ledger is not being followed, by state.", ["state"])
DEAD_LETTERS = Counter("rollcall_dead_letters", "Records kept because nobody could read them.", ["topic"])

REEVALUATED_CHILDREN = Counter(
    "rollcall_reevaluated_children", "Children looked at once more because another version of a policy is in force."
)
REEVALUATING_AUTHORITIES = Gauge(
    "rollcall_reevaluating_authorities", "Authorities of which not all children have been looked at once more."
)

HTTP_SECONDS = Histogram(
    "rollcall_http_request_seconds",
    "Time from a request's first byte to its answer's last, by route template.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30),
)
HTTP_IN_FLIGHT = Gauge("rollcall_http_requests_in_flight", "Requests that are being answered now.")
BACKGROUND_UP = Gauge(
    "rollcall_background_up", "Whether a background loop is turning (1) or not (0).", ["service", "name"]
)
