"""The verdict holds: paired, honest about what is missing, and adjusted for what was looked at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_eval.compare.comparison import Comparison, compare, compare_runs
from llm_eval.errors import ConfigError, IncomparableError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo
from tests.compare.conftest import MakeRun

TWO_METRICS = [
    {"name": "exact_match", "kind": "rate", "worst": 0.0, "best": 1.0},
    {"name": "errors", "kind": "mean", "worst": 4.0, "best": 0.0},
]


@pytest.fixture
def compared(storage: MetricsStorage, make_run: MakeRun) -> "Compare":
    return Compare(storage, make_run)


class Compare:
    def __init__(self, storage: MetricsStorage, make_run: MakeRun) -> None:
        self.storage, self.run = storage, make_run

    def __call__(self, before: Sequence[object], after: Sequence[object]) -> Comparison:
        return compare(self.storage, self.run(before), self.run(after))


def test_a_clear_drop_is_a_regression(compared: Compare) -> None:
    found = compared([1.0] * 40, [0.0] * 12 + [1.0] * 28)
    metric = found.metrics["exact_match"]
    assert (metric.baseline, metric.current, metric.verdict) == (1.0, 0.7, "regressed")
    assert found.regressed
    assert metric.ci95.low < -0.3 < metric.ci95.high < 0


def test_a_clear_rise_is_an_improvement(compared: Compare) -> None:
    found = compared([0.0] * 12 + [1.0] * 28, [1.0] * 40)
    assert found.verdict == "improved"
    assert not found.regressed


def test_the_same_results_over_many_samples_are_unchanged(compared: Compare) -> None:
    assert compared([1.0, 0.0] * 300, [1.0, 0.0] * 300).verdict == "unchanged"


def test_the_same_results_over_few_samples_prove_nothing(compared: Compare) -> None:
    found = compared([1.0, 0.0] * 10, [1.0, 0.0] * 10)
    metric = found.metrics["exact_match"]
    assert found.verdict == "inconclusive"
    assert metric.required_n is not None
    assert metric.required_n > 20
    assert metric.mde is not None
    assert metric.mde > 0.1


def test_where_less_is_better_a_rise_is_a_regression(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before = make_run([(1.0, 0.0)] * 60, metrics=TWO_METRICS)
    after = make_run([(1.0, float(n % 3)) for n in range(60)], metrics=TWO_METRICS)
    found = compare(storage, before, after)
    assert found.metrics["errors"].verdict == "regressed"
    assert found.metrics["errors"].test.delta == pytest.approx(1.0)


def test_the_margin_is_a_share_of_the_metrics_range(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 4, 400)
    before = make_run([(1.0, v) for v in values], metrics=TWO_METRICS)
    after = make_run([(1.0, v) for v in values + rng.normal(0.04, 0.1, 400)], metrics=TWO_METRICS)
    assert compare(storage, before, after, margin=0.02).metrics["errors"].verdict == "unchanged"
    assert compare(storage, before, after, margin=0.005).metrics["errors"].verdict == "regressed"


def test_a_reordered_dataset_pairs_all_the_same(storage: MetricsStorage, make_run: MakeRun) -> None:
    scores = [1.0, 0.0, 1.0, 1.0, 0.0] * 8
    order = list(reversed(range(40)))
    before, after = make_run(scores), make_run([scores[n] for n in order], order=order)
    found = compare(storage, before, after)
    assert found.n_paired == 40
    assert found.metrics["exact_match"].test.n_discordant == 0


def test_a_run_is_not_compared_with_itself(storage: MetricsStorage, make_run: MakeRun) -> None:
    """A pipeline that names one run twice would never see a regression."""
    before, after = make_run([1.0] * 5), make_run([0.0] * 5)
    with pytest.raises(IncomparableError, match="named twice"):
        compare(storage, before, before)
    with pytest.raises(IncomparableError, match="named twice"):
        compare_runs(storage, before, [after, after])


@pytest.mark.parametrize("lost", ["failed", "absent", None])
def test_a_sample_that_is_lost_can_never_let_a_change_pass(compared: Compare, lost: object) -> None:
    scores: list[object] = [1.0, 0.0] * 300
    found = compared(scores, [*scores[:-30], *[lost] * 30])
    metric = found.metrics["exact_match"]
    assert metric.verdict == "inconclusive"
    assert metric.undecided_by_missing
    assert metric.n_missing == 30
    assert found.incomplete


@pytest.mark.parametrize("lost", ["failed", "absent", None])
def test_a_sample_that_the_baseline_lost_counts_against_the_change(
    compared: Compare, lost: object
) -> None:
    scores: list[object] = [1.0, 0.0] * 300
    found = compared([*scores[:-30], *[lost] * 30], scores)
    assert found.verdict == "inconclusive"
    assert found.incomplete


def test_an_outage_is_no_improvement(compared: Compare) -> None:
    """The samples that the baseline got wrong fail, so the rest looks better."""
    found = compared([0.0] * 30 + [1.0] * 70, ["failed"] * 30 + [1.0] * 70)
    assert found.verdict == "inconclusive"


def test_one_lost_sample_of_many_leaves_the_verdict(compared: Compare) -> None:
    scores: list[object] = [1.0, 0.0] * 1000
    found = compared(scores, [*scores[:-1], "failed"])
    assert found.metrics["exact_match"].verdict == "unchanged"
    assert found.incomplete  # the run itself is: exit code 4 where a verdict is asked for


def test_a_regression_is_one_although_samples_are_lost(compared: Compare) -> None:
    found = compared([1.0] * 60, [0.0] * 20 + [1.0] * 30 + ["failed"] * 10)
    assert found.verdict == "regressed"


def test_a_run_that_answered_nothing_decides_nothing(compared: Compare) -> None:
    found = compared([1.0] * 20, ["absent"] * 20)
    assert found.verdict == "inconclusive"
    assert found.incomplete
    assert found.n_paired == 0
    assert found.to_dict()["metrics"]["exact_match"]["delta"] is None


def test_epochs_are_no_new_samples(storage: MetricsStorage, make_run: MakeRun) -> None:
    before = make_run([1.0] * 8, epochs=[[1.0] * 9] * 8)
    after = make_run([1.0] * 6 + [0.0] * 2, epochs=[[1.0] * 9] * 6 + [[0.0] * 9] * 2)
    found = compare(storage, before, after)
    assert found.metrics["exact_match"].test.n == 8
    assert found.verdict == "inconclusive"


def test_unstable_samples_are_neither_newly_failing_nor_newly_passing(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before = make_run([1.0, 1.0, 0.0], epochs=[[1.0], [1.0], [0.0]])
    after = make_run([0.0, 1.0, 1.0], epochs=[[0.0], [0.0], [1.0]])
    changes = compare(storage, before, after).changes
    assert [sample.id for sample in changes.newly_failing] == ["s0"]
    assert [sample.id for sample in changes.unstable] == ["s1"]
    assert [sample.id for sample in changes.newly_passing] == ["s2"]


def test_samples_of_one_cluster_are_no_independent_evidence(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before, after = [1.0] * 40, [0.0] * 10 + [1.0] * 30
    alone = compare(storage, make_run(before), make_run(after))
    documents = [f"document {n // 10}" for n in range(40)]
    together = compare(
        storage, make_run(before, clusters=documents), make_run(after, clusters=documents)
    )
    assert alone.verdict == "regressed"
    assert together.verdict == "inconclusive"
    assert together.metrics["exact_match"].test.n_clusters == 4


def test_a_drop_in_one_slice_is_found_although_the_average_hides_it(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    labels = ["rare"] * 30 + ["common"] * 570
    before = make_run([1.0] * 30 + [0.0, 1.0] * 285, labels=labels)
    after = make_run([0.0] * 15 + [1.0] * 15 + [0.0, 1.0] * 277 + [1.0] * 16, labels=labels)
    found = compare(storage, before, after)
    assert found.metrics["exact_match"].verdict != "regressed"
    assert found.slices["rare"]["exact_match"].verdict == "regressed"
    assert found.slices["common"]["exact_match"].verdict != "regressed"
    assert found.regressed


def test_many_slices_do_not_cry_wolf(storage: MetricsStorage, make_run: MakeRun) -> None:
    """In each of 20 slices six samples change; in one of them all six for the worse."""
    labels = [f"slice {n // 20}" for n in range(400)]
    before = make_run([1.0, 0.0] * 200, labels=labels)
    scores = ([0.0, 1.0] * 3 + [1.0, 0.0] * 7) * 20
    scores[:20] = [0.0, 0.0] * 6 + [1.0, 0.0] * 4
    found = compare(storage, before, make_run(scores, labels=labels))
    wolf = found.slices["slice 0"]["exact_match"]
    assert wolf.test.p_value < 0.05 < wolf.p_adjusted
    assert wolf.verdict == "inconclusive"


def test_slices_in_which_hardly_anything_changed_cost_the_others_nothing(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    labels = [f"slice {n // 20}" for n in range(400)]
    before = make_run([1.0, 0.0] * 200, labels=labels)
    scores = [0.0, 1.0, *[1.0, 0.0] * 9] * 20
    scores[:20] = [0.0, 0.0] * 8 + [1.0, 0.0] * 2
    found = compare(storage, before, make_run(scores, labels=labels))
    assert found.slices["slice 0"]["exact_match"].verdict == "regressed"


def test_p_values_are_adjusted_over_all_runs_that_are_compared(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    baseline = make_run([1.0, 0.0] * 30)
    candidate = make_run([0.0, 0.0] * 7 + [1.0, 0.0] * 23)
    others = [make_run([0.0, 1.0] * 5 + [1.0, 0.0] * 25) for _ in range(4)]
    alone = compare(storage, baseline, candidate).metrics["exact_match"]
    among = compare_runs(storage, baseline, [candidate, *others])[0].metrics["exact_match"]
    assert among.test.p_value == alone.test.p_value
    assert among.p_adjusted > alone.p_adjusted


def test_newly_failing_names_samples_that_show_can_find(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before, after = make_run([1.0, 0.0, 1.0]), make_run([1.0, 1.0, 0.0])
    changes = compare(storage, before, after).changes
    [failing], [passing] = changes.newly_failing, changes.newly_passing
    assert (failing.id, passing.id) == ("s2", "s1")
    [shown] = storage.results(after.run_id, sample=failing.id)
    assert shown.sample.key == failing.key


def test_tokens_cost_and_latency_are_compared_a_sample(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before = make_run([1.0] * 20, tokens=10, cost=0.001)
    after = make_run([1.0] * 19 + ["failed"], tokens=15, cost=0.003)
    usage = compare(storage, before, after).usage
    assert usage.quantities["completion_tokens"].change == pytest.approx(0.5)
    assert usage.quantities["cost_usd"].change == pytest.approx(2.0)
    assert usage.quantities["cost_usd"].test.n == 19
    assert usage.quantities["latency_s"].change == pytest.approx(0)
    assert usage.current_latency.p50 == 0.5


def test_an_unknown_price_is_never_guessed(storage: MetricsStorage, make_run: MakeRun) -> None:
    cost = compare(storage, make_run([1.0] * 5), make_run([1.0] * 5, cost=None)).usage.quantities[
        "cost_usd"
    ]
    assert cost.test.n == 0
    assert cost.current_total is None
    assert cost.change is None


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("dataset_hash", "dataset"),
        ("prompt_hash", "prompt"),
        ("scorers", "scorers"),
        ("task", "task"),
        ("judge", "judge"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name_and_can_be_allowed(
    storage: MetricsStorage, make_run: MakeRun, field: str, name: str
) -> None:
    before, after = make_run([1.0] * 5), make_run([1.0] * 5, **{field: ["other"]})
    with pytest.raises(IncomparableError, match=rf"{name} differs?.*--allow {name}"):
        compare(storage, before, after)
    assert compare(storage, before, after, allow=[name]).allowed == (field,)
    assert compare(storage, before, after, allow=[field]).allowed == (field,)


def test_the_refusal_shows_both_values(storage: MetricsStorage, make_run: MakeRun) -> None:
    before = make_run([1.0], scorers=[{"name": "judge", "model": "gpt-4o"}])
    after = make_run([1.0], scorers=[{"name": "judge", "model": "gpt-5"}])
    with pytest.raises(IncomparableError, match=r"scorers\[judge\]\.model: gpt-4o against gpt-5"):
        compare(storage, before, after)


def test_of_a_digest_the_refusal_shows_what_tells_it_apart(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before, after = (make_run([1.0], prompt_hash=letter * 64) for letter in "ab")
    shown = rf"\(prompt: {'a' * 12} against {'b' * 12}\)"
    with pytest.raises(IncomparableError, match=shown):
        compare(storage, before, after)


def test_of_scorers_the_refusal_shows_the_names(storage: MetricsStorage, make_run: MakeRun) -> None:
    one, two = {"name": "exact_match", "version": 1}, {"name": "token_f1", "version": 1}
    before, after = make_run([1.0], scorers=[one]), make_run([1.0], scorers=[one, two])
    shown = r"scorers differ \(scorers: exact_match against exact_match, token_f1\)"
    with pytest.raises(IncomparableError, match=shown):
        compare(storage, before, after)


def test_runs_of_one_dataset_that_share_nothing_are_incomplete(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before = make_run([1.0] * 5 + ["absent"] * 5, status="complete")
    after = make_run(["absent"] * 5 + [1.0] * 5, status="complete")
    found = compare(storage, before, after)
    assert (found.n_paired, found.n_missing, found.incomplete) == (0, 10, True)


def test_a_sample_that_a_whole_run_of_the_same_dataset_lacks_is_missing(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    found = compare(storage, make_run([1.0] * 40), make_run([1.0] * 30))
    assert (found.n_paired, found.n_missing) == (30, 10)
    assert (found.verdict, found.incomplete) == ("inconclusive", False)


def test_a_p_value_at_alpha_is_significant(storage: MetricsStorage, make_run: MakeRun) -> None:
    found = compare(storage, make_run([1.0] * 40), make_run([0.0] * 12 + [1.0] * 28))
    one = found.metrics["exact_match"]
    assert one.held(0.05, 0.05).verdict == "regressed"
    assert one.held(0.05 + 1e-12, 0.05).verdict == "inconclusive"


class TestJudge:
    """A judge is one of the scorers; where it alone differs, it is what is named and allowed."""

    def runs(self, make_run: MakeRun, **other: Any) -> tuple[RunInfo, RunInfo]:
        scorer = {"name": "exact_match", "version": 1}
        judge = {"name": "llm_judge", "judge": "a" * 64, "models": [{"model": "small"}]}
        changed = {**judge, "judge": "b" * 64, "models": [{"model": "large"}]}
        return (
            make_run([1.0] * 5, scorers=[scorer, judge]),
            make_run([1.0] * 5, scorers=[{**scorer, **other}, changed]),
        )

    def test_it_is_refused_by_its_name(self, storage: MetricsStorage, make_run: MakeRun) -> None:
        said = (
            r"judge differs \(scorers\[llm_judge\]\.models\[0\]\.model: small against large\)"
            r".*--allow judge$"
        )
        with pytest.raises(IncomparableError, match=said):
            compare(storage, *self.runs(make_run))

    @pytest.mark.parametrize("name", ["judge", "scorers"])
    def test_it_can_be_allowed(self, storage: MetricsStorage, make_run: MakeRun, name: str) -> None:
        assert compare(storage, *self.runs(make_run), allow=[name]).allowed == ("judge",)

    def test_allowing_it_allows_no_other_scorer(
        self, storage: MetricsStorage, make_run: MakeRun
    ) -> None:
        with pytest.raises(IncomparableError, match="--allow scorers"):
            compare(storage, *self.runs(make_run, version=2), allow=["judge"])


def test_a_field_that_is_none_cannot_be_allowed(storage: MetricsStorage, make_run: MakeRun) -> None:
    run = make_run([1.0])
    with pytest.raises(ConfigError, match=r"did you mean.*dataset"):
        compare(storage, run, run, allow=["datset"])


def test_another_dataset_is_compared_over_the_samples_that_both_hold(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before, after = make_run([1.0] * 30), make_run([0.0] * 20, dataset_hash="d2")
    found = compare(storage, before, after, allow=["dataset"])
    assert (found.n_paired, found.n_only_baseline, found.n_missing) == (20, 10, 0)


def test_runs_without_a_common_sample_are_refused(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before: RunInfo = make_run([])
    with pytest.raises(IncomparableError, match="no sample in common"):
        compare(storage, before, make_run([]))


def test_what_the_change_is_can_be_read_from_the_recipes(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before = make_run([1.0])
    after = make_run([1.0], sampling={"temperature": 0.7}, model={"name": "m", "revision": "2"})
    found = compare(storage, before, after).differences
    assert [(d.field, d.baseline, d.current) for d in found] == [
        ("model.revision", "1", "2"),
        ("sampling.temperature", 0.0, 0.7),
    ]


def test_the_interval_in_json_is_at_95_percent_whatever_alpha_is(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before, after = make_run([1.0] * 40), make_run([0.0] * 12 + [1.0] * 28)
    usual, strict = (compare(storage, before, after, alpha=alpha) for alpha in (0.05, 0.01))
    assert usual.metrics["exact_match"].ci95 == strict.metrics["exact_match"].ci95
    assert strict.metrics["exact_match"].test.ci_low < usual.metrics["exact_match"].test.ci_low
