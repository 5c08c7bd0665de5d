"""The command's words and the data folder."""

import stat
from pathlib import Path

import pytest
from common.scopes import SCOPES
from common.security import FixedKeys, Verifier
from rollcall import issuer
from rollcall.cli import main, parser
from rollcall.folder import Folder, InUseError, Running
from rollcall.postgres import SOCKET_NAME_LIMIT, Postgres


def test_a_token_is_all_that_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--data", str(tmp_path), "--scope", "totals:read"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(".") == 2
    assert printed == printed.strip() + "\n"


async def test_a_folders_tokens_stay_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["token", "--data", str(tmp_path), "--scope", "totals:read cases:read", "--school", "5", "--school", "7"]
    main(words)
    token = capsys.readouterr().out.strip()
    again = issuer.load(tmp_path / "issuer.json")
    caller = await Verifier(again.issuers(), FixedKeys(again.key_set())).verify(token)
    assert caller.scopes == {"totals:read", "cases:read"}
    assert caller.reach.schools == {5, 7}


async def test_tokens_bear_the_address_of_an_issuer_that_ran_alone(tmp_path: Path) -> None:
    path = tmp_path / "issuer.json"
    before = issuer.load(path).sign("s", "", None, 60)
    moved = issuer.load(path, issuer="http://127.0.0.1:9000")
    assert issuer.load(path).issuer == "http://127.0.0.1:9000"
    verifier = Verifier(moved.issuers(), FixedKeys(moved.key_set()))
    assert await verifier.verify(before)
    assert await verifier.verify(moved.sign("s", "", None, 60))


def test_the_issuers_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    made = issuer.load(tmp_path / "issuer.json")
    assert stat.S_IMODE((tmp_path / "issuer.json").stat().st_mode) == 0o600
    assert "d" in made.key
    assert "d" not in made.public_keys()["keys"][0]


def test_a_folder_is_taken_once(tmp_path: Path) -> None:
    locks = Folder(tmp_path).take()
    Folder(tmp_path).write_running(Running(supervisor=1, worker=2, port=8080, database=""))
    with pytest.raises(InUseError, match="port 8080"):
        Folder(tmp_path).take()
    locks.release()
    Folder(tmp_path).take().release()


def test_a_long_folder_name_gets_a_short_socket(tmp_path: Path) -> None:
    short = Postgres(Path("/srv/rollcall/postgres"))
    long = Postgres(tmp_path / ("x" * 60) / ("y" * 60) / "postgres")
    assert short.sockets == short.data
    assert len(str(long.sockets / ".s.PGSQL.5432")) < SOCKET_NAME_LIMIT
    assert long.sockets != Postgres(tmp_path / ("x" * 60) / ("z" * 60) / "postgres").sockets
    assert "?host=%2F" in short.url or "?host=/" in short.url


@pytest.mark.parametrize(
    "words",
    [
        ["audit", "--data", "/nowhere/at/all"],
        ["republish", "--service", "casework", "--database", "postgresql://x/y", "--from", "3"],
        ["service", "registers", "--database", "postgresql://x/y"],
        ["service", "registers", "--database", "postgresql://x/y", "--only", "web"],
        ["rebuild", "absence-engine", "--data", "/nowhere/at/all"],
        ["rebuild", "absence-engine", "--database", "postgresql://x@127.0.0.1:1/y"],
    ],
    ids=[
        "no folder",
        "--from without a ledger",
        "no issuer",
        "no parts",
        "no folder to rebuild",
        "no server to rebuild",
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("rollcall: ")
    assert "Traceback" not in said


def test_a_setting_is_named_as_in_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROLLCALL_DATABASE_URL", raising=False)
    monkeypatch.setenv("ROLLCALL_PORT", "http")
    assert main(["service", "registers"]) == 2
    said = capsys.readouterr().err
    assert "ROLLCALL_DATABASE_URL: Field required" in said
    assert "ROLLCALL_PORT: " in said


def test_up_is_not_for_production(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_ENVIRONMENT", "production")
    assert main(["up", "--data", str(tmp_path / "data")]) == 2
    assert "rollcall service" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("scope", ["bogus", "totals:read bogus", "totals:read,cases:read", "", " "])
def test_a_token_for_a_scope_that_there_is_not_is_refused_and_the_scopes_are_named(
    scope: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "--data", str(tmp_path), "--scope", scope]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("rollcall: ")
    assert all(known in said.err for known in SCOPES)
    assert not (tmp_path / "issuer.json").exists()


@pytest.mark.parametrize("service", ["registers", "casework", "notifications", "bogus"])
def test_only_what_follows_the_ledgers_is_rebuilt(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rebuild", service, "--data", "/nowhere/at/all"])
    assert ended.value.code == 2
    assert "absence-engine" in capsys.readouterr().err


def test_every_word_has_a_help_text() -> None:
    shown = parser().format_help()
    for word in ("up", "service", "issuer", "token", "republish", "rebuild", "rotate-keys", "audit", "demo"):
        assert f"\n    {word}" in shown


def test_every_word_and_option_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    (words,) = (action for action in parser()._actions if action.choices)
    assert words.choices is not None
    for name, word in dict(words.choices).items():
        silent = [action.dest for action in word._actions if not action.help]
        assert not silent, f"{name}: {silent}"
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert word.description in " ".join(capsys.readouterr().out.split()), "lines are broken by the terminal's width"
