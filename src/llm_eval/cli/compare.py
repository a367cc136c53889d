"""`llm-eval compare`: is the change worse? Runs against a baseline, sample by sample."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_eval.cli import options
from llm_eval.cli.comparison import print_report
from llm_eval.cli.terminal import notes
from llm_eval.compare.comparison import DEFAULT_ALPHA, DEFAULT_MARGIN, Comparison, compare_runs
from llm_eval.compare.report import (
    FORMATS,
    build_report,
    json_text,
    pretty_json,
    write_report,
)
from llm_eval.errors import IncomparableError
from llm_eval.types import RunInfo


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `compare`."""
    add = parser.add_argument
    run = "run id, a unique beginning of one, `latest`, a tag K=V, or the name of a baseline"
    add("baseline", metavar="BASELINE", help=f"what the change is measured against: {run}")
    add("current", metavar="CURRENT", nargs="+", help="the change; several are tabled together")
    add("--output", type=_report_file, metavar="FILE", help=f"write a report: {_ENDINGS}")
    add("--fail-on-regression", action="store_true", help="exit code 1 if anything regressed, 4 if "
        "the current run lacks what a verdict needs")  # fmt: skip
    add("--fail-on-inconclusive", action="store_true", help="exit code 3 if nothing regressed, but "
        "a metric has too few samples to tell")  # fmt: skip
    add("--allow", action="append", default=[], metavar="FIELD",
        help="compare although it differs: dataset, prompt, scorers, judge, …")  # fmt: skip
    add("--alpha", type=_alpha, default=DEFAULT_ALPHA, metavar="A",
        help=f"two-sided error rate of all metrics (default: {DEFAULT_ALPHA})")  # fmt: skip
    add("--margin", type=_margin, default=DEFAULT_MARGIN, metavar="M",
        help="largest difference that nobody minds, as a share of the metric's range "
        f"(default: {DEFAULT_MARGIN})")  # fmt: skip
    add("--samples", type=options.positive, default=10, metavar="N",
        help="show at most N newly failing and N newly passing samples (10)")  # fmt: skip
    options.add_db(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Print the comparison, write the report; the exit code follows the verdict if asked to."""
    with options.open_storage(args, existing=True) as storage:
        baseline = storage.get_run(args.baseline)
        currents = [storage.get_run(ref) for ref in args.current]
        try:
            comparisons = compare_runs(
                storage,
                baseline,
                currents,
                alpha=args.alpha,
                margin=args.margin,
                allow=args.allow,
            )
        except IncomparableError as exc:
            if args.json:
                _print_json(pretty_json(_refused(baseline, currents, exc)))
            raise
        report = build_report(storage, comparisons, samples=args.samples)
    if args.json:
        _print_json(json_text(report))
    else:
        print_report(report)
    if args.output is not None:
        write_report(report, args.output)
        notes().print(f"written: {args.output}")
    return exit_code(comparisons, args)


def exit_code(comparisons: Sequence[Comparison], args: argparse.Namespace) -> int:
    """The exit code ★: 1 regressed, 4 incomplete, 3 inconclusive; each where it is asked for."""
    if args.fail_on_regression:
        if any(comparison.regressed for comparison in comparisons):
            return 1
        if any(comparison.incomplete for comparison in comparisons):
            return 4
    undecided = any(comparison.verdict == "inconclusive" for comparison in comparisons)
    return 3 if args.fail_on_inconclusive and undecided else 0


def _refused(
    baseline: RunInfo, currents: Sequence[RunInfo], exc: IncomparableError
) -> dict[str, Any]:
    return {
        "baseline": baseline.run_id,
        "current": " ".join(run.run_id for run in currents),
        "comparable": False,
        "reason": str(exc),
        "metrics": {},
        "newly_failing": [],
        "newly_passing": [],
    }


def _print_json(text: str) -> None:
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


_ENDINGS = ", ".join(FORMATS)


def _report_file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"must end in {_ENDINGS}, got {text!r}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no directory {str(path.parent)!r}")
    return path


def _alpha(text: str) -> float:
    number = _number(text)
    if not 0 < number < 0.5:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 0.5, got {text!r}")
    return number


def _margin(text: str) -> float:
    number = _number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and less than 1, got {text!r}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None
