"""Tables of marks, as schools' systems write them: headings, dates, encodings, rows that are not whole."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from common.academic import Session
from hypothesis import given, settings
from hypothesis import strategies as st
from registers.domain.batches import headings, table
from registers.domain.batches.cells import CellError, day
from registers.domain.batches.headings import HeadingError
from registers.domain.batches.values import Piece, Stamp

STAMP = Stamp(datetime(2025, 9, 15, 9, tzinfo=UTC), "test")
GUIDE = Path(__file__).parents[3] / "docs" / "bulk.md"


def marks(text: str, encoding: str = "utf-8") -> list[tuple[int, str, str, str | None, str | None, int]]:
    """URN, day and session, local id, code, line of every mark of a whole table."""
    body = text.encode(encoding)
    header = table.header(body, None)
    layout = header.layout._replace(encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    piece = table.read(body[header.used :], True, header.rows, 1_000_000, STAMP, layout)
    return sorted(told(piece), key=lambda mark: mark[-1])


def told(piece: Piece) -> list[tuple[int, str, str, str | None, str | None, int]]:
    return [
        (sent.register.urn, sent.register.on.isoformat(), sent.register.session.name, mark.local_id, mark.code, line)
        for sent in piece.registers
        for mark, line in zip(sent.register.marks, sent.lines, strict=True)
    ]


@pytest.mark.parametrize("product", ["SIMS", "Arbor", "Bromcom", "ScholarPack"])
def test_a_table_with_the_headings_of_a_product_is_read(product: str) -> None:
    """For every column the last heading of the product, in either layout."""
    known = {one.column: one.heading for one in headings.table() if product in one.products}
    for codes in (("session", "code"), ("am_code", "pm_code")):
        wanted = ("school_urn", "date", "upn", "admission_number", *codes)
        columns, ignored = headings.read([known[column].upper() for column in wanted], None)
        assert list(columns) == list(wanted)
        assert not ignored


def test_every_heading_is_in_the_guide() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    missing = [
        one
        for one in headings.table()
        if f"| `{one.column}` | {one.heading} | {', '.join(one.products)} |" not in guide
    ]
    assert not missing


def test_every_column_has_headings_and_no_heading_means_two_columns() -> None:
    assert {one.column for one in headings.table()} == set(headings.COLUMNS)
    plain = [one.heading.lower() for one in headings.table()]
    assert len(plain) == len(set(plain))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-09-15", (date(2025, 9, 15), False)),
        ("2025-09-15T00:00:00", (date(2025, 9, 15), False)),
        ("15/09/2025", (date(2025, 9, 15), True)),
        ("5.9.2025", (date(2025, 9, 5), True)),
        ("15-09-2025 00:00:00", (date(2025, 9, 15), True)),
    ],
)
def test_dates_are_read_as_they_are_written(written: str, read: tuple[date, bool]) -> None:
    assert day(written) == read


@pytest.mark.parametrize("written", ["", "09/15/2025", "15/09/25", "2025-02-29", "15 Sept 2025", "1825-09-15"])
def test_what_is_no_day_is_refused(written: str) -> None:
    with pytest.raises(CellError):
        day(written)


def test_a_heading_that_means_what_another_one_means_is_refused() -> None:
    with pytest.raises(HeadingError) as refused:
        headings.read(["URN", "Date", "Session", "UPN", "Mark", "Attendance Mark"], None)
    assert refused.value.code == "heading-twice"


def test_an_admission_number_counts_where_there_is_no_local_id() -> None:
    text = "URN,Date,Session,Person ID,Adno,Mark\n1,2025-09-15,AM,77,0042,/\n1,2025-09-15,AM,,0043,/\n"
    assert [mark[3] for mark in marks(text)] == ["77", "0043"]


def test_a_row_may_leave_out_its_last_cells() -> None:
    text = "URN,Date,Session,Adno,Mark,Comment,Minutes Late\n1,2025-09-15,AM,1,/\n1,2025-09-15,AM,2,L,bus,5\n"
    assert [mark[3:5] for mark in marks(text)] == [("1", "/"), ("2", "L")]


def test_a_register_never_names_a_pupil_twice_and_never_has_too_many_marks() -> None:
    rows = "".join(f"1,2025-09-15,AM,{n},/\n" for n in [*range(2500), 3, 3])
    body = b"" + rows.encode()
    layout = table.header(b"URN,Date,Session,Local ID,Code\n", None).layout
    piece = table.read(body, True, 1, 1_000_000, STAMP, layout)
    assert [sent.size() for sent in piece.registers] == [2000, 501, 1]
    assert {sent.register.session for sent in piece.registers} == {Session.AM}


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r", exclude_categories=("Cs",)), max_size=12)


@given(
    rows=st.lists(st.tuples(CELL, st.sampled_from(["AM", "PM"]), st.sampled_from("/OIL")), max_size=12),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t"),
)
@settings(max_examples=60)
def test_wherever_a_table_is_cut_it_is_read_alike(
    rows: list[tuple[str, str, str]], cuts: list[int], delimiter: str
) -> None:
    """Comments with quotation marks, delimiters and line breaks; read whole, and in pieces of some bytes."""
    header = delimiter.join(("URN", "Date", "Session", "Local ID", "Code", "Comment"))
    lines = [
        delimiter.join(("1", "2025-09-15", half, str(n), code, '"' + text.replace('"', '""') + '"'))
        for n, (text, half, code) in enumerate(rows)
    ]
    text = "\n".join((header, *lines)) + "\n"
    body, found = text.encode(), table.header(text.encode(), None)
    pieces: list[tuple[int, str, str, str | None, str | None, int]] = []
    position, read, size = found.used, found.rows, 0
    for turn in range(10_000):
        if position == len(body):
            break
        size += cuts[turn % len(cuts)]
        given_bytes = body[position : position + size]
        at_end = position + len(given_bytes) == len(body)
        piece = table.read(given_bytes, at_end, read, 3, STAMP, found.layout)
        pieces += told(piece)
        position, read, size = position + piece.used, read + piece.rows, size if not piece.used else 0
    assert position == len(body)
    assert sorted(pieces, key=lambda mark: (mark[-1], mark[2])) == marks(text)
    assert [mark[3] for mark in marks(text)] == [str(n) for n in range(len(rows))]
