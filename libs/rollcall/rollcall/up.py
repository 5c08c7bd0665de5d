"""`rollcall up`: the supervisor of one worker and, unless a server was given, of the embedded PostgreSQL.

It holds the listening socket, so that a restarted worker answers on the same port and callers wait instead of being
refused. A worker that ends by itself is started again after a growing delay; PostgreSQL is started again at once.
SIGTERM or Ctrl-C ends worker and database, in this order, and then the supervisor with status 0.
"""

import argparse
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.cli import CommandError, port_taken
from rollcall.folder import Folder, Locks, Running
from rollcall.postgres import Postgres
from rollcall.sandbox.marker import mark
from rollcall.sandbox.state import CLIENT, load
from rollcall.worker_options import AGAIN, REFUSED, Options

LOOK_SECONDS = 0.5
STOP_SECONDS = 5.0
FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0
CALM_SECONDS = 30.0
HOPELESS_STARTS = 5
"""So many workers in a row that never became ready, before any was: then the fault is not a passing one."""


def main(options: argparse.Namespace) -> int:
    """Runs the product until told to stop. CommandError in production: whoever has the folder can sign tokens."""
    if os.environ.get("ROLLCALL_ENVIRONMENT") == "production":
        raise CommandError("`rollcall up` signs its own tokens: in production run each `rollcall service` by itself")
    signals = Signals()
    folder = Folder(options.data or Path("sandbox" if options.sandbox else "data"))
    locks = folder.take()
    try:
        if options.sandbox:
            _begin_sandbox(folder, options)
        listener = _listen(options.port)
        postgres = None if options.database else Postgres(folder.postgres)
        database = postgres.url if postgres else options.database
        worker = Worker(folder, locks, listener, database, postgres is not None, options.kafka, options.sandbox)
        try:
            return _supervise(worker, postgres, signals)
        finally:
            worker.end()
            if postgres is not None:
                postgres.stop()
            folder.forget_running()
    finally:
        locks.release()


def _begin_sandbox(folder: Folder, options: argparse.Namespace) -> None:
    """Marks the folder; CommandError for anything whose data might be of use to somebody."""
    if options.database or options.kafka:
        raise CommandError("a sandbox is emptied when it begins again: it has its own database and broker")
    mark(folder)


class Signals:
    """Remembers that the end was asked for, and wakes who waits when that or the end of a child comes."""

    def __init__(self) -> None:
        self.stopping = False
        self.wake, writer = socket.socketpair()
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True


@dataclass
class Worker:
    """The process that does the work, and the lifeline: a socket whose closing tells either that the other is gone."""

    folder: Folder
    locks: Locks
    listener: socket.socket
    database: str
    embedded: bool
    kafka: str | None
    sandbox: bool
    was_ready: bool = field(default=False, init=False)
    started: float = field(default=0.0, init=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _lifeline: socket.socket | None = field(default=None, init=False)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def start(self) -> None:
        """Starts a process, in a session of its own: Ctrl-C is for the supervisor to pass on."""
        self.started = time.monotonic()
        self._lifeline, theirs = socket.socketpair()
        options = Options(
            data=str(self.folder.path),
            port=self.port,
            database=self.database,
            embedded=self.embedded,
            kafka=self.kafka,
            sandbox=self.sandbox,
            listener=self.listener.fileno(),
            lifeline=theirs.fileno(),
        )
        self._process = subprocess.Popen(
            options.command(),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            pass_fds=(options.listener, options.lifeline, self.locks.worker),
            start_new_session=True,
        )
        theirs.close()
        self.folder.write_running(Running(os.getpid(), self._process.pid, self.port, self.database))

    def ended(self) -> int | None:
        """The status of a process that has ended."""
        return self._process.poll() if self._process is not None else None

    def listen_or_wake(self, wake: socket.socket, seconds: float) -> None:
        """Waits for the worker to say that it is ready, a signal, or the end of the time."""
        watched = [wake] if self._lifeline is None else [wake, self._lifeline]
        for readable in select.select(watched, [], [], seconds)[0]:
            said = readable.recv(4096)
            if readable is self._lifeline:
                self._heard(said)

    def _heard(self, said: bytes) -> None:
        if not said:  # it is ending: there is nothing more to hear
            self._let_go()
        elif not self.was_ready:
            self.was_ready = True
            print(f"ready http://127.0.0.1:{self.port}", flush=True)
            if self.sandbox:
                print(f"client {CLIENT} secret {load(self.folder.sandbox).secret}", flush=True)

    def _let_go(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None

    def end(self) -> None:
        """Ends it in time: a command has ten seconds in all."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _say("the worker does not end in time")
                process.kill()
                process.wait()
        self._let_go()


def _supervise(worker: Worker, postgres: Postgres | None, signals: Signals) -> int:
    """Until a signal: 0. When the worker can't be brought up at all: 1, or 2 where it has said what is wrong."""
    worker.start()  # what it has to load, it loads while the database starts
    starts, delay = 1, FIRST_DELAY
    while not signals.stopping:
        if postgres is not None and not postgres.running():
            postgres.start(given_up=lambda: signals.stopping)
        status = worker.ended()
        if status is None:
            worker.listen_or_wake(signals.wake, LOOK_SECONDS)
            continue
        if status == AGAIN:
            worker.start()
            continue
        if status == REFUSED and not worker.was_ready:
            return REFUSED
        if starts >= HOPELESS_STARTS and not worker.was_ready:
            _say(f"the worker ended with status {status}; giving up: it never became ready")
            return 1
        if time.monotonic() - worker.started > CALM_SECONDS:
            delay = FIRST_DELAY
        _say(f"the worker ended with status {status}; another starts in {delay:.1f} s")
        _pause(signals, delay)
        delay = min(delay * 2, LONGEST_DELAY)
        if not signals.stopping:
            worker.start()
            starts += 1
    return 0


def _pause(signals: Signals, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not signals.stopping and (left := until - time.monotonic()) > 0:
        for readable in select.select([signals.wake], [], [], left)[0]:
            readable.recv(4096)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise port_taken(port, error) from error
    return listener


def _say(text: str) -> None:
    print(f"rollcall: {text}", file=sys.stderr, flush=True)
