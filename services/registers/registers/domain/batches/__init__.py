"""Many registers in one body: how it is read, a bounded piece at a time, and what is told of each mark in it.

Map: `values` (what reading gives, and the row of a result), `reading` (a reader for each form), `lines` (NDJSON),
`document` (JSON), `table` (CSV: rows), `headings` (CSV: what its columns mean), `cells` (CSV: dates, sessions,
numbers), `jobs` (a batch on its way), `sorting` (which registers are written together).
A reader is given the bytes from where it left off, so that a job can go on after a crash with nothing but a number.
"""
