"""Arguments of `llm-eval compare`."""

import argparse
from pathlib import Path

from llm_eval.cli.arguments import options
from llm_eval.compare.choices import DEFAULT_ALPHA, DEFAULT_MARGIN, FORMATS


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


_ENDINGS = ", ".join(FORMATS)


def _report_file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"must end in {_ENDINGS}, got {text!r}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no directory {str(path.parent)!r}")
    return path


def _alpha(text: str) -> float:
    number = options.number(text)
    if not 0 < number < 0.5:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 0.5, got {text!r}")
    return number


def _margin(text: str) -> float:
    number = options.number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and less than 1, got {text!r}")
    return number
