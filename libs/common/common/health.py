"""How a part of a service is doing: what the readiness answer is made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """`ok` False: it does not do its work (not ready). `degraded`: it does what it can. `detail` says what is wrong."""

    ok: bool
    degraded: bool = False
    detail: str = ""
