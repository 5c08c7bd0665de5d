"""`rollcall token`: a bearer token of a data folder's own key, without asking any running product."""

import argparse

from common.scopes import SCOPES

from rollcall import issuer
from rollcall.cli import CommandError
from rollcall.folder import Folder


def main(options: argparse.Namespace) -> int:
    """Prints the token and nothing else; CommandError for a scope that opens nothing."""
    scopes = options.scope.split()
    if not scopes or issuer.unknown_scopes(scopes):
        wrong = ", ".join(issuer.unknown_scopes(scopes)) or "without a name"
        raise CommandError(f"there is no scope {wrong}; the scopes are: {' '.join(SCOPES)}")
    keys = issuer.load(Folder(options.data).issuer)
    print(keys.sign("rollcall-token", " ".join(scopes), options.school, issuer.COMMAND_SECONDS))
    return 0
