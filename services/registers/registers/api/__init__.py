"""registers over HTTP. Map: `schools` (schools, calendars), `rolls`, `registers` (registers, deletions, quarantine,
changes), `expected` (registers that are expected, missing, late), `batches` (many registers at once), `pupils` (a
child's marks, contacts, look-up), `identities` (a child's UPNs, merges, splits), `flags` and `people` (what is said
of a child for a time), `absence_notices` (what parents told), `sync` (the end of a day, silent schools, connections),
`returns` (admissions, deletions), `reference` (the code table), `consumers` (what is agreed with clients); `bodies`
reads the large bodies, `parameters` are what paths and queries hold, `…shapes` the JSON of answers.
"""

from fastapi import APIRouter

from registers.api import (
    absence_notices,
    batches,
    consumers,
    expected,
    flags,
    identities,
    people,
    pupils,
    reference,
    registers,
    returns,
    rolls,
    schools,
    sync,
)
from registers.api.context import Context
from registers.api.links import LINKS

__all__ = ["LINKS", "STREAMS", "TAGS", "create_router"]

STREAMS = batches.STREAMS

TAGS = (
    {"name": "Schools", "description": "Schools and their calendars: which sessions are open."},
    {"name": "Roll", "description": "Who a school's pupils are, from when to when, and whom to write to."},
    {"name": "Registers", "description": "The marks of a session: post them, correct them, take them back."},
    {"name": "Bulk", "description": "Many registers at once: a job takes them, and tells what became of each mark."},
    {
        "name": "Sync",
        "description": "The end of a day: is what was sent what stands; who is silent; how schools are connected.",
    },
    {
        "name": "Absence notices",
        "description": "What parents told the school: given, corrected, withdrawn; how marks go with it; gaps.",
    },
    {"name": "Pupils", "description": "One child: look-up, marks with their history, contacts."},
    {"name": "Reference", "description": "The national attendance codes; reasons for leaving a roll."},
    {"name": "Consumers", "description": "What is agreed with each client: what for, until when, how far it sees."},
)


def create_router(context: Context) -> APIRouter:
    """All routes of registers, in one flat list with the hot path first: a request is matched against each in turn."""
    router = APIRouter()
    parts = (
        registers, batches, expected, sync, schools, rolls, returns, pupils, identities, flags, people, absence_notices,
        reference, consumers,
    )  # fmt: skip
    for part in parts:
        router.routes.extend(part.create_router(context).routes)
    return router
