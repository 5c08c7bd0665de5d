"""`python -m rollcall`: the command, for a process that knows its interpreter but not the script's place."""

import sys

from rollcall.cli import main

sys.exit(main())
