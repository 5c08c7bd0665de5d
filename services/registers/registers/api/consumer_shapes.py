"""The JSON of agreements with clients."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Any, get_args

from common.access.fields import REDACTABLE
from common.scopes import SCOPES
from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from registers.api.parameters import DayOfLife
from registers.api.shapes import example
from registers.domain.consumers import OrganisationType, Standing
from registers.domain.flags import Kind

CLIENT = r"^[A-Za-z0-9][A-Za-z0-9._:@|=+-]{0,199}$"
ClientId = Annotated[
    str,
    Path(
        pattern=CLIENT, description="What tokens call the client: `azp`, `client_id`, or `sub`.", examples=["elm-mis"]
    ),
]


def _among(known: Collection[str]) -> tuple[AfterValidator, Any]:
    """What makes a text one of these."""

    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"it must be one of {', '.join(known)}")
        return value

    return AfterValidator(check), Field(json_schema_extra={"enum": list[Any](known)})


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Purpose = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,59}$")]
Scope = Annotated[str, *_among(SCOPES)]
Redaction = Annotated[str, *_among(REDACTABLE)]
LaCode = Annotated[str, StringConstraints(pattern="^[0-9]{3}$")]
Urn = Annotated[int, Field(ge=1, le=9_999_999)]
AGREED: dict[str, Any] = {
    "organisation": "Elm Data Ltd",
    "organisation_type": "supplier",
    "agreement_reference": "DSA-2025-014",
    "purposes": ["statutory-return", "early-help"],
    "agreement_from": "2025-09-01",
    "agreement_to": "2026-08-31",
    "scopes": ["pupils:read", "totals:read"],
    "las": ["330"],
    "urns": None,
    "cohorts": None,
    "redactions": ["contacts", "date_of_birth"],
}


class ConsumerIn(BaseModel):
    """What is agreed with a client. `las`, `urns`: whose rows it sees, the schools of these authorities and these
    schools; all when both are left out. `cohorts`: it sees children with one of these flags on the day alone.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [AGREED]})
    organisation: Text = Field(description="Whose client it is.")
    organisation_type: OrganisationType
    agreement_reference: Text | None = Field(default=None, description="Where the agreement is written down.")
    purposes: list[Purpose] = Field(
        min_length=1, max_length=20, description="What for; the first is meant when a request has no header `Purpose`."
    )
    agreement_from: DayOfLife
    agreement_to: DayOfLife | None = Field(default=None, description="The last day; null: until it is ended.")
    scopes: list[Scope] = Field(min_length=1, max_length=len(SCOPES), description="Of a token's scopes, these count.")
    las: list[LaCode] | None = Field(default=None, max_length=200)
    urns: list[Urn] | None = Field(default=None, max_length=5000)
    cohorts: list[Kind] | None = Field(default=None, min_length=1, max_length=len(get_args(Kind)))
    redactions: list[Redaction] = Field(
        default=[], max_length=len(REDACTABLE), description="Left out of whatever is answered."
    )

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> "ConsumerIn":
        if self.agreement_to is not None and self.agreement_to < self.agreement_from:
            raise ValueError("`agreement_to` lies before `agreement_from`")
        return self


class ConsumerOut(BaseModel):
    """An agreement. `schools`: how many schools it comes to by now; null: all."""

    model_config = example(client_id="elm-mis", **AGREED, standing="in-force", revoked_at=None, schools=412, version=3)
    client_id: str
    organisation: str
    organisation_type: OrganisationType
    agreement_reference: str | None
    purposes: list[str]
    agreement_from: date
    agreement_to: date | None
    scopes: list[str]
    las: list[str] | None
    urns: list[int] | None
    cohorts: list[str] | None
    redactions: list[str]
    standing: Standing = Field(description="Whether it opens anything today.")
    revoked_at: datetime | None
    schools: int | None
    version: int = Field(description="Rises with each change, and when a school comes or goes.")
