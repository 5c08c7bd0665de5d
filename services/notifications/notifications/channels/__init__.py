"""The ways out of the building, behind one port: `folder` for a print room, `smtp` for e-mail. One suite tests
both.

A channel is opened first: if it is away, the letter waits, for nothing has happened yet. Only then is `sending`
recorded and the letter delivered. After a crash in between, a channel that is `repeatable` delivers the same letter
again without a second one arriving; of any other nobody knows whether the letter left.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from notifications.domain.page import Rendered
from notifications.domain.values import ChannelName


class ChannelAwayError(Exception):
    """The channel can't be opened at the moment; nothing has been handed over."""


class HandOverError(Exception):
    """The hand-over was refused or broke off: whether the letter left is for a person to find out."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A letter ready to leave; `address` is an e-mail address, and empty for a letter on paper."""

    letter_id: str
    address: str
    subject: str
    content: Rendered


class HandOver(Protocol):
    """An open channel."""

    async def deliver(self, parcel: Parcel) -> None:
        """Returns once the other side has taken the parcel; HandOverError when it is not known to have."""
        ...


class Channel(Protocol):
    """A way out of the building."""

    name: ChannelName
    repeatable: bool

    def open(self) -> AbstractAsyncContextManager[HandOver]:
        """Makes ready to deliver one parcel; ChannelAwayError when that is not possible now."""
        ...

    async def has_left(self, letter_id: str) -> bool:
        """Whether a letter is known to have been handed over completely."""
        ...
