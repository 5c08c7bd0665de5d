"""The rules of registers: which mark stands, who is who on a roll, what a write says. Pure: no I/O, no clock, no
chance.

Map: `standing` (ranking; which mark of a slot stands and which wait in quarantine), `problems` (why a mark can't
stand), `mending` (what would mend it), `register` (what one register changes), `deletion` (what one deletion changes),
`settling` (what changes when the roll, the calendar, the code table or the date moved), `identity` (who the rows of a
roll are, and which ids are one child), `roll` and `enrolments` (what the rows change), `calendars`, `upn` (check
letter), `ledger` (a write as numbered, chained entries), `sync` (where two lists of a session differ), `returns`
(what a school must tell of its roll).
"""
