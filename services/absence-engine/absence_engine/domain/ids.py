"""Ids that follow from what they name, so that the same thing made again bears the same one."""

import hashlib
from uuid import UUID


def named(namespace: UUID, name: str) -> str:
    """The UUIDv5 of a name (RFC 9562), as text: what `uuid.uuid5` says, without an object between."""
    digest = hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 5 << 76 | 2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
