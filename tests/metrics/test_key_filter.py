"""Look-ups that cannot find anything are spared, and none that could."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.metrics import cache as cache_module
from llm_eval.metrics.cache import StoredCache
from llm_eval.metrics.key_filter import KeyFilter
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import ModelResponse

REPLY = ModelResponse("text", "m")


@given(st.sets(st.text(max_size=8), max_size=50))
def test_a_key_that_was_added_is_never_denied(keys: set[str]) -> None:
    known = KeyFilter()
    for key in keys:
        known.add(key)
    assert all(map(known.may_hold, keys))


def test_few_keys_that_were_not_added_pass() -> None:
    known = KeyFilter()
    assert not known.may_hold("0")
    for number in range(100_000):
        known.add(str(number))
    assert sum(known.may_hold(f"other {number}") for number in range(10_000)) < 20


@pytest.fixture
def two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[StoredCache, StoredCache]]:
    """Two processes' caches on one file, who look for each other's rows at every question."""
    monkeypatch.setattr(cache_module, "LOOK_EVERY_S", 0.0)
    url = f"sqlite:///{tmp_path}/runs.db"
    with MetricsStorage(url) as ours, MetricsStorage(url) as theirs:
        yield ours.cache(), theirs.cache()


async def test_what_another_process_puts_is_found(two: tuple[StoredCache, StoredCache]) -> None:
    ours, theirs = two
    assert await ours.get("early", max_age_s=None) is None
    theirs.put("early", REPLY)
    assert await ours.get("early", max_age_s=None) is not None
    theirs.put("late", REPLY)
    assert await ours.get("late", max_age_s=None) is not None


async def test_what_another_process_puts_after_it_has_deleted_all_is_found(
    two: tuple[StoredCache, StoredCache],
) -> None:
    ours, theirs = two
    for number in range(5):
        theirs.put(f"old {number}", REPLY)
    assert await ours.get("old 4", max_age_s=None) is not None
    theirs.prune()
    assert await ours.get("old 4", max_age_s=None) is None
    theirs.put("new", REPLY)  # in a row whose number was given before
    assert await ours.get("new", max_age_s=None) is not None


async def test_of_too_many_keys_each_is_looked_up(
    two: tuple[StoredCache, StoredCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "MOST_TO_READ", 3)
    ours, theirs = two
    for number in range(5):
        theirs.put(str(number), REPLY)
    assert await ours.get("4", max_age_s=None) is not None
    assert await ours.get("other", max_age_s=None) is None


async def test_a_key_that_cannot_be_there_is_not_asked_for(
    two: tuple[StoredCache, StoredCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "LOOK_EVERY_S", 3600.0)
    ours, theirs = two
    assert await ours.get("first", max_age_s=None) is None
    theirs.put("unseen for an hour", REPLY)
    assert await ours.get("unseen for an hour", max_age_s=None) is None
    ours.put("own", REPLY)
    assert await ours.get("own", max_age_s=None) is not None
