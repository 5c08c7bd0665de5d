"""`rollcall audit`: has the second implementation look at everything, on a running product or a stopped folder."""

import argparse
import asyncio
import os
import sys
from datetime import date

from audit import main as audit

from rollcall.cli import CommandError
from rollcall.where import server


def main(options: argparse.Namespace) -> int:
    """0 when nothing differs, 1 when something does, 2 when it can't run."""
    try:
        today = date.fromisoformat(text) if (text := os.environ.get("ROLLCALL_TODAY")) else None
    except ValueError as error:
        raise CommandError(f"ROLLCALL_TODAY: {error}") from error
    with server(options) as place:
        return asyncio.run(audit.run(place.url, today=today, out=sys.stdout, running=place.running))
