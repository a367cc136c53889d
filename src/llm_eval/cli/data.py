"""`llm-eval data`: prove that data sets are fit, rebuild them, look for leaks."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, output, write_json
from llm_eval.data_check import DIRECTORIES, Report, check, summary, text_of
from llm_eval.datasets.contamination import find_overlaps
from llm_eval.datasets.generate.json_extraction import write as write_json_extraction
from llm_eval.datasets.generate.qa import write as write_qa
from llm_eval.datasets.load import load_rows
from llm_eval.datasets.splits import data_path
from llm_eval.errors import ConfigError
from llm_eval.tasks.build import build_task

_SHOWN = 20


def execute(args: argparse.Namespace) -> int:
    """Do it; 1 where something was found."""
    actions = {"validate": _validate, "generate": _generate, "check-contamination": _contamination}
    return actions[args.action](args)


def _validate(args: argparse.Namespace) -> int:
    reports = [check(build_task(name)) for name in args.tasks or DIRECTORIES]
    if args.json:
        write_json([summary(report) for report in reports])
    else:
        for report in reports:
            _print(report)
    return int(any(report.findings for report in reports))


def _print(report: Report) -> None:
    rows = ", ".join(f"{n:,} {split}" for split, n in report.n_rows.items())
    mark = "ok" if not report.findings else f"{len(report.findings)} findings"
    output().print(clean(f"{report.task}: {rows}: {mark}"), style="bold")
    if report.findings:
        listing = Table("check", "~row", "&finding")
        for finding in report.findings[:_SHOWN]:
            listing.add_row(finding.check, clean(finding.where), clean(finding.message))
        listing.print()
    if len(report.findings) > _SHOWN:
        output().print(f"… and {len(report.findings) - _SHOWN} more: --json", style="dim")


def _generate(args: argparse.Namespace) -> int:
    writers: dict[str, Callable[[Path], object]] = {
        "json": write_json_extraction,
        "qa": lambda directory: write_qa(data_path("facts"), directory),
    }
    for name in args.tasks or writers:
        if name not in writers:
            raise ConfigError(
                f"data of task {name!r} is not generated; known: {', '.join(writers)}"
            )
        directory = args.out / DIRECTORIES[name]
        try:
            writers[name](directory)
        except OSError as exc:
            raise ConfigError(f"{directory}: cannot be written: {exc.strerror}") from exc
        output().print(f"wrote {directory}")
    return 0


def _contamination(args: argparse.Namespace) -> int:
    task = build_task(args.task)
    task.check_split(args.split)
    held = {sample.id: text_of(sample) for sample in task.samples(args.split)}
    seen = {row.place: _all_text(row.values) for row in load_rows(args.against)}
    overlaps = find_overlaps(seen, held, n=args.n, threshold=args.threshold)
    if args.json:
        write_json(
            {
                "task": args.task,
                "split": args.split,
                "n": len(held),
                "overlaps": [overlap._asdict() for overlap in overlaps],
            }
        )
        return int(bool(overlaps))
    for overlap in overlaps[:_SHOWN]:
        output().print(clean(f"{overlap.held}: {overlap.share:.0%} seen, most in {overlap.seen}"))
    output().print(f"{len(overlaps)} of {len(held)} rows of {args.split} were seen", style="bold")
    return int(bool(overlaps))


def _all_text(value: Any) -> str:
    """Every string in a row, at any depth."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(map(_all_text, value.values()))
    return "\n".join(map(_all_text, value)) if isinstance(value, Sequence) else ""
