"""What every registered scorer keeps to, whoever wrote it."""

import dataclasses
import inspect
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from llm_eval.errors import EvalError
from llm_eval.fingerprint import canonical, identify
from llm_eval.registry import names, resolve
from llm_eval.scorers.base import Deterministic, Scorer
from llm_eval.types import ModelResponse, Score, Unscored

CLASSES = {
    name: found
    for name in names("scorers")
    if inspect.isclass(found := resolve("scorers", name)) and issubclass(found, Deterministic)
}
"""Scorers that need no judge; those that do have tests of their own."""

TARGETS: tuple[Any, ...] = (
    "Paris",
    ["Paris", "Lyon"],
    "42",
    42,
    "B",
    {"total": 12.5, "items": [{"sku": "A"}]},
    [1, 2],
    "",
    None,
)
ANSWERS: tuple[Any, ...] = (
    "Paris",
    "Answer: B",
    "42",
    "",
    "\0",
    "a\0b",
    "\ufffd",
    "\ud800",
    "שלום 42 مرحبا\u202e",
    "e\u0301\u200d🏳️\u200d🌈",
    "9" * 5000,
    None,
    0,
    float("inf"),
    {"total": 12.5},
    [[[]]],
)
MEGABYTE = 1_000_000
LONG = ("x" * MEGABYTE, " " * MEGABYTE, "answer " * (MEGABYTE // 7), "1," * (MEGABYTE // 2))


@pytest.fixture(params=sorted(CLASSES))
def scorer(request: pytest.FixtureRequest) -> Deterministic:
    made: Deterministic = CLASSES[request.param]()
    return made


async def graded(scorer: Scorer, answer: Any, target: Any) -> list[Score | Unscored] | str:
    """The scores, or the message of the `EvalError` that stands in for them."""
    sample = identify("t", "1", {"text": "…"}, target)
    try:
        return list(await scorer.score(sample, answer, ModelResponse(str(answer), "m")))
    except EvalError as exc:
        return str(exc)


def test_the_built_in_scorers_are_all_here() -> None:
    assert {"exact_match", "token_f1", "numeric_match", "contains", "regex", "choice"} < set(
        CLASSES
    )
    assert "json_fields" in CLASSES


def test_its_fields_are_its_configuration(scorer: Deterministic) -> None:
    fields = {f.name for f in dataclasses.fields(scorer)}  # type: ignore[arg-type]
    assert set(scorer.recipe) == {"name", "version"} | fields
    assert type(scorer).__dataclass_params__.frozen  # type: ignore[attr-defined]
    canonical(scorer.recipe)


def test_it_can_be_a_key_and_be_compared(scorer: Deterministic) -> None:
    same = dataclasses.replace(scorer)  # type: ignore[type-var]
    assert same is not scorer
    assert {scorer: 1}[same] == 1
    assert repr(scorer).startswith(type(scorer).__name__)


def test_another_configuration_is_another_scorer(scorer: Deterministic) -> None:
    for name, kind in get_type_hints(type(scorer)).items():
        old = getattr(scorer, name)
        if name not in {f.name for f in dataclasses.fields(scorer)}:  # type: ignore[arg-type]
            continue
        new = another(kind, old)
        changed = dataclasses.replace(scorer, **{name: new})  # type: ignore[type-var]
        assert changed != scorer
        assert changed.recipe != scorer.recipe


def another(kind: Any, old: Any) -> Any:
    """A second value of the field's type."""
    if get_origin(kind) is Literal:
        return next(option for option in get_args(kind) if option != old)
    if isinstance(old, bool):
        return not old
    return old + 1 if isinstance(old, int | float) else f"{old or ''}Z"


def test_its_metrics_have_names_of_their_own(scorer: Deterministic) -> None:
    declared = [metric.name for metric in scorer.metrics]
    assert declared
    assert len(set(declared)) == len(declared)
    assert all(metric.best != metric.worst for metric in scorer.metrics)


@pytest.mark.parametrize("target", TARGETS, ids=repr)
async def test_it_emits_what_it_declares_within_bounds(scorer: Deterministic, target: Any) -> None:
    for answer in ANSWERS:
        scores = await graded(scorer, answer, target)
        if isinstance(scores, str):
            continue
        assert [score.metric for score in scores] == [metric.name for metric in scorer.metrics]
        for metric, score in zip(scorer.metrics, scores, strict=True):
            assert isinstance(score, Score)
            low, high = sorted((metric.worst, metric.best))
            assert low <= score.value <= high
            assert metric.kind != "rate" or score.value in (0.0, 1.0)


async def test_some_pair_is_scored_and_not_everything_is_refused(scorer: Deterministic) -> None:
    results = [await graded(scorer, answer, target) for answer in ANSWERS for target in TARGETS]
    assert sum(not isinstance(scores, str) for scores in results) > 4


async def test_the_same_answer_gets_the_same_score(scorer: Deterministic) -> None:
    for answer in ANSWERS:
        for target in TARGETS:
            first = await graded(scorer, answer, target)
            assert first == await graded(dataclasses.replace(scorer), answer, target)  # type: ignore[type-var]


@pytest.mark.parametrize("answer", LONG, ids=["letters", "spaces", "words", "numbers"])
async def test_a_megabyte_is_scored_or_refused(scorer: Deterministic, answer: str) -> None:
    for target in ("Paris", "42", "B"):
        await graded(scorer, answer, target)


async def test_a_refusal_is_one_line_that_names_the_sample(scorer: Deterministic) -> None:
    for target in TARGETS:
        for answer in ANSWERS:
            message = await graded(scorer, answer, target)
            if isinstance(message, str):
                assert "'1'" in message
                assert "\n" not in message
