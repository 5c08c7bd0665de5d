"""A seeded school's system that never gives up: registers, corrections, deletions, repeated until acknowledged."""

import random
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx

from tests.e2e import school

CODES = "/" * 12 + "IIOONGUDM"
FIRST_DAY = date(2025, 9, 1)
GIVE_UP_SECONDS = 150


def school_days(count: int) -> list[str]:
    days = (FIRST_DAY + timedelta(n) for n in range(count * 2))
    return [day.isoformat() for day in days if day.weekday() < 5][:count]


class Load:
    """Posts until `stop`; every request is repeated until the product has acknowledged it (writes are idempotent)."""

    def __init__(
        self, client: Callable[[], httpx.Client], seed: int, *, urn: int, pupils: int = 20, days: int = 60
    ) -> None:
        self._make_client, self._urn, self._days = client, urn, school_days(days)
        self._chance = random.Random(seed)
        self._size = pupils
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._client = client()
        self.acknowledged = 0
        self.version = 0
        self.pupils: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def prepare(self) -> None:
        school.put_school(self._client, self._urn)
        school.put_calendar(self._client, self._urn, self._days)
        known = [
            school.pupil(
                f"p{n}", upn=school.upn(self._urn * 50 + n), contacts=[school.contact("c1", name=f"Parent {n}")]
            )
            for n in range(self._size)
        ]
        self.pupils = list(school.put_roll(self._client, self._urn, known).values())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the request under way, and raises what went wrong."""
        self._stop.set()
        self._thread.join(GIVE_UP_SECONDS + 30)
        assert not self._thread.is_alive()
        self._client.close()
        if self._failure:
            raise self._failure

    def wait_for(self, more: int, seconds: float = GIVE_UP_SECONDS) -> None:
        """Until that many more requests have been acknowledged."""
        goal, deadline = self.acknowledged + more, time.monotonic() + seconds
        while self.acknowledged < goal:
            if self._failure:
                raise self._failure
            assert time.monotonic() < deadline, f"{self.acknowledged} of {goal} acknowledged"
            time.sleep(0.02)

    def _run(self) -> None:
        try:
            session = 0
            while not self._stop.is_set():
                self._step(session)
                session += 1
        except BaseException as failure:
            self._failure = failure

    def _step(self, session: int) -> None:
        chance = self._chance
        sessions = len(self._days) * 2
        at = session % sessions if chance.random() < 0.7 else chance.randrange(min(session % sessions, sessions) + 1)
        path = f"/v1/schools/{self._urn}/registers/{self._days[at // 2]}/{'AM' if at % 2 == 0 else 'PM'}"
        self.version += 1
        if chance.random() < 0.05:
            pupil = chance.choice(self.pupils)
            self._send("DELETE", f"{path}/marks/{pupil}", params={"source_version": self.version})
            return
        weight = chance.choice([CODES, CODES, "IIIIO", "/" * 30 + "I"])
        marks = [{"pupil_id": pupil, "code": chance.choice(weight)} for pupil in self.pupils if chance.random() < 0.9]
        body = {"taken_by": "T1", "marks": marks}
        if chance.random() < 0.5:
            body["source_version"] = self.version
        self._send("PUT", path, json=body)

    def _send(self, method: str, path: str, **request: Any) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                answer = self._client.request(method, path, **request)
                if answer.status_code < 300 or (method == "DELETE" and answer.status_code == 404):
                    self.acknowledged += 1
                    return
                assert answer.status_code == 503, f"{method} {path}: {answer.status_code} {answer.text}"
            except httpx.TransportError:
                self._client.close()
                self._client = self._make_client()
            assert time.monotonic() < deadline, f"{method} {path} was never acknowledged"
            time.sleep(0.1)
