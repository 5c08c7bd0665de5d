"""The connector's file, and the address that its token may go to."""

import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from wonde.api import Wonde, check_address
from wonde.domain.registers import Deletion, Record, Register, Slot
from wonde.state import State, StateError

NOW = datetime(2025, 9, 15, 9, tzinfo=UTC)
SLOT = Slot("s", date(2025, 9, 15), "AM")


def register(record_id: str = "r", version: int = 5) -> Register:
    return Register(SLOT.on, "AM", version, [Record(record_id, SLOT, 5, {"code": "/"})])


def test_what_was_noted_is_there_after_a_restart_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "wonde.db"
    state = State(path)
    state.move("A", "students", NOW)
    state.keep("A", register())
    state.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    state = State(path)
    assert state.cursor("A", "students") == NOW
    assert state.cursor("B", "students") is None
    assert state.slots("A", [SLOT])[SLOT].version == 5
    assert state.slots("B", [SLOT]) == {}
    state.close()


def test_two_connectors_do_not_share_a_file(tmp_path: Path) -> None:
    first = State(tmp_path / "wonde.db")
    with pytest.raises(StateError, match="locked"):
        State(tmp_path / "wonde.db")
    first.close()
    State(tmp_path / "wonde.db").close()


def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wonde.db"
    path.write_bytes(b"something else" * 100)
    with pytest.raises(StateError, match="not a database"):
        State(path)
    assert path.read_bytes() == b"something else" * 100


def test_a_mark_whose_answer_was_lost_can_be_taken_back(tmp_path: Path) -> None:
    state = State(tmp_path / "wonde.db")
    state.intend("A", [register()])
    assert state.slots("A", [SLOT])[SLOT].print == ""
    assert state.doom("A", [Deletion("attendance", "r", 9, SLOT.on, restored=False)]) == 1
    assert state.doomed("A") == [(SLOT, 5, False)]
    state.taken_back("A", SLOT, 6)
    assert state.doomed("A") == []
    assert state.any_taken_back("A", ["r"])
    state.close()


def test_only_who_was_sent_leaves(tmp_path: Path) -> None:
    state = State(tmp_path / "wonde.db")
    state.keep_prints("A", "student", {"s": "x", "t": "y"})
    state.leave("A", {"s": SLOT.on, "t": SLOT.on, "u": SLOT.on})
    assert state.leavers("A") == {"s": SLOT.on, "t": SLOT.on}
    state.keep_prints("A", "student", {"t": "z"})
    assert state.leavers("A") == {"s": SLOT.on}, "who is on the roll again has not left"
    state.left("A", "s")
    assert (state.leavers("A"), state.prints("A", "student")) == ({}, {"t": "z"})
    state.close()


@pytest.mark.parametrize("address", ["http://api.wonde.com/v1.0", "ftp://x", "api.wonde.com", "http://127.0.0.1.x.org"])
def test_a_token_goes_nowhere_in_clear(address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Wonde(address, "token")


def test_a_token_may_go_to_this_machine() -> None:
    for address in ("https://api.wonde.com/v1.0", "http://127.0.0.1:8000/v1.0", "http://localhost"):
        check_address(address)
