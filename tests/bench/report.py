"""How a benchmark says its figure: the figure, what is promised, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `at_most` where less is better. Nothing is promised of one that is only told for comparison."""

    what: str
    unit: str
    value: float
    promised: float | None
    at_most: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        if self.promised is None:
            return True
        return self.value <= self.promised if self.at_most else self.value >= self.promised

    def __str__(self) -> str:
        said = f"{self.what}: {self.value:,.2f} {self.unit}"
        if self.promised is None:
            return f"     {said} {self.note}".rstrip()
        sign = "at most" if self.at_most else "at least"
        verdict = "ok  " if self.holds else "MISS"
        return f"{verdict} {said} ({sign} {self.promised:g}) {self.note}".rstrip()
