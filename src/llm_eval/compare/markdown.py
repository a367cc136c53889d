"""A comparison as Markdown that reads well as a comment on a pull request.

Text that a model or a dataset wrote stands in code spans and `<pre>` blocks with every active
character written as an entity: it makes no link, mention, image, heading, table cell or tag.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from llm_eval.compare import wording
from llm_eval.compare.changes import ChangedSample
from llm_eval.compare.comparison import Comparison
from llm_eval.compare.metric_comparison import MetricComparison
from llm_eval.compare.replies import BothReplies
from llm_eval.compare.report import Compared, Report
from llm_eval.compare.word_diff import apart, shortened, word_diff
from llm_eval.stats.paired import Verdict

MARKER = "<!-- llm-eval compare -->"
"""First line: by it a job finds its earlier comment and replaces it."""
LONGEST = 60_000
"""Characters; GitHub refuses a comment of more than 65,536."""

_MARKS: dict[Verdict, str] = {
    "regressed": "🔴",
    "improved": "🟢",
    "unchanged": "⚪",
    "inconclusive": "🟡",
}
_NOTHING_BUT_METRICS = -1
_MOST_SLICES = 30
_MOST_UNSTABLE = 20
_REPLY = 600
_PLAIN = re.compile(r"[\w .,:/=+()-]*", re.ASCII)
_ACTIVE = re.compile(r"[^\w \n.,:;()%=+−–…-]|(?<!\w)_|_(?!\w)|\.(?=[A-Za-z])")
_TAGS = {"same": "{}", "removed": "<del>{}</del>", "added": "<ins>{}</ins>"}


def markdown(report: Report) -> str:
    """The report as one text, short enough for a comment."""
    for samples in (None, 3, 1, 0, _NOTHING_BUT_METRICS):
        text = "\n".join(_lines(report, samples)) + "\n"
        if len(text) <= LONGEST:
            break
    return text


def code(text: str) -> str:
    """`text` on one line as code that nothing in it can leave, also within a table."""
    line = wording.flat(text)
    if line and _PLAIN.fullmatch(line):
        return f"`{line}`"
    return f"<code>{_entities(line)}</code>"


def prose(text: str) -> str:
    """A sentence of ours that may hold names from elsewhere: no character of it is active."""
    flat = " ".join(wording.visible(text).split())
    # A space without width keeps @ and # from being found in the finished page.
    return _ACTIVE.sub(lambda m: _entity(m) + ("&#8203;" if m[0] in "@#" else ""), flat)


def _entities(text: str) -> str:
    return re.sub(r"[!-/:-@\[-`{-~]", _entity, text)


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _lines(report: Report, samples: int | None) -> Iterator[str]:
    yield MARKER
    several = len(report.compared) > 1
    if several:
        yield from _overview(report)
    for compared in report.compared:
        yield from _one(compared, samples, several=several)


def _overview(report: Report) -> Iterator[str]:
    yield f"### {len(report.compared)} runs against {code(report.baseline.run_id)}"
    yield ""
    names = list(report.compared[0].comparison.metrics)
    yield from _table_head(["run", "model", *map(code, names)])
    for compared in report.compared:
        found = compared.comparison
        cells = [_short(found.metrics[name]) if name in found.metrics else "–" for name in names]
        yield _row([code(found.current.run_id), code(found.current.model), *cells])
    yield ""


def _short(one: MetricComparison) -> str:
    value = wording.value(one.metric, one.current)
    return f"{_MARKS[one.verdict]} {value} ({wording.delta(one.metric, one.test.delta)})"


def _one(compared: Compared, samples: int | None, *, several: bool) -> Iterator[str]:
    comparison = compared.comparison
    name = f" {code(comparison.current.run_id)}" if several else ""
    task = str(comparison.current.recipe.get("task", comparison.current.task))
    yield f"### {_MARKS[comparison.verdict]} {code(task)}{name}: {comparison.verdict}"
    yield ""
    yield prose(wording.headline(comparison))
    yield ""
    for remark in wording.remarks(comparison):
        yield f"> {prose(remark)}"
        yield ""
    yield from _metrics(comparison)
    if samples == _NOTHING_BUT_METRICS:
        return
    yield from _slices(comparison)
    yield from _samples("failing", compared.newly_failing, compared, samples)
    yield from _samples("passing", compared.newly_passing, compared, samples)
    yield from _unstable(comparison)
    yield from _usage(comparison)
    yield from _differences(comparison)
    yield from _footer(comparison)


def _metrics(comparison: Comparison) -> Iterator[str]:
    interval = f"{wording.level(comparison)} interval"
    yield from table(
        ["metric", ">baseline", ">current", ">delta", interval, ">p", ">adjusted p", "verdict"],
        ([code(name), *_numbers(one)] for name, one in comparison.metrics.items()),
    )


def _numbers(one: MetricComparison) -> list[str]:
    metric, test = one.metric, one.test
    return [
        wording.value(metric, one.baseline),
        wording.value(metric, one.current),
        f"**{wording.delta(metric, test.delta)}**",
        wording.interval(metric, test.ci_low, test.ci_high),
        _p(test.p_value),
        _p(one.p_adjusted),
        f"{_MARKS[one.verdict]} {one.verdict}",
    ]


def _p(p: float) -> str:
    return wording.p_value(p).replace("<", "&lt;")


def _slices(comparison: Comparison) -> Iterator[str]:
    rows = wording.ranked_slices(comparison)
    if not rows:
        return
    verdicts = [one.verdict for _, one in rows]
    yield from _fold(
        f"Slices: {len(comparison.slices)} × {len(comparison.metrics)} metrics, "
        f"{wording.counts(verdicts)}"
    )
    interval = f"{wording.level(comparison)} interval"
    yield from _table_head(
        ["slice", "metric", ">n", ">baseline", ">current", ">delta", interval, ">p",
         ">adjusted p", "verdict"]
    )  # fmt: skip
    for label, one in rows[:_MOST_SLICES]:
        yield _row([code(label), code(one.metric.name), str(one.test.n), *_numbers(one)])
    if len(rows) > _MOST_SLICES:
        yield ""
        yield f"… and {len(rows) - _MOST_SLICES} more, none of which matters more."
    yield from _end_fold()


def _samples(
    word: str, shown: Sequence[BothReplies], compared: Compared, limit: int | None
) -> Iterator[str]:
    changes, current = compared.comparison.changes, compared.comparison.current
    everything = changes.newly_failing if word == "failing" else changes.newly_passing
    if not everything:
        return
    metric = f" on <code>{_html(changes.metric.name)}</code>" if changes.metric else ""
    yield from _fold(f"{len(everything)} newly {word}{metric}")
    kept = shown[:limit]
    for one in kept:
        yield from _sample(one)
    if len(everything) > len(kept):
        yield ", ".join(_name(s) for s in everything[len(kept) : len(kept) + 20])
        more = len(everything) - len(kept) - 20
        yield f"and {more} more" if more > 0 else ""
        yield ""
    yield f"Look closer: `llm-eval show {current.run_id} --sample ID`"
    yield from _end_fold()


def _name(sample: ChangedSample) -> str:
    return code(sample.id)


def _unstable(comparison: Comparison) -> Iterator[str]:
    metric, unstable = comparison.changes.metric, comparison.changes.unstable
    if metric is None or not unstable:
        return
    yield from _fold(f"{len(unstable)} unstable on <code>{_html(metric.name)}</code>")
    yield from _table_head(["sample", ">baseline", ">current"])
    for sample in unstable[:_MOST_UNSTABLE]:
        yield _row([_name(sample), *wording.tries(metric, sample)])
    if len(unstable) > _MOST_UNSTABLE:
        yield ""
        yield f"… and {len(unstable) - _MOST_UNSTABLE} more"
    yield from _end_fold()


def _sample(one: BothReplies) -> Iterator[str]:
    slice_name = f" · {code(one.slice)}" if one.slice else ""
    yield f"{code(one.sample.id)}{slice_name}"
    yield ""
    pieces = shortened(word_diff(one.baseline, one.current), _REPLY)
    reply = ("\n          " if apart(pieces) else "").join(
        _TAGS[kind].format(_block(text)) for kind, text in pieces
    )
    # A line that starts with <pre> opens a block of HTML, in which nothing is Markdown.
    yield (
        f"<pre>asked     {_block(wording.flat(one.question, 200))}\n"
        f"expected  {_block(wording.flat(one.expected, 200))}\n"
        f"reply     {reply}</pre>"
    )
    yield ""


def _block(text: str) -> str:
    """`text` within `<pre>`; no line of it is empty, which could end the block."""
    lines = _html(wording.visible(text)).split("\n")
    return "\n".join(line if line.strip() else "&nbsp;" for line in lines)


def _html(text: str) -> str:
    return html.escape(text).replace("@", "&#64;")


def _usage(comparison: Comparison) -> Iterator[str]:
    usage = comparison.usage
    yield from _fold("Tokens, cost, latency")
    yield from _table_head(["a sample", ">baseline", ">current", ">change", "interval"])
    for name, taken in usage.quantities.items():
        yield _row(
            [
                wording.QUANTITY_NAMES[name],
                wording.amount(name, taken.baseline),
                wording.amount(name, taken.current),
                wording.change(taken),
                wording.change_interval(taken),
            ]
        )
    yield ""
    yield (
        f"Latency of all replies: {wording.latency(usage.baseline_latency)}; "
        f"now {wording.latency(usage.current_latency)}."
    )
    yield from _end_fold()


def _differences(comparison: Comparison) -> Iterator[str]:
    shown = list(wording.shown_differences(comparison.differences))
    if not shown:
        return
    yield from _fold(f"What differs between the runs: {len(shown)} settings")
    yield from _table_head(["setting", "baseline", "current"])
    for one in shown:
        yield _row([code(one.field), code(one.baseline), code(one.current)])
    yield from _end_fold()


def _footer(comparison: Comparison) -> Iterator[str]:
    baseline, current = comparison.baseline, comparison.current
    yield (
        f"<sub>{code(current.run_id)} ({code(current.model)}) against {code(baseline.run_id)} "
        f"({code(baseline.model)}); "
        f"{comparison.n_paired:,} samples paired; margin {100 * comparison.margin:.3g} %; "
        f"p adjusted over all metrics, and over all slices.</sub>"
    )
    yield ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a table and the empty one that ends it; `>` before a name aligns to the right.

    Names and cells are Markdown: what a file or a model gave has gone through `code` or `prose`.
    """
    yield from _table_head(columns)
    yield from map(_row, rows)
    yield ""


def _table_head(columns: Sequence[str]) -> Iterator[str]:
    yield _row([column.removeprefix(">") for column in columns])
    yield _row(["---:" if column.startswith(">") else "---" for column in columns])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _fold(title: str) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>"
    yield ""


def _end_fold() -> Iterator[str]:
    yield ""
    yield "</details>"
    yield ""
