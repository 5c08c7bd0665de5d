"""The engine's migrations, run by `common.migrate`."""
