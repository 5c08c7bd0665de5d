"""The rules of absence, pure: no I/O, no clock, no chance.

    ticks     one number for a session, for a week; where a year's grid lies in time
    policy    the dated numbers behind the rules (`absence_engine/policies/*.json`): reading, judging, which is in force
    thresholds  the four rules that a threshold may be of, and the kinds of thresholds
    in_force  which version of a policy holds: for an authority, for a child
    ages      compulsory school age
    records   a child as the ledgers tell it: facts, enrolments, sheets; school calendars
    marks     the mark that counts for a child where two schools gave one; the child's years
    weeks     a child's school weeks
    counts    possible, attended, absent, …: from many sheets at once; percentages
    rates     PA and SA: the spans in which a rate is over its line, for many children at once
    penalty   ten sessions in ten school weeks: the spans, the best and the current window
    spans     all of a child's spans: `spans(children, calendars, policy)`, the one door to rates and penalty
    days      a school's next open days
    explain   why a span is there: sentence, sessions, weeks, formula, hash
    claims    which earlier episode a span continues; what is new, changed, ended, reversed
    events    what is said of it

A session is a *tick* (an integer) everywhere but at the doors; a place on a year's grid is a tick minus the year's
start.
"""
