"""Identity is content: equal content, equal key; any change, another key."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval import fingerprint
from llm_eval.fingerprint import canonical, dataset_hash, digest, identify, request_key
from llm_eval.types import Message, Prompt, Sampling

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
PROMPT = (Message("user", "2 + 2?"),)


@given(st.dictionaries(st.text(), JSON))
def test_key_order_does_not_matter(value: dict[str, Any]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


@given(JSON, JSON)
def test_different_content_has_different_bytes(left: Any, right: Any) -> None:
    # True == 1 in Python, but not in JSON: compare what JSON would tell apart.
    same = repr(left) == repr(right) or (
        left == right and isinstance(left, dict | list) and canonical(left) == canonical(right)
    )
    assert same == (canonical(left) == canonical(right))


def test_a_changed_target_is_exactly_one_new_sample() -> None:
    rows = [identify("qa", str(n), {"question": f"{n} + 1?"}, n + 1) for n in range(5)]
    changed = [*rows[:2], identify("qa", "2", {"question": "2 + 1?"}, 99), *rows[3:]]
    assert len({r.key for r in rows} & {r.key for r in changed}) == 4
    assert dataset_hash(rows) != dataset_hash(changed)


def test_the_rows_own_name_is_not_identity() -> None:
    assert identify("qa", "a", {"q": 1}, 2).key == identify("qa", "b", {"q": 1}, 2).key


def test_same_content_under_two_tasks_is_two_samples() -> None:
    assert identify("qa", "a", {"q": 1}, 2).key != identify("json", "a", {"q": 1}, 2).key


def test_requests_differ_by_model_messages_sampling_and_repeat() -> None:
    keys = {
        request_key("m1", PROMPT, Sampling()),
        request_key("m2", PROMPT, Sampling()),
        request_key("m1", (Message("system", "2 + 2?"),), Sampling()),
        request_key("m1", PROMPT, Sampling(temperature=0.5)),
        request_key("m1", PROMPT, Sampling(), repeat=1),
    }
    assert len(keys) == 5


ONCE = Sampling()


def test_the_cache_and_the_store_compute_a_request_key_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = request_key("m", PROMPT, ONCE)
    assert key == digest(("m", PROMPT, ONCE, 0))
    monkeypatch.setattr(fingerprint, "digest", lambda _: "computed")
    assert request_key("m", PROMPT, ONCE) == key


@pytest.mark.parametrize(
    "other",
    [("n", PROMPT, ONCE, 0), ("m", PROMPT * 2, ONCE, 0), ("m", PROMPT, Sampling(seed=1), 0),
     ("m", PROMPT, ONCE, 1)],
)  # fmt: skip
def test_a_remembered_key_is_given_for_nothing_else(
    other: tuple[str, Prompt, Sampling, int],
) -> None:
    key = request_key("m", PROMPT, ONCE)
    assert request_key(*other) == digest(other) != key


async def test_a_request_key_is_remembered_by_one_task_alone() -> None:
    sampling = Sampling()

    async def ask(text: str) -> bool:
        prompt = (Message("user", text),)
        first = request_key("m", prompt, sampling)
        await asyncio.sleep(0)
        return request_key("m", prompt, sampling) == first == digest(("m", prompt, sampling, 0))

    assert all(await asyncio.gather(*map(ask, "abc")))
