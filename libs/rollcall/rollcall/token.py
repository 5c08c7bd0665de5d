"""`rollcall token`: a bearer token of a data folder's own key, without asking any running product."""

import argparse

from rollcall import issuer
from rollcall.folder import Folder


def main(options: argparse.Namespace) -> int:
    """Prints the token and nothing else."""
    keys = issuer.load(Folder(options.data).issuer)
    print(keys.sign("rollcall-token", options.scope, options.school, issuer.COMMAND_SECONDS))
    return 0
