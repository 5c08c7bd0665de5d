"""Every statement of registers, and its tables.

Map: `tables` and `versions` (the schema), `schools` (locks, schools, calendars), `pupils` (children, rolls, merges),
`marks` (slots: read, kept, settled), `ledger` (appending, the change feed, the relay's source), `republish`, `reading`
(answers to GETs), `sync` (the end of a day), `returns` (admissions, deletions), `evaluated` (what marks were last
judged by), `rejudging` (what is still to be judged).
"""
