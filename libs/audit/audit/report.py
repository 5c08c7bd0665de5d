"""What the audit has to say: counts of what was compared, and every difference in a sentence with ids."""

from collections import Counter
from typing import TextIO


class Report:
    """Differences are told as they are found; the counts at the end. `notes` are neither: what could not be compared
    yet.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self.differences = 0

    def count(self, what: str, number: int = 1) -> None:
        """So many of these were compared."""
        self.counts[what] += number

    def difference(self, text: str) -> None:
        """Two that should agree do not."""
        self.differences += 1
        self.say(f"DIFFERENCE {text}")

    def same(self, what: str, found: object, wanted: object) -> bool:
        """Notes a difference unless the service's `found` is what was `wanted`."""
        if found == wanted:
            return True
        self.difference(f"{what}: the service has {found}, not {wanted}")
        return False

    def note(self, text: str) -> None:
        """Something that is no difference, but was not compared."""
        self.notes.append(text)

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def end(self) -> None:
        """Tells what was compared, and the result."""
        self.say("compared")
        for what, number in self.counts.items():
            self.say(f"  {number:>12,}  {what}")
        for text in self.notes:
            self.say(f"not compared: {text}")
        self.say(f"differences: {self.differences or 'none'}")
