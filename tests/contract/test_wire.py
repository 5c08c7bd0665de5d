"""The running product on the wire: bytes that are no HTTP, bodies that are too long, callers that hang up."""

import json
import socket
from collections.abc import Iterator

import httpx

from tests.e2e.product import Product

MEGABYTE = 1024 * 1024
PATH = "/v1/schools/100001/registers/2025-09-02/AM"


def address(product: Product) -> tuple[str, int]:
    url = httpx.URL(product.urls["registers"])
    return url.host, url.port or 80


def talk(product: Product, said: bytes) -> bytes:
    with socket.create_connection(address(product), timeout=10) as line:
        line.sendall(said)
        heard = b""
        while part := line.recv(65536):
            heard += part
        return heard


def test_bytes_that_are_no_http_get_a_problem_too(product: Product) -> None:
    head, _, body = talk(product, b"HELLO THERE\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "/problems/malformed"


def test_ten_megabytes_are_refused_however_they_come(product: Product) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(10):
            yield b" " * MEGABYTE

    with product.client() as client:
        for content in (b" " * 10 * MEGABYTE, parts()):
            answer = client.put(PATH, content=content, headers={"content-type": "application/json"})
            assert answer.status_code == 413
            assert answer.json()["type"] == "/problems/too-large"
        assert client.get("/health/ready").status_code == 200


def known(product: Product) -> str:
    """The first headers of a request whose body is looked at: who may not send one is told so before."""
    return f"host: x\r\nauthorization: Bearer {product.token('registers:write')}\r\n"


def test_a_caller_who_hangs_up_in_the_middle_of_a_body_harms_nobody(product: Product) -> None:
    head = f"PUT {PATH} HTTP/1.1\r\n{known(product)}content-type: application/json\r\ncontent-length: 5000\r\n\r\n"
    for _ in range(5):
        with socket.create_connection(address(product), timeout=10) as line:
            line.sendall(head.encode() + b'{"marks": [')
    with product.client() as client:
        assert client.get("/health/ready").status_code == 200


def test_nobody_waits_for_a_body_that_was_announced_as_too_long(product: Product) -> None:
    head = (
        f"PUT {PATH} HTTP/1.1\r\n{known(product)}content-type: application/json\r\nconnection: close\r\n"
        f"content-length: {5 * MEGABYTE}\r\n\r\n"
    )
    assert talk(product, head.encode()).startswith(b"HTTP/1.1 413")
