"""The keys that personal data is sealed with: made once for a data folder, its owner's alone, and never a default."""

import json
from pathlib import Path

import pytest
from common.settings import NoKeysError, Settings
from pydantic import ValidationError
from rollcall.folder import Folder


def test_a_folder_makes_its_keys_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    keys = Folder(tmp_path / "one").keys()
    assert Folder(tmp_path / "one").keys() == keys
    assert not set(keys) & set(Folder(tmp_path / "two").keys())
    assert (tmp_path / "one" / "keys.json").stat().st_mode & 0o077 == 0
    assert Settings(database_url="", keys=keys[0], lookup_key=keys[1]).keyring().current == "1"


def test_a_key_that_is_written_before_the_others_seals(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    old, lookup = folder.keys()
    new, _ = Folder(tmp_path / "other").keys()
    (tmp_path / "keys.json").write_text(json.dumps({"keys": f"2:{new[2:]},{old}", "lookup_key": lookup}))
    keys, lookup = folder.keys()
    ring = Settings(database_url="", keys=keys, lookup_key=lookup).keyring()
    assert ring.current == "2"


def test_there_are_no_keys_unless_they_are_given_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROLLCALL_KEYS", "ROLLCALL_LOOKUP_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoKeysError, match="ROLLCALL_KEYS"):
        Settings(database_url="").keyring()
    keys, lookup = Folder(tmp_path).keys()
    for wrong in ({"keys": keys}, {"lookup_key": lookup}, {"keys": "1:short", "lookup_key": lookup}):
        with pytest.raises(ValidationError, match=r"ROLLCALL_LOOKUP_KEY|32 bytes"):
            Settings(database_url="", **wrong)  # type: ignore[arg-type]
    shown = repr(Settings(database_url="", keys=keys, lookup_key=lookup))
    assert keys not in shown
    assert lookup not in shown
