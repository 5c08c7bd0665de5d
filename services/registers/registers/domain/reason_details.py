"""Why a pupil was away, more exactly than a code says it: a list of our own, as data in `reason_details.csv`.

A mark may carry several of them, whatever its code. They explain; nothing is counted by them.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class ReasonDetail(NamedTuple):
    """One of the reasons, and the group that it belongs to."""

    code: str
    group: str
    meaning: str


@cache
def reason_details() -> dict[str, ReasonDetail]:
    """Every reason, by its code, in the order of the table."""
    text = files("registers.domain").joinpath("reason_details.csv").read_text(encoding="utf-8")
    return {row["code"]: ReasonDetail(**row) for row in csv.DictReader(text.splitlines())}
