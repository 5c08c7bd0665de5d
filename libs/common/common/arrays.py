"""Arrays of ids and numbers as one text parameter: the driver takes far longer to send them one by one than the
database to read them.

Always to be joined as `unnest($1::text::uuid[])`: in `= any(…)` the text would be read again for every row.
"""

from collections.abc import Iterable


def array(values: Iterable[str | int]) -> str:
    """The array literal of ids or numbers (nothing that would need quotes)."""
    return f"{{{','.join(map(str, values))}}}"
