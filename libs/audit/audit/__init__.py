"""The second, plain implementation: what was sent -> standing marks -> figures -> episodes -> tasks and letters.

It shares no rule with the services and imports nothing of theirs: the standard library, asyncpg, and two kinds of data
files (the code table and the policies). It is written to be read by an auditor, slowly: lists, dictionaries, dates.

| module | holds |
| --- | --- |
| `codes`, `policy` | the code table and the thresholds, read from the data files |
| `policies` | which policy holds for a child: its authority's, by date |
| `marks` | what was sent for one session of one child, and which of it stands |
| `fold` | a school's ledger, entry by entry, into marks, calendars, enrolments and facts |
| `child` | one child across schools: age, school weeks, which mark counts where two schools marked one session |
| `figures` | totals in both grains, the windows of ten school weeks |
| `episodes`, `explain` | every kind of threshold by its rule, and the evidence with its hash |
| `statistics` | a year's counts as DfE publishes them |
| `effects` | the tasks and letters that episodes call for |
| `read` | every SQL statement |
| `barrier` | has everything that was announced been consumed? |
| `compare*` | what the services hold against what this implementation says |
| `main` | `run`: the command |
"""

from audit.main import run

__all__ = ["run"]
