"""What a token may open; who signs tokens and who checks them agree on this."""

AUDIENCE = "rollcall"

SCOPES = {
    "registers:write": "Schools, calendars, registers, batches of registers, deletions, conversions",
    "registers:read": "Registers, marks, changes, quarantine, data quality, coverage, jobs",
    "absences:write": "Parents' absence notices",
    "pupils:write": "The roll, contacts, flags and plans, merging and splitting pupils",
    "pupils:read": "Pupils with their contacts and history, admissions, deletions",
    "totals:read": "Absence figures, episodes, explanations, policies",
    "policies:write": "Drafting, simulating and publishing the policies of authorities",
    "cases:write": "Completing tasks",
    "cases:read": "Tasks and cases",
    "letters:read": "Letters and their content",
    "admin": "Consumers: what is agreed with each client",
}
