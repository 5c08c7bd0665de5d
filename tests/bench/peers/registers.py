"""The peers' marks as the ledgers of schools: `python -m tests.bench.peers.registers --peers FOLDER [--size 30]`.

Two topics are made beside the peers' topic of marks, which must be there: `marks.ledger-30` has a `session-marked`
entry for each register, as registers publishes it, keyed by school, at most `--size` marks in each;
`marks.ledger-30.setup` has what stands before them in the same ledgers: school, calendar, enrolments.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from common.events import encode, make
from common.events.registers import (
    CalendarChanged,
    Enrolment,
    EnrolmentChanged,
    Entry,
    Mark,
    OpenDay,
    PupilEnrolments,
    SchoolChanged,
    SessionMarked,
)
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

PARTITIONS = 6
SIZE = 30
YEAR = "2025-26"


def names(topic: str, size: int) -> tuple[str, str]:
    """The topics of the ledgers: their registers, and what stands before those."""
    return f"{topic}.ledger-{size}", f"{topic}.ledger-{size}.setup"


class Writer:
    """A school's ledger, as it is written."""

    def __init__(self, urn: int) -> None:
        self.urn, self.number, self.previous = urn, 0, None

    def entry(self, kind: type[Entry], now: datetime, **data: Any) -> bytes:
        """The next entry, a write of its own."""
        self.number += 1
        identity = str(uuid5(NAMESPACE_URL, f"{self.urn}/{self.number}"))
        body = make(
            kind(previous=self.previous, write_last=self.number, **data),
            id=identity,
            subject=str(self.urn),
            now=now,
            sequence=self.number,
            schoolurn=self.urn,
            correlationid=identity,
        )
        self.previous = identity
        return encode(body)


def _marks(verify: Any, topic: str) -> dict[int, list[tuple[int, str, str, str, str]]]:
    """By school (sequence, date, session, pupil, code), in the order of the sequence."""
    found: dict[int, list[tuple[int, str, str, str, str]]] = {}
    for value in verify.read(topic):
        data = json.loads(value)["data"]
        its = found.setdefault(data["school_urn"], [])
        its.append((data["sequence"], data["date"], data["session"], data["pupil_id"], data["code"]))
    for its in found.values():
        its.sort()
    return found


def _registers(
    marks: list[tuple[int, str, str, str, str]], size: int
) -> Iterator[list[tuple[int, str, str, str, str]]]:
    """A school's marks, cut where the session changes, and where a register is full."""
    register: list[tuple[int, str, str, str, str]] = []
    for mark in marks:
        if register and (mark[1:3] != register[0][1:3] or len(register) == size):
            yield register
            register = []
        register.append(mark)
    if register:
        yield register


def _make_topic(admin: AdminClient, topic: str) -> None:
    if topic in admin.list_topics(timeout=10).topics:
        admin.delete_topics([topic])[topic].result()
        while topic in admin.list_topics(timeout=10).topics:
            pass
    config = {"retention.ms": "-1", "segment.bytes": str(256 << 20)}
    admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=config)])[topic].result()


def make_topics(peers: Path, topic: str, size: int) -> int:
    """Makes both topics anew; how many registers there are."""
    sys.path.insert(0, str(peers))
    verify, rules = importlib.import_module("verify"), importlib.import_module("rules")
    bootstrap = os.environ["KAFKA_BOOTSTRAP"]
    ledger_topic, setup_topic = names(topic, size)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for name in (ledger_topic, setup_topic):
        _make_topic(admin, name)
    settings = {
        "bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 50,
        "batch.size": 256 << 10, "queue.buffering.max.messages": 500_000, "partitioner": "murmur2_random",
    }  # fmt: skip
    producer = Producer(settings)
    marks = _marks(verify, topic)
    days = [OpenDay(day.isoformat(), ["AM", "PM"]) for day in rules.DAYS]
    order: dict[tuple[str, str], int] = {session: n for n, session in enumerate(rules.SESSIONS)}
    written: list[tuple[int, int, bytes, int]] = []
    for urn, its in marks.items():
        ledger = Writer(urn)
        for body in _before(ledger, sorted({mark[3] for mark in its}), days):
            producer.produce(setup_topic, body, str(urn))
        latest = 0
        for register in _registers(its, size):
            _, day, half, *_ = register[0]
            latest = max(latest, order[day, half])
            now = datetime.combine(date.fromisoformat(rules.SESSIONS[latest][0]), datetime.min.time(), UTC)
            codes = [Mark(pupil_id, code) for *_, pupil_id, code in register]
            written.append((latest, urn, ledger.entry(SessionMarked, now, date=day, session=half, marks=codes), 0))
        marks[urn] = []
    written.sort(key=lambda one: one[0])  # everybody's first session, then the second; a school's own order stays
    for _, urn, body, _ in written:
        producer.produce(ledger_topic, body, str(urn))
        producer.poll(0)
    producer.flush()
    return len(written)


def _before(ledger: Writer, pupils: list[str], days: list[OpenDay]) -> Iterator[bytes]:
    now = datetime(2025, 8, 1, tzinfo=UTC)
    yield ledger.entry(
        SchoolChanged,
        now,
        urn=ledger.urn,
        name=f"School {ledger.urn}",
        la_code="330",
        laestab="3302001",
        phase="primary",
    )
    yield ledger.entry(CalendarChanged, now, academic_year=YEAR, days=days)
    stays = [PupilEnrolments(pupil_id, [Enrolment("2025-09-01", None, "single")]) for pupil_id in pupils]
    yield ledger.entry(EnrolmentChanged, now, pupils=stays)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peers", type=Path, required=True, help="the folder of the peers' benchmark")
    arguments.add_argument("--topic", default="marks")
    arguments.add_argument("--size", type=int, default=SIZE)
    options = arguments.parse_args()
    count = make_topics(options.peers, options.topic, options.size)
    print(f"{names(options.topic, options.size)[0]}: {count} registers")


if __name__ == "__main__":
    main()
