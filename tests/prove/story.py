"""A story: what the ledgers of a few schools say over two years, drawn from one seed, and replayable from a file.

Children have spells (present, ill, on holiday, late, away for exactly so many sessions), move, are registered at two
schools at once, turn out to be one child, or two after all; marks are corrected, taken back, sent late; calendars and
flags change. What is told is what the registers service could tell: no mark stands on a closed day or for a child who
is not on the roll, and what a change closes is taken back in the same write.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from common.academic import year_of
from common.events import encode, known_types, make
from common.events import registers as events

from tests.unit.any_policy import any_policy

PREFIX = "uk.rollcall.registers."
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
TODAY = date(2026, 11, 2)
AUTHORITIES = {100001: "330", 100002: "330", 100003: "333"}
"""The schools, and the authority of each."""
URNS = sorted(AUTHORITIES)

Session = tuple[str, str]
"""Date and half of a day, as they are written."""
Said = tuple[str, dict[str, Any]]
"""An entry: its type, without prefix and version, and its data, without its place in the ledger."""


@dataclass(frozen=True)
class Write:
    """What one school's ledger gains at once."""

    urn: int
    entries: list[Said]


@dataclass(frozen=True)
class Story:
    """All writes in order, and the policies by which the engine counts: one for all, and those of authorities."""

    seed: int
    policy: dict[str, Any]
    own: dict[str, list[dict[str, Any]]]
    writes: list[Write]

    @property
    def marks(self) -> int:
        """How many marks are told, corrections and deletions included."""
        return sum(len(said["marks"]) for write in self.writes for kind, said in write.entries if kind == MARKED)

    def bodies(self) -> list[tuple[int, list[bytes]]]:
        """The writes as they stand on the topic: (school, its entries)."""
        last: dict[int, tuple[int, str | None]] = dict.fromkeys(URNS, (0, None))
        found: list[tuple[int, list[bytes]]] = []
        for write in self.writes:
            number, previous = last[write.urn]
            end = number + len(write.entries)
            encoded: list[bytes] = []
            for kind, said in write.entries:
                number += 1
                id_ = str(uuid.UUID(int=write.urn << 96 | 4 << 76 | 2 << 62 | number))
                placed = {**said, "previous": previous, "write_last": end}
                data = msgspec.convert(placed, known_types()[f"{PREFIX}{kind}.v1"])
                subject = str(write.urn)
                event = make(data, id=id_, subject=subject, now=NOW, sequence=number, schoolurn=write.urn)
                encoded.append(encode(event))
                previous = id_
            last[write.urn] = (number, previous)
            found.append((write.urn, encoded))
        return found

    def only(self, writes: Iterable[Write]) -> "Story":
        """The same, with other writes."""
        return Story(self.seed, self.policy, self.own, list(writes))

    def save(self, path: Path, **more: object) -> None:
        """Writes it to a file; `more` is kept beside it."""
        path.write_text(json.dumps({**asdict(self), **more}, indent=1))

    @classmethod
    def load(cls, path: Path) -> "Story":
        said = json.loads(path.read_text())
        writes = [Write(one["urn"], [(kind, data) for kind, data in one["entries"]]) for one in said["writes"]]
        return cls(said["seed"], said["policy"], said["own"], writes)


MARKED = events.SessionMarked.type.removeprefix(PREFIX).removesuffix(".v1")
SCHOOL, CALENDAR, STAYS, FACTS = "school-changed", "calendar-changed", "enrolment-changed", "pupil-changed"
MERGED, SPLIT = "pupil-merged", "pupil-split"

SPELLS: list[tuple[int, str]] = [
    (12, "/"), (3, "//////I"), (2, "O"), (1, "N"), (1, "G"), (1, "ONG"), (2, "I"), (1, "L///U/"), (1, "U"), (1, "/O"),
    (1, "////////O"), (1, "OOOOD"), (1, "O#Y4"), (1, "X"), (1, "/I/M"), (1, "C2C2/"),
]  # fmt: skip
"""What a child's days are like for a while, and how often that is so."""
LENGTHS = [1, 2, 3, 5, 9, 10, 11, 19, 20, 21, 29, 30, 31, 39, 40, 41, 60, 90, 120]
CORRECTED = ["/", "O", "N", "I", "G", "U", "L", "D", "C", "Y4", None]
BIRTHS = ["2014-03-09", "2012-11-30", "2016-05-01", "2020-04-02", "2020-09-01", "2021-02-10", "2009-06-30",
          "2010-08-31", "2010-09-01", None]  # fmt: skip
FLAGS = ["CIN", "CP", "CLA", "YOUTH_JUSTICE", "FSM"]


def _codes(pattern: str) -> list[str]:
    """`O#Y4` as codes."""
    return [a + b if b.isdigit() else a for a, b in pairwise(pattern + " ") if not a.isdigit()]


@dataclass
class Pupil:
    """A child as its schools know it; `version` and `identity` count what was said of it."""

    pupil_id: str
    version: int = 0
    identity: int = 0
    survivor: str | None = None
    spell: list[str] = field(default_factory=list[str])
    at: int = 0
    left: int = 0


@dataclass
class Teller:
    """Draws a story. `stays`: [from, to, kind] of each pupil at each school; `marks`: what stands, `withdrawn`: what
    would stand if the day were open and the child on the roll. `families`: the ids of each child, until they change.
    """

    chance: Random
    pupils_each: int
    weeks: int
    writes: list[Write] = field(default_factory=list[Write])
    pupils: dict[str, Pupil] = field(default_factory=dict[str, Pupil])
    calendars: dict[int, dict[Session, bool]] = field(default_factory=dict[int, dict[Session, bool]])
    stays: dict[tuple[int, str], list[list[Any]]] = field(default_factory=dict[tuple[int, str], list[list[Any]]])
    marks: dict[tuple[int, str], dict[Session, str]] = field(default_factory=dict[tuple[int, str], dict[Session, str]])
    withdrawn: dict[tuple[int, str], dict[Session, str]] = field(
        default_factory=dict[tuple[int, str], dict[Session, str]]
    )
    missed: list[tuple[int, Session]] = field(default_factory=list[tuple[int, Session]])
    families: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    # -- the beginning ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Schools with two years' calendars, and their rolls."""
        for urn, la_code in AUTHORITIES.items():
            school = {"urn": urn, "name": f"School {urn}", "la_code": la_code, "laestab": f"{la_code}{urn % 10000}"}
            self.write(urn, [(SCHOOL, {**school, "phase": "primary"})])
            self.calendars[urn] = dict.fromkeys(self._term_times(), True)
            self.write(urn, self._calendar_entries(urn, [2024, 2025, 2026]))
        for urn in URNS:
            born = [self._new_pupil() for _ in range(self.pupils_each)]
            for pupil in born:
                start = self.chance.choice(["2024-09-01", "2024-09-01", "2024-11-04", "2025-09-01"])
                self.stays[urn, pupil.pupil_id] = [[start, None, "single"]]
            self.write(urn, [self._stays_entry(urn, [pupil.pupil_id for pupil in born])])
            self.write(urn, [(FACTS, {"pupils": [self._facts(pupil) for pupil in born]})])

    def _term_times(self) -> Iterator[Session]:
        """Two years of weeks, some of them holidays, some short, some of mornings only."""
        kinds = ["full"] * 9 + ["holiday", "short", "mornings"]
        for week in range(-4, self.weeks + 6):
            kind = self.chance.choice(kinds)
            monday = date(2024, 9, 2) + timedelta(weeks=week)
            if kind == "holiday" or monday.month == 8:
                continue
            for day in range(5 if kind != "short" else self.chance.randint(1, 3)):
                for half in ("AM", "PM") if kind != "mornings" else ("AM",):
                    yield (monday + timedelta(days=day)).isoformat(), half

    def _new_pupil(self) -> Pupil:
        pupil = Pupil(str(uuid.UUID(int=self.chance.getrandbits(128), version=4)))
        self.pupils[pupil.pupil_id] = pupil
        self.families.clear()
        return pupil

    def _facts(self, pupil: Pupil) -> dict[str, Any]:
        """What is said of a child: a new version of its birth and flags."""
        pupil.version += 1
        spans: list[dict[str, Any]] = []
        for flag in self.chance.sample(FLAGS, self.chance.choice([0, 0, 0, 1, 1, 2])):
            first = date(2024, 8, 1) + timedelta(days=self.chance.randrange(600))
            last = self.chance.choice([None, first, first + timedelta(days=self.chance.randrange(200))])
            source = self.chance.choice(["roll", "social-care"])
            spans.append({"flag": flag, "from": first.isoformat(), "to": last and last.isoformat(), "source": source})
        flags = self.chance.sample(FLAGS, self.chance.choice([0, 0, 1, 2]))
        return {
            "pupil_id": pupil.pupil_id, "pupil_version": pupil.version, "year_group": None, "flags": flags,
            "date_of_birth": self.chance.choice([BIRTHS[0]] * 8 + BIRTHS), "flag_spans": spans,
        }  # fmt: skip

    # -- what is written ----------------------------------------------------------------------------------------------

    def write(self, urn: int, entries: list[Said]) -> None:
        """One write, unless it says nothing."""
        if entries:
            self.writes.append(Write(urn, entries))

    def _calendar_entries(self, urn: int, years: Iterable[int]) -> list[Said]:
        found: list[Said] = []
        for year in years:
            days: dict[str, list[str]] = {}
            for (day, half), is_open in sorted(self.calendars[urn].items()):
                if is_open and year_of(date.fromisoformat(day)) == year:
                    days.setdefault(day, []).append(half)
            said = [{"date": day, "sessions": halves} for day, halves in days.items()]
            found.append((CALENDAR, {"academic_year": f"{year}-{(year + 1) % 100:02d}", "days": said}))
        return found

    def _stays_entry(self, urn: int, pupil_ids: Iterable[str]) -> Said:
        pupils = [
            {
                "pupil_id": pupil_id,
                "enrolments": [
                    {"from": a, "to": b, "kind": kind} for a, b, kind in self.stays.get((urn, pupil_id), [])
                ],
            }
            for pupil_id in pupil_ids
        ]
        return STAYS, {"pupils": pupils}

    def _marked(self, urn: int, codes: dict[Session, dict[str, str | None]]) -> list[Said]:
        """Entries that say these codes, which from now on stand."""
        found: list[Said] = []
        for (day, half), told in sorted(codes.items()):
            for pupil_id, code in told.items():
                sheet = self.marks.setdefault((urn, pupil_id), {})
                if code is None:
                    sheet.pop((day, half), None)
                else:
                    sheet[day, half] = code
            marks = [{"pupil_id": pupil_id, "code": code} for pupil_id, code in told.items()]
            found.append((MARKED, {"date": day, "session": half, "marks": marks}))
        return found

    def living(self, pupil_id: str) -> str:
        """The child that an id means."""
        while (survivor := self.pupils[pupil_id].survivor) is not None:
            pupil_id = survivor
        return pupil_id

    def family(self, pupil_id: str) -> list[str]:
        """All ids of the child that an id means."""
        if not self.families:
            for other in self.pupils:
                self.families.setdefault(self.living(other), []).append(other)
        return self.families[self.living(pupil_id)]

    def allowed(self, urn: int, pupil_id: str, session: Session) -> bool:
        """Whether a mark may stand."""
        if not self.calendars[urn].get(session, False):
            return False
        return any(
            first <= session[0] and (last is None or session[0] <= last)
            for other in self.family(pupil_id)
            for first, last, _ in self.stays.get((urn, other), ())
        )

    def settle(self, urn: int, pupil_ids: Iterable[str]) -> list[Said]:
        """What is taken back and what stands again, now that a calendar or a roll is another."""
        changed: dict[Session, dict[str, str | None]] = {}
        for pupil_id in pupil_ids:
            sheet = self.marks.get((urn, pupil_id), {})
            waiting = self.withdrawn.setdefault((urn, pupil_id), {})
            for session in [session for session in sheet if not self.allowed(urn, pupil_id, session)]:
                waiting[session] = sheet[session]
                changed.setdefault(session, {})[pupil_id] = None
            back = [session for session in waiting if session not in changed and self.allowed(urn, pupil_id, session)]
            for session in back:
                code = waiting.pop(session)
                if session not in sheet:
                    changed.setdefault(session, {})[pupil_id] = code
        return self._marked(urn, changed)

    # -- what happens -------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """Week after week of registers, and what else happens."""
        self.begin()
        others = [
            *[self.correct] * 6, *[self.take_back] * 3, *[self.send_late] * 3, self.move, self.move, self.second_school,
            self.change_calendar, self.change_calendar, self.merge, self.restore, self.part_off, self.change_facts,
            self.change_facts, self.settle_reasons, self.settle_reasons,
        ]  # fmt: skip
        for week in range(self.weeks):
            monday = date(2024, 9, 2) + timedelta(weeks=week)
            days = [(monday + timedelta(days=day)).isoformat() for day in range(5)]
            for session in [(day, half) for day in days for half in ("AM", "PM")]:
                for urn in URNS:
                    self.register(urn, session)
            for _ in range(self.chance.choice([0, 1, 1, 2, 4])):
                self.chance.choice(others)()

    def register(self, urn: int, session: Session) -> None:
        """A school sends a register, or forgets to."""
        if not self.calendars[urn].get(session, False) or session[0] > TODAY.isoformat():
            return
        if self.chance.random() < 0.02:
            self.missed.append((urn, session))
            return
        self.write(urn, self._marked(urn, {session: self._register(urn, session)}))

    def _register(self, urn: int, session: Session) -> dict[str, str | None]:
        told: dict[str, str | None] = {}
        for at, pupil_id in list(self.stays):
            living = self.living(pupil_id)
            if at == urn and living not in told and self.allowed(urn, living, session):
                code = self._next_code(self.pupils[living], session)
                if code is not None and not any(session in self.marks.get((urn, o), {}) for o in self.family(living)):
                    told[living] = code
        return {pupil_id: code for pupil_id, code in told.items() if code is not None}

    def _next_code(self, pupil: Pupil, session: Session) -> str | None:
        if pupil.left == 0:
            pattern = self.chance.choices([codes for _, codes in SPELLS], [weight for weight, _ in SPELLS])[0]
            pupil.spell, pupil.at, pupil.left = _codes(pattern), 0, self.chance.choice(LENGTHS)
        pupil.left -= 1
        pupil.at += 1
        code = pupil.spell[pupil.at % len(pupil.spell)]
        if self.chance.random() < 0.01:
            return None
        return "\\" if code == "/" and session[1] == "PM" else code

    def _some(self) -> tuple[int, str] | None:
        """A child somewhere that has marks."""
        having = [key for key, sheet in self.marks.items() if sheet]
        return self.chance.choice(having) if having else None

    def correct(self) -> None:
        """A school corrects a few sessions in a row."""
        if (who := self._some()) is None:
            return
        urn, pupil_id = who
        sessions = sorted(self.marks[who])
        first = self.chance.randrange(len(sessions))
        length = self.chance.choice([1, 1, 1, 2, 5, 10, 21])
        code = self.chance.choice(CORRECTED)
        codes: dict[Session, dict[str, str | None]] = {
            session: {pupil_id: code} for session in sessions[first : first + length]
        }
        self.write(urn, self._marked(urn, codes))

    def take_back(self) -> None:
        """A school deletes one mark of somebody."""
        if (who := self._some()) is not None:
            session = self.chance.choice(sorted(self.marks[who]))
            self.write(who[0], self._marked(who[0], {session: {who[1]: None}}))

    def settle_reasons(self) -> None:
        """Every N of a child turns out to be something."""
        if (who := self._some()) is not None:
            code = self.chance.choice(["O", "I", "/", "G"])
            codes: dict[Session, dict[str, str | None]] = {
                session: {who[1]: code} for session, said in sorted(self.marks[who].items()) if said == "N"
            }
            self.write(who[0], self._marked(who[0], codes))

    def send_late(self) -> None:
        """A register that was forgotten comes after all."""
        if self.missed:
            urn, session = self.missed.pop(self.chance.randrange(len(self.missed)))
            told = {
                pupil_id: self.chance.choice(CORRECTED[:-1])
                for at, pupil_id in list(self.stays)
                if at == urn
                and self.pupils[pupil_id].survivor is None
                and self.allowed(urn, pupil_id, session)
                and not any(session in self.marks.get((urn, other), {}) for other in self.family(pupil_id))
            }
            if told:
                self.write(urn, self._marked(urn, {session: dict(told)}))

    def _day(self) -> str:
        return (date(2024, 9, 2) + timedelta(days=self.chance.randrange(self.weeks * 7))).isoformat()

    def move(self) -> None:
        """A child leaves one school on a day, which may have passed, and joins another."""
        urn, pupil_id = self.chance.choice(list(self.stays))
        stays = self.stays[urn, pupil_id]
        if not stays or stays[-1][1] is not None or (day := self._day()) <= stays[-1][0]:
            return
        stays[-1][1] = day
        self.write(urn, [self._stays_entry(urn, [pupil_id]), *self.settle(urn, self.family(pupil_id))])
        self._join(self.chance.choice(URNS), self.living(pupil_id), day, "single")

    def _join(self, urn: int, pupil_id: str, day: str, kind: str) -> None:
        stays = self.stays.setdefault((urn, pupil_id), [])
        if stays and (stays[-1][1] is None or stays[-1][1] >= day):
            return
        stays.append([(date.fromisoformat(day) + timedelta(days=1)).isoformat(), None, kind])
        self.write(urn, [self._stays_entry(urn, [pupil_id]), *self.settle(urn, self.family(pupil_id))])

    def second_school(self) -> None:
        """A child is at two schools at once."""
        urn, pupil_id = self.chance.choice(list(self.stays))
        other = self.chance.choice([school for school in URNS if school != urn])
        if self.stays[urn, pupil_id]:
            self.stays[urn, pupil_id][-1][2] = self.chance.choice(["main", "single", "subsidiary"])
            self.write(urn, [self._stays_entry(urn, [pupil_id])])
        self._join(other, self.living(pupil_id), self._day(), self.chance.choice(["subsidiary", "guest", "main"]))

    def change_calendar(self) -> None:
        """A school opens or closes a few days; marks on closed ones are taken back, and stand again on open ones."""
        urn = self.chance.choice(URNS)
        first = date.fromisoformat(self._day())
        is_open = self.chance.random() < 0.5
        days = [first + timedelta(days=day) for day in range(self.chance.choice([1, 3, 5, 12]))]
        for day in days:
            for half in ("AM", "PM"):
                if day.weekday() < 5:
                    self.calendars[urn][day.isoformat(), half] = is_open
        years = sorted({year_of(day) for day in days})
        self.write(urn, [*self._calendar_entries(urn, years), *self.settle(urn, list(self.pupils))])

    def change_facts(self) -> None:
        """A school says something else of a child: when it was born, what it is flagged for."""
        urn, pupil_id = self.chance.choice(list(self.stays))
        self.write(urn, [(FACTS, {"pupils": [self._facts(self.pupils[self.living(pupil_id)])]})])

    def _schools_of(self, *pupil_ids: str) -> list[int]:
        return [
            urn for urn in URNS if any((urn, other) in self.stays for one in pupil_ids for other in self.family(one))
        ]

    def merge(self) -> None:
        """Two children turn out to be one."""
        dead, survivor = self.chance.sample([p for p in self.pupils.values() if p.survivor is None], 2)
        schools = self._schools_of(dead.pupil_id, survivor.pupil_id)
        dead.identity += 1
        dead.survivor = survivor.pupil_id
        self.families.clear()
        said = {"pupil_id": dead.pupil_id, "survivor": survivor.pupil_id, "identity_version": dead.identity}
        for urn in schools:
            twice: dict[Session, dict[str, str | None]] = {}
            for session in self.marks.get((urn, survivor.pupil_id), {}):
                for other in self.family(survivor.pupil_id):
                    if other != survivor.pupil_id and session in self.marks.get((urn, other), {}):
                        twice.setdefault(session, {})[other] = None
            settled = self.settle(urn, self.family(survivor.pupil_id))
            self.write(urn, [(MERGED, said), *settled, *self._marked(urn, twice)])

    def restore(self) -> None:
        """One who had died into another lives again."""
        dead = [pupil for pupil in self.pupils.values() if pupil.survivor is not None]
        if not dead:
            return
        pupil = self.chance.choice(dead)
        assert pupil.survivor is not None
        schools, living = self._schools_of(pupil.pupil_id), self.living(pupil.pupil_id)
        pupil.identity += 1
        pupil.survivor = None
        self.families.clear()
        said = {"pupil_id": living, "other": pupil.pupil_id, "restored": True, "identity_version": pupil.identity}
        for urn in schools:
            settled = self.settle(urn, [*self.family(living), *self.family(pupil.pupil_id)])
            self.write(urn, [(SPLIT, said), *settled])

    def part_off(self) -> None:
        """What a school says of a child, over some days, is said of another, who is new."""
        if (who := self._some()) is None:
            return
        urn, pupil_id = who
        first, last = sorted([self._day(), self._day()])
        other = self._new_pupil()
        self.stays[urn, other.pupil_id] = [[first, last, "single"]]
        other.identity += 1
        taken = {session: code for session, code in self.marks[who].items() if first <= session[0] <= last}
        moved: dict[Session, dict[str, str | None]] = {
            session: {pupil_id: None, other.pupil_id: code} for session, code in taken.items()
        }
        said = {
            "pupil_id": self.living(pupil_id), "other": other.pupil_id, "restored": False, "identity_version": 1,
        }  # fmt: skip
        entries = [(SPLIT, said), self._stays_entry(urn, [other.pupil_id]), *self._marked(urn, moved)]
        self.write(urn, [*entries, *self.settle(urn, [other.pupil_id])])


def story(seed: int, shipped: dict[str, Any], *, pupils_each: int = 30, weeks: int = 90) -> Story:
    """The story of a seed. Every third is judged by the policy that ships, the others by random ones; of these every
    other has an authority with versions of its own.
    """
    chance = Random(seed)
    teller = Teller(chance, pupils_each, weeks)
    teller.tell()
    policy, own = shipped, dict[str, list[dict[str, Any]]]()
    if seed % 3:
        policy = any_policy(chance.choice, URNS)
        if seed % 2:
            first, second = any_policy(chance.choice, URNS, "own-1"), any_policy(chance.choice, URNS, "own-2")
            own = {"333": [first, {**second, "valid_from": "2025-10-01"}]}
    return Story(seed, policy, own, teller.writes)
