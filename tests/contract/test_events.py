"""The golden file of every event type and version: what was once written is read the same for ever."""

from pathlib import Path

import msgspec
import pytest
from common import events
from common.events import absence_engine, casework, consumers, notifications, registers

GOLDEN = Path(__file__).parent / "golden"
PUBLISHERS = (absence_engine, casework, consumers, notifications, registers)


def files() -> list[Path]:
    return sorted(GOLDEN.glob("*.json"))


@pytest.mark.parametrize("path", files(), ids=lambda p: p.stem)
def test_an_event_of_the_past_is_still_read_whole(path: Path) -> None:
    body = path.read_bytes()
    event = events.decode(body)
    written = msgspec.json.decode(events.encode(event))
    was = msgspec.json.decode(body)
    assert event.type.removeprefix(events.PREFIX) == path.stem
    assert {key: written[key] for key in was if key != "data"} == {key: was[key] for key in was if key != "data"}
    assert {key: written["data"][key] for key in was["data"]} == was["data"]


def test_every_type_that_is_published_has_a_golden_file() -> None:
    assert {path.stem for path in files()} == {name.removeprefix(events.PREFIX) for name in events.known_types()}


def test_every_type_lies_on_its_publishers_topic_and_names_its_version() -> None:
    for publisher in PUBLISHERS:
        for name, cls in events.known_types().items():
            if cls.__module__ == publisher.__name__:
                assert cls.topic == publisher.TOPIC
                assert name.startswith(f"{events.PREFIX}{publisher.TOPIC}.")
                assert name.rsplit(".", 1)[1] == "v1"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"{}", b"[]", b'{"type": "uk.rollcall.registers.session-marked.v9"}', b"not json"],
)
def test_bytes_that_are_no_event_are_told_as_unreadable(body: bytes) -> None:
    with pytest.raises(events.UnreadableEventError):
        events.decode(body)


def test_a_known_type_with_data_of_another_shape_is_unreadable() -> None:
    path = GOLDEN / "registers.session-marked.v1.json"
    broken = path.read_bytes().replace(b'"marks"', b'"sparks"')
    with pytest.raises(events.UnreadableEventError):
        events.decode(broken)


def test_no_field_of_any_event_could_hold_a_name_an_address_or_a_upn() -> None:
    forbidden = {"given_name", "family_name", "upn", "address", "email", "phone", "comment", "note", "recipient"}
    for cls in events.known_types().values():
        fields = {field.name for field in msgspec.structs.fields(cls)}
        assert not fields & forbidden, cls
        assert "name" not in fields or cls is registers.SchoolChanged
