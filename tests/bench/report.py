"""How a benchmark says its figure: the figure, what is promised, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One promised figure; `at_most` where less is better."""

    what: str
    unit: str
    value: float
    promised: float
    at_most: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.promised if self.at_most else self.value >= self.promised

    def __str__(self) -> str:
        sign = "at most" if self.at_most else "at least"
        verdict = "ok  " if self.holds else "MISS"
        return f"{verdict} {self.what}: {self.value:,.2f} {self.unit} ({sign} {self.promised:g}) {self.note}".rstrip()
