"""The JSON of letters."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from notifications.domain.values import ChannelName, Letter, Status

LETTER_EXAMPLE: dict[str, Any] = {
    "letter_id": "3f0e9a4b-7c55-5f0d-9d2b-6f3c8a1e7b90",
    "kind": "persistent_absence",
    "pupil_id": "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01",
    "school_urn": 100001,
    "episode_id": "8f3f4c7e-5d0b-5f36-8f1a-3c1d0a9b7e55",
    "recipient_id": "6d0e8a54-1f0b-4f83-9c7e-2a5b9d3c4e11",
    "channel": "letter",
    "status": "queued",
    "template_version": "2025-1",
    "overtaken": False,
    "queued_at": "2025-09-30T13:20:06Z",
    "hold_until": "2025-10-01T13:20:06Z",
    "sent_at": None,
    "withheld": None,
}


class LetterOut(BaseModel):
    """A letter. It is not sent before `hold_until`; `overtaken` says that its reason went after it had left."""

    model_config = ConfigDict(json_schema_extra={"examples": [LETTER_EXAMPLE]})
    letter_id: str
    kind: str = Field(description="persistent_absence, severe_absence, penalty_threshold, …")
    pupil_id: str
    school_urn: int
    episode_id: str
    recipient_id: str = Field(
        description="The contact_id of the person written to; the nil UUID while there is nobody."
    )
    channel: ChannelName
    status: Status
    template_version: str
    overtaken: bool
    queued_at: datetime
    hold_until: datetime
    sent_at: datetime | None
    withheld: str | None = Field(
        description="Why a recalled letter has its reason but goes to nobody: barred, gone, no-address, nobody, …"
    )

    @classmethod
    def of(cls, letter: Letter) -> "LetterOut":
        named = {name: getattr(letter, name) for name in cls.model_fields if name != "withheld"}
        return cls(**named, withheld=letter.withheld_why)
