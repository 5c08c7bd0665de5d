"""Rollcall's own programs for the peers' benchmark: the same work and marks, on the ledgers' events.

registers   writes the marks as registers would: ledgers of schools, a message per register
rollcall    the absence engine, as `run.py --name rollcall --command …` runs any program
"""
