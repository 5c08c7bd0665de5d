"""Making a new folder a sandbox's. Whatever is in a sandbox's folder may be emptied, so it never becomes one later."""

import secrets

from rollcall.cli import CommandError
from rollcall.clients import Clients
from rollcall.folder import Folder
from rollcall.sandbox.state import CLIENT, SCOPES, VENDORS, State, load, save

OF_A_PRODUCT = ("postgres", "letters", "issuer.json", "clients.json", "households.json", "keys.json")
"""Any of these says that a product has the folder: one with a database elsewhere has no `postgres`."""


def mark(folder: Folder) -> None:
    """Marks a new folder as a sandbox's, and adds its client; CommandError where a product has it. The marker is
    written first, with the secret: whoever is killed before the client is there adds it at the next start.
    """
    if not folder.sandbox.exists():
        if any((folder.path / name).exists() for name in OF_A_PRODUCT):
            raise CommandError(f"{folder.path} holds a product already; a sandbox wants a folder of its own")
        save(folder.sandbox, State(secrets.token_urlsafe(32)))
    clients = Clients(folder.clients)
    if CLIENT not in {client.name for client in clients.all()}:
        clients.add(CLIENT, SCOPES, VENDORS, load(folder.sandbox).secret)
