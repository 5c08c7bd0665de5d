"""The sandbox of `rollcall up --sandbox`: a fictional authority for whoever integrates a school's system.

Map: `authority` (its schools, days, pupils and marks, as bodies of the public API), `magic` (the pupils and codes that
show one outcome each), `state` (today's date, and what has been made), `seed` (makes the authority through the API),
`api` (its routes). What a pupil shows comes from what is seeded and from the product's own rules: no service knows that
it is in a sandbox.
"""
