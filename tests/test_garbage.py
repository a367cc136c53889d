"""The collector rests during a run, and is as before afterwards."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from llm_eval.garbage import fewer_collections, no_collections


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_is_alive_is_left_alone_until_the_end() -> None:
    before = gc.get_threshold()
    with fewer_collections():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_an_error_ends_it_too() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), fewer_collections():
        1 / 0  # noqa: B018
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_the_last_of_two_runs_ends_it() -> None:
    before = gc.get_threshold()
    inside, leave = threading.Event(), threading.Event()

    def run() -> None:
        with fewer_collections():
            inside.set()
            leave.wait(10)

    with fewer_collections():
        other = threading.Thread(target=run)
        other.start()
        assert inside.wait(10)
    assert gc.get_threshold() != before
    leave.set()
    other.join()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_a_caller_who_switched_it_off_or_made_it_rarer_keeps_that() -> None:
    gc.set_threshold(0, 1, 1)
    with fewer_collections():
        assert gc.get_threshold()[0] == 0
    gc.set_threshold(1_000_000, 100, 100)
    with fewer_collections():
        assert gc.get_threshold() == (1_000_000, 100, 100)
    assert gc.get_threshold() == (1_000_000, 100, 100)


def test_cycles_are_still_found() -> None:
    class Node:
        other: "Node"

    def cycle() -> Node:
        left, right = Node(), Node()
        left.other, right.other = right, left
        return left

    with fewer_collections():
        seen = weakref.ref(cycle())
        for _ in range(100_000):
            cycle()
        assert seen() is None


@pytest.mark.parametrize("enabled", [True, False])
def test_while_modules_load_it_is_off_and_then_as_before(enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with no_collections():
            assert not gc.isenabled()
        assert gc.isenabled() == enabled
        assert gc.get_freeze_count() > 0
    finally:
        (gc.enable if before else gc.disable)()
