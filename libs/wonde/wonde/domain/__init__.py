"""What Wonde's JSON says, read with doubt, and what is to be sent for it. Pure: no I/O, no clock."""
