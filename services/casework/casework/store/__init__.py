"""Every statement of casework.

`heard`: what others told (episodes, letters). `work`: tasks, cases and timelines, loaded and saved by the batch.
`look`: what the API asks. `republish`: the current state of every task, said again. `tables`: the schema; `versions`:
how it came about.
"""
