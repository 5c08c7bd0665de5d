"""What the workers work with: the database, the registers service, the channels, the way to render, the clock, the
hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from common.clock import Clock
from common.db import Database

from notifications.channels import Channel
from notifications.domain.page import Page, Rendered
from notifications.domain.values import ChannelName, Child


class People(Protocol):
    """Where names, addresses and permissions are asked for."""

    async def child(self, pupil_id: str) -> Child:
        """The child and its contacts as known now; NotFoundError for an unknown child, UnavailableError while away."""
        ...


class Copies(Protocol):
    """What has left."""

    async def content(self, letter_id: str) -> Rendered | None:
        """A copy of a letter that was handed over; None when there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Made once, in `main`. `render` takes a letter's kind, its template version and the facts."""

    database: Database
    people: People
    channels: Mapping[ChannelName, Channel]
    copies: Copies
    render: Callable[[str, str, Page], Rendered]
    clock: Clock
    hold: timedelta

    @property
    def can_email(self) -> bool:
        return "email" in self.channels
