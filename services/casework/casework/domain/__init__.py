"""The rules of casework: pure, without a clock or a database.

`values`: what is known (episodes, letters) and what is kept (tasks, cases, timeline). `policy`: which crossing needs
which task, due when. `tasks`: what becomes of one task. `follow`: what a batch of news changes; `reasons`: what marks N
change. `wording`: the plain
words. `say`: the events.
"""
