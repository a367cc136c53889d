"""`llm-eval export`: stored runs as files for other tools."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from llm_eval.cli.arguments.export import TRACKERS
from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import notes
from llm_eval.errors import ConfigError
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.export_rows import Selection, chosen_runs
from llm_eval.metrics.exporters import EXPORTERS
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.registry import nearest
from llm_eval.types import RunInfo

Writer = Callable[[BinaryIO], int]


UNITS = {"html": "run", "prometheus": "run", "junit": "case", "model-index": "result"}
"""What a format counts, where it is not rows."""


def execute(args: argparse.Namespace) -> int:
    """Write the file; 0 when it is whole."""
    with open_storage(args, existing=True) as storage:
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


def _selection(args: argparse.Namespace) -> Selection:
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


def _writer(args: argparse.Namespace, storage: MetricsStorage) -> Writer:
    """What writes the file, once all that can be refused is refused."""
    if args.format in EXPORTERS:
        _check_slice(args.slice, storage, _chosen_runs(args, storage))
        exporter = EXPORTERS[args.format](storage)
        return partial(exporter.write, table=args.table, chosen=_selection(args))
    return _document(args.format, storage, _whole_runs(args, storage))


def _check_slice(label: str | None, storage: MetricsStorage, infos: list[RunInfo]) -> None:
    """Refuse a slice that none of the runs has, before a byte is written."""
    if label is None:
        return
    known = {name for info in infos for name in storage.slice_names(info.run_id)}
    if label not in known:
        raise ConfigError(f"no chosen run has slice {label!r}; {nearest(label, known)}")


def _whole_runs(args: argparse.Namespace, storage: MetricsStorage) -> list[RunInfo]:
    """The chosen runs, for what is made of whole ones: a filter that would be ignored is refused.

    Raises:
        ConfigError: as said, or no run fits.
    """
    given = [flag for flag in ("slice", "failures") if getattr(args, flag)]
    if given:
        raise ConfigError(f"--{given[0]} narrows csv, jsonl and parquet, not {args.format}")
    return _chosen_runs(args, storage)


def _chosen_runs(args: argparse.Namespace, storage: MetricsStorage) -> list[RunInfo]:
    infos = chosen_runs(storage, _selection(args))
    if not infos:
        storage.check_filters(task=args.task, model=args.model, tag=args.tag)
        raise ConfigError(f"no run fits; llm-eval runs --db {storage.url} lists them")
    return infos


def _push(args: argparse.Namespace, storage: MetricsStorage) -> int:
    """Send metrics to a Pushgateway."""
    if args.format != "prometheus":
        raise ConfigError("--output takes a URL only with --format prometheus: a Pushgateway")
    from llm_eval.report.textfile import push

    return _told(args.output, push(storage, _whole_runs(args, storage), args.output))


def _track(args: argparse.Namespace, storage: MetricsStorage) -> int:
    """Bring an experiment tracker up to date."""
    if args.format == "mlflow":
        from llm_eval.report.mlflow_sink import write_mlflow as write
    else:
        from llm_eval.report.wandb_sink import write_wandb as write
    return _told(args.output, write(storage, _whole_runs(args, storage), args.output))


def _told(output: str, n_runs: int) -> int:
    notes().print(f"{output}: {n_runs:,} {'run' if n_runs == 1 else 'runs'}")
    return 0


def _document(kind: str, storage: MetricsStorage, infos: list[RunInfo]) -> Writer:
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
