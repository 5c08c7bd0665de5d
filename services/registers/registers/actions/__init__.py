"""What registers does, one function each: load, decide, save, announce.

Map: `writing` (the transaction of a write: locks, then the ledger), `schools` (school, calendar), `roll`, `merging`,
`recording` (registers: those that arrive together are written together), `deletion`, `release` (marks whose day comes),
`settling` (judging slots anew), `rejudging` (in chunks, what a large change left), `look` (what can be read), `access`
(what a caller may see).
"""
