"""Every statement of notifications.

`heard`: episodes as last told. `letters`: letters and settlements, loaded and saved by the batch. `queue`: what is
due for the workers. `look`: what the API asks. `republish`: the current state of every letter, said again. `tables`:
the schema.
"""
