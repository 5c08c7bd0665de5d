"""The rules of absence, pure: no I/O, no clock, no chance.

    ticks       one number for a session, for a week; where a year's grid lies in time
    thresholds  the four rules that a threshold may be of, and the kinds of thresholds
    policy      the dated numbers behind them (`absence_engine/policies/*.json`): reading, judging, which is in force
    in_force    which version of a policy holds: for an authority, for a child
    ages        compulsory school age
    flags       when a child has a flag of social care or another
    records     a child as the ledgers tell it: facts, enrolments, sheets; school calendars
    marks       the mark that counts for a child where two schools gave one; the child's years
    weeks       a child's school weeks, or days
    counts      possible, attended, absent, …: from many sheets at once; percentages
    groups      what sums are asked for: over which days, by school, class, week, code, …
    terms       half-terms
    detail      what stands behind a child's figures of a year
    forecast    what a child's year may still come to
    sums        sums over many children, by group and part of the year
    small       numbers of children too small to be shown
    rates       the spans in which a rate is over its line, for many children at once
    counted     the sessions that count by their code: what the next three are made of
    windows     so many within so many school weeks
    runs        so many in a row
    tallies     so many in a year
    penalty     the penalty figure: the best and the current window of ten in ten
    spans       all of a child's spans: `spans(children, scopes, calendars, policy)`, the one door to the rules
    reach       what some marks can have changed
    simulation  a draft of a policy tried on marks, beside the version that holds
    days        a school's next open days
    explain     why a span is there: sessions, weeks, formula, hash; `sentences`: in plain English
    entitlement who has less than full-time education at a school
    patterns    ways of being absent in a year: weekdays, half days, holidays' edges, streaks, a sudden change
    history     what stood before, and what was known at a moment; `reversal`: what took an episode back, in words
    evidence    all that it takes to count an episode by hand
    ids         ids that follow from what they name
    claims      which earlier episode a span continues; what is new, changed, ended, reversed
    events      what is said of it

A session is a *tick* (an integer) everywhere but at the doors; a place on a year's grid is a tick minus the year's
start.
"""
