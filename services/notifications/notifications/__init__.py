"""notifications: letters to parents because of a crossing: made, held, sent through a channel, recalled while that
can be done.

Map: `consumer` hears the absence engine and `workers` do what waits (settling recipients, sending); `actions.follow`,
`actions.settle` and `actions.send` are what happens then; `domain` is the rule book of it; `pages` makes the text out
of `templates`; `channels` are the ways out of the building; `registers` is where names and addresses are asked for.
"""
