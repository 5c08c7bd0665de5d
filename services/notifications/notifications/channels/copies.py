"""Letters as files: a folder per letter with its HTML and text, written beside and put in place in one rename.

The files hold names and addresses: they and their folders can be read by this process's user alone.
"""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from notifications.domain.page import Rendered

FILES = ("letter.html", "letter.txt")


class Copies:
    """A folder of letters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make_ready(self) -> None:
        """Makes the folder; OSError when it can't be."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def has(self, letter_id: str) -> bool:
        """Whether the letter is there, whole."""
        return (self.folder / letter_id).is_dir()

    def put(self, letter_id: str, content: Rendered) -> None:
        """Puts a letter there, whole or not at all, and on the disk; one that is there already stays as it is."""
        place, making = self.folder / letter_id, self.folder / f".{letter_id}.making"
        if place.is_dir():
            return
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        for name, text in zip(FILES, (content.html, content.text), strict=True):
            _write(making / name, text)
        _sync(making)
        making.rename(place)
        _sync(self.folder)

    def get(self, letter_id: str) -> Rendered | None:
        """The letter that was put there."""
        place = self.folder / letter_id
        try:
            html, text = ((place / name).read_text(encoding="utf-8") for name in FILES)
        except FileNotFoundError:
            return None
        return Rendered(html, text)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Archive:
    """What has left, by whichever channel, for those who ask later."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._copies = [Copies(folder) for folder in folders]

    async def content(self, letter_id: str) -> Rendered | None:
        """What was handed over, or was about to be; None when there is no copy."""
        found = await asyncio.to_thread(lambda: [copies.get(letter_id) for copies in self._copies])
        return next((content for content in found if content is not None), None)
