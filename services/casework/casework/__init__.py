"""casework: what people have to do because of a crossing: tasks with due dates, and a case per child with its
timeline.

Map: `consumer` hears the absence engine and notifications; `actions.follow` is what happens then; `domain.follow` is
the rule book of it, without a database; `store` is the database; `api` is what people see; `main` puts it together.
"""
