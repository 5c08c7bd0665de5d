"""Letters on paper: each becomes a folder, named by its id, that a print room picks up. Repeating one makes no
second.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from notifications.channels import ChannelAwayError, Parcel
from notifications.channels.copies import Copies
from notifications.domain.values import ChannelName


class FolderChannel:
    """Puts letters into a folder."""

    name: ChannelName = "letter"
    repeatable = True

    def __init__(self, folder: Path) -> None:
        self._copies = Copies(folder)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator["FolderChannel"]:
        """See `Channel`: away while the folder can't be made."""
        try:
            await asyncio.to_thread(self._copies.make_ready)
        except OSError as error:
            raise ChannelAwayError(type(error).__name__) from error
        yield self

    async def deliver(self, parcel: Parcel) -> None:
        """See `HandOver`."""
        await asyncio.to_thread(self._copies.put, parcel.letter_id, parcel.content)

    async def has_left(self, letter_id: str) -> bool:
        """See `Channel`."""
        return await asyncio.to_thread(self._copies.has, letter_id)
