"""The services by name, and how each is made; imported only when one is to run."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import cast

from common.broker import Broker
from common.service import Service
from common.settings import Settings

Factory = Callable[[Settings, Broker], Awaitable[Service]]


def package_of(name: str) -> str:
    """`absence-engine` lives in the package `absence_engine`."""
    return name.replace("-", "_")


def factory(name: str) -> Factory:
    """The `create_service` of a service."""
    return cast("Factory", import_module(f"{package_of(name)}.main").create_service)
