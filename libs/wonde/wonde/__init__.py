"""A connector for schools whose system is reached through Wonde: it reads Wonde's REST API and sends what it finds to
Rollcall's public API, like any school's system.

Map: `domain` (pure: what Wonde's JSON says, and what is to be sent for it) · `api` (Wonde over HTTP: pages, patience,
refusals) · `state` (what Rollcall has acknowledged) · `school` (one school's run, step by step: `roll`, `attendance`),
with `visit` (what the steps share) and `report` (what it did, in ids and counts) · `schedule` (all schools, again and
again). Why it is so: `docs/decisions/wonde.md`.
"""
