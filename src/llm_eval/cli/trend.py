"""`llm-eval trend`: a metric over the runs and commits of a task, with intervals."""

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_eval.cli import options
from llm_eval.cli.export import since
from llm_eval.cli.terminal import clean, notes, output, table, write_json

if TYPE_CHECKING:
    from llm_eval.metrics.history import Moment

_WIDTH = 30
_MARKS = {"up": "▲", "down": "▼", "none": ""}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `trend`."""
    add = parser.add_argument
    add("task", metavar="TASK", help="json, qa, or the path of a task YAML")
    add("--metric", metavar="M", help="name of the metric (default: the first)")
    add("--model", metavar="SPEC", help="only runs of this model")
    add("--tag", type=options.tag, metavar="K=V", help="only runs with this tag")
    add("--since", type=since, metavar="TIME", help="only runs since 2026-01-31, 2h or 7d")
    add("--slice", metavar="S", help="the metric within this slice")
    add("--limit", type=options.positive, default=30, metavar="N", help="newest N runs (30)")
    add("--svg", metavar="FILE", help="also draw it into this file")
    options.add_db(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Print the runs, oldest first."""
    from llm_eval.metrics.history import history

    with options.open_storage(args) as storage:
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
    if args.svg:
        _draw(args.svg, metric, moments)
    if args.json:
        write_json({"task": args.task, "metric": metric, "runs": moments})
    else:
        _print(metric, moments)
    return 0


def _print(metric: str, moments: "Sequence[Moment]") -> None:
    low, high = _scale(moments)
    listing = table(
        "started", "commit", "model", f">{clean(metric)}", f"{low:.3g} … {high:.3g}", ""
    )
    for moment in moments:
        listing.add_row(
            moment.created_at[:16].replace("T", " "),
            clean((moment.git_commit or "–")[:8]),
            clean(moment.model[-20:]),
            f"{moment.value:.3f}",
            _interval(moment, low, high),
            " ".join(filter(None, (_MARKS[moment.change], clean(moment.baseline or "")))),
        )
    output().print(listing)
    if any(moment.change != "none" for moment in moments):
        output().print("▲ ▼  the whole 95 % interval left that of the model's run before")
    if len({moment.recipe for moment in moments}) > 1:
        output().print("data, prompt or scorers changed in between: not all values are comparable")


def _scale(moments: "Sequence[Moment]") -> tuple[float, float]:
    """Ends of the picture: what the intervals span, in tenths of its power of ten."""
    ends = [e for m in moments for e in (m.value, m.low, m.high) if e is not None]
    step = 10.0 ** math.floor(math.log10(max(max(ends) - min(ends), 1e-9)))
    return math.floor(min(ends) / step) * step, math.ceil(max(ends) / step + 1e-9) * step


def _interval(moment: "Moment", low: float, high: float) -> str:
    """`    ├───●──┤     `."""

    def place(value: float) -> int:
        return round((value - low) / (high - low) * (_WIDTH - 1))

    cells = [" "] * _WIDTH
    if moment.low is not None and moment.high is not None:
        start, end = place(max(low, moment.low)), place(min(high, moment.high))
        cells[start : end + 1] = "─" * (end - start + 1)
        cells[start], cells[end] = "├", "┤"
    cells[place(moment.value)] = "●"
    return "".join(cells)


def _draw(path: str, metric: str, moments: "Sequence[Moment]") -> None:
    from llm_eval import charts
    from llm_eval.metrics.atomic_file import replacing

    points = [
        charts.Point(
            f"{m.created_at[:16].replace('T', ' ')} {(m.git_commit or '')[:7]} {m.run_id[-4:]}",
            m.value,
            m.low,
            m.high,
            series=m.model,
            note=m.run_id,
        )
        for m in moments
    ]
    rates = all(0 <= m.value <= 1 for m in moments)
    chart = charts.history(points, title=metric, unit_scale=rates)
    drawn = charts.svg(chart, describe=f"{metric} over {len(points)} runs")
    with replacing(path) as stream:
        stream.write(drawn.encode())
    notes().print(f"{path}: {len(points)} runs")
