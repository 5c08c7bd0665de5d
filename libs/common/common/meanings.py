"""News of which child an id means, as the absence engine tells it to those who do not read the ledgers."""

from dataclasses import dataclass
from uuid import UUID

from common.events import Data, absence_engine


@dataclass(frozen=True, slots=True)
class Merge:
    """`pupil_id` is `survivor` from now on."""

    pupil_id: str
    survivor: str
    version: int = 0

    def children(self) -> set[str]:
        """The ids that it names."""
        return {self.pupil_id, self.survivor}


@dataclass(frozen=True, slots=True)
class Split:
    """`other` is another child than `pupil_id` from now on: its own again when it is `restored`, else new."""

    pupil_id: str
    other: str
    restored: bool
    version: int

    def children(self) -> set[str]:
        """The ids that it names."""
        return {self.pupil_id, self.other}


def hear_meaning(data: Data) -> Merge | Split | None:
    """What an event says of an id's meaning, or None when it says nothing of it; ValueError for ids that are none."""
    if isinstance(data, absence_engine.ChildMerged):
        return Merge(plain_id(data.pupil_id), plain_id(data.survivor), data.identity_version)
    if isinstance(data, absence_engine.ChildSplit):
        return Split(plain_id(data.pupil_id), plain_id(data.other), data.restored, data.identity_version)
    return None


def plain_id(text: str) -> str:
    """An id in the one form that ids are compared in; ValueError when it is none."""
    return str(UUID(text))
