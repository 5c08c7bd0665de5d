"""Sealed values: they open in their place, with a key of the ring, and nowhere else."""

import base64

import pytest
from common.sealed import NONCE_BYTES, TAG_BYTES, Keyring, UnreadableError
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO, LOOKUP = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
OLD, NEW = Keyring.parse(f"a:{ONE}", LOOKUP), Keyring.parse(f"b:{TWO}, a:{ONE}", LOOKUP)


@given(st.binary(max_size=300), st.text(max_size=60))
def test_what_was_sealed_for_a_place_opens_there(value: bytes, place: str) -> None:
    sealed = OLD.seal(value, place)
    assert OLD.open(sealed, place) == value
    assert len(sealed) == len(OLD.header) + NONCE_BYTES + len(value) + TAG_BYTES


@given(st.binary(min_size=8, max_size=60))
def test_a_sealed_value_does_not_hold_what_it_seals(value: bytes) -> None:
    assert value not in OLD.seal(value, "pupil/1")


def test_two_seals_of_one_value_differ() -> None:
    assert OLD.seal(b"Hazel", "pupil/1") != OLD.seal(b"Hazel", "pupil/1")


def test_a_value_that_was_moved_to_another_row_does_not_open() -> None:
    with pytest.raises(UnreadableError, match="pupil/2: damaged, or sealed for another place"):
        OLD.open(OLD.seal(b"Hazel", "pupil/1"), "pupil/2")


@given(st.data())
def test_a_value_of_which_a_byte_was_changed_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(OLD.seal(b"Hazel", "pupil/1"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnreadableError):
        OLD.open(bytes(sealed), "pupil/1")


@given(st.integers(0, 34))
def test_a_value_that_was_cut_short_does_not_open(length: int) -> None:
    sealed = OLD.seal(b"Hazel", "pupil/1")
    assert len(sealed) == 35
    with pytest.raises(UnreadableError):
        OLD.open(sealed[:length], "pupil/1")


def test_a_new_key_before_the_old_one_seals_and_both_open() -> None:
    before, after = OLD.seal(b"Hazel", "pupil/1"), NEW.seal(b"Hazel", "pupil/1")
    assert (NEW.open(before, "pupil/1"), NEW.open(after, "pupil/1")) == (b"Hazel", b"Hazel")
    assert not before.startswith(NEW.header)
    assert after.startswith(NEW.header)
    with pytest.raises(UnreadableError, match="pupil/1: sealed with key 'b', which is not among the keys"):
        OLD.open(after, "pupil/1")


def test_json_keeps_its_types() -> None:
    sealed = OLD.seal_json(("Hazel", None), "pupil/1")
    assert OLD.open_json(sealed, "pupil/1", tuple[str, str | None]) == ("Hazel", None)


def test_a_hash_is_the_same_for_the_same_and_another_for_another_kind_or_key() -> None:
    found = OLD.lookup("H869200124007", "upn")
    assert found == NEW.lookup("H869200124007", "upn")
    other = Keyring.parse(f"a:{ONE}", TWO).lookup("H869200124007", "upn")
    assert len({found, other, OLD.lookup("H869200124007", "home"), OLD.lookup("F330123425001", "upn")}) == 4
    assert len(bytes.fromhex(found)) == 16


@pytest.mark.parametrize(
    ("keys", "lookup", "told"),
    [
        ("", LOOKUP, "key 1: its id must be"),
        (ONE, LOOKUP, "key 1: its id must be"),
        (f"A:{ONE}", LOOKUP, "key 1: its id must be"),
        (f"a:{ONE},a:{TWO}", LOOKUP, "two keys are called a"),
        (f"a:{ONE},b:{TWO[:-4]}", LOOKUP, "key b must be 32 bytes in base64"),
        ("a:?", LOOKUP, "key a must be 32 bytes in base64"),
        (f"a:{ONE}", "", "the lookup key must be 32 bytes in base64"),
        (f"a:{ONE}", ONE, "no two of the keys may be the same"),
        (f"a:{ONE},b:{ONE}", LOOKUP, "no two of the keys may be the same"),
    ],
)
def test_a_ring_that_can_not_be_read_says_what_is_wrong_and_shows_no_key(keys: str, lookup: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as raised:
        Keyring.parse(keys, lookup)
    assert ONE[:8] not in str(raised.value)
    assert TWO[:8] not in str(raised.value)


def test_a_ring_shows_no_key() -> None:
    assert repr(NEW) == "Keyring(current='b')"
