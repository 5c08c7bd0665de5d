"""Values that only the services themselves can read: sealed with AES-256-GCM, and found again by a keyed hash.

A sealed value is the id of its key (a byte of length, then ASCII), a nonce of 12 random bytes, the text in cipher and a
tag of 16 bytes. It is bound to its place, a row and a column: put elsewhere, it does not open. A key ring opens what
any of its keys has sealed and seals with the first, so that keys can be changed while the product runs
(docs/decisions/encryption.md).
"""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

T = TypeVar("T")

KEY_BYTES, NONCE_BYTES, TAG_BYTES, HASH_BYTES = 32, 12, 16, 16
KEY_ID = re.compile(r"[a-z0-9-]{1,16}", re.ASCII)


class UnreadableError(Exception):
    """A sealed value does not open: its key is missing, or it is damaged or stands where it was not sealed for."""


class Keyring:
    """Keys by id, the first of which seals, and the key of hashes, which has a life of its own."""

    def __init__(self, keys: Mapping[str, bytes], lookup_key: bytes) -> None:
        self.current = next(iter(keys))
        self.header = _header(self.current)
        """What each value begins with that the current key has sealed."""
        self._ciphers = {_header(key_id): AESGCM(key) for key_id, key in keys.items()}
        self._seal = self._ciphers[self.header]
        self._lookup_key = lookup_key

    @classmethod
    def parse(cls, keys: str, lookup_key: str) -> "Keyring":
        """`keys` as `id:key,id:key`; keys and `lookup_key` are 32 bytes each, in base64. ValueError says what is wrong,
        and never a key.
        """
        found: dict[str, bytes] = {}
        for number, one in enumerate(keys.split(","), start=1):
            key_id, _, written = one.strip().partition(":")
            if not KEY_ID.fullmatch(key_id):
                raise ValueError(f"key {number}: its id must be 1 to 16 of a-z, 0-9 and -, then a colon and the key")
            if key_id in found:
                raise ValueError(f"two keys are called {key_id}")
            found[key_id] = _key(written, f"key {key_id}")
        lookup = _key(lookup_key, "the lookup key")
        if lookup in found.values() or len(set(found.values())) < len(found):
            raise ValueError("no two of the keys may be the same")
        return cls(found, lookup)

    def seal(self, value: bytes, place: str) -> bytes:
        """The value in cipher, for one place: table, row and column."""
        nonce = os.urandom(NONCE_BYTES)
        return self.header + nonce + self._seal.encrypt(nonce, value, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The value that was sealed for this place; UnreadableError."""
        start = 1 + sealed[0] if sealed else 0
        cipher = self._ciphers.get(sealed[:start])
        if cipher is None:
            raise UnreadableError(f"{place}: sealed with {key_of(sealed)}, which is not among the keys")
        try:
            return cipher.decrypt(sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :], place.encode())
        except (InvalidTag, ValueError) as error:
            raise UnreadableError(f"{place}: damaged, or sealed for another place") from error

    def seal_json(self, value: Any, place: str) -> bytes:
        """As `seal`, of anything that JSON can hold."""
        return self.seal(msgspec.json.encode(value), place)

    def open_json(self, sealed: bytes, place: str, kind: type[T]) -> T:
        """As `open`, of what `seal_json` sealed."""
        return msgspec.json.decode(self.open(sealed, place), type=kind)

    def lookup(self, text: str, kind: str) -> str:
        """What stands for a text where it is to be found again: 32 hexadecimal digits, other ones for each kind."""
        return hmac.digest(self._lookup_key, f"{kind}/{text}".encode(), sha256)[:HASH_BYTES].hex()

    def __repr__(self) -> str:
        return f"Keyring(current={self.current!r})"


def key_of(sealed: bytes) -> str:
    """The key that a value was sealed with, as far as it says so."""
    named = sealed[1 : 1 + sealed[0]].decode("ascii", "replace") if sealed else ""
    return f"key {named!r}" if KEY_ID.fullmatch(named) else "no key"


def start_of(sealed: bytes) -> bytes:
    """What tells a sealed value from all others: its key's id and its nonce."""
    return sealed[: 1 + sealed[0] + NONCE_BYTES]


def _header(key_id: str) -> bytes:
    return bytes([len(key_id)]) + key_id.encode("ascii")


def _key(written: str, name: str) -> bytes:
    try:
        key = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{name} must be {KEY_BYTES} bytes in base64")
    return key
