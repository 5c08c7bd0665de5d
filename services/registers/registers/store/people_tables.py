"""The tables about people beside the pupil's own row: contacts and households, flags, plans, social workers, siblings.

What is said of a child (`flag`, `part_time_timetable`, `social_worker`, `sibling`) stays under the id that it was said
of, like marks: a merge moves none of it, a split restores all of it, and whoever reads asks for all ids of the child.
Contacts are moved by merges, for a contact's natural key has the child in it.
"""

import datetime as dt
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger, Text, UniqueConstraint, Uuid, text
from sqlmodel import Field

from registers.store.table import Table, column, key


class Contact(Table, table=True):
    """Somebody whom a school may tell about a pupil. `told` seals who that is, with all ways to reach the person.
    `household`: a keyed hash of the address, where it is shared with the pupil.
    """

    __table_args__ = (
        UniqueConstraint("urn", "pupil_id", "local_id", name="contact_natural_key"),
        Index("contact_pupil", "pupil_id"),
        Index("contact_household", "household", postgresql_where=text("household is not null")),
    )
    contact_id: UUID = key(Uuid)
    urn: int
    pupil_id: UUID = column(Uuid)
    local_id: str = column(Text)
    told: bytes = column(LargeBinary)
    parental_responsibility: bool
    lives_with_pupil: bool
    priority: int | None = column(SmallInteger, null=True)
    language: str | None = column(Text, null=True)
    do_not_contact: bool
    care_of_child: bool = Field(sa_column_kwargs={"server_default": text("false")})
    no_fixed_abode: bool = Field(sa_column_kwargs={"server_default": text("false")})
    barred_from: dt.date | None = Field(default=None)
    barred_to: dt.date | None = Field(default=None)
    from_date: dt.date | None = Field(default=None)
    to_date: dt.date | None = Field(default=None)
    household: UUID | None = column(Uuid, null=True)


class Flag(Table, table=True):
    """That something is so of a child from one day to another (both inclusive), and who says so; `urn` is the school,
    if it was one.
    """

    pupil_id: UUID = key(Uuid)
    source: str = key(Text)
    flag: str = key(Text)
    from_date: dt.date = Field(primary_key=True)
    to_date: dt.date | None = Field(default=None)
    urn: int | None = Field(default=None)


class PartTimeTimetable(Table, table=True):
    """A plan by which a pupil attends a part of the week for a while; to be looked at again on `review_on`. `agreed_by`
    seals the people.
    """

    __table_args__ = (Index("part_time_timetable_pupil", "pupil_id"),)
    urn: int = Field(primary_key=True)
    pupil_id: UUID = key(Uuid)
    from_date: dt.date = Field(primary_key=True)
    to_date: dt.date | None = Field(default=None)
    review_on: dt.date
    reviewed_on: dt.date | None = Field(default=None)
    agreed_by: bytes = column(LargeBinary)


class SocialWorker(Table, table=True):
    """Who is (or was) a child's social worker; `told` seals the name and how to reach this person."""

    pupil_id: UUID = key(Uuid)
    place: int = key(SmallInteger)
    told: bytes = column(LargeBinary)
    from_date: dt.date
    to_date: dt.date | None = Field(default=None)


class Sibling(Table, table=True):
    """That two children are siblings, or are not though they share a household; the lower id comes first."""

    __table_args__ = (Index("sibling_other", "other"),)
    pupil_id: UUID = key(Uuid)
    other: UUID = key(Uuid)
    is_sibling: bool
