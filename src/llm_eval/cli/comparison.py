"""A comparison on the terminal: the verdict in one sentence, then what it rests on."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from llm_eval.cli.database import command
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import output
from llm_eval.compare import wording
from llm_eval.compare.changes import Changes
from llm_eval.compare.comparability import Difference
from llm_eval.compare.comparison import Comparison
from llm_eval.compare.metric_comparison import MetricComparison
from llm_eval.compare.replies import BothReplies
from llm_eval.compare.report import Compared, Report
from llm_eval.compare.word_diff import apart, shortened, word_diff
from llm_eval.stats.paired import Verdict

if TYPE_CHECKING:
    from rich.text import Text

_STYLES: dict[Verdict, str] = {
    "regressed": "bold red",
    "improved": "bold green",
    "unchanged": "",
    "inconclusive": "yellow",
}
_MOST_SLICES = 12
_MOST_TEXT, _LEAST_TEXT = 84, 20
"""Characters shown of a question, an answer or a reply."""
_PIECES = {"same": "", "removed": "red strike", "added": "green"}


def print_report(report: Report, *, db: str | None = None) -> None:
    """Print every comparison; of several, first the table of all.

    Args:
        report: what was compared.
        db: what `--db` was given.
    """
    if len(report.compared) > 1:
        _print_overview(report)
    for compared in report.compared:
        _print_one(compared, db)


def _print_overview(report: Report) -> None:
    console = output()
    console.print(f"\nbaseline {_run(report.compared[0].comparison, baseline=True)}\n")
    listing = Table("run", "~model", "~metric", ">value", ">delta", "?>adj. p", "verdict")
    for compared in report.compared:
        comparison = compared.comparison
        for number, one in enumerate(comparison.metrics.values()):
            listing.add_row(
                comparison.current.run_id if number == 0 else "",
                wording.flat(comparison.current.model, 60) if number == 0 else "",
                wording.flat(one.metric.name, 24),
                wording.value(one.metric, one.current),
                wording.delta(one.metric, one.test.delta),
                wording.p_value(one.p_adjusted),
                _verdict(one),
            )
    listing.print()


def _print_one(compared: Compared, db: str | None) -> None:
    console, comparison = output(), compared.comparison
    console.print()
    console.print(f"baseline  {_run(comparison, baseline=True)}", style="dim")
    console.print(f"current   {_run(comparison)}", style="dim")
    console.print()
    style = _STYLES[comparison.verdict] or "bold"
    console.print(wording.visible(wording.headline(comparison)), style=style)
    for remark in wording.remarks(comparison):
        console.print(wording.visible(remark))
    console.print()
    _metrics(comparison).print()
    _print_slices(comparison)
    _print_usage(comparison)
    _print_differences(comparison.differences)
    _print_samples(compared, db)


def _run(comparison: Comparison, *, baseline: bool = False) -> str:
    run = comparison.baseline if baseline else comparison.current
    mark = "" if run.status == "complete" else f" · {run.status.upper()}"
    return f"{run.run_id} · {wording.flat(run.task, 40)} · {wording.flat(run.model, 60)}{mark}"


def _metrics(comparison: Comparison) -> Table:
    listing = Table(
        "~metric",
        ">baseline",
        ">current",
        ">delta",
        f">{wording.level(comparison)} interval",
        "?>p",
        ">adj. p",
        "verdict",
    )
    for name, one in comparison.metrics.items():
        listing.add_row(wording.flat(name, 24), *_cells(one))
    return listing


def _cells(one: MetricComparison) -> Iterator["str | Text"]:
    metric, test = one.metric, one.test
    yield wording.value(metric, one.baseline)
    yield wording.value(metric, one.current)
    yield wording.delta(metric, test.delta)
    yield wording.interval(metric, test.ci_low, test.ci_high)
    yield wording.p_value(test.p_value)
    yield wording.p_value(one.p_adjusted)
    yield _verdict(one)


def _verdict(one: MetricComparison) -> "Text":
    from rich.text import Text

    return Text(f"{wording.MARKS[one.verdict]} {one.verdict}", style=_STYLES[one.verdict])


def _print_slices(comparison: Comparison) -> None:
    rows = wording.ranked_slices(comparison)
    found = [row for row in rows if row[1].verdict in ("regressed", "improved")]
    if not rows:
        return
    console = output()
    counted = wording.counts([one.verdict for _, one in rows])
    console.print(
        f"\n{len(comparison.slices)} slices × {len(comparison.metrics)} metrics: {counted}"
    )
    if not found:
        return
    listing = Table(
        "~slice", "~metric", "?>n", ">baseline", ">current", ">delta", ">adj. p", "verdict"
    )
    for label, one in found[:_MOST_SLICES]:
        listing.add_row(
            wording.flat(label, 28),
            wording.flat(one.metric.name, 20),
            str(one.test.n),
            wording.value(one.metric, one.baseline),
            wording.value(one.metric, one.current),
            wording.delta(one.metric, one.test.delta),
            wording.p_value(one.p_adjusted),
            _verdict(one),
        )
    listing.print()
    if len(found) > _MOST_SLICES:
        console.print(f"… and {len(found) - _MOST_SLICES} more: --output FILE.html", style="dim")


def _print_usage(comparison: Comparison) -> None:
    console, usage = output(), comparison.usage
    listing = Table("a sample", ">baseline", ">current", ">change", "?>interval")
    for name, taken in usage.quantities.items():
        listing.add_row(
            wording.QUANTITY_NAMES[name],
            wording.amount(name, taken.baseline),
            wording.amount(name, taken.current),
            wording.change(taken),
            wording.change_interval(taken),
        )
    console.print()
    listing.print()
    before, after = wording.latency(usage.baseline_latency), wording.latency(usage.current_latency)
    console.print(f"latency: {before}; now {after}")


def _print_differences(differences: Iterable[Difference]) -> None:
    console, shown = output(), list(wording.shown_differences(differences))
    if shown:
        console.print()
    for one in shown:
        console.print(f"{one.field}: {one.baseline} → {one.current}")


def _print_samples(compared: Compared, db: str | None) -> None:
    changes, current = compared.comparison.changes, compared.comparison.current
    console = output()
    for word, shown, everything in (
        ("failing", compared.newly_failing, changes.newly_failing),
        ("passing", compared.newly_passing, changes.newly_passing),
    ):
        console.print(f"\n{len(everything)} newly {word}", style="bold")
        for one in shown[:5]:
            _print_sample(one)
        if len(everything) > 5:
            console.print(f"  … {len(everything) - 5} more: --output FILE.html", style="dim")
    _print_unstable(changes)
    some = [*compared.newly_failing, *compared.newly_passing]
    if some:
        name = wording.flat(some[0].sample.id, 60)
        closer = command("show", current.run_id, "--sample", name, db=db)
        console.print(f"\nlook closer: {closer}", style="dim", soft_wrap=True)


def _print_unstable(changes: Changes) -> None:
    metric, unstable = changes.metric, changes.unstable
    if metric is None or not unstable:
        return
    console = output()
    console.print(f"\n{len(unstable)} unstable", style="bold")
    for one in unstable[:5]:
        before, after = wording.tries(metric, one)
        console.print(f"  {wording.flat(one.id, 60)}  {metric.name} {before} → {after}")
    if len(unstable) > 5:
        console.print(f"  … {len(unstable) - 5} more: --output FILE.html", style="dim")


def _print_sample(one: BothReplies) -> None:
    from rich.text import Text

    console = output()
    room = min(_MOST_TEXT, max(_LEAST_TEXT, console.width - len("    expected  ")))
    slice_name = f" · {wording.flat(one.slice, 40)}" if one.slice else ""
    console.print(f"  {wording.flat(one.sample.id, 60)}{slice_name}", style="bold")
    if one.question:
        console.print(f"    asked     {wording.flat(one.question, room)}")
    console.print(f"    expected  {wording.flat(one.expected, room)}")
    pieces = shortened(word_diff(one.baseline, one.current), 240)
    if (
        apart(pieces) or console.color_system is None
    ):  # without colours the words would run together
        console.print(f"    was       {wording.flat(one.baseline, room)}")
        console.print(f"    now       {wording.flat(one.current, room)}")
        return
    reply = Text("    reply     ")
    for kind, text in pieces:
        reply.append(wording.visible(text).replace("\n", " "), style=_PIECES[kind])
    console.print(reply)
