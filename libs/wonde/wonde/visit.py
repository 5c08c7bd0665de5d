"""One run of one school, under way: reading from a resource's cursor on, and what all steps share."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from common.public_api import Api

from wonde.api import Wonde, WondeError
from wonde.domain.reading import Row, UnreadableError, moment, text
from wonde.report import Report
from wonde.state import State

T = TypeVar("T")

MARGIN = timedelta(minutes=15)
"""How far a reading goes back before the last one began: for what Wonde was writing then, and for its clocks."""
UNREAD_DAYS = 7
"""For how long a row that can't be read, or is refused, has its resource read whole once a day: it may be mended
without a change.
"""
NOT_SHARED = (403, 404)
DELETIONS = "deletions"


class Link(NamedTuple):
    """A school under its two names; `codes`: the operator's own translations of its letters."""

    wonde_id: str
    urn: int
    codes: Mapping[str, str]


@dataclass
class Visit:
    """What the steps work with. `now` is when the run began, `today` that day in London, `since` the first day whose
    attendance is sent.
    """

    link: Link
    wonde: Wonde
    api: Api
    state: State
    report: Report
    now: datetime
    today: date
    since: date
    _pupils: dict[str, Mapping[str, Any]] | None = field(default=None, init=False)
    _refused: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]], init=False)

    @property
    def school(self) -> str:
        """Wonde's id of it."""
        return self.link.wonde_id

    def path(self, resource: str) -> str:
        """Where Wonde has a resource of the school."""
        return f"schools/{self.school}/{resource}"

    async def read(
        self,
        resource: str,
        parse: Callable[[Row], T],
        query: Mapping[str, str] | None = None,
        since: datetime | None = None,
        batch: int = 1,
    ) -> AsyncIterator[list[T]]:
        """The rows of a resource that were changed since its cursor, or `since` where it has none; in lists of `batch`
        or a page more. The cursor moves when the caller has dealt with the last list, unless rows may have been missed.
        """
        cursor = None if self._has_rows_to_read_again(resource) else self.state.cursor(self.school, resource)
        whole, since = cursor is None, cursor or since
        changed = {} if since is None else {"updated_after": _as_asked(since)}
        began: datetime | None = None
        pages = 0
        values: list[T] = []
        read: list[str] = []
        broken: set[str] = set()
        async for page in self.wonde.pages(self.path(resource), {**(query or {}), **changed}, self.report.tally):
            began, pages = page.asked_at, pages + 1
            values += self._parsed(resource, page.rows, parse, read, broken)
            if len(values) >= batch:
                yield values
                self._note_read(resource, read)
                values, read = [], []
        if values:
            yield values
        self._note_read(resource, read)
        if began is not None:
            if pages > 1 and resource != DELETIONS and await self._deleted_since(began):
                return
            self.state.move(self.school, resource, began - MARGIN)
        if whole:
            refused = {item for of, item in self._refused if of == resource}
            self.state.only_unread(self.school, resource, broken | refused)
            self.state.keep_prints(self.school, "day", {resource: self.today.isoformat()})

    async def read_if_shared(
        self, resource: str, parse: Callable[[Row], T], query: Mapping[str, str] | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[list[T]]:  # fmt: skip
        """As `read`; nothing, and a word in the report, where the school does not let us."""
        try:
            async for values in self.read(resource, parse, query, since):
                yield values
        except WondeError as error:
            if error.status not in NOT_SHARED:
                raise
            self.report.not_shared.append(resource)

    async def _deleted_since(self, began: datetime) -> bool:
        """Whether anything was deleted while pages were read: pages have numbers, so that the rows behind a deleted one
        move up, one of them onto a page that was read already. Of a school that does not share its deletions: no.
        """
        query = {"updated_after": _as_asked(began - timedelta(seconds=1))}
        try:
            async for page in self.wonde.pages(self.path(DELETIONS), query, self.report.tally):
                when = [moment(row, "deleted_at") for row in page.rows]
                if any(one is None or one >= began for one in when):
                    return True
        except WondeError as error:
            if error.status not in NOT_SHARED:
                raise
        return False

    async def pupils(self) -> dict[str, Mapping[str, Any]]:
        """Whom Rollcall has on the school's roll, by local ids and UPNs; asked for once a run."""
        if self._pupils is None:
            self._pupils = {}
            async for pupil in self.api.items(f"/v1/schools/{self.link.urn}/roll", page_size=1000):
                for name in (*pupil["local_ids"], pupil["upn"]):
                    if name is not None:
                        self._pupils[name] = pupil
        return self._pupils

    def forget_pupils(self) -> None:
        """The roll has changed."""
        self._pupils = None

    def note_refused(self, resource: str, item: str, problem: str) -> None:
        """Notes a row that Rollcall refused, with the problem's code: it is tried again like one that can't be read."""
        self._refused.add((resource, item))
        self.state.note_unread(self.school, resource, {item: problem}, [], self.now.isoformat())

    def _note_read(self, resource: str, items: list[str]) -> None:
        """Notes rows that were read, and not refused: so that one that is refused again stays known since the first."""
        taken = [item for item in items if (resource, item) not in self._refused]
        self.state.note_unread(self.school, resource, {}, taken, self.now.isoformat())

    def _parsed(
        self, resource: str, rows: list[Row], parse: Callable[[Row], T], read: list[str], broken: set[str]
    ) -> list[T]:
        """What the rows say; ids of those that can be read are added to `read`; those that can't are noted by id, with
        what they lack, and added to `broken`.
        """
        values: list[T] = []
        unread: dict[str, str] = {}
        for row in rows:
            item = text(row, "id") or "without an id"
            try:
                values.append(parse(row))
                read.append(item)
            except UnreadableError as error:
                unread[item] = error.field
        if unread:
            self.report.counts[f"{resource}_unreadable"] += len(unread)
        broken.update(unread)
        self.state.note_unread(self.school, resource, unread, [], self.now.isoformat())
        return values

    def _has_rows_to_read_again(self, resource: str) -> bool:
        """Whether some rows could not be read, or were refused, of late, and the resource was not read whole today."""
        if self.state.prints(self.school, "day").get(resource) == self.today.isoformat():
            return False
        young = (self.now - timedelta(days=UNREAD_DAYS)).isoformat()
        return any(one.resource == resource and one.since > young for one in self.state.unread(self.school))


def _as_asked(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S")
