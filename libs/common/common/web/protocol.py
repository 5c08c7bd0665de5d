"""What is answered before there is a request: bytes that are no HTTP get a problem document, too."""

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.correlation import accept
from common.errors import MalformedError
from common.web import problems


class Protocol(HttpToolsProtocol):
    """uvicorn's, which would answer in plain text."""

    def send_400_response(self, msg: str) -> None:
        accept(None)
        content = json.dumps(problems.body(MalformedError("That is no HTTP request."), "")).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {problems.MEDIA_TYPE}\r\n"
            f"content-length: {len(content)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()
