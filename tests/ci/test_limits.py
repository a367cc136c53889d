"""A limit that no run could break, or none could keep, is refused at its line."""

import pytest

from llm_eval.ci.limits import check_limit, limit_of
from llm_eval.ci.thresholds import parse_thresholds
from llm_eval.errors import ConfigError
from llm_eval.types import Metric
from tests.ci.conftest import Questions, Runs, gate, wrong_below

SCORE = "metric: exact_match"


def rule(text: str) -> str:
    """A file with this rule on its second line."""
    return f"gates:\n  - {{id: r, {text}}}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{SCORE}, kind: floor, min: 85", "min: 85 decides nothing, as exact_match lies between"),
        (f"{SCORE}, kind: floor, min: 85", "did you mean 0.85?"),
        (f"{SCORE}, kind: floor, min: 0", "min: 0 decides nothing"),
        (f"{SCORE}, kind: floor, min: -0.1", "min: -0.1 decides nothing"),
        (f"{SCORE}, kind: ceiling, max: 85", "did you mean 0.85?"),
        (f"{SCORE}, kind: ceiling, max: 1", "did you mean 0.01?"),
        (f"{SCORE}, kind: non_inferiority, margin: 5", "did you mean 0.05?"),
        (f"{SCORE}, kind: non_inferiority, margin: 1", "did you mean 0.01?"),
        (f"{SCORE}, kind: newly_failing, pass_at: 5", "did you mean 0.05?"),
        ("kind: newly_failing, pass_at: 0", "pass_at: 0 decides nothing"),
        (f"{SCORE}, kind: relative, max_increase: 0.1", "should be high: give max_drop"),
        ("metric: error_rate, kind: ceiling, max: 1", "did you mean 0.01?"),
        ("metric: parse_failure_rate, kind: ceiling, max: 5", "did you mean 0.05?"),
        ("metric: error_rate, kind: floor, min: 0.5", "error_rate is no score, and floor is about"),
        ("metric: latency_p95_s, kind: non_inferiority, margin: 1", "use ceiling or relative"),
        ("metric: latency_p95_s, kind: ceiling, max: 2000", "is in seconds; did you mean 2?"),
        ("metric: cost_usd, kind: relative, max_drop: 0.1", "should be low: give max_increase"),
    ],
)
def test_what_decides_nothing_is_refused(text: str, words: str, runs: Runs) -> None:
    worse, baseline = runs.make(wrong_below(200)), runs.make()
    with pytest.raises(ConfigError) as caught:
        gate(rule(text), worse, baseline)
    assert str(caught.value).startswith("thresholds.yaml:2: rule 'r': ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"{SCORE}, kind: floor, min: 1",
        f"{SCORE}, kind: ceiling, max: 0",
        f"{SCORE}, kind: non_inferiority, margin: 0.99",
        f"{SCORE}, kind: newly_failing, pass_at: 1",
        "metric: error_rate, kind: ceiling, max: 0",
        "metric: latency_p95_s, kind: ceiling, max: 999",
        "metric: total_tokens, kind: ceiling, max: 1000000",
        "metric: no_such_metric, kind: floor, min: 85",
    ],
)
def test_what_some_run_breaks_and_some_keeps_is_held(text: str, runs: Runs) -> None:
    assert gate(rule(text), runs.make(), runs.make()).results


def test_of_what_should_be_low_the_other_end_is_out_of_reach(runs: Runs) -> None:
    run = runs.make()
    low = Metric("exact_match", "mean", worst=10.0, best=0.0)
    run.info.recipe["metrics"][0].update(worst=low.worst, best=low.best, kind="mean")
    for text, fits in (("pass_at: 9.9", True), ("pass_at: 10", False), ("pass_at: 0", True)):
        (found,) = parse_thresholds(rule(f"{SCORE}, kind: newly_failing, {text}")).rules
        if fits:
            check_limit(found, "exact_match", run)
        else:
            with pytest.raises(ConfigError, match="decides nothing"):
                check_limit(found, "exact_match", run)


def test_what_the_epochs_add_has_no_slices_and_no_pairs(runs: Runs) -> None:
    run = runs.make(task=Questions(n=12), epochs=2)
    metric = 'metric: "exact_match_pass^2"'
    assert gate(rule(f"{metric}, kind: floor, min: 0.5"), run).results
    for text in ("floor, min: 0.5, slice: hard", "floor, min: 50"):
        with pytest.raises(ConfigError, match=r"no slice|did you mean 0\.5"):
            gate(rule(f"{metric}, kind: {text}"), run)
    with pytest.raises(ConfigError, match="use floor or ceiling"):
        gate(
            rule(f"{metric}, kind: non_inferiority, margin: 0.1"),
            run,
            runs.make(task=Questions(n=12), epochs=2),
        )


def test_more_newly_failing_than_there_are_samples_proves_nothing(runs: Runs) -> None:
    few = Questions(n=6)
    run, baseline = runs.make(wrong_below(6), few), runs.make(task=few)
    (result,) = gate(rule("kind: newly_failing, max: 6, confirm: 1"), run, baseline).results
    assert (result.status, result.finding.required_n) == ("inconclusive", 7)
    (broken,) = gate(rule("kind: newly_failing, max: 5, confirm: 1"), run, baseline).results
    assert broken.status == "fail"


def test_the_limit_is_the_number_of_the_rule() -> None:
    for text, limit in (
        ("kind: floor, metric: m, min: 0.25", 0.25),
        ("kind: relative, metric: m, max_increase: 0.5", 0.5),
        ("kind: newly_failing, max: 2", 2.0),
    ):
        assert limit_of(parse_thresholds(rule(text)).rules[0]) == limit
