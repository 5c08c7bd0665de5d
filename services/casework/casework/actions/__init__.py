"""What casework does.

`hear` reads events as news. `follow` works news into tasks, cases and timelines. `work` is what a person does to a
task. `look` is what a person sees. Each takes the transaction that its caller opened.
"""
