"""A narrow terminal takes characters from texts, never a digit from a number."""

from collections.abc import Iterator
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from llm_eval.cli.table import Table
from llm_eval.cli.terminal import output

RUN, MODEL = "run_20260102_030405_abcdef", f"hf/{'x' * 200}/tuned"


@pytest.fixture(autouse=True)
def own_width() -> Iterator[None]:
    """The console is one for all; its width is given back."""
    before = output().width
    yield
    output().width = before


def printed(table: Table, width: int) -> list[str]:
    """The lines of `table` on a terminal of `width` columns, before it breaks any."""
    output().width = width
    with output().capture() as captured:
        table.print()
    return captured.get().splitlines()


def made(columns: tuple[str, ...], *rows: tuple[str, ...]) -> Table:
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    return table


def test_a_table_that_fits_stands_as_it_is() -> None:
    assert printed(made(("run", ">n", "?why"), ("a", "120", "so")), 80) == [
        "run     n   why",
        "───────────────",
        "a     120   so",
    ]


def test_what_is_shortened_keeps_its_ends() -> None:
    table = made(("run", "~model", ">value"), (RUN, MODEL, "12.3 %"))
    [_, _, row] = printed(table, 100)
    assert row.startswith(f"{RUN}   hf/x")
    assert row.endswith("tuned   12.3 %")
    assert len(row) == 100


def test_a_column_is_left_out_before_texts_become_unreadable() -> None:
    table = made(("~model", ">value", "?>p", "?>adj. p"), (MODEL, "12.3 %", ".031", ".062"))
    [heading, _, row] = printed(table, 32)
    assert "value" in heading
    assert "adj. p" not in heading
    assert row.endswith("12.3 %   .031")


def test_a_long_remark_goes_on_in_the_next_line() -> None:
    table = made(("name", "&note"), ("a", "many words about it, all of which matter"))
    assert printed(table, 32) == [
        "name   note",
        "────────────────────────────────",
        "a      many words about it, all",
        "       of which matter",
    ]


def test_a_word_of_a_remark_that_is_too_long_loses_nothing() -> None:
    lines = printed(made(("name", "&note"), ("a", "missing: set SOME_PROVIDERS_API_KEY")), 30)
    assert "".join(line[6:] for line in lines[2:]) == "missing: setSOME_PROVIDERS_API_KEY"


def test_what_cannot_fit_is_left_to_the_terminal() -> None:
    [_, _, row] = printed(made(("run", "~model", ">value"), (RUN, MODEL, "12.3 %")), 30)
    assert row.startswith(RUN)
    assert row.endswith("12.3 %")


def test_a_style_stays_with_its_text() -> None:
    table = Table("verdict", ">n")
    table.add_row(Text("worse", style="bold"), "1")
    with mock.patch.object(output(), "print") as told:
        table.print()
    line = told.call_args.args[0]
    assert [(line.plain[span.start : span.end], span.style) for span in line.spans] == [
        ("worse  ", "bold")
    ]


@given(
    st.lists(st.tuples(st.text(st.characters(categories=["L", "N"]), max_size=40)), min_size=1),
    st.integers(10, 120),
)
def test_no_number_loses_a_digit(names: list[tuple[str]], width: int) -> None:
    numbers = [f"{n}.{n} %" for n in range(len(names))]
    rows = [(name, number, "?", "a word") for (name,), number in zip(names, numbers, strict=True)]
    lines = printed(made(("~name", ">value", "?mark", "&note"), *rows), width)
    assert [n for n in numbers if not any(n in line for line in lines)] == []
