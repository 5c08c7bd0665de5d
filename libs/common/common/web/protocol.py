"""One HTTP connection, and what it may cost: how long its client may take, how much it may send around a request.

uvicorn's protocol, which trusts its clients, within bounds. A request's head has to be there within ten seconds and in
32 KB; a body has to keep coming; an answer has to be read. What keeps to none of it is told so (408, 431, or 400 where
it is no HTTP), and cut; where an earlier request is being answered, that answer comes, and is the last. When there are
more connections than there may be, those go first that have not brought a request, then those that are between two; one
that is being answered never does.

A client whose body is refused before it has been read has its answer. A short rest of the body may still come, and the
connection goes on; a long one has a second: cutting it while it still sends would take the answer away with the rest
(RFC 9112, 9.6).

`Protocol` is one connection; `look` is to be called once a second, for each.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.correlation import accept
from common.errors import HeadersTooLargeError, MalformedError, RequestTimeoutError, RollcallError, UnavailableError
from common.web import problems


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection may cost, and how many there may be."""

    connections: int = 2000
    head_seconds: float = 10.0
    head_bytes: int = 32 * 1024
    headers: int = 100
    window_seconds: float = 10.0
    window_bytes: int = 10_000
    """A body brings so much in each such time, and an answer is read at all: a modem is faster."""
    around_bytes: int = 64 * 1024
    """What may be around a body in chunks, beside five bytes for each of it: a chunk's length, trailers."""
    around_most: int = 64 * 1024 * 1024
    linger_seconds: float = 1.0
    linger_bytes: int = 1024 * 1024


class Stage(Enum):
    """What is awaited of the client."""

    HEAD = "head"
    BODY = "body"
    NOTHING = "nothing"
    NO_MORE = "no more"
    """What comes is passed over; the answers to what came before are still to be given."""
    CLOSE = "close"


class _Door:
    """The transport as an answer sees it: what closes it while the client still sends, closes it gently."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write, self.is_closing, self.close = transport.write, transport.is_closing, close


class Protocol(HttpToolsProtocol):
    """One connection."""

    bounds: ClassVar[Bounds] = Bounds()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._door = _Door(transport, self._close)
        self._refusal: RollcallError | None = None
        self._before: Any = None
        self._fed = self._chunk = self._brought = self._seen = 0
        self._unsent, self._unsent_since = 0, 0.0
        self._await(Stage.HEAD)
        if len(self.connections) > self.bounds.connections:
            self._make_room()

    def _await(self, stage: Stage) -> None:
        self._stage, self._since = stage, self.loop.time()

    def data_received(self, data: bytes) -> None:
        if self._stage is Stage.CLOSE:
            self._discard(len(data))
        if self._stage in (Stage.CLOSE, Stage.NO_MORE):
            return
        self._chunk = len(data)
        self._fed += self._chunk
        super().data_received(data)
        if self._stage is Stage.HEAD and self._fed > self.bounds.head_bytes:
            self._refuse(HeadersTooLargeError())
        elif self._stage is Stage.BODY and self._is_mostly_around():
            self._refuse(MalformedError("There is too much around the body."))

    def _is_mostly_around(self) -> bool:
        """Whether what was sent is not the body but its frame: lengths and extensions of chunks, trailers."""
        allowed = self.bounds.head_bytes + self.bounds.around_bytes + min(5 * self._brought, self.bounds.around_most)
        return self._fed - self._brought > allowed or len(self.headers) > self.bounds.headers

    # What the parser found

    def on_message_begin(self) -> None:
        self._fed, self._brought, self._seen = max(self._chunk, 1), 0, 0
        self._await(Stage.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if len(self.headers) > self.bounds.headers or self._head_bytes() > self.bounds.head_bytes:
            self._refusal = HeadersTooLargeError()
            raise self._refusal  # the parser stops, and `send_400_response` is asked for
        self._before = self.cycle
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", self._door)
        self._stage = Stage.BODY

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        self._brought += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stage = Stage.NOTHING
        self._chunk = 0  # what begins in this chunk from here on, begins inside it: a byte of it is known of
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._stage is Stage.CLOSE:
            self.pipeline.clear()  # nobody would hear the answers
        elif self.is_idle():  # else what comes just now is a later one
            if self._stage is Stage.BODY:  # answered before it was all there: what is left is of no use
                self._pass_over()
            elif self._stage is Stage.NOTHING:
                self._await(Stage.NOTHING)
        super().on_response_complete()

    def _pass_over(self) -> None:
        """Lets a short rest of a body come, whose client was told of no end and goes on with its next request; ends the
        connection where the rest is long, or nobody knows how long.
        """
        length = next((value for name, value in self.headers if name == b"content-length"), b"")
        if not length.isdigit() or int(length) - self._brought > self.bounds.linger_bytes:
            self._close()

    # Ending

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or MalformedError("That is no HTTP request."))

    def _refuse(self, error: RollcallError) -> None:
        """Says why, unless something was said already, and closes; once those before have their answers, if any wait
        for one, and then says nothing.
        """
        if (last := self._unanswered_before()) is not None:
            self._stage, self.cycle = Stage.NO_MORE, last
            last.keep_alive = False
            return
        cycle = None if self.is_idle() else self.cycle
        if not (cycle and cycle.response_started) and not self.transport.is_closing():
            self.transport.write(_answer(error))
        if cycle:
            cycle.disconnected = True
            cycle.message_event.set()
        self._stage = Stage.BODY
        self._close()

    def _unanswered_before(self) -> Any:
        """The last request before the one that comes just now, when it still waits for its answer; that one does not
        wait for its own from then on.
        """
        if self._stage is not Stage.BODY:
            return None if self.is_idle() else self.cycle
        if not self.pipeline:
            return None
        self.pipeline.popleft()
        return self._before

    def _close(self) -> None:
        if (
            self._stage not in (Stage.BODY, Stage.NO_MORE)
            or self.transport.is_closing()
            or not self.transport.can_write_eof()
        ):
            self.transport.close()
            return
        self._await(Stage.CLOSE)
        self._fed = 0
        self.transport.write_eof()
        self.flow.resume_reading()

    def _discard(self, size: int) -> None:
        self._fed += size
        if self._fed > self.bounds.linger_bytes:
            self.transport.abort()

    # Looking after connections

    def look(self, now: float) -> None:
        """Cuts the connection when its client has taken too long. `now` is the loop's time."""
        bounds, waited = self.bounds, now - self._since
        if self._stage is Stage.HEAD and waited > bounds.head_seconds and self.is_idle():
            if self._fed:
                self._refuse(RequestTimeoutError("The request's head took too long."))
            else:
                self.transport.close()
        elif self._stage is Stage.BODY:
            self._look_at_body(now)
        elif self._stage is Stage.CLOSE and waited > bounds.linger_seconds:
            self.transport.abort()
        if self.flow.write_paused:
            self._look_at_answer(now)
        else:
            self._unsent = 0

    def _look_at_body(self, now: float) -> None:
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:  # it is we who do not take it
            self._since, self._seen = now, self._brought
        elif now - self._since > self.bounds.window_seconds:
            if self._brought - self._seen >= self.bounds.window_bytes:
                self._since, self._seen = now, self._brought
            elif self.is_idle():  # what is awaited is the rest of what has its answer
                self.transport.close()
            else:
                self._refuse(RequestTimeoutError("The body came too slowly."))

    def _look_at_answer(self, now: float) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent or not self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now - self._unsent_since > self.bounds.window_seconds:
            self.transport.abort()

    def _make_room(self) -> None:
        """Closes a sixteenth of all connections, the longest idle of those first that have brought nothing yet; this
        one, when there are none but such as are being answered.
        """
        others = [one for one in cast("Iterable[Protocol]", self.connections) if one is not self and one.is_idle()]
        others.sort(key=lambda one: (one.stage is not Stage.HEAD, one.since))
        for one in others[: max(1, self.bounds.connections // 16)]:
            one.transport.close()
        if not others:
            self.transport.write(_answer(UnavailableError("There are too many connections.")))
            self.transport.close()

    @property
    def stage(self) -> Stage:
        return self._stage

    @property
    def since(self) -> float:
        """When the stage began, or its present window, in the loop's time."""
        return self._since

    def is_idle(self) -> bool:
        """Whether nobody waits for an answer here."""
        cycle = cast("Any", self.cycle)
        return cycle is None or cycle.response_complete


def _answer(error: RollcallError) -> bytes:
    """A whole HTTP answer, after which the connection ends."""
    accept(None)
    content = json.dumps(problems.body(error, "")).encode()
    lines = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
        f"content-type: {problems.MEDIA_TYPE}",
        f"content-length: {len(content)}",
        "connection: close",
    ]
    if error.retryable:
        lines.append(f"retry-after: {problems.RETRY_AFTER_SECONDS}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def look_after(connections: Iterable[Any], now: float) -> None:
    """Cuts those that have taken too long."""
    for connection in list(connections):
        connection.look(now)


def bounded(bounds: Bounds) -> type[Protocol]:
    """Connections within other bounds than the usual."""
    return type("BoundedProtocol", (Protocol,), {"bounds": bounds})
