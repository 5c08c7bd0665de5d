"""What a record looks like in aiokafka: the event's id travels in a header, as CloudEvents has it for Kafka."""

from collections.abc import Sequence
from typing import Any

from common.broker import Partition, Record

ID_HEADER = "ce_id"


def header(message_id: str) -> Sequence[tuple[str, bytes]]:
    """The headers of a message with this id; none without one."""
    return [(ID_HEADER, message_id.encode())] if message_id else []


def record(item: Any, partition: Partition) -> Record:
    """The port's record for aiokafka's. A missing key or value is an empty one."""
    record_id = ""
    for name, value in item.headers:
        if name == ID_HEADER:
            record_id = (value or b"").decode(errors="replace")
            break
    return Record(partition, item.offset, item.key or b"", item.value or b"", record_id)
