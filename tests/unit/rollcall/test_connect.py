"""`rollcall connect` refuses what it can't connect before it asks anybody for anything."""

from pathlib import Path

import pytest
from rollcall.cli import main

SCHOOL = "A1=100001"


@pytest.fixture(autouse=True)
def nobody_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WONDE_TOKEN", "WONDE_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"ROLLCALL_{name}", raising=False)
    monkeypatch.setenv("ROLLCALL_WONDE_TOKEN", "token")


def said(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What it says to the schools that are named, or to one."""
    schools = () if "--school" in words else ("--school", SCHOOL)
    data = ("--url", "http://127.0.0.1:1", "--data", str(folder), "--once")
    assert main(["connect", "wonde", *schools, *words, *data]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--school", "A1"], "--school takes Wonde's id and the URN, as in A1930499544=100001, not A1"),
        (["--school", "../A1=100001"], "--school takes Wonde's id"),
        (["--school", SCHOOL, "B2=100001"], "a school is named twice"),
        (["--school", SCHOOL, "A1=100002"], "a school is named twice"),
        (["--code", "7=QQ"], "--code takes a school's code and an attendance code, as in 7=B, not 7=QQ"),
        (["--code", "C3:7=B"], "--code names a school that --school does not: C3"),
        ([], "ROLLCALL_CLIENT_ID and ROLLCALL_CLIENT_SECRET must be set"),
    ],
)
def test_what_can_not_be_connected_is_said_in_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(tmp_path, capsys, *words).startswith(f"rollcall: {sentence}")
    assert not list(tmp_path.iterdir())


def test_a_token_of_wondes_is_asked_for_and_sent_nowhere_in_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_WONDE_URL", "http://api.wonde.com/v1.0")
    assert "ROLLCALL_WONDE_URL: Wonde's address begins with https://" in said(tmp_path, capsys)
    monkeypatch.delenv("ROLLCALL_WONDE_TOKEN")
    assert "ROLLCALL_WONDE_TOKEN: Field required" in said(tmp_path, capsys)
