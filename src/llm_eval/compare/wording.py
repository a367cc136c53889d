"""How numbers and verdicts of a comparison read, the same in every format.

    Regressed: exact_match fell from 81.2 % to 74.0 % (−7.2 points, 95 % interval −10.1 to −4.3,
    adjusted p < .001) over 500 samples.

Everything here is plain text; each format escapes it in its own way.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import isfinite

from llm_eval.compare.changes import ChangedSample
from llm_eval.compare.comparability import SHORT_NAMES, Difference, setting
from llm_eval.compare.comparison import Comparison
from llm_eval.compare.metric_comparison import MetricComparison
from llm_eval.compare.usage import Latency, Taken
from llm_eval.scorers.judge_words import silence
from llm_eval.stats.paired import Verdict
from llm_eval.types import Metric, RunInfo
from llm_eval.visible import visible as shown

MARKS: dict[Verdict, str] = {
    "regressed": "▼",
    "improved": "▲",
    "unchanged": "=",
    "inconclusive": "?",
}
_ALSO_HIDDEN = {code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, *range(0xD800, 0xE000))}
"""Marks of direction, and halves of characters, which no file can hold."""


def visible(text: str) -> str:
    """`text` as every report can hold it: what a terminal or a browser obeys is written out."""
    return shown(text).translate(_ALSO_HIDDEN).replace("\t", "    ")


def flat(text: str, width: int = 80) -> str:
    """`text` made visible, on one line of at most `width` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def value(metric: Metric, number: float | None) -> str:
    """A metric's value: shares in percent."""
    if number is None or not isfinite(number):
        return "–"
    return f"{100 * number:.1f} %" if is_share(metric) else f"{number:.4g}"


def delta(metric: Metric, number: float | None) -> str:
    """A difference with its sign: percentage points for shares."""
    if number is None or not isfinite(number):
        return "–"
    text = f"{100 * number:+.1f}" if is_share(metric) else f"{number:+.3g}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def interval(metric: Metric, low: float, high: float) -> str:
    """`−10.1 … −4.3`, in the unit of `delta`."""
    if not (isfinite(low) and isfinite(high)):
        return "–"
    return f"{delta(metric, low)} … {delta(metric, high)}"


def p_value(p: float) -> str:
    """`.034`, `<.001`."""
    if not isfinite(p):
        return "–"
    if p < 0.001:
        return "<.001"
    return "1" if p > 0.9995 else f"{p:.3f}".removeprefix("0")


def tries(metric: Metric, sample: ChangedSample) -> tuple[str, str]:
    """A sample's own mean over its epochs, in either run: of a rate, how often it passes."""
    return value(metric, sample.baseline), value(metric, sample.current)


def is_share(metric: Metric) -> bool:
    """Whether a metric lies between 0 and 1, and so reads as percent."""
    return {metric.best, metric.worst} == {0.0, 1.0}


def level(comparison: Comparison) -> str:
    """`95 %`: the confidence of the intervals."""
    return f"{100 * (1 - comparison.alpha):.4g} %"


def headline(comparison: Comparison) -> str:
    """The one sentence that says whether the change is worse, and how sure that is."""
    verdict = comparison.verdict
    if verdict == "regressed":
        return " ".join(_regressed(comparison))
    if comparison.incomplete:
        return f"No verdict: {missing(comparison) or 'no sample could be compared.'}"
    if verdict == "unchanged":
        n, wide = len(comparison.metrics), f"{100 * comparison.margin:.3g}"
        what = "the metric stays" if n == 1 else f"all {n} metrics stay"
        return f"Unchanged: {what} within {wide} % of the range, over {_samples(comparison)}."
    improved = _with(comparison, "improved")
    if improved:
        rest = _with(comparison, "inconclusive")
        tail = f" No verdict on {_names(rest)}." if rest else " Nothing regressed."
        return f"Improved: {_moved(comparison, improved)}.{tail}"
    return f"No verdict: {undecided(comparison, _with(comparison, 'inconclusive')[0])}"


def undecided(comparison: Comparison, compared: MetricComparison) -> str:
    """Why a metric has no verdict, and how many samples would give it one."""
    metric, test = compared.metric, compared.test
    if compared.undecided_by_missing:
        return f"{metric.name} could be worse: {compared.n_missing} samples have no score."
    samples = _samples(comparison, test.n)
    moved = f"{metric.name} {_fell(compared)} by {_unsigned(metric, test.delta)}, which {samples}"
    parts = [f"{moved} cannot tell from chance"]
    if test.delta == 0:
        parts = [f"{metric.name} is the same, but {samples} cannot rule a change out"]
    if compared.required_n:
        parts.append(f"about {compared.required_n:,} would decide it")
    if compared.mde is not None and isfinite(compared.mde):
        parts.append(f"these find a true change of {_unsigned(metric, compared.mde)} 4 times in 5")
    return "; ".join(parts) + "."


def missing(comparison: Comparison) -> str:
    """What the runs lack, and what to type; empty where they lack nothing."""
    current, n = comparison.current, comparison.n_missing
    parts = []
    if n:
        parts.append(
            f"{n} of {n + _most(comparison)} samples have no score in one of the runs, and could "
            f"have been worse"
        )
    if current.status != "complete":
        parts.append(
            f"the current run is {current.status} ({current.n_done} of {current.n_total} done); "
            f"go on with: llm-eval run --resume {current.run_id}"
        )
    return ", and ".join(parts) + "." if parts else ""


def remarks(comparison: Comparison) -> Iterator[str]:
    """What a reader must know besides the table."""
    if comparison.verdict != "regressed" and comparison.incomplete:
        pass  # the headline says so
    elif note := missing(comparison):
        yield note[0].upper() + note[1:]
    if comparison.allowed:
        names = ", ".join(SHORT_NAMES.get(name, name) for name in comparison.allowed)
        yield f"Compared although these differ, as asked for: {names}."
    if comparison.n_only_baseline or comparison.n_only_current:
        yield (
            f"Samples in one run only: {comparison.n_only_baseline} in the baseline, "
            f"{comparison.n_only_current} in the current run."
        )
    for who, run in (("baseline", comparison.baseline), ("current run", comparison.current)):
        yield from _of_judges(who, run)
    if comparison.changes.unstable:
        yield (
            f"{len(comparison.changes.unstable)} samples are unstable: their epochs disagree "
            f"within a run, so they count neither as newly failing nor as newly passing."
        )


def _of_judges(who: str, run: RunInfo) -> Iterator[str]:
    """What a reader must know of the judges behind the numbers."""
    for block in (run.summary or {}).get("judge", ()):
        name, judges = block["metric"], ", ".join(block["judges"])
        if silent := silence(block):
            yield f"{name}, {who}: {silent} (no verdict: neither right nor wrong)."
        if fooled := (block["canaries"] or {}).get("passed"):
            yield f"{name}, {who}: judge {judges} passed canaries: {', '.join(fooled)}."


def change(taken: Taken) -> str:
    """`+12.3 %`, of the baseline's mean."""
    if taken.change is None:
        return "–" if not taken.test.n or taken.test.delta else "0 %"
    return f"{100 * taken.change:+.1f} %".replace("-", "−") if taken.change else "0 %"


def change_interval(taken: Taken) -> str:
    """Interval of `change`."""
    low, high = taken.test.ci_low, taken.test.ci_high
    if not (taken.baseline and taken.test.n_discordant and isfinite(low) and isfinite(high)):
        return "–"
    ends = (f"{100 * end / taken.baseline:+.1f}".replace("-", "−") for end in (low, high))
    return " … ".join(ends) + " %"


def amount(name: str, number: float | None) -> str:
    """A quantity a sample, in its unit."""
    if number is None or not isfinite(number):
        return "unknown" if name == "cost_usd" else "–"
    if name == "cost_usd":
        return f"${number:.3g}"
    return f"{number:.3g} s" if name == "latency_s" else f"{number:,.1f}"


QUANTITY_NAMES = {
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "reply tokens",
    "cost_usd": "cost",
    "latency_s": "latency",
}


def latency(one: Latency) -> str:
    """`p50 0.31 s, p95 0.92 s`."""
    if one.p50 is None or one.p95 is None:
        return "all from the cache"
    return f"p50 {one.p50:.3g} s, p95 {one.p95:.3g} s"


def shown_differences(differences: Iterable[Difference]) -> Iterator[Difference]:
    """What differs between the recipes, as short text; what only repeats another is left out."""
    for one in differences:
        if one.field not in ("model_fingerprint", "n_samples"):
            before, after = (_setting(value) for value in (one.baseline, one.current))
            yield replace(one, baseline=before, current=after)


def _setting(value: object) -> str:
    return "–" if value is None else flat(setting(value), 60)


def ranked_slices(comparison: Comparison) -> list[tuple[str, MetricComparison]]:
    """Every metric in every slice, what matters most first."""
    order = {"regressed": 0, "improved": 1, "inconclusive": 2, "unchanged": 2}
    everything = [(s, c) for s, metrics in comparison.slices.items() for c in metrics.values()]
    return sorted(everything, key=lambda row: (order[row[1].verdict], row[1].p_adjusted))


def counts(verdicts: Sequence[Verdict]) -> str:
    """`2 regressed, 30 inconclusive`."""
    seen = [(verdict, verdicts.count(verdict)) for verdict in MARKS]
    return ", ".join(f"{n} {verdict}" for verdict, n in seen if n)


def _regressed(comparison: Comparison) -> Iterator[str]:
    worse = _with(comparison, "regressed")
    if worse:
        yield f"Regressed: {_moved(comparison, worse)}."
    parts = [row for row in ranked_slices(comparison) if row[1].verdict == "regressed"]
    if parts:
        shown = ", ".join(
            f"{flat(label, 40)} ({c.metric.name} {delta(c.metric, c.test.delta)}"
            f"{' points' if is_share(c.metric) else ''})"
            for label, c in parts[:3]
        )
        more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
        yield f"{'Also regressed' if worse else 'Regressed'} within slices: {shown}{more}."


def _moved(comparison: Comparison, found: Sequence[MetricComparison]) -> str:
    first = found[0]
    metric, test = first.metric, first.test
    text = (
        f"{metric.name} {_fell(first)} from {value(metric, first.baseline)} "
        f"to {value(metric, first.current)} ({delta(metric, test.delta)}"
        f"{' points' if is_share(metric) else ''}, {level(comparison)} interval "
        f"{interval(metric, test.ci_low, test.ci_high)}, adjusted p {_p(first.p_adjusted)}) "
        f"over {_samples(comparison, test.n)}"
    )
    return text + (f"; also {_names(found[1:])}" if len(found) > 1 else "")


def _p(p: float) -> str:
    text = p_value(p)
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"


def _fell(compared: MetricComparison) -> str:
    return "fell" if compared.test.delta < 0 else "rose"


def _unsigned(metric: Metric, number: float) -> str:
    text = delta(metric, abs(number)).removeprefix("+")
    return f"{text} points" if is_share(metric) else text


def _with(comparison: Comparison, verdict: Verdict) -> list[MetricComparison]:
    return [c for c in comparison.metrics.values() if c.verdict == verdict]


def _names(found: Sequence[MetricComparison]) -> str:
    return ", ".join(c.metric.name for c in found)


def _samples(comparison: Comparison, n: int | None = None) -> str:
    count = _most(comparison) if n is None else n
    return f"{count:,} sample{'' if count == 1 else 's'}"


def _most(comparison: Comparison) -> int:
    return max((c.test.n for c in comparison.metrics.values()), default=0)
