"""The numbers behind the rules, as dated data (invariant 9): `absence_engine/policies/*.json`, one file per version.

`read` makes a policy of a document, or says all that is wrong with it and where.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from common.codes import code_table
from msgspec import Meta

from absence_engine.domain.patterns.rules import Patterns
from absence_engine.domain.thresholds import (
    PENALTY,
    RULES,
    Band,
    Coded,
    Rate,
    Run,
    Stage,
    Tally,
    Threshold,
    Window,
    basis_points,
)

Read = TypeVar("Read")

FLAGS = frozenset({"FSM", "EHCP", "SEN_SUPPORT", "CLA", "CIN", "CP", "YOUNG_CARER", "YOUTH_JUSTICE"})
"""The flags of children that a threshold may name."""
DEFAULT_PATTERNS = Patterns()
ALWAYS = ("PA", "SA", PENALTY)
"""What every policy has: figures name them."""


@dataclass(frozen=True)
class Policy:
    """One dated set of numbers. `suppress_below`: numbers of children under this are not shown for an area. `since`: by
    kind, the version from which on a threshold has been as it is, where that was an earlier one; no part of a document.
    """

    version: str
    valid_from: date
    source: str
    suppress_below: int
    minutes_per_session: int
    bands: tuple[Band, ...]
    thresholds: Mapping[str, Threshold]
    stages: Mapping[str, Stage]
    patterns: Patterns = DEFAULT_PATTERNS
    since: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)

    def version_of(self, kind: str) -> str:
        """The version that a kind's episodes rest on."""
        return self.since.get(kind, self.version)

    @cached_property
    def rates(self) -> dict[str, Rate]:
        """The thresholds that are rates, by kind."""
        return {kind: rule for kind, rule in self.thresholds.items() if isinstance(rule, Rate)}

    @cached_property
    def plain_rates(self) -> dict[str, Rate]:
        """The rates that ask for nothing but absence, the same of every child."""
        return {kind: rate for kind, rate in self.rates.items() if not rate.flags and rate.targets is None}

    @cached_property
    def windows(self) -> dict[str, Window]:
        """The thresholds that are windows, by kind."""
        return {kind: rule for kind, rule in self.thresholds.items() if isinstance(rule, Window)}

    @cached_property
    def runs(self) -> dict[str, Run]:
        """The thresholds that are runs, by kind."""
        return {kind: rule for kind, rule in self.thresholds.items() if isinstance(rule, Run)}

    @cached_property
    def tallies(self) -> dict[str, Tally]:
        """The thresholds that are tallies, by kind."""
        return {kind: rule for kind, rule in self.thresholds.items() if isinstance(rule, Tally)}

    @property
    def penalty(self) -> Window:
        """Ten in ten."""
        return self.windows[PENALTY]

    @property
    def minimum_possible(self) -> int:
        """The possible sessions before a figure is firm: those of persistent absence (12.7)."""
        return self.rates["PA"].minimum_possible

    def band_of(self, attended: int, possible: int) -> str | None:
        """The name of the band of so much attendance; None without a possible session or without bands."""
        if possible == 0:
            return None
        return next((band.name for band in self.bands if band.holds(attended, possible)), None)


@cache
def policies() -> tuple[Policy, ...]:
    """Every version that is shipped, oldest first; of those valid from one day the highest version last."""
    folder = files("absence_engine").joinpath("policies")
    found = [read(msgspec.json.decode(file.read_bytes())) for file in folder.iterdir() if file.name.endswith(".json")]
    return tuple(sorted(found, key=in_order))


def in_order(policy: Policy) -> tuple[date, list[tuple[int, str]]]:
    """What versions are ordered by: the day, then the version, its numbers as numbers."""
    words = "".join(c if c.isdigit() else f" {c} " for c in policy.version).split()
    return policy.valid_from, [(int(word), "") if word.isdigit() else (-1, word) for word in words]


class Fault(NamedTuple):
    """Something wrong with a document, at a JSON pointer."""

    pointer: str
    detail: str


class PolicyError(ValueError):
    """A document that is no policy, and all that was found wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults)


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """A policy as it is written. What has items of its own is read item by item."""

    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
    valid_from: date
    thresholds: dict[str, Any]
    source: Annotated[str, Meta(max_length=1000)] = ""
    suppress_below: Annotated[int, Meta(ge=0, le=100)] = 5
    minutes_per_session: Annotated[int, Meta(ge=1, le=600)] = 195
    bands: list[Any] = []
    stages: dict[str, Any] = {}
    patterns: dict[str, Any] = {}


def read(document: object) -> Policy:
    """The policy that a decoded JSON document writes; PolicyError when it writes none."""
    faults: list[Fault] = []
    said = _convert(document, _Document, "", faults)
    if said is None:
        raise PolicyError(faults)
    thresholds = _each(said.thresholds, Threshold, "/thresholds", faults)
    bands = _each({str(n): band for n, band in enumerate(said.bands)}, Band, "/bands", faults)
    stages = _each(said.stages, Stage, "/stages", faults)
    patterns = _convert(said.patterns, Patterns, "/patterns", faults) or DEFAULT_PATTERNS
    faults += _wrong_patterns(patterns)
    for kind, rule in thresholds.items():
        faults += _wrong_threshold(kind, rule)
    faults += _wrong_bands(list(bands.values()))
    missing = [kind for kind in ALWAYS if kind not in said.thresholds]
    faults += [Fault("/thresholds", f"There is no {kind}; every policy has one.") for kind in missing]
    strangers = [kind for kind in stages if kind not in said.thresholds]
    faults += [Fault(_pointer("/stages", kind), "This policy has no such threshold.") for kind in strangers]
    if faults:
        raise PolicyError(faults)
    return Policy(
        version=said.version,
        valid_from=said.valid_from,
        source=said.source,
        suppress_below=said.suppress_below,
        minutes_per_session=said.minutes_per_session,
        bands=tuple(bands.values()),
        thresholds=thresholds,
        stages=stages,
        patterns=patterns,
    )


def written(policy: Policy) -> dict[str, Any]:
    """A policy as a document, in plain JSON values; what has its default is left out."""
    document = msgspec.to_builtins(policy)
    return {name: value for name, value in document.items() if name != "since" and (name != "patterns" or value)}


def _convert(value: object, type_: type[Read], at: str, faults: list[Fault]) -> Read | None:
    """The value as a type; None, and a fault, when it isn't one."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        faults.append(Fault(at + _as_pointer(path.rstrip("`")), f"{detail}."))
        return None


def _each(items: Mapping[str, object], type_: Any, at: str, faults: list[Fault]) -> dict[str, Any]:
    read = {name: _convert(item, type_, _pointer(at, name), faults) for name, item in items.items()}
    return {name: item for name, item in read.items() if item is not None}


def _pointer(at: str, *names: str | int) -> str:
    """RFC 6901."""
    return at + "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)


def _as_pointer(path: str) -> str:
    """What msgspec says of a place (`.codes[0]`) as a pointer; it does not say which key of a map."""
    return "".join(f"/{word}" for word in re.findall(r"[A-Za-z0-9_]+", path))


def _wrong_threshold(kind: str, rule: Threshold) -> Iterator[Fault]:
    at = _pointer("/thresholds", kind)
    if kind not in RULES:
        yield Fault(at, f"There is no such threshold; there are {', '.join(RULES)}.")
    elif not isinstance(rule, RULES[kind]):
        yield Fault(f"{at}/rule", f"{kind} is always of the rule {RULES[kind].__struct_config__.tag}.")
    elif isinstance(rule, Rate):
        yield from _wrong_rate(kind, rule, at)
    else:
        yield from _wrong_codes(rule, at)
    if isinstance(rule, Rate | Run):
        for n, flag in enumerate(rule.flags):
            if flag not in FLAGS:
                yield Fault(f"{at}/flags/{n}", f"There is no flag {flag}.")
    if isinstance(rule, Window) and (rule.reading == "school_days") != (rule.days > 0):
        yield Fault(f"{at}/days", "A window of school days, and no other, says how many.")


def _wrong_rate(kind: str, rule: Rate, at: str) -> Iterator[Fault]:
    if kind == "SCHOOL_TARGET":
        if rule.targets is None:
            yield Fault(f"{at}/targets", "SCHOOL_TARGET says each school's target (or {}).")
        if rule.part or rule.of:
            yield Fault(at, "SCHOOL_TARGET has targets, and no line for all schools.")
        for urn in rule.targets or {}:
            if not re.fullmatch(r"[1-9][0-9]{0,8}", urn):
                yield Fault(_pointer(f"{at}/targets", urn), "A school is named by its URN.")
        return
    if rule.targets is not None:
        yield Fault(f"{at}/targets", "Only SCHOOL_TARGET has targets.")
    if not 0 < rule.part <= rule.of:
        yield Fault(f"{at}/of", "The line is `part` of `of` sessions; a part is at least one and at most the whole.")
    if kind in ("PA", "SA") and (rule.part != 1 or rule.strict or rule.flags):
        yield Fault(at, f"{kind} is one in `of`, reached and not exceeded, for all children.")
    if kind == "CIN_CP_95" and not rule.flags:
        yield Fault(f"{at}/flags", "CIN_CP_95 says which flags it is for.")


def _wrong_patterns(patterns: Patterns) -> Iterator[Fault]:
    for kind, rule in (("half_day", patterns.half_day), ("sudden_change", patterns.sudden_change)):
        if rule is not None and rule.part > rule.of:
            yield Fault(f"/patterns/{kind}/part", "A part is at most the whole.")


def _wrong_codes(rule: Coded, at: str) -> Iterator[Fault]:
    if isinstance(rule, Tally) and rule.unsettled_codes:
        yield Fault(f"{at}/unsettled_codes", "A tally is firm at once: it has none.")
    for name, codes in (("codes", rule.codes), ("unsettled_codes", rule.unsettled_codes)):
        for n, code in enumerate(codes):
            if code not in code_table() or not code_table()[code].possible:
                yield Fault(f"{at}/{name}/{n}", f"{code} is no code of a possible session.")
            elif code not in rule.codes:
                yield Fault(f"{at}/{name}/{n}", f"{code} is not among the codes that count.")


def _wrong_bands(bands: list[Band]) -> Iterator[Fault]:
    bounds: list[int] = []
    for n, band in enumerate(bands):
        at = f"/bands/{n}"
        if (band.attendance_from is None) == (band.attendance_above is None):
            yield Fault(at, "A band says either `attendance_from` or `attendance_above`.")
        bounds.append(basis_points(band.attendance_from or band.attendance_above or "0"))
        if n and bounds[n] >= bounds[n - 1]:
            yield Fault(at, "Each band begins below the one before it.")
    if bands and (bounds[-1] or bands[-1].attendance_from is None):
        yield Fault(f"/bands/{len(bands) - 1}", "The last band begins at 0.")
    if len({band.name for band in bands}) < len(bands):
        yield Fault("/bands", "Two bands have one name.")
