"""A comparison as one HTML file: no script, no request, light and dark.

The policy in its head allows the page's own style by digest and nothing else, so that even a reply
that slipped through the escaping could neither run nor load anything.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from llm_eval.compare import wording
from llm_eval.compare.comparison import Comparison
from llm_eval.compare.interval_plot import Row, interval_plot
from llm_eval.compare.metric_comparison import MetricComparison
from llm_eval.compare.replies import BothReplies
from llm_eval.compare.report import Compared, Report
from llm_eval.compare.word_diff import apart, shortened, word_diff

_REPLY = 4000
_PLOTTED_SLICES = 30

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5c6570; --line: #d8dde3;
  --ground: #ffffff; --raised: #f5f7f9; --worse: #c62828; --better: #1b7f3b; --open: #9a6700;
  --gone: #ffe3e0; --come: #dcf5e3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4af; --line: #353c44;
  --ground: #14171a; --raised: #1d2125; --worse: #ff7b72; --better: #56d364; --open: #e3b341;
  --gone: #5a1e1b; --come: #12421f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; color: var(--ink);
  background: var(--ground); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; }
h2 small { font-weight: normal; color: var(--soft); }
.headline { font-size: 1.1rem; padding: .75rem 1rem; margin: 1rem 0; background: var(--raised);
  border-left: 4px solid var(--soft); }
.headline.regressed { border-color: var(--worse); }
.headline.improved { border-color: var(--better); }
.headline.inconclusive { border-color: var(--open); }
.runs, .remark, .foot { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } .text { text-align: left; }
.wide { white-space: normal; overflow-wrap: anywhere; }
.verdict.regressed { color: var(--worse); font-weight: 600; }
.verdict.improved { color: var(--better); font-weight: 600; }
.verdict.inconclusive { color: var(--open); }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
details { border-top: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; }
details dl { display: grid; grid-template-columns: 6rem 1fr; gap: .5rem 1rem; margin: .75rem 0; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; }
del { background: var(--gone); } ins { background: var(--come); text-decoration: none; }
.plot { width: 100%; max-width: 46rem; height: auto; margin: .5rem 0; }
.plot text { fill: var(--ink); font-size: 12px; } .plot .name { text-anchor: end; }
.plot .tick { text-anchor: middle; fill: var(--soft); }
.plot .grid { stroke: var(--line); } .plot .zero { stroke: var(--ink); }
.plot .margin { fill: var(--raised); stroke: var(--line); stroke-dasharray: 3 3; }
.plot .whisker { stroke: var(--soft); stroke-width: 2; } .plot .dot { fill: var(--soft); }
.plot .whisker.regressed { stroke: var(--worse); } .plot .dot.regressed { fill: var(--worse); }
.plot .whisker.improved { stroke: var(--better); } .plot .dot.improved { fill: var(--better); }
.plot .whisker.inconclusive { stroke: var(--open); } .plot .dot.inconclusive { fill: var(--open); }
"""

_NUMBERS = ("baseline", "current", "delta", "interval", "p", "adjusted p")


def html_page(report: Report) -> str:
    """The report as one self-contained page."""
    body = "\n".join(
        [
            *(_overview(report) if len(report.compared) > 1 else ()),
            *(line for compared in report.compared for line in _one(compared)),
        ]
    )
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_text(_title(report))}</title>\n<style>{STYLE}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return html.escape(wording.visible(text))


def _title(report: Report) -> str:
    if len(report.compared) > 1:
        return f"{len(report.compared)} runs against {report.baseline.run_id}"
    comparison = report.compared[0].comparison
    return f"{_task(comparison)}: {comparison.verdict}"


def _task(comparison: Comparison) -> str:
    return str(comparison.current.recipe.get("task", comparison.current.task))


def _overview(report: Report) -> Iterator[str]:
    names = list(report.compared[0].comparison.metrics)
    yield f"<h1>{_text(_title(report))}</h1>"
    rows = []
    for compared in report.compared:
        run, metrics = compared.comparison.current, compared.comparison.metrics
        link = f'<a href="#{_text(run.run_id)}">{_text(run.run_id)}</a>'
        rows.append([link, _text(run.model), *(_short(metrics.get(name)) for name in names)])
    yield from _table(["run", "model", *map(_text, names)], rows, left=2)


def _short(one: MetricComparison | None) -> str:
    if one is None:
        return "–"
    value = wording.value(one.metric, one.current)
    delta = wording.delta(one.metric, one.test.delta)
    return (
        f'{value} <span class="verdict {one.verdict}">{wording.MARKS[one.verdict]} {delta}</span>'
    )


def _one(compared: Compared) -> Iterator[str]:
    comparison = compared.comparison
    baseline, current = comparison.baseline, comparison.current
    yield f'<section id="{_text(current.run_id)}">'
    yield f"<h1>{_text(_task(comparison))}: {comparison.verdict}</h1>"
    yield (
        f'<div class="runs"><code>{_text(current.run_id)}</code> ({_text(current.model)}) against '
        f"<code>{_text(baseline.run_id)}</code> ({_text(baseline.model)})</div>"
    )
    yield f'<p class="headline {comparison.verdict}">{_text(wording.headline(comparison))}</p>'
    for remark in wording.remarks(comparison):
        yield f'<p class="remark">{_text(remark)}</p>'
    yield "<h2>Metrics</h2>"
    yield from _plots([(name, one) for name, one in comparison.metrics.items()], comparison)
    rows = [[f"<code>{_text(n)}</code>", *_numbers(one)] for n, one in comparison.metrics.items()]
    yield from _table(["metric", *_NUMBERS, "verdict"], rows, left=1)
    yield from _slices(comparison)
    yield from _samples("failing", compared.newly_failing, compared)
    yield from _samples("passing", compared.newly_passing, compared)
    yield from _unstable(comparison)
    yield from _usage(comparison)
    yield from _differences(comparison)
    yield (
        f'<p class="foot">{comparison.n_paired:,} samples paired; intervals at '
        f"{wording.level(comparison)}; margin {100 * comparison.margin:.3g} % of the range; p "
        f"adjusted over all metrics, and over all slices.</p>"
    )
    yield "</section>"


def _numbers(one: MetricComparison) -> list[str]:
    metric, test = one.metric, one.test
    verdict = f"{wording.MARKS[one.verdict]} {one.verdict}"
    return [
        wording.value(metric, one.baseline),
        wording.value(metric, one.current),
        f"<b>{wording.delta(metric, test.delta)}</b>",
        wording.interval(metric, test.ci_low, test.ci_high),
        html.escape(wording.p_value(test.p_value)),
        html.escape(wording.p_value(one.p_adjusted)),
        f'<span class="verdict {one.verdict}">{verdict}</span>',
    ]


def _plots(rows: Sequence[tuple[str, MetricComparison]], comparison: Comparison) -> Iterator[str]:
    """One plot for the shares, in points, and one for each other scale."""
    scale = {name: (one.metric.worst, one.metric.best) for name, one in rows}
    for _, group in groupby(sorted(rows, key=lambda row: scale[row[0]]), lambda r: scale[r[0]]):
        some = list(group)
        metric = some[0][1].metric
        factor = 100.0 if wording.is_share(metric) else 1.0
        drawn = [
            Row(wording.flat(name), factor * test.delta, factor * test.ci_low,
                factor * test.ci_high, one.verdict)
            for name, one in some
            for test in [one.test]
        ]  # fmt: skip
        yield interval_plot(drawn, factor * comparison.margin * abs(metric.best - metric.worst))


def _slices(comparison: Comparison) -> Iterator[str]:
    rows = wording.ranked_slices(comparison)
    if not rows:
        return
    counted = wording.counts([one.verdict for _, one in rows])
    yield f"<h2>Slices <small>{counted}</small></h2>"
    first = next(iter(comparison.metrics))
    on_first = [(label, one) for label, one in rows if one.metric.name == first]
    yield from _plots(on_first[:_PLOTTED_SLICES], comparison)
    cells = [
        [_text(label), f"<code>{_text(one.metric.name)}</code>", *_numbers(one), str(one.test.n)]
        for label, one in rows
    ]
    yield "<details><summary>Every slice and metric</summary>"
    yield from _table(["slice", "metric", *_NUMBERS, "verdict", "n"], cells, left=2)
    yield "</details>"


def _samples(word: str, shown: Sequence[BothReplies], compared: Compared) -> Iterator[str]:
    changes, current = compared.comparison.changes, compared.comparison.current
    everything = changes.newly_failing if word == "failing" else changes.newly_passing
    if not everything:
        return
    yield f"<h2>Newly {word} <small>{len(everything)} samples</small></h2>"
    for one in shown:
        yield from _sample(one)
    rest = everything[len(shown) :]
    if rest:
        names = ", ".join(f"<code>{_text(sample.id)}</code>" for sample in rest)
        yield f'<details><summary>{len(rest)} more</summary><p class="wide">{names}</p></details>'
    yield (
        f'<p class="remark">Look closer: <code>llm-eval show {_text(current.run_id)} '
        f"--sample ID</code></p>"
    )


def _unstable(comparison: Comparison) -> Iterator[str]:
    metric, unstable = comparison.changes.metric, comparison.changes.unstable
    if metric is None or not unstable:
        return
    yield f"<h2>Unstable <small>{len(unstable)} samples</small></h2>"
    yield f"<details><summary>Mean {_text(metric.name)} over the epochs of each run</summary>"
    rows = [(f"<code>{_text(one.id)}</code>", *wording.tries(metric, one)) for one in unstable]
    yield from _table(["sample", "baseline", "current"], rows, left=1)
    yield "</details>"


def _sample(one: BothReplies) -> Iterator[str]:
    slice_name = f" · {_text(one.slice)}" if one.slice else ""
    yield f"<details><summary><code>{_text(one.sample.id)}</code>{slice_name}</summary><dl>"
    pieces = shortened(word_diff(one.baseline, one.current), _REPLY)
    reply = ("\n" if apart(pieces) else "").join(_piece(*piece) for piece in pieces)
    blocks = [("asked", _text(one.question)), ("expected", _text(one.expected)), ("reply", reply)]
    if one.reason:
        blocks.append(("reason", _text(one.reason)))
    for name, text in blocks:
        yield f"<dt>{name}</dt><dd><pre>{text}</pre></dd>"
    yield "</dl></details>"


def _piece(kind: str, text: str) -> str:
    tag = {"removed": "del", "added": "ins"}.get(kind)
    return f"<{tag}>{_text(text)}</{tag}>" if tag else _text(text)


def _usage(comparison: Comparison) -> Iterator[str]:
    usage = comparison.usage
    yield "<h2>Tokens, cost, latency</h2>"
    rows = [
        [
            wording.QUANTITY_NAMES[name],
            wording.amount(name, taken.baseline),
            wording.amount(name, taken.current),
            wording.change(taken),
            wording.change_interval(taken),
        ]
        for name, taken in usage.quantities.items()
    ]
    yield from _table(["a sample", "baseline", "current", "change", "interval"], rows, left=1)
    yield (
        f'<p class="remark">Latency of all replies: {wording.latency(usage.baseline_latency)}; '
        f"now {wording.latency(usage.current_latency)}.</p>"
    )


def _differences(comparison: Comparison) -> Iterator[str]:
    shown = list(wording.shown_differences(comparison.differences))
    if shown:
        yield "<h2>What differs between the runs</h2>"
        rows = [[_text(one.field), _text(one.baseline), _text(one.current)] for one in shown]
        yield from _table(["setting", "baseline", "current"], rows, left=3)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> Iterator[str]:
    """A table whose first `left` columns are text; cells are HTML."""
    yield '<div class="scroll"><table><thead><tr>'
    yield "".join(f"<th{_class(place, left)}>{name}</th>" for place, name in enumerate(names))
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = "".join(f"<td{_class(place, left)}>{cell}</td>" for place, cell in enumerate(row))
        yield f"<tr>{cells}</tr>"
    yield "</tbody></table></div>"


def _class(place: int, left: int) -> str:
    return ' class="text"' if place < left else ""
