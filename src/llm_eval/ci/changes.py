"""Non-inferiority: shown to be worse by less than a margin, paired with the baseline.

    the whole one-sided bound within the margin    pass
    a significant drop that is not                 fail
    anything else                                  inconclusive, with the pairs that it takes

That no drop was found proves nothing: two samples never find one.
"""

from dataclasses import replace
from math import isfinite

from llm_eval.ci.finding import Finding, MissingEvidenceError
from llm_eval.ci.scope import PairedScores, Scope
from llm_eval.stats.paired import PairedComparison, compare_paired
from llm_eval.types import Metric


def non_inferiority(scope: Scope, name: str, margin: float) -> Finding:
    """The metric must be worse by less than `margin`, in its own units.

    Raises:
        MissingEvidenceError: one of the runs has no such metric or slice.
        ErroredSamplesError: a sample has no score in one of the runs.
    """
    metric = scope.metric(name)
    scores = scope.paired(metric)
    test = _test(scope, scores, metric, margin)
    kept = test.margin_low > -margin if metric.higher_is_better else test.margin_high < margin
    limit = -margin if metric.higher_is_better else margin
    shown = f"{_shown(scope, name, scores, test)}; a change of {limit:+g} is too much"
    how = _ruled_out(test, metric, margin, float(scores.before.mean()))
    return _finding(test, metric, limit, shown, kept=kept, how=how)


def relative(scope: Scope, name: str, share: float) -> Finding:
    """The metric must be worse by less than `share` of the baseline's value.

    The baseline's value has an error too, so current − (1 ∓ share) · baseline is what is tested,
    pair by pair (Fieller 1954).

    Raises:
        MissingEvidenceError: as `non_inferiority`, and where the baseline's value is 0.
        ErroredSamplesError: a sample has no score in one of the runs.
    """
    metric = scope.metric(name)
    scores = scope.paired(metric)
    base = float(scores.before.mean())
    if base <= 0:
        raise MissingEvidenceError(f"the baseline's {name} is {base:g}: no share can be taken")
    factor = 1 - share if metric.higher_is_better else 1 + share
    scaled = replace(scores, before=factor * scores.before)
    within = _test(scope, scaled, metric, 0.0)
    kept = within.margin_low > 0 if metric.higher_is_better else within.margin_high < 0
    test = _test(scope, scores, metric, share * base)
    shown = f"{_shown(scope, name, scores, test)}; {factor:g} times the baseline's is the limit"
    return _finding(test, metric, factor * base, shown, kept=kept, observed=scores.after.mean())


def _test(scope: Scope, scores: PairedScores, metric: Metric, margin: float) -> PairedComparison:
    return compare_paired(
        scores.before,
        scores.after,
        alpha=scope.alpha,
        margin=margin,
        clusters=scores.clusters,
        higher_is_better=metric.higher_is_better,
    )


def _ruled_out(test: PairedComparison, metric: Metric, margin: float, base: float) -> str:
    """What a reader would miss: a bound that the interval does not show, or nothing to lose."""
    if abs(base - metric.worst) < margin:
        return ": the baseline has less than that to lose"
    shown, bound = (
        (test.ci_low, test.margin_low)
        if metric.higher_is_better
        else (test.ci_high, test.margin_high)
    )
    return "" if abs(shown) < margin else f" by the one-sided bound {bound:+.4g}"


def _finding(
    test: PairedComparison,
    metric: Metric,
    limit: float,
    shown: str,
    *,
    kept: bool,
    how: str = "",
    observed: float | None = None,
) -> Finding:
    seen = test.delta if observed is None else float(observed)
    worse = (test.delta < 0) == metric.higher_is_better and test.delta != 0
    p_value = test.p_value if worse else 1.0
    if kept:
        return Finding("pass", seen, limit, f"{shown}, and is ruled out{how}", p_value)
    if test.verdict == "regressed":
        return Finding("fail", seen, limit, f"{shown}; it dropped (p {p_value:.2g})", p_value)
    needed = test.required_n
    words = f"about {needed:,} samples would decide it" if needed else "the change equals it"
    return Finding("inconclusive", seen, limit, f"{shown}; {words}", p_value, needed)


def _shown(scope: Scope, name: str, scores: PairedScores, test: PairedComparison) -> str:
    interval = "unbounded"
    if isfinite(test.ci_low) and isfinite(test.ci_high):
        interval = f"{test.ci_low:+.4g}, {test.ci_high:+.4g}"
    before, after = float(scores.before.mean()), float(scores.after.mean())
    return (
        f"{name}{scope.suffix} went from {before:.4g} to {after:.4g}, {test.delta:+.4g} "
        f"[{interval}], {test.n_discordant} of {test.n} samples differ"
    )
