"""HTTP, the same for every service.

Map: `app` (create_app: what every service answers beside its own routes), `frame` (the ASGI frame around every
request), `bodies` (what a body may be), `bare` (answers without one), `conditions` (ETags, and who names them), `keys`
(idempotency keys), `problems` (RFC 9457, rendered once), `lists` (cursors and pages), `openapi` and `asyncapi` (the
documents), `links` (what may follow an answer), `pages` (the few that people read).
"""

from common.web.lists import Cursor, Page, PageSize, cut, decode_cursor, encode_cursor, next_path, place_of

__all__ = ["Cursor", "Page", "PageSize", "cut", "decode_cursor", "encode_cursor", "next_path", "place_of"]
