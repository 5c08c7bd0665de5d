"""What the services hold against what this implementation says.

| module | compares |
| --- | --- |
| `everything` | all of it, in order |
| `world` | what every comparison needs to know: the roll, the calendars, who is who |
| `school` | one school: its ledger, the marks that stand and wait, the engine's copy |
| `children` | facts and merges, then each child's figures and episodes |
| `effects` | tasks and letters, and what casework and notifications know of others |
"""
