"""What is to be sent again, and what is not: pure functions of what went through."""

from collections.abc import Callable

from rollcall.conformance.checks import Finding, judged
from rollcall.conformance.faults import Fault
from rollcall.conformance.stream import Exchange, Stream

_EARLY_SECONDS = 0.05
"""So much before its time a request may come: clocks are not read at the same moment."""


def repeated(fault: Fault, retry_after: float) -> Callable[[Stream], Finding]:
    """A request that met a fault is sent again, as it was, and no sooner than it was told."""

    def check(stream: Stream) -> Finding:
        met = [(n, one) for n, one in enumerate(stream.exchanges) if one.fault == fault]
        wrong = [(one, why) for n, one in met if (why := _amiss(stream, n, one, retry_after))]
        return judged(wrong, len(met), "{} such requests were sent again as they were")

    return check


def _amiss(stream: Stream, place: int, one: Exchange, retry_after: float) -> str | None:
    """What is wrong with how a request is repeated."""
    later = [each for each in stream.exchanges[place + 1 :] if (each.method, each.path) == (one.method, one.path)]
    if not later:
        return "the request was not sent again"
    again = next((each for each in later if each.digest == one.digest), None)
    if again is None:
        return "the request was sent again with another body"
    if one.fault != "lost-answer" and again.at - one.ended < retry_after - _EARLY_SECONDS:
        return f"the request was sent again after {again.at - one.ended:.1f} s, before `Retry-After`"
    return None


def refused(status: int) -> Callable[[Stream], Finding]:
    """A request that can't be taken as it is is not sent again as it is."""

    def check(stream: Stream) -> Finding:
        met = [(n, one) for n, one in enumerate(stream.exchanges) if one.status == status]
        wrong = [
            (one, f"a request that was answered {status} was sent again as it was")
            for n, one in met
            if any(_same(one, later) for later in stream.exchanges[n + 1 :])
        ]
        return judged(wrong, len(met), "{} such requests were mended, or given up")

    return check


def keyed(stream: Stream) -> Finding:
    """A POST that makes something has an Idempotency-Key, and the same key only ever the same body."""
    makes = [
        one
        for one in stream.exchanges
        if one.method == "POST" and one.path.endswith(("/register-batches", "/absence-notices"))
    ]
    bodies: dict[str, str] = {}
    wrong = [
        (one, "an Idempotency-Key came with another body")
        for one in makes
        if one.key and bodies.setdefault(one.key, one.digest) != one.digest
    ]
    return judged(wrong, len([one for one in makes if one.key]), "{} requests have an Idempotency-Key")


def _same(one: Exchange, other: Exchange) -> bool:
    return (one.method, one.path, one.digest) == (other.method, other.path, other.digest)
