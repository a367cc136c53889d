"""Options that several commands share, and how their values are read."""

import argparse
import math
from datetime import UTC, datetime, timedelta


def add_db(parser: argparse.ArgumentParser) -> None:
    """`--db URL`."""
    parser.add_argument(
        "--db",
        metavar="URL",
        help="run database: FILE, sqlite:///FILE or postgresql://… "
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


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}")
    return value


def not_negative(text: str) -> float:
    """A finite number of at least 0."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {text!r}")
    return value


def tag(text: str) -> tuple[str, str]:
    """`K=V`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"must look like KEY=VALUE, got {text!r}")
    return key, value


_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Seconds: a number, or one with a unit: `90`, `90s`, `15m`, `2h`, `7d`."""
    digits, unit = (text[:-1], _UNITS_S[text[-1]]) if text[-1:] in _UNITS_S else (text, 1.0)
    try:
        seconds = number(digits) * unit
    except argparse.ArgumentTypeError:
        message = f"must look like 90, 90s, 15m, 2h or 7d, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"must be more than 0, got {text!r}")
    return seconds


def since(text: str) -> str:
    """ISO 8601 in UTC, from a date, a time or a duration before now."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.now(UTC) - timedelta(seconds=duration(text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="seconds")


_UNITS_BYTES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text: str) -> int:
    """Bytes: a number, or one with a unit: `4096`, `500M`, `2G`."""
    unit = _UNITS_BYTES.get(text[-1:].upper(), 0)
    try:
        return int(not_negative(text[:-1] if unit else text) * (unit or 1))
    except argparse.ArgumentTypeError:
        message = f"must look like 4096, 500M or 2G, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
