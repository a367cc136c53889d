"""The result table of one run, made from its `--json` object."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from llm_eval.cli.database import command
from llm_eval.cli.judge_lines import judge_lines
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, output

_BAR_WIDTH = 20
_MOST_LABELS = 8
"""Labels of one group, beyond which a table would not be read."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def print_summary(run: Mapping[str, Any], *, db: str | None = None) -> None:
    """Print metrics with intervals, slices, counts, cost, and what to type next.

    Args:
        run: its `--json` object.
        db: what `--db` was given.
    """
    console = output()
    console.print()
    console.print(_title(run), style="bold")
    _metrics(run["metrics"]).print()
    if run["slices"]:
        _slices(run).print()
        for line in _folded(run["slices"]):
            console.print(clean(line), style="dim")
    for line in (*_facts(run), *judge_lines(run)):
        console.print(line)
    console.print()
    for hint in _next_steps(run["run_id"], db):
        console.print(hint, style="dim", soft_wrap=True)


def percent(value: float | None) -> str:
    """A share as people read it; `–` where there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def interval(ci95: Iterable[float | None]) -> str:
    """`12.3 – 45.6`, in percent."""
    low, high = ci95
    return "–" if low is None or high is None else f"{100 * low:.1f} – {100 * high:.1f}"


def bar(value: float | None, width: int = _BAR_WIDTH) -> str:
    """A bar of `value` × `width` characters, drawn in eighths."""
    eighths = round((value or 0.0) * width * 8)
    full, rest = divmod(max(0, min(eighths, width * 8)), 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def _title(run: Mapping[str, Any]) -> str:
    mark = "" if run["status"] == "complete" else f" · {run['status'].upper()}"
    return clean(f"{run['task']} · {run['model']} · {run['run_id']}{mark}")


def _metrics(metrics: Mapping[str, Any]) -> Table:
    listing = Table("~metric", ">value", ">95 % interval", "?", ">n")
    for name, metric in metrics.items():
        listing.add_row(
            clean(name),
            _value(metric["value"]),
            interval(metric["ci95"]),
            bar(metric["value"]),
            str(metric["n"]),
        )
    return listing


def _value(value: float | None) -> str:
    return percent(value) if value is None or 0 <= value <= 1 else f"{value:.3g}"


def _slices(run: Mapping[str, Any]) -> Table:
    """Slices down, metrics across; the first metric with its interval."""
    names = list(run["metrics"])
    others = names[1:4]
    listing = Table("~slice", ">n", f">{names[0]}", ">95 % interval", *(f"?>{n}" for n in others))
    for slice_name in _shown(run["slices"]):
        metrics = run["slices"][slice_name]
        first = metrics[names[0]]
        listing.add_row(
            clean(slice_name),
            str(first["n"]),
            _value(first["value"]),
            interval(first["ci95"]),
            *(_value(metrics[name]["value"]) for name in others),
        )
    return listing


def _shown(labels: Iterable[str]) -> list[str]:
    """Slices, then the labels of every group that has few."""
    sizes = _group_sizes(labels)
    fitting = [label for label in labels if sizes[_group(label)] <= _MOST_LABELS]
    return sorted(fitting, key=lambda label: _group(label) != "")


def _folded(labels: Iterable[str]) -> Iterable[str]:
    for group, size in _group_sizes(labels).items():
        if size > _MOST_LABELS:
            yield f"{group}: {size} values, which --json shows"


def _group_sizes(labels: Iterable[str]) -> Counter[str]:
    return Counter(map(_group, labels))


def _group(label: str) -> str:
    """`doc_type` of `doc_type=invoice`; empty for a slice."""
    return label.partition("=")[0] if "=" in label else ""


def _facts(run: Mapping[str, Any]) -> Iterable[str]:
    counts = [f"{run['n_total']} samples", f"{run['n_scored']} scored"]
    for field, word in (("n_failed", "failed"), ("n_unscored", "unscored")):
        if run[field]:
            counts.append(f"{run[field]} {word} (counted as worst in every value above)")
    if run.get("n_parse_failed"):
        counts.append(f"{run['n_parse_failed']} replies were no answer (scored worst)")
    yield " · ".join(counts)
    usage, latency = run["usage"], run["latency_s"]
    facts = [
        f"{usage['prompt_tokens']:,} + {usage['completion_tokens']:,} tokens",
        "price unknown" if usage["cost_usd"] is None else f"${usage['cost_usd']:,.4f}",
    ]
    if latency["p50"] is not None:
        facts.append(f"latency p50 {latency['p50']:.2f} s, p95 {latency['p95']:.2f} s")
    facts.append(f"{run['wall_s']:.1f} s, {run['samples_per_s']:,.1f} samples/s")
    if run["cache_hits"]:
        facts.append(f"{run['cache_hits']} from the cache")
    yield " · ".join(facts)


def _next_steps(run_id: str, db: str | None) -> Iterable[str]:
    yield f"see what went wrong:    {command('show', run_id, '--failures', db=db)}"
    yield f"compare with a change:  {command('compare', run_id, 'latest', db=db)}"
