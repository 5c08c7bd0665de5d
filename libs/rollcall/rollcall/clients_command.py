"""`rollcall clients`: adds, lists and revokes the clients of a data folder's issuer, running or not."""

import argparse
from datetime import UTC, datetime

from common.scopes import SCOPES

from rollcall.cli import CommandError
from rollcall.clients import Client, Clients
from rollcall.folder import Folder
from rollcall.issuer import unknown_scopes


def main(options: argparse.Namespace) -> int:
    """Does one of the three."""
    if not options.data.is_dir():
        raise CommandError(f"there is no data folder {options.data}")
    clients = Clients(Folder(options.data).clients)
    if options.what == "add":
        scopes = dict.fromkeys(options.scope.split())
        if not scopes or unknown_scopes(scopes):
            wrong = ", ".join(unknown_scopes(scopes)) or "without a name"
            raise CommandError(f"there is no scope {wrong}; the scopes are: {' '.join(SCOPES)}")
        print(clients.add(options.name, scopes, options.school))
    elif options.what == "revoke":
        clients.revoke(options.name)
    else:
        for client in clients.all():
            print(_line(client))
    return 0


def _line(client: Client) -> str:
    state = f"revoked {_day(client.revoked)}" if client.revoked else f"since {_day(client.added)}"
    schools = "all schools" if client.schools is None else "schools " + " ".join(map(str, client.schools))
    return f"{client.name}\t{state}\t{' '.join(client.scopes)}\t{schools}"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
