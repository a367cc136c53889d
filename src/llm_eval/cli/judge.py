"""`llm-eval judge`: how far a judge can be trusted.

llm-eval judge calibrate RUN [--metric NAME]                  a judged run with labels
llm-eval judge calibrate data/labels/FILE.jsonl --judge-model SPEC     labelled replies
llm-eval judge pairwise RUN RUN --judge-model SPEC            which run's replies are better
llm-eval judge rubrics                                        the presets
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from llm_eval.cli import pairwise
from llm_eval.cli.calibration_report import print_calibration
from llm_eval.cli.database import open_storage
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, notes, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics.labels import Calibration
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.review.calibrated import relied_on
from llm_eval.review.calibration import calibrate
from llm_eval.review.items import judge_of, rubric_of
from llm_eval.review.labelled_run import judge_replies, read_replies
from llm_eval.review.next_labels import suggest
from llm_eval.review.probes import probe
from llm_eval.scorers.rubric import load_rubric, preset_names


def execute(args: argparse.Namespace) -> int:
    """Calibrate and remember it, set runs against each other, or list the rubrics."""
    if args.action == "rubrics":
        return _rubrics(args)
    if args.action == "pairwise":
        return pairwise.execute(args)
    with open_storage(args, existing=not _is_file(args.run)) as storage:
        return _calibrate(args, storage)


def _calibrate(args: argparse.Namespace, storage: MetricsStorage) -> int:
    info = storage.get_run(_run_of(args, storage))
    metric = args.metric
    judge_of(info, metric)  # which judge is meant, before anything is read or asked
    rubric = rubric_of(info, args.rubric, metric)
    rng = np.random.default_rng(args.seed)
    report = calibrate(storage, info, rubric, rng=rng, rater=args.rater, metric=metric)
    if args.probe:
        report["probes"] = probe(storage, info, rubric, args.probe, judge_model=args.judge_model)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    storage.labels.put_calibration(Calibration(report["judge"], now, info.run_id, report))
    known = storage.labels.calibrations(report["judge"])
    report["gate_relies_on"] = [list(one.raters) for one in relied_on(known)]
    if args.next:
        report["next"] = suggest(storage, info, rubric, args.next, seed=args.seed, metric=metric)
    write_json(report) if args.json else print_calibration(report)
    return 0


def _is_file(run: str) -> bool:
    return run.endswith(".jsonl")


def _run_of(args: argparse.Namespace, storage: MetricsStorage) -> str:
    """The run that is named, or the one made of a file of labelled replies."""
    if not _is_file(args.run):
        return str(args.run)
    if args.judge_model is None:
        raise ConfigError(f"{args.run}: name who grades these replies with --judge-model SPEC")

    evaluation = judge_replies(read_replies(Path(args.run)), args.judge_model, storage)
    notes().print(f"graded as {evaluation.run_id}")
    return evaluation.run_id


def _rubrics(args: argparse.Namespace) -> int:
    rubrics = [load_rubric(name) for name in preset_names()]
    if args.json:
        write_json(rubrics)
        return 0
    listing = Table("rubric", "needs", "&")
    for rubric in rubrics:
        listing.add_row(rubric.name, rubric.reference, clean(rubric.description))
    listing.print()
    return 0
