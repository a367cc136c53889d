"""Columns of scores: few bytes a row, and every value back to the bit."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.metrics import codec
from llm_eval.metrics.float_columns import FloatColumns, PackedFloats, as_columns, as_matrix

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


def test_a_rate_takes_one_byte_a_row() -> None:
    (rate,) = read([[[float(n % 2)] for n in range(1000)], [[NAN]]], 1).columns()
    assert isinstance(rate, PackedFloats)
    assert rate.codes.nbytes == len(rate) == 1001
    assert rate[np.array([0, 3])].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("n", "packed"), [(256, True), (257, False)])
def test_a_byte_holds_256_values_and_no_more(n: int, packed: bool) -> None:
    values = [float(number) for number in range(n)]
    pages = [[[value] for value in values[:200]], [[value] for value in values[200:]], [[3.0]]]
    (column,) = read(pages, 1).columns()
    assert isinstance(column, PackedFloats) is packed
    assert column[:].tolist() == [*values, 3.0]


def test_no_page_and_no_column_are_fine() -> None:
    assert read([], 2).columns()[1][:].tolist() == []
    assert read([[[], []]], 0).columns() == ()


def test_a_matrix_and_its_columns_are_the_same_numbers() -> None:
    matrix = np.array([[1.0, NAN], [0.5, -0.0], [2.0, 7.0]])
    again = as_matrix(as_columns(matrix), 3)
    assert again.tobytes() == matrix.tobytes()
    assert as_matrix((), 3).shape == (3, 0)
