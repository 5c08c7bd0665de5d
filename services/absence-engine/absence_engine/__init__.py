"""absence_engine."""
