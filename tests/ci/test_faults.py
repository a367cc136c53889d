"""Each fault against each kind of rule: no cell yields a pass."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llm_eval.ci.calibration import Calibration, Label, write_calibration
from llm_eval.ci.evidence import Evidence, from_storage
from llm_eval.ci.finding import ErroredSamplesError
from llm_eval.ci.gate import check
from llm_eval.ci.gate_report import GateReport
from llm_eval.ci.measure_names import MEASURES, QUANTILES, TOTALS
from llm_eval.ci.rules import KINDS
from llm_eval.ci.scope import Pairing, Scope
from llm_eval.ci.thresholds import parse_thresholds
from llm_eval.errors import IncomparableError, ProviderError
from llm_eval.metrics.columns import Digests, pack_keys
from llm_eval.metrics.float_columns import as_columns
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.scorers.deterministic import ExactMatch
from llm_eval.testing import Call
from llm_eval.types import Metric, ModelResponse
from tests.ci.conftest import Judge, Questions, Runs, response, right

QUANTILES_HERE = [name for name in QUANTILES if name != "latency_p99_s"]
"""So few samples as here say nothing about the slowest hundredth, whatever happens."""
LIMITS = {
    **dict.fromkeys(TOTALS, 1_000_000),
    **dict.fromkeys(QUANTILES_HERE, 2),
    "error_rate": 0.9,
    "parse_failure_rate": 0.2,
}
RULES: Mapping[str, str] = {
    "floor": "kind: floor, metric: correct, min: 0.9",
    "floor in a slice": "kind: floor, metric: correct, min: 0.9, slice: hard",
    "floor in every slice": 'kind: floor, metric: correct, min: 0.9, slice: "*"',
    "non_inferiority": "kind: non_inferiority, metric: correct, margin: 0.05",
    "relative": "kind: relative, metric: correct, max_drop: 0.05",
    "ceiling": "kind: ceiling, metric: mistake, max: 0.1",
    "newly_failing of mistakes": "kind: newly_failing, metric: mistake, confirm: 1",
    "newly_failing": "kind: newly_failing, metric: correct, confirm: 1",
    **{
        f"ceiling of {measure}": f"kind: ceiling, metric: {measure}, max: {limit}"
        for measure, limit in LIMITS.items()
    },
    **{
        f"increase of {measure}": f"kind: relative, metric: {measure}, max_increase: 0.2"
        for measure in (*TOTALS, *QUANTILES_HERE)
    },
    "agreement": "kind: agreement, metric: correct, min: 0.5, calibration: labels.json",
}


COMPARING = {kind for kind, rule in KINDS.items() if rule.needs_baseline}
REFUSED = (
    "dataset changed",
    "half the dataset",
    "prompt changed",
    "judge changed",
    "metric missing",
)
"""Faults after which runs are not comparable: refused, which is exit code 2."""


def third(number: int) -> bool:
    """Which samples meet the fault."""
    return number % 3 == 0


def replied(text: str, **fields: Any) -> Callable[[int, int], str | ModelResponse]:
    """A third of the replies are this."""
    return lambda number, _: response(text, **fields) if third(number) else right(number)


def refused(code: str) -> Callable[[Call], ProviderError | None]:
    """A third of the calls fail."""

    def fault(call: Call) -> ProviderError | None:
        number = int(call.messages[-1].content)
        return ProviderError(f"{code}!", code=code) if third(number) else None

    return fault


def judged(value: float) -> Questions:
    """The judge gives this for a third of the samples; −1 is down."""
    judge = Judge(lambda sample: value if third(int(sample.removeprefix("q-"))) else None)
    return Questions(scorers=(ExactMatch(), judge))


def with_value(runs: Runs, value: float) -> Evidence:
    """A run in whose rows someone stored what is no finite number."""
    run = runs.make()
    values = run.table.values
    values[::3] = value
    return replace(run, table=replace(run.table, columns=as_columns(values)))


def with_planned(runs: Runs, more: int) -> Evidence:
    """A run of which so many more rows were planned, although it is said to be complete."""
    run = runs.make()
    info = replace(run.info, n_total=run.info.n_total + more)
    return replace(run, info=info)


def interrupted(runs: Runs) -> Evidence:
    """A run that was stopped."""
    run = runs.make()
    return replace(run, info=replace(run.info, status="interrupted"))


Faulty = Callable[[Runs], Evidence]
FAULTS: Mapping[str, Faulty] = {
    "timeout": lambda runs: runs.make(fault=refused("timeout")),
    "429": lambda runs: runs.make(fault=refused("rate_limit")),
    "empty": lambda runs: runs.make(replied("")),
    "truncated": lambda runs: runs.make(replied("0", finish_reason="length")),
    "truncated to nothing": lambda runs: runs.make(replied("", finish_reason="length")),
    "refusal": lambda runs: runs.make(replied("", refusal="No.", finish_reason="refusal")),
    "filtered": lambda runs: runs.make(replied("x", finish_reason="content_filter")),
    "judge down": lambda runs: runs.make(task=judged(-1)),
    "judge gives NaN": lambda runs: runs.make(task=judged(float("nan"))),
    "judge gives infinity": lambda runs: runs.make(task=judged(float("inf"))),
    "NaN in the store": lambda runs: with_value(runs, float("nan")),
    "infinity in the store": lambda runs: with_value(runs, float("inf")),
    "a rate of 2 in the store": lambda runs: with_value(runs, 2.0),
    "a rate below 0 in the store": lambda runs: with_value(runs, -1.0),
    "missing sample": lambda runs: with_planned(runs, 1),
    "a sample too many": lambda runs: with_planned(runs, -1),
    "duplicate id": lambda runs: runs.make(task=Questions(repeat_last=True)),
    "interrupted": interrupted,
    "dataset changed": lambda runs: runs.make(task=Questions(target_of_first="zero")),
    "half the dataset": lambda runs: runs.make(limit=120),
    "prompt changed": lambda runs: runs.make(task=Questions(instruction="Guess.")),
    "judge changed": lambda runs: runs.make(
        task=Questions(scorers=(ExactMatch(), Judge(model="judge-2")))
    ),
    "metric missing": lambda runs: runs.make(task=Questions(scorers=(ExactMatch(),))),
    "no samples scored at all": lambda runs: runs.make(
        fault=lambda call: ProviderError("down", code="connection")
    ),
}


def thresholds(rule: str, directory: Path, **policies: str) -> str:
    """A file with one rule, and labels that vouch for `Judge`."""
    labels = [Label(n % 2, n % 2) for n in range(200)]
    now = datetime.now(UTC)
    judge = Judge().recipe
    write_calibration(directory / "labels.json", Calibration("correct", judge, now, labels))
    more = "".join(f", {name}: {value}" for name, value in policies.items())
    return f"gates:\n  - {{id: rule, {RULES[rule]}{more}}}\n"


def held(
    rule: str, current: Evidence, baseline: Evidence, path: Path, **policies: str
) -> GateReport:
    text = thresholds(rule, path, **policies)
    return check(parse_thresholds(text, str(path / "thresholds.yaml")), current, baseline)


def test_the_rules_are_of_every_kind_and_about_every_measure() -> None:
    parts = [dict(part.split(": ") for part in text.split(", ")) for text in RULES.values()]
    assert {part["kind"] for part in parts} == set(KINDS)
    assert set(LIMITS) | {"latency_p99_s"} == set(MEASURES)
    assert {part["metric"] for part in parts if part["kind"] == "ceiling"} >= set(LIMITS)


@pytest.mark.parametrize("rule", RULES)
def test_without_a_fault_every_kind_of_rule_passes(rule: str, runs: Runs, tmp_path: Path) -> None:
    baseline = runs.make()
    report = held(rule, runs.make(), baseline, tmp_path)
    assert (report.status, report.exit_code) == ("pass", 0), report.to_dict()


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_passes_any_kind_of_rule(fault: str, runs: Runs, tmp_path: Path) -> None:
    # Of the same dataset where that is at fault: it would be refused, and nothing would be tested.
    twin = Questions(repeat_last=True) if fault == "duplicate id" else None
    baseline, current = runs.make(task=twin), FAULTS[fault](runs)
    passed = []
    for rule in RULES:
        if fault in REFUSED:
            with pytest.raises(IncomparableError):
                held(rule, current, baseline, tmp_path)
            continue
        report = held(rule, current, baseline, tmp_path)
        if report.status == "pass" or report.exit_code == 0:
            passed.append((rule, report.to_dict()))
    assert passed == []


@pytest.mark.parametrize("fault", ["timeout", "judge down", "NaN in the store", "missing sample"])
def test_a_baseline_with_a_fault_passes_nothing_that_compares(
    fault: str, runs: Runs, tmp_path: Path
) -> None:
    baseline, current = FAULTS[fault](runs), runs.make()
    comparing = [rule for rule, text in RULES.items() if text.partition(",")[0][6:] in COMPARING]
    assert len(comparing) > len(COMPARING)
    for rule in comparing:
        report = held(rule, current, baseline, tmp_path)
        assert report.status == "incomplete", (rule, report.to_dict())
        assert report.exit_code == 4


@pytest.mark.parametrize("policy", ["incomplete", "fail"])
def test_what_follows_an_error_is_for_the_policy_to_say(
    policy: str, runs: Runs, tmp_path: Path
) -> None:
    baseline, current = runs.make(), FAULTS["timeout"](runs)
    report = held("floor", current, baseline, tmp_path, on_error=policy)
    assert report.status == policy
    assert report.exit_code == {"incomplete": 4, "fail": 1}[policy]


def test_counted_errors_are_the_worst_they_could_be(runs: Runs) -> None:
    def one_fails(call: Call) -> ProviderError | None:
        return ProviderError("429", code="rate_limit") if call.number == 0 else None

    current = runs.make(fault=one_fails)
    rule = "gates: [{id: r, kind: floor, metric: correct, min: %s, on_error: count}]"
    high, low = (check(parse_thresholds(rule % limit), current) for limit in (0.999, 0.9))
    assert (high.status, low.status) == ("inconclusive", "pass")
    assert low.results[0].finding.observed == pytest.approx(239 / 240)


def test_a_call_that_failed_is_as_slow_and_as_dear_as_can_be(runs: Runs) -> None:
    rule = "gates: [{id: r, kind: ceiling, metric: %s, max: %s, on_error: count}]"
    slow = check(parse_thresholds(rule % ("latency_p95_s", 2)), FAULTS["timeout"](runs))
    assert slow.status == "fail"
    for limit, status in ((2880, "pass"), (2879, "fail")):  # 240 calls of 12 tokens
        held_to = parse_thresholds(rule % ("total_tokens", limit))
        assert check(held_to, FAULTS["timeout"](runs)).status == status


def test_counted_errors_are_the_worst_for_the_rule_whichever_end_is_better(runs: Runs) -> None:
    rule = "gates: [{id: r, metric: %s, kind: %s, on_error: count}]"
    wrong = runs.make(lambda number, _: "wrong", fault=refused("timeout"))
    for metric, kind, observed in (
        ("exact_match", "ceiling, max: 0.5", 1 / 3),
        ("mistake", "floor, min: 0.5", 2 / 3),
    ):
        (result,) = check(parse_thresholds(rule % (metric, kind)), wrong).results
        assert result.finding.observed == pytest.approx(observed)


def test_failing_more_never_raises_what_a_gate_observes(runs: Runs) -> None:
    rule = "gates: [{id: r, kind: floor, metric: correct, min: 0.5, on_error: count}]"
    observed = []
    for n_failed in (0, 10, 100):

        def fault(call: Call, n: int = n_failed) -> ProviderError | None:
            return ProviderError("down", code="x") if call.number < n else None

        report = check(parse_thresholds(rule), runs.make(fault=fault))
        observed.append(report.results[0].finding.observed)
    assert observed == sorted(observed, key=lambda value: -(value or 0))


def test_scores_of_another_shape_than_the_recipe_are_refused(runs: Runs) -> None:
    run = runs.make()
    table = replace(run.table, metrics=("correct",), columns=run.table.columns[1:])
    rule = "gates: [{id: r, kind: floor, metric: correct, min: 0.5}]"
    assert check(parse_thresholds(rule), replace(run, table=table)).status == "incomplete"


@pytest.mark.parametrize("shorter", ["baseline", "current"])
def test_a_sample_that_only_one_run_has_stops_what_compares(shorter: str, runs: Runs) -> None:
    run = runs.make()
    whole = run.table
    kept = slice(0, -1)
    short = ScoreTable(
        whole.metrics,
        whole.indices[kept],
        whole.keys[kept],
        whole.labels[kept],
        whole.clusters[kept],
        whole.failed[kept],
        tuple(column[kept] for column in whole.columns),
    )
    sides = [run, replace(run, table=short)]
    baseline, current = sides[::-1] if shorter == "baseline" else sides
    pairing = Pairing(baseline, current)
    scope = Scope(current, baseline, None, 0.05, count_errors=True, pairing=pairing)
    with pytest.raises(ErroredSamplesError, match="1 samples are in only one of the runs"):
        scope.paired(Metric("correct", "rate"))


@pytest.mark.parametrize("pack", [lambda keys: Digests(pack_keys(keys) or b""), list])
@pytest.mark.parametrize("what", ["content", "id"])
def test_a_sample_that_is_there_twice_is_named_by_what_it_shares(
    what: str, pack: Callable[[list[str]], Any], runs: Runs
) -> None:
    run = runs.make()
    keys, ids = list(run.table.keys), list(run.outcomes.ids)
    names = keys if what == "content" else ids
    names[-1] = names[3]
    table = replace(run.table, keys=pack(keys))
    twice = replace(run, table=table, outcomes=replace(run.outcomes, ids=ids))
    assert twice.faults == (f"1 samples are there more than once, by {what}: {names[3][:24]}",)
    assert replace(run, table=replace(run.table, keys=pack(list(run.table.keys)))).faults == ()


def test_a_run_without_results_passes_nothing(runs: Runs) -> None:
    info = replace(runs.make().info, run_id="run_20260101_000000_aaaaaa", n_total=0, tags={})
    runs.storage.create_run(info)
    empty = from_storage(runs.storage, info.run_id)
    rule = "gates: [{id: r, kind: floor, metric: correct, min: 0.1}]"
    assert check(parse_thresholds(rule), empty).status == "incomplete"
