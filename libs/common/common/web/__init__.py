"""HTTP, the same for every service.

Map: `app` (create_app: what every service answers beside its own routes), `frame` (the ASGI frame around every
request), `bodies` (what a body may be), `problems` (RFC 9457, rendered once), `lists` (cursors and pages), `openapi`
and `asyncapi` (the documents), `links` (what may follow an answer), `pages` (the few that people read).
"""

from common.web.lists import Page, PageSize, decode_cursor, encode_cursor, next_path

__all__ = ["Page", "PageSize", "decode_cursor", "encode_cursor", "next_path"]
