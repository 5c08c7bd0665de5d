"""A reader for each form of a batch, and what its first bytes must be."""

from registers.domain.batches import document, lines, table
from registers.domain.batches.table import Header, Layout
from registers.domain.batches.values import Form, MalformedBatchError, Piece, Stamp

ENOUGH_FOR_A_HEAD = 64 * 1024
"""How many bytes tell whether a batch begins as it should."""


def head(form: Form, given: bytes, school_urn: int | None) -> Header | None:
    """Checks the first bytes of a batch; the header of a table.

    MalformedBatchError for JSON that is no batch, HeadingError for a header that does not say what is needed.
    """
    if form == "json" and not document.is_begun(given):
        raise MalformedBatchError('The body does not begin with {"registers": [.')
    return table.header(given, school_urn) if form == "csv" else None


def read(
    form: Form, given: bytes, at_end: bool, rows: int, most: int, stamp: Stamp, layout: Layout | None = None
) -> Piece:
    """Reads on from `given`, the bytes behind those that are done with, until `most` marks or the last whole register;
    `at_end`: no more bytes come. Nothing is used when not even one register is whole.

    MalformedBatchError where nothing can be read any more; only ever with nothing read before it.
    """
    if form == "csv":
        if layout is None:
            raise ValueError("a table has a layout")
        return table.read(given, at_end, rows, most, stamp, layout)
    return (lines if form == "ndjson" else document).read(given, at_end, rows, most, stamp)
