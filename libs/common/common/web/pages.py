"""The pages that people read: the API documentation, and one page for each kind of problem.

All that they need is served from here: a council's network may let nobody out.
"""

import html
from importlib.resources import files

from fastapi import FastAPI, Request, Response

from common.errors import NotFoundError, RollcallError
from common.web import problems

_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_START = """
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: true,
                  defaultModelsExpandDepth: 0, displayRequestDuration: true });
"""
_DOCS = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<p style="font:16px sans-serif;margin:1em 2em">Events: <a href="/asyncapi.json">AsyncAPI 3</a>.
Errors: <a href="/problems">kinds of problems</a>. To try a call, choose <em>Authorize</em>.</p>
<div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></html>"""
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font:18px/1.5 sans-serif;max-width:40em;margin:2em auto"><h1>{title}</h1>{content}</body></html>"""


def add(app: FastAPI) -> None:
    """/docs and what it loads; /problems and a page for each `type`."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return _page(_DOCS.format(title=html.escape(app.title)))

    @app.get("/docs/{asset}", include_in_schema=False)
    async def asset(asset: str) -> Response:
        if asset == "start.js":
            return Response(_START, media_type="text/javascript")
        if asset not in _ASSETS:
            raise NotFoundError
        content = files("fastapi_offline").joinpath("static", asset).read_bytes()
        return Response(content, media_type=_ASSETS[asset], headers={"cache-control": "public, max-age=86400"})

    @app.get("/problems", include_in_schema=False)
    async def kinds() -> Response:
        rows = "".join(f'<li><a href="/problems/{kind.type}">{html.escape(kind.title)}</a>' for kind in _by_type())
        return _page(_PAGE.format(title="Kinds of problems", content=f"<ul>{rows}</ul>"))

    @app.get("/problems/{type}", include_in_schema=False)
    async def kind(request: Request, type: str) -> Response:
        found = next((kind for kind in _by_type() if kind.type == type), None)
        if found is None:
            raise NotFoundError
        return _page(_PAGE.format(title=html.escape(found.title), content=_explained(found)))


def _by_type() -> list[type[RollcallError]]:
    return list({kind.type: kind for kind in problems.catalogue()}.values())


def _explained(kind: type[RollcallError]) -> str:
    again = "The same request may succeed later." if kind.retryable else "The same request will not succeed later."
    text = html.escape(" ".join((kind.__doc__ or "").split()))
    return f"<p>{text}<p>Status {kind.status}. {again}<p><a href='/problems'>All kinds of problems</a>"


def _page(text: str) -> Response:
    return Response(text, media_type="text/html", headers={"content-security-policy": _POLICY})
