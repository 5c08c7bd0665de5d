"""The `rollcall` command.

Map: `cli` (the words and their options) hands each word to a module of its own: `up` (the supervisor) and `worker` (the
process it looks after), `alone` (one service), `issuer` and `issuer_api` (development tokens), `token`, `republish`,
`audit`, `demo`. `folder` is the data folder, `postgres` the embedded database server, `services` the list of services.
"""
