"""registers: schools, calendars, the roll, and every mark that was ever sent; it alone decides which mark stands.

Read `domain/standing` first, then `actions/recording`: a register's way from the request to the school's ledger.
"""
