"""Families: which children are siblings, where they live, who may be written to, and what the school knows about each
child.

A family's children live in one area, that of a primary school, and so mostly go to the same schools. Its contacts are
the family's: a parent of three children is the same person, at the same address, on three rolls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator import names, propensity

_SIZES = (0.45, 0.38, 0.12, 0.05)  # families with one to four children at school
_TOGETHER, _ALONE, _SEPARATED = 0.62, 0.20, 0.18
_NOT_TO_BE_CONTACTED = 0.2  # of parents who live elsewhere
_HAS_EMAIL = 0.85

# Children known to social care and in care: share of all pupils, and of them the share that is persistently absent
# (10e).
_SOCIAL_CARE = (("CIN", 0.025, 0.46), ("CP", 0.0045, 0.554), ("CLA", 0.007, 0.203))
_YOUNG_CARER = 0.007
_EHCP_OF_SEN = 0.27


@dataclass(frozen=True, slots=True)
class Contact:
    """A person whom the school knows for a pupil, as on the roll (`api-surface`: contacts)."""

    local_id: str
    name: str
    relationship: str
    parental_responsibility: bool
    lives_with_pupil: bool
    priority: int
    email: str | None
    phone: str
    lines: tuple[str, ...]
    postcode: str
    language: str
    do_not_contact: bool


@dataclass(frozen=True, slots=True)
class Pupil:
    """One child, as any school of the authority would know it."""

    upn: str
    given_name: str
    family_name: str
    date_of_birth: date
    year_group: int
    flags: tuple[str, ...]
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True)
class Child:
    """What is settled about a pupil before names are given."""

    upn: str
    year_group: int
    area: int
    rate: float
    special: bool


def populate(children: Sequence[Child], year: int, rng: np.random.Generator) -> list[Pupil]:
    """A pupil for each child, in order; siblings share a family name and contacts."""
    flags = _flags(children, rng)
    pupils: list[Pupil | None] = [None] * len(children)
    for family in _families(np.array([child.area for child in children]), rng):
        surname = _pick(names.FAMILY, rng)
        contacts = _contacts(surname, rng)
        given = rng.choice(len(names.GIVEN), size=len(family), replace=False)
        for place, name in zip(family, given, strict=True):
            child = children[place]
            pupils[place] = Pupil(
                upn=child.upn,
                given_name=names.GIVEN[name],
                family_name=surname,
                date_of_birth=_date_of_birth(child.year_group, year, rng),
                year_group=child.year_group,
                flags=flags[place],
                contacts=_in_care(contacts, rng) if "CLA" in flags[place] else contacts,
            )
    return [pupil for pupil in pupils if pupil is not None]


def _families(area: NDArray[np.intp], rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Places in `area`, grouped into families of one to four that live in the same one."""
    families: list[NDArray[np.intp]] = []
    order = rng.permutation(len(area))
    order = order[np.argsort(area[order], kind="stable")]
    for neighbours in np.split(order, np.nonzero(np.diff(area[order]))[0] + 1):
        sizes = rng.choice(len(_SIZES), size=len(neighbours), p=_SIZES) + 1
        ends = np.cumsum(sizes)
        families.extend(part for part in np.split(neighbours, ends[ends < len(neighbours)]) if len(part))
    return families


def _flags(children: Sequence[Child], rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Free school meals, special needs and social care, each likelier where absence is high (rule book 10d, 10e)."""
    rate = np.array([child.rate for child in children])
    special = np.array([child.special for child in children], dtype=bool)
    band, persistent = propensity.bands_of(rate), rate >= 0.10
    sen = rng.random(len(rate)) < propensity.chance_given_band(propensity.BANDS_SEN, propensity.SHARE_SEN)[band]
    plan = special | (sen & (rng.random(len(rate)) < _EHCP_OF_SEN))
    held = {
        "FSM": rng.random(len(rate)) < propensity.chance_given_band(propensity.BANDS_FSM, propensity.SHARE_FSM)[band],
        "EHCP": plan,
        "SEN_SUPPORT": sen & ~plan,
        "YOUNG_CARER": rng.random(len(rate)) < _YOUNG_CARER,
    }
    share = min(max(float(persistent.mean()), 0.01), 0.99) if len(rate) else 0.5
    for flag, of_all, of_them in _SOCIAL_CARE:
        chance = np.where(persistent, of_all * of_them / share, of_all * (1 - of_them) / (1 - share))
        held[flag] = rng.random(len(rate)) < chance
    return [tuple(flag for flag, has in held.items() if has[place]) for place in range(len(rate))]


def _contacts(surname: str, rng: np.random.Generator) -> tuple[Contact, ...]:
    """The family's parents: together, one alone, or two in separate households."""
    language = str(rng.choice([code for code, _ in names.LANGUAGES], p=[share for _, share in names.LANGUAGES]))
    mother = _contact(1, "mother", surname, language, rng)
    kind = rng.choice(3, p=(_TOGETHER, _ALONE, _SEPARATED))
    if kind == 1:
        return (mother,)
    father = _contact(2, "father", surname, language, rng)
    if kind == 0:
        return (mother, replace(father, lines=mother.lines, postcode=mother.postcode))
    barred = bool(rng.random() < _NOT_TO_BE_CONTACTED)
    return (mother, replace(father, lives_with_pupil=False, do_not_contact=barred))


def _in_care(parents: tuple[Contact, ...], rng: np.random.Generator) -> tuple[Contact, ...]:
    """A child in care lives with a carer, who has no parental responsibility."""
    carer = _contact(9, "foster carer", _pick(names.FAMILY, rng), "en", rng)
    return (
        replace(carer, parental_responsibility=False),
        *(replace(parent, lives_with_pupil=False) for parent in parents),
    )


def _contact(priority: int, relationship: str, surname: str, language: str, rng: np.random.Generator) -> Contact:
    name = f"{_pick(names.FATHERS if relationship == 'father' else names.MOTHERS, rng)} {surname}"
    number = int(rng.integers(0, 1_000_000))
    return Contact(
        local_id=f"c{priority}",
        name=name,
        relationship=relationship,
        parental_responsibility=True,
        lives_with_pupil=True,
        priority=priority,
        email=f"parent{number}@example.org" if rng.random() < _HAS_EMAIL else None,
        phone=f"07700 900{number % 1000:03d}",  # Ofcom keeps this range for fiction
        lines=(f"{int(rng.integers(1, 120))} {_pick(names.STREETS, rng)}", _pick(names.PLACES, rng)),
        postcode=f"ZZ{int(rng.integers(1, 100))} {int(rng.integers(1, 10))}{_pick('ABDEFGH', rng)}A",
        language=language,
        do_not_contact=False,
    )


def _date_of_birth(year_group: int, year: int, rng: np.random.Generator) -> date:
    """A day in the twelve months that make the age at 31 August right: year group = age - 4 (rule book 8.8)."""
    return date(year - year_group - 5, 9, 1) + timedelta(int(rng.integers(0, 365)))


def _pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(0, len(choices)))]
