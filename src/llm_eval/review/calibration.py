"""How far a judge can be trusted: its verdicts beside people's, on the replies that both graded.

>>> report = calibrate(storage, storage.get_run("latest"), rubric, rng=np.random.default_rng(0))
>>> report["pass"]["sensitivity"]["value"], report["corrected"]["score"]["ci95"]
(0.91, [0.28, 0.41])

Agreement is Cohen's kappa (linear weights between levels) with its interval, and Gwet's AC1 where
one level rules; people among themselves: Krippendorff's alpha. The corrected numbers are those of
all judged replies: PPI++ for the mean score and the pass rate, Rogan–Gladen for the rate.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.errors import ConfigError
from llm_eval.metrics.labels import Label, item_of
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.review.correction import Judged, corrected_mean, corrected_rate
from llm_eval.review.items import judge_of, no_judge
from llm_eval.review.rate import rate
from llm_eval.scorers.judge_report import rank_correlation
from llm_eval.scorers.rubric import Dimension, Rubric
from llm_eval.stats.agreement import (
    agreement_interval,
    cohen_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
)
from llm_eval.types import RunInfo, SampleResult, Score

FEW = 30
"""Labels below which every number here is a rough guess, and is said to be."""


@dataclass(frozen=True, slots=True)
class JudgedReply:
    """One reply with the judge's verdict on it."""

    item: str
    sample_id: str
    score: float
    passed: bool
    levels: Mapping[str, int]
    length: int
    """Characters of the reply."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A reply that judge and people graded."""

    judged: JudgedReply
    levels: Mapping[str, int]
    """Of the people: the median level, of two the lower."""
    score: float
    """Of the people: the mean weighted score."""
    passed: bool


def judged_replies(
    storage: MetricsStorage, info: RunInfo, rubric: Rubric, metric: str | None = None
) -> list[JudgedReply]:
    """Every distinct reply of a run that has a verdict, of the judge whose headline is `metric`.

    Raises:
        ConfigError: the run was not judged, or by several and none is named.
    """
    recipe = judge_of(info, metric)
    if recipe is None:
        raise no_judge(info)
    found: dict[str, JudgedReply] = {}
    for result in storage.results(info.run_id):
        reply = _judged(result, recipe["metric"], rubric)
        if reply is not None:
            found.setdefault(reply.item, reply)
    return list(found.values())


def pair_up(judged: Sequence[JudgedReply], labels: Sequence[Label], rubric: Rubric) -> list[Pair]:
    """The replies that have labels, with what people said of them."""
    by_item = grouped(labels)
    return [_pair(reply, by_item[reply.item], rubric) for reply in judged if reply.item in by_item]


def calibrate(
    storage: MetricsStorage,
    info: RunInfo,
    rubric: Rubric,
    *,
    rng: np.random.Generator,
    rater: str | None = None,
    metric: str | None = None,
) -> dict[str, Any]:
    """The report on a judged run, from the labels that its replies have.

    Args:
        storage: holds run and labels.
        info: the run.
        rubric: what it was judged by.
        rng: for the intervals that are drawn.
        rater: only this one's labels.
        metric: of several judges, the one whose headline metric this is.

    Raises:
        ConfigError: the run has no judge, several and none is named, or no reply with a label; or
            nobody of the rater's name has given one.
    """
    judged = judged_replies(storage, info, rubric, metric)
    if rater is not None:
        storage.labels.check_rater(rubric.scale, rater)
    here = {reply.item for reply in judged}
    labels = [x for x in storage.labels.given(rubric.scale, rater) if x.item in here]
    pairs = pair_up(judged, labels, rubric)
    if len(pairs) < 2:
        raise ConfigError(
            f"run {info.run_id}: {len(pairs)} of {len(judged)} judged replies have a label, and "
            f"two are the least; llm-eval review label {info.run_id} --rater NAME"
        )
    recipe = judge_of(info, metric) or {}
    report = {
        "run_id": info.run_id,
        "metric": recipe["metric"],
        "judge": recipe["judge"],
        "judges": _judges(info, recipe),
        "rubric": rubric.name,
        "mode": recipe["asking"]["mode"],
        "n_results": info.n_done,
        "n_judged": len(judged),
        "n_labelled": len(pairs),
        "raters": sorted({label.rater for label in labels}),
        "pass": _pass_block(pairs),
        "dimensions": {d.name: _dimension_block(d, pairs) for d in rubric.dimensions},
        "people": _people_block(rubric, labels, rng),
        "length": _length_block(judged, pairs),
        "corrected": _corrected_block(judged, pairs, labels),
        "n_drawn_by_verdict": len({label.item for label in labels if label.drawn == "next"}),
    }
    return report | {"warnings": list(_warnings(report))}


def grouped(labels: Sequence[Label]) -> Mapping[str, list[Label]]:
    """Labels by what they are of."""
    by_item: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        by_item[label.item].append(label)
    return by_item


def _judged(result: SampleResult, metric: str, rubric: Rubric) -> JudgedReply | None:
    if result.response is None:
        return None
    scores = {s.metric: s for s in result.scores if isinstance(s, Score)}
    if metric not in scores:
        return None
    # A reply without an answer was scored worst, and no judge was asked.
    worst = dict.fromkeys((d.name for d in rubric.dimensions), 0)
    details = scores[metric].details
    text = result.response.text
    return JudgedReply(
        item=item_of(result.sample.key, text),
        sample_id=result.sample.id,
        score=scores[metric].value,
        passed=scores[f"{metric}_pass"].value == 1,
        levels=worst if details is None else details["levels"],
        length=len(text),
    )


def _pair(reply: JudgedReply, labels: Sequence[Label], rubric: Rubric) -> Pair:
    levels = {
        d.name: median_low(label.levels[d.name] for label in labels) for d in rubric.dimensions
    }
    score = fmean(
        rubric.scored({d.name: d.scores[label.levels[d.name]] for d in rubric.dimensions})
        for label in labels
    )
    return Pair(reply, levels, score, rubric.passes(levels))


def _judges(info: RunInfo, recipe: Mapping[str, Any]) -> list[str]:
    for block in (info.summary or {}).get("judge", ()):
        if block["recipe"] == recipe["judge"]:
            return list(block["judges"])
    return [str(model.get("model", model.get("provider"))) for model in recipe["models"]]


def _pass_block(pairs: Sequence[Pair]) -> dict[str, Any]:
    both = sum(p.passed and p.judged.passed for p in pairs)
    only_people = sum(p.passed and not p.judged.passed for p in pairs)
    only_judge = sum(not p.passed and p.judged.passed for p in pairs)
    neither = len(pairs) - both - only_people - only_judge
    return {
        "confusion": {
            "both": both,
            "only_people": only_people,
            "only_judge": only_judge,
            "neither": neither,
        },
        **_agreement([p.passed for p in pairs], [p.judged.passed for p in pairs], (False, True)),
        "sensitivity": rate(both, both + only_people),
        "specificity": rate(neither, neither + only_judge),
    }


def _dimension_block(dimension: Dimension, pairs: Sequence[Pair]) -> dict[str, Any]:
    n_levels = len(dimension.levels)
    people = [p.levels[dimension.name] for p in pairs]
    judge = [p.judged.levels[dimension.name] for p in pairs]
    table = np.zeros((n_levels, n_levels), dtype=int)
    np.add.at(table, (people, judge), 1)
    return {
        "levels": [level.name for level in dimension.levels],
        "confusion": table.tolist(),
        **_agreement(people, judge, range(n_levels)),
    }


def _agreement(
    people: Sequence[Hashable], judge: Sequence[Hashable], labels: Sequence[Hashable]
) -> dict[str, Any]:
    weights = "linear" if len(labels) > 2 else None
    kappa = cohen_kappa(people, judge, labels=list(labels), weights=weights)  # type: ignore[arg-type]
    codes = {label: float(code) for code, label in enumerate(labels)}
    both = np.array([[codes[a], codes[b]] for a, b in zip(people, judge, strict=True)])
    return {
        "agreement": percent_agreement(people, judge),
        "kappa": {"value": _number(kappa.value), "ci95": [*map(_number, kappa[2:])]},
        "ac1": _number(gwet_ac1(both, sorted(codes.values()))),
    }


def _people_block(
    rubric: Rubric, labels: Sequence[Label], rng: np.random.Generator
) -> dict[str, Any] | None:
    """Of people among themselves; None where nothing was labelled twice."""
    by_item = {item: found for item, found in grouped(labels).items() if len(found) > 1}
    if not by_item:
        return None
    raters = sorted({label.rater for label in labels})
    said = {"pass": lambda label: float(rubric.passes(label.levels))} | {
        d.name: lambda label, name=d.name: float(label.levels[name]) for d in rubric.dimensions
    }
    block: dict[str, Any] = {"n_items": len(by_item), "raters": raters, "alpha": {}, "alike": {}}
    for name, value in said.items():
        table = np.full((len(by_item), len(raters)), np.nan)
        for row, found in enumerate(by_item.values()):
            for label in found:
                table[row, raters.index(label.rater)] = value(label)
        low, high = agreement_interval(table, _ordinal_alpha, rng=rng, n_resamples=500)
        block["alpha"][name] = {
            "value": _number(_ordinal_alpha(table)),
            "ci95": [_number(low), _number(high)],
        }
        block["alike"][name] = float(np.mean(np.nanmin(table, axis=1) == np.nanmax(table, axis=1)))
    return block


def _ordinal_alpha(table: NDArray[np.float64]) -> float:
    return krippendorff_alpha(table, "ordinal")


def _length_block(judged: Sequence[JudgedReply], pairs: Sequence[Pair]) -> dict[str, Any]:
    return {
        "score": rank_correlation([r.length for r in judged], [r.score for r in judged]),
        "error": rank_correlation(
            [p.judged.length for p in pairs], [p.judged.score - p.score for p in pairs]
        ),
    }


def _corrected_block(
    judged: Sequence[JudgedReply], pairs: Sequence[Pair], labels: Sequence[Label]
) -> dict[str, Any]:
    labelled = {pair.judged.item for pair in pairs}
    rest = [reply for reply in judged if reply.item not in labelled]
    by_judge = any(label.drawn == "next" for label in labels)
    scores = Judged(
        labels=np.array([p.score for p in pairs]),
        judged=np.array([p.judged.score for p in pairs]),
        judged_only=np.array([r.score for r in rest]),
        strata=np.array([p.judged.passed for p in pairs]) if by_judge else None,
        strata_only=np.array([r.passed for r in rest]) if by_judge else None,
    )
    passes = Judged(
        labels=np.array([float(p.passed) for p in pairs]),
        judged=np.array([float(p.judged.passed) for p in pairs]),
        judged_only=np.array([float(r.passed) for r in rest]),
        strata=scores.strata,
        strata_only=scores.strata_only,
    )
    return {
        "score": corrected_mean(scores),
        "pass": corrected_mean(passes),
        # Drawn by verdict, labels tell how right a verdict is, not how often right is said.
        "pass_rogan_gladen": None if by_judge else corrected_rate(passes),
    }


def _warnings(report: Mapping[str, Any]) -> Iterator[str]:
    n = report["n_labelled"]
    if n < FEW:
        yield f"{n} labels are few: every number here is a rough guess; {FEW} are a beginning"
    silent = report["n_results"] - report["n_judged"]
    if silent > 0:
        yield f"{silent} of {report['n_results']} results have no verdict, or a reply of another's"
    if by_verdict := report["n_drawn_by_verdict"]:
        yield (
            f"{by_verdict} labelled replies were drawn by the judge's verdict: agreement, kappa, "
            f"sensitivity and specificity are those of the labelled replies, not of the run"
        )
    confusion = report["pass"]["confusion"]
    if not confusion["both"] + confusion["only_people"]:
        yield "people passed no reply: nothing is known of the judge's sensitivity"
    if not confusion["neither"] + confusion["only_judge"]:
        yield "people passed every reply: nothing is known of the judge's specificity"
    kappa = report["pass"]["kappa"]["value"]
    if kappa is None or kappa < 0.4:
        shown = "unknown" if kappa is None else f"{kappa:.2f}"
        yield f"judge and people agree little beyond chance (kappa {shown}): do not gate on it"
    error = report["length"]["error"]
    if error is not None and abs(error) >= 0.3:
        yield f"the judge's error goes with the reply's length (rank correlation {error:+.2f})"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
