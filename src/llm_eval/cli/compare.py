"""`llm-eval compare`: is the change worse? Runs against a baseline, sample by sample."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from llm_eval.cli.comparison import print_report
from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import notes
from llm_eval.compare.comparison import Comparison, compare_runs
from llm_eval.compare.report import (
    build_report,
    json_text,
    pretty_json,
    write_report,
)
from llm_eval.errors import IncomparableError
from llm_eval.types import RunInfo


def execute(args: argparse.Namespace) -> int:
    """Print the comparison, write the report; the exit code follows the verdict if asked to."""
    with open_storage(args, existing=True) as storage:
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
        print_report(report, db=args.db)
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
