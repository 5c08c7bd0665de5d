"""Arrays of ids and numbers as one text parameter (`$1::text::uuid[]`): the driver takes far longer to send them one by
one than the database to read them.
"""

from collections.abc import Iterable


def array(values: Iterable[str | int]) -> str:
    """The array literal of ids or numbers (nothing that would need quotes)."""
    return f"{{{','.join(map(str, values))}}}"
