"""Who may see what: the one filter engine, used by every service (`docs/decisions/access.md`).

A caller is what a token says, cut down to what has been agreed with the client that bears it. Map: `reach` is which
rows there are for a caller, and the only place that decides it; `caller` the bearer of a token; `consumers` what has
been agreed with a client, and the rule that cuts a token down to it; `directory` all agreements in memory, so that a
request costs no statement; `gate` what the web asks for each request; `fields` what may be left out of answers, which
`common.web.redact` does; `store` the table, `follow` how it is kept up to date in services that hear of agreements from
registers.
"""
