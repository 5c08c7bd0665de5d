"""What the absence engine does, one module each.

batch       reads ledger entries into what they change (pure)
apply       applies a batch: lock, change, evaluate, announce
holding     which policy holds for whom, as far as has been read
evaluate    works out what happened to the episodes of the children that a batch touched
announce    says what happened to episodes
policies    policy sets: looking at them, drafting, publishing; noticing that another is in force
simulate    tries a version on the marks of a year
jobs        what is done in the background because somebody asked for it, one process at a time
reevaluate  looks at everybody of an authority once more
figures     answers: a child's figures, a school's, an area's
answers     answers: sums over many children
worklists   answers: lists for officers
entitlement answers: who has less than full-time education at a school
forecasts   answers: a child's outlook, what-if; its personal target
seen        how far many schools are counted
episodes    answers: a child's episodes, an explanation
known       children and their episodes as known at a moment
history     answers: what changed, of a child, of a school; what took an episode back
evidence    answers: all that it takes to count an episode by hand
siblings    who they are, their years, and whether a caller may know who they are
patterns    answers: patterns of absence; the look at a school that says which are new and which are gone
looking     has schools looked at after their school days
reconcile   what others counted, against our marks; our figures as DfE's table
reconciling reconciles a file in the background
waiting     waits until an entry has been counted
rebuild     starts again from the ledgers' first entries
republish   says the current state of everything again
"""
