"""What the web asks for each request: how far the bearer of a token gets, by what is agreed with its client."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Protocol

from common.access.caller import Caller
from common.access.consumers import Consumer, admit
from common.errors import AgreementError, Fault, InvalidError

ADMIN = "admin"
"""The scope that manages agreements: a token with it does that without one, or nobody could make the first."""

_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,59}")
_REMEMBERED = 4096


class Agreements(Protocol):
    """Where agreements are found; `turn` rises when one has changed."""

    @property
    def turn(self) -> int: ...

    def find(self, client_id: str) -> Consumer | None: ...


class NoAgreements:
    """Those of a process that knows of none."""

    turn = 0

    def find(self, client_id: str) -> Consumer | None:
        return None


class Gate:
    """`required`: a client without an agreement gets nowhere, but for `exempt`, the services' own. What was decided is
    remembered until an agreement or the date changes.
    """

    def __init__(
        self, agreements: Agreements, today: Callable[[], date], *, required: bool = False, exempt: str | None = None
    ) -> None:
        self._agreements = agreements
        self._today = today
        self._required, self._exempt = required, exempt
        self._as_of = (-1, date.min)
        self._admitted: dict[tuple[Caller, str | None], Caller] = {}

    def admit(self, caller: Caller, purpose: str | None) -> Caller:
        """The caller of a token as the agreement lets it in; AgreementError, PurposeError, InvalidError otherwise."""
        as_of = self._agreements.turn, self._today()
        if as_of != self._as_of or len(self._admitted) >= _REMEMBERED:
            self._admitted.clear()
            self._as_of = as_of
        key = caller, purpose
        admitted = self._admitted.get(key)
        if admitted is None:
            admitted = self._admitted[key] = self._judge(caller, purpose, as_of[1])
        return admitted

    def _judge(self, caller: Caller, purpose: str | None, today: date) -> Caller:
        if purpose is not None and not _PURPOSE.fullmatch(purpose):
            fault = Fault("Purpose", "bad-purpose", f"A purpose is written like this: {_PURPOSE.pattern}")
            raise InvalidError("The purpose is no word.", faults=[fault])
        consumer = self._agreements.find(caller.client_id)
        if consumer is not None:
            return admit(caller, consumer, today, purpose)
        if not self._required or caller.client_id == self._exempt:
            return replace(caller, purpose=purpose)
        if ADMIN not in caller.scopes:
            raise AgreementError("There is no agreement with this client.")
        return replace(caller, scopes=frozenset({ADMIN}), purpose=purpose)
