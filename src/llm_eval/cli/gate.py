"""`llm-eval gate`: hold a run against the rules of a thresholds file."""

import argparse
from pathlib import Path

from llm_eval.ci import annotations, job_summary, junit, sarif
from llm_eval.ci.baseline_file import find_baseline
from llm_eval.ci.evidence import Evidence, from_storage
from llm_eval.ci.gate_report import GateReport, RuleResult
from llm_eval.ci.stored_gate import check_stored
from llm_eval.ci.thresholds import Thresholds, load_thresholds
from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.errors import ConfigError, EvalError
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.storage import MetricsStorage

_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "incomplete": "magenta"}


def execute(args: argparse.Namespace) -> int:
    """0 pass · 1 fail · 2 cannot be compared · 3 inconclusive · 4 incomplete."""
    try:
        report = _report(args)
    except EvalError as exc:
        if args.annotations:
            _announce([annotations.of_error(str(exc))], args)
        raise
    if args.json:
        write_json(report.to_dict())
    else:
        print_report(report)
    if args.annotations:
        _announce(annotations.lines(report), args)
    for file, text in (
        (args.junit, junit.document(report) if args.junit else ""),
        (args.sarif, sarif.document(report) if args.sarif else ""),
    ):
        if file is not None:
            _write(file, text)
    if args.summary is not None:
        _append(args.summary, job_summary.markdown(report))
    return report.exit_code


def print_report(report: GateReport) -> None:
    """The verdict and, for each rule, what was observed, the limit and why."""
    console = output()
    for result in report.results:
        _print_rule(result)
    for rule in report.skipped:
        console.print(clean(f"{'skipped':12}  {rule.id}: about another task"), style="dim")
    console.print()
    console.print(clean(headline(report)), style=_STYLES[report.status], soft_wrap=True)


def headline(report: GateReport) -> str:
    """`fail: 1 of 4 rules stops it (run_…, compared with run_…)`."""
    blocking = [result for result in report.results if result.tier == "block"]
    stopping = sum(result.stops for result in blocking)
    against = f", compared with {report.baseline.run_id}" if report.baseline else ""
    n = len(report.results)
    rules = f"{n} rule{'' if n == 1 else 's'}"
    counted = f"{stopping} of {rules} stop{'s' if stopping == 1 else ''} it" if stopping else rules
    if not blocking:
        counted += ", none of which blocks"
    return f"{report.status}: {counted} ({report.current.run_id}{against})"


def _print_rule(result: RuleResult) -> None:
    console = output()
    tier = "" if result.tier == "block" else f"  ({result.tier})"
    console.print(clean(f"{result.status:12}  {result.id}{tier}"), style=_STYLES[result.status])
    place = "" if result.status == "pass" else f"{result.place}: "
    console.print(clean(f"{'':14}{place}{result.finding.reason}"), soft_wrap=True)


def _report(args: argparse.Namespace) -> GateReport:
    thresholds = load_thresholds(args.thresholds)
    with open_storage(args, existing=True) as storage:
        current = from_storage(storage, args.current)
        baseline = _baseline(args.baseline, thresholds, current, storage)
        return check_stored(storage, thresholds, current, baseline, allow=args.allow)


def _baseline(
    given: str | None, thresholds: Thresholds, current: Evidence, storage: MetricsStorage
) -> Evidence | None:
    ref = given or thresholds.baseline
    if ref is None:
        return None
    file, _, name = ref.partition("#")
    if not file.endswith(".json"):
        return from_storage(storage, ref)
    path = Path(file) if given else thresholds.resolve(file)
    return find_baseline(path, name or None, current.task).evidence


def _announce(lines: list[str], args: argparse.Namespace) -> None:
    """Runners read workflow commands from either stream; with --json standard output is taken."""
    console = notes() if args.json else output()
    for line in lines:
        console.print(line, soft_wrap=True)


def _write(path: Path, text: str) -> None:
    with replacing(path) as stream:
        stream.write(text.encode())


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written: {exc.strerror}") from exc
