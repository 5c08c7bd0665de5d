"""The key of households: made once for a data folder, its owner's alone, and never a default."""

from pathlib import Path

import pytest
from common.settings import Settings
from pydantic import ValidationError
from rollcall.folder import Folder


def test_a_folder_makes_its_key_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = Folder(tmp_path / "one").household_key()
    assert Folder(tmp_path / "one").household_key() == key
    assert Folder(tmp_path / "two").household_key() != key
    assert (tmp_path / "one" / "households.json").stat().st_mode & 0o077 == 0
    assert Settings(database_url="", household_key=key).household_secret() == key.encode()


def test_there_is_no_key_unless_one_is_given_and_a_short_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLCALL_HOUSEHOLD_KEY", raising=False)
    settings = Settings(database_url="")
    assert settings.household_secret() is None
    with pytest.raises(ValidationError):
        Settings(database_url="", household_key="k" * 31)
    assert "k" * 32 not in repr(Settings(database_url="", household_key="k" * 32))
