"""What one caller may ask of us: so many requests a minute, and so many at the same time.

*A minute's quota* is a bucket of tokens for each client and class of requests (reads, writes). A request takes one;
they come back evenly. Replicas share it: each admits by what it knows, and `common.quotas` settles that once a second,
so that a request costs no statement. Answers tell what is left (`RateLimit`, `RateLimit-Policy`: the IETF's
draft-ietf-httpapi-ratelimit-headers); an empty bucket is 429.

*Turns* (`common.turns`). However few its requests are in a minute, a client that sends them all at once would have the
others wait for all of them: so many are worked on at a time, the next ones wait in line, and of a long line the rest
is 429.

Refusals are held back for half a second: whoever asks again at once would otherwise cost more than what was refused.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from common.errors import TooManyRequestsError
from common.settings import Settings
from common.turns import Turn, Turns

WINDOW_SECONDS = 60
READS, WRITES = "reads", "writes"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

NOBODYS = 3000
"""Requests without a good token a minute, of all callers together, before they are slowed."""
HOLD_SECONDS = 0.5
MOST_HELD = 500

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests in a window of a minute."""

    name: str
    quota: int
    header: bytes = field(init=False)
    """`RateLimit-Policy`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", f'"{self.name}";q={self.quota};w={WINDOW_SECONDS}'.encode())

    @property
    def a_second(self) -> float:
        return self.quota / WINDOW_SECONDS


class Bucket:
    """One client's tokens for one policy, as this process knows them. `spent`: since they were last settled."""

    __slots__ = ("_at", "_left", "policy", "spent")

    def __init__(self, policy: Policy, now: float) -> None:
        self.policy = policy
        self._left, self._at = float(policy.quota), now
        self.spent = 0

    def take(self, now: float) -> bool:
        """Whether there was a token; it is gone then."""
        self._refill(now)
        if self._left < 1:
            return False
        self._left -= 1
        self.spent += 1
        return True

    def settle(self, left: float, spent: int, now: float) -> None:
        """`spent` has been told to the others, and with it `left` are there in all."""
        self.spent -= spent
        self._left, self._at = left - self.spent, now

    def is_full(self, now: float) -> bool:
        """Whether it is as if it had never been used."""
        self._refill(now)
        return not self.spent and self._left >= self.policy.quota

    def seconds_until(self, tokens: float) -> int:
        """Whole seconds until so many are there, at least one."""
        return max(1, math.ceil((tokens - self._left) / self.policy.a_second))

    def headers(self) -> Headers:
        """What an answer says about it."""
        left, full = max(0, int(self._left)), self.seconds_until(self.policy.quota)
        return [
            (b"ratelimit-policy", self.policy.header),
            (b"ratelimit", f'"{self.policy.name}";r={left};t={full}'.encode()),
        ]

    def _refill(self, now: float) -> None:
        self._left = min(self.policy.quota, self._left + (now - self._at) * self.policy.a_second)
        self._at = now


class Limits:
    """What this process knows of its callers. `policies`: by class of requests; a class without one has no quota.
    `own`: the services' own client, if it has one.
    """

    def __init__(
        self,
        policies: Mapping[str, Policy],
        at_once: int,
        clock: Callable[[], float] = time.monotonic,
        own: str | None = None,
    ) -> None:
        self._policies, self._clock = policies, clock
        self._turns, self._streams = Turns(at_once, own=own), Turns(at_once, own=own)
        self._nobody = Bucket(Policy("nobody", NOBODYS), clock())
        self._held = 0
        self.buckets: dict[tuple[str, str], Bucket] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that are set."""
        quotas = {READS: settings.reads_a_minute, WRITES: settings.writes_a_minute}
        policies = {name: Policy(name, quota) for name, quota in quotas.items() if quota}
        return cls(policies, settings.requests_at_once, own=settings.client_id)

    def bucket(self, client: str, method: str) -> Bucket | None:
        """The client's bucket for requests of this kind; None when there is no quota."""
        kind = READS if method in _READING else WRITES
        found = self.buckets.get((client, kind))
        if found is None and (policy := self.policy(client, kind)) is not None:
            found = self.buckets[client, kind] = Bucket(policy, self._clock())
        return found

    def policy(self, client: str, kind: str) -> Policy | None:
        """What holds for a client; everybody is alike until agreements say otherwise."""
        return self._policies.get(kind)

    def take(self, bucket: Bucket) -> None:
        """Takes a token; TooManyRequestsError when there is none."""
        if not bucket.take(self._clock()):
            raise TooManyRequestsError("The quota of requests is used up.", retry_after=bucket.seconds_until(1))

    async def turn(self, client: str, *, streamed: bool) -> Turn:
        """A turn of the client's, which has to be ended. A long upload has no place among its other requests."""
        return await (self._streams if streamed else self._turns).take(client)

    async def slow(self) -> None:
        """Lets a request without a good token pass, but not many of them a second; TooManyRequestsError when too many
        are held back already. It may be a client that is to get a new token: it is not shut out by a stranger.
        """
        if not self._nobody.take(self._clock()) and not await self.hold():
            raise TooManyRequestsError(retry_after=1)

    async def hold(self) -> bool:
        """Waits a moment before a refusal is told; False when too many wait so already: then it is better cut."""
        if self._held >= MOST_HELD:
            return False
        self._held += 1
        try:
            await asyncio.sleep(HOLD_SECONDS)
        finally:
            self._held -= 1
        return True

    def forget_idle(self) -> None:
        """Lets go of buckets that are full."""
        now = self._clock()
        for key in [key for key, bucket in self.buckets.items() if bucket.is_full(now)]:
            del self.buckets[key]

    def now(self) -> float:
        """The time that buckets go by."""
        return self._clock()
