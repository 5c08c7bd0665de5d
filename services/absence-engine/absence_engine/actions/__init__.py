"""What the absence engine does, one module each.

batch       reads ledger entries into what they change (pure)
apply       applies a batch: lock, change, evaluate, announce
evaluate    works out what happened to the episodes of the children that a batch touched
announce    makes the events
figures     answers: a child's figures, a school's, an area's
episodes    answers: a child's episodes, an explanation
waiting     waits until an entry has been counted
rebuild     starts again from the ledgers' first entries
republish   says the current state of everything again
"""
