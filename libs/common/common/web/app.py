"""The application around one service or several: their routes, and what every Rollcall process answers beside them."""

import re
from collections.abc import Callable, Sequence
from functools import partial

import anyio.to_thread
from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.routing import compile_path
from starlette.types import ASGIApp

from common.access.gate import Gate, NoAgreements
from common.errors import Fault, UnavailableError
from common.security import Verifier
from common.service import Check, Service
from common.settings import Settings
from common.web import asyncapi, openapi, pages, problems
from common.web.bare import with_head
from common.web.frame import Frame
from common.web.limits import Limits

OPERATIONS = "Operations"

_READY = {"status": "ready", "checks": {"registers/registers-relay": "ok", "database": "ok"}}
_METRICS = """# HELP rollcall_http_requests_in_flight Requests that are being answered now.
# TYPE rollcall_http_requests_in_flight gauge
rollcall_http_requests_in_flight 3.0
"""


class Application(FastAPI):
    """FastAPI inside our frame. `streams`: paths whose routes read their bodies themselves."""

    streams: frozenset[str] = frozenset()
    verifier: Verifier
    limits: Limits

    def build_middleware_stack(self) -> ASGIApp:
        return Frame(super().build_middleware_stack(), self.verifier, self.limits, self.streams)


def create_app(
    services: Sequence[Service], settings: Settings, verifier: Verifier, limits: Limits | None = None
) -> FastAPI:
    """One application that answers for all `services`; `limits` are those of the settings, unless given."""
    app = Application(
        title="Rollcall" if len(services) > 1 else f"Rollcall: {services[0].name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.verifier = app.verifier = verifier
    app.limits = limits or Limits.of(settings)
    app.streams = frozenset().union(*(service.streams for service in services))
    for service in services:
        app.include_router(service.router)
    app.state.gate = _gate(services, settings)
    _add_operations(app, services, settings)
    pages.add(app)
    asyncapi.add(app)
    app.openapi = partial(openapi.document, app, services)
    problems.install(app, _methods_by_path(app))
    return app


def _gate(services: Sequence[Service], settings: Settings) -> Gate:
    """The gate of a process. Of several services the first's agreements are asked: registers', to whom they belong."""
    known = next((service.consumers for service in services if service.consumers), NoAgreements())
    required = settings.consumers_required
    return Gate(known, settings.clock().today, required=required, exempt=settings.client_id)


def _operation_id(route: APIRoute) -> str:
    return route.name


async def readiness(services: Sequence[Service]) -> list[Check]:
    """How every part of every service is doing."""
    checks: list[Check] = []
    for service in services:
        for task in service.background:
            health = task.health()
            checks.append(Check(f"{service.name}/{task.name}", health.ok, health.degraded, health.detail))
        checks += [await check() for check in service.ready]
    return checks


def _add_operations(app: FastAPI, services: Sequence[Service], settings: Settings) -> None:
    @app.get(
        "/health/live",
        tags=[OPERATIONS],
        name="live",
        summary="Is the process alive?",
        responses={200: {"content": {"application/json": {"example": {"status": "live"}}}}},
    )
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get(
        "/health/ready",
        tags=[OPERATIONS],
        name="ready",
        summary="Does every part do its work?",
        responses={200: {"content": {"application/json": {"example": _READY}}}},
    )
    async def ready() -> dict[str, object]:
        checks = await readiness(services)
        if broken := [check for check in checks if not check.ok]:
            faults = [Fault(check.name, "not-ready", check.detail) for check in broken]
            raise UnavailableError("Not every part does its work.", faults=faults)
        status = "degraded" if any(check.degraded for check in checks) else "ready"
        return {
            "status": status,
            "checks": {check.name: check.detail or ("degraded" if check.degraded else "ok") for check in checks},
        }

    if settings.metrics_port is None:

        @app.get(
            "/metrics",
            tags=[OPERATIONS],
            name="metrics",
            summary="Measurements, as Prometheus reads them",
            response_class=PlainTextResponse,
            responses={200: {"content": {"text/plain": {"example": _METRICS}}}},
        )
        async def metrics() -> Response:
            text = await anyio.to_thread.run_sync(generate_latest)
            return Response(text, media_type=CONTENT_TYPE_LATEST)


def _methods_by_path(app: FastAPI) -> Callable[[str], list[str]]:
    """Which methods a path has: the framework alone would name those of the first matching route only. Of several
    templates the one with the fewest parameters is meant: `lookup` is no pupil's id.
    """
    templates: list[tuple[int, re.Pattern[str], list[str]]] = []

    def methods(path: str) -> list[str]:
        if not templates:
            paths = app.openapi()["paths"]
            templates.extend(
                (path.count("{"), compile_path(path)[0], with_head(m.upper() for m in paths[path])) for path in paths
            )
            templates.sort(key=lambda template: template[0])
        for _, pattern, found in templates:
            if pattern.match(path):
                return found
        return []

    return methods
