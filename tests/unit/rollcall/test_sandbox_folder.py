"""A sandbox's folder: what stands of it when its first start is cut short."""

from pathlib import Path

import pytest
from rollcall.clients import Clients
from rollcall.folder import Folder
from rollcall.sandbox.marker import mark
from rollcall.sandbox.state import CLIENT, load


def the_secret_opens(folder: Folder) -> bool:
    client = Clients(folder.clients).find(CLIENT)
    return client is not None and client.has_secret(load(folder.sandbox).secret)


def test_a_sandbox_whose_client_could_not_be_added_gets_it_at_the_next_start(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    in_the_way = tmp_path / ".clients.json.lock"
    in_the_way.mkdir()
    with pytest.raises(IsADirectoryError):
        mark(folder)
    assert not folder.clients.exists()
    in_the_way.rmdir()
    secret = load(folder.sandbox).secret
    mark(folder)
    assert the_secret_opens(folder)
    assert load(folder.sandbox).secret == secret


def test_a_second_start_changes_neither_the_client_nor_that_it_was_revoked(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    mark(folder)
    before = folder.clients.read_bytes()
    mark(folder)
    assert (folder.clients.read_bytes(), the_secret_opens(folder)) == (before, True)
    Clients(folder.clients).revoke(CLIENT)
    mark(folder)
    assert Clients(folder.clients).is_revoked(CLIENT)
