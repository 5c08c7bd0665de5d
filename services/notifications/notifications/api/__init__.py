"""notifications over HTTP: `letters` (which there are, and what they say); `shapes` is their JSON, `media` who
accepts what.
"""

from fastapi import APIRouter

from notifications.actions.office import Office
from notifications.api import letters
from notifications.api.links import LINKS

__all__ = ["LINKS", "TAGS", "create_router"]

TAGS = ({"name": "Letters", "description": "Letters to parents: queued, sent or recalled, and what they say."},)


def create_router(office: Office) -> APIRouter:
    """All routes of notifications."""
    return letters.create_router(office)
