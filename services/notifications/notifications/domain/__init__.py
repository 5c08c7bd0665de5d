"""The rules of letters: pure, without a clock or a database.

`values`: what is known and kept. `policy`: which crossing writes which letter, and what displaces it. `letters`: what
becomes of one letter. `follow`: what the newest episodes of a child mean for its letters. `recipients`: who is
written to. `page`: what a letter says. `say`: the events.
"""
