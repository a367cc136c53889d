"""`llm-eval judge`: how far a judge can be trusted.

llm-eval judge calibrate RUN [--metric NAME]                  a judged run with labels
llm-eval judge calibrate data/labels/FILE.jsonl --judge-model SPEC     labelled replies
llm-eval judge pairwise RUN RUN --judge-model SPEC            which run's replies are better
llm-eval judge rubrics                                        the presets
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from llm_eval.cli import options, pairwise
from llm_eval.cli.terminal import clean, notes, output, table, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics.storage import MetricsStorage


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `judge`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    calibrate = actions.add_parser("calibrate", help="compare a judge with people")
    add = calibrate.add_argument
    add("run", metavar="RUN|FILE", help="a judged run, or a .jsonl of labelled replies")
    add("--judge-model", metavar="SPEC", help="with FILE: who grades the replies")
    add("--rubric", metavar="RUBRIC", help="a preset or a YAML file (default: the run's)")
    options.add_metric(calibrate)
    add("--rater", metavar="NAME", help="only this one's labels")
    add("--next", type=options.positive, metavar="N", help="name N replies to label next")
    add(
        "--probe",
        type=options.positive,
        metavar="N",
        help="also ask the judge about N replies: pairs in both orders, and each several times",
    )
    add("--seed", type=int, default=0, metavar="S", help="of resampling and draws")
    options.add_db(calibrate)
    options.add_json(calibrate)
    pairwise.configure(actions.add_parser("pairwise", help="set runs against each other"))
    rubrics = actions.add_parser("rubrics", help="list the presets")
    options.add_json(rubrics)


def execute(args: argparse.Namespace) -> int:
    """Calibrate and remember it, set runs against each other, or list the rubrics."""
    if args.action == "rubrics":
        return _rubrics(args)
    if args.action == "pairwise":
        return pairwise.execute(args)
    with options.open_storage(args) as storage:
        return _calibrate(args, storage)


def _calibrate(args: argparse.Namespace, storage: MetricsStorage) -> int:
    import numpy as np

    from llm_eval.cli.calibration_report import print_calibration
    from llm_eval.metrics.labels import Calibration
    from llm_eval.review.calibration import calibrate
    from llm_eval.review.items import judge_of, rubric_of
    from llm_eval.review.next_labels import suggest
    from llm_eval.review.probes import probe

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
    if args.next:
        report["next"] = suggest(storage, info, rubric, args.next, seed=args.seed, metric=metric)
    write_json(report) if args.json else print_calibration(report)
    return 0


def _run_of(args: argparse.Namespace, storage: MetricsStorage) -> str:
    """The run that is named, or the one made of a file of labelled replies."""
    if not args.run.endswith(".jsonl"):
        return str(args.run)
    if args.judge_model is None:
        raise ConfigError(f"{args.run}: name who grades these replies with --judge-model SPEC")
    from llm_eval.review.labelled_run import judge_replies, read_replies

    evaluation = judge_replies(read_replies(Path(args.run)), args.judge_model, storage)
    notes().print(f"graded as {evaluation.run_id}")
    return evaluation.run_id


def _rubrics(args: argparse.Namespace) -> int:
    from llm_eval.scorers.rubric import load_rubric, preset_names

    rubrics = [load_rubric(name) for name in preset_names()]
    if args.json:
        write_json(rubrics)
        return 0
    listing = table("rubric", "needs", "")
    listing.columns[-1].no_wrap = False  # a name must stay whole, to be typed
    for rubric in rubrics:
        listing.add_row(rubric.name, rubric.reference, clean(rubric.description))
    output().print(listing)
    return 0
