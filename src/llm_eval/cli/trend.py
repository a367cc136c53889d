"""`llm-eval trend`: a metric over the runs and commits of a task, with intervals."""

import argparse
import math
from collections import Counter
from collections.abc import Sequence

from llm_eval.cli.database import open_storage
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.history import Moment, history
from llm_eval.metrics.storage import MetricsStorage

_WIDTH, _NARROW = 30, 22
"""Cells of the picture; narrow where the gate's verdicts stand beside it."""
_MARKS = {"up": "▲", "down": "▼", "none": ""}
_FLAGS = {"fail": "✗", "incomplete": "✗", "inconclusive": "?"}
"""Above a run in the picture: what the gate did not let pass."""


def execute(args: argparse.Namespace) -> int:
    """Print the runs, oldest first."""
    with open_storage(args, existing=True) as storage:
        metric, moments = history(
            storage,
            args.task,
            args.metric,
            model=args.model,
            tag=args.tag,
            since=args.since,
            limit=args.limit,
            part=args.slice,
        )
        gates = _gates(storage, args.thresholds, moments)
    if args.svg:
        _draw(args.svg, metric, moments, gates)
    if args.json:
        told = {"task": args.task, "metric": metric, "runs": moments}
        write_json(told if args.thresholds is None else {**told, "gates": gates})
    else:
        _print(metric, moments, gates)
    return 0


def _gates(
    storage: MetricsStorage, thresholds: str | None, moments: Sequence[Moment]
) -> dict[str, str]:
    """The gate's verdict on each run; none where no rules are given."""
    if thresholds is None:
        return {}
    from llm_eval.ci.gate_history import verdicts
    from llm_eval.ci.thresholds import load_thresholds

    return verdicts(storage, load_thresholds(thresholds), [m.run_id for m in moments])


def _print(metric: str, moments: Sequence[Moment], gates: dict[str, str]) -> None:
    _listing(metric, moments, gates).print()
    if any(moment.change != "none" for moment in moments):
        output().print("▲ ▼  the whole 95 % interval left that of the model's run before")
    if len({moment.recipe for moment in moments}) > 1:
        output().print("data, prompt or scorers changed in between: not all values are comparable")


def _listing(metric: str, moments: Sequence[Moment], gates: dict[str, str]) -> Table:
    low, high = _scale(moments)
    width = _NARROW if gates else _WIDTH
    scale = f"{low:.3g} … {high:.3g}"
    columns = ("started", "?commit", "~model", f">{clean(metric)}", scale, "")
    listing = Table(*columns, *(["gate"] if gates else []))
    for moment in moments:
        listing.add_row(
            moment.created_at[:16].replace("T", " "),
            clean((moment.git_commit or "–")[:8]),
            clean(moment.model),
            f"{moment.value:.3f}",
            _interval(moment, low, high, width),
            " ".join(filter(None, (_MARKS[moment.change], clean(moment.baseline or "")))),
            *([gates[moment.run_id]] if gates else []),
        )
    return listing


def _scale(moments: Sequence[Moment]) -> tuple[float, float]:
    """Ends of the picture: what the intervals span, in tenths of its power of ten."""
    ends = [e for m in moments for e in (m.value, m.low, m.high) if e is not None]
    step = 10.0 ** math.floor(math.log10(max(max(ends) - min(ends), 1e-9)))
    return math.floor(min(ends) / step) * step, math.ceil(max(ends) / step + 1e-9) * step


def _interval(moment: Moment, low: float, high: float, width: int) -> str:
    """`    ├───●──┤     `."""

    def place(value: float) -> int:
        return round((value - low) / (high - low) * (width - 1))

    cells = [" "] * width
    if moment.low is not None and moment.high is not None:
        start, end = place(max(low, moment.low)), place(min(high, moment.high))
        cells[start : end + 1] = "─" * (end - start + 1)
        cells[start], cells[end] = "├", "┤"
    cells[place(moment.value)] = "●"
    return "".join(cells)


def _labels(moments: Sequence[Moment], gates: dict[str, str]) -> list[str]:
    """`2026-01-31 12:30 c0ffee1 pass`; where two runs would share one, with the end of the id."""
    parts = [
        (m.created_at[:16].replace("T", " "), (m.git_commit or "")[:7], gates.get(m.run_id, ""))
        for m in moments
    ]
    shared = {part for part, n in Counter(parts).items() if n > 1}
    ids = [m.run_id[-4:] if part in shared else "" for m, part in zip(moments, parts, strict=True)]
    return [
        " ".join(filter(None, (*part[:2], run_id, part[2])))
        for part, run_id in zip(parts, ids, strict=True)
    ]


def _draw(path: str, metric: str, moments: Sequence[Moment], gates: dict[str, str]) -> None:
    from llm_eval import charts

    labels = _labels(moments, gates)
    points = [
        charts.Point(
            label,
            m.value,
            m.low,
            m.high,
            series=m.model,
            note=m.run_id,
            flag=_FLAGS.get(gates.get(m.run_id, ""), ""),
        )
        for label, m in zip(labels, moments, strict=True)
    ]
    rates = all(0 <= m.value <= 1 for m in moments)
    chart = charts.history(points, title=metric, unit_scale=rates)
    drawn = charts.svg(chart, describe=f"{metric} over {len(points)} runs")
    with replacing(path) as stream:
        stream.write(drawn.encode())
    notes().print(f"{path}: {len(points)} runs")
