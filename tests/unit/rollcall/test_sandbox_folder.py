"""A sandbox's folder: what stands of it when its first start is cut short, and that its letters stay in it."""

from dataclasses import replace
from pathlib import Path

import pytest
from rollcall import issuer
from rollcall.clients import Clients
from rollcall.folder import Folder
from rollcall.sandbox.marker import mark
from rollcall.sandbox.state import CLIENT, load
from rollcall.worker import settings_for
from rollcall.worker_options import Options


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


def test_letters_about_fictional_children_stay_in_the_sandbox_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = tmp_path / "to-be-printed"
    monkeypatch.setenv("ROLLCALL_LETTERS_FOLDER", str(printed))
    monkeypatch.setenv("ROLLCALL_SMTP_URL", "smtp://mail.example.org:25")
    folder = Folder(tmp_path / "sandbox")
    mark(folder)
    keys = issuer.load(folder.issuer)
    sandbox = Options(
        data=str(folder.path), port=1, database="", embedded=True, kafka=None, sandbox=True, listener=0, lifeline=0
    )
    settings = settings_for(sandbox, folder, keys)
    assert (settings.letters_folder, settings.smtp_url) == (folder.letters, None)
    settings = settings_for(replace(sandbox, sandbox=False), folder, keys)
    assert (settings.letters_folder, settings.smtp_url) == (printed, "smtp://mail.example.org:25")
