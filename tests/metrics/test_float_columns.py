"""Columns of scores in a temporary file: every value back to the bit."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.metrics import codec
from llm_eval.metrics.float_columns import FloatColumns, as_columns, as_matrix

NAN = float("nan")


def read(pages: list[list[list[float]]], n_columns: int) -> FloatColumns:
    """Pages of rows, as the database has them."""
    columns = FloatColumns(n_columns)
    for page in pages:
        columns.add(b"".join(codec.pack(row) for row in page))
    return columns


def bits(values: np.ndarray) -> list[bytes]:
    return [struct.pack("<d", value) for value in values.tolist()]


@given(
    st.lists(
        st.lists(st.tuples(st.floats(), st.sampled_from([0.0, -0.0, 1.0, NAN])), max_size=4),
        max_size=4,
    )
)
def test_what_goes_in_comes_out_to_the_bit(pages: list[list[tuple[float, float]]]) -> None:
    rows = [[list(row) for row in page] for page in pages]
    columns = read(rows, 2).columns()
    for place, column in enumerate(columns):
        given_bits = [struct.pack("<d", row[place]) for page in rows for row in page]
        assert bits(column[:]) == given_bits


def test_some_rows_of_a_column_are_read_in_the_order_that_is_asked_for() -> None:
    pages = [[[float(n), -float(n)] for n in range(start, start + 3)] for start in (0, 3)]
    first, second = read(pages, 2).columns()
    assert len(first) == 6
    assert first[np.array([5, 0])].tolist() == [5.0, 0.0]
    assert second[1:4].tolist() == [-1.0, -2.0, -3.0]


def test_columns_that_memory_does_not_keep_read_as_those_that_it_does() -> None:
    rng = np.random.default_rng(0)
    pages = [rng.normal(size=(2000, 7)) for _ in range(20)]
    columns = FloatColumns(7)
    for page in pages:
        columns.add(page.tobytes())
    for column, expected in zip(columns.columns(), np.concatenate(pages).T, strict=True):
        assert column[:].tobytes() == expected.tobytes()


def test_no_page_and_no_column_are_fine() -> None:
    assert read([], 2).columns()[1][:].tolist() == []
    assert read([[[], []]], 0).columns() == ()


def test_a_matrix_and_its_columns_are_the_same_numbers() -> None:
    matrix = np.array([[1.0, NAN], [0.5, -0.0], [2.0, 7.0]])
    again = as_matrix(as_columns(matrix), 3)
    assert again.tobytes() == matrix.tobytes()
    assert as_matrix((), 3).shape == (3, 0)
