"""Asks the registers service for a child's name, schools and contacts, each time anew: nothing of it is kept here."""

from datetime import date
from typing import Any, Protocol

import msgspec
from common.errors import UnavailableError

from notifications.domain.values import EVER, Address, Child, Contact, Span


class Getter(Protocol):
    """What is needed of `common.http_client.ServiceClient`."""

    async def get(self, path: str) -> Any:
        """The JSON at `path`; NotFoundError, UnavailableError."""
        ...


class Registers:
    """The registers service as notifications sees it."""

    def __init__(self, client: Getter) -> None:
        self._client = client

    async def child(self, pupil_id: str) -> Child:
        """The child and its contacts as known now; NotFoundError for an unknown child, UnavailableError while away."""
        answer = await self._client.get(f"/v1/pupils/{pupil_id}/contacts")
        try:
            return _child(msgspec.convert(answer, _Answer))
        except msgspec.ValidationError as error:
            raise UnavailableError("registers answered with something else.") from error


class _Address(msgspec.Struct, frozen=True):
    lines: list[str] = []
    postcode: str | None = None


class _School(msgspec.Struct, frozen=True):
    school_urn: int
    name: str


class _Barred(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    from_: date | None = None
    to: date | None = None


class _Contact(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    contact_id: str
    school_urn: int
    name: str
    parental_responsibility: bool
    do_not_contact: bool
    priority: int | None = None
    email: str | None = None
    phone: str | None = None
    address: _Address | None = None
    care_of_child: bool = False
    contact_barred: _Barred | None = None
    from_: date | None = None
    to: date | None = None


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    pupil_id: str
    given_name: str
    family_name: str
    schools: list[_School]
    contacts: list[_Contact]


LAST = 1_000
"""The priority of a contact that has none."""


def _child(answer: _Answer) -> Child:
    return Child(
        pupil_id=answer.pupil_id,
        given_name=answer.given_name,
        family_name=answer.family_name,
        schools={school.school_urn: school.name for school in answer.schools},
        contacts=tuple(_contact(contact) for contact in answer.contacts),
    )


def _contact(contact: _Contact) -> Contact:
    where, bar = contact.address, contact.contact_barred
    return Contact(
        contact_id=contact.contact_id,
        school_urn=contact.school_urn,
        name=contact.name,
        parental_responsibility=contact.parental_responsibility,
        do_not_contact=contact.do_not_contact,
        priority=LAST if contact.priority is None else contact.priority,
        email=(contact.email or "").strip() or None,
        address=Address(tuple(where.lines), where.postcode or "")
        if where and (any(line.strip() for line in where.lines) or (where.postcode or "").strip())
        else None,
        phone=contact.phone,
        care_of_child=contact.care_of_child,
        known=Span(contact.from_, contact.to) if contact.from_ or contact.to else EVER,
        barred=Span(bar.from_, bar.to) if bar is not None else None,
    )
