"""The JSON of the end of a day: what stands, where two lists differ, silent schools, connections."""

from datetime import date, datetime
from typing import Annotated, Literal

from common.web import Page
from pydantic import BaseModel, Field, StringConstraints

from registers.api.parameters import Day
from registers.api.shapes import PUPIL, SCHOOL, example
from registers.api.waiting_shapes import MEND, MendOut, UnknownKey

Half = Literal["AM", "PM"]
DigestKey = Literal["local_id", "upn", "pupil_id"]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MORNING = "4dfca8e39ba20fe8100730d6c79300b860c97fbd2d443d052086756400348ded"
DAY = "8186e0e855c0f647f089060fff495b32c161d21cbfb15bb82db39cd6153048c7"


class SessionStands(BaseModel):
    """What stands in one session.

    `digest`: SHA-256, in hex, of one line `key|code` for each mark that stands, sorted by their bytes, with a line feed
    between two (none at the end), in UTF-8. Pupils who have no such key are left out of it and counted.
    """

    session: Half
    open: bool = Field(description="Whether the school's calendar has this session.")
    marks: int = Field(description="How many marks stand.")
    waiting: int = Field(description="How many marks wait in quarantine.")
    without_key: int = Field(description="How many of the marks that stand are of pupils without such a key.")
    digest: str


class DayStands(BaseModel):
    """What stands on a day; `digest`: SHA-256 of the sessions' digests, morning first, a line feed between them."""

    date: date
    digest: str
    sessions: list[SessionStands]


class SyncOut(Page[DayStands]):
    """The days on which the school is open or has sent something; `sequence`: its ledger's last entry."""

    model_config = example(
        school_urn=100001, key="local_id", sequence=812, next=None,
        items=[
            {
                "date": "2025-09-15",
                "digest": DAY,
                "sessions": [
                    {"session": "AM", "open": True, "marks": 2, "waiting": 1, "without_key": 0, "digest": MORNING},
                    {"session": "PM", "open": True, "marks": 0, "waiting": 0, "without_key": 0, "digest": EMPTY},
                ],
            }
        ],
    )  # fmt: skip
    school_urn: int
    key: DigestKey
    sequence: int


_Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ComparedMark(BaseModel):
    """A mark as a school's system has it; without a code, or with a blank or `-`: it has none for this pupil."""

    session: Half | None = Field(default=None, description="When the request names no session.")
    pupil_id: _Key | None = None
    upn: _Key | None = None
    local_id: _Key | None = None
    code: Annotated[str, StringConstraints(max_length=255)] | None = None


class ComparedDigest(BaseModel):
    """A digest as a school's system reckons it: of a session, or of a day when none is named."""

    date: Day | None = Field(default=None, description="When the request names no date.")
    session: Half | None = None
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class CompareIn(BaseModel):
    """Either `marks`: the whole list of a day (or of one session of it); or `digests`, of up to 366 days."""

    model_config = example(
        date="2025-09-15", session="AM", marks=[{"local_id": "1042", "code": "/"}, {"local_id": "1043", "code": "I"}]
    )
    date: Day | None = None
    session: Half | None = Field(default=None, description="Both sessions when left out.")
    key: DigestKey = Field(default="local_id", description="By which key the digests were made.")
    marks: list[ComparedMark] | None = None
    digests: list[ComparedDigest] | None = None


class WaitingHere(BaseModel):
    """A mark of the pupil that waits in quarantine: why, and what would mend it."""

    code: str
    problem: str
    mend: MendOut


class DifferenceOut(BaseModel):
    """A pupil whose mark is not the same in both lists. `there` is the list that was sent, `here` what stands.

    `missing-here`: nothing stands or waits for it; `missing-there`: only we have a mark; `other-code`: another one
    stands; `waiting`: just this mark waits in quarantine.
    """

    kind: Literal["missing-here", "missing-there", "other-code", "waiting"]
    pointer: str | None = Field(description="The mark in the list; null where it has none.")
    session: Half
    pupil_id: str | None
    local_id: str | None = Field(description="Ours, or the one that was sent where we have no mark.")
    key: UnknownKey | None = Field(description="Of a pupil whom the school's roll does not have.")
    there: str | None
    here: str | None
    waiting: list[WaitingHere]


class DigestCompared(BaseModel):
    """Whether a digest is what we reckon, and ours."""

    date: date
    session: Half | None
    equal: bool
    digest: str


class Compared(BaseModel):
    """The differences between the two lists, or between the digests; `counts` by kind, with `same`."""

    model_config = example(
        school_urn=100001, sequence=812,
        counts={"same": 27, "missing-here": 0, "missing-there": 0, "other-code": 0, "waiting": 1},
        differences=[
            {
                "kind": "waiting", "pointer": "/marks/1", "session": "AM", "pupil_id": PUPIL, "local_id": "1043",
                "key": None, "there": "J", "here": None,
                "waiting": [{"code": "J", "problem": "retired-code", "mend": MEND}],
            }
        ],
        digests=[],
    )  # fmt: skip
    school_urn: int
    sequence: int
    counts: dict[str, int]
    differences: list[DifferenceOut]
    digests: list[DigestCompared]


class CodeCount(BaseModel):
    """How often somebody else counts a code: in a session, or on a whole day when none is named."""

    date: Day
    session: Half | None = None
    code: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    marks: Annotated[int, Field(ge=0, le=1_000_000)]


class ReconcileIn(BaseModel):
    """Counts of codes out of another system, DfE's download for example; of up to 366 days."""

    model_config = example(counts=[{"date": "2025-09-15", "code": "I", "marks": 12}])
    counts: list[CodeCount]


class CodeDifference(BaseModel):
    """A code that is not as often in both counts. `there` is the count that was sent, `here` how many marks stand.

    `waiting`: our marks with this code that wait in quarantine, by problem; they stand nowhere yet.
    """

    date: date
    session: Half | None
    code: str
    there: int
    here: int
    waiting: dict[str, int]


class ReconcileOut(BaseModel):
    """How many codes are as often in both counts, and the others. A session or day that was not sent is passed over."""

    model_config = example(
        school_urn=100001, sequence=812, same=0,
        differences=[
            {
                "date": "2025-09-15", "session": None, "code": "I", "there": 12, "here": 11,
                "waiting": {"unknown-pupil": 1},
            }
        ],
    )  # fmt: skip
    school_urn: int
    sequence: int
    same: int
    differences: list[CodeDifference]


CONNECTION = {"kind": "wonde", "state": "live", "contact_role": "data manager", "since": "2025-09-01"}


class ConnectionIn(BaseModel):
    """How a school's registers reach us. `contact_role` is whom to ask: a role at the school, never a person's name."""

    model_config = example(**CONNECTION)
    kind: Literal["wonde", "mis", "csv", "idams"]
    state: Literal["planned", "testing", "live", "stopped"]
    contact_role: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    since: Day | None = None


class ConnectionOut(ConnectionIn):
    """How a school is connected, and when that was last changed."""

    model_config = example(school_urn=100001, **CONNECTION, changed_at="2025-09-01T09:00:00Z")
    school_urn: int
    changed_at: datetime


class LastRegister(BaseModel):
    """The latest session for which a school has sent something, and when that came."""

    date: date
    session: Half
    received_at: datetime


class SilentSchool(BaseModel):
    """A school that sends nothing. `school_days`: how many of its own school days before today have gone by since."""

    model_config = example(
        school_urn=100001, name=SCHOOL["name"], reason="no-register", school_days=3,
        last_register={"date": "2025-09-10", "session": "PM", "received_at": "2025-09-10T12:20:04Z"},
        connection={"school_urn": 100001, **CONNECTION, "changed_at": "2025-09-01T09:00:00Z"},
    )  # fmt: skip
    school_urn: int
    name: str
    reason: Literal["no-register", "no-calendar"]
    school_days: int
    last_register: LastRegister | None
    connection: ConnectionOut | None
