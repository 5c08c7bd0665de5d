"""What every service shares and no service owns.

Map: `events` (the contracts), `broker` (the port), `kafka` and `embedded` (its two implementations), `db`, `migrate`
(with `indexes`), `outbox` and `relay` (saying things), `consume` and `ledger` (hearing things, each once), `web` and
`security` (HTTP), `service` (putting one together), `codes` and `academic` (reference data and the school calendar's
arithmetic).
"""
