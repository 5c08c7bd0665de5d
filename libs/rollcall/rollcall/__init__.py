"""rollcall."""
