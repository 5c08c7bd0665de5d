"""The conformance kit: it stands between a school's system and a sandbox, and tells what the system handles.

Map: `stream` (what went through), `checks` (what each capability wants to see, as pure functions of that), `repeats`
(the same for what is to be sent again), `faults` (which requests meet a planted fault), `proxy` (the door), `report`
(what is printed), `command` (`rollcall conformance`).
"""
