"""A local authority in miniature: its schools, who goes to which class of which school and when, and everybody's marks.

`build` keeps the authority's real proportions of pupils by phase and of school sizes; everything else is invented.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator import calendar, dfe, identifiers, marks, names, people, propensity
from simulator.calendar import SchoolDay
from simulator.dfe import AuthorityFigures, PhaseFigures
from simulator.marks import Marks

DEFAULT_LA = "916"
YEARS = {"primary": range(7), "secondary": range(7, 12), "special": range(12)}
CLASS_SIZE = {"primary": 30, "secondary": 30, "special": 10}
_MOVERS = 0.004
_DUAL = 0.003
_DUAL_WEEKDAYS = frozenset({3, 4})
_EVERY_DAY = frozenset(range(5))
_MOVES_BETWEEN = (12, 170)  # school days


@dataclass(frozen=True, slots=True)
class School:
    """One school; `rooms` are its classes, by their number in the authority and their name in the school."""

    urn: int
    laestab: str
    name: str
    phase: str
    rooms: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Stay:
    """A pupil's time in one class: school days `first` to `last`, the weekdays attended there (D on the others)."""

    pupil: int
    school: int
    room: int
    local_id: str
    kind: str  # single | main | subsidiary
    first: int
    last: int
    since: date
    until: date | None
    weekdays: frozenset[int] = _EVERY_DAY


@dataclass(frozen=True, slots=True)
class Authority:
    """Everything a year holds; pupils, schools and school days are known by their place in these sequences."""

    figures: AuthorityFigures
    year: int
    days: tuple[SchoolDay, ...]
    schools: tuple[School, ...]
    pupils: tuple[people.Pupil, ...]
    stays: tuple[Stay, ...]
    marks: Marks
    rate: NDArray[np.float64]  # by pupil: the share of the year that it will have missed


@dataclass(frozen=True, slots=True)
class _Phase:
    figures: PhaseFigures
    pupils: marks.Pupils  # rooms and schools counted within the phase
    rooms: tuple[tuple[int, str], ...]  # by room: its school within the phase, its name


def build(pupils: int = 1000, la_code: str = DEFAULT_LA, year: int = calendar.TC1_YEAR, seed: int = 1) -> Authority:
    """An authority of `pupils` pupils with the figures of a real one; the same for the same arguments.

    KeyError when DfE's file does not hold the authority with all three phases.
    """
    rng = np.random.default_rng(seed)
    figures = dfe.authority_figures(la_code)
    days = calendar.school_days(year)
    phases = [_phase(figures.phases[phase], count, rng) for phase, count in _by_phase(figures, pupils).items() if count]
    all_marks = [marks.year_of_marks(phase.pupils, phase.figures, days, rng) for phase in phases]
    schools = _schools(phases, la_code)
    stays = _stays(phases, schools, days, year)
    rate = np.concatenate([phase.pupils.rate for phase in phases])
    return Authority(
        figures=figures,
        year=year,
        days=days,
        schools=schools,
        pupils=tuple(people.populate(_children(phases, schools, year, rng), year, rng)),
        stays=tuple(_with_second_schools(_with_moves(stays, schools, days, rng), schools, rng)),
        marks=Marks(
            *(np.concatenate([getattr(part, name) for part in all_marks]) for name in ("final", "first", "settled"))
        ),
        rate=rate,
    )


def _by_phase(figures: AuthorityFigures, pupils: int) -> dict[str, int]:
    total = sum(phase.pupils for phase in figures.phases.values())
    counts = {name: round(pupils * phase.pupils / total) for name, phase in figures.phases.items()}
    counts["primary"] += pupils - sum(counts.values())
    return counts


def _phase(figures: PhaseFigures, count: int, rng: np.random.Generator) -> _Phase:
    """Pupils spread evenly over schools of the authority's usual size, years and classes."""
    schools = max(1, round(count / (figures.pupils / figures.schools)))
    years = YEARS[figures.phase]
    place = np.arange(count)
    school = place * schools // count
    year_group = np.array(years)[place % len(years)]
    rooms: list[tuple[int, str]] = []
    room = np.zeros(count, dtype=np.intp)
    for key in sorted(set(zip(school.tolist(), year_group.tolist(), strict=True))):
        members = np.nonzero((school == key[0]) & (year_group == key[1]))[0]
        classes = -(-len(members) // CLASS_SIZE[figures.phase])
        room[members] = len(rooms) + np.arange(len(members)) * classes // len(members)
        rooms.extend((key[0], f"{key[1] or 'R'}{chr(ord('A') + number)}") for number in range(classes))
    rate = propensity.rates(figures, count, rng)
    return _Phase(figures, marks.Pupils(rate, year_group, room, school), tuple(rooms))


def _schools(phases: Sequence[_Phase], la_code: str) -> tuple[School, ...]:
    schools: list[School] = []
    first_room = 0
    for phase in phases:
        for own in range(int(phase.pupils.school.max()) + 1):
            number = len(schools)
            schools.append(
                School(
                    urn=identifiers.urn_of(number),
                    laestab=identifiers.laestab_of(la_code, number),
                    name=names.school_name(number, phase.figures.phase),
                    phase=phase.figures.phase,
                    rooms=tuple((first_room + room, name) for room, (of, name) in enumerate(phase.rooms) if of == own),
                )
            )
        first_room += len(phase.rooms)
    return tuple(schools)


def _children(
    phases: Sequence[_Phase], schools: Sequence[School], year: int, rng: np.random.Generator
) -> list[people.Child]:
    """Areas are those of primary schools; a UPN was allotted by the area's school in the year of entry to Reception."""
    areas = max(1, sum(school.phase == "primary" for school in schools))
    serials: dict[tuple[int, int], int] = {}
    children: list[people.Child] = []
    for phase in phases:
        primary = phase.figures.phase == "primary"
        own = phase.pupils.school if primary else rng.integers(0, areas, len(phase.pupils.school))
        for area, year_group, rate in zip(
            own.tolist(), phase.pupils.year_group.tolist(), phase.pupils.rate.tolist(), strict=True
        ):
            key = area, year - year_group
            serials[key] = serials.get(key, -1) + 1
            upn = identifiers.upn_of(schools[area].laestab, key[1], serials[key])
            children.append(people.Child(upn, year_group, area, rate, phase.figures.phase == "special"))
    return children


def _stays(phases: Sequence[_Phase], schools: Sequence[School], days: Sequence[SchoolDay], year: int) -> list[Stay]:
    stays: list[Stay] = []
    next_id = [1001] * len(schools)
    first_school = first_room = 0
    for phase in phases:
        entry = YEARS[phase.figures.phase][0]
        members = zip(
            *(values.tolist() for values in (phase.pupils.school, phase.pupils.room, phase.pupils.year_group)),
            strict=True,
        )
        for own, room, year_group in members:
            school = first_school + own
            since = date(year - (year_group - entry), 9, 1)
            stays.append(
                Stay(
                    len(stays), school, first_room + room, str(next_id[school]), "single", 0, len(days) - 1, since, None
                )
            )
            next_id[school] += 1
        first_school += int(phase.pupils.school.max()) + 1
        first_room += len(phase.rooms)
    return stays


def _with_moves(
    stays: Sequence[Stay], schools: Sequence[School], days: Sequence[SchoolDay], rng: np.random.Generator
) -> list[Stay]:
    """A few pupils change to another school of their phase during the year, into a class of the same name if there is
    one.
    """
    moved: list[Stay] = []
    for stay, chance in zip(stays, rng.random(len(stays)), strict=True):
        phase = schools[stay.school].phase
        others = [place for place, school in enumerate(schools) if school.phase == phase and place != stay.school]
        if chance >= _MOVERS or not others:
            moved.append(stay)
            continue
        first = int(rng.integers(*_MOVES_BETWEEN))
        school = others[int(rng.integers(0, len(others)))]
        on = days[first].date
        moved.append(replace(stay, last=first - 1, until=on - timedelta(1)))
        moved.append(
            replace(
                stay,
                school=school,
                room=_room_like(stay, schools, school),
                local_id=f"M{stay.pupil}",
                first=first,
                since=on,
            )
        )
    return moved


def _with_second_schools(stays: Sequence[Stay], schools: Sequence[School], rng: np.random.Generator) -> list[Stay]:
    """A few pupils spend two days a week at a special school: dual registered, D where they are not."""
    special = [place for place, school in enumerate(schools) if school.phase == "special"]
    whole_year = {stay.pupil for stay in stays} - {stay.pupil for stay in stays if stay.first or stay.until}
    dual: list[Stay] = []
    for stay, chance in zip(stays, rng.random(len(stays)), strict=True):
        if chance >= _DUAL or not special or stay.school in special or stay.pupil not in whole_year:
            dual.append(stay)
            continue
        school = special[int(rng.integers(0, len(special)))]
        dual.append(replace(stay, kind="main", weekdays=_EVERY_DAY - _DUAL_WEEKDAYS))
        room = _room_like(stay, schools, school)
        there = replace(stay, school=school, room=room, local_id=f"D{stay.pupil}", kind="subsidiary")
        dual.append(replace(there, weekdays=_DUAL_WEEKDAYS))
    return dual


def _room_like(stay: Stay, schools: Sequence[School], school: int) -> int:
    """The class of another school with the same name, or its first."""
    name = next(name for room, name in schools[stay.school].rooms if room == stay.room)
    rooms = schools[school].rooms
    return next((room for room, other in rooms if other == name), rooms[0][0])
