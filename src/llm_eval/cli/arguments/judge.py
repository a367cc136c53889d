"""Arguments of `llm-eval judge`."""

import argparse

from llm_eval.cli.arguments import options, pairwise


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
