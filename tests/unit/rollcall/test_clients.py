"""The list of clients: what is kept of them, and what it means to be revoked."""

import json
import stat
from pathlib import Path

import pytest
from common.errors import UnauthenticatedError
from common.security import FixedKeys, Verifier
from rollcall import issuer
from rollcall.cli import CommandError, main
from rollcall.clients import LOOK_SECONDS, Clients


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clients.json"


def test_a_secret_is_told_once_and_kept_as_its_hash_alone(path: Path) -> None:
    secret = Clients(path).add("mis-vendor", ["registers:write"], [100001, 100001])
    assert len(secret) >= 40
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = Clients(path).find("mis-vendor")
    assert found is not None
    assert found.has_secret(secret)
    assert not found.has_secret(secret + "x")
    assert not found.has_secret("")
    assert (found.scopes, found.schools) == (("registers:write",), (100001,))


def test_two_clients_with_one_secret_would_not_be_known_by_it(path: Path) -> None:
    clients = Clients(path)
    assert clients.add("one", ["cases:read"], None) != clients.add("two", ["cases:read"], None)
    salts = {one["hashed"].partition("$")[0] for one in json.loads(path.read_text())}
    assert len(salts) == 2


def test_what_one_process_changes_another_knows_within_a_second(path: Path) -> None:
    now = [0.0]
    running, command = Clients(path, clock=lambda: now[0]), Clients(path)
    assert running.find("mis-vendor") is None
    command.add("mis-vendor", ["registers:write"], None)
    now[0] += LOOK_SECONDS
    assert running.find("mis-vendor") is not None
    assert not running.is_revoked("mis-vendor")
    command.revoke("mis-vendor")
    now[0] += LOOK_SECONDS
    assert running.is_revoked("mis-vendor")
    assert running.find("mis-vendor") is None


def test_a_name_means_one_client_for_ever(path: Path) -> None:
    clients = Clients(path)
    clients.add("mis-vendor", ["registers:write"], None)
    clients.revoke("mis-vendor")
    clients.revoke("mis-vendor")
    with pytest.raises(CommandError, match="another name"):
        clients.add("mis-vendor", ["registers:write"], None)
    with pytest.raises(CommandError, match="no client"):
        clients.revoke("nobody")
    with pytest.raises(CommandError, match="letters"):
        clients.add("two words:", ["registers:write"], None)


def test_the_services_own_names_are_given_to_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(path)
    clients.add("council-services", ["registers:write"], None)
    clients.revoke("council-services")
    monkeypatch.setenv("ROLLCALL_CLIENT_ID", "council-services")
    for name in ("rollcall-services", "council-services"):
        with pytest.raises(CommandError, match="services' own"):
            clients.add(name, ["registers:write"], None)
        with pytest.raises(CommandError, match="services' own"):
            clients.revoke(name)
    assert issuer.load(path.with_name("issuer.json")).service_client["id"] == "rollcall-services"


async def test_the_token_of_a_revoked_client_ends_though_it_was_remembered(path: Path) -> None:
    now = [0.0]
    running, command = Clients(path, clock=lambda: now[0]), Clients(path)
    command.add("mis-vendor", ["registers:write"], None)
    keys = issuer.load(path.with_name("issuer.json"))
    verifier = Verifier(keys.issuers(), FixedKeys(keys.key_set()), revoked=running.is_revoked)
    token, other = (keys.sign(name, "registers:write", None, 900) for name in ("mis-vendor", "other"))
    assert await verifier.verify(token)
    command.revoke("mis-vendor")
    now[0] += LOOK_SECONDS
    assert verifier.remembered(token) is None
    with pytest.raises(UnauthenticatedError, match="revoked"):
        await verifier.verify(token)
    assert await verifier.verify(other)


def test_the_command_adds_lists_and_revokes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data", str(tmp_path)]
    assert main(["clients", "add", "mis-vendor", *where, "--scope", "registers:write cases:read", "--school", "7"]) == 0
    secret = capsys.readouterr().out.strip()
    assert main(["clients", "list", *where]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith("mis-vendor\tsince ")
    assert listed.endswith("\tregisters:write cases:read\tschools 7\n")
    assert secret not in listed
    assert main(["clients", "revoke", "mis-vendor", *where]) == 0
    assert main(["clients", "list", *where]) == 0
    assert "mis-vendor\trevoked " in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["add", "x", "--scope", "registers:wright"],
        ["add", "x", "--scope", " "],
        ["add", "x y", "--scope", "cases:read"],
        ["revoke", "x"],
    ],
)
def test_what_can_not_be_done_with_clients_is_said(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clients", *words, "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("rollcall: ")
    assert main(["clients", *words, "--data", str(tmp_path / "nowhere")]) == 2
