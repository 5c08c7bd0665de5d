"""A calibrated local authority: schools, families and a year of registers, posted as a school's system would post them.

Everything is drawn from one seed: the same seed and size give the same authority to the last mark.

Map: `dfe` (the authority's real figures) · `calendar` (its school days) · `propensity` (how much each pupil misses) ·
`season` (when absence is high) · `absence` (which sessions, and why) · `marks` (every code, first posts and
corrections) · `people` (families, pupils, contacts) with `names` and `identifiers` · `authority` (puts it all
together) · `mis` (what a school's system says) · `client` (how it says it, over HTTP) · `demo` (the days played
live).
"""
