"""What notifications does.

`hear` reads events as news. `follow` brings letters in line with the news. `settle` finds recipients, `send` hands
letters over: both wait for registers. `look` is what a person sees. `office` is what they all work with.
"""
