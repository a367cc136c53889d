"""What a person is shown to label: question, reference, reply. Never the model, never a verdict.

>>> items = items_of(storage, info, rubric)
>>> shuffled(items, seed=0)[0].reply
"Paris is the capital."
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.judging import RUBRICS
from llm_eval.metrics.labels import item_of
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.registry import unknown
from llm_eval.scorers.judge_words import gives
from llm_eval.scorers.llm_judge import LLMJudge, reference_text
from llm_eval.scorers.rubric import Rubric, load_rubric
from llm_eval.tasks.build import build_task
from llm_eval.types import RunInfo, SampleResult


@dataclass(frozen=True, slots=True)
class Item:
    """One reply to label."""

    item: str
    """Identity: sample and reply."""
    sample_key: str
    sample_id: str
    question: str
    """What the model was asked: the conversation without the system message."""
    reference: str | None
    reply: str
    inputs: Mapping[str, Any]
    """Fields of the sample, for rubrics whose own prompt names them."""


def items_of(storage: MetricsStorage, info: RunInfo, rubric: Rubric) -> list[Item]:
    """Every distinct reply of a run, in the run's order."""
    found: dict[str, Item] = {}
    for result in storage.results(info.run_id):
        if result.response is not None:
            item = _item(result, rubric)
            found.setdefault(item.item, item)
    return list(found.values())


def shuffled(items: Iterable[Item], seed: int) -> list[Item]:
    """`items` in an order that only the seed decides, so that any first part is a random draw."""
    return sorted(items, key=lambda item: digest((seed, item.item)))


def rubric_of(info: RunInfo, given: str | None, metric: str | None = None) -> Rubric:
    """The rubric that a run was judged by, or is to be labelled by.

    Args:
        info: the run.
        given: a preset or a path; None: the run's own, else what suits its task.
        metric: of several judges, the one whose headline metric this is.

    Raises:
        ConfigError: it cannot be read, is no longer what the run was judged by, or several judges
            grade by several rubrics and nobody says which is meant.
    """
    judges = judges_of(info)
    if given is not None:
        rubric = load_rubric(given)
        alike = [judge for judge in judges if judge["scale"] == rubric.scale]
        judged = judge_of(info, metric) if metric else next(iter(alike or judges), None)
    else:
        one_scale = len({judge["scale"] for judge in judges}) == 1
        judged = judges[0] if one_scale and metric is None else judge_of(info, metric)
        rubric = load_rubric(_named(info, judged))
    if judged is not None and judged["scale"] != rubric.scale:
        raise ConfigError(
            f"run {info.run_id} was judged by another {judged['rubric']!r} than {rubric.name!r} "
            f"is now: its levels have changed; rescore the run, or name the rubric with --rubric"
        )
    return rubric


def judge_of(info: RunInfo, metric: str | None = None) -> dict[str, Any] | None:
    """The recipe of the judge that is meant; None where the run has no judge.

    Args:
        info: the run.
        metric: the judge's headline metric; None: the run's only judge.

    Raises:
        ConfigError: the run has several judges and none is named, or none of that name; names
            those that it has.
    """
    judges = judges_of(info)
    if metric is None:
        if len(judges) > 1:
            names = ", ".join(judge["metric"] for judge in judges)
            raise ConfigError(
                f"run {info.run_id} has {len(judges)} judges ({names}): name one with --metric"
            )
        return next(iter(judges), None)
    if not judges:
        raise no_judge(info)
    found = {judge["metric"]: judge for judge in judges}
    if metric not in found:
        raise ConfigError(f"run {info.run_id}: {unknown('--metric', metric, found)}")
    return found[metric]


def no_judge(info: RunInfo) -> ConfigError:
    """What is said of a run that was not judged, to whoever needs its judge."""
    return ConfigError(
        f"run {info.run_id} has no judge: llm-eval rescore {info.run_id} --judge-model SPEC"
    )


def judges_of(info: RunInfo) -> list[dict[str, Any]]:
    """The recipes of all judges of a run."""
    scorers = info.recipe.get("scorers", ())
    return [dict(scorer) for scorer in scorers if scorer.get("name") == LLMJudge.name]


def judge_recipe(info: RunInfo, metric: str) -> dict[str, Any] | None:
    """The recipe of the judge that gives `metric`, headline or another; None where none does."""
    giving = [judge for judge in judges_of(info) if gives(judge["metric"], metric)]
    return max(giving, key=lambda judge: len(judge["metric"]), default=None)


def asked_of(info: RunInfo) -> Mapping[str, Any]:
    """The options that a run's judge was asked for with: the rescoring's, else the run's own."""
    return info.recipe.get("rescoring") or info.recipe.get("request") or {}


def by_name(items: Sequence[Item]) -> dict[str, Item]:
    """Items by their identity."""
    return {item.item: item for item in items}


def _named(info: RunInfo, judged: Mapping[str, Any] | None) -> str:
    if rubric := asked_of(info).get("rubric"):
        return str(rubric)
    if info.task.endswith((".yaml", ".yml")):
        named = [s for s in build_task(info.task).scorers if isinstance(s, LLMJudge)]
        for scorer in named:
            if judged is None or scorer.metric == judged["metric"]:
                return scorer.rubric
    return judged["rubric"] if judged else RUBRICS.get(info.task, "qa_correctness")


def _item(result: SampleResult, rubric: Rubric) -> Item:
    assert result.response is not None
    sample = result.sample
    return Item(
        item=item_of(sample.key, result.response.text),
        sample_key=sample.key,
        sample_id=sample.id,
        question="\n\n".join(m.content for m in result.prompt if m.role != "system"),
        reference=None if rubric.reference == "none" else reference_text(sample.target),
        reply=result.response.text,
        inputs=sample.inputs,
    )
