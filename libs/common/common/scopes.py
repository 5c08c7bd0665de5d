"""What a token may open; who signs tokens and who checks them agree on this."""

AUDIENCE = "rollcall"

SCOPES = {
    "registers:write": "Schools, calendars, registers, deletions",
    "registers:read": "Registers, marks, changes, quarantine",
    "absences:write": "Parents' absence notices",
    "pupils:write": "The roll",
    "pupils:read": "Looking pupils up",
    "totals:read": "Absence figures, episodes, explanations",
    "cases:write": "Completing tasks and acting on cases",
    "cases:read": "Tasks and cases",
    "letters:read": "Letters and their content",
}
