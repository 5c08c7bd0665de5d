"""The absence engine's tables and every SQL statement on them.

tables      the schema, as SQLModel classes; `versions/` makes it
children    child rows: aliases, locks, facts, merges
households  by which codes children are siblings
schools     schools, calendars, enrolments
sheets      the marks: a year of one id at one school is one row
episodes    episodes, with their explanations
policies    policy sets, which of them are in force, who is to be looked at once more
simulations jobs that try a version, and whom each is about
reconciliations  what others counted, as it was answered; jobs that are still to be
jobs        which process works on a job
history     every change of a mark: what stood before, until which entry
progress    how far ledgers are evaluated, which children wait, freshness, the epoch
figures     what the API reads of many children at once
grouping    what sums over many children read
targets     personal targets of children
patterns    patterns that were said, and when schools were looked at for them
worklist    lists for officers
republish   every episode, pattern and alias, page by page
rebuild     emptying what the ledgers can tell again
"""
