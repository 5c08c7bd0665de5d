"""Wonde's REST API over HTTP: pages after pages, with patience where it asks for it, and no step off its own host.

The token goes to the one address that was configured: a `next` link or a redirect that leads elsewhere is refused
before anything is sent there.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx
import stamina
from common.retry_after import seconds_asked

from wonde.domain.reading import Row, as_row

PER_PAGE = 200
MOST_PAGES = 20_000
_OK = 200
_SERVER_ERROR = 500
_TOO_MANY = 429


class WondeError(Exception):
    """Wonde gave no answer to go on with. The words are safe to tell: a path, a status, never what was answered."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


class AnswerLaterError(WondeError):
    """Wonde said 429 or 5xx; `seconds`: how long it asks to be left alone."""

    def __init__(self, words: str, status: int, seconds: float | None) -> None:
        super().__init__(words, status)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried, and how long is waited between: longer each time, with chance, and as long as Wonde
    asks, `most_asked` seconds at most.
    """

    attempts: int = 7
    first: float = 0.5
    longest: float = 30.0
    jitter: float = 1.0
    most_asked: float = 120.0
    timeout: float = 60.0


@dataclass
class Tally:
    """What reading took: pages, rows, tries beyond the first by what made them necessary."""

    pages: int = 0
    rows: int = 0
    again: dict[str, int] = field(default_factory=dict[str, int])


class Page(NamedTuple):
    """The rows of one page; `asked_at` is Wonde's own time when the first page of its list was answered."""

    rows: list[Row]
    asked_at: datetime


def check_address(url: str) -> None:
    """ValueError for an address to which a token must not be sent: in clear, except on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        raise ValueError("Wonde's address begins with https://")


class Wonde:
    """Reads from one address of Wonde's with one token."""

    def __init__(self, address: str, token: str, patience: Patience | None = None) -> None:
        check_address(address)
        self._address = address.rstrip("/") + "/"
        self._patience = patience or Patience()
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "rollcall"},
            timeout=self._patience.timeout,
            limits=httpx.Limits(max_connections=8),
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def one(self, path: str, tally: Tally) -> Row:
        """The object at a path; WondeError."""
        _, answer = await self._get(urljoin(self._address, path), {}, tally)
        if (row := as_row(answer.get("data"))) is None:
            raise WondeError(f"{path} answered without an object in `data`")
        return row

    async def pages(self, path: str, query: Mapping[str, str], tally: Tally) -> AsyncIterator[Page]:
        """The pages of a list, to its end; rows that an earlier page had are left out. WondeError when it can't be read
        to its end: what came before must not be taken for all.
        """
        seen_links: set[str] = set()
        seen: set[str] = set()
        asked_at: datetime | None = None
        url, parameters = urljoin(self._address, path), {"per_page": str(PER_PAGE), **query}
        while True:
            date, answer = await self._get(url, parameters, tally)
            asked_at = asked_at or date
            yield Page(_new(_rows(path, answer), seen, tally), asked_at)
            following = self._following(path, url, answer)
            if following is None:
                return
            if following in seen_links or len(seen_links) == MOST_PAGES:
                raise WondeError(f"the pages of {path} do not end")
            seen_links.add(following)
            url, parameters = following, {}

    def _following(self, path: str, url: str, answer: Row) -> str | None:
        """The address of the next page; WondeError where there is one that must not or can't be followed."""
        pagination = as_row((as_row(answer.get("meta")) or {}).get("pagination")) or {}
        following = pagination.get("next")
        if not following:
            if pagination.get("more") is True:
                raise WondeError(f"{path} has more pages and does not say where")
            return None
        link = urljoin(url, following) if isinstance(following, str) else ""
        if not _within(link, self._address):
            raise WondeError(f"the next page of {path} lies elsewhere: not followed")
        return link

    async def _get(self, url: str, query: Mapping[str, str], tally: Tally) -> tuple[datetime, Row]:
        """Wonde's time and the object that was answered."""
        patience = self._patience

        def wait(error: Exception) -> bool | float:
            if not isinstance(error, httpx.TransportError | AnswerLaterError):
                return False
            why = str(error.status) if isinstance(error, AnswerLaterError) else type(error).__name__
            tally.again[why] = tally.again.get(why, 0) + 1
            seconds = error.seconds if isinstance(error, AnswerLaterError) else None
            return True if seconds is None else seconds

        try:
            async for attempt in stamina.retry_context(
                on=wait,
                attempts=patience.attempts,
                timeout=None,
                wait_initial=patience.first,
                wait_max=patience.longest,
                wait_jitter=patience.jitter,
            ):
                with attempt:
                    return await self._get_once(url, query, tally)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WondeError(f"{_path(url)} gave no answer: {type(error).__name__}") from None
        raise AssertionError("unreachable")

    async def _get_once(self, url: str, query: Mapping[str, str], tally: Tally) -> tuple[datetime, Row]:
        answer = await self._http.get(url, params=dict(query) or None)
        status, words = answer.status_code, f"{_path(url)} answered {answer.status_code}"
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            asked = seconds_asked(answer.headers, datetime.now(UTC), self._patience.most_asked)
            raise AnswerLaterError(words, status, asked)
        if status != _OK:
            raise WondeError(words, status)
        try:
            document: Any = answer.json()
        except ValueError:
            raise WondeError(f"{_path(url)} answered something else than JSON") from None
        tally.pages += 1
        return _time_of(answer), as_row(document) or {}


def _rows(path: str, answer: Row) -> list[Row]:
    if not isinstance(answer.get("data"), list):
        raise WondeError(f"{path} answered without a list in `data`")
    return [as_row(item) or {} for item in answer["data"]]  # what is no object lacks an id, and is named so


def _new(rows: list[Row], seen: set[str], tally: Tally) -> list[Row]:
    """The rows whose id no earlier page had; those without one are told apart from nobody, so all of them."""
    fresh: list[Row] = []
    for row in rows:
        key = str(row.get("id"))
        if "id" not in row or key not in seen:
            fresh.append(row)
            seen.add(key)
    tally.rows += len(fresh)
    return fresh


def _within(link: str, address: str) -> bool:
    try:
        there, here = urlsplit(link), urlsplit(address)
    except ValueError:
        return False
    return (there.scheme, there.netloc) == (here.scheme, here.netloc) and there.path.startswith(here.path)


def _path(url: str) -> str:
    return urlsplit(url).path


def _time_of(answer: httpx.Response) -> datetime:
    """Wonde's own time: cursors are to be compared with what its clock wrote, not ours."""
    try:
        said = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, IndexError):
        return datetime.now(UTC)
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)
