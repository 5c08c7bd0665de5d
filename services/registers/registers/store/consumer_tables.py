"""The tables of agreements with clients."""

import datetime as dt

from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from registers.store.table import Table, column, key


class Consumer(Table, table=True):
    """What is agreed with a client (`domain.consumers`). `schools`: the URNs that it comes to, kept up to date; all
    services know the rest of what is here, but for `las` and `urns`, `organisation_type` and `reference`.
    """

    client_id: str = key(Text)
    version: int = column(BigInteger)
    organisation: str = column(Text)
    organisation_type: str = column(Text)
    reference: str | None = column(Text, null=True)
    purposes: list[str] = column(ARRAY(Text))
    agreement_from: dt.date
    agreement_to: dt.date | None = Field(default=None)
    scopes: list[str] = column(ARRAY(Text))
    las: list[str] | None = column(ARRAY(Text), null=True)
    urns: list[int] | None = column(ARRAY(Integer), null=True)
    cohorts: list[str] | None = column(ARRAY(Text), null=True)
    redactions: list[str] = column(ARRAY(Text))
    revoked_at: dt.datetime | None = column(DateTime(timezone=True), null=True)
    schools: list[int] | None = column(ARRAY(Integer), null=True)


class Announcement(Table, table=True):
    """What is still to be published on topic `consumers`."""

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    key: str = column(Text)
    event_id: str = column(Text)
    body: bytes = column(LargeBinary)
