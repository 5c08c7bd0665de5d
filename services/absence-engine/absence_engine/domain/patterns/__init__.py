"""Patterns of absence in one child's year: what a total does not show (`docs/decisions/patterns.md`).

rules       the numbers behind them, as a policy writes them
find        which patterns a year has; which of many years may have one at all
siblings    which absences two siblings share; what may be said of that to whoever may not see the sibling
sentences   each of them in plain English
kept        what has become of those that were said: new, back again, gone; what is said of them
"""
