"""What routes work with."""

from dataclasses import dataclass, field

from common.clock import Clock
from common.db import Database
from common.listen import Signal

from registers.actions.consumers import Consumers
from registers.actions.recording import Recorder
from registers.actions.writing import Writer


@dataclass(frozen=True, slots=True)
class Context:
    """Made once, in `main`."""

    database: Database
    clock: Clock
    writer: Writer
    recorder: Recorder
    consumers: Consumers
    batches: Signal = field(default_factory=Signal)
    """Set when a job was queued."""
