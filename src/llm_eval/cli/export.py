"""`llm-eval export`: stored runs as files for other tools."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from llm_eval.cli import options
from llm_eval.cli.terminal import notes
from llm_eval.errors import ConfigError

if TYPE_CHECKING:
    from llm_eval.metrics.export_rows import Selection
    from llm_eval.metrics.exporters import Exporter, TableName
    from llm_eval.metrics.storage import MetricsStorage
    from llm_eval.types import RunInfo

    Writer = Callable[[BinaryIO], int]

TABLES = ("samples", "scores", "summary")
TRACKERS = ("mlflow", "wandb")
FORMATS = ("csv", "jsonl", "parquet", "html", "prometheus", "junit", "model-index", *TRACKERS)

UNITS = {"html": "run", "prometheus": "run", "junit": "case", "model-index": "result"}
"""What a format counts, where it is not rows."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `export`."""
    add = parser.add_argument
    add("runs", nargs="*", metavar="RUN", help="run ids, `latest`, tags K=V (default: all runs)")
    add("--format", required=True, choices=FORMATS, help="what to write")
    add(
        "--output",
        required=True,
        metavar="PATH",
        help="the file, `-` for standard output; a Pushgateway's or MLflow's URL, W&B's PROJECT",
    )
    add("--table", choices=TABLES, default="samples", help="rows of csv, jsonl, parquet (samples)")
    add("--task", metavar="TASK", help="only runs of this task")
    add("--model", metavar="SPEC", help="only runs of this model")
    add("--tag", type=options.tag, metavar="K=V", help="only runs with this tag")
    add("--since", type=since, metavar="TIME", help="only runs since 2026-01-31, 2h or 7d")
    add("--limit", type=options.positive, metavar="N", help="only the newest N runs")
    add("--slice", metavar="S", help="only samples of this slice")
    add("--failures", action="store_true", help="only samples that did not get the best score")
    options.add_db(parser)


def execute(args: argparse.Namespace) -> int:
    """Write the file; 0 when it is whole."""
    from llm_eval.metrics.atomic_file import replacing

    with options.open_storage(args, existing=True) as storage:
        if args.format in TRACKERS:
            return _track(args, storage)
        if args.output.startswith(("http://", "https://")):
            return _push(args, storage)
        write = _writer(args, storage)
        if args.output == "-":
            write(sys.stdout.buffer)
            return 0
        with replacing(args.output) as stream:
            n = write(stream)
        unit = UNITS.get(args.format, "row")
        notes().print(f"{args.output}: {n:,} {unit if n == 1 else f'{unit}s'}")
    return 0


def since(text: str) -> str:
    """ISO 8601 in UTC, from a date, a time or a duration before now."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.now(UTC) - timedelta(seconds=options.duration(text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _selection(args: argparse.Namespace) -> "Selection":
    from llm_eval.metrics.export_rows import Selection

    return Selection(
        runs=tuple(args.runs),
        task=args.task,
        model=args.model,
        tag=args.tag,
        since=args.since,
        limit=args.limit,
        slice=args.slice,
        failures=args.failures,
    )


def _writer(args: argparse.Namespace, storage: "MetricsStorage") -> "Writer":
    """What writes the file, once all that can be refused is refused."""
    from llm_eval.metrics.exporters import EXPORTERS

    if args.format in EXPORTERS:
        _chosen_runs(args, storage)
        return partial(_write_table, EXPORTERS[args.format](storage), args.table, _selection(args))
    return _document(args.format, storage, _whole_runs(args, storage))


def _write_table(
    exporter: "Exporter", table: "TableName", chosen: "Selection", stream: BinaryIO
) -> int:
    """Write it, unless it is empty because a slice is named that is not there."""
    from llm_eval.metrics.exporters import slices

    n = exporter.write(stream, table, chosen)
    if not n and chosen.slice is not None:
        known = slices(exporter.storage, table, chosen)
        if chosen.slice not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise ConfigError(f"no chosen run has the slice {chosen.slice!r}; {there}")
    return n


def _whole_runs(args: argparse.Namespace, storage: "MetricsStorage") -> "list[RunInfo]":
    """The chosen runs, for what is made of whole ones: a filter that would be ignored is refused.

    Raises:
        ConfigError: as said, or no run fits.
    """
    given = [flag for flag in ("slice", "failures") if getattr(args, flag)]
    if given:
        raise ConfigError(f"--{given[0]} narrows csv, jsonl and parquet, not {args.format}")
    return _chosen_runs(args, storage)


def _chosen_runs(args: argparse.Namespace, storage: "MetricsStorage") -> "list[RunInfo]":
    from llm_eval.metrics.export_rows import chosen_runs

    infos = chosen_runs(storage, _selection(args))
    if not infos:
        raise ConfigError(f"no run fits; llm-eval runs --db {storage.url} lists them")
    return infos


def _push(args: argparse.Namespace, storage: "MetricsStorage") -> int:
    """Send metrics to a Pushgateway."""
    if args.format != "prometheus":
        raise ConfigError("--output takes a URL only with --format prometheus: a Pushgateway")
    from llm_eval.report.textfile import push

    return _told(args.output, push(storage, _whole_runs(args, storage), args.output))


def _track(args: argparse.Namespace, storage: "MetricsStorage") -> int:
    """Bring an experiment tracker up to date."""
    if args.format == "mlflow":
        from llm_eval.report.mlflow_sink import write_mlflow as write
    else:
        from llm_eval.report.wandb_sink import write_wandb as write
    return _told(args.output, write(storage, _whole_runs(args, storage), args.output))


def _told(output: str, n_runs: int) -> int:
    notes().print(f"{output}: {n_runs:,} {'run' if n_runs == 1 else 'runs'}")
    return 0


def _document(kind: str, storage: "MetricsStorage", infos: "list[RunInfo]") -> "Writer":
    if kind == "html":
        from llm_eval.report.page import write_report

        if len(infos) > 1:
            raise ConfigError(f"a report is of one run, not {len(infos)}; name it, or say latest")
        return lambda stream: write_report(storage, infos[0], stream)
    if kind == "junit":
        from llm_eval.report.junit import write_junit

        return lambda stream: write_junit(storage, infos, stream)
    if kind == "model-index":
        from llm_eval.report.model_index import write_model_index

        return lambda stream: write_model_index(storage, infos, stream)
    from llm_eval.report.textfile import write_textfile

    return lambda stream: write_textfile(storage, infos, stream)
