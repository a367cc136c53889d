"""Options that several commands share, and how their values are read."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_eval.metrics.storage import MetricsStorage


def add_db(parser: argparse.ArgumentParser) -> None:
    """`--db URL`."""
    parser.add_argument(
        "--db",
        metavar="URL",
        help="run database: sqlite:///FILE or postgresql://… "
        "(default: $LLM_EVAL_DB, else sqlite:///.llm_eval/runs.db)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output"
    )


def add_metric(parser: argparse.ArgumentParser) -> None:
    """Which of a run's judges: `--metric`."""
    help_text = "of several judges the one that gives NAME, its headline metric"
    parser.add_argument("--metric", metavar="NAME", help=help_text)


def add_judge(parser: argparse.ArgumentParser) -> None:
    """How a judge grades: `--rubric`, `--judge-samples`, `--judge-panel`."""
    add = parser.add_argument
    add("--rubric", metavar="RUBRIC", help="what the judge grades by: a preset or a YAML file")
    add("--judge-samples", type=positive, metavar="K", help="draw K verdicts of each judge a reply")
    add(
        "--judge-panel",
        choices=("mean", "median", "majority"),
        help="how several judges decide (default: mean)",
    )


def open_storage(args: argparse.Namespace, *, existing: bool = False) -> "MetricsStorage":
    """The database that `--db` names; `existing`: it must be there, as for whoever only reads."""
    from llm_eval.metrics.engine import require_database
    from llm_eval.metrics.storage import MetricsStorage

    if existing:
        require_database(args.db)
    return MetricsStorage(args.db)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def tag(text: str) -> tuple[str, str]:
    """`K=V`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"must look like KEY=VALUE, got {text!r}")
    return key, value


_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Seconds: a number, or one with a unit: `90`, `90s`, `15m`, `2h`, `7d`."""
    number, unit = (text[:-1], _UNITS_S[text[-1]]) if text[-1:] in _UNITS_S else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        message = f"must look like 90, 90s, 15m, 2h or 7d, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"must be more than 0, got {text!r}")
    return seconds


_UNITS_BYTES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text: str) -> int:
    """Bytes: a number, or one with a unit: `4096`, `500M`, `2G`."""
    unit = _UNITS_BYTES.get(text[-1:].upper(), 0)
    try:
        number = float(text[:-1] if unit else text)
    except ValueError:
        message = f"must look like 4096, 500M or 2G, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {text!r}")
    return int(number * (unit or 1))
