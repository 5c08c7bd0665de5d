"""Every SQL statement of the audit: it reads the services' databases as they are, and writes nothing.

| module | reads |
| --- | --- |
| `snapshot` | connects to the four databases and holds a snapshot of each |
| `registers` | what was sent, the roll, the ledgers |
| `schools` | a school's life, authorities, staggered days, year groups |
| `engine` | sheets, calendars, facts, episodes |
| `downstream` | tasks, letters, and what casework and notifications know of others |
"""
