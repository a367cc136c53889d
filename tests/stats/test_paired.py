"""Paired comparison: vectors, oracles, properties of the verdict, and its error rates."""

from math import inf, isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from llm_eval.stats.intervals import cluster_t_interval, t_interval
from llm_eval.stats.paired import PairedComparison, compare_paired

Floats = NDArray[np.float64]
A = [1, 1, 0, 1, 0, 1, 1, 0, 1, 1]
B = [1, 0, 0, 1, 0, 0, 1, 0, 1, 0]
SWAPPED = {
    "improved": "regressed",
    "regressed": "improved",
    "unchanged": "unchanged",
    "inconclusive": "inconclusive",
}
bits = st.integers(0, 1).map(float)
scores = st.one_of(bits, st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(-1e3, 1e3))
counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Floats, Floats, list[int] | None]:
    n = draw(st.integers(0, 40))
    element = draw(st.sampled_from([bits, scores]))
    before, after = (
        np.array(draw(st.lists(element, min_size=n, max_size=n)), dtype=np.float64)
        for _ in range(2)
    )
    labels = st.lists(st.integers(0, 6), min_size=n, max_size=n)
    return before, after, draw(st.none() | labels)


def same(left: PairedComparison, right: PairedComparison) -> None:
    for name in ("delta", "ci_low", "ci_high", "p_value", "margin_low", "margin_high"):
        assert getattr(left, name) == pytest.approx(getattr(right, name), nan_ok=True)
    assert (left.verdict, left.n_discordant) == (right.verdict, right.n_discordant)


def test_vectors_of_the_reference() -> None:
    result = compare_paired(B, A)
    assert result.delta == pytest.approx(0.3)
    assert (result.n, result.n_discordant, result.method) == (10, 3, "mcnemar mid-p")
    assert result.p_value == pytest.approx(0.125)  # exact: .25
    assert result.verdict == "inconclusive"


def test_the_interval_of_means_is_students() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(400), rng.random(400)
    result = compare_paired(before, after)
    expected = t_interval(after - before)
    assert (result.ci_low, result.ci_high) == pytest.approx((expected.low, expected.high))
    assert result.p_value == pytest.approx(stats.ttest_rel(after, before).pvalue)
    assert result.method == "paired t"


def test_clusters_give_the_robust_interval() -> None:
    rng = np.random.default_rng(1)
    clusters = rng.integers(0, 30, 300)
    before, after = rng.random(300), rng.random(300) + 0.2 * rng.normal(size=30)[clusters]
    result = compare_paired(before, after, clusters=clusters)
    expected = cluster_t_interval(after - before, clusters.tolist())
    assert (result.ci_low, result.ci_high) == pytest.approx((expected.low, expected.high))
    assert (result.n_clusters, result.method) == (30, "cluster sign-flip, 9999 draws")


def test_many_clusters_use_students_t() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(400), 2)
    result = compare_paired(rng.random(800), rng.random(800), clusters=clusters)
    assert result.method == "cluster t"
    assert 0 < result.p_value < 1


def test_few_changed_answers_in_many_documents_are_seen() -> None:
    """No document changed by more than one answer of five: the interval supposes no more."""
    before, documents = np.ones(1000), np.repeat(np.arange(200), 5)
    after = before.copy()
    after[: 15 * 5 : 5] = 0.0
    result = compare_paired(before, after, clusters=documents)
    assert result.p_value == 2 / 2**15
    assert result.ci_high < 0
    assert result.verdict == "regressed"


def test_clusters_of_one_are_no_clusters() -> None:
    same(compare_paired(B, A, clusters=list("abcdefghij")), compare_paired(B, A))


def test_labels_of_any_kind_make_the_same_clusters() -> None:
    rng = np.random.default_rng(2)
    before, after, codes = rng.random(30), rng.random(30), rng.integers(0, 6, 30)
    names = [f"doc {code}" for code in codes]
    same(
        compare_paired(before, after, clusters=names), compare_paired(before, after, clusters=codes)
    )


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.float64, str, object])
def test_arrays_of_labels_make_the_same_clusters(kind: type) -> None:
    rng = np.random.default_rng(2)
    before, after, codes = rng.random(30), rng.random(30), rng.integers(0, 6, 30)
    plain = compare_paired(before, after, clusters=codes.tolist())
    same(compare_paired(before, after, clusters=codes.astype(kind)), plain)
    same(compare_paired(before, after, clusters=codes * 10**12 - 7), plain)


@given(pairs(), st.sampled_from([0.0, 0.02, 0.3]), st.booleans())
def test_swapping_the_runs_swaps_the_verdict(
    data: tuple[Floats, Floats, list[int] | None], margin: float, higher: bool
) -> None:
    before, after, clusters = data
    forward = compare_paired(
        before, after, margin=margin, clusters=clusters, higher_is_better=higher
    )
    back = compare_paired(after, before, margin=margin, clusters=clusters, higher_is_better=higher)
    assert back.verdict == SWAPPED[forward.verdict]
    assert back.p_value == pytest.approx(forward.p_value)
    assert back.delta == pytest.approx(-forward.delta, nan_ok=True)
    assert (back.ci_low, back.ci_high) == pytest.approx((-forward.ci_high, -forward.ci_low))
    assert (back.mde, back.required_n) == pytest.approx((forward.mde, forward.required_n))


@given(pairs(), st.sampled_from([0.0, 0.02, 0.3]))
def test_the_sign_of_better_swaps_the_verdict_and_nothing_else(
    data: tuple[Floats, Floats, list[int] | None], margin: float
) -> None:
    before, after, clusters = data
    up = compare_paired(before, after, margin=margin, clusters=clusters)
    down = compare_paired(before, after, margin=margin, clusters=clusters, higher_is_better=False)
    assert down.verdict == SWAPPED[up.verdict]
    assert (down.ci_low, down.ci_high, down.p_value) == (up.ci_low, up.ci_high, up.p_value)


@given(pairs(), st.sampled_from([0.0, 0.02, 0.3]), st.sampled_from([0.01, 0.05, 0.2]))
def test_interval_test_and_verdict_never_contradict(
    data: tuple[Floats, Floats, list[int] | None], margin: float, alpha: float
) -> None:
    result = compare_paired(*data[:2], clusters=data[2], margin=margin, alpha=alpha)
    assert 0 <= result.p_value <= 1
    if result.n:
        assert result.ci_low <= result.delta <= result.ci_high
        assert result.margin_low <= result.delta <= result.margin_high
    else:
        assert isnan(result.delta)
    if result.p_value > alpha:
        assert result.ci_low <= 0 <= result.ci_high
        assert result.verdict in ("unchanged", "inconclusive")
    if result.verdict == "improved":
        assert result.ci_low > 0
    if result.verdict == "regressed":
        assert result.ci_high < 0
    if result.verdict == "unchanged":
        assert -margin < result.margin_low < result.margin_high < margin
    if result.verdict == "inconclusive" and result.required_n is not None:
        assert result.required_n > result.n


@given(pairs(), st.randoms())
def test_the_order_of_samples_makes_no_difference(
    data: tuple[Floats, Floats, list[int] | None], random: np.random.Generator
) -> None:
    before, after, clusters = data
    order = list(range(len(before)))
    random.shuffle(order)
    shuffled = None if clusters is None else [clusters[i] for i in order]
    same(
        compare_paired(before, after, clusters=clusters, margin=0.1),
        compare_paired(before[order], after[order], clusters=shuffled, margin=0.1),
    )


def test_a_clear_drop_regresses_and_a_clear_rise_improves() -> None:
    before = np.repeat([1.0, 0.0], [150, 50])
    after = np.repeat([1.0, 0.0], [120, 80])
    assert compare_paired(before, after, margin=0.02).verdict == "regressed"
    assert compare_paired(after, before, margin=0.02).verdict == "improved"


def test_equal_scores_are_unchanged_only_where_there_are_enough() -> None:
    for kind in (np.ones, lambda n: np.linspace(0.1, 1.0, n)):
        few, many = kind(100), kind(200)
        assert compare_paired(few, few, margin=0.02).verdict == "inconclusive"
        assert compare_paired(many, many, margin=0.02).verdict == "unchanged"


def test_nothing_is_unchanged_without_a_margin() -> None:
    result = compare_paired(np.ones(10_000), np.ones(10_000))
    assert result.verdict == "inconclusive"
    assert result.required_n is None


def test_a_significant_difference_within_the_margin_is_one_nobody_minds() -> None:
    before = np.ones(2000)
    after = np.repeat([1.0, 0.0], [1990, 10])
    assert compare_paired(before, after).verdict == "regressed"
    assert compare_paired(before, after, margin=0.02).verdict == "unchanged"


def test_one_rare_loss_among_ties_is_no_proof_of_equivalence() -> None:
    before = np.linspace(0.1, 1.0, 100)
    after = before.copy()
    after[50] -= 0.5
    # Student's bound alone would be −.0133, within the margin
    assert compare_paired(before, after, margin=0.02).verdict == "inconclusive"


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_pairs_bound_nothing(n: int) -> None:
    result = compare_paired([0.5] * n, [0.75] * n, margin=0.02)
    assert (result.p_value, result.verdict, result.n) == (1.0, "inconclusive", n)
    assert (result.ci_low, result.ci_high) == (-inf, inf)
    assert result.mde is result.required_n is None


def test_one_cluster_bounds_nothing() -> None:
    result = compare_paired(np.zeros(50), np.ones(50), clusters=["doc"] * 50)
    assert (result.p_value, result.verdict, result.ci_low) == (1.0, "inconclusive", -inf)


def test_all_discordant_pairs_are_certain() -> None:
    result = compare_paired(np.zeros(50), np.ones(50))
    assert (result.delta, result.ci_high, result.verdict) == (1.0, 1.0, "improved")
    assert result.ci_low > 0.85


@pytest.mark.parametrize("hole", [float("nan"), inf, -inf, 1e200])
def test_missing_scores_are_counted_and_nothing_passes(hole: float) -> None:
    before, after = np.ones(1000), np.ones(1000)
    after[0] = hole
    result = compare_paired(before, after, margin=0.02)
    assert (result.n, result.n_missing, result.verdict) == (999, 1, "inconclusive")
    better = compare_paired(np.append(np.zeros(50), hole), np.ones(51))
    assert better.verdict == "inconclusive"
    worse = compare_paired(np.append(np.ones(50), hole), np.zeros(51))
    assert worse.verdict == "regressed"


def test_missing_scores_take_their_clusters_with_them() -> None:
    result = compare_paired([1, float("nan"), 0], [0, 1, 1], clusters=["a", "b", "c"])
    assert (result.n, result.n_clusters) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"current": [1.0]}, "one score a sample"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 0.5}, "alpha"),
        ({"margin": -0.1}, "margin"),
        ({"margin": inf}, "margin"),
        ({"clusters": ["a"]}, "one label a sample"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    given_arguments = {"baseline": [1.0, 0.0], "current": [1.0, 0.0], **arguments}
    with pytest.raises(ValueError, match=message):
        compare_paired(**given_arguments)  # type: ignore[arg-type]


# Error rates, by simulation


def alarms(kind: str, n: int, runs: int, seed: int) -> tuple[float, float]:
    """Share of significant results, and of intervals that hold 0, between runs of equal worth."""
    rng = np.random.default_rng(seed)
    significant = covered = 0
    for _ in range(runs):
        before, after, clusters = null_pair(kind, n, rng)
        result = compare_paired(before, after, clusters=clusters, seed=int(rng.integers(1 << 30)))
        significant += result.verdict in ("improved", "regressed")
        covered += result.ci_low <= 0 <= result.ci_high
    return significant / runs, covered / runs


def null_pair(
    kind: str, n: int, rng: np.random.Generator
) -> tuple[Floats, Floats, NDArray[np.int64] | None]:
    if kind == "clustered":
        clusters = np.repeat(np.arange(n // 10), 10)
        d = sqrt(0.3) * rng.normal(size=n // 10)[clusters] + sqrt(0.7) * rng.normal(size=n)
        return np.zeros(n), d, clusters
    if kind == "graded":
        graded = rng.beta(4, 1, n)
        size = np.where(rng.random(n) < 0.6, 0.0, rng.choice([0.6, 0.2], n))
        return graded, graded + size * rng.choice([-1, 1], n), None
    p = float(kind)
    before = rng.random(n) < p
    after = np.where(rng.random(n) < 0.5, rng.random(n) < p, before)
    return before.astype(float), after.astype(float), None


@pytest.mark.parametrize("kind", ["0.8", "graded", "clustered"])
def test_equal_runs_rarely_differ(kind: str) -> None:
    significant, covered = alarms(kind, 100, 600, seed=7)
    assert significant <= 0.07  # .05 and 2.2 standard errors of 600 runs
    assert covered >= 0.93


@pytest.mark.soak
@pytest.mark.parametrize("n", [20, 50, 100, 200, 1000])
@pytest.mark.parametrize("kind", ["0.5", "0.8", "0.9", "0.98", "graded", "clustered"])
def test_error_rate_and_coverage_hold_at_every_size(kind: str, n: int) -> None:
    significant, covered = alarms(kind, n, 4000, seed=11)
    assert significant <= 0.06
    assert covered >= 0.94


def test_a_true_drop_beyond_the_margin_is_hardly_ever_called_unchanged() -> None:
    rng = np.random.default_rng(5)
    unchanged = 0
    for _ in range(600):
        before = rng.beta(4, 1, 200)
        after = before - np.where(rng.random(200) < 0.04, 0.6, 0.0)  # −.024 on average
        unchanged += compare_paired(before, after, margin=0.02).verdict == "unchanged"
    assert unchanged / 600 <= 0.05


def test_a_drop_of_ten_points_at_two_hundred_samples_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(600):
        before = rng.random(200) < 0.8
        lost, gained = rng.random(200) < 0.175, rng.random(200) < 0.2  # −.14 + .04
        after = np.where(before, ~lost, gained)
        found += compare_paired(before, after, margin=0.02).verdict == "regressed"
    assert found / 600 >= 0.8


def test_pairing_finds_more_than_two_unpaired_rates() -> None:
    rng = np.random.default_rng(8)
    paired = unpaired = 0
    for _ in range(300):
        before = rng.random(200) < 0.8
        after = before & (rng.random(200) >= 0.08)
        paired += compare_paired(before, after).verdict == "regressed"
        pooled = (before.mean() + after.mean()) / 2
        z = (before.mean() - after.mean()) / sqrt(2 * pooled * (1 - pooled) / 200)
        unpaired += z > 1.96
    assert paired > unpaired + 100


def test_the_detectable_difference_is_detected_four_times_in_five() -> None:
    rng = np.random.default_rng(6)
    before = np.zeros(400)
    spread = compare_paired(before, rng.normal(0, 0.3, 400)).mde
    assert spread is not None
    found = sum(
        compare_paired(before, rng.normal(spread, 0.3, 400)).p_value <= 0.05 for _ in range(400)
    )
    assert found / 400 == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize("drop", [0.0, 0.04])
def test_the_required_pairs_decide_four_times_in_five(drop: float) -> None:
    rng = np.random.default_rng(9)

    def compared(n: int) -> PairedComparison:
        return compare_paired(np.zeros(n), rng.normal(-drop, 0.3, n), margin=0.02)

    few = rng.normal(0, 1, 200)
    few = 0.3 * (few - few.mean()) / few.std(ddof=1) - drop
    undecided = compare_paired(np.zeros(200), few, margin=0.02)
    assert undecided.verdict == "inconclusive"
    assert undecided.required_n is not None
    decided = [compared(undecided.required_n).verdict != "inconclusive" for _ in range(400)]
    assert np.mean(decided) == pytest.approx(0.8, abs=0.06)
